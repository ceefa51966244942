//! The only place that touches the disk for events and ports: one redb file, one writing thread.
//!
//! Three tables are keyed by the batch's number. `batches` holds what somebody waits for, whole, so
//! that accepting is one insertion. `left` says which chats still wait for each of its events, once
//! that is less than it was. `seen` holds what nobody waits for any more, as far as duplicates are
//! known by it. Keys only grow, so writes touch the right edge of each tree and few pages. What is
//! kept as history stays in `batches`, so that it is written once, and `history` names it. `ports`
//! holds a record for each port, and `dead_letters` the events that were given up; see `letters`.
//! What is wrong and who was told is in three more; see `incidents`.
//!
//! Whatever arrives while one commit is being flushed shares the next one. redb gives up on a file
//! after its first I/O error until it is opened again (cberner/redb#836): from then on every batch
//! is refused, so the sender gets 503. The file is opened again at once, so that what is in it can
//! be read, and its disk is tried once a second, whether or not somebody writes. What was delivered
//! is written down with the next batch, or after a moment.
//!
//! The service does without a store that cannot be opened for now, and with a new one where it is
//! damaged; see `opening`.

use std::fs::{DirBuilder, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::sync::{atomic::AtomicBool, atomic::AtomicU64, atomic::Ordering, mpsc::SendError};
use std::{io, path::Path, sync::Arc, sync::mpsc, sync::mpsc::Sender, thread, time::Duration};

mod error;

mod ports;

mod row;

mod space;

mod letters;

mod incidents;

mod batches;

mod guard;

mod format;

mod opening;

pub mod care;

mod writer;

use hyper::body::Bytes;
use mistgate_core::delivery::{batch, batch::Chats, batch::EventKey, dead_letter::Dead};
use mistgate_core::ports::{record::Record, switch_port::SwitchPort};
use mistgate_core::{base::time::UnixTime, delivery::batch::Batch};
use mistgate_core::{engine::output::Put, event::fingerprint::Fingerprint, notify::change::Key};
use redb::{Database, ReadTransaction, ReadableDatabase, StorageBackend, backends::FileBackend};
use smol::channel;

pub use self::error::Error;
use self::error::Problem;
pub use self::incidents::RowName;
pub use self::letters::{Letter, LetterChanges};
pub use self::opening::Open;
pub use self::ports::Row;
use self::{opening::Place, writer::Writer};
use crate::base::{panic, sync::RwLock};

/// Its name in the state folder.
pub const FILE: &str = "mistgate.redb";
/// The format that this program reads and writes.
pub const FORMAT: u64 = 5;
/// Bytes of pages that redb keeps in memory.
const CACHE_MAX: usize = 2 << 20;

/// A write for the writing thread.
#[derive(Debug)]
pub enum Write {
    /// Drop a dead letter.
    DropLetter {
        id: u64,
        /// Takes whether it was there, once that is on disk. Closed where the disk refuses.
        answer: channel::Sender<bool>,
    },
    /// Keep or forget what is known of a port; answered with its number in [`Written`].
    Port {
        number: u64,
        switch_port: SwitchPort,
        /// The record; none to forget it.
        record: Option<Record>,
    },
    /// Keep a batch; answered with its number in [`Written`].
    Put {
        put: Put,
        bytes: Bytes,
        /// When it was accepted, if the kernel called its clock synchronised.
        at: Option<UnixTime>,
    },
    /// Keep or forget something of incidents. Not answered: a crash loses what is younger than a
    /// moment.
    Row {
        name: RowName,
        /// None to forget it.
        bytes: Option<Vec<u8>>,
    },
    /// Answered when the writing thread takes it up, as a sign of life.
    Probe(channel::Sender<()>),
    /// These chats are done with this event. Not answered: what is lost is delivered twice at
    /// worst.
    Settle {
        key: EventKey,
        chats: Chats,
        /// Why it was given up, if it was; then it becomes a dead letter of each chat.
        dead: Option<Dead>,
    },
    /// Answered once all that came before is on disk. Closed where the disk refuses.
    Sync(channel::Sender<()>),
}

impl Write {
    /// The number of the batch to keep.
    pub const fn batch(&self) -> Option<u64> {
        if let Self::Put { put, .. } = self { Some(put.batch) } else { None }
    }
}

/// The result of one commit, for its batches and its ports.
#[derive(Debug, PartialEq, Eq)]
pub enum Written {
    /// All changes of ports up to this number are on disk.
    Kept(u64),
    /// What became of dead letters.
    Letters(LetterChanges),
    /// The file is open, for the first time or with a new one in place of one that was set aside.
    Opened(Left),
    /// The disk takes writes again after a failure.
    Reopened,
    /// These batches are on disk.
    Stored(Vec<u64>),
    /// Not kept, with the system's reason.
    Refused(Vec<u64>, String),
    /// The changes of ports are not on disk; they are tried again with the next commit.
    Unkept,
}

/// What an earlier run left.
#[derive(Debug, PartialEq, Eq)]
pub struct Left {
    /// The most bytes of the file.
    pub max: u64,
    /// The number for the next batch.
    pub next_batch: u64,
    /// The events seen before, in the order of their batches.
    pub seen: Vec<Seen>,
    /// The batches that somebody still waits for, oldest first.
    pub waiting: Vec<u64>,
    /// Incidents, then what was told of them, then silences.
    pub rows: Vec<(RowName, Vec<u8>)>,
    /// The file that was there, if it was damaged; what it held is gone.
    pub set_aside: Option<SetAside>,
}

/// An event that was seen before.
#[derive(Debug, PartialEq, Eq)]
pub struct Seen {
    pub batch: u64,
    /// When it was accepted, if the kernel called its clock synchronised.
    pub at: Option<UnixTime>,
    pub fingerprint: Fingerprint,
}

/// A batch that was accepted, as it was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    pub batch: u64,
    pub bytes: Vec<u8>,
}

/// A damaged file that was renamed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAside {
    /// Its new name, in the same folder.
    pub file: String,
    /// What is wrong with it.
    pub reason: String,
}

/// A batch that was read back: its bytes, and the chats that still wait for each event.
#[derive(Debug)]
pub struct Kept {
    pub bytes: Vec<u8>,
    /// When it was accepted, if the kernel called its clock synchronised.
    pub at: Option<UnixTime>,
    /// The chats that still wait for each event, in order.
    pub left: Vec<Chats>,
}

impl Kept {
    /// The batch in its bytes.
    pub fn decode(&self) -> Result<Batch<'_>, batch::Error> {
        batch::decode(&self.bytes)
    }
}

/// What the handles share with the writing thread.
#[derive(Debug, Default)]
struct Shared {
    /// `None` while the file cannot be opened.
    database: RwLock<Option<Database>>,
    /// Whether the disk takes writes, as far as the last attempt showed.
    is_writable: AtomicBool,
    /// The bound of the file in bytes, or 0 for the one that follows from the disk.
    max: AtomicU64,
    /// For how many seconds batches are kept that nobody waits for.
    history: AtomicU64,
    /// How many dead letters there are.
    letters: AtomicU64,
}

/// A handle on the store. Once every clone is dropped the writing thread ends.
#[derive(Clone, Debug)]
pub struct Store {
    path: Arc<Path>,
    shared: Arc<Shared>,
    writes: Sender<Vec<Write>>,
}

/// Makes the folder of the store, readable for its owner alone, and those above it.
pub fn make_folder(path: &str) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

impl Store {
    /// Opens or makes the file, and starts the writing thread, which reports to `written`.
    pub fn open(
        path: &Path,
        written: impl Fn(Written) + Send + 'static,
    ) -> Result<(Self, Left, thread::JoinHandle<()>), Error> {
        Self::open_with(path, file(path), written)
    }

    /// As [`Store::open`], on a file that `open` opens.
    pub fn open_with(
        path: &Path,
        open: Box<Open>,
        written: impl Fn(Written) + Send + 'static,
    ) -> Result<(Self, Left, thread::JoinHandle<()>), Error> {
        let place = Place { path: path.to_owned(), open, is_service: false };
        let mut writer = Writer::new(place);
        let left = writer.open().map_err(|problem| problem.at(path))?;
        writer.begin(&written).map_err(|problem| problem.at(path))?;
        let (store, thread) = Self::spawn(path, writer, written)?;
        Ok((store, left, thread))
    }

    /// As [`Store::open_with`], for the service: a damaged file is set aside, and one that cannot
    /// be opened or written for now is tried again by the writing thread. What the file held comes
    /// in [`Written::Opened`], at once where that is possible. An error is that another process has
    /// the file, or that it is of a newer format. `max` is as in [`Store::set_max`].
    pub fn serve(
        path: &Path,
        open: Box<Open>,
        max: Option<u64>,
        written: impl Fn(Written) + Send + 'static,
    ) -> Result<(Self, thread::JoinHandle<()>), Error> {
        let place = Place { path: path.to_owned(), open, is_service: true };
        let mut writer = Writer::new(place);
        writer.shared.max.store(max.unwrap_or(0), Ordering::Relaxed);
        match writer.begin(&written) {
            Err(problem) if problem.is_final() => return Err(problem.at(path)),
            Err(problem) => written(Written::Refused(Vec::new(), problem.to_string())),
            Ok(Some(full)) => written(Written::Refused(Vec::new(), full)),
            Ok(None) => {}
        }
        Self::spawn(path, writer, written)
    }

    fn spawn(
        path: &Path,
        writer: Writer,
        written: impl Fn(Written) + Send + 'static,
    ) -> Result<(Self, thread::JoinHandle<()>), Error> {
        let (writes, inbox) = mpsc::channel();
        let shared = Arc::clone(&writer.shared);
        let thread = thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || writer.run(&inbox, written))
            .map_err(|error| Problem::from(error).at(path))?;
        Ok((Self { path: path.into(), shared, writes }, thread))
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

    /// Reads a batch that somebody waits for. `None` where nobody does, it is gone or damaged, or
    /// the file cannot be read for now. Blocks.
    pub fn read(&self, batch: u64) -> Option<Kept> {
        self.look(|transaction| batches::read(transaction, batch)).flatten()
    }

    /// Reads of the file; `None` where that cannot be read for now.
    fn look<T>(&self, read: impl FnOnce(&ReadTransaction) -> Result<T, redb::Error>) -> Option<T> {
        let look = || read(&self.shared.database.read().as_ref()?.begin_read().ok()?).ok();
        panic::catch(look).flatten()
    }

    /// What is kept of ports; an error too where the file cannot be read for now. Blocks.
    pub fn ports(&self) -> Result<Vec<Row>, redb::Error> {
        self.shared.database.read().as_ref().map_or(Err(redb::Error::DatabaseClosed), ports::read)
    }

    /// Reads an incident. `None` where it is gone or damaged, or the file cannot be read for now.
    /// Blocks.
    pub fn incident(&self, key: Key) -> Option<Vec<u8>> {
        self.look(|transaction| incidents::read(transaction, key)).flatten()
    }

    /// How many dead letters there are.
    pub fn letters(&self) -> u64 {
        self.shared.letters.load(Ordering::Relaxed)
    }

    /// Reads a dead letter; none where it is gone or damaged, or the file cannot be read for now.
    /// Blocks.
    pub fn letter(&self, id: u64) -> Option<Letter> {
        self.look(|transaction| letters::read(transaction, id)).flatten()
    }

    /// The last so many dead letters, newest first, each as `each` has it, and how many there are.
    /// None where the file cannot be read for now. Blocks.
    pub fn last_letters<T>(
        &self,
        most: usize,
        each: impl Fn(&Letter) -> T,
    ) -> Option<(Vec<T>, u64)> {
        self.look(|transaction| letters::last(transaction, most, each))
    }

    /// Waits until all that was written is on disk. Gives whether it is.
    pub async fn sync(&self) -> bool {
        let (answer, answered) = channel::bounded(1);
        self.write(Write::Sync(answer));
        answered.recv().await.is_ok()
    }

    /// Drops a dead letter. Gives whether it was there; none where the disk refuses.
    pub async fn drop_letter(&self, id: u64) -> Option<bool> {
        let (answer, answered) = channel::bounded(1);
        self.write(Write::DropLetter { id, answer });
        answered.recv().await.ok()
    }

    /// Copies what is in the store now to the file [`care::BACKUP`] beside it, while the store goes
    /// on. Blocks for as long as that takes.
    pub fn back_up(&self) -> Result<(), Error> {
        let begin = || match &*self.shared.database.read() {
            Some(database) => Ok(database.begin_read()?),
            None => Err(Problem::from(redb::Error::DatabaseClosed)),
        };
        // The writing thread is not kept out meanwhile, but the file cannot shrink.
        let source = begin().map_err(|problem| problem.at(&self.path))?;
        let panicked = || Problem::from(io::Error::other("a bug has ended the copy"));
        panic::catch(|| care::back_up(&self.path, &source))
            .unwrap_or_else(|| Err(panicked().at(&self.path)))
    }

    /// The names of the damaged files that were set aside and still lie there, oldest first.
    pub fn set_aside(&self) -> Vec<String> {
        opening::damaged(&self.path)
    }

    /// Bounds the file, in bytes. None: 256 MiB, at most a quarter of the file system.
    pub fn set_max(&self, max: Option<u64>) {
        self.shared.max.store(max.unwrap_or(0), Ordering::Relaxed);
    }

    /// Keeps batches that nobody waits for any more until they are so old, in seconds, while there
    /// is room; none of them at zero.
    pub fn set_history(&self, kept: Duration) {
        self.shared.history.store(kept.as_secs(), Ordering::Relaxed);
    }

    /// The batches that were accepted after this one and are still here, in order, up to so many
    /// bytes but at least one. None where the file cannot be read for now. Blocks.
    pub fn accepted(&self, after: u64, bytes_max: usize) -> Option<Vec<Accepted>> {
        self.look(|transaction| batches::after(transaction, after, bytes_max))
    }

    /// Whether the disk takes writes, as far as the last attempt showed.
    pub fn is_writable(&self) -> bool {
        self.shared.is_writable.load(Ordering::Relaxed)
    }
}

/// Opens a file that only its owner may read, whatever the folder allows.
pub fn file(path: &Path) -> Box<Open> {
    let path = path.to_owned();
    Box::new(move || {
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false).mode(0o600);
        Ok(Box::new(FileBackend::new(options.open(&path)?)?) as Box<dyn StorageBackend>)
    })
}
