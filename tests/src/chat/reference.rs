//! What the engine owes: a slow and simple model that watches its inputs and outputs.
//!
//! It knows for each chat and event whether it waits, is in flight, was recalled, or is done, and
//! panics where an output contradicts that: an answer before its time, an event sent out of turn,
//! at a pace that the vendor forbids, settled twice, or lost.

use std::collections::{BTreeMap, BTreeSet};

use http_types::StatusCode;
use mistgate_core::{
    base::{machine::Machine, time::Instant},
    chat::{kind::Kind, outcome::Outcome, shape::Form},
    config::checked::{Chat, Destination},
    delivery::{
        batch::{self, ChatId, Chats, EventKey},
        queue::{DIGEST_MAX, Loss},
    },
    engine::{
        Engine,
        input::{Answer, Config, DestinationId, Input, Restored},
        output::{Event, Output},
    },
    event::{Topic, fingerprint::Fingerprint},
    notify::Severity,
    webhook::inbox::RequestId,
};

use crate::chat::windows::Windows;

/// An event for one chat.
pub type Debt = (EventKey, ChatId);

/// What became of a debt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The chat confirmed it.
    Delivered(Debt),
    /// It was given up, and that was said.
    Dropped(Debt),
}

/// A destination as the engine tells them apart.
type Place = (ChatId, Option<String>);
/// What is sent in order: events of one destination, class and site.
type Line = (Place, bool, u64);

#[derive(Clone, Debug)]
struct Owed {
    /// Where it waits or is in flight; none while it is recalled or has no destination.
    line: Option<Line>,
    /// Its turn in the line.
    turn: u64,
    expires_at: Instant,
}

#[derive(Clone, Debug)]
struct Message {
    id: u64,
    kind: &'static Kind,
    place: Place,
    keys: Vec<EventKey>,
    form: Form,
    /// Its destination is no longer configured.
    retired: bool,
}

#[derive(Debug)]
struct Writing {
    accepted_at: Instant,
    events: Vec<(String, Severity, u64, Chats)>,
    fingerprints: Vec<Fingerprint>,
}

/// The model.
#[derive(Debug)]
pub struct Reference {
    config: Config,
    next_batch: u64,
    request: Vec<Fingerprint>,
    unanswered: BTreeMap<RequestId, Vec<Fingerprint>>,
    writing: BTreeMap<u64, Writing>,
    on_disk: BTreeSet<Fingerprint>,
    refused: BTreeSet<Fingerprint>,
    /// Until when an event is a duplicate, and of which batch.
    seen: BTreeMap<Fingerprint, (Instant, u64)>,
    owed: BTreeMap<Debt, Owed>,
    recalled: BTreeSet<Debt>,
    lines: BTreeMap<Line, BTreeMap<u64, EventKey>>,
    last_turn: u64,
    /// The last turn before this input. What came with it reaches its queue one by one.
    known_turn: u64,
    in_flight: BTreeMap<DestinationId, Message>,
    /// Refused by the chat, to be said plainly.
    degraded: BTreeMap<DestinationId, Message>,
    paces: BTreeMap<DestinationId, (Place, Windows)>,
    answered: Option<(Message, Outcome)>,
    settling: Vec<(EventKey, Chats)>,
    fates: Vec<Fate>,
}

impl Reference {
    /// Nothing accepted, nothing owed.
    pub fn new(config: Config) -> Self {
        Self {
            next_batch: config.next_batch,
            config,
            request: Vec::new(),
            unanswered: BTreeMap::new(),
            writing: BTreeMap::new(),
            on_disk: BTreeSet::new(),
            refused: BTreeSet::new(),
            seen: BTreeMap::new(),
            owed: BTreeMap::new(),
            recalled: BTreeSet::new(),
            lines: BTreeMap::new(),
            last_turn: 0,
            known_turn: 0,
            in_flight: BTreeMap::new(),
            degraded: BTreeMap::new(),
            paces: BTreeMap::new(),
            answered: None,
            settling: Vec::new(),
            fates: Vec::new(),
        }
    }

    /// Whether nothing is owed to anybody.
    pub fn is_settled(&self) -> bool {
        self.owed.is_empty() && self.writing.is_empty() && self.unanswered.is_empty()
    }

    /// The batches on their way to the disk.
    pub fn writing(&self) -> impl Iterator<Item = u64> {
        self.writing.keys().copied()
    }

    /// The messages in flight.
    pub fn in_flight(&self) -> impl Iterator<Item = (DestinationId, u64)> {
        self.in_flight.iter().map(|(destination, message)| (*destination, message.id))
    }

    /// What became of debts since the last call.
    pub fn fates(&mut self) -> Vec<Fate> {
        core::mem::take(&mut self.fates)
    }

    /// Notes an input; to be called before the engine has it.
    pub fn input(&mut self, now: Instant, input: &Input) {
        self.request.clear();
        self.known_turn = self.last_turn;
        match input {
            Input::Answered { destination, id, answer, .. } => {
                if let Some(message) = self.in_flight.remove(destination).filter(|m| m.id == *id) {
                    let outcome = match answer {
                        Ok(Answer { status, retry_after, body }) => {
                            message.kind.outcome(*status, *retry_after, body)
                        }
                        Err(reason) => Outcome::Retry { after: None, reason: *reason },
                    };
                    self.answered(*destination, message, outcome);
                }
            }
            Input::Configured(config) => self.configured(config),
            Input::Refused(batch) => {
                for print in self.writing.remove(batch).into_iter().flat_map(|w| w.fingerprints) {
                    // It may have come again while the disk took longer than the window.
                    if self.seen.get(&print).is_some_and(|(_, of)| of == batch) {
                        self.seen.remove(&print);
                    }
                    self.refused.insert(print);
                }
            }
            Input::Remembered { fingerprint, ago } => {
                let left = self.config.dedup_window.saturating_sub(*ago);
                self.on_disk.insert(*fingerprint);
                let seen = self.seen.entry(*fingerprint).or_insert((now, 0));
                if seen.0 <= now {
                    *seen = (now + left, 0);
                }
            }
            Input::Request { id, intake, .. } => {
                self.request = intake.items.iter().map(|item| item.fingerprint).collect();
                self.unanswered.insert(*id, self.request.clone());
            }
            Input::Restored { events, ago } => {
                let left = self.config.chat.delivery.max_age.saturating_sub(*ago);
                for Restored { key, channel, severity, site, chats } in events {
                    self.owe(*key, (channel, *severity, *site), chats, now + left);
                }
            }
            Input::Stored(batch) => self.stored(*batch),
            // What is told is stored like a report of the engine's own.
            Input::Report { .. } => {}
        }
    }

    fn stored(&mut self, batch: u64) {
        let Some(Writing { accepted_at, events, fingerprints }) = self.writing.remove(&batch)
        else {
            return;
        };
        self.on_disk.extend(fingerprints);
        let expires_at = accepted_at + self.config.chat.delivery.max_age;
        for (index, (channel, severity, site, chats)) in (0..).zip(events) {
            let key = EventKey { batch, index };
            self.owe(key, (&channel, severity, site), &chats, expires_at);
        }
    }

    fn owe(
        &mut self,
        key: EventKey,
        (channel, severity, site): (&str, Severity, u64),
        chats: &Chats,
        expires_at: Instant,
    ) {
        for chat in chats {
            let debt = (key, chat.clone());
            let place = place_of(&self.config.chat, channel, chat);
            let line = place.map(|place| (place, severity == Severity::Critical, site));
            self.last_turn += 1;
            let owed = Owed { line: line.clone(), turn: self.last_turn, expires_at };
            let before = self.owed.insert(debt.clone(), owed);
            let recalled = self.recalled.remove(&debt);
            assert!(before.is_none() || recalled, "{debt:?} is owed twice");
            if let Some(line) = line {
                self.lines.entry(line).or_default().insert(self.last_turn, key);
            }
        }
    }

    fn configured(&mut self, config: &Config) {
        self.config = config.clone();
        let destinations: BTreeMap<Place, &Destination> =
            config.chat.destinations.iter().map(|to| (place(to), to)).collect();
        for message in self.in_flight.values_mut().chain(self.degraded.values_mut()) {
            message.retired |= !destinations.contains_key(&message.place);
        }
        self.paces.retain(|_, (place, windows)| {
            if let Some(to) = destinations.get(place) {
                windows.replace(to.pace.clone());
            }
            destinations.contains_key(place)
        });
    }

    fn answered(&mut self, destination: DestinationId, message: Message, outcome: Outcome) {
        let chat = message.place.0.clone();
        match outcome {
            Outcome::Degrade(_) if message.form != Form::Plain => {
                self.degraded.insert(destination, message);
                return;
            }
            Outcome::Degrade(_) | Outcome::Delivered => {}
            Outcome::Dead(_) | Outcome::Retry { .. } => {
                for key in &message.keys {
                    let owed = self.owed.get(&(*key, chat.clone())).expect("sent, so owed");
                    let line = owed.line.clone().expect("sent, so routed");
                    self.lines.entry(line).or_default().insert(owed.turn, *key);
                }
            }
        }
        self.answered = Some((message, outcome));
    }

    /// Judges an output.
    pub fn output(&mut self, now: Instant, output: &Output) {
        match output {
            Output::Event(event) => self.emit(now, event),
            Output::Recall { keys, chat } => self.recall(keys, chat),
            Output::Respond { id, status } => self.respond(*id, *status),
            Output::Send { destination, to, id, keys, form } => {
                let message = Message {
                    id: *id,
                    kind: to.kind,
                    place: place(to),
                    keys: keys.clone(),
                    form: *form,
                    retired: false,
                };
                self.sent(now, *destination, to, message);
            }
            Output::Settle { key, chats } => self.settling.push((*key, chats.clone())),
            Output::Store { batch, bytes, chats, fingerprints } => {
                self.store(now, *batch, bytes, chats, fingerprints);
            }
        }
    }

    fn store(
        &mut self,
        now: Instant,
        batch: u64,
        bytes: &[u8],
        chats: &[Chats],
        fingerprints: &[Fingerprint],
    ) {
        assert_eq!(batch, self.next_batch, "batches are numbered in order");
        self.next_batch += 1;
        let read = batch::decode(bytes).expect("our own bytes");
        let events: Vec<_> = read
            .events
            .iter()
            .zip(chats)
            .map(|(event, chats)| {
                (event.channel.to_owned(), event.severity, event.site, chats.clone())
            })
            .collect();
        assert!(!events.is_empty() && events.len() == fingerprints.len());
        assert_eq!(events.len(), chats.len());
        for print in fingerprints {
            let is_ours = read.topic() == Topic::Mistgate;
            assert!(is_ours || self.request.contains(print), "stored what nobody sent");
            let seen = self.seen.insert(*print, (now + self.config.dedup_window, batch));
            assert!(seen.is_none_or(|(until, _)| until <= now), "accepted twice");
        }
        let fingerprints = fingerprints.to_vec();
        self.writing.insert(batch, Writing { accepted_at: now, events, fingerprints });
    }

    fn respond(&mut self, id: RequestId, status: StatusCode) {
        let events = self.unanswered.remove(&id).expect("one answer to each request");
        if status == StatusCode::Ok {
            let on_disk = events.iter().all(|print| self.on_disk.contains(print));
            assert!(on_disk, "200 for what is not on disk");
        } else {
            assert_eq!(status, StatusCode::ServiceUnavailable);
            let refused = events.iter().any(|print| self.refused.contains(print));
            assert!(refused, "503 though nothing was refused");
        }
    }

    fn sent(&mut self, now: Instant, at: DestinationId, to: &Destination, mut message: Message) {
        let Message { place, keys, form, .. } = &message;
        assert!((1..=DIGEST_MAX).contains(&keys.len()), "{} events in a message", keys.len());
        for key in keys {
            let owed = self.owed.get(&(*key, place.0.clone())).expect("sent what is not owed");
            let waits_here = owed.line.as_ref().is_some_and(|(waits_at, ..)| waits_at == place);
            assert!(waits_here, "{key:?} was sent to {} instead of {:?}", to.name, owed.line);
        }
        let retired = match self.degraded.remove(&at) {
            Some(refused) => {
                assert_eq!((&refused.keys, *form), (keys, Form::Plain));
                refused.retired
            }
            None => {
                assert_eq!(*form, Form::Rich);
                self.take_in_order(place, keys);
                false
            }
        };
        let (_, windows) =
            self.paces.entry(at).or_insert_with(|| (place.clone(), Windows::new(to.pace.clone())));
        windows.sent(now);
        message.retired = retired;
        assert!(self.in_flight.insert(at, message).is_none(), "two messages in flight");
    }

    /// The next of each line, and nothing ordinary while something critical waits.
    fn take_in_order(&mut self, place: &Place, keys: &[EventKey]) {
        let mut critical_sent = false;
        for key in keys {
            let owed = self.owed.get(&(*key, place.0.clone())).expect("sent, so owed");
            let line = owed.line.clone().expect("sent, so routed");
            critical_sent |= line.1;
            let first = self.lines.get_mut(&line).and_then(BTreeMap::pop_first);
            assert_eq!(first, Some((owed.turn, *key)), "not the next of {line:?}");
        }
        let waits = |((at, critical, _), keys): (&Line, &BTreeMap<_, _>)| {
            at == place && *critical && keys.keys().any(|turn| *turn <= self.known_turn)
        };
        assert!(critical_sent || !self.lines.iter().any(waits), "overtook something critical");
    }

    fn recall(&mut self, keys: &[EventKey], chat: &ChatId) {
        for key in keys {
            let debt = (*key, chat.clone());
            let owed = self.owed.get_mut(&debt).expect("recalled what is not owed");
            let line = owed.line.take().expect("recalled, so it had a place");
            let turn = owed.turn;
            self.lines.entry(line).or_default().remove(&turn);
            assert!(self.recalled.insert(debt), "recalled twice");
            let holds = |message: &Message| message.place.0 == *chat && message.keys.contains(key);
            self.degraded.retain(|_, message| !holds(message));
        }
    }

    fn emit(&mut self, now: Instant, event: &Event) {
        match event {
            Event::Accepted { .. } | Event::Refused { .. } | Event::Resumed { .. } => {}
            Event::Delivered { to, events, form, .. } => {
                let (message, outcome) = self.answered.take().expect("an answer");
                assert_eq!((outcome, message.form), (Outcome::Delivered, *form));
                let keys = self.finish(Some(to), *events, Fate::Delivered);
                assert_eq!(keys, message.keys);
            }
            Event::Dropped { to, events, loss } => self.dropped(now, to.as_deref(), *events, *loss),
            Event::Parked { .. } | Event::Retrying { .. } => {
                let (_, outcome) = self.answered.take().expect("an answer");
                assert!(matches!(outcome, Outcome::Dead(_) | Outcome::Retry { .. }), "{outcome:?}");
            }
            Event::Suppressed { events } => {
                // A report of ours may be a duplicate too.
                assert!(self.request.is_empty() || *events <= self.request.len());
            }
        }
    }

    fn dropped(&mut self, now: Instant, to: Option<&Destination>, events: usize, loss: Loss) {
        let settling: Vec<_> = self.settling.iter().map(|(key, _)| *key).collect();
        let owed = |key: &EventKey| self.owed.get(&(*key, to?.chat.clone()));
        match loss {
            Loss::Expired => {
                let old = |key| owed(key).is_some_and(|owed| owed.expires_at <= now);
                assert!(settling.iter().all(old), "given up too early");
            }
            Loss::Full => {
                let here = to.map(place);
                let waits = |(line, keys): (&Line, &BTreeMap<_, _>)| {
                    (Some(&line.0) == here.as_ref()).then_some(keys.len())
                };
                let waiting: usize = self.lines.iter().filter_map(waits).sum();
                assert!(waiting > self.config.chat.delivery.queue_max, "{waiting} were too many");
            }
            Loss::Refused(reason) => {
                let (message, outcome) = self.answered.take().expect("an answer");
                assert_eq!((outcome, message.form), (Outcome::Degrade(reason), Form::Plain));
                assert_eq!(settling, message.keys);
            }
            Loss::Unrouted => assert!(to.is_none()),
        }
        self.finish(to, events, Fate::Dropped);
    }

    /// The debts that were settled just now are done.
    fn finish(
        &mut self,
        to: Option<&Destination>,
        events: usize,
        fate: impl Fn(Debt) -> Fate,
    ) -> Vec<EventKey> {
        let settling = core::mem::take(&mut self.settling);
        assert_eq!(settling.len(), events, "settled {settling:?}");
        for (key, chats) in &settling {
            let only = |to: &Destination| *chats == Chats::from([to.chat.clone()]);
            assert!(to.is_none_or(only), "for whom?");
            for chat in chats {
                let debt = (*key, chat.clone());
                let owed = self.owed.remove(&debt).expect("settled what is not owed");
                assert_eq!(owed.line.as_ref().map(|line| &line.0), to.map(place).as_ref());
                if let Some(line) = owed.line
                    && let Some(keys) = self.lines.get_mut(&line)
                {
                    keys.remove(&owed.turn);
                }
                self.fates.push(fate(debt));
            }
        }
        settling.into_iter().map(|(key, _)| key).collect()
    }

    /// Judges the engine once it is drained.
    pub fn rests(&mut self, now: Instant, engine: &Engine) {
        assert_eq!(self.settling, [], "settled without saying why");
        assert!(self.answered.is_none(), "nothing came of {:?}", self.answered);
        self.known_turn = self.last_turn;
        for print in self.request.drain(..) {
            assert!(
                self.seen.get(&print).is_some_and(|(until, _)| *until > now),
                "an event was ignored"
            );
        }
        assert!(!self.writing.is_empty() || self.unanswered.is_empty(), "a request waits in vain");
        let busy = !self.writing.is_empty() || !self.in_flight.is_empty();
        assert_eq!(engine.is_busy(), busy);
        let held: usize = engine.destinations().iter().map(|to| to.waiting).sum();
        let retired = self.in_flight.values().filter(|message| message.retired);
        let retired: usize = retired.map(|message| message.keys.len()).sum();
        assert_eq!(
            held + retired + self.recalled.len(),
            self.owed.len(),
            "held {held}, in flight to retired destinations {retired}, recalled {}, owed {}",
            self.recalled.len(),
            self.owed.len()
        );
        if held > 0 && self.in_flight.is_empty() {
            assert!(engine.poll_timeout().is_some(), "{held} events wait for nothing");
        }
    }
}

/// A destination as the engine tells them apart.
fn place(to: &Destination) -> Place {
    (to.chat.clone(), to.url.as_ref().map(|url| url.expose().to_owned()))
}

/// Where a chat's events of a channel go.
fn place_of(config: &Chat, channel: &str, chat: &ChatId) -> Option<Place> {
    let indexes = config.destinations_of(channel);
    let mut destinations = indexes.into_iter().filter_map(|index| config.destinations.get(index));
    destinations.find(|to| to.chat == *chat).map(place)
}
