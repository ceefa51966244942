//! Which incident an event belongs to.

use alloc::{format, string::String, vec::Vec};

use sha2::{Digest, Sha256};

use super::subject::Subject;
use crate::{
    event::{Event, Topic},
    notify::{Thread, plain, types::Pair},
};

/// The incident of a type that has a counterpart. `None` where neither a device nor a site is
/// known, since strangers must not share a thread.
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

/// An incident of this name. The key hides its parts behind a digest, so that it keeps its alphabet
/// and length whatever a device or port is called.
pub(super) fn keyed(event: &Event<'_>, category: &str, parts: &[&str], recovery: bool) -> Thread {
    let org = event.org_id();
    let mut digest = Sha256::new();
    for part in [org.as_deref().unwrap_or_default()].iter().chain(parts) {
        digest.update(part.as_bytes());
        digest.update([0]);
    }
    let digest: String =
        digest.finalize().iter().take(12).map(|byte| format!("{byte:02x}")).collect();
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

/// The part of a device in the words of [`Pair::part`].
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
    let values: Vec<_> = event.texts(part);
    values.join(" ")
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
    let mut ids: Vec<String> = ["aps", "switches", "gateways", "mxedges", "hostnames"]
        .into_iter()
        .map(|member| event.texts(member))
        .find(|ids| !ids.is_empty())?
        .into_iter()
        .map(|id| id.into_owned())
        .collect();
    ids.sort_unstable();
    Some(ids.join(" "))
}
