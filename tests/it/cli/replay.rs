//! `mistgate replay`: where the events that were accepted would go with another configuration.

use mistgate_tests::chat::server::{Chat, LONG};
use mistgate_tests::webhook::mist::event_body;
use serde_json::{Value, json};

use crate::base::binary::{Mistgate, Place, SECRET, output, text};
use crate::base::poll;

/// Runs `mistgate replay`, and gives its lines.
fn replay(place: &Place, args: &[&str]) -> Vec<String> {
    let done = output(place.path(), &[&["replay"], args].concat());
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    text(&done.stdout).lines().map(str::to_owned).collect()
}

/// The lines without their times.
fn ways(lines: &[String]) -> Vec<&str> {
    lines.iter().filter_map(|line| Some(line.split_once("Z ")?.1)).collect()
}

fn last(lines: &[String]) -> &str {
    lines.last().map(String::as_str).unwrap_or_default()
}

/// Waits until nothing waits for a chat any more.
fn is_quiet(mistgate: &Mistgate, name: &str) {
    mistgate.until("something waits", |mistgate| {
        mistgate.destination(name).get("waiting").and_then(Value::as_u64) == Some(0)
    });
}

fn config(url: &str, store: &str, channels: &str) -> String {
    format!(
        "[store]\n{store}\n[chat.slack]\npace = \"off\"\ndefault_url = \
         \"{url}\"\n[chat.channels.device-events]\nSW_PORT_UP = \"drop\"\n{channels}\n"
    )
}

/// What `place` writes before a configuration, so that a file of another name is whole too.
fn whole(rest: &str) -> String {
    let listener = "[webhook]\nlisten = \"127.0.0.1:0\"\nsecret =";
    format!("state_dir = \"state\"\n{listener} \"{SECRET}\"\n{rest}")
}

#[test]
fn accepted_events_are_replayed_against_another_configuration() {
    let chat = Chat::open().expect("a chat");
    let now = config(&chat.url("/T"), "", "");
    let place = Place::new(&now);
    let changed = "SW_CONFIGURED = \"critical\"\nAP_CONFIGURED = \"drop\"";
    let new = whole(&config(&chat.url("/T"), "", changed).replace("SW_PORT_UP = \"drop\"\n", ""));
    place.write("new.toml", &new);
    let mistgate = place.start();
    for kind in ["SW_CONFIGURED", "AP_CONFIGURED", "SW_UPGRADED", "SW_PORT_UP", "AP_DISCONNECTED"] {
        mistgate.accept(&event_body(kind, "dev-1"));
    }
    mistgate.accept(r#"{"topic":"client-join","events":[{"mac":"5c5b35000001"}]}"#);
    chat.wait(|posts| posts.len() == 3).expect("the messages");
    is_quiet(&mistgate, "slack/default");

    let all = replay(&place, &["--config", "mistgate.toml"]);
    let expected = [
        "device-events SW_CONFIGURED -> debug: slack/default (built-in default for SW_CONFIGURED)",
        "device-events AP_CONFIGURED -> debug: slack/default (built-in default for AP_CONFIGURED)",
        "device-events SW_UPGRADED -> debug: slack/default (built-in default for SW_UPGRADED)",
        "device-events SW_PORT_UP -> dropped (override [chat.channels.device-events] SW_PORT_UP)",
        "device-events AP_DISCONNECTED -> info: slack/default (built-in default for \
         AP_DISCONNECTED)",
    ];
    assert_eq!(ways(&all), expected);
    assert_eq!(last(&all), "5 events: nowhere 1, slack/default 4");

    let diff = ["--config", "new.toml", "--diff", "mistgate.toml"];
    let changes = replay(&place, &diff);
    let expected = [
        "device-events SW_CONFIGURED -> debug: slack/default (built-in default for SW_CONFIGURED) \
         => critical: slack/default (override [chat.channels.device-events] SW_CONFIGURED)",
        "device-events AP_CONFIGURED -> debug: slack/default (built-in default for AP_CONFIGURED) \
         => dropped (override [chat.channels.device-events] AP_CONFIGURED)",
        "device-events SW_PORT_UP -> dropped (override [chat.channels.device-events] SW_PORT_UP) \
         => debug: slack/default (built-in default for SW_PORT_UP)",
    ];
    assert_eq!(ways(&changes), expected);
    let counts = "3 of 5 events go elsewhere: nowhere 1 => 1, slack/default 4 => 4";
    assert_eq!(last(&changes), counts);
    mistgate.stop();

    // The same of the store, once mistgate is stopped, and as JSON.
    assert_eq!(replay(&place, &diff), changes);
    let lines = replay(&place, &[&diff[..], &["--json", "--state-dir", "state"]].concat());
    let line: Value = serde_json::from_str(lines.get(1).expect("a line")).expect("JSON");
    assert_eq!(line.get("type"), Some(&json!("AP_CONFIGURED")));
    let names = |side: &str| line.pointer(&format!("/{side}/destinations")).cloned();
    let both = (names("before"), names("after"));
    assert_eq!(both, (Some(json!(["slack/default"])), Some(json!([]))));
    assert_eq!(lines.len(), 3);
    assert_eq!(chat.taken().len(), 3, "something was sent");
}

#[test]
fn what_is_kept_is_delivered_once_and_goes_when_it_is_too_old() {
    let chat = Chat::open().expect("a chat");
    let place = Place::new(&config(&chat.url("/T"), "", ""));
    let check = |place: &Place, said: &str| {
        let done = output(place.path(), &["store", "check", "--config", "mistgate.toml"]);
        assert!(text(&done.stdout).contains(said), "{}", text(&done.stdout));
    };
    let mistgate = place.start();
    for device in ["dev-1", "dev-2", "dev-3"] {
        mistgate.accept(&event_body("SW_UPGRADED", device));
    }
    chat.wait(|posts| posts.len() == 3).expect("the messages");
    is_quiet(&mistgate, "slack/default");
    mistgate.stop();
    check(
        &place,
        "0 batches of events wait, 3 are delivered and remembered, 3 are kept as history",
    );

    // It is no news to the next start, and goes with the next delivery once nothing is to be kept.
    place.configure(&config(&chat.url("/T"), "history = \"0s\"", ""));
    let mistgate = place.start();
    mistgate.accept(&event_body("SW_UPGRADED", "dev-4"));
    chat.wait(|posts| posts.len() == 4).expect("the message");
    poll::within(LONG, || replay(&place, &["--config", "mistgate.toml"]).len() == 1, String::new);
    mistgate.stop();
    check(
        &place,
        "0 batches of events wait, 4 are delivered and remembered, 0 are kept as history",
    );
    assert_eq!(chat.taken().len(), 4);
}

#[test]
fn without_mistgate_and_without_a_store_there_is_nothing_to_replay() {
    let place = Place::new("[chat.console]");
    let done = output(place.path(), &["replay", "--config", "mistgate.toml"]);
    assert_eq!(done.status.code(), Some(3), "{}", text(&done.stdout));
}
