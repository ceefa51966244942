//! One port: it changes the mode that the port has into the mode that is wanted.
//!
//! ```text
//!          Wanted          Taken             Pushed(Done)
//! Resting ───────> Due ─────────> Pushing ─────────────────────────────────────> Resting
//!    ^              ^               │ │ └─ Pushed(Unknown) ──> Unconfirmed          ^
//!    │     retry_at │               │ │                read_at │     ^ Read(None)   │
//!    │              ├── Waiting <───┘ │                        v     │              │
//!    │              │  Pushed(Failed) │                      Reading ── Read(true) ─┘
//!    │              │                 │                        │
//!    │              └─────────────────┼────────── Read(false) ─┘
//!    └── Wanted as it is              └─ Pushed(Failed) for good, or too often ──> Stuck
//! ```
//!
//! One change is in flight at a time. If other modes are wanted meanwhile, the last of them waits
//! for its end. A change whose end is not known may have been made: the port is read back before
//! anything else, and the change is not reported as failed. The owner of the port pushes a change
//! that is due, with others of the same switch, and answers a `Pushing` port with `Pushed` once.
//!
//! A manual change is made even if the port should have the mode already, and if its end is not
//! known the port is read back once, at once.
//!
//! The port decides neither which mode is right nor whether the change is allowed.

use alloc::collections::VecDeque;
use core::{mem, time::Duration};

use super::{decide::Reason, edit::Pushed, switch_port::Mode};
use crate::base::time::Instant;
use crate::base::{backoff::Backoff, failure::Failure, mac::Mac, machine::Machine, rand::Rand};

/// The stage of a port without a change.
pub const RESTING: &str = "resting";
/// The wait after a failed push.
const RETRY: Backoff = Backoff::secs(10, 600);

/// Policy of a [`Port`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// How often a change is tried.
    pub attempts_max: u32,
}

/// The mode that is wanted of a port, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Want {
    pub mode: Mode,
    pub ap: Option<Mac>,
    pub reason: Reason,
    /// When the event came that led to it.
    pub since: Instant,
    /// When the switch said so; `None` if the reason does not grow old.
    pub proved_at: Option<Instant>,
}

/// What happened outside.
#[derive(Clone, Debug)]
pub enum Input {
    /// The policy is another one.
    Configured(Config),
    /// The end of the change in flight.
    Pushed(Pushed),
    /// The change in flight was not tried, and is due again.
    PutBack,
    /// Whether the port has the wanted mode; `None` if it could not be read.
    Read(Option<bool>),
    /// The change that is due is forbidden.
    Refused,
    /// An earlier run changed the port; `mode` is what it has, if that is known.
    Restored { mode: Option<Mode> },
    /// The change that is due is on its way.
    Taken,
    /// The port should have this mode.
    Wanted(Want),
}

/// Commands and events of a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// A change waits to be pushed; see [`Port::due`].
    Due,
    /// Find out whether the port has this mode; answer with `Read`.
    Read(Mode),
    /// The change failed, or may have.
    Failed { want: Want, failed: Failed },
    /// It has the wanted mode, as was found out after an unknown end if it `is_read_back`.
    Settled { want: Want, attempt: u32, is_read_back: bool },
}

/// A change that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// Counts from 1.
    pub attempt: u32,
    pub failure: Failure,
    /// Whether it was not given up for the same failure before.
    pub is_news: bool,
    /// `None` if it was given up until there is news of the port.
    pub retry: Option<Retry>,
}

/// How a change that failed is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    pub after: Duration,
    /// Whether the change may have been made, so that the port is read back first.
    pub is_unknown: bool,
}

/// The change that is under way.
#[derive(Clone, Debug)]
struct Change {
    want: Want,
    attempt: u32,
    /// What was wanted last since it is in flight.
    next: Option<Want>,
}

/// In `Waiting` the change is to be pushed again, in `Unconfirmed` the port is to be read back.
#[derive(Clone, Debug, Default)]
enum State {
    Due(Change),
    Pushing(Change),
    Reading(Change, Failure),
    #[default]
    Resting,
    Stuck,
    Waiting {
        change: Change,
        retry_at: Instant,
    },
    Unconfirmed {
        change: Change,
        failure: Failure,
        read_at: Instant,
    },
}

/// The port machine.
#[derive(Debug, Default)]
pub struct Port {
    config: Config,
    rand: Rand,
    /// The mode that the port is known to have.
    mode: Option<Mode>,
    /// Whether it may ever have been changed.
    is_touched: bool,
    state: State,
    /// Why it was given up last, until it settles.
    stuck: Option<Failure>,
    /// Why a change failed last, until one settles.
    last_failure: Option<&'static str>,
    outputs: VecDeque<Output>,
}

impl Port {
    /// The mode that it is known to have.
    pub const fn mode(&self) -> Option<Mode> {
        self.mode
    }

    /// Whether it may ever have been changed.
    pub const fn is_touched(&self) -> bool {
        self.is_touched
    }

    /// The change that waits to be pushed.
    pub const fn due(&self) -> Option<&Want> {
        if let State::Due(change) = &self.state { Some(&change.want) } else { None }
    }

    /// The change that is under way.
    const fn change(&self) -> Option<&Change> {
        match &self.state {
            State::Due(change)
            | State::Pushing(change)
            | State::Reading(change, _)
            | State::Waiting { change, .. }
            | State::Unconfirmed { change, .. } => Some(change),
            State::Resting | State::Stuck => None,
        }
    }

    /// The mode that it is on its way to.
    pub fn wanted_mode(&self) -> Option<Mode> {
        self.change().map(|change| change.want.mode)
    }

    /// How far its change is: the name in `/status` and in the metrics.
    pub const fn stage(&self) -> &'static str {
        match self.state {
            State::Due(_) => "due",
            State::Pushing(_) => "pushing",
            State::Reading(..) | State::Unconfirmed { .. } => "reading_back",
            State::Resting => RESTING,
            State::Waiting { .. } => "retrying",
            State::Stuck => "stuck",
        }
    }

    /// Why its change failed last, until one settles: the [name](Failure::name) of the failure.
    pub const fn last_failure(&self) -> Option<&'static str> {
        self.last_failure
    }

    /// What was wanted last, until the port has it or it is given up.
    pub fn wanted(&self) -> Option<&Want> {
        self.change().map(|change| change.next.as_ref().unwrap_or(&change.want))
    }

    /// Whether a change is in flight.
    pub const fn is_pushing(&self) -> bool {
        matches!(self.state, State::Pushing(_))
    }

    /// Whether nothing happens until something else is wanted.
    pub const fn is_idle(&self) -> bool {
        matches!(self.state, State::Resting | State::Stuck)
    }

    fn want(&mut self, want: Want) {
        // A port that was never changed need not be changed back.
        let is_withdrawn = !self.is_touched && want.mode == Mode::Default;
        match &mut self.state {
            State::Pushing(change)
            | State::Reading(change, _)
            | State::Unconfirmed { change, .. } => change.next = Some(want),
            State::Due(_) | State::Resting | State::Stuck | State::Waiting { .. }
                if self.mode == Some(want.mode) && !want.reason.is_by_person() =>
            {
                self.state = State::Resting;
            }
            State::Due(_) | State::Waiting { .. } if is_withdrawn => self.state = State::Resting,
            // The same mode for a newer reason.
            State::Due(change) | State::Waiting { change, .. } if change.want.mode == want.mode => {
                change.want = Want { since: change.want.since, ..want };
            }
            State::Due(_) | State::Resting | State::Stuck | State::Waiting { .. } => {
                self.push(Change { want, attempt: 1, next: None });
            }
        }
    }

    fn push(&mut self, change: Change) {
        self.state = State::Due(change);
        self.outputs.push_back(Output::Due);
    }

    /// Ends the change in flight and returns it.
    fn take_flight(&mut self) -> Option<Change> {
        let State::Pushing(change) = &self.state else { return None };
        let change = change.clone();
        self.state = State::Resting;
        Some(change)
    }

    fn put_back(&mut self) {
        if let Some(mut change) = self.take_flight() {
            let next = change.next.take();
            self.push(change);
            self.later(next);
        }
    }

    /// Turns to the mode that was wanted meanwhile, if any.
    fn later(&mut self, next: Option<Want>) {
        if let Some(next) = next {
            self.want(next);
        }
    }

    fn pushed(&mut self, now: Instant, pushed: Pushed) {
        let Some(change) = self.take_flight() else { return };
        match pushed {
            Pushed::Done { .. } => self.settled(&change, false),
            Pushed::Failed(failure) => self.failed(now, change, failure),
            Pushed::Unknown(failure) => {
                self.is_touched = true;
                self.mode = None;
                if change.want.reason.is_by_person() {
                    self.read_back(change, failure);
                } else {
                    self.unconfirmed(now, change, failure);
                }
            }
        }
    }

    fn settled(&mut self, change: &Change, is_read_back: bool) {
        let Change { want, attempt, next } = *change;
        self.is_touched = true;
        self.mode = Some(want.mode);
        (self.stuck, self.last_failure) = (None, None);
        self.outputs.push_back(Output::Settled { want, attempt, is_read_back });
        self.later(next);
    }

    fn failed(&mut self, now: Instant, change: Change, failure: Failure) {
        let Change { want, attempt, next } = change;
        self.last_failure = Some(failure.name());
        let next = match next {
            Some(next) if next.mode != want.mode => return self.want(next),
            next => next.unwrap_or(want),
        };
        let want = Want { since: want.since, ..next };
        if failure.is_lasting() || want.reason.is_by_person() || attempt >= self.config.attempts_max
        {
            return self.give_up(want, attempt, failure);
        }
        let after = self.after(attempt, &failure);
        let change = Change { want, attempt: attempt + 1, next: None };
        self.state = State::Waiting { change, retry_at: now + after };
        self.report(want, attempt, failure, Some(Retry { after, is_unknown: false }));
    }

    /// Waits until the port is to be read back.
    fn unconfirmed(&mut self, now: Instant, change: Change, failure: Failure) {
        let Change { want, attempt, next } = change;
        self.last_failure = Some(failure.name());
        if attempt >= self.config.attempts_max {
            self.give_up(want, attempt, failure);
            return self.later(next);
        }
        let after = self.after(attempt, &failure);
        self.report(want, attempt, failure.clone(), Some(Retry { after, is_unknown: true }));
        let change = Change { attempt: attempt + 1, ..change };
        self.state = State::Unconfirmed { change, failure, read_at: now + after };
    }

    fn give_up(&mut self, want: Want, attempt: u32, failure: Failure) {
        self.state = State::Stuck;
        self.report(want, attempt, failure.clone(), None);
        self.stuck = Some(failure);
    }

    fn report(&mut self, want: Want, attempt: u32, failure: Failure, retry: Option<Retry>) {
        let is_news = self.stuck.as_ref() != Some(&failure);
        let failed = Failed { attempt, failure, is_news, retry };
        self.outputs.push_back(Output::Failed { want, failed });
    }

    fn after(&mut self, attempt: u32, failure: &Failure) -> Duration {
        RETRY.jittered(attempt, &mut self.rand).max(failure.after().unwrap_or_default())
    }

    fn read(&mut self, now: Instant, is_done: Option<bool>) {
        let State::Reading(change, failure) = &self.state else {
            // The answer is too late.
            return;
        };
        let (change, failure) = (change.clone(), failure.clone());
        self.state = State::Resting;
        match (is_done, change.next) {
            (Some(true), _) => self.settled(&change, true),
            (Some(false), _) if change.want.reason.is_by_person() => {
                self.failed(now, change, failure)
            }
            (None, _) if change.want.reason.is_by_person() => {
                let retry = Retry { after: Duration::ZERO, is_unknown: true };
                self.report(change.want, change.attempt, failure, Some(retry));
            }
            (Some(false), Some(next)) if next.mode != change.want.mode => self.want(next),
            (Some(false), next) => {
                let since = change.want.since;
                let want = next.map_or(change.want, |next| Want { since, ..next });
                self.push(Change { want, next: None, ..change });
            }
            (None, _) => self.unconfirmed(now, change, failure),
        }
    }

    fn read_back(&mut self, change: Change, failure: Failure) {
        self.outputs.push_back(Output::Read(change.want.mode));
        self.state = State::Reading(change, failure);
    }
}

impl Machine for Port {
    type Config = Config;
    type Input = Input;
    type Output = Output;

    fn new(config: Config, seed: u64, _now: Instant) -> Self {
        Self { config, rand: Rand::new(seed), ..Self::default() }
    }

    fn handle_timeout(&mut self, now: Instant) {
        if self.poll_timeout().is_none_or(|at| at > now) {
            return;
        }
        // The others wait for no time.
        let state = mem::take(&mut self.state);
        if let State::Waiting { change, .. } = state {
            self.push(change);
        } else if let State::Unconfirmed { change, failure, .. } = state {
            self.read_back(change, failure);
        }
    }

    fn handle_input(&mut self, now: Instant, input: Input) {
        match input {
            Input::Configured(config) => self.config = config,
            Input::Pushed(pushed) => self.pushed(now, pushed),
            Input::PutBack => self.put_back(),
            Input::Read(is_done) => self.read(now, is_done),
            Input::Refused => {
                if let State::Due(_) = self.state {
                    self.state = State::Resting;
                }
            }
            Input::Restored { mode } => {
                self.is_touched = true;
                self.mode = mode;
            }
            Input::Taken => {
                if let State::Due(change) = &self.state {
                    self.state = State::Pushing(change.clone());
                }
            }
            Input::Wanted(want) => self.want(want),
        }
        self.handle_timeout(now);
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        if let State::Waiting { retry_at: at, .. } | State::Unconfirmed { read_at: at, .. } =
            self.state
        {
            return Some(at);
        }
        None
    }
}

#[cfg(test)]
mod tests;
