//! The state of a switch's ports at one moment, and whether a change broke them.

use alloc::{collections::BTreeMap, format, string::String, vec::Vec};
use core::time::Duration;

use crate::base::mac::Mac;
use crate::netconf::rpc::operational::{Interface, Neighbour};
use crate::ports::switch_port::{Mode, Sighting, Switch};
use crate::ports::{edit::Edit, name::PortName, question::Answer};

/// What a switch reported about its ports; `None` where it gave no answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observation {
    pub interfaces: Option<Vec<Interface>>,
    pub neighbours: Option<Vec<Neighbour>>,
    /// How long it has been running, where that was asked.
    pub up_for: Option<Duration>,
}

/// A port that a change makes serve an access point, as it was before the change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApPort {
    pub port: PortName,
    /// `None` if it is not known.
    pub ap: Option<Mac>,
    pub was_up: bool,
    /// The access point if it was an LLDP neighbour, or else the first neighbour.
    pub neighbour: Option<Mac>,
}

/// What does not work after a change, or does not work yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The port that does not work; `None` if it is the switch.
    pub port: Option<ApPort>,
    /// What is wrong, for people.
    pub words: String,
}

impl Observation {
    /// The answer to the question what is known of one port.
    pub fn answer(&self, switch: &Switch, port: PortName) -> Answer {
        // Without LLDP, no neighbour does not mean that nobody is there.
        if self.interfaces.is_none() || self.neighbours.is_none() {
            return Answer::Unanswered;
        }
        let sighting = self.link(port).map(|up| Sighting {
            switch: switch.clone(),
            port: Some(port),
            is_live: true,
            up,
            neighbor: self.neighbours_on(port).next(),
            up_for: self.up_for,
            is_ap: None,
        });
        Answer::Port(sighting)
    }

    /// Whether a port has a link; `None` if it was not reported.
    fn link(&self, port: PortName) -> Option<bool> {
        let mut interfaces = self.interfaces.iter().flatten();
        interfaces.find(|interface| is(&interface.name, port)).map(|interface| interface.is_up)
    }

    /// Whether this neighbour is seen, and not on this port.
    pub fn is_elsewhere(&self, neighbour: Mac, port: PortName) -> bool {
        let mut all = self.neighbours.iter().flatten();
        !self.neighbours_on(port).any(|mac| mac == neighbour)
            && all.any(|other| Mac::parse(&other.chassis_id) == Some(neighbour))
    }

    fn neighbours_on(&self, port: PortName) -> impl Iterator<Item = Mac> {
        let neighbours = self.neighbours.iter().flatten();
        let here = neighbours.filter(move |neighbour| is(&neighbour.interface, port));
        here.filter_map(|neighbour| Mac::parse(&neighbour.chassis_id))
    }
}

fn is(name: &str, port: PortName) -> bool {
    PortName::parse(name) == Ok(port)
}

/// The ports that a change makes serve an access point, as they are before it.
pub fn ap_ports(edits: &[Edit], before: &Observation) -> Vec<ApPort> {
    let edits = edits.iter().filter(|edit| edit.mode == Mode::Ap);
    edits
        .map(|&Edit { port, ap, .. }| {
            let neighbour = before.neighbours_on(port).find(|mac| Some(*mac) == ap);
            ApPort {
                port,
                ap,
                was_up: before.link(port) == Some(true),
                neighbour: neighbour.or_else(|| before.neighbours_on(port).next()),
            }
        })
        .collect()
}

/// Whether what worked before a change still works: links, neighbours, and the connections to Mist
/// of those access points that `connected` knows about. What was not there before is not asked for,
/// so that a port can be prepared for an access point to come.
pub fn judge(
    ap_ports: &[ApPort],
    before: &Observation,
    after: &Observation,
    connected: &BTreeMap<Mac, bool>,
) -> Result<(), Broken> {
    let is_silent = before.interfaces.is_some() && after.interfaces.is_none()
        || before.neighbours.is_some() && after.neighbours.is_none();
    if is_silent {
        let words = "the switch does not tell the state of its ports any more".into();
        return Err(Broken { port: None, words });
    }
    let broken = |&ApPort { port, ap, was_up, neighbour }: &ApPort| {
        if was_up && after.link(port) != Some(true) {
            return Some(format!("{port} lost its link"));
        }
        if let Some(gone) =
            neighbour.filter(|gone| !after.neighbours_on(port).any(|mac| mac == *gone))
        {
            return Some(format!("{gone} is not seen on {port} any more"));
        }
        let ap = ap.filter(|ap| connected.get(ap) == Some(&false))?;
        Some(format!("AP {ap} on {port} is not connected to Mist"))
    };
    let mut all = ap_ports.iter().map(|port| (port, broken(port)));
    all.find_map(|(port, words)| Some(Broken { port: Some(*port), words: words? }))
        .map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use alloc::{borrow::ToOwned, vec};

    use super::*;

    const AP: &str = "5c:5b:35:00:00:01";
    const OTHER: &str = "00:00:5e:00:53:01";

    fn port() -> PortName {
        PortName::parse("ge-0/0/7").expect("a port")
    }

    fn mac(text: &str) -> Mac {
        Mac::parse(text).expect("a MAC")
    }

    /// A switch with one port, down where there is no state, and who is seen there.
    fn look(link: Option<bool>, neighbours: &[&str]) -> Observation {
        let interface = |is_up| Interface { name: "ge-0/0/7".to_owned(), is_up };
        let neighbour = |id: &&str| Neighbour {
            interface: "ge-0/0/7.0".to_owned(),
            chassis_id: (*id).to_owned(),
        };
        Observation {
            interfaces: Some(link.map(interface).into_iter().collect()),
            neighbours: Some(neighbours.iter().map(neighbour).collect()),
            up_for: None,
        }
    }

    #[test]
    fn a_change_must_leave_whole_what_was_whole() {
        let (up, down) = (Some(true), Some(false));
        let nothing = Observation::default();
        let no_lldp = Observation { neighbours: None, ..look(up, &[]) };
        let gone = |text| Err(format!("{} is not seen on ge-0/0/7 any more", mac(text)));
        let offline =
            || Err("AP 5c:5b:35:00:00:01 on ge-0/0/7 is not connected to Mist".to_owned());
        let lost = || Err("ge-0/0/7 lost its link".to_owned());
        let silent = || Err("the switch does not tell the state of its ports any more".to_owned());
        for (before, after, connected, expected) in [
            // As before.
            (look(up, &[AP]), look(up, &[AP]), None, Ok(())),
            (look(up, &[AP]), look(up, &[AP]), Some(true), Ok(())),
            (look(up, &[]), look(up, &[]), None, Ok(())),
            (look(down, &[]), look(down, &[]), None, Ok(())),
            (look(None, &[]), look(None, &[]), None, Ok(())),
            // Better than before.
            (look(down, &[]), look(up, &[AP]), Some(true), Ok(())),
            (nothing.clone(), look(up, &[AP]), None, Ok(())),
            // The link is lost.
            (look(up, &[AP]), look(down, &[AP]), Some(true), lost()),
            (look(up, &[]), look(down, &[]), None, lost()),
            (look(up, &[]), look(None, &[]), None, lost()),
            // The neighbour is lost.
            (look(up, &[AP]), look(up, &[]), Some(true), gone(AP)),
            (look(up, &[AP]), look(up, &[OTHER]), None, gone(AP)),
            (look(up, &[OTHER, AP]), look(up, &[OTHER]), None, gone(AP)),
            (look(up, &[OTHER, AP]), look(up, &[AP]), None, Ok(())),
            (look(up, &[OTHER]), look(up, &[AP]), None, gone(OTHER)),
            // A chassis that has another kind of name is not known again.
            (look(up, &["sw-2"]), look(up, &[]), None, Ok(())),
            // The cloud is lost.
            (look(up, &[AP]), look(up, &[AP]), Some(false), offline()),
            (look(down, &[]), look(down, &[]), Some(false), offline()),
            (nothing.clone(), nothing.clone(), Some(false), offline()),
            // The switch says less than before.
            (look(up, &[AP]), nothing.clone(), Some(true), silent()),
            (look(up, &[AP]), no_lldp.clone(), Some(true), silent()),
            (nothing.clone(), nothing.clone(), None, Ok(())),
            (no_lldp.clone(), no_lldp.clone(), None, Ok(())),
            (no_lldp, look(down, &[]), None, lost()),
        ] {
            let edit = |mode| Edit {
                port: port(),
                mode,
                ap: Some(mac(AP)),
                lines: Vec::new(),
                before: None,
                is_in_doubt: false,
                back: Vec::new(),
            };
            let connected: BTreeMap<_, _> =
                connected.map(|is_connected| (mac(AP), is_connected)).into_iter().collect();
            let ports = ap_ports(&[edit(Mode::Ap)], &before);
            let judged = judge(&ports, &before, &after, &connected);
            if let Err(Broken { port, words }) = &judged {
                let is_switch = words.starts_with("the switch");
                assert_eq!(port.as_ref(), ports.first().filter(|_| !is_switch), "{words}");
            }
            let judged = judged.map_err(|broken| broken.words);
            assert_eq!(judged, expected, "{before:?} {after:?} {connected:?}");
            // Who plugs into a port that was given back may do so or not.
            assert_eq!(ap_ports(&[edit(Mode::Default)], &before), []);
        }
    }

    #[test]
    fn a_port_is_answered_for_as_the_switch_sees_it() {
        let switch = Switch {
            mac: mac(OTHER),
            device_id: "id".to_owned(),
            site: "site".to_owned(),
            name: None,
            model: None,
        };
        let sighting = |up, neighbor: Option<&str>| {
            Answer::Port(Some(Sighting {
                switch: switch.clone(),
                port: Some(port()),
                is_live: true,
                up,
                neighbor: neighbor.map(mac),
                up_for: None,
                is_ap: None,
            }))
        };
        let (up, down) = (Some(true), Some(false));
        for (look, expected) in [
            (look(up, &[AP]), sighting(true, Some(AP))),
            (look(down, &[]), sighting(false, None)),
            (look(up, &["sw-2"]), sighting(true, None)),
            (look(None, &[AP]), Answer::Port(None)),
            (Observation::default(), Answer::Unanswered),
            (Observation { neighbours: None, ..look(up, &[]) }, Answer::Unanswered),
            (
                Observation { interfaces: Some(vec![]), ..Observation::default() },
                Answer::Unanswered,
            ),
        ] {
            assert_eq!(look.answer(&switch, port()), expected, "{look:?}");
        }
    }
}
