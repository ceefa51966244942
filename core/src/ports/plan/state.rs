//! What the plan remembers of a switch, of a port, and of the comparison with the inventory.

use alloc::{collections::BTreeSet, string::String, vec::Vec};
use core::time::Duration;

use crate::base::{mac::Mac, time::Instant, time::UnixTime};
use crate::ports::switch_port::{Mode, Switch, SwitchPort};
use crate::ports::{decide::Reason, name::PortName, port::Port, record::Record, report::Order};

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
}

/// A port, and what the plan remembers of it.
#[derive(Debug, Default)]
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
    /// Its change that waits or is under way.
    pub(super) pending: Option<Pending>,
    /// The number and the mode of its last change, which somebody may undo.
    pub(super) made: Option<(u64, Mode)>,
    /// The mode that it is not to get until there is news of it, because a person decided so about
    /// the change with this number.
    pub(super) left: Option<(u64, Mode)>,
    /// What the store has of it.
    pub(super) kept: Option<Record>,
}

/// A change of a port, before it is made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pending {
    pub(super) number: u64,
    pub(super) mode: Mode,
    pub(super) since: Instant,
    /// Whether a person wants it.
    pub(super) is_approved: bool,
    /// Whether it can be taken back: mode `default` of a port that never had another cannot.
    pub(super) is_undoable: bool,
}

impl Slot {
    /// The number of its change to this mode, under way or made.
    pub(super) fn number(&self, mode: Mode) -> Option<u64> {
        let pending = self.pending.map(|pending| (pending.number, pending.mode));
        pending.or(self.made).filter(|one| one.1 == mode).map(|(number, _)| number)
    }

    /// Whether a person can order this about its change with this number.
    pub(super) fn takes(&self, order: Order, number: u64) -> bool {
        // A later decision may have taken its place, and has no number yet.
        let waits = self.pending.zip(self.port.due()).is_some_and(|(one, want)| {
            one.number == number && one.mode == want.mode && !one.is_approved
        });
        let is_made = self.port.is_idle() && self.made.is_some_and(|(made, _)| made == number);
        match order {
            Order::Approve => waits || self.left.is_some_and(|(left, _)| left == number),
            Order::Reject => waits,
            Order::Undo => is_made && self.left.is_none(),
        }
    }

    /// Whether it has the mode that its access point, or the lack of one, asks for.
    pub(super) fn is_right(&self) -> bool {
        (self.port.mode() == Some(Mode::Ap)) == self.ap.is_some()
    }

    /// Whether it is as others left it, or was given back to them.
    pub(super) fn is_given_back(&self) -> bool {
        self.ap.is_none() && self.port.is_idle() && !self.port.is_touched()
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
