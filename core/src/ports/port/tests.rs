//! Timelines of one port.

use alloc::{format, string::String, vec, vec::Vec};

use super::*;

/// A port, its clock and its outputs as text.
struct Bench {
    port: Port,
    now: Instant,
}

fn done() -> Input {
    Input::Pushed(Pushed::Done { diff: String::new(), before: Vec::new() })
}

impl Bench {
    fn new() -> Self {
        let now = Instant::from_secs(1_000);
        Self { port: Port::new(Config { attempts_max: 3 }, 7, now), now }
    }

    fn input(&mut self, input: Input) -> Vec<String> {
        self.port.handle_input(self.now, input);
        self.take_log()
    }

    fn want(&mut self, mode: Mode) -> Vec<String> {
        self.input(Input::Wanted(want(mode)))
    }

    /// Waits for the deadline.
    fn wait(&mut self) -> Vec<String> {
        self.now = self.port.poll_timeout().expect("a deadline");
        self.port.handle_timeout(self.now);
        self.take_log()
    }

    fn take_log(&mut self) -> Vec<String> {
        let log: Vec<_> = core::iter::from_fn(|| self.port.poll_output()).map(text).collect();
        assert!(self.port.poll_timeout().is_none_or(|at| at > self.now));
        log
    }
}

fn want(mode: Mode) -> Want {
    let since = Instant::from_secs(1_000);
    Want { mode, ap: None, reason: Reason::Arrived, since, proved_at: None }
}

fn text(output: Output) -> String {
    match output {
        Output::Due => "due".into(),
        Output::Read(mode) => format!("read {}", mode.name()),
        Output::Failed { want, failed: Failed { attempt, failure, is_news, retry } } => {
            let (mode, failure) = (want.mode.name(), failure.name());
            let Some(Retry { is_unknown, .. }) = retry else {
                return format!("stuck {mode} in {attempt}, {failure}, news: {is_news}");
            };
            let known = if is_news { "" } else { ", as before" };
            format!("retrying after attempt {attempt}, {failure}, unknown: {is_unknown}{known}")
        }
        Output::Settled { want, attempt, is_read_back } => {
            format!("settled {} in {attempt}, read back: {is_read_back}", want.mode.name())
        }
    }
}

fn failed(failure: Failure) -> Input {
    Input::Pushed(Pushed::Failed(failure))
}

const NOTHING: [&str; 0] = [];

#[test]
fn a_change_is_made_once() {
    let mut bench = Bench::new();
    assert_eq!(bench.want(Mode::Ap), ["due"]);
    assert_eq!(bench.want(Mode::Ap), NOTHING);
    assert_eq!(bench.input(Input::Taken), NOTHING);
    assert_eq!(bench.want(Mode::Ap), NOTHING);
    assert_eq!(bench.input(done()), ["settled ap in 1, read back: false"]);
    assert_eq!(bench.want(Mode::Ap), NOTHING);
    assert!(bench.port.is_idle() && bench.port.mode() == Some(Mode::Ap));
    assert_eq!(bench.port.poll_timeout(), None);
}

#[test]
fn an_answer_that_nobody_waits_for_is_nothing() {
    let stray = [done(), Input::PutBack, Input::Read(Some(true))];
    let mut bench = Bench::new();
    let hold = |bench: &mut Bench| {
        for input in stray.clone() {
            let before = format!("{:?}", bench.port);
            assert_eq!(bench.input(input), NOTHING);
            assert_eq!(format!("{:?}", bench.port), before);
        }
    };
    hold(&mut bench);
    bench.want(Mode::Ap);
    hold(&mut bench);
    bench.input(Input::Taken);
    bench.input(Input::Pushed(Pushed::Unknown(Failure::Timeout)));
    hold(&mut bench);
    bench.wait();
    bench.input(Input::Read(Some(false)));
    bench.input(Input::Taken);
    bench.input(failed(Failure::Timeout));
    hold(&mut bench);
}

#[test]
fn what_was_never_changed_needs_no_changing_back() {
    let mut bench = Bench::new();
    bench.want(Mode::Ap);
    assert_eq!(bench.want(Mode::Default), NOTHING);
    assert!(bench.port.is_idle() && !bench.port.is_touched());
    // But somebody may ask for it.
    assert_eq!(bench.want(Mode::Default), ["due"]);
}

#[test]
fn what_is_wanted_in_mid_flight_waits_and_only_the_last_counts() {
    let mut bench = Bench::new();
    bench.want(Mode::Ap);
    bench.input(Input::Taken);
    assert_eq!(bench.want(Mode::Default), NOTHING);
    assert_eq!(bench.want(Mode::Ap), NOTHING);
    assert_eq!(bench.want(Mode::Default), NOTHING);
    let log = bench.input(done());
    assert_eq!(log, ["settled ap in 1, read back: false", "due"]);
    assert_eq!(bench.port.due().map(|want| want.mode), Some(Mode::Default));
    bench.input(Input::Taken);
    bench.want(Mode::Ap);
    let log = bench.input(failed(Failure::Unreachable));
    assert_eq!(log, NOTHING, "it is still in the mode that is wanted now");
    assert!(bench.port.is_idle());
}

#[test]
fn a_failure_is_tried_again_up_to_the_limit() {
    let mut bench = Bench::new();
    bench.want(Mode::Ap);
    for attempt in 1..=2 {
        bench.input(Input::Taken);
        let failed_at = bench.now;
        let log = bench.input(failed(Failure::Locked { holder: "alice".into() }));
        assert_eq!(log, [format!("retrying after attempt {attempt}, locked, unknown: false")]);
        assert_eq!(bench.wait(), ["due"]);
        let step = RETRY.first * attempt;
        assert!((step / 2..=step).contains(&(bench.now - failed_at)));
    }
    bench.input(Input::Taken);
    let log = bench.input(failed(Failure::Locked { holder: "alice".into() }));
    assert_eq!(log, ["stuck ap in 3, locked, news: true"]);
    assert_eq!(bench.port.poll_timeout(), None);
    // The next look tries again, but does not report the same twice.
    assert_eq!(bench.want(Mode::Ap), ["due"]);
    bench.input(Input::Taken);
    let log = bench.input(failed(Failure::Locked { holder: "alice".into() }));
    assert_eq!(log, ["retrying after attempt 1, locked, unknown: false, as before"]);
    bench.wait();
    bench.input(Input::Taken);
    let log = bench.input(failed(Failure::Login));
    assert_eq!(log, ["stuck ap in 2, login, news: true"], "a lasting failure is not repeated");
    bench.want(Mode::Ap);
    bench.input(Input::Taken);
    assert_eq!(bench.input(failed(Failure::Login)), ["stuck ap in 1, login, news: false"]);
}

#[test]
fn the_other_side_may_ask_for_a_longer_wait() {
    let mut bench = Bench::new();
    bench.want(Mode::Ap);
    bench.input(Input::Taken);
    let after = Duration::from_secs(3_600);
    bench.input(failed(Failure::Busy { after: Some(after) }));
    assert_eq!(bench.port.poll_timeout(), Some(bench.now + after));
}

#[test]
fn an_unknown_end_is_read_back_and_never_called_a_failure() {
    let unknown = || Input::Pushed(Pushed::Unknown(Failure::Timeout));
    for (answers, log) in [
        (vec![Some(true)], vec!["settled ap in 2, read back: true"]),
        (vec![Some(false)], vec!["due"]),
        (
            vec![None, Some(true)],
            vec![
                "retrying after attempt 2, timeout, unknown: true",
                "settled ap in 3, read back: true",
            ],
        ),
        (
            vec![None, None],
            vec![
                "retrying after attempt 2, timeout, unknown: true",
                "stuck ap in 3, timeout, news: true",
            ],
        ),
    ] {
        let mut bench = Bench::new();
        bench.want(Mode::Ap);
        bench.input(Input::Taken);
        let retrying = bench.input(unknown());
        assert_eq!(retrying, ["retrying after attempt 1, timeout, unknown: true"]);
        assert!(bench.port.mode().is_none() && bench.port.is_touched());
        let mut all = Vec::new();
        for answer in answers {
            assert_eq!(bench.wait(), ["read ap"]);
            all.extend(bench.input(Input::Read(answer)));
        }
        assert_eq!(all, log);
    }
}

#[test]
fn an_unknown_end_is_known_before_anything_else_is_done() {
    let mut bench = Bench::new();
    bench.want(Mode::Ap);
    bench.input(Input::Taken);
    bench.input(Input::Pushed(Pushed::Unknown(Failure::Timeout)));
    assert_eq!(bench.want(Mode::Default), NOTHING);
    assert_eq!(bench.wait(), ["read ap"]);
    assert_eq!(bench.want(Mode::Default), NOTHING);
    assert_eq!(bench.input(Input::Read(Some(false))), ["due"]);
    assert_eq!(bench.port.due().map(|want| want.mode), Some(Mode::Default));
}

#[test]
fn what_an_earlier_run_left_is_known_or_done_again() {
    for (mode, log) in [(Some(Mode::Ap), &NOTHING[..]), (None, &["due"])] {
        let mut bench = Bench::new();
        bench.input(Input::Restored { mode });
        assert_eq!(bench.want(Mode::Ap), log);
    }
    let mut bench = Bench::new();
    bench.input(Input::Restored { mode: Some(Mode::Ap) });
    assert_eq!(bench.want(Mode::Default), ["due"]);
    assert_eq!(bench.want(Mode::Ap), NOTHING);
    assert!(bench.port.is_idle(), "what is as it should be again waits no more");
}

#[test]
fn a_change_that_was_put_back_or_refused_is_not_a_failure() {
    let mut bench = Bench::new();
    bench.want(Mode::Ap);
    bench.input(Input::Taken);
    assert_eq!(bench.input(Input::PutBack), ["due"]);
    bench.input(Input::Taken);
    assert_eq!(bench.input(done()), ["settled ap in 1, read back: false"]);
    bench.want(Mode::Default);
    assert_eq!(bench.input(Input::Refused), NOTHING);
    assert!(bench.port.is_idle() && bench.port.mode() == Some(Mode::Ap));
}
