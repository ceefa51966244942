//! Bodies of the webhooks that the simulated Mist sends.

use std::rc::Rc;

use mistgate_core::base::time::UnixTime;
use mistgate_core::event::Topic;
use mistgate_core::notify::{Severity, topics};
use serde_json::json;

/// A webhook with one event for each number, severity and site.
pub fn body(at: UnixTime, events: &[(u64, Severity, u64)], for_site: bool) -> Rc<[u8]> {
    let events: Vec<_> = events
        .iter()
        .map(|(number, severity, site)| {
            json!({
                "type": kind(*severity),
                "device_name": format!("device-{number}-"),
                "mac": format!("5c5b35{number:06x}"),
                "site_id": format!("978c48e6-6ef6-11e6-8bbf-{site:012x}"),
                "timestamp": at.as_secs(),
                "for_site": for_site,
            })
        })
        .collect();
    let body = json!({ "topic": "device-events", "events": events });
    serde_json::to_vec(&body).expect("texts and numbers are JSON").into()
}

/// The name of an event type of this severity.
fn kind(severity: Severity) -> &'static str {
    let mut kinds = topics::types(&Topic::DeviceEvents);
    kinds.find(|row| row.severity == severity).expect("each severity has a type").name
}
