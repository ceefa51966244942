//! The laws of switch ports over noise, and the same noise twice.

use mistgate_tests::{bytes::noise, ports};

fn over_noise(name: &str, body: fn(&[u8]), seeds: u64, length: usize) {
    for seed in 0..seeds {
        let data = noise(seed, length);
        let held = std::panic::catch_unwind(|| body(&data));
        assert!(held.is_ok(), "{name}: the noise of seed {seed}, {length} bytes");
    }
}

#[test]
fn names() {
    over_noise("names", ports::names, 300, 200);
    for text in ["ge-0/0/1", "sw-1.branch", "set interfaces <port> mtu 9000", "ge-0/0/1.0\nx"] {
        ports::names(text.as_bytes());
    }
}

#[test]
fn one_port() {
    over_noise("port", ports::port, 500, 600);
}

#[test]
fn rules() {
    over_noise("governor", ports::governor, 300, 1_500);
}

#[test]
fn the_world_ends_well() {
    over_noise("world", ports::world, 300, 2_500);
}

#[test]
fn the_same_bytes_give_the_same_journal() {
    for seed in 0..10 {
        let data = noise(seed, 2_500);
        let journal = ports::world_journal(&data);
        assert!(journal.lines().count() > 100, "seed {seed}: {journal}");
        assert_eq!(journal, ports::world_journal(&data), "seed {seed}");
    }
}
