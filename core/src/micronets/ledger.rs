//! Which requests wait for a response, in each direction of a pair.
//!
//! Whoever relays a pair's messages shows each of them to the pair's ledger. It looks at them with
//! [`peek`] and remembers ids, nothing else, so it costs a relayed message about as much as that
//! look. It is no machine: it neither waits nor decides. The meetup lends it out when it pairs two
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
pub enum Passage {
    /// Pass it on, as it is.
    Relay,
    /// Drop it: it answers somebody who is no longer here.
    Stale,
}

/// The open requests of a pair.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
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

impl Ledger {
    /// Takes note of a message that `from` sent, before it is passed on.
    pub fn note(&mut self, from: Side, payload: &[u8]) -> Passage {
        match peek(payload) {
            None => Passage::Relay,
            Some(Peek::Request(id)) => {
                self.asked(from).ask(&id);
                Passage::Relay
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

    fn answer(&mut self, to: &Id<'_>) -> Passage {
        if self.orphaned.remove(to.as_str()) {
            return Passage::Stale;
        }
        if self.open.remove(to.as_str()).is_some() {
            // Real gateways answer in order: what was asked before this will not be answered.
            self.orphaned.clear();
        }
        Passage::Relay
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

    fn note(ledger: &mut Ledger, from: Side, payload: &str) -> Passage {
        ledger.note(from, payload.as_bytes())
    }

    #[test]
    fn a_request_waits_until_the_partner_responds() {
        let ledger = &mut Ledger::default();
        assert_eq!(note(ledger, Side::Left, &request("3")), Passage::Relay);
        assert_eq!(note(ledger, Side::Right, &request("3")), Passage::Relay);
        assert_eq!(note(ledger, Side::Left, &response("3")), Passage::Relay);
        assert_eq!((ledger.open(Side::Left), ledger.open(Side::Right)), (1, 0));
        assert_eq!(note(ledger, Side::Right, &response("\"3\"")), Passage::Relay);
        assert_eq!(*ledger, Ledger::default());
        assert_eq!(note(ledger, Side::Right, "not even JSON"), Passage::Relay);
    }

    #[test]
    fn a_late_response_is_not_for_the_next_partner() {
        let ledger = &mut Ledger::default();
        for id in ["1", "\"x\""] {
            let _ = note(ledger, Side::Left, &request(id));
        }
        assert_eq!(ledger.part(Side::Left), [Id::number(1), Id::text("x")]);
        assert_eq!((ledger.part(Side::Left).len(), ledger.open(Side::Left)), (0, 0));
        // The next partner numbers from one again, before the old request is answered.
        let _ = note(ledger, Side::Left, &request("1"));
        assert_eq!(note(ledger, Side::Right, &response("1")), Passage::Stale);
        assert_eq!(note(ledger, Side::Right, &response("1")), Passage::Relay);
        // An answer to a later request means that the older ones get none.
        assert_eq!(note(ledger, Side::Right, &response("\"x\"")), Passage::Relay);
    }

    #[test]
    fn memory_is_bounded() {
        let ledger = &mut Ledger::default();
        let long = format!("\"{}\"", "x".repeat(ID_MAX + 1));
        let _ = note(ledger, Side::Left, &request(&long));
        assert_eq!(ledger.open(Side::Left), 0);
        for round in 0..3 {
            for id in 0..=OPEN_MAX {
                let _ = note(ledger, Side::Left, &request(&format!("{round}{id}")));
            }
            assert_eq!(ledger.part(Side::Left).len(), OPEN_MAX);
            assert_eq!(ledger.left.orphaned.len(), OPEN_MAX);
        }
        ledger.forget_orphans();
        assert_eq!(*ledger, Ledger::default());
    }
}
