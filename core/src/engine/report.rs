//! Reports: what the people behind the other destinations should know about a dead one.

use alloc::string::{String, ToString};

use serde::Serialize;

use crate::{
    base::time::UnixTime, chat::outcome::Reason, config::checked::Destination, notify::Severity,
};

/// Something about a destination that the people behind the others should know.
#[derive(Debug)]
pub(super) struct Report {
    kind: &'static str,
    pub(super) severity: Severity,
    pub(super) destination: String,
    reason: Option<String>,
}

impl Report {
    pub(super) fn parked(to: &Destination, reason: Reason) -> Self {
        Self {
            kind: "DESTINATION_PARKED",
            severity: Severity::Warning,
            destination: to.name.clone(),
            reason: Some(reason.to_string()),
        }
    }

    pub(super) fn resumed(to: &Destination) -> Self {
        Self {
            kind: "DESTINATION_RESUMED",
            severity: Severity::Info,
            destination: to.name.clone(),
            reason: None,
        }
    }

    /// The report as the text of an event.
    pub(super) fn text(&self, waiting: usize, at: Option<UnixTime>) -> Option<String> {
        let text = ReportText {
            kind: self.kind,
            destination: &self.destination,
            reason: self.reason.as_deref(),
            waiting,
            timestamp: at.map(UnixTime::as_secs),
        };
        serde_json::to_string(&text).ok()
    }
}

/// A report in the form of an event.
#[derive(Serialize)]
struct ReportText<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    destination: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    waiting: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<i64>,
}
