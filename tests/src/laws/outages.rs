//! Outages of ours between a Mist that sends, lists and logs, and the parts that decide what is
//! told: the inbox with its memory on a disk, and the feed that fetches.
//!
//! mistgate is dead, or unreachable, or its disk refuses; Mist tries again, does not, or does so
//! late. Whatever happened is told once, unless it was older than the memory of duplicates when it
//! could be fetched first: that only changes incidents. Each outage begins when Mist has done with
//! what the one before it cost, because a chain of failures that is longer than that memory is
//! told again at its end.

use core::time::Duration;
use std::collections::BTreeMap;

use http_types::{StatusCode, Url};
use mistgate_core::base::exchange::{ExchangeResult, Response};
use mistgate_core::base::failure::Failure;
use mistgate_core::base::machine::Machine as _;
use mistgate_core::base::rand::Rand;
use mistgate_core::base::secret::Secret;
use mistgate_core::base::time::{Instant, UnixTime};
use mistgate_core::delivery::batch::Item;
use mistgate_core::delivery::config::Chat;
use mistgate_core::event::fingerprint::Fingerprint;
use mistgate_core::mist::catalogue::Learned;
use mistgate_core::mist::feed::Feed;
use mistgate_core::mist::feed::input::{Config, Heard, Input, Open, Sight};
use mistgate_core::mist::feed::output::{Late, Origin, Output};
use mistgate_core::mist::webhook::wanted::Wanted;
use mistgate_core::webhook::inbox::{Inbox, RequestId};
use mistgate_core::webhook::{inbox, intake};
use serde_json::{Value, json};

use crate::base::bytes::Bytes;
use crate::chat::configurations::chat;

const ORG: &str = "978c48e6-6ef6-11e6-8bbf-02e208b2d34f";
const URL: &str = "https://gw.example/webhooks";
const SECRET: &str = "the world's secret";
/// When the world begins, in seconds since 1970.
const BEGIN: i64 = 1_752_000_000;
/// As `[webhook] dedup_window`.
const WINDOW: Duration = Duration::from_secs(3_600);
/// What happened so long before the end of an outage is fetched while it is young.
const YOUNG: Duration = Duration::from_secs(3_000);
/// After an outage that it does not see, it asks Mist after this time at the latest.
const ROUND_MAX: Duration = Duration::from_secs(3_900);
/// How much later than it happened Mist may list an event.
const LISTED_AFTER: u64 = 240;

/// What came of a run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    pub told: usize,
    /// Told because it was fetched.
    pub fetched: usize,
    /// Fetched when it was too old to be told.
    pub folded: usize,
    /// Recognised, and not told again.
    pub duplicates: usize,
    pub outages: usize,
}

/// Why nothing arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outage {
    /// The program does not run.
    Dead,
    /// The disk is full.
    Full,
    /// Mist does not reach us, and perhaps we do not reach Mist.
    Cut { is_mist_reached: bool },
}

/// Something that happened.
struct Happened {
    at: Instant,
    topic: &'static str,
    event: Value,
    /// When Mist lists it, if it does.
    listed_at: Option<Instant>,
    /// When Mist tries to send it.
    tries: Vec<Instant>,
    /// When that failed.
    failed: Vec<Instant>,
    /// When the outage ended that kept it from being delivered.
    reached_at: Option<Instant>,
    is_delivered: bool,
    told: usize,
    folded: usize,
}

/// What is to be on disk, and who waits for it.
struct Commit {
    at: Instant,
    batch: u64,
    /// Each event's number, whether it is told, and what it is known by.
    events: Vec<(usize, bool)>,
    prints: Vec<Fingerprint>,
    is_fetched: bool,
}

/// The program while it runs.
struct Program {
    feed: Feed,
    inbox: Inbox,
    commits: Vec<Commit>,
    /// What Mist sent and waits for; none for what was fetched.
    waiting: BTreeMap<RequestId, Option<usize>>,
}

struct World {
    now: Instant,
    rand: Rand,
    chat: Chat,
    program: Option<Program>,
    /// On disk: batches, when they were accepted, and what they are known by.
    seen: Vec<(u64, UnixTime, Fingerprint)>,
    caught_up_to: Option<UnixTime>,
    next_batch: u64,
    last_request: RequestId,
    outage: Option<Outage>,
    happened: Vec<Happened>,
    counts: Counts,
}

/// Runs the outages in `data`.
pub fn run(data: &[u8]) -> Counts {
    let bytes = &mut Bytes::new(data);
    let mut world = World::new(bytes);
    world.start();
    world.settle();
    while !bytes.is_empty() {
        match bytes.up_to(7) {
            0 | 1 => world.happen(bytes),
            2 | 3 => world.run_for(Duration::from_secs(bytes.up_to(600))),
            4 => world.run_for(Duration::from_secs(bytes.up_to(8_000))),
            _ => world.outage(bytes),
        }
    }
    world.run_for(ROUND_MAX);
    world.check();
    world.counts
}

impl World {
    fn new(bytes: &mut Bytes<'_>) -> Self {
        Self {
            now: Instant::from_secs(1_000),
            rand: Rand::new(bytes.number()),
            chat: chat(&mut Bytes::new(&[0; 64])),
            program: None,
            seen: Vec::new(),
            caught_up_to: None,
            next_batch: 1,
            last_request: 0,
            outage: None,
            happened: Vec::new(),
            counts: Counts::default(),
        }
    }

    fn wall(&self, at: Instant) -> UnixTime {
        UnixTime::from_secs(BEGIN).plus(at - Instant::from_secs(0))
    }

    /// Starts the program with what is on disk.
    fn start(&mut self) {
        let wanted = Wanted {
            org: ORG.to_owned(),
            url: Url::parse(URL).ok(),
            verifies_cert: true,
            secrets: vec![Secret::new(SECRET)],
            routes: Some((*self.chat.routes).clone()),
            has_ports: false,
            writes: false,
        };
        let caught_up_to = self.caught_up_to;
        let config = Config { wanted, dedup_window: WINDOW, caught_up_to, selftest: None };
        let feed = Feed::new(config, self.rand.next_u64(), self.now);
        let next_batch = self.next_batch;
        let config = inbox::Config { window: WINDOW, seen_max: 10_000, next_batch };
        let mut inbox = Inbox::new(config, 0, self.now);
        for (batch, at, fingerprint) in &self.seen {
            let ago = UnixTime::age(Some(*at), Some(self.wall(self.now)));
            let (batch, fingerprint) = (*batch, *fingerprint);
            inbox.handle_input(self.now, inbox::Input::Remembered { batch, fingerprint, ago });
        }
        let (commits, waiting) = (Vec::new(), BTreeMap::new());
        self.program = Some(Program { feed, inbox, commits, waiting });
    }

    /// Loses what is not on disk.
    fn kill(&mut self) {
        let waiting = self.program.take().map(|program| program.waiting);
        let waiting = waiting.into_iter().flatten().filter_map(|(_, number)| number);
        waiting.collect::<Vec<_>>().into_iter().for_each(|number| self.fail(number));
    }

    /// Up to four events, and how often Mist will try each.
    fn happen(&mut self, bytes: &mut Bytes<'_>) {
        for _ in 0..=bytes.up_to(3) {
            let number = self.happened.len();
            let secs = self.wall(self.now).as_secs();
            let mac = format!("5c5b35{number:06x}");
            let kind = bytes.pick(&["AP_DISCONNECTED", "AP_CONFIGURED"]);
            let (topic, event) = match bytes.up_to(2) {
                0 => ("device-events", json!({ "type": kind, "mac": mac, "device_type": "ap" })),
                1 => ("audits", json!({ "message": "Deleted a site", "admin_name": "a" })),
                _ => ("alarms", json!({ "type": "device_down", "aps": [mac], "count": 1 })),
            };
            let mut event = event;
            let members = event.as_object_mut().expect("an object");
            members.insert("org_id".into(), json!(ORG));
            members.insert("timestamp".into(), json!(secs));
            members.insert("id".into(), json!(number.to_string()));
            let lists = Duration::from_secs(bytes.up_to(LISTED_AFTER));
            let cut = Outage::Cut { is_mist_reached: true };
            // Only after it was told may a failure be no more than the slack of the clocks later.
            let after: &[u64] = match bytes.up_to(3) {
                0 => &[],
                1 => &[5, 20, 50],
                _ if self.outage == Some(cut) => &[30],
                2 => &[5, 20, 50, 120, 300, 900, 1_800],
                _ => &[2_400],
            };
            let tries = [0].iter().chain(after);
            self.happened.push(Happened {
                at: self.now,
                listed_at: (topic == "device-events").then(|| self.now + lists),
                topic,
                event,
                tries: tries.rev().map(|after| self.now + Duration::from_secs(*after)).collect(),
                failed: Vec::new(),
                reached_at: None,
                is_delivered: false,
                told: 0,
                folded: 0,
            });
        }
        self.settle();
    }

    fn outage(&mut self, bytes: &mut Bytes<'_>) {
        self.counts.outages += 1;
        let is_mist_reached = bytes.chance(128);
        let outage = bytes.pick(&[Outage::Dead, Outage::Full, Outage::Cut { is_mist_reached }]);
        match outage {
            Outage::Dead => self.kill(),
            // What is told and cannot be answered belongs to a law of its own.
            Outage::Full | Outage::Cut { .. } => self.run_for(Duration::from_secs(5)),
        }
        self.outage = Some(outage);
        let lasts = bytes.pick(&[600, 60, 3_000, 9_000]);
        for _ in 0..bytes.up_to(3) {
            self.run_for(Duration::from_secs(bytes.up_to(lasts / 3)));
            self.happen(bytes);
        }
        self.run_for(Duration::from_secs(1 + bytes.up_to(lasts / 3)));
        self.outage = None;
        let now = self.now;
        let is_missed = |own: &&mut Happened| !own.is_delivered && own.reached_at.is_none();
        self.happened.iter_mut().filter(is_missed).for_each(|own| own.reached_at = Some(now));
        // What is listed later is not found by the round of a start.
        let is_late = self.happened.iter().any(|own| own.listed_at.is_some_and(|at| now < at));
        if outage == Outage::Dead {
            self.start();
        }
        if is_late || outage != Outage::Dead {
            self.run_for(ROUND_MAX);
        }
        self.run_for(Duration::from_secs(130));
        while self.happened.iter().any(|happened| !happened.tries.is_empty()) {
            self.run_for(Duration::from_secs(60));
        }
    }

    fn run_for(&mut self, duration: Duration) {
        let end = self.now + duration;
        self.settle();
        while let Some(due) = self.due().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.settle();
        }
        self.now = end;
        self.settle();
    }

    fn due(&self) -> Option<Instant> {
        let tries = self.happened.iter().filter_map(|happened| happened.tries.last().copied());
        let program = self.program.iter().flat_map(|program| {
            let commits = program.commits.iter().map(|commit| commit.at);
            commits.chain(program.feed.poll_timeout()).chain(program.inbox.poll_timeout())
        });
        tries.chain(program).min()
    }

    fn settle(&mut self) {
        self.send_due();
        let Some(program) = &mut self.program else { return };
        program.inbox.handle_timeout(self.now);
        program.feed.handle_timeout(self.now);
        self.drain();
        let commits = self.program.as_mut().map(|program| core::mem::take(&mut program.commits));
        for commit in commits.into_iter().flatten() {
            if self.now < commit.at {
                self.running().commits.push(commit);
            } else {
                self.commit(commit);
            }
        }
        self.drain();
    }

    fn running(&mut self) -> &mut Program {
        self.program.as_mut().expect("it runs")
    }

    /// Sends what is due.
    fn send_due(&mut self) {
        let now = self.now;
        let due: Vec<usize> = (0..)
            .zip(&self.happened)
            .filter_map(|(number, happened)| {
                happened.tries.last().is_some_and(|at| *at <= now).then_some(number)
            })
            .collect();
        for number in due {
            let is_cut = matches!(self.outage, Some(Outage::Cut { .. }));
            let happened = self.happened.get_mut(number).expect("one of them");
            happened.tries.pop();
            if self.program.is_none() || is_cut {
                self.fail(number);
                continue;
            }
            let body = body(happened.topic, &happened.event);
            let late = Late { body, origin: Origin::Failed, is_folded: false };
            self.take(&late, Some(number));
        }
    }

    fn fail(&mut self, number: usize) {
        let now = self.now;
        self.happened.get_mut(number).expect("one of them").failed.push(now);
    }

    /// Hands a webhook to the inbox: what Mist sent, by its number, or what was fetched.
    fn take(&mut self, late: &Late, number: Option<usize>) {
        let intake = intake::late(&self.chat, &Learned::default(), late).expect("a webhook");
        self.last_request += 1;
        let (id, now) = (self.last_request, self.now);
        let commit_at = now + Duration::from_millis(1 + self.rand.up_to(2_000));
        let fingerprints = intake.items.iter().map(|item| (item.fingerprint, item.kin)).collect();
        self.running().waiting.insert(id, number);
        let input = inbox::Input::Request { id: Some(id), fingerprints };
        self.running().inbox.handle_input(now, input);
        while let Some(output) = self.running().inbox.poll_output() {
            match output {
                inbox::Output::Respond { id, status } => self.answered(id, status),
                inbox::Output::Store { batch, new, .. } => {
                    let items = new.iter().filter_map(|place| intake.items.get(*place));
                    let items: Vec<&Item> = items.collect();
                    let prints = items.iter().map(|item| item.fingerprint);
                    let kin = items.iter().filter_map(|item| Some(item.kin?.own));
                    let commit = Commit {
                        at: commit_at,
                        batch,
                        events: items
                            .iter()
                            .map(|item| (number_of(item), item.is_routed()))
                            .collect(),
                        prints: prints.chain(kin).collect(),
                        is_fetched: number.is_none(),
                    };
                    self.running().commits.push(commit);
                }
                inbox::Output::Suppressed(events) => self.counts.duplicates += events,
            }
        }
    }

    fn commit(&mut self, Commit { batch, events, prints, is_fetched, .. }: Commit) {
        let (now, wall) = (self.now, self.wall(self.now));
        let is_full = self.outage == Some(Outage::Full);
        let input = if is_full {
            inbox::Input::Refused(batch)
        } else {
            self.next_batch = self.next_batch.max(batch + 1);
            self.seen.extend(prints.into_iter().map(|print| (batch, wall, print)));
            for (number, is_told) in events {
                let happened = self.happened.get_mut(number).expect("one of them");
                happened.told += usize::from(is_told);
                happened.folded += usize::from(!is_told);
                assert!(happened.told < 2, "told again: {}", happened.event);
                self.counts.told += usize::from(is_told);
                self.counts.fetched += usize::from(is_told && is_fetched);
                self.counts.folded += usize::from(!is_told);
            }
            inbox::Input::Stored(batch)
        };
        self.running().inbox.handle_input(now, input);
        while let Some(output) = self.running().inbox.poll_output() {
            let inbox::Output::Respond { id, status } = output else { panic!("{output:?}") };
            self.answered(id, status);
        }
    }

    /// Gives the answer to Mist, or to the feed.
    fn answered(&mut self, id: RequestId, status: StatusCode) {
        let (now, is_kept) = (self.now, status == StatusCode::Ok);
        let number = self.running().waiting.remove(&id).expect("one answer for each request");
        match number {
            None => self.running().feed.handle_input(now, Input::Taken(is_kept)),
            Some(number) if is_kept => {
                let happened = self.happened.get_mut(number).expect("one of them");
                happened.is_delivered = true;
                happened.tries.clear();
            }
            Some(number) => self.fail(number),
        }
    }

    /// Carries out what the feed wants.
    fn drain(&mut self) {
        while let Some(output) = self.program.as_mut().and_then(|own| own.feed.poll_output()) {
            let wall = self.wall(self.now);
            let input = match output {
                Output::Compare => Input::Open(Open::default()),
                Output::Keep(at) => {
                    self.caught_up_to = Some(at);
                    continue;
                }
                Output::Look => {
                    let is_writable = self.outage != Some(Outage::Full);
                    Input::Seen(Sight { wall, is_writable, heard: Heard::default() })
                }
                Output::Request(request) => Input::Answered(self.answer(&request.target)),
                Output::Take(late) => {
                    self.take(&late, None);
                    continue;
                }
                Output::Event(_) | Output::Gateways(_) | Output::Report(_) | Output::Test => {
                    continue;
                }
            };
            let now = self.now;
            self.running().feed.handle_input(now, input);
        }
    }

    /// An answer of Mist's API.
    fn answer(&self, target: &str) -> ExchangeResult {
        if self.outage == (Some(Outage::Cut { is_mist_reached: false })) {
            return Err(Failure::Timeout);
        }
        let time = |name: &str| -> i64 {
            let (_, value) = target.split_once(name).expect("it names a time");
            value.split('&').next().and_then(|value| value.parse().ok()).expect("a number")
        };
        let is_asked =
            |at: Instant| (time("start=")..=time("end=")).contains(&self.wall(at).as_secs());
        let results = |results: Vec<Value>| json!({ "results": results });
        let body = if target.ends_with("/self") {
            json!({ "privileges": [{ "scope": "org", "role": "admin", "org_id": ORG }] })
        } else if target.contains("/webhooks/") {
            let logged = self.happened.iter().filter(|own| own.topic != "device-events");
            let failed = |own: &Happened, at: Instant| {
                let payload = body(own.topic, &own.event);
                let timestamp = self.wall(at).as_secs();
                json!({ "timestamp": timestamp, "req_payload": payload, "error": "refused" })
            };
            let failed = logged.flat_map(|own| {
                own.failed.iter().filter(|at| is_asked(**at)).map(move |at| failed(own, *at))
            });
            results(failed.collect())
        } else if target.contains("/devices/events/") {
            let is_listed = |own: &&Happened| {
                is_asked(own.at) && own.listed_at.is_some_and(|at| at <= self.now)
            };
            results(self.happened.iter().filter(is_listed).map(listed).collect())
        } else if target.contains("/webhooks?") {
            json!([{ "id": "w", "url": URL, "secret": SECRET }])
        } else {
            json!([])
        };
        let (total, body) = (body.as_array().map(Vec::len), body.to_string().into_bytes());
        Ok(Response { status: 200, retry_after: None, total, session: None, body })
    }

    /// Checks what became of all that happened.
    fn check(&self) {
        for Happened { at, reached_at, event, told, folded, is_delivered, .. } in &self.happened {
            let is_young = reached_at.is_none_or(|reached_at| reached_at <= *at + YOUNG);
            assert!(!is_young || *told == 1, "told {told} times: {event}");
            // An incident is changed also by what is too old to be told.
            let is_of_incident = event.get("type").is_some_and(|kind| kind != "AP_CONFIGURED");
            let is_taken = *told + *folded > 0 || *is_delivered;
            assert!(!is_of_incident || is_taken, "it is lost: {event}");
        }
    }
}

/// An event as Mist lists it, with other members than it was sent.
fn listed(happened: &Happened) -> Value {
    let mut event = happened.event.clone();
    event.as_object_mut().expect("an object").insert("apfw".into(), json!("0.14"));
    event
}

fn body(topic: &str, event: &Value) -> String {
    json!({ "topic": topic, "events": [event] }).to_string()
}

/// The number of what happened.
fn number_of(item: &Item) -> usize {
    let event: Value = serde_json::from_str(&item.text).expect("JSON");
    let number = event.get("id").and_then(Value::as_str).and_then(|id| id.parse().ok());
    number.expect("a number")
}
