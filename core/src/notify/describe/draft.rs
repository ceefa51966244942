//! A notification while it is being written.

use alloc::borrow::{Cow, ToOwned};
use alloc::format;
use alloc::string::{String, ToString};

use crate::base::{mac::Mac, text, time::UnixTime};
use crate::event::{Detail, Event};
use crate::notify::types::{Kind, sentence};
use crate::notify::{DASHBOARD, Fact, NOTE, Notification, ORG, Severity, plain};

const FACTS_MAX: usize = 20;
/// The most characters of a headline.
const TITLE_MAX: usize = 150;
/// The most characters of a reason in the summary.
const REASON_MAX: usize = 300;
/// The most items that a fact lists.
const ITEMS_MAX: usize = 10;

/// Members that tell a reader nothing, or that every description uses in its own way.
const SILENT: [&str; 21] = [
    "ap_name",
    "audit_id",
    "device_name",
    "device_type",
    "ev_type",
    "for_site",
    "group",
    "id",
    "license_requirement",
    DASHBOARD,
    NOTE,
    ORG,
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

/// A notification without its severity and its thread, and without its time unless the event has
/// that elsewhere than in `timestamp`.
pub(in crate::notify) type Draft = Notification;

impl Draft {
    pub(super) fn new(title: impl Into<String>, summary: impl Into<String>) -> Self {
        Self { title: title.into(), summary: summary.into(), ..Self::default() }
    }

    /// The title and the sentence of a type's row. `value` gives the sentence's values.
    pub(super) fn of<'v>(row: &Kind, value: &mut dyn FnMut(&str) -> Option<Cow<'v, str>>) -> Self {
        Self::new(row.title, sentence::say(row.sentence, value))
    }

    /// Adds a reason to the summary, unless its words are there already.
    pub(super) fn explain(&mut self, reason: Option<&str>) {
        if let Some(reason) = reason.filter(|reason| !plain::says(&self.summary, reason)) {
            let reason = text::cut(reason.trim_end_matches('.'), REASON_MAX);
            self.summary.push_str(&format!(" Reason: {reason}."));
        }
    }

    /// Adds a fact, unless its value is empty or its label is taken.
    pub(super) fn fact(&mut self, label: &str, value: &str) {
        let value = plain::clean(value);
        let is_taken = self.facts.iter().any(|fact| fact.label == label);
        if !value.is_empty() && !is_taken {
            self.facts.push(Fact { label: label.to_owned(), value });
        }
    }

    /// Adds a fact if there is a value.
    pub(super) fn maybe(&mut self, label: &str, value: Option<impl AsRef<str>>) {
        if let Some(value) = value {
            self.fact(label, value.as_ref());
        }
    }

    /// Adds a fact of several values, of which only the first few are shown.
    pub(super) fn several(&mut self, one: &str, many: &str, values: &[String]) {
        self.fact(if values.len() == 1 { one } else { many }, &plain::list(values, ITEMS_MAX));
    }

    /// Adds the members of an event whose type or topic has no table: all that are no lists,
    /// objects or ids, without those in `shown`.
    pub(super) fn scalars(&mut self, event: &Event<'_>, shown: &[&str]) {
        for (name, detail) in event.members() {
            if !SILENT.contains(&&**name) && !shown.contains(&&**name) {
                self.maybe(&label(name), scalar(name, *detail));
            }
        }
    }

    /// The finished notification: cut to its limits, with the event's time.
    pub(in crate::notify) fn finish(mut self, event: &Event<'_>, severity: Severity) -> Self {
        self.maybe("Organisation", event.text(ORG));
        self.maybe("Note", event.text(NOTE));
        self.facts.truncate(FACTS_MAX);
        let (title, summary) =
            (text::one_line(&self.title, TITLE_MAX), plain::clean(&self.summary));
        Self { severity, title, summary, at: event.at().or(self.at), ..self }
    }
}

/// A member's value with MAC addresses, times and booleans as people write them. `None` for lists,
/// objects, and ids other than MAC addresses.
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
            let is_mac = ["ap", "bssid", "client", "mac"].iter().any(|end| name.ends_with(end));
            Some(mac.filter(|_| is_mac).unwrap_or_else(|| plain::humane(text)))
        }
    }
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36 && text.bytes().filter(|b| *b == b'-').count() == 4
}

/// The label of a member.
fn label(name: &str) -> String {
    plain::label(name.strip_suffix("_id").unwrap_or(name))
}
