//! Why a change did not happen: one list for all port methods.

use alloc::{boxed::Box, string::String};
use core::{fmt, time::Duration};

use crate::base::text::one_line;

/// The most characters of what led to a failure.
const REASON_MAX: usize = 400;

/// Why a change did not happen, or may not have happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The audit cannot be written, so nothing was begun.
    Audit,
    /// The API asked for fewer requests, or the switch has something to do first.
    Busy {
        /// How long it asks to wait.
        after: Option<Duration>,
    },
    /// Another failure, and what led to it in words of ours.
    Explained { failure: Box<Self>, reason: String },
    /// The API has a fault of its own.
    Fault {
        /// The API's answer.
        message: String,
    },
    /// The switch's host key is not the known one.
    HostKey,
    /// A bug of ours has ended the attempt.
    Internal,
    /// Somebody else is changing the configuration.
    Locked {
        /// Who, in the switch's words.
        holder: String,
    },
    /// The switch or the API refuses the login or the permission.
    Login,
    /// Mist forbids to change the device. Either the token may not write at all, or it may write
    /// overrides alone, and the port is protected from those (`no_local_overwrite`).
    Protected,
    /// The configuration was refused.
    Rejected {
        /// The switch's or the API's words.
        message: String,
    },
    /// All changes were stopped before it was begun, or while it was under way.
    Stopped,
    /// The store could not record that the change is under way, so it was not begun.
    Store,
    /// The connection was lost, or there was no answer in time.
    Timeout,
    /// The change did not do what it should.
    Undone {
        /// What was seen of it.
        reason: String,
        /// The time until the switch has undone it; `None` if it has already.
        after: Option<Duration>,
    },
    /// Somebody's commit waits to be confirmed, and any commit of ours would confirm it.
    Unconfirmed {
        /// Who, in the switch's words.
        by: String,
        /// The time until the switch has undone it, should they not confirm it.
        after: Duration,
    },
    /// The switch cannot be reached: its name does not resolve, the connection fails, or Mist does
    /// not know it.
    Unreachable,
}

impl Failure {
    /// Whether the next attempt would fail too, until somebody repairs something.
    pub fn is_lasting(&self) -> bool {
        if let Self::Explained { failure, .. } = self {
            return failure.is_lasting();
        }
        matches!(
            self,
            Self::HostKey
                | Self::Login
                | Self::Protected
                | Self::Rejected { .. }
                | Self::Undone { .. }
        )
    }

    /// Whether one port may have caused it for all ports of the same change.
    pub const fn is_of_one_port(&self) -> bool {
        matches!(self, Self::Protected | Self::Rejected { .. } | Self::Undone { .. })
    }

    /// Whether its text quotes the switch or the API, which may say anything.
    pub fn is_quoting(&self) -> bool {
        self.facts().2.is_some() && !matches!(self, Self::Explained { .. })
    }

    /// The same failure with what led to it.
    pub fn explained(self, reason: &str) -> Self {
        Self::Explained { failure: Box::new(self), reason: one_line(reason, REASON_MAX) }
    }

    /// How long the other side asks to wait before the next attempt.
    pub const fn after(&self) -> Option<Duration> {
        if let Self::Unconfirmed { after, .. } = self {
            return Some(*after);
        }
        if let Self::Busy { after } | Self::Undone { after, .. } = self { *after } else { None }
    }

    /// The label in metrics and logs.
    pub fn name(&self) -> &'static str {
        self.facts().0
    }

    /// The label, the words, and what they quote.
    fn facts(&self) -> (&'static str, &'static str, Option<&String>) {
        match self {
            Self::Audit => ("audit", "the disk refuses the audit", None),
            Self::Busy { after: Some(_) } => ("busy", "the other side asked to wait", None),
            Self::Busy { after: None } => ("busy", "the other side is busy or has a fault", None),
            Self::Explained { failure, reason } => {
                let (name, words, _) = failure.facts();
                (name, words, Some(reason))
            }
            Self::Fault { message } => ("fault", "the other side has a fault", Some(message)),
            Self::HostKey => ("host_key", "the switch's host key is not trusted", None),
            Self::Internal => ("internal", "a bug in mistgate has ended the attempt", None),
            Self::Locked { holder } => ("locked", "the configuration is locked", Some(holder)),
            Self::Login => ("login", "the login or the permission was refused", None),
            Self::Protected => (
                "protected",
                "Mist forbids it: the token may only read, or it may only override ports and \
                 no_local_overwrite protects this one",
                None,
            ),
            Self::Rejected { message } => {
                ("rejected", "the configuration was refused", Some(message))
            }
            Self::Stopped => ("stopped", "all changes were stopped", None),
            Self::Store => ("store", "the disk refused to keep that it is under way", None),
            Self::Timeout => {
                ("timeout", "the connection was lost or the answer did not come in time", None)
            }
            Self::Undone { reason, after: None } => {
                ("undone", "the change was undone", Some(reason))
            }
            Self::Undone { reason, after: Some(_) } => {
                ("undone", "the switch is about to undo the change", Some(reason))
            }
            Self::Unconfirmed { by, .. } => {
                ("unconfirmed", "a commit waits to be confirmed, which ours would do", Some(by))
            }
            Self::Unreachable => ("unreachable", "there is no way to the switch", None),
        }
    }
}

/// The failure as a person would say it, behind "because".
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (_, words, quote) = self.facts();
        f.write_str(words)?;
        quote.map_or(Ok(()), |quote| write!(f, ": {quote}"))
    }
}
