//! The budget of requests to Mist's API: 5,000 in an hour for each token, by all callers together
//! (`appliance/docs/vendors/mist.md` §7).

use alloc::vec::Vec;
use core::time::Duration;

use crate::base::{time::Instant, window::Pace, window::Window};

/// What Mist allows to one token.
pub const PER_HOUR: u32 = 5_000;
const HOUR: Duration = Duration::from_secs(3_600);
/// How long to wait after an answer 429 that does not say.
const HOLD: Duration = Duration::from_secs(60);

/// The memory of recent requests.
///
/// Mist counts by the hour of the clock. We count the last hour at every moment, which never allows
/// more. Urgent requests, such as changes, may use all of it. Questions may use two fifths at once,
/// are spread over the hour after that, and leave the last fifth to urgent requests.
#[derive(Clone, Debug)]
pub struct Budget {
    pace: Pace,
    held_until: Instant,
}

impl Default for Budget {
    fn default() -> Self {
        let pace = Pace::new(Vec::from([Window { count: PER_HOUR, per: HOUR }]));
        Self { pace, held_until: Instant::default() }
    }
}

impl Budget {
    /// When the next request is allowed; not after `now` if that is at once.
    pub fn ready_at(&self, now: Instant, is_urgent: bool) -> Instant {
        self.pace.ready_at(now, is_urgent).max(self.held_until)
    }

    /// Notes a request.
    pub fn note(&mut self, now: Instant) {
        self.pace.note(now);
    }

    /// Notes an answer 429, and says how long nothing is asked. Another program uses the token too.
    pub fn refused(&mut self, now: Instant, retry_after: Option<Duration>) -> Duration {
        // The count starts anew with every hour, so a longer wait is a mistake.
        let hold = retry_after.unwrap_or(HOLD).min(HOUR);
        self.held_until = self.held_until.max(now + hold);
        hold
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_leave_room_for_changes() {
        let mut budget = Budget::default();
        let start = Instant::from_secs(100);
        let (mut now, mut asked) = (start, 0);
        while now < start + HOUR {
            budget.note(now);
            asked += 1;
            now = budget.ready_at(now, false);
        }
        assert!((3_990..=4_000).contains(&asked), "{asked}");
        let end = start + Duration::from_secs(3_599);
        for _ in asked..PER_HOUR {
            assert_eq!(budget.ready_at(end, true), end);
            budget.note(end);
        }
        assert!(budget.ready_at(end, true) > end);
    }

    #[test]
    fn a_refusal_holds_everything_up_for_at_most_an_hour() {
        let mut budget = Budget::default();
        let now = Instant::from_secs(5);
        let secs = Duration::from_secs;
        assert_eq!(budget.refused(now, None), secs(60));
        assert_eq!(budget.ready_at(now, true), Instant::from_secs(65));
        assert_eq!(budget.refused(now, Some(secs(10))), secs(10));
        assert_eq!(budget.ready_at(now, true), Instant::from_secs(65));
        assert_eq!(budget.refused(now, Some(secs(90_000))), secs(3_600));
        assert_eq!(budget.ready_at(now, false), Instant::from_secs(3_605));
    }
}
