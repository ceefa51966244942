//! PagerDuty: alerts that are opened, acknowledged and resolved, and what its answers do.

use mistgate_tests::chat::limits::pagerduty::{VENDOR, alerts};
use mistgate_tests::chat::server::{Chat, Post, say};
use mistgate_tests::chat::stand_in::judge;
use mistgate_tests::webhook::mist::{body, device_event};
use serde_json::Value;

use crate::base::binary::{Mistgate, Place, output, text};

const KEY: &str = "R0UT1NGKEYR0UT1NGKEYR0UT1NGKEY99";

fn place(chat: &Chat) -> Place {
    Place::new(&format!(
        "[[chat.destination]]\nname = \"oncall\"\nkind = \"pagerduty\"\nurl = \"{}\"\n\
         routing_key = \"{KEY}\"\n[[chat.route]]\nto = [\"oncall\"]\n\
         [incidents]\nhold = \"1s\"",
        chat.url("/v2/enqueue")
    ))
}

/// Events of access points of one site, by their numbers.
fn events(mistgate: &Mistgate, kind: &str, numbers: std::ops::Range<u32>) {
    let event = |number| {
        let mut event = device_event(kind, &format!("ap-{number}"));
        let members = event.as_object_mut().expect("an object");
        members.insert("mac".to_owned(), format!("5c5b35{number:06x}").into());
        members.insert("site_name".to_owned(), "Branch-7".into());
        members.insert("site_id".to_owned(), "00000000-0000-0000-0000-000000000007".into());
        event
    };
    mistgate.accept(&body("device-events", &numbers.map(event).collect::<Vec<_>>()));
}

/// Waits until there is one alert, in this state and with this title.
fn wait(chat: &Chat, state: &str, title: &str) -> Vec<Post> {
    let is_so = |posts: &[Post]| {
        let alerts = alerts(posts);
        alerts.len() == 1 && alerts.values().all(|(now, _, last)| *now == state && last == title)
    };
    chat.wait(is_so).unwrap_or_else(|| panic!("{state} {title}: {:?}", alerts(&chat.posts())))
}

#[test]
fn an_outage_of_a_site_is_one_alert_from_its_beginning_to_its_end() {
    let chat = Chat::open().expect("a stand-in");
    chat.answer(&[say(429, ""), say(500, "")], VENDOR.taken);
    let place = place(&chat);
    let mistgate = place.start();
    events(&mistgate, "AP_DISCONNECTED", 0..60);
    wait(&chat, "triggered", "60 APs down at Branch-7");
    for id in 1..=60 {
        let args = ["incident", "ack", &id.to_string(), "--config", "mistgate.toml"];
        assert!(output(place.path(), &args).status.success());
    }
    wait(&chat, "acknowledged", "60 APs down at Branch-7");
    events(&mistgate, "AP_CONNECTED", 0..60);
    let posts = wait(&chat, "resolved", "60 APs down at Branch-7");
    for post in &posts {
        let (_, faults) = judge(&VENDOR, &post.request);
        assert!(faults.is_empty(), "{faults:?}: {}", post.request.body);
    }
    let first = posts.iter().find(|post| post.is_taken()).expect("a trigger");
    let first: Value = serde_json::from_str(&first.request.body).expect("JSON");
    assert_eq!(first.get("routing_key").and_then(Value::as_str), Some(KEY));
    let names = first.pointer("/payload/custom_details/Open").and_then(Value::as_str);
    let names = names.expect("names");
    assert!(names.matches("ap-").count() == 50 && names.ends_with(" and 10 more"), "{names}");
    assert_eq!(first.pointer("/payload/source").and_then(Value::as_str), Some("Branch-7"));
    // What is no incident is not told there, and that is counted.
    events(&mistgate, "AP_CONFIGURED", 0..1);
    let untold = "mistgate_events_by_fate_total{destination=\"oncall\",fate=\"no_incident\"}";
    mistgate.until(untold, |mistgate| mistgate.metric(untold) == 1.0);
    let ended = mistgate.stop();
    assert!(!ended.contains(KEY));
}

#[test]
fn a_refused_event_is_not_sent_again_and_a_wrong_key_is_said_without_it() {
    let chat = Chat::open().expect("a stand-in");
    let wrong = r#"{"status":"invalid event","errors":["Invalid routing key"]}"#;
    chat.answer(&[VENDOR.refused, VENDOR.refused], say(400, wrong));
    let place = place(&chat);
    let mistgate = place.start();
    events(&mistgate, "AP_DISCONNECTED", 0..1);
    let posts = chat.wait(|posts| posts.len() == 2).expect("with details, and without");
    let bodies: Vec<&str> = posts.iter().map(|post| post.request.body.as_str()).collect();
    assert_ne!(bodies.first(), bodies.last());
    events(&mistgate, "AP_DISCONNECTED", 1..2);
    mistgate.line("parked", 1);
    let status = mistgate.destination("oncall");
    assert_eq!(status.get("reason").and_then(Value::as_str), Some("forbidden"), "{status}");
    let shown = output(place.path(), &["status", "--config", "mistgate.toml"]);
    assert!(!(text(&shown.stdout) + &mistgate.stop()).contains(KEY));
}
