//! Which requests wait for a response, in each direction of a pair.
//!
//! Whoever relays a pair's messages notes each of them here. Only [`peek`] looks at them, and only
//! ids are remembered, so it costs a relayed message about as much as that look. It is no machine: it neither waits nor decides. The meetup lends it out when it pairs two
//! peers, and reads from it, when they part, who is owed an answer.
//!
//! What was never answered is *orphaned* when a pair parts: its sender is gone, or was told that
//! there will be no response. A response to it that comes late is not for the next partner, which
//! numbers its own requests from one again.

use alloc::{
    borrow::Cow,
    boxed::Box,
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};

use super::{
    message::Id,
    peek::{Peek, peek},
};

/// The most requests of one peer that are remembered; later ones are relayed all the same. The real
/// gateway handles one at a time and queues thirty-two.
pub const OPEN_MAX: usize = 1_024;
/// The most bytes of an id that is remembered.
pub const ID_MAX: usize = 128;

/// One of the two places of a meetup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// Whose place was taken first.
    Left,
    /// The other.
    Right,
}

impl Side {
    /// Both sides.
    pub const BOTH: [Self; 2] = [Self::Left, Self::Right];

    /// The partner's side.
    pub const fn other(self) -> Self {
        match self {
            Self::Left => Self::Right,
            Self::Right => Self::Left,
        }
    }
}

/// What shall become of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// Pass it on, as it is.
    Relay,
    /// Drop it: it answers somebody who is no longer here.
    Stale,
}

/// The open requests of a pair.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PendingRequests {
    left: Asked,
    right: Asked,
}

/// The requests of one side.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Asked {
    /// Their ids, and whether each was sent as a text.
    open: BTreeMap<Box<str>, bool>,
    orphaned: BTreeSet<Box<str>>,
}

impl PendingRequests {
    /// Takes note of a message that `from` sent, before it is passed on.
    pub fn note(&mut self, from: Side, payload: &[u8]) -> Verdict {
        match peek(payload) {
            None => Verdict::Relay,
            Some(Peek::Request(id)) => {
                self.asked(from).ask(&id);
                Verdict::Relay
            }
            Some(Peek::Response(to)) => self.asked(from.other()).answer(&to),
        }
    }

    /// How many requests of `side` wait.
    pub fn open(&self, side: Side) -> usize {
        match side {
            Side::Left => self.left.open.len(),
            Side::Right => self.right.open.len(),
        }
    }

    /// Ends a pairing: gives the waiting requests of `side`, and orphans them.
    pub(super) fn part(&mut self, side: Side) -> Vec<Id<'static>> {
        let Asked { open, orphaned } = self.asked(side);
        let open = core::mem::take(open);
        orphaned.extend(open.keys().cloned());
        while orphaned.len() > OPEN_MAX {
            orphaned.pop_first();
        }
        open.into_iter()
            .filter_map(|(id, is_text)| Id::written(Cow::Owned(id.into()), is_text))
            .collect()
    }

    /// Expects no late responses any more.
    pub(super) fn forget_orphans(&mut self) {
        self.left.orphaned.clear();
        self.right.orphaned.clear();
    }

    const fn asked(&mut self, side: Side) -> &mut Asked {
        match side {
            Side::Left => &mut self.left,
            Side::Right => &mut self.right,
        }
    }
}

impl Asked {
    fn ask(&mut self, id: &Id<'_>) {
        if self.open.len() < OPEN_MAX && id.as_str().len() <= ID_MAX {
            self.open.insert(id.as_str().into(), id.is_text());
        }
    }

    fn answer(&mut self, to: &Id<'_>) -> Verdict {
        if self.orphaned.remove(to.as_str()) {
            return Verdict::Stale;
        }
        if self.open.remove(to.as_str()).is_some() {
            // Real gateways answer in order: what was asked before this will not be answered.
            self.orphaned.clear();
        }
        Verdict::Relay
    }
}

#[cfg(test)]
mod tests {
    use alloc::{format, string::String};

    use super::*;

    fn request(id: &str) -> String {
        format!(r#"{{"message":{{"messageId":{id},"messageType":"REST:REQUEST"}}}}"#)
    }

    fn response(to: &str) -> String {
        format!(r#"{{"message":{{"inResponseTo":{to},"messageType":"REST:RESPONSE"}}}}"#)
    }

    fn note(pending: &mut PendingRequests, from: Side, payload: &str) -> Verdict {
        pending.note(from, payload.as_bytes())
    }

    #[test]
    fn a_request_waits_until_the_partner_responds() {
        let pending = &mut PendingRequests::default();
        assert_eq!(note(pending, Side::Left, &request("3")), Verdict::Relay);
        assert_eq!(note(pending, Side::Right, &request("3")), Verdict::Relay);
        assert_eq!(note(pending, Side::Left, &response("3")), Verdict::Relay);
        assert_eq!((pending.open(Side::Left), pending.open(Side::Right)), (1, 0));
        assert_eq!(note(pending, Side::Right, &response("\"3\"")), Verdict::Relay);
        assert_eq!(*pending, PendingRequests::default());
        assert_eq!(note(pending, Side::Right, "not even JSON"), Verdict::Relay);
    }

    #[test]
    fn a_late_response_is_not_for_the_next_partner() {
        let pending = &mut PendingRequests::default();
        for id in ["1", "\"x\""] {
            let _ = note(pending, Side::Left, &request(id));
        }
        assert_eq!(pending.part(Side::Left), [Id::number(1), Id::text("x")]);
        assert_eq!((pending.part(Side::Left).len(), pending.open(Side::Left)), (0, 0));
        // The next partner numbers from one again, before the old request is answered.
        let _ = note(pending, Side::Left, &request("1"));
        assert_eq!(note(pending, Side::Right, &response("1")), Verdict::Stale);
        assert_eq!(note(pending, Side::Right, &response("1")), Verdict::Relay);
        // An answer to a later request means that the older ones get none.
        assert_eq!(note(pending, Side::Right, &response("\"x\"")), Verdict::Relay);
    }

    #[test]
    fn memory_is_bounded() {
        let pending = &mut PendingRequests::default();
        let long = format!("\"{}\"", "x".repeat(ID_MAX + 1));
        let _ = note(pending, Side::Left, &request(&long));
        assert_eq!(pending.open(Side::Left), 0);
        for round in 0..3 {
            for id in 0..=OPEN_MAX {
                let _ = note(pending, Side::Left, &request(&format!("{round}{id}")));
            }
            assert_eq!(pending.part(Side::Left).len(), OPEN_MAX);
            assert_eq!(pending.left.orphaned.len(), OPEN_MAX);
        }
        pending.forget_orphans();
        assert_eq!(*pending, PendingRequests::default());
    }
}
