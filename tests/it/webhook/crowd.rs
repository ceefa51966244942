//! Strangers at the webhook listener: whatever they hold, a sender that signs gets its 200.

use std::io::Read;
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use mistgate_tests::base::http;
use mistgate_tests::chat::server::LONG;
use mistgate_tests::webhook::crowd::{Crowd, Plan};
use mistgate_tests::webhook::mist::{Mist, connect, event_body, request, send};

use crate::base::binary::{Mistgate, Place, SECRET};
use crate::base::poll;

/// A tenth of the defaults.
const LIMITS: &str = "connections_max = 48\nconnections_per_address_max = 8\n\
                      max_body = \"64KiB\"\nbodies_max = \"1MiB\"\n[chat.console]";
const BODY: usize = 64 << 10;

/// A signed request's head whose body is one byte short.
fn almost() -> Vec<u8> {
    let whole = request(
        "POST",
        "/webhooks",
        &[("X-Mist-Signature-v2", &"0".repeat(64))],
        &"x".repeat(BODY),
    );
    let (almost, _) = whole.split_at(whole.len() - 1);
    almost.as_bytes().to_vec()
}

/// Twelve addresses with eight connections each. The first is also that of the sender.
fn crowd(mistgate: &Mistgate, sent: Vec<u8>) -> Crowd {
    let address = |nth| (Ipv4Addr::new(127, 0, 0, nth), 8);
    let (to, away) = (mistgate.webhook(), Duration::from_millis(20));
    Crowd::start(Plan { to, from: (1..=12).map(address).collect(), sent, repeats: false, away })
}

/// Posts new events, each over a connection of its own, and counts those that are answered 200.
fn accepted(mistgate: &Mistgate, count: usize) -> usize {
    let is_accepted = |nth: &usize| {
        let body = event_body("AP_CONNECTED", &format!("ap-{nth}"));
        let answer = Mist::new(SECRET).post(mistgate.webhook(), &body);
        answer.is_ok_and(|answer| answer.status() == 200)
    };
    (0..count).filter(is_accepted).count()
}

#[test]
fn a_sender_is_answered_200_while_a_crowd_holds_all_the_places_it_can_get() {
    const POSTS: usize = 40;
    let place = Place::new(LIMITS);
    let mistgate = place.start_with(&["--log-level", "info"]);
    assert_eq!(accepted(&mistgate, 1), 1);
    for (name, sent) in [("silent", Vec::new()), ("bodies without an end", almost())] {
        let crowd = crowd(&mistgate, sent);
        let full = || crowd.holding() >= 20 && crowd.cut() > 12 * 8;
        poll::within(LONG, full, || format!("{name}: {crowd:?}"));
        let accepted = accepted(&mistgate, POSTS);
        assert!(accepted * 100 >= POSTS * 95, "{name}: {accepted} of {POSTS}");
        assert!(crowd.holding() > 0, "{name}: {crowd:?}");
    }
    let cut = |reason| {
        let labels = format!("listener=\"webhook\",reason=\"{reason}\"");
        mistgate.metric(&format!("mistgate_connections_refused_total{{{labels}}}"))
    };
    assert!(cut("connection_evicted") > 0.0);
    mistgate.stop();
}

#[test]
fn behind_a_reverse_proxy_the_client_is_whom_the_proxy_names() {
    let proxied = "trusted_proxies = [\"127.0.0.1\", \"192.0.2.0/24\"]\n\
                   allow_from = [\"198.51.100.0/24\"]\nconnections_per_address_max = 1\n\
                   [chat.console]";
    let place = Place::new(proxied);
    let mistgate = place.start();
    let signed = Mist::new(SECRET).request(&event_body("AP_CONNECTED", "ap-1"));
    let forwarded = |forwarded: &str| {
        let header = format!("X-Forwarded-For: {forwarded}\r\nContent-Length:");
        signed.replacen("Content-Length:", &header, 1)
    };
    for (list, status) in [
        ("198.51.100.7", 200),
        ("203.0.113.9, 198.51.100.7, 192.0.2.1", 200),
        // What the client itself wrote does not count.
        ("198.51.100.7, 203.0.113.9", 403),
        ("unknown", 400),
    ] {
        let answer = send(mistgate.webhook(), &forwarded(list)).expect("an answer");
        assert_eq!(answer.status(), status, "{list}");
    }
    // Without the header the proxy speaks for itself.
    assert_eq!(send(mistgate.webhook(), &signed).expect("an answer").status(), 403);
    // The limit of one address is the client's: two of the proxy's connections are served, and
    // after its 403 a client outside is gone.
    let mut first = connect(mistgate.webhook()).expect("a connection");
    let mut second = connect(mistgate.webhook()).expect("a connection");
    let status = |stream: &mut TcpStream, client| {
        let answer = http::exchange(stream, forwarded(client).as_bytes());
        answer.expect("an answer").status()
    };
    assert_eq!(status(&mut first, "198.51.100.7"), 200);
    assert_eq!(status(&mut second, "198.51.100.7"), 200);
    assert_eq!(status(&mut first, "198.51.100.7"), 200);
    assert_eq!(status(&mut second, "203.0.113.9"), 403);
    assert_eq!(second.read(&mut [0]).expect("a close"), 0);
    assert_eq!(mistgate.ask("/-/ready").status(), 200);
    mistgate.stop();
}
