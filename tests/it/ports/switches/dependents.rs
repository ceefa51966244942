//! What LLDP says of access points, for incidents.

use std::fs;

use mistgate_tests::webhook::mist::body;
use serde_json::{Value, json};

use super::{AP, SITE, SWITCH, Site, observe};

fn event(kind: &str, mac: &str, name: &str, class: &str) -> String {
    let event = json!({
        "type": kind, "mac": mac, "device_name": name, "device_type": class, "site_id": SITE,
        "site_name": "HQ",
    });
    body("device-events", &[event])
}

#[test]
fn an_access_point_behind_a_switch_that_is_down_is_not_told() {
    let site = Site::new(&observe());
    let config = fs::read_to_string(site.place.path().join("mistgate.toml")).expect("a file");
    let config = config.replace("\"*\" = \"drop\"", "AP_CONNECTED = \"drop\"");
    let rules = "[incidents]\nhold = \"1s\"\n";
    site.place
        .write("mistgate.toml", &config.replace("[chat.slack]", &format!("{rules}[chat.slack]")));
    let mistgate = site.place.start();
    site.plug();
    site.send_event(&mistgate, "AP_CONNECTED");
    mistgate.line("port_observed", 1);

    mistgate.accept(&event("AP_DISCONNECTED", AP, "Lobby", "ap"));
    mistgate.accept(&event("SW_DISCONNECTED", SWITCH, "access-1", "switch"));
    site.await_post(&["Switch disconnected", "access-1", "Also down behind it", "Lobby"]);
    let list: Value = serde_json::from_str(&mistgate.ask("/incidents").body).expect("JSON");
    let seen: Vec<_> = ["/incidents/0", "/incidents/1"]
        .map(|one| ["subject", "muted_by"].map(|name| list.pointer(&format!("{one}/{name}"))))
        .into();
    let (switch, ap) = (json!("access-1"), json!("Lobby"));
    let why = json!("access-1 is down");
    assert_eq!(seen, [[Some(&switch), Some(&Value::Null)], [Some(&ap), Some(&why)]], "{list:#}");

    mistgate.accept(&event("SW_CONNECTED", SWITCH, "access-1", "switch"));
    mistgate.until("the end of muting", |mistgate| {
        let list: Value = serde_json::from_str(&mistgate.ask("/incidents").body).expect("JSON");
        list.pointer("/count") == Some(&json!(1))
            && list.pointer("/incidents/0/muted_by") == Some(&Value::Null)
    });
    mistgate.stop();
}
