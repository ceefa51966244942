//! What Prometheus and Grafana are told of mistgate: the dashboard and the alerts name metrics and
//! labels of the manual, and promtool takes and tries them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::{anchors, cell, code, read, root, rows, under};
use crate::base::binary::text;

const ALERTS: &str = "appliance/dashboards/alerts.yml";
const DASHBOARD: &str = "appliance/dashboards/mistgate.json";

/// What is behind each `before` in a text, as far as it is the name of a metric or label.
fn names<'t>(text: &'t str, before: &'t str) -> impl Iterator<Item = (&'t str, &'t str)> {
    text.split(before).skip(1).map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_lowercase() && c != '_');
        rest.split_at(end.unwrap_or(rest.len()))
    })
}

/// The labels that stand before an `=` in what is between braces.
fn selected(braces: &str) -> impl Iterator<Item = &str> {
    braces.split(", ").filter_map(|matcher| matcher.split(['=', '!']).next())
}

/// Fails unless each metric of an expression, and each label in it and in `shown` with it, is in
/// the manual's table. Gives the metrics.
fn check<'t>(expression: &'t str, shown: &str) -> BTreeSet<&'t str> {
    let page = read("appliance/docs/operations.md");
    let rows: BTreeMap<_, _> = rows(under(&page, "## Metrics"))
        .map(|cells| {
            let labels: Vec<_> = code(cell(&cells, 2)).map(str::to_owned).collect();
            (cell(&cells, 0).trim_matches('`').to_owned(), (cell(&cells, 1) == "histogram", labels))
        })
        .collect();
    let (mut metrics, mut known) = (BTreeSet::new(), vec!["instance", "job"]);
    for (name, rest) in names(expression, "mistgate_") {
        let parts = ["_bucket", "_count", "_sum"];
        let whole = parts.iter().find_map(|part| name.strip_suffix(part)).unwrap_or(name);
        let (is_histogram, labels) =
            rows.get(whole).unwrap_or_else(|| panic!("{name} is not in the manual: {expression}"));
        assert_eq!(*is_histogram, whole != name, "{name}: {expression}");
        let of_it = |label: &str| labels.iter().any(|own| own == label) || label == "instance";
        let braces = rest.strip_prefix('{').and_then(|rest| rest.split('}').next());
        for label in braces.into_iter().flat_map(selected) {
            assert!(of_it(label), "{name} has no label {label}: {expression}");
        }
        known.extend(labels.iter().map(String::as_str));
        known.extend(is_histogram.then_some("le"));
        metrics.insert(whole);
    }
    let grouped = expression.split("by (").skip(1).filter_map(|rest| rest.split(')').next());
    let grouped = grouped.flat_map(|labels| labels.split(", "));
    let shown = shown.replace("$labels.", "{{");
    for label in grouped.chain(names(&shown, "{{").map(|(label, _)| label)) {
        assert!(label.is_empty() || known.contains(&label), "no label {label}: {expression}");
    }
    metrics
}

fn promtool(folder: &Path, args: &[&str]) {
    let done = Command::new("promtool").args(args).current_dir(folder).output();
    let done = done.unwrap_or_else(|error| {
        panic!("promtool: {error} — RUNLEVEL=1 apt-get install prometheus, as tests/run does")
    });
    assert!(done.status.success(), "{args:?}: {}{}", text(&done.stdout), text(&done.stderr));
}

#[test]
fn alerts_name_metrics_and_sections_of_the_manual() {
    let (alerts, tests) = (read(ALERTS), read("appliance/dashboards/alerts.test.yml"));
    let rules: Vec<_> = alerts.split("- alert: ").skip(1).collect();
    assert!(rules.len() > 10, "{alerts}");
    for rule in rules {
        let (expression, shown) = rule.split_once("annotations:").expect("annotations");
        let name = expression.lines().next().unwrap_or_default();
        check(expression, shown);
        let severities = ["severity: critical\n", "severity: warning\n"];
        assert!(severities.iter().any(|severity| expression.contains(severity)), "{rule}");
        assert!(shown.contains(" summary: ") && shown.contains(" description: "), "{rule}");
        let (before, anchor) = shown.trim_end().rsplit_once(".md#").expect("a section");
        let page = before.split_whitespace().next_back().expect("a page");
        let is_there = anchors(&read(&format!("appliance/docs/{page}.md"))).contains(anchor);
        assert!(is_there, "{page}.md#{anchor}: there is no such heading");
        assert!(tests.contains(&format!("\"{name}\"")), "{name} is not tested");
    }
}

#[test]
fn promtool_takes_the_alerts_and_sees_them_fire() {
    let folder = root().join("appliance/dashboards");
    promtool(&folder, &["check", "rules", "--lint=all", "--lint-fatal", "alerts.yml"]);
    promtool(&folder, &["test", "rules", "alerts.test.yml"]);
}

#[test]
fn the_dashboard_shows_metrics_of_the_manual_from_any_source_of_data() {
    let dashboard: Value = serde_json::from_str(&read(DASHBOARD)).expect("JSON");
    let list = |of: &Value, name: &str| of.get(name).and_then(Value::as_array).cloned();
    let word = |of: &Value, pointer: &str| {
        let found = of.pointer(pointer).and_then(Value::as_str);
        found.unwrap_or_else(|| panic!("{pointer}: {of}")).to_owned()
    };
    assert_eq!(word(&dashboard, "/templating/list/0/type"), "datasource");
    assert_eq!(word(&dashboard, "/templating/list/0/name"), "datasource");
    let (mut ids, mut rules, mut shown) = (BTreeSet::new(), Vec::new(), BTreeSet::new());
    for panel in list(&dashboard, "panels").expect("panels") {
        assert!(ids.insert(panel.get("id").and_then(Value::as_u64).expect("an id")), "{panel}");
        if word(&panel, "/type") == "row" {
            continue;
        }
        assert!(!word(&panel, "/title").is_empty() && !word(&panel, "/description").is_empty());
        assert!(!word(&panel, "/fieldConfig/defaults/unit").is_empty(), "{panel}");
        assert_eq!(word(&panel, "/datasource/uid"), "${datasource}", "{panel}");
        for target in list(&panel, "targets").expect("targets") {
            assert_eq!(word(&target, "/datasource/uid"), "${datasource}", "{panel}");
            let (expression, legend) = (word(&target, "/expr"), word(&target, "/legendFormat"));
            assert!(!legend.is_empty(), "{target}");
            shown.extend(check(&expression, &legend).into_iter().map(str::to_owned));
            let record = format!("panel:{}", rules.len());
            let expression = expression.replace("$__rate_interval", "5m");
            rules.push(json!({ "record": record, "expr": expression }));
        }
    }
    assert!(shown.len() > 30, "{shown:?}");
    // JSON is YAML, so promtool says whether the expressions are right.
    let folder = tempfile::tempdir().expect("a folder");
    let rules = json!({ "groups": [{ "name": "panels", "rules": rules }] });
    fs::write(folder.path().join("panels.yml"), rules.to_string()).expect("a file");
    promtool(folder.path(), &["check", "rules", "panels.yml"]);
}
