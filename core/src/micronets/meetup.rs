//! The meetup: two peers find each other, are introduced, and are kept together.
//!
//! ```text
//!           both places taken                   one of them goes, or is closed
//! Apart ────────────────────────> Relaying ───────────────────────────> Parting
//!   ^    Send hellos, Paired                          Part                 │
//!   └──────────────────────────────────────────────────────────────────────┘
//!                     Parted: 502 to whoever still waits
//! ```
//!
//! A connection is pinged from its first moment and must say hello in time. With the hello it takes
//! one of two places. Each peer gets the other's hello, byte for byte, and from then on all that
//! either says goes to the other. A peer outlives its partner: it keeps its place and is introduced
//! again. Meanwhile its requests are answered with 503, other messages wait for the next partner,
//! and responses, which nobody waits for any more, are dropped.
//!
//! A third peer is refused, with one exception. If it has the key and the class of a peer that is
//! here, it may be that peer, come again before we noticed that its old connection is dead. Then
//! the old one is pinged. If it shows no life within [`PROBE_TIMEOUT`], the new one takes its
//! place; if it lives, they are two peers, which may pair as in the original if there is room.
//!
//! It is not the relay. What two peers say to each other does not pass through here.
//!
//! # Driving it
//!
//! One task owns a meetup: it makes it for the first connection and may drop it once
//! [`Meetup::is_empty`] holds.
//!
//! - While a connection is not paired, that task reads it: one message, which it hands in as
//!   `Received`, and the next one only when the outputs are carried out. So `Pause` takes effect
//!   between two messages, and what a peer sends right behind its hello finds the pumps ready.
//! - `Paired` gives two connections to two pumps, which share the [`PendingRequests`] and nothing
//!   else. For each message a pump notes it there, counts it, and feeds it to the other connection;
//!   it flushes once nothing more is ready. Thus a message costs no input, and where the pumps
//!   belong to that task too, no lock. Noting comes before feeding, so no response overtakes the
//!   note of its request.
//! - A pump that waits for a slow reader reads nothing, which is all the pushing back there is. It
//!   reports nothing either: whenever the task wakes, it first reports for each pump what was
//!   counted since the last time (`Traffic`), and whether what it writes to is stuck (`Full`) or
//!   has moved on (`Drained`). Only then it runs what is due or hands in what it woke for. Liveness
//!   is judged at deadlines only, so such late reports judge as well as early ones.
//! - Pongs count as `Traffic` of no messages. Pings of peers are the websocket library's work.
//! - `Part` stops the pumps; the next input is `Parted`, with the pending requests. What a pump
//!   has read it still passes on if it can. Other outputs to these connections are carried out after that.
//! - A pump whose connection ends reports `Closed` or `Broken` and goes on waiting for `Part`.

use alloc::{
    boxed::Box,
    collections::{BTreeMap, VecDeque},
    vec::Vec,
};
use core::{mem, time::Duration};

use http_types::StatusCode;

pub mod input;
pub mod output;

mod peer;

pub mod status;
mod unpaired;

use self::{
    input::{Config, ConnectionId, Frame, Input, OnPartnerLoss},
    output::Output,
    peer::{Greeting, Lost, Names, Peer, Sides},
};
use super::{
    access::Identity,
    close_reason::{CloseReason, Fault},
    keepalive::{Condition, Due, Keepalive, Timing},
    message::Hello,
    pending::{PendingRequests, Side},
};
use crate::base::{machine::Machine, time::Instant};

/// The most connections of one meetup, the two that are paired included.
pub const CONNECTIONS_MAX: usize = 8;
/// The most bytes of a hello, which is kept for as long as its connection.
pub const HELLO_MAX: usize = 16 << 10;
/// How long a peer has to show life while a new connection claims its place.
pub const PROBE_TIMEOUT: Duration = Duration::from_secs(3);
/// After this no late response is expected any more.
const ORPHANS_KEPT: Duration = Duration::from_secs(60);

/// How the two places are connected.
#[derive(Debug)]
enum State {
    Apart { pending: PendingRequests, since: Instant },
    Parting { pair: Pair },
    Relaying { pair: Pair },
}

/// Who was introduced. A place may have been left, or taken by another, since.
#[derive(Clone, Copy, Debug)]
struct Pair {
    left: ConnectionId,
    right: ConnectionId,
}

impl Pair {
    const fn at(self, side: Side) -> ConnectionId {
        match side {
            Side::Left => self.left,
            Side::Right => self.right,
        }
    }
}

/// A connection that claims another's place.
#[derive(Clone, Copy, Debug)]
struct Claim {
    id: ConnectionId,
    rival: ConnectionId,
    probe_by: Instant,
}

/// The meetup machine.
#[derive(Debug)]
pub struct Meetup {
    config: Config,
    /// Boxed, because a map of two has room for eleven.
    peers: BTreeMap<ConnectionId, Box<Peer>>,
    sides: Sides,
    state: State,
    /// Who outlived its last partner. Requests that were orphaned concern it: it asked them, or is
    /// late with the responses. Once it leaves too, their ids mean something else.
    survivor: Option<ConnectionId>,
    claim: Option<Claim>,
    stopped: bool,
    last_id: u64,
    outputs: VecDeque<Output>,
}

impl Meetup {
    /// Whether nobody is here and no pump runs.
    pub fn is_empty(&self) -> bool {
        self.peers.is_empty() && matches!(self.state, State::Apart { .. })
    }

    const fn timing(&self) -> Timing {
        Timing { interval: self.config.ping_interval, timeout: self.config.ping_timeout }
    }

    fn opened(&mut self, now: Instant, id: ConnectionId, identity: Identity) {
        if self.peers.contains_key(&id) {
            return;
        }
        let seated = |side| self.peers.get(&self.sides.at(side)?).map(Box::as_ref);
        let is_other =
            |peer: Option<&Peer>| peer.is_some_and(|peer| !peer.identity.is_same_peer(&identity));
        let refusal = if self.stopped {
            Some(CloseReason::Stopping)
        } else if Side::BOTH.into_iter().all(|side| is_other(seated(side))) {
            // It cannot be one of the two, whatever its hello says.
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
        let keepalive = Keepalive::new(now, self.timing());
        let peer = Peer::new(identity, keepalive, now + self.config.hello_timeout);
        self.peers.insert(id, Box::new(peer));
    }

    fn received(&mut self, now: Instant, id: ConnectionId, frame: Frame) {
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        peer.messages += 1;
        peer.bytes += frame.payload.len() as u64;
        let is_greeted = peer.names().is_some();
        self.heard(now, id);
        match (&self.state, self.sides.side_of(id), self.sides.partner_of(id)) {
            _ if !is_greeted => self.greet(now, id, frame),
            (State::Relaying { .. }, Some(_), Some(partner)) => {
                self.outputs.push_back(Output::Send { id: partner, frame });
            }
            (_, Some(side), _) => self.receive_unpaired(side, id, frame),
            // Reading it is paused, so this is one that was under way.
            (_, None, _) => self.dropped(id, Lost { messages: 1, bytes: frame.payload.len() }),
        }
    }

    /// Takes a first message, which must be a hello.
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
        let Some(peer) = self.peers.get(&id) else {
            return;
        };
        let rival = Side::BOTH
            .into_iter()
            .filter_map(|side| self.sides.at(side))
            .find(|seated| self.is_rival(*seated, &peer.identity, &names));
        self.outputs.push_back(Output::Greeted {
            id,
            peer_class: names.class.clone(),
            peer_id: names.id.clone(),
        });
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.greeting = Greeting::Said { hello: frame.payload, names };
        }
        match rival {
            Some(rival) => self.claim(now, id, rival),
            None if self.sides.take(id) => {}
            None => self.close(id, CloseReason::Occupied),
        }
    }

    fn is_rival(&self, seated: ConnectionId, identity: &Identity, names: &Names) -> bool {
        self.peers.get(&seated).is_some_and(|peer| peer.is_rival(identity, names))
    }

    /// Asks a peer for a sign of life, because a new connection may be the same peer.
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
            // It is not its fault that it cannot be heard.
            self.survived(rival);
        }
    }

    /// Notes a sign of life.
    fn heard(&mut self, now: Instant, id: ConnectionId) {
        let timing = self.timing();
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.keepalive.heard(now, timing);
            self.survived(id);
        }
    }

    /// A peer lives: whoever claimed its place is another one.
    fn survived(&mut self, rival: ConnectionId) {
        if let Some(claim) = self.claim.take_if(|claim| claim.rival == rival)
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
        let Some(mut peer) = self.peers.remove(&id) else {
            return;
        };
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
        let (State::Parting { pair } | State::Relaying { pair }) = self.state else {
            return;
        };
        if self.survivor.is_some_and(|id| self.sides.side_of(id).is_none()) {
            pending.forget_orphans();
        }
        let sides = Side::BOTH.map(|side| (side, self.sides.at(side) == Some(pair.at(side))));
        let stayed = sides.into_iter().filter_map(|(side, stays)| stays.then_some(side));
        for (side, stays) in sides {
            let open = pending.part(side);
            if stays {
                self.answer(pair.at(side), &open, StatusCode::BadGateway);
            }
        }
        self.survivor = stayed.clone().next().map(|side| pair.at(side));
        if self.survivor.is_none() {
            pending.forget_orphans();
        }
        self.state = State::Apart { pending, since: now };
        if self.config.on_partner_loss == OnPartnerLoss::Close {
            for side in stayed {
                self.close(pair.at(side), CloseReason::PartnerLeft);
            }
        }
    }

    /// Does what an input or a timeout made possible.
    fn settle(&mut self, now: Instant) {
        if let Some(claim) = self.claim.take_if(|claim| self.sides.side_of(claim.rival).is_none())
            && !self.sides.take(claim.id)
        {
            self.close(claim.id, CloseReason::Occupied);
        }
        if let Some((left, right)) = self.sides.both()
            && matches!(self.state, State::Apart { .. })
        {
            self.introduce(now, Pair { left, right });
        }
        self.balance(now);
    }

    fn introduce(&mut self, now: Instant, pair: Pair) {
        let relaying = State::Relaying { pair };
        let State::Apart { mut pending, since } = mem::replace(&mut self.state, relaying) else {
            return;
        };
        for side in Side::BOTH {
            let id = pair.at(side);
            let Some(partner) = self.peers.get_mut(&pair.at(side.other())) else {
                continue;
            };
            if let Greeting::Said { hello, .. } = &partner.greeting {
                let frame = Frame::text(hello.clone());
                self.outputs.push_back(Output::Send { id, frame });
            }
            let held = partner.held.take();
            self.outputs.extend(held.into_iter().map(|frame| Output::Send { id, frame }));
        }
        if now - since > ORPHANS_KEPT {
            pending.forget_orphans();
        }
        let Pair { left, right } = pair;
        self.outputs.push_back(Output::Paired { left, right, pending });
    }

    /// Lets no more be read than can be written.
    fn balance(&mut self, now: Instant) {
        let timing = self.timing();
        let is_relaying = matches!(self.state, State::Relaying { .. });
        let ids: Vec<_> = self.peers.keys().copied().collect();
        for id in ids {
            // What a peer without a partner sends may be answered to itself.
            let reader = if is_relaying { self.sides.partner_of(id) } else { Some(id) };
            let is_stuck = reader
                .and_then(|reader| self.peers.get(&reader))
                .is_some_and(|reader| reader.is_full);
            let is_paused = is_stuck || self.claim.is_some_and(|claim| claim.id == id);
            let Some(peer) = self.peers.get_mut(&id) else {
                continue;
            };
            let condition = match (peer.is_full, is_paused) {
                (true, _) => Condition::Blocked,
                (false, true) => Condition::Unread,
                (false, false) => Condition::Open,
            };
            peer.keepalive.adapt(now, condition, timing);
            if mem::replace(&mut peer.is_paused, is_paused) != is_paused {
                let output = if is_paused { Output::Pause(id) } else { Output::Resume(id) };
                self.outputs.push_back(output);
            }
        }
    }

    /// Notes whether what is written to it waits, and gives what was so before.
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
            sides: Sides::default(),
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
        let timing = self.timing();
        let ids: Vec<_> = self.peers.keys().copied().collect();
        for id in ids {
            let Some(peer) = self.peers.get_mut(&id) else {
                continue;
            };
            if peer.hello_by().is_some_and(|at| at <= now) {
                self.close(id, CloseReason::HelloMissing { after: self.config.hello_timeout });
                continue;
            }
            match peer.keepalive.take_due(now, timing) {
                Due::None => {}
                Due::Ping => self.outputs.push_back(Output::Ping(id)),
                Due::Stalled => {
                    self.close(id, CloseReason::Stalled { after: timing.silence_max() });
                }
                Due::Unanswered => {
                    self.close(id, CloseReason::Unanswered { after: timing.timeout });
                }
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
                // That it took something again is a sign of life.
                if self.set_full(id, false) {
                    self.heard(now, id);
                }
            }
            Input::Full(id) => {
                self.set_full(id, true);
            }
            Input::Opened { id, identity } => self.opened(now, id, identity),
            Input::Parted(pending) => self.parted(now, pending),
            Input::Received { id, frame } => self.received(now, id, frame),
            Input::Stop => {
                self.stopped = true;
                let ids: Vec<_> = self.peers.keys().copied().collect();
                ids.into_iter().for_each(|id| self.close(id, CloseReason::Stopping));
            }
            Input::Traffic { id, messages, bytes } => {
                if let Some(peer) = self.peers.get_mut(&id) {
                    peer.messages += messages;
                    peer.bytes += bytes;
                }
                self.heard(now, id);
            }
        }
        self.settle(now);
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let peers = self.peers.values();
        let deadlines = peers.flat_map(|peer| [peer.keepalive.poll_timeout(), peer.hello_by()]);
        deadlines.flatten().chain(self.claim.map(|claim| claim.probe_by)).min()
    }
}

#[cfg(test)]
mod tests;
