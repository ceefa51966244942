//! How fast a destination may be written to: every published window of its vendor at once.
//!
//! A window of `n` per `d` means that no span of length `d` holds more than `n` sends. A token
//! bucket of capacity `n` would let nearly `2n` through, so the moments of the last sends are kept.

use alloc::{collections::VecDeque, vec::Vec};
use core::time::Duration;

use crate::time::Instant;

/// At most `count` sends in any span of length `per`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// How many; at least 1.
    pub count: u32,
    /// The span.
    pub per: Duration,
}

impl Window {
    /// `count` sends per `secs` seconds.
    pub const fn per_secs(count: u32, secs: u64) -> Self {
        Self { count, per: Duration::from_secs(secs) }
    }
}

/// Slack: one message per second and webhook (docs.slack.dev, "Rate limits").
pub const SLACK: &[Window] = &[Window::per_secs(1, 1)];
/// Google Chat: 60 writes per minute and space, webhooks included (developers.google.com, "Usage
/// limits"), spread evenly because the space is shared with other apps.
pub const GOOGLE: &[Window] = &[Window::per_secs(1, 1), Window::per_secs(60, 60)];
/// Teams: the windows that Microsoft publishes for a channel (learn.microsoft.com, "Rate limiting
/// for connectors").
pub const TEAMS: &[Window] = &[
    Window::per_secs(4, 1),
    Window::per_secs(60, 30),
    Window::per_secs(100, 3_600),
    Window::per_secs(150, 7_200),
    Window::per_secs(1_800, 86_400),
];

/// The memory of recent sends.
#[derive(Clone, Debug)]
pub struct Pace {
    windows: Vec<Window>,
    sent: VecDeque<Instant>,
}

impl Pace {
    /// Nothing sent yet. No windows: no limit.
    pub const fn new(windows: Vec<Window>) -> Self {
        Self { windows, sent: VecDeque::new() }
    }

    /// Replaces the windows; what was sent is remembered.
    pub fn set_windows(&mut self, windows: Vec<Window>) {
        self.windows = windows;
    }

    /// When the next send is allowed; not after `now` where it is allowed at once.
    pub fn ready_at(&self, now: Instant) -> Instant {
        self.windows.iter().fold(now, |ready_at, window| {
            let count = usize::try_from(window.count.max(1)).unwrap_or(usize::MAX);
            match self.sent.len().checked_sub(count).and_then(|nth| self.sent.get(nth)) {
                Some(&sent_at) => ready_at.max(sent_at + window.per),
                None => ready_at,
            }
        })
    }

    /// Notes a send.
    pub fn note(&mut self, now: Instant) {
        let keep = self.windows.iter().map(|window| window.count.max(1)).max().unwrap_or(0);
        self.sent.push_back(now);
        while self.sent.len() > usize::try_from(keep).unwrap_or(usize::MAX) {
            self.sent.pop_front();
        }
    }

    /// How many sends the windows allow between `now` and `now + horizon`; `None` without windows.
    pub fn budget(&self, now: Instant, horizon: Duration) -> Option<usize> {
        self.windows.iter().map(|window| self.window_budget(window, now, horizon)).min()
    }

    fn window_budget(&self, window: &Window, now: Instant, horizon: Duration) -> usize {
        let count = usize::try_from(window.count.max(1)).unwrap_or(usize::MAX);
        let spans = horizon.as_micros() / window.per.as_micros().max(1);
        if spans > 0 {
            return count.saturating_mul(usize::try_from(spans).unwrap_or(usize::MAX));
        }
        // Within one span: what is free now, and what becomes free before the horizon ends.
        let still_counted = |sent_at: &&Instant| **sent_at + window.per > now + horizon;
        count.saturating_sub(self.sent.iter().filter(still_counted).count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_span_holds_more_than_its_window_allows() {
        let windows = [Window::per_secs(2, 1), Window::per_secs(5, 10)];
        let mut pace = Pace::new(windows.to_vec());
        let mut now = Instant::from_secs(100);
        let mut sent = Vec::new();
        for _ in 0..50 {
            now = pace.ready_at(now);
            pace.note(now);
            sent.push(now);
        }
        for window in windows {
            for (i, &start) in sent.iter().enumerate() {
                let inside = sent.iter().skip(i).filter(|&&at| at < start + window.per).count();
                assert!(inside <= window.count as usize, "{inside} sends in {:?}", window.per);
            }
        }
        assert_eq!(
            sent.last().map(|&at| at - Instant::from_secs(100)),
            Some(Duration::from_secs(92))
        );
    }

    #[test]
    fn the_budget_is_what_the_tightest_window_leaves() {
        let mut pace = Pace::new(TEAMS.to_vec());
        let start = Instant::from_secs(1);
        assert_eq!(pace.budget(start, Duration::from_secs(30)), Some(60));
        for _ in 0..95 {
            pace.note(start);
        }
        assert_eq!(pace.budget(start + Duration::from_secs(60), Duration::from_secs(30)), Some(5));
        assert_eq!(Pace::new(Vec::new()).budget(start, Duration::from_secs(30)), None);
    }
}
