//! From TOML text to a [`Config`], or to everything that is wrong with it.
//!
//! The text is read in two steps, because the core reads no file. [`Draft::parse`] takes the text
//! and [`Draft::files`] lists what it names; [`Draft::check`] takes their contents and judges all.
//!
//! Deserialising into a struct with serde would be shorter, but serde stops at the first error and
//! forgets lines, while somebody who repairs a configuration wants the whole list. So this reads
//! TOML's own tree, in which each key and value keeps its place, with a small typed reader.

use alloc::{string::ToString, vec::Vec};

use toml::{Spanned, de::DeTable};

use super::{
    chat,
    checked::Config,
    files::{FileRequest, Files},
    problem::{Fault, Problem},
    reader::{Found, Reader, Section, locate},
    sections,
};

/// What runs where no configuration is named: everything on loopback, chats printed. It is read
/// like any other file, relative to the working directory.
pub const EMBEDDED: Source<'_> = Source { name: "(built-in)", text: include_str!("embedded.toml") };

/// The state folder where the configuration names none.
const STATE_DIR: &str = "/var/lib/mistgate";

/// The sections that are known and that this build cannot serve.
const LATER: [(&str, &str); 2] = [
    ("ports", "this build does not automate switch ports yet"),
    ("proxy", "this build has no websocket proxy yet"),
];

/// A configuration file.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// Its name as the user gave it. The folder in it is where relative paths inside the file start;
    /// without one, that is the working directory.
    pub name: &'a str,
    /// Its text.
    pub text: &'a str,
}

/// A configuration whose files have yet to be read.
pub struct Draft<'a> {
    source: Source<'a>,
    table: Result<Spanned<DeTable<'a>>, Problem>,
}

/// The outcome of a check.
#[derive(Debug)]
pub struct Report {
    /// The configuration, if nothing is wrong with it.
    pub config: Option<Config>,
    /// What must be put right, in the order of the file.
    pub problems: Vec<Problem>,
    /// What works and still should be looked at, in the order of the file.
    pub warnings: Vec<Problem>,
}

impl<'a> Draft<'a> {
    /// Takes the text apart. Where it is not TOML, there are no files, and the first place that is
    /// not TOML is all that the check will report.
    pub fn parse(source: Source<'a>) -> Self {
        let table = DeTable::parse(source.text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            // The message says which syntax was expected, and nothing of the text.
            let what = alloc::format!("this is not TOML: {}", error.message());
            locate(source.text, at, "", Fault::new(what, "toml.io has the rules"))
        });
        Self { source, table }
    }

    /// The files that [`check`](Self::check) needs, in the order of the file. One may be named twice.
    pub fn files(&self) -> Vec<FileRequest> {
        // The walk is that of the check, so that no key can be forgotten here; its problems are
        // reported when the contents are there.
        self.walk(&Files::new()).1.requests
    }

    /// Judges the text and the contents of its files.
    pub fn check(&self, files: &Files) -> Report {
        let (config, found) = self.walk(files);
        Report {
            config: config.filter(|_| found.problems.is_empty()),
            problems: found.problems,
            warnings: found.warnings,
        }
    }

    fn walk(&self, files: &Files) -> (Option<Config>, Found) {
        let table = match &self.table {
            Ok(table) => table.get_ref(),
            Err(problem) => {
                let found = Found { problems: Vec::from([problem.clone()]), ..Found::default() };
                return (None, found);
            }
        };
        let reader = Reader::new(self.source.text, self.source.folder(), files);
        let root = reader.root(table);
        let config = config(&root);
        root.close();
        (config, reader.finish())
    }
}

impl<'a> Source<'a> {
    fn folder(self) -> Option<&'a str> {
        self.name.rsplit_once('/').map(|(folder, _)| folder)
    }
}

fn config(root: &Section<'_>) -> Option<Config> {
    let state_dir = match root.item("state_dir") {
        Some(item) => item.file_path(),
        None => Some(STATE_DIR.to_string()),
    };
    let (mist, ignored_sites) = root
        .section("mist", |mist| (sections::mist(Some(mist)), sections::ignored_sites(mist)))
        .unwrap_or_else(|| (sections::mist(None), Vec::new()));
    let webhook = root.section("webhook", sections::webhook);
    let mut chat = root.section("chat", chat::chat).unwrap_or_default();
    chat.routes.ignored_sites = ignored_sites;
    let admin = root.section("admin", sections::admin);
    for (key, what) in LATER {
        if let Some(item) = root.item(key) {
            item.problem(what, "a file without this section");
        }
    }
    let config = Config { state_dir: state_dir?, mist, webhook, chat, admin };
    together(root, &config);
    Some(config)
}

/// What only shows when the sections are seen together.
fn together(root: &Section<'_>, config: &Config) {
    let Some(webhook) = &config.webhook else {
        let what = "without this section no event ever arrives";
        root.warning("webhook", Fault::new(what, "[webhook] with a secret_file"));
        return;
    };
    if config.chat.destinations.is_empty() {
        let what = "there is no chat to post to, so events are accepted and dropped";
        let expected = "[chat.slack], [chat.teams], [chat.google] or [chat.console]";
        root.warning("chat", Fault::new(what, expected));
    }
    let admin = config.admin.as_ref().map(|admin| admin.listen);
    if admin.is_some_and(|admin| sections::collide(webhook.listen, admin)) {
        let what = "webhook.listen takes the address of this listener";
        root.conflict("admin", Fault::new(what, "another port"));
    }
}
