//! Whether a connection is alive.
//!
//! ```text
//!              partner full               own writes stand still
//! Suspended <───────────────> Listening <────────────────────────> Blocked
//!  no clock                    ping_at, answer_by                   drain_by
//! ```
//!
//! We ping at fixed intervals, and anything that is heard counts as the answer, so a busy peer is
//! not cut for a late pong. Nothing can be heard from a connection that we do not read, because its
//! partner takes no more: its clock stands still, bounded by the partner's own. A peer that takes
//! nothing cannot be pinged; it must go on reading, or be heard, within the time that a silent one
//! has.

use core::time::Duration;

use crate::base::time::Instant;

/// How often to ping, and how long to wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timing {
    pub(super) interval: Duration,
    pub(super) timeout: Duration,
}

impl Timing {
    /// How long a peer may be silent.
    pub(super) fn silence_max(self) -> Duration {
        self.interval + self.timeout
    }
}

/// What can be known of a connection just now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    /// It takes no more of what we write.
    Blocked,
    /// It is read and written.
    Open,
    /// It is not read.
    Unread,
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Nothing.
    None,
    /// A ping.
    Ping,
    /// It took nothing for too long.
    Stalled,
    /// It did not answer.
    Unanswered,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Keepalive {
    Blocked { drain_by: Instant },
    Listening { ping_at: Instant, answer_by: Option<Instant> },
    Suspended,
}

impl Keepalive {
    pub(super) fn new(now: Instant, timing: Timing) -> Self {
        Self::Listening { ping_at: now + timing.interval, answer_by: None }
    }

    /// Something came from it.
    pub(super) fn heard(&mut self, now: Instant, timing: Timing) {
        match self {
            Self::Blocked { drain_by } => *drain_by = now + timing.silence_max(),
            Self::Listening { answer_by, .. } => *answer_by = None,
            Self::Suspended => {}
        }
    }

    /// Adapts to a condition, which may be the same as before.
    pub(super) fn adapt(&mut self, now: Instant, condition: Condition, timing: Timing) {
        match (condition, &self) {
            (Condition::Blocked, Self::Blocked { .. })
            | (Condition::Open, Self::Listening { .. })
            | (Condition::Unread, Self::Suspended) => {}
            (Condition::Blocked, _) => {
                *self = Self::Blocked { drain_by: now + timing.silence_max() };
            }
            (Condition::Open, _) => *self = Self::new(now, timing),
            (Condition::Unread, _) => *self = Self::Suspended,
        }
    }

    /// Takes what is due at `now`.
    pub(super) fn take_due(&mut self, now: Instant, timing: Timing) -> Due {
        match self {
            Self::Blocked { drain_by } if *drain_by <= now => Due::Stalled,
            Self::Listening { answer_by: Some(at), .. } if *at <= now => Due::Unanswered,
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
