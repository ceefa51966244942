//! What a switch may still have to undo, and what must therefore come before the next push.
//!
//! A commit confirms whatever waits to be confirmed, also what nobody has verified. So a change
//! whose outcome is unknown is read back first, and while one is known to wait for its undoing
//! nothing is pushed. An earlier run of ours may have left something too; there the danger is to
//! find a change in place that the switch is about to undo.

use alloc::vec::Vec;
use core::time::Duration;

use super::change::Ended;
use crate::{base::time::Instant, netconf::session::output::Outcome, ports::plan::output::Edit};

/// How long a switch may take, when the time to confirm is up, until it has undone a change.
const UNDO_TIME: Duration = Duration::from_secs(60);

/// What comes before a push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum First {
    /// Nothing.
    Nothing,
    /// Reading these back.
    ReadBack(Vec<Edit>),
    /// This time.
    Wait(Duration),
}

/// What is known of one switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caution {
    /// How long something of an earlier run may wait to be undone.
    earlier_until: Option<Instant>,
    left: Option<Left>,
}

/// A change that is, or may be, in place and not confirmed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Left {
    /// What it is, where it is to be read back.
    unknown: Option<Vec<Edit>>,
    until: Instant,
}

impl Caution {
    /// Of a switch that an earlier run may have left something on which is undone by `until`.
    pub fn new(until: Instant) -> Self {
        Self { earlier_until: Some(until + UNDO_TIME), left: None }
    }

    /// What must come before a push, or before it is told whether a change is in place.
    pub fn first(&self, now: Instant) -> First {
        match &self.left {
            Some(Left { unknown: Some(edits), until }) if now < *until => {
                First::ReadBack(edits.clone())
            }
            Some(Left { unknown: None, until }) if now < *until => First::Wait(*until - now),
            Some(_) | None => First::Nothing,
        }
    }

    /// Whether what is in place may be about to be undone, though nobody of this run left it.
    pub fn is_in_doubt(&self, now: Instant) -> bool {
        self.earlier_until.is_some_and(|until| now < until)
    }

    /// Takes note that a push begins, which, should nobody learn of its end, is over and undone by
    /// `until`.
    pub fn begin(&mut self, edits: &[Edit], until: Instant) {
        self.left = Some(Left { unknown: Some(edits.to_vec()), until: until + UNDO_TIME });
    }

    /// Takes note of the end of a push.
    pub fn pushed(&mut self, now: Instant, ended: &Ended, confirm: Duration) {
        if ended.is_err() {
            // Nothing was committed.
            self.left = None;
        } else {
            self.read_back(now, ended, confirm);
        }
    }

    /// Takes note of the end of a read-back.
    pub fn read_back(&mut self, now: Instant, ended: &Ended, confirm: Duration) {
        let known_until = self.left.as_ref().map(|left| left.until);
        let until = |until: &Option<Instant>| {
            let until = until.map(|until| until + UNDO_TIME);
            until.or(known_until).unwrap_or(now + confirm + UNDO_TIME)
        };
        match ended {
            Ok(Outcome::Confirmed | Outcome::RolledBack { .. }) => {
                // A commit of ours was the last: nothing waits to be undone.
                *self = Self { earlier_until: None, left: None };
            }
            Ok(Outcome::Absent | Outcome::Unchanged) => self.left = None,
            Ok(Outcome::Pending { until: at, .. }) => {
                self.left = Some(Left { unknown: None, until: until(at) });
            }
            Ok(Outcome::Unconfirmed { .. }) => {
                self.left = Some(Left { unknown: None, until: until(&None) });
            }
            Ok(Outcome::Unknown { until: at, .. }) => {
                let until = until(at);
                if let Some(left) = &mut self.left {
                    left.until = until;
                }
            }
            Ok(Outcome::Compared) | Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::{borrow::ToOwned, vec};

    use super::*;
    use crate::{
        netconf::session::output::{Cause, Doubt, Ending, Failure, Step},
        ports::{name::PortName, place::Mode},
    };

    const CONFIRM: Duration = Duration::from_secs(300);

    fn at(seconds: u64) -> Instant {
        Instant::from_micros(seconds * 1_000_000)
    }

    fn edits() -> Vec<Edit> {
        vec![Edit {
            port: PortName::parse("ge-0/0/7").expect("a port"),
            mode: Mode::Ap,
            ap: None,
            lines: vec!["set interfaces ge-0/0/7 native-vlan-id 42".to_owned()],
            before: None,
        }]
    }

    /// Of a switch that a push of these edits began on at 1,000 seconds.
    fn begun() -> Caution {
        let mut caution = Caution::new(at(300));
        caution.begin(&edits(), at(2_000));
        caution
    }

    fn doubt() -> Doubt {
        Doubt::NotVerified { reason: "ge-0/0/7 lost its link".to_owned() }
    }

    fn unknown(until: Option<Instant>) -> Ended {
        let cause = Cause::Ended(Ending::Closed);
        Ok(Outcome::Unknown { step: Step::Commit, cause, until })
    }

    #[test]
    fn what_comes_first_follows_from_how_the_last_push_ended() {
        let ended = Failure::Ended { step: Some(Step::Check), ending: Ending::Closed };
        let pending = |until| Outcome::Pending { doubt: doubt(), errors: Vec::new(), until };
        let wait = |seconds| First::Wait(Duration::from_secs(seconds));
        for (end, first, over_at) in [
            (Ok(Outcome::Confirmed), First::Nothing, 1_100),
            (Ok(Outcome::Unchanged), First::Nothing, 1_100),
            (Ok(Outcome::RolledBack { doubt: doubt() }), First::Nothing, 1_100),
            (Err(ended), First::Nothing, 1_100),
            (Ok(pending(Some(at(1_300)))), wait(260), 1_360),
            // When it began is the best that is known.
            (Ok(pending(None)), wait(960), 2_060),
            (unknown(Some(at(1_300))), First::ReadBack(edits()), 1_360),
            (unknown(None), First::ReadBack(edits()), 2_060),
        ] {
            let mut caution = begun();
            caution.pushed(at(1_100), &end, CONFIRM);
            assert_eq!(caution.first(at(1_100)), first, "{end:?}");
            assert_eq!(caution.first(at(over_at)), First::Nothing, "{end:?}");
            if first != First::Nothing {
                assert_ne!(caution.first(at(over_at - 1)), First::Nothing, "{end:?}");
            }
        }
    }

    #[test]
    fn a_push_whose_end_nobody_learns_of_is_read_back() {
        assert_eq!(begun().first(at(1_001)), First::ReadBack(edits()));
        assert_eq!(begun().first(at(2_060)), First::Nothing);
    }

    #[test]
    fn a_read_back_says_what_comes_next() {
        let ended = Failure::Ended { step: Some(Step::Load), ending: Ending::Closed };
        let unconfirmed = Outcome::Unconfirmed { doubt: doubt() };
        for (end, first) in [
            (Ok(Outcome::Absent), First::Nothing),
            (Ok(Outcome::Confirmed), First::Nothing),
            (Ok(unconfirmed), First::Wait(Duration::from_secs(960))),
            (Err(ended), First::ReadBack(edits())),
            (unknown(None), First::ReadBack(edits())),
        ] {
            let mut caution = begun();
            caution.read_back(at(1_100), &end, CONFIRM);
            assert_eq!(caution.first(at(1_100)), first, "{end:?}");
        }
        // Of a change that an earlier run left.
        let mut caution = Caution::new(at(300));
        caution.read_back(at(10), &Ok(Outcome::Unconfirmed { doubt: doubt() }), CONFIRM);
        assert_eq!(caution.first(at(10)), First::Wait(Duration::from_secs(360)));
    }

    #[test]
    fn what_an_earlier_run_left_is_in_doubt_until_we_commit() {
        let mut caution = Caution::new(at(300));
        assert!(caution.is_in_doubt(at(359)) && !caution.is_in_doubt(at(360)));
        caution.begin(&edits(), at(2_000));
        caution.pushed(at(10), &Ok(Outcome::Unchanged), CONFIRM);
        assert!(caution.is_in_doubt(at(10)));
        caution.read_back(at(20), &Ok(Outcome::Confirmed), CONFIRM);
        assert!(!caution.is_in_doubt(at(20)));
    }
}
