//! The websocket proxy over real TLS on loopback.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{fs, io, thread};

use async_tungstenite::tungstenite::client::IntoClientRequest;
use async_tungstenite::tungstenite::handshake::HandshakeError;
use async_tungstenite::tungstenite::protocol::frame::Frame;
use async_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use async_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use async_tungstenite::tungstenite::{Error, Message, WebSocket};
use mistgate_core::http::listener::Tls;
use mistgate_core::micronets::access::{Rule, Subject};
use mistgate_core::micronets::keepalive::Timing;
use mistgate_core::micronets::meetup::input::{Config as Meetup, OnPartnerLoss};
use mistgate_core::micronets::meetup::status::Stage;
use mistgate_core::micronets::proxy::{Proxy, ProxyFiles, ProxyLimits};
use mistgate_runtime::base::clock::Clock;
use mistgate_runtime::base::journal::{Format, Journal, Level};
use mistgate_runtime::base::metrics::Counter;
use mistgate_runtime::base::stop;
use mistgate_runtime::base::stop::Stopper;
use mistgate_runtime::http::tls::mutual::Mutual;
use mistgate_runtime::micronets::relay::{MeetupStatus, Relay, Totals};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConnection, StreamOwned, SupportedProtocolVersion};
use smol::{Async, Executor, channel};
use tempfile::TempDir;

use crate::base::pki::{Authority, Leaf, client_with};
use crate::base::{files, poll};

const PREFIX: &str = "/micronets/v1/ws-proxy/";
/// Longer than anything here takes on a busy machine.
const LONG: Duration = Duration::from_secs(20);
pub(crate) const MANAGER: &str = r#"{"message": {"messageId": 0, "messageType": "CONN:HELLO", "peerClass": "manager", "peerId": "1", "requiresResponse": false}}"#;
pub(crate) const GATEWAY: &str = r#"{"message":{"requiresResponse":false,"messageId":4,"messageType":"CONN:HELLO","peerClass":"gateway","peerId":"ü"}}"#;
const REQUEST: &str = r#"{"message":{"messageId":7,"messageType":"REST:REQUEST","requiresResponse":true,"method":"GET","path":"/"}}"#;

type Socket = WebSocket<StreamOwned<ClientConnection, TcpStream>>;

/// The proxy, its authority, and its files.
struct Site {
    authority: Authority,
    files: TempDir,
    settings: Proxy,
    relay: Arc<Relay>,
    journal: Arc<Journal>,
    address: SocketAddr,
    stop: Option<Stopper>,
    threads: Vec<thread::JoinHandle<()>>,
    alive: Option<channel::Sender<()>>,
    stopped: channel::Receiver<()>,
    reports: channel::Receiver<Result<(), mistgate_runtime::http::tls::Error>>,
}

impl Site {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut Proxy)) -> Self {
        let (authority, files) = (Authority::new(), tempfile::tempdir().expect("a folder"));
        let put = |name: &str, text: &str| {
            let path = files.path().join(name);
            fs::write(&path, text).expect("written");
            path.to_str().expect("a name").to_owned()
        };
        let Leaf { cert, key } = authority.issue(&["localhost"]);
        let own = put("proxy.pem", &format!("{cert}{key}"));
        let mut settings = Proxy {
            listen: "127.0.0.1:0".parse().expect("an address"),
            proxy_protocol: false,
            path_prefix: PREFIX.to_owned(),
            files: ProxyFiles {
                tls: Tls { cert: own.clone(), key: own },
                client_ca: put("root.pem", &authority.cert()),
                crl: vec![put("crl.pem", &authority.revoke(&[99]))],
            },
            allow: Vec::new(),
            meetup: Meetup::default(),
            limits: ProxyLimits::default(),
        };
        change(&mut settings);
        let executor = Arc::new(Executor::new());
        let journal = Arc::new(Journal::new(Format::Text, Level::Error));
        let clock = Clock::start();
        let tls = Mutual::load(settings.files.clone()).expect("the files are fit");
        let relay = Relay::new(&settings, tls, Arc::clone(&journal), Arc::clone(&executor), clock);
        let socket = TcpListener::bind(settings.listen).expect("a port");
        let address = socket.local_addr().expect("an address");
        let (stop, until) = stop::stop();
        let (alive, end) = channel::bounded::<()>(1);
        let (tell, stopped) = channel::bounded::<()>(1);
        let threads = (0..2).map(|_| {
            let (executor, end) = (Arc::clone(&executor), end.clone());
            thread::spawn(move || {
                // It returns when the channel is closed.
                let _ = smol::block_on(executor.run(end.recv()));
            })
        });
        let threads = threads.collect();
        let running = Arc::clone(&relay).run(Async::new(socket).expect("a socket"), until);
        let running = async move {
            running.await;
            drop(tell);
        };
        executor.spawn(running).detach();
        let (report, reports) = channel::unbounded();
        let watching = Arc::clone(&relay).watch(move |result| {
            report.try_send(result).expect("room for all");
        });
        executor.spawn(watching).detach();
        let (stop, alive) = (Some(stop), Some(alive));
        Self {
            authority,
            files,
            settings,
            relay,
            journal,
            address,
            stop,
            threads,
            alive,
            stopped,
            reports,
        }
    }

    /// What the files of the settings hold.
    fn trust(&self) -> Mutual {
        Mutual::load(self.settings.files.clone()).expect("the files are fit")
    }

    /// A connection that offers the certificate of `member`, if any. The handshake starts with the
    /// first byte.
    fn tls(&self, member: &Leaf) -> io::Result<StreamOwned<ClientConnection, TcpStream>> {
        self.tls_of(&TLS13, Some(member))
    }

    fn tls_of(
        &self,
        version: &'static SupportedProtocolVersion,
        member: Option<&Leaf>,
    ) -> io::Result<StreamOwned<ClientConnection, TcpStream>> {
        tls(self.address, &self.authority.cert(), version, member)
    }

    fn member(&self, organisation: &str) -> Leaf {
        self.authority.member(organisation, 1)
    }

    fn upgrade(&self, member: &Leaf, meetup: &str) -> Result<Peer, Error> {
        Peer::upgrade(self.address, &self.authority.cert(), member, meetup)
    }

    fn connect(&self, meetup: &str) -> Peer {
        self.upgrade(&self.member("Anybody"), meetup).expect("upgraded")
    }

    /// Connects a peer and sends this hello.
    fn join(&self, meetup: &str, hello: &str) -> Peer {
        let mut peer = self.connect(meetup);
        peer.say(hello);
        peer
    }

    /// A manager and a gateway that have met.
    fn pair(&self, meetup: &str) -> (Peer, Peer) {
        let mut manager = self.join(meetup, MANAGER);
        let mut gateway = self.join(meetup, GATEWAY);
        assert_eq!(gateway.receive(), Message::text(MANAGER));
        assert_eq!(manager.receive(), Message::text(GATEWAY));
        (manager, gateway)
    }

    fn meetup(&self, meetup: &str) -> Option<MeetupStatus> {
        let status = smol::block_on(self.relay.status());
        status.meetups.into_iter().find(|each| each.meetup == meetup)
    }

    /// Waits until a meetup's connections are in these stages.
    fn until(&self, meetup: &str, stages: &[Stage]) {
        wait(|| {
            let peers = self.meetup(meetup).map(|meetup| meetup.peers).unwrap_or_default();
            peers.iter().map(|peer| peer.status.stage).eq(stages.iter().copied())
        });
    }

    /// Sends a request without an upgrade, and gives the whole answer.
    fn ask(&self, request: &str) -> String {
        let stream = self.tls(&self.member("Anybody")).expect("connected");
        answer(stream, request).expect("closed properly")
    }

    fn put(&self, name: &str, text: &str) {
        files::replace(&self.files.path().join(name), text);
    }

    fn stop(&mut self) -> Duration {
        let began = Instant::now();
        self.stop = None;
        let _ = self.stopped.recv_blocking();
        began.elapsed()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.alive = None;
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn answer(
    mut stream: StreamOwned<ClientConnection, TcpStream>,
    request: &str,
) -> io::Result<String> {
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

fn wait(condition: impl Fn() -> bool) {
    poll::within(LONG, condition, || "the condition never held".to_owned());
}

/// A TLS connection to a proxy whose root is `root`.
fn tls(
    to: SocketAddr,
    root: &str,
    version: &'static SupportedProtocolVersion,
    member: Option<&Leaf>,
) -> io::Result<StreamOwned<ClientConnection, TcpStream>> {
    let session = client_with(root, "localhost", &[version], member);
    let stream = TcpStream::connect(to)?;
    stream.set_read_timeout(Some(LONG))?;
    stream.set_write_timeout(Some(LONG))?;
    stream.set_nodelay(true)?;
    Ok(StreamOwned::new(session, stream))
}

pub(crate) struct Peer(Socket);

impl Peer {
    /// An upgraded connection to a proxy whose root is `root`.
    pub(crate) fn upgrade(
        to: SocketAddr,
        root: &str,
        member: &Leaf,
        meetup: &str,
    ) -> Result<Self, Error> {
        let url = format!("wss://localhost:{}{PREFIX}{meetup}", to.port());
        let request = url.into_client_request().expect("a request");
        let config = WebSocketConfig::default().max_message_size(None).max_frame_size(None);
        let stream = tls(to, root, &TLS13, Some(member)).map_err(Error::Io)?;
        match async_tungstenite::tungstenite::client::client_with_config(
            request,
            stream,
            Some(config),
        ) {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(HandshakeError::Failure(error)) => Err(error),
            Err(HandshakeError::Interrupted(_)) => Err(Error::Io(ErrorKind::TimedOut.into())),
        }
    }

    pub(crate) fn say(&mut self, text: &str) {
        self.0.send(Message::text(text)).expect("sent");
    }

    /// The next message; answers pings meanwhile.
    pub(crate) fn receive(&mut self) -> Message {
        loop {
            match self.0.read().expect("a message") {
                Message::Ping(_) => self.0.flush().expect("ponged"),
                message @ (Message::Text(_)
                | Message::Binary(_)
                | Message::Pong(_)
                | Message::Close(_)
                | Message::Frame(_)) => return message,
            }
        }
    }

    /// The code and the reason of the proxy's close frame.
    pub(crate) fn reason(&mut self) -> (u16, String) {
        loop {
            match self.0.read() {
                Ok(Message::Close(Some(CloseFrame { code, reason }))) => {
                    let close = (code.into(), reason.to_string());
                    // The proxy answers our close frame by closing TLS and TCP.
                    while self.0.read().is_ok() {}
                    return close;
                }
                Ok(_) => {}
                Err(error) => panic!("no close frame: {error}"),
            }
        }
    }

    fn patience(&self, timeout: Duration) {
        let stream = &self.0.get_ref().sock;
        stream.set_read_timeout(Some(timeout)).expect("set");
        stream.set_write_timeout(Some(timeout)).expect("set");
    }

    fn is_quiet(&mut self) {
        self.patience(Duration::from_millis(50));
        match self.0.read() {
            Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => {}
            other => panic!("not quiet: {other:?}"),
        }
        self.patience(LONG);
    }
}

#[test]
fn two_peers_are_introduced_and_get_messages_byte_for_byte() {
    let mut site = Site::new();
    let (mut manager, mut gateway) = site.pair("gw/7B2A/%2e?x=1");
    let long: String = "ä\u{0}\"\\€".repeat(20_000);
    let binary: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    for message in [
        Message::text("not even JSON"),
        Message::text(""),
        Message::text(long),
        Message::binary(binary),
        Message::binary(Vec::new()),
        Message::text("x".repeat(1 << 20)),
    ] {
        manager.0.send(message.clone()).expect("sent");
        assert!(gateway.receive() == message);
        gateway.0.send(message.clone()).expect("sent");
        assert!(manager.receive() == message);
    }
    let status = site.meetup("gw/7B2A/%2e?x=1").expect("a meetup");
    let sums: Vec<_> = status
        .peers
        .iter()
        .map(|peer| (peer.status.stage, peer.status.received.messages, peer.sent.messages))
        .collect();
    assert_eq!(sums, [(Stage::Paired, 7, 7), (Stage::Paired, 7, 7)]);
    assert_eq!(status.peers.first().expect("a peer").identity.organisations, ["Anybody"]);
    assert_eq!(site.journal.metrics.total(Counter::Relayed), 12);
    let took = site.stop();
    assert_eq!(manager.reason(), (1001, "the proxy is stopping".into()));
    assert!(took < Duration::from_secs(4), "{took:?}");
}

#[test]
fn what_follows_a_hello_at_once_is_relayed_in_order() {
    let site = Site::new();
    let mut manager = site.join("m", MANAGER);
    let mut gateway = site.connect("m");
    gateway.0.write(Message::text(GATEWAY)).expect("written");
    for number in 0..500 {
        gateway.0.write(Message::text(number.to_string())).expect("written");
    }
    gateway.0.flush().expect("flushed");
    assert_eq!(manager.receive(), Message::text(GATEWAY));
    for number in 0..500 {
        assert_eq!(manager.receive(), Message::text(number.to_string()));
    }
    assert_eq!(gateway.receive(), Message::text(MANAGER));
}

#[test]
fn fragments_are_joined_and_pings_are_not_relayed() {
    let site = Site::new();
    let (mut manager, mut gateway) = site.pair("m");
    let part = |text: &'static str, opcode, is_last| {
        Message::Frame(Frame::message(text, OpCode::Data(opcode), is_last))
    };
    manager.0.send(part("ha", Data::Text, false)).expect("sent");
    manager.0.send(Message::Ping("?".into())).expect("sent");
    manager.0.send(part("l", Data::Continue, false)).expect("sent");
    manager.0.send(part("lo", Data::Continue, true)).expect("sent");
    assert_eq!(gateway.receive(), Message::text("hallo"));
    assert_eq!(manager.receive(), Message::Pong("?".into()));
    gateway.is_quiet();
}

#[test]
fn pings_are_answered_before_there_is_a_partner() {
    let site = Site::new();
    let mut gateway = site.connect("m");
    for round in ["before hello", "", "after it"] {
        let began = Instant::now();
        if round.is_empty() {
            gateway.say(GATEWAY);
        } else {
            gateway.0.send(Message::Ping(round.into())).expect("sent");
            assert_eq!(gateway.receive(), Message::Pong(round.into()));
        }
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    }
}

#[test]
fn a_peer_that_sends_pings_and_reads_no_pongs_is_closed() {
    let second = Duration::from_secs(1);
    let site = Site::with(|settings| {
        settings.meetup.pings = Timing { interval: second, timeout: second };
    });
    let (mut manager, mut gateway) = site.pair("m");
    let reading = thread::spawn(move || gateway.receive());
    manager.patience(Duration::from_millis(300));
    let mut sent = 0;
    while manager.0.write(Message::Ping("x".repeat(125).into())).is_ok() {
        sent += 1;
        assert!(sent < 1_000_000, "nobody holds it back");
    }
    site.until("m", &[Stage::Waiting]);
    let _manager = site.join("m", MANAGER);
    assert_eq!(reading.join().expect("heard"), MANAGER.into());
}

#[test]
fn a_third_peer_is_told_that_there_are_two() {
    let site = Site::new();
    let (mut manager, mut gateway) = site.pair("m");
    let reason = (1008, "two other peers are connected to this meetup".to_owned());
    assert_eq!(site.join("m", GATEWAY).reason(), reason);
    manager.say("still here");
    assert_eq!(gateway.receive(), Message::text("still here"));
}

#[test]
fn a_peer_that_comes_again_takes_the_place_of_its_dead_connection() {
    let site = Site::new();
    let member = site.member("Gateway");
    // A gateway draws a new id at each start.
    let [hello, new] = ["1", "2"].map(|id| GATEWAY.replace('ü', id));
    let join = |hello: &str| {
        let mut gateway = site.upgrade(&member, "m").expect("upgraded");
        gateway.say(hello);
        gateway
    };
    let mut manager = site.join("m", MANAGER);
    // Nobody reads this connection, so it answers no ping.
    let mut dead = join(&hello);
    assert_eq!(manager.receive(), hello.as_str().into());
    let mut gateway = join(&new);
    assert_eq!((gateway.receive(), manager.receive()), (MANAGER.into(), new.as_str().into()));
    let replaced = "a newer connection of the same peer took this place";
    assert_eq!(dead.reason(), (1000, replaced.to_owned()));
    // This one answers pings.
    let reading = thread::spawn(move || gateway.receive());
    let began = Instant::now();
    assert_eq!(join(&hello).reason().0, 1008);
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    manager.say("still here");
    assert_eq!(reading.join().expect("heard"), "still here".into());
}

#[test]
fn a_survivor_is_answered_for_its_partner_and_introduced_again() {
    let site = Site::new();
    let mut manager = site.join("m", MANAGER);
    let status = |message: Message| {
        let value: serde_json::Value =
            serde_json::from_str(message.to_text().expect("text")).expect("JSON");
        let message = value.get("message").expect("a message");
        assert_eq!(message.get("inResponseTo"), Some(&7.into()));
        message.get("statusCode").and_then(serde_json::Value::as_u64)
    };
    manager.say(REQUEST);
    assert_eq!(status(manager.receive()), Some(503));
    let mut gateway = site.join("m", GATEWAY);
    assert_eq!((gateway.receive(), manager.receive()), (MANAGER.into(), GATEWAY.into()));
    manager.say(REQUEST);
    assert_eq!(gateway.receive(), REQUEST.into());
    // TCP is closed without a close frame.
    gateway.0.get_ref().sock.shutdown(Shutdown::Both).expect("shut");
    assert_eq!(status(manager.receive()), Some(502));
    site.until("m", &[Stage::Waiting]);
    let mut gateway = site.join("m", GATEWAY);
    assert_eq!((gateway.receive(), manager.receive()), (MANAGER.into(), GATEWAY.into()));
    // A close frame is answered with the same code.
    gateway.0.close(Some(CloseFrame { code: 4711.into(), reason: "bye".into() })).expect("sent");
    assert_eq!(gateway.reason(), (4711, "bye".to_owned()));
    site.until("m", &[Stage::Waiting]);
    drop((manager, gateway));
    wait(|| site.relay.totals() == Totals::default());
    let metrics = &site.journal.metrics;
    assert_eq!((metrics.total(Counter::Pairs), metrics.total(Counter::PeersClosed)), (2, 3));
    assert_eq!(metrics.total(Counter::AnsweredForPeers), 2);
}

#[test]
fn a_fault_closes_only_the_connection_that_made_it() {
    let site = Site::new();
    let (mut manager, mut gateway) = site.pair("m");
    let text =
        |bytes: Vec<u8>| Message::Frame(Frame::message(bytes, OpCode::Data(Data::Text), true));
    let mut reserved = Frame::message("x", OpCode::Data(Data::Text), true);
    reserved.header_mut().rsv1 = true;
    let max = ProxyLimits::default().message_max;
    for (fault, code, reason) in [
        (text(vec![0xff]), 1007, "a text message is not UTF-8"),
        (Message::Frame(reserved), 1002, "a frame breaks RFC 6455"),
        (Message::binary(vec![0; max + 1]), 1009, "a message has more than 1048576 bytes"),
    ] {
        manager.0.send(fault).expect("sent");
        assert_eq!(manager.reason(), (code, reason.to_owned()));
        manager = site.join("m", MANAGER);
        assert_eq!((gateway.receive(), manager.receive()), (MANAGER.into(), GATEWAY.into()));
    }
    let half = vec![0; max / 2 + 1];
    let part = |opcode, is_last| {
        Message::Frame(Frame::message(half.clone(), OpCode::Data(opcode), is_last))
    };
    manager.0.send(part(Data::Binary, false)).expect("sent");
    manager.0.send(part(Data::Continue, true)).expect("sent");
    assert_eq!(manager.reason().0, 1009);
}

#[test]
fn a_peer_without_a_hello_is_closed() {
    let brief = Duration::from_millis(300);
    let site = Site::with(|settings| settings.meetup.hello_timeout = brief);
    let mut mute = site.connect("m");
    assert_eq!(mute.reason(), (1008, "no CONN:HELLO within 300ms".to_owned()));
    let mut rude = site.join("m", REQUEST);
    let (code, reason) = rude.reason();
    assert_eq!(code, 1008);
    assert!(reason.starts_with("no CONN:HELLO: "), "{reason}");
}

#[test]
fn a_peer_without_a_pong_is_closed_and_any_message_counts_as_one() {
    let brief = Duration::from_millis(200);
    let site = Site::with(|settings| {
        settings.meetup.pings = Timing { interval: brief, timeout: brief };
    });
    // Nobody reads it, so pings are not answered.
    let mut dead = site.join("dead", MANAGER);
    let (mut manager, mut gateway) = site.pair("live");
    let began = Instant::now();
    while began.elapsed() < 6 * brief {
        manager.say("x");
        assert_eq!(gateway.receive(), "x".into());
        // The manager never reads, but the messages that it sends prove that it is alive.
        thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(dead.reason(), (1011, "no answer to a ping within 200ms".to_owned()));
}

#[test]
fn a_slow_reader_holds_its_partner_back() {
    let site = Site::new();
    let (mut manager, mut gateway) = site.pair("m");
    let payload = vec![7; 64 << 10];
    // A blocked write would also wait for something to read.
    manager.patience(Duration::from_millis(300));
    let mut sent = 0;
    // Until the buffers of both sockets and of the proxy are full.
    while manager.0.send(Message::binary(payload.clone())).is_ok() {
        sent += 1;
        assert!(sent < 2_000, "nobody holds it back");
    }
    manager.patience(LONG);
    let status = site.meetup("m").expect("a meetup");
    let passed = status.peers.iter().map(|peer| peer.sent.bytes).max().expect("peers");
    let reading = thread::spawn(move || {
        for _ in 0..=sent {
            assert!(gateway.receive().len() == 64 << 10);
        }
    });
    // The message that was cut short is completed.
    manager.0.flush().expect("it reads again");
    reading.join().expect("all came");
    assert!(passed <= (sent + 1) * payload.len() as u64, "{passed} {sent}");
}

/// The identity has 32 MiB, and each half of a message takes 1 MiB.
#[test]
fn who_holds_its_share_of_memory_waits_and_others_do_not() {
    let site = Site::with(|settings| settings.meetup.pings.timeout = LONG);
    let greedy = site.member("Greedy");
    let mut waiting = site.upgrade(&greedy, "waiting").expect("upgraded");
    waiting.say(MANAGER);
    let mut partner = site.join("waiting", GATEWAY);
    assert_eq!(partner.receive(), Message::text(MANAGER));
    let (mut manager, mut gateway) = site.pair("others");
    let mut halves: Vec<Peer> = (0..32)
        .map(|number| {
            let mut peer = site.upgrade(&greedy, &format!("half/{number}")).expect("upgraded");
            peer.say(MANAGER);
            site.until(&format!("half/{number}"), &[Stage::Waiting]);
            let head = [&[0x82, 0xff][..], &(1_u64 << 20).to_be_bytes(), &[0; 5]].concat();
            peer.0.get_mut().write_all(&head).expect("sent");
            peer
        })
        .collect();
    thread::sleep(Duration::from_millis(200));
    waiting.say("x");
    thread::sleep(Duration::from_millis(500));
    partner.is_quiet();
    manager.say("y");
    assert_eq!(gateway.receive(), "y".into());
    halves.pop();
    assert_eq!(partner.receive(), "x".into());
}

#[test]
fn what_is_no_peer_is_answered_in_http() {
    let site = Site::with(|settings| {
        settings.allow = vec![Rule {
            meetup: "open/*".to_owned(),
            subjects: vec![Subject::parse("O=Anybody").expect("a subject")],
        }];
    });
    let head = |target: &str, fields: &str| {
        format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n")
    };
    let answer = site.ask(&head("/elsewhere", ""));
    assert!(answer.starts_with("HTTP/1.1 404 Not Found\r\n"), "{answer}");
    assert!(answer.ends_with("begins with /micronets/v1/ws-proxy/\n"), "{answer}");
    let answer = site.ask(&head(&format!("{PREFIX}open/1"), ""));
    assert!(answer.starts_with("HTTP/1.1 426 Upgrade Required\r\n"), "{answer}");
    assert!(site.ask("\r\n\r\nnonsense\r\n\r\n").starts_with("HTTP/1.1 400 "));
    assert!(matches!(site.upgrade(&site.member("Anybody"), "shut"), Err(Error::Http(refusal))
        if refusal.status() == 403));
    assert!(matches!(site.upgrade(&site.member("Somebody"), "open/1"), Err(Error::Http(refusal))
        if refusal.status() == 403));
    assert!(site.upgrade(&site.member("Anybody"), "open/1").is_ok());
    assert_eq!(site.journal.metrics.total(Counter::PeersRefused), 5);
}

#[test]
fn a_late_request_is_told_so() {
    let brief = Duration::from_millis(100);
    let site = Site::with(|settings| settings.limits.listener.head_timeout = brief);
    let answer = site.ask("GET /mi");
    assert!(answer.starts_with("HTTP/1.1 408 Request Timeout\r\n"), "{answer}");
}

#[test]
fn too_many_are_told_to_come_again() {
    let site = Site::with(|settings| settings.limits.listener.connections_per_address_max = 2);
    let (mut manager, _gateway) = site.pair("m");
    let third = site.upgrade(&site.member("Anybody"), "other");
    let Err(Error::Http(refusal)) = third else { panic!("it was let in") };
    assert_eq!(refusal.status(), 503);
    assert!(refusal.headers().contains_key("retry-after"));
    manager.0.close(None).expect("sent");
    while manager.0.read().is_ok() {}
    wait(|| site.upgrade(&site.member("Anybody"), "other").is_ok());
}

/// A PROXY header of version 2 for a TCP connection from 192.0.2.`last`, port 4711.
fn proxy_header(last: u8) -> Vec<u8> {
    let addresses = [192, 0, 2, last, 127, 0, 0, 1, 0x12, 0x67, 0x13, 0xba];
    [&b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c"[..], &addresses].concat()
}

#[test]
fn behind_a_load_balancer_each_connection_is_that_of_its_header() {
    let site = Site::with(|settings| {
        settings.proxy_protocol = true;
        settings.limits.listener.connections_per_address_max = 1;
    });
    let upgrade = |header: &[u8], meetup: &str| {
        let member = site.member("Anybody");
        let mut stream = site.tls_of(&TLS13, Some(&member)).expect("connected");
        stream.sock.write_all(header).expect("written");
        let url = format!("wss://localhost:{}{PREFIX}{meetup}", site.address.port());
        let upgraded = async_tungstenite::tungstenite::client(url, stream);
        upgraded.map(|(socket, _)| socket).map_err(|error| error.to_string())
    };
    let first = upgrade(&proxy_header(1), "m").expect("upgraded");
    site.until("m", &[Stage::Greeting]);
    let peers = site.meetup("m").map(|meetup| meetup.peers).unwrap_or_default();
    let addresses: Vec<_> = peers.iter().map(|peer| peer.address.to_string()).collect();
    assert_eq!(addresses, ["192.0.2.1:4711"]);
    // The limit of one address is that of the client, not of the balancer.
    let error = upgrade(&proxy_header(1), "m").err();
    assert!(error.is_some_and(|error| error.contains("503")));
    let second = upgrade(&proxy_header(2), "m").expect("upgraded");
    // The balancer's own look, and what is no header at all.
    assert!(upgrade(b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", "other").is_ok());
    let refused = site.journal.metrics.total(Counter::Connections);
    assert!(upgrade(b"", "m").is_err());
    wait(|| site.journal.metrics.total(Counter::Connections) > refused);
    drop((first, second));
}

#[test]
fn certificates_are_asked_for_and_checked() {
    let site = Site::new();
    let (member, stranger) = (site.member("Anybody"), Authority::new().member("Anybody", 1));
    let revoked = site.authority.member("Anybody", 99);
    let request = "GET / HTTP/1.1\r\n\r\n";
    for version in [&TLS12, &TLS13] {
        let ask = |member| answer(site.tls_of(version, member).expect("connected"), request);
        assert!(ask(Some(&member)).expect("let in").starts_with("HTTP/1.1 404 "));
        // The stranger's authority has the same name as ours, and another key.
        for (member, alert) in
            [(None, "alert"), (Some(&stranger), "DecryptError"), (Some(&revoked), "Revoked")]
        {
            let error = ask(member).expect_err("refused").to_string();
            assert!(error.contains(alert), "{error}");
        }
    }
    wait(|| site.journal.metrics.total(Counter::Connections) == 6);
}

#[test]
fn handshakes_beyond_the_rate_wait() {
    let site = Site::with(|settings| settings.limits.listener.handshakes_per_second_max = 10);
    let began = Instant::now();
    let peers: Vec<_> = (0..25).map(|number| site.connect(&number.to_string())).collect();
    // Ten at once, and one more every 100 ms.
    assert!(began.elapsed() > Duration::from_millis(1_300), "{:?}", began.elapsed());
    assert_eq!(peers.len(), 25);
}

#[test]
fn another_policy_holds_for_peers_that_are_there() {
    let mut site = Site::new();
    let (mut manager, mut gateway) = site.pair("m");
    site.settings.meetup.on_partner_loss = OnPartnerLoss::Close;
    site.settings.limits.message_max = 10;
    site.relay.configure(&site.settings, site.trust());
    wait(|| site.meetup("m").is_some());
    manager.say("0123456789");
    assert_eq!(gateway.receive(), "0123456789".into());
    manager.say("0123456789a");
    assert_eq!(manager.reason(), (1009, "a message has more than 10 bytes".to_owned()));
    assert_eq!(gateway.reason(), (1001, "the partner has left".to_owned()));
}

#[test]
fn peers_that_new_rules_do_not_allow_are_closed_within_a_second() {
    let mut site = Site::new();
    let (mut manager, mut gateway) = site.pair("m");
    site.settings.allow = vec![Rule {
        meetup: "other".to_owned(),
        subjects: vec![Subject::parse("O=Anybody").expect("a subject")],
    }];
    let began = Instant::now();
    site.relay.configure(&site.settings, site.trust());
    let barred = (1008, "this certificate may no longer join this meetup".to_owned());
    assert_eq!(manager.reason(), barred);
    assert_eq!(gateway.reason(), barred);
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
}

#[test]
fn a_peer_whose_certificate_is_revoked_is_closed_within_a_second() {
    let site = Site::new();
    let mut gone = site.upgrade(&site.authority.member("Gone", 5), "m").expect("upgraded");
    gone.say(GATEWAY);
    let mut kept = site.join("m", MANAGER);
    assert_eq!((gone.receive(), kept.receive()), (MANAGER.into(), GATEWAY.into()));
    site.put("crl.pem", "nothing");
    let error = site.reports.recv_blocking().expect("a report").expect_err("nothing");
    assert!(error.to_string().contains("no list of revoked certificates in it"), "{error}");
    site.put("crl.pem", &site.authority.revoke(&[5, 99]));
    let began = Instant::now();
    assert_eq!(gone.reason().0, 1008);
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    site.until("m", &[Stage::Waiting]);
    kept.say("still here");
    // With another authority, peers of the first are refused and their connections closed.
    let other = Authority::new();
    site.put("root.pem", &other.cert());
    assert_eq!(kept.reason().0, 1008);
    assert!(site.upgrade(&site.member("Anybody"), "m").is_err());
}

#[test]
fn a_stop_does_not_wait_for_peers_that_do_not_answer() {
    let mut site = Site::new();
    let _deaf = site.pair("m");
    let _silent = TcpStream::connect(site.address).expect("connected");
    let took = site.stop();
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert_eq!(site.relay.totals(), Totals::default());
}
