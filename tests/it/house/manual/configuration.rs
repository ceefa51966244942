//! The page of the configuration: its keys, defaults, bounds and examples are the program's.

use std::collections::BTreeSet;

use mistgate_core::chat::KINDS;
use mistgate_core::chat::kind::Kind;
use mistgate_core::config::files::Files;
use mistgate_core::config::raw::{Draft, Report, Source};
use toml::{Table, Value};

use super::{anchors, blocks, pages, read, rows, same};
use crate::base::binary::{Place, output, text};
use crate::cli::examples::content;

const CONFIGURATION: &str = "appliance/docs/configuration.md";
/// A key that no section has, and that no key could be meant by.
const NO_KEY: &str = "zzzzzzzzzzzz";

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
    let is_for_junos = section.is("ports") || section.is("ports.template");
    let in_use = format!(
        "[mist]\ntoken_file = \"token\"\norg_id = \"978c48e6-6ef6-11e6-8bbf-02e208b2d34f\"\n\
         [ports]\nmethod = \"{}\"\ndisconnect_check = \"{check}\"\n",
        // Of the ways to change ports, this one follows all keys of the section.
        method.map_or(if is_for_junos { "junos" } else { "mist" }, String::as_str)
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

/// Makes the destination one of the first kind that has this key, with all that this kind requires.
fn set_kind(file: &Table, key: &Key, keys: &[Key]) -> Table {
    let of_kind = |kind: &&Kind| {
        let mut file = file.clone();
        let table = key.section.table(&mut file);
        table.insert("kind".to_owned(), value(&format!("{:?}", kind.name)));
        for required in kind.keys.iter().filter(|key| key.is_required) {
            let is_row = |row: &&Key| row.section == key.section && row.name == required.name;
            let row = keys.iter().find(is_row).expect("a row of the key");
            table.insert(row.name.clone(), value(&row.example));
        }
        let fits = with(file.clone(), key, &key.example).1.problems.is_empty();
        fits.then_some(file)
    };
    KINDS.iter().find_map(of_kind).unwrap_or_else(|| panic!("no kind has it: {key:?}"))
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
        let mut base = base(&keys, &key.section);
        if key.section.is("chat.destination") {
            base = set_kind(&base, key, &keys);
        }
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
        if let Some((lines, bytes)) = key.bound.split_once(" lines of ") {
            let number = |text: &str| text.trim_end_matches(" bytes").parse().expect("a number");
            let (lines, bytes): (usize, usize) = (number(lines), number(bytes));
            // A line counts as long as with the longest name of a port.
            let list = |lines: usize, bytes: usize| {
                let rest = "x".repeat(bytes - "set mge-999/999/999:999 ".len());
                format!("[{}]", vec![format!("\"set <port> {rest}\""); lines].join(", "))
            };
            let is_taken = |lines, bytes| {
                let (_, report) = with(base.clone(), key, &list(lines, bytes));
                report.problems.is_empty()
            };
            assert!(is_taken(lines, bytes), "a smaller bound: {key:?}");
            let is_larger = is_taken(lines + 1, bytes) || is_taken(lines, bytes + 1);
            assert!(!is_larger, "a larger bound: {key:?}");
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
    for section in
        ["state_dir", "store", "mist", "webhook", "chat", "incidents", "ports", "proxy", "admin"]
    {
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
