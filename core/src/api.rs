//! Why an HTTP API refused a request, in its own words: one short line without our secrets.

use alloc::{borrow::ToOwned, string::String};

use crate::{base::failure::Failure, base::secret::Secret, base::text::one_line, event::Detail};

/// The most characters of an API's words, the ellipsis included.
const WORDS_MAX: usize = 201;

/// A refusal with these words.
pub const fn rejected(message: String) -> Failure {
    Failure::Rejected { message }
}

/// The reason that a response gives: what `said` finds in it if it is JSON, else its text. Markup
/// comes from a portal in between and is left out, and so is a text that repeats one of `secrets`.
pub fn words(
    body: &[u8],
    secrets: &[&Secret],
    said: impl Fn(Detail<'_>) -> Option<String>,
) -> String {
    let text = match serde_json::from_slice::<Detail<'_>>(body) {
        Ok(whole) => said(whole),
        Err(_) => str::from_utf8(body).ok().filter(|text| !text.contains('<')).map(str::to_owned),
    };
    let is_secret = |text: &String| secrets.iter().any(|secret| text.contains(secret.expose()));
    let words = text
        .filter(|text| !is_secret(text))
        .map(|text| one_line(&text, WORDS_MAX))
        .unwrap_or_default();
    if words.is_empty() { "it does not say why".to_owned() } else { words }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_few_and_on_one_line() {
        let said = |whole: Detail<'_>| whole.text().map(|text| text.into_owned());
        let words = |body: &[u8]| words(body, &[&Secret::new("s3cret")], said);
        for (body, expected) in [
            ("\"no such\\nprofile \\u001b[31m\"", "no such profile [31m"),
            (" plain\r\n\r\nwords ", "plain words"),
            ("{}", "it does not say why"),
            ("<html>portal</html>", "it does not say why"),
            ("", "it does not say why"),
            ("\"s3cret is wrong\"", "it does not say why"),
        ] {
            assert_eq!(words(body.as_bytes()), expected, "{body}");
        }
        assert_eq!(words(b"\xff\xfe"), "it does not say why");
        assert_eq!(words("é".repeat(500).as_bytes()).chars().count(), WORDS_MAX);
    }
}
