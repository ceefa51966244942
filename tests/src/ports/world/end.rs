//! The end of a world: everything works again, and then every port must be right.

use core::time::Duration;

use mistgate_core::ports::governor::AbortAfter;
use mistgate_core::ports::plan::input::Input;
use mistgate_core::ports::report::{Order, Report};
use mistgate_core::ports::switch_port::Mode;

use super::{Event, World, truth::Device};
use crate::base::bytes::Bytes;

/// How long a world runs after that: a few comparisons with Mist, and the last attempts.
const HEALED_FOR: Duration = Duration::from_secs(6 * 3_600);
/// How often it runs longer because something still waits, and how much longer.
const PATIENCE: usize = 300;
const LONGER: Duration = Duration::from_secs(600);

impl World<'_> {
    pub(super) fn heal(&mut self) {
        self.bytes = Bytes::new(&[]);
        self.note("heal");
        for switch in 0..self.size.switches {
            self.darken(switch, false);
            self.truth.chassis_mut(switch).is_slow = false;
        }
        for ap in 0..self.size.aps {
            self.hang(ap, false);
        }
        for spot in 0..self.size.spots() {
            if let Some(Device::Liar(_)) = self.truth.socket(spot).there {
                self.truth.put(self.now, spot, None);
            }
        }
        (self.fails_until, self.is_stopped) = (self.now, false);
        (self.config.governor.approve_first, self.config.governor.abort_after) =
            (Some(0), AbortAfter { switch: usize::MAX, all: usize::MAX });
        self.config.wall = self.clock();
        self.input(Input::Configured(Box::new(self.config.clone())));
        self.set_clock(0, true);
        self.input(Input::Stop(false));
        if self.config.is_observing {
            self.pass(HEALED_FOR);
            self.check_current_ports();
            self.config.is_observing = false;
            self.config.wall = self.clock();
            self.input(Input::Configured(Box::new(self.config.clone())));
        }
        // Whatever a person left alone is done again, also what was being undone until now.
        for _ in 0..2 {
            for port in self.plan.status(self.now, usize::MAX).ports {
                if let Some(number) = port.change.filter(|_| port.orders.contains(&"approve")) {
                    self.input(Input::Ordered { order: Order::Approve, number });
                }
            }
            self.pass(HEALED_FOR);
        }
        // A forbidden port is tried again every hour, perhaps right now. Limits and freezes take
        // time.
        let mut patience = 0;
        let is_busy = |world: &Self| {
            let stages = world.plan.status(world.now, 0).stages;
            stages.contains_key("due") || stages.contains_key("pushing")
        };
        while is_busy(self) {
            assert!(patience < PATIENCE, "a change without end");
            patience += 1;
            self.pass(LONGER);
        }
        self.flush();
        self.check_current_ports();
        self.judge();
    }

    fn judge(&self) {
        for (number, chassis) in self.truth.all_chassis().iter().enumerate() {
            assert!(chassis.lock.is_none(), "switch {number} is locked");
            assert!(chassis.undo.is_empty(), "switch {number} has something to undo");
            for spot in self.size.spots_of(number) {
                self.judge_port(number, spot);
            }
        }
    }

    fn judge_port(&self, switch: usize, spot: usize) {
        let switch_port = self.names.switch_port(spot);
        let there = match self.truth.socket(spot).there.filter(|_| !self.size.is_ignored(switch)) {
            Some(Device::Ap(ap)) => Some(self.names.ap(ap)),
            Some(Device::Phone | Device::Liar(_)) | None => None,
        };
        let owner = self.disk.get(&switch_port).and_then(|record| record.ap);
        let mode = self.truth.socket(spot).mode;
        let kept = owner.and_then(|owner| self.names.ap_of(owner));
        if there.is_none() && kept.is_some_and(|ap| self.laws.is_outage(ap)) {
            // An access point that was lost together with many others is still waited for.
            return;
        }
        let is_trunk = there.is_some() && !self.size.is_forbidden(spot);
        let expected = if is_trunk { Mode::Ap } else { Mode::Default };
        assert_eq!(mode, expected, "{switch_port} with {there:?}, spot {spot}");
        assert_eq!(owner, there, "{switch_port}, spot {spot}");
    }
}

/// Counts of what happened in a world.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// What somebody did, what broke or was mended, and what the cloud reported.
    pub incidents: usize,
    pub crashes: usize,
    /// Ports that were changed, as the switch sees it.
    pub changed: usize,
    /// How often the breaker opened.
    pub opened: usize,
    /// Changes that were only reported, in mode observe.
    pub observed: usize,
    /// Changes that a rule refused or held back.
    pub refused: usize,
    /// Ports that were left as they are because their access point was not known to be gone.
    pub kept: usize,
    /// Changes that were given up.
    pub stuck: usize,
    /// Unconfirmed commits that were undone.
    pub undone: usize,
}

impl Event {
    /// Whether something happens outside, and not only an answer to mistgate.
    pub(super) const fn is_incident(&self) -> bool {
        matches!(
            self,
            Self::Plug { .. } | Self::Undo { .. } | Self::Unlock { .. } | Self::Webhook(_)
        )
    }
}

impl Tally {
    pub(super) fn count(&mut self, report: &Report) {
        match report {
            Report::Kept { .. } => self.kept += 1,
            Report::Observed { changes, .. } => self.observed += changes.len(),
            Report::Refused { .. } => self.refused += 1,
            Report::Failed { failed, .. } => self.stuck += usize::from(failed.retry.is_none()),
            Report::Breaker { is_open, .. } => self.opened += usize::from(*is_open),
            Report::ClockDoubted(_)
            | Report::Drifted { .. }
            | Report::Overflow
            | Report::Settled { .. }
            | Report::Ordered { .. }
            | Report::Stopped { .. }
            | Report::Undecided { .. } => {}
        }
    }

    /// The sum of both counts.
    #[must_use]
    pub const fn and(self, other: &Self) -> Self {
        Self {
            incidents: self.incidents + other.incidents,
            crashes: self.crashes + other.crashes,
            changed: self.changed + other.changed,
            opened: self.opened + other.opened,
            observed: self.observed + other.observed,
            refused: self.refused + other.refused,
            kept: self.kept + other.kept,
            stuck: self.stuck + other.stuck,
            undone: self.undone + other.undone,
        }
    }
}
