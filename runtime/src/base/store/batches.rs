//! The tables of batches.

use std::collections::BTreeMap;

use mistgate_core::delivery::batch;
use mistgate_core::delivery::batch::{ChatId, Chats, EventKey};
use mistgate_core::delivery::dead_letter::Dead;
use mistgate_core::event::fingerprint::Fingerprint;
use redb::{Database, ReadableTable, ReadableTableMetadata, TableDefinition, WriteTransaction};

use super::letters::{Changing, LAST, LETTERS};
use super::row::{Row, checksum, read_stamp};
use super::{Left, Seen, incidents, ports::PORTS};

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

/// The chats that are done with an event, each with the reason where it was given up.
pub(super) type Done = BTreeMap<ChatId, Option<Dead>>;

/// Writes down which chats are done with which events; what was given up becomes a dead letter. A
/// batch that nobody waits for any more is remembered by its fingerprints alone.
pub(super) fn settle(
    transaction: &WriteTransaction,
    owed: &BTreeMap<EventKey, Done>,
    letters: &mut Option<Changing<'_>>,
    forget_before: u64,
) -> Result<(), redb::Error> {
    let mut batches = transaction.open_table(BATCHES)?;
    let mut left = transaction.open_table(LEFT)?;
    let mut seen = transaction.open_table(SEEN)?;
    for (batch, events) in by_batch(owed) {
        let Some(row) = batches.get(batch)? else {
            continue;
        };
        let (at, chats, prints, bytes, _) = row.value();
        let mut waiting = match left.get(batch)? {
            Some(chats) => read_chats(chats.value()),
            None => read_chats(chats),
        };
        for (index, done) in events {
            let Ok(index) = usize::try_from(index) else {
                continue;
            };
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
        drop(row);
        batches.remove(batch)?;
        left.remove(batch)?;
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
    text.split('\n').map(|line| line.split_whitespace().map(Into::into).collect()).collect()
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
            let (at, _, bytes, ..) = row.value();
            remember(batch.value(), at, bytes);
            waiting.push(batch.value());
        }
        prints.sort_by_key(|seen| seen.batch);
        let rows = incidents::prepare(&transaction)?;
        // The writer knows the bound.
        Left { max: 0, next_batch: last + 1, seen: prints, waiting, rows, set_aside: None }
    };
    transaction.commit()?;
    Ok(left)
}
