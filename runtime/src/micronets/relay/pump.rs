//! The two pumps of a pair: each passes on what one peer says to the other.
//!
//! A pump reads while something is there and its reader has room, and writes once. Where the reader
//! has no room it reads nothing, so the sender's own system makes it wait: all the pushing back
//! there is.

use std::task::{Context, Poll};

use mistgate_core::{
    base::time::Instant,
    micronets::{
        meetup::input::ConnectionId,
        pending::{PendingRequests, Side, Verdict},
    },
};

use super::connection::{Connection, End, Incoming};
use crate::base::clock::Clock;

/// The most that a pump passes on before it lets others run: messages, and bytes of payload.
const MESSAGES_MAX: usize = 64;
const BYTES_MAX: usize = 256 << 10;

/// Two peers that were introduced.
pub(super) struct Pair {
    pub(super) left: Box<Connection>,
    pub(super) right: Box<Connection>,
    pub(super) pending: PendingRequests,
}

/// What came of pumping.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pumped {
    /// A connection has ended.
    Ended(ConnectionId, End),
    /// The machine should hear the changes of the two.
    Changes,
    /// Nothing to speak of, and the task is woken when there is more to do.
    Nothing,
}

/// Why a pump stopped.
enum Stopped {
    /// Something that it must write first cannot be written.
    Blocked,
    Ended(ConnectionId, End),
    /// There may be more, but it is others' turn.
    More,
    /// It was a ping or a pong.
    Control,
    /// Nothing is there.
    Waiting,
}

impl Pair {
    /// Passes on what is there, both ways.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, clock: Clock) -> Pumped {
        let Self { left, right, pending } = self;
        let now = clock.now();
        let there = pump(cx, now, (left, Side::Left), right, pending);
        let back = pump(cx, now, (right, Side::Right), left, pending);
        let mut pumped = Pumped::Nothing;
        for connection in [&mut *left, &mut *right] {
            // What it sent before it ended was passed on.
            if let Poll::Ready(Err(error)) = connection.poll_flush(cx) {
                pumped = Pumped::Ended(connection.id, End::Lost(error.kind()));
            } else if connection.has_room_again() && pumped == Pumped::Nothing {
                pumped = Pumped::Changes;
            }
        }
        for (stopped, from, to) in [(there, &*left, &*right), (back, &*right, &*left)] {
            match stopped {
                Stopped::Ended(id, end) => return Pumped::Ended(id, end),
                // It was written just now, so nobody else wakes us to go on reading.
                Stopped::Blocked if !is_blocked(from, to) => cx.waker().wake_by_ref(),
                Stopped::More => cx.waker().wake_by_ref(),
                Stopped::Control if pumped == Pumped::Nothing => pumped = Pumped::Changes,
                Stopped::Blocked | Stopped::Control | Stopped::Waiting => {}
            }
        }
        pumped
    }
}

/// Whether something must be written before one may be read for the other.
const fn is_blocked(from: &Connection, to: &Connection) -> bool {
    to.is_full() || from.owes_pongs()
}

fn pump(
    cx: &mut Context<'_>,
    now: Instant,
    (from, side): (&mut Connection, Side),
    to: &mut Connection,
    pending: &mut PendingRequests,
) -> Stopped {
    let mut bytes = 0;
    for _ in 0..MESSAGES_MAX {
        if (to.is_worth_a_write() || to.is_full()) && to.poll_flush(cx).is_pending() && to.is_full()
        {
            return Stopped::Blocked;
        }
        let heard = match from.poll_receive(cx) {
            Poll::Pending if is_blocked(from, to) => return Stopped::Blocked,
            Poll::Pending => return Stopped::Waiting,
            Poll::Ready(Ok(heard)) => heard,
            Poll::Ready(Err(end)) => return Stopped::Ended(from.id, end),
        };
        let Incoming::Message { is_text, payload } = heard else {
            from.note(now, None);
            return Stopped::Control;
        };
        from.note(now, Some(&payload));
        // Before it is fed, so that no response overtakes the note of its request.
        match pending.note(side, &payload) {
            Verdict::Relay => to.feed(is_text, &payload),
            Verdict::Stale => {}
        }
        bytes += payload.len();
        if bytes >= BYTES_MAX {
            break;
        }
    }
    Stopped::More
}
