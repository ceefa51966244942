//! The rules, one by one.

use alloc::{format, vec::Vec};

use jiff::tz::TimeZone;

use super::*;
use crate::base::calendar::Days;
use crate::ports::name::SwitchName;

const NOON: UnixTime = UnixTime::from_secs(1_795_305_600 + 12 * 3_600);

fn switch(number: u8, site: &str) -> Switch {
    Switch {
        mac: mac(number),
        device_id: format!("d{number}"),
        site: site.into(),
        name: SwitchName::parse(&format!("SW-{number}.branch")),
        model: None,
    }
}

fn mac(number: u8) -> Mac {
    Mac::parse(&format!("5c5b350001{number:02x}")).expect("a MAC")
}

fn port(text: &str) -> PortName {
    PortName::parse(text).expect("a port")
}

/// Everything is allowed, and there are no limits.
fn open() -> Policy {
    Policy {
        allow: Lists {
            switches: [SwitchPattern::new("*")].into(),
            ports: PortPattern::new("*").into_iter().collect(),
        },
        never: Lists::default(),
        limits: Limits { switch: Vec::new(), site: Vec::new(), all: Vec::new() },
        breaker: None,
        freezes: Vec::new(),
        approve_first: Some(0),
        abort_after: AbortAfter::default(),
    }
}

fn judged(policy: &Policy, number: u8, name: &str) -> Result<(), &'static str> {
    let governor = Governor::new(policy.clone());
    let now = Instant::from_secs(1_000);
    governor.judge(now, NOON, (&switch(number, "s"), port(name)), Approval::Given).map_err(
        |refusal| {
            assert!(refusal.words.contains(refusal.rule), "{refusal}");
            refusal.rule
        },
    )
}

#[test]
fn lists_name_switches_and_ports() {
    let switches = |texts: &[&str]| texts.iter().map(|text| SwitchPattern::new(text)).collect();
    let ports = |texts: &[&str]| -> Vec<PortPattern> {
        texts.iter().map(|text| PortPattern::new(text).expect("a pattern")).collect()
    };
    let mut policy = open();
    policy.allow.switches = switches(&["sw-1.*", "5C:5B:35:00:01:02"]);
    policy.never.switches = switches(&["*core*", "sw-1.b"]);
    policy.allow.ports = ports(&["ge-*", "mge-0/0/0-23"]);
    policy.never.ports = ports(&["ge-0/0/44-47", "ge-*/1/*", "ge-0/0/7"]);
    for (number, name, verdict) in [
        (1, "ge-0/0/1", Ok(())),
        (2, "ge-0/0/1", Ok(())),
        (3, "ge-0/0/1", Err("ports.allow.switches")),
        (1, "xe-0/0/1", Err("ports.allow.ports")),
        (1, "mge-0/0/23", Ok(())),
        (1, "mge-0/0/24", Err("ports.allow.ports")),
        (1, "mge-1/0/0", Err("ports.allow.ports")),
        (1, "ge-0/0/43", Ok(())),
        (1, "ge-0/0/44", Err("ports.never.ports")),
        (1, "ge-0/0/47", Err("ports.never.ports")),
        (1, "ge-0/0/45:1", Err("ports.never.ports")),
        (1, "ge-1/0/45", Ok(())),
        (1, "ge-3/1/0", Err("ports.never.ports")),
        (1, "ge-0/0/7", Err("ports.never.ports")),
        (1, "ge-0/0/7:2", Err("ports.never.ports")),
        (1, "ge-0/0/70", Ok(())),
    ] {
        assert_eq!(judged(&policy, number, name), verdict, "{number} {name}");
    }
    policy.never.switches = switches(&["SW-1.branch"]);
    assert_eq!(judged(&policy, 1, "ge-0/0/1"), Err("ports.never.switches"));
    for text in ["", "ge", "ge-0/0", "GE-0/0/*", "ge-0/0/7-3", "ge-0/0/1:0-3", "ge-0/0/1 *"] {
        assert_eq!(PortPattern::new(text), None, "{text}");
    }
    policy.allow.ports = Vec::new();
    assert_eq!(judged(&policy, 2, "ge-0/0/1"), Err("ports.allow.ports"), "none is none");
}

#[test]
fn limits_count_a_switch_a_site_and_all() {
    let mut policy = open();
    policy.limits = Limits {
        switch: [Window::per_secs(2, 60)].into(),
        site: [Window::per_secs(3, 60)].into(),
        all: [Window::per_secs(4, 60), Window::per_secs(5, 3_600)].into(),
    };
    let mut governor = Governor::new(policy);
    let start = Instant::from_secs(1_000);
    let mut change = |secs: u64, number: u8, site: &str| {
        let now = start + Duration::from_secs(secs);
        let switch = switch(number, site);
        let port = port("ge-0/0/1");
        let verdict = governor.judge(now, NOON, (&switch, port), Approval::Given);
        if verdict.is_ok() {
            governor.note(now, SwitchPort { switch: switch.mac, port }, site);
        }
        verdict.map_err(|refusal| {
            let left = refusal.until.map(|until| (until - start).as_secs());
            (refusal.rule, left)
        })
    };
    for (secs, number, site, verdict) in [
        (0, 1, "a", Ok(())),
        (10, 1, "a", Ok(())),
        (20, 1, "a", Err(("ports.limits.switch", Some(60)))),
        (20, 2, "a", Ok(())),
        (20, 2, "a", Err(("ports.limits.site", Some(60)))),
        (20, 3, "b", Ok(())),
        (20, 4, "c", Err(("ports.limits.all", Some(60)))),
        (60, 4, "c", Ok(())),
        (70, 4, "c", Err(("ports.limits.all", Some(3_600)))),
        (3_600, 1, "a", Ok(())),
    ] {
        assert_eq!(change(secs, number, site), verdict, "{secs} s, switch {number}, site {site}");
    }
}

#[test]
fn the_breaker_opens_when_too_many_different_ones_go_at_once() {
    let mut policy = open();
    policy.breaker =
        Some(Breaker { aps: 3, window: Duration::from_secs(60), hold: Duration::from_secs(900) });
    let mut governor = Governor::new(policy);
    let at = |secs: u64| Instant::from_secs(1_000 + secs);
    let judge = |governor: &Governor, now| {
        governor.judge(now, NOON, (&switch(1, "s"), port("ge-0/0/1")), Approval::Given)
    };
    let mut lost = |secs, number| governor.lost(at(secs), mac(number), Some("s"));
    assert!(!lost(0, 1));
    assert!(!lost(1, 2));
    assert!(!lost(2, 2), "the same one twice is one");
    assert!(!lost(60, 3), "the first was a minute ago");
    assert_eq!(judge(&governor, at(60)), Ok(()));
    assert!(governor.lost(at(61), mac(4), None));
    let breaker = judge(&governor, at(61)).map_err(|refusal| (refusal.rule, refusal.until));
    assert_eq!(breaker, Err(("ports.breaker", Some(at(961)))));
    assert!(!governor.lost(at(62), mac(5), None), "it is open already");
    assert_eq!(governor.closes_at(), Some(at(962)), "and stays so for longer");
    assert_eq!(governor.close(at(961)), []);
    assert_eq!(governor.close(at(962)), [None]);
    assert_eq!(judge(&governor, at(962)), Ok(()));
}

#[test]
fn the_breaker_opens_for_a_site_that_loses_a_quarter_of_its_access_points() {
    let mut policy = open();
    policy.breaker = Some(Breaker::default());
    let at = |secs: u64| Instant::from_secs(1_000 + secs);
    let judge = |governor: &Governor, secs, site| {
        governor.judge(at(secs), NOON, (&switch(1, site), port("ge-0/0/1")), Approval::Given)
    };
    for (of, times, is_open, case) in [
        (10, &[0, 400, 899][..], true, "three of ten"),
        (10, &[0, 1], false, "two of ten"),
        (10, &[0, 400, 900], false, "one was lost a quarter of an hour ago"),
        (12, &[0, 1, 2], true, "a quarter"),
        (13, &[0, 1, 2], false, "less than a quarter"),
        (3, &[0, 1, 2], true, "all of three"),
        (2, &[0, 1], false, "both of two: the wait and the switch's uptime decide"),
    ] {
        let mut governor = Governor::new(policy.clone());
        let mut opened = false;
        for (number, secs) in (1..).zip(times) {
            assert!(!governor.lost(at(*secs), mac(number), Some("a")));
            opened |= governor.weigh(at(*secs), "a", of);
        }
        assert_eq!(opened, is_open, "{case}");
        let last = *times.last().expect("one");
        assert_eq!(judge(&governor, last, "a").is_err(), is_open, "{case}");
        assert_eq!(judge(&governor, last, "b"), Ok(()), "another site: {case}");
        if is_open {
            assert_eq!(governor.close(at(last + 899)), []);
            assert_eq!(governor.close(at(last + 900)), [Some("a".into())]);
        }
    }
    let mut governor = Governor::new(policy);
    assert!(!governor.weigh(at(0), "a", 1), "nobody was lost");
    for number in 1..=3 {
        governor.lost(at(0), mac(number), Some("a"));
    }
    assert!(governor.weigh(at(0), "a", 3) && !governor.weigh(at(1), "a", 3), "once");
    assert_eq!(governor.close_manually(), [Some("a".into())]);
    assert!(!governor.weigh(at(2), "a", 3), "what was lost before is forgotten");
}

#[test]
fn a_freeze_ends_and_the_kill_switch_is_lifted() {
    let mut policy = open();
    policy.freezes.push(Period {
        name: "weekend".into(),
        days: Days::Week([false, false, false, false, false, true, true]),
        from: 0,
        to: 0,
        zone: TimeZone::UTC,
    });
    let mut governor = Governor::new(policy);
    let now = Instant::from_secs(1_000);
    let judge = |governor: &Governor| {
        governor.judge(now, NOON, (&switch(1, "s"), port("ge-0/0/1")), Approval::Given)
    };
    let refusal = judge(&governor).expect_err("a Sunday");
    let until = Some(now + Duration::from_secs(12 * 3_600));
    assert_eq!(refusal, Refusal::for_now("ports.freeze", "changes are frozen: weekend", until));
    assert_eq!(format!("{refusal}"), "changes are frozen: weekend (ports.freeze)");
    assert!(governor.stop(true) && !governor.stop(true));
    let stopped = judge(&governor).expect_err("it is stopped");
    assert_eq!(stopped, Refusal::for_now("ports.kill_switch", "all changes are stopped", None));
    assert!(governor.stop(false));
    governor.configure(open());
    assert_eq!(judge(&governor), Ok(()));
}
