//! What happens to the engine.

use alloc::{string::String, vec::Vec};
use core::time::Duration;

use crate::{
    base::time::UnixTime,
    chat::outcome::Reason,
    config::checked::Chat,
    delivery::batch::{Chats, EventKey},
    event::fingerprint::Fingerprint,
    notify::Severity,
    webhook::{inbox::RequestId, intake::Intake},
};

/// Policy of an [`Engine`](super::Engine).
#[derive(Clone, Debug)]
pub struct Config {
    /// Destinations and deliveries.
    pub chat: Chat,
    /// How long a seen event is remembered.
    pub dedup_window: Duration,
    /// The number of the first batch: one more than the last in the store.
    pub next_batch: u64,
}

/// Names a queue for as long as its destination is configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DestinationId(pub(super) u32);

/// What came back from a POST.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// What the answer asks for.
    pub retry_after: Option<Duration>,
    /// The beginning of the body.
    pub body: Vec<u8>,
}

/// What happened outside.
#[derive(Clone, Debug)]
pub enum Input {
    /// What became of a `Send`.
    Answered {
        /// The destination of the `Send`.
        destination: DestinationId,
        /// The number of the `Send`.
        id: u64,
        /// The answer, or why there is none.
        answer: Result<Answer, Reason>,
        /// When, by the wall clock.
        at: UnixTime,
    },
    /// The configuration was read again.
    Configured(Config),
    /// The disk refused a batch.
    Refused(u64),
    /// An event that an earlier run accepted.
    Remembered {
        /// Its identity.
        fingerprint: Fingerprint,
        /// How long ago.
        ago: Duration,
    },
    /// A request that [`intake`](crate::webhook::intake::intake) let in.
    Request {
        /// To be named in the answer.
        id: RequestId,
        /// What it brought.
        intake: Intake,
        /// When, by the wall clock.
        at: UnixTime,
    },
    /// Events in the store that still wait, from an earlier run or recalled.
    Restored {
        /// Which and for whom.
        events: Vec<Restored>,
        /// How long ago their batch was accepted.
        ago: Duration,
    },
    /// A batch is on disk.
    Stored(u64),
    /// An event of our own, of topic `mistgate`. It takes the way of any other: where it is routed
    /// to somebody and is not known already, it is stored and queued.
    Report {
        /// Its JSON text.
        text: String,
        /// When, by the wall clock.
        at: UnixTime,
    },
}

/// An event in the store that still waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// Where it is.
    pub key: EventKey,
    /// Its channel.
    pub channel: String,
    /// How loudly it speaks.
    pub severity: Severity,
    /// Stands for its site.
    pub site: u64,
    /// The chats that do not have it yet.
    pub chats: Chats,
}
