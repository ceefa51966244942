//! The supply chain as a test: what `deny.toml` says of licences, bans and sources holds for all
//! that is built, and each direct dependency has its reason in the README. Advisories need a
//! database that is not here: `cargo deny check advisories` reads the same file before a release.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use serde_json::Value;
use spdx::{Expression, LicenseReq, Licensee, ParseMode};
use toml::{Table, Value as Toml};

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";
/// What is built is the same on the other two targets, except for their assembler.
const TARGET: &str = "x86_64-unknown-linux-musl";

fn read(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a folder of the workspace");
    fs::read_to_string(root.join(name)).expect("a file of ours")
}

fn table(name: &str) -> Table {
    read(name).parse().expect("TOML")
}

/// The texts of a list in a section of `deny.toml`.
fn listed(deny: &Table, section: &str, key: &str) -> Vec<String> {
    let list = deny.get(section).and_then(|section| section.get(key)).and_then(Toml::as_array);
    let list = list.unwrap_or_else(|| panic!("deny.toml: no list {section}.{key}"));
    list.iter().filter_map(Toml::as_str).map(str::to_owned).collect()
}

fn packages() -> Vec<Value> {
    let filter = format!("--filter-platform={TARGET}");
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--locked", "--format-version=1", &filter])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo's JSON");
    // The packages of all targets are listed; only those of the graph are built.
    let nodes = metadata["resolve"]["nodes"].as_array().expect("a graph");
    let built: BTreeSet<&str> = nodes.iter().filter_map(|node| node["id"].as_str()).collect();
    let packages = metadata["packages"].as_array().expect("packages").iter();
    let built = |package: &&Value| package["id"].as_str().is_some_and(|id| built.contains(id));
    let packages: Vec<Value> = packages.filter(built).cloned().collect();
    assert!(packages.len() > 100, "only {} packages", packages.len());
    packages
}

#[test]
fn licences_bans_and_sources_are_those_of_deny_toml() {
    let deny = table("deny.toml");
    let allowed: Vec<Licensee> = listed(&deny, "licenses", "allow")
        .iter()
        .map(|name| Licensee::parse(name).unwrap_or_else(|error| panic!("{name}: {error}")))
        .collect();
    let is_allowed = |one: &LicenseReq| allowed.iter().any(|own| own.satisfies(one));
    let banned = listed(&deny, "bans", "deny");
    assert!(!allowed.is_empty() && !banned.is_empty());
    let mut faults = Vec::new();
    for package in packages() {
        let name = package["name"].as_str().expect("a name");
        let licence = package["license"].as_str().unwrap_or_default();
        // "MIT/Apache-2.0" is how cargo wrote it once.
        match Expression::parse_mode(licence, ParseMode::LAX) {
            Ok(licence) if licence.evaluate(is_allowed) => {}
            Ok(_) => faults.push(format!("{name}: licence {licence}")),
            Err(error) => faults.push(format!("{name}: licence {licence:?}: {error}")),
        }
        if banned.iter().any(|banned| banned == name) {
            faults.push(format!("{name}: banned"));
        }
        let is_ours = package["source"].is_null();
        if !is_ours && package["source"] != CRATES_IO {
            faults.push(format!("{name}: comes from {}", package["source"]));
        }
        let wild = |needed: &&Value| needed["req"] == "*" && needed["path"].is_null();
        for needed in package["dependencies"].as_array().into_iter().flatten().filter(wild) {
            faults.push(format!("{name}: any version of {}", needed["name"]));
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// The names in the first column of the README's table of dependencies.
fn explained() -> Vec<String> {
    let readme = read("README.md");
    let (_, table) = readme.split_once("## What it is made of").expect("the README's section");
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `"));
    let cells = rows.filter_map(|row| row.split_once(" | ")).map(|(names, _)| names);
    let names = cells.flat_map(|names| names.split(", ").map(|name| name.trim_matches('`')));
    names.map(str::to_owned).collect()
}

#[test]
fn each_direct_dependency_has_its_reason_in_the_readme() {
    let manifest = table("Cargo.toml");
    let dependencies = manifest["workspace"]["dependencies"].as_table().expect("a table");
    let direct: Vec<&str> = dependencies
        .iter()
        .filter(|(_, how)| how.get("path").is_none())
        .map(|(name, _)| name.as_str())
        .collect();
    let mut explained = explained();
    explained.sort_unstable();
    assert_eq!(explained, direct);
}
