//! Timelines: at this moment this happens, and that comes of it.

use alloc::{format, string::ToString, vec, vec::Vec};
use core::time::Duration;

use http_types::StatusCode;

use super::input::{Config, ConnectionId, Frame, Input, OnPartnerLoss, Traffic};
use super::output::Output;
use super::status::Stage;
use super::{CONNECTIONS_MAX, HELLO_MAX, Meetup, ORPHANS_KEPT, PROBE_TIMEOUT};
use crate::base::machine::Machine;
use crate::base::time::Instant;
use crate::micronets::access::Identity;
use crate::micronets::close_reason::{CloseReason, Fault};
use crate::micronets::keepalive::Timing;
use crate::micronets::message::{Content, Error, Message};
use crate::micronets::pending::{PendingRequests, Side, Verdict};

const TEN: Duration = Duration::from_secs(10);
const GATEWAY: &str = r#"{"message":{"peerClass":"micronets-gateway-service","messageId":11,"messageType":"CONN:HELLO","requiresResponse":false}}"#;
const MANAGER: &str = r#"{ "message" : {"messageId":0, "messageType":"CONN:HELLO", "peerClass":"micronets-ws-test-client","peerId":"ä"}}"#;
const EVENT: &str =
    r#"{"message":{"messageId":1,"messageType":"EVENT:x:y","requiresResponse":false}}"#;

/// Whose key a connection holds.
#[derive(Clone, Copy)]
struct Key(u8);

const OF_GATEWAY: Key = Key(1);
const OF_MANAGER: Key = Key(2);

struct Timeline(Meetup);

impl Timeline {
    fn new() -> Self {
        Self::with(Config::default())
    }

    fn with(config: Config) -> Self {
        Self(Meetup::new(config, 0, Instant::from_secs(0)))
    }

    /// At `secs` this goes in, and that comes out.
    #[track_caller]
    fn at(&mut self, secs: u64, input: Input, expected: &[Output]) {
        let now = Instant::from_secs(secs);
        self.due(secs, &[]);
        self.0.handle_input(now, input);
        self.drained(secs, expected);
    }

    /// At `secs` nothing goes in, and that comes out.
    #[track_caller]
    fn due(&mut self, secs: u64, expected: &[Output]) {
        self.0.handle_timeout(Instant::from_secs(secs));
        self.drained(secs, expected);
    }

    #[track_caller]
    fn drained(&mut self, secs: u64, expected: &[Output]) {
        let outputs: Vec<_> = core::iter::from_fn(|| self.0.poll_output()).collect();
        assert_eq!(outputs, expected, "at {secs} s");
        assert!(self.0.poll_timeout().is_none_or(|at| at > Instant::from_secs(secs)));
    }

    #[track_caller]
    fn deadline(&self, secs: u64) {
        assert_eq!(self.0.poll_timeout(), Some(Instant::from_secs(secs)));
    }

    /// Opens a connection and says hello over it.
    #[track_caller]
    fn joins(&mut self, secs: u64, id: ConnectionId, key: Key, hello: &str, then: &[Output]) {
        self.at(secs, opened(id, key), &[]);
        let mut expected = vec![greeted(id, hello)];
        expected.extend_from_slice(then);
        self.at(secs, said(id, hello), &expected);
    }

    /// The gateway as 1 and the manager as 2, introduced.
    #[track_caller]
    fn paired(secs: u64, config: Config) -> Self {
        let mut timeline = Self::with(config);
        timeline.joins(secs, 1, OF_GATEWAY, GATEWAY, &[]);
        let introduced =
            [send(1, MANAGER), send(2, GATEWAY), paired(1, 2, PendingRequests::default())];
        timeline.joins(secs, 2, OF_MANAGER, MANAGER, &introduced);
        timeline
    }
}

fn opened(id: ConnectionId, Key(key): Key) -> Input {
    let identity = Identity {
        organisations: Vec::new(),
        common_names: Vec::new(),
        alt_names: Vec::new(),
        key: [key; 32],
    };
    Input::Opened { id, identity }
}

fn said(id: ConnectionId, text: &str) -> Input {
    Input::Received { id, frame: Frame::text(text) }
}

fn pong(id: ConnectionId) -> Input {
    Input::Traffic { id, traffic: Traffic { messages: 0, bytes: 0 } }
}

fn send(id: ConnectionId, text: &str) -> Output {
    Output::Send { id, frame: Frame::text(text) }
}

fn close(id: ConnectionId, reason: CloseReason) -> Output {
    Output::Close { id, reason }
}

fn paired(left: ConnectionId, right: ConnectionId, pending: PendingRequests) -> Output {
    Output::Paired { left, right, pending }
}

fn dropped(id: ConnectionId, messages: u64, bytes: usize) -> Output {
    let bytes = bytes as u64;
    Output::Dropped { id, lost: Traffic { messages, bytes } }
}

fn greeted(id: ConnectionId, hello: &str) -> Output {
    let message = Message::parse(hello.as_bytes()).expect("a message");
    let Content::Hello(hello) = message.content else { panic!("a hello") };
    Output::Greeted {
        id,
        peer_class: hello.peer_class.map(|name| name.to_string()),
        peer_id: hello.peer_id.map(|name| name.to_string()),
    }
}

fn answered(id: ConnectionId, requests: usize, status: StatusCode) -> Output {
    Output::Answered { id, requests, status }
}

fn request(id: &str) -> Vec<u8> {
    let head = r#""messageType":"REST:REQUEST","requiresResponse":true,"method":"GET""#;
    format!(r#"{{"id":1,"message":{{"messageId":{id},{head},"path":"/"}}}}"#).into_bytes()
}

fn response(to: u64) -> Vec<u8> {
    let head = r#""messageId":1,"messageType":"REST:RESPONSE","statusCode":204"#;
    format!(r#"{{"message":{{"inResponseTo":{to},{head}}}}}"#).into_bytes()
}

fn sent(id: ConnectionId, payload: Vec<u8>) -> Input {
    Input::Received { id, frame: Frame::text(payload) }
}

fn refusal(id: ConnectionId, number: u64, to: &str, status: u16, why: (&str, &str)) -> Output {
    let (reason, text) = why;
    let body = format!(r#"{{"message":"{text}","status_code":{status}}}"#);
    send(
        id,
        &format!(
            r#"{{"message":{{"messageId":{number},"messageType":"REST:RESPONSE","requiresResponse":false,"inResponseTo":{to},"statusCode":{status},"reasonPhrase":"{reason}","dataFormat":"application/json","messageBody":{body}}}}}"#
        ),
    )
}

fn unavailable(id: ConnectionId, number: u64, to: &str) -> Output {
    let why = ("Service Unavailable", "no partner is connected to this meetup");
    refusal(id, number, to, 503, why)
}

fn bad_gateway(id: ConnectionId, number: u64, to: &str) -> Output {
    refusal(id, number, to, 502, ("Bad Gateway", "the partner left before it answered"))
}

#[test]
fn each_peer_gets_the_others_hello_as_it_was_said() {
    let timeline = Timeline::paired(1, Config::default());
    let stages: Vec<_> = timeline
        .0
        .peers()
        .iter()
        .map(|peer| (peer.id, peer.stage, peer.received.messages))
        .collect();
    assert_eq!(stages, [(1, Stage::Paired, 1), (2, Stage::Paired, 1)]);
}

#[test]
fn the_order_of_connections_and_hellos_does_not_count() {
    for (first, second) in [(1, 2), (2, 1)] {
        let mut timeline = Timeline::new();
        timeline.at(0, opened(1, OF_GATEWAY), &[]);
        timeline.at(0, opened(2, OF_MANAGER), &[]);
        let hello = |id| if id == 1 { GATEWAY } else { MANAGER };
        timeline.at(1, said(first, hello(first)), &[greeted(first, hello(first))]);
        timeline.at(
            2,
            said(second, hello(second)),
            &[
                greeted(second, hello(second)),
                send(first, hello(second)),
                send(second, hello(first)),
                paired(first, second, PendingRequests::default()),
            ],
        );
    }
}

#[test]
fn a_binary_hello_is_passed_on_as_text() {
    let mut timeline = Timeline::new();
    timeline.joins(0, 1, OF_GATEWAY, GATEWAY, &[]);
    timeline.at(0, opened(2, OF_MANAGER), &[]);
    let frame = Frame { is_text: false, payload: MANAGER.into() };
    let expected = [
        greeted(2, MANAGER),
        send(1, MANAGER),
        send(2, GATEWAY),
        paired(1, 2, PendingRequests::default()),
    ];
    timeline.at(0, Input::Received { id: 2, frame }, &expected);
}

#[test]
fn who_says_no_hello_is_closed_and_counts_for_nothing() {
    let mut timeline = Timeline::new();
    timeline.at(0, opened(1, OF_MANAGER), &[]);
    timeline.joins(3, 2, OF_MANAGER, MANAGER, &[]);
    timeline.deadline(10);
    let missing = close(1, CloseReason::HelloMissing { after: TEN });
    timeline.due(10, &[missing]);
    timeline.at(11, opened(3, OF_GATEWAY), &[]);
    let event = EVENT.replace("EVENT:x:y", "conn:hello");
    let error = Error::NotHello;
    timeline.at(11, said(3, &event), &[close(3, CloseReason::HelloInvalid(error))]);
    timeline.at(12, opened(4, OF_GATEWAY), &[]);
    let long = format!("{GATEWAY}{}", " ".repeat(HELLO_MAX));
    let oversize = CloseReason::Faulty(Fault::Oversize { max: HELLO_MAX });
    timeline.at(12, said(4, &long), &[close(4, oversize)]);
    timeline.at(12, Input::Closed(2), &[]);
    assert!(timeline.0.is_empty());
}

#[test]
fn a_third_peer_is_refused_and_told_why() {
    let mut timeline = Timeline::paired(0, Config::default());
    timeline.at(1, opened(3, Key(3)), &[close(3, CloseReason::Occupied)]);
    // The gateway's key, which is not the gateway.
    let other = GATEWAY.replace("gateway-service", "other");
    timeline.joins(1, 4, OF_GATEWAY, &other, &[close(4, CloseReason::Occupied)]);
    assert_eq!(timeline.0.peers().len(), 2);
}

#[test]
fn a_meetup_holds_few_connections() {
    let mut timeline = Timeline::new();
    let last = CONNECTIONS_MAX as u64;
    for id in 0..last {
        timeline.at(0, opened(id, Key(7)), &[]);
    }
    timeline.at(0, opened(last, Key(7)), &[close(last, CloseReason::Crowded)]);
}

#[test]
fn every_connection_is_pinged_and_any_sign_of_life_is_an_answer() {
    let mut timeline = Timeline::new();
    timeline.joins(0, 1, OF_GATEWAY, GATEWAY, &[]);
    timeline.due(10, &[Output::Ping(1)]);
    timeline.at(12, pong(1), &[]);
    timeline.deadline(20);
    timeline.due(20, &[Output::Ping(1)]);
    timeline.at(29, said(1, EVENT), &[]);
    timeline.due(30, &[Output::Ping(1)]);
    timeline.at(31, Input::Traffic { id: 1, traffic: Traffic { messages: 5, bytes: 50 } }, &[]);
    timeline.due(40, &[Output::Ping(1)]);
    let bytes = EVENT.len();
    let unanswered = close(1, CloseReason::Unanswered { after: TEN });
    timeline.due(50, &[dropped(1, 1, bytes), unanswered]);
    assert!(timeline.0.is_empty());
    assert_eq!(timeline.0.poll_timeout(), None);
}

#[test]
fn a_survivor_keeps_its_place_and_is_introduced_again() {
    let mut timeline = Timeline::paired(0, Config::default());
    timeline.at(5, Input::Closed(1), &[Output::Part]);
    timeline.at(5, Input::Parted(PendingRequests::default()), &[]);
    assert!(timeline.0.peers().iter().all(|peer| peer.stage == Stage::Waiting));
    let introduced = [send(3, MANAGER), send(2, GATEWAY), paired(3, 2, PendingRequests::default())];
    timeline.joins(8, 3, OF_GATEWAY, GATEWAY, &introduced);
}

#[test]
fn as_in_the_original_nobody_outlives_its_partner_where_that_is_asked_for() {
    let config = Config { on_partner_loss: OnPartnerLoss::Close, ..Config::default() };
    let mut timeline = Timeline::paired(0, config);
    timeline.at(5, Input::Closed(2), &[Output::Part]);
    timeline.at(
        5,
        Input::Parted(PendingRequests::default()),
        &[close(1, CloseReason::PartnerLeft)],
    );
    assert!(timeline.0.is_empty());
}

#[test]
fn another_policy_counts_at_once() {
    let mut timeline = Timeline::paired(0, Config::default());
    let config = Config {
        pings: Timing { interval: 2 * TEN, ..Timing::default() },
        on_partner_loss: OnPartnerLoss::Close,
        ..Config::default()
    };
    timeline.at(5, Input::Configured(config), &[]);
    timeline.due(10, &[Output::Ping(1), Output::Ping(2)]);
    timeline.at(11, pong(1), &[]);
    timeline.at(11, pong(2), &[]);
    timeline.deadline(30);
    timeline.at(12, Input::Closed(2), &[Output::Part]);
    timeline.at(
        12,
        Input::Parted(PendingRequests::default()),
        &[close(1, CloseReason::PartnerLeft)],
    );
}

#[test]
fn a_request_without_a_partner_is_answered_at_once() {
    let mut timeline = Timeline::new();
    timeline.joins(0, 1, OF_MANAGER, MANAGER, &[]);
    for (number, id) in [(1, "7"), (2, "\"seven\"")] {
        let expected = [unavailable(1, number, id), answered(1, 1, StatusCode::ServiceUnavailable)];
        timeline.at(1, sent(1, request(id)), &expected);
    }
}

#[test]
fn a_request_in_flight_is_answered_when_the_partner_goes() {
    let mut timeline = Timeline::paired(0, Config::default());
    let mut pending = PendingRequests::default();
    for id in ["1", "2", "\"x\""] {
        assert_eq!(pending.note(Side::Right, &request(id)), Verdict::Relay);
    }
    assert_eq!(pending.note(Side::Left, &request("9")), Verdict::Relay);
    assert_eq!(pending.note(Side::Left, &response(1)), Verdict::Relay);
    timeline.at(5, Input::Closed(1), &[Output::Part]);
    let owed = [
        bad_gateway(2, 1, "2"),
        bad_gateway(2, 2, "\"x\""),
        answered(2, 2, StatusCode::BadGateway),
    ];
    timeline.at(5, Input::Parted(pending), &owed);
    // The gateway is gone with its own request: whoever comes has not asked.
    let late = response(9);
    let bytes = late.len();
    timeline.at(6, sent(2, late), &[dropped(2, 1, bytes)]);
}

#[test]
fn a_late_response_is_kept_from_the_next_partner_for_a_while() {
    let hellos = [send(1, MANAGER), send(3, GATEWAY)];
    for (returns, passage) in [(8, Verdict::Stale), (9 + ORPHANS_KEPT.as_secs(), Verdict::Relay)] {
        let mut timeline = Timeline::paired(0, Config::default());
        let mut pending = PendingRequests::default();
        let _ = pending.note(Side::Right, &request("1"));
        timeline.at(5, Input::Closed(2), &[Output::Part]);
        timeline.at(5, Input::Parted(pending), &[]);
        for secs in (10..=returns).step_by(10) {
            timeline.due(secs, &[Output::Ping(1)]);
            timeline.at(secs, pong(1), &[]);
        }
        let now = Instant::from_secs(returns);
        timeline.at(returns, opened(3, OF_MANAGER), &[]);
        timeline.0.handle_input(now, said(3, MANAGER));
        let mut outputs: Vec<_> = core::iter::from_fn(|| timeline.0.poll_output()).collect();
        let Some(Output::Paired { left: 1, right: 3, mut pending }) = outputs.pop() else {
            panic!("paired: {outputs:?}");
        };
        assert_eq!(outputs.get(1..), Some(hellos.as_slice()));
        assert_eq!(pending.note(Side::Left, &response(1)), passage);
    }
}

#[test]
fn once_the_survivor_leaves_too_ids_are_new() {
    let asked = || {
        let mut pending = PendingRequests::default();
        let _ = pending.note(Side::Right, &request("1"));
        pending
    };
    let introduced = |left, right| {
        [send(left, MANAGER), send(right, GATEWAY), paired(left, right, PendingRequests::default())]
    };

    // The manager leaves without its response, and then the gateway does.
    let mut timeline = Timeline::paired(0, Config::default());
    timeline.at(5, Input::Closed(2), &[Output::Part]);
    timeline.at(5, Input::Parted(asked()), &[]);
    timeline.at(5, Input::Closed(1), &[]);
    timeline.joins(6, 3, OF_GATEWAY, GATEWAY, &[]);
    timeline.joins(6, 4, OF_MANAGER, MANAGER, &introduced(3, 4));

    // The gateway leaves, and the manager does when it has another one.
    let mut timeline = Timeline::paired(0, Config::default());
    timeline.at(5, Input::Closed(1), &[Output::Part]);
    let answers = [bad_gateway(2, 1, "1"), answered(2, 1, StatusCode::BadGateway)];
    timeline.at(5, Input::Parted(asked()), &answers);
    let mut orphaned = asked();
    let _ = [Side::Left, Side::Right].map(|side| orphaned.part(side));
    let again = [send(3, MANAGER), send(2, GATEWAY), paired(3, 2, orphaned.clone())];
    timeline.joins(6, 3, OF_GATEWAY, GATEWAY, &again);
    timeline.at(7, Input::Closed(2), &[Output::Part]);
    timeline.at(7, Input::Parted(orphaned), &[]);
    timeline.joins(8, 4, OF_MANAGER, MANAGER, &introduced(3, 4));

    // Both leave at once.
    let mut timeline = Timeline::paired(0, Config::default());
    timeline.at(5, Input::Closed(1), &[Output::Part]);
    timeline.at(5, Input::Closed(2), &[]);
    timeline.at(5, Input::Parted(asked()), &[]);
    timeline.joins(6, 3, OF_GATEWAY, GATEWAY, &[]);
    timeline.joins(6, 4, OF_MANAGER, MANAGER, &introduced(3, 4));
}

#[test]
fn what_needs_no_answer_waits_for_the_partner_within_bounds() {
    let config = Config { held_max: 350, ..Config::default() };
    let mut timeline = Timeline::with(config);
    timeline.joins(0, 1, OF_GATEWAY, GATEWAY, &[]);
    let binary = Frame { is_text: false, payload: vec![0xff; 90] };
    let first = Frame::text("not even JSON");
    for frame in [first, Frame::text(EVENT)] {
        timeline.at(1, Input::Received { id: 1, frame }, &[]);
    }
    let received = Input::Received { id: 1, frame: binary.clone() };
    timeline.at(1, received, &[dropped(1, 1, "not even JSON".len())]);
    // A second hello replaces the first.
    let hello = GATEWAY.replace("11", "12");
    timeline.at(2, said(1, &hello), &[]);
    let introduced = [
        send(1, MANAGER),
        send(2, &hello),
        send(2, EVENT),
        Output::Send { id: 2, frame: binary },
        paired(1, 2, PendingRequests::default()),
    ];
    timeline.joins(3, 2, OF_MANAGER, MANAGER, &introduced);
}

#[test]
fn a_peer_that_comes_again_replaces_its_dead_connection() {
    let mut timeline = Timeline::paired(0, Config::default());
    let probe = [Output::Ping(1), Output::Pause(3)];
    timeline.joins(2, 3, OF_GATEWAY, GATEWAY, &probe);
    // The manager's life is not the gateway's.
    timeline.at(3, pong(2), &[]);
    timeline.deadline(2 + PROBE_TIMEOUT.as_secs());
    let replaced = [Output::Part, close(1, CloseReason::Replaced)];
    timeline.due(5, &[&replaced[..], &[Output::Resume(3)]].concat());
    let mut pending = PendingRequests::default();
    let _ = pending.note(Side::Right, &request("4"));
    let outputs = {
        timeline.0.handle_input(Instant::from_secs(5), Input::Parted(pending));
        core::iter::from_fn(|| timeline.0.poll_output()).collect::<Vec<_>>()
    };
    let expected = [
        bad_gateway(2, 1, "4"),
        answered(2, 1, StatusCode::BadGateway),
        send(3, MANAGER),
        send(2, GATEWAY),
    ];
    assert_eq!(outputs.get(..4), Some(expected.as_slice()));
    assert!(matches!(outputs.get(4..), Some([Output::Paired { left: 3, right: 2, .. }])));
}

#[test]
fn a_peer_that_lives_is_not_replaced() {
    let mut timeline = Timeline::paired(0, Config::default());
    timeline.joins(2, 3, OF_GATEWAY, GATEWAY, &[Output::Ping(1), Output::Pause(3)]);
    let traffic = Input::Traffic { id: 1, traffic: Traffic { messages: 1, bytes: 9 } };
    timeline.at(3, traffic, &[close(3, CloseReason::Occupied)]);
    // A claim ends with the connection that made it, and the next one takes its turn.
    timeline.joins(4, 4, OF_GATEWAY, GATEWAY, &[Output::Ping(1), Output::Pause(4)]);
    timeline.at(4, Input::Closed(4), &[]);
    timeline.due(8, &[]);
    timeline.joins(8, 5, OF_GATEWAY, GATEWAY, &[Output::Ping(1), Output::Pause(5)]);
    let replaced = close(5, CloseReason::Replaced);
    let again = [replaced, Output::Ping(1), Output::Pause(6)];
    timeline.joins(9, 6, OF_GATEWAY, GATEWAY, &again);
    // The dead connection's end is noticed, and that decides too.
    timeline.at(9, Input::Closed(1), &[Output::Part, Output::Resume(6)]);
}

#[test]
fn who_has_the_same_id_too_takes_the_place_of_a_connection_that_lives() {
    let mut timeline = Timeline::paired(0, Config::default());
    timeline.at(1, pong(2), &[]);
    let replaced = [Output::Part, close(2, CloseReason::Replaced)];
    timeline.joins(1, 3, OF_MANAGER, MANAGER, &replaced);
    let introduced = [send(1, MANAGER), send(3, GATEWAY), paired(1, 3, PendingRequests::default())];
    timeline.at(1, Input::Parted(PendingRequests::default()), &introduced);
    // Before there is a partner, as well; with another key it is another peer.
    let mut timeline = Timeline::new();
    timeline.joins(0, 1, OF_MANAGER, MANAGER, &[]);
    timeline.joins(1, 2, OF_MANAGER, MANAGER, &[close(1, CloseReason::Replaced)]);
    let introduced = [send(2, MANAGER), send(3, MANAGER), paired(2, 3, PendingRequests::default())];
    timeline.joins(2, 3, OF_GATEWAY, MANAGER, &introduced);
}

#[test]
fn who_answers_nothing_is_suspect_and_gives_way_at_once() {
    let pings = Timing { interval: Duration::from_secs(600), timeout: TEN };
    let config = Config { pings, ..Config::default() };
    let words = |id| Input::Traffic { id, traffic: Traffic { messages: 1, bytes: 9 } };
    let judged = |id, is_suspect| Output::Judged { id, is_suspect };
    let mut timeline = Timeline::paired(0, config);
    timeline.at(1, Input::Owing(1), &[]);
    timeline.at(20, Input::Owing(1), &[]);
    timeline.deadline(31);
    // Whatever it says gives it more time; a pong does not.
    timeline.at(25, words(1), &[]);
    timeline.at(25, Input::Owing(1), &[]);
    timeline.at(40, pong(1), &[]);
    timeline.due(54, &[]);
    timeline.due(55, &[judged(1, true)]);
    let stages = |timeline: &Timeline| -> Vec<_> {
        timeline.0.peers().into_iter().map(|peer| peer.stage).collect()
    };
    assert_eq!(stages(&timeline), [Stage::Suspect, Stage::Paired]);
    assert!(!timeline.0.is_healthy());
    timeline.at(56, Input::Owing(1), &[]);
    timeline.at(57, words(1), &[judged(1, false)]);
    assert!(timeline.0.is_healthy());
    timeline.at(57, Input::Owing(1), &[]);
    timeline.due(87, &[judged(1, true)]);
    // Its partner goes, and it stays suspect until it says something.
    timeline.at(88, Input::Closed(2), &[Output::Part]);
    timeline.at(88, Input::Parted(PendingRequests::default()), &[]);
    assert_eq!(stages(&timeline), [Stage::Suspect]);
    let renamed = GATEWAY.replace("\"messageId\":11", "\"messageId\":1,\"peerId\":\"new\"");
    timeline.joins(89, 3, OF_GATEWAY, &renamed, &[close(1, CloseReason::Replaced)]);
    let introduced =
        [send(3, MANAGER), send(4, &renamed), paired(3, 4, PendingRequests::default())];
    timeline.joins(90, 4, OF_MANAGER, MANAGER, &introduced);
    assert!(timeline.0.is_healthy());
    // What was owed to a partner that is gone makes nobody suspect.
    timeline.at(91, Input::Owing(3), &[]);
    timeline.at(92, Input::Closed(4), &[Output::Part]);
    timeline.at(92, Input::Parted(PendingRequests::default()), &[]);
    timeline.due(200, &[]);
}

#[test]
fn two_of_one_kind_pair_if_both_live_as_in_the_original() {
    let mut timeline = Timeline::new();
    timeline.joins(0, 1, OF_MANAGER, MANAGER, &[]);
    let other = MANAGER.replace('ä', "ö");
    timeline.joins(1, 2, OF_MANAGER, &other, &[Output::Ping(1), Output::Pause(2)]);
    let introduced = [send(1, &other), send(2, MANAGER), paired(1, 2, PendingRequests::default())];
    timeline.at(1, pong(1), &[&introduced[..], &[Output::Resume(2)]].concat());
}

#[test]
fn a_partner_need_not_wait_for_the_outcome_of_a_claim() {
    let mut timeline = Timeline::new();
    timeline.joins(0, 1, OF_GATEWAY, GATEWAY, &[]);
    timeline.joins(1, 2, OF_GATEWAY, GATEWAY, &[Output::Ping(1), Output::Pause(2)]);
    let introduced = [send(1, MANAGER), send(3, GATEWAY), paired(1, 3, PendingRequests::default())];
    timeline.joins(2, 3, OF_MANAGER, MANAGER, &introduced);
    let replaced = [Output::Part, close(1, CloseReason::Replaced), Output::Resume(2)];
    timeline.due(4, &replaced);
    let introduced = [send(2, MANAGER), send(3, GATEWAY), paired(2, 3, PendingRequests::default())];
    timeline.at(4, Input::Parted(PendingRequests::default()), &introduced);
}

#[test]
fn what_one_side_breaks_costs_that_side_only() {
    let reason = CloseReason::Faulty(Fault::Oversize { max: 1 << 20 });
    for (input, reason) in [
        (Input::Broken { id: 1, fault: Fault::Oversize { max: 1 << 20 } }, reason),
        (Input::Barred(1), CloseReason::Barred),
    ] {
        let mut timeline = Timeline::paired(0, Config::default());
        timeline.at(1, input, &[Output::Part, close(1, reason)]);
        timeline.at(1, Input::Parted(PendingRequests::default()), &[]);
        assert_eq!(timeline.0.peers().len(), 1);
    }
}

#[test]
fn a_slow_reader_holds_its_partner_back_and_is_given_time() {
    let mut timeline = Timeline::paired(0, Config::default());
    timeline.at(5, Input::Full(1), &[Output::Pause(2)]);
    timeline.at(6, Input::Full(1), &[]);
    // The manager is not read, so it is not asked; the gateway cannot be asked.
    timeline.deadline(25);
    timeline.at(20, pong(1), &[]);
    timeline.at(39, Input::Drained(1), &[Output::Resume(2)]);
    timeline.due(49, &[Output::Ping(1), Output::Ping(2)]);
    timeline.at(50, Input::Full(1), &[Output::Pause(2)]);
    timeline.at(50, pong(2), &[]);
    let stalled = close(1, CloseReason::Stalled { after: 2 * TEN });
    timeline.due(70, &[Output::Part, stalled, Output::Resume(2)]);
    timeline.at(70, Input::Parted(PendingRequests::default()), &[]);
    timeline.deadline(80);
}

#[test]
fn who_does_not_read_our_answers_is_not_read() {
    let mut timeline = Timeline::new();
    timeline.joins(0, 1, OF_MANAGER, MANAGER, &[]);
    timeline.at(1, Input::Full(1), &[Output::Pause(1)]);
    timeline.at(2, Input::Drained(1), &[Output::Resume(1)]);
    timeline.at(3, Input::Full(1), &[Output::Pause(1)]);
    timeline.due(23, &[close(1, CloseReason::Stalled { after: 2 * TEN })]);
}

#[test]
fn a_stop_closes_all_and_lets_nobody_in() {
    let mut timeline = Timeline::paired(0, Config::default());
    let stopping = |id| close(id, CloseReason::Stopping);
    timeline.at(1, Input::Stop, &[Output::Part, stopping(1), stopping(2)]);
    assert!(!timeline.0.is_empty());
    timeline.at(1, Input::Parted(PendingRequests::default()), &[]);
    assert!(timeline.0.is_empty());
    timeline.at(2, opened(3, OF_GATEWAY), &[stopping(3)]);
}

#[test]
fn what_comes_late_or_uncalled_for_changes_nothing() {
    let mut timeline = Timeline::new();
    for input in [
        said(9, GATEWAY),
        pong(9),
        Input::Barred(9),
        Input::Closed(9),
        Input::Drained(9),
        Input::Full(9),
        Input::Parted(PendingRequests::default()),
    ] {
        timeline.at(0, input, &[]);
    }
    assert!(timeline.0.is_empty());
    // A message that was read before the pumps took over still goes to the partner.
    let mut timeline = Timeline::paired(0, Config::default());
    timeline.at(1, said(1, EVENT), &[send(2, EVENT)]);
    // One that was read before its connection was paused is given up.
    timeline.joins(2, 3, OF_GATEWAY, GATEWAY, &[Output::Ping(1), Output::Pause(3)]);
    timeline.at(2, said(3, EVENT), &[dropped(3, 1, EVENT.len())]);
    let twice = opened(1, OF_GATEWAY);
    timeline.at(2, twice, &[]);
}
