//! The same through CSO, which cannot tell whether an access point is connected, and not always
//! what a port is configured to.

use mistgate_tests::ports::cso::tenant::{PortConfig, Tenant};
use mistgate_tests::ports::cso::{Cso, say};
use serde_json::json;

use super::{AP, PORT, Site, text};

const PASSWORD: &str = "cso-pass-word";
const APPLY: &str = "/tssm/apply-port-config-association";

/// A simulated CSO, and the site of one of its switches.
struct Managed {
    cso: Cso,
    site: Site,
}

impl Managed {
    fn new() -> Self {
        let cso = Cso::open(Tenant::small()).expect("a loopback port");
        let site = Site::with_switch("sw-1.branch.ACME", "");
        site.place.write("cso-password", PASSWORD);
        site.configure(&format!(
            "mode = \"enforce\"\napprove_first = 0\nmethod = \"cso\"\n[ports.cso]\nurl = \"{}\"\n\
             tenant = \"ACME\"\nlogin = \"mesa@acme.example\"\npassword_file = \"cso-password\"\n\
             ap = {{ profile = \"generic-trunk\", native_vlan = 11 }}\n\
             default = {{ profile = \"generic-access\", vlan = 12 }}\n",
            cso.url()
        ));
        Self { cso, site }
    }

    fn port(&self) -> Option<PortConfig> {
        self.cso.with(|tenant| tenant.port("branch", PORT))
    }
}

#[test]
fn a_webhook_changes_the_port_and_gives_it_back() {
    let managed = Managed::new();
    let site = &managed.site;
    let mistgate = site.place.start();
    site.plug();
    site.send_event(&mistgate, "AP_CONNECTED");
    let line = mistgate.line("port_changed", 1);
    assert_eq!((text(&line, "/port"), text(&line, "/mode")), (PORT, "ap"));
    assert_eq!((text(&line, "/switch"), text(&line, "/ap")), ("sw-1.branch.ACME", AP));
    let (profile, vlans) = ("generic-trunk".to_owned(), vec![11, 12, 13]);
    assert_eq!(managed.port(), Some(PortConfig { profile, vlans, native: Some(11) }));
    site.await_post(&["Switch port changed", "profile generic-trunk, native VLAN 11", "Lobby"]);

    site.unplug();
    site.send_event(&mistgate, "AP_DISCONNECTED");
    let line = mistgate.line("port_changed", 2);
    assert_eq!((text(&line, "/port"), text(&line, "/mode")), (PORT, "default"));
    let profile = "generic-access".to_owned();
    assert_eq!(managed.port(), Some(PortConfig { profile, vlans: vec![12], native: None }));
    site.await_post(&["Switch port changed", "profile generic-access, VLAN 12", "Lobby"]);
    let journal = mistgate.stop();

    let audit = site.audit("PORT_CHANGED");
    let diffs: Vec<_> = audit.iter().map(|line| text(line, "/diff")).collect();
    let trunk = format!("{PORT}: profile generic-trunk, native VLAN 11");
    assert_eq!(diffs, [&trunk, &format!("{PORT}: profile generic-access, VLAN 12")]);
    for text in [journal, json!(audit).to_string(), format!("{:?}", site.chat.posts())] {
        for secret in [PASSWORD, "cso-session-"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
    assert_eq!(site.cloud.requests_of("PUT"), [], "Mist is asked, and not told");
}

#[test]
fn what_cso_refuses_is_told_in_its_words() {
    let managed = Managed::new();
    let Managed { cso, site } = &managed;
    cso.misbehave(APPLY, &[say(400, "{\"message\":\"the port is reserved\"}")]);
    let mistgate = site.place.start();
    site.plug();
    site.send_event(&mistgate, "AP_CONNECTED");
    let line = mistgate.line("port_stuck", 1);
    assert_eq!(text(&line, "/failure"), "rejected");
    assert_eq!(managed.port(), None);
    site.await_post(&["Switch port change given up", "the port is reserved"]);
    // The next event of the access point makes it try again.
    site.send_event(&mistgate, "AP_RESTARTED");
    let line = mistgate.line("port_changed", 1);
    assert_eq!(text(&line, "/reason"), "arrived");
    assert_eq!(managed.port().map(|port| port.profile).as_deref(), Some("generic-trunk"));
    mistgate.stop();
    let kinds = ["PORT_STUCK", "PORT_CHANGED"].map(|kind| site.audit(kind).len());
    assert_eq!(kinds, [1, 1]);
}
