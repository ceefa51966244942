//! `[ports.mist]`

use super::name;
use crate::{config::section::Section, config::units, mist::Profiles};

pub(super) fn profiles(section: &Section<'_>) -> Option<Profiles> {
    let ap = name(section, "ap_profile", "the port profile for APs");
    let default = match section.item("default_profile") {
        Some(item) => Some(item.judged("the name of a port profile", units::name)?),
        None => None,
    };
    if ap.is_some() && ap == default {
        let what = "this is ap_profile too, so an AP's port would never be given back";
        let expected = "another profile, or no such key: then a port gets back what it had";
        section.conflict("default_profile", what, expected);
    }
    Some(Profiles { ap: ap?, default })
}
