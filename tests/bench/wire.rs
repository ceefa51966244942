//! A websocket peer of the proxy for the load generator and the soak. It implements RFC 6455 by
//! hand, shares no code with the proxy's library, and is cheap enough to keep one core of the proxy
//! busy.
//!
//! Frames are written once [`Peer::next`] has handed out all that was read, so messages that arrive
//! together are answered together.

use std::io;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_rustls::TlsConnector;
use rustls::client::Resumption;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use smol::future::poll_fn;
use smol::io::{AsyncRead, AsyncWrite};
use smol::net::TcpStream;

const CHUNK: usize = 16 << 10;
const FINAL: u8 = 0x80;
const CONTINUATION: u8 = 0x0;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xa;

/// A stream of bytes in both directions.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Unpin {}

impl<S: AsyncRead + AsyncWrite + Unpin> Duplex for S {}

/// One end of a websocket after the handshake.
pub(crate) struct Peer {
    stream: Box<dyn Duplex>,
    /// What was read, up to `filled`. The part before `taken` was handed out.
    input: Vec<u8>,
    taken: usize,
    filled: usize,
    /// What is to be written. The part before `written` was written.
    output: Vec<u8>,
    written: usize,
}

/// What the other end sent.
#[derive(Debug)]
pub(crate) enum Event<'p> {
    Text(&'p [u8]),
    Binary(&'p [u8]),
    /// The code and the reason of a close frame.
    Closed(u16, String),
}

struct Frame {
    opcode: u8,
    payload: Range<usize>,
}

/// TLS for a peer whose certificate and key are in one PEM file, and which trusts the root in the
/// other. Sessions are not resumed, so each connection makes a full handshake.
pub(crate) fn connector(certificate: &[u8], root: &[u8]) -> io::Result<TlsConnector> {
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_slice_iter(root) {
        roots.add(root.map_err(io::Error::other)?).map_err(io::Error::other)?;
    }
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificate).collect();
    let key = PrivateKeyDer::from_pem_slice(certificate).map_err(io::Error::other)?;
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_client_auth_cert(chain.map_err(io::Error::other)?, key)
        .map_err(io::Error::other)?;
    config.resumption = Resumption::disabled();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// Opens a TLS connection; gives it with a handle on its socket.
pub(crate) async fn dial(tls: &TlsConnector, server: SocketAddr) -> io::Result<(Peer, TcpStream)> {
    let tcp = TcpStream::connect(server).await?;
    tcp.set_nodelay(true)?;
    let stream = tls.connect(ServerName::from(server.ip()), tcp.clone()).await?;
    Ok((Peer::over(Box::new(stream)), tcp))
}

impl Peer {
    /// A peer over a stream whose handshake is over.
    pub(crate) fn over(stream: Box<dyn Duplex>) -> Self {
        let input = vec![0; CHUNK];
        Self { stream, input, taken: 0, filled: 0, output: Vec::new(), written: 0 }
    }

    /// Makes the opening handshake (RFC 6455 §4.1). A fixed key is good enough here.
    pub(crate) async fn upgrade(&mut self, path: &str) -> io::Result<()> {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: \
             Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: \
             13\r\n\r\n"
        );
        self.output.extend_from_slice(request.as_bytes());
        loop {
            self.fill().await?;
            let read = self.input.get(..self.filled).unwrap_or_default();
            if let Some(end) = read.windows(4).position(|end| end == b"\r\n\r\n") {
                let head = String::from_utf8_lossy(read.get(..end).unwrap_or_default());
                // The accept value that RFC 6455 §1.3 gives for that key.
                if !head.starts_with("HTTP/1.1 101 ")
                    || !head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
                {
                    return Err(io::Error::other(head.lines().next().unwrap_or("").to_owned()));
                }
                self.taken = end + 4;
                return Ok(());
            }
        }
    }

    /// Queues a text message.
    pub(crate) fn push_text(&mut self, payload: &[u8]) {
        self.push(FINAL | TEXT, payload);
    }

    /// Queues a binary message in these fragments.
    pub(crate) fn push_binary(&mut self, fragments: &[&[u8]]) {
        for (nth, fragment) in fragments.iter().enumerate() {
            let opcode = if nth == 0 { BINARY } else { CONTINUATION };
            let last = if nth + 1 == fragments.len() { FINAL } else { 0 };
            self.push(last | opcode, fragment);
        }
    }

    /// Queues a close frame.
    pub(crate) fn push_close(&mut self, code: u16) {
        self.push(FINAL | CLOSE, &code.to_be_bytes());
    }

    /// Queues a client's frame. It is masked with zeros (§5.3), which changes no byte.
    fn push(&mut self, head: u8, payload: &[u8]) {
        const MASKED: u8 = 0x80;
        self.output.push(head);
        match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
            (Ok(length), _) if length < 126 => self.output.push(MASKED | length),
            (_, Ok(length)) => {
                self.output.push(MASKED | 126);
                self.output.extend_from_slice(&length.to_be_bytes());
            }
            _ => {
                self.output.push(MASKED | 127);
                self.output.extend_from_slice(&(payload.len() as u64).to_be_bytes());
            }
        }
        self.output.extend_from_slice(&[0; 4]);
        self.output.extend_from_slice(payload);
    }

    /// The next message; answers pings meanwhile. The future may be dropped and called again.
    pub(crate) async fn next(&mut self) -> io::Result<Event<'_>> {
        let Frame { opcode, payload } = loop {
            let Some(frame) = self.frame()? else {
                self.fill().await?;
                continue;
            };
            match frame.opcode {
                PING => {
                    let payload = self.input.get(frame.payload).unwrap_or_default().to_vec();
                    self.push(FINAL | PONG, &payload);
                }
                PONG => {}
                TEXT | BINARY | CLOSE => break frame,
                other => return Err(fault(format!("opcode {other}"))),
            }
        };
        if opcode == CLOSE {
            let answer = self.input.get(payload.clone()).unwrap_or_default().to_vec();
            self.push(FINAL | CLOSE, answer.get(..2).unwrap_or_default());
            // The other end may be gone.
            let _ = self.flush().await;
            let (code, reason) = answer.split_first_chunk().unwrap_or((&[0; 2], &[]));
            let reason = String::from_utf8_lossy(reason).into_owned();
            return Ok(Event::Closed(u16::from_be_bytes(*code), reason));
        }
        let payload = self.input.get(payload).unwrap_or_default();
        Ok(if opcode == TEXT { Event::Text(payload) } else { Event::Binary(payload) })
    }

    /// Writes all that is queued.
    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        poll_fn(|cx| self.poll_write(cx)).await
    }

    /// Takes a whole frame from what was read.
    fn frame(&mut self) -> io::Result<Option<Frame>> {
        let unread = self.input.get(self.taken..self.filled).unwrap_or_default();
        let [first, second, rest @ ..] = unread else {
            return Ok(None);
        };
        let (length, size) = match (second & 0x7f, rest) {
            (126, [a, b, ..]) => (u64::from(u16::from_be_bytes([*a, *b])), 4),
            (127, [a, b, c, d, e, f, g, h, ..]) => {
                (u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]), 10)
            }
            (126 | 127, _) => return Ok(None),
            (length, _) => (u64::from(length), 2),
        };
        if first & 0xf0 != FINAL || length > 16 << 20 {
            return Err(fault(format!("a frame of {length} bytes that begins with {first:#x}")));
        }
        // The frames of a server have no mask. Ours have one, and arrive with it through a pipe.
        let mask = if second & 0x80 == 0 { 0 } else { 4 };
        let begin = self.taken + size + mask;
        let end = begin + usize::try_from(length).map_err(io::Error::other)?;
        if end > self.filled {
            return Ok(None);
        }
        self.taken = end;
        Ok(Some(Frame { opcode: first & 0x0f, payload: begin..end }))
    }

    /// Reads something, and writes what it can meanwhile.
    async fn fill(&mut self) -> io::Result<()> {
        self.input.copy_within(self.taken..self.filled, 0);
        self.filled -= self.taken;
        self.taken = 0;
        if self.filled == self.input.len() {
            self.input.resize(2 * self.filled, 0);
        }
        self.filled += poll_fn(|cx| {
            if let Poll::Ready(Err(error)) = self.poll_write(cx) {
                return Poll::Ready(Err(error));
            }
            let space = self.input.get_mut(self.filled..).unwrap_or_default();
            match ready!(Pin::new(&mut self.stream).poll_read(cx, space))? {
                0 => Poll::Ready(Err(io::Error::from(ErrorKind::UnexpectedEof))),
                count => Poll::Ready(Ok(count)),
            }
        })
        .await?;
        Ok(())
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) = self.output.get(self.written..).filter(|rest| !rest.is_empty()) {
            self.written += ready!(Pin::new(&mut self.stream).poll_write(cx, rest))?;
        }
        self.output.clear();
        self.written = 0;
        Pin::new(&mut self.stream).poll_flush(cx)
    }
}

fn fault(what: String) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}
