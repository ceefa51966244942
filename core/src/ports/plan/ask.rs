//! The questions of the probes and their answers, which also say what switches there are.

use super::{Asker, Plan, SWITCHES_MAX, output::Output, state::Line};
use crate::{
    base::{mac::Mac, machine::Machine, time::Instant},
    ports::{
        decide::Check,
        outage::Share,
        probe::{self, Subject},
        question::{Answer, Location, Question},
        switch_port::Switch,
    },
};

impl Plan {
    pub(super) fn ask(
        &mut self,
        now: Instant,
        subject: Subject,
        asked: u64,
        question: probe::Question,
    ) {
        let question = match question {
            probe::Question::Port(switch_port) => {
                let switch = self.lines.get(&switch_port.switch).map(|line| line.switch.clone());
                Question::Port { switch_port, switch }
            }
            probe::Question::Share(ap) => return self.share(now, ap, asked),
            probe::Question::Location(ap, site) => Question::Location { ap, site },
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
            let answer = probe::Answer::Share(share);
            probe.handle_input(now, probe::Input::Answered { id: asked, answer });
        }
    }

    pub(super) fn counted(&self, ap: Mac) -> Option<Share> {
        match &self.config.probe.check {
            Check::Outage(policy) => self.losses.share(policy, ap),
            Check::Lldp | Check::None => None,
        }
    }

    pub(super) fn answered(&mut self, now: Instant, id: u64, answer: Answer) {
        let (subject, id) = match self.asked.remove(&id) {
            Some(Asker::Inventory) => return self.compare_inventory(now, answer),
            Some(Asker::Probe(subject, id)) => (subject, id),
            None => return,
        };
        let answer = match answer {
            Answer::Port(seen) => {
                let neighbor = seen.as_ref().and_then(|sighting| sighting.neighbor);
                let is_ap = neighbor.and_then(|neighbor| self.is_ap(neighbor));
                if let Some(sighting) = &seen {
                    self.know(&sighting.switch);
                }
                probe::Answer::Port { seen, is_ap }
            }
            Answer::Location(location) => {
                self.know_all(&location);
                probe::Answer::Location(location)
            }
            Answer::Inventory(_) | Answer::Unanswered => probe::Answer::Unanswered,
        };
        if self.probes.contains_key(&subject) {
            self.handle_probe(now, subject, probe::Input::Answered { id, answer });
        }
    }

    /// Whether this is an access point; `None` until an inventory has named them all.
    pub(super) fn is_ap(&self, mac: Mac) -> Option<bool> {
        let is_known = self.losses.knows(mac) || self.probes.contains_key(&Subject::Ap(mac));
        (is_known || self.inventory.answered_at.is_some()).then_some(is_known)
    }

    pub(super) fn know_all(&mut self, location: &Location) {
        for sighting in &location.seen {
            self.know(&sighting.switch);
        }
        if let Some(hint) = &location.hint {
            self.know(&hint.switch);
        }
    }

    /// Takes note of what is known of a switch.
    pub(super) fn know(&mut self, switch: &Switch) {
        if let Some(line) = self.lines.get_mut(&switch.mac) {
            if line.switch != *switch {
                line.switch = switch.clone();
            }
        } else if self.lines.len() < SWITCHES_MAX {
            self.lines.insert(switch.mac, Line::new(switch.clone()));
        } else {
            self.overflow();
        }
    }
}
