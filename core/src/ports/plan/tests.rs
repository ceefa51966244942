//! Timelines of the plan, with a cloud that answers at once and a switch that obeys.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use alloc::{format, vec};

use jiff::tz::TimeZone;

use super::input::Drift;
use super::*;
use crate::base::calendar::{Days, Period};
use crate::base::failure::Failure;
use crate::base::window::Window;
use crate::ports::decide::{Check, Reason};
use crate::ports::edit::{Edit, Edits, Pushed};
use crate::ports::governor::{Breaker, Lists, PortPattern, SwitchPattern};
use crate::ports::name::PortName;
use crate::ports::plan::input::TwoPorts;
use crate::ports::question::{Answer, Entry, Hint, Location, Question};
use crate::ports::switch_port::{Mode, Sighting, Switch};
use crate::ports::{governor, outage};

/// The moment at which everything begins, a Wednesday's noon.
const START: Instant = Instant::from_secs(1_000);
const WALL: UnixTime = UnixTime::from_secs(1_795_608_000);

pub(super) struct Bench {
    pub(super) plan: Plan,
    now: Instant,
    /// Where each access point, or the laptop, is plugged in.
    plugged: BTreeMap<Mac, SwitchPort>,
    /// Laptops that say that they are an access point.
    liars: BTreeMap<SwitchPort, Mac>,
    /// The access points that the cloud has lost.
    lost: BTreeMap<Mac, UnixTime>,
    /// What is pushed and not yet answered.
    pushes: Vec<(u64, Vec<Edit>)>,
    reads: Vec<u64>,
    pub(super) records: BTreeMap<SwitchPort, Record>,
    log: Vec<String>,
    /// Whether somebody else changed the ports after us.
    pub(super) is_foreign: bool,
    /// Why ports were changed.
    reasons: Vec<String>,
}

pub(super) fn ap(number: u8) -> Mac {
    Mac::parse(&format!("5c5b350000{number:02x}")).expect("a MAC")
}

/// Somebody whom Mist does not list as an access point.
fn laptop() -> Mac {
    Mac::parse("0a0000000001").expect("a MAC")
}

pub(super) fn switch_port(switch: u8, port: u16) -> SwitchPort {
    let mac = Mac::parse(&format!("5c5b350001{switch:02x}")).expect("a MAC");
    let port = PortName::parse(&format!("ge-0/0/{port}")).expect("a port");
    SwitchPort { switch: mac, port }
}

/// Whether Mist knows nothing of a switch, which is so of the eighth.
fn is_unknown(mac: Mac) -> bool {
    mac == switch_port(8, 0).switch
}

/// The ninth switch is at a site that is ignored.
fn switch(mac: Mac) -> Switch {
    let site = if mac == switch_port(9, 0).switch { "ignored" } else { "s" };
    Switch { mac, device_id: mac.plain(), site: site.into(), name: None, model: None }
}

pub(super) fn config(check: Check) -> Config {
    Config {
        probe: probe::Config {
            settle: Duration::from_secs(60),
            check,
            wait: Duration::from_secs(30),
        },
        port: port::Config { attempts_max: 4 },
        governor: governor::Policy {
            allow: Lists {
                switches: vec![SwitchPattern::new("*")],
                ports: PortPattern::new("*").into_iter().collect(),
            },
            approve_first: Some(0),
            ..governor::Policy::default()
        },
        edits: Edits::unwritten(),
        drift: None,
        is_observing: false,
        ignored_sites: vec!["ignored".into()],
        one_sided_proof: false,
        two_ports: TwoPorts::Tell,
        reconcile_after: Duration::from_secs(3_600),
        wall: WALL,
        is_synchronised: true,
    }
}

impl Bench {
    pub(super) fn new(config: Config) -> Self {
        Self {
            plan: Plan::new(config, 7, START),
            now: START,
            plugged: BTreeMap::new(),
            liars: BTreeMap::new(),
            lost: BTreeMap::new(),
            pushes: Vec::new(),
            reads: Vec::new(),
            records: BTreeMap::new(),
            log: Vec::new(),
            is_foreign: false,
            reasons: Vec::new(),
        }
    }

    pub(super) const fn now(&self) -> Instant {
        self.now
    }

    /// Starts anew with what the store has.
    pub(super) fn restart(&mut self, config: Config, records: Vec<Record>) {
        let wall = self.wall();
        self.plan = Plan::new(Config { wall, ..config }, 8, self.now);
        self.input(Input::Restored(records));
    }

    fn wall(&self) -> UnixTime {
        let secs = i64::try_from((self.now - START).as_secs()).expect("a short test");
        UnixTime::from_secs(WALL.as_secs() + secs)
    }

    pub(super) fn input(&mut self, input: Input) {
        self.plan.handle_input(self.now, input);
        self.drain();
    }

    pub(super) fn ap_event(&mut self, ap: Mac, cause: Cause) {
        if cause == Cause::Lost {
            self.lost.insert(ap, self.wall());
        } else {
            self.lost.remove(&ap);
        }
        let at = Some(self.wall());
        let (ap_name, site_name) = (None, None);
        self.input(Input::ApEvent(ApEvent {
            ap,
            cause,
            site: Some("s".into()),
            at,
            ap_name,
            site_name,
        }));
    }

    pub(super) fn plug(&mut self, ap: Mac, switch_port: SwitchPort) {
        self.plugged.insert(ap, switch_port);
        self.ap_event(ap, Cause::Came);
    }

    pub(super) fn unplug(&mut self, ap: Mac) {
        self.plugged.remove(&ap);
        self.ap_event(ap, Cause::Lost);
    }

    /// Lets time pass.
    pub(super) fn pass(&mut self, secs: u64) {
        let until = self.now + Duration::from_secs(secs);
        while let Some(at) = self.plan.poll_timeout().filter(|at| *at <= until) {
            assert!(at >= self.now);
            self.now = at;
            self.plan.handle_timeout(at);
            self.drain();
        }
        self.now = until;
    }

    /// Answers all pushes.
    pub(super) fn obey(&mut self) {
        for (id, edits) in mem::take(&mut self.pushes) {
            let before = edits.iter().map(|edit| (edit.port, format!("was {}", edit.port)));
            let before = before.collect();
            self.input(Input::Pushed { id, pushed: Pushed::Done { diff: "+".into(), before } });
        }
    }

    pub(super) fn fail(&mut self, pushed: &Pushed) {
        for (id, _) in mem::take(&mut self.pushes) {
            self.input(Input::Pushed { id, pushed: pushed.clone() });
        }
    }

    /// The commands and reports since the last call, one line each.
    pub(super) fn take_log(&mut self) -> Vec<String> {
        mem::take(&mut self.log)
    }

    fn drain(&mut self) {
        while let Some(output) = self.plan.poll_output() {
            match output {
                Output::Ask { id, question } => {
                    let answer = self.answer(question);
                    self.plan.handle_input(self.now, Input::Answered { id, answer });
                }
                Output::Compare { id, edits, is_undo, .. } => {
                    let lines = |edit: &Edit| match is_undo && !self.is_foreign {
                        true => String::new(),
                        false => edit.lines.join("\n"),
                    };
                    let compared = Ok(edits.iter().map(lines).collect());
                    self.plan.handle_input(self.now, Input::Compared { id, compared });
                }
                Output::Forget(switch_port) => {
                    assert!(self.records.remove(&switch_port).is_some(), "never kept");
                }
                Output::Push { id, edits, .. } => {
                    let texts: Vec<_> = edits.iter().map(text).collect();
                    self.log.push(format!("push {}", texts.join(", ")));
                    self.pushes.push((id, edits));
                }
                Output::Read { id, edit, .. } => {
                    self.log.push(format!("read {}", text(&edit)));
                    self.reads.push(id);
                }
                Output::Report(report) => {
                    if let Report::Settled { changes, .. } = &report {
                        self.reasons.extend(changes.iter().map(|change| change.reason.to_string()));
                    }
                    self.log.push(reported(&report));
                }
                Output::Stop(reason) => self.log.push(format!("stop: {reason}")),
                Output::Store(record) => {
                    self.records.insert(record.switch_port(), record);
                }
            }
        }
        assert!(self.plan.poll_timeout().is_none_or(|at| at > self.now));
    }

    fn answer(&self, question: Question) -> Answer {
        let on = |switch_port: SwitchPort| {
            let there = self.plugged.iter().find(|(_, there)| **there == switch_port);
            let there = there.map(|(ap, _)| *ap).or(self.liars.get(&switch_port).copied());
            Sighting {
                switch: switch(switch_port.switch),
                port: Some(switch_port.port),
                is_live: true,
                up: there.is_some(),
                neighbor: there,
                up_for: None,
                is_ap: None,
            }
        };
        let location = |ap: Mac| {
            let switch_port = self.plugged.get(&ap).copied();
            let hint = |switch_port: SwitchPort| Hint {
                switch: switch(switch_port.switch),
                port: switch_port.port,
            };
            Location {
                seen: switch_port
                    .into_iter()
                    .chain(self.liars.iter().filter(|(_, who)| **who == ap).map(|(at, _)| *at))
                    .filter(|switch_port| !is_unknown(switch_port.switch))
                    .map(on)
                    .collect(),
                hints: switch_port.map(hint).into_iter().collect(),
            }
        };
        match question {
            Question::Port { switch_port, .. } if is_unknown(switch_port.switch) => {
                Answer::Port(None)
            }
            Question::Port { switch_port, .. } => Answer::Port(Some(on(switch_port))),
            Question::Inventory => {
                let aps = self.plugged.keys().chain(self.lost.keys());
                let aps = aps.copied().filter(|mac| *mac != laptop());
                let aps: alloc::collections::BTreeSet<_> = aps.collect();
                Answer::Inventory(
                    aps.into_iter()
                        .map(|ap| Entry {
                            ap,
                            site: self.plugged.get(&ap).map_or_else(
                                || "s".into(),
                                |switch_port| switch(switch_port.switch).site,
                            ),
                            is_connected: !self.lost.contains_key(&ap),
                            last_seen: self.lost.get(&ap).copied(),
                            location: location(ap),
                        })
                        .collect(),
                )
            }
            Question::Location { ap, .. } => Answer::Location(location(ap)),
        }
    }
}

fn text(edit: &Edit) -> String {
    let before = edit.before.as_ref().map(|before| format!(" ({before})")).unwrap_or_default();
    format!("{}={}{before}", edit.port, edit.mode.name())
}

fn reported(report: &Report) -> String {
    let changes = |changes: &[Change]| {
        let texts: Vec<_> = changes
            .iter()
            .map(|change| {
                format!("{}={} after {}s", change.port, change.mode.name(), change.took.as_secs())
            })
            .collect();
        texts.join(", ")
    };
    match report {
        Report::Breaker { is_open, .. } => format!("breaker open: {is_open}"),
        Report::ClockDoubted(is_doubted) => format!("clock doubted: {is_doubted}"),
        Report::Kept { switch_port, reason, .. } => format!("kept {}: {reason}", switch_port.port),
        Report::Drifted { change, is_mended, .. } => {
            format!("drifted {}{}", change.port, if *is_mended { ", mended" } else { "" })
        }
        Report::Observed { changes: all, .. } => format!("observed {}", changes(all)),
        Report::Ordered { change, order, .. } => format!("{} {}", order.name(), change.port),
        Report::Overflow => "overflow".into(),
        Report::Refused { change, refusal, .. } => {
            format!("refused {}={}: {refusal}", change.port, change.mode.name())
        }
        Report::Failed { change, failed, .. } => {
            let (port, failure) = (change.port, failed.failure.name());
            match failed.retry {
                Some(retry) => format!("retrying {port}: {failure}, unknown: {}", retry.is_unknown),
                None => format!("stuck {port}: {failure}"),
            }
        }
        Report::Settled { changes: all, is_read_back, .. } => {
            let read_back = if *is_read_back { ", read back" } else { "" };
            format!("settled {}{read_back}", changes(all))
        }
        Report::Stopped { is_on, .. } => format!("stopped: {is_on}"),
        Report::Undecided { reason, .. } => format!("undecided: {reason}"),
    }
}

#[test]
fn plugged_in_and_out() {
    let mut bench = Bench::new(config(Check::Lldp));
    bench.pass(10);
    bench.plug(ap(1), switch_port(1, 7));
    bench.pass(64);
    assert_eq!(bench.take_log(), [""; 0], "it settles, and waits for others");
    bench.pass(1);
    assert_eq!(bench.take_log(), ["push ge-0/0/7=ap"]);
    let record = bench.records.get(&switch_port(1, 7)).cloned().expect("written down before");
    assert!(record.mode.is_none() && record.is_touched && record.ap == Some(ap(1)));
    bench.pass(20);
    bench.obey();
    assert_eq!(bench.take_log(), ["settled ge-0/0/7=ap after 85s"]);
    let record = bench.records.get(&switch_port(1, 7)).cloned().expect("kept");
    assert_eq!((record.mode, record.before.as_deref()), (Some(Mode::Ap), Some("was ge-0/0/7")));

    bench.ap_event(ap(1), Cause::Came);
    bench.pass(7_200);
    assert_eq!(
        bench.take_log(),
        [""; 0],
        "a restart on the same port is nothing, and hours are too"
    );

    bench.unplug(ap(1));
    bench.pass(64);
    assert_eq!(bench.take_log(), [""; 0], "nobody must be seen for all of the wait");
    bench.pass(1);
    assert_eq!(bench.take_log(), ["push ge-0/0/7=default (was ge-0/0/7)"]);
    bench.obey();
    assert_eq!(bench.take_log(), ["settled ge-0/0/7=default after 65s"]);
    let record = bench.records.get(&switch_port(1, 7)).expect("kept for whoever undoes it");
    assert!((record.mode, record.ap) == (Some(Mode::Default), None) && !record.is_touched);
    bench.pass(7 * 86_400 + 3_600);
    assert_eq!(bench.take_log(), [""; 0]);
    assert!(bench.records.is_empty(), "nothing of it is ours any more");
}

/// The table of why a port was changed. That an access point is where it was is never why.
#[test]
fn a_change_is_reported_with_the_reason_for_which_it_was_wanted() {
    type Row<'a> = (&'a str, fn(&mut Bench), &'a [&'a str]);
    const SEEN: &str = "the switch sees the AP on this port";
    let from = format!("the AP moved here from {}", switch_port(1, 2));
    let to = format!("the AP moved to {}", switch_port(1, 1));
    let rows: [Row<'_>; 5] = [
        ("it came", came, &[SEEN]),
        ("it came, and the first comparison with Mist finds it there too", compared, &[SEEN]),
        ("it came, and came again while its port waited", came_again, &[SEEN]),
        ("it moved, and came again while its ports waited", moved, &[&from, &to]),
        ("it came, its port was given up, and it came again", given_up, &[SEEN]),
    ];
    for (row, bring_about, reasons) in rows {
        let mut prompt = config(Check::Lldp);
        prompt.probe.settle = Duration::from_secs(1);
        let mut bench = Bench::new(prompt);
        bring_about(&mut bench);
        bench.pass(10);
        bench.obey();
        assert_eq!(bench.reasons, reasons, "{row}");
        bench.take_log();
        bench.ap_event(ap(1), Cause::Came);
        bench.pass(60);
        assert_eq!(bench.take_log(), [""; 0], "{row}, and its port is as it shall be");
    }
}

fn came(bench: &mut Bench) {
    bench.pass(10);
    bench.plug(ap(1), switch_port(1, 1));
}

fn compared(bench: &mut Bench) {
    bench.pass(2);
    bench.plug(ap(1), switch_port(1, 1));
}

fn came_again(bench: &mut Bench) {
    came(bench);
    bench.pass(2);
    bench.ap_event(ap(1), Cause::Came);
}

fn moved(bench: &mut Bench) {
    bench.plug(ap(1), switch_port(1, 2));
    bench.pass(10);
    bench.obey();
    bench.reasons.clear();
    came_again(bench);
}

fn given_up(bench: &mut Bench) {
    came(bench);
    bench.pass(10);
    bench.fail(&Pushed::Failed(Failure::Rejected { message: "no".into() }));
    bench.ap_event(ap(1), Cause::Came);
}

#[test]
fn forty_eight_that_come_back_are_one_commit() {
    let mut bench = Bench::new(config(Check::Lldp));
    bench.pass(10);
    for number in 0..48 {
        bench.plug(ap(number), switch_port(1, u16::from(number)));
    }
    bench.plug(ap(48), switch_port(2, 0));
    bench.pass(65);
    let ports: Vec<_> = bench.pushes.iter().map(|(_, edits)| edits.len()).collect();
    assert_eq!(ports, [48, 1]);
    bench.obey();
    assert_eq!(bench.take_log().len(), 4);
}

#[test]
fn a_move_gives_the_old_port_back_and_a_swap_is_none() {
    let mut bench = Bench::new(config(Check::Lldp));
    bench.plug(ap(1), switch_port(1, 1));
    bench.plug(ap(2), switch_port(1, 2));
    bench.pass(70);
    bench.obey();
    bench.take_log();
    bench.plugged.insert(ap(1), switch_port(2, 3));
    bench.ap_event(ap(1), Cause::Came);
    bench.pass(65);
    let mut log = bench.take_log();
    log.sort_unstable();
    assert_eq!(log, ["push ge-0/0/1=default (was ge-0/0/1)", "push ge-0/0/3=ap"]);
    bench.obey();
    bench.take_log();

    // They change places: both ports stay for access points.
    bench.plugged.insert(ap(1), switch_port(1, 2));
    bench.plugged.insert(ap(2), switch_port(2, 3));
    bench.ap_event(ap(1), Cause::Came);
    bench.ap_event(ap(2), Cause::Came);
    bench.pass(100);
    assert_eq!(bench.take_log(), [""; 0]);
    assert_eq!(bench.plan.current_port(ap(1)), Some(switch_port(1, 2)));
    assert_eq!(bench.plan.current_port(ap(2)), Some(switch_port(2, 3)));
}

#[test]
fn another_access_point_on_the_port_of_a_lost_one_takes_it_over() {
    let mut bench = Bench::new(config(Check::Lldp));
    bench.plug(ap(1), switch_port(1, 1));
    bench.plug(ap(2), switch_port(1, 2));
    bench.pass(70);
    bench.obey();
    bench.take_log();
    // The second one is put in the place of the first, and no event comes.
    bench.plugged.remove(&ap(1));
    bench.plugged.insert(ap(2), switch_port(1, 1));
    bench.ap_event(ap(1), Cause::Lost);
    bench.pass(60);
    assert_eq!(bench.take_log(), ["push ge-0/0/2=default (was ge-0/0/2)"]);
    assert_eq!(bench.plan.current_port(ap(2)), Some(switch_port(1, 1)));
}

#[test]
fn who_cannot_be_found_is_reported_once_a_day() {
    const UNDECIDED: &str = "undecided: no switch sees the AP";
    const HOUR: u64 = 3_600;
    let mut bench = Bench::new(config(Check::Lldp));
    bench.plug(ap(1), switch_port(8, 1));
    bench.plug(ap(2), switch_port(8, 2));
    // Each hour it is looked for, and now and then it restarts.
    for _ in 0..20 {
        bench.pass(HOUR);
        bench.ap_event(ap(1), Cause::Came);
    }
    assert_eq!(bench.take_log(), [UNDECIDED; 2]);
    bench.pass(7 * HOUR);
    assert_eq!(bench.take_log(), [UNDECIDED; 2]);
    // One that was found meanwhile is another matter.
    bench.plug(ap(1), switch_port(1, 1));
    bench.pass(HOUR);
    bench.obey();
    bench.unplug(ap(1));
    bench.pass(HOUR);
    bench.obey();
    bench.take_log();
    bench.plug(ap(1), switch_port(8, 1));
    bench.pass(2 * HOUR);
    assert_eq!(bench.take_log(), [UNDECIDED]);
}

#[test]
fn a_site_that_goes_dark_keeps_its_ports() {
    for check in [Check::Lldp, Check::Outage(outage::Policy::default())] {
        let mut bench = Bench::new(config(check));
        for number in 1..=10 {
            bench.plug(ap(number), switch_port(1, number.into()));
        }
        bench.pass(70);
        bench.obey();
        bench.take_log();
        for number in 1..=8 {
            bench.ap_event(ap(number), Cause::Lost);
            bench.pass(1);
        }
        bench.pass(600);
        let log = bench.take_log();
        assert_eq!(log.iter().filter(|text| text.starts_with("kept")).count(), 8, "{log:?}");
        assert_eq!(log.len(), 8, "{log:?}");
        bench.pass(36_000);
        assert_eq!(bench.take_log(), [""; 0], "what stays as it is is not reported every hour");
        for number in 1..=7 {
            bench.ap_event(ap(number), Cause::Came);
        }
        bench.plugged.remove(&ap(8));
        bench.pass(7_200);
        assert_eq!(
            bench.take_log(),
            ["push ge-0/0/8=default (was ge-0/0/8)"],
            "the one that stayed out"
        );
    }
}

#[test]
fn without_a_check_the_event_is_enough() {
    let mut bench = Bench::new(config(Check::None));
    bench.plug(ap(1), switch_port(1, 1));
    bench.pass(70);
    bench.obey();
    bench.take_log();
    bench.ap_event(ap(1), Cause::Lost);
    bench.pass(35);
    assert_eq!(bench.take_log(), ["push ge-0/0/1=default (was ge-0/0/1)"]);
}

#[test]
fn what_was_missed_while_we_were_away_is_found() {
    let mut bench = Bench::new(config(Check::Lldp));
    for number in 1..=3 {
        bench.plug(ap(number), switch_port(1, number.into()));
    }
    bench.pass(70);
    bench.obey();
    // We stop. One goes, one moves, one comes, and one change was under way.
    let mut records: Vec<_> = bench.records.values().cloned().collect();
    records.iter_mut().filter(|record| record.ap == Some(ap(3))).for_each(|r| r.mode = None);
    let mut later = Bench::new(config(Check::Lldp));
    later.plugged = bench.plugged.clone();
    later.plugged.remove(&ap(1));
    later.lost.insert(ap(1), WALL);
    later.plugged.insert(ap(2), switch_port(1, 5));
    later.plugged.insert(ap(4), switch_port(2, 1));
    later.records = bench.records.clone();
    later.input(Input::Restored(records));
    later.pass(11);
    let mut log = later.take_log();
    log.sort_unstable();
    assert_eq!(
        log,
        ["push ge-0/0/1=ap", "push ge-0/0/2=default (was ge-0/0/2), ge-0/0/3=ap, ge-0/0/5=ap",]
    );
    let in_doubt = |edits: &[Edit]| -> Vec<String> {
        let edits = edits.iter().filter(|edit| edit.is_in_doubt);
        edits.map(|edit| edit.port.to_string()).collect()
    };
    let doubts: Vec<_> = later.pushes.iter().flat_map(|(_, edits)| in_doubt(edits)).collect();
    assert_eq!(doubts, ["ge-0/0/3"], "that change alone may wait to be confirmed");
    later.obey();
    later.take_log();
    later.pass(60);
    assert_eq!(later.take_log(), ["push ge-0/0/1=default (was ge-0/0/1)"]);
    let record = later.records.get(&switch_port(1, 3)).expect("kept");
    assert_eq!(record.before.as_deref(), Some("was ge-0/0/3"), "not what we made of it ourselves");
}

#[test]
fn a_restart_does_not_lift_a_limit() {
    let mut limited = config(Check::Lldp);
    limited.governor.limits.switch = vec![Window::per_secs(2, 3_600)];
    let mut bench = Bench::new(limited.clone());
    bench.plug(ap(1), switch_port(1, 1));
    bench.plug(ap(2), switch_port(1, 2));
    bench.pass(70);
    bench.obey();
    limited.wall = UnixTime::from_secs(WALL.as_secs() + 600);
    let mut later = Bench::new(limited);
    later.input(Input::Restored(bench.records.values().cloned().collect()));
    later.plugged = bench.plugged.clone();
    later.plug(ap(3), switch_port(1, 3));
    later.pass(70);
    let refused = "refused ge-0/0/3=ap: enough was changed for now (ports.limits.switch)";
    assert_eq!(later.take_log(), [refused]);
    later.pass(3_600);
    assert_eq!(later.take_log(), ["push ge-0/0/3=ap"]);
}

#[test]
fn who_moved_to_an_ignored_site_gives_its_port_back() {
    for check in [Check::Lldp, Check::None, Check::Outage(outage::Policy::default())] {
        let mut bench = Bench::new(config(check));
        bench.plug(ap(1), switch_port(1, 7));
        bench.pass(70);
        bench.obey();
        bench.take_log();
        // No event comes, but the inventory has it at the other site.
        bench.plugged.insert(ap(1), switch_port(9, 1));
        bench.pass(3_600);
        assert_eq!(bench.take_log(), ["push ge-0/0/7=default (was ge-0/0/7)"]);
        bench.obey();
        let is_ours = bench.records.values().any(|record| record.is_touched);
        assert!(!is_ours && bench.plan.current_port(ap(1)).is_none());
        bench.take_log();
        // An event from here, and by the time of the question it is there.
        bench.plug(ap(2), switch_port(1, 8));
        bench.pass(70);
        bench.obey();
        bench.take_log();
        bench.pass(1);
        bench.plug(ap(2), switch_port(9, 2));
        bench.pass(70);
        assert_eq!(bench.take_log(), ["push ge-0/0/8=default (was ge-0/0/8)"]);
        bench.obey();
        let is_ours = bench.records.values().any(|record| record.is_touched);
        assert!(!is_ours && bench.plan.current_port(ap(2)).is_none());
    }
}

#[test]
fn who_waits_for_a_limit_does_not_ask_at_every_moment() {
    let mut limited = config(Check::Lldp);
    limited.governor.limits.all = vec![Window::per_secs(2, 60)];
    let mut bench = Bench::new(limited);
    for (number, switch, secs) in [(1, 1, 2), (2, 2, 8), (3, 3, 0), (4, 3, 55)] {
        bench.plug(ap(number), switch_port(switch, number.into()));
        bench.pass(secs);
    }
    let mut lines_after = |secs| {
        bench.pass(secs);
        let log = bench.take_log();
        bench.obey();
        bench.take_log();
        log
    };
    assert_eq!(lines_after(0), ["push ge-0/0/1=ap"]);
    assert_eq!(lines_after(2), ["push ge-0/0/2=ap"]);
    let refused =
        |port| format!("refused ge-0/0/{port}=ap: enough was changed for now (ports.limits.all)");
    assert_eq!(lines_after(8), [refused(3), refused(4)]);
    assert_eq!(lines_after(50), ["push ge-0/0/3=ap"]);
    assert_eq!(lines_after(4), [""; 0], "there has been room for two seconds");
    assert_eq!(lines_after(1), ["push ge-0/0/4=ap"]);
}

#[test]
fn a_limit_counts_what_a_restart_interrupted() {
    let mut limited = config(Check::Lldp);
    limited.governor.limits.switch = vec![Window::per_secs(1, 3_600)];
    let mut bench = Bench::new(limited.clone());
    bench.plug(ap(1), switch_port(1, 1));
    bench.pass(70);
    assert_eq!(bench.take_log(), ["push ge-0/0/1=ap"]);
    limited.wall = UnixTime::from_secs(WALL.as_secs() + 600);
    let mut later = Bench::new(limited);
    later.input(Input::Restored(bench.records.values().cloned().collect()));
    later.plugged = bench.plugged.clone();
    later.pass(70);
    let refused = "refused ge-0/0/1=ap: enough was changed for now (ports.limits.switch)";
    assert_eq!(later.take_log(), [refused]);
}

#[test]
fn a_refused_batch_is_divided_and_one_bad_port_costs_only_itself() {
    for failure in [
        Failure::Protected,
        Failure::Rejected { message: "no such port".into() },
        Failure::Undone { reason: "not kept".into(), after: None },
    ] {
        check_divided(&failure);
    }
}

fn check_divided(failure: &Failure) {
    let mut bench = Bench::new(config(Check::Lldp));
    for number in 1..=3 {
        bench.plug(ap(number), switch_port(1, number.into()));
    }
    bench.pass(65);
    let failed = Pushed::Failed(failure.clone());
    bench.fail(&failed);
    bench.pass(5);
    assert_eq!(
        bench.take_log(),
        ["push ge-0/0/1=ap, ge-0/0/2=ap, ge-0/0/3=ap", "push ge-0/0/1=ap"]
    );
    bench.obey();
    assert_eq!(bench.take_log(), ["settled ge-0/0/1=ap after 70s", "push ge-0/0/2=ap"]);
    bench.fail(&failed);
    let stuck = format!("stuck ge-0/0/2: {}", failure.name());
    assert_eq!(bench.take_log(), [&*stuck, "push ge-0/0/3=ap"]);
    bench.obey();
    bench.take_log();
    // Every hour there is another attempt, which is not reported.
    bench.pass(3_600);
    assert_eq!(bench.take_log(), ["push ge-0/0/2=ap"]);
    bench.fail(&failed);
    assert_eq!(bench.take_log(), [""; 0]);
}

#[test]
fn an_unknown_end_is_read_back() {
    let mut bench = Bench::new(config(Check::Lldp));
    bench.plug(ap(1), switch_port(1, 1));
    bench.pass(65);
    bench.fail(&Pushed::Unknown(Failure::Timeout));
    bench.pass(30);
    assert_eq!(
        bench.take_log(),
        ["push ge-0/0/1=ap", "retrying ge-0/0/1: timeout, unknown: true", "read ge-0/0/1=ap",]
    );
    let id = bench.reads.pop().expect("a read");
    bench.input(Input::Read { id, is_done: Some(true) });
    assert_eq!(bench.take_log(), ["settled ge-0/0/1=ap after 95s, read back"]);
    let record = bench.records.get(&switch_port(1, 1)).expect("kept");
    assert_eq!((record.mode, &record.before), (Some(Mode::Ap), &None));
}

#[test]
fn what_must_wait_is_proven_again() {
    let mut bench = Bench::new(config(Check::Lldp));
    bench.input(Input::Stop(true));
    bench.plug(ap(1), switch_port(1, 1));
    bench.plug(ap(2), switch_port(1, 2));
    bench.pass(3_000);
    assert_eq!(
        bench.take_log(),
        [
            "stopped: true",
            "refused ge-0/0/1=ap: all changes are stopped (ports.kill_switch)",
            "refused ge-0/0/2=ap: all changes are stopped (ports.kill_switch)",
        ]
    );
    // Meanwhile, and without a word, the second one moved.
    bench.plugged.insert(ap(2), switch_port(1, 3));
    bench.input(Input::Stop(false));
    bench.pass(6);
    assert_eq!(bench.take_log(), ["stopped: false", "push ge-0/0/1=ap, ge-0/0/3=ap"]);
}

#[test]
fn the_breaker_holds_everything_and_lets_go() {
    let mut with_breaker = config(Check::None);
    let hold = Duration::from_secs(900);
    let breaker = Breaker { aps: 5, window: Duration::from_secs(60), hold };
    with_breaker.governor.breaker = Some(breaker);
    let mut bench = Bench::new(with_breaker);
    for number in 1..=5 {
        bench.plug(ap(number), switch_port(1, number.into()));
    }
    bench.pass(70);
    bench.obey();
    bench.take_log();
    for number in 1..=5 {
        bench.ap_event(ap(number), Cause::Lost);
    }
    bench.pass(36);
    let log = bench.take_log();
    assert_eq!(log.first().map(String::as_str), Some("breaker open: true"));
    assert_eq!(log.iter().filter(|text| text.contains("ports.breaker")).count(), 5);
    for number in 2..=5 {
        bench.ap_event(ap(number), Cause::Came);
    }
    bench.pass(960);
    let closed = "breaker open: false";
    let pushed = "push ge-0/0/1=default (was ge-0/0/1)";
    assert_eq!(bench.take_log(), [closed, closed, pushed], "for all, and for the site");
}

/// Forty access points on as many ports, which are gone when mistgate starts again.
#[test]
fn what_the_comparison_finds_opens_the_breaker_too() {
    for (lost, of, is_open) in [(40, 40, true), (3, 12, true), (3, 13, false), (2, 2, false)] {
        let mut with_breaker = config(Check::Lldp);
        with_breaker.governor.breaker = Some(Breaker::default());
        let mut bench = Bench::new(with_breaker.clone());
        for number in 1..=of {
            bench.plug(ap(number), switch_port(1, number.into()));
        }
        bench.pass(70);
        bench.obey();
        let mut later = Bench::new(with_breaker);
        later.plugged = bench.plugged.clone();
        for number in 1..=lost {
            later.plugged.remove(&ap(number));
            later.lost.insert(ap(number), WALL);
        }
        later.records = bench.records.clone();
        later.input(Input::Restored(bench.records.values().cloned().collect()));
        later.pass(600);
        let log = later.take_log();
        assert_eq!(log.contains(&"breaker open: true".into()), is_open, "{lost} of {of}: {log:?}");
        assert_eq!(later.pushes.is_empty(), is_open, "{lost} of {of}");
        // Each hour finds the same ones gone, which is no news.
        later.pass(3_600);
        let again = later.take_log();
        assert!(!again.contains(&"breaker open: true".into()), "{lost} of {of}: {again:?}");
    }
}

#[test]
fn the_kill_switch_leaves_nothing_to_be_read_back_until_it_is_off() {
    let mut bench = Bench::new(config(Check::Lldp));
    bench.plug(ap(1), switch_port(1, 1));
    bench.pass(70);
    bench.input(Input::Stop(true));
    bench.fail(&Pushed::Unknown(Failure::Stopped));
    bench.take_log();
    bench.pass(1_000);
    assert_eq!(bench.take_log(), [""; 0], "a read-back may confirm");
    bench.input(Input::Stop(false));
    assert_eq!(bench.take_log(), ["stopped: false", "read ge-0/0/1=ap"]);
    let id = bench.reads.pop().expect("one");
    bench.input(Input::Read { id, is_done: Some(false) });
    bench.pass(20);
    assert_eq!(bench.take_log(), ["push ge-0/0/1=ap"]);
}

#[test]
fn observing_changes_nothing_and_reports_it_once() {
    let mut observing = config(Check::Lldp);
    observing.is_observing = true;
    let mut bench = Bench::new(observing.clone());
    bench.plug(ap(1), switch_port(1, 1));
    bench.pass(7_200);
    assert_eq!(bench.take_log(), ["observed ge-0/0/1=ap after 65s"]);
    let record = bench.records.get(&switch_port(1, 1)).expect("kept");
    assert!(record.is_observed);
    // From now on it counts.
    bench.input(Input::Configured(Box::new(config(Check::Lldp))));
    bench.pass(6);
    assert_eq!(bench.take_log(), ["push ge-0/0/1=ap"]);
    bench.obey();
    assert!(bench.records.get(&switch_port(1, 1)).is_some_and(|record| !record.is_observed));
    bench.take_log();
    // And from now on it does not, but what was made is not forgotten.
    observing.wall = bench.wall();
    bench.input(Input::Configured(Box::new(observing)));
    bench.unplug(ap(1));
    bench.pass(10_800);
    assert_eq!(bench.take_log(), ["observed ge-0/0/1=default after 65s"]);
    assert!(bench.records.contains_key(&switch_port(1, 1)));
    let mut enforcing = config(Check::Lldp);
    enforcing.wall = bench.wall();
    bench.input(Input::Configured(Box::new(enforcing)));
    bench.pass(40);
    assert_eq!(bench.take_log(), ["push ge-0/0/1=default (was ge-0/0/1)"]);
}

/// With a freeze, whose time nobody knows while the clock is not synchronised.
#[test]
fn without_a_synchronised_clock_ports_are_only_observed() {
    let mut unsynchronised = config(Check::Lldp);
    unsynchronised.is_synchronised = false;
    let mut bench = Bench::new(unsynchronised.clone());
    bench.plug(ap(1), switch_port(1, 1));
    bench.pass(70);
    assert_eq!(bench.take_log(), ["push ge-0/0/1=ap"], "no freeze, no doubt");

    let (days, name) = (Days::Week([true; 7]), "night".into());
    let zone = TimeZone::UTC;
    unsynchronised.governor.freezes = [Period { name, days, from: 0, to: 1, zone }].into();
    let mut bench = Bench::new(unsynchronised);
    bench.input(Input::Restored(Vec::new()));
    assert_eq!(bench.take_log(), ["clock doubted: true"]);
    bench.plug(ap(1), switch_port(1, 1));
    bench.pass(70);
    assert_eq!(bench.take_log(), ["observed ge-0/0/1=ap after 65s"]);
    let status = bench.plan.status(bench.now, 0);
    assert!(status.is_observing && status.doubts_clock);
    let wall = bench.wall();
    bench.input(Input::Clock { wall, is_synchronised: true });
    assert!(!bench.plan.status(bench.now, 0).is_observing);
    bench.pass(6);
    assert_eq!(bench.take_log(), ["clock doubted: false", "push ge-0/0/1=ap"]);
    bench.obey();
    bench.take_log();
    let wall = bench.wall();
    bench.input(Input::Clock { wall, is_synchronised: false });
    bench.unplug(ap(1));
    bench.pass(10_800);
    let observed = "observed ge-0/0/1=default after 65s";
    assert_eq!(bench.take_log(), ["clock doubted: true", observed]);
}

#[test]
fn a_program_outside_asks_and_the_switch_says() {
    let mut bench = Bench::new(config(Check::Lldp));
    bench.pass(10);
    let request = |switch_port, mode| Input::Requested(Request { switch_port, mode });
    // An access point is there that has sent events before.
    bench.plug(ap(1), switch_port(1, 1));
    bench.input(request(switch_port(1, 1), Mode::Ap));
    bench.pass(66);
    assert_eq!(bench.take_log(), ["push ge-0/0/1=ap"]);
    bench.obey();
    bench.input(request(switch_port(1, 1), Mode::Default));
    bench.pass(31);
    assert_eq!(bench.take_log(), ["settled ge-0/0/1=ap after 66s"]);
    // Nobody is there.
    bench.input(request(switch_port(1, 9), Mode::Default));
    bench.pass(36);
    assert_eq!(bench.take_log(), ["push ge-0/0/9=default"]);
    bench.obey();
    assert!(!bench.records.contains_key(&switch_port(1, 9)));
    bench.take_log();
    bench.input(request(switch_port(1, 9), Mode::Ap));
    bench.pass(3_000);
    assert_eq!(bench.take_log(), [format!("undecided: {}", Reason::NoAp)]);
}

/// Which neighbours are access points is not known before the first comparison with Mist.
#[test]
fn who_is_asked_about_at_the_start_is_not_taken_for_somebody_else() {
    let mut bench = Bench::new(config(Check::Lldp));
    bench.plugged.insert(ap(1), switch_port(1, 1));
    bench.plugged.insert(laptop(), switch_port(1, 2));
    for port in [1, 2] {
        let request = Request { switch_port: switch_port(1, port), mode: Mode::Default };
        bench.input(Input::Requested(request));
    }
    bench.pass(10);
    assert_eq!(bench.take_log(), ["push ge-0/0/1=ap"]);
    bench.obey();
    bench.pass(3_000);
    assert_eq!(bench.take_log(), ["settled ge-0/0/1=ap after 5s", "push ge-0/0/2=default"]);
}

#[test]
fn access_points_of_ignored_sites_are_none_of_our_business() {
    let mut bench = Bench::new(config(Check::Lldp));
    bench.plugged.insert(ap(1), switch_port(1, 1));
    let site = Some("ignored".into());
    bench.input(Input::ApEvent(ApEvent {
        ap: ap(1),
        cause: Cause::Came,
        site,
        at: None,
        ap_name: None,
        site_name: None,
    }));
    assert_eq!(bench.plan.status(bench.now, 0).watched, 0);
}

/// Whoever changed the port of an access point, by hand or through Mist.
#[test]
fn a_port_that_others_change_is_told_and_mended_if_that_is_wanted() {
    for (drift, mends) in [(Drift::Tell, false), (Drift::Repair, true)] {
        let mut bench = Bench::new(Config { drift: Some(drift), ..config(Check::Lldp) });
        came(&mut bench);
        bench.pass(65);
        bench.obey();
        bench.take_log();
        let told = if mends { "drifted ge-0/0/1, mended" } else { "drifted ge-0/0/1" };
        // The cloud says that somebody pushed a configuration.
        bench.ap_event(switch_port(1, 0).switch, Cause::Stale);
        bench.pass(10);
        let log = bench.take_log();
        assert_eq!(
            log,
            [&[told][..], ["push ge-0/0/1=ap"].get(..usize::from(mends)).unwrap_or_default()]
                .concat()
        );
        bench.obey();
        bench.pass(10);
        let settled = bench.take_log();
        assert_eq!(settled.len(), usize::from(mends), "{settled:?}");
        // What is known is not told again, and what was mended and changed again is. No event says
        // so, but the comparison finds it.
        bench.pass(3_600);
        assert_eq!(bench.take_log().first().map(String::as_str), mends.then_some(told));
        // While everything is stopped nothing is looked at.
        bench.input(Input::Stop(true));
        bench.take_log();
        bench.pass(3_600);
        assert_eq!(bench.take_log(), [""; 0]);
    }
}

#[test]
fn who_says_that_it_is_an_access_point_gets_nothing_for_that() {
    let mut bench = Bench::new(config(Check::Lldp));
    bench.plug(ap(1), switch_port(1, 7));
    bench.pass(70);
    bench.obey();
    bench.take_log();
    bench.liars.insert(switch_port(1, 8), ap(1));
    bench.input(Input::Requested(Request { switch_port: switch_port(1, 8), mode: Mode::Ap }));
    bench.pass(7_200);
    assert_eq!(bench.take_log(), [""; 0], "it does not even disturb the access point");
    let mut trusting = config(Check::Lldp);
    trusting.one_sided_proof = true;
    bench.input(Input::Configured(Box::new(trusting)));
    bench.ap_event(ap(1), Cause::Came);
    bench.pass(60);
    assert_eq!(bench.take_log(), ["undecided: more than one port sees the AP"]);
}

#[test]
fn fifty_thousand_ports_are_searched_and_paged() {
    let mut bench = Bench::new(config(Check::Lldp));
    let record = |n: u64| Record {
        switch: Switch {
            mac: Mac::parse(&format!("5c5b35{:06x}", n / 48)).expect("a MAC"),
            device_id: String::new(),
            site: String::new(),
            name: None,
            model: None,
        },
        port: PortName::parse(&format!("ge-0/0/{}", n % 48)).expect("a port"),
        ap: None,
        mode: Some(Mode::Ap),
        is_touched: true,
        is_observed: false,
        before: None,
        changed_at: None,
        change: None,
        left: None,
    };
    bench.plan.handle_input(START, Input::Restored((0..50_000).map(record).collect()));
    let mac = Mac::parse("5c5b35000007").expect("a MAC").to_string();
    let list = |like: &str, range| bench.plan.status_like(START, like, range).ports;
    assert_eq!(list("", 49_900..51_000).len(), 100);
    assert_eq!(list("", 0..200).len(), 200);
    let found = list(&mac.to_lowercase(), 40..200);
    assert_eq!(found.len(), 8, "48 of one switch, without the first 40");
    assert!(list("no such", 0..9).is_empty());
}
