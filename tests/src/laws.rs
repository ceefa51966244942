//! The laws: what holds for any input of a codec, and a harness for what holds for every machine.
//!
//! Each law takes bytes, and panics if it is broken, with what it found and what it expected.
//!
//! A [`Subject`] is a machine with its surroundings. It makes inputs from random bytes, answers the
//! machine's outputs, and knows the machine's limits. [`machine`] drives it as the driver does and
//! checks what [`Machine`] promises: an extra call does nothing, the drain ends, the deadline lies
//! in the future, and equal inputs give equal outputs.

use core::{fmt, time::Duration};
use std::fmt::Write as _;

use mistgate_core::base::{machine::Machine, time::Instant};

use crate::base::bytes::Bytes;

pub mod codec;
pub mod cso;
pub mod engine;
pub mod feed;
pub mod http;
pub mod inbox;
pub mod incidents;
pub mod outages;
pub mod page;
pub mod peer;
pub mod python;
pub mod queue;

/// The most operations of one run. The bytes that remain are not used.
const OPERATIONS_MAX: usize = 2_000;
/// If one input has more outputs than this, the drain does not end.
const OUTPUTS_MAX: usize = 10_000;

/// A machine and its surroundings.
pub trait Subject: Sized {
    type Machine: Machine<Output: fmt::Debug>;

    /// Creates the surroundings, and the configuration that the machine starts with.
    fn new(bytes: &mut Bytes<'_>, now: Instant) -> (Self, <Self::Machine as Machine>::Config);

    /// The next input.
    fn input(&mut self, bytes: &mut Bytes<'_>, now: Instant) -> <Self::Machine as Machine>::Input;

    /// Notes an output, and panics if it breaks a limit.
    fn output(&mut self, now: Instant, output: &<Self::Machine as Machine>::Output);

    /// Checks the machine after all outputs were taken.
    fn check_drained(&mut self, now: Instant, machine: &Self::Machine);
}

/// Checks the machine of `S` against the laws, with operations from `data`.
pub fn machine<S: Subject>(data: &[u8]) {
    let text = run::<S>(data, 0);
    let again = run::<S>(data, 2);
    assert_eq!(text, again, "calls of handle_timeout that were too many made a difference");
}

/// Runs the operations, and gives all outputs as text.
fn run<S: Subject>(data: &[u8], extra_timeouts: usize) -> String {
    let bytes = &mut Bytes::new(data);
    let mut now = Instant::from_secs(bytes.pick(&[1_000, 0]));
    let seed = bytes.up_to(255);
    let (mut subject, config) = S::new(bytes, now);
    let mut machine = S::Machine::new(config, seed, now);
    let mut text = String::new();
    for _ in 0..OPERATIONS_MAX {
        if bytes.is_empty() {
            break;
        }
        now = later(bytes, now, machine.poll_timeout());
        machine.handle_timeout(now);
        drain(&mut subject, &mut machine, now, &mut text);
        repeat::<S>(&mut machine, now, extra_timeouts);
        let input = subject.input(bytes, now);
        machine.handle_input(now, input);
        drain(&mut subject, &mut machine, now, &mut text);
        repeat::<S>(&mut machine, now, extra_timeouts);
    }
    text
}

/// The time of the next operation: now, soon, much later, at the deadline, or just before it.
fn later(bytes: &mut Bytes<'_>, now: Instant, deadline: Option<Instant>) -> Instant {
    match bytes.up_to(7) {
        0..=3 => now,
        4 => now + Duration::from_millis(bytes.up_to(5_000)),
        5 => now + Duration::from_secs(bytes.up_to(10_000)),
        6 => deadline.unwrap_or(now),
        _ => deadline.map_or(now, |at| at.saturating_sub(Duration::from_micros(1)).max(now)),
    }
}

fn drain<S: Subject>(subject: &mut S, machine: &mut S::Machine, now: Instant, text: &mut String) {
    let mut outputs = 0;
    while let Some(output) = machine.poll_output() {
        outputs += 1;
        assert!(outputs <= OUTPUTS_MAX, "the drain does not end");
        let _ = writeln!(text, "{} {output:?}", now.as_micros());
        subject.output(now, &output);
    }
    let deadline = machine.poll_timeout();
    assert!(deadline.is_none_or(|at| at > now), "the deadline {deadline:?} is not after {now:?}");
    subject.check_drained(now, machine);
}

/// Calls too early and twice, which must do nothing.
fn repeat<S: Subject>(machine: &mut S::Machine, now: Instant, times: usize) {
    for _ in 0..times {
        let deadline = machine.poll_timeout();
        machine.handle_timeout(now);
        assert!(machine.poll_output().is_none(), "an early handle_timeout does something");
        assert_eq!(machine.poll_timeout(), deadline, "an early handle_timeout moves the deadline");
    }
}
