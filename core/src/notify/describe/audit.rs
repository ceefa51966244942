//! Audits: actions of an administrator or of Mist itself.

use alloc::string::{String, ToString};
use alloc::{borrow::ToOwned, format, vec::Vec};

use super::{draft::Draft, subject};
use crate::base::{secret::is_secret_name, text};
use crate::event::{Detail, DeviceClass, Event, find, mail_address};
use crate::notify::{Fact, links::Dashboard, plain, types::Row};

/// The most changes with a fact of their own.
const CHANGES_MAX: usize = 8;
/// The most characters of each side of a change.
const SIDE_MAX: usize = 100;
/// The most characters of the message in the headline.
const HEADLINE_MAX: usize = 120;

/// Describes an audit.
pub(in crate::notify) fn describe(event: &Event<'_>, _: Row, links: &Dashboard<'_>) -> Draft {
    let message = event.text("message").map(|message| plain::clean(&message));
    let site = subject::site(event);
    let admin = event.text("admin_name").map(|name| person(&name));
    let address = event.text("src_ip").map(|ip| plain::name(&ip));
    let what =
        message.as_deref().unwrap_or("an action without a description").trim_end_matches('.');
    let who = admin.as_deref().unwrap_or("Mist itself (no administrator)");
    let from = address.map(|ip| format!(" from {ip}")).unwrap_or_default();
    let place = subject::at(site.as_deref());
    let title = match &message {
        Some(message) => format!("Audit: {}", text::cut(message, HEADLINE_MAX)),
        None => "Audit log entry".to_owned(),
    };
    let mut draft = Draft::new(title, format!("{who}{from}{place}: {what}."));
    draft.maybe("Admin", admin);
    draft.maybe("Source IP", event.text("src_ip"));
    draft.maybe("Site", site);
    let (old, new) = (event.get("before"), event.get("after"));
    let (old_text, new_text) = (old.and_then(Detail::embedded), new.and_then(Detail::embedded));
    let old = old_text.as_deref().map(Detail::from).or(old);
    let new = new_text.as_deref().map(Detail::from).or(new);
    add_changes(&mut draft, old, new);
    draft.maybe("User agent", event.text("user_agent"));
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

fn add_changes(draft: &mut Draft, old: Option<Detail<'_>>, new: Option<Detail<'_>>) {
    let old = old.map(Detail::members).unwrap_or_default();
    let new = new.map(Detail::members).unwrap_or_default();
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in new.iter().chain(&old) {
        if !names.contains(&&**name) && !is_internal(name) {
            names.push(name);
        }
    }
    let mut changes: Vec<Fact> = Vec::new();
    let mut elsewhere: Vec<String> = Vec::new();
    for name in names {
        let (old, new) = (find(&old, name), find(&new, name));
        if old.map(Detail::raw) == new.map(Detail::raw) {
            continue;
        }
        match (side(old), side(new)) {
            (Some(old), Some(new)) if old == new => {}
            (Some(_), Some(_)) if is_secret_name(name) => changes
                .push(Fact { label: name.to_string(), value: "changed (not shown)".to_owned() }),
            (Some(old), Some(new)) => {
                changes.push(Fact { label: name.to_string(), value: format!("{old} → {new}") })
            }
            _ => elsewhere.push(name.to_string()),
        }
    }
    if changes.len() > CHANGES_MAX {
        elsewhere.extend(changes.drain(CHANGES_MAX..).map(|change| change.label));
    }
    for change in changes {
        draft.fact(&plain::label(&change.label), &change.value);
    }
    draft.fact("Also changed", &plain::list(&elsewhere, CHANGES_MAX));
}

/// One side of a change; `None` for lists and objects.
fn side(detail: Option<Detail<'_>>) -> Option<String> {
    let Some(detail) = detail else {
        return Some("(none)".to_owned());
    };
    match (detail.raw().as_bytes().first()?, detail.text()) {
        (b'{' | b'[', _) => None,
        (b'n', _) => Some("(none)".to_owned()),
        (_, Some(text)) => Some(text::one_line(&text, SIDE_MAX)),
        (_, None) => Some("(empty)".to_owned()),
    }
}

/// Ids, and members that every change touches.
fn is_internal(name: &str) -> bool {
    matches!(name, "id" | "created_time" | "modified_time") || name.ends_with("_id")
}
