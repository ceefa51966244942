//! The laws of the import: for any configuration of an old program, the new one is valid.

use mistgate_core::config::files::Files;
use mistgate_core::config::raw::{Draft, Source};
use mistgate_import::draft::Content;
use mistgate_import::micronets::Folder;
use mistgate_import::python::{DEPTH_MAX, Module};
use mistgate_import::value::{Form, Value};
use mistgate_import::{Imported, Program, Programs, import, python};

/// Any text is read or refused, whatever its line ends. Taken for an old program's configuration,
/// it becomes a configuration of ours whose only problems are missing values.
pub fn literals(data: &[u8]) {
    let text = &*String::from_utf8_lossy(data);
    let lines = u32::try_from(text.lines().count() + text.matches('\r').count() + 1);
    let lines = lines.expect("a number of lines");
    match python::parse(text) {
        Ok(module) => {
            for (name, value) in &module.assigned {
                assert!(!name.is_empty());
                bounded(value, lines, 0);
            }
            assert!(module.passed_over.iter().all(|line| (1..=lines).contains(line)));
            assert!(module.passed_over.is_sorted());
            any_ends(text, &module);
        }
        Err(error) => assert!((1..=lines).contains(&error.line), "{error:?} of {lines} lines"),
    }
    let program = |name: &str| Some(Program { name: name.into(), text: text.into() });
    let name = "old".into();
    let folder = Folder { name, program: program("websocket-proxy.py"), ..Folder::default() };
    for programs in [
        Programs { mwtt: program("mwtt.py"), ..Programs::default() },
        Programs { mesa: program("mesa.py"), ..Programs::default() },
        Programs { mwtt: program("mwtt.py"), mesa: program("mesa.py"), micronets: Some(folder) },
    ] {
        usable(&programs, lines);
    }
}

/// Asserts that the value nests no deeper than allowed, and that its lines are lines of the text.
fn bounded(value: &Value, lines: u32, depth: usize) {
    assert!((1..=lines).contains(&value.line), "line {} of {lines}", value.line);
    assert!(depth <= DEPTH_MAX, "deeper than the text");
    let parts: Vec<&Value> = match &value.form {
        Form::Call(values) | Form::List(values) => values.iter().collect(),
        Form::Dict(pairs) => pairs.iter().flat_map(|(key, value)| [key, value]).collect(),
        Form::Bool(_)
        | Form::Float(_)
        | Form::Integer(_)
        | Form::None
        | Form::Text(_)
        | Form::Unread(_) => Vec::new(),
    };
    for part in parts {
        bounded(part, lines, depth + 1);
    }
}

/// Asserts that the kind of line ends makes no difference.
fn any_ends(text: &str, module: &Module) {
    let unix = text.replace("\r\n", "\n").replace('\r', "\n");
    for ends in ["\n", "\r\n", "\r"] {
        let same = python::parse(&unix.replace('\n', ends));
        // With two bytes for each line end the text may be too long.
        if let Ok(same) = same {
            assert_eq!(same.assigned, module.assigned, "with lines that end in {ends:?}");
        }
    }
}

fn usable(programs: &Programs, lines: u32) {
    let (notes, imported) = match import(programs) {
        Ok(Imported { toml, files, notes }) => (notes, Some((toml, files))),
        Err(notes) => {
            assert!(!notes.is_empty());
            (notes, None)
        }
    };
    for note in notes {
        let line = note.to_string();
        assert!(!line.contains(char::is_control), "{line:?} is not one printable line");
        assert!((1..=lines).contains(&note.about.line), "{line:?} of {lines} lines");
        assert!(!note.about.what.is_empty() && !note.about.expected.is_empty(), "{line:?}");
    }
    let Some((toml, files)) = imported else {
        return;
    };
    let draft = Draft::parse(Source { name: "mistgate.toml", text: &toml });
    let mut contents = Files::new();
    for request in draft.files() {
        let file = files.iter().find(|file| file.name == request.path);
        if let Some(file) = file {
            let content = match &file.content {
                Content::Known(secret) => secret.expose(),
                Content::New => "drawn",
            };
            contents.insert(&request, Ok(content.as_bytes().to_vec()));
        }
    }
    for problem in draft.check(&contents).problems {
        let is_lack = problem.what == "missing" || problem.what == "the file was not read";
        // A method without its profile for access points is refused as a whole.
        assert!(is_lack || problem.key == "ports", "{problem:?}\n{toml}");
    }
}
