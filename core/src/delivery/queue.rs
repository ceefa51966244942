//! The queue of one destination: what is sent next, when, in which form, and until when.
//!
//! ```text
//!            Enqueue                Answered(Delivered)
//! Ready ──────────────> Sending ──────────────────────────> Ready
//!   ^                    │  │ └─ Answered(Degrade) ────────> Degraded ──> Sending as plain text
//!   │ retry_at           │  └──── Answered(Dead) ──────────> Parked ──probe_at──> Sending
//!   └───── Waiting <─────┘ Answered(Retry)
//! ```
//!
//! One message is in flight at a time. The highest severity goes first, then the oldest. What waits
//! is merged where the pace could not send it one by one within `digest_after`. Critical events are
//! merged with nothing else: the pace has room for them that others may not use. The queue holds
//! keys, not texts: some fifty bytes for each waiting event. It does not write to the store: it
//! reports what was delivered or dropped, and the driver has that written.

pub mod input;
pub mod output;

use alloc::{collections::VecDeque, vec::Vec};
use core::{mem, slice, time::Duration};

use self::input::{Config, Entry, Input};
use self::output::{End, Health, Load, Loss, Output};
use crate::base::{backoff::Backoff, machine::Machine, rand::Rand, time::Instant, window::Pace};
use crate::{chat::outcome::Outcome, chat::outcome::Reason, chat::shape::Form, notify::Severity};

/// The most events of one message.
pub const MERGED_MAX: usize = 500;
/// The wait before a parked destination is tried again, doubled from the first to the last.
const PROBE: Backoff = Backoff::secs(60, 3_600);
/// The wait after a failure that may soon be over.
const RETRY: Backoff = Backoff::secs(1, 300);
/// After so many refusals without a delivery it is the destination that is wrong, whatever its
/// answers say.
const REFUSALS_MAX: u32 = 5;
/// A destination that has failed for so long is said to be stopped.
const FAILING_MAX: Duration = Duration::from_secs(900);
/// The longest wait that an answer may ask for: a wrong number must not end a chat.
const ASKED_MAX: Duration = Duration::from_secs(3_600);

#[derive(Debug, Default)]
enum State {
    Degraded {
        load: Entries,
        health: Health,
    },
    Parked {
        probe_at: Instant,
        reason: Reason,
    },
    #[default]
    Ready,
    /// `health` is the one before the attempt: sending alone does not make it better.
    Sending {
        load: Entries,
        form: Form,
        health: Health,
        /// Whether the store has lost them, so that they cannot be sent again.
        is_lost: bool,
    },
    Waiting {
        retry_at: Instant,
        reason: Reason,
    },
}

/// The events of a message; none if it is about incidents.
#[derive(Debug)]
enum Entries {
    Events(Vec<Entry>),
    Incidents(Severity),
}

/// The queue machine.
#[derive(Debug, Default)]
pub struct Queue {
    config: Config,
    rand: Rand,
    pace: Pace,
    state: State,
    /// Failed attempts since the last success; of a parked destination, failed probes.
    failures: u32,
    /// Messages that were refused since then.
    refusals: u32,
    /// Since when it fails without being parked, and whether that was said.
    failing: Option<(Instant, bool)>,
    /// For each severity, the lowest first: what waits, in the order of arrival.
    waiting: [VecDeque<Entry>; Severity::ALL.len()],
    /// The worst incident that can be told now.
    incidents: Option<Severity>,
    last_id: u64,
    outputs: VecDeque<Output>,
}

impl Queue {
    /// How many events wait, those in flight included.
    pub fn waiting(&self) -> usize {
        if let State::Degraded { load: Entries::Events(entries), .. }
        | State::Sending { load: Entries::Events(entries), .. } = &self.state
        {
            return self.not_sent() + entries.len();
        }
        self.not_sent()
    }

    /// When the oldest waiting event was accepted, where that was in this run.
    pub fn oldest_at(&self) -> Option<Instant> {
        self.oldest().filter_map(|entry| entry.accepted_at).min()
    }

    /// The health of the destination, as the last attempt showed it.
    pub const fn health(&self) -> Health {
        match self.state {
            State::Parked { reason, .. } => Health::Parked(reason),
            State::Waiting { reason, .. } => Health::Failing(reason),
            State::Degraded { health, .. } | State::Sending { health, .. } => health,
            State::Ready => Health::Ready,
        }
    }

    /// Whether it is parked, or has failed for a quarter of an hour.
    pub fn is_stopped(&self) -> bool {
        let is_failing = self.failing.is_some_and(|(_, is_said)| is_said);
        is_failing || matches!(self.health(), Health::Parked(_))
    }

    /// Whether a message is on its way.
    pub const fn is_sending(&self) -> bool {
        matches!(self.state, State::Sending { .. })
    }

    /// Takes out all events that are not in flight, for a destination that is no longer configured.
    pub fn take_waiting(&mut self) -> Vec<Entry> {
        let mut taken = Vec::new();
        if let State::Degraded { load: Entries::Events(entries), .. } = &mut self.state {
            taken.append(entries);
            self.state = State::Ready;
        }
        taken.extend(self.waiting.iter_mut().rev().flat_map(|queue| queue.drain(..)));
        taken
    }

    /// Takes back a message about incidents that waits to be said plainly, for a destination that
    /// is no longer configured. Returns whether there was one.
    pub fn take_incidents(&mut self) -> bool {
        let is_owed = matches!(self.state, State::Degraded { load: Entries::Incidents(_), .. });
        if is_owed {
            self.state = State::Ready;
        }
        is_owed
    }

    fn keep_bound(&mut self) {
        let over = self.not_sent().saturating_sub(self.config.queue_max);
        let mut least = || self.waiting.iter_mut().find_map(VecDeque::pop_front);
        let least = (0..over).filter_map(|_| least()).collect();
        self.drop_all(least, Loss::Full);
    }

    fn not_sent(&self) -> usize {
        self.waiting.iter().map(VecDeque::len).sum()
    }

    /// The oldest waiting entry of each severity.
    fn oldest(&self) -> impl Iterator<Item = &Entry> {
        self.waiting.iter().filter_map(VecDeque::front)
    }

    const fn of(&mut self, severity: Severity) -> &mut VecDeque<Entry> {
        let [debug, info, warning, critical] = &mut self.waiting;
        match severity {
            Severity::Debug => debug,
            Severity::Info => info,
            Severity::Warning => warning,
            Severity::Critical => critical,
        }
    }

    fn answered(&mut self, now: Instant, outcome: Outcome, is_divisible: bool) {
        let State::Sending { mut load, form, health, is_lost } =
            mem::replace(&mut self.state, State::Ready)
        else {
            return;
        };
        if is_lost
            && outcome != Outcome::Delivered
            && let Entries::Events(entries) = &mut load
        {
            let entries = mem::take(entries);
            self.drop_all(entries, Loss::Lost);
        }
        let parked = matches!(health, Health::Parked(_));
        match outcome {
            Outcome::Delivered => {
                let failures = mem::take(&mut self.failures);
                self.refusals = 0;
                let was_said = self.failing.take().is_some_and(|(_, is_said)| is_said);
                if parked || was_said {
                    self.outputs.push_back(Output::Resumed);
                }
                let failures = if parked { 0 } else { failures };
                self.outputs.push_back(match load {
                    Entries::Events(entries) => Output::Delivered { entries, form, failures },
                    Entries::Incidents(_) => Output::Told(End::Arrived(form)),
                });
            }
            Outcome::Degrade(_)
                if is_divisible && form == Form::Plain && matches!(load, Entries::Incidents(_)) =>
            {
                // It may be for the sake of one of them, and says nothing of the destination.
                self.outputs.push_back(Output::Told(End::Divided));
                self.resume(health);
            }
            Outcome::Degrade(reason) => self.degrade(now, load, form, health, reason),
            Outcome::Dead(reason) => {
                if !parked {
                    self.failures = 0;
                }
                self.failures += 1;
                self.park(now, load, reason);
            }
            Outcome::Retry { reason, .. } if parked => {
                self.failures += 1;
                self.park(now, load, reason);
            }
            Outcome::Retry { after, reason } => {
                self.failures = self.failures.saturating_add(1);
                let asked = after.unwrap_or_default().min(ASKED_MAX);
                let after = RETRY.jittered(self.failures, &mut self.rand).max(asked);
                self.put_back(load);
                let (since, is_said) = self.failing.get_or_insert((now, false));
                if now - *since >= FAILING_MAX && !mem::replace(is_said, true) {
                    self.outputs.push_back(Output::Failing(reason));
                }
                self.state = State::Waiting { retry_at: now + after, reason };
                self.outputs.push_back(Output::Retrying { failures: self.failures, after, reason });
            }
        }
    }

    /// The chat refuses what the message holds: it is said plainly, then many events by halves.
    fn degrade(&mut self, now: Instant, load: Entries, form: Form, health: Health, reason: Reason) {
        let is_parked = matches!(health, Health::Parked(_));
        let is_dead = is_parked && self.refusals >= REFUSALS_MAX;
        if is_parked && !is_dead {
            self.failures = 0;
            self.outputs.push_back(Output::Resumed);
        }
        let health = if is_dead { health } else { Health::Ready };
        match load {
            Entries::Events(mut entries) if form == Form::Plain && entries.len() > 1 => {
                // It may be for the sake of one of them.
                let later = entries.split_off(entries.len().div_ceil(2));
                self.put_back(Entries::Events(later));
                self.state = State::Degraded { load: Entries::Events(entries), health };
            }
            Entries::Events(entries) if form == Form::Plain => {
                self.drop_all(entries, Loss::Refused(reason));
                self.refused(now, reason, is_dead);
            }
            Entries::Incidents(_) if form == Form::Plain => {
                self.outputs.push_back(Output::Told(End::Refused(reason)));
                self.refused(now, reason, is_dead);
            }
            Entries::Events(entries) if entries.is_empty() => {}
            load @ (Entries::Events(_) | Entries::Incidents(_)) => {
                self.state = State::Degraded { load, health };
            }
        }
    }

    /// A message was refused for good.
    fn refused(&mut self, now: Instant, reason: Reason, is_dead: bool) {
        self.refusals = self.refusals.saturating_add(1);
        if self.refusals >= REFUSALS_MAX {
            self.failures = if is_dead { self.failures + 1 } else { 1 };
            self.park(now, Entries::Events(Vec::new()), reason);
        }
    }

    fn park(&mut self, now: Instant, load: Entries, reason: Reason) {
        let probe_after = PROBE.wait(self.failures);
        self.put_back(load);
        self.state = State::Parked { probe_at: now + probe_after, reason };
        let probes = self.failures;
        self.outputs.push_back(Output::Parked { reason, probe_after, probes });
    }

    fn put_back(&mut self, load: Entries) {
        match load {
            Entries::Events(entries) => {
                for entry in entries.into_iter().rev() {
                    self.of(entry.severity).push_front(entry);
                }
            }
            Entries::Incidents(_) => self.outputs.push_back(Output::Told(End::Again)),
        }
    }

    fn drop_all(&mut self, mut entries: Vec<Entry>, loss: Loss) {
        if entries.is_empty() {
            return;
        }
        // What a full queue loses to one batch is reported once.
        match self.outputs.back_mut() {
            Some(Output::Dropped { entries: earlier, loss: same }) if *same == loss => {
                earlier.append(&mut entries);
            }
            Some(_) | None => self.outputs.push_back(Output::Dropped { entries, loss }),
        }
    }

    fn expire(&mut self, now: Instant) {
        let mut expired = Vec::new();
        for queue in &mut self.waiting {
            while let Some(entry) = queue.pop_front_if(|entry| entry.expires_at <= now) {
                expired.push(entry);
            }
        }
        self.drop_all(expired, Loss::Expired);
    }

    fn send_next(&mut self, now: Instant) {
        let due = match self.state {
            State::Degraded { .. } | State::Ready => true,
            State::Waiting { retry_at: at, .. } | State::Parked { probe_at: at, .. } => at <= now,
            State::Sending { .. } => false,
        };
        if !due {
            return;
        }
        let health = self.health();
        if self.pace.ready_at(now, self.is_urgent()) > now {
            return;
        }
        if let State::Degraded { load, .. } = &mut self.state {
            let load = mem::replace(load, Entries::Events(Vec::new()));
            return self.send(now, load, Form::Plain, health);
        }
        if let Some(load) = self.take_next(now) {
            self.send(now, load, Form::Rich, health);
        } else if !matches!(health, Health::Parked(_)) {
            self.state = State::Ready;
        }
    }

    /// Whether the next message is critical.
    fn is_urgent(&self) -> bool {
        match &self.state {
            State::Degraded { load: Entries::Events(entries), .. } => {
                entries.iter().any(is_critical)
            }
            State::Degraded { load: Entries::Incidents(severity), .. } => {
                *severity == Severity::Critical
            }
            State::Parked { .. } | State::Ready | State::Sending { .. } | State::Waiting { .. } => {
                self.incidents == Some(Severity::Critical) || self.oldest().any(is_critical)
            }
        }
    }

    fn send(&mut self, now: Instant, load: Entries, form: Form, health: Health) {
        self.pace.note(now);
        self.last_id += 1;
        let said = match &load {
            Entries::Events(entries) => {
                Load::Events(entries.iter().map(|entry| entry.key).collect())
            }
            Entries::Incidents(_) => {
                // Whether there is more is known once this one has ended.
                self.incidents = None;
                Load::Incidents
            }
        };
        self.state = State::Sending { load, form, health, is_lost: false };
        self.outputs.push_back(Output::Send { id: self.last_id, load: said, form });
    }

    /// The next message: of incidents, unless an event is more severe; else one event, or many
    /// where the pace is too slow for what waits.
    fn take_next(&mut self, now: Instant) -> Option<Entries> {
        let worst = self.oldest().map(|entry| entry.severity).max();
        if let Some(severity) = self.incidents.filter(|incidents| Some(*incidents) >= worst) {
            return Some(Entries::Incidents(severity));
        }
        let is_urgent = self.is_urgent();
        let budget = self.pace.budget(now, self.config.digest_after, is_urgent);
        let [ordinary @ .., critical] = &mut self.waiting;
        let queues = if is_urgent { slice::from_mut(critical) } else { ordinary };
        let waiting: usize = queues.iter().map(VecDeque::len).sum();
        let is_merged = budget.is_some_and(|budget| waiting > budget.max(1));
        let most = if is_merged { MERGED_MAX } else { 1 };
        let mut next = || queues.iter_mut().rev().find_map(VecDeque::pop_front);
        let entries: Vec<Entry> = (0..most).map_while(|_| next()).collect();
        (!entries.is_empty()).then_some(Entries::Events(entries))
    }

    /// Goes on as before an attempt that showed nothing.
    fn resume(&mut self, health: Health) {
        self.state = match health {
            Health::Parked(reason) => State::Parked { probe_at: Instant::default(), reason },
            Health::Failing(_) | Health::Ready => State::Ready,
        };
    }
}

fn is_critical(entry: &Entry) -> bool {
    entry.severity == Severity::Critical
}

impl Machine for Queue {
    type Config = Config;
    type Input = Input;
    type Output = Output;

    fn new(config: Config, seed: u64, _now: Instant) -> Self {
        Self {
            pace: Pace::new(config.pace.clone()),
            config,
            rand: Rand::new(seed),
            ..Self::default()
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.expire(now);
        self.send_next(now);
        // Events are not sorted by age: a message that failed went back to the front, and what was
        // taken just now may have hidden older events behind it.
        self.expire(now);
    }

    fn handle_input(&mut self, now: Instant, input: Input) {
        match input {
            Input::Answered { id, outcome, is_divisible } => {
                if id == self.last_id {
                    self.answered(now, outcome, is_divisible);
                }
            }
            Input::Configured(config) => {
                self.pace.set_windows(config.pace.clone());
                self.config = config;
                self.keep_bound();
                // Whoever repaired a destination wants to see that it works.
                match &mut self.state {
                    State::Parked { probe_at: at, .. } | State::Waiting { retry_at: at, .. } => {
                        *at = now;
                    }
                    State::Degraded { .. } | State::Ready | State::Sending { .. } => {}
                }
            }
            Input::Enqueue(entry) => {
                self.of(entry.severity).push_back(entry);
                self.keep_bound();
            }
            Input::Incidents(severity) => self.incidents = severity,
            Input::Lost => {
                let lost = self.take_waiting();
                self.drop_all(lost, Loss::Lost);
                if let State::Sending { is_lost, .. } = &mut self.state {
                    *is_lost = true;
                }
            }
            Input::Withdrawn { id } => {
                if let State::Sending { health, .. } = self.state
                    && id == self.last_id
                {
                    self.resume(health);
                }
            }
        }
        self.handle_timeout(now);
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let expires_at = self.oldest().map(|entry| entry.expires_at).min();
        // The pace alone decides from when on the next message may leave.
        let ready_at = self.pace.ready_at(Instant::default(), self.is_urgent());
        let waits = expires_at.is_some() || self.incidents.is_some();
        let acts_at = match self.state {
            State::Degraded { .. } => Some(ready_at),
            State::Parked { probe_at, .. } => waits.then(|| probe_at.max(ready_at)),
            State::Ready => waits.then_some(ready_at),
            State::Sending { .. } => None,
            State::Waiting { retry_at, .. } => waits.then(|| retry_at.max(ready_at)),
        };
        acts_at.into_iter().chain(expires_at).min()
    }
}

#[cfg(test)]
mod tests;
