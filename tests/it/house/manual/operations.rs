//! What can be seen of a running mistgate: metrics, `/status`, journal, audit and reasons in the
//! manual are those in the code.

use std::collections::{BTreeMap, BTreeSet};

use mistgate_core::event::Topic;
use mistgate_core::notify::{Severity, topics, types};

use super::{cell, code, files, read, rows, same, under};
use crate::base::binary::Place;

const OPERATIONS: &str = "appliance/docs/operations.md";
const ROLLOUT: &str = "appliance/docs/rollout.md";

/// The code in the first cells of all tables under a heading.
fn named(page: &str, heading: &str) -> BTreeSet<String> {
    let page = read(page);
    let rows = rows(under(&page, heading));
    rows.flat_map(|cells| code(cell(&cells, 0)).map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// All that the runtime's code consists of, without its tests.
fn runtime() -> BTreeMap<String, String> {
    let above_tests = |text: &str| text.split("#[cfg(test)]").next().unwrap_or("").to_owned();
    let files = files("runtime/src", "rs").into_iter();
    files.map(|name| (name.clone(), above_tests(&read(&name)))).collect()
}

/// The names in quotes that stand right behind `before`, whatever white space is between.
fn quoted_behind<'t>(text: &'t str, before: &str) -> Vec<&'t str> {
    let behind = text.split(before).skip(1);
    let quoted = behind.filter_map(|rest| rest.trim_start().strip_prefix('"')?.split('"').next());
    let is_name = |c: char| c.is_ascii_lowercase() || c == '_';
    quoted.filter(|name| !name.is_empty() && name.chars().all(is_name)).collect()
}

#[test]
fn metrics_are_those_of_the_manual() {
    let mut program = BTreeSet::new();
    for (name, text) in runtime() {
        if name.ends_with("metrics.rs") {
            let names = text.split('"').skip(1).step_by(2);
            let of_metrics = names.filter(|name| {
                (name.ends_with("_total") || name.ends_with("_seconds")) && !name.contains(' ')
            });
            program.extend(of_metrics.map(str::to_owned));
        }
        if name.contains("/admin") {
            for before in ["gauge(", "each(", "by("] {
                program.extend(quoted_behind(&text, before).into_iter().map(str::to_owned));
            }
        }
    }
    let page = read(OPERATIONS);
    let rows: Vec<_> = rows(under(&page, "## Metrics")).collect();
    let manual = rows.iter().map(|cells| cell(cells, 0).trim_matches('`').to_owned()).collect();
    same("metrics", &manual, &program);
    // What is seen of a real one has these kinds and labels.
    let place = Place::new("[chat.console]\n[ports]");
    let mistgate = place.start();
    mistgate.accept("{\"topic\":\"device-events\",\"events\":[{\"type\":\"AP_CONFIGURED\"}]}");
    mistgate.line("delivered", 1);
    let metrics = mistgate.ask("/metrics").body;
    for cells in &rows {
        let (name, kind) = (cell(cells, 0).trim_matches('`'), cell(cells, 1));
        if metrics.contains(&format!("# TYPE mistgate_{name} ")) {
            assert!(metrics.contains(&format!("# TYPE mistgate_{name} {kind}\n")), "{cells:?}");
        }
        for line in metrics.lines().filter(|line| line.starts_with(&format!("mistgate_{name}{{"))) {
            for label in code(cell(cells, 2)) {
                assert!(line.contains(&format!("{label}=\"")), "{cells:?}: {line}");
            }
        }
    }
    mistgate.stop();
}

/// The paths under a heading of the manual, whose members must be those of the files of the admin
/// endpoint that are `of` it.
fn members(heading: &str, of: impl Fn(&str) -> bool) -> BTreeSet<String> {
    let mut program = BTreeSet::new();
    for (name, text) in runtime() {
        if name.contains("/admin") && of(&name) {
            let names = text.split('"').skip(1).step_by(2);
            let behind = text.split('"').skip(2).step_by(2);
            let members = names.zip(behind).filter(|(_, rest)| rest.starts_with(": "));
            program.extend(members.map(|(name, _)| name.to_owned()));
        }
    }
    let paths = named(OPERATIONS, heading);
    let segments = paths.iter().flat_map(|path| path.split('.'));
    let manual = segments.map(|name| name.trim_end_matches("[]").to_owned()).collect();
    same(heading, &manual, &program);
    paths
}

#[test]
fn members_of_dead_letters_are_those_of_the_manual() {
    members("## `/dead-letters`", |name| name.ends_with("dead_letters.rs"));
}

#[test]
fn members_of_incidents_are_those_of_the_manual() {
    members("## `/incidents`", |name| name.ends_with("/incidents.rs"));
}

#[test]
fn members_of_status_are_those_of_the_manual() {
    let is_of_another = |name: &str| {
        ["/dead_letters.rs", "/incidents.rs", "/page.rs"].iter().any(|file| name.ends_with(file))
    };
    let paths = members("## `/status`", |name| !is_of_another(name));
    // They are where they are said to be.
    let place = Place::new("[chat.console]\n[ports]");
    let mistgate = place.start();
    mistgate.webhook();
    let status = mistgate.status();
    let is_empty = |path: &&String| {
        ["ports[]", "sites[]", "proxy", "mist.", "mist_orgs", "certificates"]
            .iter()
            .any(|part| path.contains(part))
    };
    for path in paths.iter().filter(|path| !is_empty(path)) {
        let pointer = format!("/{}", path.replace("[]", "/0").replace('.', "/"));
        assert!(status.pointer(&pointer).is_some(), "{path}: {status:#}");
    }
    mistgate.stop();
}

#[test]
fn events_of_the_journal_are_those_of_the_manual() {
    let mut program: BTreeMap<String, Option<&str>> = BTreeMap::new();
    for text in runtime().values() {
        for (level, name) in
            [("Debug", "debug"), ("Info", "info"), ("Warning", "warning"), ("Error", "error")]
        {
            for event in quoted_behind(text, &format!("Level::{level},")) {
                program.insert(event.to_owned(), Some(name));
            }
        }
        for before in ["self.note(", ".often(", ".exchange("] {
            for event in quoted_behind(text, before) {
                program.entry(event.to_owned()).or_insert(None);
            }
        }
    }
    for kind in topics::types(&Topic::Mistgate) {
        if types::is_of_ports(kind.name) {
            let level = match kind.severity {
                Severity::Critical => "error",
                Severity::Debug => "debug",
                Severity::Info => "info",
                Severity::Warning => "warning",
            };
            program.insert(kind.name.to_ascii_lowercase(), Some(level));
        }
    }
    let page = read(OPERATIONS);
    let rows: Vec<_> = rows(under(&page, "## Journal")).collect();
    let manual = rows.iter().map(|cells| cell(cells, 0).trim_matches('`').to_owned()).collect();
    same("journal", &manual, &program.keys().cloned().collect());
    for cells in rows {
        if let Some(Some(level)) = program.get(cell(&cells, 0).trim_matches('`')) {
            assert_eq!(cell(&cells, 1), *level, "{cells:?}");
        }
    }
}

/// The members of each structure in a file that is serialised, by the structure's name.
fn serialised(text: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut structures = BTreeMap::new();
    for part in text.split("#[derive(").skip(1).filter(|part| is_serialised(part)) {
        let Some((name, body)) = part.split_once("struct ").and_then(|(_, rest)| {
            let (head, rest) = rest.split_once('{')?;
            Some((head.split('<').next()?.trim(), rest.split("\n}").next()?))
        }) else {
            continue;
        };
        let (mut members, mut attributes) = (BTreeSet::new(), String::new());
        let lines = body.lines().map(str::trim).filter(|line| !line.starts_with("//"));
        for line in lines {
            if line.starts_with('#') {
                attributes.push_str(line);
            } else if let Some((name, _)) = line.split_once(": ") {
                let renamed = attributes.split("rename = \"").nth(1);
                let renamed = renamed.and_then(|rest| rest.split('"').next());
                if !attributes.contains("flatten") {
                    let name = name.trim_start_matches("pub ");
                    members.insert(renamed.unwrap_or(name).to_owned());
                }
                attributes.clear();
            }
        }
        structures.insert(name.to_owned(), members);
    }
    structures
}

fn is_serialised(part: &str) -> bool {
    part.split(')').next().is_some_and(|derived| derived.contains("Serialize"))
}

#[test]
fn members_of_the_audit_are_those_of_the_manual() {
    let structures = serialised(&read("core/src/event/ports.rs")).into_iter();
    let program = structures.flat_map(|(name, members)| {
        let above = if name == "PortChange" { "changes[]." } else { "" };
        members.into_iter().map(move |member| format!("{above}{member}"))
    });
    // What `Place` of core/src/ports/audit.rs adds.
    let program = program.chain(["number", "before"].map(str::to_owned)).collect();
    same("audit", &named(OPERATIONS, "## Audit of switch ports"), &program);
}

/// The words that a function of a type in one of these wings of the core gives to its variants.
fn words(wings: &[&str], of: &str, function: &str) -> BTreeSet<String> {
    let files = wings.iter().flat_map(|wing| files(&format!("core/src/{wing}"), "rs"));
    let body = |name: String| {
        let text = read(&name);
        let (_, methods) = text.split_once(&format!("\nimpl {of} {{"))?;
        let methods = methods.split("\n}\n").next()?;
        let (_, body) = methods.split_once(&format!("fn {function}("))?;
        // A word may be the first of several that are given together.
        let mut body = body.split("\n    }").next()?.split_whitespace().collect::<String>();
        for before in ["=>{(", "=>("] {
            body = body.replace(before, "=>");
        }
        Some(body)
    };
    let bodies: Vec<String> = files.filter_map(body).collect();
    assert_eq!(bodies.len(), 1, "{wings:?}: impl {of} with fn {function}");
    let words = bodies.iter().flat_map(|body| body.split("=>\"").skip(1));
    words.filter_map(|rest| rest.split('"').next()).map(str::to_owned).collect()
}

#[test]
fn reasons_are_those_of_the_manual() {
    for (page, heading, wings, of, function) in [
        (
            OPERATIONS,
            "### A destination is parked",
            &["chat", "delivery"][..],
            "Reason",
            "label_and_words",
        ),
        (OPERATIONS, "### Events are dropped", &["delivery"], "Loss", "name"),
        (OPERATIONS, "### A port is stuck", &["base"], "Failure", "facts"),
        (ROLLOUT, "## How to read a difference", &["ports"], "Reason", "row"),
    ] {
        same(heading, &named(page, heading), &words(wings, of, function));
    }
    let heading = "### A port change was refused";
    let governor = read("core/src/ports/governor.rs");
    let rules = governor.split('"').filter(|text| text.starts_with("ports."));
    same(heading, &named(OPERATIONS, heading), &rules.map(str::to_owned).collect());
}
