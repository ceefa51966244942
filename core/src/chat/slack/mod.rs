//! Slack: incoming webhooks (`appliance/docs/vendors/chat.md`).

mod shape;

use http_types::Url;

use super::kind::{Answer, Format, Kind, UrlVerdict};
use super::outcome::{Outcome, Reason, known};
use crate::base::window::Window;

/// One message per second and webhook (docs.slack.dev, "Rate limits").
pub static KIND: Kind = Kind {
    name: "slack",
    formats: &[Format { name: "block-kit", shape: shape::shape, warning: None }],
    is_stream: false,
    is_grouped: false,
    pace: &[Window::per_secs(1, 1)],
    url: Some(url),
    default_url: None,
    keys: &[],
    answer,
};

fn url(url: &Url) -> UrlVerdict {
    match url.host_str() {
        Some("hooks.slack.com" | "hooks.slack-gov.com") => {
            if url.path().starts_with("/services/") {
                return UrlVerdict::Fine;
            }
            UrlVerdict::Suspicious((
                "Slack's workflows do not take formatted messages",
                "the URL of an incoming webhook, with /services/ after the host",
            ))
        }
        _ => UrlVerdict::Foreign,
    }
}

/// Slack's words for a webhook that stays unusable until somebody repairs it (docs.slack.dev,
/// "Handling errors" of incoming webhooks).
const DEAD: &[(&str, Reason)] = &[
    ("action_prohibited", Reason::Forbidden),
    ("channel_is_archived", Reason::Gone),
    ("channel_not_found", Reason::Gone),
    ("invalid_token", Reason::Forbidden),
    ("no_active_hooks", Reason::Gone),
    ("no_service", Reason::Gone),
    ("no_team", Reason::Gone),
    ("posting_to_general_channel_denied", Reason::Forbidden),
    ("team_disabled", Reason::Gone),
    ("token_revoked", Reason::Forbidden),
    ("user_not_found", Reason::Gone),
];

fn answer(answer: &Answer<'_>) -> Option<Outcome> {
    if let Some(reason) = known(DEAD, answer.body) {
        return Some(Outcome::Dead(reason));
    }
    let is_other = answer.status == 200 && !is_ok(answer.body);
    is_other.then_some(Outcome::Dead(Reason::BadAnswer))
}

/// Whether a body of status 200 is Slack's. Slack says `ok`; its workflow triggers and programs
/// that imitate it say so in JSON, or send no body.
fn is_ok(body: &str) -> bool {
    let word: alloc::string::String = body.chars().filter(|c| !c.is_whitespace()).collect();
    word.is_empty()
        || word.eq_ignore_ascii_case("ok")
        || word.contains("\"ok\":true")
        || word.contains("\"success\":true")
}
