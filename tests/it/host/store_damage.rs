//! A damaged store is set aside and said so; what needs no store works without one.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc;

use mistgate_core::base::rand::Rand;
use mistgate_runtime::base::store;
use mistgate_runtime::base::store::{Left, Store, Written};
use mistgate_tests::chat::server::{Chat, LONG};
use mistgate_tests::webhook::mist::event_body;
use serde_json::Value;

use super::store::Kept;
use crate::base::binary::{Mistgate, Place};

const FLIPPED: u64 = 120;
const BATCHES: u64 = 12;

/// The bytes of a store with batches that wait and some that were delivered, as a stop leaves it,
/// or as a crash does.
fn store(folder: &Path, is_closed: bool) -> Vec<u8> {
    let path = folder.join("first.redb");
    let (kept, _) = Kept::open_well(&path);
    for number in 1..=BATCHES {
        assert!(kept.put(number));
        if number % 3 == 0 {
            kept.settle(number);
        }
    }
    let crashed = fs::read(&path).expect("a store");
    kept.close();
    let closed = fs::read(&path).expect("a store");
    fs::remove_file(&path).expect("a store");
    if is_closed { closed } else { crashed }
}

/// Opens a store as the service does, and reads all that waits in it. A panic in redb ends the
/// program, which is started again.
fn serve(path: &Path) -> (Left, Vec<u64>) {
    let attempt = || {
        let (report, reports) = mpsc::channel();
        let report = move |written| report.send(written).expect("a listener");
        let served = Store::serve(path, store::file(path), None, report);
        let (store, thread) = served.unwrap_or_else(|error| panic!("it does not start: {error}"));
        let Ok(Written::Opened(left)) = reports.recv_timeout(LONG) else {
            panic!("it is not open");
        };
        let whole = |batch: &u64| store.read(*batch).is_some_and(|kept| kept.decode().is_ok());
        let read = left.waiting.iter().copied().filter(whole).collect();
        drop(store);
        thread.join().expect("no panic");
        (left, read)
    };
    let mut attempts = (0..3).filter_map(|_| catch_unwind(AssertUnwindSafe(attempt)).ok());
    attempts.next().expect("it starts at the third attempt at last")
}

fn damaged(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("one").path());
    let mut damaged: Vec<PathBuf> =
        entries.filter(|path| path.to_string_lossy().contains(".redb.damaged-")).collect();
    damaged.sort();
    damaged
}

/// Flips some bytes at a place that is in use.
fn flip(bytes: &[u8], seed: u64) -> Vec<u8> {
    let used: Vec<usize> = (0..bytes.len()).filter(|at| bytes.get(*at) != Some(&0)).collect();
    let (mut bytes, mut rand) = (bytes.to_vec(), Rand::new(seed));
    let nth = usize::try_from(rand.up_to(used.len() as u64 - 1)).expect("an index");
    let at = *used.get(nth).expect("one of them");
    let count = usize::try_from(1 + rand.up_to(63)).expect("a count");
    for byte in bytes.iter_mut().skip(at).take(count) {
        *byte ^= u8::try_from(1 + rand.up_to(254)).expect("a byte");
    }
    bytes
}

#[test]
fn whatever_bytes_are_flipped_it_starts_and_nothing_wrong_is_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let whole = [store(folder.path(), true), store(folder.path(), false)];
    let mut set_aside = 0;
    for seed in 0..FLIPPED {
        let place = folder.path().join(seed.to_string());
        fs::create_dir(&place).expect("a folder");
        let path = place.join("mistgate.redb");
        let whole = whole.get(usize::from(seed % 2 == 1)).expect("two of them");
        let flipped = flip(whole, seed);
        fs::write(&path, &flipped).expect("a store");
        let (left, read) = serve(&path);
        if left.set_aside.is_some() {
            set_aside += 1;
            let [damaged] = damaged(&place).try_into().expect("one damaged file");
            assert!(fs::read(damaged).expect("a file") == flipped, "{seed}: it was changed");
            assert!(left.waiting.is_empty(), "{seed}");
        } else {
            assert!(damaged(&place).is_empty(), "{seed}");
            // A crash may undo the last commit; nothing else may be missing.
            assert_eq!(read, left.waiting, "{seed}: some is unreadable");
            assert!(left.waiting.len() as u64 >= BATCHES - 1, "{seed}: {:?}", left.waiting);
        }
        // The next start finds nothing wrong.
        assert_eq!(serve(&path).0.set_aside, None, "{seed}");
        fs::remove_dir_all(&place).expect("a folder");
    }
    assert!((10..FLIPPED).contains(&set_aside), "{set_aside} of {FLIPPED}");
}

#[test]
fn a_crash_while_it_is_opened_counts_as_damage_the_second_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let bytes = store(folder.path(), true);
    let path = folder.path().join("mistgate.redb");
    fs::write(&path, bytes).expect("a store");
    let (first, again) = (
        folder.path().join("mistgate.redb.opening"),
        folder.path().join("mistgate.redb.opening-again"),
    );
    fs::write(&first, "").expect("a marker");
    assert_eq!(serve(&path).0.set_aside, None);
    assert!(!first.exists() && !again.exists(), "a marker is left");
    fs::write(&first, "").expect("a marker");
    fs::write(&again, "").expect("a marker");
    let (left, _) = serve(&path);
    let set_aside = left.set_aside.expect("it was set aside");
    assert!(set_aside.reason.contains("ended twice"), "{}", set_aside.reason);
    assert!(!first.exists() && !again.exists(), "a marker is left");
    assert_eq!(serve(&path).0.set_aside, None);
}

#[test]
fn of_many_damaged_files_the_first_and_the_last_are_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mistgate.redb");
    for nth in 0..5 {
        fs::write(&path, format!("not a store, the {nth}th")).expect("a file");
        assert!(serve(&path).0.set_aside.is_some());
    }
    let kept: Vec<_> = damaged(folder.path()).iter().map(fs::read_to_string).collect();
    let kept: Vec<_> = kept.into_iter().map(|text| text.expect("a file")).collect();
    assert_eq!(kept, ["not a store, the 0th", "not a store, the 4th"]);
}

#[test]
fn a_store_in_use_is_not_damaged() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mistgate.redb");
    let opened = Store::open(&path, |_| {}).expect("a store");
    for marker in ["mistgate.redb.opening", "mistgate.redb.opening-again"] {
        fs::write(folder.path().join(marker), "").expect("a marker");
        let served = Store::serve(&path, store::file(&path), None, |_| {});
        assert!(served.is_err_and(|error| error.is_taken()));
    }
    assert!(damaged(folder.path()).is_empty());
    drop(opened);
}

fn is_stopped(mistgate: &Mistgate) -> bool {
    mistgate.status().pointer("/ports/stopped").and_then(Value::as_bool) == Some(true)
}

#[test]
fn a_damaged_store_is_said_everywhere_and_stops_the_changes_of_ports() {
    let chat = Chat::open().expect("a chat");
    let place = Place::new(&format!(
        "[chat.slack]\npace = \"off\"\ndefault_url = \"{}\"\n[ports]\nmode = \"observe\"\n",
        chat.url("/T")
    ));
    let path = place.path().join("state/mistgate.redb");
    let mistgate = place.start();
    mistgate.accept(&event_body("AP_CONNECTED", "ap-before."));
    chat.wait(|posts| posts.len() == 1).expect("a post");
    mistgate.stop();
    let bytes = fs::read(&path).expect("a store");
    fs::write(&path, bytes.iter().map(|byte| byte ^ 0x55).collect::<Vec<_>>()).expect("a store");

    let mistgate = place.start();
    let line = mistgate.line("store_set_aside", 1);
    assert_eq!(line.get("level").and_then(Value::as_str), Some("error"), "{line}");
    let file = line.get("file").and_then(Value::as_str).expect("a file").to_owned();
    assert!(file.starts_with("mistgate.redb.damaged-2"), "{file}");
    assert!(place.path().join("state").join(&file).exists());
    chat.wait(|posts| posts.iter().any(|post| post.request.body.contains("Store set aside")))
        .expect("a report");
    assert_eq!(mistgate.metric("mistgate_store_set_aside"), 1.0);
    let status = mistgate.status();
    assert_eq!(status.pointer("/store/set_aside/0"), Some(&Value::from(file.as_str())));
    mistgate.until("a stop", is_stopped);
    mistgate.accept(&event_body("AP_CONNECTED", "ap-after."));
    mistgate.stop();
    let reason = fs::read_to_string(place.path().join("state/stop-ports")).expect("a file");
    assert!(reason.contains("store set aside"), "{reason}");

    // The next start is no news, and the changes stay stopped until a person lifts that.
    let mistgate = place.start();
    mistgate.until("a stop", is_stopped);
    assert!(mistgate.journal("store_set_aside").is_empty());
    fs::remove_file(place.path().join("state/stop-ports")).expect("a file");
    mistgate.until("a go", |mistgate| !is_stopped(mistgate));
    mistgate.stop();
}

#[test]
fn without_a_store_webhooks_get_503_and_all_else_works() {
    let chat = Chat::open().expect("a chat");
    let place = Place::new(&format!(
        "[chat.slack]\npace = \"off\"\ndefault_url = \"{}\"\n[ports]\nmode = \"observe\"\n",
        chat.url("/T")
    ));
    // What an earlier run left is not known yet, and must not be written over.
    let earlier = place.start();
    earlier.accept(&event_body("AP_CONNECTED", "ap-earlier."));
    earlier.stop();
    let store = place.path().join("state/mistgate.redb");
    let away = place.path().join("away.redb");
    fs::rename(&store, &away).expect("a store");
    fs::create_dir(&store).expect("a folder in its place");

    let mistgate = place.start();
    mistgate.line("store_failed", 1);
    assert_eq!(mistgate.post(&event_body("AP_CONNECTED", "ap-refused.")).status(), 503);
    let answer = mistgate.ask("/-/ready");
    assert_eq!((answer.status(), answer.body.as_str()), (503, "no disk\n"));
    assert_eq!(mistgate.ask("/-/healthy").status(), 200);
    assert_eq!(mistgate.status().pointer("/store/writable"), Some(&Value::Bool(false)));

    fs::remove_dir(&store).expect("a folder");
    fs::rename(&away, &store).expect("a store");
    mistgate.until("a store", |mistgate| mistgate.ask("/-/ready").status() == 200);
    mistgate.accept(&event_body("AP_CONNECTED", "ap-later."));
    // The plan of the ports begins too, and what was delivered before is known.
    mistgate.until("a plan", |mistgate| mistgate.status().pointer("/ports/mode").is_some());
    mistgate.accept(&event_body("AP_CONNECTED", "ap-earlier."));
    chat.wait(|posts| posts.len() == 2).expect("two posts");
    mistgate.stop();
    assert_eq!(chat.posts().len(), 2, "an event came twice");
}
