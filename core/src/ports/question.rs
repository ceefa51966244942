//! The questions before a decision, and their answers.

use alloc::{string::String, vec::Vec};

use super::name::PortName;
use super::outage::Share;
use super::switch_port::{Sighting, Switch, SwitchPort};
use crate::base::{mac::Mac, time::UnixTime};

/// A question. Each gets one [`Answer`], which may be that there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// What does the switch say about this port? Mist answers from
    /// `stats/ports/search?mac=&port_id=`; if it does not know the switch, the switch itself does.
    /// `switch` is what the plan knows of it.
    Port { switch_port: SwitchPort, switch: Option<Switch> },
    /// Where are all access points, and which are connected? A probe that asks this gets the
    /// [`Answer::Share`] of its access point from the plan.
    Inventory,
    /// On which port is this access point, whose last event came from `site`? Mist answers from
    /// `stats/ports/search?neighbor_mac=`, and from the access point's own LLDP neighbour.
    Location { ap: Mac, site: Option<String> },
}

/// The answer to the question of the same name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// `None` if the switch has no such port.
    Port(Option<Sighting>),
    /// All access points of the organisation; a part of them is no answer.
    Inventory(Vec<Entry>),
    /// How many were lost together with an access point; `None` if that is not known.
    Share(Option<Share>),
    /// The API refused, failed or did not answer in time.
    Unanswered,
    Location(Location),
}

/// Where an access point is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Location {
    /// The ports on which switches see it.
    pub seen: Vec<Sighting>,
    /// The port that it names itself.
    pub hint: Option<Hint>,
}

/// The LLDP neighbour that an access point reports. It proves nothing: the port may come from a
/// description.
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
    pub location: Location,
}
