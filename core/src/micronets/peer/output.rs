//! What comes out of a peer.

use alloc::string::String;
use core::time::Duration;

use super::input::{ForwardId, LinkId, RequestId};
use crate::micronets::http;

/// What shall happen outside (imperative), or has happened inside (`Event`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Forget a `Forward`: nobody waits for it any more. It is not answered.
    Abandon(ForwardId),
    /// Write this close frame and end the connection, at the latest when `Hangup` comes. The reason
    /// has at most 123 bytes.
    Close { link: LinkId, code: u16, reason: String },
    /// Connect to the proxy; answer with `Opened` or `Closed`.
    Connect(LinkId),
    /// A line for the journal.
    Event(Event),
    /// Everything is done: end. So many lines of standard input were not sent, or hold a request
    /// that got no response.
    Finish { failed: u64 },
    /// Send this request of the partner to the local server; answer with `Forwarded`.
    Forward { id: ForwardId, request: http::Request },
    /// End a connection, or an attempt, at once, and report nothing about it any more.
    Hangup(LinkId),
    /// Read nothing more from the connection.
    Pause(LinkId),
    /// Ping the proxy.
    Ping(LinkId),
    /// Print this line, a message, to standard output.
    Print(String),
    /// Read the next line of standard input.
    ReadOn,
    /// Answer an HTTP request.
    Respond { id: RequestId, response: http::Response },
    /// Read from the connection again.
    Resume(LinkId),
    /// Send this text message. `Written` counts its bytes once the system has taken them.
    Send { link: LinkId, text: String },
}

/// Something that the journal reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// One of our requests is answered.
    Called(RequestReport),
    /// We are connected and have said hello.
    Connected,
    /// The connection is lost, or could not be made. The next attempt follows after that time.
    Disconnected { reason: String, retry_after: Duration },
    /// One of the partner's requests is answered.
    Forwarded(RequestReport),
    /// A message that means nothing to us was dropped.
    Ignored { reason: String },
    /// The partner said hello, for the first time or again. The names are cut to 100 characters.
    Introduced { peer_class: String, peer_id: String },
    /// A line of standard input, counted from 1, was not sent.
    Rejected { line: u64, reason: String },
    /// The request from standard input with this `messageId` got no response.
    Unanswered { id: String, reason: String },
}

/// A request and what became of it, for the journal. It holds neither query nor body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestReport {
    pub method: String,
    /// The path without the query.
    pub path: String,
    /// The status of the response.
    pub status: u16,
    /// From the request to the response.
    pub after: Duration,
    /// Why we answered and not the partner or the local server; `None` if they did.
    pub refusal: Option<String>,
}
