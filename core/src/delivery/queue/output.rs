//! What a queue wants done, and what it says of its destination.

use alloc::vec::Vec;
use core::time::Duration;

use super::input::Entry;
use crate::{chat::outcome::Reason, chat::shape::Form, delivery::batch::EventKey};

/// What a message is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Load {
    /// Several events are merged.
    Events(Vec<EventKey>),
    /// What there is to tell of incidents when the message is made.
    Incidents,
}

/// Why an event was given up. A refusal has more words in the chat's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Loss {
    #[error("older than max_age")]
    Expired,
    /// The queue was full, and it was the oldest of the lowest severity.
    #[error("more than queue_max waited")]
    Full,
    #[error("in a store that was damaged")]
    Lost,
    /// The chat refused even its plain text.
    #[error("refused: {0}")]
    Refused(Reason),
    #[error("no destination is configured for it any more")]
    Unrouted,
}

impl Loss {
    /// The label in metrics and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Full => "queue_full",
            Self::Lost => "lost",
            Self::Refused(_) => "refused",
            Self::Unrouted => "unrouted",
        }
    }
}

/// A command, or an event that the engine passes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// These events arrived.
    Delivered {
        /// Several if they were merged.
        entries: Vec<Entry>,
        form: Form,
        /// How many attempts failed since the last success.
        failures: u32,
    },
    /// These events will never be sent.
    Dropped { entries: Vec<Entry>, loss: Loss },
    /// It has failed for a quarter of an hour; it goes on being tried.
    Failing(Reason),
    /// Nothing arrives there until somebody repairs it.
    Parked {
        reason: Reason,
        /// How long until it is tried again.
        probe_after: Duration,
        /// How often it was found dead, from 1.
        probes: u32,
    },
    /// A destination that was parked or said to be failing took a message.
    Resumed,
    /// The attempt failed and will be repeated.
    Retrying {
        /// How many attempts failed since the last success.
        failures: u32,
        /// How long until the next.
        after: Duration,
        reason: Reason,
    },
    /// Post this in one message; answer with `Answered`.
    Send {
        /// The answer names it.
        id: u64,
        load: Load,
        /// The best form to try.
        form: Form,
    },
    /// The message about incidents has ended.
    Told(End),
}

/// The end of a message about incidents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// What is so then is to be told by a later message.
    Again,
    Arrived(Form),
    /// The chat refused even its plain text, but may take the parts of it.
    Divided,
    /// The chat refused even its plain text, and would refuse it again.
    Refused(Reason),
}

/// The health of a destination, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// The last attempt failed.
    Failing(Reason),
    /// The URL is dead.
    Parked(Reason),
    Ready,
}
