//! Alarms: of the infrastructure, of security, and of Marvis.

use alloc::{
    borrow::Cow,
    format,
    string::{String, ToString},
    vec::Vec,
};

use super::{draft::Draft, subject, thread};
use crate::{
    event::{Detail, DeviceClass, Event, Mac},
    notify::{
        Thread,
        links::{self, Dashboard},
        plain,
        types::{self, sentence},
    },
    time::UnixTime,
};

/// The lists of an alarm that name devices.
const DEVICES: [(&str, DeviceClass); 4] = [
    ("aps", DeviceClass::AccessPoint),
    ("switches", DeviceClass::Switch),
    ("gateways", DeviceClass::Gateway),
    ("mxedges", DeviceClass::MistEdge),
];

/// Lists of an alarm that are shown as they are: member, label of one, label of several.
const LISTS: [(&str, &str, &str); 7] = [
    ("port_ids", "Port", "Ports"),
    ("ssids", "SSID", "SSIDs"),
    ("bssids", "BSSID", "BSSIDs"),
    ("vlans", "VLAN", "VLANs"),
    ("servers", "Server", "Servers"),
    ("models", "Model", "Models"),
    ("fw_versions", "Version", "Versions"),
];

/// How long an alarm goes on before its last sighting is worth a line, in seconds.
const LASTS: i64 = 60;

/// What an alarm says.
pub(super) fn describe(event: &Event<'_>, dashboard: &Dashboard<'_>) -> Draft {
    let name = event.kind().unwrap_or_default();
    let row = types::find(event.topic(), &name);
    let alarm = Alarm::new(event, &name);
    let mut draft = match row {
        Some(row) => Draft {
            title: row.title.to_string(),
            summary: sentence::say(row.sentence, &mut |name| alarm.value(name).map(Cow::Owned)),
            thread: row.pair.and_then(|pair| thread::thread(event, pair)),
            ..Draft::default()
        },
        None => alarm.unknown(&name),
    };
    let marvis = Marvis::of(event);
    match &marvis {
        Some(marvis) => marvis.tell(&mut draft, event),
        None => alarm.tell_reasons(&mut draft),
    }
    alarm.tell(&mut draft, marvis.is_some());
    if row.is_none() {
        draft.scalars(&alarm.strange_members());
    }
    draft.links.extend(dashboard.alarm());
    if let ([mac], Some(class)) = (alarm.macs.as_slice(), alarm.class) {
        draft.links.extend(dashboard.device(class, &links::device_id(*mac)));
    }
    draft
}

/// The devices and other lists of an alarm.
struct Alarm<'e> {
    event: &'e Event<'e>,
    class: Option<DeviceClass>,
    macs: Vec<Mac>,
    names: Vec<String>,
    site: Option<String>,
    reasons: Vec<String>,
}

impl<'e> Alarm<'e> {
    fn new(event: &'e Event<'e>, kind: &str) -> Self {
        let listed = DEVICES
            .into_iter()
            .map(|(member, class)| (event.texts(member), class))
            .find(|(ids, _)| !ids.is_empty());
        let class = listed.as_ref().map(|(_, class)| *class);
        let mut macs: Vec<Mac> =
            listed.iter().flat_map(|(ids, _)| ids.iter().filter_map(|id| Mac::parse(id))).collect();
        macs.dedup();
        let mut reasons =
            texts(event, "reasons", |reason| plain::humane(plain::untagged(&plain::clean(reason))));
        reasons.dedup();
        Self {
            event,
            class: class.or_else(|| class_of(kind)),
            macs,
            names: texts(event, "hostnames", plain::clean),
            site: subject::site(event),
            reasons,
        }
    }

    fn value(&self, name: &str) -> Option<String> {
        let reasons = self.reasons.join("; ");
        let joined = |member, show: fn(&str) -> String| {
            non_empty(plain::list(&texts(self.event, member, show), plain::NAMES_MAX))
        };
        match name {
            "device" => Some(self.placed()),
            "bare" => Some(self.bare()),
            "entities" => Some(match Marvis::of(self.event) {
                Some(marvis) => format!("{}{}", marvis.phrase(), subject::at(self.site.as_deref())),
                None => self.placed(),
            }),
            "site" => self.site.as_deref().map(subject::named_site),
            "bssids" => joined("bssids", plain::mac),
            "clients" => self.clients_phrase(),
            "neighbor" => plain::neighbor(&reasons).map(String::from),
            "member" => plain::after(reasons.split_once(" of ")?.1, name).map(String::from),
            "path" | "peer" => plain::after(&reasons, name).map(String::from),
            "port" => joined("port_ids", plain::clean),
            "servers" => joined("servers", plain::clean),
            "ssids" => {
                let ssids = texts(self.event, "ssids", |ssid| format!("\"{}\"", plain::name(ssid)));
                non_empty(plain::list(&ssids, plain::NAMES_MAX))
            }
            "text" => non_empty(reasons),
            "vlans" => joined("vlans", plain::clean),
            _ => self.event.text(name).map(|text| plain::name(&text)),
        }
    }

    /// `AP "a" (MAC …)`, `2 APs ("a" and "b")`, or `an AP` where none is named.
    fn bare(&self) -> String {
        let noun = subject::noun(self.class);
        let quoted: Vec<String> =
            self.names.iter().map(|name| format!("\"{}\"", plain::name(name))).collect();
        let macs: Vec<String> = self.macs.iter().map(ToString::to_string).collect();
        match (quoted.as_slice(), macs.as_slice()) {
            ([], []) => format!("{} {noun}", subject::article(noun)),
            ([], [mac]) => format!("{noun} with MAC {mac}"),
            ([name], []) => format!("{noun} {name}"),
            ([name], [mac]) => format!("{noun} {name} (MAC {mac})"),
            (names, macs) => {
                let listed = if names.len() >= macs.len() { names } else { macs };
                let plural = match noun.ends_with("ch") {
                    true => format!("{noun}es"),
                    false => format!("{noun}s"),
                };
                let number = listed.len();
                format!("{number} {plural} ({})", plain::list(listed, plain::NAMES_MAX))
            }
        }
    }

    fn placed(&self) -> String {
        format!("{}{}", self.bare(), subject::at(self.site.as_deref()))
    }

    fn clients(&self) -> Vec<String> {
        ["client_macs", "client_mac1", "client_mac2"]
            .into_iter()
            .flat_map(|member| texts(self.event, member, plain::mac))
            .collect()
    }

    fn clients_phrase(&self) -> Option<String> {
        let clients = self.clients();
        let noun = if clients.len() == 1 { "client" } else { "clients" };
        let listed = non_empty(plain::list(&clients, plain::NAMES_MAX))?;
        Some(format!("{noun} {listed}"))
    }

    fn unknown(&self, name: &str) -> Draft {
        let what = plain::words(name);
        let place = subject::at(self.site.as_deref());
        let named = !(self.names.is_empty() && self.macs.is_empty());
        let title = match what.is_empty() {
            true => "Alarm".to_string(),
            false => sentence::capitalized(&what),
        };
        let summary = match (Marvis::of(self.event), named) {
            (Some(marvis), _) => {
                format!("Marvis found \"{what}\" at {}{place}.", marvis.phrase())
            }
            (None, true) => format!("{} raised the alarm \"{what}\".", self.placed()),
            (None, false) => format!("Mist raised the alarm \"{what}\"{place}."),
        };
        let summary = sentence::capitalized(&summary);
        Draft {
            title,
            summary: match what.is_empty() {
                true => format!("Mist raised an alarm without a type{place}."),
                false => summary,
            },
            ..Draft::default()
        }
    }

    fn tell_reasons(&self, draft: &mut Draft) {
        if !self.reasons.is_empty() {
            let reasons = self.reasons.join("; ");
            let said = draft.summary.contains(&reasons);
            if !said {
                let reasons = plain::cut(reasons.trim_end_matches('.'), 300);
                draft.summary.push_str(&format!(" Reason: {reasons}."));
            }
        }
    }

    fn tell(&self, draft: &mut Draft, marvis: bool) {
        let devices: Vec<String> = self.names.clone();
        draft.several("Device", "Devices", &devices);
        let macs: Vec<String> = self.macs.iter().map(ToString::to_string).collect();
        draft.several("MAC", "MACs", &macs);
        draft.maybe("Site", self.site.as_deref());
        draft.several("Reason", "Reasons", &self.reasons);
        let detail = self.event.text("detail").map(|text| plain::clean(&text));
        draft.maybe("Details", detail.as_deref().map(plain::untagged));
        for (member, one, many) in LISTS {
            let show = if member == "bssids" { plain::mac } else { plain::clean };
            draft.several(one, many, &texts(self.event, member, show));
        }
        draft.several("Client", "Clients", &self.clients());
        draft.maybe("Node", self.event.text("node"));
        let number = |member| self.event.get(member).and_then(Detail::number);
        if let Some(count) = self.event.get("count").and_then(Detail::integer).filter(|n| *n > 1) {
            draft.fact("Count", &count.to_string());
        }
        let last = number("last_seen").and_then(UnixTime::from_secs_f64);
        if let (Some(first), Some(last)) = (self.event.at(), last)
            && last.as_secs() - first.as_secs() >= LASTS
        {
            draft.fact("Last seen", &last.to_string());
        }
        if !marvis && self.event.text("update").as_deref() == Some("true") {
            draft.fact("Repeated", "yes, Mist sent this alarm before");
        }
    }

    /// The members of a type that no table has, without those that are told anyway.
    fn strange_members(&self) -> Vec<(String, Detail<'e>)> {
        let told = [
            "alert_id",
            "category",
            "count",
            "detail",
            "impacted_entity_count",
            "last_seen",
            "node",
            "root_cause",
            "status",
            "suggestion",
            "reason",
        ];
        self.event
            .members()
            .iter()
            .filter(|(name, _)| !told.contains(&&**name))
            .map(|(name, detail)| (name.to_string(), *detail))
            .collect()
    }
}

/// What Marvis adds to an alarm.
struct Marvis {
    status: Option<String>,
    cause: Option<String>,
    action: Option<String>,
    impacted: Vec<String>,
}

impl Marvis {
    /// `None` for the alarms of others.
    fn of(event: &Event<'_>) -> Option<Self> {
        let ours = event.text("group").is_some_and(|group| group.eq_ignore_ascii_case("marvis"));
        let entities = event.get("impacted_entities");
        if !ours && entities.is_none() && event.get("suggestion").is_none() {
            return None;
        }
        let unfolded = event.get("details").and_then(Detail::embedded);
        let details = unfolded.as_deref().map(Detail::from).or_else(|| event.get("details"));
        let inner = |name: &str| details?.get(name)?.text();
        let status = event.text("status").or_else(|| inner("status")).or_else(|| inner("state"));
        let action = event.text("suggestion").or_else(|| inner("action"));
        let entities = entities.map(Detail::items).unwrap_or_default();
        Some(Self {
            status: status.map(|status| plain::clean(&status).to_ascii_lowercase()),
            cause: event.text("root_cause").map(|cause| spell_cause(&cause)),
            action: action.map(|action| spell_action(&action)),
            impacted: merged(&entities),
        })
    }

    fn phrase(&self) -> String {
        match self.impacted.as_slice() {
            [] => "unnamed devices".to_string(),
            some => plain::list(some, plain::NAMES_MAX),
        }
    }

    /// Marvis closes what it has found as resolved, or as validated once it has seen the fix work
    /// (`facts/mist.md` §1).
    fn closed(&self) -> bool {
        matches!(self.status.as_deref(), Some("resolved" | "validated"))
    }

    fn tell(&self, draft: &mut Draft, event: &Event<'_>) {
        match self.status.as_deref() {
            Some(status @ ("resolved" | "validated")) => {
                draft.title.push_str(&format!(" ({status})"));
                let verdict = match status {
                    "resolved" => " The issue is resolved.",
                    _ => " Marvis has validated the fix.",
                };
                draft.summary.push_str(verdict);
            }
            Some("reoccured" | "reoccurred" | "recurred") => {
                draft.title.push_str(" (again)");
                draft.summary.push_str(" The issue has come back.");
            }
            _ => {}
        }
        if let Some(cause) = &self.cause {
            draft.summary.push_str(&format!(" Root cause: {cause}."));
        }
        if let Some(action) = self.action.as_ref().filter(|_| !self.closed()) {
            draft.summary.push_str(&format!(" Suggested action: {action}."));
        }
        draft.several("Impacted", "Impacted", &self.impacted);
        draft.maybe("Status", self.status.as_deref().map(plain::humane));
        draft.maybe("Root cause", self.cause.as_deref());
        draft.maybe("Suggested action", self.action.as_deref());
        draft.thread = event.id("id").map(|id| Thread {
            recovery: self.closed(),
            ..thread::keyed(event, "marvis", &[&id], false)
        });
    }
}

/// The entities in words; ports of one device are told together.
fn merged(entities: &[Detail<'_>]) -> Vec<String> {
    let mut devices: Vec<(String, Vec<String>)> = Vec::new();
    for entity in entities {
        let (device, port) = entity_phrase(*entity);
        match devices.iter_mut().find(|(known, _)| *known == device) {
            Some((_, ports)) => ports.extend(port),
            None => devices.push((device, port.into_iter().collect())),
        }
    }
    devices
        .into_iter()
        .map(|(device, ports)| match ports.as_slice() {
            [] => device,
            [port] => format!("port {port} of {device}"),
            ports => format!("ports {} of {device}", plain::list(ports, plain::NAMES_MAX)),
        })
        .collect()
}

fn entity_phrase(entity: Detail<'_>) -> (String, Option<String>) {
    let text = |name: &str| entity.get(name)?.text();
    let mac = text("entity_mac").and_then(|mac| Mac::parse(&mac));
    let kind = text("entity_type").map_or_else(|| "device".to_string(), |kind| plain::words(&kind));
    let name = text("entity_name")
        .map(|name| plain::name(&name))
        .filter(|name| mac.is_none() || Mac::parse(name) != mac)
        .filter(|name| name != "unknown" && !name.starts_with("unknown "));
    let address = text("entity_ip").map(|ip| plain::name(&ip));
    let named = match (name, mac, address) {
        (Some(name), Some(mac), _) => format!("{kind} \"{name}\" (MAC {mac})"),
        (Some(name), None, None) => format!("{kind} \"{name}\""),
        (Some(name), None, Some(ip)) => format!("{kind} \"{name}\" ({ip})"),
        (None, Some(mac), _) => format!("{kind} with MAC {mac}"),
        (None, None, Some(ip)) => format!("{kind} {ip}"),
        (None, None, None) => match entity.members().is_empty() {
            true => entity.text().map_or_else(|| "a device".to_string(), |text| plain::name(&text)),
            false => format!("{} {kind}", subject::article(&kind)),
        },
    };
    let band = text("band").map(|band| super::device::band(&band));
    let device = match band {
        Some(band) => format!("{named} on {band}"),
        None => named,
    };
    (device, text("port_id").map(|port| plain::name(&port)))
}

fn spell_cause(cause: &str) -> String {
    match cause {
        "ap" => "the AP".to_string(),
        "dhcpserver_site" => "a DHCP server of the site".to_string(),
        "wlan_site" => "a WLAN of the site".to_string(),
        other => spell(other),
    }
}

fn spell_action(action: &str) -> String {
    match action.to_ascii_lowercase().as_str() {
        "check_arp_failure" | "check_arp" => "check ARP".to_string(),
        "check_auth_failure" => "check the authentication".to_string(),
        "check_capacity" => "check the wireless capacity".to_string(),
        "check_dhcp_failure" | "check_dhcp" => "check DHCP".to_string(),
        "check_interface_config" => "check the configuration of the interface".to_string(),
        "check_port" => "check the port".to_string(),
        "check_radius_offline" => "check whether the RADIUS server is offline".to_string(),
        "check_wan_link" => "check the WAN link".to_string(),
        "firmware_upgrade" => "upgrade the firmware".to_string(),
        "replace_cable" => "replace the cable".to_string(),
        "test_replace_cable" => "test the cable and replace it".to_string(),
        _ => spell(action),
    }
}

/// A code in words; sentences stay as they are, without their full stop.
fn spell(text: &str) -> String {
    let text = plain::clean(text);
    match text.contains(' ') {
        true => text.trim_end_matches('.').to_string(),
        false => plain::words(&text),
    }
}

/// The class of device that an alarm is about by its name, where it lists none.
fn class_of(kind: &str) -> Option<DeviceClass> {
    let kind = kind.to_ascii_lowercase();
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| kind.starts_with(prefix));
    if starts(&["sw_", "switch_", "vc_"]) {
        Some(DeviceClass::Switch)
    } else if starts(&["gw_", "gateway_", "ha_", "tunnel_", "vpn_", "wan_", "idp_", "url_"]) {
        Some(DeviceClass::Gateway)
    } else if starts(&["mist_edge_", "tt_"]) {
        Some(DeviceClass::MistEdge)
    } else if starts(&["cellular_"]) {
        None
    } else {
        Some(DeviceClass::AccessPoint)
    }
}

fn texts(event: &Event<'_>, member: &str, show: impl Fn(&str) -> String) -> Vec<String> {
    event.texts(member).iter().map(|text| show(text)).collect()
}

fn non_empty(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}
