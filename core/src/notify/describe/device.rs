//! Events of devices: the topics `device-events`, `device-updowns` and `mxedge-events`.

use alloc::{borrow::Cow, format, string::String, string::ToString, vec::Vec};
use core::cell::Cell;

use super::{draft::Draft, subject, subject::Subject};
use crate::notify::types::{Kind, Row, sentence};
use crate::notify::{Link, links, links::Dashboard, plain};
use crate::{base::text, event::Detail, event::DeviceClass, event::Event, event::Topic};

/// The most ports that a sentence lists.
const ITEMS_MAX: usize = 8;
/// The most characters of a log message in a sentence.
const QUOTE_MAX: usize = 300;

/// What of a radio may change, and in which unit.
const RADIO: [(&str, &str); 3] = [("channel", ""), ("bandwidth", " MHz"), ("power", " dBm")];
/// Members that the facts say in their own way.
const SHOWN: [&str; 15] = [
    "apfw",
    "bandwidth",
    "bounced_ports",
    "channel",
    "disconnected_aps",
    "display",
    "from_version",
    "occurrence",
    "port",
    "port_id",
    "power",
    "reason",
    "to_version",
    "usage",
    "vc-backup-id",
];

/// Describes an event of a device.
pub(in crate::notify) fn describe(event: &Event<'_>, row: Row, links: &Dashboard<'_>) -> Draft {
    let subject = Subject::of(event);
    let name = event.kind().unwrap_or_default();
    let mut draft = match row {
        Some(row) if row.name == "ME_RESOURCE_USAGE" => resource_usage(event, &subject, row),
        Some(row) => known(event, &subject, row),
        None => unknown(event, &subject, &name),
    };
    draft.links = linked(event, &subject, &name, links);
    draft
}

fn known(event: &Event<'_>, subject: &Subject, row: &Kind) -> Draft {
    let speech = Speech::new(event, subject);
    let mut draft = Draft::of(row, &mut |name| speech.value(name));
    draft.title = subject.titled(row.title, row.name);
    draft.explain(speech.reason().as_deref());
    about(&mut draft, subject);
    draft.maybe("Port", port(event, speech.text()));
    draft.maybe("Reason", speech.reason());
    for (name, unit) in RADIO {
        draft.maybe(&plain::label(name), speech.radio(name, unit, true));
    }
    match speech.versions() {
        Some((Some(from), to)) => draft.fact("Versions", &format!("{from} → {to}")),
        Some((None, to)) => draft.fact("New version", &to),
        None => {}
    }
    draft.several("AP", "APs", &speech.disconnected_aps());
    draft.several("Bounced port", "Bounced ports", &speech.bounced_ports());
    if !speech.quoted.get() && !speech.repeats(row.name) {
        draft.maybe("Details", speech.text());
    }
    build(&mut draft, event);
    draft.others(event, &SHOWN);
    draft
}

/// `ME_RESOURCE_USAGE`: the event itself says whether the usage is high or normal again.
fn resource_usage(event: &Event<'_>, subject: &Subject, row: &Kind) -> Draft {
    let usage = usage(event);
    let member = |name: &str| Some(plain::clean(&usage?.get(name)?.text()?));
    let resource = member("resource");
    let shown = resource.as_deref().map_or_else(|| "resource".to_string(), plain::words);
    let level = member("severity").map(|severity| severity.to_ascii_lowercase());
    let number = usage.and_then(Detail::text).map(|text| plain::clean(&text));
    let share = |value: String| match value.parse::<f64>() {
        Ok(_) => format!("{value} %"),
        Err(_) => value,
    };
    let value = number.or_else(|| member("actual_value")).map(share);
    let threshold = member("threshold_value").map(share);
    let state = match level.as_deref() {
        Some("warning") => Some("elevated"),
        level => level.filter(|level| matches!(*level, "normal" | "high" | "critical")),
    };
    let placed = subject.placed();
    let title = match state {
        Some(state) => format!("Mist Edge {shown} usage {state}"),
        None => row.title.to_string(),
    };
    let end = match state {
        Some("normal") => "is normal again".to_string(),
        Some(state) => format!("is {state}"),
        None => "changed".to_string(),
    };
    let end = match (value, threshold) {
        (Some(value), Some(threshold)) => format!("{end}: {value}, the threshold is {threshold}"),
        (Some(value), None) => format!("{end}: {value}"),
        (None, _) => end,
    };
    let mut draft = Draft::new(title, format!("The {shown} usage of {placed} {end}."));
    about(&mut draft, subject);
    build(&mut draft, event);
    draft.others(event, &["usage"]);
    draft
}

/// What `ME_RESOURCE_USAGE` says of a resource.
pub(in crate::notify) fn usage<'a>(event: &Event<'a>) -> Option<Detail<'a>> {
    event
        .get("sys_info.usage")
        .or_else(|| event.get("sys_info")?.get("usage"))
        .or_else(|| event.get("usage"))
}

/// The port of the event, or the one that its message names.
pub(in crate::notify) fn port(event: &Event<'_>, text: Option<&str>) -> Option<String> {
    let member = ["port_id", "port"].into_iter().find_map(|name| event.text(name));
    if let Some(port) = member {
        return Some(plain::name(&port));
    }
    let text = text?;
    ["ifName", "interface"]
        .into_iter()
        .find_map(|marker| plain::after(text, marker))
        .filter(|port| port.bytes().any(|b| b.is_ascii_digit()))
        .map(String::from)
}

/// A type without a row, described by its name.
fn unknown(event: &Event<'_>, subject: &Subject, name: &str) -> Draft {
    let (prefix, rest) = name.split_once(['_', '-']).unwrap_or(("", name));
    // Shelf labels keep their prefix, because they are no APs to a reader.
    let is_label = prefix.eq_ignore_ascii_case("ESL") || prefix == "1026";
    let class = DeviceClass::of_prefix(prefix).filter(|_| !is_label);
    let class = class.and(subject.class);
    let display = event.text("display").and_then(|words| plain::non_empty(plain::clean(&words)));
    let is_ours = display.is_none();
    let what = display.unwrap_or_else(|| plain::words(if class.is_some() { rest } else { name }));
    let title = match (class.filter(|_| is_ours), what.as_str()) {
        (_, "") => plain::label(event.topic().name()),
        (Some(class), what) => format!("{} {what}", subject::noun(Some(class))),
        (None, what) => what.to_string(),
    };
    let summary = match what.as_str() {
        "" => format!("{} sent an event without a type.", subject.placed()),
        what => format!("{} reported: {what}.", subject.placed()),
    };
    let mut draft = Draft::new(sentence::capitalized(&title), sentence::capitalized(&summary));
    let speech = Speech::new(event, subject);
    draft.explain(speech.reason().as_deref());
    about(&mut draft, subject);
    draft.maybe("Reason", speech.reason());
    draft.maybe("Details", speech.text());
    build(&mut draft, event);
    draft.others(event, &["apfw", "display", "reason", "version"]);
    draft
}

fn about(draft: &mut Draft, subject: &Subject) {
    if subject.is_unnamed() {
        draft.summary.push_str(subject::UNNAMED);
    }
    draft.maybe("Device", subject.name.as_deref());
    draft.maybe("MAC", subject.mac.map(|mac| mac.to_string()));
    draft.maybe("ID", subject.id.as_deref().filter(|_| subject.name.is_none()));
    draft.maybe("Site", subject.site.as_deref());
}

/// Model and version. In some events `version` is a counter instead.
fn build(draft: &mut Draft, event: &Event<'_>) {
    draft.maybe("Model", event.text("model"));
    let version = event.text("version").filter(|version| version.contains(['.', '-']));
    draft.maybe("Version", event.text("apfw").or(version));
}

fn linked(
    event: &Event<'_>,
    subject: &Subject,
    name: &str,
    dashboard: &Dashboard<'_>,
) -> Vec<Link> {
    let name = name.to_ascii_uppercase();
    // The dashboard has no page at a site for a device that left it.
    let is_gone = name.ends_with("_UNASSIGNED") || name.ends_with("_UNCLAIMED");
    let from_mac = || subject.mac.map(|mac| Cow::Owned(links::device_id(mac)));
    let id = event
        .id("device_id")
        .or_else(|| event.id("mxedge_id").filter(|id| id.contains('-')))
        .or_else(from_mac);
    let device = subject.class.zip(id).filter(|_| !is_gone);
    let mut links = device.map_or_else(Vec::new, |(class, id)| dashboard.device(class, &id));
    if matches!(event.topic(), Topic::MxedgeEvents) {
        links.extend(dashboard.cluster());
    }
    if event.id("audit_id").is_some() {
        links.extend(dashboard.audit_log());
    }
    links
}

/// The values of a sentence about a device.
struct Speech<'s> {
    event: &'s Event<'s>,
    subject: &'s Subject,
    /// The device's log message, without tags.
    words: Option<String>,
    /// Whether the sentence has quoted all of the message.
    quoted: Cell<bool>,
}

impl<'s> Speech<'s> {
    fn new(event: &'s Event<'s>, subject: &'s Subject) -> Self {
        let text = event.text("text").map(|text| plain::clean(&text));
        Self {
            event,
            subject,
            words: text.map(|text| plain::decoded(plain::untagged(&text))),
            quoted: Cell::new(false),
        }
    }

    fn value(&self, name: &str) -> Option<Cow<'_, str>> {
        let text = self.text().unwrap_or_default();
        let owned = match name {
            "device" | "entities" => self.subject.placed(),
            "bare" => self.subject.bare(),
            "site" => subject::named_site(self.subject.site.as_deref()?),
            "text" => self.quote()?,
            "reason" => self.reason()?,
            "alarm_class" => self.event.text(name)?.to_lowercase(),
            "aps" => plain::named_list("AP", "APs", &self.disconnected_aps(), plain::NAMES_MAX)?,
            "band" => plain::band(&self.event.text(name)?),
            "neighbor" => plain::neighbor(text)?.to_string(),
            "occurrences" => {
                let times = self.event.get("occurrence")?.integer()?;
                plain::count(usize::try_from(times).ok()?, "time", "times")
            }
            "path" => return plain::path(text),
            "peer" | "profile" | "server" | "user" => {
                return plain::after(text, name).map(Cow::Borrowed);
            }
            "member" => plain::member(text)?.to_string(),
            // Mist Edges have ports such as `port0`, which would read "port port0".
            "port" => {
                let port = port(self.event, self.text())?;
                let number = port.strip_prefix("port").filter(|rest| !rest.is_empty());
                number.map(ToString::to_string).unwrap_or(port)
            }
            "ports" => plain::named_list("port", "ports", &self.bounced_ports(), ITEMS_MAX)?,
            "radio_changes" => self.radio_changes()?,
            "server_change" => {
                change("", self.event.text("old_server"), self.event.text("new_server")?)
            }
            "transition" => self.transition()?,
            "versions" => {
                let (from, to) = self.versions()?;
                change("version ", from, to)
            }
            _ => plain::name(&self.event.text(name)?),
        };
        Some(Cow::Owned(owned))
    }

    fn text(&self) -> Option<&str> {
        self.words.as_deref()
    }

    fn disconnected_aps(&self) -> Vec<String> {
        plain::each(&self.event.texts("disconnected_aps"), plain::mac)
    }

    fn bounced_ports(&self) -> Vec<String> {
        plain::each(&self.event.texts("bounced_ports"), plain::clean)
    }

    /// The message inside of a sentence.
    fn quote(&self) -> Option<String> {
        let words = self.text()?.trim_end_matches('.');
        self.quoted.set(words.chars().count() <= QUOTE_MAX);
        Some(text::cut(words, QUOTE_MAX))
    }

    /// Whether the message only repeats the type, such as `Switch 5c5b35000001 claimed`.
    fn repeats(&self, kind: &str) -> bool {
        let last = self.text().and_then(|text| text.rsplit(' ').next());
        let verb = kind.rsplit('_').next();
        let inventory = ["ASSIGNED", "CLAIMED", "UNASSIGNED", "UNCLAIMED"];
        verb.is_some_and(|verb| inventory.contains(&verb))
            && last.zip(verb).is_some_and(|(last, verb)| last.eq_ignore_ascii_case(verb))
            || (kind.ends_with("UPGRADED") || kind.contains("_UPGRADE_"))
                && self.versions().is_some()
            || kind == "SW_DYNAMIC_PORT_ASSIGNED" && self.value("profile").is_some()
    }

    fn reason(&self) -> Option<String> {
        // Of a VPN it stands at the end of a long message.
        let said = || self.text()?.rsplit_once("Reason: ").map(|(_, reason)| reason.into());
        let reason = plain::humane(&self.event.text("reason").or_else(said)?);
        Some(reason.trim_end_matches('.').to_string())
    }

    /// `from Full to Down due to InActiveTimer`.
    fn transition(&self) -> Option<String> {
        let text = self.text()?;
        let (_, rest) = ["changed state ", "state changed "]
            .into_iter()
            .find_map(|marker| text.split_once(marker))?;
        Some(text::cut(rest.trim_end_matches('.'), QUOTE_MAX))
    }

    /// The old version, if known, and the new one.
    fn versions(&self) -> Option<(Option<Cow<'_, str>>, Cow<'_, str>)> {
        if let Some(to) = self.event.text("to_version") {
            return Some((self.event.text("from_version"), to));
        }
        let text = self.text().filter(|text| text.contains("version"))?;
        let from = plain::after(text, "version").filter(|_| text.starts_with("from version"));
        let to = match text.strip_prefix("to version ") {
            Some(to) => to.split(' ').next()?,
            None => plain::after(text, "to").filter(|_| from.is_some())?,
        };
        Some((from.map(Cow::Borrowed), Cow::Borrowed(to)))
    }

    /// `channel 40 → 36, power 15 → 17 dBm`. Values that stayed the same are left out.
    fn radio_changes(&self) -> Option<String> {
        let changes = RADIO
            .into_iter()
            .filter_map(|(name, unit)| Some(format!("{name} {}", self.radio(name, unit, false)?)));
        plain::non_empty(changes.collect::<Vec<_>>().join(", "))
    }

    /// `15 → 17 dBm`, or `17 dBm` where it was not said or was the same, if that `is_wanted` too.
    fn radio(&self, name: &str, unit: &str, is_wanted: bool) -> Option<String> {
        let new = self.event.text(name)?;
        match self.event.text(&format!("pre_{name}")) {
            Some(old) if old != new => Some(format!("{old} → {new}{unit}")),
            old => (is_wanted || old.is_none()).then(|| format!("{new}{unit}")),
        }
    }
}

/// `from version a to b`, or `to version b`.
fn change(noun: &str, from: Option<Cow<'_, str>>, to: Cow<'_, str>) -> String {
    let to = plain::name(&to);
    match from {
        Some(from) => format!("from {noun}{} to {to}", plain::name(&from)),
        None => format!("to {noun}{to}"),
    }
}
