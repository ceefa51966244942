//! Runs many small jobs on all processors.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// The seeds from 0: as many as `MISTGATE_SEEDS` says, else `count`.
pub(crate) fn seeds(count: u64) -> Vec<u64> {
    let wished = std::env::var("MISTGATE_SEEDS").map(|seeds| seeds.parse().expect("a number"));
    (0..wished.unwrap_or(count)).collect()
}

/// Runs `body` on each of `inputs`, on one thread per processor, and gives the results in no order.
/// Panics with the `name` of each input whose run panicked.
pub(crate) fn on_all_threads<I: Sync, T: Send>(
    inputs: &[I],
    name: impl Fn(&I) -> String + Sync,
    body: impl Fn(&I) -> T + Sync,
) -> Vec<T> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicUsize::new(0);
    let work = || {
        let mut ends = Vec::new();
        while let Some(input) = inputs.get(next.fetch_add(1, Ordering::Relaxed)) {
            // After a panic nothing uses the state that it may have left broken.
            let end = catch_unwind(AssertUnwindSafe(|| body(input)));
            ends.push(end.map_err(|_| name(input)));
        }
        ends
    };
    let ends: Vec<Result<T, String>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let joined = threads.into_iter().map(|thread| thread.join().expect("panics are caught"));
        joined.flatten().collect()
    });
    let (mut made, mut broken) = (Vec::new(), Vec::new());
    for end in ends {
        match end {
            Ok(end) => made.push(end),
            Err(name) => broken.push(name),
        }
    }
    assert!(broken.is_empty(), "these do not hold, see above for why:\n{}", broken.join("\n"));
    made
}
