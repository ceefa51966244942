//! Edits of a simulated switch, with each fault in each of their requests.

use core::{num::NonZeroU16, time::Duration};
use std::collections::{BTreeMap, BTreeSet};

use mistgate_core::netconf::session::output::Outcome;
use mistgate_tests::ports::netconf;
use mistgate_tests::ports::netconf::world;
use mistgate_tests::ports::netconf::world::{End, Plan, Sight, Wanted};
use mistgate_tests::ports::switch::Config;
use mistgate_tests::ports::switch::answer::Style;
use mistgate_tests::ports::switch::fault::Fault;

/// Two edits: a change, and its reversal.
fn plan(style: Style, sight: Sight, faults: &[(u64, Fault)]) -> Plan {
    let (running, edits) = world::small();
    let neighbour = ("5c:5b:35:00:00:01".to_owned(), "ap-1".to_owned());
    Plan {
        switch: Config {
            style,
            running,
            commit_time: Duration::from_secs(5),
            undoes_when_killed: false,
            interfaces: BTreeMap::from([("ge-0/0/7".to_owned(), (true, Some(neighbour)))]),
            faults: faults.iter().copied().collect(),
        },
        wanted: edits.map(|lines| Wanted { lines, is_push: true, sight }).to_vec(),
        confirm: NonZeroU16::new(5).expect("not zero"),
        lingers: Duration::ZERO,
        piece: 1_000,
    }
}

#[test]
fn edits_are_made_in_every_style_and_however_the_bytes_are_split() {
    for style in Style::ALL {
        for piece in [1, 3, 1_000_000] {
            let ends = world::run(&Plan { piece, ..plan(style, Sight::Good, &[]) });
            assert_eq!(ends, [Ok(Outcome::Confirmed), Ok(Outcome::Confirmed)], "{style:?}");
        }
        for sight in [Sight::Bad, Sight::None] {
            let ends = world::run(&plan(style, sight, &[]));
            let is_undone = |end: &End| matches!(end, Ok(Outcome::RolledBack { .. }));
            // The first edit was undone, so the second has nothing to change.
            assert!(ends.first().is_some_and(is_undone), "{ends:?}");
            assert_eq!(ends.get(1), Some(&Ok(Outcome::Unchanged)));
        }
        let mut shown = plan(style, Sight::Good, &[]);
        shown.wanted.iter_mut().for_each(|wanted| wanted.is_push = false);
        assert_eq!(world::run(&shown).first(), Some(&Ok(Outcome::Compared)));
    }
}

#[test]
fn what_the_switch_does_not_take_changes_nothing() {
    for line in ["set bogus x", "set interfaces ge-0/0/9 native-vlan-id 42"] {
        let mut plan = plan(Style::Plain, Sight::Good, &[]);
        plan.wanted.iter_mut().for_each(|wanted| wanted.lines.push(line.to_owned()));
        assert!(world::run(&plan).iter().all(Result::is_err));
    }
}

/// Each fault in each request of both edits, with each result of the verification. The style of the
/// switch and its reaction to a lost session alternate.
#[test]
fn whatever_goes_wrong_in_a_request_the_switch_is_as_it_is_told() {
    let mut reached = BTreeSet::new();
    let mut worlds = 0;
    for request in 0..20 {
        for fault in Fault::ALL {
            for sight in [Sight::Good, Sight::Bad, Sight::None] {
                let style = Style::ALL.into_iter().cycle().nth(worlds).expect("no end");
                let mut plan = plan(style, sight, &[(request, fault)]);
                plan.switch.undoes_when_killed = worlds / 4 % 2 == 0;
                plan.lingers = Duration::from_secs(if worlds / 8 % 2 == 0 { 45 } else { 0 });
                let lived = std::panic::catch_unwind(|| world::run(&plan));
                let ends = lived.unwrap_or_else(|_| panic!("{request} {fault:?}: {plan:?}"));
                reached.extend(ends.iter().map(name));
                worlds += 1;
            }
        }
    }
    let expected = ["absent", "confirmed", "failed", "pending", "rolled back", "unchanged"];
    assert!(expected.iter().all(|name| reached.contains(name)), "{reached:?}");
}

fn name(end: &End) -> &'static str {
    match end {
        Ok(outcome) => netconf::name(outcome),
        Err(_) => "failed",
    }
}
