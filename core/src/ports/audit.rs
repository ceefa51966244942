//! The lines of a report in the audit file and in the journal.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::report::text;
use crate::event::Topic;
use crate::event::ports::{PortChange, PortEvent};
use crate::notify::{Severity, topics};

/// In bytes: room for the lines of a large batch.
const ROOM: usize = 65_536;

/// One line of the audit file, without its line break: an event as JSON, of at most some 200
/// kilobytes.
pub fn line(event: PortEvent) -> String {
    text(event, ROOM)
}

/// A line of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The type of the event in lower case, such as `port_changed`.
    pub event: String,
    pub severity: Severity,
    pub values: Vec<(&'static str, String)>,
}

/// The lines of the journal: one for each change, or one for the whole event.
pub fn notes(event: &PortEvent) -> Vec<Note> {
    let row = topics::find(&Topic::Mistgate, &event.kind);
    let severity = row.map_or(Severity::Info, |row| row.severity);
    let note = |values| Note { event: event.kind.to_ascii_lowercase(), severity, values };
    let common = common(event);
    if event.changes.is_empty() {
        return Vec::from([note(common)]);
    }
    let of_change = |change: &PortChange| {
        let PortChange { port, mode, ap, reason, took, .. } = change;
        let mut values = Vec::from([("port", port.clone()), ("mode", mode.clone())]);
        values.extend(ap.clone().map(|ap| ("ap", ap)));
        values.push(("reason", reason.clone()));
        values.extend(common.iter().cloned());
        values.push(("took_ms", millis(*took)));
        note(values)
    };
    event.changes.iter().map(of_change).collect()
}

fn common(event: &PortEvent) -> Vec<(&'static str, String)> {
    let port = event.ports.first().filter(|_| event.changes.is_empty());
    let values = [
        ("port", port.cloned()),
        ("ap", event.ap.clone()),
        ("switch", event.switch.clone()),
        ("switch_mac", event.switch_mac.clone()),
        ("failure", event.failure.clone()),
        ("reason", event.reason.clone()),
        ("rule", event.rule.clone()),
        ("attempt", event.attempt.map(|attempt| attempt.to_string())),
        ("after_ms", event.after.map(millis)),
        ("read_back", event.read_back.then(|| "true".into())),
        ("hold_ms", event.hold.map(millis)),
        ("because", event.because.clone()),
    ];
    values.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
}

fn millis(secs: f64) -> String {
    // Every duration of an event is a whole number of milliseconds; half a one rounds it back.
    ((secs * 1e3 + 0.5) as u64).to_string()
}
