//! The laws of the governor. No window has more changes than it allows. A port on the list of
//! exceptions is never changed. An open breaker, a freeze and a stop allow no change. A change that
//! must wait is allowed at the announced time, or then waits for something else.

use core::time::Duration;
use std::collections::BTreeMap;

use mistgate_core::base::calendar::{Days, Period};
use mistgate_core::base::mac::Mac;
use mistgate_core::base::time::{Instant, UnixTime};
use mistgate_core::base::window::Window;
use mistgate_core::base::zone;
use mistgate_core::ports::governor::{
    APPROVED_FIRST, AbortAfter, Approval, Breaker, Governor, Limits, Lists, Policy, PortPattern,
    Refusal, SwitchPattern,
};
use mistgate_core::ports::name::PortName;
use mistgate_core::ports::switch_port::{Switch, SwitchPort};

use crate::{base::bytes::Bytes, chat::windows::Windows};

const OPERATIONS_MAX: usize = 2_000;
/// A Monday, 00:00.
const WALL: i64 = 1_795_392_000;

fn mac(number: u64) -> Mac {
    Mac::parse(&format!("{number:012x}")).expect("a MAC")
}

fn policy(bytes: &mut Bytes<'_>) -> Policy {
    let mut windows = || {
        let count = 1 + u32::try_from(bytes.up_to(6)).expect("a small number");
        match bytes.up_to(2) {
            0 => vec![Window::per_secs(count, 60), Window::per_secs(count * 2, 3_600)],
            1 => vec![Window::per_secs(count, 10)],
            _ => Vec::new(),
        }
    };
    let limits = Limits { switch: windows(), site: windows(), all: windows() };
    let breaker = bytes.chance(128).then(|| Breaker {
        aps: 1 + bytes.count(5),
        window: Duration::from_secs(60),
        hold: Duration::from_secs(1 + bytes.up_to(900)),
    });
    let freezes = bytes.chance(60).then(|| Period {
        name: String::new(),
        days: Days::Week([true, false, true, false, false, false, true]),
        from: u16::try_from(bytes.up_to(1_439)).expect("a minute"),
        to: u16::try_from(bytes.up_to(1_439)).expect("a minute"),
        zone: zone::named("UTC").expect("a zone"),
    });
    Policy {
        allow: Lists {
            switches: vec![SwitchPattern::new("*")],
            ports: vec![PortPattern::new("ge-*").expect("a pattern")],
        },
        never: Lists {
            switches: vec![SwitchPattern::Mac(mac(0))],
            ports: vec![PortPattern::new("ge-0/0/0").expect("a port")],
        },
        limits,
        breaker,
        freezes: freezes.into_iter().collect(),
        approve_first: bytes.pick(&[None, Some(0), Some(3)]),
        abort_after: AbortAfter::default(),
    }
}

/// Checks a governor against the laws, with operations from `data`.
pub(super) fn check(data: &[u8]) {
    let bytes = &mut Bytes::new(data);
    let start = Instant::from_secs(10_000);
    let mut now = start;
    let policy = policy(bytes);
    let mut governor = Governor::new(policy.clone());
    let mut switches: BTreeMap<u64, Windows> = BTreeMap::new();
    let mut sites: BTreeMap<u64, Windows> = BTreeMap::new();
    let mut all = Windows::new(policy.limits.all.clone());
    let (mut is_stopped, mut made) = (false, 0);
    for _ in 0..OPERATIONS_MAX {
        if bytes.is_empty() {
            break;
        }
        now = now + Duration::from_millis(bytes.pick(&[0, 1, 500, 5_000, 60_000, 3_600_000]));
        governor.close(now);
        let wall = |at: Instant| {
            let micros = i64::try_from((at - start).as_micros()).expect("a short run");
            UnixTime::from_micros(WALL * 1_000_000 + micros)
        };
        match bytes.up_to(7) {
            0 => {
                let site = bytes.up_to(1).to_string();
                governor.lost(now, mac(bytes.up_to(20)), Some(&site));
                governor.weigh(now, &site, bytes.count(30));
            }
            1 => {
                is_stopped = bytes.chance(128);
                governor.stop(is_stopped);
            }
            _ => {
                let number = bytes.up_to(5);
                let site = number % 2;
                let switch = Switch {
                    mac: mac(number),
                    device_id: String::new(),
                    site: site.to_string(),
                    name: None,
                    model: None,
                };
                let name = format!("{}-0/0/{}", bytes.pick(&["ge", "xe"]), bytes.up_to(3));
                let port = PortName::parse(&name).expect("a port");
                let approval = bytes.pick(&[Approval::Lacking(7), Approval::Given, Approval::Undo]);
                let judge = |at| governor.judge(at, wall(at), (&switch, port), approval);
                match judge(now) {
                    Ok(()) => {
                        let waiting = policy.approve_first.unwrap_or(APPROVED_FIRST);
                        assert!(approval != Approval::Lacking(7) || made >= waiting, "{made}");
                        assert!(!is_stopped || approval == Approval::Undo, "{name}");
                        assert!(number != 0 && name.starts_with("ge"), "{name}");
                        assert!(name != "ge-0/0/0", "a forbidden port");
                        assert!(policy.freezes.iter().all(|f| f.left(wall(now)).is_none()));
                        made += 1;
                        governor.made(SwitchPort { switch: switch.mac, port });
                        governor.note(now, SwitchPort { switch: switch.mac, port }, &switch.site);
                        let windows = |windows: &[Window]| Windows::new(windows.to_vec());
                        let own = || windows(&policy.limits.switch);
                        switches.entry(number).or_insert_with(own).sent(now);
                        let own = || windows(&policy.limits.site);
                        sites.entry(site).or_insert_with(own).sent(now);
                        all.sent(now);
                    }
                    Err(refusal) => waits(now, &refusal, judge),
                }
            }
        }
    }
}

/// Checks that a change that must wait until a time is then allowed, or waits for something else.
fn waits(now: Instant, refusal: &Refusal, judge: impl Fn(Instant) -> Result<(), Refusal>) {
    assert!(refusal.rule.starts_with("ports."), "{refusal}");
    let is_endless = ["ports.kill_switch", "ports.approve_first"].contains(&refusal.rule);
    assert_eq!(refusal.until.is_some(), refusal.is_for_now && !is_endless);
    if let Some(until) = refusal.until {
        assert!(until > now, "{refusal} until {until:?}, which is not after {now:?}");
        let later = judge(until);
        let waits_longer = later.as_ref().err().and_then(|refusal| refusal.until);
        assert!(later.is_ok() || waits_longer.is_some_and(|longer| longer > until), "{later:?}");
    }
}
