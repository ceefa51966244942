//! The data of the cloud: sites, access points, switches, and what is plugged in where.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{SystemTime, UNIX_EPOCH};

use mistgate_core::base::mac::Mac;
use serde_json::{Map, Value, json};

use super::{Role, port_config};

/// The id of an organisation, for tests that need just one.
pub const ORG: &str = "978c48e6-6ef6-11e6-8bbf-02e208b2d34f";
/// The id of a site, for tests that need just one.
pub const SITE: &str = "67970e46-4e12-11e6-9188-0242ac110007";

/// An organisation with one site or more.
#[derive(Clone, Debug)]
pub struct Organisation {
    pub id: String,
    /// The only valid token, and its rights.
    pub token: (String, Role),
    /// The names of the port profiles.
    pub profiles: BTreeSet<String>,
    /// The most elements on a page, whatever the request says.
    pub page_max: usize,
    /// Whether a PUT of a device replaces its `local_port_config` as well.
    pub takes_overrides: bool,
    /// Whether absent optional values are sent as null.
    pub sends_nulls: bool,
    pub aps: BTreeMap<Mac, Ap>,
    /// A virtual chassis is listed by the MAC that the cloud assigned.
    pub switches: BTreeMap<Mac, Switch>,
    /// The names of the sites that have webhooks of their own or are to be listed, by their ids.
    pub sites: BTreeMap<String, String>,
    /// The webhooks, by their ids. Those of a site have its `site_id`.
    pub webhooks: BTreeMap<String, Map<String, Value>>,
    /// What is sent of the secrets of webhooks.
    pub secrets: Secrets,
    /// The log of deliveries, of whichever webhook.
    pub deliveries: Vec<Value>,
    /// What happened to devices.
    pub device_events: Vec<Value>,
    /// The types of device events, and those of alarms.
    pub types: (Vec<Value>, Vec<Value>),
}

/// What Mist may send of the secret of a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrets {
    Whole,
    Stars,
    /// As much as if there were none.
    Nothing,
}

/// An access point's state as Mist knows it.
#[derive(Clone, Debug)]
pub struct Ap {
    /// The id of its site.
    pub site: String,
    /// `None` before it connects for the first time.
    pub is_connected: Option<bool>,
    /// In seconds since 1970.
    pub last_seen: Option<u64>,
    /// The switch and port that it reports. It reports the last ones until it knows others.
    pub neighbor: Option<(Mac, String)>,
    /// Another port of that switch that it is on.
    pub also: Option<String>,
}

/// A switch, or a virtual chassis.
#[derive(Clone, Debug)]
pub struct Switch {
    pub id: String,
    /// The id of its site.
    pub site: String,
    pub name: String,
    pub is_connected: bool,
    /// The MACs of a virtual chassis' members.
    pub members: Vec<Mac>,
    pub ports: BTreeMap<String, Port>,
    /// Its configuration, without the members that identify the device.
    pub config: Map<String, Value>,
}

/// A port's link and neighbour as Mist knows them.
#[derive(Clone, Debug, Default)]
pub struct Port {
    /// Whether it has a link. `None` before the switch has reported.
    pub up: Option<bool>,
    /// The LLDP neighbour, which stays when the link goes down.
    pub neighbor: Option<Mac>,
}

impl Organisation {
    /// An organisation without devices, with the profiles `ap`, `default`, `iot` and `secured`.
    pub fn new(id: &str, token: &str) -> Self {
        Self {
            id: id.to_owned(),
            token: (token.to_owned(), Role::Admin),
            profiles: ["ap", "default", "iot", "secured"].map(str::to_owned).into(),
            page_max: 1_000,
            takes_overrides: true,
            sends_nulls: false,
            aps: BTreeMap::new(),
            switches: BTreeMap::new(),
            sites: BTreeMap::new(),
            webhooks: BTreeMap::new(),
            secrets: Secrets::Whole,
            deliveries: Vec::new(),
            device_events: Vec::new(),
            types: (Vec::new(), Vec::new()),
        }
    }

    /// Adds a webhook for all topics that a default configuration wants.
    pub fn add_webhook(&mut self, id: &str, url: &str, secret: &str) {
        let hook = json!({
            "id": id, "name": "noc", "enabled": true, "type": "http-post", "url": url,
            "secret": secret, "verify_cert": true, "single_event_per_message": false,
            "topics": ["alarms", "audits", "device-events", "device-updowns", "mxedge-events"],
        });
        let hook = hook.as_object().cloned().expect("an object");
        self.webhooks.insert(id.to_owned(), hook);
    }

    /// Adds a switch with this many ports, `ge-0/0/0` and on, and an empty configuration.
    pub fn add_switch(&mut self, mac: Mac, site: &str, name: &str, ports: usize) {
        let ports = (0..ports).map(|n| (format!("ge-0/0/{n}"), Port::default())).collect();
        let switch = Switch {
            id: device_id(mac),
            site: site.to_owned(),
            name: name.to_owned(),
            is_connected: true,
            members: Vec::new(),
            ports,
            config: Map::new(),
        };
        self.switches.insert(mac, switch);
    }

    /// Adds an access point that was never connected.
    pub fn add_ap(&mut self, mac: Mac, site: &str) {
        let site = site.to_owned();
        let ap = Ap { site, is_connected: None, last_seen: None, neighbor: None, also: None };
        self.aps.insert(mac, ap);
    }

    /// Moves an access point to a port, and connects it. `false` if there is no such access point
    /// or port.
    pub fn plug(&mut self, ap: Mac, switch: Mac, port: &str) -> bool {
        self.unplug(ap);
        let at = self.switches.get_mut(&switch);
        let site = at.as_ref().map(|switch| switch.site.clone()).unwrap_or_default();
        let at = at.and_then(|switch| switch.ports.get_mut(port));
        let Some((at, ap_state)) = at.zip(self.aps.get_mut(&ap)) else {
            return false;
        };
        *at = Port { up: Some(true), neighbor: Some(ap) };
        *ap_state = Ap {
            site,
            is_connected: Some(true),
            last_seen: Some(now()),
            neighbor: Some((switch, port.to_owned())),
            also: None,
        };
        true
    }

    /// Plugs a second cable of an access point into its switch. `false` if there is no such port.
    pub fn plug_also(&mut self, ap: Mac, port: &str) -> bool {
        let of = self.aps.get_mut(&ap).and_then(|ap| {
            ap.also = Some(port.to_owned());
            ap.neighbor.as_ref()
        });
        let at = of.and_then(|(switch, _)| self.switches.get_mut(switch)?.ports.get_mut(port));
        at.map(|at| *at = Port { up: Some(true), neighbor: Some(ap) }).is_some()
    }

    /// Unplugs an access point. As with Mist, its port keeps the neighbour for a while, without a
    /// link.
    pub fn unplug(&mut self, ap: Mac) {
        let ports = self.switches.values_mut().flat_map(|switch| switch.ports.values_mut());
        for port in ports.filter(|port| port.neighbor == Some(ap)) {
            port.up = Some(false);
        }
        if let Some(ap) = self.aps.get_mut(&ap).filter(|ap| ap.is_connected == Some(true)) {
            ap.is_connected = Some(false);
            ap.last_seen = Some(now());
        }
    }

    /// The profile of a port by the switch's configuration. `None` if there is no such port.
    pub fn usage(&self, switch: Mac, port: &str) -> Option<String> {
        let switch = self.switches.get(&switch)?;
        let at = switch.ports.contains_key(port);
        at.then(|| port_config::usage(&switch.config, port))
    }

    /// Replaces a switch's configuration, as an administrator does in the dashboard.
    pub fn configure(&mut self, switch: Mac, config: Value) {
        if let (Some(switch), Value::Object(config)) = (self.switches.get_mut(&switch), config) {
            switch.config = config;
        }
    }

    /// A switch's configuration, without the members that identify the device.
    pub fn config(&self, switch: Mac) -> Value {
        let config = self.switches.get(&switch).map(|switch| switch.config.clone());
        config.map_or(Value::Null, Value::Object)
    }

    /// An object as it is sent: without nulls, unless they are to be sent.
    pub(super) fn as_sent(&self, mut object: Value) -> Value {
        if let (Value::Object(object), false) = (&mut object, self.sends_nulls) {
            object.retain(|_, value| !value.is_null());
        }
        object
    }

    /// A port as `stats/ports/search` returns it.
    pub(super) fn port(&self, mac: Mac, switch: &Switch, name: &str, port: &Port) -> Value {
        self.as_sent(json!({
            "org_id": self.id, "site_id": switch.site, "mac": mac.plain(), "port_id": name,
            "type": "switch", "speed": 1000, "up": port.up, "port_mac": mac.plain(),
            "neighbor_mac": port.neighbor.map(Mac::plain), "neighbor_system_name": null,
            "port_usage": port_config::usage(&switch.config, name),
        }))
    }

    /// An access point as `stats/devices` returns it.
    pub(super) fn ap(&self, mac: Mac, ap: &Ap) -> Value {
        let status = |is_connected| if is_connected { "connected" } else { "disconnected" };
        let stat = |port: &String| {
            let (mac, _) = ap.neighbor.as_ref()?;
            let switch = self.switches.get(mac);
            let chassis = switch.and_then(|switch| switch.members.first()).unwrap_or(mac);
            Some(json!({
                "chassis_id": chassis.to_string(), "port_id": port, "port_desc": port,
                "system_name": switch.map(|switch| &switch.name),
            }))
        };
        let lldp_stat = ap.neighbor.as_ref().and_then(|(_, port)| stat(port));
        let several = ap.also.as_ref().map(|port| json!({ "eth0": lldp_stat, "eth1": stat(port) }));
        self.as_sent(json!({
            "id": device_id(mac), "mac": mac.plain(), "type": "ap", "org_id": self.id,
            "site_id": ap.site, "name": format!("ap-{}", mac.plain()),
            "status": ap.is_connected.map(status), "last_seen": ap.last_seen,
            "lldp_stat": lldp_stat, "lldp_stats": several,
        }))
    }

    /// A switch's entries in the inventory: itself, and its members.
    pub(super) fn entries(&self, mac: Mac, switch: &Switch, with_members: bool) -> Vec<Value> {
        let vc_mac = (!switch.members.is_empty()).then(|| mac.plain());
        let whole = json!({
            "id": switch.id, "mac": mac.plain(), "type": "switch", "org_id": self.id,
            "site_id": switch.site, "name": switch.name, "hostname": switch.name,
            "connected": switch.is_connected, "vc_mac": vc_mac, "deviceprofile_id": null,
        });
        let member = |member: &Mac| json!({ "mac": member.plain(), "type": "switch", "vc_mac": vc_mac, "org_id": self.id });
        let members = switch.members.iter().filter(|_| with_members).map(member);
        std::iter::once(self.as_sent(whole)).chain(members).collect()
    }
}

/// The id of a device that is not a virtual chassis.
pub(super) fn device_id(mac: Mac) -> String {
    format!("00000000-0000-0000-1000-{}", mac.plain())
}

pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
