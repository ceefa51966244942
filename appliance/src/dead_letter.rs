//! `mistgate dead-letter`: what a destination refused for good, or what grew too old.

use serde_json::Value;

use crate::args::dead_letter::{
    DeadLetter, DeadLetterKind, DropLetter, ListLetters, SendLetter, ShowLetter,
};
use crate::ask::{self, Failure, member, number, text};

pub(crate) fn run(args: &DeadLetter) -> Result<(), Failure> {
    match &args.kind {
        DeadLetterKind::List(ListLetters { config, json }) => {
            ask::show(config.as_deref(), "/dead-letters", *json, list)
        }
        DeadLetterKind::Show(ShowLetter { config, id }) => {
            ask::show(config.as_deref(), &format!("/dead-letters/{id}"), false, show)
        }
        DeadLetterKind::Send(SendLetter { config, id }) => {
            ask::act(config.as_deref(), &format!("/dead-letters/{id}/send"), *id, "")
        }
        DeadLetterKind::Drop(DropLetter { config, id }) => {
            ask::act(config.as_deref(), &format!("/dead-letters/{id}/drop"), *id, "")
        }
    }
}

/// A line for each, newest first.
fn list(answer: &Value) -> String {
    let letters = ask::list(answer, "letters");
    let line = |letter: &Value| {
        let id = number(letter, "id");
        let [at, to, topic, kind, reason] =
            ["at", "destination", "topic", "type", "reason"].map(|name| text(letter, name));
        format!("{id:>6}  {at:<24}  {to}  {topic} {kind}: {reason}")
    };
    let mut lines: Vec<String> = letters.iter().map(line).collect();
    match number(answer, "count").saturating_sub(letters.len() as u64) {
        0 => {}
        older => lines.push(format!("and {older} older ones")),
    }
    if lines.is_empty() { "there are no dead letters".to_owned() } else { lines.join("\n") }
}

fn show(letter: &Value) -> String {
    let fact = |name| format!("{name:<12}  {}\n", text(letter, name));
    let names = ["at", "destination", "reason", "topic", "type", "channel", "severity"];
    format!("{}{:#}", names.map(fact).concat(), member(letter, "event"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_list_has_a_line_for_each() {
        let letter = json!({
            "id": 17, "at": null, "destination": "slack/info", "topic": "alarms",
            "type": "AP_OFFLINE", "reason": "refused: 400 no_text", "event": { "a": 1 },
        });
        let expected = "    17  -                         slack/info  alarms AP_OFFLINE: \
                        refused: 400 no_text\nand 2 older ones";
        assert_eq!(list(&json!({ "count": 3, "letters": [letter] })), expected);
        assert_eq!(list(&json!({ "count": 0, "letters": [] })), "there are no dead letters");
        let shown = show(&letter);
        assert!(shown.starts_with("at            -\ndestination   slack/info\n"), "{shown}");
        assert!(shown.ends_with("severity      -\n{\n  \"a\": 1\n}"), "{shown}");
    }
}
