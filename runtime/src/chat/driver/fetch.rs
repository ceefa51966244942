//! Batches from memory or from the store, and the payloads that are made of their events.

use std::collections::{BTreeMap, VecDeque};

use mistgate_core::delivery::batch::{Batch, EventKey};
use mistgate_core::delivery::{batch, config::Destination, queue::input::Entry, render::render};
use mistgate_core::engine::input::Restored;
use mistgate_core::{base::order, base::time::UnixTime, chat::shape::Form, chat::shape::Payload};

use crate::base::journal::{Journal, Level, fields};
use crate::{base::store::Kept, base::store::Store, base::task, http::outbound::Bytes};

/// Bytes of batches kept in memory, so that what was just accepted is sent without a disk read.
const RECENT_MAX: usize = 1 << 20;

/// What waits in a batch, and when that was accepted. Blocks on the disk.
pub(super) fn restored(
    store: &Store,
    number: u64,
    journal: &Journal,
) -> Option<(Vec<Restored>, Option<UnixTime>)> {
    let kept = read(store, number, journal)?;
    let batch = decode(&kept, number, journal)?;
    let events = (0..).zip(batch.events.iter().zip(&kept.left));
    let events = events.filter(|(_, (_, left))| !left.is_empty());
    let events = events.map(|(index, (stored, left))| Restored {
        key: EventKey { batch: number, index },
        channel: stored.channel.to_owned(),
        severity: stored.severity,
        chats: left.clone(),
    });
    Some((events.collect(), kept.at))
}

/// The events of one batch, each with its channel. Blocks on the disk.
pub(super) fn channels(
    store: &Store,
    entries: &[Entry],
    journal: &Journal,
) -> Vec<(Entry, String)> {
    let number = entries.first().map(|entry| entry.key.batch).unwrap_or_default();
    let kept = read(store, number, journal);
    let batch = kept.as_ref().and_then(|kept| decode(kept, number, journal));
    let channel = |entry: &Entry| {
        let index = usize::try_from(entry.key.index).ok()?;
        Some((*entry, batch.as_ref()?.events.get(index)?.channel.to_owned()))
    };
    entries.iter().filter_map(channel).collect()
}

fn read(store: &Store, number: u64, journal: &Journal) -> Option<Kept> {
    let kept = store.read(number);
    if kept.is_none() {
        journal.note(Level::Error, "batch_unreadable", fields![batch = number]);
    }
    kept
}

fn decode<'a>(kept: &'a Kept, number: u64, journal: &Journal) -> Option<Batch<'a>> {
    let tell = |reason: &batch::Error| {
        journal.note(Level::Error, "batch_unreadable", fields![batch = number, reason = reason]);
    };
    kept.decode().inspect_err(tell).ok()
}

/// The bytes of batches, from memory where they are recent. `None` if one of them cannot be read
/// for now: a message that lacks events would count them as delivered.
pub(super) async fn fetch(
    store: Store,
    batches: BTreeMap<u64, Option<Bytes>>,
) -> Option<BTreeMap<u64, Bytes>> {
    let count = batches.len();
    let is_recent = batches.values().all(Option::is_some);
    let read = move || -> BTreeMap<u64, Bytes> {
        order::collect(batches.into_iter().filter_map(|(batch, bytes)| {
            Some((batch, bytes.or_else(|| Some(store.read(batch)?.bytes.into()))?))
        }))
    };
    let read = if is_recent { read() } else { task::unblock(read).await };
    (read.len() == count).then_some(read)
}

pub(super) fn payload(
    to: &Destination,
    dashboard_host: &str,
    keys: &[EventKey],
    batches: &BTreeMap<u64, Bytes>,
    form: Form,
) -> Option<Payload> {
    let decoded = batches.iter();
    let decoded = decoded.filter_map(|(number, bytes)| Some((*number, batch::decode(bytes).ok()?)));
    let decoded: BTreeMap<u64, _> = order::collect(decoded);
    let events: Vec<_> = keys
        .iter()
        .filter_map(|key| {
            let batch = decoded.get(&key.batch)?;
            let stored = batch.events.get(usize::try_from(key.index).ok()?)?;
            Some((batch.topic(), *stored))
        })
        .collect();
    render(to, dashboard_host, &events, form)
}

/// The bytes of the batches that were accepted last.
#[derive(Debug, Default)]
pub(super) struct Recent {
    batches: VecDeque<(u64, Bytes)>,
    bytes: usize,
}

impl Recent {
    pub(super) fn keep(&mut self, batch: u64, bytes: Bytes) {
        self.bytes += bytes.len();
        self.batches.push_back((batch, bytes));
        while self.bytes > RECENT_MAX {
            let Some((_, oldest)) = self.batches.pop_front() else { break };
            self.bytes -= oldest.len();
        }
    }

    pub(super) fn find(&self, batch: u64) -> Option<Bytes> {
        let place = self.batches.binary_search_by_key(&batch, |(number, _)| *number).ok()?;
        self.batches.get(place).map(|(_, bytes)| bytes.clone())
    }

    pub(super) fn all(&self) -> Vec<Bytes> {
        self.batches.iter().map(|(_, bytes)| bytes.clone()).collect()
    }

    pub(super) fn forget(&mut self, batch: u64) {
        if let Ok(place) = self.batches.binary_search_by_key(&batch, |(number, _)| *number)
            && let Some((_, bytes)) = self.batches.remove(place)
        {
            self.bytes -= bytes.len();
        }
    }
}
