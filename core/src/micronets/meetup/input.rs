//! What goes into a meetup.

use alloc::vec::Vec;
use core::{ops::AddAssign, time::Duration};

use crate::micronets::pending::PendingRequests;
use crate::micronets::{access::Identity, close_reason::Fault, keepalive::Timing};

/// Names a connection to the driver, which uses each id once.
pub type ConnectionId = u64;

/// What becomes of a peer whose partner has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnPartnerLoss {
    /// It is closed too, as the original does.
    Close,
    /// It stays and is introduced to the next partner.
    Keep,
}

/// Policy of a meetup. No duration may be zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// From the upgrade to the hello (default 10s).
    pub hello_timeout: Duration,
    pub pings: Timing,
    /// How long requests may wait while the partner says nothing, until it is suspect (default
    /// 30s).
    pub request_timeout: Duration,
    /// Whether a peer stays when its partner leaves (default `Keep`).
    pub on_partner_loss: OnPartnerLoss,
    /// Bytes of messages that are held for a peer's next partner (default 256KiB).
    pub held_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            hello_timeout: Duration::from_secs(10),
            pings: Timing::default(),
            request_timeout: Duration::from_secs(30),
            on_partner_loss: OnPartnerLoss::Keep,
            held_max: 256 << 10,
        }
    }
}

/// A whole websocket message, its fragments joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Whether it is text, which is UTF-8, and not binary.
    pub is_text: bool,
    pub payload: Vec<u8>,
}

impl Frame {
    /// A text message.
    pub fn text(text: impl Into<Vec<u8>>) -> Self {
        Self { is_text: true, payload: text.into() }
    }
}

/// How many messages went one way, and the bytes of their payloads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    pub messages: u64,
    pub bytes: u64,
}

impl Traffic {
    /// What one message with this payload counts.
    pub const fn of(payload: &[u8]) -> Self {
        Self { messages: 1, bytes: payload.len() as u64 }
    }
}

impl AddAssign for Traffic {
    fn add_assign(&mut self, more: Self) {
        self.messages += more.messages;
        self.bytes += more.bytes;
    }
}

/// What happened outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// The rules no longer let the peer join.
    Barred(ConnectionId),
    /// The peer broke the websocket protocol.
    Broken { id: ConnectionId, fault: Fault },
    /// The connection has ended, with a close frame or without one.
    Closed(ConnectionId),
    /// From here on this policy counts. Deadlines that are set already stay.
    Configured(Config),
    /// Some of what could not be written to the connection was taken.
    Drained(ConnectionId),
    /// The buffer of what is to be written to the connection is full.
    Full(ConnectionId),
    /// The connection is upgraded, and the rules let its peer join.
    Opened { id: ConnectionId, identity: Identity },
    /// The partner waits for responses of this one. Said after `Traffic`, whenever it is so.
    Owing(ConnectionId),
    /// The pumps have stopped, after `Part`.
    Parted(PendingRequests),
    /// A message came over a connection that no pump reads.
    Received { id: ConnectionId, frame: Frame },
    /// All connections shall end.
    Stop,
    /// What came over a connection since the last report: messages that a pump passed on, and the
    /// bytes of their payloads; both are 0 for a pong.
    Traffic { id: ConnectionId, traffic: Traffic },
}
