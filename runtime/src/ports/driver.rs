//! The driver of the plan. It answers each command of the plan once, and neither retries nor
//! decides.

use std::{collections::VecDeque, mem, sync::Arc, time::Duration};

use mistgate_core::base::{failure::Failure, machine, time::Instant, time::UnixTime};
use mistgate_core::ports::{ap_event::Cause, edit::Edit, edit::Pushed, question::Answer};
use mistgate_core::ports::{audit, notification, switch_port::Switch, switch_port::SwitchPort};
use mistgate_core::ports::{names::Names, plan::Plan, plan::input::Input, plan::output::Output};
use mistgate_core::ports::{question::Question, record::Record, report::Context, report::Report};
use mistgate_core::{base::machine::Machine, incident::input::Input::Linked};
use smol::{channel, future, future::FutureExt};

use super::{Message, Order, Settings, Status, Tools};
use super::{audit_file::Audit, backend::Backend, work_queue::WorkQueue};
use crate::base::{clock::Alarm, journal::Level, journal::fields, stop::Stop, stop::Stopper};
use crate::{base::clock, base::panic, base::stop, base::store::Write, base::task, chat::driver};

/// How often the plan gets the wall clock, even if it did not jump.
const CLOCK_EVERY: Duration = Duration::from_secs(300);
/// The same for a clock that is not synchronised, and may soon be.
const CLOCK_SOON: Duration = Duration::from_secs(10);
/// A larger jump of the wall clock is passed to the plan at once.
const CLOCK_SLACK: Duration = Duration::from_secs(1);
/// The most questions that are asked at once; the others wait.
const ASKED_MAX: usize = 64;

/// The most ports that the status lists one by one.
const LISTED_MAX: usize = 1_000;

/// What became of something, or what somebody did.
pub(super) struct Event {
    pub(super) input: Input,
    /// Who ordered it, if anybody did.
    pub(super) by: Option<String>,
}

impl From<Input> for Event {
    fn from(input: Input) -> Self {
        Self { input, by: None }
    }
}

/// What a plan begins with.
pub(super) struct Start {
    pub(super) seed: u64,
    /// The number of the plan's first write.
    pub(super) first_write: u64,
    pub(super) restored: Vec<Record>,
    pub(super) audit: Audit,
    /// The channel of this plan alone, so that it gets nothing that another plan began.
    pub(super) events: (channel::Sender<Event>, channel::Receiver<Event>),
    /// Takes what the plan orders of the kill switch.
    pub(super) order: channel::Sender<Order>,
    /// Whether the kill switch is on.
    pub(super) is_stopped: bool,
}

/// What comes after a plan.
pub(super) enum Ending {
    End,
    /// Another plan, or none for now.
    Off(Option<Box<Settings>>),
}

/// A change that the plan wants.
struct Push {
    id: u64,
    switch: Switch,
    edits: Vec<Edit>,
    /// Whether the kill switch does not hinder it.
    is_undo: bool,
    /// The backend at the time of the decision.
    backend: Arc<Backend>,
}

/// What is done on switches.
enum Work {
    Compare(Push),
    Push(Push),
    Read { id: u64, switch: Switch, edit: Edit, backend: Arc<Backend> },
}

pub(super) struct Driver {
    plan: Plan,
    backend: Arc<Backend>,
    tools: Tools,
    audit: Audit,
    /// Later paths of the kill switch, for the task that watches it.
    paths: channel::Sender<String>,
    /// Tasks send the results of questions and changes here, and the kill switch its state.
    events: channel::Sender<Event>,
    arriving: channel::Receiver<Event>,
    order: channel::Sender<Order>,
    /// When the wall clock was read, and what it said.
    wall: (Instant, UnixTime),
    /// Whether it was synchronised then.
    is_synchronised: bool,
    org_id: Option<String>,
    names: Names,
    /// The reports of the last input, and who ordered that, if anybody did.
    reports: Vec<Report>,
    by: Option<String>,
    questions: WorkQueue<(u64, Question)>,
    work: WorkQueue<Work>,
    /// Changes that wait for the disk, each with the number of the last write before it.
    held: VecDeque<(u64, Push)>,
    writes: Vec<Write>,
    last_write: u64,
    kept: u64,
    /// Ends what is in flight at once, when the kill switch is pressed.
    halt: (Stopper, Stop),
    /// Set when nothing new may begin: what follows when the changes in flight have ended.
    ending: Option<Ending>,
}

/// What wakes the driver.
enum Wake {
    Event(Event),
    Message(Message),
    Deadline,
}

impl Driver {
    /// Begins a plan with what an earlier run left.
    pub(super) fn start(
        settings: Settings,
        start: Start,
        tools: Tools,
        paths: channel::Sender<String>,
    ) -> Self {
        let Start { seed, first_write, restored, audit, events, order, is_stopped } = start;
        let Settings { plan: config, org_id, backend, .. } = settings;
        let backend = Arc::new(Backend::new(backend, None, &tools.journal));
        let now = tools.clock.now();
        let (wall, is_synchronised) = ((now, config.wall), config.is_synchronised);
        let mut driver = Self {
            plan: Plan::new(config, seed, now),
            work: WorkQueue::new(backend.method.work_max()),
            questions: WorkQueue::new(ASKED_MAX),
            backend,
            tools,
            audit,
            paths,
            events: events.0,
            arriving: events.1,
            order,
            wall,
            is_synchronised,
            org_id,
            names: Names::default(),
            reports: Vec::new(),
            by: None,
            held: VecDeque::new(),
            writes: Vec::new(),
            last_write: first_write - 1,
            kept: first_write - 1,
            halt: stop::stop(),
            ending: None,
        };
        if !driver.backend.can_ask() {
            let reason = "mist.token_file or mist.org_id is missing";
            driver.tools.journal.note(Level::Info, "ports_idle", fields![reason]);
        }
        driver.input(Input::Restored(restored));
        driver.input(Input::Stop(is_stopped));
        driver
    }

    /// Drives the plan to its end. Returns the number of its last write, and what it leaves.
    pub(super) async fn run(
        mut self,
        messages: &channel::Receiver<Message>,
    ) -> (u64, Ending, Audit) {
        let mut alarm = Alarm::default();
        while self.ending.is_none() || !self.work.is_quiet() {
            let wake = match self.arriving.try_recv() {
                Ok(event) => Wake::Event(event),
                Err(_) => match messages.try_recv() {
                    Ok(message) => Wake::Message(message),
                    Err(_) => self.wait(messages, &mut alarm).await,
                },
            };
            self.keep_time();
            let now = self.tools.clock.now();
            machine::step(&mut self, |driver| &mut driver.plan, now, None, Self::carry_out);
            self.publish_reports();
            match wake {
                Wake::Event(event) => self.handle_event(event),
                Wake::Message(message) => self.handle_message(message),
                Wake::Deadline => {}
            }
            self.begin();
        }
        self.hand_over();
        (self.last_write, self.ending.unwrap_or(Ending::End), self.audit)
    }

    /// Waits for an event, a message or the deadline.
    async fn wait(&mut self, messages: &channel::Receiver<Message>, alarm: &mut Alarm) -> Wake {
        self.hand_over();
        let clock_at = self.clock_at();
        let at = self.plan.poll_timeout().map_or(clock_at, |at| at.min(clock_at));
        let event = async { self.arriving.recv().await.map_or(Wake::Deadline, Wake::Event) };
        let message = async { messages.recv().await.map_or(Wake::Deadline, Wake::Message) };
        let wake = alarm.bound(self.tools.clock, Some(at), event.or(message)).await;
        wake.unwrap_or(Wake::Deadline)
    }

    fn input(&mut self, input: Input) {
        let now = self.tools.clock.now();
        machine::inform(self, |driver| &mut driver.plan, now, input, Self::carry_out);
        self.publish_reports();
    }

    /// When the plan gets the wall clock at the latest.
    fn clock_at(&self) -> Instant {
        self.wall.0 + if self.is_synchronised { CLOCK_EVERY } else { CLOCK_SOON }
    }

    /// Gives the plan the wall clock if it jumped, if it is synchronised now and was not before or
    /// the other way round, and every few minutes.
    fn keep_time(&mut self) {
        let (now, wall) = (self.tools.clock.now(), clock::wall());
        let is_synchronised = clock::is_synchronised();
        let (read_at, read) = self.wall;
        let expected = read.plus(now - read_at);
        let off = Duration::from_micros(expected.as_micros().abs_diff(wall.as_micros()));
        let is_news = off > CLOCK_SLACK || is_synchronised != self.is_synchronised;
        if is_news || now >= self.clock_at() {
            (self.wall, self.is_synchronised) = ((now, wall), is_synchronised);
            self.input(Input::Clock { wall, is_synchronised });
        }
    }

    /// Hands over what became of something that the driver began, or the kill switch.
    fn handle_event(&mut self, Event { input, by }: Event) {
        if matches!(input, Input::Answered { .. }) {
            self.questions.done();
        } else if matches!(
            input,
            Input::Compared { .. } | Input::Pushed { .. } | Input::Read { .. }
        ) {
            self.work.done();
        } else if let Input::Stop(is_stopped) = input {
            self.halt.0.stop();
            if !is_stopped {
                self.halt = stop::stop();
            }
        }
        self.ordered(input, by);
    }

    fn ordered(&mut self, input: Input, by: Option<String>) {
        self.by = by;
        self.input(input);
        self.by = None;
    }

    fn handle_message(&mut self, message: Message) {
        match message {
            Message::BreakerClosed { by } => self.ordered(Input::BreakerClosed, Some(by)),
            Message::Configured(Some(settings)) if self.ending.is_none() => {
                self.configure(*settings);
            }
            Message::Configured(settings) => self.end(Ending::Off(settings)),
            Message::End => self.end(Ending::End),
            Message::Ordered { order, number, by, answer } => {
                let is_possible = self.plan.port_of(order, number).is_some();
                self.ordered(Input::Ordered { order, number }, Some(by));
                let _ = answer.try_send(is_possible);
            }
            // The number may be from before this plan.
            Message::Kept(number) => self.kept = self.kept.max(number),
            // It was read when the plan began. In place of a damaged one there may be a new one.
            Message::Opened => {}
            Message::Requested { request, taken } => {
                self.input(Input::Requested(request));
                drop(taken);
            }
            Message::ApEvents { ap_events, taken } => {
                // Without Mist no question about an access point has an answer.
                if self.backend.can_ask() {
                    for ap_event in ap_events {
                        self.names.learn(&ap_event);
                        if ap_event.cause == Cause::Lost {
                            self.backend.method.lost(ap_event.ap);
                        }
                        self.input(Input::ApEvent(ap_event));
                    }
                }
                drop(taken);
            }
            Message::Status { skip, like, answer } => {
                let now = self.tools.clock.now();
                let plan = self.plan.status_like(now, &like, skip..skip.saturating_add(LISTED_MAX));
                let (method, can_ask) = (self.backend.method.name(), self.backend.can_ask());
                let _ = answer.try_send(Status { plan, method, can_ask });
            }
            Message::Unkept => self.unkept(),
        }
    }

    /// Begins nothing from now on.
    fn end(&mut self, ending: Ending) {
        self.questions.clear();
        self.work.clear();
        self.held.clear();
        self.backend.method.stop();
        self.ending = Some(ending);
    }

    fn configure(&mut self, settings: Settings) {
        let Settings { plan, org_id, backend, kill_switch } = settings;
        let backend = Backend::new(backend, Some(&self.backend), &self.tools.journal);
        self.org_id = org_id;
        self.wall = (self.tools.clock.now(), plan.wall);
        self.is_synchronised = plan.is_synchronised;
        self.work.set_max(backend.method.work_max());
        self.backend = Arc::new(backend);
        let _ = self.paths.try_send(kill_switch);
        self.input(Input::Configured(Box::new(plan)));
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Ask { id, question } => self.questions.push((id, question)),
            Output::Compare { id, switch, edits, is_undo } => {
                let backend = Arc::clone(&self.backend);
                self.work.push(Work::Compare(Push { id, switch, edits, is_undo, backend }));
            }
            Output::Forget(switch_port) => self.write(switch_port, None),
            Output::Push { id, switch, edits, is_undo } => {
                let backend = Arc::clone(&self.backend);
                let push = Push { id, switch, edits, is_undo, backend };
                self.held.push_back((self.last_write, push));
            }
            Output::Read { id, switch, edit } => {
                let backend = Arc::clone(&self.backend);
                self.work.push(Work::Read { id, switch, edit, backend });
            }
            Output::Report(report) => self.reports.push(report),
            Output::Stop(reason) => {
                // Nobody waits for the answer: that it is on is seen in the status.
                let (answer, _) = channel::bounded(1);
                let _ = self.order.try_send(Order { is_on: true, reason, by: None, answer });
            }
            Output::Store(record) => self.write(record.switch_port(), Some(record)),
        }
    }

    /// Hands the reports of the last input to the journal, the audit and the chats.
    fn publish_reports(&mut self) {
        let reports = mem::take(&mut self.reports);
        if reports.is_empty() {
            return;
        }
        let Tools { clock, journal, driver, .. } = &self.tools;
        let (now, at) = (clock.now(), clock::wall());
        let (org_id, by, names) = (self.org_id.as_deref(), self.by.as_deref(), &self.names);
        let context = Context { org_id, names, now, at, by };
        for (nth, report) in reports.iter().enumerate() {
            let event = report.event(&context, nth);
            journal.reported(&event, report.result());
            self.audit.append(audit::line(event));
        }
        for text in notification::texts(&reports, &context) {
            driver.send(driver::Message::Report(text));
        }
    }

    /// The disk refused to store something, so the changes that wait for it are not begun.
    fn unkept(&mut self) {
        for (_, push) in mem::take(&mut self.held) {
            self.refuse(push.id, Failure::Store);
        }
    }

    /// Answers a change that was not begun.
    fn refuse(&mut self, id: u64, failure: Failure) {
        self.input(Input::Pushed { id, pushed: Pushed::Failed(failure) });
    }

    fn write(&mut self, switch_port: SwitchPort, record: Option<Record>) {
        self.last_write += 1;
        self.writes.push(Write::Port { number: self.last_write, switch_port, record });
    }

    /// Hands the pending writes to the store.
    fn hand_over(&mut self) {
        let writes = mem::take(&mut self.writes);
        if !writes.is_empty() && self.tools.store.write_all(writes).is_err() {
            // The writing thread is gone, which is a bug: nothing is stored any more.
            self.unkept();
        }
    }

    /// Begins the questions and changes that may begin.
    fn begin(&mut self) {
        if self.ending.is_some() {
            return;
        }
        while let Some((_, push)) = self.held.pop_front_if(|(after, _)| *after <= self.kept) {
            self.work.push(Work::Push(push));
        }
        while let Some((id, question)) = self.questions.next() {
            let (backend, events) = (Arc::clone(&self.backend), self.events.clone());
            let driver = self.tools.driver.clone();
            let task = async move {
                let answered = panic::catch_async(backend.answer(question.clone())).await;
                let answer = answered.unwrap_or(Answer::Unanswered);
                let links = answer.links(&question).into_iter();
                let links = links.map(|(child, parent)| Linked { child, parent });
                driver.send(driver::Message::Links(links.collect()));
                let _ = events.try_send(Input::Answered { id, answer }.into());
            };
            task::spawn(&self.tools.executor, task).detach();
        }
        while let Some(work) = self.work.next() {
            match work {
                Work::Push(Push { id, is_undo: false, .. }) if self.plan.is_stopped() => {
                    self.work.done();
                    self.refuse(id, Failure::Stopped);
                }
                // Nothing is changed that would not be in the audit.
                Work::Push(Push { id, .. }) if self.audit.is_failing() => {
                    self.work.done();
                    self.refuse(id, Failure::Audit);
                }
                Work::Push(Push { id, switch, edits, is_undo, backend }) => {
                    // The switch may have made the change before. Dropping a call ends its
                    // connection, and what it left unconfirmed is undone.
                    let push = async move { backend.method.push(&switch, &edits).await };
                    let [halted, lost] = [Failure::Stopped, Failure::Internal].map(Pushed::Unknown);
                    let halted = (!is_undo).then_some(halted);
                    self.spawn(push, halted, lost, move |pushed| Input::Pushed { id, pushed });
                }
                Work::Compare(Push { id, switch, edits, is_undo, backend }) => {
                    let compare = async move { backend.method.compare(&switch, &edits).await };
                    let [halted, lost] = [Failure::Stopped, Failure::Internal].map(Err);
                    let input = move |compared| Input::Compared { id, compared };
                    self.spawn(compare, (!is_undo).then_some(halted), lost, input);
                }
                Work::Read { id, switch, edit, backend } => {
                    let read = async move { backend.method.read(&switch, &edit).await };
                    self.spawn(read, Some(None), None, move |is_done| Input::Read { id, is_done });
                }
            }
        }
    }

    /// Runs a call beside the driver and hands over how it ended: as `halted`, where the kill
    /// switch hinders it, if that is pressed before that, and as `lost` if it panics.
    fn spawn<T: Send + 'static>(
        &self,
        call: impl Future<Output = T> + Send + 'static,
        halted: Option<T>,
        lost: T,
        input: impl FnOnce(T) -> Input + Send + 'static,
    ) {
        let (events, halt) = (self.events.clone(), self.halt.1.clone());
        let task = async move {
            let halted = async {
                match halted {
                    Some(_) => halt.wait().await,
                    None => future::pending().await,
                }
                halted
            };
            let ended = halted.or(panic::catch_async(call)).await.unwrap_or(lost);
            let _ = events.try_send(input(ended).into());
        };
        task::spawn(&self.tools.executor, task).detach();
    }
}
