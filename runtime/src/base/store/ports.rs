//! The table of ports: a record for each, by switch and port.

use std::collections::BTreeMap;

use mistgate_core::ports::{record, record::Record, switch_port::SwitchPort};
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction};

/// What is kept of a port, as [`Record`] writes it, by [`key`].
pub(super) const PORTS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("ports");

/// What the table has of a port: its record, or why it cannot be read, with its key.
pub type Row = Result<Record, (String, record::Error)>;

/// The changes of rows that are not yet on disk. Only the last change of each port is kept, so the
/// number of ports bounds it.
#[derive(Debug, Default)]
pub(super) struct Owed {
    rows: BTreeMap<SwitchPort, Option<Record>>,
    last: Option<u64>,
}

impl Owed {
    pub(super) fn note(&mut self, number: u64, switch_port: SwitchPort, record: Option<Record>) {
        self.rows.insert(switch_port, record);
        self.last = Some(number);
    }

    /// The number of the last write that is not on disk.
    pub(super) const fn last(&self) -> Option<u64> {
        self.last
    }

    pub(super) fn write(&self, transaction: &WriteTransaction) -> Result<(), redb::Error> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let mut ports = transaction.open_table(PORTS)?;
        for (switch_port, record) in &self.rows {
            let key = key(*switch_port);
            match record {
                Some(record) => ports.insert(key.as_str(), record.encode().as_slice())?,
                None => ports.remove(key.as_str())?,
            };
        }
        Ok(())
    }
}

/// Reads the whole table.
pub(super) fn read(database: &Database) -> Result<Vec<Row>, redb::Error> {
    let transaction = database.begin_read()?;
    let mut rows = Vec::new();
    for row in transaction.open_table(PORTS)?.iter()? {
        let (key, bytes) = row?;
        rows.push(Record::decode(bytes.value()).map_err(|error| (key.value().to_owned(), error)));
    }
    Ok(rows)
}

/// The key of a port, such as `5c5b35000001 ge-0/0/12`.
fn key(SwitchPort { switch, port }: SwitchPort) -> String {
    format!("{} {port}", switch.plain())
}
