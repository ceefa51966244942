//! The one face of everything that remembers or waits.

use crate::base::time::Instant;

/// A sans-IO state machine.
///
/// The driver's order is fixed: run what is due, hand in one input, drain the outputs, re-arm the
/// timer. After that the deadline lies in the future.
pub trait Machine {
    /// Policy, fixed for the machine's life unless an input replaces it.
    type Config;
    /// What happened outside.
    type Input;
    /// What shall happen outside (imperative: `Send`) or has happened inside (past: `Delivered`).
    type Output;

    /// A machine at rest. `seed` is all the luck it will ever have.
    fn new(config: Self::Config, seed: u64, now: Instant) -> Self;

    /// Runs what is due at `now`. An early or repeated call does nothing.
    fn handle_timeout(&mut self, now: Instant);

    /// Takes one input. Infallible: a lying peer becomes an output, never an error.
    fn handle_input(&mut self, now: Instant, input: Self::Input);

    /// The next output, to be drained to `None` after each `handle_*`.
    fn poll_output(&mut self) -> Option<Self::Output>;

    /// When `handle_timeout` wants to be called; `None` while nothing is pending.
    fn poll_timeout(&self) -> Option<Instant>;
}
