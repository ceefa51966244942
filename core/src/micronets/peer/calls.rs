//! Our requests by `messageId`: from an HTTP client or standard input to the partner, and the
//! response back.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use http_types::StatusCode;

use super::Peer;
use super::input::{Config, RequestId};
use super::output::{Event, Output, RequestReport};
use crate::base::time::Instant;
use crate::micronets::http;
use crate::micronets::http::Error;
use crate::micronets::message::{Id, Response};

/// A request that waits for its response.
#[derive(Debug)]
pub(super) struct Waiting<T> {
    /// To whom the response goes.
    pub(super) to: T,
    pub(super) method: String,
    path: String,
    since: Instant,
    pub(super) due_at: Instant,
}

impl<T> Waiting<T> {
    pub(super) fn new(to: T, method: &str, target: &str, now: Instant, config: &Config) -> Self {
        let path = target.split('?').next().unwrap_or_default().into();
        let due_at = now + config.request_timeout;
        Self { to, method: method.into(), path, since: now, due_at }
    }

    /// What became of it, for the journal.
    pub(super) fn over(self, now: Instant, status: u16, refusal: Option<String>) -> RequestReport {
        let Self { method, path, since, .. } = self;
        RequestReport { method, path, status, after: now - since, refusal }
    }
}

/// Who waits for a response.
#[derive(Clone, Copy, Debug)]
pub(super) enum Requester {
    /// An HTTP client.
    Http(RequestId),
    /// The writer of standard input.
    Stdin,
}

/// A request of ours to the partner.
pub(super) type Call = Waiting<Requester>;

/// Our requests to the partner, by `messageId`.
#[derive(Debug)]
pub(super) struct Calls {
    pub(super) open: BTreeMap<String, Call>,
    next_id: u64,
}

impl Calls {
    /// No requests. Ids begin with 1, because the real manager takes 0 for no id, and go on from
    /// connection to connection, so that a late response never answers another request.
    pub(super) const fn new() -> Self {
        Self { open: BTreeMap::new(), next_id: 1 }
    }

    /// A new id: a number, because real peers accept nothing else.
    pub(super) fn id(&mut self) -> Id<'static> {
        loop {
            let id = Id::number(self.next_id);
            self.next_id = self.next_id.wrapping_add(1);
            if !self.open.contains_key(id.as_str()) {
                return id;
            }
        }
    }

    /// Takes the requests that are due.
    pub(super) fn take_due(&mut self, now: Instant) -> Vec<(String, Call)> {
        self.open.extract_if(.., |_, call| call.due_at <= now).collect()
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.open.values().map(|call| call.due_at).min()
    }
}

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
        let Some(call) = self.calls.open.remove(to.as_str()) else {
            let reason = "a response that nobody waits for, or no longer".to_string();
            return self.emit(Event::Ignored { reason });
        };
        match call.to {
            Requester::Stdin => self.print(payload),
            Requester::Http(id) => match http::response_from_message(response, &call.method) {
                Ok(response) => self.outputs.push_back(Output::Respond { id, response }),
                Err(error) => {
                    let why = alloc::format!("the response is no HTTP: {error}");
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
}
