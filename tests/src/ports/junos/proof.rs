//! What the switch and the cloud have reported of a change. It must prove that the change works
//! before the commit is confirmed.

use core::time::Duration;

use mistgate_core::base::time::Instant;

use super::edits::{PORTS, at, of};

/// A later answer of the cloud does not count.
const CLOUD_TIMEOUT: Duration = Duration::from_secs(20);

/// What the switch reported of each port. `None` without an answer.
#[derive(Clone, Debug, Default)]
struct Seen {
    links: Option<[bool; 2]>,
    neighbours: Option<[bool; 2]>,
}

/// All that was reported during a session.
#[derive(Debug, Default)]
pub(super) struct Proof {
    /// Before the edit.
    before: Seen,
    /// At the last check.
    seen: Seen,
    /// The ports that the edit configures for an access point.
    loaded: [bool; 2],
    /// Whether the switch was asked after the edit was loaded.
    is_asked: bool,
    /// What the cloud answered in time since the last check.
    cloud_answers: [Option<bool>; 2],
    /// The last question to the cloud, and its time.
    asked: Option<(u64, Instant)>,
}

impl Proof {
    pub(super) fn cloud_asked(&mut self, now: Instant, id: u64) {
        self.asked = Some((id, now));
    }

    pub(super) fn cloud_answered(
        &mut self,
        now: Instant,
        id: u64,
        nth: usize,
        is_connected: Option<bool>,
    ) {
        if self.asked.is_some_and(|(asked, at)| asked == id && now - at < CLOUD_TIMEOUT) {
            *of(&mut self.cloud_answers, nth) = is_connected;
        }
    }

    pub(super) fn replied(&mut self, reply: &str, links: [bool; 2]) {
        if reply.contains("</interface-information>") {
            self.seen.links = Some(links);
        } else if reply.contains("</lldp-neighbors-information>") {
            self.seen.neighbours = Some(links);
        }
    }

    pub(super) fn requested(&mut self, request: &str) {
        if request.contains("<get-interface-information>") {
            (self.seen, self.is_asked) = (Seen::default(), true);
            self.cloud_answers =
                self.cloud_answers.map(|answer| answer.filter(|is_connected| *is_connected));
        } else if request.contains("<lock-configuration/>") {
            (self.before, self.cloud_answers) = (self.seen.clone(), [None; 2]);
        } else if request.contains("<configuration-set>") {
            let is_loaded =
                |port| request.contains(&format!("set interfaces {port} native-vlan-id"));
            (self.loaded, self.is_asked) = (PORTS.map(is_loaded), false);
        }
    }

    /// Whether the loaded edit was seen to work since, as far as the ports worked before.
    pub(super) fn holds(&self) -> bool {
        let holds = |nth, before: Option<[bool; 2]>, after: Option<[bool; 2]>| {
            before
                .is_none_or(|before| after.is_some_and(|after| at(after, nth) || !at(before, nth)))
        };
        self.is_asked
            && (0..2).filter(|nth| at(self.loaded, *nth)).all(|nth| {
                holds(nth, self.before.links, self.seen.links)
                    && holds(nth, self.before.neighbours, self.seen.neighbours)
                    && at(self.cloud_answers, nth) != Some(false)
            })
    }
}
