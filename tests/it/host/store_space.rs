//! Room for the store: a full disk ends, and the file stays within its bound.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;

use mistgate_core::base::time::UnixTime;
use mistgate_core::delivery::batch::{Chats, EventKey};
use mistgate_core::event::fingerprint::Fingerprint;
use mistgate_runtime::base::store::{Store, Write, Written};
use mistgate_tests::chat::server::{Chat, LONG};
use mistgate_tests::webhook::mist::{body, device_event};

use crate::base::binary::Place;
use crate::base::poll;

/// A file system of its own in a folder, which ends with the test.
struct Mounted<'p>(&'p Path);

impl<'p> Mounted<'p> {
    /// None without the right to mount.
    fn tmpfs(folder: &'p Path, size: &str) -> Option<Self> {
        fs::create_dir_all(folder).expect("a folder");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size},mode=700"), "tmpfs"]).arg(folder);
        mount.output().is_ok_and(|done| done.status.success()).then_some(Self(folder))
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
}

impl Bounded {
    fn put(&self, batch: u64, bytes: usize) -> bool {
        assert!(self.store.write(Write::Put {
            batch,
            bytes: vec![b'x'; bytes].into(),
            chats: vec![Chats::from(["slack".into()])],
            fingerprints: vec![Fingerprint::from_bytes(u128::from(batch).to_le_bytes()); 8],
            at: Some(UnixTime::from_secs(1_752_000_000)),
            forget_before: 0,
        }));
        loop {
            match self.reports.recv_timeout(LONG).expect("an answer") {
                Written::Stored(batches) if batches == [batch] => return true,
                Written::Refused(batches, _) if batches == [batch] => return false,
                Written::Kept(_)
                | Written::Opened(_)
                | Written::Refused(..)
                | Written::Reopened
                | Written::Stored(_)
                | Written::Unkept => {}
            }
        }
    }

    fn settle(&self, batch: u64) {
        let key = EventKey { batch, index: 0 };
        let chats = Chats::from(["slack".into()]);
        assert!(self.store.write(Write::Settle { key, chats }));
    }
}

#[test]
fn the_file_stays_within_its_bound_and_shrinks_when_it_drains() {
    for bytes in [300, 3_000, 9_000, 70_000] {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("mistgate.redb");
        let length = || fs::metadata(&path).expect("a store").len();
        let (report, reports) = mpsc::channel();
        let report = move |written| drop(report.send(written));
        let served = Store::serve(&path, Some(MAX), report);
        let (store, thread) = served.expect("a store");
        let bounded = Bounded { store, reports };
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
        held.for_each(|batch| bounded.settle(batch));
        poll::within(LONG, || bounded.store.is_writable(), || "it stays full".to_owned());
        let held = fill();
        assert!((held.end - held.start) * 3 > count, "only {held:?} of {count}");
        held.for_each(|batch| bounded.settle(batch));
        let is_small = || bounded.store.is_writable() && length() < MAX * 7 / 8;
        poll::within(LONG, is_small, || format!("{} bytes for nothing", length()));
        drop(bounded.store);
        thread.join().expect("no panic");
    }
}
