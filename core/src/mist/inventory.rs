//! The switches of the organisation: their names, and whether they are connected.
//!
//! Of a virtual chassis, the cloud makes one device whose MAC and id follow from no member
//! (`appliance/docs/vendors/mist.md` §8). The inventory lists the members beside it, each with the
//! MAC of the whole.

use alloc::borrow::ToOwned;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::{string::String, vec::Vec};

use super::{page, target};
use crate::base::mac::Mac;
use crate::event::Detail;
use crate::ports::{name::SwitchName, switch_port::Switch};

/// The most switches that are asked for by their MACs.
pub const LOOKUP_MAX: usize = 50;
/// The most devices that are kept.
const DEVICES_MAX: usize = 1 << 17;

/// What the inventory says of a switch.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Device {
    switch: Switch,
    is_connected: bool,
    /// The MAC of the virtual chassis that it is, or is a member of.
    chassis: Option<Mac>,
}

/// Switches, by their MACs and those of their members.
#[derive(Clone, Debug, Default)]
pub struct Switches(BTreeMap<Mac, Device>);

impl Switches {
    /// Takes a page. Returns how many elements it had, and how many of them are new. `None` if it
    /// is no page, or if there are too many devices.
    pub fn read(&mut self, body: &[u8]) -> Option<(usize, usize)> {
        let elements = page::elements(body)?;
        let before = self.0.len();
        for device in elements.iter().copied().filter_map(device) {
            self.0.insert(device.switch.mac, device);
        }
        (self.0.len() <= DEVICES_MAX).then(|| (elements.len(), self.0.len() - before))
    }

    /// The switch of this MAC, or the virtual chassis of this member, and whether it is connected.
    pub fn find(&self, mac: Mac) -> Option<(&Switch, bool)> {
        let device = self.0.get(&mac)?;
        let whole = match device.chassis.filter(|chassis| *chassis != mac) {
            Some(chassis) => self.0.get(&chassis)?,
            None => device,
        };
        Some((&whole.switch, whole.is_connected))
    }

    /// The switches of this name, in either case; a virtual chassis counts as one.
    pub fn named(&self, name: &str) -> impl Iterator<Item = &Switch> {
        let wholes = self
            .0
            .values()
            .filter(|device| device.chassis.is_none_or(|chassis| chassis == device.switch.mac));
        wholes.map(|device| &device.switch).filter(move |switch| {
            let known = switch.name.as_ref().map(SwitchName::as_str);
            known.is_some_and(|known| known.eq_ignore_ascii_case(name))
        })
    }

    /// The virtual chassis that members name and that are not listed yet.
    fn missing(&self) -> BTreeSet<Mac> {
        let chassis = self.0.values().filter_map(|device| device.chassis);
        chassis.filter(|chassis| !self.0.contains_key(chassis)).collect()
    }
}

/// The search for switches by their MACs.
#[derive(Clone, Debug)]
pub struct Lookup {
    org: String,
    wanted: BTreeSet<Mac>,
    is_second: bool,
    pub known: Switches,
}

impl Lookup {
    /// Nothing is known yet.
    pub fn new(org: &str) -> Self {
        let (wanted, known) = (BTreeSet::new(), Switches::default());
        Self { org: org.to_owned(), wanted, is_second: false, known }
    }

    /// The target that finds these; `None` if they are known, or were asked for before.
    pub fn want(&mut self, macs: impl IntoIterator<Item = Mac>) -> Option<String> {
        let is_new = |mac: &Mac| !self.wanted.contains(mac) && self.known.find(*mac).is_none();
        let new: BTreeSet<Mac> = macs.into_iter().filter(is_new).take(LOOKUP_MAX).collect();
        self.wanted.extend(&new);
        self.is_second = false;
        (!new.is_empty()).then(|| target::switches(&self.org, new, 1))
    }

    /// Takes the answer. Returns the next target, or `None` if there is none. The outer `None`
    /// means that the answer cannot be read.
    pub fn answered(&mut self, body: &[u8]) -> Option<Option<String>> {
        self.known.read(body)?;
        if core::mem::replace(&mut self.is_second, true) {
            return Some(None);
        }
        let missing: Vec<Mac> = self.known.missing().into_iter().take(LOOKUP_MAX).collect();
        Some((!missing.is_empty()).then(|| target::switches(&self.org, missing, 1)))
    }
}

fn device(item: Detail<'_>) -> Option<Device> {
    let text = |name: &str| Some(item.get(name)?.text()?.into_owned());
    let mac = Mac::parse(&text("mac")?)?;
    let names = ["name", "hostname"].into_iter().filter_map(|name| item.get(name));
    let mut names = names.flat_map(Detail::texts);
    Some(Device {
        switch: Switch {
            mac,
            device_id: text("id").unwrap_or_else(|| target::device_id(mac)),
            site: text("site_id").unwrap_or_default(),
            name: names.find_map(|name| SwitchName::parse(&name)),
            model: text("model"),
        },
        is_connected: text("connected").is_some_and(|connected| connected == "true"),
        chassis: text("vc_mac").and_then(|mac| Mac::parse(&mac)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mac(text: &str) -> Mac {
        Mac::parse(text).expect("a MAC")
    }

    #[test]
    fn a_member_leads_to_its_virtual_chassis() {
        let mut lookup = Lookup::new("o");
        let first = lookup.want([mac("5c5b35000001"), mac("5c5b35000001")]);
        assert_eq!(first.as_deref(), Some(&*target::switches("o", [mac("5c5b35000001")], 1)));
        let member = br#"[{"mac":"5c5b35000001","vc_mac":"020003000009","id":"member"}]"#;
        let second = lookup.answered(member).expect("an answer");
        assert_eq!(second.as_deref(), Some(&*target::switches("o", [mac("020003000009")], 1)));
        assert!(lookup.known.find(mac("5c5b35000001")).is_none());
        let whole = br#"[{"mac":"020003000009","vc_mac":"020003000009","id":"cloud-id",
            "site_id":"s-1","name":"two words","hostname":["sw-1"],"connected":true}]"#;
        assert_eq!(lookup.answered(whole), Some(None));
        let (switch, is_connected) = lookup.known.find(mac("5c5b35000001")).expect("a switch");
        assert_eq!((switch.mac, &*switch.device_id), (mac("020003000009"), "cloud-id"));
        assert_eq!((&*switch.site, is_connected), ("s-1", true));
        assert_eq!(switch.name, SwitchName::parse("sw-1"));
        assert_eq!(lookup.want([mac("5c5b35000001"), mac("020003000009")]), None);
    }

    #[test]
    fn what_is_missing_is_not_guessed() {
        let mut lookup = Lookup::new("o");
        assert!(lookup.want([mac("5c5b35000001"), mac("5c5b35000002")]).is_some());
        let body = br#"[{"mac":"5c5b35000001","vc_mac":null,"site_id":null,"name":null,
            "hostname":null,"connected":null,"id":null},{"mac":null},5]"#;
        assert_eq!(lookup.answered(body), Some(None));
        let (switch, is_connected) = lookup.known.find(mac("5c5b35000001")).expect("a switch");
        assert_eq!(switch.device_id, "00000000-0000-0000-1000-5c5b35000001");
        assert_eq!((&*switch.site, &switch.name, is_connected), ("", &None, false));
        // Who was not found is not asked for again.
        assert_eq!(lookup.want([mac("5c5b35000002")]), None);
        assert_eq!(lookup.answered(b"{}"), None);
    }
}
