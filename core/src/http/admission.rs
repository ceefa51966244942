//! Who gets a connection of a listener, who gives way for it, whose TLS handshake is next, and
//! which bytes of bodies are granted.
//!
//! A client is an IPv4 address or an IPv6 /64. It is *outside* if `allow_from` does not name it,
//! *proven* if it sent a valid signature (or certificate) in the last ten minutes, else *unproven*.
//! Unproven clients have at most half of the connections and half of the bytes of bodies; those
//! outside have sixteen places, in which they are told so. Where places are used up, the slowest
//! connection of the client that has the most gives way: so many addresses, and not many
//! connections, are what an attacker must have.
//!
//! Slow is who has let us wait longest: since its handshake began, or since its last valid request.
//! Who waits for us (for its handshake, for the answer to a whole request) is not slow.
//!
//! This is a table and no [`Machine`](crate::base::machine::Machine): whoever asks needs the answer
//! at once. What it says to others comes out of [`Admission::poll_output`].

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use core::{net::IpAddr, time::Duration};

use crate::base::network::{Network, subscriber};
use crate::{base::time::Instant, http::listener::Policy};

mod bodies;
mod places;

/// How long a client counts as proven after its last valid signature.
const PROOF_LASTS: Duration = Duration::from_secs(600);
/// The most proven clients that are remembered.
const PROVEN_MAX: usize = 1_024;
/// How many answers in a row an address gets at once that did not prove who it is, how much longer
/// each later one waits, and how long at most.
const FAILURES_FREE: u32 = 10;
const PAUSE_STEP: Duration = Duration::from_millis(20);
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// What a connection is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Id(u64);

/// What is known of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// A proxy in front of us, between two requests of its clients.
    Proxy,
    /// It sent a valid signature lately.
    Proven,
    /// It may connect, and has not shown yet that it belongs here.
    Unproven,
    /// It is only told that it is refused.
    Outside,
}

/// What there is too much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Of all clients together.
    Connections,
    /// Of one client.
    PerAddress,
}

impl Limit {
    /// The text for journal and answers, with the key of the configuration that sets it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connections => "connections in all, connections_max",
            Self::PerAddress => "connections of one address, connections_per_address_max",
        }
    }
}

/// What a connection is told that did not ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Begin the TLS handshake.
    Begin(Id),
    /// Close at once: another needs the place or the memory.
    Evict(Id),
}

/// A client. An address is there once for each standing of its connections.
type Key = (Standing, IpAddr);

#[derive(Debug)]
struct Connection {
    key: Key,
    /// Who made the TCP connection.
    peer: Key,
    /// Since when the client has let us wait.
    since: Instant,
    /// Whether it waits for us.
    is_ours: bool,
    /// Whether it brought a valid signature itself.
    has_delivered: bool,
    /// Bytes of its body.
    body: usize,
}

impl Connection {
    /// By what connections are compared: the least gives way first.
    const fn quickness(&self) -> (bool, Instant) {
        (self.has_delivered, self.since)
    }
}

#[derive(Debug, Default)]
struct Client {
    connections: BTreeSet<Id>,
    /// Those that wait for their handshake, the oldest first.
    queued: VecDeque<Id>,
    /// When the last handshake began.
    turn_at: Instant,
}

/// All clients of one standing.
#[derive(Debug, Default)]
struct Crowd {
    connections: usize,
    /// Bytes of bodies.
    bytes: usize,
    /// The clients by their number of connections.
    sizes: BTreeSet<(usize, IpAddr)>,
}

/// The connections of a listener.
#[derive(Debug, Default)]
pub struct Admission {
    policy: Policy,
    last_id: u64,
    connections: BTreeMap<Id, Connection>,
    clients: BTreeMap<Key, Client>,
    crowds: BTreeMap<Standing, Crowd>,
    /// When each proven client sent its last valid signature.
    proven: BTreeMap<IpAddr, Instant>,
    /// How often each address has failed to prove who it is, and when it last did. As many are
    /// remembered as proven ones, and for as long; then it begins anew.
    failed: BTreeMap<IpAddr, (u32, Instant)>,
    /// The clients with queued connections: proven ones first, then by their last turn.
    turns: BTreeSet<(bool, Instant, Key)>,
    /// When the handshakes of a whole burst may begin at once.
    rested_at: Instant,
    outputs: VecDeque<Output>,
}

impl Admission {
    /// Without any connection.
    pub fn new(policy: Policy) -> Self {
        Self { policy, ..Self::default() }
    }

    /// Sets another policy. It counts for what comes; connections stay.
    pub fn set_policy(&mut self, policy: Policy) {
        self.policy = policy;
    }

    /// Takes a connection from `peer`, or says which limit is reached.
    pub fn connect(&mut self, now: Instant, peer: IpAddr) -> Result<Id, Limit> {
        let key = match contains(&self.policy.proxies, peer) {
            true => (Standing::Proxy, subscriber(peer)),
            false => self.key(now, peer),
        };
        self.make_room(key)?;
        Ok(self.insert(now, key))
    }

    /// Takes a connection that was refused, only to tell it so, if there is a place for that.
    pub fn connect_aside(&mut self, now: Instant, peer: IpAddr) -> Result<Id, Limit> {
        let key = (Standing::Outside, subscriber(peer));
        self.make_room(key)?;
        Ok(self.insert(now, key))
    }

    /// Counts a proxy's connection for the client that it speaks for, from the head of a request
    /// until it is answered. One that speaks for a client outside is to be closed then. The
    /// connection of anybody else stays what it is.
    pub fn identify(&mut self, now: Instant, id: Id, client: IpAddr) -> Result<(), Limit> {
        let Some(connection) = self.connections.get_mut(&id) else {
            return Err(Limit::Connections);
        };
        if connection.key.0 != Standing::Proxy {
            return Ok(());
        }
        connection.since = now;
        let from = connection.key;
        let key = self.key(now, client);
        self.leave(id);
        let room = self.make_room(key);
        self.join(id, if room.is_ok() { key } else { from });
        room
    }

    /// Asks for a TLS handshake. It may begin when that comes out as [`Output::Begin`].
    pub fn queue(&mut self, now: Instant, id: Id) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        if core::mem::replace(&mut connection.is_ours, true) {
            return;
        }
        let key = connection.key;
        self.change(key, |client| client.queued.push_back(id));
        self.handle_timeout(now);
    }

    /// How the client of a connection stands; outside, if the connection was evicted.
    pub fn standing(&self, id: Id) -> Standing {
        self.connections.get(&id).map_or(Standing::Outside, |connection| connection.key.0)
    }

    /// Notes that the client has sent all that we need to answer.
    pub fn serve(&mut self, id: Id) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.is_ours = true;
        }
    }

    /// Notes that the connection brought a valid signature, so that its client is proven.
    pub fn prove(&mut self, now: Instant, id: Id) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let (standing, address) = connection.key;
        if !matches!(standing, Standing::Proven | Standing::Unproven) {
            return;
        }
        (connection.since, connection.has_delivered) = (now, true);
        self.failed.remove(&address);
        if standing == Standing::Unproven {
            self.rekey((standing, address), Standing::Proven);
        }
        if self.proven.len() >= PROVEN_MAX && !self.proven.contains_key(&address) {
            let oldest = self.proven.iter().min_by_key(|(_, at)| **at).map(|(address, _)| *address);
            oldest.map(|address| self.proven.remove(&address));
        }
        self.proven.insert(address, now);
    }

    /// Notes that the client could not prove who it is. Gives how long the answer is to wait, so
    /// that guessing takes its time.
    pub fn fail(&mut self, now: Instant, id: Id) -> Duration {
        let Some(connection) = self.connections.get(&id) else { return Duration::ZERO };
        let address = connection.key.1;
        if self.failed.len() >= PROVEN_MAX {
            self.failed.clear();
        }
        let (failures, at) = self.failed.entry(address).or_insert((0, now));
        *failures = if now - *at < PROOF_LASTS { failures.saturating_add(1) } else { 1 };
        *at = now;
        (PAUSE_STEP * failures.saturating_sub(FAILURES_FREE)).min(PAUSE_MAX)
    }

    /// Notes that a request is answered: the next one is the client's to send. An answer alone does
    /// not make a connection quick: only a valid signature does.
    pub fn answered(&mut self, now: Instant, id: Id) {
        self.release(id);
        let Some(connection) = self.connections.get_mut(&id) else { return };
        connection.is_ours = false;
        if connection.key != connection.peer && connection.key.0 != Standing::Outside {
            (connection.since, connection.has_delivered) = (now, false);
            let peer = connection.peer;
            self.leave(id);
            self.join(id, peer);
        }
    }

    /// Forgets a connection that is closed.
    pub fn close(&mut self, id: Id) {
        self.release(id);
        self.leave(id);
        self.connections.remove(&id);
    }

    /// Lets the handshakes begin that are due.
    pub fn handle_timeout(&mut self, now: Instant) {
        while self.poll_timeout().is_some_and(|at| at <= now) {
            let Some((_, _, key)) = self.turns.first().copied() else { return };
            self.rested_at = self.rested_at.max(now) + self.pace();
            let mut next = None;
            self.change(key, |client| {
                client.turn_at = now;
                next = client.queued.pop_front();
            });
            next.into_iter().for_each(|id| self.begin(now, id));
        }
    }

    /// When the next handshake may begin, if one waits.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let is_queued = !self.turns.is_empty();
        is_queued.then(|| (self.rested_at + self.pace()).saturating_sub(BURST))
    }

    /// What a connection is to be told. To be called after each other call until it returns `None`.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }
}

/// After a quiet time, the handshakes of a whole second may begin at once.
const BURST: Duration = Duration::from_secs(1);

impl Admission {
    fn pace(&self) -> Duration {
        let per_second = self.policy.limits.handshakes_per_second_max.max(1);
        Duration::from_secs(1) / u32::try_from(per_second).unwrap_or(u32::MAX)
    }

    /// The client at `address`. A proof that has lapsed no longer counts.
    fn key(&mut self, now: Instant, address: IpAddr) -> Key {
        let client = subscriber(address);
        if !contains(&self.policy.allow_from, address) {
            return (Standing::Outside, client);
        }
        if self.proven.get(&client).is_some_and(|&at| now - at < PROOF_LASTS) {
            return (Standing::Proven, client);
        }
        self.proven.remove(&client);
        let key = (Standing::Unproven, client);
        self.rekey((Standing::Proven, client), Standing::Unproven);
        while self.crowd(Standing::Unproven).connections > self.unproven_max()
            && let Some(slowest) = self.slowest(Standing::Unproven, key)
        {
            self.evict(slowest);
        }
        key
    }

    fn crowd(&self, standing: Standing) -> &Crowd {
        const NONE: &Crowd = &Crowd { connections: 0, bytes: 0, sizes: BTreeSet::new() };
        self.crowds.get(&standing).unwrap_or(NONE)
    }

    fn crowd_mut(&mut self, standing: Standing) -> &mut Crowd {
        self.crowds.entry(standing).or_default()
    }

    fn count(&self, key: Key) -> usize {
        self.clients.get(&key).map_or(0, |client| client.connections.len())
    }

    fn insert(&mut self, since: Instant, key: Key) -> Id {
        self.last_id += 1;
        let id = Id(self.last_id);
        let (is_ours, has_delivered, body) = (false, false, 0);
        let connection = Connection { key, peer: key, since, is_ours, has_delivered, body };
        self.connections.insert(id, connection);
        self.join(id, key);
        id
    }

    fn begin(&mut self, now: Instant, id: Id) {
        if let Some(connection) = self.connections.get_mut(&id) {
            (connection.since, connection.is_ours) = (now, false);
            self.outputs.push_back(Output::Begin(id));
        }
    }

    fn evict(&mut self, id: Id) {
        self.close(id);
        self.outputs.push_back(Output::Evict(id));
    }

    /// Counts a connection for a client.
    fn join(&mut self, id: Id, key: Key) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        connection.key = key;
        let body = connection.body;
        self.crowd_mut(key.0).bytes += body;
        self.change(key, |client| {
            client.connections.insert(id);
        });
    }

    /// Counts a connection no longer for its client.
    fn leave(&mut self, id: Id) {
        let Some(Connection { key, body, .. }) = self.connections.get(&id) else { return };
        let (key, body) = (*key, *body);
        let crowd = self.crowd_mut(key.0);
        crowd.bytes = crowd.bytes.saturating_sub(body);
        self.change(key, |client| {
            client.connections.remove(&id);
            client.queued.retain(|queued| *queued != id);
        });
    }

    /// Changes a client, and all that is ordered by what it has.
    fn change(&mut self, key: Key, change: impl FnOnce(&mut Client)) {
        let mut client = self.clients.remove(&key).unwrap_or_default();
        let turn = |client: &Client| (key.0 > Standing::Proven, client.turn_at, key);
        self.turns.remove(&turn(&client));
        let before = client.connections.len();
        change(&mut client);
        let after = client.connections.len();
        if !client.queued.is_empty() {
            self.turns.insert(turn(&client));
        }
        let crowd = self.crowd_mut(key.0);
        crowd.connections = (crowd.connections + after).saturating_sub(before);
        crowd.sizes.remove(&(before, key.1));
        if after > 0 {
            crowd.sizes.insert((after, key.1));
            self.clients.insert(key, client);
        }
    }

    /// Gives a client another standing, with all of its connections.
    fn rekey(&mut self, from: Key, standing: Standing) {
        let to = (standing, from.1);
        let Some(client) = self.clients.get(&from) else { return };
        let (turn_at, queued) = (client.turn_at, client.queued.clone());
        for id in client.connections.clone() {
            self.leave(id);
            self.join(id, to);
            if let Some(connection) = self.connections.get_mut(&id)
                && connection.peer == from
            {
                connection.peer = to;
            }
        }
        self.change(to, |client| (client.turn_at, client.queued) = (turn_at, queued));
    }
}

fn contains(networks: &[Network], address: IpAddr) -> bool {
    networks.iter().any(|network| network.contains(address))
}

#[cfg(test)]
mod tests;
