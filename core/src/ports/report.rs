//! What people should know: each change, refusal and failure, with everything that a message about
//! it needs.

use alloc::{string::String, vec::Vec};
use core::time::Duration;

use super::{
    decide::Reason,
    failure::Failure,
    governor::Refusal,
    name::PortName,
    place::{Mode, Place, Switch},
    watch::Subject,
};
use crate::event::Mac;

/// One change of one port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The port.
    pub port: PortName,
    /// The mode.
    pub mode: Mode,
    /// The access point for which, or which left.
    pub ap: Option<Mac>,
    /// Why.
    pub reason: Reason,
    /// From the first sign to now.
    pub took: Duration,
    /// The exact change, line by line.
    pub lines: Vec<String>,
}

/// Something that people should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// Too many access points went at once, or it is over.
    Breaker {
        /// Whether changes are held from now on.
        is_open: bool,
        /// How long.
        hold: Duration,
    },
    /// An access point does not answer, and its port stays as it is.
    Kept {
        /// Which.
        ap: Mac,
        /// Its port.
        place: Place,
        /// Why.
        reason: Reason,
    },
    /// This would have been done in `enforce`.
    Observed {
        /// The switch.
        switch: Switch,
        /// Its ports.
        changes: Vec<Change>,
    },
    /// There is more to watch than there is room for, and the rest is not watched.
    Overflow,
    /// A change must not happen, or not now.
    Refused {
        /// The switch.
        switch: Switch,
        /// The change.
        change: Change,
        /// Why not.
        refusal: Refusal,
    },
    /// A change failed, or may have failed, and is tried again.
    Retrying {
        /// The switch.
        switch: Switch,
        /// The change.
        change: Change,
        /// Why.
        failure: Failure,
        /// Whether the change may have been made.
        is_unknown: bool,
        /// How often it was tried.
        attempt: u32,
        /// How long until the next attempt.
        after: Duration,
    },
    /// Ports are as they shall be.
    Settled {
        /// The switch.
        switch: Switch,
        /// Its ports.
        changes: Vec<Change>,
        /// The difference that it made, as the method tells it; empty where there was none, because
        /// the ports were as they should be already.
        diff: String,
        /// Whether that was read back after an unknown end.
        is_read_back: bool,
    },
    /// All changes are stopped, or may go on.
    Stopped(bool),
    /// A change failed and is not tried again until there is news of the port.
    Stuck {
        /// The switch.
        switch: Switch,
        /// The change.
        change: Change,
        /// Why.
        failure: Failure,
        /// How often it was tried.
        attempt: u32,
    },
    /// It could not be found out what a port should be.
    Undecided {
        /// What was looked at.
        subject: Subject,
        /// Why not.
        reason: Reason,
    },
}
