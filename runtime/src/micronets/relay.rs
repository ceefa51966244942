//! The websocket proxy of Micronets: lets peers in, and brings the two of each meetup together.
//!
//! One task accepts. One task for each TCP connection does the TLS handshake and the upgrade, and
//! ends. One task for each meetup owns everything of it, so several meetups use several cores. When
//! a connection ends one more task says goodbye.

use std::{
    fmt,
    net::{SocketAddr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use mistgate_core::{
    base::time::{Instant, UnixTime},
    micronets::{
        meetup::{input::ConnectionId, status::Stage},
        proxy::Proxy,
    },
};
use smol::{Async, Executor, Timer, channel, future::FutureExt};

use self::{admit::Arrival, meetup_task::Command, registry::Registry};
use crate::{
    base::{
        clock::Clock,
        connection_limiter::ConnectionLimiter,
        journal::{Journal, Level, fields},
        stop::{Stop, TaskTracker},
        sync::Shared,
    },
    http::{
        listen::{Event, accept_one},
        tls::{
            self,
            mutual::{Files, Mutual},
        },
    },
};

mod frame_tracker;

mod connection;

mod closing;
mod meetup_journal;
mod pump;

mod meetup_task;
mod registry;

mod admit;

/// How often the files of certificates, authorities and revocations are looked at.
const WATCH_EVERY: Duration = Duration::from_millis(500);
/// How long connections may take to close when everything stops.
const GRACE: Duration = Duration::from_secs(3);
/// How many connections beyond the limits are told so; more are closed at once.
const APOLOGIES_MAX: usize = 16;
/// The same for one address.
const APOLOGIES_PER_ADDRESS_MAX: usize = 4;
/// How often the totals are looked at for the journal.
const REPORT_EVERY: Duration = Duration::from_secs(1);

/// How many there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Meetups with at least one connection.
    pub meetups: usize,
    /// Meetups whose two peers were introduced.
    pub pairs: usize,
    /// Connections of all meetups.
    pub connections: usize,
}

/// The proxy for people and monitoring to look at.
#[derive(Clone, Debug)]
pub struct Status {
    /// The sums.
    pub totals: Totals,
    /// Every meetup, in the order of their names.
    pub meetups: Vec<MeetupStatus>,
}

/// One meetup.
#[derive(Clone, Debug)]
pub struct MeetupStatus {
    /// Its id: what follows the prefix of the path.
    pub meetup: String,
    /// Its connections, in the order in which they came.
    pub peers: Vec<Peer>,
}

/// One connection.
#[derive(Clone, Debug)]
pub struct Peer {
    /// The number that the journal calls it by.
    pub id: ConnectionId,
    /// What it is doing.
    pub stage: Stage,
    /// `peerClass` of its hello, shortened.
    pub peer_class: Option<String>,
    /// `peerId` of its hello, shortened.
    pub peer_id: Option<String>,
    /// O of its certificate.
    pub organisations: Vec<String>,
    /// CN of its certificate.
    pub common_names: Vec<String>,
    /// Where it comes from.
    pub address: SocketAddr,
    /// When it was upgraded.
    pub since: UnixTime,
    /// How long ago something came from it, pongs included.
    pub heard_ago: Duration,
    /// Messages that came from it.
    pub received_messages: u64,
    /// The bytes of their payloads.
    pub received_bytes: u64,
    /// Messages that were written to it, hellos and answers of ours included.
    pub sent_messages: u64,
    /// The bytes of their payloads.
    pub sent_bytes: u64,
}

/// The proxy.
pub struct Relay {
    settings: Shared<Proxy>,
    tls: Arc<Mutual>,
    limiter: Arc<ConnectionLimiter>,
    apologies: Arc<ConnectionLimiter>,
    registry: Registry,
    last_id: AtomicU64,
    journal: Arc<Journal>,
    executor: Arc<Executor<'static>>,
    clock: Clock,
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay").field("totals", &self.totals()).finish_non_exhaustive()
    }
}

impl Relay {
    /// Reads certificates, authorities and revocations; opens nothing. Blocks on the disk.
    pub fn new(
        settings: &Proxy,
        journal: Arc<Journal>,
        executor: Arc<Executor<'static>>,
        clock: Clock,
    ) -> Result<Arc<Self>, tls::Error> {
        let limits = &settings.limits;
        let limiter =
            ConnectionLimiter::new(limits.connections_max, limits.connections_per_address_max);
        Ok(Arc::new(Self {
            tls: Arc::new(Mutual::load(Files::of(settings))?),
            settings: Shared::new(settings.clone()),
            limiter: Arc::new(limiter),
            apologies: Arc::new(ConnectionLimiter::new(APOLOGIES_MAX, APOLOGIES_PER_ADDRESS_MAX)),
            registry: Registry::default(),
            last_id: AtomicU64::new(0),
            journal,
            executor,
            clock,
        }))
    }

    /// Accepts until `stopped`. Then every connection is closed with 1001, and what is left after
    /// three seconds is dropped. To be run once.
    pub async fn run(self: Arc<Self>, socket: Async<TcpListener>, stopped: Stop) {
        let tasks = TaskTracker::new();
        let accepting = self.accept(&socket, &tasks, &stopped);
        accepting.or(self.report()).or(stopped.wait()).await;
        // From here on the system refuses connections, and those in the backlog are reset.
        drop(socket);
        self.registry.stop();
        let late = async {
            Timer::after(GRACE).await;
        };
        tasks.end(late).await;
    }

    /// Goes on with new rules, limits and files for the same address: as a whole, or not at all.
    /// Within a second peers are closed that they do not allow. Blocks on the disk.
    pub fn configure(&self, settings: &Proxy) -> Result<(), tls::Error> {
        self.tls.replace(Files::of(settings))?;
        let limits = &settings.limits;
        self.limiter.limit(limits.connections_max, limits.connections_per_address_max);
        self.settings.set(settings.clone());
        self.registry.broadcast(|| Command::Review);
        Ok(())
    }

    /// Looks at the files for ever, twice a second, and tells `report` of each change. Peers that
    /// the new files do not allow are closed.
    pub async fn watch(self: Arc<Self>, report: impl Fn(Result<(), tls::Error>)) {
        let changed = |result: Result<(), tls::Error>| {
            if result.is_ok() {
                self.registry.broadcast(|| Command::Review);
            }
            report(result);
        };
        Arc::clone(&self.tls).watch(WATCH_EVERY, changed).await;
    }

    /// How many there are of everything.
    pub fn totals(&self) -> Totals {
        self.registry.totals()
    }

    /// Every meetup and its peers. Counters of messages are up to date after it.
    pub async fn status(&self) -> Status {
        let (answer, answers) = channel::unbounded();
        self.registry.broadcast(|| Command::Status(answer.clone()));
        drop(answer);
        let mut meetups = Vec::new();
        // Ends when the last meetup has answered, or is gone.
        while let Ok(meetup) = answers.recv().await {
            meetups.push(meetup);
        }
        meetups.sort_unstable_by(|a: &MeetupStatus, b| a.meetup.cmp(&b.meetup));
        Status { totals: self.totals(), meetups }
    }

    /// Accepts for ever. Of the handshakes only so many may begin in a second; those beyond it wait
    /// in the system's backlog, so that after an outage all peers come back, one after the other.
    async fn accept(
        self: &Arc<Self>,
        socket: &Async<TcpListener>,
        tasks: &TaskTracker,
        stopped: &Stop,
    ) {
        let mut due = Instant::default();
        loop {
            let (stream, address) = accept_one(socket, |event| self.note(&event)).await;
            let (slot, shed) = match self.limiter.take(address.ip()) {
                Ok(slot) => (Ok(slot), None),
                Err(limit) => {
                    self.note(&Event::Shed { peer: address, limit });
                    (self.apologies.take(address.ip()), Some(limit))
                }
            };
            let Ok(slot) = slot else {
                continue;
            };
            self.begin(Arrival { stream, address, slot, token: tasks.begin(), shed }, stopped);
            due = self.pace(due).await;
        }
    }

    fn begin(self: &Arc<Self>, arrival: Arrival, stopped: &Stop) {
        let (relay, stopped) = (Arc::clone(self), stopped.clone());
        let token = arrival.token.clone();
        let admitted = async move {
            token.bound(stopped.bound(admit::admit(relay, arrival))).await;
        };
        self.executor.spawn(admitted).detach();
    }

    /// Waits until one more handshake may begin. After a quiet second a whole second's may begin at
    /// once.
    async fn pace(&self, due: Instant) -> Instant {
        let per_second = self.settings().limits.handshakes_per_second_max.max(1);
        let each = Duration::from_secs(1) / u32::try_from(per_second).unwrap_or(u32::MAX);
        let now = self.clock.now();
        let due = due.max(now.saturating_sub(Duration::from_secs(1))) + each;
        if due > now {
            Timer::after(due - now).await;
        }
        due
    }

    /// Writes the totals into the journal for ever, whenever they are others.
    async fn report(&self) {
        let mut told = Totals::default();
        loop {
            Timer::after(REPORT_EVERY).await;
            let totals = self.totals();
            if totals != told {
                told = totals;
                let Totals { meetups, pairs, connections } = totals;
                self.journal.note(
                    Level::Info,
                    "proxy_report",
                    fields![meetups, pairs, connections],
                );
            }
        }
    }

    fn settings(&self) -> Arc<Proxy> {
        self.settings.get()
    }

    fn next_id(&self) -> ConnectionId {
        self.last_id.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn note(&self, event: &Event) {
        event.note(&self.journal, "proxy");
    }
}
