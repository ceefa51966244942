//! Sends the partner's requests over HTTP/1.1 to the local server.
//!
//! Connections are kept. A request is sent once, with one exception: if a kept connection was
//! closed before it took the request, it goes out on another one (RFC 9110 §9.2.2).

use std::sync::Arc;

use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{HOST, HeaderName, HeaderValue};
use hyper::{Method, Request, Response};
use hyper::{client::conn::http1, client::conn::http1::SendRequest};
use mistgate_core::micronets::http;
use smol::Executor;
use smol_hyper::rt::FuturesIo;

use super::{pairs, target::Server};
use crate::{base::sync::Mutex, http::outbound::reach};

/// The most idle connections that are kept.
const IDLE_MAX: usize = 32;
/// The most bytes of a response's head.
const HEAD_MAX: usize = 64 << 10;

/// The client of the local server.
pub(super) struct Forwarder {
    server: Server,
    body_max: usize,
    executor: Arc<Executor<'static>>,
    idle: Mutex<Vec<Sender>>,
}

type Sender = SendRequest<Full<Bytes>>;

impl Forwarder {
    /// Opens nothing before the first request. The body of a response may have `body_max` bytes.
    pub(super) const fn new(
        server: Server,
        body_max: usize,
        executor: Arc<Executor<'static>>,
    ) -> Self {
        Self { server, body_max, executor, idle: Mutex::new(Vec::new()) }
    }

    /// Sends a request and waits for the response. An error is a line that says why there is none.
    /// Dropping the future closes the connection.
    pub(super) async fn exchange(&self, request: http::Request) -> Result<http::Response, String> {
        let mut request = self.request(request).ok_or("the request cannot be said in HTTP/1.1")?;
        loop {
            let kept = self.idle.lock().pop();
            let is_fresh = kept.is_none();
            let mut sender = match kept {
                Some(sender) => sender,
                None => self.open().await?,
            };
            let sent = match sender.ready().await {
                Ok(()) => sender.try_send_request(request).await,
                Err(error) if is_fresh => return Err(lost(&error)),
                Err(_) => continue,
            };
            match sent {
                Ok(response) => return self.read(sender, response).await,
                Err(mut error) => match error.take_message() {
                    Some(unsent) if !is_fresh => request = unsent,
                    Some(_) | None => return Err(lost(error.error())),
                },
            }
        }
    }

    async fn open(&self) -> Result<Sender, String> {
        let Server { host, port } = &self.server;
        let stream = reach(host, *port).await;
        let stream = stream.map_err(|cause| format!("the local server: {cause}"))?;
        let (sender, connection) = http1::Builder::new()
            .max_buf_size(HEAD_MAX)
            .handshake(FuturesIo::new(stream))
            .await
            .map_err(|error| lost(&error))?;
        // It ends with its sender, which reports its errors.
        let running = async {
            let _ = connection.await;
        };
        self.executor.spawn(running).detach();
        Ok(sender)
    }

    async fn read(
        &self,
        sender: Sender,
        response: Response<Incoming>,
    ) -> Result<http::Response, String> {
        let (head, body) = response.into_parts();
        let body = Limited::new(body, self.body_max).collect().await.map_err(|error| {
            if error.is::<LengthLimitError>() {
                format!("the local server's response has more than {} bytes", self.body_max)
            } else {
                "the local server's response ended too early".to_owned()
            }
        })?;
        self.keep(sender);
        Ok(http::Response {
            status: head.status.as_u16(),
            headers: pairs(
                head.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())),
            ),
            body: body.to_bytes().into(),
        })
    }

    fn keep(&self, sender: Sender) {
        let mut idle = self.idle.lock();
        idle.retain(|kept| !kept.is_closed());
        if idle.len() < IDLE_MAX {
            idle.push(sender);
        }
    }

    /// The request for hyper; `None` if it is no HTTP/1.1.
    fn request(&self, request: http::Request) -> Option<Request<Full<Bytes>>> {
        let http::Request { method, target, headers, body } = request;
        let mut http = Request::new(Full::new(Bytes::from(body)));
        *http.method_mut() = Method::from_bytes(method.as_bytes()).ok()?;
        *http.uri_mut() = target.parse().ok()?;
        for pair in headers {
            let name = HeaderName::from_bytes(pair.name.as_bytes()).ok()?;
            let value = HeaderValue::from_bytes(pair.value.as_bytes()).ok()?;
            // RFC 9112 §3.2: exactly one.
            if name == HOST {
                http.headers_mut().insert(name, value);
            } else {
                http.headers_mut().append(name, value);
            }
        }
        if !http.headers().contains_key(HOST) {
            let host = HeaderValue::from_str(&self.server.authority()).ok()?;
            http.headers_mut().insert(HOST, host);
        }
        Some(http)
    }
}

fn lost(error: &hyper::Error) -> String {
    if error.is_parse() {
        "the local server's response is not HTTP".to_owned()
    } else {
        "the local server closed the connection before its response".to_owned()
    }
}
