//! What each method writes on a port, as people read it.

use alloc::{format, string::String, vec::Vec};

use super::{name::PortName, switch_port::Mode, template::Template};

/// What is written for each mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edits {
    /// Contrail Service Orchestration applies a port profile.
    Cso {
        /// For an access point.
        ap: CsoProfile,
        /// For whoever plugs in.
        default: CsoProfile,
    },
    /// Commands on the switch itself.
    Junos {
        /// For an access point.
        ap: Template,
        /// For whoever plugs in.
        default: Template,
    },
    /// A port profile through Mist.
    Mist {
        /// For an access point.
        ap: String,
        /// For whoever plugs in; without one, the override is removed.
        default: Option<String>,
    },
    /// No method is configured, so there is only something to tell.
    Nothing,
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

impl Edits {
    /// The exact change, line by line.
    pub fn lines(&self, port: PortName, mode: Mode) -> Vec<String> {
        match (self, mode) {
            (Self::Junos { ap, .. }, Mode::Ap) => ap.render(port),
            (Self::Junos { default, .. }, Mode::Default) => default.render(port),
            (Self::Mist { ap, .. }, Mode::Ap) => Vec::from([format!("{port}: profile {ap}")]),
            (Self::Mist { default, .. }, Mode::Default) => Vec::from([match default {
                Some(profile) => format!("{port}: profile {profile}"),
                None => format!("{port}: the profile that it had before"),
            }]),
            (Self::Cso { ap, .. }, Mode::Ap) => Vec::from([format!("{port}: {}", ap.text())]),
            (Self::Cso { default, .. }, Mode::Default) => {
                Vec::from([format!("{port}: {}", default.text())])
            }
            (Self::Nothing, Mode::Ap | Mode::Default) => {
                Vec::from([format!("{port}: mode {}", mode.name())])
            }
        }
    }
}

impl CsoProfile {
    fn text(&self) -> String {
        let Self { profile, vlan, native_vlan } = self;
        let vlan = vlan.map(|vlan| format!(", VLAN {vlan}")).unwrap_or_default();
        let native = native_vlan.map(|vlan| format!(", native VLAN {vlan}")).unwrap_or_default();
        format!("profile {profile}{vlan}{native}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_reads_as_its_method_writes_it() {
        let port = PortName::parse("ge-0/0/7").expect("a port");
        let template = |line| Template::new([line]).expect("a template");
        let junos = Edits::Junos {
            ap: template("set interfaces <port> native-vlan-id 42"),
            default: template("delete interfaces <port> native-vlan-id"),
        };
        let mist = Edits::Mist { ap: "ap".into(), default: None };
        let profile = |profile: &str, vlan, native_vlan| CsoProfile {
            profile: profile.into(),
            vlan,
            native_vlan,
        };
        let cso = Edits::Cso {
            ap: profile("generic-trunk", None, Some(11)),
            default: profile("generic-access", Some(12), None),
        };
        for (edits, ap, default) in [
            (
                junos,
                "set interfaces ge-0/0/7 native-vlan-id 42",
                "delete interfaces ge-0/0/7 native-vlan-id",
            ),
            (mist, "ge-0/0/7: profile ap", "ge-0/0/7: the profile that it had before"),
            (
                cso,
                "ge-0/0/7: profile generic-trunk, native VLAN 11",
                "ge-0/0/7: profile generic-access, VLAN 12",
            ),
            (Edits::Nothing, "ge-0/0/7: mode ap", "ge-0/0/7: mode default"),
        ] {
            assert_eq!(edits.lines(port, Mode::Ap), [ap]);
            assert_eq!(edits.lines(port, Mode::Default), [default]);
        }
    }
}
