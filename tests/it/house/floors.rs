//! Floors: a file imports only from modules that are listed above its own.

use std::collections::{BTreeMap, BTreeSet};

use super::{none, sources};

/// The modules of a crate in the order of their listing, and the modules that each imports.
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

    /// Adds a module's children to the order, each followed by its own children.
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

    /// The module that defines the last name of a path.
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
                // After a trailing comma there is no name.
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

/// Checks that a module imports only from modules listed above it, and from its own children. With
/// `children_look_up` a module and its children may import from each other.
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
