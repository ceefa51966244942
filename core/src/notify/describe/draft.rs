//! A notification while it is being written.

use alloc::{borrow::ToOwned, string::String, vec::Vec};

use crate::{
    event::{Detail, Event},
    notify::{Fact, Link, Notification, Severity, Thread, plain},
    time::UnixTime,
};

/// The most facts of a notification.
const FACTS_MAX: usize = 20;
/// The most characters of a headline.
const TITLE_MAX: usize = 150;
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
}

impl Draft {
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

    /// Adds what an event of an unknown type tells besides its device: all scalar members but ids.
    pub(super) fn scalars(&mut self, members: &[(impl AsRef<str>, Detail<'_>)]) {
        for (name, detail) in members {
            let name = name.as_ref();
            let shown = name == "port_id" || !(name.ends_with("_id") || name.ends_with("_ids"));
            if shown && !SILENT.contains(&name) {
                self.maybe(&label(name), scalar(name, *detail));
            }
        }
    }

    /// The notification.
    pub(super) fn finish(mut self, event: &Event<'_>, severity: Severity) -> Notification {
        self.facts.truncate(FACTS_MAX);
        Notification {
            severity,
            title: plain::cut(&plain::clean(&self.title), TITLE_MAX),
            summary: plain::clean(&self.summary),
            facts: self.facts,
            links: self.links,
            at: event.at(),
            thread: self.thread,
        }
    }
}

/// A member's value for people: MAC addresses, times and booleans as people write them.
fn scalar(name: &str, detail: Detail<'_>) -> Option<String> {
    let text = detail.text()?;
    let time = name.ends_with("_time") || matches!(name, "connect" | "disconnect" | "last_seen");
    let moment = || UnixTime::from_secs_f64(detail.number()?).filter(|at| at.as_secs() > 0);
    Some(match &*text {
        "true" => "yes".to_owned(),
        "false" => "no".to_owned(),
        _ if time => match moment() {
            Some(at) => alloc::string::ToString::to_string(&at),
            None => return None,
        },
        text if name.ends_with("mac") || matches!(name, "ap" | "bssid" | "client" | "next_ap") => {
            plain::mac(text)
        }
        text => plain::humane(text),
    })
}

/// What a member is called.
fn label(name: &str) -> String {
    match name {
        "port_id" => "Port".to_owned(),
        _ => plain::label(name),
    }
}
