//! `mistgate init` on a terminal: it asks, checks each answer, and what it leaves works.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;

use mistgate_tests::chat::server::Chat;
use mistgate_tests::ports::cloud::organisation::{ORG, Organisation};
use mistgate_tests::ports::cloud::{Cloud, Recorded};
use mistgate_tests::webhook::mist::{Mist, body};
use rustix::fs::{Mode, OFlags};
use rustix::pty;
use serde_json::json;

use crate::base::binary::{Mistgate, Process, command, output, text};

const TOKEN: &str = "t0k3n-of-the-tests";

/// A terminal: where a person types, and the standard input of who asks.
pub(crate) fn terminal() -> (File, Stdio) {
    let person = pty::openpt(pty::OpenptFlags::RDWR | pty::OpenptFlags::NOCTTY).expect("a pty");
    pty::grantpt(&person).expect("a pty");
    pty::unlockpt(&person).expect("a pty");
    let name = pty::ptsname(&person, Vec::new()).expect("its name");
    let flags = OFlags::RDWR | OFlags::NOCTTY;
    let program = rustix::fs::open(name, flags, Mode::empty()).expect("a terminal");
    (File::from(person), Stdio::from(program))
}

#[test]
fn on_a_terminal_init_asks_and_checks_each_answer() {
    let cloud = Cloud::open(Organisation::new(ORG, TOKEN)).expect("a port");
    let chat = Chat::open().expect("a chat");
    let folder = tempfile::tempdir().expect("a folder");
    let (mut person, stdin) = terminal();
    let mut asking = Process::start_at(command(folder.path(), &["init"]), stdin);
    let mut answer = |question: &str, count: usize, answer: &str| {
        asking.printed_error_times(question, count);
        writeln!(person, "{answer}").expect("a terminal");
    };
    answer("Host of your Mist cloud's API", 1, "no host");
    answer("Host of your Mist cloud's API", 2, &cloud.origin());
    answer("API token of the organisation", 1, "wr0ng");
    answer("API token of the organisation", 2, TOKEN);
    answer("under which Mist reaches this machine", 1, "not a name");
    answer("under which Mist reaches this machine", 2, "gw.example");
    answer("incoming webhook of Slack", 1, "no URL");
    answer("incoming webhook of Slack", 2, &chat.url("/T"));
    answer("incoming webhook of Microsoft Teams", 1, "");
    answer("incoming webhook of Google Chat", 1, "");
    answer("Observe the switch ports", 1, "n");
    assert_eq!(asking.wait().code(), Some(0), "{}", asking.stderr());
    let said = asking.stdout() + &asking.stderr();
    for line in [
        "Mist refuses the token (401)",
        "it is good: role admin of scope org",
        "a hello is there",
        "mistgate mist setup --config ./mistgate/mistgate.toml",
        "mistgate selftest --config ./mistgate/mistgate.toml",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    assert!(!said.contains(TOKEN) && !said.contains(&chat.url("/T")), "{said}");
    assert_eq!(chat.posts().len(), 1);
    assert!(chat.taken().concat().contains("Hello from mistgate"));

    let dir = folder.path().join("mistgate");
    let config = fs::read_to_string(dir.join("mistgate.toml")).expect("a configuration");
    let mist = format!("[mist]\napi_url = \"{}\"\ntoken_file = \"mist-token\"\n", cloud.origin());
    for part in [
        &*format!("{mist}org_id = \"{ORG}\"\n"),
        "url = \"https://gw.example:51361/webhooks\"\n",
        "[chat.slack]\ndefault_url_file = \"slack\"\n",
        "#   [chat.console]\n",
        "#   [ports]\n",
    ] {
        assert!(config.contains(part), "{part}: {config}");
    }
    for secret in ["mist-token", "slack", "webhook.pkeycert.pem"] {
        let mode = fs::metadata(dir.join(secret)).expect("a file").permissions().mode();
        assert_eq!(mode & 0o077, 0, "{secret}");
    }
    let check = ["check", "--config", "mistgate/mistgate.toml"];
    let done = output(folder.path(), &check);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stdout));
    let setup = ["mist", "setup", "--yes", "--config", "mistgate/mistgate.toml"];
    let done = output(folder.path(), &setup);
    assert_eq!(done.status.code(), Some(0), "{}{}", text(&done.stdout), text(&done.stderr));
    assert_eq!(cloud.with(|organisation| organisation.webhooks.len()), 1);
    it_works(&dir, &config, &cloud, &chat);
}

/// What was made takes webhooks and passes a selftest.
fn it_works(dir: &Path, config: &str, cloud: &Cloud, chat: &Chat) {
    // On ports that are free, and without TLS, for the Mist of the tests.
    let config = config.lines().filter(|line| !line.starts_with("tls = ")).map(|line| {
        let is_address = line.starts_with("listen = ");
        if is_address { "listen = \"127.0.0.1:0\"" } else { line }.to_owned() + "\n"
    });
    fs::write(dir.join("mistgate.toml"), config.collect::<String>()).expect("a file");
    let run = ["run", "--config", "mistgate.toml", "--log-format", "json"];
    let mistgate = Mistgate::start(command(dir, &run));
    let webhook = mistgate.webhook();
    let mut test = Process::start(command(dir, &["selftest", "--config", "mistgate.toml"]));
    let is_pinged = |asked: &[Recorded]| asked.iter().any(|one| one.target.ends_with("/ping"));
    assert!(cloud.wait(is_pinged), "{}", test.stderr());
    let secret = fs::read_to_string(dir.join("webhook-secret")).expect("a secret");
    let ping = body("ping", &[json!({ "timestamp": 1.5 })]);
    let answer = Mist::new(secret.trim()).post(webhook, &ping).expect("an answer");
    assert_eq!(answer.status(), 200);
    assert_eq!(test.wait().code(), Some(0), "{}{}", test.stdout(), test.stderr());
    assert!(chat.taken().concat().contains("Selftest of mistgate"));
    mistgate.stop();
}

#[test]
fn with_an_option_init_asks_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_person, stdin) = terminal();
    let mut asking = Process::start_at(command(folder.path(), &["init", "--dir", "here"]), stdin);
    assert_eq!(asking.wait().code(), Some(0), "{}", asking.stderr());
    assert_eq!(asking.stderr(), "");
    assert!(folder.path().join("here/mistgate.toml").exists());
}
