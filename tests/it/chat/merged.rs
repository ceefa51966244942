//! Many events in one message, as a person reads it in each chat.
//!
//! Every case has a golden file under `vectors/merged/`. After an intended change, `UPDATE=1 cargo
//! test -p mistgate-tests merged` rewrites them; read the difference.

use std::{fmt::Write as _, fs, path::Path};

use mistgate_core::chat::kind::Options;
use mistgate_core::chat::shape::Form;
use mistgate_core::event::{Event, Topic};
use mistgate_core::notify::merged::merged;
use mistgate_core::notify::topics::describe;
use mistgate_core::route::{Routes, route};
use mistgate_core::webhook::envelope;
use mistgate_tests::chat::limits::{VENDORS, check};
use mistgate_tests::chat::stand_in::Card;
use serde_json::{Value, json};

use crate::webhook::vectors::{difference, files};

fn vectors() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/vectors"))
}

fn device(kind: &str, name: String, site: &str, at: u64) -> (Topic<'static>, Value) {
    let event = json!({
        "type": kind,
        "device_name": name,
        "mac": format!("5c5b3500{at:04x}"),
        "site_name": site,
        "timestamp": 1_752_000_000 + at,
    });
    (Topic::DeviceEvents, event)
}

/// A night's work: 40 access points get a firmware and a configuration, two switches refuse theirs.
fn rollout() -> Vec<(Topic<'static>, Value)> {
    let mut events = Vec::new();
    let sites = ["HQ", "Branch-7", "Branch-8"];
    for (nth, site) in (0..40).zip(sites.into_iter().cycle()) {
        events.push(device("AP_UPGRADED", format!("AP-{nth:02}"), site, 50 * nth));
        events.push(device("AP_CONFIGURED", format!("AP-{nth:02}"), site, 50 * nth + 20));
    }
    for (nth, site) in sites.into_iter().take(2).enumerate() {
        events.push(device("SW_CONFIG_FAILED", format!("core-{nth}"), site, 700));
    }
    events.push(device("GW_UPGRADED", "gw-1".to_owned(), "Branch-7", 900));
    events
}

/// An administrator's script.
fn audits() -> Vec<(Topic<'static>, Value)> {
    let audit = |nth: u64| {
        json!({
            "admin_name": "Jo Doe jo@example.net",
            "message": format!("Update Site Settings \"Branch-{}\"", nth % 9),
            "site_name": format!("Branch-{}", nth % 9),
            "timestamp": 1_752_000_000 + nth,
        })
    };
    (0..20).map(|nth| (Topic::Audits, audit(nth))).collect()
}

/// One event of each type of which there is a sample, as after a day without a network.
fn backlog() -> Vec<(Topic<'static>, Value)> {
    let mut events = Vec::new();
    for file in files(&vectors().join("mist/enriched")) {
        let body = fs::read(file).expect("a vector can be read");
        if let Ok(envelope) = envelope::parse(&body) {
            let topic = || Topic::parse(envelope.topic.name().to_owned().into());
            let value = |event: &Event<'_>| serde_json::from_str(event.raw()).expect("JSON");
            events.extend(envelope.events.iter().map(|event| (topic(), value(event))));
        }
    }
    events
}

#[test]
fn merged_events_become_the_golden_messages() {
    let golden = vectors().join("merged");
    let update = std::env::var_os("UPDATE").is_some_and(|value| value == "1");
    for (name, events) in [("rollout", rollout()), ("audits", audits()), ("backlog", backlog())] {
        assert!(events.len() > 10, "{name}: {} events", events.len());
        let text = shown(&events);
        let path = golden.join(name).with_extension("txt");
        if update {
            fs::create_dir_all(&golden).expect("a folder");
            fs::write(&path, &text).expect("a golden file can be written");
        }
        let found = fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(difference(&found, &text), None, "{name}");
    }
}

/// The message of these events, as each chat shows it.
fn shown(events: &[(Topic<'static>, Value)]) -> String {
    let routes = Routes::default();
    let described = |(topic, event): &(Topic<'static>, Value)| {
        let text = event.to_string();
        let event = Event::parse(topic.clone(), &text).expect("an object");
        describe(&event, route(&event, &routes).severity, "manage.mist.com")
    };
    let notifications: Vec<_> = events.iter().map(described).collect();
    let message = merged(&notifications);
    let mut text = String::new();
    for vendor in VENDORS {
        let format = vendor.kind.formats.first().expect("it has one");
        let payload = (format.shape)(&message, Form::Rich, &Options::default());
        assert_eq!(check(vendor.kind, &payload.body), Vec::<String>::new());
        let _ = writeln!(text, "{}, {:?}", vendor.product, payload.form);
        let card = Card::read(vendor, &payload.body);
        let facts = card.facts.iter().map(|(label, value)| format!("{label}: {value}"));
        let lines = [card.title].into_iter().chain(card.paragraphs).chain(facts).chain(card.notes);
        lines.for_each(|line| text.push_str(&format!("  {line}\n")));
        text.push('\n');
    }
    text
}
