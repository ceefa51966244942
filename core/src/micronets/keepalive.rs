//! Whether a connection is alive.
//!
//! ```text
//!            reader is full                our writes are stuck
//! Suspended <───────────────> Listening <───────────────────────> Blocked
//!  no clock                    ping_at, answer_by                  drain_by
//! ```
//!
//! A ping goes out at fixed intervals. Anything that the peer sends counts as its answer, so a busy
//! peer is not cut off for a late pong. A connection that is not read, because its partner takes no
//! more, cannot show life: its clock stands still, and the partner's own clock bounds that. A peer
//! that takes nothing cannot be pinged: it must take something, or send something, within
//! `Timing::silence_max`.

use core::{mem, time::Duration};

use super::close_reason::CloseReason;
use crate::base::time::Instant;

/// How often to ping, and how long to wait for a sign of life. Neither may be zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// From one ping to the next (default 10s).
    pub interval: Duration,
    /// From a ping to a sign of life (default 10s).
    pub timeout: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self { interval: Duration::from_secs(10), timeout: Duration::from_secs(10) }
    }
}

impl Timing {
    /// How long a peer may be silent.
    pub(super) fn silence_max(self) -> Duration {
        self.interval + self.timeout
    }
}

/// What a connection's clock asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    None,
    Ping,
    /// Close it: it took nothing for too long, or did not answer a ping.
    Close(CloseReason),
}

/// The clock of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) enum Keepalive {
    Blocked {
        drain_by: Instant,
    },
    Listening {
        ping_at: Instant,
        answer_by: Option<Instant>,
    },
    /// The connection is not read.
    Suspended,
}

impl Keepalive {
    /// For a connection that is read and written.
    pub(super) fn new(now: Instant, timing: Timing) -> Self {
        Self::Listening { ping_at: now + timing.interval, answer_by: None }
    }

    /// For a connection that takes no more of what we write.
    pub(super) fn blocked(now: Instant, timing: Timing) -> Self {
        Self::Blocked { drain_by: now + timing.silence_max() }
    }

    /// Notes a sign of life.
    pub(super) fn note_activity(&mut self, now: Instant, timing: Timing) {
        match self {
            Self::Blocked { .. } => *self = Self::blocked(now, timing),
            Self::Listening { answer_by, .. } => *answer_by = None,
            Self::Suspended => {}
        }
    }

    /// Changes to `other`, unless it is of that kind already.
    pub(super) fn adapt(&mut self, other: Self) {
        if mem::discriminant(self) != mem::discriminant(&other) {
            *self = other;
        }
    }

    /// What is due at `now`. A ping that is due counts as sent.
    pub(super) fn take_due(&mut self, now: Instant, timing: Timing) -> Due {
        match self {
            Self::Blocked { drain_by } if *drain_by <= now => {
                Due::Close(CloseReason::Stalled { after: timing.silence_max() })
            }
            Self::Listening { answer_by: Some(at), .. } if *at <= now => {
                Due::Close(CloseReason::Unanswered { after: timing.timeout })
            }
            Self::Listening { ping_at, answer_by } if *ping_at <= now => {
                *ping_at = now + timing.interval;
                answer_by.get_or_insert(now + timing.timeout);
                Due::Ping
            }
            Self::Blocked { .. } | Self::Listening { .. } | Self::Suspended => Due::None,
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match *self {
            Self::Blocked { drain_by } => Some(drain_by),
            Self::Listening { ping_at, answer_by } => {
                Some(answer_by.map_or(ping_at, |at| at.min(ping_at)))
            }
            Self::Suspended => None,
        }
    }
}
