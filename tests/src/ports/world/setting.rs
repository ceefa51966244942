//! What the world is made of, and the policy in it.

use core::time::Duration;
use std::collections::BTreeMap;

use mistgate_core::{
    delivery::pace::Window,
    event::Mac,
    ports::{
        decide::Check,
        edit::Edits,
        governor::{Breaker, Limits, Lists, Policy, PortPattern, SwitchPattern},
        name::PortName,
        place::{Place, Switch},
        plan::input::Config,
        port, watch,
    },
    time::{Instant, UnixTime},
};

use crate::windows::Windows;

/// When it begins.
pub(super) const START: Instant = Instant::from_secs(10_000);
/// A Monday's midnight.
const WALL: i64 = 1_795_392_000;
pub(super) const SWITCHES: u64 = 3;
/// The last of them is in `ports.never`.
pub(super) const PORTS: u64 = 4;

pub(super) fn ap(number: u64) -> Mac {
    Mac::parse(&format!("5c5b350000{number:02x}")).expect("a MAC")
}

pub(super) fn mac(number: u64) -> Mac {
    Mac::parse(&format!("5c5b350001{number:02x}")).expect("a MAC")
}

pub(super) fn place(switch: u64, port: u64) -> Place {
    let port = PortName::parse(&format!("ge-0/0/{port}")).expect("a port");
    Place { switch: mac(switch), port }
}

pub(super) fn switch(of: Mac) -> Switch {
    let site = if of == mac(1) { "one" } else { "two" };
    Switch { mac: of, device_id: of.plain(), site: site.to_owned(), name: None }
}

pub(super) fn limits() -> Limits {
    Limits {
        switch: vec![Window::per_secs(4, 60), Window::per_secs(40, 3_600)],
        site: Vec::new(),
        all: vec![Window::per_secs(6, 60)],
    }
}

pub(super) fn windows() -> BTreeMap<Option<Mac>, Windows> {
    let of_switch = (1..=SWITCHES).map(|number| (Some(mac(number)), Windows::new(limits().switch)));
    of_switch.chain([(None, Windows::new(limits().all))]).collect()
}

pub(super) fn wall(now: Instant) -> UnixTime {
    let micros = i64::try_from((now - START).as_micros()).expect("a short run");
    UnixTime::from_micros(WALL * 1_000_000 + micros)
}

pub(super) fn config(now: Instant) -> Config {
    let forbidden = format!("ge-0/0/{}", PORTS - 1);
    Config {
        watch: watch::Config {
            settle: Duration::from_secs(60),
            check: Check::Lldp,
            wait: Duration::from_secs(30),
        },
        port: port::Config { attempts_max: 3 },
        governor: Policy {
            allow: Lists {
                switches: vec![SwitchPattern::new("*")],
                ports: vec![PortPattern::new("*").expect("a pattern")],
            },
            never: Lists {
                switches: Vec::new(),
                ports: vec![PortPattern::new(&forbidden).expect("a port")],
            },
            limits: limits(),
            breaker: Some(Breaker {
                aps: 4,
                window: Duration::from_secs(60),
                hold: Duration::from_secs(400),
            }),
            freezes: Vec::new(),
        },
        edits: Edits::Nothing,
        is_observing: false,
        ignored_sites: Vec::new(),
        reconcile_after: Duration::from_secs(3_600),
        wall: wall(now),
    }
}
