//! The task that drives the feed from Mist: it asks Mist's API, and says what is wrong with the way
//! of events to us.
//!
//! There is one while the configuration has a webhook, an organisation and a token. A reload starts
//! it anew.

mod selftest;

use std::{collections::VecDeque, fs, path::Path, path::PathBuf, sync::Arc};

use mistgate_core::base::{machine, machine::Machine as _, time::Instant, time::UnixTime};
use mistgate_core::config::checked::Config;
use mistgate_core::incident::{Incidents, input::Input::Gateways, record::Incident};
use mistgate_core::mist::catalogue::{LEARN_AGAIN, LEARN_EVERY, Learned, catalogue};
use mistgate_core::mist::feed::input::{Input, Open, Sight, Verdict};
use mistgate_core::mist::feed::{Feed, Status, input, output::Event, output::Output};
use mistgate_core::mist::{Mist, webhook::wanted::Wanted};
use mistgate_core::notify::types::condition::DEVICE_DOWN;
use smol::{channel, lock::Mutex};

use crate::base::clock::{Alarm, Clock};
use crate::base::{clock, journal::Journal, journal::Level, journal::fields, sync::Shared, task};
use crate::{chat::driver, chat::driver::Message, http::outbound::Outbound};
use crate::{mist::Client, mist::SharedBudget, mist::Urgency, webhook::Intake};

/// The name of the file, in the state folder, of up to when all was fetched that Mist could not
/// deliver: seconds since 1970.
const KEPT: &str = "mist-caught-up";

/// The name of the file, in the state folder, with Mist's words for types for which we have none.
const TYPES: &str = "mist-types.json";

/// What others have of the feed, and what it asks Mist with.
pub struct Handle {
    /// That of the organisation.
    pub(crate) name: Option<String>,
    /// What is known of it.
    pub(crate) status: Shared<Status>,
    client: Client,
    wanted: Wanted,
    outbound: Outbound,
    journal: Arc<Journal>,
    /// Whoever makes a selftest.
    turn: Mutex<()>,
    /// Takes the results of selftests.
    tested: channel::Sender<Verdict>,
}

/// Owns the machine and what its outputs need.
pub struct Task {
    feed: Feed,
    /// Where it is kept up to when all was fetched.
    kept: PathBuf,
    types: PathBuf,
    /// When the types are read again. Only the first of all organisations is asked.
    learn_at: Option<Instant>,
    outputs: VecDeque<Output>,
    driver: driver::Handle,
    clock: Clock,
    handle: Arc<Handle>,
    tested: channel::Receiver<Verdict>,
}

impl Task {
    /// A task for an organisation of a configuration, which may be the first; `None` where it says
    /// too little to ask Mist. Blocks on the disk.
    pub(crate) fn new(
        config: &Config,
        (mist, is_first): (&Mist, bool),
        outbound: Outbound,
        budget: &SharedBudget,
        seed: u64,
        (driver, journal): (driver::Handle, Arc<Journal>),
    ) -> Option<Self> {
        let url = config.webhook.as_ref()?.url.clone();
        let wanted = config.wanted_webhook(mist, url).ok()?;
        let clock = outbound.clock;
        let client = Client::new(mist, outbound.clone(), Arc::clone(&journal))?;
        let client = client.sharing(budget);
        let other = if mist.is_other { format!("-{}", wanted.org) } else { String::new() };
        let kept = Path::new(&config.state_dir).join(format!("{KEPT}{other}"));
        let caught_up_to = fs::read_to_string(&kept).ok();
        let caught_up_to = caught_up_to.and_then(|text| text.trim().parse().ok());
        let settings = input::Config {
            wanted: wanted.clone(),
            dedup_window: config.webhook.as_ref()?.dedup_window,
            caught_up_to: caught_up_to.map(UnixTime::from_secs),
            selftest: mist.selftest.clone(),
        };
        let feed = Feed::new(settings, seed, clock.now());
        let (types, learn_at) = (kept.with_file_name(TYPES), is_first.then(|| clock.now()));
        let name = mist.name.clone();
        let (status, turn) = (Shared::new(Status::default()), Mutex::new(()));
        let (sender, tested) = channel::bounded(1);
        let handle =
            Handle { name, status, client, wanted, outbound, journal, turn, tested: sender };
        let (handle, outputs) = (Arc::new(handle), VecDeque::new());
        Some(Self { feed, kept, types, learn_at, outputs, driver, clock, handle, tested })
    }

    /// What others have of it, of use while it runs.
    pub fn handle(&self) -> Arc<Handle> {
        Arc::clone(&self.handle)
    }

    /// Runs until it is dropped. What is fetched goes to `service`, as what is sent does.
    pub async fn run(mut self, service: Arc<Intake>) {
        let mut alarm = Alarm::default();
        self.remember(&service).await;
        loop {
            let due_at = self.feed.poll_timeout();
            let tested = alarm.bound(self.clock, due_at, self.tested.recv()).await;
            self.step(tested.and_then(Result::ok).map(Input::Tested));
            while let Some(output) = self.outputs.pop_front() {
                if let Some(input) = self.carry_out(output, &service).await {
                    self.step(Some(input));
                }
            }
            if *self.handle.status.get() != *self.feed.status() {
                self.handle.status.set(self.feed.status().clone());
            }
            if self.learn_at.is_some_and(|at| at <= self.clock.now()) {
                self.learn(&service).await;
            }
        }
    }

    fn step(&mut self, input: Option<Input>) {
        let now = self.clock.now();
        let carry_out = |task: &mut Self, output| task.outputs.push_back(output);
        machine::step(self, |task| &mut task.feed, now, input, carry_out);
    }

    async fn carry_out(&self, output: Output, service: &Intake) -> Option<Input> {
        match output {
            Output::Compare => {
                let org = self.handle.wanted.org.clone();
                let open = move |incidents: &Incidents| {
                    let mut open = Open::default();
                    for view in incidents.views().filter(|view| view.incident.is_open) {
                        let Incident { org_id, mac, changed_at, .. } = view.incident;
                        if org_id.as_deref() != Some(&*org) {
                            continue;
                        }
                        let condition = view.incident.condition();
                        open.conditions.insert(condition);
                        if let Some(mac) = mac.filter(|_| condition == DEVICE_DOWN) {
                            open.down.push((org_id.clone(), mac, *changed_at));
                        }
                    }
                    (open, None)
                };
                return Some(Input::Open(self.driver.incidents(open).await.unwrap_or_default()));
            }
            Output::Event(event) => self.note(&event),
            Output::Gateways(gateways) => {
                self.driver.send(Message::Links(vec![Gateways(gateways)]));
            }
            Output::Keep(caught_up_to) => {
                self.keep(&self.kept, format!("{}\n", caught_up_to.as_secs()).into()).await;
            }
            Output::Look => {
                let (wall, heard) = (clock::wall(), service.heard(&self.handle.wanted.org));
                let is_writable = self.driver.status().await.is_some_and(|status| status.writable);
                return Some(Input::Seen(Sight { wall, is_writable, heard }));
            }
            Output::Report(text) => self.driver.send(Message::Report(text)),
            Output::Request(request) => {
                return Some(Input::Answered(
                    self.handle.client.send(request, Urgency::Question).await,
                ));
            }
            Output::Take(late) => return Some(Input::Taken(service.take_late(&late).await)),
            Output::Test => drop(self.handle.test(service, self.learn_at.is_some()).await),
        }
        None
    }

    /// Takes up the words that an earlier run has learned.
    async fn remember(&mut self, service: &Intake) {
        let path = self.types.clone();
        let read = task::unblock(move || {
            let age = fs::metadata(&path).ok()?.modified().ok()?.elapsed().unwrap_or_default();
            Some((age, Learned::decode(&fs::read(path).ok()?)?))
        });
        if let Some((age, learned)) = read.await {
            let learn_at = self.clock.now() + LEARN_EVERY.saturating_sub(age);
            self.learn_at = self.learn_at.map(|_| learn_at);
            service.learn(learned);
        }
    }

    /// Reads Mist's words for types for which we have none.
    async fn learn(&mut self, service: &Intake) {
        let after = match self.handle.client.run(catalogue(), Urgency::Question).await {
            Ok(types) => {
                let learned = Learned::new(types);
                let (new, bytes) = (learned.count(), learned.encode());
                service.learn(learned);
                self.keep(&self.types, bytes).await;
                self.handle.journal.note(Level::Info, "mist_types", fields![new]);
                LEARN_EVERY
            }
            Err(reason) => {
                self.handle.journal.note(Level::Warning, "mist_types_unread", fields![reason]);
                LEARN_AGAIN
            }
        };
        self.learn_at = Some(self.clock.now() + after);
    }

    async fn keep(&self, path: &Path, bytes: Vec<u8>) {
        let path = path.to_owned();
        let kept = task::unblock(move || {
            let new = path.with_extension("new");
            fs::write(&new, bytes)?;
            fs::rename(new, path)
        });
        if let Err(reason) = kept.await {
            self.handle.journal.note(Level::Warning, "mist_not_kept", fields![reason]);
        }
    }

    fn note(&self, event: &Event) {
        let Handle { journal, wanted, .. } = &*self.handle;
        let org = &wanted.org;
        match event {
            Event::CaughtUp { failed, listed } => {
                journal.note(Level::Info, "mist_caught_up", fields![org, failed, listed]);
            }
            Event::CutShort => journal.note(Level::Warning, "mist_cut_short", fields![org]),
            Event::Right(part) => {
                journal.note(Level::Info, "mist_right", fields![org, part = part.name()]);
            }
            Event::Unchecked { reason } => {
                journal.note(Level::Warning, "mist_unchecked", fields![org, reason]);
            }
            Event::Wrong { part, reason } => {
                let values = fields![org, part = part.name(), reason];
                journal.note(Level::Error, "mist_wrong", values);
            }
        }
    }
}
