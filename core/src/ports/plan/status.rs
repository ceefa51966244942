//! The state of the plan, for `/status` and `/metrics`.

use alloc::{collections::BTreeMap, string::String, string::ToString, vec::Vec};
use core::{ops::Range, time::Duration};

use super::{Plan, state::Slot};
use crate::base::{mac::Mac, machine::Machine, time::Instant, time::UnixTime};
use crate::ports::switch_port::{Mode, Switch, SwitchPort};
use crate::ports::{port::RESTING, probe::Probe, report::Order};

/// The state of the plan.
#[derive(Debug)]
pub struct Status {
    /// Whether changes are only reported, not made.
    pub is_observing: bool,
    /// Whether that is so because the clock is not synchronised.
    pub doubts_clock: bool,
    /// Whether the kill switch is on.
    pub is_stopped: bool,
    /// How long the breaker stays open, while it is.
    pub breaker_open: Option<Duration>,
    /// How many access points and ports are watched.
    pub watched: usize,
    /// How many of them are being looked at.
    pub looking: usize,
    /// How many ports have each mode.
    pub modes: BTreeMap<&'static str, usize>,
    /// How many ports have a mode that was only reported, in `observe`.
    pub observed: usize,
    /// How many ports are at each stage of a change.
    pub stages: BTreeMap<&'static str, usize>,
    /// Ports one by one, those that wait before the others.
    pub ports: Vec<PortStatus>,
}

/// The state of a port.
#[derive(Debug)]
pub struct PortStatus {
    /// The name of its switch, or else the MAC.
    pub switch: String,
    pub switch_port: SwitchPort,
    /// The number of its change, which is under way, waits or was made last.
    pub change: Option<u64>,
    /// What a person can order about that change.
    pub orders: Vec<&'static str>,
    /// When a change of it last began or ended.
    pub changed_at: Option<UnixTime>,
    /// The mode that it does not get by itself until there is news of it.
    pub left: Option<Mode>,
    /// The access point on it.
    pub ap: Option<Mac>,
    /// The mode that it is known to have.
    pub mode: Option<Mode>,
    /// Whether the mode was only reported, in `observe`.
    pub is_observed: bool,
    /// What the observed change would do; empty if the port is right already.
    pub foreseen: Option<String>,
    /// The mode that it is on its way to.
    pub wanted: Option<Mode>,
    /// How far its change is, by [`Port::stage`](crate::ports::port::Port::stage).
    pub stage: &'static str,
    /// How long until the next step, if that is known.
    pub next: Option<Duration>,
    /// The rule that refuses its change, for now or for good.
    pub refused: Option<&'static str>,
    /// Why its change failed last, by [`Failure::name`](crate::base::failure::Failure::name).
    pub last_failure: Option<&'static str>,
}

impl Plan {
    /// The state at this time, with up to `ports_max` of the ports.
    pub fn status(&self, now: Instant, ports_max: usize) -> Status {
        self.status_like(now, "", 0..ports_max)
    }

    /// The state at this time, with those of the ports in this range that are `like` a text in
    /// lower case: a part of the name of the port or its switch, or of the access point's MAC.
    pub fn status_like(&self, now: Instant, like: &str, range: Range<usize>) -> Status {
        let (mut modes, mut stages) = (BTreeMap::new(), BTreeMap::new());
        for Slot { port, .. } in self.slots.values().filter(|slot| !slot.is_given_back()) {
            *modes.entry(port.mode().map_or("unknown", Mode::name)).or_default() += 1;
            *stages.entry(port.stage()).or_default() += 1;
        }
        let at_rest = |is_resting: bool| {
            self.slots.iter().filter(move |(_, slot)| (slot.port.stage() == RESTING) == is_resting)
        };
        let is_like = |(at, slot): &(&SwitchPort, &Slot)| {
            let switch = self.switch(at.switch).map(Switch::to_string);
            let texts = [switch, Some(at.to_string()), slot.ap.map(|ap| ap.to_string())];
            like.is_empty() || texts.iter().flatten().any(|text| text.to_lowercase().contains(like))
        };
        let found = at_rest(false).chain(at_rest(true)).filter(is_like);
        let first = found.skip(range.start).take(range.len());
        Status {
            is_observing: self.config.observes(),
            doubts_clock: self.config.doubts_clock(),
            is_stopped: self.is_stopped(),
            breaker_open: self.governor.closes_at().map(|at| at - now),
            watched: self.probes.len(),
            looking: self.probes.values().filter(|probe| !Probe::is_resting(probe)).count(),
            modes,
            observed: self.slots.values().filter(|slot| slot.is_observed).count(),
            stages,
            ports: first.map(|(at, slot)| self.port_status(now, *at, slot)).collect(),
        }
    }

    fn port_status(&self, now: Instant, switch_port: SwitchPort, slot: &Slot) -> PortStatus {
        let mac = switch_port.switch;
        let decided = slot.left.or(slot.made).map(|(number, _)| number);
        let change = slot.pending.map(|pending| pending.number).or(decided);
        let orders = Order::ALL
            .into_iter()
            .filter(|order| change.is_some_and(|number| slot.takes(*order, number)));
        let given_back = slot.made.filter(|_| slot.is_given_back()).map(|(_, mode)| mode);
        PortStatus {
            switch: self.switch(mac).map_or_else(|| mac.to_string(), Switch::to_string),
            switch_port,
            change,
            orders: orders.map(Order::name).collect(),
            changed_at: slot.changed_at,
            left: slot.left.map(|(_, mode)| mode),
            ap: slot.ap,
            mode: slot.port.mode().or(given_back),
            is_observed: slot.is_observed,
            foreseen: slot.foreseen.clone(),
            wanted: slot.port.wanted_mode(),
            stage: slot.port.stage(),
            next: slot.port.poll_timeout().map(|at| at - now),
            refused: slot.refused.filter(|_| slot.port.due().is_some() || !slot.is_right()),
            last_failure: slot.port.last_failure(),
        }
    }

    /// What is known of a switch.
    pub fn switch(&self, mac: Mac) -> Option<&Switch> {
        self.queues.get(&mac).map(|queue| &queue.switch)
    }

    /// Whether all changes are stopped.
    pub const fn is_stopped(&self) -> bool {
        self.governor.is_stopped()
    }
}
