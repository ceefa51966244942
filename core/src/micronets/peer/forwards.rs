//! The partner's requests: to the local server, and its response back.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use http_types::StatusCode;

use super::Peer;
use super::calls::Waiting;
use super::input::{Config, ForwardId};
use super::output::{Event, Output};
use crate::base::time::Instant;
use crate::micronets::http;
use crate::micronets::message::{Id, Request};

/// A request of the partner to the local server, for its `messageId`; without one if no response is
/// wanted.
pub(super) type Forward = Waiting<Option<Id<'static>>>;

/// The partner's requests to the local server.
#[derive(Debug, Default)]
pub(super) struct Forwards {
    pub(super) running: BTreeMap<ForwardId, Forward>,
    waiting: VecDeque<(ForwardId, Forward, http::Request)>,
    waiting_bytes: usize,
    last_id: ForwardId,
}

impl Forwards {
    /// How many requests the local server has, and how many wait for it.
    pub(super) fn len(&self) -> (usize, usize) {
        (self.running.len(), self.waiting.len())
    }

    /// Queues a request; gives it back if too many wait.
    pub(super) fn push(
        &mut self,
        forward: Forward,
        request: http::Request,
        config: &Config,
    ) -> Result<(), Forward> {
        let bytes = self.waiting_bytes + request.body.len();
        if self.waiting.len() >= config.waiting_max || bytes > config.waiting_bytes_max {
            return Err(forward);
        }
        self.last_id += 1;
        self.waiting_bytes = bytes;
        self.waiting.push_back((self.last_id, forward, request));
        Ok(())
    }

    /// Begins the next request, if the local server may have one more.
    pub(super) fn start(&mut self, config: &Config) -> Option<(ForwardId, http::Request)> {
        if self.running.len() >= config.forwards_max {
            return None;
        }
        let (id, forward, request) = self.waiting.pop_front()?;
        self.waiting_bytes -= request.body.len();
        self.running.insert(id, forward);
        Some((id, request))
    }

    /// Takes the requests that are due, with their ids if the local server has them.
    pub(super) fn take_due(&mut self, now: Instant) -> Vec<(Option<ForwardId>, Forward)> {
        let running = self.running.extract_if(.., |_, forward| forward.due_at <= now);
        let mut due: Vec<_> = running.map(|(id, forward)| (Some(id), forward)).collect();
        // All have the same time, so the first in the queue is due first.
        while self.waiting.front().is_some_and(|(_, forward, _)| forward.due_at <= now)
            && let Some((_, forward, request)) = self.waiting.pop_front()
        {
            self.waiting_bytes -= request.body.len();
            due.push((None, forward));
        }
        due
    }

    /// Forgets all requests; gives the ids of those that the local server has.
    pub(super) fn clear(&mut self) -> Vec<ForwardId> {
        self.waiting.clear();
        self.waiting_bytes = 0;
        core::mem::take(&mut self.running).into_keys().collect()
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let waiting = self.waiting.front().map(|(_, forward, _)| forward);
        self.running.values().chain(waiting).map(|forward| forward.due_at).min()
    }
}

impl Peer {
    /// Takes a request of the partner. `to` is its id if a response is wanted.
    pub(super) fn request_received(
        &mut self,
        now: Instant,
        to: Option<Id<'_>>,
        request: &Request<'_>,
    ) {
        let to = to.map(Id::into_owned);
        let forward = Forward::new(to, &request.method, &request.path, now, &self.config);
        if !self.config.forwards {
            let why = "this peer has no server for requests (mistgate connect without --forward)";
            return self.refuse_forward(now, forward, StatusCode::NotImplemented, why);
        }
        if self.stop_by.is_some() {
            let why = "this peer is stopping";
            return self.refuse_forward(now, forward, StatusCode::ServiceUnavailable, why);
        }
        let http = match http::request_from_message(request) {
            Ok(http) => http,
            Err(error) => {
                let why = error.to_string();
                return self.refuse_forward(now, forward, StatusCode::BadRequest, &why);
            }
        };
        if let Err(forward) = self.forwards.push(forward, http, &self.config) {
            let why = "too many requests wait for the local server";
            self.refuse_forward(now, forward, StatusCode::ServiceUnavailable, why);
        }
    }

    /// Takes the local server's response.
    pub(super) fn forwarded(
        &mut self,
        now: Instant,
        id: ForwardId,
        result: Result<http::Response, String>,
    ) {
        let Some(forward) = self.forwards.running.remove(&id) else {
            return;
        };
        match result {
            Ok(response) => self.respond(now, forward, &response, None),
            Err(why) => self.refuse_forward(now, forward, StatusCode::BadGateway, &why),
        }
    }

    /// Gives up on requests that are due.
    pub(super) fn run_forwards(&mut self, now: Instant) {
        for (begun, forward) in self.forwards.take_due(now) {
            self.outputs.extend(begun.map(Output::Abandon));
            let after = self.config.request_timeout;
            let why = alloc::format!("the local server did not respond within {after:?}");
            self.refuse_forward(now, forward, StatusCode::GatewayTimeout, &why);
        }
    }

    /// Answers a request that cannot be read.
    pub(super) fn refuse_unread(&mut self, to: &Id<'_>, error: &str) {
        let response = http::refusal(StatusCode::BadRequest, error);
        // Its status and its length let it be sent.
        let _ = self.send_response(to.clone().into_owned(), "GET", &response);
    }

    /// Answers a request of the partner in the local server's place.
    fn refuse_forward(&mut self, now: Instant, forward: Forward, status: StatusCode, why: &str) {
        let response = http::refusal(status, why);
        self.respond(now, forward, &response, Some(why));
    }

    fn respond(
        &mut self,
        now: Instant,
        mut forward: Forward,
        response: &http::Response,
        refusal: Option<&str>,
    ) {
        let sent = match forward.to.take() {
            Some(to) => self.send_response(to, &forward.method, response),
            None => Ok(()),
        };
        let (status, why) = match sent {
            Ok(()) => (response.status, refusal.map(ToString::to_string)),
            Err((status, why)) => (status.into(), Some(why)),
        };
        self.emit(Event::Forwarded(forward.over(now, status, why)));
    }

    /// Sends a response. If it cannot be sent, sends an error in its place and returns that.
    fn send_response(
        &mut self,
        to: Id<'static>,
        method: &str,
        response: &http::Response,
    ) -> Result<(), (StatusCode, String)> {
        let id = self.calls.id();
        let why = match http::response_to_message(id.clone(), to.clone(), method, response) {
            Ok(message) => {
                let text = message.encode();
                if text.len() <= self.config.message_max {
                    self.send(text);
                    return Ok(());
                }
                self.too_long("response", text.len())
            }
            Err(error) => alloc::format!("the local server's response cannot be sent: {error}"),
        };
        let instead = http::refusal(StatusCode::BadGateway, &why);
        let message = http::response_to_message(id, to, method, &instead);
        self.send(message.expect("an error is a final status").encode());
        Err((StatusCode::BadGateway, why))
    }
}
