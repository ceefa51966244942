//! The lines of a report in the audit file and in the journal.

use alloc::{format, string::String, string::ToString, vec::Vec};

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::report::text;
use crate::notify::{Severity, topics};
use crate::{base::hex, event::Topic, event::ports::PortChange, event::ports::PortEvent};

/// In bytes: room for the lines of a large batch.
const ROOM: usize = 65_536;

/// What a line of the audit file says, without its place and line break: an event as JSON, of at
/// most some 200 kilobytes.
pub fn line(event: PortEvent) -> String {
    text(event, ROOM)
}

/// Where a line stands in the audit, so that nobody can change one, or take one out, unseen.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Place {
    /// From 1; 0 for a line that an earlier version wrote.
    number: u64,
    /// The SHA-256 of the line before, in hex.
    before: String,
}

impl Place {
    /// The place after a line, which is without its line break; or the first of all.
    pub fn after(line: Option<&str>) -> Self {
        let before = line.map(|line| hex::encode(&Sha256::digest(line))).unwrap_or_default();
        Self { number: line.map_or(0, |line| Self::of(line).number) + 1, before }
    }

    /// The place that a line claims.
    fn of(line: &str) -> Self {
        serde_json::from_str(line).unwrap_or_default()
    }

    /// An event, which is a JSON object, as the line in this place.
    pub fn line(&self, event: &str) -> String {
        let Self { number, before } = self;
        let members = event.strip_prefix('{').unwrap_or(event);
        format!("{{\"number\":{number},\"before\":\"{before}\",{members}")
    }
}

/// The first of lines that does not follow from the one before it. What an earlier version wrote
/// follows from nothing.
pub fn misplaced<'l>(lines: impl Iterator<Item = &'l str>) -> Option<usize> {
    let mut before: Option<&str> = None;
    lines.enumerate().find_map(|(index, line)| {
        let last = before.replace(line)?;
        let is_old = Place::of(line).number == 0 && Place::of(last).number == 0;
        (!is_old && Place::of(line) != Place::after(Some(last))).then_some(index)
    })
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
        let PortChange { port, mode, ap, reason, took, number, .. } = change;
        let mut values = Vec::from([("port", port.clone()), ("mode", mode.clone())]);
        values.extend(ap.clone().map(|ap| ("ap", ap)));
        values.extend(number.map(|number| ("change", number.to_string())));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_changed_or_taken_out_is_found() {
        let mut lines: Vec<String> = Vec::from(["{\"type\":\"OLD\"}".into()]);
        for nth in 1..5 {
            let place = Place::after(lines.last().map(String::as_str));
            lines.push(place.line(&format!("{{\"nth\":{nth}}}")));
        }
        let found = |lines: &[String]| misplaced(lines.iter().map(String::as_str));
        assert_eq!(found(&lines), None);
        assert!(lines.iter().last().is_some_and(|line| line.starts_with("{\"number\":4,")));
        // A part of the whole, such as what is left after a rotation, begins anywhere.
        assert_eq!(found(lines.get(2..).expect("three")), None);
        for index in 0..lines.len() - 1 {
            let mut changed = lines.clone();
            changed.get_mut(index).expect("a line").push(' ');
            assert_eq!(found(&changed), Some(index + 1), "{index}");
        }
        let mut shorter = lines.clone();
        shorter.remove(2);
        assert_eq!(found(&shorter), Some(2));
        lines.push("{}".into());
        assert_eq!(found(&lines), Some(5), "what is written by hand has no place");
    }
}
