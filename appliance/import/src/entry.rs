//! One entry of the configuration in the making, and how TOML 1.0 writes it.

use std::fmt::Write as _;

/// A place in an old file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) program: &'static str,
    pub(super) file: String,
    pub(super) line: u32,
    /// The path of the key, fit to be printed.
    pub(super) key: String,
}

/// A value of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Toml {
    List(Vec<(String, Origin)>),
    Number(i64),
    Text(String),
}

/// A key of ours with its value.
pub(super) struct Entry {
    pub(super) section: &'static str,
    pub(super) key: String,
    pub(super) value: Toml,
    pub(super) origin: Origin,
    pub(super) standing: Standing,
}

/// How an entry counts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is written.
    Active,
    /// It names a file that has yet to be made.
    Awaited,
    /// A comment until something else is right.
    Asleep,
}

/// Longer lists have a line for each element.
const LINE_LEN_MAX: usize = 80;

impl Entry {
    /// Adds its line, or its lines.
    pub(super) fn write(&self, text: &mut String) {
        let sleep = if self.standing == Standing::Asleep { "# " } else { "" };
        let _ = write!(text, "{sleep}{} = ", key(&self.key));
        let comment = format!("# {}", self.origins());
        let value = match &self.value {
            Toml::List(list) => {
                let elements: Vec<_> = list.iter().map(|(element, _)| quoted(element)).collect();
                let line = format!("[{}]", elements.join(", "));
                if line.len() > LINE_LEN_MAX {
                    let _ = writeln!(text, "[ {comment}");
                    for element in elements {
                        let _ = writeln!(text, "{sleep}    {element},");
                    }
                    let _ = writeln!(text, "{sleep}]");
                    return;
                }
                line
            }
            Toml::Number(number) => number.to_string(),
            Toml::Text(value) => quoted(value),
        };
        let _ = writeln!(text, "{value} {comment}");
    }

    /// The old settings that this comes from.
    fn origins(&self) -> String {
        let of = |Origin { program, key, .. }: &Origin| format!("{program}: {key}");
        let Toml::List(list) = &self.value else {
            return of(&self.origin);
        };
        let mut all: Vec<String> = Vec::new();
        for (_, origin) in list {
            let origin = of(origin);
            let of_list = match origin.strip_suffix(']').and_then(|origin| origin.rsplit_once('['))
            {
                Some((of_list, _)) => of_list.to_owned(),
                None => origin,
            };
            if all.last() != Some(&of_list) {
                all.push(of_list);
            }
        }
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

impl From<i64> for Toml {
    fn from(number: i64) -> Self {
        Self::Number(number)
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
