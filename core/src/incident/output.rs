//! What the incidents want done, and the events that they emit.

use alloc::vec::Vec;

use super::{input::Name, teller::Fate};
use crate::notify::{Notification, Severity, change::Key};

/// A command to the engine, or an event that it only passes on.
#[derive(Clone, Debug)]
pub enum Output {
    /// What a destination's queue is to know: the severity of the worst of what can be told now;
    /// `None` if nothing can.
    Due {
        to: Name,
        severity: Option<Severity>,
    },
    Event(Event),
    /// Put an incident on disk, or forget it.
    Keep {
        key: Key,
        record: Option<Vec<u8>>,
    },
    /// Put on disk what a destination was told of an incident, or forget it.
    KeepShown {
        to: Name,
        key: Key,
        shown: Option<Vec<u8>>,
    },
    /// Put a silence on disk, or forget it.
    KeepSilence {
        number: u64,
        silence: Option<Vec<u8>>,
    },
    /// The answer to `Compose`; `None` if there is nothing to tell any more.
    Message {
        to: Name,
        notification: Option<Notification>,
    },
    /// These destinations are told what the event says by the incident.
    Takes(Vec<Name>),
}

/// What the journal prints and the metrics count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// What became of events that incidents tell.
    Counted { to: Name, fate: Fate, events: usize },
    /// There are 100,000 incidents: what is new is told as events, until some are forgotten.
    Full,
    /// An incident was opened, by the number that people name it by.
    Opened { id: u64, condition: &'static str },
    /// An incident is over.
    Over { id: u64, condition: &'static str },
    /// The silence of this number has ended by itself.
    SilenceOver(u64),
}
