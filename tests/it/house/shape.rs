//! The shape of the tree, and the size of files, lines and functions.

use std::{collections::BTreeSet, fs};

use super::{none, root, sources};

/// Lines above `mod tests`; tables of data are exempt.
const FILE_LINES_MAX: usize = 520;
const FUNCTION_LINES_MAX: usize = 70;
const COLUMNS_MAX: usize = 100;
const TABLES: &str = "core/src/notify/types/";

#[test]
fn the_top_level_is_what_was_asked_for() {
    let asked = [
        "Cargo.lock",
        "Cargo.toml",
        "LICENSE",
        "README.md",
        "appliance",
        "core",
        "fuzz",
        "runtime",
        "tests",
    ];
    let allowed: BTreeSet<&str> = asked.into_iter().chain(["target", "mistgate-data"]).collect();
    // Configuration files of tools, which look for them in the root.
    let tools = ["deny.toml", "rustfmt.toml", "clippy.toml"];
    let there: Vec<String> = fs::read_dir(root())
        .expect("the root")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    for name in asked {
        assert!(there.iter().any(|there| there == name), "{name} is missing");
    }
    let extra = |name: &&String| {
        !name.starts_with('.')
            && !allowed.contains(name.as_str())
            && !tools.contains(&name.as_str())
    };
    assert_eq!(there.iter().find(extra), None);
}

#[test]
fn files_are_short_and_lines_narrow() {
    let mut faults = Vec::new();
    for (name, text) in sources() {
        let above_tests = text.lines().take_while(|line| !line.starts_with("#[cfg(test)]")).count();
        let is_test = name.starts_with("tests/it/") || name.ends_with("tests.rs");
        if above_tests > FILE_LINES_MAX && !name.starts_with(TABLES) && !is_test {
            faults.push(format!("{name}: {above_tests} lines"));
        }
        for (number, line) in (1..).zip(text.lines()) {
            let columns = line.chars().count();
            // A row of a table is one line, and some texts must not be broken.
            if columns > COLUMNS_MAX && !name.starts_with(TABLES) && !line.contains('"') {
                faults.push(format!("{name}:{number}: {columns} columns"));
            }
        }
    }
    none(faults);
}

/// Deep trees of names over many lines are hard to search and to merge.
#[test]
fn an_import_of_many_lines_names_one_module() {
    let mut faults = Vec::new();
    for (name, text) in sources() {
        let mut is_open = false;
        for (number, line) in (1..).zip(text.lines()) {
            if is_open && line.contains("::") && !line.trim_start().starts_with("//") {
                faults.push(format!("{name}:{number}: an import of several modules"));
            }
            let code = line.trim_start();
            is_open |=
                (code.starts_with("use ") || code.starts_with("pub use ")) && code.ends_with('{');
            is_open &= !code.ends_with("};");
        }
    }
    none(faults);
}

#[test]
fn functions_fit_on_a_screen() {
    let mut faults = Vec::new();
    for (name, text) in sources() {
        if name.starts_with("tests/") || name.ends_with("/tests.rs") {
            continue;
        }
        let mut began: Option<(usize, usize)> = None;
        for (number, line) in (1..).zip(text.lines()) {
            let indent = line.len() - line.trim_start().len();
            let code = line.trim_start();
            if code.starts_with("#[cfg(test)]") && indent == 0 {
                break;
            }
            let words: Vec<&str> = code.split(' ').take(4).collect();
            if words.contains(&"fn") && !code.starts_with("//") && began.is_none() {
                began = Some((number, indent));
            }
            if let Some((start, depth)) = began
                && indent == depth
                && (code == "}" || code.ends_with(';') || code.ends_with("{}"))
            {
                if number - start >= FUNCTION_LINES_MAX {
                    faults.push(format!("{name}:{start}: {} lines", number - start + 1));
                }
                began = None;
            }
        }
    }
    none(faults);
}

#[test]
fn the_core_cannot_name_the_world() {
    let lib = fs::read_to_string(root().join("core/src/lib.rs")).expect("the core");
    assert!(lib.contains("#![no_std]"));
    assert!(!lib.contains("extern crate std"));
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("the manifest");
    assert!(manifest.contains("unsafe_code = \"forbid\""));
    let faults = sources()
        .into_iter()
        .filter(|(name, _)| name.starts_with("core/src"))
        .filter(|(_, text)| text.contains("std::") && text.contains("use std"))
        .map(|(name, _)| format!("{name}: uses std"))
        .collect();
    none(faults);
}
