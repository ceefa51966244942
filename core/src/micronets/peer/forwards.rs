//! The partner's requests: to the local server, and its response back.

use alloc::string::{String, ToString};

use http_types::StatusCode;

use super::{
    Peer,
    input::ForwardId,
    output::{Event, Output},
    requests::{Forward, Waiting},
};
use crate::{
    base::time::Instant,
    micronets::{
        http,
        message::{Id, Request},
    },
};

impl Peer {
    /// Takes a request of the partner. `to` is its id if a response is wanted.
    pub(super) fn request_received(
        &mut self,
        now: Instant,
        to: Option<Id<'_>>,
        request: &Request<'_>,
    ) {
        let waiting = Waiting::new(&request.method, &request.path, now, &self.config);
        let forward = Forward { to: to.map(Id::into_owned), waiting };
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
        forward: Forward,
        response: &http::Response,
        refusal: Option<&str>,
    ) {
        let Forward { to, waiting } = forward;
        let sent = match to {
            Some(to) => self.send_response(to, &waiting.method, response),
            None => Ok(()),
        };
        let (status, why) = match sent {
            Ok(()) => (response.status, refusal.map(ToString::to_string)),
            Err((status, why)) => (status.into(), Some(why)),
        };
        self.emit(Event::Forwarded(waiting.over(now, status, why)));
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
