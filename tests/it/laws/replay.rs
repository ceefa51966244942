//! Runs each fuzz target over its committed corpus, without a fuzzer.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use mistgate_tests::targets;

use crate::base::threads::on_all_threads;

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let listed = fs::read_dir(folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let mut files: Vec<_> = listed.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

#[test]
fn every_corpus_holds() {
    let mut inputs = Vec::new();
    for (name, body) in targets::ALL {
        let files = files(&fuzz().join("corpus").join(name));
        assert!(!files.is_empty(), "no inputs for {name}");
        inputs.extend(files.into_iter().map(|file| (body, file)));
    }
    let name = |(_, file): &(fn(&[u8]), PathBuf)| file.display().to_string();
    on_all_threads(&inputs, name, |(body, file)| body(&fs::read(file).expect("it can be read")));
}

#[test]
fn every_target_is_built_and_explained() {
    let names: BTreeSet<_> = targets::ALL.iter().map(|(name, _)| (*name).to_owned()).collect();
    let built: BTreeSet<_> = files(&fuzz().join("targets"))
        .iter()
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect();
    assert_eq!(names, built);
    let manifest = fs::read_to_string(fuzz().join("Cargo.toml")).expect("fuzz/Cargo.toml");
    let readme = fs::read_to_string(fuzz().join("README.md")).expect("fuzz/README.md");
    for name in names {
        assert!(manifest.contains(&format!("path = \"targets/{name}.rs\"")), "{name} is not built");
        assert!(readme.contains(&format!("| `{name}` |")), "{name} is not explained");
    }
}
