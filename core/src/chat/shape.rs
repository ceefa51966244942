//! The forms of a message, and the payload that a shape makes of a notification.
//!
//! Each kind tries the forms in order: rich, compact, plain. It takes the first one that keeps the
//! vendor's limits, so a payload is valid whatever a device is called.

use alloc::string::String;

/// How much of a notification a message shows, from most to least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// Headline, facts, buttons.
    Rich,
    /// Headline, the first facts shortened, at most one button.
    Compact,
    /// Lines of text, without a layout or buttons.
    Plain,
}

impl Form {
    /// The name in logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rich => "rich",
            Self::Compact => "compact",
            Self::Plain => "plain",
        }
    }
}

/// What to POST.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    /// One JSON document in UTF-8, on one line.
    pub body: String,
    pub form: Form,
    /// Parameters to append to the URL's query, without `?` or `&` at the start.
    pub query: Option<&'static str>,
    /// A header beside those of every message, such as a signature.
    pub header: Option<(&'static str, String)>,
}
