//! Switches, their ports and the ports' modes, and what a switch says about a port.

use alloc::{string::String, vec::Vec};
use core::{fmt, time::Duration};

use super::name::{PortName, SwitchName};
use crate::base::{glob, mac::Mac};

/// How long the restart of an access point may take, an upgrade or a power cut included.
pub const RESTART_MAX: Duration = Duration::from_secs(900);

/// What a port is configured for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    Ap,
    Default,
}

impl Mode {
    /// The name in the configuration, in commands and in the store.
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
    /// The switch's MAC as Mist has it; a virtual chassis has one that the cloud assigned.
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
    /// The id in Mist's API; that of a virtual chassis does not follow from a member's MAC.
    pub device_id: String,
    /// The id of the site.
    pub site: String,
    /// `None` if the name cannot be a host name.
    pub name: Option<SwitchName>,
    /// Such as `EX4400-48P`; `None` if Mist did not tell it.
    pub model: Option<String>,
}

/// Which switches a rule is for. What has no pattern does not count; `*` stands for any text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SwitchMatcher {
    /// Names or MACs.
    pub switch: Vec<String>,
    pub model: Vec<String>,
    /// The ids of sites.
    pub site: Vec<String>,
}

impl SwitchMatcher {
    /// Whether the rule is for this switch.
    pub fn matches(&self, switch: &Switch) -> bool {
        let any = |patterns: &[String], value: Option<&str>| {
            let value = value.unwrap_or_default().to_ascii_lowercase();
            let fits = |pattern: &String| {
                glob::matches(&pattern.to_ascii_lowercase(), &value)
                    || Mac::parse(pattern).is_some_and(|mac| mac == switch.mac)
            };
            patterns.is_empty() || patterns.iter().any(fits)
        };
        any(&self.switch, switch.name.as_ref().map(SwitchName::as_str))
            && any(&self.model, switch.model.as_deref())
            && any(&self.site, Some(&switch.site))
    }
}

/// The name, or else the MAC.
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
    /// `None` for an interface that no access point can be plugged into.
    pub port: Option<PortName>,
    /// Whether the switch is connected. If not, this is what it said last.
    pub is_live: bool,
    pub up: bool,
    /// The LLDP neighbour.
    pub neighbor: Option<Mac>,
    /// How long the switch has been running; `None` if it is not known.
    pub up_for: Option<Duration>,
    /// Whether the neighbour is one of our access points, as the plan knows it; `None` if it does
    /// not, and in the answers that it gets.
    pub is_ap: Option<bool>,
}

impl Sighting {
    /// The port, unless it is an interface that no access point can be plugged into.
    pub fn switch_port(&self) -> Option<SwitchPort> {
        Some(SwitchPort { switch: self.switch.mac, port: self.port? })
    }

    /// For how long it says nothing of an access point that it does not see, because the switch
    /// itself has just restarted and the access point may still do so.
    pub fn restarts_for(&self) -> Option<Duration> {
        let left = RESTART_MAX.checked_sub(self.up_for?)?;
        (!left.is_zero()).then_some(left)
    }

    /// Whether this proves that `ap` is connected to the port.
    pub fn proves(&self, ap: Mac) -> bool {
        self.is_live && self.up && self.neighbor == Some(ap)
    }
}
