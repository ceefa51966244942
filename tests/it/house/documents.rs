//! What the documents refer to is there.

use std::fs;

use super::{none, root};

/// The paths in backquotes: those with a slash, and without a place for a name of the reader's.
/// What a build makes is not in the repository.
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
