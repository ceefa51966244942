//! `mistgate silence`: what nobody is told of for a while.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::args::incident::{AddSilence, EndSilence, ListSilences, Silence, SilenceKind};
use crate::ask::{self, Failure, member, number, read, text, time};
use crate::incident;

/// The most incidents that a silence is said to cover, one by one.
const SHOWN_MAX: usize = 20;

pub(crate) fn run(args: &Silence) -> Result<(), Failure> {
    match &args.kind {
        SilenceKind::Add(args) => add(args),
        SilenceKind::End(EndSilence { config, id }) => {
            ask::act(config.as_deref(), &format!("/silences/{id}/end"), *id, "")
        }
        SilenceKind::List(ListSilences { config, json }) => {
            ask::show(config.as_deref(), "/silences", *json, list)
        }
    }
}

/// Says what it covers now before it is made.
fn add(args: &AddSilence) -> Result<(), Failure> {
    let AddSilence { config, terms, length, until, until_recovered, comment } = args;
    let mut by_key: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (key, value) in terms {
        by_key.entry(key).or_default().push(value);
    }
    let body = json!({
        "match": by_key,
        "for": length,
        "until": until,
        "until_recovered": until_recovered,
        "comment": comment,
    });
    let body = body.to_string();
    let covered = read(&ask::ask(config.as_deref(), "POST", "/silences/preview", body.clone())?)?;
    match number(&covered, "count") {
        0 => crate::say("it covers nothing that is open now"),
        count => {
            let noun = if count == 1 { "incident" } else { "incidents" };
            let lines = incident::lines(&covered, SHOWN_MAX);
            crate::say(&format!("it covers {count} open {noun} now:\n{lines}"));
        }
    }
    let made = read(&ask::ask(config.as_deref(), "POST", "/silences", body)?)?;
    crate::say(&format!("silence {}, {}", number(&made, "id"), end(&made)));
    Ok(())
}

fn end(silence: &Value) -> String {
    match member(silence, "until").is_string() {
        true => format!("until {} UTC", time(silence, "until")),
        false => "until that has recovered".to_owned(),
    }
}

fn list(answer: &Value) -> String {
    let line = |silence: &Value| {
        let terms = member(silence, "match").as_object().into_iter().flatten();
        let terms = terms.flat_map(|(key, values)| {
            let values = values.as_array().into_iter().flatten().filter_map(Value::as_str);
            values.map(move |value| format!(" {key}={value}"))
        });
        let terms: String = terms.collect();
        let (id, muted) = (number(silence, "id"), number(silence, "muted"));
        let comment = match text(silence, "comment") {
            "" | "-" => String::new(),
            comment => format!(": {comment}"),
        };
        let (end, by) = (end(silence), text(silence, "by"));
        format!("{id:>6}  {end}  mutes {muted} now {terms}, by {by}{comment}")
    };
    let lines: Vec<String> = ask::list(answer, "silences").iter().map(line).collect();
    if lines.is_empty() { "there are no silences".to_owned() } else { lines.join("\n") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_a_line_for_each() {
        let silence = json!({
            "id": 3, "match": { "site": ["Store-12", "Store-14"], "severity": ["warning"] },
            "until": "2026-12-24T08:00:00.000Z", "by": "uid 0", "comment": "new floor", "muted": 4,
        });
        let recovered = json!({
            "id": 4, "match": { "site": ["*"] }, "until": null, "by": "uid 0", "comment": "",
            "muted": 0,
        });
        let expected = "     \
3  until 2026-12-24 08:00 UTC  mutes 4 now  severity=warning site=Store-12 site=Store-14, by uid \
0: new floor\n     4  until that has recovered  mutes 0 now  site=*, by uid 0";
        assert_eq!(list(&json!({ "silences": [silence, recovered] })), expected);
        assert_eq!(list(&json!({ "silences": [] })), "there are no silences");
    }
}
