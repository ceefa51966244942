//! One incident, as it is kept in memory and in the store.

use alloc::{string::String, sync::Arc, vec::Vec};

use serde::{Deserialize, Serialize};

use crate::notify::{Severity, change::Change, types::Kind, types::by_name};
use crate::{base::mac::Mac, base::time::UnixTime, event::DeviceClass, matcher::Target};

/// The longest JSON text of an event that is kept for its card, in bytes.
const TEXT_MAX: usize = 4 << 10;
/// The most types that are remembered as having raised one incident.
const SOURCES_MAX: usize = 4;

/// A type that raised the incident, by which a later configuration routes it anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The topic's name.
    pub topic: String,
    #[serde(with = "by_name")]
    pub kind: &'static Kind,
}

/// Who took notice of an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgement {
    pub by: String,
    pub comment: String,
    pub at: UnixTime,
}

/// The event that last changed an incident, for the message about it alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastEvent {
    /// The topic's name.
    pub topic: String,
    /// Its JSON text, as sent.
    pub text: Arc<str>,
}

impl LastEvent {
    /// `None` for a text of more than 4 KiB.
    pub fn new(topic: &str, text: &Arc<str>) -> Option<Self> {
        (text.len() <= TEXT_MAX).then(|| Self { topic: topic.into(), text: Arc::clone(text) })
    }
}

/// What is wrong with one subject, or was until a few days ago.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// Names it for people, from 1.
    pub id: u64,
    pub is_open: bool,
    /// The worst that raised it since it was opened.
    pub severity: Severity,
    /// The row of the type that raised it last.
    #[serde(with = "by_name")]
    pub kind: &'static Kind,
    /// The types that raised it since it was opened, at most four.
    pub sources: Vec<Source>,
    /// What it is of, for people; see [`Change::subject`].
    pub subject: String,
    /// The device's own name; see [`Change::device`].
    pub device: Option<String>,
    pub class: Option<DeviceClass>,
    pub mac: Option<Mac>,
    pub site: Option<Arc<str>>,
    pub site_id: Option<Arc<str>>,
    pub org_id: Option<Arc<str>>,
    /// When it began, by the event's own time.
    pub opened_at: UnixTime,
    /// When it last came or went, by the event's own time.
    pub changed_at: UnixTime,
    /// Whether it is over only because nothing was heard of it for a week.
    #[serde(default)]
    pub is_unheard: bool,
    /// How often it came, from 1.
    pub times: u32,
    pub acknowledged: Option<Acknowledgement>,
    /// Whether more destinations were asked to help.
    pub is_escalated: bool,
    /// Kept until it is told.
    pub event: Option<LastEvent>,
}

impl Incident {
    /// An incident that begins with a change.
    pub(super) fn new(id: u64, change: &Change, severity: Severity, at: UnixTime) -> Self {
        Self {
            id,
            is_open: true,
            severity,
            kind: change.kind,
            sources: Vec::new(),
            subject: change.subject.clone(),
            device: change.device.clone(),
            class: change.class,
            mac: change.mac,
            site: change.site.as_deref().map(Arc::from),
            site_id: change.site_id.as_deref().map(Arc::from),
            org_id: change.org_id.as_deref().map(Arc::from),
            opened_at: at,
            changed_at: at,
            is_unheard: false,
            times: 1,
            acknowledged: None,
            is_escalated: false,
            event: None,
        }
    }

    /// From stored bytes; `None` where they are not an incident of this version.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// For the store.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Of its text a few characters more are escaped.
        let text = self.event.as_ref().map_or(0, |event| event.text.len());
        let mut bytes = Vec::with_capacity(768 + text + text / 4);
        let written = serde_json::to_writer(&mut bytes, self);
        written.map(|()| bytes).unwrap_or_default()
    }

    /// Notes a type that raises it. Returns whether it is a new one.
    pub(super) fn note_source(&mut self, topic: &str, kind: &'static Kind) -> bool {
        let source = Source { topic: topic.into(), kind };
        let is_new = self.sources.len() < SOURCES_MAX && !self.sources.contains(&source);
        if is_new {
            self.sources.push(source);
        }
        is_new
    }

    /// What silences and mute times look at.
    pub fn target(&self) -> Target<'_> {
        Target {
            org: self.org_id.as_deref(),
            site: self.site.as_deref(),
            site_id: self.site_id.as_deref(),
            device: self.device.as_deref(),
            mac: self.mac,
            class: self.class,
            topics: self.sources.iter().map(|source| source.topic.as_str()).collect(),
            kinds: self.sources.iter().map(|source| source.kind.name).collect(),
            severity: self.severity,
            admin: None,
        }
    }

    /// The name of its condition.
    pub fn condition(&self) -> &'static str {
        self.kind.pair.map_or("", |pair| pair.condition.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, Topic};
    use crate::matcher::Matcher;
    use crate::notify::change::changes;

    #[test]
    fn a_device_is_matched_by_its_name_and_mac_also_where_its_port_is_down() {
        let json = r#"{"type":"SW_PORT_DOWN","mac":"5c5b35000001","device_name":"sw-1",
            "port_id":"ge-0/0/1","site_id":"s1"}"#;
        let event = Event::parse(Topic::DeviceEvents, json).expect("an object");
        let [change] = changes(&event).try_into().expect("one change");
        let change: Change = change;
        let incident = Incident::new(1, &change, Severity::Debug, UnixTime::from_secs(0));
        let incident = Incident::from_bytes(&incident.to_bytes()).expect("what was written");
        assert_eq!(incident.subject, "ge-0/0/1 of sw-1");
        for (value, is_met) in
            [("sw-1", true), ("SW-*", true), ("5c5b35000001", true), ("ge-0/0/1 of sw-1", false)]
        {
            let mut matcher = Matcher::default();
            matcher.add("device", value).expect("a good term");
            assert_eq!(matcher.matches(&incident.target()), is_met, "{value}");
        }
    }
}
