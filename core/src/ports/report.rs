//! What people should know: each change, refusal and failure, with everything that a message about
//! it needs.

use alloc::{string::String, vec::Vec};
use core::{slice, time::Duration};

use super::{
    decide::Reason,
    governor::Refusal,
    name::PortName,
    probe::Subject,
    switch_port::{Mode, Switch, SwitchPort},
};
use crate::base::{failure::Failure, mac::Mac};

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
        switch_port: SwitchPort,
        /// What is known of the switch.
        switch: Option<Switch>,
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
        /// Whether the port was not given up for the same reason before.
        is_news: bool,
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
        /// The switch of the port, or of the port that the access point had.
        switch: Option<Switch>,
        /// Why not.
        reason: Reason,
    },
}

impl Report {
    /// The type of the event that tells it, which is also its name in the audit and in metrics.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Breaker { is_open: true, .. } => "PORTS_BREAKER_OPEN",
            Self::Breaker { is_open: false, .. } => "PORTS_BREAKER_CLOSED",
            Self::Kept { .. } => "PORT_KEPT",
            Self::Observed { .. } => "PORT_OBSERVED",
            Self::Overflow => "PORTS_OVERFLOW",
            Self::Refused { .. } => "PORT_REFUSED",
            Self::Retrying { is_unknown: true, .. } => "PORT_UNCONFIRMED",
            Self::Retrying { is_unknown: false, .. } => "PORT_RETRYING",
            Self::Settled { diff, is_read_back: false, .. } if diff.is_empty() => "PORT_UNCHANGED",
            Self::Settled { .. } => "PORT_CHANGED",
            Self::Stopped(true) => "PORTS_STOPPED",
            Self::Stopped(false) => "PORTS_RESUMED",
            Self::Stuck { .. } => "PORT_STUCK",
            Self::Undecided { .. } => "PORT_UNDECIDED",
        }
    }

    /// The label for why: the name of a rule, of a failure or of a reason. `none` where the changes
    /// of a batch may have different ones, and where there is nothing to name.
    pub const fn cause(&self) -> &'static str {
        match self {
            Self::Kept { reason, .. } | Self::Undecided { reason, .. } => reason.name(),
            Self::Refused { refusal, .. } => refusal.rule(),
            Self::Retrying { failure, .. } | Self::Stuck { failure, .. } => failure.name(),
            Self::Breaker { .. }
            | Self::Observed { .. }
            | Self::Overflow
            | Self::Settled { .. }
            | Self::Stopped(_) => "none",
        }
    }

    /// The changes that it is about.
    pub fn changes(&self) -> &[Change] {
        match self {
            Self::Observed { changes, .. } | Self::Settled { changes, .. } => changes,
            Self::Refused { change, .. }
            | Self::Retrying { change, .. }
            | Self::Stuck { change, .. } => slice::from_ref(change),
            Self::Breaker { .. }
            | Self::Kept { .. }
            | Self::Overflow
            | Self::Stopped(_)
            | Self::Undecided { .. } => &[],
        }
    }

    /// The switch that it is about.
    pub const fn switch(&self) -> Option<&Switch> {
        match self {
            Self::Observed { switch, .. }
            | Self::Refused { switch, .. }
            | Self::Retrying { switch, .. }
            | Self::Settled { switch, .. }
            | Self::Stuck { switch, .. } => Some(switch),
            Self::Kept { switch, .. } | Self::Undecided { switch, .. } => switch.as_ref(),
            Self::Breaker { .. } | Self::Overflow | Self::Stopped(_) => None,
        }
    }

    /// How many ports, access points or other things it is about, for counting.
    pub fn count(&self) -> usize {
        self.changes().len().max(1)
    }
}
