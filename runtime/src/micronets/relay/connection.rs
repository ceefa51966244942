//! One connection after its upgrade: a websocket over TLS, which two things never do: wait inside,
//! and grow without a bound.
//!
//! The websocket library reads. What is to be written goes through a buffer of ours, which can tell
//! how full it is and gives its memory back.

use std::{
    io::{self, Read, Write},
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker, ready},
};

use async_tungstenite::tungstenite::{
    Bytes, Error, Message,
    protocol::{
        CloseFrame, Role, WebSocketConfig, WebSocketContext,
        frame::{
            FrameHeader,
            coding::{Control, Data, OpCode},
        },
    },
};
use futures_rustls::server::TlsStream;
use mistgate_core::{
    base::time::{Instant, UnixTime},
    micronets::{
        access::Identity, close_reason::Fault, meetup::input::ConnectionId, proxy::ProxyLimits,
    },
};
use rustls::pki_types::CertificateDer;
use smol::io::{AsyncRead, AsyncWrite};

use super::frame_tracker::FrameTracker;
use crate::{
    base::{connection_limiter::ConnectionSlot, net::Socket, stop::TaskToken},
    http::tls::mutual::{self, Trust},
    micronets::websocket,
};

/// What the library reads at a time; every idle connection holds this much.
const READ_BUFFER: usize = 4 << 10;
/// Once this much waits it is worth a write of its own: one TLS record.
const RECORD: usize = 16 << 10;
/// What an idle connection may keep of what it needed to write, or to read one frame.
const KEPT_MAX: usize = 4 << 10;
/// How much of our answers to its pings a peer may leave unread before it is read no more.
const PONGS_MAX: usize = 16 << 10;

/// Something that came.
#[derive(Debug)]
pub(super) enum Incoming {
    /// A whole message.
    Message {
        /// Text, or binary.
        is_text: bool,
        payload: Bytes,
    },
    /// A ping or a pong.
    Control,
}

/// Why nothing more comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It sent what the library cannot read.
    Broken(Fault),
    /// It sent a close frame, with this code if there was one; the answer is in the buffer.
    Closed(Option<u16>),
    /// It is gone without a close frame.
    Lost(io::ErrorKind),
}

/// Messages and the bytes of their payloads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Traffic {
    pub(super) messages: u64,
    pub(super) bytes: u64,
}

impl Traffic {
    pub(super) const fn count(&mut self, payload: &[u8]) {
        self.messages += 1;
        self.bytes += payload.len() as u64;
    }
}

/// What the machine does not know yet of a connection.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Changes {
    /// What came from it while it was paired; `Some` if anything came at all.
    pub(super) traffic: Option<Traffic>,
    /// Whether it took something of what had waited when the machine was told that it is full.
    pub(super) has_drained: bool,
    /// Whether it has become full.
    pub(super) is_full: bool,
}

/// The connection of one peer.
pub(super) struct Connection {
    pub(super) id: ConnectionId,
    pub(super) address: SocketAddr,
    /// When it was upgraded.
    pub(super) since: UnixTime,
    /// When something came from it.
    pub(super) heard_at: Instant,
    /// What let it in.
    pub(super) trust: Arc<Trust>,
    /// Whether the machine asked not to read it.
    pub(super) is_paused: bool,
    /// What was written to it.
    pub(super) sent: Traffic,
    /// Keeps the end of the program waiting.
    pub(super) token: TaskToken,
    stream: TlsStream<Socket>,
    context: WebSocketContext,
    frames: FrameTracker,
    message_max: usize,
    unsent_max: usize,
    /// What waits to be written; `written` bytes of it are.
    out: Vec<u8>,
    written: usize,
    /// Whether what was written waits inside TLS.
    is_unflushed: bool,
    /// Bytes in `out` that answer its own pings.
    pongs: usize,
    heard: Option<Traffic>,
    is_reported_full: bool,
    has_moved: bool,
    /// Why nothing more comes, once that is so.
    end: Option<End>,
    slot: ConnectionSlot,
}

/// What a new connection brings.
pub(super) struct Upgraded {
    pub(super) id: ConnectionId,
    pub(super) address: SocketAddr,
    pub(super) since: UnixTime,
    pub(super) now: Instant,
    pub(super) trust: Arc<Trust>,
    pub(super) token: TaskToken,
    pub(super) slot: ConnectionSlot,
    pub(super) stream: TlsStream<Socket>,
    /// What came behind the head of its request.
    pub(super) rest: Vec<u8>,
}

impl Connection {
    /// A connection that was just upgraded.
    pub(super) fn new(upgraded: Upgraded, limits: &ProxyLimits) -> Box<Self> {
        let Upgraded { id, address, since, now, trust, token, slot, stream, rest } = upgraded;
        let mut frames = FrameTracker::default();
        frames.pass(&rest);
        Box::new(Self {
            id,
            address,
            since,
            heard_at: now,
            trust,
            is_paused: false,
            sent: Traffic::default(),
            token,
            stream,
            context: reader(rest, limits.message_max),
            frames,
            message_max: limits.message_max,
            unsent_max: limits.unsent_max,
            out: Vec::new(),
            written: 0,
            is_unflushed: false,
            pongs: 0,
            heard: None,
            is_reported_full: false,
            has_moved: false,
            end: None,
            slot,
        })
    }

    /// Its certificate and those that came with it.
    pub(super) fn chain(&self) -> &[CertificateDer<'static>] {
        self.stream.get_ref().1.peer_certificates().unwrap_or_default()
    }

    /// Whose certificate it has. It is read anew each time, which happens rarely and saves memory.
    pub(super) fn identity(&self) -> Option<Identity> {
        mutual::identity(self.chain().first()?)
    }

    /// Whether more waits to be written to it than may.
    pub(super) const fn is_full(&self) -> bool {
        self.unsent() >= self.unsent_max
    }

    /// Whether enough waits to be worth a write.
    pub(super) const fn is_worth_a_write(&self) -> bool {
        self.unsent() >= RECORD
    }

    /// Whether it leaves so many of our pongs unread that it is read no more.
    pub(super) const fn owes_pongs(&self) -> bool {
        self.pongs >= PONGS_MAX
    }

    /// Whether it may be told of as no longer full, which the machine is waiting for.
    pub(super) const fn has_room_again(&self) -> bool {
        self.is_reported_full && !self.is_full()
    }

    const fn unsent(&self) -> usize {
        self.out.len() - self.written
    }

    /// Takes other limits.
    pub(super) fn limit(&mut self, limits: &ProxyLimits) {
        let max = Some(limits.message_max);
        (self.message_max, self.unsent_max) = (limits.message_max, limits.unsent_max);
        self.context.set_config(|config| {
            (config.max_message_size, config.max_frame_size) = (max, max);
        });
    }

    /// Puts a message into the buffer.
    pub(super) fn feed(&mut self, is_text: bool, payload: &[u8]) {
        self.sent.count(payload);
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
    }

    /// The next thing that comes from it.
    pub(super) fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Incoming, End>> {
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
        let mut wire = Wire { stream, out, frames, cx };
        let read = self.context.read(&mut wire);
        let result = match read {
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                // The library has taken all that it was given.
                if self.frames.longest() > KEPT_MAX as u64 && self.frames.is_between() {
                    self.frames.reset();
                    self.context = reader(Vec::new(), self.message_max);
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
                // Puts the answer into the buffer; the error is that there is nothing to do then.
                let _ = self.context.flush(&mut wire);
                Err(End::Closed(frame.map(|frame| frame.code.into())))
            }
            Err(error) => Err(websocket::fault(&error).map_or_else(End::Lost, End::Broken)),
        };
        self.pongs += self.out.len() - before;
        self.end = result.as_ref().err().cloned();
        Poll::Ready(result)
    }

    /// Writes what waits; pending while some of it still does.
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
        }
        if self.is_unflushed {
            ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
            self.is_unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Notes that something came from it at `now`, and counts a message that is passed on.
    pub(super) fn note(&mut self, now: Instant, payload: Option<&[u8]>) {
        self.heard_at = now;
        let heard = self.heard.get_or_insert_default();
        if let Some(payload) = payload {
            heard.count(payload);
        }
    }

    /// What the machine is to be told.
    pub(super) fn changes(&mut self) -> Changes {
        let is_full = self.is_full();
        let has_drained = self.is_reported_full && (self.has_moved || !is_full);
        let has_filled = is_full && (!self.is_reported_full || has_drained);
        self.is_reported_full = is_full;
        self.has_moved = false;
        Changes { traffic: self.heard.take(), has_drained, is_full: has_filled }
    }

    /// Puts a close frame into the buffer.
    pub(super) fn put_close(&mut self, code: u16, reason: &str) {
        let frame = CloseFrame { code: code.into(), reason: reason.into() };
        let Self { stream, out, frames, .. } = self;
        // Nothing is read, so nobody needs to be woken.
        let cx = &mut Context::from_waker(Waker::noop());
        let mut wire = Wire { stream, out, frames, cx };
        // It fails only if there was a close frame before.
        let _ = self.context.close(&mut wire, Some(frame));
    }

    /// The stream under the websocket.
    pub(super) fn into_stream(self: Box<Self>) -> (TlsStream<Socket>, TaskToken, ConnectionSlot) {
        (self.stream, self.token, self.slot)
    }
}

/// A reader that begins with these bytes.
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
struct Wire<'a, 'w> {
    stream: &'a mut TlsStream<Socket>,
    out: &'a mut Vec<u8>,
    frames: &'a mut FrameTracker,
    cx: &'a mut Context<'w>,
}

impl Read for Wire<'_, '_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
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

impl Write for Wire<'_, '_> {
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
