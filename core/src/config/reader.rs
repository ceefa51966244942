//! A typed reader over TOML values with their places in the file.
//!
//! Readers return `None` if a key is absent or its value unusable. An unusable value is noted as a
//! problem, so the caller may go on with a default and find the next problem.

use alloc::{string::String, string::ToString, vec::Vec};
use core::cell::RefCell;

use toml::{Spanned, de::DeValue};

use super::files::{FileKind, FileRequest, Files, one_line};
use super::problem::{Fault, Problem, segment};
use crate::base::{order, secret::Secret};

/// Stands for the folder with the credentials from the service manager.
const CREDENTIALS: &str = "${CREDENTIALS_DIRECTORY}/";

/// One walk over a configuration: its inputs, and what it found so far.
pub(super) struct Reader<'a> {
    text: &'a str,
    /// Relative paths start here; `None` for the working directory.
    folder: Option<&'a str>,
    /// The folder with the credentials from the service manager.
    credentials: Option<&'a str>,
    files: &'a Files,
    found: RefCell<Found>,
}

/// The findings of a walk, each list in the order of the file.
#[derive(Default)]
pub(super) struct Found {
    pub(super) requests: Vec<FileRequest>,
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<Problem>,
    /// Whether the text has a secret.
    pub(super) holds_secrets: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn new(
        text: &'a str,
        folder: Option<&'a str>,
        credentials: Option<&'a str>,
        files: &'a Files,
    ) -> Self {
        Self { text, folder, credentials, files, found: RefCell::default() }
    }

    pub(super) fn finish(self) -> Found {
        let mut found = self.found.into_inner();
        order::sort_by_key(&mut found.requests, |request| request.line);
        order::sort_by_key(&mut found.problems, |problem| problem.line);
        order::sort_by_key(&mut found.warnings, |warning| warning.line);
        found
    }

    /// Whether no problem has been noted so far.
    pub(super) fn is_sound(&self) -> bool {
        self.found.borrow().problems.is_empty()
    }

    pub(super) fn problem(&self, path: &str, at: usize, fault: Fault) {
        let problem = locate(self.text, at, path, fault);
        self.found.borrow_mut().problems.push(problem);
    }

    pub(super) fn warning(&self, path: &str, at: usize, fault: Fault) {
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

/// The value of a key, or an element of a list.
pub(super) struct Item<'a> {
    pub(super) reader: &'a Reader<'a>,
    pub(super) path: String,
    pub(super) at: usize,
    pub(super) value: &'a DeValue<'a>,
}

impl<'a> Item<'a> {
    pub(super) fn problem(&self, what: impl Into<String>, expected: impl Into<String>) {
        self.fault(Fault::new(what, expected));
    }

    pub(super) fn fault(&self, fault: Fault) {
        self.reader.problem(&self.path, self.at, fault);
    }

    pub(super) fn warning(&self, what: impl Into<String>, expected: impl Into<String>) {
        self.reader.warning(&self.path, self.at, Fault::new(what, expected));
    }

    pub(super) fn mistyped(&self, expected: &str) {
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

    /// A text that `judge` accepts; `expected` describes it for other types of values.
    pub(super) fn judged<T>(
        &self,
        expected: &str,
        judge: impl FnOnce(&'a str) -> Result<T, Fault>,
    ) -> Option<T> {
        judge(self.text(expected)?).map_err(|fault| self.fault(fault)).ok()
    }

    /// Whether it is a list without elements.
    pub(super) fn is_empty_list(&self) -> bool {
        self.value.as_array().is_some_and(|array| array.is_empty())
    }

    /// The elements of a list, which must not be empty.
    pub(super) fn elements(&self, expected: &str) -> Vec<Self> {
        let Some(array) = self.value.as_array() else {
            self.mistyped(expected);
            return Vec::new();
        };
        if array.is_empty() {
            self.problem("this list is empty", expected);
        }
        let element = |(index, value): (usize, &'a Spanned<DeValue<'a>>)| Item {
            reader: self.reader,
            path: alloc::format!("{}[{index}]", self.path),
            at: value.span().start,
            value: value.get_ref(),
        };
        array.iter().enumerate().map(element).collect()
    }

    /// The elements of a list, or the value itself where it is none.
    pub(super) fn one_or_more(self, expected: &str) -> Vec<Self> {
        match self.value.as_array() {
            Some(_) => self.elements(expected),
            None => Vec::from([self]),
        }
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
        order::sort_by_key(&mut entries, |(_, item)| item.at);
        Some(entries)
    }

    pub(super) fn secret(&self) -> Option<Secret> {
        let expected = "a text of one line";
        self.reader.found.borrow_mut().holds_secrets = true;
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

    /// The path and the text of the file that this value names.
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

    /// A path. A relative one starts at the folder of the configuration, and one that begins with
    /// [`CREDENTIALS`] at the folder of the credentials (systemd.exec(5), "CREDENTIALS").
    pub(super) fn file_path(&self) -> Option<String> {
        let expected = "the name of a file or folder";
        let written = self.judged(expected, |text| match text {
            "" => Err(Fault::new("this is empty", expected)),
            url if url.contains("://") => Err(Fault::new("this is a URL", expected)),
            text if text.contains('\0') => Err(Fault::new("this is no path", expected)),
            text => Ok(text),
        })?;
        if let Some(name) = written.strip_prefix(CREDENTIALS) {
            let Some(folder) = self.reader.credentials else {
                let what = "this is a credential, and CREDENTIALS_DIRECTORY is not set";
                self.problem(what, "a service of systemd with LoadCredential=NAME:FILE");
                return None;
            };
            return Some(alloc::format!("{folder}/{name}"));
        }
        Some(match self.reader.folder {
            Some(folder) if !written.starts_with('/') => alloc::format!("{folder}/{written}"),
            _ => written.to_string(),
        })
    }
}

/// The path of a key in the table at `path`.
pub(super) fn child(path: &str, key: &str) -> String {
    if path.is_empty() { segment(key) } else { alloc::format!("{path}.{}", segment(key)) }
}
