//! The task that owns the engine: it hands over inputs and carries out commands.
//!
//! The order is fixed: due timeouts, one input, all outputs, the timer. The driver neither retries
//! nor decides; it answers each command once.

mod fetch;
mod post;

use std::{collections::BTreeMap, mem, sync::Arc, time::Duration};

use http_types::StatusCode;
use mistgate_core::base::{machine, machine::Machine, order, time::Instant, time::UnixTime};
use mistgate_core::delivery::{batch::ChatId, config::Destination, queue::input::Entry};
use mistgate_core::engine::input::{Answer, DestinationId, Input};
use mistgate_core::engine::{DestinationStatus, Engine, input, output, output::Output, report};
use mistgate_core::{chat::outcome::Reason, webhook::inbox::RequestId, webhook::intake::Intake};
use mistgate_core::{chat::shape::Form, config, incident, incident::Incidents};
use smol::{Executor, channel};

use self::fetch::Recent;
pub use self::post::{post, post_alone};
use crate::base::clock::{Alarm, Clock};
use crate::base::store::{Left, LetterChanges, RowName, Seen, SetAside, Store, Write, Written};
use crate::base::{clock, panic, task};
use crate::base::{journal::Journal, journal::Level, journal::fields, metrics::Counter};
use crate::http::outbound::{Bytes, Client, Outbound};

/// A message to the driver.
pub enum Message {
    /// A dead letter is to be sent again.
    Again {
        letter: u64,
        intake: Intake,
        /// Takes 200, 409 where no destination is configured for it, or 503.
        answer: channel::Sender<StatusCode>,
    },
    /// The outcome of a post.
    Answered { destination: DestinationId, id: u64, answer: Result<Answer, Reason> },
    /// The configuration was read again.
    Configured(Box<Settings>),
    /// Looks at the incidents, and says what is to be changed, if anything is.
    Incidents(Box<Look>),
    /// Which device others are behind, as far as that is known.
    Links(Vec<incident::input::Input>),
    /// Asks for the bytes of the batches that were accepted last.
    Recent(channel::Sender<Vec<Bytes>>),
    /// Recalled events, and the channel of each.
    Recalled { events: Vec<(Entry, String)>, chat: ChatId },
    Request {
        intake: Intake,
        /// Takes the status to answer with.
        answer: channel::Sender<StatusCode>,
    },
    /// Asks for the state of all destinations.
    Status(channel::Sender<Status>),
    /// Start nothing new, finish what is in flight, and end.
    Stop,
    /// An event of our own, as JSON, to be routed like any other. There is no answer.
    Report(String),
    /// The store's answer about batches.
    Written(Written),
}

/// What a person looks for in the incidents. It sees whatever came before it and changes them
/// before anything else does.
pub type Look = dyn FnOnce(&Incidents) -> Option<incident::input::Input> + Send;

/// A handle on the driver.
#[derive(Clone, Debug)]
pub struct Handle(channel::Sender<Message>);

impl Handle {
    /// A handle, and the channel's other end for [`Driver::run`].
    pub fn new() -> (Self, channel::Receiver<Message>) {
        // Unbounded, because each sender waits for an answer before it sends again: a connection
        // has one request, a destination one post, the store one group in flight. Only
        // reports about switch ports are not answered, and the plan bounds their number.
        let (sender, receiver) = channel::unbounded();
        (Self(sender), receiver)
    }

    /// Sends a message, which is lost once the driver has ended.
    pub fn send(&self, message: Message) {
        let _ = self.0.try_send(message);
    }

    /// Sends a dead letter again. Gives 200, 409 where no destination is configured for it, or 503.
    pub async fn again(&self, letter: u64, intake: Intake) -> StatusCode {
        let (answer, answered) = channel::bounded(1);
        self.send(Message::Again { letter, intake, answer });
        answered.recv().await.unwrap_or(StatusCode::ServiceUnavailable)
    }

    /// Looks at the incidents, and changes them if `look` says so. `None` once the driver has
    /// ended.
    pub async fn incidents<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Incidents) -> (T, Option<incident::input::Input>) + Send + 'static,
    ) -> Option<T> {
        let (answer, answered) = channel::bounded(1);
        self.send(Message::Incidents(Box::new(move |incidents| {
            let (seen, input) = look(incidents);
            let _ = answer.try_send(seen);
            input
        })));
        answered.recv().await.ok()
    }

    /// Asks for the bytes of the batches that were accepted last, in their order; `None` once the
    /// driver has ended.
    pub async fn recent(&self) -> Option<Vec<Bytes>> {
        let (answer, answered) = channel::bounded(1);
        self.send(Message::Recent(answer));
        answered.recv().await.ok()
    }

    /// Asks for the state of all destinations; `None` once the driver has ended.
    pub async fn status(&self) -> Option<Status> {
        let (answer, answered) = channel::bounded(1);
        self.send(Message::Status(answer));
        answered.recv().await.ok()
    }
}

/// The state of all destinations and of the store.
#[derive(Debug)]
pub struct Status {
    pub destinations: Vec<DestinationStatus>,
    /// The driver's clock at this moment, for the ages.
    pub now: Instant,
    /// Whether the disk takes writes.
    pub writable: bool,
    pub store: Store,
}

/// What the driver needs of the configuration.
pub struct Settings {
    /// The engine's part.
    pub engine: input::Config,
    /// What the store may take of the disk.
    pub store: config::store::Store,
    /// The dashboard's host, for links.
    pub dashboard_host: String,
    pub outbound: Outbound,
}

/// Owns the engine and everything that its commands need.
pub struct Driver {
    engine: Engine,
    clock: Clock,
    store: Store,
    journal: Arc<Journal>,
    executor: Arc<Executor<'static>>,
    handle: Handle,
    dashboard_host: Arc<str>,
    outbound: Outbound,
    timeout: Duration,
    clients: BTreeMap<DestinationId, Arc<Client>>,
    waiting: BTreeMap<RequestId, channel::Sender<StatusCode>>,
    last_request: RequestId,
    recent: Recent,
    /// Collected for the store, so that the writes of one step share a commit.
    writes: Vec<Write>,
    posting: usize,
    writing: usize,
    stopping: bool,
}

impl Driver {
    /// A driver. What an earlier run left comes from the store as a message.
    pub fn start(
        settings: Settings,
        store: Store,
        seed: u64,
        (clock, journal, executor): (Clock, Arc<Journal>, Arc<Executor<'static>>),
        handle: Handle,
    ) -> Self {
        let Settings { engine: config, dashboard_host, outbound, .. } = settings;
        let now = clock.now();
        let timeout = config.chat.delivery.timeout;
        Self {
            engine: Engine::new(config, seed, now),
            clock,
            store,
            journal,
            executor,
            handle,
            dashboard_host: dashboard_host.into(),
            outbound,
            timeout,
            clients: BTreeMap::new(),
            waiting: BTreeMap::new(),
            last_request: 0,
            recent: Recent::default(),
            writes: Vec::new(),
            posting: 0,
            writing: 0,
            stopping: false,
        }
    }

    /// Runs until told to stop and nothing is in flight.
    pub async fn run(mut self, messages: channel::Receiver<Message>) {
        let mut alarm = Alarm::default();
        while !self.is_done() {
            let message = match messages.try_recv() {
                Ok(message) => Some(message),
                Err(_) => {
                    self.hand_over();
                    let due_at = self.engine.poll_timeout();
                    let received = alarm.bound(self.clock, due_at, messages.recv()).await;
                    received.and_then(Result::ok)
                }
            };
            let input = message.and_then(|message| self.receive(message));
            self.step(input);
        }
        self.hand_over();
    }

    fn is_done(&self) -> bool {
        self.stopping && self.posting == 0 && self.writing == 0 && self.waiting.is_empty()
    }

    /// Handles a message, and returns the input for the engine if there is one.
    fn receive(&mut self, message: Message) -> Option<Input> {
        Some(match message {
            Message::Again { letter, intake, answer } => {
                let id = self.await_answer(answer);
                Input::Again { id, letter, intake, at: self.set_clock() }
            }
            Message::Answered { destination, id, answer } => {
                self.posting -= 1;
                Input::Answered { destination, id, answer, at: clock::wall() }
            }
            Message::Configured(settings) => {
                let Settings { engine, store, dashboard_host, outbound } = *settings;
                self.store.set_max(store.max);
                self.store.set_history(store.history);
                self.dashboard_host = dashboard_host.into();
                self.outbound = outbound;
                self.clients.clear();
                self.timeout = engine.chat.delivery.timeout;
                Input::Configured(engine)
            }
            Message::Incidents(look) => {
                let input = look(self.engine.incidents())?;
                // Silences end by the wall clock, which may have jumped.
                self.set_clock();
                Input::Incident(input)
            }
            Message::Links(links) => {
                for link in links {
                    self.step(Some(Input::Incident(link)));
                }
                return None;
            }
            Message::Recent(answer) => {
                let _ = answer.try_send(self.recent.all());
                return None;
            }
            Message::Recalled { events, chat } => Input::Recalled { events, chat },
            Message::Request { intake, answer } => {
                let id = self.await_answer(answer);
                Input::Request { id, intake, at: self.set_clock() }
            }
            Message::Status(answer) => {
                let now = self.clock.now();
                let destinations = self.engine.destinations();
                let writable = self.store.is_writable();
                let store = self.store.clone();
                let _ = answer.try_send(Status { destinations, now, writable, store });
                return None;
            }
            Message::Stop => {
                self.stopping = true;
                return None;
            }
            Message::Report(text) => Input::Report { text, at: self.set_clock() },
            Message::Written(written) => {
                self.written(written);
                return None;
            }
        })
    }

    /// Gives the incidents the wall clock, which may have jumped or been set since.
    fn set_clock(&mut self) -> UnixTime {
        let (wall, is_synchronised) = (clock::wall(), clock::is_synchronised());
        let clock = incident::input::Input::Clock { wall, is_synchronised };
        self.step(Some(Input::Incident(clock)));
        wall
    }

    fn await_answer(&mut self, answer: channel::Sender<StatusCode>) -> RequestId {
        self.last_request += 1;
        self.waiting.insert(self.last_request, answer);
        self.last_request
    }

    fn written(&mut self, written: Written) {
        match written {
            // These are for whoever owns the ports.
            Written::Kept(_) | Written::Unkept => {}
            Written::Letters(changes) => self.letters(&changes),
            Written::Opened(left) => self.opened(left),
            Written::Reopened => self.journal.note(Level::Info, "store_reopened", &[]),
            Written::Stored(batches) => {
                self.writing -= batches.len();
                for batch in batches {
                    self.step(Some(Input::Stored(batch)));
                }
            }
            Written::Refused(batches, reason) => {
                self.writing -= batches.len();
                self.journal.note(Level::Error, "store_failed", fields![reason]);
                for batch in batches {
                    self.recent.forget(batch);
                    self.step(Some(Input::Refused(batch)));
                }
            }
        }
    }

    /// Says what became of dead letters.
    fn letters(&self, changes: &LetterChanges) {
        let LetterChanges { kept, last, expired, pushed_out } = *changes;
        let journal = &self.journal;
        let count = |letters| usize::try_from(letters).unwrap_or(usize::MAX);
        if kept > 0 {
            journal.metrics.add(Counter::LettersKept, &[], count(kept));
            journal.client(Level::Info, "dead_letters_kept", fields![letters = kept, last]);
        }
        if expired > 0 {
            journal.note(Level::Info, "dead_letters_expired", fields![letters = expired]);
        }
        if pushed_out > 0 {
            let letters = pushed_out;
            journal.metrics.add(Counter::LettersPushedOut, &[], count(letters));
            journal.client(Level::Error, "dead_letters_pushed_out", fields![letters]);
        }
    }

    /// Hands over what an earlier run left in the store, or that it had to be set aside.
    fn opened(&mut self, mut left: Left) {
        let wall = self.set_clock();
        self.incidents(mem::take(&mut left.rows));
        let is_new = left.set_aside.is_some();
        let (next_batch, store_max) = (left.next_batch, left.max);
        self.step(Some(Input::Opened { next_batch, is_new, store_max }));
        if let Some(SetAside { file, reason }) = &left.set_aside {
            self.journal.note(Level::Error, "store_set_aside", fields![file, reason]);
            self.recent = Recent::default();
            let text = report::about("STORE_SET_ASIDE", ("file", file), reason, wall);
            self.step(Some(Input::Report { text, at: wall }));
        }
        let stamp = clock::stamp();
        if stamp.is_none() {
            let stored = left.waiting.len();
            self.journal.note(Level::Info, "clock_unsynchronised", fields![stored]);
        }
        for &Seen { batch, at, fingerprint } in &left.seen {
            let ago = UnixTime::age(at, stamp);
            self.step(Some(Input::Remembered { batch, fingerprint, ago }));
        }
        for batch in &left.waiting {
            if let Some((events, at)) = fetch::restored(&self.store, *batch, &self.journal) {
                let ago = UnixTime::age(at, stamp);
                self.step(Some(Input::Restored { events, ago }));
            }
        }
    }

    /// Hands over what an earlier run knew of incidents, and whom it had told.
    fn incidents(&mut self, rows: Vec<(RowName, Vec<u8>)>) {
        for (name, bytes) in rows {
            let input = match name {
                RowName::Incident(key) => incident::input::Input::Restored { key, record: bytes },
                RowName::Shown(to, key) => {
                    incident::input::Input::RestoredShown { to, key, shown: bytes }
                }
                RowName::Silence(number) => {
                    incident::input::Input::RestoredSilence { number, silence: bytes }
                }
            };
            self.step(Some(Input::Incident(input)));
        }
    }

    fn step(&mut self, input: Option<Input>) {
        let now = self.clock.now();
        machine::step(self, |driver| &mut driver.engine, now, input, Self::carry_out);
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Event(event) => self.journal.emit(&event),
            Output::KeepIncident { key, record } => self.keep(RowName::Incident(key), record),
            Output::KeepShown { to, key, shown } => self.keep(RowName::Shown(to, key), shown),
            Output::KeepSilence { number, silence } => {
                self.keep(RowName::Silence(number), silence);
            }
            Output::Recall { entries, chat } => self.recall(entries, chat),
            Output::Respond { id, status } => {
                if let Some(answer) = self.waiting.remove(&id) {
                    let _ = answer.try_send(status);
                }
            }
            Output::Send { destination, to, id, message, form } => {
                if !self.stopping {
                    self.begin_post(destination, to, id, message, form);
                }
            }
            Output::Settle { key, chats, dead } => {
                self.writes.push(Write::Settle { key, chats, dead });
            }
            Output::Store { put, bytes } => {
                let bytes = Bytes::from(bytes);
                self.recent.keep(put.batch, bytes.clone());
                self.writing += 1;
                self.writes.push(Write::Put { put, bytes, at: clock::stamp() });
            }
        }
    }

    fn keep(&mut self, name: RowName, bytes: Option<Vec<u8>>) {
        self.writes.push(Write::Row { name, bytes });
    }

    /// Hands the collected writes to the store, which puts them into one commit.
    fn hand_over(&mut self) {
        let writes = mem::take(&mut self.writes);
        if writes.is_empty() {
            return;
        }
        if let Err(refused) = self.store.write_all(writes) {
            // Only a bug can end the writing thread. Nothing is kept.
            let reason = "the writing thread has ended".to_owned();
            let batches = refused.iter().filter_map(Write::batch).collect();
            self.handle.send(Message::Written(Written::Refused(batches, reason)));
        }
    }

    fn begin_post(
        &mut self,
        destination: DestinationId,
        to: Arc<Destination>,
        id: u64,
        message: output::Message,
        form: Form,
    ) {
        self.posting += 1;
        let outbound = &self.outbound;
        let client = Arc::clone(
            self.clients
                .entry(destination)
                .or_insert_with(|| Arc::new(Client::new(outbound.clone()))),
        );
        let keys = match &message {
            output::Message::Events(keys) => keys.as_slice(),
            output::Message::Incidents(_) => &[],
        };
        let recent = keys.iter().map(|key| (key.batch, self.recent.find(key.batch)));
        let batches: BTreeMap<u64, Option<Bytes>> = order::collect(recent);
        let store = self.store.clone();
        let journal = Arc::clone(&self.journal);
        let dashboard_host = Arc::clone(&self.dashboard_host);
        let (handle, timeout) = (self.handle.clone(), self.timeout);
        let posted = async move {
            let payload = match message {
                output::Message::Events(keys) => {
                    fetch::fetch(store, batches).await.and_then(|batches| {
                        fetch::payload(&to, &dashboard_host, &keys, &batches, form)
                    })
                }
                output::Message::Incidents(told) => Some(to.shape(&told, form)),
            };
            match payload {
                None => Err(Reason::Store),
                Some(payload) => post::post(&client, &to, &payload, timeout, &journal).await,
            }
        };
        let task = async move {
            let answer = panic::catch_async(posted).await.unwrap_or(Err(Reason::Internal));
            handle.send(Message::Answered { destination, id, answer });
        };
        task::spawn(&self.executor, task).detach();
    }

    fn recall(&self, entries: Vec<Entry>, chat: ChatId) {
        let (store, handle) = (self.store.clone(), self.handle.clone());
        let journal = Arc::clone(&self.journal);
        let task = task::unblock(move || {
            // A batch at a time, because the events of one are read together.
            for entries in entries.chunk_by(|one, next| one.key.batch == next.key.batch) {
                let (events, chat) = (fetch::channels(&store, entries, &journal), chat.clone());
                handle.send(Message::Recalled { events, chat });
            }
        });
        task::spawn(&self.executor, task).detach();
    }
}
