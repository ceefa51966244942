//! What the plan keeps of a switch, of each of its ports, and of the comparison with Mist.

use alloc::{collections::BTreeSet, string::String, vec::Vec};
use core::time::Duration;

use crate::{
    base::{
        mac::Mac,
        time::{Instant, UnixTime},
    },
    ports::{
        decide::Reason,
        name::PortName,
        port::Port,
        record::Record,
        switch_port::{Mode, Switch},
    },
};

/// What is younger need not be asked for again.
const FRESH_FOR: Duration = Duration::from_secs(60);

/// A switch and the changes that wait for it.
#[derive(Debug)]
pub(super) struct SwitchQueue {
    pub(super) switch: Switch,
    /// The ports that wait to be pushed, or have waited since the last push.
    pub(super) due: BTreeSet<PortName>,
    /// The ports of a refused batch, one of which may have been the reason.
    pub(super) alone: BTreeSet<PortName>,
    /// When those that wait are pushed; none where nothing waits or no time is known.
    pub(super) push_at: Option<Instant>,
    /// What is in flight.
    pub(super) batch: Option<Vec<Sent>>,
}

/// A port of the batch in flight.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    pub(super) port: PortName,
    /// Whether this is its first change, so that what was there before is not ours.
    pub(super) is_first: bool,
}

impl SwitchQueue {
    pub(super) const fn new(switch: Switch) -> Self {
        Self { switch, due: BTreeSet::new(), alone: BTreeSet::new(), push_at: None, batch: None }
    }

    /// Whether nothing waits or is in flight.
    pub(super) fn is_idle(&self) -> bool {
        self.due.is_empty() && self.batch.is_none()
    }
}

/// A port and what is known of it beside its mode.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) port: Port,
    /// The access point whose current port it is.
    pub(super) ap: Option<Mac>,
    /// What was there before its first change.
    pub(super) before: Option<String>,
    pub(super) changed_at: Option<UnixTime>,
    pub(super) is_observed: bool,
    /// The rule that refused its change, until one is let through.
    pub(super) refused: Option<&'static str>,
    /// Why the last look changed nothing, until an access point is seen there again.
    pub(super) told: Option<Reason>,
    /// In `observe`: the mode of the change that was reported and not made, on a port that we had
    /// really changed before.
    pub(super) observed: Option<Mode>,
    /// What the store has of it.
    pub(super) kept: Option<Record>,
}

impl Slot {
    pub(super) const fn new(port: Port) -> Self {
        Self {
            port,
            ap: None,
            before: None,
            changed_at: None,
            is_observed: false,
            refused: None,
            told: None,
            observed: None,
            kept: None,
        }
    }
}

/// Where the comparison stands.
#[derive(Debug, Default)]
pub(super) struct Inventory {
    /// When the question in flight was asked.
    pub(super) asked: Option<(Instant, UnixTime)>,
    pub(super) answered_at: Option<Instant>,
    pub(super) failures: u32,
    /// The access points whose site is not counted, with the question about each.
    pub(super) waiting: Vec<(Mac, u64)>,
}

impl Inventory {
    /// Whether there was an answer not long ago.
    pub(super) fn is_fresh(&self, now: Instant) -> bool {
        self.answered_at.is_some_and(|answered_at| answered_at + FRESH_FOR > now)
    }
}
