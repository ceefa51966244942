//! What the audit file and the journal keep of a report.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};

use super::{
    report::{Change, Context, Facts, Report},
    switch_port::Switch,
    text::{Room, because, text},
};
use crate::{
    event::Topic,
    notify::{Severity, topics},
};

/// Room for the lines of a large batch.
const ROOM: Room = Room(65_536);

/// One line of the audit file, without its line break: a JSON object as
/// [`text`](super::text) describes it, of at most some 200 kilobytes. `nth` counts the
/// reports of the same input.
pub fn line(report: &Report, context: &Context<'_>, nth: usize) -> String {
    text(&report.facts(context.now), &[], context, nth, ROOM)
}

/// A line of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The event, such as `port_changed`.
    pub event: String,
    /// How much it matters.
    pub severity: Severity,
    pub values: Vec<(&'static str, String)>,
}

/// The lines of the journal: one for each port that a report is about.
pub fn notes(report: &Report, context: &Context<'_>) -> Vec<Note> {
    let facts = report.facts(context.now);
    let row = topics::find(&Topic::Mistgate, facts.kind);
    let severity = row.map_or(Severity::Info, |row| row.severity);
    let note = |values| Note { event: facts.kind.to_ascii_lowercase(), severity, values };
    let common = common(&facts);
    if facts.changes.is_empty() {
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
    facts.changes.iter().map(of_change).collect()
}

fn common(facts: &Facts<'_>) -> Vec<(&'static str, String)> {
    let mut values = Vec::new();
    values.extend(facts.switch_port.map(|switch_port| ("port", switch_port.port.to_string())));
    values.extend(facts.ap.map(|ap| ("ap", ap.plain())));
    if let Some(Switch { mac, name, .. }) = facts.switch {
        values.extend(name.as_ref().map(|name| ("switch", name.to_string())));
        values.push(("switch_mac", mac.plain()));
    } else if let Some(switch_port) = facts.switch_port {
        values.push(("switch_mac", switch_port.switch.plain()));
    }
    values.extend(facts.why.label().map(|(key, label)| (key, label.to_string())));
    values.extend(facts.attempt.map(|attempt| ("attempt", attempt.to_string())));
    values.extend(facts.after.map(|after| ("after_ms", after.as_millis().to_string())));
    values.extend(facts.is_read_back.then(|| ("read_back", "true".into())));
    values.extend(facts.hold.map(|hold| ("hold_ms", hold.as_millis().to_string())));
    values.extend(because(facts.why).map(|because| ("because", because)));
    values
}
