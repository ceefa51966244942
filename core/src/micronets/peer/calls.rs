//! Our requests: from an HTTP client to the partner, and the response back.

use alloc::string::{String, ToString};

use http_types::StatusCode;

use super::{
    Peer,
    input::RequestId,
    output::{Event, Output},
    requests::{Call, Requester, Waiting},
};
use crate::{
    base::time::Instant,
    micronets::{
        http::{self, Error},
        message::{Id, Response},
    },
};

impl Peer {
    /// Takes a request of an HTTP client.
    pub(super) fn request(&mut self, now: Instant, id: RequestId, request: http::Request) {
        let waiting = Waiting::new(&request.method, &request.target, now, &self.config);
        let call = Call { requester: Requester::Http(id), waiting };
        let full = self.calls.open.len() >= self.config.calls_max;
        let full = full.then_some("too many requests wait for a response");
        if let Some(why) = self.unavailable().or(full) {
            return self.refuse_call(now, "", call, StatusCode::ServiceUnavailable, why);
        }
        let id = self.calls.id();
        let text = match http::request_to_message(id.clone(), &request) {
            Ok(message) => message.encode(),
            Err(error) => {
                let status = if error == Error::Encoding {
                    StatusCode::UnsupportedMediaType
                } else {
                    StatusCode::BadRequest
                };
                return self.refuse_call(now, "", call, status, &error.to_string());
            }
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
        let Some(Call { requester, waiting }) = self.calls.open.remove(to.as_str()) else {
            let reason = "a response that nobody waits for, or no longer".to_string();
            return self.emit(Event::Ignored { reason });
        };
        match requester {
            Requester::Stdin => {
                self.print(payload);
                self.emit(Event::Called(waiting.over(now, response.status, None)));
            }
            Requester::Http(id) => match http::response_from_message(response, &waiting.method) {
                Ok(http) => {
                    let response = http;
                    let exchange = waiting.over(now, response.status, None);
                    self.outputs.push_back(Output::Respond { id, response });
                    self.emit(Event::Called(exchange));
                }
                Err(error) => {
                    let why = alloc::format!("the response is no HTTP: {error}");
                    let call = Call { requester: Requester::Http(id), waiting };
                    self.refuse_call(now, to.as_str(), call, StatusCode::BadGateway, &why);
                }
            },
        }
    }

    /// Answers one of our requests in the partner's place.
    pub(super) fn refuse_call(
        &mut self,
        now: Instant,
        message_id: &str,
        Call { requester, waiting }: Call,
        status: StatusCode,
        why: &str,
    ) {
        match requester {
            Requester::Http(id) => {
                let response = http::refusal(status, why);
                self.outputs.push_back(Output::Respond { id, response });
                let exchange = waiting.over(now, status.into(), Some(why.into()));
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
}
