//! A notification while it is being written.

use alloc::{borrow::Cow, borrow::ToOwned, format, string::String, string::ToString, vec::Vec};

use crate::base::{mac::Mac, secret::is_secret_name, text, time::UnixTime};
use crate::notify::{DASHBOARD, Fact, NOTE, Notification, ORG, SEND_TEST, Severity, plain};
use crate::{event::Detail, event::Event, notify::types::Kind, notify::types::sentence};

const FACTS_MAX: usize = 20;
/// The most characters of a headline.
const TITLE_MAX: usize = 150;
/// The most characters of a reason in the summary.
const REASON_MAX: usize = 300;
/// A value of fewer bytes may be found in a text by chance.
const SHORT: usize = 4;
/// The most items that a fact lists.
const ITEMS_MAX: usize = 10;

/// Members that tell a reader nothing, or that every description uses in its own way.
const SILENT: [&str; 25] = [
    "ap",
    "ap_name",
    "audit_id",
    "device_name",
    "device_type",
    "ev_type",
    "for_site",
    "group",
    "id",
    "license_requirement",
    "mac",
    DASHBOARD,
    NOTE,
    ORG,
    SEND_TEST,
    "mxedge_name",
    "org_id",
    "org_name",
    "severity",
    "site_id",
    "site_name",
    "text",
    "timestamp",
    "type",
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

    /// Adds the members of an event that are said nowhere yet: all but those in `shown`, ids,
    /// secrets, objects and lists of them.
    pub(super) fn others(&mut self, event: &Event<'_>, shown: &[&str]) {
        for (name, detail) in event.members() {
            let is_shown = SILENT.contains(&&**name) || shown.contains(&&**name);
            if !is_shown && !name.starts_with("pre_") && !is_secret_name(name) {
                let values = detail.items().into_iter().filter_map(|item| scalar(name, item));
                let values: Vec<String> = values.filter(|value| !self.says(value)).collect();
                let label = label(name);
                self.several(&label, &label, &values);
            }
        }
    }

    /// Whether a value is said already. A short one may stand there for another thing.
    fn says(&self, value: &str) -> bool {
        let ends = |text: &str| !text.starts_with(char::is_alphanumeric);
        let is_in = |text: &str| {
            text.match_indices(value).any(|(at, _)| {
                let (before, after) = text.split_at(at);
                !before.ends_with(char::is_alphanumeric)
                    && after.get(value.len()..).is_some_and(ends)
            })
        };
        let facts = self.facts.iter().map(|fact| fact.value.as_str());
        value.len() >= SHORT && facts.chain([self.summary.as_str()]).any(is_in)
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
/// objects, ids other than MAC addresses, and what is so of nearly every event.
fn scalar(name: &str, detail: Detail<'_>) -> Option<String> {
    let text = detail.text()?;
    let singular = name.trim_end_matches('s');
    let is_mac = ["ap", "bssid", "client", "mac", "_id"].iter().any(|end| singular.ends_with(end));
    if let Some(mac) = Mac::parse(&text).filter(|_| is_mac) {
        return Some(mac.to_string());
    }
    let is_time = name.ends_with("_time")
        || name.contains("expir")
        || ["connect", "disconnect", "last_seen"].contains(&name);
    let seconds = || detail.number().filter(|number| *number > 0.0);
    match (&*text, name) {
        (text, _) if is_id(text) || detail.embedded().is_some() => None,
        ("0" | "1", "count") => None,
        (text, "version") if !text.contains(['.', '-']) => None,
        ("true", _) => Some("yes".to_owned()),
        ("false", _) => Some("no".to_owned()),
        ("0", _) if is_time => None,
        (text, _) if is_time => {
            let at = seconds().and_then(UnixTime::from_secs_f64);
            Some(at.map_or_else(|| plain::clean(text), |at| at.to_string()))
        }
        (_, "duration") => Some(plain::duration(seconds()? as i64)),
        (text, "band") => Some(plain::band(text)),
        (text, name) if name.ends_with("rssi") => Some(format!("{} dBm", plain::clean(text))),
        (text, _) => Some(plain::clean(text)),
    }
}

/// Whether it is an id of Mist, which says nothing to a reader. The number of a VLAN is none.
pub(super) fn is_id(text: &str) -> bool {
    text.len() >= 24
        && text.contains('-')
        && text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
}

/// The label of a member.
fn label(name: &str) -> String {
    plain::label(name.strip_suffix("_id").unwrap_or(name))
}
