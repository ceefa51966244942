//! Whether a change that is committed until confirmed may stay: what to look at, how often, and
//! whom to ask.
//!
//! Ports that had a link or a neighbour are given a moment before the first look. A look that finds
//! something broken is repeated, at growing distances, as long as there is time: an access point
//! needs a while to come back. It ends at once when nothing can become good: Mist has lost the
//! access point of the broken port, or the switch sees it on another port. The cloud is asked only
//! when the switch itself shows nothing broken.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::{string::String, vec::Vec};
use core::time::Duration;

use crate::{base::mac::Mac, base::time::Instant, junos::observation};
use crate::{junos::observation::ApPort, junos::observation::Observation, ports::edit::Edit};

/// From a commit to the first look at ports that had a link before: daemons take a moment to do
/// what was committed.
const LOOK_FIRST: Duration = Duration::from_secs(3);
/// The longest time between two looks.
const LOOK_CAP: Duration = Duration::from_secs(10);
/// How long before the session's own deadline a verdict is there.
const VERDICT_MARGIN: Duration = Duration::from_secs(5);

/// What comes next on the way to a verdict, whose error is what is broken.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    AskCloud(Mac),
    Observe,
    Pause { until: Instant },
    Verdict(Result<(), String>),
}

/// The verification of one edit. That of an edit for no access point asks only that the switch
/// still answers.
#[derive(Debug, Default)]
pub(super) struct Verification {
    ports: Vec<ApPort>,
    before: Observation,
    after: Observation,
    /// Access points that the cloud is still to be asked about, after this look.
    to_ask: VecDeque<Mac>,
    /// What the cloud said of access points.
    connected: BTreeMap<Mac, bool>,
    /// Access points that Mist has lost since the commit.
    lost: BTreeSet<Mac>,
    /// How long it may last.
    max: Duration,
    /// Before the next look.
    pause: Duration,
    verdict_by: Option<Instant>,
    /// Whether the next look is the last.
    pub(super) is_stopping: bool,
}

impl Verification {
    pub(super) fn new(edits: &[Edit], before: Observation, max: Duration) -> Self {
        Self { ports: observation::ap_ports(edits, &before), before, max, ..Self::default() }
    }

    /// Whether any answer of the switch will do.
    pub(super) const fn needs_only_an_answer(&self) -> bool {
        self.ports.is_empty()
    }

    /// The change is in place; the session waits for a verdict until `verify_by`.
    pub(super) fn committed(&mut self, now: Instant, verify_by: Instant) -> Next {
        self.verdict_by = Some(verify_by.saturating_sub(VERDICT_MARGIN).min(now + self.max));
        let has_link = |port: &ApPort| port.was_up || port.neighbour.is_some();
        if !self.ports.iter().any(has_link) {
            return Next::Observe;
        }
        self.pause = LOOK_FIRST;
        Next::Pause { until: now + LOOK_FIRST }
    }

    pub(super) fn observed(&mut self, now: Instant, after: Observation) -> Next {
        self.after = after;
        // Whom the cloud has seen back once need not be asked about again.
        self.connected.retain(|_, is_connected| *is_connected);
        let is_whole = self.judged().is_ok();
        self.to_ask = self.ports.iter().filter_map(|port| port.ap).filter(|_| is_whole).collect();
        self.next(now)
    }

    pub(super) fn cloud_answered(&mut self, now: Instant, ap: Mac, answer: Option<bool>) -> Next {
        self.connected.extend(answer.map(|is_connected| (ap, is_connected)));
        self.next(now)
    }

    /// Notes that Mist has lost an access point. Returns whether it is on one of the ports, after
    /// their commit.
    pub(super) fn lost(&mut self, ap: Mac) -> bool {
        let is_ours = self.verdict_by.is_some() && self.ports.iter().any(|it| it.ap == Some(ap));
        is_ours && self.lost.insert(ap)
    }

    fn next(&mut self, now: Instant) -> Next {
        while let Some(ap) = self.to_ask.pop_front() {
            if !self.connected.contains_key(&ap) {
                return Next::AskCloud(ap);
            }
        }
        self.pause = (self.pause * 2).clamp(LOOK_FIRST, LOOK_CAP);
        let until = now + self.pause;
        match self.judged() {
            Err(broken) if self.is_stopping || self.is_hopeless(&broken) => {
                Next::Verdict(Err(broken.words))
            }
            Err(broken) => match self.verdict_by {
                // The last look is at the end, not before it.
                Some(by) if now < by => Next::Pause { until: until.min(by) },
                Some(_) | None => Next::Verdict(Err(broken.words)),
            },
            Ok(()) => Next::Verdict(Ok(())),
        }
    }

    fn is_hopeless(&self, broken: &observation::Broken) -> bool {
        let of = broken.port.and_then(|ApPort { port, ap, .. }| Some((port, ap?)));
        of.is_some_and(|(port, ap)| self.lost.contains(&ap) || self.after.is_elsewhere(ap, port))
    }

    fn judged(&self) -> Result<(), observation::Broken> {
        observation::judge(&self.ports, &self.before, &self.after, &self.connected)
    }
}

#[cfg(test)]
mod tests {
    use alloc::{borrow::ToOwned, string::ToString, vec};

    use super::*;
    use crate::netconf::rpc::operational::{Interface, Neighbour};
    use crate::ports::name::PortName;
    use crate::ports::switch_port::Mode;

    const PORTS: [&str; 2] = ["ge-0/0/7", "ge-0/0/8"];

    fn at(seconds: u64) -> Instant {
        Instant::from_secs(seconds)
    }

    fn ap(nth: usize) -> Mac {
        Mac::parse(&alloc::format!("5c5b3500000{nth}")).expect("a MAC")
    }

    fn seen(is_up: bool) -> Observation {
        let interface = |name: &str| Interface { name: name.to_owned(), is_up };
        Observation {
            interfaces: Some(PORTS.map(interface).to_vec()),
            neighbours: Some(Vec::new()),
            up_for: None,
        }
    }

    /// Of two ports for access points, committed at 0 s, with a verdict wanted by 30 s.
    fn begun(before: bool) -> (Verification, Next) {
        let edit = |(nth, port)| Edit {
            port: PortName::parse(port).expect("a port"),
            mode: Mode::Ap,
            ap: Some(ap(nth)),
            lines: Vec::new(),
            before: None,
            is_in_doubt: false,
            back: Vec::new(),
        };
        let edits: Vec<_> = PORTS.into_iter().enumerate().map(edit).collect();
        let mut verification = Verification::new(&edits, seen(before), Duration::from_secs(60));
        let next = verification.committed(at(0), at(30) + VERDICT_MARGIN);
        (verification, next)
    }

    #[test]
    fn a_look_is_repeated_until_there_is_no_time_left() {
        let (mut verification, next) = begun(true);
        assert_eq!(next, Next::Pause { until: at(3) });
        let broken = || Next::Verdict(Err("ge-0/0/7 lost its link".to_owned()));
        for (now, next) in [
            (3, Next::Pause { until: at(9) }),
            (9, Next::Pause { until: at(19) }),
            (19, Next::Pause { until: at(29) }),
            (29, Next::Pause { until: at(30) }),
            (30, broken()),
        ] {
            assert_eq!(verification.observed(at(now), seen(false)), next);
        }
        // What Mist has lost since does not come back by waiting, and only that.
        let (mut verification, _) = begun(true);
        assert!(verification.lost(ap(1)) && !verification.lost(ap(5)));
        let next = verification.observed(at(3), seen(false));
        assert_eq!(next, Next::Pause { until: at(9) }, "the other port is the broken one");
        assert!(verification.lost(ap(0)) && !verification.lost(ap(0)));
        assert_eq!(verification.observed(at(4), seen(false)), broken());
        // So does one that the switch sees elsewhere.
        let (mut verification, _) = begun(true);
        let moved = Neighbour { interface: "ge-0/0/9".to_owned(), chassis_id: ap(0).to_string() };
        let after = Observation { neighbours: Some(vec![moved]), ..seen(false) };
        assert_eq!(verification.observed(at(3), after), broken());
        // When all shall stop, the next look is the last.
        let (mut verification, _) = begun(true);
        verification.is_stopping = true;
        assert_eq!(verification.observed(at(3), seen(false)), broken());
        // Ports that had no link are looked at once.
        assert_eq!(begun(false).1, Next::Observe);
    }

    #[test]
    fn the_cloud_is_asked_once_nothing_is_broken() {
        let (mut verification, _) = begun(true);
        let mut look = |now, link, answers: &[(usize, Option<bool>)]| {
            let mut next = vec![verification.observed(at(now), seen(link))];
            for (nth, answer) in answers {
                next.push(verification.cloud_answered(at(now), ap(*nth), *answer));
            }
            next
        };
        let [first, second] = [0, 1].map(|nth| Next::AskCloud(ap(nth)));
        assert_eq!(look(3, false, &[]), [Next::Pause { until: at(9) }]);
        let answers = [(0, Some(true)), (1, Some(false))];
        let again = Next::Pause { until: at(19) };
        assert_eq!(look(9, true, &answers), [first, second, again]);
        // Whom the cloud has seen is not asked about again, and what it does not know is no fault.
        let second = Next::AskCloud(ap(1));
        assert_eq!(look(19, true, &[(1, None)]), [second, Next::Verdict(Ok(()))]);
    }
}
