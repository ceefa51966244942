use alloc::{borrow::ToOwned, vec};
use core::time::Duration;

use super::*;
use crate::netconf::rpc::error::Holder;
use crate::netconf::session::output::{CloseReason, Failure as Error};
use crate::ports::name::PortName;
use crate::ports::switch_port;

const NOW: Instant = Instant::from_micros(0);

fn port(number: usize) -> Edit {
    let port = PortName::parse(&format!("ge-0/0/{number}")).expect("a port");
    let lines = vec![format!("set interfaces {port} native-vlan-id 42")];
    Edit {
        port,
        mode: switch_port::Mode::Ap,
        ap: None,
        lines,
        before: None,
        is_in_doubt: false,
        back: Vec::new(),
    }
}

fn rpc_error(message: &str) -> RpcError {
    RpcError { message: message.to_owned(), ..RpcError::default() }
}

fn rejected(message: &str) -> Failure {
    Failure::Rejected { message: message.to_owned() }
}

fn refused(step: Step, messages: &[&str]) -> Error {
    Error::Refused { step, errors: messages.iter().map(|message| rpc_error(message)).collect() }
}

#[test]
fn the_ports_of_a_change_are_one_edit_with_a_comment() {
    let default = Edit { mode: switch_port::Mode::Default, ..port(2) };
    let edit = edit(&[port(1), default], Mode::Compare, false).expect("an edit");
    assert_eq!(edit.comment, "mistgate: ge-0/0/1 ap, ge-0/0/2 default");
    assert_eq!(
        edit.lines.as_slice(),
        ["set interfaces ge-0/0/1 native-vlan-id 42", "set interfaces ge-0/0/2 native-vlan-id 42"]
    );
    let hostile = Edit { lines: vec!["set a\ndelete b".to_owned()], ..port(1) };
    let message = "line 1: a control character — expected one line of text";
    assert_eq!(super::edit(&[hostile], Mode::Compare, false), Err(rejected(message)));
}

#[test]
fn a_comment_of_many_ports_stays_short() {
    let edits: Vec<Edit> = (0..48).map(port).collect();
    let text = comment(&edits);
    assert!(text.starts_with("mistgate: ge-0/0/0 ap, ge-0/0/1 ap,"), "{text}");
    assert!(text.ends_with(", and 26 more"), "{text}");
    assert!(text.len() < 350);
}

#[test]
fn every_outcome_is_reported_in_the_words_of_all_methods() {
    let reason = || NotConfirmed::NotVerified { reason: "ge-0/0/7 lost its link".to_owned() };
    let undone = |after: Option<u64>| Failure::Undone {
        reason: "ge-0/0/7 lost its link".to_owned(),
        after: after.map(Duration::from_secs),
    };
    let refused = || NotConfirmed::Refused { errors: vec![rpc_error("no")] };
    let unknown = |cause| Outcome::Unknown { step: Step::Commit, cause, until: None };
    let done = || Pushed::Done { diff: "+ a".to_owned(), before: Vec::new() };
    let busy = || Pushed::Failed(Failure::Busy { after: None });
    let until = Some(NOW + Duration::from_secs(90));
    let unclear = "the answer says success beside errors: no";
    for (outcome, expected, in_place) in [
        (Outcome::Absent, busy(), Some(false)),
        (Outcome::Compared, busy(), Some(false)),
        (
            Outcome::Broken { reason: "ge-0/0/7 lost its link".to_owned() },
            Pushed::Unknown(undone(None)),
            None,
        ),
        (Outcome::Confirmed, done(), Some(true)),
        (Outcome::Unchanged, done(), Some(true)),
        (Outcome::RolledBack { reason: reason() }, Pushed::Failed(undone(None)), None),
        (
            Outcome::RolledBack { reason: NotConfirmed::Late },
            Pushed::Failed(Failure::Timeout),
            None,
        ),
        (Outcome::RolledBack { reason: refused() }, Pushed::Failed(rejected("no")), None),
        (
            Outcome::Pending { reason: reason(), errors: Vec::new(), until },
            Pushed::Unknown(undone(Some(90))),
            None,
        ),
        (Outcome::Unconfirmed { reason: reason() }, Pushed::Unknown(undone(None)), None),
        (unknown(Cause::Ended(CloseReason::Closed)), Pushed::Unknown(Failure::Timeout), None),
        (
            unknown(Cause::Unclear { errors: vec![rpc_error("no")] }),
            Pushed::Unknown(rejected(unclear)),
            None,
        ),
    ] {
        let ended = Ok(outcome);
        assert_eq!(pushed(NOW, &ended, "+ a".to_owned()), expected, "{ended:?}");
        assert_eq!(is_in_place(&ended, "+ a"), in_place, "{ended:?}");
    }
    assert_eq!(is_in_place(&Ok(Outcome::Compared), ""), Some(true));
}

#[test]
fn every_failure_says_what_to_repair_or_when_to_try_again() {
    let holder = Holder::Session { name: "ansible terminal (pid 50198)".to_owned(), id: None };
    let locked = "ansible terminal (pid 50198)".to_owned();
    let ended = |step| Error::Ended { step, reason: CloseReason::Closed };
    let many = ["a", "b", "c", "d", "e"];
    let lock = "the switch refused locking the configuration: out of memory";
    let unclear = "the commit check failed: the answer says neither success nor an error";
    for (error, expected) in [
        (Error::Stopped, Failure::Busy { after: None }),
        (ended(None), Failure::Timeout),
        (ended(Some(Step::Check)), Failure::Timeout),
        (Error::LockHeld { holder, attempts: 9 }, Failure::Locked { holder: locked }),
        (refused(Step::Load, &["syntax error"]), rejected("syntax error")),
        (refused(Step::Check, &many), rejected("a; b; c; and 2 more")),
        (refused(Step::Load, &["Permission denied"]), Failure::Login),
        (refused(Step::Lock, &["out of memory"]), rejected(lock)),
        (Error::Unclear { step: Step::Check }, rejected(unclear)),
        (
            Error::Unconfirmed { commit: "ann via cli".to_owned(), left: Duration::from_secs(90) },
            Failure::Unconfirmed { by: "ann via cli".to_owned(), after: Duration::from_secs(90) },
        ),
    ] {
        assert_eq!(failure(&error), expected, "{error:?}");
        let ended = Err(error);
        assert_eq!(pushed(NOW, &ended, String::new()), Pushed::Failed(expected));
        assert_eq!(is_in_place(&ended, ""), None);
    }
}
