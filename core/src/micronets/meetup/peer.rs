//! One connection of a meetup, and what is kept of it.

use alloc::{collections::VecDeque, string::String, vec::Vec};
use core::mem;

use super::input::{ConnectionId, Frame};
use crate::{
    base::time::Instant,
    micronets::{access::Identity, keepalive::Keepalive, message::Hello, pending::Side},
};

/// The most characters of a peer's names that are kept.
const NAME_MAX: usize = 64;
/// What keeping one message costs beside its payload.
const FRAME_COST: usize = 64;

/// A connection.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) identity: Identity,
    pub(super) keepalive: Keepalive,
    pub(super) greeting: Greeting,
    /// Whether what we write to it waits.
    pub(super) is_full: bool,
    /// Whether we have asked not to read it.
    pub(super) is_paused: bool,
    /// What it said while it had no partner.
    pub(super) held: Held,
    pub(super) messages: u64,
    pub(super) bytes: u64,
}

/// How far a connection has come.
#[derive(Debug)]
pub(super) enum Greeting {
    Awaited { hello_by: Instant },
    Said { hello: Vec<u8>, names: Names },
}

/// A peer's names for itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Names {
    pub(super) class: Option<String>,
    pub(super) id: Option<String>,
}

impl From<Hello<'_>> for Names {
    fn from(hello: Hello<'_>) -> Self {
        let short = |name: &str| name.chars().take(NAME_MAX).collect();
        Self {
            class: hello.peer_class.as_deref().map(short),
            id: hello.peer_id.as_deref().map(short),
        }
    }
}

impl Peer {
    pub(super) fn new(identity: Identity, keepalive: Keepalive, hello_by: Instant) -> Self {
        Self {
            identity,
            keepalive,
            greeting: Greeting::Awaited { hello_by },
            is_full: false,
            is_paused: false,
            held: Held::default(),
            messages: 0,
            bytes: 0,
        }
    }

    pub(super) const fn hello_by(&self) -> Option<Instant> {
        match self.greeting {
            Greeting::Awaited { hello_by } => Some(hello_by),
            Greeting::Said { .. } => None,
        }
    }

    pub(super) const fn names(&self) -> Option<&Names> {
        match &self.greeting {
            Greeting::Awaited { .. } => None,
            Greeting::Said { names, .. } => Some(names),
        }
    }

    /// Whether it may be another connection of the same peer: one key, one class. The id in the
    /// hello tells nothing, since a gateway draws a new one at each start.
    pub(super) fn is_rival(&self, identity: &Identity, names: &Names) -> bool {
        self.identity.is_same_peer(identity)
            && self.names().is_some_and(|own| own.class == names.class)
    }
}

/// The two places of a meetup.
#[derive(Debug, Default)]
pub(super) struct Sides {
    left: Option<ConnectionId>,
    right: Option<ConnectionId>,
}

impl Sides {
    pub(super) const fn at(&self, side: Side) -> Option<ConnectionId> {
        match side {
            Side::Left => self.left,
            Side::Right => self.right,
        }
    }

    const fn side_mut(&mut self, side: Side) -> &mut Option<ConnectionId> {
        match side {
            Side::Left => &mut self.left,
            Side::Right => &mut self.right,
        }
    }

    pub(super) fn side_of(&self, id: ConnectionId) -> Option<Side> {
        Side::BOTH.into_iter().find(|side| self.at(*side) == Some(id))
    }

    pub(super) fn partner_of(&self, id: ConnectionId) -> Option<ConnectionId> {
        self.at(self.side_of(id)?.other())
    }

    pub(super) fn both(&self) -> Option<(ConnectionId, ConnectionId)> {
        self.left.zip(self.right)
    }

    /// Takes a free place, if there is one.
    pub(super) fn take(&mut self, id: ConnectionId) -> bool {
        let free = Side::BOTH.into_iter().find(|side| self.at(*side).is_none());
        free.map(|side| self.side_mut(side).insert(id)).is_some()
    }

    /// Leaves a place; whether there was one.
    pub(super) fn leave(&mut self, id: ConnectionId) -> bool {
        let side = self.side_of(id);
        side.and_then(|side| self.side_mut(side).take()).is_some()
    }
}

/// Messages that wait for a partner.
#[derive(Debug, Default)]
pub(super) struct Held {
    frames: VecDeque<Frame>,
    cost: usize,
}

/// How much was given up.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lost {
    pub(super) messages: usize,
    pub(super) bytes: usize,
}

impl Lost {
    fn count(&mut self, frame: &Frame) {
        self.messages += 1;
        self.bytes += frame.payload.len();
    }
}

impl Held {
    /// Keeps a message, and gives up the oldest ones beyond `max` bytes.
    pub(super) fn push(&mut self, frame: Frame, max: usize) -> Lost {
        let cost = |frame: &Frame| frame.payload.len() + FRAME_COST;
        self.cost += cost(&frame);
        self.frames.push_back(frame);
        let mut lost = Lost::default();
        while self.cost > max
            && let Some(oldest) = self.frames.pop_front()
        {
            self.cost -= cost(&oldest);
            lost.count(&oldest);
        }
        lost
    }

    pub(super) fn take(&mut self) -> VecDeque<Frame> {
        self.cost = 0;
        mem::take(&mut self.frames)
    }

    pub(super) fn give_up(&mut self) -> Lost {
        let mut lost = Lost::default();
        self.take().iter().for_each(|frame| lost.count(frame));
        lost
    }
}
