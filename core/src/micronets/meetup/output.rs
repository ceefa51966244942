//! What comes out of a meetup.

use alloc::string::String;

use http_types::StatusCode;

use super::input::{ConnectionId, Frame, Traffic};
use crate::micronets::{close_reason::CloseReason, pending::PendingRequests};

/// What shall happen outside (imperative), or has happened inside (past).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// We answered so many requests of a peer in its partner's place: with 503 if there was no
    /// partner, with 502 if it left before it answered.
    Answered { id: ConnectionId, requests: usize, status: StatusCode },
    /// Flush what was written to the connection, close it with this code and reason, and forget it.
    Close { id: ConnectionId, reason: CloseReason },
    /// Messages of a peer reached nobody: they were held too long, or answered a partner that has
    /// left.
    Dropped { id: ConnectionId, lost: Traffic },
    /// A peer said its first hello. The names are cut to 64 characters.
    Greeted { id: ConnectionId, peer_class: Option<String>, peer_id: Option<String> },
    /// A peer answered nothing for `request_timeout`, or is no longer suspect since it spoke.
    Judged { id: ConnectionId, is_suspect: bool },
    /// Two peers are introduced. From here on pumps pass on what they send, each message as it is,
    /// after noting it in `pending` under the sender's side. It comes back in `Parted`.
    Paired { left: ConnectionId, right: ConnectionId, pending: PendingRequests },
    /// Stop both pumps, each between two messages; answer with `Parted`.
    Part,
    /// Read no more from the connection.
    Pause(ConnectionId),
    /// Ping the peer.
    Ping(ConnectionId),
    /// Read from the connection again.
    Resume(ConnectionId),
    /// Write this message.
    Send { id: ConnectionId, frame: Frame },
}
