//! Reports about ports, as people and programs see them.
//!
//! Every case has a golden file under `vectors/reports/` with the lines of the journal, those of
//! the audit, and the message in each chat. After an intended change, `UPDATE=1 cargo test -p
//! mistgate-tests reports` rewrites them; read the difference.

use std::{collections::BTreeSet, fmt::Write as _, fs, path::Path, time::Duration};

use mistgate_core::base::failure::Failure;
use mistgate_core::base::mac::Mac;
use mistgate_core::base::rand::Rand;
use mistgate_core::base::time::{Instant, UnixTime};
use mistgate_core::event::fingerprint::fingerprint;
use mistgate_core::event::{Detail, Event, Topic};
use mistgate_core::notify::{topics, types};
use mistgate_core::ports::ap_event::ApEvent;
use mistgate_core::ports::decide::Reason;
use mistgate_core::ports::governor::Refusal;
use mistgate_core::ports::name::{PortName, SwitchName};
use mistgate_core::ports::names::Names;
use mistgate_core::ports::outage::Share;
use mistgate_core::ports::port::{Failed, Retry};
use mistgate_core::ports::probe::Subject;
use mistgate_core::ports::report::{Change, Context, Order, Report};
use mistgate_core::ports::switch_port::{Mode, Switch, SwitchPort};
use mistgate_core::ports::{audit, notification};
use mistgate_core::route::Routes;
use serde_json::{json, value::RawValue};

use crate::chat::limits::text;
use crate::webhook::vectors::{difference, files, messages, pretty};

const ORG: &str = "2818e386-8dec-2562-9ede-5b8a0fbbdc71";
const SITE: &str = "4ac1dcf4-9d8b-7211-65c4-057819f0862b";
const NOW: Instant = Instant::from_secs(1_000);

fn mac(number: u16) -> Mac {
    Mac::parse(&format!("5c5b3500{number:04x}")).expect("a MAC")
}

fn port(number: u16) -> PortName {
    PortName::parse(&format!("ge-{}/0/{}", number / 24, number % 24)).expect("a port")
}

fn switch_port(number: u16) -> SwitchPort {
    SwitchPort { switch: mac(0xffff), port: port(number) }
}

fn switch(name: &str) -> Switch {
    Switch {
        mac: mac(0xffff),
        device_id: "00000000-0000-0000-1000-5c5b3500ffff".into(),
        site: SITE.into(),
        name: SwitchName::parse(name),
        model: None,
    }
}

fn trunk(number: u16) -> Change {
    Change {
        port: port(number),
        mode: Mode::Ap,
        ap: Some(mac(number)),
        reason: Reason::Arrived,
        took: Duration::from_millis(67_250),
        lines: vec![
            format!("set interfaces {} native-vlan-id 42", port(number)),
            format!("delete protocols dot1x authenticator interface {}.0", port(number)),
        ],
        number: Some(1_796_061_600),
    }
}

fn ordered(order: Order) -> Report {
    Report::Ordered { switch: switch("sw-1"), change: trunk(7), order }
}

fn back(number: u16, reason: Reason) -> Change {
    let line = format!("delete interfaces {} native-vlan-id", port(number));
    Change { mode: Mode::Default, reason, lines: vec![line], ..trunk(number) }
}

fn settled(changes: Vec<Change>, diff: &str, is_read_back: bool) -> Report {
    Report::Settled { switch: switch("sw-1"), changes, diff: diff.into(), is_read_back }
}

fn refused(change: Change, refusal: Refusal) -> Report {
    Report::Refused { switch: switch("sw-1"), change, refusal }
}

fn retrying(change: Change, failure: Failure, is_unknown: bool, attempt: u32) -> Report {
    let retry = Some(Retry { after: Duration::from_millis(9_500), is_unknown });
    let failed = Failed { attempt, failure, is_news: true, retry };
    Report::Failed { switch: switch("sw-1"), change, failed }
}

fn stuck(change: Change, failure: Failure, attempt: u32) -> Report {
    let failed = Failed { attempt, failure, is_news: true, retry: None };
    Report::Failed { switch: switch("sw-1"), change, failed }
}

const DIFF: &str = "[edit interfaces ge-0/0/7]\n+   native-vlan-id 42;\n\
    [edit protocols dot1x authenticator interface]\n-    ge-0/0/7.0 {\n-        \
    supplicant multiple;\n-    }\n+   server-secret \"$9$hunter2\"; ## SECRET-DATA\n";

/// The reports that one input of the plan causes, by name.
fn cases() -> Vec<(&'static str, Vec<Report>)> {
    let mut cases = changes();
    cases.extend(failures());
    cases.extend(decisions());
    cases
}

fn changes() -> Vec<(&'static str, Vec<Report>)> {
    let unknown_name = Change { ap: Some(mac(0x1234)), ..trunk(7) };
    let moved = back(3, Reason::MovedAway(switch_port(7)));
    let batch: Vec<_> = (0..48).map(trunk).collect();
    let diff: String = batch
        .iter()
        .map(|change| format!("[edit interfaces {}]\n+   native-vlan-id 42;\n", change.port))
        .collect();
    let mixed: Vec<_> =
        (0..5).map(trunk).chain([back(9, Reason::PortDown), back(11, Reason::PortEmpty)]).collect();
    let drifted = |is_mended| Report::Drifted {
        switch: switch("sw-1"),
        change: trunk(7),
        diff: "[edit]\n+  a;\n!  the last commit of others: ann via cli, 10:02:11".to_owned(),
        is_mended,
    };
    let observed =
        |changes| Report::Observed { switch: switch("sw-1"), changes, diff: "+  a;".to_owned() };
    vec![
        ("changed-one", vec![settled(vec![trunk(7)], DIFF, false)]),
        ("changed-back", vec![settled(vec![moved], "-   native-vlan-id 42;", false)]),
        ("changed-read-back", vec![settled(vec![unknown_name], "", true)]),
        ("changed-batch", vec![settled(batch, &diff, false)]),
        ("changed-mixed", vec![settled(mixed, "-   native-vlan-id 42;", false)]),
        ("unchanged", vec![settled(vec![trunk(7)], "", false)]),
        ("observed-one", vec![observed(vec![trunk(7)])]),
        ("drifted", vec![drifted(false)]),
        ("drifted-mended", vec![drifted(true)]),
        ("observed-batch", vec![observed((0..48).map(trunk).collect())]),
    ]
}

fn failures() -> Vec<(&'static str, Vec<Report>)> {
    let in_list = "the port is in ports.never.ports: ge-0/0/4 to ge-0/0/7".to_owned();
    let in_list = Refusal::listed("ports.never.ports", in_list);
    let refusal = |rule, why, after: Option<Duration>| {
        Refusal::for_now(rule, why, after.map(|after| NOW + after))
    };
    let freeze = || refusal("ports.freeze", "changes are frozen: quarter end", Some(HOUR * 3));
    let stopped = refusal("ports.kill_switch", "all changes are stopped", None);
    let soon = Some(Duration::from_secs(42));
    let limit = refusal("ports.limits.switch", "enough was changed for now", soon);
    let breaker = || refusal("ports.breaker", "too many APs went at once", Some(HOUR));
    let locked = || Failure::Locked { holder: "ann (pid 4711) since 10:02:11 on ttyp0".into() };
    let rejected = Failure::Rejected {
        message: "syntax error: <bad-element>secret hunter2</bad-element>".into(),
    };
    let mut as_before = retrying(trunk(7), locked(), false, 1);
    if let Report::Failed { failed, .. } = &mut as_before {
        failed.is_news = false;
    }
    let every = |report: &dyn Fn(Change) -> Report| (0..48).map(trunk).map(report).collect();
    vec![
        ("ordered-approved", vec![ordered(Order::Approve)]),
        ("ordered-undone", vec![ordered(Order::Undo)]),
        ("refused-port", vec![refused(trunk(7), in_list)]),
        ("refused-stopped", vec![refused(trunk(7), stopped)]),
        ("refused-batch", every(&|change| refused(change, freeze()))),
        (
            "refused-differently",
            vec![
                refused(trunk(1), breaker()),
                refused(trunk(2), limit),
                refused(back(3, Reason::PortDown), breaker()),
            ],
        ),
        ("retrying-first", vec![retrying(trunk(7), locked(), false, 1)]),
        ("retrying-again", vec![retrying(trunk(7), locked(), false, 2)]),
        ("retrying-as-before", vec![as_before]),
        ("retrying-batch", every(&|change| retrying(change, Failure::Unreachable, false, 1))),
        ("unconfirmed", vec![retrying(trunk(7), Failure::Timeout, true, 1)]),
        ("stuck", vec![stuck(trunk(7), Failure::Login, 1)]),
        ("stuck-rejected", vec![stuck(back(7, Reason::NoAp), rejected, 6)]),
    ]
}

const HOUR: Duration = Duration::from_secs(3_600);

fn decisions() -> Vec<(&'static str, Vec<Report>)> {
    let kept = |reason| Report::Kept {
        ap: mac(7),
        switch_port: switch_port(7),
        switch: Some(switch("sw-1")),
        reason,
    };
    let undecided = |subject, switch, reason| Report::Undecided { subject, switch, reason };
    let share = Share { lost: 40, of: 48, is_outage: true };
    let breaker = |is_open| Report::Breaker { held: None, is_open, hold: Duration::from_secs(900) };
    vec![
        ("kept", vec![kept(Reason::StillThere)]),
        ("kept-outage", vec![kept(Reason::SiteOutage(share))]),
        ("undecided-ap", vec![undecided(Subject::Ap(mac(7)), None, Reason::NotSeen)]),
        (
            "undecided-port",
            vec![undecided(Subject::Port(switch_port(7)), Some(switch("")), Reason::SwitchLost)],
        ),
        ("breaker", vec![breaker(true)]),
        ("breaker-closed", vec![breaker(false)]),
        ("clock-doubted", vec![Report::ClockDoubted(true)]),
        ("clock-trusted", vec![Report::ClockDoubted(false)]),
        ("stopped", vec![Report::Stopped { is_on: true, because: None }]),
        (
            "stopped-by-itself",
            vec![Report::Stopped {
                is_on: true,
                because: Some("too many changes failed in a row: 10 (ports.abort_after)".into()),
            }],
        ),
        ("resumed", vec![Report::Stopped { is_on: false, because: None }]),
        ("overflow", vec![Report::Overflow]),
    ]
}

/// The names that are known: those of the site and of some access points.
fn names() -> Names {
    let mut names = Names::default();
    for number in 0..48 {
        let event = format!(
            r#"{{"type":"AP_CONNECTED","mac":"{}","device_name":"ap-{number} <!here>",
                "site_id":"{SITE}","site_name":"HQ"}}"#,
            mac(number).plain()
        );
        let event = Event::parse(Topic::DeviceEvents, &event).expect("an event");
        names.learn(&ApEvent::of(&event).expect("a sign"));
    }
    names
}

fn context(names: &Names) -> Context<'_> {
    let at = UnixTime::from_micros(1_752_000_000_807_000);
    Context { org_id: Some(ORG), names, now: NOW, at, by: None }
}

#[test]
fn every_report_reads_as_its_golden_file() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/reports");
    let update = std::env::var_os("UPDATE").is_some_and(|value| value == "1");
    let names = names();
    let (mut faults, mut kinds, mut expected) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
    for (name, reports) in cases() {
        kinds.extend(reports.iter().map(Report::kind));
        let text = transcript(&reports, &context(&names), &mut |fault| {
            faults.push(format!("{name}: {fault}"));
        });
        assert!(!text.contains("hunter2"), "{name} tells a secret");
        let path = folder.join(name).with_extension("txt");
        if update {
            fs::create_dir_all(&folder).expect("a folder");
            fs::write(&path, &text).expect("a golden file can be written");
        } else {
            let found = fs::read_to_string(&path).unwrap_or_default();
            faults.extend(difference(&found, &text).map(|line| format!("{name}: {line}")));
        }
        expected.insert(path);
    }
    let stale = files(&folder).into_iter().filter(|path| !expected.contains(path));
    faults.extend(stale.map(|path| format!("{}: no case of this name", path.display())));
    let of_ports = topics::types(&Topic::Mistgate);
    let of_ports = of_ports.map(|row| row.name).filter(|name| types::is_of_ports(name));
    assert_eq!(kinds, of_ports.collect(), "the types of the table have no case, or the other way");
    let listed = faults.join("\n");
    assert!(faults.is_empty(), "UPDATE=1 rewrites the golden files\n{listed}");
}

#[test]
fn a_change_is_reported_again_only_after_a_crash() {
    let names = names();
    let report = [settled(vec![trunk(7)], DIFF, false)];
    let print_of = |micros| {
        let at = UnixTime::from_micros(micros);
        let context = Context { at, ..context(&names) };
        let events = notification::texts(&report, &context);
        assert_eq!(events.len(), 1);
        let text = events.first().expect("one");
        fingerprint(&Event::parse(Topic::Mistgate, text).expect("an event"))
    };
    assert_eq!(print_of(1_752_000_000_000_000), print_of(1_752_000_000_000_000));
    assert_ne!(print_of(1_752_000_000_000_000), print_of(1_752_000_000_000_001));
    let twice = [Report::Overflow, Report::Overflow];
    let events = notification::texts(&twice, &context(&names));
    assert_eq!(events.len(), 2);
    assert_ne!(events.first(), events.get(1));
}

#[test]
fn every_report_is_one_bounded_line() {
    let names = names();
    let long = |number| {
        let lines = vec![format!("set interfaces x description {}", "é".repeat(240)); 64];
        Change { lines, ..trunk(number) }
    };
    let diff = "+  a\u{2028}b\r\n".repeat(100_000);
    let reports = [
        settled((0..100).map(long).collect(), &diff, false),
        stuck(trunk(1), Failure::Rejected { message: "no\n".repeat(100_000) }, 6),
    ];
    for (nth, report) in reports.iter().enumerate() {
        let line = audit::line(report.event(&context(&names), nth));
        assert!(line.len() < 250_000 && !line.contains('\n'), "{} bytes", line.len());
        assert_eq!(line.contains("\"left_out\":"), nth == 0);
    }
    let events = notification::texts(&reports, &context(&names));
    assert_eq!(events.len(), 2);
    for text in events {
        assert!(text.len() < 64_000 && !text.contains('\n'), "{} bytes", text.len());
    }
}

/// A stored report has our structure, but its names and words come from others.
#[test]
fn no_name_or_word_makes_a_message_that_a_chat_refuses() {
    let rows = topics::types(&Topic::Mistgate);
    let kinds: Vec<_> = rows.map(|row| row.name).collect();
    for seed in 0..200 {
        let rand = &mut Rand::new(seed);
        let changes: Vec<_> = (0..rand.up_to(60))
            .map(|_| {
                json!({
                    "port": text(rand, 3), "mode": text(rand, 2), "ap_name": text(rand, 9),
                    "because": text(rand, 30), "took": rand.up_to(100_000),
                    "lines": [text(rand, 30), text(rand, 30)],
                })
            })
            .collect();
        let nth = usize::try_from(seed).expect("a small number");
        let event = json!({
            "type": kinds.get(nth % kinds.len()), "timestamp": 1_752_000_000, "org_id": ORG,
            "site_id": SITE, "site_name": text(rand, 9), "switch": text(rand, 9),
            "switch_mac": text(rand, 2), "device_id": text(rand, 2), "ap_name": text(rand, 9),
            "ports": changes.iter().map(|change| change["port"].clone()).collect::<Vec<_>>(),
            "because": text(rand, 60), "rule": text(rand, 9), "attempt": rand.up_to(9),
            "after": rand.up_to(100_000), "hold": rand.up_to(1_000), "read_back": true,
            "left_out": rand.up_to(9), "diff": text(rand, 300), "changes": changes,
        });
        let event = event.to_string();
        let event = Event::parse(Topic::Mistgate, &event).expect("an event");
        let mut faults = Vec::new();
        let (routes, mut shown) = (Routes::default(), String::new());
        messages(&event, &routes, &mut shown, &mut |fault| faults.push(fault));
        assert!(faults.is_empty(), "seed {seed}: {faults:#?}\n{shown}");
    }
}

fn transcript(reports: &[Report], context: &Context<'_>, fault: &mut impl FnMut(String)) -> String {
    let mut text = String::new();
    for (nth, report) in reports.iter().enumerate().take(2) {
        let event = report.event(context, nth);
        for note in audit::notes(&event).into_iter().take(2) {
            let _ = write!(text, "journal: {} {}", note.severity.name(), note.event);
            for (name, value) in note.values {
                let _ = write!(text, " {name}={value:?}");
            }
            text.push('\n');
        }
        let line = audit::line(event);
        let _ = write!(text, "audit: ");
        let json: &RawValue = serde_json::from_str(&line).expect("valid JSON");
        pretty(Detail::from(json), 0, &mut text);
        text.push_str("\n\n");
    }
    let events = notification::texts(reports, context);
    if events.is_empty() {
        text.push_str("no chat hears of it\n");
    }
    let routes = Routes { ports_to: Some("noc".to_owned()), ..Routes::default() };
    for event in events {
        let event = Event::parse(Topic::Mistgate, &event).expect("an event");
        messages(&event, &routes, &mut text, fault);
    }
    text
}
