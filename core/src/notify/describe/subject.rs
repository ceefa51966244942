//! The names of devices and sites in sentences.

use alloc::{borrow::ToOwned, format, string::String};
use core::fmt::Display;

use crate::notify::{plain, types::sentence::capitalized};
use crate::{base::mac::Mac, event::DeviceClass, event::Event, event::Topic};

/// The members with the id of the event's device.
const IDS: [&str; 2] = ["mxedge_id", "device_id"];

/// The device of an event and its site, as far as the event names them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::notify) struct Subject {
    pub(in crate::notify) class: Option<DeviceClass>,
    pub(in crate::notify) name: Option<String>,
    pub(in crate::notify) mac: Option<Mac>,
    /// The device's id in Mist, if its MAC is not known.
    pub(in crate::notify) id: Option<String>,
    pub(super) site: Option<String>,
    /// The word for the device where it has no class that Mist names in other ways.
    noun: Option<&'static str>,
}

impl Subject {
    /// The device of an event of one of the device topics.
    pub(in crate::notify) fn of(event: &Event<'_>) -> Self {
        let edge = matches!(event.topic(), Topic::MxedgeEvents).then_some(DeviceClass::MistEdge);
        let mac = event.device_mac().or_else(|| mac_in_id(event));
        let name = event.device_name().map(|name| plain::clean(&name));
        let id = IDS.into_iter().find_map(|member| event.id(member));
        let id = id.filter(|id| mac.is_none() && listed_mac(id).is_none());
        Self {
            class: event.device_class().or(edge),
            name: name.filter(|name| is_name(name, mac)),
            mac,
            id: id.map(|id| id.into_owned()),
            site: site(event),
            noun: event.kind().and_then(|kind| noun_of(&kind)),
        }
    }

    /// `AP "Reception" (MAC 5c:5b:35:00:00:01)`, or `an AP` where nothing else is known.
    pub(super) fn bare(&self) -> String {
        let noun = self.noun.unwrap_or_else(|| noun(self.class));
        match (&self.name, &self.id) {
            (None, Some(id)) => format!("the {noun} with ID {id}"),
            (name, _) => called(noun, name.as_deref(), self.mac),
        }
    }

    /// Whether nothing says which device it is.
    pub(super) const fn is_unnamed(&self) -> bool {
        self.name.is_none() && self.mac.is_none() && self.id.is_none()
    }

    /// A title of the tables, with the word for this device where the type's name means another.
    pub(super) fn titled(&self, title: &str, kind: &str) -> String {
        let named = DeviceClass::of_prefix(kind.split('_').next().unwrap_or_default());
        retitled(title, named, self.class)
    }

    /// [`Self::bare`] and its site: `… at site HQ`.
    pub(super) fn placed(&self) -> String {
        format!("{}{}", self.bare(), at(self.site.as_deref()))
    }
}

/// What a message says of a device that Mist does not name.
pub(super) const UNNAMED: &str = " Mist names no device.";

/// A title of the tables, with the word for `class` in place of that for the class that it is of.
pub(super) fn retitled(title: &str, of: Option<DeviceClass>, class: Option<DeviceClass>) -> String {
    match title.strip_prefix(noun(of)).filter(|_| of.is_some() && class.is_some()) {
        Some(rest) => capitalized(&format!("{}{rest}", noun(class))),
        None => title.to_owned(),
    }
}

/// `AP "Reception" (MAC 5c:5b:35:00:00:01)`, `the AP with MAC 5c:5b:35:00:00:01`, or `an AP`.
pub(super) fn called(noun: &str, name: Option<&str>, mac: Option<impl Display>) -> String {
    match (name, mac) {
        (Some(name), Some(mac)) => format!("{noun} {} (MAC {mac})", plain::quoted(name)),
        (Some(name), None) => format!("{noun} {}", plain::quoted(name)),
        (None, Some(mac)) => format!("the {noun} with MAC {mac}"),
        (None, None) => format!("{} {noun}", article(noun)),
    }
}

/// The name of the event's site.
pub(in crate::notify) fn site(event: &Event<'_>) -> Option<String> {
    event.text("site_name").map(|name| plain::clean(&name))
}

/// ` at site HQ`, ` at Site 1`, or nothing.
pub(super) fn at(site: Option<&str>) -> String {
    site.map(|site| format!(" at {}", named_site(site))).unwrap_or_default()
}

/// `site HQ`, or `Site 1` where the name says already that it is a site.
pub(super) fn named_site(site: &str) -> String {
    let site = plain::name(site);
    match site.split(' ').any(|word| word.eq_ignore_ascii_case("site")) {
        true => site,
        false => format!("site {site}"),
    }
}

/// The word for a device in a sentence.
pub(in crate::notify) const fn noun(class: Option<DeviceClass>) -> &'static str {
    match class {
        None => "device",
        Some(DeviceClass::AccessPoint) => "AP",
        Some(DeviceClass::Gateway) => "gateway",
        Some(DeviceClass::MistEdge) => "Mist Edge",
        Some(DeviceClass::Switch) => "switch",
    }
}

/// The word for a device of which only the type of its event or alarm says what it is. The
/// dashboard has no page for it.
pub(in crate::notify) fn noun_of(kind: &str) -> Option<&'static str> {
    let is_of = |prefix: &str| {
        kind.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    let nouns = [("CELLULAR_EDGE_", "cellular edge"), ("MARVISCLIENT_", "Marvis client")];
    nouns.into_iter().find_map(|(prefix, noun)| is_of(prefix).then_some(noun))
}

/// `an` before `AP` and other words that start with the sound of a vowel.
pub(super) fn article(noun: &str) -> &'static str {
    if noun.starts_with(['A', 'E', 'I', 'O', 'a', 'e', 'i', 'o']) { "an" } else { "a" }
}

/// The MAC in the event's id of its device.
pub(in crate::notify) fn mac_in_id(event: &Event<'_>) -> Option<Mac> {
    let mut macs = IDS.into_iter().filter_map(|member| listed_mac(&event.text(member)?));
    macs.find(|mac| mac.is_device())
}

/// Whether it is a name that somebody gave to a device. Until then Mist names it by its MAC.
pub(in crate::notify) fn is_name(name: &str, mac: Option<Mac>) -> bool {
    Mac::parse(name).is_none_or(|named| named.is_device() && Some(named) != mac)
}

/// The MAC in the id of a device: `00000000-0000-0000-1000-` and the MAC, or the MAC alone. It may
/// be the null MAC.
pub(in crate::notify) fn listed_mac(id: &str) -> Option<Mac> {
    Mac::parse(id.strip_prefix("00000000-0000-0000-1000-").unwrap_or(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(topic: Topic<'static>, json: &str) -> Subject {
        Subject::of(&Event::parse(topic, json).expect("an object"))
    }

    #[test]
    fn a_device_is_named_by_what_is_known() {
        let full = r#"{"type":"SW_X","device_name":"a\nb","mac":"5c5b35000001","site_name":"HQ"}"#;
        assert_eq!(
            subject(Topic::DeviceEvents, full).placed(),
            "switch \"a b\" (MAC 5c:5b:35:00:00:01) at site HQ"
        );
        let unnamed = r#"{"type":"AP_X","ap":"5c5b35000001","ap_name":"5c:5b:35:00:00:01"}"#;
        assert_eq!(
            subject(Topic::DeviceUpdowns, unnamed).placed(),
            "the AP with MAC 5c:5b:35:00:00:01"
        );
        let nothing = r#"{"type":"GW_X","site_name":"Site 1"}"#;
        assert_eq!(subject(Topic::DeviceEvents, nothing).placed(), "a gateway at Site 1");
        let edge = r#"{"mxedge_id":"00000000-0000-0000-1000-020000ee2974"}"#;
        assert_eq!(
            subject(Topic::MxedgeEvents, edge).bare(),
            "the Mist Edge with MAC 02:00:00:ee:29:74"
        );
        let stranger = r#"{"mxedge_id":"387804a7-3474-85ce-15a2-f9a9684c9c90"}"#;
        assert_eq!(
            subject(Topic::MxedgeEvents, stranger).bare(),
            "the Mist Edge with ID 387804a7-3474-85ce-15a2-f9a9684c9c90"
        );
    }
}
