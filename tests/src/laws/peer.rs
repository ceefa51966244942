//! The laws of the peer. Every HTTP request is answered once. Each request of the partner starts
//! once and is answered once. No more are in flight than allowed. Nothing is sent on a connection
//! that is not open. A line is read only after the one before is done.

use core::time::Duration;
use std::collections::BTreeSet;

use mistgate_core::base::time::Instant;
use mistgate_core::micronets::close_reason::Fault;
use mistgate_core::micronets::http;
use mistgate_core::micronets::message::Pair;
use mistgate_core::micronets::peek::{Peek, peek};
use mistgate_core::micronets::peer::Peer;
use mistgate_core::micronets::peer::input::{Config, ForwardId, Input, LinkId, RequestId};
use mistgate_core::micronets::peer::output::Output;

use super::Subject;
use crate::base::bytes::Bytes;

const HELLO: &str = r#"{"message":{"messageId":0,"messageType":"CONN:HELLO"}}"#;

/// The stage of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Attempt,
    Closing,
    Open,
}

/// A proxy, a partner, HTTP clients, a local server, and standard input.
pub struct Surroundings {
    config: Config,
    /// The connection that the peer knows, and its stage.
    link: Option<(LinkId, Stage)>,
    last_link: LinkId,
    unsent: usize,
    is_paused: bool,
    is_introduced: bool,
    /// The ids of the last requests that were sent.
    waiting: Vec<String>,
    last_request: RequestId,
    unanswered: BTreeSet<RequestId>,
    begun: BTreeSet<ForwardId>,
    last_forward: ForwardId,
    may_type: bool,
    is_finished: bool,
    is_stopped: bool,
}

impl Subject for Surroundings {
    type Machine = Peer;

    fn new(bytes: &mut Bytes<'_>, _now: Instant) -> (Self, Config) {
        let config = Config {
            forwards: bytes.chance(200),
            ends_with_input: bytes.chance(30),
            request_timeout: Duration::from_secs(bytes.pick(&[30, 1, 600])),
            message_max: bytes.pick(&[1 << 20, 300]),
            unsent_max: bytes.pick(&[1 << 20, 200]),
            calls_max: bytes.pick(&[512, 2]),
            forwards_max: bytes.pick(&[32, 1]),
            waiting_max: bytes.pick(&[256, 2, 0]),
            waiting_bytes_max: bytes.pick(&[1 << 20, 10]),
            ..Config::default()
        };
        let surroundings = Self {
            config: config.clone(),
            link: None,
            last_link: 0,
            unsent: 0,
            is_paused: false,
            is_introduced: false,
            waiting: Vec::new(),
            last_request: 0,
            unanswered: BTreeSet::new(),
            begun: BTreeSet::new(),
            last_forward: 0,
            may_type: true,
            is_finished: false,
            is_stopped: false,
        };
        (surroundings, config)
    }

    fn input(&mut self, bytes: &mut Bytes<'_>, _now: Instant) -> Input {
        // Mostly the current connection, and sometimes an earlier one.
        let link = self.link.map_or(1, |(id, _)| id).saturating_sub(u64::from(bytes.chance(20)));
        // Time advances in large steps here, and most of the behaviour needs a partner.
        match self.link {
            Some((link, Stage::Attempt)) if bytes.chance(180) => {
                self.open(link);
                return Input::Opened(link);
            }
            Some((link, Stage::Open)) if !self.is_introduced && bytes.chance(180) => {
                self.is_introduced = true;
                return Input::Received { link, payload: HELLO.into() };
            }
            Some(_) | None => {}
        }
        match bytes.up_to(15) {
            0 => {
                self.open(link);
                Input::Opened(link)
            }
            1 => {
                self.lose(link);
                Input::Closed { link, reason: bytes.text(8) }
            }
            2 if bytes.chance(40) => {
                let fault = bytes.pick(&[Fault::NotUtf8, Fault::Protocol]);
                Input::Broken { link, fault }
            }
            2 | 3 => Input::ControlFrame(link),
            4 => {
                let bytes = bytes.count(self.unsent);
                if self.link == Some((link, Stage::Open)) {
                    self.unsent -= bytes;
                }
                Input::Written { link, bytes }
            }
            5..=7 => {
                self.last_request += 1;
                self.unanswered.insert(self.last_request);
                let (id, tells) = (self.last_request, bytes.chance(40));
                let line = br#"{"messageType":"EVENT:x","messageBody":{}}"#.to_vec();
                match tells {
                    true => Input::Tell { id, line },
                    false => Input::Request { id, request: request(bytes) },
                }
            }
            8 | 9 => {
                let id = bytes.up_to(self.last_forward + 1);
                self.begun.remove(&id);
                let result =
                    if bytes.chance(60) { Err(bytes.text(8)) } else { Ok(response(bytes)) };
                Input::Forwarded { id, result }
            }
            10 if self.may_type => {
                self.may_type = false;
                match bytes.up_to(9) {
                    0 => Input::LineTooLong,
                    1 => Input::StdinEnded,
                    _ => Input::Line(self.message(bytes).into()),
                }
            }
            11 if bytes.chance(10) => {
                self.is_stopped = true;
                Input::Stop
            }
            _ => Input::Received { link, payload: self.message(bytes).into() },
        }
    }

    fn output(&mut self, _now: Instant, output: &Output) {
        let is_answer =
            matches!(output, Output::Respond { .. } | Output::Event(_) | Output::ReadOn);
        assert!(!self.is_finished || is_answer, "after the end: {output:?}");
        match output {
            Output::Abandon(id) => assert!(self.begun.remove(id), "{id} was not begun"),
            Output::Close { link, code, reason } => {
                assert_eq!(self.link, Some((*link, Stage::Open)));
                assert!((1000..=1011).contains(code) && reason.len() <= 123, "{code} {reason}");
                self.link = Some((*link, Stage::Closing));
            }
            Output::Connect(id) => {
                assert!(*id > self.last_link && !self.is_stopped);
                self.last_link = *id;
                self.link = Some((*id, Stage::Attempt));
            }
            Output::Finish { .. } => {
                assert!(self.unanswered.is_empty() && self.begun.is_empty());
                self.is_finished = true;
            }
            Output::Forward { id, .. } => {
                assert!(self.config.forwards && *id > self.last_forward);
                self.last_forward = *id;
                self.begun.insert(*id);
            }
            Output::Hangup(id) => {
                assert_eq!(self.link.map(|(link, _)| link), Some(*id));
                self.lose(*id);
            }
            Output::Event(_) => {}
            Output::Pause(link) | Output::Resume(link) => {
                assert_eq!(self.link, Some((*link, Stage::Open)));
                let pauses = matches!(output, Output::Pause(_));
                assert_ne!(std::mem::replace(&mut self.is_paused, pauses), pauses);
            }
            Output::Ping(link) => assert_eq!(self.link, Some((*link, Stage::Open))),
            Output::Print(line) => assert!(!line.contains(['\r', '\n'])),
            Output::ReadOn => {
                assert!(!std::mem::replace(&mut self.may_type, true), "two lines at once");
            }
            Output::Respond { id, response } => {
                assert!(self.unanswered.remove(id), "{id} is answered twice");
                assert!((200..=599).contains(&response.status));
            }
            Output::Send { link, text } => {
                assert_eq!(self.link, Some((*link, Stage::Open)));
                // A refusal may be a little longer than the message that was too long.
                assert!(text.len() <= self.config.message_max.max(600), "{}", text.len());
                self.unsent += text.len();
                if let Some(Peek::Request(id)) = peek(text.as_bytes()) {
                    self.waiting.push(id.as_str().to_owned());
                }
            }
        }
    }

    fn check_drained(&mut self, _now: Instant, peer: &Peer) {
        let (running, waiting) = peer.forwards();
        assert!(peer.calls() <= self.config.calls_max);
        assert!(running <= self.config.forwards_max && waiting <= self.config.waiting_max);
        assert_eq!(running, self.begun.len());
        assert!(self.unanswered.len() <= peer.calls(), "a request waits in vain");
        if matches!(self.link, Some((_, Stage::Open))) {
            assert_eq!(peer.unsent(), self.unsent);
            assert_eq!(self.is_paused, self.unsent > self.config.unsent_max);
        } else {
            assert_eq!((peer.calls(), running, waiting), (0, 0, 0), "in flight without a link");
        }
    }
}

impl Surroundings {
    fn open(&mut self, id: LinkId) {
        if self.link == Some((id, Stage::Attempt)) {
            self.link = Some((id, Stage::Open));
            (self.unsent, self.is_paused, self.is_introduced) = (0, false, false);
            self.waiting.clear();
        }
    }

    fn lose(&mut self, id: LinkId) {
        self.link.take_if(|(link, _)| *link == id);
    }

    /// A message, mostly a meaningful one.
    fn message(&self, bytes: &mut Bytes<'_>) -> String {
        let nth = bytes.count(self.waiting.len());
        let number = bytes.up_to(12).to_string();
        let id = self.waiting.get(nth).filter(|_| bytes.chance(200)).unwrap_or(&number);
        let kind = bytes.pick(&[
            r#""CONN:HELLO""#,
            r#""REST:REQUEST","method":"GET","path":"/a""#,
            r#""REST:REQUEST","method":"PUT","path":"/a","requiresResponse":false"#,
            r#""REST:REQUEST","method":"PUT","path":7"#,
            r#""REST:RESPONSE","statusCode":200"#,
            r#""REST:RESPONSE","statusCode":99"#,
            r#""REST:RESPONSE","statusCode":100"#,
            r#""EVENT:x""#,
            r#""CONN:INFO""#,
        ]);
        if bytes.chance(10) {
            return bytes.text(30);
        }
        format!(r#"{{"message":{{"messageId":{id},"inResponseTo":{id},"messageType":{kind}}}}}"#)
    }
}

fn request(bytes: &mut Bytes<'_>) -> http::Request {
    let is_odd = bytes.chance(40);
    http::Request {
        method: if is_odd { "A B" } else { bytes.pick(&["GET", "HEAD", "PUT"]) }.into(),
        target: bytes.pick(&["/", "/a?b=c", "/%", "*"]).into(),
        headers: vec![Pair::new("x", bytes.pick(&["", "y", "z\n"]))],
        body: bytes.slice(40).to_vec(),
    }
}

fn response(bytes: &mut Bytes<'_>) -> http::Response {
    http::Response {
        status: bytes.pick(&[200, 204, 100, 999]),
        headers: vec![Pair::new("a", bytes.text(6))],
        body: bytes.slice(400).to_vec(),
    }
}
