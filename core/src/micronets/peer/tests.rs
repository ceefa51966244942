//! Timelines: at this moment that comes in, and this comes out.

use alloc::{format, vec, vec::Vec};

use super::{output::Event, *};
use crate::micronets::{close_reason::Fault, http, message::Pair};

/// The hello that the peers of these timelines say.
const HELLO: &str = r#"{"message":{"messageId":0,"messageType":"CONN:HELLO","requiresResponse":false,"peerClass":"class","peerId":"id"}}"#;
/// What a real gateway says.
const GATEWAY: &str = r#"{"message": {"messageId": 4, "messageType": "CONN:HELLO", "requiresResponse": false, "peerClass": "micronets-gateway-service", "peerId": "gw service 140"}}"#;

/// A peer and its clock.
struct Line {
    peer: Peer,
    now: Instant,
    link: LinkId,
}

impl Line {
    fn new(change: impl FnOnce(&mut Config)) -> Self {
        let mut config =
            Config { peer_class: "class".into(), peer_id: "id".into(), ..Config::default() };
        change(&mut config);
        let now = Instant::from_secs(1_000);
        let mut line = Self { peer: Peer::new(config, 7, now), now, link: 1 };
        assert_eq!(line.drain(), [Output::Connect(1)]);
        line
    }

    /// A peer whose partner is there.
    fn introduced(change: impl FnOnce(&mut Config)) -> Self {
        let mut line = Self::new(change);
        line.meet();
        line
    }

    fn drain(&mut self) -> Vec<Output> {
        let mut outputs = Vec::new();
        while let Some(output) = self.peer.poll_output() {
            outputs.push(output);
        }
        assert!(self.peer.poll_timeout().is_none_or(|at| at > self.now));
        outputs
    }

    fn input(&mut self, input: Input) -> Vec<Output> {
        self.peer.handle_input(self.now, input);
        self.drain()
    }

    /// Opens the connection, takes the hello, and says the partner's.
    fn meet(&mut self) {
        let link = self.link;
        let opened = self.input(Input::Opened(link));
        let hello = Output::Send { link, text: HELLO.into() };
        assert_eq!(opened, [reported(Event::Connected), hello]);
        self.written(HELLO.len());
        let introduced = self.receive(GATEWAY);
        let partner = Event::Introduced {
            peer_class: "micronets-gateway-service".into(),
            peer_id: "gw service 140".into(),
        };
        assert_eq!(introduced.first(), Some(&reported(partner)), "{introduced:?}");
    }

    fn receive(&mut self, text: &str) -> Vec<Output> {
        self.input(Input::Received { link: self.link, payload: text.into() })
    }

    fn written(&mut self, bytes: usize) {
        assert_eq!(self.input(Input::Written { link: self.link, bytes }), []);
    }

    fn closed(&mut self) -> Vec<Output> {
        self.input(Input::Closed { link: self.link, reason: "gone".into() })
    }

    /// Lets time pass up to the next deadline.
    fn wait(&mut self) -> (Duration, Vec<Output>) {
        let at = self.peer.poll_timeout().expect("a deadline");
        let waited = at - self.now;
        self.now = at;
        self.peer.handle_timeout(at);
        (waited, self.drain())
    }

    fn pass(&mut self, time: Duration) -> Vec<Output> {
        let until = self.now + time;
        let mut all = Vec::new();
        while self.peer.poll_timeout().is_some_and(|at| at <= until) {
            all.extend(self.wait().1);
        }
        self.now = until;
        all
    }

    /// Asks, and gives the text of the message.
    fn ask(&mut self, id: u64, method: &'static str, target: &'static str) -> String {
        let outputs = self.input(Input::Request { id, request: request(method, target) });
        let [Output::Send { text, .. }] = outputs.as_slice() else { panic!("{outputs:?}") };
        text.clone()
    }

    /// Asks, and gives the status and the reason of the refusal.
    fn refused(&mut self, id: u64) -> (u16, String) {
        let outputs = self.input(Input::Request { id, request: request("GET", "/a?secret=1") });
        refusal(&outputs, id)
    }
}

fn reported(event: Event) -> Output {
    Output::Event(event)
}

fn request(method: &'static str, target: &'static str) -> http::Request {
    http::Request {
        method: method.into(),
        target: target.into(),
        headers: vec![Pair::new("Host", "a")],
        body: [].as_slice().into(),
    }
}

/// The status and the reason with which these outputs answer a request in the partner's place.
#[track_caller]
fn refusal(outputs: &[Output], to: u64) -> (u16, String) {
    let [Output::Respond { id, response }, Output::Event(Event::Called(exchange))] = outputs else {
        panic!("{outputs:?}")
    };
    assert_eq!((*id, exchange.status), (to, response.status));
    assert!(!exchange.path.contains('?'), "{exchange:?}");
    let why = exchange.refusal.clone().expect("a reason");
    let body = format!(r#"{{"message":"{why}","status_code":{}}}"#, response.status);
    assert_eq!(String::from_utf8_lossy(&response.body), body);
    (response.status, why)
}

fn response(to: &str, more: &str) -> String {
    format!(
        r#"{{"message":{{"messageId":1,"messageType":"REST:RESPONSE","inResponseTo":{to},"statusCode":200{more}}}}}"#
    )
}

fn asked(id: &str, more: &str) -> String {
    format!(
        r#"{{"message":{{"messageId":{id},"messageType":"REST:REQUEST","method":"GET","path":"/p"{more}}}}}"#
    )
}

#[test]
fn a_request_goes_out_and_the_response_of_its_number_comes_back() {
    let mut line = Line::introduced(|_| {});
    let first = line.ask(70, "GET", "/a?b=c");
    assert_eq!(
        first,
        concat!(
            r#"{"message":{"messageId":1,"messageType":"REST:REQUEST","requiresResponse":true,"#,
            r#""method":"GET","path":"/a","queryStrings":[{"name":"b","value":"c"}],"#,
            r#""headers":[{"name":"Host","value":"a"}]}}"#
        )
    );
    assert!(line.ask(71, "HEAD", "/b").contains(r#""messageId":2,"#));
    line.now = line.now + Duration::from_millis(5);
    let outputs = line.receive(&response("\"2\"", r#","messageBody":"x","dataFormat":"a/b""#));
    let [Output::Respond { id: 71, response: http }, Output::Event(Event::Called(over))] =
        outputs.as_slice()
    else {
        panic!("{outputs:?}")
    };
    assert_eq!((http.status, http.body.len()), (200, 0));
    assert_eq!((over.status, over.refusal.as_deref()), (200, None));
    assert_eq!(over.after, Duration::from_millis(5));
    let outputs = line.receive(&response("1", ""));
    assert!(matches!(outputs.as_slice(), [Output::Respond { id: 70, .. }, _]), "{outputs:?}");
    // It has been answered.
    let again = line.receive(&response("1", ""));
    assert!(matches!(again.as_slice(), [Output::Event(Event::Ignored { .. })]), "{again:?}");
    assert_eq!(line.peer.calls(), 0);
}

#[test]
fn nobody_is_asked_before_the_partner_has_said_hello() {
    let mut line = Line::new(|config| config.calls_max = 1);
    assert_eq!(line.refused(1), (503, "no connection to the proxy".into()));
    line.input(Input::Opened(1));
    let alone = "connected to the proxy, but no partner has said hello yet";
    assert_eq!(line.refused(2), (503, alone.into()));
    line.receive(GATEWAY);
    line.ask(3, "GET", "/a");
    assert_eq!(line.refused(4), (503, "too many requests wait for a response".into()));
}

#[test]
fn a_request_that_cannot_be_a_message_is_refused_at_once() {
    let mut line = Line::introduced(|config| config.message_max = 200);
    let mut bad = |id, change: &dyn Fn(&mut http::Request)| {
        let mut request = request("POST", "/a");
        change(&mut request);
        refusal(&line.input(Input::Request { id, request }), id).0
    };
    assert_eq!(bad(1, &|request| request.target = "*".into()), 400);
    assert_eq!(bad(2, &|request| request.method = "A B".into()), 400);
    assert_eq!(bad(3, &|request| request.body = vec![b'x'; 100]), 413);
    assert_eq!(
        bad(4, &|request| {
            request.headers.push(Pair::new("Content-Encoding", "gzip"));
            request.body = vec![1];
        }),
        415
    );
    assert_eq!(line.peer.calls(), 0);
}

#[test]
fn a_response_that_does_not_come_or_cannot_be_read_is_an_error() {
    let mut line = Line::introduced(|config| config.request_timeout = Duration::from_secs(3));
    line.ask(1, "GET", "/a");
    line.now = line.now + Duration::from_secs(1);
    line.ask(2, "GET", "/b");
    let (waited, outputs) = line.wait();
    assert_eq!(waited, Duration::from_secs(2));
    assert_eq!(refusal(&outputs, 1), (504, "no response within 3s".into()));
    let broken = line.receive(r#"{"message":{"messageType":"REST:RESPONSE","inResponseTo":2}}"#);
    let [answer @ .., Output::Event(Event::Ignored { .. })] = broken.as_slice() else {
        panic!("{broken:?}")
    };
    assert_eq!(refusal(answer, 2).0, 502);
    line.ask(3, "GET", "/c");
    let broken = line.receive(&response("3", r#","headers":[{"name":"a b","value":""}]"#));
    assert_eq!(refusal(&broken, 3).0, 502);
}

#[test]
fn a_lost_link_answers_who_waits_and_is_made_again_later_and_later() {
    let mut line = Line::introduced(|config| config.forwards = true);
    line.ask(1, "GET", "/a");
    let begun = line.receive(&asked("5", ""));
    assert!(matches!(begun.as_slice(), [Output::Forward { id: 1, .. }]), "{begun:?}");
    line.pass(Duration::from_secs(5));
    let outputs = line.closed();
    let [answer @ .., Output::Abandon(1), Output::Event(lost)] = outputs.as_slice() else {
        panic!("{outputs:?}")
    };
    let Event::Disconnected { reason, .. } = lost else { panic!("{lost:?}") };
    assert_eq!(refusal(answer, 1), (502, "the connection to the proxy was lost".into()));
    assert_eq!(reason, "gone");
    // It did not last long, so this counts as the first failure, and so on up to the cap.
    let late = Input::Forwarded { id: 1, result: Err(String::new()) };
    assert_eq!(line.input(late), []);
    for step in [1, 2, 4, 8, 16, 30, 30] {
        let (waited, outputs) = line.wait();
        let step = Duration::from_secs(step);
        assert!(step / 2 <= waited && waited <= step, "{waited:?}, not {step:?}");
        line.link += 1;
        assert_eq!(outputs, [Output::Connect(line.link)]);
        let outputs = line.closed();
        let [Output::Event(Event::Disconnected { .. })] = outputs.as_slice() else {
            panic!("{outputs:?}")
        };
        // What an old attempt says late is ignored.
        line.link -= 1;
        assert_eq!(line.closed(), []);
        line.link += 1;
    }
    // A connection that lasts makes the next wait short again; ids go on.
    line.wait();
    line.link += 1;
    line.meet();
    assert!(line.ask(2, "GET", "/a").contains(r#""messageId":2,"#));
    line.pass(Duration::from_secs(9));
    line.input(Input::ControlFrame(line.link));
    line.pass(Duration::from_secs(2));
    line.closed();
    assert!(line.wait().0 <= RETRY.first);
}

#[test]
fn an_attempt_that_hangs_is_given_up() {
    let mut line = Line::new(|config| config.connect_timeout = Duration::from_secs(4));
    let (waited, outputs) = line.wait();
    assert_eq!(waited, Duration::from_secs(4));
    let [Output::Hangup(1), Output::Event(Event::Disconnected { reason, .. })] = outputs.as_slice()
    else {
        panic!("{outputs:?}")
    };
    assert_eq!(reason, "no connection within 4s");
    assert_eq!(line.input(Input::Opened(1)), []);
}

#[test]
fn a_silent_proxy_is_noticed_and_any_sound_is_life() {
    let mut line = Line::introduced(|_| {});
    let ten = Duration::from_secs(10);
    assert_eq!(line.wait(), (ten, vec![Output::Ping(1)]));
    line.now = line.now + Duration::from_secs(9);
    line.input(Input::ControlFrame(1));
    assert_eq!(line.wait(), (Duration::from_secs(1), vec![Output::Ping(1)]));
    line.receive(r#"{"message":{"messageType":"EVENT:x"}}"#);
    assert_eq!(line.wait(), (ten, vec![Output::Ping(1)]));
    let (waited, outputs) = line.wait();
    assert_eq!(waited, ten);
    let [Output::Hangup(1), Output::Event(Event::Disconnected { reason, .. })] = outputs.as_slice()
    else {
        panic!("{outputs:?}")
    };
    assert_eq!(reason, "no answer to a ping within 10s");
}

#[test]
fn a_proxy_that_takes_nothing_is_asked_no_more_and_left() {
    let mut line = Line::introduced(|config| {
        config.unsent_max = 300;
        config.request_timeout = Duration::from_secs(600);
    });
    let first = line.ask(1, "GET", "/a").len();
    line.ask(2, "GET", "/a");
    let outputs = line.input(Input::Request { id: 3, request: request("GET", "/a") });
    assert_eq!(outputs.len(), 2, "{outputs:?}");
    assert_eq!(outputs.get(1), Some(&Output::Pause(1)));
    assert_eq!(line.refused(4), (503, "the proxy does not take what is sent".into()));
    line.pass(Duration::from_secs(19));
    // Something is taken: that is life, and soon enough room.
    line.written(1);
    line.now = line.now + Duration::from_secs(1);
    let resumed = line.input(Input::Written { link: 1, bytes: 2 * first });
    assert_eq!(resumed, [Output::Resume(1)]);
    line.input(Input::Request { id: 5, request: request("GET", "/a") });
    line.input(Input::Request { id: 6, request: request("GET", "/a") });
    let (waited, outputs) = line.wait();
    let said = outputs.iter().any(|output| {
        matches!(output, Output::Event(Event::Disconnected { reason, .. })
            if reason == "nothing was taken for 20s")
    });
    assert!(said && waited <= Duration::from_secs(20), "{waited:?} {outputs:?}");
}

#[test]
fn the_partners_requests_wait_their_turn_and_are_answered_by_number() {
    let mut line = Line::introduced(|config| {
        config.forwards = true;
        (config.forwards_max, config.waiting_max) = (1, 1);
    });
    let begun = line.receive(&asked("\"x\"", r#","queryStrings":[{"name":"q","value":"1"}]"#));
    let [Output::Forward { id: 1, request }] = begun.as_slice() else { panic!("{begun:?}") };
    assert_eq!(request.target, "/p?q=1");
    assert_eq!(line.receive(&asked("8", "")), []);
    assert_eq!(line.peer.forwards(), (1, 1));
    // No room for a third.
    let refused = sent(&line.receive(&asked("9", "")));
    assert!(refused.contains(r#""inResponseTo":9,"statusCode":503,"#), "{refused}");
    let answer = |status| http::Response { status, headers: vec![], body: vec![] };
    let outputs = line.input(Input::Forwarded { id: 1, result: Ok(answer(204)) });
    let [Output::Send { text, .. }, Output::Event(_), Output::Forward { id: 2, .. }] =
        outputs.as_slice()
    else {
        panic!("{outputs:?}")
    };
    assert!(text.contains(r#""inResponseTo":"x","statusCode":204,"#), "{text}");
    // What is answered is not answered again.
    assert_eq!(line.input(Input::Forwarded { id: 1, result: Ok(answer(200)) }), []);
    let reply = sent(&line.input(Input::Forwarded { id: 2, result: Err("down".into()) }));
    assert!(reply.contains(r#""statusCode":502,"reasonPhrase":"Bad Gateway""#), "{reply}");
    assert!(reply.contains(r#""messageBody":{"message":"down","status_code":502}"#), "{reply}");
    // Without a wish for a response there is none.
    line.receive(&asked("10", r#","requiresResponse":false"#));
    let outputs = line.input(Input::Forwarded { id: 3, result: Ok(answer(200)) });
    assert!(matches!(outputs.as_slice(), [Output::Event(Event::Forwarded(_))]), "{outputs:?}");
}

/// The one message among these outputs, which is an answer that is then noted.
#[track_caller]
fn sent(outputs: &[Output]) -> String {
    match outputs {
        [Output::Send { text, .. }, Output::Event(_), ..] => text.clone(),
        _ => panic!("{outputs:?}"),
    }
}

#[test]
fn a_local_server_that_is_slow_or_answers_nonsense_is_answered_for() {
    let mut line = Line::introduced(|config| {
        config.forwards = true;
        config.forwards_max = 1;
        config.request_timeout = Duration::from_secs(2);
        config.message_max = 400;
    });
    line.receive(&asked("1", ""));
    line.now = line.now + Duration::from_secs(1);
    line.receive(&asked("2", ""));
    let (_, outputs) = line.wait();
    let [Output::Abandon(1), answer @ .., Output::Forward { id: 2, .. }] = outputs.as_slice()
    else {
        panic!("{outputs:?}")
    };
    assert!(sent(answer).contains(r#""inResponseTo":1,"statusCode":504,"#), "{answer:?}");
    let answer =
        |status, bytes: usize| Ok(http::Response { status, headers: vec![], body: vec![0; bytes] });
    let reply = sent(&line.input(Input::Forwarded { id: 2, result: answer(200, 1_000) }));
    assert!(reply.contains("400 are allowed") && reply.contains(r#""statusCode":502"#), "{reply}");
    for (id, odd) in [(3, 101), (4, 999)] {
        line.receive(&asked("3", ""));
        let reply = sent(&line.input(Input::Forwarded { id, result: answer(odd, 0) }));
        assert!(reply.contains(r#""statusCode":502"#), "{reply}");
    }
    let reply = sent(&line.receive(&asked("4", r#","path":"no-slash""#)));
    assert!(reply.contains(r#""statusCode":400"#), "{reply}");
    let unread = line.receive(r#"{"message":{"messageType":"REST:REQUEST","messageId":5}}"#);
    let reply = sent(&unread);
    assert!(reply.contains(r#""inResponseTo":5,"statusCode":400"#), "{reply}");
}

#[test]
fn a_peer_without_a_server_says_so() {
    let mut line = Line::introduced(|_| {});
    let reply = sent(&line.receive(&asked("5", "")));
    assert!(reply.contains(r#""inResponseTo":5,"statusCode":501,"#), "{reply}");
}

#[test]
fn lines_wait_for_the_partner_and_get_what_is_missing() {
    let mut line = Line::new(|config| config.request_timeout = Duration::from_secs(5));
    let typed = |text: &str| Input::Line(text.into());
    assert_eq!(line.input(typed(" \n")), [Output::ReadOn]);
    assert_eq!(line.input(typed(r#"{"messageType":"EVENT:x","messageBody":[1, 2]}"#)), []);
    line.input(Input::Opened(1));
    let outputs = line.receive(GATEWAY);
    let event = r#"{"message":{"messageId":1,"messageType":"EVENT:x","requiresResponse":false,"messageBody":[1, 2]}}"#;
    let send = |text: &str| Output::Send { link: 1, text: text.into() };
    assert_eq!(outputs.get(1..), Some(&[send(event), Output::ReadOn][..]), "{outputs:?}");
    // A request's response is printed, on one line.
    let request = r#"{"message":{"messageType":"REST:REQUEST","method":"GET","path":"/a"},"id":9}"#;
    let outputs = line.input(typed(request));
    let whole = r#"{"id":9,"message":{"messageId":2,"messageType":"REST:REQUEST","requiresResponse":true,"method":"GET","path":"/a"}}"#;
    assert_eq!(outputs, [send(whole), Output::ReadOn]);
    let busy = line
        .input(typed(r#"{"messageType":"REST:REQUEST","messageId":2,"method":"GET","path":"/"}"#));
    let [Output::Event(Event::Rejected { line: 4, reason }), Output::ReadOn] = busy.as_slice()
    else {
        panic!("{busy:?}")
    };
    assert!(reason.starts_with("message.messageId: expected a new one or none, got 2"), "{reason}");
    let printed = line.receive(&response("2", ",\n\"statusCode\":\r\n404"));
    let [Output::Print(text), Output::Event(Event::Called(over))] = printed.as_slice() else {
        panic!("{printed:?}")
    };
    assert!(!text.contains(['\r', '\n']) && text.contains("404"), "{text}");
    assert_eq!((over.path.as_str(), over.status), ("/a", 404));
    // Without a response the user gets an error.
    line.input(typed(request));
    let outputs = line.pass(Duration::from_secs(5));
    let unanswered = Event::Unanswered { id: "3".into(), reason: "no response within 5s".into() };
    assert!(outputs.contains(&reported(unanswered)), "{outputs:?}");
}

#[test]
fn what_is_no_message_is_rejected_with_its_line() {
    let mut line = Line::introduced(|config| config.message_max = 300);
    for (number, typed, why) in [
        (1, "psk", "expected JSON, got none at line 1, column 1"),
        (2, "[]", "the message: expected an object, got a list"),
        (3, r#"{"a":1}"#, "message.messageType: expected a text, got nothing"),
        (4, r#"{"message":7}"#, "message: expected an object, got a number"),
        (
            5,
            r#"{"messageType":"REST:REQUEST","path":"/"}"#,
            "message.method: expected a text, got nothing",
        ),
    ] {
        let outputs = line.input(Input::Line(typed.into()));
        let rejected = Event::Rejected { line: number, reason: why.into() };
        assert_eq!(outputs, [reported(rejected), Output::ReadOn]);
    }
    let outputs = line.input(Input::LineTooLong);
    let rejected = Event::Rejected { line: 6, reason: "more than 300 bytes".into() };
    assert_eq!(outputs, [reported(rejected), Output::ReadOn]);
}

#[test]
fn the_end_of_input_is_the_end_where_nothing_else_was_asked_for() {
    let mut line = Line::new(|config| config.ends_with_input = true);
    line.input(Input::Line(r#"{"messageType":"EVENT:x"}"#.into()));
    assert_eq!(line.input(Input::StdinEnded), []);
    line.input(Input::Opened(1));
    let outputs = line.receive(GATEWAY);
    assert!(matches!(outputs.as_slice(), [_, Output::Send { .. }, Output::ReadOn]), "{outputs:?}");
    // Only once the system has taken it.
    let outputs = line.input(Input::Written { link: 1, bytes: 10_000 });
    let close = Output::Close { link: 1, code: 1000, reason: "all is said".into() };
    assert_eq!(outputs, [close]);
    assert_eq!(line.closed(), [Output::Finish { failed: 0 }]);
    assert_eq!(line.peer.poll_timeout(), None);

    let mut line = Line::introduced(|_| {});
    assert_eq!(line.input(Input::StdinEnded), []);
}

#[test]
fn to_stop_is_to_finish_first() {
    let mut line = Line::introduced(|config| config.forwards = true);
    line.ask(1, "GET", "/a");
    line.receive(&asked("5", ""));
    line.written(line.peer.unsent());
    assert_eq!(line.input(Input::Stop), []);
    assert_eq!(line.refused(2), (503, "mistgate connect is stopping".into()));
    let reply = sent(&line.receive(&asked("6", "")));
    assert!(reply.contains(r#""inResponseTo":6,"statusCode":503"#), "{reply}");
    line.receive(&response("1", ""));
    let answer = http::Response { status: 200, headers: vec![], body: vec![] };
    line.input(Input::Forwarded { id: 1, result: Ok(answer) });
    let link = line.link;
    let outputs = line.input(Input::Written { link, bytes: line.peer.unsent() });
    let close = Output::Close { link: 1, code: 1001, reason: "the peer is stopping".into() };
    assert_eq!(outputs, core::slice::from_ref(&close));
    // The proxy does not answer.
    let (waited, outputs) = line.wait();
    assert_eq!(
        (waited, outputs),
        (CLOSE_TIMEOUT, vec![Output::Hangup(1), Output::Finish { failed: 0 }])
    );
    assert_eq!(line.refused(3).0, 503);

    // What does not finish is given up.
    let mut line = Line::introduced(|_| {});
    line.ask(1, "GET", "/a");
    line.input(Input::Stop);
    let (waited, outputs) = line.wait();
    assert_eq!(waited, STOP_GRACE);
    let [answer @ .., last] = outputs.as_slice() else { panic!("{outputs:?}") };
    assert_eq!((refusal(answer, 1).0, last), (502, &close));

    // Without a connection there is nothing to close.
    let mut line = Line::new(|_| {});
    assert_eq!(line.input(Input::Stop), [Output::Hangup(1), Output::Finish { failed: 0 }]);
    let mut line = Line::new(|_| {});
    line.closed();
    assert_eq!(line.input(Input::Stop), [Output::Finish { failed: 0 }]);
}

#[test]
fn a_proxy_that_breaks_the_rules_is_told_and_left() {
    let mut line = Line::introduced(|_| {});
    line.ask(1, "GET", "/a");
    let fault = Fault::Oversize { max: 1 << 20 };
    let outputs = line.input(Input::Broken { link: 1, fault });
    let [Output::Close { code: 1009, .. }, answer @ .., Output::Event(lost)] = outputs.as_slice()
    else {
        panic!("{outputs:?}")
    };
    assert_eq!(refusal(answer, 1).0, 502);
    let Event::Disconnected { reason, .. } = lost else { panic!("{lost:?}") };
    assert_eq!(reason, "the proxy's fault: a message has more than 1048576 bytes");
    // Its end is no news.
    assert_eq!(line.closed(), []);
}

#[test]
fn what_says_nothing_to_us_is_noted_without_its_content() {
    let mut line = Line::introduced(|_| {});
    for (text, why) in [
        (
            r#"{"message":{"messageType":"CONN:INFO","info":"psk"}}"#,
            "messageType CONN:INFO: nothing to us",
        ),
        ("psk", "expected JSON, got none at line 1, column 1"),
        (r#"{"message":{"psk":1}}"#, "message.messageType: expected a text, got nothing"),
    ] {
        let outputs = line.receive(text);
        assert_eq!(outputs, [reported(Event::Ignored { reason: why.into() })]);
    }
}
