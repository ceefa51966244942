//! The events that came last, in words, and why each went where.

use alloc::{format, string::ToString as _, vec::Vec};

use serde_json::{Value, json};

use super::ROWS;
use crate::delivery::{batch, config::Chat};
use crate::{event::Event, notify::topics::describe, route::route};

/// The most events that are looked at.
const LOOKED_AT_MAX: usize = 500;

/// Those of the last events in `batches` of which some text holds `query`, newest first, without
/// the first `skip`, and one more than a page shows where there are more. `chat` says where they
/// go, and why.
pub fn recent<'b>(
    batches: impl DoubleEndedIterator<Item = &'b [u8]>,
    chat: &Chat,
    query: &str,
    skip: usize,
) -> Vec<Value> {
    let batches = batches.rev().filter_map(|bytes| batch::decode(bytes).ok());
    let events = batches.flat_map(|batch| {
        let (topic, at) = (batch.topic(), batch.received_at.rfc3339());
        let shown = batch.events.iter().rev().filter_map(|stored| {
            let event = Event::parse(topic.clone(), stored.text)?;
            Some(shown(&event, stored, &at, chat))
        });
        shown.collect::<Vec<_>>()
    });
    let query = query.to_lowercase();
    let holds = |event: &Value| {
        let texts = event.as_object().into_iter().flat_map(|members| members.values());
        query.is_empty()
            || texts.filter_map(Value::as_str).any(|text| text.to_lowercase().contains(&query))
    };
    events.take(LOOKED_AT_MAX).filter(holds).skip(skip).take(ROWS + 1).collect()
}

fn shown(event: &Event<'_>, stored: &batch::Stored<'_>, at: &str, chat: &Chat) -> Value {
    let told = describe(event, stored.severity, "");
    let decision = route(event, &chat.routes);
    let to: Vec<&str> = chat.chosen(&decision).map(|to| to.name.as_str()).collect();
    let mut why = decision.why.to_string();
    if let Some(channel) = decision.channel {
        why = format!("{channel}: {why}");
    }
    for muted_by in stored.standings().into_iter().filter_map(|standing| standing.muted_by) {
        why = format!("{why}; muted: {muted_by}");
    }
    json!({
        "at": at,
        "topic": event.topic().name(),
        "type": event.kind(),
        "site": event.text("site_name").or_else(|| event.site_id()),
        "device": event.device_name(),
        "what": told.summary,
        "severity": stored.severity.name(),
        "to": to,
        "why": why,
    })
}
