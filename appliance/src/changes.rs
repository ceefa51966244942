//! `mistgate port list`, `approve`, `reject` and `undo`: the changes of switch ports.

use std::cmp::Reverse;

use mistgate_core::base::order;
use serde_json::Value;

use crate::args::port::{Approve, ListPorts, Undo};
use crate::ask::{self, Failure, member, text};

pub(crate) fn list(ListPorts { config, json, plan }: &ListPorts) -> Result<(), Failure> {
    let ports = ports(config.as_deref())?;
    let words = if *plan { planned } else { lines };
    crate::say(&if *json { format!("{:#}", Value::Array(ports)) } else { words(&ports) });
    Ok(())
}

/// The ports that are watched; none where there is no `[ports]`.
fn ports(config: Option<&str>) -> Result<Vec<Value>, Failure> {
    let status = ask::read(&ask::ask(config, "GET", "/status", "")?)?;
    Ok(ask::list(&status, "ports.ports").to_vec())
}

pub(crate) fn approve(Approve { config, all, id }: &Approve) -> Result<(), Failure> {
    let waits = |port: &&Value| member(port, "left").is_null();
    let ids = match (id, all) {
        (Some(id), false) => vec![*id],
        (None, true) => numbers(config.as_deref(), "approve", waits)?,
        (Some(_), true) | (None, false) => return Err(unclear("--all")),
    };
    order(config.as_deref(), &ids, "approve")
}

pub(crate) fn undo(Undo { config, last, id }: &Undo) -> Result<(), Failure> {
    let ids = match (id, last) {
        (Some(id), None) => vec![*id],
        (None, Some(count)) => {
            let mut ids = numbers(config.as_deref(), "undo", |_| true)?;
            order::sort_by_key(&mut ids, |id| Reverse(*id));
            ids.truncate(*count);
            ids
        }
        (Some(_), Some(_)) | (None, None) => return Err(unclear("--last")),
    };
    order(config.as_deref(), &ids, "undo")
}

fn unclear(option: &str) -> Failure {
    format!("give the number of a change, or {option} — see mistgate port list").into()
}

/// Orders this of each change, and ends at the first that is refused.
pub(crate) fn order(config: Option<&str>, ids: &[u64], what: &str) -> Result<(), Failure> {
    if ids.is_empty() {
        crate::say(&format!("there is nothing to {what}"));
    }
    ids.iter().try_for_each(|id| ask::act(config, &format!("/changes/{id}/{what}"), *id, ""))
}

/// The numbers of the changes about which this can be ordered.
fn numbers(
    config: Option<&str>,
    order: &str,
    is_meant: impl Fn(&&Value) -> bool,
) -> Result<Vec<u64>, Failure> {
    let ports = ports(config)?;
    let meant = ports.iter().filter(|port| takes(port, order)).filter(is_meant);
    Ok(meant.map(|port| ask::number(port, "change")).collect())
}

/// A line for each port with a change.
fn lines(ports: &[Value]) -> String {
    let line = |port: &Value| {
        let number = member(port, "change").as_u64()?;
        let is_changed = member(port, "changed_at").is_string();
        let changed = if is_changed { ask::time(port, "changed_at") } else { "not yet".to_owned() };
        Some(format!("{number:>10}  {changed:<16}  {}, {}", place(port), state(port)))
    };
    let lines: Vec<String> = ports.iter().filter_map(line).collect();
    if lines.is_empty() { "there are no changes".to_owned() } else { lines.join("\n") }
}

/// A port and its mode, or the one that it is to get.
fn place(port: &Value) -> String {
    let mode = member(port, "wanted").as_str().unwrap_or(text(port, "mode"));
    format!("{} {}: mode {mode}", text(port, "switch"), text(port, "port"))
}

/// Whether this can be ordered about the change of a port.
fn takes(port: &Value, order: &str) -> bool {
    ask::list(port, "orders").iter().any(|one| one == order)
}

/// What is so of a port, or will be next.
fn state(port: &Value) -> String {
    match (text(port, "left"), text(port, "refused_by"), text(port, "stage")) {
        ("-", "-", "resting") if takes(port, "undo") => "done".to_owned(),
        ("-", "-", "resting") => "as it is".to_owned(),
        ("-", "-", stage) => stage.replace('_', " "),
        ("-", "ports.approve_first", _) => "waits for port approve or port reject".to_owned(),
        ("-", rule, "due") => format!("waits, by {rule}"),
        ("-", rule, _) => format!("left alone, by {rule}"),
        (mode, _, _) => format!("left alone, without mode {mode}, by a person"),
    }
}

/// What mode enforce would do, or does: the ports that are right, those that are not, and those
/// that are left alone.
fn planned(ports: &[Value]) -> String {
    let [mut right, mut wrong, mut left] = [(); 3].map(|()| Vec::new());
    for port in ports {
        let place = place(port);
        let foreseen = member(port, "foreseen").as_str();
        let is_settled = text(port, "stage") == "resting"
            && member(port, "mode").is_string()
            && member(port, "observed") != true;
        if member(port, "left").is_string() || member(port, "refused_by").is_string() {
            left.push(format!("  {place}, {}\n", state(port)));
        } else if foreseen.map_or(is_settled, str::is_empty) {
            right.push(format!("  {place}\n"));
        } else {
            let lines = foreseen.unwrap_or("what is configured is not known").lines();
            let lines: String = lines.map(|line| format!("    {line}\n")).collect();
            wrong.push(format!("  {place}\n{lines}"));
        }
    }
    let parts = [("right", right), ("to be changed", wrong), ("left alone", left)];
    let part =
        |(title, ports): (_, Vec<String>)| format!("{title}: {}\n{}", ports.len(), ports.concat());
    parts.map(part).concat().trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_list_has_a_line_for_each_change_and_a_plan_one_for_each_port() {
        let port = |port: &str, more: &Value| {
            let mut all = json!({
                "switch": "sw-1", "port": port, "mode": "ap", "stage": "resting", "change": null,
                "orders": [], "changed_at": null, "left": null, "refused_by": null,
                "wanted": null, "observed": false, "foreseen": null,
            });
            let members = more.as_object().expect("an object").clone();
            all.as_object_mut().expect("an object").extend(members);
            all
        };
        let at = "2026-11-30T18:02:11.000Z";
        let ports = [
            port("ge-0/0/1", &json!({ "change": 17, "orders": ["undo"], "changed_at": at })),
            port(
                "ge-0/0/2",
                &json!({ "change": 18, "stage": "due", "mode": null, "wanted": "ap",
                         "orders": ["approve", "reject"], "refused_by": "ports.approve_first" }),
            ),
            port("ge-0/0/3", &json!({ "change": 16, "left": "ap", "mode": "default" })),
            port("ge-0/0/4", &json!({ "observed": true, "foreseen": "+ a\n+ b" })),
            port("ge-0/0/5", &json!({ "observed": true, "foreseen": "" })),
            port("ge-0/0/6", &json!({ "mode": null, "refused_by": "ports.never.ports" })),
        ];
        assert_eq!(
            lines(&ports).lines().collect::<Vec<_>>(),
            [
                "        17  2026-11-30 18:02  sw-1 ge-0/0/1: mode ap, done",
                "        18  not yet           sw-1 ge-0/0/2: mode ap, waits for port approve or port \
                 reject",
                "        16  not yet           sw-1 ge-0/0/3: mode default, left alone, without mode \
                 ap, by a person",
            ]
        );
        assert_eq!(
            planned(&ports).lines().collect::<Vec<_>>(),
            [
                "right: 2",
                "  sw-1 ge-0/0/1: mode ap",
                "  sw-1 ge-0/0/5: mode ap",
                "to be changed: 1",
                "  sw-1 ge-0/0/4: mode ap",
                "    + a",
                "    + b",
                "left alone: 3",
                "  sw-1 ge-0/0/2: mode ap, waits for port approve or port reject",
                "  sw-1 ge-0/0/3: mode default, left alone, without mode ap, by a person",
                "  sw-1 ge-0/0/6: mode -, left alone, by ports.never.ports",
            ]
        );
        assert_eq!(lines(&[]), "there are no changes");
    }
}
