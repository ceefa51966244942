//! One round of questions to Mist, from the first request to the verdicts.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};
use alloc::{format, sync::Arc, vec::Vec};
use core::time::Duration;

use http_types::Method;

use super::input::{Config, Open, Sight, Verdict};
use super::late::{Device, Failed};
use super::output::{Event, Late, Origin, Output};
use super::{late, part::Part};
use crate::base::exchange::{Exchange, ExchangeResult, Request, Step};
use crate::base::{mac::Mac, order, text::one_line, time::UnixTime};
use crate::event::{Detail, Topic};
use crate::mist::page::{Pages, Search, Then, elements};
use crate::mist::refusal::{Refusal, judged};
use crate::mist::target;
use crate::mist::webhook::compare::{Difference, compare};
use crate::mist::webhook::survey::{Found, survey};

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
    /// The names of the sites, by their ids.
    sites: BTreeMap<String, String>,
    /// The conditions of open incidents.
    open: BTreeSet<&'static str>,
    /// The devices that are down, and since when.
    down: BTreeMap<Mac, UnixTime>,
    /// The devices whose state was read.
    devices: BTreeSet<Mac>,
    /// The gateways of each site, by its id.
    gateways: BTreeMap<Arc<str>, Vec<Mac>>,
    done: Done,
}

/// What a round has found out.
#[derive(Debug, Default)]
pub(super) struct Done {
    /// A part without a verdict stays as it is.
    pub(super) verdicts: BTreeMap<Part, Verdict>,
    /// The conditions of open incidents.
    pub(super) open: BTreeSet<&'static str>,
    /// Why not all was answered or taken.
    pub(super) failure: Option<String>,
    /// Whether it would fail again soon.
    pub(super) is_lasting: bool,
}

#[derive(Debug)]
enum Stage {
    Survey(Exchange<Result<Found, Refusal>>),
    /// The log of deliveries that failed, or the list of device events, and the number of the page.
    Late(Origin, Search, usize),
    /// Which incidents are open, once all is on disk.
    Compare,
    /// How devices are.
    Devices(Pages),
    /// All is asked.
    Over,
}

impl Round {
    /// A round, and its first request. `from` is up to when an earlier one had all.
    pub(super) fn begin(
        config: &Config,
        sight: Sight,
        started: UnixTime,
        from: UnixTime,
    ) -> (Self, Vec<Output>) {
        let mut survey = survey(&config.wanted.org);
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
            sites: BTreeMap::new(),
            open: BTreeSet::new(),
            down: BTreeMap::new(),
            devices: BTreeSet::new(),
            gateways: BTreeMap::new(),
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
        match core::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Survey(mut survey) => {
                let step = survey.answer(result);
                self.stage = Stage::Survey(survey);
                self.surveying(config, step)
            }
            Stage::Late(origin, search, page) => self.read(config, origin, search, page, result),
            Stage::Devices(pages) => self.read_devices(config, pages, result),
            stage @ (Stage::Compare | Stage::Over) => {
                self.stage = stage;
                Vec::new()
            }
        }
    }

    /// Takes the open incidents, and asks how devices are.
    pub(super) fn opened(&mut self, config: &Config, open: Open) -> Vec<Output> {
        let is_ours = |org: &Option<Arc<str>>| org.as_deref() == Some(&*config.wanted.org);
        let down = open.down.into_iter().filter(|(org, ..)| is_ours(org));
        self.down = down.map(|(_, mac, since)| (mac, since)).collect();
        self.open = open.conditions;
        if self.done.failure.is_some() {
            self.stage = Stage::Over;
            return Vec::new();
        }
        Vec::from([self.ask_devices(config, Pages::default())])
    }

    /// Whether all is asked and taken.
    pub(super) const fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Over) && self.taking == 0
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
            Step::Done(Ok(found)) => match self.surveyed(config, found) {
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
    fn surveyed(&mut self, config: &Config, found: Found) -> Option<String> {
        let comparison = compare(&config.wanted, &found);
        let (of_token, others): (Vec<_>, Vec<_>) =
            comparison.differences.into_iter().partition(Difference::is_of_token);
        self.done.verdicts.insert(Part::Token, verdict(&of_token, ""));
        if config.wanted.url.is_some() {
            let is_mendable = others.iter().any(Difference::is_mendable);
            let mend = if is_mendable { " — mistgate mist setup mends it" } else { "" };
            self.done.verdicts.insert(Part::Webhook, verdict(&others, mend));
        }
        let ours = comparison.ours.map(|hook| hook.id.clone());
        self.sites = found.sites;
        ours
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
        let is_log = origin == Origin::Failed;
        let what = if is_log { "the log of deliveries" } else { "the list of device events" };
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
        outputs.extend(if is_log { self.begin_listed(config) } else { self.compare() });
        outputs
    }

    /// What a page has, in the order of its times.
    fn late(&mut self, config: &Config, origin: Origin, elements: Vec<Detail<'_>>) -> Vec<Late> {
        if origin == Origin::Failed {
            let mut failed: Vec<Failed> = elements.into_iter().filter_map(Failed::read).collect();
            order::sort_by_key(&mut failed, |failed| failed.at);
            self.counts.0 += failed.len();
            let last = failed.last().map(|last| (last.at, last.reason.clone()));
            self.failed = self.failed.take().max(last);
            let known_from = self.known_from;
            let late = |Failed { at, body, .. }| Late { body, origin, is_folded: at < known_from };
            return failed.into_iter().map(late).collect();
        }
        let is_wanted = |event: &&Detail<'_>| {
            let kind = event.get("type").and_then(Detail::text).unwrap_or_default();
            config.wanted.takes(Topic::DeviceEvents.name(), &kind)
        };
        let wanted = elements.iter().filter(is_wanted);
        self.listed_at = self.listed_at.max(wanted.filter_map(|event| late::at(*event)).max());
        self.counts.1 += elements.len();
        late::listed(elements, self.known_from)
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

    fn ask_devices(&mut self, config: &Config, pages: Pages) -> Output {
        let target = target::devices(&config.wanted.org, pages.number());
        self.stage = Stage::Devices(pages);
        Output::Request(Request { method: Method::Get, target, session: None, body: None })
    }

    /// Takes a page of devices: those whose incidents say other than Mist.
    fn read_devices(
        &mut self,
        config: &Config,
        mut pages: Pages,
        result: ExchangeResult,
    ) -> Vec<Output> {
        let what = "how devices are";
        let read = judged(result, what, "").and_then(|response| {
            let unclear = Refusal::Unclear { what };
            let elements = elements(&response.body).ok_or(unclear.clone())?;
            let before = self.devices.len();
            for element in &elements {
                self.list(*element);
            }
            let new = self.devices.len() - before;
            let then = pages.seen(elements.len(), new, response.total).ok_or(unclear)?;
            let devices = elements.into_iter().filter_map(Device::read);
            let events = devices.filter_map(|device| self.event(config, &device));
            Ok((events.collect::<Vec<String>>(), then))
        });
        let (events, then) = read.unwrap_or_else(|refusal| {
            self.refused(&refusal);
            (Vec::new(), Then::Complete)
        });
        let mut outputs = Vec::new();
        if !events.is_empty() {
            let is_taken = config.wanted.takes(Topic::DeviceEvents.name(), "AP_DISCONNECTED");
            let topic = if is_taken { Topic::DeviceEvents } else { Topic::DeviceUpdowns };
            let body = late::body(&topic, events.iter().map(String::as_str));
            self.taking += 1;
            outputs.push(Output::Take(Late { body, origin: Origin::Seen, is_folded: false }));
        }
        if then == Then::More {
            outputs.push(self.ask_devices(config, pages));
        } else if self.done.failure.is_none() {
            let only = |gateways: Vec<Mac>| <[Mac; 1]>::try_from(gateways).ok().map(|[only]| only);
            let gateways = core::mem::take(&mut self.gateways).into_iter();
            outputs.push(Output::Gateways(gateways.map(|(site, all)| (site, only(all))).collect()));
        }
        outputs
    }

    /// Notes that a device is there, and whether it is a gateway of its site.
    fn list(&mut self, element: Detail<'_>) {
        let text = |name: &str| element.get(name)?.text();
        let Some(mac) = text("mac").and_then(|mac| Mac::parse(&mac)) else { return };
        let is_new = self.devices.insert(mac);
        if let Some(site) = text("site_id").filter(|_| is_new) {
            let is_gateway = text("type").as_deref() == Some("gateway");
            self.gateways.entry(Arc::from(&*site)).or_default().extend(is_gateway.then_some(mac));
        }
    }

    /// The event that a device is connected whose incident is open, or down and has none; after a
    /// while, in which its own event may be on its way.
    fn event(&self, config: &Config, device: &Device) -> Option<String> {
        let (kind, name) = (device.kind()?, device.name.as_deref());
        let (since, at, text) = match self.down.get(&device.mac) {
            Some(since) if device.is_connected => {
                (*since, self.began(), "Mist says that it is connected.")
            }
            None if !device.is_connected => {
                (device.last_seen, device.last_seen, "Mist says that it is disconnected.")
            }
            Some(_) | None => return None,
        };
        let site = device.site.as_ref();
        let event = serde_json::json!({
            "type": kind, "org_id": config.wanted.org, "site_id": site,
            "site_name": site.and_then(|site| self.sites.get(site)), "mac": device.mac.plain(),
            "device_name": name, "device_type": device.class, "timestamp": at.as_secs(), "text": text,
        });
        (since.plus(ON_ITS_WAY) < self.began()).then(|| event.to_string())
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
        self.done.open = self.open;
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
