//! The two pumps of a pair: each passes on what one peer sends to the other.
//!
//! A pump reads while something is there and its reader has room, and then writes once. If the
//! reader has no room, the pump reads nothing, so the sender's own system makes it wait.

use std::task::{Context, Poll};

use futures_rustls::server::TlsStream;
use mistgate_core::micronets::pending::{PendingRequests, Side, Verdict};
use mistgate_core::{base::time::Instant, micronets::meetup::input::ConnectionId};

use super::connection::{Connection, End, Incoming, Origin};
use crate::base::{clock::Clock, net::Duplex, net::Socket};

/// The most messages and bytes of payload that a pump passes on before it lets others run.
const MESSAGES_MAX: usize = 64;
const BYTES_MAX: usize = 256 << 10;

/// Two connections that were introduced, and their pending requests.
pub struct Pair<S = TlsStream<Socket>, O = Origin> {
    pub left: Box<Connection<S, O>>,
    pub right: Box<Connection<S, O>>,
    pub pending: PendingRequests,
}

/// Why a pump stopped.
enum Stopped {
    /// Something must be written first and cannot be.
    Blocked,
    Ended(ConnectionId, End),
    /// There may be more to read, but other connections come first.
    More,
    /// A ping or a pong came.
    Control,
    /// There is nothing to read.
    Waiting,
}

impl<S: Duplex, O> Pair<S, O> {
    /// Passes on what is there, both ways. Ready with a connection that has ended, or with `None`
    /// if the connections have something to report to the machine.
    pub fn poll(
        &mut self,
        cx: &mut Context<'_>,
        clock: Clock,
    ) -> Poll<Option<(ConnectionId, End)>> {
        let Self { left, right, pending } = self;
        let now = clock.now();
        let there = pump(cx, now, (left, Side::Left), right, pending);
        let back = pump(cx, now, (right, Side::Right), left, pending);
        let mut pumped = Poll::Pending;
        for connection in [&mut *left, &mut *right] {
            // What it sent before its end was passed on above.
            if let Poll::Ready(Err(error)) = connection.poll_flush(cx) {
                pumped = Poll::Ready(Some((connection.id, End::Lost(error.kind()))));
            } else if connection.has_room_again() && pumped.is_pending() {
                pumped = Poll::Ready(None);
            }
        }
        for (stopped, from, to) in [(there, &*left, &*right), (back, &*right, &*left)] {
            match stopped {
                Stopped::Ended(id, end) => return Poll::Ready(Some((id, end))),
                // The flush above made room, so nothing else wakes us to go on reading.
                Stopped::Blocked if !is_blocked(from, to) => cx.waker().wake_by_ref(),
                Stopped::More => cx.waker().wake_by_ref(),
                Stopped::Control if pumped.is_pending() => pumped = Poll::Ready(None),
                Stopped::Blocked | Stopped::Control | Stopped::Waiting => {}
            }
        }
        pumped
    }
}

/// Whether something must be written before `from` may be read.
const fn is_blocked<S: Duplex, O>(from: &Connection<S, O>, to: &Connection<S, O>) -> bool {
    to.is_full() || from.owes_pongs()
}

fn pump<S: Duplex, O>(
    cx: &mut Context<'_>,
    now: Instant,
    (from, side): (&mut Connection<S, O>, Side),
    to: &mut Connection<S, O>,
    pending: &mut PendingRequests,
) -> Stopped {
    let mut bytes = 0;
    for _ in 0..MESSAGES_MAX {
        if (to.is_worth_a_write() || to.is_full()) && to.poll_flush(cx).is_pending() && to.is_full()
        {
            return Stopped::Blocked;
        }
        let received = match from.poll_receive(cx, to.share.is_spent()) {
            Poll::Pending if is_blocked(from, to) => return Stopped::Blocked,
            Poll::Pending => return Stopped::Waiting,
            Poll::Ready(Ok(received)) => received,
            Poll::Ready(Err(end)) => return Stopped::Ended(from.id, end),
        };
        let Incoming::Message { is_text, payload } = received else {
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
