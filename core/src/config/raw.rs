//! From TOML text to a [`Config`], or to the list of its problems.
//!
//! The text is read in two steps, because the core reads no file: [`Draft::parse`] takes the text
//! and [`Draft::files`] lists the files that it names; [`Draft::check`] takes their contents.
//!
//! Deserialising with serde would be shorter, but serde stops at the first error and forgets lines,
//! and whoever repairs a configuration wants all problems at once. So a small typed reader walks
//! over TOML's own tree, in which each key and value keeps its place.

use alloc::{string::String, string::ToString, sync::Arc, vec::Vec};
use core::time::Duration;

use toml::{Spanned, de::DeTable, de::Error};

use super::{admin, problem::segment, reader::Found, reader::Reader, reader::locate};
use super::{chat, incidents, mist, ports, proxy, routes, section::Section, store, webhook};
use super::{checked::Config, files::FileRequest, files::Files};
use super::{ports::External, ports::Method, ports::Ports, problem::Fault, problem::Problem};
use crate::{delivery::config::Chat, mist::Mist, webhook::config::Webhook};

/// The configuration without `--config`: everything on loopback, chats printed. It is read like a
/// file in the working directory.
pub const EMBEDDED: Source<'_> = Source { name: "(built-in)", text: include_str!("embedded.toml") };

/// The default state folder.
const STATE_DIR: &str = "/var/lib/mistgate";
/// When an incident of which nothing is heard counts as over, where Mist cannot be asked.
const UNHEARD_AFTER: Duration = Duration::from_secs(7 * 86_400);

/// A configuration file and its text.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// The name as the user gave it. Relative paths inside the file start at its folder.
    pub name: &'a str,
    pub text: &'a str,
}

/// A parsed configuration whose files have not been read yet.
pub struct Draft<'a> {
    source: Source<'a>,
    credentials: Option<&'a str>,
    table: Result<Spanned<DeTable<'a>>, Problem>,
}

/// The outcome of a check.
#[derive(Debug)]
pub struct Report {
    /// `None` if there are problems.
    pub config: Option<Config>,
    /// In the order of the file.
    pub problems: Vec<Problem>,
    /// In the order of the file.
    pub warnings: Vec<Problem>,
    /// Whether the text itself has a secret.
    pub holds_secrets: bool,
}

impl<'a> Draft<'a> {
    /// Parses the text. If it is not TOML, the check will report the first error only.
    pub fn parse(source: Source<'a>) -> Self {
        let (table, errors) = DeTable::parse_recoverable(source.text);
        // The parser does not report errors in their order in the file, and those behind the first
        // often only follow from it.
        let start = |error: &Error| error.span().map_or(0, |span| span.start);
        let table = match errors.into_iter().min_by_key(start) {
            None => Ok(table),
            Some(error) => Err(not_toml(source.text, &error)),
        };
        Self { source, credentials: None, table }
    }

    /// Sets the folder of files that are named `${CREDENTIALS_DIRECTORY}/NAME`.
    #[must_use]
    pub fn credentials(self, folder: Option<&'a str>) -> Self {
        Self { credentials: folder, ..self }
    }

    /// The files that [`check`](Self::check) needs, in the order of the file. One may be there
    /// twice.
    pub fn files(&self) -> Vec<FileRequest> {
        // This is the walk of the check, so that no key is forgotten. Its problems are dropped here
        // and found again when the contents are there.
        self.walk(&Files::new()).1.requests
    }

    /// The state folder, whatever else is wrong with the text.
    pub fn state_dir(&self) -> Option<String> {
        let table = self.table.as_ref().ok()?.get_ref();
        let files = Files::new();
        let reader = Reader::new(self.source.text, self.source.folder(), self.credentials, &files);
        state_dir(&Section::root(&reader, table))
    }

    /// Judges the text and the contents of its files.
    pub fn check(&self, files: &Files) -> Report {
        let (config, found) = self.walk(files);
        Report {
            config: config.filter(|_| found.problems.is_empty()),
            problems: found.problems,
            warnings: found.warnings,
            holds_secrets: found.holds_secrets,
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
        let (text, folder) = (self.source.text, self.source.folder());
        let reader = Reader::new(text, folder, self.credentials, files);
        let root = Section::root(&reader, table);
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

/// The problem of a text that is not TOML. The parser's message names the expected syntax and
/// repeats nothing of the text.
fn not_toml(text: &str, error: &Error) -> Problem {
    const ANY: &str = "sections such as [webhook] and lines such as listen = \"127.0.0.1:51361\"";
    let span = error.span().unwrap_or_default();
    let (what, expected) = match error.message().split_once(", expected ") {
        Some((what, "nothing")) => (what, ANY),
        Some((what, "literal string")) => (what, "quotes around texts"),
        Some((what, expected)) => (what, expected),
        None => (error.message(), ANY),
    };
    if what == "duplicate key" {
        let key = text.get(span.clone()).unwrap_or_default();
        let fault = Fault::new("this key is there twice", "each key once");
        return locate(text, span.start, &segment(key), fault);
    }
    let what = alloc::format!("this is not TOML: {what}");
    locate(text, span.start, "", Fault::new(what, expected))
}

fn config(root: &Section<'_>) -> Option<Config> {
    let state_dir = state_dir(root);
    let store = root.section("store", store::store).unwrap_or_default();
    let (mist, orgs, ignored_sites, unsaid) = root
        .section("mist", |mist| {
            let main = Mist { selftest: mist::selftest(mist), ..mist::mist(Some(mist)) };
            let orgs = mist::orgs(mist, &main);
            (main, orgs, mist::ignored_sites(mist), mist::unsaid(mist))
        })
        .unwrap_or_else(|| (mist::mist(None), Vec::new(), Vec::new(), Some("mist.token_file")));
    let webhook = root.section("webhook", webhook::webhook);
    let mut chat = root.section("chat", chat::chat).unwrap_or_default();
    chat.routes.ignored_sites = ignored_sites;
    let named = orgs.iter().chain([&mist]).filter_map(mist::named);
    chat.routes.orgs = Arc::new(named.collect());
    let mut rules = root
        .section("incidents", |section| incidents::incidents(section, &chat))
        .unwrap_or_default();
    rules.unheard_after = mist.token.is_none().then_some(UNHEARD_AFTER);
    if let Some(webhook) = &webhook {
        rules.max_event_age = webhook.max_event_age;
    }
    let ports = root.section("ports", |section| {
        let ports = ports::ports(section, state_dir.as_deref())?;
        asks_mist(section, unsaid, &ports);
        has_chat(section, &chat, &ports);
        has_listener(section, webhook.as_ref(), &ports);
        Some(ports)
    });
    let ports = ports.flatten();
    chat.delivery.keeps_all = !store.history.is_zero();
    chat.routes.ports_to = ports.as_ref().map(|ports| ports.report_to.clone());
    let proxy = root.section("proxy", proxy::proxy);
    let admin = root.section("admin", admin::admin);
    let state_dir = state_dir?;
    let incidents = rules;
    let config =
        Config { state_dir, store, mist, orgs, webhook, chat, incidents, ports, proxy, admin };
    together(root, &config);
    Some(config)
}

fn state_dir(root: &Section<'_>) -> Option<String> {
    match root.item("state_dir") {
        Some(item) => item.file_path(),
        None => Some(STATE_DIR.to_string()),
    }
}

/// Problems and warnings that concern several sections.
fn together(root: &Section<'_>, config: &Config) {
    let Config { webhook, ports, proxy, .. } = config;
    let chats = !config.chat.destinations.is_empty();
    if webhook.is_none() && (chats || ports.is_some() || proxy.is_none()) {
        let what = "without this section no event ever arrives";
        root.warning("webhook", what, "[webhook] with a secret_file");
    }
    if webhook.is_some() && !chats && ports.is_none() && root.is_sound() {
        let what = "there is no chat to post to, so events are accepted and dropped";
        let expected = "[chat.slack], [chat.teams], [chat.google] or [chat.console]";
        root.warning("chat", what, expected);
    }
    routes::check_reach(root, &config.chat, config.incidents.escalate.as_ref());
    let listeners = config.listeners();
    for (above, (key, listen)) in listeners.iter().enumerate() {
        let collide = |other| listen.is_some_and(|listen| admin::collide(other, listen));
        let mut others = listeners.iter().take(above);
        if let Some((other, _)) = others.find(|(_, other)| other.is_some_and(collide)) {
            let what = alloc::format!("{other}.listen takes the address of this listener");
            root.conflict(key, what, "another port");
        }
    }
}

/// Warns if no destination serves the channel of the reports. Without any destination,
/// [`together`] warns instead.
fn has_chat(section: &Section<'_>, chat: &Chat, ports: &Ports) {
    let channel = &ports.report_to;
    if !chat.destinations.is_empty() && chat.serving(channel).next().is_none() {
        let what = alloc::format!("no destination serves the channel \"{channel}\"");
        section.warning("report_to", what, "a URL for it, or a default_url");
    }
}

/// A method for ports needs Mist's API: all decisions rest on its answers.
fn asks_mist(section: &Section<'_>, unsaid: Option<&str>, ports: &Ports) {
    match (unsaid, &ports.method) {
        // The commands reach a switch by its address.
        (Some(key), Some(Method::Junos(_))) => {
            let what = "without what Mist says about APs only port diff and port set do anything";
            section.warning("method", what, key);
        }
        (Some(key), Some(Method::Cso(_) | Method::Mist(_))) => {
            let what = "without what Mist says about APs and switches nothing can be decided";
            section.problem(what, key);
        }
        // Without a method, ports are only observed.
        (Some(_), None) | (None, _) => {}
    }
}

/// `[ports.external]` uses the listener of webhooks, which tells the two apart by their paths.
fn has_listener(section: &Section<'_>, webhook: Option<&Webhook>, ports: &Ports) {
    let Some(External { path, .. }) = &ports.external else { return };
    let (what, expected) = match webhook {
        None => ("there is no listener for it", "[webhook], whose listener takes it"),
        Some(webhook) if webhook.paths.contains(path) => {
            ("its path is one of webhook.paths", "a path of its own")
        }
        Some(_) => return,
    };
    section.conflict("external", what, expected);
}

#[cfg(test)]
mod tests;
