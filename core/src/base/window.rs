//! Sliding windows: how often something may be done, all published windows at once.
//!
//! A window of `n` per `d` means that no span of length `d` holds more than `n` events. A token
//! bucket of capacity `n` would let nearly `2n` through, so the moments of the last ones are kept.
//! Messages to a destination, changes of ports and requests to an API are counted this way.

use alloc::{collections::VecDeque, vec::Vec};
use core::time::Duration;

use crate::base::time::Instant;

/// At most `count` events in any span of length `per`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// At least 1.
    pub count: u32,
    pub per: Duration,
}

impl Window {
    /// `count` events per `secs` seconds.
    pub const fn per_secs(count: u32, secs: u64) -> Self {
        Self { count, per: Duration::from_secs(secs) }
    }

    /// Whether an exhausted window would stop everything for minutes.
    const fn is_long(&self) -> bool {
        self.per.as_secs() >= 600 && self.count >= 5
    }

    /// How many of a long window may come at once: two fifths.
    const fn burst(&self) -> u32 {
        self.count / 5 * 2
    }

    /// The distance that spreads as many again over a long window.
    fn spacing(&self) -> Duration {
        self.per / self.burst().max(1)
    }
}

/// Windows and the moments of the last events.
#[derive(Clone, Debug, Default)]
pub struct Pace {
    windows: Vec<Window>,
    events: VecDeque<Instant>,
}

impl Pace {
    /// Without windows there is no limit.
    pub const fn new(windows: Vec<Window>) -> Self {
        Self { windows, events: VecDeque::new() }
    }

    /// Replaces the windows and keeps the moments.
    pub fn set_windows(&mut self, windows: Vec<Window>) {
        self.windows = windows;
    }

    /// When the next event is allowed; at or before `now` means at once. Only urgent events may use
    /// all of a long window. Of the others, two fifths of it may come at once, two more are spread
    /// over it, and the last fifth is left to urgent ones.
    pub fn ready_at(&self, now: Instant, urgent: bool) -> Instant {
        self.windows.iter().fold(now, |ready_at, window| {
            let mut free_at = self.free_at(window.count, window.per);
            if !urgent && window.is_long() {
                let Some(&last_at) = self.events.back() else { return ready_at };
                let spread_at = self.free_at(window.burst(), window.per);
                free_at = free_at
                    .max(self.free_at(window.burst() * 2, window.per))
                    .max(spread_at.min(last_at + window.spacing()));
            }
            ready_at.max(free_at)
        })
    }

    /// When fewer than `count` events will lie within the last `per`.
    fn free_at(&self, count: u32, per: Duration) -> Instant {
        let count = usize::try_from(count.max(1)).unwrap_or(usize::MAX);
        let nth = self.events.len().checked_sub(count).and_then(|nth| self.events.get(nth));
        nth.map_or(Instant::default(), |&event_at| event_at + per)
    }

    /// Whether no event counts any more, so that this value may be dropped.
    pub fn is_idle(&self, now: Instant) -> bool {
        let longest = self.windows.iter().map(|window| window.per).max().unwrap_or_default();
        self.events.back().is_none_or(|&event_at| event_at + longest <= now)
    }

    /// Counts an event at `now`.
    pub fn note(&mut self, now: Instant) {
        let keep = self.windows.iter().map(|window| window.count.max(1)).max().unwrap_or(0);
        self.events.push_back(now);
        while self.events.len() > usize::try_from(keep).unwrap_or(usize::MAX) {
            self.events.pop_front();
        }
    }

    /// How many events the windows allow from `now` to `now + horizon`; `None` without windows.
    pub fn budget(&self, now: Instant, horizon: Duration, urgent: bool) -> Option<usize> {
        let budget = |window: &Window| self.window_budget(window, now, horizon, urgent);
        self.windows.iter().map(budget).min()
    }

    fn window_budget(
        &self,
        window: &Window,
        now: Instant,
        horizon: Duration,
        urgent: bool,
    ) -> usize {
        let spread = !urgent && window.is_long();
        let count = if spread { window.burst() } else { window.count.max(1) };
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let spans = horizon.as_micros() / window.per.as_micros().max(1);
        if spans > 0 {
            return count.saturating_mul(usize::try_from(spans).unwrap_or(usize::MAX));
        }
        // The horizon is shorter than the span: what is free when it ends.
        let still_counted = |event_at: &&Instant| **event_at + window.per > now + horizon;
        count.saturating_sub(self.events.iter().filter(still_counted).count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn windows() -> Vec<Window> {
        let windows = [(4, 1), (60, 30), (100, 3_600), (150, 7_200), (1_800, 86_400)];
        windows.map(|(count, secs)| Window::per_secs(count, secs)).to_vec()
    }

    #[test]
    fn no_span_holds_more_than_its_window_allows() {
        let windows = [Window::per_secs(2, 1), Window::per_secs(5, 10)];
        let mut pace = Pace::new(windows.to_vec());
        let mut now = Instant::from_secs(100);
        let mut sent = Vec::new();
        for _ in 0..50 {
            now = pace.ready_at(now, false);
            pace.note(now);
            sent.push(now);
        }
        for window in windows {
            for (i, &start) in sent.iter().enumerate() {
                let inside = sent.iter().skip(i).filter(|&&at| at < start + window.per).count();
                assert!(inside <= window.count as usize, "{inside} sends in {:?}", window.per);
            }
        }
        let last = sent.last().copied().unwrap_or_default();
        assert!(!pace.is_idle(last + Duration::from_micros(9_999_999)));
        assert!(pace.is_idle(last + Duration::from_secs(10)));
        let took = sent.last().map(|&at| at - Instant::from_secs(100));
        assert_eq!(took, Some(Duration::from_secs(92)));
    }

    #[test]
    fn the_budget_is_what_the_tightest_window_leaves() {
        let mut pace = Pace::new(windows());
        let start = Instant::from_secs(1);
        let horizon = Duration::from_secs(30);
        assert_eq!(pace.budget(start, horizon, true), Some(60));
        assert_eq!(pace.budget(start, horizon, false), Some(40));
        for _ in 0..35 {
            pace.note(start);
        }
        let later = start + Duration::from_secs(60);
        assert_eq!(pace.budget(later, horizon, true), Some(60));
        assert_eq!(pace.budget(later, horizon, false), Some(5));
        assert_eq!(Pace::new(Vec::new()).budget(start, horizon, false), None);
    }

    #[test]
    fn a_storm_leaves_the_last_fifth_of_an_hour_to_what_is_urgent() {
        let mut pace = Pace::new(windows());
        let start = Instant::from_secs(100);
        let mut now = start;
        let mut sent = Vec::new();
        while now < start + Duration::from_secs(3_600) {
            pace.note(now);
            sent.push(now - start);
            now = pace.ready_at(now, false);
        }
        // 40 at once, 20 every 90 s, and then the two-hour window wants 120 s between them.
        assert_eq!(sent.len(), 74);
        let minute = |minutes: u64| Duration::from_secs(60 * minutes);
        assert_eq!(sent.iter().filter(|&&at| at < minute(1)).count(), 40);
        let last_minute = start + minute(59);
        for _ in 0..20 {
            let at = pace.ready_at(last_minute, true);
            assert!(at < last_minute + minute(1), "{at:?}");
            pace.note(at);
        }
    }
}
