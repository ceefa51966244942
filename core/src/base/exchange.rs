//! Request and response with an HTTP API, one request after the other.
//!
//! An [`Exchange`] is code that asks through [`Asking`], from its first request to its result. It
//! never waits for anything else and never tries again, so it has no clock. The loop that runs it
//! knows the API's origin, adds the credentials, and keeps to the API's budget.

use alloc::{boxed::Box, string::String, sync::Arc, vec::Vec};
use core::future::{Future, poll_fn};
use core::{fmt, pin::Pin, task::Context, task::Poll, task::Waker, time::Duration};

use concurrent_queue::ConcurrentQueue;
use http_types::Method;

use crate::base::{failure::Failure, secret::Secret};

/// What an exchange needs next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step<T> {
    /// The exchange is over, with this result.
    Done(T),
    /// Send this, and hand the outcome to [`Exchange::answer`].
    Request(Request),
}

/// The response to a request, or why there is none.
pub type ExchangeResult = Result<Response, Failure>;

/// One task for an HTTP API that takes any number of requests.
pub struct Exchange<T> {
    asking: Asking,
    talk: Pin<Box<dyn Future<Output = T> + Send + Sync>>,
}

/// Where the code of an [`Exchange`] asks its API.
#[derive(Clone)]
pub struct Asking(Arc<Wire>);

struct Wire {
    requests: ConcurrentQueue<Request>,
    results: ConcurrentQueue<ExchangeResult>,
}

impl<T> Exchange<T> {
    /// The exchange that `talk` holds.
    pub fn new<F>(talk: impl FnOnce(Asking) -> F) -> Self
    where
        F: Future<Output = T> + Send + Sync + 'static,
    {
        let (requests, results) = (ConcurrentQueue::bounded(1), ConcurrentQueue::bounded(1));
        let asking = Asking(Arc::new(Wire { requests, results }));
        Self { talk: Box::pin(talk(asking.clone())), asking }
    }

    /// The first request, or the end if none is needed. Called once, before anything else.
    pub fn start(&mut self) -> Step<T> {
        match self.talk.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(done) => Step::Done(done),
            Poll::Pending => {
                Step::Request(self.asking.0.requests.pop().expect("it waits for a result alone"))
            }
        }
    }

    /// Takes the result of the last request. Not called after the end.
    pub fn answer(&mut self, result: ExchangeResult) -> Step<T> {
        // There is room: the last result was taken before the request was made.
        let _ = self.asking.0.results.push(result);
        self.start()
    }
}

impl<T> fmt::Debug for Exchange<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Exchange")
    }
}

impl Asking {
    /// Sends a request, and gives its result.
    pub async fn send(&self, request: Request) -> ExchangeResult {
        let _ = self.0.requests.push(request);
        poll_fn(|_| self.0.results.pop().map_or(Poll::Pending, Poll::Ready)).await
    }

    /// Gets a target.
    pub async fn get(&self, target: String) -> ExchangeResult {
        self.send(Request { method: Method::Get, target, session: None, body: None }).await
    }
}

/// One request. Of its body, which may hold a password, only the length is ever printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    pub method: Method,
    /// Path and query, encoded, from the `/` on.
    pub target: String,
    /// The session that an earlier response opened ([`Response::session`]).
    pub session: Option<Secret>,
    /// A JSON text.
    pub body: Option<Vec<u8>>,
}

/// One answer. Of its body, which may hold a token, only the length is ever printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    pub retry_after: Option<Duration>,
    /// How many elements all pages of a list have together (`X-Page-Total`).
    pub total: Option<usize>,
    /// The session that it opened (`X-Subject-Token`).
    pub session: Option<Secret>,
    pub body: Vec<u8>,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { method, target, session, body } = self;
        f.debug_struct("Request")
            .field("method", method)
            .field("target", target)
            .field("session", session)
            .field("body_len", &body.as_ref().map(Vec::len))
            .finish()
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, retry_after, total, session, body } = self;
        f.debug_struct("Response")
            .field("status", status)
            .field("retry_after", retry_after)
            .field("total", total)
            .field("session", session)
            .field("body_len", &body.len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn an_exchange_asks_one_request_after_the_other() {
        let mut exchange = Exchange::new(|asking| async move {
            let first = asking.get("/1".into()).await;
            (first, asking.get("/2".into()).await)
        });
        let target = |step| match step {
            Step::Request(Request { target, .. }) => target,
            done @ Step::Done(_) => panic!("{done:?}"),
        };
        assert_eq!(target(exchange.start()), "/1");
        assert_eq!(target(exchange.answer(Err(Failure::Timeout))), "/2");
        let done = (Err(Failure::Timeout), Err(Failure::Login));
        assert_eq!(exchange.answer(Err(Failure::Login)), Step::Done(done));
    }

    #[test]
    fn neither_a_body_nor_a_session_is_printed() {
        let session = || Some(Secret::new("s3ss1on"));
        let request = Request {
            method: Method::Post,
            target: "/v3/auth/tokens".into(),
            session: session(),
            body: Some(b"p4ssword".to_vec()),
        };
        let response = Response {
            status: 201,
            retry_after: None,
            total: None,
            session: session(),
            body: b"t0ken".to_vec(),
        };
        assert_eq!(
            format!("{request:?}"),
            "Request { method: Post, target: \"/v3/auth/tokens\", session: Some([secret]), \
             body_len: Some(8) }"
        );
        assert_eq!(
            format!("{response:?}"),
            "Response { status: 201, retry_after: None, total: None, session: Some([secret]), \
             body_len: 5 }"
        );
        // Nor byte by byte, as lists are.
        let said =
            format!("{:#?} {:?}", Step::<()>::Request(request), ExchangeResult::Ok(response));
        for hidden in ["p4ssword", "t0ken", "s3ss1on", "112,"] {
            assert!(!said.contains(hidden), "{said}");
        }
    }
}
