//! The world over many seeds. A failure prints its seed, which then belongs into `regressions`.

use mistgate_tests::base::bytes::noise;
use mistgate_tests::world;
use mistgate_tests::world::Journal;

use crate::base::threads::on_all_threads;

/// As many seeds as a developer has time for.
const SEEDS: u64 = 300;

/// Runs the world of a seed.
pub(crate) fn of_seed(seed: u64) -> Journal {
    let length = usize::try_from(100 + seed * 7 % 300).expect("a length");
    world::run(&noise(seed, length))
}

#[test]
fn whatever_happens_all_is_settled() {
    let seeds: Vec<u64> = (0..SEEDS).collect();
    let name = |seed: &u64| format!("the world of seed {seed}");
    let lived = on_all_threads(&seeds, name, |seed| {
        let Journal { seen, dropped, crashes, .. } = of_seed(*seed);
        (seen, dropped, crashes)
    });
    let (seen, dropped, crashes) =
        lived.into_iter().fold((0, 0, 0), |sum, (seen, dropped, crashes)| {
            (sum.0 + seen, sum.1 + dropped, sum.2 + crashes)
        });
    // With fewer messages the test would prove little.
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
