//! What events and alarms of the same thing have in common.

use super::*;

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
    let ports = format!(r#""type":"sw_critical_port_down",{alarmed},"port_ids":["a1","a2"]"#);
    assert_eq!(subjects(&told(Topic::Alarms, &ports)), ["a1 of sw-1", "a2 of sw-1"]);
}

/// Of several devices and ports in other numbers nobody knows which port is whose.
#[test]
fn the_ports_of_several_devices_are_paired_or_left_out() {
    let alarm = |ports: &str| {
        let switches = r#""switches":["5c5b35000001","5c5b35000002"],"hostnames":["a","b"]"#;
        let alarm = format!(r#""type":"sw_critical_port_down",{switches},"port_ids":[{ports}]"#);
        told(Topic::Alarms, &alarm)
    };
    assert_eq!(subjects(&alarm(r#""p1","p2""#)), ["p1 of a", "p2 of b"]);
    assert_eq!(subjects(&alarm(r#""p1","p2","p3""#)), ["a", "b"]);
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
    assert_eq!(change.thread().key, format!("port-down-{}", bytes.get(..24).expect("digits")));
}
