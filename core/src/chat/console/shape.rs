//! The console in place of a chat: a small neutral JSON object, one line for each message.
//!
//! No vendor limits it, so nothing is cut and there is one form only. Each text still becomes one
//! line without control characters, so that the name of a device cannot steer a terminal.

use alloc::{string::ToString, vec::Vec};

use crate::chat::{excerpt::exact, excerpt::line, excerpt::units, json::Json, json::object};
use crate::{chat::kind::Options, chat::shape::Form, chat::shape::Payload, notify::Notification};

/// The JSON object to print, which has one form only.
pub(super) fn shape(notification: &Notification, best: Form, _options: &Options) -> Payload {
    let clean = |text: &str| line(text, usize::MAX, units);
    let facts = notification.facts.iter();
    let facts =
        facts.map(|fact| object! { "label": clean(&fact.label), "value": clean(&fact.value) });
    let links = notification.links.iter();
    let links = links.map(|link| object! { "text": clean(&link.text), "url": clean(&link.url) });
    let lines = notification.listing.as_ref().map(|listing| {
        let lines = listing.lines.iter().map(|line| exact(line, usize::MAX, units));
        lines.collect::<Vec<_>>()
    });
    let incidents = notification.incidents.iter().map(|incident| {
        object! {
            "id": incident.id,
            "state": if incident.is_open { "open" } else { "over" },
            "muted_by": incident.muted_by.as_deref().map(clean),
        }
    });
    let message = object! {
        "title": clean(&notification.title),
        "severity": notification.severity.name(),
        "summary": clean(&notification.summary),
        "facts": Json::from_iter(facts),
    };
    let message = message
        .with("lines", lines)
        .with("links", Some(Json::from_iter(links)))
        .with("at", Some(notification.at.map(|at| at.to_string())))
        .with("incidents", Json::unless_empty(incidents.collect()));
    Payload { body: message.into_text(), form: best, query: None, header: None }
}

#[cfg(test)]
mod tests {
    use alloc::{string::String, vec::Vec};

    use super::*;
    use crate::base::time::UnixTime;
    use crate::notify;
    use crate::notify::Severity;

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
            is_over: false,
            is_acknowledged: false,
            thread: None,
            incidents: Vec::from([notify::Standing {
                id: 17,
                is_open: true,
                muted_by: Some(String::from("silence 3")),
            }]),
        };
        assert_eq!(
            shape(&notification, Form::Rich, &Options::default()).body,
            concat!(
                r#"{"title":"AP [2J connected","severity":"info","summary":"","#,
                r#""facts":[{"label":"Name","value":"<b>*x*</b> y"}],"links":[],"#,
                r#""at":"2025-07-08 18:40:00 UTC","#,
                r#""incidents":[{"id":17,"state":"open","muted_by":"silence 3"}]}"#
            )
        );
    }
}
