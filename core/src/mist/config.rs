//! How Mist's API is asked, and the configuration of the method `mist`.

use alloc::{format, string::String};

use http_types::Url;

use crate::base::{calendar::Daily, secret::Secret};
use crate::ports::{edit::Edits, edit::MethodConfig, template::Template};

/// `[mist]`, or one of `[[mist.org]]`: the cloud and how its API is asked.
#[derive(Clone, Debug)]
pub struct Mist {
    /// What people call the organisation.
    pub name: Option<String>,
    /// Whether it is one of `[[mist.org]]`, whose switch ports are left alone.
    pub is_other: bool,
    /// The API's origin, such as `https://api.mist.com`.
    pub api_url: Url,
    /// Derived from the API's host: `manage.` for a leading `api.`.
    pub dashboard_host: String,
    pub token: Option<Secret>,
    pub org_id: Option<String>,
    /// When a selftest is made by itself.
    pub selftest: Option<Daily>,
}

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
        let default = self.default.as_ref().map_or_else(before, named);
        Edits::new(named(&self.ap), Some(default))
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
        assert_eq!(edits.edit(port, Mode::Ap, None, None).lines, ["ge-0/0/7: profile ap"]);
        let default = "ge-0/0/7: the profile that it had before";
        assert_eq!(edits.edit(port, Mode::Default, None, None).lines, [default]);
    }
}
