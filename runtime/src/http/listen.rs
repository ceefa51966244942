//! The HTTP/1.1 server pump of the webhook listener and the admin endpoint, over TCP or TLS.
//!
//! It moves requests in and replies out and keeps clients within its [`Policy`]. A [`Service`]
//! answers. It is asked twice: with the head, so that a refusal costs no body and no
//! `100 Continue`, and with the whole body.
//!
//! Two readers frame every request: [`framing`](mistgate_core::http::framing), which accepts only
//! the strict grammar of RFC 9112, and hyper. A request is served only if both agree where it
//! begins. Otherwise the answer is 400 and the connection ends.

use std::borrow::Cow;
use std::{fmt, io, net::SocketAddr, net::TcpListener, net::TcpStream, sync::Arc, time::Duration};

use http_types::{Url, url::Host};
use hyper::http::request;
use mistgate_core::http::listener::Policy;
use smol::{Async, Executor, Timer, future::FutureExt};

pub use hyper::body::Bytes;

use self::connection::Site;

use crate::base::{connection_limiter::ConnectionSlot, journal::Journal, journal::Level};
use crate::base::{journal::fields, metrics::Counter, net::Socket, stop::Stop, stop::TaskTracker};
use crate::{base::panic, http::tls::Identity};

mod gate;

pub mod connection;

/// Answers the requests of a listener.
pub trait Service: Send + Sync + 'static {
    /// Whether the body of a refusal of the listener says why. Strangers are told only the status.
    const SAYS_WHY: bool = false;

    /// Looks at the head before the body is read. `Err` is the answer, and the body is not read.
    fn admit(&self, head: &Head<'_>) -> Result<(), Reply>;

    /// Answers a whole request. Called only for heads that were admitted.
    fn serve(&self, head: &Head<'_>, body: Bytes) -> impl Future<Output = Reply> + Send;

    /// Notes a connection or request that was not served.
    fn note(&self, event: Event);
}

/// A connection or request that a listener did not serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The system refused to accept; the listener tries again soon.
    AcceptFailed { reason: String },
    /// A connection was cut, because another needed its place or its memory.
    Evicted { peer: SocketAddr },
    /// The TLS handshake failed or took too long.
    HandshakeFailed { peer: SocketAddr, reason: String },
    /// The listener itself refused a request.
    Refused { peer: SocketAddr, status: u16, reason: &'static str },
    /// A connection was closed at once because there are too many.
    Shed { peer: SocketAddr, limit: &'static str },
}

impl Event {
    /// Prints and counts the event for the listener `name`.
    pub fn note(&self, journal: &Journal, name: &str) {
        let (level, event, reason, peer): (_, _, &dyn fmt::Display, _) = match self {
            Self::AcceptFailed { reason } => (Level::Error, "accept_failed", reason, None),
            Self::Evicted { peer } => {
                (Level::Info, "connection_evicted", &"slower than others", Some(peer))
            }
            Self::HandshakeFailed { peer, reason } => {
                (Level::Info, "handshake_failed", reason, Some(peer))
            }
            Self::Refused { peer, reason, .. } => {
                (Level::Info, "request_refused", reason, Some(peer))
            }
            Self::Shed { peer, limit } => (Level::Warning, "connection_shed", limit, Some(peer)),
        };
        journal.metrics.add(Counter::Connections, &[("listener", name), ("reason", event)], 1);
        let from = peer.map_or_else(String::new, |peer| peer.ip().to_string());
        let values = fields![listener = name, from, reason];
        if matches!(self, Self::HandshakeFailed { .. }) {
            journal.stranger(name, level, event, values);
        } else {
            journal.client(level, event, values);
        }
    }
}

/// The head of a request, and where it comes from.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    parts: &'a request::Parts,
    peer: SocketAddr,
}

impl<'a> Head<'a> {
    /// The method; letter case counts.
    pub fn method(&self) -> &'a str {
        self.parts.method.as_str()
    }

    /// The path as sent: percent-encoding is not undone, the query is cut off.
    pub fn path(&self) -> &'a str {
        self.parts.uri.path()
    }

    /// The query without its `?`.
    pub fn query(&self) -> Option<&'a str> {
        self.parts.uri.query()
    }

    /// The value of the first header of this name, in any letter case. Bytes, not text: a client
    /// may send what it likes.
    pub fn header(&self, name: &str) -> Option<&'a [u8]> {
        Some(self.parts.headers.get(name)?.as_bytes())
    }

    /// All headers in their order, with names in lower case.
    pub fn headers(&self) -> impl Iterator<Item = (&'a str, &'a [u8])> {
        self.parts.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()))
    }

    /// Whether it is of a page of another host in somebody's browser, as that says itself.
    pub(crate) fn is_of_a_page(&self) -> bool {
        let site = self.header("sec-fetch-site");
        let is_own = site.is_none_or(|site| matches!(site, b"none" | b"same-origin"));
        self.header("origin").is_some() || !is_own
    }

    /// Whether it is of a page of its own host in somebody's browser, as that says itself.
    pub(crate) fn is_of_own_page(&self) -> bool {
        let site = self.header("sec-fetch-site");
        let origin = self.header("origin").and_then(|origin| {
            origin.strip_prefix(b"https://").or_else(|| origin.strip_prefix(b"http://"))
        });
        let is_own = origin.is_some() && origin == self.header("host");
        is_own && site.is_none_or(|site| site == b"same-origin")
    }

    /// Whether it names this machine as its host. A page in a browser whose own name leads here
    /// names that, and could read the answer.
    pub(crate) fn names_this_machine(&self) -> bool {
        let Some(host) = self.header("host") else { return true };
        let url = Url::parse(&format!("http://{}", String::from_utf8_lossy(host))).ok();
        url.is_some_and(|url| match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(_) | Host::Ipv6(_)) => true,
            None => false,
        })
    }

    /// The client's address; that which a trusted proxy names. An IPv4 address mapped into IPv6 is
    /// given as IPv4.
    pub const fn peer(&self) -> SocketAddr {
        self.peer
    }
}

/// The answer of a [`Service`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The status: 200 to 599.
    pub status: u16,
    /// Header fields besides `Content-Length`, `Date` and `Connection`, which the pump adds.
    pub headers: Vec<(Cow<'static, str>, Cow<'static, str>)>,
    /// The body, often empty.
    pub body: Bytes,
    /// Whether the client has shown that it belongs here, whatever the answer is.
    pub is_proven: bool,
}

impl Reply {
    /// An answer without a body.
    pub const fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Bytes::new(), is_proven: false }
    }

    /// To a client that has shown that it belongs here: it signed the request, or holds a key. In
    /// the next minutes strangers cannot take its place.
    #[must_use]
    pub fn proven(self) -> Self {
        Self { is_proven: true, ..self }
    }

    /// With one more header field.
    #[must_use]
    pub fn header(
        mut self,
        name: impl Into<Cow<'static, str>>,
        value: impl Into<Cow<'static, str>>,
    ) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// With `Retry-After`, in seconds, rounded up (RFC 9110 §10.2.3).
    #[must_use]
    pub fn retry_after(self, after: Duration) -> Self {
        let secs = after.as_secs() + u64::from(after.subsec_nanos() > 0);
        self.header("retry-after", secs.to_string())
    }

    /// With a body of the media type `kind`.
    #[must_use]
    pub fn content(mut self, kind: &'static str, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self.header("content-type", kind)
    }
}

/// A socket that listens, and the policy for its clients.
#[derive(Debug)]
pub struct Listener {
    /// It is bound and listens already, so that it may come from the service manager.
    pub socket: Async<TcpListener>,
    /// Without a certificate it speaks plain HTTP.
    pub tls: Option<Arc<Identity>>,
    /// Clients outside `allow_from` are answered 403.
    pub policy: Policy,
}

impl Listener {
    /// Where it listens.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.get_ref().local_addr()
    }

    /// Serves until `stop`. Then it accepts nothing more, closes idle connections, answers requests
    /// in flight and those of clients that connected in the last half second, and drops the rest
    /// after `grace`.
    pub async fn run<S: Service>(
        self,
        executor: Arc<Executor<'static>>,
        service: Arc<S>,
        stop: Stop,
        grace: Duration,
    ) {
        let connections = TaskTracker::new();
        let Self { socket, tls, policy } = self;
        let site = Arc::new(Site::new(service, tls, policy, stop.clone()));
        let begin = |stream: Async<TcpStream>, peer, slot| {
            let (site, token) = (Arc::clone(&site), connections.begin());
            executor
                .spawn(async move {
                    // An answer is one small write, which must not wait for the acknowledgement of
                    // the one before. A socket that refuses is slower, not wrong.
                    let _ = stream.get_ref().set_nodelay(true);
                    let stream = Socket::new(stream);
                    token.bound(connection::serve_in(&site, stream, peer, slot).boxed()).await;
                })
                .detach();
        };
        let accepting =
            async { while panic::catch_async(accept(&socket, &site, begin)).await.is_none() {} };
        // Handshakes that wait when it stops are not begun.
        stop.wait().or(accepting).or(site.limiter.pace()).await;
        // From here on the system refuses connections, and resets those in the backlog.
        drop(socket);
        connections.end(grace).await;
    }
}

/// Accepts connections for ever and hands each that gets a slot to `begin`.
async fn accept<S: Service>(
    socket: &Async<TcpListener>,
    site: &Site<S>,
    begin: impl Fn(Async<TcpStream>, SocketAddr, ConnectionSlot),
) {
    loop {
        let (stream, peer) = accept_one(socket, |event| site.service.note(event)).await;
        match site.limiter.connect(peer.ip()) {
            Ok(slot) => begin(stream, peer, slot),
            Err(limit) => site.service.note(Event::Shed { peer, limit: limit.name() }),
        }
    }
}

/// The next connection and the client's address, which is IPv4 if it is mapped into IPv6.
pub(crate) async fn accept_one(
    socket: &Async<TcpListener>,
    note: impl Fn(Event),
) -> (Async<TcpStream>, SocketAddr) {
    const PAUSE_MIN: Duration = Duration::from_millis(50);
    const PAUSE_MAX: Duration = Duration::from_secs(1);
    let mut pause = PAUSE_MIN;
    loop {
        match socket.accept().await {
            Ok((stream, peer)) => {
                return (stream, SocketAddr::new(peer.ip().to_canonical(), peer.port()));
            }
            // The client left before we accepted (accept(2)).
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            // Out of descriptors or memory: the socket stays readable, so wait.
            Err(error) => {
                note(Event::AcceptFailed { reason: error.to_string() });
                Timer::after(pause).await;
                pause = PAUSE_MAX.min(pause * 2);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_rounded_up() {
        let reply = Reply::status(503).retry_after(Duration::from_millis(1_001));
        assert_eq!(reply.headers, [(Cow::Borrowed("retry-after"), Cow::Borrowed("2"))]);
    }
}
