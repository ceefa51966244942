//! Where things are in Mist's API: paths and queries, encoded.

use alloc::{format, string::String, string::ToString};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{base::mac::Mac, notify::links::device_id, ports::name::PortName};

/// The most access points of a page. Their statistics are long.
const APS_MAX: usize = 200;
/// The most elements of any other page.
const PAGE_MAX: usize = 1_000;

/// The token that asks: whose it is, and what it may do.
pub const TOKEN: &str = "/api/v1/self";
/// The topics of webhooks.
pub const WEBHOOK_TOPICS: &str = "/api/v1/const/webhook_topics";
/// The types of events of devices.
pub const DEVICE_EVENTS: &str = "/api/v1/const/device_events";
/// The types of alarms.
pub const ALARMS: &str = "/api/v1/const/alarm_defs";

/// The inventory's switches of these MACs, members of virtual chassis included; without MACs, one
/// page of all.
pub fn switches(org: &str, macs: impl IntoIterator<Item = Mac>, page: usize) -> String {
    let mut target = format!(
        "/api/v1/orgs/{}/inventory?type=switch&vc=true&limit={PAGE_MAX}&page={page}",
        encoded(org)
    );
    for (nth, mac) in macs.into_iter().enumerate() {
        target.push_str(if nth == 0 { "&mac=" } else { "," });
        target.push_str(&mac.plain());
    }
    target
}

/// One page of the statistics of all access points, or of one.
pub fn aps(org: &str, ap: Option<Mac>, page: usize) -> String {
    let mac = ap.map(|ap| format!("&mac={}", ap.plain())).unwrap_or_default();
    format!(
        "/api/v1/orgs/{}/stats/devices?type=ap&fields=lldp_stat,lldp_stats&limit={APS_MAX}\
         &page={page}{mac}",
        encoded(org)
    )
}

/// The statistics of one access point of a site.
pub fn ap(site: &str, ap: Mac) -> String {
    stats(site, &device_id(ap))
}

/// The statistics of one device of a site.
pub fn stats(site: &str, device_id: &str) -> String {
    format!("/api/v1/sites/{}/stats/devices/{}", encoded(site), encoded(device_id))
}

/// The ports of switches: of which, the query says.
pub fn ports(org: &str) -> String {
    format!("/api/v1/orgs/{}/stats/ports/search", encoded(org))
}

/// All ports with a link.
pub fn up() -> String {
    format!("type=switch&up=true&limit={PAGE_MAX}")
}

/// The ports on which this neighbour is seen.
pub fn neighbor(mac: Mac) -> String {
    format!("type=switch&neighbor_mac={}&limit={PAGE_MAX}", mac.plain())
}

/// One port of one switch.
pub fn port(switch: Mac, port: PortName) -> String {
    let port = encoded(&format!("{port}"));
    format!("type=switch&mac={}&port_id={port}&limit={PAGE_MAX}", switch.plain())
}

/// The configuration of a device.
pub fn device(site: &str, device_id: &str) -> String {
    format!("/api/v1/sites/{}/devices/{}", encoded(site), encoded(device_id))
}

/// The local overrides of a switch's ports.
pub fn local_port_config(site: &str, device_id: &str) -> String {
    format!("{}/local_port_config", device(site, device_id))
}

/// Where webhooks of the organisation are made.
pub fn new_webhook(org: &str) -> String {
    format!("/api/v1/orgs/{}/webhooks", encoded(org))
}

/// One webhook of the organisation.
pub fn webhook(org: &str, id: &str) -> String {
    format!("{}/{}", new_webhook(org), encoded(id))
}

/// Has one webhook of the organisation pinged.
pub fn ping(org: &str, id: &str) -> String {
    format!("{}/ping", webhook(org, id))
}

/// One page of the organisation's webhooks.
pub fn webhooks(org: &str, page: usize) -> String {
    format!("{}?limit={PAGE_MAX}&page={page}", new_webhook(org))
}

/// One page of the organisation's sites.
pub fn sites(org: &str, page: usize) -> String {
    format!("/api/v1/orgs/{}/sites?limit={PAGE_MAX}&page={page}", encoded(org))
}

/// One page of a site's own webhooks.
pub fn site_webhooks(site: &str, page: usize) -> String {
    format!("/api/v1/sites/{}/webhooks?limit={PAGE_MAX}&page={page}", encoded(site))
}

/// The log of deliveries of one of the organisation's webhooks: of which, the query says.
pub fn deliveries(org: &str, id: &str) -> String {
    format!("{}/events/search", webhook(org, id))
}

/// The events of devices: of which, the query says.
pub fn device_events(org: &str) -> String {
    format!("/api/v1/orgs/{}/devices/events/search", encoded(org))
}

/// One page of the statistics of all devices.
pub fn devices(org: &str, page: usize) -> String {
    let org = encoded(org);
    format!("/api/v1/orgs/{org}/stats/devices?type=all&limit={APS_MAX}&page={page}")
}

/// A text as a part of a path or the value of a query (RFC 3986 §2.3). A dot is encoded as well:
/// two of them would lead out of the folder.
fn encoded(text: &str) -> String {
    const OTHERS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'~');
    utf8_percent_encode(text, OTHERS).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_from_outside_stays_in_its_place() {
        assert_eq!(
            device("s-1", "../x?y#z/é"),
            "/api/v1/sites/s-1/devices/%2E%2E%2Fx%3Fy%23z%2F%C3%A9"
        );
        let mac = |text| Mac::parse(text).expect("a MAC");
        let all = switches("o", [mac("5c5b35000001"), mac("5c5b35000002")], 1);
        assert!(all.ends_with("&page=1&mac=5c5b35000001,5c5b35000002"), "{all}");
        assert!(switches("o", [], 3).ends_with("&page=3"));
        let one = port(mac("5c5b35000001"), PortName::parse("et-0/0/1:3").expect("a port"));
        assert!(one.contains("&port_id=et-0%2F0%2F1%3A3&"), "{one}");
    }
}
