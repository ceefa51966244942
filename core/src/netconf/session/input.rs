//! What goes into a session.

use alloc::{string::String, vec::Vec};
use core::{num::NonZeroU16, time::Duration};

use crate::netconf::lines::Lines;

/// Names an edit or a question to whoever asked for it; used once.
pub type TaskId = u64;

/// Policy of a session. No duration may be zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// From the beginning of the session to the switch's hello (default 30s).
    pub hello_timeout: Duration,
    /// From a request to its answer (default 60s).
    pub reply_timeout: Duration,
    /// From a commit, or the check of one, to its answer (default 180s; a small switch takes 20s).
    pub commit_timeout: Duration,
    /// How long a lock that another session holds is tried for (default 60s).
    pub lock_wait: Duration,
    /// From the last answer to a question that shows whether the switch is still there (default
    /// 60s).
    pub keepalive: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            hello_timeout: Duration::from_secs(30),
            reply_timeout: Duration::from_secs(60),
            commit_timeout: Duration::from_secs(180),
            lock_wait: Duration::from_secs(60),
            keepalive: Duration::from_secs(60),
        }
    }
}

/// How far an edit goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Show the difference that the lines would make, and leave everything as it is.
    Compare,
    /// Commit, verify, and confirm; or undo.
    Push {
        /// After how many minutes the switch undoes what nobody confirms.
        confirm: NonZeroU16,
    },
    /// Find out what became of a push whose outcome is unknown: where it is in place, verify and
    /// confirm it. Nothing is committed that is not in place already.
    ReadBack,
}

/// A change of one switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// Which.
    pub id: TaskId,
    /// All of it.
    pub lines: Lines,
    /// What the commit history shall say.
    pub comment: String,
    /// How far it goes.
    pub mode: Mode,
}

/// A question about what a switch sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Query {
    /// The state of all interfaces.
    Interfaces,
    /// The LLDP neighbours of all interfaces.
    Neighbours,
}

/// What happened outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A question; answered before the next edit, and while an edit waits.
    Ask {
        /// Which.
        id: TaskId,
        /// What is asked.
        query: Query,
    },
    /// The switch sent this.
    Bytes(Vec<u8>),
    /// The connection is gone.
    Closed,
    /// A change; one is made after the other.
    Edit(Edit),
    /// What was committed does not do what it should.
    NotVerified {
        /// Which edit.
        id: TaskId,
        /// What was seen.
        reason: String,
    },
    /// Finish the edit that has begun, and close the session.
    Stop,
    /// What was committed does what it should.
    Verified(TaskId),
}
