//! No fact of an event is lost: each value stands in the message, or is left out on purpose.
//!
//! `vectors/left-out.txt` lists what is left out of the messages of all bodies under
//! `vectors/mist/`, by reason. A value that gets lost is a new line there, and one whose key no
//! reason covers is a failure. `UPDATE=1 cargo test -p mistgate-tests facts` rewrites the list.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use mistgate_core::base::{glob, mac::Mac, time::UnixTime};
use mistgate_core::event::{Detail, Event};
use mistgate_core::notify::{Notification, Severity, topics::describe};
use mistgate_core::webhook::envelope;

use crate::webhook::vectors::{difference, files};

/// With fewer values the vectors were not found.
const VALUES_MIN: usize = 1_500;
/// A value of fewer characters may stand in a text by chance.
const SHORT: usize = 4;

/// Why a value is left out, and the keys, as `topic/key`, for which that holds.
const REASONS: [(&str, &[&str]); 7] = [
    (
        "An id of Mist's, which says nothing to a reader. Links have those that they need.",
        &["*_id", "*/id", "*uuid", "*/wcids", "*/mapid", "*/orgid", "*/siteid"],
    ),
    (
        "Said in words of our own, or without the tags of Junos.",
        &[
            "*/admin_name",
            "*/duration",
            "*/termination_reason",
            "*/type",
            "*.type",
            "alarms/detail",
            "alarms/reasons",
            "alarms/root_cause",
            "alarms/suggestion",
            "device-events/text",
            "*.usage.severity",
        ],
    ),
    (
        "How Mist sorts and grades it. Our tables do.",
        &[
            "*/category",
            "*/details.*",
            "*/device_type",
            "*/ev_type",
            "*/for_site",
            "*/group",
            "*/impacted_entity_count",
            "*/license_requirement",
            "*/severity",
        ],
    ),
    ("It happened once, or for less than a minute.", &["alarms/count", "alarms/last_seen"]),
    ("A counter of Mist's.", &["*/version"]),
    (
        "The reader's own organisation, or a name that is none or an older one.",
        &["*/org_name", "*/ap_name", "*.entity_name", "device-events/mac"],
    ),
    (
        "What a radio heard, frame by frame.",
        &["*_info.*", "*_info_list.*", "*/scan_data.*", "*packets.*"],
    ),
];

#[test]
fn facts_are_said_or_left_out_for_a_reason() {
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    let mut left_out: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut values = 0;
    for input in files(&vectors.join("mist")) {
        let body = fs::read(&input).expect("a vector can be read");
        let Ok(envelope) = envelope::parse(&body) else {
            continue;
        };
        for event in &envelope.events {
            let said = Said::of(&describe(event, Severity::Info, "manage.mist.com"));
            let mut scalars = Vec::new();
            for (name, member) in event.members() {
                walk(name, *member, &mut scalars);
            }
            values += scalars.len();
            for (key, _) in scalars.iter().filter(|(key, value)| !said.has(key, value)) {
                let name = format!("{}/{key}", event.topic().name());
                left_out.entry(name).or_default().insert(kind(event));
            }
        }
    }
    assert!(values > VALUES_MIN, "only {values} values");
    let mut list = String::new();
    let mut unexplained = Vec::new();
    for (reason, patterns) in REASONS {
        let _ = writeln!(list, "# {reason}");
        for (name, kinds) in &left_out {
            if patterns.iter().any(|pattern| glob::matches(pattern, name)) {
                let kinds: Vec<&str> = kinds.iter().map(String::as_str).collect();
                let _ = writeln!(list, "{name}: {}", kinds.join(" "));
            }
        }
        list.push('\n');
    }
    for (name, kinds) in &left_out {
        let patterns = || REASONS.iter().flat_map(|(_, patterns)| *patterns);
        if !patterns().any(|pattern| glob::matches(pattern, name)) {
            unexplained.push(format!("{name}: {kinds:?}"));
        }
    }
    assert!(unexplained.is_empty(), "left out without a reason:\n{}", unexplained.join("\n"));
    let path = vectors.join("left-out.txt");
    if std::env::var_os("UPDATE").is_some_and(|value| value == "1") {
        fs::write(&path, list).expect("the list can be written");
    } else {
        let found = fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(difference(&found, &list), None, "UPDATE=1 rewrites {}", path.display());
    }
}

fn kind(event: &Event<'_>) -> String {
    event.kind().map_or_else(|| "-".to_owned(), |kind| kind.into_owned())
}

/// The scalars inside of a value, each with its path. Places in lists are no part of it.
fn walk(path: &str, value: Detail<'_>, scalars: &mut Vec<(String, String)>) {
    if let Some(text) = value.embedded() {
        return walk(path, Detail::from(&*text), scalars);
    }
    if let Some(text) = value.text() {
        scalars.push((path.to_owned(), text.into_owned()));
    } else if value.raw().starts_with('[') {
        for item in value.items() {
            walk(path, item, scalars);
        }
    }
    for (name, member) in value.members() {
        walk(&format!("{path}.{name}"), member, scalars);
    }
}

/// What a message says, in small letters.
struct Said {
    texts: Vec<String>,
    facts: Vec<(String, String)>,
}

impl Said {
    fn of(message: &Notification) -> Self {
        let links = message.links.iter().map(|link| link.url.to_lowercase());
        let at = message.at.map(|at| at.to_string().to_lowercase());
        let texts = [message.title.to_lowercase(), message.summary.to_lowercase()];
        let facts = message.facts.iter();
        Self {
            texts: texts.into_iter().chain(links).chain(at).collect(),
            facts: facts
                .map(|fact| (fact.label.to_lowercase(), fact.value.to_lowercase()))
                .collect(),
        }
    }

    /// Whether it says a value in one of the forms in which people write it. A short one must stand
    /// in the headline, in a sentence, or in a fact with a word of its key.
    fn has(&self, key: &str, value: &str) -> bool {
        let key = words(key);
        let of_key = |label: &str| {
            let of =
                |word: &str| key.split(' ').any(|part| !part.is_empty() && word.starts_with(part));
            label.split(' ').any(of)
        };
        forms(value).iter().any(|form| {
            let is_short = form.chars().count() < SHORT;
            let mut facts = self.facts.iter().filter(|(label, said)| {
                !is_short
                    || of_key(&words(label))
                    || said.starts_with(&format!("{form} "))
                    || said.ends_with(&format!(" {form}"))
            });
            let texts = self.texts.get(..if is_short { 2 } else { self.texts.len() });
            texts.into_iter().flatten().any(|text| holds(text, form))
                || facts.any(|(label, said)| holds(said, form) || holds(label, form))
        })
    }
}

/// `port_ids` as `port id`.
fn words(name: &str) -> String {
    let name = name.to_lowercase();
    let words = name.split(|c: char| !c.is_alphanumeric()).map(|word| word.trim_end_matches('s'));
    words.collect::<Vec<_>>().join(" ")
}

/// A value as it was sent, in words, as a MAC address, a time, a share, milliseconds, yes or no.
fn forms(value: &str) -> Vec<String> {
    let line = value.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    // Of a message its end: tags are cut from its beginning.
    let parts: Vec<&str> = line.trim_end_matches('.').split(' ').collect();
    let end = parts.split_at(parts.len().saturating_sub(8)).1.join(" ");
    let mut forms = vec![end, line.replace(['_', '-'], " ")];
    forms.extend(Mac::parse(value).map(|mac| mac.to_string()));
    if let Ok(number) = value.parse::<f64>() {
        forms.extend(UnixTime::from_secs_f64(number).map(|at| at.to_string().to_lowercase()));
        forms.extend([format!("{:.0} %", number * 100.0), format!("{:.0} ms", number * 1_000.0)]);
        forms.extend([format!("{:.0}", number * 1_000.0), format!("{number}")]);
    }
    forms.extend((value == "24").then(|| "2.4 ghz".to_owned()));
    forms.extend((value == "true").then(|| "yes".to_owned()));
    forms.extend((value == "false").then(|| "no".to_owned()));
    forms
}

/// Whether a text holds a form as words of their own.
fn holds(text: &str, form: &str) -> bool {
    text.match_indices(form).any(|(at, _)| {
        let (before, rest) = text.split_at(at);
        let after = rest.get(form.len()..).unwrap_or_default();
        !before.ends_with(char::is_alphanumeric) && !after.starts_with(char::is_alphanumeric)
    })
}
