//! The connections of a listener: asks the core who gets one, and ends those that give way.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc, time::Duration};

use mistgate_core::base::time::Instant;
use mistgate_core::http::admission::{Admission, Id, Limit, Output, Standing};
use mistgate_core::http::listener::Policy;
use smol::channel;

use crate::base::{clock::Alarm, clock::Clock, stop, stop::Stop, stop::Stopper, sync::Mutex};

/// The connections of a listener.
#[derive(Debug)]
pub(crate) struct ConnectionLimiter {
    clock: Clock,
    open: Mutex<Open>,
    /// Gets a message when a handshake may have to be waited for.
    queued: (channel::Sender<()>, channel::Receiver<()>),
}

#[derive(Debug)]
struct Open {
    admission: Admission,
    tasks: BTreeMap<Id, Signals>,
}

/// What the task of a connection waits for; dropped when it happens.
#[derive(Debug)]
struct Signals {
    turn: Option<Stopper>,
    _evicted: Stopper,
}

impl ConnectionLimiter {
    /// A limiter without connections.
    pub(crate) fn new(policy: Policy, clock: Clock) -> Arc<Self> {
        let open = Open { admission: Admission::new(policy), tasks: BTreeMap::new() };
        Arc::new(Self { clock, open: Mutex::new(open), queued: channel::bounded(1) })
    }

    /// Sets another policy for the connections to come.
    pub(crate) fn set_policy(&self, policy: Policy) {
        self.ask(|admission, _| admission.set_policy(policy));
    }

    /// Takes a slot for a client, or says which limit is reached.
    pub(crate) fn connect(self: &Arc<Self>, peer: IpAddr) -> Result<ConnectionSlot, Limit> {
        self.take(|admission, now| admission.connect(now, peer))
    }

    /// Takes a slot in which a client is only told that it is refused.
    pub(crate) fn connect_aside(self: &Arc<Self>, peer: IpAddr) -> Result<ConnectionSlot, Limit> {
        self.take(|admission, now| admission.connect_aside(now, peer))
    }

    fn take(
        self: &Arc<Self>,
        connect: impl FnOnce(&mut Admission, Instant) -> Result<Id, Limit>,
    ) -> Result<ConnectionSlot, Limit> {
        let mut open = self.open.lock();
        let id = connect(&mut open.admission, self.clock.now())?;
        let ((turn, begun), (evicted, is_evicted)) = (stop::stop(), stop::stop());
        open.tasks.insert(id, Signals { turn: Some(turn), _evicted: evicted });
        open.signal();
        Ok(ConnectionSlot { limiter: Arc::clone(self), id, begun, evicted: is_evicted })
    }

    /// Asks the core, and tells other connections what follows for them.
    fn ask<T>(&self, question: impl FnOnce(&mut Admission, Instant) -> T) -> T {
        let mut open = self.open.lock();
        let answer = question(&mut open.admission, self.clock.now());
        open.signal();
        answer
    }

    /// Lets handshakes begin when they are due, for ever.
    pub(crate) async fn pace(&self) {
        let mut alarm = Alarm::default();
        loop {
            let due_at = self.ask(|admission, now| {
                admission.handle_timeout(now);
                admission.poll_timeout()
            });
            // Nobody closes the channel, whose sender is beside its receiver.
            let _ = alarm.bound(self.clock, due_at, self.queued.1.recv()).await;
        }
    }
}

impl Open {
    fn signal(&mut self) {
        while let Some(output) = self.admission.poll_output() {
            match output {
                Output::Begin(id) => {
                    self.tasks.get_mut(&id).and_then(|signals| signals.turn.take());
                }
                Output::Evict(id) => {
                    self.tasks.remove(&id);
                }
            }
        }
    }
}

/// The right to one open connection, given back when dropped.
#[derive(Debug)]
pub(crate) struct ConnectionSlot {
    limiter: Arc<ConnectionLimiter>,
    id: Id,
    begun: Stop,
    evicted: Stop,
}

impl ConnectionSlot {
    /// Hears when the connection must be closed, because another gets its place or its memory.
    pub(crate) fn evicted(&self) -> Stop {
        self.evicted.clone()
    }

    /// Waits until the TLS handshake may begin.
    pub(crate) async fn turn(&self) {
        self.limiter.ask(|admission, now| admission.queue(now, self.id));
        // A message that waits already is as good.
        let _ = self.limiter.queued.0.try_send(());
        self.begun.wait().await;
    }

    /// How the client stands.
    pub(crate) fn standing(&self) -> Standing {
        self.limiter.open.lock().admission.standing(self.id)
    }

    /// Counts the connection of a proxy for the client that it speaks for.
    pub(crate) fn identify(&self, client: IpAddr) -> Result<(), Limit> {
        self.limiter.ask(|admission, now| admission.identify(now, self.id, client))
    }

    /// Takes memory for more bytes of a body.
    pub(crate) fn grow(&self, more: usize) -> Result<(), Limit> {
        self.limiter.ask(|admission, _| admission.grow(self.id, more))
    }

    /// Notes that the client has sent all that the answer needs.
    pub(crate) fn serve(&self) {
        self.limiter.ask(|admission, _| admission.serve(self.id));
    }

    /// Notes that the client has shown that it belongs here.
    pub(crate) fn prove(&self) {
        self.limiter.ask(|admission, now| admission.prove(now, self.id));
    }

    /// Notes that the client could not prove who it is. Gives how long the answer is to wait.
    pub(crate) fn fail(&self) -> Duration {
        self.limiter.ask(|admission, now| admission.fail(now, self.id))
    }

    /// Notes that the request is answered. Gives its memory back.
    pub(crate) fn answered(&self) {
        self.limiter.ask(|admission, now| admission.answered(now, self.id));
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        let mut open = self.limiter.open.lock();
        open.admission.close(self.id);
        open.tasks.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use mistgate_core::http::listener::Limits;
    use smol::Timer;
    use smol::future::FutureExt;

    use super::*;

    fn limiter(connections_max: usize, handshakes_per_second_max: usize) -> Arc<ConnectionLimiter> {
        let limits = Limits { connections_max, handshakes_per_second_max, ..Limits::default() };
        ConnectionLimiter::new(Policy { limits, ..Policy::default() }, Clock::start())
    }

    fn address(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    #[test]
    fn who_gives_way_hears_it_and_a_slot_comes_back() {
        let limiter = limiter(2, 1_000);
        let first = limiter.connect(address(1)).expect("a place");
        let second = limiter.connect(address(2)).expect("its place");
        smol::block_on(first.evicted().wait());
        drop(first);
        assert!(!second.evicted().is_stopped());
        drop(second);
        assert!(limiter.open.lock().tasks.is_empty());
    }

    #[test]
    fn turns_come_by_themselves() {
        const LONG: Duration = Duration::from_secs(20);
        let limiter = limiter(100, 50);
        let slots: Vec<_> = (0..4).map(|_| limiter.connect(address(1)).expect("a place")).collect();
        let turns = async {
            for slot in &slots {
                slot.turn().await;
            }
            true
        };
        let pace = async {
            limiter.pace().await;
            false
        };
        let late = async {
            Timer::after(LONG).await;
            false
        };
        assert!(smol::block_on(turns.or(pace).or(late)));
    }
}
