//! The laws of the websocket proxy: its messages, their HTTP, and the meetup with its surroundings.
//!
//! Each law takes bytes and panics where it is broken.

use core::{fmt::Write as _, time::Duration};
use std::collections::BTreeMap;

use mistgate_core::{
    base64,
    machine::Machine,
    micronets::{
        access::Identity,
        farewell::Fault,
        http,
        ledger::{Ledger, Passage, Side},
        meetup::{
            CONNECTIONS_MAX, Meetup,
            input::{Config, ConnectionId, Frame, Input, OnPartnerLoss},
            output::Output,
            status::Stage,
        },
        message::{Body, Content, Event, Hello, Id, Json, Message, Pair, Request, Response},
        peek::{Peek, peek},
    },
    time::Instant,
};

use crate::bytes::Bytes;

/// What is read is written and read again as the same; the light look sees what the reader sees;
/// and no request that a message carries can break out of its head.
pub fn micronets_message(data: &[u8]) {
    let _ = peek(data);
    if let Ok(message) = Message::parse(data) {
        written(&message);
        carried(&message);
    }
    assert_eq!(base64::decode(&base64::encode(data)).as_deref(), Some(data));
    let bytes = &mut Bytes::new(data);
    let texts: Vec<_> = (0..12).map(|_| bytes.text(12)).collect();
    let text = |nth: usize| texts.get(nth).map(String::as_str).unwrap_or_default();
    let pairs = vec![Pair::new(text(0), text(1)); bytes.count(3)];
    let body = match bytes.up_to(3) {
        0 => Body::default(),
        1 => Body { format: Some(text(2).into()), content: None },
        2 => Body { format: None, content: Some(Json::string(text(3))) },
        _ => Body { format: Some(text(2).into()), content: Json::parse(text(3)) },
    };
    let content = match bytes.up_to(3) {
        0 => Content::Event(Event { name: text(4).into(), body }),
        1 => Content::Request(Request {
            method: text(4).into(),
            path: text(5).into(),
            query: pairs.clone(),
            headers: pairs,
            body,
        }),
        2 => Content::Response(Response {
            status: 100 + u16::try_from(bytes.up_to(499)).expect("a status"),
            reason: bytes.chance(128).then(|| text(5).into()),
            headers: pairs,
            body,
        }),
        _ => {
            let name = Some(text(4).trim()).filter(|name| !name.is_empty());
            Content::Hello(Hello { peer_class: name.map(Into::into), peer_id: None })
        }
    };
    let number = bytes.number();
    let id = || if number.is_multiple_of(2) { Id::number(number) } else { Id::text(text(6)) };
    let mut message = Message::new(id(), content);
    message.in_response_to = matches!(message.content, Content::Response(_)).then(id);
    message.requires_response ^= bytes.chance(128);
    written(&message);
    carried(&message);
}

/// A message is itself again after writing and reading, also for the light look.
fn written(message: &Message<'_>) {
    let text = message.encode();
    let again = Message::parse(text.as_bytes()).expect("our own message");
    assert_eq!(*message, again, "{text}");
    assert_eq!(again.encode(), text);
    // A name that needs escapes is passed over.
    let plain = |id: &&Id<'_>| {
        !id.as_str().contains(|c: char| matches!(c, '"' | '\\') || u32::from(c) < 0x20)
    };
    let expected = match message.content {
        Content::Request(_) if message.requires_response => {
            message.id.as_ref().filter(plain).cloned().map(Peek::Request)
        }
        Content::Response(_) => {
            message.in_response_to.as_ref().filter(plain).cloned().map(Peek::Response)
        }
        Content::Event(_) | Content::Hello(_) | Content::Other(_) | Content::Request(_) => None,
    };
    assert_eq!(peek(text.as_bytes()), expected, "{text}");
}

/// The HTTP that a message carries has one line per header, and is carried back unchanged.
fn carried(message: &Message<'_>) {
    match &message.content {
        Content::Request(request) => {
            let Ok(http) = http::request_from_message(request) else {
                return;
            };
            assert!(http.target.bytes().all(|b| b.is_ascii_graphic()), "{}", http.target);
            assert!(http.target.starts_with('/') && !http.method.contains(char::is_whitespace));
            one_line_each(&http.headers);
            sent_request(&http);
        }
        Content::Response(response) => {
            if let Ok(http) = http::response_from_message(response, "GET") {
                one_line_each(&http.headers);
                sent_response(&http, "GET");
            }
        }
        Content::Event(_) | Content::Hello(_) | Content::Other(_) => {}
    }
}

fn one_line_each(headers: &[Pair<'_>]) {
    for Pair { name, value } in headers {
        assert!(!name.is_empty() && !name.contains([':', ' ', '\r', '\n', '\0']), "{name:?}");
        assert!(!value.contains(['\r', '\n', '\0']), "{name}: {value:?}");
    }
}

/// HTTP travels in a message and comes out with its method, its body and what concerns both ends.
pub fn micronets_http(data: &[u8]) {
    const HEADERS: [&str; 8] = [
        "Accept",
        "Content-Type",
        "Host",
        "Connection",
        "Content-Length",
        "Accept",
        "X-Hop",
        "Content-Encoding",
    ];
    const VALUES: [&str; 8] = [
        "application/json",
        "text/plain",
        "application/octet-stream",
        "application/json; charset=utf-8",
        "X-Hop, close",
        "identity",
        "",
        "image/png",
    ];
    const BODIES: [&str; 6] = ["", "{}", " {\"a\":[1.0]}\n", "[1]", "\"a\"", "{broken"];
    let bytes = &mut Bytes::new(data);
    let method = bytes.pick(&["POST", "GET", "HEAD", "DELETE", "PUT", "get", "X-Y", "A B"]);
    let status = 190 + u16::try_from(bytes.up_to(420)).expect("a status");
    let target = format!("/{}", bytes.text(30));
    let mut headers = Vec::new();
    for _ in 0..bytes.up_to(6) {
        let text = bytes.text(10);
        let name = if bytes.chance(40) { text.clone() } else { bytes.pick(&HEADERS).to_owned() };
        let value = if bytes.chance(40) { text } else { bytes.pick(&VALUES).to_owned() };
        headers.push(Pair::new(name, value));
    }
    let body = match bytes.chance(128) {
        true => bytes.rest(),
        false => bytes.pick(&BODIES).as_bytes(),
    };
    let request = http::Request {
        method: method.into(),
        target: target.into(),
        headers: headers.clone(),
        body: body.into(),
    };
    sent_request(&request);
    sent_response(&http::Response { status, headers, body: body.into() }, method);
}

fn sent_request(sent: &http::Request<'_>) {
    let Ok(message) = http::request_to_message(Id::number(1), sent) else {
        return;
    };
    written(&message);
    let Content::Request(request) = &message.content else { panic!("not a request") };
    let got = http::request_from_message(request).expect("our own message");
    assert_eq!(got.method, sent.method);
    if !got.body.is_empty() || *sent.body != *b"{}" {
        same_body(&sent.body, &got.body);
    }
    let again = http::request_to_message(Id::number(1), &got).expect("what came out goes in");
    let Content::Request(request) = &again.content else { panic!("not a request") };
    assert_eq!(http::request_from_message(request), Ok(got.clone()), "it changes on its way");
}

fn sent_response(sent: &http::Response<'_>, method: &str) {
    let Ok(message) = http::response_to_message(Id::number(1), Id::number(2), method, sent) else {
        return;
    };
    written(&message);
    let Content::Response(response) = &message.content else { panic!("not a response") };
    let got = http::response_from_message(response, method).expect("our own message");
    assert_eq!(got.status, sent.status);
    if method == "HEAD" || matches!(sent.status, 204 | 304) {
        assert!(got.body.is_empty());
    } else {
        same_body(&sent.body, &got.body);
    }
}

/// White space around a JSON object is no part of it.
fn same_body(sent: &[u8], got: &[u8]) {
    let is_object = got.starts_with(b"{");
    assert!(got == sent || is_object && got == sent.trim_ascii(), "{sent:?} became {got:?}");
}

/// The most operations of one run; what luck is left is not used.
const OPERATIONS_MAX: usize = 2_000;
/// More outputs than this for one input mean that the drain does not end.
const OUTPUTS_MAX: usize = 10_000;

/// A meetup keeps its word, whatever comes when: see [`Surroundings`].
pub fn micronets_meetup(data: &[u8]) {
    let told = run(data, 0);
    let again = run(data, 2);
    assert_eq!(told, again, "calls of handle_timeout that were too many made a difference");
}

/// Runs the operations, and gives all outputs as text.
fn run(data: &[u8], extra_timeouts: usize) -> String {
    let bytes = &mut Bytes::new(data);
    let mut now = Instant::from_secs(bytes.pick(&[1_000, 0]));
    let (mut surroundings, config) = Surroundings::new(bytes);
    let mut meetup = Meetup::new(config, 0, now);
    let mut told = String::new();
    let mut drain = |surroundings: &mut Surroundings, meetup: &mut Meetup, now: Instant| {
        for outputs in 0.. {
            assert!(outputs <= OUTPUTS_MAX, "the drain does not end");
            let Some(output) = meetup.poll_output() else {
                break;
            };
            let _ = writeln!(told, "{} {output:?}", now.as_micros());
            surroundings.told(&output);
        }
        let deadline = meetup.poll_timeout();
        assert!(deadline.is_none_or(|at| at > now), "{deadline:?} is not after {now:?}");
        surroundings.rests(meetup);
        for _ in 0..extra_timeouts {
            meetup.handle_timeout(now);
            assert!(meetup.poll_output().is_none(), "an early handle_timeout does something");
            assert_eq!(meetup.poll_timeout(), deadline);
        }
    };
    for _ in 0..OPERATIONS_MAX {
        if bytes.is_empty() {
            break;
        }
        if !surroundings.is_parting() {
            now = later(bytes, now, meetup.poll_timeout());
            meetup.handle_timeout(now);
            drain(&mut surroundings, &mut meetup, now);
        }
        let input = surroundings.input(bytes);
        meetup.handle_input(now, input);
        drain(&mut surroundings, &mut meetup, now);
    }
    told
}

/// The moment of the next operation: at once, soon, at the deadline, or just before it.
fn later(bytes: &mut Bytes<'_>, now: Instant, deadline: Option<Instant>) -> Instant {
    match bytes.up_to(15) {
        0..=9 => now,
        10..=13 => now + Duration::from_millis(bytes.up_to(5_000)),
        14 => deadline.unwrap_or(now),
        _ => deadline.map_or(now, |at| at.saturating_sub(Duration::from_micros(1)).max(now)),
    }
}

/// A meetup's surroundings: peers, pumps and a network. Two peers that said hello never wait side
/// by side; each gets the other's hello as it was said, before anything else; every request is
/// answered or handed on, once; nobody is told anything after its close.
struct Surroundings {
    next_id: ConnectionId,
    connections: BTreeMap<ConnectionId, Connection>,
    pumps: Option<Pumps>,
    is_parting: bool,
    /// Answers that the last input calls for, by connection: those still to be written, and the
    /// status that they must have.
    owed: BTreeMap<ConnectionId, (usize, u16)>,
    /// What was written since the last input.
    written: Vec<(ConnectionId, Vec<u8>)>,
}

#[derive(Default)]
struct Connection {
    hello: Option<Vec<u8>>,
    is_greeted: bool,
    is_paused: bool,
    /// The number of the next request.
    requests: u64,
}

struct Pumps {
    left: ConnectionId,
    right: ConnectionId,
    ledger: Ledger,
}

impl Pumps {
    const fn at(&self, side: Side) -> ConnectionId {
        match side {
            Side::Left => self.left,
            Side::Right => self.right,
        }
    }
}

impl Surroundings {
    fn new(bytes: &mut Bytes<'_>) -> (Self, Config) {
        let config = Config {
            hello_timeout: Duration::from_secs(bytes.pick(&[10, 1, 60])),
            ping_interval: Duration::from_secs(bytes.pick(&[10, 1, 60])),
            ping_timeout: Duration::from_secs(bytes.pick(&[10, 1, 60])),
            on_partner_loss: bytes.pick(&[OnPartnerLoss::Keep, OnPartnerLoss::Close]),
            held_max: bytes.pick(&[4_096, 0, 200]),
        };
        let surroundings = Self {
            next_id: 1,
            connections: BTreeMap::new(),
            pumps: None,
            is_parting: false,
            owed: BTreeMap::new(),
            written: Vec::new(),
        };
        (surroundings, config)
    }

    const fn is_parting(&self) -> bool {
        self.is_parting
    }

    fn input(&mut self, bytes: &mut Bytes<'_>) -> Input {
        self.written.clear();
        if core::mem::take(&mut self.is_parting) {
            let pumps = self.pumps.take().expect("pumps that part");
            for side in Side::BOTH {
                let open = pumps.ledger.open(side);
                if open > 0 && self.connections.contains_key(&pumps.at(side)) {
                    self.owed.insert(pumps.at(side), (open, 502));
                }
            }
            return Input::Parted(pumps.ledger);
        }
        match bytes.up_to(19) {
            0 | 1 => {
                let id = self.next_id;
                self.next_id += 1;
                self.connections.insert(id, Connection::default());
                let identity = Identity {
                    organisations: Vec::new(),
                    common_names: Vec::new(),
                    alt_names: Vec::new(),
                    key: [bytes.pick(&[1, 2, 3]); 32],
                };
                Input::Opened { id, identity }
            }
            2..=8 => self.said(bytes),
            9..=12 => self.relayed(bytes),
            13 | 14 => Input::Traffic { id: self.any(bytes), messages: 0, bytes: 0 },
            15 => Input::Full(self.any(bytes)),
            16 => Input::Drained(self.any(bytes)),
            17 => {
                let id = self.any(bytes);
                self.connections.remove(&id);
                Input::Closed(id)
            }
            18 => Input::Broken { id: self.any(bytes), fault: Fault::Protocol },
            _ if bytes.chance(1) => Input::Stop,
            _ => Input::Barred(self.any(bytes)),
        }
    }

    /// A connection, or one that is not there.
    fn any(&self, bytes: &mut Bytes<'_>) -> ConnectionId {
        let nth = bytes.count(self.connections.len());
        self.connections.keys().nth(nth).copied().unwrap_or(1_000_000)
    }

    /// Something that a connection says to the meetup: first hello, then anything.
    fn said(&mut self, bytes: &mut Bytes<'_>) -> Input {
        let id = self.any(bytes);
        let is_pumped =
            self.pumps.as_ref().is_some_and(|pumps| pumps.left == id || pumps.right == id);
        let Some(connection) = self.connections.get_mut(&id).filter(|peer| !peer.is_paused) else {
            return Input::Closed(1_000_000);
        };
        if is_pumped {
            return Input::Traffic { id, messages: 0, bytes: 0 };
        }
        let hello = format!(
            r#"{{ "message":{{"messageId":{id},"messageType":"CONN:HELLO","peerClass":"{}"}}}}"#,
            bytes.pick(&["gateway", "manager"])
        );
        let payload = match bytes.up_to(9) {
            _ if !connection.is_greeted && !bytes.chance(20) => hello.clone().into_bytes(),
            0..=3 => connection.request(),
            4 => hello.clone().into_bytes(),
            5 => response(bytes.up_to(3)),
            _ => bytes.slice(90).to_vec(),
        };
        if payload == hello.as_bytes() {
            connection.hello = Some(payload.clone());
        }
        if connection.is_greeted && matches!(peek(&payload), Some(Peek::Request(_))) {
            self.owed.insert(id, (1, 503));
        }
        Input::Received { id, frame: Frame { is_text: true, payload } }
    }

    /// Something that a pump passes on.
    fn relayed(&mut self, bytes: &mut Bytes<'_>) -> Input {
        let Some(pumps) = &mut self.pumps else {
            return Input::Drained(1_000_000);
        };
        let side = bytes.pick(&Side::BOTH);
        let id = pumps.at(side);
        let payload = match bytes.up_to(2) {
            0 => response(bytes.up_to(3)),
            _ => self.connections.get_mut(&id).map(Connection::request).unwrap_or_default(),
        };
        let before = pumps.ledger.open(side.other());
        let passage = pumps.ledger.note(side, &payload);
        if passage == Passage::Stale {
            assert!(matches!(peek(&payload), Some(Peek::Response(_))));
            assert_eq!(pumps.ledger.open(side.other()), before, "stale, and yet an answer");
        }
        Input::Traffic { id, messages: 1, bytes: payload.len() as u64 }
    }

    fn told(&mut self, output: &Output) {
        match output {
            Output::Answered { id, requests, status } => {
                let owed = self.owed.remove(id);
                assert_eq!(owed, Some((0, u16::from(*status))), "{requests} requests");
            }
            Output::Close { id, farewell } => {
                assert!(self.connections.remove(id).is_some(), "closed twice");
                assert!(farewell.to_string().len() <= 123);
                self.owed.remove(id);
            }
            Output::Dropped { messages, .. } => assert!(*messages > 0),
            Output::Greeted { id, .. } => {
                let connection = self.connections.get_mut(id).expect("a connection");
                assert!(connection.hello.is_some(), "greeted without a hello");
                assert!(!core::mem::replace(&mut connection.is_greeted, true), "greeted twice");
            }
            Output::Paired { left, right, ledger } => self.paired(*left, *right, ledger),
            Output::Part => {
                assert!(self.pumps.is_some(), "nothing to part");
                assert!(!core::mem::replace(&mut self.is_parting, true), "parted twice");
            }
            Output::Pause(id) => self.pause(*id, true),
            Output::Ping(id) => assert!(self.connections.contains_key(id)),
            Output::Resume(id) => self.pause(*id, false),
            Output::Send { id, frame } => {
                assert!(self.connections.contains_key(id), "written after its end");
                if let Some((left, _)) = self.owed.get_mut(id)
                    && let Some(Peek::Response(_)) = peek(&frame.payload)
                {
                    *left = left.checked_sub(1).expect("one answer to each request");
                }
                self.written.push((*id, frame.payload.clone()));
            }
        }
    }

    fn paired(&mut self, left: ConnectionId, right: ConnectionId, ledger: &Ledger) {
        assert!(self.pumps.is_none(), "paired twice");
        assert_ne!(left, right, "paired with itself");
        for (to, from) in [(left, right), (right, left)] {
            let hello = self.connections.get(&from).and_then(|peer| peer.hello.clone());
            let first = self.written.iter().find(|(id, payload)| {
                *id == to && !matches!(peek(payload), Some(Peek::Response(_)))
            });
            let first = first.map(|(_, payload)| payload);
            assert_eq!(first, hello.as_ref(), "the hello is not the first that {to} gets");
        }
        assert_eq!(ledger.open(Side::Left) + ledger.open(Side::Right), 0);
        self.pumps = Some(Pumps { left, right, ledger: ledger.clone() });
    }

    fn pause(&mut self, id: ConnectionId, is_paused: bool) {
        // A connection may be resumed in the moment in which it is forgotten, but not after.
        let connection = self.connections.get_mut(&id).expect("a connection");
        let before = core::mem::replace(&mut connection.is_paused, is_paused);
        assert_ne!(before, is_paused, "said twice");
    }

    fn rests(&mut self, meetup: &Meetup) {
        assert!(self.owed.is_empty(), "unanswered: {:?}", self.owed);
        let peers = meetup.peers();
        assert!(peers.len() <= CONNECTIONS_MAX);
        let ids: Vec<_> = peers.iter().map(|peer| peer.id).collect();
        assert_eq!(ids, self.connections.keys().copied().collect::<Vec<_>>());
        assert_eq!(meetup.is_empty(), peers.is_empty() && self.pumps.is_none());
        let count = |stage| peers.iter().filter(|peer| peer.stage == stage).count();
        assert!(count(Stage::Probing) <= 1);
        let is_relaying = self.pumps.is_some() && !self.is_parting;
        assert_eq!(count(Stage::Paired), if is_relaying { 2 } else { 0 });
        assert!(self.is_parting || count(Stage::Waiting) <= 1, "they wait side by side");
        let greeted = self.connections.values().filter(|peer| peer.is_greeted).count();
        assert_eq!(greeted + count(Stage::Greeting), peers.len());
    }
}

impl Connection {
    fn request(&mut self) -> Vec<u8> {
        self.requests += 1;
        let id = self.requests % 4;
        format!(r#"{{"message":{{"messageId":{id},"messageType":"REST:REQUEST"}}}}"#).into_bytes()
    }
}

fn response(to: u64) -> Vec<u8> {
    format!(r#"{{"message":{{"inResponseTo":{to},"messageType":"REST:RESPONSE"}}}}"#).into_bytes()
}
