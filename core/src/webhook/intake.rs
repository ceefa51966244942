//! The hot path as one function: signature, envelope, routes.
//!
//! It runs beside the engine, in the task of each connection, because it neither remembers nor
//! waits. Nothing is parsed before the signature holds.

use alloc::{borrow::Cow, format, string::String, string::ToString, vec::Vec};

use http_types::StatusCode;
use sha2::{Digest as _, Sha256};

use crate::delivery::{batch, batch::ChatId, batch::Chats, batch::Item, config::Chat};
use crate::event::fingerprint::{Fingerprint, Kin, fingerprint};
use crate::webhook::{envelope, envelope::Envelope, signature, signature::Signatures};
use crate::{event::Event, event::Topic, mist::catalogue::Learned, mist::feed::output::Late};
use crate::{mist::feed::output::Origin, notify::NOTE, notify::change::changes};
use crate::{ports::ap_event::ApEvent, route::route, webhook::config::Webhook};

/// What a request brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Intake {
    /// The topic's name.
    pub topic: String,
    /// The events that go to a chat, those that end an incident, and those that are only kept.
    pub items: Vec<Item>,
    /// The number of events that go to no chat.
    pub unrouted: usize,
    /// The number of members of `events` that are not events.
    pub broken: usize,
    /// What the events say about ports, also those that no chat wants.
    pub ap_events: Vec<ApEvent>,
    /// The organisation's id, if the first event says it.
    pub org: Option<String>,
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub enum Rejection {
    /// Not a webhook's envelope.
    Envelope(#[from] envelope::Error),
    /// Not signed by us.
    Signature(#[from] signature::Error),
}

impl Rejection {
    /// The status to answer with.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Envelope(_) => StatusCode::BadRequest,
            Self::Signature(_) => StatusCode::Unauthorized,
        }
    }

    /// The label in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Envelope(_) => "envelope",
            Self::Signature(_) => "signature",
        }
    }
}

/// Verifies a webhook's body, parses it, and routes its events. `learned` has words for types that
/// our tables lack.
pub fn intake(
    webhook: &Webhook,
    chat: &Chat,
    learned: &Learned,
    signatures: Signatures<'_>,
    body: &[u8],
) -> Result<Intake, Rejection> {
    signature::verify(signatures, body, &webhook.secrets, webhook.accept_v1)?;
    let envelope = envelope::parse(body)?;
    Ok(of(chat, learned, &envelope))
}

/// The ids of the webhooks that Mist pings by a body, each empty if it does not say which.
pub fn pings(body: &[u8]) -> Vec<String> {
    let events = envelope::parse(body).map(|envelope| envelope.events).unwrap_or_default();
    let pings = events.iter().filter(|event| *event.topic() == Topic::Ping);
    pings.map(|event| event.text("id").unwrap_or_default().into_owned()).collect()
}

/// Events that Mist did not send, or not with success, as if a request had brought them. `None`
/// where they are no webhook.
pub fn late(chat: &Chat, learned: &Learned, late: &Late) -> Option<Intake> {
    let mut intake = of(chat, learned, &envelope::parse(late.body.as_bytes()).ok()?);
    let note = match late.origin {
        Origin::Failed => "late: Mist could not deliver it here",
        Origin::Listed => "late: Mist lists it and did not send it here",
        Origin::Seen => "no event of Mist: how it is was asked, and compared with incidents",
    };
    for item in &mut intake.items {
        item.kin = match late.origin {
            Origin::Failed => item.kin,
            Origin::Listed => item.kin.map(Kin::listed),
            Origin::Seen => None,
        };
        if late.is_folded {
            item.chats.clear();
        }
        // What it is known by stays that of the event as Mist has it.
        if item.text.get(1..).is_some_and(|members| members.trim_start().starts_with('"')) {
            item.text.insert_str(1, &format!("\"{NOTE}\":\"{note}\","));
        }
    }
    intake.items.retain(|item| item.is_routed() || !item.changes.is_empty());
    if late.origin == Origin::Seen {
        // Switch ports have a comparison of their own.
        intake.ap_events.clear();
    }
    Some(intake)
}

fn of(chat: &Chat, learned: &Learned, envelope: &Envelope<'_>) -> Intake {
    let item = |event: &Event<'_>| {
        let told = learned.tell(event);
        match told.as_deref().and_then(|text| Event::parse(event.topic().clone(), text)) {
            None => item(chat, event),
            // Its identity is that of what Mist sent.
            Some(told) => {
                item(chat, &told).map(|item| Item { fingerprint: fingerprint(event), ..item })
            }
        }
    };
    let items: Vec<_> = envelope.events.iter().filter_map(item).collect();
    let has_ports = |event: &&Event<'_>| !chat.routes.org(event).is_some_and(|org| org.is_other);
    Intake {
        topic: envelope.topic.name().to_string(),
        unrouted: envelope.events.len() - items.iter().filter(|item| item.is_routed()).count(),
        items,
        broken: envelope.broken,
        ap_events: envelope.events.iter().filter(has_ports).filter_map(ApEvent::of).collect(),
        org: envelope.events.first().and_then(Event::org_id).map(Cow::into_owned),
    }
}

/// An event of our own, as if a request had brought it.
pub fn ours(item: Item) -> Intake {
    let topic = Topic::Mistgate.name().to_string();
    Intake { topic, items: Vec::from([item]), ..Intake::default() }
}

/// A dead letter to be sent again: its event, for the chat that it was for. `None` where the bytes
/// are not those of one event. Its identity is that of the letter, so that a letter that is sent
/// twice at once goes once.
pub fn again(letter: u64, chat: ChatId, bytes: &[u8]) -> Option<Intake> {
    let batch = batch::decode(bytes).ok()?;
    let [event] = batch.events.as_slice() else {
        return None;
    };
    let mut digest = Sha256::new();
    digest.update(letter.to_le_bytes());
    digest.update(bytes);
    let digest = digest.finalize();
    let (short, _) = digest.split_first_chunk()?;
    let item = Item {
        fingerprint: Fingerprint::from_bytes(*short),
        kin: None,
        channel: event.channel.to_string(),
        severity: event.severity,
        chats: Chats::from([chat]),
        changes: Vec::new(),
        incidents: Vec::new(),
        text: event.text.to_string(),
    };
    let topic = batch.topic.to_string();
    Some(Intake { topic, items: Vec::from([item]), ..Intake::default() })
}

/// The event as it is stored and queued; `None` if no chat takes it, it ends no incident, and it is
/// not kept either: the topics that nobody named may bring thousands a second.
pub fn item(chat: &Chat, event: &Event<'_>) -> Option<Item> {
    let decision = route(event, &chat.routes);
    let chats = chat.chats_of(&decision);
    let mut changes = changes(event);
    // Nobody wants to hear that it is over, but it is.
    changes.retain(|change| !chats.is_empty() || !change.is_raised);
    let is_kept = chat.delivery.keeps_all && chat.routes.knows(event.topic());
    (!chats.is_empty() || !changes.is_empty() || is_kept).then(|| Item {
        fingerprint: fingerprint(event),
        kin: Kin::of_sent(event),
        channel: decision.channel.unwrap_or_default().to_string(),
        severity: decision.severity,
        chats,
        changes,
        incidents: Vec::new(),
        text: chat.routes.org(event).map_or_else(|| event.raw().to_string(), |org| org.tell(event)),
    })
}
