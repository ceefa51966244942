//! The state of the plan, for `/status` and `/metrics`.

use std::{collections::BTreeMap, time::Duration};

use mistgate_core::base::time::Instant;
use mistgate_core::ports::plan;
use mistgate_core::ports::plan::Plan;
use mistgate_core::ports::port::RESTING;
use mistgate_core::ports::switch_port::Mode;

use super::backend::Backend;

/// The most ports that are listed one by one, those that wait before the others.
const LISTED_MAX: usize = 1_000;

/// The state of the plan.
#[derive(Debug)]
pub struct Status {
    /// Whether changes are only reported, not made.
    pub is_observing: bool,
    /// Whether that is so because the clock is not synchronised.
    pub doubts_clock: bool,
    pub method: &'static str,
    /// Whether Mist can be asked about access points.
    pub can_ask: bool,
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
    pub ports: Vec<PortStatus>,
}

/// The state of a port.
#[derive(Debug)]
pub struct PortStatus {
    /// The name of its switch, or else the MAC.
    pub switch: String,
    pub port: plan::status::Status,
    /// How long until the next step, if that is known.
    pub next: Option<Duration>,
}

impl Status {
    pub(super) fn new(plan: &Plan, now: Instant, backend: &Backend) -> Self {
        let (mut modes, mut stages) = (BTreeMap::new(), BTreeMap::new());
        let mut observed = 0;
        for port in plan.ports() {
            *modes.entry(port.mode.map_or("unknown", Mode::name)).or_default() += 1;
            *stages.entry(port.stage).or_default() += 1;
            observed += usize::from(port.is_observed);
        }
        let waits = |port: &plan::status::Status| port.stage != RESTING;
        let first = plan.ports().filter(waits).chain(plan.ports().filter(|port| !waits(port)));
        let ports = first.take(LISTED_MAX).map(|port| PortStatus {
            switch: plan
                .switch(port.switch_port.switch)
                .map_or_else(|| port.switch_port.switch.to_string(), ToString::to_string),
            port,
            next: port.next_at.map(|at| at - now),
        });
        Self {
            is_observing: plan.is_observing(),
            doubts_clock: plan.doubts_clock(),
            method: backend.method.name(),
            can_ask: backend.can_ask(),
            is_stopped: plan.is_stopped(),
            breaker_open: plan.breaker_closes_at().map(|at| at - now),
            watched: plan.watched(),
            looking: plan.looking(),
            modes,
            observed,
            stages,
            ports: ports.collect(),
        }
    }
}
