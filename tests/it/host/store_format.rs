//! The format of the store: an older one is copied and upgraded, a newer one is refused.
//!
//! `tests/vectors/store/format-1.redb` was written by mistgate 0.1.0, which was killed while its
//! destinations were down. Its clock was set to the year 2101, so its events never expire.

use std::{fs, path::PathBuf};

use mistgate_runtime::base::store::{FORMAT, Store, care};
use mistgate_tests::chat::server::Chat;
use redb::{Database, TableDefinition};

use crate::base::binary::{Place, output, text};

fn fixture() -> Vec<u8> {
    let name = "vectors/store/format-1.redb";
    fs::read(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)).expect("a fixture")
}

/// A folder whose store has these bytes.
fn place(config: &str, bytes: &[u8]) -> (Place, PathBuf) {
    let place = Place::new(config);
    let store = place.path().join("state/mistgate.redb");
    fs::create_dir_all(place.path().join("state")).expect("a folder");
    fs::write(&store, bytes).expect("a store");
    (place, store)
}

#[test]
fn a_store_of_format_1_is_copied_and_all_of_it_is_delivered() {
    let (slack, teams) = (Chat::open().expect("a chat"), Chat::open().expect("a chat"));
    let before = fixture();
    let (place, store) = place(
        &format!(
            "[chat.console]\n[chat.slack]\npace = \"off\"\nurls = {{ warning = \"{}\", critical = \
             \"{}\" }}\n[chat.teams]\npace = \"off\"\nurls = {{ critical = \"{}\" }}",
            slack.url("/warning"),
            slack.url("/critical"),
            teams.url("/critical")
        ),
        &before,
    );
    let mistgate = place.start();
    slack.wait(|posts| posts.len() == 4).expect("what slack waits for");
    teams.wait(|posts| posts.len() == 2).expect("what teams waits for");
    let copy = store.with_file_name("mistgate-format-1.redb");
    assert!(fs::read(&copy).expect("a copy") == before, "the copy differs");
    mistgate.stop();
    let posts_about = |chat: &Chat, device: &str| {
        chat.taken().iter().filter(|body| body.contains(device)).count()
    };
    for device in ["both-1.", "both-2."] {
        assert_eq!((posts_about(&slack, device), posts_about(&teams, device)), (1, 1), "{device}");
    }
    for device in ["slack-1.", "slack-2."] {
        assert_eq!((posts_about(&slack, device), posts_about(&teams, device)), (1, 0), "{device}");
    }
    assert_eq!(mistgate_printed(&place), "", "the console had all of it before");

    // The next start finds its own format, and keeps the copy for a week.
    let written = |_| {};
    let opened = Store::open(&store, written).expect("a store");
    let (opened, left, thread) = opened;
    assert!(left.waiting.is_empty(), "{left:?}");
    assert!(copy.exists());
    drop(opened);
    thread.join().expect("no panic");
}

/// The output of a later run on the console.
fn mistgate_printed(place: &Place) -> String {
    let mistgate = place.start();
    let printed = mistgate.stdout();
    mistgate.stop();
    printed
}

#[test]
fn each_event_waits_for_the_chats_that_it_was_routed_to() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mistgate.redb");
    fs::write(&path, fixture()).expect("a store");
    let written = |_| {};
    let opened = Store::open(&path, written).expect("a store");
    let (store, left, thread) = opened;
    let mut owed = Vec::new();
    for batch in &left.waiting {
        let kept = store.read(*batch).expect("a batch");
        let read = kept.decode().expect("a batch");
        for (event, chats) in read.events.iter().zip(&kept.left) {
            let device = event.text.split('"').find(|part| part.ends_with('.'));
            let chats: Vec<&str> = chats.iter().map(|chat| &**chat).collect();
            owed.push(format!("{} {}", device.unwrap_or_default(), chats.join(" ")));
        }
    }
    let expected = [
        "console-1. ",
        "slack-1. slack",
        "both-1. slack teams",
        "both-2. slack teams",
        "slack-2. slack",
    ];
    assert_eq!(owed, expected);
    assert_eq!((left.seen.len(), left.next_batch), (6, 5));
    // 0.1.0 did not note whether the clock was synchronised, and so no age counts.
    assert!(left.seen.iter().all(|seen| seen.at.is_none()), "{left:?}");
    drop(store);
    thread.join().expect("no panic");
    // Each row is as it was written.
    let contents = care::check(&path).expect("a store");
    assert_eq!((contents.broken, contents.waiting), (0, left.waiting.len() as u64));
}

#[test]
fn a_newer_store_is_refused_before_a_byte_of_it_is_written() {
    is_refused(FORMAT + 1, "a newer mistgate wrote this store, in format 6");
}

#[test]
fn a_store_between_two_versions_is_refused_as_it_is() {
    is_refused(3, "this is no store of format 5");
}

fn is_refused(format: u64, said: &str) {
    const NUMBER: TableDefinition<'_, (), u64> = TableDefinition::new("format");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("newer.redb");
    let database = Database::create(&path).expect("a store");
    let transaction = database.begin_write().expect("a transaction");
    transaction.open_table(NUMBER).expect("a table").insert((), format).expect("a row");
    transaction.commit().expect("a commit");
    // As a crash leaves it, which redb repairs first, and as a close leaves it.
    let crashed = fs::read(&path).expect("a file");
    drop(database);
    let closed = fs::read(&path).expect("a file");
    assert!(crashed != closed, "nothing is to be repaired");
    for bytes in [crashed, closed] {
        let (place, store) = place("[chat.console]", &bytes);
        let started = output(place.path(), &["run", "--config", "mistgate.toml"]);
        assert_eq!(started.status.code(), Some(1));
        let printed = text(&started.stderr);
        assert!(printed.contains(said), "{printed}");
        assert!(fs::read(&store).expect("a store") == bytes, "it was written to");
        let beside = fs::read_dir(store.parent().expect("a folder")).expect("a folder");
        let names = beside.map(|file| file.expect("a file").file_name());
        let copies = names.filter(|name| name != "admin-token").count();
        assert_eq!(copies, 1, "a copy was made");
    }
}
