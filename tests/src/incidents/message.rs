//! What a message about incidents must say: every number in it is counted here anew.

use std::collections::{BTreeMap, BTreeSet};

use mistgate_core::base::time::UnixTime;
use mistgate_core::event::DeviceClass;
use mistgate_core::incident::record::Incident as Record;
use mistgate_core::notify::change::Change;
use mistgate_core::notify::summary::Shown;
use mistgate_core::notify::types::Kind;
use mistgate_core::notify::{Notification, Severity};

/// How people name an incident. Names hold no digits, so that each number is a count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Face {
    pub subject: String,
    pub device: String,
    pub site: Option<String>,
    /// The words of its group: what it is one of, how it is while it lasts, and when it is over.
    words: [&'static str; 3],
}

/// One incident in a message.
#[derive(Clone, Debug)]
pub(super) struct Line<'a> {
    pub face: &'a Face,
    /// How it was told before; `None` for what was not wrong.
    pub before: Option<Shown>,
    /// How this message shows it.
    pub after: Option<Shown>,
    pub severity: Severity,
    pub times: u32,
    pub began: UnixTime,
}

impl Face {
    /// The names and words of a change.
    pub(super) fn of(change: &Change) -> Self {
        let Change { subject, device, site, class, kind, .. } = change;
        Self::new(subject, device.as_deref(), site.as_deref(), *class, kind)
    }

    /// Those of an incident on disk.
    pub(super) fn kept(record: &Record) -> Self {
        let Record { subject, device, site, class, kind, .. } = record;
        Self::new(subject, device.as_deref(), site.as_deref(), *class, kind)
    }

    fn new(
        subject: &str,
        device: Option<&str>,
        site: Option<&str>,
        class: Option<DeviceClass>,
        kind: &Kind,
    ) -> Self {
        let condition = kind.pair.expect("it has a condition").condition;
        let class = class.map_or("device", |class| match class.name() {
            "ap" => "AP",
            "mxedge" => "Mist Edge",
            other => other,
        });
        Self {
            subject: subject.to_owned(),
            device: device.unwrap_or(subject).to_owned(),
            site: site.map(str::to_owned),
            words: [condition.noun.unwrap_or(class), condition.state, condition.over],
        }
    }
}

impl Line<'_> {
    const fn is_open(&self) -> bool {
        self.after.is_some()
    }

    const fn group(&self) -> (&'static str, &'static str) {
        let [noun, state, over] = self.face.words;
        let state = match self.after {
            Some(Shown::Open(_) | Shown::Acknowledged(_)) => state,
            Some(Shown::Flapping(_)) => "coming and going",
            None => over,
        };
        (noun, state)
    }
}

/// Checks a message about `told` at the time of sending, where `others` are as they were told; of
/// them it names none if it is bounded.
pub(super) fn check(
    message: &Notification,
    told: &[Line<'_>],
    others: &[Line<'_>],
    is_bounded: bool,
    wall: UnixTime,
) {
    let mut others: Vec<_> = others.iter().filter(|line| line.is_open()).collect();
    let unnamed = if is_bounded { core::mem::take(&mut others).len() } else { 0 };
    if let [line] = told {
        return alone(message, line, &others, unnamed);
    }
    let also = message.facts.iter().find(|fact| fact.label == "Also open");
    assert_eq!(also.map_or(0, |fact| problems(&fact.value)), unnamed, "{message:#?}");
    let all: Vec<&Line<'_>> = told.iter().chain(others).collect();
    let (open, over): (Vec<&Line<'_>>, Vec<&Line<'_>>) =
        all.iter().copied().partition(|line| line.is_open());
    assert_eq!(message.is_over, open.is_empty() && unnamed == 0, "{message:#?}");
    let severity = open.iter().map(|line| line.severity).max().unwrap_or(Severity::Info);
    assert_eq!(message.severity, severity, "{message:#?}");
    phrase(&message.title, if open.is_empty() { &over } else { &open });
    let count = |is: &dyn Fn(&&Line<'_>) -> bool| told.iter().filter(is).count();
    let is_flapping = |shown| matches!(shown, Some(Shown::Flapping(_)));
    let is_changed =
        |line: &&Line<'_>| line.before.is_some() && line.is_open() && line.after != line.before;
    let was = |line: &&Line<'_>| is_flapping(line.before);
    let is = |line: &&Line<'_>| is_flapping(line.after);
    for (number, word) in [
        (count(&|line| line.before.is_none()), "new"),
        (count(&|line| is_changed(line) && !was(line) && !is(line)), "worse"),
        (count(&|line| is_changed(line) && is(line)), "now coming and going"),
        (count(&|line| is_changed(line) && was(line) && !is(line)), "no longer coming and going"),
        (count(&|line| !line.is_open()), "over"),
    ] {
        assert_eq!(counts(&message.summary, word), some(number), "{word}: {message:#?}");
    }
    let first = open.iter().map(|line| line.began).min();
    let first = first.or_else(|| over.iter().map(|line| line.began).min()).expect("a line");
    assert!(message.summary.contains(&first.clock(wall)), "since {first:?}: {message:#?}");
    sites(message, &all);
}

/// Checks a message about one incident.
fn alone(message: &Notification, line: &Line<'_>, others: &[&Line<'_>], unnamed: usize) {
    assert_eq!(message.is_over, !line.is_open(), "{message:#?}");
    let facts = message.facts.iter().map(|fact| fact.value.as_str());
    let texts = [message.title.as_str(), message.summary.as_str()].into_iter().chain(facts);
    let is_named = texts.into_iter().any(|text| text.contains(&line.face.device));
    assert!(is_named, "not about {}: {message:#?}", line.face.device);
    let fact = |label| message.facts.iter().find(|fact| fact.label == label);
    let also = fact("Also open").map(|fact| fact.value.as_str());
    if unnamed > 0 {
        assert_eq!(also.map(problems), Some(unnamed), "{message:#?}");
    } else {
        assert_eq!(also.is_some(), !others.is_empty(), "{others:#?}: {message:#?}");
        also.into_iter().for_each(|also| phrase(also, others));
    }
    let came = fact("Came").and_then(|fact| counts(&fact.value, "times").first().copied());
    let times = usize::try_from(line.times).expect("a small number");
    assert_eq!(came, (times > 1).then_some(times), "{message:#?}");
}

/// Checks `90 APs down and 1 switch down at 2 sites`.
fn phrase(text: &str, lines: &[&Line<'_>]) {
    match lines {
        [line] => {
            let (_, state) = line.group();
            let said = format!("{} {state}", line.face.subject);
            assert!(text.contains(&said), "{said:?}: {text:?}");
        }
        lines => {
            let groups = tally(lines);
            if groups.len() > 3 {
                assert_eq!(counts(text, "problems"), [lines.len()], "{text:?}");
            } else {
                assert_eq!(said(text, lines), groups, "{text:?}");
            }
        }
    }
    let sites: BTreeSet<_> = lines.iter().filter_map(|line| line.face.site.as_deref()).collect();
    match sites.first() {
        Some(site) if sites.len() == 1 => assert!(text.contains(&format!(" at {site}")), "{text}"),
        Some(_) => assert_eq!(counts(text, "sites"), [sites.len()], "{text:?}"),
        None => {}
    }
}

/// Checks the fact of each site, and the one of all the other sites.
fn sites(message: &Notification, lines: &[&Line<'_>]) {
    let mut by_site: BTreeMap<&str, Vec<&Line<'_>>> = BTreeMap::new();
    for line in lines {
        by_site.entry(line.face.site.as_deref().unwrap_or("No site")).or_default().push(line);
    }
    for fact in message.facts.iter().filter(|fact| fact.label != "Also open") {
        if let Some(lines) = by_site.remove(fact.label.as_str()) {
            assert_eq!(said(&fact.value, &lines), tally(&lines), "{}: {message:#?}", fact.label);
        } else if let [number] = other_sites(&fact.label).as_slice() {
            assert_eq!(by_site.len(), *number, "{message:#?}");
            let lines: Vec<_> = core::mem::take(&mut by_site).into_values().flatten().collect();
            assert_eq!(said(&fact.value, &lines), tally(&lines), "{}: {message:#?}", fact.label);
        } else {
            panic!("{}: {message:#?}", fact.label);
        }
    }
    assert!(by_site.is_empty(), "nothing of {:?}: {message:#?}", by_site.keys());
}

type Tally = BTreeMap<(&'static str, &'static str), usize>;

fn tally(lines: &[&Line<'_>]) -> Tally {
    let mut tally = Tally::new();
    for line in lines {
        *tally.entry(line.group()).or_default() += 1;
    }
    tally
}

/// What a text says of the groups that are possible with these lines.
fn said(text: &str, lines: &[&Line<'_>]) -> Tally {
    let mut tally = Tally::new();
    for [noun, state, over] in lines.iter().map(|line| line.face.words) {
        for state in [state, over, "coming and going"] {
            let plural = match noun {
                "switch" => "switches".to_owned(),
                other => format!("{other}s"),
            };
            let (one, many) = (format!("{noun} {state}"), format!("{plural} {state}"));
            let found: usize = counts(text, &one).iter().chain(&counts(text, &many)).sum();
            if found > 0 {
                tally.insert((noun, state), found);
            }
        }
    }
    tally
}

/// The numbers before a word.
fn counts(text: &str, word: &str) -> Vec<usize> {
    let places = text.match_indices(word).filter_map(|(at, _)| text.get(..at)?.strip_suffix(' '));
    let number = |before: &str| {
        let digits: Vec<char> = before.chars().rev().take_while(char::is_ascii_digit).collect();
        digits.into_iter().rev().collect::<String>().parse().ok()
    };
    places.filter_map(number).collect()
}

/// The number in `19 problems`, or in `1 problem`.
fn problems(text: &str) -> usize {
    counts(text, "problem").first().copied().unwrap_or(0)
}

/// The number in `19 other sites`, or in `30 sites` if none is named.
fn other_sites(label: &str) -> Vec<usize> {
    [counts(label, "other site"), counts(label, "site")].concat()
}

fn some(number: usize) -> Vec<usize> {
    if number > 0 { vec![number] } else { Vec::new() }
}
