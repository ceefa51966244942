//! Streams, as listeners and clients both use them.

use std::{io, net::TcpStream, pin::Pin, task::Context, task::Poll, task::ready, time::Duration};
use std::{io::IoSlice, io::Read, io::Write, net::Shutdown};

use smol::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use smol::{Async, future::FutureExt};

use crate::base::clock::timeout;

/// How long [`close`] takes at most, and how many bytes it reads.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_MAX: usize = 8 << 20;

/// A connection, with or without TLS.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A TCP connection that reads only when the system has data, and writes only when it has room.
///
/// An [`Async`] tries first, which costs two system calls in vain for every message. Closing an
/// [`Async`] also leaves the sending side open; this one closes it.
#[derive(Debug)]
pub struct Socket {
    stream: Async<TcpStream>,
    /// Whether the last read took all that there was.
    drained: bool,
    /// Whether the last write found no room.
    stuffed: bool,
}

impl Socket {
    /// A connection from which nothing was read yet.
    pub(crate) const fn new(stream: Async<TcpStream>) -> Self {
        Self { stream, drained: false, stuffed: false }
    }

    fn poll_write_with(
        &mut self,
        cx: &mut Context<'_>,
        write: impl Fn(&TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            if self.stuffed {
                ready!(self.stream.poll_writable(cx))?;
                self.stuffed = false;
            }
            match write(self.stream.get_ref()) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.stuffed = true,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                written => return Poll::Ready(written),
            }
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            if self.drained {
                ready!(self.stream.poll_readable(cx))?;
                self.drained = false;
            }
            match self.stream.get_ref().read(buf) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.drained = true,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => {
                    self.drained = read.as_ref().is_ok_and(|&count| count < buf.len());
                    return Poll::Ready(read);
                }
            }
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_with(cx, |mut stream| stream.write(buf))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_with(cx, |mut stream| stream.write_vectored(bufs))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.stream.get_ref().shutdown(Shutdown::Write))
    }
}

/// Writes `last_words`, closes our side and, unless the connection is idle, reads on until the
/// other side closes too. To close a connection with unread bytes would reset it, and the other
/// side would lose our last words (RFC 9293 §3.6, RFC 9112 §9.6).
pub(crate) async fn close<S: Duplex>(mut stream: S, last_words: &[u8], is_idle: bool) {
    let closed = async {
        stream.write_all(last_words).await?;
        stream.close().await?;
        let (mut dropped, mut buffer) = (0, [0; 4 << 10]);
        while !is_idle && dropped < LINGER_MAX {
            match stream.read(&mut buffer).await? {
                0 => break,
                count => dropped += count,
            }
        }
        Ok(())
    };
    // Whether the other side has read them cannot be known.
    let _ = closed.or(timeout(LINGER)).await;
}
