//! The feed of events from Mist to us: whether it works, and what it missed.
//!
//! Once an hour, and after an outage of ours, a *round* asks Mist. What Mist could not deliver is
//! taken in late. What is wrong is an event of our own, which opens an incident; what is right
//! again closes it; so does the result of a selftest, which is asked for once a day if it is
//! configured. Whether an incident is open is asked and not remembered, because an earlier run
//! may have opened it. Incidents of devices that are down are compared with what Mist says of them.
//!
//! ```text
//!         each minute             due
//! (rest) ────────────> Look, Seen ───> Survey ──> Failed ──> Listed ──> Compare ──> Devices
//!    ^                                    │ no answer                      ^  │         │
//!    │                                    └────────────────────────────────┘  v         │
//!    └────────────────────────────────────────────────────────────────────────┴─────────┘
//! ```

pub mod part;

pub mod input;
pub mod output;

mod late;

pub mod ping;

mod round;

use alloc::{collections::BTreeMap, collections::VecDeque, string::String, string::ToString as _};
use core::time::Duration;

use self::input::{Config, Input, Sight, Verdict};
use self::{output::Event, output::Output, part::Part, round::Round};
use crate::base::{machine::Machine, rand::Rand, time::Instant, time::UnixTime};

/// How often it is looked whether a round is due.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// A sleep that lasts so long is followed by a round.
const SLEEP_MIN: Duration = Duration::from_secs(60);
/// How often Mist is asked, and how many microseconds later at most, so that not all ask at once:
/// soon enough that what failed just after a round, or happened up to five minutes before it and
/// was not listed yet, is younger than the memory of duplicates, an hour, and so is told.
const ROUND_EVERY: Duration = Duration::from_secs(2_940);
const ROUND_LATER: u64 = 200_000_000;
/// When it is tried again after a round that failed.
const RETRY_AFTER: Duration = Duration::from_secs(300);

/// What is known of the feed, for `/status` and metrics.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// When Mist last answered all that it was asked.
    pub checked_at: Option<UnixTime>,
    /// Why Mist could not be asked the last time.
    pub unchecked: Option<String>,
    /// Up to when all is here that Mist could not deliver.
    pub caught_up_to: Option<UnixTime>,
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
    /// What was seen last, and when.
    sight: Option<(Instant, Sight)>,
    /// When this run began, by the wall clock.
    started: UnixTime,
    round_at: Instant,
    round: Option<Round>,
    /// The result of a selftest, until a round knows what is open.
    tested: Option<Verdict>,
    outputs: VecDeque<Output>,
}

impl Feed {
    /// What is known of it.
    pub const fn status(&self) -> &Status {
        &self.status
    }

    fn seen(&mut self, now: Instant, sight: Sight) {
        self.look_at = Some(now + LOOK_EVERY);
        if self.is_back(now, sight) {
            self.round_at = now;
        }
        match (self.sight.replace((now, sight)), &self.config.selftest) {
            (None, _) => self.started = sight.wall,
            (Some((_, before)), Some(daily)) => {
                let is_due = daily.next(before.wall).is_some_and(|at| at <= sight.wall);
                self.outputs.extend(is_due.then_some(Output::Test));
            }
            (Some(_), None) => {}
        }
        if self.round.is_none() && self.round_at <= now && sight.is_writable {
            // Nothing was missed before there was anybody to miss it.
            let from = *self.status.caught_up_to.get_or_insert(sight.wall);
            self.outputs.push_back(Output::Keep(from));
            self.round = Some(Round::new(&self.config, sight, self.started, from));
            self.advance(now, None);
        }
    }

    /// Whether an outage of ours has ended: the disk has refused what was sent, or the whole
    /// computer slept, which the monotonic clock does not count.
    fn is_back(&self, now: Instant, sight: Sight) -> bool {
        self.sight.is_some_and(|(at, before)| {
            let slept = before.wall.plus(now - at).plus(SLEEP_MIN) < sight.wall;
            slept || (sight.is_writable && !before.is_writable)
        })
    }

    /// Goes on with a round, as far as it comes with this answer.
    fn advance(&mut self, now: Instant, input: Option<Input>) {
        let round = self.round.as_mut();
        let done = round.and_then(|round| round.advance(input, &mut self.outputs));
        let Some(done) = done else { return };
        self.round = None;
        let began = done.began;
        let tested = self.tested.take().map(|verdict| (Part::Selftest, verdict));
        for (part, verdict) in done.verdicts.into_iter().chain(tested) {
            self.settle(began, part, verdict, done.open.contains(part.condition()));
        }
        let is_complete = done.failure.is_none();
        if let Some(reason) = &done.failure
            && self.status.unchecked != done.failure
        {
            self.outputs.push_back(Output::Event(Event::Unchecked { reason: reason.clone() }));
        }
        self.status.unchecked = done.failure;
        if is_complete {
            (self.status.checked_at, self.status.caught_up_to) = (Some(began), Some(began));
            self.outputs.push_back(Output::Keep(began));
        }
        let later = Duration::from_micros(self.rand.up_to(ROUND_LATER));
        let is_soon = !is_complete && !done.is_lasting;
        self.round_at = now + if is_soon { RETRY_AFTER } else { ROUND_EVERY + later };
    }

    /// Says what has changed of a part. `is_open` if its incident is.
    fn settle(&mut self, at: UnixTime, part: Part, verdict: Verdict, is_open: bool) {
        let reason = verdict.err();
        match reason.clone() {
            Some(reason) if self.status.wrong.get(&part) != Some(&reason) => {
                self.status.wrong.insert(part, reason.clone());
                self.outputs.push_back(Output::Event(Event::Wrong { part, reason }));
            }
            None if self.status.wrong.remove(&part).is_some() => {
                self.outputs.push_back(Output::Event(Event::Right(part)));
            }
            Some(_) | None => {}
        }
        let is_wrong = reason.is_some();
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
        let caught_up_to = config.caught_up_to;
        Self {
            config,
            rand: Rand::new(seed),
            status: Status { caught_up_to, ..Status::default() },
            look_at: Some(now),
            sight: None,
            started: UnixTime::default(),
            round_at: now,
            round: None,
            tested: None,
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
            Input::Seen(sight) => self.seen(now, sight),
            Input::Tested(verdict) => {
                (self.tested, self.round_at) = (Some(verdict), now);
                self.outputs.extend(self.look_at.take().map(|_| Output::Look));
            }
            input @ (Input::Answered(_) | Input::Open(_) | Input::Taken(_)) => {
                self.advance(now, Some(input));
            }
        }
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.look_at
    }
}

#[cfg(test)]
mod tests;
