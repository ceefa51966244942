//! Timelines: at this moment this is said, and that comes of it.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::num::NonZeroU16;

use super::input::{Config, Edit, Input, Mode};
use super::output::{CloseReason, Outcome, Output};
use super::{MESSAGE_MAX, Session};
use crate::base::machine::Machine;
use crate::base::time::Instant;
use crate::netconf::framing::{Framing, encode};
use crate::netconf::lines::Lines;
use crate::netconf::rpc::operational;
use crate::netconf::rpc::request::{HELLO, Query};
use crate::netconf::xml::Element;

const NEW: &str = "urn:ietf:params:netconf:base:1.1";
const OLD: &str = "urn:ietf:params:xml:ns:netconf:base:1.0";

// What is asked.
const LOCK: &str = "<lock-configuration/>";
const LOAD: &str = "<load-configuration format=\"text\" action=\"set\"><configuration-set>\
                    set interfaces ge-0/0/7 native-vlan-id 42\n\
                    delete interfaces ge-0/0/7 description</configuration-set></load-configuration>";
const COMPARE: &str = "<get-configuration compare=\"rollback\" rollback=\"0\" format=\"text\"/>";
const CHECK: &str = "<commit-configuration><check/></commit-configuration>";
const COMMIT: &str = "<commit-configuration><log>mistgate 7</log><confirmed/>\
                      <confirm-timeout>5</confirm-timeout></commit-configuration>";
const CONFIRM: &str = "<commit-configuration><log>mistgate 7</log></commit-configuration>";
const HISTORY: &str = "<get-commit-information/>";
const UPTIME: &str = "<get-system-uptime-information/>";
const PREVIOUS: &str = "<load-configuration rollback=\"1\"/>";
const DISCARD: &str = "<nc:discard-changes/>";
const UNLOCK: &str = "<unlock-configuration/>";
const CLOSE: &str = "<nc:close-session/>";
const NEIGHBOURS: &str = "<get-lldp-neighbors-information/>";
const INTERFACES: &str = "<get-interface-information><terse/></get-interface-information>";

// What is answered.
const OK: &str = "<ok/>";
const NOTHING: &str = "\n";
const NO_HISTORY: &str = "<rpc-error><error-severity>error</error-severity><error-message>syntax \
                          error, expecting command</error-message></rpc-error>";
const LOADED: &str = "<load-configuration-results>\n<ok/>\n</load-configuration-results>";
const DIFF: &str = "<configuration-information><configuration-output>\n[edit interfaces]\n+ x;\n\
                    </configuration-output></configuration-information>";
const NO_DIFF: &str = "<configuration-information><configuration-output>\n</configuration-output>\
                       </configuration-information>";
const HELD: &str = "<rpc-error><error-tag>lock-denied</error-tag><error-severity>error\
                    </error-severity><error-message>configuration database locked by:\n ann (pid 9)\
                    </error-message></rpc-error>";

struct Timeline {
    session: Session,
    framing: Framing,
    message_id: u64,
}

impl Timeline {
    /// A session that has just been opened, at 0.
    #[track_caller]
    fn opened(config: Config, version: &str) -> Self {
        let mut timeline = Self::new(config);
        timeline.receives(0, &hello(version), &[&format!("opened {:?}", framing_of(version))]);
        timeline.framing = framing_of(version);
        timeline
    }

    #[track_caller]
    fn new(config: Config) -> Self {
        let session = Session::new(config, 7, Instant::from_secs(0));
        let mut timeline = Self { session, framing: Framing::EndOfMessage, message_id: 0 };
        let greeting = timeline.session.poll_output();
        assert_eq!(greeting, Some(Output::Bytes(encode(Framing::EndOfMessage, HELLO))));
        timeline
    }

    /// At `secs` this goes in, and that comes out.
    #[track_caller]
    fn at(&mut self, secs: u64, input: Input, expected: &[&str]) {
        let now = Instant::from_secs(secs);
        self.due(secs, &[]);
        self.session.handle_input(now, input);
        self.drained(secs, expected);
    }

    /// At `secs` nothing goes in, and that comes out.
    #[track_caller]
    fn due(&mut self, secs: u64, expected: &[&str]) {
        self.session.handle_timeout(Instant::from_secs(secs));
        self.drained(secs, expected);
    }

    #[track_caller]
    fn drained(&mut self, secs: u64, expected: &[&str]) {
        let mut outputs = Vec::new();
        while let Some(output) = self.session.poll_output() {
            outputs.push(self.shown(output));
        }
        assert_eq!(outputs, expected, "at {secs} s");
        let deadline = self.session.poll_timeout();
        assert!(deadline.is_none_or(|at| at > Instant::from_secs(secs)), "{deadline:?}");
    }

    #[track_caller]
    fn receives(&mut self, secs: u64, document: &str, expected: &[&str]) {
        self.at(secs, Input::Bytes(encode(self.framing, document)), expected);
    }

    /// The switch answers the last request with this.
    #[track_caller]
    fn answer(&mut self, secs: u64, body: &str, expected: &[&str]) {
        let id = self.message_id;
        self.receives(
            secs,
            &format!("<rpc-reply xmlns:junos=\"j\" message-id=\"{id}\">{body}</rpc-reply>"),
            expected,
        );
    }

    /// An edit that gets as far as its commit, at `secs`.
    #[track_caller]
    fn commits(&mut self, secs: u64) {
        self.at(secs, push(), &[LOCK]);
        self.answer(secs, NOTHING, &[HISTORY]);
        self.answer(secs, NO_HISTORY, &[LOAD]);
        self.answer(secs, LOADED, &[COMPARE]);
        self.answer(secs, DIFF, &[CHECK]);
        self.answer(secs, OK, &[COMMIT]);
        let verify_by = secs + 270;
        self.answer(secs, OK, &[&format!("committed, verify by {verify_by} s")]);
    }

    fn shown(&mut self, output: Output) -> String {
        match output {
            Output::Answered(Some(answer)) => answered(&answer),
            Output::Answered(None) => "unanswered".to_owned(),
            Output::Bytes(bytes) => self.body(&bytes),
            Output::Close(reason) => format!("close: {reason}"),
            Output::Committed { verify_by } => {
                format!("committed, verify by {} s", verify_by.as_micros() / 1_000_000)
            }
            Output::Edited { result: Ok(outcome), .. } => format!("edited: {outcome}"),
            Output::Edited { result: Err(failure), .. } => format!("unedited: {failure}"),
            Output::Opened { framing } => {
                format!("opened {framing:?}")
            }
            Output::Waiting { holder, attempt, .. } => {
                format!("waits for {holder}, attempt {attempt}")
            }
        }
    }

    /// What a request asks, without its envelope.
    fn body(&mut self, bytes: &[u8]) -> String {
        let text = String::from_utf8(bytes.to_vec()).expect("UTF-8");
        let rpc = text.find("<?xml").and_then(|at| text.get(at..)).expect("a document");
        let end = rpc.find("</nc:rpc>").expect("a request");
        let document = Element::parse(rpc.as_bytes()).expect("a document");
        let id = document.message_id.expect("a message id").parse().expect("a number");
        assert_eq!(id, self.message_id + 1, "requests are numbered");
        self.message_id = id;
        let begin = rpc.find("\">").map(|at| at + 2).expect("an envelope");
        rpc.get(begin..end).unwrap_or_default().to_owned()
    }
}

fn framing_of(version: &str) -> Framing {
    if version == NEW { Framing::Chunked } else { Framing::EndOfMessage }
}

fn answered(answer: &Element) -> String {
    if let Some(list) = operational::interfaces(answer) {
        return format!("answered: {} interfaces", list.len());
    }
    match (operational::neighbours(answer), operational::uptime(answer)) {
        (Some(list), _) => format!("answered: {} neighbours", list.len()),
        (None, Some(uptime)) => format!("answered: {uptime:?}"),
        (None, None) => "answered: not understood".to_owned(),
    }
}

fn hello(version: &str) -> String {
    format!(
        "<hello><capabilities><capability>{version}</capability></capabilities>\
         <session-id>9</session-id></hello>"
    )
}

fn edit(mode: Mode) -> Input {
    let lines = Lines::new([
        "set interfaces ge-0/0/7 native-vlan-id 42",
        "delete interfaces ge-0/0/7 description",
    ]);
    let lines = lines.expect("lines");
    let may_have_left = (mode == Mode::ReadBack).then_some("mistgate:");
    Input::Edit(Edit { lines, comment: "mistgate 7".to_owned(), may_have_left, mode })
}

fn push() -> Input {
    edit(Mode::Push { confirm: NonZeroU16::new(5).expect("not zero") })
}

fn not_verified() -> Input {
    Input::Verdict(Err("ge-0/0/7 is down".to_owned()))
}

fn error(message: &str) -> String {
    format!(
        "<rpc-error><error-severity>error</error-severity><error-message>{message}\
         </error-message></rpc-error>"
    )
}

#[test]
fn a_push_is_verified_and_confirmed() {
    for version in [OLD, NEW] {
        let mut t = Timeline::opened(Config::default(), version);
        t.commits(10);
        t.at(100, Input::Verdict(Ok(())), &[CONFIRM]);
        t.answer(118, OK, &[UNLOCK]);
        t.answer(119, NOTHING, &["edited: committed and confirmed"]);
        assert_eq!(t.session.poll_timeout(), None);
    }
}

#[test]
fn what_an_edit_did_is_reported_with_its_end() {
    let mut t = Timeline::opened(Config::default(), OLD);
    let warning = "<rpc-error><error-severity>warning</error-severity><error-message>statement not \
                   found</error-message></rpc-error>";
    t.at(0, edit(Mode::Compare), &[LOCK]);
    t.answer(0, NOTHING, &[LOAD]);
    let load = format!(
        "<load-configuration-results>{warning}{warning}<ok/>\
                        </load-configuration-results>"
    );
    t.answer(0, &load, &[COMPARE]);
    t.answer(0, DIFF, &[DISCARD]);
    t.answer(0, OK, &[UNLOCK]);
    let bytes = encode(t.framing, "<rpc-reply message-id=\"5\"/>");
    t.session.handle_input(Instant::from_secs(0), Input::Bytes(bytes));
    let Some(Output::Edited { diff, warnings, .. }) = t.session.poll_output() else {
        panic!("not at its end");
    };
    assert_eq!(diff, "[edit interfaces]\n+ x;");
    let warnings: Vec<_> = warnings.iter().map(ToString::to_string).collect();
    assert_eq!(warnings, ["statement not found"]);
}

#[test]
fn nothing_to_change_means_no_commit() {
    let mut t = Timeline::opened(Config::default(), OLD);
    t.at(0, push(), &[LOCK]);
    t.answer(0, OK, &[HISTORY]);
    t.answer(0, NO_HISTORY, &[LOAD]);
    t.answer(0, LOADED, &[COMPARE]);
    t.answer(0, NO_DIFF, &[UNLOCK]);
    t.answer(0, OK, &["edited: nothing to change"]);
}

#[test]
fn a_comparison_changes_nothing_and_checks_nothing() {
    let mut t = Timeline::opened(Config::default(), OLD);
    t.at(0, edit(Mode::Compare), &[LOCK]);
    t.answer(0, OK, &[LOAD]);
    t.answer(0, LOADED, &[COMPARE]);
    t.answer(0, DIFF, &[DISCARD]);
    t.answer(0, OK, &[UNLOCK]);
    t.answer(0, OK, &["edited: compared, nothing changed"]);
}

#[test]
fn a_failure_before_the_commit_discards_and_unlocks() {
    let steps: [(&[&str], &str); 4] = [
        (&[], "loading the lines"),
        (&[LOADED], "comparing"),
        (&[LOADED, DIFF], "the commit check"),
        (&[LOADED, DIFF, OK], "the commit"),
    ];
    let requests = [LOAD, COMPARE, CHECK, COMMIT];
    for (answers, step) in steps {
        let mut t = Timeline::opened(Config::default(), OLD);
        t.at(0, push(), &[LOCK]);
        t.answer(0, OK, &[HISTORY]);
        t.answer(0, NO_HISTORY, &[LOAD]);
        for (answer, then) in answers.iter().zip(requests.into_iter().skip(1)) {
            t.answer(0, answer, &[then]);
        }
        t.answer(0, &error("syntax error"), &[DISCARD]);
        // Whatever comes of the discarding, the lock is given back.
        t.answer(0, &error("no"), &[UNLOCK]);
        t.answer(0, OK, &[&format!("unedited: the switch refused {step}: syntax error")]);
        // The session can be used again.
        t.at(0, push(), &[LOCK]);
    }
}

#[test]
fn ok_beside_errors_is_no_success() {
    let mut t = Timeline::opened(Config::default(), OLD);
    t.at(0, push(), &[LOCK]);
    t.answer(0, OK, &[HISTORY]);
    t.answer(0, NO_HISTORY, &[LOAD]);
    t.answer(0, &format!("{}{OK}", error("could not set size")), &[DISCARD]);
    t.answer(0, OK, &[UNLOCK]);
    t.answer(0, OK, &["unedited: the switch refused loading the lines: could not set size"]);
}

#[test]
fn an_answer_that_says_nothing_is_no_success() {
    let mut t = Timeline::opened(Config::default(), OLD);
    t.at(0, push(), &[LOCK]);
    t.answer(0, OK, &[HISTORY]);
    t.answer(0, NO_HISTORY, &[LOAD]);
    t.answer(0, NOTHING, &[DISCARD]);
    t.answer(0, OK, &[UNLOCK]);
    let said = "unedited: loading the lines failed: the answer says neither success nor an error";
    t.answer(0, OK, &[said]);
}

#[test]
fn a_commit_that_is_not_verified_is_undone() {
    let mut t = Timeline::opened(Config::default(), OLD);
    t.commits(0);
    t.at(100, not_verified(), &[PREVIOUS]);
    t.answer(101, LOADED, &[CONFIRM]);
    t.answer(120, OK, &[UNLOCK]);
    t.answer(120, OK, &["edited: undone: ge-0/0/7 is down"]);
}

#[test]
fn a_commit_that_nobody_verifies_is_undone_in_time() {
    let mut t = Timeline::opened(Config::default(), OLD);
    t.commits(0);
    t.due(269, &[]);
    t.due(270, &[PREVIOUS]);
    t.at(270, Input::Verdict(Ok(())), &[]);
    t.answer(271, LOADED, &[CONFIRM]);
    t.answer(290, OK, &[UNLOCK]);
    t.answer(290, OK, &["edited: undone: it was not verified in time"]);
}

#[test]
fn what_cannot_be_undone_is_left_to_the_switch() {
    let mut t = Timeline::opened(Config::default(), OLD);
    t.commits(0);
    t.at(100, not_verified(), &[PREVIOUS]);
    t.answer(101, LOADED, &[CONFIRM]);
    let said = "edited: not confirmed: ge-0/0/7 is down; it could not be undone: no space left; \
                the switch undoes it when the time to confirm is up";
    let closed = "close: the switch is left to undo what is not confirmed";
    t.answer(102, &error("no space left"), &[said, closed]);
}

#[test]
fn what_is_loaded_too_late_to_undo_is_not_committed() {
    let mut t = Timeline::opened(Config::default(), OLD);
    t.commits(0);
    t.at(265, not_verified(), &[PREVIOUS]);
    // By then the switch has undone the change, and what was there before would be the change.
    let said = "edited: not confirmed: ge-0/0/7 is down; it could not be undone; the switch undoes \
                it when the time to confirm is up";
    let closed = "close: the switch is left to undo what is not confirmed";
    t.answer(300, LOADED, &[said, closed]);
}

#[test]
fn a_commit_that_is_not_confirmed_by_the_switch_is_undone() {
    let mut t = Timeline::opened(Config::default(), OLD);
    t.commits(0);
    t.at(10, Input::Verdict(Ok(())), &[CONFIRM]);
    t.answer(20, &error("check-out failed"), &[PREVIOUS]);
    t.answer(20, LOADED, &[CONFIRM]);
    t.answer(30, OK, &[UNLOCK]);
    let said = "edited: undone: the switch refused the confirming commit: check-out failed";
    t.answer(30, OK, &[said]);
}

#[test]
fn a_confirmation_that_may_be_late_is_looked_after() {
    for (answer, requests, said) in [
        (NO_DIFF, &[UNLOCK][..], "edited: committed and confirmed"),
        (DIFF, &[DISCARD, UNLOCK], "edited: undone: it was not verified in time"),
    ] {
        let mut t = Timeline::opened(Config::default(), OLD);
        t.commits(0);
        t.at(265, Input::Verdict(Ok(())), &[CONFIRM]);
        t.answer(300, OK, &[LOAD]);
        t.answer(300, LOADED, &[COMPARE]);
        let mut answer = answer;
        for request in requests {
            t.answer(300, answer, &[request]);
            answer = OK;
        }
        t.answer(300, OK, &[said]);
    }
}

#[test]
fn a_slow_commit_leaves_no_time_to_verify() {
    let mut t = Timeline::opened(Config::default(), OLD);
    let one = Mode::Push { confirm: NonZeroU16::MIN };
    t.at(0, edit(one), &[LOCK]);
    t.answer(0, OK, &[HISTORY]);
    t.answer(0, NO_HISTORY, &[LOAD]);
    t.answer(0, LOADED, &[COMPARE]);
    t.answer(0, DIFF, &[CHECK]);
    t.answer(0, OK, &[&COMMIT.replace(">5<", ">1<")]);
    t.answer(40, OK, &[PREVIOUS]);
    t.answer(41, LOADED, &[CONFIRM]);
    t.answer(50, OK, &[UNLOCK]);
    t.answer(50, OK, &["edited: undone: it was not verified in time"]);
}

#[test]
fn a_lock_that_another_holds_is_tried_again_and_then_reported() {
    let config = Config::default();
    let mut t = Timeline::opened(config, OLD);
    t.at(0, push(), &[LOCK]);
    let mut at = 0;
    for attempt in 1..20 {
        if at == 60 {
            let said = format!(
                "unedited: the configuration is locked by ann (pid 9) (tried {attempt} times)"
            );
            return t.answer(at, HELD, &[&said]);
        }
        t.answer(at, HELD, &[&format!("waits for ann (pid 9), attempt {attempt}")]);
        let retry_at = t.session.poll_timeout().expect("a retry").as_micros();
        assert!(retry_at > at * 1_000_000 && retry_at <= 60_000_000, "{retry_at}");
        at = retry_at.div_ceil(1_000_000);
        t.due(at, &[LOCK]);
    }
    panic!("it never ends");
}

#[test]
fn a_lock_that_comes_free_is_taken() {
    let mut t = Timeline::opened(Config::default(), OLD);
    t.at(0, push(), &[LOCK]);
    t.answer(0, HELD, &["waits for ann (pid 9), attempt 1"]);
    // Meanwhile the session is not idle, but it answers.
    t.at(0, Input::Ask(Query::Neighbours), &[NEIGHBOURS]);
    t.due(2, &[]);
    t.answer(2, "<lldp-neighbors-information/>", &["answered: 0 neighbours", LOCK]);
    t.answer(2, NOTHING, &[HISTORY]);
    t.answer(2, NO_HISTORY, &[LOAD]);
}

#[test]
fn what_is_refused_is_not_tried_again() {
    let mut t = Timeline::opened(Config::default(), OLD);
    t.at(0, push(), &[LOCK]);
    let said = "unedited: the switch refused locking the configuration: permission denied";
    t.answer(0, &error("permission denied"), &[said]);
}

#[test]
fn a_switch_that_does_not_unlock_loses_its_session() {
    let mut t = Timeline::opened(Config::default(), OLD);
    t.at(0, push(), &[LOCK]);
    t.answer(0, OK, &[HISTORY]);
    t.answer(0, NO_HISTORY, &[LOAD]);
    t.answer(0, LOADED, &[COMPARE]);
    t.answer(0, NO_DIFF, &[UNLOCK]);
    let said = ["edited: nothing to change", "close: the switch did not unlock its configuration"];
    t.answer(0, &error("busy"), &said);

    let mut t = Timeline::opened(Config::default(), OLD);
    t.at(0, push(), &[LOCK]);
    t.answer(0, OK, &[HISTORY]);
    t.answer(0, NO_HISTORY, &[LOAD]);
    t.answer(0, LOADED, &[COMPARE]);
    t.answer(0, NO_DIFF, &[UNLOCK]);
    t.answer(0, &error("Configuration database is not open"), &["edited: nothing to change"]);
}

#[test]
fn an_edit_that_ends_with_its_session_still_has_its_difference() {
    let mut t = Timeline::opened(Config::default(), OLD);
    t.at(0, edit(Mode::Compare), &[LOCK]);
    t.answer(0, OK, &[LOAD]);
    t.answer(0, LOADED, &[COMPARE]);
    t.answer(0, DIFF, &[DISCARD]);
    t.answer(0, OK, &[UNLOCK]);
    let id = t.message_id;
    let refusal = format!("<rpc-reply message-id=\"{id}\">{}</rpc-reply>", error("busy"));
    let refusal = Input::Bytes(encode(t.framing, &refusal));
    t.session.handle_input(Instant::from_secs(0), refusal);
    let edited = t.session.poll_output();
    let Some(Output::Edited { result: Ok(Outcome::Compared), diff, .. }) = edited else {
        panic!("{edited:?}");
    };
    assert_eq!(diff, "[edit interfaces]\n+ x;");
    assert!(matches!(t.session.poll_output(), Some(Output::Close(CloseReason::NotUnlocked))));
}

#[test]
fn silence_in_a_commit_leaves_the_outcome_unknown() {
    let mut t = Timeline::opened(Config::default(), OLD);
    t.at(0, push(), &[LOCK]);
    t.answer(0, OK, &[HISTORY]);
    t.answer(0, NO_HISTORY, &[LOAD]);
    t.answer(0, LOADED, &[COMPARE]);
    t.answer(0, DIFF, &[CHECK]);
    t.answer(20, OK, &[COMMIT]);
    t.due(199, &[]);
    let said = [
        "edited: unknown since the commit: no answer from the switch within 180s",
        "close: no answer from the switch within 180s",
    ];
    t.due(200, &said);
    assert_eq!(t.session.poll_timeout(), None);
}

#[test]
fn the_end_of_a_connection_is_reported_for_each_step() {
    let gone = "the connection to the switch is gone";
    let failed = |step: &str| format!("unedited: {step} failed: {gone}");
    let unknown = |step: &str| format!("edited: unknown since {step}: {gone}");
    let steps = [
        (LOCK, failed("locking the configuration")),
        (HISTORY, failed("reading the commit history")),
        (LOAD, failed("loading the lines")),
        (COMPARE, failed("comparing")),
        (CHECK, failed("the commit check")),
        (COMMIT, unknown("the commit")),
        ("verify", unknown("the verification")),
        (CONFIRM, unknown("the confirming commit")),
        (UNLOCK, "edited: committed and confirmed".to_owned()),
    ];
    for (step, said) in steps {
        let mut t = Timeline::opened(Config::default(), OLD);
        t.at(0, push(), &[LOCK]);
        let mut asked = LOCK;
        for (answer, then) in
            [(OK, HISTORY), (NO_HISTORY, LOAD), (LOADED, COMPARE), (DIFF, CHECK), (OK, COMMIT)]
        {
            if asked == step {
                break;
            }
            t.answer(0, answer, &[then]);
            asked = then;
        }
        if asked == COMMIT && step != COMMIT {
            t.answer(0, OK, &["committed, verify by 270 s"]);
            if step != "verify" {
                t.at(0, Input::Verdict(Ok(())), &[CONFIRM]);
            }
            if step == UNLOCK {
                t.answer(0, OK, &[UNLOCK]);
            }
        }
        t.at(1, Input::Closed, &[&said, "close: the connection to the switch is gone"]);
        t.at(2, push(), &["unedited: the connection to the switch is gone"]);
    }
}

#[test]
fn an_unclear_commit_is_unknown_and_ends_the_session() {
    let half = format!("<commit-success/>{}", error("fpc1: no space left"));
    let closed = "close: the switch is left to undo what is not confirmed";
    for (answer, said) in [
        (&*half, "the answer says success beside errors: fpc1: no space left"),
        (NOTHING, "the answer says neither success nor an error"),
    ] {
        let mut t = Timeline::opened(Config::default(), OLD);
        t.at(0, push(), &[LOCK]);
        t.answer(0, OK, &[HISTORY]);
        t.answer(0, NO_HISTORY, &[LOAD]);
        t.answer(0, LOADED, &[COMPARE]);
        t.answer(0, DIFF, &[CHECK]);
        t.answer(0, OK, &[COMMIT]);
        t.answer(0, answer, &[&format!("edited: unknown since the commit: {said}"), closed]);

        let mut t = Timeline::opened(Config::default(), OLD);
        t.commits(0);
        t.at(0, Input::Verdict(Ok(())), &[CONFIRM]);
        let ended = format!("edited: unknown since the confirming commit: {said}");
        t.answer(0, answer, &[&ended, closed]);

        let mut t = Timeline::opened(Config::default(), OLD);
        t.commits(0);
        t.at(0, not_verified(), &[PREVIOUS]);
        t.answer(0, LOADED, &[CONFIRM]);
        let ended = format!("edited: unknown since undoing the change: {said}");
        t.answer(0, answer, &[&ended, closed]);
    }
}

#[test]
fn a_read_back_confirms_what_is_in_place() {
    let mut t = Timeline::opened(Config::default(), OLD);
    t.at(0, edit(Mode::ReadBack), &[LOCK]);
    t.answer(0, OK, &[HISTORY]);
    t.answer(0, NO_HISTORY, &[LOAD]);
    t.answer(0, LOADED, &[COMPARE]);
    t.answer(0, NO_DIFF, &["committed, verify by 120 s"]);
    t.at(50, Input::Verdict(Ok(())), &[CONFIRM]);
    // The switch may have undone it in between.
    t.answer(60, OK, &[LOAD]);
    t.answer(60, LOADED, &[COMPARE]);
    t.answer(60, NO_DIFF, &[UNLOCK]);
    t.answer(60, OK, &["edited: committed and confirmed"]);
}

#[test]
fn a_read_back_changes_nothing_of_its_own() {
    let mut t = Timeline::opened(Config::default(), OLD);
    t.at(0, edit(Mode::ReadBack), &[LOCK]);
    t.answer(0, OK, &[HISTORY]);
    t.answer(0, NO_HISTORY, &[LOAD]);
    t.answer(0, LOADED, &[COMPARE]);
    t.answer(0, DIFF, &[DISCARD]);
    t.answer(0, OK, &[UNLOCK]);
    t.answer(0, OK, &["edited: the change is not in place"]);

    t.at(1, edit(Mode::ReadBack), &[LOCK]);
    t.answer(1, OK, &[HISTORY]);
    t.answer(1, NO_HISTORY, &[LOAD]);
    t.answer(1, LOADED, &[COMPARE]);
    t.answer(1, NO_DIFF, &["committed, verify by 121 s"]);
    let said = "edited: in place, but not confirmed: ge-0/0/7 is down";
    let closed = "close: the switch is left to undo what is not confirmed";
    t.at(50, not_verified(), &[said, closed]);
}

/// The answer to `HISTORY`: the newest commit, with this comment and what Junos adds.
fn history(log: &str, says: &str) -> String {
    format!(
        "<commit-information><commit-history><sequence-number>0</sequence-number><user>ann</user>\
         <client>cli</client><date-time junos:seconds=\"1000\">then</date-time>{says}\
         <log>{log}</log></commit-history></commit-information>"
    )
}

const CONFIRMED: &str = "<comment>commit confirmed, rollback in 5mins</comment>";

/// The answer to `UPTIME`, so many seconds after the newest commit.
fn clock(passed: u64) -> String {
    let now = 1_000 + passed;
    format!("<current-time><date-time junos:seconds=\"{now}\">now</date-time></current-time>")
}

#[test]
fn what_others_have_to_confirm_is_not_confirmed_by_us() {
    for mode in [push(), edit(Mode::ReadBack)] {
        let mut t = Timeline::opened(Config::default(), OLD);
        t.at(0, mode.clone(), &[LOCK]);
        t.answer(0, OK, &[HISTORY]);
        t.answer(0, &history("vlan 9", CONFIRMED), &[UPTIME]);
        // The lock is free at once, so that they can confirm it.
        t.answer(0, &clock(60), &[UNLOCK]);
        let said = "unedited: a commit waits to be confirmed: ann via cli: vlan 9";
        t.answer(0, OK, &[said]);
        // When its time is up it waits no more, although the history never forgets.
        t.at(1, mode, &[LOCK]);
        t.answer(1, OK, &[HISTORY]);
        t.answer(1, &history("vlan 9", CONFIRMED), &[UPTIME]);
        t.answer(1, &clock(360), &[LOAD]);
    }
    // Our own comment alone proves nothing: nobody knows of such a change.
    let mut t = Timeline::opened(Config::default(), OLD);
    t.at(0, push(), &[LOCK]);
    t.answer(0, OK, &[HISTORY]);
    t.answer(0, &history("mistgate: ge-0/0/7 ap", CONFIRMED), &[UPTIME]);
    t.answer(0, "<output/>", &[UNLOCK]);
    t.answer(
        0,
        OK,
        &["unedited: a commit waits to be confirmed: ann via cli: mistgate: ge-0/0/7 ap"],
    );
    // Who may not read the history may not commit.
    t.at(1, push(), &[LOCK]);
    t.answer(1, OK, &[HISTORY]);
    t.answer(1, &error("permission denied"), &[UNLOCK]);
    t.answer(
        1,
        OK,
        &["unedited: the switch refused reading the commit history: permission denied"],
    );
}

#[test]
fn what_was_read_back_is_committed_again_only_if_it_waits_for_that() {
    let read = |passed, verdict: Result<(), String>, expected: &[&str]| {
        let mut t = Timeline::opened(Config::default(), OLD);
        t.at(0, edit(Mode::ReadBack), &[LOCK]);
        t.answer(0, OK, &[HISTORY]);
        t.answer(0, &history("mistgate: ge-0/0/7 ap", CONFIRMED), &[UPTIME]);
        t.answer(0, &clock(passed), &[LOAD]);
        t.answer(0, LOADED, &[COMPARE]);
        t.answer(0, NO_DIFF, &["committed, verify by 120 s"]);
        t.at(1, Input::Verdict(verdict), expected);
        t
    };
    let down = || Err("ge-0/0/7 is down".to_owned());
    let closed = "close: the switch is left to undo what is not confirmed";
    read(10, Ok(()), &[CONFIRM]);
    read(10, down(), &["edited: in place, but not confirmed: ge-0/0/7 is down", closed]);
    // Somebody's commit has confirmed it, so that nothing is to be done, or nothing will undo it.
    read(400, Ok(()), &[UNLOCK]).answer(1, OK, &["edited: nothing to change"]);
    let mut t = read(400, down(), &[DISCARD]);
    t.answer(1, OK, &[UNLOCK]);
    let said = "somebody's commit confirmed it, and it does not work: ge-0/0/7 is down";
    t.answer(1, OK, &[&format!("edited: {said}")]);
}

#[test]
fn nothing_is_committed_on_top_of_what_an_earlier_run_left() {
    let Input::Edit(after_a_crash) = push() else {
        panic!("a push is an edit");
    };
    let after_a_crash = Input::Edit(Edit { may_have_left: Some("mistgate:"), ..after_a_crash });
    let mut t = Timeline::opened(Config::default(), OLD);
    t.at(0, after_a_crash, &[LOCK]);
    t.answer(0, OK, &[HISTORY]);
    t.answer(0, &history("mistgate: ge-0/0/7 ap", CONFIRMED), &[UPTIME]);
    t.answer(0, &clock(10), &[LOAD]);
    t.answer(0, LOADED, &[COMPARE]);
    t.answer(0, DIFF, &[DISCARD]);
    t.answer(0, OK, &[UNLOCK]);
    let said = "unedited: a commit waits to be confirmed: an earlier change of mistgate's own";
    t.answer(0, OK, &[said]);
}

#[test]
fn questions_are_answered_while_a_commit_is_verified() {
    let mut t = Timeline::opened(Config::default(), OLD);
    t.commits(0);
    t.at(1, Input::Ask(Query::Neighbours), &[NEIGHBOURS]);
    let neighbours = "<lldp-neighbors-information><lldp-neighbor-information>\
                      <lldp-local-port-id>ge-0/0/7</lldp-local-port-id>\
                      </lldp-neighbor-information></lldp-neighbors-information>";
    t.answer(2, neighbours, &["answered: 1 neighbours"]);
    t.at(2, Input::Ask(Query::Interfaces), &[INTERFACES]);
    // The verdict waits for the answer that is under way.
    t.at(2, Input::Verdict(Ok(())), &[]);
    t.answer(3, "<interface-information/>", &["answered: 0 interfaces", CONFIRM]);
    t.answer(3, OK, &[UNLOCK]);
    t.answer(3, OK, &["edited: committed and confirmed"]);
}

#[test]
fn a_question_may_fail() {
    let mut t = Timeline::opened(Config::default(), OLD);
    t.at(0, Input::Ask(Query::Neighbours), &[NEIGHBOURS]);
    t.answer(0, &error("permission denied"), &["unanswered"]);
    t.at(0, Input::Ask(Query::Neighbours), &[NEIGHBOURS]);
    t.answer(0, "<output>LLDP is not running</output>", &["answered: not understood"]);
    t.at(0, Input::Ask(Query::Interfaces), &[INTERFACES]);
    t.at(0, Input::Closed, &["unanswered", "close: the connection to the switch is gone"]);
    t.at(0, Input::Ask(Query::Interfaces), &["unanswered"]);
}

#[test]
fn edits_follow_each_other_in_one_session() {
    let mut t = Timeline::new(Config::default());
    // What is asked before the hello waits for it.
    t.at(0, push(), &[]);
    t.receives(1, &hello(OLD), &["opened EndOfMessage", LOCK]);
    for nth in 0..2 {
        if nth > 0 {
            t.at(1, push(), &[LOCK]);
        }
        t.answer(1, OK, &[HISTORY]);
        t.answer(1, NO_HISTORY, &[LOAD]);
        t.answer(1, LOADED, &[COMPARE]);
        t.answer(1, NO_DIFF, &[UNLOCK]);
        t.answer(1, OK, &["edited: nothing to change"]);
    }
    assert_eq!(t.session.poll_timeout(), None);
}

#[test]
fn a_session_is_closed_when_its_edit_is_done() {
    let mut t = Timeline::opened(Config::default(), NEW);
    t.commits(0);
    t.at(2, Input::Stop, &[]);
    t.at(4, Input::Verdict(Ok(())), &[CONFIRM]);
    t.answer(5, OK, &[UNLOCK]);
    t.answer(5, OK, &["edited: committed and confirmed", CLOSE]);
    t.at(5, push(), &["unedited: stopped before it began"]);
    t.answer(5, OK, &["close: the session was closed"]);
}

#[test]
fn an_edit_that_waits_for_an_answer_stops_at_once() {
    let mut t = Timeline::opened(Config::default(), OLD);
    t.at(0, Input::Ask(Query::Neighbours), &[NEIGHBOURS]);
    t.at(0, push(), &[]);
    t.at(0, Input::Stop, &["unedited: stopped before it began"]);
    t.answer(0, "<lldp-neighbors-information/>", &["answered: 0 neighbours", CLOSE]);
}

#[test]
#[should_panic(expected = "after the end of the last one")]
fn a_second_edit_at_a_time_breaks_the_contract() {
    let mut t = Timeline::new(Config::default());
    t.at(0, push(), &[]);
    t.at(0, push(), &[]);
}

#[test]
fn nobody_waits_long_for_a_goodbye() {
    let mut t = Timeline::opened(Config::default(), OLD);
    t.at(0, Input::Stop, &[CLOSE]);
    t.due(5, &["close: the session was closed"]);
    let mut t = Timeline::opened(Config::default(), OLD);
    t.at(0, Input::Stop, &[CLOSE]);
    t.at(0, Input::Closed, &["close: the session was closed"]);
    let mut t = Timeline::new(Config::default());
    t.at(0, Input::Stop, &["close: the session was closed"]);
}

#[test]
fn an_edit_that_waits_for_a_lock_stops_at_once() {
    let mut t = Timeline::opened(Config::default(), OLD);
    t.at(0, push(), &[LOCK]);
    t.answer(0, HELD, &["waits for ann (pid 9), attempt 1"]);
    t.at(0, Input::Stop, &["unedited: stopped before it began", CLOSE]);
    // The same if the stop comes while the lock is being asked for.
    let mut t = Timeline::opened(Config::default(), OLD);
    t.at(0, push(), &[LOCK]);
    t.at(0, Input::Stop, &[]);
    let waits = "waits for ann (pid 9), attempt 1";
    t.answer(1, HELD, &[waits, "unedited: stopped before it began", CLOSE]);
    // The same if the lock is to be asked for again, once a question has its answer.
    let mut t = Timeline::opened(Config::default(), OLD);
    t.at(0, push(), &[LOCK]);
    t.answer(0, HELD, &[waits]);
    t.at(0, Input::Ask(Query::Neighbours), &[NEIGHBOURS]);
    t.due(2, &[]);
    t.at(2, Input::Stop, &["unedited: stopped before it began"]);
    t.answer(2, "<lldp-neighbors-information/>", &["answered: 0 neighbours", CLOSE]);
}

#[test]
fn a_server_that_says_no_hello_is_left() {
    let mut t = Timeline::new(Config::default());
    t.at(0, push(), &[]);
    t.due(29, &[]);
    let silent = "no answer from the switch within 30s";
    t.due(30, &[&format!("unedited: {silent}"), &format!("close: {silent}")]);
}

#[test]
fn what_is_not_understood_ends_the_session() {
    let reply = "<rpc-reply message-id=\"4\"><ok/></rpc-reply>".to_owned();
    let stray = "close: the switch sent a message that nobody had asked for";
    for (document, said) in [
        (reply, stray),
        (hello(OLD), stray),
        ("<a>".into(), "close: the XML ends before its first element is closed"),
    ] {
        let mut t = Timeline::opened(Config::default(), OLD);
        t.receives(0, &document, &[said]);
        t.receives(0, &document, &[]);
    }
    let mut t = Timeline::new(Config::default());
    t.receives(0, &hello("x"), &["close: the hello offers neither NETCONF 1.0 nor 1.1"]);
    let mut t = Timeline::opened(Config::default(), NEW);
    let said = "close: expected the line feed of a chunk, got byte 0x3c";
    t.at(0, Input::Bytes(b"<rpc-reply/>]]>]]>".into()), &[said]);
    let mut t = Timeline::opened(Config::default(), OLD);
    let said = format!("close: a message has more than {MESSAGE_MAX} bytes");
    t.at(0, Input::Bytes(alloc::vec![b' '; MESSAGE_MAX + 6]), &[&said]);
}

#[test]
fn comments_and_notifications_are_passed_over() {
    let mut t = Timeline::opened(Config::default(), OLD);
    t.at(0, push(), &[LOCK]);
    t.receives(0, "<!-- hello -->\n", &[]);
    t.receives(0, "<notification/>", &[]);
    t.receives(0, "<rpc-reply>\n</rpc-reply>", &[HISTORY]);
}
