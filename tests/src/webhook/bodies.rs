//! Random webhook bodies: known topics, types and members, with any values.
//!
//! Changing single bytes of a real body mostly breaks its JSON. Here the fuzzer's bytes become the
//! values instead, so every input reaches the descriptions and the shapes.

use mistgate_core::{event::Topic, notify::topics, webhook::envelope};
use serde_json::{Map, Number, Value, json};

use crate::base::bytes::Bytes;

/// Topics that have shapes of their own, and others.
const TOPICS: [&str; 12] = [
    "device-events",
    "alarms",
    "audits",
    "device-updowns",
    "mxedge-events",
    "ping",
    "location",
    "zone",
    "nac-events",
    "client-join",
    "occupancy-alerts",
    "never-heard-of",
];

/// The members that the descriptions use.
const MEMBERS: [&str; 72] = [
    "device_name",
    "site_name",
    "text",
    "reason",
    "mac",
    "ap",
    "ap_name",
    "device_type",
    "timestamp",
    "site_id",
    "org_id",
    "admin_name",
    "message",
    "before",
    "after",
    "details",
    "severity",
    "group",
    "count",
    "aps",
    "hostnames",
    "switches",
    "gateways",
    "ssid",
    "ssids",
    "bssids",
    "port_id",
    "port_ids",
    "mxedge_id",
    "mxedge_name",
    "mxcluster_id",
    "component",
    "reasons",
    "status",
    "suggestion",
    "root_cause",
    "impacted_entities",
    "entity_name",
    "entity_type",
    "entity_mac",
    "version",
    "from_version",
    "to_version",
    "apfw",
    "band",
    "channel",
    "usage",
    "vpn_name",
    "server",
    "old_server",
    "new_server",
    "vlans",
    "client",
    "username",
    "user_agent",
    "src_ip",
    "audit_id",
    "wlan_id",
    "wxtag_id",
    "id",
    "name",
    "type",
    "zone_name",
    "trigger",
    "x",
    "y",
    "current_occupancy",
    "occupancy_limit",
    "alert_events",
    "duration",
    "email_content",
    "marvis_alarm",
];

/// Values with a meaning for a chat, a JSON reader, a terminal, or mistgate.
const VALUES: [&str; 24] = [
    "",
    "5c5b35000001",
    "1752000000.5",
    "00000000-0000-0000-0000-000000000000",
    "978c48e6-6ef6-11e6-8bbf-02e208b2d34f",
    "Ann Example ann@example.net",
    "{\"status\":\"open\",\"action\":\"replace_cable\"}",
    "[{\"port_id\":\"ge-0/0/1\"}]",
    "<!channel> <@U1> <https://evil.example|x>",
    "*a* _b_ ~c~ `d` ```e```",
    "[a](http://evil.example) ![b](c) </at>",
    "<b>&lt;&amp;</b> &#42;",
    "{{DATE(2025-01-01T00:00:00Z)}} - 1. # >",
    "\u{202e}\u{2066}\u{0}\u{1b}[2J",
    "e\u{301}\u{301}\u{301}👩\u{200d}🚒",
    "ap",
    "switch",
    "gateway",
    "mxedge",
    "critical",
    "enter",
    "AP_CONNECTED",
    "9e999",
    "-1",
];

/// A webhook body: `data` itself if it is one, else a body made from it.
pub fn body(data: &[u8]) -> Vec<u8> {
    if envelope::parse(data).is_ok() {
        return data.to_vec();
    }
    let bytes = &mut Bytes::new(data);
    let topic = bytes.pick(&TOPICS);
    let mut events = Vec::new();
    while !bytes.is_empty() && events.len() < 8 {
        events.push(event(bytes, topic));
    }
    let body = json!({ "topic": topic, "events": events });
    serde_json::to_vec(&body).expect("a tree of texts and finite numbers is JSON")
}

fn event(bytes: &mut Bytes<'_>, topic: &str) -> Value {
    let mut members = Map::new();
    let topic = Topic::parse(topic.into());
    let kinds: Vec<_> = topics::types(&topic).map(|row| row.name).collect();
    if !kinds.is_empty() {
        members.insert("type".to_owned(), bytes.pick(&kinds).into());
    }
    for _ in 0..bytes.up_to(12) {
        let name = match bytes.chance(8) {
            true => bytes.text(20),
            false => bytes.pick(&MEMBERS).to_owned(),
        };
        members.insert(name, value(bytes, 3));
    }
    Value::Object(members)
}

fn value(bytes: &mut Bytes<'_>, depth_max: usize) -> Value {
    match bytes.up_to(if depth_max > 0 { 9 } else { 6 }) {
        0 | 1 => bytes.text(40).into(),
        2 => bytes.pick(&VALUES).into(),
        3 => bytes.number().into(),
        4 => Number::from_f64(f64::from_bits(bytes.number())).map_or(Value::Null, Value::Number),
        5 => bytes.pick(&[None, Some(true), Some(false)]).map_or(Value::Null, Value::Bool),
        6 => {
            let times = 1 << bytes.up_to(9);
            Value::String(bytes.text(12).repeat(times))
        }
        7 | 8 => (0..bytes.up_to(6)).map(|_| value(bytes, depth_max - 1)).collect(),
        _ => {
            let members = bytes.up_to(5);
            let member = |_| (bytes.pick(&MEMBERS).to_owned(), value(bytes, depth_max - 1));
            Value::Object((0..members).map(member).collect())
        }
    }
}
