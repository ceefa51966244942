//! Which conditions an event raises or clears, and of whom.
//!
//! The topics tell of the same thing in their own ways. Its [`Key`] is one.

use alloc::borrow::{Cow, ToOwned};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::describe::marvis::Marvis;
use super::describe::subject::{Subject, listed_mac};
use super::describe::{alarm, device};
use super::types::{Kind, Pair, find};
use super::{Thread, plain};
use crate::base::mac::Mac;
use crate::base::time::UnixTime;
use crate::event::{DeviceClass, Event, Topic};

/// Names an incident: a digest of organisation, subject and condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key(u128);

impl Key {
    /// From stored bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(bytes))
    }

    /// For the store.
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }
}

/// Written as 32 hex digits.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// What an event says of one condition of one subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub key: Key,
    /// Raises the condition, or ends it.
    pub is_raised: bool,
    /// The row of the event's type; its pair names the condition.
    pub kind: &'static Kind,
    /// For people: the device's name, else its MAC, `ge-0/0/1 of sw-1` for a part of it, or the
    /// site's name. On one line and bounded.
    pub subject: String,
    pub class: Option<DeviceClass>,
    /// The device's MAC.
    pub mac: Option<Mac>,
    /// The site's name, on one line and bounded.
    pub site: Option<String>,
    pub site_id: Option<String>,
    pub org_id: Option<String>,
    /// The event's own time.
    pub at: Option<UnixTime>,
}

impl Change {
    /// The thread of the incident in a chat that has threads.
    pub(super) fn thread(&self) -> Thread {
        let name = self.kind.pair.map_or("", |pair| pair.condition.name);
        let key = format!("{}-{:024x}", name.replace('_', "-"), self.key.0 >> 32);
        Thread { key }
    }
}

/// What an event says of conditions: nothing, one change, or one for each device or port that it
/// names. Events of an unknown device at an unknown site say nothing.
pub fn changes(event: &Event<'_>) -> Vec<Change> {
    let kind = find(event.topic(), &event.kind().unwrap_or_default());
    kind.map(|kind| of(event, kind)).unwrap_or_default()
}

/// What an event of this type says.
pub(super) fn of(event: &Event<'_>, kind: &'static Kind) -> Vec<Change> {
    let Some(pair) = kind.pair else {
        return Vec::new();
    };
    let (of_whom, is_raised) = match pair.part {
        "finding" => {
            let Some(marvis) = Marvis::of(event) else {
                return Vec::new();
            };
            (finding(event, &marvis), !marvis.closed())
        }
        "usage" if !matches!(event.topic(), Topic::Alarms) => match is_usage_high(event) {
            Some(is_high) => (each(whom(event, pair), &parts(event, kind, pair)), is_high),
            None => return Vec::new(),
        },
        _ => (each(whom(event, pair), &parts(event, kind, pair)), !pair.recovery),
    };
    let org_id = event.org_id().map(Cow::into_owned);
    let site_id = event.site_id().map(Cow::into_owned);
    let site = event.text("site_name").map(|name| plain::name(&name));
    let mut changes = Vec::with_capacity(of_whom.len());
    for (whom, part) in of_whom {
        changes.push(Change {
            key: key(org_id.as_deref(), &whom, &part, pair),
            is_raised,
            kind,
            subject: whom.called(&part, pair),
            class: whom.class,
            mac: whom.mac,
            site: site.clone(),
            site_id: site_id.clone(),
            org_id: org_id.clone(),
            at: event.at(),
        });
    }
    changes
}

/// Who has the condition.
#[derive(Clone, Debug, Default)]
struct Whom {
    /// What `id` is, so that names, ids and MACs are never the same.
    tag: &'static str,
    id: String,
    name: String,
    class: Option<DeviceClass>,
    mac: Option<Mac>,
}

impl Whom {
    fn device(mac: Mac, name: Option<&str>, class: Option<DeviceClass>) -> Self {
        let name = name.map_or_else(|| mac.to_string(), str::to_owned);
        Self { tag: "mac", id: mac.plain(), name, class, mac: Some(mac) }
    }

    fn without_mac(tag: &'static str, id: &str, name: &str, class: Option<DeviceClass>) -> Self {
        Self { tag, id: id.to_owned(), name: name.to_owned(), class, mac: None }
    }

    fn site(event: &Event<'_>) -> Option<Self> {
        let id = event.site_id()?;
        let name = event.text("site_name").unwrap_or_else(|| id.clone());
        Some(Self::without_mac("site", &id, &name, None))
    }

    fn called(&self, part: &str, pair: Pair) -> String {
        let part = match pair.part {
            "site:vlans" if !part.is_empty() => Cow::Owned(format!("VLAN {part}")),
            _ => Cow::Borrowed(part),
        };
        match (part.is_empty(), self.name.is_empty()) {
            (true, true) => "mistgate".to_owned(),
            (true, false) => plain::name(&self.name),
            (false, true) => plain::name(&part),
            (false, false) => {
                format!("{} of {}", plain::name(&part), plain::name(&self.name))
            }
        }
    }
}

fn key(org_id: Option<&str>, whom: &Whom, part: &str, pair: Pair) -> Key {
    let mut digest = Sha256::new();
    for text in [org_id.unwrap_or_default(), whom.tag, &whom.id, part, pair.condition.name] {
        digest.update(text.as_bytes());
        digest.update([0]);
    }
    let digest: [u8; 32] = digest.finalize().into();
    let (first, _) = digest.split_first_chunk().unwrap_or((&[0; 16], &[]));
    Key::from_bytes(*first)
}

/// The devices or the site of an event.
fn whom(event: &Event<'_>, pair: Pair) -> Vec<Whom> {
    let found = match event.topic() {
        _ if pair.part.starts_with("site:") => Whom::site(event),
        Topic::Alarms => return listed(event),
        Topic::Mistgate => Some(reported(event)),
        Topic::Audits
        | Topic::DeviceEvents
        | Topic::DeviceUpdowns
        | Topic::MxedgeEvents
        | Topic::Other(_)
        | Topic::Ping => sender(event),
    };
    found.into_iter().collect()
}

/// The devices that an alarm lists, with their names, or else its site.
fn listed(event: &Event<'_>) -> Vec<Whom> {
    let names = event.texts("hostnames");
    let Some((ids, class)) = alarm::listed(event) else {
        // Alarms have no list for some classes of devices.
        let named = names.iter().map(|name| Whom::without_mac("name", name, name, None));
        let named: Vec<Whom> = named.collect();
        return match named.is_empty() {
            true => Whom::site(event).into_iter().collect(),
            false => named,
        };
    };
    // Of lists that differ in length nobody knows whose name is whose.
    let name_of = |index| names.get(index).filter(|_| names.len() == ids.len());
    let devices = ids.iter().enumerate().map(|(index, id)| {
        let name = name_of(index).map(|name| &**name);
        match listed_mac(id) {
            Some(mac) => {
                Whom::device(mac, name.filter(|name| Mac::parse(name) != Some(mac)), Some(class))
            }
            None => Whom::without_mac("id", id, name.unwrap_or(id), Some(class)),
        }
    });
    devices.collect()
}

/// The device that an event is about, or else its site.
fn sender(event: &Event<'_>) -> Option<Whom> {
    let Subject { class, name, mac, id, .. } = Subject::of(event);
    if let Some(mac) = mac {
        return Some(Whom::device(mac, name.as_deref(), class));
    }
    if let Some(name) = name {
        return Some(Whom::without_mac("name", &name, &name, class));
    }
    let id = id.map(Cow::Owned).or_else(|| event.id("mxcluster_id"));
    match id {
        Some(id) => Some(Whom::without_mac("id", &id, &id, class)),
        None => Whom::site(event),
    }
}

/// The switch of one of our own reports, or mistgate itself.
fn reported(event: &Event<'_>) -> Whom {
    let name = event.text("switch");
    let class = Some(DeviceClass::Switch);
    let mac = event.text("switch_mac").and_then(|mac| Mac::parse(&mac));
    match (mac, name) {
        (Some(mac), name) => Whom::device(mac, name.as_deref(), class),
        (None, Some(name)) => Whom::without_mac("name", &name, &name, class),
        (None, None) => Whom::default(),
    }
}

/// Each device with its part. One device has all parts; of several devices each has one, or nobody
/// knows whose they are.
fn each(devices: Vec<Whom>, parts: &[String]) -> Vec<(Whom, String)> {
    if let [device] = devices.as_slice()
        && !parts.is_empty()
    {
        return parts.iter().map(|part| (device.clone(), part.clone())).collect();
    }
    let is_paired = devices.len() == parts.len();
    let part_of = |index| parts.get(index).filter(|_| is_paired).cloned().unwrap_or_default();
    devices.into_iter().enumerate().map(|(index, device)| (device, part_of(index))).collect()
}

/// The values of [`Pair::part`] in this event; empty if it names none.
fn parts(event: &Event<'_>, kind: &Kind, pair: Pair) -> Vec<String> {
    let member = pair.part.strip_prefix("site:").unwrap_or(pair.part);
    let mut parts = match member {
        "" => Vec::new(),
        "port" => match event.texts("port_ids") {
            ids if !ids.is_empty() => plain::each(&ids, plain::clean),
            _ => {
                let text = event.text("text").map(|text| plain::clean(&text));
                device::port(event, text.as_deref()).into_iter().collect()
            }
        },
        "usage" => {
            let said = device::usage(event).and_then(|usage| usage.get("resource")?.text());
            // An alarm's name says it, as in `mist_edge_cpu_usage_high`.
            let resource = said.or_else(|| kind.name.split('_').nth(2).map(Cow::Borrowed));
            resource
                .map(|resource| plain::clean(&resource).to_ascii_lowercase())
                .into_iter()
                .collect()
        }
        _ => match member.strip_prefix("text:") {
            Some(marker) => said(event, marker),
            None => plain::each(&event.texts(member), plain::clean),
        },
    };
    parts.dedup();
    parts
}

/// What follows a word in the event's text, or in each reason of an alarm.
fn said(event: &Event<'_>, marker: &str) -> Vec<String> {
    let texts = match event.topic() {
        Topic::Alarms => event.texts("reasons"),
        Topic::Audits
        | Topic::DeviceEvents
        | Topic::DeviceUpdowns
        | Topic::Mistgate
        | Topic::MxedgeEvents
        | Topic::Other(_)
        | Topic::Ping => event.texts("text"),
    };
    let find = |text: &Cow<'_, str>| {
        let text = plain::clean(text);
        let found = match marker {
            "neighbor" => plain::neighbor(&text),
            _ => plain::after(&text, marker),
        };
        found.map(str::to_owned)
    };
    let found: Vec<String> = texts.iter().filter_map(find).collect();
    match found.is_empty() {
        true => plain::each(&event.texts("vpn_name"), plain::clean),
        false => found,
    }
}

/// Whether `ME_RESOURCE_USAGE` tells of too much, or that it is over.
fn is_usage_high(event: &Event<'_>) -> Option<bool> {
    let level = device::usage(event)?.get("severity")?.text()?;
    let is = |name: &str| level.eq_ignore_ascii_case(name);
    match is("normal") {
        true => Some(false),
        false => ["warning", "high", "critical"].iter().any(|name| is(name)).then_some(true),
    }
}

/// A finding of Marvis is one thing, whatever it impacts, and has an id of its own.
fn finding(event: &Event<'_>, marvis: &Marvis) -> Vec<(Whom, String)> {
    let Some(id) = event.id("id") else {
        return Vec::new();
    };
    let (name, class, mac) = match marvis.impacted.as_slice() {
        [] => match listed(event).as_slice() {
            [only] => (only.name.clone(), only.class, only.mac),
            [] | [_, _, ..] => (String::new(), None, None),
        },
        [entity] => {
            let mac = entity.mac.map(|mac| mac.to_string());
            let name = entity.name.clone().or(mac).unwrap_or_else(|| entity.phrase());
            let ports = plain::list(&entity.ports, plain::NAMES_MAX);
            let name = if ports.is_empty() { name } else { format!("{ports} of {name}") };
            (name, entity.class, entity.mac)
        }
        [_, _, ..] => (marvis.impacted(), None, None),
    };
    let site = || event.text("site_name").map_or_else(|| "a site".to_owned(), Cow::into_owned);
    let name = plain::non_empty(name).unwrap_or_else(site);
    let whom = Whom { tag: "finding", id: id.into_owned(), name, class, mac };
    Vec::from([(whom, String::new())])
}

#[cfg(test)]
mod tests;
