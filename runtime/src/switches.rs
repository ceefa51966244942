//! The task that owns the plan of the switch ports: hands it what happens, and does what it wants.
//!
//! The order is the driver's: what is due, one input, everything that comes out, the timer. It does
//! not retry and does not decide; it answers each command once.
//!
//! What the plan wants to be kept goes to the store, and a push begins when all of it that came
//! before is on disk: after a crash the next run knows which ports may have been changed. Questions
//! and changes run beside the task, a bounded number at a time.

mod audit_file;
mod kill_switch;
mod lane;
mod method;
mod status;

use std::{collections::VecDeque, fmt, mem, path::PathBuf, sync::Arc, time::Duration};

use mistgate_core::{
    config::checked::{Config, ports::Ports},
    machine::Machine,
    ports::{
        account::Context,
        audit,
        failure::Failure,
        names::Names,
        place::{Place, Switch},
        plan::{
            Plan,
            input::{self, Input, Pushed},
            output::{Edit, Output},
        },
        question::{Answer, Question},
        record::Record,
        report::Report,
        sign::{Request, Sign},
        tell,
    },
    rand::Rand,
    time::{Instant, UnixTime},
};
use smol::{Executor, channel, future::FutureExt};

pub use self::status::{PortStatus, Status};
use self::{audit_file::Audit, kill_switch::Order, lane::Lane, method::Method};
use crate::{
    clock::{self, Alarm, Clock},
    driver,
    journal::{Journal, Level},
    store::{Store, Write},
};

/// How often the plan is told the wall clock, even where it did not jump.
const CLOCK_EVERY: Duration = Duration::from_secs(300);
/// By how much the wall clock may go wrong before the plan is told.
const CLOCK_SLACK: Duration = Duration::from_secs(1);
/// The most questions that are asked at once; the others wait.
const ASKED_MAX: usize = 64;

/// What the task hears.
pub(crate) enum Message {
    /// What became of a question.
    Answered { id: u64, answer: Answer },
    /// Somebody closes the breaker.
    BreakerClosed,
    /// The configuration was read again; nothing where it has no `[ports]`.
    Configured(Option<Box<Settings>>),
    /// Begin nothing new, finish the changes in flight, and end.
    End,
    /// Whether the kill switch is on.
    KillSwitch(bool),
    /// All that was to be kept, up to this number, is on disk.
    Kept(u64),
    /// What became of a change.
    Pushed { id: u64, pushed: Pushed },
    /// What became of reading a port back.
    Read { id: u64, is_done: Option<bool> },
    /// Open the audit's file anew, because somebody may have moved it.
    Reopen,
    /// A program outside asks for a mode. The sender waits for `taken` to be dropped.
    Requested { request: Request, taken: channel::Sender<()> },
    /// What events say about access points. The sender waits for `taken` to be dropped.
    Signed { signs: Vec<Sign>, taken: channel::Sender<()> },
    /// Somebody wants to know how things are.
    Status(channel::Sender<Status>),
    /// The disk refuses what was to be kept.
    Unkept,
}

/// A way to the task.
#[derive(Clone, Debug)]
pub struct Handle {
    messages: channel::Sender<Message>,
    orders: channel::Sender<Order>,
}

/// The other ends of a [`Handle`], for [`run`].
pub(crate) struct Ends {
    messages: channel::Receiver<Message>,
    orders: channel::Receiver<Order>,
}

impl Handle {
    pub(crate) fn new() -> (Self, Ends) {
        // Unbounded, because each sender waits for an answer before it sends again: a connection
        // has one request, and questions, changes and commits in flight are bounded.
        let (messages, heard) = channel::unbounded();
        let (orders, ordered) = channel::bounded(1);
        (Self { messages, orders }, Ends { messages: heard, orders: ordered })
    }

    /// Hands a message over; once the task has ended, nobody listens.
    pub(crate) fn send(&self, message: Message) {
        let _ = self.messages.try_send(message);
    }

    /// Hands over what events say, and waits until it was heard.
    pub(crate) async fn signed(&self, signs: Vec<Sign>) {
        let (taken, done) = channel::bounded(1);
        self.send(Message::Signed { signs, taken });
        // Nothing is sent: the sender is dropped.
        let _ = done.recv().await;
    }

    /// Hands over what a program outside asks for, and waits until it was heard.
    pub(crate) async fn requested(&self, request: Request) {
        let (taken, done) = channel::bounded(1);
        self.send(Message::Requested { request, taken });
        let _ = done.recv().await;
    }

    /// Closes the breaker.
    pub(crate) fn close_breaker(&self) {
        self.send(Message::BreakerClosed);
    }

    /// Turns the kill switch on or off. The error says what of that was not possible.
    pub(crate) async fn turn_kill_switch(&self, is_on: bool) -> Result<(), String> {
        let (answer, answered) = channel::bounded(1);
        let gone = || "mistgate is stopping".to_owned();
        self.orders.send(Order::Turn { is_on, answer }).await.map_err(|_| gone())?;
        answered.recv().await.map_err(|_| gone())?
    }

    /// How things are; `None` once the task has ended.
    pub async fn status(&self) -> Option<Status> {
        let (answer, answered) = channel::bounded(1);
        self.send(Message::Status(answer));
        answered.recv().await.ok()
    }
}

/// What the task needs of the configuration.
pub(crate) struct Settings {
    plan: input::Config,
    org_id: Option<String>,
    method: Arc<Method>,
    kill_switch: String,
}

impl Settings {
    /// The settings of a configuration, whose `[ports]` this is.
    pub(crate) fn new(config: &Config, ports: &Ports) -> Self {
        Self {
            plan: ports.plan(&config.chat.routes.ignored_sites, clock::wall()),
            org_id: config.mist.org_id.clone(),
            method: Arc::new(Method::new(config, ports)),
            kill_switch: ports.kill_switch.clone(),
        }
    }
}

/// What the task works with.
#[derive(Clone)]
pub(crate) struct Tools {
    pub(crate) clock: Clock,
    pub(crate) journal: Arc<Journal>,
    pub(crate) executor: Arc<Executor<'static>>,
    pub(crate) store: Store,
    /// Who brings what is reported to the chats.
    pub(crate) driver: driver::Handle,
    /// The file of the audit.
    pub(crate) audit: PathBuf,
}

/// Runs the task, with a plan while there are settings for one, until it is told to end and no
/// change is in flight.
pub(crate) async fn run(
    settings: Option<Settings>,
    seed: u64,
    tools: Tools,
    handle: Handle,
    ends: Ends,
) {
    let mut next = settings.map(Box::new);
    let (mut rand, mut last_write) = (Rand::new(seed), 0);
    loop {
        if let Some(settings) = next.take() {
            let left = read_back(&tools).await;
            let ended = match left.and_then(|restored| Some((restored, start_audit(&tools)?))) {
                Some((restored, audit)) => {
                    let (first_write, seed) = (last_write + 1, rand.next_u64());
                    let start = Start { seed, first_write, restored, audit };
                    Some(with_plan(*settings, start, &tools, &handle, &ends).await)
                }
                None => None,
            };
            if let Some(ended) = ended {
                last_write = ended.last_write;
                if ended.is_end {
                    return;
                }
                next = ended.next;
            }
            continue;
        }
        match ends.messages.recv().await {
            Ok(Message::Configured(settings)) => next = settings,
            Ok(Message::End) | Err(_) => return,
            // Without a plan nobody cares, and whoever waits hears that.
            Ok(_) => {}
        }
    }
}

/// What the store has of ports. `None` where that cannot be read: what was there before may be
/// lost, so that nothing must be changed.
async fn read_back(tools: &Tools) -> Option<Vec<Record>> {
    let store = tools.store.clone();
    let rows = match smol::unblock(move || store.ports()).await {
        Ok(rows) => rows,
        Err(error) => {
            tools.journal.note(Level::Error, "ports_unreadable", &[("reason", &error)]);
            return None;
        }
    };
    let mut records = Vec::new();
    for row in rows {
        match row {
            Ok(record) => records.push(record),
            Err((port, reason)) => {
                let values: [(&str, &dyn fmt::Display); 2] = [("port", &port), ("reason", &reason)];
                tools.journal.note(Level::Error, "port_unreadable", &values);
            }
        }
    }
    Some(records)
}

fn start_audit(tools: &Tools) -> Option<Audit> {
    let audit = Audit::start(tools.audit.clone(), Arc::clone(&tools.journal));
    audit
        .map_err(|error| tools.journal.note(Level::Error, "audit_failed", &[("reason", &error)]))
        .ok()
}

/// What a plan begins with.
struct Start {
    seed: u64,
    first_write: u64,
    restored: Vec<Record>,
    audit: Audit,
}

/// How a plan ended.
struct Ended {
    last_write: u64,
    /// The settings for another one.
    next: Option<Box<Settings>>,
    /// Whether there shall be no other.
    is_end: bool,
}

async fn with_plan(
    settings: Settings,
    start: Start,
    tools: &Tools,
    handle: &Handle,
    ends: &Ends,
) -> Ended {
    let journal = Arc::clone(&tools.journal);
    let path = settings.kill_switch.clone();
    let (is_on, watching) =
        kill_switch::watch(path, ends.orders.clone(), handle.clone(), journal).await;
    let switches = Switches::start(settings, start, tools.clone(), handle.clone(), is_on);
    let watching = async {
        watching.await;
        None
    };
    let running = async { Some(switches.run(&ends.messages).await) };
    // Whoever watches does so for ever.
    let (ended, audit) = running.or(watching).await.expect("the task ends first");
    smol::unblock(move || audit.close()).await;
    ended
}

/// A change that the plan wants.
struct Push {
    id: u64,
    switch: Switch,
    edits: Vec<Edit>,
    /// That of the time when it was wanted.
    method: Arc<Method>,
}

/// What is done on switches.
enum Work {
    Push(Push),
    Read { id: u64, switch: Switch, edit: Edit, method: Arc<Method> },
}

struct Switches {
    plan: Plan,
    method: Arc<Method>,
    tools: Tools,
    audit: Audit,
    handle: Handle,
    /// When the wall clock was read, and what it said.
    wall: (Instant, UnixTime),
    org_id: Option<String>,
    names: Names,
    /// What the last input brought.
    reports: Vec<Report>,
    questions: Lane<(u64, Question)>,
    work: Lane<Work>,
    /// Changes that wait for the disk, each with the number of the last write before it.
    held: VecDeque<(u64, Push)>,
    writes: Vec<Write>,
    last_write: u64,
    kept: u64,
    /// What comes when the changes in flight have ended.
    ending: Option<Ending>,
}

enum Ending {
    /// Another plan, or none for now.
    Off(Option<Box<Settings>>),
    /// Nothing.
    End,
}

impl Switches {
    /// With what an earlier run left.
    fn start(
        settings: Settings,
        start: Start,
        tools: Tools,
        handle: Handle,
        is_stopped: bool,
    ) -> Self {
        let Start { seed, first_write, restored, audit } = start;
        let Settings { plan: config, org_id, method, .. } = settings;
        let now = tools.clock.now();
        let wall = (now, config.wall);
        let mut switches = Self {
            plan: Plan::new(config, seed, now),
            work: Lane::new(method.work_max()),
            questions: Lane::new(ASKED_MAX),
            method,
            tools,
            audit,
            handle,
            wall,
            org_id,
            names: Names::default(),
            reports: Vec::new(),
            held: VecDeque::new(),
            writes: Vec::new(),
            last_write: first_write - 1,
            kept: first_write - 1,
            ending: None,
        };
        switches.input(Input::Restored(restored));
        switches.input(Input::Stop(is_stopped));
        switches
    }

    async fn run(mut self, messages: &channel::Receiver<Message>) -> (Ended, Audit) {
        let mut alarm = Alarm::default();
        while self.ending.is_none() || !self.work.is_quiet() {
            let message = match messages.try_recv() {
                Ok(message) => Some(message),
                Err(_) => {
                    self.hand_over();
                    let clock_at = self.wall.0 + CLOCK_EVERY;
                    let at = self.plan.poll_timeout().map_or(clock_at, |at| at.min(clock_at));
                    alarm.set_at(self.tools.clock.system(at));
                    let received = async { messages.recv().await.ok() };
                    let due = async {
                        std::future::poll_fn(|cx| alarm.poll(cx)).await;
                        None
                    };
                    received.or(due).await
                }
            };
            self.keep_time();
            self.plan.handle_timeout(self.tools.clock.now());
            self.drain();
            if let Some(message) = message {
                self.hear(message);
            }
            self.begin();
        }
        self.hand_over();
        let (next, is_end) = match self.ending {
            Some(Ending::Off(next)) => (next, false),
            Some(Ending::End) | None => (None, true),
        };
        (Ended { last_write: self.last_write, next, is_end }, self.audit)
    }

    fn input(&mut self, input: Input) {
        self.plan.handle_input(self.tools.clock.now(), input);
        self.drain();
    }

    /// Tells the plan the wall clock, if it jumped or it is time.
    fn keep_time(&mut self) {
        let (now, wall) = (self.tools.clock.now(), clock::wall());
        let (read_at, read) = self.wall;
        let passed = i64::try_from((now - read_at).as_micros()).unwrap_or(i64::MAX);
        let expected = read.as_micros().saturating_add(passed);
        let off = Duration::from_micros(expected.abs_diff(wall.as_micros()));
        if off > CLOCK_SLACK || now >= read_at + CLOCK_EVERY {
            self.wall = (now, wall);
            self.input(Input::Clock(wall));
        }
    }

    fn hear(&mut self, message: Message) {
        match message {
            Message::Answered { id, answer } => {
                self.questions.done();
                self.input(Input::Answered { id, answer });
            }
            Message::BreakerClosed => self.input(Input::BreakerClosed),
            Message::Configured(Some(settings)) if self.ending.is_none() => {
                self.configure(*settings);
            }
            Message::Configured(settings) => self.end(Ending::Off(settings)),
            Message::End => self.end(Ending::End),
            Message::KillSwitch(is_on) => self.input(Input::Stop(is_on)),
            Message::Kept(number) => self.kept = number,
            Message::Pushed { id, pushed } => {
                self.work.done();
                self.input(Input::Pushed { id, pushed });
            }
            Message::Read { id, is_done } => {
                self.work.done();
                self.input(Input::Read { id, is_done });
            }
            Message::Reopen => self.audit.reopen(),
            Message::Requested { request, taken } => {
                self.input(Input::Requested(request));
                drop(taken);
            }
            Message::Signed { signs, taken } => {
                // Where nobody can be asked, looking would only end in a complaint.
                if self.method.can_ask() {
                    for sign in signs {
                        self.names.learn(&sign);
                        self.input(Input::Signed(sign));
                    }
                }
                drop(taken);
            }
            Message::Status(answer) => {
                let now = self.tools.clock.now();
                let _ = answer.try_send(Status::new(&self.plan, now, &self.method));
            }
            Message::Unkept => {
                for (_, push) in mem::take(&mut self.held) {
                    self.refuse(push.id, Failure::Store);
                }
            }
        }
    }

    /// Begins nothing from now on.
    fn end(&mut self, ending: Ending) {
        self.questions.clear();
        self.work.clear();
        self.held.clear();
        self.ending = Some(ending);
    }

    fn configure(&mut self, settings: Settings) {
        let Settings { plan, org_id, method, kill_switch } = settings;
        self.org_id = org_id;
        self.wall = (self.tools.clock.now(), plan.wall);
        self.work.set_max(method.work_max());
        self.method = method;
        let orders = self.handle.orders.clone();
        let order = async move {
            let _ = orders.send(Order::Path(kill_switch)).await;
        };
        self.tools.executor.spawn(order).detach();
        self.input(Input::Configured(Box::new(plan)));
    }

    fn drain(&mut self) {
        while let Some(output) = self.plan.poll_output() {
            match output {
                Output::Ask { id, question } => self.questions.push((id, question)),
                Output::Forget(place) => self.write(place, None),
                Output::Push { id, switch, edits } => {
                    let method = Arc::clone(&self.method);
                    self.held.push_back((self.last_write, Push { id, switch, edits, method }));
                }
                Output::Read { id, switch, edit } => {
                    let method = Arc::clone(&self.method);
                    self.work.push(Work::Read { id, switch, edit, method });
                }
                Output::Report(report) => self.reports.push(report),
                Output::Store(record) => self.write(record.place(), Some(record)),
            }
        }
        self.tell();
    }

    /// Tells everybody what the plan reported since the last time.
    fn tell(&mut self) {
        let reports = mem::take(&mut self.reports);
        if reports.is_empty() {
            return;
        }
        let Tools { clock, journal, driver, .. } = &self.tools;
        let (now, at) = (clock.now(), clock::wall());
        let context = Context { org_id: self.org_id.as_deref(), names: &self.names, now, at };
        for (nth, report) in reports.iter().enumerate() {
            journal.reported(report, &context);
            self.audit.append(audit::line(report, &context, nth));
        }
        for text in tell::events(&reports, &context) {
            driver.send(driver::Message::Told(text));
        }
    }

    /// Answers a change that was not begun.
    fn refuse(&mut self, id: u64, failure: Failure) {
        self.input(Input::Pushed { id, pushed: Pushed::Failed(failure) });
    }

    fn write(&mut self, place: Place, record: Option<Record>) {
        self.last_write += 1;
        self.writes.push(Write::Port { number: self.last_write, place, record });
    }

    /// Gives the store what there is to write.
    fn hand_over(&mut self) {
        let writes = mem::take(&mut self.writes);
        if !writes.is_empty() && self.tools.store.write_all(writes).is_err() {
            // The writing thread is gone, which only a bug can do: nothing is kept.
            self.handle.send(Message::Unkept);
        }
    }

    /// Begins what may begin.
    fn begin(&mut self) {
        if self.ending.is_some() {
            return;
        }
        while let Some((_, push)) = self.held.pop_front_if(|(after, _)| *after <= self.kept) {
            self.work.push(Work::Push(push));
        }
        while let Some((id, question)) = self.questions.next() {
            let (method, handle) = (Arc::clone(&self.method), self.handle.clone());
            let task = async move {
                let answer = method.answer(question).await;
                handle.send(Message::Answered { id, answer });
            };
            self.tools.executor.spawn(task).detach();
        }
        while let Some(work) = self.work.next() {
            let handle = self.handle.clone();
            match work {
                Work::Push(Push { id, .. }) if self.plan.is_stopped() => {
                    self.work.done();
                    self.refuse(id, Failure::Stopped);
                }
                Work::Push(Push { id, switch, edits, method }) => {
                    let task = async move {
                        let pushed = method.push(&switch, &edits).await;
                        handle.send(Message::Pushed { id, pushed });
                    };
                    self.tools.executor.spawn(task).detach();
                }
                Work::Read { id, switch, edit, method } => {
                    let task = async move {
                        let is_done = method.read(&switch, &edit).await;
                        handle.send(Message::Read { id, is_done });
                    };
                    self.tools.executor.spawn(task).detach();
                }
            }
        }
    }
}
