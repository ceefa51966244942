//! Google Chat: incoming webhooks of a space (`appliance/docs/vendors/chat.md`).

mod shape;

use http_types::Url;

use super::kind::{Format, Kind, UrlVerdict};
use crate::base::window::Window;

/// 60 writes per minute and space, webhooks included (developers.google.com, "Usage limits"),
/// spread evenly because the space is shared with other apps. Answers mean what their status says.
pub static KIND: Kind = Kind {
    name: "google",
    formats: &[Format { name: "cards-v2", shape: shape::shape, warning: None }],
    is_stream: false,
    pace: &[Window::per_secs(1, 1), Window::per_secs(60, 60)],
    url: Some(url),
    answer: |_| None,
};

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
