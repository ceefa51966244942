//! A typed reader over TOML values that still know where they stand.
//!
//! Readers return `None` where a key is absent or its value unusable; in the latter case they have
//! noted a problem, so the caller may go on with a default and find the next problem.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::{
    cell::RefCell,
    net::{Ipv4Addr, SocketAddr},
    ops::RangeInclusive,
    time::Duration,
};

use toml::de::{DeTable, DeValue};

use super::{
    files::{FileKind, FileRequest, Files, one_line},
    problem::{Fault, Problem, meant, quoted, segment},
    units::{self, Units},
};
use crate::secret::Secret;

/// What one walk over a configuration needs and finds.
pub(super) struct Reader<'a> {
    text: &'a str,
    /// Where relative paths start; `None` for the working directory.
    folder: Option<&'a str>,
    files: &'a Files,
    found: RefCell<Found>,
}

/// What a walk found, each list in the order of the file.
#[derive(Default)]
pub(super) struct Found {
    pub(super) requests: Vec<FileRequest>,
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<Problem>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str, folder: Option<&'a str>, files: &'a Files) -> Self {
        Self {
            text,
            folder,
            files,
            found: RefCell::default(),
        }
    }

    /// The file's outermost table.
    pub(super) fn root(&'a self, table: &'a DeTable<'a>) -> Section<'a> {
        Section::new(self, table, String::new(), 0)
    }

    pub(super) fn finish(self) -> Found {
        let mut found = self.found.into_inner();
        found.requests.sort_by_key(|request| request.line);
        found.problems.sort_by_key(|problem| problem.line);
        found.warnings.sort_by_key(|warning| warning.line);
        found
    }

    fn problem(&self, path: &str, at: usize, fault: Fault) {
        let problem = locate(self.text, at, path, fault);
        self.found.borrow_mut().problems.push(problem);
    }

    fn warning(&self, path: &str, at: usize, fault: Fault) {
        let warning = locate(self.text, at, path, fault);
        self.found.borrow_mut().warnings.push(warning);
    }
}

/// The problem that `fault` is at the byte `at` of `text`.
pub(super) fn locate(text: &str, at: usize, path: &str, fault: Fault) -> Problem {
    let newlines = text.bytes().take(at).filter(|byte| *byte == b'\n').count();
    Problem {
        line: u32::try_from(newlines + 1).unwrap_or(u32::MAX),
        key: path.to_string(),
        what: fault.what,
        expected: fault.expected,
    }
}

/// A table whose keys are ours.
pub(super) struct Section<'a> {
    reader: &'a Reader<'a>,
    table: &'a DeTable<'a>,
    path: String,
    at: usize,
    /// The keys asked for so far. At the end of the walk they are all that there can be.
    known: RefCell<Vec<&'static str>>,
}

impl<'a> Section<'a> {
    const fn new(reader: &'a Reader<'a>, table: &'a DeTable<'a>, path: String, at: usize) -> Self {
        Self {
            reader,
            table,
            path,
            at,
            known: RefCell::new(Vec::new()),
        }
    }

    /// Whether no problem has been noted so far, anywhere.
    pub(super) fn is_sound(&self) -> bool {
        self.reader.found.borrow().problems.is_empty()
    }

    /// Ends the walk over this table: a key that nobody asked for is a problem.
    pub(super) fn close(self) {
        let mut known = self.known.into_inner();
        known.sort_unstable();
        for (key, _) in self.table {
            let name = key.get_ref();
            if !known.contains(&name.as_ref()) {
                let expected = match meant(name, &known) {
                    Some(meant) => alloc::format!("did you mean \"{meant}\"?"),
                    None if known.is_empty() => "this section has no keys".into(),
                    None => alloc::format!("one of {}", known.join(", ")),
                };
                let fault = Fault::new("unknown key", expected);
                let path = child(&self.path, name);
                self.reader.problem(&path, key.span().start, fault);
            }
        }
    }

    /// The value of a key.
    pub(super) fn item(&self, key: &'static str) -> Option<Item<'a>> {
        self.known.borrow_mut().push(key);
        let (name, value) = self.table.get_key_value(key)?;
        Some(Item {
            reader: self.reader,
            path: child(&self.path, key),
            at: name.span().start,
            value: value.get_ref(),
        })
    }

    /// Whether none of `keys` is there.
    pub(super) fn lacks(&self, keys: &[&str]) -> bool {
        keys.iter().all(|key| !self.table.contains_key(*key))
    }

    /// Walks over the table of a key.
    pub(super) fn section<T>(&self, key: &'static str, read: impl FnOnce(&Self) -> T) -> Option<T> {
        self.item(key)?.section(read)
    }

    /// The values of those of `keys` that are there, in the order of the file.
    pub(super) fn items(&self, keys: &[&'static str]) -> Vec<(&'static str, Item<'a>)> {
        let mut items: Vec<_> = keys
            .iter()
            .filter_map(|key| Some((*key, self.item(key)?)))
            .collect();
        items.sort_by_key(|(_, item)| item.at);
        items
    }

    /// The first of several keys that exclude each other.
    pub(super) fn one_of(&self, keys: &[&'static str]) -> Option<(&'static str, Item<'a>)> {
        let mut items = self.items(keys).into_iter();
        let first = items.next()?;
        for (_, item) in items {
            item.problem(
                alloc::format!("{} is set too", first.1.path),
                "only one of the two",
            );
        }
        Some(first)
    }

    /// Notes that a required key is missing.
    pub(super) fn missing(&self, key: &str, expected: impl Into<String>) {
        self.conflict(key, Fault::new("missing", expected));
    }

    /// Notes a problem of the section as a whole.
    pub(super) fn problem(&self, what: impl Into<String>, expected: impl Into<String>) {
        self.reader
            .problem(&self.path, self.at, Fault::new(what, expected));
    }

    /// Notes a doubt about a key that is absent or right in itself.
    pub(super) fn warning(&self, key: &str, fault: Fault) {
        let (path, at) = self.place(key);
        self.reader.warning(&path, at, fault);
    }

    /// Notes that values which are right one by one do not fit together.
    pub(super) fn conflict(&self, key: &str, fault: Fault) {
        let (path, at) = self.place(key);
        self.reader.problem(&path, at, fault);
    }

    /// Where a key is, or where it would be.
    fn place(&self, key: &str) -> (String, usize) {
        let found = self.table.get_key_value(key);
        let at = found.map_or(self.at, |(name, _)| name.span().start);
        (child(&self.path, key), at)
    }

    pub(super) fn flag(&self, key: &'static str) -> bool {
        let Some(item) = self.item(key) else {
            return false;
        };
        item.value.as_bool().unwrap_or_else(|| {
            item.mistyped("true or false");
            false
        })
    }

    /// A text that `judge` accepts; `expected` says what it should be.
    pub(super) fn judged<T>(
        &self,
        key: &'static str,
        expected: &str,
        judge: impl FnOnce(&'a str) -> Result<T, Fault>,
    ) -> Option<T> {
        self.item(key)?.judged(expected, judge)
    }

    pub(super) fn listen(&self, key: &'static str, default: SocketAddr) -> SocketAddr {
        const EXPECTED: &str = "such as \"0.0.0.0:51361\" or \"[::1]:51361\"";
        let Some(item) = self.item(key) else {
            return default;
        };
        let address = item.judged("a text with an address and a port", |text| {
            text.parse().map_err(|_| {
                let what = alloc::format!("{} is not an address with a port", quoted(text));
                Fault::new(what, EXPECTED)
            })
        });
        // An address that raises no further questions stands in for an unusable one.
        address.unwrap_or(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0))
    }

    pub(super) fn duration(
        &self,
        key: &'static str,
        default: Duration,
        bounds: RangeInclusive<Duration>,
    ) -> Duration {
        let millis = |duration: &Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let bounds = millis(bounds.start())..=millis(bounds.end());
        self.quantity(key, &units::DURATION, bounds)
            .map_or(default, Duration::from_millis)
    }

    pub(super) fn size(
        &self,
        key: &'static str,
        default: usize,
        bounds: RangeInclusive<usize>,
    ) -> usize {
        let bytes = |size: usize| u64::try_from(size).unwrap_or(u64::MAX);
        let bounds = bytes(*bounds.start())..=bytes(*bounds.end());
        self.quantity(key, &units::SIZE, bounds)
            .and_then(|size| usize::try_from(size).ok())
            .unwrap_or(default)
    }

    fn quantity(
        &self,
        key: &'static str,
        units: &Units,
        bounds: RangeInclusive<u64>,
    ) -> Option<u64> {
        let item = self.item(key)?;
        let Units { noun, example, .. } = units;
        let names = units::names(units);
        let form = alloc::format!("a whole number with its unit ({names}), such as \"{example}\"");
        if matches!(item.value, DeValue::Integer(_) | DeValue::Float(_)) {
            item.problem("this number has no unit", form);
            return None;
        }
        item.judged(&form, |text| {
            let no_quantity =
                || Fault::new(alloc::format!("{} is not a {noun}", quoted(text)), &*form);
            let quantity = units::parse(text, units).ok_or_else(no_quantity)?;
            within(Some(quantity), &bounds, text, |bound| {
                units::written(bound, units)
            })
        })
    }

    pub(super) fn count(
        &self,
        key: &'static str,
        default: usize,
        bounds: RangeInclusive<usize>,
    ) -> usize {
        let Some(item) = self.item(key) else {
            return default;
        };
        let Some(integer) = item.value.as_integer() else {
            item.mistyped("a whole number");
            return default;
        };
        // What does not fit, because it is negative or huge, is out of bounds too.
        let count = usize::from_str_radix(integer.as_str(), integer.radix()).ok();
        within(count, &bounds, &integer.to_string(), |bound| {
            bound.to_string()
        })
        .map_err(|fault| item.fault(fault))
        .unwrap_or(default)
    }

    /// A secret in `key`, or in the file that `file_key` names, with the item that has it.
    pub(super) fn secret(
        &self,
        key: &'static str,
        file_key: &'static str,
    ) -> Option<(Item<'a>, Secret)> {
        let (found, item) = self.one_of(&[key, file_key])?;
        let secret = if found == key {
            item.secret()?
        } else {
            item.secret_file()?
        };
        Some((item, secret))
    }
}

/// The value of a key, or an element of a list.
pub(super) struct Item<'a> {
    reader: &'a Reader<'a>,
    path: String,
    at: usize,
    value: &'a DeValue<'a>,
}

impl<'a> Item<'a> {
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    pub(super) fn problem(&self, what: impl Into<String>, expected: impl Into<String>) {
        self.fault(Fault::new(what, expected));
    }

    pub(super) fn fault(&self, fault: Fault) {
        self.reader.problem(&self.path, self.at, fault);
    }

    pub(super) fn warning(&self, fault: Fault) {
        self.reader.warning(&self.path, self.at, fault);
    }

    fn mistyped(&self, expected: &str) {
        let what = match self.value {
            DeValue::String(_) => "this is a text",
            DeValue::Integer(_) | DeValue::Float(_) => "this is a number",
            DeValue::Boolean(_) => "this is a boolean",
            DeValue::Datetime(_) => "this is a date or a time",
            DeValue::Array(_) => "this is a list",
            DeValue::Table(_) => "this is a table",
        };
        self.problem(what, expected);
    }

    pub(super) fn text(&self, expected: &str) -> Option<&'a str> {
        let text = self.value.as_str();
        if text.is_none() {
            self.mistyped(expected);
        }
        text
    }

    pub(super) fn judged<T>(
        &self,
        expected: &str,
        judge: impl FnOnce(&'a str) -> Result<T, Fault>,
    ) -> Option<T> {
        judge(self.text(expected)?)
            .map_err(|fault| self.fault(fault))
            .ok()
    }

    /// The elements of a list that has some.
    pub(super) fn elements(&self, expected: &str) -> Vec<Self> {
        let Some(array) = self.value.as_array() else {
            self.mistyped(expected);
            return Vec::new();
        };
        if array.is_empty() {
            self.problem("this list is empty", expected);
        }
        let element = |(index, value): (usize, &'a toml::Spanned<DeValue<'a>>)| Item {
            reader: self.reader,
            path: alloc::format!("{}[{index}]", self.path),
            at: value.span().start,
            value: value.get_ref(),
        };
        array.iter().enumerate().map(element).collect()
    }

    /// The entries of a table whose keys are the user's, in the order of the file.
    pub(super) fn entries(&self, expected: &str) -> Option<Vec<(&'a str, Self)>> {
        let Some(table) = self.value.as_table() else {
            self.mistyped(expected);
            return None;
        };
        let mut entries: Vec<_> = table
            .iter()
            .map(|(key, value)| {
                let item = Item {
                    reader: self.reader,
                    path: child(&self.path, key.get_ref()),
                    at: key.span().start,
                    value: value.get_ref(),
                };
                (key.get_ref().as_ref(), item)
            })
            .collect();
        entries.sort_by_key(|(_, item)| item.at);
        Some(entries)
    }

    /// Walks over a table whose keys are ours.
    pub(super) fn section<T>(&self, read: impl FnOnce(&Section<'a>) -> T) -> Option<T> {
        let Some(table) = self.value.as_table() else {
            self.mistyped("a table");
            return None;
        };
        let section = Section::new(self.reader, table, self.path.clone(), self.at);
        let value = read(&section);
        section.close();
        Some(value)
    }

    pub(super) fn secret(&self) -> Option<Secret> {
        let expected = "a text of one line";
        self.judged(expected, |text| {
            one_line(text)
                .map(Secret::new)
                .map_err(|what| Fault::new(alloc::format!("this {what}"), expected))
        })
    }

    pub(super) fn secret_file(&self) -> Option<Secret> {
        let (_, secret) = self.file(FileKind::Secret)?;
        Some(Secret::new(secret))
    }

    /// The path and the text of a file that this value names.
    pub(super) fn file(&self, kind: FileKind) -> Option<(String, &'a str)> {
        let path = self.file_path()?;
        let Problem { key, line, .. } =
            locate(self.reader.text, self.at, &self.path, Fault::new("", ""));
        self.reader.found.borrow_mut().requests.push(FileRequest {
            key,
            line,
            path: path.clone(),
            kind,
        });
        match self.reader.files.text(&path, kind) {
            Ok(text) => Some((path, text)),
            Err(fault) => {
                self.fault(fault);
                None
            }
        }
    }

    /// A path; a relative one starts at the folder of the configuration.
    pub(super) fn file_path(&self) -> Option<String> {
        let expected = "the name of a file or folder";
        let written = self.judged(expected, |text| match text {
            "" => Err(Fault::new("this is empty", expected)),
            url if url.contains("://") => Err(Fault::new("this is a URL", expected)),
            text if text.contains('\0') => Err(Fault::new("this is no path", expected)),
            text => Ok(text),
        })?;
        Some(match self.reader.folder {
            Some(folder) if !written.starts_with('/') => alloc::format!("{folder}/{written}"),
            _ => written.to_string(),
        })
    }
}

fn child(path: &str, key: &str) -> String {
    if path.is_empty() {
        segment(key)
    } else {
        alloc::format!("{path}.{}", segment(key))
    }
}

fn within<T: Copy + PartialOrd>(
    value: Option<T>,
    bounds: &RangeInclusive<T>,
    shown: &str,
    written: impl Fn(T) -> String,
) -> Result<T, Fault> {
    value.filter(|value| bounds.contains(value)).ok_or_else(|| {
        let (min, max) = (written(*bounds.start()), written(*bounds.end()));
        let what = alloc::format!("{shown} is out of bounds");
        Fault::new(what, alloc::format!("from {min} to {max}"))
    })
}
