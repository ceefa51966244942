//! The websocket proxy over real TLS on loopback.

use std::{
    fs,
    io::{self, ErrorKind, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use async_tungstenite::tungstenite::{
    Error, Message, WebSocket,
    client::IntoClientRequest,
    handshake::HandshakeError,
    protocol::{CloseFrame, WebSocketConfig},
};
use mistgate_core::{
    config::checked::{Proxy, ProxyLimits, Tls},
    micronets::{
        access::{Rule, Subject},
        meetup::{input::Config as Meetup, status::Stage},
    },
};
use mistgate_runtime::{
    clock::Clock,
    journal::{Format, Journal, Level},
    listen,
    metrics::Counter,
    relay::{MeetupStatus, Relay},
};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use smol::{Async, Executor, channel};
use tempfile::TempDir;

use crate::pki::{Authority, Leaf};

const PREFIX: &str = "/micronets/v1/ws-proxy/";
/// Longer than anything here takes on a busy machine.
const LONG: Duration = Duration::from_secs(20);
const MANAGER: &str = r#"{"message": {"messageId": 0, "messageType": "CONN:HELLO", "peerClass": "manager", "peerId": "1", "requiresResponse": false}}"#;
const GATEWAY: &str = r#"{"message":{"requiresResponse":false,"messageId":4,"messageType":"CONN:HELLO","peerClass":"gateway","peerId":"ü"}}"#;
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
    stop: Option<channel::Sender<std::convert::Infallible>>,
    threads: Vec<thread::JoinHandle<()>>,
    alive: Option<channel::Sender<()>>,
    stopped: channel::Receiver<()>,
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
            path_prefix: PREFIX.to_owned(),
            tls: Tls { cert: own.clone(), key: own },
            client_ca: put("root.pem", &authority.cert()),
            crl: vec![put("crl.pem", &authority.revoke(&[99]))],
            allow: Vec::new(),
            meetup: Meetup::default(),
            limits: ProxyLimits::default(),
        };
        change(&mut settings);
        let executor = Arc::new(Executor::new());
        let journal = Arc::new(Journal::new(Format::Text, Level::Error));
        let clock = Clock::start();
        let relay = Relay::new(&settings, Arc::clone(&journal), Arc::clone(&executor), clock);
        let relay = relay.expect("the files are fit");
        let socket = TcpListener::bind(settings.listen).expect("a port");
        let address = socket.local_addr().expect("an address");
        let (stop, until) = listen::stop();
        let (alive, end) = channel::bounded::<()>(1);
        let (tell, stopped) = channel::bounded::<()>(1);
        let threads = (0..2).map(|_| {
            let (executor, end) = (Arc::clone(&executor), end.clone());
            thread::spawn(move || drop(smol::block_on(executor.run(end.recv()))))
        });
        let threads = threads.collect();
        let running = Arc::clone(&relay).run(Async::new(socket).expect("a socket"), until);
        let running = async move {
            running.await;
            drop(tell);
        };
        executor.spawn(running).detach();
        executor.spawn(Arc::clone(&relay).watch(|_| {})).detach();
        let (stop, alive) = (Some(stop), Some(alive));
        Self { authority, files, settings, relay, journal, address, stop, threads, alive, stopped }
    }

    /// A connection with the certificate of `member`, after the TLS handshake, or its error.
    fn tls(&self, member: &Leaf) -> io::Result<StreamOwned<ClientConnection, TcpStream>> {
        let mut roots = RootCertStore::empty();
        let root = CertificateDer::from_pem_slice(self.authority.cert().as_bytes());
        roots.add(root.expect("PEM")).expect("a root");
        let cert = CertificateDer::from_pem_slice(member.cert.as_bytes()).expect("PEM");
        let key = PrivateKeyDer::from_pem_slice(member.key.as_bytes()).expect("PEM");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_client_auth_cert(vec![cert], key)
            .expect("a pair");
        let name = "localhost".try_into().expect("a name");
        let session = ClientConnection::new(Arc::new(config), name).expect("a session");
        let stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(LONG))?;
        stream.set_write_timeout(Some(LONG))?;
        stream.set_nodelay(true)?;
        Ok(StreamOwned::new(session, stream))
    }

    fn member(&self, organisation: &str) -> Leaf {
        self.authority.member(organisation, 1)
    }

    fn upgrade(&self, member: &Leaf, meetup: &str) -> Result<Peer, Error> {
        let url = format!("wss://localhost:{}{PREFIX}{meetup}", self.address.port());
        let request = url.into_client_request().expect("a request");
        let config = WebSocketConfig::default().max_message_size(None).max_frame_size(None);
        let stream = self.tls(member).map_err(Error::Io)?;
        match async_tungstenite::tungstenite::client::client_with_config(
            request,
            stream,
            Some(config),
        ) {
            Ok((socket, _)) => Ok(Peer(socket)),
            Err(HandshakeError::Failure(error)) => Err(error),
            Err(HandshakeError::Interrupted(_)) => Err(Error::Io(ErrorKind::TimedOut.into())),
        }
    }

    fn connect(&self, meetup: &str) -> Peer {
        self.upgrade(&self.member("Anybody"), meetup).expect("upgraded")
    }

    /// A peer that has said this hello.
    fn join(&self, meetup: &str, hello: &str) -> Peer {
        let mut peer = self.connect(meetup);
        peer.say(hello);
        peer
    }

    /// A manager and a gateway that were introduced.
    fn pair(&self, meetup: &str) -> (Peer, Peer) {
        let mut manager = self.join(meetup, MANAGER);
        let mut gateway = self.join(meetup, GATEWAY);
        assert_eq!(gateway.hear(), Message::text(MANAGER));
        assert_eq!(manager.hear(), Message::text(GATEWAY));
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
            peers.iter().map(|peer| peer.stage).eq(stages.iter().copied())
        });
    }

    /// Writes a plain request, and gives the whole answer.
    fn ask(&self, request: &str) -> String {
        let mut stream = self.tls(&self.member("Anybody")).expect("TLS");
        stream.write_all(request.as_bytes()).expect("written");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("closed properly");
        String::from_utf8(answer).expect("text")
    }

    fn put(&self, name: &str, text: &str) {
        // In one step, as a careful administrator does it.
        let fresh = self.files.path().join("fresh");
        fs::write(&fresh, text).expect("written");
        fs::rename(fresh, self.files.path().join(name)).expect("exchanged");
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

fn wait(condition: impl Fn() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < LONG, "it never came to that");
        thread::sleep(Duration::from_millis(5));
    }
}

/// A client of the proxy.
struct Peer(Socket);

impl Peer {
    fn say(&mut self, text: &str) {
        self.0.send(Message::text(text)).expect("sent");
    }

    /// The next message; pings are answered meanwhile.
    fn hear(&mut self) -> Message {
        loop {
            match self.0.read().expect("a message") {
                Message::Ping(_) => self.0.flush().expect("ponged"),
                message => return message,
            }
        }
    }

    /// The code and reason that it is closed with.
    fn farewell(&mut self) -> (u16, String) {
        loop {
            match self.0.read() {
                Ok(Message::Close(Some(CloseFrame { code, reason }))) => {
                    let told = (code.into(), reason.to_string());
                    // The proxy answers ours by closing TLS and TCP.
                    while self.0.read().is_ok() {}
                    return told;
                }
                Ok(_) => {}
                Err(error) => panic!("no close frame: {error}"),
            }
        }
    }

    fn is_quiet(&mut self) {
        let stream = &self.0.get_ref().sock;
        stream.set_read_timeout(Some(Duration::from_millis(50))).expect("set");
        match self.0.read() {
            Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => {}
            other => panic!("not quiet: {other:?}"),
        }
        self.0.get_ref().sock.set_read_timeout(Some(LONG)).expect("set");
    }
}

#[test]
fn two_peers_are_introduced_and_hear_each_other_byte_for_byte() {
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
        assert!(gateway.hear() == message);
        gateway.0.send(message.clone()).expect("sent");
        assert!(manager.hear() == message);
    }
    let status = site.meetup("gw/7B2A/%2e?x=1").expect("a meetup");
    let sums: Vec<_> = status
        .peers
        .iter()
        .map(|peer| (peer.stage, peer.received_messages, peer.sent_messages))
        .collect();
    assert_eq!(sums, [(Stage::Paired, 7, 7), (Stage::Paired, 7, 7)]);
    assert_eq!(status.peers.first().expect("a peer").organisations, ["Anybody"]);
    assert_eq!(site.journal.metrics.total(Counter::Relayed), 12);
    let took = site.stop();
    assert_eq!(manager.farewell(), (1001, "the proxy is stopping".into()));
    assert!(took < Duration::from_secs(4), "{took:?}");
}
