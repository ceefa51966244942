//! Audits: actions of an administrator, of an API token, or of Mist itself.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::{borrow::ToOwned, format, string::String, string::ToString, vec::Vec};

use super::{draft::Draft, draft::is_id, subject};
use crate::base::{order, secret::is_secret_name, text};
use crate::event::{Detail, DeviceClass, Event, mail_address};
use crate::notify::{links::Dashboard, plain, types::Row};

/// The most changes with a fact of their own.
const CHANGES_MAX: usize = 10;
/// The most changes that are looked at.
const LEAVES_MAX: usize = 1_000;
/// Objects inside of so many others are one value.
const DEPTH_MAX: usize = 6;
/// The most characters of each side of a change.
const SIDE_MAX: usize = 100;
/// The most characters of the message in the headline.
const HEADLINE_MAX: usize = 120;
/// The most characters of what names the browser or program.
const AGENT_MAX: usize = 60;

/// Describes an audit.
pub(in crate::notify) fn describe(event: &Event<'_>, _: Row, links: &Dashboard<'_>) -> Draft {
    let message = event.text("message").map(|message| plain::clean(&message));
    let site = subject::site(event);
    let who = event.text("admin_name").map(|name| person(&name));
    let who = who.as_deref().unwrap_or("an API token or Mist itself");
    let place = subject::at(site.as_deref());
    let message = message.as_deref().unwrap_or("an action without a description");
    let title = format!("Audit: {}", text::cut(message, HEADLINE_MAX));
    // What the headline says whole is not said again.
    let mut draft = match title.ends_with('…') {
        true => Draft::new(title, format!("By {who}{place}: {}.", message.trim_end_matches('.'))),
        false => Draft::new(title, format!("By {who}{place}.")),
    };
    draft.maybe("Site", site);
    let (old, new) = (event.get("before"), event.get("after"));
    let (old_text, new_text) = (old.and_then(Detail::embedded), new.and_then(Detail::embedded));
    let old = old_text.as_deref().map(Detail::from).or(old);
    let new = new_text.as_deref().map(Detail::from).or(new);
    add_changes(&mut draft, old, new);
    draft.maybe("Source IP", event.text("src_ip"));
    draft.others(event, &["admin_name", "after", "before", "message", "user_agent"]);
    draft.maybe("User agent", event.text("user_agent").map(|agent| text::cut(&agent, AGENT_MAX)));
    let class = |device: Option<Detail<'_>>| DeviceClass::parse(&device?.get("type")?.text()?);
    let class = event.device_class().or_else(|| class(new)).or_else(|| class(old));
    draft.links = links.audited(class);
    draft.links.extend(links.audit_log());
    draft
}

/// `First Last (user@example.net)`.
fn person(admin_name: &str) -> String {
    let name = plain::name(admin_name);
    match name.rsplit_once(' ') {
        Some((first, last)) if last.contains('@') => format!("{first} ({})", mail_address(last)),
        _ => name,
    }
}

/// Adds what differs, each member of a member by its path, such as `auth.type`.
fn add_changes(draft: &mut Draft, old: Option<Detail<'_>>, new: Option<Detail<'_>>) {
    let (was, is) = (leaves(old), leaves(new));
    // What is made or deleted has one side only, with an object.
    let is_one_sided = was.is_empty() || is.is_empty();
    let mut changes = Vec::new();
    let paths: BTreeSet<&String> = order::collect(is.keys().chain(was.keys()));
    for path in paths {
        let (old, new) = (was.get(path), is.get(path));
        let value = match (old, new) {
            (Some(old), Some(new)) if old == new => continue,
            _ if old.into_iter().chain(new).any(|value| is_secret(path, value)) => {
                "changed (not shown)".to_owned()
            }
            (Some(one), None) | (None, Some(one)) if is_one_sided => one.clone(),
            (old, new) if old.or(new).is_some_and(|id| is_id(id)) => "changed".to_owned(),
            (old, new) => {
                let side = |side: Option<&String>| side.map_or("(none)", String::as_str).to_owned();
                format!("{} → {}", side(old), side(new))
            }
        };
        changes.push((path.as_str(), value));
    }
    let rest = changes.split_off(changes.len().min(CHANGES_MAX));
    for (path, value) in changes {
        // Words only where they are no path, which a reader looks for in the dashboard.
        let label = if path.contains('.') { path.to_owned() } else { plain::label(path) };
        draft.fact(&label, &value);
    }
    let rest: Vec<&str> = rest.iter().map(|(path, _)| *path).collect();
    draft.fact("Also changed", &plain::list(&rest, CHANGES_MAX));
}

/// Whether a value may hold a credential: by its path, as in a command, in a header, or in a URL.
fn is_secret(path: &str, value: &str) -> bool {
    is_secret_name(path)
        || (value.contains(' ') && is_secret_name(value))
        || path.starts_with("headers.")
        || (value.contains("://") && value.contains('@'))
}

/// The values of an object by their paths, without those that every change touches.
fn leaves(of: Option<Detail<'_>>) -> BTreeMap<String, String> {
    let mut leaves = BTreeMap::new();
    let mut open: Vec<(String, Detail<'_>, usize)> = Vec::new();
    let members = of.map(Detail::members).unwrap_or_default();
    open.extend(members.into_iter().map(|(name, member)| (name.into_owned(), member, 1)));
    open.retain(|(name, ..)| !INTERNAL.contains(&name.as_str()));
    while let Some((path, value, depth)) = open.pop().filter(|_| leaves.len() < LEAVES_MAX) {
        let is_list = value.raw().starts_with('[');
        let items = if is_list { value.items() } else { Vec::new() };
        let is_nested = items.iter().any(|item| item.raw().starts_with(['{', '[']));
        if depth < DEPTH_MAX && value.raw().starts_with('{') {
            let members = value.members().into_iter();
            open.extend(members.map(|(name, part)| (format!("{path}.{name}"), part, depth + 1)));
        } else if depth < DEPTH_MAX && is_nested {
            let items = items.into_iter().enumerate();
            open.extend(items.map(|(at, item)| (format!("{path}.{}", at + 1), item, depth + 1)));
        } else if let Some(said) = side(value, is_list) {
            leaves.insert(path, said);
        }
    }
    leaves
}

/// One side of a change; `None` for what is not set.
fn side(value: Detail<'_>, is_list: bool) -> Option<String> {
    let said = match (is_list, value.text()) {
        (true, _) => value.texts().join(", "),
        (false, Some(text)) => text.to_string(),
        (false, None) if value.raw().starts_with('n') => return None,
        (false, None) => value.raw().trim_matches('"').trim().to_owned(),
    };
    let said = text::one_line(&said, SIDE_MAX);
    Some(if said.is_empty() { "(empty)".to_owned() } else { said })
}

/// Members that every change touches, and the places of what is changed.
const INTERNAL: [&str; 5] = ["created_time", "id", "modified_time", "org_id", "site_id"];
