//! One message about several incidents: what is wrong now, by site, and what is over.

use alloc::string::{String, ToString};
use alloc::{borrow::Cow, collections::BTreeMap, format, vec::Vec};
use core::cmp::Reverse;

use serde::{Deserialize, Serialize};

use super::{Fact, Notification, Severity, plain};
use super::{describe::subject::noun, types::condition::Condition};
use crate::{base::order, base::time::UnixTime, event::DeviceClass};

/// The most sites that have a line of their own.
const SITES_MAX: usize = 12;
/// If all is over at more sites than this, they have none.
const SITES_OVER_MAX: usize = 4;
/// Up to so many names of what is still wrong are all listed.
const OPEN_NAMES_MAX: usize = 10;
/// Of one condition at one site, so many names are listed.
const GROUP_NAMES_MAX: usize = 50;
/// The most groups that a headline names; of more it says how many problems there are.
const GROUPS_MAX: usize = 3;
/// Of what began so many seconds ago it is said when.
const LATE: i64 = 120;

/// How an incident was last told; none of it for one that was told as over, or never.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shown {
    /// Wrong, with this severity.
    Open(Severity),
    /// Coming and going.
    Flapping(Severity),
    /// Open or flapping, and somebody takes care of it. Only those are told so that are told of
    /// groups.
    Acknowledged(Severity),
}

impl Shown {
    /// The severity that was told.
    pub const fn severity(self) -> Severity {
        match self {
            Self::Open(told) | Self::Flapping(told) | Self::Acknowledged(told) => told,
        }
    }

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open(_) => "open",
            Self::Flapping(_) => "flapping",
            Self::Acknowledged(_) => "acknowledged",
        }
    }

    /// Whether this is news to whom `told` was told.
    pub(crate) fn is_news(this: Option<Self>, told: Option<Self>) -> bool {
        match (this, told) {
            (Some(Self::Open(now)), Some(Self::Open(told)))
            | (Some(Self::Acknowledged(now)), Some(Self::Acknowledged(told))) => now > told,
            (Some(Self::Flapping(_)), Some(Self::Flapping(_))) | (None, None) => false,
            (Some(_) | None, Some(_)) | (Some(_), None) => true,
        }
    }
}

/// How an incident is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    Open,
    /// It comes and goes.
    Flapping,
    Over,
}

impl State {
    /// The state that is told.
    pub const fn of(shown: Option<Shown>) -> Self {
        match shown {
            Some(Shown::Open(_) | Shown::Acknowledged(_)) => Self::Open,
            Some(Shown::Flapping(_)) => Self::Flapping,
            None => Self::Over,
        }
    }

    /// How what has a condition is; `is_unheard` if that is over only because nothing was heard of
    /// it.
    pub const fn words(self, condition: &Condition, is_unheard: bool) -> &'static str {
        match self {
            Self::Open => condition.state,
            Self::Flapping => "coming and going",
            Self::Over if is_unheard => "not heard of for 7 days",
            Self::Over => condition.over,
        }
    }
}

/// What a message says of an incident that the earlier ones did not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    New,
    /// Known, and told again: nothing, or that nobody has acknowledged it.
    Known,
    Over,
    /// Over, after it came and went for a while.
    Stable,
    /// Its severity is higher.
    Worse,
    /// It comes and goes now.
    Flapping,
    /// It comes and goes no longer, and is not over.
    Settled,
}

impl News {
    /// What is new of an incident that was told as `before` and is told as `after` now; `None` if
    /// it was over and is.
    pub fn between(before: Option<Shown>, after: Option<Shown>) -> Option<Self> {
        Some(match (before, after) {
            (None, None) => return None,
            (None, Some(_)) => Self::New,
            (Some(Shown::Open(_) | Shown::Acknowledged(_)), None) => Self::Over,
            (Some(Shown::Flapping(_)), None) => Self::Stable,
            (Some(before), Some(after)) if before == after => Self::Known,
            (Some(_), Some(Shown::Acknowledged(_))) => Self::Known,
            (Some(Shown::Flapping(_)), Some(Shown::Open(_))) => Self::Settled,
            (Some(_), Some(Shown::Flapping(_))) => Self::Flapping,
            (Some(_), Some(Shown::Open(_))) => Self::Worse,
        })
    }
}

/// One incident in a message.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    pub subject: &'a str,
    pub class: Option<DeviceClass>,
    pub condition: &'static Condition,
    pub site: Option<&'a str>,
    pub severity: Severity,
    /// When it began.
    pub since: UnixTime,
    /// When it last came or went.
    pub changed_at: UnixTime,
    /// Whether it is over only because nothing was heard of it.
    pub is_unheard: bool,
    /// Whether somebody takes care of it.
    pub is_acknowledged: bool,
    pub state: State,
    pub news: News,
}

impl Line<'_> {
    /// The words for what it is one of, and how these are: `AP` and `down`.
    fn group(&self) -> (&'static str, &'static str) {
        let state = self.state.words(self.condition, self.is_unheard);
        (self.condition.noun.unwrap_or_else(|| noun(self.class)), state)
    }
}

/// The message of incidents: those that are open, and those that are over since the last message.
/// `unnamed` others are open, of which only the number is said. `now` is the time of sending.
pub fn summary(lines: &[Line<'_>], unnamed: usize, now: UnixTime) -> Notification {
    let (over, open): (Vec<&Line<'_>>, Vec<&Line<'_>>) =
        lines.iter().partition(|line| line.state == State::Over);
    let severity = open.iter().map(|line| line.severity).max().unwrap_or(Severity::Info);
    let is_over = open.is_empty() && unnamed == 0;
    let title = match open.as_slice() {
        [] if over.is_empty() => "nothing is wrong".to_string(),
        [] if is_over => format!("All over: {}{}", phrase(&over), place(&over)),
        [] => format!("{}{}", phrase(&over), place(&over)),
        open => format!("{}{}", phrase(open), place(open)),
    };
    let mut facts = sites(lines, now);
    facts.extend(also_open(&[], unnamed));
    Notification {
        severity,
        title,
        summary: sentences(lines, &open, now),
        facts,
        at: Some(now),
        is_over,
        ..Notification::default()
    }
}

/// The message of all incidents of one condition at one site.
pub fn group(lines: &[Line<'_>], now: UnixTime) -> Notification {
    let open = lines.iter().filter(|line| line.state != State::Over);
    let mut names: Vec<&str> = open.map(|line| line.subject).collect();
    order::sort_by_key(&mut names, |name| (name.len(), *name));
    let first = lines.first();
    let facts = [
        ("Open", plain::list(&names, GROUP_NAMES_MAX)),
        ("Site", first.and_then(|line| line.site).unwrap_or_default().to_string()),
        ("Condition", first.map_or("", |line| line.condition.name).to_string()),
    ];
    let facts = facts.into_iter().filter(|(_, value)| !value.is_empty());
    let facts = facts.map(|(label, value)| fact(label, value)).collect();
    Notification { facts, ..summary(lines, 0, now) }
}

/// The message of one incident whose event is not there, or that comes and goes.
pub fn about_one(line: &Line<'_>, now: UnixTime) -> Notification {
    let mut notification = summary(&[*line], 0, now);
    let (since, changed) = (line.since.clock(now), line.changed_at.clock(now));
    let (title, summary) = match (line.state, line.news) {
        (State::Flapping, _) => (
            "",
            format!("It comes and goes since {since} UTC. More is said once it stays as it is."),
        ),
        (State::Over, News::Stable) => (
            " and stable",
            format!("It came and went from {since} to {changed} UTC, and has been stable since."),
        ),
        (State::Over, _) if line.is_unheard => {
            ("", format!("It began at {since} UTC. It counts as over, but may not be."))
        }
        (State::Over, _) => {
            ("", format!("It began at {since} UTC and is over since {changed} UTC."))
        }
        (State::Open, News::Settled) => {
            let state = line.group().1;
            let so = format!("and has been {state} since {changed} UTC.");
            ("", format!("It came and went from {since} UTC, {so}"))
        }
        (State::Open, _) => ("", format!("Since {since} UTC.")),
    };
    let place = place(&[line]);
    notification.title = format!("{} {}{title}{place}", line.subject, line.group().1);
    notification.summary = summary;
    notification.facts = line.site.map(|site| fact("Site", site.to_string())).into_iter().collect();
    notification
}

/// What a message about one incident says of its past: it came so many times, and the last message
/// about it was of `told_at`.
pub fn history(
    line: &Line<'_>,
    times: u32,
    told_at: Option<UnixTime>,
    now: UnixTime,
) -> impl Iterator<Item = Fact> {
    let since = line.since.clock(now);
    let lasted = |until: UnixTime| plain::duration(until.as_secs() - line.since.as_secs());
    let past = if times > 1 {
        Some(fact("Came", format!("{times} times since {since} UTC")))
    } else if line.state == State::Over {
        Some(fact("Lasted", format!("{}, from {since} UTC", lasted(line.changed_at))))
    } else if now.as_secs() - line.since.as_secs() >= LATE {
        Some(fact("Since", format!("{since} UTC, {} ago", lasted(now))))
    } else {
        None
    };
    let told = told_at.map(|at| fact("Continues", format!("the message of {} UTC", at.clock(now))));
    past.into_iter().chain(told)
}

/// The devices that are not told by themselves, because they are behind the one of a message.
pub fn also_down(names: &[&str]) -> Option<Fact> {
    (!names.is_empty()).then(|| fact("Also down behind it", plain::list(names, plain::NAMES_MAX)))
}

/// Makes a daily report of a summary. `acknowledged` are open incidents' subjects, and who takes
/// care of each.
pub fn daily<'a>(
    notification: &mut Notification,
    muted: usize,
    silences: usize,
    acknowledged: impl Iterator<Item = (&'a str, &'a str)>,
) {
    notification.title = format!("Daily report: {}", notification.title);
    let counts = [
        (muted, plain::count(muted, "open incident", "open incidents")),
        (silences, plain::count(silences, "silence", "silences")),
    ];
    let counts = counts.into_iter().filter(|(count, _)| *count > 0).map(|(_, said)| said);
    let muted = counts.collect::<Vec<_>>().join("; ");
    let seen = acknowledged.map(|(subject, by)| format!("{subject} by {by}"));
    let seen = seen.take(plain::NAMES_MAX).collect::<Vec<_>>().join(", ");
    let facts = [("Muted", muted), ("Acknowledged", seen)].into_iter();
    let facts = facts.filter(|(_, value)| !value.is_empty());
    notification.facts.extend(facts.map(|(label, value)| fact(label, value)));
}

fn fact(label: &str, value: String) -> Fact {
    Fact { label: label.to_string(), value }
}

/// What is open besides what a message is about, such as `12 APs down at Branch-7`; of `unnamed`
/// ones only the number.
pub fn also_open(lines: &[Line<'_>], unnamed: usize) -> Option<Fact> {
    let open: Vec<_> = lines.iter().filter(|line| line.state != State::Over).collect();
    let value = match unnamed {
        0 => format!("{}{}", phrase(&open), place(&open)),
        unnamed => plain::count(unnamed, "problem", "problems"),
    };
    (unnamed > 0 || !open.is_empty()).then(|| fact("Also open", value))
}

/// What is new, worse and over, and since when.
fn sentences(lines: &[Line<'_>], open: &[&Line<'_>], now: UnixTime) -> String {
    let of = |news| lines.iter().filter(|line| line.news == news).count();
    let counts = [
        (of(News::New), "new"),
        (of(News::Worse), "worse"),
        (of(News::Flapping), "now coming and going"),
        (of(News::Settled), "no longer coming and going"),
        (of(News::Over) + of(News::Stable), "over"),
    ];
    let counts = counts.iter().filter(|(count, _)| *count > 0);
    let counts: Vec<String> = counts.map(|(count, word)| format!("{count} {word}")).collect();
    let news = match counts.is_empty() {
        true => String::new(),
        false => format!("Since the last message: {}.", plain::list(&counts, counts.len())),
    };
    let began = |lines: &mut dyn Iterator<Item = &&Line<'_>>| lines.map(|line| line.since).min();
    let span = match began(&mut open.iter()) {
        Some(first) if open.len() == 1 => format!("Since {} UTC.", first.clock(now)),
        Some(first) => format!("The first since {} UTC.", first.clock(now)),
        None => {
            let last = lines.iter().map(|line| line.changed_at).max();
            let first = lines.iter().map(|line| line.since).min();
            match first.zip(last) {
                Some((first, last)) => {
                    let lasted = plain::duration(last.as_secs() - first.as_secs());
                    format!("From {} to {} UTC ({lasted}).", first.clock(now), last.clock(now))
                }
                None => String::new(),
            }
        }
    };
    format!("{news} {span}").trim().to_string()
}

/// One fact for each site, the worst first, then the newest; the last counts the others. Of many
/// sites where all is over only the number is said.
fn sites(lines: &[Line<'_>], now: UnixTime) -> Vec<Fact> {
    let mut sites: BTreeMap<Option<&str>, Vec<&Line<'_>>> = BTreeMap::new();
    for line in lines {
        sites.entry(line.site).or_default().push(line);
    }
    let mut sites: Vec<_> = sites.into_iter().collect();
    order::sort_by_key(&mut sites, |(_, lines)| {
        let open = lines.iter().filter(|line| line.state != State::Over);
        let newest = lines.iter().map(|line| line.changed_at).max();
        (Reverse(open.map(|line| line.severity).max()), Reverse(newest))
    });
    let is_open = |(_, lines): &(_, Vec<&Line<'_>>)| lines.iter().any(|l| l.state != State::Over);
    let open = sites.iter().filter(|site| is_open(site)).count();
    let listed = if sites.len() - open > SITES_OVER_MAX { open } else { sites.len() };
    let is_long = listed > SITES_MAX || (listed == SITES_MAX && listed < sites.len());
    let (shown, hidden) = sites.split_at(if is_long { SITES_MAX - 1 } else { listed });
    let mut facts: Vec<Fact> = shown
        .iter()
        .map(|(site, lines)| Fact {
            label: site.map_or("No site", |site| site).to_string(),
            value: groups(lines, now).join("; "),
        })
        .collect();
    if !hidden.is_empty() {
        let lines: Vec<&Line<'_>> = hidden.iter().flat_map(|(_, lines)| lines).copied().collect();
        facts.push(Fact {
            label: match shown {
                [] => plain::count(hidden.len(), "site", "sites"),
                _ => plain::count(hidden.len(), "other site", "other sites"),
            },
            value: phrases(&lines).join("; "),
        });
    }
    facts
}

/// What is said of one site: a part for each group, with names, the worst first and what is over
/// last.
fn groups(lines: &[&Line<'_>], now: UnixTime) -> Vec<String> {
    let said = |(_, members): &(_, Vec<&Line<'_>>)| {
        let mut names: Vec<&str> = members.iter().map(|line| line.subject).collect();
        // Shorter names first: `AP-20` before `AP-110`.
        order::sort_by_key(&mut names, |name| (name.len(), *name));
        let is_over = members.iter().all(|line| line.state == State::Over);
        let is_few = !is_over && names.len() <= OPEN_NAMES_MAX;
        let names_max = if is_few { OPEN_NAMES_MAX } else { plain::NAMES_MAX };
        let names = plain::list(&names, names_max);
        let first = members.iter().map(|line| line.since).min();
        let since = match first.filter(|_| !is_over) {
            Some(first) if members.len() == 1 => format!(" since {}", first.clock(now)),
            Some(first) => format!(", the first since {}", first.clock(now)),
            None => String::new(),
        };
        format!("{}{since}: {names}", counted(members))
    };
    by_group(lines).iter().map(said).collect()
}

/// `90 APs down`, or what a few groups are, or how many problems there are.
fn phrase(lines: &[&Line<'_>]) -> String {
    let phrases = phrases(lines);
    match phrases.len() > GROUPS_MAX {
        true => plain::count(lines.len(), "problem", "problems"),
        false => plain::list(&phrases, GROUPS_MAX),
    }
}

/// Each group in words, such as `90 APs down`; a single one by its name, such as `AP-7 down`.
fn phrases(lines: &[&Line<'_>]) -> Vec<String> {
    let said = |(_, members): &(_, Vec<&Line<'_>>)| match members.as_slice() {
        [one] if lines.len() == 1 => format!("{} {}", one.subject, one.group().1),
        members => counted(members),
    };
    by_group(lines).iter().map(said).collect()
}

/// `90 APs down`, `1 AP down`.
fn counted(members: &[&Line<'_>]) -> String {
    let (noun, state) = members.first().map(|line| line.group()).unwrap_or_default();
    format!("{} {state}", plain::count(members.len(), noun, &plural(noun)))
}

/// What shares its words; the worst first, then the largest, and what is over last.
fn by_group<'l, 'a>(
    lines: &[&'l Line<'a>],
) -> Vec<((&'static str, &'static str), Vec<&'l Line<'a>>)> {
    let mut groups: BTreeMap<_, Vec<&Line<'_>>> = BTreeMap::new();
    for line in lines {
        groups.entry(line.group()).or_default().push(line);
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    order::sort_by_key(&mut groups, |(_, members)| {
        let is_over = members.iter().all(|line| line.state == State::Over);
        let severity = members.iter().map(|line| line.severity).max();
        (is_over, Reverse(severity), Reverse(members.len()))
    });
    groups
}

fn place(lines: &[&Line<'_>]) -> String {
    plain::at_sites(&lines.iter().filter_map(|line| line.site).collect())
}

/// The plural of a noun of the tables.
fn plural(noun: &str) -> Cow<'static, str> {
    if let Some(stem) = noun.strip_suffix('y').filter(|stem| !stem.ends_with(['a', 'e', 'o'])) {
        return format!("{stem}ies").into();
    }
    match noun.ends_with("ch") || noun.ends_with('s') {
        true => format!("{noun}es").into(),
        false => format!("{noun}s").into(),
    }
}
