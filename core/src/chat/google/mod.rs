//! Google Chat: incoming webhooks of a space (`appliance/docs/vendors/chat.md`).

mod shape;

use http_types::Url;

use super::kind::{Answer, Format, Kind, UrlVerdict};
use super::outcome::{Outcome, Reason, known};
use crate::base::window::Window;

/// 60 writes per minute and space, webhooks included (developers.google.com, "Usage limits"),
/// spread evenly because the space is shared with other apps.
pub static KIND: Kind = Kind {
    name: "google",
    formats: &[Format { name: "cards-v2", shape: shape::shape, warning: None }],
    is_stream: false,
    is_grouped: false,
    pace: &[Window::per_secs(1, 1), Window::per_secs(60, 60)],
    url: Some(url),
    default_url: None,
    keys: &[],
    answer,
};

/// A key that was revoked or mistyped is said with status 400, as a wrong card is (google.rpc
/// ErrorInfo, `reason`).
const DEAD: &[(&str, Reason)] =
    &[("API_KEY_INVALID", Reason::Forbidden), ("API key not valid", Reason::Forbidden)];

fn answer(answer: &Answer<'_>) -> Option<Outcome> {
    known(DEAD, answer.body).filter(|_| answer.status == 400).map(Outcome::Dead)
}

fn url(url: &Url) -> UrlVerdict {
    let has = |name: &str| url.query_pairs().any(|(key, _)| key == name);
    match url.host_str() {
        Some("chat.googleapis.com") if has("key") && has("token") => UrlVerdict::Fine,
        Some("chat.googleapis.com") => UrlVerdict::Suspicious((
            "the URL lacks its \"key\" or its \"token\" parameter, so it was cut off",
            "the whole URL of the space's webhook",
        )),
        _ => UrlVerdict::Foreign,
    }
}
