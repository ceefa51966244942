//! Storms in the world over many seeds. A failure prints its seed, which then belongs into
//! `regressions`.
//!
//! `MISTGATE_SEEDS=100000` runs more of them (`tests/bench/storms`).

use mistgate_tests::base::bytes::noise;
use mistgate_tests::world;

use crate::base::threads::{on_all_threads, seeds};

/// As many seeds as a developer has time for.
const SEEDS: u64 = 300;

#[test]
fn after_each_storm_everybody_knows_how_things_are() {
    let seeds = seeds(SEEDS);
    let name = |seed: &u64| format!("the storms of seed {seed}");
    let lived = on_all_threads(&seeds, name, |seed| {
        let length = usize::try_from(10 + seed * 7 % 90).expect("a length");
        let journal = world::storms(&noise(*seed, length));
        let told = journal.text.lines().filter(|line| line.contains(" tells #")).count();
        (told, journal.crashes)
    });
    let told: usize = lived.iter().map(|(told, _)| told).sum();
    let crashes: usize = lived.iter().map(|(_, crashes)| crashes).sum();
    // With fewer messages the test would prove little.
    assert!(told > 2_000, "only {told} messages");
    assert!(crashes > 20, "only {crashes} crashes");
}
