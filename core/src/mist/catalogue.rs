//! The types of events and alarms that Mist lists, and those of them for which we have no words.

use alloc::{borrow::ToOwned, collections::BTreeMap, format, string::String, vec::Vec};
use core::time::Duration;

use serde::{Deserialize, Serialize};

use super::{page::elements, refusal::Refusal, refusal::judged, target};
use crate::base::{exchange::Exchange, order, text::one_line};
use crate::{event::Detail, event::Event, event::Topic, notify::topics};

/// The most types of a list.
const TYPES_MAX: usize = 10_000;
/// How often the types are read, and how long after an attempt that failed.
pub const LEARN_EVERY: Duration = Duration::from_secs(86_400);
pub const LEARN_AGAIN: Duration = Duration::from_secs(3_600);
/// The most characters of what Mist says of a type.
const WORDS_MAX: usize = 120;

/// A type as Mist lists it. Its texts are on one line, and bounded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Type {
    pub topic: Topic<'static>,
    /// The name in events.
    pub key: String,
    /// Mist's words for it.
    pub display: String,
    /// Mist's own severity; only alarms have one.
    pub severity: Option<String>,
}

impl Type {
    /// Whether our tables have a row for it.
    pub fn is_known(&self) -> bool {
        topics::find(&self.topic, &self.key).is_some()
    }

    fn read(topic: &Topic<'static>, item: Detail<'_>) -> Option<Self> {
        let text = |name: &str| Some(one_line(&item.get(name)?.text()?, WORDS_MAX));
        let display = text("display").or_else(|| text("description")).unwrap_or_default();
        Some(Self { topic: topic.clone(), key: text("key")?, display, severity: text("severity") })
    }
}

/// What Mist says of the types for which we have no words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Learned(BTreeMap<(String, String), Words>);

/// Mist's words for a type, as members of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Words {
    display: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    severity: Option<String>,
}

impl Learned {
    /// Keeps of these types those that we have no words for, and that Mist has.
    pub fn new(types: Vec<Type>) -> Self {
        let new = types.into_iter().filter(|own| !own.is_known() && !own.display.is_empty());
        let entry = |Type { topic, key, display, severity }: Type| {
            let key = (topic.name().to_owned(), key.to_ascii_lowercase());
            (key, Words { display, severity })
        };
        Self(order::collect(new.map(entry)))
    }

    /// Reads what [`Self::encode`] wrote. None where it is something else.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let rows: Vec<_> = serde_json::from_slice(bytes).ok()?;
        Some(Self(order::collect(rows.into_iter().take(2 * TYPES_MAX))))
    }

    /// In JSON, for a file.
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(&Vec::from_iter(&self.0)).unwrap_or_default()
    }

    /// How many types there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The text of an event of such a type with Mist's words in it, as members: `display`, and
    /// `severity` unless it has one. None for any other event.
    pub fn tell(&self, event: &Event<'_>) -> Option<String> {
        if self.0.is_empty() || event.get("display").is_some() {
            return None;
        }
        let topic = event.topic();
        let is_of_device = matches!(topic, Topic::DeviceUpdowns | Topic::MxedgeEvents);
        let topic = if is_of_device { Topic::DeviceEvents.name() } else { topic.name() };
        let key = (topic.to_owned(), event.kind()?.to_ascii_lowercase());
        let mut words = self.0.get(&key)?.clone();
        words.severity = words.severity.filter(|_| event.get("severity").is_none());
        let members = serde_json::to_string(&words).ok()?;
        let (own, rest) = (members.strip_suffix('}')?, event.raw().trim_start().strip_prefix('{')?);
        Some(format!("{own},{rest}"))
    }
}

/// Reads the types of device events and of alarms.
pub fn catalogue() -> Exchange<Result<Vec<Type>, Refusal>> {
    const LISTS: [(Topic<'static>, &str, &str); 2] = [
        (Topic::DeviceEvents, target::DEVICE_EVENTS, "the types of device events"),
        (Topic::Alarms, target::ALARMS, "the types of alarms"),
    ];
    Exchange::new(|asking| async move {
        let mut types = Vec::new();
        for (topic, target, what) in LISTS {
            let response = judged(asking.get(target.to_owned()).await, what, "")?;
            let list = elements(&response.body).filter(|list| list.len() <= TYPES_MAX);
            let list = list.ok_or(Refusal::Unclear { what })?.into_iter();
            types.extend(list.filter_map(|item| Type::read(&topic, item)));
        }
        Ok(types)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::exchange::{ExchangeResult, Response, Step};

    fn answer(status: u16, body: &str) -> ExchangeResult {
        let body = body.as_bytes().to_vec();
        Ok(Response { status, retry_after: None, total: None, session: None, body })
    }

    #[test]
    fn types_without_a_row_are_found_in_both_lists() {
        let mut catalogue = catalogue();
        let asks =
            |step: Step<_>, target: &str| matches!(step, Step::Request(it) if it.target == target);
        assert!(asks(catalogue.start(), target::DEVICE_EVENTS));
        let events = r#"[{"key":"AP_CONNECTED"},{"key":"AP_NEW","display":"A\nnew"},{},7]"#;
        assert!(asks(catalogue.answer(answer(200, events)), target::ALARMS));
        let alarms = r#"[{"key":"ROGUE_AP"},{"key":"new","severity":"warn"}]"#;
        let Step::Done(Ok(types)) = catalogue.answer(answer(200, alarms)) else {
            panic!("no end");
        };
        let unknown: Vec<&Type> = types.iter().filter(|own| !own.is_known()).collect();
        let texts = unknown.iter().map(|own| (own.topic.name(), &*own.key, &*own.display));
        assert_eq!(
            Vec::from_iter(texts),
            [("device-events", "AP_NEW", "A new"), ("alarms", "new", "")]
        );
        assert_eq!(unknown.iter().filter_map(|own| own.severity.as_deref()).next(), Some("warn"));
    }

    #[test]
    fn an_event_of_a_type_that_only_mist_knows_gets_its_words() {
        let of = |topic: Topic<'static>, key: &str, severity: Option<&str>| Type {
            topic,
            key: key.to_owned(),
            display: format!("Words of \"{key}\""),
            severity: severity.map(str::to_owned),
        };
        let types = [
            of(Topic::DeviceEvents, "AP_CONNECTED", None),
            of(Topic::DeviceEvents, "SW_NEW", None),
            of(Topic::Alarms, "new_alarm", Some("warn")),
        ];
        let learned = Learned::new(types.into());
        assert_eq!(learned.count(), 2);
        assert_eq!(Learned::decode(&learned.encode()), Some(learned.clone()));
        assert_eq!(Learned::decode(b"{}"), None);
        for (topic, text, told) in [
            (
                Topic::DeviceUpdowns,
                r#"{"type":"sw_new","n":1}"#,
                Some(r#"{"display":"Words of \"SW_NEW\"","type":"sw_new","n":1}"#),
            ),
            (
                Topic::Alarms,
                r#"{"type":"NEW_ALARM"}"#,
                Some(
                    r#"{"display":"Words of \"new_alarm\"","severity":"warn","type":"NEW_ALARM"}"#,
                ),
            ),
            (
                Topic::Alarms,
                r#"{"type":"new_alarm","severity":"info"}"#,
                Some(
                    r#"{"display":"Words of \"new_alarm\"","type":"new_alarm","severity":"info"}"#,
                ),
            ),
            (Topic::Alarms, r#"{"type":"new_alarm","display":"own"}"#, None),
            (Topic::Alarms, r#"{"type":"SW_NEW"}"#, None),
            (Topic::DeviceEvents, r#"{"type":"AP_CONNECTED"}"#, None),
            (Topic::DeviceEvents, "{}", None),
        ] {
            let event = Event::parse(topic, text).expect("an object");
            assert_eq!(learned.tell(&event).as_deref(), told, "{text}");
        }
    }

    #[test]
    fn a_list_that_does_not_come_is_a_refusal() {
        let what = "the types of device events";
        let first = |status, body| {
            let mut catalogue = catalogue();
            let _ = catalogue.start();
            catalogue.answer(answer(status, body))
        };
        assert_eq!(first(401, ""), Step::Done(Err(Refusal::Token { what })));
        assert_eq!(first(200, "{}"), Step::Done(Err(Refusal::Unclear { what })));
    }
}
