//! Conversations with an HTTP API, one request after the other.
//!
//! A conversation is a [`Machine`](crate::machine::Machine) whose input is [`Heard`] and whose
//! output is [`Said`]. It begins to speak when it is made, says one thing at a time, and ends with
//! one `Done`. It neither waits nor tries again: what failed is told to whoever began it. Whoever
//! carries it out knows the API's origin, adds what proves who we are, and keeps to its budget.

use alloc::{string::String, vec::Vec};
use core::time::Duration;

use http_types::Method;

use crate::{ports::failure::Failure, secret::Secret};

pub mod refusal;

/// What a conversation says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said<T> {
    /// Its end.
    Done(T),
    /// Send this; answer with [`Heard`].
    Request(Request),
}

/// What a conversation hears: the answer to its last request, or why there is none.
pub type Heard = Result<Response, Failure>;

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
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

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq)]
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
