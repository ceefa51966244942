//! What comes out of a meetup.

use alloc::string::String;

use http_types::StatusCode;

use super::input::{ConnectionId, Frame};
use crate::micronets::{close_reason::CloseReason, pending::PendingRequests};

/// What shall happen outside (imperative), or has happened inside (past).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// We answered requests in the place of a partner.
    Answered {
        /// Whose requests.
        id: ConnectionId,
        /// How many.
        requests: usize,
        /// 503 where no partner was there, 502 where it left before it answered.
        status: StatusCode,
    },
    /// Close it with this code and reason, once what was written to it is flushed, and forget it.
    Close {
        /// Which.
        id: ConnectionId,
        /// Why.
        reason: CloseReason,
    },
    /// Messages came to nobody: they waited too long for a partner, or answered one that is gone.
    Dropped {
        /// Whose messages.
        id: ConnectionId,
        /// How many.
        messages: usize,
        /// The bytes of their payloads.
        bytes: usize,
    },
    /// It said its first hello.
    Greeted {
        /// Which.
        id: ConnectionId,
        /// `peerClass`, shortened.
        peer_class: Option<String>,
        /// `peerId`, shortened.
        peer_id: Option<String>,
    },
    /// These two are introduced. From here on pumps pass on what they send, each message as it is,
    /// unless the pending requests call it stale.
    Paired {
        /// Whose messages are noted under `Side::Left`.
        left: ConnectionId,
        /// Whose messages are noted under `Side::Right`.
        right: ConnectionId,
        /// To be shown each message, and to come back in `Parted`.
        pending: PendingRequests,
    },
    /// Stop both pumps, each between two messages; answer with `Parted`.
    Part,
    /// Read no more from it.
    Pause(ConnectionId),
    /// Ping it.
    Ping(ConnectionId),
    /// Read from it again.
    Resume(ConnectionId),
    /// Write this to it.
    Send {
        /// To which.
        id: ConnectionId,
        /// What.
        frame: Frame,
    },
}
