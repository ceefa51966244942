//! Outages of ours over many seeds. A failure prints its seed, which then belongs into
//! `regressions`.
//!
//! `MISTGATE_SEEDS=100000` runs more of them.

use mistgate_tests::base::bytes::noise;
use mistgate_tests::laws::outages;

use crate::base::threads::{on_all_threads, seeds};

/// As many seeds as a developer has time for.
const SEEDS: u64 = 300;

#[test]
fn what_happened_during_an_outage_is_told_once() {
    let seeds = seeds(SEEDS);
    let name = |seed: &u64| format!("the outages of seed {seed}");
    let lived = on_all_threads(&seeds, name, |seed| {
        let length = usize::try_from(20 + seed * 7 % 200).expect("a length");
        outages::run(&noise(*seed, length))
    });
    let sum = |of: fn(&outages::Counts) -> usize| lived.iter().map(of).sum::<usize>();
    // With less of each the test would prove little.
    let counts = [
        ("outages", sum(|counts| counts.outages)),
        ("told", sum(|counts| counts.told)),
        ("fetched", sum(|counts| counts.fetched)),
        ("folded", sum(|counts| counts.folded)),
        ("duplicates", sum(|counts| counts.duplicates)),
    ];
    for (what, count) in counts {
        assert!(count > 100, "only {count} {what}: {counts:?}");
    }
}
