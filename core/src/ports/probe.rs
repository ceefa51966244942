//! The probe of one access point, or of one port that a program outside asked about: from an event
//! to the decision what to do.
//!
//! ```text
//!          Triggered                        ask_at
//! Resting ──────────> Debouncing ─────────────────────> Asking <──────┐ ask_at
//!    ^                                                   │  │         │
//!    │                    Concluded                      │  └──────> Rechecking
//!    └───────────────────────────────────────────────────┘ AskAgain
//! ```
//!
//! After an access point came, the cloud needs `settle` to learn where it is. After it was lost,
//! the probe asks only after `disconnect_wait`, or after [`RESTART_MAX`] from a restart that Mist
//! announced. If the switch still sees it, or sees nobody, it asks once more after
//! `disconnect_wait`: a port is free when nobody was there for all of that time. If the switch has
//! restarted itself, it asks when that is over. If an answer is not enough, it asks again, less and
//! less often, up to [`ATTEMPTS_MAX`] times. A later event replaces an earlier one; an event that
//! is not newer than the last is ignored.
//!
//! A probe knows where its access point is, not how the port is configured.

use alloc::{collections::VecDeque, string::String};
use core::time::Duration;

use super::switch_port::{Mode, RESTART_MAX, SwitchPort};
use super::{ap_event::Cause, decide::Case, decide::Check, decide::Decision, decide::Reason};
use super::{decide::decide, question::Answer, question::Location, question::Question};
use crate::base::time::{Instant, UnixTime};
use crate::base::{backoff::Backoff, mac::Mac, machine::Machine, rand::Rand};

/// The most questions of one probe.
pub const ATTEMPTS_MAX: u32 = 6;
/// The most questions to a switch that still sees a lost access point.
const STILL_THERE_MAX: u32 = 2;
/// The wait before a further question.
const AGAIN: Backoff = Backoff::secs(30, 300);

/// Policy of a [`Probe`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// From the arrival of an access point to the first question.
    pub settle: Duration,
    pub check: Check,
    /// From the loss of an access point to the question that counts.
    pub wait: Duration,
}

/// What a probe is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// An access point, wherever it is.
    Ap(Mac),
    /// A port, whatever is plugged in.
    Port(SwitchPort),
}

/// What happened outside.
#[derive(Clone, Debug)]
pub enum Input {
    /// The answer to an `Ask`.
    Answered { id: u64, answer: Answer },
    /// The policy is another one.
    Configured(Config),
    /// The access point is not on its port any more.
    Displaced,
    /// The port is known from elsewhere, such as an earlier run.
    Restored(SwitchPort),
    /// The access point's entry in an inventory that was asked for at `asked_at`. `location` is
    /// `None` if it is not connected; `is_settled` tells whether its port has mode `ap`.
    Listed { location: Option<Location>, asked_at: Instant, is_settled: bool },
    /// Something happened, by Mist's clock at `at`.
    Triggered { cause: Cause, site: Option<String>, at: Option<UnixTime> },
}

/// Commands and events of a probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Find out, and answer once with `Answered`.
    Ask { id: u64, question: Question },
    /// The end, after an event that came at `since`. The decision is never to follow.
    Concluded { decision: Decision, since: Instant },
}

/// What is tried, from the event to the decision.
#[derive(Clone, Copy, Debug)]
struct Attempt {
    cause: Cause,
    since: Instant,
    /// Questions asked so far.
    count: u32,
    /// Since when each look has seen nobody on the port.
    gone_since: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Asking { attempt: Attempt, id: u64 },
    Rechecking { attempt: Attempt, ask_at: Instant },
    Resting,
    Debouncing { attempt: Attempt, ask_at: Instant },
}

/// The state machine of one probe.
#[derive(Debug)]
pub struct Probe {
    config: Config,
    rand: Rand,
    subject: Subject,
    current_port: Option<SwitchPort>,
    site: Option<String>,
    /// The last event and its time by Mist's clock.
    latest: Option<(UnixTime, Cause)>,
    /// When the last event came here.
    triggered_at: Option<Instant>,
    /// Until when an announced restart may take.
    restarts_until: Option<Instant>,
    state: State,
    last_id: u64,
    outputs: VecDeque<Output>,
}

impl Probe {
    /// The access point's port, as far as it is known.
    pub const fn current_port(&self) -> Option<SwitchPort> {
        self.current_port
    }

    /// Whether it waits for nothing.
    pub const fn is_resting(&self) -> bool {
        matches!(self.state, State::Resting)
    }

    fn triggered(&mut self, now: Instant, cause: Cause, at: Option<UnixTime>) {
        if cause == Cause::Restarting {
            return self.restarting(now, at);
        }
        if let Some(at) = at {
            let is_news = |(latest_at, latest): (UnixTime, Cause)| {
                at > latest_at || (at == latest_at && cause != latest)
            };
            if !self.latest.is_none_or(is_news) {
                return;
            }
            self.latest = Some((at, cause));
        }
        let attempt = Attempt { cause, since: now, count: 0, gone_since: None };
        let ask_at = match cause {
            Cause::Came | Cause::Asked(Mode::Ap) => now + self.config.settle,
            Cause::Lost => {
                let ask_at = now + self.config.wait;
                self.restarts_until.map_or(ask_at, |until| until.max(ask_at))
            }
            Cause::Asked(Mode::Default) | Cause::Restarting | Cause::Stale => now,
        };
        if cause == Cause::Came {
            self.restarts_until = None;
        }
        self.state = State::Debouncing { attempt, ask_at };
    }

    /// An announced restart explains a loss, also one that is known already.
    fn restarting(&mut self, now: Instant, at: Option<UnixTime>) {
        let is_over =
            |(latest_at, latest)| latest == Cause::Came && at.is_some_and(|at| at <= latest_at);
        if self.latest.is_some_and(is_over) {
            return;
        }
        let until = now + RESTART_MAX;
        self.restarts_until = Some(until);
        if let State::Debouncing { attempt, ask_at } | State::Rechecking { attempt, ask_at } =
            &mut self.state
            && attempt.cause == Cause::Lost
        {
            *ask_at = until.max(*ask_at);
        }
    }

    const fn case(&self, cause: Cause) -> Case {
        let current_port = self.current_port;
        match self.subject {
            Subject::Ap(ap) if matches!(cause, Cause::Lost) => Case::Departure { ap, current_port },
            Subject::Ap(ap) => Case::Arrival { ap, current_port },
            Subject::Port(switch_port) => {
                let asked = if let Cause::Asked(mode) = cause { Some(mode) } else { None };
                Case::Visit { switch_port, asked }
            }
        }
    }

    /// Asks what must be known, or decides if nothing must.
    fn begin(&mut self, now: Instant, attempt: Attempt) {
        let question = match (self.case(attempt.cause), self.config.check) {
            (Case::Arrival { ap, .. }, _) => Question::Location { ap, site: self.site.clone() },
            (Case::Departure { current_port: None, .. }, _)
            | (Case::Departure { .. }, Check::None) => return self.judge(now, attempt, None),
            (Case::Departure { .. }, Check::Outage(_)) => Question::Inventory,
            (Case::Departure { current_port: Some(switch_port), .. }, Check::Lldp)
            | (Case::Visit { switch_port, .. }, _) => Question::Port { switch_port, switch: None },
        };
        self.ask(Attempt { count: attempt.count + 1, ..attempt }, question);
    }

    fn ask(&mut self, attempt: Attempt, question: Question) {
        self.last_id += 1;
        self.state = State::Asking { attempt, id: self.last_id };
        self.outputs.push_back(Output::Ask { id: self.last_id, question });
    }

    fn answered(&mut self, now: Instant, answered: u64, answer: &Answer) {
        if let State::Asking { attempt, id } = self.state
            && id == answered
        {
            self.judge(now, attempt, Some(answer));
        }
    }

    fn judge(&mut self, now: Instant, attempt: Attempt, answer: Option<&Answer>) {
        let decision = decide(self.case(attempt.cause), answer);
        match decision {
            Decision::Follow(switch_port) => {
                return self.ask(attempt, Question::Port { switch_port, switch: None });
            }
            Decision::Release { reason, .. } if reason.is_absence() => {
                let gone_since = attempt.gone_since.unwrap_or(now);
                if gone_since + self.config.wait > now {
                    let attempt = Attempt { gone_since: Some(gone_since), ..attempt };
                    let ask_at = now + self.config.wait;
                    self.state = State::Rechecking { attempt, ask_at };
                    return;
                }
                self.current_port = None;
            }
            Decision::Release { .. } => self.current_port = None,
            Decision::Take { ap, switch_port, .. } if self.subject == Subject::Ap(ap) => {
                self.current_port = Some(switch_port);
            }
            // Both sides say so, and somebody should know at once.
            Decision::AskAgain(Reason::TwoPorts) => {}
            Decision::AskAgain(reason) => return self.recheck(now, attempt, reason),
            Decision::Keep(_) | Decision::Take { .. } => {}
        }
        self.conclude(attempt, decision);
    }

    /// Asks again later, unless it was asked often enough.
    fn recheck(&mut self, now: Instant, attempt: Attempt, reason: Reason) {
        let attempt = Attempt { gone_since: None, ..attempt };
        let is_still_there = reason == Reason::StillThere;
        let count_max = if is_still_there { STILL_THERE_MAX } else { ATTEMPTS_MAX };
        if attempt.count < count_max {
            let again = AGAIN.jittered(attempt.count, &mut self.rand);
            let wait = if is_still_there {
                self.config.wait
            } else if let Reason::SwitchRestarted(left) = reason {
                left
            } else {
                again
            };
            self.state = State::Rechecking { attempt, ask_at: now + wait };
        } else if is_still_there {
            self.conclude(attempt, Decision::Keep(reason));
        } else {
            self.conclude(attempt, Decision::AskAgain(reason));
        }
    }

    fn conclude(&mut self, attempt: Attempt, decision: Decision) {
        self.state = State::Resting;
        self.outputs.push_back(Output::Concluded { decision, since: attempt.since });
    }

    /// Takes an entry of the inventory as an answer, unless an attempt is under way or an event
    /// came after the inventory was asked for.
    fn listed(
        &mut self,
        now: Instant,
        location: Option<Location>,
        asked_at: Instant,
        is_settled: bool,
    ) {
        if !self.is_resting()
            || self.triggered_at.is_some_and(|triggered_at| triggered_at >= asked_at)
        {
            return;
        }
        let Some(location) = location else {
            if self.current_port.is_some() {
                self.triggered(now, Cause::Lost, None);
            }
            return;
        };
        let attempt = Attempt { cause: Cause::Came, since: now, count: 1, gone_since: None };
        let answer = Answer::Location(location);
        match decide(self.case(attempt.cause), Some(&answer)) {
            // The next inventory may know more.
            Decision::AskAgain(_) => {}
            // The port has its mode: the switch need not be asked every hour.
            Decision::Follow(switch_port)
                if self.current_port == Some(switch_port) && is_settled => {}
            Decision::Follow(_)
            | Decision::Keep(_)
            | Decision::Release { .. }
            | Decision::Take { .. } => self.judge(now, attempt, Some(&answer)),
        }
    }

    /// Learns from others where it is. Whether it is lost from another port is no question then.
    fn set_port(&mut self, current_port: Option<SwitchPort>) {
        if let State::Asking { attempt, .. }
        | State::Rechecking { attempt, .. }
        | State::Debouncing { attempt, .. } = self.state
            && attempt.cause == Cause::Lost
            && self.current_port != current_port
        {
            self.state = State::Resting;
        }
        self.current_port = current_port;
    }
}

impl Machine for Probe {
    type Config = (Config, Subject);
    type Input = Input;
    type Output = Output;

    fn new((config, subject): (Config, Subject), seed: u64, _now: Instant) -> Self {
        Self {
            config,
            rand: Rand::new(seed),
            subject,
            current_port: None,
            site: None,
            latest: None,
            triggered_at: None,
            restarts_until: None,
            state: State::Resting,
            last_id: 0,
            outputs: VecDeque::new(),
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        if let State::Debouncing { attempt, ask_at } | State::Rechecking { attempt, ask_at } =
            self.state
            && ask_at <= now
        {
            self.state = State::Resting;
            self.begin(now, attempt);
        }
    }

    fn handle_input(&mut self, now: Instant, input: Input) {
        match input {
            Input::Answered { id, answer } => self.answered(now, id, &answer),
            Input::Configured(config) => self.config = config,
            Input::Displaced => self.set_port(None),
            Input::Restored(switch_port) => self.set_port(Some(switch_port)),
            Input::Listed { location, asked_at, is_settled } => {
                self.listed(now, location, asked_at, is_settled);
            }
            Input::Triggered { cause, site, at } => {
                if site.is_some() {
                    self.site = site;
                }
                self.triggered_at = Some(now);
                self.triggered(now, cause, at);
            }
        }
        self.handle_timeout(now);
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Debouncing { ask_at, .. } | State::Rechecking { ask_at, .. } => Some(ask_at),
            State::Asking { .. } | State::Resting => None,
        }
    }
}

#[cfg(test)]
mod tests;
