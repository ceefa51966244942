//! What is asked before a decision, and the answers.

use alloc::{string::String, vec::Vec};

use super::{
    name::PortName,
    switch_port::{Sighting, Switch, SwitchPort},
};
use crate::base::{mac::Mac, time::UnixTime};

/// A question, to be answered once, also where there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// What does the switch say about this port? From Mist's `stats/ports/search?mac=&port_id=`,
    /// or, of a switch that Mist does not know, from the switch itself.
    Port { switch_port: SwitchPort, switch: Option<Switch> },
    /// Where are all access points, and which are connected?
    Inventory,
    /// On which port of which switch is this access point? From Mist's
    /// `stats/ports/search?neighbor_mac=`, and from the access point's own LLDP neighbour.
    Location {
        ap: Mac,
        /// The site of its last event.
        site: Option<String>,
    },
}

/// The answer to a question of the same name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// What the switch says; nothing where it has no such port.
    Port(Option<Sighting>),
    /// All access points of the organisation. A part of them is no answer.
    Inventory(Vec<Entry>),
    /// There is none: the API refused, failed or did not answer in time.
    Unanswered,
    /// Where the access point is.
    Location(Location),
}

/// Where an access point is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Location {
    /// The ports that switches see it on.
    pub seen: Vec<Sighting>,
    /// The port that it says itself that it is on.
    pub hint: Option<Hint>,
}

/// An access point's LLDP neighbour. It proves nothing: the port may come from a description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    pub switch: Switch,
    pub port: PortName,
}

impl Hint {
    /// The port that the hint names.
    pub const fn switch_port(&self) -> SwitchPort {
        SwitchPort { switch: self.switch.mac, port: self.port }
    }
}

/// One access point of the inventory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub ap: Mac,
    pub site: String,
    /// Whether it is connected to the cloud.
    pub is_connected: bool,
    /// When Mist last heard of it.
    pub last_seen: Option<UnixTime>,
    /// Where it is.
    pub location: Location,
}
