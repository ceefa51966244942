//! The way of events from Mist: the real binary between a cloud of the tests' own and a chat.

use std::cell::Cell;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mistgate_core::base::mac::Mac;
use mistgate_core::base::machine::Machine as _;
use mistgate_core::base::time::Instant;
use mistgate_core::delivery::config;
use mistgate_core::mist::catalogue::Learned;
use mistgate_core::mist::feed::output::{Late, Origin};
use mistgate_core::webhook::inbox::{Inbox, Input};
use mistgate_core::webhook::{inbox, intake};
use mistgate_tests::base::bytes::Bytes;
use mistgate_tests::chat::configurations::chat;
use mistgate_tests::chat::server::{Chat, LONG};
use mistgate_tests::ports::cloud::organisation::{ORG, Organisation, SITE};
use mistgate_tests::ports::cloud::{Cloud, Fault, Recorded};
use mistgate_tests::webhook::mist::{body, event_body};
use serde_json::{Value, json};

use crate::base::binary::{Mistgate, Place, Process, SECRET, command, output, text};
use crate::base::poll;

const TOKEN: &str = "t0k3n-of-the-tests";
const URL: &str = "https://gw.example/webhooks";
const HOOK: &str = "00000007-0000-4000-8000-000000000000";

/// A cloud, a chat, and a configuration between them.
struct Bench {
    cloud: Cloud,
    chat: Chat,
    place: Place,
}

impl Bench {
    fn new() -> Self {
        let mut organisation = Organisation::new(ORG, TOKEN);
        organisation.add_webhook(HOOK, URL, SECRET);
        let cloud = Cloud::open(organisation).expect("a port");
        let chat = Chat::open().expect("a chat");
        let place = Place::new(&format!(
            "url = \"{URL}\"\n[incidents]\nhold = \"0s\"\n[chat.slack]\npace = \"off\"\n\
             default_url = \"{}\"\n[mist]\napi_url = \"{}\"\norg_id = \"{ORG}\"\n\
             token = \"{TOKEN}\"",
            chat.url("/services/T0"),
            cloud.origin()
        ));
        Self { cloud, chat, place }
    }

    /// Sets a member of the webhook.
    fn set(&self, name: &str, value: Value) {
        let hook = |organisation: &mut Organisation| {
            organisation.webhooks.values_mut().next().expect("a webhook").insert(name.into(), value)
        };
        self.cloud.with(hook);
    }

    /// Waits until a post says this.
    fn told(&self, mistgate: &Mistgate, words: &str) {
        let is_told =
            |chat: &Chat| chat.posts().iter().any(|post| post.request.body.contains(words));
        mistgate.until(words, |_| is_told(&self.chat));
    }

    /// How many posts say this.
    fn count(&self, words: &str) -> usize {
        self.chat.posts().iter().filter(|post| post.request.body.contains(words)).count()
    }
}

/// The reason in a line of the journal about this part.
fn reason(line: &Value, part: &str) -> String {
    assert_eq!(line.get("part"), Some(&json!(part)), "{line}");
    assert!(!line.to_string().contains(TOKEN), "{line}");
    line.get("reason").and_then(Value::as_str).expect("a reason").to_owned()
}

#[test]
fn what_is_wrong_with_the_webhook_is_an_incident_until_it_is_mended() {
    let bench = Bench::new();
    bench.set("enabled", json!(false));
    let mistgate = bench.place.start();
    let why = "enabled: it is disabled, so nothing is sent — mistgate mist setup mends it";
    assert_eq!(reason(&mistgate.line("mist_wrong", 1), "webhook"), why);
    bench.told(&mistgate, "Webhook in Mist is wrong");
    mistgate.until("the status", |mistgate| {
        mistgate.status().pointer("/mist/wrong/webhook") == Some(&json!(why))
    });
    assert_eq!(mistgate.metric("mistgate_mist_wrong{part=\"webhook\"}").to_string(), "1");
    // Looked at again it is said to nobody, also by another run.
    mistgate.stop();
    let mistgate = bench.place.start();
    mistgate.line("mist_wrong", 1);
    bench.set("enabled", json!(true));
    mistgate.reload();
    mistgate.line("incident_over", 1);
    bench.told(&mistgate, "is again as the configuration wants it");
    assert_eq!(bench.count("Webhook in Mist is wrong"), 1);
    assert_eq!(mistgate.metric("mistgate_mist_wrong{part=\"webhook\"}").to_string(), "0");
    mistgate.stop();
}

#[test]
fn a_type_without_words_of_ours_is_told_in_those_of_mist() {
    let bench = Bench::new();
    let new = json!({ "key": "SW_NEW", "display": "Switch grew wings" });
    bench.cloud.with(|organisation| organisation.types.0.push(new));
    let asked = || {
        let requests = bench.cloud.requests();
        requests.iter().filter(|request| request.target.ends_with("const/device_events")).count()
    };
    let mistgate = bench.place.start();
    let line = mistgate.line("mist_types", 1);
    assert_eq!(line.get("new"), Some(&json!("1")), "{line}");
    mistgate.accept(&event_body("SW_NEW", "first-switch"));
    bench.told(&mistgate, "Switch grew wings");
    mistgate.stop();
    // The next run knows them, and asks no sooner than a day later.
    bench.cloud.misbehave("GET", "const/", Fault::Cut, usize::MAX);
    let mistgate = bench.place.start();
    let sent = Cell::new(0);
    mistgate.until("it knows them", |mistgate| {
        sent.set(sent.get() + 1);
        mistgate.accept(&event_body("SW_NEW", &format!("switch-{}", sent.get())));
        bench.count("Switch grew wings") > 1
    });
    mistgate.stop();
    assert_eq!(asked(), 1);
}

#[test]
fn a_revoked_token_is_said_once() {
    let bench = Bench::new();
    bench.cloud.with(|organisation| organisation.token.0 = "another".to_owned());
    let mistgate = bench.place.start();
    let why = reason(&mistgate.line("mist_wrong", 1), "token");
    assert!(why.starts_with("the token: Mist refuses the token (401)"), "{why}");
    assert!(why.contains("src_ips"), "{why}");
    bench.told(&mistgate, "Mist refuses the token");
    mistgate.reload();
    mistgate.line("mist_wrong", 2);
    bench.cloud.with(|organisation| organisation.token.0 = TOKEN.to_owned());
    mistgate.reload();
    mistgate.line("incident_over", 1);
    bench.told(&mistgate, "takes the token again");
    assert_eq!(bench.count("Mist's API does not take the token"), 1);
    assert_eq!(mistgate.journal("incident_opened").len(), 1);
    mistgate.stop();
}

/// An event of an access point, this many seconds ago.
fn event(kind: &str, number: u8, ago: u64) -> Value {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    json!({
        "type": kind, "org_id": ORG, "mac": format!("5c5b3500{number:04x}"), "timestamp": now - ago,
        "device_name": format!("AP-{number}"), "device_type": "ap", "site_name": "HQ",
    })
}

impl Bench {
    /// Sends a webhook as Mist does, whose log says what became of it. `to` is where mistgate
    /// listens; nobody does while it does not run.
    fn send(&self, mistgate: Option<&Mistgate>, topic: &str, event: &Value) {
        let payload = body(topic, std::slice::from_ref(event));
        let is_taken = mistgate.is_some_and(|mistgate| mistgate.post(&payload).status() == 200);
        let timestamp = event.get("timestamp").cloned();
        self.cloud.with(|organisation| {
            if topic == "device-events" {
                organisation.device_events.push(event.clone());
            } else {
                organisation.deliveries.push(json!({
                    "status": if is_taken { "success" } else { "failure" }, "topic": topic,
                    "req_payload": payload, "timestamp": timestamp, "error": "connection refused",
                }));
            }
        });
    }
}

#[test]
fn what_happened_while_it_was_dead_is_told_once() {
    let bench = Bench::new();
    bench.cloud.with(|organisation| organisation.webhooks.clear());
    let fixed = ["mist", "setup", "--config", "mistgate.toml", "--yes"];
    let made = output(bench.place.path(), &fixed);
    assert!(made.status.success(), "{}", text(&made.stderr));

    let mistgate = bench.place.start();
    let kept = |place: &Place| std::fs::read_to_string(place.path().join("state/mist-caught-up"));
    mistgate.until("a first round", |mistgate| {
        mistgate.status().pointer("/mist/checked_at").is_some_and(Value::is_string)
    });
    assert!(kept(&bench.place).expect("a file").trim().parse::<u64>().is_ok());
    let before = event("AP_CONFIGURED", 1, 50);
    bench.send(Some(&mistgate), "device-events", &before);
    bench.told(&mistgate, "AP-1");
    // Once this is on disk, it is there too that the first is told.
    mistgate.accept(&body("device-events", &[event("AP_CONFIGURED", 9, 45)]));
    mistgate.kill();

    let audit = json!({
        "id": "a-1", "org_id": ORG, "admin_name": "A B a@example.net", "message": "Deleted Site X",
        "timestamp": event("", 0, 40).get("timestamp"),
    });
    bench.send(None, "audits", &audit);
    let down = event("AP_DISCONNECTED", 2, 30);
    bench.send(None, "device-events", &down);
    // Mist has that from one, and lists it with other members.
    bench.cloud.with(|organisation| {
        for event in &mut organisation.device_events {
            event.as_object_mut().expect("an object").insert("apfw".into(), json!("0.14"));
        }
    });
    let mistgate = bench.place.start();
    let caught_up = mistgate.line("mist_caught_up", 1);
    let counts = [caught_up.get("failed"), caught_up.get("listed")];
    assert_eq!(counts, [Some(&json!("1")), Some(&json!("2"))], "{caught_up}");
    bench.told(&mistgate, "Deleted Site X");
    bench.told(&mistgate, "AP-2");
    // Mist sends it again in the end.
    bench.send(Some(&mistgate), "audits", &audit);
    bench.send(Some(&mistgate), "device-events", &down);
    mistgate.reload();
    mistgate.line("mist_caught_up", 2);
    mistgate.accept(&body("device-events", &[event("AP_CONFIGURED", 3, 0)]));
    bench.told(&mistgate, "AP-3");
    for (words, posts) in [("AP-1", 1), ("Deleted Site X", 1), ("AP-2", 1)] {
        assert_eq!(bench.count(words), posts, "{words}");
    }
    assert!(bench.count("late: Mist could not deliver it here") == 1, "{:?}", bench.chat.posts());
    mistgate.stop();
}

#[test]
fn incidents_of_devices_are_compared_with_mist() {
    let bench = Bench::new();
    let [known, unknown] =
        ["5c5b35000005", "5c5b35000006"].map(|mac| Mac::parse(mac).expect("a MAC"));
    let ago = event("", 0, 900).get("timestamp").and_then(Value::as_u64);
    bench.cloud.with(|organisation| {
        organisation.sites.insert(SITE.to_owned(), "Headquarters".to_owned());
        for (mac, is_connected) in [(known, true), (unknown, false)] {
            organisation.add_ap(mac, SITE);
            let ap = organisation.aps.get_mut(&mac).expect("an AP");
            (ap.is_connected, ap.last_seen) = (Some(is_connected), ago);
        }
    });
    let mistgate = bench.place.start();
    bench.told(&mistgate, "Mist says that it is disconnected");
    bench.told(&mistgate, "Headquarters");
    mistgate.accept(&body("device-events", &[event("AP_DISCONNECTED", 5, 700)]));
    mistgate.line("incident_opened", 2);
    mistgate.reload();
    mistgate.line("incident_over", 1);
    let second = mistgate.ask("/incidents/2").body;
    assert!(second.contains("AP-5") && second.contains("\"over\""), "{second}");
    // Compared again, nothing differs.
    mistgate.reload();
    mistgate.until("another round", |_| {
        let asked = bench.cloud.requests();
        asked.iter().filter(|request| request.target.contains("stats/devices")).count() == 3
    });
    assert_eq!(mistgate.journal("incident_opened").len(), 2);
    mistgate.stop();
}

impl Bench {
    /// Starts a selftest, and waits until Mist is asked for the ping.
    fn test(&self) -> Process {
        let pings = |requests: &[Recorded]| {
            requests.iter().filter(|request| request.target.ends_with("/ping")).count()
        };
        let before = pings(&self.cloud.requests());
        let control = self.place.path().join("state/control.sock");
        poll::within(LONG, || control.exists(), || "no control socket".to_owned());
        let args = ["selftest", "--config", "mistgate.toml"];
        let test = Process::start(command(self.place.path(), &args));
        assert!(self.cloud.wait(|requests| pings(requests) > before), "{}", test.stderr());
        test
    }
}

/// The exit code and what was printed without the times, in which there is no secret.
fn said(mut test: Process, secrets: &[&str]) -> (Option<i32>, String) {
    let code = test.wait().code();
    let printed = test.stdout() + &test.stderr();
    for secret in secrets.iter().chain(&[TOKEN, SECRET]) {
        assert!(!printed.contains(secret), "{printed}");
    }
    let steps = printed.lines().map(|line| line.split_once(" s  ").map_or(line, |(_, step)| step));
    (code, steps.collect::<Vec<_>>().join("\n"))
}

#[test]
fn a_selftest_follows_a_ping_to_the_chats() {
    let bench = Bench::new();
    let mistgate = bench.place.start();
    let url = bench.chat.url("/services/T0");
    let ping = |id: &str| body("ping", &[json!({ "id": id, "name": "noc", "timestamp": 1.5 })]);
    let asked = "Mist is asked to ping the webhook: yes\n";
    mistgate.webhook();
    let test = bench.test();
    // Another's ping is not the one that is waited for; what became of ours is asked meanwhile.
    assert_eq!(mistgate.post(&ping(&HOOK.replace('7', "8"))).status(), 200);
    assert!(bench.cloud.wait(|asked| asked.iter().any(|one| one.target.contains("topic=ping"))));
    assert_eq!(mistgate.post(&ping(HOOK)).status(), 200);
    let all = "the ping comes in, signed: yes\nslack/default takes a message: yes";
    assert_eq!(said(test, &[&url]), (Some(0), format!("{asked}{all}")));
    assert_eq!(bench.count("Selftest of mistgate"), 1);

    // Mist pings, and it goes nowhere.
    let now = event("", 0, 0).get("timestamp").cloned();
    bench.cloud.with(|organisation| {
        organisation.deliveries.push(json!({
            "status": "failure", "topic": "ping", "req_payload": ping(HOOK), "timestamp": now,
            "error": "connection refused",
        }));
    });
    let (code, steps) = said(bench.test(), &[&url]);
    let lost = "the ping comes in, signed: Mist could not deliver it: connection refused";
    assert!(code == Some(1) && steps.contains(lost), "{steps}");
    mistgate.until("the status", |mistgate| {
        mistgate.status().pointer("/mist/wrong/selftest") == Some(&json!(lost))
    });
    bench.told(&mistgate, "Selftest failed");

    bench.cloud.with(|organisation| organisation.deliveries.clear());
    let test = bench.test();
    assert_eq!(mistgate.post(&ping(HOOK)).status(), 200);
    assert_eq!(said(test, &[&url]).0, Some(0));
    bench.told(&mistgate, "Selftest passed");
    assert!(!mistgate.stderr().contains(TOKEN), "{}", mistgate.stderr());
    mistgate.stop();
    let args = ["selftest", "--config", "mistgate.toml"];
    assert_eq!(output(bench.place.path(), &args).status.code(), Some(3));
}

/// It takes the minute that a person would wait too.
#[test]
fn a_selftest_whose_ping_never_comes_ends_after_a_minute() {
    let bench = Bench::new();
    let mistgate = bench.place.start();
    mistgate.webhook();
    mistgate.status();
    let began = std::time::Instant::now();
    let test = output(bench.place.path(), &["selftest", "--config", "mistgate.toml"]);
    assert!(began.elapsed() >= Duration::from_secs(60), "{:?}", began.elapsed());
    let said = text(&[&test.stdout[..], &test.stderr[..]].concat());
    let lost = "the ping comes in, signed: none came within 60 s — see the firewall, webhook.url";
    assert!(test.status.code() == Some(1) && said.contains(lost), "{said}");
    assert!(said.contains("slack/default takes a message: yes"), "{said}");
    bench.told(&mistgate, "Selftest failed");
    mistgate.stop();
}

/// How many events the inbox finds new, of a request that brings this late.
fn new(inbox: &mut Inbox, chat: &config::Chat, id: u64, origin: Origin, event: &Value) -> usize {
    let body = body("device-events", std::slice::from_ref(event));
    let items = intake::late(chat, &Learned::default(), &Late { body, origin, is_folded: false })
        .expect("a webhook")
        .items;
    let fingerprints: Vec<_> = items.iter().map(|item| (item.fingerprint, item.kin)).collect();
    assert_eq!(fingerprints.len(), 1, "it is routed");
    inbox.handle_input(Instant::from_secs(id), Input::Request { id: Some(id), fingerprints });
    let outputs: Vec<_> = std::iter::from_fn(|| inbox.poll_output()).collect();
    outputs.iter().filter(|output| matches!(output, inbox::Output::Store { .. })).count()
}

/// Mist sends it again, early, late or never, and it is fetched before, between or after.
#[test]
fn however_often_it_is_sent_and_listed_it_is_taken_once() {
    let chat = chat(&mut Bytes::new(&[0; 64]));
    let sent = event("AP_DISCONNECTED", 1, 60);
    let mut listed = sent.clone();
    listed.as_object_mut().expect("an object").insert("apfw".into(), json!("0.14"));
    for ways in 0..64_u64 {
        let config = inbox::Config { window: LONG, seen_max: 100, next_batch: 1 };
        let mut inbox = Inbox::new(config, 0, Instant::from_secs(0));
        let taken: usize = (0..6)
            .map(|nth| match ways >> nth & 1 {
                0 => new(&mut inbox, &chat, nth + 1, Origin::Failed, &sent),
                _ => new(&mut inbox, &chat, nth + 1, Origin::Listed, &listed),
            })
            .sum();
        assert_eq!(taken, 1, "{ways:06b}");
    }
}
