//! The inputs of the plan, and its policy.

use alloc::{boxed::Box, string::String, vec::Vec};
use core::time::Duration;

use crate::base::{failure::Failure, time::UnixTime};
use crate::ports::ap_event::{ApEvent, Request};
use crate::ports::{edit::Edits, edit::Pushed, governor, switch_port::Mode, switch_port::Switch};
use crate::ports::{name::PortName, port, probe, question::Answer, record::Record, report::Order};

/// What is done about a port whose lines somebody else has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drift {
    Repair,
    Tell,
}

/// Policy of a [`Plan`](super::Plan).
#[derive(Clone, Debug)]
pub struct Config {
    pub probe: probe::Config,
    pub port: port::Config,
    pub governor: governor::Policy,
    pub edits: Edits,
    /// Whether changes are only reported, not made.
    pub is_observing: bool,
    /// What is done where somebody changed a port in mode `ap`; `None` where that cannot be seen.
    pub drift: Option<Drift>,
    /// The ids of sites whose access points are ignored.
    pub ignored_sites: Vec<String>,
    /// Whether the word of the switch is enough proof of where an access point is.
    pub one_sided_proof: bool,
    pub two_ports: TwoPorts,
    /// From one inventory to the next.
    pub reconcile_after: Duration,
    /// The wall clock.
    pub wall: UnixTime,
    /// Whether the kernel calls it synchronised.
    pub is_synchronised: bool,
}

/// What is done where an access point is on two ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TwoPorts {
    /// Nothing, which is reported.
    Tell,
    /// The one that it has, or else the first one, gets mode `ap`.
    First,
    /// All of them get mode `ap`.
    Both,
}

impl Config {
    /// Whether nobody knows if it is the time of a freeze, so that changes are only reported.
    pub const fn doubts_clock(&self) -> bool {
        !self.is_observing && !self.is_synchronised && !self.governor.freezes.is_empty()
    }

    /// Whether changes are only reported, for one reason or the other.
    pub const fn observes(&self) -> bool {
        self.is_observing || self.doubts_clock()
    }
}

/// What happened outside.
#[derive(Clone, Debug)]
pub enum Input {
    /// The answer to an `Ask`.
    Answered { id: u64, answer: Answer },
    /// An operator closes the breaker.
    BreakerClosed,
    /// The wall clock, and whether the kernel calls it synchronised. Freezes and outages are judged
    /// by it; it showed this at the last such input.
    Clock { wall: UnixTime, is_synchronised: bool },
    /// What each edit of a `Compare` would change; empty where the port is right already.
    Compared { id: u64, compared: Result<Vec<String>, Failure> },
    /// The configuration was read again.
    Configured(Box<Config>),
    /// A user wants a port to have this mode. It is tried once, at once and without proof.
    Manual { switch: Switch, port: PortName, mode: Mode },
    /// A person orders this about the change with this number.
    Ordered { order: Order, number: u64 },
    /// The end of a `Push`.
    Pushed { id: u64, pushed: Pushed },
    /// Whether the port of a `Read` has the mode; `None` if it could not be read.
    Read { id: u64, is_done: Option<bool> },
    /// A program outside asks for a port's mode.
    Requested(Request),
    /// The records of the store, before any other input.
    Restored(Vec<Record>),
    /// An event of an access point.
    ApEvent(ApEvent),
    /// Turns the kill switch on or off.
    Stop(bool),
}
