//! What the driver hands to the engine.

use alloc::{string::String, vec::Vec};
use core::time::Duration;

use crate::delivery::{batch::Chats, batch::EventKey, config::Chat, queue::input::Entry};
use crate::{base::time::UnixTime, chat::outcome::Reason, delivery::batch::ChatId};
use crate::{event::fingerprint::Fingerprint, incident, incident::config::Rules};
use crate::{notify::Severity, webhook::inbox::RequestId, webhook::intake::Intake};

/// Policy of an [`Engine`](super::Engine).
#[derive(Clone, Debug)]
pub struct Config {
    /// Destinations and deliveries.
    pub chat: Chat,
    /// How long a seen event is remembered.
    pub dedup_window: Duration,
    /// The rules of incidents.
    pub incidents: Rules,
    /// The host that links of messages about incidents lead to.
    pub dashboard_host: String,
    /// The number of the first batch: one more than the last in the store, as far as that is known.
    pub next_batch: u64,
}

/// Names a queue for as long as its destination is configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DestinationId(pub(super) u32);

/// What came back from a POST.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// The `Retry-After` of the answer.
    pub retry_after: Option<Duration>,
    /// The beginning of the body, which may be cut.
    pub body: Vec<u8>,
}

/// What happened outside.
#[derive(Clone, Debug)]
pub enum Input {
    /// A dead letter is to be sent again. Answered as a request is, and with 409 where no
    /// destination is configured for it.
    Again {
        /// The answer names it.
        id: RequestId,
        /// Its number in the store.
        letter: u64,
        /// As [`again`](crate::webhook::intake::again) makes it.
        intake: Intake,
        at: UnixTime,
    },
    /// The outcome of a `Send`.
    Answered {
        destination: DestinationId,
        /// The number of the `Send`.
        id: u64,
        /// The answer, or why there is none.
        answer: Result<Answer, Reason>,
        at: UnixTime,
    },
    /// The configuration was read again.
    Configured(Config),
    /// For the incidents: what an earlier run left, and what persons want.
    Incident(incident::input::Input),
    /// The store is open, perhaps later than this run began. `is_new` if it has taken the place of
    /// one that was set aside: what waits was in that one, and is lost.
    Opened {
        /// As in [`Config`].
        next_batch: u64,
        is_new: bool,
        /// The most bytes of its file.
        store_max: u64,
    },
    /// The disk refused a batch.
    Refused(u64),
    /// An event that an earlier run accepted.
    Remembered {
        /// The number of the batch that brought it.
        batch: u64,
        fingerprint: Fingerprint,
        ago: Duration,
    },
    /// A request that [`intake`](crate::webhook::intake::intake) let in.
    Request {
        /// The answer names it.
        id: RequestId,
        intake: Intake,
        at: UnixTime,
    },
    /// The answer to a `Recall`: its events, each with the channel that the store has for it.
    Recalled { events: Vec<(Entry, String)>, chat: ChatId },
    /// Events in the store that still wait, from an earlier run.
    Restored {
        events: Vec<Restored>,
        /// How long ago their batch was accepted, by [`UnixTime::age`].
        ago: Duration,
    },
    /// A batch is on disk.
    Stored(u64),
    /// An event of our own, of topic `mistgate`. It is handled as any other: if it has a route and
    /// is new, it is stored and queued.
    Report {
        /// Its JSON text.
        text: String,
        at: UnixTime,
    },
}

impl Input {
    /// What time it is, where the input says so.
    pub(super) const fn wall(&self) -> Option<UnixTime> {
        if let Self::Again { at, .. }
        | Self::Answered { at, .. }
        | Self::Report { at, .. }
        | Self::Request { at, .. } = self
        {
            return Some(*at);
        }
        None
    }
}

/// An event in the store that still waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    pub key: EventKey,
    pub channel: String,
    pub severity: Severity,
    /// The chats that it is still owed to.
    pub chats: Chats,
}
