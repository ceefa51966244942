//! Several notifications in one, for what a destination cannot take one by one.
//!
//! What has the same headline is a group. The highest severity comes first, then the largest group.
//! A group says when its events were and of whom; one event alone says its whole sentence.

use alloc::{collections::BTreeMap, collections::BTreeSet, format, string::String, vec::Vec};
use core::cmp::Reverse;

use super::{Fact, Notification, Severity, plain, types::sentence::capitalized};
use crate::base::{order, text, time::UnixTime};

/// The most groups in the summary, and the most with a fact of their own.
const SUMMARY_MAX: usize = 4;
const FACTS_MAX: usize = 12;
/// The most names that a fact lists.
const NAMES_MAX: usize = 5;
/// The most characters of a name, and of a sentence.
const NAME_MAX: usize = 60;
const SENTENCE_MAX: usize = 250;

/// The facts that say of whom an event is, the best first, and whether they may list several.
const WHOM: [(&str, bool); 13] = [
    ("Device", false),
    ("Devices", true),
    ("Impacted", true),
    ("MAC", false),
    ("MACs", true),
    ("Destination", false),
    ("AP", false),
    ("APs", true),
    ("Client", false),
    ("Clients", true),
    ("Switch", false),
    ("Switch MAC", false),
    ("Site", false),
];

/// Merges notifications, in the order in which they came, into one. Times are UTC.
pub fn merged(items: &[Notification]) -> Notification {
    let all = Group { heading: "", items: items.iter().collect() };
    let groups = groups(items);
    // If all happened at one site, the title alone says so.
    let is_placed = all.sites().len() == 1;
    Notification {
        severity: all.severity(),
        title: format!("{}{}", plain::count(items.len(), "event", "events"), all.place()),
        summary: summary(&all, &groups, is_placed),
        facts: facts(&all, &groups, is_placed),
        at: items.iter().filter_map(|item| item.at).max(),
        ..Notification::default()
    }
}

/// The notifications with one headline.
struct Group<'n> {
    heading: &'n str,
    items: Vec<&'n Notification>,
}

/// The groups, those that matter most first.
fn groups(items: &[Notification]) -> Vec<Group<'_>> {
    let mut groups: BTreeMap<&str, Vec<&Notification>> = BTreeMap::new();
    for item in items {
        groups.entry(parts(item).0).or_default().push(item);
    }
    let mut groups: Vec<Group<'_>> =
        groups.into_iter().map(|(heading, items)| Group { heading, items }).collect();
    order::sort_by_key(&mut groups, |group| Reverse((group.severity(), group.items.len())));
    groups
}

/// `2 × Switch restarted, 12 × AP configured at 3 sites, 5 more of 2 types.`, and when.
fn summary(all: &Group<'_>, groups: &[Group<'_>], is_placed: bool) -> String {
    let (shown, rest) = groups.split_at(most(groups, SUMMARY_MAX));
    let severities: BTreeSet<_> = order::collect(groups.iter().map(Group::severity));
    let mut before = None;
    let mut said = String::new();
    for group in shown {
        let severity = group.severity();
        if severities.len() > 1 && before != Some(severity) {
            let end = if said.is_empty() { "" } else { ". " };
            said.push_str(&format!("{end}{}: ", capitalized(severity.name())));
        } else if !said.is_empty() {
            said.push_str(", ");
        }
        let place = if is_placed { String::new() } else { group.place() };
        said.push_str(&format!("{} × {}{place}", group.items.len(), group.heading));
        before = Some(severity);
    }
    if !rest.is_empty() {
        let end = if severities.len() > 1 { "." } else { "," };
        said.push_str(&format!("{end} {} more of {} types", count(rest), rest.len()));
    }
    let span = match all.span(all.newest()) {
        Some((first, None)) => format!(" At {first} UTC."),
        Some((first, Some(last))) => format!(" From {first} to {last} UTC."),
        None => String::new(),
    };
    format!("{said}.{span}")
}

fn facts(all: &Group<'_>, groups: &[Group<'_>], is_placed: bool) -> Vec<Fact> {
    let (shown, rest) = groups.split_at(most(groups, FACTS_MAX));
    let mut facts: Vec<Fact> =
        shown.iter().map(|group| group.fact(all.newest(), is_placed)).collect();
    if !rest.is_empty() {
        let headings: Vec<&str> = rest.iter().map(|group| group.heading).collect();
        facts.push(Fact {
            label: format!("{} more", count(rest)),
            value: format!("{} types: {}", rest.len(), plain::list(&headings, NAMES_MAX)),
        });
    }
    facts
}

/// How many of the groups are shown. Of more than `max`, the last place counts the rest.
const fn most(groups: &[Group<'_>], max: usize) -> usize {
    if groups.len() > max { max - 1 } else { groups.len() }
}

fn count(groups: &[Group<'_>]) -> usize {
    groups.iter().map(|group| group.items.len()).sum()
}

impl<'n> Group<'n> {
    fn severity(&self) -> Severity {
        self.items.iter().map(|item| item.severity).max().unwrap_or(Severity::Info)
    }

    /// The sites, unless an item has none.
    fn sites(&self) -> BTreeSet<&'n str> {
        let sites: Option<Vec<_>> = self.items.iter().map(|item| fact(item, "Site")).collect();
        order::collect(sites.unwrap_or_default())
    }

    fn place(&self) -> String {
        plain::at_sites(&self.sites())
    }

    fn fact(&self, today: UnixTime, is_placed: bool) -> Fact {
        let (number, what) = match self.items.as_slice() {
            [one] => (String::new(), text::cut(&one.summary, SENTENCE_MAX)),
            many => (format!(" ({})", many.len()), self.names(is_placed)),
        };
        let span = self.span(today).map(|(first, last)| match last {
            Some(last) => format!("{first} to {last}"),
            None => first,
        });
        let parts: Vec<String> = span.into_iter().chain(plain::non_empty(what)).collect();
        Fact { label: format!("{}{number}", self.heading), value: parts.join(": ") }
    }

    fn newest(&self) -> UnixTime {
        self.items.iter().filter_map(|item| item.at).max().unwrap_or_default()
    }

    /// When the first happened, and the last unless in the same minute: `14:02` and `14:05`, with
    /// the day where it is another one.
    fn span(&self, today: UnixTime) -> Option<(String, Option<String>)> {
        let first = self.items.iter().filter_map(|item| item.at).min()?;
        let last = self.newest();
        let is_later = first.as_secs().div_euclid(60) != last.as_secs().div_euclid(60);
        Some((first.clock(today), is_later.then(|| last.clock(first))))
    }

    /// `AP-1 at HQ, AP-2 at HQ and 3 more`. Where a name may stand for several, events are counted.
    fn names(&self, is_placed: bool) -> String {
        let names: Vec<_> = self.items.iter().map(|item| name(item, is_placed)).collect();
        let mut seen = BTreeSet::new();
        let distinct = names.iter().flatten().map(|(name, _)| name.as_str());
        let distinct: Vec<&str> = distinct.filter(|name| seen.insert(*name)).collect();
        let (shown, hidden) = distinct.split_at(distinct.len().min(NAMES_MAX));
        let is_shown = |name: &&Option<(String, bool)>| {
            name.as_ref().is_some_and(|(name, _)| shown.contains(&name.as_str()))
        };
        let are_devices = names.iter().all(|name| matches!(name, Some((_, false))));
        let more = match are_devices {
            true => hidden.len(),
            false => names.len() - names.iter().filter(is_shown).count(),
        };
        let noun = match (are_devices, more) {
            (true, _) => "",
            (false, 1) => " event",
            (false, _) => " events",
        };
        match (shown, more) {
            ([], _) => String::new(),
            (shown, 0) => plain::list(shown, NAMES_MAX),
            (shown, more) => format!("{} and {more} more{noun}", shown.join(", ")),
        }
    }
}

/// Of whom an event is, and whether that may be several: `AP-1 at HQ`, or of an audit its message
/// and the administrator.
fn name(item: &Notification, is_placed: bool) -> Option<(String, bool)> {
    let cut = |text: &str| text::cut(text, NAME_MAX);
    let with = |name: &str, word: &str, more: Option<&str>| match more {
        Some(more) => format!("{} {word} {}", cut(name), cut(more)),
        None => cut(name),
    };
    if let Some(message) = parts(item).1 {
        let by = item.summary.strip_prefix("By ").map(|by| by.trim_end_matches('.'));
        return Some((with(message, "by", by), false));
    }
    let of = |(label, is_list): &(&str, bool)| {
        let site = fact(item, "Site").filter(|_| !is_placed && *label != "Site");
        Some((with(fact(item, label)?, "at", site), *is_list))
    };
    WHOM.iter().find_map(of)
}

/// The headline, and what follows its colon: only audits have that.
fn parts(item: &Notification) -> (&str, Option<&str>) {
    match item.title.split_once(": ") {
        Some((heading, message)) => (heading, Some(message)),
        None => (&item.title, None),
    }
}

fn fact<'n>(item: &'n Notification, label: &str) -> Option<&'n str> {
    let found = item.facts.iter().find(|fact| fact.label == label);
    found.map(|fact| fact.value.as_str())
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    fn item(severity: Severity, title: &str, at: i64, facts: &[(&str, &str)]) -> Notification {
        let fact = |(label, value): &(&str, &str)| Fact {
            label: label.to_string(),
            value: value.to_string(),
        };
        Notification {
            severity,
            title: title.to_string(),
            summary: format!("{title}, in a sentence."),
            facts: facts.iter().map(fact).collect(),
            listing: None,
            links: Vec::new(),
            is_over: false,
            at: Some(UnixTime::from_secs(1_752_000_000 + at)),
            is_acknowledged: false,
            thread: None,
            incidents: Vec::new(),
        }
    }

    fn check(items: &[Notification], title: &str, summary: &str, facts: &[(&str, &str)]) {
        let merged = merged(items);
        assert_eq!((merged.title.as_str(), merged.summary.as_str()), (title, summary));
        let shown: Vec<(&str, &str)> =
            merged.facts.iter().map(|fact| (fact.label.as_str(), fact.value.as_str())).collect();
        assert_eq!(shown, facts);
        assert_eq!(Some(merged.severity), items.iter().map(|item| item.severity).max());
        assert_eq!(merged.at, items.iter().map(|item| item.at).max().flatten());
    }

    #[test]
    fn a_group_says_how_many_when_of_whom_and_where() {
        let sites = ["HQ", "Branch-7", "Branch-8"];
        let mut items = Vec::from([item(
            Severity::Warning,
            "Switch configuration failed",
            -60,
            &[("Device", "sw-1"), ("Site", "HQ")],
        )]);
        for (nth, site) in (0..12).zip(sites.into_iter().cycle()) {
            let device = format!("AP-{nth}");
            let facts = [("Device", device.as_str()), ("Site", site)];
            items.push(item(Severity::Info, "AP configured", 20 * nth, &facts));
        }
        for nth in 0..3 {
            let facts = [("MAC", "5c:5b:35:00:00:01"), ("Site", "HQ")];
            items.push(item(Severity::Info, "AP upgraded", 90_000 + nth, &facts));
        }
        check(
            &items,
            "16 events at 3 sites",
            "Warning: 1 × Switch configuration failed at HQ. Info: 12 × AP configured at 3 sites, \
             3 × AP upgraded at HQ. From 2025-07-08 18:39 to 2025-07-09 19:40 UTC.",
            &[
                (
                    "Switch configuration failed",
                    "2025-07-08 18:39: Switch configuration failed, in a sentence.",
                ),
                (
                    "AP configured (12)",
                    "2025-07-08 18:40 to 18:43: AP-0 at HQ, AP-1 at Branch-7, AP-2 at Branch-8, \
                     AP-3 at HQ, AP-4 at Branch-7 and 7 more",
                ),
                ("AP upgraded (3)", "19:40: 5c:5b:35:00:00:01 at HQ"),
            ],
        );
    }

    #[test]
    fn names_are_counted_as_devices_or_else_as_events() {
        let alarm = |at, label, value| {
            item(Severity::Info, "Rogue AP detected", at, &[(label, value), ("Site", "HQ")])
        };
        let mut items = Vec::from([
            alarm(0, "Device", "AP-1"),
            alarm(0, "Device", "AP-1"),
            alarm(60, "Devices", "AP-2, AP-3 and AP-4"),
        ]);
        let summary = |number| format!("{number} × Rogue AP detected. From 18:40 to 18:41 UTC.");
        let value = "18:40 to 18:41: AP-1 and AP-2, AP-3 and AP-4";
        check(&items, "3 events at HQ", &summary(3), &[("Rogue AP detected (3)", value)]);
        let more = ["a", "b", "c", "d", "e", "e"];
        items.extend(more.map(|device| alarm(0, "Device", device)));
        let value = "18:40 to 18:41: AP-1, AP-2, AP-3 and AP-4, a, b, c and 3 more events";
        check(&items, "9 events at HQ", &summary(9), &[("Rogue AP detected (9)", value)]);
    }

    #[test]
    fn audits_are_one_group_with_what_they_say() {
        let audit = |title, who: &str| Notification {
            at: None,
            summary: format!("By {who}."),
            ..item(Severity::Info, title, 0, &[])
        };
        let items = [
            audit("Audit: Update WLAN \"Guests\"", "Jo (jo@example.net)"),
            audit("Audit: Delete Site X", "Mist at HQ"),
        ];
        let value = "Update WLAN \"Guests\" by Jo (jo@example.net) and Delete Site X by Mist at HQ";
        check(&items, "2 events", "2 × Audit.", &[("Audit (2)", value)]);
    }

    #[test]
    fn many_types_are_counted() {
        let items: Vec<_> = (0..30)
            .map(|nth| item(Severity::Debug, &format!("Type {:02}", nth % 20), 0, &[]))
            .collect();
        let merged = merged(&items);
        assert_eq!(merged.title, "30 events");
        assert_eq!(
            merged.summary,
            "2 × Type 00, 2 × Type 01, 2 × Type 02, 24 more of 17 types. \
             At 18:40 UTC."
        );
        assert_eq!(merged.facts.len(), FACTS_MAX);
        let last = merged.facts.last().map(|fact| (fact.label.as_str(), fact.value.as_str()));
        let rest = "9 types: Type 11, Type 12, Type 13, Type 14, Type 15 and 4 more";
        assert_eq!(last, Some(("9 more", rest)));
    }
}
