//! A model of the engine that watches its inputs and outputs. It is simple, and may be slow.
//!
//! For each event and chat it knows whether the event waits, is in flight, was recalled, or is
//! settled. It panics where an output contradicts that: an early answer, an event sent out of order
//! or faster than the vendor allows, settled twice, or lost.

mod settled;

use std::collections::{BTreeMap, BTreeSet};

use http_types::StatusCode;
use mistgate_core::base::machine::Machine;
use mistgate_core::base::time::Instant;
use mistgate_core::chat::kind::Kind;
use mistgate_core::chat::outcome::Outcome;
use mistgate_core::chat::shape::Form;
use mistgate_core::delivery::batch;
use mistgate_core::delivery::batch::{ChatId, Chats, EventKey};
use mistgate_core::delivery::config::Destination;
use mistgate_core::delivery::queue::MERGED_MAX;
use mistgate_core::delivery::queue::input::Entry;
use mistgate_core::engine::Engine;
use mistgate_core::engine::input::{Answer, Config, DestinationId, Input, Restored};
use mistgate_core::engine::output;
use mistgate_core::engine::output::{Output, Put};
use mistgate_core::event::Topic;
use mistgate_core::event::fingerprint::Fingerprint;
use mistgate_core::notify::Severity;
use mistgate_core::webhook::inbox::RequestId;

use crate::chat::configurations::{DestinationKey, destination_key, key_of};
use crate::chat::windows::Windows;

/// An event that a chat has not settled yet.
pub type PendingEvent = (EventKey, ChatId);

/// How a pending event ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    Delivered(PendingEvent),
    /// It was given up, and a report says so.
    Dropped(PendingEvent),
}

/// Events with the same key are sent in the order of their arrival.
type QueueKey = (DestinationKey, Severity);

#[derive(Clone, Debug)]
struct Pending {
    /// `None` while it is recalled, or has no destination.
    queue: Option<QueueKey>,
    /// Its position in the queue.
    position: u64,
    expires_at: Instant,
}

#[derive(Clone, Debug)]
struct Message {
    id: u64,
    kind: &'static Kind,
    destination_key: DestinationKey,
    /// None if it is about incidents.
    keys: Vec<EventKey>,
    form: Form,
    /// Whether its destination is no longer configured.
    retired: bool,
}

#[derive(Debug)]
struct UnstoredBatch {
    accepted_at: Instant,
    events: Vec<(String, Severity, Chats)>,
    fingerprints: Vec<Fingerprint>,
}

/// The state of the model after the inputs and outputs so far.
#[derive(Debug)]
pub struct Reference {
    config: Config,
    next_batch: u64,
    request: Vec<Fingerprint>,
    unanswered: BTreeMap<RequestId, Vec<Fingerprint>>,
    unstored: BTreeMap<u64, UnstoredBatch>,
    on_disk: BTreeSet<Fingerprint>,
    refused: BTreeSet<Fingerprint>,
    /// Until when an event counts as a duplicate, and of an event in which batch.
    seen: BTreeMap<Fingerprint, (Instant, u64)>,
    pending: BTreeMap<PendingEvent, Pending>,
    recalled: BTreeSet<PendingEvent>,
    queues: BTreeMap<QueueKey, BTreeMap<u64, EventKey>>,
    last_position: u64,
    /// The last position before this input, whose events reach their queues one by one.
    known_position: u64,
    in_flight: BTreeMap<DestinationId, Message>,
    /// Refused by the chat in the rich form. The plain form is next.
    degraded: BTreeMap<DestinationId, Message>,
    paces: BTreeMap<DestinationId, (DestinationKey, Windows)>,
    answered: Option<(Message, Outcome)>,
    /// Messages that were refused for good since the last that arrived.
    refusals: BTreeMap<DestinationKey, u32>,
    settling: Vec<(EventKey, Chats)>,
    settled: Vec<Settled>,
}

impl Reference {
    /// A model of an engine that has accepted nothing.
    pub fn new(config: Config) -> Self {
        Self {
            next_batch: config.next_batch,
            config,
            request: Vec::new(),
            unanswered: BTreeMap::new(),
            unstored: BTreeMap::new(),
            on_disk: BTreeSet::new(),
            refused: BTreeSet::new(),
            seen: BTreeMap::new(),
            pending: BTreeMap::new(),
            recalled: BTreeSet::new(),
            queues: BTreeMap::new(),
            last_position: 0,
            known_position: 0,
            in_flight: BTreeMap::new(),
            degraded: BTreeMap::new(),
            paces: BTreeMap::new(),
            answered: None,
            refusals: BTreeMap::new(),
            settling: Vec::new(),
            settled: Vec::new(),
        }
    }

    /// Whether all events are settled and all requests answered.
    pub fn is_settled(&self) -> bool {
        self.pending.is_empty() && self.unstored.is_empty() && self.unanswered.is_empty()
    }

    /// The batches that are being stored.
    pub fn unstored(&self) -> impl Iterator<Item = u64> {
        self.unstored.keys().copied()
    }

    /// The messages in flight: the destination and the id of each.
    pub fn in_flight(&self) -> impl Iterator<Item = (DestinationId, u64)> {
        self.in_flight.iter().map(|(destination, message)| (*destination, message.id))
    }

    /// The events settled since the last call.
    pub fn take_settled(&mut self) -> Vec<Settled> {
        core::mem::take(&mut self.settled)
    }

    /// Notes an input. Call it before the engine handles the input.
    pub fn input(&mut self, now: Instant, input: &Input) {
        self.request.clear();
        self.known_position = self.last_position;
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
                for print in self.unstored.remove(batch).into_iter().flat_map(|w| w.fingerprints) {
                    // It may have arrived again if the disk took longer than the window.
                    if self.seen.get(&print).is_some_and(|(_, of)| of == batch) {
                        self.seen.remove(&print);
                    }
                    self.refused.insert(print);
                }
            }
            Input::Remembered { fingerprint, ago, .. } => {
                let left = self.config.dedup_window.saturating_sub(*ago);
                self.on_disk.insert(*fingerprint);
                let seen = self.seen.entry(*fingerprint).or_insert((now, 0));
                if seen.0 <= now {
                    *seen = (now + left, 0);
                }
            }
            Input::Again { id, intake, .. } | Input::Request { id, intake, .. } => {
                self.request = intake.items.iter().map(|item| item.fingerprint).collect();
                self.unanswered.insert(*id, self.request.clone());
            }
            Input::Restored { events, ago } => {
                let left = self.config.chat.delivery.max_age.saturating_sub(*ago);
                for Restored { key, channel, severity, chats, .. } in events {
                    self.add_pending(*key, (channel, *severity), chats, now + left);
                }
            }
            Input::Recalled { events, chat } => {
                let chats = Chats::from([chat.clone()]);
                for (Entry { key, severity, expires_at, .. }, channel) in events {
                    let before = self.pending.get(&(*key, chat.clone())).expect("it was recalled");
                    assert_eq!(before.expires_at, *expires_at, "its age changed");
                    self.add_pending(*key, (channel, *severity), &chats, *expires_at);
                }
            }
            Input::Stored(batch) => self.stored(*batch),
            // It is stored like a report of the engine's own.
            Input::Incident(_) | Input::Opened { .. } | Input::Report { .. } => {}
        }
    }

    fn stored(&mut self, batch: u64) {
        let Some(UnstoredBatch { accepted_at, events, fingerprints }) =
            self.unstored.remove(&batch)
        else {
            return;
        };
        self.on_disk.extend(fingerprints);
        let expires_at = accepted_at + self.config.chat.delivery.max_age;
        for (index, (channel, severity, chats)) in (0..).zip(events) {
            let key = EventKey { batch, index };
            self.add_pending(key, (&channel, severity), &chats, expires_at);
        }
    }

    fn add_pending(
        &mut self,
        key: EventKey,
        (channel, severity): (&str, Severity),
        chats: &Chats,
        expires_at: Instant,
    ) {
        for chat in chats {
            let event = (key, chat.clone());
            let destination_key = key_of(&self.config.chat, channel, chat);
            let queue = destination_key.map(|destination_key| (destination_key, severity));
            self.last_position += 1;
            let pending =
                Pending { queue: queue.clone(), position: self.last_position, expires_at };
            let before = self.pending.insert(event.clone(), pending);
            let recalled = self.recalled.remove(&event);
            assert!(before.is_none() || recalled, "{event:?} is pending twice");
            if let Some(queue) = queue {
                self.queues.entry(queue).or_default().insert(self.last_position, key);
            }
        }
    }

    fn configured(&mut self, config: &Config) {
        self.config = config.clone();
        let destinations: BTreeMap<DestinationKey, &Destination> =
            config.chat.destinations.iter().map(|to| (destination_key(to), to)).collect();
        for message in self.in_flight.values_mut().chain(self.degraded.values_mut()) {
            message.retired |= !destinations.contains_key(&message.destination_key);
        }
        self.paces.retain(|_, (destination_key, windows)| {
            if let Some(to) = destinations.get(destination_key) {
                windows.replace(to.pace.clone());
            }
            destinations.contains_key(destination_key)
        });
    }

    fn answered(&mut self, destination: DestinationId, mut message: Message, outcome: Outcome) {
        let chat = message.destination_key.0.clone();
        match outcome {
            Outcome::Degrade(_) if message.form != Form::Plain || message.keys.len() > 1 => {
                if message.form == Form::Plain {
                    let later = message.keys.split_off(message.keys.len().div_ceil(2));
                    self.put_back(&later, &chat);
                }
                self.degraded.insert(destination, message);
                return;
            }
            Outcome::Degrade(_) | Outcome::Delivered => {}
            Outcome::Dead(_) | Outcome::Retry { .. } => self.put_back(&message.keys, &chat),
        }
        self.answered = Some((message, outcome));
    }

    fn put_back(&mut self, keys: &[EventKey], chat: &ChatId) {
        for key in keys {
            let pending = self.pending.get(&(*key, chat.clone())).expect("sent, so pending");
            let queue = pending.queue.clone().expect("sent, so routed");
            self.queues.entry(queue).or_default().insert(pending.position, *key);
        }
    }

    /// Checks an output against the model.
    pub fn output(&mut self, now: Instant, output: &Output) {
        match output {
            Output::Event(event) => self.emit(now, event),
            Output::Recall { entries, chat } => self.recall(entries, chat),
            Output::Respond { id, status } => self.respond(*id, *status),
            Output::KeepIncident { .. } | Output::KeepShown { .. } | Output::KeepSilence { .. } => {
            }
            Output::Send { destination, to, id, message, form } => {
                let keys = match message {
                    output::Message::Events(keys) => {
                        let most = 1..=MERGED_MAX;
                        assert!(most.contains(&keys.len()), "{} events in a message", keys.len());
                        keys.clone()
                    }
                    output::Message::Incidents(_) => {
                        assert!(!to.kind.is_stream, "{} is told each event", to.name);
                        Vec::new()
                    }
                };
                let message = Message {
                    id: *id,
                    kind: to.kind,
                    destination_key: destination_key(to),
                    keys,
                    form: *form,
                    retired: false,
                };
                self.sent(now, *destination, to, message);
            }
            Output::Settle { key, chats, .. } => self.settling.push((*key, chats.clone())),
            Output::Store { put: Put { batch, chats, fingerprints, .. }, bytes } => {
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
            .map(|(event, chats)| (event.channel.to_owned(), event.severity, chats.clone()))
            .collect();
        // What incidents tell is no event any more.
        assert!(events.len() <= fingerprints.len() && !fingerprints.is_empty());
        assert!(events.iter().all(|(.., chats)| !chats.is_empty()) && events.len() == chats.len());
        for print in fingerprints {
            let is_ours = read.topic() == Topic::Mistgate;
            assert!(is_ours || self.request.contains(print), "stored what nobody sent");
            let seen = self.seen.insert(*print, (now + self.config.dedup_window, batch));
            assert!(seen.is_none_or(|(until, _)| until <= now), "accepted twice");
        }
        let fingerprints = fingerprints.to_vec();
        self.unstored.insert(batch, UnstoredBatch { accepted_at: now, events, fingerprints });
    }

    fn respond(&mut self, id: RequestId, status: StatusCode) {
        let events = self.unanswered.remove(&id).expect("one answer to each request");
        if status == StatusCode::Conflict {
            // A dead letter without a destination.
            self.request.clear();
        } else if status == StatusCode::Ok {
            let on_disk = events.iter().all(|print| self.on_disk.contains(print));
            assert!(on_disk, "200 for what is not on disk");
        } else {
            assert_eq!(status, StatusCode::ServiceUnavailable);
            let refused = events.iter().any(|print| self.refused.contains(print));
            assert!(refused, "503 though nothing was refused");
        }
    }

    fn sent(&mut self, now: Instant, at: DestinationId, to: &Destination, mut message: Message) {
        let Message { destination_key, keys, form, .. } = &message;
        for key in keys {
            let pending = self
                .pending
                .get(&(*key, destination_key.0.clone()))
                .expect("sent what is not pending");
            let waits_here =
                pending.queue.as_ref().is_some_and(|(waits_at, _)| waits_at == destination_key);
            assert!(waits_here, "{key:?} was sent to {} instead of {:?}", to.name, pending.queue);
        }
        // A destination with another name may have nothing to tell of incidents.
        let is_withdrawn = |refused: &Message| refused.keys.is_empty() && !keys.is_empty();
        let retired = match self.degraded.remove(&at).filter(|refused| !is_withdrawn(refused)) {
            Some(refused) => {
                // A destination with another name is told anew.
                let is_anew = keys.is_empty() && refused.destination_key == *destination_key;
                assert!(refused.keys == *keys && (*form == Form::Plain || is_anew));
                refused.retired
            }
            None => {
                assert_eq!(*form, Form::Rich);
                self.take_in_order(destination_key, keys);
                false
            }
        };
        let (_, windows) = self
            .paces
            .entry(at)
            .or_insert_with(|| (destination_key.clone(), Windows::new(to.pace.clone())));
        windows.sent(now);
        message.retired = retired;
        assert!(self.in_flight.insert(at, message).is_none(), "two messages in flight");
    }

    /// Takes the first event of each queue. Nothing waits that is more severe, and what is critical
    /// is merged with nothing else.
    fn take_in_order(&mut self, destination_key: &DestinationKey, keys: &[EventKey]) {
        let mut severities = BTreeSet::new();
        for key in keys {
            let pending =
                self.pending.get(&(*key, destination_key.0.clone())).expect("sent, so pending");
            let queue = pending.queue.clone().expect("sent, so routed");
            let first = self.queues.get_mut(&queue).and_then(BTreeMap::pop_first);
            assert_eq!(first, Some((pending.position, *key)), "not the next of {queue:?}");
            let overtaken = |((at, severity), keys): (&QueueKey, &BTreeMap<_, _>)| {
                at == destination_key
                    && *severity > queue.1
                    && keys.keys().any(|position| *position <= self.known_position)
            };
            assert!(!self.queues.iter().any(overtaken), "{key:?} overtook something more severe");
            severities.insert(queue.1);
        }
        let has_critical = severities.contains(&Severity::Critical);
        assert!(!has_critical || severities.len() == 1, "merged with something critical: {keys:?}");
    }

    fn recall(&mut self, entries: &[Entry], chat: &ChatId) {
        for Entry { key, .. } in entries {
            let event = (*key, chat.clone());
            let pending = self.pending.get_mut(&event).expect("recalled what is not pending");
            let queue = pending.queue.take().expect("recalled, so it had a queue");
            let position = pending.position;
            self.queues.entry(queue).or_default().remove(&position);
            assert!(self.recalled.insert(event), "recalled twice");
            let holds = |message: &Message| {
                message.destination_key.0 == *chat && message.keys.contains(key)
            };
            self.degraded.retain(|_, message| !holds(message));
        }
    }

    /// Checks the engine after all its outputs were taken.
    pub fn check_drained(&mut self, now: Instant, engine: &Engine) {
        assert_eq!(self.settling, [], "settled without saying why");
        if let Some((message, outcome)) = self.answered.take() {
            // Of incidents the parts are told next, where there are any.
            let is_divided = message.keys.is_empty() && matches!(outcome, Outcome::Degrade(_));
            assert!(is_divided, "nothing came of {outcome:?} for {message:?}");
        }
        self.known_position = self.last_position;
        for print in self.request.drain(..) {
            assert!(
                self.seen.get(&print).is_some_and(|(until, _)| *until > now),
                "an event was ignored"
            );
        }
        assert!(!self.unstored.is_empty() || self.unanswered.is_empty(), "a request waits in vain");
        let busy = !self.unstored.is_empty() || !self.in_flight.is_empty();
        assert_eq!(engine.is_busy(), busy);
        let held: usize = engine.destinations().iter().map(|to| to.waiting).sum();
        let retired = self.in_flight.values().filter(|message| message.retired);
        let retired: usize = retired.map(|message| message.keys.len()).sum();
        assert_eq!(
            held + retired + self.recalled.len(),
            self.pending.len(),
            "held {held}, in flight to retired destinations {retired}, recalled {}, pending {}",
            self.recalled.len(),
            self.pending.len()
        );
        if held > 0 && self.in_flight.is_empty() {
            assert!(engine.poll_timeout().is_some(), "{held} events wait for nothing");
        }
    }
}
