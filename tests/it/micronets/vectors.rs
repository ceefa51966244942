//! The README's examples and a recorded session, run through messages, HTTP and the meetup.
//!
//! `session.jsonl` was recorded at the original proxy between the real gateway, manager and test
//! client: what each connection sent and what the proxy delivered to it, in order. `readme.jsonl`
//! holds the README's examples, with the comma that its POST response lacks.

use std::{collections::BTreeMap, fs, path::Path};

use mistgate_core::base::machine::Machine;
use mistgate_core::base::time::Instant;
use mistgate_core::micronets::access::Identity;
use mistgate_core::micronets::http;
use mistgate_core::micronets::meetup::Meetup;
use mistgate_core::micronets::meetup::input::{
    Config, ConnectionId, Frame, Input, OnPartnerLoss, Traffic,
};
use mistgate_core::micronets::meetup::output::Output;
use mistgate_core::micronets::message::{Content, Id, Message, Pair};
use mistgate_core::micronets::peek::{Peek, peek};
use mistgate_core::micronets::pending::{PendingRequests, Side, Verdict};
use mistgate_tests::base::bytes::noise;
use mistgate_tests::micronets::{
    micronets_http, micronets_meetup, micronets_message, micronets_upgrade,
};
use serde_json::Value;

fn lines(name: &str, at_least: usize) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/micronets").join(name);
    let text = fs::read_to_string(&path).expect("vectors");
    let lines: Vec<_> =
        text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    assert!(lines.len() >= at_least, "only {} lines in {name}", lines.len());
    lines
}

fn messages() -> Vec<Value> {
    let vectors = [lines("readme.jsonl", 8), lines("session.jsonl", 200)].concat();
    let messages: Vec<_> =
        vectors.into_iter().filter_map(|line| line.get("msg").cloned()).collect();
    assert!(messages.len() >= 190, "only {} messages", messages.len());
    messages
}

/// Removes nulls, which mean the same as absent members.
fn without_nulls(mut message: Value) -> Value {
    if let Some(members) = message.get_mut("message").and_then(Value::as_object_mut) {
        members.retain(|_, value| !value.is_null());
    }
    message
}

#[test]
fn every_message_is_read_in_full_and_written_again() {
    let mut kinds = BTreeMap::<&str, usize>::new();
    for value in messages() {
        let text = value.to_string();
        let message = Message::parse(text.as_bytes()).unwrap_or_else(|e| panic!("{e}: {text}"));
        let kind = match &message.content {
            Content::Event(_) => "event",
            Content::Hello(hello) => {
                assert!(hello.peer_class.is_some() && hello.peer_id.is_some());
                "hello"
            }
            Content::Other(kind) => panic!("{kind}"),
            Content::Request(_) => "request",
            Content::Response(_) => "response",
        };
        *kinds.entry(kind).or_default() += 1;
        assert!(message.unknown.is_empty(), "{text}");
        let written: Value = serde_json::from_str(&message.encode()).expect("JSON");
        assert_eq!(written, without_nulls(value), "{text}");

        let expected = match message.content {
            Content::Request(_) => message.id.map(Peek::Request),
            Content::Response(_) => message.in_response_to.map(Peek::Response),
            Content::Event(_) | Content::Hello(_) | Content::Other(_) => None,
        };
        assert_eq!(peek(text.as_bytes()), expected, "{text}");
    }
    assert!(kinds.len() == 4 && kinds.values().all(|count| *count >= 10), "{kinds:?}");
}

#[test]
fn the_http_in_every_message_comes_out_and_goes_in_again() {
    let mut methods = BTreeMap::new();
    for value in messages() {
        let text = value.to_string();
        let message = Message::parse(text.as_bytes()).expect("a message");
        let sent = value.get("message").cloned().unwrap_or_default();
        let body = sent.get("messageBody").filter(|body| **body != serde_json::json!({}));
        match &message.content {
            Content::Request(request) => {
                let http = http::request_from_message(request).expect("HTTP");
                *methods.entry(http.method.to_string()).or_insert(0) += 1;
                let is_type = |name: &str| name.eq_ignore_ascii_case("content-type");
                let typed = http.headers.iter().filter(|header| is_type(&header.name)).count();
                assert_eq!(typed, usize::from(!http.body.is_empty()), "{text}");
                let again = http::request_to_message(Id::number(1), &http).expect("a message");
                let again: Value = serde_json::from_str(&again.encode()).expect("JSON");
                let again = again.get("message").cloned().unwrap_or_default();
                assert_eq!(again.get("messageBody"), body, "{text}");
                assert_eq!(again.get("path"), sent.get("path"), "{text}");
            }
            Content::Response(response) => {
                let http = http::response_from_message(response, "GET").expect("HTTP");
                let (id, to) = (Id::number(1), Id::number(2));
                let again = http::response_to_message(id, to, "GET", &http).expect("a message");
                let again: Value = serde_json::from_str(&again.encode()).expect("JSON");
                let again = again.get("message").cloned().unwrap_or_default();
                assert_eq!(again.get("messageBody"), sent.get("messageBody"), "{text}");
                assert_eq!(again.get("statusCode"), sent.get("statusCode"), "{text}");
            }
            Content::Event(_) | Content::Hello(_) | Content::Other(_) => {}
        }
    }
    let methods: Vec<_> = methods.into_keys().collect();
    assert_eq!(methods, ["DELETE", "GET", "POST", "PUT"]);
}

/// An HTTP message as on the wire, without framing headers.
fn wire(start: &str, headers: &[Pair<'_>], body: &[u8]) -> String {
    let headers: String =
        headers.iter().map(|Pair { name, value }| format!("{name}: {value}\n")).collect();
    format!("{start}\n{headers}\n{}", String::from_utf8_lossy(body))
}

#[test]
fn the_readmes_examples_are_this_http() {
    const HEAD: &str = "Host: localhost:5001\nUser-Agent: curl/7.54.0\nAccept: */*\n";
    const JSON: &str = "Content-Type: application/json\n";
    let subnets = "/micronets/v1/dhcp/subnets";
    let expected = [
        ("GET request", format!("GET {subnets}\n{HEAD}\n")),
        ("POST request", format!("POST {subnets}\n{HEAD}{JSON}\n*")),
        ("PUT request", format!("PUT {subnets}/mocksubnet007\n{HEAD}{JSON}\n*")),
        ("GET response", format!("200\n{JSON}\n*")),
        ("POST response", format!("201\n{JSON}\n*")),
        ("PUT response", format!("200\n{JSON}\n*")),
        ("DELETE response", "200\n\n".to_owned()),
    ];
    let mut seen = Vec::new();
    for line in lines("readme.jsonl", 8) {
        let name = line.get("example").and_then(Value::as_str).expect("a name").to_owned();
        let text = line.get("msg").expect("a message").to_string();
        let body = line.pointer("/msg/message/messageBody").map(Value::to_string);
        let message = Message::parse(text.as_bytes()).expect("a message");
        let (http, body_sent) = match &message.content {
            Content::Request(request) => {
                let http::Request { method, target, headers, body } =
                    http::request_from_message(request).expect("HTTP");
                (wire(&format!("{method} {target}"), &headers, &body), body)
            }
            Content::Response(response) => {
                let method = name.split(' ').next().expect("a word");
                let http::Response { status, headers, body } =
                    http::response_from_message(response, method).expect("HTTP");
                (wire(&status.to_string(), &headers, &body), body)
            }
            Content::Event(_) | Content::Hello(_) | Content::Other(_) => continue,
        };
        assert_eq!(
            serde_json::from_slice::<Value>(&body_sent).ok().map(|json| json.to_string()),
            body
        );
        let (_, expected) = expected.iter().find(|(known, _)| *known == name).expect("an example");
        let body = String::from_utf8(body_sent).expect("UTF-8");
        assert_eq!(http, expected.replacen("\n*", &format!("\n{body}"), 1), "{name}");
        seen.push(name);
    }
    assert_eq!(seen.len(), expected.len(), "{seen:?}");
}

/// A meetup and the parts of the runtime that surround it.
struct Driven {
    meetup: Meetup,
    pumps: Option<(ConnectionId, ConnectionId, PendingRequests)>,
    delivered: BTreeMap<ConnectionId, Vec<Value>>,
    closed: Vec<ConnectionId>,
}

impl Driven {
    fn new() -> Self {
        let config = Config { on_partner_loss: OnPartnerLoss::Close, ..Config::default() };
        Self {
            meetup: Meetup::new(config, 0, Instant::default()),
            pumps: None,
            delivered: BTreeMap::new(),
            closed: Vec::new(),
        }
    }

    fn sent(&mut self, now: Instant, id: ConnectionId, message: &Value) {
        let payload = message.to_string().into_bytes();
        if let Some((left, right, pending)) = &mut self.pumps {
            let (side, partner) =
                if *left == id { (Side::Left, *right) } else { (Side::Right, *left) };
            assert_eq!(pending.note(side, &payload), Verdict::Relay);
            self.delivered.entry(partner).or_default().push(message.clone());
            self.handle(
                now,
                Input::Traffic {
                    id,
                    traffic: Traffic { messages: 1, bytes: payload.len() as u64 },
                },
            );
        } else {
            self.handle(now, Input::Received { id, frame: Frame::text(payload) });
        }
    }

    fn handle(&mut self, now: Instant, input: Input) {
        let mut next = Some(input);
        while let Some(input) = next.take() {
            self.meetup.handle_timeout(now);
            self.meetup.handle_input(now, input);
            while let Some(output) = self.meetup.poll_output() {
                match output {
                    Output::Answered { .. } | Output::Dropped { .. } => panic!("{output:?}"),
                    Output::Close { id, .. } => self.closed.push(id),
                    Output::Paired { left, right, pending } => {
                        self.pumps = Some((left, right, pending));
                    }
                    Output::Part => {
                        let (_, _, pending) = self.pumps.take().expect("pumps");
                        next = Some(Input::Parted(pending));
                    }
                    Output::Send { id, frame } => {
                        let message = serde_json::from_slice(&frame.payload).expect("JSON");
                        self.delivered.entry(id).or_default().push(message);
                    }
                    Output::Greeted { .. }
                    | Output::Judged { .. }
                    | Output::Pause(_)
                    | Output::Ping(_)
                    | Output::Resume(_) => {}
                }
            }
        }
    }
}

#[test]
fn real_sessions_go_as_they_went_at_the_original() {
    let mut meetups = BTreeMap::<String, Driven>::new();
    let mut paths = BTreeMap::<ConnectionId, String>::new();
    let mut recorded = BTreeMap::<ConnectionId, Vec<Value>>::new();
    let text = |line: &Value, name: &str| {
        line.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    for line in lines("session.jsonl", 200) {
        let id = line.get("conn").and_then(Value::as_u64).expect("a connection");
        let secs = line.get("t").and_then(Value::as_f64).expect("a time");
        let now = Instant::from_micros((secs * 1e6) as u64);
        if text(&line, "event") == "open" {
            paths.insert(id, text(&line, "path"));
        }
        let path = paths.get(&id).expect("a path").clone();
        let driven = meetups.entry(path).or_insert_with(Driven::new);
        match (&*text(&line, "event"), &*text(&line, "dir"), &*text(&line, "by")) {
            ("open", ..) => {
                let kind = u8::from(text(&line, "peer").starts_with("gateway"));
                let identity = Identity {
                    organisations: Vec::new(),
                    common_names: Vec::new(),
                    alt_names: Vec::new(),
                    key: [kind; 32],
                };
                driven.handle(now, Input::Opened { id, identity });
            }
            ("close", _, "peer") => driven.handle(now, Input::Closed(id)),
            (_, "sent", _) => driven.sent(now, id, line.get("msg").expect("a message")),
            (_, "delivered", _) => {
                let message = line.get("msg").expect("a message");
                recorded.entry(id).or_default().push(message.clone());
            }
            _ => {}
        }
    }
    let mut delivered = BTreeMap::new();
    for driven in meetups.into_values() {
        assert!(driven.meetup.is_empty(), "{:?}", driven.meetup.peers());
        assert!(!driven.closed.is_empty(), "nobody outlives its partner here");
        delivered.extend(driven.delivered);
    }
    assert!(recorded.values().map(Vec::len).sum::<usize>() > 90, "too few deliveries");
    assert_eq!(delivered, recorded);
}

const HEAD: &str = "GET /micronets/v1/ws-proxy/gw HTTP/1.1\r\nHost: h:5050\r\n\
    Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

#[test]
fn the_laws_hold_for_noise() {
    for seed in 0..60 {
        let noise = noise(seed, 1_500);
        micronets_message(&noise);
        micronets_http(&noise);
        micronets_meetup(&noise);
        micronets_upgrade(&noise);
        let mut head = HEAD.as_bytes().to_vec();
        for (at, byte) in noise.iter().take(3).zip(noise.iter().skip(3)) {
            let at = usize::from(*at) % head.len();
            head.splice(at..=at, [*byte]);
            micronets_upgrade(&head);
        }
    }
    for message in messages() {
        micronets_message(message.to_string().as_bytes());
    }
}
