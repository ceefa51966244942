//! The `rpc-error` of RFC 6241 §4.3 as Junos fills it in, and who holds a lock.

use alloc::{borrow::ToOwned, format, string::String, vec::Vec};
use core::fmt;

use crate::{base::text::one_line, netconf::xml::Element};

/// How many errors, and how many warnings, of one reply are kept.
pub const ERRORS_MAX: usize = 32;
/// The most characters that are kept of a message.
const MESSAGE_MAX: usize = 400;
const PLACE_MAX: usize = 200;

/// An error or a warning, each text on one line and short.
#[derive(Clone, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error("{message}{}", place(.element, .path))]
pub struct RpcError {
    /// Such as `syntax error`.
    pub message: String,
    /// The place in the configuration, such as `[edit interfaces ge-0/0/1]`.
    pub path: Option<String>,
    /// The statement or word that is wrong.
    pub element: Option<String>,
    /// The condition's name in the standard; old releases have none.
    pub tag: Option<String>,
    /// The session that is in the way.
    pub session_id: Option<u32>,
}

impl RpcError {
    fn new(error: &Element) -> Self {
        let text = |element: &Element, name, max| {
            let text = element.text_of(name).map(|text| one_line(text, max));
            text.filter(|text| !text.is_empty())
        };
        let info = error.child("error-info");
        let message = text(error, "error-message", MESSAGE_MAX);
        let session_id = info.and_then(|info| info.text_of("session-id"));
        Self {
            message: message.unwrap_or_else(|| "no reason given".to_owned()),
            path: text(error, "error-path", PLACE_MAX),
            element: info.and_then(|info| text(info, "bad-element", PLACE_MAX)),
            tag: text(error, "error-tag", PLACE_MAX),
            session_id: session_id.and_then(|id| id.parse().ok()),
        }
    }

    /// Whether the switch knows no such request.
    pub fn is_unknown_request(&self) -> bool {
        let tags = ["operation-not-supported", "unknown-element", "unknown-namespace"];
        self.tag.as_deref().is_some_and(|tag| tags.contains(&tag))
            || self.message.to_ascii_lowercase().starts_with("syntax error")
    }

    /// Whether the login class may not do what was asked.
    pub fn is_permission(&self) -> bool {
        self.tag.as_deref() == Some("access-denied")
            || self.message.to_ascii_lowercase().contains("permission denied")
    }
}

/// Such as ` (at "lldp", [edit protocols])`.
fn place(element: &Option<String>, path: &Option<String>) -> String {
    match (element, path) {
        (Some(element), Some(path)) => format!(" (at \"{element}\", {path})"),
        (Some(element), None) => format!(" (at \"{element}\")"),
        (None, Some(path)) => format!(" ({path})"),
        (None, None) => String::new(),
    }
}

/// The errors and the warnings of a reply, wherever they are in it: in the results of a load or a
/// commit, in those of a routing engine, or alone.
pub fn errors_and_warnings(answer: &Element) -> (Vec<RpcError>, Vec<RpcError>) {
    let (mut errors, mut warnings) = (Vec::new(), Vec::new());
    for error in answer.descendants().filter(|element| element.name == "rpc-error") {
        // Without a severity it is an error.
        let is_warning = error.text_of("error-severity") == Some("warning");
        let list = if is_warning { &mut warnings } else { &mut errors };
        if list.len() < ERRORS_MAX {
            list.push(RpcError::new(error));
        }
    }
    (errors, warnings)
}

/// Who keeps the configuration from being locked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holder {
    /// A session; the name says who, and since when, in the words of the switch.
    Session { name: String, id: Option<u32> },
    /// Somebody changed the candidate and did not commit. They may have logged out since.
    Uncommitted,
}

impl Holder {
    /// The holder that these errors of a lock request name; `None` if they are about something
    /// else.
    pub fn of(errors: &[RpcError]) -> Option<Self> {
        errors.iter().find_map(|error| {
            let message = error.message.to_ascii_lowercase();
            if let Some(at) = message.find("locked by") {
                let name = error.message.get(at + "locked by".len()..).unwrap_or_default();
                let name = name.trim_start_matches([':', ' ']).to_owned();
                return Some(Self::Session { name, id: error.session_id });
            }
            if message.contains("database modified") {
                return Some(Self::Uncommitted);
            }
            let is_denied = error.tag.as_deref() == Some("lock-denied");
            is_denied.then(|| Self::Session { name: error.message.clone(), id: error.session_id })
        })
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session { name, .. } if !name.is_empty() => f.write_str(name),
            Self::Session { id: Some(id), .. } => write!(f, "session {id}"),
            Self::Session { id: None, .. } => f.write_str("another session"),
            Self::Uncommitted => f.write_str("uncommitted changes in the shared candidate"),
        }
    }
}
