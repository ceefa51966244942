//! What ports, switches and their modes are, and what is seen on a port.

use alloc::string::String;
use core::fmt;

use super::name::{PortName, SwitchName};
use crate::base::mac::Mac;

/// What a port is configured for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    Ap,
    Default,
}

impl Mode {
    /// The word for it in the configuration, in commands and in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ap => "ap",
            Self::Default => "default",
        }
    }

    /// The mode of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Ap, Self::Default].into_iter().find(|mode| mode.name() == name)
    }
}

/// One port of one switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SwitchPort {
    /// The switch's MAC as Mist has it; of a virtual chassis, that which the cloud assigned.
    pub switch: Mac,
    pub port: PortName,
}

/// Switch and port: `5c:5b:35:00:00:01 ge-0/0/12`.
impl fmt::Display for SwitchPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.switch, self.port)
    }
}

/// What is known of a switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Switch {
    pub mac: Mac,
    /// Its id in Mist's API. Of a virtual chassis it does not follow from a member's MAC.
    pub device_id: String,
    /// The site's id.
    pub site: String,
    /// Its name, where that could be a host's.
    pub name: Option<SwitchName>,
}

/// What people call it: its name, else its MAC.
impl fmt::Display for Switch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => name.fmt(f),
            None => self.mac.fmt(f),
        }
    }
}

/// What a switch says about one of its ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    pub switch: Switch,
    /// The port; none where it is not one that an access point can be plugged into.
    pub port: Option<PortName>,
    /// Whether the switch is there to say it. If not, this is what it said before it was lost.
    pub is_live: bool,
    /// Whether the port has a link.
    pub up: bool,
    /// Its LLDP neighbour.
    pub neighbor: Option<Mac>,
}

impl Sighting {
    /// The port, if it is one that an access point can be plugged into.
    pub fn switch_port(&self) -> Option<SwitchPort> {
        Some(SwitchPort { switch: self.switch.mac, port: self.port? })
    }

    /// Whether this proves that `ap` is there, at the far end of a link that is up.
    pub fn proves(&self, ap: Mac) -> bool {
        self.is_live && self.up && self.neighbor == Some(ap)
    }
}
