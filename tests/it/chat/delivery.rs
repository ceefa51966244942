//! From a signed webhook to the chats: the right channel, and the effect of each answer.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mistgate_tests::chat::server::{Answer, Chat, OK, Post, say};
use mistgate_tests::webhook::mist::{body, device_event, event_body};
use serde_json::Value;

use crate::base::binary::{Mistgate, Place};

/// The answers of the three products to a valid message.
const TEAMS_OK: Answer = say(202, "");
const GOOGLE_OK: Answer = say(200, "{\"name\":\"spaces/S/messages/M\"}");

fn slack(chat: &Chat) -> String {
    format!("[chat.slack]\npace = \"off\"\ndefault_url = \"{}\"", chat.url("/slack"))
}

fn series(metric: &str, destination: &str) -> String {
    format!("mistgate_{metric}{{destination=\"{destination}\"}}")
}

fn is_text(value: &Value, key: &str, expected: &str) -> bool {
    value.get(key).and_then(Value::as_str) == Some(expected)
}

#[test]
fn each_chat_gets_each_event_in_its_own_format_and_channel() {
    let chats: Vec<Chat> = (0..3).map(|_| Chat::open().expect("a chat")).collect();
    let [slack, teams, google] = chats.as_slice() else {
        panic!("three chats");
    };
    teams.answer(&[], TEAMS_OK);
    google.answer(&[], GOOGLE_OK);
    let section = |name: &str, chat: &Chat| {
        format!(
            "[chat.{name}]\npace = \"off\"\ndefault_url = \"{}\"\n\
             urls = {{ warning = \"{}\", critical = \"{}\" }}\n",
            chat.url("/default?key=k&token=t"),
            chat.url("/warning?key=k&token=t"),
            chat.url("/critical?key=k&token=t"),
        )
    };
    let place = Place::new(&format!(
        "{}{}{}[chat.channels.device-events]\nAP_CONFIGURED = \"debug\"\nAP_CONNECTED = \"info\"\n\
         AP_DISCONNECTED = \"warning\"\nSW_DISCONNECTED = \"critical\"\nAP_RESTARTED = \"drop\"\n\
         [incidents]\nhold = \"0s\"",
        section("slack", slack),
        section("teams", teams),
        section("google", google),
    ));
    let mistgate = place.start();
    let kinds = [
        ("AP_CONFIGURED", "ap-debug", "/default"),
        ("AP_CONNECTED", "ap-info", "/default"),
        ("AP_DISCONNECTED", "ap-warning", "/warning"),
        ("SW_DISCONNECTED", "sw-critical", "/critical"),
    ];
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let event = |(at, (kind, device, _)): (usize, &(&str, &str, &str))| {
        let mut event = device_event(kind, device);
        let mac = format!("00005e00530{at}");
        event
            .as_object_mut()
            .expect("an object")
            .extend([("mac".to_owned(), mac.into()), ("timestamp".to_owned(), now.into())]);
        event
    };
    let mut events: Vec<_> = kinds.iter().enumerate().map(event).collect();
    events.push(device_event("AP_RESTARTED", "ap-dropped"));
    mistgate.accept(&body("device-events", &events));
    for chat in &chats {
        let posts = chat.wait(|posts| posts.len() == 4).expect("four posts");
        for (_, device, path) in kinds {
            let about: Vec<&Post> =
                posts.iter().filter(|post| post.request.body.contains(device)).collect();
            let [post] = about.as_slice() else {
                panic!("{device}: {about:?}");
            };
            let target = post.request.target();
            assert!(target.starts_with(&format!("{path}?key=k&token=t")), "{device}: {target}");
            assert_eq!(
                post.request.header("content-type"),
                Some("application/json; charset=utf-8")
            );
            let message: Value = serde_json::from_str(&post.request.body).expect("JSON");
            let shape = [("slack", "blocks"), ("teams", "attachments"), ("google", "cardsV2")];
            let shaped = shape.iter().zip(&chats).find(|(_, of)| of.address() == chat.address());
            let ((name, member), _) = shaped.expect("one of the three");
            assert!(message.get(*member).is_some_and(Value::is_array), "{name}: {message}");
        }
    }
    for name in ["slack", "teams", "google"] {
        let destination = format!("{name}/default");
        let delivered = series("events_delivered_total", &destination);
        mistgate.until(&delivered, |mistgate| mistgate.metric(&delivered) == 2.0);
        for channel in ["warning", "critical"] {
            let labels = format!("destination=\"{name}/{channel}\",fate=\"told\"");
            let told = format!("mistgate_events_by_fate_total{{{labels}}}");
            mistgate.until(&told, |mistgate| mistgate.metric(&told) == 1.0);
        }
    }
    assert_eq!(mistgate.metric("mistgate_events_unrouted_total"), 1.0);
    mistgate.stop();
    assert!(chats.iter().all(|chat| chat.posts().len() == 4), "something was posted twice");
}

#[test]
fn what_was_accepted_while_the_chat_was_down_is_delivered_after_a_restart() {
    let mut chat = Chat::closed().expect("a chat");
    let place = Place::new(&slack(&chat));
    let mistgate = place.start();
    for n in 0..20 {
        mistgate.accept(&event_body("AP_CONNECTED", &format!("ap-{n:02}.")));
    }
    mistgate.line("retrying", 1);
    let waiting = mistgate.destination("slack/default");
    assert!(is_text(&waiting, "health", "failing"), "{waiting}");
    assert!(is_text(&waiting, "reason", "connection"), "{waiting}");
    assert_eq!(waiting.get("waiting").and_then(Value::as_u64), Some(20));
    mistgate.stop();

    let mistgate = place.start();
    mistgate.line("retrying", 1);
    mistgate.kill();
    chat.listen().expect("a port");
    let mistgate = place.start();
    let posts = chat.wait(|posts| posts.len() == 20).expect("twenty posts");
    for (n, post) in posts.iter().enumerate() {
        assert!(post.request.body.contains(&format!("ap-{n:02}.")), "out of order: {post:?}");
    }
    mistgate.until("an empty queue", |mistgate| {
        mistgate.destination("slack/default").get("waiting").and_then(Value::as_u64) == Some(0)
    });
    mistgate.stop();

    // The next run has nothing left to send.
    let mistgate = place.start();
    mistgate.accept(&event_body("AP_CONNECTED", "ap-last"));
    chat.wait(|posts| posts.len() == 21).expect("one more post");
    mistgate.stop();
    assert_eq!(chat.posts().len(), 21);
}

#[test]
fn a_chat_that_asks_for_time_gets_it() {
    let chat = Chat::open().expect("a chat");
    // Longer than the first backoff.
    const WAIT: Duration = Duration::from_secs(2);
    let later = Answer::Say { status: 429, headers: "Retry-After: 2\r\n", body: "rate_limited" };
    chat.answer(&[later], OK);
    let place = Place::new(&slack(&chat));
    let mistgate = place.start();
    mistgate.accept(&event_body("AP_CONNECTED", "ap-1"));
    mistgate.accept(&event_body("AP_CONNECTED", "ap-2"));
    let posts = chat.wait(|posts| posts.len() == 3).expect("three posts");
    let [first, second, third] = posts.as_slice() else {
        panic!("{posts:?}");
    };
    assert!(second.at - first.at >= WAIT, "{:?}", second.at - first.at);
    assert!(first.request.body.contains("ap-1") && second.request.body == first.request.body);
    assert!(third.request.body.contains("ap-2"));
    let retries = "mistgate_retries_total{destination=\"slack/default\",reason=\"rate_limited\"}";
    assert_eq!(mistgate.metric(retries), 1.0);
    mistgate.stop();
}

#[test]
fn what_is_refused_in_full_is_sent_in_the_plain_form() {
    let chat = Chat::open().expect("a chat");
    chat.answer(&[say(400, "invalid_blocks")], OK);
    let place = Place::new(&slack(&chat));
    let mistgate = place.start();
    mistgate.accept(&event_body("AP_CONNECTED", "ap-1"));
    let posts = chat.wait(|posts| posts.len() == 2).expect("two posts");
    let messages: Vec<Value> =
        posts.iter().map(|post| serde_json::from_str(&post.request.body).expect("JSON")).collect();
    let [rich, plain] = messages.as_slice() else {
        panic!("{messages:?}");
    };
    assert!(rich.get("blocks").is_some() && plain.get("blocks").is_none(), "{rich} {plain}");
    let text = plain.get("text").and_then(Value::as_str).expect("a text");
    assert!(text.contains("ap-1"), "{text}");
    assert!(is_text(&mistgate.line("delivered", 1), "form", "plain"));

    // After a refusal of both forms the event is dropped, and the next one is sent.
    chat.answer(&[say(400, "invalid_payload"), say(400, "invalid_payload")], OK);
    mistgate.accept(&event_body("AP_CONNECTED", "ap-2"));
    mistgate.accept(&event_body("AP_CONNECTED", "ap-3"));
    assert!(is_text(&mistgate.line("dropped", 1), "reason", "refused"));
    assert!(is_text(&mistgate.line("delivered", 2), "form", "rich"));
    let dropped = "mistgate_events_dropped_total{destination=\"slack/default\",reason=\"refused\"}";
    assert_eq!(mistgate.metric(dropped), 1.0);
    mistgate.stop();
}

#[test]
fn a_dead_destination_is_parked_reported_to_the_others_and_resumed() {
    let (dead, alive) = (Chat::open().expect("a chat"), Chat::open().expect("a chat"));
    dead.answer(&[], say(404, "no_service"));
    let place = Place::new(&format!(
        "{}\n[chat.google]\npace = \"off\"\ndefault_url = \"{}\"\n[incidents]\nhold = \"0s\"",
        slack(&dead),
        alive.url("/google")
    ));
    let mistgate = place.start();
    mistgate.accept(&event_body("AP_CONNECTED", "ap-1"));
    let parked = mistgate.line("parked", 1);
    assert!(is_text(&parked, "to", "slack/default") && is_text(&parked, "reason", "gone"));
    let posts = alive.wait(|posts| posts.len() == 2).expect("the event and the report");
    let report = posts.iter().find(|post| !post.request.body.contains("ap-1"));
    let report = &report.expect("a report").request.body;
    for words in ["Chat destination stopped", "slack/default", "the channel, space or flow is gone"]
    {
        assert!(report.contains(words), "{words}: {report}");
    }
    let status = mistgate.destination("slack/default");
    assert!(is_text(&status, "health", "parked") && is_text(&status, "reason", "gone"), "{status}");
    assert_eq!(status.get("waiting").and_then(Value::as_u64), Some(1));
    assert_eq!(mistgate.metric(&series("parked", "slack/default")), 1.0);
    assert_eq!(mistgate.metric(&series("parked", "google/default")), 0.0);
    assert_eq!(mistgate.metric(&series("queued", "slack/default")), 1.0);

    // While the destination is parked, new events are not sent.
    mistgate.accept(&event_body("AP_CONNECTED", "ap-2"));
    alive.wait(|posts| posts.len() == 3).expect("the second event");
    assert_eq!(dead.posts().len(), 1);

    // Somebody repairs it, and asks for a retry.
    dead.answer(&[], OK);
    mistgate.reload();
    mistgate.line("resumed", 1);
    dead.wait(|posts| posts.iter().filter(|post| post.is_taken()).count() == 2).expect("both");
    let posts = alive.wait(|posts| posts.len() == 4).expect("a report");
    let resumed = |post: &Post| post.request.body.contains("Chat destination resumed");
    assert!(posts.iter().any(resumed), "{posts:?}");
    mistgate.until("no parked destination", |mistgate| {
        mistgate.metric(&series("parked", "slack/default")) == 0.0
            && mistgate.metric(&series("queued", "slack/default")) == 0.0
    });
    let status = mistgate.destination("slack/default");
    assert!(is_text(&status, "health", "ready"), "{status}");
    mistgate.stop();
}

#[test]
fn the_vendors_pace_is_kept() {
    let chat = Chat::open().expect("a chat");
    let config = format!("[chat.slack]\ndefault_url = \"{}\"", chat.url("/slack"));
    let place = Place::new(&config);
    let mistgate: Mistgate = place.start();
    let before = Instant::now();
    let devices = ["ap-1", "ap-2", "ap-3"];
    let events = devices.map(|device| device_event("AP_CONNECTED", device));
    mistgate.accept(&body("device-events", &events));
    let posts = chat.wait(|posts| posts.len() == 3).expect("three posts");
    for (n, (post, device)) in (0..).zip(posts.iter().zip(devices)) {
        assert!(post.request.body.contains(device), "{post:?}");
        // One per second: the third leaves at least two seconds after the first, which left after
        // `before`.
        assert!(post.at - before >= Duration::from_secs(n), "{device}: {:?}", post.at - before);
    }
    mistgate.stop();
}
