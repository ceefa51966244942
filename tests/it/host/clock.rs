//! Wrong clocks: what the store keeps of a time, and what a run makes of it.

use std::{path::Path, sync::mpsc};

use mistgate_core::base::time::UnixTime;
use mistgate_core::delivery::batch;
use mistgate_core::delivery::batch::{Chats, EventKey, Item};
use mistgate_core::engine::output::Put;
use mistgate_core::event::fingerprint::Fingerprint;
use mistgate_core::notify::Severity;
use mistgate_runtime::base::clock;
use mistgate_runtime::base::store::{Left, Store, Write, Written, make_folder};
use mistgate_tests::chat::server::{Chat, LONG};
use mistgate_tests::webhook::mist::device_event;

use crate::base::binary::Place;

/// The stamp of a clock that nobody has set yet, as a version before format 3 took it.
const IN_1970: UnixTime = UnixTime::from_secs(60);

fn slack() -> Chats {
    Chats::from(["slack".into()])
}

fn put(batch: u64, at: Option<UnixTime>, forget_before: u64) -> Write {
    let number = u8::try_from(batch).expect("a small number");
    let item = Item {
        fingerprint: Fingerprint::from_bytes([number; 16]),
        kin: None,
        channel: "info".to_owned(),
        severity: Severity::Info,
        chats: slack(),
        changes: Vec::new(),
        incidents: Vec::new(),
        text: device_event("AP_CONNECTED", &format!("ap-{batch}.")).to_string(),
    };
    let bytes = batch::encode(at.unwrap_or(IN_1970), "device-events", std::slice::from_ref(&item));
    let put = Put {
        batch,
        chats: vec![item.chats],
        fingerprints: vec![item.fingerprint],
        incidents: Vec::new(),
        letter: None,
        forget_before,
    };
    Write::Put { put, bytes: bytes.into(), at }
}

fn settle(batch: u64) -> Write {
    Write::Settle { key: EventKey { batch, index: 0 }, chats: slack(), dead: None }
}

/// Has these writes on disk, in this order, and gives what the next run finds.
fn stored(path: &Path, writes: impl IntoIterator<Item = Write>) -> Left {
    let (report, written) = mpsc::channel();
    let report = move |answer| {
        let _ = report.send(answer);
    };
    let (store, _, thread) = Store::open(path, report).expect("a store");
    for write in writes {
        let batch = write.batch();
        assert!(store.write(write));
        while let Some(batch) = batch
            && written.recv_timeout(LONG).expect("an answer") != Written::Stored(vec![batch])
        {
        }
    }
    drop(store);
    thread.join().expect("no panic");
    let (store, left, thread) = Store::open(path, |_| {}).expect("a store");
    drop(store);
    thread.join().expect("no panic");
    left
}

#[test]
fn a_stamp_of_the_future_keeps_no_duplicates_from_being_forgotten() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("store.redb");
    let future = UnixTime::from_secs(clock::wall().as_secs() + 2 * 86_400);
    let past = UnixTime::from_secs(clock::wall().as_secs() - 60);
    let stamps = [Some(future), None, Some(past)];
    let puts = (1..).zip(stamps).map(|(batch, at)| put(batch, at, 1));
    let left = stored(&path, puts.chain((1..=3).map(settle)));
    let seen: Vec<_> = left.seen.iter().map(|seen| (seen.batch, seen.at)).collect();
    assert_eq!(seen, [(1, Some(future)), (2, None), (3, Some(past))]);
    let left = stored(&path, [put(4, None, 3), settle(4)]);
    let seen: Vec<_> = left.seen.iter().map(|seen| seen.batch).collect();
    assert_eq!(seen, [3, 4]);
}

#[test]
fn what_was_accepted_by_a_wrong_clock_is_delivered_at_the_next_start() {
    let chat = Chat::open().expect("a chat");
    let place = Place::new(&format!(
        "[chat]\nmax_age = \"1h\"\n[chat.slack]\npace = \"off\"\ndefault_url = \"{}\"",
        chat.url("/T")
    ));
    let folder = place.path().join("state");
    make_folder(folder.to_str().expect("a path")).expect("a folder");
    let future = UnixTime::from_secs(clock::wall().as_secs() + 2 * 86_400);
    let left = stored(&folder.join("mistgate.redb"), [put(1, None, 1), put(2, Some(future), 1)]);
    assert_eq!(left.waiting, [1, 2]);
    let mistgate = place.start();
    chat.wait(|posts| posts.len() == 2).expect("both");
    mistgate.stop();
    let bodies = chat.taken().concat();
    assert!(bodies.contains("ap-1.") && bodies.contains("ap-2."), "{bodies}");
}

#[test]
fn the_status_says_what_the_kernel_says() {
    let place = Place::new("[chat.console]");
    let mistgate = place.start();
    let is_synchronised = clock::is_synchronised();
    let status = mistgate.status();
    let said = status.pointer("/clock/synchronised").and_then(serde_json::Value::as_bool);
    assert_eq!(said, Some(is_synchronised), "{status}");
    let metric = mistgate.metric("mistgate_clock_synchronised");
    assert_eq!(metric, f64::from(u8::from(is_synchronised)));
    assert_eq!(mistgate.journal("clock_unsynchronised").is_empty(), is_synchronised);
    mistgate.stop();
}
