//! PagerDuty: the Events API v2 (`appliance/docs/vendors/chat.md` §9).

mod shape;

use http_types::Url;

use super::kind::{Answer, Format, Key, Kind, UrlVerdict};
use super::outcome::{Outcome, Reason};
use crate::base::window::Window;

/// "Approximately 120 calls/minute per integration key" (developer.pagerduty.com, "Events API Rate
/// Limits").
pub static KIND: Kind = Kind {
    name: "pagerduty",
    formats: &[Format { name: "events-v2", shape: shape::shape, warning: None }],
    is_stream: false,
    is_grouped: true,
    pace: &[Window::per_secs(2, 1), Window::per_secs(100, 60)],
    url: Some(url),
    default_url: Some("https://events.pagerduty.com/v2/enqueue"),
    keys: &[Key {
        name: "routing_key",
        file: Some("routing_key_file"),
        is_required: true,
        is_list: false,
        expected: "the integration key of a service or an event orchestration: 32 letters and digits",
        fits: |key| key.len() == 32 && key.bytes().all(|b| b.is_ascii_alphanumeric()),
    }],
    answer,
};

fn url(url: &Url) -> UrlVerdict {
    match url.host_str() {
        Some("events.pagerduty.com" | "events.eu.pagerduty.com") => UrlVerdict::Fine,
        _ => UrlVerdict::Foreign,
    }
}

/// A wrong key is said with status 400, as a wrong event is.
fn answer(answer: &Answer<'_>) -> Option<Outcome> {
    let body = answer.body.to_ascii_lowercase();
    let is_key = body.contains("routing key") || body.contains("routing_key");
    (answer.status == 400 && is_key).then_some(Outcome::Dead(Reason::Forbidden))
}
