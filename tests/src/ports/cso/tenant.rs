//! The data of one tenant, and the answers to its requests.
//!
//! Requests and answers are shaped as in `appliance/docs/vendors/cso.md` §1 to §4. A body must have
//! exactly the expected members, and the objects that it names must belong together: the LAN
//! segment of another site is refused, and so is a deployment of what was not applied.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::base::http::Message;

/// The name of the tenant, which is the scope of a login.
const TENANT: &str = "ACME";

/// A switch of the tenant.
#[derive(Clone, Debug)]
pub struct Device {
    pub uuid: String,
    pub name: String,
    /// The name of its site.
    pub site: String,
    /// The names of its ports.
    pub ports: Vec<String>,
}

/// A LAN segment of a site.
#[derive(Clone, Debug)]
pub struct Segment {
    pub uuid: String,
    /// The uuid of its site.
    pub site: String,
    pub vlan: u16,
}

/// The configuration of a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortConfig {
    /// The name of the profile.
    pub profile: String,
    /// The VLANs, in order.
    pub vlans: Vec<u16>,
    /// The untagged VLAN.
    pub native: Option<u16>,
}

/// An answer to a request.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    /// Header lines, each with its CRLF.
    pub headers: String,
    pub body: String,
}

/// Port configurations by the switch's uuid and the port's name.
type Ports = BTreeMap<(String, String), PortConfig>;

/// A tenant with its devices, and what they can be configured to.
#[derive(Clone, Debug)]
pub struct Tenant {
    /// The user who may log in.
    pub login: String,
    pub password: String,
    /// Uuids of sites, and their names.
    pub sites: Vec<(String, String)>,
    pub devices: Vec<Device>,
    /// Uuids of port profiles, and their names.
    pub profiles: Vec<(String, String)>,
    pub segments: Vec<Segment>,
    /// The configuration that was applied to ports.
    pub applied: Ports,
    /// The configuration that was deployed to the switches.
    pub deployed: Ports,
    /// Whether LAN segments are found under the uuid of a switch; else under that of its site.
    pub is_under_switch: bool,
    sessions: Vec<String>,
    logins: u32,
}

impl Tenant {
    /// Two sites with a switch `sw-1` each, of eight ports, two profiles and three VLANs.
    pub fn small() -> Self {
        let sites = ["branch", "depot"].map(|name| (format!("site-{name}"), name.to_owned()));
        let device = |(_, site): &(String, String)| Device {
            uuid: format!("device-{site}"),
            name: "sw-1".to_owned(),
            site: site.clone(),
            ports: (0..8).map(|port| format!("ge-0/0/{port}")).collect(),
        };
        let segments = |(site, name): &(String, String)| {
            [11, 12, 13].map(|vlan| Segment {
                uuid: format!("lan-{name}-{vlan}"),
                site: site.clone(),
                vlan,
            })
        };
        let profiles = ["generic-trunk", "generic-access"];
        Self {
            login: "mesa@acme.example".to_owned(),
            password: "cso-pass-word".to_owned(),
            devices: sites.iter().map(device).collect(),
            segments: sites.iter().flat_map(segments).collect(),
            sites: sites.to_vec(),
            profiles: profiles.map(|name| (format!("profile-{name}"), name.to_owned())).to_vec(),
            applied: BTreeMap::new(),
            deployed: BTreeMap::new(),
            is_under_switch: true,
            sessions: Vec::new(),
            logins: 0,
        }
    }

    /// What was deployed to a port of the switch at this site.
    pub fn port(&self, site: &str, port: &str) -> Option<PortConfig> {
        self.deployed.get(&(format!("device-{site}"), port.to_owned())).cloned()
    }

    /// The number of logins so far.
    pub const fn logins(&self) -> u32 {
        self.logins
    }

    /// Ends all sessions.
    pub fn forget_sessions(&mut self) {
        self.sessions.clear();
    }

    /// Carries out a request, and gives the answer.
    pub fn answer(&mut self, request: &Message) -> Reply {
        let (method, target) =
            (request.start.split(' ').next().unwrap_or_default(), request.target());
        let body = serde_json::from_str(&request.body).unwrap_or(Value::Null);
        if (method, target) == ("POST", "/v3/auth/tokens") {
            return self.login(&body);
        }
        let session = request.header("x-auth-token").unwrap_or_default();
        if !self.sessions.iter().any(|open| open == session) {
            return reply(401, &json!({ "error": { "code": 401, "message": "Unauthorized" } }));
        }
        if method == "POST" && request.header("content-type") != Some("application/json") {
            return refusal("the body is not said to be JSON");
        }
        let answered = match (method, target) {
            ("GET", "/data-view-central/device") => {
                Ok(list("device", self.devices.iter().map(|it| self.device(it))))
            }
            ("GET", "/tssm/port-profile") => {
                Ok(list("port-profile", self.profiles.iter().map(profile)))
            }
            ("POST", "/topology-service/lan-segment/_filter") => self.filter(&body),
            ("POST", "/tssm/apply-port-config-association") => self.apply(&body),
            ("POST", "/tssm/deploy-port-config-association") => self.deploy(&body),
            _ => return reply(404, &json!({ "message": "no such path" })),
        };
        answered.map_or_else(|why| refusal(&why), |body| reply(200, &body))
    }

    fn login(&mut self, body: &Value) -> Reply {
        let expected = json!({ "auth": {
            "identity": { "methods": ["password"], "password": { "user": {
                "domain": { "id": "default" }, "name": self.login, "password": self.password
            } } },
            "scope": { "project": { "domain": { "id": "default" }, "name": TENANT } }
        } });
        if *body != expected {
            return reply(401, &json!({ "error": { "code": 401, "message": "Unauthorized" } }));
        }
        self.logins += 1;
        let session = format!("cso-session-{}", self.logins);
        self.sessions.push(session.clone());
        let token = json!({ "token": { "expires_at": "2026-11-22T12:00:00.000000Z" } });
        Reply { headers: format!("X-Subject-Token: {session}\r\n"), ..reply(201, &token) }
    }

    fn device(&self, device: &Device) -> Value {
        let Device { uuid, name, site, .. } = device;
        let path = ["default-domain", TENANT, site, name];
        json!({ "uuid": uuid, "fq_name": path, "parent_uuid": self.site_of(device) })
    }

    /// The uuid of a switch's site.
    fn site_of(&self, switch: &Device) -> &str {
        let site = self.sites.iter().find(|(_, name)| *name == switch.site);
        site.map(|(uuid, _)| uuid.as_str()).unwrap_or_default()
    }

    fn filter(&self, body: &Value) -> Result<Value, String> {
        let site = body.pointer("/query/bool/must/0/term/parent_uuid._raw");
        let parent = site.and_then(Value::as_str).ok_or("a term for parent_uuid._raw is needed")?;
        let expected = json!({
            "query": { "bool": { "must": [{ "term": { "parent_uuid._raw": parent } }] } },
            "detail": true,
        });
        if *body != expected {
            return Err("this is not the filter of LAN segments".to_owned());
        }
        let switch = self.devices.iter().find(|device| device.uuid == parent);
        let site = match switch.filter(|_| self.is_under_switch) {
            Some(switch) => self.site_of(switch),
            None => parent,
        };
        let here = self.segments.iter().filter(|segment| segment.site == site);
        Ok(list(
            "lan-segment",
            here.map(|segment| {
                json!({ "uuid": segment.uuid, "vlan": segment.vlan, "parent_uuid": site })
            }),
        ))
    }

    fn apply(&mut self, body: &Value) -> Result<Value, String> {
        let configured = associations(body)?
            .iter()
            .map(|association| self.configured(association))
            .collect::<Result<Vec<_>, String>>()?;
        self.applied.extend(configured);
        Ok(json!({ "output": { "status": "success" } }))
    }

    fn configured(&self, association: &Value) -> Result<((String, String), PortConfig), String> {
        let expect = [
            "configuration_type",
            "device_uuid",
            "lan_segment",
            "native_lan",
            "port_configuration",
            "port_name",
        ];
        members(association, &expect)?;
        let key = self.key(association)?;
        if association["configuration_type"] != "profile" {
            return Err("only profiles are applied".to_owned());
        }
        let profile = association["port_configuration"].as_str();
        let profile = self.profiles.iter().find(|(uuid, _)| Some(uuid.as_str()) == profile);
        let device = self.devices.iter().find(|device| device.uuid == key.0);
        let site =
            device.and_then(|device| self.sites.iter().find(|(_, name)| *name == device.site));
        let vlan = |uuid: &Value| {
            let known = self.segments.iter().find(|segment| Some(&*segment.uuid) == uuid.as_str());
            let here = known.filter(|segment| site.is_some_and(|(uuid, _)| segment.site == *uuid));
            here.map(|segment| segment.vlan).ok_or("no such LAN segment at the switch's site")
        };
        let segments = association["lan_segment"].as_array().ok_or("lan_segment is no list")?;
        let mut vlans = segments.iter().map(vlan).collect::<Result<Vec<_>, _>>()?;
        vlans.sort_unstable();
        let native = &association["native_lan"];
        let native = if native.is_null() { None } else { Some(vlan(native)?) };
        if vlans.is_empty() || native.is_some_and(|native| !vlans.contains(&native)) {
            return Err("a port carries some VLANs, and the native one among them".to_owned());
        }
        let (_, profile) = profile.ok_or("no such port profile")?;
        Ok((key, PortConfig { profile: profile.clone(), vlans, native }))
    }

    fn deploy(&mut self, body: &Value) -> Result<Value, String> {
        let ready = associations(body)?
            .iter()
            .map(|association| {
                members(association, &["device_uuid", "port_name"])?;
                let key = self.key(association)?;
                let config = self.applied.get(&key).ok_or("nothing is applied there")?;
                Ok((key, config.clone()))
            })
            .collect::<Result<Vec<_>, String>>()?;
        self.deployed.extend(ready);
        Ok(json!({ "output": { "job_id": "job-1" } }))
    }

    /// The switch and the port that an association names.
    fn key(&self, association: &Value) -> Result<(String, String), String> {
        let text = |name: &str| association[name].as_str().unwrap_or_default().to_owned();
        let (uuid, port) = (text("device_uuid"), text("port_name"));
        let device = self.devices.iter().find(|device| device.uuid == uuid);
        if !device.ok_or("no such device")?.ports.contains(&port) {
            return Err("no such port".to_owned());
        }
        Ok((uuid, port))
    }
}

/// A body with null for each member that nobody needs, and null objects in its lists.
pub fn with_nulls(body: &str) -> String {
    let Ok(Value::Object(mut whole)) = serde_json::from_str(body) else {
        return body.to_owned();
    };
    for value in whole.values_mut() {
        let Some(items) = value.as_array_mut() else {
            *value = Value::Null;
            continue;
        };
        for item in items.iter_mut().filter_map(Value::as_object_mut) {
            item.insert("parent_uuid".to_owned(), Value::Null);
        }
        let has_names = items.iter().any(|item| item.get("fq_name").is_some());
        items.insert(0, Value::Null);
        items.extend(has_names.then(|| json!({ "uuid": null, "fq_name": null })));
    }
    Value::Object(whole).to_string()
}

fn associations(body: &Value) -> Result<&Vec<Value>, String> {
    members(body, &["input"])?;
    let input = &body["input"];
    members(input, &["port_config_association"])?;
    let associations = input["port_config_association"].as_array();
    let associations = associations.filter(|associations| !associations.is_empty());
    associations.ok_or_else(|| "port_config_association is no list".to_owned())
}

/// Checks that an object has exactly these members.
fn members(object: &Value, expected: &[&str]) -> Result<(), String> {
    let members = object.as_object().map(|object| object.keys().map(String::as_str).collect());
    let members: Vec<&str> = members.unwrap_or_default();
    if members == expected {
        Ok(())
    } else {
        Err(format!("expected {expected:?}, got {members:?}"))
    }
}

fn profile((uuid, name): &(String, String)) -> Value {
    json!({ "uuid": uuid, "fq_name": ["default-domain", TENANT, name] })
}

fn list(key: &str, items: impl Iterator<Item = Value>) -> Value {
    json!({ key: items.collect::<Vec<Value>>() })
}

fn refusal(why: &str) -> Reply {
    reply(400, &json!({ "error": { "code": 400, "message": why } }))
}

fn reply(status: u16, body: &Value) -> Reply {
    Reply { status, headers: String::new(), body: body.to_string() }
}
