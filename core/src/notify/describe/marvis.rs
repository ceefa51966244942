//! Findings of Marvis, Mist's assistant: the members that they add to an alarm.

use alloc::{format, string::String, string::ToString, vec::Vec};

use super::{draft::Draft, subject};
use crate::{base::mac::Mac, event::Detail, event::DeviceClass, event::Event, notify::plain};

/// The state of a finding, its cause, the suggested repair, and who is impacted.
pub(in crate::notify) struct Marvis {
    /// Devices, WLANs or servers.
    pub(in crate::notify) impacted: Vec<Entity>,
    status: Option<String>,
    cause: Option<String>,
    action: Option<String>,
}

/// A device, WLAN or server that a finding impacts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::notify) struct Entity {
    /// `None` if it is not a device.
    pub(in crate::notify) class: Option<DeviceClass>,
    pub(in crate::notify) name: Option<String>,
    pub(in crate::notify) mac: Option<Mac>,
    /// `switch "a" (MAC …)`.
    phrase: String,
    /// The impacted ports: of the device, or of the switch that it is connected to.
    pub(in crate::notify) ports: Vec<String>,
    /// That switch, by name or MAC, if it is not the device itself.
    at: Option<(String, Option<Mac>)>,
    vlan: Option<String>,
    /// `6.0 instead of 6.1`, the version that it runs and the recommended one.
    versions: Option<String>,
}

impl Marvis {
    /// `None` if the alarm is not a finding of Marvis.
    pub(in crate::notify) fn of(event: &Event<'_>) -> Option<Self> {
        let ours = event.text("group").is_some_and(|group| group.eq_ignore_ascii_case("marvis"));
        let entities = event.get("impacted_entities");
        if !ours && entities.is_none() && event.get("suggestion").is_none() {
            return None;
        }
        let unfolded = event.get("details").and_then(Detail::embedded);
        let details = unfolded.as_deref().map(Detail::from).or_else(|| event.get("details"));
        let inner = |name: &str| Some(details?.get(name)?.text()?.into_owned());
        let outer = |name: &str| event.text(name).map(|text| text.into_owned());
        let status = outer("status").or_else(|| inner("status")).or_else(|| inner("state"));
        let action = outer("suggestion").or_else(|| inner("action"));
        Some(Self {
            impacted: merged(entities.map(Detail::items).unwrap_or_default()),
            status: status.map(|status| plain::clean(&status).to_ascii_lowercase()),
            cause: outer("root_cause").map(|cause| spell_cause(&cause)),
            action: action.map(|action| spell_action(&action)),
        })
    }

    /// The first few impacted entities in words; empty if the finding names none.
    pub(in crate::notify) fn impacted(&self) -> String {
        let phrases: Vec<String> = self.impacted.iter().map(Entity::phrase).collect();
        plain::list(&phrases, plain::NAMES_MAX)
    }

    /// The values that the entities have, each once.
    pub(super) fn each(&self, value: fn(&Entity) -> Option<&String>) -> Vec<String> {
        let mut values: Vec<String> = self.impacted.iter().filter_map(value).cloned().collect();
        values.dedup();
        values
    }

    /// Adds the state, the cause and the suggested repair.
    pub(super) fn add_facts(&self, draft: &mut Draft) {
        let (mark, state) = match self.status.as_deref() {
            Some("resolved") => (" (resolved)", " The issue is resolved."),
            Some("validated") => (" (validated)", " Marvis has validated the fix."),
            Some("reoccured" | "reoccurred" | "recurred") => {
                (" (again)", " The issue has come back.")
            }
            _ => ("", ""),
        };
        draft.title.push_str(mark);
        draft.summary.push_str(state);
        if let Some(cause) = &self.cause {
            draft.summary.push_str(&format!(" Root cause: {cause}."));
        }
        if let Some(action) = self.action.as_ref().filter(|_| !self.closed()) {
            draft.summary.push_str(&format!(" Suggested action: {action}."));
        }
        draft.several("VLAN", "VLANs", &self.each(Entity::vlan));
        draft.several("Version", "Versions", &self.each(Entity::versions));
        draft.maybe("Status", self.status.as_deref().map(spell));
        draft.maybe("Root cause", self.cause.as_deref());
        draft.maybe("Suggested action", self.action.as_deref());
    }

    /// Marvis closes a finding as resolved, or as validated once it has seen the repair work
    /// (`appliance/docs/vendors/mist.md` §6).
    pub(in crate::notify) fn closed(&self) -> bool {
        matches!(self.status.as_deref(), Some("resolved" | "validated"))
    }
}

impl Entity {
    fn parse(entity: Detail<'_>) -> Self {
        let text = |name: &str| Some(plain::name(&entity.get(name)?.text()?));
        let kind = text("entity_type").unwrap_or_default();
        let class = DeviceClass::parse(&kind);
        let mac = text("entity_mac").and_then(|mac| Mac::parse(&mac)).filter(|mac| mac.is_device());
        let name = text("entity_name")
            .filter(|name| subject::is_name(name, mac))
            .filter(|name| name != "unknown" && !name.starts_with("unknown "));
        let noun = match (class, kind.as_str()) {
            (None, "") => "device".to_string(),
            (None, kind) => plain::words(kind),
            (class, _) => subject::noun(class).to_string(),
        };
        let named = match (&name, mac, text("entity_ip"), entity.text()) {
            (Some(name), None, Some(ip), _) => format!("{noun} \"{name}\" ({ip})"),
            (None, None, Some(ip), _) => format!("{noun} {ip}"),
            (None, None, None, Some(text)) => plain::name(&text),
            _ => subject::called(&noun, name.as_deref(), mac),
        };
        let at = text("connected_switch_mac").and_then(|mac| Mac::parse(&mac));
        let at = at.filter(|at| at.is_device() && Some(*at) != mac);
        let switch = text("connected_switch_name").or(at.map(|mac| mac.to_string()));
        let (running, wanted) = (text("entity_version"), text("recommended_version"));
        Self {
            class,
            mac,
            at: switch.filter(|switch| Some(switch) != name.as_ref()).map(|switch| (switch, at)),
            vlan: text("missing_vlan_id").or_else(|| text("vlan_id")),
            versions: match (running, wanted) {
                (Some(running), Some(wanted)) => Some(format!("{running} instead of {wanted}")),
                (running, wanted) => running.or(wanted),
            },
            phrase: match text("band") {
                Some(band) => format!("{named} on {}", plain::band(&band)),
                None => named,
            },
            name,
            ports: text("port_id").into_iter().collect(),
        }
    }

    /// `port ge-0/0/1 of switch "a" (MAC …)`, or `AP "b" (MAC …) on port ge-0/0/1 of switch "a"`.
    pub(in crate::notify) fn phrase(&self) -> String {
        let ports = plain::named_list("port", "ports", &self.ports, plain::NAMES_MAX);
        match (&self.at, ports) {
            (Some((at, _)), Some(ports)) => {
                format!("{} on {ports} of switch \"{at}\"", self.phrase)
            }
            (Some((at, _)), None) => format!("{} on switch \"{at}\"", self.phrase),
            (None, Some(ports)) => format!("{ports} of {}", self.phrase),
            (None, None) => self.phrase.clone(),
        }
    }

    /// `ge-0/0/1 of a`, or `b on ge-0/0/1 of a`.
    pub(in crate::notify) fn short(&self) -> String {
        let mac = self.mac.map(|mac| mac.to_string());
        let name = self.name.clone().or(mac).unwrap_or_else(|| self.phrase.clone());
        let ports = plain::list(&self.ports, plain::NAMES_MAX);
        match (&self.at, ports.is_empty()) {
            (Some((at, _)), false) => format!("{name} on {ports} of {at}"),
            (None, false) => format!("{ports} of {name}"),
            (_, true) => name,
        }
    }

    /// The MAC of the switch that it is connected to.
    pub(super) fn switch(&self) -> Option<Mac> {
        self.at.as_ref()?.1
    }

    /// The facts that are of the device alone: its port, or also the switch of it.
    pub(super) fn add_facts(&self, draft: &mut Draft) {
        if let Some((at, mac)) = &self.at {
            draft.fact("Switch", at);
            draft.maybe("Switch MAC", mac.map(|mac| mac.to_string()));
        }
        let (one, many) = match self.at {
            Some(_) => ("Switch port", "Switch ports"),
            None => ("Port", "Ports"),
        };
        draft.several(one, many, &self.ports);
    }

    pub(super) const fn vlan(&self) -> Option<&String> {
        self.vlan.as_ref()
    }

    pub(super) const fn versions(&self) -> Option<&String> {
        self.versions.as_ref()
    }
}

/// The entities. Those of one device become one, with all its ports.
fn merged(entities: Vec<Detail<'_>>) -> Vec<Entity> {
    let mut merged: Vec<Entity> = Vec::new();
    for entity in entities.into_iter().map(Entity::parse) {
        match merged.iter_mut().find(|known| known.phrase == entity.phrase) {
            Some(known) => known.ports.extend(entity.ports),
            None => merged.push(entity),
        }
    }
    merged
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

/// A code in words, or a sentence without its full stop.
fn spell(text: &str) -> String {
    let text = plain::clean(text);
    if text.contains(' ') { text.trim_end_matches('.').to_string() } else { plain::words(&text) }
}
