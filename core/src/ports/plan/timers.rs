//! The deadlines of many machines, the earliest first.

use alloc::collections::{BTreeMap, BTreeSet};

use crate::base::time::Instant;

/// Deadlines by key.
#[derive(Debug)]
pub(super) struct Timers<K> {
    by_key: BTreeMap<K, Instant>,
    by_time: BTreeSet<(Instant, K)>,
}

impl<K: Copy + Ord> Timers<K> {
    pub(super) const fn new() -> Self {
        Self { by_key: BTreeMap::new(), by_time: BTreeSet::new() }
    }

    /// Sets or clears the deadline of a key.
    pub(super) fn set(&mut self, key: K, at: Option<Instant>) {
        let before = match at {
            Some(at) => self.by_key.insert(key, at),
            None => self.by_key.remove(&key),
        };
        if before == at {
            return;
        }
        if let Some(before) = before {
            self.by_time.remove(&(before, key));
        }
        if let Some(at) = at {
            self.by_time.insert((at, key));
        }
    }

    /// The earliest deadline.
    pub(super) fn next_at(&self) -> Option<Instant> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// Removes and returns the key with the earliest deadline that has passed.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<K> {
        let (at, key) = *self.by_time.first()?;
        if at > now {
            return None;
        }
        self.set(key, None);
        Some(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_comes_first_and_a_later_word_counts() {
        let mut timers = Timers::new();
        timers.set('a', Some(Instant::from_secs(3)));
        timers.set('b', Some(Instant::from_secs(2)));
        timers.set('c', Some(Instant::from_secs(1)));
        timers.set('c', None);
        timers.set('a', Some(Instant::from_secs(1)));
        assert_eq!(timers.next_at(), Some(Instant::from_secs(1)));
        assert_eq!(timers.take_due(Instant::from_secs(0)), None);
        assert_eq!(timers.take_due(Instant::from_secs(9)), Some('a'));
        assert_eq!(timers.take_due(Instant::from_secs(9)), Some('b'));
        assert_eq!(timers.take_due(Instant::from_secs(9)), None);
        assert_eq!(timers.next_at(), None);
    }
}
