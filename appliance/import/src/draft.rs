//! The configuration in the making: its entries, where each comes from, and the notes for the
//! operator.

use std::{fmt, fmt::Write as _};

use mistgate_core::config::{problem::Problem, problem::segment, raw, raw::Report, raw::Source};
use mistgate_core::{base::order, base::secret::Secret, config::files::Files};

use super::{Imported, entry::Entry, entry::Origin, entry::Toml};

/// A file beside the configuration, which names it. Only its owner may read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its name, without a folder.
    pub name: String,
    /// What is in it.
    pub content: Content,
}

/// The content of a file with a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// As the old configuration has it.
    Known(Secret),
    /// A new secret, which the caller draws.
    New,
}

/// A note on one old setting: what became of it, and what the operator has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The name of the old file.
    pub file: String,
    pub about: Problem,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.about.in_file(&self.file))
    }
}

/// The new configuration, its files and its notes.
#[derive(Default)]
pub(super) struct Draft {
    entries: Vec<Entry>,
    files: Vec<File>,
    notes: Vec<Note>,
    /// The webhook secrets of the programs; `None` for one that is kept elsewhere.
    pub(super) secrets: Vec<(Option<Content>, Origin)>,
}

/// What our file is called while it is checked.
const NAME: &str = "mistgate.toml";
/// The sections in the order in which they are written.
const SECTIONS: [&str; 23] = [
    "mist",
    "webhook",
    "chat",
    "chat.slack",
    "chat.slack.urls_file",
    "chat.teams",
    "chat.teams.urls_file",
    "chat.google",
    "chat.google.urls_file",
    "chat.channels.device-events",
    "chat.channels.device-updowns",
    "chat.channels.alarms",
    "chat.channels.audits",
    "chat.channels.mxedge-events",
    "ports",
    "ports.outage",
    "ports.mist",
    "ports.junos",
    "ports.cso",
    "ports.cso.ap",
    "ports.cso.default",
    "ports.external",
    "proxy",
];
/// How often refused values are taken out. What is left then, `mistgate check` reports.
const ROUNDS_MAX: usize = 8;

impl Draft {
    /// Sets a key. The first value stays; another one is reported.
    pub(super) fn set(
        &mut self,
        section: &'static str,
        key: &str,
        value: impl Into<Toml>,
        origin: &Origin,
    ) {
        let value = value.into();
        match self.entry(section, key) {
            Some(entry) if entry.value == value => {}
            Some(Entry { origin: Origin { program, key: first, .. }, .. }) => {
                let key = segment(key);
                let what = format!("{section}.{key} has one value, and {program} {first} gives it");
                self.note(origin, what, "that one value for both");
            }
            None => self.entries.push(Entry {
                section,
                key: key.to_owned(),
                value,
                origin: origin.clone(),
                is_awaited: false,
            }),
        }
    }

    /// Adds new elements to a list.
    pub(super) fn extend(
        &mut self,
        section: &'static str,
        key: &str,
        elements: impl IntoIterator<Item = (String, Origin)>,
    ) {
        for (text, origin) in elements {
            if self.has(section, key, &text) {
                continue;
            }
            if let Some(Toml::List(list)) = self.entry(section, key).map(|entry| &mut entry.value) {
                list.push((text, origin));
            } else {
                let list = Toml::List(vec![(text, origin.clone())]);
                self.set(section, key, list, &origin);
            }
        }
    }

    /// Sets a key to the name of a file with this content; without one, the operator makes it.
    pub(super) fn file(
        &mut self,
        section: &'static str,
        key: &str,
        (name, content): (String, Option<Content>),
        origin: &Origin,
    ) {
        if self.entry(section, key).is_some() || self.files.iter().any(|file| file.name == name) {
            let what = format!("{section}.{} is taken", segment(key));
            self.note(origin, what, "a setting of your own");
            return;
        }
        self.set(section, key, &*name, origin);
        if let Some(entry) = self.entry(section, key) {
            entry.is_awaited = content.is_none();
        }
        self.keep(name, content);
    }

    /// Adds a file that a list names, if there is anything to be in it.
    pub(super) fn keep(&mut self, name: String, content: Option<Content>) {
        self.files.extend(content.map(|content| File { name, content }));
    }

    pub(super) fn note(
        &mut self,
        origin: &Origin,
        what: impl Into<String>,
        advice: impl Into<String>,
    ) {
        let (line, key) = (origin.line, origin.key.clone());
        let about = Problem { line, key, what: what.into(), expected: advice.into() };
        self.notes.push(Note { file: origin.file.clone(), about });
    }

    /// Where the value of a key comes from, if it has one.
    pub(super) fn origin(&self, section: &str, key: &str) -> Option<&Origin> {
        self.find(section, key).map(|entry| &entry.origin)
    }

    /// Whether a list has this element.
    pub(super) fn has(&self, section: &str, key: &str, element: &str) -> bool {
        matches!(self.find(section, key).map(|entry| &entry.value), Some(Toml::List(list))
            if list.iter().any(|(text, _)| text == element))
    }

    /// Sets a key no longer.
    pub(super) fn remove(&mut self, section: &str, key: &str) {
        self.entries.retain(|entry| entry.section != section || entry.key != key);
    }

    /// Takes out the values that [`mistgate_core::config`] refuses, and reports them.
    pub(super) fn settle(&mut self) {
        for _ in 0..ROUNDS_MAX {
            let (report, places) = self.check();
            let is_active =
                |at: &usize| self.entries.get(*at).is_some_and(|entry| !entry.is_awaited);
            let refused: Vec<(usize, Problem)> = report
                .problems
                .into_iter()
                .filter_map(|problem| Some((place(&places, &problem).filter(is_active)?, problem)))
                .collect();
            if refused.is_empty() {
                return;
            }
            // From the end, so that earlier indices stay valid.
            for (at, problem) in refused.into_iter().rev() {
                self.take_out(at, problem);
            }
            self.entries.retain(|entry| entry.value != Toml::List(Vec::new()));
            let entries = &self.entries;
            self.files.retain(|file| entries.iter().any(|entry| entry.names(&file.name)));
        }
    }

    /// The text, the files and the notes.
    pub(super) fn finish(mut self, head: &str) -> Imported {
        self.note_warnings();
        // By program, and then by line.
        let mut files: Vec<String> = self.notes.iter().map(|note| note.file.clone()).collect();
        files.dedup();
        let first = |note: &Note| files.iter().position(|file| *file == note.file);
        order::sort_by_key(&mut self.notes, |note| (first(note), note.about.line));
        self.notes.dedup();
        let (text, _) = self.render();
        Imported { toml: format!("{head}{text}"), files: self.files, notes: self.notes }
    }

    /// Reports the warnings of [`mistgate_core::config`].
    fn note_warnings(&mut self) {
        let (report, places) = self.check();
        for warning in report.warnings {
            let entry = place(&places, &warning).and_then(|at| self.entries.get(at));
            if let Some(origin) = entry.map(|entry| entry.origin.clone()) {
                self.note(&origin, warning.what, warning.expected);
            }
        }
    }

    fn find(&self, section: &str, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.section == section && entry.key == key)
    }

    fn entry(&mut self, section: &str, key: &str) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.section == section && entry.key == key)
    }

    fn take_out(&mut self, at: usize, Problem { key, what, expected, .. }: Problem) {
        let Some(entry) = self.entries.get_mut(at) else { return };
        let element = key.strip_suffix(']').and_then(|key| key.rsplit_once('['));
        let element = element.and_then(|(_, index)| index.parse().ok());
        let (mut origin, mut advice) = (entry.origin.clone(), expected);
        let is_needed = !entry.section.starts_with("chat.");
        match (&mut entry.value, element) {
            (Toml::Text(name), _)
                if is_needed && self.files.iter().any(|file| file.name == *name) =>
            {
                // The key is needed, so the operator is asked to make the file.
                let _ = write!(advice, ", in the file {name}");
                self.files.retain(|file| file.name != *name);
                entry.is_awaited = true;
            }
            (Toml::List(list), Some(index)) if index < list.len() => origin = list.remove(index).1,
            (value, _) => *value = Toml::List(Vec::new()),
        }
        self.note(&origin, format!("left out, as {what}"), advice);
    }

    /// The report of the check, and the entry of each line.
    fn check(&self) -> (Report, Vec<Option<usize>>) {
        let (text, places) = self.render();
        let draft = raw::Draft::parse(Source { name: NAME, text: &text });
        let mut files = Files::new();
        for request in draft.files() {
            if let Some(file) = self.files.iter().find(|file| file.name == request.path) {
                let text = match &file.content {
                    Content::Known(secret) => secret.expose(),
                    Content::New => "drawn later",
                };
                files.insert(&request, Ok(text.into()));
            }
        }
        (draft.check(&files), places)
    }

    /// The text, and for each of its lines the entry that is on it.
    fn render(&self) -> (String, Vec<Option<usize>>) {
        let (mut text, mut places) = (String::new(), Vec::new());
        for section in SECTIONS {
            let entries = self.entries.iter().enumerate();
            let mut entries = entries.filter(|(_, entry)| entry.section == section).peekable();
            if entries.peek().is_none() {
                continue;
            }
            let _ = write!(text, "\n[{section}]\n");
            for (at, entry) in entries {
                places.resize(text.lines().count(), None);
                entry.write(&mut text);
                places.resize(text.lines().count(), Some(at));
            }
        }
        (text, places)
    }
}

fn place(places: &[Option<usize>], problem: &Problem) -> Option<usize> {
    let line = usize::try_from(problem.line).ok()?.checked_sub(1)?;
    places.get(line).copied().flatten()
}
