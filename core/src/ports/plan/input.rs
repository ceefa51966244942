//! What happens to the plan.

use alloc::{boxed::Box, string::String, vec::Vec};
use core::time::Duration;

use crate::{
    base::time::UnixTime,
    ports::{
        ap_event::{ApEvent, Request},
        edit::{Edits, Pushed},
        governor,
        name::PortName,
        port, probe,
        question::Answer,
        record::Record,
        switch_port::{Mode, Switch},
    },
};

/// Policy of a [`Plan`](super::Plan).
#[derive(Clone, Debug)]
pub struct Config {
    /// How access points and ports are looked at.
    pub probe: probe::Config,
    /// How changes are tried.
    pub port: port::Config,
    /// What must not happen.
    pub governor: governor::Policy,
    /// What is written.
    pub edits: Edits,
    /// Whether changes are only reported, not made.
    pub is_observing: bool,
    /// The ids of the sites whose access points are left alone.
    pub ignored_sites: Vec<String>,
    /// The time between two looks at everything.
    pub reconcile_after: Duration,
    /// The wall clock.
    pub wall: UnixTime,
}

/// What happened outside.
#[derive(Clone, Debug)]
pub enum Input {
    /// What became of an `Ask`.
    Answered { id: u64, answer: Answer },
    /// An operator closes the breaker.
    BreakerClosed,
    /// The wall clock. Freezes and outages are judged by it; it was right at the last such input.
    Clock(UnixTime),
    /// The configuration was read again.
    Configured(Box<Config>),
    /// A user wants a port to have this mode. It is tried once, at once and without proof.
    Manual { switch: Switch, port: PortName, mode: Mode },
    /// What became of a `Push`.
    Pushed { id: u64, pushed: Pushed },
    /// What became of a `Read`.
    Read {
        id: u64,
        /// Whether the port has the mode; nothing where it could not be read.
        is_done: Option<bool>,
    },
    /// A program outside asks for a port's mode.
    Requested(Request),
    /// What an earlier run left; before any other input.
    Restored(Vec<Record>),
    /// An event of an access point.
    ApEvent(ApEvent),
    /// Turns the kill switch on or off.
    Stop(bool),
}
