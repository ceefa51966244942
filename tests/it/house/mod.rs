//! The repository itself: its shape, words, documents and supply chain.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

pub(crate) mod documents;
pub(crate) mod floors;
pub(crate) mod lines;
pub(crate) mod manual;
pub(crate) mod shape;
pub(crate) mod supply;
pub(crate) mod walks;
pub(crate) mod words;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests is a folder of the workspace")
}

/// Every Rust file of ours, by its path from the root.
fn sources() -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let mut folders: Vec<PathBuf> =
        ["core", "runtime", "appliance", "tests", "fuzz"].map(|name| root().join(name)).to_vec();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of ours") {
            let path = entry.expect("an entry").path();
            if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root()).expect("inside").display().to_string();
                files.insert(name, fs::read_to_string(&path).expect("UTF-8"));
            }
        }
    }
    assert!(files.len() > 50, "only {} files found", files.len());
    files
}

fn none(faults: Vec<String>) {
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}
