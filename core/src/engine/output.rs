//! What the engine wants, and what it has to tell.

use alloc::{sync::Arc, vec::Vec};
use core::time::Duration;

use http_types::StatusCode;

use super::input::DestinationId;
use crate::{
    chat::{outcome::Reason, shape::Form},
    config::checked::Destination,
    delivery::{
        batch::{ChatId, Chats, EventKey},
        queue::Loss,
    },
    event::fingerprint::Fingerprint,
    webhook::inbox::RequestId,
};

/// What shall happen outside, or has happened inside.
#[derive(Clone, Debug)]
pub enum Output {
    /// For the journal and the metrics.
    Event(Event),
    /// Read these events again and hand them in as `Restored`, owed to this chat only.
    Recall { keys: Vec<EventKey>, chat: ChatId },
    /// Answer the request.
    Respond {
        /// Which.
        id: RequestId,
        /// With what.
        status: StatusCode,
    },
    /// Post these events; answer with `Answered`.
    Send {
        /// The queue.
        destination: DestinationId,
        /// Where to.
        to: Arc<Destination>,
        /// To be named in the answer.
        id: u64,
        /// Which events, several as one digest.
        keys: Vec<EventKey>,
        /// The best form to try.
        form: Form,
    },
    /// These chats are done with this event; the store may forget what nobody waits for.
    Settle { key: EventKey, chats: Chats },
    /// Put a batch on disk; answer with `Stored` or `Refused`.
    Store {
        /// Its number.
        batch: u64,
        /// Its bytes, as [`encode`](crate::delivery::batch::encode) makes them.
        bytes: Vec<u8>,
        /// The chats that shall have each event, in order.
        chats: Vec<Chats>,
        /// The identities of its events.
        fingerprints: Vec<Fingerprint>,
    },
}

/// What the journal tells and the metrics count.
#[derive(Clone, Debug)]
pub enum Event {
    /// A batch was put on disk.
    Accepted {
        /// Its number.
        batch: u64,
        /// How many events.
        events: usize,
    },
    /// A destination took a message.
    Delivered {
        /// Its name.
        to: Arc<Destination>,
        /// How many events were in it.
        events: usize,
        /// The form that was sent.
        form: Form,
        /// From acceptance to the answer, for the oldest event that this run accepted.
        latency: Option<Duration>,
    },
    /// Events were given up.
    Dropped {
        /// The destination; none where none is configured.
        to: Option<Arc<Destination>>,
        /// How many.
        events: usize,
        /// Why.
        loss: Loss,
    },
    /// A destination is dead.
    Parked {
        /// Its name.
        to: Arc<Destination>,
        /// Why.
        reason: Reason,
        /// How long until it is tried again.
        probe_after: Duration,
    },
    /// The disk refused a batch.
    Refused {
        /// How many events, which the sender still has.
        events: usize,
    },
    /// A dead destination is back.
    Resumed {
        /// Its name.
        to: Arc<Destination>,
    },
    /// An attempt failed.
    Retrying {
        /// The destination.
        to: Arc<Destination>,
        /// How many attempts failed in a row.
        failures: u32,
        /// How long until the next.
        after: Duration,
        /// Why.
        reason: Reason,
    },
    /// Events were seen before.
    Suppressed {
        /// How many.
        events: usize,
    },
}
