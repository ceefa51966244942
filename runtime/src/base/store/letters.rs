//! The table of dead letters: events that were given up, each for one chat, with the reason.
//!
//! A letter is laid down by the transaction that settles the delivery, and goes with the one that
//! stores its event anew, so that a crash neither loses nor doubles it. Letters have a tenth of the
//! store's bound and 30 days; the oldest give way first, and all of them to new batches.

use std::{mem, sync::atomic::AtomicU64, sync::atomic::Ordering, time::Duration, time::Instant};

use mistgate_core::{base::time::UnixTime, delivery::dead_letter::Dead};
use redb::{
    Database, ReadTransaction, ReadableDatabase as _, ReadableTable as _,
    ReadableTableMetadata as _, Table, TableDefinition, WriteTransaction,
};
use smol::channel;

use super::{row::Parts, row::Row, row::checksum, row::read_stamp, row::write_stamp, space};
use crate::base::clock;

/// When it was laid down, its chat and destination with a space between, the reason, a batch of the
/// one event, and the checksum.
pub(super) const LETTERS: TableDefinition<'_, u64, Row<'static>> =
    TableDefinition::new("dead_letters");
/// The number of the last letter, so that none is given out again.
pub(super) const LAST: TableDefinition<'_, (), u64> = TableDefinition::new("last_dead_letter");

/// The part of the store's bound that letters have.
const MAX_PART: u64 = 10;
const KEPT: Duration = Duration::from_secs(30 * 86_400);
/// How often the old ones are removed.
const EXPIRE_EVERY: Duration = Duration::from_secs(3_600);

/// A dead letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    pub id: u64,
    /// When it was laid down, if the kernel called its clock synchronised.
    pub at: Option<UnixTime>,
    /// The chat that it was for.
    pub chat: String,
    /// The name of the destination.
    pub to: String,
    /// Why it was not delivered, in words.
    pub reason: String,
    /// A batch of the one event.
    pub bytes: Vec<u8>,
}

/// What became of dead letters in a commit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LetterChanges {
    /// How many were laid down, and the number of the last of them.
    pub kept: u64,
    pub last: u64,
    /// How many grew too old.
    pub expired: u64,
    /// How many gave way, or found no room.
    pub pushed_out: u64,
}

/// A row that was taken out.
pub(super) type Taken = (i64, Vec<u8>, Vec<u8>, Vec<u8>, u64);

/// How much there is in the table.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    count: u64,
    /// An upper bound.
    bytes: u64,
}

/// What the writing thread knows of the table.
#[derive(Debug, Default)]
pub(super) struct Letters {
    tally: Tally,
    /// At most so many are laid down by the next commit.
    pub(super) buried: usize,
    /// To be dropped, with whom to tell whether they were there.
    pub(super) drops: Vec<(u64, channel::Sender<bool>)>,
    expire_at: Option<Instant>,
    /// Not yet reported.
    changes: LetterChanges,
}

impl Letters {
    /// Bytes of the letters, at most.
    pub(super) const fn bytes(&self) -> u64 {
        self.tally.bytes
    }

    /// Reads how much there is, and notes how many.
    pub(super) fn opened(
        &mut self,
        database: &Database,
        count: &AtomicU64,
    ) -> Result<(), redb::Error> {
        self.tally = Tally::default();
        for row in database.begin_read()?.open_table(LETTERS)?.iter()? {
            self.tally.add(&row?.1.value());
        }
        count.store(self.tally.count, Ordering::Relaxed);
        Ok(())
    }

    /// Whether the next commit has something to do here.
    pub(super) fn is_due(&self) -> bool {
        self.buried > 0 || !self.drops.is_empty() || self.is_expiry_due()
    }

    /// How long until the next of the old ones may go.
    pub(super) fn wait(&self) -> Option<Duration> {
        let expire_at = self.expire_at.filter(|_| self.tally.count > 0);
        expire_at.map(|at| at.saturating_duration_since(Instant::now()))
    }

    fn is_expiry_due(&self) -> bool {
        self.tally.count > 0 && self.expire_at.is_none_or(|at| at <= Instant::now())
    }

    /// Begins to change the table. New letters may take `room` bytes.
    pub(super) fn change<'t>(
        &self,
        transaction: &'t WriteTransaction,
        room: u64,
    ) -> Result<Changing<'t>, redb::Error> {
        let rows = transaction.open_table(LETTERS)?;
        let last = transaction.open_table(LAST)?;
        let changed = Changed { tally: self.tally, ..Changed::default() };
        Ok(Changing { rows, last, now: clock::stamp(), room, changed })
    }

    /// Drops what was asked for and what is too old, and keeps the bound, of a store with this one.
    pub(super) fn tidy(
        &mut self,
        changing: &mut Changing<'_>,
        max: u64,
    ) -> Result<(), redb::Error> {
        for (id, _) in &self.drops {
            let was_there = changing.take(*id)?.is_some();
            changing.changed.dropped.push(was_there);
        }
        if self.is_expiry_due() {
            changing.expire()?;
            self.expire_at = Some(Instant::now() + EXPIRE_EVERY);
        }
        changing.push_out(max / MAX_PART)
    }

    /// Takes what a commit has changed, and notes how many there are.
    pub(super) fn committed(&mut self, changed: Changed, count: &AtomicU64) {
        let Changed { tally, changes, dropped } = changed;
        self.tally = tally;
        count.store(tally.count, Ordering::Relaxed);
        for ((_, answer), was_there) in self.drops.drain(..dropped.len()).zip(dropped) {
            let _ = answer.try_send(was_there);
        }
        self.changes.kept += changes.kept;
        self.changes.last = self.changes.last.max(changes.last);
        self.changes.expired += changes.expired;
        self.changes.pushed_out += changes.pushed_out;
    }

    /// What is to be reported, if something is.
    pub(super) fn report(&mut self) -> Option<LetterChanges> {
        Some(mem::take(&mut self.changes)).filter(|changes| *changes != LetterChanges::default())
    }
}

/// The table while a transaction changes it.
pub(super) struct Changing<'t> {
    rows: Table<'t, u64, Row<'static>>,
    last: Table<'t, (), u64>,
    now: Option<UnixTime>,
    /// Bytes that new letters may take.
    room: u64,
    changed: Changed,
}

/// What a transaction has changed, once it is committed.
#[derive(Default)]
pub(super) struct Changed {
    tally: Tally,
    changes: LetterChanges,
    dropped: Vec<bool>,
}

impl Changing<'_> {
    /// Ends the changes, so that the transaction can be committed.
    pub(super) fn end(self) -> Changed {
        self.changed
    }

    /// Lays down an event, in a batch of its own, that was given up for a chat.
    pub(super) fn lay(&mut self, chat: &str, dead: &Dead, bytes: &[u8]) -> Result<(), redb::Error> {
        let to = format!("{chat} {}", dead.to);
        let parts = (write_stamp(self.now), to.as_bytes(), dead.reason.as_bytes(), bytes);
        let Some(room) = self.room.checked_sub(cost(&row(0, parts))) else {
            self.changed.changes.pushed_out += 1;
            return Ok(());
        };
        self.room = room;
        self.changed.changes.kept += 1;
        self.add(parts)
    }

    /// Adds a row under the next number.
    fn add(&mut self, parts: Parts<'_>) -> Result<(), redb::Error> {
        let id = self.last.get(())?.map_or(1, |last| last.value() + 1);
        let row = row(id, parts);
        self.last.insert((), id)?;
        self.rows.insert(id, row)?;
        self.changed.tally.add(&row);
        self.changed.changes.last = id;
        Ok(())
    }

    /// Takes a letter out, if it is there.
    pub(super) fn take(&mut self, id: u64) -> Result<Option<Taken>, redb::Error> {
        let Some(row) = self.rows.remove(id)? else { return Ok(None) };
        let (at, to, reason, bytes, sum) = row.value();
        self.changed.tally.remove(&row.value());
        Ok(Some((at, to.to_vec(), reason.to_vec(), bytes.to_vec(), sum)))
    }

    /// Puts a letter back that was taken out by a transaction of which nobody knows whether it was
    /// committed.
    pub(super) fn put_back(&mut self, id: u64, taken: &Taken) -> Result<(), redb::Error> {
        let (at, to, reason, bytes, sum) = taken;
        let row: Row<'_> = (*at, to, reason, bytes, *sum);
        if self.rows.insert(id, row)?.is_none() {
            self.changed.tally.add(&row);
        }
        Ok(())
    }

    /// Removes the oldest until the others take no more than this.
    pub(super) fn push_out(&mut self, bytes_max: u64) -> Result<(), redb::Error> {
        while self.changed.tally.bytes > bytes_max {
            let Some((_, row)) = self.rows.pop_first()? else { break };
            self.changed.tally.remove(&row.value());
            self.changed.changes.pushed_out += 1;
        }
        Ok(())
    }

    /// Removes the older half, at least one. Gives whether there were any.
    pub(super) fn push_out_half(&mut self) -> Result<bool, redb::Error> {
        let had_some = self.changed.tally.bytes > 0;
        self.push_out(self.changed.tally.bytes / 2)?;
        Ok(had_some)
    }

    /// Removes those that are known to be too old.
    fn expire(&mut self) -> Result<(), redb::Error> {
        let Self { rows, now, changed: Changed { tally, changes, .. }, .. } = self;
        rows.retain(|_, row| {
            let is_young = UnixTime::age(read_stamp(row.0), *now) < KEPT;
            if !is_young {
                tally.remove(&row);
                changes.expired += 1;
            }
            is_young
        })?;
        Ok(())
    }
}

impl Tally {
    fn add(&mut self, row: &Row<'_>) {
        self.count += 1;
        self.bytes += cost(row);
    }

    fn remove(&mut self, row: &Row<'_>) {
        self.count = self.count.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(cost(row));
    }
}

fn row(id: u64, parts: Parts<'_>) -> Row<'_> {
    let (at, to, reason, bytes) = parts;
    (at, to, reason, bytes, sum(id, parts))
}

/// What a row takes at most, in bytes.
fn cost((_, to, reason, bytes, _): &Row<'_>) -> u64 {
    space::row_cost(to.len() + reason.len() + bytes.len() + 64)
}

/// The checksum of a letter: another one than that of a batch, of which a row looks the same.
pub(super) fn sum(id: u64, parts: Parts<'_>) -> u64 {
    !checksum(id, parts)
}

/// Whether a row of [`LETTERS`] is as it was written.
pub(super) fn is_whole(id: u64, (at, to, reason, bytes, found): Row<'_>) -> bool {
    sum(id, (at, to, reason, bytes)) == found
}

/// Adds letters of another store, numbered after those of this one.
pub(super) fn add_all<'p>(
    transaction: &WriteTransaction,
    mut found: impl Iterator<Item = Parts<'p>>,
) -> Result<(), redb::Error> {
    let mut changing = Letters::default().change(transaction, 0)?;
    found.try_for_each(|parts| changing.add(parts))
}

/// Reads a letter; none where it is gone or damaged.
pub(super) fn read(transaction: &ReadTransaction, id: u64) -> Result<Option<Letter>, redb::Error> {
    let row = transaction.open_table(LETTERS)?.get(id)?;
    Ok(row.and_then(|row| letter(id, row.value())))
}

/// The last so many letters, newest first, each as `each` has it, and how many there are.
pub(super) fn last<T>(
    transaction: &ReadTransaction,
    most: usize,
    each: impl Fn(&Letter) -> T,
) -> Result<(Vec<T>, u64), redb::Error> {
    let table = transaction.open_table(LETTERS)?;
    let mut letters = Vec::new();
    for row in table.iter()?.rev().take(most) {
        let (id, row) = row?;
        letters.extend(letter(id.value(), row.value()).as_ref().map(&each));
    }
    Ok((letters, table.len()?))
}

fn letter(id: u64, row: Row<'_>) -> Option<Letter> {
    if !is_whole(id, row) {
        return None;
    }
    let (at, to, reason, bytes, _) = row;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (to, reason) = (text(to), text(reason));
    let (chat, to) = to.split_once(' ')?;
    let (at, chat, to) = (read_stamp(at), chat.to_owned(), to.to_owned());
    Some(Letter { id, at, chat, to, reason, bytes: bytes.to_vec() })
}

#[cfg(test)]
mod tests {
    use redb::backends::InMemoryBackend;

    use super::*;

    const DEAD: (&str, &str) = ("slack/info", "older than max_age");

    fn database() -> Database {
        Database::builder().create_with_backend(InMemoryBackend::new()).expect("memory")
    }

    /// Changes the table in one transaction.
    fn change(
        database: &Database,
        letters: &mut Letters,
        room: u64,
        at: Option<UnixTime>,
        with: impl Fn(&mut Changing<'_>),
    ) {
        let transaction = database.begin_write().expect("a transaction");
        let mut changing = letters.change(&transaction, room).expect("a table");
        changing.now = at;
        with(&mut changing);
        letters.tidy(&mut changing, 200_000).expect("a table");
        let changed = changing.end();
        transaction.commit().expect("memory");
        letters.committed(changed, &AtomicU64::new(0));
    }

    fn lay(bytes: usize) -> impl Fn(&mut Changing<'_>) {
        let dead = Dead { to: DEAD.0.into(), reason: DEAD.1.into() };
        move |changing| changing.lay("slack", &dead, &vec![7; bytes]).expect("a table")
    }

    fn ids(database: &Database) -> Vec<u64> {
        let transaction = database.begin_read().expect("a transaction");
        last(&transaction, 100, |letter| letter.id).expect("a table").0
    }

    #[test]
    fn a_letter_is_read_as_it_was_laid_down() {
        let (database, mut letters) = (database(), Letters::default());
        let at = Some(UnixTime::from_secs(1_752_000_000));
        change(&database, &mut letters, 10_000, at, lay(10));
        let transaction = database.begin_read().expect("a transaction");
        let letter = read(&transaction, 1).expect("a table").expect("a letter");
        let (to, reason) = (DEAD.0.to_owned(), DEAD.1.to_owned());
        let chat = "slack".to_owned();
        assert_eq!(letter, Letter { id: 1, at, chat, to, reason, bytes: vec![7; 10] });
        assert_eq!(read(&transaction, 2).expect("a table"), None);
    }

    #[test]
    fn the_oldest_go_by_age_and_by_the_bound_and_no_number_comes_twice() {
        let (database, mut letters) = (database(), Letters::default());
        let day = |day: i64| Some(UnixTime::from_secs(1_752_000_000 + day * 86_400));
        change(&database, &mut letters, u64::MAX, day(0), lay(10));
        change(&database, &mut letters, u64::MAX, None, lay(10));
        change(&database, &mut letters, u64::MAX, day(20), lay(10));
        assert_eq!(ids(&database), [3, 2, 1]);
        letters.expire_at = Some(Instant::now());
        // Nobody knows how old the second is.
        change(&database, &mut letters, u64::MAX, day(31), |_| {});
        assert_eq!(ids(&database), [3, 2]);
        assert_eq!(letters.report().map(|changes| (changes.kept, changes.expired)), Some((3, 1)));
        assert!(!letters.is_due(), "the next look is in an hour");

        // A tenth of the bound has room for two of these.
        for _ in 0..3 {
            change(&database, &mut letters, u64::MAX, day(31), lay(5_000));
        }
        assert_eq!(ids(&database), [6, 5]);
        change(&database, &mut letters, 1_000, day(31), lay(5_000));
        assert_eq!(ids(&database), [6, 5], "there is no room beside batches");
        let pushed_out = letters.report().map(|changes| changes.pushed_out);
        assert_eq!(pushed_out, Some(4));
        assert_eq!(letters.tally.count, 2);

        letters.drops.push((6, channel::bounded(1).0));
        letters.drops.push((5, channel::bounded(1).0));
        change(&database, &mut letters, 0, day(31), |_| {});
        change(&database, &mut letters, u64::MAX, day(31), lay(10));
        assert_eq!(ids(&database), [7]);
        let count = AtomicU64::new(0);
        letters.opened(&database, &count).expect("a table");
        assert_eq!(count.load(Ordering::Relaxed), 1);
    }
}
