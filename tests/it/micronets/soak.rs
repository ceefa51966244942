//! A short soak of the websocket proxy; `tests/bench/all soak` is the long one.

use std::time::Duration;

use mistgate_tests::base::process::Usage;

use crate::base::binary::Place;
use crate::base::openssl::{Authority, More};
use crate::soak::{Plan, run};
use crate::wire::connector;

#[test]
fn pairs_that_connect_talk_and_fail_are_never_mixed_up() {
    let authority = Authority::new();
    let more = More { extensions: "subjectAltName=IP:127.0.0.1", ..More::default() };
    authority.leaf_with("proxy", "Proxy", more);
    authority.leaf("gateway", "Gateway");
    authority.leaf("client", "Client");
    let place = Place::new(&format!(
        "[proxy]\nlisten = \"127.0.0.1:0\"\ncert = \"{}\"\nclient_ca = \"{}\"\n\
         ping_interval = \"1s\"\nping_timeout = \"4s\"\nconnections_per_address_max = 4096\n\
         handshakes_per_second_max = 10000\n",
        authority.file("proxy.pkeycert.pem"),
        authority.file("root.cert.pem")
    ));
    let proxy = place.start_with(&[]);
    let pid = u32::try_from(proxy.pid().as_raw_nonzero().get()).expect("a process id");
    let read = |name: &str| std::fs::read(authority.path(name)).expect("a file");
    let tls = ["gateway.pkeycert.pem", "client.pkeycert.pem"]
        .map(|name| connector(&read(name), &read("root.cert.pem")).expect("certificates"));
    let server = proxy.address("proxy");
    // Ready, so all files and sockets of the start are open.
    proxy.until("ready", |proxy| proxy.ask("/-/ready").status() == 200);
    let before = Usage::of(pid).expect("a process");
    let tally = run(Plan {
        server,
        prefix: "/micronets/v1/ws-proxy/soak/".to_owned(),
        tls,
        pairs: 60,
        length: Duration::from_secs(8),
        connection_length: Duration::from_secs(2),
        pause: Duration::from_millis(200),
        patience: Duration::from_secs(40),
        seed: 1,
    });
    assert!(tally.faults.is_empty(), "{:#?}\n{}", tally.faults, proxy.stderr());
    let answered = |status| tally.answers.get(&status).copied().unwrap_or_default();
    assert!(tally.joined > 240 && tally.introduced > 240, "{tally}");
    assert!(tally.events > 1_000 && answered(200) > 500 && answered(503) > 0, "{tally}");
    // The descriptors of all connections are closed.
    proxy.until(&format!("{before:?} again"), |_| {
        Usage::of(pid).is_ok_and(|usage| usage.descriptors <= before.descriptors)
    });
    proxy.stop();
}
