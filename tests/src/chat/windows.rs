//! A reference for pacing: checks each send to a destination against every window.

use std::collections::VecDeque;

use mistgate_core::base::{time::Instant, window::Window};

/// The sends since the windows were last changed.
#[derive(Clone, Debug)]
pub struct Windows {
    windows: Vec<Window>,
    sent: VecDeque<Instant>,
}

impl Windows {
    /// Windows without any sends.
    pub const fn new(windows: Vec<Window>) -> Self {
        Self { windows, sent: VecDeque::new() }
    }

    /// Uses these windows from now on. A window that is as before keeps the sends that it counted.
    pub fn replace(&mut self, windows: Vec<Window>) {
        if windows != self.windows {
            *self = Self::new(windows);
        }
    }

    /// Counts a send of the past, when other windows may have been in effect.
    pub fn recall(&mut self, at: Instant) {
        self.sent.push_back(at);
    }

    /// Counts a send, and checks that the windows allow it.
    pub fn sent(&mut self, now: Instant) {
        self.sent.push_back(now);
        let longest = self.windows.iter().map(|window| window.per).max().unwrap_or_default();
        while self.sent.front().is_some_and(|&at| at + longest <= now) {
            self.sent.pop_front();
        }
        for window in &self.windows {
            let inside = self.sent.len() - self.sent.partition_point(|&at| at + window.per <= now);
            let most = usize::try_from(window.count).expect("a small number");
            assert!(inside <= most, "{inside} sends in {:?} instead of {most}", window.per);
        }
    }
}
