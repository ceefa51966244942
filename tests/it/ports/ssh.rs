//! NETCONF over real SSH: Debian's `sshd` offers only what one kind of switch offers, and the
//! simulated switch is its subsystem.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant as Moment};

use core::num::NonZeroU16;

use mistgate_core::base::machine::Machine;
use mistgate_core::base::secret::Secret;
use mistgate_core::base::time::Instant;
use mistgate_core::junos::known_hosts::KnownHosts;
use mistgate_core::netconf::framing::Framing;
use mistgate_core::netconf::lines::Lines;
use mistgate_core::netconf::rpc::request::Query;
use mistgate_core::netconf::session::Session;
use mistgate_core::netconf::session::input::{Config, Edit, Input, Mode};
use mistgate_core::netconf::session::output::{CloseReason, Failure, Outcome, Output};
use mistgate_runtime::ports::junos::ssh::{self, Error, Key, KeyError, Step, Stream, Target};
use mistgate_tests::chat::server::LONG;
use smol::Timer;
use smol::future::FutureExt as _;
use smol::io::{AsyncReadExt, AsyncWriteExt};

use crate::base::poll;
use crate::ports::sshd::{CURRENT, Offer, PASSWORD, Server, USER, keys, prepare, python, run};

fn open(target: &Target) -> Result<Stream, Error> {
    smol::block_on(ssh::open(target))
}

/// Drives a session through these edits and questions to its end, on the real clock.
async fn drive(mut stream: Stream, mut inputs: Vec<Input>) -> Vec<Output> {
    let began = Moment::now();
    let now = || Instant::from_micros(u64::try_from(began.elapsed().as_micros()).unwrap_or(0));
    let mut session = Session::new(Config::default(), 0, now());
    inputs.reverse();
    let (mut outputs, mut buffer, mut is_idle) = (Vec::new(), vec![0; 4_096], false);
    loop {
        while let Some(output) = session.poll_output() {
            match &output {
                Output::Bytes(bytes) => {
                    stream.channel.write_all(bytes).await.expect("a connection")
                }
                Output::Committed { .. } => session.handle_input(now(), Input::Verdict(Ok(()))),
                Output::Answered(_) | Output::Edited { .. } => is_idle = true,
                Output::Close(_) => {
                    outputs.push(output);
                    return outputs;
                }
                Output::Opened { .. } => is_idle = true,
                Output::Waiting { .. } => {}
            }
            outputs.push(output);
        }
        if core::mem::take(&mut is_idle) {
            session.handle_input(now(), inputs.pop().unwrap_or(Input::Stop));
        } else {
            let wait = session.poll_timeout().map(|at| at.max(now()) - now());
            let due = async {
                Timer::after(wait.unwrap_or(LONG)).await;
                None
            };
            let read = async { Some(stream.channel.read(&mut buffer).await.unwrap_or(0)) };
            match read.or(due).await {
                Some(0) => session.handle_input(now(), Input::Closed),
                Some(count) => {
                    let bytes = buffer.get(..count).unwrap_or_default().to_vec();
                    session.handle_input(now(), Input::Bytes(bytes));
                }
                None => {
                    assert!(wait.is_some(), "no answer, and nothing that ends the wait");
                    session.handle_timeout(now());
                }
            }
        }
    }
}

fn edit(lines: &[&str]) -> Input {
    let mode = Mode::Push { confirm: NonZeroU16::new(5).expect("not zero") };
    let lines = Lines::new(lines).expect("lines");
    Input::Edit(Edit { lines, comment: "mistgate test".to_owned(), may_have_left: None, mode })
}

#[test]
fn edits_go_through_ssh_in_every_style() {
    prepare();
    for style in ["plain", "old", "rfc-compliant", "chunked"] {
        let server = Server::new(&CURRENT, style, 0);
        let edits = vec![
            edit(&["set interfaces ge-0/0/7 description \"AP <1> & co ]]>]]>\""]),
            edit(&["set interfaces ge-0/0/7 description \"AP <1> & co ]]>]]>\""]),
            edit(&["delete interfaces ge-0/0/7", "delete interfaces ge-0/0/8"]),
        ];
        let outputs = smol::block_on(async {
            let stream = ssh::open(&server.target()).await.expect("a session");
            drive(stream, edits).await
        });
        let mut results = Vec::new();
        for output in &outputs {
            if let Output::Edited { result, .. } = output {
                results.push(result.clone());
            }
        }
        let expected = [Outcome::Confirmed, Outcome::Unchanged, Outcome::Confirmed].map(Ok);
        assert_eq!(results, expected, "{style}");
        assert_eq!(outputs.last(), Some(&Output::Close(CloseReason::Stopped)));
        let framing = if style == "chunked" { Framing::Chunked } else { Framing::EndOfMessage };
        let opened = outputs.iter().find_map(|output| match output {
            Output::Opened { framing, .. } => Some(*framing),
            Output::Answered(_)
            | Output::Bytes(_)
            | Output::Close(_)
            | Output::Committed { .. }
            | Output::Edited { .. }
            | Output::Waiting { .. } => None,
        });
        assert_eq!(opened, Some(framing));
    }
}

/// The kinds of switch in `appliance/docs/vendors/junos.md` §8, and whether each is old.
#[test]
fn every_family_of_algorithms_is_reached() {
    prepare();
    let families = [
        ("KexAlgorithms ecdh-sha2-nistp256\nCiphers aes256-gcm@openssh.com", "ecdsa", false),
        (
            "KexAlgorithms ecdh-sha2-nistp521\nHostKeyAlgorithms rsa-sha2-512\n\
             Ciphers aes256-ctr\nMACs hmac-sha2-512",
            "rsa",
            false,
        ),
        (
            "KexAlgorithms diffie-hellman-group-exchange-sha256\nHostKeyAlgorithms rsa-sha2-256\n\
             Ciphers chacha20-poly1305@openssh.com",
            "rsa",
            false,
        ),
        ("KexAlgorithms diffie-hellman-group14-sha256\nMACs hmac-sha2-256", "ed25519", false),
        (
            "KexAlgorithms diffie-hellman-group14-sha1\nHostKeyAlgorithms ssh-rsa\n\
             Ciphers aes128-ctr\nMACs hmac-sha1",
            "rsa",
            true,
        ),
        (
            "KexAlgorithms diffie-hellman-group-exchange-sha1\nHostKeyAlgorithms ssh-rsa\n\
             Ciphers aes128-cbc\nMACs hmac-sha1",
            "rsa",
            true,
        ),
        (
            "KexAlgorithms diffie-hellman-group1-sha1\nHostKeyAlgorithms ssh-rsa\n\
             Ciphers aes256-cbc\nMACs hmac-sha1",
            "rsa",
            true,
        ),
    ];
    for (config, host_key, is_old) in families {
        let server = Server::new(&Offer { config, host_key }, "plain", 0);
        let mut target = server.target();
        target.legacy_algorithms = is_old;
        let opened = open(&target);
        assert!(opened.is_ok(), "{config}: {opened:?}");
        if is_old {
            target.legacy_algorithms = false;
            let refused = open(&target).expect_err("old");
            assert!(matches!(refused, Error::Algorithms { .. }), "{refused:?}");
            assert!(refused.to_string().contains("legacy_algorithms = true"), "{refused}");
        }
    }
}

#[test]
fn a_host_key_that_is_unknown_or_changed_is_refused() {
    prepare();
    let server = Server::new(&CURRENT, "plain", 0);
    let trusting = |text: &str| {
        let known_hosts = Arc::new(KnownHosts::parse("known_hosts", text));
        open(&Target { known_hosts, ..server.target() })
    };
    let unknown = trusting("").expect_err("unknown").to_string();
    let key: Vec<_> = server.host_key.split(' ').take(2).collect();
    let entry = format!("[127.0.0.1]:{} {}", server.address.port(), key.join(" "));
    assert!(unknown.ends_with(&format!("then add: {entry}")), "{unknown}");
    // The line that the error suggests makes the host known.
    assert!(trusting(&entry).is_ok());
    let other = fs::read_to_string(server.path().join("user.pub")).expect("a key");
    let changed = trusting(&format!("\n127.0.0.1 {other}")).expect_err("changed").to_string();
    assert!(changed.contains(", the one in known_hosts:2 "), "{changed}");
}

#[test]
fn a_user_logs_in_by_key_or_password() {
    prepare();
    let passwords = Offer { config: "PubkeyAuthentication no", host_key: "ed25519" };
    let questions = Offer {
        config: "UsePAM yes\nPasswordAuthentication no\nPubkeyAuthentication no\n\
                 KbdInteractiveAuthentication yes",
        host_key: "ed25519",
    };
    for offer in [&passwords, &questions] {
        let server = Server::new(offer, "plain", 0);
        let right = open(&server.target());
        assert!(right.is_ok(), "{}: {right:?}", offer.config);
        let wrong = Target { password: Some(Secret::new("wrong")), ..server.target() };
        let refused = open(&wrong).expect_err("a wrong password").to_string();
        assert_eq!(refused, format!("the switch refuses the password of {USER}"));
        let none = Target { password: None, key: server.key("user"), ..server.target() };
        let refused = open(&none).expect_err("no password").to_string();
        assert!(refused.starts_with("no way to log in as mistgate-test: "), "{refused}");
    }
    let keys = Offer { config: "PasswordAuthentication no", host_key: "ed25519" };
    let old = Offer {
        config: "PasswordAuthentication no\nPubkeyAcceptedAlgorithms ssh-rsa",
        host_key: "ed25519",
    };
    for (offer, name, is_old) in
        [(&keys, "user", false), (&keys, "rsa", false), (&old, "rsa", true)]
    {
        let server = Server::new(offer, "plain", 0);
        let target = Target {
            password: None,
            key: server.key(name),
            legacy_algorithms: is_old,
            ..server.target()
        };
        let opened = open(&target);
        assert!(opened.is_ok(), "{} {name}: {opened:?}", offer.config);
    }
}

/// The end of a session frees the switch.
#[test]
fn a_session_that_is_dropped_ends_at_the_switch() {
    prepare();
    let server = Server::new(&CURRENT, "plain", 0);
    let stream = open(&server.target()).expect("a session");
    let is_over = || {
        let mut children = server.children.lock().expect("a list");
        children.iter_mut().all(|child| child.try_wait().expect("a child").is_some())
    };
    assert!(!is_over(), "it ends by itself");
    drop(stream);
    poll::within(Duration::from_secs(20), is_over, || "the connection stays".to_owned());
}

#[test]
fn a_key_that_cannot_be_used_says_why_and_prints_as_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("key");
    run(Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "passphrase", "-f"])
        .arg(&file));
    let parsed = |text: &str| Key::parse(text).map(|key| format!("{key:?}"));
    let encrypted = fs::read_to_string(file).expect("a key");
    assert_eq!(parsed(&encrypted), Err(KeyError::Encrypted));
    let half = encrypted.split_at(100).0;
    for text in ["", "no key", half] {
        assert_eq!(parsed(text), Err(KeyError::Unreadable), "{text}");
    }
    let plain = fs::read_to_string(keys().join("rsa")).expect("a key");
    assert_eq!(parsed(&plain).as_deref(), Ok("[key]"));
}

#[test]
fn a_server_that_dies_of_our_offer_gets_a_smaller_one() {
    prepare();
    let server = Server::new(&CURRENT, "plain", 2);
    let opened = open(&server.target());
    assert!(opened.is_ok(), "{opened:?}");
    let hopeless = Server::new(&CURRENT, "plain", 100);
    let lost = open(&hopeless.target()).expect_err("no server");
    assert_eq!(lost, Error::Lost(Step::KeyExchange));
}

#[test]
fn a_switch_without_netconf_says_what_to_configure() {
    prepare();
    let mut server = Server::new(&CURRENT, "plain", 0);
    let config = fs::read_to_string(server.path().join("config")).expect("a file");
    let without = config.replace("Subsystem netconf", "Subsystem other") + "ForceCommand exit 1\n";
    fs::write(server.path().join("config"), without).expect("a file");
    let opened = open(&server.target());
    // The command in place of the subsystem starts, and ends at once.
    let outputs = smol::block_on(drive(opened.expect("a channel"), Vec::new()));
    assert_eq!(outputs.last(), Some(&Output::Close(CloseReason::Closed)));
    server.address.set_port(9);
    let unreachable = open(&server.target()).expect_err("nobody there");
    assert!(matches!(unreachable, Error::Reach(_)), "{unreachable:?}");
}

#[test]
fn a_silent_server_costs_no_more_than_the_timeout() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let target = Target {
        host: "127.0.0.1".to_owned(),
        port: listener.local_addr().expect("an address").port(),
        username: USER.to_owned(),
        password: None,
        key: None,
        known_hosts: Arc::default(),
        legacy_algorithms: false,
        timeout: Duration::from_millis(100),
    };
    let late = open(&target).expect_err("silence");
    assert_eq!(late, Error::TimedOut { step: Step::KeyExchange, after: target.timeout });
    assert_eq!(late.to_string(), "the key exchange took longer than 100ms");
}

/// PyEZ, a client that users of Junos know, accepts the simulated switch. The script itself asserts
/// what it reads.
const PYEZ: &str = r#"
import sys
from jnpr.junos import Device
from jnpr.junos.utils.config import Config
from jnpr.junos.exception import CommitError, ConfigLoadError, LockError

port, user, password = int(sys.argv[1]), sys.argv[2], sys.argv[3]
lines = """set interfaces ge-0/0/7 native-vlan-id 42
set interfaces ge-0/0/7 description "AP <1> & co"
set interfaces ge-0/0/7 unit 0 family ethernet-switching interface-mode trunk"""
device = Device("127.0.0.1", port=port, user=user, passwd=password, look_for_keys=False,
                allow_agent=False, ssh_config="/dev/null", timeout=60)
with device:
    config = Config(device)
    assert config.lock()
    try:
        config.lock()
        raise AssertionError("locked twice")
    except LockError as error:
        assert "locked by" in str(error), error
    config.load(lines, format="set")
    diff = config.diff()
    assert '+  interfaces ge-0/0/7 description "AP <1> & co";' in diff, diff
    try:
        config.load("set bogus x", format="set")
        raise AssertionError("loaded nonsense")
    except ConfigLoadError as error:
        assert "syntax error" in str(error), error
    if sys.argv[4] == "old":
        # Where a routing engine is never closed, PyEZ cannot read that the commit succeeded.
        sys.exit(0)
    assert config.commit_check()
    assert config.commit(confirm=5, comment="mesa")
    assert config.commit()
    assert config.diff() is None
    config.load("set interfaces ge-0/0/8 native-vlan-id 42", format="set")
    try:
        config.commit_check()
        raise AssertionError("checked nonsense")
    except CommitError as error:
        assert "native-vlan-id is only allowed" in str(error), error
    assert config.rollback(0)
    assert config.diff() is None
    assert config.unlock()
"#;

#[test]
fn pyez_takes_the_switch_for_a_real_one() {
    prepare();
    let python = python();
    for style in ["plain", "rfc-compliant", "chunked", "old"] {
        let server = Server::new(&CURRENT, style, 0);
        let port = server.address.port().to_string();
        run(Command::new(&python).args(["-W", "ignore", "-c", PYEZ, &port, USER, PASSWORD, style]));
    }
}

/// A NETCONF server by others: yuma123's, which is not made for Junos.
#[test]
fn another_server_understands_both_framings() {
    const NETCONFD: &str = "/usr/sbin/netconfd";
    prepare();
    assert!(Path::new(NETCONFD).exists(), "{NETCONFD} is missing: apt-get install netconfd");
    for (protocols, expected) in
        [("netconf1.0", Framing::EndOfMessage), ("netconf1.0 netconf1.1", Framing::Chunked)]
    {
        let bridge = "/usr/sbin/netconf-subsystem --ncxserver-sockname=PORT@FOLDER/ncx.sock";
        let server = Server::with(&CURRENT, bridge, 0);
        let socket = server.path().join("ncx.sock");
        let daemon = Command::new(NETCONFD)
            .args(["--no-startup", "--target=candidate", "--log-level=off"])
            .arg(format!("--port={}", server.address.port()))
            .arg(format!("--protocols={protocols}"))
            .arg(format!("--superuser={USER}"))
            .arg(format!("--ncxserver-sockname={}", socket.display()))
            .current_dir(server.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("netconfd");
        server.children.lock().expect("a list").push(daemon);
        let explain = || "netconfd does not start".to_owned();
        poll::within(Duration::from_secs(60), || socket.exists(), explain);
        fs::set_permissions(&socket, fs::Permissions::from_mode(0o777)).expect("a socket");
        let question = Input::Ask(Query::Neighbours);
        let outputs = smol::block_on(async {
            let stream = ssh::open(&server.target()).await.expect("a session");
            drive(stream, vec![question.clone(), edit(&["set a b"]), question]).await
        });
        let mut refusals = 0;
        for output in &outputs {
            match output {
                Output::Opened { framing, .. } => assert_eq!(*framing, expected),
                Output::Answered(None)
                | Output::Edited { result: Err(Failure::Refused { .. }), .. } => refusals += 1,
                Output::Bytes(_) => {}
                Output::Close(ending) => assert_eq!(*ending, CloseReason::Stopped),
                Output::Answered(Some(_))
                | Output::Committed { .. }
                | Output::Edited { .. }
                | Output::Waiting { .. } => panic!("{output:?}"),
            }
        }
        assert_eq!(refusals, 3, "{outputs:?}");
    }
}
