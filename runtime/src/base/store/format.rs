//! The format number of the store, and the step from the format of the version before.
//!
//! Format 1 is that of 0.1.0: there is no number in the file, events are owed to kinds of
//! destinations, a bit for each, batches have no checksums, and stamps are whatever the clock was.
//! Formats 2 to 4 are in no version that was released. In format 5 the number has a table of its
//! own, events are owed to chats, by name, and each batch has a checksum, and a stamp only where
//! the clock was synchronised.
//!
//! Before the step the file is copied beside itself, to `mistgate-format-1.redb`, so that the older
//! program can be given it back. The first start that finds the copy a week old removes it. The
//! step is one transaction: after a crash it was done or was not. A newer store is refused before a
//! byte of it is written.

use std::{fs, io, os::unix::fs::OpenOptionsExt as _, path::Path, path::PathBuf, time::Duration};

use redb::{
    Database, ReadableDatabase, ReadableTable, StorageBackend, Table, TableDefinition, TableError,
    TableHandle, Value, WriteTransaction,
};

use super::{CACHE_MAX, FORMAT, error::Problem, guard::Guard, row::checksum, row::write_stamp};
use super::{batches::BATCHES, batches::LEFT, batches::SEEN, row::Parts};

pub(super) const NUMBER: TableDefinition<'_, (), u64> = TableDefinition::new("format");
/// The format of 0.1.0.
const OLD_FORMAT: u64 = 1;
/// Its table of batches.
const OLD_BATCHES: TableDefinition<'_, u64, Parts<'static>> = TableDefinition::new("batches");
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
        Some(FORMAT) | None => remove_copy(path, COPY_KEPT),
        Some(OLD_FORMAT) => {
            copy(path).map_err(Problem::Copy)?;
            guard.release()?;
        }
        Some(newer) if newer > FORMAT => return Err(Problem::Newer(newer)),
        Some(_) => return Err(Problem::Older),
    }
    if found != Some(FORMAT) {
        let transaction = database.begin_write()?;
        if found.is_some() {
            bring_up(&transaction)?;
        }
        transaction.open_table(NUMBER)?.insert((), FORMAT)?;
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
            Ok(tables.any(|table| table.name() == BATCHES.name()).then_some(OLD_FORMAT))
        }
        Err(error) => Err(error.into()),
    }
}

/// Copies the file as it was before this program opened it. By hand, because the system calls of
/// `fs::copy` are among those that the sandbox has given up.
fn copy(path: &Path) -> io::Result<()> {
    remove_copy(path, Duration::ZERO);
    let mut options = fs::OpenOptions::new();
    let options = options.write(true).create(true).truncate(true).mode(0o600);
    let mut copy = options.open(copy_of(path))?;
    let mut file = fs::File::open(path)?;
    io::copy(&mut file, &mut copy)?;
    copy.sync_all()
}

fn remove_copy(path: &Path, kept: Duration) {
    let copy = copy_of(path);
    let age = fs::metadata(&copy).and_then(|copy| copy.modified()).map(|at| at.elapsed());
    if age.is_ok_and(|age| age.is_ok_and(|age| age >= kept)) {
        let _ = fs::remove_file(copy);
    }
}

fn copy_of(path: &Path) -> PathBuf {
    path.with_file_name(format!("mistgate-format-{OLD_FORMAT}.redb"))
}

/// From the format of 0.1.0. Stamps go, since nobody knows how the clock was then.
fn bring_up(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    const RENAMED: TableDefinition<'_, u64, Parts<'static>> = TableDefinition::new("batches-1");
    let unknown = write_stamp(None);
    // The store may be so new that it has no batches yet.
    transaction.open_table(OLD_BATCHES)?;
    transaction.rename_table(OLD_BATCHES, RENAMED)?;
    {
        let mut old = transaction.open_table(RENAMED)?;
        let mut new = transaction.open_table(BATCHES)?;
        while let Some((batch, row)) = old.pop_first()? {
            let (batch, (_, bits, prints, bytes)) = (batch.value(), row.value());
            let chats = names(bits);
            // Bytes that cannot be read stay as they are, and are reported when they are read.
            let bytes = current(bytes).unwrap_or_else(|| bytes.to_vec());
            let parts = (unknown, chats.as_bytes(), prints, &*bytes);
            let sum = checksum(batch, parts);
            new.insert(batch, (unknown, parts.1, prints, parts.3, sum))?;
        }
        let mut seen = transaction.open_table(SEEN)?;
        for number in numbers(&seen)? {
            let prints = seen.get(number)?.map(|row| row.value().1.to_vec());
            seen.insert(number, (unknown, &*prints.unwrap_or_default()))?;
        }
        let mut left = transaction.open_table(LEFT)?;
        for number in numbers(&left)? {
            let chats = left.get(number)?.map(|bits| names(bits.value()));
            left.insert(number, chats.unwrap_or_default().as_bytes())?;
        }
    }
    transaction.delete_table(RENAMED)?;
    Ok(())
}

/// The keys of a table, so that its rows can be replaced.
fn numbers<V: Value>(table: &Table<'_, u64, V>) -> Result<Vec<u64>, redb::Error> {
    let numbers = table.iter()?.map(|row| Ok(row?.0.value()));
    numbers.collect()
}

/// The chats of each event, from their bits.
fn names(bits: &[u8]) -> String {
    const KINDS: [(u8, &str); 4] = [(1, "console"), (2, "google"), (4, "slack"), (8, "teams")];
    let of = |bits: &u8| {
        let set = KINDS.into_iter().filter(|(bit, _)| bits & bit != 0);
        set.map(|(_, name)| name).collect::<Vec<_>>().join(" ")
    };
    bits.iter().map(of).collect::<Vec<_>>().join("\n")
}

/// A batch without its version number, and without the bits and the number for the site of each
/// event.
fn current(bytes: &[u8]) -> Option<Vec<u8>> {
    /// A text with its length.
    fn text(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
        let (length, _) = bytes.split_first_chunk()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        bytes.split_at_checked(length.checked_add(4)?)
    }
    let mut rest = bytes.strip_prefix(&[1])?;
    let mut new = Vec::with_capacity(rest.len());
    let mut take = |(taken, left): (&[u8], _)| {
        new.extend_from_slice(taken);
        left
    };
    rest = take(rest.split_at_checked(8)?);
    rest = take(text(rest)?);
    while !rest.is_empty() {
        // Channel and severity; then a byte of bits, and eight for the site.
        rest = take(text(rest)?);
        rest = take(rest.split_at_checked(1)?).get(9..)?;
        rest = take(text(rest)?);
    }
    Some(new)
}
