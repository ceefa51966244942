//! The laws of a meetup. Two peers that said hello are always introduced. Each gets the other's
//! hello unchanged, before anything else. Every request is answered or forwarded, once. A response
//! is stale only if one of the two knows what it answers. Nothing is sent to a connection after its
//! close.

use core::{fmt::Write as _, time::Duration};
use std::collections::{BTreeMap, BTreeSet};

use mistgate_core::base::machine::Machine;
use mistgate_core::base::time::Instant;
use mistgate_core::micronets::access::Identity;
use mistgate_core::micronets::close_reason::Fault;
use mistgate_core::micronets::keepalive::Timing;
use mistgate_core::micronets::meetup::input::{
    Config, ConnectionId, Frame, Input, OnPartnerLoss, Traffic,
};
use mistgate_core::micronets::meetup::output::Output;
use mistgate_core::micronets::meetup::status::Stage;
use mistgate_core::micronets::meetup::{CONNECTIONS_MAX, Meetup};
use mistgate_core::micronets::peek::{Peek, peek};
use mistgate_core::micronets::pending::{PendingRequests, Side, Verdict};

use crate::base::bytes::Bytes;

/// The most operations of one run. The bytes that remain are not used.
const OPERATIONS_MAX: usize = 2_000;
/// If one input has more outputs than this, the drain does not end.
const OUTPUTS_MAX: usize = 10_000;

/// Checks a meetup against the laws, with operations from `data`.
pub(super) fn check(data: &[u8]) {
    let text = run(data, 0);
    let again = run(data, 2);
    assert_eq!(text, again, "calls of handle_timeout that were too many made a difference");
}

/// Runs the operations, and gives all outputs as text.
fn run(data: &[u8], extra_timeouts: usize) -> String {
    let bytes = &mut Bytes::new(data);
    let mut now = Instant::from_secs(bytes.pick(&[1_000, 0]));
    let (mut surroundings, config) = Surroundings::new(bytes);
    let mut meetup = Meetup::new(config, 0, now);
    let mut text = String::new();
    let mut drain = |surroundings: &mut Surroundings, meetup: &mut Meetup, now: Instant| {
        for outputs in 0.. {
            assert!(outputs <= OUTPUTS_MAX, "the drain does not end");
            let Some(output) = meetup.poll_output() else {
                break;
            };
            let _ = writeln!(text, "{} {output:?}", now.as_micros());
            surroundings.note_output(&output);
        }
        let deadline = meetup.poll_timeout();
        assert!(deadline.is_none_or(|at| at > now), "{deadline:?} is not after {now:?}");
        surroundings.check_drained(meetup);
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
    text
}

/// The time of the next operation: now, soon, at the deadline, or just before it.
fn later(bytes: &mut Bytes<'_>, now: Instant, deadline: Option<Instant>) -> Instant {
    match bytes.up_to(15) {
        0..=9 => now,
        10..=13 => now + Duration::from_millis(bytes.up_to(5_000)),
        14 => deadline.unwrap_or(now),
        _ => deadline.map_or(now, |at| at.saturating_sub(Duration::from_micros(1)).max(now)),
    }
}

/// A meetup's surroundings: peers, connection tasks and a network.
struct Surroundings {
    next_id: ConnectionId,
    connections: BTreeMap<ConnectionId, Connection>,
    pumps: Option<Pumps>,
    is_parting: bool,
    /// For each connection, how many answers the last input requires, and the status that they must
    /// have.
    expected_answers: BTreeMap<ConnectionId, (usize, u16)>,
    /// What was written since the last input.
    written: Vec<(ConnectionId, Vec<u8>)>,
}

#[derive(Default)]
struct Connection {
    hello: Option<Vec<u8>>,
    is_greeted: bool,
    is_paused: bool,
    is_suspect: bool,
    /// The number of the next request.
    requests: u64,
    /// The ids of the requests that were relayed to it and from it.
    asked: BTreeSet<String>,
}

struct Pumps {
    left: ConnectionId,
    right: ConnectionId,
    pending: PendingRequests,
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
            pings: Timing {
                interval: Duration::from_secs(bytes.pick(&[10, 1, 60])),
                timeout: Duration::from_secs(bytes.pick(&[10, 1, 60])),
            },
            request_timeout: Duration::from_secs(bytes.pick(&[30, 1, 5])),
            on_partner_loss: bytes.pick(&[OnPartnerLoss::Keep, OnPartnerLoss::Close]),
            held_max: bytes.pick(&[4_096, 0, 200]),
        };
        let surroundings = Self {
            next_id: 1,
            connections: BTreeMap::new(),
            pumps: None,
            is_parting: false,
            expected_answers: BTreeMap::new(),
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
                let open = pumps.pending.open(side);
                if open > 0 && self.connections.contains_key(&pumps.at(side)) {
                    self.expected_answers.insert(pumps.at(side), (open, 502));
                }
            }
            return Input::Parted(pumps.pending);
        }
        match bytes.up_to(20) {
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
            2..=8 => self.message(bytes),
            9..=12 => self.relayed(bytes),
            13 | 14 => {
                Input::Traffic { id: self.any(bytes), traffic: Traffic { messages: 0, bytes: 0 } }
            }
            15 => Input::Full(self.any(bytes)),
            16 => Input::Drained(self.any(bytes)),
            17 => {
                let id = self.any(bytes);
                self.connections.remove(&id);
                Input::Closed(id)
            }
            20 => match &self.pumps {
                Some(pumps) => Input::Owing(pumps.at(bytes.pick(&Side::BOTH))),
                None => Input::Owing(1_000_000),
            },
            18 => Input::Broken { id: self.any(bytes), fault: Fault::Protocol },
            _ if bytes.chance(1) => Input::Stop,
            _ => Input::Barred(self.any(bytes)),
        }
    }

    /// A connection, or an id without one.
    fn any(&self, bytes: &mut Bytes<'_>) -> ConnectionId {
        let nth = bytes.count(self.connections.len());
        self.connections.keys().nth(nth).copied().unwrap_or(1_000_000)
    }

    /// A message from a connection: first a hello, then anything.
    fn message(&mut self, bytes: &mut Bytes<'_>) -> Input {
        let id = self.any(bytes);
        let is_pumped =
            self.pumps.as_ref().is_some_and(|pumps| pumps.left == id || pumps.right == id);
        let Some(connection) = self.connections.get_mut(&id).filter(|peer| !peer.is_paused) else {
            return Input::Closed(1_000_000);
        };
        if is_pumped {
            return Input::Traffic { id, traffic: Traffic { messages: 0, bytes: 0 } };
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
            self.expected_answers.insert(id, (1, 503));
        }
        Input::Received { id, frame: Frame { is_text: true, payload } }
    }

    /// A message that a connection has received for its partner.
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
        let before = pumps.pending.open(side.other());
        let passage = pumps.pending.note(side, &payload);
        let partner = pumps.at(side.other());
        match (passage, peek(&payload)) {
            (Verdict::Stale, Some(Peek::Response(to))) => {
                assert_eq!(pumps.pending.open(side.other()), before, "stale, and yet an answer");
                let knows = |id| {
                    self.connections.get(id).is_some_and(|peer| peer.asked.contains(to.as_str()))
                };
                assert!(knows(&id) || knows(&partner), "stale, and yet new to both");
            }
            (Verdict::Stale, _) => panic!("stale, and yet no response"),
            (Verdict::Relay, Some(Peek::Request(asked))) => {
                for id in [id, partner] {
                    let connection = self.connections.get_mut(&id);
                    connection.map(|peer| peer.asked.insert(asked.as_str().to_owned()));
                }
            }
            (Verdict::Relay, _) => {}
        }
        Input::Traffic { id, traffic: Traffic { messages: 1, bytes: payload.len() as u64 } }
    }

    fn note_output(&mut self, output: &Output) {
        match output {
            Output::Answered { id, requests, status } => {
                let expected_answers = self.expected_answers.remove(id);
                assert_eq!(expected_answers, Some((0, u16::from(*status))), "{requests} requests");
            }
            Output::Close { id, reason } => {
                assert!(self.connections.remove(id).is_some(), "closed twice");
                assert!(reason.to_string().len() <= 123);
                self.expected_answers.remove(id);
            }
            Output::Dropped { lost, .. } => assert!(lost.messages > 0),
            Output::Greeted { id, .. } => {
                let connection = self.connections.get_mut(id).expect("a connection");
                assert!(connection.hello.is_some(), "greeted without a hello");
                assert!(!core::mem::replace(&mut connection.is_greeted, true), "greeted twice");
            }
            Output::Judged { id, is_suspect } => {
                let connection = self.connections.get_mut(id).expect("a connection");
                let before = core::mem::replace(&mut connection.is_suspect, *is_suspect);
                assert_ne!(before, *is_suspect, "judged twice");
            }
            Output::Paired { left, right, pending } => self.paired(*left, *right, pending),
            Output::Part => {
                assert!(self.pumps.is_some(), "nothing to part");
                assert!(!core::mem::replace(&mut self.is_parting, true), "parted twice");
            }
            Output::Pause(id) => self.pause(*id, true),
            Output::Ping(id) => assert!(self.connections.contains_key(id)),
            Output::Resume(id) => self.pause(*id, false),
            Output::Send { id, frame } => {
                assert!(self.connections.contains_key(id), "written after its end");
                if let Some((left, _)) = self.expected_answers.get_mut(id)
                    && let Some(Peek::Response(_)) = peek(&frame.payload)
                {
                    *left = left.checked_sub(1).expect("one answer to each request");
                }
                self.written.push((*id, frame.payload.clone()));
            }
        }
    }

    fn paired(&mut self, left: ConnectionId, right: ConnectionId, pending: &PendingRequests) {
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
        assert_eq!(pending.open(Side::Left) + pending.open(Side::Right), 0);
        self.pumps = Some(Pumps { left, right, pending: pending.clone() });
    }

    fn pause(&mut self, id: ConnectionId, is_paused: bool) {
        // A connection may be resumed in the moment in which it is forgotten, but not later.
        let connection = self.connections.get_mut(&id).expect("a connection");
        let before = core::mem::replace(&mut connection.is_paused, is_paused);
        assert_ne!(before, is_paused, "said twice");
    }

    fn check_drained(&mut self, meetup: &Meetup) {
        assert!(self.expected_answers.is_empty(), "unanswered: {:?}", self.expected_answers);
        let peers = meetup.peers();
        assert!(peers.len() <= CONNECTIONS_MAX);
        let ids: Vec<_> = peers.iter().map(|peer| peer.id).collect();
        assert_eq!(ids, self.connections.keys().copied().collect::<Vec<_>>());
        assert_eq!(meetup.is_empty(), peers.is_empty() && self.pumps.is_none());
        let count = |stage| peers.iter().filter(|peer| peer.stage == stage).count();
        assert!(count(Stage::Probing) <= 1);
        let is_relaying = self.pumps.is_some() && !self.is_parting;
        let suspects = self.connections.values().filter(|peer| peer.is_suspect).count();
        assert_eq!(count(Stage::Suspect), suspects);
        match is_relaying {
            true => assert_eq!(count(Stage::Paired) + suspects, 2),
            false => assert_eq!(count(Stage::Paired), 0),
        }
        assert_eq!(meetup.is_healthy(), is_relaying && suspects == 0);
        let waiting = count(Stage::Waiting) + if is_relaying { 0 } else { suspects };
        assert!(self.is_parting || waiting <= 1, "they wait side by side");
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
