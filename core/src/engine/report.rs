//! Reports that a destination died or came back, for the readers of the other destinations, and
//! that the store was set aside.

use alloc::string::{String, ToString};

use serde::Serialize;

use crate::base::time::UnixTime;
use crate::chat::outcome::Reason;
use crate::delivery::config::Destination;
use crate::notify::Severity;

/// A report on a destination; as JSON the text of an event of topic `mistgate`.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    r#type: &'static str,
    #[serde(skip)]
    pub(super) severity: Severity,
    pub(super) destination: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    waiting: usize,
    /// Seconds by the wall clock; `None` if a timeout is the cause and not an input.
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<i64>,
}

impl Report {
    pub(super) fn parked(to: &Destination, reason: Reason) -> Self {
        Self {
            r#type: "DESTINATION_PARKED",
            severity: Severity::Warning,
            reason: Some(reason.to_string()),
            ..Self::resumed(to)
        }
    }

    pub(super) fn resumed(to: &Destination) -> Self {
        Self {
            r#type: "DESTINATION_RESUMED",
            severity: Severity::Info,
            destination: to.name.clone(),
            reason: None,
            waiting: 0,
            timestamp: None,
        }
    }

    /// The text of the event, which also says how many events wait there.
    pub(super) fn text(self, waiting: usize, at: Option<UnixTime>) -> Option<String> {
        let report = Self { waiting, timestamp: at.map(UnixTime::as_secs), ..self };
        serde_json::to_string(&report).ok()
    }
}

/// The text of the event that a damaged store is now this file.
pub fn set_aside(file: &str, reason: &str, at: UnixTime) -> String {
    let timestamp = at.as_secs();
    let report = serde_json::json!({
        "type": "STORE_SET_ASIDE", "file": file, "reason": reason, "timestamp": timestamp,
    });
    report.to_string()
}
