//! The comparison with Mist's inventory of all access points: at the start, every hour, and when it
//! is not known how many access points a site has.

use alloc::{collections::BTreeSet, vec::Vec};
use core::time::Duration;

use super::{APPROVAL_MAX, Asker, Due, Plan, output::Output, state::Slot, state::SwitchQueue};
use crate::base::{backoff::Backoff, mac::Mac, order, time::Instant, time::UnixTime};
use crate::ports::probe::{Probe, Subject};
use crate::ports::question::{Answer, Entry, Question};
use crate::ports::{ap_event::Cause, probe, switch_port::Mode, switch_port::SwitchPort};

/// For how long somebody may undo that a port was given back.
const UNDO_MAX: Duration = Duration::from_hours(7 * 24);
/// The wait after the first failure, doubled after each further one up to `reconcile_after`.
const RETRY_FIRST: Duration = Duration::from_secs(60);

impl Plan {
    pub(super) fn ask_inventory(&mut self, now: Instant) {
        if self.inventory.asked.is_some() {
            return;
        }
        self.timers.set(Due::Inventory, None);
        self.inventory.asked = Some((now, self.wall(now)));
        let id = self.next_id();
        self.asked.insert(id, Asker::Inventory);
        self.outputs.push_back(Output::Ask { id, question: Question::Inventory });
    }

    pub(super) fn compare_inventory(&mut self, now: Instant, answer: Answer) {
        let Some((asked_at, wall)) = self.inventory.asked.take() else { return };
        let after = match answer {
            Answer::Inventory(entries) => {
                self.inventory.failures = 0;
                self.inventory.answered_at = Some(now);
                self.is_overflowing = false;
                self.compare(now, asked_at, wall, entries);
                self.config.reconcile_after
            }
            Answer::Port(_) | Answer::Share(_) | Answer::Unanswered | Answer::Location(_) => {
                self.inventory.failures = self.inventory.failures.saturating_add(1);
                let cap = self.config.reconcile_after;
                let retry = Backoff { first: RETRY_FIRST.min(cap), cap };
                retry.jittered(self.inventory.failures, &mut self.rand)
            }
        };
        self.timers.set(Due::Inventory, Some(now + after));
        for (ap, id) in core::mem::take(&mut self.inventory.waiting) {
            let answer = Answer::Share(self.counted(ap));
            self.handle_probe(now, Subject::Ap(ap), probe::Input::Answered { id, answer });
        }
    }

    fn compare(&mut self, now: Instant, asked_at: Instant, wall: UnixTime, entries: Vec<Entry>) {
        // An AP without `last_seen` counts as lost before all others.
        let lost_at = |entry: &Entry| {
            (!entry.is_connected).then(|| entry.last_seen.unwrap_or(UnixTime::from_secs(0)))
        };
        // Whoever was on a port of ours and is gone by now was lost while nobody looked.
        let is_news = |entry: &&Entry| {
            let is_ours = self.current_port(entry.ap).is_some();
            !entry.is_connected && is_ours && !self.losses.is_lost(entry.ap)
        };
        let lost: Vec<Mac> = entries.iter().filter(is_news).map(|entry| entry.ap).collect();
        let aps = entries.iter().map(|entry| (entry.ap, entry.site.as_str(), lost_at(entry)));
        self.losses.count(wall, aps);
        for ap in lost {
            self.count_loss(now, ap);
        }
        for site in self.governor.lost_sites() {
            self.weigh(now, site);
        }
        self.forget_switches();
        let mut listed = BTreeSet::new();
        for mut entry in entries {
            listed.insert(entry.ap);
            let subject = Subject::Ap(entry.ap);
            if entry.is_connected && self.config.ignored_sites.contains(&entry.site) {
                // Its new site is ignored, but the port that it may have left is ours.
                if let Some(current_port) = self.current_port(entry.ap) {
                    self.look_at(now, Subject::Port(current_port), Cause::Stale);
                }
                continue;
            }
            if !entry.is_connected && !self.probes.contains_key(&subject) {
                continue;
            }
            self.know_all(&entry.location);
            if entry.is_connected {
                self.settle_location(now, entry.ap, &mut entry.location);
            }
            let location = entry.is_connected.then_some(entry.location);
            let current_port =
                self.current_port(entry.ap).and_then(|current_port| self.slots.get(&current_port));
            let is_settled = current_port.is_some_and(|slot| slot.port.mode() == Some(Mode::Ap));
            let listed = probe::Input::Listed { location, asked_at, is_settled };
            self.handle_probe(now, subject, listed);
        }
        self.drop_unlisted_aps(now, asked_at, &listed);
        self.recheck_stale_ports(now);
        self.look_for_drift(None);
    }

    /// Forgets switches without a known port, to make room for others.
    fn forget_switches(&mut self) {
        let kept: BTreeSet<Mac> =
            order::collect(self.slots.keys().map(|switch_port| switch_port.switch));
        let is_busy = |queue: &SwitchQueue| !queue.due.is_empty() || queue.batch.is_some();
        self.queues.retain(|mac, queue| kept.contains(mac) || is_busy(queue));
    }

    /// Access points that Mist does not list any more count as lost, and are then forgotten.
    fn drop_unlisted_aps(&mut self, now: Instant, asked_at: Instant, listed: &BTreeSet<Mac>) {
        let is_unlisted =
            |subject: &Subject| matches!(subject, Subject::Ap(ap) if !listed.contains(ap));
        let subjects: Vec<Subject> = self.probes.keys().copied().filter(is_unlisted).collect();
        for subject in subjects {
            let gone = probe::Input::Listed { location: None, asked_at, is_settled: false };
            self.handle_probe(now, subject, gone);
            let is_empty = |probe: &Probe| probe.is_resting() && probe.current_port().is_none();
            if self.probes.get(&subject).is_some_and(is_empty) {
                self.probes.remove(&subject);
                if let Subject::Ap(ap) = subject {
                    self.unfound.remove(&ap);
                }
            }
        }
    }

    /// Looks at ports without an access point that may be in the wrong mode, because of a restart
    /// or a failure. Forgets what nobody undid for long, and what came of no approval.
    pub(super) fn recheck_stale_ports(&mut self, now: Instant) {
        let wall = self.wall(now);
        let is_old = |slot: &Slot| {
            slot.pending.is_some_and(|pending| pending.since + APPROVAL_MAX <= now)
                || slot.changed_at.is_some_and(|at| at.plus(UNDO_MAX) <= wall)
        };
        let old = self.slots.iter().filter(|(_, slot)| slot.is_given_back() && is_old(slot));
        for at in old.map(|(at, _)| *at).collect::<Vec<_>>() {
            if let Some(slot) = self.slots.get_mut(&at) {
                (slot.pending, slot.made) = (None, None);
            }
            self.keep(now, at);
        }
        let switch_ports: Vec<SwitchPort> = self
            .slots
            .iter()
            .filter(|(_, slot)| slot.ap.is_none() && slot.port.is_idle() && !slot.is_given_back())
            .map(|(switch_port, _)| *switch_port)
            .collect();
        for switch_port in switch_ports {
            self.look_at(now, Subject::Port(switch_port), Cause::Stale);
        }
    }
}
