//! Timelines of one watch.

use alloc::{format, string::String, vec::Vec};

use super::*;
use crate::ports::name::PortName;
use crate::ports::outage::{Policy, Share};
use crate::ports::question::Hint;
use crate::ports::switch_port::{Sighting, Switch};

struct Bench {
    probe: Probe,
    now: Instant,
}

fn ap() -> Mac {
    Mac::parse("5c5b35000001").expect("a MAC")
}

fn switch() -> Switch {
    let mac = Mac::parse("5c5b350000ff").expect("a MAC");
    Switch { mac, device_id: "d".into(), site: "s".into(), name: None, model: None }
}

fn switch_port(port: u16) -> SwitchPort {
    let port = PortName::parse(&format!("ge-0/0/{port}")).expect("a port");
    SwitchPort { switch: switch().mac, port }
}

fn sighting(port: u16, neighbor: Option<Mac>) -> Sighting {
    let port = Some(switch_port(port).port);
    Sighting {
        switch: switch(),
        port,
        is_live: true,
        up: true,
        neighbor,
        up_for: None,
        is_ap: Some(neighbor == Some(ap())),
    }
}

fn seen_on(ports: &[u16]) -> Answer {
    let seen = ports.iter().map(|port| sighting(*port, Some(ap()))).collect();
    let hint = |port: &u16| Hint { switch: switch(), port: switch_port(*port).port };
    Answer::Location(Location { seen, hints: ports.iter().map(hint).collect() })
}

fn on_port(neighbor: Option<Mac>) -> Answer {
    Answer::Port(Some(sighting(1, neighbor)))
}

impl Bench {
    fn new(check: Check, subject: Subject) -> Self {
        let now = Instant::from_secs(1_000);
        let (settle, wait) = (Duration::from_secs(60), Duration::from_secs(30));
        let config = Config { settle, check, wait };
        Self { probe: Probe::new((config, subject), 7, now), now }
    }

    fn ap(check: Check) -> Self {
        Self::new(check, Subject::Ap(ap()))
    }

    /// One that is known to be on port 1.
    fn located(check: Check) -> Self {
        let mut bench = Self::ap(check);
        bench.input(Input::Restored(switch_port(1)));
        bench
    }

    fn input(&mut self, input: Input) -> Vec<String> {
        self.probe.handle_input(self.now, input);
        self.take_log()
    }

    fn ap_event(&mut self, cause: Cause, at: i64) -> Vec<String> {
        let at = Some(UnixTime::from_secs(at));
        self.input(Input::Triggered { cause, site: None, at })
    }

    fn answer(&mut self, answer: Answer) -> Vec<String> {
        let id = self.probe.last_id;
        self.input(Input::Answered { id, answer })
    }

    /// Waits for the deadline, and returns how long that was.
    fn wait(&mut self) -> (u64, Vec<String>) {
        let at = self.probe.poll_timeout().expect("a deadline");
        let waited = (at - self.now).as_secs();
        self.now = at;
        self.probe.handle_timeout(at);
        (waited, self.take_log())
    }

    fn take_log(&mut self) -> Vec<String> {
        let outputs: Vec<_> = core::iter::from_fn(|| self.probe.poll_output()).collect();
        let current_port = self.probe.current_port();
        let log = outputs.into_iter().map(|output| text(output, current_port)).collect();
        assert!(self.probe.poll_timeout().is_none_or(|at| at > self.now));
        log
    }
}

fn text(output: Output, current_port: Option<SwitchPort>) -> String {
    match output {
        Output::Ask { question, .. } => match question {
            Question::Port { switch_port, .. } => format!("who is on {}?", switch_port.port),
            Question::Inventory => "who went with it?".into(),
            Question::Location { .. } => "where is it?".into(),
        },
        Output::Concluded { decision, .. } => match decision {
            Decision::Keep(reason) => {
                format!(
                    "kept {}: {reason}",
                    current_port.map_or("nothing".into(), |p| format!("{}", p.port))
                )
            }
            Decision::Release { switch_port, reason } => {
                format!("released {}: {reason}", switch_port.port)
            }
            Decision::Take { switch_port, reason, .. } => {
                format!("taken {}: {reason}", switch_port.port)
            }
            Decision::AskAgain(reason) => format!("undecided: {reason}"),
            Decision::Follow(_) => unreachable!("a decision to ask again is no end"),
        },
    }
}

const NOTHING: [&str; 0] = [];

#[test]
fn an_access_point_that_came_is_asked_for_after_it_settled() {
    let mut bench = Bench::ap(Check::Lldp);
    assert_eq!(bench.ap_event(Cause::Came, 10), NOTHING);
    assert_eq!(bench.wait(), (60, vec_of(&["where is it?"])));
    let log = bench.answer(seen_on(&[1]));
    assert_eq!(log, ["taken ge-0/0/1: the switch sees the AP on this port"]);
    assert_eq!(bench.probe.current_port(), Some(switch_port(1)));
    // A restart on the same port is nothing, on another one it is a move.
    bench.ap_event(Cause::Came, 20);
    bench.wait();
    assert_eq!(bench.answer(seen_on(&[1])), ["kept ge-0/0/1: the AP is where it was"]);
    bench.ap_event(Cause::Came, 30);
    bench.wait();
    let log = bench.answer(seen_on(&[2]));
    assert_eq!(log, ["taken ge-0/0/2: the AP moved here from 5c:5b:35:00:00:ff ge-0/0/1"]);
}

fn vec_of(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| String::from(*text)).collect()
}

#[test]
fn events_twice_late_and_in_the_wrong_order_are_one() {
    let mut bench = Bench::located(Check::None);
    bench.ap_event(Cause::Came, 20);
    bench.now = bench.now + Duration::from_secs(10);
    assert_eq!(bench.ap_event(Cause::Lost, 19), NOTHING, "it was lost before it came");
    assert_eq!(bench.ap_event(Cause::Came, 20), NOTHING);
    assert_eq!(bench.wait().0, 50, "the second of the same does not begin again");
    assert_eq!(bench.answer(seen_on(&[1])), ["kept ge-0/0/1: the AP is where it was"]);
    assert_eq!(bench.ap_event(Cause::Came, 20), NOTHING);
    assert!(bench.probe.is_resting());
    assert_eq!(bench.ap_event(Cause::Lost, 21), NOTHING);
    assert_eq!(bench.wait(), (30, vec_of(&["released ge-0/0/1: disconnect_check is none"])));
}

#[test]
fn an_answer_to_an_older_question_is_nothing() {
    let mut bench = Bench::ap(Check::Lldp);
    bench.ap_event(Cause::Came, 10);
    bench.wait();
    let id = bench.probe.last_id;
    bench.ap_event(Cause::Came, 20);
    assert_eq!(bench.input(Input::Answered { id, answer: seen_on(&[1]) }), NOTHING);
    bench.wait();
    assert_eq!(bench.input(Input::Answered { id, answer: seen_on(&[1]) }), NOTHING);
    assert_eq!(bench.answer(seen_on(&[2])).len(), 1);
    assert_eq!(bench.answer(seen_on(&[3])), NOTHING, "answered twice");
}

#[test]
fn what_nobody_knows_is_asked_for_less_and_less_often() {
    let mut bench = Bench::ap(Check::Lldp);
    bench.ap_event(Cause::Came, 10);
    bench.wait();
    for least in [15, 30, 60, 120, 150] {
        assert_eq!(bench.answer(seen_on(&[])), NOTHING);
        let (waited, log) = bench.wait();
        assert!((least..=2 * least).contains(&waited), "{waited} s, not {least} to twice that");
        assert_eq!(log, ["where is it?"]);
    }
    assert_eq!(bench.answer(Answer::Unanswered), ["undecided: the question was not answered"]);
    assert_eq!(bench.probe.poll_timeout(), None);
}

#[test]
fn what_an_access_point_says_of_itself_is_asked_of_the_switch() {
    let hints = Vec::from([Hint { switch: switch(), port: switch_port(1).port }]);
    let says = || Answer::Location(Location { seen: Vec::new(), hints: hints.clone() });
    let mut bench = Bench::ap(Check::Lldp);
    bench.ap_event(Cause::Came, 10);
    bench.wait();
    assert_eq!(bench.answer(says()), ["who is on ge-0/0/1?"]);
    assert_eq!(bench.answer(on_port(None)), NOTHING);
    assert_eq!(bench.wait().1, ["where is it?"]);
    assert_eq!(bench.answer(says()), ["who is on ge-0/0/1?"]);
    let log = bench.answer(on_port(Some(ap())));
    assert_eq!(log, ["taken ge-0/0/1: the switch sees the AP on this port"]);
}

#[test]
fn a_lost_access_point_that_is_still_seen_is_asked_for_once_more() {
    let mut bench = Bench::located(Check::Lldp);
    assert_eq!(bench.ap_event(Cause::Lost, 10), NOTHING);
    assert_eq!(bench.wait(), (30, vec_of(&["who is on ge-0/0/1?"])));
    assert_eq!(bench.answer(on_port(Some(ap()))), NOTHING);
    assert_eq!(bench.wait(), (30, vec_of(&["who is on ge-0/0/1?"])));
    let log = bench.answer(on_port(Some(ap())));
    assert_eq!(log, ["kept ge-0/0/1: the switch still sees the AP"]);
    assert_eq!(bench.probe.current_port(), Some(switch_port(1)));
}

#[test]
fn a_port_is_free_when_nobody_was_there_for_all_of_the_wait() {
    let mut bench = Bench::located(Check::Lldp);
    bench.ap_event(Cause::Lost, 10);
    bench.wait();
    assert_eq!(bench.answer(on_port(None)), NOTHING);
    assert_eq!(bench.wait(), (30, vec_of(&["who is on ge-0/0/1?"])));
    // The switch is not connected in between, so that the time begins anew.
    let stale = Sighting { is_live: false, ..sighting(1, None) };
    assert_eq!(bench.answer(Answer::Port(Some(stale))), NOTHING);
    assert_eq!(bench.wait().1, ["who is on ge-0/0/1?"]);
    assert_eq!(bench.answer(on_port(None)), NOTHING);
    assert_eq!(bench.wait(), (30, vec_of(&["who is on ge-0/0/1?"])));
    let log = bench.answer(on_port(None));
    assert_eq!(log, ["released ge-0/0/1: nobody on the port says who it is"]);
    assert_eq!(bench.probe.current_port(), None);
    assert_eq!(bench.ap_event(Cause::Lost, 30), NOTHING);
    let log = vec_of(&["kept nothing: no port is known to be the AP's"]);
    assert_eq!(bench.wait(), (30, log));
    // Somebody else is proof at once.
    bench.input(Input::Restored(switch_port(1)));
    bench.ap_event(Cause::Lost, 40);
    bench.wait();
    assert_eq!(bench.answer(on_port(Some(switch().mac))).len(), 1);
}

#[test]
fn an_announced_restart_is_waited_for() {
    for check in [Check::Lldp, Check::None, Check::Outage(Policy::default())] {
        // Before the loss, and after it.
        for causes in [[Cause::Restarting, Cause::Lost], [Cause::Lost, Cause::Restarting]] {
            let mut bench = Bench::located(check);
            for (at, cause) in (10..).zip(causes) {
                assert_eq!(bench.ap_event(cause, at), NOTHING);
            }
            assert_eq!(bench.wait().0, 900, "{check:?} {causes:?}");
        }
    }
    let mut bench = Bench::located(Check::Lldp);
    bench.ap_event(Cause::Restarting, 10);
    bench.ap_event(Cause::Lost, 20);
    bench.ap_event(Cause::Came, 30);
    assert_eq!(bench.wait(), (60, vec_of(&["where is it?"])));
    assert_eq!(bench.answer(seen_on(&[1])), ["kept ge-0/0/1: the AP is where it was"]);
    // It is over, also for the announcement that comes late.
    bench.ap_event(Cause::Restarting, 15);
    bench.ap_event(Cause::Lost, 40);
    assert_eq!(bench.wait().0, 30);
}

#[test]
fn a_switch_that_has_just_restarted_tells_nothing_of_who_is_gone() {
    let mut bench = Bench::located(Check::Lldp);
    bench.ap_event(Cause::Lost, 10);
    bench.wait();
    let vacant = |up_for| {
        let up_for = Some(Duration::from_secs(up_for));
        Answer::Port(Some(Sighting { up_for, up: false, ..sighting(1, None) }))
    };
    assert_eq!(bench.answer(vacant(120)), NOTHING);
    assert_eq!(bench.wait(), (780, vec_of(&["who is on ge-0/0/1?"])));
    assert_eq!(bench.answer(vacant(900)), NOTHING);
    assert_eq!(bench.wait().0, 30);
    let log = bench.answer(vacant(930));
    assert_eq!(log, ["released ge-0/0/1: the port has no link"]);
}

#[test]
fn one_that_comes_back_while_it_is_looked_for_keeps_its_port() {
    let mut bench = Bench::located(Check::Lldp);
    bench.ap_event(Cause::Lost, 10);
    bench.wait();
    bench.answer(on_port(Some(ap())));
    assert_eq!(bench.ap_event(Cause::Came, 12), NOTHING);
    assert_eq!(bench.wait(), (60, vec_of(&["where is it?"])));
    assert_eq!(bench.answer(seen_on(&[1])), ["kept ge-0/0/1: the AP is where it was"]);
}

#[test]
fn the_site_is_looked_at_after_the_wait() {
    let mut bench = Bench::located(Check::Outage(Policy::default()));
    assert_eq!(bench.ap_event(Cause::Lost, 10), NOTHING);
    assert_eq!(bench.wait(), (30, vec_of(&["who went with it?"])));
    let log = bench.answer(Answer::Share(Some(Share { lost: 6, of: 10, is_outage: true })));
    assert_eq!(log, ["kept ge-0/0/1: 6 of its site's 10 APs went together"]);
    bench.ap_event(Cause::Lost, 20);
    bench.wait();
    let log = bench.answer(Answer::Share(Some(Share { lost: 1, of: 10, is_outage: false })));
    assert_eq!(log, ["released ge-0/0/1: only 1 of its site's 10 APs went together"]);
}

#[test]
fn the_roster_is_an_answer_unless_there_is_newer_news() {
    let location = |port| {
        let hints = [Hint { switch: switch(), port: switch_port(port).port }].into();
        Some(Location { seen: [sighting(port, Some(ap()))].into(), hints })
    };
    let listed = |port: Option<u16>, asked_at| Input::Listed {
        location: port.and_then(location),
        asked_at: Instant::from_secs(asked_at),
        is_settled: true,
    };
    let mut bench = Bench::ap(Check::Lldp);
    assert_eq!(bench.input(listed(None, 999)), NOTHING);
    let log = bench.input(listed(Some(1), 999));
    assert_eq!(log, ["taken ge-0/0/1: the switch sees the AP on this port"]);
    assert_eq!(bench.input(listed(None, 999)), NOTHING);
    assert_eq!(bench.wait(), (30, vec_of(&["who is on ge-0/0/1?"])));
    assert_eq!(bench.input(listed(Some(2), 1_029)), NOTHING, "in the middle of another look");
    bench.answer(on_port(None));
    bench.wait();
    bench.answer(on_port(None));
    bench.ap_event(Cause::Lost, 10);
    bench.wait();
    assert_eq!(bench.input(listed(Some(1), 1_029)), NOTHING, "lost since that was asked");
    assert_eq!(bench.input(listed(Some(1), 1_061)).len(), 1);
}

#[test]
fn a_port_is_asked_about_as_somebody_wants_it() {
    let subject = Subject::Port(switch_port(1));
    let asked = |mode| Input::Triggered { cause: Cause::Asked(mode), site: None, at: None };
    let mut bench = Bench::new(Check::Lldp, subject);
    assert_eq!(bench.input(asked(Mode::Ap)), NOTHING);
    assert_eq!(bench.wait(), (60, vec_of(&["who is on ge-0/0/1?"])));
    let log = bench.answer(on_port(Some(ap())));
    assert_eq!(log, ["taken ge-0/0/1: the switch sees the AP on this port"]);

    let mut bench = Bench::new(Check::Lldp, subject);
    assert_eq!(bench.input(asked(Mode::Default)), ["who is on ge-0/0/1?"]);
    bench.answer(on_port(Some(ap())));
    bench.wait();
    let log = bench.answer(on_port(Some(ap())));
    assert_eq!(log, ["kept nothing: the switch still sees the AP"]);
}

#[test]
fn a_question_about_a_port_that_is_no_longer_its_own_is_dropped() {
    let mut bench = Bench::located(Check::Lldp);
    bench.ap_event(Cause::Lost, 10);
    bench.wait();
    bench.input(Input::Displaced);
    assert_eq!(bench.answer(on_port(None)), NOTHING);
    bench.input(Input::Restored(switch_port(1)));
    bench.ap_event(Cause::Lost, 20);
    bench.wait();
    bench.input(Input::Restored(switch_port(2)));
    assert_eq!(bench.answer(on_port(None)), NOTHING);
    assert_eq!(bench.probe.current_port(), Some(switch_port(2)));
}
