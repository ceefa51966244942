//! The one interface of everything that remembers or waits.

use crate::base::time::Instant;

/// A sans-IO state machine: it is told what happened and when, and says what shall happen and when
/// it wants to be called again. It opens no socket, reads no clock and draws no random number.
///
/// Whoever owns a machine is its driver. It calls [`step`], which keeps the one right order, and
/// then sleeps until [`poll_timeout`](Self::poll_timeout) or the next input, whichever is first:
///
/// ```
/// use core::time::Duration;
/// use mistgate_core::base::{
///     machine::{self, Machine},
///     time::Instant,
/// };
///
/// /// Pings a peer that has said nothing for as long as `Config` says.
/// struct Keepalive {
///     idle_after: Duration,
///     ping_at: Instant,
///     pings: u32,
/// }
///
/// impl Machine for Keepalive {
///     type Config = Duration;
///     type Input = ();
///     type Output = &'static str;
///
///     fn new(idle_after: Duration, _seed: u64, now: Instant) -> Self {
///         Self { idle_after, ping_at: now + idle_after, pings: 0 }
///     }
///     fn handle_timeout(&mut self, now: Instant) {
///         if now >= self.ping_at {
///             self.ping_at = now + self.idle_after;
///             self.pings += 1;
///         }
///     }
///     fn handle_input(&mut self, now: Instant, _received: ()) {
///         self.ping_at = now + self.idle_after;
///     }
///     fn poll_output(&mut self) -> Option<&'static str> {
///         self.pings = self.pings.checked_sub(1)?;
///         Some("ping")
///     }
///     fn poll_timeout(&self) -> Option<Instant> {
///         Some(self.ping_at)
///     }
/// }
///
/// /// Owns the machine and what its outputs need: here only a list.
/// struct Driver {
///     machine: Keepalive,
///     sent: Vec<&'static str>,
/// }
///
/// impl Driver {
///     fn step(&mut self, now: Instant, input: Option<()>) {
///         let carry_out = |driver: &mut Self, output| driver.sent.push(output);
///         machine::step(self, |driver| &mut driver.machine, now, input, carry_out);
///     }
/// }
///
/// let at = |secs| Instant::default() + Duration::from_secs(secs);
/// let machine = Keepalive::new(Duration::from_secs(10), 0, at(0));
/// let mut driver = Driver { machine, sent: Vec::new() };
/// // The peer says something at 4 s, so a ping is due at 14 s and not at 10 s.
/// driver.step(at(4), Some(()));
/// assert_eq!(driver.machine.poll_timeout(), Some(at(14)));
/// driver.step(at(10), None);
/// assert!(driver.sent.is_empty());
/// driver.step(at(14), None);
/// assert_eq!(driver.sent, ["ping"]);
/// ```
pub trait Machine {
    /// Policy, fixed for the machine's life unless an input replaces it.
    type Config;
    /// What happened outside.
    type Input;
    /// A command, in the imperative (`Send`), or an event, in the past (`Delivered`). A command
    /// with an outcome carries an id; the driver answers it once, by an input, also on failure.
    type Output;

    /// A machine at rest. `seed` is the only source of randomness that it will ever have.
    fn new(config: Self::Config, seed: u64, now: Instant) -> Self;

    /// Runs what is due at `now`. An early or repeated call does nothing.
    fn handle_timeout(&mut self, now: Instant);

    /// Takes one input. It cannot fail: what a peer does wrong becomes an output.
    fn handle_input(&mut self, now: Instant, input: Self::Input);

    /// The next output. To be called after each `handle_*` until it returns `None`.
    fn poll_output(&mut self) -> Option<Self::Output>;

    /// When `handle_timeout` is to be called next; `None` while nothing is pending. Once what is
    /// due has run and all outputs are taken, it lies in the future.
    fn poll_timeout(&self) -> Option<Instant>;
}

/// Steps a machine: runs what is due at `now`, hands in the input if there is one, and carries out
/// every output. The driver re-arms its timer afterwards, with `poll_timeout`.
///
/// `machine` finds the machine in its owner, so that `carry_out` may use all of the owner,
/// including another machine. It must not step this one.
pub fn step<O, M: Machine>(
    owner: &mut O,
    machine: impl Fn(&mut O) -> &mut M,
    now: Instant,
    input: Option<M::Input>,
    mut carry_out: impl FnMut(&mut O, M::Output),
) {
    machine(owner).handle_timeout(now);
    drain(owner, &machine, &mut carry_out);
    if let Some(input) = input {
        inform(owner, machine, now, input, carry_out);
    }
}

/// Hands in an input and carries out every output, but runs nothing that is due. For what the
/// machine must know before it judges what is due, such as traffic that keeps a peer alive, and for
/// more inputs of one step.
pub fn inform<O, M: Machine>(
    owner: &mut O,
    machine: impl Fn(&mut O) -> &mut M,
    now: Instant,
    input: M::Input,
    mut carry_out: impl FnMut(&mut O, M::Output),
) {
    machine(owner).handle_input(now, input);
    drain(owner, &machine, &mut carry_out);
}

fn drain<O, M: Machine>(
    owner: &mut O,
    machine: &impl Fn(&mut O) -> &mut M,
    carry_out: &mut impl FnMut(&mut O, M::Output),
) {
    while let Some(output) = machine(owner).poll_output() {
        carry_out(owner, output);
    }
}
