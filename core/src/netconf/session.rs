//! A session with a switch, from its hello to its end. It makes one edit at a time, as a whole or
//! not at all, and answers one question at a time, also while an edit waits for its verdict.
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
//! waiting for what was not written. On `Committed` it finds out whether the change works. It hands
//! in an edit only after the end of the last one, and a question only after the answer to the last
//! one; the first of each may come before the hello.
//!
//! A session does not retry. An edit that failed before its commit may be tried again in another
//! session; one whose outcome is unknown must first be read back there ([`Mode::ReadBack`]).
//!
//! [`Mode::ReadBack`]: input::Mode::ReadBack

use alloc::{collections::VecDeque, string::String, vec::Vec};
use core::time::Duration;

pub mod input;
pub mod output;

mod transaction;

use self::input::{Config, Edit, Input};
use self::{output::CloseReason, output::Failure, output::Output, transaction::Transaction};
use super::rpc::request::{HELLO, Query, Request};
use super::{framing, framing::Decoder, framing::Framing, rpc::reply::Message, rpc::reply::Reply};
use crate::base::{machine::Machine, rand::Rand, time::Instant};

/// In bytes, of a message of the switch.
pub const MESSAGE_MAX: usize = 4 << 20;
/// How long the switch may take to reply to the end of the session.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Debug)]
enum State {
    Greeting { by: Instant },
    Open,
    Leaving,
    Closed { reason: CloseReason },
}

/// The reason for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Ask,
    Edit,
    Leave,
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
    /// The question that has no answer yet.
    question: Option<Query>,
    is_stopping: bool,
    outputs: VecDeque<Output>,
}

impl Session {
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
            (Ok(Message::Hello(framing)), State::Greeting { .. }) => self.opened(now, framing),
            (Ok(Message::Reply(reply)), State::Open | State::Leaving) => {
                match self.call.take_if(|call| is_answer(call, &reply)) {
                    Some(call) => self.answered(now, call.purpose, reply),
                    None => self.end(CloseReason::Stray),
                }
            }
            (Ok(Message::Hello(_) | Message::Reply(_)), _) => self.end(CloseReason::Stray),
            (Err(error), _) => self.end(CloseReason::Message(error)),
        }
    }

    fn opened(&mut self, now: Instant, framing: Framing) {
        self.framing = framing;
        self.decoder = Decoder::new(framing, MESSAGE_MAX);
        self.state = State::Open;
        self.outputs.push_back(Output::Opened { framing });
        self.advance(now);
    }

    fn answered(&mut self, now: Instant, purpose: Purpose, reply: Reply) {
        match purpose {
            Purpose::Ask => {
                self.question = None;
                let answer = reply.errors.is_empty().then_some(reply.content);
                self.outputs.push_back(Output::Answered(answer));
            }
            Purpose::Edit => {
                if let Some(transaction) = &mut self.transaction {
                    transaction.answered(now, reply, &mut self.rand);
                    self.outputs.extend(transaction.event());
                }
            }
            Purpose::Leave => return self.end(CloseReason::Stopped),
        }
        self.advance(now);
    }

    /// Reports the end of an edit, and sends the next request unless one has no reply yet.
    fn advance(&mut self, now: Instant) {
        let is_asked = self.call.is_some_and(|call| call.purpose == Purpose::Edit);
        if self.is_stopping
            && !is_asked
            && let Some(transaction) = &mut self.transaction
        {
            transaction.stop();
        }
        if let Some((edited, reason)) = self.transaction.as_mut().and_then(Transaction::end) {
            self.transaction = None;
            self.outputs.push_back(edited);
            if let Some(reason) = reason {
                return self.end(reason);
            }
        }
        if !matches!(self.state, State::Open) || self.call.is_some() {
            return;
        }
        let Config { commit_timeout, reply_timeout, lock_wait, .. } = self.config;
        let message_id = self.message_id + 1;
        if let Some(transaction) = &mut self.transaction
            && let Some(request) = transaction.request()
        {
            let timeout = if request.commits() { commit_timeout } else { reply_timeout };
            let document = request.encode(message_id);
            transaction.sent(now, lock_wait);
            self.send(now, &document, Purpose::Edit, timeout);
        } else if let Some(query) = &self.question {
            let document = Request::Ask(query).encode(message_id);
            self.send(now, &document, Purpose::Ask, reply_timeout);
        } else if self.transaction.is_none() && self.is_stopping {
            self.state = State::Leaving;
            let document = Request::CloseSession.encode(message_id);
            self.send(now, &document, Purpose::Leave, LEAVE_TIMEOUT);
        }
    }

    fn send(&mut self, now: Instant, document: &str, purpose: Purpose, timeout: Duration) {
        self.message_id += 1;
        let message_id = self.message_id;
        self.call = Some(Call { message_id, purpose, timeout, silent_at: now + timeout });
        self.outputs.push_back(Output::Bytes(framing::encode(self.framing, document)));
    }

    /// Ends the session, its question and its edit.
    fn end(&mut self, reason: CloseReason) {
        let reason = match self.state {
            State::Closed { .. } => return,
            State::Leaving => CloseReason::Stopped,
            State::Greeting { .. } | State::Open => reason,
        };
        self.state = State::Closed { reason };
        self.call = None;
        self.outputs.extend(self.question.take().map(|_| Output::Answered(None)));
        self.outputs.extend(self.transaction.take().map(|transaction| transaction.lost(reason)));
        self.outputs.push_back(Output::Close(reason));
    }

    fn edit(&mut self, edit: Edit) {
        assert!(self.transaction.is_none(), "an edit is handed in after the end of the last one");
        let failure = if let State::Closed { reason } = self.state {
            Failure::Ended { step: None, reason }
        } else if self.is_stopping {
            Failure::Stopped
        } else {
            self.transaction = Some(Transaction::new(edit));
            return;
        };
        let (result, diff, warnings) = (Err(failure), String::new(), Vec::new());
        self.outputs.push_back(Output::Edited { result, diff, warnings });
    }

    fn ask(&mut self, query: Query) {
        assert!(self.question.is_none(), "a question is asked after the answer to the last one");
        match self.state {
            State::Greeting { .. } | State::Open => self.question = Some(query),
            State::Leaving | State::Closed { .. } => {
                self.outputs.push_back(Output::Answered(None));
            }
        }
    }

    fn stop(&mut self) {
        self.is_stopping = true;
        if matches!(self.state, State::Greeting { .. }) {
            self.end(CloseReason::Stopped);
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
            question: None,
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
            Input::Ask(query) => self.ask(query),
            Input::Bytes(bytes) => self.received(now, &bytes),
            Input::Closed => self.end(CloseReason::Closed),
            Input::Edit(edit) => self.edit(edit),
            Input::Stop => self.stop(),
            Input::Verdict(verdict) => {
                if let Some(transaction) = &mut self.transaction {
                    transaction.verified(verdict);
                }
            }
        }
        self.advance(now);
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let greet_by = match self.state {
            State::Greeting { by } => Some(by),
            State::Open | State::Leaving | State::Closed { .. } => None,
        };
        let silent_at = self.call.map(|call| call.silent_at);
        let transaction_at = self.transaction.as_ref().and_then(Transaction::deadline);
        [greet_by, silent_at, transaction_at].into_iter().flatten().min()
    }
}

fn is_answer(call: &Call, reply: &Reply) -> bool {
    // A switch that could not read a request may not know its id.
    reply.message_id.is_none_or(|id| id == call.message_id)
}

#[cfg(test)]
mod tests;
