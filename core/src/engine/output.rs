//! What the engine wants done, and the events that it emits.

use alloc::{sync::Arc, vec::Vec};
use core::time::Duration;

use http_types::StatusCode;

use super::input::DestinationId;
use crate::chat::{outcome::Reason, shape::Form};
use crate::delivery::{batch::ChatId, batch::Chats, batch::EventKey, queue::output::Loss};
use crate::delivery::{config::Destination, dead_letter::Dead, queue::input::Entry};
use crate::{event::fingerprint::Fingerprint, incident, incident::input::Name};
use crate::{notify::Notification, notify::change::Key, webhook::inbox::RequestId};

/// A command to the driver, or an event that it only passes on.
#[derive(Clone, Debug)]
pub enum Output {
    /// For the journal and the metrics.
    Event(Event),
    /// Put an incident on disk, or forget it.
    KeepIncident { key: Key, record: Option<Vec<u8>> },
    /// Put on disk what a destination was told of an incident, or forget it.
    KeepShown { to: Name, key: Key, shown: Option<Vec<u8>> },
    /// Put a silence on disk, or forget it.
    KeepSilence { number: u64, silence: Option<Vec<u8>> },
    /// Read the channels of these events again, and hand them in as `Recalled`. Their age goes on.
    Recall { entries: Vec<Entry>, chat: ChatId },
    /// Answer the request.
    Respond { id: RequestId, status: StatusCode },
    /// Post a message; answer with `Answered`.
    Send {
        destination: DestinationId,
        to: Arc<Destination>,
        /// The answer names it.
        id: u64,
        message: Message,
        /// The best form to try.
        form: Form,
    },
    /// These chats are done with this event. The store may forget an event once no chat waits for
    /// it.
    Settle {
        key: EventKey,
        chats: Chats,
        /// Why it was given up, if it was: then it is kept as a dead letter of each chat.
        dead: Option<Dead>,
    },
    /// Put a batch on disk; answer with `Stored` or `Refused`. One without events is no more than
    /// its fingerprints and incidents.
    Store {
        put: Put,
        /// Its bytes, as [`encode`](crate::delivery::batch::encode) makes them.
        bytes: Vec<u8>,
    },
}

/// What is to be on disk of a batch besides its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Put {
    pub batch: u64,
    /// The chats that each event goes to, in the order of the events.
    pub chats: Vec<Chats>,
    /// Of all events of the batch, also those that no chat waits for.
    pub fingerprints: Vec<Fingerprint>,
    /// What the events made of incidents; none to forget one. They are on disk if and only if the
    /// batch is.
    pub incidents: Vec<(Key, Option<Vec<u8>>)>,
    /// The dead letter that this is, which goes with the same stroke. Refused where it is gone.
    pub letter: Option<u64>,
    /// The store may forget the fingerprints of earlier batches than this.
    pub forget_before: u64,
}

/// What a message is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Stored events; several are merged.
    Events(Vec<EventKey>),
    /// What is wrong now, and what is over.
    Incidents(Notification),
}

/// What the journal prints and the metrics count.
#[derive(Clone, Debug)]
pub enum Event {
    /// A batch was put on disk.
    Accepted { batch: u64, events: usize },
    /// A destination took a message.
    Delivered {
        to: Arc<Destination>,
        /// How many events were in it.
        events: usize,
        form: Form,
        /// From acceptance to the answer, for the oldest event that this run accepted.
        latency: Option<Duration>,
    },
    /// Events were given up.
    Dropped {
        /// `None` where no destination is configured for them any more.
        to: Option<Arc<Destination>>,
        /// Counted for each chat.
        events: usize,
        loss: Loss,
    },
    /// An incident came or went, or it is known what became of its events.
    Incident(incident::output::Event),
    /// A destination is dead.
    Parked {
        to: Arc<Destination>,
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
    Resumed { to: Arc<Destination> },
    /// An attempt failed.
    Retrying {
        to: Arc<Destination>,
        /// How many attempts failed in a row.
        failures: u32,
        /// How long until the next.
        after: Duration,
        reason: Reason,
    },
    /// Events were seen before.
    Suppressed { events: usize },
    /// A destination took a message about incidents.
    Told { to: Arc<Destination>, form: Form },
}
