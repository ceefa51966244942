//! Translates a change of ports into an edit of a NETCONF session, and the outcome of the edit into
//! the terms that all methods share.

use alloc::{format, string::String, string::ToString, vec::Vec};

use crate::base::{failure::Failure, time::Instant};
use crate::netconf::session::input::{Edit as SessionEdit, Mode};
use crate::netconf::session::output::{Cause, NotConfirmed, Outcome, Step};
use crate::netconf::{lines::Lines, rpc::error::RpcError, session};
use crate::ports::edit::{Edit, Pushed};

/// The beginning of our comments.
pub(super) const OURS: &str = "mistgate:";
/// In bytes, of the ports in a comment, of which Junos keeps a few hundred.
const PORTS_LEN_MAX: usize = 300;
/// How many errors are reported. The first says what is wrong, the others what follows from it.
const ERRORS_MAX: usize = 3;

/// How an edit of a session ended.
pub type Ended = Result<Outcome, session::output::Failure>;

/// One edit for several ports: their lines are loaded together, and a comment names them. With
/// `is_in_doubt` an earlier edit of ours may wait to be confirmed.
pub fn edit(edits: &[Edit], mode: Mode, is_in_doubt: bool) -> Result<SessionEdit, Failure> {
    let lines = Lines::new(edits.iter().flat_map(|edit| &edit.lines))
        .map_err(|error| Failure::Rejected { message: error.to_string() })?;
    let may_have_left = is_in_doubt.then_some(OURS);
    Ok(SessionEdit { lines, comment: comment(edits), may_have_left, mode })
}

/// `mistgate: ge-0/0/1 ap, ge-0/0/2 default`
fn comment(edits: &[Edit]) -> String {
    let mut text = String::from(OURS);
    for (nth, Edit { port, mode, .. }) in edits.iter().enumerate() {
        if text.len() > PORTS_LEN_MAX {
            text.push_str(&format!(" and {} more", edits.len() - nth));
            return text;
        }
        text.push_str(&format!(" {port} {},", mode.name()));
    }
    text.pop();
    text
}

/// The outcome of a push, or of the read-back that ended it.
pub fn pushed(now: Instant, ended: &Ended, diff: String) -> Pushed {
    let undone = |reason: String, until: Option<Instant>| Failure::Undone {
        reason,
        after: until.map(|until| until - now),
    };
    match ended {
        Err(error) => Pushed::Failed(failure(error)),
        Ok(Outcome::Confirmed | Outcome::Unchanged) => Pushed::Done { diff, before: Vec::new() },
        // Nothing was committed; the next attempt will do it.
        Ok(Outcome::Absent | Outcome::Compared) => Pushed::Failed(Failure::Busy { after: None }),
        Ok(Outcome::Broken { reason }) => Pushed::Unknown(undone(reason.clone(), None)),
        Ok(Outcome::RolledBack { reason }) => Pushed::Failed(match reason {
            NotConfirmed::Late => Failure::Timeout,
            NotConfirmed::NotVerified { reason } => undone(reason.clone(), None),
            NotConfirmed::Refused { errors } => rejected(errors),
        }),
        Ok(Outcome::Pending { reason, until, .. }) => {
            Pushed::Unknown(undone(reason.to_string(), *until))
        }
        Ok(Outcome::Unconfirmed { reason }) => Pushed::Unknown(undone(reason.to_string(), None)),
        Ok(Outcome::Unknown { cause: Cause::Ended(_), .. }) => Pushed::Unknown(Failure::Timeout),
        Ok(Outcome::Unknown { cause: cause @ Cause::Unclear { .. }, .. }) => {
            Pushed::Unknown(Failure::Rejected { message: cause.to_string() })
        }
    }
}

/// What became of a push that somebody's commit confirmed, that does not work for this reason, and
/// that a push of our own took back.
pub fn taken_back(ended: &Ended, reason: &str) -> Pushed {
    let is_back = matches!(ended, Ok(Outcome::Confirmed | Outcome::Unchanged));
    let end = if is_back { "has taken it back" } else { "could not take it back" };
    let reason = format!("somebody's commit confirmed it, and a change of our own {end}: {reason}");
    let failure = Failure::Undone { reason, after: None };
    if is_back { Pushed::Failed(failure) } else { Pushed::Unknown(failure) }
}

/// Whether the lines of an edit are in place, after a comparison or a read-back; `None` if that is
/// not certain, or not for good.
pub fn is_in_place(ended: &Ended, diff: &str) -> Option<bool> {
    match ended {
        Ok(Outcome::Absent) => Some(false),
        Ok(Outcome::Compared) => Some(diff.is_empty()),
        Ok(Outcome::Confirmed | Outcome::Unchanged) => Some(true),
        Ok(
            Outcome::Broken { .. }
            | Outcome::Pending { .. }
            | Outcome::RolledBack { .. }
            | Outcome::Unconfirmed { .. }
            | Outcome::Unknown { .. },
        )
        | Err(_) => None,
    }
}

/// Why an edit is not in place, or not for good, although it should be.
pub fn not_in_place(ended: &Ended) -> Option<String> {
    is_in_place(ended, "").is_none().then(|| match ended {
        Ok(outcome) => outcome.to_string(),
        Err(failure) => failure.to_string(),
    })
}

/// The failure of an edit that changed nothing.
pub fn failure(error: &session::output::Failure) -> Failure {
    use session::output::Failure as Error;
    match error {
        Error::Stopped => Failure::Busy { after: None },
        Error::Ended { .. } => Failure::Timeout,
        Error::LockHeld { holder, .. } => Failure::Locked { holder: holder.to_string() },
        Error::Refused { errors, .. } if errors.iter().any(RpcError::is_permission) => {
            Failure::Login
        }
        Error::Refused { step: Step::Lock, .. } | Error::Unclear { .. } => {
            Failure::Rejected { message: error.to_string() }
        }
        Error::Refused { errors, .. } => rejected(errors),
        Error::Unconfirmed { commit, left } => {
            Failure::Unconfirmed { by: commit.clone(), after: *left }
        }
    }
}

fn rejected(errors: &[RpcError]) -> Failure {
    let mut messages: Vec<String> =
        errors.iter().take(ERRORS_MAX).map(ToString::to_string).collect();
    if let Some(more @ 1..) = errors.len().checked_sub(ERRORS_MAX) {
        messages.push(format!("and {more} more"));
    }
    Failure::Rejected { message: messages.join("; ") }
}

#[cfg(test)]
mod tests;
