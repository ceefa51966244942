//! What goes into a peer.

use alloc::{string::String, vec::Vec};
use core::time::Duration;

use crate::micronets::{close_reason::Fault, http, keepalive::Timing, message::MESSAGE_MAX};

/// Names a connection to the proxy; each attempt has its own.
pub type LinkId = u64;

/// Names an HTTP request of a local client; used once.
pub type RequestId = u64;

/// Names a request of the partner that the local server answers; used once.
pub type ForwardId = u64;

/// Policy of a peer. No duration may be zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// `peerClass` of our hello.
    pub peer_class: String,
    /// `peerId` of our hello.
    pub peer_id: String,
    /// Whether the partner's requests go to a local server; if not, they are answered 501.
    pub forwards: bool,
    /// Whether to end when standard input has ended and its requests are answered.
    pub ends_with_input: bool,
    /// From a request to its response, in either direction (default 30s).
    pub request_timeout: Duration,
    /// For one attempt to connect, from the look-up to the upgrade (default 15s).
    pub connect_timeout: Duration,
    pub pings: Timing,
    /// Bytes of one message (default 1MiB).
    pub message_max: usize,
    /// Unsent bytes at which we stop reading and refuse requests (default 4MiB).
    pub unsent_max: usize,
    /// Requests that wait for a response at once (default 512).
    pub calls_max: usize,
    /// Requests that the local server has at once (default 32).
    pub forwards_max: usize,
    /// Requests that wait until the local server has time (default 256).
    pub waiting_max: usize,
    /// Bytes of their bodies (default 16MiB).
    pub waiting_bytes_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            peer_class: String::new(),
            peer_id: String::new(),
            forwards: false,
            ends_with_input: false,
            request_timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(15),
            pings: Timing::default(),
            message_max: MESSAGE_MAX,
            unsent_max: 4 << 20,
            calls_max: 512,
            forwards_max: 32,
            waiting_max: 256,
            waiting_bytes_max: 16 << 20,
        }
    }
}

/// What happened outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// The proxy broke the websocket protocol.
    Broken { link: LinkId, fault: Fault },
    /// A connection has ended, or could not be made. The reason is a line for people.
    Closed { link: LinkId, reason: String },
    /// A ping or a pong came.
    ControlFrame(LinkId),
    /// The local server's response to a `Forward`, or a line for people that says why there is
    /// none.
    Forwarded { id: ForwardId, result: Result<http::Response, String> },
    /// A line of standard input, of at most `message_max` bytes. The next one is read after
    /// `ReadOn`.
    Line(Vec<u8>),
    /// A line of standard input was longer than that, and was skipped.
    LineTooLong,
    /// A connection is upgraded.
    Opened(LinkId),
    /// A message came, its fragments joined.
    Received { link: LinkId, payload: Vec<u8> },
    /// An HTTP request for the partner. It is answered by one `Respond`.
    Request { id: RequestId, request: http::Request },
    /// Standard input has ended; no more lines come.
    StdinEnded,
    /// Finish what is in flight, close, and end.
    Stop,
    /// An event of a local program for the partner, as a line of standard input has it. It is sent
    /// now or not at all, and answered by one `Respond`.
    Tell { id: RequestId, line: Vec<u8> },
    /// The system took this many bytes of messages.
    Written { link: LinkId, bytes: usize },
}
