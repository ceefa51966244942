//! A configuration as a set of statements, changed by set lines and committed.
//!
//! It knows as much of Junos as the tests need: the hierarchies, the statements that hold one
//! value, what ports inherit from interface ranges and groups, and one rule that a commit checks.

use std::collections::BTreeSet;

/// A statement as its words.
pub type Statement = Vec<String>;

/// The hierarchies that can be configured.
const HIERARCHIES: [&str; 8] = [
    "apply-groups",
    "groups",
    "interfaces",
    "poe",
    "protocols",
    "switch-options",
    "system",
    "vlans",
];
/// Statements with one value. A new value replaces the old one.
const SINGLE: [&str; 7] =
    ["description", "host-name", "interface-mode", "mtu", "native-vlan-id", "speed", "vlan-id"];

/// The fault of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoadError {
    /// Not a line, or not in a known hierarchy. Holds the word where parsing failed.
    Syntax(String),
    /// The statement to delete does not exist. This is only a warning.
    NotFound,
}

/// A configuration as a set of statements.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Configuration(BTreeSet<Statement>);

impl Configuration {
    /// The configuration that these lines make from an empty one.
    pub fn of(lines: &[&str]) -> Self {
        let mut configuration = Self::default();
        for line in lines {
            configuration.load(line).expect("a line");
        }
        configuration
    }

    /// Whether it has this statement, or one below it.
    pub fn has(&self, statement: &str) -> bool {
        let words = words(statement).unwrap_or_default();
        self.0.iter().any(|known| known.starts_with(&words))
    }

    /// The statements below this one, as lines without their verb.
    pub fn lines(&self, statement: &str) -> Vec<String> {
        let words = words(statement).unwrap_or_default();
        let below = self.0.iter().filter(|known| known.starts_with(&words));
        below.map(line).collect()
    }

    /// With what these ports inherit in the place of groups and interface ranges: what a range
    /// has for its members, and what an applied group has for `<*>`.
    pub fn inherited(&self, ports: &[&String]) -> Self {
        let is_held = |statement: &&Statement| {
            let word = |nth, is: &str| statement.get(nth).is_some_and(|word| word == is);
            word(0, "groups") || word(0, "apply-groups") || word(1, "interface-range")
        };
        let mut all: BTreeSet<Statement> =
            self.0.iter().filter(|statement| !is_held(statement)).cloned().collect();
        let own = all.clone();
        for statement in self.0.iter().filter(is_held) {
            let words: Vec<&str> = statement.iter().map(String::as_str).collect();
            let (members, tail): (Vec<&String>, &[&str]) = match words.as_slice() {
                ["groups", name, "interfaces", "<*>", tail @ ..]
                    if self.has(&format!("apply-groups {name}")) =>
                {
                    (ports.to_vec(), tail)
                }
                ["interfaces", "interface-range", name, tail @ ..]
                    if tail.first() != Some(&"member") =>
                {
                    let is_member = |port: &&&String| {
                        self.has(&format!("interfaces interface-range {name} member {port}"))
                    };
                    (ports.iter().filter(is_member).copied().collect(), tail)
                }
                _ => continue,
            };
            for port in members {
                let head = ["interfaces", port.as_str()];
                let inherits: Statement =
                    head.iter().chain(tail).map(|word| (*word).to_owned()).collect();
                let above = inherits.get(..inherits.len() - 1).unwrap_or_default();
                let is_single = above.last().is_some_and(|name| SINGLE.contains(&name.as_str()));
                if !is_single || !own.iter().any(|known| known.starts_with(above)) {
                    all.insert(inherits);
                }
            }
        }
        Self(all)
    }

    /// Carries out one line.
    pub fn load(&mut self, line: &str) -> Result<(), LoadError> {
        let syntax = |word: Option<&String>| LoadError::Syntax(word.cloned().unwrap_or_default());
        let words = words(line).ok_or_else(|| LoadError::Syntax("\"".to_owned()))?;
        let (verb, path) = words.split_first().ok_or_else(|| syntax(None))?;
        let hierarchy = path.first();
        if !hierarchy.is_some_and(|word| HIERARCHIES.contains(&word.as_str())) {
            return Err(syntax(hierarchy));
        }
        match verb.as_str() {
            "set" => {
                self.set(path);
                Ok(())
            }
            "delete" => {
                let before = self.0.len();
                self.0.retain(|known| !known.starts_with(path));
                if self.0.len() < before { Ok(()) } else { Err(LoadError::NotFound) }
            }
            _ => Err(syntax(Some(verb))),
        }
    }

    fn set(&mut self, path: &[String]) {
        if let [.., name, _] = path
            && SINGLE.contains(&name.as_str())
        {
            let above = path.get(..path.len() - 1).unwrap_or_default();
            self.0.retain(|known| !known.starts_with(above));
        }
        self.0.insert(path.to_vec());
    }

    /// The difference to `other`, as `show | compare` prints it. Empty if there is none.
    pub fn compare(&self, other: &Self) -> String {
        let line = |sign: char, statement: &Statement| format!("{sign}  {};\n", line(statement));
        let less = other.0.difference(&self.0).map(|statement| line('-', statement));
        let more = self.0.difference(&other.0).map(|statement| line('+', statement));
        let lines: String = less.chain(more).collect();
        if lines.is_empty() { lines } else { format!("[edit]\n{lines}") }
    }

    /// The path and the reason why it cannot be committed. An interface with a native VLAN must be
    /// a trunk.
    pub fn check(&self) -> Option<(String, String)> {
        let native = self.0.iter().find(|statement| {
            let interface = statement.get(..2).unwrap_or_default();
            let is_trunk = |known: &Statement| {
                known.starts_with(interface) && known.ends_with(&["trunk".to_owned()])
            };
            statement.get(2).is_some_and(|word| word == "native-vlan-id")
                && !self.0.iter().any(is_trunk)
        })?;
        let path = format!("[edit interfaces {}]", native.get(1).cloned().unwrap_or_default());
        Some((path, "native-vlan-id is only allowed with interface-mode trunk".to_owned()))
    }
}

/// The words of a line. `None` if a quotation does not end.
fn words(line: &str) -> Option<Vec<String>> {
    let (mut words, mut word) = (Vec::new(), None::<String>);
    let (mut is_quoted, mut is_escaped) = (false, false);
    for c in line.chars() {
        match c {
            _ if is_escaped => word.get_or_insert_default().push(c),
            '"' => {
                is_quoted = !is_quoted;
                word.get_or_insert_default();
            }
            '\\' => {}
            c if c.is_whitespace() && !is_quoted => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
        is_escaped = c == '\\' && !is_escaped;
    }
    words.extend(word.take());
    (!is_quoted).then_some(words)
}

fn line(statement: &Statement) -> String {
    statement.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:<*>".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_set_replace_and_delete() {
        let before = Configuration::of(&["set interfaces ge-0/0/7 description \"a b\""]);
        let mut after = before.clone();
        assert_eq!(after.load("set interfaces ge-0/0/7 description \"<c> \\\"\""), Ok(()));
        assert_eq!(after.load("set interfaces ge-0/0/7 native-vlan-id 42"), Ok(()));
        assert_eq!(
            after.compare(&before),
            "[edit]\n-  interfaces ge-0/0/7 description \"a b\";\n\
             +  interfaces ge-0/0/7 description \"<c> \\\"\";\n\
             +  interfaces ge-0/0/7 native-vlan-id 42;\n"
        );
        assert_eq!(after.check().map(|(path, _)| path), Some("[edit interfaces ge-0/0/7]".into()));
        let trunk = "set interfaces ge-0/0/7 unit 0 family ethernet-switching interface-mode trunk";
        assert_eq!(after.load(trunk), Ok(()));
        assert_eq!(after.check(), None);
        assert_eq!(after.load("delete interfaces ge-0/0/7"), Ok(()));
        assert_eq!(after, Configuration::default());
        assert_eq!(after.load("delete interfaces ge-0/0/7"), Err(LoadError::NotFound));
        assert_eq!(after.load("set bogus x"), Err(LoadError::Syntax("bogus".into())));
        assert_eq!(after.load("show interfaces"), Err(LoadError::Syntax("show".into())));
        assert_eq!(after.load("set vlans \"x"), Err(LoadError::Syntax("\"".into())));
    }
}
