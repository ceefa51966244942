//! The store on a disk that tears, loses, reorders, refuses and rots, over many seeds: after each
//! power cut nothing acknowledged is missing, or the store was set aside and said so. What is given
//! up, or sent again, is there once: it waits, or it is a dead letter. An incident that comes with
//! a batch is there if and only if the batch is, and what was told is with the delivery.
//!
//! `MISTGATE_SEEDS=10000` runs more of them (`tests/bench/store`).

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;
use std::{fs, io, thread};

use mistgate_core::base::rand::Rand;
use mistgate_core::base::time::UnixTime;
use mistgate_core::delivery::batch::{Chats, EventKey, Item, encode};
use mistgate_core::delivery::dead_letter::Dead;
use mistgate_core::engine::output::Put;
use mistgate_core::event::fingerprint::Fingerprint;
use mistgate_core::notify::Severity;
use mistgate_core::notify::change::Key;
use mistgate_runtime::base::store::{Left, Letter, RowName, Store, Write, Written};
use mistgate_tests::base::disk::{Disk, Refusal};
use mistgate_tests::chat::server::LONG;
use redb::StorageBackend;

use crate::base::poll;
use crate::base::threads::{on_all_threads, seeds};

const SEEDS: u64 = 300;
/// The bound of the file: the least that there is.
const MAX: u64 = 1 << 20;
/// Longer than anything here is old.
const ALWAYS: Duration = Duration::from_secs(1 << 40);

#[derive(Clone, Debug)]
struct Backend(Arc<Mutex<Disk>>);

impl Backend {
    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        self.disk().length()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.disk().read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.disk().set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.disk().flush()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.disk().write(offset, data)
    }
}

/// A program on such a disk, and what it must find there.
struct World {
    rand: Rand,
    backend: Backend,
    /// The name of the file. What is under it says only whether it was renamed.
    path: PathBuf,
    /// How long what was settled is kept.
    history: Duration,
    next_batch: u64,
    /// Acknowledged and not yet settled, with their bytes.
    owed: BTreeMap<u64, Vec<u8>>,
    /// Those of the last acknowledged commit.
    last: BTreeSet<u64>,
    /// What may be there or not: refused, not answered, or settled.
    unknown: BTreeSet<u64>,
    /// All that were acknowledged, refused, and settled.
    stored: BTreeSet<u64>,
    refused: BTreeSet<u64>,
    settled: BTreeSet<u64>,
    /// The bytes of what was given up, and of letters that may have been sent again.
    given_up: BTreeSet<Vec<u8>>,
    buried: usize,
    is_rotten: bool,
    set_aside: usize,
    cuts: usize,
}

struct Running {
    store: Store,
    reports: mpsc::Receiver<Written>,
    thread: thread::JoinHandle<()>,
}

fn chats() -> Chats {
    Chats::from(["slack".into()])
}

/// Names the incident that a batch begins.
fn own(batch: u64) -> Key {
    Key::from_bytes(u128::from(batch).to_be_bytes())
}

/// Names what was told of it.
fn shown(batch: u64) -> RowName {
    RowName::Shown("slack".into(), own(batch))
}

/// Names the incident that each batch changes.
const SHARED: Key = Key::from_bytes([0xff; 16]);

fn record(batch: u64) -> Vec<u8> {
    batch.to_be_bytes().to_vec()
}

/// The dead letters, newest first.
fn letters(running: &Running) -> Vec<Letter> {
    running.store.last_letters(usize::MAX, Letter::clone).map_or(Vec::new(), |(letters, _)| letters)
}

impl World {
    fn start(&mut self) -> Running {
        let attempt = || {
            let (path, backend) = (self.path.clone(), self.backend.clone());
            let open = move || {
                if !path.exists() {
                    fs::write(&path, "")?;
                    backend.disk().replace();
                }
                Ok(Box::new(backend.clone()) as Box<dyn StorageBackend>)
            };
            let (report, reports) = mpsc::channel();
            // The listener may be gone first.
            let report = move |written| drop(report.send(written));
            let served = Store::serve(&self.path, Box::new(open), Some(MAX), report);
            let (store, thread) = served.unwrap_or_else(|error| panic!("no start: {error}"));
            store.set_history(self.history);
            Running { store, reports, thread }
        };
        // A panic in redb ends the program, and the service manager starts it again.
        let mut attempts = (0..3).filter_map(|_| catch_unwind(AssertUnwindSafe(attempt)).ok());
        attempts.next().expect("it starts at the third attempt at last")
    }

    /// What the store says that it has must be what was acknowledged.
    fn opened(&mut self, running: &Running) {
        let left = match running.reports.recv_timeout(LONG) {
            Ok(Written::Opened(left)) => left,
            other => panic!("it is not open: {other:?}"),
        };
        let Left { next_batch, waiting, rows, set_aside, .. } = left;
        let rows: BTreeMap<RowName, Vec<u8>> = rows.into_iter().collect();
        if let Some(set_aside) = set_aside {
            assert!(self.is_rotten, "a good store was set aside: {}", set_aside.reason);
            assert!(self.path.with_file_name(&set_aside.file).exists());
            self.set_aside += 1;
            self.owed.clear();
            self.unknown.clear();
            self.given_up.clear();
            self.stored.clear();
            self.refused.clear();
            self.settled.clear();
        }
        for (batch, bytes) in &self.owed {
            let found = running.store.read(*batch).map(|kept| kept.bytes);
            // redb takes rotten bytes of the last commit for one that was cut off.
            let is_undone = self.is_rotten && self.last.contains(batch);
            assert!(found.as_ref() == Some(bytes) || is_undone, "batch {batch} is missing");
        }
        self.check_history(running, &waiting);
        self.check_rows(rows, &waiting);
        self.check_given_up(running, &waiting);
        self.owed.retain(|batch, _| waiting.contains(batch));
        for batch in waiting {
            assert!(self.owed.contains_key(&batch) || self.unknown.contains(&batch), "{batch}?");
        }
        self.next_batch = self.next_batch.max(next_batch);
        self.is_rotten = false;
    }

    /// What can be replayed is what waits, and what was settled if that is kept.
    fn check_history(&self, running: &Running, waiting: &[u64]) {
        let mut found = running.store.accepted(0, usize::MAX).expect("a store that can be read");
        assert!(found.is_sorted_by_key(|accepted| accepted.batch));
        found.retain(|accepted| !waiting.contains(&accepted.batch));
        let is_known = |batch: &u64| self.owed.contains_key(batch) || self.unknown.contains(batch);
        assert!(found.iter().all(|accepted| is_known(&accepted.batch)), "{found:?}");
        assert!(found.is_empty() || !self.history.is_zero(), "{found:?}");
    }

    /// Each incident must be there with its batch, the shared one as the last of them left it, and
    /// what was told with the delivery.
    fn check_rows(&mut self, mut rows: BTreeMap<RowName, Vec<u8>>, waiting: &[u64]) {
        let told = rows.split_off(&RowName::Shown("".into(), Key::from_bytes([0; 16])));
        let shared = rows.remove(&RowName::Incident(SHARED));
        let is_there = |batch: &u64| rows.contains_key(&RowName::Incident(own(*batch)));
        for batch in &self.refused {
            assert_eq!(
                is_there(batch),
                waiting.contains(batch),
                "the incident of {batch}, refused"
            );
        }
        let (is_rotten, last) = (self.is_rotten, &self.last);
        self.stored.retain(|batch| {
            let is_undone = is_rotten && last.contains(batch);
            assert!(is_there(batch) || is_undone, "the incident of {batch}, stored");
            is_there(batch)
        });
        assert_eq!(shared.as_ref(), rows.values().last(), "the shared incident");
        self.settled.retain(|batch| self.stored.contains(batch));
        for batch in &self.settled {
            let is_told = told.contains_key(&shown(*batch));
            assert_ne!(is_told, waiting.contains(batch), "{batch}: told, or not delivered");
        }
    }

    /// What was given up must be there once. What rot has undone is not looked for again.
    fn check_given_up(&mut self, running: &Running, waiting: &[u64]) {
        let read = |batch: &u64| running.store.read(*batch).map(|kept| kept.bytes);
        let mut found: Vec<_> = waiting.iter().filter_map(read).collect();
        found.extend(letters(running).into_iter().map(|letter| letter.bytes));
        let is_rotten = self.is_rotten;
        self.given_up.retain(|bytes| {
            let count = found.iter().filter(|found| *found == bytes).count();
            assert!(count == 1 || is_rotten && count == 0, "given up, and there {count} times");
            count == 1
        });
    }

    /// Whether the batch was stored.
    fn put(&mut self, running: &Running) -> bool {
        let longest = if self.rand.up_to(5) == 0 { 40_000 } else { 2_000 };
        let length = 20 + self.rand.up_to(longest);
        let batch = self.next_batch;
        let item = Item {
            fingerprint: Fingerprint::from_bytes([7; 16]),
            kin: None,
            channel: "info".to_owned(),
            severity: Severity::Info,
            chats: chats(),
            changes: Vec::new(),
            incidents: Vec::new(),
            text: (0..length)
                .map(|nth| char::from(b'a' + ((nth * 7 + batch) % 26) as u8))
                .collect(),
        };
        self.put_bytes(running, encode(UnixTime::from_secs(1), "alarms", &[item]), None)
    }

    /// Sends a dead letter again, if there is one. Whether it was stored.
    fn send(&mut self, running: &Running) -> bool {
        let Some(Letter { id, bytes, .. }) = letters(running).pop() else {
            return true;
        };
        let is_stored = self.put_bytes(running, bytes.clone(), Some(id));
        if is_stored {
            self.given_up.remove(&bytes);
            let is_left = letters(running).iter().any(|letter| letter.bytes == bytes);
            assert!(!is_left, "letter {id} was sent and is still there");
        }
        is_stored
    }

    fn put_bytes(&mut self, running: &Running, bytes: Vec<u8>, letter: Option<u64>) -> bool {
        let batch = self.next_batch;
        self.next_batch += 1;
        let put = Put {
            batch,
            chats: vec![chats()],
            fingerprints: vec![Fingerprint::from_bytes([7; 16])],
            incidents: [own(batch), SHARED].map(|key| (key, Some(record(batch)))).into(),
            letter,
            forget_before: 0,
        };
        let at = Some(UnixTime::from_secs(1_752_000_000));
        assert!(running.store.write(Write::Put { put, bytes: bytes.clone().into(), at }));
        loop {
            match running.reports.recv_timeout(LONG).expect("an answer") {
                Written::Stored(batches) if batches == [batch] => {
                    self.last = BTreeSet::from([batch]);
                    self.owed.insert(batch, bytes);
                    self.stored.insert(batch);
                    return true;
                }
                Written::Refused(batches, _) if batches == [batch] => {
                    self.unknown.insert(batch);
                    self.refused.insert(batch);
                    return false;
                }
                Written::Opened(left) => panic!("opened twice: {left:?}"),
                Written::Kept(_)
                | Written::Letters(_)
                | Written::Refused(..)
                | Written::Reopened
                | Written::Stored(_)
                | Written::Unkept => {}
            }
        }
    }

    fn settle(&mut self, running: &Running) {
        let nth = self.rand.up_to(self.owed.len() as u64);
        let batch = self.owed.keys().nth(usize::try_from(nth).expect("an index")).copied();
        if let Some(batch) = batch {
            // Long ones would push each other out.
            let is_short = self.owed.get(&batch).is_some_and(|bytes| bytes.len() < 1_000);
            let is_dead = is_short && self.rand.up_to(1) == 0;
            self.settle_one(running, batch, is_dead);
        }
    }

    fn settle_one(&mut self, running: &Running, batch: u64, is_dead: bool) {
        let bytes = self.owed.remove(&batch).expect("a batch that is owed");
        self.unknown.insert(batch);
        if is_dead {
            self.given_up.insert(bytes);
            self.buried += 1;
        }
        let key = EventKey { batch, index: 0 };
        let dead = || Dead { to: "slack/info".into(), reason: "refused: 400".into() };
        let dead = is_dead.then(dead);
        let shown = Write::Row { name: shown(batch), bytes: Some(Vec::new()) };
        let settle = Write::Settle { key, chats: chats(), dead };
        assert!(running.store.write_all(vec![settle, shown]).is_ok());
        self.settled.insert(batch);
    }

    /// One run of the program, to its end or to a power cut.
    fn live(&mut self) {
        let running = self.start();
        self.opened(&running);
        if self.rand.up_to(3) > 0 {
            let refusal = match self.rand.up_to(5) {
                0 => Refusal::Writes,
                1 => Refusal::Flushes,
                _ => Refusal::All,
            };
            let calls = self.rand.up_to(120);
            self.backend.disk().refuse_after(calls, refusal);
        }
        for _ in 0..self.rand.up_to(12) {
            if self.rand.up_to(2) == 0 {
                self.settle(&running);
            } else if self.rand.up_to(4) == 0 {
                if !self.send(&running) {
                    break;
                }
            } else if !self.put(&running) {
                break;
            }
        }
        let is_cut = self.rand.up_to(3) > 0;
        if is_cut {
            self.backend.disk().refuse_after(self.rand.up_to(20), Refusal::All);
        }
        drop(running.store);
        running.thread.join().expect("no panic");
        if is_cut {
            self.cuts += 1;
            self.backend.disk().restart();
        } else {
            self.backend.disk().refuse_after(u64::MAX, Refusal::All);
        }
        if self.rand.up_to(9) == 0 {
            self.is_rotten = true;
            self.backend.disk().restart();
            self.backend.disk().rot();
        }
    }
}

fn world(folder: &Path, seed: u64) -> World {
    let mut rand = Rand::new(seed);
    World {
        backend: Backend(Arc::new(Mutex::new(Disk::new(rand.next_u64())))),
        path: folder.join("mistgate.redb"),
        history: if seed.is_multiple_of(2) { Duration::ZERO } else { ALWAYS },
        next_batch: 1,
        owed: BTreeMap::new(),
        last: BTreeSet::new(),
        unknown: BTreeSet::new(),
        stored: BTreeSet::new(),
        refused: BTreeSet::new(),
        settled: BTreeSet::new(),
        given_up: BTreeSet::new(),
        buried: 0,
        is_rotten: false,
        set_aside: 0,
        cuts: 0,
        rand,
    }
}

fn of_seed(folder: &Path, seed: u64) -> [usize; 3] {
    let folder = folder.join(seed.to_string());
    fs::create_dir(&folder).expect("a folder");
    let mut world = world(&folder, seed);
    for _ in 0..=2 + world.rand.up_to(4) {
        world.live();
    }
    let running = world.start();
    world.opened(&running);
    fs::remove_dir_all(&folder).expect("a folder");
    [world.set_aside, world.cuts, world.buried]
}

#[test]
fn nothing_acknowledged_is_missing_or_the_store_was_set_aside() {
    let seeds = seeds(SEEDS);
    let folder = tempfile::tempdir().expect("a folder");
    let name = |seed: &u64| format!("the disk of seed {seed}");
    let lived = on_all_threads(&seeds, name, |seed| of_seed(folder.path(), *seed));
    let sum = |nth: usize| lived.iter().filter_map(|counts| counts.get(nth)).sum::<usize>();
    let [set_aside, cuts, buried] = [0, 1, 2].map(sum);
    assert!(set_aside >= seeds.len() / 20, "only {set_aside} set aside");
    assert!(cuts > seeds.len(), "only {cuts} power cuts");
    assert!(buried > seeds.len(), "only {buried} dead letters");
}

/// A commit that fails may be on the disk all the same, and is done again.
#[test]
fn what_a_failed_commit_may_have_written_is_there_once() {
    let folder = tempfile::tempdir().expect("a folder");
    // Each recovery takes a second, most of it waiting.
    thread::scope(|scope| {
        for refusal in [Refusal::Writes, Refusal::Flushes, Refusal::All] {
            for calls in 1..=12 {
                let folder = folder.path().join(format!("{refusal:?}-{calls}"));
                scope.spawn(move || bury_and_send(&folder, refusal, calls));
            }
        }
    });
}

fn bury_and_send(folder: &Path, refusal: Refusal, calls: u64) {
    fs::create_dir(folder).expect("a folder");
    let mut world = world(folder, calls);
    let running = world.start();
    world.opened(&running);
    let recover = |world: &mut World| {
        world.backend.disk().refuse_after(u64::MAX, Refusal::All);
        poll::within(LONG, || running.store.is_writable(), || "no disk".to_owned());
        assert!(world.put(&running), "the disk is well");
        let last = world.next_batch - 1;
        assert_eq!(running.store.incident(SHARED), Some(record(last)));
        for batch in &world.refused {
            assert_eq!(running.store.incident(own(*batch)), None, "{batch} was refused");
        }
        let waiting: Vec<u64> = world.owed.keys().chain(&world.unknown).copied().collect();
        world.check_given_up(&running, &waiting);
    };
    recover(&mut world);
    let batch = world.next_batch - 1;
    world.backend.disk().refuse_after(calls, refusal);
    world.settle_one(&running, batch, true);
    world.put(&running);
    recover(&mut world);
    assert_eq!(letters(&running).len(), 1);
    world.backend.disk().refuse_after(calls, refusal);
    world.send(&running);
    recover(&mut world);
    drop(running.store);
    running.thread.join().expect("no panic");
}
