//! The switches of the organisation: their names, and whether they are connected.
//!
//! Of a virtual chassis, the cloud makes one device whose MAC and id follow from no member
//! (`appliance/docs/vendors/mist.md` §8). The inventory lists the members beside it, each with the
//! MAC of the whole.

use alloc::{collections::BTreeMap, collections::BTreeSet, string::String};

use super::{outcome::outcome, page, target};
use crate::{base::exchange::Asking, base::mac::Mac, base::order, event::Detail};
use crate::{notify::links::device_id, ports::name::SwitchName, ports::switch_port::Switch};

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
        order::collect(chassis.filter(|chassis| !self.0.contains_key(chassis)))
    }
}

/// The search for switches by their MACs.
#[derive(Clone, Debug, Default)]
pub struct Lookup {
    asked: BTreeSet<Mac>,
    pub known: Switches,
}

impl Lookup {
    /// Looks up those that are not known and were not asked for before, and the virtual chassis
    /// that they are members of. `None` if an answer cannot be read.
    pub async fn read(
        &mut self,
        asking: &Asking,
        org: &str,
        macs: impl IntoIterator<Item = Mac>,
    ) -> Option<()> {
        let is_new = |mac: &Mac| !self.asked.contains(mac) && self.known.find(*mac).is_none();
        let new: BTreeSet<Mac> = order::collect(macs.into_iter().filter(is_new).take(LOOKUP_MAX));
        self.asked.extend(&new);
        if !new.is_empty() {
            self.ask(asking, target::switches(org, new, 1)).await?;
            let missing = self.known.missing();
            if !missing.is_empty() {
                let missing = missing.into_iter().take(LOOKUP_MAX);
                self.ask(asking, target::switches(org, missing, 1)).await?;
            }
        }
        Some(())
    }

    async fn ask(&mut self, asking: &Asking, target: String) -> Option<()> {
        self.known.read(&outcome(asking.get(target).await).ok()?.body).map(drop)
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
            device_id: text("id").unwrap_or_else(|| device_id(mac)),
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
    use alloc::vec;
    use alloc::vec::Vec;

    use super::*;
    use crate::base::exchange::{Exchange, Response, Step};

    fn mac(text: &str) -> Mac {
        Mac::parse(text).expect("a MAC")
    }

    /// Looks up each of these, where each request has the next of these answers. Returns what was
    /// asked for, and what is known at the end.
    fn look_up(all: Vec<Vec<Mac>>, answers: &[&str]) -> (Vec<String>, Option<Switches>) {
        let mut lookup = Exchange::new(|asking| async move {
            let mut lookup = Lookup::default();
            for macs in all {
                lookup.read(&asking, "o", macs).await?;
            }
            Some(lookup.known)
        });
        let mut answers = answers.iter();
        let (mut step, mut asked) = (lookup.start(), Vec::new());
        loop {
            match step {
                Step::Done(known) => return (asked, known),
                Step::Request(request) => {
                    asked.push(request.target);
                    let body = answers.next().expect("no more was expected").as_bytes().to_vec();
                    let (retry_after, total, session) = (None, None, None);
                    let response = Response { status: 200, retry_after, total, session, body };
                    step = lookup.answer(Ok(response));
                }
            }
        }
    }

    #[test]
    fn a_member_leads_to_its_virtual_chassis() {
        let (member, whole) = (mac("5c5b35000001"), mac("020003000009"));
        let answers = [
            r#"[{"mac":"5c5b35000001","vc_mac":"020003000009","id":"member"}]"#,
            r#"[{"mac":"020003000009","vc_mac":"020003000009","id":"cloud-id",
                "site_id":"s-1","name":"two words","hostname":["sw-1"],"connected":true}]"#,
        ];
        let (asked, known) = look_up(vec![vec![member, member], vec![member, whole]], &answers);
        assert_eq!(asked, [member, whole].map(|mac| target::switches("o", [mac], 1)));
        let known = known.expect("an answer");
        let (switch, is_connected) = known.find(member).expect("a switch");
        assert_eq!((switch.mac, &*switch.device_id), (whole, "cloud-id"));
        assert_eq!((&*switch.site, is_connected), ("s-1", true));
        assert_eq!(switch.name, SwitchName::parse("sw-1"));
    }

    #[test]
    fn what_is_missing_is_not_guessed() {
        let (known, unknown) = (mac("5c5b35000001"), mac("5c5b35000002"));
        let body = r#"[{"mac":"5c5b35000001","vc_mac":null,"site_id":null,"name":null,
            "hostname":null,"connected":null,"id":null},{"mac":null},5]"#;
        // Who was not found is not asked for again.
        let (asked, switches) = look_up(vec![vec![known, unknown], vec![unknown]], &[body]);
        assert_eq!(asked, [target::switches("o", [known, unknown], 1)]);
        let switches = switches.expect("an answer");
        let (switch, is_connected) = switches.find(known).expect("a switch");
        assert_eq!(switch.device_id, "00000000-0000-0000-1000-5c5b35000001");
        assert_eq!((&*switch.site, &switch.name, is_connected), ("", &None, false));
        assert!(look_up(vec![vec![known]], &["{}"]).1.is_none());
    }
}
