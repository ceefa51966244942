//! The connections to an HTTP API, and the loop that runs an exchange over them.
//!
//! An [`Api`] knows the API's origin and our credentials. It keeps a few connections, sends each
//! request at most once, and takes a response whole or not at all. The core decides what a response
//! means.

use std::{str::FromStr, sync::Arc, time::Duration};

use http_types::Url;
use hyper::{Method, header::HeaderMap};
use mistgate_core::base::exchange::{Exchange, ExchangeResult, Request, Response, Step};
use mistgate_core::base::{failure::Failure, secret::Secret};
use smol::lock::Semaphore;

use crate::base::journal::{Journal, Level, fields};
use crate::http::outbound::{Bytes, Call, Client, Fault, Outbound, Reply, Take};

/// The most bytes of an answer: a page of a few hundred devices has less than one megabyte.
pub const BODY_MAX: usize = 8 << 20;
/// The most requests at once, each over a connection of its own.
pub const REQUESTS_MAX: usize = 8;

/// The connections to one API, with the credentials for it.
pub struct Api {
    origin: Url,
    authorization: Option<Secret>,
    timeout: Duration,
    client: Client,
    journal: Arc<Journal>,
    in_flight: Semaphore,
}

impl Api {
    /// Nothing is opened before the first request. `origin` is an `http` or `https` URL without a
    /// path, `authorization` the value of that header, and `timeout` is for each request with its
    /// answer.
    pub fn new(
        origin: Url,
        authorization: Option<Secret>,
        timeout: Duration,
        outbound: Outbound,
        journal: Arc<Journal>,
    ) -> Self {
        let (client, in_flight) = (Client::new(outbound), Semaphore::new(REQUESTS_MAX));
        Self { origin, authorization, timeout, client, journal, in_flight }
    }

    /// Sends a request. `Unreachable` means that it certainly did not arrive, and `Timeout` that it
    /// may have. Dropping the future closes its connection.
    pub async fn send(&self, request: &Request) -> ExchangeResult {
        let _permit = self.in_flight.acquire().await;
        self.call(request).await.map(response).map_err(|fault| {
            self.journal.note(Level::Info, "api_failed", fields![reason = fault]);
            if fault.may_have_arrived() { Failure::Timeout } else { Failure::Unreachable }
        })
    }

    async fn call(&self, request: &Request) -> Result<Reply, Fault> {
        let mut headers = vec![
            ("accept", "application/json"),
            ("user-agent", concat!("mistgate/", env!("CARGO_PKG_VERSION"))),
        ];
        headers.extend(self.authorization.as_ref().map(|text| ("authorization", text.expose())));
        headers.extend(request.session.as_ref().map(|text| ("x-auth-token", text.expose())));
        headers.extend(request.body.as_ref().map(|_| ("content-type", "application/json")));
        let call = Call {
            method: Method::from_str(request.method.as_ref()).unwrap_or_default(),
            url: &self.url(&request.target),
            headers: &headers,
            body: request.body.clone().map(Bytes::from).unwrap_or_default(),
            timeout: self.timeout,
            take: Take::Whole(BODY_MAX),
        };
        self.client.call(&call).await
    }

    /// The URL of a target, which never leads to another host.
    fn url(&self, target: &str) -> Url {
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (target, None),
        };
        let mut url = self.origin.clone();
        url.set_path(path);
        url.set_query(query);
        url
    }
}

/// Runs an exchange to its end. `send` sends each of its requests.
pub async fn run_exchange<T, F>(mut exchange: Exchange<T>, send: impl Fn(Request) -> F) -> T
where
    F: Future<Output = ExchangeResult>,
{
    let mut step = exchange.start();
    loop {
        match step {
            Step::Done(output) => return output,
            Step::Request(request) => step = exchange.answer(send(request).await),
        }
    }
}

fn response(reply: Reply) -> Response {
    let Reply { status, headers, retry_after, body } = reply;
    Response {
        status,
        retry_after,
        total: text(&headers, "x-page-total").and_then(|text| text.trim().parse().ok()),
        session: text(&headers, "x-subject-token").map(Secret::new),
        body,
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use mistgate_core::http::proxy::Proxies;

    use super::*;
    use crate::base::clock::Clock;
    use crate::base::journal::Format;
    use crate::http::tls;

    fn api(origin: &str) -> Api {
        let outbound = Outbound {
            tls: tls::connector(Vec::new()),
            proxies: Proxies::default(),
            clock: Clock::start(),
        };
        let journal = Arc::new(Journal::new(Format::Text, Level::Error));
        let origin = Url::parse(origin).expect("a URL");
        Api::new(origin, None, Duration::from_secs(5), outbound, journal)
    }

    #[test]
    fn a_target_stays_on_its_origin() {
        let api = api("https://api.example:8443");
        for (target, url) in [
            ("/api/v1/self", "https://api.example:8443/api/v1/self"),
            ("/a?b=c&d=%2F%3F", "https://api.example:8443/a?b=c&d=%2F%3F"),
            ("//evil.example/a", "https://api.example:8443//evil.example/a"),
            ("https://evil.example/a", "https://api.example:8443/https://evil.example/a"),
            ("@evil.example/a", "https://api.example:8443/@evil.example/a"),
            ("/a?b#c", "https://api.example:8443/a?b%23c"),
        ] {
            assert_eq!(api.url(target).as_str(), url, "{target}");
        }
    }

    #[test]
    fn an_exchange_is_carried_out_to_its_end() {
        let asking = Exchange::new(|asking| async move {
            let first = asking.get("/2".into()).await;
            [first, asking.get("/1".into()).await]
        });
        let send = async |request: Request| {
            assert!(["/1", "/2"].contains(&request.target.as_str()));
            Err(if request.target == "/2" { Failure::Timeout } else { Failure::Login })
        };
        let got = smol::block_on(run_exchange(asking, send));
        assert_eq!(got, [Err(Failure::Timeout), Err(Failure::Login)]);
    }
}
