//! What is wrong now, since when, and who was told.
//!
//! Events change incidents; destinations are told the difference between what they know and what is
//! true at the moment of sending.
//!
//! ```text
//!           raised               hold              told
//! (none) ──────────> open, held ──────> open ──────────> open, told
//!    ^                    │ cleared       │ cleared          │ cleared
//!    │ 7 days             v               v                  v
//!    └──────────────── over <─────────────┘    told as over <┘
//! ```
//!
//! An incident that comes too often in a short time is *flapping*: it is told once as that, and
//! then as open or over once it stays so. The text of an event is kept until it is told.

pub mod config;

pub mod record;

pub mod input;

pub mod teller;

pub mod output;

mod entry;

mod message;

mod mute;

mod apply;

pub mod view;

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::{sync::Arc, vec::Vec};
use core::time::Duration;

use self::teller::{Fate, Teller, Tellers, Wanted};
use self::{entry::Entry, record::Incident};
use self::{input::Config, input::Input, input::Name, output::Event, output::Output};
use crate::base::{mac::Mac, machine::Machine, time::Instant, time::UnixTime};
use crate::delivery::queue::output::End;
use crate::notify::{Fact, Severity, change::Key, summary::Shown, types::condition::DEVICE_DOWN};
use crate::{silence::Silences, topology::Topology};

/// The most incidents, open or over.
const INCIDENTS_MAX: usize = 100_000;
/// What the store has room for: one incident for so many bytes of its file, of which half can be
/// used.
const STORE_PART: u64 = 2_048;

/// The incidents machine.
#[derive(Debug, Default)]
pub struct Incidents {
    config: Config,
    now: Instant,
    /// The wall clock at some moment.
    clock: (Instant, UnixTime),
    /// Whether the kernel calls it synchronised.
    is_synchronised: bool,
    entries: BTreeMap<Key, Entry>,
    last_id: u64,
    /// How many there may be.
    max: usize,
    /// The bytes of events that are kept for cards.
    texts: usize,
    timers: BTreeSet<(Instant, Key)>,
    topology: Topology,
    /// Devices that are down.
    down: BTreeMap<Mac, Key>,
    silences: Silences,
    tellers: Tellers,
    /// When silences and mute times are to be looked at again.
    calendar_at: Option<Instant>,
    report_at: Option<Instant>,
    is_full: bool,
    outputs: VecDeque<Output>,
}

impl Incidents {
    /// How many incidents are to be told to a destination.
    pub fn untold(&self, to: &str) -> usize {
        self.tellers.get(to).map_or(0, Teller::untold)
    }

    /// Whether the message that is on its way to a destination can be told in parts.
    pub fn is_divisible(&self, to: &str) -> bool {
        self.tellers.get(to).is_some_and(Teller::is_divisible)
    }

    /// What the store is to keep of an incident.
    pub fn record(&self, key: Key) -> Option<Vec<u8>> {
        self.entries.get(&key).map(|entry| entry.incident.to_bytes())
    }

    /// Whether the wall clock was synchronised when it came.
    pub const fn is_synchronised(&self) -> bool {
        self.is_synchronised
    }

    /// What people chose not to hear of.
    pub const fn silences(&self) -> &Silences {
        &self.silences
    }

    fn wall(&self) -> UnixTime {
        self.clock.1.plus(self.now - self.clock.0)
    }

    /// The moment of a later time of the wall clock.
    fn moment(&self, at: UnixTime) -> Instant {
        let left = at.as_micros().saturating_sub(self.wall().as_micros());
        self.now + Duration::from_micros(u64::try_from(left).unwrap_or(0))
    }

    fn set_clock(&mut self, at: UnixTime) {
        let off = at.as_micros().abs_diff(self.wall().as_micros());
        self.clock = (self.now, at);
        if off > 2_000_000 {
            self.recheck();
        }
    }

    /// Puts an incident on disk.
    fn keep(&mut self, key: Key) {
        let record = self.record(key);
        self.outputs.push_back(Output::Keep { key, record });
    }

    /// Sees what time has changed of an incident, who is to be told, and when to look again.
    fn turn(&mut self, key: Key) {
        self.give_up(key);
        let (now, rules) = (self.now, &self.config.rules);
        let Some(entry) = self.entries.get_mut(&key) else { return };
        if let Some(turn_at) = entry.turn_at.take() {
            self.timers.remove(&(turn_at, key));
        }
        entry.settle(now, rules);
        if entry.is_stale(now) {
            return self.forget(key);
        }
        let mut next_at = entry.changes_at(rules).filter(|at| *at > now);
        let mut at_latest = |at| next_at = next_at.into_iter().chain([at]).min();
        entry.unheard_at(rules).into_iter().for_each(&mut at_latest);
        let Incident { is_open, severity, .. } = entry.incident;
        let needs_help = is_open
            && entry.incident.acknowledged.is_none()
            && entry.muted_by.is_none()
            && !entry.is_flapping;
        let escalation = rules.escalate.as_ref().filter(|escalation| {
            needs_help && !entry.incident.is_escalated && severity >= escalation.severity
        });
        let mut is_escalated = false;
        if let Some((escalation, told_since)) = escalation.zip(entry.told_since) {
            if told_since + escalation.after <= now {
                let to = message::escalated(&self.config.chat, escalation, severity);
                entry.tell_also(&to);
                entry.incident.is_escalated = true;
                is_escalated = true;
            } else {
                at_latest(told_since + escalation.after);
            }
        }
        let wanted = entry.wanted(now, rules, false);
        let repeat = rules.repeat.filter(|_| needs_help && severity == Severity::Critical);
        let mut is_listed = false;
        for (name, teller) in &mut self.tellers {
            if !entry.to.contains(name) && !teller.told.contains_key(&key) {
                continue;
            }
            let repeat_at = repeat.zip(teller.told_since(key)).map(|(after, since)| since + after);
            let is_repeated = repeat_at.is_some_and(|at| at <= now);
            if let Some(at) = repeat_at.filter(|_| !is_repeated) {
                at_latest(at);
            }
            let is_routed = entry.to.contains(name);
            let wanted = entry.wanted(now, rules, teller.is_grouped);
            let noted = teller.note(key, wanted, severity, is_routed, is_repeated);
            if let Some((fate, events)) = noted {
                count(&mut self.outputs, name, fate, events);
            }
            is_listed |= teller.is_listed(key);
        }
        // It may be told again, and to more people.
        let is_waited_for = needs_help && severity == Severity::Critical;
        let may_be_told =
            is_listed || is_waited_for || matches!(wanted, Wanted::Held | Wanted::Muted);
        if !may_be_told && let Some(event) = entry.incident.event.take() {
            self.texts -= event.text.len();
        }
        entry.turn_at = next_at;
        self.timers.extend(next_at.map(|at| (at, key)));
        if is_escalated {
            self.keep(key);
        }
    }

    /// Tells what is critical and open to the fallback of a destination.
    fn stopped(&mut self, to: &Name) {
        let fallback = message::fallback(&self.config.chat, to);
        let is_owed = |(_, Entry { incident, to: told, .. }): &(&Key, &Entry)| {
            incident.is_open && incident.severity == Severity::Critical && told.contains(to)
        };
        let keys: Vec<Key> = self.entries.iter().filter(is_owed).map(|(key, _)| *key).collect();
        for key in keys {
            if let Some(entry) = self.entries.get_mut(&key) {
                entry.tell_also(&fallback);
            }
            self.turn(key);
        }
    }

    fn forget(&mut self, key: Key) {
        if let Some(entry) = self.entries.remove(&key) {
            self.texts -= entry.incident.event.map_or(0, |event| event.text.len());
        }
        self.is_full = false;
        self.outputs.push_back(Output::Keep { key, record: None });
        for (to, teller) in &mut self.tellers {
            let (was_told, waiting) = teller.forget(key);
            if was_told {
                self.outputs.push_back(shown(to, key, None));
            }
            count(&mut self.outputs, to, Fate::Dropped, waiting);
        }
    }

    fn configure(&mut self, config: Config) {
        self.config = config;
        let mut old = core::mem::take(&mut self.tellers);
        for to in self.config.chat.destinations.iter().filter(|to| !to.kind.is_stream) {
            let mut teller = old.remove(to.name.as_str()).unwrap_or_default();
            // Its queue may be another, with another URL, that knows nothing.
            teller.announced = None;
            teller.is_grouped = to.kind.is_grouped;
            self.tellers.insert(Name::from(to.name.as_str()), teller);
        }
        for (to, teller) in old {
            count(&mut self.outputs, &to, Fate::Dropped, teller.waiting());
            let told = teller.told.iter().filter(|(_, told)| told.shown.is_some());
            self.outputs.extend(told.map(|(key, _)| shown(&to, *key, None)));
        }
        for entry in self.entries.values_mut() {
            entry.to = message::routed(&self.config, &self.tellers, &entry.incident);
        }
        self.recheck();
    }

    /// The store is open. What it left is looked at as a whole, or a message would say of a part
    /// what the rest belies. What it lost is written again.
    fn opened(&mut self, is_new: bool, store_max: u64) {
        self.max = usize::try_from(store_max / STORE_PART).unwrap_or(usize::MAX).min(INCIDENTS_MAX);
        self.recheck();
        if !is_new {
            return;
        }
        let keys: Vec<Key> = self.entries.keys().copied().collect();
        for key in keys {
            self.keep(key);
        }
        for (to, teller) in &self.tellers {
            let told = teller.told.iter().filter(|(_, told)| told.shown.is_some());
            self.outputs.extend(told.map(|(key, told)| shown(to, *key, told.record())));
        }
        for (number, silence) in self.silences.all() {
            let (number, silence) = (*number, Some(silence.to_bytes()));
            self.outputs.push_back(Output::KeepSilence { number, silence });
        }
    }

    fn restore(&mut self, key: Key, record: &[u8]) {
        let Some(incident) = Incident::from_bytes(record) else {
            // Of another version, whose tables had other types.
            return self.outputs.push_back(Output::Keep { key, record: None });
        };
        self.last_id = self.last_id.max(incident.id);
        self.texts += incident.event.as_ref().map_or(0, |event| event.text.len());
        if let Some(mac) = incident.mac
            && incident.is_open
            && incident.condition() == DEVICE_DOWN
        {
            self.down.insert(mac, key);
        }
        let to = message::routed(&self.config, &self.tellers, &incident);
        // Of what is open the hold begins anew, and there is no age.
        let age = UnixTime::age(Some(incident.changed_at), Some(self.wall()));
        let age = if incident.is_open { Duration::ZERO } else { age };
        self.entries.insert(key, Entry::new(incident, to, self.now, age));
    }

    fn restore_shown(&mut self, to: &Name, key: Key, record: &[u8]) {
        let record: Option<(Shown, UnixTime)> = serde_json::from_slice(record).ok();
        let known = self.tellers.get_mut(to).zip(self.entries.get_mut(&key));
        match known.zip(record) {
            Some(((teller, entry), (shown, at))) => {
                teller.restore(key, shown, at, self.now);
                entry.told_since = Some(self.now);
            }
            None => self.outputs.push_back(shown(to, key, None)),
        }
    }

    fn compose(&mut self, to: Name, failing: Vec<Fact>) {
        let wall = self.wall();
        let Some(teller) = self.tellers.get_mut(&to) else { return };
        if teller.sending().is_none() {
            let message = message::compose(&self.config, &self.entries, teller, self.now, wall);
            if let Some((states, is_alone, mut notification)) = message {
                if teller.is_report(is_alone) {
                    message::report(
                        &mut notification,
                        self.silences.all().len(),
                        &self.entries,
                        failing,
                    );
                }
                teller.send(states, is_alone, notification);
            }
        }
        let notification = teller.sending().cloned();
        self.outputs.push_back(Output::Message { to, notification });
    }

    fn ended(&mut self, to: &Name, end: End) {
        let wall = self.wall();
        let Some(teller) = self.tellers.get_mut(to) else { return };
        let is_refused = match end {
            End::Again | End::Divided => {
                if end == End::Divided {
                    teller.halve();
                }
                for key in teller.failed() {
                    self.turn(key);
                }
                return;
            }
            End::Arrived(_) => false,
            // It would be refused again: later messages go on from it all the same.
            End::Refused(_) => true,
        };
        let (states, fates) = teller.delivered(self.now, wall, is_refused);
        for (fate, events) in fates {
            count(&mut self.outputs, to, fate, events);
        }
        for (key, record) in states {
            self.outputs.push_back(shown(to, key, record));
            if let Some(entry) = self.entries.get_mut(&key) {
                entry.told_since.get_or_insert(self.now);
            }
            self.turn(key);
        }
    }

    /// Tells each queue what is due for it.
    fn announce(&mut self) {
        for (name, teller) in &mut self.tellers {
            if let Some(severity) = teller.announce(self.now) {
                let to = Arc::clone(name);
                self.outputs.push_back(Output::Due { to, severity });
            }
        }
    }

    fn run_due(&mut self) {
        let is_due = |at: Option<Instant>| at.is_some_and(|at| at <= self.now);
        let (is_report_due, is_calendar_due) = (is_due(self.report_at), is_due(self.calendar_at));
        if is_report_due {
            for teller in self.tellers.values_mut() {
                teller.is_report_due = !teller.is_grouped;
            }
        }
        if is_calendar_due {
            self.recheck();
        } else if is_report_due {
            self.schedule();
        }
        while let Some(&(at, key)) = self.timers.first()
            && at <= self.now
        {
            self.turn(key);
        }
    }
}

fn count(outputs: &mut VecDeque<Output>, to: &Name, fate: Fate, events: usize) {
    if events > 0 {
        let to = Arc::clone(to);
        outputs.push_back(Output::Event(Event::Counted { to, fate, events }));
    }
}

/// Puts on disk what a destination was told of an incident.
fn shown(to: &Name, key: Key, shown: Option<Vec<u8>>) -> Output {
    Output::KeepShown { to: Arc::clone(to), key, shown }
}

impl Machine for Incidents {
    type Config = Config;
    type Input = Input;
    type Output = Output;

    fn new(config: Config, _seed: u64, now: Instant) -> Self {
        let clock = (now, UnixTime::default());
        let mut incidents = Self { now, clock, max: INCIDENTS_MAX, ..Self::default() };
        incidents.configure(config);
        incidents
    }

    fn handle_timeout(&mut self, now: Instant) {
        if self.poll_timeout().is_some_and(|due_at| due_at <= now) {
            self.now = self.now.max(now);
            self.run_due();
            self.announce();
        }
    }

    fn handle_input(&mut self, now: Instant, input: Input) {
        self.now = self.now.max(now);
        match input {
            Input::Acknowledge { id, acknowledgement } => {
                let mut entries = self.entries.iter_mut();
                let found = entries.find(|(_, entry)| entry.incident.id == id && entry.is_open());
                if let Some((&key, entry)) = found {
                    entry.incident.acknowledged = Some(acknowledgement);
                    self.keep(key);
                    self.turn(key);
                }
            }
            Input::Changed(changed) => self.changed(&changed),
            Input::Clock { wall, is_synchronised } => {
                self.is_synchronised = is_synchronised;
                self.set_clock(wall);
            }
            Input::Compose { to, failing } => self.compose(to, failing),
            Input::Configured(config) => self.configure(config),
            Input::Ended { to, end } => self.ended(&to, end),
            Input::EndSilence(number) => {
                if self.silences.remove(number) {
                    self.outputs.push_back(Output::KeepSilence { number, silence: None });
                    self.recheck();
                }
            }
            Input::Gateways(gateways) => self.note_gateways(gateways),
            Input::Linked { child, parent } => {
                self.topology.link(child, parent);
                self.mute_all(self.down.get(&child).copied().into_iter().collect());
            }
            Input::Opened { is_new, store_max } => self.opened(is_new, store_max),
            Input::Restored { key, record } => self.restore(key, &record),
            Input::RestoredShown { to, key, shown } => self.restore_shown(&to, key, &shown),
            Input::RestoredSilence { number, silence } => self.restore_silence(number, &silence),
            Input::Silence(silence) => {
                if let Some(number) = self.silences.next() {
                    let bytes = Some(silence.to_bytes());
                    self.outputs.push_back(Output::KeepSilence { number, silence: bytes });
                    self.silences.insert(number, silence);
                    self.recheck();
                }
            }
            Input::Stopped(to) => self.stopped(&to),
        }
        self.announce();
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let timer = self.timers.first().map(|(at, _)| *at);
        let tellers = self.tellers.values().filter_map(|teller| teller.poll_timeout(self.now));
        [timer, self.calendar_at, self.report_at].into_iter().flatten().chain(tellers).min()
    }
}

#[cfg(test)]
mod tests;
