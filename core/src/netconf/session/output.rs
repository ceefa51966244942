//! What comes out of a session.

use alloc::{string::String, vec::Vec};
use core::{fmt, time::Duration};

use super::input::TaskId;
use crate::{
    base::time::Instant,
    netconf::{
        framing::{self, Framing},
        rpc::{
            error::{Holder, RpcError},
            operational::{Interface, Neighbour},
            reply,
        },
    },
};

/// What shall happen outside (imperative), or has happened inside (past).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// The one answer to a question.
    Answered {
        /// Which.
        id: TaskId,
        /// What the switch sees.
        result: Result<Answer, Failure>,
    },
    /// Write this to the switch.
    Bytes(Vec<u8>),
    /// Close the connection; nothing more comes.
    Close(CloseReason),
    /// A change is in place until it is confirmed. See whether it does what it should, and answer
    /// with `Verified` or `NotVerified`; questions may be asked meanwhile.
    Committed {
        /// Which edit.
        id: TaskId,
        /// Without an answer before this moment the change is undone, or after a read-back left
        /// alone.
        verify_by: Instant,
    },
    /// The one end of an edit.
    Edited {
        /// Which.
        id: TaskId,
        /// What became of it. After a failure everything is as it was.
        result: Result<Outcome, Failure>,
        /// The difference that it made or would make, as far as it got.
        diff: String,
        /// What the switch remarked.
        warnings: Vec<RpcError>,
    },
    /// Hellos are exchanged.
    Opened {
        /// How messages are framed.
        framing: Framing,
        /// The session's number on the switch.
        session_id: Option<u32>,
    },
    /// Another session holds the lock.
    Waiting {
        /// Which edit waits.
        id: TaskId,
        /// For whom.
        holder: Holder,
        /// How often it was tried.
        attempt: u32,
        /// When it is tried again.
        retry_at: Instant,
    },
}

/// What a switch sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Its interfaces.
    Interfaces(Vec<Interface>),
    /// Its LLDP neighbours.
    Neighbours(Vec<Neighbour>),
}

/// A part of an edit, or a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Asking what the switch sees.
    Ask,
    /// Checking whether the candidate could be committed.
    Check,
    /// Committing until confirmed.
    Commit,
    /// Comparing the candidate with what is committed.
    Compare,
    /// Confirming.
    Confirm,
    /// Loading the lines into the candidate.
    Load,
    /// Locking the candidate.
    Lock,
    /// Committing what was there before.
    Undo,
    /// Looking whether the change is in place after all.
    ReadBack,
    /// Waiting for whoever sees whether the change does what it should.
    Verify,
}

/// What became of an edit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// After a read-back: the change is not in place.
    Absent,
    /// The difference is known, and nothing was changed.
    Compared,
    /// The change is in place for good.
    Confirmed,
    /// The change is in place and could not be undone here. The switch undoes it, unless somebody
    /// commits before that.
    Pending {
        /// Why it was not confirmed.
        reason: NotConfirmed,
        /// What the switch said when it should be undone.
        errors: Vec<RpcError>,
        /// When it is undone at the latest, give or take what the switch needs for it. Before that
        /// no edit of this switch may be pushed: it would confirm the change.
        until: Option<Instant>,
    },
    /// The change was undone.
    RolledBack {
        /// Why it was not confirmed.
        reason: NotConfirmed,
    },
    /// Everything was as wanted before.
    Unchanged,
    /// After a read-back: the change is in place, was not confirmed by us, and was left alone. The
    /// switch may still undo it, unless somebody commits before that.
    Unconfirmed {
        /// Why it was not confirmed.
        reason: NotConfirmed,
    },
    /// The change may be in place or not, and is to be read back before anything else is pushed.
    Unknown {
        /// In which step.
        step: Step,
        /// Why nobody knows.
        cause: Cause,
        /// When the switch undoes what is not confirmed; `None` if we do not know it, after a
        /// read-back.
        until: Option<Instant>,
    },
}

/// Why a change was not confirmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotConfirmed {
    /// Nobody verified it in time.
    Late,
    /// It does not do what it should.
    NotVerified {
        /// What was seen.
        reason: String,
    },
    /// The switch would not confirm it.
    Refused {
        /// What it said.
        errors: Vec<RpcError>,
    },
}

/// Why an outcome is unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The session ended in the midst of it.
    Ended(CloseReason),
    /// The answer says success beside errors, or neither of them.
    Unclear {
        /// The errors in it.
        errors: Vec<RpcError>,
    },
}

/// Why nothing was changed, or a question has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Too many tasks wait already.
    Busy,
    /// The session ended.
    Ended {
        /// In which step; `None` if it had not begun.
        step: Option<Step>,
        /// Why.
        reason: CloseReason,
    },
    /// Another session keeps the configuration locked.
    LockHeld {
        /// Who.
        holder: Holder,
        /// How often we tried.
        attempts: u32,
    },
    /// The switch refused.
    Refused {
        /// In which step.
        step: Step,
        /// What it said.
        errors: Vec<RpcError>,
    },
    /// The session was stopped before this began.
    Stopped,
    /// The answer says neither success nor an error.
    Unclear {
        /// In which step.
        step: Step,
    },
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The connection was closed by the switch, or broke.
    Closed,
    /// What came is no frame.
    Framing(framing::Error),
    /// What came is no message, or a hello that we cannot use.
    Message(reply::Error),
    /// The switch did not give the lock back; the end of the session does.
    NotUnlocked,
    /// The switch did not answer.
    Silent {
        /// In this time.
        after: Duration,
    },
    /// As we wanted.
    Stopped,
    /// An answer came that nobody had asked for, or a second hello.
    Stray,
    /// Something is, or may be, left for the switch to undo, which the end of the session hastens.
    Unconfirmed,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ask => "asking the switch",
            Self::Check => "the commit check",
            Self::Commit => "the commit",
            Self::Compare => "comparing",
            Self::Confirm => "the confirming commit",
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
            Self::Busy => f.write_str("too many changes wait for this switch"),
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
