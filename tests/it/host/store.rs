//! A disk that refuses writes: nothing accepted is lost, nothing settled is sent again, and the
//! store recovers.

use std::fs::OpenOptions;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::{io, thread};

use mistgate_core::base::mac::Mac;
use mistgate_core::base::time::UnixTime;
use mistgate_core::delivery::batch;
use mistgate_core::delivery::batch::{Chats, EventKey, Item};
use mistgate_core::engine::output::Put;
use mistgate_core::event::fingerprint::Fingerprint;
use mistgate_core::notify::Severity;
use mistgate_core::notify::change::Key;
use mistgate_core::ports::name::{PortName, SwitchName};
use mistgate_core::ports::record::Record;
use mistgate_core::ports::switch_port::{Mode, Switch};
use mistgate_runtime::base::store::{Left, Store, Write, Written};
use mistgate_tests::chat::server::{Answer, Chat, LONG};
use mistgate_tests::webhook::mist::{body, device_event, event_body};
use redb::{StorageBackend, backends::FileBackend};
use rustix::process::{Resource, Rlimit, getrlimit, prlimit};

use crate::base::binary::{Mistgate, Place, command};

/// A disk that fails after a number of calls: it refuses below zero, and works far above it.
#[derive(Clone, Debug)]
pub(crate) struct Disk {
    calls: Arc<AtomicI64>,
    /// The kind of calls that it then refuses.
    refuses: Arc<Mutex<Refusal>>,
    refused: Arc<AtomicU64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Writes and growth, as a full disk does.
    Writes,
    /// Flushes, after which the state of the disk is unknown.
    Syncs,
    /// Everything, as a disk that is gone.
    All,
    /// Everything, and it panics, as the store's library does on a state that it rules out.
    Panics,
}

const WELL: i64 = i64::MAX / 2;

impl Disk {
    pub(crate) fn new() -> Self {
        Self {
            calls: Arc::new(AtomicI64::new(WELL)),
            refuses: Arc::new(Mutex::new(Refusal::All)),
            refused: Arc::default(),
        }
    }

    pub(crate) fn fail_after(&self, calls: i64, refuses: Refusal) {
        *self.refuses.lock().expect("no panic") = refuses;
        self.calls.store(calls, Ordering::SeqCst);
    }

    pub(crate) fn heal(&self) {
        self.calls.store(WELL, Ordering::SeqCst);
    }

    fn refused(&self) -> u64 {
        self.refused.load(Ordering::SeqCst)
    }

    fn take(&self, kind: Refusal) -> io::Result<()> {
        let refuses = *self.refuses.lock().expect("no panic");
        let counts = refuses == kind || matches!(refuses, Refusal::All | Refusal::Panics);
        if counts && self.calls.fetch_sub(1, Ordering::SeqCst) <= 0 {
            self.refused.fetch_add(1, Ordering::SeqCst);
            assert_ne!(refuses, Refusal::Panics, "a call panics");
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }
}

/// A file on such a disk.
#[derive(Debug)]
struct Backend {
    file: FileBackend,
    disk: Disk,
}

impl StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        self.disk.take(Refusal::All)?;
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.disk.take(Refusal::All)?;
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.disk.take(Refusal::Writes)?;
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        // The write was made, whatever the call returns.
        self.file.sync_data()?;
        self.disk.take(Refusal::Syncs)
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.disk.take(Refusal::Writes)?;
        self.file.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }
}

/// A store on such a disk, and its reports.
pub(crate) struct Kept {
    pub(crate) store: Store,
    written: mpsc::Receiver<Written>,
    thread: thread::JoinHandle<()>,
}

impl Kept {
    /// A store on a disk without faults.
    pub(crate) fn open_well(path: &Path) -> (Self, Left) {
        Self::open(path, &Disk::new())
    }

    pub(crate) fn open(path: &Path, disk: &Disk) -> (Self, Left) {
        let (file, disk) = (path.to_path_buf(), disk.clone());
        let open = move || {
            let mut options = OpenOptions::new();
            let file = options.read(true).write(true).create(true).truncate(false).open(&file);
            let file = FileBackend::new(file.expect("a file"))?;
            let backend: Box<dyn StorageBackend> = Box::new(Backend { file, disk: disk.clone() });
            Ok(backend)
        };
        let (report, written) = mpsc::channel();
        let report = move |answer| report.send(answer).expect("a listener");
        let opened = Store::open_with(path, Box::new(open), report);
        let (store, left, thread) = opened.expect("a store");
        (Self { store, written, thread }, left)
    }

    /// Stores a batch of one event for two chats, and gives whether it was stored.
    pub(crate) fn put(&self, number: u64) -> bool {
        self.write_all(Vec::new(), number, Vec::new(), Vec::new())
    }

    /// Stores such a batch, which changes these incidents, and does these writes before and after
    /// it in the same commit.
    pub(crate) fn write_all(
        &self,
        mut before: Vec<Write>,
        number: u64,
        incidents: Vec<(Key, Option<Vec<u8>>)>,
        after: Vec<Write>,
    ) -> bool {
        let chats = chats(&["google", "slack"]);
        let fingerprint = Fingerprint::from_bytes([u8::try_from(number % 256).expect("small"); 16]);
        let item = Item {
            fingerprint,
            kin: None,
            channel: "info".to_owned(),
            severity: Severity::Info,
            chats: chats.clone(),
            changes: Vec::new(),
            incidents: Vec::new(),
            text: format!("{{\"batch\":{number},\"pad\":\"{}\"}}", "x".repeat(2_000)),
        };
        let at = UnixTime::from_secs(1_752_000_000);
        let put = Put {
            batch: number,
            chats: vec![chats],
            fingerprints: vec![fingerprint],
            incidents,
            letter: None,
            forget_before: 0,
        };
        let bytes = batch::encode(at, "alarms", &[item]).into();
        before.push(Write::Put { put, bytes, at: Some(at) });
        before.extend(after);
        assert!(self.store.write_all(before).is_ok());
        loop {
            match self.written.recv_timeout(LONG).expect("an answer") {
                Written::Stored(batches) if batches == [number] => return true,
                Written::Refused(batches, _) if batches == [number] => return false,
                Written::Kept(_)
                | Written::Opened(_)
                | Written::Letters(_)
                | Written::Refused(..)
                | Written::Reopened
                | Written::Stored(_)
                | Written::Unkept => {}
            }
        }
    }

    /// Keeps or forgets a port, and waits for the result.
    fn port(&self, number: u64, port: &str, mode: Option<Mode>) -> bool {
        let switch_port = record(port, Mode::Ap).switch_port();
        let record = mode.map(|mode| record(port, mode));
        assert!(self.store.write(Write::Port { number, switch_port, record }));
        loop {
            match self.written.recv_timeout(LONG).expect("an answer") {
                Written::Kept(kept) if kept == number => return true,
                Written::Unkept => return false,
                Written::Kept(_)
                | Written::Opened(_)
                | Written::Letters(_)
                | Written::Refused(..)
                | Written::Reopened
                | Written::Stored(_) => {}
            }
        }
    }

    fn ports(&self) -> Vec<Record> {
        let rows = self.store.ports().expect("a table").into_iter();
        rows.map(|row| row.expect("a record")).collect()
    }

    pub(crate) fn settle(&self, number: u64) {
        let chats = chats(&["slack"]);
        let key = EventKey { batch: number, index: 0 };
        assert!(self.store.write(Write::Settle { key, chats, dead: None }));
    }

    pub(crate) fn reopened(&self) {
        while self.written.recv_timeout(LONG).expect("a recovery") != Written::Reopened {}
    }

    pub(crate) fn close(self) {
        drop(self.store);
        self.thread.join().expect("no panic");
    }
}

fn chats(names: &[&str]) -> Chats {
    names.iter().map(|name| (*name).into()).collect()
}

fn record(port: &str, mode: Mode) -> Record {
    let switch = Switch {
        mac: Mac::parse("5c5b350000ff").expect("a MAC"),
        device_id: "00000000-0000-0000-1000-5c5b350000ff".to_owned(),
        site: "s-1".to_owned(),
        name: SwitchName::parse("sw-1"),
        model: None,
    };
    Record {
        switch,
        port: PortName::parse(port).expect("a port"),
        ap: None,
        mode: Some(mode),
        is_touched: true,
        is_observed: false,
        before: None,
        changed_at: None,
        change: None,
        left: None,
    }
}

#[test]
fn records_of_ports_wait_for_the_disk_and_only_the_last_is_kept() {
    for refuses in [Refusal::Writes, Refusal::Syncs, Refusal::All, Refusal::Panics] {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("store.redb");
        let disk = Disk::new();
        let (kept, _) = Kept::open(&path, &disk);
        assert!(kept.port(1, "ge-0/0/1", Some(Mode::Ap)), "{refuses:?}");
        disk.fail_after(0, refuses);
        assert!(!kept.port(2, "ge-0/0/2", Some(Mode::Ap)), "{refuses:?}");
        assert!(!kept.port(3, "ge-0/0/2", Some(Mode::Default)), "{refuses:?}");
        assert!(!kept.port(4, "ge-0/0/1", None), "{refuses:?}");
        // It is written after the recovery without another write.
        disk.heal();
        while kept.written.recv_timeout(LONG).expect("a recovery") != Written::Kept(4) {}
        let expected = [record("ge-0/0/2", Mode::Default)];
        assert_eq!(kept.ports(), expected, "{refuses:?}");
        kept.close();
        let (kept, _) = Kept::open(&path, &disk);
        assert_eq!(kept.ports(), expected, "{refuses:?}");
        kept.close();
    }
}

#[test]
fn at_whatever_call_the_disk_fails_what_was_stored_stays_and_what_was_refused_is_gone() {
    // Each recovery takes a second, most of it waiting.
    thread::scope(|scope| {
        for refuses in [Refusal::Writes, Refusal::Syncs, Refusal::All] {
            for calls in 0..12 {
                scope.spawn(move || fail_and_recover(refuses, calls));
            }
        }
    });
}

fn fail_and_recover(refuses: Refusal, calls: i64) {
    let case = format!("{refuses:?} refused from call {calls}");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("store.redb");
    let disk = Disk::new();
    let (kept, left) = Kept::open(&path, &disk);
    assert!(left.waiting.is_empty());
    assert!(kept.put(1) && kept.put(2), "{case}");
    // One chat settles the first batch before the failure, and the second batch during it.
    kept.settle(1);
    assert!(kept.put(3), "{case}");
    disk.fail_after(calls, refuses);
    kept.settle(2);
    let mut stored = vec![1, 2, 3];
    let mut number = 4;
    // A commit takes several calls, so some may still succeed.
    while kept.put(number) {
        stored.push(number);
        number += 1;
        assert!(number < 100, "{case}: it never failed");
    }
    assert!(!kept.store.is_writable() && disk.refused() > 0, "{case}");
    // It recovers without another write.
    disk.heal();
    kept.reopened();
    assert!(kept.store.is_writable(), "{case}");
    assert!(kept.put(number + 1), "{case}");
    stored.push(number + 1);
    kept.close();

    let (kept, left) = Kept::open(&path, &disk);
    assert_eq!(left.waiting, stored, "{case}");
    assert_eq!(left.seen.len(), stored.len(), "{case}");
    assert_eq!(left.next_batch, number + 2, "{case}");
    for batch in stored {
        let read = kept.store.read(batch).expect("a batch");
        let text = read.decode().expect("a batch").events.first().map(|event| event.text);
        assert!(text.is_some_and(|text| text.contains(&format!("{{\"batch\":{batch},"))), "{case}");
        let left = if batch <= 2 { chats(&["google"]) } else { chats(&["google", "slack"]) };
        assert_eq!(read.left, [left], "{case}: {batch}");
    }
    kept.close();
}

/// Starts a mistgate whose file sizes can be limited without killing it. The kernel then refuses
/// with EFBIG, which does for a full disk and needs no right to mount one.
pub(crate) fn start(place: &Place) -> Mistgate {
    let binary = crate::base::binary::binary();
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"]).arg(binary);
    shell.args(["run", "--config", "mistgate.toml", "--log-format", "json"]);
    shell.current_dir(place.path()).env_clear();
    Mistgate::start(shell)
}

/// Sets the longest size of its files from now on.
pub(crate) fn limit(mistgate: &Mistgate, bytes: Option<u64>) {
    let maximum = getrlimit(Resource::Fsize).maximum;
    prlimit(Some(mistgate.pid()), Resource::Fsize, Rlimit { current: bytes, maximum })
        .expect("a limit");
}

#[test]
fn a_full_disk_is_a_503_until_there_is_room_again() {
    let chat = Chat::open().expect("a chat");
    let place = Place::new(&format!(
        "max_body = \"8MiB\"\n[chat.slack]\npace = \"off\"\ndefault_url = \"{}\"",
        chat.url("/T")
    ));
    let mistgate = start(&place);
    mistgate.accept(&event_body("AP_CONNECTED", "ap-before."));
    chat.wait(|posts| posts.len() == 1).expect("a post");
    assert_eq!(mistgate.ask("/-/ready").status(), 200);

    // The file may not grow, and has no room for a body.
    let size = place.path().join("state/mistgate.redb").metadata().expect("a store").len();
    limit(&mistgate, Some(size));
    let mut large = device_event("AP_CONNECTED", "ap-large.");
    let members = large.as_object_mut().expect("an object");
    members.insert("ballast".to_owned(), "x".repeat(4 << 20).into());
    let large = body("device-events", &[large]);
    let answer = mistgate.post(&large);
    assert_eq!((answer.status(), answer.header("retry-after")), (503, Some("10")));
    assert_eq!(answer.body, "");
    mistgate.line("store_failed", 1);

    // The file may not be written at all.
    limit(&mistgate, Some(0));
    let small = event_body("AP_CONNECTED", "ap-small.");
    mistgate.until("a refusal", |mistgate| mistgate.ask("/-/ready").status() == 503);
    assert_eq!(mistgate.post(&small).status(), 503);
    let answer = mistgate.ask("/-/ready");
    assert_eq!((answer.status(), answer.body.as_str()), (503, "no disk\n"));
    assert_eq!(mistgate.ask("/-/healthy").status(), 200);
    assert_eq!(mistgate.metric("mistgate_store_writable"), 0.0);
    assert!(mistgate.ask("/status").body.contains("\"writable\": false"));
    // An event without a destination needs no disk.
    mistgate.accept(r#"{"topic":"ping"}"#);

    // It is ready again without a webhook, since a load balancer may send none until then.
    limit(&mistgate, None);
    mistgate.line("store_reopened", 1);
    mistgate.until("readiness", |mistgate| mistgate.ask("/-/ready").status() == 200);
    mistgate.accept(&small);
    mistgate.accept(&large);
    let posts = chat.wait(|posts| posts.len() == 3).expect("three posts");
    for device in ["ap-before.", "ap-small.", "ap-large."] {
        let count = posts.iter().filter(|post| post.request.body.contains(device)).count();
        assert_eq!(count, 1, "{device}");
    }
    mistgate.stop();

    let mistgate = place.start();
    mistgate.accept(&event_body("AP_CONNECTED", "ap-after."));
    chat.wait(|posts| posts.len() == 4).expect("a fourth post");
    mistgate.stop();
    assert_eq!(chat.posts().len(), 4, "something came again");
}

#[test]
fn what_was_delivered_while_the_disk_refused_is_noted_when_it_recovers() {
    let mut chat = Chat::closed().expect("a chat");
    let place =
        Place::new(&format!("[chat.slack]\npace = \"off\"\ndefault_url = \"{}\"", chat.url("/T")));
    let mistgate = start(&place);
    for n in 0..5 {
        mistgate.accept(&event_body("AP_CONNECTED", &format!("ap-{n}.")));
    }
    mistgate.line("retrying", 1);
    limit(&mistgate, Some(0));
    assert_eq!(mistgate.post(&event_body("AP_CONNECTED", "ap-refused.")).status(), 503);
    chat.listen().expect("a port");
    chat.wait(|posts| posts.len() == 5).expect("what was accepted before");
    limit(&mistgate, None);
    mistgate.line("store_reopened", 1);
    mistgate.stop();

    let mistgate = place.start();
    mistgate.accept(&event_body("AP_CONNECTED", "ap-after."));
    chat.wait(|posts| posts.len() == 6).expect("a sixth post");
    mistgate.stop();
    let bodies = chat.taken();
    assert_eq!(bodies.len(), 6, "{bodies:?}");
    assert!(bodies.iter().all(|body| !body.contains("ap-refused.")));
}

#[test]
fn what_is_on_disk_is_sent_while_the_disk_takes_no_writes() {
    let mut chat = Chat::closed().expect("a chat");
    let place = Place::new(&format!(
        "[chat]\ndigest_after = \"1s\"\n[chat.slack]\npace = \"1/s\"\ndefault_url = \"{}\"",
        chat.url("/T")
    ));
    let mistgate = place.start();
    for device in ["ap-first.", "ap-second.", "ap-third."] {
        mistgate.accept(&event_body("AP_CONNECTED", device));
    }
    mistgate.line("retrying", 1);
    mistgate.stop();

    // Events of an earlier run are on disk only; those of this run are in memory too.
    chat.answer(&[], Answer::Hold);
    chat.listen().expect("a port");
    let mistgate = start(&place);
    chat.wait(|posts| posts.len() == 1).expect("the first event");
    mistgate.accept(&event_body("AP_CONNECTED", "ap-fourth."));
    limit(&mistgate, Some(0));
    assert_eq!(mistgate.post(&event_body("AP_CONNECTED", "ap-refused.")).status(), 503);
    chat.release();
    let has_all = |text: &str| {
        ["ap-second.", "ap-third.", "ap-fourth."].iter().all(|device| text.contains(device))
    };
    chat.wait(|posts| {
        let bodies: String = posts.iter().map(|post| post.request.body.as_str()).collect();
        has_all(&bodies)
    })
    .expect("the other three");
    assert!(mistgate.journal("retrying").is_empty(), "{}", mistgate.stderr());
    limit(&mistgate, None);
    mistgate.stop();
}

#[test]
fn a_state_folder_that_cannot_be_used_is_said_at_the_start() {
    let place = Place::new("[chat.console]");
    place.write("state", "a file where the folder should be");
    let started = command(place.path(), &["run", "--config", "mistgate.toml"]).output();
    let started = started.expect("a process");
    assert_eq!(started.status.code(), Some(1));
    let printed = crate::base::binary::text(&started.stderr);
    assert!(printed.starts_with("state: ") || printed.contains("/state: "), "{printed}");
    assert!(printed.contains("make it, or set state_dir"), "{printed}");
}
