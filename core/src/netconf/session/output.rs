//! The outputs of a session, and what became of its edits.

use alloc::{string::String, vec::Vec};
use core::{fmt, time::Duration};

use crate::base::time::Instant;
use crate::netconf::rpc::error::{Holder, RpcError};
use crate::netconf::{framing, framing::Framing, rpc::reply, xml::Element};

/// What shall happen outside (imperative), or has happened inside (past).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// The one answer to a question; `None` if the switch refused it, or its reply did not come.
    Answered(Option<Element>),
    /// Write these to the switch.
    Bytes(Vec<u8>),
    /// Close the connection; nothing more comes.
    Close(CloseReason),
    /// A change is committed and waits to be confirmed. Find out whether it works, and answer with
    /// a `Verdict` before `verify_by`; questions may be asked meanwhile. Without a verdict the
    /// change is undone, or after a read-back left alone.
    Committed { verify_by: Instant },
    /// The one end of an edit. After a failure everything is as it was. `diff` is the difference
    /// that the edit made or would make, if it got that far.
    Edited { result: Result<Outcome, Failure>, diff: String, warnings: Vec<RpcError> },
    /// Hellos are exchanged.
    Opened { framing: Framing },
    /// Somebody else holds the lock, which is tried again.
    Waiting { holder: Holder, attempt: u32, retry_at: Instant },
}

/// A part of an edit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The check whether the candidate could be committed.
    Check,
    /// The commit that is yet to be confirmed.
    Commit,
    Compare,
    Confirm,
    /// Reading whether a commit waits to be confirmed.
    History,
    Load,
    Lock,
    /// The commit of what was there before.
    Undo,
    /// The comparison that shows whether the change is in place after all.
    ReadBack,
    /// Waiting for the verdict.
    Verify,
}

/// What became of an edit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// After a read-back: the change is not in place.
    Absent,
    /// After a read-back: the change is in place, does not work, and nothing will undo it, because
    /// somebody's commit confirmed it.
    Broken { reason: String },
    /// The difference is known, and nothing was changed.
    Compared,
    /// The change is in place for good.
    Confirmed,
    /// The change is in place and could not be undone here; `errors` is what the switch said to
    /// that. The switch undoes it, unless somebody commits before that: until then no edit may be
    /// pushed, which would confirm the change. `until` is when it has begun to undo it at the
    /// latest.
    Pending { reason: NotConfirmed, errors: Vec<RpcError>, until: Option<Instant> },
    /// The change was undone.
    RolledBack { reason: NotConfirmed },
    /// Everything was in place before.
    Unchanged,
    /// After a read-back: the change is in place, was not confirmed by us, and was left alone. The
    /// switch may still undo it, unless somebody commits before that.
    Unconfirmed { reason: NotConfirmed },
    /// The change may be in place or not, and is to be read back before anything else is pushed.
    /// `until` is as in `Pending`; `None` if it is not known when the switch committed.
    Unknown { step: Step, cause: Cause, until: Option<Instant> },
}

/// Why a change was not confirmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotConfirmed {
    /// There was no verdict in time.
    Late,
    /// It does not work.
    NotVerified { reason: String },
    /// The switch refused to confirm it.
    Refused { errors: Vec<RpcError> },
}

/// Why an outcome is unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The session ended before the reply.
    Ended(CloseReason),
    /// The reply has success beside errors, or neither.
    Unclear { errors: Vec<RpcError> },
}

/// Why nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The session ended in this step; `None` if the edit had not begun.
    Ended { step: Option<Step>, reason: CloseReason },
    /// Somebody else keeps the configuration locked.
    LockHeld { holder: Holder, attempts: u32 },
    /// The switch refused this step.
    Refused { step: Step, errors: Vec<RpcError> },
    /// The session was stopped before the edit began.
    Stopped,
    /// The reply has neither success nor an error.
    Unclear { step: Step },
    /// A commit waits to be confirmed that this edit must not confirm: `commit` says whose, and the
    /// switch undoes it after `left` unless they confirm it.
    Unconfirmed { commit: String, left: Duration },
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The connection was closed by the switch, or broke.
    Closed,
    /// The bytes are not framed as they must be.
    Framing(framing::Error),
    /// A message could not be read, or the hello offers nothing that we can use.
    Message(reply::Error),
    /// The switch did not unlock its configuration; the end of the session makes it.
    NotUnlocked,
    /// The switch did not reply in this time.
    Silent { after: Duration },
    /// We closed it.
    Stopped,
    /// A reply came that nobody had asked for, or a second hello.
    Stray,
    /// Something is, or may be, left for the switch to undo. The end of the session may hasten
    /// that.
    Unconfirmed,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Check => "the commit check",
            Self::Commit => "the commit",
            Self::Compare => "comparing",
            Self::Confirm => "the confirming commit",
            Self::History => "reading the commit history",
            Self::Load => "loading the lines",
            Self::Lock => "locking the configuration",
            Self::ReadBack => "reading back",
            Self::Undo => "undoing the change",
            Self::Verify => "the verification",
        })
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("the change is not in place"),
            Self::Broken { reason } => {
                write!(f, "somebody's commit confirmed it, and it does not work: {reason}")
            }
            Self::Compared => f.write_str("compared, nothing changed"),
            Self::Confirmed => f.write_str("committed and confirmed"),
            Self::Pending { reason, errors, .. } => {
                write!(f, "not confirmed: {reason}; it could not be undone")?;
                list(f, errors)?;
                f.write_str("; the switch undoes it when the time to confirm is up")
            }
            Self::RolledBack { reason } => write!(f, "undone: {reason}"),
            Self::Unchanged => f.write_str("nothing to change"),
            Self::Unconfirmed { reason } => write!(f, "in place, but not confirmed: {reason}"),
            Self::Unknown { step, cause, .. } => write!(f, "unknown since {step}: {cause}"),
        }
    }
}

impl fmt::Display for NotConfirmed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Late => f.write_str("it was not verified in time"),
            Self::NotVerified { reason } => f.write_str(reason),
            Self::Refused { errors } => {
                f.write_str("the switch refused the confirming commit")?;
                list(f, errors)
            }
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended(reason) => reason.fmt(f),
            Self::Unclear { errors } if errors.is_empty() => {
                f.write_str("the answer says neither success nor an error")
            }
            Self::Unclear { errors } => {
                f.write_str("the answer says success beside errors")?;
                list(f, errors)
            }
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended { step: Some(step), reason } => write!(f, "{step} failed: {reason}"),
            Self::Ended { step: None, reason } => reason.fmt(f),
            Self::LockHeld { holder, attempts: 1 } => {
                write!(f, "the configuration is locked by {holder}")
            }
            Self::LockHeld { holder, attempts } => {
                write!(f, "the configuration is locked by {holder} (tried {attempts} times)")
            }
            Self::Refused { step, errors } => {
                write!(f, "the switch refused {step}")?;
                list(f, errors)
            }
            Self::Stopped => f.write_str("stopped before it began"),
            Self::Unclear { step } => {
                write!(f, "{step} failed: the answer says neither success nor an error")
            }
            Self::Unconfirmed { commit, .. } => {
                write!(f, "a commit waits to be confirmed: {commit}")
            }
        }
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the connection to the switch is gone"),
            Self::Framing(error) => error.fmt(f),
            Self::Message(error) => error.fmt(f),
            Self::NotUnlocked => f.write_str("the switch did not unlock its configuration"),
            Self::Silent { after } => write!(f, "no answer from the switch within {after:?}"),
            Self::Stopped => f.write_str("the session was closed"),
            Self::Stray => f.write_str("the switch sent a message that nobody had asked for"),
            Self::Unconfirmed => f.write_str("the switch is left to undo what is not confirmed"),
        }
    }
}

/// `: this; that`, or nothing.
fn list(f: &mut fmt::Formatter<'_>, errors: &[RpcError]) -> fmt::Result {
    for (nth, error) in errors.iter().enumerate() {
        write!(f, "{} {error}", if nth == 0 { ":" } else { ";" })?;
    }
    Ok(())
}
