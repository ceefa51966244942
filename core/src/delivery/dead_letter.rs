//! Dead letters: events that were given up for a chat. The store keeps them with the reason, until
//! a person sends or drops them.

use alloc::{string::String, string::ToString, sync::Arc};

use crate::base::text::one_line;

/// The most characters of an answer that are kept.
const ANSWER_MAX: usize = 100;
/// A part of a URL of so many bytes may be a secret.
const PART_MIN: usize = 8;

/// Why an event was given up, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dead {
    /// The name of the destination; that of the chat where none is configured any more.
    pub to: Arc<str>,
    /// In words, such as `refused: 400 invalid_blocks`.
    pub reason: Arc<str>,
}

/// A refusal in words: the status, and the beginning of the answer unless it quotes one of the
/// credentials, such as the URL.
pub fn refusal<'c>(status: u16, body: &[u8], secrets: impl Iterator<Item = &'c str>) -> String {
    let status = status.to_string();
    let said = one_line(&String::from_utf8_lossy(body), ANSWER_MAX);
    let mut parts = secrets.flat_map(|text| text.split(['/', '?', '&', '=']));
    let is_quoted = parts.any(|part| part.len() >= PART_MIN && said.contains(part));
    if said.is_empty() || is_quoted { status } else { status + " " + &said }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_the_chat_said_but_never_the_url() {
        let url = Some("https://hooks.slack.com/services/T0/B0/wJ8kfP2mQ");
        let words = |body: &str| refusal(400, body.as_bytes(), url.into_iter());
        assert_eq!(words("invalid_blocks"), "400 invalid_blocks");
        assert_eq!(words(""), "400");
        assert_eq!(words("no\n\tsuch  field"), "400 no such field");
        assert_eq!(words("cannot POST /services/T0/B0/wJ8kfP2mQ"), "400");
        assert_eq!(words("bad token wJ8kfP2mQ"), "400");
        assert!(words(&"x".repeat(500)).chars().count() < 110);
        assert_eq!(refusal(413, b"\xff", [].into_iter()), "413 \u{fffd}");
    }
}
