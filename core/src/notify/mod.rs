//! From an event to what people read: where it goes, what it says, how each chat wants it.
//!
//! [`describe`](describe::describe) makes one neutral [`Notification`] of an event. Which channel
//! it goes to is not decided here, nor how a chat wants it.

use alloc::{string::String, vec::Vec};

use crate::base::time::UnixTime;

pub mod types;

mod plain;

pub mod links;

pub mod describe;

pub mod digest;

/// How loudly a notification speaks. The four default channels bear these names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// For whoever looks.
    Debug,
    /// Good to know.
    Info,
    /// Needs a look today.
    Warning,
    /// Needs a look now.
    Critical,
}

impl Severity {
    /// All of them, quietest first.
    pub const ALL: [Self; 4] = [Self::Debug, Self::Info, Self::Warning, Self::Critical];

    /// The name of the default channel.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }

    /// The severity whose default channel has this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|severity| severity.name() == name)
    }
}

/// One labelled value. Both are plain text from anywhere; shapers escape and cut them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// What the value is, such as `Reason`.
    pub label: String,
    /// The value.
    pub value: String,
}

/// Lines to be shown as they are, such as a configuration or the difference between two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// What they are, such as `Difference`.
    pub label: String,
    /// The lines. Their indentation counts; shapers cut what is too long or too much.
    pub lines: Vec<String>,
}

/// A button. The URL is ours: scheme, host and path are fixed, ids are checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// What the button says, such as `AP insights`.
    pub text: String,
    /// An absolute `https` URL.
    pub url: String,
}

/// What a failure and its recovery have in common, so that a chat with threads can show them
/// together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thread {
    /// Equal for the failure and its recovery: at most 200 ASCII letters, digits and `-`.
    pub key: String,
    /// Whether this is the recovery.
    pub recovery: bool,
}

/// A message in no chat's language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// How loudly it speaks.
    pub severity: Severity,
    /// A headline without markup or a full stop, such as `AP disconnected`.
    pub title: String,
    /// One or two sentences, such as `AP "Reception" (5c:…) at site HQ lost its connection.`
    pub summary: String,
    /// Details in the order of their use to a reader.
    pub facts: Vec<Fact>,
    /// The exact lines that it is about.
    pub listing: Option<Listing>,
    /// Where to look further.
    pub links: Vec<Link>,
    /// When it happened, by Mist's clock.
    pub at: Option<UnixTime>,
    /// The incident that it belongs to.
    pub thread: Option<Thread>,
}
