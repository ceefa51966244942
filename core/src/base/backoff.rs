//! How long to wait before the next attempt: exponential, capped, jittered.

use core::time::Duration;

use crate::base::rand::Rand;

/// A wait that doubles with each failure.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    /// The wait after the first failure.
    pub first: Duration,
    pub cap: Duration,
}

impl Backoff {
    /// From `first` to `cap` seconds.
    pub const fn secs(first: u64, cap: u64) -> Self {
        Self { first: Duration::from_secs(first), cap: Duration::from_secs(cap) }
    }

    /// The wait after failure number `attempt`, which counts from 1.
    pub fn wait(self, attempt: u32) -> Duration {
        let factor = 1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
        self.first.checked_mul(factor).map_or(self.cap, |wait| wait.min(self.cap))
    }

    /// Between half of [`wait`](Self::wait) and the whole of it, so that many devices that lost one
    /// network do not return in the same moment.
    pub fn jittered(self, attempt: u32, rand: &mut Rand) -> Duration {
        let half = self.wait(attempt) / 2;
        let micros = u64::try_from(half.as_micros()).unwrap_or(u64::MAX);
        half + Duration::from_micros(rand.up_to(micros))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_cap_and_never_below_half_of_their_step() {
        let mut rand = Rand::new(7);
        for (attempt, step) in [(1, 1), (2, 2), (5, 16), (9, 256), (10, 300), (u32::MAX, 300)] {
            let step = Duration::from_secs(step);
            for _ in 0..100 {
                let wait = Backoff::secs(1, 300).jittered(attempt, &mut rand);
                assert!(step / 2 <= wait && wait <= step, "attempt {attempt}: {wait:?}");
            }
        }
    }
}
