//! What the audit file and the journal keep of a report.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};

use super::{
    account::{Context, Room, account, ap, because, switch_port},
    report::{Change, Report},
    switch_port::Switch,
};
use crate::{
    event::Topic,
    notify::{Severity, types},
};

/// Room for the lines of a large batch.
const ROOM: Room = Room(65_536);

/// One line of the audit file, without its line break: a JSON object as
/// [`account`](super::account) describes it, of at most some 200 kilobytes. `nth` counts the
/// reports of the same input.
pub fn line(report: &Report, context: &Context<'_>, nth: usize) -> String {
    account(report, &[], context, nth, ROOM)
}

/// A line of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The event, such as `port_changed`.
    pub event: String,
    /// How much it matters.
    pub severity: Severity,
    /// Its values.
    pub values: Vec<(&'static str, String)>,
}

/// The lines of the journal: one for each port that a report is about.
pub fn notes(report: &Report, context: &Context<'_>) -> Vec<Note> {
    let kind = report.kind();
    let severity = types::find(&Topic::Mistgate, kind).map_or(Severity::Info, |row| row.severity);
    let note = |values| Note { event: kind.to_ascii_lowercase(), severity, values };
    let common = common(report, context);
    if report.changes().is_empty() {
        return Vec::from([note(common)]);
    }
    let of_change = |change: &Change| {
        let Change { port, mode, ap, reason, took, lines: _ } = change;
        let mut values = Vec::from([("port", port.to_string()), ("mode", mode.name().to_string())]);
        values.extend(ap.map(|ap| ("ap", ap.plain())));
        values.push(("reason", reason.name().to_string()));
        values.extend(common.iter().cloned());
        values.push(("took_ms", took.as_millis().to_string()));
        note(values)
    };
    report.changes().iter().map(of_change).collect()
}

fn common(report: &Report, context: &Context<'_>) -> Vec<(&'static str, String)> {
    let mut values = Vec::new();
    if let Some(switch_port) = switch_port(report) {
        values.push(("port", switch_port.port.to_string()));
    }
    if let Some(ap) = ap(report) {
        values.push(("ap", ap.plain()));
    }
    if let Some(Switch { mac, name, .. }) = report.switch() {
        values.extend(name.as_ref().map(|name| ("switch", name.to_string())));
        values.push(("switch_mac", mac.plain()));
    } else if let Some(switch_port) = switch_port(report) {
        values.push(("switch_mac", switch_port.switch.plain()));
    }
    match report {
        Report::Kept { .. } | Report::Undecided { .. } => {
            values.push(("reason", report.cause().to_string()));
        }
        Report::Refused { refusal, .. } => {
            values.push(("rule", report.cause().to_string()));
            let after = refusal.until().map(|until| until - context.now);
            values.extend(after.map(|after| ("after_ms", after.as_millis().to_string())));
        }
        Report::Retrying { attempt, after, .. } => {
            values.push(("failure", report.cause().to_string()));
            values.push(("attempt", attempt.to_string()));
            values.push(("after_ms", after.as_millis().to_string()));
        }
        Report::Stuck { attempt, .. } => {
            values.push(("failure", report.cause().to_string()));
            values.push(("attempt", attempt.to_string()));
        }
        Report::Settled { is_read_back: true, .. } => values.push(("read_back", "true".into())),
        Report::Breaker { is_open: true, hold } => {
            values.push(("hold_ms", hold.as_millis().to_string()));
        }
        Report::Breaker { .. }
        | Report::Observed { .. }
        | Report::Overflow
        | Report::Settled { .. }
        | Report::Stopped(_) => {}
    }
    values.extend(because(report).map(|because| ("because", because)));
    values
}
