//! Style as a test: the shape of the tree, the size of files and functions, the order of modules in
//! core and runtime.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Lines above `mod tests`; tables of data are exempt.
const FILE_LINES_MAX: usize = 520;
const FUNCTION_LINES_MAX: usize = 70;
const COLUMNS_MAX: usize = 100;
const TABLES: &str = "core/src/notify/types/";

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
    // Configuration of our tools, which look for it here.
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
            // A table's row is one line, and a text that must not be broken says what it says.
            if columns > COLUMNS_MAX && !name.starts_with(TABLES) && !line.contains('"') {
                faults.push(format!("{name}:{number}: {columns} columns"));
            }
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

/// The modules of a crate in the order in which they are listed, and which imports which.
struct Floors {
    folder: &'static str,
    order: Vec<String>,
    imports: BTreeMap<String, BTreeSet<String>>,
}

impl Floors {
    fn of(folder: &'static str) -> Self {
        let sources = sources();
        let mut floors = Self { folder, order: Vec::new(), imports: BTreeMap::new() };
        floors.visit(&sources, "", &format!("{folder}/src/lib.rs"));
        for module in floors.order.clone() {
            let imports = floors.imports_of(&sources, &module);
            floors.imports.insert(module, imports);
        }
        floors
    }

    /// Lists a module's children, deepest first where the parent only lists them.
    fn visit(&mut self, sources: &BTreeMap<String, String>, module: &str, file: &str) {
        for line in sources.get(file).expect("a listed module").lines() {
            let declared = line.split_once("mod ").and_then(|(_, name)| name.strip_suffix(';'));
            let Some(name) = declared.filter(|_| !line.starts_with([' ', '/'])) else {
                continue;
            };
            let child =
                if module.is_empty() { name.to_owned() } else { format!("{module}::{name}") };
            let Some(file) = self.file_of(sources, &child) else {
                continue;
            };
            self.order.push(child.clone());
            self.visit(sources, &child, &file);
        }
    }

    fn imports_of(&self, sources: &BTreeMap<String, String>, module: &str) -> BTreeSet<String> {
        let file = self.file_of(sources, module).expect("a listed module");
        let text = sources.get(&file).expect("a listed module");
        let text = text.split("#[cfg(test)]").next().unwrap_or_default();
        let mut imports = BTreeSet::new();
        for statement in text.split("\nuse ").skip(1) {
            let statement: String =
                statement.split(';').next().unwrap_or_default().split_whitespace().collect();
            for path in expand(&statement) {
                imports.extend(self.resolve(module, &path));
            }
        }
        imports.remove(module);
        imports
    }

    fn file_of(&self, sources: &BTreeMap<String, String>, module: &str) -> Option<String> {
        let (folder, path) = (self.folder, module.replace("::", "/"));
        [format!("{folder}/src/{path}.rs"), format!("{folder}/src/{path}/mod.rs")]
            .into_iter()
            .find(|file| sources.contains_key(file))
    }

    /// The module in which the last name of a path is defined.
    fn resolve(&self, module: &str, path: &str) -> Option<String> {
        let path = if let Some(rest) = path.strip_prefix("crate::") {
            rest.to_owned()
        } else if let Some(rest) = path.strip_prefix("super::super::") {
            join(parent(parent(module)), rest)
        } else if let Some(rest) = path.strip_prefix("super::") {
            join(parent(module), rest)
        } else {
            join(module, path.strip_prefix("self::")?)
        };
        let within = |known: &&String| path == **known || path.starts_with(&format!("{known}::"));
        self.order.iter().filter(within).max_by_key(|known| known.len()).cloned()
    }
}

fn parent(module: &str) -> &str {
    module.rsplit_once("::").map_or("", |(parent, _)| parent)
}

fn join(module: &str, rest: &str) -> String {
    if module.is_empty() { rest.to_owned() } else { format!("{module}::{rest}") }
}

/// `a::{b,c::{d,e}}` as `a::b`, `a::c::d`, `a::c::e`.
fn expand(tree: &str) -> Vec<String> {
    let Some((prefix, rest)) = tree.split_once('{') else {
        return vec![tree.split(" as ").next().unwrap_or(tree).to_owned()];
    };
    let inner = rest.strip_suffix('}').unwrap_or(rest);
    let (mut depth, mut start, mut paths) = (0, 0, Vec::new());
    for (at, c) in inner.char_indices().chain([(inner.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                // Behind a last comma nothing is imported.
                let branch = inner.get(start..at).filter(|branch| !branch.is_empty());
                let branch = branch.map(expand).unwrap_or_default();
                paths.extend(branch.into_iter().map(|path| format!("{prefix}{path}")));
                start = at + 1;
            }
            _ => {}
        }
    }
    paths
}

#[test]
fn the_core_has_floors_and_no_circles() {
    keeps_to_its_floors(&Floors::of("core"), false);
}

#[test]
fn the_runtime_has_floors_and_no_circles() {
    keeps_to_its_floors(&Floors::of("runtime"), true);
}

/// A module imports only from what is listed above it, and from its own children. Where
/// `children_look_up`, a task's file and its children, which carry out parts of it, may import each
/// other.
fn keeps_to_its_floors(floors: &Floors, children_look_up: bool) {
    let place: BTreeMap<&str, usize> =
        floors.order.iter().enumerate().map(|(place, module)| (module.as_str(), place)).collect();
    let mut faults = Vec::new();
    for (module, imports) in &floors.imports {
        for import in imports {
            let is_child = import.starts_with(&format!("{module}::"));
            let is_parent = module.starts_with(&format!("{import}::"));
            let uphill = place.get(import.as_str()) > place.get(module.as_str());
            let back = floors.imports.get(import).is_some_and(|back| back.contains(module));
            if back && module < import && !(children_look_up && (is_child || is_parent)) {
                faults.push(format!("{module} and {import} import each other"));
            } else if uphill && !is_child && !is_parent {
                faults.push(format!("{module} imports {import}, which is listed below it"));
            }
        }
    }
    assert!(floors.imports.values().map(BTreeSet::len).sum::<usize>() > 100, "too few arrows");
    none(faults);
}
