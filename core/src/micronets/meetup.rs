//! The meetup: two peers find each other, are introduced, and are kept together.
//!
//! ```text
//!          both sides are taken            a paired connection goes or is closed
//! Apart ────────────────────────> Relaying ─────────────────────────> Parting
//!   ^    Send hellos, Paired                          Part               │
//!   └────────────────────────────────────────────────────────────────────┘
//!                     Parted: 502 for unanswered requests
//! ```
//!
//! A connection is pinged from its first moment and must say hello in time. With the hello it takes
//! one of two sides. Each peer gets the other's hello, byte for byte, and from then on everything
//! that either sends goes to the other. When one leaves, the other keeps its side and is introduced
//! to the next partner. Until then its requests are answered with 503, its responses are dropped
//! because nobody waits for them, and its other messages are held for the next partner.
//!
//! A third peer is refused, with one exception. If it has the key and the class of a peer that is
//! here, it may be that peer, connected again before we noticed that its old connection is dead.
//! With the same id it is, and takes the side at once: a real gateway may be wedged behind a
//! connection that answers pings. So it does if that peer is *suspect*: its partner waits for
//! responses, and it has said nothing for `request_timeout`. Otherwise the old connection is
//! pinged. If it shows no sign of life within [`PROBE_TIMEOUT`], the new one takes its side.
//! Otherwise they are two peers, which pair as in the original if a side is free.
//!
//! The meetup does not relay: messages between paired peers do not pass through it.
//!
//! # Driving it
//!
//! One task owns a meetup. It makes it for the first connection and may drop it once
//! [`Meetup::is_empty`] holds.
//!
//! - The task reads connections that are not paired. It hands each message in as `Received` and
//!   reads the next one when the outputs are carried out. So `Pause` takes effect between two
//!   messages, and what a peer sends right behind its hello is read by a pump.
//! - `Paired` gives two connections to two pumps, which share the [`PendingRequests`] and nothing
//!   else. A pump notes each message there, counts it, and then feeds it to the other connection,
//!   so no response overtakes the note of its request. It flushes when nothing more is ready. A
//!   message is no input to the meetup; and if the task owns the pumps too, it takes no lock.
//! - A pump whose reader is slow stops reading; this alone slows the sender down. Whenever the task
//!   wakes, it first reports for each pump what was counted since the last time (`Traffic`), and
//!   whether what it writes to is stuck (`Full`) or has moved on (`Drained`). Then it runs what is
//!   due or hands in what it woke for. Liveness is judged only when a deadline is due, so a late
//!   report is as good as an early one.
//! - A pong is `Traffic` of no messages. Peers' pings are answered by the websocket library.
//! - `Part` stops the pumps; the next input is `Parted`, with the pending requests. A pump still
//!   passes on what it has read, if it can. Other outputs to the two are carried out after that.
//! - A pump whose connection ends reports `Closed` or `Broken` and goes on waiting for `Part`.

use alloc::{boxed::Box, collections::BTreeMap, collections::VecDeque, vec::Vec};
use core::{mem, time::Duration};

use http_types::StatusCode;

pub mod input;
pub mod output;

mod peer;

pub mod status;
mod unpaired;

use self::input::{Config, ConnectionId, Frame, Input, OnPartnerLoss, Traffic};
use self::{output::Output, peer::Greeting, peer::Names, peer::Peer};
use super::pending::{Both, PendingRequests, Side};
use super::{access::Identity, close_reason::CloseReason};
use super::{close_reason::Fault, keepalive::Due, keepalive::Keepalive, message::Hello};
use crate::base::{machine::Machine, time::Instant};

/// The most connections of one meetup, the two that are paired included.
pub const CONNECTIONS_MAX: usize = 8;
/// The most bytes of a hello, which is kept for as long as its connection.
pub const HELLO_MAX: usize = 16 << 10;
/// How long a peer has to show life while a new connection claims its side.
pub const PROBE_TIMEOUT: Duration = Duration::from_secs(3);
/// How long after a parting late responses are expected.
const ORPHANS_KEPT: Duration = Duration::from_secs(60);

/// How the two sides are connected. A pair is the two that were introduced; since then one may have
/// left, and another may have taken its side.
#[derive(Debug)]
enum State {
    Apart { pending: PendingRequests, since: Instant },
    Parting { pair: Both<ConnectionId> },
    Relaying { pair: Both<ConnectionId> },
}

/// A connection that claims the side of `rival`, which may be an older one of the same peer.
#[derive(Clone, Copy, Debug)]
struct Claim {
    id: ConnectionId,
    rival: ConnectionId,
    probe_by: Instant,
}

/// The machine of one meetup. Its config may be replaced by an input; the seed is not used.
#[derive(Debug)]
pub struct Meetup {
    config: Config,
    /// Boxed, because a map of two peers reserves room for eleven.
    peers: BTreeMap<ConnectionId, Box<Peer>>,
    /// The connections on the two sides.
    sides: Both<Option<ConnectionId>>,
    state: State,
    /// The peer that outlived its last partner. Orphaned requests are its own, or those that it has
    /// not answered; once it leaves too, they are forgotten.
    survivor: Option<ConnectionId>,
    claim: Option<Claim>,
    stopped: bool,
    last_id: u64,
    outputs: VecDeque<Output>,
}

impl Meetup {
    /// Whether there is no connection and no pump runs.
    pub fn is_empty(&self) -> bool {
        self.peers.is_empty() && matches!(self.state, State::Apart { .. })
    }

    /// Whether two peers were introduced, and neither is suspect.
    pub fn is_healthy(&self) -> bool {
        let has_suspect = self.peers.values().any(|peer| peer.is_suspect);
        matches!(self.state, State::Relaying { .. }) && !has_suspect
    }

    fn opened(&mut self, now: Instant, id: ConnectionId, identity: Identity) {
        if self.peers.contains_key(&id) {
            return;
        }
        let seated = |side| self.peers.get(&(*self.sides.at(side))?).map(Box::as_ref);
        let is_other =
            |peer: Option<&Peer>| peer.is_some_and(|peer| !peer.identity.is_same_peer(&identity));
        let refusal = if self.stopped {
            Some(CloseReason::Stopping)
        } else if Side::BOTH.into_iter().all(|side| is_other(seated(side))) {
            // Its key differs from both, so it cannot be one of them, whatever its hello says.
            Some(CloseReason::Occupied)
        } else if self.peers.len() >= CONNECTIONS_MAX {
            Some(CloseReason::Crowded)
        } else {
            None
        };
        if let Some(reason) = refusal {
            self.outputs.push_back(Output::Close { id, reason });
            return;
        }
        let keepalive = Keepalive::new(now, self.config.pings);
        let peer = Peer::new(identity, keepalive, now + self.config.hello_timeout);
        self.peers.insert(id, Box::new(peer));
    }

    fn received(&mut self, now: Instant, id: ConnectionId, frame: Frame) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        peer.received += Traffic::of(&frame.payload);
        let is_greeted = peer.names().is_some();
        self.note_activity(now, id);
        self.note_words(id);
        match (&self.state, self.sides.side_of(id), self.sides.partner_of(id)) {
            _ if !is_greeted => self.greet(now, id, frame),
            (State::Relaying { .. }, Some(_), Some(partner)) => {
                self.outputs.push_back(Output::Send { id: partner, frame });
            }
            (_, Some(side), _) => self.receive_unpaired(side, id, frame),
            // It claims a side and is paused, but this message was under way.
            (_, None, _) => self.dropped(id, Traffic::of(&frame.payload)),
        }
    }

    /// Takes the first message of a connection, which must be a hello.
    fn greet(&mut self, now: Instant, id: ConnectionId, frame: Frame) {
        let hello = if frame.payload.len() > HELLO_MAX {
            Err(CloseReason::Faulty(Fault::Oversize { max: HELLO_MAX }))
        } else {
            Hello::parse(&frame.payload).map(Names::from).map_err(CloseReason::HelloInvalid)
        };
        let names = match hello {
            Ok(names) => names,
            Err(reason) => return self.close(id, reason),
        };
        let Some(peer) = self.peers.get(&id) else { return };
        let rival = Side::BOTH
            .into_iter()
            .filter_map(|side| *self.sides.at(side))
            .find(|id| self.peers.get(id).is_some_and(|own| own.is_rival(&peer.identity, &names)));
        self.outputs.push_back(Output::Greeted {
            id,
            peer_class: names.class.clone(),
            peer_id: names.id.clone(),
        });
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.greeting = Greeting::Received { hello: frame.payload, names };
        }
        match rival {
            // Its own connection of before, which may answer pings all the same.
            Some(rival) if self.is_renewed(rival, id) || self.is_suspect(rival) => {
                self.close(rival, CloseReason::Replaced);
                self.sides.take(id);
            }
            Some(rival) => self.claim(now, id, rival),
            None if self.sides.take(id) => {}
            None => self.close(id, CloseReason::Occupied),
        }
    }

    /// Whether the peers of two connections of one key and class also have one id.
    fn is_renewed(&self, earlier: ConnectionId, later: ConnectionId) -> bool {
        let id = |of| self.peers.get(&of)?.names()?.id.as_ref();
        id(earlier).is_some_and(|earlier| id(later) == Some(earlier))
    }

    fn is_suspect(&self, id: ConnectionId) -> bool {
        self.peers.get(&id).is_some_and(|peer| peer.is_suspect)
    }

    /// Probes a peer, because a new connection may be the same peer.
    fn claim(&mut self, now: Instant, id: ConnectionId, rival: ConnectionId) {
        if let Some(earlier) = self.claim.take() {
            self.close(earlier.id, CloseReason::Replaced);
        }
        let claim = Claim { id, rival, probe_by: now + PROBE_TIMEOUT };
        self.claim = Some(claim);
        let rival_keepalive = self.peers.get(&rival).map(|peer| peer.keepalive);
        if rival_keepalive.is_some_and(|keepalive| !matches!(keepalive, Keepalive::Suspended)) {
            self.outputs.push_back(Output::Ping(rival));
        } else {
            // It is not read, so it cannot show life.
            self.survived(rival);
        }
    }

    /// Notes a sign of life.
    fn note_activity(&mut self, now: Instant, id: ConnectionId) {
        let timing = self.config.pings;
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.keepalive.note_activity(now, timing);
            self.survived(id);
        }
    }

    /// Notes that a peer says more than pongs.
    fn note_words(&mut self, id: ConnectionId) {
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.answer_by = None;
            if mem::take(&mut peer.is_suspect) {
                self.outputs.push_back(Output::Judged { id, is_suspect: false });
            }
        }
    }

    /// A peer lives, so the connection that claimed its side is another peer.
    fn survived(&mut self, rival: ConnectionId) {
        let claim = self.claim.take_if(|claim| claim.rival == rival);
        self.settle_claim(claim);
    }

    /// Ends a claim: the connection that made it takes a free side or is refused.
    fn settle_claim(&mut self, claim: Option<Claim>) {
        if let Some(claim) = claim
            && !self.sides.take(claim.id)
        {
            self.close(claim.id, CloseReason::Occupied);
        }
    }

    fn close(&mut self, id: ConnectionId, reason: CloseReason) {
        if self.peers.contains_key(&id) {
            self.leave(id);
            self.outputs.push_back(Output::Close { id, reason });
        }
    }

    /// Forgets a connection.
    fn leave(&mut self, id: ConnectionId) {
        let Some(mut peer) = self.peers.remove(&id) else { return };
        let lost = peer.held.give_up();
        self.dropped(id, lost);
        self.claim.take_if(|claim| claim.id == id);
        if self.sides.leave(id) {
            match &mut self.state {
                State::Apart { pending, .. } if self.survivor == Some(id) => {
                    pending.forget_orphans();
                }
                State::Apart { .. } | State::Parting { .. } => {}
                State::Relaying { pair } => {
                    self.state = State::Parting { pair: *pair };
                    self.outputs.push_back(Output::Part);
                }
            }
        }
    }

    /// Takes the pending requests back.
    fn parted(&mut self, now: Instant, mut pending: PendingRequests) {
        let (State::Parting { pair } | State::Relaying { pair }) = self.state else { return };
        if self.survivor.is_some_and(|id| self.sides.side_of(id).is_none()) {
            pending.forget_orphans();
        }
        let sides = Side::BOTH.map(|side| (side, *self.sides.at(side) == Some(*pair.at(side))));
        let stayed = sides.into_iter().filter_map(|(side, stays)| stays.then_some(side));
        for (side, stays) in sides {
            let open = pending.part(side);
            if stays {
                self.peers.get_mut(pair.at(side)).into_iter().for_each(|own| own.answer_by = None);
                self.answer(*pair.at(side), &open, StatusCode::BadGateway);
            }
        }
        self.survivor = stayed.clone().next().map(|side| *pair.at(side));
        if self.survivor.is_none() {
            pending.forget_orphans();
        }
        self.state = State::Apart { pending, since: now };
        if self.config.on_partner_loss == OnPartnerLoss::Close {
            for side in stayed {
                self.close(*pair.at(side), CloseReason::PartnerLeft);
            }
        }
    }

    /// Brings claims, pairs and pauses up to date after an input or a timeout.
    fn settle(&mut self, now: Instant) {
        let claim = self.claim.take_if(|claim| self.sides.side_of(claim.rival).is_none());
        self.settle_claim(claim);
        if let (Both { left: Some(left), right: Some(right) }, State::Apart { .. }) =
            (self.sides, &self.state)
        {
            self.introduce(now, Both { left, right });
        }
        self.balance(now);
    }

    fn introduce(&mut self, now: Instant, pair: Both<ConnectionId>) {
        let relaying = State::Relaying { pair };
        let State::Apart { mut pending, since } = mem::replace(&mut self.state, relaying) else {
            return;
        };
        for side in Side::BOTH {
            let id = *pair.at(side);
            let Some(partner) = self.peers.get_mut(pair.at(side.other())) else { continue };
            if let Greeting::Received { hello, .. } = &partner.greeting {
                let frame = Frame::text(hello.clone());
                self.outputs.push_back(Output::Send { id, frame });
            }
            let held = partner.held.take();
            self.outputs.extend(held.into_iter().map(|frame| Output::Send { id, frame }));
        }
        if now - since > ORPHANS_KEPT {
            pending.forget_orphans();
        }
        let Both { left, right } = pair;
        self.outputs.push_back(Output::Paired { left, right, pending });
    }

    /// Pauses and resumes reading, so that no more is read than can be written.
    fn balance(&mut self, now: Instant) {
        let timing = self.config.pings;
        let is_relaying = matches!(self.state, State::Relaying { .. });
        let ids: Vec<_> = self.peers.keys().copied().collect();
        for id in ids {
            // Answers to a peer without a partner go to that peer itself.
            let reader = if is_relaying { self.sides.partner_of(id) } else { Some(id) };
            let is_stuck = reader
                .and_then(|reader| self.peers.get(&reader))
                .is_some_and(|reader| reader.is_full);
            let is_paused = is_stuck || self.claim.is_some_and(|claim| claim.id == id);
            let Some(peer) = self.peers.get_mut(&id) else { continue };
            peer.keepalive.adapt(match (peer.is_full, is_paused) {
                (true, _) => Keepalive::blocked(now, timing),
                (false, true) => Keepalive::Suspended,
                (false, false) => Keepalive::new(now, timing),
            });
            if mem::replace(&mut peer.is_paused, is_paused) != is_paused {
                let output = if is_paused { Output::Pause(id) } else { Output::Resume(id) };
                self.outputs.push_back(output);
            }
        }
    }

    /// Notes whether writes to a connection are stuck; gives what was noted before.
    fn set_full(&mut self, id: ConnectionId, is_full: bool) -> bool {
        let peer = self.peers.get_mut(&id);
        peer.is_some_and(|peer| mem::replace(&mut peer.is_full, is_full))
    }
}

impl Machine for Meetup {
    type Config = Config;
    type Input = Input;
    type Output = Output;

    fn new(config: Config, _seed: u64, now: Instant) -> Self {
        Self {
            config,
            peers: BTreeMap::new(),
            sides: Both::default(),
            state: State::Apart { pending: PendingRequests::default(), since: now },
            survivor: None,
            claim: None,
            stopped: false,
            last_id: 0,
            outputs: VecDeque::new(),
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        if let Some(claim) = self.claim.filter(|claim| claim.probe_by <= now) {
            self.close(claim.rival, CloseReason::Replaced);
        }
        let timing = self.config.pings;
        let ids: Vec<_> = self.peers.keys().copied().collect();
        for id in ids {
            let Some(peer) = self.peers.get_mut(&id) else { continue };
            if peer.hello_by().is_some_and(|at| at <= now) {
                self.close(id, CloseReason::HelloMissing { after: self.config.hello_timeout });
                continue;
            }
            if peer.answer_by.take_if(|at| *at <= now).is_some() {
                peer.is_suspect = true;
                self.outputs.push_back(Output::Judged { id, is_suspect: true });
            }
            match peer.keepalive.take_due(now, timing) {
                Due::None => {}
                Due::Ping => self.outputs.push_back(Output::Ping(id)),
                Due::Close(reason) => self.close(id, reason),
            }
        }
        self.settle(now);
    }

    fn handle_input(&mut self, now: Instant, input: Input) {
        match input {
            Input::Barred(id) => self.close(id, CloseReason::Barred),
            Input::Broken { id, fault } => self.close(id, CloseReason::Faulty(fault)),
            Input::Closed(id) => self.leave(id),
            Input::Configured(config) => self.config = config,
            Input::Drained(id) => {
                // Taking something again is a sign of life.
                if self.set_full(id, false) {
                    self.note_activity(now, id);
                }
            }
            Input::Full(id) => {
                self.set_full(id, true);
            }
            Input::Opened { id, identity } => self.opened(now, id, identity),
            Input::Owing(id) => {
                if let Some(peer) = self.peers.get_mut(&id).filter(|peer| !peer.is_suspect) {
                    peer.answer_by.get_or_insert(now + self.config.request_timeout);
                }
            }
            Input::Parted(pending) => self.parted(now, pending),
            Input::Received { id, frame } => self.received(now, id, frame),
            Input::Stop => {
                self.stopped = true;
                let ids: Vec<_> = self.peers.keys().copied().collect();
                ids.into_iter().for_each(|id| self.close(id, CloseReason::Stopping));
            }
            Input::Traffic { id, traffic } => {
                if let Some(peer) = self.peers.get_mut(&id) {
                    peer.received += traffic;
                }
                self.note_activity(now, id);
                if traffic.messages > 0 {
                    self.note_words(id);
                }
            }
        }
        self.settle(now);
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let peers = self.peers.values();
        let deadlines =
            peers.flat_map(|peer| [peer.keepalive.poll_timeout(), peer.hello_by(), peer.answer_by]);
        deadlines.flatten().chain(self.claim.map(|claim| claim.probe_by)).min()
    }
}

#[cfg(test)]
mod tests;
