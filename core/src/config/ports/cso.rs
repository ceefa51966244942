//! `[ports.cso]`

use super::name;
use crate::{
    config::{problem::Fault, section::Section, urls},
    cso::{Cso, CsoProfile},
};

pub(super) fn cso(section: &Section<'_>) -> Option<Cso> {
    let url = section.judged("url", "a URL such as \"https://cso.example.net\"", urls::cso);
    if section.lacks(&["url"]) {
        section.missing("url", "the https URL of CSO");
    }
    let password = section.secret("password", "password_file");
    if section.lacks(&["password", "password_file"]) {
        section.missing("password_file", "the password of the login");
    }
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
        password: password?.1,
        ap: ap?,
        default: default?,
    })
}

fn cso_profile(section: &Section<'_>) -> Option<CsoProfile> {
    let vlan = |key| match section.count(key, 0, 1..=4_094) {
        0 => None,
        vlan => u16::try_from(vlan).ok(),
    };
    let (vlan, native_vlan) = (vlan("vlan"), vlan("native_vlan"));
    if vlan.is_some() && native_vlan.is_some() {
        let what = "vlan, of an access port, is set too";
        section.conflict("native_vlan", Fault::new(what, "only one of the two"));
    }
    Some(CsoProfile { profile: name(section, "profile", "the port profile")?, vlan, native_vlan })
}
