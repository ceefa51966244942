//! The types of events and alarms that Mist lists, and those of them for which we have no words.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use super::ask::get;
use super::page::elements;
use super::refusal::{Refusal, judged};
use super::target;
use crate::base::exchange::{Exchange, ExchangeResult, Step};
use crate::base::text::one_line;
use crate::event::{Detail, Topic};
use crate::notify::topics;

/// The most types of a list.
const TYPES_MAX: usize = 10_000;
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

/// An exchange that reads the types of device events and of alarms.
#[derive(Debug, Default)]
pub struct Catalogue {
    /// What is read so far: nothing before the device events.
    types: Option<Vec<Type>>,
}

impl Exchange for Catalogue {
    type Output = Result<Vec<Type>, Refusal>;

    fn start(&mut self) -> Step<Self::Output> {
        get(target::DEVICE_EVENTS.to_owned())
    }

    fn answer(&mut self, result: ExchangeResult) -> Step<Self::Output> {
        let (topic, what) = match self.types {
            None => (Topic::DeviceEvents, "the types of device events"),
            Some(_) => (Topic::Alarms, "the types of alarms"),
        };
        let read = judged(result, what, "").and_then(|response| {
            let list = elements(&response.body).filter(|list| list.len() <= TYPES_MAX);
            let list = list.ok_or(Refusal::Unclear { what })?;
            Ok(list.into_iter().filter_map(|item| Type::read(&topic, item)).collect())
        });
        match (self.types.take(), read) {
            (_, Err(refusal)) => Step::Done(Err(refusal)),
            (Some(mut types), Ok(alarms)) => {
                types.extend::<Vec<Type>>(alarms);
                Step::Done(Ok(types))
            }
            (None, Ok(events)) => {
                self.types = Some(events);
                get(target::ALARMS.to_owned())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::exchange::Response;

    fn answer(status: u16, body: &str) -> ExchangeResult {
        let body = body.as_bytes().to_vec();
        Ok(Response { status, retry_after: None, total: None, session: None, body })
    }

    #[test]
    fn types_without_a_row_are_found_in_both_lists() {
        let mut catalogue = Catalogue::default();
        assert_eq!(catalogue.start(), get(target::DEVICE_EVENTS.to_owned()));
        let events = r#"[{"key":"AP_CONNECTED"},{"key":"AP_NEW","display":"A\nnew"},{},7]"#;
        assert_eq!(catalogue.answer(answer(200, events)), get(target::ALARMS.to_owned()));
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
    fn a_list_that_does_not_come_is_a_refusal() {
        let what = "the types of device events";
        let first = |status, body| Catalogue::default().answer(answer(status, body));
        assert_eq!(first(401, ""), Step::Done(Err(Refusal::Token { what })));
        assert_eq!(first(200, "{}"), Step::Done(Err(Refusal::Unclear { what })));
    }
}
