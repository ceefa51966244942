use core::time::Duration;

use super::*;
use crate::base::window::Window;
use crate::delivery::batch::EventKey;

const MAX_AGE: Duration = Duration::from_secs(3_600);

fn queue(pace: &[Window]) -> Queue {
    let config =
        Config { pace: pace.to_vec(), queue_max: 1_000, digest_after: Duration::from_secs(30) };
    Queue::new(config, 1, Instant::from_secs(0))
}

fn secs(secs: u64) -> Instant {
    Instant::from_secs(secs)
}

fn entry(now: Instant, batch: u64, severity: Severity) -> Entry {
    Entry {
        key: EventKey { batch, index: 0 },
        severity,
        accepted_at: Some(now),
        expires_at: now + MAX_AGE,
    }
}

fn put(queue: &mut Queue, now: Instant, batch: u64) {
    queue.handle_input(now, Input::Enqueue(entry(now, batch, Severity::Info)));
}

fn drain(queue: &mut Queue) -> Vec<Output> {
    core::iter::from_fn(|| queue.poll_output()).collect()
}

/// The batches and form of the one `Send` among the outputs.
fn sent(queue: &mut Queue) -> Option<(u64, Vec<u64>, Form)> {
    let outputs = drain(queue);
    let mut sends = outputs.iter().filter_map(|output| match output {
        Output::Send { id, load: Load::Incidents, form } => Some((*id, Vec::new(), *form)),
        Output::Send { id, load: Load::Events(keys), form } => {
            Some((*id, keys.iter().map(|key| key.batch).collect(), *form))
        }
        Output::Delivered { .. }
        | Output::Dropped { .. }
        | Output::Failing(_)
        | Output::Parked { .. }
        | Output::Resumed
        | Output::Retrying { .. }
        | Output::Told(_) => None,
    });
    let first = sends.next();
    assert_eq!(sends.next(), None, "one message in flight at a time");
    first
}

fn answer(queue: &mut Queue, now: Instant, id: u64, outcome: Outcome) {
    queue.handle_input(now, Input::Answered { id, outcome, is_divisible: false });
}

#[test]
fn events_leave_in_order_one_at_a_time_at_the_vendors_pace() {
    let queue = &mut queue(crate::chat::slack::KIND.pace);
    let start = secs(10);
    put(queue, start, 1);
    put(queue, start, 2);
    assert_eq!(sent(queue), Some((1, [1].into(), Form::Rich)));
    answer(queue, start + Duration::from_millis(100), 1, Outcome::Delivered);
    assert_eq!(sent(queue), None);
    assert_eq!(queue.poll_timeout(), Some(secs(11)));
    queue.handle_timeout(secs(11));
    assert_eq!(sent(queue), Some((2, [2].into(), Form::Rich)));
    answer(queue, secs(11), 2, Outcome::Delivered);
    assert_eq!((queue.waiting(), queue.poll_timeout()), (0, None));
}

#[test]
fn a_named_wait_is_honoured_and_a_critical_event_overtakes() {
    let queue = &mut queue(&[]);
    put(queue, secs(0), 1);
    let after = Some(Duration::from_secs(120));
    assert_eq!(sent(queue).map(|(id, ..)| id), Some(1));
    answer(queue, secs(0), 1, Outcome::Retry { after, reason: Reason::RateLimited });
    assert_eq!(
        drain(queue),
        [Output::Retrying {
            failures: 1,
            after: Duration::from_secs(120),
            reason: Reason::RateLimited
        }]
    );
    queue.handle_input(secs(1), Input::Enqueue(entry(secs(1), 2, Severity::Critical)));
    assert_eq!((sent(queue), queue.poll_timeout()), (None, Some(secs(120))));
    queue.handle_timeout(secs(120));
    assert_eq!(sent(queue), Some((2, [2].into(), Form::Rich)));
    answer(queue, secs(120), 2, Outcome::Delivered);
    assert_eq!(sent(queue), Some((3, [1].into(), Form::Rich)));
}

#[test]
fn a_refused_payload_is_said_plainly_once_and_then_given_up() {
    let queue = &mut queue(&[]);
    put(queue, secs(0), 1);
    put(queue, secs(0), 2);
    assert!(sent(queue).is_some());
    answer(queue, secs(0), 1, Outcome::Degrade(Reason::Payload));
    assert_eq!(sent(queue), Some((2, [1].into(), Form::Plain)));
    answer(queue, secs(0), 2, Outcome::Degrade(Reason::Payload));
    let outputs = drain(queue);
    assert!(
        matches!(
            outputs.as_slice(),
            [
                Output::Dropped { loss: Loss::Refused(Reason::Payload), .. },
                Output::Send { id: 3, .. }
            ]
        ),
        "{outputs:?}"
    );
}

#[test]
fn one_of_many_that_is_refused_is_found_by_halves_and_costs_no_other() {
    let queue = &mut queue(&[Window::per_secs(1, 60)]);
    (1..=5).for_each(|batch| put(queue, secs(0), batch));
    let (mut now, mut most, mut delivered, mut dropped) = (0, 0, Vec::new(), Vec::new());
    while now < 1_800 {
        for output in drain(queue) {
            match output {
                Output::Delivered { entries, .. } => delivered.extend(entries),
                Output::Dropped { entries, .. } => dropped.extend(entries),
                Output::Send { id, load: Load::Events(keys), .. } => {
                    most = most.max(keys.len());
                    let refuses = keys.iter().any(|key| key.batch == 4);
                    let reason = Reason::Payload;
                    let outcome =
                        if refuses { Outcome::Degrade(reason) } else { Outcome::Delivered };
                    answer(queue, secs(now), id, outcome);
                }
                Output::Failing(_)
                | Output::Parked { .. }
                | Output::Resumed
                | Output::Retrying { .. }
                | Output::Send { .. }
                | Output::Told(_) => {}
            }
        }
        now += 60;
        queue.handle_timeout(secs(now));
    }
    let batches = |entries: &[Entry]| entries.iter().map(|entry| entry.key.batch).collect();
    let mut all: Vec<u64> = batches(&delivered);
    all.sort_unstable();
    assert_eq!(all, [1, 2, 3, 5]);
    assert_eq!((batches(&dropped), most), (Vec::from([4]), 4));
}

/// Refuses a message about incidents in both forms. Returns what came of it.
fn refuse(queue: &mut Queue, now: Instant, is_divisible: bool) -> (Vec<Output>, Health) {
    queue.handle_input(now, Input::Incidents(Some(Severity::Info)));
    for form in [Form::Rich, Form::Plain] {
        let (id, _, sent) = sent(queue).expect("a message");
        assert_eq!(sent, form);
        let outcome = Outcome::Degrade(Reason::Payload);
        queue.handle_input(now, Input::Answered { id, outcome, is_divisible });
    }
    (drain(queue), queue.health())
}

#[test]
fn a_message_about_incidents_that_has_parts_counts_as_no_refusal() {
    let queue = &mut queue(&[]);
    let divided = || Vec::from([Output::Told(End::Divided)]);
    for at in 0..8 {
        assert_eq!(refuse(queue, secs(at), true), (divided(), Health::Ready));
    }
    for at in 8..12 {
        assert!(matches!(refuse(queue, secs(at), false), (_, Health::Ready)));
    }
    let (outputs, health) = refuse(queue, secs(12), false);
    assert_eq!(outputs.first(), Some(&Output::Told(End::Refused(Reason::Payload))));
    assert_eq!(health, Health::Parked(Reason::Payload));
    // When it is tried again, so are its parts at once, and it stays parked meanwhile.
    queue.handle_timeout(secs(72));
    assert_eq!(refuse(queue, secs(72), true), (divided(), health));
    assert_eq!(refuse(queue, secs(72), false).1, health);
    queue.handle_input(secs(72), Input::Incidents(Some(Severity::Info)));
    assert!(sent(queue).is_none() && queue.poll_timeout() > Some(secs(72)));
}

#[test]
fn a_dead_destination_is_parked_probed_ever_more_rarely_and_resumed() {
    let queue = &mut queue(&[]);
    put(queue, secs(0), 1);
    assert!(sent(queue).is_some());
    answer(queue, secs(0), 1, Outcome::Dead(Reason::Gone));
    let parked = |secs, probes| Output::Parked {
        reason: Reason::Gone,
        probe_after: Duration::from_secs(secs),
        probes,
    };
    assert_eq!(drain(queue), [parked(60, 1)]);
    assert_eq!(queue.health(), Health::Parked(Reason::Gone));
    queue.handle_timeout(secs(60));
    assert_eq!(sent(queue).map(|(id, ..)| id), Some(2));
    answer(queue, secs(60), 2, Outcome::Dead(Reason::Gone));
    assert_eq!(drain(queue), [parked(120, 2)]);
    queue.handle_timeout(secs(180));
    assert_eq!(sent(queue).map(|(id, ..)| id), Some(3));
    answer(queue, secs(180), 3, Outcome::Delivered);
    let outputs = drain(queue);
    assert!(
        matches!(outputs.as_slice(), [Output::Resumed, Output::Delivered { failures: 0, .. }]),
        "{outputs:?}"
    );
    assert_eq!(queue.health(), Health::Ready);
}

#[test]
fn an_attempt_alone_makes_no_destination_well() {
    let queue = &mut queue(&[]);
    put(queue, secs(0), 1);
    answer(queue, secs(0), 1, Outcome::Retry { after: None, reason: Reason::Timeout });
    queue.handle_timeout(secs(1));
    assert_eq!(queue.health(), Health::Failing(Reason::Timeout));
    answer(queue, secs(11), 2, Outcome::Dead(Reason::Gone));
    queue.handle_timeout(secs(71));
    assert_eq!((queue.is_sending(), queue.health()), (true, Health::Parked(Reason::Gone)));
    answer(queue, secs(72), 3, Outcome::Delivered);
    assert_eq!(queue.health(), Health::Ready);
}

#[test]
fn a_reload_tries_a_destination_again_that_was_dead_or_asked_for_a_wait() {
    let queue = &mut queue(&[]);
    let config = queue.config.clone();
    put(queue, secs(0), 1);
    answer(queue, secs(0), 1, Outcome::Dead(Reason::Gone));
    drain(queue);
    queue.handle_input(secs(1), Input::Configured(config.clone()));
    assert_eq!(sent(queue).map(|(id, ..)| id), Some(2));
    answer(queue, secs(1), 2, Outcome::Delivered);
    put(queue, secs(2), 2);
    let after = Some(Duration::from_secs(99_999_999));
    answer(queue, secs(2), 3, Outcome::Retry { after, reason: Reason::RateLimited });
    drain(queue);
    assert_eq!((sent(queue), queue.poll_timeout()), (None, Some(secs(3_602))));
    queue.handle_input(secs(3), Input::Configured(config));
    assert_eq!(sent(queue).map(|(id, ..)| id), Some(4));
}

#[test]
fn what_waits_to_be_said_plainly_is_taken_out_too() {
    let queue = &mut queue(crate::chat::slack::KIND.pace);
    put(queue, secs(0), 1);
    put(queue, secs(0), 2);
    assert!(sent(queue).is_some());
    answer(queue, secs(0), 1, Outcome::Degrade(Reason::Payload));
    assert_eq!((sent(queue), queue.waiting()), (None, 2));
    let batches: Vec<_> = queue.take_waiting().iter().map(|entry| entry.key.batch).collect();
    assert_eq!((batches, queue.waiting()), ([1, 2].into(), 0));
}

#[test]
fn what_is_too_much_is_merged_and_the_highest_severity_goes_first() {
    let queue = &mut queue(crate::chat::slack::KIND.pace);
    let start = secs(100);
    for batch in 0..100 {
        let severity = if batch % 10 == 9 { Severity::Warning } else { Severity::Debug };
        queue.handle_input(start, Input::Enqueue(entry(start, batch, severity)));
    }
    queue.handle_input(start, Input::Enqueue(entry(start, 1_000, Severity::Critical)));
    assert_eq!(sent(queue), Some((1, [0].into(), Form::Rich)));
    answer(queue, start, 1, Outcome::Delivered);
    drain(queue);
    queue.handle_timeout(secs(101));
    assert_eq!(sent(queue), Some((2, [1_000].into(), Form::Rich)));
    answer(queue, secs(101), 2, Outcome::Delivered);
    drain(queue);
    queue.handle_timeout(secs(102));
    let (_, batches, _) = sent(queue).expect("all that waits");
    let (warnings, others): (Vec<u64>, Vec<u64>) = (1..100).partition(|batch| batch % 10 == 9);
    assert_eq!(batches, [warnings, others].concat());
    // What could not be sent waits in the same order.
    answer(queue, secs(102), 3, Outcome::Dead(Reason::Gone));
    let taken: Vec<u64> = queue.take_waiting().iter().map(|entry| entry.key.batch).collect();
    assert_eq!(taken, batches);
}

#[test]
fn a_message_merges_only_so_many() {
    let queue = &mut queue(crate::chat::slack::KIND.pace);
    (0..600).for_each(|batch| put(queue, secs(0), batch));
    assert!(sent(queue).is_some());
    answer(queue, secs(0), 1, Outcome::Delivered);
    drain(queue);
    queue.handle_timeout(secs(1));
    assert_eq!(sent(queue).map(|(_, batches, _)| batches.len()), Some(MERGED_MAX));
}

#[test]
fn what_grows_too_old_or_too_much_is_said() {
    let queue = &mut queue(&[]);
    put(queue, secs(0), 0);
    assert!(sent(queue).is_some());
    for batch in 1..=1_003 {
        put(queue, secs(1), batch);
    }
    let outputs = drain(queue);
    assert!(
        matches!(outputs.as_slice(), [Output::Dropped { loss: Loss::Full, entries }]
                if entries.iter().map(|entry| entry.key.batch).eq(1..=3)),
        "{outputs:?}"
    );
    assert_eq!(queue.poll_timeout(), Some(secs(1) + MAX_AGE));
    queue.handle_timeout(secs(1) + MAX_AGE);
    let outputs = drain(queue);
    assert!(
        matches!(outputs.as_slice(), [Output::Dropped { loss: Loss::Expired, entries }]
                if entries.len() == 1_000),
        "{outputs:?}"
    );
}

#[test]
fn a_full_queue_gives_up_the_lowest_severity_first() {
    let queue = &mut queue(&[]);
    let severities = [Severity::Info, Severity::Critical, Severity::Debug, Severity::Warning];
    put(queue, secs(0), 0);
    assert!(sent(queue).is_some());
    for (batch, severity) in (1..).zip(severities) {
        queue.handle_input(secs(0), Input::Enqueue(entry(secs(0), batch, severity)));
    }
    queue.handle_input(secs(0), Input::Configured(Config { queue_max: 2, ..queue.config.clone() }));
    let outputs = drain(queue);
    assert!(
        matches!(outputs.as_slice(), [Output::Dropped { loss: Loss::Full, entries }]
                if entries.iter().map(|entry| entry.key.batch).eq([3, 1])),
        "{outputs:?}"
    );
}

#[test]
fn a_smaller_bound_holds_at_once() {
    let queue = &mut queue(&[]);
    (0..10).for_each(|batch| put(queue, secs(0), batch));
    assert!(sent(queue).is_some());
    let config = Config { queue_max: 4, ..queue.config.clone() };
    queue.handle_input(secs(1), Input::Configured(config));
    let outputs = drain(queue);
    assert!(
        matches!(outputs.as_slice(), [Output::Dropped { loss: Loss::Full, entries }]
                if entries.iter().map(|entry| entry.key.batch).eq(1..=5)),
        "{outputs:?}"
    );
}

#[test]
fn what_grew_too_old_behind_younger_events_is_said_when_they_leave() {
    let queue = &mut queue(&[]);
    put(queue, secs(10), 0);
    put(queue, secs(10), 1);
    put(queue, secs(0), 2);
    assert_eq!(sent(queue).map(|(id, ..)| id), Some(1));
    answer(queue, secs(1) + MAX_AGE, 1, Outcome::Delivered);
    let outputs = drain(queue);
    assert!(
        matches!(outputs.as_slice(), [
                Output::Delivered { .. },
                Output::Send { load: Load::Events(keys), .. },
                Output::Dropped { loss: Loss::Expired, entries },
            ] if keys.first().map(|key| key.batch) == Some(1)
                && entries.first().map(|entry| entry.key.batch) == Some(2)),
        "{outputs:?}"
    );
    assert_eq!(queue.poll_timeout(), None);
}

#[test]
fn a_late_answer_changes_nothing() {
    let queue = &mut queue(&[]);
    put(queue, secs(0), 1);
    assert!(sent(queue).is_some());
    answer(queue, secs(0), 77, Outcome::Delivered);
    assert_eq!((drain(queue), queue.waiting()), (Vec::new(), 1));
}

#[test]
fn incidents_take_turns_with_events_by_severity() {
    let queue = &mut queue(crate::chat::slack::KIND.pace);
    let tell = |queue: &mut Queue, at, severity| {
        queue.handle_input(secs(at), Input::Incidents(severity));
    };
    queue.handle_input(secs(0), Input::Enqueue(entry(secs(0), 1, Severity::Warning)));
    assert_eq!(sent(queue), Some((1, [1].into(), Form::Rich)));
    queue.handle_input(secs(0), Input::Enqueue(entry(secs(0), 2, Severity::Warning)));
    tell(queue, 0, Some(Severity::Info));
    answer(queue, secs(1), 1, Outcome::Delivered);
    assert_eq!(sent(queue), Some((2, [2].into(), Form::Rich)));
    answer(queue, secs(1), 2, Outcome::Delivered);
    assert_eq!(sent(queue), None);
    assert_eq!(queue.poll_timeout(), Some(secs(2)));
    queue.handle_timeout(secs(2));
    assert_eq!(sent(queue), Some((3, Vec::new(), Form::Rich)));
    // A failure is told at once, so that the next message is made anew.
    let reason = Reason::Internal;
    answer(queue, secs(2), 3, Outcome::Retry { after: None, reason });
    assert_eq!(drain(queue).first(), Some(&Output::Told(End::Again)));
    // What recovered meanwhile is not sent.
    tell(queue, 3, None);
    queue.handle_timeout(secs(600));
    assert_eq!((sent(queue), queue.poll_timeout()), (None, None));
    tell(queue, 600, Some(Severity::Critical));
    assert_eq!(sent(queue), Some((4, Vec::new(), Form::Rich)));
    answer(queue, secs(601), 4, Outcome::Degrade(reason));
    assert_eq!(sent(queue), Some((5, Vec::new(), Form::Plain)));
    answer(queue, secs(602), 5, Outcome::Degrade(reason));
    assert_eq!(drain(queue).first(), Some(&Output::Told(End::Refused(reason))));
    tell(queue, 602, None);
    // Nothing was there after all.
    tell(queue, 610, Some(Severity::Info));
    assert_eq!(sent(queue).map(|(id, ..)| id), Some(6));
    queue.handle_input(secs(610), Input::Withdrawn { id: 6 });
    assert_eq!((sent(queue), queue.poll_timeout()), (None, None));
    assert_eq!(queue.health(), Health::Ready);
}

#[test]
fn a_destination_that_refuses_everything_is_parked_and_loses_no_more_than_one_for_each_probe() {
    let queue = &mut queue(&[]);
    let refuse = |queue: &mut Queue, now, id| {
        answer(queue, now, id, Outcome::Degrade(Reason::Payload));
        assert!(matches!(sent(queue), Some((_, _, Form::Plain))));
        answer(queue, now, id + 1, Outcome::Degrade(Reason::Payload));
    };
    (1..=7).for_each(|batch| put(queue, secs(0), batch));
    for nth in 0..5 {
        assert_eq!(sent(queue).map(|(id, ..)| id), Some(nth * 2 + 1));
        refuse(queue, secs(0), nth * 2 + 1);
    }
    let outputs = drain(queue);
    let parked = |probe_after, probes| Output::Parked {
        reason: Reason::Payload,
        probe_after: Duration::from_secs(probe_after),
        probes,
    };
    assert_eq!(outputs.last(), Some(&parked(60, 1)));
    assert_eq!((queue.health(), queue.waiting()), (Health::Parked(Reason::Payload), 2));
    queue.handle_timeout(secs(60));
    assert_eq!(sent(queue).map(|(id, ..)| id), Some(11));
    refuse(queue, secs(60), 11);
    assert_eq!(drain(queue).last(), Some(&parked(120, 2)));
    queue.handle_timeout(secs(180));
    assert_eq!(sent(queue).map(|(id, ..)| id), Some(13));
    answer(queue, secs(180), 13, Outcome::Delivered);
    assert_eq!(drain(queue).first(), Some(&Output::Resumed));
    assert_eq!((queue.health(), queue.waiting()), (Health::Ready, 0));
}

#[test]
fn what_has_failed_for_a_quarter_of_an_hour_is_said_once() {
    let queue = &mut queue(&[]);
    put(queue, secs(0), 1);
    let (mut now, mut said) = (secs(0), Vec::new());
    while now < secs(2_000) {
        let (id, ..) = sent(queue).expect("an attempt");
        answer(queue, now, id, Outcome::Retry { after: None, reason: Reason::Timeout });
        let failing = |output: &Output| matches!(output, Output::Failing(Reason::Timeout));
        if drain(queue).iter().any(failing) {
            said.push(now);
        }
        now = queue.poll_timeout().expect("another attempt");
        queue.handle_timeout(now);
    }
    assert!(matches!(said.as_slice(), [at] if *at >= secs(900) && *at < secs(1_300)), "{said:?}");
    let (id, ..) = sent(queue).expect("an attempt");
    answer(queue, now, id, Outcome::Delivered);
    assert_eq!(drain(queue).first(), Some(&Output::Resumed));
}
