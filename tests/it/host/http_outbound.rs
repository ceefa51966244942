//! The HTTP client over real sockets: what it sends, how often, and the fault for every failure.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use futures_rustls::TlsConnector;
use http_types::Url;
use mistgate_core::engine::input::Answer;
use mistgate_core::{base::secret::Secret, http::proxy::Proxies};
use mistgate_runtime::base::clock::Clock;
use mistgate_runtime::http::outbound::{
    Bytes, Call, Cause, Client, Fault, Method, Outbound, Reply, Step, Take,
};
use mistgate_runtime::http::tls;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use smol::future;

use crate::base::pki::{Authority, Leaf};

/// Longer than anything here takes on a busy machine.
const LONG: Duration = Duration::from_secs(20);
/// Must be in no fault: the path and the query of a chat's URL are a secret.
const PATH: &str = "/services/T0/B0/s3cr3t?key=s3cr3t";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[derive(Clone, Copy)]
enum Act {
    /// Answers, and waits for the next request.
    Say(&'static str),
    SayAndClose(&'static str),
    Close,
    /// Keeps silent until the client has gone.
    Hang,
}
use Act::{Close, Hang, Say, SayAndClose};

/// A destination or a proxy that follows a script: one act for each request over all connections,
/// and then always the last.
struct Peer {
    address: SocketAddr,
    requests: mpsc::Receiver<String>,
    connections: Arc<AtomicUsize>,
    /// Gets a message for each connection that a peer has closed.
    closed: mpsc::Receiver<()>,
}

impl Peer {
    fn new(script: &'static [Act]) -> Self {
        Self::start(script, None)
    }

    fn with_tls(script: &'static [Act], leaf: &Leaf) -> Self {
        let chain = CertificateDer::pem_slice_iter(leaf.cert.as_bytes())
            .collect::<Result<Vec<_>, _>>()
            .expect("PEM");
        let key = PrivateKeyDer::from_pem_slice(leaf.key.as_bytes()).expect("PEM");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("a certificate");
        Self::start(script, Some(Arc::new(config)))
    }

    fn start(script: &'static [Act], tls: Option<Arc<ServerConfig>>) -> Self {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = socket.local_addr().expect("an address");
        let (request_sender, requests) = mpsc::channel();
        let (closes, closed) = mpsc::channel();
        let connections = Arc::new(AtomicUsize::new(0));
        let acts = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&connections);
        // The threads end with the process.
        thread::spawn(move || {
            for stream in socket.incoming() {
                counter.fetch_add(1, Ordering::SeqCst);
                let stream = stream.expect("a connection");
                let (request_sender, closes) = (request_sender.clone(), closes.clone());
                let (acts, tls) = (Arc::clone(&acts), tls.clone());
                thread::spawn(move || {
                    let next = || {
                        let at = acts.fetch_add(1, Ordering::SeqCst).min(script.len() - 1);
                        script.get(at).copied().expect("a script")
                    };
                    match tls {
                        Some(tls) => {
                            let session = ServerConnection::new(tls).expect("a session");
                            play(StreamOwned::new(session, stream), &request_sender, next);
                        }
                        None => play(stream, &request_sender, next),
                    }
                    let _ = closes.send(());
                });
            }
        });
        Self { address, requests, connections, closed }
    }

    fn url(&self) -> Url {
        url(&format!("http://{}{PATH}", self.address))
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    fn requests(&self) -> Vec<String> {
        self.requests.try_iter().collect()
    }
}

/// Serves one connection until it ends.
fn play(
    mut stream: impl Read + Write,
    request_sender: &mpsc::Sender<String>,
    mut next: impl FnMut() -> Act,
) {
    while let Some(request) = read_request(&mut stream) {
        let _ = request_sender.send(request);
        match next() {
            Say(answer) => {
                if stream.write_all(answer.as_bytes()).is_err() {
                    return;
                }
            }
            SayAndClose(answer) => {
                let _ = stream.write_all(answer.as_bytes());
                return;
            }
            Close => return,
            Hang => {
                let _ = stream.read(&mut [0]);
                return;
            }
        }
    }
}

fn read_request(stream: &mut impl Read) -> Option<String> {
    let mut request = Vec::new();
    let mut byte = [0];
    let mut length = None;
    loop {
        if length == Some(0) {
            return String::from_utf8(request).ok();
        }
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        request.extend(byte);
        match &mut length {
            Some(left) => *left -= 1,
            None if request.ends_with(b"\r\n\r\n") => {
                let head = String::from_utf8_lossy(&request).to_lowercase();
                let field = head.lines().find_map(|l| l.strip_prefix("content-length: "));
                length = Some(field.map_or(0, |length| length.parse().expect("a number")));
            }
            None => {}
        }
    }
}

fn url(text: &str) -> Url {
    Url::parse(text).expect("a URL")
}

fn outbound(proxies: Proxies, authority: Option<&Authority>) -> Outbound {
    let pem = authority.map(Authority::cert);
    let tls: TlsConnector = tls::connector(tls::authorities(pem.as_deref()).expect("roots"));
    Outbound { tls, proxies, clock: Clock::start() }
}

fn client() -> Client {
    Client::new(outbound(Proxies::default(), None))
}

/// How much of an answer's body is taken.
const ANSWER_MAX: usize = 8 * 1024;

fn post(client: &Client, url: &Url) -> Result<Answer, Fault> {
    post_within(client, url, LONG)
}

/// A POST without anything, of whose answer the beginning is taken.
fn call(url: &Url) -> Call<'_> {
    let (method, take) = (Method::POST, Take::First(ANSWER_MAX));
    Call { method, url, headers: &[], body: Bytes::new(), timeout: LONG, take }
}

fn post_within(client: &Client, url: &Url, timeout: Duration) -> Result<Answer, Fault> {
    let headers = &[("content-type", "application/json")];
    let body = Bytes::from_static(b"{}");
    let posted = future::block_on(client.call(&Call { headers, body, timeout, ..call(url) }));
    let posted =
        posted.map(|Reply { status, retry_after, body, .. }| Answer { status, retry_after, body });
    if let Err(fault) = &posted {
        // The host may be shown, the rest of the URL may not.
        let shown = format!("{fault} {fault:?}");
        assert!(!shown.contains("s3cr3t") && !shown.contains("services"), "{shown}");
    }
    posted
}

fn status(answer: Result<Answer, Fault>) -> u16 {
    answer.expect("an answer").status
}

#[test]
fn a_post_says_what_it_must_and_nothing_else() {
    let peer = Peer::new(&[Say(OK)]);
    let answer = post(&client(), &peer.url()).expect("an answer");
    assert_eq!(answer, Answer { status: 200, retry_after: None, body: b"ok".to_vec() });
    assert_eq!(
        peer.requests(),
        [format!(
            "POST {PATH} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n\
             content-length: 2\r\n\r\n{{}}",
            peer.address
        )]
    );
}

#[test]
fn a_connection_is_kept_and_used_again() {
    let peer = Peer::new(&[Say(OK)]);
    let client = client();
    for _ in 0..20 {
        assert_eq!(status(post(&client, &peer.url())), 200);
    }
    assert_eq!((peer.connections(), peer.requests().len()), (1, 20));
    // A connection serves one destination only.
    let other = Peer::new(&[Say(OK)]);
    assert_eq!(status(post(&client, &other.url())), 200);
    assert_eq!((peer.connections(), other.connections()), (1, 1));
}

#[test]
fn a_connection_that_ended_while_idle_is_replaced() {
    for (name, act) in [
        ("after a promise to keep it", SayAndClose(OK)),
        (
            "as announced",
            SayAndClose("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"),
        ),
        ("HTTP/1.0", SayAndClose("HTTP/1.0 200 OK\r\n\r\nok")),
    ] {
        let script: &'static [Act] = Box::leak(Box::new([act]));
        let peer = Peer::new(script);
        let client = client();
        for _ in 0..5 {
            assert_eq!(status(post(&client, &peer.url())), 200, "{name}");
            peer.closed.recv().expect("it closes");
        }
        assert_eq!((peer.connections(), peer.requests().len()), (5, 5), "{name}");
    }
}

#[test]
fn what_may_have_arrived_is_not_sent_again() {
    let peer = Peer::new(&[Say(OK), Close, Say(OK)]);
    let client = client();
    assert_eq!(status(post(&client, &peer.url())), 200);
    let fault = post(&client, &peer.url()).expect_err("no answer");
    assert_eq!(fault.cause, Cause::Lost);
    assert!(fault.may_have_arrived());
    assert_eq!(fault.to_string(), "127.0.0.1: the connection ended before the answer");
    assert_eq!(peer.requests().len(), 2);
    assert_eq!(status(post(&client, &peer.url())), 200);
    assert_eq!(peer.requests().len(), 1);
}

#[test]
fn time_is_bounded_at_every_step() {
    const SHORT: Duration = Duration::from_millis(200);
    let silent = Peer::new(&[Hang]);
    let half = Peer::new(&[Say("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")]);
    // It accepts connections and never answers.
    let deaf = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let deaf = deaf.local_addr().map(|address| (deaf, address)).expect("an address");
    let tls = url(&format!("https://{}{PATH}", deaf.1));
    for (name, url, expected) in [
        ("no answer", silent.url(), Step::Exchange),
        ("half an answer", half.url(), Step::Exchange),
        ("no handshake", tls, Step::Handshake),
    ] {
        let start = Instant::now();
        let client = client();
        let fault = post_within(&client, &url, SHORT).expect_err("no answer");
        let cause = Cause::TimedOut { step: expected, after: SHORT };
        assert_eq!(fault.cause, cause, "{name}");
        assert_eq!(fault.may_have_arrived(), expected == Step::Exchange, "{name}");
        assert!(start.elapsed() < LONG / 2, "{name}");
    }
    silent.closed.recv().expect("the connection is not left open");
}

#[test]
fn a_destination_that_is_not_there_got_nothing() {
    let nobody = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let address = nobody.local_addr().expect("an address");
    drop(nobody);
    let client = client();
    let fault = post(&client, &url(&format!("http://{address}{PATH}"))).expect_err("nobody");
    assert!(matches!(fault.cause, Cause::Connect(_)), "{fault}");
    assert!(!fault.may_have_arrived());
    // RFC 6761 §6.4 reserves this name, so it never has an address.
    let nowhere = url(&format!("http://chat.invalid{PATH}"));
    let fault = post(&client, &nowhere).expect_err("nowhere");
    assert!(matches!(fault.cause, Cause::Resolve(_)), "{fault}");
    assert!(fault.to_string().starts_with("chat.invalid: the host name has no address: "));
    let fault = post(&client, &url("ftp://chat.invalid/services/s3cr3t")).expect_err("no HTTP");
    assert_eq!(fault.cause, Cause::Request);
}

#[test]
fn answers_are_bounded_and_taken_as_they_are() {
    let header = |fields: &str, body: &str| -> &'static str {
        let length = body.len();
        let text = format!("HTTP/1.1 429 Slow\r\n{fields}Content-Length: {length}\r\n\r\n{body}");
        Box::leak(text.into_boxed_str())
    };
    let long = "x".repeat(ANSWER_MAX + 1);
    let endless = "x".repeat(4 * 1024 * 1024);
    let date = "Retry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
    let dates = format!("Date: Sunday, 06-Nov-94 08:49:07 GMT\r\n{date}");
    let cases: &[(&str, &'static str, u16, Option<u64>, usize)] = &[
        ("seconds", header("Retry-After: 30\r\n", ""), 429, Some(30), 0),
        ("a date by the sender's clock", header(&dates, ""), 429, Some(30), 0),
        ("a date long past", header(date, ""), 429, Some(0), 0),
        ("nonsense", header("Retry-After: soon\r\n", ""), 429, None, 0),
        ("a long body", header("", &long), 429, None, ANSWER_MAX),
        ("a body without end", header("", &endless), 429, None, ANSWER_MAX),
        (
            "a redirect",
            "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n",
            302,
            None,
            0,
        ),
        ("a status that no list knows", "HTTP/1.1 599 \r\nContent-Length: 0\r\n\r\n", 599, None, 0),
        (
            "chunks after a 100",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
             2\r\nok\r\n0\r\n\r\n",
            200,
            None,
            2,
        ),
        ("no body", "HTTP/1.1 204 No Content\r\n\r\n", 204, None, 0),
    ];
    for &(name, sent, status, retry_after, kept) in cases {
        let peer = Peer::new(Box::leak(Box::new([Say(sent)])));
        let client = client();
        for _ in 0..2 {
            let answer = post(&client, &peer.url()).expect(name);
            assert_eq!(answer.status, status, "{name}");
            assert_eq!(answer.retry_after, retry_after.map(Duration::from_secs), "{name}");
            assert_eq!(answer.body.len(), kept, "{name}");
        }
        // The connection is given up only if the rest of the answer is too long to read.
        let expected = if sent.len() > 1024 * 1024 { 2 } else { 1 };
        assert_eq!((peer.connections(), peer.requests().len()), (expected, 2), "{name}");
    }
}

#[test]
fn what_is_no_answer_is_a_fault() {
    let head: &'static str =
        Box::leak(format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(1 << 20)).into_boxed_str());
    let script: [(&str, &'static [Act], Cause); 4] = [
        ("another protocol", &[Say("SSH-2.0-OpenSSH_9.2\r\n")], Cause::Malformed),
        ("a head without end", Box::leak(Box::new([Say(head)])), Cause::Malformed),
        ("half a head", &[SayAndClose("HTTP/1.1 200 OK\r\n")], Cause::Lost),
        (
            "half a body",
            &[SayAndClose("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")],
            Cause::Lost,
        ),
    ];
    for (name, script, cause) in script {
        let peer = Peer::new(script);
        let fault = post(&client(), &peer.url()).expect_err(name);
        assert_eq!(fault.cause, cause, "{name}");
        assert!(fault.may_have_arrived(), "{name}");
        assert_eq!(peer.requests().len(), 1, "{name}");
    }
}

#[test]
fn tls_is_verified_by_authority_and_name() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let peer = Peer::with_tls(&[Say(OK)], &ours.issue(&["localhost", "127.0.0.1"]));
    let port = peer.address.port();
    let by_name = url(&format!("https://localhost:{port}{PATH}"));
    let by_address = url(&format!("https://127.0.0.1:{port}{PATH}"));
    let trusting = Client::new(outbound(Proxies::default(), Some(&ours)));
    for _ in 0..3 {
        assert_eq!(status(post(&trusting, &by_address)), 200);
    }
    assert_eq!(peer.connections(), 1);
    assert_eq!(status(post(&trusting, &by_name)), 200);
    assert_eq!(peer.requests().len(), 4);

    let refused = |authority, peer: &Peer, host: &str| {
        let client = Client::new(outbound(Proxies::default(), authority));
        let url = url(&format!("https://{host}:{}{PATH}", peer.address.port()));
        let fault = post(&client, &url).expect_err("refused");
        assert!(matches!(fault.cause, Cause::Handshake(_)), "{fault}");
        assert!(!fault.may_have_arrived());
        fault.to_string()
    };
    assert_eq!(
        refused(None, &peer, "127.0.0.1"),
        "127.0.0.1: the TLS handshake failed: invalid peer certificate: UnknownIssuer"
    );
    refused(Some(&theirs), &peer, "127.0.0.1");
    let elsewhere = Peer::with_tls(&[Say(OK)], &ours.issue(&["elsewhere.example"]));
    let shown = refused(Some(&ours), &elsewhere, "127.0.0.1");
    assert!(shown.contains("not valid for name"), "{shown}");
    assert!(elsewhere.requests().is_empty());
}

/// A proxy that opens tunnels to `target` whatever it is asked for, and sends what that was.
fn tunnels(target: SocketAddr) -> (SocketAddr, mpsc::Receiver<String>) {
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let address = socket.local_addr().expect("an address");
    let (request_sender, asked) = mpsc::channel();
    thread::spawn(move || {
        for stream in socket.incoming() {
            let mut near = stream.expect("a connection");
            let request = read_request(&mut near).expect("a request");
            let _ = request_sender.send(request);
            let far = TcpStream::connect(target).expect("the target");
            near.write_all(b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n").expect("told");
            let pump = |mut from: TcpStream, mut to: TcpStream| {
                let _ = std::io::copy(&mut from, &mut to);
                let _ = to.shutdown(Shutdown::Both);
            };
            let back = (
                far.try_clone().expect("a second handle"),
                near.try_clone().expect("a second handle"),
            );
            thread::spawn(move || pump(near, far));
            thread::spawn(move || pump(back.0, back.1));
        }
    });
    (address, asked)
}

fn through(proxy: &str) -> Proxies {
    Proxies::new(Some(&Secret::new(proxy)), |_| None).expect("a proxy")
}

#[test]
fn https_goes_through_a_tunnel() {
    let authority = Authority::new();
    let peer = Peer::with_tls(&[Say(OK)], &authority.issue(&["chat.invalid"]));
    let (proxy, asked) = tunnels(peer.address);
    let proxies = through(&format!("http://me:s3cr3t@{proxy}"));
    let client = Client::new(outbound(proxies, Some(&authority)));
    // The name can be resolved by the proxy only.
    let url = url(&format!("https://chat.invalid{PATH}"));
    for _ in 0..3 {
        assert_eq!(status(post(&client, &url)), 200);
    }
    assert_eq!(
        asked.try_iter().collect::<Vec<_>>(),
        ["CONNECT chat.invalid:443 HTTP/1.1\r\nHost: chat.invalid:443\r\n\
          Proxy-Authorization: Basic bWU6czNjcjN0\r\n\r\n"]
    );
    let requests = peer.requests();
    assert_eq!((peer.connections(), requests.len()), (1, 3));
    for request in requests {
        assert!(request.starts_with(&format!("POST {PATH} HTTP/1.1\r\nhost: chat.invalid\r\n")));
        assert!(!request.contains("authorization"), "{request}");
    }
}

#[test]
fn plain_http_is_handed_to_the_proxy() {
    let proxy = Peer::new(&[Say(OK)]);
    let proxies = through(&format!("me:pw@{}", proxy.address));
    let client = Client::new(outbound(proxies, None));
    let url = url(&format!("http://chat.invalid:8080{PATH}"));
    for _ in 0..2 {
        assert_eq!(status(post(&client, &url)), 200);
    }
    assert_eq!(proxy.connections(), 1);
    let expected = format!(
        "POST http://chat.invalid:8080{PATH} HTTP/1.1\r\nhost: chat.invalid:8080\r\n\
         proxy-authorization: Basic bWU6cHc=\r\n"
    );
    for request in proxy.requests() {
        assert!(request.starts_with(&expected), "{request}");
    }
}

#[test]
fn a_proxy_that_refuses_is_named_as_such() {
    for (sent, shown) in [
        (
            Say("HTTP/1.1 407 Authenticate\r\nContent-Length: 0\r\n\r\n"),
            "the proxy wants a user and password, or others (407)",
        ),
        (Say("HTTP/1.1 502 Bad Gateway\r\n\r\n"), "the proxy refuses (502)"),
        (Say("220 smtp.example ESMTP\r\n\r\n"), "the proxy does not speak HTTP"),
        (Close, "the proxy closed the connection"),
    ] {
        let proxy = Peer::new(Box::leak(Box::new([sent])));
        let proxies = through(&proxy.address.to_string());
        let client = Client::new(outbound(proxies, None));
        let url = url(&format!("https://chat.invalid{PATH}"));
        let fault = post(&client, &url).expect_err("refused");
        assert_eq!(fault.cause, Cause::Proxy(shown.to_owned()));
        assert_eq!(fault.to_string(), format!("chat.invalid: {shown}"));
        assert!(!fault.may_have_arrived());
    }
}

#[test]
fn a_post_that_is_dropped_leaves_nothing_half_done() {
    let peer = Peer::new(&[Hang, Say(OK)]);
    let client = client();
    let url = peer.url();
    let post_once = call(&url);
    let arrived = async {
        smol::unblock({
            let requests = peer.requests;
            move || requests.recv().expect("a request")
        })
        .await;
        None
    };
    let posted = async { Some(client.call(&post_once).await) };
    assert!(future::block_on(future::or(posted, arrived)).is_none());
    peer.closed.recv().expect("the connection is closed");
    assert_eq!(status(post(&client, &url)), 200);
}

#[test]
fn the_future_of_a_post_may_move_between_threads() {
    fn moves<T: Send>(future: T) -> T {
        future
    }
    let peer = Peer::new(&[Say(OK)]);
    let (client, url) = (client(), peer.url());
    let post = call(&url);
    let reply = future::block_on(moves(client.call(&post))).expect("an answer");
    assert_eq!(reply.status, 200);
}
