//! Waiting by polling, where no event tells that something has happened.

use std::thread;
use std::time::{Duration, Instant};

const EVERY: Duration = Duration::from_millis(10);

/// Polls until `find` finds something. Panics with `state` after `limit`.
#[track_caller]
pub(crate) fn find_within<T>(
    limit: Duration,
    find: impl Fn() -> Option<T>,
    state: impl Fn() -> String,
) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = find() {
            return found;
        }
        assert!(began.elapsed() < limit, "not within {limit:?}: {}", state());
        thread::sleep(EVERY);
    }
}

/// Polls until `holds`. Panics with `state` after `limit`.
#[track_caller]
pub(crate) fn within(limit: Duration, holds: impl Fn() -> bool, state: impl Fn() -> String) {
    find_within(limit, || holds().then_some(()), state);
}
