//! The only place that touches the disk for events and ports: one redb file, one writing thread.
//!
//! Three tables are keyed by the batch's number. `batches` holds what somebody waits for, whole, so
//! that accepting is one insertion. `left` says which chats still wait for each of its events, once
//! that is less than it was. `seen` holds what nobody waits for any more, as far as duplicates are
//! known by it. Keys only grow, so writes touch the right edge of each tree and few pages. The
//! fourth table, `ports`, holds a record for each port.
//!
//! Whatever arrives while one commit is being flushed shares the next one. redb gives up on a file
//! after its first I/O error until it is opened again (cberner/redb#836): from then on every batch
//! is refused, so the sender gets 503, and the file is opened anew at most once a second,
//! whether or not somebody writes. What was delivered is written down with the next batch, or
//! after a moment.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{DirBuilder, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvError, RecvTimeoutError, SendError, Sender};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};
use std::{fmt, io, thread};

mod ports;

mod batches;

mod guard;

mod format;

use hyper::body::Bytes;
use mistgate_core::base::time::UnixTime;
use mistgate_core::delivery::batch;
use mistgate_core::delivery::batch::{Batch, Chats, EventKey};
use mistgate_core::event::fingerprint::Fingerprint;
use mistgate_core::ports::record::Record;
use mistgate_core::ports::switch_port::SwitchPort;
use redb::{Database, ReadableDatabase, StorageBackend, backends::FileBackend};

use self::batches::{BATCHES, LEFT, read_chats, write_chats};
use self::guard::Guard;
use self::ports::Owed;
pub use self::{format::FORMAT, ports::Row};
use crate::base::sync::Mutex;
use smol::channel;

/// Its name in the state folder.
pub const FILE: &str = "mistgate.redb";
/// Bytes of pages that redb keeps in memory.
const CACHE_MAX: usize = 2 << 20;
/// A commit that holds so many writes, or bytes of batches, takes no more.
const GROUP_MAX: usize = 4_096;
const GROUP_BYTES_MAX: usize = 8 << 20;
/// How long what was delivered waits for a batch whose commit it can share. What a power cut takes
/// of it is delivered twice.
const SETTLE_AFTER: Duration = Duration::from_millis(50);
/// How long a failed file is left alone.
const REOPEN_AFTER: Duration = Duration::from_secs(1);

/// Why the store cannot be used, with the path of its file.
#[derive(Debug)]
pub struct Error {
    path: PathBuf,
    problem: Problem,
}

#[derive(Debug)]
enum Problem {
    /// No room for a copy of the file, which is made before it is brought to this format.
    Copy(io::Error),
    /// Written by a newer mistgate, in this format.
    Newer(u64),
    Redb(redb::Error),
}

impl<E: Into<redb::Error>> From<E> for Problem {
    fn from(error: E) -> Self {
        Self::Redb(error.into())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.problem {
            Problem::Redb(redb::Error::DatabaseAlreadyOpen) => {
                write!(f, "{path}: another mistgate uses this store — stop it, or set state_dir")
            }
            Problem::Redb(error) => write!(f, "{path}: {error}"),
            Problem::Newer(format) => write!(
                f,
                "{path}: a newer mistgate wrote this store, in format {format}; this one knows \
                 formats up to {FORMAT} — start the newer one, or set state_dir"
            ),
            Problem::Copy(error) => write!(
                f,
                "{path}: no copy of it could be made before bringing it to format {FORMAT}: \
                 {error} — make room beside it"
            ),
        }
    }
}

impl Error {
    /// Whether another process has it.
    pub const fn is_taken(&self) -> bool {
        matches!(self.problem, Problem::Redb(redb::Error::DatabaseAlreadyOpen))
    }
}

impl std::error::Error for Error {}

/// A write for the writing thread.
#[derive(Debug)]
pub enum Write {
    /// Keep or forget what is known of a port; answered with its number in [`Written`].
    Port {
        number: u64,
        switch_port: SwitchPort,
        /// The record; none to forget it.
        record: Option<Record>,
    },
    /// Keep a batch; answered with its number in [`Written`].
    Put {
        batch: u64,
        bytes: Bytes,
        /// The chats that each event goes to.
        chats: Vec<Chats>,
        /// The identities of its events.
        fingerprints: Vec<Fingerprint>,
        /// When it was accepted.
        at: UnixTime,
        /// Fingerprints of before this moment may be forgotten.
        forget_before: UnixTime,
    },
    /// Answered when the writing thread takes it up, as a sign of life.
    Probe(channel::Sender<()>),
    /// These chats are done with this event. Not answered: what is lost is delivered twice at
    /// worst.
    Settle { key: EventKey, chats: Chats },
}

impl Write {
    /// The number of the batch to keep.
    pub const fn batch(&self) -> Option<u64> {
        match self {
            Self::Put { batch, .. } => Some(*batch),
            Self::Port { .. } | Self::Probe(_) | Self::Settle { .. } => None,
        }
    }
}

/// The result of one commit, for its batches and its ports.
#[derive(Debug, PartialEq, Eq)]
pub enum Written {
    /// All changes of ports up to this number are on disk.
    Kept(u64),
    /// The file is open again after a failure.
    Reopened,
    /// These batches are on disk.
    Stored(Vec<u64>),
    /// Not kept, with the system's reason.
    Refused(Vec<u64>, String),
    /// The changes of ports are not on disk; they are tried again with the next commit.
    Unkept,
}

/// What an earlier run left.
#[derive(Debug)]
pub struct Left {
    /// The number for the next batch.
    pub next_batch: u64,
    /// The events seen within the window, oldest first.
    pub seen: Vec<(UnixTime, Fingerprint)>,
    /// The batches that somebody still waits for, oldest first.
    pub waiting: Vec<u64>,
}

/// A batch that was read back: its bytes, and the chats that still wait for each event.
#[derive(Debug)]
pub struct Kept {
    pub bytes: Vec<u8>,
    /// The chats that still wait for each event, in order.
    pub left: Vec<Chats>,
}

impl Kept {
    /// The batch in its bytes.
    pub fn decode(&self) -> Result<Batch<'_>, batch::Error> {
        batch::decode(&self.bytes)
    }
}

/// A handle on the store. Once every clone is dropped the writing thread ends.
#[derive(Clone, Debug)]
pub struct Store {
    shared: Shared,
    writes: Sender<Vec<Write>>,
}

/// Makes the folder of the store, readable for its owner alone, and those above it.
pub fn make_folder(path: &str) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

impl Store {
    /// Opens or makes the file, and starts the writing thread, which reports to `written`.
    /// Fingerprints of before `forget_before` are forgotten.
    pub fn open(
        path: &Path,
        forget_before: UnixTime,
        written: impl Fn(Written) + Send + 'static,
    ) -> Result<(Self, Left, thread::JoinHandle<()>), Error> {
        let opener = path.to_path_buf();
        let open = move || {
            // Only the owner may read the file, whatever the folder allows.
            let mut options = OpenOptions::new();
            let options = options.read(true).write(true).create(true).truncate(false).mode(0o600);
            let file: Box<dyn StorageBackend> = Box::new(FileBackend::new(options.open(&opener)?)?);
            Ok(file)
        };
        Self::open_with(path, Box::new(open), forget_before, written)
    }

    /// As [`Store::open`], on a file that `open` opens: for tests with a failing disk.
    pub fn open_with(
        path: &Path,
        open: Box<Open>,
        forget_before: UnixTime,
        written: impl Fn(Written) + Send + 'static,
    ) -> Result<(Self, Left, thread::JoinHandle<()>), Error> {
        let error = |problem| Error { path: path.to_path_buf(), problem };
        let file = open().map_err(|source| error(source.into()))?;
        let database = format::open(path, file).map_err(error)?;
        let left = batches::prepare(&database, forget_before);
        let left = left.map_err(|source| error(source.into()))?;
        let shared = Arc::new(Mutex::new(Some(Arc::new(database))));
        let (writes, inbox) = mpsc::channel();
        let writer = Writer {
            shared: Arc::clone(&shared),
            open,
            owed: BTreeMap::new(),
            owed_since: None,
            ports: Owed::default(),
            forget_before,
            maybe_kept: BTreeSet::new(),
            failed_at: None,
        };
        let thread = thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || writer.run(&inbox, written))
            .map_err(|source| error(Problem::Redb(redb::Error::Io(source))))?;
        Ok((Self { shared, writes }, left, thread))
    }

    /// Hands a write to the writing thread. `false` once that thread has ended.
    pub fn write(&self, write: Write) -> bool {
        self.write_all(vec![write]).is_ok()
    }

    /// Hands over writes that shall share a commit. They come back once the writing thread has
    /// ended.
    pub fn write_all(&self, writes: Vec<Write>) -> Result<(), Vec<Write>> {
        // The channel is unbounded, but its senders are not: a request waits for its answer, and a
        // destination has one message in flight.
        self.writes.send(writes).map_err(|SendError(writes)| writes)
    }

    /// Reads a batch. `None` where it is gone, or the file cannot be read for now. Blocks.
    pub fn read(&self, batch: u64) -> Option<Kept> {
        let database = self.shared.lock().clone()?;
        let transaction = database.begin_read().ok()?;
        let row = transaction.open_table(BATCHES).ok()?.get(batch).ok()??;
        let (_, chats, _, bytes) = row.value();
        let left = transaction.open_table(LEFT).ok()?.get(batch).ok()?;
        let left = read_chats(left.as_ref().map_or(chats, |left| left.value()));
        Some(Kept { bytes: bytes.to_vec(), left })
    }

    /// What is kept of ports. Blocks.
    pub fn ports(&self) -> Result<Vec<Row>, redb::Error> {
        let database = self.shared.lock().clone();
        database.map_or(Ok(Vec::new()), |database| ports::read(&database))
    }

    /// Whether the disk takes writes, as far as the last commit showed.
    pub fn is_writable(&self) -> bool {
        self.shared.lock().is_some()
    }
}

/// How the file is opened, at first and after a failure.
pub type Open = dyn Fn() -> Result<Box<dyn StorageBackend>, redb::Error> + Send;

/// The database; `None` while the file is closed after a failure.
type Shared = Arc<Mutex<Option<Arc<Database>>>>;

struct Writer {
    shared: Shared,
    open: Box<Open>,
    /// Settled but not yet written down.
    owed: BTreeMap<EventKey, Chats>,
    owed_since: Option<Instant>,
    /// The changes of ports that are not yet on disk.
    ports: Owed,
    /// Fingerprints of before this moment may be forgotten.
    forget_before: UnixTime,
    /// Batches whose commit failed. They were refused, but may be on the disk all the same.
    maybe_kept: BTreeSet<u64>,
    failed_at: Option<Instant>,
}

impl Writer {
    fn run(mut self, inbox: &Receiver<Vec<Write>>, written: impl Fn(Written)) {
        while let Ok(first) = self.next(inbox) {
            let puts = self.gather(first, inbox);
            let ports = self.ports.last();
            if puts.is_empty() && ports.is_none() && !self.is_due() {
                continue;
            }
            let batches: Vec<u64> = puts.iter().filter_map(Write::batch).collect();
            let was_closed = self.shared.lock().is_none();
            match self.commit(&puts) {
                Ok(()) => {
                    if was_closed {
                        written(Written::Reopened);
                    }
                    written(Written::Stored(batches));
                    ports.into_iter().for_each(|number| written(Written::Kept(number)));
                }
                Err(error) => {
                    self.close();
                    // A file that stays closed was reported when it was closed.
                    if !was_closed || !batches.is_empty() {
                        written(Written::Refused(batches, error.to_string()));
                    }
                    ports.into_iter().for_each(|_| written(Written::Unkept));
                }
            }
        }
        if !self.owed.is_empty() || !self.maybe_kept.is_empty() || self.ports.last().is_some() {
            // The last chance; what stays owed is delivered twice.
            let _ = self.commit(&[]);
        }
    }

    /// The next writes; none where it is time for a commit without one, to open the file again or
    /// to write down what is owed.
    fn next(&self, inbox: &Receiver<Vec<Write>>) -> Result<Vec<Write>, RecvError> {
        let wait = match self.owed_since {
            _ if self.shared.lock().is_none() => REOPEN_AFTER,
            Some(since) => SETTLE_AFTER.saturating_sub(since.elapsed()),
            None => return inbox.recv(),
        };
        match inbox.recv_timeout(wait) {
            Err(RecvTimeoutError::Timeout) => Ok(Vec::new()),
            Err(RecvTimeoutError::Disconnected) => Err(RecvError),
            Ok(writes) => Ok(writes),
        }
    }

    /// Whether a commit without a batch is due. Only an attempt opens a closed file again.
    fn is_due(&self) -> bool {
        let settle = self.owed_since.is_some_and(|since| since.elapsed() >= SETTLE_AFTER);
        settle || self.shared.lock().is_none()
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

    fn close(&mut self) {
        // Dropped after the lock: to close a failing file may take long.
        let _closed = self.shared.lock().take();
        self.failed_at.get_or_insert_with(Instant::now);
    }

    fn commit(&mut self, puts: &[Write]) -> Result<(), redb::Error> {
        let database = self.database()?;
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
                let chats = write_chats(chats);
                let prints: Vec<_> = fingerprints.iter().map(|print| print.to_bytes()).collect();
                let prints = prints.as_flattened();
                let row = (at.as_micros(), chats.as_bytes(), prints, &**bytes);
                batches.insert(batch, row)?;
            }
        }
        if !self.owed.is_empty() {
            batches::settle(&transaction, &self.owed, self.forget_before)?;
        }
        self.ports.write(&transaction)?;
        self.maybe_kept.extend(puts.iter().filter_map(Write::batch));
        transaction.commit()?;
        self.maybe_kept.clear();
        self.owed.clear();
        self.owed_since = None;
        self.ports = Owed::default();
        Ok(())
    }

    /// The database, opened again where that is due after a failure.
    fn database(&mut self) -> Result<Arc<Database>, redb::Error> {
        if let Some(database) = self.shared.lock().clone() {
            return Ok(database);
        }
        if let Some(failed_at) = self.failed_at
            && failed_at.elapsed() < REOPEN_AFTER
        {
            let waiting = std::io::Error::other("the store failed and is not yet open again");
            return Err(redb::Error::Io(waiting));
        }
        self.failed_at = Some(Instant::now());
        let mut builder = Database::builder();
        let builder = builder.set_cache_size(CACHE_MAX);
        let database = Arc::new(builder.create_with_backend(Guard::released((self.open)()?))?);
        self.failed_at = None;
        *self.shared.lock() = Some(Arc::clone(&database));
        Ok(database)
    }
}
