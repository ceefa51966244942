//! One connection: the TLS handshake, then requests until either side closes.

use std::{convert::Infallible, error::Error as _, future::poll_fn};
use std::{io, net::SocketAddr, pin::Pin, pin::pin, sync::Arc, task::Poll, time::Duration};

use futures_rustls::TlsAcceptor;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, StatusCode, server::conn::http1, service::service_fn};
use hyper::{body::Body, body::Bytes, body::Incoming, header::CONNECTION};
use hyper::{header::EXPECT, header::HeaderName, header::HeaderValue, http::request};
use mistgate_core::http::listener::{Limits, Policy};
use mistgate_core::http::{admission::Standing, forwarded, framing::Error};
use smol::{Timer, future::FutureExt};

use super::{Event, Head, Reply, Service, gate::Gate, gate::RequestState};
use crate::base::{clock, connection_limiter::ConnectionSlot, net, net::Duplex, stop::Stop};
use crate::base::{clock::Clock, clock::timeout, connection_limiter::ConnectionLimiter};
use crate::http::{tls, tls::Identity};

/// A stopping listener closes no idle connection that is younger: the first request of a client
/// that only just connected is on its way, and the client may not send it again.
const FRESH: Duration = Duration::from_millis(500);

/// What all connections of a listener share.
#[derive(Debug)]
pub struct Site<S> {
    policy: Policy,
    pub(super) limiter: Arc<ConnectionLimiter>,
    /// The certificate; none for plain HTTP.
    tls: Option<Arc<Identity>>,
    pub(super) service: Arc<S>,
    stop: Stop,
}

impl<S> Site<S> {
    /// A site whose connections end some time after `stop`.
    pub fn new(service: Arc<S>, tls: Option<Arc<Identity>>, policy: Policy, stop: Stop) -> Self {
        let limiter = ConnectionLimiter::new(policy.clone(), Clock::start());
        Self { policy, limiter, tls, service, stop }
    }
}

/// Serves a connection to its end, if there is a place for it.
pub async fn serve<S: Service, T: Duplex + 'static>(
    site: Arc<Site<S>>,
    stream: T,
    peer: SocketAddr,
) {
    match site.limiter.connect(peer.ip()) {
        Ok(slot) => serve_in(&site, stream, peer, slot).await,
        Err(limit) => site.service.note(Event::Shed { peer, limit: limit.name() }),
    }
}

/// Serves a connection that has its place, to its end or until it must give way.
pub(super) async fn serve_in<S: Service, T: Duplex + 'static>(
    site: &Site<S>,
    stream: T,
    peer: SocketAddr,
    slot: ConnectionSlot,
) {
    let evicted = async {
        slot.evicted().wait().await;
        site.service.note(Event::Evicted { peer });
    };
    evicted.or(serve_to_its_end(site, stream, peer, &slot)).await;
}

async fn serve_to_its_end<S: Service, T: Duplex + 'static>(
    site: &Site<S>,
    stream: T,
    peer: SocketAddr,
    slot: &ConnectionSlot,
) {
    let mut fresh = Timer::after(FRESH);
    let shaken = async { Some(shake_hands(site, slot, stream).await) };
    let too_late = async {
        site.stop.wait().await;
        (&mut fresh).await;
        None
    };
    let stream = match shaken.or(too_late).await {
        Some(Ok(stream)) => stream,
        Some(Err(error)) => {
            let reason = tls::explain(&error);
            return site.service.note(Event::HandshakeFailed { peer, reason });
        }
        None => return,
    };
    let limits = &site.policy.limits;
    let gate = Gate::new(stream, limits);
    let request_state = gate.request_state.clone();
    let service = service_fn(|request| -> Pin<Box<dyn Future<Output = _> + Send>> {
        Box::pin(respond(site, &request_state, peer, slot, request))
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
    finish(site, peer, connection.into_parts().io).await;
}

async fn shake_hands<S, T: Duplex + 'static>(
    site: &Site<S>,
    slot: &ConnectionSlot,
    stream: T,
) -> io::Result<Box<dyn Duplex>> {
    let Some(identity) = &site.tls else { return Ok(Box::new(stream)) };
    slot.turn().await;
    let accepted = async {
        let stream: Box<dyn Duplex> =
            Box::new(TlsAcceptor::from(identity.get()).accept(stream).await?);
        Ok(stream)
    };
    accepted.or(timeout(site.policy.limits.handshake_timeout)).await
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
    slot: &ConnectionSlot,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let whole = body.is_end_stream();
    let client = client(site, peer, &parts);
    let head = Head { parts: &parts, peer: client.unwrap_or(peer) };
    let refuse = |status, reason| refuse(site, head.peer, status, reason);
    let reply = match client {
        _ if !request_state.claim() => Err(refuse(400, "two requests in the place of one")),
        None => Err(refuse(400, "an X-Forwarded-For without an address")),
        Some(_) => read_and_serve(site, slot, &head, body).await,
    };
    let is_outside = slot.standing() == Standing::Outside;
    let (Ok(answer) | Err(answer)) = &reply;
    let is_unproven = answer.status == u16::from(http_types::StatusCode::Unauthorized);
    let pause = if is_unproven { slot.fail() } else { Duration::ZERO };
    // Meanwhile others may have its place.
    slot.answered();
    if !pause.is_zero() {
        Timer::after(pause).await;
    }
    let response = match reply {
        Ok(reply) => response(reply),
        Err(refusal) => {
            let mut response = response(refusal);
            if !whole || is_outside {
                // Nothing can follow a body that was not read to its end, nor what is refused
                // because of who sent it.
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert(CONNECTION, close);
            }
            response
        }
    };
    request_state.answered();
    Ok(response)
}

/// Whose request this is: the peer's, or that of the client that a trusted proxy names. `None` if
/// the proxy names no address.
fn client<S>(site: &Site<S>, peer: SocketAddr, parts: &request::Parts) -> Option<SocketAddr> {
    let values = parts.headers.get_all(forwarded::HEADER).iter().map(HeaderValue::as_bytes);
    let client = forwarded::client(peer.ip(), values, &site.policy.proxies)?;
    Some(SocketAddr::new(client, peer.port()))
}

/// The refusal of the listener itself.
fn refuse<S: Service>(
    site: &Site<S>,
    peer: SocketAddr,
    status: u16,
    reason: &'static str,
) -> Reply {
    site.service.note(Event::Refused { peer, status, reason });
    let mut reply = Reply::status(status);
    if S::SAYS_WHY {
        reply = reply.content("text/plain", format!("{reason}\n"));
    }
    if status == 503 { reply.retry_after(Duration::from_secs(1)) } else { reply }
}

async fn read_and_serve<S: Service>(
    site: &Site<S>,
    slot: &ConnectionSlot,
    head: &Head<'_>,
    body: Incoming,
) -> Result<Reply, Reply> {
    let refuse = |status, reason| refuse(site, head.peer, status, reason);
    if !site.policy.proxies.is_empty() {
        slot.identify(head.peer.ip()).map_err(|limit| refuse(503, limit.name()))?;
    }
    if slot.standing() == Standing::Outside {
        return Err(refuse(403, "an address that is not allowed"));
    }
    let mut expectations = head.parts.headers.get_all(EXPECT).iter();
    if expectations.any(|value| !value.as_bytes().eq_ignore_ascii_case(b"100-continue")) {
        return Err(refuse(417, "an expectation other than 100-continue"));
    }
    site.service.admit(head)?;
    // The size that was announced, or zero for a chunked body.
    let announced = body.size_hint().lower();
    if announced > site.policy.limits.body_max as u64 {
        return Err(refuse(413, "a body longer than allowed"));
    }
    let bytes = collect(&site.policy.limits, slot, body).await;
    let bytes = bytes.map_err(|(status, reason)| refuse(status, reason))?;
    slot.serve();
    let reply = site.service.serve(head, bytes).await;
    if reply.is_proven {
        slot.prove();
    }
    Ok(reply)
}

/// Reads a body to its end. Its bytes count until the request is answered.
async fn collect(
    limits: &Limits,
    slot: &ConnectionSlot,
    mut body: Incoming,
) -> Result<Bytes, (u16, &'static str)> {
    // Room for the usual body at once, and more only as bytes arrive: an announced length alone
    // costs no memory.
    const ROOM: u64 = 64 * 1024;
    let room = body.size_hint().lower().min(ROOM);
    let mut bytes = Vec::with_capacity(usize::try_from(room).unwrap_or_default());
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| match is_late(&error) {
            true => (408, "a body that took too long"),
            false => (400, "a broken body"),
        })?;
        // Trailers are not used.
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.len() > limits.body_max {
            return Err((413, "a body longer than allowed"));
        }
        slot.grow(data.len()).map_err(|_| (503, "too many bodies at once"))?;
        bytes.extend_from_slice(&data);
    }
    Ok(bytes.into())
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
