//! The tables of batches.

use std::collections::BTreeMap;

use mistgate_core::base::time::UnixTime;
use mistgate_core::delivery::batch::{Chats, EventKey};
use mistgate_core::event::fingerprint::Fingerprint;
use redb::{Database, ReadableTable, ReadableTableMetadata, TableDefinition, WriteTransaction};
use sha2::{Digest as _, Sha256};

use super::{Left, Seen, ports::PORTS};

/// The checksum of a batch: the beginning of the SHA-256 of its row. redb has a checksum for each
/// page, and looks at it only while it opens the file.
pub(super) fn checksum(batch: u64, at: i64, chats: &[u8], prints: &[u8], bytes: &[u8]) -> u64 {
    let mut digest = Sha256::new();
    digest.update(batch.to_le_bytes());
    digest.update(at.to_le_bytes());
    for part in [chats, prints, bytes] {
        // A usize has at most 64 bits.
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    let digest = digest.finalize();
    let (head, _) = digest.split_first_chunk().expect("a SHA-256 has 32 bytes");
    u64::from_le_bytes(*head)
}

/// Whether a row of [`BATCHES`] is as it was written.
pub(super) fn is_whole(batch: u64, (at, chats, prints, bytes, sum): Row<'_>) -> bool {
    checksum(batch, at, chats, prints, bytes) == sum
}

/// When it was accepted as [`write_stamp`] writes it, the chats that each event goes to as
/// [`write_chats`] writes them, the fingerprints, the bytes, and the [`checksum`].
pub(super) type Row<'a> = (i64, &'a [u8], &'a [u8], &'a [u8], u64);

pub(super) const BATCHES: TableDefinition<'_, u64, Row<'static>> = TableDefinition::new("batches");
/// The chats that still wait for each event, where that is less than at first.
pub(super) const LEFT: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("left");
/// When it was accepted as [`write_stamp`] writes it, and the fingerprints.
pub(super) const SEEN: TableDefinition<'_, u64, (i64, &[u8])> = TableDefinition::new("seen");

/// Writes down which chats are done with which events. A batch that nobody waits for any more is
/// remembered by its fingerprints alone.
pub(super) fn settle(
    transaction: &WriteTransaction,
    owed: &BTreeMap<EventKey, Chats>,
    forget_before: u64,
) -> Result<(), redb::Error> {
    let mut batches = transaction.open_table(BATCHES)?;
    let mut left = transaction.open_table(LEFT)?;
    let mut seen = transaction.open_table(SEEN)?;
    for (batch, events) in by_batch(owed) {
        let Some(row) = batches.get(batch)? else {
            continue;
        };
        let (at, chats, prints, ..) = row.value();
        let mut waiting = match left.get(batch)? {
            Some(chats) => read_chats(chats.value()),
            None => read_chats(chats),
        };
        for (index, done) in events {
            if let Some(chats) = usize::try_from(index).ok().and_then(|i| waiting.get_mut(i)) {
                chats.retain(|chat| !done.contains(chat));
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

/// A stamp in microseconds since 1970; 0 where the clock was not synchronised.
pub(super) fn write_stamp(at: Option<UnixTime>) -> i64 {
    at.map_or(0, UnixTime::as_micros)
}

/// What [`write_stamp`] wrote.
pub(super) fn read_stamp(micros: i64) -> Option<UnixTime> {
    (micros != 0).then(|| UnixTime::from_micros(micros))
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

fn by_batch(owed: &BTreeMap<EventKey, Chats>) -> BTreeMap<u64, Vec<(u32, &Chats)>> {
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
        Left { next_batch: last + 1, seen: prints, waiting, set_aside: None }
    };
    transaction.commit()?;
    Ok(left)
}
