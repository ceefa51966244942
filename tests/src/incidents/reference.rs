//! Watches the incidents, and says what each destination must be told of them, when, and what
//! became of the events. It panics where that is not so.
//!
//! How each incident is to be told, it asks the [`Model`]. What a destination knows, it counts from
//! the messages that arrived.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use mistgate_core::base::time::{Instant, UnixTime};
use mistgate_core::delivery::config::Chat;
use mistgate_core::delivery::queue::output::End;
use mistgate_core::event::{Event, Topic};
use mistgate_core::incident::config::Rules;
use mistgate_core::incident::input::Changed;
use mistgate_core::incident::record::{Incident as Record, Source};
use mistgate_core::incident::teller::Fate;
use mistgate_core::notify::change::Key;
use mistgate_core::notify::summary::Shown;
use mistgate_core::notify::{Notification, Severity};
use mistgate_core::route::route;

use super::message::{Face, Line, check};
use super::model;
use super::model::{Fact, Incident, Model, State, may_go_alone, next_at};

/// What is to be told to one destination.
type Untold = BTreeMap<Key, (Option<Shown>, Severity)>;

/// The incidents as they must be told.
#[derive(Debug)]
pub struct Reference {
    pub model: Model,
    repeat: Option<Duration>,
    faces: BTreeMap<Key, Face>,
    destinations: BTreeMap<String, Destination>,
    /// Events for destinations that are gone: by the rules, and as they were counted.
    gone: (usize, usize),
}

#[derive(Debug, Default)]
struct Destination {
    /// What it knows, and since when.
    told: BTreeMap<Key, (Shown, Duration)>,
    /// When messages arrived that were not about one critical incident.
    arrived: Vec<Duration>,
    /// When those arrived.
    alone: Vec<Duration>,
    sending: Option<Sending>,
    /// How many incidents a message may be about, after one about more was refused.
    most: Option<usize>,
    /// Events that are to be told.
    waiting: BTreeMap<Key, usize>,
    /// What became of events, by the rules and as it was counted.
    fates: BTreeMap<Fate, usize>,
    counted: BTreeMap<Fate, usize>,
    /// What is on disk.
    kept: BTreeMap<Key, Shown>,
    announced: Option<Severity>,
}

#[derive(Debug)]
struct Sending {
    /// How each is shown, and how many events are told with it.
    states: BTreeMap<Key, (Option<Shown>, usize)>,
    /// How many it is about, those that were forgotten since included.
    count: usize,
    is_alone: bool,
    /// Whether it may be about so many at most, and names no others.
    is_bounded: bool,
    message: Notification,
}

fn moment(now: Instant) -> Duration {
    Duration::from_micros(now.as_micros())
}

/// The part of the rules that the model knows.
fn known(rules: &Rules) -> model::Rules {
    let Rules { hold, flap_count, flap_window, mute_dependents, .. } = *rules;
    model::Rules { hold, flap_count, flap_window, mute_dependents }
}

/// The destinations of a channel that are told of incidents; `None` where nothing of it goes
/// anywhere.
pub fn told_of(chat: &Chat, channel: &str) -> Option<BTreeSet<String>> {
    let found: Vec<_> = chat.serving(channel).collect();
    let told = || found.iter().filter(|to| !to.kind.is_stream).map(|to| to.name.clone());
    (!found.is_empty()).then(|| told().collect())
}

/// The destinations of an incident, by the types that raised it.
pub fn routes(record: &Record, chat: &Chat) -> BTreeSet<String> {
    let channel = |source: &Source| {
        let text = format!(r#"{{"type":"{}"}}"#, source.kind.name);
        let event = Event::parse(Topic::stored(&source.topic), &text).expect("an object");
        route(&event, &chat.routes).channel.unwrap_or_default().to_owned()
    };
    record
        .sources
        .iter()
        .map(channel)
        .filter_map(|channel| told_of(chat, &channel))
        .flatten()
        .collect()
}

impl Reference {
    /// Nothing has happened yet.
    pub fn new(rules: &Rules, chat: &Chat) -> Self {
        let mut reference = Self {
            model: Model::new(known(rules)),
            repeat: None,
            faces: BTreeMap::new(),
            destinations: BTreeMap::new(),
            gone: (0, 0),
        };
        reference.named(rules, chat);
        reference
    }

    fn named(&mut self, rules: &Rules, chat: &Chat) {
        self.repeat = rules.repeat;
        let mut old = core::mem::take(&mut self.destinations);
        let told = chat.destinations.iter().filter(|to| !to.kind.is_stream);
        self.destinations =
            told.map(|to| (to.name.clone(), old.remove(&to.name).unwrap_or_default())).collect();
        self.gone.0 += old.values().flat_map(|of| of.waiting.values()).sum::<usize>();
    }

    /// Notes another configuration, and where it routes the incidents.
    pub fn configured(
        &mut self,
        now: Instant,
        rules: &Rules,
        chat: &Chat,
        routes: BTreeMap<Key, BTreeSet<String>>,
    ) {
        self.named(rules, chat);
        self.note(now, Fact::Ruled(known(rules)));
        self.note(now, Fact::Routed(routes));
    }

    /// Notes what happened besides events.
    pub fn note(&mut self, now: Instant, fact: Fact) {
        self.model.note(moment(now), fact);
    }

    /// Notes an event. Returns the destinations that are told of it by its incident.
    pub fn changed(
        &mut self,
        now: Instant,
        changed: &Changed,
        to: Option<BTreeSet<String>>,
        wall: UnixTime,
    ) -> BTreeSet<String> {
        let Changed { change, severity, .. } = changed;
        let (key, is_raised) = (change.key, change.is_raised);
        let at = change.at.unwrap_or(wall).as_secs();
        let is_taken = self.model.takes(moment(now), key, is_raised, at, to.is_some());
        let severity = *severity;
        self.note(now, Fact::Changed { key, is_raised, severity, at, to: to.clone() });
        if !is_taken {
            return BTreeSet::new();
        }
        if is_raised {
            self.faces.insert(key, Face::of(change));
        }
        let incidents = self.model.incidents(moment(now));
        let is_told = |(name, of): &(&String, &mut Destination)| {
            let is_sending = |of: &Sending| of.states.contains_key(&key);
            of.told.contains_key(&key)
                || of.sending.as_ref().is_some_and(is_sending)
                || incidents.get(&key).is_some_and(|incident| incident.to.contains(*name))
        };
        let mut takers = BTreeSet::new();
        for (name, of) in self.destinations.iter_mut().filter(is_told) {
            if to.as_ref().is_some_and(|to| to.contains(name)) {
                *of.waiting.entry(key).or_default() += 1;
            }
            takers.insert(name.clone());
        }
        takers
    }

    /// Notes an incident that an earlier run left.
    pub fn restored(
        &mut self,
        now: Instant,
        key: Key,
        record: &Record,
        chat: &Chat,
        ago: Duration,
    ) {
        self.faces.insert(key, Face::kept(record));
        let fact = Fact::Restored {
            key,
            is_open: record.is_open,
            severity: record.severity,
            times: record.times,
            began: record.opened_at.as_secs(),
            changed: record.changed_at.as_secs(),
            ago,
            to: routes(record, chat),
        };
        self.note(now, fact);
    }

    /// Notes what an earlier run told.
    pub fn restored_shown(&mut self, now: Instant, to: &str, key: Key, shown: Shown) {
        if let Some(of) = self.destinations.get_mut(to) {
            of.told.insert(key, (shown, moment(now)));
            of.kept.insert(key, shown);
        }
    }

    /// Notes what a destination's queue was told.
    pub fn announced(&mut self, to: &str, severity: Option<Severity>) {
        self.destinations.get_mut(to).expect("it is configured").announced = severity;
    }

    /// The destinations that can be told something now, and those that a message is on its way to.
    pub fn due(&self) -> impl Iterator<Item = &str> {
        let is_due = |(_, of): &(&String, &Destination)| of.announced.is_some();
        self.destinations.iter().filter(is_due).map(|(name, _)| name.as_str())
    }

    /// The destinations to which a message is on its way.
    pub fn sending(&self) -> impl Iterator<Item = &str> {
        let is_sending = |(_, of): &(&String, &Destination)| of.sending.is_some();
        self.destinations.iter().filter(is_sending).map(|(name, _)| name.as_str())
    }

    /// Checks a message that is sent now.
    pub fn message(&mut self, now: Instant, to: &str, message: &Notification, wall: UnixTime) {
        let of = self.destinations.get(to).expect("it is configured");
        if let Some(sending) = &of.sending {
            assert_eq!(sending.message, *message, "another message, before the first has ended");
            return;
        }
        let now = moment(now);
        let (incidents, states) = self.model.at(now);
        let untold = self.untold(now, to, of, &incidents, &states);
        let urgent = untold.iter().find(|(key, told)| of.is_urgent(**key, told));
        let urgent =
            urgent.map(|(key, told)| (*key, *told)).filter(|_| may_go_alone(&of.alone, now));
        let is_alone = urgent.is_some();
        let most = of.most.unwrap_or(usize::MAX);
        let chosen = urgent.map_or_else(|| worst(&untold, most), |one| Untold::from([one]));
        assert!(!chosen.is_empty(), "there is nothing to tell {to}: {message:#?}");
        let line = |key: &Key, before, after: Option<Shown>| {
            let incident = incidents.get(key)?;
            Some(Line {
                face: self.faces.get(key).expect("it was raised"),
                before,
                after,
                severity: after.map_or(incident.severity, Shown::severity),
                times: incident.times,
                began: UnixTime::from_secs(incident.began),
            })
        };
        let told: Vec<_> = chosen
            .iter()
            .filter_map(|(key, (after, _))| {
                line(key, of.told.get(key).map(|(shown, _)| *shown), *after)
            })
            .collect();
        // What is not told now is counted as it is, unless nobody is to hear of that.
        let others = incidents.iter().filter(|(key, _)| !chosen.contains_key(*key));
        let others: Vec<_> = others
            .filter_map(|(key, incident)| {
                let known = of.told.get(key).map(|(shown, _)| *shown);
                let after = match states.get(key)? {
                    State::Held | State::Muted => known.filter(|_| incident.is_open),
                    State::Flapping(severity) => Some(Shown::Flapping(*severity)),
                    State::Open(severity) => Some(Shown::Open(*severity)),
                    State::Over => None,
                };
                // In a message about all, what is new is told.
                let after = after.filter(|_| known.is_some() || untold.contains_key(key));
                line(key, after, after)
            })
            .collect();
        let is_bounded = of.most.is_some();
        check(message, &told, &others, is_bounded, wall);
        let events = |key: &Key| of.waiting.get(key).copied().unwrap_or(0);
        let states = chosen.iter().map(|(key, (after, _))| (*key, (*after, events(key)))).collect();
        let count = chosen.len();
        let sending = Sending { states, count, is_alone, is_bounded, message: message.clone() };
        self.destinations.get_mut(to).expect("it is configured").sending = Some(sending);
    }

    /// Checks that there is nothing to tell after all.
    pub fn nothing(&self, now: Instant, to: &str) {
        let Some(of) = self.destinations.get(to) else { return };
        let now = moment(now);
        let untold = self.untold(now, to, of, &self.model.incidents(now), &self.model.states(now));
        assert!(untold.is_empty(), "{to} is not told of {untold:?}");
    }

    /// Whether the message that is on its way can be told in parts.
    pub fn is_divisible(&self, to: &str) -> bool {
        let sending = self.destinations.get(to).and_then(|of| of.sending.as_ref());
        sending.is_some_and(|sending| !sending.is_bounded || sending.count > 1)
    }

    /// Notes that a message arrived, or that it will not.
    pub fn ended(&mut self, now: Instant, to: &str, end: End) {
        let now = moment(now);
        let Some(of) = self.destinations.get(to) else { return };
        let (incidents, states) = self.model.at(now);
        let untold = self.untold(now, to, of, &incidents, &states).len();
        let Some(of) = self.destinations.get_mut(to) else { return };
        let Some(Sending { states, count, is_alone, .. }) = of.sending.take() else { return };
        if end == End::Divided {
            of.most = Some(count.div_ceil(2));
        }
        if matches!(end, End::Again | End::Divided) {
            return;
        }
        if matches!(end, End::Arrived(_)) {
            of.most = of.most.map(|most| most * 2).filter(|most| *most < untold);
        }
        if is_alone {
            of.alone.push(now)
        } else {
            of.arrived.push(now)
        }
        let fate = match (end, count) {
            (End::Refused(_), _) => Fate::Dropped,
            (_, 1) => Fate::Told,
            (_, _) => Fate::Summarised,
        };
        for (key, (shown, events)) in states {
            match shown.filter(|_| incidents.contains_key(&key)) {
                Some(shown) => drop(of.told.insert(key, (shown, now))),
                None => drop(of.told.remove(&key)),
            }
            *of.waiting.entry(key).or_default() -= events;
            *of.fates.entry(fate).or_default() += events.min(1);
            *of.fates.entry(Fate::Superseded).or_default() += events.saturating_sub(1);
        }
    }

    /// Notes what is put on disk.
    pub fn kept(&mut self, to: &str, key: Key, shown: Option<Shown>) {
        if let Some(of) = self.destinations.get_mut(to) {
            match shown {
                Some(shown) => drop(of.kept.insert(key, shown)),
                None => drop(of.kept.remove(&key)),
            }
        }
    }

    /// Notes what became of events.
    pub fn counted(&mut self, to: &str, fate: Fate, events: usize) {
        if let Some(of) = self.destinations.get_mut(to) {
            *of.counted.entry(fate).or_default() += events;
        } else {
            assert_eq!(fate, Fate::Dropped, "for {to}, which is gone");
            self.gone.1 += events;
        }
    }

    /// Checks what was announced, as [`check_kept`](Self::check_kept) does the rest, with what was
    /// counted. Returns how many incidents are open.
    pub fn check(&mut self, now: Instant) -> usize {
        let open = self.check_kept(now);
        let (incidents, states) = self.model.at(moment(now));
        for (name, of) in &self.destinations {
            let untold = self.untold(moment(now), name, of, &incidents, &states);
            let due = of.due(moment(now), &untold);
            assert_eq!(of.announced, due, "{name} is to be told {untold:#?}");
        }
        open
    }

    /// Checks what is on disk, and what was counted. Returns how many incidents are open.
    pub fn check_kept(&mut self, now: Instant) -> usize {
        assert!(self.gone.0 == self.gone.1, "for who is gone: {:?}", self.gone);
        let now = moment(now);
        let (incidents, states) = self.model.at(now);
        let mut destinations = core::mem::take(&mut self.destinations);
        for (name, of) in &mut destinations {
            of.told.retain(|key, _| incidents.contains_key(key));
            if let Some(sending) = &mut of.sending {
                // What was forgotten meanwhile is not known there any more.
                sending.states.retain(|key, _| incidents.contains_key(key));
            }
            let untold = self.untold(now, name, of, &incidents, &states);
            of.settle(name, &untold, &incidents, &states);
            let told: BTreeMap<_, _> =
                of.told.iter().map(|(key, (told, _))| (*key, *told)).collect();
            assert_eq!(of.kept, told, "on disk is not what {name} was told");
            of.fates.retain(|_, events| *events > 0);
            of.counted.retain(|_, events| *events > 0);
            let Destination { counted, fates, waiting, .. } = of;
            assert!(counted == fates, "{name}: {counted:?}, not {fates:?}, and {waiting:?} wait");
        }
        self.destinations = destinations;
        incidents.values().filter(|incident| incident.is_open).count()
    }

    /// Checks that each destination knows how things are.
    pub fn check_told(&self, now: Instant) {
        for name in self.destinations.keys() {
            self.nothing(now, name);
        }
    }

    fn untold(
        &self,
        now: Duration,
        name: &str,
        of: &Destination,
        incidents: &BTreeMap<Key, Incident>,
        states: &BTreeMap<Key, State>,
    ) -> Untold {
        let mut untold = Untold::new();
        for (key, incident) in incidents {
            let told = of.told.get(key);
            if !incident.to.contains(name) && told.is_none() {
                continue;
            }
            let known = told.map(|(shown, _)| *shown);
            let (wanted, is_news) = match (states.get(key).expect("the same keys"), known) {
                (State::Held | State::Muted, _) => continue,
                (State::Over, _) => (None, known.is_some()),
                (State::Flapping(severity), _) => {
                    let is_news = !matches!(known, Some(Shown::Flapping(_)));
                    (Some(Shown::Flapping(*severity)), is_news)
                }
                (State::Open(severity), Some(Shown::Open(told))) => {
                    (Some(Shown::Open(*severity)), *severity > told)
                }
                (
                    State::Open(severity),
                    Some(Shown::Flapping(_) | Shown::Acknowledged(_)) | None,
                ) => (Some(Shown::Open(*severity)), true),
            };
            let is_again = self.repeat.zip(told).is_some_and(|(repeat, (_, since))| {
                incident.severity == Severity::Critical
                    && *since + repeat <= now
                    && self.model.needs_help(now, *key)
            });
            if is_news || is_again {
                untold.insert(*key, (wanted, incident.severity));
            }
        }
        untold
    }
}

/// So many of what is untold, the worst first.
fn worst(untold: &Untold, most: usize) -> Untold {
    let mut keys: Vec<_> = untold.iter().map(|(key, (_, severity))| (*severity, *key)).collect();
    keys.sort_unstable();
    let chosen = keys.iter().rev().take(most);
    chosen.filter_map(|(_, key)| Some((*key, *untold.get(key)?))).collect()
}

impl Destination {
    fn is_urgent(&self, key: Key, (wanted, _): &(Option<Shown>, Severity)) -> bool {
        let is_critical = |shown: Shown| shown.severity() == Severity::Critical;
        let known = self.told.get(&key).map(|(shown, _)| *shown);
        wanted.is_some_and(is_critical) && !known.is_some_and(is_critical)
    }

    /// The severity of the worst that can be told now.
    fn due(&self, now: Duration, untold: &Untold) -> Option<Severity> {
        let is_urgent = untold.iter().any(|(key, told)| self.is_urgent(*key, told));
        let worst = untold.values().map(|(_, severity)| *severity).max();
        if self.sending.is_some() {
            None
        } else if is_urgent && may_go_alone(&self.alone, now) {
            Some(Severity::Critical)
        } else {
            worst.filter(|_| next_at(&self.arrived) <= now)
        }
    }

    /// Notes what became of events that wait for nothing.
    fn settle(
        &mut self,
        name: &str,
        untold: &Untold,
        incidents: &BTreeMap<Key, Incident>,
        states: &BTreeMap<Key, State>,
    ) {
        let mut waiting = core::mem::take(&mut self.waiting);
        waiting.retain(|key, events| {
            let is_sending =
                self.sending.as_ref().is_some_and(|sending| sending.states.contains_key(key));
            let is_told = self.told.contains_key(key);
            let is_routed = incidents.get(key).is_some_and(|incident| incident.to.contains(name));
            let fate = match states.get(key) {
                _ if is_sending => return *events > 0,
                _ if !is_told && !is_routed => Fate::Dropped,
                Some(State::Muted) => Fate::Muted,
                Some(State::Held) => return *events > 0,
                _ if untold.contains_key(key) => return *events > 0,
                _ if is_told => Fate::Superseded,
                _ => Fate::Held,
            };
            *self.fates.entry(fate).or_default() += core::mem::take(events);
            false
        });
        self.waiting = waiting;
    }
}
