//! `[ports.cso]`

use super::name;
use crate::{config::section::Section, config::urls, cso::Cso, cso::CsoProfile};

pub(super) fn cso(section: &Section<'_>) -> Option<Cso> {
    let url = section
        .required("url", "the https URL of CSO")
        .and_then(|item| item.judged("a URL such as \"https://cso.example.net\"", urls::cso));
    let password =
        section.required_secret("password", "password_file", "the password of the login");
    let profile = |key| {
        let expected = "{ profile = \"generic-trunk\", native_vlan = 11 }";
        section.required(key, expected)?.section(cso_profile).flatten()
    };
    let (ap, default) = (profile("ap"), profile("default"));
    let tenant = name(section, "tenant", "the tenant");
    let login = name(section, "login", "the login");
    Some(Cso {
        url: url?,
        tenant: tenant?,
        login: login?,
        password: password?,
        ap: ap?,
        default: default?,
    })
}

fn cso_profile(section: &Section<'_>) -> Option<CsoProfile> {
    let vlan = |key| Some(section.count(key, 0, 1..=4_094)).filter(|vlan| *vlan > 0);
    let (vlan, native_vlan) = (vlan("vlan"), vlan("native_vlan"));
    if vlan.is_some() && native_vlan.is_some() {
        let what = "vlan, of an access port, is set too";
        section.conflict("native_vlan", what, "only one of the two");
    }
    Some(CsoProfile { profile: name(section, "profile", "the port profile")?, vlan, native_vlan })
}
