//! The program in the world: does what the driver does, from a start to a crash.

use core::time::Duration;
use std::collections::BTreeMap;

use mistgate_core::base::machine::Machine;
use mistgate_core::base::time::{Instant, UnixTime};
use mistgate_core::chat::shape::Form;
use mistgate_core::delivery::batch;
use mistgate_core::delivery::batch::{ChatId, Chats, EventKey};
use mistgate_core::delivery::config::Destination;
use mistgate_core::delivery::render::render;
use mistgate_core::engine::input::{Config, DestinationId, Input, Restored};
use mistgate_core::engine::output::Output;
use mistgate_core::engine::{Engine, output};
use mistgate_core::event::fingerprint::Fingerprint;
use mistgate_core::event::{Event, Topic};
use mistgate_core::webhook::inbox::RequestId;

use super::mist::WebhookId;
use super::server::{PostId, Server};
use super::{DEDUP_WINDOW, World, disk, mist, server};
use crate::chat::{limits, reference::Reference};

/// One message out of this many has its payload checked; the shapes have tests of their own.
const CHECKED_EVERY: u64 = 5;

/// The running program: the engine, and what the driver remembers.
pub(super) struct Mistgate {
    pub(super) engine: Engine,
    pub(super) reference: Reference,
    pub(super) last_request: RequestId,
    pub(super) requests: BTreeMap<RequestId, (WebhookId, Vec<Fingerprint>)>,
    pub(super) posts: BTreeMap<PostId, (DestinationId, u64)>,
    pub(super) recalls: Vec<(Instant, Vec<EventKey>, ChatId)>,
}

impl World {
    /// Reads recalled events from the disk and hands them to the engine, as the driver does.
    pub(super) fn read_back(&mut self) -> bool {
        let now = self.now;
        let recalls = self
            .mistgate
            .iter_mut()
            .flat_map(|mistgate| mistgate.recalls.extract_if(.., |(at, ..)| *at <= now));
        let mut wanted: Vec<(UnixTime, Vec<Restored>)> = Vec::new();
        for (_, keys, chat) in recalls {
            for key in keys {
                let batch =
                    self.disk.read(key.batch).expect("recalled an event that is not on disk");
                wanted.push(restored(batch, |index, _| {
                    (index == key.index).then(|| chat.clone()).into_iter().collect()
                }));
            }
        }
        let active = !wanted.is_empty();
        for (at, events) in wanted {
            let ago = since(at, self.wall());
            self.feed(Some(Input::Restored { events, ago }));
        }
        active
    }

    /// Runs due timers, then handles an input, as the driver does.
    pub(super) fn feed(&mut self, input: Option<Input>) {
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
                mistgate.reference.check_drained(self.now, &mistgate.engine);
                let deadline = mistgate.engine.poll_timeout();
                assert!(deadline.is_none_or(|at| at > self.now), "the deadline is not ahead");
                break;
            };
            mistgate.reference.output(self.now, &output);
            for settled in mistgate.reference.take_settled() {
                self.delivered.settled(settled);
            }
            self.execute(output);
            if let Some(outputs) = &mut self.crash_after {
                match outputs.checked_sub(1) {
                    Some(left) => *outputs = left,
                    None => self.crash(),
                }
            }
        }
    }

    fn execute(&mut self, output: Output) {
        match output {
            Output::Event(event) => self.say(describe(&event)),
            Output::Recall { keys, chat } => {
                let at = self.now + Duration::from_micros(self.rand.up_to(2_000_000));
                self.say(format_args!("recalls {} for {}", keys.len(), chat));
                self.running().recalls.push((at, keys, chat));
            }
            Output::Respond { id, status } => {
                let (webhook, prints) =
                    self.running().requests.remove(&id).expect("one answer to each request");
                let status = u16::from(status);
                let on_disk = prints.iter().all(|print| self.disk.ever_held(print));
                assert!(status != 200 || on_disk, "200 before the disk has it");
                self.say(format_args!("answers {webhook} {status}"));
                self.mist.handle_input(self.now, mist::Input::Answered(webhook, status));
            }
            Output::Send { destination, to, id, keys, form } => {
                let url = to.url.as_ref().map_or("console", |url| url.expose());
                self.last_post += 1;
                let post = self.last_post;
                self.say(format_args!("sends #{post} to {url}: {} events, {form:?}", keys.len()));
                if post % CHECKED_EVERY == 1 {
                    self.check_payload(&to, &keys, form);
                }
                self.delivered.sent(post, &to.chat, &keys);
                self.running().posts.insert(post, (destination, id));
                let timeout = self.chat.delivery.timeout;
                let (now, seed) = (self.now, self.rand.next_u64());
                let server = self.servers.entry(url.to_owned());
                let server = server.or_insert_with(|| Server::new(to.kind, seed, now));
                server.handle_input(now, server::Input::Post { id: post, form, timeout });
            }
            Output::Settle { key, chats } => {
                self.disk.handle_input(self.now, disk::Input::Settle(key, chats));
            }
            Output::Store { batch: number, bytes, chats: left, fingerprints } => {
                let at = self.wall();
                let window = i64::try_from(DEDUP_WINDOW.as_micros()).expect("an hour");
                let forget_before = UnixTime::from_micros(at.as_micros() - window);
                let batch = disk::Batch { number, bytes, left, fingerprints, at, forget_before };
                self.disk.handle_input(self.now, disk::Input::Put(batch));
            }
        }
    }

    fn running(&mut self) -> &mut Mistgate {
        self.mistgate.as_mut().expect("the program runs")
    }

    /// Checks that a payload is within the vendor's limits and names the event's device.
    fn check_payload(&self, to: &Destination, keys: &[EventKey], form: Form) {
        let batches: Vec<_> = keys
            .iter()
            .map(|key| {
                let kept = self.disk.read(key.batch).expect("sent an event that is not on disk");
                batch::decode(&kept.bytes).expect("our own bytes")
            })
            .collect();
        let events: Vec<_> = keys
            .iter()
            .zip(&batches)
            .map(|(key, batch)| {
                let index = usize::try_from(key.index).expect("an index");
                (batch.topic(), *batch.events.get(index).expect("an index in the batch"))
            })
            .collect();
        let payload = render(to.format, "manage.mist.com", &events, form).expect("events");
        if let [(topic, stored)] = events.as_slice()
            && *topic != Topic::Mistgate
        {
            let event = Event::parse(topic.clone(), stored.text).expect("an event");
            let name = event.device_name().expect("every event here names a device");
            assert!(payload.body.contains(&*name), "not about {name}: {}", payload.body);
        }
        let faults = limits::check(to.kind, &payload.body);
        assert!(faults.is_empty(), "{faults:#?}");
    }

    pub(super) fn crash(&mut self) {
        self.crash_after = None;
        let Some(mistgate) = self.mistgate.take() else {
            return;
        };
        self.crashes += 1;
        self.say("power is lost");
        self.disk.handle_input(self.now, disk::Input::Crash);
        for post in mistgate.posts.into_keys() {
            self.delivered.answered(post, false);
        }
        self.delivered.crashed(self.disk.batches());
        for (webhook, _) in mistgate.requests.into_values() {
            self.mist.handle_input(self.now, mist::Input::Answered(webhook, 0));
        }
        let pause = Duration::from_millis(self.rand.up_to(5_000));
        self.restart_at = Some(self.restart_at.unwrap_or_default().max(self.now + pause));
    }

    /// Starts the program with what is on disk, as the driver does.
    pub(super) fn start(&mut self) {
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
            self.disk.batches().map(|batch| restored(batch, |_, left| left.clone())).collect();
        for (at, events) in left {
            let ago = since(at, wall);
            self.feed(Some(Input::Restored { events, ago }));
        }
    }

    pub(super) fn config(&self, next_batch: u64) -> Config {
        Config { chat: self.chat.clone(), dedup_window: DEDUP_WINDOW, next_batch }
    }
}

/// An event in a few words, for the journal.
fn describe(event: &output::Event) -> String {
    match event {
        output::Event::Accepted { batch, events } => format!("accepted {events} as batch {batch}"),
        output::Event::Delivered { to, events, .. } => format!("delivered {events} to {}", to.name),
        output::Event::Dropped { to, events, loss } => {
            let to = to.as_ref().map_or("nobody", |to| &to.name);
            format!("dropped {events} for {to}: {}", loss.name())
        }
        output::Event::Parked { to, reason, probe_after } => {
            format!("parked {} for {probe_after:?}: {}", to.name, reason.name())
        }
        output::Event::Refused { events } => format!("refused {events}"),
        output::Event::Resumed { to } => format!("resumed {}", to.name),
        output::Event::Retrying { to, failures, after, reason } => {
            format!("retries {} in {after:?} after {failures}: {}", to.name, reason.name())
        }
        output::Event::Suppressed { events } => format!("suppressed {events}"),
    }
}

/// The events of a batch, each for the chats that `wanted` selects; those without one are left out.
fn restored(
    batch: &disk::Batch,
    wanted: impl Fn(u32, &Chats) -> Chats,
) -> (UnixTime, Vec<Restored>) {
    let read = batch::decode(&batch.bytes).expect("our own bytes");
    let events = (0..)
        .zip(read.events.iter().zip(&batch.left))
        .map(|(index, (stored, left))| Restored {
            key: EventKey { batch: batch.number, index },
            channel: stored.channel.to_owned(),
            severity: stored.severity,
            site: stored.site,
            chats: wanted(index, left),
        })
        .filter(|restored| !restored.chats.is_empty())
        .collect();
    (read.received_at, events)
}

fn since(at: UnixTime, wall: UnixTime) -> Duration {
    let micros = wall.as_micros().saturating_sub(at.as_micros());
    Duration::from_micros(u64::try_from(micros).unwrap_or_default())
}
