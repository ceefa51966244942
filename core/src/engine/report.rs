//! Reports that a destination died or came back, for the readers of the other destinations, and
//! that the store was set aside.

use alloc::{string::String, string::ToString, sync::Arc, vec::Vec};

use serde::Serialize;

use super::{Engine, Slot};
use crate::delivery::{batch::Chats, batch::Item, config::Destination, queue::output::Health};
use crate::{base::time::Instant, base::time::UnixTime, chat::outcome::Reason};
use crate::{event::Event, event::Topic, event::fingerprint::fingerprint, notify::Severity};
use crate::{notify::change::changes, route::route, webhook::intake, webhook::intake::Intake};

/// A report on a destination; as JSON the text of an event of topic `mistgate`.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Report {
    r#type: &'static str,
    #[serde(skip)]
    pub(super) severity: Severity,
    pub(super) destination: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    waiting: usize,
    /// Seconds by the wall clock; `None` if a timeout is the cause and not an input.
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<i64>,
}

impl Report {
    pub(super) fn new(
        kind: &'static str,
        severity: Severity,
        to: &Destination,
        reason: Option<String>,
    ) -> Self {
        let destination = to.name.clone();
        Self { r#type: kind, severity, destination, reason, waiting: 0, timestamp: None }
    }

    pub(super) fn parked(to: &Destination, reason: Reason) -> Self {
        Self::new("DESTINATION_PARKED", Severity::Warning, to, Some(reason.to_string()))
    }

    /// The text of the event, which also says how many events wait there.
    pub(super) fn text(self, waiting: usize, at: Option<UnixTime>) -> Option<String> {
        let report = Self { waiting, timestamp: at.map(UnixTime::as_secs), ..self };
        serde_json::to_string(&report).ok()
    }
}

impl Engine {
    pub(super) fn report(&mut self, now: Instant, text: &str, at: UnixTime) {
        let event = Event::parse(Topic::Mistgate, text);
        if let Some(item) = event.and_then(|event| intake::item(&self.chat, &event)) {
            self.accept(now, None, None, intake::ours(item), at);
        }
    }

    /// The report as an event, for the destinations of a channel that are not dead.
    pub(super) fn report_intake(&self, report: Report, at: Option<UnixTime>) -> Option<Intake> {
        let about = |slot: &Slot| slot.to.name == report.destination;
        let waiting = self.slots.iter().find(|slot| about(slot))?.queue.waiting();
        let is_alive =
            |slot: &Slot| !about(slot) && !matches!(slot.queue.health(), Health::Parked(_));
        let text = report.clone().text(waiting, at)?;
        let event = Event::parse(Topic::Mistgate, &text)?;
        let decision = route(&event, &self.chat.routes);
        // Better to others than to nobody.
        let (channel, chats) = self
            .report_channel(|slot| is_alive(slot) && slot.to.is_of(&decision))
            .or_else(|| self.report_channel(is_alive))?;
        let severity = report.severity;
        let (fingerprint, kin, changes) = (fingerprint(&event), None, changes(&event));
        let incidents = Vec::new();
        let item = Item { fingerprint, kin, channel, severity, chats, changes, incidents, text };
        Some(intake::ours(item))
    }

    /// The channel of the highest severity that has a destination for which `takes` holds, and the
    /// chats of those destinations.
    fn report_channel(&self, takes: impl Fn(&Slot) -> bool) -> Option<(String, Chats)> {
        let by_severity = Severity::ALL.iter().rev().map(|severity| severity.name());
        let named = self.slots.iter().flat_map(|slot| &slot.to.channels).map(String::as_str);
        by_severity.chain(named).find_map(|channel| {
            let chats: Chats = self
                .chat
                .destinations_of(channel)
                .filter_map(|(index, _)| self.slots.get(index))
                .filter(|slot| takes(slot))
                .map(|slot| Arc::clone(&slot.to.chat))
                .collect();
            (!chats.is_empty()).then(|| (channel.to_string(), chats))
        })
    }
}

/// The text of an event of ours about one thing, such as a file, in a member of its own.
pub fn about(kind: &str, (name, value): (&str, &str), reason: &str, at: UnixTime) -> String {
    let timestamp = at.as_secs();
    let report = serde_json::json!({
        "type": kind, name: value, "reason": reason, "timestamp": timestamp,
    });
    report.to_string()
}
