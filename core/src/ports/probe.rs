//! The probe of one access point, or of one port that a program outside asked about: from an event
//! to what is to be done about it.
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
//! its port is asked about at once and, where the switch still sees it, once more after
//! `disconnect_wait`; its site is asked about after `disconnect_wait` only. An answer that is not
//! enough is asked for again, less and less often, up to [`ATTEMPTS_MAX`] times. A later event
//! replaces an earlier one; an event that is not newer than the last is ignored.
//!
//! It is not the port: it knows where its access point is, not how the port is configured.

use alloc::{collections::VecDeque, string::String};
use core::time::Duration;

use super::{
    decide::{Case, Check, Decision, Evidence, Reason, decide},
    outage::Share,
    question::Location,
    switch_port::{Mode, Sighting, SwitchPort},
};
use crate::base::{
    backoff::Backoff,
    mac::Mac,
    machine::Machine,
    rand::Rand,
    time::{Instant, UnixTime},
};

/// How often one question is asked at most.
pub const ATTEMPTS_MAX: u32 = 6;
/// How often a switch that still sees a lost access point is asked.
const STILL_THERE_MAX: u32 = 2;
/// The wait before a further question.
const AGAIN: Backoff = Backoff::secs(30, 300);

/// Policy of a [`Probe`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// From an access point's coming to the first question.
    pub settle: Duration,
    /// What must be seen before a lost access point is taken for gone.
    pub check: Check,
    /// From a loss to the question that counts.
    pub wait: Duration,
}

/// What is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// An access point, wherever it is.
    Ap(Mac),
    /// A port, whatever is plugged in.
    Port(SwitchPort),
}

/// What starts a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The access point came or restarted.
    Came,
    /// The access point was lost.
    Lost,
    /// A program outside asks for this mode of the port.
    Asked(Mode),
    /// What was known of the port is old.
    Stale,
}

/// What happened outside.
#[derive(Clone, Debug)]
pub enum Input {
    /// What became of an `Ask`.
    Answered { id: u64, answer: Answer },
    /// A later policy.
    Configured(Config),
    /// Its port is another's, or none.
    Displaced,
    /// An earlier run knew its port.
    Restored(SwitchPort),
    /// What the inventory says of it.
    Listed {
        /// Where the access point is; nothing where it is not connected.
        location: Option<Location>,
        /// When the inventory was asked for.
        asked_at: Instant,
        /// Whether its port has mode `ap`.
        is_settled: bool,
    },
    /// There is something to look at.
    Triggered {
        cause: Cause,
        /// The access point's site.
        site: Option<String>,
        /// When, by Mist's clock.
        at: Option<UnixTime>,
    },
}

/// The answer to the [`Question`] of the same name.
#[derive(Clone, Debug)]
pub enum Answer {
    /// What the switch says.
    Port {
        /// Nothing where it has no such port.
        seen: Option<Sighting>,
        /// Whether the neighbour is one of our access points; nothing where that is not known.
        is_ap: Option<bool>,
    },
    /// How many went together.
    Share(Option<Share>),
    /// There is none.
    Unanswered,
    /// Where it is.
    Location(Location),
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// What does the switch say about this port?
    Port(SwitchPort),
    /// How many were lost together with this access point?
    Share(Mac),
    /// Where is this access point, whose last event came from this site?
    Location(Mac, Option<String>),
}

/// Commands and events of a probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Find out; answer with `Answered`.
    Ask { id: u64, question: Question },
    /// Looking is over.
    Concluded {
        /// What is to be done.
        conclusion: Conclusion,
        since: Instant,
    },
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conclusion {
    Kept {
        current_port: Option<SwitchPort>,
        reason: Reason,
    },
    /// The port is free.
    Released {
        switch_port: SwitchPort,
        reason: Reason,
    },
    /// An access point is on this port.
    Taken {
        ap: Mac,
        switch_port: SwitchPort,
        reason: Reason,
    },
    /// It could not be found out.
    Undecided(Reason),
}

/// One attempt, from the event to the conclusion.
#[derive(Clone, Copy, Debug)]
struct Look {
    cause: Cause,
    since: Instant,
    /// Questions asked so far.
    attempt: u32,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Asking { look: Look, id: u64 },
    Rechecking { look: Look, ask_at: Instant },
    Resting,
    Debouncing { look: Look, ask_at: Instant },
}

/// The state machine of one probe.
#[derive(Debug)]
pub struct Probe {
    config: Config,
    rand: Rand,
    subject: Subject,
    current_port: Option<SwitchPort>,
    site: Option<String>,
    /// The last event, by Mist's clock.
    latest: Option<(UnixTime, Cause)>,
    /// When the last event came.
    triggered_at: Option<Instant>,
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

    fn signed(&mut self, now: Instant, cause: Cause, at: Option<UnixTime>) {
        if let Some(at) = at {
            let is_news = |(latest_at, latest): (UnixTime, Cause)| {
                at > latest_at || (at == latest_at && cause != latest)
            };
            if !self.latest.is_none_or(is_news) {
                return;
            }
            self.latest = Some((at, cause));
        }
        let look = Look { cause, since: now, attempt: 0 };
        let wait = match (cause, self.config.check) {
            (Cause::Came | Cause::Asked(Mode::Ap), _) => self.config.settle,
            (Cause::Lost, Check::Outage(_)) => self.config.wait,
            (Cause::Lost, Check::Lldp | Check::None)
            | (Cause::Asked(Mode::Default) | Cause::Stale, _) => Duration::ZERO,
        };
        self.state = State::Debouncing { look, ask_at: now + wait };
    }

    /// What is in question.
    const fn case(&self, cause: Cause) -> Case {
        match (self.subject, cause) {
            (Subject::Ap(ap), Cause::Lost) => {
                Case::Departure { ap, current_port: self.current_port }
            }
            (Subject::Ap(ap), Cause::Came | Cause::Asked(_) | Cause::Stale) => {
                Case::Arrival { ap, current_port: self.current_port }
            }
            (Subject::Port(switch_port), Cause::Asked(mode)) => {
                Case::Visit { switch_port, asked: Some(mode) }
            }
            (Subject::Port(switch_port), Cause::Came | Cause::Lost | Cause::Stale) => {
                Case::Visit { switch_port, asked: None }
            }
        }
    }

    /// Asks what must be known, or decides where nothing must.
    fn look(&mut self, now: Instant, look: Look) {
        let question = match (self.case(look.cause), self.config.check) {
            (Case::Arrival { ap, .. }, _) => Question::Location(ap, self.site.clone()),
            (Case::Departure { current_port: None, .. }, _)
            | (Case::Departure { .. }, Check::None) => {
                return self.judge(now, look, &Evidence::Unasked);
            }
            (Case::Departure { ap, .. }, Check::Outage(_)) => Question::Share(ap),
            (Case::Departure { current_port: Some(switch_port), .. }, Check::Lldp)
            | (Case::Visit { switch_port, .. }, _) => Question::Port(switch_port),
        };
        self.ask(Look { attempt: look.attempt + 1, ..look }, question);
    }

    fn ask(&mut self, look: Look, question: Question) {
        self.last_id += 1;
        self.state = State::Asking { look, id: self.last_id };
        self.outputs.push_back(Output::Ask { id: self.last_id, question });
    }

    fn answered(&mut self, now: Instant, id: u64, answer: &Answer) {
        let State::Asking { look, id: asked } = self.state else {
            return;
        };
        if asked != id {
            return;
        }
        let min_percent = match self.config.check {
            Check::Outage(policy) => policy.min_percent,
            Check::Lldp | Check::None => 100,
        };
        let evidence = match answer {
            Answer::Port { seen, is_ap } => Evidence::OnPort { seen: seen.as_ref(), is_ap: *is_ap },
            Answer::Share(share) => Evidence::Together { share: *share, min_percent },
            Answer::Unanswered => Evidence::Unanswered,
            Answer::Location(location) => Evidence::Where(location),
        };
        self.judge(now, look, &evidence);
    }

    fn judge(&mut self, now: Instant, look: Look, evidence: &Evidence<'_>) {
        match decide(self.case(look.cause), *evidence) {
            Decision::Follow(switch_port) => self.ask(look, Question::Port(switch_port)),
            Decision::Keep(reason) => {
                self.conclude(look, Conclusion::Kept { current_port: self.current_port, reason });
            }
            Decision::Release { switch_port, reason } => {
                self.current_port = None;
                self.conclude(look, Conclusion::Released { switch_port, reason });
            }
            Decision::Take { ap, switch_port, reason } => {
                if self.subject == Subject::Ap(ap) {
                    self.current_port = Some(switch_port);
                }
                self.conclude(look, Conclusion::Taken { ap, switch_port, reason });
            }
            Decision::AskAgain(reason) => self.doubt(now, look, reason),
        }
    }

    fn doubt(&mut self, now: Instant, look: Look, reason: Reason) {
        let still_there = reason == Reason::StillThere;
        let attempts_max = if still_there { STILL_THERE_MAX } else { ATTEMPTS_MAX };
        if look.attempt >= attempts_max {
            let kept = Conclusion::Kept { current_port: self.current_port, reason };
            let conclusion = if still_there { kept } else { Conclusion::Undecided(reason) };
            self.conclude(look, conclusion);
            return;
        }
        let wait = if still_there {
            self.config.wait
        } else {
            AGAIN.jittered(look.attempt, &mut self.rand)
        };
        self.state = State::Rechecking { look, ask_at: now + wait };
    }

    fn conclude(&mut self, look: Look, conclusion: Conclusion) {
        self.state = State::Resting;
        self.outputs.push_back(Output::Concluded { conclusion, since: look.since });
    }

    /// Takes what the inventory says as an answer, unless an attempt is under way or an event came
    /// since the inventory was asked for.
    fn listed(
        &mut self,
        now: Instant,
        location: Option<&Location>,
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
                self.signed(now, Cause::Lost, None);
            }
            return;
        };
        let look = Look { cause: Cause::Came, since: now, attempt: 1 };
        match decide(self.case(look.cause), Evidence::Where(location)) {
            // What is not known in this hour may be known in the next.
            Decision::AskAgain(_) => {}
            // It is on its port and the port has its mode: the switch is not asked again every
            // hour.
            Decision::Follow(switch_port)
                if self.current_port == Some(switch_port) && is_settled => {}
            Decision::Follow(_)
            | Decision::Keep(_)
            | Decision::Release { .. }
            | Decision::Take { .. } => self.judge(now, look, &Evidence::Where(location)),
        }
    }

    /// Learns from others where it is. A question about another port is none any more.
    fn set_port(&mut self, current_port: Option<SwitchPort>) {
        let (State::Asking { look, .. }
        | State::Rechecking { look, .. }
        | State::Debouncing { look, .. }) = self.state
        else {
            self.current_port = current_port;
            return;
        };
        if look.cause == Cause::Lost && self.current_port != current_port {
            self.state = State::Resting;
        }
        self.current_port = current_port;
    }

    fn advance(&mut self, now: Instant) {
        if let State::Debouncing { look, ask_at } | State::Rechecking { look, ask_at } = self.state
            && ask_at <= now
        {
            self.state = State::Resting;
            self.look(now, look);
        }
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
            state: State::Resting,
            last_id: 0,
            outputs: VecDeque::new(),
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.advance(now);
    }

    fn handle_input(&mut self, now: Instant, input: Input) {
        match input {
            Input::Answered { id, answer } => self.answered(now, id, &answer),
            Input::Configured(config) => self.config = config,
            Input::Displaced => self.set_port(None),
            Input::Restored(switch_port) => self.set_port(Some(switch_port)),
            Input::Listed { location, asked_at, is_settled } => {
                self.listed(now, location.as_ref(), asked_at, is_settled);
            }
            Input::Triggered { cause, site, at } => {
                if site.is_some() {
                    self.site = site;
                }
                self.triggered_at = Some(now);
                self.signed(now, cause, at);
            }
        }
        self.advance(now);
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
