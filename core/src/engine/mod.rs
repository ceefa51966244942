//! The machine of webhooks and chats, in which the inbox and the queues meet.
//!
//! A request goes to the inbox; what is new goes to the store; what is stored goes to the queues of
//! its channel; what a queue delivers or gives up is settled in the store, and what it gives up is
//! kept there as a dead letter, which a person may send again. A destination that dies is reported
//! on the others as an event of our own, which takes the same way as any other event.
//!
//! The engine drains its children inside its own `handle_*`. It never reads an event's text again:
//! the driver fetches texts by key when a queue says `Send`.

pub mod input;
pub mod output;

pub mod report;

use alloc::collections::{BTreeMap, VecDeque};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use http_types::StatusCode;

use self::input::{Answer, Config, DestinationId, Input, Restored};
use self::output::Output;
use self::report::Report;
use crate::base::machine::Machine;
use crate::base::rand::Rand;
use crate::base::secret::Secret;
use crate::base::time::{Instant, UnixTime};
use crate::chat::outcome::{Outcome, Reason};
use crate::delivery::batch::{Chats, EventKey, Item};
use crate::delivery::config::{Chat, Destination};
use crate::delivery::dead_letter::Dead;
use crate::delivery::queue::{Entry, Health, Loss, Queue};
use crate::delivery::{batch, dead_letter, queue};
use crate::event::fingerprint::fingerprint;
use crate::event::{Event, Topic};
use crate::notify::Severity;
use crate::webhook::inbox::{Inbox, RequestId};
use crate::webhook::intake::Intake;
use crate::webhook::{inbox, intake};

/// The most events that the inbox remembers, in some four megabytes.
const SEEN_MAX: usize = 65_536;

/// The state of a destination, for `/status` and metrics.
#[derive(Clone, Debug)]
pub struct DestinationStatus {
    pub to: Arc<Destination>,
    pub health: Health,
    /// Events waiting, those in flight included.
    pub waiting: usize,
    /// When the oldest of them was accepted, where that was in this run.
    pub oldest_at: Option<Instant>,
}

#[derive(Debug)]
struct Slot {
    id: DestinationId,
    to: Arc<Destination>,
    queue: Queue,
}

#[derive(Debug)]
struct Writing {
    accepted_at: Instant,
    items: Vec<Item>,
}

/// The engine machine.
#[derive(Debug)]
pub struct Engine {
    chat: Chat,
    rand: Rand,
    inbox: Inbox,
    slots: Vec<Slot>,
    /// Destinations that are no longer configured but have a message in flight.
    retired: Vec<Slot>,
    last_destination: u32,
    writing: BTreeMap<u64, Writing>,
    /// What the last destination said that refused a message.
    refusal: String,
    outputs: VecDeque<Output>,
}

impl Engine {
    /// The state of every destination, in the order of the configuration.
    pub fn destinations(&self) -> Vec<DestinationStatus> {
        self.slots
            .iter()
            .map(|Slot { to, queue, .. }| DestinationStatus {
                to: Arc::clone(to),
                health: queue.health(),
                waiting: queue.waiting(),
                oldest_at: queue.oldest_at(),
            })
            .collect()
    }

    /// Whether a message is in flight or a batch is being written.
    pub fn is_busy(&self) -> bool {
        !self.writing.is_empty()
            || self.slots.iter().chain(&self.retired).any(|slot| slot.queue.is_sending())
    }

    /// Hands events to the inbox, and stores those that it finds new. `letter` is the dead letter
    /// that they are.
    fn accept(
        &mut self,
        now: Instant,
        id: Option<RequestId>,
        letter: Option<u64>,
        intake: Intake,
        at: UnixTime,
    ) {
        let Intake { topic, items, .. } = intake;
        let fingerprints = items.iter().map(|item| item.fingerprint).collect();
        self.inbox.handle_input(now, inbox::Input::Request { id, fingerprints });
        let mut items: Vec<_> = items.into_iter().map(Some).collect();
        while let Some(output) = self.inbox.poll_output() {
            match output {
                inbox::Output::Respond { id, status } => self.respond(id, status),
                inbox::Output::Store { batch, new, forget_before } => {
                    let items: Vec<_> = new
                        .into_iter()
                        .filter_map(|place| items.get_mut(place).and_then(Option::take))
                        .collect();
                    self.outputs.push_back(Output::Store {
                        batch,
                        bytes: batch::encode(at, &topic, &items),
                        chats: items.iter().map(|item| item.chats.clone()).collect(),
                        fingerprints: items.iter().map(|item| item.fingerprint).collect(),
                        letter,
                        forget_before,
                    });
                    self.writing.insert(batch, Writing { accepted_at: now, items });
                }
                inbox::Output::Suppressed(events) => {
                    self.emit(output::Event::Suppressed { events });
                }
            }
        }
    }

    fn written(&mut self, now: Instant, batch: u64, refused: bool) {
        let input =
            if refused { inbox::Input::Refused(batch) } else { inbox::Input::Stored(batch) };
        self.inbox.handle_input(now, input);
        self.drain_inbox();
        let Some(Writing { accepted_at, items }) = self.writing.remove(&batch) else {
            return;
        };
        let events = items.len();
        if refused {
            return self.emit(output::Event::Refused { events });
        }
        self.emit(output::Event::Accepted { batch, events });
        let expires_at = accepted_at + self.chat.delivery.max_age;
        for (index, item) in (0..).zip(items) {
            let entry = Entry {
                key: EventKey { batch, index },
                severity: item.severity,
                accepted_at: Some(accepted_at),
                expires_at,
            };
            self.enqueue(now, entry, &item.channel, item.chats);
        }
    }

    fn restored(&mut self, now: Instant, events: Vec<Restored>, ago: core::time::Duration) {
        let left = self.chat.delivery.max_age.saturating_sub(ago);
        for event in events {
            let entry = Entry {
                key: event.key,
                severity: event.severity,
                accepted_at: None,
                expires_at: now + left,
            };
            self.enqueue(now, entry, &event.channel, event.chats);
        }
    }

    fn opened(&mut self, now: Instant, next_batch: u64, is_new: bool) {
        self.inbox.handle_input(now, inbox::Input::Opened { next_batch });
        if is_new {
            for slot in self.slots.iter_mut().chain(&mut self.retired) {
                slot.queue.handle_input(now, queue::Input::Lost);
            }
        }
    }

    fn report(&mut self, now: Instant, text: &str, at: UnixTime) {
        let event = Event::parse(Topic::Mistgate, text);
        if let Some(item) = event.and_then(|event| intake::item(&self.chat, &event)) {
            self.accept(now, None, None, intake::ours(item), at);
        }
    }

    fn again(&mut self, now: Instant, id: RequestId, letter: u64, intake: Intake, at: UnixTime) {
        let is_routed = |item: &Item| item.chats.is_subset(&self.chat.chats_of(&item.channel));
        if intake.items.iter().all(is_routed) {
            self.accept(now, Some(id), Some(letter), intake, at);
        } else {
            self.respond(id, StatusCode::Conflict);
        }
    }

    /// Puts an event into one queue of each chat that it is owed to: the one that serves its
    /// channel.
    fn enqueue(&mut self, now: Instant, entry: Entry, channel: &str, mut owed: Chats) {
        for index in self.chat.destinations_of(channel) {
            if let Some(slot) = self.slots.get_mut(index)
                && owed.remove(&slot.to.chat)
            {
                slot.queue.handle_input(now, queue::Input::Enqueue(entry));
            }
        }
        if !owed.is_empty() {
            let (key, loss, events) = (entry.key, Loss::Unrouted, owed.len());
            for chat in owed {
                let dead = Dead { to: Arc::clone(&chat), reason: loss.to_string().into() };
                let chats = Chats::from([chat]);
                self.outputs.push_back(Output::Settle { key, chats, dead: Some(dead) });
            }
            self.emit(output::Event::Dropped { to: None, events, loss });
        }
    }

    fn answered(
        &mut self,
        now: Instant,
        destination: DestinationId,
        id: u64,
        answer: &Result<Answer, Reason>,
    ) {
        let slot =
            self.slots.iter_mut().chain(&mut self.retired).find(|slot| slot.id == destination);
        if let Some(slot) = slot {
            let outcome = match answer {
                Ok(Answer { status, retry_after, body }) => {
                    let outcome = slot.to.kind.outcome(*status, *retry_after, body);
                    if let Outcome::Degrade(_) = outcome {
                        let url = slot.to.url.as_ref().map(Secret::expose);
                        self.refusal = dead_letter::refusal(*status, body, url);
                    }
                    outcome
                }
                Err(reason) => Outcome::Retry { after: None, reason: *reason },
            };
            slot.queue.handle_input(now, queue::Input::Answered { id, outcome });
        }
    }

    fn configure(&mut self, now: Instant, config: Config) {
        let window = config.dedup_window;
        let inbox = inbox::Config { window, seen_max: SEEN_MAX, next_batch: config.next_batch };
        self.inbox.handle_input(now, inbox::Input::Configured(inbox));
        self.chat = config.chat;
        let mut old = core::mem::take(&mut self.slots);
        for to in self.chat.destinations.clone() {
            let policy = queue_config(&self.chat, &to);
            let same = |slot: &Slot| {
                (&slot.to.chat, slot.to.kind, &slot.to.url) == (&to.chat, to.kind, &to.url)
            };
            let slot = match old.iter().position(same) {
                Some(position) => {
                    let mut slot = old.swap_remove(position);
                    slot.to = Arc::new(to);
                    slot.queue.handle_input(now, queue::Input::Configured(policy));
                    slot
                }
                None => {
                    self.last_destination += 1;
                    Slot {
                        id: DestinationId(self.last_destination),
                        to: Arc::new(to),
                        queue: Queue::new(policy, self.rand.next_u64(), now),
                    }
                }
            };
            self.slots.push(slot);
        }
        self.retired.append(&mut old);
    }

    /// Empties the queues of destinations that are gone, once nothing is in flight there.
    fn recall_retired(&mut self) {
        for slot in &mut self.retired {
            let entries = slot.queue.take_waiting();
            if !entries.is_empty() {
                let chat = Arc::clone(&slot.to.chat);
                self.outputs.push_back(Output::Recall { entries, chat });
            }
        }
        self.retired.retain(|slot| slot.queue.is_sending());
    }

    /// Drains all queues, and accepts the reports that follow.
    fn drain(&mut self, now: Instant, at: Option<UnixTime>) {
        let mut reports = Vec::new();
        for index in 0..self.slots.len() + self.retired.len() {
            while let Some((id, to, output)) = self.poll_slot(index) {
                if let Some(report) = self.relay(now, id, to, output) {
                    reports.push(report);
                }
            }
        }
        self.recall_retired();
        // A report is accepted like any event; being new, it reaches no queue before it is stored.
        for report in reports {
            if let Some(intake) = self.report_intake(report, at) {
                self.accept(now, None, None, intake, at.unwrap_or_default());
            }
        }
    }

    fn poll_slot(
        &mut self,
        index: usize,
    ) -> Option<(DestinationId, Arc<Destination>, queue::Output)> {
        let slot = self.slots.iter_mut().chain(&mut self.retired).nth(index)?;
        let output = slot.queue.poll_output()?;
        Some((slot.id, Arc::clone(&slot.to), output))
    }

    /// Passes on a queue's output. If the other chats should know of it, returns a report.
    fn relay(
        &mut self,
        now: Instant,
        destination: DestinationId,
        to: Arc<Destination>,
        output: queue::Output,
    ) -> Option<Report> {
        match output {
            queue::Output::Delivered { entries, form, .. } => {
                self.settle(&entries, &to, None);
                let accepted = entries.iter().filter_map(|entry| entry.accepted_at).min();
                let latency = accepted.map(|accepted_at| now - accepted_at);
                let events = entries.len();
                self.emit(output::Event::Delivered { to, events, form, latency });
            }
            queue::Output::Dropped { entries, loss } => {
                let reason = match loss {
                    Loss::Refused(_) => format!("refused: {}", self.refusal),
                    Loss::Expired | Loss::Full | Loss::Lost | Loss::Unrouted => loss.to_string(),
                };
                let dead = Dead { to: to.name.as_str().into(), reason: reason.into() };
                // What was in a lost store cannot be kept.
                self.settle(&entries, &to, (loss != Loss::Lost).then_some(&dead));
                let events = entries.len();
                self.emit(output::Event::Dropped { to: Some(to), events, loss });
            }
            queue::Output::Parked { reason, probe_after, probes } => {
                let report = Report::parked(&to, reason);
                self.emit(output::Event::Parked { to, reason, probe_after });
                return (probes == 1).then_some(report);
            }
            queue::Output::Resumed => {
                let report = Report::resumed(&to);
                self.emit(output::Event::Resumed { to });
                return Some(report);
            }
            queue::Output::Retrying { failures, after, reason } => {
                self.emit(output::Event::Retrying { to, failures, after, reason });
            }
            queue::Output::Send { id, keys, form } => {
                self.outputs.push_back(Output::Send { destination, to, id, keys, form });
            }
        }
        None
    }

    fn settle(&mut self, entries: &[Entry], to: &Destination, dead: Option<&Dead>) {
        let chats = Chats::from([Arc::clone(&to.chat)]);
        let settle = |entry: &Entry| {
            let (key, chats, dead) = (entry.key, chats.clone(), dead.cloned());
            Output::Settle { key, chats, dead }
        };
        self.outputs.extend(entries.iter().map(settle));
    }

    /// The report as an event, for the destinations of a channel that are not dead.
    fn report_intake(&self, report: Report, at: Option<UnixTime>) -> Option<Intake> {
        let about = |slot: &Slot| slot.to.name == report.destination;
        let waiting = self.slots.iter().find(|slot| about(slot))?.queue.waiting();
        let (channel, chats) = self.report_channel(|slot| {
            !about(slot) && !matches!(slot.queue.health(), Health::Parked(_))
        })?;
        let severity = report.severity;
        let text = report.text(waiting, at)?;
        let event = Event::parse(Topic::Mistgate, &text)?;
        let item = Item { fingerprint: fingerprint(&event), channel, severity, chats, text };
        Some(intake::ours(item))
    }

    /// The channel of the highest severity that has a destination for which `takes` holds, and the
    /// chats of those destinations.
    fn report_channel(&self, takes: impl Fn(&Slot) -> bool) -> Option<(String, Chats)> {
        let by_severity = Severity::ALL.iter().rev().map(|severity| severity.name());
        let named = self.slots.iter().flat_map(|slot| &slot.to.channels).map(String::as_str);
        by_severity.chain(named).find_map(|channel| {
            let chats: Chats = self
                .chat
                .destinations_of(channel)
                .into_iter()
                .filter_map(|index| self.slots.get(index))
                .filter(|slot| takes(slot))
                .map(|slot| Arc::clone(&slot.to.chat))
                .collect();
            (!chats.is_empty()).then(|| (channel.to_string(), chats))
        })
    }

    fn drain_inbox(&mut self) {
        while let Some(output) = self.inbox.poll_output() {
            match output {
                inbox::Output::Respond { id, status } => self.respond(id, status),
                // Only a request makes these, and `accept` drains them.
                inbox::Output::Store { .. } | inbox::Output::Suppressed(_) => {}
            }
        }
    }

    fn respond(&mut self, id: RequestId, status: StatusCode) {
        self.outputs.push_back(Output::Respond { id, status });
    }

    fn emit(&mut self, event: output::Event) {
        self.outputs.push_back(Output::Event(event));
    }
}

impl Machine for Engine {
    type Config = Config;
    type Input = Input;
    type Output = Output;

    fn new(config: Config, seed: u64, now: Instant) -> Self {
        let Config { dedup_window: window, next_batch, .. } = config;
        let inbox = inbox::Config { window, seen_max: SEEN_MAX, next_batch };
        let mut engine = Self {
            chat: config.chat.clone(),
            rand: Rand::new(seed),
            inbox: Inbox::new(inbox, 0, now),
            slots: Vec::new(),
            retired: Vec::new(),
            last_destination: 0,
            writing: BTreeMap::new(),
            refusal: String::new(),
            outputs: VecDeque::new(),
        };
        engine.configure(now, config);
        engine
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.inbox.handle_timeout(now);
        for slot in &mut self.slots {
            slot.queue.handle_timeout(now);
        }
        // A queue that only drops expired events needs no wall time.
        self.drain(now, None);
    }

    fn handle_input(&mut self, now: Instant, input: Input) {
        let mut wall = None;
        match input {
            Input::Again { id, letter, intake, at } => self.again(now, id, letter, intake, at),
            Input::Answered { destination, id, answer, at } => {
                wall = Some(at);
                self.answered(now, destination, id, &answer);
            }
            Input::Configured(config) => self.configure(now, config),
            Input::Opened { next_batch, is_new } => self.opened(now, next_batch, is_new),
            Input::Refused(batch) => self.written(now, batch, true),
            Input::Recalled { events, chat } => {
                for (entry, channel) in events {
                    self.enqueue(now, entry, &channel, Chats::from([Arc::clone(&chat)]));
                }
            }
            Input::Remembered { batch, fingerprint, ago } => {
                let input = inbox::Input::Remembered { batch, fingerprint, ago };
                self.inbox.handle_input(now, input);
            }
            Input::Request { id, intake, at } => self.accept(now, Some(id), None, intake, at),
            Input::Restored { events, ago } => self.restored(now, events, ago),
            Input::Stored(batch) => self.written(now, batch, false),
            Input::Report { text, at } => self.report(now, &text, at),
        }
        self.drain(now, wall);
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let queues = self.slots.iter().filter_map(|slot| slot.queue.poll_timeout());
        self.inbox.poll_timeout().into_iter().chain(queues).min()
    }
}

fn queue_config(chat: &Chat, to: &Destination) -> queue::Config {
    queue::Config {
        pace: to.pace.clone(),
        queue_max: chat.delivery.queue_max,
        digest_after: chat.delivery.digest_after,
    }
}

#[cfg(test)]
mod tests;
