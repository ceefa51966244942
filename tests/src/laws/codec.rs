//! The laws of what has no state: envelopes, batches, signatures, configurations.

use std::collections::BTreeSet;

use http_types::{StatusCode, Url};
use mistgate_core::base::machine::Machine;
use mistgate_core::base::secret::Secret;
use mistgate_core::base::time::{Instant, UnixTime};
use mistgate_core::chat::console;
use mistgate_core::chat::kind::Options;
use mistgate_core::config::checked::Config;
use mistgate_core::config::files::{FileKind, FileRequest, Files};
use mistgate_core::config::problem::Problem;
use mistgate_core::config::raw::{Draft, Report, Source};
use mistgate_core::delivery::batch;
use mistgate_core::delivery::batch::{Chats, Item};
use mistgate_core::delivery::config::{Chat, Destination};
use mistgate_core::engine::{Engine, input};
use mistgate_core::event::Event;
use mistgate_core::event::fingerprint::{Fingerprint, fingerprint};
use mistgate_core::http::listener::Policy;
use mistgate_core::mist::catalogue::Learned;
use mistgate_core::notify::Severity;
use mistgate_core::webhook::config::Webhook;
use mistgate_core::webhook::envelope::Envelope;
use mistgate_core::webhook::intake::{Rejection, intake};
use mistgate_core::webhook::signature::{Error, Signatures};
use mistgate_core::webhook::{envelope, signature};

use crate::base::bytes::Bytes;

const SECRET: &str = "a secret for the laws";

/// Laws of a webhook's body. Read whole it gives the same events as event by event. Fingerprints
/// depend on the contents only. A signed body gives the same events as the body itself.
pub fn envelope(body: &[u8]) {
    let sent = envelope::parse(body);
    let taken = take(body, Signatures { v2: Some(sign(body).as_bytes()), v1: None });
    let Ok(envelope) = sent else {
        assert_eq!(taken.map(|_| ()).map_err(Rejection::status), Err(StatusCode::BadRequest));
        return;
    };
    let intake = taken.expect("a signed envelope comes in");
    assert_eq!(intake.topic, envelope.topic.name());
    assert_eq!(intake.items.len() + intake.unrouted, envelope.events.len());
    assert_eq!(intake.broken, envelope.broken);
    let unsigned = take(body, Signatures::default());
    assert_eq!(unsigned, Err(Rejection::Signature(Error::Missing)), "in without a signature");

    let name = serde_json::to_string(envelope.topic.name()).expect("a text is JSON");
    let alone = |text: &str| format!(r#"{{"topic":{name},"events":[{text}]}}"#);
    for event in &envelope.events {
        let text = event.raw();
        let again = Event::parse(envelope.topic.clone(), text).expect("an event again");
        assert_eq!(again.members().len(), event.members().len());
        let body = alone(text);
        let single = envelope::parse(body.as_bytes()).expect("a body of one event");
        assert_eq!((single.events.len(), single.broken), (1, 0), "{body}");
        assert_eq!(prints(&single), [fingerprint(event)], "alone it is another event: {body}");
        reordered(event);
    }
    let texts: Vec<_> = envelope.events.iter().map(Event::raw).collect();
    let body = alone(&texts.join(","));
    let whole = envelope::parse(body.as_bytes()).expect("a body of the same events");
    assert_eq!(prints(&whole), prints(&envelope));
    round_trip(&intake.topic, &intake.items);
}

fn take(
    body: &[u8],
    sent: Signatures<'_>,
) -> Result<mistgate_core::webhook::intake::Intake, Rejection> {
    let webhook = Webhook {
        listen: ([127, 0, 0, 1], 0).into(),
        url: None,
        verify_cert: true,
        paths: Vec::new(),
        secrets: vec![Secret::new(SECRET)],
        accept_v1: false,
        dedup_window: core::time::Duration::from_secs(1),
        max_event_age: core::time::Duration::from_secs(86_400),
        tls: None,
        policy: Policy::default(),
    };
    let console = Destination {
        chat: "console".into(),
        name: "console/default".to_owned(),
        is_named: false,
        kind: &console::KIND,
        format: console::KIND.default_format(),
        url: None,
        channels: Vec::new(),
        default: true,
        pace: Vec::new(),
        options: Options::default(),
        fallback: None,
    };
    let chat = Chat { destinations: vec![console], ..Chat::default() };
    intake(&webhook, &chat, &Learned::default(), sent, body)
}

fn sign(body: &[u8]) -> String {
    Secret::new(SECRET).sign(body)
}

fn prints(envelope: &Envelope<'_>) -> Vec<Fingerprint> {
    envelope.events.iter().map(fingerprint).collect()
}

/// Checks that a fingerprint depends on every member, but not on the members' order or on the
/// webhook that brought the event.
fn reordered(event: &Event<'_>) {
    let mut members = event.members().to_vec();
    // The order of repeated members counts, and a stable sort keeps it.
    members.sort_by(|(a, _), (b, _)| b.cmp(a));
    let object = |members: &mut dyn Iterator<Item = (&str, &str)>| {
        let members: Vec<_> = members
            .map(|(name, raw)| {
                format!("{}:{raw}", serde_json::to_string(name).expect("a text is JSON"))
            })
            .collect();
        format!("{{{}}}", members.join(","))
    };
    let pairs = || members.iter().map(|(name, detail)| (&**name, detail.raw()));
    let of = |text: &str| {
        fingerprint(&Event::parse(event.topic().clone(), text).expect("JSON of JSON's parts"))
    };
    let expected = fingerprint(event);
    assert_eq!(of(&object(&mut pairs())), expected, "in another order it is another event");
    let org = object(&mut [("for_site", "false")].into_iter().chain(pairs()));
    assert_eq!(of(&org), expected, "by another webhook it is another event");
    let other = object(&mut pairs().chain([("laws-only", "1")]));
    assert_ne!(of(&other), expected, "one more member makes no difference");
}

/// A signature is valid for its body and its secret only, with hex digits of either case.
pub fn signed(data: &[u8]) {
    let bytes = &mut Bytes::new(data);
    let sent = bytes.slice(80);
    let sent_v1 = bytes.slice(48);
    let secrets: Vec<_> = (0..bytes.up_to(3)).map(|_| Secret::new(bytes.text(70))).collect();
    let accept_v1 = bytes.chance(128);
    let both = Signatures {
        v2: bytes.chance(200).then_some(sent),
        v1: bytes.chance(128).then_some(sent_v1),
    };
    let body = bytes.rest();

    let verified = signature::verify(both, body, &secrets, accept_v1);
    let present = both.present(accept_v1);
    assert_eq!(present == Err(Error::Missing), verified == Err(Error::Missing));
    let is_hex =
        |sent: &[u8], length| sent.len() == length && sent.iter().all(u8::is_ascii_hexdigit);
    match (both.v2, both.v1.filter(|_| accept_v1)) {
        (Some(sent), _) => {
            let ours = |secret: &Secret| secret.sign(body).as_bytes().eq_ignore_ascii_case(sent);
            let expected = match (is_hex(sent, 64), secrets.iter().any(ours)) {
                (false, _) => Err(Error::Malformed),
                (true, false) => Err(Error::Mismatch),
                (true, true) => Ok(()),
            };
            assert_eq!(verified, expected);
        }
        (None, Some(sent)) => assert_eq!(verified == Err(Error::Malformed), !is_hex(sent, 40)),
        (None, None) => assert_eq!(verified, Err(Error::Missing)),
    }

    for secret in &secrets {
        let good = secret.sign(body);
        let check = |sent: &str, body: &[u8], secrets: &[Secret]| {
            let sent = Signatures { v2: Some(sent.as_bytes()), v1: None };
            signature::verify(sent, body, secrets, accept_v1)
        };
        assert_eq!(check(&good, body, &secrets), Ok(()), "our own signature");
        assert_eq!(check(&good.to_ascii_uppercase(), body, &secrets), Ok(()));
        assert_eq!(check(&good, body, &[]), Err(Error::Mismatch), "nobody's secret");
        let mut longer = body.to_vec();
        longer.push(0);
        assert_eq!(check(&good, &longer, &secrets), Err(Error::Mismatch), "another body");
        assert_eq!(
            check(good.get(..62).unwrap_or_default(), body, &secrets),
            Err(Error::Malformed)
        );
    }
}

/// Each event of bytes that decode as a batch can be stored alone, and every batch decodes to
/// itself.
pub fn batch(data: &[u8]) {
    if let Ok(read) = batch::decode(data) {
        for (index, event) in read.events.iter().enumerate() {
            let bytes = read.only(index).expect("an event");
            let only = batch::decode(&bytes).expect("our own bytes");
            assert_eq!((only.received_at, only.topic), (read.received_at, read.topic));
            assert_eq!(only.events, [*event]);
        }
    }
    let bytes = &mut Bytes::new(data);
    let topic = bytes.text(30);
    let mut items = Vec::new();
    while !bytes.is_empty() && items.len() < 50 {
        items.push(Item {
            fingerprint: Fingerprint::from_bytes([(); 16].map(|()| bytes.byte())),
            kin: None,
            channel: bytes.text(70),
            severity: bytes.pick(&Severity::ALL),
            chats: Chats::new(),
            changes: Vec::new(),
            incidents: Vec::new(),
            text: bytes.text(300),
        });
    }
    round_trip(&topic, &items);
}

fn round_trip(topic: &str, items: &[Item]) {
    let received_at = UnixTime::from_micros(1_752_000_000_807_150);
    let encoded = batch::encode(received_at, topic, items);
    let read = batch::decode(&encoded).expect("our own bytes");
    assert_eq!((read.received_at, read.topic), (received_at, topic));
    assert_eq!(read.events.len(), items.len());
    for (stored, item) in read.events.iter().zip(items) {
        let read = (stored.channel, stored.severity, stored.text);
        let written = (item.channel.as_str(), item.severity, item.text.as_str());
        assert_eq!(read, written);
    }
    // A truncated end is noticed, or loses whole events and nothing else.
    let step = 1 + encoded.len() / 40;
    for end in (0..encoded.len()).step_by(step) {
        if let Ok(shorter) = batch::decode(encoded.get(..end).expect("a prefix")) {
            assert!(shorter.events.len() < items.len());
            assert!(read.events.starts_with(&shorter.events));
        }
    }
}

/// A configuration is complete or refused. Each problem has a place in the file, is one line, and
/// holds no secret. An accepted configuration can be run.
pub fn config(data: &[u8]) {
    let text = &*String::from_utf8_lossy(data);
    let draft = Draft::parse(Source { name: "laws/mistgate.toml", text });
    let requests = draft.files();
    assert_eq!(requests, draft.files());
    let (mut refused, mut read) = (Files::new(), Files::new());
    for request in &requests {
        assert!(!request.key.is_empty());
        place(text, request.line);
        refused.insert(request, Err("permission denied".to_owned()));
        read.insert(request, Ok(content(request).as_bytes().to_vec()));
    }
    for (files, readable) in [(&refused, false), (&read, true)] {
        let report = draft.check(files);
        assert_eq!(report.config.is_some(), report.problems.is_empty());
        assert!(readable || requests.is_empty() || report.config.is_none());
        listed(text, &report.problems);
        listed(text, &report.warnings);
        if let Some(config) = &report.config {
            runnable(config);
            silent(config, &report);
        }
    }
}

/// The contents of a file that a configuration refers to.
fn content(request: &FileRequest) -> &'static str {
    match request.kind {
        FileKind::Certificates => "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n",
        FileKind::KnownHosts => "sw-1.example ssh-ed25519 AAAA\n",
        FileKind::PrivateKey => "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n",
        FileKind::RevocationLists => "-----BEGIN X509 CRL-----\nAA==\n-----END X509 CRL-----\n",
        FileKind::Secret if request.key.contains("proxy") => "http://u:hush-hush@192.0.2.1:3128\n",
        FileKind::Secret if request.key.contains("url") => {
            "https://chat.example/services/hush-hush\n"
        }
        FileKind::Secret => "hush-hush\n",
    }
}

fn place(text: &str, line: u32) {
    let lines = text.split('\n').count();
    let line = usize::try_from(line).expect("a line");
    assert!((1..=lines).contains(&line), "line {line} of {lines}");
}

fn listed(text: &str, problems: &[Problem]) {
    for problem in problems {
        place(text, problem.line);
        let line = problem.in_file("laws/mistgate.toml").to_string();
        assert!(!line.contains(char::is_control), "{line:?} is not one printable line");
        assert!(!problem.what.is_empty() && !problem.expected.is_empty(), "{line:?}");
    }
    assert!(problems.is_sorted_by_key(|problem| problem.line), "not in the order of the file");
}

/// Checks what the rest of the program relies on.
fn runnable(config: &Config) {
    let chat = &config.chat;
    let mut names = BTreeSet::new();
    for destination in &chat.destinations {
        assert!(names.insert(&destination.name), "{} twice", destination.name);
        assert_eq!(destination.url.is_none(), destination.kind.url.is_none());
        let url = destination.url.as_ref().map(|url| Url::parse(url.expose()));
        assert!(url.is_none_or(|url| url.is_ok()), "{}: not a URL", destination.name);
        assert!(destination.default || !destination.channels.is_empty());
        for window in &destination.pace {
            assert!(window.count > 0 && !window.per.is_zero(), "{window:?}");
        }
    }
    if let Some(webhook) = &config.webhook {
        assert!(!webhook.secrets.is_empty());
        assert!(webhook.secrets.iter().all(|secret| !secret.expose().is_empty()));
        assert!(webhook.paths.iter().all(|path| path.starts_with('/')));
        assert!(!webhook.dedup_window.is_zero());
    }
    if let Some(admin) = &config.admin {
        assert!(admin.listen.ip().is_loopback() || admin.token.is_some());
    }
    assert!(chat.delivery.queue_max > 0 && !chat.delivery.max_age.is_zero());
    let engine = input::Config {
        chat: chat.clone(),
        dedup_window: core::time::Duration::from_secs(1),
        incidents: config.incidents.clone(),
        dashboard_host: config.mist.dashboard_host.clone(),
        next_batch: 1,
    };
    let engine = Engine::new(engine, 0, Instant::default());
    assert_eq!(engine.destinations().len(), chat.destinations.len());
    assert_eq!(engine.poll_timeout(), None);
}

/// Checks that no secret is in anything that is printed.
fn silent(config: &Config, report: &Report) {
    let lines: Vec<_> = [&report.problems, &report.warnings]
        .into_iter()
        .flatten()
        .map(|problem| problem.in_file("f").to_string())
        .collect();
    let printed = format!("{config:?} {}", lines.join(" "));
    assert!(!printed.contains("hush-hush"));
}
