//! The supply chain as a test: all that is built keeps `deny.toml`'s rules on licences, bans and
//! sources, and the manual gives a reason for each direct dependency. Advisories need a database
//! from the network: `cargo deny check advisories` reads the same file before a release.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use serde::Deserialize;
use spdx::{Expression, LicenseReq, Licensee, ParseMode};
use toml::{Table, Value as Toml};

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";
/// The other two targets have the same packages, except for assembler.
const TARGET: &str = "x86_64-unknown-linux-musl";

fn read(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a folder of the workspace");
    fs::read_to_string(root.join(name)).expect("a file of ours")
}

fn table(name: &str) -> Table {
    read(name).parse().expect("TOML")
}

/// The strings of a list in a section of `deny.toml`.
fn listed(deny: &Table, section: &str, key: &str) -> Vec<String> {
    let list = deny.get(section).and_then(|section| section.get(key)).and_then(Toml::as_array);
    let list = list.unwrap_or_else(|| panic!("deny.toml: no list {section}.{key}"));
    list.iter().filter_map(Toml::as_str).map(str::to_owned).collect()
}

/// The parts of cargo's metadata that are used.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    license: Option<String>,
    /// `None` for packages of this workspace.
    source: Option<String>,
    dependencies: Vec<Need>,
}

#[derive(Deserialize)]
struct Need {
    name: String,
    req: String,
    path: Option<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
}

fn packages() -> Vec<Package> {
    let filter = format!("--filter-platform={TARGET}");
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--locked", "--format-version=1", &filter])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let Metadata { mut packages, resolve } =
        serde_json::from_slice(&output.stdout).expect("cargo's JSON");
    // All targets' packages are listed; only those of the graph are built.
    let built: BTreeSet<String> = resolve.nodes.into_iter().map(|node| node.id).collect();
    packages.retain(|package| built.contains(&package.id));
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
    for Package { name, license, source, dependencies, .. } in packages() {
        let licence = license.unwrap_or_default();
        // Old packages write "MIT/Apache-2.0".
        match Expression::parse_mode(&licence, ParseMode::LAX) {
            Ok(expression) if expression.evaluate(is_allowed) => {}
            Ok(_) => faults.push(format!("{name}: licence {licence}")),
            Err(error) => faults.push(format!("{name}: licence {licence:?}: {error}")),
        }
        if banned.contains(&name) {
            faults.push(format!("{name}: banned"));
        }
        if let Some(source) = source.filter(|source| source != CRATES_IO) {
            faults.push(format!("{name}: comes from {source}"));
        }
        for need in dependencies.iter().filter(|need| need.req == "*" && need.path.is_none()) {
            faults.push(format!("{name}: any version of {}", need.name));
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// The names in the first column of the manual's table of dependencies.
fn explained() -> Vec<String> {
    let table = read("appliance/docs/dependencies.md");
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `"));
    let cells = rows.filter_map(|row| row.split_once(" | ")).map(|(names, _)| names);
    let names = cells.flat_map(|names| names.split(", ").map(|name| name.trim_matches('`')));
    names.map(str::to_owned).collect()
}

#[test]
fn each_direct_dependency_has_its_reason_in_the_manual() {
    let manifest = table("Cargo.toml");
    let dependencies = manifest.get("workspace").and_then(|table| table.get("dependencies"));
    let dependencies = dependencies.and_then(Toml::as_table).expect("a table");
    let direct: Vec<&str> = dependencies
        .iter()
        .filter(|(_, how)| how.get("path").is_none())
        .map(|(name, _)| name.as_str())
        .collect();
    let mut explained = explained();
    explained.sort_unstable();
    assert_eq!(explained, direct);
}
