//! What `/status` says, and what of it is wrong.

use alloc::{borrow::ToOwned as _, format, string::String, vec::Vec};

use serde_json::Value;

/// What is wrong, one line each. `unready` is why it is not ready.
pub fn wrong(status: &Value, unready: Option<&str>) -> Vec<String> {
    let mut wrong = Vec::new();
    if let Some(reason) = unready {
        wrong.push(format!("it is not ready: {}", reason.trim_end()));
    }
    for file in list(status, "/store/set_aside") {
        wrong.push(format!("a damaged store was set aside: {}", text(file, "")));
    }
    for to in list(status, "/destinations").filter(|to| text(to, "/health") != "ready") {
        wrong.push(format!("{} takes no messages: {}", text(to, "/name"), text(to, "/reason")));
    }
    let parts = status.pointer("/mist/wrong").and_then(Value::as_object).into_iter().flatten();
    wrong.extend(parts.map(|(_, reason)| format!("the way from Mist: {}", text(reason, ""))));
    if status.pointer("/ports/stopped") == Some(&Value::Bool(true)) {
        wrong.push("no switch port is changed: the kill switch is on".to_owned());
    }
    if let Some(left) = seconds(status, "/ports/breaker_open_seconds") {
        let left = span(left);
        wrong.push(format!("no switch port is changed for {left}: too many APs went at once"));
    }
    let open = |severity| {
        let count = number(status, &format!("/incidents/by_severity/{severity}"));
        count.filter(|count| *count > 0).map(|count| format!("{count} {severity}"))
    };
    let severities = ["critical", "warning", "info", "debug"];
    let open: Vec<String> = severities.into_iter().filter_map(open).collect();
    if !open.is_empty() {
        wrong.push(format!("incidents are open: {}", open.join(", ")));
    }
    let doubtful = list(status, "/ports/ports").filter(|port| is_in_doubt(port)).count();
    if doubtful > 0 {
        wrong.push(format!("switch ports in doubt: {doubtful}"));
    }
    wrong
}

/// The first of what is wrong, and how much more is.
pub fn verdict(wrong: &[String]) -> String {
    match wrong {
        [] => "all is well".to_owned(),
        [only] => only.clone(),
        [first, rest @ ..] => format!("{first} — and {} more", rest.len()),
    }
}

/// Whether it is not certain that a port has the mode that it should have.
pub fn is_in_doubt(port: &Value) -> bool {
    let is_open = matches!(text(port, "/stage"), "reading_back" | "retrying" | "stuck");
    is_open || !text(port, "/last_failure").is_empty()
}

/// The elements of a list; none of another value.
pub fn list<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    value.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}

/// A text; empty for another value, or none.
pub fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// Seconds, or another number with a fraction.
pub(super) fn seconds(value: &Value, pointer: &str) -> Option<f64> {
    value.pointer(pointer).and_then(Value::as_f64)
}

/// A number without its fraction.
pub fn number(value: &Value, pointer: &str) -> Option<u64> {
    seconds(value, pointer).map(|number| number as u64)
}

/// Seconds as `35s`, `4m 40s`, `2h 5m`, `3d 4h`.
pub fn span(seconds: f64) -> String {
    // Whole seconds are enough.
    let seconds = seconds as u64;
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, minutes) => format!("{minutes}m {}s", seconds % 60),
        (0, hours, minutes) => format!("{hours}h {minutes}m"),
        (days, hours, _) => format!("{days}d {hours}h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_has_two_units() {
        let spans = [7.5, 280.0, 7_500.0, 273_600.0].map(span);
        assert_eq!(spans, ["7s", "4m 40s", "2h 5m", "3d 4h"]);
    }
}
