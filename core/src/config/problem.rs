//! The problems of a configuration: where they are, what is wrong, and what is expected.

use alloc::string::String;
use core::fmt;

/// A problem, or a warning. It never holds the value of a key for a secret, nor a value that looks
/// like a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Counts from 1.
    pub line: u32,
    /// The dotted path of the key, such as `chat.slack.urls.info`; elements of a list are numbered
    /// from 0. Empty for the file as a whole.
    pub key: String,
    pub what: String,
    pub expected: String,
}

impl Problem {
    /// `FILE:LINE: key.path: what is wrong — what is expected`
    pub fn in_file<'a>(&'a self, file: &'a str) -> impl fmt::Display + 'a {
        let Self { line, key, what, expected } = self;
        let colon = if key.is_empty() { "" } else { ": " };
        fmt::from_fn(move |f| write!(f, "{file}:{line}: {key}{colon}{what} — {expected}"))
    }
}

/// A [`Problem`] without its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) what: String,
    pub(super) expected: String,
}

impl Fault {
    pub(super) fn new(what: impl Into<String>, expected: impl Into<String>) -> Self {
        Self { what: what.into(), expected: expected.into() }
    }

    /// A fault of `value`, such as `"x" is not a mode`.
    pub(super) fn of(value: &str, what: &str, expected: impl Into<String>) -> Self {
        Self::new(alloc::format!("{} {what}", quoted(value)), expected)
    }
}

/// A value for a message: in quotes, control characters escaped. A long value or one that looks
/// like a URL may be a secret in the wrong place, so it is not repeated.
pub fn quoted(value: &str) -> String {
    if value.chars().count() > 64 || value.contains("://") {
        String::from("this value")
    } else {
        alloc::format!("\"{}\"", value.escape_debug())
    }
}

/// A key for a message, as TOML writes it; like [`quoted`], it hides what may be a secret.
pub fn segment(key: &str) -> String {
    let bare = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    if key.len() > 64 || key.contains("://") {
        String::from("\"…\"")
    } else if !key.is_empty() && key.bytes().all(bare) {
        String::from(key)
    } else {
        alloc::format!("\"{}\"", key.escape_debug())
    }
}

/// The name among `known` that `written` most likely is a slip of.
pub fn meant<'a>(written: &str, known: &[&'a str]) -> Option<&'a str> {
    known
        .iter()
        .map(|name| (distance(written, name), *name))
        .filter(|(distance, name)| *distance <= 2 && 2 * distance < name.len())
        .min()
        .map(|(_, name)| name)
}

/// What to write: what is [`meant`], or else `otherwise`.
pub(super) fn suggested(written: &str, known: &[&str], otherwise: impl Into<String>) -> String {
    let meant = meant(written, known).map(|name| alloc::format!("did you mean \"{name}\"?"));
    meant.unwrap_or_else(|| otherwise.into())
}

/// The edit distance: the number of characters to add, remove or exchange.
fn distance(from: &str, to: &str) -> usize {
    let mut above: alloc::vec::Vec<usize> = (0..=to.chars().count()).collect();
    for (row, wanted) in from.chars().enumerate() {
        let mut left = row + 1;
        let mut current = alloc::vec![left];
        for ((written, diagonal), up) in to.chars().zip(&above).zip(above.iter().skip(1)) {
            left = (diagonal + usize::from(written != wanted)).min(up + 1).min(left + 1);
            current.push(left);
        }
        above = current;
    }
    above.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_understood_and_another_word_is_not() {
        let known = ["listen", "paths", "secret", "secrets", "tls"];
        assert_eq!(meant("lisen", &known), Some("listen"));
        assert_eq!(meant("secert", &known), Some("secret"));
        assert_eq!(meant("path", &known), Some("paths"));
        assert_eq!(meant("ssl", &known), None);
        assert_eq!(meant("colour", &known), None);
    }

    #[test]
    fn what_may_be_a_secret_in_the_wrong_place_is_not_repeated() {
        assert_eq!(quoted("10\u{1b}[2J"), "\"10\\u{1b}[2J\"");
        assert_eq!(quoted("https://hooks.slack.com/x"), "this value");
        assert_eq!(segment("AP_CONNECTED"), "AP_CONNECTED");
        assert_eq!(segment("*"), "\"*\"");
        assert_eq!(segment("https://hooks.slack.com/x"), "\"…\"");
    }
}
