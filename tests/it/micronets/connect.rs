//! `mistgate connect` as a process. The test plays the proxy and the partner behind it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;
use std::{fs, thread};

use async_tungstenite::tungstenite;
use async_tungstenite::tungstenite::handshake::server::{
    Callback, ErrorResponse, Request, Response,
};
use async_tungstenite::tungstenite::protocol::CloseFrame;
use async_tungstenite::tungstenite::{Message, WebSocket};
use mistgate_tests::base::http;
use mistgate_tests::webhook::mist::{connect, request, send};
use rustix::process::Signal;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::version::{TLS12, TLS13};
use rustls::{
    RootCertStore, ServerConfig, ServerConnection, StreamOwned, SupportedProtocolVersion,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::base::binary::{Mistgate, command, output, text};

const LONG: Duration = Duration::from_secs(30);
const MEETUP: &str = "/micronets/v1/ws-proxy/gw/7B2A?x=%2F";
/// A secret that must never be logged.
const PSK: &str = "psk-0a1b2c3d4e5f";

/// A folder with certificates made by `mistgate cert`: a root, a proxy whose certificate has no
/// name, as the original's, a proxy with a name, a client, and a second root.
pub(crate) struct Certificates(TempDir);

impl Certificates {
    pub(crate) fn new() -> Self {
        let place = Self(tempfile::tempdir().expect("a folder"));
        for root in ["root", "other"] {
            place.make(&format!("root --cert-basename {root} --subject-org-name {root}"));
        }
        for (leaf, more) in [
            ("proxy", ""),
            ("named", "--server --san localhost --san 127.0.0.1"),
            ("client", "--client"),
            ("gateway", "--client"),
        ] {
            place.make(&format!(
                "leaf --cert-basename {leaf} --subject-org-name {leaf} --ca-certfile \
                 root.cert.pem --ca-keyfile root.key.pem {more}"
            ));
        }
        place
    }

    fn make(&self, args: &str) {
        let args: Vec<&str> = ["cert"].into_iter().chain(args.split_whitespace()).collect();
        let made = output(self.path(), &args);
        assert!(made.status.success(), "{}", text(&made.stderr));
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    fn pem(&self, name: &str) -> Vec<u8> {
        fs::read(self.path().join(name)).expect(name)
    }

    /// The command `mistgate connect`, with a certificate and JSON log lines.
    pub(crate) fn connect(&self, url: &str, args: &[&str]) -> Command {
        let fixed = [
            "connect",
            "--client-cert",
            "client.pkeycert.pem",
            "--ca-cert",
            "root.cert.pem",
            "--log-format",
            "json",
            "--log-level",
            "debug",
        ];
        command(self.path(), &[&fixed, args, &[url]].concat())
    }
}

/// The proxy's listener, which the test controls.
struct Proxy {
    listener: TcpListener,
    config: Arc<ServerConfig>,
}

impl Proxy {
    fn open(certificates: &Certificates, leaf: &str) -> Self {
        Self::with_versions(certificates, leaf, &[&TLS12, &TLS13])
    }

    fn with_versions(
        certificates: &Certificates,
        leaf: &str,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        let root = CertificateDer::from_pem_slice(&certificates.pem("root.cert.pem"));
        roots.add(root.expect("a certificate")).expect("a root");
        let verifier =
            WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(&provider));
        let pem = certificates.pem(&format!("{leaf}.pkeycert.pem"));
        let chain = CertificateDer::pem_slice_iter(&pem).collect::<Result<_, _>>();
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .expect("versions")
            .with_client_cert_verifier(verifier.build().expect("a verifier"))
            .with_single_cert(
                chain.expect("a chain"),
                PrivateKeyDer::from_pem_slice(&pem).expect("a key"),
            )
            .expect("a configuration");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        Self { listener, config: Arc::new(config) }
    }

    fn address(&self) -> SocketAddr {
        self.listener.local_addr().expect("an address")
    }

    fn url(&self) -> String {
        format!("wss://{}{MEETUP}", self.address())
    }

    /// Accepts the next connection. The error is that of its handshake.
    fn accept(&self) -> Result<Partner, String> {
        let (stream, _) = self.listener.accept().expect("a connection");
        stream.set_read_timeout(Some(LONG)).expect("a timeout");
        let tls = ServerConnection::new(Arc::clone(&self.config)).expect("a session");
        let mut target = String::new();
        let look = Look(&mut target);
        let ws = tungstenite::accept_hdr(StreamOwned::new(tls, stream), look);
        let ws = ws.map_err(|error| error.to_string())?;
        assert_eq!(target, MEETUP);
        Ok(Partner { ws })
    }

    /// Accepts the next connection, reads its hello and answers with the partner's.
    fn meet(&self) -> Partner {
        let mut partner = self.accept().expect("an upgrade");
        let hello = partner.read();
        assert_eq!(member(&hello, "messageType"), "CONN:HELLO");
        assert_eq!(
            (member(&hello, "messageId"), member(&hello, "requiresResponse")),
            (&json!(0), &json!(false))
        );
        partner.hello();
        partner
    }
}

/// Records the target of an upgrade.
struct Look<'t>(&'t mut String);

impl Callback for Look<'_> {
    fn on_request(self, request: &Request, response: Response) -> Result<Response, ErrorResponse> {
        *self.0 = request.uri().to_string();
        Ok(response)
    }
}

/// The test's end of a connection: proxy and partner in one.
struct Partner {
    ws: WebSocket<StreamOwned<ServerConnection, TcpStream>>,
}

impl Partner {
    /// Reads the next message.
    fn read(&mut self) -> Value {
        loop {
            match self.ws.read().expect("a message") {
                Message::Text(text) => return serde_json::from_str(&text).expect("JSON"),
                Message::Ping(_) | Message::Pong(_) => {}
                other @ (Message::Binary(_) | Message::Close(_) | Message::Frame(_)) => {
                    panic!("{other:?}")
                }
            }
        }
    }

    /// Reads a close frame: its code and reason.
    fn closed(&mut self) -> (u16, String) {
        loop {
            match self.ws.read().expect("a close frame") {
                Message::Close(Some(CloseFrame { code, reason })) => {
                    return (code.into(), reason.to_string());
                }
                Message::Ping(_) | Message::Pong(_) => {}
                other @ (Message::Binary(_)
                | Message::Close(_)
                | Message::Frame(_)
                | Message::Text(_)) => panic!("{other:?}"),
            }
        }
    }

    fn send(&mut self, message: &Value) {
        self.ws.send(Message::text(json!({ "message": message }).to_string())).expect("a peer");
    }

    fn hello(&mut self) {
        self.send(&json!({"messageId": 4, "messageType": "CONN:HELLO", "requiresResponse": false,
            "peerClass": "micronets-gateway-service", "peerId": "gw service 1"}));
    }

    /// Answers a request.
    fn answer(&mut self, to: &Value, status: u16, more: &Value) {
        let mut message = json!({"messageId": 1, "messageType": "REST:RESPONSE",
            "requiresResponse": false, "inResponseTo": member(to, "messageId"),
            "statusCode": status, "reasonPhrase": null});
        let more = more.as_object().expect("an object").clone();
        message.as_object_mut().expect("an object").extend(more);
        self.send(&message);
    }
}

fn member<'m>(message: &'m Value, name: &str) -> &'m Value {
    message.pointer(&format!("/message/{name}")).unwrap_or(&Value::Null)
}

/// Sends a request and reads its answer, on a thread of its own.
fn ask(to: SocketAddr, request: String) -> thread::JoinHandle<http::Message> {
    thread::spawn(move || send(to, &request).expect("an answer"))
}

fn get(path: &str) -> String {
    request("GET", path, &[], "")
}

#[test]
fn http_goes_out_and_the_matching_response_comes_back() {
    let certificates = Certificates::new();
    let proxy = Proxy::open(&certificates, "named");
    let mistgate = Mistgate::start(certificates.connect(
        &proxy.url(),
        &["--http-listen", "127.0.0.1:0", "--peer-class", "tester", "--peer-id", "7"],
    ));
    let mut partner = proxy.accept().expect("an upgrade");
    assert_eq!(
        partner.read(),
        json!({"message": {"messageId": 0, "messageType": "CONN:HELLO", "requiresResponse": false,
            "peerClass": "tester", "peerId": "7"}})
    );
    partner.hello();
    mistgate.line("partner", 1);
    let at = mistgate.address("http");

    // Two at once; the second is answered first.
    let headers = [("Accept", "a/b"), ("Accept", "c/d"), ("Content-Type", "application/json")];
    let body = format!("{{\"psk\": \"{PSK}\"}}");
    let post = ask(at, request("POST", "/subnets?medium=wifi", &headers, &body));
    let first = partner.read();
    let second = ask(at, get("/b"));
    let other = partner.read();
    assert_eq!(
        first,
        json!({"message": {"messageId": 1, "messageType": "REST:REQUEST",
            "requiresResponse": true, "method": "POST", "path": "/subnets",
            "queryStrings": [{"name": "medium", "value": "wifi"}],
            "headers": [{"name": "host", "value": "127.0.0.1"}, {"name": "accept", "value": "a/b"},
                {"name": "accept", "value": "c/d"}],
            "dataFormat": "application/json", "messageBody": {"psk": PSK}}})
    );
    assert_eq!((member(&other, "messageId"), member(&other, "path")), (&json!(2), &json!("/b")));
    partner.answer(&other, 404, &json!({}));
    let second = second.join().expect("an answer");
    assert_eq!((second.status(), second.body.as_str()), (404, ""));
    partner.answer(
        &first,
        201,
        &json!({"headers": [{"name": "Set-Cookie", "value": "a"}, {"name": "Set-Cookie", "val": "ö"}],
            "dataFormat": "application/json", "messageBody": {"ok": PSK}}),
    );
    let post = post.join().expect("an answer");
    assert_eq!(post.status(), 201);
    assert_eq!(post.body, format!("{{\"ok\":\"{PSK}\"}}"));
    let cookies: Vec<_> = post.headers.iter().filter(|(name, _)| name == "set-cookie").collect();
    assert_eq!(cookies.len(), 2, "{:?}", post.headers);
    assert_eq!(post.header("content-type"), Some("application/json"));

    // An answer to HEAD has no body, whatever the partner sends. Binary bodies are base64.
    let head = ask(at, request("HEAD", "/b", &[("Connection", "close")], ""));
    let message = partner.read();
    partner.answer(&message, 200, &json!({"dataFormat": "text/plain", "messageBody": "no"}));
    let head = head.join().expect("an answer");
    assert_eq!((head.status(), head.body.as_str(), head.header("content-length")), (200, "", None));
    let octets = [("Content-Type", "application/octet-stream"), ("Connection", "close")];
    let put = ask(at, request("PUT", "/c", &octets, "\u{80}"));
    let message = partner.read();
    assert_eq!(member(&message, "messageBody"), &json!("woA="));
    partner.answer(
        &message,
        200,
        &json!({"dataFormat": "application/octet-stream", "messageBody": "aGkgwoA="}),
    );
    assert_eq!(put.join().expect("an answer").body, "hi \u{80}");

    mistgate.signal(Signal::TERM);
    assert_eq!(partner.closed(), (1001, "the peer is stopping".to_owned()));
    let mut mistgate = mistgate;
    assert_eq!(mistgate.wait().code(), Some(0));
    assert_eq!(mistgate.journal("request").len(), 4);
    assert!(!mistgate.stderr().contains(PSK), "{}", mistgate.stderr());
    assert_eq!(mistgate.stdout(), "");
}

#[test]
fn no_request_waits_for_ever_and_a_lost_connection_is_reopened() {
    let certificates = Certificates::new();
    let proxy = Proxy::open(&certificates, "proxy");
    let mut mistgate = Mistgate::start(certificates.connect(
        &proxy.url(),
        &["--http-listen", "127.0.0.1:0", "--verify", "chain", "--request-timeout", "300ms"],
    ));
    let at = mistgate.address("http");
    let refused = |path: &str, status: u16, why: &str| {
        let answer = send(at, &get(path)).expect("an answer");
        assert_eq!(answer.status(), status, "{}", answer.body);
        let body: Value = serde_json::from_str(&answer.body).expect("JSON");
        assert_eq!(body, json!({"message": why, "status_code": status}));
    };
    // Nobody answers: first there is no proxy, then no partner.
    refused("/a", 503, "no connection to the proxy");
    let mut partner = proxy.accept().expect("an upgrade");
    partner.read();
    mistgate.line("connected", 1);
    refused("/a", 503, "connected to the proxy, but no partner has said hello yet");
    partner.hello();
    mistgate.line("partner", 1);
    refused("/late", 504, "no response within 300ms");
    // A late response has no receiver.
    let late = partner.read();
    partner.answer(&late, 200, &json!({}));
    mistgate.line("ignored", 1);
    // The partner reconnects, which changes nothing.
    partner.hello();
    mistgate.line("partner", 2);
    let asked = ask(at, get("/again"));
    let message = partner.read();
    partner.answer(&message, 204, &json!({}));
    assert_eq!(asked.join().expect("an answer").status(), 204);
    // The proxy dies while a request is in flight.
    let asked = ask(at, get("/cut"));
    partner.read();
    drop(partner);
    let cut = asked.join().expect("an answer");
    assert_eq!(cut.status(), 502, "{}", cut.body);
    let lost = mistgate.line("disconnected", 1);
    assert_eq!(lost.get("reason"), Some(&json!("the connection was lost without a close frame")));
    let mut partner = proxy.meet();
    mistgate.line("partner", 3);
    let asked = ask(at, get("/back"));
    let message = partner.read();
    partner.answer(&message, 200, &json!({}));
    assert_eq!(asked.join().expect("an answer").status(), 200);
    // A close reason is passed on. A message that is too long costs only its connection.
    partner
        .ws
        .close(Some(CloseFrame { code: 1008.into(), reason: "no place".into() }))
        .expect("a peer");
    let lost = mistgate.line("disconnected", 2);
    assert_eq!(lost.get("reason"), Some(&json!("the proxy closed it: no place (1008)")));
    let mut partner = proxy.meet();
    partner.ws.send(Message::text("x".repeat((1 << 20) + 1))).expect("a peer");
    assert_eq!(partner.closed().0, 1009);
    proxy.meet();
    mistgate.signal(Signal::INT);
    assert_eq!(mistgate.wait().code(), Some(0));
}

/// A local server whose answers depend on the path.
fn local_server() -> (SocketAddr, Arc<Mutex<Vec<http::Message>>>, mpsc::Sender<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let seen: Arc<Mutex<Vec<http::Message>>> = Arc::default();
    let (release, released) = mpsc::channel();
    let (all, released) = (Arc::clone(&seen), Arc::new(Mutex::new(released)));
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (all, released) = (Arc::clone(&all), Arc::clone(&released));
            thread::spawn(move || serve(stream.expect("a connection"), &all, &released));
        }
    });
    (address, seen, release)
}

fn serve(
    mut stream: TcpStream,
    seen: &Mutex<Vec<http::Message>>,
    held: &Mutex<mpsc::Receiver<()>>,
) {
    while let Ok(Some(request)) = http::read(&mut stream) {
        let body = match request.target() {
            "/held" => {
                let held = held.lock().unwrap_or_else(PoisonError::into_inner);
                let _ = held.recv();
                "late".to_owned()
            }
            "/huge" => "x".repeat((1 << 20) + 1),
            // Too long as a message.
            "/large" => "\"".repeat(600 << 10),
            "/broken" => {
                let _ = stream.write_all(b"SSH-2.0-x\r\n\r\n");
                return;
            }
            "/gone" => return,
            target => format!("{{\"target\":\"{target}\"}}"),
        };
        let head = format!(
            "HTTP/1.1 200 Fine\r\nContent-Type: application/json\r\nX-A: 1\r\nX-A: 2\r\n\
             Content-Length: {}\r\n\r\n",
            body.len()
        );
        seen.lock().unwrap_or_else(PoisonError::into_inner).push(request);
        if stream.write_all((head + &body).as_bytes()).is_err() {
            return;
        }
    }
}

#[test]
fn the_partners_requests_are_answered_by_the_local_server() {
    let certificates = Certificates::new();
    let proxy = Proxy::open(&certificates, "named");
    let (server, seen, release) = local_server();
    let mut mistgate = Mistgate::start(certificates.connect(
        &proxy.url(),
        &["--forward", &format!("http://{server}"), "--request-timeout", "2s"],
    ));
    let mut partner = proxy.accept().expect("an upgrade");
    assert_eq!(member(&partner.read(), "peerClass"), &json!("mistgate-gateway"));
    // The partner need not wait for an answer.
    partner.send(&json!({"messageId": 9, "messageType": "REST:REQUEST", "requiresResponse": true,
        "method": "PUT", "path": "/a?b=c", "queryStrings": [{"name": "d", "value": "e f"}],
        "headers": [{"name": "Host", "value": "gw:1"}, {"name": "X-B", "value": "1"},
            {"name": "X-B", "value": "2"}],
        "dataFormat": "application/json", "messageBody": {"psk": PSK}}));
    assert_eq!(
        partner.read(),
        json!({"message": {"messageId": 1, "messageType": "REST:RESPONSE",
            "requiresResponse": false, "inResponseTo": 9, "statusCode": 200, "reasonPhrase": "OK",
            "headers": [{"name": "x-a", "value": "1", "val": "1"},
                {"name": "x-a", "value": "2", "val": "2"}],
            "dataFormat": "application/json", "messageBody": {"target": "/a?b=c&d=e%20f"}}})
    );
    {
        let seen = seen.lock().expect("no panic");
        let [request] = seen.as_slice() else { panic!("{seen:?}") };
        assert_eq!(request.start, "PUT /a?b=c&d=e%20f HTTP/1.1");
        assert_eq!(request.header("host"), Some("gw:1"));
        assert_eq!(request.header("content-type"), Some("application/json"));
        assert_eq!(request.headers.iter().filter(|(name, _)| name == "x-b").count(), 2);
        assert_eq!(request.body, format!("{{\"psk\":\"{PSK}\"}}"));
    }
    let ask = |partner: &mut Partner, id: &Value, path: &str| {
        partner.send(&json!({"messageId": id, "messageType": "REST:REQUEST",
            "requiresResponse": true, "method": "GET", "path": path}));
    };
    let mut refused = |id: Value, path: &str, status: u16, why: &str| {
        ask(&mut partner, &id, path);
        let answer = partner.read();
        assert_eq!(member(&answer, "statusCode"), &json!(status), "{answer}");
        assert_eq!(member(&answer, "inResponseTo"), &id);
        let problem = answer.pointer("/message/messageBody/message").and_then(Value::as_str);
        assert!(problem.is_some_and(|problem| problem.contains(why)), "{answer}");
    };
    refused(json!("a-text"), "/huge", 502, "more than 1048576 bytes");
    refused(json!(10), "/large", 502, "1048576 are allowed");
    refused(json!(11), "/broken", 502, "is not HTTP");
    refused(json!(12), "/gone", 502, "the local server: the connection ended before the answer");
    refused(json!(13), "no-slash", 400, "path: expected a path from the root");
    refused(json!(14), "/held", 504, "did not respond within 2s");
    drop(release);
    // Many at once.
    for id in 100..300 {
        ask(&mut partner, &json!(id), &format!("/{id}"));
    }
    let mut open: std::collections::BTreeSet<i64> = (100..300).collect();
    while !open.is_empty() {
        let answer = partner.read();
        assert_eq!(member(&answer, "statusCode"), &json!(200), "{answer}");
        let id = member(&answer, "inResponseTo").as_i64().expect("a number");
        let target = answer.pointer("/message/messageBody/target");
        assert_eq!(target, Some(&json!(format!("/{id}"))));
        assert!(open.remove(&id), "{id} is answered twice");
    }
    mistgate.signal(Signal::TERM);
    assert_eq!(partner.closed().0, 1001);
    assert_eq!(mistgate.wait().code(), Some(0));
    let log = mistgate.stderr();
    assert!(!log.contains(PSK), "{log}");
    assert_eq!(mistgate.journal("forwarded").len(), 207);
    assert_eq!(mistgate.journal("listening").len(), 0, "a gateway takes no HTTP");
}

#[test]
fn without_a_local_server_the_answer_says_so() {
    let certificates = Certificates::new();
    let proxy = Proxy::open(&certificates, "named");
    let gone = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let asked = |args: &[&str]| {
        let _mistgate = Mistgate::start(certificates.connect(&proxy.url(), args));
        let mut partner = proxy.meet();
        partner.send(&json!({"messageId": 3, "messageType": "REST:REQUEST",
            "requiresResponse": true, "method": "GET", "path": "/a"}));
        member(&partner.read(), "statusCode").clone()
    };
    assert_eq!(asked(&["--forward", &format!("http://{gone}")]), json!(502));
    assert_eq!(asked(&["--http-listen", "127.0.0.1:0"]), json!(501));
}

#[test]
fn lines_are_sent_and_events_printed() {
    let certificates = Certificates::new();
    let proxy = Proxy::open(&certificates, "named");
    let args = ["--http-listen", "off"];
    let (mut mistgate, mut stdin) =
        Mistgate::start_typing(certificates.connect(&proxy.url(), &args));
    // Nothing is lost before the partner connects.
    let event =
        r#"{"messageType":"EVENT:DPP:x","dataFormat":"application/json","messageBody":{"n":1.50}}"#;
    writeln!(stdin, "{event}\n\n{{\"message\":{event},\"id\":7}}").expect("a reader");
    let mut partner = proxy.meet();
    assert_eq!(
        partner.read(),
        json!({"message": {"messageId": 1, "messageType": "EVENT:DPP:x", "requiresResponse": false,
            "dataFormat": "application/json", "messageBody": {"n": 1.50}}})
    );
    assert_eq!(partner.read().get("id"), Some(&json!(7)));
    partner
        .ws
        .send(Message::binary(
            "{\"message\":\n {\"messageType\":\"EVENT:a\",\r\n\"messageBody\":\"b\\nc\"}}",
        ))
        .expect("a peer");
    let printed = "{\"message\":  {\"messageType\":\"EVENT:a\",  \"messageBody\":\"b\\nc\"}}\n";
    mistgate.printed(|text| text.contains('\n'));
    assert_eq!(mistgate.stdout(), printed);
    writeln!(
        stdin,
        r#"{{"messageType":"REST:REQUEST","messageId":"mine","method":"GET","path":"/a"}}"#
    )
    .expect("a reader");
    let asked = partner.read();
    assert_eq!(member(&asked, "messageId"), &json!("mine"));
    drop(stdin);
    partner.answer(&asked, 418, &json!({}));
    assert_eq!(partner.closed(), (1000, "all is said".to_owned()));
    assert_eq!(mistgate.wait().code(), Some(0));
    assert_eq!(mistgate.stdout().lines().count(), 2, "{}", mistgate.stdout());
    assert!(mistgate.stdout().contains(r#""inResponseTo":"mine","#), "{}", mistgate.stdout());
}

#[test]
fn lines_that_are_no_message_are_reported_and_the_rest_is_sent() {
    let certificates = Certificates::new();
    let proxy = Proxy::open(&certificates, "named");
    let (mut mistgate, mut stdin) =
        Mistgate::start_typing(certificates.connect(&proxy.url(), &["--http-listen", "off"]));
    let mut partner = proxy.meet();
    writeln!(stdin, "{PSK}\n{{\"psk\":\"{PSK}\"}}").expect("a reader");
    writeln!(stdin, "\"{}\"", "x".repeat(1 << 20)).expect("a reader");
    writeln!(stdin, r#"{{"messageType":"EVENT:ok"}}"#).expect("a reader");
    drop(stdin);
    assert_eq!(member(&partner.read(), "messageType"), "EVENT:ok");
    assert_eq!(partner.closed().0, 1000);
    assert_eq!(mistgate.wait().code(), Some(1));
    let log = mistgate.stderr();
    let reasons: Vec<_> = mistgate
        .journal("not_sent")
        .iter()
        .map(|line| (line.get("line").cloned(), line.get("reason").cloned()))
        .collect();
    let entry = |line: &str, reason: &str| (Some(json!(line)), Some(json!(reason)));
    assert_eq!(
        reasons,
        [
            entry("1", "expected JSON, got none at line 1, column 1"),
            entry("2", "message.messageType: expected a text, got nothing"),
            entry("3", "more than 1048576 bytes"),
        ]
    );
    assert!(!log.contains(PSK), "{log}");
    assert!(log.ends_with("3 messages were not sent, or not answered\n"), "{log}");
}

#[test]
fn certificates_are_verified_as_asked_for_and_refusals_say_why() {
    let certificates = Certificates::new();
    let reason = |proxy: &Proxy, args: &[&str]| {
        let url = proxy.url();
        let fixed = ["connect", "--http-listen", "off", "--log-format", "json"];
        let (mistgate, _stdin) =
            Mistgate::start_typing(command(certificates.path(), &[&fixed, args, &[&url]].concat()));
        let met = proxy.accept();
        match met {
            Ok(mut partner) => {
                partner.read();
                String::new()
            }
            Err(_) => {
                let line = mistgate.line("disconnected", 1);
                line.get("reason").and_then(Value::as_str).expect("a reason").to_owned()
            }
        }
    };
    let client = ["--client-cert", "client.cert.pem", "--client-key", "client.key.pem"];
    let trusting = [&client[..], &["--ca-cert", "root.cert.pem"]].concat();
    for versions in [&[&TLS12][..], &[&TLS13]] {
        let named = Proxy::with_versions(&certificates, "named", versions);
        let nameless = Proxy::with_versions(&certificates, "proxy", versions);
        let posing = Proxy::with_versions(&certificates, "gateway", versions);
        let chain = [&trusting[..], &["--verify", "chain"]].concat();
        let strange = [&client[..], &["--ca-cert", "other.cert.pem", "--verify", "chain"]].concat();
        let public = [&client[..], &["--verify", "chain"]].concat();
        assert_eq!(reason(&named, &trusting), "");
        assert_eq!(reason(&named, &chain), "");
        assert_eq!(reason(&nameless, &chain), "");
        for (proxy, args, why) in [
            (&nameless, &trusting, "--verify chain accepts that"),
            (&posing, &chain, "the proxy's certificate is not accepted: "),
            (
                &named,
                &strange,
                "the proxy's certificate is not of an authority that --ca-cert names",
            ),
            (
                &named,
                &public,
                "the proxy's certificate is not of an authority that --ca-cert names",
            ),
        ] {
            let problem = reason(proxy, args);
            assert!(problem.contains(why), "{problem}");
        }
        let problem = reason(&named, &["--ca-cert", "root.cert.pem"]);
        assert!(problem.contains("does not accept our certificate"), "{problem}");
    }
}

#[test]
fn wrong_usage_is_2_and_wrong_files_are_1() {
    let certificates = Certificates::new();
    let url = "wss://127.0.0.1:1/a";
    for args in [
        &[][..],
        &["ws://127.0.0.1:1/a"],
        &["wss://127.0.0.1:1"],
        &["--forward", "https://127.0.0.1:1", url],
        &["--http-listen", "5001", url],
        &["--verify", "nothing", url],
        &["--request-timeout", "5", url],
        &["--peer-id", "", url],
        &["--client-key", "client.key.pem", url],
        &[url, url],
    ] {
        let wrong = output(certificates.path(), &[&["connect"], args].concat());
        assert_eq!(wrong.status.code(), Some(2), "{args:?}");
        assert!(wrong.stdout.is_empty() && !wrong.stderr.is_empty(), "{args:?}");
    }
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = taken.local_addr().expect("an address").to_string();
    for (args, problem) in [
        (&["--client-cert", "none.pem", url][..], "none.pem: cannot be read: "),
        (&["--client-cert", "client.cert.pem", url], "client.cert.pem: no key in it"),
        (&["--ca-cert", "root.key.pem", url], "root.key.pem: no certificate in it"),
        (&["--http-listen", &taken, url], "choose another address"),
    ] {
        let failed = output(certificates.path(), &[&["connect"], args].concat());
        let stderr = text(&failed.stderr);
        assert_eq!(failed.status.code(), Some(1), "{args:?}: {stderr}");
        assert!(stderr.contains(problem) && stderr.lines().count() == 1, "{args:?}: {stderr}");
    }
    let help = output(certificates.path(), &["connect", "--help"]);
    assert!(text(&help.stdout).starts_with("Usage: mistgate connect"), "{}", text(&help.stdout));
}

#[test]
fn what_a_lease_script_puts_becomes_an_event_for_the_manager() {
    let certificates = Certificates::new();
    let proxy = Proxy::open(&certificates, "named");
    let mistgate = Mistgate::start(
        certificates
            .connect(&proxy.url(), &["--http-listen", "off", "--event-listen", "127.0.0.1:0"]),
    );
    let at = mistgate.address("event");
    let put = |method, path, body| send(at, &request(method, path, &[], body)).expect("an answer");
    let lease = r#"{"action": "leaseAcquired", "ip": "10.40.0.7"}"#;
    // As long as nobody would get it.
    let mut manager = proxy.accept().expect("an upgrade");
    manager.read();
    let early = put("PUT", "/DHCP:leaseAcquired", lease);
    assert!(early.status() == 503 && early.body.contains("no partner has said hello"), "{early:?}");
    manager.hello();
    mistgate.line("partner", 1);
    assert_eq!(put("PUT", "/DHCP:leaseAcquired", lease).status(), 202);
    let event = manager.read();
    assert_eq!(member(&event, "messageType"), "EVENT:DHCP:leaseAcquired");
    assert_eq!(member(&event, "requiresResponse"), false);
    assert_eq!(member(&event, "dataFormat"), "application/json");
    assert_eq!(member(&event, "messageBody/ip"), "10.40.0.7");
    assert!(member(&event, "messageId").is_u64(), "{event}");
    for (method, path, body, status) in [
        ("POST", "/DHCP:leaseExpired", "no JSON", 400),
        ("POST", "/x", "{}}, {", 400),
        ("GET", "/x", "", 400),
    ] {
        assert_eq!(put(method, path, body).status(), status, "{method} {path} {body}");
    }
    let page = request("POST", "/x", &[("Origin", "http://evil.example")], "{}");
    assert_eq!(send(at, &page).expect("an answer").status(), 403);
}

#[test]
fn a_page_in_a_browser_is_not_served() {
    let certificates = Certificates::new();
    let proxy = Proxy::open(&certificates, "named");
    let mistgate =
        Mistgate::start(certificates.connect(&proxy.url(), &["--http-listen", "127.0.0.1:0"]));
    let at = mistgate.address("http");
    let status = |headers: &[(&str, &str)], host: &str| {
        let request = request("GET", "/x", headers, "");
        let request = request.replace("Host: 127.0.0.1", &format!("Host: {host}"));
        send(at, &request).expect("an answer").status()
    };
    for headers in [("Origin", "http://evil.example"), ("Sec-Fetch-Site", "cross-site")] {
        assert_eq!(status(&[headers], "127.0.0.1"), 403, "{headers:?}");
    }
    assert_eq!(status(&[], "evil.example:5001"), 403);
    // Nobody is there to answer the others.
    for host in ["127.0.0.1:5001", "localhost", "[::1]:5001"] {
        assert_eq!(status(&[("Sec-Fetch-Site", "none")], host), 503, "{host}");
    }
    mistgate.line("rejected", 3);
    assert_eq!(mistgate.journal("rejected").len(), 3);
}

#[test]
fn many_clients_are_served_at_once() {
    let certificates = Certificates::new();
    let proxy = Proxy::open(&certificates, "named");
    let mistgate =
        Mistgate::start(certificates.connect(&proxy.url(), &["--http-listen", "127.0.0.1:0"]));
    let mut partner = proxy.meet();
    mistgate.line("partner", 1);
    let at = mistgate.address("http");
    let asked: Vec<_> = (0..100)
        .map(|n| {
            let mut stream = connect(at).expect("a connection");
            stream.write_all(get(&format!("/{n}")).as_bytes()).expect("a reader");
            (n, stream)
        })
        .collect();
    let mut messages: Vec<Value> = (0..100).map(|_| partner.read()).collect();
    messages.reverse();
    for message in &messages {
        let body = json!({"dataFormat": "text/plain", "messageBody": member(message, "path")});
        partner.answer(message, 200, &body);
    }
    for (n, mut stream) in asked {
        let answer = http::read(&mut stream).expect("an answer").expect("an answer");
        assert_eq!((answer.status(), answer.body), (200, format!("/{n}")));
        let mut rest = [0];
        stream.set_nonblocking(true).expect("a socket");
        assert!(stream.read(&mut rest).is_err(), "more than one answer");
    }
}
