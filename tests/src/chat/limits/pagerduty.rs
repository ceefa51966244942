//! PagerDuty's Events API v2: "openapiv3.json" of events-v2 in github.com/PagerDuty/api-schema, and
//! developer.pagerduty.com, "Send an Alert Event" and "Events API v2 Overview".

use std::collections::BTreeMap;

use mistgate_core::chat::pagerduty;
use serde_json::{Map, Value};

use super::{Findings, Vendor, join};
use crate::chat::server::{Post, say};
use crate::chat::stand_in::text;

const BODY_MAX: usize = 512 * 1024;
const DEDUP_KEY_MAX: usize = 255;
const SUMMARY_MAX: usize = 1_024;
/// Nobody says so; a browser's address bar takes no more.
const URL_MAX: usize = 2_000;

/// PagerDuty as the tests know it. It has no cards to read.
pub static VENDOR: Vendor = Vendor {
    kind: &pagerduty::KIND,
    product: "PagerDuty",
    colour: "32",
    check,
    taken: say(202, r#"{"status":"success","message":"Event processed","dedup_key":"k"}"#),
    refused: say(
        400,
        r#"{"status":"invalid event","message":"Event object is invalid","errors":["'x' is bad"]}"#,
    ),
    read: |_, _| {},
};

/// Every fault of the body of an event.
pub fn check(json: &str) -> Vec<String> {
    let mut findings = Findings::default();
    findings.expect(json.len() <= BODY_MAX, "", format!("{} bytes", json.len()));
    if let Some(document) = findings.document(json) {
        findings.event(&document);
    }
    findings.0
}

/// What PagerDuty has after these posts: the state of each alert, how often it was triggered, and
/// the title that it was last triggered with.
pub fn alerts(posts: &[Post]) -> BTreeMap<String, (&'static str, usize, String)> {
    let mut alerts = BTreeMap::new();
    for post in posts.iter().filter(|post| post.is_taken()) {
        let event: Value = serde_json::from_str(&post.request.body).expect("JSON");
        let alert = alerts.get_mut(&text(&event, "/dedup_key"));
        // What is not open is neither acknowledged nor resolved.
        let alert = alert.filter(|(state, ..): &&mut (&str, usize, String)| *state != "resolved");
        match (text(&event, "/event_action").as_str(), alert) {
            ("trigger", Some((_, times, title))) => {
                (*times, *title) = (*times + 1, text(&event, "/payload/summary"));
            }
            ("trigger", None) => {
                let alert = ("triggered", 1, text(&event, "/payload/summary"));
                alerts.insert(text(&event, "/dedup_key"), alert);
            }
            ("acknowledge", Some((state, ..))) => *state = "acknowledged",
            ("resolve", Some((state, ..))) => *state = "resolved",
            (_, _) => {}
        }
    }
    alerts
}

impl Findings {
    fn event(&mut self, document: &Value) {
        const KNOWN: [&str; 8] = [
            "payload",
            "routing_key",
            "event_action",
            "dedup_key",
            "client",
            "client_url",
            "links",
            "images",
        ];
        let Some(members) = self.object("", document, &KNOWN) else {
            return;
        };
        let key = members.get("routing_key").and_then(Value::as_str).unwrap_or_default();
        let is_key = key.len() == 32 && key.chars().all(|c| c.is_ascii_alphanumeric());
        self.expect(is_key, "routing_key", "not an integration key");
        let action = members.get("event_action").and_then(Value::as_str);
        self.expect(action.is_some(), "event_action", "none");
        self.word("", members, "event_action", &["trigger", "acknowledge", "resolve"]);
        if members.contains_key("dedup_key") || action != Some("trigger") {
            self.text("dedup_key", members.get("dedup_key"), DEDUP_KEY_MAX);
        }
        match members.get("payload") {
            Some(payload) => self.alert(payload),
            None => self.expect(action != Some("trigger"), "payload", "none"),
        }
        if members.contains_key("client_url") {
            self.url("client_url", members.get("client_url"), URL_MAX);
            self.text("client", members.get("client"), SUMMARY_MAX);
        }
        if members.contains_key("links") {
            for link in self.list("links", members.get("links"), 100) {
                if let Some(link) = self.object("links", link, &["href", "text"]) {
                    self.url("links.href", link.get("href"), URL_MAX);
                    self.optional("links", link, "text");
                }
            }
        }
    }

    fn alert(&mut self, payload: &Value) {
        const KNOWN: [&str; 8] = [
            "summary",
            "timestamp",
            "severity",
            "source",
            "component",
            "group",
            "class",
            "custom_details",
        ];
        let Some(payload) = self.object("payload", payload, &KNOWN) else {
            return;
        };
        self.text("payload.summary", payload.get("summary"), SUMMARY_MAX);
        self.text("payload.source", payload.get("source"), SUMMARY_MAX);
        self.expect(payload.contains_key("severity"), "payload.severity", "none");
        self.word("payload", payload, "severity", &["critical", "error", "warning", "info"]);
        for name in ["component", "group", "class"] {
            self.optional("payload", payload, name);
        }
        if let Some(at) = payload.get("timestamp").and_then(Value::as_str) {
            let shape: String =
                at.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
            let is_time = shape == "0000-00-00T00:00:00.000Z";
            self.expect(is_time, "payload.timestamp", format!("{at} is not of ISO 8601"));
        }
        if let Some(details) = payload.get("custom_details") {
            let is_plain = |details: &Map<String, Value>| details.values().all(Value::is_string);
            let holds = details.as_object().is_some_and(is_plain);
            self.expect(holds, "payload.custom_details", "not an object of texts");
        }
    }

    fn optional(&mut self, path: &str, members: &Map<String, Value>, name: &str) {
        if members.contains_key(name) {
            self.text(&join(path, name), members.get(name), SUMMARY_MAX);
        }
    }
}
