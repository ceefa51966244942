//! Reading an old configuration key by key, so that each is carried over or reported at the end.

use mistgate_core::base::order;
use std::collections::{BTreeMap, BTreeSet};

use mistgate_core::config::problem::segment;

use super::{draft::Draft, entry::Origin, entry::Toml, python::Module, value::Form, value::Value};

/// A value of an old configuration.
#[derive(Clone)]
pub(super) struct Found<'a> {
    pub(super) value: &'a Value,
    pub(super) origin: Origin,
}

/// The keys of an old file or dict that nobody has taken yet.
pub(super) struct Table<'a> {
    /// The file or the dict itself.
    pub(super) about: Origin,
    left: Vec<(&'a str, Found<'a>)>,
    /// Names that other values use, and that are carried over with those.
    constants: Option<&'a BTreeSet<String>>,
}

/// A setting that mistgate has too: its names, of which the first that is there counts, and the key
/// and form of ours.
pub(super) type Setting = (&'static [&'static str], &'static str, Conversion);

/// How an old value becomes one of ours, with what to advise where it is something else. `None`
/// sets nothing.
#[derive(Clone, Copy)]
pub(super) enum Conversion {
    Integer(&'static str),
    /// A number of seconds, which becomes a duration.
    Seconds(&'static str),
    Text,
    /// A list, whose texts are added to ours.
    Texts(&'static str),
}

impl<'a> Table<'a> {
    /// The names of a file.
    pub(super) fn of_module(module: &'a Module, program: &'static str, file: &str) -> Self {
        let about = Origin { program, file: file.to_owned(), line: 1, key: String::new() };
        let found = |(name, value): (&'a String, &'a Value)| {
            let origin = Origin { line: value.line, key: segment(name), ..about.clone() };
            (name.as_str(), Found { value, origin })
        };
        let left = module.assigned.iter().map(found).collect();
        Self { about, left, constants: Some(&module.used) }
    }

    /// Takes a key out. Of repeated ones the last counts, as in Python.
    pub(super) fn take(&mut self, key: &str) -> Option<Found<'a>> {
        let last = self.left.iter().rfind(|(name, _)| *name == key).map(|(_, found)| found.clone());
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
        let last: BTreeMap<_, _> = order::collect(self.left.drain(..));
        let mut all: Vec<_> = last.into_iter().collect();
        order::sort_by_key(&mut all, |(_, found)| found.origin.line);
        all
    }

    /// Carries settings over into a section, in the order of the rows.
    pub(super) fn carry(&mut self, section: &'static str, settings: &[Setting], draft: &mut Draft) {
        use Conversion::{Integer, Seconds, Text, Texts};
        for &(old, key, conversion) in settings {
            let Some(found) = self.take_any(old).filter(|found| !found.is_none()) else { continue };
            let value = match conversion {
                Integer(advice) => found.integer(draft, advice).map(Toml::Number),
                Seconds(advice) => found.seconds(draft, advice).map(Toml::Text),
                Text => {
                    let text = found.text(draft, &format!("{section}.{key}, a text"));
                    text.map(Toml::from)
                }
                Texts(advice) => {
                    let texts = found.texts(draft, advice);
                    draft.extend(section, key, texts);
                    None
                }
            };
            if let Some(value) = value {
                draft.set(section, key, value, &found.origin);
            }
        }
    }

    /// Reports every key that is left as one that mistgate has nothing for.
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

    pub(super) fn is_true(&self) -> bool {
        self.value.form == Form::Bool(true)
    }

    /// Reports a value of the wrong form, with the right one as advice.
    fn refuse(&self, draft: &mut Draft, advice: impl Into<String>) {
        let what = format!("not carried over, as this is {}", self.value.form);
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

    /// A number of seconds as a duration of ours, which has no parts of a millisecond.
    fn seconds(&self, draft: &mut Draft, advice: &str) -> Option<String> {
        if let Form::Integer(seconds @ 0..) = self.value.form {
            return Some(format!("{seconds}s"));
        }
        if let Form::Float(seconds) = self.value.form
            && (0.0..1e9).contains(&seconds)
        {
            return Some(format!("{}ms", (seconds * 1_000.0) as u64));
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
        let element = |(index, value): (usize, &'a Value)| {
            let key = format!("{}[{index}]", self.origin.key);
            let origin = Origin { key, line: value.line, ..self.origin.clone() };
            let text = Self { value, origin: origin.clone() }.text(draft, advice)?;
            Some((text.to_owned(), origin))
        };
        elements.iter().enumerate().filter_map(element).collect()
    }

    /// The keys of a dict.
    pub(super) fn table(&self, draft: &mut Draft) -> Option<Table<'a>> {
        let Form::Dict(pairs) = &self.value.form else {
            self.refuse(draft, "a dict of literals");
            return None;
        };
        let mut left = Vec::new();
        for (key, value) in pairs {
            let mut origin = Origin { line: key.line, ..self.origin.clone() };
            if let Some(name) = key.text() {
                origin.key = format!("{}.{}", origin.key, segment(name));
                left.push((name, Found { value, origin }));
            } else {
                let what = format!("a key here is not carried over, as it is {}", key.form);
                draft.note(&origin, what, "a text");
            }
        }
        Some(Table { about: self.origin.clone(), left, constants: None })
    }
}
