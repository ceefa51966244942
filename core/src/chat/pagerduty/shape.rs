//! PagerDuty: an event that triggers, acknowledges or resolves an alert (developer.pagerduty.com,
//! "Send an Alert Event").
//!
//! The thread of a notification is the alert's key. What has none is no incident: its event
//! resolves an alert that was never there, which PagerDuty takes and then drops.

use alloc::collections::BTreeSet;

use crate::chat::excerpt::{Excerpt, line, units};
use crate::chat::{json::Json, json::object, kind::Options, shape::Form, shape::Payload};
use crate::notify::{Notification, Severity};

const DEDUP_KEY_MAX: usize = 255;
/// The most details of an alert, and the longest of them: 50 names are no longer. All together stay
/// below the 512 KB of a payload.
const DETAILS_MAX: usize = 30;
const DETAIL_MAX: usize = 5_000;

/// The body of an event.
pub(super) fn shape(notification: &Notification, best: Form, options: &Options) -> Payload {
    let is_key = |thread: &&str| (1..=DEDUP_KEY_MAX).contains(&thread.len());
    let thread = notification.thread.as_deref().filter(is_key);
    let action = match () {
        () if notification.is_over || thread.is_none() => "resolve",
        () if notification.is_acknowledged => "acknowledge",
        () => "trigger",
    };
    let event = object! { "event_action": action, "dedup_key": thread.unwrap_or("mistgate") };
    let event = event.with("routing_key", options.key("routing_key"));
    let event = if action == "trigger" { alert(event, notification, best) } else { event };
    Payload { body: event.into_text(), form: best, query: None, header: None }
}

/// Adds what an alert shows.
fn alert(event: Json, notification: &Notification, form: Form) -> Json {
    let excerpt = Excerpt::of(notification, form, units);
    let fact = |label: &str| {
        let fact = excerpt.facts.iter().find(|fact| fact.label == label);
        fact.map(|fact| fact.value.as_str())
    };
    let severity = match notification.severity {
        Severity::Debug | Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Critical => "critical",
    };
    let payload = object! {
        "summary": &excerpt.title,
        "source": fact("Site").or(fact("Device")).unwrap_or("Mist"),
        "severity": severity,
    };
    let payload = payload
        .with("timestamp", notification.at.map(|at| at.rfc3339()))
        .with("component", fact("Device"))
        .with("class", fact("Condition"))
        .with("custom_details", (form == Form::Rich).then(|| details(notification)));
    let links = excerpt.links.iter();
    let links = links.map(|link| object! { "href": &link.url, "text": &link.text });
    event
        .with("payload", Some(payload))
        .with("client", excerpt.links.first().map(|_| "Mist"))
        .with("client_url", excerpt.links.first().map(|link| link.url.as_str()))
        .with("links", Json::unless_empty(links.collect()))
}

/// The sentence and the facts. An object has each name once.
fn details(notification: &Notification) -> Json {
    let clean = |text: &str| line(text, DETAIL_MAX, units);
    let facts = notification.facts.iter().take(DETAILS_MAX);
    let facts = facts.map(|fact| (clean(&fact.label), clean(&fact.value)));
    let mut names = BTreeSet::new();
    [("Summary".into(), clean(&notification.summary))]
        .into_iter()
        .chain(facts)
        .filter(|(name, value)| !value.is_empty() && names.insert(name.clone()))
        .fold(Json::object(), |details, (name, value)| details.with(&name, Some(value)))
}
