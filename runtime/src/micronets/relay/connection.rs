//! One connection after its upgrade: a websocket over TLS. No method blocks, and memory is bounded.
//!
//! The websocket library reads. What we write goes through a buffer of ours, because it can say how
//! full it is and gives its memory back.

use std::task::{Context, Poll, Waker, ready};
use std::{future::Future as _, future::poll_fn, io, io::Read, io::Write};
use std::{net::SocketAddr, pin::Pin, sync::Arc, time::Duration};

use async_tungstenite::tungstenite::protocol::frame::FrameHeader;
use async_tungstenite::tungstenite::protocol::frame::coding::{Control, Data, OpCode};
use async_tungstenite::tungstenite::protocol::{
    CloseFrame, Role, WebSocketConfig, WebSocketContext,
};
use async_tungstenite::tungstenite::{Bytes, Error, Message};
use futures_rustls::server::TlsStream;
use mistgate_core::base::time::{Instant, UnixTime};
use mistgate_core::micronets::meetup::input::{ConnectionId, Input, Traffic};
use mistgate_core::micronets::{access::Identity, close_reason::Fault, proxy::ProxyLimits};
use rustls::pki_types::CertificateDer;
use smol::{Timer, future::FutureExt, io::AsyncRead};

use super::{frame_tracker::FrameTracker, memory::Share};
use crate::base::net::{Duplex, Socket};
use crate::base::{clock::timeout, connection_limiter::ConnectionSlot, net, stop::TaskToken};
use crate::{http::tls::mutual, http::tls::mutual::Trust, micronets::websocket};

/// What the library reads at a time; every idle connection holds this much.
const READ_BUFFER: usize = 4 << 10;
/// Once this much is unsent it is worth a write of its own: one TLS record.
const RECORD: usize = 16 << 10;
/// The most memory that an idle connection keeps for writing, and for reading one frame.
const KEPT_MAX: usize = 4 << 10;
/// Bytes of our pongs that a peer may leave unread before it is read no more.
const PONGS_MAX: usize = 16 << 10;
/// When to ask again whether a message may begin.
const SHARE_AGAIN: Duration = Duration::from_millis(50);
/// How long a peer has to take what was written and to answer our close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// What came over a connection.
#[derive(Debug)]
pub(super) enum Incoming {
    /// A whole message: text, or binary.
    Message { is_text: bool, payload: Bytes },
    /// A ping or a pong.
    Control,
}

/// Why nothing more comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The peer broke the websocket protocol.
    Broken(Fault),
    /// The peer sent a close frame, with this code if any; the answer is in our buffer.
    Closed(Option<u16>),
    /// The connection was lost without a close frame.
    Lost(io::ErrorKind),
}

/// An upgraded connection of a meetup, over TLS. The pumps need neither TLS nor the origin: what
/// measures them brings a stream of its own.
pub struct Connection<S = TlsStream<Socket>, O = Origin> {
    pub(super) id: ConnectionId,
    pub(super) origin: O,
    /// When something came from it.
    pub(super) received_at: Instant,
    /// Whether the machine asked to pause reading it.
    pub(super) is_paused: bool,
    /// What was written to it.
    pub(super) sent: Traffic,
    stream: S,
    context: WebSocketContext,
    frames: FrameTracker,
    message_max: usize,
    unsent_max: usize,
    /// What we write to it; the first `written` bytes are sent.
    out: Vec<u8>,
    written: usize,
    /// Whether TLS may hold bytes that are not sent.
    is_unflushed: bool,
    /// Bytes in `out` that the library put there: mostly pongs.
    pongs: usize,
    /// What came since the last report to the machine.
    received: Option<Traffic>,
    is_reported_full: bool,
    has_moved: bool,
    pub(super) share: Share,
    /// Runs while no message may begin.
    waiting: Option<Timer>,
    /// Set once nothing more comes.
    end: Option<End>,
}

/// Where a connection comes from, and what it holds as long as it lives.
pub struct Origin {
    pub(super) address: SocketAddr,
    /// When it was upgraded.
    pub(super) since: UnixTime,
    /// The certificates that let it in.
    pub(super) trust: Arc<Trust>,
    /// When the first of its own ends.
    pub(super) ends: Option<UnixTime>,
    /// The end of the program waits for it.
    pub(super) token: TaskToken,
    pub(super) _slot: ConnectionSlot,
}

impl Connection {
    /// The peer's certificate and those that came with it.
    pub(super) fn chain(&self) -> &[CertificateDer<'static>] {
        self.stream.get_ref().1.peer_certificates().unwrap_or_default()
    }

    /// What the peer's certificate says. It is rarely needed, so it is read each time, which saves
    /// memory.
    pub(super) fn identity(&self) -> Option<Identity> {
        mutual::identity(self.chain().first()?)
    }

    /// Writes what is in the buffer and ends the connection so that the peer gets all of it, within
    /// [`CLOSE_TIMEOUT`] and the linger of its socket. A peer that answers our close frame is read
    /// until it has; one that broke the protocol is not.
    pub(super) async fn end(mut self: Box<Self>, is_answered: bool) {
        let token = self.origin.token.clone();
        let ended = async move {
            let said = async {
                poll_fn(|cx| self.poll_flush(cx)).await?;
                while is_answered && poll_fn(|cx| self.poll_receive(cx, false)).await.is_ok() {}
                Ok(())
            };
            if said.or(timeout(CLOSE_TIMEOUT)).await.is_ok() {
                let Self { stream, origin: _origin, .. } = *self;
                net::close(stream, &[], false).await;
            }
        };
        token.bound(ended).await;
    }
}

impl<S: Duplex, O> Connection<S, O> {
    /// A connection that was upgraded `now`. `rest` is what came behind the head of its request.
    pub fn new(
        id: ConnectionId,
        origin: O,
        now: Instant,
        stream: S,
        rest: Vec<u8>,
        limits: &ProxyLimits,
    ) -> Box<Self> {
        let mut frames = FrameTracker::default();
        frames.pass(&rest);
        Box::new(Self {
            id,
            origin,
            received_at: now,
            is_paused: false,
            sent: Traffic::default(),
            stream,
            context: reader(rest, limits.message_max),
            frames,
            message_max: limits.message_max,
            unsent_max: limits.unsent_max,
            out: Vec::new(),
            written: 0,
            is_unflushed: false,
            pongs: 0,
            received: None,
            is_reported_full: false,
            has_moved: false,
            share: Share::default(),
            waiting: None,
            end: None,
        })
    }

    /// Whether as much is unsent as may be.
    pub(super) const fn is_full(&self) -> bool {
        self.unsent() >= self.unsent_max
    }

    /// Whether enough is unsent to be worth a write.
    pub(super) const fn is_worth_a_write(&self) -> bool {
        self.unsent() >= RECORD
    }

    /// Whether so many of our pongs are unsent that the peer is not read.
    pub(super) const fn owes_pongs(&self) -> bool {
        self.pongs >= PONGS_MAX
    }

    /// Whether it is no longer full, but still reported as full.
    pub(super) const fn has_room_again(&self) -> bool {
        self.is_reported_full && !self.is_full()
    }

    const fn unsent(&self) -> usize {
        self.out.len() - self.written
    }

    /// Sets other limits.
    pub(super) fn limit(&mut self, limits: &ProxyLimits) {
        let max = Some(limits.message_max);
        (self.message_max, self.unsent_max) = (limits.message_max, limits.unsent_max);
        self.context.set_config(|config| {
            (config.max_message_size, config.max_frame_size) = (max, max);
        });
    }

    /// Puts a message into the buffer.
    pub(super) fn feed(&mut self, is_text: bool, payload: &[u8]) {
        self.sent += Traffic::of(payload);
        let data = if is_text { Data::Text } else { Data::Binary };
        self.put(OpCode::Data(data), payload);
    }

    /// Puts a ping into the buffer.
    pub(super) fn ping(&mut self) {
        self.put(OpCode::Control(Control::Ping), &[]);
    }

    fn put(&mut self, opcode: OpCode, payload: &[u8]) {
        if self.written > self.unsent() {
            self.out.drain(..self.written);
            self.written = 0;
        }
        let header = FrameHeader { opcode, ..FrameHeader::default() };
        let length = payload.len() as u64;
        self.out.reserve(header.len(length) + payload.len());
        // Writing to a Vec does not fail.
        let _ = header.format(length, &mut self.out);
        self.out.extend_from_slice(payload);
        self.note_held();
    }

    /// Notes what is held for it; what every idle connection may keep does not count.
    fn note_held(&mut self) {
        let counted = |bytes: usize| if bytes > KEPT_MAX { bytes } else { 0 };
        let read = usize::try_from(self.frames.held()).unwrap_or(usize::MAX);
        let read = read.min(self.message_max.saturating_mul(2));
        self.share.set(counted(self.out.capacity()) + counted(read));
    }

    /// Waits until messages may begin. Meanwhile it cannot show life, so it counts as alive; unless
    /// what it holds itself does not become less.
    fn poll_share(&mut self, cx: &mut Context<'_>) {
        if self.unsent() == 0 || self.has_moved {
            self.received.get_or_insert_default();
        }
        let timer = self.waiting.get_or_insert_with(|| Timer::after(SHARE_AGAIN));
        if Pin::new(timer).poll(cx).is_ready() {
            self.waiting = None;
            cx.waker().wake_by_ref();
        }
    }

    /// Reads the next message or control frame. Nothing comes after an `End`. No message begins if
    /// this connection or, `is_held`, its reader has spent its share of memory.
    pub(super) fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        is_held: bool,
    ) -> Poll<Result<Incoming, End>> {
        let received = self.poll_incoming(cx, is_held || self.share.is_spent());
        self.note_held();
        received
    }

    fn poll_incoming(
        &mut self,
        cx: &mut Context<'_>,
        is_held: bool,
    ) -> Poll<Result<Incoming, End>> {
        if let Some(end) = &self.end {
            return Poll::Ready(Err(end.clone()));
        }
        if self.owes_pongs()
            && let Err(error) = ready!(self.poll_flush(cx))
        {
            return Poll::Ready(Err(End::Lost(error.kind())));
        }
        let before = self.out.len();
        let Self { stream, out, frames, .. } = self;
        let mut wire = Wire { stream, out, frames, cx, is_held };
        let read = self.context.read(&mut wire);
        let result = match read {
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                // The library has consumed all that it was given, so a new reader loses nothing.
                if self.frames.longest > KEPT_MAX as u64 && self.frames.is_between() {
                    self.frames = FrameTracker::default();
                    self.context = reader(Vec::new(), self.message_max);
                }
                if is_held && self.frames.is_between() {
                    self.poll_share(cx);
                }
                return Poll::Pending;
            }
            Ok(Message::Text(text)) => {
                Ok(Incoming::Message { is_text: true, payload: text.into() })
            }
            Ok(Message::Binary(payload)) => Ok(Incoming::Message { is_text: false, payload }),
            Ok(Message::Ping(_)) => {
                // Puts the pong into the buffer.
                let _ = self.context.flush(&mut wire);
                Ok(Incoming::Control)
            }
            Ok(Message::Pong(_) | Message::Frame(_)) => Ok(Incoming::Control),
            Ok(Message::Close(frame)) => {
                // Puts the answer into the buffer; the error only says that the connection is
                // closed.
                let _ = self.context.flush(&mut wire);
                Err(End::Closed(frame.map(|frame| frame.code.into())))
            }
            Err(error) => Err(websocket::fault(&error).map_or_else(End::Lost, End::Broken)),
        };
        self.pongs += self.out.len() - before;
        self.end = result.as_ref().err().cloned();
        Poll::Ready(result)
    }

    /// Writes what is unsent; pending until all of it is sent.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest @ [_, ..]) = self.out.get(self.written..) {
            let count = ready!(Pin::new(&mut self.stream).poll_write(cx, rest))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.written += count;
            self.has_moved = true;
            self.is_unflushed = true;
        }
        if self.written > 0 {
            self.written = 0;
            self.pongs = 0;
            if self.out.capacity() > KEPT_MAX {
                self.out = Vec::new();
            } else {
                self.out.clear();
            }
            self.note_held();
        }
        if self.is_unflushed {
            ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
            self.is_unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Notes that something came at `now`, and counts a message that is passed on.
    pub(super) fn note(&mut self, now: Instant, payload: Option<&[u8]>) {
        self.received_at = now;
        let received = self.received.get_or_insert_default();
        if let Some(payload) = payload {
            *received += Traffic::of(payload);
        }
    }

    /// Adds what the machine does not know yet: what came, whether it took some of what was unsent
    /// when it was reported full, and whether it has become full.
    pub(super) fn report(&mut self, inputs: &mut Vec<Input>) {
        let (id, is_full) = (self.id, self.is_full());
        if let Some(traffic) = self.received.take() {
            inputs.push(Input::Traffic { id, traffic });
        }
        let has_drained = self.is_reported_full && (self.has_moved || !is_full);
        if has_drained {
            inputs.push(Input::Drained(id));
        }
        if is_full && (!self.is_reported_full || has_drained) {
            inputs.push(Input::Full(id));
        }
        self.is_reported_full = is_full;
        self.has_moved = false;
    }

    /// Puts a close frame into the buffer.
    pub(super) fn put_close(&mut self, code: u16, reason: &str) {
        let frame = CloseFrame { code: code.into(), reason: reason.into() };
        let Self { stream, out, frames, .. } = self;
        // This reads nothing, so no task needs to be woken.
        let cx = &mut Context::from_waker(Waker::noop());
        let mut wire = Wire { stream, out, frames, cx, is_held: false };
        // It fails only after another close frame.
        let _ = self.context.close(&mut wire, Some(frame));
    }
}

/// A reader whose input begins with these bytes.
fn reader(first: Vec<u8>, message_max: usize) -> WebSocketContext {
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        // What the library writes goes to our buffer at once.
        .write_buffer_size(0)
        .max_message_size(Some(message_max))
        .max_frame_size(Some(message_max));
    if first.is_empty() {
        WebSocketContext::new(Role::Server, Some(config))
    } else {
        WebSocketContext::from_partially_read(first, Role::Server, Some(config))
    }
}

/// The library's view of a connection: reading may block, writing never does.
struct Wire<'a, 'w, S> {
    stream: &'a mut S,
    out: &'a mut Vec<u8>,
    frames: &'a mut FrameTracker,
    cx: &'a mut Context<'w>,
    /// Whether no message may begin.
    is_held: bool,
}

impl<S: AsyncRead + Unpin> Read for Wire<'_, '_, S> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.is_held && self.frames.is_between() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        match Pin::new(&mut *self.stream).poll_read(self.cx, buf) {
            Poll::Ready(read) => {
                let count = read?;
                self.frames.pass(buf.get(..count).unwrap_or_default());
                Ok(count)
            }
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl<S> Write for Wire<'_, '_, S> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.out.extend_from_slice(buf);
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_costs_little() {
        assert!(size_of::<Connection>() < 2 << 10, "{} bytes", size_of::<Connection>());
    }
}
