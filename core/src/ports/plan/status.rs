//! The state of the plan, for people.

use super::Plan;
use crate::base::mac::Mac;
use crate::base::machine::Machine;
use crate::base::time::Instant;
use crate::ports::probe::Probe;
use crate::ports::switch_port::{Mode, Switch, SwitchPort};

/// The state of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    pub switch_port: SwitchPort,
    /// The access point on it.
    pub ap: Option<Mac>,
    /// The mode that it is known to have.
    pub mode: Option<Mode>,
    /// Whether the mode was only reported, in `observe`.
    pub is_observed: bool,
    /// The mode that it is on its way to.
    pub wanted: Option<Mode>,
    /// How far its change is, by [`Port::stage`](crate::ports::port::Port::stage).
    pub stage: &'static str,
    /// When the next step follows, if that is known.
    pub next_at: Option<Instant>,
    /// The rule that refuses its change for now.
    pub refused: Option<&'static str>,
    /// Why its change failed last, by [`Failure::name`](crate::base::failure::Failure::name).
    pub last_failure: Option<&'static str>,
}

impl Plan {
    /// All known ports.
    pub fn ports(&self) -> impl Iterator<Item = Status> {
        self.slots.iter().map(|(switch_port, slot)| Status {
            switch_port: *switch_port,
            ap: slot.ap,
            mode: slot.port.mode(),
            is_observed: slot.is_observed,
            wanted: slot.port.wanted_mode(),
            stage: slot.port.stage(),
            next_at: slot.port.poll_timeout(),
            refused: slot.refused.filter(|_| slot.port.due().is_some()),
            last_failure: slot.port.last_failure(),
        })
    }

    /// What is known of a switch.
    pub fn switch(&self, mac: Mac) -> Option<&Switch> {
        self.queues.get(&mac).map(|queue| &queue.switch)
    }

    /// The number of probes.
    pub fn watched(&self) -> usize {
        self.probes.len()
    }

    /// The number of probes that are not at rest.
    pub fn looking(&self) -> usize {
        self.probes.values().filter(|probe| !Probe::is_resting(probe)).count()
    }

    /// Whether changes are only reported, not made.
    pub const fn is_observing(&self) -> bool {
        self.config.observes()
    }

    /// Whether that is so because the clock is not synchronised.
    pub const fn doubts_clock(&self) -> bool {
        self.config.doubts_clock()
    }

    /// Whether all changes are stopped.
    pub const fn is_stopped(&self) -> bool {
        self.governor.is_stopped()
    }

    /// When the breaker closes, while it is open.
    pub fn breaker_closes_at(&self) -> Option<Instant> {
        self.governor.closes_at()
    }
}
