//! The inputs of a session, and its policy.

use alloc::{string::String, vec::Vec};
use core::{num::NonZeroU16, time::Duration};

use crate::netconf::{lines::Lines, rpc::request::Query};

/// Policy of a session. No duration may be zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// How long the switch may take for its hello (default 30s).
    pub hello_timeout: Duration,
    /// How long it may take for a reply (default 60s).
    pub reply_timeout: Duration,
    /// How long it may take for a commit or the check of one (default 180s; a small switch takes
    /// 20s).
    pub commit_timeout: Duration,
    /// How long a lock that somebody else holds is waited for (default 60s).
    pub lock_wait: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            hello_timeout: Duration::from_secs(30),
            reply_timeout: Duration::from_secs(60),
            commit_timeout: Duration::from_secs(180),
            lock_wait: Duration::from_secs(60),
        }
    }
}

/// How far an edit goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Show the difference that the lines would make, and leave everything as it is.
    Compare,
    /// Commit, verify, and confirm or undo. The switch itself undoes what is not confirmed after so
    /// many minutes.
    Push { confirm: NonZeroU16 },
    /// Find out what became of a push whose outcome is unknown. If the change is in place it is
    /// verified, and confirmed unless somebody has done that; nothing else is committed.
    ReadBack,
}

/// A change of one switch, made as a whole or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    pub lines: Lines,
    /// For the commit history.
    pub comment: String,
    /// How the comment of a commit begins that an earlier session of ours may have left
    /// unconfirmed; `None` if none did. Every other commit that waits is somebody else's.
    pub may_have_left: Option<&'static str>,
    pub mode: Mode,
}

/// What happened outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A question. It is answered also while an edit waits for a lock or a verdict. The last one
    /// must have its answer.
    Ask(Query),
    /// The switch sent these.
    Bytes(Vec<u8>),
    /// The connection is gone.
    Closed,
    /// A change. The last one must have ended.
    Edit(Edit),
    /// Finish the edit that has begun, and close the session.
    Stop,
    /// Whether what the edit committed works; the error says why not. Nothing happens unless an
    /// edit waits for it.
    Verdict(Result<(), String>),
}
