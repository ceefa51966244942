//! The task of one meetup. It owns the machine, the connections, and the two pumps of the pair.
//!
//! Connections, machine and pending requests have one owner, so a message between two peers takes
//! no lock and wakes no other task: this task wakes, passes on what is there, and sleeps. The order
//! in which it calls the machine is that of the docs of
//! [`meetup`](mistgate_core::micronets::meetup).

use std::task::{Context, Poll};
use std::{collections::BTreeMap, fmt, future::poll_fn, ops::Bound, pin::Pin, sync::Arc};

use mistgate_core::base::{machine, machine::Machine, time::Instant};
use mistgate_core::micronets::meetup::input::{ConnectionId, Frame, Input, Traffic};
use mistgate_core::micronets::{access, close_reason::CloseReason, meetup::Meetup, pending::Side};
use mistgate_core::micronets::{meetup::output::Output, pending::PendingRequests};
use smol::{channel, stream::Stream};

use super::connection::{Connection, End, Incoming};
use super::{MeetupStatus, Peer, Relay, pump::Pair};
use crate::base::{clock, journal::Fields, journal::Level, journal::fields, metrics::Counter};
use crate::{base::clock::Alarm, base::task, http::listen::Bytes};

/// How many events in a row the task takes before it lets other tasks run.
const BURST: u32 = 64;

/// What the rest of the proxy asks of a meetup.
pub(super) enum Command {
    /// Take this connection.
    Join(Box<Connection>),
    /// Check all peers, because rules, limits or certificates have changed, or may have ended.
    Review,
    /// Send the state of the meetup.
    Status(channel::Sender<MeetupStatus>),
    /// End all connections.
    Stop,
}

/// What wakes the machine.
enum Event {
    Command(Command),
    Ended(ConnectionId, End),
    /// A deadline of the machine has come, or a connection has something to report, and nothing
    /// else happened.
    Changes,
    Received(ConnectionId, bool, Bytes),
}

/// The task of one meetup.
pub(super) struct MeetupTask {
    relay: Arc<Relay>,
    /// The id of the meetup.
    name: Arc<str>,
    commands: Pin<Box<channel::Receiver<Command>>>,
    machine: Meetup,
    alarm: Alarm,
    /// The connections that no pump reads.
    connections: BTreeMap<ConnectionId, Box<Connection>>,
    /// The unpaired connection that was read last.
    last_read: ConnectionId,
    pair: Option<Pair>,
    /// Set when the pumps have stopped, until the machine has it back.
    parted: Option<PendingRequests>,
    /// How many events came in a row.
    burst: u32,
    is_over: bool,
}

impl MeetupTask {
    /// A meetup without connections. The first command is sent already.
    pub(super) fn new(
        relay: Arc<Relay>,
        name: Arc<str>,
        commands: channel::Receiver<Command>,
    ) -> Self {
        let machine = Meetup::new(relay.settings.get().meetup, 0, relay.clock.now());
        Self {
            relay,
            name,
            commands: Box::pin(commands),
            machine,
            alarm: Alarm::default(),
            connections: BTreeMap::new(),
            last_read: 0,
            pair: None,
            parted: None,
            burst: 0,
            is_over: false,
        }
    }

    /// Runs until the last connection has left.
    pub(super) async fn run(mut self) {
        while !self.is_over {
            let event = poll_fn(|cx| self.poll(cx)).await;
            self.report();
            let now = self.now();
            machine::step(&mut self, |task| &mut task.machine, now, None, Self::execute);
            self.hand_back();
            self.handle(event);
            self.alarm.set_at(self.relay.clock, self.machine.poll_timeout());
        }
    }

    fn now(&self) -> Instant {
        self.relay.clock.now()
    }

    /// The next event that concerns the machine. Relaying happens here and does not.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        if self.burst >= BURST {
            self.burst = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let polled = self.poll_all(cx);
        self.burst = if polled.is_ready() { self.burst + 1 } else { 0 };
        polled
    }

    fn poll_all(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        // The channel does not end before this task does.
        if let Poll::Ready(Some(command)) = self.commands.as_mut().poll_next(cx) {
            return Poll::Ready(Event::Command(command));
        }
        if self.alarm.poll(cx).is_ready() {
            return Poll::Ready(Event::Changes);
        }
        if let Some(pair) = &mut self.pair
            && let Poll::Ready(end) = pair.poll(cx, self.relay.clock)
        {
            return Poll::Ready(end.map_or(Event::Changes, |(id, end)| Event::Ended(id, end)));
        }
        // Reading goes round, so one connection that sends much does not starve the others.
        let last = self.last_read;
        let (first, then) =
            ((Bound::Excluded(last), Bound::Unbounded), (Bound::Unbounded, Bound::Included(last)));
        for range in [first, then] {
            for (id, connection) in self.connections.range_mut(range) {
                if let Poll::Ready(event) = poll_unpaired(connection, cx, self.relay.clock.now()) {
                    self.last_read = *id;
                    return Poll::Ready(event);
                }
            }
        }
        Poll::Pending
    }

    /// Reports to the machine what the connections have counted, before it judges anything.
    fn report(&mut self) {
        let pair = self.pair.iter_mut().flat_map(|pair| [&mut pair.left, &mut pair.right]);
        let mut inputs = Vec::new();
        for connection in pair.chain(self.connections.values_mut()) {
            connection.report(&mut inputs);
        }
        for input in inputs {
            if let Input::Traffic { traffic: Traffic { messages: messages @ 1.., bytes }, .. } =
                input
            {
                self.count(Counter::Relayed, &[], messages);
                self.count(Counter::RelayedBytes, &[], bytes);
            }
            self.input(input);
        }
        if let Some(Pair { left, right, pending }) = &self.pair {
            let sides = [(Side::Left, right.id), (Side::Right, left.id)];
            let owing = sides.map(|(side, id)| (pending.open(side) > 0).then_some(id));
            owing.into_iter().flatten().for_each(|id| self.input(Input::Owing(id)));
        }
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Command(Command::Join(connection)) => self.join(connection),
            Event::Command(Command::Review) => self.review(),
            Event::Command(Command::Status(answer)) => {
                // The receiver may have given up.
                let _ = answer.try_send(self.status());
            }
            Event::Command(Command::Stop) => self.input(Input::Stop),
            Event::Changes => {}
            Event::Ended(id, End::Broken(fault)) => self.input(Input::Broken { id, fault }),
            Event::Ended(id, End::Closed(code)) => {
                self.input(Input::Closed(id));
                // RFC 6455 §7.1.5: the code of a close frame without one.
                let (code, reason) = (code.unwrap_or(1005), "the peer has closed the connection");
                if let Some(connection) = self.remove(id, "closed_by_peer", code, &reason) {
                    // What is unsent is the answer to its close frame.
                    task::spawn(&self.relay.executor, connection.end(false)).detach();
                }
            }
            Event::Ended(id, End::Lost(kind)) => {
                self.input(Input::Closed(id));
                // RFC 6455 §7.1.5: the code of an end without a close frame.
                drop(self.remove(id, "lost", 1006, &kind));
            }
            Event::Received(id, is_text, payload) => {
                let frame = Frame { is_text, payload: payload.to_vec() };
                self.input(Input::Received { id, frame });
            }
        }
    }

    fn join(&mut self, connection: Box<Connection>) {
        let id = connection.id;
        let Some(identity) = connection.identity() else {
            // Unreachable in practice: the certificate could be read when the peer was let in.
            self.is_over = self.relay.registry.lock().leave(&self.name);
            return;
        };
        self.count(Counter::Peers, &[], 1);
        let (o, cn) = (identity.organisations.join(", "), identity.common_names.join(", "));
        self.note("peer_connected", id, fields![from = connection.origin.address, o, cn]);
        self.connections.insert(id, connection);
        self.input(Input::Opened { id, identity });
        self.review_one(id);
    }

    /// Takes the current policy, and checks all peers against the rules and certificates.
    fn review(&mut self) {
        self.input(Input::Configured(self.relay.settings.get().meetup));
        let pair = self.pair.iter().flat_map(|pair| [pair.left.id, pair.right.id]);
        let ids: Vec<_> = pair.chain(self.connections.keys().copied()).collect();
        ids.into_iter().for_each(|id| self.review_one(id));
    }

    fn review_one(&mut self, id: ConnectionId) {
        let (settings, trust) = (self.relay.settings.get(), self.relay.tls.get());
        let name = Arc::clone(&self.name);
        let Some(connection) = self.connection(id) else { return };
        let is_current = connection.origin.ends.is_none_or(|end| clock::wall() < end);
        let is_trusted = is_current && Arc::ptr_eq(&connection.origin.trust, &trust)
            || trust.admits(connection.chain());
        let is_allowed =
            connection.identity().is_some_and(|own| access::allow(&settings.allow, &name, &own));
        if is_trusted && is_allowed {
            connection.origin.trust = trust;
            connection.limit(&settings.limits);
        } else {
            self.input(Input::Barred(id));
        }
    }

    /// Hands an input to the machine and carries out the outputs.
    fn input(&mut self, input: Input) {
        let now = self.now();
        machine::inform(self, |task| &mut task.machine, now, input, Self::execute);
        self.hand_back();
    }

    /// Gives the machine what it asked back when it parted a pair.
    fn hand_back(&mut self) {
        if let Some(pending) = self.parted.take() {
            self.input(Input::Parted(pending));
        }
    }

    fn execute(&mut self, output: Output) {
        match output {
            Output::Answered { id, requests, status } => {
                let status = u16::from(status);
                self.count(
                    Counter::AnsweredForPeers,
                    &[("status", &status.to_string())],
                    requests as u64,
                );
                self.often("requests_answered", id, fields![requests, status]);
            }
            Output::Close { id, reason } => self.close(id, reason),
            Output::Dropped { id, lost: Traffic { messages, bytes } } => {
                self.count(Counter::PeersDropped, &[], messages);
                self.often("messages_dropped", id, fields![messages, bytes]);
            }
            Output::Greeted { id, peer_class, peer_id } => {
                let (class, name) = (peer_class.unwrap_or_default(), peer_id.unwrap_or_default());
                self.note("peer_greeted", id, fields![class, id = name]);
            }
            Output::Judged { id, is_suspect } => {
                match is_suspect {
                    true => self.note("peer_suspect", id, &[]),
                    false => self.note("peer_answers", id, &[]),
                }
                self.relay.registry.lock().pair(&self.name, self.machine.is_healthy());
            }
            Output::Paired { left, right, pending } => self.introduce(left, right, pending),
            Output::Part => self.part(),
            Output::Pause(id) => self.with(id, |connection| connection.is_paused = true),
            Output::Ping(id) => self.with(id, Connection::ping),
            Output::Resume(id) => self.with(id, |connection| connection.is_paused = false),
            Output::Send { id, frame: Frame { is_text, payload } } => {
                self.with(id, |connection| connection.feed(is_text, &payload));
            }
        }
    }

    fn introduce(&mut self, left: ConnectionId, right: ConnectionId, pending: PendingRequests) {
        let mut take =
            |id| self.connections.remove(&id).expect("it pairs only connections that are here");
        let (left, right) = (take(left), take(right));
        self.count(Counter::Pairs, &[], 1);
        self.note("peers_paired", left.id, fields![with = right.id]);
        self.pair = Some(Pair { left, right, pending });
        self.relay.registry.lock().pair(&self.name, self.machine.is_healthy());
    }

    fn part(&mut self) {
        let Some(Pair { left, right, pending }) = self.pair.take() else { return };
        self.note("peers_parted", left.id, fields![from = right.id]);
        self.relay.registry.lock().pair(&self.name, false);
        for connection in [left, right] {
            self.connections.insert(connection.id, connection);
        }
        self.parted = Some(pending);
    }

    fn close(&mut self, id: ConnectionId, reason: CloseReason) {
        let code = reason.code();
        if let Some(mut connection) = self.remove(id, reason.name(), code, &reason) {
            connection.put_close(code, &reason.to_string());
            let is_answered = !matches!(reason, CloseReason::Faulty(_));
            task::spawn(&self.relay.executor, connection.end(is_answered)).detach();
        }
    }

    /// Takes out a connection that no pump reads, and reports why it ends.
    fn remove(
        &mut self,
        id: ConnectionId,
        name: &'static str,
        code: u16,
        reason: &dyn fmt::Display,
    ) -> Option<Box<Connection>> {
        let connection = self.connections.remove(&id)?;
        self.is_over = self.relay.registry.lock().leave(&self.name);
        self.count(Counter::PeersClosed, &[("reason", name)], 1);
        self.note("peer_closed", id, fields![from = connection.origin.address, code, reason]);
        Some(connection)
    }

    fn with(&mut self, id: ConnectionId, change: impl FnOnce(&mut Connection)) {
        if let Some(connection) = self.connection(id) {
            change(connection);
        }
    }

    fn connection(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        let pair = self.pair.iter_mut().flat_map(|pair| [&mut pair.left, &mut pair.right]);
        pair.chain(self.connections.get_mut(&id))
            .find(|connection| connection.id == id)
            .map(|connection| &mut **connection)
    }

    fn status(&mut self) -> MeetupStatus {
        let peers = self.machine.peers();
        let now = self.now();
        let peers = peers.into_iter().filter_map(|status| {
            let connection = self.connection(status.id)?;
            Some(Peer {
                status,
                identity: connection.identity()?,
                address: connection.origin.address,
                since: connection.origin.since,
                received_ago: now - connection.received_at,
                sent: connection.sent,
            })
        });
        let peers = peers.collect();
        MeetupStatus { meetup: self.name.to_string(), peers }
    }

    fn count(&self, counter: Counter, labels: &[(&'static str, &str)], by: u64) {
        let by = usize::try_from(by).unwrap_or(usize::MAX);
        self.relay.journal.metrics.add(counter, labels, by);
    }

    /// Reports what happens as often as connections come and go, which is bounded: the names of
    /// certificates and peers, but nothing of what the peers send to each other.
    fn note(&self, event: &str, id: ConnectionId, values: Fields<'_>) {
        let own = fields![meetup = self.name, peer = id];
        self.relay.journal.note(Level::Info, event, &[own, values].concat());
    }

    /// Reports what a peer can cause at will; the journal bounds it.
    fn often(&self, event: &str, id: ConnectionId, values: Fields<'_>) {
        let own = fields![meetup = self.name, peer = id];
        self.relay.journal.client(Level::Info, event, &[own, values].concat());
    }
}

/// Writes what is unsent to a connection that no pump reads, and reads what comes from it.
fn poll_unpaired(connection: &mut Connection, cx: &mut Context<'_>, now: Instant) -> Poll<Event> {
    if let Poll::Ready(Err(error)) = connection.poll_flush(cx) {
        return Poll::Ready(Event::Ended(connection.id, End::Lost(error.kind())));
    }
    if connection.has_room_again() {
        return Poll::Ready(Event::Changes);
    }
    if connection.is_paused {
        return Poll::Pending;
    }
    connection.poll_receive(cx, false).map(|received| match received {
        Ok(Incoming::Message { is_text, payload }) => {
            connection.received_at = now;
            Event::Received(connection.id, is_text, payload)
        }
        Ok(Incoming::Control) => {
            connection.note(now, None);
            Event::Changes
        }
        Err(end) => Event::Ended(connection.id, end),
    })
}
