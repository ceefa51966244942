//! The webhook listener's answers, by the table of the contract.

use std::io::Write;
use std::time::{Duration, Instant};

use mistgate_tests::base::http;
use mistgate_tests::chat::server::Chat;
use mistgate_tests::webhook::mist::{Mist, body, connect, device_event, event_body, request, send};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::base::binary::{Place, SECRET};

#[test]
fn every_answer_of_the_contract() {
    let place = Place::new("max_body = \"2KiB\"\nbody_timeout = \"300ms\"\n[chat.console]");
    let mistgate = place.start();
    let to = mistgate.webhook();
    let mist = Mist::new(SECRET);
    let good = event_body("AP_CONNECTED", "ap-1");
    let status = |request: &str| {
        let answer = send(to, request).expect("an answer");
        assert_eq!(answer.body, "", "{request}");
        answer.status()
    };

    assert_eq!(status(&mist.request(&good)), 200);
    for body in [
        r#"{"topic":"ping","events":[{"name":"my webhook"}]}"#,
        r#"{"topic":"alarms","events":[]}"#,
        r#"{"topic":"alarms","events":null}"#,
        r#"{"topic":"alarms"}"#,
        r#"{"topic":"a-topic-of-tomorrow","events":[{"type":"X"}]}"#,
        r#"{"topic":"device-events","events":[{"type":"A_TYPE_OF_TOMORROW"}]}"#,
        r#"{"topic":"alarms","events":[7,null,"x"]}"#,
    ] {
        assert_eq!(status(&mist.request(body)), 200, "{body}");
    }
    for body in ["", "x", "[]", "{", r#"{"events":[]}"#, r#"{"topic":"x","events":7}"#] {
        assert_eq!(status(&mist.request(body)), 400, "{body}");
    }
    assert_eq!(status(&Mist::new("another").request(&good)), 401);
    assert_eq!(status(&request("POST", "/webhooks", &[], &good)), 401);
    let malformed = [("X-Mist-Signature-v2", "not hex")];
    assert_eq!(status(&request("POST", "/webhooks", &malformed, &good)), 401);
    assert_eq!(status(&mist.request_v1(&good)), 401);
    assert_eq!(status(&mist.request(&good).replace("/webhooks", "/elsewhere")), 404);
    assert_eq!(status(&request("GET", "/elsewhere", &[], "")), 404);
    let answer = send(to, &request("GET", "/webhooks", &[], "")).expect("an answer");
    assert_eq!((answer.status(), answer.header("allow")), (405, Some("POST")));
    let large = event_body("AP_CONNECTED", &"x".repeat(2_048));
    assert_eq!(status(&mist.request(&large)), 413);

    let whole = mist.request(&good);
    let (slow, _) = whole.split_at(whole.len() - 1);
    let mut stream = connect(to).expect("a connection");
    stream.write_all(slow.as_bytes()).expect("a write");
    let answer = http::read(&mut stream).expect("an answer").expect("an answer");
    assert_eq!(answer.status(), 408);

    let printed = mistgate.printed(|stdout| stdout.lines().count() == 2);
    assert!(printed.contains("ap-1"), "{printed}");
    let rejected =
        |reason| mistgate.metric(&format!("mistgate_rejected_total{{reason=\"{reason}\"}}"));
    assert_eq!((rejected("envelope"), rejected("signature")), (6.0, 4.0));
    assert_eq!(mistgate.metric("mistgate_events_broken_total"), 3.0);
    mistgate.stop();
}

#[test]
fn an_address_that_is_not_allowed_is_403() {
    let external = "[chat.console]\n[ports]\n[ports.external]\nkey = \"open-sesame\"\n";
    let place = Place::new(&format!("allow_from = [\"192.0.2.0/24\"]\n{external}"));
    let mistgate = place.start();
    let answer = mistgate.post(&event_body("AP_CONNECTED", "ap-1"));
    assert_eq!((answer.status(), answer.body.as_str()), (403, ""));
    // A program that asks for a port's mode is refused too, whatever its key.
    let key = [("X-ClientApiKey", "open-sesame")];
    let asked = request("POST", "/external", &key, "{}");
    let answer = send(mistgate.webhook(), &asked).expect("an answer");
    assert_eq!((answer.status(), answer.body.as_str()), (403, ""));
    assert_eq!(mistgate.ask("/-/ready").status(), 200);
    mistgate.stop();

    place.configure(&format!("allow_from = [\"127.0.0.0/8\"]\n{external}"));
    let mistgate = place.start();
    assert_eq!(send(mistgate.webhook(), &asked).expect("an answer").status(), 400);
    mistgate.stop();
}

#[test]
fn the_admin_endpoint_wants_its_token() {
    let place = Place::new("[chat.console]");
    let config = std::fs::read_to_string(place.path().join("mistgate.toml")).expect("a file");
    place.write("mistgate.toml", &format!("{config}token = \"open-sesame\"\n"));
    let mistgate = place.start();
    let with_token = |path: &str| {
        let headers = [("Authorization", "Bearer open-sesame")];
        let answer = send(mistgate.admin(), &request("GET", path, &headers, ""));
        answer.expect("an answer").status()
    };
    mistgate.until("ready", |_| with_token("/-/ready") == 200);
    for path in ["/metrics", "/status", "/-/ready", "/-/healthy"] {
        assert_eq!(mistgate.ask(path).status(), 401, "{path}");
        assert_eq!(with_token(path), 200, "{path}");
    }
    let answer = send(mistgate.admin(), &request("POST", "/status", &[], "")).expect("an answer");
    assert_eq!(answer.status(), 405);
    assert_eq!(mistgate.ask("/elsewhere").status(), 404);
    mistgate.stop();
}

#[test]
fn guessing_takes_its_time_and_a_good_signature_does_not() {
    let place = Place::new("[chat.console]");
    let mistgate = place.start();
    let to = mistgate.webhook();
    let wrong = Mist::new("another").request(&event_body("AP_CONNECTED", "ap-1"));
    let began = Instant::now();
    for _ in 0..20 {
        assert_eq!(send(to, &wrong).expect("an answer").status(), 401);
    }
    // 20 ms longer for each beyond ten.
    assert!(began.elapsed() >= Duration::from_millis(1_100), "{:?}", began.elapsed());
    assert_eq!(
        mistgate.metric("mistgate_auth_failures_total{place=\"webhook\"}").to_string(),
        "20"
    );
    let began = Instant::now();
    mistgate.accept(&event_body("AP_CONNECTED", "ap-2"));
    assert_eq!(send(to, &wrong).expect("an answer").status(), 401);
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    mistgate.stop();
}

#[test]
fn the_old_signature_counts_only_where_it_is_accepted() {
    let place = Place::new("accept_v1 = true\n[chat.console]");
    let mistgate = place.start();
    let to = mistgate.webhook();
    let signed = Mist::new(SECRET).request_v1(&event_body("AP_CONNECTED", "ap-v1"));
    assert_eq!(send(to, &signed).expect("an answer").status(), 200);
    let forged = Mist::new("another").request_v1(&event_body("AP_CONNECTED", "ap-forged"));
    assert_eq!(send(to, &forged).expect("an answer").status(), 401);
    mistgate.printed(|stdout| stdout.contains("ap-v1"));
    assert!(!mistgate.stdout().contains("ap-forged"));
    mistgate.stop();
}

#[test]
fn two_secrets_are_good_while_rotating() {
    let place = Place::new("");
    let config = |secrets: &str| {
        place.write(
            "mistgate.toml",
            &format!(
                "state_dir = \"state\"\n[webhook]\nlisten = \"127.0.0.1:0\"\n\
                 secrets = [{secrets}]\n[chat.console]\n"
            ),
        );
    };
    config("\"new\", \"old\"");
    let mistgate = place.start();
    let to = mistgate.webhook();
    let status = |secret: &str, device: &str| {
        let answer = Mist::new(secret).post(to, &event_body("AP_CONNECTED", device));
        answer.expect("an answer").status()
    };
    assert_eq!(
        (status("new", "ap-1"), status("old", "ap-2"), status("x", "ap-3")),
        (200, 200, 401)
    );
    config("\"new\"");
    mistgate.signal(Signal::HUP);
    mistgate.line("reloaded", 1);
    assert_eq!((status("new", "ap-4"), status("old", "ap-5")), (200, 401));
    mistgate
        .printed(|stdout| ["ap-1", "ap-2", "ap-4"].iter().all(|device| stdout.contains(device)));
    assert_eq!(mistgate.stdout().lines().count(), 3);
    mistgate.stop();
}

#[test]
fn an_event_counts_once_however_it_comes_and_one_bad_event_costs_only_itself() {
    let chat = Chat::open().expect("a chat");
    let place =
        Place::new(&format!("[chat.google]\npace = \"off\"\ndefault_url = \"{}\"", chat.url("/g")));
    let mistgate = place.start();
    let mut by_site = device_event("AP_CONNECTED", "ap-1");
    let by_org = by_site.clone();
    let members = by_site.as_object_mut().expect("an object");
    members.insert("for_site".to_owned(), Value::Bool(true));
    mistgate.accept(&body("device-events", std::slice::from_ref(&by_org)));
    mistgate.accept(&body("device-events", &[by_site.clone()]));
    mistgate.accept(&body(
        "device-events",
        &[by_org.clone(), json!("broken"), device_event("AP_CONNECTED", "ap-2"), Value::Null],
    ));
    chat.wait(|posts| posts.len() == 2).expect("two posts");
    assert_eq!(mistgate.metric("mistgate_events_duplicate_total"), 2.0);
    assert_eq!(mistgate.metric("mistgate_events_broken_total"), 2.0);
    mistgate.stop();

    // The memory of seen events survives a restart.
    let mistgate = place.start();
    mistgate.accept(&body("device-events", &[by_site, device_event("AP_CONNECTED", "ap-3")]));
    let posts = chat.wait(|posts| posts.len() == 3).expect("a third post");
    assert_eq!(mistgate.metric("mistgate_events_duplicate_total"), 1.0);
    mistgate.stop();
    for device in ["ap-1", "ap-2", "ap-3"] {
        let count = posts.iter().filter(|post| post.request.body.contains(device)).count();
        assert_eq!(count, 1, "{device}");
    }
}
