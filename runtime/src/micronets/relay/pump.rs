//! The two pumps of a pair: each passes on what one peer says to the other.
//!
//! A pump reads while something is there and its reader has room, and writes once. Where the reader
//! has no room it reads nothing, so the sender's own system makes it wait: all the pushing back
//! there is.

use std::task::{Context, Poll};

use mistgate_core::{
    base::time::Instant,
    micronets::{
        ledger::{Ledger, Passage, Side},
        meetup::input::ConnectionId,
    },
};

use super::leg::{End, Heard, Leg};
use crate::base::clock::Clock;

/// The most that a pump passes on before it lets others run: messages, and bytes of payload.
const MESSAGES_MAX: usize = 64;
const BYTES_MAX: usize = 256 << 10;

/// Two peers that were introduced.
pub(super) struct Pair {
    pub(super) left: Box<Leg>,
    pub(super) right: Box<Leg>,
    pub(super) ledger: Ledger,
}

/// What came of pumping.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pumped {
    /// A connection has ended.
    Ended(ConnectionId, End),
    /// The machine should hear the news of the two.
    News,
    /// Nothing to speak of, and the task is woken when there is more to do.
    Nothing,
}

/// Why a pump stopped.
enum Dry {
    /// Something that it must write first cannot be written.
    Blocked,
    Ended(ConnectionId, End),
    /// There may be more, but it is others' turn.
    More,
    /// It was a ping or a pong.
    Sign,
    /// Nothing is there.
    Waiting,
}

impl Pair {
    /// Passes on what is there, both ways.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, clock: Clock) -> Pumped {
        let Self { left, right, ledger } = self;
        let now = clock.now();
        let there = pump(cx, now, (left, Side::Left), right, ledger);
        let back = pump(cx, now, (right, Side::Right), left, ledger);
        let mut pumped = Pumped::Nothing;
        for leg in [&mut *left, &mut *right] {
            // What it sent before it ended was passed on.
            if let Poll::Ready(Err(error)) = leg.poll_flush(cx) {
                pumped = Pumped::Ended(leg.id, End::Lost(error.kind()));
            } else if leg.has_room_again() && pumped == Pumped::Nothing {
                pumped = Pumped::News;
            }
        }
        for (dry, from, to) in [(there, &*left, &*right), (back, &*right, &*left)] {
            match dry {
                Dry::Ended(id, end) => return Pumped::Ended(id, end),
                // It was written just now, so nobody else wakes us to go on reading.
                Dry::Blocked if !is_blocked(from, to) => cx.waker().wake_by_ref(),
                Dry::More => cx.waker().wake_by_ref(),
                Dry::Sign if pumped == Pumped::Nothing => pumped = Pumped::News,
                Dry::Blocked | Dry::Sign | Dry::Waiting => {}
            }
        }
        pumped
    }
}

/// Whether something must be written before one may be read for the other.
const fn is_blocked(from: &Leg, to: &Leg) -> bool {
    to.is_full() || from.is_choked()
}

fn pump(
    cx: &mut Context<'_>,
    now: Instant,
    (from, side): (&mut Leg, Side),
    to: &mut Leg,
    ledger: &mut Ledger,
) -> Dry {
    let mut bytes = 0;
    for _ in 0..MESSAGES_MAX {
        if (to.is_ripe() || to.is_full()) && to.poll_flush(cx).is_pending() && to.is_full() {
            return Dry::Blocked;
        }
        let heard = match from.poll_hear(cx) {
            Poll::Pending if is_blocked(from, to) => return Dry::Blocked,
            Poll::Pending => return Dry::Waiting,
            Poll::Ready(Ok(heard)) => heard,
            Poll::Ready(Err(end)) => return Dry::Ended(from.id, end),
        };
        let Heard::Message { is_text, payload } = heard else {
            from.note(now, None);
            return Dry::Sign;
        };
        from.note(now, Some(&payload));
        // Before it is fed, so that no response overtakes the note of its request.
        match ledger.note(side, &payload) {
            Passage::Relay => to.feed(is_text, &payload),
            Passage::Stale => {}
        }
        bytes += payload.len();
        if bytes >= BYTES_MAX {
            break;
        }
    }
    Dry::More
}
