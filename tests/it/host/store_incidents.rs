//! Incidents, what was told of them, and silences: the next start finds them, and whoever has a
//! copy.

use std::fs;
use std::path::Path;

use mistgate_core::notify::change::Key;
use mistgate_runtime::base::store::care::Contents;
use mistgate_runtime::base::store::{Left, RowName, Store, Write, care};
use redb::{Database, ReadableTable as _, TableDefinition};

use super::store::{Disk, Kept, Refusal};

fn key(number: u8) -> Key {
    Key::from_bytes([number; 16])
}

fn incident(number: u8, record: Option<&str>) -> Write {
    Write::Row { name: RowName::Incident(key(number)), bytes: record.map(Into::into) }
}

fn shown(to: &str, number: u8, shown: Option<&str>) -> Write {
    let name = RowName::Shown(to.into(), key(number));
    Write::Row { name, bytes: shown.map(Into::into) }
}

fn silence(number: u64, silence: Option<&str>) -> Write {
    Write::Row { name: RowName::Silence(number), bytes: silence.map(Into::into) }
}

/// What is known of incidents, a line for each row.
fn lines(left: &Left) -> Vec<String> {
    let number = |key: &Key| {
        let [number, ..] = key.to_bytes();
        number
    };
    let line = |(name, bytes): &(RowName, Vec<u8>)| {
        let text = String::from_utf8_lossy(bytes);
        match name {
            RowName::Incident(key) => format!("{}: {text}", number(key)),
            RowName::Shown(to, key) => format!("{to} of {}: {text}", number(key)),
            RowName::Silence(number) => format!("silence {number}: {text}"),
        }
    };
    left.rows.iter().map(line).collect()
}

/// What the next start finds.
fn left(path: &Path) -> Vec<String> {
    let (kept, left) = Kept::open_well(path);
    kept.close();
    lines(&left)
}

#[test]
fn the_last_write_counts_whether_it_came_with_a_batch_or_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("store.redb");
    let (kept, _) = Kept::open_well(&path);
    let with = |record: &str| vec![(key(1), Some(record.into()))];
    let read = || kept.store.incident(key(1)).map(String::from_utf8);
    let is = |record: &str| Some(Ok(record.to_owned()));
    assert!(kept.write_all(Vec::new(), 1, with("batch 1"), Vec::new()));
    assert_eq!(read(), is("batch 1"));
    assert!(kept.write_all(vec![incident(1, Some("before"))], 2, with("batch 2"), Vec::new()));
    assert_eq!(read(), is("batch 2"));
    assert!(kept.write_all(Vec::new(), 3, with("batch 3"), vec![incident(1, Some("after"))]));
    assert_eq!(read(), is("after"));
    // A batch that is refused changes nothing: its number is of a time before the store was open.
    let between = vec![incident(1, Some("between"))];
    assert!(!kept.write_all(between, 0, with("batch 0"), Vec::new()));
    assert_eq!(read(), is("between"));
    assert!(kept.write_all(Vec::new(), 4, vec![(key(1), None)], Vec::new()));
    assert_eq!(read(), None);
    kept.close();
    assert_eq!(left(&path), [""; 0]);
}

#[test]
fn what_is_written_while_the_disk_refuses_is_there_when_it_recovers() {
    for refuses in [Refusal::Writes, Refusal::Syncs, Refusal::All, Refusal::Panics] {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("store.redb");
        let disk = Disk::new();
        let (kept, _) = Kept::open(&path, &disk);
        for write in [incident(1, Some("open")), incident(2, Some("open")), silence(1, Some("a"))] {
            assert!(kept.store.write(write));
        }
        assert!(kept.put(1), "{refuses:?}");
        disk.fail_after(0, refuses);
        for write in [
            incident(1, Some("acknowledged")),
            shown("slack/info", 1, Some("told")),
            silence(1, None),
            silence(2, Some("b")),
        ] {
            assert!(kept.store.write(write));
        }
        let changed = vec![(key(1), Some("refused".into())), (key(2), None), (key(3), None)];
        assert!(!kept.write_all(Vec::new(), 2, changed, Vec::new()), "{refuses:?}");
        disk.heal();
        kept.reopened();
        kept.close();
        let expected = ["1: acknowledged", "2: open", "slack/info of 1: told", "silence 2: b"];
        assert_eq!(left(&path), expected, "{refuses:?}");
    }
}

#[test]
fn copies_have_all_of_it_and_what_is_salvaged_the_incidents() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("store.redb");
    let (kept, _) = Kept::open_well(&path);
    // More than one page has them, and old pages have what they were.
    let numbers = 1..=200_u8;
    for (batch, state) in (1..).zip(["opened", "changed", "closed"]) {
        for number in numbers.clone() {
            assert!(kept.store.write(incident(number, Some(&format!("{state} {number}")))));
            assert!(kept.store.write(shown("slack/info", number, Some(state))));
        }
        assert!(kept.store.write(silence(7, Some("quiet"))));
        assert!(kept.put(batch));
    }
    kept.close();
    let incidents: Vec<String> =
        numbers.clone().map(|number| format!("{number}: closed {number}")).collect();
    let shown = numbers.map(|number| format!("slack/info of {number}: closed"));
    let silence = "silence 7: quiet".to_owned();
    let all: Vec<String> = incidents.iter().cloned().chain(shown).chain([silence]).collect();
    assert_eq!(left(&path), all);
    let contents = care::check(&path).expect("a store");
    assert_eq!((contents.incidents, contents.silences, contents.broken), (200, 1, 0));

    let (copy, restored) = (folder.path().join("copy"), folder.path().join("restored.redb"));
    care::copy(&path, &copy).expect("a copy");
    care::restore(&copy, &restored).expect("a store");
    assert_eq!(left(&restored), all);

    let mut bytes = fs::read(&path).expect("a store");
    bytes.iter_mut().take(4_096).for_each(|byte| *byte = 0x55);
    let damaged = folder.path().join("damaged");
    fs::write(&damaged, bytes).expect("a file");
    let new = folder.path().join("new.redb");
    let (kept, _) = Kept::open_well(&new);
    assert!(kept.store.write(incident(1, Some("since then"))));
    kept.close();
    assert_eq!(care::salvage(&damaged, &new).expect("a store"), [3, 0, 199]);
    let mut expected = incidents;
    "1: since then".clone_into(expected.first_mut().expect("200 of them"));
    assert_eq!(left(&new), expected);
}

#[test]
fn a_row_that_is_not_as_it_was_written_is_left_out_and_counted() {
    const INCIDENTS: TableDefinition<'_, &[u8], (i64, u64, &[u8])> =
        TableDefinition::new("incidents");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("store.redb");
    let (kept, _) = Kept::open_well(&path);
    assert!(kept.store.write(incident(1, Some("open"))));
    assert!(kept.store.write(incident(2, Some("open"))));
    kept.close();
    let database = Database::open(&path).expect("a store");
    let transaction = database.begin_write().expect("a transaction");
    {
        let mut table = transaction.open_table(INCIDENTS).expect("a table");
        let first = key(1).to_bytes();
        let (at, sum, _) = table.get(first.as_slice()).expect("a table").expect("a row").value();
        table.insert(first.as_slice(), (at, sum, b"shut".as_slice())).expect("a table");
    }
    transaction.commit().expect("a commit");
    drop(database);
    assert_eq!(left(&path), ["2: open"]);
    let (store, _, thread) = Store::open(&path, |_| {}).expect("a store");
    assert_eq!(store.incident(key(1)), None);
    drop(store);
    thread.join().expect("no panic");
    let Contents { incidents, broken, .. } = care::check(&path).expect("a store");
    assert_eq!((incidents, broken), (2, 1));
}
