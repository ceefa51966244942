//! Real webhook bodies, and the messages that people would read.
//!
//! Every file under `vectors/mist/` has a golden file of the same name under `vectors/golden/`. It
//! shows for each event where it goes and why, and the payload for each chat. After an intended
//! change, `UPDATE=1 cargo test -p mistgate-tests vectors` rewrites them; read the difference.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use mistgate_core::chat::kind::{Format, Kind};
use mistgate_core::chat::shape::Form;
use mistgate_core::event::{Detail, Event};
use mistgate_core::notify::topics::describe;
use mistgate_core::route::{Routes, route};
use mistgate_core::webhook::envelope;

use mistgate_tests::chat::limits;
use serde_json::value::RawValue;

use crate::chat::limits::formats;

/// With fewer events the vectors were not found.
const EVENTS_MIN: usize = 200;
const DASHBOARD_HOST: &str = "manage.mist.com";
/// A JSON value that fits into this many columns stays on one line.
const WIDTH: usize = 100;

#[test]
fn every_body_becomes_the_golden_messages() {
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    let (inputs, golden) = (vectors.join("mist"), vectors.join("golden"));
    let update = std::env::var_os("UPDATE").is_some_and(|value| value == "1");
    let mut events = 0;
    let mut expected = BTreeSet::new();
    let mut faults = Vec::new();
    for input in files(&inputs) {
        let name = input.strip_prefix(&inputs).expect("a file below it").with_extension("txt");
        let body = fs::read(&input).expect("a vector can be read");
        let (text, count) = transcript(&body, &mut |fault| {
            faults.push(format!("{}: {fault}", name.display()));
        });
        events += count;
        let path = golden.join(&name);
        if update {
            fs::create_dir_all(path.parent().expect("below the folder")).expect("a folder");
            fs::write(&path, &text).expect("a golden file can be written");
        } else {
            let found = fs::read_to_string(&path).unwrap_or_default();
            faults.extend(
                difference(&found, &text).map(|line| format!("{}: {line}", name.display())),
            );
        }
        expected.insert(path);
    }
    for stale in files(&golden).into_iter().filter(|path| !expected.contains(path)) {
        if update {
            fs::remove_file(&stale).expect("a golden file can be removed");
        } else {
            faults.push(format!("{}: no vector of this name", stale.display()));
        }
    }
    assert!(events >= EVENTS_MIN, "only {events} events under {}", inputs.display());
    assert!(
        faults.is_empty(),
        "{} faults; UPDATE=1 rewrites the golden files\n{}",
        faults.len(),
        faults.iter().take(20).cloned().collect::<Vec<_>>().join("\n")
    );
}

/// The result of a body as readable text, and its number of events.
fn transcript(body: &[u8], fault: &mut impl FnMut(String)) -> (String, usize) {
    let envelope = match envelope::parse(body) {
        Ok(envelope) => envelope,
        Err(error) => return (format!("refused: {error}\n"), 0),
    };
    let routes = Routes::default();
    let mut text = String::new();
    if envelope.events.is_empty() {
        let _ = writeln!(text, "topic: {}\nno events", envelope.topic.name());
    }
    if envelope.broken > 0 {
        let _ = writeln!(text, "broken events: {}", envelope.broken);
    }
    for event in &envelope.events {
        messages(event, &routes, &mut text, fault);
    }
    (text, envelope.events.len())
}

/// The chats that an event goes to, and each one's payload.
pub(crate) fn messages(
    event: &Event<'_>,
    routes: &Routes,
    text: &mut String,
    fault: &mut impl FnMut(String),
) {
    let decision = route(event, routes);
    let _ = writeln!(
        text,
        "topic: {}\ntype: {}\nchannel: {}\nwhy: {}",
        event.topic().name(),
        event.kind().as_deref().unwrap_or("none"),
        decision.channel.unwrap_or("none"),
        decision.why,
    );
    let notification = describe(event, decision.severity, DASHBOARD_HOST);
    for (kind, format) in formats() {
        let payload = (format.shape)(&notification, Form::Rich, &limits::options(kind));
        let name = heading(kind, format);
        for line in limits::check(kind, &payload.body) {
            fault(format!("{name}: {line}"));
        }
        let query = payload.query.map(|query| format!(", ?{query}")).unwrap_or_default();
        let _ = writeln!(text, "\n{name}, {:?}{query}", payload.form);
        let json: &RawValue = serde_json::from_str(&payload.body).expect("valid JSON");
        pretty(Detail::from(json), 0, text);
        text.push('\n');
    }
    text.push('\n');
}

/// A heading such as `Slack` or `Teams(MessageCard)`.
fn heading(kind: &Kind, format: &Format) -> String {
    let words = |name: &str| -> String {
        let word = |word: &str| {
            let (first, rest) = word.split_at(1);
            first.to_uppercase() + rest
        };
        name.split('-').map(word).collect()
    };
    match kind.formats {
        [_] => words(kind.name),
        _ => format!("{}({})", words(kind.name), words(format.name)),
    }
}

/// Formats JSON, with members in their order, and a value on one line if it fits.
pub(crate) fn pretty(json: Detail<'_>, depth: usize, out: &mut String) {
    let raw = json.raw();
    let line_start = out.rfind('\n').map_or(0, |at| at + 1);
    let column = out.get(line_start..).map_or(0, |line| line.chars().count());
    if column + raw.chars().count() <= WIDTH || !raw.starts_with(['{', '[']) {
        out.push_str(raw);
        return;
    }
    let (open, close) = if raw.starts_with('{') { ("{", "}") } else { ("[", "]") };
    out.push_str(open);
    let mut separator = "";
    let mut next = |out: &mut String| {
        let _ = write!(out, "{separator}\n{:1$}", "", 2 * (depth + 1));
        separator = ",";
    };
    if raw.starts_with('{') {
        for (name, member) in json.members() {
            next(out);
            let _ = write!(out, "{name:?}: ");
            pretty(member, depth + 1, out);
        }
    } else {
        for item in json.items() {
            next(out);
            pretty(item, depth + 1, out);
        }
    }
    let _ = write!(out, "\n{:1$}{close}", "", 2 * depth);
}

/// The first line that differs.
pub(crate) fn difference(found: &str, expected: &str) -> Option<String> {
    if found == expected {
        return None;
    }
    let mut lines = found.lines();
    for (nth, wanted) in expected.lines().enumerate() {
        let line = lines.next();
        if line != Some(wanted) {
            let line = line.unwrap_or("the end");
            return Some(format!("line {}:\n  golden: {line}\n  now:    {wanted}", nth + 1));
        }
    }
    Some("the golden file has more lines".to_owned())
}

/// All files below a folder, in order. Empty if there is no folder.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.expect("a folder can be listed").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}
