//! The configuration of this method.

use alloc::{format, string::String, vec::Vec};

use http_types::Url;

use crate::base::secret::Secret;
use crate::ports::{edit::Edits, edit::MethodConfig, template::Template};

/// `[ports.cso]`: port profiles through Contrail Service Orchestration.
#[derive(Clone, Debug)]
pub struct Cso {
    pub url: Url,
    pub tenant: String,
    pub login: String,
    pub password: Secret,
    pub ap: CsoProfile,
    pub default: CsoProfile,
}

/// `{ profile = "generic-trunk", native_vlan = 11 }`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsoProfile {
    /// The port profile's name.
    pub profile: String,
    /// The VLAN of an access port.
    pub vlan: Option<u16>,
    /// The untagged VLAN of a trunk port.
    pub native_vlan: Option<u16>,
}

impl CsoProfile {
    fn template(&self) -> Template {
        let Self { profile, vlan, native_vlan } = self;
        let vlan = vlan.map(|vlan| format!(", VLAN {vlan}")).unwrap_or_default();
        let native = native_vlan.map(|vlan| format!(", native VLAN {vlan}")).unwrap_or_default();
        Template::describing(&format!("profile {profile}{vlan}{native}"))
    }
}

impl MethodConfig for Cso {
    fn edits(&self) -> Edits {
        Edits::new(self.ap.template(), Some(self.default.template()))
    }

    fn connects_to(&self) -> Vec<(u16, &'static str)> {
        let port = self.url.port_or_known_default();
        port.map(|port| (port, "ports.cso.url")).into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_names_its_profile_and_vlan() {
        for (vlan, native_vlan, text) in [
            (None, Some(11), "profile generic, native VLAN 11"),
            (Some(12), None, "profile generic, VLAN 12"),
        ] {
            let profile = CsoProfile { profile: "generic".into(), vlan, native_vlan };
            assert_eq!(profile.template(), Template::describing(text));
        }
    }
}
