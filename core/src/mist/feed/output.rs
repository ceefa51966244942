//! What the feed wants done, and the events that it emits.

use alloc::{string::String, sync::Arc, vec::Vec};

use super::part::Part;
use crate::base::{exchange::Request, mac::Mac, time::UnixTime};

/// A command to the driver, or an event that it only passes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Say which incidents are open; answer with `Open`.
    Compare,
    /// For the journal.
    Event(Event),
    /// The sites, by their ids, and their gateway where it is the only one.
    Gateways(Vec<(Arc<str>, Option<Mac>)>),
    /// Remember over a restart that all is here that Mist could not deliver before this time.
    Keep(UnixTime),
    /// Say how things are here; answer with `Seen`.
    Look,
    /// An event of our own, of topic `mistgate`, as JSON. There is no answer.
    Report(String),
    /// Ask Mist; answer with `Answered`.
    Request(Request),
    /// Take this in as if Mist sent it; answer with `Taken`.
    Take(Late),
    /// Make a selftest; `Tested` follows.
    Test,
}

/// Events that Mist did not send, or not with success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Late {
    /// As a webhook's body.
    pub body: String,
    pub origin: Origin,
    /// Whether it may have been told and forgotten, so that it only changes incidents and ports.
    pub is_folded: bool,
}

/// Where late events are from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A delivery that failed.
    Failed,
    /// Mist's list of device events.
    Listed,
    /// How Mist says that a device is, which no event did.
    Seen,
}

/// What the journal prints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// So many deliveries that failed and listed events were taken, of which some may be known.
    CaughtUp { failed: usize, listed: usize },
    /// There were more pages than are read.
    CutShort,
    /// This part of the feed works again.
    Right(Part),
    /// Mist could not be asked; it is tried again soon.
    Unchecked { reason: String },
    /// This part of the feed does not work. Said again only with another reason.
    Wrong { part: Part, reason: String },
}
