//! The connection to the proxy, one at a time.

use crate::{base::time::Instant, micronets::keepalive::Keepalive, micronets::keepalive::Timing};

use super::input::LinkId;

/// How far the connection has come.
#[derive(Debug, Default)]
pub(super) enum Link {
    /// Our close frame is sent.
    Closing {
        id: LinkId,
        hang_up_at: Instant,
    },
    Connecting {
        id: LinkId,
        give_up_at: Instant,
    },
    /// Lost, until the next attempt.
    Down {
        retry_at: Instant,
    },
    #[default]
    Ended,
    /// Upgraded, and our hello is sent.
    Open(Open),
}

/// An upgraded connection.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) id: LinkId,
    pub(super) since: Instant,
    pub(super) keepalive: Keepalive,
    /// Whether the partner has said hello.
    pub(super) is_introduced: bool,
    /// Bytes of messages that the system has not taken yet.
    pub(super) unsent: usize,
    /// Whether reading is paused.
    pub(super) is_paused: bool,
}

impl Open {
    pub(super) fn new(id: LinkId, now: Instant, timing: Timing) -> Self {
        Self {
            id,
            since: now,
            keepalive: Keepalive::new(now, timing),
            is_introduced: false,
            unsent: 0,
            is_paused: false,
        }
    }

    /// Pauses or resumes reading; true if that is a change.
    pub(super) fn pause(&mut self, now: Instant, is_paused: bool, timing: Timing) -> bool {
        // The proxy shows life by taking bytes, because nothing it sends is read.
        let keepalive = if is_paused { Keepalive::blocked } else { Keepalive::new };
        self.keepalive.adapt(keepalive(now, timing));
        core::mem::replace(&mut self.is_paused, is_paused) != is_paused
    }
}

impl Link {
    /// The connection with that id, if it is open.
    pub(super) fn open(&mut self, id: LinkId) -> Option<&mut Open> {
        if let Self::Open(open) = self { Some(open).filter(|open| open.id == id) } else { None }
    }

    /// Whether there is a connection, or an attempt, with that id.
    pub(super) const fn is(&self, name: LinkId) -> bool {
        match self {
            Self::Closing { id, .. }
            | Self::Connecting { id, .. }
            | Self::Open(Open { id, .. }) => *id == name,
            Self::Down { .. } | Self::Ended => false,
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Self::Closing { hang_up_at: at, .. }
            | Self::Connecting { give_up_at: at, .. }
            | Self::Down { retry_at: at } => Some(*at),
            Self::Ended => None,
            Self::Open(open) => open.keepalive.poll_timeout(),
        }
    }
}
