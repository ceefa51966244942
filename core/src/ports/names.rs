//! The names of access points and sites, from events.
//!
//! Names are only for people: decisions rest on MAC addresses and ids. So nothing is asked or
//! stored to learn a name.

use alloc::{borrow::ToOwned, collections::BTreeMap, string::String};

use super::ap_event::ApEvent;
use crate::base::{mac::Mac, text};

/// The most access points and the most sites.
const NAMES_MAX: usize = 65_536;
/// The most bytes of a name; a longer one is cut.
const NAME_LEN_MAX: usize = 128;

/// The names of access points and sites from events.
#[derive(Clone, Debug, Default)]
pub struct Names {
    aps: BTreeMap<Mac, Known>,
    sites: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Default)]
struct Known {
    name: Option<String>,
    site: Option<String>,
}

impl Names {
    /// Takes the names of an event. Called with every event before the plan gets it.
    pub fn learn(&mut self, ap_event: &ApEvent) {
        if let Some((site, name)) = ap_event.site.as_ref().zip(ap_event.site_name.as_ref())
            && (self.sites.len() < NAMES_MAX || self.sites.contains_key(site))
        {
            self.sites.insert(site.clone(), short(name));
        }
        if self.aps.len() >= NAMES_MAX && !self.aps.contains_key(&ap_event.ap) {
            return;
        }
        let known = self.aps.entry(ap_event.ap).or_default();
        // Mist puts the MAC where an access point has no name.
        let name = ap_event.ap_name.as_ref().filter(|name| Mac::parse(name) != Some(ap_event.ap));
        if let Some(name) = name {
            known.name = Some(short(name));
        }
        if let Some(site) = &ap_event.site {
            known.site = Some(site.clone());
        }
    }

    /// The name of an access point.
    pub fn ap(&self, ap: Mac) -> Option<&str> {
        self.aps.get(&ap)?.name.as_deref()
    }

    /// The id of the site in an access point's last event.
    pub fn site_of(&self, ap: Mac) -> Option<&str> {
        self.aps.get(&ap)?.site.as_deref()
    }

    /// The name of the site with this id.
    pub fn site(&self, id: &str) -> Option<&str> {
        self.sites.get(id).map(String::as_str)
    }
}

fn short(name: &str) -> String {
    text::start(name, NAME_LEN_MAX).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::ap_event::Cause;

    fn ap_event(ap_name: &str, site_name: Option<&str>) -> ApEvent {
        ApEvent {
            ap: Mac::parse("5c5b35000001").expect("a MAC"),
            cause: Cause::Came,
            site: Some("s-1".into()),
            at: None,
            ap_name: Some(ap_name.into()),
            site_name: site_name.map(Into::into),
        }
    }

    #[test]
    fn the_last_name_counts_and_a_mac_is_no_name() {
        let mut names = Names::default();
        let ApEvent { ap, .. } = ap_event("", None);
        names.learn(&ap_event("5c:5b:35:00:00:01", None));
        assert_eq!((names.ap(ap), names.site_of(ap)), (None, Some("s-1")));
        assert_eq!(names.site("s-1"), None);
        names.learn(&ap_event("Reception", Some("HQ")));
        names.learn(&ap_event("5c5b35000001", None));
        assert_eq!((names.ap(ap), names.site("s-1")), (Some("Reception"), Some("HQ")));
        names.learn(&ap_event(&"ä".repeat(200), Some("Headquarters")));
        assert_eq!(names.ap(ap).map(str::len), Some(128));
        assert_eq!(names.site("s-1"), Some("Headquarters"));
    }
}
