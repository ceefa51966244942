//! Conversations about incidents, as people read them from top to bottom in each chat.
//!
//! Each has a golden file under `vectors/conversations/`. After an intended change, `UPDATE=1 cargo
//! test -p mistgate-tests conversations` rewrites them; read them as a tired person would.

use std::collections::BTreeMap;
use std::{fs, path::Path};

use mistgate_tests::incidents::scenes::ALL;

use crate::webhook::vectors::difference;

/// The most messages of a storm for each URL, without single critical ones.
const STORM_MAX: usize = 15;

#[test]
fn conversations_need_no_explanation() {
    let golden = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/vectors/conversations"));
    let update = std::env::var_os("UPDATE").is_some_and(|value| value == "1");
    for (name, about, scene) in ALL {
        let text = scene().as_read(about);
        let path = golden.join(name).with_extension("txt");
        if update {
            fs::create_dir_all(golden).expect("a folder");
            fs::write(&path, &text).expect("a golden file can be written");
        }
        let found = fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(difference(&found, &text), None, "{name}");
    }
}

#[test]
fn a_storm_is_a_few_messages_and_its_end_is_told_soon() {
    // The last change of each storm, in seconds after its beginning; and what says so.
    let ends = BTreeMap::from([
        ("storm-flapping-site", (1_329, "All over: 89 APs back at Branch-7")),
        ("storm-mass-outage", (660, "AP-141 down at Store-22")),
    ]);
    let mut storms = 0;
    for (name, _, scene) in ALL {
        let Some((end, last)) = ends.get(name) else { continue };
        storms += 1;
        let conversation = scene();
        let mut by_url: BTreeMap<&str, Vec<_>> = BTreeMap::new();
        for seen in conversation.seen.iter().filter(|seen| !seen.is_critical) {
            by_url.entry(&seen.to).or_default().push(seen);
        }
        assert_eq!(by_url.len(), 3, "each chat hears of {name}");
        for (to, seen) in by_url {
            assert!(seen.len() <= STORM_MAX, "{name}: {} messages to {to}", seen.len());
            let told = seen.last().expect("a message");
            assert!(told.card.title.contains(last), "{to}: {}", told.card.title);
            let after = told.at.as_secs() - end;
            assert!(after <= 120, "{name}: {to} hears of its end after {after} s");
        }
    }
    assert_eq!(storms, ends.len());
}
