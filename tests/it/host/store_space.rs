//! Room for the store: a full disk ends, and the file stays within its bound.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use mistgate_core::base::time::UnixTime;
use mistgate_core::delivery::batch::{Chats, EventKey, Item, encode};
use mistgate_core::delivery::dead_letter::Dead;
use mistgate_core::engine::output::Put;
use mistgate_core::event::fingerprint::Fingerprint;
use mistgate_core::notify::Severity;
use mistgate_core::notify::change::Key;
use mistgate_runtime::base::store;
use mistgate_runtime::base::store::{LetterChanges, RowName, Store, Write, Written, care};
use mistgate_tests::chat::server::{Chat, LONG};
use mistgate_tests::webhook::mist::{body, device_event};

use crate::base::binary::Place;
use crate::base::poll;

/// A file system of its own in a folder, which ends with the test.
pub(crate) struct Mounted<'p>(&'p Path);

impl<'p> Mounted<'p> {
    /// None without the right to mount.
    pub(crate) fn tmpfs(folder: &'p Path, size: &str) -> Option<Self> {
        fs::create_dir_all(folder).expect("a folder");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size},mode=700"), "tmpfs"]).arg(folder);
        mount.output().is_ok_and(|done| done.status.success()).then_some(Self(folder))
    }

    /// Lets nothing be written from now on.
    pub(crate) fn make_read_only(&self) {
        let done = Command::new("mount").args(["-o", "remount,ro"]).arg(self.0).output();
        assert!(done.is_ok_and(|done| done.status.success()), "no right to mount");
    }
}

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        // Lazily, because a test that fails leaves files open.
        let _ = Command::new("umount").arg("-l").arg(self.0).output();
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "libtest keeps it, and shows it where it is asked to")]
fn a_full_disk_ends_when_what_waits_is_delivered() {
    let mut chat = Chat::closed().expect("a chat");
    let place =
        Place::new(&format!("[chat.slack]\npace = \"off\"\ndefault_url = \"{}\"", chat.url("/T")));
    let state = place.path().join("state");
    let Some(_mounted) = Mounted::tmpfs(&state, "600k") else {
        println!("not tested: no right to mount a file system");
        return;
    };
    let mistgate = place.start_with(&[]);
    let mut accepted = BTreeSet::new();
    for n in 0.. {
        let device = format!("ap-{n}.");
        let mut event = device_event("AP_CONNECTED", &device);
        let members = event.as_object_mut().expect("an object");
        members.insert("ballast".to_owned(), "x".repeat(700).into());
        match mistgate.post(&body("device-events", &[event])).status() {
            200 => accepted.insert(device),
            503 => break,
            other => panic!("{other}"),
        };
        assert!(n < 2_000, "it is never full");
    }
    assert!(accepted.len() > 20, "only {} fit", accepted.len());
    println!("{} events fit into 600 KiB", accepted.len());
    assert_eq!(mistgate.ask("/-/ready").status(), 503);
    chat.listen().expect("a port");
    chat.wait(|posts| posts.len() == accepted.len()).expect("all that was accepted");
    mistgate.until("room", |mistgate| mistgate.ask("/-/ready").status() == 200);
    let after = |device: &str| body("device-events", &[device_event("AP_CONNECTED", device)]);
    mistgate.accept(&after("ap-after."));
    chat.wait(|posts| posts.len() == accepted.len() + 1).expect("one more");
    mistgate.stop();

    // Nothing is queued again by a start, and what is new fits.
    for n in 0..2 {
        let mistgate = place.start_with(&[]);
        mistgate.accept(&after(&format!("ap-start-{n}.")));
        let count = accepted.len() + 2 + n;
        chat.wait(|posts| posts.len() == count).expect("one more");
        mistgate.stop();
        assert_eq!(chat.posts().len(), count, "something came again");
    }
}

const MAX: u64 = 2 << 20;

/// A store with this bound, and its reports.
struct Bounded {
    store: Store,
    reports: mpsc::Receiver<Written>,
    /// Dead letters that were laid down, and that were pushed out or found no room.
    letters: Cell<[u64; 2]>,
}

impl Bounded {
    /// Opens the store of at most [`MAX`] bytes in this file, and gives its thread too.
    fn open(path: &Path) -> (Self, JoinHandle<()>) {
        let (report, reports) = mpsc::channel();
        let report = move |written| drop(report.send(written));
        let (store, thread) =
            Store::serve(path, store::file(path), Some(MAX), report).expect("a store");
        (Self { store, reports, letters: Cell::default() }, thread)
    }

    fn put(&self, batch: u64, bytes: usize) -> bool {
        self.put_with(batch, bytes, Vec::new())
    }

    fn put_with(&self, batch: u64, bytes: usize, incidents: Vec<(Key, Option<Vec<u8>>)>) -> bool {
        let item = Item {
            fingerprint: Fingerprint::from_bytes([7; 16]),
            kin: None,
            channel: "info".to_owned(),
            severity: Severity::Info,
            chats: Chats::default(),
            changes: Vec::new(),
            incidents: Vec::new(),
            text: "x".repeat(bytes - 50),
        };
        let put = Put {
            batch,
            chats: vec![Chats::from(["slack".into()])],
            fingerprints: vec![Fingerprint::from_bytes(u128::from(batch).to_le_bytes()); 8],
            incidents,
            letter: None,
            forget_before: 0,
        };
        let bytes = encode(UnixTime::from_secs(1), "alarms", &[item]).into();
        let at = Some(UnixTime::from_secs(1_752_000_000));
        assert!(self.store.write(Write::Put { put, bytes, at }));
        loop {
            match self.reports.recv_timeout(LONG).expect("an answer") {
                Written::Stored(batches) if batches == [batch] => return true,
                Written::Refused(batches, _) if batches == [batch] => return false,
                Written::Letters(LetterChanges { kept, pushed_out, .. }) => {
                    let [before, gone] = self.letters.get();
                    self.letters.set([before + kept, gone + pushed_out]);
                }
                Written::Kept(_)
                | Written::Opened(_)
                | Written::Refused(..)
                | Written::Reopened
                | Written::Stored(_)
                | Written::Unkept => {}
            }
        }
    }

    fn settle(&self, batch: u64, dead: Option<Dead>) {
        let key = EventKey { batch, index: 0 };
        let chats = Chats::from(["slack".into()]);
        assert!(self.store.write(Write::Settle { key, chats, dead }));
    }
}

#[test]
fn the_file_stays_within_its_bound_and_shrinks_when_it_drains() {
    for bytes in [300, 3_000, 9_000, 70_000] {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("mistgate.redb");
        let length = || fs::metadata(&path).expect("a store").len();
        let (bounded, thread) = Bounded::open(&path);
        let mut batch = 0;
        let mut fill = || {
            let first = batch + 1;
            loop {
                batch += 1;
                let is_stored = bounded.put(batch, bytes);
                assert!(length() <= MAX, "{} bytes after {batch} of {bytes}", length());
                if !is_stored {
                    break first..batch;
                }
                assert!(batch < 40_000, "it is never full");
            }
        };
        let held = fill();
        let count = held.end - held.start;
        assert!(count * bytes as u64 > MAX / 8, "only {count} of {bytes} bytes");
        // The memory of what was delivered gives way to what is new.
        held.for_each(|batch| bounded.settle(batch, None));
        poll::within(LONG, || bounded.store.is_writable(), || "it stays full".to_owned());
        let held = fill();
        assert!((held.end - held.start) * 3 > count, "only {held:?} of {count}");
        held.for_each(|batch| bounded.settle(batch, None));
        let is_small = || bounded.store.is_writable() && length() < MAX * 7 / 8;
        poll::within(LONG, is_small, || format!("{} bytes for nothing", length()));
        drop(bounded.store);
        thread.join().expect("no panic");
    }
}

#[test]
fn history_gives_way_first() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mistgate.redb");
    let length = || fs::metadata(&path).expect("a store").len();
    let (bounded, thread) = Bounded::open(&path);
    bounded.store.set_history(Duration::from_secs(1 << 40));
    let dead = |nth: u64| {
        let dead = Dead { to: "slack/info".into(), reason: "refused: 400".into() };
        nth.is_multiple_of(100).then_some(dead)
    };
    for batch in 1..=3_000 {
        assert!(bounded.put(batch, 1_000), "{batch} has no room");
        bounded.settle(batch, dead(batch));
        assert!(length() <= MAX, "{} bytes after {batch}", length());
    }
    assert!(bounded.put(3_001, 1_000));
    let kept = bounded.store.accepted(0, usize::MAX).expect("a store that can be read");
    let first = kept.first().map_or(0, |accepted| accepted.batch);
    assert_eq!(Vec::from_iter(kept.iter().map(|each| each.batch)), Vec::from_iter(first..=3_001));
    assert!(kept.len() as u64 * 1_000 > MAX / 16, "only {} are kept", kept.len());
    let page = bounded.store.accepted(first, 2_500).expect("a store that can be read");
    assert_eq!(Vec::from_iter(page.iter().map(|each| each.batch)), [first + 1, first + 2]);
    poll::within(LONG, || bounded.store.letters() == 30, || format!("{:?}", bounded.letters));
    drop(bounded.store);
    thread.join().expect("no panic");
    // The next program counts none of it as waiting.
    let contents = care::check(&path).expect("a store");
    assert_eq!((contents.waiting, contents.broken), (1, 0));
    assert!(contents.history > 100, "{contents:?}");
}

#[test]
fn dead_letters_have_a_tenth_and_give_way_to_new_batches() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mistgate.redb");
    let length = || fs::metadata(&path).expect("a store").len();
    let (bounded, thread) = Bounded::open(&path);
    let dead = Dead { to: "slack/info".into(), reason: "older than max_age".into() };
    for batch in 1..=300 {
        assert!(bounded.put(batch, 1_000), "{batch}");
        bounded.settle(batch, Some(dead.clone()));
    }
    let mut batch = 301;
    while bounded.letters.get()[0] < 300 {
        assert!(bounded.put(batch, 100));
        batch += 1;
    }
    let [_, pushed_out] = bounded.letters.get();
    let count = bounded.store.letters();
    assert_eq!(count + pushed_out, 300);
    assert!(count > 60 && count * 1_000 < MAX / 10, "{count} letters in {MAX} bytes");
    // The last are kept.
    let (ids, _) = bounded.store.last_letters(300, |letter| letter.id).expect("a store");
    assert_eq!(ids, (301 - count..=300).rev().collect::<Vec<_>>());

    let first = batch;
    while bounded.put(batch, 1_000) {
        assert!(length() <= MAX, "{} bytes after {batch}", length());
        batch += 1;
    }
    assert_eq!(bounded.store.letters(), 0, "new batches were refused before letters gave way");
    assert_eq!(bounded.letters.get(), [300, 300]);
    assert!((batch - first) * 1_000 > MAX / 8, "only {} batches", batch - first);
    drop(bounded.store);
    thread.join().expect("no panic");
}

#[test]
fn incidents_take_room_and_give_way_to_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mistgate.redb");
    let length = || fs::metadata(&path).expect("a store").len();
    let (bounded, thread) = Bounded::open(&path);
    let key = |batch: u64| Key::from_bytes(u128::from(batch).to_be_bytes());
    let mut batch = 1;
    while bounded.put_with(batch, 100, vec![(key(batch), Some(vec![7; 1_000]))]) {
        bounded.settle(batch, None);
        assert!(length() <= MAX, "{} bytes after {batch}", length());
        batch += 1;
        assert!(batch < 4_000, "it is never full");
    }
    assert!(batch * 1_000 > MAX / 8, "only {batch} incidents");
    for batch in 1..batch {
        assert!(bounded.store.incident(key(batch)).is_some(), "{batch} gave way");
    }
    assert_eq!(bounded.store.incident(key(batch)), None, "its batch was refused");
    for batch in 1..batch {
        let name = RowName::Incident(key(batch));
        assert!(bounded.store.write(Write::Row { name, bytes: None }));
    }
    poll::within(LONG, || bounded.store.is_writable(), || "it stays full".to_owned());
    assert!(bounded.put(batch, 1_000));
    drop(bounded.store);
    thread.join().expect("no panic");
}
