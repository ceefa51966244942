//! The questions of the probes, and the answers, from which the plan learns of switches.

use alloc::vec::Vec;

use super::{Asker, Plan, SWITCHES_MAX, input::TwoPorts, output::Output, state::SwitchQueue};
use crate::base::{mac::Mac, machine::Machine, order, time::Instant};
use crate::ports::decide::{Check, Reason};
use crate::ports::question::{Answer, Hint, Location, Question};
use crate::ports::switch_port::{Mode, Sighting, Switch, SwitchPort};
use crate::ports::{outage::Share, port::Want, probe, probe::Subject};

impl Plan {
    pub(super) fn ask(&mut self, now: Instant, subject: Subject, asked: u64, question: Question) {
        let question = match (question, subject) {
            (Question::Inventory, Subject::Ap(ap)) => return self.share(now, ap, asked),
            (Question::Port { switch_port, .. }, _) => {
                let switch = self.switch(switch_port.switch).cloned();
                Question::Port { switch_port, switch }
            }
            (question, _) => question,
        };
        let id = self.next_id();
        self.asked.insert(id, Asker::Probe(subject, asked));
        self.outputs.push_back(Output::Ask { id, question });
    }

    /// Answers from what is counted. If the site is not counted yet, the inventory is asked first.
    fn share(&mut self, now: Instant, ap: Mac, asked: u64) {
        let share = self.counted(ap);
        if share.is_none() && !self.inventory.is_fresh(now) {
            self.inventory.waiting.push((ap, asked));
            return self.ask_inventory(now);
        }
        if let Some(probe) = self.probes.get_mut(&Subject::Ap(ap)) {
            let answer = Answer::Share(share);
            probe.handle_input(now, probe::Input::Answered { id: asked, answer });
        }
    }

    pub(super) fn counted(&self, ap: Mac) -> Option<Share> {
        match &self.config.probe.check {
            Check::Outage(policy) => self.losses.share(policy, ap),
            Check::Lldp | Check::None => None,
        }
    }

    pub(super) fn answered(&mut self, now: Instant, id: u64, mut answer: Answer) {
        let (subject, id) = match self.asked.remove(&id) {
            Some(Asker::Inventory) => return self.compare_inventory(now, answer),
            Some(Asker::Probe(subject, id)) => (subject, id),
            None => return,
        };
        match &mut answer {
            Answer::Port(Some(sighting)) => {
                sighting.is_ap = sighting.neighbor.and_then(|neighbor| self.is_ap(neighbor));
                self.know(&sighting.switch);
            }
            Answer::Location(location) => {
                self.know_all(location);
                if let Subject::Ap(ap) = subject {
                    self.settle_location(now, ap, location);
                }
            }
            Answer::Port(None) | Answer::Inventory(_) | Answer::Share(_) | Answer::Unanswered => {}
        }
        if self.probes.contains_key(&subject) {
            self.handle_probe(now, subject, probe::Input::Answered { id, answer });
        }
    }

    /// Whether this is an access point; `None` until an inventory has named them all.
    pub(super) fn is_ap(&self, mac: Mac) -> Option<bool> {
        let is_known = self.losses.knows(mac) || self.probes.contains_key(&Subject::Ap(mac));
        (is_known || self.inventory.answered_at.is_some()).then_some(is_known)
    }

    /// Applies `one_sided_proof` and `two_ports` to where an access point is.
    pub(super) fn settle_location(&mut self, now: Instant, ap: Mac, location: &mut Location) {
        let Location { seen, hints } = location;
        let proof = |sighting: &Sighting| sighting.switch_port().filter(|_| sighting.proves(ap));
        if self.config.one_sided_proof {
            let hint = |sighting: &Sighting| {
                let port = proof(sighting)?.port;
                Some(Hint { switch: sighting.switch.clone(), port })
            };
            hints.extend(seen.iter().filter_map(hint));
        }
        let is_named = |at: &SwitchPort| hints.iter().any(|hint| hint.switch_port() == *at);
        let mut ports: Vec<SwitchPort> = seen.iter().filter_map(proof).filter(is_named).collect();
        order::sort_by_key(&mut ports, |port| *port);
        let current = self.current_port(ap).filter(|current| ports.contains(current));
        let first = current.or(ports.first().copied());
        let rule = self.config.two_ports;
        if first.is_none() || rule == TwoPorts::Tell {
            return;
        }
        seen.retain(|sighting| sighting.switch_port() == first);
        ports.retain(|at| rule == TwoPorts::Both && Some(*at) != first && !self.is_ignored(*at));
        let (mode, reason, proved_at) = (Mode::Ap, Reason::Arrived, Some(now));
        for other in ports {
            if self.make_slot(now, other) {
                self.want(now, other, Want { mode, ap: Some(ap), reason, since: now, proved_at });
            }
        }
    }

    pub(super) fn know_all(&mut self, location: &Location) {
        for sighting in &location.seen {
            self.know(&sighting.switch);
        }
        for hint in &location.hints {
            self.know(&hint.switch);
        }
    }

    /// Remembers a switch as it was last described.
    pub(super) fn know(&mut self, switch: &Switch) {
        if let Some(queue) = self.queues.get_mut(&switch.mac) {
            if queue.switch != *switch {
                queue.switch = switch.clone();
            }
        } else if self.queues.len() < SWITCHES_MAX {
            self.queues.insert(switch.mac, SwitchQueue::new(switch.clone()));
        } else {
            self.overflow();
        }
    }
}
