use alloc::{format, string::String, vec::Vec};

use super::*;
use crate::api::rejected;
use crate::base::exchange::{Response, Step};
use crate::base::mac::Mac;
use crate::mist::Profiles;
use crate::mist::read::read;
use crate::ports::name::{PortName, SwitchName};
use crate::ports::switch_port::Mode;

const DEVICE: &str = "/api/v1/sites/s-1/devices/id-1";
const LOCAL: &str = "/api/v1/sites/s-1/devices/id-1/local_port_config";

fn port(name: &str) -> PortName {
    PortName::parse(name).expect("a port")
}

fn task(ports: &[&str]) -> Task {
    let edit = |name: &&str| Edit {
        port: port(name),
        mode: Mode::Ap,
        ap: None,
        lines: Vec::new(),
        before: None,
        is_in_doubt: false,
        back: Vec::new(),
    };
    Task {
        switch: Switch {
            mac: Mac::parse("5c5b35000001").expect("a MAC"),
            device_id: "id-1".into(),
            site: "s-1".into(),
            name: SwitchName::parse("sw-1"),
            model: None,
        },
        edits: ports.iter().map(edit).collect(),
        profiles: Profiles { ap: "ap".into(), default: None },
    }
}

fn say(status: u16, body: &str) -> ExchangeResult {
    let retry_after = None;
    Ok(Response { status, retry_after, total: None, session: None, body: body.into() })
}

fn ok(body: &str) -> ExchangeResult {
    say(200, body)
}

/// A request as it is expected: of the method, to the target, and, of a PUT, with this in the body.
struct Expected(Method, &'static str, &'static str);

const GET: Expected = Expected(Method::Get, DEVICE, "");

fn run_exchange<T>(mut exchange: Exchange<T>, script: &[(Expected, ExchangeResult)]) -> T {
    let mut script = script.iter();
    let mut step = exchange.start();
    loop {
        match step {
            Step::Done(end) => {
                assert!(script.next().is_none(), "more was expected");
                return end;
            }
            Step::Request(request) => {
                let (Expected(method, target, body), result) = script.next().expect("no more");
                assert_eq!((request.method, &*request.target), (*method, *target));
                let sent = request.body.unwrap_or_default();
                let sent = str::from_utf8(&sent).expect("text");
                assert!(sent.contains(body), "{sent}");
                step = exchange.answer(result.clone());
            }
        }
    }
}

fn push(ports: &[&str], script: &[(Expected, ExchangeResult)]) -> Pushed {
    run_exchange(super::push(task(ports)), script)
}

const EMPTY: &str = r#"{"type":"switch","local_port_config":{"ge-0/0/9":{"usage":"x"}}}"#;
const OURS: &str = r#"{"local_port_config":{"ge-0/0/1":{"usage":"ap"},"ge-0/0/9":{"usage":"x"}}}"#;
/// All overrides, also those of others.
const PUT_LOCAL: Expected = Expected(
    Method::Put,
    LOCAL,
    r#"{"ge-0/0/9":{"usage":"x"},"ge-0/0/1":{"usage":"ap","note":"set by mistgate"}}"#,
);

fn not_kept() -> Failure {
    Failure::Undone { reason: "Mist took the change and did not keep it".into(), after: None }
}

#[test]
fn what_is_read_afterwards_is_what_counts() {
    let pushed = push(&["ge-0/0/1"], &[(GET, ok(EMPTY)), (PUT_LOCAL, ok("{}")), (GET, ok(OURS))]);
    let Pushed::Done { diff, before } = pushed else {
        panic!("{pushed:?}");
    };
    assert!(diff.starts_with("[local_port_config]\n+ \"ge-0/0/1\": "), "{diff}");
    let kept = r#"{"layer":"local_port_config","entry":null,"shared":false}"#;
    assert_eq!(before, [(port("ge-0/0/1"), kept.to_owned())]);
    // A success that is none.
    let pushed = push(&["ge-0/0/1"], &[(GET, ok(EMPTY)), (PUT_LOCAL, ok("{}")), (GET, ok(EMPTY))]);
    assert_eq!(pushed, Pushed::Failed(not_kept()));
}

#[test]
fn nothing_to_change_is_nothing_to_write() {
    let pushed = push(&["ge-0/0/1"], &[(GET, ok(OURS))]);
    assert_eq!(pushed, Pushed::Done { diff: String::new(), before: Vec::new() });
    assert_eq!(
        push(&[], &[(GET, ok("{}"))]),
        Pushed::Done { diff: String::new(), before: Vec::new() }
    );
}

#[test]
fn a_refused_write_is_a_failure_and_a_lost_one_is_unknown() {
    let busy = || Failure::Busy { after: None };
    for (result, expected) in [
        (Err(Failure::Timeout), Pushed::Unknown(Failure::Timeout)),
        (say(408, ""), Pushed::Unknown(Failure::Timeout)),
        (say(500, ""), Pushed::Unknown(busy())),
        (say(504, ""), Pushed::Unknown(busy())),
        (Err(Failure::Unreachable), Pushed::Failed(Failure::Unreachable)),
        (Err(busy()), Pushed::Failed(busy())),
        (say(401, ""), Pushed::Failed(Failure::Login)),
        (say(403, ""), Pushed::Failed(Failure::Login)),
        (say(404, ""), Pushed::Failed(Failure::Unreachable)),
        (say(302, ""), Pushed::Failed(Failure::Unreachable)),
        (say(429, ""), Pushed::Failed(busy())),
        (
            say(400, r#"{"detail":"unknown port usage ap"}"#),
            Pushed::Failed(rejected("Mist answers 400: unknown port usage ap".to_owned())),
        ),
    ] {
        let script = [(GET, ok(EMPTY)), (PUT_LOCAL, result.clone())];
        assert_eq!(push(&["ge-0/0/1"], &script), expected, "{result:?}");
    }
    for (result, failure) in [
        (Err(Failure::Timeout), Failure::Timeout),
        (say(404, ""), Failure::Unreachable),
        (ok("<html>"), busy()),
        (ok(r#"{"type":"ap"}"#), rejected("this device of Mist's is not a switch".to_owned())),
    ] {
        let before = push(&["ge-0/0/1"], &[(GET, result.clone())]);
        assert_eq!(before, Pushed::Failed(failure.clone()), "{result:?}");
        let script = [(GET, ok(EMPTY)), (PUT_LOCAL, ok("")), (GET, result)];
        assert_eq!(push(&["ge-0/0/1"], &script), Pushed::Unknown(failure));
    }
}

const CLOSED: &str = concat!(
    r#"{"name":"sw-1","port_config":{"ge-0/0/0-1":{"usage":"iot"}},"#,
    r#""local_port_config":{"ge-0/0/9":{"usage":"x"}},"last":1.50}"#
);
const PUT_DEVICE: Expected = Expected(
    Method::Put,
    DEVICE,
    concat!(
        r#"{"name":"sw-1","port_config":{"ge-0/0/0":{"usage":"iot"},"ge-0/0/1":{"usage":"ap"}},"#,
        r#""local_port_config":{"ge-0/0/9":{"usage":"x"}"#
    ),
);
const OPENED: &str = r#"{"port_config":{"ge-0/0/0":{"usage":"iot"},"ge-0/0/1":{"usage":"ap"}}}"#;

#[test]
fn what_overrides_cannot_change_is_changed_in_the_device() {
    let script = [(GET, ok(CLOSED)), (PUT_DEVICE, ok("{}")), (GET, ok(OPENED))];
    assert!(matches!(push(&["ge-0/0/1"], &script), Pushed::Done { .. }));
    // Whoever may write overrides alone is kept out by no_local_overwrite.
    let script = [(GET, ok(CLOSED)), (PUT_DEVICE, say(403, ""))];
    assert_eq!(push(&["ge-0/0/1"], &script), Pushed::Failed(Failure::Protected));
}

#[test]
fn both_places_are_written_at_once_where_that_works() {
    let ports = ["ge-0/0/1", "ge-0/0/2"];
    let local = r#""local_port_config":{"ge-0/0/2":{"usage":"ap"}}}"#;
    let both = OPENED.replace("}}}", "}},") + local;
    let script = || [(GET, ok(CLOSED)), (PUT_DEVICE, ok("{}"))];
    let mut at_once = Vec::from(script());
    at_once.push((GET, ok(&both)));
    assert!(matches!(push(&ports, &at_once), Pushed::Done { .. }));
    // The overrides are written on their own, if the device's own request did not take them.
    let put_local =
        || Expected(Method::Put, LOCAL, r#"{"ge-0/0/2":{"usage":"ap","note":"set by mistgate"}}"#);
    let mut after = Vec::from(script());
    after.extend([(GET, ok(OPENED)), (put_local(), ok("{}")), (GET, ok(&both))]);
    let pushed = push(&ports, &after);
    let Pushed::Done { diff, before } = pushed else {
        panic!("{pushed:?}");
    };
    assert!(diff.contains("[port_config]") && diff.contains("[local_port_config]"), "{diff}");
    assert_eq!(before.len(), 2);
    // By then one half is done, so nobody can say that all is as it was.
    for (result, failure) in [
        (say(403, ""), Failure::Login),
        (Err(Failure::Unreachable), Failure::Unreachable),
        (ok("{}"), not_kept()),
    ] {
        let is_taken = result.as_ref().is_ok_and(|response| response.status == 200);
        let mut half = Vec::from(script());
        half.extend([(GET, ok(OPENED)), (put_local(), result)]);
        half.extend(is_taken.then(|| (GET, ok(OPENED))));
        assert_eq!(push(&ports, &half), Pushed::Unknown(failure));
    }
}

#[test]
fn looking_changes_nothing() {
    let read = |body: ExchangeResult| run_exchange(read(task(&["ge-0/0/1"])), &[(GET, body)]);
    assert!(read(ok(OURS)).is_ok_and(|change| change.layers.is_empty()));
    assert!(read(ok(EMPTY)).is_ok_and(|change| change.layers == [Layer::Local]));
    assert_eq!(read(Err(Failure::Timeout)).err(), Some(Failure::Timeout));
    assert_eq!(format!("{:?}", read(say(500, "")).err()), "Some(Busy { after: None })");
}
