//! The statistics of ports and access points, element by element.

use alloc::{string::String, vec::Vec};
use core::time::Duration;

use super::inventory::Switches;
use crate::ports::switch_port::{Sighting, Switch};
use crate::ports::{name::PortName, name::SwitchName, question::Hint};
use crate::{base::mac::Mac, base::time::UnixTime, event::Detail, notify::links::device_id};

/// A port, from `stats/ports/search`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    pub switch: Mac,
    /// `None` for an interface that no access point can be plugged into.
    pub port: Option<PortName>,
    /// Whether it has a link; `None` if Mist does not say.
    pub up: Option<bool>,
    /// Its LLDP neighbour.
    pub neighbor: Option<Mac>,
    site: Option<String>,
}

impl Port {
    /// Reads an element. `None` if it does not name a port.
    pub fn read(item: Detail<'_>) -> Option<Self> {
        let text = |name: &str| item.get(name)?.text();
        let up = text("up").and_then(|up| match &*up {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        });
        Some(Self {
            switch: Mac::parse(&text("mac")?)?,
            port: PortName::parse(&text("port_id")?).ok(),
            up,
            neighbor: text("neighbor_mac").and_then(|mac| Mac::parse(&mac)),
            site: text("site_id").map(|site| site.into_owned()),
        })
    }

    /// The sighting in this element. `None` if it does not say whether there is a link, since that
    /// proves nothing. A switch that the inventory does not have is not live.
    pub fn sighting(&self, switches: &Switches) -> Option<Sighting> {
        let (switch, is_live) = match switches.find(self.switch) {
            Some((switch, is_live)) => (switch.clone(), is_live),
            None => {
                let site = self.site.clone().unwrap_or_default();
                let device_id = device_id(self.switch);
                (Switch { mac: self.switch, device_id, site, name: None, model: None }, false)
            }
        };
        let Self { port, up, neighbor, .. } = *self;
        Some(Sighting { switch, port, is_live, up: up?, neighbor, up_for: None, is_ap: None })
    }
}

/// An access point, from `stats/devices`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ap {
    pub mac: Mac,
    pub site: Option<String>,
    /// Whether it is connected to the cloud; `None` if Mist does not say.
    pub is_connected: Option<bool>,
    /// When Mist last heard of it.
    pub last_seen: Option<UnixTime>,
    /// The LLDP neighbours on its own ports.
    pub neighbors: Vec<Neighbor>,
}

/// An access point's LLDP neighbour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbor {
    pub chassis: Mac,
    name: Option<SwitchName>,
    port: PortName,
}

impl Ap {
    /// Reads an element. `None` if it does not name an access point.
    pub fn read(item: Detail<'_>) -> Option<Self> {
        let text = |name: &str| item.get(name)?.text();
        let last_seen = item.get("last_seen").and_then(Detail::number);
        let only = item.get("lldp_stat").into_iter();
        let several = item.get("lldp_stats").map(Detail::members).unwrap_or_default();
        let several = several.into_iter().map(|(_, stat)| stat);
        let mut neighbors: Vec<Neighbor> = Vec::new();
        for neighbor in only.chain(several).filter_map(Neighbor::read) {
            if !neighbors.contains(&neighbor) {
                neighbors.push(neighbor);
            }
        }
        Some(Self {
            mac: Mac::parse(&text("mac")?)?,
            site: text("site_id").map(|site| site.into_owned()),
            is_connected: text("status").map(|status| status.eq_ignore_ascii_case("connected")),
            last_seen: last_seen.and_then(UnixTime::from_secs_f64),
            neighbors,
        })
    }

    /// The ports that the access point itself names. A switch that the inventory does not have is
    /// returned without an id: it may be reached without Mist.
    pub fn hints(&self, switches: &Switches) -> Vec<Hint> {
        let hint = |neighbor: &Neighbor| {
            let switch = match switches.find(neighbor.chassis) {
                Some((switch, _)) => switch.clone(),
                None => Switch {
                    mac: neighbor.chassis,
                    device_id: String::new(),
                    site: self.site.clone().unwrap_or_default(),
                    name: neighbor.name.clone(),
                    model: None,
                },
            };
            Hint { switch, port: neighbor.port }
        };
        let is_known = |neighbor: &Neighbor| switches.find(neighbor.chassis).is_some();
        let is_any_known = self.neighbors.iter().any(is_known);
        let best = self.neighbors.iter().filter(|one| !is_any_known || is_known(one));
        best.map(hint).collect()
    }
}

impl Neighbor {
    /// Reads a `lldp_stat`. `None` without a switch's MAC and the name of a port.
    fn read(stat: Detail<'_>) -> Option<Self> {
        let text = |name: &str| Some(stat.get(name)?.text()?.into_owned());
        let name = text("system_name");
        Some(Self {
            chassis: Mac::parse(&text("chassis_id")?)?,
            name: name.and_then(|name| SwitchName::parse(&name)),
            port: PortName::from_lldp(text("port_id").as_deref(), text("port_desc").as_deref())?,
        })
    }
}

/// How long the device of an answer has been running.
pub fn uptime(body: &[u8]) -> Option<Duration> {
    let device: Detail<'_> = serde_json::from_slice(body).ok()?;
    let seconds = device.get("uptime").and_then(Detail::number)?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// The access points of an answer: a list, or one alone. `None` if it is neither.
pub fn aps(body: &[u8]) -> Option<Vec<Ap>> {
    let whole: Detail<'_> = serde_json::from_slice(body).ok()?;
    match whole.raw().as_bytes().first() {
        Some(b'[') => Some(whole.items().into_iter().filter_map(Ap::read).collect()),
        Some(b'{') => Some(Vec::from([Ap::read(whole)?])),
        Some(_) | None => None,
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    fn mac(text: &str) -> Mac {
        Mac::parse(text).expect("a MAC")
    }

    fn port(text: &str) -> Option<Port> {
        Port::read(serde_json::from_str(text).expect("JSON"))
    }

    #[test]
    fn a_port_says_no_more_than_it_says() {
        let full = port(
            r#"{"mac":"5C5B35000001","port_id":"ge-0/0/1","up":true,"neighbor_mac":"5c5b35000011",
                "site_id":"s-1","port_usage":"ap","poe_on":null}"#,
        );
        let full = full.expect("a port");
        let sighting = full.sighting(&Switches::default()).expect("a sighting");
        assert_eq!(sighting.switch.mac, mac("5c5b35000001"));
        assert_eq!((&*sighting.switch.site, sighting.is_live), ("s-1", false));
        assert!(sighting.up && sighting.neighbor == Some(mac("5c5b35000011")));
        let bare = r#"{"mac":"5c5b35000001","port_id":"ae0","up":null,"neighbor_mac":null}"#;
        let bare = port(bare).expect("a port");
        assert_eq!((bare.port, bare.up, bare.neighbor), (None, None, None));
        assert_eq!(bare.sighting(&Switches::default()), None);
        assert_eq!(port(r#"{"mac":null,"port_id":"ge-0/0/1"}"#), None);
        assert_eq!(port(r#"{"mac":"5c5b35000001"}"#), None);
    }

    #[test]
    fn an_access_point_may_be_all_nulls() {
        let read = |text: &str| aps(text.as_bytes()).map(|aps| aps.into_iter().next());
        let bare = r#"[{"mac":"5c5b35000011","status":null,"last_seen":null,"site_id":null,
            "lldp_stat":null}]"#;
        let bare = read(bare).flatten().expect("an AP");
        assert_eq!((bare.is_connected, bare.last_seen, &bare.site), (None, None, &None));
        assert!(bare.neighbors.is_empty() && bare.hints(&Switches::default()).is_empty());
        let full = r#"{"mac":"5c5b35000011","status":"connected","last_seen":1720595866,
            "site_id":"s-1","lldp_stat":{"chassis_id":"d0:07:ca:f5:21:00","port_id":"531",
            "port_desc":"ge-0/0/4","system_name":"sw 1"},"lldp_stats":{"eth0":{
            "chassis_id":"d0:07:ca:f5:21:00","port_id":"531","port_desc":"ge-0/0/4",
            "system_name":"sw 1"},"eth1":{"chassis_id":null}}}"#;
        let full = read(full).flatten().expect("an AP");
        assert_eq!(full.is_connected, Some(true));
        assert_eq!(full.last_seen, Some(UnixTime::from_secs(1_720_595_866)));
        assert_eq!(full.neighbors.len(), 1);
        let hints = full.hints(&Switches::default());
        let hint = hints.first().expect("a hint");
        assert_eq!(hint.switch_port().to_string(), "d0:07:ca:f5:21:00 ge-0/0/4");
        assert_eq!((&*hint.switch.device_id, &hint.switch.name), ("", &None));
        assert_eq!(read("[]"), Some(None));
        assert_eq!(read("null"), None);
        assert_eq!(read("{}"), None);
        assert_eq!(read("<html>"), None);
    }

    #[test]
    fn the_neighbour_that_mist_knows_is_the_better_hint() {
        let mut switches = Switches::default();
        let known = br#"[{"mac":"5c5b35000002","id":"id-2","site_id":"s-1","connected":true}]"#;
        assert_eq!(switches.read(known), Some((1, 1)));
        let ap = br#"{"mac":"5c5b35000011","lldp_stats":{
            "eth0":{"chassis_id":"5c5b35000001","port_id":"ge-0/0/1"},
            "eth1":{"chassis_id":"5c5b35000002","port_id":"ge-0/0/2"}}}"#;
        let aps = aps(ap).expect("one");
        let hints = aps.first().expect("one").hints(&switches);
        let hint = hints.first().expect("a hint");
        assert_eq!(
            (&*hint.switch.device_id, hint.port),
            ("id-2", PortName::parse("ge-0/0/2").expect("a port"))
        );
    }
}
