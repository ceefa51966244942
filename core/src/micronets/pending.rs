//! Which requests wait for a response, in each direction of a pair.
//!
//! Whoever relays a pair's messages notes each of them here. Only [`peek`] looks at them, and only
//! ids are remembered, so noting a message costs about as much as that look. This is no machine: it
//! neither waits nor decides. The meetup lends it to the pumps when it pairs two peers, and reads
//! from it when they part whose requests are unanswered.
//!
//! A request that was not answered when its pair parted is *orphaned*: its sender has left, or was
//! told that there will be no response. If the response still comes, it must not reach the next
//! partner, which numbers its own requests from one again.

use alloc::{borrow::Cow, boxed::Box, collections::BTreeMap, collections::BTreeSet, vec::Vec};

use super::{message::Id, peek::Peek, peek::peek};

/// The most requests of one peer that are remembered; later ones are relayed all the same. The real
/// gateway handles one at a time and queues thirty-two.
pub const OPEN_MAX: usize = 1_024;
/// The most bytes of an id that is remembered.
pub const ID_MAX: usize = 128;

/// One of the two sides of a meetup. The peer that came first is on the left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    Left,
    Right,
}

impl Side {
    /// Both sides, the left one first.
    pub const BOTH: [Self; 2] = [Self::Left, Self::Right];

    /// The side of the partner.
    pub const fn other(self) -> Self {
        match self {
            Self::Left => Self::Right,
            Self::Right => Self::Left,
        }
    }
}

/// A value for each side of a meetup.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Both<T> {
    pub(super) left: T,
    pub(super) right: T,
}

impl<T> Both<T> {
    pub(super) const fn at(&self, side: Side) -> &T {
        match side {
            Side::Left => &self.left,
            Side::Right => &self.right,
        }
    }

    pub(super) const fn at_mut(&mut self, side: Side) -> &mut T {
        match side {
            Side::Left => &mut self.left,
            Side::Right => &mut self.right,
        }
    }
}

/// What shall become of a message that was noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// Pass it on as it is.
    Relay,
    /// Drop it: the peer that asked for it is no longer here.
    Stale,
}

/// The unanswered requests of a pair.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PendingRequests(Both<Requests>);

/// The requests of one side.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Requests {
    /// By id; the value says whether the id was sent as a text.
    open: BTreeMap<Box<str>, bool>,
    orphaned: BTreeSet<Box<str>>,
}

impl PendingRequests {
    /// Notes a message that `from` sent. To be called before it is passed on.
    pub fn note(&mut self, from: Side, payload: &[u8]) -> Verdict {
        match peek(payload) {
            None => Verdict::Relay,
            Some(Peek::Request(id)) => {
                let open = &mut self.0.at_mut(from).open;
                if open.len() < OPEN_MAX && id.as_str().len() <= ID_MAX {
                    open.insert(id.as_str().into(), id.is_text());
                }
                Verdict::Relay
            }
            Some(Peek::Response(to)) => self.0.at_mut(from.other()).answer(&to),
        }
    }

    /// How many requests of `side` are unanswered; at most [`OPEN_MAX`].
    pub fn open(&self, side: Side) -> usize {
        self.0.at(side).open.len()
    }

    /// Orphans the unanswered requests of `side`, and gives their ids.
    pub(super) fn part(&mut self, side: Side) -> Vec<Id<'static>> {
        let Requests { open, orphaned } = self.0.at_mut(side);
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
        self.0.left.orphaned.clear();
        self.0.right.orphaned.clear();
    }
}

impl Requests {
    fn answer(&mut self, to: &Id<'_>) -> Verdict {
        if self.orphaned.remove(to.as_str()) {
            return Verdict::Stale;
        }
        if self.open.remove(to.as_str()).is_some() {
            // Real gateways answer in order, so older requests will not be answered.
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
            assert_eq!(pending.0.left.orphaned.len(), OPEN_MAX);
        }
        pending.forget_orphans();
        assert_eq!(*pending, PendingRequests::default());
    }
}
