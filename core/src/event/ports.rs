//! The event of topic `mistgate` about switch ports, as one JSON object: it is a line of the audit
//! file, and what the chats describe.
//!
//! Members keep their names and meanings; more may be added. What an event does not have is left
//! out. Durations are in seconds, with milliseconds.

use alloc::{string::String, vec::Vec};

use serde::{Deserialize, Serialize};

/// A report about switch ports. Without changes it is about the port in `ports`, the access point
/// in `ap`, or neither.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct PortEvent {
    /// When, for people; `timestamp` is for programs.
    pub time: String,
    #[serde(rename = "type")]
    pub kind: String,
    /// Unique among all events.
    pub id: String,
    pub timestamp: f64,
    #[serde(skip_serializing_if = "is_default")]
    pub org_id: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub site_id: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub site_name: Option<String>,
    /// The switch's name.
    #[serde(skip_serializing_if = "is_default")]
    pub switch: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub switch_mac: Option<String>,
    /// The switch's id in Mist.
    #[serde(skip_serializing_if = "is_default")]
    pub device_id: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub ports: Vec<String>,
    /// The user who gave the command, for a manual change.
    #[serde(skip_serializing_if = "is_default")]
    pub by: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub ap: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub ap_name: Option<String>,
    /// The label for why nothing is changed. A refusal has `rule` instead, and a failure `failure`.
    #[serde(skip_serializing_if = "is_default")]
    pub reason: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub rule: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub failure: Option<String>,
    /// The words for `reason`, `rule` or `failure`.
    #[serde(skip_serializing_if = "is_default")]
    pub because: Option<String>,
    /// Whether only news of the port leads to another attempt.
    #[serde(skip_serializing_if = "is_default")]
    pub lasting: bool,
    /// Counts from 1.
    #[serde(skip_serializing_if = "is_default")]
    pub attempt: Option<u32>,
    /// From now to the next attempt.
    #[serde(skip_serializing_if = "is_default")]
    pub after: Option<f64>,
    /// How long no port is changed.
    #[serde(skip_serializing_if = "is_default")]
    pub hold: Option<f64>,
    /// Whether the change was found on the switch after its answer was lost.
    #[serde(skip_serializing_if = "is_default")]
    pub read_back: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub changes: Vec<PortChange>,
    /// The difference that the changes made together.
    #[serde(skip_serializing_if = "is_default")]
    pub diff: String,
    /// How many lines of `diff` and of the changes there was no room for.
    #[serde(skip_serializing_if = "is_default")]
    pub left_out: usize,
}

/// The change of one port.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct PortChange {
    pub port: String,
    pub mode: String,
    #[serde(skip_serializing_if = "is_default")]
    pub ap: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub ap_name: Option<String>,
    pub reason: String,
    /// The reason in words.
    pub because: String,
    /// From the first event to now.
    pub took: f64,
    #[serde(skip_serializing_if = "is_default")]
    pub lines: Vec<String>,
    /// By which a person approves or undoes it.
    #[serde(skip_serializing_if = "is_default")]
    pub number: Option<u64>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
