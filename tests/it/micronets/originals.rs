//! The steps of the original's README (§1.3, §1.4), with each of its three Python programs or our
//! replacement; and how our proxy treats peers written in Python.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use mistgate_tests::base::http::Message;
use mistgate_tests::webhook::mist::{request, send};
use serde_json::{Value, json};

use crate::base::binary::{Mistgate, Place, command, output, text};
use crate::base::openssl::Authority;
use crate::micronets::peers;
use crate::micronets::peers::Program;

const PREFIX: &str = "/micronets/v1/ws-proxy/";
const SUBNETS: &str = "/micronets/v1/dhcp/subnets";
/// The example of a POST in the original's README (§2.3).
const SUBNET: &str = r#"{"subnetId":"mocksubnet007","ipv4Network":{"network":"192.168.1.0",
    "mask":"255.255.255.0","gateway":"192.168.1.1"},"nameservers":["1.2.3.4","1.2.3.5"]}"#;

/// Which program plays a part: the original's or ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Player {
    Python,
    Ours,
}

/// The certificates of the three programs, and how our peers verify the proxy's.
struct Files {
    proxy: String,
    gateway: String,
    client: String,
    root: String,
    verify: &'static str,
}

impl Files {
    fn of(authority: &Authority) -> Self {
        authority.leaf("proxy", "Micronets Websocket Proxy Cert");
        authority.leaf("gateway", "Micronets DHCP Manager Cert");
        authority.leaf("client", "Micronets Manager Cert");
        let file = |name: &str| authority.file(&format!("{name}.pkeycert.pem"));
        Self {
            proxy: file("proxy"),
            gateway: file("gateway"),
            client: file("client"),
            root: authority.file("root.cert.pem"),
            verify: "chain",
        }
    }

    /// Made by mistgate instead of the original's scripts, with the words of its README (§1.1).
    fn of_ours(place: &Place) -> Self {
        let cert = |args: &str| {
            let mut words = vec!["cert"];
            words.extend(args.split(' '));
            let made = output(place.path(), &words);
            assert!(made.status.success(), "{args}: {}", text(&made.stderr));
        };
        cert("root --cert-basename root --subject-org-name Root --expiration-in-days 3650");
        let ca = "--ca-certfile root.cert.pem --ca-keyfile root.key.pem";
        for (name, more) in [("proxy", " --san 127.0.0.1"), ("gateway", ""), ("client", "")] {
            cert(&format!("leaf --cert-basename {name} --subject-org-name {name} {ca}{more}"));
        }
        let file = |name: &str| place.path().join(name).display().to_string();
        Self {
            proxy: file("proxy.pkeycert.pem"),
            gateway: file("gateway.pkeycert.pem"),
            client: file("client.pkeycert.pem"),
            root: file("root.cert.pem"),
            verify: "name",
        }
    }
}

enum Proxy {
    Python(Program),
    Ours(Mistgate),
}

impl Proxy {
    fn start(player: Player, place: &Place, files: &Files) -> Self {
        match player {
            Player::Python => {
                Self::Python(Program::start("relay.py", &[&files.proxy, &files.root, "0"]))
            }
            Player::Ours => {
                place.configure(&section(&files.proxy, &files.root, ""));
                Self::Ours(place.start())
            }
        }
    }

    fn url(&self, meetup: &str) -> String {
        let port = match self {
            Self::Python(proxy) => proxy.port(),
            Self::Ours(proxy) => proxy.address("proxy").port(),
        };
        format!("wss://127.0.0.1:{port}{PREFIX}{meetup}")
    }
}

/// The section `[proxy]` with these files.
fn section(cert: &str, root: &str, more: &str) -> String {
    format!("[proxy]\nlisten = \"127.0.0.1:0\"\ncert = \"{cert}\"\nclient_ca = \"{root}\"\n{more}")
}

/// The command `mistgate connect` with these files.
fn connect(place: &Place, cert: &str, files: &Files, url: &str, more: &[&str]) -> Mistgate {
    let mut args = vec!["connect", "--client-cert", cert, "--ca-cert", &files.root];
    args.extend(["--verify", files.verify, "--log-format", "json"]);
    args.extend(more);
    args.push(url);
    Mistgate::start(command(place.path(), &args))
}

enum Gateway {
    Python(Program),
    Ours { peer: Mistgate, _local: Program },
}

impl Gateway {
    fn start(player: Player, place: &Place, files: &Files, url: &str) -> Self {
        match player {
            Player::Python => {
                Self::Python(Program::start("gateway.py", &[&files.gateway, &files.root, url]))
            }
            Player::Ours => {
                let local = Program::start("subnets.py", &[]);
                let server = format!("http://127.0.0.1:{}", local.port());
                let more = ["--forward", &server, "--peer-class", "micronets-dhcp-service"];
                Self::Ours {
                    peer: connect(place, &files.gateway, files, url, &more),
                    _local: local,
                }
            }
        }
    }

    /// Waits until it has met its `nth` partner.
    fn has_met(&self, nth: usize) {
        match self {
            Self::Python(gateway) => {
                gateway.line_after("hello", nth);
            }
            Self::Ours { peer, .. } => {
                peer.line("partner", nth);
            }
        }
    }

    fn is_content(&self) {
        match self {
            Self::Python(gateway) => assert_eq!(gateway.complaints(), ""),
            Self::Ours { peer, .. } => assert!(peer.journal("ignored").is_empty()),
        }
    }
}

enum Client {
    Python(Program),
    Ours(Mistgate),
}

impl Client {
    fn start(player: Player, place: &Place, files: &Files, url: &str) -> Self {
        match player {
            Player::Python => {
                Self::Python(Program::start("test_client.py", &[&files.client, &files.root, url]))
            }
            Player::Ours => {
                let more = ["--http-listen", "127.0.0.1:0"];
                Self::Ours(connect(place, &files.client, files, url, &more))
            }
        }
    }

    /// Sends a request as curl does in the README's §1.4.3.
    fn ask(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let address = match self {
            Self::Python(client) => ([127, 0, 0, 1], client.port()).into(),
            Self::Ours(client) => {
                client.line("partner", 1);
                client.address("http")
            }
        };
        let headers = [("Content-Type", "application/json"), ("Accept", "*/*")];
        let answer: Message = send(address, &request(method, path, &headers, body))
            .unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        let body = match answer.body.as_str() {
            "" => Value::Null,
            text => serde_json::from_str(text).unwrap_or_else(|_| panic!("{method}: {text}")),
        };
        (answer.status(), body)
    }

    /// Waits until it has printed an event's type and body.
    fn has_printed(&self, kind: &str, body: &Value) {
        let (seen, printed) = match self {
            Self::Python(client) => (client.line_after(kind, 1), String::new()),
            Self::Ours(client) => {
                let line = client.printed(|stdout| stdout.contains(kind));
                let event: Value = serde_json::from_str(line.trim()).expect("one line of JSON");
                let message = event.get("message").unwrap_or(&event);
                (message.get("messageBody").expect("a body").to_string(), line)
            }
        };
        let seen: Value = serde_json::from_str(&seen).expect("JSON");
        assert_eq!(seen, *body, "{printed}");
    }
}

/// Follows the README's steps for its test client, and its sections on messages.
fn follow(client: &Client, has_events: bool) {
    assert_eq!(client.ask("GET", SUBNETS, ""), (200, json!({ "subnets": [] })));
    let subnet: Value = serde_json::from_str(SUBNET).expect("JSON");
    let made = client.ask("POST", SUBNETS, SUBNET);
    assert_eq!(made, (201, json!({ "subnet": subnet })));
    assert_eq!(client.ask("GET", SUBNETS, ""), (200, json!({ "subnets": [subnet] })));
    assert_eq!(client.ask("POST", SUBNETS, SUBNET).0, 409);
    let one = format!("{SUBNETS}/mocksubnet007");
    let change = r#"{"ipv4Network":{"gateway":"192.168.1.3"}}"#;
    let (status, changed) = client.ask("PUT", &one, change);
    assert_eq!(status, 200);
    let gateway = changed.pointer("/subnet/ipv4Network/gateway");
    assert_eq!(gateway.and_then(Value::as_str), Some("192.168.1.3"), "{changed}");
    let mask = changed.pointer("/subnet/ipv4Network/mask");
    assert_eq!(mask.and_then(Value::as_str), Some("255.255.255.0"), "{changed}");
    assert_eq!(client.ask("GET", "/micronets/v1/other", "").0, 404);
    if has_events {
        let lease = json!({ "leaseAcquiredEvent": { "macAddress": { "eui48": "00:11:22" } } });
        let (status, _) = client.ask("PUT", "/micronets/v1/dhcp/leases", &lease.to_string());
        assert_eq!(status, 200);
        client.has_printed("EVENT:DHCP:leaseAcquired", &lease);
    }
    assert_eq!(client.ask("DELETE", &one, ""), (200, Value::Null));
    assert_eq!(client.ask("GET", &one, "").0, 404);
    assert_eq!(client.ask("DELETE", SUBNETS, ""), (204, Value::Null));
}

#[test]
fn the_readme_can_be_followed_with_any_of_its_programs_replaced() {
    let authority = Authority::new();
    let files = Files::of(&authority);
    let players = [Player::Python, Player::Ours];
    for proxy_by in players {
        let place = Place::new("");
        let proxy = Proxy::start(proxy_by, &place, &files);
        for gateway_by in players {
            for client_by in players {
                let url = proxy.url(&format!("micronets-dhcp-{gateway_by:?}-{client_by:?}"));
                let gateway = Gateway::start(gateway_by, &place, &files, &url);
                let client = Client::start(client_by, &place, &files, &url);
                let followed = catch_unwind(AssertUnwindSafe(|| {
                    gateway.has_met(1);
                    follow(&client, gateway_by == Player::Python);
                    gateway.is_content();
                }));
                let who =
                    format!("proxy {proxy_by:?}, gateway {gateway_by:?}, client {client_by:?}");
                assert!(followed.is_ok(), "{who}");
            }
        }
    }
}

#[test]
fn with_our_certificates_names_are_verified_too() {
    let place = Place::new("");
    let files = Files::of_ours(&place);
    let proxy = Proxy::start(Player::Ours, &place, &files);
    let url = proxy.url("gw/7B2A");
    let _gateway = Gateway::start(Player::Ours, &place, &files, &url);
    let client = Client::start(Player::Ours, &place, &files, &url);
    follow(&client, false);
    // The same certificate under a host name that it does not have.
    let elsewhere = url.replace("127.0.0.1", "localhost");
    let stranger =
        connect(&place, &files.client, &files, &elsewhere, &["--http-listen", "127.0.0.1:0"]);
    let refused = stranger.line("disconnected", 1).to_string();
    assert!(refused.contains("localhost") || refused.contains("name"), "{refused}");
}

#[test]
fn a_gateway_that_comes_again_finds_its_client_where_it_was() {
    let authority = Authority::new();
    let files = Files::of(&authority);
    let place = Place::new("");
    let proxy = Proxy::start(Player::Ours, &place, &files);
    for (client_by, gateway_by) in [(Player::Python, Player::Ours), (Player::Ours, Player::Python)]
    {
        let url = proxy.url(&format!("{client_by:?}"));
        let gateway = Gateway::start(gateway_by, &place, &files, &url);
        let client = Client::start(client_by, &place, &files, &url);
        gateway.has_met(1);
        assert_eq!(client.ask("GET", SUBNETS, "").0, 200);
        drop(gateway);
        // The proxy may notice the end of the partner a moment later.
        while client.ask("GET", SUBNETS, "").0 != 503 {}
        let gateway = Gateway::start(gateway_by, &place, &files, &url);
        gateway.has_met(1);
        follow(&client, gateway_by == Player::Python);
    }
}

/// Runs scenarios of manners.py against a proxy with this configuration.
fn manners(more: &str, names: &[&str]) {
    let authority = Authority::new();
    authority.leaf("proxy", "Micronets Websocket Proxy Cert");
    for name in ["a", "b", "c"] {
        authority.leaf(name, "Micronets Manager Cert");
    }
    let file = |name: &str| authority.file(&format!("{name}.pkeycert.pem"));
    let root = authority.file("root.cert.pem");
    let place = Place::new(&section(&file("proxy"), &root, more));
    let proxy = place.start();
    let url = format!("wss://{}{PREFIX}", proxy.address("proxy"));
    let [a, b, c] = ["a", "b", "c"].map(file);
    let mut args = vec![a.as_str(), &b, &c, &root, &url];
    args.extend(names);
    let printed = peers::run("manners.py", &args);
    let expected: Vec<_> = names.iter().map(|name| format!("ok {name}")).collect();
    assert_eq!(printed.lines().collect::<Vec<_>>(), expected);
    proxy.stop();
}

/// Scenarios for the default configuration.
const USUAL: [&str; 18] = [
    "compression_is_declined",
    "messages_stay_what_they_are",
    "fragments_arrive_whole",
    "a_mebibyte_passes",
    "more_than_a_mebibyte_closes_its_sender_only",
    "peers_may_ping_as_often_as_they_like",
    "a_message_that_is_no_text_closes_its_sender_only",
    "a_frame_that_breaks_the_rules_closes_its_sender_only",
    "hellos_arrive_byte_for_byte",
    "what_is_no_hello_is_refused_with_a_reason",
    "a_third_peer_is_refused_with_a_reason",
    "hellos_may_come_in_any_order",
    "what_follows_a_hello_at_once_arrives_in_order",
    "a_request_without_a_partner_is_answered_503",
    "a_request_whose_partner_leaves_is_answered_502",
    "a_peer_that_comes_again_replaces_its_dead_connection",
    "meetups_are_told_apart_by_the_whole_rest_of_the_target",
    "what_is_no_websocket_of_ours_gets_an_http_answer",
];
/// Scenarios for short timeouts.
const TIMED: [&str; 3] = [
    "silent_peers_that_answer_pings_stay",
    "a_peer_that_answers_no_ping_is_closed",
    "whoever_says_no_hello_is_closed",
];
/// The scenario for the original's way of closing.
const CLOSING: [&str; 1] = ["the_other_one_is_closed_where_that_is_wanted"];

#[test]
fn peers_in_python_are_treated_as_specified() {
    manners("", &USUAL);
}

#[test]
fn peers_in_python_see_silent_connections_closed() {
    let times = "hello_timeout = \"1s\"\nping_interval = \"500ms\"\nping_timeout = \"1s\"\n";
    manners(times, &TIMED);
}

#[test]
fn peers_in_python_are_treated_as_by_the_original_if_configured() {
    manners("on_partner_loss = \"close\"\n", &CLOSING);
}

#[test]
fn every_scenario_is_played() {
    let printed = peers::run("manners.py", &[]);
    let played = USUAL.iter().chain(&TIMED).chain(&CLOSING).copied().collect::<BTreeSet<_>>();
    assert_eq!(printed.lines().collect::<BTreeSet<_>>(), played);
}
