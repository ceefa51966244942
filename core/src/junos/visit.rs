//! A visit to a switch: one NETCONF session in which ports are changed, compared, read or seen.
//!
//! ```text
//! Opening ──> Weighing ──> Observing <──> Editing ──> Closing ──> Closed
//!                             ^  └─ AskingCloud ─┐
//!                             └───── Pausing <───┘
//! ```
//!
//! This machine decides what is done on a switch and when it stays. It reads back what an earlier
//! visit left before it pushes, notes how the ports work before a change, and confirms the change
//! only when they still work after it. What one edit asks of the switch is the session's job, which
//! this machine owns and drives. Sockets, SSH and timers are the driver's.
//!
//! A visit ends with one [`Output::Done`], whatever the switch, the network or the cloud does. The
//! driver may drop it before that, and with it the connection: what [`Output::Remember`] said last
//! tells the next visit what may be left on the switch.

use alloc::{collections::VecDeque, string::String, vec::Vec};
use core::{mem, time::Duration};

use super::{change, observation::Observation, rollback::Precondition};
use crate::base::{failure::Failure, mac::Mac, machine::Machine, time::Instant};
use crate::netconf::rpc::{operational, request::Query};
use crate::netconf::{session, session::Session, session::input::Mode, xml::Element};
use crate::ports::edit::{Edit, Pushed};
use crate::ports::{name::PortName, question::Answer, switch_port, switch_port::Switch};

pub mod input;
pub mod output;

mod verification;
mod weighing;

use self::input::{Config, Input, Task};
use self::{output::Outcome, output::Output, verification::Next, verification::Verification};

/// How long the cloud may take to say whether an access point is connected.
const CLOUD_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a visit may last after `Input::Stop`: enough for a commit that undoes a change.
const STOP_MAX: Duration = Duration::from_secs(60);

/// `Weighing` and `Observing` keep what is answered so far. In `Editing` the session makes an edit,
/// or waits for nothing but its reply. `Closing` lasts until the session has ended in good order.
#[derive(Debug)]
enum State {
    Opening,
    Weighing { in_force: Option<String> },
    Observing { query: Query, seen: Observation, then: Then },
    Editing,
    Pausing { until: Instant },
    AskingCloud { id: u64, ap: Mac, give_up_at: Instant },
    Closing(Outcome),
    Closed,
}

/// What follows an observation.
#[derive(Debug)]
enum Then {
    /// The edit: the observation shows how its ports work before it.
    Edit(session::input::Edit, Vec<Edit>),
    /// The judgement of a committed edit.
    Judge,
    /// The answer about this port.
    Answer(Switch, PortName),
    /// These differences, with who made the last commit.
    Tell(Vec<String>),
}

/// Which of the edits of a visit is being made.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// The read-back of what an earlier visit left, so that nothing is committed on top of it.
    Settling,
    /// The edit of the task.
    Main,
    /// The change of our own that takes back what somebody's commit had confirmed for us, and why.
    TakingBack { reason: String },
}

/// The machine of one visit.
#[derive(Debug)]
pub struct Visit {
    config: Config,
    seed: u64,
    state: State,
    session: Option<Session>,
    /// The session has closed the connection.
    is_over: bool,
    step: Step,
    /// Whether no earlier change can be in place unproven.
    is_sure: bool,
    /// What gives each port back that a push takes.
    before: Vec<(PortName, String)>,
    /// Of the edit that is being made.
    verification: Verification,
    /// Of the last question to the cloud.
    cloud_id: u64,
    /// When the connection is given up; set by `Input::Stop`.
    stop_by: Option<Instant>,
    outputs: VecDeque<Output>,
}

impl Visit {
    fn inform_session(&mut self, now: Instant, input: session::input::Input) {
        if let Some(session) = &mut self.session {
            session.handle_input(now, input);
        }
    }

    /// Acts on the outputs of the session until there are no more.
    fn drain_session(&mut self, now: Instant) {
        while let Some(output) = self.session.as_mut().and_then(Session::poll_output) {
            self.handle_session_output(now, output);
        }
        if self.is_over
            && let State::Closing(outcome) = &self.state
        {
            self.done(outcome.clone());
        }
    }

    fn handle_session_output(&mut self, now: Instant, output: session::output::Output) {
        use session::output::Output as SessionOutput;
        match output {
            SessionOutput::Answered(answer) => self.answered(now, answer),
            SessionOutput::Bytes(bytes) => self.outputs.push_back(Output::Send(bytes)),
            SessionOutput::Close(_) => self.is_over = true,
            SessionOutput::Committed { verify_by } => {
                let next = self.verification.committed(now, verify_by);
                self.verify(now, next);
            }
            SessionOutput::Edited { result, diff, warnings } => {
                let reason = change::not_in_place(&result);
                self.outputs.extend(reason.map(|reason| Output::NotChanged { reason }));
                self.outputs.extend(warnings.into_iter().map(Output::Warned));
                self.edited(now, result, diff);
            }
            SessionOutput::Opened { .. } => {}
            SessionOutput::Waiting { holder, .. } => {
                self.outputs.push_back(Output::Locked { holder });
            }
        }
    }

    /// Begins the task, or what must come before it.
    fn opened(&mut self, now: Instant) {
        self.session = Some(Session::new(self.config.session, self.seed, now));
        match self.config.task.clone() {
            Task::See(switch, port) => self.observe(now, Then::Answer(switch, port)),
            Task::Compare(_) => self.weigh(now, None),
            Task::Push(_) | Task::Read(_) => match self.config.guard.precondition(now) {
                Precondition::ReadBack(edits) => {
                    self.edit(now, Step::Settling, edits, Mode::ReadBack, true);
                }
                Precondition::Nothing | Precondition::Wait(_) => self.main(now, false),
            },
        }
    }

    /// Makes the edit of the task. `is_sure` if no earlier change can be in place unproven.
    fn main(&mut self, now: Instant, is_sure: bool) {
        self.is_sure = is_sure;
        let Task::Read(edit) = &self.config.task else { return self.weigh(now, None) };
        let is_in_doubt = edit.is_in_doubt && !is_sure;
        let mode = if is_in_doubt { Mode::ReadBack } else { Mode::Compare };
        self.edit(now, Step::Main, Vec::from([edit.clone()]), mode, is_in_doubt);
    }

    /// Makes one edit, from its first request to its end.
    fn edit(&mut self, now: Instant, step: Step, edits: Vec<Edit>, mode: Mode, is_in_doubt: bool) {
        self.step = step;
        let edit = match change::edit(&edits, mode, is_in_doubt) {
            Ok(edit) => edit,
            Err(failure) => return self.fail(now, failure),
        };
        if matches!(mode, Mode::Push { .. }) {
            self.config.guard.begin(&edits, now + self.longest());
            self.remember();
        }
        if mode != Mode::Compare && edits.iter().any(|edit| edit.mode == switch_port::Mode::Ap) {
            self.observe(now, Then::Edit(edit, edits));
        } else {
            self.begin(now, edit, &edits, Observation::default());
        }
    }

    fn begin(
        &mut self,
        now: Instant,
        edit: session::input::Edit,
        edits: &[Edit],
        before: Observation,
    ) {
        self.verification = Verification::new(edits, before, self.config.verify);
        self.verification.is_stopping = self.stop_by.is_some();
        self.state = State::Editing;
        self.inform_session(now, session::input::Input::Edit(edit));
    }

    fn edited(&mut self, now: Instant, result: change::Ended, diff: String) {
        let (confirm, guard) = (self.confirm(), &mut self.config.guard);
        let is_push = matches!(self.config.task, Task::Push(_)) && self.step != Step::Settling;
        if is_push || matches!(self.step, Step::TakingBack { .. }) {
            guard.pushed(now, &result, confirm);
        } else {
            guard.read_back(now, &result, confirm);
        }
        let precondition = guard.precondition(now);
        self.remember();
        if let Ok(session::output::Outcome::Broken { reason }) = &result
            && self.step != Step::Settling
        {
            return self.take_back(now, reason.clone());
        }
        let outcome = match (&self.step, &self.config.task) {
            (Step::Settling, _) => {
                return match (precondition, result) {
                    (Precondition::Nothing, ended) => {
                        let is_broken =
                            matches!(ended, Ok(session::output::Outcome::Broken { .. }));
                        self.main(now, !is_broken);
                    }
                    (Precondition::Wait(time), _) => {
                        self.fail(now, Failure::Busy { after: Some(time) });
                    }
                    (Precondition::ReadBack(_), Err(error)) => {
                        self.fail(now, change::failure(&error));
                    }
                    (Precondition::ReadBack(_), Ok(_)) => self.fail(now, Failure::Timeout),
                };
            }
            (Step::TakingBack { reason }, Task::Push(_)) => {
                Outcome::Pushed(change::taken_back(&result, reason))
            }
            (_, Task::Push(_)) => {
                let mut pushed = change::pushed(now, &result, diff);
                if let Pushed::Done { before, .. } = &mut pushed {
                    *before = mem::take(&mut self.before);
                }
                Outcome::Pushed(pushed)
            }
            (Step::TakingBack { .. }, Task::Read(_)) => Outcome::Read(
                matches!(result, Ok(session::output::Outcome::Confirmed)).then_some(false),
            ),
            (_, Task::Read(_)) => Outcome::Read(change::is_in_place(&result, &diff)),
            (_, Task::Compare(_) | Task::See(..)) => return,
        };
        self.close(now, outcome);
    }

    /// Gives back the ports of a change that does not work and that nothing will undo.
    fn take_back(&mut self, now: Instant, reason: String) {
        let aps = self.edits().iter().filter(|edit| edit.mode == switch_port::Mode::Ap);
        let back = aps.map(|edit| Edit {
            mode: switch_port::Mode::Default,
            ap: None,
            lines: edit.back.clone(),
            back: Vec::new(),
            ..edit.clone()
        });
        let back = back.collect();
        self.outputs.push_back(Output::NotChanged { reason: reason.clone() });
        let mode = Mode::Push { confirm: self.config.confirm };
        self.edit(now, Step::TakingBack { reason }, back, mode, false);
    }

    /// Asks the switch how its ports work.
    fn observe(&mut self, now: Instant, then: Then) {
        self.ask(now, Query::Interfaces, Observation::default(), then);
    }

    fn ask(&mut self, now: Instant, query: Query, seen: Observation, then: Then) {
        self.state = State::Observing { query: query.clone(), seen, then };
        self.inform_session(now, session::input::Input::Ask(query));
    }

    fn answered(&mut self, now: Instant, answer: Option<Element>) {
        let answer = answer.as_ref();
        if let State::Weighing { in_force } = &mut self.state {
            let in_force = in_force.take();
            return self.weighed(now, in_force, answer);
        }
        let state = mem::replace(&mut self.state, State::Editing);
        let State::Observing { query, mut seen, then } = state else {
            self.state = state;
            return;
        };
        match query {
            Query::Configuration { .. } | Query::Commits => {}
            Query::Interfaces => seen.interfaces = answer.and_then(operational::interfaces),
            Query::Neighbours => seen.neighbours = answer.and_then(operational::neighbours),
            Query::Uptime => seen.up_for = answer.and_then(operational::uptime),
        }
        if let Then::Tell(diffs) = then {
            return self.tell(now, diffs, answer);
        }
        match (query, &then) {
            (Query::Interfaces, Then::Judge) if self.verification.needs_only_an_answer() => {
                self.verify(now, Next::Verdict(Ok(())));
            }
            (Query::Interfaces, _) => self.ask(now, Query::Neighbours, seen, then),
            (Query::Neighbours, Then::Answer(..)) => self.ask(now, Query::Uptime, seen, then),
            (_, Then::Edit(..) | Then::Judge | Then::Answer(..) | Then::Tell(_)) => {
                self.observed(now, seen, then);
            }
        }
    }

    fn observed(&mut self, now: Instant, seen: Observation, then: Then) {
        match then {
            Then::Edit(edit, edits) => self.begin(now, edit, &edits, seen),
            Then::Judge => {
                let next = self.verification.observed(now, seen);
                self.verify(now, next);
            }
            Then::Answer(switch, port) => {
                self.close(now, Outcome::Seen(seen.answer(&switch, port)));
            }
            Then::Tell(_) => {}
        }
    }

    /// Carries out the next step of a verification.
    fn verify(&mut self, now: Instant, next: Next) {
        match next {
            Next::Observe => self.observe(now, Then::Judge),
            Next::Pause { until } => self.state = State::Pausing { until },
            Next::AskCloud(ap) => {
                self.cloud_id += 1;
                let (id, give_up_at) = (self.cloud_id, now + CLOUD_TIMEOUT);
                self.state = State::AskingCloud { id, ap, give_up_at };
                self.outputs.push_back(Output::AskCloud { id, ap });
            }
            Next::Verdict(verdict) => {
                self.state = State::Editing;
                self.inform_session(now, session::input::Input::Verdict(verdict));
            }
        }
    }

    fn cloud_answered(&mut self, now: Instant, ap: Mac, is_connected: Option<bool>) {
        let next = self.verification.cloud_answered(now, ap, is_connected);
        self.verify(now, next);
    }

    fn stop(&mut self, now: Instant) {
        if matches!(self.state, State::Opening) {
            self.fail(now, Failure::Busy { after: None });
        } else if !matches!(self.state, State::Closed) && self.stop_by.is_none() {
            self.stop_by = Some(now + STOP_MAX);
            self.verification.is_stopping = true;
            self.inform_session(now, session::input::Input::Stop);
        }
    }

    fn fail(&mut self, now: Instant, failure: Failure) {
        let outcome = match self.config.task {
            Task::Compare(_) => Outcome::Compared(Err(failure)),
            Task::Push(_) => Outcome::Pushed(Pushed::Failed(failure)),
            Task::Read(_) => Outcome::Read(None),
            Task::See(..) => Outcome::Seen(Answer::Unanswered),
        };
        self.close(now, outcome);
    }

    /// Ends the session in good order, or after a few seconds anyway.
    fn close(&mut self, now: Instant, outcome: Outcome) {
        if self.session.is_none() {
            return self.done(outcome);
        }
        self.state = State::Closing(outcome);
        self.inform_session(now, session::input::Input::Stop);
    }

    fn done(&mut self, outcome: Outcome) {
        self.state = State::Closed;
        self.session = None;
        self.stop_by = None;
        self.outputs.push_back(Output::Done(outcome));
    }

    fn remember(&mut self) {
        self.outputs.push_back(Output::Remember(self.config.guard.clone()));
    }

    /// After how long a switch undoes what is not confirmed.
    fn confirm(&self) -> Duration {
        Duration::from_secs(60 * u64::from(self.config.confirm.get()))
    }

    /// The longest time from the beginning of a push to the moment when the switch has undone what
    /// the push committed, should it not be confirmed.
    fn longest(&self) -> Duration {
        let session::input::Config { reply_timeout, commit_timeout, lock_wait, .. } =
            self.config.session;
        lock_wait + 4 * reply_timeout + 2 * commit_timeout + self.confirm()
    }
}

impl Machine for Visit {
    type Config = Config;
    type Input = Input;
    type Output = Output;

    /// Asks for a connection, unless something waits to be undone for longer than a push may wait.
    fn new(config: Config, seed: u64, now: Instant) -> Self {
        let mut visit = Self {
            config,
            seed,
            state: State::Opening,
            session: None,
            is_over: false,
            step: Step::Main,
            is_sure: false,
            before: Vec::new(),
            verification: Verification::default(),
            cloud_id: 0,
            stop_by: None,
            outputs: VecDeque::new(),
        };
        let is_certain = matches!(visit.config.task, Task::Push(_) | Task::Read(_));
        if let Precondition::Wait(time) = visit.config.guard.precondition(now)
            && is_certain
        {
            visit.fail(now, Failure::Busy { after: Some(time) });
        } else {
            visit.outputs.push_back(Output::Open);
        }
        visit
    }

    fn handle_timeout(&mut self, now: Instant) {
        if let Some(session) = &mut self.session {
            session.handle_timeout(now);
        }
        self.drain_session(now);
        if let State::AskingCloud { ap, give_up_at, .. } = self.state
            && give_up_at <= now
        {
            self.cloud_answered(now, ap, None);
        } else if matches!(self.state, State::Pausing { until } if until <= now) {
            self.observe(now, Then::Judge);
        }
        if self.stop_by.is_some_and(|by| by <= now) {
            self.inform_session(now, session::input::Input::Closed);
        }
        self.drain_session(now);
    }

    fn handle_input(&mut self, now: Instant, input: Input) {
        match (input, &self.state) {
            (Input::Opened, State::Opening) => self.opened(now),
            (Input::NotOpened(failure), State::Opening) => self.fail(now, failure),
            (Input::Bytes(bytes), _) => {
                self.inform_session(now, session::input::Input::Bytes(bytes));
            }
            (Input::Closed, _) => self.inform_session(now, session::input::Input::Closed),
            (
                Input::CloudAnswered { id: answered, is_connected },
                &State::AskingCloud { id, ap, .. },
            ) if id == answered => self.cloud_answered(now, ap, is_connected),
            (Input::Lost(ap), state) => {
                // A look that waits for its turn is due.
                let is_pausing = matches!(state, State::Pausing { .. });
                if self.verification.lost(ap) && is_pausing {
                    self.observe(now, Then::Judge);
                }
            }
            (Input::Stop, _) => self.stop(now),
            (Input::Opened | Input::NotOpened(_) | Input::CloudAnswered { .. }, _) => {}
        }
        self.drain_session(now);
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let own_at = if let State::Pausing { until: at }
        | State::AskingCloud { give_up_at: at, .. } = self.state
        {
            Some(at)
        } else {
            None
        };
        let session_at = self.session.as_ref().and_then(Session::poll_timeout);
        [own_at, session_at, self.stop_by].into_iter().flatten().min()
    }
}
