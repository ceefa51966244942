//! The questions before a decision, and their answers.

use alloc::{string::String, vec::Vec};

use super::switch_port::{Sighting, Switch, SwitchPort};
use super::{name::PortName, outage::Share};
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

impl Answer {
    /// Behind which switches access points are, as far as this answer to a question says; `None`
    /// for one that is connected at a place that is not known. What is said of others is that they
    /// are where they were.
    pub fn links(&self, question: &Question) -> Vec<(Mac, Option<Mac>)> {
        if let (Self::Location(location), Question::Location { ap, .. }) = (self, question) {
            return location.switch().map(|switch| (*ap, Some(switch))).into_iter().collect();
        }
        let Self::Inventory(entries) = self else { return Vec::new() };
        let links = entries.iter().map(|entry| (entry, entry.location.switch()));
        let links = links.filter(|(entry, switch)| switch.is_some() || entry.is_connected);
        links.map(|(entry, switch)| (entry.ap, switch)).collect()
    }
}

/// Where an access point is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Location {
    /// The ports on which switches see it.
    pub seen: Vec<Sighting>,
    /// The ports that it names itself.
    pub hints: Vec<Hint>,
}

impl Location {
    /// The switch that sees the access point, else the one that it names; `None` if several see it.
    pub fn switch(&self) -> Option<Mac> {
        let mut seen = self.seen.iter().map(|sighting| sighting.switch.mac);
        let first = seen.next();
        let named = self.hints.first().map(|hint| hint.switch.mac);
        first.or(named).filter(|switch| seen.all(|other| other == *switch))
    }
}

/// The LLDP neighbour that an access point reports, through its own session with Mist. The port
/// may come from a description, so the switch must say the same.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn mac(text: &str) -> Mac {
        Mac::parse(text).expect("a MAC")
    }

    fn switch(address: &str) -> Switch {
        let mac = mac(address);
        Switch { mac, device_id: String::new(), site: String::new(), name: None, model: None }
    }

    fn location(seen: &[&str], named: Option<&str>) -> Location {
        let sighting = |address: &&str| Sighting {
            switch: switch(address),
            port: None,
            is_live: true,
            up: true,
            neighbor: None,
            up_for: None,
            is_ap: None,
        };
        let port = PortName::parse("ge-0/0/1").expect("a port");
        let hints = named.map(|address| Hint { switch: switch(address), port });
        Location { seen: seen.iter().map(sighting).collect(), hints: hints.into_iter().collect() }
    }

    #[test]
    fn an_access_point_is_behind_the_one_switch_that_sees_it_or_that_it_names() {
        let (one, other) = ("5c5b350000f1", "5c5b350000f2");
        for (seen, named, expected) in [
            (&[one][..], Some(other), Some(one)),
            (&[one, one], None, Some(one)),
            (&[one, other], Some(one), None),
            (&[], Some(other), Some(other)),
            (&[], None, None),
        ] {
            assert_eq!(location(seen, named).switch(), expected.map(mac), "{seen:?} {named:?}");
        }
        let entry = |ap: &str, is_connected, location| Entry {
            ap: mac(ap),
            site: String::new(),
            is_connected,
            last_seen: None,
            location,
        };
        let (here, gone) = ("5c5b35000001", "5c5b35000002");
        let inventory = Answer::Inventory(Vec::from([
            entry(here, true, location(&[], None)),
            entry(gone, false, location(&[], None)),
            entry(gone, false, location(&[one], None)),
        ]));
        let links = inventory.links(&Question::Inventory);
        assert_eq!(links, [(mac(here), None), (mac(gone), Some(mac(one)))]);
    }
}
