//! Which conditions an event raises or clears, and of whom.
//!
//! The topics tell of the same thing in their own ways. Its [`Key`] is one.

use alloc::{borrow::Cow, borrow::ToOwned, format, string::String, string::ToString, vec::Vec};
use core::{fmt, iter};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::describe::{alarm, device, subject::listed_mac, subject::mac_in_id, subject::noun_of};
use super::{SEND_TEST, describe::subject::Subject, describe::subject::is_name};
use super::{describe::marvis::Marvis, plain, types::Kind, types::Pair, types::find};
use crate::base::{mac::Mac, time::UnixTime};
use crate::event::{Detail, DeviceClass, Event, Topic};

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

/// The most changes of one event. Of longer lists the first ones count; Mist's have ten entries.
pub const CHANGES_MAX: usize = 1_000;

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
    /// The device's own name, if it has one that the event says. On one line and bounded.
    pub device: Option<String>,
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
    /// The key of the thread of the incident in a chat that has threads.
    pub(super) fn thread(&self) -> String {
        let name = self.kind.pair.map_or("", |pair| pair.condition.name);
        format!("{}-{:024x}", name.replace('_', "-"), self.key.0 >> 32)
    }
}

/// What an event says of conditions: nothing, one change, or one for each device or port that it
/// names. Events of an unknown device at an unknown site say nothing.
pub fn changes(event: &Event<'_>) -> Vec<Change> {
    if event.get(SEND_TEST).is_some() {
        return Vec::new();
    }
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
            Some(is_high) => (each(event, whom(event, pair), parts(event, kind, pair)), is_high),
            None => return Vec::new(),
        },
        _ => (each(event, whom(event, pair), parts(event, kind, pair)), !pair.recovery),
    };
    let org_id = event.org_id().map(Cow::into_owned);
    let site_id = event.site_id().map(Cow::into_owned);
    let site = event.text("site_name").map(|name| plain::name(&name));
    let mut changes: Vec<Change> = Vec::with_capacity(of_whom.len());
    let common = iter::repeat_n((site, site_id, org_id), of_whom.len());
    for ((whom, part), (site, site_id, org_id)) in of_whom.into_iter().zip(common) {
        let key = key(org_id.as_deref(), &whom, &part, pair);
        if changes.iter().any(|change| change.key == key) {
            continue;
        }
        changes.push(Change {
            key,
            is_raised,
            kind,
            subject: whom.called(&part, pair),
            device: whom.device.as_deref().map(plain::name),
            class: whom.class,
            mac: whom.mac,
            site,
            site_id,
            org_id,
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
    /// What [`Change::subject`] calls it.
    shown: String,
    /// The name of a device.
    device: Option<String>,
    class: Option<DeviceClass>,
    mac: Option<Mac>,
}

impl Whom {
    /// A device by its MAC, else by another id, else by its name, which is that of one device of a
    /// site only. `None` if it has none of them.
    fn device(
        event: &Event<'_>,
        mac: Option<Mac>,
        id: Option<&str>,
        name: Option<&str>,
        class: Option<DeviceClass>,
    ) -> Option<Self> {
        let name = name.filter(|name| is_name(name, mac));
        let (tag, id, shown) = match (mac, id, name) {
            (Some(mac), _, _) => ("mac", mac.plain(), mac.to_string()),
            (None, Some(id), _) => ("id", id.to_owned(), id.to_owned()),
            (None, None, name) => {
                let site = event.site_id().unwrap_or_default();
                ("name", format!("{site}/{}", name?), String::new())
            }
        };
        let device = name.map(str::to_owned);
        Some(Self { tag, id, shown: device.clone().unwrap_or(shown), device, class, mac })
    }

    fn site(event: &Event<'_>) -> Option<Self> {
        let id = event.site_id()?;
        let shown = event.text("site_name").unwrap_or_else(|| id.clone()).into_owned();
        Some(Self { tag: "site", id: id.into_owned(), shown, ..Self::default() })
    }

    fn called(&self, part: &str, pair: Pair) -> String {
        let part = match pair.part {
            "site:vlans" if !part.is_empty() => Cow::Owned(format!("VLAN {part}")),
            _ => Cow::Borrowed(part),
        };
        match (part.is_empty(), self.shown.is_empty()) {
            (true, true) => "mistgate".to_owned(),
            (true, false) => plain::name(&self.shown),
            (false, true) => plain::name(&part),
            (false, false) => {
                format!("{} of {}", plain::name(&part), plain::name(&self.shown))
            }
        }
    }
}

fn key(org_id: Option<&str>, whom: &Whom, part: &str, pair: Pair) -> Key {
    digest([org_id.unwrap_or_default(), whom.tag, &whom.id, part, pair.condition.name])
}

/// The thread of all incidents of one condition at one site.
pub fn group_thread([org, site, condition]: [&str; 3]) -> String {
    let key = digest([org, "group", site, "", condition]);
    format!("{}-site-{key}", condition.replace('_', "-"))
}

fn digest(texts: [&str; 5]) -> Key {
    let mut digest = Sha256::new();
    for text in texts {
        digest.update(text.as_bytes());
        digest.update([0]);
    }
    let digest: [u8; 32] = digest.finalize().into();
    let (first, _) = digest.split_first_chunk().unwrap_or((&[0; 16], &[]));
    Key::from_bytes(*first)
}

/// The devices or the site of an event, in their places in its list; `None` for those that nobody
/// could name.
fn whom(event: &Event<'_>, pair: Pair) -> Vec<Option<Whom>> {
    if pair.part.starts_with("site:") {
        return Vec::from([Whom::site(event)]);
    }
    if *event.topic() == Topic::Alarms {
        return listed(event);
    }
    let is_ours = *event.topic() == Topic::Mistgate;
    Vec::from([if is_ours { Some(reported(event)) } else { sender(event) }])
}

/// The devices that an alarm lists, with their names, or else the one that it is about.
fn listed(event: &Event<'_>) -> Vec<Option<Whom>> {
    let names = alarm::entries(event, "hostnames");
    if let Some((ids, class)) = alarm::listed(event) {
        // Of lists that differ in length nobody knows whose name is whose.
        let name_of =
            |index: usize| names.get(index).filter(|_| names.len() == ids.len())?.as_deref();
        let devices = ids.iter().enumerate().map(|(index, id)| {
            let id = id.as_deref().unwrap_or_default();
            let mac = listed_mac(id);
            let id = Some(id).filter(|id| !id.is_empty() && mac.is_none());
            let mac = mac.filter(|mac| mac.is_device());
            Whom::device(event, mac, id, name_of(index), Some(class))
        });
        let devices: Vec<Option<Whom>> = devices.collect();
        if devices.iter().any(Option::is_some) {
            return devices;
        }
    }
    // Alarms have no list for some classes of devices.
    let named = names.iter().map(|name| {
        Whom::device(event, None, None, name.as_deref(), alarm::class_of(&event.kind()?))
    });
    let named: Vec<Option<Whom>> = named.collect();
    match sender(event) {
        Some(whom) if whom.mac.is_some() || named.iter().all(Option::is_none) => {
            Vec::from([Some(whom)])
        }
        _ => named,
    }
}

/// The device that an event is about, or else its site.
fn sender(event: &Event<'_>) -> Option<Whom> {
    let Subject { class, name, mac, id, .. } = Subject::of(event);
    let of_alarm = || alarm::class_of(&event.kind().filter(|_| *event.topic() == Topic::Alarms)?);
    let class = class.or_else(of_alarm);
    // The alarms of a cellular edge have only its name.
    let is_cellular = event.kind().is_some_and(|kind| noun_of(&kind).is_some());
    let mac = mac.filter(|_| name.is_none() || !is_cellular);
    let device = Whom::device(event, mac, id.as_deref(), name.as_deref(), class);
    let cluster = || Whom::device(event, None, event.id("mxcluster_id").as_deref(), None, class);
    device.or_else(cluster).or_else(|| Whom::site(event))
}

/// The switch of one of our own reports, or mistgate itself.
fn reported(event: &Event<'_>) -> Whom {
    let mac = event.text("switch_mac").and_then(|mac| Mac::parse(&mac));
    let mac = mac.or_else(|| mac_in_id(event));
    let name = event.text("switch");
    Whom::device(event, mac, None, name.as_deref(), Some(DeviceClass::Switch)).unwrap_or_default()
}

/// The first [`CHANGES_MAX`] pairs of a device and its part. One device has all parts, and several
/// have one part all of them, because the lists of an alarm name each thing once. Lists of the same
/// length are paired by their places, unless more events than places made them.
///
/// Of other lists nobody knows whose a part is, and there are no pairs: an incident of a pair that
/// never was would not end, and a recovery would end one that lasts.
fn each(
    event: &Event<'_>,
    mut of: Vec<Option<Whom>>,
    mut parts: Vec<String>,
) -> Vec<(Whom, String)> {
    if let [device @ Some(_)] = of.as_mut_slice()
        && let Some(device) = device.take()
    {
        parts.retain(|part| !part.is_empty());
        parts.resize(parts.len().max(1), String::new());
        parts.truncate(CHANGES_MAX);
        return iter::repeat_n(device, parts.len()).zip(parts).collect();
    }
    let first = parts.first().cloned().unwrap_or_default();
    let count = event.get("count").and_then(Detail::integer).unwrap_or_default();
    let is_counted = usize::try_from(count).is_ok_and(|count| count <= parts.len());
    let is_paired = is_counted && parts.len() == of.len();
    if !is_paired && parts.iter().any(|part| *part != first) {
        return Vec::new();
    }
    parts.resize(of.len(), first);
    let pairs = of.into_iter().zip(parts);
    pairs.filter_map(|(device, part)| Some((device?, part))).take(CHANGES_MAX).collect()
}

/// The values of [`Pair::part`] in this event, in their places in its list; empty for those that
/// say nothing.
fn parts(event: &Event<'_>, kind: &Kind, pair: Pair) -> Vec<String> {
    let member = pair.part.strip_prefix("site:").unwrap_or(pair.part);
    let listed = |member| {
        let entries = alarm::entries(event, member).into_iter();
        let parts = entries.map(|entry| entry.map(|text| plain::clean(&text)).unwrap_or_default());
        parts.collect::<Vec<String>>()
    };
    match member {
        "" => Vec::new(),
        "port" => match listed("port_ids") {
            ids if !ids.is_empty() => ids,
            _ => {
                let text = event.text("text").map(|text| plain::clean(&text));
                device::port(event, text.as_deref()).into_iter().collect()
            }
        },
        "usage" => {
            let said = device::usage(event).and_then(|usage| usage.get("resource")?.text());
            // An alarm's name says it, as in `mist_edge_cpu_usage_high`.
            let resource = said.or_else(|| kind.name.split('_').nth(2).map(Cow::Borrowed));
            let clean = |resource: Cow<'_, str>| plain::clean(&resource).to_ascii_lowercase();
            resource.map(clean).into_iter().collect()
        }
        "fru_slot" => either(listed(member), || said(event, "jnxFruSlot")),
        "protocol_name" => either(listed(member), || said(event, "protocol/exception")),
        _ => match member.strip_prefix("text:") {
            Some(marker) => either(said(event, marker), || listed("vpn_name")),
            None => listed(member),
        },
    }
}

/// The parts, or others if none of them says anything.
fn either(parts: Vec<String>, others: impl FnOnce() -> Vec<String>) -> Vec<String> {
    if parts.iter().all(String::is_empty) { others() } else { parts }
}

/// What follows a word in the event's text, or in each reason of an alarm.
fn said(event: &Event<'_>, marker: &str) -> Vec<String> {
    let is_alarm = *event.topic() == Topic::Alarms;
    let texts = alarm::entries(event, if is_alarm { "reasons" } else { "text" });
    let find = |text: Option<Cow<'_, str>>| {
        let text = plain::clean(&text?);
        let found = match marker {
            "neighbor" => plain::neighbor(&text).map(Cow::Borrowed),
            "path" => plain::path(&text),
            _ => plain::after(&text, marker).map(Cow::Borrowed),
        };
        found.map(Cow::into_owned)
    };
    texts.into_iter().map(|text| find(text).unwrap_or_default()).collect()
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
    let whom = match marvis.impacted.as_slice() {
        [] => match listed(event).as_slice() {
            [Some(only)] => only.clone(),
            _ => Whom::default(),
        },
        [entity] => {
            let shown = entity.short();
            let device = entity.name.clone().filter(|_| entity.class.is_some());
            Whom { shown, device, class: entity.class, mac: entity.mac, ..Whom::default() }
        }
        [_, _, ..] => Whom { shown: marvis.impacted(), ..Whom::default() },
    };
    let site = || event.text("site_name").map_or_else(|| "a site".to_owned(), Cow::into_owned);
    let shown = plain::non_empty(whom.shown).unwrap_or_else(site);
    let whom = Whom { tag: "finding", id: id.into_owned(), shown, ..whom };
    Vec::from([(whom, String::new())])
}

#[cfg(test)]
mod tests;
