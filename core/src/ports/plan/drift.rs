//! Ports in mode `ap` whose lines somebody else has changed: by hand, or by a push of Mist.

use alloc::{collections::BTreeMap, string::String, vec::Vec};

use super::{Plan, input::Drift, state::Sent, state::Slot};
use crate::base::{mac::Mac, machine::Machine, time::Instant};
use crate::ports::{ap_event::Cause, decide::Reason, port, port::Want, probe::Subject};
use crate::ports::{report::Report, switch_port::Mode, switch_port::SwitchPort};

impl Plan {
    /// Asks whether the ports that we gave mode `ap` still have it: of one switch, or of all.
    pub(super) fn look_for_drift(&mut self, switch: Option<Mac>) {
        if self.config.drift.is_none() || self.governor.is_stopped() {
            return;
        }
        let mut batches: BTreeMap<Mac, Vec<Sent>> = BTreeMap::new();
        for (at, _) in self.slots.iter().filter(|(_, slot)| is_done(slot)) {
            if switch.is_none_or(|switch| switch == at.switch) {
                let sent = Sent { switch_port: *at, is_first: false };
                batches.entry(at.switch).or_default().push(sent);
            }
        }
        for (mac, batch) in batches {
            self.foresee(mac, batch);
        }
    }

    /// A port that is not due was compared: what setting its mode again would change.
    pub(super) fn drifted(&mut self, now: Instant, at: SwitchPort, foreseen: Option<String>) {
        let Some(slot) = self.slots.get_mut(&at).filter(|slot| is_done(slot)) else { return };
        let Some(diff) = foreseen.filter(|diff| slot.foreseen.as_ref() != Some(diff)) else {
            return;
        };
        slot.foreseen = Some(diff.clone());
        if diff.is_empty() {
            return;
        }
        let is_mended = self.config.drift == Some(Drift::Repair);
        let ap = slot.ap;
        if is_mended {
            // What it has is not known any more, so that it gets its mode when the AP is seen.
            slot.port.handle_input(now, port::Input::Restored { mode: None });
        }
        let reason = Reason::Arrived;
        let want = Want { mode: Mode::Ap, ap, reason, since: now, proved_at: None };
        if let Some((switch, change)) = self.change(now, at, &want) {
            self.report(Report::Drifted { switch, change, diff, is_mended });
        }
        if is_mended {
            self.look_at(now, ap.map_or(Subject::Port(at), Subject::Ap), Cause::Stale);
        }
    }
}

/// Whether a port has mode `ap` from us, and nothing else is to be done.
fn is_done(slot: &Slot) -> bool {
    let is_left = slot.left.is_some();
    slot.port.is_idle() && slot.port.mode() == Some(Mode::Ap) && !slot.is_observed && !is_left
}
