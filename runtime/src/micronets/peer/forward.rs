//! Sends the partner's requests over HTTP/1.1 to the local server.

use http_body_util::Full;
use hyper::{Method, Request, body::Bytes, header::HOST, header::HeaderName, header::HeaderValue};
use mistgate_core::micronets::http;

use super::{pairs, target::Server};
use crate::http::outbound::{Cause, Client, Origin, Outbound, Take};

/// The client of the local server.
pub(super) struct Forwarder {
    origin: Origin,
    client: Client,
    body_max: usize,
}

impl Forwarder {
    /// Opens nothing before the first request. The body of a response may have `body_max` bytes.
    pub(super) fn new(Server(origin): Server, body_max: usize, outbound: Outbound) -> Self {
        Self { origin, client: Client::new(outbound), body_max }
    }

    /// Sends a request and waits for the response. An error is a line that says why there is none.
    /// Dropping the future closes the connection.
    pub(super) async fn exchange(&self, request: http::Request) -> Result<http::Response, String> {
        let request = self.request(request).ok_or("the request cannot be said in HTTP/1.1")?;
        let take = Take::Whole(self.body_max);
        let replied = self.client.exchange(&self.origin, None, request, take, &|_| {}).await;
        let reply = replied.map_err(|cause| {
            if cause == Cause::TooLong {
                return format!(
                    "the local server's response has more than {} bytes",
                    self.body_max
                );
            }
            format!("the local server: {cause}")
        })?;
        let headers = reply.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
        Ok(http::Response { status: reply.status, headers: pairs(headers), body: reply.body })
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
            let host = format!("{}:{}", self.origin.host, self.origin.port);
            let host = HeaderValue::from_str(&host).ok()?;
            http.headers_mut().insert(HOST, host);
        }
        Some(http)
    }
}
