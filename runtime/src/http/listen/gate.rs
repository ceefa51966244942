//! The bytes between a socket and hyper, one message at a time.
//!
//! The gate passes to hyper only the bytes that [`Framing`] has accepted, and those of the next
//! message only after the answer to this one. So hyper never misreads the bytes behind a message,
//! and a client that closes its side early still gets its answer. The gate also keeps the timeouts,
//! because it alone knows which part of a message is awaited.

use std::{io, pin::Pin, sync::Arc, task::Context, task::Poll, task::Waker, task::ready};

use hyper::rt;
use mistgate_core::http::{framing::Error, framing::Framing, listener::Limits};
use smol::{Timer, io::AsyncRead, io::AsyncWrite};

use crate::base::{clock::Alarm, net::Duplex, sync::Mutex};

/// Whether hyper reads or the service answers, shared by both.
#[derive(Clone, Debug, Default)]
pub(super) struct RequestState(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    phase: Phase,
    reader: Option<Waker>,
    begun: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    /// All heads that have passed are answered.
    #[default]
    Reading,
    /// A head has passed and is not claimed yet.
    Passed,
    /// The service has claimed the head and owes the answer.
    Answering,
}

impl RequestState {
    /// Claims the head that has passed. False if none has: then hyper and the gate disagree about
    /// where a request begins.
    pub(super) fn claim(&self) -> bool {
        let mut state = self.0.lock();
        let passed = state.phase == Phase::Passed;
        if passed {
            state.phase = Phase::Answering;
        }
        passed
    }

    /// Lets the next message in.
    pub(super) fn answered(&self) {
        let mut state = self.0.lock();
        state.phase = Phase::Reading;
        if let Some(reader) = state.reader.take() {
            reader.wake();
        }
    }

    /// Whether any head has passed.
    pub(super) fn has_begun(&self) -> bool {
        self.0.lock().begun
    }

    fn pass(&self) {
        let mut state = self.0.lock();
        (state.phase, state.begun) = (Phase::Passed, true);
    }

    fn poll_answered(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.0.lock();
        if state.phase == Phase::Reading {
            return Poll::Ready(());
        }
        state.reader = Some(cx.waker().clone());
        Poll::Pending
    }
}

/// The gate of one connection.
pub(super) struct Gate {
    /// Bytes that were read and have not passed are lost to whoever takes it.
    pub(super) stream: Box<dyn Duplex>,
    framing: Framing,
    /// Shared with the side that answers.
    pub(super) request_state: RequestState,
    /// What came from the stream; `unread` of it has not passed yet.
    buffer: Box<[u8]>,
    unread: std::ops::Range<usize>,
    /// Why the last head did not pass, if that is not answered yet. An error within a body reaches
    /// the service as a broken body instead.
    pub(super) error: Option<Error>,
    ended: bool,
    /// The timeout of the part of the message that is awaited.
    late: Alarm,
    limits: Limits,
    /// Bytes of the body that have passed.
    received: usize,
    /// Runs while the client takes nothing of what we write.
    stall: Option<Timer>,
    /// Whether a write timed out.
    pub(super) is_stalled: bool,
}

impl Gate {
    /// Before the first message. Reads and writes fail with `TimedOut`: a read if a head or a body
    /// takes too long, a write if the client takes nothing for `body_timeout`.
    pub(super) fn new(stream: Box<dyn Duplex>, limits: &Limits) -> Self {
        const BUFFER: usize = 8 * 1024;
        let framing = Framing::new(limits.head_max, limits.headers_max);
        let mut late = Alarm::default();
        late.set(limits.head_timeout);
        Self {
            stream,
            framing,
            request_state: RequestState::default(),
            buffer: vec![0; BUFFER].into_boxed_slice(),
            unread: 0..0,
            error: None,
            ended: false,
            late,
            limits: *limits,
            received: 0,
            stall: None,
            is_stalled: false,
        }
    }

    /// Whether the client waits for nothing: it has closed its side, or everything that it sent is
    /// answered.
    pub(super) fn is_idle(&self) -> bool {
        let between = self.framing.is_in_head() && !self.framing.is_mid_head();
        self.ended || between && self.unread.is_empty() && self.error.is_none()
    }

    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Poll::Ready(count) = Pin::new(&mut self.stream).poll_read(cx, &mut self.buffer) else {
            ready!(self.late.poll(cx));
            if self.framing.is_mid_head() {
                self.error = Some(Error { status: 408, reason: "a head that took too long" });
            }
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        };
        let count = count?;
        self.ended = count == 0;
        self.unread = 0..count;
        Poll::Ready(Ok(()))
    }

    /// Bounds how long a write may be pending.
    fn poll_stall<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stall = None;
            return written;
        }
        let timeout = self.limits.body_timeout;
        let stall = self.stall.get_or_insert_with(|| Timer::after(timeout));
        ready!(Pin::new(stall).poll(cx));
        self.is_stalled = true;
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl rt::Read for Gate {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buf: rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let gate = self.get_mut();
        if gate.framing.is_complete() {
            ready!(gate.request_state.poll_answered(cx));
            gate.framing.next();
            gate.late.set(gate.limits.head_timeout);
        }
        if gate.unread.is_empty() {
            ready!(gate.poll_fill(cx))?;
        }
        let end = gate.unread.end.min(gate.unread.start + buf.remaining());
        let fresh = gate.buffer.get(gate.unread.start..end).unwrap_or_default();
        let was_in_head = gate.framing.is_in_head();
        match gate.framing.advance(fresh) {
            Ok(passed) => {
                buf.put_slice(fresh.get(..passed).unwrap_or_default());
                gate.unread.start += passed;
                if !was_in_head {
                    let before = gate.limits.body_time(gate.received);
                    gate.received += passed;
                    gate.late.put_off(gate.limits.body_time(gate.received) - before);
                } else if !gate.framing.is_in_head() {
                    gate.request_state.pass();
                    gate.received = 0;
                    gate.late.set(gate.limits.body_time(0));
                }
                if gate.framing.is_complete() {
                    gate.late.clear();
                }
                Poll::Ready(Ok(()))
            }
            Err(error) => {
                gate.error = Some(error).filter(|_| gate.framing.is_in_head());
                Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, error.reason)))
            }
        }
    }
}

impl rt::Write for Gate {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let gate = self.get_mut();
        let written = Pin::new(&mut gate.stream).poll_write(cx, buf);
        gate.poll_stall(cx, written)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let gate = self.get_mut();
        let flushed = Pin::new(&mut gate.stream).poll_flush(cx);
        gate.poll_stall(cx, flushed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let gate = self.get_mut();
        let closed = Pin::new(&mut gate.stream).poll_close(cx);
        gate.poll_stall(cx, closed)
    }
}
