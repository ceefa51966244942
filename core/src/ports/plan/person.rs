//! What a person decides about a change: whether it is made, and whether it is taken back.

use super::{Plan, output::Output, state::Pending};
use crate::base::{failure::Failure, time::Instant};
use crate::ports::governor::{Approval, NOT_UNDONE, Refusal};
use crate::ports::switch_port::{Mode, Switch, SwitchPort};
use crate::ports::{ap_event::Cause, decide::Reason, port, probe::Subject};
use crate::ports::{port::Failed, port::Want, report::Change, report::Order, report::Report};

impl Plan {
    /// Gives a change that is due its number, unless it has one, and says what a person said to it.
    pub(super) fn approval(&mut self, now: Instant, at: SwitchPort, want: &Want) -> Approval {
        let number = (self.last_change + 1).max(self.wall(now).as_secs().unsigned_abs());
        let is_told_only = self.config.observes() && want.reason != Reason::Undo;
        let Some(slot) = self.slots.get_mut(&at).filter(|_| !is_told_only) else {
            return Approval::Given;
        };
        let is_undoable = slot.port.is_touched() || want.mode == Mode::Ap;
        let pending = slot.pending.filter(|pending| pending.mode == want.mode);
        let pending = pending.unwrap_or_else(|| {
            (self.last_change, slot.refused) = (number, None);
            Pending { number, mode: want.mode, since: now, is_approved: false, is_undoable }
        });
        slot.pending = Some(pending);
        if want.reason == Reason::Undo {
            Approval::Undo
        } else if pending.is_approved || want.reason.is_by_person() {
            Approval::Given
        } else {
            Approval::Lacking(pending.number)
        }
    }

    /// The port with a change of this number about which a person can order this.
    pub fn port_of(&self, order: Order, number: u64) -> Option<SwitchPort> {
        self.slots.iter().find(|(_, slot)| slot.takes(order, number)).map(|(at, _)| *at)
    }

    /// Carries out what a person ordered.
    pub(super) fn ordered(&mut self, now: Instant, order: Order, number: u64) {
        let Some(at) = self.port_of(order, number) else { return };
        if let Some((switch, change)) = self.change_of(now, at, number) {
            self.report(Report::Ordered { switch, change, order });
        }
        let Some(slot) = self.slots.get_mut(&at) else { return };
        match order {
            Order::Approve => {
                let left = slot.left.take().map(|(_, mode)| mode);
                let mode = left.or(slot.pending.map(|pending| pending.mode));
                let (since, is_approved) = (now, true);
                let is_undoable = slot.port.is_touched() || mode == Some(Mode::Ap);
                let pending = |mode| Pending { number, mode, since, is_approved, is_undoable };
                slot.pending = mode.map(pending);
                self.look_again(now, at);
            }
            Order::Reject => self.leave(now, at),
            Order::Undo => {
                let made = slot.made.map(|(_, mode)| mode);
                let (edit, switch) = (self.edit(at, made), self.switch(at.switch).cloned());
                if let Some((edit, switch)) = edit.zip(switch) {
                    let (id, edits) = (self.next_id(), [edit].into());
                    self.undoing.insert(id, (at, number));
                    let is_undo = true;
                    self.outputs.push_back(Output::Compare { id, switch, edits, is_undo });
                }
            }
        }
    }

    /// Drops a change that is due. The port does not get its mode until there is news of it.
    pub(super) fn leave(&mut self, now: Instant, at: SwitchPort) {
        if let Some(slot) = self.slots.get_mut(&at) {
            slot.left = slot.pending.take().map(|pending| (pending.number, pending.mode));
        }
        self.handle_port(now, at, port::Input::Refused);
    }

    /// Drops a change that is due and looks at the port anew.
    pub(super) fn look_again(&mut self, now: Instant, at: SwitchPort) {
        let ap = self.slots.get(&at).and_then(|slot| slot.ap);
        self.handle_port(now, at, port::Input::Refused);
        self.look_at(now, ap.map_or(Subject::Port(at), Subject::Ap), Cause::Stale);
    }

    /// Takes a change back if the port still has what it left: `is_same`, unless that could not be
    /// found out.
    pub(super) fn undo(
        &mut self,
        now: Instant,
        (at, number): (SwitchPort, u64),
        is_same: Result<bool, Failure>,
    ) {
        let Some(slot) = self.slots.get_mut(&at).filter(|slot| slot.port.is_idle()) else { return };
        let Some((_, made)) = slot.made.filter(|made| made.0 == number) else { return };
        if is_same == Ok(true) {
            slot.left = Some((number, made));
            let mode = if made == Mode::Ap { Mode::Default } else { Mode::Ap };
            let ap = slot.ap.filter(|_| mode == Mode::Ap);
            let want = Want { mode, ap, reason: Reason::Undo, since: now, proved_at: None };
            return self.want(now, at, want);
        }
        let Some((switch, change)) = self.change_of(now, at, number) else { return };
        self.report(match is_same {
            Err(failure) => {
                let failed = Failed { attempt: 1, failure, is_news: true, retry: None };
                Report::Failed { switch, change, failed }
            }
            Ok(_) => {
                let words = "it is not undone: the port does not have what the change left";
                let refusal = Refusal::listed(NOT_UNDONE, words.into());
                Report::Refused { switch, change, refusal }
            }
        });
    }

    /// The change of a port that has this number.
    fn change_of(&self, now: Instant, at: SwitchPort, number: u64) -> Option<(Switch, Change)> {
        let slot = self.slots.get(&at)?;
        let made = slot.left.or(slot.made).map_or(Mode::Ap, |(_, mode)| mode);
        let (ap, reason) = (slot.ap, Reason::Manual);
        let made = Want { mode: made, ap, reason, since: now, proved_at: None };
        let want = slot.port.due().copied().unwrap_or(made);
        let (switch, change) = self.change(now, at, &want)?;
        Some((switch, Change { number: Some(number), ..change }))
    }
}

#[cfg(test)]
mod tests {
    use alloc::boxed::Box;
    use alloc::format;
    use alloc::string::String;
    use alloc::vec::Vec;

    use super::super::input::{Config, Input};
    use super::super::tests::{Bench, ap, config, switch_port};
    use super::*;
    use crate::ports::decide::Check;
    use crate::ports::edit::Pushed;

    const DAY: u64 = 86_400;

    /// A plan whose first changes wait for a person.
    fn careful(approve_first: Option<usize>) -> Config {
        let mut config = config(Check::Lldp);
        config.governor.approve_first = approve_first;
        config
    }

    /// The number of the only change.
    fn number(bench: &Bench) -> u64 {
        let ports = bench.plan.status(bench.now(), 9).ports;
        ports.iter().find_map(|port| port.change).expect("a change")
    }

    fn order(bench: &mut Bench, order: Order) {
        let number = number(bench);
        bench.input(Input::Ordered { order, number });
    }

    fn waiting(bench: &mut Bench) -> u64 {
        bench.plug(ap(1), switch_port(1, 7));
        bench.pass(70);
        let number = number(bench);
        let why = "a person must approve it: mistgate port approve";
        let told = format!("refused ge-0/0/7=ap: {why} {number} (ports.approve_first)");
        assert_eq!(bench.take_log(), [told]);
        number
    }

    /// One access point, whose port has mode `ap`.
    fn changed() -> Bench {
        let mut bench = Bench::new(careful(Some(0)));
        bench.plug(ap(1), switch_port(1, 7));
        bench.pass(70);
        bench.obey();
        bench.take_log();
        bench
    }

    #[test]
    fn the_first_change_waits_for_a_person_and_is_looked_at_anew() {
        for approve_first in [None, Some(1)] {
            let mut bench = Bench::new(careful(approve_first));
            waiting(&mut bench);
            bench.pass(3 * 3_600);
            assert_eq!(bench.take_log(), [""; 0], "it is told once");
            order(&mut bench, Order::Approve);
            bench.pass(66);
            assert_eq!(bench.take_log(), ["approve ge-0/0/7", "push ge-0/0/7=ap"]);
            bench.obey();
            assert_eq!(bench.take_log().len(), 1, "settled");
            // One was to be approved, or ten.
            bench.plug(ap(2), switch_port(1, 8));
            bench.pass(70);
            let is_waiting = bench.take_log().iter().any(|line| line.starts_with("refused"));
            assert_eq!(is_waiting, approve_first.is_none());
        }
    }

    #[test]
    fn what_is_no_longer_so_is_not_done_for_an_approval() {
        let mut bench = Bench::new(careful(Some(1)));
        let number = waiting(&mut bench);
        bench.unplug(ap(1));
        bench.input(Input::Ordered { order: Order::Approve, number });
        bench.pass(2 * DAY);
        let log = bench.take_log();
        assert!(!log.iter().any(|line| line.starts_with("push")), "{log:?}");
        assert!(bench.records.is_empty(), "{:?}", bench.records);
    }

    #[test]
    fn nobody_approves_it_for_a_day_or_somebody_rejects_it() {
        for is_rejected in [false, true] {
            let mut bench = Bench::new(careful(Some(1)));
            let number = waiting(&mut bench);
            if is_rejected {
                order(&mut bench, Order::Reject);
                assert_eq!(bench.take_log(), ["reject ge-0/0/7"]);
            }
            bench.pass(DAY + 3_600);
            let late = "refused ge-0/0/7=ap: nobody approved it within 24 hours";
            let told: &[&str] = if is_rejected { &[] } else { &[late] };
            assert_eq!(bench.take_log(), told);
            // It is asked about again only when there is news of it.
            bench.pass(3 * DAY);
            bench.ap_event(ap(1), Cause::Came);
            bench.pass(100);
            assert_eq!(bench.take_log(), [""; 0]);
            // A person may change their mind.
            bench.input(Input::Ordered { order: Order::Approve, number });
            bench.pass(70);
            assert_eq!(bench.take_log(), ["approve ge-0/0/7", "push ge-0/0/7=ap"]);
        }
    }

    #[test]
    fn a_change_is_undone_and_left_so_until_there_is_news_also_after_a_restart() {
        for is_stopped in [false, true] {
            let mut bench = changed();
            if is_stopped {
                bench.input(Input::Stop(true));
                bench.take_log();
            }
            order(&mut bench, Order::Undo);
            bench.pass(6);
            let back = "push ge-0/0/7=default (was ge-0/0/7)";
            assert_eq!(bench.take_log(), ["undo ge-0/0/7", back]);
            bench.obey();
            assert_eq!(bench.take_log(), ["settled ge-0/0/7=default after 6s"]);
            bench.input(Input::Stop(false));
            let records: Vec<_> = bench.records.values().cloned().collect();
            for _ in 0..2 {
                bench.pass(3 * 3_600);
                bench.ap_event(ap(1), Cause::Came);
                bench.pass(100);
                let log = bench.take_log();
                assert!(!log.iter().any(|line| line.starts_with("push")), "{log:?}");
                bench.restart(careful(Some(0)), records.clone());
            }
            bench.unplug(ap(1));
            bench.pass(100);
            bench.plug(ap(1), switch_port(1, 7));
            bench.pass(100);
            let log = bench.take_log();
            assert!(log.contains(&"push ge-0/0/7=ap".into()), "{log:?}");
        }
    }

    #[test]
    fn a_port_that_was_given_back_gets_its_trunk_again() {
        let mut bench = changed();
        bench.unplug(ap(1));
        bench.pass(70);
        bench.obey();
        bench.take_log();
        order(&mut bench, Order::Undo);
        bench.pass(6);
        bench.obey();
        let settled = "settled ge-0/0/7=ap after 6s";
        assert_eq!(bench.take_log(), ["undo ge-0/0/7", "push ge-0/0/7=ap", settled]);
        bench.pass(DAY);
        assert_eq!(bench.take_log(), [""; 0], "nobody is there, and it is left so");
    }

    #[test]
    fn what_others_changed_since_is_not_undone() {
        let mut bench = changed();
        bench.is_foreign = true;
        order(&mut bench, Order::Undo);
        bench.pass(6);
        let told =
            "refused ge-0/0/7=ap: it is not undone: the port does not have what the change left";
        assert_eq!(bench.take_log(), ["undo ge-0/0/7", told]);
        // Numbers that mean nothing do nothing.
        for order in Order::ALL {
            bench.input(Input::Ordered { order, number: 1 });
        }
        assert_eq!(bench.take_log(), [""; 0]);
    }

    #[test]
    fn three_ports_of_a_switch_fail_in_a_row_and_everything_stops() {
        let mut bench = Bench::new(careful(Some(0)));
        let message = || String::from("no such profile");
        for port in 1..=3 {
            bench.plug(ap(port), switch_port(1, port.into()));
            bench.pass(70);
            bench.fail(&Pushed::Failed(Failure::Rejected { message: message() }));
        }
        let log = bench.take_log();
        let switch = switch_port(1, 1).switch;
        let why =
            format!("stop: too many changes failed in a row on {switch}: 3 (ports.abort_after)");
        assert!(log.contains(&why) && log.contains(&"stopped: true".into()), "{log:?}");
        // The same port again and again is no row.
        let mut bench = Bench::new(careful(Some(0)));
        bench.plug(ap(1), switch_port(1, 1));
        for _ in 0..5 {
            bench.pass(3_600);
            bench.fail(&Pushed::Failed(Failure::Rejected { message: message() }));
        }
        bench.input(Input::Configured(Box::new(careful(Some(0)))));
        let log = bench.take_log();
        assert!(!log.iter().any(|line| line.starts_with("stop")), "{log:?}");
    }
}
