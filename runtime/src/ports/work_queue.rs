//! Work beside the task: a bounded number of items runs at a time, the others wait.

use std::collections::VecDeque;

/// The waiting are bounded by the plan: each access point has one question, each switch one change.
#[derive(Debug)]
pub(super) struct WorkQueue<T> {
    max: usize,
    running: usize,
    waiting: VecDeque<T>,
}

impl<T> WorkQueue<T> {
    pub(super) const fn new(max: usize) -> Self {
        Self { max, running: 0, waiting: VecDeque::new() }
    }

    pub(super) const fn set_max(&mut self, max: usize) {
        self.max = max;
    }

    pub(super) fn push(&mut self, work: T) {
        self.waiting.push_back(work);
    }

    /// Takes the next that may run. Its end must be noted with [`done`](Self::done).
    pub(super) fn next(&mut self) -> Option<T> {
        if self.running >= self.max {
            return None;
        }
        let next = self.waiting.pop_front()?;
        self.running += 1;
        Some(next)
    }

    pub(super) const fn done(&mut self) {
        self.running -= 1;
    }

    /// Forgets what waits.
    pub(super) fn clear(&mut self) {
        self.waiting.clear();
    }

    /// Whether nothing runs.
    pub(super) const fn is_quiet(&self) -> bool {
        self.running == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_run_than_may() {
        let mut lane = WorkQueue::new(2);
        for work in 1..=4 {
            lane.push(work);
        }
        assert_eq!([lane.next(), lane.next(), lane.next()], [Some(1), Some(2), None]);
        lane.done();
        assert_eq!([lane.next(), lane.next()], [Some(3), None]);
        lane.set_max(3);
        assert_eq!([lane.next(), lane.next()], [Some(4), None]);
        for _ in 0..3 {
            assert!(!lane.is_quiet());
            lane.done();
        }
        assert!(lane.is_quiet());
    }
}
