//! The server pump over real sockets: what hostile, slow and many clients get.

use std::{
    fs,
    io::{ErrorKind, Read, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use mistgate_core::config::checked::{Limits, Network, Tls};
use mistgate_runtime::{
    listen::{self, Bytes, Event, Head, Limit, Listener, Reply, Service},
    tls::{self, Identity},
};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, pki_types::pem::PemObject,
};
use smol::{Async, Executor, channel, future};

use crate::pki::Authority;

const LIMITS: Limits = Limits {
    body_max: 64 * 1024,
    bodies_max: 96 * 1024,
    head_max: 4 * 1024,
    headers_max: 32,
    connections_max: 16,
    connections_per_address_max: 8,
    head_timeout: Duration::from_millis(250),
    body_timeout: Duration::from_millis(250),
    handshake_timeout: Duration::from_millis(250),
};
const LONG: Duration = Duration::from_secs(20);

/// Limits whose time never comes, where the test is not about time.
const PATIENT: Limits =
    Limits { head_timeout: LONG, body_timeout: LONG, handshake_timeout: LONG, ..LIMITS };

/// Takes POSTs to /webhooks and to a few paths with a meaning of their own.
struct Recorder {
    /// `METHOD path body` of what was served, and `METHOD path` of what was refused.
    seen: Mutex<Vec<String>>,
    events: Mutex<Vec<Event>>,
    /// Each request to /held is announced here …
    arrived: channel::Sender<()>,
    /// … and answered when something comes from there.
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
            "/big" => Reply::status(200).content("text/plain", vec![b'x'; 32 * 1024 * 1024]),
            _ => Reply::status(200),
        }
    }

    fn note(&self, event: Event) {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).push(event);
    }
}

impl Recorder {
    fn see(&self, what: String) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).push(what);
    }
}

/// A listener on its own threads.
struct Site {
    address: SocketAddr,
    recorder: Arc<Recorder>,
    arrived: channel::Receiver<()>,
    release: channel::Sender<()>,
    stop: Option<channel::Sender<std::convert::Infallible>>,
    threads: Vec<thread::JoinHandle<()>>,
}

impl Site {
    fn new(limits: Limits) -> Self {
        Self::with(limits, None, "127.0.0.0")
    }

    fn with(limits: Limits, identity: Option<Arc<Identity>>, allowed: &str) -> Self {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let socket = Async::new(socket).expect("a socket that can wait");
        let network = Network { address: allowed.parse().expect("an address"), prefix: 8 };
        let listener = Listener::new(socket, identity, vec![network], limits);
        let address = listener.local_addr().expect("an address");
        let (arrives, arrived) = channel::unbounded();
        let (release, released) = channel::unbounded();
        let recorder = Arc::new(Recorder {
            seen: Mutex::default(),
            events: Mutex::default(),
            arrived: arrives,
            released,
        });
        let (hold, stop) = listen::stop();
        let executor = Arc::new(Executor::new());
        let service = Arc::clone(&recorder);
        let run = listener.run(Arc::clone(&executor), service, stop, Duration::from_millis(500));
        let main = executor.spawn(run);
        // Two threads, as in the appliance: what is shared must bear it.
        let (ends, ended) = channel::bounded::<()>(1);
        let helper = {
            let executor = Arc::clone(&executor);
            thread::spawn(move || drop(future::block_on(executor.run(ended.recv()))))
        };
        let owner = thread::spawn(move || {
            future::block_on(executor.run(main));
            drop(ends);
        });
        Self { address, recorder, arrived, release, stop: Some(hold), threads: vec![owner, helper] }
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

    fn events(&self) -> Vec<Event> {
        std::mem::take(&mut *self.recorder.events.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Stops, and says how long that took.
    fn stop(mut self) -> Duration {
        let start = Instant::now();
        self.stop = None;
        for thread in self.threads.drain(..) {
            thread.join().expect("no panic");
        }
        start.elapsed()
    }
}

/// Everything that the server says until it closes its side. A reset fails the test: it could have
/// swallowed the answer.
fn hear(client: &mut impl Read) -> Vec<u8> {
    let mut heard = Vec::new();
    match client.read_to_end(&mut heard) {
        Ok(_) => heard,
        Err(error) => panic!("{error} after {:?}", String::from_utf8_lossy(&heard)),
    }
}

/// The statuses of the answers in `heard`, whose bodies are as long as they say.
fn statuses(heard: &[u8]) -> Vec<u16> {
    let mut text = &*String::from_utf8_lossy(heard).into_owned();
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

/// One answer of a connection that stays open.
fn one_answer(client: &mut impl Read) -> String {
    let mut heard = Vec::new();
    while !heard.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        assert_eq!(client.read(&mut byte).expect("an answer"), 1, "{heard:?}");
        heard.extend(byte);
    }
    String::from_utf8(heard).expect("text")
}

/// What follows every hostile request: it must be answered where the connection goes on, and never
/// where the connection had to end.
const CANARY: &str = "POST /webhooks HTTP/1.1\r\nHost: canary\r\nContent-Length: 6\r\n\r\ncanary";
const SERVED: &str = "POST /webhooks ";

struct Case {
    name: &'static str,
    sent: &'static [u8],
    /// The statuses of all answers but that to the canary.
    answered: &'static [u16],
    then: Then,
    /// What the service saw before the canary.
    seen: &'static [&'static str],
}

const fn case(
    name: &'static str,
    sent: &'static [u8],
    answered: &'static [u16],
    then: Then,
    seen: &'static [&'static str],
) -> Case {
    Case { name, sent, answered, then, seen }
}

/// What becomes of the connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    GoesOn,
    Ends,
}
use Then::{Ends, GoesOn};

const CASES: &[Case] = &[
    // What must work.
    case("a length", b"POST /webhooks HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello", &[200], GoesOn, &["POST /webhooks hello"]),
    case("no body", b"POST /webhooks HTTP/1.1\r\nHost: h\r\n\r\n", &[200], GoesOn, &[SERVED]),
    case("a length of zero", b"POST /webhooks HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", &[200], GoesOn, &[SERVED]),
    case("a length with leading zeros", b"POST /webhooks HTTP/1.1\r\nHost: h\r\nContent-Length: 0005\r\n\r\nhello", &[200], GoesOn, &["POST /webhooks hello"]),
    case("a host with a port", b"POST /webhooks HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", &[200], GoesOn, &[SERVED]),
    case("an empty host", b"POST /webhooks HTTP/1.1\r\nHost:\r\n\r\n", &[200], GoesOn, &[SERVED]),
    case("an empty line before", b"\r\nPOST /webhooks HTTP/1.1\r\nHost: h\r\n\r\n", &[200], GoesOn, &[SERVED]),
    case("a query", b"POST /webhooks?a=b HTTP/1.1\r\nHost: h\r\n\r\n", &[200], GoesOn, &[SERVED]),
    case("an absolute target", b"POST http://h/webhooks HTTP/1.1\r\nHost: h\r\n\r\n", &[200], GoesOn, &[SERVED]),
    case("an absolute target, loud", b"POST HTTP://h/webhooks HTTP/1.1\r\nHost: h\r\n\r\n", &[200], GoesOn, &[SERVED]),
    case("text that is no ASCII", "POST /webhooks HTTP/1.1\r\nHost: h\r\nX: caf\u{e9}\r\n\r\n".as_bytes(), &[200], GoesOn, &[SERVED]),
    case("bytes that are no text", b"POST /webhooks HTTP/1.1\r\nHost: h\r\nX: \xff\xfe\x80\r\n\r\n", &[200], GoesOn, &[SERVED]),
    case("chunks", b"POST /webhooks HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n", &[200], GoesOn, &["POST /webhooks hello!"]),
    case("Chunked with spaces around", b"POST /webhooks HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: \t Chunked \t\r\n\r\n0\r\n\r\n", &[200], GoesOn, &[SERVED]),
    case("chunk extensions", b"POST /webhooks HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b;c=\"d\"\r\nhello\r\n0 ;x\r\n\r\n", &[200], GoesOn, &["POST /webhooks hello"]),
    case("trailers", b"POST /webhooks HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nA: b\r\nC: d\r\n\r\n", &[200], GoesOn, &["POST /webhooks hi"]),
    case("a chunk size in capitals with zeros", b"POST /webhooks HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n000A\r\n0123456789\r\n00\r\n\r\n", &[200], GoesOn, &["POST /webhooks 0123456789"]),
    case("pipelined", b"POST /webhooks HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n1POST /webhooks HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n2", &[200, 200], GoesOn, &["POST /webhooks 1", "POST /webhooks 2"]),
    case("close is obeyed", b"POST /webhooks HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", &[200], Ends, &[SERVED]),
    case("HTTP/1.0", b"POST /webhooks HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi", &[200], Ends, &["POST /webhooks hi"]),
    case("HTTP/1.0 that stays", b"POST /webhooks HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nhi", &[200], GoesOn, &["POST /webhooks hi"]),
    case("expecting 100", b"POST /webhooks HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\nhi", &[100, 200], GoesOn, &["POST /webhooks hi"]),
    case("expecting 100 of HTTP/1.0", b"POST /webhooks HTTP/1.0\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi", &[200], Ends, &["POST /webhooks hi"]),
    // What is refused by the head alone.
    case("another path", b"POST /other HTTP/1.1\r\nHost: h\r\n\r\n", &[404], GoesOn, &["POST /other"]),
    case("another path with a body", b"POST /other HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi", &[404], Ends, &["POST /other"]),
    case("another method", b"GET /webhooks HTTP/1.1\r\nHost: h\r\n\r\n", &[405], GoesOn, &["GET /webhooks"]),
    case("refused before 100", b"POST /other HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n", &[404], Ends, &["POST /other"]),
    case("another expectation", b"POST /webhooks HTTP/1.1\r\nHost: h\r\nExpect: tea\r\nContent-Length: 2\r\n\r\nhi", &[417], Ends, &[]),
    case("a percent-encoded path is another path", b"POST /%77ebhooks HTTP/1.1\r\nHost: h\r\n\r\n", &[404], GoesOn, &["POST /%77ebhooks"]),
    case("a path that climbs is another path", b"POST /x/../webhooks HTTP/1.1\r\nHost: h\r\n\r\n", &[404], GoesOn, &["POST /x/../webhooks"]),
    case("the asterisk", b"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", &[404], GoesOn, &["OPTIONS *"]),
    case("CONNECT", b"CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n", &[404], GoesOn, &["CONNECT "]),
    case("an upgrade is not made", b"POST /webhooks HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: \r\n\r\n", &[200], GoesOn, &[SERVED]),
    // The target and the host.
    case("no host", b"POST /webhooks HTTP/1.1\r\n\r\n", &[400], Ends, &[]),
    case("two hosts", b"POST /webhooks HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n", &[400], Ends, &[]),
    case("a host with a path", b"POST /other HTTP/1.1\r\nHost: h/webhooks?\r\n\r\n", &[400], Ends, &[]),
    case("a host with a login", b"POST /webhooks HTTP/1.1\r\nHost: a@h\r\n\r\n", &[400], Ends, &[]),
    case("POST to an authority", b"POST h:80 HTTP/1.1\r\nHost: h\r\n\r\n", &[400], Ends, &[]),
    case("POST to the asterisk", b"POST * HTTP/1.1\r\nHost: h\r\n\r\n", &[400], Ends, &[]),
    case("another scheme", b"POST ftp://h/webhooks HTTP/1.1\r\nHost: h\r\n\r\n", &[400], Ends, &[]),
    case("no target", b"POST HTTP/1.1\r\nHost: h\r\n\r\n", &[400], Ends, &[]),
    case("two spaces", b"POST  /webhooks HTTP/1.1\r\nHost: h\r\n\r\n", &[400], Ends, &[]),
    case("a space in the target", b"POST /web hooks HTTP/1.1\r\nHost: h\r\n\r\n", &[400], Ends, &[]),
    case("a tab for a space", b"POST\t/webhooks\tHTTP/1.1\r\nHost: h\r\n\r\n", &[400], Ends, &[]),
    // Versions and other protocols.
    case("HTTP/0.9", b"POST /webhooks\r\n\r\n", &[400], Ends, &[]),
    case("HTTP/1.2", b"POST /webhooks HTTP/1.2\r\nHost: h\r\n\r\n", &[400], Ends, &[]),
    case("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &[400], Ends, &[]),
    case("lower-case http", b"POST /webhooks http/1.1\r\nHost: h\r\n\r\n", &[400], Ends, &[]),
    case("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n", &[400], Ends, &[]),
    case("garbage", b"\x00\x01\x02\xff\xfe\r\n\r\n", &[400], Ends, &[]),
    // Lengths.
    case("lengths that differ", b"POST /webhooks HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", &[400], Ends, &[]),
    case("lengths that agree", b"POST /webhooks HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello", &[400], Ends, &[]),
    case("a list of lengths", b"POST /webhooks HTTP/1.1\r\nHost: h\r\nContent-Length: 5, 5\r\n\r\nhello", &[400], Ends, &[]),
    case("a length with a plus", b"POST /webhooks HTTP/1.1\r\nHost: h\r\nContent-Length: +5\r\n\r\nhello", &[400], Ends, &[]),
    case("a length with a minus", b"POST /webhooks HTTP/1.1\r\nHost: h\r\nContent-Length: -5\r\n\r\nhello", &[400], Ends, &[]),
    case("a length in hex", b"POST /webhooks HTTP/1.1\r\nHost: h\r\nContent-Length: 0x5\r\n\r\nhello", &[400], Ends, &[]),
    case("a length that is empty", b"POST /webhooks HTTP/1.1\r\nHost: h\r\nContent-Length:\r\n\r\nhello", &[400], Ends, &[]),
    case("a length of 2^64", b"POST /webhooks HTTP/1.1\r\nHost: h\r\nContent-Length: 18446744073709551616\r\n\r\nhello", &[413], Ends, &[]),
    case("a length of 2^64 - 1", b"POST /webhooks HTTP/1.1\r\nHost: h\r\nContent-Length: 18446744073709551615\r\n\r\nhello", &[413], Ends, &[]),
    case("a length over the limit", b"POST /webhooks HTTP/1.1\r\nHost: h\r\nContent-Length: 65537\r\n\r\nhello", &[413], Ends, &[]),
    case("a length over the limit, expecting 100", b"POST /webhooks HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 65537\r\n\r\n", &[413], Ends, &[]),
    // Transfer codings, each with a request in the body that nobody may take for one.
    case("gzip, chunked", b"POST /webhooks HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\nPOST /smuggled HTTP/1.1\r\nHost: h\r\n\r\n", &[400], Ends, &[]),
    case("xchunked", b"POST /webhooks HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\nPOST /smuggled HTTP/1.1\r\nHost: h\r\n\r\n", &[400], Ends, &[]),
    case("chunked, chunked", b"POST /webhooks HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", &[400], Ends, &[]),
    case("chunked twice", b"POST /webhooks HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", &[400], Ends, &[]),
    case("chunked, then identity", b"POST /webhooks HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", &[400], Ends, &[]),
    case("identity", b"POST /webhooks HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: identity\r\nContent-Length: 5\r\n\r\nhello", &[400], Ends, &[]),
    case("a vertical tab before chunked", b"POST /webhooks HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", &[400], Ends, &[]),
    case("a form feed after chunked", b"POST /webhooks HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\x0c\r\n\r\n0\r\n\r\n", &[400], Ends, &[]),
    case("an empty coding", b"POST /webhooks HTTP/1.1\r\nHost: h\r\nTransfer-Encoding:\r\nContent-Length: 5\r\n\r\nhello", &[400], Ends, &[]),
    case("a coding and a length", b"POST /webhooks HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\nPOST /smuggled HTTP/1.1\r\nHost: h\r\n\r\n", &[400], Ends, &[]),
    case("a length and a coding", b"POST /webhooks HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", &[400], Ends, &[]),
    case("a coding in HTTP/1.0", b"POST /webhooks HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", &[400], Ends, &[]),
    case("an underscore is another field", b"POST /webhooks HTTP/1.1\r\nHost: h\r\nTransfer_Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", &[200], GoesOn, &["POST /webhooks 0\r\n\r\n"]),
    // Lines.
    case("LF for CR LF", b"POST /webhooks HTTP/1.1\nHost: h\n\n", &[400], Ends, &[]),
    case("one LF for CR LF", b"POST /webhooks HTTP/1.1\r\nHost: h\r\nX: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", &[400], Ends, &[]),
    case("a head that ends with LF LF", b"POST /webhooks HTTP/1.1\r\nHost: h\r\nX: y\n\nPOST /smuggled HTTP/1.1\r\nHost: h\r\n\r\n", &[400], Ends, &[]),
    case("a CR within a value", b"POST /webhooks HTTP/1.1\r\nHost: h\r\nX: y\rContent-Length: 5\r\n\r\nhello", &[400], Ends, &[]),
    case("a CR before CR LF", b"POST /webhooks HTTP/1.1\r\nHost: h\r\r\n\r\n", &[400], Ends, &[]),
    case("a NUL within a value", b"POST /webhooks HTTP/1.1\r\nHost: h\r\nX: a\x00b\r\n\r\n", &[400], Ends, &[]),
    case("a folded line", b"POST /webhooks HTTP/1.1\r\nHost: h\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", &[400], Ends, &[]),
    case("a folded first field", b"POST /webhooks HTTP/1.1\r\n X: y\r\nHost: h\r\n\r\n", &[400], Ends, &[]),
    case("a space before the colon", b"POST /webhooks HTTP/1.1\r\nHost: h\r\nContent-Length : 5\r\n\r\nhello", &[400], Ends, &[]),
    case("no colon", b"POST /webhooks HTTP/1.1\r\nHost: h\r\nX\r\n\r\n", &[400], Ends, &[]),
    case("no name", b"POST /webhooks HTTP/1.1\r\nHost: h\r\n: x\r\n\r\n", &[400], Ends, &[]),
    // Chunks.
    case("a chunk size of nothing", b"POST /webhooks HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n\r\n\r\n", &[400], Ends, &[]),
    case("a chunk size with a prefix", b"POST /webhooks HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n", &[400], Ends, &[]),
    case("a chunk size with a sign", b"POST /webhooks HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n", &[400], Ends, &[]),
    case("a chunk size with a space before", b"POST /webhooks HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n 5\r\nhello\r\n0\r\n\r\n", &[400], Ends, &[]),
    case("a chunk size of 2^64", b"POST /webhooks HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000000\r\n", &[400], Ends, &[]),
    case("a chunk longer than its size", b"POST /webhooks HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello!\r\n0\r\n\r\n", &[400], Ends, &[]),
    case("LF after a chunk size", b"POST /webhooks HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n", &[400], Ends, &[]),
    case("LF after a chunk", b"POST /webhooks HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\n0\r\n\r\n", &[400], Ends, &[]),
    case("LF within an extension", b"POST /webhooks HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5;a\nb\r\nhello\r\n0\r\n\r\n", &[400], Ends, &[]),
    case("LF after the last chunk", b"POST /webhooks HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\nPOST /smuggled HTTP/1.1\r\nHost: h\r\n\r\n", &[400], Ends, &[]),
    case("LF after a trailer", b"POST /webhooks HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\n\r\n\r\n", &[400], Ends, &[]),
];

/// Sends `sent` and then nothing more, whole or byte by byte, and hears all answers.
fn exchange(site: &Site, sent: &[u8], piece: usize) -> Vec<u16> {
    let mut client = site.connect();
    let mut hearing = client.try_clone().expect("a second handle");
    let heard = thread::scope(|scope| {
        let heard = scope.spawn(move || hear(&mut hearing));
        for piece in sent.chunks(piece) {
            client.write_all(piece).expect("the server listens to the end");
        }
        client.shutdown(Shutdown::Write).expect("a close");
        heard.join().expect("an answer")
    });
    statuses(&heard)
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
            if case.then == GoesOn {
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
