//! The configuration of this method.

use alloc::{format, string::String};

use crate::ports::edit::{Edits, MethodConfig};
use crate::ports::template::Template;

/// `[ports.mist]`: port profiles through Mist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profiles {
    pub ap: String,
    /// For other devices; if there is none, a port gets back the profile that it had.
    pub default: Option<String>,
}

impl MethodConfig for Profiles {
    fn edits(&self) -> Edits {
        let named = |profile: &String| Template::describing(&format!("profile {profile}"));
        let before = || Template::describing("the profile that it had before");
        Edits { ap: named(&self.ap), default: self.default.as_ref().map_or_else(before, named) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::{name::PortName, switch_port::Mode};

    #[test]
    fn a_change_names_its_profile() {
        let port = PortName::parse("ge-0/0/7").expect("a port");
        let edits = Profiles { ap: "ap".into(), default: None }.edits();
        assert_eq!(edits.lines(port, Mode::Ap), ["ge-0/0/7: profile ap"]);
        let default = "ge-0/0/7: the profile that it had before";
        assert_eq!(edits.lines(port, Mode::Default), [default]);
    }
}
