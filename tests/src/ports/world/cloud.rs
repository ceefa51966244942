//! The cloud in this world. It learns late, reports late, twice or never, and answers from what it
//! knows, if at all.

use core::{mem, time::Duration};

use mistgate_core::ports::ap_event::{ApEvent, Cause};
use mistgate_core::ports::question::{Answer, Entry, Hint, Location, Question};

use super::{Event, World, setting::wall};

/// How long an access point takes to connect, and how long the cloud takes to miss one.
const CONNECT_AFTER: Duration = Duration::from_secs(20);
const MISS_AFTER: Duration = Duration::from_secs(40);

impl World<'_> {
    /// Schedules the cloud's notice of a change to an access point.
    pub(super) fn changed(&mut self, ap: usize) {
        let is_alive = self.truth.is_alive(ap);
        let one = self.truth.ap_mut(ap);
        one.epoch += 1;
        let epoch = one.epoch;
        let after = if is_alive { CONNECT_AFTER } else { MISS_AFTER };
        self.at(after, Event::Noticed { ap, epoch, is_alive });
    }

    pub(super) fn noticed(&mut self, ap: usize, epoch: u64, is_alive: bool) {
        let seen = wall(self.now);
        let one = self.truth.ap_mut(ap);
        if one.epoch != epoch {
            return;
        }
        let was_connected = mem::replace(&mut one.is_connected, is_alive);
        one.last_seen = Some(seen);
        match (was_connected, is_alive) {
            (_, true) => self.webhook(ap, Cause::Came),
            (true, false) => self.webhook(ap, Cause::Lost),
            (false, false) => {}
        }
    }

    pub(super) fn webhook(&mut self, ap: usize, cause: Cause) {
        let site = self.truth.ap(ap).last_port.map(|at| self.site(at));
        let (ap, at) = (self.names.ap(ap), Some(wall(self.now)));
        let ap_event = ApEvent { ap, cause, site, at, ap_name: None, site_name: None };
        for _ in 0..self.bytes.pick(&[1, 1, 1, 1, 1, 1, 2, 0]) {
            let delay = self.bytes.pick(&[1, 0, 2, 3, 30, 90]);
            self.at(Duration::from_secs(delay), Event::Webhook(ap_event.clone()));
        }
    }

    fn site(&self, spot: usize) -> String {
        self.names.switch(self.size.switch_of(spot)).site.clone()
    }

    /// Schedules the answer to a question. It is true of the time of the question or of the answer.
    pub(super) fn asked(&mut self, id: u64, question: Question) {
        let after = if self.bytes.chance(8) { self.soon(120) } else { self.soon(5) };
        let run = self.run;
        let event = if self.bytes.chance(64) {
            Event::Answered { run, id, answer: self.answer(&question) }
        } else {
            Event::Asked { run, id, question }
        };
        self.at(after, event);
    }

    pub(super) fn answer(&mut self, question: &Question) -> Answer {
        let is_lost = self.bytes.chance(20) || self.fails_until > self.now;
        if is_lost {
            return Answer::Unanswered;
        }
        let is_late = self.bytes.chance(20);
        match question {
            Question::Port { switch_port, .. } => {
                let spot = self.names.spot(*switch_port);
                let sighting = |spot| self.truth.sighting(&self.names, self.now, spot, is_late);
                Answer::Port(spot.map(sighting))
            }
            Question::Inventory => {
                let all = 0..self.size.aps;
                Answer::Inventory(all.map(|ap| self.entry(ap, is_late)).collect())
            }
            Question::Location { ap, .. } => {
                let ap = self.names.ap_of(*ap).expect("an access point of ours");
                Answer::Location(self.location(ap, is_late))
            }
        }
    }

    fn entry(&self, ap: usize, is_late: bool) -> Entry {
        let one = self.truth.ap(ap);
        Entry {
            ap: self.names.ap(ap),
            site: self.site(one.last_port.unwrap_or_default()),
            is_connected: one.is_connected,
            last_seen: one.last_seen,
            location: self.location(ap, is_late),
        }
    }

    /// All ports whose neighbour it is or was, of the switches that the cloud knows, and what the
    /// access point reports itself.
    fn location(&self, ap: usize, is_late: bool) -> Location {
        let mut seen = self.truth.seen(&self.names, self.now, ap, is_late);
        let number = |mac| self.names.switch_of(mac).expect("a switch of ours");
        seen.retain(|sighting| !self.size.is_unknown(number(sighting.switch.mac)));
        let named = self.truth.ap(ap).at.filter(|_| self.truth.ap(ap).is_connected);
        let hints = named.map(|at| Hint {
            switch: self.names.switch(self.size.switch_of(at)).clone(),
            port: self.names.switch_port(at).port,
        });
        Location { seen, hints: hints.into_iter().collect() }
    }
}
