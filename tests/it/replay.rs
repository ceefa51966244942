//! Every input that a fuzzer found worth keeping, through its target, without a fuzzer.

use std::{
    collections::BTreeSet,
    fs,
    panic::catch_unwind,
    path::{Path, PathBuf},
};

use mistgate_tests::targets;

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
    for (name, body) in targets::ALL {
        let inputs = files(&fuzz().join("corpus").join(name));
        assert!(!inputs.is_empty(), "no inputs for {name}");
        for input in inputs {
            let data = fs::read(&input).expect("an input can be read");
            let held = catch_unwind(|| body(&data));
            assert!(held.is_ok(), "{name}: {}", input.display());
        }
    }
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
