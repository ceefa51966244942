//! Questions of the watches, the answers, and what they tell of switches by the way.

use super::{Asker, Plan, SWITCHES_MAX, output::Output, state::Line};
use crate::{
    base::{mac::Mac, machine::Machine, time::Instant},
    ports::{
        decide::Check,
        outage::Share,
        place::Switch,
        question::{Answer, Question, Whereabouts},
        watch::{self, Subject},
    },
};

impl Plan {
    pub(super) fn ask(
        &mut self,
        now: Instant,
        subject: Subject,
        asked: u64,
        question: watch::Question,
    ) {
        let question = match question {
            watch::Question::Port(place) => {
                let switch = self.lines.get(&place.switch).map(|line| line.switch.clone());
                Question::Port { place, switch }
            }
            watch::Question::Share(ap) => return self.share(now, ap, asked),
            watch::Question::Whereabouts(ap, site) => Question::Whereabouts { ap, site },
        };
        let id = self.next_id();
        self.asked.insert(id, Asker::Watch(subject, asked));
        self.outputs.push_back(Output::Ask { id, question });
    }

    /// Answers from what is counted. Where the site is not counted, the roster may help.
    fn share(&mut self, now: Instant, ap: Mac, asked: u64) {
        let share = self.counted(ap);
        if share.is_none() && !self.roster.is_fresh(now) {
            self.roster.waiting.push((ap, asked));
            return self.ask_roster(now);
        }
        if let Some(watch) = self.watches.get_mut(&Subject::Ap(ap)) {
            let answer = watch::Answer::Share(share);
            watch.handle_input(now, watch::Input::Answered { id: asked, answer });
        }
    }

    pub(super) fn counted(&self, ap: Mac) -> Option<Share> {
        match &self.config.watch.check {
            Check::Outage(policy) => self.losses.share(policy, ap),
            Check::Lldp | Check::None => None,
        }
    }

    pub(super) fn answered(&mut self, now: Instant, id: u64, answer: Answer) {
        let (subject, id) = match self.asked.remove(&id) {
            Some(Asker::Roster) => return self.rostered(now, answer),
            Some(Asker::Watch(subject, id)) => (subject, id),
            None => return,
        };
        let answer = match answer {
            Answer::Port(seen) => {
                let neighbor = seen.as_ref().and_then(|sighting| sighting.neighbor);
                let is_ap = neighbor.and_then(|neighbor| self.is_ap(neighbor));
                if let Some(sighting) = &seen {
                    self.know(&sighting.switch);
                }
                watch::Answer::Port { seen, is_ap }
            }
            Answer::Whereabouts(whereabouts) => {
                self.know_all(&whereabouts);
                watch::Answer::Whereabouts(whereabouts)
            }
            Answer::Roster(_) | Answer::Unanswered => watch::Answer::Unanswered,
        };
        if self.watches.contains_key(&subject) {
            self.tell_watch(now, subject, watch::Input::Answered { id, answer });
        }
    }

    /// Whether this is an access point; nothing where that is not known, because no roster that
    /// names them all has come.
    pub(super) fn is_ap(&self, mac: Mac) -> Option<bool> {
        let is_known = self.losses.knows(mac) || self.watches.contains_key(&Subject::Ap(mac));
        (is_known || self.roster.answered_at.is_some()).then_some(is_known)
    }

    pub(super) fn know_all(&mut self, whereabouts: &Whereabouts) {
        for sighting in &whereabouts.seen {
            self.know(&sighting.switch);
        }
        if let Some(hint) = &whereabouts.hint {
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
