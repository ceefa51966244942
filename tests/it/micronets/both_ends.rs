//! Both ends and the proxy between them: HTTP enters one `mistgate connect`, passes `mistgate run`,
//! leaves another `mistgate connect` for a local server, and comes back. Each of the three may be
//! killed and restarted.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;
use std::{fs, io, thread};

use mistgate_tests::base::http;
use mistgate_tests::webhook::mist::{connect, request, send};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::base::binary::{Mistgate, command};
use crate::base::poll;
use crate::micronets::connect::Certificates;

const LONG: Duration = Duration::from_secs(60);

/// The three programs, each of which a test can replace.
struct Site {
    certificates: Certificates,
    proxy_at: SocketAddr,
    http_at: SocketAddr,
    server_at: SocketAddr,
}

impl Site {
    fn new() -> Self {
        // Fixed port numbers, since each port is opened more than once.
        let free = || {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
            listener.local_addr().expect("an address")
        };
        let site = Self {
            certificates: Certificates::new(),
            proxy_at: free(),
            http_at: free(),
            server_at: echo(),
        };
        let config = format!(
            "state_dir = \"state\"\n[proxy]\nlisten = \"{}\"\ncert = \"named.pkeycert.pem\"\n\
             client_ca = \"root.cert.pem\"\n",
            site.proxy_at
        );
        fs::write(site.certificates.path().join("mistgate.toml"), config).expect("a file");
        site
    }

    fn proxy(&self) -> Mistgate {
        let args = ["run", "--config", "mistgate.toml", "--log-format", "json"];
        let proxy = Mistgate::start(command(self.certificates.path(), &args));
        proxy.address("proxy");
        proxy
    }

    fn url(&self) -> String {
        format!("wss://localhost:{}/micronets/v1/ws-proxy/gw/7B2A", self.proxy_at.port())
    }

    fn client(&self) -> Mistgate {
        let http = self.http_at.to_string();
        Mistgate::start(self.certificates.connect(&self.url(), &["--http-listen", &http]))
    }

    fn gateway(&self) -> Mistgate {
        let server = format!("http://{}", self.server_at);
        Mistgate::start(self.certificates.connect(&self.url(), &["--forward", &server]))
    }

    fn ask(&self, request: &str) -> http::Message {
        send(self.http_at, request).expect("an answer")
    }

    /// The status of a request that must be answered soon, with any status.
    fn status(&self) -> u16 {
        self.ask(&request("GET", "/now", &[], "")).status()
    }

    /// Asks until the answer is 200. Until then each status must be one of `meanwhile`.
    fn until_it_works(&self, meanwhile: &[u16]) {
        let works = || {
            let status = self.status();
            assert!(status == 200 || meanwhile.contains(&status), "{status}");
            status == 200
        };
        poll::within(LONG, works, || "no answer with 200".to_owned());
    }
}

/// An HTTP message as bytes.
struct Octets {
    start: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Octets {
    fn read(stream: &mut impl BufRead) -> io::Result<Self> {
        let mut line = || {
            let mut line = String::new();
            match stream.read_line(&mut line)? {
                0 => Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
                _ => Ok(line.trim_end().to_owned()),
            }
        };
        let start = line()?;
        let mut headers = Vec::new();
        while let Some((name, value)) = line()?.split_once(": ") {
            headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        let mut message = Self { start, headers, body: Vec::new() };
        let length = message.values("content-length").first().map_or("0", |length| length);
        message.body.resize(length.parse().expect("a length"), 0);
        stream.read_exact(&mut message.body)?;
        Ok(message)
    }

    fn values(&self, name: &str) -> Vec<&str> {
        let of_name = self.headers.iter().filter(|(header, _)| header == name);
        of_name.map(|(_, value)| value.as_str()).collect()
    }
}

/// A local server that returns the body, and what it understood in headers.
fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for stream in listener.incoming() {
            // An error comes from a client that a test has killed.
            thread::spawn(move || answer_all(stream?));
        }
    });
    address
}

fn answer_all(mut stream: TcpStream) -> io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    loop {
        let asked = Octets::read(&mut reader)?;
        if asked.start.starts_with("GET /never ") {
            // Until the other side has closed.
            reader.fill_buf()?;
            return Ok(());
        }
        let kind = asked.values("content-type").first().map_or("text/plain", |kind| kind);
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nX-Start: {}\r\nX-Many: {}\r\n\
             Set-Cookie: a\r\nSet-Cookie: b\r\nContent-Length: {}\r\n\r\n",
            asked.start,
            asked.values("x-many").len(),
            asked.body.len(),
        );
        stream.write_all(&[head.as_bytes(), &asked.body].concat())?;
    }
}

#[test]
fn http_goes_through_and_comes_back_as_it_is() {
    let site = Site::new();
    let (_proxy, gateway, client) = (site.proxy(), site.gateway(), site.client());
    client.line("partner", 1);
    gateway.line("partner", 1);
    let many = [("X-Many", "1"), ("X-Many", "2"), ("Content-Type", "text/plain; charset=x")];
    let answer = site.ask(&request("POST", "/a%20b?q=1&r=%2B+&s", &many, "ä body\r\n"));
    assert_eq!((answer.status(), answer.body.as_str()), (200, "ä body\r\n"));
    assert_eq!(answer.header("x-start"), Some("POST /a%20b?q=1&r=%2B+&s HTTP/1.1"));
    assert_eq!(answer.header("x-many"), Some("2"));
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=x"));
    assert_eq!(answer.headers.iter().filter(|(name, _)| name == "set-cookie").count(), 2);
    let json = [("Content-Type", "application/json")];
    for body in [r#"{"a":[1.50,null]}"#, "[1, 2]", "\"x\"", "{broken"] {
        assert_eq!(site.ask(&request("PUT", "/", &json, body)).body, body);
    }
    // No body at all, and one that is only announced.
    let head = site.ask(&request("HEAD", "/h", &[("Connection", "close")], ""));
    assert_eq!((head.status(), head.body.as_str()), (200, ""));
    assert_eq!(head.header("x-start"), Some("HEAD /h HTTP/1.1"));
    // Every octet value, as many as a message allows.
    let octets: Vec<u8> = (0..=255).cycle().take(700 << 10).collect();
    let mut stream = connect(site.http_at).expect("a connection");
    let head = format!(
        "PUT /octets HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nContent-Length: {}\r\n\r\n",
        octets.len()
    );
    stream.write_all(&[head.as_bytes(), &octets].concat()).expect("a reader");
    let answer = Octets::read(&mut BufReader::new(stream)).expect("an answer");
    assert_eq!(answer.start, "HTTP/1.1 200 OK");
    assert_eq!(answer.values("x-start"), ["PUT /octets HTTP/1.1"]);
    assert!(answer.body == octets, "{} octets", answer.body.len());
    // Too large for a message.
    let large = site.ask(&request("PUT", "/", &[], &"x".repeat(1 << 20)));
    assert_eq!(large.status(), 413, "{}", large.body);
    assert!(large.body.contains("1048576 are allowed"), "{}", large.body);
    let larger = site.ask(&request("PUT", "/", &[], &"x".repeat(1 << 21)));
    assert_eq!((larger.status(), larger.body.as_str()), (413, "a body longer than allowed\n"));
    assert_eq!(site.status(), 200);
}

#[test]
fn a_hundred_requests_at_once_each_get_their_own_answer() {
    let site = Site::new();
    let (_proxy, gateway, client) = (site.proxy(), site.gateway(), site.client());
    client.line("partner", 1);
    for round in 0..3 {
        let asked: Vec<_> = (0..100)
            .map(|n| {
                let mut stream = connect(site.http_at).expect("a connection");
                let body = format!("{round}/{n}/{}", "x".repeat(n * 40));
                let request = request("POST", &format!("/{n}"), &[("Content-Type", "a/b")], &body);
                stream.write_all(request.as_bytes()).expect("a reader");
                (n, body, stream)
            })
            .collect();
        for (n, body, mut stream) in asked {
            let answer = http::read(&mut stream).expect("an answer").expect("an answer");
            assert_eq!((answer.status(), &answer.body), (200, &body));
            let start = format!("POST /{n} HTTP/1.1");
            assert_eq!(answer.header("x-start"), Some(start.as_str()));
        }
    }
    assert_eq!(client.journal("request").len(), 300);
    assert_eq!(gateway.journal("forwarded").len(), 300);
}

#[test]
fn both_ends_reconnect_to_a_restarted_proxy() {
    let site = Site::new();
    let (proxy, _gateway, client) = (site.proxy(), site.gateway(), site.client());
    client.line("partner", 1);
    site.until_it_works(&[]);
    let asked = {
        let mut stream = connect(site.http_at).expect("a connection");
        stream.write_all(request("GET", "/never", &[], "").as_bytes()).expect("a reader");
        stream
    };
    // Once a later request is answered, this one has reached the gateway.
    site.until_it_works(&[]);
    // Killed while a request is in flight.
    proxy.kill();
    let mut asked = asked;
    let cut = http::read(&mut asked).expect("an answer").expect("an answer");
    assert_eq!(cut.status(), 502, "{}", cut.body);
    assert_eq!(site.status(), 503);
    let proxy = site.proxy();
    site.until_it_works(&[503]);
    // Stopped in order.
    let mut proxy = proxy;
    proxy.signal(Signal::TERM);
    assert_eq!(proxy.wait().code(), Some(0), "{}", proxy.stderr());
    let reason = client.line("disconnected", 2);
    let reason = reason.get("reason").and_then(Value::as_str).unwrap_or_default().to_owned();
    assert!(reason.contains("1001"), "{reason}");
    let _proxy = site.proxy();
    site.until_it_works(&[502, 503]);
}

#[test]
fn a_gateway_that_restarts_costs_the_client_only_answers() {
    let site = Site::new();
    let (_proxy, gateway, client) = (site.proxy(), site.gateway(), site.client());
    client.line("partner", 1);
    site.until_it_works(&[]);
    let mut waiting = connect(site.http_at).expect("a connection");
    waiting.write_all(request("GET", "/never", &[], "").as_bytes()).expect("a reader");
    // Once a later request is answered, this one has reached the gateway.
    site.until_it_works(&[]);
    gateway.kill();
    let cut = http::read(&mut waiting).expect("an answer").expect("an answer");
    assert_eq!(cut.status(), 502, "{}", cut.body);
    let statuses: BTreeSet<u16> = (0..3).map(|_| site.status()).collect();
    assert_eq!(statuses, BTreeSet::from([503]));
    let _gateway = site.gateway();
    site.until_it_works(&[502, 503]);
    client.line("partner", 2);
    assert_eq!(client.journal("disconnected").len(), 0, "{}", client.stderr());
}

#[test]
fn events_and_messages_cross_between_two_terminals() {
    let site = Site::new();
    let _proxy = site.proxy();
    let args = ["--http-listen", "off"];
    let (mut left, mut typed) =
        Mistgate::start_typing(site.certificates.connect(&site.url(), &args));
    let (right, _kept) = Mistgate::start_typing(site.certificates.connect(&site.url(), &args));
    right.line("partner", 1);
    for n in 0..50 {
        writeln!(typed, "{{\"messageType\":\"EVENT:test:n\",\"messageBody\":{n}}}")
            .expect("a reader");
    }
    drop(typed);
    let printed = right.printed(|text| text.lines().count() == 50);
    let bodies: Vec<Value> = printed
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON"))
        .map(|line| line.pointer("/message/messageBody").cloned().expect("a body"))
        .collect();
    assert_eq!(bodies, (0..50).map(|n| json!(n)).collect::<Vec<_>>());
    assert_eq!(left.wait().code(), Some(0), "{}", left.stderr());
}
