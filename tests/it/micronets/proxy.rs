//! The websocket proxy in the real binary: start, metrics and status, reload, stop.

use std::fs;
use std::fs::OpenOptions;
use std::net::TcpStream;
use std::os::unix::fs::FileExt;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use async_tungstenite::tungstenite::{Error, Message};
use mistgate_tests::chat::server::Chat;
use mistgate_tests::webhook::mist::event_body;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::base::binary::{Mistgate, Place};
use crate::base::pki::{Authority, Leaf};
use crate::host::store_space::Mounted;
use crate::micronets::relay::{GATEWAY, MANAGER, Peer};

/// The longest time from a rule change to the end of a connection: the promised time, doubled for a
/// busy machine.
const CUT_MAX: Duration = Duration::from_secs(2);
/// The README promises that a stop takes no longer.
const STOP_MAX: Duration = Duration::from_secs(10);
/// The bytes of events with which redb does not remember all pages of its file.
const STORED: usize = 8 << 20;
/// The bytes of a page of redb's file. The first one has no tree.
const PAGE: u64 = 4_096;

/// A folder with a proxy's configuration, and the authority of its peers.
struct Site {
    place: Place,
    authority: Authority,
}

impl Site {
    /// Creates one. `rest` follows the keys of `[proxy]`.
    fn new(rest: &str) -> Self {
        let site = Self { place: Place::new(""), authority: Authority::constrained(0) };
        let Leaf { cert, key } = site.authority.issue(&["localhost"]);
        site.place.write("proxy.pem", &format!("{cert}{key}"));
        site.place.write("root.pem", &site.authority.cert());
        site.place.write("crl.pem", &site.authority.revoke(&[99]));
        site.configure("127.0.0.1:0", rest);
        site
    }

    fn configure(&self, listen: &str, rest: &str) {
        self.place.configure(&format!(
            "[chat.console]\n[proxy]\nlisten = \"{listen}\"\ncert = \"proxy.pem\"\n\
             client_ca = \"root.pem\"\ncrl = \"crl.pem\"\n{rest}"
        ));
    }

    fn connect(&self, mistgate: &Mistgate, member: &Leaf, meetup: &str) -> Result<Peer, Error> {
        Peer::upgrade(mistgate.proxy(), &self.authority.cert(), member, meetup)
    }

    /// A manager and a gateway that have met.
    fn pair(&self, mistgate: &Mistgate, meetup: &str) -> (Peer, Peer) {
        let join = |organisation, serial, hello| {
            let member = self.authority.member(organisation, serial);
            let mut peer = self.connect(mistgate, &member, meetup).expect("upgraded");
            peer.say(hello);
            peer
        };
        let mut manager = join("Manager", 1, MANAGER);
        let mut gateway = join("Gateway", 2, GATEWAY);
        assert_eq!(gateway.receive(), Message::text(MANAGER));
        assert_eq!(manager.receive(), Message::text(GATEWAY));
        (manager, gateway)
    }
}

/// Sends a text from one peer, and reads it at the other.
fn talk(from: &mut Peer, to: &mut Peer, text: &str) {
    from.say(text);
    assert_eq!(to.receive(), Message::text(text));
}

#[test]
fn status_shows_meetups_and_metrics_count_messages() {
    let site = Site::new("");
    let mut mistgate = site.place.start();
    let (mut manager, mut gateway) = site.pair(&mistgate, "gw/7B2A");
    for text in ["a request", "another"] {
        talk(&mut manager, &mut gateway, text);
    }
    talk(&mut gateway, &mut manager, "an answer");

    let status = mistgate.status();
    let seen = |pointer: &str| status.pointer(pointer).cloned().unwrap_or_default();
    assert_eq!(seen("/proxy/connections"), 2);
    assert_eq!(seen("/proxy/pairs"), 1);
    assert_eq!(seen("/proxy/meetups/0/meetup"), "gw/7B2A");
    assert_eq!(seen("/proxy/meetups/1"), Value::Null);
    let first = seen("/proxy/meetups/0/peers/0");
    let expected = json!({
        "peer": 1,
        "stage": "paired",
        "peer_class": "manager",
        "peer_id": "1",
        "certificate": { "o": ["Manager"], "cn": [] },
        "received": { "messages": 3, "bytes": MANAGER.len() + 16 },
        "sent": { "messages": 2, "bytes": GATEWAY.len() + 9 },
    });
    for (key, value) in expected.as_object().expect("an object") {
        assert_eq!(first.get(key), Some(value), "{key} in {status}");
    }
    let text = |key| first.get(key).and_then(Value::as_str).unwrap_or_default();
    assert!(text("address").starts_with("127.0.0.1:"), "{status}");
    assert!(text("since").ends_with('Z'), "{status}");
    assert!(first.get("heard_seconds_ago").is_some_and(Value::is_f64), "{status}");
    assert_eq!(seen("/proxy/meetups/0/peers/1/certificate/o/0"), "Gateway");

    // A peer whose authority is unknown is refused.
    let stranger = Authority::new().member("Manager", 1);
    assert!(site.connect(&mistgate, &stranger, "gw/7B2A").is_err());
    mistgate.line("handshake_failed", 1);
    drop(gateway);
    mistgate.line("peer_closed", 1);
    for (series, value) in [
        ("mistgate_proxy_connections", 1.0),
        ("mistgate_proxy_meetups", 1.0),
        ("mistgate_proxy_pairs", 0.0),
        ("mistgate_proxy_peers_total", 2.0),
        ("mistgate_proxy_pairs_total", 1.0),
        ("mistgate_proxy_messages_total", 3.0),
        ("mistgate_proxy_message_bytes_total", 25.0),
        ("mistgate_proxy_closed_total{reason=\"lost\"}", 1.0),
        ("mistgate_connections_refused_total{listener=\"proxy\",reason=\"handshake_failed\"}", 1.0),
    ] {
        mistgate.until(series, |mistgate| mistgate.metric(series) == value);
    }

    // The stop, which needs nobody's answer.
    let began = Instant::now();
    mistgate.signal(Signal::TERM);
    assert_eq!(manager.reason(), (1001, "the proxy is stopping".into()));
    assert_eq!(mistgate.wait().code(), Some(0), "{}", mistgate.stderr());
    assert!(began.elapsed() < STOP_MAX, "{}", mistgate.stderr());
    assert!(mistgate.journal("stopped_early").is_empty());
}

fn request(id: &str) -> String {
    json!({"message": {"messageId": id, "messageType": "REST:REQUEST", "requiresResponse": true,
        "method": "GET", "path": "/"}})
    .to_string()
}

/// The real gateway throws at a text id, and connects again; its old socket answers pings on.
#[test]
fn a_gateway_that_a_text_id_has_wedged_serves_the_next_manager() {
    let site = Site::new("");
    let mistgate = site.place.start();
    let own = site.authority.member("Gateway", 2);
    let join = |member: &Leaf, hello| {
        let mut peer = site.connect(&mistgate, member, "gw/1").expect("upgraded");
        peer.say(hello);
        peer
    };
    let mut wedged = join(&own, GATEWAY);
    let mut first = join(&site.authority.member("Manager", 1), MANAGER);
    assert_eq!(wedged.receive(), Message::text(MANAGER));
    assert_eq!(first.receive(), Message::text(GATEWAY));
    first.say(&request("one"));
    assert_eq!(wedged.receive(), Message::text(request("one")));
    // It only answers pings from now on, until the proxy closes it.
    let wedged = thread::spawn(move || wedged.reason());
    let began = Instant::now();
    let mut gateway = join(&own, GATEWAY);
    assert_eq!(wedged.join().expect("a reason").0, 1000);
    // Its manager hears that there is no response, and leaves.
    assert!(first.receive().to_string().contains("502"));
    drop(first);
    mistgate.line("peer_closed", 2);
    let mut good = join(&site.authority.member("Manager", 3), &MANAGER.replace("\"1\"", "\"2\""));
    good.say(&request("two"));
    let answer = r#"{"message":{"messageId":9,"messageType":"REST:RESPONSE","inResponseTo":"two",
        "responseCode":200,"requiresResponse":false}}"#;
    while gateway.receive() != Message::text(request("two")) {}
    gateway.say(answer);
    while good.receive() != Message::text(answer) {}
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    mistgate.stop();
}

/// A gateway draws a new id at each start, so only its silence shows that the old one is gone.
#[test]
fn a_gateway_that_answers_nothing_gives_way_to_one_of_its_kind_with_another_id() {
    let site = Site::new("ping_interval = \"200ms\"\nrequest_timeout = \"4s\"\n");
    let mistgate = site.place.start();
    let join = |member: &Leaf, hello: &str| {
        let mut peer = site.connect(&mistgate, member, "gw/1").expect("upgraded");
        peer.say(hello);
        peer
    };
    let (own, again) = (site.authority.member("Gateway", 2), GATEWAY.replace("ü", "restarted"));
    let mut silent = join(&own, GATEWAY);
    let mut manager = join(&site.authority.member("Manager", 1), MANAGER);
    assert_eq!(silent.receive(), Message::text(MANAGER));
    manager.say(&request("one"));
    assert_eq!(silent.receive(), Message::text(request("one")));
    let silent = thread::spawn(move || silent.reason());
    // It answers pings, so another of its kind is a third peer at first.
    assert_eq!(join(&own, &again).reason().0, 1008);
    mistgate.line("peer_suspect", 1);
    let status = mistgate.status();
    assert_eq!(status.pointer("/proxy/pairs"), Some(&json!(0)), "{status}");
    assert!(status.to_string().contains("\"stage\":\"suspect\""), "{status}");
    let mut gateway = join(&own, &again);
    assert_eq!(silent.join().expect("a reason").0, 1000);
    while !manager.receive().to_string().contains("restarted") {}
    assert_eq!(gateway.receive(), Message::text(MANAGER));
    talk(&mut manager, &mut gateway, &request("two"));
    assert_eq!(mistgate.metric("mistgate_proxy_pairs"), 1.0);
    mistgate.stop();
}

#[test]
fn new_rules_close_only_connections_that_they_do_not_allow() {
    let site = Site::new("");
    let mistgate = site.place.start();
    let address = mistgate.proxy();
    let (mut manager, mut gateway) = site.pair(&mistgate, "gw/1");
    let stranger = site.authority.member("Stranger", 3);
    let mut third = site.connect(&mistgate, &stranger, "elsewhere").expect("upgraded");
    third.say(MANAGER);

    // An invalid configuration changes nothing, and the error names its key.
    site.configure("127.0.0.1:0", "ping_interval = \"0s\"");
    mistgate.signal(Signal::HUP);
    let line = mistgate.line("reload_failed", 1);
    let reason = line.get("reason").and_then(Value::as_str).unwrap_or_default();
    assert!(reason.contains("proxy.ping_interval: 0s is out of bounds"), "{reason}");
    talk(&mut manager, &mut gateway, "still here");

    site.configure(
        "127.0.0.1:0",
        "[[proxy.allow]]\nmeetup = \"gw/*\"\nsubjects = [\"O=Manager\", \"O=Gateway\"]",
    );
    let began = Instant::now();
    mistgate.reload();
    let (code, reason) = third.reason();
    assert!(began.elapsed() < CUT_MAX, "{:?}", began.elapsed());
    assert_eq!((code, reason.as_str()), (1008, "this certificate may no longer join this meetup"));
    assert!(site.connect(&mistgate, &stranger, "gw/1").is_err(), "it may come back");
    assert_eq!(mistgate.proxy(), address);
    talk(&mut manager, &mut gateway, "as before");

    // The same for a certificate that is revoked, without a reload.
    let began = Instant::now();
    site.place.write("crl.pem", &site.authority.revoke(&[2, 99]));
    assert_eq!(gateway.reason().0, 1008);
    assert!(began.elapsed() < CUT_MAX, "{:?}", began.elapsed());
    let line = mistgate.line("certificate_reloaded", 1);
    assert_eq!(line.get("listener").and_then(Value::as_str), Some("proxy"));
    site.place.write("crl.pem", "nothing");
    let line = mistgate.line("certificate_kept", 1);
    assert!(line.to_string().contains("crl.pem"), "{line}");
    mistgate.stop();
}

#[test]
fn what_ends_is_said_before_and_its_peers_are_closed() {
    let site = Site::new("");
    // To be renewed since January.
    site.place.write("crl.pem", &site.authority.revoke_until(&[99], 2026));
    let mistgate = site.place.start();
    let line = mistgate.line("certificate_ends", 1);
    assert_eq!(line.get("file").and_then(Value::as_str), Some("crl.pem"), "{line}");
    mistgate.printed(|printed| printed.contains("Certificate ends soon"));
    let end = |file| {
        mistgate.metric(&format!("mistgate_certificate_end_timestamp_seconds{{file=\"{file}\"}}"))
    };
    assert!(end("crl.pem") < end("proxy.pem") && end("root.pem") > 2e9, "{}", end("crl.pem"));
    assert_eq!(mistgate.journal("certificate_ends").len(), 1);
    let status = mistgate.status();
    assert_eq!(status.pointer("/certificates/0/file"), Some(&json!("crl.pem")), "{status}");
    assert_eq!(status.pointer("/certificates/1"), None, "{status}");

    let soon = SystemTime::now() + Duration::from_secs(4);
    let member = site.authority.issue_with(&["gw-1"], |leaf| leaf.not_after = soon.into());
    let mut peer = site.connect(&mistgate, &member, "gw/1").expect("upgraded");
    peer.say(MANAGER);
    assert_eq!(peer.reason().0, 1008);
    assert!(soon <= SystemTime::now());
    mistgate.stop();
}

#[test]
fn the_proxy_moves_ends_and_begins_with_the_configuration() {
    let site = Site::new("");
    let mistgate = site.place.start();
    let old = mistgate.proxy();
    let (mut manager, _gateway) = site.pair(&mistgate, "gw/1");
    site.configure("127.0.0.2:0", "");
    mistgate.reload();
    assert_eq!(manager.reason().0, 1001);
    let new = mistgate.proxy();
    assert_ne!(new.ip(), old.ip());
    mistgate.until("a closed port", |_| TcpStream::connect(old).is_err());
    let (mut manager, mut gateway) = site.pair(&mistgate, "gw/1");
    talk(&mut manager, &mut gateway, "here");

    site.place.configure("[chat.console]");
    mistgate.reload();
    assert_eq!(manager.reason().0, 1001);
    mistgate.until("a closed port", |_| TcpStream::connect(new).is_err());
    assert_eq!(mistgate.status().get("proxy"), Some(&Value::Null));
    assert_eq!(mistgate.metric("mistgate_proxy_connections"), 0.0);

    site.configure("127.0.0.1:0", "");
    mistgate.reload();
    let (mut manager, mut gateway) = site.pair(&mistgate, "gw/1");
    talk(&mut manager, &mut gateway, "again");
    mistgate.stop();
}

#[test]
fn a_proxy_needs_no_webhook() {
    let site = Site::new("");
    site.place.write(
        "mistgate.toml",
        "state_dir = \"state\"\n[proxy]\nlisten = \"127.0.0.1:0\"\ncert = \"proxy.pem\"\n\
         client_ca = \"root.pem\"\n[[proxy.allow]]\nmeetup = \"gw/*\"\nsubjects = [\"O=Manager\", \
         \"O=Gateway\"]\n",
    );
    let mut mistgate = site.place.start();
    let (mut manager, mut gateway) = site.pair(&mistgate, "gw/1");
    talk(&mut manager, &mut gateway, "hello");
    assert!(mistgate.journal("config").is_empty(), "{}", mistgate.stderr());
    // The gateway does not answer the close frame.
    let began = Instant::now();
    mistgate.signal(Signal::TERM);
    assert_eq!(manager.reason().0, 1001);
    assert_eq!(mistgate.wait().code(), Some(0), "{}", mistgate.stderr());
    assert!(began.elapsed() < STOP_MAX, "{}", mistgate.stderr());
}

/// The store cannot be opened: the proxy relays, the admin endpoint says so, webhooks get 503.
fn relays_without_a_store(site: &Site) {
    let mistgate = site.place.start();
    mistgate.line("store_failed", 1);
    let (mut manager, mut gateway) = site.pair(&mistgate, "gw/1");
    talk(&mut manager, &mut gateway, "hello");
    assert_eq!(mistgate.post(&event_body("AP_CONNECTED", "ap-1.")).status(), 503);
    talk(&mut gateway, &mut manager, "and back");
    assert_eq!(mistgate.ask("/-/healthy").status(), 200);
    let answer = mistgate.ask("/-/ready");
    assert_eq!((answer.status(), answer.body.as_str()), (503, "no disk\n"));
    let status = mistgate.status();
    assert_eq!(status.pointer("/store/writable"), Some(&json!(false)), "{status}");
    assert_eq!(status.pointer("/proxy/pairs"), Some(&json!(1)), "{status}");
    assert_eq!(mistgate.metric("mistgate_store_writable"), 0.0);
    assert_eq!(mistgate.ask("/dead-letters").status(), 503);
    talk(&mut manager, &mut gateway, "still there");
    mistgate.stop();
}

#[test]
fn the_proxy_relays_where_the_store_is_a_folder() {
    let site = Site::new("");
    fs::create_dir_all(site.place.path().join("state/mistgate.redb")).expect("a folder");
    relays_without_a_store(&site);
}

#[test]
#[expect(clippy::print_stdout, reason = "libtest keeps it, and shows it where it is asked to")]
fn the_proxy_relays_where_the_state_folder_cannot_be_written() {
    let site = Site::new("");
    let state = site.place.path().join("state");
    let Some(mounted) = Mounted::tmpfs(&state, "4m") else {
        println!("not tested: no right to mount a file system");
        return;
    };
    // Damaged too, so that it could not be opened on a good disk, and cannot be set aside here.
    fs::write(state.join("mistgate.redb"), "not a store").expect("a file");
    mounted.make_read_only();
    relays_without_a_store(&site);
}

/// What a store has after a fault of the disk, while mistgate has it open, makes redb panic.
#[test]
fn a_store_that_panics_cuts_no_pair() {
    let chat = Chat::closed().expect("a chat");
    let url = chat.url("/");
    let site = Site::new(&format!("[chat.slack]\npace = \"off\"\ndefault_url = \"{url}\"\n"));
    let mistgate = site.place.start();
    let (mut manager, mut gateway) = site.pair(&mistgate, "gw/1");
    // More than redb remembers of its file.
    for nth in 0..16 {
        let device = format!("{nth}{}", "0".repeat(STORED / 16));
        mistgate.accept(&event_body("AP_CONNECTED", &device));
    }
    let path = site.place.path().join("state/mistgate.redb");
    let pages = vec![0x55; fs::read(&path).expect("a store").len()];
    let store = OpenOptions::new().write(true).open(path).expect("a store");
    store.write_all_at(&pages, PAGE).expect("written");

    let panic = mistgate.line("panic", 1);
    let at = panic.get("at").and_then(Value::as_str).expect("a place");
    assert!(at.contains("/redb-"), "{panic}");
    talk(&mut manager, &mut gateway, "a request");
    talk(&mut gateway, &mut manager, "an answer");
    assert!(mistgate.metric("mistgate_panics_total") >= 1.0);
    assert_eq!(mistgate.ask("/-/healthy").status(), 200);
    // Its third panic would end it.
    mistgate.kill();
}
