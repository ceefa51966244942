//! Each difference, one by one, and what mends it.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use http_types::Url;

use super::compare::{Comparison, Difference, compare};
use super::hook::Hook;
use super::mend::{changes, mended};
use super::survey::Found;
use super::token::Token;
use super::wanted::Wanted;
use crate::base::secret::Secret;
use crate::route::{Routes, Target};

const ALL: &str = r#"["alarms","audits","device-events","device-updowns","mxedge-events"]"#;

fn secrets() -> [Secret; 2] {
    [Secret::new("n3w-secret"), Secret::new("0ld-secret")]
}

fn wanted(secrets: &[Secret], routes: &Routes) -> Wanted {
    Wanted {
        org: "o".into(),
        url: Url::parse("https://gw.example/webhooks").ok(),
        verifies_cert: true,
        secrets: secrets.to_vec(),
        routes: Some(routes.clone()),
        has_ports: false,
        writes: false,
    }
}

/// A webhook of ours that is right, but for these members in its place.
fn hook(instead: &str, site: Option<&str>) -> Hook {
    let right = format!(
        r#"{{"id":"w","name":"noc","url":"https://gw.example/webhooks","secret":"n3w-secret",
            "topics":{ALL},"headers":{{"x":"h1dden"}},"org_id":"o"{instead}}}"#
    );
    let object = serde_json::from_str(&right).expect("JSON");
    Hook::read(object, site).expect("a webhook")
}

fn found(webhooks: Vec<Hook>) -> Found {
    Found { webhooks, ..Found::default() }
}

fn said(wanted: &Wanted, found: &Found) -> Vec<String> {
    let Comparison { differences, notes, .. } = compare(wanted, found);
    let notes = notes.iter().map(ToString::to_string);
    differences.iter().map(ToString::to_string).chain(notes).collect()
}

#[test]
fn a_webhook_that_is_right_has_no_difference() {
    let (secrets, routes) = (secrets(), Routes::default());
    let wanted = wanted(&secrets, &routes);
    for url in ["https://gw.example:443/webhooks", "https://u:p@GW.example/webhooks"] {
        let found = found(Vec::from([hook(&format!(r#","url":"{url}""#), None)]));
        assert_eq!(said(&wanted, &found), [""; 0], "{url}");
        let ours = compare(&wanted, &found).ours;
        assert_eq!(changes(ours, &mended(&wanted, &found, ours)), [""; 0]);
    }
}

#[test]
fn each_difference_is_named_and_mended() {
    let (secrets, routes) = (secrets(), Routes::default());
    let wanted = wanted(&secrets, &routes);
    for (instead, line, change) in [
        (r#""enabled":false"#, "enabled: it is disabled", "enabled: false -> true"),
        (r#""type":"splunk""#, "type: splunk", r#"type: "splunk" -> "http-post""#),
        (
            r#""topics":["audits","zone"]"#,
            "topics: alarms, device-events, device-updowns, mxedge-events missing",
            "topics: [\"audits\",\"zone\"] -> [\"alarms\",\"audits\",",
        ),
        (r#""secret":"""#, "secret: there is none", "secret: that of [webhook]"),
        (r#""secret":null"#, "secret: there is none", "secret: that of [webhook]"),
        (r#""secret":"0ld-secret""#, "secret: not the newest", "secret: that of [webhook]"),
        (r#""secret":"th1rd-secret""#, "secret: not the one", "secret: that of [webhook]"),
        (r#""verify_cert":false"#, "verify_cert: off", "verify_cert: false -> true"),
        (
            r#""single_event_per_message":true"#,
            "single_event_per_message: on",
            "single_event_per_message: true -> false",
        ),
        (
            r#""rules":[{"topic":"zone","action":"block"},{"topic":"alarms","action":"block",
                "matching":{"type":["rogue_ap","x"]}}]"#,
            "rules: number 2 blocks what is routed: alarms with type rogue_ap, x",
            "rules: [",
        ),
        (
            r#""rules":[{"action":"block"}]"#,
            "rules: number 1 blocks what is routed: every",
            "rules",
        ),
        (
            r#""default_action":"block","rules":[{"topic":"alarms","action":"permit"},
                {"topic":"audits","action":"permit","matching":{"site_id":["s"]}}]"#,
            "default_action: block, so nothing is sent of device-events, device-updowns, \
             mxedge-events, so only what a rule permits is sent of audits",
            r#"default_action: "block" -> "permit""#,
        ),
    ] {
        let found = found(Vec::from([hook(&format!(",{instead}"), None)]));
        let lines = said(&wanted, &found);
        assert!(lines.len() == 1 && lines.iter().all(|own| own.starts_with(line)), "{lines:?}");
        let comparison = compare(&wanted, &found);
        assert!(comparison.differences.iter().all(Difference::is_mendable));
        let after = mended(&wanted, &found, comparison.ours);
        let changed = changes(comparison.ours, &after);
        assert!(
            changed.len() == 1 && changed.iter().all(|own| own.starts_with(change)),
            "{changed:?}"
        );
        let shown = format!("{lines:?}{changed:?}");
        assert!(["secret\"", "-secret", "h1dden"].iter().all(|s| !shown.contains(s)), "{shown}");
        // What is written is right, and keeps what it is not about.
        let text = format!("{after}");
        assert!(text.contains("h1dden") && !text.contains("org_id"), "{text}");
        let element = text.replacen('{', r#"{"id":"w","#, 1);
        let mended = Hook::read(serde_json::from_str(&element).expect("JSON"), None);
        let mended = self::found(Vec::from([mended.expect("a webhook")]));
        assert_eq!(said(&wanted, &mended), [""; 0], "{instead}");
    }
}

#[test]
fn without_a_webhook_a_new_one_is_made() {
    let (secrets, routes) = (secrets(), Routes::default());
    let wanted = wanted(&secrets, &routes);
    let elsewhere = hook(r#","url":"https://gw.example/webhooks/""#, None);
    let found = found(Vec::from([elsewhere, hook(r#","id":"v","url":null"#, None)]));
    let line = "no webhook of the organisation sends to https://gw.example/webhooks; to the same \
                host, but not there: noc";
    assert_eq!(said(&wanted, &found), [line]);
    let new = mended(&wanted, &found, None);
    assert_eq!(
        format!("{new}"),
        format!(
            r#"{{"name":"mistgate","url":"https://gw.example/webhooks","type":"http-post","enabled":true,"topics":{ALL},"secret":"n3w-secret","verify_cert":true,"single_event_per_message":false}}"#
        )
    );
    assert!(changes(None, &new).contains(&"secret: that of [webhook]".into()));
}

#[test]
fn what_sends_twice_is_named_and_not_mended() {
    let (secrets, routes) = (secrets(), Routes::default());
    let wanted = wanted(&secrets, &routes);
    let second = |id: &str, more: &str, site| hook(&format!(r#","id":"{id}"{more}"#), site);
    let found = found(Vec::from([
        second("off", r#","enabled":false"#, None),
        second("less", r#","topics":["alarms","zone"]"#, None),
        hook("", None),
        second("other", r#","topics":["zone"]"#, None),
        second("site", r#","topics":["alarms"]"#, Some("HQ")),
        second("away", r#","url":"https://gw.example""#, Some("HQ")),
    ]));
    assert_eq!(compare(&wanted, &found).ours.map(|hook| hook.id.as_str()), Some("w"));
    let lines = said(&wanted, &found);
    assert_eq!(
        lines,
        [
            "webhook \"noc\" of the organisation sends alarms here a second time",
            "webhook \"noc\" of site HQ sends alarms here a second time",
        ]
    );
    assert!(!compare(&wanted, &found).differences.iter().any(Difference::is_mendable));
}

#[test]
fn a_rule_about_what_goes_nowhere_is_right() {
    let (secrets, mut routes) = (secrets(), Routes::default());
    let drop = |kind: &str| BTreeMap::from([(kind.into(), Target::Drop)]);
    routes.overrides.insert("device-events".into(), drop("AP_CONNECTED"));
    let mut wanted = wanted(&secrets, &routes);
    let rule = r#","rules":[{"topic":"device-events","action":"block",
        "matching":{"type":["AP_CONNECTED"]}}]"#;
    let found = found(Vec::from([hook(rule, None)]));
    assert_eq!(said(&wanted, &found), [""; 0]);
    // Switch ports follow it.
    wanted.has_ports = true;
    assert_eq!(said(&wanted, &found).len(), 1);
}

#[test]
fn topics_of_sites_come_from_sites() {
    let (secrets, mut routes) = (secrets(), Routes::default());
    let info = BTreeMap::from([("*".into(), Target::Channel("info".into()))]);
    routes.overrides.insert("zone".into(), info);
    let wanted = wanted(&secrets, &routes);
    let mut found = found(Vec::from([hook("", None)]));
    assert_eq!(said(&wanted, &found), ["topics: zone missing"]);
    found.site_topics.insert("zone".into());
    let line = "topics: zone can only be sent by webhooks of sites, and none sends them here";
    assert_eq!(said(&wanted, &found), [line]);
    assert_eq!(changes(Some(&hook("", None)), &mended(&wanted, &found, None)).len(), 1);
    found.webhooks.push(hook(r#","id":"s","topics":["zone"]"#, Some("HQ")));
    assert_eq!(said(&wanted, &found), [""; 0]);
}

#[test]
fn what_is_wanted_follows_from_chats_and_ports() {
    let (secrets, routes) = (secrets(), Routes::default());
    let mut wanted = wanted(&secrets, &routes);
    wanted.routes = None;
    assert!(wanted.topics().is_empty());
    wanted.has_ports = true;
    assert_eq!(Vec::from_iter(wanted.topics()), ["device-events"]);
    assert!(wanted.takes("device-updowns", "ap_connected"));
    assert!(!wanted.takes("alarms", "AP_CONNECTED"));
    wanted.verifies_cert = false;
    let found = found(Vec::from([hook("", None)]));
    assert_eq!(said(&wanted, &found), ["verify_cert: on, and webhook.verify_cert is false"]);
}

#[test]
fn a_token_is_judged_by_what_it_has_to_do() {
    let (secrets, routes) = (secrets(), Routes::default());
    let mut wanted = wanted(&secrets, &routes);
    let token = |role: &str, org: &str| {
        let json =
            format!(r#"{{"privileges":[{{"scope":"org","role":"{role}","org_id":"{org}"}}]}}"#);
        Token::read(json.as_bytes()).expect("an object")
    };
    let with = |token, more: &str| Found { token, ..found(Vec::from([hook(more, None)])) };
    let reads = with(token("read", "o"), "");
    assert_eq!(said(&wanted, &reads), [""; 0]);
    let elsewhere = with(token("admin", "x"), "");
    let line = "token: it has rights, but none in this organisation: role admin of scope org";
    assert_eq!(said(&wanted, &elsewhere), [line]);
    wanted.writes = true;
    let line =
        "token: ports.method = \"mist\" writes, and it may only read: role read of scope org";
    assert_eq!(said(&wanted, &reads), [line]);
    assert_eq!(said(&wanted, &with(token("write", "o"), "")), [""; 0]);
    // Secrets may be hidden from who may only read.
    wanted.writes = false;
    let hidden = "secret: Mist does not show it to this token, so it is not compared";
    assert_eq!(said(&wanted, &with(token("read", "o"), r#","secret":null"#)), [hidden]);
    assert_eq!(said(&wanted, &with(token("admin", "o"), r#","secret":"***""#)), [hidden]);
    let unread = Found { unread_sites: 3, ..reads };
    assert_eq!(said(&wanted, &unread), ["the webhooks of 3 sites could not be looked at"]);
}
