//! The feed of events from Mist to us: whether it works.
//!
//! Once an hour a *round* asks Mist. What is wrong is an event of our own, which opens an incident;
//! what is right again closes it. Whether an incident is open is asked and not remembered, because
//! an earlier run may have opened it.
//!
//! ```text
//!         each minute                       once an hour
//! (rest) ────────────> Look ──> Seen ──────────────────────> Survey ──> Compare ──> (rest)
//! ```

pub mod part;

pub mod input;
pub mod output;

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use self::input::{Config, Input};
use self::output::{Event, Output};
use self::part::Part;
use super::refusal::Refusal;
use super::webhook::compare::{Difference, compare};
use super::webhook::survey::{Found, Survey};
use crate::base::exchange::{Exchange, ExchangeResult, Step};
use crate::base::machine::Machine;
use crate::base::rand::Rand;
use crate::base::text::one_line;
use crate::base::time::{Instant, UnixTime};

/// How often it is looked whether a round is due.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// How often Mist is asked, and how much later at most, so that not all ask at once.
const ROUND_EVERY: Duration = Duration::from_secs(3_600);
const ROUND_LATER: u64 = 300_000_000;
/// When it is tried again after a round that failed.
const RETRY_AFTER: Duration = Duration::from_secs(300);
/// The most characters of a reason.
const REASON_MAX: usize = 600;

/// What is known of the feed, for `/status` and metrics.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// When Mist last answered all that it was asked.
    pub checked_at: Option<UnixTime>,
    /// Why Mist could not be asked the last time.
    pub unchecked: Option<String>,
    /// What does not work, and why.
    pub wrong: BTreeMap<Part, String>,
}

/// The feed machine.
#[derive(Debug)]
pub struct Feed {
    config: Config,
    rand: Rand,
    status: Status,
    /// When to look; `None` while the answer is awaited.
    look_at: Option<Instant>,
    round_at: Instant,
    round: Option<Round>,
    outputs: VecDeque<Output>,
}

/// What a round has found out, and what it asks now.
#[derive(Debug)]
struct Round {
    began: UnixTime,
    stage: Stage,
    verdicts: BTreeMap<Part, Verdict>,
    /// Why not all was answered.
    failure: Option<String>,
}

#[derive(Debug)]
enum Stage {
    Survey(Survey),
    Compare,
}

#[derive(Debug)]
enum Verdict {
    Right,
    /// Why, and what to do.
    Wrong(String),
}

impl Feed {
    /// What is known of it.
    pub const fn status(&self) -> &Status {
        &self.status
    }

    fn seen(&mut self, now: Instant, wall: UnixTime) {
        self.look_at = Some(now + LOOK_EVERY);
        if self.round.is_none() && self.round_at <= now {
            let mut survey = Survey::new(&self.config.wanted.org);
            let step = survey.start();
            self.round = Some(Round {
                began: wall,
                stage: Stage::Survey(survey),
                verdicts: BTreeMap::new(),
                failure: None,
            });
            self.surveying(step);
        }
    }

    fn answered(&mut self, result: ExchangeResult) {
        match self.round.as_mut().map(|round| &mut round.stage) {
            Some(Stage::Survey(survey)) => {
                let step = survey.answer(result);
                self.surveying(step);
            }
            Some(Stage::Compare) | None => {}
        }
    }

    fn surveying(&mut self, step: Step<Result<Found, Refusal>>) {
        match step {
            Step::Request(request) => return self.outputs.push_back(Output::Request(request)),
            Step::Done(Ok(found)) => self.surveyed(&found),
            Step::Done(Err(refusal)) => self.refused(&refusal),
        }
        self.compare();
    }

    fn surveyed(&mut self, found: &Found) {
        let Some(round) = &mut self.round else { return };
        let comparison = compare(&self.config.wanted, found);
        let (of_token, others): (Vec<_>, Vec<_>) =
            comparison.differences.into_iter().partition(Difference::is_of_token);
        round.verdicts.insert(Part::Token, verdict(&of_token, ""));
        if self.config.wanted.url.is_some() {
            let is_mendable = others.iter().any(Difference::is_mendable);
            let mend = if is_mendable { " — mistgate mist setup mends it" } else { "" };
            round.verdicts.insert(Part::Webhook, verdict(&others, mend));
        }
    }

    /// Notes why Mist does not answer. What is only so for now is no verdict.
    fn refused(&mut self, refusal: &Refusal) {
        let Some(round) = &mut self.round else { return };
        let reason = one_line(&refusal.to_string(), REASON_MAX);
        match refusal {
            Refusal::Absent { .. } | Refusal::Forbidden { .. } | Refusal::Token { .. } => {
                round.verdicts.insert(Part::Token, Verdict::Wrong(reason.clone()));
            }
            Refusal::Failed { .. } | Refusal::Unclear { .. } => {}
        }
        round.failure = Some(reason);
    }

    fn compare(&mut self) {
        if let Some(round) = &mut self.round {
            round.stage = Stage::Compare;
            self.outputs.push_back(Output::Compare);
        }
    }

    fn conclude(&mut self, now: Instant, open: &BTreeSet<&'static str>) {
        let Some(Round { began, verdicts, failure, .. }) = self.round.take() else { return };
        let is_lasting = verdicts.values().any(|verdict| matches!(verdict, Verdict::Wrong(_)));
        for (part, verdict) in verdicts {
            self.settle(began, part, verdict, open.contains(part.condition()));
        }
        let is_complete = failure.is_none();
        if let Some(reason) = &failure
            && !is_lasting
            && self.status.unchecked != failure
        {
            self.outputs.push_back(Output::Event(Event::Unchecked { reason: reason.clone() }));
        }
        self.status.unchecked = failure;
        if is_complete {
            self.status.checked_at = Some(began);
        }
        let later = Duration::from_micros(self.rand.up_to(ROUND_LATER));
        let after = if is_complete || is_lasting { ROUND_EVERY + later } else { RETRY_AFTER };
        self.round_at = now + after;
    }

    /// Says what has changed of a part. `is_open` if its incident is.
    fn settle(&mut self, at: UnixTime, part: Part, verdict: Verdict, is_open: bool) {
        let (is_wrong, reason) = match verdict {
            Verdict::Right => {
                if self.status.wrong.remove(&part).is_some() {
                    self.outputs.push_back(Output::Event(Event::Right(part)));
                }
                (false, None)
            }
            Verdict::Wrong(reason) => {
                if self.status.wrong.insert(part, reason.clone()).as_ref() != Some(&reason) {
                    let reason = reason.clone();
                    self.outputs.push_back(Output::Event(Event::Wrong { part, reason }));
                }
                (true, Some(reason))
            }
        };
        if is_wrong != is_open {
            let report = serde_json::json!({
                "type": part.kind(is_wrong), "org_id": self.config.wanted.org,
                "reason": reason, "timestamp": at.as_secs(),
            });
            self.outputs.push_back(Output::Report(report.to_string()));
        }
    }
}

impl Machine for Feed {
    type Config = Config;
    type Input = Input;
    type Output = Output;

    fn new(config: Config, seed: u64, now: Instant) -> Self {
        Self {
            config,
            rand: Rand::new(seed),
            status: Status::default(),
            look_at: Some(now),
            round_at: now,
            round: None,
            outputs: VecDeque::new(),
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        if self.look_at.is_some_and(|look_at| look_at <= now) {
            self.look_at = None;
            self.outputs.push_back(Output::Look);
        }
    }

    fn handle_input(&mut self, now: Instant, input: Input) {
        match input {
            Input::Answered(result) => self.answered(result),
            Input::Open(open) => self.conclude(now, &open),
            Input::Seen(wall) => self.seen(now, wall),
        }
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.look_at
    }
}

fn verdict(differences: &[Difference], mend: &str) -> Verdict {
    if differences.is_empty() {
        return Verdict::Right;
    }
    let lines: Vec<String> = differences.iter().map(ToString::to_string).collect();
    Verdict::Wrong(one_line(&lines.join("; "), REASON_MAX) + mend)
}
