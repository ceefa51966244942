//! The tables of batches.

use std::{collections::BTreeMap, sync::atomic::AtomicU64, sync::atomic::Ordering};

use mistgate_core::base::{order, time::UnixTime};
use mistgate_core::delivery::{batch, batch::ChatId, batch::Chats, batch::EventKey};
use mistgate_core::{delivery::dead_letter::Dead, event::fingerprint::Fingerprint};
use redb::{
    AccessGuard, Database, ReadTransaction, ReadableTable, ReadableTableMetadata, Table,
    TableDefinition, WriteTransaction,
};

use super::{Accepted, Kept, Left, Seen, incidents, ports::PORTS, row::read_stamp, space::Space};
use super::{letters::Changing, letters::LAST, letters::LETTERS, row::Row, row::checksum};
use crate::base::clock;

/// Whether a row of [`BATCHES`] is as it was written.
pub(super) fn is_whole(batch: u64, (at, chats, prints, bytes, sum): Row<'_>) -> bool {
    checksum(batch, (at, chats, prints, bytes)) == sum
}

/// When it was accepted, the chats that each event goes to as [`write_chats`] writes them, the
/// fingerprints, and the bytes.
pub(super) const BATCHES: TableDefinition<'_, u64, Row<'static>> = TableDefinition::new("batches");
/// The chats that still wait for each event, where that is less than at first.
pub(super) const LEFT: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("left");
/// When it was accepted, as [`write_stamp`](super::row::write_stamp) writes it, and the
/// fingerprints.
pub(super) const SEEN: TableDefinition<'_, u64, (i64, &[u8])> = TableDefinition::new("seen");
/// The batches in [`BATCHES`] that nobody waits for any more, with what [`SEEN`] has of them.
pub(super) const HISTORY: TableDefinition<'_, u64, (i64, &[u8])> = TableDefinition::new("history");

/// How many batches leave the history in one commit because they are too old, or because the disk
/// is full, so that the reserve has room for it.
pub(super) const EXPIRED_MAX: u64 = 1_000;
/// The part of the history that gives way at once. More would make the file so empty that it is
/// made smaller, only to grow again.
const GIVES_WAY: u64 = 4;

/// The tables that a new batch may go to, while a transaction changes them.
pub(super) struct Tables<'t> {
    batches: Table<'t, u64, Row<'static>>,
    seen: Table<'t, u64, (i64, &'static [u8])>,
    history: Table<'t, u64, (i64, &'static [u8])>,
}

impl<'t> Tables<'t> {
    pub(super) fn open(transaction: &'t WriteTransaction) -> Result<Self, redb::Error> {
        let (batches, seen) = (transaction.open_table(BATCHES)?, transaction.open_table(SEEN)?);
        Ok(Self { batches, seen, history: transaction.open_table(HISTORY)? })
    }

    /// Removes a batch from all of them.
    pub(super) fn remove(&mut self, batch: u64) -> Result<(), redb::Error> {
        self.batches.remove(batch)?;
        self.seen.remove(batch)?;
        self.history.remove(batch)?;
        Ok(())
    }

    /// Adds a batch: when it was accepted, the chats of each event, the fingerprints and the bytes.
    /// One that nobody waits for is remembered, and kept if `is_kept`.
    pub(super) fn put(
        &mut self,
        batch: u64,
        (at, chats, prints, bytes): (i64, &[Chats], &[u8], &[u8]),
        is_kept: bool,
    ) -> Result<(), redb::Error> {
        let is_waiting = chats.iter().any(|chats| !chats.is_empty());
        if is_waiting || is_kept {
            let chats = write_chats(chats);
            let sum = checksum(batch, (at, chats.as_bytes(), prints, bytes));
            self.batches.insert(batch, (at, chats.as_bytes(), prints, bytes, sum))?;
        }
        if !is_waiting {
            self.seen.insert(batch, (at, prints))?;
            if is_kept {
                self.history.insert(batch, (at, prints))?;
            }
        }
        Ok(())
    }
}

/// When the history begins that has so many seconds; none where nothing is kept, as on a full disk.
pub(super) fn history_from(secs: &AtomicU64, space: &Space) -> Option<UnixTime> {
    let secs = Some(secs.load(Ordering::Relaxed));
    let secs = secs.filter(|secs| *secs > 0 && !space.is_disk_full)?;
    let secs = i64::try_from(secs).unwrap_or(i64::MAX);
    Some(UnixTime::from_secs(clock::wall().as_secs().saturating_sub(secs)))
}

/// The chats that are done with an event, each with the reason where it was given up.
pub(super) type Done = BTreeMap<ChatId, Option<Dead>>;

/// Writes down which chats are done with which events; what was given up becomes a dead letter. A
/// batch that nobody waits for any more is kept if the history begins before it, and remembered by
/// its fingerprints.
pub(super) fn settle(
    transaction: &WriteTransaction,
    owed: &BTreeMap<EventKey, Done>,
    letters: &mut Option<Changing<'_>>,
    forget_before: u64,
    history_from: Option<UnixTime>,
) -> Result<(), redb::Error> {
    let mut batches = transaction.open_table(BATCHES)?;
    let mut left = transaction.open_table(LEFT)?;
    let mut seen = transaction.open_table(SEEN)?;
    let mut history = transaction.open_table(HISTORY)?;
    for (batch, events) in by_batch(owed) {
        if history.get(batch)?.is_some() {
            // A commit that was thought to have failed has done it.
            continue;
        }
        let Some(row) = batches.get(batch)? else { continue };
        let (at, chats, prints, bytes, _) = row.value();
        let mut waiting = match left.get(batch)? {
            Some(chats) => read_chats(chats.value()),
            None => read_chats(chats),
        };
        for (index, done) in events {
            let Ok(index) = usize::try_from(index) else { continue };
            for (chat, dead) in done {
                // Not again what a commit wrote that was thought to have failed.
                let was_waiting = waiting.get_mut(index).is_some_and(|chats| chats.remove(chat));
                if was_waiting && let (Some(dead), Some(letters)) = (dead, &mut *letters) {
                    let event = batch::decode(bytes).ok().and_then(|batch| batch.only(index));
                    event.map_or(Ok(()), |event| letters.lay(chat, dead, &event))?;
                }
            }
        }
        if waiting.iter().any(|chats| !chats.is_empty()) {
            left.insert(batch, write_chats(&waiting).as_bytes())?;
            continue;
        }
        seen.insert(batch, (at, prints))?;
        left.remove(batch)?;
        if history_from.is_some() {
            history.insert(batch, (at, prints))?;
            continue;
        }
        drop(row);
        batches.remove(batch)?;
    }
    for _ in 0..EXPIRED_MAX {
        let Some(batch) = history.first()?.map(|(batch, _)| batch.value()) else { break };
        let is_young = |row: AccessGuard<'_, Row<'static>>| {
            let accepted = batch::decode(row.value().3).map(|batch| batch.received_at);
            history_from.zip(accepted.ok()).is_some_and(|(from, accepted)| accepted >= from)
        };
        if batches.get(batch)?.is_some_and(is_young) {
            break;
        }
        history.pop_first()?;
        batches.remove(batch)?;
    }
    forget(&mut seen, forget_before)
}

/// The chats of each event: a line for each event, in order, with the names between spaces. A name
/// holds neither.
pub(super) fn write_chats(events: &[Chats]) -> String {
    let line = |chats: &Chats| chats.iter().map(|chat| &**chat).collect::<Vec<_>>().join(" ");
    events.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// What [`write_chats`] wrote.
pub(super) fn read_chats(bytes: &[u8]) -> Vec<Chats> {
    let text = String::from_utf8_lossy(bytes);
    text.split('\n').map(|line| order::collect(line.split_whitespace().map(Into::into))).collect()
}

fn by_batch(owed: &BTreeMap<EventKey, Done>) -> BTreeMap<u64, Vec<(u32, &Done)>> {
    let mut batches: BTreeMap<u64, Vec<_>> = BTreeMap::new();
    for (key, chats) in owed {
        batches.entry(key.batch).or_default().push((key.index, chats));
    }
    batches
}

fn forget(
    seen: &mut redb::Table<'_, u64, (i64, &'static [u8])>,
    before: u64,
) -> Result<(), redb::Error> {
    while seen.first()?.is_some_and(|(batch, _)| batch.value() < before) {
        seen.pop_first()?;
    }
    Ok(())
}

/// Forgets the oldest of the history, at most so many batches. Gives whether there were any.
pub(super) fn forget_history(
    transaction: &WriteTransaction,
    most: u64,
) -> Result<bool, redb::Error> {
    let mut history = transaction.open_table(HISTORY)?;
    let mut batches = transaction.open_table(BATCHES)?;
    let count = history.len()?;
    for _ in 0..count.div_ceil(GIVES_WAY).min(most) {
        if let Some((batch, _)) = history.pop_first()? {
            batches.remove(batch.value())?;
        }
    }
    Ok(count > 0)
}

/// The accepted batches that follow this one, in order, up to so many bytes but at least one. What
/// is damaged is left out.
pub(super) fn after(
    transaction: &ReadTransaction,
    batch: u64,
    bytes_max: usize,
) -> Result<Vec<Accepted>, redb::Error> {
    let (mut found, mut room) = (Vec::new(), bytes_max);
    for row in transaction.open_table(BATCHES)?.range(batch.saturating_add(1)..)? {
        let (batch, row) = row?;
        let (batch, row) = (batch.value(), row.value());
        let bytes = row.3;
        if bytes.len() > room && !found.is_empty() {
            break;
        }
        room = room.saturating_sub(bytes.len());
        if is_whole(batch, row) {
            found.push(Accepted { batch, bytes: bytes.to_vec() });
        }
    }
    Ok(found)
}

/// Reads a batch that somebody waits for; none where nobody does, or it is gone or damaged.
pub(super) fn read(transaction: &ReadTransaction, batch: u64) -> Result<Option<Kept>, redb::Error> {
    let row = transaction.open_table(BATCHES)?.get(batch)?;
    let is_history = transaction.open_table(HISTORY)?.get(batch)?.is_some();
    let Some(row) = row.filter(|row| !is_history && is_whole(batch, row.value())) else {
        return Ok(None);
    };
    let (at, chats, _, bytes, _) = row.value();
    let left = transaction.open_table(LEFT)?.get(batch)?;
    let left = read_chats(left.as_ref().map_or(chats, |left| left.value()));
    Ok(Some(Kept { bytes: bytes.to_vec(), at: read_stamp(at), left }))
}

/// Forgets the older half of the duplicates. Gives whether there were any.
pub(super) fn forget_half(transaction: &WriteTransaction) -> Result<bool, redb::Error> {
    let mut seen = transaction.open_table(SEEN)?;
    let count = seen.len()?;
    for _ in 0..count.div_ceil(2) {
        seen.pop_first()?;
    }
    Ok(count > 0)
}

/// Makes the tables, and reads what an earlier run left.
pub(super) fn prepare(database: &Database) -> Result<Left, redb::Error> {
    let transaction = database.begin_write()?;
    let left = {
        let seen = transaction.open_table(SEEN)?;
        transaction.open_table(LEFT)?;
        let history = transaction.open_table(HISTORY)?;
        transaction.open_table(PORTS)?;
        transaction.open_table(LETTERS)?;
        transaction.open_table(LAST)?;
        let batches = transaction.open_table(BATCHES)?;
        let mut last = batches.last()?.map_or(0, |(batch, _)| batch.value());
        last = last.max(seen.last()?.map_or(0, |(batch, _)| batch.value()));
        let mut prints = Vec::new();
        let mut remember = |batch: u64, at: i64, bytes: &[u8]| {
            let at = read_stamp(at);
            let (chunks, _) = bytes.as_chunks::<16>();
            let fingerprints = chunks.iter().map(|print| Fingerprint::from_bytes(*print));
            prints.extend(fingerprints.map(|fingerprint| Seen { batch, at, fingerprint }));
        };
        for row in seen.iter()? {
            let (batch, row) = row?;
            let (at, bytes) = row.value();
            remember(batch.value(), at, bytes);
        }
        let mut waiting = Vec::new();
        for row in batches.iter()? {
            let (batch, row) = row?;
            if history.get(batch.value())?.is_some() {
                continue;
            }
            let (at, _, bytes, ..) = row.value();
            remember(batch.value(), at, bytes);
            waiting.push(batch.value());
        }
        order::sort_by_key(&mut prints, |seen| seen.batch);
        let rows = incidents::prepare(&transaction)?;
        // The writer knows the bound.
        Left { max: 0, next_batch: last + 1, seen: prints, waiting, rows, set_aside: None }
    };
    transaction.commit()?;
    Ok(left)
}
