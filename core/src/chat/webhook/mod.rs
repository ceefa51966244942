//! A program of one's own: every event as JSON, by the schema `appliance/docs/webhook.schema.json`.

use alloc::format;

use super::kind::{Format, Key, Kind, Options, UrlVerdict};
use super::{console, shape::Form, shape::Payload};
use crate::{base::secret::Secret, notify::Notification};

/// Takes every event at once, in the words of the console, and may want it signed.
pub static KIND: Kind = Kind {
    name: "webhook",
    formats: &[Format { name: "json", shape, warning: None }],
    is_stream: true,
    is_grouped: false,
    pace: &[],
    url: Some(|_| UrlVerdict::Foreign),
    default_url: None,
    keys: &[Key {
        name: "secret",
        file: Some("secret_file"),
        is_required: false,
        is_list: false,
        expected: "a secret of 16 characters or more",
        fits: |secret| secret.len() >= 16,
    }],
    answer: |_| None,
};

/// The header of the signature: `sha256=` and the HMAC-SHA256 of the body in hex.
const SIGNATURE: &str = "x-mistgate-signature";

fn shape(notification: &Notification, best: Form, options: &Options) -> Payload {
    let payload = (console::KIND.default_format().shape)(notification, best, options);
    let sign = |secret| format!("sha256={}", Secret::new(secret).sign(payload.body.as_bytes()));
    Payload { header: options.key("secret").map(|secret| (SIGNATURE, sign(secret))), ..payload }
}
