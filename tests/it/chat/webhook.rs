//! Destinations of the kind webhook. A program in Python, which knows the manual and the schema
//! only, verifies what they are sent.

use std::fs;
use std::path::Path;

use mistgate_core::chat::{shape::Form, webhook};
use mistgate_core::notify::{Standing, topics::describe};
use mistgate_core::route::{Routes, route};
use mistgate_core::webhook::envelope;
use mistgate_tests::chat::limits;
use serde_json::Value;

use crate::base::binary::{Place, output};
use crate::micronets::peers::{Program, run};
use crate::webhook::vectors::files;

const RECEIVER: &str = "webhook_receiver.py";
const SCHEMA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../appliance/docs/webhook.schema.json");
const SIGNED_WITH: &str = "a secret of the receiver";

#[test]
fn a_receiver_that_knows_the_schema_takes_what_is_signed() {
    let receiver = Program::start(RECEIVER, &[SCHEMA, SIGNED_WITH]);
    let place = Place::new(&format!(
        "[[chat.destination]]\nname = \"siem\"\nkind = \"webhook\"\n\
         url = \"http://127.0.0.1:{}/events\"\nsecret = \"{SIGNED_WITH}\"",
        receiver.port()
    ));
    let mistgate = place.start();
    let address = format!("127.0.0.1:{}", mistgate.webhook().port());
    let config = place.path().join("mistgate.toml");
    let text = fs::read_to_string(&config).expect("a configuration");
    let listen = format!("[webhook]\nlisten = \"{address}\"");
    place.write("mistgate.toml", &text.replace("[webhook]\nlisten = \"127.0.0.1:0\"", &listen));
    let args = ["send-test", "--config", "mistgate.toml", "--destination", "siem"];
    let sent = output(place.path(), &args);
    assert!(sent.status.success(), "{sent:?}");
    let taken: Value = serde_json::from_str(&receiver.line_after("taken", 1)).expect("JSON");
    assert_eq!(taken.get("severity").and_then(Value::as_str), Some("info"));
    mistgate.stop();
    assert_eq!(receiver.complaints(), "");
}

#[test]
fn every_vector_is_told_by_the_schema() {
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/mist");
    let routes = Routes::default();
    let mut lines = Vec::new();
    for file in files(&vectors) {
        let body = fs::read(file).expect("a vector can be read");
        let Ok(envelope) = envelope::parse(&body) else { continue };
        for event in &envelope.events {
            let mut told = describe(event, route(event, &routes).severity, "manage.mist.com");
            let muted_by = (lines.len() % 2 == 0).then(|| "silence 3".to_owned());
            let id = lines.len() as u64 + 1;
            told.incidents.extend((lines.len() % 3 > 0).then_some(Standing {
                id,
                is_open: !id.is_multiple_of(5),
                muted_by,
            }));
            let format = webhook::KIND.default_format();
            lines.push((format.shape)(&told, Form::Rich, &limits::options(&webhook::KIND)).body);
        }
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("messages");
    fs::write(&file, lines.join("\n")).expect("a file");
    let name = file.to_str().expect("UTF-8");
    assert_eq!(run(RECEIVER, &[SCHEMA, name, "all"]).trim(), lines.len().to_string());
    assert!(lines.len() > 200, "{}", lines.len());
}
