//! `mistgate store`: the store is checked, copied, put back, and salvaged.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::{fs, thread};

use mistgate_tests::chat::server::{Chat, LONG, Post, say};
use mistgate_tests::webhook::mist::event_body;
use serde_json::Value;

use crate::base::binary::{Mistgate, Place, output, text};
use crate::base::files::mode;
use crate::base::poll;

/// Runs `mistgate store`, and gives whether it succeeded and what it said.
fn store(place: &Place, args: &[&str]) -> (bool, String) {
    let config = ["--config", "mistgate.toml"];
    let (kind, rest) = args.split_first().expect("a command");
    let done = output(place.path(), &[&["store", *kind], config.as_slice(), rest].concat());
    (done.status.success(), text(&done.stdout) + &text(&done.stderr))
}

#[test]
fn a_store_is_checked_copied_put_back_and_salvaged() {
    let mut chat = Chat::closed().expect("a chat");
    let place =
        Place::new(&format!("[chat.slack]\npace = \"off\"\ndefault_url = \"{}\"", chat.url("/T")));
    let file = place.path().join("state/mistgate.redb");
    let mistgate = place.start();
    for n in 0..5 {
        mistgate.accept(&event_body("AP_CONNECTED", &format!("ap-{n}.")));
    }
    for args in [["check"].as_slice(), &["restore", "b"]] {
        let (done, said) = store(&place, args);
        assert!(!done && said.contains("uses this store"), "{said}");
    }
    mistgate.stop();
    let (done, said) = store(&place, &["check"]);
    assert!(done && said.contains(": 5 batches of events wait, 0 are delivered"), "{said}");
    let (done, said) = store(&place, &["backup", "backup.redb"]);
    assert!(done, "{said}");
    assert!(!store(&place, &["backup", "backup.redb"]).0, "it was written over");

    // Header and roots are gone, and with them all that redb could find.
    let mut bytes = fs::read(&file).expect("a store");
    bytes.iter_mut().take(4_096).for_each(|byte| *byte = 0x55);
    fs::write(&file, &bytes).expect("a store");
    assert!(!store(&place, &["check"]).0, "damage was not seen");
    let (done, said) = store(&place, &["restore", "backup.redb"]);
    assert!(done, "{said}");
    let (done, said) = store(&place, &["check"]);
    assert!(done && said.contains(": 5 batches of events wait"), "{said}");
    chat.listen().expect("a port");
    let mistgate = place.start();
    chat.wait(|posts| posts.len() == 5).expect("what waited");
    mistgate.stop();

    let damaged = "state/mistgate.before-restore";
    assert!(fs::read(place.path().join(damaged)).expect("a file") == bytes, "it was changed");
    let (done, said) = store(&place, &["salvage", damaged]);
    assert!(
        done && said.contains(": 5 batches of events, 0 dead letters and 0 incidents added"),
        "{said}"
    );
    let mistgate = place.start();
    chat.wait(|posts| posts.len() == 10).expect("what was salvaged");
    mistgate.stop();
    for n in 0..5 {
        let device = format!("ap-{n}.");
        let count = chat.taken().iter().filter(|body| body.contains(&device)).count();
        assert_eq!(count, 2, "{device}");
    }
    // What is known as delivered is not salvaged.
    fs::copy(&file, place.path().join("delivered.redb")).expect("a copy");
    let (done, said) = store(&place, &["salvage", "delivered.redb"]);
    assert!(
        done && said.contains(": 0 batches of events, 0 dead letters and 0 incidents added"),
        "{said}"
    );
}

#[test]
fn dead_letters_are_copied_put_back_and_salvaged() {
    let chat = Chat::open().expect("a chat");
    chat.answer(&[], say(400, "no_text"));
    let place =
        Place::new(&format!("[chat.slack]\npace = \"off\"\ndefault_url = \"{}\"", chat.url("/T")));
    let mistgate = place.start();
    for n in 0..5 {
        mistgate.accept(&event_body("AP_CONNECTED", &format!("ap-{n}.")));
    }
    let has = |mistgate: &Mistgate, count: f64| mistgate.metric("mistgate_dead_letters") == count;
    mistgate.until("letters", |mistgate| has(mistgate, 5.0));
    mistgate.stop();
    let (done, said) = store(&place, &["backup", "backup.redb"]);
    assert!(done, "{said}");
    let (done, said) = store(&place, &["restore", "backup.redb"]);
    assert!(done, "{said}");
    let (done, said) = store(&place, &["check"]);
    assert!(done && said.contains(": 0 batches of events wait, 5 are"), "{said}");
    assert!(said.contains(", 5 are dead letters, "), "{said}");

    let mut bytes = fs::read(place.path().join("backup.redb")).expect("a store");
    bytes.iter_mut().take(4_096).for_each(|byte| *byte = 0x55);
    fs::write(place.path().join("damaged.redb"), &bytes).expect("a store");
    let (done, said) = store(&place, &["salvage", "damaged.redb"]);
    assert!(
        done && said.contains(": 0 batches of events, 5 dead letters and 0 incidents added"),
        "{said}"
    );
    let mistgate = place.start();
    mistgate.until("letters", |mistgate| has(mistgate, 10.0));
    mistgate.stop();
}

/// The number of the last event that was accepted, while others are being sent.
fn accepting(mistgate: &Mistgate, sent: &AtomicUsize, stop: &AtomicBool) {
    while !stop.load(Ordering::SeqCst) {
        let n = sent.load(Ordering::SeqCst);
        mistgate.accept(&event_body("AP_CONNECTED", &format!("ap-{n}.")));
        sent.store(n + 1, Ordering::SeqCst);
    }
}

#[test]
fn a_backup_under_load_has_all_that_was_acknowledged_before() {
    let mut chat = Chat::closed().expect("a chat");
    let config = format!("[chat.slack]\npace = \"off\"\ndefault_url = \"{}\"", chat.url("/T"));
    let place = Place::new(&config);
    let mistgate = place.start_with(&[]);
    mistgate.until("a socket", |_| place.path().join("state/control.sock").exists());
    let (sent, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let wait = |count| {
        poll::within(LONG, || sent.load(Ordering::SeqCst) >= count, || "no events".to_owned());
    };
    let (acknowledged, [first, second]) = thread::scope(|scope| {
        scope.spawn(|| accepting(&mistgate, &sent, &stop));
        wait(200);
        let acknowledged = sent.load(Ordering::SeqCst);
        let first = store(&place, &["backup", "backup.redb"]);
        // It goes on.
        wait(sent.load(Ordering::SeqCst) + 50);
        let second = store(&place, &["backup", "backup.redb"]);
        stop.store(true, Ordering::SeqCst);
        (acknowledged, [first, second])
    });
    assert!(first.0 && first.1.contains("batches of events wait"), "{}", first.1);
    assert!(!second.0, "it was written over");
    assert_eq!(mode(&place.path().join("backup.redb")), 0o600);
    assert!(!place.path().join("state/mistgate.backup").exists());
    let line = mistgate.line("store_backed_up", 1);
    assert_eq!(line.get("failed").and_then(Value::as_str), Some(""), "{line}");
    mistgate.kill();

    let other = Place::new(&config);
    other.start().stop();
    let backup = place.path().join("backup.redb");
    let (done, said) = store(&other, &["restore", backup.to_str().expect("UTF-8")]);
    assert!(done, "{said}");
    chat.listen().expect("a port");
    let mistgate = other.start_with(&[]);
    let has = |posts: &[Post], n| {
        posts.iter().any(|post| post.request.body.contains(&format!("ap-{n}.")))
    };
    chat.wait(|posts| (0..acknowledged).all(|n| has(posts, n))).expect("all of them");
    mistgate.stop();
}
