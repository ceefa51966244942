//! The writing thread.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvError, RecvTimeoutError};
use std::time::{Duration, Instant};
use std::{io, mem};

use mistgate_core::delivery::batch::{Chats, EventKey};

use super::batches::{BATCHES, checksum, write_chats, write_stamp};
use super::error::Problem;
use super::guard::Guard;
use super::opening::{Opened, Place};
use super::ports::Owed;
use super::{Left, Shared, Write, Written, batches};
use crate::base::panic;

/// A commit that holds so many writes, or bytes of batches, takes no more.
const GROUP_MAX: usize = 4_096;
const GROUP_BYTES_MAX: usize = 8 << 20;
/// How long what was delivered waits for a batch whose commit it can share. What a power cut takes
/// of it is delivered twice.
const SETTLE_AFTER: Duration = Duration::from_millis(50);
/// How long a failed disk is left alone.
const RETRY_AFTER: Duration = Duration::from_secs(1);

pub(super) struct Writer {
    place: Place,
    shared: Shared,
    is_writable: Arc<AtomicBool>,
    /// What redb wrote while it opened the file, until it is on disk.
    held: Option<Guard>,
    /// Batches with a lower number may be taken: they were numbered before the file was open.
    first_batch: u64,
    /// Whether what the file held at first is known.
    was_open: bool,
    /// Settled but not yet written down.
    owed: BTreeMap<EventKey, Chats>,
    owed_since: Option<Instant>,
    /// The changes of ports that are not yet on disk.
    ports: Owed,
    /// The fingerprints of earlier batches than this may be forgotten.
    forget_before: u64,
    /// Batches whose commit failed. They were refused, but may be on the disk all the same.
    maybe_kept: BTreeSet<u64>,
    failed_at: Option<Instant>,
}

impl Writer {
    pub(super) fn new(place: Place) -> Self {
        Self {
            place,
            shared: Shared::default(),
            is_writable: Arc::default(),
            held: None,
            first_batch: 0,
            was_open: false,
            owed: BTreeMap::new(),
            owed_since: None,
            ports: Owed::default(),
            forget_before: 0,
            maybe_kept: BTreeSet::new(),
            failed_at: None,
        }
    }

    /// What handles of the store share with this thread.
    pub(super) fn shared(&self) -> (Shared, Arc<AtomicBool>) {
        (Arc::clone(&self.shared), Arc::clone(&self.is_writable))
    }

    pub(super) fn run(mut self, inbox: &Receiver<Vec<Write>>, written: impl Fn(Written)) {
        while let Ok(first) = self.next(inbox) {
            let puts = self.gather(first, inbox);
            let ports = self.ports.last();
            if puts.is_empty() && ports.is_none() && !self.is_due() {
                continue;
            }
            let was_writable = self.is_writable();
            let attempt = || {
                self.ready(&written)?;
                if !was_writable {
                    written(Written::Reopened);
                }
                self.commit(&puts)
            };
            let panicked = || Err(io::Error::other("a bug has ended the commit").into());
            let result = panic::catch(attempt).unwrap_or_else(panicked);
            match result {
                Ok(refused) => {
                    let stored = puts.iter().filter_map(Write::batch);
                    let stored = stored.filter(|batch| !refused.contains(batch)).collect();
                    written(Written::Stored(stored));
                    if !refused.is_empty() {
                        let reason = "the store was opened only now".to_owned();
                        written(Written::Refused(refused, reason));
                    }
                    ports.into_iter().for_each(|number| written(Written::Kept(number)));
                }
                Err(problem) => {
                    self.is_writable.store(false, Ordering::Relaxed);
                    let batches: Vec<u64> = puts.iter().filter_map(Write::batch).collect();
                    // A disk that stays closed was reported when it was closed.
                    if was_writable || !batches.is_empty() {
                        written(Written::Refused(batches, problem.to_string()));
                    }
                    ports.into_iter().for_each(|_| written(Written::Unkept));
                    if was_writable {
                        self.close(&written);
                    }
                }
            }
        }
        if !self.owed.is_empty() || !self.maybe_kept.is_empty() || self.ports.last().is_some() {
            // The last chance; what stays owed is delivered twice.
            panic::catch(|| self.ready(&written).and_then(|()| self.commit(&[])));
        }
        // A held repair is made again by whoever opens the file next.
    }

    fn is_writable(&self) -> bool {
        self.is_writable.load(Ordering::Relaxed)
    }

    /// The next writes; none where it is time for a commit without one, to try the disk again or to
    /// write down what is owed.
    fn next(&self, inbox: &Receiver<Vec<Write>>) -> Result<Vec<Write>, RecvError> {
        let wait = match self.owed_since {
            _ if !self.is_writable() => RETRY_AFTER,
            Some(since) => SETTLE_AFTER.saturating_sub(since.elapsed()),
            None => return inbox.recv(),
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
        settle || !self.is_writable()
    }

    /// The batches among these writes and those that wait. What is settled is owed from now on.
    fn gather(&mut self, first: Vec<Write>, inbox: &Receiver<Vec<Write>>) -> Vec<Write> {
        let (mut puts, mut bytes_in_group, mut count) = (Vec::new(), 0, 0);
        let mut next = Some(first);
        while let Some(writes) = next {
            count += writes.len();
            for write in writes {
                match write {
                    Write::Port { number, switch_port, record } => {
                        self.ports.note(number, switch_port, record);
                    }
                    Write::Put { ref bytes, forget_before, .. } => {
                        bytes_in_group += bytes.len();
                        self.forget_before = forget_before;
                        puts.push(write);
                    }
                    Write::Probe(answer) => {
                        let _ = answer.try_send(());
                    }
                    Write::Settle { key, chats } => {
                        self.owed_since.get_or_insert_with(Instant::now);
                        self.owed.entry(key).or_default().extend(chats);
                    }
                }
            }
            let full = count >= GROUP_MAX || bytes_in_group >= GROUP_BYTES_MAX;
            next = if full { None } else { inbox.try_recv().ok() };
        }
        puts
    }

    /// Writes in one commit. Gives the batches whose numbers the file may have already.
    fn commit(&mut self, puts: &[Write]) -> Result<Vec<u64>, Problem> {
        let mut refused = Vec::new();
        let database = self.shared.read();
        let database = database.as_ref().ok_or(redb::Error::DatabaseClosed)?;
        let transaction = database.begin_write()?;
        {
            let mut batches = transaction.open_table(BATCHES)?;
            for batch in &self.maybe_kept {
                batches.remove(batch)?;
            }
            for write in puts {
                let Write::Put { batch, bytes, chats, fingerprints, at, .. } = write else {
                    continue;
                };
                if *batch < self.first_batch {
                    refused.push(*batch);
                    continue;
                }
                let (at, chats) = (write_stamp(*at), write_chats(chats));
                let prints: Vec<_> = fingerprints.iter().map(|print| print.to_bytes()).collect();
                let (chats, prints) = (chats.as_bytes(), prints.as_flattened());
                let sum = checksum(*batch, at, chats, prints, bytes);
                batches.insert(batch, (at, chats, prints, &**bytes, sum))?;
                self.maybe_kept.insert(*batch);
            }
        }
        if !self.owed.is_empty() {
            batches::settle(&transaction, &self.owed, self.forget_before)?;
        }
        self.ports.write(&transaction)?;
        transaction.commit()?;
        self.maybe_kept.clear();
        self.owed.clear();
        self.owed_since = None;
        self.ports = Owed::default();
        Ok(refused)
    }

    /// Gives up the file after a failed write, and opens it again for reading.
    fn close(&mut self, written: &impl Fn(Written)) {
        self.failed_at = Some(Instant::now());
        // Dropped after the lock: to close a failing file may take long. After a commit that
        // panicked it may panic too.
        let closed = self.shared.write().take();
        panic::catch(|| drop(closed));
        // What fails here fails again when it is due.
        let _ = self.reopen(written);
    }

    /// Opens the file if it is closed, and writes down what that brought, once that is due after a
    /// failure.
    pub(super) fn ready(&mut self, written: &impl Fn(Written)) -> Result<(), Problem> {
        if self.is_writable() {
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
        if self.shared.read().is_some() {
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
        let Opened { database, guard, left } = self.place.open()?;
        if !mem::replace(&mut self.was_open, true) || left.set_aside.is_some() {
            self.first_batch = left.next_batch;
        }
        self.held = Some(guard);
        *self.shared.write() = Some(database);
        Ok(left)
    }

    /// Writes what redb wrote while it opened the file. From then on the disk takes writes.
    pub(super) fn release(&mut self) -> Result<(), Problem> {
        if let Some(guard) = &self.held {
            guard.release()?;
        }
        self.held = None;
        self.failed_at = None;
        self.is_writable.store(true, Ordering::Relaxed);
        Ok(())
    }
}
