//! From an event to what people read.
//!
//! [`describe`](topics::describe) makes a [`Notification`] of an event, in no chat's language.
//! The channel is chosen in [`route`](crate::route), the layout in [`chat`](crate::chat).

use alloc::{string::String, vec::Vec};

use serde::{Deserialize, Serialize};

use crate::base::time::UnixTime;

pub mod types;

pub(crate) mod plain;

pub mod links;

mod describe;

pub mod change;

pub mod topics;

pub mod merged;

pub mod summary;

/// The member in which mistgate itself says what else is to be known of an event.
pub const NOTE: &str = "mistgate_note";
/// The members in which it says of which organisation an event is, and where its dashboard is.
pub const ORG: &str = "mistgate_org";
pub const DASHBOARD: &str = "mistgate_dashboard";
/// The member that makes an event one of `mistgate send-test`: it is told as a test, and says
/// nothing of any condition. Its value may be the name of the one chat that it is for.
pub const SEND_TEST: &str = "mistgate_send_test";

/// The severity of a notification. The four default channels have the same names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Debug,
    #[default]
    Info,
    /// Needs a look today.
    Warning,
    /// Needs a look now.
    Critical,
}

impl Severity {
    /// All severities, the lowest first.
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

/// A labelled value, such as `Reason`. Both texts may come from outside; each chat escapes and cuts
/// them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    pub label: String,
    pub value: String,
}

/// Lines with their indentation, such as a configuration or the difference between two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    pub label: String,
    /// Each chat cuts long lines and long lists.
    pub lines: Vec<String>,
}

/// A button such as `AP insights`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub text: String,
    /// An absolute `https` URL. Scheme, host and path are ours, and ids in it are checked.
    pub url: String,
}

/// How an incident stands after the event that changed it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    pub id: u64,
    pub is_open: bool,
    /// Why no chat is told of it, in words.
    pub muted_by: Option<String>,
}

/// A message before a chat lays it out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notification {
    pub severity: Severity,
    /// A headline without markup or a full stop, such as `AP disconnected`.
    pub title: String,
    /// One or two sentences, such as `AP "Reception" (5c:…) at site HQ lost its connection.`
    pub summary: String,
    /// Those that a reader needs most come first.
    pub facts: Vec<Fact>,
    pub listing: Option<Listing>,
    pub links: Vec<Link>,
    /// By Mist's clock; by ours where an event has no time.
    pub at: Option<UnixTime>,
    /// Whether it says that something is over, which is good news whatever its severity.
    pub is_over: bool,
    /// Whether somebody takes care of all that it says is open.
    pub is_acknowledged: bool,
    /// The key of the incident's thread, for a chat with threads: equal for the failure and its
    /// recovery; at most 200 ASCII letters, digits and `-`.
    pub thread: Option<String>,
    /// The incidents that the event changed, for a stream of all events.
    pub incidents: Vec<Standing>,
}
