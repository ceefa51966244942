//! The table. Each row reads: in this case, if this is seen, that is done.

use alloc::{format, string::String, vec::Vec};

use super::*;
use crate::ports::{name::PortName, question::Hint, switch_port::Switch};

/// `ap1` is the access point in question, `ap2` another one. `who` is perhaps one, and perhaps not.
const NAMES: [(&str, &str); 5] =
    [("ap1", AP), ("ap2", OTHER), ("laptop", LAPTOP), ("who", WHO), ("SW", "5c5b350000ff")];
const AP: &str = "5c5b35000001";
const OTHER: &str = "5c5b35000002";
const LAPTOP: &str = "0a0000000001";
const WHO: &str = "0a0000000002";
const ONE_SIDED: &str = "ask again: the AP names another port, or none";
/// It names port 3 itself.
const HINT: &str = "hint";
/// It names no port.
const MUTE: &str = "mute";

fn mac(text: &str) -> Mac {
    Mac::parse(text).expect("a MAC")
}

fn switch() -> Switch {
    Switch {
        mac: mac("5c5b350000ff"),
        device_id: "00000000-0000-0000-1000-5c5b350000ff".into(),
        site: "s".into(),
        name: None,
        model: None,
    }
}

fn switch_port(port: u16) -> SwitchPort {
    let port = PortName::parse(&format!("ge-0/0/{port}")).expect("a port");
    SwitchPort { switch: switch().mac, port }
}

/// `1 up ap1`, `ae0 down -`, `1 stale …`: what a switch says of a port.
fn sighting(text: &str) -> Sighting {
    let words: Vec<_> = text.split(' ').collect();
    let [port, link, neighbor] = words.as_slice() else {
        panic!("three words: {text}");
    };
    Sighting {
        switch: switch(),
        port: port.parse().ok().map(|port| switch_port(port).port),
        is_live: *link != "stale",
        up: *link != "down",
        neighbor: NAMES.iter().find(|(name, _)| name == neighbor).map(|(_, text)| mac(text)),
        up_for: None,
        is_ap: None,
    }
}

/// Where `ap1` is seen. Itself it names port 3, no port, or else all where it is seen.
fn location(seen: &[&str]) -> Location {
    let sightings = seen.iter().filter(|text| ![HINT, MUTE].contains(text));
    let sightings: Vec<Sighting> = sightings.map(|text| sighting(text)).collect();
    let hint = |port| Hint { switch: switch(), port };
    let hints = match seen {
        _ if seen.contains(&HINT) => Vec::from([hint(switch_port(3).port)]),
        _ if seen.contains(&MUTE) => Vec::new(),
        _ => {
            let proofs = sightings.iter().filter(|sighting| sighting.proves(mac(AP)));
            proofs.filter_map(|sighting| sighting.port).map(hint).collect()
        }
    };
    Location { seen: sightings, hints }
}

#[track_caller]
fn check_arrival(current_port: Option<u16>, seen: &[&str], decision: &str) {
    let answer = Answer::Location(location(seen));
    let case = Case::Arrival { ap: mac(AP), current_port: current_port.map(switch_port) };
    assert_eq!(text(decide(case, Some(&answer))), decision, "{current_port:?} {seen:?}");
}

/// What is done, as text, with the names of this table.
fn text(decision: Decision) -> String {
    let text = match decision {
        Decision::AskAgain(reason) => format!("ask again: {reason}"),
        Decision::Follow(switch_port) => format!("ask about {}", switch_port.port),
        Decision::Keep(reason) => format!("keep: {reason}"),
        Decision::Release { switch_port, reason } => {
            format!("{} is free: {reason}", switch_port.port)
        }
        Decision::Take { ap, switch_port, reason } => {
            format!("{} is for {ap}: {reason}", switch_port.port)
        }
    };
    let named = NAMES
        .iter()
        .fold(text, |text, (name, mac)| text.replace(&format!("{}", self::mac(mac)), name));
    match named.strip_prefix("ge-0/0/") {
        Some(named) => named.into(),
        None => named.replace("ask about ge-0/0/", "ask about "),
    }
}

#[test]
fn an_access_point_came_or_restarted() {
    for (current_port, seen, decision) in [
        // It is new.
        (None, &["1 up ap1"][..], "1 is for ap1: the switch sees the AP on this port"),
        (None, &["1 up ap1", "1 up ap1"], "1 is for ap1: the switch sees the AP on this port"),
        (None, &["2 down ap1", "1 up ap1"], "1 is for ap1: the switch sees the AP on this port"),
        (None, &["2 stale ap1", "1 up ap1"], "1 is for ap1: the switch sees the AP on this port"),
        // It is where it was, or elsewhere.
        (Some(1), &["1 up ap1"], "keep: the AP is where it was"),
        (Some(2), &["1 up ap1"], "1 is for ap1: the AP moved here from SW ge-0/0/2"),
        (Some(2), &["2 down ap1", "1 up ap1"], "1 is for ap1: the AP moved here from SW ge-0/0/2"),
    ] {
        check_arrival(current_port, seen, decision);
    }
}

#[test]
fn an_access_point_came_or_restarted_and_it_is_not_proven_where() {
    for (current_port, seen, decision) in [
        (None, &[][..], "ask again: no switch sees the AP"),
        (Some(1), &[], "ask again: no switch sees the AP"),
        (None, &["1 down ap1"], "ask again: no switch sees the AP"),
        (None, &["1 stale ap1"], "ask again: no switch sees the AP"),
        (None, &["1 up ap2"], "ask again: no switch sees the AP"),
        (None, &["1 up -"], "ask again: no switch sees the AP"),
        (None, &["ae0 up ap1"], "ask again: the AP is on what is no port for APs"),
        (None, &["1 up ap1", "2 up ap1"], "ask again: more than one port sees the AP"),
        (Some(1), &["1 up ap1", "2 up ap1"], "ask again: more than one port sees the AP"),
        // It says so itself, which is worth a question.
        (None, &[HINT], "ask about 3"),
        (None, &[HINT, "1 down ap1"], "ask about 3"),
        (None, &[HINT, "1 up ap1"], ONE_SIDED),
        (None, &[MUTE, "1 up ap1"], ONE_SIDED),
        (Some(1), &[MUTE, "1 up ap1"], ONE_SIDED),
        (
            None,
            &[HINT, "1 up ap1", "3 up ap1"],
            "3 is for ap1: the switch sees the AP on this port",
        ),
    ] {
        check_arrival(current_port, seen, decision);
    }
}

#[test]
fn the_switch_is_asked_about_the_port_that_an_access_point_names() {
    for (current_port, seen, decision) in [
        (None, Some("1 up ap1"), "1 is for ap1: the switch sees the AP on this port"),
        (Some(1), Some("1 up ap1"), "keep: the AP is where it was"),
        (None, Some("1 up ap2"), "ask again: no switch sees the AP"),
        (None, Some("1 down ap1"), "ask again: no switch sees the AP"),
        (None, Some("1 stale ap1"), "ask again: the switch is not connected"),
        (None, None, "ask again: no switch sees the AP"),
    ] {
        let answer = Answer::Port(seen.map(sighting));
        let case = Case::Arrival { ap: mac(AP), current_port: current_port.map(switch_port) };
        assert_eq!(text(decide(case, Some(&answer))), decision, "{current_port:?} {answer:?}");
    }
}

#[test]
fn an_access_point_was_lost_and_its_port_is_looked_at() {
    for (current_port, seen, decision) in [
        (Some(1), Some("1 down -"), "1 is free: the port has no link"),
        (Some(1), Some("1 down ap1"), "1 is free: the port has no link"),
        (Some(1), Some("1 up -"), "1 is free: nobody on the port says who it is"),
        (Some(1), Some("1 up laptop"), "1 is free: laptop is on the port"),
        (Some(1), Some("1 up ap2"), "1 is free: ap2 is on the port"),
        (Some(1), Some("1 up who"), "1 is free: who is on the port"),
        (Some(1), Some("1 up ap1"), "ask again: the switch still sees the AP"),
        (Some(1), Some("1 stale ap1"), "ask again: the switch is not connected"),
        (Some(1), Some("1 stale -"), "ask again: the switch is not connected"),
        (Some(1), None, "ask again: the switch has no such port"),
        (Some(1), Some("2 down -"), "ask again: the switch has no such port"),
        (None, Some("1 down -"), "keep: no port is known to be the AP's"),
    ] {
        let answer = Answer::Port(seen.map(sighting));
        let case = Case::Departure { ap: mac(AP), current_port: current_port.map(switch_port) };
        assert_eq!(text(decide(case, Some(&answer))), decision, "{current_port:?} {answer:?}");
    }
}

#[test]
fn an_access_point_was_lost_and_its_site_is_looked_at() {
    for (share, decision) in [
        (Some((1, 10)), "1 is free: only 1 of its site's 10 APs went together"),
        (Some((4, 10)), "1 is free: only 4 of its site's 10 APs went together"),
        (Some((5, 10)), "keep: 5 of its site's 10 APs went together"),
        (Some((10, 10)), "keep: 10 of its site's 10 APs went together"),
        (Some((1, 1)), "1 is free: a site of 1 is too small to tell an outage"),
        (Some((2, 2)), "1 is free: a site of 2 is too small to tell an outage"),
        (Some((2, 3)), "keep: 2 of its site's 3 APs went together"),
        (None, "ask again: it is not known how many APs its site has"),
    ] {
        let is_outage = |lost, of| of > 2 && lost * 2 >= of;
        let share = share.map(|(lost, of)| Share { lost, of, is_outage: is_outage(lost, of) });
        let case = Case::Departure { ap: mac(AP), current_port: Some(switch_port(1)) };
        let decided = decide(case, Some(&Answer::Share(share)));
        assert_eq!(text(decided), decision, "{share:?}");
    }
}

#[test]
fn an_access_point_was_lost_and_nothing_is_looked_at() {
    for (current_port, decision) in [
        (Some(1), "1 is free: disconnect_check is none"),
        (None, "keep: no port is known to be the AP's"),
    ] {
        let case = Case::Departure { ap: mac(AP), current_port: current_port.map(switch_port) };
        assert_eq!(text(decide(case, None)), decision);
    }
}

#[test]
fn a_port_is_looked_at() {
    const AP_IS_THERE: &str = "1 is for ap2: the switch sees the AP on this port";
    const WHO_IS_THERE: &str = "ask again: it is not known whether who on the port is an AP";
    for (asked, seen, decision) in [
        (Some(Mode::Ap), Some("1 up ap2"), AP_IS_THERE),
        (Some(Mode::Ap), Some("1 up laptop"), "ask again: the switch sees no AP there"),
        (Some(Mode::Ap), Some("1 up who"), WHO_IS_THERE),
        (Some(Mode::Ap), Some("1 up -"), "ask again: the switch sees no AP there"),
        (Some(Mode::Ap), Some("1 down ap2"), "ask again: the switch sees no AP there"),
        (Some(Mode::Ap), Some("1 stale ap2"), "ask again: the switch is not connected"),
        (Some(Mode::Ap), Some("2 up ap2"), "ask again: the switch has no such port"),
        (Some(Mode::Ap), None, "ask again: the switch has no such port"),
        (Some(Mode::Default), Some("1 up ap2"), "ask again: the switch still sees the AP"),
        (Some(Mode::Default), Some("1 up laptop"), "1 is free: laptop is on the port"),
        (Some(Mode::Default), Some("1 up who"), WHO_IS_THERE),
        (Some(Mode::Default), Some("1 up -"), "1 is free: nobody on the port says who it is"),
        (Some(Mode::Default), Some("1 down ap2"), "1 is free: the port has no link"),
        (Some(Mode::Default), Some("1 down who"), "1 is free: the port has no link"),
        (Some(Mode::Default), Some("1 stale -"), "ask again: the switch is not connected"),
        (Some(Mode::Default), None, "ask again: the switch has no such port"),
        (None, Some("1 up ap2"), AP_IS_THERE),
        (None, Some("1 up who"), WHO_IS_THERE),
        (None, Some("1 up laptop"), "1 is free: laptop is on the port"),
        (None, Some("1 down -"), "1 is free: the port has no link"),
        (None, None, "ask again: the switch has no such port"),
    ] {
        let known = |neighbor: &Mac| *neighbor != mac(WHO);
        let answer = Answer::Port(seen.map(sighting).map(|seen| Sighting {
            is_ap: seen.neighbor.filter(known).map(|neighbor| neighbor != mac(LAPTOP)),
            ..seen
        }));
        let case = Case::Visit { switch_port: switch_port(1), asked };
        assert_eq!(text(decide(case, Some(&answer))), decision, "{asked:?} {answer:?}");
    }
}

#[test]
fn without_an_answer_nothing_changes() {
    let location = Answer::Location(Location::default());
    let (ap, current_port) = (mac(AP), Some(switch_port(1)));
    let cases = [
        Case::Arrival { ap, current_port },
        Case::Departure { ap, current_port },
        Case::Visit { switch_port: switch_port(1), asked: None },
    ];
    for case in cases {
        let decision = decide(case, Some(&Answer::Unanswered));
        assert_eq!(decision, Decision::AskAgain(Reason::Unanswered), "{case:?}");
    }
    // Nor by an answer to another question.
    for (case, answer) in [
        (Case::Departure { ap: mac(OTHER), current_port }, Some(&location)),
        (Case::Arrival { ap, current_port }, None),
        (Case::Visit { switch_port: switch_port(1), asked: None }, None),
    ] {
        let decision = decide(case, answer);
        assert_eq!(decision, Decision::AskAgain(Reason::Unanswered), "{case:?}");
    }
}
