//! The HTTP/1.1 client: requests to a destination, each over a connection of its own, which is kept
//! for later ones.
//!
//! A request is sent at most once, with one exception: if a kept connection was closed before it
//! took the request, that goes out over another one (RFC 9110 §9.2.2). Every other failure is a
//! [`Fault`], which says whether the destination may have got the request; the caller decides what
//! to do. Redirects are answers like any other.
//!
//! Of a chat's answer the beginning is enough; an API's answer is taken whole or not at all.
//!
//! A chat's URL is a credential. It goes into the request and nowhere else: a fault holds only its
//! host name.

use std::{env, future::poll_fn, pin::Pin, pin::pin, time::Duration, time::UNIX_EPOCH};

use futures_rustls::TlsConnector;
use http_body_util::{BodyExt, Full};
use http_types::{Url, url::Position};
use hyper::header::{
    AUTHORIZATION, DATE, HOST, HeaderMap, HeaderName, HeaderValue, PROXY_AUTHORIZATION, RETRY_AFTER,
};
use hyper::{Request, Response, Uri, body::Incoming, client::conn::http1};
use mistgate_core::http::{proxy, proxy::Proxies, proxy::Proxy};
use mistgate_core::{base::time::Instant, base::time::UnixTime, config::checked::Config};
use smol::{Timer, future, future::FutureExt};
use smol_hyper::rt::FuturesIo;

pub use hyper::{Method, body::Bytes};

use crate::base::{clock, clock::Clock, net::Duplex, sync::Mutex};

mod dial;
mod fault;

pub(crate) use dial::reach;
pub use fault::{Cause, Fault, Step};

/// How much of a body is read beyond what is taken of it, so that the connection can be used again.
const DRAIN_MAX: usize = 64 * 1024;
/// How much of a head hyper holds.
const HEAD_MAX: usize = 64 * 1024;
/// A connection that was idle for longer is not trusted: firewalls forget connections silently.
const IDLE_MAX: Duration = Duration::from_secs(60);

/// What all clients share: how they reach the network and whom they trust.
#[derive(Clone)]
pub struct Outbound {
    /// Verifies https destinations.
    pub tls: TlsConnector,
    pub proxies: Proxies,
    pub clock: Clock,
}

/// The proxies: the configured one, else those of the environment.
pub fn proxies(config: &Config) -> Result<Proxies, proxy::Error> {
    Proxies::new(config.chat.delivery.http_proxy.as_ref(), |name| env::var(name).ok())
}

/// One request. Not to be printed: its URL or its headers hold a credential.
#[derive(Clone)]
pub struct Call<'a> {
    pub method: Method,
    /// An absolute `http` or `https` URL.
    pub url: &'a Url,
    /// Header fields besides `Host`, `Content-Length` and what the proxy wants.
    pub headers: &'a [(&'static str, &'a str)],
    /// The body; empty for none.
    pub body: Bytes,
    /// For everything, from the look-up of the host name to the end of the answer.
    pub timeout: Duration,
    /// How much of the answer's body is taken.
    pub take: Take,
}

/// How much of the body of an answer is taken, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Take {
    /// No more than these; a little more is read and dropped.
    First(usize),
    /// All of it. A longer body is a fault.
    Whole(usize),
}

/// What was answered. Not to be printed: its headers may open a session.
#[derive(Clone)]
pub struct Reply {
    /// The status, 200 to 999: vendors use what no list knows.
    pub status: u16,
    pub headers: HeaderMap,
    /// How long it asks us to wait, from now.
    pub retry_after: Option<Duration>,
    pub body: Vec<u8>,
}

/// Sends requests to one destination.
pub struct Client {
    outbound: Outbound,
    /// The connections that are not in use.
    idle: Mutex<Vec<Link>>,
}

impl Client {
    /// Nothing is opened before the first request.
    pub const fn new(outbound: Outbound) -> Self {
        Self { outbound, idle: Mutex::new(Vec::new()) }
    }

    /// Sends a request and waits for its answer. Dropping the future closes the connection.
    pub async fn call(&self, call: &Call<'_>) -> Result<Reply, Fault> {
        let step = Mutex::new(Step::Resolve);
        let late = async {
            Timer::after(call.timeout).await;
            Err(Cause::TimedOut { step: *step.lock(), after: call.timeout })
        };
        let reached = |at: Step| *step.lock() = at;
        let answered = async {
            let origin = Origin::of(call.url).ok_or(Cause::Request)?;
            let proxy = self.outbound.proxies.of(call.url);
            let request = request(call, proxy).ok_or(Cause::Request)?;
            self.exchange(&origin, proxy, request, call.take, &reached).await
        };
        answered.or(late).await.map_err(|cause| Fault {
            host: call.url.host_str().unwrap_or("(no host)").to_owned(),
            cause,
        })
    }

    /// As [`Client::call`], for a request as it is sent, and for as long as it takes.
    pub(crate) async fn exchange(
        &self,
        origin: &Origin,
        proxy: Option<&Proxy>,
        mut request: Request<Full<Bytes>>,
        take: Take,
        reached: &(impl Fn(Step) + Sync),
    ) -> Result<Reply, Cause> {
        let clock = self.outbound.clock;
        loop {
            let kept = self.kept(origin).await;
            let is_kept = kept.is_some();
            let mut link = match kept {
                Some(link) => link,
                None => Link::open(&self.outbound, origin, proxy, reached).await?,
            };
            reached(Step::Exchange);
            let sending = link.sender.try_send_request(request);
            let reply = match drive(&mut link.connection, sending).await {
                Ok(response) => link.read(response, take).await,
                Err(mut error) => match error.take_message() {
                    Some(unsent) if is_kept => {
                        request = unsent;
                        continue;
                    }
                    Some(_) | None => Err(cause(error.into_error())),
                },
            };
            link.idle_since = clock.now();
            if link.is_ready().await {
                self.idle.lock().push(link);
            }
            return reply;
        }
    }

    /// A kept connection that can take another request, as far as this side can tell.
    async fn kept(&self, origin: &Origin) -> Option<Link> {
        loop {
            let mut link = self.idle.lock().pop()?;
            let rested = self.outbound.clock.now().saturating_since(link.idle_since) <= IDLE_MAX;
            if link.origin == *origin && rested && link.is_ready().await {
                return Some(link);
            }
        }
    }
}

/// The scheme, host and port that a connection leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) secure: bool,
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Origin {
    pub(crate) fn of(url: &Url) -> Option<Self> {
        Some(Self {
            secure: match url.scheme() {
                "https" => true,
                "http" => false,
                _ => return None,
            },
            host: url.host_str().filter(|host| !host.is_empty())?.to_owned(),
            port: url.port_or_known_default()?,
        })
    }
}

/// An open connection. Nobody polls it while nobody waits for an answer.
struct Link {
    origin: Origin,
    sender: http1::SendRequest<Full<Bytes>>,
    connection: Connection,
    idle_since: Instant,
}

/// hyper's side of a connection, until it ends.
type Connection = Option<http1::Connection<FuturesIo<Box<dyn Duplex>>, Full<Bytes>>>;

impl Link {
    async fn open(
        outbound: &Outbound,
        origin: &Origin,
        proxy: Option<&Proxy>,
        reached: &(impl Fn(Step) + Sync),
    ) -> Result<Self, Cause> {
        let stream = dial::dial(outbound, origin, proxy, reached).await?;
        let (sender, connection) = http1::Builder::new()
            .max_buf_size(HEAD_MAX)
            .handshake(FuturesIo::new(stream))
            .await
            .map_err(|_| Cause::Lost)?;
        let (origin, idle_since) = (origin.clone(), outbound.clock.now());
        Ok(Self { origin, sender, connection: Some(connection), idle_since })
    }

    /// Reads what has arrived meanwhile, such as the connection's end.
    async fn is_ready(&mut self) -> bool {
        let ready = drive(&mut self.connection, self.sender.ready());
        let ready = matches!(future::poll_once(ready).await, Some(Ok(())));
        ready && self.connection.is_some()
    }

    async fn read(&mut self, response: Response<Incoming>, take: Take) -> Result<Reply, Cause> {
        let (head, body) = response.into_parts();
        let retry_after = retry_after(&head.headers, clock::wall());
        let body = drive(&mut self.connection, read(body, take)).await?;
        Ok(Reply { status: head.status.as_u16(), headers: head.headers, retry_after, body })
    }
}

/// Runs the connection for as long as `work` takes.
async fn drive<T>(connection: &mut Connection, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    poll_fn(|cx| {
        if let Some(running) = connection
            && Pin::new(running).poll(cx).is_ready()
        {
            // hyper fails the request that waits for an answer.
            *connection = None;
        }
        work.as_mut().poll(cx)
    })
    .await
}

/// What is taken of a body. For `Take::First` more is read and dropped, up to a limit, so that the
/// connection can be used again.
async fn read(mut body: Incoming, take: Take) -> Result<Vec<u8>, Cause> {
    let (Take::First(max) | Take::Whole(max)) = take;
    let (mut taken, mut seen) = (Vec::new(), 0);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(cause)?.into_data() else { continue };
        seen += data.len();
        if matches!(take, Take::Whole(_)) && seen > max {
            return Err(Cause::TooLong);
        }
        taken.extend_from_slice(data.get(..max - taken.len()).unwrap_or(&data));
        if matches!(take, Take::First(_)) && seen > DRAIN_MAX {
            break;
        }
    }
    Ok(taken)
}

fn cause(error: hyper::Error) -> Cause {
    if error.is_parse() { Cause::Malformed } else { Cause::Lost }
}

/// The request as it is sent; `None` if it cannot be.
fn request(call: &Call<'_>, proxy: Option<&Proxy>) -> Option<Request<Full<Bytes>>> {
    let url = call.url;
    // A proxy for plain HTTP takes the whole URL (RFC 9112 §3.2.2); with CONNECT it sees none.
    let by_proxy = proxy.filter(|_| url.scheme() == "http");
    let target = match by_proxy {
        Some(_) => format!("http://{}", &url[Position::BeforeHost..Position::AfterQuery]),
        None => url[Position::BeforePath..Position::AfterQuery].to_owned(),
    };
    let mut request = Request::new(Full::new(call.body.clone()));
    *request.method_mut() = call.method.clone();
    *request.uri_mut() = target.parse::<Uri>().ok()?;
    let headers = request.headers_mut();
    let host = &url[Position::BeforeHost..Position::AfterPort];
    headers.insert(HOST, host.parse().ok()?);
    if !url.username().is_empty() || url.password().is_some() {
        headers.insert(AUTHORIZATION, secret(&proxy::basic(url))?);
    }
    if let Some(authorization) = by_proxy.and_then(Proxy::authorization) {
        headers.insert(PROXY_AUTHORIZATION, secret(authorization)?);
    }
    for (name, value) in call.headers {
        headers.insert(HeaderName::from_bytes(name.as_bytes()).ok()?, secret(value)?);
    }
    Some(request)
}

fn secret(value: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(value).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// `Retry-After` in seconds or as a date (RFC 9110 §10.2.3). A date is compared with that of the
/// answer, so that a wrong clock does not matter; if the answer has none, with `wall`.
fn retry_after(headers: &HeaderMap, wall: UnixTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        // A number too large for 64 bits is a very long time.
        return (!text.is_empty()).then(|| Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let until = date(text)?;
    let sent = headers.get(DATE).and_then(|value| date(value.to_str().ok()?));
    let from = sent.unwrap_or_else(|| {
        Duration::from_micros(u64::try_from(wall.as_micros()).unwrap_or_default())
    });
    Some(until.saturating_sub(from))
}

/// The time of an HTTP date since 1970.
fn date(text: &str) -> Option<Duration> {
    let at = httpdate::parse_http_date(text.trim()).ok()?;
    at.duration_since(UNIX_EPOCH).ok()
}
