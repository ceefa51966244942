//! The websocket proxy of Micronets: lets peers in, and connects the two peers of each meetup.
//!
//! One task accepts. A task for each TCP connection does the TLS handshake and the upgrade, and
//! ends. A task for each meetup owns its connections, so several meetups use several cores. A task
//! for each connection that we end writes its close frame and waits for the answer.

use std::{net::SocketAddr, net::TcpListener, sync::Arc, sync::atomic::AtomicU64, time::Duration};

use mistgate_core::base::{network::Network, order, time::UnixTime};
use mistgate_core::micronets::{meetup::input::Traffic, meetup::status::PeerStatus, proxy::Proxy};
use mistgate_core::{http::listener::Policy, micronets::access::Identity, micronets::access::Rule};
use smol::{Async, Executor, Timer, channel, future::FutureExt};

use self::{admit::Arrival, meetup_task::Command, memory::Account, registry::Registry};
use crate::base::journal::{Journal, Level, fields};
use crate::base::{clock::Clock, connection_limiter::ConnectionLimiter, sync::Shared, task};
use crate::base::{panic, stop::Stop, stop::TaskTracker, sync::Mutex};
use crate::http::{listen::Event, listen::accept_one, tls, tls::mutual::Mutual};

mod frame_tracker;
mod memory;

pub mod connection;

pub mod pump;

mod meetup_task;
mod registry;

mod admit;

/// How often the files of certificates, authorities and revocation lists are checked.
const WATCH_EVERY: Duration = Duration::from_millis(500);
/// How long connections may take to close when everything stops.
const GRACE: Duration = Duration::from_secs(3);
/// How often the journal reports the totals, if they have changed.
const REPORT_EVERY: Duration = Duration::from_secs(1);
/// After how many reports peers are checked, because their certificates may have ended.
const REVIEW_EVERY: u64 = 10;

/// The sums over all meetups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Meetups with at least one connection.
    pub meetups: usize,
    /// Meetups whose two peers were introduced.
    pub pairs: usize,
    /// Connections of all meetups.
    pub connections: usize,
}

/// The state of the proxy for monitoring.
#[derive(Clone, Debug)]
pub struct Status {
    pub totals: Totals,
    /// In the order of their ids.
    pub meetups: Vec<MeetupStatus>,
    /// Who may join which meetup.
    pub rules: Vec<Rule>,
}

/// The state of one meetup.
#[derive(Clone, Debug)]
pub struct MeetupStatus {
    /// Its id: what follows the prefix of the path.
    pub meetup: String,
    /// Its connections, in the order in which they came.
    pub peers: Vec<Peer>,
}

/// One connection: what its meetup knows about it, and what its task does.
#[derive(Clone, Debug)]
pub struct Peer {
    pub status: PeerStatus,
    pub identity: Identity,
    pub address: SocketAddr,
    /// When it was upgraded.
    pub since: UnixTime,
    /// How long ago something came from it, pongs included.
    pub received_ago: Duration,
    /// What was written to it, our own hellos and answers included.
    pub sent: Traffic,
}

/// The proxy: what its tasks share.
pub struct Relay {
    settings: Shared<Proxy>,
    tls: Arc<Mutual>,
    limiter: Arc<ConnectionLimiter>,
    registry: Mutex<Registry>,
    last_id: AtomicU64,
    memory: Arc<Account>,
    journal: Arc<Journal>,
    executor: Arc<Executor<'static>>,
    clock: Clock,
}

impl Relay {
    /// With certificates, authorities and revocation lists that were read. Opens no socket.
    pub fn new(
        settings: &Proxy,
        tls: Mutual,
        journal: Arc<Journal>,
        executor: Arc<Executor<'static>>,
        clock: Clock,
    ) -> Arc<Self> {
        Arc::new(Self {
            tls: Arc::new(tls),
            settings: Shared::new(settings.clone()),
            limiter: ConnectionLimiter::new(policy(settings), clock),
            registry: Mutex::new(Registry::default()),
            last_id: AtomicU64::new(0),
            memory: Arc::default(),
            journal,
            executor,
            clock,
        })
    }

    /// Accepts until `stopped`. Then every connection is closed with 1001, and those that are left
    /// after three seconds are dropped. To be run once.
    pub async fn run(self: Arc<Self>, socket: Async<TcpListener>, stopped: Stop) {
        let tasks = TaskTracker::new();
        let accepting = async {
            while panic::catch_async(self.accept(&socket, &tasks, &stopped)).await.is_none() {}
        };
        let accepting = accepting.or(self.limiter.pace());
        accepting.or(self.report()).or(stopped.wait()).await;
        // From here on the system refuses connections, and those in the backlog are reset.
        drop(socket);
        self.registry.lock().stop();
        tasks.end(GRACE).await;
    }

    /// Takes new rules, limits and files for the same address. Peers that they do not allow are
    /// closed within a second.
    pub fn configure(&self, settings: &Proxy, tls: Mutual) {
        self.tls.adopt(tls);
        self.limiter.set_policy(policy(settings));
        self.settings.set(settings.clone());
        self.registry.lock().broadcast(|| Command::Review);
    }

    /// Checks the files for ever, twice a second, and reports each change or error. Peers that the
    /// new files do not allow are closed.
    pub async fn watch(self: Arc<Self>, report: impl Fn(Result<(), tls::Error>)) {
        let changed = |result: Result<(), tls::Error>| {
            if result.is_ok() {
                self.registry.lock().broadcast(|| Command::Review);
            }
            report(result);
        };
        Arc::clone(&self.tls).watch(WATCH_EVERY, changed).await;
    }

    /// The sums over all meetups.
    pub fn totals(&self) -> Totals {
        self.registry.lock().totals()
    }

    /// The state of every meetup. Counting messages in metrics catches up first.
    pub async fn status(&self) -> Status {
        let (answer, answers) = channel::unbounded();
        self.registry.lock().broadcast(|| Command::Status(answer.clone()));
        drop(answer);
        let mut meetups = Vec::new();
        // Ends when the last meetup has answered, or is gone.
        while let Ok(meetup) = answers.recv().await {
            meetups.push(meetup);
        }
        order::sort_by(&mut meetups, |a: &MeetupStatus, b| a.meetup.cmp(&b.meetup));
        let rules = self.settings.get().allow.clone();
        Status { totals: self.totals(), meetups, rules }
    }

    /// Accepts for ever. After an outage all peers come back at once; their handshakes begin one
    /// after the other.
    async fn accept(
        self: &Arc<Self>,
        socket: &Async<TcpListener>,
        tasks: &TaskTracker,
        stopped: &Stop,
    ) {
        loop {
            let (stream, address) = accept_one(socket, |event| self.note(&event)).await;
            let (slot, shed) = match self.limiter.connect(address.ip()) {
                Ok(slot) => (Ok(slot), None),
                Err(limit) => {
                    self.note(&Event::Shed { peer: address, limit: limit.name() });
                    (self.limiter.connect_aside(address.ip()), Some(limit.name()))
                }
            };
            let Ok(slot) = slot else { continue };
            let (evicted, token) = (slot.evicted(), tasks.begin());
            let arrival = Arrival { stream, address, slot, token: token.clone(), shed };
            let (relay, stopped) = (Arc::clone(self), stopped.clone());
            let evicted = {
                let relay = Arc::clone(self);
                async move {
                    evicted.wait().await;
                    relay.note(&Event::Evicted { peer: address });
                }
            };
            let admitted = admit::admit(relay, arrival).boxed();
            let admitted = async move { token.bound(stopped.bound(evicted.or(admitted))).await };
            task::spawn(&self.executor, admitted).detach();
        }
    }

    /// Reports the totals to the journal for ever, whenever they have changed, and has peers
    /// checked whose certificates may have ended.
    async fn report(&self) {
        let mut reported = Totals::default();
        for second in 1_u64.. {
            Timer::after(REPORT_EVERY).await;
            if second.is_multiple_of(REVIEW_EVERY) {
                self.registry.lock().broadcast(|| Command::Review);
            }
            let totals = self.totals();
            if totals != reported {
                reported = totals;
                let Totals { meetups, pairs, connections } = totals;
                self.journal.note(
                    Level::Info,
                    "proxy_report",
                    fields![meetups, pairs, connections],
                );
            }
        }
    }

    fn note(&self, event: &Event) {
        event.note(&self.journal, "proxy");
    }
}

/// Whose connections are let in before the upgrade, where the certificate says the rest.
fn policy(settings: &Proxy) -> Policy {
    let balancers = if settings.proxy_protocol { &Network::EVERYWHERE[..] } else { &[] };
    let (proxies, limits) = (balancers.to_vec(), settings.limits.listener);
    Policy { proxies, limits, ..Policy::default() }
}
