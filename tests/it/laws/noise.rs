//! The laws on random bytes: many seeds for each machine and codec.

use mistgate_tests::{base::bytes::noise, laws, targets};

/// Runs a target on random bytes of many lengths, most of them long enough to fill a queue.
fn over_noise(name: &str, seeds: u64) {
    let (_, body) = targets::ALL.iter().find(|(known, _)| *known == name).expect("a target");
    for seed in 0..seeds {
        let length = usize::try_from(seed * 37 % 4_000).expect("a length");
        let data = noise(seed, length);
        let held = std::panic::catch_unwind(|| body(&data));
        assert!(held.is_ok(), "{name}: the noise of seed {seed}, {length} bytes");
    }
}

#[test]
fn batches() {
    over_noise("batch", 300);
}

#[test]
fn configurations() {
    over_noise("config", 300);
}

#[test]
fn engines() {
    over_noise("engine", 60);
}

#[test]
fn envelopes() {
    over_noise("envelope", 300);
}

#[test]
fn feeds() {
    over_noise("feed", 100);
}

#[test]
fn inboxes() {
    over_noise("inbox", 300);
}

#[test]
fn incidents() {
    over_noise("incidents", 40);
}

#[test]
fn peers() {
    for seed in 0..300 {
        let length = usize::try_from(seed * 37 % 4_000).expect("a length");
        laws::machine::<laws::peer::Surroundings>(&noise(seed, length));
    }
}

#[test]
fn visits() {
    over_noise("junos_visit", 100);
    over_noise("known_hosts", 300);
}

#[test]
fn netconf() {
    over_noise("netconf_framing", 300);
    over_noise("netconf_reply", 300);
    over_noise("netconf_session", 120);
    over_noise("netconf_world", 600);
}

#[test]
fn pushes_through_cso() {
    for seed in 0..600 {
        let length = usize::try_from(seed * 37 % 100).expect("a length");
        laws::cso::push(&noise(seed, length));
    }
}

#[test]
fn old_configurations() {
    over_noise("python_literals", 300);
}

#[test]
fn queues() {
    over_noise("queue", 300);
}

#[test]
fn signatures() {
    over_noise("signature", 300);
}
