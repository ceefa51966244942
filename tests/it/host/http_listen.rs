//! The HTTP server over real sockets: hostile, slow and many clients.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{fs, thread};

use mistgate_core::base::network::Network;
use mistgate_core::http::admission::Limit;
use mistgate_core::http::listener::{Limits, Policy, Tls};
use mistgate_runtime::base::stop;
use mistgate_runtime::base::stop::Stopper;
use mistgate_runtime::http::listen::{Bytes, Event, Head, Listener, Reply, Service};
use mistgate_runtime::http::tls::Identity;
use rustls::{ClientConnection, StreamOwned};
use smol::{Async, Executor, channel, future};

use crate::base::pki::{Authority, client};
use crate::base::poll;
use crate::webhook::http_hostile::{CANARY, CASES, Then};

const LIMITS: Limits = Limits {
    body_max: 64 * 1024,
    bodies_max: 96 * 1024,
    body_rate_min: 4 * 1024,
    head_max: 4 * 1024,
    headers_max: 32,
    connections_max: 16,
    connections_per_address_max: 8,
    handshakes_per_second_max: 200,
    head_timeout: Duration::from_millis(250),
    body_timeout: Duration::from_millis(250),
    handshake_timeout: Duration::from_millis(250),
};
/// Longer than anything here takes on a busy machine.
const LONG: Duration = Duration::from_secs(20);
const GRACE: Duration = Duration::from_millis(300);
/// More than the buffers of two sockets hold.
const BIG: usize = 32 * 1024 * 1024;

/// Limits whose timeouts never fire, for tests that are not about time.
const PATIENT: Limits =
    Limits { head_timeout: LONG, body_timeout: LONG, handshake_timeout: LONG, ..LIMITS };

/// A service for POSTs to /webhooks and to a few paths that make it behave in a special way.
struct Recorder {
    /// `METHOD path body` for each request that was served, `METHOD path` for each that was
    /// refused.
    seen: Mutex<Vec<String>>,
    events: channel::Sender<Event>,
    /// Gets a message for each request to /held …
    arrived: channel::Sender<()>,
    /// … which is answered once a message arrives here.
    released: channel::Receiver<()>,
}

impl Service for Recorder {
    fn admit(&self, head: &Head<'_>) -> Result<(), Reply> {
        let known = matches!(head.path(), "/webhooks" | "/held" | "/big");
        let refused = match head.method() {
            "POST" if known => return Ok(()),
            _ if known => Reply::status(405).header("allow", "POST"),
            _ => Reply::status(404),
        };
        self.see(format!("{} {}", head.method(), head.path()));
        Err(refused)
    }

    async fn serve(&self, head: &Head<'_>, body: Bytes) -> Reply {
        let text = String::from_utf8_lossy(&body);
        self.see(format!("{} {} {text}", head.method(), head.path()));
        match head.path() {
            "/held" => {
                let _ = self.arrived.send(()).await;
                let _ = self.released.recv().await;
                Reply::status(200)
            }
            "/big" => Reply::status(200).content("text/plain", vec![b'x'; BIG]),
            _ => Reply::status(200),
        }
    }

    fn note(&self, event: Event) {
        self.events.try_send(event).expect("room for all");
    }
}

impl Recorder {
    fn see(&self, what: String) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).push(what);
    }
}

/// A listener that runs on threads of its own.
struct Site {
    address: SocketAddr,
    recorder: Arc<Recorder>,
    events: channel::Receiver<Event>,
    arrived: channel::Receiver<()>,
    release: channel::Sender<()>,
    stop: Option<Stopper>,
    threads: Vec<thread::JoinHandle<()>>,
}

impl Site {
    fn new(limits: Limits) -> Self {
        Self::with(limits, None, "127.0.0.0", LONG)
    }

    fn with_tls(limits: Limits, identity: Arc<Identity>) -> Self {
        Self::with(limits, Some(identity), "127.0.0.0", LONG)
    }

    fn with(
        limits: Limits,
        identity: Option<Arc<Identity>>,
        allowed: &str,
        grace: Duration,
    ) -> Self {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let socket = Async::new(socket).expect("a socket that can wait");
        let network = Network { address: allowed.parse().expect("an address"), prefix: 8 };
        let policy = Policy { allow_from: vec![network], limits, ..Policy::default() };
        let listener = Listener { socket, tls: identity, policy };
        let address = listener.local_addr().expect("an address");
        let (notes, events) = channel::unbounded();
        let (arrives, arrived) = channel::unbounded();
        let (release, released) = channel::unbounded();
        let recorder = Arc::new(Recorder {
            seen: Mutex::default(),
            events: notes,
            arrived: arrives,
            released,
        });
        let (hold, stop) = stop::stop();
        let executor = Arc::new(Executor::new());
        let service = Arc::clone(&recorder);
        let run = listener.run(Arc::clone(&executor), service, stop, grace);
        let main = executor.spawn(run);
        // Two threads as in the appliance, to test what they share.
        let (ends, ended) = channel::bounded::<()>(1);
        let helper = {
            let executor = Arc::clone(&executor);
            thread::spawn(move || {
                // It returns when the owner drops its end of the channel.
                let _ = future::block_on(executor.run(ended.recv()));
            })
        };
        let owner = thread::spawn(move || {
            future::block_on(executor.run(main));
            drop(ends);
        });
        Self {
            address,
            recorder,
            events,
            arrived,
            release,
            stop: Some(hold),
            threads: vec![owner, helper],
        }
    }

    fn connect(&self) -> TcpStream {
        let client = TcpStream::connect(self.address).expect("a connection");
        client.set_nodelay(true).expect("an option");
        client.set_read_timeout(Some(LONG)).expect("an option");
        client.set_write_timeout(Some(LONG)).expect("an option");
        client
    }

    fn seen(&self) -> Vec<String> {
        std::mem::take(&mut *self.recorder.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn event(&self) -> Event {
        self.events.recv_blocking().expect("an event")
    }

    /// Stops the listener, and gives how long that took.
    fn stop(mut self) -> Duration {
        let start = Instant::now();
        self.stop = None;
        for thread in self.threads.drain(..) {
            thread.join().expect("no panic");
        }
        start.elapsed()
    }
}

/// Reads until the server closes its side. A reset fails the test, since the client might not have
/// received the answer.
fn read_all(client: &mut impl Read) -> Vec<u8> {
    let mut received = Vec::new();
    match client.read_to_end(&mut received) {
        Ok(_) => received,
        Err(error) => panic!("{error} after {:?}", String::from_utf8_lossy(&received)),
    }
}

/// The statuses of the answers in `heard`. Each body must have its announced length.
fn statuses(received: &[u8]) -> Vec<u16> {
    let mut text = &*String::from_utf8_lossy(received).into_owned();
    let mut statuses = Vec::new();
    while !text.is_empty() {
        let (head, rest) = text.split_once("\r\n\r\n").expect("a whole head");
        let status = head.split(' ').nth(1).expect("a status");
        statuses.push(status.parse().expect("a number"));
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .map_or(0, |length| length.parse().expect("a number"));
        text = rest.get(length..).expect("a whole body");
    }
    statuses
}

/// Reads one answer from a connection that stays open.
fn one_answer(client: &mut impl Read) -> String {
    let mut received = Vec::new();
    while !received.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        assert_eq!(client.read(&mut byte).expect("an answer"), 1, "{received:?}");
        received.extend(byte);
    }
    String::from_utf8(received).expect("text")
}

/// Sends `sent` in pieces of this size, closes the sending side, and gives the statuses of all
/// answers.
fn exchange(site: &Site, sent: &[u8], piece: usize) -> Vec<u16> {
    let mut client = site.connect();
    let mut hearing = client.try_clone().expect("a second handle");
    let received = thread::scope(|scope| {
        let received = scope.spawn(move || read_all(&mut hearing));
        for piece in sent.chunks(piece) {
            client.write_all(piece).expect("the server listens to the end");
        }
        client.shutdown(Shutdown::Write).expect("a close");
        received.join().expect("an answer")
    });
    statuses(&received)
}

#[test]
fn each_hostile_request_gets_its_answer_and_never_becomes_two() {
    let site = Site::new(PATIENT);
    let mut wrong = Vec::new();
    for case in CASES {
        for piece in [usize::MAX, 1, 7] {
            let sent = [case.sent, CANARY.as_bytes()].concat();
            let mut answered = case.answered.to_vec();
            let mut seen = case.seen.to_vec();
            if case.then == Then::GoesOn {
                answered.push(200);
                seen.push("POST /webhooks canary");
            }
            let was = (exchange(&site, &sent, piece), site.seen());
            if was.0 != answered || was.1 != seen {
                wrong.push(format!(
                    "{} in pieces of {piece}: expected {answered:?} {seen:?}, got {was:?}",
                    case.name
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    site.stop();
}

#[test]
fn a_client_that_ignores_the_refusal_still_hears_it() {
    let site = Site::new(PATIENT);
    let body = vec![b'x'; 4 * 1024 * 1024];
    for (path, expected) in [("/other", 404), ("/webhooks", 413)] {
        let head =
            format!("POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n", body.len());
        let sent = [head.as_bytes(), &body].concat();
        assert_eq!(exchange(&site, &sent, usize::MAX), [expected], "{path}");
    }
    // The same in chunks, which announce no total length.
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    let head = "POST /webhooks HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    let fits = format!("{head}{chunk}0\r\n\r\n");
    assert_eq!(exchange(&site, fits.as_bytes(), usize::MAX), [200]);
    let sent = format!("{head}{}", chunk.repeat(64));
    assert_eq!(exchange(&site, sent.as_bytes(), usize::MAX), [413]);
    site.stop();
}

#[test]
fn heads_are_bounded_in_bytes_and_in_fields() {
    let site = Site::new(PATIENT);
    let head = |fields: &str| format!("POST /webhooks HTTP/1.1\r\nHost: h\r\n{fields}\r\n");
    let full = "X: y\r\n".repeat(31);
    let chunked = head("Transfer-Encoding: chunked\r\n");
    for (name, sent, expected) in [
        ("as many fields as allowed", head(&full), 200),
        ("one more", head(&format!("{full}X: y\r\n")), 431),
        ("as long as allowed", head(&format!("X: {}\r\n", "y".repeat(4096 - 41))), 200),
        ("one byte longer", head(&format!("X: {}\r\n", "y".repeat(4096 - 40))), 431),
        ("no end of line", "P".repeat(1024 * 1024), 431),
        ("only ends of lines", "\r\n".repeat(1024 * 1024), 431),
        ("a target without end", format!("POST /{}", "x".repeat(1024 * 1024)), 431),
        ("trailers without end", format!("{chunked}0\r\n{}\r\n", "X: y\r\n".repeat(10_000)), 400),
        ("a chunk extension without end", format!("{chunked}1;{}", "x".repeat(100_000)), 400),
    ] {
        let answered = exchange(&site, sent.as_bytes(), usize::MAX);
        assert_eq!(answered, [expected], "{name}");
    }
    site.stop();
    // Longer than one read by hyper.
    let site = Site::new(Limits { head_max: 16 * 1024, ..PATIENT });
    for (spare, expected) in [(0, 200), (1, 431)] {
        let sent = head(&format!("X: {}\r\n", "y".repeat(16 * 1024 - 41 + spare)));
        assert_eq!(exchange(&site, sent.as_bytes(), 1000), [expected]);
    }
    site.stop();
}

#[test]
fn the_body_is_asked_for_only_after_the_head_is_admitted() {
    let site = Site::new(PATIENT);
    let mut client = site.connect();
    let head =
        "POST /webhooks HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n";
    let head = format!("{head}\r\n");
    for _ in 0..2 {
        client.write_all(head.as_bytes()).expect("written");
        assert!(one_answer(&mut client).starts_with("HTTP/1.1 100 "));
        client.write_all(b"hi").expect("written");
        assert!(one_answer(&mut client).starts_with("HTTP/1.1 200 "));
    }
    let refused = head.replace("/webhooks", "/other");
    client.write_all(refused.as_bytes()).expect("written");
    let answer = String::from_utf8(read_all(&mut client)).expect("text");
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    assert!(answer.contains("connection: close\r\n"), "{answer}");
    assert_eq!(site.seen(), ["POST /webhooks hi", "POST /webhooks hi", "POST /other"]);
    drop(client);
    site.stop();
}

/// Writes a byte every 20 ms until the server closes or nothing is left.
fn drip(mut client: &TcpStream, bytes: &[u8]) {
    for byte in bytes.chunks(1) {
        if client.write_all(byte).is_err() {
            return;
        }
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn slow_clients_get_408_and_are_closed() {
    const HEAD: &[u8] = b"POST /webhooks HTTP/1.1\r\nHost: h\r\nContent-Length: 5000\r\n\r\n";
    const CHUNKS: &[u8] =
        b"POST /webhooks HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n";
    const DRIPS: &[u8] = &[b'a'; 500];
    let site = Site::new(LIMITS);
    for (name, at_once, dripped, expected) in [
        ("nothing at all", &b""[..], &b""[..], &[][..]),
        ("half a head", b"POST /web", b"", &[408]),
        ("a head in drips", b"POST /", DRIPS, &[408]),
        ("no body", HEAD, b"", &[408]),
        ("a body in drips", HEAD, DRIPS, &[408]),
        ("no chunk", CHUNKS, b"", &[408]),
        ("a chunk in drips", CHUNKS, DRIPS, &[408]),
        ("idle after an answer", CANARY.as_bytes(), b"", &[200]),
    ] {
        let start = Instant::now();
        let mut client = site.connect();
        client.write_all(at_once).expect("written");
        let received = thread::scope(|scope| {
            // It writes on after the answer, until the server closes.
            scope.spawn(|| drip(&client, dripped));
            let received = read_all(&mut &client);
            client.shutdown(Shutdown::Write).expect("a close");
            received
        });
        assert_eq!(statuses(&received), expected, "{name}");
        let took = start.elapsed();
        assert!(took >= LIMITS.head_timeout, "{name}: only {took:?}");
        assert!(took < LONG / 4, "{name}: {took:?}");
    }
    assert_eq!(site.seen(), ["POST /webhooks canary"]);
    site.stop();
}

#[test]
fn a_client_that_does_not_read_is_dropped() {
    let site = Site::new(LIMITS);
    let mut deaf = site.connect();
    deaf.write_all(b"POST /big HTTP/1.1\r\nHost: h\r\n\r\n").expect("written");
    let seen = || site.seen().pop();
    poll::find_within(LONG, seen, || "the request is not served".to_owned());
    // The stop waits for the answer, which is in flight until the listener gives up.
    let took = site.stop();
    assert!(took < LONG / 2, "{took:?}");
    // Shorter than announced. The connection may end with a close or a reset.
    let mut rest = Vec::new();
    let _ = deaf.read_to_end(&mut rest);
    assert!(rest.len() < BIG);
}

#[test]
fn connections_are_bounded_for_each_address_and_the_slowest_gives_way() {
    let site = Site::new(PATIENT);
    let mut clients: Vec<_> =
        (0..LIMITS.connections_per_address_max).map(|_| site.connect()).collect();
    let is_answered = |client: &mut TcpStream| {
        client.write_all(CANARY.as_bytes()).expect("written");
        assert!(one_answer(client).starts_with("HTTP/1.1 200 "));
    };
    clients.iter_mut().for_each(is_answered);
    let mut newest = site.connect();
    is_answered(&mut newest);
    let mut oldest = clients.remove(0);
    let peer = oldest.local_addr().expect("an address");
    assert_eq!(site.event(), Event::Evicted { peer });
    assert_eq!(oldest.read(&mut [0]).expect("a plain close"), 0);
    // The others stay. Once all of them wait for us, none gives way.
    clients.push(newest);
    for client in &mut clients {
        client.write_all(b"POST /held HTTP/1.1\r\nHost: h\r\n\r\n").expect("written");
        site.arrived.recv_blocking().expect("it is being served");
    }
    let mut next = site.connect();
    let peer = next.local_addr().expect("an address");
    assert_eq!(next.read(&mut [0]).expect("a plain close"), 0);
    assert_eq!(site.event(), Event::Shed { peer, limit: Limit::PerAddress.name() });
    for _ in &clients {
        site.release.send_blocking(()).expect("released");
    }
    for client in &mut clients {
        assert!(one_answer(client).starts_with("HTTP/1.1 200 "));
    }
    site.stop();
}

#[test]
fn bodies_are_bounded_over_all_connections() {
    let site = Site::new(PATIENT);
    let body = "x".repeat(LIMITS.body_max);
    let request = |path| {
        let length = body.len();
        format!("POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n\r\n{body}")
    };
    let mut first = site.connect();
    first.write_all(request("/held").as_bytes()).expect("written");
    site.arrived.recv_blocking().expect("it is being served");
    let mut second = site.connect();
    second.write_all(request("/webhooks").as_bytes()).expect("written");
    second.shutdown(Shutdown::Write).expect("a close");
    let answer = String::from_utf8(read_all(&mut second)).expect("text");
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.contains("retry-after: 1\r\n"), "{answer}");
    site.release.send_blocking(()).expect("released");
    assert!(one_answer(&mut first).starts_with("HTTP/1.1 200 "));
    let again = exchange(&site, request("/webhooks").as_bytes(), usize::MAX);
    assert_eq!(again, [200]);
    site.stop();
}

#[test]
fn addresses_that_are_not_allowed_are_refused() {
    let site = Site::with(PATIENT, None, "10.0.0.0", LONG);
    assert_eq!(exchange(&site, CANARY.as_bytes(), usize::MAX), [403]);
    assert!(site.seen().is_empty());
    let event = site.event();
    assert!(matches!(event, Event::Refused { status: 403, .. }), "{event:?}");
    site.stop();
}

#[test]
fn an_address_that_is_not_allowed_hears_it_over_tls_while_others_of_its_kind_hold_on() {
    let (authority, files) = (Authority::new(), Files::new());
    let leaf = authority.issue(&["h.example"]);
    let tls = Tls { cert: files.put("cert.pem", &leaf.cert), key: files.put("key.pem", &leaf.key) };
    let identity = Arc::new(Identity::load(tls).expect("a certificate"));
    let site = Site::with(PATIENT, Some(identity), "10.0.0.0", LONG);
    let silent: Vec<_> = (0..40).map(|_| site.connect()).collect();
    let mut client = connect_tls(&site, &authority, "h.example");
    client.write_all(CANARY.as_bytes()).expect("written");
    assert_eq!(statuses(&read_all(&mut client)), [403]);
    assert!(site.seen().is_empty());
    drop(silent);
    site.stop();
}

#[test]
fn a_stop_answers_what_is_in_flight_and_closes_what_is_idle() {
    let mut site = Site::new(PATIENT);
    let mut idle = site.connect();
    idle.write_all(CANARY.as_bytes()).expect("written");
    assert!(one_answer(&mut idle).starts_with("HTTP/1.1 200 "));
    let mut fresh = site.connect();
    let mut busy = site.connect();
    busy.write_all(b"POST /held HTTP/1.1\r\nHost: h\r\n\r\n").expect("written");
    site.arrived.recv_blocking().expect("it is being served");
    site.stop = None;
    assert!(read_all(&mut idle).is_empty());
    assert!(read_all(&mut fresh).is_empty());
    site.release.send_blocking(()).expect("released");
    let answer = String::from_utf8(read_all(&mut busy)).expect("text");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.contains("connection: close\r\n"), "{answer}");
    let address = site.address;
    drop((idle, fresh, busy));
    site.stop();
    let refused = TcpStream::connect(address).expect_err("nobody listens");
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
}

#[test]
fn a_stop_does_not_wait_for_ever() {
    let site = Site::with(PATIENT, None, "127.0.0.0", GRACE);
    let mut busy = site.connect();
    busy.write_all(b"POST /held HTTP/1.1\r\nHost: h\r\n\r\n").expect("written");
    site.arrived.recv_blocking().expect("it is being served");
    let took = site.stop();
    assert!(took >= GRACE && took < LONG / 2, "{took:?}");
    assert!(read_all(&mut busy).is_empty());
}

/// The files of a certificate, which a test replaces.
struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn put(&self, name: &str, text: &str) -> String {
        let path = self.0.path().join(name);
        fs::write(&path, text).expect("written");
        path.to_str().expect("a name").to_owned()
    }
}

type TlsClient = StreamOwned<ClientConnection, TcpStream>;

fn connect_tls(site: &Site, authority: &Authority, name: &'static str) -> TlsClient {
    let session = client(&authority.cert(), name);
    StreamOwned::new(session, site.connect())
}

/// Whether the server answers with a certificate of this authority for this name.
fn answers(site: &Site, authority: &Authority, name: &'static str) -> Result<(), String> {
    let mut client = connect_tls(site, authority, name);
    let sent = CANARY.replace("Host:", "Connection: close\r\nHost:");
    client.write_all(sent.as_bytes()).map_err(|error| error.to_string())?;
    assert_eq!(statuses(&read_all(&mut client)), [200]);
    Ok(())
}

#[test]
fn a_certificate_is_exchanged_without_a_stop() {
    let (authority, files) = (Authority::new(), Files::new());
    let old = authority.issue(&["old.example"]);
    let tls = Tls { cert: files.put("cert.pem", &old.cert), key: files.put("key.pem", &old.key) };
    let identity = Arc::new(Identity::load(tls).expect("a certificate"));
    let site = Site::with_tls(PATIENT, Arc::clone(&identity));
    assert_eq!(answers(&site, &authority, "old.example"), Ok(()));
    assert_eq!(identity.refresh(), Ok(false));

    // The certificate is replaced, its key is not yet.
    let new = authority.issue(&["new.example", "longer.new.example"]);
    files.put("cert.pem", &new.cert);
    let error = identity.refresh().expect_err("they are no pair").to_string();
    assert!(error.contains("does not belong to the key in "), "{error}");
    assert_eq!(identity.refresh(), Ok(false), "told once");
    assert_eq!(answers(&site, &authority, "old.example"), Ok(()));

    files.put("key.pem", &format!("{}\n", new.key));
    assert_eq!(identity.refresh(), Ok(true));
    assert_eq!(answers(&site, &authority, "new.example"), Ok(()));
    let error = answers(&site, &authority, "old.example").expect_err("another name");
    assert!(error.contains("not valid for name"), "{error}");
    site.stop();
}

#[test]
fn a_changed_certificate_is_noticed_and_reported() {
    let (authority, files) = (Authority::new(), Files::new());
    let old = authority.issue(&["old.example"]);
    let file = files.put("both.pem", &format!("{}{}", old.cert, old.key));
    let tls = Tls { cert: file.clone(), key: file };
    let identity = Arc::new(Identity::load(tls).expect("one file for both"));
    let (report, reports) = channel::unbounded();
    let executor = Executor::new();
    let watch = Arc::clone(&identity).watch(Duration::from_millis(10), move |result| {
        report.try_send(result).expect("room for all");
    });
    executor.spawn(watch).detach();
    future::block_on(executor.run(async {
        files.put("both.pem", "nothing");
        let error = reports.recv().await.expect("a report").expect_err("nothing");
        assert!(error.to_string().contains("no certificate in it"), "{error}");
        let new = authority.issue(&["new.example"]);
        files.put("new.pem", &format!("{}{}", new.cert, new.key));
        let renamed = fs::rename(files.0.path().join("new.pem"), files.0.path().join("both.pem"));
        renamed.expect("exchanged in one step");
        assert_eq!(reports.recv().await, Ok(Ok(())));
    }));
}

#[test]
fn a_handshake_that_fails_is_noted_and_harms_nobody() {
    let (authority, files) = (Authority::new(), Files::new());
    let leaf = authority.issue(&["h.example"]);
    let tls = Tls { cert: files.put("cert.pem", &leaf.cert), key: files.put("key.pem", &leaf.key) };
    let identity = Arc::new(Identity::load(tls).expect("a certificate"));
    let site = Site::with_tls(LIMITS, identity);
    // Plain HTTP, a client that trusts another authority, and a client that sends nothing.
    let mut plain = site.connect();
    plain.write_all(CANARY.as_bytes()).expect("written");
    let _ = plain.read_to_end(&mut Vec::new());
    let error = answers(&site, &Authority::new(), "h.example").expect_err("unknown");
    assert!(error.contains("invalid peer certificate"), "{error}");
    let mut silent = site.connect();
    assert!(read_all(&mut silent).is_empty());
    for _ in 0..3 {
        let event = site.event();
        assert!(matches!(event, Event::HandshakeFailed { .. }), "{event:?}");
    }
    assert_eq!(answers(&site, &authority, "h.example"), Ok(()));
    assert_eq!(site.seen(), ["POST /webhooks canary"]);
    site.stop();
}

#[test]
fn what_is_wrong_with_a_certificate_is_said_by_file() {
    let (authority, files) = (Authority::new(), Files::new());
    let leaf = authority.issue(&["h.example"]);
    let good = files.put("good.pem", &format!("{}{}", leaf.cert, leaf.key));
    let cert = files.put("cert.pem", &leaf.cert);
    let key = files.put("key.pem", &leaf.key);
    let locked = leaf.key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    let locked = files.put("locked.pem", &locked);
    let torn = files.put("torn.pem", leaf.cert.get(..100).expect("longer"));
    let other = files.put("other.pem", &authority.issue(&["h.example"]).key);
    let error = |cert: &str, key: &str| {
        let (cert, key) = (cert.to_owned(), key.to_owned());
        let error = Identity::load(Tls { cert, key }).expect_err("broken");
        let folder = files.0.path().to_str().expect("a name");
        error.to_string().replace(folder, "DIR")
    };
    for (cert, key, expected) in [
        (
            "/nowhere/cert.pem",
            &good,
            "/nowhere/cert.pem: cannot be read: No such file or directory (os error 2)",
        ),
        (&key, &good, "DIR/key.pem: no certificate in it — expected BEGIN CERTIFICATE"),
        (&good, &cert, "DIR/cert.pem: no key in it — expected BEGIN PRIVATE KEY"),
        (
            &good,
            &locked,
            "DIR/locked.pem: the key has a passphrase — expected one without (openssl pkey \
             removes it)",
        ),
        (&torn, &good, "DIR/torn.pem: broken PEM — expected whole BEGIN/END blocks"),
        (
            &good,
            &other,
            "DIR/good.pem: the certificate does not belong to the key in DIR/other.pem",
        ),
    ] {
        assert_eq!(error(cert, key), expected);
    }
}
