//! What nobody is to hear of: silences, mute times, and what is behind a device that is down.

use alloc::{sync::Arc, vec::Vec};

use super::{Incidents, entry::Entry, output::Event, output::Output, record::Incident};
use crate::base::mac::Mac;
use crate::notify::{Severity, change::Key, types::condition::DEVICE_DOWN};
use crate::silence::{MutedBy, Silence, Until};

impl Incidents {
    /// Sees what mutes an incident.
    pub(super) fn mute(&mut self, key: Key) {
        let wall = self.wall();
        let Some(entry) = self.entries.get(&key) else { return };
        let incident = &entry.incident;
        let silence = || {
            let covers = |silence: &Silence| silence.covers(incident.id, &incident.target());
            let found = self.silences.all().iter().find(|(_, silence)| covers(silence));
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
            let mac = incident.mac.filter(|_| is_child && incident.is_open)?;
            let parents = self.topology.parents(mac, incident.site_id.as_ref());
            let mut parents = parents.filter_map(|parent| self.entries.get(self.down.get(parent)?));
            // Of one that only streams take nobody would hear.
            let parent = parents.find(|parent| !parent.to.is_empty())?;
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
        let Some(entry) = self.entries.get(&parent) else { return };
        let Incident { mac: Some(mac), site_id, .. } = &entry.incident else { return };
        let children = self.topology.children(*mac);
        let mut keys: Vec<Key> =
            children.filter_map(|child| self.down.get(child)).copied().collect();
        let is_gateway = |site: &&Arc<str>| self.topology.is_only_gateway(*mac, site);
        if let Some(site) = site_id.as_ref().filter(is_gateway) {
            keys.extend(self.down_at(|other| other == site));
        }
        self.mute_all(keys);
    }

    /// The devices that are down at sites of these ids.
    fn down_at(&self, is_meant: impl Fn(&Arc<str>) -> bool) -> impl Iterator<Item = Key> {
        let site = |key| self.entries.get(key)?.incident.site_id.as_ref();
        self.down.values().filter(move |key| site(*key).is_some_and(&is_meant)).copied()
    }

    pub(super) fn mute_all(&mut self, keys: Vec<Key>) {
        for key in keys {
            self.mute(key);
            self.turn(key);
        }
    }

    /// Notes which gateway is the only one of its site. What is down is looked through once for all
    /// sites.
    pub(super) fn note_gateways(&mut self, gateways: Vec<(Arc<str>, Option<Mac>)>) {
        let changed = self.topology.set_gateways(gateways);
        if !changed.is_empty() {
            let keys = self.down_at(|site| changed.contains(site)).collect();
            self.mute_all(keys);
        }
    }

    /// Looks at all incidents anew: silences, mute times, rules or the wall clock are others.
    pub(super) fn recheck(&mut self) {
        self.end_silences();
        self.mute_all(self.entries.keys().copied().collect());
        self.schedule();
    }

    /// Sets the timers that follow the wall clock.
    pub(super) fn schedule(&mut self) {
        let wall = self.wall();
        let rules = &self.config.rules;
        let changes = rules.mutes.iter().filter_map(|mute| mute.period.next_change(wall));
        let ends = self.silences.next_end(wall);
        self.calendar_at = changes.chain(ends).min().map(|at| self.moment(at));
        let report = rules.report.as_ref().and_then(|report| report.next(wall));
        self.report_at = report.map(|at| self.moment(at));
    }

    /// Takes up a silence that an earlier run left.
    pub(super) fn restore_silence(&mut self, number: u64, bytes: &[u8]) {
        let Some(silence) = Silence::from_bytes(bytes) else { return };
        if let Until::Recovered { last_id } = silence.until {
            // It covers none after it, also where that one is forgotten.
            self.last_id = self.last_id.max(last_id);
        }
        self.silences.insert(number, silence);
    }

    /// Ends the silences that are over.
    fn end_silences(&mut self) {
        let (wall, entries) = (self.wall(), &self.entries);
        let is_open = |silence: &Silence| {
            let mut open = entries.values().filter(|entry| entry.is_open());
            open.any(|Entry { incident, .. }| silence.covers(incident.id, &incident.target()))
        };
        for number in self.silences.end(wall, is_open) {
            self.outputs.push_back(Output::KeepSilence { number, silence: None });
            self.outputs.push_back(Output::Event(Event::SilenceOver(number)));
        }
    }
}
