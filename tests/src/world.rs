//! The world: the real engine among a simulated Mist, disk and chats, on one virtual clock.
//!
//! Bytes become transitions: events, storms, duplicates, slow and full disks, silent and failing
//! chats, crashes, reloads, a wall clock that jumps or begins in 1970. After each step of the
//! engine the [`Reference`](crate::chat::reference::Reference) checks it, and [`Delivered`] checks
//! what people see. At the end everything works again: all events must then be settled, the disk
//! empty, and the duplicates soon forgotten. The same bytes give the same journal.

use core::{fmt::Write as _, time::Duration};
use std::collections::BTreeMap;

use mistgate_core::base::machine::Machine;
use mistgate_core::base::rand::Rand;
use mistgate_core::base::secret::Secret;
use mistgate_core::base::time::{Instant, UnixTime};
use mistgate_core::chat::KINDS;
use mistgate_core::chat::kind::Kind;
use mistgate_core::chat::outcome::{Outcome, Reason};
use mistgate_core::delivery::batch;
use mistgate_core::delivery::config::Chat;
use mistgate_core::engine::input::{Answer, Input};
use mistgate_core::http::listener::Policy;
use mistgate_core::mist::catalogue::Learned;
use mistgate_core::notify::Severity;
use mistgate_core::webhook::config::Webhook;
use mistgate_core::webhook::intake::intake;
use mistgate_core::webhook::signature::Signatures;

use self::delivered::Delivered;
use self::disk::Disk;
use self::mist::{Mist, WebhookId};
use self::program::Mistgate;
use self::server::{PostId, Server};
use self::transition::{Clock, Events, Transition, transition};
use self::webhooks::body;
use crate::{base::bytes::Bytes, chat::configurations::chat};

pub mod delivered;
pub mod disk;
pub mod mist;
mod program;
pub mod server;
mod storm;
pub mod transition;
mod watch;
pub mod webhooks;

const TRANSITIONS_MAX: usize = 150;
/// How long the world may take to come to rest once everything works again.
const HEALED_MAX: Duration = Duration::from_secs(40 * 86_400);
/// How long after that each destination knows how things are, whatever silences there were.
const TOLD_MAX: Duration = Duration::from_secs(3 * 3_600);
/// As `[webhook] dedup_window`.
const DEDUP_WINDOW: Duration = Duration::from_secs(3_600);
const SECRET: &str = "the world's secret";

/// The result of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Journal {
    /// Everything that happened, one line each.
    pub text: String,
    /// Messages that people saw.
    pub seen: usize,
    /// Events that were given up.
    pub dropped: usize,
    /// Losses of power.
    pub crashes: usize,
}

/// Runs the transitions in `data`, then lets everything work again until all is at rest.
pub fn run(data: &[u8]) -> Journal {
    let bytes = &mut Bytes::new(data);
    let mut world = World::new(bytes);
    for _ in 0..TRANSITIONS_MAX {
        if bytes.is_empty() {
            break;
        }
        world.apply(transition(bytes));
    }
    world.heal();
    let (seen, dropped) = world.delivered.totals();
    Journal { text: world.journal, seen, dropped, crashes: world.crashes }
}

/// Runs the storms in `data`, then lets everything work again until each destination knows how
/// things are.
pub fn storms(data: &[u8]) -> Journal {
    let bytes = &mut Bytes::new(data);
    let mut world = World::new(bytes);
    while !bytes.is_empty() {
        world.storm(bytes);
    }
    world.heal();
    let (seen, dropped) = world.delivered.totals();
    Journal { text: world.journal, seen, dropped, crashes: world.crashes }
}

struct World {
    now: Instant,
    /// The error of the wall clock, in microseconds.
    wall_offset: i64,
    /// Whether the kernel calls it synchronised. It never says so of a wrong one.
    is_synchronised: bool,
    rand: Rand,
    journal: String,
    chat: Chat,
    /// The shortest `max_age` so far.
    max_age: Duration,
    mistgate: Option<Mistgate>,
    restart_at: Option<Instant>,
    crash_after: Option<u64>,
    crashes: usize,
    disk: Disk,
    mist: Mist,
    servers: BTreeMap<String, Server>,
    delivered: Delivered,
    events: u64,
    last_post: PostId,
}

impl World {
    fn new(bytes: &mut Bytes<'_>) -> Self {
        let mut rand = Rand::new(bytes.number());
        let now = Instant::from_secs(1_000_000);
        let chat = chat(bytes);
        let mut world = Self {
            now,
            wall_offset: 0,
            is_synchronised: true,
            journal: String::new(),
            max_age: chat.delivery.max_age,
            chat,
            mistgate: None,
            restart_at: None,
            crash_after: None,
            crashes: 0,
            disk: Disk::new((), rand.next_u64(), now),
            mist: Mist::new((), rand.next_u64(), now),
            servers: BTreeMap::new(),
            delivered: Delivered::default(),
            events: 0,
            last_post: 0,
            rand,
        };
        world.start();
        world
    }

    fn say(&mut self, line: impl core::fmt::Display) {
        let micros = self.now.as_micros();
        let _ = writeln!(self.journal, "{}.{:06} {line}", micros / 1_000_000, micros % 1_000_000);
    }

    /// The right time, which Mist's clock shows.
    fn time(&self) -> UnixTime {
        let micros = i64::try_from(self.now.as_micros()).expect("some years");
        UnixTime::from_micros(1_752_000_000_000_000 + micros)
    }

    fn wall(&self) -> UnixTime {
        UnixTime::from_micros(self.time().as_micros() + self.wall_offset)
    }

    fn stamp(&self) -> Option<UnixTime> {
        self.is_synchronised.then(|| self.wall())
    }

    fn set_clock(&mut self, clock: Clock) {
        self.is_synchronised = clock == Clock::Right;
        match clock {
            Clock::Jumps(seconds) => self.wall_offset += seconds * 1_000_000,
            Clock::In1970 => self.wall_offset = -self.time().as_micros(),
            Clock::Right => self.wall_offset = 0,
            Clock::Alone => {}
        }
        self.say(format_args!("wall clock: {clock:?}"));
    }

    fn apply(&mut self, transition: Transition) {
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
            Transition::Wait(duration) => {
                self.run_to(self.now + duration);
                self.send_letters(1);
            }
            Transition::Clock(clock) => self.set_clock(clock),
        }
        self.settle();
    }

    /// Lets everything work again.
    fn heal(&mut self) {
        self.crash_after = None;
        self.disk.handle_input(self.now, disk::Input::Mood(disk::Mood::Well));
        for server in self.servers.values_mut() {
            server.handle_input(self.now, server::Input::Mood(server::Mood::Well));
        }
        self.say("heals");
        self.come_to_rest();
        assert_eq!(self.disk.batches().count(), 0, "settled, and still on disk");
        self.delivered.check_all_settled();
        // Sent again, they are settled again; only what no destination is configured for stays.
        let has_destination = |(_, letter): &(u64, &disk::Letter)| {
            let read = batch::decode(&letter.bytes).expect("our own bytes");
            let channels = read.events.iter().map(|event| self.chat.chats_with(event.channel));
            channels.into_iter().any(|chats| chats.contains(&letter.chat))
        };
        let sent = self.disk.letters().filter(has_destination).map(|(id, _)| id).max();
        self.send_letters(usize::MAX);
        self.come_to_rest();
        self.delivered.check_all_settled();
        let is_there = |id| self.disk.letters().any(|(left, _)| left == id);
        assert!(!sent.is_some_and(is_there), "a dead letter that cannot be sent");
        // The memory of duplicates ends with its window, whatever the clock showed meanwhile.
        let last = self.disk.next_batch();
        self.run_to(self.now + DEDUP_WINDOW);
        self.come_to_rest();
        let is_kept = |(batch, ..): (u64, _, _)| batch < last;
        assert!(self.disk.next_batch() == last || !self.disk.seen().any(is_kept), "not forgotten");
        // The steps between messages, a silence, and what an hour may still hold back.
        self.run_to(self.now + TOLD_MAX);
        self.settle();
        let now = self.now;
        self.mistgate.as_mut().expect("it runs").watch.check_told(now);
        self.say("at rest");
    }

    /// Sends an event of each severity, and runs until all is settled.
    fn come_to_rest(&mut self) {
        let one = |severity| Events { count: 1, severity, sites: 1, aggregated: 1, twice: false };
        (0..Severity::ALL.len()).for_each(|severity| self.events(one(severity)));
        let end = self.now + HEALED_MAX;
        while !self.is_at_rest() {
            let due = self.due().expect("a world that is not at rest waits for something");
            assert!(due < end, "not at rest after {HEALED_MAX:?}");
            self.run_to(due);
        }
    }

    fn is_at_rest(&self) -> bool {
        let outside = [self.disk.poll_timeout(), self.mist.poll_timeout(), self.restart_at];
        let servers = self.servers.values().filter_map(Server::poll_timeout);
        outside.into_iter().flatten().chain(servers).next().is_none()
            && self.mistgate.as_ref().is_some_and(|mistgate| {
                mistgate.reference.is_settled() && mistgate.recalls.is_empty()
            })
    }

    /// The next deadline of any part of the world.
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

    /// Passes outputs on until no part has any left.
    fn settle(&mut self) {
        loop {
            if self.restart_at.is_some_and(|at| at <= self.now) && self.mistgate.is_none() {
                self.start();
            }
            self.feed(None);
            let active =
                [self.poll_disk(), self.poll_servers(), self.poll_mist(), self.read_back()];
            if active.iter().all(|active| !active) {
                break;
            }
        }
        if self.mistgate.is_some() {
            self.restart_at =
                self.restart_at.filter(|at| *at > self.now && self.crash_after.is_some());
        }
    }

    fn poll_disk(&mut self) -> bool {
        self.disk.handle_timeout(self.now);
        for batch in self.disk.committed() {
            self.delivered.accepted(&batch);
        }
        for (key, chat) in self.disk.buried() {
            self.delivered.buried(key, chat);
        }
        let mut active = false;
        while let Some(output) = self.disk.poll_output() {
            active = true;
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
        active
    }

    fn poll_servers(&mut self) -> bool {
        let mut outputs = Vec::new();
        for (url, server) in &mut self.servers {
            server.handle_timeout(self.now);
            while let Some(output) = server.poll_output() {
                outputs.push((url.clone(), output));
            }
        }
        let active = !outputs.is_empty();
        for (url, output) in outputs {
            match output {
                server::Output::Answered(post, answer) => self.answered(&url, post, answer),
                server::Output::Shown(post) => {
                    self.say(format_args!("{url} shows #{post}"));
                    self.delivered.shown(post);
                }
            }
        }
        active
    }

    fn answered(&mut self, url: &str, post: PostId, answer: Result<Answer, Reason>) {
        let posts = self.mistgate.as_mut().map(|mistgate| &mut mistgate.posts);
        let Some((destination, id)) = posts.and_then(|posts| posts.remove(&post)) else {
            return;
        };
        let kind = kind_of(url);
        let result = match &answer {
            Ok(answer) => answer.status.to_string(),
            Err(reason) => reason.name().to_owned(),
        };
        self.say(format_args!("{url} answers #{post} {result}"));
        let confirmed = answer.as_ref().is_ok_and(|answer| {
            kind.outcome(answer.status, answer.retry_after, &answer.body) == Outcome::Delivered
        });
        self.delivered.answered(post, confirmed);
        let outcome = match &answer {
            Ok(answer) => kind.outcome(answer.status, answer.retry_after, &answer.body),
            Err(reason) => Outcome::Retry { after: None, reason: *reason },
        };
        // What is due comes first.
        self.feed(None);
        if let Some(mistgate) = &mut self.mistgate {
            mistgate.watch.answered(self.now, post, outcome);
        }
        let at = self.wall();
        self.feed(Some(Input::Answered { destination, id, answer, at }));
    }

    fn poll_mist(&mut self) -> bool {
        self.mist.handle_timeout(self.now);
        let mut active = false;
        while let Some(mist::Output { id, body }) = self.mist.poll_output() {
            active = true;
            self.request(id, &body);
        }
        active
    }

    /// Hands a webhook to the engine as the listener's service does.
    fn request(&mut self, webhook: WebhookId, body: &[u8]) {
        let at = self.wall();
        let Some(mistgate) = &mut self.mistgate else {
            return self.mist.handle_input(self.now, mist::Input::Answered(webhook, 0));
        };
        let signature = Secret::new(SECRET).sign(body);
        let sent = Signatures { v2: Some(signature.as_bytes()), v1: None };
        let intake =
            intake(&listener(), &self.chat, &Learned::default(), sent, body).expect("signed by us");
        if intake.items.is_empty() {
            return self.mist.handle_input(self.now, mist::Input::Answered(webhook, 200));
        }
        mistgate.last_request += 1;
        let id = mistgate.last_request;
        let prints = intake.items.iter().map(|item| item.fingerprint).collect();
        mistgate.watch.request(&intake);
        mistgate.requests.insert(id, (webhook, prints));
        self.say(format_args!("mist sends {webhook} with {} events", intake.items.len()));
        self.feed(Some(Input::Request { id, intake, at }));
    }

    fn reload(&mut self, chat: Chat) {
        self.max_age = self.max_age.min(chat.delivery.max_age);
        self.chat = chat;
        let names: Vec<_> = self.chat.destinations.iter().map(|to| to.name.as_str()).collect();
        let line = format!("reloads: {}", names.join(" "));
        self.say(line);
        let config = self.config(0);
        // What is due goes the old way.
        self.feed(None);
        if let Some(mistgate) = &mut self.mistgate {
            mistgate.watch.reloaded(self.now, &self.chat);
        }
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
                let body = body(self.time(), events, *for_site);
                self.mist.handle_input(self.now, mist::Input::Event(body));
            }
        }
    }
}

/// The listener's configuration.
fn listener() -> Webhook {
    Webhook {
        listen: ([127, 0, 0, 1], 0).into(),
        url: None,
        verify_cert: true,
        paths: Vec::new(),
        secrets: vec![Secret::new(SECRET)],
        accept_v1: false,
        dedup_window: DEDUP_WINDOW,
        max_event_age: core::time::Duration::from_secs(86_400),
        tls: None,
        policy: Policy::default(),
    }
}

fn kind_of(url: &str) -> &'static Kind {
    KINDS.into_iter().find(|known| url.contains(known.name)).expect("a product's URL")
}
