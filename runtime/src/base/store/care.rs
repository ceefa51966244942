//! What a person does with a store: check, copy, salvage. Only a copy can be made while mistgate
//! uses it.

use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::{collections::BTreeMap, fs, fs::OpenOptions, io, time::Duration};

use redb::backends::FileBackend;
use redb::{
    Database, Key, ReadTransaction, ReadableDatabase as _, ReadableTable as _,
    ReadableTableMetadata as _, TableDefinition, Value, WriteTransaction,
};
use rustix::fs::statvfs;

use super::batches::{BATCHES, HISTORY, LEFT, SEEN, is_whole};
use super::row::{Parts, Row, checksum};
use super::{Accepted, CACHE_MAX, Error, FORMAT, batches, format, incidents};
use super::{error::Problem, guard::Guard, incidents::TableName, letters, opening, ports::PORTS};
use super::{format::NUMBER, format::number, letters::LAST, letters::LETTERS};

/// The name of a copy in the state folder that was made while mistgate runs.
pub const BACKUP: &str = "mistgate.backup";
/// How long it waits for whoever has asked for it.
const BACKUP_KEPT: Duration = Duration::from_secs(600);
/// What must stay free on the disk beside it.
const BACKUP_ROOM: u64 = 4 << 20;
/// redb's pages, and the first byte of one with rows.
const PAGE: usize = 4_096;
const LEAF: u8 = 1;

/// What is in a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// Batches that somebody waits for.
    pub waiting: u64,
    /// Rows that are not as they were written: of those, of the history, of the dead letters, and
    /// of what is known of incidents.
    pub broken: u64,
    /// Batches that nobody waits for, of which the fingerprints are kept.
    pub delivered: u64,
    /// Batches that are kept whole although nobody waits for them.
    pub history: u64,
    /// Dead letters, which nobody waits for.
    pub letters: u64,
    /// Records of switch ports.
    pub ports: u64,
    pub incidents: u64,
    pub silences: u64,
}

/// Verifies every checksum of a store. The file is not written to.
pub fn check(path: &Path) -> Result<Contents, Error> {
    let checked = look(path).and_then(|database| {
        let transaction = database.begin_read()?;
        let mut contents = Contents {
            delivered: transaction.open_table(SEEN)?.len()?,
            history: transaction.open_table(HISTORY)?.len()?,
            ports: transaction.open_table(PORTS)?.len()?,
            incidents: transaction.open_table(TableName::Incidents.table())?.len()?,
            silences: transaction.open_table(TableName::Silences.table())?.len()?,
            ..Contents::default()
        };
        for row in transaction.open_table(BATCHES)?.iter()? {
            let (batch, row) = row?;
            contents.waiting += 1;
            contents.broken += u64::from(!is_whole(batch.value(), row.value()));
        }
        contents.waiting = contents.waiting.saturating_sub(contents.history);
        for row in transaction.open_table(LETTERS)?.iter()? {
            let (id, row) = row?;
            contents.letters += 1;
            contents.broken += u64::from(!letters::is_whole(id.value(), row.value()));
        }
        for table in TableName::ALL {
            for row in transaction.open_table(table.table())?.iter()? {
                let (key, row) = row?;
                contents.broken += u64::from(!table.is_whole(key.value(), row.value()));
            }
        }
        Ok(contents)
    });
    checked.map_err(|problem| problem.at(path))
}

/// Copies a store, which is verified, to a new file that only its owner may read.
pub fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    let database = look(from).map_err(|problem| problem.at(from))?;
    let source = database.begin_read().map_err(|error| Problem::from(error).at(from))?;
    copy_rows(&source, to).map_err(|problem| problem.at(to))
}

/// Copies what an open store has at this moment to [`BACKUP`] beside it, while the store goes on.
/// One that nobody has fetched is an error, or replaced where it is old.
pub(super) fn back_up(path: &Path, source: &ReadTransaction) -> Result<(), Error> {
    let to = path.with_file_name(BACKUP);
    let age = fs::metadata(&to).and_then(|file| file.modified()).map(|at| at.elapsed());
    if age.is_ok_and(|age| age.is_ok_and(|age| age >= BACKUP_KEPT)) {
        let _ = fs::remove_file(&to);
    }
    let room = || {
        let disk = statvfs(path.parent().unwrap_or(Path::new(".")))?;
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        // The disk must not become full by it.
        if free < fs::metadata(path)?.len() + BACKUP_ROOM {
            return Err(io::Error::new(io::ErrorKind::StorageFull, "no room for a copy beside it"));
        }
        Ok(())
    };
    let room = room().map_err(Problem::from);
    room.and_then(|()| copy_rows(source, &to)).map_err(|problem| problem.at(&to))
}

/// Puts a copy of a store in the place of another, which is renamed. Gives its new name. The new
/// file belongs to the owner of its folder, who is also whom mistgate runs as.
pub fn restore(from: &Path, to: &Path) -> Result<Option<PathBuf>, Error> {
    if opening::is_taken(to) {
        return Err(Problem::Redb(redb::Error::DatabaseAlreadyOpen).at(to));
    }
    let (new, was) = (to.with_extension("restoring"), to.with_extension("before-restore"));
    // Of an attempt that did not come to its end.
    let _ = fs::remove_file(&new);
    copy(from, &new)?;
    let put = || {
        let folder = fs::metadata(to.parent().unwrap_or(Path::new(".")))?;
        chown(&new, Some(folder.uid()), Some(folder.gid()))?;
        let was = to.exists().then_some(was);
        if let Some(was) = &was {
            fs::rename(to, was)?;
        }
        fs::rename(&new, to)?;
        Ok(was)
    };
    put().map_err(|error: io::Error| Problem::from(error).at(to))
}

/// Adds to a store what a damaged one still has of batches that somebody waits for, and of dead
/// letters, behind its own, and of incidents that it does not have. Gives how many of each. Some
/// may have been delivered, dropped or forgotten shortly before the damage. Silences are left out:
/// one that has ended would hide what is wrong.
pub fn salvage(from: &Path, into: &Path) -> Result<[usize; 3], Error> {
    let bytes = fs::read(from).map_err(|error| Problem::from(error).at(from))?;
    add(&scan(&bytes), into).map_err(|problem| problem.at(into))
}

/// The accepted batches of a store that are still in it, in order, up to so many bytes at a time.
pub fn accepted(path: &Path) -> Result<impl FnMut(u64, usize) -> Option<Vec<Accepted>>, Error> {
    let opened = look(path).and_then(|database| Ok((database.begin_read()?, database)));
    let (transaction, database) = opened.map_err(|problem| problem.at(path))?;
    Ok(move |after, bytes_max| {
        let _open = &database;
        batches::after(&transaction, after, bytes_max).ok()
    })
}

/// Opens a store and verifies its pages. Nothing is written: the guard is never released.
fn look(path: &Path) -> Result<Database, Problem> {
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    let guard = Guard::new(Box::new(FileBackend::new(file)?));
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE_MAX).set_check_integrity_on_open(true);
    let database = builder.create_with_backend(guard)?;
    match number(&database)? {
        Some(FORMAT) => Ok(database),
        Some(newer) if newer > FORMAT => Err(Problem::Newer(newer)),
        Some(_) | None => Err(Problem::Older),
    }
}

fn make(path: &Path) -> Result<Database, redb::Error> {
    let mut options = OpenOptions::new();
    let file = options.read(true).write(true).create_new(true).mode(0o600).open(path)?;
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE_MAX);
    Ok(builder.create_with_backend(FileBackend::new(file)?)?)
}

/// Copies all rows to a new file. One that was there is left alone.
fn copy_rows(source: &ReadTransaction, to: &Path) -> Result<(), Problem> {
    let target = make(to)?;
    let copied = copy_tables(source, &target).and_then(|()| Ok(target.close()?));
    if copied.is_err() {
        let _ = fs::remove_file(to);
    }
    copied
}

fn copy_tables(read: &ReadTransaction, target: &Database) -> Result<(), Problem> {
    let write = target.begin_write()?;
    write.open_table(NUMBER)?.insert((), FORMAT)?;
    copy_table(read, &write, BATCHES)?;
    copy_table(read, &write, LEFT)?;
    copy_table(read, &write, SEEN)?;
    copy_table(read, &write, HISTORY)?;
    copy_table(read, &write, PORTS)?;
    copy_table(read, &write, LETTERS)?;
    copy_table(read, &write, LAST)?;
    for table in TableName::ALL {
        copy_table(read, &write, table.table())?;
    }
    write.commit()?;
    Ok(())
}

fn copy_table<K: Key, V: Value>(
    read: &ReadTransaction,
    write: &WriteTransaction,
    table: TableDefinition<'_, K, V>,
) -> Result<(), Problem> {
    let mut copy = write.open_table(table)?;
    for row in read.open_table(table)?.iter()? {
        let (key, value) = row?;
        copy.insert(key.value(), value.value())?;
    }
    Ok(())
}

/// What was found, without checksums.
#[derive(Default)]
struct Found<'b> {
    batches: BTreeMap<u64, Parts<'b>>,
    letters: BTreeMap<u64, Parts<'b>>,
    incidents: incidents::Found<'b>,
}

/// The batches, dead letters and incidents in the pages of a file, whatever its trees look like.
/// Their own checksums tell them from anything else. Pages that are no longer in use are among
/// them, so what is known as delivered is left out.
fn scan(bytes: &[u8]) -> Found<'_> {
    let (mut found, mut delivered) = (Found::default(), Vec::new());
    for start in (0..bytes.len()).step_by(PAGE) {
        let page = bytes.get(start..).unwrap_or_default();
        for (key, value) in rows(page, None) {
            incidents::find(&mut found.incidents, key, value);
        }
        for (batch, value) in rows(page, Some(8)) {
            let Some(batch) = batch.first_chunk().map(|batch| u64::from_le_bytes(*batch)) else {
                continue;
            };
            if let Some(row) = batch_row(value) {
                let parts = (row.0, row.1, row.2, row.3);
                if is_whole(batch, row) {
                    found.batches.insert(batch, parts);
                    continue;
                }
                if letters::is_whole(batch, row) {
                    found.letters.insert(batch, parts);
                    continue;
                }
            }
            delivered.extend(value.split_first_chunk().map(|(at, prints)| (batch, *at, prints)));
        }
    }
    for (batch, at, prints) in delivered {
        let at = i64::from_le_bytes(at);
        if found.batches.get(&batch).is_some_and(|row| row.0 == at && row.2 == prints) {
            found.batches.remove(&batch);
        }
    }
    found
}

/// The rows of a page of redb with keys of this width, or of any, and values of any length, if it
/// is one: a byte for its kind, one that is free, the number of rows, where each key ends unless
/// their width is fixed, where each value ends, keys, values.
fn rows(page: &[u8], width: Option<usize>) -> Vec<(&[u8], &[u8])> {
    let mut rows = Vec::new();
    let Some(([LEAF, _, low, high], _)) = page.split_first_chunk() else { return rows };
    let count = usize::from(u16::from_le_bytes([*low, *high]));
    let end_at = |at: usize| {
        let end = page.get(at..).and_then(<[u8]>::first_chunk);
        end.and_then(|end| usize::try_from(u32::from_le_bytes(*end)).ok())
    };
    let ends = if width.is_some() { 4 } else { 4 + 4 * count };
    let keys = ends + 4 * count;
    let key_end = |nth: usize| match width {
        Some(width) => Some(keys + width * (nth + 1)),
        None => end_at(4 + 4 * nth),
    };
    let (mut key_start, mut start) = (keys, count.checked_sub(1).and_then(key_end).unwrap_or(keys));
    for nth in 0..count {
        let Some((key_end, end)) = key_end(nth).zip(end_at(ends + 4 * nth)) else { break };
        let Some(row) = page.get(key_start..key_end).zip(page.get(start..end)) else { break };
        rows.push(row);
        (key_start, start) = (key_end, end);
    }
    rows
}

/// A row of [`BATCHES`] as redb encodes it: the lengths of its texts, and then its parts.
fn batch_row(mut value: &[u8]) -> Option<Row<'_>> {
    let mut lengths = [0; 3];
    for length in &mut lengths {
        *length = take_length(&mut value)?;
    }
    let [chats, prints, bytes] = lengths;
    let (at, value) = value.split_first_chunk()?;
    let (chats, value) = value.split_at_checked(chats)?;
    let (prints, value) = value.split_at_checked(prints)?;
    let (bytes, sum) = value.split_at_checked(bytes)?;
    let sum = u64::from_le_bytes(sum.try_into().ok()?);
    Some((i64::from_le_bytes(*at), chats, prints, bytes, sum))
}

/// A length in one byte, or after 254 in two, or after 255 in four.
fn take_length(value: &mut &[u8]) -> Option<usize> {
    let (first, rest) = value.split_first()?;
    let (length, rest) = match first {
        254 => {
            rest.split_first_chunk().map(|(two, rest)| (u16::from_le_bytes(*two).into(), rest))?
        }
        255 => rest.split_first_chunk().map(|(four, rest)| (u32::from_le_bytes(*four), rest))?,
        small => (u32::from(*small), rest),
    };
    *value = rest;
    usize::try_from(length).ok()
}

/// Adds what was found to a store, numbered after its own.
fn add(found: &Found<'_>, into: &Path) -> Result<[usize; 3], Problem> {
    let file = OpenOptions::new().read(true).write(true).open(into)?;
    let (database, guard) = format::open(into, Box::new(FileBackend::new(file)?))?;
    guard.release()?;
    let transaction = database.begin_write()?;
    {
        let mut batches = transaction.open_table(BATCHES)?;
        let seen = transaction.open_table(SEEN)?;
        let mut batch = batches.last()?.map_or(0, |(batch, _)| batch.value());
        batch = batch.max(seen.last()?.map_or(0, |(batch, _)| batch.value()));
        for parts @ (at, chats, prints, bytes) in found.batches.values() {
            batch += 1;
            batches.insert(batch, (*at, *chats, *prints, *bytes, checksum(batch, *parts)))?;
        }
    }
    letters::add_all(&transaction, found.letters.values().copied())?;
    let incidents = incidents::add_all(&transaction, &found.incidents)?;
    transaction.commit()?;
    database.close()?;
    Ok([found.batches.len(), found.letters.len(), incidents])
}
