//! The machine of webhooks and chats, in which the inbox and the queues meet.
//!
//! A request goes to the inbox; what is new goes to the store; what is stored goes to the queues of
//! its channel; what a queue delivers or gives up is settled in the store, and what it gives up is
//! kept there as a dead letter, which a person may send again. A destination that dies is reported
//! on the others as an event of our own, which takes the same way as any other event.
//!
//! An event that raises or clears a condition changes an incident first. A chat is then told of the
//! incident and not of the event, when its queue can send and in the words of that moment; what
//! incidents keep goes to the store with the event.
//!
//! The engine drains its children inside its own `handle_*`. It never reads an event's text again:
//! the driver fetches texts by key when a queue says `Send`.

pub mod input;
pub mod output;

pub mod report;

mod accept;
mod incidents;

use alloc::collections::{BTreeMap, VecDeque};
use alloc::{format, string::String, string::ToString, sync::Arc, vec::Vec};
use core::time::Duration;

use http_types::StatusCode;

use self::input::{Answer, Config, DestinationId, Input, Restored};
use self::output::Output;
use crate::base::{machine::Machine, rand::Rand, time::Instant, time::UnixTime};
use crate::chat::outcome::{Outcome, Reason};
use crate::delivery::queue::output::{End, Health, Load, Loss};
use crate::delivery::{batch::Chats, batch::Item, config::Chat, config::Destination};
use crate::delivery::{dead_letter, dead_letter::Dead, queue, queue::Queue, queue::input::Entry};
use crate::webhook::{inbox, inbox::Inbox, inbox::RequestId, intake::Intake};
use crate::{incident, incident::Incidents, notify::Severity, notify::change::Key};

/// The most events that the inbox remembers, in some four megabytes.
const SEEN_MAX: usize = 65_536;
/// How often the others are told at most that a destination gives up events.
const GIVEN_UP_EVERY: Duration = Duration::from_secs(3_600);

/// The state of a destination, for `/status` and metrics.
#[derive(Clone, Debug)]
pub struct DestinationStatus {
    pub to: Arc<Destination>,
    pub health: Health,
    /// Events waiting, those in flight included.
    pub waiting: usize,
    /// Incidents whose state is to be told.
    pub untold: usize,
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
    /// How many events were new.
    events: usize,
    /// Those that wait for a chat.
    items: Vec<Item>,
    /// The incidents that they changed.
    incidents: Vec<Key>,
}

/// The engine machine.
#[derive(Debug)]
pub struct Engine {
    chat: Chat,
    rand: Rand,
    inbox: Inbox,
    incidents: Incidents,
    slots: Vec<Slot>,
    /// Destinations that are no longer configured but have a message in flight.
    retired: Vec<Slot>,
    last_destination: u32,
    writing: BTreeMap<u64, Writing>,
    /// What the last destination said that refused a message.
    refusal: String,
    /// How many events were given up, for the daily report.
    given_up: usize,
    /// When the chats were last told that events were given up.
    given_up_said_at: Option<Instant>,
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
                untold: self.incidents.untold(&to.name),
                oldest_at: queue.oldest_at(),
            })
            .collect()
    }

    /// What is wrong now, and who was told.
    pub const fn incidents(&self) -> &Incidents {
        &self.incidents
    }

    /// Whether a message is in flight or a batch is being written.
    pub fn is_busy(&self) -> bool {
        !self.writing.is_empty()
            || self.slots.iter().chain(&self.retired).any(|slot| slot.queue.is_sending())
    }

    fn restored(&mut self, now: Instant, events: Vec<Restored>, ago: Duration) {
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

    fn opened(&mut self, now: Instant, next_batch: u64, is_new: bool, store_max: u64) {
        self.inbox.handle_input(now, inbox::Input::Opened { next_batch });
        self.incidents.handle_input(now, incident::input::Input::Opened { is_new, store_max });
        if is_new {
            for slot in self.slots.iter_mut().chain(&mut self.retired) {
                slot.queue.handle_input(now, queue::input::Input::Lost);
            }
        }
    }

    fn again(&mut self, now: Instant, id: RequestId, letter: u64, intake: Intake, at: UnixTime) {
        let is_routed = |item: &Item| item.chats.is_subset(&self.chat.chats_with(&item.channel));
        if intake.items.iter().all(is_routed) {
            self.accept(now, Some(id), Some(letter), intake, at);
        } else {
            self.respond(id, StatusCode::Conflict);
        }
    }

    /// Puts an event into one queue of each chat that it is owed to: the one that serves its
    /// channel.
    fn enqueue(&mut self, now: Instant, entry: Entry, channel: &str, mut owed: Chats) {
        for (index, _) in self.chat.destinations_of(channel) {
            if let Some(slot) = self.slots.get_mut(index)
                && owed.remove(&slot.to.chat)
            {
                slot.queue.handle_input(now, queue::input::Input::Enqueue(entry));
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
                        self.refusal = dead_letter::refusal(*status, body, slot.to.credentials());
                    }
                    outcome
                }
                Err(reason) => Outcome::Retry { after: None, reason: *reason },
            };
            let is_divisible = self.incidents.is_divisible(&slot.to.name);
            let input = queue::input::Input::Answered { id, outcome, is_divisible };
            slot.queue.handle_input(now, input);
        }
    }

    fn configure(&mut self, now: Instant, config: Config) {
        let window = config.dedup_window;
        let inbox = inbox::Config { window, seen_max: SEEN_MAX, next_batch: config.next_batch };
        self.inbox.handle_input(now, inbox::Input::Configured(inbox));
        let incidents = incident::input::Input::Configured(incidents::config(&config));
        self.incidents.handle_input(now, incidents);
        self.chat = config.chat;
        let mut old = core::mem::take(&mut self.slots);
        for to in self.chat.destinations.clone() {
            let policy = queue::input::Config {
                pace: to.pace.clone(),
                queue_max: self.chat.delivery.queue_max,
                digest_after: self.chat.delivery.digest_after,
            };
            let same = |slot: &Slot| {
                (&slot.to.chat, slot.to.kind, &slot.to.url) == (&to.chat, to.kind, &to.url)
            };
            let slot = match old.iter().position(same) {
                Some(position) => {
                    let mut slot = old.swap_remove(position);
                    slot.to = Arc::new(to);
                    slot.queue.handle_input(now, queue::input::Input::Configured(policy));
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

    /// Empties the queues of destinations that are gone, once nothing is in flight there. Returns
    /// whether incidents are to be told anew.
    fn recall_retired(&mut self, now: Instant) -> bool {
        let mut untold = Vec::new();
        for slot in &mut self.retired {
            if slot.queue.take_incidents() {
                untold.push(Arc::clone(&slot.to));
            }
            let entries = slot.queue.take_waiting();
            if !entries.is_empty() {
                let chat = Arc::clone(&slot.to.chat);
                self.outputs.push_back(Output::Recall { entries, chat });
            }
        }
        self.retired.retain(|slot| slot.queue.is_sending());
        for to in &untold {
            self.ended(now, &to.name, End::Again);
        }
        !untold.is_empty()
    }

    /// Drains the incidents and all queues, and accepts the reports that follow.
    fn drain(&mut self, now: Instant, at: Option<UnixTime>) {
        self.drain_incidents(now);
        // What one queue has told, or a report, may make another due.
        let mut is_drained = false;
        while !core::mem::replace(&mut is_drained, true) {
            for index in 0..self.slots.len() + self.retired.len() {
                while let Some((id, to, output)) = self.poll_slot(index) {
                    is_drained = false;
                    // A report is accepted like any event; being new, it reaches no queue before
                    // it is stored.
                    let report = self.relay(now, id, to, output);
                    let intake = report.and_then(|report| self.report_intake(report, at));
                    if let Some(intake) = intake {
                        self.accept(now, None, None, intake, at.unwrap_or_default());
                    }
                }
            }
            is_drained &= !self.recall_retired(now);
        }
    }

    fn poll_slot(
        &mut self,
        index: usize,
    ) -> Option<(DestinationId, Arc<Destination>, queue::output::Output)> {
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
        output: queue::output::Output,
    ) -> Option<report::Report> {
        match output {
            queue::output::Output::Delivered { entries, form, .. } => {
                self.settle(&entries, &to, None);
                let accepted = entries.iter().filter_map(|entry| entry.accepted_at).min();
                let latency = accepted.map(|accepted_at| now - accepted_at);
                let events = entries.len();
                self.emit(output::Event::Delivered { to, events, form, latency });
            }
            queue::output::Output::Dropped { entries, loss } => {
                return self.gave_up(now, to, &entries, loss);
            }
            queue::output::Output::Failing(reason) => {
                self.hand_over(now, &to);
                return Some(report::Report::parked(&to, reason));
            }
            queue::output::Output::Parked { reason, probe_after, probes } => {
                let report = report::Report::parked(&to, reason);
                self.hand_over(now, &to);
                self.emit(output::Event::Parked { to, reason, probe_after });
                return (probes == 1).then_some(report);
            }
            queue::output::Output::Resumed => {
                let report = report::Report::new("DESTINATION_RESUMED", Severity::Info, &to, None);
                self.emit(output::Event::Resumed { to });
                return Some(report);
            }
            queue::output::Output::Retrying { failures, after, reason } => {
                self.emit(output::Event::Retrying { to, failures, after, reason });
            }
            queue::output::Output::Send { id, load, form } => {
                let message = match load {
                    Load::Events(keys) => Some(output::Message::Events(keys)),
                    Load::Incidents => self.compose(now, &to.name).map(output::Message::Incidents),
                };
                match message {
                    Some(message) => {
                        let send = Output::Send { destination, to, id, message, form };
                        self.outputs.push_back(send);
                    }
                    None => self.withdraw(now, destination, id),
                }
            }
            queue::output::Output::Told(end) => {
                self.ended(now, &to.name, end);
                match end {
                    End::Again | End::Divided => {}
                    End::Arrived(form) => self.emit(output::Event::Told { to, form }),
                    End::Refused(reason) => {
                        let (to, loss) = (Some(to), Loss::Refused(reason));
                        self.emit(output::Event::Dropped { to, events: 0, loss });
                    }
                }
            }
        }
        None
    }

    /// Settles events that a destination gave up. The others are told once an hour at most.
    fn gave_up(
        &mut self,
        now: Instant,
        to: Arc<Destination>,
        entries: &[Entry],
        loss: Loss,
    ) -> Option<report::Report> {
        let reason = match loss {
            Loss::Refused(_) => format!("refused: {}", self.refusal),
            Loss::Expired | Loss::Full | Loss::Lost | Loss::Unrouted => loss.to_string(),
        };
        let dead = Dead { to: to.name.as_str().into(), reason: reason.into() };
        // What was in a lost store cannot be kept.
        self.settle(entries, &to, (loss != Loss::Lost).then_some(&dead));
        let events = entries.len();
        self.given_up += events;
        let is_said = self.given_up_said_at.is_some_and(|at| now < at + GIVEN_UP_EVERY);
        let report = (!is_said).then(|| {
            self.given_up_said_at = Some(now);
            let reason = Some(loss.to_string());
            report::Report::new("EVENTS_DROPPED", Severity::Critical, &to, reason)
        });
        self.emit(output::Event::Dropped { to: Some(to), events, loss });
        report
    }

    fn settle(&mut self, entries: &[Entry], to: &Destination, dead: Option<&Dead>) {
        let chats = Chats::from([Arc::clone(&to.chat)]);
        let settle = |entry: &Entry| {
            let (key, chats, dead) = (entry.key, chats.clone(), dead.cloned());
            Output::Settle { key, chats, dead }
        };
        self.outputs.extend(entries.iter().map(settle));
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
            incidents: Incidents::new(incidents::config(&config), 0, now),
            slots: Vec::new(),
            retired: Vec::new(),
            last_destination: 0,
            writing: BTreeMap::new(),
            refusal: String::new(),
            given_up: 0,
            given_up_said_at: None,
            outputs: VecDeque::new(),
        };
        engine.configure(now, config);
        engine
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.inbox.handle_timeout(now);
        self.incidents.handle_timeout(now);
        self.drain_incidents(now);
        for slot in &mut self.slots {
            slot.queue.handle_timeout(now);
        }
        // A queue that only drops expired events needs no wall time.
        self.drain(now, None);
    }

    fn handle_input(&mut self, now: Instant, input: Input) {
        let wall = input.wall();
        if let Some(wall) = wall {
            let is_synchronised = self.incidents.is_synchronised();
            let clock = incident::input::Input::Clock { wall, is_synchronised };
            self.incidents.handle_input(now, clock);
        }
        match input {
            Input::Again { id, letter, intake, at } => self.again(now, id, letter, intake, at),
            Input::Answered { destination, id, answer, .. } => {
                self.answered(now, destination, id, &answer);
            }
            Input::Configured(config) => self.configure(now, config),
            Input::Incident(input) => self.incidents.handle_input(now, input),
            Input::Opened { next_batch, is_new, store_max } => {
                self.opened(now, next_batch, is_new, store_max);
            }
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
        let incidents = self.incidents.poll_timeout();
        self.inbox.poll_timeout().into_iter().chain(incidents).chain(queues).min()
    }
}

#[cfg(test)]
mod tests;
