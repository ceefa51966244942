//! What the feed wants done, and the events that it emits.

use alloc::string::String;

use super::part::Part;
use crate::base::exchange::Request;

/// A command to the driver, or an event that it only passes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Say which incidents of ours are open; answer with `Open`.
    Compare,
    /// For the journal.
    Event(Event),
    /// Say how things are here; answer with `Seen`.
    Look,
    /// An event of our own, of topic `mistgate`, as JSON. There is no answer.
    Report(String),
    /// Ask Mist; answer with `Answered`.
    Request(Request),
}

/// What the journal prints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// This part of the feed works again.
    Right(Part),
    /// Mist could not be asked; it is tried again soon.
    Unchecked { reason: String },
    /// This part of the feed does not work. Said again only with another reason.
    Wrong { part: Part, reason: String },
}
