//! The dead letters of the store: shown, sent again and dropped.

use http_types::StatusCode;
use mistgate_core::{base::time::UnixTime, delivery::batch, event::Event, webhook::intake};
use serde_json::{Value, json};

use super::{Admin, Answer, Asked, TEXT, ok, refused, unavailable};
use crate::base::{journal::Level, journal::fields, store::Letter, store::Store, task};
use crate::http::listen::Reply;

pub(super) const LIST: &str = "/dead-letters";
pub(super) const SHOW: &str = "/dead-letters/{id}";
pub(super) const SEND: &str = "/dead-letters/{id}/send";
pub(super) const DROP: &str = "/dead-letters/{id}/drop";

/// The most letters in a list.
const LIST_MAX: usize = 1_000;

/// The last of them, newest first, without their events.
pub(super) async fn list(admin: &Admin) -> Answer {
    let store = store(admin).await?;
    let read = move || store.last_letters(LIST_MAX, |letter| facts(letter, false));
    let (letters, count) = task::unblock(read).await.ok_or_else(unreadable)?;
    Ok(super::json(&json!({ "count": count, "letters": letters })))
}

pub(super) async fn show(admin: &Admin, asked: Asked<'_>) -> Answer {
    let (_, letter) = find(admin, asked).await?;
    Ok(super::json(&facts(&letter, true)))
}

/// Queues one again for its destination.
pub(super) async fn send(admin: &Admin, asked: Asked<'_>) -> Answer {
    let (store, Letter { id, chat, to, bytes, .. }) = find(admin, asked).await?;
    let broken = || refused(StatusCode::InternalServerError, "its event cannot be read — drop it");
    let intake = intake::again(id, chat.into(), &bytes).ok_or_else(broken)?;
    let status = admin.driver.again(id, intake).await;
    if status == StatusCode::Ok {
        let from = asked.caller;
        admin.journal.note(Level::Info, "dead_letter_sent", fields![id, to, from]);
        Ok(ok().content(TEXT, format!("queued again for {to}\n")))
    } else if status == StatusCode::Conflict {
        let what = "is no longer configured — configure it again, or drop the dead letter";
        Err(refused(status, &format!("{to} {what}")))
    } else if task::unblock(move || store.letter(id)).await.is_none() {
        // Somebody else has sent or dropped it meanwhile.
        Err(absent())
    } else {
        Err(unreadable())
    }
}

pub(super) async fn drop_letter(admin: &Admin, asked: Asked<'_>) -> Answer {
    let (store, Letter { id, to, .. }) = find(admin, asked).await?;
    if !store.drop_letter(id).await.ok_or_else(unreadable)? {
        return Err(absent());
    }
    let from = asked.caller;
    admin.journal.note(Level::Info, "dead_letter_dropped", fields![id, to, from]);
    Ok(ok().content(TEXT, "dropped\n"))
}

async fn store(admin: &Admin) -> Result<Store, Reply> {
    admin.driver.status().await.map(|status| status.store).ok_or_else(unreadable)
}

/// The letter that a path names, or the answer that there is none.
async fn find(admin: &Admin, asked: Asked<'_>) -> Result<(Store, Letter), Reply> {
    let id = asked.id().ok_or_else(absent)?;
    let store = store(admin).await?;
    task::unblock(move || store.letter(id).map(|letter| (store, letter))).await.ok_or_else(absent)
}

fn absent() -> Reply {
    refused(StatusCode::NotFound, "there is no such dead letter")
}

fn unreadable() -> Reply {
    unavailable("the store cannot be read or written for now")
}

fn facts(letter: &Letter, with_event: bool) -> Value {
    let Letter { id, at, to, reason, bytes, .. } = letter;
    let batch = batch::decode(bytes).ok();
    let stored = batch.as_ref().and_then(|batch| Some((batch, batch.events.first()?)));
    let event = stored.and_then(|(batch, stored)| Event::parse(batch.topic(), stored.text));
    let text = |text| serde_json::from_str(text).unwrap_or_else(|_| Value::from(text));
    json!({
        "id": id,
        "at": at.map(UnixTime::rfc3339),
        "destination": to,
        "reason": reason,
        "topic": stored.map(|(batch, _)| batch.topic),
        "type": event.as_ref().and_then(Event::kind),
        "channel": stored.map(|(_, stored)| stored.channel),
        "severity": stored.map(|(_, stored)| stored.severity.name()),
        "event": stored.filter(|_| with_event).map(|(_, stored)| text(stored.text)),
    })
}
