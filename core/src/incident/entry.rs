//! One incident in memory: how events change it, and how it is to be shown.

use alloc::{collections::VecDeque, vec::Vec};
use core::time::Duration;

use super::{config::Rules, input::Changed, input::Name, record::Incident, teller::Wanted};
use crate::base::time::{Instant, UnixTime};
use crate::{notify::Severity, notify::summary::Shown, silence::MutedBy};

/// How long an incident is kept that is over.
const KEPT: Duration = Duration::from_secs(7 * 86_400);

/// What an event did to an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    Came,
    /// It says what is known, or is older. `is_kept` if the store is to know more of it.
    Counted {
        is_kept: bool,
    },
    /// The incident was over long ago, and is still.
    Unrelated,
    Went,
    /// It is open as before, with a higher severity.
    Worse,
}

/// An incident, and what this run knows of it.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) incident: Incident,
    /// When it last came or went, by our clock.
    pub(super) since: Instant,
    /// When this run last heard of it, or began to know it.
    heard_at: Instant,
    /// How long before that it was over, if an earlier run left it so.
    age: Duration,
    /// When it last came, the latest last; no more than count as flapping.
    raised_at: VecDeque<Instant>,
    pub(super) is_flapping: bool,
    pub(super) muted_by: Option<MutedBy>,
    /// Whether it is behind a device that is down, whatever else mutes it.
    is_behind: bool,
    /// Who is told of it.
    pub(super) to: Vec<Name>,
    /// When it was first told.
    pub(super) told_since: Option<Instant>,
    /// Its place among the timers.
    pub(super) turn_at: Option<Instant>,
}

impl Entry {
    /// An incident that begins, or that an earlier run left: its hold begins now. `age` is how long
    /// it has been over.
    pub(super) fn new(incident: Incident, to: Vec<Name>, now: Instant, age: Duration) -> Self {
        Self {
            incident,
            since: now,
            heard_at: now,
            age,
            raised_at: VecDeque::new(),
            is_flapping: false,
            muted_by: None,
            is_behind: false,
            to,
            told_since: None,
            turn_at: None,
        }
    }

    /// An incident that begins with an event.
    pub(super) fn begun(incident: Incident, to: Vec<Name>, now: Instant) -> Self {
        Self { raised_at: VecDeque::from([now]), ..Self::new(incident, to, now, Duration::ZERO) }
    }

    /// Applies an event of `at`. `next_id` is for an incident that begins anew.
    pub(super) fn apply(
        &mut self,
        now: Instant,
        changed: &Changed,
        at: UnixTime,
        to: &[Name],
        rules: &Rules,
        next_id: u64,
    ) -> Effect {
        let Changed { change, severity, topic, .. } = changed;
        let incident = &mut self.incident;
        let is_recent = self.age + (now - self.since) <= rules.flap_window;
        if at < incident.changed_at {
            return Effect::Counted { is_kept: false };
        }
        self.heard_at = now;
        incident.is_unheard &= !change.is_raised;
        match (incident.is_open, change.is_raised) {
            (false, false) if is_recent => return Effect::Counted { is_kept: false },
            (false, false) => return Effect::Unrelated,
            (true, true) => {
                let is_kept = incident.note_source(topic, change.kind);
                let is_worse = *severity > incident.severity;
                if is_worse {
                    (incident.severity, incident.kind) = (*severity, change.kind);
                }
                self.tell_also(to);
                return if is_worse { Effect::Worse } else { Effect::Counted { is_kept } };
            }
            (true, false) | (false, true) => {}
        }
        if !change.is_raised {
            (incident.is_open, incident.changed_at) = (false, at);
            (self.since, self.age) = (now, Duration::ZERO);
            return Effect::Went;
        }
        if is_recent {
            incident.times = incident.times.saturating_add(1);
            incident.severity = incident.severity.max(*severity);
            (incident.is_open, incident.changed_at, incident.kind) = (true, at, change.kind);
            self.tell_also(to);
        } else {
            let incident = Incident::new(next_id, change, *severity, at);
            let begun = Self::new(incident, to.to_vec(), now, Duration::ZERO);
            *self = Self { turn_at: self.turn_at, ..begun };
        }
        self.incident.note_source(topic, change.kind);
        (self.since, self.age) = (now, Duration::ZERO);
        self.raised_at.push_back(now);
        self.raised_at.retain(|raised_at| now - *raised_at <= rules.flap_window);
        while self.raised_at.len() > rules.flap_count {
            self.raised_at.pop_front();
        }
        self.is_flapping |= self.raised_at.len() >= rules.flap_count && !rules.hold.is_zero();
        Effect::Came
    }

    /// When it is over because nothing was heard of it.
    pub(super) fn unheard_at(&self, rules: &Rules) -> Option<Instant> {
        rules.unheard_after.filter(|_| self.incident.is_open).map(|after| self.heard_at + after)
    }

    /// Ends what nothing was heard of for too long. Returns whether it has.
    pub(super) fn give_up(&mut self, now: Instant, wall: UnixTime, rules: &Rules) -> bool {
        let is_over = self.unheard_at(rules).is_some_and(|at| at <= now);
        if is_over {
            let incident = &mut self.incident;
            (incident.is_open, incident.is_unheard, incident.changed_at) = (false, true, wall);
            (self.since, self.age) = (now, Duration::ZERO);
        }
        is_over
    }

    /// Whether something is wrong: what flaps comes back.
    pub(super) const fn is_open(&self) -> bool {
        self.incident.is_open || self.is_flapping
    }

    /// Tells it to more destinations.
    pub(super) fn tell_also(&mut self, to: &[Name]) {
        for name in to {
            if !self.to.contains(name) {
                self.to.push(name.clone());
            }
        }
    }

    /// Notes what mutes it. What was behind a device that was down has a hold of its own to come
    /// back.
    pub(super) fn mute(&mut self, now: Instant, muted_by: Option<MutedBy>, is_behind: bool) {
        if self.is_behind && !is_behind && self.incident.is_open {
            self.since = now;
        }
        (self.muted_by, self.is_behind) = (muted_by, is_behind);
    }

    /// Notes that it no longer flaps, once it has stayed as it is for long enough.
    pub(super) fn settle(&mut self, now: Instant, rules: &Rules) {
        if self.is_flapping && self.changes_at(rules).is_some_and(|at| at <= now) {
            self.is_flapping = false;
            self.raised_at.clear();
        }
    }

    /// When time alone changes how it is to be shown, or that it is kept.
    pub(super) fn changes_at(&self, rules: &Rules) -> Option<Instant> {
        match (self.incident.is_open, self.is_flapping) {
            (true, true) => Some(self.since + rules.hold * 2),
            (false, true) => Some(self.since + rules.flap_window),
            (true, false) => Some(self.since + rules.hold),
            (false, false) => Some(self.since + KEPT.saturating_sub(self.age)),
        }
    }

    /// Whether it was over for so long that it is forgotten.
    pub(super) fn is_stale(&self, now: Instant) -> bool {
        !self.incident.is_open && self.since + KEPT.saturating_sub(self.age) <= now
    }

    /// How it is to be shown to those who are told of groups, or to the others.
    pub(super) fn wanted(&self, now: Instant, rules: &Rules, is_grouped: bool) -> Wanted {
        let Incident { is_open, severity, .. } = self.incident;
        let is_acknowledged = is_grouped && self.incident.acknowledged.is_some();
        if self.muted_by.is_some() {
            Wanted::Muted
        } else if !is_open && !self.is_flapping {
            Wanted::Shown(None)
        } else if !self.is_flapping
            && severity < Severity::Critical
            && now < self.since + rules.hold
        {
            Wanted::Held
        } else if is_acknowledged {
            Wanted::Shown(Some(Shown::Acknowledged(severity)))
        } else if self.is_flapping {
            Wanted::Shown(Some(Shown::Flapping(severity)))
        } else {
            Wanted::Shown(Some(Shown::Open(severity)))
        }
    }
}
