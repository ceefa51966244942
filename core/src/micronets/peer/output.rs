//! What comes out of a peer.

use alloc::string::String;
use core::time::Duration;

use super::input::{ForwardId, LinkId, RequestId};
use crate::micronets::http;

/// What shall happen outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Forget a `Forward`: nobody waits for it any more. It is not answered.
    Abandon(ForwardId),
    /// Write this close frame and end the connection, at the latest when `Hangup` comes.
    Close {
        /// Which.
        link: LinkId,
        /// The status code.
        code: u16,
        /// The reason, of at most 123 bytes.
        reason: String,
    },
    /// Connect to the proxy; answer with `Opened` or `Closed`.
    Connect(LinkId),
    /// Everything is done: end.
    Finish {
        /// Lines of standard input that were not sent, or whose request got no response.
        failed: u64,
    },
    /// Let the local server answer this; answer with `Forwarded`.
    Forward {
        /// Its name.
        id: ForwardId,
        /// What the partner asks.
        request: http::Request<'static>,
    },
    /// Something has happened inside: a line of the journal.
    Event(Event),
    /// End a connection, or an attempt, at once. It is not heard of again.
    Hangup(LinkId),
    /// Read nothing more from the connection.
    Pause(LinkId),
    /// Ping the proxy.
    Ping(LinkId),
    /// Print this line: a message that somebody at the terminal or in a pipe waits for.
    Print(String),
    /// Read the next line of standard input.
    ReadOn,
    /// Answer an HTTP request.
    Respond {
        /// Which.
        id: RequestId,
        /// With what.
        response: http::Response<'static>,
    },
    /// Read from the connection again.
    Resume(LinkId),
    /// Send this text message. `Written` counts its bytes once they are taken.
    Send {
        /// Over which connection.
        link: LinkId,
        /// What.
        text: String,
    },
}

/// What has happened inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// One of our requests is over.
    Called(RequestReport),
    /// We are connected, and have said hello.
    Connected,
    /// The connection is gone, or was not made.
    Disconnected {
        /// Why.
        reason: String,
        /// When the next attempt is made, from now.
        retry_after: Duration,
    },
    /// One of the partner's requests is over.
    Forwarded(RequestReport),
    /// A message that says nothing to us was dropped.
    Ignored {
        /// Why.
        reason: String,
    },
    /// The partner said hello: it is there, or there again.
    Introduced {
        /// `peerClass`, shortened.
        peer_class: String,
        /// `peerId`, shortened.
        peer_id: String,
    },
    /// A line of standard input was not sent.
    Rejected {
        /// Which line, from 1.
        line: u64,
        /// Why.
        reason: String,
    },
    /// A request that came from standard input got no response.
    Unanswered {
        /// Its `messageId`.
        id: String,
        /// Why.
        reason: String,
    },
}

/// A request and what became of it, for the journal. Neither query nor body is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestReport {
    /// The method.
    pub method: String,
    /// The path without the query.
    pub path: String,
    /// The status of the response.
    pub status: u16,
    /// From the request to the response.
    pub after: Duration,
    /// Why it was us who answered, where the partner or the local server did not.
    pub refusal: Option<String>,
}
