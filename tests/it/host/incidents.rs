//! Incidents and silences, as people reach them: by the commands, and by the admin endpoint.

use std::process::Output;

use mistgate_tests::chat::server::Chat;
use mistgate_tests::webhook::mist::body;
use serde_json::{Value, json};

use crate::base::binary::{Mistgate, Place, output, text};

/// Runs a command on the running mistgate, and gives its exit code and what it printed.
fn run(place: &Place, args: &[&str]) -> (Option<i32>, String) {
    let fixed = ["--config", "mistgate.toml"];
    let Output { status, stdout, stderr } = output(place.path(), &[args, &fixed].concat());
    (status.code(), text(&stdout) + &text(&stderr))
}

/// Runs one that must succeed, and gives its JSON.
fn read(place: &Place, args: &[&str]) -> Value {
    let (code, said) = run(place, args);
    assert_eq!(code, Some(0), "{said}");
    serde_json::from_str(&said).expect("JSON")
}

/// An event of the access point of this number, at this site.
fn ap(kind: &str, number: u8, site: &str) -> String {
    let event = json!({
        "type": kind,
        "mac": format!("5c5b3500{number:04x}"),
        "device_name": format!("AP-{number}"),
        "device_type": "ap",
        "site_id": format!("id of {site}"),
        "site_name": site,
    });
    body("device-events", &[event])
}

fn config(chat: &Chat) -> String {
    let url = chat.url("/services/T0");
    format!("[incidents]\nhold = \"0s\"\n[chat.slack]\npace = \"off\"\ndefault_url = \"{url}\"")
}

fn post(mistgate: &Mistgate, path: &str, body: &str) -> (u16, String) {
    let answer = mistgate.order(path, &[], body);
    (answer.status(), answer.body.clone())
}

#[test]
fn an_incident_is_listed_shown_and_acknowledged_over_a_kill() {
    let chat = Chat::open().expect("a chat");
    let place = Place::new(&config(&chat));
    assert_eq!(run(&place, &["incident", "list"]).0, Some(3), "it does not run");
    let mistgate = place.start();
    mistgate.webhook();
    mistgate.until("a socket", |_| {
        run(&place, &["incident", "list"]) == (Some(0), "no incident is open\n".to_owned())
    });
    mistgate.accept(&ap("AP_DISCONNECTED", 1, "Branch-7"));
    mistgate.line("told", 1);

    let (code, listed) = run(&place, &["incident", "list"]);
    assert_eq!(code, Some(0), "{listed}");
    assert!(listed.starts_with("     1  info      open      20"), "{listed}");
    assert!(listed.ends_with("  Branch-7  AP-1 down\n"), "{listed}");
    let list = read(&place, &["incident", "list", "--json"]);
    assert_eq!(list.pointer("/incidents/0/device"), Some(&json!("AP-1")), "{list}");
    let (code, shown) = run(&place, &["incident", "show", "1"]);
    assert_eq!(code, Some(0), "{shown}");
    for line in [
        "site          Branch-7",
        "device        ap AP-1 5c:5b:35:00:00:01",
        "source        device-events AP_DISCONNECTED",
        "told          slack/default: open, info, at ",
    ] {
        assert!(shown.lines().any(|shown| shown.starts_with(line)), "{line} in {shown}");
    }
    let none = (Some(1), "there is no such incident\n".to_owned());
    assert_eq!(run(&place, &["incident", "show", "2"]), none);
    assert_eq!(run(&place, &["incident", "ack", "2"]), none);

    let acknowledged = run(&place, &["incident", "ack", "1", "--comment", "on it"]);
    assert_eq!(acknowledged, (Some(0), "1: acknowledged: AP-1 down\n".to_owned()));
    let line = mistgate.line("incident_acknowledged", 1);
    let from = line.get("from").and_then(Value::as_str).expect("who").to_owned();
    assert!(from.starts_with("uid "), "{line}");
    assert_eq!(line.get("comment"), Some(&json!("on it")), "{line}");
    // What was answered is on disk.
    mistgate.kill();

    let mistgate = place.start();
    mistgate.webhook();
    let by = |pointer: &str| {
        let answer = mistgate.ask("/incidents/1");
        let incident: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        incident.pointer(pointer).cloned()
    };
    mistgate.until("what was kept", |_| by("/acknowledged/by") == Some(json!(from)));
    assert_eq!(by("/told/0/as"), Some(json!("open")));

    mistgate.accept(&ap("AP_CONNECTED", 1, "Branch-7"));
    mistgate.line("incident_over", 1);
    assert_eq!(by("/state"), Some(json!("over")));
    let (code, said) = run(&place, &["incident", "ack", "1"]);
    assert!(code == Some(1) && said.starts_with("it is over since 20"), "{said}");
    mistgate.stop();
}

#[test]
fn a_silence_says_what_it_covers_and_what_it_hid_is_told_when_it_ends() {
    let chat = Chat::open().expect("a chat");
    let place = Place::new(&config(&chat));
    let mistgate = place.start();
    mistgate.accept(&ap("AP_DISCONNECTED", 1, "Branch-7"));
    mistgate.line("told", 1);
    mistgate.until("a socket", |_| run(&place, &["silence", "list"]).0 == Some(0));

    let recovered = ["silence", "add", "--match", "site=Branch-*", "--until-recovered"];
    let (code, said) = run(&place, &recovered);
    assert_eq!(code, Some(0), "{said}");
    let [first, incident, made] = said.lines().collect::<Vec<_>>().try_into().expect("three");
    let (first, incident, made): (&str, &str, &str) = (first, incident, made);
    assert_eq!(first, "it covers 1 open incident now:");
    assert!(incident.ends_with("  Branch-7  AP-1 down"), "{said}");
    assert_eq!(made, "silence 1, until that has recovered");
    let (code, said) = run(&place, &["silence", "add", "--match", "site=x", "--until-recovered"]);
    assert!(code == Some(1) && said.contains("no open incident matches"), "{said}");

    let made = run(
        &place,
        &["silence", "add", "--match", "site=Store-1", "--for", "8h", "--comment", "new floor"],
    );
    assert_eq!(made.0, Some(0), "{}", made.1);
    assert!(
        made.1.starts_with("it covers nothing that is open now\nsilence 2, until 20"),
        "{made:?}"
    );
    let line = mistgate.line("silence_made", 2);
    assert_eq!(line.get("match"), Some(&json!("site=Store-1")), "{line}");
    assert!(line.get("from").and_then(Value::as_str).is_some_and(|by| by.starts_with("uid ")));
    mistgate.accept(&ap("AP_DISCONNECTED", 2, "Store-1"));
    mistgate.line("incident_opened", 2);
    let (_, listed) = run(&place, &["silence", "list"]);
    assert!(listed.contains("mutes 1 now  site=Store-1, by uid "), "{listed}");
    assert!(listed.contains(": new floor\n"), "{listed}");
    let (_, listed) = run(&place, &["incident", "list"]);
    assert!(listed.contains("  Store-1  AP-2 down, muted: silence 2\n"), "{listed}");
    assert_eq!(mistgate.journal("told").len(), 1);

    let status = mistgate.status();
    for (pointer, value) in [
        ("/incidents/open", json!(2)),
        ("/incidents/muted", json!(2)),
        ("/incidents/by_severity/info", json!(0)),
        ("/incidents/silences", json!(2)),
    ] {
        assert_eq!(status.pointer(pointer), Some(&value), "{pointer}");
    }
    let (code, said) = run(&place, &["status"]);
    assert!(
        code == Some(0) && said.contains("incidents     2 open, 2 muted; 2 silences\n"),
        "{said}"
    );

    assert_eq!(run(&place, &["silence", "end", "2"]), (Some(0), "2: ended\n".to_owned()));
    let gone = (Some(1), "there is no such silence\n".to_owned());
    assert_eq!(run(&place, &["silence", "end", "2"]), gone);
    mistgate.line("told", 2);
    mistgate.line("silence_ended", 1);
    let (code, said) = run(&place, &["status"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.lines().next().is_some_and(|line| line.ends_with(": incidents are open: 1 info")));
    let line = "    2       info      AP-2 down since 20";
    assert!(said.contains("  Store-1: 1 open\n") && said.contains(line), "{said}");
    assert_eq!(mistgate.metric("mistgate_incidents_open{severity=\"info\"}"), 1.0);
    assert_eq!(mistgate.metric("mistgate_incidents_muted"), 1.0);
    mistgate.stop();
}

#[test]
fn wrong_requests_are_refused_in_a_line() {
    let place = Place::new("[chat.console]");
    let mistgate = place.start();
    mistgate.admin();
    for (path, body, status, said) in [
        ("/incidents/7/ack", "", 404, "there is no such incident\n"),
        (
            "/incidents/7/ack",
            "{",
            400,
            "the body: EOF while parsing an object at line 1 column 1\n",
        ),
        ("/incidents/7/ack", r#"{"by":"me"}"#, 400, "the body: unknown field `by`, expected"),
        ("/silences", r#"{"match":{"site":"x"}}"#, 400, "expected one of for, until and"),
        ("/silences", r#"{"match":{"site":"x"},"for":"91d"}"#, 400, "a silence may last for at"),
        ("/silences/preview", r#"{"match":{"city":"x"}}"#, 400, "match.city: expected org, site"),
        ("/silences/preview", r#"{"match":{"site":"x"}}"#, 200, "{\n  \"count\": 0,"),
        ("/silences/7/end", "", 404, "there is no such silence\n"),
        ("/silences", &" ".repeat(70_000), 413, "a body longer than allowed\n"),
    ] {
        let (code, answer) = post(&mistgate, path, body);
        assert_eq!(code, status, "{path} {answer}");
        assert!(answer.starts_with(said), "{path}: {answer}");
        assert!(status == 200 || answer.lines().count() <= 1, "{answer}");
    }
    mistgate.until("a socket", |_| run(&place, &["silence", "list"]).0 == Some(0));
    for args in [
        &["silence", "add", "--for", "1h"][..],
        &["silence", "add", "--match", "site=x"],
        &["silence", "add", "--match", "site=x", "--for", "1h", "--until-recovered"],
        &["silence", "add", "--match", "city=x", "--for", "1h"],
        &["silence", "add", "--match", "site", "--for", "1h"],
        &["silence", "add", "--match", "site=x", "--for", "91d"],
        &["silence", "add", "--match", "site=x", "--until", "tomorrow"],
        &["incident", "show"],
    ] {
        assert_eq!(run(&place, args).0, Some(2), "{args:?}");
    }
    let past = ["silence", "add", "--match", "site=x", "--until", "2020-01-01 08:00"];
    let (code, said) = run(&place, &past);
    assert!(code == Some(1) && said.contains("until: expected a time to come"), "{said}");
    mistgate.stop();
}

#[test]
fn what_is_only_printed_is_an_incident_too() {
    let place = Place::new("[chat.console]\n[incidents]\nhold = \"0s\"");
    let mistgate = place.start();
    mistgate.accept(&ap("AP_DISCONNECTED", 1, "Branch-7"));
    mistgate.line("incident_opened", 1);
    mistgate.until("a socket", |_| run(&place, &["silence", "list"]).0 == Some(0));
    let (code, listed) = run(&place, &["incident", "list"]);
    assert!(code == Some(0) && listed.ends_with("  Branch-7  AP-1 down\n"), "{listed}");
    mistgate.until("the event with its incident", |mistgate| {
        let printed = mistgate.stdout();
        printed.contains(r#""incidents":[{"id":1,"state":"open""#)
    });
    mistgate.stop();
}
