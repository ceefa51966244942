use alloc::{borrow::ToOwned, format};

use super::*;
use http_types::Method;

use crate::base::exchange::{ExchangeResult, Response, Step};
use crate::base::time::UnixTime;
use crate::ports::name::{PortName, SwitchName};
use crate::ports::question::{Entry, Location};
use crate::ports::switch_port::SwitchPort;

const ORG: &str = "o-1";
const AP: &str = "5c5b35000011";
const SWITCH: &str = "5c5b35000001";

fn mac(text: &str) -> Mac {
    Mac::parse(text).expect("a MAC")
}

fn port(name: &str) -> PortName {
    PortName::parse(name).expect("a port")
}

fn say(status: u16, total: Option<usize>, body: &str) -> ExchangeResult {
    Ok(Response { status, retry_after: None, total, session: None, body: body.into() })
}

fn ok(body: &str) -> ExchangeResult {
    say(200, None, body)
}

/// Answers each request, of which the path must end so, and takes note of the end.
fn ask(question: Question, script: &[(&str, ExchangeResult)]) -> Answer {
    let mut ask = super::ask(ORG, question);
    let mut step = ask.start();
    let mut script = script.iter();
    loop {
        match step {
            Step::Done(answer) => {
                assert_eq!(script.next(), None, "more was expected");
                return answer;
            }
            Step::Request(request) => {
                let (expected, result) = script.next().expect("no more was expected");
                assert!(request.target.contains(expected), "{} {expected}", request.target);
                assert_eq!((request.method, request.body), (Method::Get, None));
                step = ask.answer(result.clone());
            }
        }
    }
}

fn results(ports: &[String]) -> String {
    format!(r#"{{"results":[{}],"limit":1000,"total":{}}}"#, ports.join(","), ports.len())
}

fn record(port: &str, up: &str, neighbor: &str) -> String {
    format!(
        r#"{{"mac":"{SWITCH}","port_id":"{port}","up":{up},"neighbor_mac":{neighbor},
            "site_id":"s-1","org_id":"o-1"}}"#
    )
}

fn here() -> String {
    record("ge-0/0/1", "true", &format!("\"{AP}\""))
}

fn inventory(is_connected: bool) -> String {
    format!(
        r#"[{{"mac":"{SWITCH}","id":"id-1","site_id":"s-1","name":"sw-1","type":"switch",
            "connected":{is_connected}}}]"#
    )
}

fn switch() -> crate::ports::switch_port::Switch {
    crate::ports::switch_port::Switch {
        mac: mac(SWITCH),
        device_id: "id-1".into(),
        site: "s-1".into(),
        name: SwitchName::parse("sw-1"),
        model: None,
    }
}

fn the_port() -> Question {
    Question::Port {
        switch_port: SwitchPort { switch: mac(SWITCH), port: port("ge-0/0/1") },
        switch: None,
    }
}

fn where_is_it(site: Option<&str>) -> Question {
    Question::Location { ap: mac(AP), site: site.map(str::to_owned) }
}

#[test]
fn a_port_is_what_its_switch_says() {
    let other = record("ge-0/0/10", "true", "null");
    let answer = ask(
        the_port(),
        &[
            ("/orgs/o-1/inventory?type=switch&vc=true", ok(&inventory(true))),
            (
                "/stats/ports/search?type=switch&mac=5c5b35000001&port_id=ge-0%2F0%2F1&",
                // The filter may find more than was asked for.
                ok(&results(&[other.clone(), here()])),
            ),
        ],
    );
    let Answer::Port(Some(seen)) = answer else {
        panic!("{answer:?}");
    };
    assert_eq!((&seen.switch, seen.port), (&switch(), Some(port("ge-0/0/1"))));
    assert!(seen.proves(mac(AP)));
    let on = |search: ExchangeResult| ask(the_port(), &[("", ok(&inventory(false))), ("", search)]);
    let answer = on(ok(&results(&[record("ge-0/0/1", "false", "null")])));
    let Answer::Port(Some(seen)) = answer else {
        panic!("{answer:?}");
    };
    assert_eq!((seen.is_live, seen.up, seen.neighbor), (false, false, None));
    assert_eq!(on(ok(&results(&[other]))), Answer::Port(None));
    // Without a word about the link there is no proof of anything.
    assert_eq!(on(ok(&results(&[record("ge-0/0/1", "null", "null")]))), Answer::Unanswered);
    assert_eq!(ask(the_port(), &[("", ok("[]"))]), Answer::Port(None));
}

#[test]
fn a_member_is_looked_up_as_its_virtual_chassis() {
    let member = format!(r#"[{{"mac":"{SWITCH}","vc_mac":"020003000001","connected":true}}]"#);
    let whole = r#"[{"mac":"020003000001","vc_mac":"020003000001","id":"cloud-id",
        "site_id":"s-1","connected":true}]"#;
    let record = here().replace(SWITCH, "020003000001");
    let answer = ask(
        the_port(),
        &[
            ("&mac=5c5b35000001", ok(&member)),
            ("&mac=020003000001", ok(whole)),
            ("&mac=020003000001&port_id=", ok(&results(&[record]))),
        ],
    );
    let Answer::Port(Some(seen)) = answer else {
        panic!("{answer:?}");
    };
    assert_eq!((seen.switch.mac, &*seen.switch.device_id), (mac("020003000001"), "cloud-id"));
}

#[test]
fn what_fails_is_no_answer() {
    let failures = [
        Err(Failure::Timeout),
        Err(Failure::Unreachable),
        Err(Failure::Busy { after: None }),
        say(401, None, ""),
        say(403, None, ""),
        say(404, None, r#"{"detail":"Not found."}"#),
        say(429, None, ""),
        say(500, None, ""),
        say(302, None, ""),
        ok(""),
        ok("null"),
        ok("<html>portal</html>"),
        ok(r#"{"results":null}"#),
        ok(r#"[{"mac":"#),
        ok(&"[".repeat(1_000)),
    ];
    for failure in failures {
        let is = |question, script: &[(&str, ExchangeResult)]| {
            let mut script = script.to_vec();
            script.push(("", failure.clone()));
            assert_eq!(ask(question, &script), Answer::Unanswered, "{failure:?}");
        };
        let found = ("", ok(&results(&[here()])));
        let switches = ("", ok(&inventory(true)));
        is(the_port(), &[]);
        is(the_port(), core::slice::from_ref(&switches));
        is(where_is_it(None), &[]);
        is(where_is_it(None), core::slice::from_ref(&found));
        is(where_is_it(None), &[("", ok(&results(&[])))]);
        is(Question::Inventory, &[]);
        is(Question::Inventory, &[("", ok("[]"))]);
        is(Question::Inventory, &[("", ok("[]")), switches.clone(), ("", ok("[]"))]);
    }
}

#[test]
fn the_switch_and_the_access_point_are_asked() {
    let lost = format!(
        r#"{{"mac":"{AP}","status":"disconnected","lldp_stat":{{"chassis_id":"{SWITCH}","port_id":"ge-0/0/1"}}}}"#
    );
    let answer = ask(
        where_is_it(Some("s-1")),
        &[
            ("/stats/ports/search?type=switch&neighbor_mac=5c5b35000011&", ok(&results(&[here()]))),
            ("&mac=5c5b35000001", ok(&inventory(true))),
            ("/sites/s-1/stats/devices/", ok(&lost)),
        ],
    );
    let Answer::Location(Location { seen, hints }) = answer else {
        panic!("{answer:?}");
    };
    // What a lost one said last proves nothing of who is there now.
    assert!(
        hints.is_empty() && seen.len() == 1 && seen.iter().all(|sighting| sighting.proves(mac(AP)))
    );
}

#[test]
fn otherwise_the_access_point_is_asked() {
    let itself = |site: &str, chassis: &str| {
        format!(
            r#"{{"mac":"{AP}","site_id":{site},"status":"connected","lldp_stat":{{
                "chassis_id":{chassis},"port_id":"531","port_desc":"ge-0/0/1",
                "system_name":"sw-9"}}}}"#
        )
    };
    let stale = record("ge-0/0/9", "false", &format!("\"{AP}\""));
    let known = itself("\"s-1\"", "\"5c:5b:35:00:00:01\"");
    let hint = |script: &[(&str, ExchangeResult)], site| {
        let answer = ask(where_is_it(site), script);
        let Answer::Location(Location { hints, .. }) = answer else {
            panic!("{answer:?}");
        };
        hints.into_iter().next().map(|hint| (hint.switch, hint.port))
    };
    let expected = Some((switch(), port("ge-0/0/1")));
    // A stale sighting proves nothing, and its switch is known already.
    assert_eq!(
        hint(
            &[
                ("neighbor_mac", ok(&results(&[stale]))),
                ("/inventory?", ok(&inventory(true))),
                ("/sites/s-1/stats/devices/00000000-0000-0000-1000-5c5b35000011", ok(&known)),
            ],
            Some("s-1")
        ),
        expected
    );
    // It moved to another site.
    let nothing = ("neighbor_mac", ok(&results(&[])));
    let switches = ("/inventory?", ok(&inventory(true)));
    assert_eq!(
        hint(
            &[
                nothing.clone(),
                ("/sites/s-0/stats/devices/", say(404, None, "")),
                ("/orgs/o-1/stats/devices?type=ap&", ok(&format!("[{known}]"))),
                switches.clone(),
            ],
            Some("s-0")
        ),
        expected
    );
    // The list of all knows its site, and the site the rest.
    let bare = format!(r#"[{{"mac":"{AP}","site_id":"s-1"}}]"#);
    assert_eq!(
        hint(
            &[
                nothing.clone(),
                ("/orgs/o-1/stats/devices?", ok(&bare)),
                ("/sites/s-1/stats/devices/", ok(&known)),
                switches,
            ],
            None
        ),
        expected
    );
    // Mist does not know the switch, but may be the network does.
    let (unknown, _) = hint(
        &[
            nothing.clone(),
            ("/sites/s-1/stats/devices/", ok(&itself("\"s-1\"", "\"5c5b35000009\""))),
            ("&mac=5c5b35000009", ok("[]")),
        ],
        Some("s-1"),
    )
    .expect("a hint");
    assert_eq!((&*unknown.device_id, unknown.name), ("", SwitchName::parse("sw-9")));
    for mute in ["[]", r#"[{"mac":"5c5b35000011","site_id":null,"lldp_stat":null}]"#] {
        let script = [nothing.clone(), ("/orgs/o-1/stats/devices?", ok(mute))];
        assert_eq!(hint(&script, None), None);
    }
}

#[test]
fn the_roster_is_read_to_its_end() {
    let ap = |n: u8, rest: &str| format!(r#"{{"mac":"5c5b350000{n:02x}"{rest}}}"#);
    let first = ap(0x11, r#","site_id":"s-1","status":"connected","last_seen":5.0"#);
    let lldp = format!(r#","lldp_stat":{{"chassis_id":"{SWITCH}","port_id":"ge-0/0/2"}}"#);
    let second = ap(0x12, &format!(r#","site_id":"s-1","status":"connected"{lldp}"#));
    let third = ap(0x13, r#","site_id":null,"status":null,"last_seen":null"#);
    let next = "/api/v1/orgs/o-1/stats/ports/search?type=switch&up=true&search_after=1";
    let page = format!(
        r#"{{"results":[{}],"limit":1,"total":2,"next":"{next}"}}"#,
        record("ge-0/0/40", "true", "null")
    );
    let script = [
        ("stats/devices?type=ap&fields=", say(200, Some(3), &format!("[{first},{second}]"))),
        ("&page=2", say(200, Some(3), &format!("[{third}]"))),
        ("/inventory?type=switch&vc=true&limit=1000&page=1", say(200, Some(1), &inventory(true))),
        ("/stats/ports/search?type=switch&up=true&limit=1000", ok(&page)),
        ("search_after=1", ok(&results(&[here()]))),
    ];
    let answer = ask(Question::Inventory, &script);
    let Answer::Inventory(entries) = answer else {
        panic!("{answer:?}");
    };
    let [first, second, third] = entries.as_slice() else {
        panic!("{entries:?}");
    };
    assert_eq!((first.ap, first.last_seen), (mac(AP), Some(UnixTime::from_secs(5))));
    assert!(first.is_connected && first.location.hints.is_empty());
    assert!(first.location.seen.iter().all(|sighting| sighting.proves(mac(AP))));
    let hint = second.location.hints.first().map(|hint| (&hint.switch, hint.port));
    assert_eq!(hint, Some((&switch(), port("ge-0/0/2"))));
    let nothing = Location::default();
    assert_eq!(
        third,
        &Entry {
            ap: mac("5c5b35000013"),
            site: String::new(),
            is_connected: false,
            last_seen: None,
            location: nothing
        }
    );
    // A page is missing.
    let (head, _) = script.split_at(1);
    let mut cut = head.to_vec();
    cut.push(("&page=2", say(200, Some(3), "[]")));
    assert_eq!(ask(Question::Inventory, &cut), Answer::Unanswered);
}

#[test]
fn an_access_point_is_connected_or_not_or_mist_does_not_say() {
    let is_connected = |site: Option<&str>, result: ExchangeResult| {
        let mut connected = super::connected(ORG, mac(AP), site);
        let Step::Request(request) = connected.start() else {
            panic!("it asks");
        };
        assert_eq!(request.target.contains("/sites/s-1/"), site.is_some());
        match connected.answer(result) {
            Step::Done(is_connected) => is_connected,
            step @ Step::Request(_) => panic!("{step:?}"),
        }
    };
    let status = |status: &str| format!(r#"{{"mac":"{AP}","status":{status}}}"#);
    let listed = |text: &str| ok(&format!("[{}]", status(text)));
    assert_eq!(is_connected(Some("s-1"), ok(&status("\"connected\""))), Some(true));
    assert_eq!(is_connected(None, listed("\"connected\"")), Some(true));
    assert_eq!(is_connected(None, listed("\"disconnected\"")), Some(false));
    assert_eq!(is_connected(None, listed("null")), None);
    assert_eq!(is_connected(None, ok("[]")), None);
    assert_eq!(is_connected(None, ok(r#"[{"mac":"5c5b35000099","status":"connected"}]"#)), None);
    assert_eq!(is_connected(None, Err(Failure::Timeout)), None);
}

#[test]
fn every_answer_ends_or_asks_for_more_a_bounded_time() {
    let bodies = ["{}", "[]", "[{}]", r#"{"results":[{}],"next":"x"}"#, "5", "\"\"", "[null,5]"];
    let questions = [the_port(), where_is_it(None), where_is_it(Some("s")), Question::Inventory];
    for question in questions {
        for body in bodies {
            let mut ask = super::ask(ORG, question.clone());
            let _ = ask.start();
            let ends = (0..100).any(|_| matches!(ask.answer(ok(body)), Step::Done(_)));
            assert!(ends, "{question:?} {body}");
        }
    }
}
