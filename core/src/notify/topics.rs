//! Who describes the events of each topic. Their types stand in [`types`](mod@super::types).
//!
//! The events of a topic without a row are described by `describe::other`, as well as their members
//! allow.

use alloc::format;

use super::describe::{alarm, audit, device, draft::Draft, other};
pub use super::types::{all, find, row_named, types};
use super::{Notification, SEND_TEST, Severity, links::Dashboard, types::Row};
use super::{change, change::Change};
use crate::event::{Event, Topic};

/// Describes an event. Takes the row of its type, if that is known, and the dashboard to link to.
type Describe = fn(&Event<'_>, Row, &Dashboard<'_>) -> Draft;

static TOPICS: [(&[Topic<'static>], Describe); 4] = [
    (&[Topic::Alarms], alarm::describe),
    (&[Topic::Audits], audit::describe),
    (&[Topic::DeviceEvents, Topic::DeviceUpdowns, Topic::MxedgeEvents], device::describe),
    (&[Topic::Mistgate], other::report),
];

/// Describes an event. `dashboard_host` is the host that its links lead to.
pub fn describe(event: &Event<'_>, severity: Severity, dashboard_host: &str) -> Notification {
    let dashboard = Dashboard::new(event, dashboard_host);
    let row = TOPICS.iter().find(|(topics, _)| topics.contains(event.topic()));
    let describe = row.map_or(other::describe as Describe, |(_, describe)| *describe);
    let kind = find(event.topic(), &event.kind().unwrap_or_default());
    let mut notification = describe(event, kind, &dashboard).finish(event, severity);
    if event.get(SEND_TEST).is_some() {
        notification.title = format!("Test: {}", notification.title);
    }
    let changes = kind.map(|kind| change::of(event, kind)).unwrap_or_default();
    notification.is_over = changes.first().is_some_and(|change| !change.is_raised);
    notification.thread = changes.first().map(Change::thread);
    notification
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::{String, ToString};
    use alloc::vec::Vec;

    use super::*;

    fn described(topic: &Topic<'static>, json: &str) -> Notification {
        let event = Event::parse(topic.clone(), json).expect("an object");
        describe(&event, Severity::Info, "manage.mist.com")
    }

    fn fact<'n>(notification: &'n Notification, label: &str) -> Option<&'n str> {
        let found = notification.facts.iter().find(|fact| fact.label == label);
        found.map(|fact| fact.value.as_str())
    }

    fn other(name: &'static str) -> Topic<'static> {
        Topic::parse(name.into())
    }

    /// Every member that a sentence of the tables may ask for.
    const RICH: &str = concat!(
        r#""org_id":"o1","site_id":"s1","site_name":"HQ","timestamp":1752000000,
        "device_name":"dev-1","mac":"5c5b35000001","alarm_class":"Major","band":"5","channel":36,
        "pre_channel":40,"bounced_ports":["1","2"],"disconnected_aps":["5c-5b-35-00-00-02"],
        "component":"PS1","destination":"slack/info","fru_slot":2,"from_version":"1.0",
        "to_version":"1.1","lag":"ae0","old_server":"a","new_server":"b","occurrence":3,
        "hold":900,"because":"the switch sees it","attempt":2,"after":10,"took":3,
        "switch":"sw-1","switch_mac":"5c5b350000ff","ports":["ge-0/0/7"],"ap":"5c5b35000001",
        "changes":[{"port":"ge-0/0/7","mode":"ap","ap":"5c5b35000001","lines":["set a"]}],
        "package":"p","port_id":"ge-0/0/1","protocol_name":"ARP","reason":"power_cycle",
        "resource":"cpu","service":"tunterm","ssid":"Guests","vpn_name":"V","waiting":2,
        "text":"TAG_X: neighbor 10.0.0.1 state changed from Full to Down of member 1 peer hub "#,
        r#"path [a,b] profile: trunk server 10.0.0.2 user bob.",
        "file":"crl.pem","hostnames":["dev-1"],"aps":["5c5b35000001"],"bssids":["5c5b35000003"],
        "client_macs":["5c5b35000004"],"port_ids":["ge-0/0/1"],"servers":["10.0.0.3"],
        "ssids":["Guests"],"vlans":["10"],
        "vc-backup-id":0,
        "reasons":["neighbor 10.0.0.1 path [a,b] of member 1 peer hub down"]"#
    );

    #[test]
    fn every_type_is_said_whole_whatever_its_event_has() {
        let mut said = 0;
        for topic in [Topic::Alarms, Topic::DeviceEvents, Topic::Mistgate] {
            for row in types(&topic) {
                for members in ["", RICH] {
                    let comma = if members.is_empty() { "" } else { "," };
                    let json = format!(r#"{{"type":"{}"{comma}{members}}}"#, row.name);
                    let notification = described(&topic, &json);
                    let summary = notification.summary.as_str();
                    let whole = summary.ends_with('.') && summary.starts_with(char::is_uppercase);
                    assert!(whole, "{summary}");
                    for hole in ["{", "}", "[ ", " ]", "  ", " .", " ,", "None", "null", ".."] {
                        assert!(!summary.contains(hole), "{}: {summary}", row.name);
                    }
                    assert_eq!(
                        summary.matches("dev-1").count(),
                        usize::from(!members.is_empty() && topic != Topic::Mistgate),
                        "{summary}"
                    );
                    let all_there = !members.is_empty() && row.name != "ME_RESOURCE_USAGE";
                    if all_there && let Some((_, rest)) = row.sentence.split_once('{') {
                        // With every member there, no second choice is said.
                        for second in rest.split('|').skip(1).filter_map(|s| s.split(']').next()) {
                            let fallback = !second.contains('{') && second.len() > 6;
                            assert!(
                                !fallback || !summary.contains(second),
                                "{}: {summary}",
                                row.name
                            );
                        }
                    }
                    said += 1;
                }
            }
        }
        assert!(said > 1_000);
    }

    #[test]
    fn events_of_devices_say_what_happened_to_whom_where_and_why() {
        for (json, title, summary) in [
            (
                r#"{"type":"AP_RESTARTED","ap":"5c5b35000001","ap_name":"AP01","site_name":"HQ",
                    "reason":"power_cycle"}"#,
                "AP restarted",
                r#"AP "AP01" (MAC 5c:5b:35:00:00:01) at site HQ restarted. Reason: power cycle."#,
            ),
            (
                r#"{"type":"AP_RADAR_DETECTED","device_name":"a","channel":36,"pre_channel":125,
                    "reason":"radar-detected"}"#,
                "Radar detected",
                r#"AP "a" detected radar and moved from channel 125 to 36."#,
            ),
            (
                r#"{"type":"AP_RRM_ACTION","device_name":"a","band":"24","channel":1,"power":17,
                    "pre_channel":1,"pre_power":15}"#,
                "AP radio adjusted",
                r#"Radio management adjusted the 2.4 GHz radio of AP "a": power 15 → 17 dBm."#,
            ),
            (
                r#"{"type":"SW_CONFIG_FAILED","mac":"5c5b35000001",
                    "text":"UI_X: 'user' is not defined."}"#,
                "Switch configuration failed",
                "The switch with MAC 5c:5b:35:00:00:01 could not apply its configuration: \
                 'user' is not defined.",
            ),
            (
                r#"{"type":"SW_PORT_DOWN","device_name":"s",
                    "text":"SNMP_TRAP_LINK_DOWN: ifIndex 5, ifName ge-0/0/7"}"#,
                "Switch port down",
                r#"Port ge-0/0/7 of switch "s" went down."#,
            ),
            (
                r#"{"type":"GW_UPGRADED","device_name":"g","text":"from version 19.1 to 19.3"}"#,
                "Gateway upgraded",
                r#"Gateway "g" was upgraded from version 19.1 to 19.3."#,
            ),
            (
                r#"{"type":"ME_PSU_UNPLUGGED","mxedge_name":"m","component":null}"#,
                "Mist Edge power supply unplugged",
                r#"A power supply of Mist Edge "m" was unplugged."#,
            ),
            (
                r#"{"type":"ME_RESOURCE_USAGE","mxedge_name":"m",
                    "sys_info.usage":{"severity":"high","resource":"cpu"}}"#,
                "Mist Edge CPU usage high",
                r#"The CPU usage of Mist Edge "m" is high."#,
            ),
            (
                r#"{"type":"TT_PORTS_BOUNCED","mxedge_name":"m","bounced_ports":["0",2]}"#,
                "Mist Edge ports bounced",
                r#"Mist Edge "m" bounced ports 0 and 2."#,
            ),
            (
                r#"{"type":"SW_FOO_POE_FAILED","device_name":"s"}"#,
                "Switch foo PoE failed",
                r#"Switch "s" reported: foo PoE failed."#,
            ),
            ("{}", "Device events", "A device sent an event without a type. Mist names no device."),
            (
                r#"{"display":"FPC lost","type":"SW_NEW_1","device_name":"s"}"#,
                "FPC lost",
                r#"Switch "s" reported: FPC lost."#,
            ),
            (
                r#"{"type":"AP_RESTARTED","mac":"5c5b35000001","device_name":"new",
                    "ap":"5c5b350000ff","ap_name":"old"}"#,
                "AP restarted",
                r#"AP "new" (MAC 5c:5b:35:00:00:01) restarted."#,
            ),
            (
                r#"{"type":"CELLULAR_EDGE_MODEM_WAN_PLUGGED","mac":"5c5b35000001"}"#,
                "Cellular edge modem plugged in",
                "A modem or SIM of the cellular edge with MAC 5c:5b:35:00:00:01 was plugged in.",
            ),
            (
                r#"{"type":"CELLULAR_EDGE_REBOOTED"}"#,
                "Cellular edge restarted",
                "A cellular edge restarted. Mist names no device.",
            ),
            (
                r#"{"type":"MARVISCLIENT_ROAMED","device_name":"m"}"#,
                "Marvis client roamed",
                r#"Marvis client "m" roamed."#,
            ),
            (
                r#"{"type":"AP_RESTARTED","device_name":"s","device_type":"switch"}"#,
                "Switch restarted",
                r#"Switch "s" restarted."#,
            ),
            (
                r#"{"type":"GW_UPGRADE_FAILED","device_name":"g","text":"OC_FWUPDATE_NOTNEEDED"}"#,
                "Gateway upgrade failed",
                r#"Gateway "g" could not be upgraded: firmware update not needed."#,
            ),
            (
                r#"{"type":"ME_RESOURCE_USAGE","mxedge_name":"m","sys_info.usage":{"resource":"cpu",
                    "severity":"high","actual_value":65,"threshold_value":"70"}}"#,
                "Mist Edge CPU usage high",
                r#"The CPU usage of Mist Edge "m" is high: 65 %, the threshold is 70 %."#,
            ),
            (
                r#"{"type":"SW_VC_MASTER_CHANGED","device_name":"s",
                    "text":"X_Y: Membership update: Member 1->1, Mode Backup->Master"}"#,
                "Virtual chassis primary changed",
                r#"Member 1 became the primary of switch "s"."#,
            ),
            (
                r#"{"type":"GW_VPN_PATH_DOWN","device_name":"g",
                    "text":"A_B: VPN in from 192.0.2.1 is down. SA Type: Static, Reason: Gone. SAs cleared."}"#,
                "VPN path down",
                "VPN path \"in from 192.0.2.1\" of gateway \"g\" went down. \
                 Reason: Gone. SAs cleared.",
            ),
            (
                r#"{"type":"SYSTEM_UPGRADE_FAILED","device_name":"s","device_type":"switch"}"#,
                "Upgrade failed",
                r#"The upgrade of switch "s" failed."#,
            ),
        ] {
            let notification = described(&Topic::DeviceEvents, json);
            assert_eq!(
                (notification.title.as_str(), notification.summary.as_str()),
                (title, summary)
            );
        }
    }

    #[test]
    fn a_name_of_which_nothing_can_be_seen_is_none() {
        let json = r#"{"type":"\u0085_\u0000"}"#;
        for (topic, title, summary) in [
            (
                "device-events",
                "Device events",
                "A device sent an event without a type. Mist names no device.",
            ),
            ("alarms", "Alarm", "Mist raised an alarm without a type."),
            ("nac-events", "NAC events", "Mist sent an event under the topic \"NAC events\"."),
            ("\u{1}-", "Event", "Mist sent an event under the topic \"Event\"."),
        ] {
            let notification = described(&Topic::parse(topic.into()), json);
            assert_eq!((&*notification.title, &*notification.summary), (title, summary));
        }
    }

    #[test]
    fn alarms_say_which_devices_and_what_to_do() {
        let down = r#"{"type":"device_down","aps":["5c5b350e1d1f","5c5b353ed0bb"],
            "hostnames":["AP1","AP3"],"site_name":"HQ","count":9}"#;
        let notification = described(&Topic::Alarms, down);
        assert_eq!(
            notification.summary,
            r#"2 APs ("AP1" and "AP3") at site HQ went offline. Seen 9 times."#
        );
        assert_eq!(fact(&notification, "MACs"), Some("5c:5b:35:0e:1d:1f and 5c:5b:35:3e:d0:bb"));
        let cable = r#"{"type":"bad_cable","group":"marvis","id":"i1","site_name":"HQ",
            "details":"{\"status\":\"open\",\"action\":\"test_replace_cable\"}",
            "root_cause":"x_dhcp",
            "impacted_entities":[
                {"entity_type":"switch","entity_name":"s","entity_mac":"5c5b35000001",
                    "port_id":"ge-0/0/1"},
                {"entity_type":"switch","entity_name":"s","entity_mac":"5c5b35000001",
                    "port_id":"ge-0/0/2"}]}"#;
        let notification = described(&Topic::Alarms, cable);
        assert_eq!(
            notification.summary,
            "Marvis found a bad cable at ports ge-0/0/1 and ge-0/0/2 of switch \"s\" \
             (MAC 5c:5b:35:00:00:01) at site HQ. Root cause: x DHCP. \
             Suggested action: test the cable and replace it."
        );
        assert_eq!(fact(&notification, "Ports"), Some("ge-0/0/1 and ge-0/0/2"));
        assert_eq!(fact(&notification, "Impacted"), None);
        assert!(!notification.is_over);
        let open = notification.thread.expect("a finding has a thread");
        let fixed = cable.replace(r#"{\"status\":\"open\""#, r#"{\"status\":\"resolved\""#);
        let notification = described(&Topic::Alarms, &fixed);
        assert_eq!(notification.title, "Bad cable (resolved)");
        assert!(notification.is_over);
        let closed = notification.thread.expect("a finding has a thread");
        assert_eq!(open, closed);
        let wired = r#"{"type":"missing_vlan","group":"marvis","site_name":"HQ","org_id":"o1",
            "site_id":"s1","timestamp":1752000000,"impacted_entities":[{"entity_type":"ap",
            "entity_name":"a","entity_mac":"5c5b35000001","connected_switch_name":"s",
            "connected_switch_mac":"5c5b35000002","port_id":"ge-0/0/1","missing_vlan_id":30,
            "entity_version":"0.8.1","recommended_version":"0.12.2"}]}"#;
        let vlan = described(&Topic::Alarms, wired);
        let of = "AP \"a\" (MAC 5c:5b:35:00:00:01) on port ge-0/0/1 of switch \"s\" at site HQ";
        assert_eq!(vlan.summary, format!("Marvis found VLAN 30 missing at {of}."));
        assert_eq!(fact(&vlan, "Switch port"), Some("ge-0/0/1"));
        assert!(vlan.links.iter().any(|link| link.text == "Switch insights"));
        let version =
            described(&Topic::Alarms, &wired.replace("missing_vlan\"", "NON_COMPLIANT\""));
        let which = "that does not match the site: 0.8.1 instead of 0.12.2.";
        let found = format!("Marvis found {of} running firmware {which}");
        assert_eq!(version.summary, found);
        let nobody = r#"{"type":"bad_cable","group":"marvis","site_name":"HQ","reason":"x_y"}"#;
        let nobody = described(&Topic::Alarms, nobody);
        let words = "Marvis found a bad cable at a device at site HQ. Mist names no device.";
        assert_eq!((&*nobody.summary, fact(&nobody, "Reason")), (words, Some("x y")));
        let new =
            described(&Topic::Alarms, r#"{"type":"new_vlan_x","vlans":[7],"site_name":"HQ"}"#);
        assert_eq!(new.summary, r#"Mist raised the alarm "new VLAN x" at site HQ."#);
        assert_eq!(fact(&new, "VLAN"), Some("7"));
        let told = r#"{"display":"Clock drift","type":"x_1","aps":["5c5b35000001"]}"#;
        let words = r#"The AP with MAC 5c:5b:35:00:00:01 raised the alarm "Clock drift"."#;
        assert_eq!(described(&Topic::Alarms, told).summary, words);
        let ends = r#"{"type":"radius_cert_expiring","group":"certificate_expiry",
            "expiry":1752000000,"wlan_ids":["84281ac7-4321-4db9-a893-bb520b976717"]}"#;
        let ends = described(&Topic::Alarms, ends);
        assert_eq!(fact(&ends, "Expiry"), Some("2025-07-08 18:40:00 UTC"));
        assert_eq!(fact(&ends, "WLAN"), Some("84281ac7-4321-4db9-a893-bb520b976717"));
        assert_eq!(ends.summary, "A certificate has to be renewed: RADIUS cert expiring.");
    }

    #[test]
    fn audits_say_who_did_what_and_what_changed() {
        let audit = r#"{"message":"Update WLAN \"Guests\"","admin_name":"Ann Bee ann@example.net",
            "src_ip":"1.2.3.4","site_name":"HQ","user_agent":"curl/8",
            "before":"{\"enabled\":true,\"auth\":{\"type\":\"psk\",\"psk\":\"old\"},\"vlan_id\":7}",
            "after":{"enabled":false,"auth":{"type":"eap","psk":"new"},"id":"2","vlan_id":9,
            "up":["a","b"],"rules":[{"do":"x"}],"cli":["set password x"],
            "rftemplate_id":"84281ac7-4321-4db9-a893-bb520b976717"}}"#;
        let notification = described(&Topic::Audits, audit);
        assert_eq!(notification.title, r#"Audit: Update WLAN "Guests""#);
        assert_eq!(notification.summary, "By Ann Bee (ann@example.net) at site HQ.");
        let facts: Vec<String> = notification
            .facts
            .iter()
            .map(|fact| format!("{}: {}", fact.label, fact.value))
            .collect();
        assert_eq!(
            facts,
            [
                "Site: HQ",
                "auth.psk: changed (not shown)",
                "auth.type: psk → eap",
                "CLI: changed (not shown)",
                "Enabled: true → false",
                "Rftemplate ID: changed",
                "rules.1.do: (none) → x",
                "Up: (none) → a, b",
                "VLAN ID: 7 → 9",
                "Source IP: 1.2.3.4",
                "User agent: curl/8",
            ]
        );
        let made = r#"{"message":"Add Site","after":{"name":"HQ","x":{"y":1}}}"#;
        let made = described(&Topic::Audits, made);
        assert_eq!(made.summary, "By an API token or Mist itself.");
        assert_eq!((fact(&made, "Name"), fact(&made, "x.y")), (Some("HQ"), Some("1")));
    }

    #[test]
    fn other_topics_are_described_as_well_as_they_can_be() {
        for (topic, json, summary) in [
            (
                "client-sessions",
                r#"{"mac":"70ef0071535f","ssid":"Maui","ap":"5c5b352f587e","ap_name":"AP41",
                    "site_name":"HQ","duration":279.8,"termination_reason":3}"#,
                "The client with MAC 70:ef:00:71:53:5f left SSID \"Maui\" on AP \"AP41\" \
                 (MAC 5c:5b:35:2f:58:7e) at site HQ after 4 min 39 s: it roamed to another AP.",
            ),
            (
                "nac-events",
                r#"{"type":"NAC_CLIENT_DENY","mac":"70ef0071535f","username":"bob",
                    "port_id":"ge-0/0/1"}"#,
                r#"Client "bob" (MAC 70:ef:00:71:53:5f) was refused on port ge-0/0/1."#,
            ),
            (
                "occupancy-alerts",
                r#"{"site_name":"HQ","alert_events":[
                    {"type":"COMPLIANCE-VIOLATION","zone_name":"a","timestamp":1752000000},
                    {"type":"COMPLIANCE-OK","zone_name":"b"}]}"#,
                "1 zone at site HQ exceeded the limit of occupants, 1 zone kept it again.",
            ),
            ("ping", r#"{"name":"my\nhook"}"#, r#"Mist tested the webhook "my hook"."#),
            ("brand-new", r#"{"type":"X_Y"}"#, r#"Mist sent "x y" under the topic "Brand new"."#),
        ] {
            assert_eq!(described(&other(topic), json).summary, summary);
        }
        let parked = r#"{"type":"DESTINATION_PARKED","destination":"slack/info","waiting":1,
            "reason":"no_service"}"#;
        assert_eq!(
            described(&Topic::Mistgate, parked).summary,
            "Sending to slack/info stopped: no_service. 1 message waits there."
        );
    }

    #[test]
    fn whatever_comes_from_outside_is_bounded_and_on_one_line() {
        let long = "x\\n\\u202e".repeat(1_000);
        let json = format!(
            r#"{{"type":"AP_CONFIG_FAILED","device_name":"{long}","text":"{long}",
                "site_name":"{long}",
                "reason":"{long}"}}"#
        );
        for topic in [Topic::DeviceEvents, Topic::Alarms, Topic::Audits, Topic::Ping, other("x")] {
            let notification = described(&topic, &json);
            let values = notification.facts.iter().map(|fact| &fact.value);
            for text in values.chain([&notification.title, &notification.summary]) {
                assert!(text.chars().count() <= 1_000);
                assert!(!text.contains(|c: char| c.is_control() || c == '\u{202e}'));
            }
        }
        let many: Vec<String> = (0..100).map(|n| format!(r#""m{n}":{n}"#)).collect();
        let notification = described(&other("x"), &format!("{{{}}}", many.join(",")));
        assert_eq!(notification.facts.len(), 20);
    }

    #[test]
    fn a_failure_and_its_recovery_share_a_thread() {
        let thread = |topic: &Topic<'static>, json: &str| described(topic, json).thread;
        let is_over = |json: &str| described(&Topic::DeviceEvents, json).is_over;
        let down = r#"{"type":"SW_PORT_DOWN","mac":"5c5b35000001","port_id":"ge-0/0/1"}"#;
        let fail = thread(&Topic::DeviceEvents, down).expect("a pair");
        let up = thread(&Topic::DeviceEvents, &down.replace("DOWN", "UP")).expect("a pair");
        assert_eq!(fail, up);
        assert!(!is_over(down) && is_over(&down.replace("DOWN", "UP")));
        let elsewhere = thread(&Topic::DeviceEvents, &down.replace("0/1", "0/2")).expect("a pair");
        assert_ne!(fail, elsewhere);
        let safe = |key: &str| key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        assert!(safe(&fail) && fail.len() <= 200, "{}", fail);
        let ospf = |kind: &str, text: &str| {
            format!(r#"{{"type":"SW_OSPF_NEIGHBOR_{kind}","mac":"5c5b35000001","text":"{text}"}}"#)
        };
        let lost = thread(&Topic::DeviceEvents, &ospf("DOWN", "A_B: OSPF neighbor 10.0.0.1 down"));
        let back = thread(&Topic::DeviceEvents, &ospf("UP", "A_C: OSPF neighbor 10.0.0.1 (x) up"));
        assert_eq!(lost, back);
        let infra =
            r#"{"type":"infra_dhcp_failure","site_id":"s1","aps":["5c5b35000001"],"vlans":["7"]}"#;
        let works = r#"{"type":"infra_dhcp_success","site_id":"s1","vlans":["7"]}"#;
        assert_eq!(thread(&Topic::Alarms, infra), thread(&Topic::Alarms, works));
        assert_eq!(thread(&Topic::DeviceEvents, r#"{"type":"AP_DISCONNECTED"}"#), None);
        assert_eq!(
            thread(&Topic::DeviceEvents, r#"{"type":"AP_RESTARTED","mac":"5c5b35000001"}"#),
            None
        );
    }

    #[test]
    fn a_device_that_left_its_site_has_no_links_there() {
        let json = r#"{"type":"AP_ASSIGNED","org_id":"o1","site_id":"s1","mac":"5c5b35000001",
            "timestamp":1752000000,"audit_id":"a1"}"#;
        let texts = |json: &str| -> Vec<String> {
            let notification = described(&Topic::DeviceEvents, json);
            notification.links.iter().map(|link| link.text.to_string()).collect()
        };
        assert_eq!(texts(json), ["AP insights", "AP configuration", "Audit log"]);
        assert_eq!(texts(&json.replace("AP_A", "AP_UNA")), ["Audit log"]);
    }
}
