//! The webhook envelope: `{"topic": "…", "events": [{…}, …]}`.
//!
//! Mist documents no other member at the top (`appliance/docs/vendors/mist.md` §2). The body is
//! borrowed and never copied into a tree of values: it is split into members, and a broken event
//! costs only itself.

use alloc::vec::Vec;

use serde::Deserialize;

use crate::event::{Detail, Event, Topic};

/// The most events that one body may hold. Mist aggregates for at most five seconds.
pub const EVENTS_MAX: usize = 10_000;

/// A webhook body, split into its events.
#[derive(Debug)]
pub struct Envelope<'a> {
    /// The topic of all its events.
    pub topic: Topic<'a>,
    /// The events in the order sent.
    pub events: Vec<Event<'a>>,
    /// How many members of `events` are not events at all.
    pub broken: usize,
}

/// Why a body is not a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// `events` is neither a list nor an object nor null.
    #[error("events: expected a list of objects")]
    Events,
    /// More than [`EVENTS_MAX`] events.
    #[error("events: expected at most {EVENTS_MAX}")]
    EventsMax,
    /// Not JSON, or not an object.
    #[error("expected a JSON object, got none at line {line}, column {column}")]
    Json {
        /// The line of the first fault, from 1.
        line: usize,
        /// The column of the first fault.
        column: usize,
    },
    /// `topic` is missing or not a text.
    #[error("topic: expected a text")]
    Topic,
}

/// Splits a body. A missing or null `events` is an empty list; a lone object is a list of one.
pub fn parse(body: &[u8]) -> Result<Envelope<'_>, Error> {
    if body.trim_ascii_start().first() != Some(&b'{') {
        // serde would take a list for the members in order.
        return Err(Error::Json { line: 1, column: 1 });
    }
    let (topic, items) =
        split(body).map_err(|error| Error::Json { line: error.line(), column: error.column() })?;
    let topic = Topic::parse(topic.and_then(Detail::text).ok_or(Error::Topic)?);
    let items = items?;
    if items.len() > EVENTS_MAX {
        return Err(Error::EventsMax);
    }
    let sent = items.len();
    let events: Vec<_> =
        items.into_iter().filter_map(|item| Event::parse(topic.clone(), item.raw())).collect();
    Ok(Envelope { topic, broken: sent - events.len(), events })
}

/// The topic and the members of `events`, each unread.
type Split<'a> = (Option<Detail<'a>>, Result<Vec<Detail<'a>>, Error>);

fn split(body: &[u8]) -> Result<Split<'_>, serde_json::Error> {
    // `events` is nearly always a list, which the first attempt splits at once. Anything else is
    // parsed a second time.
    if let Ok(Shape { topic, events }) = serde_json::from_slice::<Shape<'_, Vec<Detail<'_>>>>(body)
    {
        return Ok((topic, Ok(events.unwrap_or_default())));
    }
    let Shape { topic, events } = serde_json::from_slice::<Shape<'_, Detail<'_>>>(body)?;
    let items = events.map_or(Ok(Vec::new()), |events| match events.raw().as_bytes().first() {
        Some(b'[' | b'{' | b'n') => Ok(events.items()),
        _ => Err(Error::Events),
    });
    Ok((topic, items))
}

#[derive(Deserialize)]
struct Shape<'a, E> {
    #[serde(borrow)]
    topic: Option<Detail<'a>>,
    events: Option<E>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(body: &str) -> Result<(usize, usize), Error> {
        parse(body.as_bytes()).map(|envelope| (envelope.events.len(), envelope.broken))
    }

    #[test]
    fn one_bad_event_costs_only_itself() {
        assert_eq!(count(r#"{"topic":"alarms","events":[{"a":1},null,7,{"b":2}]}"#), Ok((2, 2)));
    }

    #[test]
    fn nothing_inside_is_still_a_webhook() {
        for events in [r#","events":[]"#, r#","events":null"#, ""] {
            assert_eq!(count(&alloc::format!(r#"{{"topic":"ping"{events}}}"#)), Ok((0, 0)));
        }
        assert_eq!(count(r#"{"topic":"x","events":{"a":1}}"#), Ok((1, 0)));
    }

    #[test]
    fn what_is_no_webhook_is_named() {
        assert_eq!(count(r#"[{"topic":"x"}]"#), Err(Error::Json { line: 1, column: 1 }));
        assert_eq!(count(r#"{"topic":null,"events":[]}"#), Err(Error::Topic));
        assert_eq!(count(r#"{"events":[]}"#), Err(Error::Topic));
        assert_eq!(count(r#"{"topic":"x","events":"y"}"#), Err(Error::Events));
        assert!(matches!(count(r#"{"topic":"x","#), Err(Error::Json { .. })));
        assert!(matches!(count("\u{feff}{}"), Err(Error::Json { .. })));
    }
}
