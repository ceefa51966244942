//! What follows from the end of a look: who is where, and what their ports shall be.

use core::{mem, time::Duration};

use super::{Plan, WATCHED_MAX, state::Slot};
use crate::{
    base::{mac::Mac, machine::Machine, time::Instant},
    ports::{
        decide::Reason,
        place::{Mode, Place, Switch},
        port::{self, Port, Want},
        report::Report,
        watch::{self, Cause, Conclusion, Subject},
    },
};

/// How long after it was told that an access point cannot be found it is told again.
const UNFOUND_AGAIN: Duration = Duration::from_secs(86_400);

impl Plan {
    pub(super) fn concluded(
        &mut self,
        now: Instant,
        subject: Subject,
        conclusion: Conclusion,
        since: Instant,
    ) {
        match (conclusion, subject) {
            (Conclusion::Taken { ap, place, reason }, _) => {
                self.take(now, subject, ap, place, reason, since);
            }
            (Conclusion::Released { place, reason }, Subject::Ap(ap)) => {
                self.vacate(now, place, ap, reason, since);
            }
            (Conclusion::Released { place, reason }, Subject::Port(_)) => {
                self.free(now, place, reason, since);
            }
            (Conclusion::Kept { home: Some(place), reason: Reason::SamePort }, Subject::Ap(ap)) => {
                self.confirm(now, place, ap, since);
            }
            (Conclusion::Kept { home: Some(place), reason }, Subject::Ap(ap)) => {
                if self.is_news(place, reason) {
                    let switch = self.known(place.switch);
                    self.report(Report::Kept { ap, place, switch, reason });
                }
            }
            // There is nothing to keep.
            (Conclusion::Kept { .. }, _) => {}
            (Conclusion::Undecided(reason), _) => self.undecided(now, subject, reason),
        }
        if let Conclusion::Released { reason: Reason::OtherNeighbor(other), .. } = conclusion
            && self.is_ap(other) == Some(true)
        {
            // Whose own event may have been lost.
            self.look_at(now, Subject::Ap(other), Cause::Stale);
        }
    }

    fn undecided(&mut self, now: Instant, subject: Subject, reason: Reason) {
        let (place, is_news) = match subject {
            Subject::Ap(ap) => match self.home(ap) {
                Some(home) => (Some(home), self.is_news(home, reason)),
                None => (None, self.is_news_of_the_day(now, ap, reason)),
            },
            Subject::Port(place) => (Some(place), self.is_news(place, reason)),
        };
        if is_news {
            let switch = place.and_then(|place| self.known(place.switch));
            self.report(Report::Undecided { subject, switch, reason });
        }
    }

    /// Whether it was not told within the last day that an access point, of which no port is known,
    /// cannot be found for this reason. Behind a switch that Mist does not know it is looked for in
    /// vain at each restart, and where it names a port itself, every hour.
    fn is_news_of_the_day(&mut self, now: Instant, ap: Mac, reason: Reason) -> bool {
        let told = self.unfound.entry(ap).or_default();
        let is_news = told.get(reason.name()).is_none_or(|told_at| *told_at + UNFOUND_AGAIN <= now);
        if is_news {
            told.insert(reason.name(), now);
        }
        is_news
    }

    /// What is known of a switch.
    fn known(&self, mac: Mac) -> Option<Switch> {
        self.lines.get(&mac).map(|line| line.switch.clone())
    }

    /// Whether the last look at a port did not end for the same reason. Every hour has a look.
    fn is_news(&mut self, place: Place, reason: Reason) -> bool {
        let told = self.slots.get_mut(&place).and_then(|slot| slot.told.replace(reason));
        told.is_none_or(|told| mem::discriminant(&told) != mem::discriminant(&reason))
    }

    /// An access point is on a port.
    fn take(
        &mut self,
        now: Instant,
        subject: Subject,
        ap: Mac,
        place: Place,
        reason: Reason,
        since: Instant,
    ) {
        let before = match (subject, reason) {
            (Subject::Ap(_), Reason::Moved(from)) => Some(from),
            (Subject::Ap(_), _) => None,
            (Subject::Port(_), _) => self.home(ap),
        };
        let is_ours = !self.is_ignored(place) && self.make_slot(now, place);
        if !is_ours {
            self.tell_watch_if_any(now, ap, watch::Input::Displaced);
        } else if subject != Subject::Ap(ap) {
            self.tell_watch(now, Subject::Ap(ap), watch::Input::Restored(place));
        }
        if let Some(from) = before.filter(|from| *from != place) {
            self.vacate(now, from, ap, Reason::MovedAway(place), since);
        }
        if !is_ours {
            return;
        }
        self.unfound.remove(&ap);
        let other = self.slots.get_mut(&place).and_then(|slot| slot.ap.replace(ap));
        if let Some(other) = other.filter(|other| *other != ap) {
            self.tell_watch_if_any(now, other, watch::Input::Displaced);
        }
        self.want(now, place, ap, reason, since);
    }

    /// An access point is where it was. Where its port is as it shall be, that is all. Else it is
    /// no reason for a change: why one was wanted stays true, and a port that none is wanted of yet
    /// is to be changed because the access point is seen there.
    fn confirm(&mut self, now: Instant, place: Place, ap: Mac, since: Instant) {
        let wanted = self.slots.get(&place).and_then(|slot| slot.port.wanted());
        let same = wanted.filter(|want| want.mode == Mode::Ap && want.ap == Some(ap));
        let reason = same.map_or(Reason::Arrived, |want| want.reason);
        self.want(now, place, ap, reason, since);
    }

    fn want(&mut self, now: Instant, place: Place, ap: Mac, reason: Reason, since: Instant) {
        if let Some(slot) = self.slots.get_mut(&place) {
            slot.told = None;
        }
        let proved_at = Some(now);
        let want = Want { mode: Mode::Ap, ap: Some(ap), reason, since, proved_at };
        self.tell_port(now, place, port::Input::Wanted(want));
    }

    /// An access point left a port, unless another one is there.
    fn vacate(&mut self, now: Instant, place: Place, ap: Mac, reason: Reason, since: Instant) {
        let Some(slot) = self.slots.get_mut(&place) else {
            return;
        };
        if slot.ap.take_if(|there| *there == ap).is_none() {
            return;
        }
        if slot.port.is_idle() && !slot.port.is_touched() {
            // It was never changed for the access point, so nothing is to be given back.
            self.keep(place);
        } else {
            self.want_default(now, place, Some(ap), reason, since);
        }
    }

    /// Nobody is on a port.
    fn free(&mut self, now: Instant, place: Place, reason: Reason, since: Instant) {
        if self.is_ignored(place) || !self.make_slot(now, place) {
            return;
        }
        let ap = self.slots.get_mut(&place).and_then(|slot| slot.ap.take());
        if let Some(ap) = ap {
            self.tell_watch_if_any(now, ap, watch::Input::Displaced);
        }
        self.want_default(now, place, ap, reason, since);
    }

    fn want_default(
        &mut self,
        now: Instant,
        place: Place,
        ap: Option<Mac>,
        reason: Reason,
        since: Instant,
    ) {
        let proved_at = reason.is_seen().then_some(now);
        let want = Want { mode: Mode::Default, ap, reason, since, proved_at };
        self.tell_port(now, place, port::Input::Wanted(want));
    }

    fn tell_watch_if_any(&mut self, now: Instant, ap: Mac, input: watch::Input) {
        if self.watches.contains_key(&Subject::Ap(ap)) {
            self.tell_watch(now, Subject::Ap(ap), input);
        }
    }

    /// Whether a port is none of our business because of its site, and never was.
    fn is_ignored(&self, place: Place) -> bool {
        let line = self.lines.get(&place.switch);
        line.is_some_and(|line| self.config.ignored_sites.contains(&line.switch.site))
            && !self.slots.contains_key(&place)
    }

    /// Whether there is a slot for the port, if need be a new one.
    pub(super) fn make_slot(&mut self, now: Instant, place: Place) -> bool {
        if self.slots.contains_key(&place) {
            return true;
        }
        if self.slots.len() >= WATCHED_MAX || !self.lines.contains_key(&place.switch) {
            self.overflow();
            return false;
        }
        let port = Port::new(self.config.port, self.rand.next_u64(), now);
        self.slots.insert(place, Slot::new(port));
        true
    }
}
