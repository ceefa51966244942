//! How long to wait before the next attempt: exponential, capped, jittered.

use core::time::Duration;

use crate::base::rand::Rand;

/// The wait after the first failure.
const FIRST: Duration = Duration::from_secs(1);
/// The cap that doubling runs into.
const CAP: Duration = Duration::from_secs(300);

/// The wait after failure number `attempt` (from 1): between half of and the whole of `FIRST`
/// doubled with each failure, so that many devices that lost one network do not return as one.
pub fn after(attempt: u32, rand: &mut Rand) -> Duration {
    jittered(doubled(FIRST, CAP, attempt), rand)
}

/// `first` doubled with each attempt after the first, up to `cap`.
pub fn doubled(first: Duration, cap: Duration, attempt: u32) -> Duration {
    let factor = 1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
    first.checked_mul(factor).map_or(cap, |wait| wait.min(cap))
}

/// Between half of `wait` and the whole of it.
pub fn jittered(wait: Duration, rand: &mut Rand) -> Duration {
    let half = wait / 2;
    half + Duration::from_micros(rand.up_to(u64::try_from(half.as_micros()).unwrap_or(u64::MAX)))
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
                let wait = after(attempt, &mut rand);
                assert!(step / 2 <= wait && wait <= step, "attempt {attempt}: {wait:?}");
            }
        }
    }
}
