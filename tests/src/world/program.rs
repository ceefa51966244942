//! The program in the world: does what the driver does, from a start to a crash.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use mistgate_core::base::machine::Machine;
use mistgate_core::base::time::{Instant, UnixTime};
use mistgate_core::chat::shape::Form;
use mistgate_core::delivery::batch;
use mistgate_core::delivery::batch::{ChatId, EventKey};
use mistgate_core::delivery::config::Destination;
use mistgate_core::delivery::queue::input::Entry;
use mistgate_core::delivery::queue::output::Loss;
use mistgate_core::delivery::render::render;
use mistgate_core::engine::input::{Config, DestinationId, Input, Restored};
use mistgate_core::engine::output::{Output, Put};
use mistgate_core::engine::{Engine, output};
use mistgate_core::event::fingerprint::Fingerprint;
use mistgate_core::event::{Event, Topic};
use mistgate_core::incident;
use mistgate_core::incident::config::Rules;
use mistgate_core::webhook::inbox::RequestId;
use mistgate_core::webhook::intake::again;

use super::mist::WebhookId;
use super::server::{PostId, Server};
use super::transition::Clock;
use super::watch::Watch;
use super::{DEDUP_WINDOW, World, disk, mist, server};
use crate::chat::limits;
use crate::chat::reference::{Reference, Settled};

/// One message out of this many has its payload checked; the shapes have tests of their own.
const CHECKED_EVERY: u64 = 5;

/// The running program: the engine, and what the driver remembers.
pub(super) struct Mistgate {
    pub(super) engine: Engine,
    pub(super) reference: Reference,
    pub(super) last_request: RequestId,
    pub(super) requests: BTreeMap<RequestId, (WebhookId, Vec<Fingerprint>)>,
    /// Dead letters that are being sent again.
    again: BTreeSet<RequestId>,
    pub(super) posts: BTreeMap<PostId, (DestinationId, u64)>,
    pub(super) recalls: Vec<(Instant, Vec<Entry>, ChatId)>,
    pub(super) watch: Watch,
}

impl World {
    /// Reads recalled events from the disk and hands them to the engine, as the driver does.
    pub(super) fn read_back(&mut self) -> bool {
        let now = self.now;
        let recalls = self
            .mistgate
            .iter_mut()
            .flat_map(|mistgate| mistgate.recalls.extract_if(.., |(at, ..)| *at <= now));
        let mut wanted = Vec::new();
        for (_, entries, chat) in recalls {
            for entry in entries {
                let EventKey { batch, index } = entry.key;
                let batch = self.disk.read(batch).expect("recalled an event that is not on disk");
                let batch = batch::decode(&batch.bytes).expect("our own bytes");
                let index = usize::try_from(index).expect("an index");
                let event = batch.events.get(index).expect("an index in the batch");
                let events = vec![(entry, event.channel.to_owned())];
                wanted.push(Input::Recalled { events, chat: chat.clone() });
            }
        }
        let active = !wanted.is_empty();
        wanted.into_iter().for_each(|input| self.feed(Some(input)));
        active
    }

    /// Runs due timers, then handles an input, as the driver does.
    pub(super) fn feed(&mut self, input: Option<Input>) {
        let now = self.now;
        if let Some(mistgate) = &mut self.mistgate {
            mistgate.engine.handle_timeout(now);
        }
        self.drain();
        if let Some(mistgate) = &mut self.mistgate {
            mistgate.watch.check(now);
        }
        if let (Some(mistgate), Some(input)) = (&mut self.mistgate, input) {
            mistgate.reference.input(now, &input);
            mistgate.watch.input(now, &input);
            mistgate.engine.handle_input(now, input);
            self.drain();
            if let Some(mistgate) = &mut self.mistgate {
                mistgate.watch.check(now);
            }
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
            let is_expired = matches!(
                &output,
                Output::Event(output::Event::Dropped { loss: Loss::Expired, .. })
            );
            for settled in mistgate.reference.take_settled() {
                if let (true, Settled::Dropped(event)) = (is_expired, &settled) {
                    self.delivered.expired(self.now, event, self.max_age);
                }
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
            Output::Event(event) => {
                self.running().watch.event(&event);
                self.say(describe(&event));
            }
            Output::Recall { entries, chat } => {
                let at = self.now + Duration::from_micros(self.rand.up_to(2_000_000));
                self.say(format_args!("recalls {} for {}", entries.len(), chat));
                self.running().recalls.push((at, entries, chat));
            }
            Output::Respond { id, status } if self.running().again.remove(&id) => {
                self.say(format_args!("sends a dead letter again: {status}"));
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
            Output::KeepIncident { key, record } => self.keep(disk::Row::Incident(key), record),
            Output::KeepShown { to, key, shown } => self.keep(disk::Row::Shown(to, key), shown),
            Output::KeepSilence { number, silence } => {
                self.keep(disk::Row::Silence(number), silence);
            }
            Output::Send { destination, to, id, message, form } => {
                let url = to.url.as_ref().map_or("console", |url| url.expose());
                self.last_post += 1;
                let post = self.last_post;
                match message {
                    output::Message::Events(keys) => {
                        let count = keys.len();
                        self.say(format_args!("sends #{post} to {url}: {count} events, {form:?}"));
                        if post % CHECKED_EVERY == 1 {
                            self.check_payload(&to, &keys, form);
                        }
                        self.delivered.sent(post, &to.chat, &keys);
                    }
                    output::Message::Incidents(told) => {
                        let title = &told.title;
                        let now = self.now;
                        self.running().watch.sends(now, post, &to, &told, form);
                        self.say(format_args!("tells #{post} to {url}: {title}, {form:?}"));
                        let payload = to.shape(&told, form);
                        let faults = limits::check(to.kind, &payload.body);
                        assert!(faults.is_empty(), "{faults:#?}");
                        self.delivered.sent(post, &to.chat, &[]);
                    }
                }
                self.running().posts.insert(post, (destination, id));
                let timeout = self.chat.delivery.timeout;
                let (now, seed) = (self.now, self.rand.next_u64());
                let server = self.servers.entry(url.to_owned());
                let server = server.or_insert_with(|| Server::new(to.kind, seed, now));
                server.handle_input(now, server::Input::Post { id: post, form, timeout });
            }
            Output::Settle { key, chats, dead } => {
                self.disk.handle_input(self.now, disk::Input::Settle(key, chats, dead));
            }
            Output::Store { put, bytes } => {
                let Put { batch: number, chats: left, fingerprints, incidents, .. } = put;
                let Put { letter, forget_before, .. } = put;
                let (now, chat) = (self.now, self.chat.clone());
                let is_letter = letter.is_some();
                self.running().watch.stored(now, &chat, &fingerprints, &incidents, is_letter);
                let batch = disk::Batch {
                    number,
                    bytes,
                    left,
                    fingerprints,
                    incidents,
                    letter,
                    at: self.stamp(),
                    accepted_at: self.now,
                    forget_before,
                };
                self.disk.handle_input(self.now, disk::Input::Put(batch));
            }
        }
    }

    /// Sends the oldest dead letters again, as a person does. Gives how many.
    pub(super) fn send_letters(&mut self, most: usize) -> usize {
        let letters = self.disk.letters().take(most);
        let letters: Vec<_> = letters.map(|(id, letter)| (id, letter.clone())).collect();
        let mut sent = 0;
        for (letter, disk::Letter { chat, bytes }) in letters {
            let intake = again(letter, chat, &bytes).expect("one event");
            let at = self.wall();
            let Some(mistgate) = &mut self.mistgate else {
                break;
            };
            mistgate.last_request += 1;
            let id = mistgate.last_request;
            mistgate.again.insert(id);
            sent += 1;
            self.feed(Some(Input::Again { id, letter, intake, at }));
        }
        sent
    }

    fn keep(&mut self, row: disk::Row, bytes: Option<Vec<u8>>) {
        let now = self.now;
        self.running().watch.kept(now, &row, bytes.as_deref());
        self.disk.handle_input(self.now, disk::Input::Row(row, bytes));
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
        let payload = render(to, "manage.mist.com", &events, form).expect("events");
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
        if self.rand.up_to(3) == 0 {
            self.set_clock(Clock::In1970);
        }
        let pause = Duration::from_millis(self.rand.up_to(5_000));
        self.restart_at = Some(self.restart_at.unwrap_or_default().max(self.now + pause));
    }

    /// Starts the program with what is on disk, as the driver does.
    pub(super) fn start(&mut self) {
        self.restart_at = None;
        let stamp = self.stamp();
        let seen: Vec<_> = self.disk.seen().collect();
        let next_batch = self.disk.next_batch();
        let config = self.config(next_batch);
        self.say(format_args!("starts, {} seen", seen.len()));
        self.mistgate = Some(Mistgate {
            reference: Reference::new(config.clone()),
            engine: Engine::new(config, self.rand.next_u64(), self.now),
            last_request: 0,
            requests: BTreeMap::new(),
            again: BTreeSet::new(),
            posts: BTreeMap::new(),
            recalls: Vec::new(),
            watch: Watch::new(&self.chat, self.now, self.wall()),
        });
        for (batch, at, fingerprint) in seen {
            let ago = UnixTime::age(at, stamp);
            let input = Input::Remembered { batch, fingerprint, ago };
            let now = self.now;
            let mistgate = self.running();
            mistgate.reference.input(now, &input);
            mistgate.engine.handle_input(now, input);
        }
        let rows = self.disk.rows().clone();
        let clock =
            incident::input::Input::Clock { wall: self.wall(), is_synchronised: stamp.is_some() };
        self.feed(Some(Input::Incident(clock)));
        // Incidents come before what was told of them.
        for (row, bytes) in rows {
            let (now, chat) = (self.now, self.chat.clone());
            // Power may be lost in the middle of the start.
            let Some(mistgate) = &mut self.mistgate else { return };
            mistgate.watch.restored(now, &chat, &row, &bytes);
            let input = match row {
                disk::Row::Incident(key) => incident::input::Input::Restored { key, record: bytes },
                disk::Row::Shown(to, key) => {
                    incident::input::Input::RestoredShown { to, key, shown: bytes }
                }
                disk::Row::Silence(number) => {
                    incident::input::Input::RestoredSilence { number, silence: bytes }
                }
            };
            self.feed(Some(Input::Incident(input)));
        }
        self.feed(Some(Input::Opened { next_batch, is_new: false, store_max: u64::MAX }));
        let left: Vec<_> = self.disk.batches().map(|batch| (batch.at, restored(batch))).collect();
        for (at, events) in left {
            let ago = UnixTime::age(at, stamp);
            self.feed(Some(Input::Restored { events, ago }));
        }
    }

    pub(super) fn config(&self, next_batch: u64) -> Config {
        Config {
            chat: self.chat.clone(),
            dedup_window: DEDUP_WINDOW,
            incidents: Rules::default(),
            dashboard_host: "manage.mist.com".to_owned(),
            next_batch,
        }
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
        output::Event::Incident(event) => format!("{event:?}"),
        output::Event::Told { to, .. } => format!("told {}", to.name),
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

/// The events of a batch that some chat waits for.
fn restored(batch: &disk::Batch) -> Vec<Restored> {
    let read = batch::decode(&batch.bytes).expect("our own bytes");
    (0..)
        .zip(read.events.iter().zip(&batch.left))
        .map(|(index, (stored, left))| Restored {
            key: EventKey { batch: batch.number, index },
            channel: stored.channel.to_owned(),
            severity: stored.severity,
            chats: left.clone(),
        })
        .filter(|restored| !restored.chats.is_empty())
        .collect()
}
