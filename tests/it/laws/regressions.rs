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
fn what_is_forgotten_while_it_is_untold_is_counted() {
    holds("incidents", 5, 185);
}

#[test]
fn a_clock_that_jumps_into_a_mute_time_mutes() {
    holds("incidents", 32, 1_184);
}

#[test]
fn what_is_routed_elsewhere_before_it_is_told_is_not_told() {
    holds("incidents", 23, 851);
    holds("incidents", 35, 1_295);
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

#[test]
fn a_message_that_was_refused_at_a_url_that_is_gone_waits_for_nothing() {
    holds("storms", 36_244, 98);
}
