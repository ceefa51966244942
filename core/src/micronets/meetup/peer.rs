//! One connection of a meetup, and what is kept about it.

use alloc::{collections::VecDeque, string::String, vec::Vec};
use core::mem;

use super::input::{ConnectionId, Frame, Traffic};
use crate::micronets::{access::Identity, keepalive::Keepalive, message::Hello, pending::Side};
use crate::{base::time::Instant, micronets::pending::Both};

/// The most characters of each name of a peer that are kept.
const NAME_MAX: usize = 64;
/// Bytes that a held message costs in addition to its payload.
const FRAME_COST: usize = 64;

/// A connection and its peer.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) identity: Identity,
    pub(super) keepalive: Keepalive,
    pub(super) greeting: Greeting,
    /// Whether our writes to it are stuck.
    pub(super) is_full: bool,
    /// Whether we have asked to pause reading it.
    pub(super) is_paused: bool,
    /// Messages that it sent while it had no partner.
    pub(super) held: Held,
    pub(super) received: Traffic,
    /// When it is suspect, unless it says something.
    pub(super) answer_by: Option<Instant>,
    pub(super) is_suspect: bool,
}

/// Whether a connection's hello has come. `hello` is its message, byte for byte.
#[derive(Debug)]
pub(super) enum Greeting {
    Awaited { hello_by: Instant },
    Received { hello: Vec<u8>, names: Names },
}

/// The names in a peer's hello, cut to [`NAME_MAX`] characters.
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
            received: Traffic::default(),
            answer_by: None,
            is_suspect: false,
        }
    }

    pub(super) const fn hello_by(&self) -> Option<Instant> {
        match self.greeting {
            Greeting::Awaited { hello_by } => Some(hello_by),
            Greeting::Received { .. } => None,
        }
    }

    pub(super) const fn names(&self) -> Option<&Names> {
        match &self.greeting {
            Greeting::Awaited { .. } => None,
            Greeting::Received { names, .. } => Some(names),
        }
    }

    /// Whether both may be connections of the same peer: they have the same key and class. The id
    /// in the hello does not count, because a gateway draws a new one at each start.
    pub(super) fn is_rival(&self, identity: &Identity, names: &Names) -> bool {
        self.identity.is_same_peer(identity)
            && self.names().is_some_and(|own| own.class == names.class)
    }
}

/// The connections on the two sides of a meetup.
impl Both<Option<ConnectionId>> {
    pub(super) fn side_of(&self, id: ConnectionId) -> Option<Side> {
        Side::BOTH.into_iter().find(|side| *self.at(*side) == Some(id))
    }

    pub(super) fn partner_of(&self, id: ConnectionId) -> Option<ConnectionId> {
        *self.at(self.side_of(id)?.other())
    }

    /// Takes a free side; false if there is none.
    pub(super) fn take(&mut self, id: ConnectionId) -> bool {
        let free = Side::BOTH.into_iter().find(|side| self.at(*side).is_none());
        free.map(|side| self.at_mut(side).insert(id)).is_some()
    }

    /// Leaves a side; false if the connection had none.
    pub(super) fn leave(&mut self, id: ConnectionId) -> bool {
        self.side_of(id).and_then(|side| self.at_mut(side).take()).is_some()
    }
}

/// Messages that are held for the next partner.
#[derive(Debug, Default)]
pub(super) struct Held {
    frames: VecDeque<Frame>,
    cost: usize,
}

impl Held {
    /// Holds a message, and drops the oldest ones beyond `max` bytes.
    pub(super) fn push(&mut self, frame: Frame, max: usize) -> Traffic {
        let cost = |frame: &Frame| frame.payload.len() + FRAME_COST;
        self.cost += cost(&frame);
        self.frames.push_back(frame);
        let mut lost = Traffic::default();
        while self.cost > max
            && let Some(oldest) = self.frames.pop_front()
        {
            self.cost -= cost(&oldest);
            lost += Traffic::of(&oldest.payload);
        }
        lost
    }

    pub(super) fn take(&mut self) -> VecDeque<Frame> {
        self.cost = 0;
        mem::take(&mut self.frames)
    }

    pub(super) fn give_up(&mut self) -> Traffic {
        let mut lost = Traffic::default();
        self.take().iter().for_each(|frame| lost += Traffic::of(&frame.payload));
        lost
    }
}
