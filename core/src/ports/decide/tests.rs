//! The table. Each row reads: in this case, if this is seen, that is done.

use alloc::{format, string::String, vec::Vec};

use super::*;
use crate::ports::{name::PortName, place::Switch, question::Hint};

/// Ours, on port 1 where it has one.
const AP: &str = "5c5b35000001";
/// Another access point.
const OTHER: &str = "5c5b35000002";
/// A laptop.
const LAPTOP: &str = "0a0000000001";

fn mac(text: &str) -> Mac {
    Mac::parse(text).expect("a MAC")
}

fn switch() -> Switch {
    Switch {
        mac: mac("5c5b350000ff"),
        device_id: "00000000-0000-0000-1000-5c5b350000ff".into(),
        site: "s".into(),
        name: None,
    }
}

fn place(port: u16) -> Place {
    let port = PortName::parse(&format!("ge-0/0/{port}")).expect("a port");
    Place { switch: switch().mac, port }
}

/// `1 up 5c5b35000001`, `ae0 down -`, `1 stale …`: what a switch says of a port.
fn sighting(text: &str) -> Sighting {
    let words: Vec<_> = text.split(' ').collect();
    let [port, link, neighbor] = words.as_slice() else {
        panic!("three words: {text}");
    };
    Sighting {
        switch: switch(),
        port: port.parse().ok().map(|port| place(port).port),
        is_live: *link != "stale",
        up: *link != "down",
        neighbor: Mac::parse(neighbor),
    }
}

/// What is done, as text.
fn told(decision: Decision) -> String {
    match decision {
        Decision::AskAgain(reason) => format!("ask again: {reason}"),
        Decision::Follow(place) => format!("ask the switch about {}", place.port),
        Decision::Keep(reason) => format!("keep: {reason}"),
        Decision::Release { place, reason } => format!("default on {}: {reason}", place.port),
        Decision::Take { ap, place, reason } => {
            format!("ap on {} for {}: {reason}", place.port, ap.plain())
        }
    }
}

#[test]
fn an_access_point_came_or_restarted() {
    const HINT: &str = "hint";
    for (home, seen, decision) in [
        // It is new.
        (
            None,
            &["1 up 5c5b35000001"][..],
            "ap on ge-0/0/1 for 5c5b35000001: the switch sees the AP on this port",
        ),
        (
            None,
            &["1 up 5c5b35000001", "1 up 5c5b35000001"],
            "ap on ge-0/0/1 for 5c5b35000001: the switch sees the AP on this port",
        ),
        (
            None,
            &["2 down 5c5b35000001", "1 up 5c5b35000001"],
            "ap on ge-0/0/1 for 5c5b35000001: the switch sees the AP on this port",
        ),
        (
            None,
            &["2 stale 5c5b35000001", "1 up 5c5b35000001"],
            "ap on ge-0/0/1 for 5c5b35000001: the switch sees the AP on this port",
        ),
        // It is where it was, or elsewhere.
        (Some(1), &["1 up 5c5b35000001"], "keep: the AP is where it was"),
        (
            Some(2),
            &["1 up 5c5b35000001"],
            "ap on ge-0/0/1 for 5c5b35000001: the AP moved here from 5c:5b:35:00:00:ff ge-0/0/2",
        ),
        (
            Some(2),
            &["2 down 5c5b35000001", "1 up 5c5b35000001"],
            "ap on ge-0/0/1 for 5c5b35000001: the AP moved here from 5c:5b:35:00:00:ff ge-0/0/2",
        ),
        // It is not proven where it is.
        (None, &[], "ask again: no switch sees the AP"),
        (Some(1), &[], "ask again: no switch sees the AP"),
        (None, &["1 down 5c5b35000001"], "ask again: no switch sees the AP"),
        (None, &["1 stale 5c5b35000001"], "ask again: no switch sees the AP"),
        (None, &["1 up 5c5b35000002"], "ask again: no switch sees the AP"),
        (None, &["1 up -"], "ask again: no switch sees the AP"),
        (
            None,
            &["ae0 up 5c5b35000001"],
            "ask again: the AP is on something that is not a port for APs",
        ),
        (
            None,
            &["1 up 5c5b35000001", "2 up 5c5b35000001"],
            "ask again: more than one port sees the AP",
        ),
        (
            Some(1),
            &["1 up 5c5b35000001", "2 up 5c5b35000001"],
            "ask again: more than one port sees the AP",
        ),
        // It says so itself, which is worth a question.
        (None, &[HINT], "ask the switch about ge-0/0/3"),
        (None, &[HINT, "1 down 5c5b35000001"], "ask the switch about ge-0/0/3"),
        (
            None,
            &[HINT, "1 up 5c5b35000001"],
            "ap on ge-0/0/1 for 5c5b35000001: the switch sees the AP on this port",
        ),
    ] {
        let hint = seen.contains(&HINT).then(|| Hint { switch: switch(), port: place(3).port });
        let sightings = seen.iter().filter(|text| **text != HINT).map(|text| sighting(text));
        let whereabouts = Whereabouts { seen: sightings.collect(), hint };
        let case = Case::Arrival { ap: mac(AP), home: home.map(place) };
        assert_eq!(
            told(decide(case, Evidence::Where(&whereabouts))),
            decision,
            "{home:?} {seen:?}"
        );
    }
}

#[test]
fn the_switch_is_asked_about_the_port_that_an_access_point_names() {
    for (home, seen, decision) in [
        (
            None,
            Some("1 up 5c5b35000001"),
            "ap on ge-0/0/1 for 5c5b35000001: the switch sees the AP on this port",
        ),
        (Some(1), Some("1 up 5c5b35000001"), "keep: the AP is where it was"),
        (None, Some("1 up 5c5b35000002"), "ask again: no switch sees the AP"),
        (None, Some("1 down 5c5b35000001"), "ask again: no switch sees the AP"),
        (None, Some("1 stale 5c5b35000001"), "ask again: the switch is not connected"),
        (None, None, "ask again: no switch sees the AP"),
    ] {
        let seen = seen.map(sighting);
        let case = Case::Arrival { ap: mac(AP), home: home.map(place) };
        let evidence = Evidence::OnPort { seen: seen.as_ref(), is_ap: false };
        assert_eq!(told(decide(case, evidence)), decision, "{home:?} {seen:?}");
    }
}

#[test]
fn an_access_point_was_lost_and_its_port_is_looked_at() {
    for (home, seen, decision) in [
        (Some(1), Some("1 down -"), "default on ge-0/0/1: the port has no link"),
        (Some(1), Some("1 down 5c5b35000001"), "default on ge-0/0/1: the port has no link"),
        (Some(1), Some("1 up -"), "default on ge-0/0/1: nobody on the port says who it is"),
        (
            Some(1),
            Some("1 up 0a0000000001"),
            "default on ge-0/0/1: 0a:00:00:00:00:01 is on the port",
        ),
        (
            Some(1),
            Some("1 up 5c5b35000002"),
            "default on ge-0/0/1: 5c:5b:35:00:00:02 is on the port",
        ),
        (Some(1), Some("1 up 5c5b35000001"), "ask again: the switch still sees the AP"),
        (Some(1), Some("1 stale 5c5b35000001"), "ask again: the switch is not connected"),
        (Some(1), Some("1 stale -"), "ask again: the switch is not connected"),
        (Some(1), None, "ask again: the switch has no such port"),
        (Some(1), Some("2 down -"), "ask again: the switch has no such port"),
        (None, Some("1 down -"), "keep: no port is known to be the AP's"),
    ] {
        let seen = seen.map(sighting);
        let case = Case::Departure { ap: mac(AP), home: home.map(place) };
        let evidence = Evidence::OnPort { seen: seen.as_ref(), is_ap: false };
        assert_eq!(told(decide(case, evidence)), decision, "{home:?} {seen:?}");
    }
}

#[test]
fn an_access_point_was_lost_and_its_site_is_looked_at() {
    for (share, decision) in [
        (Some((1, 10)), "default on ge-0/0/1: only 1 of its site's 10 APs went together"),
        (Some((4, 10)), "default on ge-0/0/1: only 4 of its site's 10 APs went together"),
        (Some((5, 10)), "keep: 5 of its site's 10 APs went together"),
        (Some((10, 10)), "keep: 10 of its site's 10 APs went together"),
        (Some((1, 1)), "default on ge-0/0/1: with 1 APs its site is too small to tell an outage"),
        (Some((2, 2)), "default on ge-0/0/1: with 2 APs its site is too small to tell an outage"),
        (Some((2, 3)), "keep: 2 of its site's 3 APs went together"),
        (None, "ask again: it is not known how many APs its site has"),
    ] {
        let share = share.map(|(lost, of)| Share { lost, of });
        let case = Case::Departure { ap: mac(AP), home: Some(place(1)) };
        let evidence = Evidence::Together { share, min_percent: 50 };
        assert_eq!(told(decide(case, evidence)), decision, "{share:?}");
    }
}

#[test]
fn an_access_point_was_lost_and_nothing_is_looked_at() {
    for (home, decision) in [
        (Some(1), "default on ge-0/0/1: disconnect_check is none"),
        (None, "keep: no port is known to be the AP's"),
    ] {
        let case = Case::Departure { ap: mac(AP), home: home.map(place) };
        assert_eq!(told(decide(case, Evidence::Unasked)), decision);
    }
}

#[test]
fn a_port_is_looked_at() {
    const AP_IS_THERE: &str =
        "ap on ge-0/0/1 for 5c5b35000002: the switch sees the AP on this port";
    for (asked, seen, decision) in [
        (Some(Mode::Ap), Some("1 up 5c5b35000002"), AP_IS_THERE),
        (Some(Mode::Ap), Some("1 up 0a0000000001"), "ask again: the switch sees no AP there"),
        (Some(Mode::Ap), Some("1 up -"), "ask again: the switch sees no AP there"),
        (Some(Mode::Ap), Some("1 down 5c5b35000002"), "ask again: the switch sees no AP there"),
        (Some(Mode::Ap), Some("1 stale 5c5b35000002"), "ask again: the switch is not connected"),
        (Some(Mode::Ap), Some("2 up 5c5b35000002"), "ask again: the switch has no such port"),
        (Some(Mode::Ap), None, "ask again: the switch has no such port"),
        (Some(Mode::Default), Some("1 up 5c5b35000002"), "ask again: the switch still sees the AP"),
        (
            Some(Mode::Default),
            Some("1 up 0a0000000001"),
            "default on ge-0/0/1: 0a:00:00:00:00:01 is on the port",
        ),
        (
            Some(Mode::Default),
            Some("1 up -"),
            "default on ge-0/0/1: nobody on the port says who it is",
        ),
        (
            Some(Mode::Default),
            Some("1 down 5c5b35000002"),
            "default on ge-0/0/1: the port has no link",
        ),
        (Some(Mode::Default), Some("1 stale -"), "ask again: the switch is not connected"),
        (Some(Mode::Default), None, "ask again: the switch has no such port"),
        (None, Some("1 up 5c5b35000002"), AP_IS_THERE),
        (None, Some("1 up 0a0000000001"), "default on ge-0/0/1: 0a:00:00:00:00:01 is on the port"),
        (None, Some("1 down -"), "default on ge-0/0/1: the port has no link"),
        (None, None, "ask again: the switch has no such port"),
    ] {
        let seen = seen.map(sighting);
        let neighbor = seen.as_ref().and_then(|sighting| sighting.neighbor);
        let is_ap = neighbor.is_some_and(|neighbor| neighbor != mac(LAPTOP));
        let case = Case::Visit { place: place(1), asked };
        let evidence = Evidence::OnPort { seen: seen.as_ref(), is_ap };
        assert_eq!(told(decide(case, evidence)), decision, "{asked:?} {seen:?}");
    }
}

#[test]
fn without_an_answer_nothing_changes() {
    let whereabouts = Whereabouts::default();
    let (ap, home) = (mac(AP), Some(place(1)));
    let cases = [
        Case::Arrival { ap, home },
        Case::Departure { ap, home },
        Case::Visit { place: place(1), asked: None },
    ];
    for case in cases {
        let decision = decide(case, Evidence::Unanswered);
        assert_eq!(decision, Decision::AskAgain(Reason::Unanswered), "{case:?}");
    }
    // Nor by an answer to another question.
    for (case, evidence) in [
        (Case::Departure { ap: mac(OTHER), home }, Evidence::Where(&whereabouts)),
        (Case::Arrival { ap, home }, Evidence::Unasked),
        (Case::Visit { place: place(1), asked: None }, Evidence::Unasked),
    ] {
        let decision = decide(case, evidence);
        assert_eq!(decision, Decision::AskAgain(Reason::Unanswered), "{case:?}");
    }
}
