//! Conversations with an HTTP API, one request after the other.
//!
//! A conversation is a [`Machine`](crate::base::machine::Machine): it hears [`ExchangeResult`] and says
//! [`Step`]. It begins to speak when it is made, says one thing at a time, and ends with
//! one `Done`. It neither waits nor tries again: what failed is told to whoever began it. Whoever
//! carries it out knows the API's origin, adds what proves who we are, and keeps to its budget.

use alloc::{string::String, vec::Vec};
use core::{fmt, time::Duration};

use http_types::Method;

use crate::base::{failure::Failure, secret::Secret};

pub mod refusal;

/// What a conversation says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step<T> {
    /// Its end.
    Done(T),
    /// Send this; answer with [`ExchangeResult`].
    Request(Request),
}

/// What a conversation hears: the answer to its last request, or why there is none.
pub type ExchangeResult = Result<Response, Failure>;

/// One request. Of its body, which may hold a password, only the length is ever printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// Its method.
    pub method: Method,
    /// Path and query, encoded, from the `/` on.
    pub target: String,
    /// The session that an earlier answer of the conversation opened ([`Response::session`]).
    pub session: Option<Secret>,
    /// JSON.
    pub body: Option<Vec<u8>>,
}

/// One answer. Of its body, which may hold a token, only the length is ever printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    /// Its status.
    pub status: u16,
    /// `Retry-After`.
    pub retry_after: Option<Duration>,
    /// How many elements all pages of a list have together (`X-Page-Total`).
    pub total: Option<usize>,
    /// The session that it opened (`X-Subject-Token`).
    pub session: Option<Secret>,
    /// The body, whole.
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
