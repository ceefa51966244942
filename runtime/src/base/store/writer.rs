//! The writing thread.

use std::sync::{atomic::Ordering, mpsc::Receiver, mpsc::RecvError, mpsc::RecvTimeoutError};
use std::{collections::BTreeMap, io, mem, sync::Arc, time::Duration, time::Instant};

use mistgate_core::{delivery::batch::EventKey, engine::output::Put};
use redb::{CompactionError, StorageBackend};
use smol::channel;

use super::batches::{Done, EXPIRED_MAX, Tables};
use super::letters::{Changing, Letters, Taken};
use super::{Left, Shared, Write, Written, batches, incidents, opening::Opened, opening::Place};
use super::{error::Problem, guard::Guard, ports::Owed, row::write_stamp, space::Space};
use crate::base::panic;

/// A commit that holds so many writes, or bytes of batches, takes no more.
const GROUP_MAX: usize = 4_096;
const GROUP_BYTES_MAX: usize = 8 << 20;
/// How long what was delivered waits for a batch whose commit it can share. What a power cut takes
/// of it is delivered twice.
const SETTLE_AFTER: Duration = Duration::from_millis(50);
/// How many events are noted as delivered in one commit while the disk is full, and how many rows
/// about incidents are written, so that the reserve has room for it.
const OWED_MAX: usize = 64;
/// How long a failed disk is left alone.
const RETRY_AFTER: Duration = Duration::from_secs(1);

pub(super) struct Writer {
    place: Place,
    pub(super) shared: Arc<Shared>,
    space: Space,
    /// The open file.
    file: Option<Guard>,
    /// Whether all that redb wrote while it opened the file is on disk.
    is_released: bool,
    /// Batches with a lower number may be taken: they were numbered before the file was open.
    first_batch: u64,
    /// Whether what the file held at first is known.
    was_open: bool,
    /// Settled but not yet written down.
    owed: BTreeMap<EventKey, Done>,
    /// What is owed to the tables of incidents.
    rows: incidents::Owed,
    /// Since when one of the two is not empty.
    owed_since: Option<Instant>,
    /// The changes of ports that are not yet on disk.
    ports: Owed,
    letters: Letters,
    /// Who waits until all that came before is on disk.
    syncs: Vec<channel::Sender<()>>,
    /// The fingerprints of earlier batches than this may be forgotten.
    forget_before: u64,
    /// Batches whose commit failed. They were refused, but may be on the disk all the same. Each
    /// with the dead letter that it was.
    maybe_kept: BTreeMap<u64, Option<(u64, Taken)>>,
    failed_at: Option<Instant>,
}

impl Writer {
    pub(super) fn new(place: Place) -> Self {
        let shared = Arc::default();
        Self {
            space: Space::new(&place.path, Arc::clone(&shared)),
            place,
            shared,
            file: None,
            is_released: false,
            first_batch: 0,
            was_open: false,
            owed: BTreeMap::new(),
            rows: incidents::Owed::default(),
            owed_since: None,
            ports: Owed::default(),
            letters: Letters::default(),
            syncs: Vec::new(),
            forget_before: 0,
            maybe_kept: BTreeMap::new(),
            failed_at: None,
        }
    }

    pub(super) fn run(mut self, inbox: &Receiver<Vec<Write>>, written: impl Fn(Written)) {
        while let Ok(first) = self.next(inbox) {
            let puts = self.gather(first, inbox);
            let ports = self.ports.last();
            let is_waited_for = !self.letters.drops.is_empty() || !self.syncs.is_empty();
            let is_asked = ports.is_some() || is_waited_for;
            if puts.is_empty() && !is_asked && !self.is_due() {
                continue;
            }
            let attempt = || {
                self.ready(&written)?;
                let full = self.make_room(&puts)?;
                // What is full still takes what makes it emptier.
                let refused = match full {
                    Some(_) => self.commit(&[], 0)?,
                    None => self.commit(&puts, self.space.room(&puts))?,
                };
                Ok((full, refused))
            };
            let result = panic::catch(attempt).unwrap_or_else(|| Err(Problem::panicked()));
            let batches: Vec<u64> = puts.iter().filter_map(Write::batch).collect();
            let was_writable = self.is_writable();
            // A disk that stays closed was reported when it was closed.
            let is_news = was_writable || !batches.is_empty();
            match result {
                Ok((full, refused)) => {
                    self.shared.is_writable.store(full.is_none(), Ordering::Relaxed);
                    match full {
                        Some(reason) if is_news => written(Written::Refused(batches, reason)),
                        Some(_) => {}
                        None => report(&written, was_writable, batches, refused),
                    }
                    ports.into_iter().for_each(|number| written(Written::Kept(number)));
                    let shrunk =
                        panic::catch(|| self.shrink()).unwrap_or_else(|| Err(Problem::panicked()));
                    if let Err(problem) = shrunk {
                        self.fail(&problem, &written);
                    }
                }
                Err(problem) => {
                    self.shared.is_writable.store(false, Ordering::Relaxed);
                    if is_news {
                        written(Written::Refused(batches, problem.to_string()));
                    }
                    ports.into_iter().for_each(|_| written(Written::Unkept));
                    if self.is_released {
                        self.fail(&problem, &written);
                    }
                }
            }
            // Whoever asked for what failed learns that by the end of the channel.
            self.letters.drops.clear();
            self.syncs.clear();
            if let Some(changes) = self.letters.report() {
                written(Written::Letters(changes));
            }
        }
        let is_owed = self.owed_since.is_some() || self.ports.last().is_some();
        if is_owed || !self.maybe_kept.is_empty() {
            // The last chance; what stays owed is delivered twice.
            let room = self.space.room(&[]);
            panic::catch(|| self.ready(&written).and_then(|()| self.commit(&[], room)));
        }
        // A held repair is made again by whoever opens the file next.
    }

    /// Opens the file and sees whether it takes batches. If not for now, gives why.
    pub(super) fn begin(&mut self, written: &impl Fn(Written)) -> Result<Option<String>, Problem> {
        self.ready(written)?;
        let full = self.make_room(&[])?;
        self.shared.is_writable.store(full.is_none(), Ordering::Relaxed);
        Ok(full)
    }

    fn is_writable(&self) -> bool {
        self.shared.is_writable.load(Ordering::Relaxed)
    }

    /// The next writes; none where it is time for a commit without one, to try the disk again or to
    /// write down what is owed.
    fn next(&self, inbox: &Receiver<Vec<Write>>) -> Result<Vec<Write>, RecvError> {
        let wait = match self.owed_since {
            _ if !self.is_writable() => RETRY_AFTER,
            Some(since) => SETTLE_AFTER.saturating_sub(since.elapsed()),
            None => match self.letters.wait() {
                Some(wait) => wait,
                None => return inbox.recv(),
            },
        };
        match inbox.recv_timeout(wait) {
            Err(RecvTimeoutError::Timeout) => Ok(Vec::new()),
            Err(RecvTimeoutError::Disconnected) => Err(RecvError),
            Ok(writes) => Ok(writes),
        }
    }

    /// Whether a commit without a batch is due. Only an attempt shows that a disk is well again.
    fn is_due(&self) -> bool {
        let settle = self.owed_since.is_some_and(|since| since.elapsed() >= SETTLE_AFTER);
        settle || self.letters.is_due() || !self.is_writable()
    }

    /// The batches among these writes and those that wait. What is settled is owed from now on.
    fn gather(&mut self, first: Vec<Write>, inbox: &Receiver<Vec<Write>>) -> Vec<Write> {
        let (mut puts, mut bytes_in_group, mut count) = (Vec::new(), 0, 0);
        self.rows.begin();
        let mut next = Some(first);
        while let Some(writes) = next {
            count += writes.len();
            for write in writes {
                match write {
                    Write::Row { name, bytes } => {
                        self.owed_since.get_or_insert_with(Instant::now);
                        self.rows.note(puts.len(), name, bytes);
                    }
                    Write::Port { number, switch_port, record } => {
                        self.ports.note(number, switch_port, record);
                    }
                    Write::Put { ref put, ref bytes, .. } => {
                        bytes_in_group += bytes.len();
                        self.forget_before = put.forget_before;
                        puts.push(write);
                    }
                    Write::Probe(answer) => {
                        let _ = answer.try_send(());
                    }
                    Write::Settle { key, chats, dead } => {
                        self.owed_since.get_or_insert_with(Instant::now);
                        self.letters.buried += dead.as_ref().map_or(0, |_| chats.len());
                        let done = chats.into_iter().map(|chat| (chat, dead.clone()));
                        self.owed.entry(key).or_default().extend(done);
                    }
                    Write::DropLetter { id, answer } => self.letters.drops.push((id, answer)),
                    Write::Sync(answer) => self.syncs.push(answer),
                }
            }
            let full = count >= GROUP_MAX || bytes_in_group >= GROUP_BYTES_MAX;
            next = if full { None } else { inbox.try_recv().ok() };
        }
        puts
    }

    /// Makes room for these batches, or says why there is none.
    fn make_room(&mut self, puts: &[Write]) -> Result<Option<String>, Problem> {
        if !self.place.is_service {
            return Ok(None);
        }
        if let Err(error) = self.space.keep_reserve() {
            self.give_way(&[], true)?;
            return Ok(Some(format!("no room for a reserve beside the store: {error}")));
        }
        loop {
            if self.space.fits(puts, self.letters.buried) {
                return Ok(None);
            }
            if !self.space.is_stale() {
                if self.space.fits(puts, 0) {
                    return Ok(None);
                }
                let max = self.space.max();
                return Ok(Some(format!("the store has as much as it may in {max} bytes")));
            }
            self.count()?;
            let fits = self.space.fits(puts, self.letters.buried);
            if !fits || self.space.is_tight() {
                self.give_way(puts, fits)?;
            }
        }
    }

    /// Counts the pages in use. Reads the upper pages of all trees.
    fn count(&mut self) -> Result<(), Problem> {
        let database = self.shared.database.read();
        let database = database.as_ref().ok_or(redb::Error::DatabaseClosed)?;
        let transaction = database.begin_write()?;
        let stats = transaction.stats()?;
        transaction.abort()?;
        self.space.counted(stats.allocated_pages().saturating_mul(stats.page_size() as u64));
        Ok(())
    }

    /// Removes what is worth less than a new batch: the history, the memory of duplicates, and then
    /// dead letters. Only the history where these batches fit.
    fn give_way(&mut self, puts: &[Write], fits: bool) -> Result<(), Problem> {
        let database = self.shared.database.read();
        let database = database.as_ref().ok_or(redb::Error::DatabaseClosed)?;
        let transaction = database.begin_write()?;
        let most = if self.space.is_disk_full { EXPIRED_MAX } else { u64::MAX };
        if batches::forget_history(&transaction, most)? {
            transaction.commit()?;
            self.space.committed(&[], 0, true);
            return Ok(());
        }
        if fits {
            return Ok(transaction.abort()?);
        }
        let mut has_removed = batches::forget_half(&transaction)?;
        let mut letters = self.letters.change(&transaction, 0)?;
        if !has_removed && !self.space.fits(puts, 0) {
            has_removed = letters.push_out_half()?;
        }
        let changed = letters.end();
        transaction.commit()?;
        self.letters.committed(changed, &self.shared.letters);
        self.space.committed(&[], 0, has_removed);
        Ok(())
    }

    /// Makes the file smaller where it is much larger than what is in it. Whoever reads waits.
    fn shrink(&mut self) -> Result<(), Problem> {
        let Some(length) = self.file.as_ref().map(StorageBackend::len).transpose()? else {
            return Ok(());
        };
        if !self.place.is_service || !self.space.is_look_due(length) {
            return Ok(());
        }
        self.count()?;
        if self.space.is_too_large(length)
            && let Some(database) = &mut *self.shared.database.write()
        {
            match database.compact() {
                // A backup is being made.
                Err(CompactionError::TransactionInProgress) => {}
                compacted => drop(compacted?),
            }
        }
        Ok(())
    }

    /// Writes in one commit, in which dead letters may take `room` bytes. Gives the batches that it
    /// may not take.
    fn commit(&mut self, puts: &[Write], room: u64) -> Result<Vec<u64>, Problem> {
        let (mut later, mut later_rows) = (BTreeMap::new(), incidents::Owed::default());
        if self.space.is_disk_full {
            later_rows = self.rows.split_off(OWED_MAX);
            if let Some(key) = self.owed.keys().nth(OWED_MAX).copied() {
                later = self.owed.split_off(&key);
            }
        }
        let before = self.letters.bytes();
        let result = self.write(puts, room);
        if result.is_ok() {
            let after = self.letters.bytes();
            let besides = after.saturating_sub(before) + self.rows.cost();
            let is_owed = !self.owed.is_empty() || !self.rows.is_empty();
            let has_removed = is_owed || !self.maybe_kept.is_empty() || after < before;
            self.space.committed(puts, besides, has_removed);
            self.maybe_kept.clear();
            self.owed.clear();
            self.rows = incidents::Owed::default();
            self.ports = Owed::default();
            if later_rows.is_empty() {
                for answer in self.syncs.drain(..) {
                    let _ = answer.try_send(());
                }
            }
        }
        self.owed.append(&mut later);
        self.rows.append(later_rows);
        if self.owed.is_empty() {
            self.letters.buried = 0;
            self.owed_since.take_if(|_| self.rows.is_empty());
        }
        result
    }

    fn write(&mut self, puts: &[Write], room: u64) -> Result<Vec<u64>, Problem> {
        let history_from = batches::history_from(&self.shared.history, &self.space);
        let mut refused = Vec::new();
        let database = self.shared.database.read();
        let database = database.as_ref().ok_or(redb::Error::DatabaseClosed)?;
        let transaction = database.begin_write()?;
        let sends =
            |put: &Write| matches!(put, Write::Put { put: Put { letter: Some(_), .. }, .. });
        let is_letter_due = self.letters.is_due()
            || puts.iter().any(sends)
            || self.maybe_kept.values().any(Option::is_some);
        let mut letters = None;
        if is_letter_due {
            letters = Some(self.letters.change(&transaction, room)?);
        }
        {
            let mut tables = Tables::open(&transaction)?;
            for (batch, letter) in &self.maybe_kept {
                tables.remove(*batch)?;
                if let (Some((id, taken)), Some(letters)) = (letter, &mut letters) {
                    letters.put_back(*id, taken)?;
                }
            }
            self.rows.write(&transaction)?;
            for (nth, write) in puts.iter().enumerate() {
                let Write::Put { put, bytes, at } = write else { continue };
                let Put { batch, chats, fingerprints, incidents, letter, .. } = put;
                let mut taken = None;
                if *batch >= self.first_batch
                    && let (Some(id), Some(letters)) = (letter, &mut letters)
                {
                    taken = letters.take(*id)?.map(|taken| (*id, taken));
                }
                if *batch < self.first_batch || letter.is_some() != taken.is_some() {
                    refused.push(*batch);
                    continue;
                }
                let prints: Vec<_> = fingerprints.iter().map(|print| print.to_bytes()).collect();
                let row = (write_stamp(*at), &**chats, prints.as_flattened(), &**bytes);
                tables.put(*batch, row, history_from.is_some())?;
                self.maybe_kept.insert(*batch, taken);
                for incident in incidents {
                    self.rows.write_with(nth, incident, &transaction)?;
                }
            }
        }
        if !self.owed.is_empty() {
            let (owed, forget_before) = (&self.owed, self.forget_before);
            batches::settle(&transaction, owed, &mut letters, forget_before, history_from)?;
        }
        let max = self.space.max();
        letters.iter_mut().try_for_each(|letters| self.letters.tidy(letters, max))?;
        let changed = letters.map(Changing::end);
        self.ports.write(&transaction)?;
        transaction.commit()?;
        let count = &self.shared.letters;
        changed.into_iter().for_each(|changed| self.letters.committed(changed, count));
        Ok(refused)
    }

    /// Gives up the file after a failed write, and opens it again for reading. If the disk is full,
    /// the reserve is what deliveries are noted in from here on.
    fn fail(&mut self, problem: &Problem, written: &impl Fn(Written)) {
        self.shared.is_writable.store(false, Ordering::Relaxed);
        self.is_released = false;
        self.failed_at = Some(Instant::now());
        if self.place.is_service && problem.is_full() {
            if !self.space.is_disk_full {
                // At once, before another program takes what has become free.
                self.failed_at = None;
            }
            self.space.give_reserve();
        }
        // Dropped after the lock: to close a failing file may take long. After a commit that
        // panicked it may panic too.
        let closed = self.shared.database.write().take();
        panic::catch(|| drop(closed));
        // What fails here fails again when it is due.
        let _ = self.reopen(written);
    }

    /// Opens the file if it is closed, and writes down what that brought, once that is due after a
    /// failure.
    pub(super) fn ready(&mut self, written: &impl Fn(Written)) -> Result<(), Problem> {
        if self.is_released {
            return Ok(());
        }
        if self.failed_at.is_some_and(|failed_at| failed_at.elapsed() < RETRY_AFTER) {
            return Err(io::Error::other("the store failed and is not yet tried again").into());
        }
        self.failed_at = Some(Instant::now());
        self.reopen(written)?;
        self.release()
    }

    fn reopen(&mut self, written: &impl Fn(Written)) -> Result<(), Problem> {
        if self.shared.database.read().is_some() {
            return Ok(());
        }
        let was_open = self.was_open;
        let left = self.open()?;
        if !was_open || left.set_aside.is_some() {
            written(Written::Opened(left));
        }
        Ok(())
    }

    /// Opens the file, for reading at first.
    pub(super) fn open(&mut self) -> Result<Left, Problem> {
        let Opened { database, guard, mut left } = self.place.open()?;
        left.max = self.space.max();
        if !mem::replace(&mut self.was_open, true) || left.set_aside.is_some() {
            self.first_batch = left.next_batch;
        }
        self.letters.opened(&database, &self.shared.letters)?;
        (self.file, self.is_released) = (Some(guard), false);
        *self.shared.database.write() = Some(database);
        Ok(left)
    }

    /// Writes what redb wrote while it opened the file. From then on the disk takes writes.
    pub(super) fn release(&mut self) -> Result<(), Problem> {
        if let Some(guard) = &self.file {
            guard.release()?;
        }
        self.failed_at = None;
        self.is_released = true;
        Ok(())
    }
}

/// Reports a commit, and that the disk takes writes if that is news.
fn report(
    written: &impl Fn(Written),
    was_writable: bool,
    mut batches: Vec<u64>,
    refused: Vec<u64>,
) {
    if !was_writable {
        written(Written::Reopened);
    }
    batches.retain(|batch| !refused.contains(batch));
    written(Written::Stored(batches));
    if !refused.is_empty() {
        let reason = "the store was opened only now, or the dead letter is gone";
        written(Written::Refused(refused, reason.to_owned()));
    }
}
