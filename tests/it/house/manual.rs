//! The manual as a test: its tables are held to the program in both directions, its links lead
//! somewhere, and its commands run.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};

use super::root;
use crate::base::binary::{binary, text};

pub(crate) mod configuration;
pub(crate) mod dashboards;
pub(crate) mod operations;

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
