//! One round of questions to Mist, from the first request to the verdicts.
//!
//! It is code that asks one thing at a time and waits for the answer, as an
//! [`Exchange`](crate::base::exchange::Exchange) is. It may also ask what is known here, and has
//! what it finds taken in.

use alloc::{boxed::Box, collections::BTreeMap, collections::BTreeSet, collections::VecDeque};
use alloc::{format, string::String, string::ToString, sync::Arc, vec::Vec};
use core::future::{Future, poll_fn};
use core::{fmt, pin::Pin, task::Context, task::Poll, task::Waker, time::Duration};

use concurrent_queue::ConcurrentQueue;
use http_types::Method;

use super::input::{Config, Input, Open, Sight, Verdict};
use super::late::{Device, Failed};
use super::{late, output::Event, output::Late, output::Origin, output::Output, part::Part};
use crate::base::exchange::{ExchangeResult, Request, Step};
use crate::base::{mac::Mac, order, text::one_line, time::UnixTime};
use crate::mist::webhook::{compare::Difference, compare::compare, survey::Found, survey::survey};
use crate::mist::{page::Then, page::elements, refusal::Refusal, refusal::judged, target};
use crate::{event::Detail, event::Topic, mist::page::Pages, mist::page::Search};

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
pub(super) struct Round {
    wire: Arc<Wire>,
    talk: Pin<Box<dyn Future<Output = Done> + Send + Sync>>,
}

/// Between a round and the feed.
struct Wire {
    outputs: ConcurrentQueue<Output>,
    inputs: ConcurrentQueue<Input>,
}

/// What a round has found out.
#[derive(Debug, Default)]
pub(super) struct Done {
    /// When it began.
    pub(super) began: UnixTime,
    /// A part without a verdict stays as it is.
    pub(super) verdicts: BTreeMap<Part, Verdict>,
    /// The conditions of open incidents.
    pub(super) open: BTreeSet<&'static str>,
    /// Why not all was answered or taken.
    pub(super) failure: Option<String>,
    /// Whether it would fail again soon.
    pub(super) is_lasting: bool,
}

impl Round {
    /// A round that begins when this was seen. `started` is when this run began, and `from` up to
    /// when an earlier round had all.
    pub(super) fn new(config: &Config, sight: Sight, started: UnixTime, from: UnixTime) -> Self {
        let (outputs, inputs) = (ConcurrentQueue::unbounded(), ConcurrentQueue::bounded(1));
        let wire = Arc::new(Wire { outputs, inputs });
        let now = sight.wall.as_micros();
        let from = from.as_micros().min(now).saturating_sub(OVERLAP).max(now - AGE_MAX);
        let known = config.dedup_window.saturating_sub(CLOCKS_DIFFER).as_micros();
        let known_from = now.saturating_sub(i64::try_from(known).unwrap_or(i64::MAX));
        let talk = Talk {
            wire: Arc::clone(&wire),
            config: config.clone(),
            sight,
            started,
            from: UnixTime::from_micros(from),
            known_from: UnixTime::from_micros(known_from),
            failed: None,
            listed_at: None,
            counts: (0, 0),
            sites: BTreeMap::new(),
            done: Done { began: sight.wall, ..Done::default() },
        };
        Self { wire, talk: Box::pin(talk.run()) }
    }

    /// Begins, or takes an answer, and goes on to the next question. Returns the end, after which
    /// it is not called.
    pub(super) fn advance(
        &mut self,
        input: Option<Input>,
        outputs: &mut VecDeque<Output>,
    ) -> Option<Done> {
        let _ = input.map(|input| self.wire.inputs.push(input));
        let polled = self.talk.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        outputs.extend(self.wire.outputs.try_iter());
        if let Poll::Ready(done) = polled { Some(done) } else { None }
    }
}

impl fmt::Debug for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Round")
    }
}

/// The code of a round, and what it has found out so far.
struct Talk {
    wire: Arc<Wire>,
    config: Config,
    /// How things were here when it began.
    sight: Sight,
    started: UnixTime,
    /// The time that Mist is asked about begins here, and ends with the round's begin.
    from: UnixTime,
    /// What is older may have been seen and forgotten.
    known_from: UnixTime,
    /// When the last delivery failed, and what Mist saw.
    failed: Option<(UnixTime, String)>,
    /// The last device event of a kind that is wanted.
    listed_at: Option<UnixTime>,
    /// Deliveries that failed, and events that Mist lists.
    counts: (usize, usize),
    /// The names of the sites, by their ids.
    sites: BTreeMap<String, String>,
    done: Done,
}

impl Talk {
    async fn run(mut self) -> Done {
        match self.survey().await {
            Ok(found) => self.fetch(found).await,
            Err(refusal) => self.refused(&refusal),
        }
        let (failed, listed) = self.counts;
        if failed + listed > 0 {
            self.say(Output::Event(Event::CaughtUp { failed, listed }));
        }
        let Open { conditions, down } = self.open().await;
        self.done.open = conditions;
        if self.done.failure.is_none() {
            let org = &self.config.wanted.org;
            let down = down.into_iter().filter(|(of, ..)| of.as_deref() == Some(org));
            let down = order::collect(down.map(|(_, mac, since)| (mac, since)));
            self.compare_devices(&down).await;
        }
        self.conclude()
    }

    fn say(&self, output: Output) {
        let _ = self.wire.outputs.push(output);
    }

    /// Waits for the answer that `read` knows; any other is too late.
    async fn answer<T>(&self, read: impl Fn(Input) -> Option<T>) -> T {
        let inputs = &self.wire.inputs;
        poll_fn(|_| inputs.pop().ok().and_then(&read).map_or(Poll::Pending, Poll::Ready)).await
    }

    async fn send(&self, request: Request) -> ExchangeResult {
        self.say(Output::Request(request));
        let read = |input| if let Input::Answered(result) = input { Some(result) } else { None };
        self.answer(read).await
    }

    async fn get(&self, target: String) -> ExchangeResult {
        self.send(Request { method: Method::Get, target, session: None, body: None }).await
    }

    async fn open(&self) -> Open {
        self.say(Output::Compare);
        self.answer(|input| if let Input::Open(open) = input { Some(open) } else { None }).await
    }

    /// Has something taken in, and waits until it is on disk.
    async fn take(&mut self, late: Late) {
        self.say(Output::Take(late));
        let read = |input| if let Input::Taken(is_kept) = input { Some(is_kept) } else { None };
        if !self.answer(read).await {
            let reason = "the disk refuses what Mist could not deliver";
            self.done.failure.get_or_insert_with(|| reason.into());
        }
    }

    async fn survey(&self) -> Result<Found, Refusal> {
        let mut survey = survey(&self.config.wanted.org);
        let mut step = survey.start();
        loop {
            match step {
                Step::Done(found) => return found,
                Step::Request(request) => step = survey.answer(self.send(request).await),
            }
        }
    }

    /// Judges the token and the webhook, and takes what Mist could not deliver.
    async fn fetch(&mut self, found: Found) {
        let comparison = compare(&self.config.wanted, &found);
        let (of_token, others): (Vec<_>, Vec<_>) =
            comparison.differences.into_iter().partition(Difference::is_of_token);
        self.done.verdicts.insert(Part::Token, verdict(&of_token, ""));
        if self.config.wanted.url.is_some() {
            let is_mendable = others.iter().any(Difference::is_mendable);
            let mend = if is_mendable { " — mistgate mist setup mends it" } else { "" };
            self.done.verdicts.insert(Part::Webhook, verdict(&others, mend));
        }
        let log = comparison.ours.map(|hook| target::deliveries(&self.config.wanted.org, &hook.id));
        self.sites = found.sites;
        if let Some(log) = log {
            self.search(Origin::Failed, log, "status=failure&limit=100").await;
        }
        if self.config.wanted.topics().contains(Topic::DeviceEvents.name()) {
            let list = target::device_events(&self.config.wanted.org);
            self.search(Origin::Listed, list, "device_type=ap&limit=1000").await;
        }
    }

    /// Takes what a search finds.
    async fn search(&mut self, origin: Origin, path: String, query: &str) {
        let is_log = origin == Origin::Failed;
        let what = if is_log { "the log of deliveries" } else { "the list of device events" };
        let query = late::between(self.from, self.done.began, query);
        let mut search = Search::new(path, query);
        for _ in 0..PAGES_MAX {
            let result = self.get(search.target()).await;
            let read = judged(result, what, "").and_then(|response| {
                let read = search.answered(&response.body);
                let (elements, then) = read.ok_or(Refusal::Unclear { what })?;
                Ok((self.late(origin, elements), then))
            });
            let (late, then) = match read {
                Ok(read) => read,
                Err(refusal) => return self.refused(&refusal),
            };
            for late in late {
                self.take(late).await;
            }
            if then == Then::Complete {
                return;
            }
        }
        self.say(Output::Event(Event::CutShort));
    }

    /// What a page has, in the order of its times.
    fn late(&mut self, origin: Origin, elements: Vec<Detail<'_>>) -> Vec<Late> {
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
            self.config.wanted.takes(Topic::DeviceEvents.name(), &kind)
        };
        let wanted = elements.iter().filter(is_wanted);
        self.listed_at = self.listed_at.max(wanted.filter_map(|event| late::at(*event)).max());
        self.counts.1 += elements.len();
        late::listed(elements, self.known_from)
    }

    /// Takes the devices whose incidents say other than Mist, and tells which gateways are the only
    /// ones of their sites.
    async fn compare_devices(&mut self, down: &BTreeMap<Mac, UnixTime>) {
        let what = "how devices are";
        let (mut pages, mut then) = (Pages::default(), Then::More);
        let (mut devices, mut gateways) = (BTreeSet::new(), BTreeMap::new());
        while then == Then::More {
            let target = target::devices(&self.config.wanted.org, pages.number());
            let read = judged(self.get(target).await, what, "").and_then(|response| {
                let unclear = Refusal::Unclear { what };
                let elements = elements(&response.body).ok_or(unclear.clone())?;
                let before = devices.len();
                for element in &elements {
                    list(*element, &mut devices, &mut gateways);
                }
                let new = devices.len() - before;
                let then = pages.seen(elements.len(), new, response.total).ok_or(unclear)?;
                let devices = elements.into_iter().filter_map(Device::read);
                let events = devices.filter_map(|device| self.event(down, &device));
                Ok((events.collect::<Vec<String>>(), then))
            });
            let events;
            (events, then) = match read {
                Ok(read) => read,
                Err(refusal) => return self.refused(&refusal),
            };
            if !events.is_empty() {
                let wanted = &self.config.wanted;
                let is_taken = wanted.takes(Topic::DeviceEvents.name(), "AP_DISCONNECTED");
                let topic = if is_taken { Topic::DeviceEvents } else { Topic::DeviceUpdowns };
                let body = late::body(&topic, events.iter().map(String::as_str));
                self.take(Late { body, origin: Origin::Seen, is_folded: false }).await;
            }
        }
        let only = |gateways: Vec<Mac>| <[Mac; 1]>::try_from(gateways).ok().map(|[only]| only);
        let gateways = gateways.into_iter().map(|(site, all)| (site, only(all)));
        self.say(Output::Gateways(gateways.collect()));
    }

    /// The event that a device is connected whose incident is open, or down and has none; after a
    /// while, in which its own event may be on its way.
    fn event(&self, down: &BTreeMap<Mac, UnixTime>, device: &Device) -> Option<String> {
        let (kind, name) = (device.kind()?, device.name.as_deref());
        let (since, at, text) = match down.get(&device.mac) {
            Some(since) if device.is_connected => {
                (*since, self.done.began, "Mist says that it is connected.")
            }
            None if !device.is_connected => {
                (device.last_seen, device.last_seen, "Mist says that it is disconnected.")
            }
            Some(_) | None => return None,
        };
        let site = device.site.as_ref();
        let event = serde_json::json!({
            "type": kind, "org_id": self.config.wanted.org, "site_id": site,
            "site_name": site.and_then(|site| self.sites.get(site)), "mac": device.mac.plain(),
            "device_name": name, "device_type": device.class, "timestamp": at.as_secs(), "text": text,
        });
        (since.plus(ON_ITS_WAY) < self.done.began).then(|| event.to_string())
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

    /// Judges whether what Mist sends arrives, and whether it sends what it should.
    fn conclude(mut self) -> Done {
        let heard = self.sight.heard;
        let delivery = match &self.failed {
            Some((at, reason)) if *at > heard.any.unwrap_or(self.started) => {
                let at = at.clock(self.done.began);
                Some(Err(format!("at {at} it saw: {reason}")))
            }
            // What came last arrived.
            Some(_) | None => heard.any.map(|_| Ok(())),
        };
        let events = match self.listed_at {
            Some(at)
                if at > heard.devices.unwrap_or(self.started)
                    && at.plus(ON_ITS_WAY) < self.done.began =>
            {
                let at = at.clock(self.done.began);
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

/// Notes that a device is there, and whether it is a gateway of its site.
fn list(
    element: Detail<'_>,
    devices: &mut BTreeSet<Mac>,
    gateways: &mut BTreeMap<Arc<str>, Vec<Mac>>,
) {
    let text = |name: &str| element.get(name)?.text();
    let Some(mac) = text("mac").and_then(|mac| Mac::parse(&mac)) else { return };
    let is_new = devices.insert(mac);
    if let Some(site) = text("site_id").filter(|_| is_new) {
        let is_gateway = text("type").as_deref() == Some("gateway");
        gateways.entry(Arc::from(&*site)).or_default().extend(is_gateway.then_some(mac));
    }
}

fn verdict(differences: &[Difference], mend: &str) -> Verdict {
    if differences.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = differences.iter().map(ToString::to_string).collect();
    Err(one_line(&lines.join("; "), REASON_MAX) + mend)
}
