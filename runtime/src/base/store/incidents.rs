//! The tables of incidents: what is wrong, what each destination was last told of it, and silences.
//!
//! Core gives and takes bytes. An incident is written by the transaction of the batch that changed
//! it, or on its own, as all else here is. None of this gives way to new batches: core bounds it.

use std::{collections::BTreeMap, sync::Arc};

use mistgate_core::notify::change::Key;
use redb::{ReadTransaction, ReadableTable as _, TableDefinition, WriteTransaction};

use super::{row::checksum, space};
use crate::base::clock;

/// When it was written by the wall clock, in microseconds, so that salvage finds the last; the
/// checksum; and the bytes.
type Row<'a> = (i64, u64, &'a [u8]);

#[derive(Clone, Copy, Debug)]
pub(super) enum TableName {
    Incidents,
    Shown,
    Silences,
}

impl TableName {
    pub(super) const ALL: [Self; 3] = [Self::Incidents, Self::Shown, Self::Silences];

    /// Each key is that of the incident, or the number of the silence in as many bytes, and then
    /// the name of the destination.
    pub(super) const fn table(self) -> TableDefinition<'static, &'static [u8], Row<'static>> {
        TableDefinition::new(match self {
            Self::Incidents => "incidents",
            Self::Shown => "shown",
            Self::Silences => "silences",
        })
    }

    fn sum(self, key: &[u8], at: i64, bytes: &[u8]) -> u64 {
        checksum(self as u64, (at, key, &[], bytes))
    }

    /// Whether a row is as it was written.
    pub(super) fn is_whole(self, key: &[u8], (at, sum, bytes): Row<'_>) -> bool {
        self.sum(key, at, bytes) == sum
    }
}

/// Names what is kept of incidents.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RowName {
    Incident(Key),
    /// What a destination, by name, was last told of an incident.
    Shown(Arc<str>, Key),
    Silence(u64),
}

impl RowName {
    fn key(&self) -> (TableName, Vec<u8>) {
        let (table, first, to) = match self {
            Self::Incident(key) => (TableName::Incidents, key.to_bytes(), ""),
            Self::Shown(to, key) => (TableName::Shown, key.to_bytes(), &**to),
            Self::Silence(number) => (TableName::Silences, u128::from(*number).to_be_bytes(), ""),
        };
        (table, [first.as_slice(), to.as_bytes()].concat())
    }

    /// Of a key that [`RowName::key`] made.
    fn of(table: TableName, key: &[u8]) -> Option<Self> {
        let (first, to) = key.split_first_chunk()?;
        let key = Key::from_bytes(*first);
        Some(match table {
            TableName::Incidents => Self::Incident(key),
            TableName::Shown => Self::Shown(String::from_utf8_lossy(to).into(), key),
            TableName::Silences => Self::Silence(u128::from_be_bytes(*first).try_into().ok()?),
        })
    }
}

/// The changes of rows that are not yet on disk.
#[derive(Debug, Default)]
pub(super) struct Owed {
    /// Each with the number of batches of its commit that came before it. Only the last change of
    /// each is kept, so the number of incidents, destinations and silences bounds it.
    rows: BTreeMap<RowName, (usize, Option<Vec<u8>>)>,
    /// What batches changed whose commit failed, as it was before. They were refused, but may be on
    /// the disk all the same.
    undo: BTreeMap<RowName, Option<Vec<u8>>>,
}

impl Owed {
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Bytes that the rows take at most.
    pub(super) fn cost(&self) -> u64 {
        self.rows.values().map(|(_, bytes)| space::record_cost(bytes.as_deref())).sum()
    }

    /// The next commit begins to be gathered: all that is owed comes before its batches.
    pub(super) fn begin(&mut self) {
        self.rows.values_mut().for_each(|(after, _)| *after = 0);
    }

    /// Notes a change, which came after so many batches of the commit.
    pub(super) fn note(&mut self, after: usize, name: RowName, bytes: Option<Vec<u8>>) {
        self.rows.insert(name, (after, bytes));
    }

    /// Takes out all but so many rows, for a later commit.
    pub(super) fn split_off(&mut self, most: usize) -> Self {
        let name = self.rows.keys().nth(most).cloned();
        let rows = name.map_or_else(BTreeMap::new, |name| self.rows.split_off(&name));
        Self { rows, undo: BTreeMap::new() }
    }

    pub(super) fn append(&mut self, later: Self) {
        self.rows.extend(later.rows);
    }

    /// Writes what is owed.
    pub(super) fn write(&self, transaction: &WriteTransaction) -> Result<(), redb::Error> {
        let rows = self.rows.iter().map(|(name, (_, bytes))| (name, bytes));
        for (name, bytes) in self.undo.iter().chain(rows) {
            set(transaction, name, bytes.as_deref())?;
        }
        Ok(())
    }

    /// Writes an incident that came with the `nth` batch of a commit, unless what is owed is newer.
    pub(super) fn write_with(
        &mut self,
        nth: usize,
        (key, record): &(Key, Option<Vec<u8>>),
        transaction: &WriteTransaction,
    ) -> Result<(), redb::Error> {
        let name = RowName::Incident(*key);
        if self.rows.get(&name).is_none_or(|(after, _)| *after <= nth) {
            let before = set(transaction, &name, record.as_deref())?;
            self.undo.entry(name).or_insert(before);
        }
        Ok(())
    }
}

/// Keeps a row, or forgets it. Gives what was there.
fn set(
    transaction: &WriteTransaction,
    name: &RowName,
    bytes: Option<&[u8]>,
) -> Result<Option<Vec<u8>>, redb::Error> {
    let (table, key) = name.key();
    let mut rows = transaction.open_table(table.table())?;
    let before = match bytes {
        Some(bytes) => {
            let at = clock::wall().as_micros();
            rows.insert(&*key, (at, table.sum(&key, at, bytes), bytes))?
        }
        None => rows.remove(&*key)?,
    };
    Ok(before.map(|before| before.value().2.to_vec()))
}

/// Makes the tables, and reads all that is as it was written.
pub(super) fn prepare(
    transaction: &WriteTransaction,
) -> Result<Vec<(RowName, Vec<u8>)>, redb::Error> {
    let mut left = Vec::new();
    for table in TableName::ALL {
        for row in transaction.open_table(table.table())?.iter()? {
            let (key, row) = row?;
            let (key, row) = (key.value(), row.value());
            let name = RowName::of(table, key).filter(|_| table.is_whole(key, row));
            left.extend(name.map(|name| (name, row.2.to_vec())));
        }
    }
    Ok(left)
}

/// Reads an incident; none where it is gone or damaged.
pub(super) fn read(
    transaction: &ReadTransaction,
    key: Key,
) -> Result<Option<Vec<u8>>, redb::Error> {
    let (table, key) = RowName::Incident(key).key();
    let row = transaction.open_table(table.table())?.get(&*key)?;
    let row = row.filter(|row| table.is_whole(&key, row.value()));
    Ok(row.map(|row| row.value().2.to_vec()))
}

/// Incidents in the pages of a file, each with when it was written.
pub(super) type Found<'b> = BTreeMap<Key, (i64, &'b [u8])>;

/// Takes a row of a page for what it may be, as redb encodes it. Pages that are no longer in use
/// have older rows, so the last counts.
pub(super) fn find<'b>(found: &mut Found<'b>, key: &[u8], value: &'b [u8]) {
    let parts = value.split_first_chunk().and_then(|(at, value)| {
        let (sum, bytes) = value.split_first_chunk()?;
        Some((i64::from_le_bytes(*at), u64::from_le_bytes(*sum), bytes))
    });
    let table = TableName::Incidents;
    let row = parts.filter(|row| table.is_whole(key, *row));
    if let Some(((at, _, bytes), RowName::Incident(key))) = row.zip(RowName::of(table, key)) {
        let last = found.entry(key).or_insert((at, bytes));
        *last = (at, bytes).max(*last);
    }
}

/// Adds incidents that a store does not have. Gives how many.
pub(super) fn add_all(
    transaction: &WriteTransaction,
    found: &Found<'_>,
) -> Result<usize, redb::Error> {
    let mut added = 0;
    for (key, (_, bytes)) in found {
        let name = RowName::Incident(*key);
        let (table, key) = name.key();
        let is_new = transaction.open_table(table.table())?.get(&*key)?.is_none();
        if is_new {
            set(transaction, &name, Some(bytes))?;
            added += 1;
        }
    }
    Ok(added)
}
