//! One access point on two ports of a switch, which both say so, as the access point itself does.

use super::{AP, ENFORCE, PORT, SWITCH, Site, text};
use crate::ports::mac;

const SECOND: &str = "ge-0/0/2";

/// What is changed by each rule when the access point comes, and what when it has gone.
#[test]
fn an_access_point_on_two_ports_gets_what_the_rule_says() {
    for (rule, expected) in [("both", &[PORT, SECOND][..]), ("first", &[PORT]), ("tell", &[])] {
        let site = Site::new(&format!("two_ports = \"{rule}\"\n{ENFORCE}"));
        let mistgate = site.place.start();
        let before = site.usage();
        site.plug();
        site.cloud.with(|organisation| assert!(organisation.plug_also(mac(AP), SECOND)));
        site.send_event(&mistgate, "AP_CONNECTED");
        let changed = |mode: &str| {
            let audit = site.audit("PORT_CHANGED");
            let changes = audit.iter().flat_map(|line| line.pointer("/changes"));
            let changes = changes.flat_map(|changes| changes.as_array().expect("a list"));
            let of = changes.filter(|change| text(change, "/mode") == mode);
            let mut ports: Vec<_> = of.map(|change| text(change, "/port").to_owned()).collect();
            ports.sort_unstable();
            ports
        };
        let usage = |port| site.cloud.with(|organisation| organisation.usage(mac(SWITCH), port));
        if expected.is_empty() {
            let line = mistgate.line("port_undecided", 1);
            assert_eq!(text(&line, "/reason"), "two_ports");
            site.await_post(&["more than one port sees the AP"]);
        }
        mistgate.until("the changes", |_| changed("ap") == expected);
        for port in [PORT, SECOND] {
            let wanted =
                if expected.contains(&port) { Some("ap".to_owned()) } else { before.clone() };
            assert_eq!(usage(port), wanted, "{rule}: {port}");
        }
        site.unplug();
        site.send_event(&mistgate, "AP_DISCONNECTED");
        mistgate.until("what is given back", |_| changed("default") == expected);
        assert!([PORT, SECOND].map(usage).iter().all(|usage| *usage == before), "{rule}");
        mistgate.stop();
        assert!(site.cloud.requests_of("PUT").len() <= 2 * expected.len(), "{rule}");
    }
}
