//! The common face of the kinds of destinations.

use alloc::vec::Vec;
use core::time::Duration;

use http_types::Url;

use super::{outcome::Outcome, outcome::Reason, outcome::by_status, shape::Form, shape::Payload};
use crate::{base::secret::Secret, base::window::Window, notify::Notification};

/// Bytes of an answer that are read for the vendor's words.
const ANSWER_MAX: usize = 2_048;

/// A kind of destination: a chat product, or the console in its place.
#[derive(Debug)]
pub struct Kind {
    /// The name in the configuration, in `/status` and in `route --payloads`.
    pub name: &'static str,
    /// The formats of its messages, the default first. Where there are several, the configuration
    /// chooses one by its key `format`.
    pub formats: &'static [Format],
    /// Whether every event goes there at once, and not the state of incidents.
    pub is_stream: bool,
    /// Whether it is told of incidents only, and each of its messages is about one condition at one
    /// site: its alert, which is opened, acknowledged and resolved.
    pub is_grouped: bool,
    /// The vendor's published rate limits; empty for no limit.
    pub pace: &'static [Window],
    /// Judges a URL from the configuration. A kind without it has no URLs: its messages are printed
    /// on standard output, and it serves every channel.
    pub url: Option<fn(&Url) -> UrlVerdict>,
    /// Where it posts if the configuration names no URL; without it, that must name one.
    pub default_url: Option<&'static str>,
    /// The keys that `[[chat.destination]]` has for this kind alone.
    pub keys: &'static [Key],
    /// The meaning of an answer by the vendor's own words, which count before the status does.
    pub answer: fn(&Answer<'_>) -> Option<Outcome>,
}

/// One format of the messages of a kind.
#[derive(Debug)]
pub struct Format {
    /// The value of the key `format`.
    pub name: &'static str,
    /// Makes the payload of a notification, at best in the given form.
    pub shape: fn(&Notification, Form, &Options) -> Payload,
    /// Reported if this format is chosen.
    pub warning: Option<Warning>,
}

/// A key of the configuration that one kind has, whose value is a text.
#[derive(Debug)]
pub struct Key {
    pub name: &'static str,
    /// The key that names a file with the value, which is then a secret.
    pub file: Option<&'static str>,
    pub is_required: bool,
    /// Whether the value may be a list of texts too.
    pub is_list: bool,
    /// What a value must be, in words, such as `the routing key: 32 letters and digits`.
    pub expected: &'static str,
    pub fits: fn(&str) -> bool,
}

/// What the configuration says of the messages of one destination.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The values of the kind's own keys. A list has one entry for each element.
    pub keys: Vec<(&'static str, Secret)>,
}

impl Options {
    /// The value of one of the kind's own keys, or the first of a list.
    pub fn key(&self, name: &str) -> Option<&str> {
        self.keys.iter().find(|(key, _)| *key == name).map(|(_, value)| value.expose())
    }

    /// The same for a message that people see and nobody sends: without the kind's own keys, some
    /// of which are secret.
    #[must_use]
    pub fn shown(&self) -> Self {
        Self { keys: Vec::new() }
    }
}

/// What may be wrong with a value, and what was expected instead.
pub type Warning = (&'static str, &'static str);

/// What a kind says about a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UrlVerdict {
    /// The host is not the vendor's: a relay, a test receiver, or another vendor.
    Foreign,
    Fine,
    /// The vendor's, but it does not take our messages, or no longer.
    Suspicious(Warning),
}

/// An HTTP answer, in which a kind looks for its vendor's words.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    pub status: u16,
    pub retry_after: Option<Duration>,
    /// The beginning of the body.
    pub body: &'a str,
}

impl Kind {
    /// What an answer means. The vendor's known words decide before the status does.
    pub fn outcome(&self, status: u16, retry_after: Option<Duration>, body: &[u8]) -> Outcome {
        let body = alloc::string::String::from_utf8_lossy(body.get(..ANSWER_MAX).unwrap_or(body));
        // No vendor answers with a page: a captive portal does, or what has taken the URL's place.
        if (200..300).contains(&status) && body.trim_start().starts_with('<') {
            return Outcome::Dead(Reason::BadAnswer);
        }
        (self.answer)(&Answer { status, retry_after, body: &body })
            .unwrap_or_else(|| by_status(status, retry_after))
    }

    /// Judges a URL; see [`Kind::url`].
    pub fn judge(&self, url: &Url) -> UrlVerdict {
        self.url.map_or(UrlVerdict::Foreign, |judge| judge(url))
    }

    /// The format that is taken where the configuration names none.
    pub fn default_format(&self) -> &'static Format {
        self.formats.first().expect("each kind has a format")
    }
}

/// Two kinds are the same if their names are.
impl PartialEq for Kind {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Kind {}
