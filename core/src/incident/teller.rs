//! What one destination was told, and when it is to be told more.

use alloc::{collections::BTreeMap, collections::BTreeSet, collections::VecDeque, vec::Vec};
use core::time::Duration;

use super::input::Name;
use crate::base::time::{Instant, UnixTime};
use crate::notify::{Notification, Severity, change::Key, summary::Shown};

/// The seconds between two messages: after the first, the second, the third, and all others.
const STEPS: [u64; 4] = [10, 20, 40, 60];
/// After so long without a message the steps begin anew.
const QUIET: Duration = Duration::from_secs(300);
/// At most so many critical incidents are told by themselves within a minute.
const ALONE_MAX: usize = 5;
const MINUTE: Duration = Duration::from_secs(60);

/// How an incident is to be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// As it was told: it is held.
    Held,
    /// As it was told: nobody is to hear of it.
    Muted,
    Shown(Option<Shown>),
}

/// What became of events for a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// The destination refused the message, or is no longer to be told.
    Dropped,
    /// It came and went before it was to be told.
    Held,
    Muted,
    /// It belongs to no incident, and the destination is told of these only.
    NoIncident,
    /// The incident was told in a later state.
    Superseded,
    /// In a message about several incidents.
    Summarised,
    /// In a message of its own.
    Told,
}

impl Fate {
    /// The label in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dropped => "dropped",
            Self::Held => "held",
            Self::Muted => "muted",
            Self::NoIncident => "no_incident",
            Self::Superseded => "superseded",
            Self::Summarised => "summarised",
            Self::Told => "told",
        }
    }
}

/// What a destination knows of one incident.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Told {
    pub(super) shown: Option<Shown>,
    /// When it was told, by the wall clock.
    pub(super) at: Option<UnixTime>,
    /// The same by our clock, or the beginning of this run.
    since: Option<Instant>,
    /// Its place among what is untold, by severity.
    listed: Option<Severity>,
    /// Whether a message about it is on its way.
    is_sending: bool,
    /// Events that were not told.
    waiting: usize,
}

impl Told {
    /// What the store is to keep; `None` for what is told as over, or never.
    pub(super) fn record(&self) -> Option<Vec<u8>> {
        serde_json::to_vec(&(self.shown?, self.at?)).ok()
    }
}

/// How incidents are shown by a message.
pub(super) type States = Vec<(Key, Option<Shown>)>;

/// What the store is to keep of which incidents, and what became of how many events.
type Arrived = (Vec<(Key, Option<Vec<u8>>)>, Vec<(Fate, usize)>);

/// What is on its way.
#[derive(Clone, Debug)]
struct Sending {
    /// How each is shown, and how many events are told with it.
    states: Vec<(Key, Option<Shown>, usize)>,
    is_alone: bool,
    /// Whether it names nothing else.
    is_bounded: bool,
    notification: Notification,
}

/// The destinations that are told of states, by name.
pub(super) type Tellers = BTreeMap<Name, Teller>;

/// The state of one destination.
#[derive(Debug, Default)]
pub(super) struct Teller {
    /// Whether each of its messages is about one condition at one site. They all go at once.
    pub(super) is_grouped: bool,
    pub(super) told: BTreeMap<Key, Told>,
    /// What is to be told, the worst last.
    untold: BTreeSet<(Severity, Key)>,
    /// Those of them that are told at once.
    urgent: BTreeSet<Key>,
    sending: Option<Sending>,
    /// When the last message went that was not about a single critical incident, and how many went
    /// before it without a pause.
    last: Option<(Instant, usize)>,
    alone: VecDeque<Instant>,
    /// How many incidents a message may be about, after one about more was refused.
    most: Option<usize>,
    /// A report is due, whatever is new.
    pub(super) is_report_due: bool,
    /// What its queue knows, if that was told anything.
    pub(super) announced: Option<Option<Severity>>,
}

impl Teller {
    /// Takes what an earlier run told.
    pub(super) fn restore(&mut self, key: Key, shown: Shown, at: UnixTime, now: Instant) {
        let told = self.told.entry(key).or_default();
        (told.shown, told.at, told.since) = (Some(shown), Some(at), Some(now));
    }

    /// Whether an incident is to be told, or may be told once what is on its way has ended.
    pub(super) fn is_listed(&self, key: Key) -> bool {
        self.told.get(&key).is_some_and(|told| told.listed.is_some() || told.is_sending)
    }

    /// How many incidents are to be told.
    pub(super) fn untold(&self) -> usize {
        self.untold.len()
    }

    /// How many events are to be told.
    pub(super) fn waiting(&self) -> usize {
        self.told.values().map(|told| told.waiting).sum()
    }

    /// Counts an event that changed an incident, and is told with it.
    pub(super) fn count(&mut self, key: Key) {
        self.told.entry(key).or_default().waiting += 1;
    }

    /// Lists an incident, or no longer, by how it is to be shown. Returns what became of its events
    /// if they wait for nothing more. What was told before it was routed elsewhere is told to its
    /// end; `is_repeated` lists it although nothing is new.
    pub(super) fn note(
        &mut self,
        key: Key,
        wanted: Wanted,
        severity: Severity,
        is_routed: bool,
        is_repeated: bool,
    ) -> Option<(Fate, usize)> {
        let told = self.told.entry(key).or_default();
        let (is_untold, is_urgent, fate) = match wanted {
            _ if !is_routed && told.shown.is_none() => (false, false, Some(Fate::Dropped)),
            Wanted::Held => (false, false, None),
            Wanted::Muted => (false, false, Some(Fate::Muted)),
            Wanted::Shown(shown) => {
                let is_news = Shown::is_news(shown, told.shown);
                let is_worse = shown.is_some_and(|shown| shown.severity() == Severity::Critical)
                    && told.shown.is_none_or(|told| told.severity() < Severity::Critical);
                let fate = if told.shown.is_none() { Fate::Held } else { Fate::Superseded };
                let is_untold = is_news || (is_repeated && shown.is_some());
                (is_untold, is_news && is_worse, (!is_untold).then_some(fate))
            }
        };
        let listed = is_untold.then_some(severity);
        if told.listed != listed {
            if let Some(earlier) = told.listed {
                self.untold.remove(&(earlier, key));
            }
            self.untold.extend(listed.map(|severity| (severity, key)));
            told.listed = listed;
        }
        if is_urgent && !self.is_grouped {
            self.urgent.insert(key);
        } else {
            self.urgent.remove(&key);
        }
        if told.is_sending {
            return None;
        }
        let waiting = if fate.is_some() { core::mem::take(&mut told.waiting) } else { 0 };
        if told.shown.is_none() && told.listed.is_none() && told.waiting == 0 {
            self.told.remove(&key);
        }
        fate.filter(|_| waiting > 0).map(|fate| (fate, waiting))
    }

    /// When an open incident that was told is told again; `None` for one that was not.
    pub(super) fn told_since(&self, key: Key) -> Option<Instant> {
        self.told.get(&key).filter(|told| told.shown.is_some())?.since
    }

    /// When the next message may go, and the severity of the worst that is untold. None while one
    /// is on its way.
    fn due(&self, now: Instant) -> Option<(Instant, Severity)> {
        if self.sending.is_some() {
            return None;
        }
        if !self.urgent.is_empty() && self.has_room_alone(now) {
            return Some((now, Severity::Critical));
        }
        let worst = self.untold.last().map(|(severity, _)| *severity);
        let worst = worst.or(self.is_report_due.then_some(Severity::Info))?;
        let next_at = self.last.filter(|_| !self.is_grouped).map_or(now, |(at, step)| {
            at + Duration::from_secs(STEPS.get(step).or(STEPS.last()).copied().unwrap_or(60))
        });
        let alone_at = self.alone.front().filter(|_| !self.urgent.is_empty());
        Some((alone_at.map_or(next_at, |&at| next_at.min(at + MINUTE)), worst))
    }

    fn has_room_alone(&self, now: Instant) -> bool {
        self.alone.iter().filter(|at| **at + MINUTE > now).count() < ALONE_MAX
    }

    /// What its queue is to know, if that is not what it knows.
    pub(super) fn announce(&mut self, now: Instant) -> Option<Option<Severity>> {
        let due = self.due(now).filter(|(at, _)| *at <= now).map(|(_, severity)| severity);
        (self.announced.replace(due) != Some(due)).then_some(due)
    }

    /// When `announce` may have more to say.
    pub(super) fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        self.due(now).filter(|(at, _)| *at > now).map(|(at, _)| at)
    }

    /// How many incidents the next message may be about, and then it names no others: one of them
    /// may be what the chat refuses to read.
    pub(super) fn bound(&self) -> Option<usize> {
        self.most.filter(|_| !self.untold.is_empty())
    }

    /// Whether the next message is a report too.
    pub(super) fn is_report(&self, is_alone: bool) -> bool {
        self.is_report_due && !is_alone && self.bound().is_none()
    }

    /// What the next message is about: one critical incident, or all that is untold.
    pub(super) fn next(&self, now: Instant) -> (Vec<Key>, bool) {
        match self.urgent.first() {
            Some(key) if self.has_room_alone(now) => (Vec::from([*key]), true),
            Some(_) | None => {
                let most = self.bound().unwrap_or(usize::MAX);
                (self.untold.iter().rev().take(most).map(|(_, key)| *key).collect(), false)
            }
        }
    }

    /// Keeps what is on its way until its end is known.
    pub(super) fn send(&mut self, states: States, is_alone: bool, notification: Notification) {
        let mut events = |key| {
            let told = self.told.get_mut(&key);
            told.map_or(0, |told| {
                told.is_sending = true;
                told.waiting
            })
        };
        let states = states.into_iter().map(|(key, shown)| (key, shown, events(key))).collect();
        let is_bounded = self.bound().is_some();
        self.sending = Some(Sending { states, is_alone, is_bounded, notification });
    }

    /// Whether what is on its way can be told in parts, or without the names of others.
    pub(super) fn is_divisible(&self) -> bool {
        let sending = self.sending.as_ref();
        sending.is_some_and(|sending| sending.states.len() > usize::from(sending.is_bounded))
            && !self.is_grouped
    }

    /// What was on its way was refused, perhaps for the sake of one: the next is about half of it.
    pub(super) fn halve(&mut self) {
        self.most = self.sending.as_ref().map(|sending| sending.states.len().div_ceil(2));
    }

    /// The message that is on its way, for another attempt in a simpler form.
    pub(super) fn sending(&self) -> Option<&Notification> {
        Some(&self.sending.as_ref()?.notification)
    }

    /// What was on its way did not arrive, and is told by a later message. Returns what it was
    /// about.
    pub(super) fn failed(&mut self) -> Vec<Key> {
        let states = self.sending.take().map(|sending| sending.states).unwrap_or_default();
        for (key, ..) in &states {
            if let Some(told) = self.told.get_mut(key) {
                told.is_sending = false;
            }
        }
        states.into_iter().map(|(key, ..)| key).collect()
    }

    /// What was on its way arrived, or was refused for good. Returns what the store is to keep of
    /// which incidents, and what became of their events.
    pub(super) fn delivered(&mut self, now: Instant, at: UnixTime, is_refused: bool) -> Arrived {
        let Some(Sending { states, is_alone, is_bounded, .. }) = self.sending.take() else {
            return Default::default();
        };
        if is_alone {
            self.alone.push_back(now);
            while self.alone.len() > ALONE_MAX {
                self.alone.pop_front();
            }
        } else {
            self.is_report_due &= is_bounded;
            let quiet = self.last.is_none_or(|(last, _)| last + QUIET <= now);
            let step = self.last.map_or(0, |(_, step)| (step + 1).min(STEPS.len()));
            self.last = Some((now, if quiet { 0 } else { step }));
        }
        if !is_refused {
            let twice = self.most.map(|most| most.saturating_mul(2));
            self.most = twice.filter(|most| *most < self.untold.len());
        }
        let last_fate = match states.len() {
            _ if is_refused => Fate::Dropped,
            1 => Fate::Told,
            _ => Fate::Summarised,
        };
        let (mut last, mut earlier) = (0, 0);
        let mut arrived = Vec::with_capacity(states.len());
        for (key, shown, events) in states {
            // What was forgotten meanwhile is not known there any more.
            let Some(told) = self.told.get_mut(&key).filter(|told| told.is_sending) else {
                continue;
            };
            (told.shown, told.at, told.since) = (shown, Some(at), Some(now));
            told.is_sending = false;
            told.waiting -= events;
            last += events.min(1);
            earlier += events.saturating_sub(1);
            arrived.push((key, told.record()));
        }
        (arrived, Vec::from([(last_fate, last), (Fate::Superseded, earlier)]))
    }

    /// Forgets all of an incident. Returns whether it was told, and how many events were to be.
    pub(super) fn forget(&mut self, key: Key) -> (bool, usize) {
        let told = self.told.remove(&key).unwrap_or_default();
        if let Some(severity) = told.listed {
            self.untold.remove(&(severity, key));
        }
        self.urgent.remove(&key);
        (told.shown.is_some(), told.waiting)
    }
}
