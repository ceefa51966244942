//! Files that the documents refer to exist.

use std::fs;

use super::{none, root};

/// The paths in backquotes: they have a slash, and no placeholder for the reader to fill in. Files
/// that a build makes are left out.
fn paths(text: &str) -> Vec<&str> {
    let is_path = |code: &&str| {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "./_-".contains(c);
        let is_built = code.starts_with("target/");
        code.contains('/') && code.chars().all(is_plain) && !is_built
    };
    text.split('`').skip(1).step_by(2).filter(is_path).collect()
}

#[test]
fn contributing_names_what_is_there() {
    let name = ".github/CONTRIBUTING.md";
    let text = fs::read_to_string(root().join(name)).expect("the document");
    let paths = paths(&text);
    assert!(paths.len() > 20, "only {} paths in {name}", paths.len());
    let faults = paths
        .into_iter()
        .filter(|path| !root().join(path).exists())
        .map(|path| format!("{name}: there is no {path}"))
        .collect();
    none(faults);
}
