//! A notification while it is being written.

use alloc::{
    borrow::ToOwned,
    format,
    string::{String, ToString},
    vec::Vec,
};

use crate::{
    base::{mac::Mac, text, time::UnixTime},
    event::{Detail, Event},
    notify::{Fact, Link, Listing, Notification, Severity, Thread, plain},
};

/// The most facts of a notification.
const FACTS_MAX: usize = 20;
/// The most characters of a headline.
const TITLE_MAX: usize = 150;
/// The most characters of a reason in the summary.
const REASON_MAX: usize = 300;
/// The most items that a fact lists.
const ITEMS_MAX: usize = 10;

/// Members that say nothing to a reader, or that every description says in its own way.
const SILENT: [&str; 18] = [
    "ap_name",
    "audit_id",
    "device_name",
    "device_type",
    "ev_type",
    "for_site",
    "group",
    "id",
    "license_requirement",
    "mxedge_name",
    "org_name",
    "severity",
    "site_name",
    "text",
    "timestamp",
    "type",
    "type_code",
    "update",
];

/// The parts of a [`Notification`] that a description decides.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) title: String,
    pub(super) summary: String,
    pub(super) facts: Vec<Fact>,
    pub(super) links: Vec<Link>,
    pub(super) thread: Option<Thread>,
    pub(super) listing: Option<Listing>,
    /// When it happened, for events that say so elsewhere than in `timestamp`.
    pub(super) at: Option<UnixTime>,
}

impl Draft {
    /// Adds a reason to the summary, unless it says the same already.
    pub(super) fn explain(&mut self, reason: Option<&str>) {
        if let Some(reason) = reason.filter(|reason| !plain::says(&self.summary, reason)) {
            let reason = text::cut(reason.trim_end_matches('.'), REASON_MAX);
            self.summary.push_str(&format!(" Reason: {reason}."));
        }
    }

    /// Adds a fact, unless it is empty or its label is taken.
    pub(super) fn fact(&mut self, label: &str, value: &str) {
        let value = plain::clean(value);
        let taken = self.facts.iter().any(|fact| fact.label == label);
        if !value.is_empty() && !taken {
            let label = label.to_owned();
            self.facts.push(Fact { label, value });
        }
    }

    /// Adds a fact that an event may lack.
    pub(super) fn maybe(&mut self, label: &str, value: Option<impl AsRef<str>>) {
        if let Some(value) = value {
            self.fact(label, value.as_ref());
        }
    }

    /// Adds a fact of several values, cut to a few.
    pub(super) fn several(&mut self, one: &str, many: &str, values: &[String]) {
        let label = match values.len() {
            1 => one,
            _ => many,
        };
        self.fact(label, &plain::list(values, ITEMS_MAX));
    }

    /// Adds what an event of an unknown type tells besides its device: all scalar members but
    /// ids.
    pub(super) fn scalars(&mut self, members: &[(impl AsRef<str>, Detail<'_>)]) {
        for (name, detail) in members {
            let name = name.as_ref();
            if !SILENT.contains(&name) {
                self.maybe(&label(name), scalar(name, *detail));
            }
        }
    }

    /// The notification.
    pub(super) fn finish(mut self, event: &Event<'_>, severity: Severity) -> Notification {
        self.facts.truncate(FACTS_MAX);
        Notification {
            severity,
            title: text::one_line(&self.title, TITLE_MAX),
            summary: plain::clean(&self.summary),
            facts: self.facts,
            listing: self.listing,
            links: self.links,
            at: event.at().or(self.at),
            thread: self.thread,
        }
    }
}

/// A member's value for people: MAC addresses, times and booleans as people write them. `None` for
/// lists, objects and ids, except for ids that are MAC addresses.
fn scalar(name: &str, detail: Detail<'_>) -> Option<String> {
    let text = detail.text()?;
    let mac = Mac::parse(&text).map(|mac| mac.to_string());
    if name == "port_id" {
        return Some(plain::clean(&text));
    }
    if name.ends_with("id") && (name.ends_with("_id") || is_uuid(&text)) {
        return mac.filter(|_| !is_uuid(&text));
    }
    let moment = || UnixTime::from_secs_f64(detail.number()?).filter(|at| at.as_secs() > 0);
    match (&*text, name) {
        ("true", _) => Some("yes".to_owned()),
        ("false", _) => Some("no".to_owned()),
        (_, "connect" | "disconnect" | "last_seen") => Some(moment()?.to_string()),
        (_, name) if name.ends_with("_time") => Some(moment()?.to_string()),
        (_, "duration") => Some(plain::duration(moment()?.as_secs())),
        (text, "band") => Some(plain::band(text)),
        (text, name) if name.ends_with("rssi") => Some(format!("{} dBm", plain::clean(text))),
        (text, name) => {
            let of_device =
                ["ap", "bssid", "client", "mac"].into_iter().any(|end| name.ends_with(end));
            Some(mac.filter(|_| of_device).unwrap_or_else(|| plain::humane(text)))
        }
    }
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36 && text.bytes().filter(|b| *b == b'-').count() == 4
}

/// What a member is called.
fn label(name: &str) -> String {
    plain::label(name.strip_suffix("_id").unwrap_or(name))
}
