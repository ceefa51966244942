//! Who may connect to the websocket proxy, tried with openssl: certificates made as the original
//! makes them, and certificates that must be refused with a reason in our journal. All files are
//! replaced while it runs.

use std::{io::Write as _, net::SocketAddr, process::Command, time::Duration};

use smol::{Timer, future};

use crate::base::binary::{Mistgate, Place, Process, text};
use crate::base::openssl::{Authority, More};
use crate::wire::{Event, Peer, connector, dial};

const PREFIX: &str = "/micronets/v1/ws-proxy/";
const HELLO: &[u8] = br#"{"message":{"messageId":0,"messageType":"CONN:HELLO","requiresResponse":false,"peerClass":"x","peerId":"1"}}"#;
const REQUEST: &[u8] = br#"{"message":{"messageId":1,"messageType":"REST:REQUEST","requiresResponse":true,"method":"GET","path":"/"}}"#;
/// How soon a changed file must take effect, on a machine that is busy with other tests.
const SOON: Duration = Duration::from_secs(10);

/// An authority, and the proxy's certificate with the name that our peers expect.
fn authority() -> Authority {
    let authority = Authority::new();
    let extensions = "subjectAltName=IP:127.0.0.1";
    let more = More { extensions, ..More::default() };
    authority.leaf_with("proxy", "Micronets Websocket Proxy Cert", more);
    authority
}

fn section(authority: &Authority, more: &str) -> String {
    format!(
        "[proxy]\nlisten = \"127.0.0.1:0\"\nhello_timeout = \"1s\"\ncert = \"{}\"\nclient_ca = \
         \"{}\"\n{more}\n",
        authority.file("proxy.pkeycert.pem"),
        authority.file("root.cert.pem")
    )
}

/// Asks for an upgrade with `openssl s_client`. Gives the head of the answer, if any, and what
/// openssl printed on its standard error.
fn s_client(authority: &Authority, to: SocketAddr, args: &[&str]) -> (String, String) {
    let mut command = Command::new("openssl");
    command.args(["s_client", "-quiet", "-CAfile", "root.cert.pem", "-connect", &to.to_string()]);
    command.args(args).current_dir(authority.folder());
    let (mut client, mut stdin) = Process::start_typing(command);
    let request = format!(
        "GET {PREFIX}tls HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    );
    // A refused connection may be closed by now.
    let _ = stdin.write_all(request.as_bytes());
    let answer = client.printed(|stdout| stdout.contains("\r\n\r\n"));
    if !answer.contains(UPGRADED) {
        // It ends by itself, and only then is all of its complaint here.
        client.wait();
    }
    (answer, client.stderr())
}

const UPGRADED: &str = "HTTP/1.1 101 ";

#[track_caller]
fn takes(authority: &Authority, proxy: &Mistgate, args: &[&str]) {
    let (answer, complaint) = s_client(authority, proxy.address("proxy"), args);
    assert!(answer.starts_with(UPGRADED), "{args:?}: {answer}{complaint}\n{}", proxy.stderr());
}

/// Asserts that the connection is refused, and that the journal gives this reason.
#[track_caller]
fn refuses(authority: &Authority, proxy: &Mistgate, args: &[&str], why: &str) {
    let count = |proxy: &Mistgate| proxy.stderr().matches(why).count();
    let before = count(proxy);
    let (answer, complaint) = s_client(authority, proxy.address("proxy"), args);
    assert!(!answer.contains(UPGRADED), "{args:?} was let in: {answer}");
    assert!(!complaint.is_empty(), "{args:?}: no alert");
    proxy.until(why, |proxy| count(proxy) > before);
}

#[test]
fn certificates_of_the_originals_scripts_are_taken() {
    let authority = authority();
    authority.leaf("gateway", "Micronets DHCP Manager Cert");
    let more = More { extensions: "extendedKeyUsage=clientAuth", ..More::default() };
    authority.leaf_with("newer", "Micronets Manager Cert", more);
    let place = Place::new(&section(&authority, ""));
    let proxy = place.start();
    for version in ["-tls1_2", "-tls1_3"] {
        // Certificate and key in two files, and in one.
        let two = ["-cert", "gateway.cert.pem", "-key", "gateway.key.pem", version];
        takes(&authority, &proxy, &two);
        for one in ["gateway.pkeycert.pem", "newer.pkeycert.pem"] {
            takes(&authority, &proxy, &["-cert", one, "-key", one, version]);
        }
    }
    // openssl itself speaks TLS 1.1 only at its security level 0.
    let one = "gateway.pkeycert.pem";
    let old = ["-cert", one, "-key", one, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"];
    refuses(&authority, &proxy, &old, "peer is incompatible");
    proxy.stop();
}

#[test]
fn certificates_of_others_are_refused_and_the_journal_says_why() {
    let authority = authority();
    let past = Some(("20200101000000Z", "20210101000000Z"));
    let future = Some(("20900101000000Z", "20910101000000Z"));
    authority.leaf_with("expired", "Late", More { dates: past, ..More::default() });
    authority.leaf_with("early", "Early", More { dates: future, ..More::default() });
    let extensions = "extendedKeyUsage=serverAuth";
    authority.leaf_with("server", "Server", More { extensions, ..More::default() });
    authority.leaf("revoked", "Revoked");
    authority.revoke(&["revoked"]);
    // A root with another name, and a root with only the name of ours.
    let strangers = [Authority::of("Another Root"), Authority::new()];
    let [stranger, impostor] = strangers.each_ref().map(|authority| {
        authority.leaf("stranger", "Micronets Manager Cert");
        authority.file("stranger.pkeycert.pem")
    });

    let crl = format!("crl = \"{}\"", authority.file("crl.pem"));
    let place = Place::new(&section(&authority, &crl));
    let proxy = place.start();
    for version in ["-tls1_2", "-tls1_3"] {
        refuses(&authority, &proxy, &[version], "peer sent no certificates");
        for (cert, why) in [
            (stranger.as_str(), "UnknownIssuer"),
            (impostor.as_str(), "BadSignature"),
            ("expired.pkeycert.pem", "certificate ended at"),
            ("early.pkeycert.pem", "certificate begins only at"),
            ("server.pkeycert.pem", "does not allow extended key usage for client authentication"),
            ("revoked.pkeycert.pem", REVOKED),
        ] {
            refuses(&authority, &proxy, &["-cert", cert, "-key", cert, version], why);
        }
    }
    // The proxy still serves after all of this.
    authority.leaf("gateway", "Micronets DHCP Manager Cert");
    takes(&authority, &proxy, &["-cert", "gateway.pkeycert.pem", "-key", "gateway.key.pem"]);
    proxy.stop();
}

/// The journal's reason for a revoked certificate.
const REVOKED: &str = "invalid peer certificate: Revoked";

/// Connects a peer with a certificate of ours, and sends its hello.
async fn join(authority: &Authority, to: SocketAddr, name: &str) -> std::io::Result<Peer> {
    let [certificate, root] = [format!("{name}.pkeycert.pem"), "root.cert.pem".to_owned()]
        .map(|name| std::fs::read(authority.path(&name)).expect("a file"));
    let (mut peer, _) = dial(&connector(&certificate, &root)?, to).await?;
    peer.upgrade(&format!("{PREFIX}live")).await?;
    peer.push_text(HELLO);
    peer.flush().await?;
    Ok(peer)
}

async fn pair(authority: &Authority, to: SocketAddr) -> (Peer, Peer) {
    let mut gateway = join(authority, to, "gateway").await.expect("a peer");
    let mut client = join(authority, to, "client").await.expect("a peer");
    for peer in [&mut gateway, &mut client] {
        let Event::Text(hello) = peer.next().await.expect("a hello") else { panic!("no hello") };
        assert_eq!(hello, HELLO);
    }
    (gateway, client)
}

/// The code and the reason of the proxy's close frame.
async fn closed(peer: &mut Peer) -> (u16, String) {
    let timer = async {
        Timer::after(SOON).await;
        Err(std::io::ErrorKind::TimedOut.into())
    };
    match future::or(peer.next(), timer).await.expect("a close frame in time") {
        Event::Closed(code, reason) => (code, reason),
        other @ (Event::Text(_) | Event::Binary(_)) => panic!("expected an end, got {other:?}"),
    }
}

/// The partner stays connected, and its requests are answered with 503.
async fn is_alone(peer: &mut Peer) {
    peer.push_text(REQUEST);
    let Event::Text(answer) = peer.next().await.expect("an answer") else { panic!("no answer") };
    assert!(text(answer).contains("\"statusCode\":503"), "{}", text(answer));
}

const BARRED: &str = "this certificate may no longer join this meetup";

#[test]
fn a_revoked_peer_is_closed_at_once_and_its_partner_stays() {
    let authority = authority();
    authority.leaf("gateway", "Micronets DHCP Manager Cert");
    authority.leaf("client", "Micronets Manager Cert");
    authority.revoke(&[]);
    let crl = format!("crl = \"{}\"", authority.file("crl.pem"));
    let place = Place::new(&section(&authority, &crl));
    let proxy = place.start();
    let to = proxy.address("proxy");
    smol::block_on(async {
        let (mut gateway, mut client) = pair(&authority, to).await;
        authority.revoke(&["gateway"]);
        assert_eq!(closed(&mut gateway).await, (1008, BARRED.to_owned()));
        is_alone(&mut client).await;
        join(&authority, to, "gateway").await.map(drop).expect_err("it is revoked");
    });
    proxy.printed_error(REVOKED);
    proxy.stop();
}

#[test]
fn a_peer_that_may_no_longer_join_is_closed_on_reload() {
    let authority = authority();
    authority.leaf("gateway", "Micronets DHCP Manager Cert");
    authority.leaf("client", "Micronets Manager Cert");
    let allow = |subjects: &str| {
        let rule = format!("[[proxy.allow]]\nmeetup = \"li*\"\nsubjects = [{subjects}]");
        section(&authority, &rule)
    };
    let place =
        Place::new(&allow("\"O=Micronets DHCP Manager Cert\", \"O=Micronets Manager Cert\""));
    let proxy = place.start();
    let to = proxy.address("proxy");
    smol::block_on(async {
        let (mut gateway, mut client) = pair(&authority, to).await;
        place.configure(&allow("\"O=Micronets Manager Cert\""));
        proxy.reload();
        assert_eq!(closed(&mut gateway).await, (1008, BARRED.to_owned()));
        is_alone(&mut client).await;
        let again = join(&authority, to, "gateway").await.map(drop).expect_err("it may not join");
        assert!(again.to_string().contains(" 403 "), "{again}");
    });
    proxy.stop();
}

#[test]
fn another_authority_takes_over_while_the_proxy_runs() {
    let authority = authority();
    authority.leaf("gateway", "Micronets DHCP Manager Cert");
    authority.leaf("client", "Micronets Manager Cert");
    let place = Place::new("");
    let own = std::fs::read_to_string(authority.path("root.cert.pem")).expect("a file");
    place.write("ca.pem", &own);
    let ca = place.path().join("ca.pem").display().to_string();
    place.configure(&section(&authority, "").replace(&authority.file("root.cert.pem"), &ca));
    let proxy = place.start();
    let to = proxy.address("proxy");
    let others = Authority::new();
    smol::block_on(async {
        let (mut gateway, mut client) = pair(&authority, to).await;
        // A file that cannot be read changes nothing.
        place.write("ca.pem", "nonsense");
        proxy.until("a complaint", |proxy| proxy.stderr().contains("ca.pem"));
        gateway.push_text(REQUEST);
        gateway.flush().await.expect("a connection");
        assert!(matches!(client.next().await, Ok(Event::Text(REQUEST))));
        let other = std::fs::read_to_string(others.path("root.cert.pem")).expect("a file");
        place.write("ca.pem", &other);
        for peer in [&mut gateway, &mut client] {
            assert_eq!(closed(peer).await.0, 1008);
        }
    });
    proxy.stop();
}
