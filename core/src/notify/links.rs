//! Links into the Mist dashboard.
//!
//! The dashboard is one page that looks at the fragment of its URL. Hosts and fragments:
//! `appliance/docs/vendors/mist.md` §3. An id goes into a URL only as [`Event::id`] lets it
//! through, and a link with a missing id is left out.

use alloc::{borrow::Cow, borrow::ToOwned, format, string::String, vec::Vec};

use super::{DASHBOARD, Link};
use crate::{base::mac::Mac, base::text::one_line, event::DeviceClass, event::Event};

/// The dashboard's host of a Mist cloud: `manage.` in place of a leading `api.`. Any other host
/// name stays as it is.
pub fn dashboard_host(api_host: &str) -> String {
    match api_host.strip_prefix("api.") {
        Some(cloud) => format!("manage.{cloud}"),
        None => api_host.to_owned(),
    }
}

/// The id that Mist makes from the MAC of a device that is no virtual chassis.
pub fn device_id(mac: Mac) -> String {
    format!("00000000-0000-0000-1000-{}", mac.plain())
}

/// The links of one event into the dashboard of its organisation.
#[derive(Clone, Debug)]
pub struct Dashboard<'a> {
    event: &'a Event<'a>,
    base: Option<String>,
}

impl<'a> Dashboard<'a> {
    /// `host` is the dashboard's. An event without a usable `org_id` gets no links.
    pub fn new(event: &'a Event<'a>, host: &str) -> Self {
        let own = event.text(DASHBOARD);
        let host = own.as_deref().unwrap_or(host);
        let base = event.org_id().map(|org| format!("https://{host}/admin/?org_id={org}#!"));
        Self { event, base }
    }

    /// The insights of a device in the day around the event, and its configuration.
    pub fn device(&self, class: DeviceClass, id: &str) -> Vec<Link> {
        let (name, insights, detail) = match class {
            DeviceClass::AccessPoint => ("AP", "device", "ap/detail"),
            DeviceClass::Gateway => ("Gateway", "juniperGateway", "gateway/detail"),
            DeviceClass::MistEdge => ("Mist Edge", "edge", "edge/edgedetail"),
            DeviceClass::Switch => ("Switch", "juniperSwitch", "switch/detail"),
        };
        let site = self.event.site_id();
        let insights = site.as_ref().zip(self.event.at()).and_then(|(site, at)| {
            let (start, end) = (at.as_secs() - 23 * 3_600, at.as_secs() + 3_600);
            let path = format!("dashboard/insights/{insights}/{id}/24h/{start}/{end}/{site}");
            self.link(format!("{name} insights"), &path)
        });
        let path = match (class, site) {
            (DeviceClass::MistEdge, _) => Some(format!("{detail}/{id}")),
            (_, Some(site)) => Some(format!("{detail}/{id}/{site}")),
            (_, None) => None,
        };
        let configuration = path.and_then(|path| self.link(format!("{name} configuration"), &path));
        insights.into_iter().chain(configuration).collect()
    }

    /// The list of alarms in the hour before the event.
    pub fn alarm(&self) -> Option<Link> {
        let at = self.event.at()?.as_secs();
        let org = self.event.org_id()?;
        let scope = match self.event.site_id() {
            Some(site) => format!("site/{site}"),
            None => format!("org/{org}"),
        };
        let group = self.event.id("group").unwrap_or(Cow::Borrowed("any%20type"));
        let (start, end) = (at - 3_600, at + 30);
        self.link(
            "Alarm".to_owned(),
            &format!("alerts/{scope}/customDate/{start}/{end}/true/{group}/true/true/true/{org}"),
        )
    }

    /// The site, as it is today.
    pub fn site(&self) -> Option<Link> {
        let site = self.event.site_id()?;
        let name = self.event.text("site_name");
        let text =
            name.map_or_else(|| "Site".to_owned(), |name| format!("Site {}", one_line(&name, 40)));
        self.link(text, &format!("dashboard/insights/site/{site}/today/{site}"))
    }

    /// The audit log of the organisation.
    pub fn audit_log(&self) -> Option<Link> {
        self.link("Audit log".to_owned(), "auditLogs")
    }

    /// The cluster of Mist Edges in the event.
    pub fn cluster(&self) -> Option<Link> {
        let id = self.event.id("mxcluster_id")?;
        self.link("Cluster".to_owned(), &format!("edge/clusterdetail/{id}"))
    }

    /// The objects that an audit names, each by the member with its id. A device of unknown class
    /// gets the links of an AP, as in MWTT.
    pub fn audited(&self, class: Option<DeviceClass>) -> Vec<Link> {
        let of_org = self.event.org_id();
        let of_site = self.event.site_id();
        let mut links = Vec::new();
        let mut add = |text: &str, member: &str, path: &str, scope: Option<&str>| {
            let Some(id) = self.event.id(member) else { return };
            let path = match scope {
                Some(scope) => format!("{path}/{id}/{scope}"),
                None => format!("{path}/{id}"),
            };
            links.extend(self.link(text.to_owned(), &path));
        };
        match &of_site {
            Some(site) => add("Tag", "wxtag_id", "tags/detail", Some(site)),
            None => add("Tag", "wxtag_id", "orgTags/detail", of_org.as_deref()),
        }
        if of_site.is_some() {
            add("WLAN", "wlan_id", "wlan/detail", of_org.as_deref());
        }
        add("Ticket", "ticket_id", "tickets/ticket", of_org.as_deref());
        add("Gateway template", "gatewaytemplate_id", "gatewayTemplates/detail", None);
        add("WLAN template", "template_id", "templates/template", None);
        add("RF template", "rftemplate_id", "rftemplates/rftemplate", None);
        add("Switch template", "networktemplate_id", "switchTemplate/detail", None);
        add("Mist tunnel", "mxtunnel_id", "mistTunnels/detail", None);
        add("Cluster", "mxcluster_id", "edge/clusterdetail", None);
        add("Mist Edge", "mxedge_id", "edge/edgedetail", None);
        add("Device profile", "deviceprofile_id", "deviceProfiles/detail", None);
        if let Some(id) = self.event.id("device_id") {
            links.extend(self.device(class.unwrap_or(DeviceClass::AccessPoint), &id));
        }
        links
    }

    fn link(&self, text: String, path: &str) -> Option<Link> {
        let url = format!("{}{path}", self.base.as_ref()?);
        Some(Link { text, url })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Topic;

    const SITE: &str = "4ac1dcf4-9d8b-7211-65c4-057819f0862b";

    fn with_event(json: &str, check: impl FnOnce(&Dashboard<'_>)) {
        let event = Event::parse(Topic::Alarms, json).expect("an object");
        check(&Dashboard::new(&event, "manage.eu.mist.com"));
    }

    #[test]
    fn only_a_leading_api_is_replaced() {
        assert_eq!(dashboard_host("api.mist.com"), "manage.mist.com");
        assert_eq!(dashboard_host("api.gc1.mist.com"), "manage.gc1.mist.com");
        assert_eq!(dashboard_host("mist.api.test"), "mist.api.test");
        assert_eq!(dashboard_host("apis.mist.com"), "apis.mist.com");
    }

    #[test]
    fn links_name_the_event_s_objects_and_time() {
        let json = format!(
            r#"{{"org_id":"o1","site_id":"{SITE}","timestamp":100000,
                "group":"marvis","wlan_id":"w"}}"#
        );
        with_event(&json, |dashboard| {
            let base = "https://manage.eu.mist.com/admin/?org_id=o1#!";
            let mac = Mac::parse("5c5b35000001").expect("a MAC");
            let urls: Vec<String> = dashboard
                .device(DeviceClass::Switch, &device_id(mac))
                .into_iter()
                .map(|link| link.url)
                .collect();
            let id = "00000000-0000-0000-1000-5c5b35000001";
            assert_eq!(
                urls,
                [
                    format!("{base}dashboard/insights/juniperSwitch/{id}/24h/17200/103600/{SITE}"),
                    format!("{base}switch/detail/{id}/{SITE}"),
                ]
            );
            assert_eq!(
                dashboard.alarm().map(|link| link.url),
                Some(format!(
                    "{base}alerts/site/{SITE}/customDate/96400/100030/true/marvis/true/true/true/o1"
                ))
            );
            assert_eq!(
                dashboard.site().map(|link| (link.text, link.url)),
                Some((
                    "Site".to_owned(),
                    format!("{base}dashboard/insights/site/{SITE}/today/{SITE}")
                ))
            );
            assert_eq!(
                dashboard.audited(None),
                [Link { text: "WLAN".to_owned(), url: format!("{base}wlan/detail/w/o1") }]
            );
        });
    }

    #[test]
    fn a_link_without_its_ids_is_left_out() {
        with_event(r#"{"org_id":"x/../y","timestamp":1,"wxtag_id":"t"}"#, |dashboard| {
            assert_eq!(dashboard.alarm(), None);
            assert_eq!(dashboard.audit_log(), None);
            assert!(dashboard.audited(None).is_empty());
        });
        with_event(r#"{"org_id":"o1","mxcluster_id":"\"><script>"}"#, |dashboard| {
            assert_eq!(dashboard.cluster(), None);
            assert!(dashboard.device(DeviceClass::AccessPoint, "id").is_empty());
            assert_eq!(dashboard.alarm(), None);
        });
    }
}
