//! One connection: the TLS handshake, then requests until either side closes.

use std::convert::Infallible;
use std::error::Error as _;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use futures_rustls::TlsAcceptor;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes, Incoming};
use hyper::header::{CONNECTION, EXPECT, HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use mistgate_core::base::network::Network;
use mistgate_core::http::framing::Error;
use mistgate_core::http::listener::Limits;
use smol::{Timer, future::FutureExt};

use super::gate::{Gate, RequestState};
use super::{Event, Head, Reply, Service};
use crate::base::clock::timeout;
use crate::base::net::Duplex;
use crate::base::stop::Stop;
use crate::base::{clock, net};
use crate::http::tls::Identity;

/// A stopping listener closes no idle connection that is younger: the first request of a client
/// that only just connected is on its way, and the client may not send it again.
const FRESH: Duration = Duration::from_millis(500);

/// What all connections of a listener share.
#[derive(Debug)]
pub struct Site<S> {
    /// Bytes of bodies in memory.
    bodies: Arc<Budget>,
    pub(super) limits: Limits,
    /// The networks whose requests are answered.
    allow_from: Vec<Network>,
    /// The certificate; none for plain HTTP.
    tls: Option<Arc<Identity>>,
    pub(super) service: Arc<S>,
    stop: Stop,
}

impl<S> Site<S> {
    /// A site whose connections end some time after `stop`.
    pub fn new(
        service: Arc<S>,
        tls: Option<Arc<Identity>>,
        allow_from: Vec<Network>,
        limits: Limits,
        stop: Stop,
    ) -> Self {
        Self { bodies: Budget::new(limits.bodies_max), limits, allow_from, tls, service, stop }
    }
}

/// Serves a connection to its end.
pub async fn serve<S: Service, T: Duplex + 'static>(
    site: Arc<Site<S>>,
    stream: T,
    peer: SocketAddr,
) {
    let mut fresh = Timer::after(FRESH);
    let shaken = async { Some(shake_hands(&site, stream).await) };
    let too_late = async {
        site.stop.wait().await;
        (&mut fresh).await;
        None
    };
    let stream = match shaken.or(too_late).await {
        Some(Ok(stream)) => stream,
        Some(Err(error)) => {
            let reason = error.to_string();
            return site.service.note(Event::HandshakeFailed { peer, reason });
        }
        None => return,
    };
    let limits = &site.limits;
    let gate = Gate::new(stream, limits);
    let request_state = gate.request_state.clone();
    let service = service_fn(|request| -> Pin<Box<dyn Future<Output = _> + Send>> {
        Box::pin(respond(&site, &request_state, peer, request))
    });
    let mut connection = http(limits).serve_connection(gate, service);
    let mut ending = pin!(async {
        site.stop.wait().await;
        poll_fn(|cx| match request_state.has_begun() {
            true => Poll::Ready(()),
            false => Pin::new(&mut fresh).poll(cx).map(|_| ()),
        })
        .await;
    });
    let mut stopping = false;
    // The gate knows better than hyper what went wrong.
    let _ = poll_fn(|cx| {
        // Bytes that have arrived are read before the listener's end is looked at.
        let polled = connection.poll_without_shutdown(cx);
        if polled.is_ready() || stopping || ending.as_mut().poll(cx).is_pending() {
            return polled;
        }
        stopping = true;
        Pin::new(&mut connection).graceful_shutdown();
        connection.poll_without_shutdown(cx)
    })
    .await;
    finish(&site, peer, connection.into_parts().io).await;
}

async fn shake_hands<S, T: Duplex + 'static>(
    site: &Site<S>,
    stream: T,
) -> io::Result<Box<dyn Duplex>> {
    let Some(identity) = &site.tls else {
        return Ok(Box::new(stream));
    };
    let accepted = async {
        let stream: Box<dyn Duplex> =
            Box::new(TlsAcceptor::from(identity.get()).accept(stream).await?);
        Ok(stream)
    };
    accepted.or(timeout(site.limits.handshake_timeout)).await
}

fn http(limits: &Limits) -> http1::Builder {
    // hyper panics below its own minimum. The gate keeps the configured limit.
    const BUFFER_MIN: usize = 8 * 1024;
    // Up to here hyper parses without an allocation.
    const HEADERS_MIN: usize = 100;
    let mut http = http1::Builder::new();
    // The gate keeps the timeouts.
    http.header_read_timeout(None).half_close(true).max_buf_size(limits.head_max.max(BUFFER_MIN));
    if limits.headers_max > HEADERS_MIN {
        http.max_headers(limits.headers_max);
    }
    http
}

/// Answers one request, whatever it is.
async fn respond<S: Service>(
    site: &Site<S>,
    request_state: &RequestState,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let head = Head { parts: &parts, peer };
    let whole = body.is_end_stream();
    let reply = if request_state.claim() {
        read_and_serve(site, &head, body).await
    } else {
        Err(Refusal::Pump(400, "two requests in the place of one"))
    };
    let response = match reply {
        Ok(reply) => response(reply),
        Err(refusal) => {
            let mut response = response(refusal.reply(site, peer));
            if !whole {
                // Nothing can follow a body that was not read to its end.
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert(CONNECTION, close);
            }
            response
        }
    };
    request_state.answered();
    Ok(response)
}

/// Why a request was not served.
enum Refusal {
    /// The listener refuses, with a status and a reason.
    Pump(u16, &'static str),
    /// The service refuses.
    Service(Reply),
}

impl Refusal {
    fn reply<S: Service>(self, site: &Site<S>, peer: SocketAddr) -> Reply {
        match self {
            Self::Service(reply) => reply,
            Self::Pump(status, reason) => {
                site.service.note(Event::Refused { peer, status, reason });
                let reply = Reply::status(status);
                match status {
                    503 => reply.retry_after(Duration::from_secs(1)),
                    _ => reply,
                }
            }
        }
    }
}

async fn read_and_serve<S: Service>(
    site: &Site<S>,
    head: &Head<'_>,
    body: Incoming,
) -> Result<Reply, Refusal> {
    let allowed = site.allow_from.iter().any(|network| network.contains(head.peer().ip()));
    if !allowed {
        return Err(Refusal::Pump(403, "an address that is not allowed"));
    }
    let mut expectations = head.parts.headers.get_all(EXPECT).iter();
    if expectations.any(|value| !value.as_bytes().eq_ignore_ascii_case(b"100-continue")) {
        return Err(Refusal::Pump(417, "an expectation other than 100-continue"));
    }
    site.service.admit(head).map_err(Refusal::Service)?;
    // The size that was announced, or zero for a chunked body.
    let announced = body.size_hint().lower();
    if announced > site.limits.body_max as u64 {
        return Err(Refusal::Pump(413, "a body longer than allowed"));
    }
    let (bytes, _held) = collect(site, body).await?;
    Ok(site.service.serve(head, bytes).await)
}

/// Reads a body to its end. Its bytes count against the budget until the second value is dropped.
async fn collect<S>(site: &Site<S>, mut body: Incoming) -> Result<(Bytes, Held), Refusal> {
    // Room for the usual body at once, and more only as bytes arrive: an announced length alone
    // costs no memory.
    const ROOM: u64 = 64 * 1024;
    let mut held = Held { budget: Arc::clone(&site.bodies), bytes: 0 };
    let room = body.size_hint().lower().min(ROOM);
    let mut bytes = Vec::with_capacity(usize::try_from(room).unwrap_or_default());
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| match is_late(&error) {
            true => Refusal::Pump(408, "a body that took too long"),
            false => Refusal::Pump(400, "a broken body"),
        })?;
        // Trailers are not used.
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if bytes.len() + data.len() > site.limits.body_max {
            return Err(Refusal::Pump(413, "a body longer than allowed"));
        }
        if !held.grow(data.len()) {
            return Err(Refusal::Pump(503, "too many bodies at once"));
        }
        bytes.extend_from_slice(&data);
    }
    Ok((bytes.into(), held))
}

/// Whether the gate waited too long.
fn is_late(error: &hyper::Error) -> bool {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<io::Error>());
    cause.is_some_and(|cause| cause.kind() == io::ErrorKind::TimedOut)
}

fn response(reply: Reply) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(reply.body));
    // A status that cannot be sent is a bug of the service.
    *response.status_mut() = StatusCode::from_u16(reply.status)
        .ok()
        .filter(|status| !status.is_informational())
        .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in reply.headers {
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value.as_bytes())) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

/// Answers the last error, if any, and closes the connection so that the client gets the answer.
async fn finish<S: Service>(site: &Site<S>, peer: SocketAddr, gate: Gate) {
    if gate.is_stalled {
        return;
    }
    let idle = gate.is_idle();
    let answer = gate.error.map_or_else(String::new, |Error { status, reason }| {
        site.service.note(Event::Refused { peer, status, reason });
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
        format!(
            "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: 0\r\ndate: {}\r\n\r\n",
            clock::http_date()
        )
    });
    net::close(gate.stream, answer.as_bytes(), idle).await;
}

/// The memory for bodies of all connections.
#[derive(Debug)]
struct Budget {
    max: usize,
    held: AtomicUsize,
}

impl Budget {
    /// A budget of `max` bytes, none of them taken.
    fn new(max: usize) -> Arc<Self> {
        Arc::new(Self { max, held: AtomicUsize::new(0) })
    }
}

/// The share of one request in the budget, given back when dropped.
#[derive(Debug)]
struct Held {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Held {
    /// Takes `more` bytes; false if the budget does not have them.
    fn grow(&mut self, more: usize) -> bool {
        let grown = self.budget.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |held| {
            held.checked_add(more).filter(|&sum| sum <= self.budget.max)
        });
        if grown.is_ok() {
            self.bytes += more;
        }
        grown.is_ok()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.budget.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_takes_back_what_it_gave() {
        let budget = Budget::new(10);
        let mut first = Held { budget: Arc::clone(&budget), bytes: 0 };
        let mut second = Held { budget: Arc::clone(&budget), bytes: 0 };
        assert!(first.grow(6) && second.grow(4));
        assert!(!second.grow(1));
        drop(first);
        assert!(second.grow(6));
        drop(second);
        assert_eq!(budget.held.load(Ordering::Relaxed), 0);
    }
}
