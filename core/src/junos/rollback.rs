//! Remembers what a switch may still have to undo, and what must therefore come before the next
//! push.
//!
//! A commit confirms whatever waits to be confirmed, even if nobody has verified it. So a change
//! whose outcome is unknown is read back first, and while a change is known to wait for its undoing
//! nothing is pushed. What an earlier run of the program may have left is in the records of ports.

use alloc::vec::Vec;
use core::time::Duration;

use super::change::Ended;
use crate::{base::time::Instant, netconf::rpc::commit::UNDO_TIME};
use crate::{netconf::session::output::Outcome, ports::edit::Edit};

/// What must come before a push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Precondition {
    Nothing,
    /// Reading back these edits.
    ReadBack(Vec<Edit>),
    Wait(Duration),
}

/// What one switch may still have to undo.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RollbackGuard {
    left: Option<Left>,
}

/// A change of this run that is, or may be, in place and not confirmed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Left {
    /// The edits to read back, if it is not known whether they are in place.
    unknown: Option<Vec<Edit>>,
    /// When the switch has undone it at the latest.
    until: Instant,
}

impl RollbackGuard {
    /// What must come before a push, or before a report that a change is in place.
    pub fn precondition(&self, now: Instant) -> Precondition {
        match &self.left {
            Some(Left { unknown: Some(edits), until }) if now < *until => {
                Precondition::ReadBack(edits.clone())
            }
            Some(Left { unknown: None, until }) if now < *until => Precondition::Wait(*until - now),
            Some(_) | None => Precondition::Nothing,
        }
    }

    /// A push begins. If its end is never known, the switch has begun to undo it by `until`.
    pub fn begin(&mut self, edits: &[Edit], until: Instant) {
        self.left = Some(Left { unknown: Some(edits.to_vec()), until: until + UNDO_TIME });
    }

    /// A push ended.
    pub fn pushed(&mut self, now: Instant, ended: &Ended, confirm: Duration) {
        if ended.is_err() {
            // Nothing was committed.
            self.left = None;
        } else {
            self.read_back(now, ended, confirm);
        }
    }

    /// A read-back ended.
    pub fn read_back(&mut self, now: Instant, ended: &Ended, confirm: Duration) {
        let known_until = self.left.as_ref().map(|left| left.until);
        let until = |until: &Option<Instant>| {
            let until = until.map(|until| until + UNDO_TIME);
            until.or(known_until).unwrap_or(now + confirm + UNDO_TIME)
        };
        match ended {
            Ok(
                Outcome::Absent
                | Outcome::Broken { .. }
                | Outcome::Confirmed
                | Outcome::RolledBack { .. }
                | Outcome::Unchanged,
            ) => self.left = None,
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
    use crate::netconf::session::output::{Cause, CloseReason, Failure, NotConfirmed, Step};
    use crate::ports::name::PortName;
    use crate::ports::switch_port::Mode;

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
            is_in_doubt: false,
            back: Vec::new(),
        }]
    }

    /// Of a switch that a push of these edits began on at 1,000 seconds.
    fn begun() -> RollbackGuard {
        let mut guard = RollbackGuard::default();
        guard.begin(&edits(), at(2_000));
        guard
    }

    fn reason() -> NotConfirmed {
        NotConfirmed::NotVerified { reason: "ge-0/0/7 lost its link".to_owned() }
    }

    fn unknown(until: Option<Instant>) -> Ended {
        let cause = Cause::Ended(CloseReason::Closed);
        Ok(Outcome::Unknown { step: Step::Commit, cause, until })
    }

    #[test]
    fn what_comes_first_follows_from_how_the_last_push_ended() {
        let ended = Failure::Ended { step: Some(Step::Check), reason: CloseReason::Closed };
        let pending = |until| Outcome::Pending { reason: reason(), errors: Vec::new(), until };
        let wait = |seconds| Precondition::Wait(Duration::from_secs(seconds));
        for (end, first, over_at) in [
            (Ok(Outcome::Confirmed), Precondition::Nothing, 1_100),
            (Ok(Outcome::Unchanged), Precondition::Nothing, 1_100),
            (Ok(Outcome::RolledBack { reason: reason() }), Precondition::Nothing, 1_100),
            (Err(ended), Precondition::Nothing, 1_100),
            (Ok(pending(Some(at(1_300)))), wait(260), 1_360),
            // When it began is the best that is known.
            (Ok(pending(None)), wait(960), 2_060),
            (unknown(Some(at(1_300))), Precondition::ReadBack(edits()), 1_360),
            (unknown(None), Precondition::ReadBack(edits()), 2_060),
        ] {
            let mut guard = begun();
            guard.pushed(at(1_100), &end, CONFIRM);
            assert_eq!(guard.precondition(at(1_100)), first, "{end:?}");
            assert_eq!(guard.precondition(at(over_at)), Precondition::Nothing, "{end:?}");
            if first != Precondition::Nothing {
                assert_ne!(guard.precondition(at(over_at - 1)), Precondition::Nothing, "{end:?}");
            }
        }
    }

    #[test]
    fn a_push_whose_end_nobody_learns_of_is_read_back() {
        assert_eq!(begun().precondition(at(1_001)), Precondition::ReadBack(edits()));
        assert_eq!(begun().precondition(at(2_060)), Precondition::Nothing);
    }

    #[test]
    fn a_read_back_says_what_comes_next() {
        let ended = Failure::Ended { step: Some(Step::Load), reason: CloseReason::Closed };
        let unconfirmed = Outcome::Unconfirmed { reason: reason() };
        for (end, first) in [
            (Ok(Outcome::Absent), Precondition::Nothing),
            (Ok(Outcome::Confirmed), Precondition::Nothing),
            (Ok(unconfirmed), Precondition::Wait(Duration::from_secs(960))),
            (Err(ended), Precondition::ReadBack(edits())),
            (unknown(None), Precondition::ReadBack(edits())),
        ] {
            let mut guard = begun();
            guard.read_back(at(1_100), &end, CONFIRM);
            assert_eq!(guard.precondition(at(1_100)), first, "{end:?}");
        }
        // Of a change that an earlier run left.
        let mut guard = RollbackGuard::default();
        guard.read_back(at(10), &Ok(Outcome::Unconfirmed { reason: reason() }), CONFIRM);
        assert_eq!(guard.precondition(at(10)), Precondition::Wait(Duration::from_secs(360)));
    }
}
