//! What nobody is to hear of: silences, mute times, and what is behind a device that is down.

use alloc::vec::Vec;
use core::time::Duration;

use super::entry::MutedBy;
use super::output::{Event, Output};
use super::silence::Until;
use super::{Incidents, LINKS_MAX};
use crate::base::mac::Mac;
use crate::notify::Severity;
use crate::notify::change::Key;
use crate::notify::types::condition::DEVICE_DOWN;

/// How often it is seen whether what a silence waits for has recovered.
const MINUTE: Duration = Duration::from_secs(60);

impl Incidents {
    /// Sees what mutes an incident.
    pub(super) fn mute(&mut self, key: Key) {
        let wall = self.wall();
        let Some(entry) = self.entries.get(&key) else { return };
        let incident = &entry.incident;
        let silence = || {
            let found = self.silences.iter().find(|(_, silence)| silence.covers(incident));
            found.map(|(number, _)| MutedBy::Silence(*number))
        };
        let mute = || {
            let mute = self.config.rules.mutes.iter().find(|mute| {
                (mute.critical_too || incident.severity < Severity::Critical)
                    && mute.matcher.matches(&incident.target())
                    && mute.period.left(wall).is_some()
            });
            mute.map(|mute| MutedBy::Time(mute.period.name.clone()))
        };
        let parent = || {
            let is_child = self.config.rules.mute_dependents && incident.condition() == DEVICE_DOWN;
            let parent = incident.mac.filter(|_| is_child && incident.is_open);
            let key = self.down.get(self.links.get(&parent?)?)?;
            // Of one that only streams take nobody would hear.
            let parent = self.entries.get(key).filter(|parent| !parent.to.is_empty())?;
            Some(MutedBy::Device(parent.incident.subject.clone()))
        };
        let parent = parent();
        let is_behind = parent.is_some();
        let muted_by = silence().or_else(mute).or(parent);
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.mute(self.now, muted_by, is_behind);
        }
    }

    /// Sees anew what mutes the devices that are down behind one.
    pub(super) fn mute_behind(&mut self, parent: Key) {
        let mac = self.entries.get(&parent).and_then(|entry| entry.incident.mac);
        let children = mac.and_then(|mac| self.children.get(&mac)).into_iter().flatten();
        let keys: Vec<Key> = children.filter_map(|child| self.down.get(child).copied()).collect();
        for key in keys {
            self.mute(key);
            self.turn(key);
        }
    }

    /// Notes who is behind whom.
    pub(super) fn link(&mut self, child: Mac, parent: Option<Mac>) {
        if let Some(earlier) = self.links.remove(&child)
            && let Some(children) = self.children.get_mut(&earlier)
        {
            children.remove(&child);
            if children.is_empty() {
                self.children.remove(&earlier);
            }
        }
        if let Some(parent) = parent.filter(|_| self.links.len() < LINKS_MAX) {
            self.links.insert(child, parent);
            self.children.entry(parent).or_default().insert(child);
        }
    }

    /// Looks at all incidents anew: silences, mute times, rules or the wall clock are others.
    pub(super) fn recheck(&mut self) {
        self.end_silences();
        let keys: Vec<Key> = self.entries.keys().copied().collect();
        for key in keys {
            self.mute(key);
            self.turn(key);
        }
        self.schedule();
    }

    /// Sets the timers that follow the wall clock.
    pub(super) fn schedule(&mut self) {
        let wall = self.wall();
        let rules = &self.config.rules;
        let changes = rules.mutes.iter().filter_map(|mute| mute.period.next_change(wall));
        let ends = self.silences.values().map(|silence| match silence.until {
            Until::Time(at) => at,
            Until::Recovered { .. } => wall.plus(MINUTE),
        });
        self.calendar_at = changes.chain(ends).min().map(|at| self.moment(at));
        let report = rules.report.as_ref().and_then(|report| report.next(wall));
        self.report_at = report.map(|at| self.moment(at));
    }

    /// Ends the silences that are over.
    fn end_silences(&mut self) {
        let wall = self.wall();
        let mut ended = Vec::new();
        for (number, silence) in &self.silences {
            let is_over = match silence.until {
                Until::Time(at) => at <= wall,
                Until::Recovered { .. } => !self
                    .entries
                    .values()
                    .any(|entry| entry.is_open() && silence.covers(&entry.incident)),
            };
            if is_over {
                ended.push(*number);
            }
        }
        for number in ended {
            self.silences.remove(&number);
            self.outputs.push_back(Output::KeepSilence { number, silence: None });
            self.outputs.push_back(Output::Event(Event::SilenceOver(number)));
        }
    }
}
