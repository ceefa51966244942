//! `mistgate incident`: what is wrong in the network.

use serde_json::{Value, json};

use crate::args::incident::{Acknowledge, Incident, IncidentKind, ListIncidents, ShowIncident};
use crate::ask::{self, Failure, list, member, number, text, time};

pub(crate) fn run(args: &Incident) -> Result<(), Failure> {
    match &args.kind {
        IncidentKind::Acknowledge(Acknowledge { config, comment, id }) => {
            let body = json!({ "comment": comment }).to_string();
            ask::act(config.as_deref(), &format!("/incidents/{id}/ack"), *id, &body)
        }
        IncidentKind::List(ListIncidents { config, json }) => {
            ask::show(config.as_deref(), "/incidents", *json, |answer| {
                let lines = lines(answer, usize::MAX);
                if lines.is_empty() { "no incident is open".to_owned() } else { lines }
            })
        }
        IncidentKind::Show(ShowIncident { config, id }) => {
            ask::show(config.as_deref(), &format!("/incidents/{id}"), false, show)
        }
    }
}

/// A line for each, up to so many, and one for the others.
pub(crate) fn lines(answer: &Value, max: usize) -> String {
    let incidents = list(answer, "incidents");
    let shown = incidents.len().min(max);
    let mut lines: Vec<String> = incidents.iter().take(shown).map(line).collect();
    match number(answer, "count").saturating_sub(shown as u64) {
        0 => {}
        more => lines.push(format!("and {more} more")),
    }
    lines.join("\n")
}

fn line(incident: &Value) -> String {
    let [severity, state, site, what] =
        ["severity", "state", "site", "summary"].map(|name| text(incident, name));
    let (id, since) = (number(incident, "id"), time(incident, "opened_at"));
    let more = acknowledged(incident) + &muted(incident);
    format!("{id:>6}  {severity:<8}  {state:<8}  {since}  {site}  {what}{more}")
}

/// Who takes care of it.
pub(crate) fn acknowledged(incident: &Value) -> String {
    let by = member(incident, "acknowledged.by").as_str();
    by.map(|by| format!(", acknowledged by {by}")).unwrap_or_default()
}

/// Why it is not told.
pub(crate) fn muted(incident: &Value) -> String {
    let muted = member(incident, "muted_by").as_str();
    muted.map(|why| format!(", muted: {why}")).unwrap_or_default()
}

fn show(incident: &Value) -> String {
    let fact = |name: &str, value: &str| format!("{name:<12}  {value}");
    let [summary, state, severity, site, mac, device] =
        ["summary", "state", "severity", "site", "mac", "device"].map(|name| text(incident, name));
    let device = match member(incident, "device_type").as_str() {
        Some(class) => format!("{class} {device} {mac}"),
        None => mac.to_owned(),
    };
    let times = match number(incident, "times") {
        0 | 1 => String::new(),
        times => format!(", it came {times} times"),
    };
    let mut lines = vec![
        fact("incident", summary),
        fact("state", &format!("{state}{}", muted(incident))),
        fact("severity", severity),
        fact("site", site),
        fact("device", &device),
        fact("opened", &time(incident, "opened_at")),
        fact("changed", &(time(incident, "changed_at") + &times)),
    ];
    for source in list(incident, "sources") {
        let (topic, kind) = (text(source, "topic"), text(source, "type"));
        lines.push(fact("source", &format!("{topic} {kind}")));
    }
    let by = member(incident, "acknowledged");
    if by.is_object() {
        let said = format!("{} by {}: {}", time(by, "at"), text(by, "by"), text(by, "comment"));
        lines.push(fact("acknowledged", &said));
    }
    for told in list(incident, "told") {
        let (to, severity, at) =
            (text(told, "destination"), text(told, "severity"), time(told, "at"));
        let known = match member(told, "as").as_str() {
            Some(state) => format!("{state}, {severity}, at {at}"),
            None => "nothing".to_owned(),
        };
        let due = if member(told, "due") == true { "; a message is due" } else { "" };
        lines.push(fact("told", &format!("{to}: {known}{due}")));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_a_line_for_each_and_one_is_shown_whole() {
        let incident = json!({
            "id": 12, "state": "open", "severity": "warning", "summary": "AP-1 down",
            "device": "AP-1", "device_type": "ap", "mac": "5c:5b:35:00:00:01", "site": "Branch-7",
            "opened_at": "2026-11-29T14:18:02.500Z", "changed_at": "2026-11-29T14:20:00.000Z",
            "times": 2, "sources": [{ "topic": "device-events", "type": "AP_DISCONNECTED" }],
            "acknowledged": { "by": "uid 0 (sudo: ann)", "comment": "on it",
                "at": "2026-11-29T14:21:00.000Z" },
            "muted_by": "silence 3",
            "told": [{ "destination": "slack/info", "as": "open", "severity": "warning",
                "at": "2026-11-29T14:18:33.000Z", "due": true }],
        });
        let answer = json!({ "count": 3, "incidents": [incident] });
        let expected = "    12  warning   open      2026-11-29 14:18  Branch-7  AP-1 down, \
                        acknowledged by uid 0 (sudo: ann), muted: silence 3\nand 2 more";
        assert_eq!(lines(&answer, 20), expected);
        assert_eq!(lines(&json!({ "count": 0, "incidents": [] }), 20), "");
        let expected = "\
incident      AP-1 down
state         open, muted: silence 3
severity      warning
site          Branch-7
device        ap AP-1 5c:5b:35:00:00:01
opened        2026-11-29 14:18
changed       2026-11-29 14:20, it came 2 times
source        device-events AP_DISCONNECTED
acknowledged  2026-11-29 14:21 by uid 0 (sudo: ann): on it
told          slack/info: open, warning, at 2026-11-29 14:18; a message is due";
        assert_eq!(show(&incident), expected);
    }
}
