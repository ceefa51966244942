//! Reading an old configuration key by key, so that at the end each has been carried over or told.

use std::collections::{BTreeMap, BTreeSet};

use mistgate_core::config::problem::segment;

use super::{
    draft::Draft,
    entry::Origin,
    python::Module,
    value::{Form, Value},
};

/// A value of an old configuration.
#[derive(Clone)]
pub(super) struct Found<'a> {
    pub(super) value: &'a Value,
    pub(super) origin: Origin,
}

/// The keys of an old file or dict that nobody has taken yet.
pub(super) struct Table<'a> {
    about: Origin,
    left: Vec<(&'a str, Found<'a>)>,
    /// Names that were carried over where they are used.
    constants: Option<&'a BTreeSet<String>>,
}

impl<'a> Table<'a> {
    /// The names of a file.
    pub(super) fn of_module(module: &'a Module, program: &'static str, file: &str) -> Self {
        let origin =
            |line, key: &str| Origin { program, file: file.to_owned(), line, key: segment(key) };
        let found = |(name, value): (&'a String, &'a Value)| {
            (name.as_str(), Found { value, origin: origin(value.line, name) })
        };
        let about = Origin { key: String::new(), ..origin(1, "") };
        let left = module.assigned.iter().map(found).collect();
        Self { about, left, constants: Some(&module.used) }
    }

    /// Where the table is.
    pub(super) const fn about(&self) -> &Origin {
        &self.about
    }

    /// Takes a key out. Of repeated ones the last counts, as in Python.
    pub(super) fn take(&mut self, key: &str) -> Option<Found<'a>> {
        let last = self.left.iter().rev().find(|(name, _)| *name == key).map(|(_, found)| found);
        let last = last.cloned();
        self.left.retain(|(name, _)| *name != key);
        last
    }

    /// Takes the first key out that is there.
    pub(super) fn take_any(&mut self, keys: &[&str]) -> Option<Found<'a>> {
        keys.iter().find_map(|key| self.take(key))
    }

    /// Takes a key out whose value is a dict, or says that it is none.
    pub(super) fn table(&mut self, key: &str, draft: &mut Draft) -> Option<Self> {
        self.take(key)?.table(draft)
    }

    /// Takes all keys out in the order of the file, each with its last value.
    pub(super) fn drain(&mut self) -> Vec<(&'a str, Found<'a>)> {
        let last: BTreeMap<_, _> = self.left.drain(..).collect();
        let mut all: Vec<_> = last.into_iter().collect();
        all.sort_by_key(|(_, found)| found.origin.line);
        all
    }

    /// Says of every key that is left that nothing here is like it.
    pub(super) fn close(mut self, draft: &mut Draft) {
        let constants = self.constants;
        for (key, Found { origin, .. }) in self.drain() {
            if constants.is_none_or(|constants| !constants.contains(key)) {
                draft.note(&origin, "not carried over", "nothing in mistgate is like it");
            }
        }
    }
}

impl<'a> Found<'a> {
    pub(super) fn is_none(&self) -> bool {
        self.value.form == Form::None
    }

    /// Says that the value is of no use, and what would be.
    pub(super) fn refuse(&self, draft: &mut Draft, advice: impl Into<String>) {
        let what = match self.value.environment() {
            Some(name) => format!(
                "not carried over, as this comes from the environment variable {}, which is not \
                 read",
                segment(name)
            ),
            None => format!("not carried over, as this is {}", self.value.form),
        };
        draft.note(&self.origin, what, advice);
    }

    pub(super) fn text(&self, draft: &mut Draft, advice: &str) -> Option<&'a str> {
        let text = self.value.text();
        if text.is_none() {
            self.refuse(draft, advice);
        }
        text
    }

    pub(super) fn integer(&self, draft: &mut Draft, advice: &str) -> Option<i64> {
        if let Form::Integer(number) = self.value.form {
            return Some(number);
        }
        self.refuse(draft, advice);
        None
    }

    /// A duration in seconds, in words of ours.
    pub(super) fn seconds(&self, draft: &mut Draft, advice: &str) -> Option<String> {
        match self.value.form {
            Form::Integer(seconds @ 0..) => return Some(format!("{seconds}s")),
            Form::Float(seconds) if (0.0..1e9).contains(&seconds) => {
                // Below 10^12, as was seen; a part of a millisecond is lost.
                let millis = (seconds * 1_000.0) as u64;
                return Some(format!("{millis}ms"));
            }
            Form::Bool(_)
            | Form::Call { .. }
            | Form::Dict(_)
            | Form::Float(_)
            | Form::Integer(_)
            | Form::List(_)
            | Form::None
            | Form::Text(_)
            | Form::Unread(_) => {}
        }
        self.refuse(draft, advice);
        None
    }

    /// The texts of a list, each with its place.
    pub(super) fn texts(&self, draft: &mut Draft, advice: &str) -> Vec<(String, Origin)> {
        let Form::List(elements) = &self.value.form else {
            self.refuse(draft, advice);
            return Vec::new();
        };
        let mut texts = Vec::new();
        for (index, value) in elements.iter().enumerate() {
            let key = format!("{}[{index}]", self.origin.key);
            let element =
                Self { value, origin: Origin { key, line: value.line, ..self.origin.clone() } };
            if let Some(text) = element.text(draft, advice) {
                texts.push((text.to_string(), element.origin));
            }
        }
        texts
    }

    /// The keys of a dict.
    pub(super) fn table(&self, draft: &mut Draft) -> Option<Table<'a>> {
        let Form::Dict(pairs) = &self.value.form else {
            self.refuse(draft, "a dict of literals");
            return None;
        };
        let mut left = Vec::new();
        for (key, value) in pairs {
            let line = key.line;
            match key.text() {
                Some(name) => {
                    let key = format!("{}.{}", self.origin.key, segment(name));
                    left.push((
                        name,
                        Found { value, origin: Origin { key, line, ..self.origin.clone() } },
                    ));
                }
                None => {
                    let what = format!("a key here is not carried over, as it is {}", key.form);
                    let origin = Origin { line, ..self.origin.clone() };
                    draft.note(&origin, what, "a text");
                }
            }
        }
        Some(Table { about: self.origin.clone(), left, constants: None })
    }
}
