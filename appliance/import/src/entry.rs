//! An entry of the new configuration, and how it is written in TOML 1.0.

use std::fmt::Write as _;

/// A place in an old file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) program: &'static str,
    pub(super) file: String,
    pub(super) line: u32,
    /// The path of the key, printable.
    pub(super) key: String,
}

/// A value of the new configuration. The elements of a list have places of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Toml {
    List(Vec<(String, Origin)>),
    Number(i64),
    Text(String),
}

/// A key of the new configuration, with its value.
pub(super) struct Entry {
    pub(super) section: &'static str,
    pub(super) key: String,
    pub(super) value: Toml,
    pub(super) origin: Origin,
    /// Whether it names a file that has yet to be made.
    pub(super) is_awaited: bool,
}

/// In characters. Longer lists are written with a line for each element.
const LINE_LEN_MAX: usize = 80;

impl Entry {
    /// Adds its lines to the text.
    pub(super) fn write(&self, text: &mut String) {
        let _ = write!(text, "{} = ", key(&self.key));
        let comment = format!("# {}", self.origins());
        let value = match &self.value {
            Toml::List(list) => {
                let elements: Vec<_> = list.iter().map(|(element, _)| quoted(element)).collect();
                let line = format!("[{}]", elements.join(", "));
                if line.len() > LINE_LEN_MAX {
                    let _ = writeln!(text, "[ {comment}");
                    for element in elements {
                        let _ = writeln!(text, "    {element},");
                    }
                    text.push_str("]\n");
                    return;
                }
                line
            }
            Toml::Number(number) => number.to_string(),
            Toml::Text(value) => quoted(value),
        };
        let _ = writeln!(text, "{value} {comment}");
    }

    /// The old settings that it comes from.
    fn origins(&self) -> String {
        let of = |Origin { program, key, .. }: &Origin| format!("{program}: {key}");
        let Toml::List(list) = &self.value else { return of(&self.origin) };
        // The elements of one list have one origin, without their indices.
        let of_list = |(_, origin): &(String, Origin)| {
            let origin = of(origin);
            let indexed = origin.strip_suffix(']').and_then(|origin| origin.rsplit_once('['));
            indexed.map_or(origin.clone(), |(of_list, _)| of_list.to_owned())
        };
        let mut all: Vec<String> = list.iter().map(of_list).collect();
        all.dedup();
        all.join(", ")
    }

    /// Whether it names a file.
    pub(super) fn names(&self, file: &str) -> bool {
        match &self.value {
            Toml::List(list) => list.iter().any(|(name, _)| name == file),
            Toml::Text(name) => name == file,
            Toml::Number(_) => false,
        }
    }
}

impl From<&str> for Toml {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Toml {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

/// A key as TOML 1.0 has it, bare where it can be.
fn key(key: &str) -> String {
    let is_bare = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    let is_bare = !key.is_empty() && key.bytes().all(is_bare);
    if is_bare { key.to_owned() } else { quoted(key) }
}

/// A basic string of TOML 1.0.
fn quoted(text: &str) -> String {
    let mut all = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => all.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(all, "\\u{:04x}", u32::from(c));
            }
            c => all.push(c),
        }
    }
    all.push('"');
    all
}
