//! The incident that an event opens or closes.

use alloc::{format, string::String};

use sha2::{Digest, Sha256};

use super::subject::Subject;
use crate::base::hex;
use crate::event::{Event, Topic};
use crate::notify::types::Pair;
use crate::notify::{Thread, plain};

/// The incident of a type with a counterpart. `None` if neither a device nor a site is known:
/// events of unknown devices must not share a thread.
pub(super) fn thread(event: &Event<'_>, pair: Pair) -> Option<Thread> {
    let (of_site, part) = match pair.part.strip_prefix("site:") {
        Some(member) => (true, member),
        None => (false, pair.part),
    };
    let part = part_of(event, part);
    let who = match (of_site, event.topic()) {
        (true, _) => event.site_id()?.into_owned(),
        (false, Topic::Alarms) => devices(event).or_else(|| Some(event.site_id()?.into_owned()))?,
        (false, Topic::Mistgate) => event.text("switch_mac").unwrap_or_default().into_owned(),
        (false, _) => device(event)?,
    };
    Some(keyed(event, pair.category, &[&who, &part], pair.recovery))
}

/// The incident that `category` and `parts` name. The key holds a digest of the parts, so that its
/// alphabet and length do not depend on the names of devices and ports.
pub(super) fn keyed(event: &Event<'_>, category: &str, parts: &[&str], recovery: bool) -> Thread {
    let org = event.org_id();
    let mut digest = Sha256::new();
    for part in [org.as_deref().unwrap_or_default()].iter().chain(parts) {
        digest.update(part.as_bytes());
        digest.update([0]);
    }
    let mut digest = hex::encode(&digest.finalize());
    digest.truncate(24);
    let category: String = category
        .chars()
        .map(|c| match c.is_ascii_alphanumeric() {
            true => c.to_ascii_lowercase(),
            false => '-',
        })
        .take(100)
        .collect();
    Thread { key: format!("{category}-{digest}"), recovery }
}

/// The value of [`Pair::part`] in this event.
fn part_of(event: &Event<'_>, part: &str) -> String {
    if let Some(marker) = part.strip_prefix("text:") {
        let text = event.text("text").unwrap_or_default();
        let text = plain::clean(&text);
        let found = match marker {
            "neighbor" => plain::neighbor(&text),
            _ => plain::after(&text, marker),
        };
        return match found {
            Some(found) => String::from(found),
            None => event.text("vpn_name").unwrap_or_default().into_owned(),
        };
    }
    event.texts(part).join(" ")
}

fn device(event: &Event<'_>) -> Option<String> {
    let subject = Subject::of(event);
    let mac = subject.mac.map(|mac| mac.plain());
    mac.or(subject.name)
        .or_else(|| Some(event.id("mxedge_id")?.into_owned()))
        .or_else(|| Some(event.id("mxcluster_id")?.into_owned()))
        .or_else(|| Some(event.site_id()?.into_owned()))
}

fn devices(event: &Event<'_>) -> Option<String> {
    let lists = ["aps", "switches", "gateways", "mxedges", "hostnames"];
    let mut ids = lists.map(|list| event.texts(list)).into_iter().find(|ids| !ids.is_empty())?;
    ids.sort_unstable();
    Some(ids.join(" "))
}
