//! Many notifications in one, for a backlog that its destination cannot take one by one.
//!
//! In an outage an operator first wants to know how many failures have not recovered, and on which
//! devices; then what else happened, the highest severity first.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::{Fact, Notification, Severity, plain};

/// The most names that a line lists.
const NAMES_MAX: usize = 3;
/// The most names of devices that are still down.
const DOWN_MAX: usize = 10;
/// The most lines of counts; the last one counts the rest.
const GROUPS_MAX: usize = 15;

/// Merges notifications, in the order in which they happened, into one.
pub fn digest(items: &[Notification]) -> Notification {
    let sites = distinct(items.iter().filter_map(|item| fact(item, "Site")));
    let place = match sites.as_slice() {
        [] => String::new(),
        [site] => format!(" at {site}"),
        sites => format!(" at {} sites", sites.len()),
    };
    let (down, up) = incidents(items);
    let mut facts = Vec::new();
    if !down.is_empty() {
        facts.push(Fact {
            label: "Not recovered".to_string(),
            value: plain::list(&distinct(down.iter().copied()), DOWN_MAX),
        });
    }
    facts.extend(counts(items));
    if sites.len() > 1 {
        facts.push(Fact { label: "Sites".to_string(), value: plain::list(&sites, NAMES_MAX) });
    }
    Notification {
        severity: items.iter().map(|item| item.severity).max().unwrap_or(Severity::Info),
        title: format!("{}{place}", plain::count(items.len(), "event", "events")),
        summary: summary(items, down.len(), up),
        facts,
        listing: None,
        links: Vec::new(),
        at: items.iter().filter_map(|item| item.at).max(),
        is_over: false,
        thread: None,
    }
}

/// The names of devices with a failure that has not recovered, and the number of incidents that
/// ended.
fn incidents(items: &[Notification]) -> (Vec<&str>, usize) {
    // The last item of each incident decides. An incident that did not begin among these items is
    // not counted as ended.
    let mut last: BTreeMap<&str, (&Notification, bool)> = BTreeMap::new();
    for item in items {
        let Some(thread) = &item.thread else {
            continue;
        };
        let began = last.get(thread.key.as_str()).is_some_and(|(_, began)| *began);
        last.insert(&thread.key, (item, began || !item.is_over));
    }
    let recovered = |item: &Notification| item.is_over;
    let up = last.values().filter(|(item, began)| *began && recovered(item)).count();
    let down = items.iter().filter(|item| {
        let current = item.thread.as_ref().and_then(|t| last.get(t.key.as_str()));
        !recovered(item) && current.is_some_and(|(current, _)| core::ptr::eq(*current, *item))
    });
    (down.map(|item| who(item).unwrap_or(&item.title)).collect(), up)
}

fn summary(items: &[Notification], down: usize, up: usize) -> String {
    let times = || items.iter().filter_map(|item| item.at);
    let span = match (times().min(), times().max()) {
        (Some(first), Some(last)) if first != last => {
            let lasted = plain::duration(last.as_secs() - first.as_secs());
            format!(" From {first} to {last} ({lasted}).")
        }
        (Some(at), _) => format!(" All at {at}."),
        (None, _) => String::new(),
    };
    let state = match (down, up) {
        (0, 0) => format!("{}.", plain::count(items.len(), "event", "events")),
        (0, up) => format!("{} ended, none is open.", plain::count(up, "failure", "failures")),
        (down, 0) => format!("{} not recovered.", has(down)),
        (down, up) => format!("{} not recovered; {up} more did.", has(down)),
    };
    format!("{state}{span}")
}

fn has(failures: usize) -> String {
    let verb = if failures == 1 { "has" } else { "have" };
    format!("{} {verb}", plain::count(failures, "failure", "failures"))
}

/// One line for each title: the highest severity first, then the most frequent.
fn counts(items: &[Notification]) -> Vec<Fact> {
    let mut groups: BTreeMap<&str, Vec<&Notification>> = BTreeMap::new();
    for item in items {
        groups.entry(&item.title).or_default().push(item);
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|(_, members)| {
        let loudest = members.iter().map(|item| item.severity).max();
        (core::cmp::Reverse(loudest), core::cmp::Reverse(members.len()))
    });
    let shown = match groups.len() > GROUPS_MAX {
        true => GROUPS_MAX - 1,
        false => groups.len(),
    };
    let hidden: usize = groups.iter().skip(shown).map(|(_, members)| members.len()).sum();
    let mut facts: Vec<Fact> = groups
        .iter()
        .take(shown)
        .map(|(title, members)| {
            let who = distinct(members.iter().filter_map(|item| who(item)));
            Fact {
                label: match members.len() {
                    1 => title.to_string(),
                    number => format!("{title} ×{number}"),
                },
                value: match (who.is_empty(), members.first()) {
                    (false, _) => plain::list(&who, NAMES_MAX),
                    (true, Some(first)) => first.summary.clone(),
                    (true, None) => String::new(),
                },
            }
        })
        .collect();
    if hidden > 0 {
        facts.push(Fact {
            label: "Also".to_string(),
            value: plain::count(hidden, "other event", "other events"),
        });
    }
    facts
}

/// The device, destination or person that an item names.
fn who(item: &Notification) -> Option<&str> {
    const LABELS: [&str; 10] = [
        "Device",
        "Devices",
        "Impacted",
        "MAC",
        "MACs",
        "Admin",
        "Destination",
        "AP",
        "Switch",
        "Switch MAC",
    ];
    LABELS.into_iter().find_map(|label| fact(item, label))
}

fn fact<'n>(item: &'n Notification, label: &str) -> Option<&'n str> {
    let found = item.facts.iter().find(|fact| fact.label == label);
    found.map(|fact| fact.value.as_str())
}

fn distinct<'n>(values: impl Iterator<Item = &'n str>) -> Vec<&'n str> {
    let mut seen = BTreeSet::new();
    values.filter(|value| seen.insert(*value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{base::time::UnixTime, notify::Thread};

    fn item(title: &str, device: &str, at: i64, thread: Option<(&str, bool)>) -> Notification {
        let fact =
            |label: &str, value: &str| Fact { label: label.to_string(), value: value.to_string() };
        Notification {
            severity: Severity::Warning,
            title: title.to_string(),
            summary: format!("{title} {device}."),
            facts: Vec::from([fact("Device", device), fact("Site", "HQ")]),
            listing: None,
            links: Vec::new(),
            at: Some(UnixTime::from_secs(at)),
            is_over: thread.is_some_and(|(_, recovery)| recovery),
            thread: thread.map(|(key, _)| Thread { key: key.to_string() }),
        }
    }

    #[test]
    fn an_outage_is_described_by_what_is_still_down() {
        let mut items: Vec<Notification> = (0..5)
            .map(|n| {
                let (device, key) = (format!("ap-{n}"), format!("k{n}"));
                item("AP disconnected", &device, 1_752_000_000 + n, Some((&key, false)))
            })
            .collect();
        items.push(item("AP connected", "ap-0", 1_752_000_065, Some(("k0", true))));
        items.push(item("AP configured", "ap-9", 1_752_000_066, Some(("k9", true))));
        items.push(Notification {
            severity: Severity::Critical,
            ..item("Rogue AP detected", "ap-1", 1_752_000_010, None)
        });
        let notification = digest(&items);
        assert_eq!(notification.title, "8 events at HQ");
        assert_eq!(
            notification.summary,
            "4 failures have not recovered; 1 more did. \
             From 2025-07-08 18:40:00 UTC to 2025-07-08 18:41:06 UTC (1 min 6 s)."
        );
        let facts: Vec<(&str, &str)> = notification
            .facts
            .iter()
            .map(|fact| (fact.label.as_str(), fact.value.as_str()))
            .collect();
        assert_eq!(
            facts,
            [
                ("Not recovered", "ap-1, ap-2, ap-3 and ap-4"),
                ("Rogue AP detected", "ap-1"),
                ("AP disconnected ×5", "ap-0, ap-1, ap-2 and 2 more"),
                ("AP configured", "ap-9"),
                ("AP connected", "ap-0"),
            ]
        );
        assert_eq!(notification.severity, Severity::Critical);
        assert_eq!(notification.at, Some(UnixTime::from_secs(1_752_000_066)));
    }

    #[test]
    fn many_kinds_of_events_are_cut_and_counted() {
        let items: Vec<Notification> =
            (0..30).map(|n| item(&format!("Kind {n:02}"), "d", 0, None)).collect();
        let notification = digest(&items);
        assert_eq!(notification.facts.len(), 15);
        let last = notification.facts.last().map(|fact| fact.value.as_str());
        assert_eq!(last, Some("16 other events"));
        assert_eq!(digest(&[]).title, "0 events");
    }
}
