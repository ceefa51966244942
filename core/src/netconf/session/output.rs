//! The outputs of a session, and what became of its edits.

use alloc::{format, string::String, string::ToString, vec::Vec};
use core::time::Duration;

use crate::netconf::{framing, framing::Framing, rpc::error::RpcError, rpc::reply, xml::Element};
use crate::{base::time::Instant, netconf::rpc::error::Holder};

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Step {
    /// Whether the candidate could be committed.
    #[error("the commit check")]
    Check,
    /// The commit that is yet to be confirmed.
    #[error("the commit")]
    Commit,
    #[error("comparing")]
    Compare,
    #[error("the confirming commit")]
    Confirm,
    /// Whether a commit waits to be confirmed.
    #[error("reading the commit history")]
    History,
    #[error("loading the lines")]
    Load,
    #[error("locking the configuration")]
    Lock,
    /// The commit of what was there before.
    #[error("undoing the change")]
    Undo,
    /// The comparison that shows whether the change is in place after all.
    #[error("reading back")]
    ReadBack,
    /// Waiting for the verdict.
    #[error("the verification")]
    Verify,
}

/// What became of an edit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Outcome {
    /// After a read-back.
    #[error("the change is not in place")]
    Absent,
    /// After a read-back: the change is in place, does not work, and nothing will undo it, because
    /// somebody's commit confirmed it.
    #[error("somebody's commit confirmed it, and it does not work: {reason}")]
    Broken { reason: String },
    #[error("compared, nothing changed")]
    Compared,
    /// The change is in place for good.
    #[error("committed and confirmed")]
    Confirmed,
    /// The change is in place and could not be undone here; `errors` is what the switch said to
    /// that. The switch undoes it, unless somebody commits before that: until then no edit may be
    /// pushed, which would confirm the change. `until` is when it has begun to undo it at the
    /// latest.
    #[error(
        "not confirmed: {reason}; it could not be undone{}; the switch undoes it when the time to \
         confirm is up",
        list(.errors)
    )]
    Pending { reason: NotConfirmed, errors: Vec<RpcError>, until: Option<Instant> },
    #[error("undone: {reason}")]
    RolledBack { reason: NotConfirmed },
    /// Everything was in place before.
    #[error("nothing to change")]
    Unchanged,
    /// After a read-back: the change is in place, was not confirmed by us, and was left alone. The
    /// switch may still undo it, unless somebody commits before that.
    #[error("in place, but not confirmed: {reason}")]
    Unconfirmed { reason: NotConfirmed },
    /// The change may be in place or not, and is to be read back before anything else is pushed.
    /// `until` is as in `Pending`; `None` if it is not known when the switch committed.
    #[error("unknown since {step}: {cause}")]
    Unknown { step: Step, cause: Cause, until: Option<Instant> },
}

/// Why a change was not confirmed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotConfirmed {
    #[error("it was not verified in time")]
    Late,
    /// It does not work.
    #[error("{reason}")]
    NotVerified { reason: String },
    #[error("the switch refused the confirming commit{}", list(.errors))]
    Refused { errors: Vec<RpcError> },
}

/// Why an outcome is unknown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// The session ended before the reply.
    #[error("{0}")]
    Ended(CloseReason),
    /// The reply has success beside errors, or neither.
    #[error("{}", unclear(.errors))]
    Unclear { errors: Vec<RpcError> },
}

/// Why nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The session ended in this step; `None` if the edit had not begun.
    #[error("{}", ended(.step, .reason))]
    Ended { step: Option<Step>, reason: CloseReason },
    /// Somebody else keeps the configuration locked.
    #[error("the configuration is locked by {holder}{}", tried(*.attempts))]
    LockHeld { holder: Holder, attempts: u32 },
    #[error("the switch refused {step}{}", list(.errors))]
    Refused { step: Step, errors: Vec<RpcError> },
    #[error("stopped before it began")]
    Stopped,
    #[error("{step} failed: the answer says neither success nor an error")]
    Unclear { step: Step },
    /// A commit waits to be confirmed that this edit must not confirm: `commit` says whose, and the
    /// switch undoes it after `left` unless they confirm it.
    #[error("a commit waits to be confirmed: {commit}")]
    Unconfirmed { commit: String, left: Duration },
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CloseReason {
    /// The connection was closed by the switch, or broke.
    #[error("the connection to the switch is gone")]
    Closed,
    #[error("{0}")]
    Framing(framing::Error),
    /// A message could not be read, or the hello offers nothing that we can use.
    #[error("{0}")]
    Message(reply::Error),
    /// The switch did not unlock its configuration; the end of the session makes it.
    #[error("the switch did not unlock its configuration")]
    NotUnlocked,
    #[error("no answer from the switch within {after:?}")]
    Silent { after: Duration },
    /// We closed it.
    #[error("the session was closed")]
    Stopped,
    /// A reply came that nobody had asked for, or a second hello.
    #[error("the switch sent a message that nobody had asked for")]
    Stray,
    /// Something is, or may be, left for the switch to undo. The end of the session may hasten
    /// that.
    #[error("the switch is left to undo what is not confirmed")]
    Unconfirmed,
}

fn ended(step: &Option<Step>, reason: &CloseReason) -> String {
    step.map_or_else(|| reason.to_string(), |step| format!("{step} failed: {reason}"))
}

fn tried(attempts: u32) -> String {
    if attempts == 1 { String::new() } else { format!(" (tried {attempts} times)") }
}

fn unclear(errors: &[RpcError]) -> String {
    match errors {
        [] => "the answer says neither success nor an error".into(),
        errors => format!("the answer says success beside errors{}", list(errors)),
    }
}

/// `: this; that`, or nothing.
fn list(errors: &[RpcError]) -> String {
    let each = (0..).zip(errors);
    each.map(|(nth, error)| format!("{} {error}", if nth == 0 { ":" } else { ";" })).collect()
}
