//! The format number of the store, and the steps from older formats.
//!
//! | format | |
//! |---|---|
//! | 1 | no number in the file; events are owed to kinds of destinations, a bit for each |
//! | 2 | the number in a table of its own; events are owed to chats, by name |
//! | 3 | each batch has a checksum, and a stamp only where the clock was synchronised |
//! | 4 | the events of a batch have no number for their site |
//! | 5 | a batch that nobody waits for may be kept, as history |
//!
//! Before the first step the file is copied beside itself, to `mistgate-format-N.redb`, so that the
//! older program can be given it back. Only the last copy is kept, and the first start that finds
//! it a week old removes it. Each step is one transaction: after a crash it was done or was not. A
//! newer store is refused before a byte of it is written.

use std::borrow::Cow;
use std::{fs, io, os::unix::fs::OpenOptionsExt as _, path::Path, time::Duration};

use mistgate_core::delivery::batch;
use redb::{
    Database, ReadableDatabase, ReadableTable, StorageBackend, Table, TableDefinition, TableError,
    TableHandle, Value, WriteTransaction,
};

use super::batches::{BATCHES, LEFT, SEEN};
use super::error::Problem;
use super::guard::Guard;
use super::letters::LETTERS;
use super::row::{Parts, Row, checksum, write_stamp};
use super::{CACHE_MAX, FORMAT, letters};

pub(super) const NUMBER: TableDefinition<'_, (), u64> = TableDefinition::new("format");
type Step = fn(&WriteTransaction) -> Result<(), redb::Error>;
/// The step from each format to the next, from format 1 on.
const STEPS: [Step; 4] = [owe_by_name, add_checksums_without_stamps, drop_sites, |_| Ok(())];
/// The table of batches up to format 2.
const BATCHES_2: TableDefinition<'_, u64, Row2<'static>> = TableDefinition::new("batches");
type Row2<'a> = (i64, &'a [u8], &'a [u8], &'a [u8]);
/// How old a copy becomes before it is removed.
const COPY_KEPT: Duration = Duration::from_secs(7 * 86_400);

/// Opens the store in a file of any format that this program knows, verifies it, and brings it to
/// [`FORMAT`]. Only for that step it writes to the file; the guard holds all else.
pub(super) fn open(
    path: &Path,
    file: Box<dyn StorageBackend>,
) -> Result<(Database, Guard), Problem> {
    let guard = Guard::new(file);
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE_MAX).set_check_integrity_on_open(true);
    let database = builder.create_with_backend(guard.clone())?;
    let found = number(&database)?;
    match found {
        Some(newer) if newer > FORMAT => return Err(Problem::Newer(newer)),
        Some(older) if older < FORMAT => {
            copy(path, older).map_err(Problem::Copy)?;
            guard.release()?;
        }
        Some(_) | None => remove_copies(path, COPY_KEPT),
    }
    for format in found.unwrap_or(FORMAT - 1)..FORMAT {
        let transaction = database.begin_write()?;
        let step = usize::try_from(format - 1).ok().and_then(|nth| STEPS.get(nth));
        if let (Some(step), Some(_)) = (step, found) {
            step(&transaction)?;
        }
        transaction.open_table(NUMBER)?.insert((), format + 1)?;
        transaction.commit()?;
    }
    Ok((database, guard))
}

/// The format of a store; `None` for one that is new.
pub(super) fn number(database: &Database) -> Result<Option<u64>, redb::Error> {
    let transaction = database.begin_read()?;
    match transaction.open_table(NUMBER) {
        Ok(table) => Ok(table.get(())?.map(|number| number.value())),
        Err(TableError::TableDoesNotExist(_)) => {
            let mut tables = transaction.list_tables()?;
            Ok(tables.any(|table| table.name() == BATCHES.name()).then_some(1))
        }
        Err(error) => Err(error.into()),
    }
}

/// Copies the file as it was before this program opened it. By hand, because the system calls of
/// `fs::copy` are among those that the sandbox has given up.
fn copy(path: &Path, format: u64) -> io::Result<()> {
    remove_copies(path, Duration::ZERO);
    let mut options = fs::OpenOptions::new();
    let options = options.write(true).create(true).truncate(true).mode(0o600);
    let mut copy = options.open(copy_of(path, format))?;
    let mut file = fs::File::open(path)?;
    io::copy(&mut file, &mut copy)?;
    copy.sync_all()
}

fn remove_copies(path: &Path, kept: Duration) {
    for copy in (1..FORMAT).map(|format| copy_of(path, format)) {
        let age = fs::metadata(&copy).and_then(|copy| copy.modified()).map(|at| at.elapsed());
        if age.is_ok_and(|age| age.is_ok_and(|age| age >= kept)) {
            let _ = fs::remove_file(copy);
        }
    }
}

fn copy_of(path: &Path, format: u64) -> std::path::PathBuf {
    path.with_file_name(format!("mistgate-format-{format}.redb"))
}

/// From format 1 to 2. What was a bit for each kind of destination becomes the name of its chat, in
/// the tables and no longer also in the bytes of a batch, whose own version number goes.
fn owe_by_name(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    let mut batches = transaction.open_table(BATCHES_2)?;
    for number in numbers(&batches)? {
        let Some(row) = batches.get(number)?.map(|row| {
            let (at, bits, prints, bytes) = row.value();
            // Bytes that cannot be read stay as they are, and are reported when they are read.
            let bytes = without_kinds(bytes).unwrap_or_else(|| bytes.to_vec());
            (at, names(bits), prints.to_vec(), bytes)
        }) else {
            continue;
        };
        let (at, chats, prints, bytes) = &row;
        batches.insert(number, (*at, chats.as_bytes(), &**prints, &**bytes))?;
    }
    let mut left = transaction.open_table(LEFT)?;
    for number in numbers(&left)? {
        let chats = left.get(number)?.map(|bits| names(bits.value()));
        left.insert(number, chats.unwrap_or_default().as_bytes())?;
    }
    Ok(())
}

/// From format 2 to 3. Each batch moves to a table whose rows have a checksum. Its stamp goes,
/// since nobody knows how the clock was then.
fn add_checksums_without_stamps(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    const OLD: TableDefinition<'_, u64, Row2<'static>> = TableDefinition::new("batches-2");
    let unknown = write_stamp(None);
    // A store of format 1 or 2 may be so new that it has no batches yet.
    transaction.open_table(BATCHES_2)?;
    transaction.rename_table(BATCHES_2, OLD)?;
    {
        let (mut old, mut new) = (transaction.open_table(OLD)?, transaction.open_table(BATCHES)?);
        while let Some((batch, row)) = old.pop_first()? {
            let (batch, (_, chats, prints, bytes)) = (batch.value(), row.value());
            let sum = checksum(batch, (unknown, chats, prints, bytes));
            new.insert(batch, (unknown, chats, prints, bytes, sum))?;
        }
        let mut seen = transaction.open_table(SEEN)?;
        for number in numbers(&seen)? {
            let prints = seen.get(number)?.map(|row| row.value().1.to_vec());
            seen.insert(number, (unknown, &*prints.unwrap_or_default()))?;
        }
    }
    transaction.delete_table(OLD)?;
    Ok(())
}

/// From format 3 to 4. Digests by site are gone, and with them the number for the site of each
/// event. A row that is damaged stays as it is, and is reported when it is read.
fn drop_sites(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    cut_sites(&mut transaction.open_table(BATCHES)?, checksum)?;
    cut_sites(&mut transaction.open_table(LETTERS)?, letters::sum)
}

fn cut_sites(
    rows: &mut Table<'_, u64, Row<'static>>,
    sum: fn(u64, Parts<'_>) -> u64,
) -> Result<(), redb::Error> {
    for number in numbers(rows)? {
        let Some(row) = rows.get(number)?.and_then(|row| {
            let (at, one, two, bytes, found) = row.value();
            let is_whole = sum(number, (at, one, two, bytes)) == found;
            is_whole.then(|| Some((at, one.to_vec(), two.to_vec(), cut(bytes, 8, 0)?)))?
        }) else {
            continue;
        };
        let (at, one, two, bytes) = &row;
        let parts = (*at, &**one, &**two, &**bytes);
        rows.insert(number, (*at, &**one, &**two, &**bytes, sum(number, parts)))?;
    }
    Ok(())
}

/// The bytes of a batch of format 3 or of this one, in this one. Their checksums are alike, and a
/// file may have both: a step leaves old pages behind.
pub(super) fn current(bytes: &[u8]) -> Cow<'_, [u8]> {
    let old = if batch::decode(bytes).is_err() { cut(bytes, 8, 0) } else { None };
    old.map_or(Cow::Borrowed(bytes), Cow::Owned)
}

/// The keys of a table, so that its rows can be replaced.
fn numbers<V: Value>(table: &Table<'_, u64, V>) -> Result<Vec<u64>, redb::Error> {
    let numbers = table.iter()?.map(|row| Ok(row?.0.value()));
    numbers.collect()
}

/// The chats of each event as format 2 writes them, from the bits of format 1.
fn names(bits: &[u8]) -> String {
    const KINDS: [(u8, &str); 4] = [(1, "console"), (2, "google"), (4, "slack"), (8, "teams")];
    let of = |bits: &u8| {
        let set = KINDS.into_iter().filter(|(bit, _)| bits & bit != 0);
        set.map(|(_, name)| name).collect::<Vec<_>>().join(" ")
    };
    bits.iter().map(of).collect::<Vec<_>>().join("\n")
}

/// A batch of format 1 without its version number and the bits of its events.
fn without_kinds(bytes: &[u8]) -> Option<Vec<u8>> {
    // The bits lie before the site.
    cut(bytes.strip_prefix(&[1])?, 1, 8)
}

/// A batch in which each event lost the `gone` bytes that follow its severity. After these, `kept`
/// bytes lie before its text.
fn cut(bytes: &[u8], gone: usize, kept: usize) -> Option<Vec<u8>> {
    /// A text with its length.
    fn text(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
        let (length, _) = bytes.split_first_chunk()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        bytes.split_at_checked(length.checked_add(4)?)
    }
    let mut rest = bytes;
    let mut new = Vec::with_capacity(bytes.len());
    let mut take = |(taken, left): (&[u8], _)| {
        new.extend_from_slice(taken);
        left
    };
    rest = take(rest.split_at_checked(8)?);
    rest = take(text(rest)?);
    while !rest.is_empty() {
        // Channel and severity.
        rest = take(text(rest)?);
        rest = take(rest.split_at_checked(1)?);
        rest = rest.get(gone..)?;
        rest = take(rest.split_at_checked(kept)?);
        rest = take(text(rest)?);
    }
    Some(new)
}
