//! What goes into a meetup.

use alloc::vec::Vec;
use core::time::Duration;

use crate::micronets::{access::Identity, close_reason::Fault, pending::PendingRequests};

/// Names a connection to the driver; used once.
pub type ConnectionId = u64;

/// What becomes of a peer whose partner is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnPartnerLoss {
    /// It is closed too, as the original does.
    Close,
    /// It stays, and is introduced to the next partner.
    Keep,
}

/// Policy of a meetup. No duration may be zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// From the upgrade to the hello (default 10s).
    pub hello_timeout: Duration,
    /// From one ping to the next (default 10s).
    pub ping_interval: Duration,
    /// From a ping to whatever shows that the peer lives (default 10s).
    pub ping_timeout: Duration,
    /// Whether a peer outlives its partner (default `Keep`).
    pub on_partner_loss: OnPartnerLoss,
    /// Bytes of messages that are kept for a partner that is not there (default 256KiB).
    pub held_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            hello_timeout: Duration::from_secs(10),
            ping_interval: Duration::from_secs(10),
            ping_timeout: Duration::from_secs(10),
            on_partner_loss: OnPartnerLoss::Keep,
            held_max: 256 << 10,
        }
    }
}

/// A whole websocket message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Text, which is UTF-8, or binary.
    pub is_text: bool,
    /// The bytes, joined of all fragments.
    pub payload: Vec<u8>,
}

impl Frame {
    /// A text message.
    pub fn text(text: impl Into<Vec<u8>>) -> Self {
        Self { is_text: true, payload: text.into() }
    }
}

/// What happened outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// The rules no longer let it join.
    Barred(ConnectionId),
    /// It sent what the websocket layer cannot read.
    Broken {
        /// Which.
        id: ConnectionId,
        /// What is wrong.
        fault: Fault,
    },
    /// It is gone: by a close frame, or without one.
    Closed(ConnectionId),
    /// From here on this policy counts; what is awaited already is awaited until the same moment.
    Configured(Config),
    /// Some of what could not be written to it was taken.
    Drained(ConnectionId),
    /// What is written to it waits: the bound on its buffer is reached.
    Full(ConnectionId),
    /// It is upgraded, and allowed to join.
    Opened {
        /// Which.
        id: ConnectionId,
        /// Whose it is.
        identity: Identity,
    },
    /// The pumps have stopped, after `Part`.
    Parted(PendingRequests),
    /// A message of a connection that no pump reads.
    Received {
        /// Whose.
        id: ConnectionId,
        /// What it sent.
        frame: Frame,
    },
    /// All connections shall end.
    Stop,
    /// Something came from it since the last report: a pong, or messages that a pump passed on.
    Traffic {
        /// From which.
        id: ConnectionId,
        /// How many messages.
        messages: u64,
        /// The bytes of their payloads.
        bytes: u64,
    },
}
