//! How things are, for people.

use super::Plan;
use crate::{
    base::{mac::Mac, machine::Machine, time::Instant},
    ports::{
        port::stage::Stage,
        probe::Probe,
        switch_port::{Mode, Switch, SwitchPort},
    },
};

/// A port as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    pub switch_port: SwitchPort,
    /// The access point on it.
    pub ap: Option<Mac>,
    /// The mode that it is known to have.
    pub mode: Option<Mode>,
    /// Whether that is only what we would have done.
    pub is_observed: bool,
    /// The mode that it is on its way to.
    pub wanted: Option<Mode>,
    /// The mode that it waits to be pushed to.
    pub due: Option<Mode>,
    /// Whether a change is in flight.
    pub is_pushing: bool,
    /// What becomes of its change.
    pub stage: Stage,
    /// When it goes on from there, where that is known.
    pub next_at: Option<Instant>,
    /// The rule that holds its change up.
    pub refused: Option<&'static str>,
    /// Why its change failed last, by [`Failure::name`](crate::base::failure::Failure::name).
    pub last_failure: Option<&'static str>,
}

impl Plan {
    /// All ports that are kept.
    pub fn ports(&self) -> impl Iterator<Item = Status> {
        self.slots.iter().map(|(switch_port, slot)| Status {
            switch_port: *switch_port,
            ap: slot.ap,
            mode: slot.port.mode(),
            is_observed: slot.is_observed,
            wanted: slot.port.wanted_mode(),
            due: slot.port.due().map(|want| want.mode),
            is_pushing: slot.port.is_pushing(),
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

    /// How many access points and ports are watched.
    pub fn watched(&self) -> usize {
        self.probes.len()
    }

    /// How many of them are being looked at.
    pub fn looking(&self) -> usize {
        self.probes.values().filter(|probe| !Probe::is_resting(probe)).count()
    }

    /// Whether changes are only reported, not made.
    pub const fn is_observing(&self) -> bool {
        self.config.is_observing
    }

    /// Whether all changes are stopped.
    pub const fn is_stopped(&self) -> bool {
        self.governor.is_stopped()
    }

    /// When the breaker closes, while it is open.
    pub const fn breaker_closes_at(&self) -> Option<Instant> {
        self.governor.closes_at()
    }
}
