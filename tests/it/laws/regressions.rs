//! Seeds that once failed, each in a test named after the bug.

use mistgate_tests::{base::bytes::noise, targets};

fn holds(name: &str, seed: u64, length: usize) {
    let (_, body) = targets::ALL.iter().find(|(known, _)| *known == name).expect("a target");
    body(&noise(seed, length));
}

#[test]
fn a_smaller_memory_forgets_at_once() {
    holds("inbox", 5, 185);
}

#[test]
fn a_full_memory_hides_no_due_event() {
    holds("inbox", 67, 2_479);
}

#[test]
fn a_message_that_failed_hides_no_expired_event() {
    holds("queue", 93, 3_441);
}

#[test]
fn a_plain_form_that_was_due_survives_its_destination() {
    holds("engine", 20, 740);
}

#[test]
fn who_moved_to_an_ignored_site_is_followed() {
    holds("ports_world", 54, 2_500);
    holds("ports_world", 60, 2_500);
}

#[test]
fn a_limit_holds_through_a_crash() {
    holds("ports_world", 25, 2_500);
    holds("ports_world", 95, 2_500);
}
