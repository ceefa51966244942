//! One round of questions to Mist, from the first request to the verdicts.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use http_types::Method;

use super::input::{Config, Sight};
use super::late;
use super::late::Failed;
use super::output::{Event, Late, Origin, Output};
use super::part::Part;
use crate::base::exchange::{Exchange, ExchangeResult, Request, Step};
use crate::base::text::one_line;
use crate::base::time::UnixTime;
use crate::event::{Detail, Topic};
use crate::mist::page::{Search, Then};
use crate::mist::refusal::{Refusal, judged};
use crate::mist::target;
use crate::mist::webhook::compare::{Difference, compare};
use crate::mist::webhook::survey::{Found, Survey};

/// What is older is not fetched.
const AGE_MAX: i64 = 24 * 3_600_000_000;
/// What Mist may list later than it happened is looked for again.
const OVERLAP: i64 = 300_000_000;
/// How much the clocks of Mist and of us may differ.
const CLOCKS_DIFFER: Duration = Duration::from_secs(60);
/// How long a device event may be on its way.
const ON_ITS_WAY: Duration = Duration::from_secs(600);
/// The most pages of the log, and of the list.
const PAGES_MAX: usize = 100;
/// The most characters of a reason.
const REASON_MAX: usize = 600;

/// A round under way.
#[derive(Debug)]
pub(super) struct Round {
    stage: Stage,
    /// How things were here when it began.
    sight: Sight,
    /// When this run began.
    started: UnixTime,
    /// The time that Mist is asked about begins here, and ends with the round's begin.
    from: UnixTime,
    /// What is older may have been seen and forgotten.
    known_from: UnixTime,
    /// How many `Take`s are not answered.
    taking: usize,
    /// When the last delivery failed, and what Mist saw.
    failed: Option<(UnixTime, String)>,
    /// The last device event of a kind that is wanted.
    listed_at: Option<UnixTime>,
    /// Deliveries that failed, and events that Mist lists.
    counts: (usize, usize),
    done: Done,
}

/// What a round has found out.
#[derive(Debug, Default)]
pub(super) struct Done {
    /// A part without a verdict stays as it is.
    pub(super) verdicts: BTreeMap<Part, Verdict>,
    /// Why not all was answered or taken.
    pub(super) failure: Option<String>,
    /// Whether it would fail again soon.
    pub(super) is_lasting: bool,
}

/// That a part works; or why it does not, and what to do.
pub(super) type Verdict = Result<(), String>;

#[derive(Debug)]
enum Stage {
    Survey(Survey),
    /// The log of deliveries that failed, or the list of device events, and the number of the page.
    Late(Origin, Search, usize),
    /// All is asked.
    Compare,
}

impl Round {
    /// A round, and its first request. `from` is up to when an earlier one had all.
    pub(super) fn begin(
        config: &Config,
        sight: Sight,
        started: UnixTime,
        from: UnixTime,
    ) -> (Self, Vec<Output>) {
        let mut survey = Survey::new(&config.wanted.org);
        let step = survey.start();
        let now = sight.wall.as_micros();
        let from = from.as_micros().min(now).saturating_sub(OVERLAP).max(now - AGE_MAX);
        let known = config.dedup_window.saturating_sub(CLOCKS_DIFFER).as_micros();
        let known_from = now.saturating_sub(i64::try_from(known).unwrap_or(i64::MAX));
        let mut round = Self {
            stage: Stage::Survey(survey),
            sight,
            started,
            from: UnixTime::from_micros(from),
            known_from: UnixTime::from_micros(known_from),
            taking: 0,
            failed: None,
            listed_at: None,
            counts: (0, 0),
            done: Done::default(),
        };
        let outputs = round.surveying(config, step);
        (round, outputs)
    }

    /// When it began.
    pub(super) const fn began(&self) -> UnixTime {
        self.sight.wall
    }

    /// Takes the result of the last request.
    pub(super) fn answered(&mut self, config: &Config, result: ExchangeResult) -> Vec<Output> {
        match core::mem::replace(&mut self.stage, Stage::Compare) {
            Stage::Survey(mut survey) => {
                let step = survey.answer(result);
                self.stage = Stage::Survey(survey);
                self.surveying(config, step)
            }
            Stage::Late(origin, search, page) => self.read(config, origin, search, page, result),
            Stage::Compare => Vec::new(),
        }
    }

    /// Notes that something is on disk, or is not.
    pub(super) fn taken(&mut self, is_kept: bool) -> Vec<Output> {
        self.taking = self.taking.saturating_sub(1);
        if !is_kept {
            let reason = "the disk refuses what Mist could not deliver";
            self.done.failure.get_or_insert_with(|| reason.into());
        }
        self.compare_if_done()
    }

    fn surveying(&mut self, config: &Config, step: Step<Result<Found, Refusal>>) -> Vec<Output> {
        match step {
            Step::Request(request) => Vec::from([Output::Request(request)]),
            Step::Done(Ok(found)) => match self.surveyed(config, &found) {
                Some(hook) => {
                    let query = late::between(self.from, self.began(), "status=failure&limit=100");
                    let path = target::deliveries(&config.wanted.org, &hook);
                    Vec::from([self.ask(Origin::Failed, Search::new(path, query), 1)])
                }
                None => self.begin_listed(config),
            },
            Step::Done(Err(refusal)) => {
                self.refused(&refusal);
                self.compare()
            }
        }
    }

    /// Judges the token and the webhook. Returns the id of the webhook that is ours.
    fn surveyed(&mut self, config: &Config, found: &Found) -> Option<String> {
        let comparison = compare(&config.wanted, found);
        let (of_token, others): (Vec<_>, Vec<_>) =
            comparison.differences.into_iter().partition(Difference::is_of_token);
        self.done.verdicts.insert(Part::Token, verdict(&of_token, ""));
        if config.wanted.url.is_some() {
            let is_mendable = others.iter().any(Difference::is_mendable);
            let mend = if is_mendable { " — mistgate mist setup mends it" } else { "" };
            self.done.verdicts.insert(Part::Webhook, verdict(&others, mend));
        }
        comparison.ours.map(|hook| hook.id.clone())
    }

    fn ask(&mut self, origin: Origin, search: Search, page: usize) -> Output {
        let (method, target) = (Method::Get, search.target());
        self.stage = Stage::Late(origin, search, page);
        Output::Request(Request { method, target, session: None, body: None })
    }

    /// Takes a page of a search, and asks for the next, or for what comes after the search.
    fn read(
        &mut self,
        config: &Config,
        origin: Origin,
        mut search: Search,
        page: usize,
        result: ExchangeResult,
    ) -> Vec<Output> {
        let what = match origin {
            Origin::Failed => "the log of deliveries",
            Origin::Listed => "the list of device events",
        };
        let read = judged(result, what, "").and_then(|response| {
            let read = search.answered(&response.body);
            let (elements, then) = read.ok_or(Refusal::Unclear { what })?;
            Ok((self.late(config, origin, elements), then == Then::More))
        });
        let (late, is_more) = read.unwrap_or_else(|refusal| {
            self.refused(&refusal);
            (Vec::new(), false)
        });
        self.taking += late.len();
        let mut outputs: Vec<Output> = late.into_iter().map(Output::Take).collect();
        if is_more && page < PAGES_MAX {
            outputs.push(self.ask(origin, search, page + 1));
            return outputs;
        }
        outputs.extend(is_more.then_some(Output::Event(Event::CutShort)));
        outputs.extend(match origin {
            Origin::Failed => self.begin_listed(config),
            Origin::Listed => self.compare(),
        });
        outputs
    }

    /// What a page has, in the order of its times.
    fn late(&mut self, config: &Config, origin: Origin, elements: Vec<Detail<'_>>) -> Vec<Late> {
        match origin {
            Origin::Failed => {
                let mut failed: Vec<Failed> =
                    elements.into_iter().filter_map(Failed::read).collect();
                failed.sort_by_key(|failed| failed.at);
                self.counts.0 += failed.len();
                let last = failed.last().map(|last| (last.at, last.reason.clone()));
                self.failed = self.failed.take().max(last);
                let late = |Failed { at, body, .. }| Late {
                    body,
                    origin,
                    is_folded: at < self.known_from,
                };
                failed.into_iter().map(late).collect()
            }
            Origin::Listed => {
                let is_wanted = |event: &&Detail<'_>| {
                    let kind = event.get("type").and_then(Detail::text).unwrap_or_default();
                    config.wanted.takes(Topic::DeviceEvents.name(), &kind)
                };
                let wanted = elements.iter().filter(is_wanted);
                self.listed_at =
                    self.listed_at.max(wanted.filter_map(|event| late::at(*event)).max());
                self.counts.1 += elements.len();
                late::listed(elements, self.known_from)
            }
        }
    }

    /// Asks for device events, if any are wanted.
    fn begin_listed(&mut self, config: &Config) -> Vec<Output> {
        if !config.wanted.topics().contains(Topic::DeviceEvents.name()) {
            return self.compare();
        }
        let query = late::between(self.from, self.began(), "device_type=ap&limit=1000");
        let path = target::device_events(&config.wanted.org);
        Vec::from([self.ask(Origin::Listed, Search::new(path, query), 1)])
    }

    /// Notes why Mist does not answer. What is only so for now says nothing of the token.
    fn refused(&mut self, refusal: &Refusal) {
        let reason = one_line(&refusal.to_string(), REASON_MAX);
        let is_lasting = match refusal {
            Refusal::Absent { .. } | Refusal::Forbidden { .. } | Refusal::Token { .. } => true,
            Refusal::Failed { .. } | Refusal::Unclear { .. } => false,
        };
        if is_lasting {
            self.done.verdicts.insert(Part::Token, Err(reason.clone()));
        }
        self.done.is_lasting |= is_lasting;
        self.done.failure.get_or_insert(reason);
    }

    fn compare(&mut self) -> Vec<Output> {
        self.stage = Stage::Compare;
        self.compare_if_done()
    }

    fn compare_if_done(&self) -> Vec<Output> {
        if self.taking > 0 || !matches!(self.stage, Stage::Compare) {
            return Vec::new();
        }
        let (failed, listed) = self.counts;
        let caught_up = Output::Event(Event::CaughtUp { failed, listed });
        let caught_up = (failed + listed > 0).then_some(caught_up);
        caught_up.into_iter().chain([Output::Compare]).collect()
    }

    /// Judges whether what Mist sends arrives, and whether it sends what it should.
    pub(super) fn conclude(mut self) -> Done {
        let heard = self.sight.heard;
        let delivery = match &self.failed {
            Some((at, reason)) if *at > heard.any.unwrap_or(self.started) => {
                let at = at.clock(self.began());
                Some(Err(format!("at {at} it saw: {reason}")))
            }
            // What came last arrived.
            Some(_) | None => heard.any.map(|_| Ok(())),
        };
        let events = match self.listed_at {
            Some(at)
                if at > heard.devices.unwrap_or(self.started)
                    && at.plus(ON_ITS_WAY) < self.began() =>
            {
                let at = at.clock(self.began());
                Some(Err(format!("the last of {at}, and none came since")))
            }
            Some(_) | None => heard.devices.map(|_| Ok(())),
        };
        let verdicts = [(Part::Delivery, delivery), (Part::Events, events)];
        let verdicts = verdicts.into_iter().filter_map(|(part, verdict)| Some((part, verdict?)));
        self.done.verdicts.extend(verdicts);
        self.done
    }
}

fn verdict(differences: &[Difference], mend: &str) -> Verdict {
    if differences.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = differences.iter().map(ToString::to_string).collect();
    Err(one_line(&lines.join("; "), REASON_MAX) + mend)
}
