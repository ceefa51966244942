//! What the engine hands to a queue.

use alloc::vec::Vec;
use core::time::Duration;

use crate::base::{time::Instant, window::Window};
use crate::{chat::outcome::Outcome, delivery::batch::EventKey, notify::Severity};

/// Policy of a [`Queue`](super::Queue).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// The windows of the vendor's budget; empty for no limit.
    pub pace: Vec<Window>,
    /// The most events that wait.
    pub queue_max: usize,
    /// What waits is merged if the pace could not send it one by one in this time.
    pub digest_after: Duration,
}

/// One waiting event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    pub key: EventKey,
    /// The highest goes first.
    pub severity: Severity,
    /// When this run accepted it; `None` for an event that an earlier run left.
    pub accepted_at: Option<Instant>,
    /// When the event is given up.
    pub expires_at: Instant,
}

/// What happened outside.
#[derive(Clone, Debug)]
pub enum Input {
    /// The outcome of a `Send`.
    Answered {
        /// The number of the `Send`.
        id: u64,
        outcome: Outcome,
        /// Whether it was about incidents and can be told in parts.
        is_divisible: bool,
    },
    /// The configuration was read again.
    Configured(Config),
    Enqueue(Entry),
    /// Whether incidents can be told now, and the severity of the worst.
    Incidents(Option<Severity>),
    /// The store that held all that waits was damaged. What is on its way may still arrive.
    Lost,
    /// There was nothing to send, so nothing was.
    Withdrawn {
        /// The number of the `Send`.
        id: u64,
    },
}
