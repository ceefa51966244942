//! The requests to CSO as they go over the wire.

use alloc::{string::String, string::ToString, vec::Vec};

use http_types::Method;
use serde_json::{Value, json};

use crate::{base::exchange::Request, base::secret::Secret, cso::Cso, ports::name::PortName};

/// The profile of a port and the segments that it carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Association {
    pub port: PortName,
    /// The uuid of the port profile.
    pub profile: String,
    /// The uuids of the LAN segments that it carries.
    pub segments: Vec<String>,
    /// The uuid of the LAN segment that it carries untagged, of a trunk.
    pub native: Option<String>,
}

/// Opens a session: OpenStack's Identity API v3, with a password and the tenant as the scope.
pub fn login(cso: &Cso) -> Request {
    let body = json!({ "auth": {
        "identity": {
            "methods": ["password"],
            "password": { "user": {
                "domain": { "id": "default" },
                "name": cso.login,
                "password": cso.password.expose(),
            } },
        },
        "scope": { "project": { "domain": { "id": "default" }, "name": cso.tenant } },
    } });
    post("/v3/auth/tokens", None, &body)
}

/// Lists the tenant's devices.
pub fn devices(session: &Secret) -> Request {
    list("/data-view-central/device", session)
}

/// Lists the tenant's port profiles.
pub fn profiles(session: &Secret) -> Request {
    list("/tssm/port-profile", session)
}

/// Lists the LAN segments of a switch or a site.
pub fn segments(session: &Secret, parent: &str) -> Request {
    let body = json!({
        "query": { "bool": { "must": [{ "term": { "parent_uuid._raw": parent } }] } },
        "detail": true,
    });
    post("/topology-service/lan-segment/_filter", Some(session), &body)
}

/// Assigns profiles to ports of a device, without deploying them.
pub fn apply(session: &Secret, device: &str, associations: &[Association]) -> Request {
    let of = |association: &Association| {
        let Association { port, profile, segments, native } = association;
        json!({
            "device_uuid": device,
            "port_name": port.to_string(),
            "port_configuration": profile,
            "configuration_type": "profile",
            "lan_segment": segments,
            "native_lan": native,
        })
    };
    associate("/tssm/apply-port-config-association", session, associations.iter().map(of))
}

/// Deploys what was applied to ports of a device.
pub fn deploy(session: &Secret, device: &str, associations: &[Association]) -> Request {
    let of = |association: &Association| json!({ "device_uuid": device, "port_name": association.port.to_string() });
    associate("/tssm/deploy-port-config-association", session, associations.iter().map(of))
}

fn associate(target: &str, session: &Secret, of: impl Iterator<Item = Value>) -> Request {
    let associations: Vec<Value> = of.collect();
    let body = json!({ "input": { "port_config_association": associations } });
    post(target, Some(session), &body)
}

fn list(target: &str, session: &Secret) -> Request {
    let (session, target) = (Some(session.clone()), target.into());
    Request { method: Method::Get, target, session, body: None }
}

fn post(target: &str, session: Option<&Secret>, body: &Value) -> Request {
    Request {
        method: Method::Post,
        target: target.into(),
        session: session.cloned(),
        body: Some(body.to_string().into_bytes()),
    }
}
