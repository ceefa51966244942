//! Dead letters: what a chat refuses for good, or what grows too old or too much, is kept with the
//! reason, and a person sends it again or drops it.

use std::process::Output;

use mistgate_tests::chat::server::{Chat, OK, say};
use mistgate_tests::webhook::mist::event_body;
use serde_json::Value;

use crate::base::binary::{Place, output, text};

/// Runs `mistgate dead-letter`, and gives its exit code and what it printed.
fn dead_letter(place: &Place, args: &[&str]) -> (Option<i32>, String) {
    let (kind, rest) = args.split_first().expect("a command");
    let fixed = ["dead-letter", kind, "--config", "mistgate.toml"];
    let Output { status, stdout, stderr } = output(place.path(), &[&fixed[..], rest].concat());
    (status.code(), text(&stdout) + &text(&stderr))
}

/// The letters, newest first.
fn list(place: &Place) -> Vec<Value> {
    let (code, said) = dead_letter(place, &["list", "--json"]);
    assert_eq!(code, Some(0), "{said}");
    let said: Value = serde_json::from_str(&said).expect("JSON");
    let letters = said.get("letters").and_then(Value::as_array).expect("an array").clone();
    assert_eq!(said.get("count"), Some(&Value::from(letters.len())));
    letters
}

fn config(chat: &Chat, more: &str) -> String {
    format!(
        "[chat]\n{more}\n[chat.slack]\npace = \"off\"\ndefault_url = \"{}\"",
        chat.url("/services/T0/wJ8kfP2mQ")
    )
}

#[test]
fn what_a_chat_refuses_is_kept_over_a_kill_and_sent_again_once() {
    let chat = Chat::open().expect("a chat");
    chat.answer(&[], say(400, "invalid_blocks"));
    let place = Place::new(&config(&chat, ""));
    assert_eq!(dead_letter(&place, &["list"]).0, Some(3), "it does not run");
    let mistgate = place.start();
    for n in 0..3 {
        mistgate.accept(&event_body("AP_CONNECTED", &format!("ap-{n}.")));
    }
    mistgate.until("three letters", |mistgate| mistgate.metric("mistgate_dead_letters") == 3.0);
    let line = mistgate.line("dead_letters_kept", 1);
    assert_eq!(line.get("level").and_then(Value::as_str), Some("info"), "{line}");
    let pointer = "/store/dead_letters";
    assert_eq!(mistgate.status().pointer(pointer), Some(&Value::from(3)));
    let (_, first) = mistgate.kill();
    assert!(!first.contains("wJ8kfP2mQ"), "{first}");

    // A kill neither loses nor doubles them.
    let mistgate = place.start();
    mistgate.until("three letters", |mistgate| {
        mistgate.status().pointer(pointer) == Some(&Value::from(3))
    });
    let letters = list(&place);
    let reason = |letter: &Value| letter.get("reason").cloned();
    assert!(letters.iter().all(|one| reason(one) == Some("refused: 400 invalid_blocks".into())));
    let ids: Vec<u64> = letters.iter().filter_map(|one| one.get("id")?.as_u64()).collect();
    assert_eq!(ids, [3, 2, 1]);
    let (_, listed) = dead_letter(&place, &["list"]);
    let wanted = "slack/default  device-events AP_CONNECTED: refused: 400 invalid_blocks";
    assert!(listed.lines().count() == 3 && listed.contains(wanted), "{listed}");
    let (code, shown) = dead_letter(&place, &["show", "2"]);
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("\"device_name\": \"ap-1.\""), "{shown}");
    assert!(!(listed + &shown).contains("wJ8kfP2mQ"), "{shown}");

    chat.answer(&[], OK);
    let said = dead_letter(&place, &["send", "2"]);
    assert_eq!(said, (Some(0), "2: queued again for slack/default\n".to_owned()));
    chat.wait(|posts| posts.iter().filter(|post| post.is_taken()).count() == 1).expect("a post");
    let [taken] = chat.taken().try_into().expect("one");
    assert!(taken.contains("ap-1."), "{taken}");
    let gone = (Some(1), "there is no such dead letter\n".to_owned());
    assert_eq!(dead_letter(&place, &["send", "2"]), gone);
    assert_eq!(dead_letter(&place, &["drop", "1"]), (Some(0), "1: dropped\n".to_owned()));
    assert_eq!(dead_letter(&place, &["show", "1"]), gone);
    assert_eq!(list(&place).len(), 1);
    for event in ["dead_letter_sent", "dead_letter_dropped"] {
        let line = mistgate.line(event, 1);
        assert!(line.get("from").and_then(Value::as_str).is_some_and(|by| by.starts_with("uid ")));
    }

    // Where its destination is gone, it stays.
    place.configure("[chat.console]");
    mistgate.reload();
    let (code, said) = dead_letter(&place, &["send", "3"]);
    assert!(code == Some(1) && said.contains("slack/default is no longer configured"), "{said}");
    assert_eq!(list(&place).len(), 1);
    mistgate.stop();
    assert_eq!(chat.taken().len(), 1);
}

#[test]
fn what_grows_too_old_or_too_much_becomes_a_dead_letter() {
    let mut chat = Chat::closed().expect("a chat");
    let place = Place::new(&config(&chat, "queue_max = 2\nmax_age = \"3s\""));
    let mistgate = place.start();
    for n in 0..4 {
        mistgate.accept(&event_body("AP_CONNECTED", &format!("ap-{n}.")));
    }
    mistgate.until("letters", |mistgate| mistgate.metric("mistgate_dead_letters") == 4.0);
    let reasons: Vec<_> = list(&place)
        .iter()
        .filter_map(|one| one.get("reason")?.as_str().map(str::to_owned))
        .collect();
    let count = |reason: &str| reasons.iter().filter(|one| *one == reason).count();
    assert_eq!(count("more than queue_max waited") + count("older than max_age"), 4);
    assert!(count("more than queue_max waited") >= 1, "{reasons:?}");
    chat.listen().expect("a port");
    mistgate.until("an end of waiting", |mistgate| {
        mistgate.destination("slack/default").get("health") == Some(&"ready".into())
    });
    for id in 1..=4 {
        assert_eq!(dead_letter(&place, &["send", &id.to_string()]).0, Some(0));
        chat.wait(|posts| posts.len() == id).expect("a post");
    }
    assert_eq!(dead_letter(&place, &["list"]).1, "there are no dead letters\n");
    mistgate.stop();
}
