//! Requests in both directions: those of HTTP clients to the partner, and those of the partner to
//! the local server.

use alloc::string::{String, ToString};

use http_types::StatusCode;

use super::{Peer, forwards::Forward, input::RequestId, output::Event, output::Output};
use super::{calls::Call, calls::Requester, input::ForwardId};
use crate::micronets::message::{Id, Request, Response};
use crate::{base::time::Instant, micronets::http};

impl Peer {
    /// Takes a request of an HTTP client.
    pub(super) fn request(&mut self, now: Instant, id: RequestId, request: http::Request) {
        let requester = Requester::Http(id);
        let call = Call::new(requester, &request.method, &request.target, now, &self.config);
        let full = self.calls.open.len() >= self.config.calls_max;
        let full = full.then_some("too many requests wait for a response");
        if let Some(why) = self.unavailable().or(full) {
            return self.refuse_call(now, "", call, StatusCode::ServiceUnavailable, why);
        }
        let id = self.calls.id();
        let text = match http::request_to_message(id.clone(), &request) {
            Ok(message) => message.encode(),
            Err(error) => return self.refuse_call(now, "", call, error.status, error.reason),
        };
        if text.len() > self.config.message_max {
            let why = self.too_long("request", text.len());
            return self.refuse_call(now, "", call, StatusCode::PayloadTooLarge, &why);
        }
        self.calls.open.insert(id.as_str().into(), call);
        self.send(text);
    }

    /// Takes the partner's response.
    pub(super) fn answered(
        &mut self,
        now: Instant,
        to: &Id<'_>,
        response: &Response<'_>,
        payload: &[u8],
    ) {
        let Some(call) = self.calls.open.remove(to.as_str()) else {
            let reason = "a response that nobody waits for, or no longer".to_string();
            return self.emit(Event::Ignored { reason });
        };
        match call.to {
            Requester::Stdin => self.print(payload),
            Requester::Http(id) => match http::response_from_message(response, &call.method) {
                Ok(response) => self.outputs.push_back(Output::Respond { id, response }),
                Err(error) => {
                    let why = alloc::format!("the response is no HTTP: {}", error.reason);
                    return self.refuse_call(now, to.as_str(), call, StatusCode::BadGateway, &why);
                }
            },
        }
        self.emit(Event::Called(call.over(now, response.status, None)));
    }

    /// Answers one of our requests in the partner's place.
    pub(super) fn refuse_call(
        &mut self,
        now: Instant,
        message_id: &str,
        call: Call,
        status: StatusCode,
        why: &str,
    ) {
        match call.to {
            Requester::Http(id) => {
                let response = http::refusal(status, why);
                self.outputs.push_back(Output::Respond { id, response });
                let exchange = call.over(now, status.into(), Some(why.into()));
                self.emit(Event::Called(exchange));
            }
            Requester::Stdin => {
                self.stdin.failed += 1;
                self.emit(Event::Unanswered { id: message_id.into(), reason: why.into() });
            }
        }
    }

    /// Gives up on requests that are due.
    pub(super) fn run_calls(&mut self, now: Instant) {
        for (id, call) in self.calls.take_due(now) {
            let why = alloc::format!("no response within {:?}", self.config.request_timeout);
            self.refuse_call(now, &id, call, StatusCode::GatewayTimeout, &why);
        }
    }

    pub(super) fn too_long(&self, what: &str, bytes: usize) -> String {
        let max = self.config.message_max;
        alloc::format!("as a message the {what} has {bytes} bytes, {max} are allowed")
    }

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
            Err(error) => return self.refuse_forward(now, forward, error.status, error.reason),
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
        let Some(forward) = self.forwards.running.remove(&id) else { return };
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
            Err(error) => {
                alloc::format!("the local server's response cannot be sent: {}", error.reason)
            }
        };
        let instead = http::refusal(StatusCode::BadGateway, &why);
        let message = http::response_to_message(id, to, method, &instead);
        self.send(message.expect("an error is a final status").encode());
        Err((StatusCode::BadGateway, why))
    }
}
