//! What goes into a peer.

use alloc::{string::String, vec::Vec};
use core::time::Duration;

use crate::micronets::{close_reason::Fault, http, message::MESSAGE_MAX};

/// Names a connection to the proxy; each attempt has its own.
pub type LinkId = u64;

/// Names an HTTP request of ours to the driver; used once.
pub type RequestId = u64;

/// Names a request of the partner's that the local server answers; used once.
pub type ForwardId = u64;

/// Policy of a peer. No duration may be zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// `peerClass` of our hello.
    pub peer_class: String,
    /// `peerId` of our hello.
    pub peer_id: String,
    /// Whether the partner's requests go to a local server; else they are answered 501.
    pub forwards: bool,
    /// Whether all is done once standard input is: nothing else was asked for.
    pub ends_with_input: bool,
    /// From a request to its response, in either direction (default 30s).
    pub request_timeout: Duration,
    /// For an attempt to connect, from the look-up to the upgrade (default 15s).
    pub connect_timeout: Duration,
    /// From one ping to the next (default 10s).
    pub ping_interval: Duration,
    /// From a ping to whatever shows that the proxy lives (default 10s).
    pub ping_timeout: Duration,
    /// Bytes of one message (default 1MiB).
    pub message_max: usize,
    /// Bytes that the proxy may leave untaken before we read and ask no more (default 4MiB).
    pub unsent_max: usize,
    /// Requests that wait for a response at once (default 512).
    pub calls_max: usize,
    /// Requests that the local server has at once (default 32).
    pub forwards_max: usize,
    /// Requests that wait until the local server has time (default 256).
    pub waiting_max: usize,
    /// Bytes of the bodies of those (default 16MiB).
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
            ping_interval: Duration::from_secs(10),
            ping_timeout: Duration::from_secs(10),
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
    /// The proxy sent what the websocket layer cannot read.
    Broken {
        /// Over which connection.
        link: LinkId,
        /// What is wrong.
        fault: Fault,
    },
    /// A connection has ended, or could not be made.
    Closed {
        /// Which.
        link: LinkId,
        /// Why, in a line for people.
        reason: String,
    },
    /// What became of a `Forward`.
    Forwarded {
        /// Which.
        id: ForwardId,
        /// The local server's response, or why there is none, in a line for people.
        result: Result<http::Response<'static>, String>,
    },
    /// Something came over a connection that is no message: a ping or a pong.
    ControlFrame(LinkId),
    /// Standard input has ended; no more lines come.
    StdinEnded,
    /// A connection is upgraded.
    Opened(LinkId),
    /// A message came.
    Received {
        /// Over which connection.
        link: LinkId,
        /// The bytes, joined of all fragments.
        payload: Vec<u8>,
    },
    /// An HTTP request for the partner. It is answered by one `Respond`.
    Request {
        /// Its name.
        id: RequestId,
        /// What it asks.
        request: http::Request<'static>,
    },
    /// Finish what is in flight, close, and end.
    Stop,
    /// A line of standard input, of at most `message_max` bytes. The next one is read after
    /// `ReadOn`.
    Line(Vec<u8>),
    /// A line of standard input that is longer than that. It was skipped.
    LineTooLong,
    /// The system took some of what was to be sent.
    Written {
        /// Over which connection.
        link: LinkId,
        /// How many bytes of messages.
        bytes: usize,
    },
}
