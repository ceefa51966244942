//! What events and alarms of the same thing have in common.

use alloc::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::notify::Severity;
use crate::notify::types::condition::Condition;
use crate::notify::types::types;

const ORG: &str = "2818e386-8dec-2562-9ede-5b8a0fbbdc71";

/// The changes of an event of this organisation and site.
fn told(topic: Topic<'static>, members: &str) -> Vec<Change> {
    let site = r#""site_id":"4ac1dcf4-9d8b-7211-65c4-057819f0862b","site_name":"Site 1""#;
    let json = format!(r#"{{"org_id":"{ORG}",{site},"timestamp":1552408871,{members}}}"#);
    changes(&Event::parse(topic, &json).expect("an object"))
}

fn one(topic: Topic<'static>, members: &str) -> Change {
    let told = told(topic, members);
    let [change] = told.as_slice() else {
        panic!("{} changes of {members}", told.len());
    };
    change.clone()
}

fn condition(change: &Change) -> &'static str {
    change.kind.pair.expect("a condition").condition.name
}

fn subjects(changes: &[Change]) -> Vec<&str> {
    changes.iter().map(|change| change.subject.as_str()).collect()
}

#[test]
fn a_test_opens_no_incident() {
    let event = r#""type":"AP_DISCONNECTED","mac":"00005e005301""#;
    assert_eq!(told(Topic::DeviceEvents, event).len(), 1);
    let test = format!(r#"{event},"{SEND_TEST}":true"#);
    assert!(told(Topic::DeviceEvents, &test).is_empty());
}

/// The bodies are those of Mist's documentation, with one access point's MAC.
#[test]
fn an_outage_has_one_key_in_all_topics() {
    let event = r#""type":"AP_DISCONNECTED","ap":"5c5b35000001","device_type":"ap",
        "mac":"5c5b35000001","device_name":"AP41 Near Lab","ev_type":"NOTICE""#;
    let updown = r#""type":"AP_DISCONNECTED","ap":"5c:5b:35:00:00:01","ap_name":"AP01",
        "for_site":true"#;
    let alarm = r#""type":"device_down","severity":"warn","last_seen":1629753888,"count":1,
        "aps":["5c5b35000001"],"hostnames":["AP41 Near Lab"],"group":"infrastructure",
        "id":"f70c308f-7007-4866-9ecd-0d01842979ea""#;
    let event = one(Topic::DeviceEvents, event);
    let mac = Mac::parse("5c5b35000001");
    assert_eq!((event.mac, event.class), (mac, Some(DeviceClass::AccessPoint)));
    assert_eq!((event.subject.as_str(), condition(&event)), ("AP41 Near Lab", "device_down"));
    assert_eq!(event.site.as_deref(), Some("Site 1"));
    assert_eq!(event.org_id.as_deref(), Some(ORG));
    assert_eq!(event.at, Some(UnixTime::from_secs(1_552_408_871)));
    let alarm = one(Topic::Alarms, alarm);
    assert_eq!((alarm.mac, alarm.class, &alarm.subject), (mac, event.class, &event.subject));
    let long = r#""type":"AP_DISCONNECTED_LONG","mac":"5c5b35000001""#;
    for other in [alarm, one(Topic::DeviceUpdowns, updown), one(Topic::DeviceEvents, long)] {
        assert_eq!((other.key, other.is_raised), (event.key, true));
    }
    let back = one(Topic::DeviceEvents, r#""type":"AP_CONNECTED","mac":"5c5b35000001""#);
    assert_eq!((back.key, back.is_raised), (event.key, false));
    assert_eq!(back.subject, "5c:5b:35:00:00:01");
    let alarm = r#""type":"device_reconnected","aps":["5c5b35000001"]"#;
    assert_eq!(one(Topic::Alarms, alarm).key, event.key);
    let other = r#"{"type":"AP_DISCONNECTED","mac":"5c5b35000001","org_id":"o2"}"#;
    let other = changes(&Event::parse(Topic::DeviceEvents, other).expect("an object"));
    assert_ne!(other.first().map(|change| change.key), Some(event.key));
}

#[test]
fn an_alarm_of_three_devices_is_three_changes() {
    let alarm = r#""type":"device_down","aps":["5c5b35000001","5c5b35000002","5c5b35000003"],
        "hostnames":["a","b","c"]"#;
    let alarm = told(Topic::Alarms, alarm);
    assert_eq!(subjects(&alarm), ["a", "b", "c"]);
    for (number, change) in (1..).zip(&alarm) {
        let event = format!(r#""type":"AP_DISCONNECTED","mac":"5c5b3500000{number}""#);
        assert_eq!(change.key, one(Topic::DeviceEvents, &event).key);
    }
    let unnamed =
        r#""type":"switch_down","switches":["5c5b35000001","5c5b35000002"],"hostnames":["a"]"#;
    let unnamed = told(Topic::Alarms, unnamed);
    assert_eq!(subjects(&unnamed), ["5c:5b:35:00:00:01", "5c:5b:35:00:00:02"]);
}

#[test]
fn parts_of_a_device_are_matched_between_events_and_alarms() {
    let switch = r#""mac":"5c5b350000ff","device_name":"sw-1""#;
    let alarmed = r#""switches":["5c5b350000ff"],"hostnames":["sw-1"]"#;
    let gateway = r#""mac":"5c5b350000ff","device_name":"gw-1""#;
    let guarded = r#""gateways":["5c5b350000ff"],"hostnames":["gw-1"]"#;
    let edge = r#""mxedge_id":"00000000-0000-0000-1000-5c5b350000ff""#;
    let edges = r#""mxedges":["00000000-0000-0000-1000-5c5b350000ff"]"#;
    for (event, alarm, name, subject) in [
        (
            format!(r#""type":"SW_PORT_DOWN",{switch},"port_id":"ge-0/0/1""#),
            format!(r#""type":"sw_critical_port_down",{alarmed},"port_ids":["ge-0/0/1"]"#),
            "port_down",
            "ge-0/0/1 of sw-1",
        ),
        (
            format!(r#""type":"SW_PORT_DOWN",{switch},"text":"X_DOWN: ifName ge-0/0/1""#),
            format!(r#""type":"sw_critical_port_down",{alarmed},"port_ids":["ge-0/0/1"]"#),
            "port_down",
            "ge-0/0/1 of sw-1",
        ),
        (
            format!(r#""type":"SW_ALARM_CHASSIS_PSU",{switch}"#),
            format!(r#""type":"sw_alarm_chassis_psu",{alarmed},"reasons":["PSU 1"]"#),
            "power_supply_alarm",
            "sw-1",
        ),
        (
            format!(
                r#""type":"SW_BGP_NEIGHBOR_DOWN",{switch},"text":"RPD_X: BGP peer 10.0.0.1 (x)""#
            ),
            format!(r#""type":"sw_bgp_neighbor_down",{alarmed},"reasons":["peer 10.0.0.1 down"]"#),
            "bgp_neighbor_down",
            "10.0.0.1 of sw-1",
        ),
        (
            format!(
                r#""type":"SW_DDOS_PROTOCOL_VIOLATION_SET",{switch},
                "protocol_name":"L3NHOP:aggregate""#
            ),
            format!(
                r#""type":"sw_ddos_protocol_violation_set",{alarmed},
                "reasons":["traffic for protocol/exception L3NHOP:aggregate exceeded its limit"]"#
            ),
            "ddos_limit_exceeded",
            "L3NHOP:aggregate of sw-1",
        ),
        (
            format!(r#""type":"GW_VPN_PEER_DOWN",{gateway},"text":"peer Hub01 down""#),
            format!(r#""type":"vpn_peer_down",{guarded},"reasons":["peer Hub01 down"]"#),
            "vpn_peer_down",
            "Hub01 of gw-1",
        ),
        (
            format!(
                r#""type":"ME_RESOURCE_USAGE",{edge},
                "sys_info.usage":{{"severity":"high","resource":"memory"}}"#
            ),
            format!(r#""type":"mist_edge_memory_usage_high",{edges}"#),
            "usage_high",
            "memory of 5c:5b:35:00:00:ff",
        ),
    ] {
        let (event, alarm) = (one(Topic::DeviceEvents, &event), one(Topic::Alarms, &alarm));
        assert_eq!((condition(&event), event.subject.as_str()), (name, subject));
        assert_eq!((alarm.key, alarm.is_raised, &alarm.subject), (event.key, true, &event.subject));
    }
    let ports = format!(r#""type":"sw_critical_port_down",{alarmed},"port_ids":["a1","a2","a1"]"#);
    assert_eq!(subjects(&told(Topic::Alarms, &ports)), ["a1 of sw-1", "a2 of sw-1"]);
}

#[test]
fn conditions_of_a_site_are_keyed_by_the_site() {
    let failure = r#""type":"infra_dhcp_failure","aps":["5c5b35000001"],"vlans":["7","8"]"#;
    let failure = told(Topic::Alarms, failure);
    assert_eq!(subjects(&failure), ["VLAN 7 of Site 1", "VLAN 8 of Site 1"]);
    let success = one(Topic::Alarms, r#""type":"infra_dhcp_success","vlans":["8"]"#);
    assert_eq!(failure.get(1).map(|change| change.key), Some(success.key));
    assert_eq!((success.is_raised, success.mac), (false, None));
}

#[test]
fn findings_and_usage_say_themselves_whether_they_are_over() {
    let finding = |status: &str| {
        let entity = r#"{"entity_type":"switch","entity_name":"s","entity_mac":"5c5b35000001",
            "port_id":"ge-0/0/1"}"#;
        let finding = format!(
            r#""type":"bad_cable","group":"marvis","id":"i1","status":"{status}",
            "impacted_entities":[{entity}]"#
        );
        one(Topic::Alarms, &finding)
    };
    let (open, over) = (finding("open"), finding("validated"));
    assert_eq!((open.is_raised, over.is_raised, open.key), (true, false, over.key));
    assert_eq!((open.subject.as_str(), open.mac), ("ge-0/0/1 of s", Mac::parse("5c5b35000001")));
    let usage = |level: &str| {
        let usage = format!(r#"{{"severity":"{level}","resource":"cpu"}}"#);
        let usage = format!(r#""type":"ME_RESOURCE_USAGE","mxedge_name":"m","usage":{usage}"#);
        told(Topic::MxedgeEvents, &usage)
    };
    let is_raised = |level| usage(level).first().map(|change| change.is_raised);
    assert_eq!(
        [is_raised("high"), is_raised("normal"), is_raised("odd")],
        [Some(true), Some(false), None]
    );
}

#[test]
fn our_own_reports_name_the_destination_or_the_port() {
    let parked = one(Topic::Mistgate, r#""type":"DESTINATION_PARKED","destination":"slack/info""#);
    let resumed = r#""type":"DESTINATION_RESUMED","destination":"slack/info""#;
    assert_eq!((parked.subject.as_str(), parked.mac), ("slack/info", None));
    assert_eq!(parked.key, one(Topic::Mistgate, resumed).key);
    let switch = r#""switch":"sw-1","switch_mac":"5c5b350000ff""#;
    let refused = format!(r#""type":"PORT_REFUSED",{switch},"ports":["ge-0/0/7"]"#);
    let refused = one(Topic::Mistgate, &refused);
    assert_eq!((refused.subject.as_str(), refused.is_raised), ("ge-0/0/7 of sw-1", true));
    let changed = format!(r#""type":"PORT_CHANGED",{switch},"ports":["ge-0/0/6","ge-0/0/7"]"#);
    let changed = told(Topic::Mistgate, &changed);
    assert_eq!(changed.get(1).map(|change| change.key), Some(refused.key));
    assert_eq!(one(Topic::Mistgate, r#""type":"PORTS_BREAKER_OPEN""#).subject, "mistgate");
}

#[test]
fn an_event_of_nobody_or_without_a_condition_says_nothing() {
    for (topic, json) in [
        (Topic::DeviceEvents, r#"{"type":"AP_DISCONNECTED"}"#),
        (Topic::Alarms, r#"{"type":"device_down"}"#),
        (Topic::DeviceEvents, r#"{"type":"AP_RESTARTED","mac":"5c5b35000001"}"#),
        (Topic::DeviceEvents, r#"{"type":"AP_NEW","mac":"5c5b35000001"}"#),
        (Topic::Alarms, r#"{"type":"bad_cable","group":"marvis","site_id":"s1"}"#),
        (Topic::Audits, r#"{"message":"x"}"#),
    ] {
        assert_eq!(changes(&Event::parse(topic, json).expect("an object")), []);
    }
    let at_site = one(Topic::DeviceEvents, r#""type":"AP_DISCONNECTED""#);
    assert_eq!((at_site.subject.as_str(), at_site.mac), ("Site 1", None));
}

#[test]
fn a_subject_is_on_one_line_and_bounded_and_a_key_survives_the_store() {
    let long = "x\\n\\u202e".repeat(1_000);
    let port = format!(
        r#""type":"SW_PORT_DOWN","mac":"5c5b35000001","device_name":"{long}","port_id":"{long}""#
    );
    let change = one(Topic::DeviceEvents, &port);
    assert!(change.subject.chars().count() <= 250);
    assert!(!change.subject.contains(|c: char| c.is_control() || c == '\u{202e}'));
    assert_eq!(Key::from_bytes(change.key.to_bytes()), change.key);
    let bytes = crate::base::hex::encode(&change.key.to_bytes());
    assert_eq!(change.key.to_string(), bytes);
    assert_eq!(change.thread(), format!("port-down-{}", bytes.get(..24).expect("digits")));
}

/// The only change has this key, whatever the topic said.
#[track_caller]
fn assert_same(change: &Change, other: &Change) {
    assert_eq!(change.key, other.key, "{} and {}", change.subject, other.subject);
}

#[test]
fn a_null_mac_is_no_device_s() {
    for null in ["000000000000", "00:00:00:00:00:00", "ffffffffffff"] {
        let down = |members: &str| {
            let down = format!(r#""type":"AP_DISCONNECTED","mac":"{null}",{members}"#);
            one(Topic::DeviceEvents, &down)
        };
        let (a, b) = (down(r#""device_name":"a""#), down(r#""device_name":"b""#));
        assert_eq!((a.subject.as_str(), a.mac), ("a", None));
        assert_ne!(a.key, b.key);
        let named = format!(r#""type":"device_down","aps":["{null}","{null}","5c5b35000001"],"#);
        let named = told(Topic::Alarms, &format!(r#"{named}"hostnames":["a","b","c"]"#));
        assert_eq!(subjects(&named), ["a", "b", "c"]);
        assert_eq!(named.first().map(|change| change.key), Some(a.key));
        assert_eq!(named.get(1).map(|change| change.key), Some(b.key));
        let by_ap = down(r#""ap":"5c5b35000001""#);
        assert_eq!(by_ap.mac, Mac::parse("5c5b35000001"));
        assert_eq!(Some(by_ap.key), named.get(2).map(|change| change.key));
        // Mist names a device by its MAC until somebody gives it a name.
        let nameless = format!(r#""type":"device_down","aps":["{null}"],"hostnames":["{null}"]"#);
        assert_same(&one(Topic::Alarms, &nameless), &down(&format!(r#""ap_name":"{null}""#)));
        assert_eq!(one(Topic::Alarms, &nameless).subject, "Site 1");
        let edge = r#""type":"ME_DISCONNECTED","mxedge_id":"387804a7-3474-85ce-15a2-f9a9684c9c90""#;
        let known = format!(r#"{edge},"mac":"{null}","mxedge_name":"m""#);
        assert_same(&one(Topic::MxedgeEvents, &known), &one(Topic::MxedgeEvents, edge));
    }
}

/// Sites give their devices the same names.
#[test]
fn a_name_is_that_of_one_device_of_a_site() {
    let at = |site: &str| {
        let json = format!(r#"{{"type":"AP_DISCONNECTED","device_name":"a","site_id":"{site}"}}"#);
        let told = changes(&Event::parse(Topic::DeviceEvents, &json).expect("an object"));
        told.first().map(|change| change.key).expect("a change")
    };
    assert_ne!(at("s1"), at("s2"));
}

/// Ids and names of the bodies are those of Mist's samples.
#[test]
fn a_mist_edge_has_one_key_by_its_mac_and_by_its_id() {
    let id = "00000000-0000-0000-1000-020000ee2974";
    let mac = Mac::parse("020000ee2974");
    let stranger = "387804a7-3474-85ce-15a2-f9a9684c9c90";
    let down = |topic, members: &str| one(topic, &format!(r#""type":"ME_DISCONNECTED",{members}"#));
    let alarm = |members: &str| {
        one(Topic::Alarms, &format!(r#""type":"mist_edge_disconnected",{members}"#))
    };
    let by_mac = down(Topic::DeviceEvents, r#""mac":"020000ee2974","device_type":"mxedge""#);
    assert_eq!((by_mac.mac, by_mac.class), (mac, Some(DeviceClass::MistEdge)));
    for other in [
        down(Topic::MxedgeEvents, &format!(r#""mxedge_id":"{id}","mxedge_name":"mxe-ex""#)),
        down(Topic::MxedgeEvents, r#""mxedge_id":"020000ee2974""#),
        down(Topic::MxedgeEvents, r#""mxedge_id":"02:00:00:EE:29:74""#),
        down(Topic::DeviceEvents, &format!(r#""device_id":"{id}","device_name":"mxe-ex""#)),
        alarm(&format!(r#""mxedges":["{id}"],"hostnames":["mxe-ex"]"#)),
        alarm(r#""mxedges":["02-00-00-ee-29-74"]"#),
        alarm(&format!(r#""mxedge_id":"{id}""#)),
        alarm(r#""mac":"020000ee2974","hostnames":["mxe-ex"]"#),
    ] {
        assert_same(&other, &by_mac);
        assert_eq!((other.mac, other.class), (mac, Some(DeviceClass::MistEdge)));
    }
    let by_id = down(Topic::MxedgeEvents, &format!(r#""mxedge_id":"{stranger}""#));
    let named = format!(r#""mxedge_id":"{stranger}","mxedge_name":"mxe-ex""#);
    assert_same(&down(Topic::MxedgeEvents, &named), &by_id);
    let listed = format!(r#""mxedges":["{stranger}"],"hostnames":["mxe-ex"]"#);
    assert_same(&alarm(&listed), &by_id);
    assert_ne!(by_id.key, by_mac.key);
}

#[test]
fn a_peer_of_several_gateways_is_an_incident_of_each() {
    let gateways = r#""gateways":["5c5b350000aa","5c5b350000bb"],"hostnames":["a","b"]"#;
    for (alarm, event, reason) in [
        ("vpn_peer_down", "GW_VPN_PEER", "peer P"),
        ("gw_vpn_path_down", "GW_VPN_PATH", "peer path [P]"),
        ("gw_bgp_neighbor_down", "GW_BGP_NEIGHBOR", "BGP peer P"),
        ("tunnel_down", "GW_TUNNEL", "Tunnel P"),
    ] {
        let down = format!(r#""type":"{alarm}",{gateways},"reasons":["{reason} down"],"count":7"#);
        let down = told(Topic::Alarms, &down);
        assert_eq!(subjects(&down), ["P of a", "P of b"]);
        for (change, mac) in down.iter().zip(["5c5b350000aa", "5c5b350000bb"]) {
            let up = format!(r#""type":"{event}_UP","mac":"{mac}","text":"{reason} up""#);
            let up = one(Topic::DeviceEvents, &up);
            assert_eq!((up.key, up.is_raised), (change.key, false));
            assert_eq!(down.iter().filter(|change| change.key == up.key).count(), 1);
        }
    }
}

/// Two peers of one VPN; the texts are those of Mist's samples.
#[test]
fn the_peers_of_a_vpn_are_told_apart() {
    let told = |name: &str, peer: &str| {
        let text = format!("KMD_{name}: VPN InternalVPN from {peer} is so. Local-ip: 192.168.4.10");
        let members = format!(r#""mac":"5c5b350000aa","vpn_name":"InternalVPN","text":"{text}""#);
        one(Topic::DeviceEvents, &format!(r#""type":"GW_VPN_PATH_{name}",{members}"#))
    };
    let (one, other) = (told("DOWN", "192.168.4.1"), told("DOWN", "192.168.4.2"));
    assert_ne!(one.key, other.key);
    assert_same(&told("UP", "192.168.4.1"), &one);
}

/// Where the lists of an alarm leave open which part is whose, nothing is said: an incident of a
/// pair that never was would never end, and a recovery would end what lasts.
#[test]
fn parts_of_several_devices_are_paired_by_their_places_or_not_at_all() {
    let alarm = |ports: &str, more: &str| {
        let switches = r#""switches":["5c5b350000aa","5c5b350000bb"],"hostnames":["a","b"]"#;
        let alarm = r#""type":"sw_critical_port_down""#;
        told(Topic::Alarms, &format!(r#"{alarm},{switches},"port_ids":[{ports}]{more}"#))
    };
    assert_eq!(subjects(&alarm(r#""p1","p2""#, "")), ["p1 of a", "p2 of b"]);
    assert_eq!(subjects(&alarm(r#""p1","p2""#, r#","count":2"#)), ["p1 of a", "p2 of b"]);
    assert_eq!(subjects(&alarm(r#""p1","p1""#, "")), ["p1 of a", "p1 of b"]);
    assert_eq!(subjects(&alarm(r#""p1""#, "")), ["p1 of a", "p1 of b"]);
    assert_eq!(subjects(&alarm("", "")), ["a", "b"]);
    assert_eq!(alarm(r#""p1","p2""#, r#","count":3"#), []);
    assert_eq!(alarm(r#""p1","p2","p3""#, ""), []);
    let peers = |reasons: &str| {
        let gateways = r#""gateways":["5c5b350000aa",null,"5c5b350000cc"]"#;
        let names = r#""hostnames":["a","b","c"]"#;
        let alarm = format!(r#""type":"vpn_peer_down",{gateways},{names},"reasons":[{reasons}]"#);
        told(Topic::Alarms, &alarm)
    };
    let same = r#""peer P down","peer P down","peer Q down""#;
    assert_eq!(subjects(&peers(same)), ["P of a", "P of b", "Q of c"]);
    let unclear = r#""peer P down","who knows","peer Q down""#;
    assert_eq!(subjects(&peers(unclear)), ["P of a", "b", "Q of c"]);
}

#[test]
fn an_event_makes_a_bounded_number_of_changes() {
    let many = |range: core::ops::Range<usize>, show: fn(usize) -> String| {
        range.map(show).collect::<Vec<_>>().join(",")
    };
    let aps = |number| format!(r#""{number:012x}""#);
    let down = format!(r#""type":"device_down","aps":[{}]"#, many(1..2_001, aps));
    let down = told(Topic::Alarms, &down);
    assert_eq!(down.len(), CHANGES_MAX);
    let last = Mac::parse(&format!("{CHANGES_MAX:012x}"));
    assert_eq!(down.last().map(|change| change.mac), Some(last));
    let ports = many(1..2_001, |number| format!(r#""ge-0/0/{number}""#));
    let down = format!(
        r#""type":"sw_critical_port_down","switches":["5c5b350000aa"],"port_ids":[{ports}]"#
    );
    let down = told(Topic::Alarms, &down);
    assert_eq!(down.len(), CHANGES_MAX);
    assert_eq!(
        down.last().map(|change| change.subject.as_str()),
        Some("ge-0/0/1000 of 5c:5b:35:00:00:aa")
    );
    // What is told twice is one change.
    let twice = r#""type":"device_down","aps":["5c5b35000001","5c5b35000001"]"#;
    assert_eq!(told(Topic::Alarms, twice).len(), 1);
}

/// What routes and silences match on, besides the topic.
#[test]
fn a_change_names_its_device_apart_from_the_part() {
    let port = r#""type":"SW_PORT_DOWN","mac":"5c5b35000001","port_id":"p1""#;
    let named = one(Topic::DeviceEvents, &format!(r#"{port},"device_name":"sw-1""#));
    assert_eq!((named.subject.as_str(), named.device.as_deref()), ("p1 of sw-1", Some("sw-1")));
    assert_eq!((named.class, named.mac), (Some(DeviceClass::Switch), Mac::parse("5c5b35000001")));
    assert_eq!((named.site.as_deref(), named.org_id.as_deref()), (Some("Site 1"), Some(ORG)));
    assert_eq!(named.site_id.as_deref(), Some("4ac1dcf4-9d8b-7211-65c4-057819f0862b"));
    assert_eq!((named.kind.name, named.kind.severity), ("SW_PORT_DOWN", Severity::Debug));
    let alarm = r#""type":"cellular_edge_disconnected_from_ncm","hostnames":["ce-1"]"#;
    assert_eq!(one(Topic::Alarms, alarm).device.as_deref(), Some("ce-1"));
    let finding = |entity: &str| {
        let finding = r#""type":"bad_cable","group":"marvis","id":"i1""#;
        one(Topic::Alarms, &format!(r#"{finding},"impacted_entities":[{{{entity}}}]"#)).device
    };
    let port = r#""entity_type":"switch","entity_name":"sw-1","port_id":"p1""#;
    assert_eq!(finding(port).as_deref(), Some("sw-1"));
    assert_eq!(finding(r#""entity_type":"wlan","entity_name":"Guests""#), None);
    for (topic, nameless) in [
        (Topic::DeviceEvents, r#""type":"SW_CONNECTED","mac":"5c5b35000001""#),
        (Topic::DeviceEvents, r#""type":"AP_DISCONNECTED""#),
        (Topic::Mistgate, r#""type":"DESTINATION_PARKED","destination":"slack/info""#),
    ] {
        assert_eq!(one(topic, nameless).device, None);
    }
}

/// What a topic writes of the device with this MAC and name, if it tells of this class.
fn device_members(topic: &Topic<'_>, class: Option<DeviceClass>, mac: &str, name: &str) -> String {
    let list = match class {
        Some(DeviceClass::AccessPoint) => "aps",
        Some(DeviceClass::Switch) => "switches",
        Some(DeviceClass::Gateway) => "gateways",
        Some(DeviceClass::MistEdge) => "mxedges",
        None if *topic == Topic::Alarms => return format!(r#""hostnames":["{name}"]"#),
        None => "",
    };
    match topic.name() {
        "alarms" => format!(r#""{list}":["{mac}"],"hostnames":["{name}"]"#),
        "device-updowns" => format!(r#""ap":"{mac}","ap_name":"{name}""#),
        "mxedge-events" => {
            format!(r#""mxedge_id":"00000000-0000-0000-1000-{mac}","mxedge_name":"{name}""#)
        }
        _ => format!(r#""mac":"{mac}","device_name":"{name}""#),
    }
}

/// What a topic writes of this part, in each of its ways.
fn part_members(topic: &Topic<'_>, pair: Pair, part: &str) -> Vec<String> {
    let is_alarm = *topic == Topic::Alarms;
    let member = pair.part.strip_prefix("site:").unwrap_or(pair.part);
    let level = if pair.recovery { "normal" } else { "high" };
    match member {
        "port" if is_alarm => Vec::from([format!(r#""port_ids":["{part}"]"#)]),
        "port" => Vec::from([
            format!(r#""port_id":"{part}""#),
            format!(r#""port":"{part}""#),
            format!(r#""text":"SNMP_X: ifIndex 5, ifName {part}""#),
        ]),
        "usage" if is_alarm => Vec::from([String::from(r#""x":1"#)]),
        "usage" => {
            Vec::from([format!(r#""sys_info.usage":{{"severity":"{level}","resource":"{part}"}}"#)])
        }
        _ => match (member.strip_prefix("text:"), is_alarm) {
            (Some(marker), true) => Vec::from([format!(r#""reasons":["X: {marker} {part} x"]"#)]),
            (Some(marker), false) => Vec::from([format!(r#""text":"X: {marker} {part} x""#)]),
            (None, _) => Vec::from([format!(r#""{member}":"{part}""#)]),
        },
    }
}

/// Whatever the topic, a recovery ends what any failure of its condition and class raised, and
/// nothing of another device or part. What a topic raises, the same topic can end.
#[test]
fn a_recovery_ends_what_its_failures_raised_in_all_topics() {
    let mist = [Topic::Alarms, Topic::DeviceEvents, Topic::DeviceUpdowns, Topic::MxedgeEvents];
    let mut events = 0;
    for condition in Condition::ALL.iter().filter(|row| row.name != "marvis_finding") {
        let mut keys = BTreeMap::new();
        let mut sides: BTreeMap<_, BTreeSet<bool>> = BTreeMap::new();
        let rows = mist.iter().flat_map(|topic| types(topic).map(move |kind| (topic, kind)));
        for (topic, kind) in rows {
            let Some(pair) = kind.pair.filter(|pair| pair.condition == condition) else { continue };
            let is_alarm = *topic == Topic::Alarms;
            let class = match is_alarm {
                true => alarm::class_of(kind.name),
                false => DeviceClass::of_prefix(kind.name.split('_').next().expect("a prefix")),
            };
            let is_edge = class == Some(DeviceClass::MistEdge);
            if !is_alarm && (*topic == Topic::MxedgeEvents) != is_edge {
                continue;
            }
            let is_usage = pair.part == "usage";
            let part = match kind.name.split('_').nth(2) {
                Some(resource) if is_usage && is_alarm => resource,
                _ if is_usage => "cpu",
                _ => "p1",
            };
            let said = |mac, name, part: &str| -> Vec<Change> {
                let device = device_members(topic, class, mac, name);
                let of_part = |part: &String| {
                    one(topic.clone(), &format!(r#""type":"{}",{device},{part}"#, kind.name))
                };
                part_members(topic, pair, part).iter().map(of_part).collect()
            };
            let mut key = None;
            for change in said("5c5b35000001", "d1", part) {
                assert_eq!(change.is_raised, !pair.recovery, "{}", kind.name);
                let known = *keys.entry((class, part.to_owned())).or_insert(change.key);
                assert_eq!(change.key, known, "{} of {}", kind.name, topic.name());
                key = Some(known);
                events += 1;
            }
            for other in said("5c5b35000002", "d2", part) {
                let is_of_site = pair.part.starts_with("site:");
                assert_eq!(Some(other.key) == key, is_of_site, "{}", kind.name);
            }
            for other in said("5c5b35000001", "d1", "p2") {
                let is_of_device = pair.part.is_empty() || is_usage && is_alarm;
                assert_eq!(Some(other.key) == key, is_of_device, "{}", kind.name);
            }
            let sides = sides.entry((class, is_alarm)).or_default();
            // `ME_RESOURCE_USAGE` itself says whether it is over.
            sides.extend(
                Some(pair.recovery).into_iter().chain((is_usage && is_edge).then_some(true)),
            );
        }
        for (place, sides) in sides {
            assert_eq!(sides.len(), 2, "{} of {place:?} cannot end", condition.name);
        }
    }
    assert!(events > 300, "only {events} events");
}
