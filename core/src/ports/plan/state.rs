//! What the plan remembers of a switch, of a port, and of the comparison with the inventory.

use alloc::{collections::BTreeSet, string::String, vec::Vec};
use core::time::Duration;

use crate::base::mac::Mac;
use crate::base::time::{Instant, UnixTime};
use crate::ports::switch_port::{Mode, Switch, SwitchPort};
use crate::ports::{decide::Reason, name::PortName, port::Port, record::Record};

/// A younger inventory need not be asked for again.
const FRESH_FOR: Duration = Duration::from_secs(60);

/// A switch and the changes that wait for it.
#[derive(Debug)]
pub(super) struct SwitchQueue {
    pub(super) switch: Switch,
    /// The ports that wait to be pushed, or have waited since the last push.
    pub(super) due: BTreeSet<PortName>,
    /// Ports that are pushed alone, because one of them may have spoilt the last batch.
    pub(super) alone: BTreeSet<PortName>,
    /// When the waiting ports are pushed; `None` if none waits, or no time is known.
    pub(super) push_at: Option<Instant>,
    /// The ports in flight.
    pub(super) batch: Option<Vec<Sent>>,
}

/// A port of the batch in flight.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    pub(super) switch_port: SwitchPort,
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

/// A port, and what the plan remembers of it.
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
    /// The reason of the last report that nothing is changed, until an access point is seen there.
    pub(super) last_reason: Option<Reason>,
    /// In `observe`: the mode of the change that was reported and not made, on a port that we had
    /// really changed before.
    pub(super) observed: Option<Mode>,
    /// What its last observed change would do, as far as that could be found out.
    pub(super) foreseen: Option<String>,
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
            last_reason: None,
            observed: None,
            foreseen: None,
            kept: None,
        }
    }
}

/// The state of the comparison with the inventory.
#[derive(Debug, Default)]
pub(super) struct Inventory {
    /// When the question in flight was asked.
    pub(super) asked: Option<(Instant, UnixTime)>,
    pub(super) answered_at: Option<Instant>,
    pub(super) failures: u32,
    /// Access points whose share waits for the inventory, each with the id of its question.
    pub(super) waiting: Vec<(Mac, u64)>,
}

impl Inventory {
    /// Whether the last answer is recent.
    pub(super) fn is_fresh(&self, now: Instant) -> bool {
        self.answered_at.is_some_and(|answered_at| answered_at + FRESH_FOR > now)
    }
}
