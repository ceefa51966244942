//! A session with a switch, from its hello to its end. It makes one edit after the other, each as a
//! whole or not at all, and answers questions in between.
//!
//! ```text
//! Greeting ── hello ──> Open ── Stop, nothing left to do ──> Leaving ── replied ──> Closed
//!     └────────────────────┴── gone, silent or not understood ─────────────────────────^
//! ```
//!
//! The steps of an edit are in `transaction`; here is what all requests share. Only one is sent at
//! a time, and its reply has a deadline. A session in which a reply was missing or not understood
//! is closed, and that frees the switch: Junos then drops the lock, discards what was not
//! committed, and undoes what was not confirmed.
//!
//! The owner makes a session when it has a connection, writes what `Bytes` says, hands in what it
//! reads and, when the connection is gone, `Closed`. On `Close` it drops the connection without
//! waiting for what was not written. On `Committed` it finds out whether the change works.
//!
//! A session does not retry. An edit that failed before its commit may be tried again in another
//! session; one whose outcome is unknown must first be read back there ([`Mode::ReadBack`]).
//!
//! [`Mode::ReadBack`]: input::Mode::ReadBack

use alloc::{collections::VecDeque, string::String, vec::Vec};
use core::{mem, time::Duration};

pub mod input;
pub mod output;

mod transaction;

use self::{
    input::{Config, Edit, Input, Query, TaskId},
    output::{Answer, CloseReason, Failure, Output, Step},
    transaction::Transaction,
};
use super::{
    framing::{self, Decoder, Framing},
    rpc::{
        operational,
        reply::{Hello, Message, Reply},
        request::{HELLO, Request},
    },
};
use crate::base::{machine::Machine, rand::Rand, time::Instant};

/// In bytes, of a message of the switch.
pub const MESSAGE_MAX: usize = 4 << 20;
/// How many edits, and how many questions, may wait.
pub const TASKS_MAX: usize = 64;
/// How long the switch may take to reply to the end of the session.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Debug)]
enum State {
    Greeting { by: Instant },
    Open { ping_at: Instant },
    Leaving,
    Closed { reason: CloseReason },
}

/// The reason for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Ask { id: TaskId, query: Query },
    Edit,
    Leave,
    Ping,
}

/// A request that has no reply yet.
#[derive(Clone, Copy, Debug)]
struct Call {
    message_id: u64,
    purpose: Purpose,
    timeout: Duration,
    silent_at: Instant,
}

/// The machine of one session.
#[derive(Debug)]
pub struct Session {
    config: Config,
    rand: Rand,
    state: State,
    framing: Framing,
    decoder: Decoder,
    message_id: u64,
    call: Option<Call>,
    transaction: Option<Transaction>,
    waiting: VecDeque<Edit>,
    questions: VecDeque<(TaskId, Query)>,
    is_stopping: bool,
    outputs: VecDeque<Output>,
}

impl Session {
    /// Whether no task is under way or waiting.
    pub fn is_idle(&self) -> bool {
        self.call.is_none_or(|call| call.purpose == Purpose::Ping)
            && self.transaction.is_none()
            && self.waiting.is_empty()
            && self.questions.is_empty()
    }

    /// The number of questions without an answer and of edits that have not ended.
    pub fn tasks(&self) -> usize {
        let asking = |call: &Call| matches!(call.purpose, Purpose::Ask { .. });
        let asked = self.call.as_ref().is_some_and(asking);
        let open = usize::from(asked) + usize::from(self.transaction.is_some());
        open + self.waiting.len() + self.questions.len()
    }

    fn received(&mut self, now: Instant, bytes: &[u8]) {
        let mut rest = bytes;
        while !matches!(self.state, State::Closed { .. }) {
            match self.decoder.decode(rest) {
                Ok(Some((message, used))) => {
                    rest = rest.get(used..).unwrap_or_default();
                    self.message(now, &message);
                }
                Ok(None) => return,
                Err(error) => self.end(CloseReason::Framing(error)),
            }
        }
    }

    fn message(&mut self, now: Instant, message: &[u8]) {
        match (Message::parse(message), &self.state) {
            (Ok(Message::Other), _) => {}
            (Ok(Message::Hello(hello)), State::Greeting { .. }) => self.opened(now, hello),
            (Ok(Message::Reply(reply)), State::Open { .. } | State::Leaving) => {
                match self.call.take_if(|call| is_answer(call, &reply)) {
                    Some(call) => self.answered(now, call.purpose, reply),
                    None => self.end(CloseReason::Stray),
                }
            }
            (Ok(Message::Hello(_) | Message::Reply(_)), _) => self.end(CloseReason::Stray),
            (Err(error), _) => self.end(CloseReason::Message(error)),
        }
    }

    fn opened(&mut self, now: Instant, hello: Hello) {
        let Hello { framing, session_id } = hello;
        self.framing = framing;
        self.decoder = Decoder::new(framing, MESSAGE_MAX);
        self.state = State::Open { ping_at: now + self.config.keepalive };
        self.outputs.push_back(Output::Opened { framing, session_id });
        self.advance(now);
    }

    fn answered(&mut self, now: Instant, purpose: Purpose, reply: Reply) {
        if let State::Open { ping_at } = &mut self.state {
            *ping_at = now + self.config.keepalive;
        }
        match purpose {
            Purpose::Ask { id, query } => {
                let result = answer(query, reply);
                self.outputs.push_back(Output::Answered { id, result });
            }
            Purpose::Edit => {
                if let Some(transaction) = &mut self.transaction {
                    self.outputs.extend(transaction.answered(now, reply, &mut self.rand));
                }
            }
            Purpose::Leave => return self.end(CloseReason::Stopped),
            Purpose::Ping => {}
        }
        self.advance(now);
    }

    /// Reports the end of an edit, and sends the next request unless one has no reply yet.
    fn advance(&mut self, now: Instant) {
        if let Some((edited, reason)) = self.transaction.as_mut().and_then(Transaction::end) {
            self.transaction = None;
            self.outputs.push_back(edited);
            if let Some(reason) = reason {
                return self.end(reason);
            }
        }
        let (State::Open { ping_at }, None) = (&self.state, self.call) else {
            return;
        };
        let is_ping_due = *ping_at <= now;
        if self.transaction.is_none() && self.questions.is_empty() {
            self.transaction =
                self.waiting.pop_front().map(|edit| Transaction::new(edit, now, &self.config));
        }
        if let Some(transaction) = &mut self.transaction
            && let Some(request) = transaction.request()
        {
            let is_slow = request.commits();
            let document = request.encode(self.message_id + 1);
            transaction.sent(now);
            let Config { commit_timeout, reply_timeout, .. } = self.config;
            let timeout = if is_slow { commit_timeout } else { reply_timeout };
            self.send(now, &document, Purpose::Edit, timeout);
        } else if let Some((id, query)) = self.questions.pop_front() {
            let request = match query {
                Query::Interfaces => Request::Interfaces,
                Query::Neighbours => Request::Neighbours,
            };
            self.ask(now, &request, Purpose::Ask { id, query });
        } else if self.transaction.is_none() && self.is_stopping {
            self.state = State::Leaving;
            let document = Request::CloseSession.encode(self.message_id + 1);
            self.send(now, &document, Purpose::Leave, LEAVE_TIMEOUT);
        } else if self.transaction.is_none() && is_ping_due {
            self.ask(now, &Request::Uptime, Purpose::Ping);
        }
    }

    fn ask(&mut self, now: Instant, request: &Request<'_>, purpose: Purpose) {
        let document = request.encode(self.message_id + 1);
        self.send(now, &document, purpose, self.config.reply_timeout);
    }

    fn send(&mut self, now: Instant, document: &str, purpose: Purpose, timeout: Duration) {
        self.message_id += 1;
        let message_id = self.message_id;
        self.call = Some(Call { message_id, purpose, timeout, silent_at: now + timeout });
        self.outputs.push_back(Output::Bytes(framing::encode(self.framing, document)));
    }

    /// Ends the session and all tasks.
    fn end(&mut self, reason: CloseReason) {
        let reason = match self.state {
            State::Closed { .. } => return,
            State::Leaving => CloseReason::Stopped,
            State::Greeting { .. } | State::Open { .. } => reason,
        };
        self.state = State::Closed { reason };
        let failure = |step| Failure::Ended { step, reason };
        if let Some(Call { purpose: Purpose::Ask { id, .. }, .. }) = self.call.take() {
            self.outputs.push_back(unanswered(id, failure(Some(Step::Ask))));
        }
        self.outputs.extend(self.transaction.take().map(|transaction| transaction.lost(reason)));
        for (id, _) in mem::take(&mut self.questions) {
            self.outputs.push_back(unanswered(id, failure(None)));
        }
        for Edit { id, .. } in mem::take(&mut self.waiting) {
            self.outputs.push_back(unedited(id, failure(None)));
        }
        self.outputs.push_back(Output::Close(reason));
    }

    fn edit(&mut self, edit: Edit) {
        let failure = if let State::Closed { reason } = self.state {
            Failure::Ended { step: None, reason }
        } else if self.is_stopping {
            Failure::Stopped
        } else if self.waiting.len() >= TASKS_MAX {
            Failure::Busy
        } else {
            return self.waiting.push_back(edit);
        };
        self.outputs.push_back(unedited(edit.id, failure));
    }

    fn question(&mut self, id: TaskId, query: Query) {
        let is_full = self.questions.len() >= TASKS_MAX;
        let failure = match self.state {
            State::Closed { reason } => Failure::Ended { step: None, reason },
            State::Leaving => Failure::Stopped,
            State::Greeting { .. } | State::Open { .. } if is_full => Failure::Busy,
            State::Greeting { .. } | State::Open { .. } => {
                return self.questions.push_back((id, query));
            }
        };
        self.outputs.push_back(unanswered(id, failure));
    }

    fn stop(&mut self) {
        self.is_stopping = true;
        if matches!(self.state, State::Greeting { .. }) {
            return self.end(CloseReason::Stopped);
        }
        for Edit { id, .. } in mem::take(&mut self.waiting) {
            self.outputs.push_back(unedited(id, Failure::Stopped));
        }
        if let Some(transaction) = &mut self.transaction {
            transaction.stop();
        }
    }

    fn verified(&mut self, id: TaskId, verdict: Result<(), String>) {
        if let Some(transaction) = &mut self.transaction {
            transaction.verified(id, verdict);
        }
    }
}

impl Machine for Session {
    type Config = Config;
    type Input = Input;
    type Output = Output;

    /// Sends our hello without waiting for that of the switch.
    fn new(config: Config, seed: u64, now: Instant) -> Self {
        let framing = Framing::EndOfMessage;
        Self {
            config,
            rand: Rand::new(seed),
            state: State::Greeting { by: now + config.hello_timeout },
            framing,
            decoder: Decoder::new(framing, MESSAGE_MAX),
            message_id: 0,
            call: None,
            transaction: None,
            waiting: VecDeque::new(),
            questions: VecDeque::new(),
            is_stopping: false,
            outputs: VecDeque::from([Output::Bytes(framing::encode(framing, HELLO))]),
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        match (&self.state, self.call) {
            (State::Greeting { by }, _) if *by <= now => {
                self.end(CloseReason::Silent { after: self.config.hello_timeout });
            }
            (_, Some(call)) if call.silent_at <= now => {
                self.end(CloseReason::Silent { after: call.timeout });
            }
            _ => {}
        }
        if let Some(transaction) = &mut self.transaction {
            transaction.handle_timeout(now);
        }
        self.advance(now);
    }

    fn handle_input(&mut self, now: Instant, input: Input) {
        match input {
            Input::Ask { id, query } => self.question(id, query),
            Input::Bytes(bytes) => self.received(now, &bytes),
            Input::Closed => self.end(CloseReason::Closed),
            Input::Edit(edit) => self.edit(edit),
            Input::NotVerified { id, reason } => self.verified(id, Err(reason)),
            Input::Stop => self.stop(),
            Input::Verified(id) => self.verified(id, Ok(())),
        }
        self.advance(now);
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let (greet_by, ping_at) = match self.state {
            State::Greeting { by } => (Some(by), None),
            State::Open { ping_at } => (None, Some(ping_at)),
            State::Leaving | State::Closed { .. } => (None, None),
        };
        let ping_at = ping_at.filter(|_| self.call.is_none() && self.transaction.is_none());
        let silent_at = self.call.map(|call| call.silent_at);
        let transaction_at = self.transaction.as_ref().and_then(Transaction::deadline);
        [greet_by, ping_at, silent_at, transaction_at].into_iter().flatten().min()
    }
}

fn is_answer(call: &Call, reply: &Reply) -> bool {
    // A switch that could not read a request may not know its id.
    reply.message_id.is_none_or(|id| id == call.message_id)
}

fn answer(query: Query, reply: Reply) -> Result<Answer, Failure> {
    let step = Step::Ask;
    if !reply.errors.is_empty() {
        return Err(Failure::Refused { step, errors: reply.errors });
    }
    let answer = match query {
        Query::Interfaces => operational::interfaces(&reply.content).map(Answer::Interfaces),
        Query::Neighbours => operational::neighbours(&reply.content).map(Answer::Neighbours),
    };
    answer.ok_or(Failure::Unclear { step })
}

const fn unanswered(id: TaskId, failure: Failure) -> Output {
    Output::Answered { id, result: Err(failure) }
}

const fn unedited(id: TaskId, failure: Failure) -> Output {
    Output::Edited { id, result: Err(failure), diff: String::new(), warnings: Vec::new() }
}

#[cfg(test)]
mod tests;
