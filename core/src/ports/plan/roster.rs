//! The comparison with what Mist knows of everything: at the start, every hour, and where it is not
//! known how many access points a site has.

use alloc::{collections::BTreeSet, vec::Vec};
use core::time::Duration;

use super::{Asker, Due, Plan, output::Output};
use crate::{
    base::{
        backoff::Backoff,
        mac::Mac,
        time::{Instant, UnixTime},
    },
    ports::{
        place::{Mode, Place},
        question::{Answer, Entry, Question},
        watch::{self, Cause, Subject, Watch},
    },
};

/// The wait after the first failure, doubled after each further one up to `reconcile_after`.
const RETRY_FIRST: Duration = Duration::from_secs(60);

impl Plan {
    pub(super) fn ask_roster(&mut self, now: Instant) {
        if self.roster.asked.is_some() {
            return;
        }
        self.timers.set(Due::Roster, None);
        self.roster.asked = Some((now, self.wall(now)));
        let id = self.next_id();
        self.asked.insert(id, Asker::Roster);
        self.outputs.push_back(Output::Ask { id, question: Question::Roster });
    }

    pub(super) fn rostered(&mut self, now: Instant, answer: Answer) {
        let Some((asked_at, wall)) = self.roster.asked.take() else {
            return;
        };
        let after = match answer {
            Answer::Roster(entries) => {
                self.roster.failures = 0;
                self.roster.answered_at = Some(now);
                self.is_overflowing = false;
                self.compare(now, asked_at, wall, entries);
                self.config.reconcile_after
            }
            Answer::Port(_) | Answer::Unanswered | Answer::Whereabouts(_) => {
                self.roster.failures = self.roster.failures.saturating_add(1);
                let cap = self.config.reconcile_after;
                let retry = Backoff { first: RETRY_FIRST.min(cap), cap };
                retry.jittered(self.roster.failures, &mut self.rand)
            }
        };
        self.timers.set(Due::Roster, Some(now + after));
        for (ap, id) in core::mem::take(&mut self.roster.waiting) {
            let answer = watch::Answer::Share(self.counted(ap));
            self.tell_watch(now, Subject::Ap(ap), watch::Input::Answered { id, answer });
        }
    }

    fn compare(&mut self, now: Instant, asked_at: Instant, wall: UnixTime, entries: Vec<Entry>) {
        // One that Mist never heard of was lost before everybody else.
        let lost_at = |entry: &Entry| {
            (!entry.is_connected).then(|| entry.last_seen.unwrap_or(UnixTime::from_secs(0)))
        };
        let aps = entries.iter().map(|entry| (entry.ap, entry.site.as_str(), lost_at(entry)));
        self.losses.count(wall, aps);
        self.forget_switches();
        let mut listed = BTreeSet::new();
        for entry in entries {
            listed.insert(entry.ap);
            let subject = Subject::Ap(entry.ap);
            if entry.is_connected && self.config.ignored_sites.contains(&entry.site) {
                // It is none of our business any more, but the port that it may have left is.
                if let Some(home) = self.home(entry.ap) {
                    self.look_at(now, Subject::Port(home), Cause::Stale);
                }
                continue;
            }
            if !entry.is_connected && !self.watches.contains_key(&subject) {
                continue;
            }
            self.know_all(&entry.whereabouts);
            let whereabouts = entry.is_connected.then_some(entry.whereabouts);
            let home = self.home(entry.ap).and_then(|home| self.slots.get(&home));
            let is_settled = home.is_some_and(|slot| slot.port.mode() == Some(Mode::Ap));
            let rostered = watch::Input::Rostered { whereabouts, asked_at, is_settled };
            self.tell_watch(now, subject, rostered);
        }
        self.unlisted(now, asked_at, &listed);
        self.forsaken(now);
    }

    /// Switches that nothing is known to be plugged into make room for others.
    fn forget_switches(&mut self) {
        let kept: BTreeSet<Mac> = self.slots.keys().map(|place| place.switch).collect();
        self.lines.retain(|mac, line| kept.contains(mac) || !line.is_idle());
    }

    /// Access points that Mist does not have any more are lost, and then forgotten.
    fn unlisted(&mut self, now: Instant, asked_at: Instant, listed: &BTreeSet<Mac>) {
        let unlisted = |subject: &Subject| match subject {
            Subject::Ap(ap) => !listed.contains(ap),
            Subject::Port(_) => false,
        };
        let subjects: Vec<Subject> =
            self.watches.keys().copied().filter(|subject| unlisted(subject)).collect();
        for subject in subjects {
            let gone = watch::Input::Rostered { whereabouts: None, asked_at, is_settled: false };
            self.tell_watch(now, subject, gone);
            let is_empty = |watch: &Watch| watch.is_resting() && watch.home().is_none();
            if self.watches.get(&subject).is_some_and(is_empty) {
                self.watches.remove(&subject);
                if let Subject::Ap(ap) = subject {
                    self.unfound.remove(&ap);
                }
            }
        }
    }

    /// Ports that nobody is on and that are not as they should be, because we were interrupted or
    /// stuck.
    fn forsaken(&mut self, now: Instant) {
        let places: Vec<Place> = self
            .slots
            .iter()
            .filter(|(_, slot)| slot.ap.is_none() && slot.port.is_idle())
            .map(|(place, _)| *place)
            .collect();
        for place in places {
            self.look_at(now, Subject::Port(place), Cause::Stale);
        }
    }
}
