//! The console in a chat's place: a small neutral JSON object, one line per message.
//!
//! Not a vendor's format, so nothing is cut and there is one form only. Text is still made single
//! lines, so that what a device is called cannot steer a terminal.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};

use serde::Serialize;

use crate::chat::{
    excerpt::{exact, line, to_json, units},
    shape::{Form, Payload},
};
use crate::notify::Notification;

/// The JSON object to print, which has one form only.
pub(super) fn shape(notification: &Notification, _best: Form) -> Payload {
    let clean = |text: &str| line(text, usize::MAX, units);
    let facts = notification.facts.iter();
    let links = notification.links.iter();
    let message = Message {
        title: clean(&notification.title),
        severity: notification.severity.name(),
        summary: clean(&notification.summary),
        facts: facts
            .map(|fact| Fact { label: clean(&fact.label), value: clean(&fact.value) })
            .collect(),
        lines: notification.listing.as_ref().map(|listing| {
            listing.lines.iter().map(|line| exact(line, usize::MAX, units)).collect()
        }),
        links: links.map(|link| Link { text: clean(&link.text), url: clean(&link.url) }).collect(),
        at: notification.at.map(|at| at.to_string()),
    };
    Payload { body: to_json(&message), form: Form::Rich, query: None }
}

#[derive(Serialize)]
struct Message {
    title: String,
    severity: &'static str,
    summary: String,
    facts: Vec<Fact>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lines: Option<Vec<String>>,
    links: Vec<Link>,
    at: Option<String>,
}

#[derive(Serialize)]
struct Fact {
    label: String,
    value: String,
}

#[derive(Serialize)]
struct Link {
    text: String,
    url: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        base::time::UnixTime,
        notify::{self, Severity},
    };

    #[test]
    fn prints_one_clean_object() {
        let notification = Notification {
            severity: Severity::Info,
            title: String::from("AP\u{1b}[2J connected"),
            summary: String::new(),
            facts: Vec::from([notify::Fact {
                label: String::from("Name"),
                value: String::from("<b>*x*</b>\n\u{202e}y"),
            }]),
            listing: None,
            links: Vec::new(),
            at: Some(UnixTime::from_secs(1_752_000_000)),
            thread: None,
        };
        assert_eq!(
            shape(&notification, Form::Rich).body,
            concat!(
                r#"{"title":"AP [2J connected","severity":"info","summary":"","#,
                r#""facts":[{"label":"Name","value":"<b>*x*</b> y"}],"links":[],"#,
                r#""at":"2025-07-08 18:40:00 UTC"}"#
            )
        );
    }
}
