//! The world: the real engine among a simulated Mist, disk and chats, on one virtual clock.
//!
//! Bytes become transitions: events, storms, duplicates, slow and full disks, deaf and failing
//! chats, crashes, reloads, jumps of the wall clock. After each step of the engine the
//! [`Reference`](crate::reference::Reference) judges it, and the [`Ledger`](ledger::Ledger) judges
//! what people see. At the end everything heals; then all must be settled and the disk empty. The
//! same bytes give the same journal.

use core::{fmt::Write as _, time::Duration};
use std::{collections::BTreeMap, rc::Rc};

use mistgate_core::{
    config::checked::{Chat, Limits, Webhook},
    delivery::{
        batch::{self, EventKey, Flavours},
        outcome::{Outcome, Reason, outcome},
        render::render,
    },
    engine::{
        Engine,
        input::{Answer, Config, DestinationId, Input, Restored},
        output::{Happening, Output},
    },
    event::Topic,
    ingest::{
        fingerprint::Fingerprint,
        inbox::RequestId,
        signature::{Signatures, sign_v2},
        topics,
    },
    intake::intake,
    machine::Machine,
    notify::{
        Severity,
        shape::{Flavour, Form},
        types,
    },
    rand::Rand,
    secret::Secret,
    time::{Instant, UnixTime},
};
use serde_json::json;

use self::{
    disk::Disk,
    ledger::Ledger,
    mist::{Mist, WebhookId},
    server::{PostId, Server},
    transition::{Events, Transition, transition},
};
use crate::{bytes::Bytes, chats::chat, limits, reference::Reference};

pub mod disk;
pub mod ledger;
pub mod mist;
pub mod server;
pub mod transition;

/// The most transitions of a run.
const TRANSITIONS_MAX: usize = 150;
/// A healed world that is not at rest after this time never will be.
const HEALED_MAX: Duration = Duration::from_secs(40 * 86_400);
/// As `[webhook] dedup_window`.
const DEDUP_WINDOW: Duration = Duration::from_secs(3_600);
/// One of so many messages is looked at: the shapes have tests of their own.
const LOOKED_AT: u64 = 5;
const SECRET: &str = "the world's secret";

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Journal {
    /// Everything that happened, one line each.
    pub text: String,
    /// How many messages people saw.
    pub seen: usize,
    /// How many events were given up.
    pub dropped: usize,
    /// How often power was lost.
    pub crashes: usize,
}

/// Lives through the transitions in `data`, heals, and comes to rest.
pub fn run(data: &[u8]) -> Journal {
    let bytes = &mut Bytes::new(data);
    let mut world = World::new(bytes);
    for _ in 0..TRANSITIONS_MAX {
        if bytes.is_empty() {
            break;
        }
        world.happen(transition(bytes));
    }
    world.heal();
    let (seen, dropped) = world.ledger.totals();
    Journal { text: world.journal, seen, dropped, crashes: world.crashes }
}

struct World {
    now: Instant,
    /// By how many microseconds the wall clock is off.
    wall_offset: i64,
    rand: Rand,
    journal: String,
    chat: Chat,
    mistgate: Option<Mistgate>,
    restart_at: Option<Instant>,
    crash_after: Option<u64>,
    crashes: usize,
    disk: Disk,
    mist: Mist,
    servers: BTreeMap<String, Server>,
    ledger: Ledger,
    events: u64,
    last_post: PostId,
}

/// The program while it runs: the engine, and what the driver knows beside it.
struct Mistgate {
    engine: Engine,
    reference: Reference,
    last_request: RequestId,
    requests: BTreeMap<RequestId, (WebhookId, Vec<Fingerprint>)>,
    posts: BTreeMap<PostId, (DestinationId, u64)>,
    recalls: Vec<(Instant, Vec<EventKey>, Flavours)>,
}

impl World {
    fn new(bytes: &mut Bytes<'_>) -> Self {
        let mut rand = Rand::new(bytes.number());
        let now = Instant::from_secs(1_000_000);
        let mut world = Self {
            now,
            wall_offset: 0,
            journal: String::new(),
            chat: chat(bytes),
            mistgate: None,
            restart_at: None,
            crash_after: None,
            crashes: 0,
            disk: Disk::new((), rand.next_u64(), now),
            mist: Mist::new((), rand.next_u64(), now),
            servers: BTreeMap::new(),
            ledger: Ledger::default(),
            events: 0,
            last_post: 0,
            rand,
        };
        world.start();
        world
    }

    fn say(&mut self, said: impl core::fmt::Display) {
        let micros = self.now.as_micros();
        let _ = writeln!(self.journal, "{}.{:06} {said}", micros / 1_000_000, micros % 1_000_000);
    }

    fn wall(&self) -> UnixTime {
        let micros = i64::try_from(self.now.as_micros()).expect("some years");
        UnixTime::from_micros(1_752_000_000_000_000 + micros + self.wall_offset)
    }

    fn happen(&mut self, transition: Transition) {
        match transition {
            Transition::Chat(nth, mood) => {
                if let Some((url, server)) = self.servers.iter_mut().nth(nth) {
                    server.handle_input(self.now, server::Input::Mood(mood));
                    let url = url.clone();
                    self.say(format_args!("{url} {mood:?}"));
                }
            }
            Transition::Crash(outputs, pause) => {
                self.restart_at = self.restart_at.or(Some(self.now + pause));
                self.crash_after = Some(outputs);
                if outputs == 0 {
                    self.crash();
                }
            }
            Transition::Disk(mood) => {
                self.disk.handle_input(self.now, disk::Input::Mood(mood));
                self.say(format_args!("disk {mood:?}"));
            }
            Transition::Events(events) => self.events(events),
            Transition::Reload(chat) => self.reload(*chat),
            Transition::Wait(duration) => self.run_to(self.now + duration),
            Transition::WallClock(seconds) => {
                self.wall_offset += seconds * 1_000_000;
                self.say(format_args!("wall clock jumps by {seconds} s"));
            }
        }
        self.settle();
    }

    /// Everything works again, and something happens on every channel.
    fn heal(&mut self) {
        self.crash_after = None;
        self.disk.handle_input(self.now, disk::Input::Mood(disk::Mood::Well));
        for server in self.servers.values_mut() {
            server.handle_input(self.now, server::Input::Mood(server::Mood::Well));
        }
        self.say("heals");
        let last = |severity| Events { count: 1, severity, sites: 1, aggregated: 1, twice: false };
        (0..Severity::ALL.len()).for_each(|severity| self.events(last(severity)));
        let end = self.now + HEALED_MAX;
        while !self.is_at_rest() {
            let due = self.due().expect("what is not at rest waits for something");
            assert!(due < end, "not at rest after {HEALED_MAX:?}");
            self.run_to(due);
        }
        assert_eq!(self.disk.batches().count(), 0, "settled, and still on disk");
        self.ledger.close();
        self.say("at rest");
    }

    fn is_at_rest(&self) -> bool {
        let outside = [self.disk.poll_timeout(), self.mist.poll_timeout(), self.restart_at];
        let servers = self.servers.values().filter_map(Server::poll_timeout);
        outside.into_iter().flatten().chain(servers).next().is_none()
            && self.mistgate.as_ref().is_some_and(|mistgate| {
                mistgate.reference.is_settled() && mistgate.recalls.is_empty()
            })
    }

    /// When something happens next.
    fn due(&self) -> Option<Instant> {
        let mistgate = self.mistgate.iter().flat_map(|mistgate| {
            let recalls = mistgate.recalls.iter().map(|(at, ..)| *at);
            mistgate.engine.poll_timeout().into_iter().chain(recalls)
        });
        let outside = [self.disk.poll_timeout(), self.mist.poll_timeout(), self.restart_at];
        let servers = self.servers.values().filter_map(Server::poll_timeout);
        outside.into_iter().flatten().chain(servers).chain(mistgate).min()
    }

    fn run_to(&mut self, end: Instant) {
        while let Some(due) = self.due().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.settle();
        }
        self.now = self.now.max(end);
    }

    /// Passes on what everybody says until nobody says anything.
    fn settle(&mut self) {
        loop {
            if self.restart_at.is_some_and(|at| at <= self.now) && self.mistgate.is_none() {
                self.start();
            }
            self.feed(None);
            let said = [self.hear_disk(), self.hear_servers(), self.hear_mist(), self.read_back()];
            if said.iter().all(|said| !said) {
                break;
            }
        }
        if self.mistgate.is_some() {
            self.restart_at =
                self.restart_at.filter(|at| *at > self.now && self.crash_after.is_some());
        }
    }

    fn hear_disk(&mut self) -> bool {
        self.disk.handle_timeout(self.now);
        for batch in self.disk.committed() {
            self.ledger.accepted(&batch);
        }
        let mut said = false;
        while let Some(output) = self.disk.poll_output() {
            said = true;
            self.say(format_args!("disk {output:?}"));
            match output {
                disk::Output::Stored(batches) => {
                    batches.into_iter().for_each(|batch| self.feed(Some(Input::Stored(batch))));
                }
                disk::Output::Refused(batches) => {
                    batches.into_iter().for_each(|batch| self.feed(Some(Input::Refused(batch))));
                }
            }
        }
        said
    }

    fn hear_servers(&mut self) -> bool {
        let mut outputs = Vec::new();
        for (url, server) in &mut self.servers {
            server.handle_timeout(self.now);
            while let Some(output) = server.poll_output() {
                outputs.push((url.clone(), output));
            }
        }
        let said = !outputs.is_empty();
        for (url, output) in outputs {
            match output {
                server::Output::Answered(post, answer) => self.answered(&url, post, answer),
                server::Output::Took(post) => {
                    self.say(format_args!("{url} shows #{post}"));
                    self.ledger.took(post);
                }
            }
        }
        said
    }

    fn answered(&mut self, url: &str, post: PostId, answer: Result<Answer, Reason>) {
        let posts = self.mistgate.as_mut().map(|mistgate| &mut mistgate.posts);
        let Some((destination, id)) = posts.and_then(|posts| posts.remove(&post)) else {
            return;
        };
        let flavour = flavour_of(url);
        let said = match &answer {
            Ok(answer) => answer.status.to_string(),
            Err(reason) => reason.name().to_owned(),
        };
        self.say(format_args!("{url} answers #{post} {said}"));
        let confirmed = answer.as_ref().is_ok_and(|answer| {
            outcome(flavour, answer.status, answer.retry_after, &answer.body) == Outcome::Delivered
        });
        self.ledger.answered(post, confirmed);
        let at = self.wall();
        self.feed(Some(Input::Answered { destination, id, answer, at }));
    }

    fn hear_mist(&mut self) -> bool {
        self.mist.handle_timeout(self.now);
        let mut said = false;
        while let Some(mist::Output { id, body }) = self.mist.poll_output() {
            said = true;
            self.request(id, &body);
        }
        said
    }

    /// A webhook arrives, as in the listener's service.
    fn request(&mut self, webhook: WebhookId, body: &[u8]) {
        let at = self.wall();
        let Some(mistgate) = &mut self.mistgate else {
            return self.mist.handle_input(self.now, mist::Input::Answered(webhook, 0));
        };
        let signature = sign_v2(&Secret::new(SECRET), body);
        let sent = Signatures { v2: Some(signature.as_bytes()), v1: None };
        let intake = intake(&listener(), &self.chat, sent, body).expect("signed by us");
        if intake.items.is_empty() {
            return self.mist.handle_input(self.now, mist::Input::Answered(webhook, 200));
        }
        mistgate.last_request += 1;
        let id = mistgate.last_request;
        let prints = intake.items.iter().map(|item| item.fingerprint).collect();
        mistgate.requests.insert(id, (webhook, prints));
        self.say(format_args!("mist sends {webhook} with {} events", intake.items.len()));
        self.feed(Some(Input::Request { id, intake, at }));
    }

    /// Reads back what was recalled, as the driver does.
    fn read_back(&mut self) -> bool {
        let now = self.now;
        let recalls = self
            .mistgate
            .iter_mut()
            .flat_map(|mistgate| mistgate.recalls.extract_if(.., |(at, ..)| *at <= now));
        let mut wanted: Vec<(UnixTime, Vec<Restored>)> = Vec::new();
        for (_, keys, flavours) in recalls {
            for key in keys {
                let batch = self.disk.read(key.batch).expect("recalled what the disk has not");
                wanted.push(restored(batch, |index, _| {
                    if index == key.index { flavours } else { Flavours::NONE }
                }));
            }
        }
        let said = !wanted.is_empty();
        for (at, events) in wanted {
            let ago = since(at, self.wall());
            self.feed(Some(Input::Restored { events, ago }));
        }
        said
    }

    /// What the driver does with an input, or with a timer that is due.
    fn feed(&mut self, input: Option<Input>) {
        let now = self.now;
        if let Some(mistgate) = &mut self.mistgate {
            mistgate.engine.handle_timeout(now);
        }
        self.drain();
        if let (Some(mistgate), Some(input)) = (&mut self.mistgate, input) {
            mistgate.reference.input(now, &input);
            mistgate.engine.handle_input(now, input);
            self.drain();
        }
    }

    fn drain(&mut self) {
        while let Some(mistgate) = &mut self.mistgate {
            let Some(output) = mistgate.engine.poll_output() else {
                mistgate.reference.rests(self.now, &mistgate.engine);
                let deadline = mistgate.engine.poll_timeout();
                assert!(deadline.is_none_or(|at| at > self.now), "the deadline is not ahead");
                break;
            };
            mistgate.reference.output(self.now, &output);
            for fate in mistgate.reference.fates() {
                self.ledger.done(fate);
            }
            self.act(output);
            if let Some(outputs) = &mut self.crash_after {
                match outputs.checked_sub(1) {
                    Some(left) => *outputs = left,
                    None => self.crash(),
                }
            }
        }
    }

    fn act(&mut self, output: Output) {
        match output {
            Output::Happened(happening) => self.say(told(&happening)),
            Output::Recall { keys, flavours } => {
                let at = self.now + Duration::from_micros(self.rand.up_to(2_000_000));
                self.say(format_args!("recalls {} for {}", keys.len(), flavours.bits()));
                self.running().recalls.push((at, keys, flavours));
            }
            Output::Respond { id, status } => {
                let (webhook, prints) =
                    self.running().requests.remove(&id).expect("one answer to each request");
                let status = u16::from(status);
                let on_disk = prints.iter().all(|print| self.disk.knew(print));
                assert!(status != 200 || on_disk, "200 before the disk has it");
                self.say(format_args!("answers {webhook} {status}"));
                self.mist.handle_input(self.now, mist::Input::Answered(webhook, status));
            }
            Output::Send { destination, to, id, keys, form } => {
                let url = to.url.as_ref().map_or("console", |url| url.expose());
                self.last_post += 1;
                let post = self.last_post;
                self.say(format_args!("sends #{post} to {url}: {} events, {form:?}", keys.len()));
                if post % LOOKED_AT == 1 {
                    self.look_at(to.flavour, &keys, form);
                }
                self.ledger.sent(post, to.flavour.name(), &keys);
                self.running().posts.insert(post, (destination, id));
                let timeout = self.chat.delivery.timeout;
                let (now, seed) = (self.now, self.rand.next_u64());
                let server = self.servers.entry(url.to_owned());
                let server = server.or_insert_with(|| Server::new(to.flavour, seed, now));
                server.handle_input(now, server::Input::Post { id: post, form, timeout });
            }
            Output::Settle { key, flavours } => {
                self.disk.handle_input(self.now, disk::Input::Settle(key, flavours));
            }
            Output::Store { batch: number, bytes, flavours: left, fingerprints } => {
                let at = self.wall();
                let window = i64::try_from(DEDUP_WINDOW.as_micros()).expect("an hour");
                let forget_before = UnixTime::from_micros(at.as_micros() - window);
                let batch = disk::Batch { number, bytes, left, fingerprints, at, forget_before };
                self.disk.handle_input(self.now, disk::Input::Put(batch));
            }
        }
    }

    fn running(&mut self) -> &mut Mistgate {
        self.mistgate.as_mut().expect("only what runs says something")
    }

    /// The message itself: valid, and about the event.
    fn look_at(&self, flavour: Flavour, keys: &[EventKey], form: Form) {
        let batches: Vec<_> = keys
            .iter()
            .map(|key| {
                let kept = self.disk.read(key.batch).expect("sent what the disk has not");
                batch::decode(&kept.bytes).expect("our own bytes")
            })
            .collect();
        let events: Vec<_> = keys
            .iter()
            .zip(&batches)
            .map(|(key, batch)| {
                let index = usize::try_from(key.index).expect("a place");
                (batch.topic(), *batch.events.get(index).expect("a place in the batch"))
            })
            .collect();
        let payload = render(flavour, "manage.mist.com", &events, form).expect("events");
        if let [(topic, stored)] = events.as_slice()
            && *topic != Topic::Mistgate
        {
            let event = topics::parse_event(topic.clone(), stored.text).expect("an event");
            let name = event.device_name().expect("every event here names a device");
            assert!(payload.body.contains(&*name), "not about {name}: {}", payload.body);
        }
        let faults = match flavour {
            Flavour::Console => Vec::new(),
            Flavour::Google => limits::google::check(&payload.body),
            Flavour::Slack => limits::slack::check(&payload.body),
            Flavour::Teams(_) => limits::teams::check(&payload.body),
        };
        assert!(faults.is_empty(), "{faults:#?}");
    }

    fn crash(&mut self) {
        self.crash_after = None;
        let Some(mistgate) = self.mistgate.take() else {
            return;
        };
        self.crashes += 1;
        self.say("power is lost");
        self.disk.handle_input(self.now, disk::Input::Crash);
        for post in mistgate.posts.into_keys() {
            self.ledger.answered(post, false);
        }
        self.ledger.crashed(self.disk.batches());
        for (webhook, _) in mistgate.requests.into_values() {
            self.mist.handle_input(self.now, mist::Input::Answered(webhook, 0));
        }
        let pause = Duration::from_millis(self.rand.up_to(5_000));
        self.restart_at = Some(self.restart_at.unwrap_or_default().max(self.now + pause));
    }

    /// Starts the program with what the disk kept, as the driver does.
    fn start(&mut self) {
        self.restart_at = None;
        let wall = self.wall();
        let window = i64::try_from(DEDUP_WINDOW.as_micros()).expect("an hour");
        let seen = self.disk.seen(UnixTime::from_micros(wall.as_micros() - window));
        let config = self.config(self.disk.next_batch());
        self.say(format_args!("starts, {} seen", seen.len()));
        self.mistgate = Some(Mistgate {
            reference: Reference::new(config.clone()),
            engine: Engine::new(config, self.rand.next_u64(), self.now),
            last_request: 0,
            requests: BTreeMap::new(),
            posts: BTreeMap::new(),
            recalls: Vec::new(),
        });
        for (at, fingerprint) in seen {
            let input = Input::Remembered { fingerprint, ago: since(at, wall) };
            let now = self.now;
            let mistgate = self.running();
            mistgate.reference.input(now, &input);
            mistgate.engine.handle_input(now, input);
        }
        let left: Vec<_> =
            self.disk.batches().map(|batch| restored(batch, |_, left| left)).collect();
        for (at, events) in left {
            let ago = since(at, wall);
            self.feed(Some(Input::Restored { events, ago }));
        }
    }

    fn config(&self, next_batch: u64) -> Config {
        Config { chat: self.chat.clone(), dedup_window: DEDUP_WINDOW, next_batch }
    }

    fn reload(&mut self, chat: Chat) {
        self.chat = chat;
        let names: Vec<_> = self.chat.destinations.iter().map(|to| to.name.as_str()).collect();
        let said = format!("reloads: {}", names.join(" "));
        self.say(said);
        let config = self.config(0);
        self.feed(Some(Input::Configured(config)));
    }

    fn events(&mut self, wanted: Events) {
        let Events { count, severity, sites, aggregated, twice } = wanted;
        let mut events = Vec::new();
        for _ in 0..count {
            self.events += 1;
            let severity = Severity::ALL.get(severity).copied();
            let severity = severity.unwrap_or_else(|| {
                let nth = usize::try_from(self.rand.up_to(3)).expect("a small number");
                *Severity::ALL.get(nth).expect("four of them")
            });
            events.push((self.events, severity, self.rand.up_to(sites - 1)));
        }
        for events in events.chunks(aggregated) {
            let copies: &[bool] = if twice { &[false, true] } else { &[false] };
            for for_site in copies {
                let body = body(self.wall(), events, *for_site);
                self.mist.handle_input(self.now, mist::Input::Happened(body));
            }
        }
    }
}

/// What happened, in a few words.
fn told(happening: &Happening) -> String {
    match happening {
        Happening::Accepted { batch, events } => format!("accepted {events} as batch {batch}"),
        Happening::Delivered { to, events, .. } => format!("delivered {events} to {}", to.name),
        Happening::Dropped { to, events, loss } => {
            let to = to.as_ref().map_or("nobody", |to| &to.name);
            format!("dropped {events} for {to}: {}", loss.name())
        }
        Happening::Parked { to, reason, probe_after } => {
            format!("parked {} for {probe_after:?}: {}", to.name, reason.name())
        }
        Happening::Refused { events } => format!("refused {events}"),
        Happening::Resumed { to } => format!("resumed {}", to.name),
        Happening::Retrying { to, failures, after, reason } => {
            format!("retries {} in {after:?} after {failures}: {}", to.name, reason.name())
        }
        Happening::Suppressed { events } => format!("suppressed {events}"),
    }
}

/// The listener's configuration.
fn listener() -> Webhook {
    Webhook {
        listen: ([127, 0, 0, 1], 0).into(),
        paths: Vec::new(),
        secrets: vec![Secret::new(SECRET)],
        accept_v1: false,
        dedup_window: DEDUP_WINDOW,
        tls: None,
        allow_from: Vec::new(),
        limits: Limits::default(),
    }
}

/// A webhook of events by number, severity and site.
fn body(at: UnixTime, events: &[(u64, Severity, u64)], for_site: bool) -> Rc<[u8]> {
    let events: Vec<_> = events
        .iter()
        .map(|(number, severity, site)| {
            json!({
                "type": kind(*severity),
                "device_name": format!("device-{number}-"),
                "mac": format!("5c5b35{number:06x}"),
                "site_id": format!("978c48e6-6ef6-11e6-8bbf-{site:012x}"),
                "timestamp": at.as_secs(),
                "for_site": for_site,
            })
        })
        .collect();
    let body = json!({ "topic": "device-events", "events": events });
    serde_json::to_vec(&body).expect("texts and numbers are JSON").into()
}

/// A type of this severity.
fn kind(severity: Severity) -> &'static str {
    let mut kinds = types::tables(&Topic::DeviceEvents).iter().flat_map(|table| table.iter());
    kinds.find(|row| row.severity == severity).expect("each severity has a type").name
}

fn flavour_of(url: &str) -> Flavour {
    let known = crate::reference::PRODUCTS.into_iter();
    known.into_iter().find(|known| url.contains(known.name())).expect("a product's URL")
}

/// The events of a batch that shall be handed in, for the chats that `wanted` picks.
fn restored(
    batch: &disk::Batch,
    wanted: impl Fn(u32, Flavours) -> Flavours,
) -> (UnixTime, Vec<Restored>) {
    let read = batch::decode(&batch.bytes).expect("our own bytes");
    let events = (0..)
        .zip(read.events.iter().zip(&batch.left))
        .map(|(index, (stored, left))| Restored {
            key: EventKey { batch: batch.number, index },
            channel: stored.channel.to_owned(),
            severity: stored.severity,
            site: stored.site,
            flavours: wanted(index, *left),
        })
        .filter(|restored| !restored.flavours.is_empty())
        .collect();
    (read.received_at, events)
}

fn since(at: UnixTime, wall: UnixTime) -> Duration {
    let micros = wall.as_micros().saturating_sub(at.as_micros());
    Duration::from_micros(u64::try_from(micros).unwrap_or_default())
}
