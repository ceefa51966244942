//! The manual as a test: its tables are held to the program in both directions, its links lead
//! somewhere, and its commands run.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::symlink,
    path::{Component, Path, PathBuf},
    process::{Command, Stdio},
};

use mistgate_core::{
    config::{
        files::Files,
        raw::{Draft, Report, Source},
    },
    event::Topic,
    notify::{Severity, types},
};
use toml::{Table, Value};

use super::root;
use crate::{
    base::binary::{Place, binary, output, text},
    cli::examples::content,
};

const CONFIGURATION: &str = "appliance/docs/configuration.md";
const OPERATIONS: &str = "appliance/docs/operations.md";
const ROLLOUT: &str = "appliance/docs/rollout.md";
/// A key that no section has, and that no key could be meant by.
const NO_KEY: &str = "zzzzzzzzzzzz";

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Every file below a folder, by its path from the root.
fn files(folder: &str, extension: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for path in entries.map(|entry| entry.expect("an entry").path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|own| own == extension) {
                let name = path.strip_prefix(root()).expect("inside");
                found.push(name.display().to_string());
            }
        }
    }
    found.sort();
    found
}

/// The pages of the manual.
fn pages() -> Vec<String> {
    let mut pages = vec!["README.md".to_owned(), "fuzz/README.md".to_owned()];
    pages.extend(["appliance", ".github"].iter().flat_map(|folder| files(folder, "md")));
    assert!(pages.len() > 10, "{pages:?}");
    pages
}

/// What a page has under a heading, up to the next one of its level.
fn under<'t>(page: &'t str, heading: &str) -> &'t str {
    let (_, rest) = page
        .split_once(&format!("\n{heading}\n"))
        .unwrap_or_else(|| panic!("there is no heading {heading}"));
    let level = heading.split(' ').next().unwrap_or_default();
    rest.split(&format!("\n{level} ")).next().unwrap_or_default()
}

/// The cells of the rows of all tables in a text, whose first cell is code.
fn rows(text: &str) -> impl Iterator<Item = Vec<&str>> {
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| row.trim_matches(['|', ' ']).split(" | ").map(str::trim).collect())
}

fn cell<'t>(cells: &[&'t str], nth: usize) -> &'t str {
    cells.get(nth).copied().unwrap_or_default()
}

/// The pieces of code in a text.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The code in the first cells of all tables under a heading.
fn named(page: &str, heading: &str) -> BTreeSet<String> {
    let page = read(page);
    let rows = rows(under(&page, heading));
    rows.flat_map(|cells| code(cell(&cells, 0)).map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// Fails with what is on one side only.
fn same(what: &str, manual: &BTreeSet<String>, program: &BTreeSet<String>) {
    assert!(!program.is_empty(), "{what}: nothing was found in the program");
    let unwritten: Vec<_> = program.difference(manual).collect();
    let unknown: Vec<_> = manual.difference(program).collect();
    assert!(
        unwritten.is_empty() && unknown.is_empty(),
        "{what}: not in the manual: {unwritten:?}; not in the program: {unknown:?}"
    );
}

// The configuration

/// One key, as the manual describes it.
#[derive(Debug)]
struct Key {
    section: Section,
    name: String,
    default: String,
    bound: String,
    example: String,
}

/// A heading of the page; none is the top of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Section {
    path: Vec<String>,
    /// Whether there may be several: `[[path]]`.
    is_list: bool,
}

impl Section {
    fn of(heading: &str) -> Self {
        let Some(path) = heading.strip_prefix('[') else {
            return Self::default();
        };
        let is_list = path.starts_with('[');
        let path = path.trim_matches(['[', ']']).split('.').map(str::to_owned).collect();
        Self { path, is_list }
    }

    /// The table of this section in a file, which is made where there is none.
    fn table<'t>(&self, file: &'t mut Table) -> &'t mut Table {
        let mut table = file;
        for (nth, name) in self.path.iter().enumerate() {
            let new = || match self.is_list && nth + 1 == self.path.len() {
                true => Value::Array(vec![Value::Table(Table::new())]),
                false => Value::Table(Table::new()),
            };
            let value = table.entry(name).or_insert_with(new);
            let value = if let Value::Array(list) = value {
                list.first_mut().expect("one was put there")
            } else {
                value
            };
            table = value.as_table_mut().expect("a table was put there");
        }
        table
    }

    fn is(&self, path: &str) -> bool {
        self.path.join(".") == path
    }
}

/// The sections of the page in their order, and their keys.
fn documented() -> (Vec<Section>, Vec<Key>) {
    let page = read(CONFIGURATION);
    let (mut sections, mut keys) = (Vec::new(), Vec::new());
    let mut section = None;
    for line in page.lines() {
        if line.starts_with('#') {
            let heading = line.trim_start_matches(['#', ' ']);
            let heading = heading.strip_prefix('`').and_then(|heading| heading.strip_suffix('`'));
            section = heading.map(Section::of);
            sections.extend(section.clone());
        } else if let (Some(section), Some(cells)) = (&section, rows(line).next()) {
            let [name, _, default, _, bound, example] = cells[..] else {
                panic!("{} cells: {line}", cells.len());
            };
            let plain = |cell: &str| cell.trim_matches('`').to_owned();
            keys.push(Key {
                section: section.clone(),
                name: plain(name),
                default: plain(default),
                bound: plain(bound),
                example: plain(example),
            });
        }
    }
    assert!(sections.len() > 20 && keys.len() > 100, "{} {}", sections.len(), keys.len());
    (sections, keys)
}

fn value(text: &str) -> Value {
    let table: Table = format!("key = {text}").parse().unwrap_or_else(|e| panic!("{text}: {e}"));
    table.get("key").expect("a key").clone()
}

/// What the program says of a file, whose files hold what they should.
fn judge(file: &Table) -> Report {
    let lines = file.iter().map(|(key, value)| format!("{key} = {}\n", written(value)));
    judge_text(&lines.collect::<String>())
}

/// A value on one line, as TOML has it.
fn written(value: &Value) -> String {
    match value {
        Value::Array(list) => {
            format!("[{}]", list.iter().map(written).collect::<Vec<_>>().join(", "))
        }
        Value::Boolean(flag) => flag.to_string(),
        Value::Integer(number) => number.to_string(),
        Value::String(text) => format!("{text:?}"),
        Value::Table(table) => {
            let entry = |(key, value): (&String, &Value)| format!("{key:?} = {}", written(value));
            format!("{{ {} }}", table.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
        Value::Datetime(_) | Value::Float(_) => panic!("no key takes {value:?}"),
    }
}

fn judge_text(text: &str) -> Report {
    let draft = Draft::parse(Source { name: "mistgate.toml", text });
    let mut files = Files::new();
    for request in draft.files() {
        files.insert(&request, Ok(content(&request.key, request.kind).into_bytes()));
    }
    draft.check(&files)
}

/// A file with every section that has required keys, in which this section is in use.
fn base(keys: &[Key], section: &Section) -> Table {
    let mut file = Table::new();
    for key in keys.iter().filter(|key| key.default == "required") {
        key.section.table(&mut file).insert(key.name.clone(), value(&key.example));
    }
    let method = section.path.get(1).filter(|method| ["junos", "cso"].contains(&method.as_str()));
    let check = if section.is("ports.outage") { "outage" } else { "lldp" };
    let in_use = format!(
        "[mist]\ntoken_file = \"token\"\norg_id = \"978c48e6-6ef6-11e6-8bbf-02e208b2d34f\"\n\
         [ports]\nmethod = \"{}\"\ndisconnect_check = \"{check}\"\n",
        method.map_or("mist", String::as_str)
    );
    let in_use: Table = in_use.parse().expect("TOML");
    for (name, values) in in_use {
        let own = Section { path: vec![name], is_list: false };
        own.table(&mut file).extend(values.as_table().expect("a table").clone());
    }
    // An absent section is switched off.
    section.table(&mut file);
    file
}

/// The file with this key, and without those that it excludes.
fn with(mut file: Table, key: &Key, text: &str) -> (Table, Report) {
    let table = key.section.table(&mut file);
    table.insert(key.name.clone(), value(text));
    let report = judge(&file);
    let excluded = report.problems.iter().find_map(|problem| {
        let other = problem.what.strip_suffix(" is set too")?;
        let both = [problem.key.as_str(), other].map(|path| path.rsplit('.').next());
        both.into_iter().flatten().find(|name| *name != key.name).map(str::to_owned)
    });
    let Some(excluded) = excluded else {
        return (file, report);
    };
    key.section.table(&mut file).remove(&excluded);
    let report = judge(&file);
    (file, report)
}

fn shown(report: &Report) -> String {
    let problems = report.problems.iter();
    let problems: Vec<_> = problems.map(|problem| problem.in_file("").to_string()).collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    format!("{:?}", report.config)
}

#[test]
fn every_key_has_its_row_and_every_row_a_key() {
    let (sections, keys) = documented();
    // The keys of this one are names of topics.
    for section in sections.iter().filter(|section| !section.is("chat.channels")) {
        let mut file = base(&keys, section);
        section.table(&mut file).insert(NO_KEY.to_owned(), Value::Integer(1));
        let report = judge(&file);
        let problem = report.problems.iter().find(|problem| problem.key.ends_with(NO_KEY));
        let problem = problem.unwrap_or_else(|| panic!("{section:?}: {:?}", report.problems));
        let known = problem.expected.strip_prefix("one of ").unwrap_or_default();
        let known = known.split(", ").filter(|name| !name.is_empty()).map(str::to_owned).collect();
        let below = sections.iter().filter_map(|other| {
            let (last, above) = other.path.split_last()?;
            (above == section.path).then(|| last.clone())
        });
        let rows = keys.iter().filter(|key| key.section == *section).map(|key| key.name.clone());
        let written: BTreeSet<String> = rows.chain(below).collect();
        if written.is_empty() {
            assert_eq!(problem.expected, "this section has no keys", "{section:?}");
        } else {
            same(&format!("{section:?}"), &written, &known);
        }
    }
    // What has keys of its own needs a heading.
    for key in keys.iter().filter(|key| !key.section.is("chat.channels")) {
        let (_, report) = with(base(&keys, &key.section), key, &format!("{{ {NO_KEY} = 1 }}"));
        let unknown = report.problems.iter().find(|problem| problem.what == "unknown key");
        assert!(unknown.is_none(), "{key:?}: {unknown:?}");
    }
}

#[test]
fn defaults_bounds_and_examples_are_those_of_the_program() {
    let (_, keys) = documented();
    for key in &keys {
        let base = base(&keys, &key.section);
        if key.section.is("chat.channels") {
            let name = key.name.replace("<topic>", "device-events").replace('"', "");
            let (topic, kind) = name.split_once('.').expect("a topic and a type");
            let mut section = key.section.clone();
            section.path.push(topic.to_owned());
            let mut file = base;
            section.table(&mut file).insert(kind.to_owned(), value(&key.example));
            shown(&judge(&file));
            continue;
        }
        let before = shown(&judge(&base));
        let (_, with_example) = with(base.clone(), key, &key.example);
        let with_example = shown(&with_example);
        match key.default.as_str() {
            "none" => {}
            "required" => {
                let mut without = base.clone();
                key.section.table(&mut without).remove(&key.name);
                let report = judge(&without);
                let path = key.section.path.join(".");
                let is_missed = |found: &&str| found.replace("[0]", "").starts_with(&path);
                let mut found = report.problems.iter().map(|problem| problem.key.as_str());
                assert!(found.any(|found| is_missed(&found)), "not required: {key:?}");
            }
            default => {
                let (_, with_default) = with(base.clone(), key, default);
                assert_eq!(shown(&with_default), before, "another default: {key:?}");
                assert_ne!(with_example, before, "the example changes nothing: {key:?}");
            }
        }
        let is_bounded = key.bound.starts_with(|c: char| c.is_ascii_digit())
            && key.bound.contains(" to ")
            && !key.bound.contains([':', ','])
            && !key.bound.contains(" in ");
        if is_bounded {
            let example = key.example.trim_matches('"');
            let unit = example.trim_start_matches(|c: char| c.is_ascii_digit());
            let zero = if unit.is_empty() { "0".to_owned() } else { format!("\"0{unit}\"") };
            let (_, report) = with(base, key, &zero);
            let expected = format!("from {}", key.bound);
            let found = report.problems.iter().any(|problem| problem.expected == expected);
            assert!(found, "another bound: {key:?}: {:?}", report.problems);
        }
    }
}

#[test]
fn configurations_in_the_manual_are_right() {
    let mut count = 0;
    for page in pages() {
        for (info, block) in blocks(&read(&page)) {
            if info != "toml" {
                continue;
            }
            count += 1;
            let is_whole = block.starts_with("state_dir");
            for problem in judge_text(&block).problems {
                // Parts lack what other parts have.
                let lacks = problem.what == "missing"
                    || problem.what.starts_with("without ")
                    || problem.what.starts_with("there is no section ");
                assert!(!is_whole && lacks, "{page}: {}\n{block}", problem.in_file(""));
            }
        }
    }
    assert!(count > 3, "only {count} configurations");
}

#[test]
fn check_names_the_page_of_each_section_that_it_complains_of() {
    let place = Place::new("");
    let anchors = anchors(&read(CONFIGURATION));
    for section in ["state_dir", "mist", "webhook", "chat", "ports", "proxy", "admin"] {
        let line = match section {
            "state_dir" => "state_dir = 1".to_owned(),
            _ => format!("[{section}]\n{NO_KEY} = 1"),
        };
        place.write("bad.toml", &line);
        let bad = output(place.path(), &["check", "--config", "bad.toml"]);
        let said = text(&bad.stderr);
        let last = said.lines().last().unwrap_or_default();
        assert!(last.contains(&format!("{CONFIGURATION}#{section}")), "{said}");
        assert!(anchors.contains(section), "{section}");
    }
}

// What can be seen while it runs

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

#[test]
fn members_of_status_are_those_of_the_manual() {
    let mut program = BTreeSet::new();
    for (name, text) in runtime() {
        if name.contains("/admin") {
            let names = text.split('"').skip(1).step_by(2);
            let behind = text.split('"').skip(2).step_by(2);
            let members = names.zip(behind).filter(|(_, rest)| rest.starts_with(": "));
            program.extend(members.map(|(name, _)| name.to_owned()));
        }
    }
    let paths = named(OPERATIONS, "## `/status`");
    let segments = paths.iter().flat_map(|path| path.split('.'));
    let manual = segments.map(|name| name.trim_end_matches("[]").to_owned()).collect();
    same("/status", &manual, &program);
    // They are where they are said to be.
    let place = Place::new("[chat.console]\n[ports]");
    let mistgate = place.start();
    mistgate.webhook();
    let status = mistgate.status();
    for path in paths.iter().filter(|path| !path.contains("ports[]") && !path.starts_with("proxy"))
    {
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
    for kind in types::tables(&Topic::Mistgate).iter().flat_map(|table| table.iter()) {
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
        for line in body.lines().map(str::trim) {
            if line.starts_with('#') {
                attributes.push_str(line);
            } else if let Some((name, _)) = line.split_once(": ") {
                let renamed = attributes.split("rename = \"").nth(1);
                let renamed = renamed.and_then(|rest| rest.split('"').next());
                if !attributes.contains("flatten") {
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
    let mut files = files("core/src/ports", "rs").into_iter().map(|name| read(&name));
    let of_changes = |text: &String| serialised(text).contains_key("Changed");
    let text = files.find(of_changes).expect("the file that writes a report as JSON");
    let structures = serialised(&text).into_iter();
    let program = structures.flat_map(|(name, members)| {
        let above = if name == "Changed" { "changes[]." } else { "" };
        members.into_iter().map(move |member| format!("{above}{member}"))
    });
    same("audit", &named(OPERATIONS, "## Audit of switch ports"), &program.collect());
}

/// The words that a function of a type in one of these wings of the core gives to its variants.
fn words(wings: &[&str], of: &str, function: &str) -> BTreeSet<String> {
    let files = wings.iter().flat_map(|wing| files(&format!("core/src/{wing}"), "rs"));
    let body = |name: String| {
        let text = read(&name);
        let (_, methods) = text.split_once(&format!("\nimpl {of} {{"))?;
        let methods = methods.split("\n}\n").next()?;
        let (_, body) = methods.split_once(&format!("fn {function}("))?;
        body.split("\n    }").next().map(str::to_owned)
    };
    let bodies: Vec<String> = files.filter_map(body).collect();
    assert_eq!(bodies.len(), 1, "{wings:?}: impl {of} with fn {function}");
    let words = bodies.iter().flat_map(|body| body.split("=> \"").skip(1));
    words.filter_map(|rest| rest.split('"').next()).map(str::to_owned).collect()
}

#[test]
fn reasons_are_those_of_the_manual() {
    for (page, heading, wings, of, function) in [
        (OPERATIONS, "### A destination is parked", &["chat", "delivery"][..], "Reason", "name"),
        (OPERATIONS, "### Events are dropped", &["delivery"], "Loss", "name"),
        (OPERATIONS, "### A port is stuck", &["base"], "Failure", "name"),
        (OPERATIONS, "### A port change was refused", &["ports"], "Refusal", "rule"),
        (ROLLOUT, "## How to read a difference", &["ports"], "Reason", "name"),
    ] {
        same(heading, &named(page, heading), &words(wings, of, function));
    }
}

// Links and commands

/// The blocks of code of a page, each with the words behind its fence.
fn blocks(page: &str) -> Vec<(String, String)> {
    let mut blocks: Vec<(String, String)> = Vec::new();
    let mut is_open = false;
    for line in page.lines() {
        if let Some(info) = line.strip_prefix("```") {
            is_open = !is_open;
            if is_open {
                blocks.push((info.to_owned(), String::new()));
            }
        } else if let (true, Some((_, block))) = (is_open, blocks.last_mut()) {
            block.push_str(line);
            block.push('\n');
        }
    }
    blocks
}

/// A page without its blocks of code.
fn prose(page: &str) -> String {
    page.split("```").step_by(2).collect()
}

/// The anchors of a page's headings, as GitHub makes them.
fn anchors(page: &str) -> BTreeSet<String> {
    let prose = prose(page);
    let headings = prose.lines().filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| -> String {
        let words = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = words.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(anchor).collect()
}

#[test]
fn every_link_leads_somewhere() {
    let (mut count, mut faults) = (0, Vec::new());
    for page in pages() {
        let prose = prose(&read(&page));
        for target in prose.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if target.contains("://") {
                continue;
            }
            count += 1;
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let folder = Path::new(&page).parent().unwrap_or(Path::new(""));
            let path = match file {
                "" => PathBuf::from(&page),
                file => plain(&folder.join(file)),
            };
            if !root().join(&path).exists() {
                faults.push(format!("{page}: {target}: no such file"));
            } else if !anchor.is_empty()
                && !anchors(&read(&path.display().to_string())).contains(anchor)
            {
                faults.push(format!("{page}: {target}: no such heading"));
            }
        }
    }
    assert!(count > 50, "only {count} links");
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// A path without `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        if part == Component::ParentDir {
            plain.pop();
        } else {
            plain.push(part);
        }
    }
    plain
}

#[test]
fn commands_that_can_run_do() {
    let mut count = 0;
    for page in pages() {
        let text_of_page = read(&page);
        let blocks = blocks(&text_of_page).into_iter();
        let folder = tempfile::tempdir().expect("a folder");
        let programs = tempfile::tempdir().expect("a folder");
        symlink(binary(), programs.path().join("mistgate")).expect("a link");
        for (_, script) in blocks.filter(|(info, _)| info == "sh runnable") {
            count += 1;
            let done = Command::new("sh")
                .args(["-euc", &script])
                .env("PATH", format!("{}:/usr/bin:/bin", programs.path().display()))
                .current_dir(folder.path())
                .stdin(Stdio::null())
                .output()
                .expect("a shell");
            assert!(done.status.success(), "{page}: {script}{}", text(&done.stderr));
        }
    }
    assert!(count > 2, "only {count} blocks");
}

#[test]
fn the_readme_fits_on_two_screens() {
    let lines = read("README.md").lines().count();
    assert!(lines <= 120, "{lines} lines");
}
