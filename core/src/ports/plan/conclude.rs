//! Acts on the decision of a probe: which port an access point is on, and which modes the ports
//! should get.

use core::{mem, time::Duration};

use super::{PROBES_MAX, Plan, input::TwoPorts, state::Slot};
use crate::ports::switch_port::{Mode, Switch, SwitchPort};
use crate::ports::{decide::Decision, decide::Reason, name::PortName, port::Port, port::Want};
use crate::ports::{port, probe, probe::Subject, report::Report};
use crate::{base::mac::Mac, base::machine::Machine, base::time::Instant, ports::ap_event::Cause};

/// After this time it is reported again that an access point cannot be found.
const UNFOUND_AGAIN: Duration = Duration::from_secs(86_400);

impl Plan {
    pub(super) fn concluded(
        &mut self,
        now: Instant,
        subject: Subject,
        decision: Decision,
        since: Instant,
    ) {
        let want = |mode, ap, reason: Reason| Want {
            mode,
            ap,
            reason,
            since,
            proved_at: reason.is_seen().then_some(now),
        };
        match (decision, subject) {
            // What its switch says is one side. It is asked itself too.
            (Decision::Take { ap, switch_port, .. }, Subject::Port(_))
                if self.slots.get(&switch_port).is_none_or(|slot| slot.ap != Some(ap))
                    && (!self.config.one_sided_proof
                        || self.config.two_ports == TwoPorts::Both) =>
            {
                self.look_at(now, Subject::Ap(ap), Cause::Stale);
            }
            (Decision::Take { ap, switch_port, reason }, _) => {
                self.take(now, subject, ap, switch_port, want(Mode::Ap, Some(ap), reason));
            }
            (Decision::Release { switch_port, reason }, Subject::Ap(ap)) => {
                self.clear_port(now, switch_port, want(Mode::Default, Some(ap), reason));
            }
            (Decision::Release { switch_port, reason }, Subject::Port(_)) => {
                self.free(now, switch_port, want(Mode::Default, None, reason));
            }
            (Decision::Keep(reason), Subject::Ap(ap)) => {
                if let Some(switch_port) = self.current_port(ap) {
                    self.stay(now, switch_port, ap, want(Mode::Ap, Some(ap), reason));
                }
            }
            (Decision::AskAgain(reason), _) => self.undecided(now, subject, reason),
            (Decision::Keep(_) | Decision::Follow(_), _) => {}
        }
        if let Decision::Release { reason: Reason::OtherNeighbor(other), .. } = decision
            && self.is_ap(other) == Some(true)
        {
            // The event of that access point may have been lost.
            self.look_at(now, Subject::Ap(other), Cause::Stale);
        }
    }

    fn undecided(&mut self, now: Instant, subject: Subject, reason: Reason) {
        let (switch_port, is_news) = match subject {
            Subject::Ap(ap) => match self.current_port(ap) {
                Some(current_port) => (Some(current_port), self.is_news(current_port, reason)),
                None => (None, self.is_news_of_the_day(now, ap, reason)),
            },
            Subject::Port(switch_port) => (Some(switch_port), self.is_news(switch_port, reason)),
        };
        if is_news {
            let switch =
                switch_port.and_then(|switch_port| self.switch(switch_port.switch).cloned());
            self.report(Report::Undecided { subject, switch, reason });
        }
    }

    /// Whether it was not reported within the last day that an access point without a known port
    /// cannot be found for this reason. Behind a switch that Mist does not know, it is looked for
    /// in vain at each restart, or every hour if it names a port itself.
    fn is_news_of_the_day(&mut self, now: Instant, ap: Mac, reason: Reason) -> bool {
        let reported = self.unfound.entry(ap).or_default();
        let is_news = reported.get(reason.name()).is_none_or(|at| *at + UNFOUND_AGAIN <= now);
        if is_news {
            reported.insert(reason.name(), now);
        }
        is_news
    }

    /// Whether the last report about a port had another reason. Each hour looks at the port again.
    fn is_news(&mut self, switch_port: SwitchPort, reason: Reason) -> bool {
        let slot = self.slots.get_mut(&switch_port);
        let last = slot.and_then(|slot| slot.last_reason.replace(reason));
        last.is_none_or(|last| mem::discriminant(&last) != mem::discriminant(&reason))
    }

    /// An access point is on a port.
    fn take(&mut self, now: Instant, subject: Subject, ap: Mac, at: SwitchPort, want: Want) {
        let before = match (subject, want.reason) {
            (Subject::Ap(_), Reason::Moved(from)) => Some(from),
            (Subject::Ap(_), _) => None,
            (Subject::Port(_), _) => self.current_port(ap),
        };
        let is_ours = !self.is_ignored(at) && self.make_slot(now, at);
        if !is_ours {
            self.handle_probe_if_any(now, ap, probe::Input::Displaced);
        } else if subject != Subject::Ap(ap) {
            self.handle_probe(now, Subject::Ap(ap), probe::Input::Restored(at));
        }
        if let Some(from) = before.filter(|from| *from != at) {
            let left = Want { mode: Mode::Default, reason: Reason::MovedAway(at), ..want };
            self.clear_port(now, from, left);
        }
        if !is_ours {
            return;
        }
        self.unfound.remove(&ap);
        let slot = self.slots.get_mut(&at);
        let other = slot.and_then(|slot| {
            slot.left = slot.left.filter(|_| slot.ap == Some(ap));
            slot.ap.replace(ap)
        });
        if let Some(other) = other.filter(|other| *other != ap) {
            self.handle_probe_if_any(now, other, probe::Input::Displaced);
        }
        self.want(now, at, want);
    }

    /// An access point stays on its port. If it was seen there, the port should have mode `ap`; the
    /// reason of a change that is under way stays.
    fn stay(&mut self, now: Instant, switch_port: SwitchPort, ap: Mac, want: Want) {
        let reason = want.reason;
        if reason != Reason::SamePort {
            if self.is_news(switch_port, reason) {
                let switch = self.switch(switch_port.switch).cloned();
                self.report(Report::Kept { ap, switch_port, switch, reason });
            }
            return;
        }
        let wanted = self.slots.get(&switch_port).and_then(|slot| slot.port.wanted());
        let same = wanted.filter(|same| same.mode == Mode::Ap && same.ap == Some(ap));
        let reason = same.map_or(Reason::Arrived, |same| same.reason);
        self.want(now, switch_port, Want { reason, ..want });
    }

    pub(super) fn want(&mut self, now: Instant, switch_port: SwitchPort, want: Want) {
        let Some(slot) = self.slots.get_mut(&switch_port) else { return };
        if want.mode == Mode::Ap {
            slot.last_reason = None;
        }
        if !want.reason.is_by_person() && slot.left.is_some_and(|(_, left)| left == want.mode) {
            return self.keep(now, switch_port);
        }
        // Any other mode is news, but for the one that the person gave it.
        slot.left = slot.left.filter(|_| want.reason == Reason::Undo);
        self.handle_port(now, switch_port, port::Input::Wanted(want));
    }

    /// Lets the change of a port be judged and pushed at once.
    pub(super) fn manual(&mut self, now: Instant, switch: &Switch, port: PortName, mode: Mode) {
        self.know(switch);
        let switch_port = SwitchPort { switch: switch.mac, port };
        if self.make_slot(now, switch_port) {
            let slot = self.slots.get(&switch_port);
            let ap = slot.and_then(|slot| slot.ap).filter(|_| mode == Mode::Ap);
            let want = Want { mode, ap, reason: Reason::Manual, since: now, proved_at: None };
            self.want(now, switch_port, want);
            self.push(now, switch.mac);
        }
    }

    /// An access point left a port, unless another one is there.
    fn clear_port(&mut self, now: Instant, switch_port: SwitchPort, want: Want) {
        let slot = self.slots.get_mut(&switch_port);
        let Some(slot) = slot.filter(|slot| slot.ap.is_some() && slot.ap == want.ap) else {
            return;
        };
        (slot.ap, slot.left) = (None, None);
        if slot.port.is_idle() && !slot.port.is_touched() {
            // It was never changed, so it need not be changed back.
            self.keep(now, switch_port);
        } else {
            self.want(now, switch_port, want);
        }
        if self.config.two_ports == TwoPorts::Both {
            // Its other ports have nobody's name.
            self.recheck_stale_ports(now);
        }
    }

    /// No access point is on a port.
    fn free(&mut self, now: Instant, switch_port: SwitchPort, want: Want) {
        if self.is_ignored(switch_port) || !self.make_slot(now, switch_port) {
            return;
        }
        let ap = self.slots.get_mut(&switch_port).and_then(|slot| slot.ap.take());
        if let Some(ap) = ap {
            self.handle_probe_if_any(now, ap, probe::Input::Displaced);
        }
        self.want(now, switch_port, Want { ap, ..want });
    }

    fn handle_probe_if_any(&mut self, now: Instant, ap: Mac, input: probe::Input) {
        if self.probes.contains_key(&Subject::Ap(ap)) {
            self.handle_probe(now, Subject::Ap(ap), input);
        }
    }

    /// Whether a port is ignored because of its site. A port that we know already is not.
    pub(super) fn is_ignored(&self, switch_port: SwitchPort) -> bool {
        let queue = self.queues.get(&switch_port.switch);
        queue.is_some_and(|queue| self.config.ignored_sites.contains(&queue.switch.site))
            && !self.slots.contains_key(&switch_port)
    }

    /// Makes a slot for the port, unless there is one. Returns whether there is room.
    pub(super) fn make_slot(&mut self, now: Instant, switch_port: SwitchPort) -> bool {
        if self.slots.contains_key(&switch_port) {
            return true;
        }
        if self.slots.len() >= PROBES_MAX || !self.queues.contains_key(&switch_port.switch) {
            self.overflow();
            return false;
        }
        let port = Port::new(self.config.port, self.rand.next_u64(), now);
        self.slots.insert(switch_port, Slot { port, ..Slot::default() });
        true
    }
}
