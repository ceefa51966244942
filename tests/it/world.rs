//! The world over many seeds. A failure names its seed, which then belongs into `regressions`.

use std::{
    panic::catch_unwind,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use mistgate_tests::{
    bytes::noise,
    world::{self, Journal},
};

/// How many seeds, in the time that a developer waits.
const SEEDS: u64 = 300;

/// What the world of a seed came to.
pub(crate) fn of_seed(seed: u64) -> Journal {
    let length = usize::try_from(100 + seed * 7 % 300).expect("a length");
    world::run(&noise(seed, length))
}

#[test]
fn whatever_happens_all_is_settled() {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicU64::new(0);
    let live = || {
        let (mut seen, mut dropped, mut crashes) = (0, 0, 0);
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= SEEDS {
                return (seen, dropped, crashes);
            }
            let lived = catch_unwind(|| of_seed(seed));
            let journal = lived.unwrap_or_else(|_| panic!("the world of seed {seed}"));
            seen += journal.seen;
            dropped += journal.dropped;
            crashes += journal.crashes;
        }
    };
    let (seen, dropped, crashes) = thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(live)).collect();
        threads.into_iter().fold((0, 0, 0), |sum, thread| {
            let (seen, dropped, crashes) = thread.join().expect("each world holds");
            (sum.0 + seen, sum.1 + dropped, sum.2 + crashes)
        })
    });
    // Otherwise little happened, and nothing was shown.
    assert!(seen > 10_000, "only {seen} messages");
    assert!(dropped > 1_000, "only {dropped} events dropped");
    assert!(crashes > 100, "only {crashes} crashes");
}

#[test]
fn the_same_seed_gives_the_same_journal() {
    for seed in 0..10 {
        let (first, second) = (of_seed(seed), of_seed(seed));
        assert!(first.text.lines().count() > 50, "a journal of {} bytes", first.text.len());
        assert!(first == second, "the journals of seed {seed} differ");
    }
}
