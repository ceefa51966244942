//! Alarms of the infrastructure, of security, and of Marvis.

use alloc::{borrow::Cow, format, string::String, string::ToString, vec::Vec};

use super::{draft::Draft, marvis::Entity, marvis::Marvis, subject};
use crate::base::{mac::Mac, time::UnixTime};
use crate::event::{Detail, DeviceClass, Event};
use crate::notify::{links::Dashboard, links::device_id, plain, types::Row, types::sentence};

/// The lists of an alarm that name devices.
const DEVICES: [(&str, DeviceClass); 4] = [
    ("aps", DeviceClass::AccessPoint),
    ("switches", DeviceClass::Switch),
    ("gateways", DeviceClass::Gateway),
    ("mxedges", DeviceClass::MistEdge),
];

/// Lists that become facts as they are: member, label of one value, label of several.
const LISTS: [(&str, &str, &str); 8] = [
    ("port_ids", "Port", "Ports"),
    ("ssids", "SSID", "SSIDs"),
    ("bssids", "BSSID", "BSSIDs"),
    ("vlans", "VLAN", "VLANs"),
    ("wlan_ids", "WLAN", "WLANs"),
    ("servers", "Server", "Servers"),
    ("models", "Model", "Models"),
    ("fw_versions", "Version", "Versions"),
];

/// Members that [`Alarm::add_facts`] and [`Marvis::add_facts`] show already, or that say nothing to
/// a reader.
const SHOWN: [&str; 30] = [
    "aps",
    "bssids",
    "category",
    "client_mac1",
    "client_mac2",
    "client_macs",
    "count",
    "detail",
    "details",
    "display",
    "email_content",
    "fw_versions",
    "gateways",
    "hostnames",
    "impacted_entity_count",
    "last_seen",
    "models",
    "mxedges",
    "port_ids",
    "reason",
    "reasons",
    "root_cause",
    "secpolicy_violated",
    "servers",
    "ssids",
    "status",
    "suggestion",
    "switches",
    "vlans",
    "wlan_ids",
];

/// From how many seconds on the time of the last sighting is a fact.
const LASTS: i64 = 60;

/// Describes an alarm.
pub(in crate::notify) fn describe(event: &Event<'_>, row: Row, links: &Dashboard<'_>) -> Draft {
    let name = event.kind().unwrap_or_default();
    let alarm = Alarm::new(event, &name, row.is_some());
    let mut draft = match row {
        Some(row) => Draft::of(row, &mut |name| alarm.value(name).map(Cow::Owned)),
        None => alarm.unknown(&name),
    };
    if let Some(row) = row {
        // `device` stands for access points in the names of alarms.
        let named = class_of(row.name);
        draft.title = subject::retitled(row.title, named, alarm.class);
    }
    alarm.add_facts(&mut draft);
    match &alarm.marvis {
        Some(marvis) => marvis.add_facts(&mut draft),
        None => alarm.explain(&mut draft),
    }
    draft.others(event, &SHOWN);
    if row.is_some() && alarm.is_unnamed() {
        draft.summary.push_str(subject::UNNAMED);
    }
    draft.links.extend(links.alarm());
    if let ([mac], Some(class)) = (alarm.macs.as_slice(), alarm.class) {
        draft.links.extend(links.device(class, &device_id(*mac)));
    }
    if let Some(mac) = alarm.only().and_then(Entity::switch) {
        draft.links.extend(links.device(DeviceClass::Switch, &device_id(mac)));
    }
    draft
}

/// An alarm with its devices, reasons and finding.
struct Alarm<'e> {
    event: &'e Event<'e>,
    class: Option<DeviceClass>,
    noun: &'static str,
    macs: Vec<Mac>,
    names: Vec<String>,
    site: Option<String>,
    reasons: Vec<String>,
    marvis: Option<Marvis>,
}

impl<'e> Alarm<'e> {
    fn new(event: &'e Event<'e>, kind: &str, known: bool) -> Self {
        let listed = listed(event);
        let mut class = listed.as_ref().map(|(_, class)| *class);
        let ids = listed.iter().flat_map(|(ids, _)| ids.iter().flatten());
        let macs = ids.filter_map(|id| subject::listed_mac(id)).filter(|mac| mac.is_device());
        let mut macs: Vec<Mac> = macs.collect();
        macs.dedup();
        let mut names = plain::each(&event.texts("hostnames"), plain::clean);
        let marvis = Marvis::of(event);
        // Marvis lists devices in another member. A single one is described like that of any alarm.
        if let Some([entity]) = marvis.as_ref().map(|marvis| marvis.impacted.as_slice())
            && macs.is_empty()
            && names.is_empty()
        {
            class = class.or(entity.class);
            macs.extend(entity.mac);
            names.extend(entity.name.clone());
        }
        let texts = [event.texts("reasons"), event.texts("reason")].concat();
        let mut reasons =
            plain::each(&texts, |reason| plain::humane(plain::untagged(&plain::clean(reason))));
        reasons.dedup();
        Self {
            event,
            class,
            noun: match (subject::noun_of(kind), &marvis) {
                (Some(noun), _) => noun,
                (None, None) if known => subject::noun(class.or_else(|| class_of(kind))),
                // A finding or an unknown type may be about any kind of device.
                (None, _) => subject::noun(class),
            },
            macs,
            names,
            site: subject::site(event),
            reasons,
            marvis,
        }
    }

    /// The value of a name in the row's sentence.
    fn value(&self, name: &str) -> Option<String> {
        let reasons = self.reasons.join("; ");
        let joined = |member, show: fn(&str) -> String| {
            plain::non_empty(plain::list(
                &plain::each(&self.event.texts(member), show),
                plain::NAMES_MAX,
            ))
        };
        let of_entities =
            |values: Vec<String>| plain::non_empty(plain::list(&values, plain::NAMES_MAX));
        match name {
            "device" => Some(self.placed()),
            "bare" => Some(self.bare()),
            "entities" => {
                let impacted =
                    self.marvis.as_ref().map(Marvis::impacted).and_then(plain::non_empty);
                let impacted = impacted.unwrap_or_else(|| self.bare());
                Some(format!("{impacted}{}", subject::at(self.site.as_deref())))
            }
            "site" => self.site.as_deref().map(subject::named_site),
            "bssids" => joined("bssids", plain::mac),
            "clients" => plain::named_list("client", "clients", &self.clients(), plain::NAMES_MAX),
            "neighbor" => plain::neighbor(&reasons).map(String::from),
            "member" => plain::member(&reasons).map(String::from),
            "path" => plain::path(&reasons).map(Cow::into_owned),
            "peer" => plain::after(&reasons, name).map(String::from),
            "port" => joined("port_ids", plain::clean),
            "servers" => joined("servers", plain::clean),
            "ssids" => joined("ssids", plain::quoted),
            "text" => plain::non_empty(reasons),
            "vlans" => joined("vlans", plain::clean)
                .or_else(|| of_entities(self.marvis.as_ref()?.each(Entity::vlan))),
            "versions" => of_entities(self.marvis.as_ref()?.each(Entity::versions)),
            _ => self.event.text(name).map(|text| plain::name(&text)),
        }
    }

    /// The only device that a finding impacts.
    fn only(&self) -> Option<&Entity> {
        let [only] = self.marvis.as_ref()?.impacted.as_slice() else { return None };
        Some(only)
    }

    fn is_unnamed(&self) -> bool {
        let is_of_whom = self.marvis.as_ref().is_some_and(|marvis| !marvis.impacted.is_empty());
        self.names.is_empty() && self.macs.is_empty() && !is_of_whom
    }

    /// `AP "a" (MAC …)`, `2 APs ("a" and "b")`, or `an AP` where the alarm names none.
    fn bare(&self) -> String {
        let Self { noun, names, macs, .. } = self;
        if names.len() <= 1 && macs.len() <= 1 {
            return subject::called(noun, names.first().map(String::as_str), macs.first());
        }
        let listed: Vec<String> = match names.len() >= macs.len() {
            true => names.iter().map(|name| plain::quoted(name)).collect(),
            false => self.mac_texts(),
        };
        let plural = if noun.ends_with("ch") { "es" } else { "s" };
        format!("{} {noun}{plural} ({})", listed.len(), plain::list(&listed, plain::NAMES_MAX))
    }

    fn mac_texts(&self) -> Vec<String> {
        self.macs.iter().map(ToString::to_string).collect()
    }

    fn placed(&self) -> String {
        format!("{}{}", self.bare(), subject::at(self.site.as_deref()))
    }

    fn clients(&self) -> Vec<String> {
        ["client_macs", "client_mac1", "client_mac2"]
            .into_iter()
            .flat_map(|member| plain::each(&self.event.texts(member), plain::mac))
            .collect()
    }

    /// Title and summary of a type without a row.
    fn unknown(&self, name: &str) -> Draft {
        let display = self.event.text("display").map(|words| plain::clean(&words));
        let what = display.and_then(plain::non_empty).unwrap_or_else(|| plain::words(name));
        let place = subject::at(self.site.as_deref());
        if what.is_empty() {
            return Draft::new("Alarm", format!("Mist raised an alarm without a type{place}."));
        }
        let impacted = self.marvis.as_ref().map(Marvis::impacted);
        let summary = match impacted.as_deref() {
            Some("") => format!("Marvis found \"{what}\"{place}."),
            Some(impacted) => format!("Marvis found \"{what}\" at {impacted}{place}."),
            None if !self.is_unnamed() => format!("{} raised the alarm \"{what}\".", self.placed()),
            // Their names are not public, and seldom say what a reader has to do.
            None if self.event.text("group").as_deref() == Some("certificate_expiry") => {
                format!("A certificate has to be renewed{place}: {what}.")
            }
            None => format!("Mist raised the alarm \"{what}\"{place}."),
        };
        Draft::new(sentence::capitalized(&what), sentence::capitalized(&summary))
    }

    /// Adds the reasons to the summary, and the count if it exceeds one for each device.
    fn explain(&self, draft: &mut Draft) {
        draft.explain(plain::non_empty(self.reasons.join("; ")).as_deref());
        let devices = self.names.len().max(self.macs.len()).max(1);
        if let Some(count) = self.count().filter(|count| *count > devices) {
            draft.summary.push_str(&format!(" Seen {count} times."));
        }
    }

    fn count(&self) -> Option<usize> {
        let count = self.event.get("count")?.integer()?;
        usize::try_from(count).ok().filter(|count| *count > 1)
    }

    /// Adds the facts.
    fn add_facts(&self, draft: &mut Draft) {
        draft.several("Device", "Devices", &self.names);
        draft.several("MAC", "MACs", &self.mac_texts());
        draft.maybe("Site", self.site.as_deref());
        match self.marvis.as_ref().map(|marvis| marvis.impacted.as_slice()) {
            None | Some([]) => {}
            Some([entity]) if entity.class.is_some() => entity.add_facts(draft),
            Some(entities) => {
                let impacted: Vec<String> = entities.iter().map(Entity::phrase).collect();
                draft.several("Impacted", "Impacted", &impacted);
            }
        }
        draft.fact("Reason", &self.reasons.join("; "));
        let detail = self.event.text("detail").map(|text| plain::clean(&text));
        draft.maybe("Details", detail.as_deref().map(plain::untagged));
        for (member, one, many) in LISTS {
            let show = if member == "bssids" { plain::mac } else { plain::clean };
            draft.several(one, many, &plain::each(&self.event.texts(member), show));
        }
        draft.several("Client", "Clients", &self.clients());
        draft.maybe("Count", self.count().map(|count| count.to_string()));
        let last = self.event.get("last_seen").and_then(Detail::number);
        let last = last.and_then(UnixTime::from_secs_f64);
        if let (Some(first), Some(last)) = (self.event.at(), last)
            && last.as_secs() - first.as_secs() >= LASTS
        {
            draft.fact("Last seen", &last.to_string());
        }
        if self.marvis.is_none() && self.event.text("update").as_deref() == Some("true") {
            draft.fact("Repeated", "yes, Mist sent this alarm before");
        }
    }
}

/// The elements of a list in their places; `None` for those that say nothing.
pub(in crate::notify) fn entries<'a>(event: &Event<'a>, member: &str) -> Vec<Option<Cow<'a, str>>> {
    let items = event.get(member).map(Detail::items).unwrap_or_default();
    items.into_iter().map(Detail::text).collect()
}

/// The MACs or ids of the devices that an alarm lists, in their places, and their class.
pub(in crate::notify) fn listed<'a>(
    event: &Event<'a>,
) -> Option<(Vec<Option<Cow<'a, str>>>, DeviceClass)> {
    let mut lists = DEVICES.into_iter().map(|(member, class)| (entries(event, member), class));
    lists.find(|(ids, _)| ids.iter().any(Option::is_some))
}

/// The class of device that the name of a known alarm means if the alarm lists no device.
pub(in crate::notify) fn class_of(kind: &str) -> Option<DeviceClass> {
    let kind = kind.to_ascii_lowercase();
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| kind.starts_with(prefix));
    if subject::noun_of(&kind).is_some() {
        None
    } else if starts(&["sw_", "switch_", "vc_"]) {
        Some(DeviceClass::Switch)
    } else if starts(&["gw_", "gateway_", "ha_", "tunnel_", "vpn_", "wan_", "idp_", "url_"]) {
        Some(DeviceClass::Gateway)
    } else if starts(&["mist_edge_", "tt_"]) {
        Some(DeviceClass::MistEdge)
    } else {
        Some(DeviceClass::AccessPoint)
    }
}
