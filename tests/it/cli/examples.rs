//! The example configurations have no problems, and the README's first webhook arrives.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use mistgate_core::chat::google;
use mistgate_core::chat::kind::Options;
use mistgate_core::chat::shape::Form;
use mistgate_core::config::files::{FileKind, Files};
use mistgate_core::config::raw::{Draft, Source};
use mistgate_core::notify::{Fact, Link, Listing, Notification, Severity};
use mistgate_tests::chat::limits::VENDORS;
use mistgate_tests::chat::stand_in::Card;
use mistgate_tests::webhook::mist::{request, send};
use rustix::process::Signal;

use crate::base::binary::{Mistgate, binary, text};

const PEM: &str = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n\
                   -----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n\
                   -----BEGIN X509 CRL-----\nAA==\n-----END X509 CRL-----\n";

/// A valid content for each file that an example refers to.
pub(crate) fn content(key: &str, kind: FileKind) -> String {
    let url = |rest: &str| format!("https://{rest}\n");
    match kind {
        FileKind::Certificates | FileKind::PrivateKey | FileKind::RevocationLists => PEM.to_owned(),
        FileKind::KnownHosts => "sw-1.example ssh-ed25519 AAAA\n".to_owned(),
        FileKind::Secret if key.contains("http_proxy") => "http://proxy.example:3128\n".to_owned(),
        FileKind::Secret if key.contains("destination") && key.contains("url") => {
            url("relay.example/any-kind")
        }
        FileKind::Secret if key.contains("slack") => url("hooks.slack.com/services/T/B/X"),
        FileKind::Secret if key.contains("google") => {
            url("chat.googleapis.com/v1/spaces/S/messages?key=K&token=T")
        }
        FileKind::Secret if key.contains("teams") => {
            url("x.environment.api.powerplatform.com/powerautomate/automations/direct/workflows/W/\
             triggers/manual/paths/invoke?api-version=1&sp=S&sv=1.0&sig=S")
        }
        FileKind::Secret if key.contains("routing_key") => format!("{}\n", "a1".repeat(16)),
        FileKind::Secret => "a-secret-of-some-length\n".to_owned(),
    }
}

/// What `check` finds in a configuration whose files have valid contents.
fn findings(text: &str) -> Vec<String> {
    let draft = Draft::parse(Source { name: "mistgate.toml", text });
    let mut files = Files::new();
    for request in draft.files() {
        files.insert(&request, Ok(content(&request.key, request.kind).into_bytes()));
    }
    let report = draft.check(&files);
    let found = report.problems.iter().chain(&report.warnings);
    found.map(|problem| format!("{}: {}", problem.key, problem.what)).collect()
}

#[test]
fn the_example_has_no_problems_and_nor_have_the_examples_in_its_comments() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../appliance/examples/mistgate.toml");
    let example = fs::read_to_string(path).expect("UTF-8");
    // There is no certificate yet, and a warning says so.
    let unencrypted = "webhook.tls: webhooks reach 0.0.0.0:51361 unencrypted";
    assert_eq!(findings(&example), [unencrypted]);
    let uncomment = |line: &str| format!("{}\n", line.strip_prefix("#   ").unwrap_or(line));
    // The commands in the first paragraph are not TOML.
    let (about, rest) = example.split_once("\n\n").expect("two paragraphs");
    assert!(about.lines().all(|line| line.starts_with('#')));
    let whole: String = rest.lines().map(uncomment).collect();
    assert_eq!(findings(&whole), [""; 0], "in\n{whole}");
    for part in ["[mist]", "tls = ", "[chat.slack]", "[chat.google]", "AP_CONFIGURED", "crl = "] {
        assert!(whole.lines().any(|line| line.starts_with(part)), "{part}");
    }
}

#[test]
fn a_newcomer_sees_a_signed_webhook_in_all_three_chats() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut three_chats = Command::new(env!("CARGO_BIN_EXE_three-chats"));
    three_chats.current_dir(folder.path()).env("MISTGATE_BIN", binary());
    let mut three_chats = Mistgate::start(three_chats);
    let welcome = three_chats.printed(|text| text.contains("Ctrl-C stops all of it."));
    let commands = |from: &str| -> String {
        let after = welcome.lines().skip_while(|line| !line.contains(from));
        let lines = after.skip_while(|line| !line.is_empty()).skip(1);
        lines.take_while(|line| !line.is_empty()).map(|line| format!("{line}\n")).collect()
    };
    let seen = |text: &str, title: &str| text.lines().filter(|line| line.ends_with(title)).count();

    // The printed commands, run in a shell.
    let send_test = commands("To try it");
    let tried = shell(folder.path(), &send_test);
    for name in ["slack", "teams", "google"] {
        assert!(tried.contains(&format!("{name}/critical: delivered\n")), "{send_test}{tried}");
    }
    let cards = three_chats.printed(|text| text.matches("╰ taken: ").count() == 3);
    for product in ["Slack", "Microsoft Teams", "Google Chat"] {
        assert!(cards.contains(&format!("╭ {product} · critical\n")), "{cards}");
    }
    assert_eq!(cards.matches("│ Device  mistgate send-test\n").count(), 3, "{cards}");

    let by_hand = shell(folder.path(), &commands("sign it as Mist does"));
    assert!(by_hand.starts_with("HTTP/1.1 200 "), "{by_hand}");
    let cards = three_chats.printed(|text| text.matches("╰ taken: ").count() == 6);
    assert_eq!(seen(&cards, " AP disconnected"), 3, "{cards}");
    assert!(!cards.contains("refused"), "{cards}");

    // The stand-ins are as strict as the products.
    let config = fs::read_to_string(folder.path().join("target/three-chats/mistgate.toml"));
    let config = config.expect("the configuration");
    let slack = config.split("http://").nth(1).and_then(|url| url.split('/').next());
    let slack: SocketAddr = slack.and_then(|slack| slack.parse().ok()).expect("an address");
    let json = [("Content-Type", "application/json")];
    let answer = send(slack, &request("POST", "/info", &json, "{\"text\":\"a & b\"}"));
    assert_eq!(answer.expect("an answer").status(), 400);
    three_chats.printed(|text| text.contains("refused, as Slack would: text: unescaped &"));

    // The output ends when both processes have ended.
    three_chats.signal(Signal::INT);
    assert_eq!(three_chats.wait().code(), Some(0), "{}", three_chats.stderr());
    // Under qemu, and on kernels without Landlock, it warns of what the sandbox lacks.
    let stderr = three_chats.stderr();
    let warned = stderr.lines().filter(|line| !line.contains(" event=sandbox_incomplete "));
    assert_eq!(warned.collect::<Vec<_>>(), [""; 0]);
}

/// Runs a script in a shell. It must succeed; gives what it printed.
fn shell(folder: &Path, script: &str) -> String {
    let mut shell = Command::new("sh");
    shell.args(["-euc", script]).current_dir(folder).stdin(Stdio::null());
    let done = shell.output().expect("a shell");
    assert!(done.status.success(), "{script}{}", text(&done.stderr));
    text(&done.stdout)
}

#[test]
fn the_stand_ins_show_in_each_chat_what_was_meant() {
    let name = "AP *1* <!channel> & co";
    let notification = Notification {
        severity: Severity::Critical,
        title: "AP disconnected".to_owned(),
        summary: format!("{name} lost its connection."),
        facts: vec![Fact { label: "Device".to_owned(), value: name.to_owned() }],
        listing: Some(Listing {
            label: "Difference".to_owned(),
            lines: vec!["[edit]".to_owned(), "-    a *b* <c> {".to_owned()],
        }),
        links: vec![Link {
            text: "AP insights".to_owned(),
            url: "https://manage.mist.com/admin/?a=1&b=2".to_owned(),
        }],
        at: None,
        is_over: false,
        is_acknowledged: false,
        thread: None,
        incidents: Vec::new(),
    };
    let meant = Card {
        title: "🔴 AP disconnected".to_owned(),
        paragraphs: vec![notification.summary.clone()],
        facts: vec![("Device".to_owned(), name.to_owned())],
        listing: notification.listing.clone().map(|listing| (listing.label, listing.lines)),
        buttons: vec![("AP insights".to_owned(), "https://manage.mist.com/admin/?a=1&b=2".into())],
        notes: vec!["Critical".to_owned()],
    };
    for vendor in VENDORS {
        let shape = vendor.kind.default_format().shape;
        for form in [Form::Rich, Form::Compact] {
            let body = shape(&notification, form, &Options::default()).body;
            assert_eq!(Card::read(vendor, &body), meant, "{body}");
        }
        let plain =
            Card::read(vendor, &shape(&notification, Form::Plain, &Options::default()).body);
        let google = *vendor.kind == google::KIND;
        let name = if google { "AP ∗1∗ ‹!channel› & co" } else { name };
        let lines = [[plain.title].as_slice(), &plain.paragraphs].concat();
        assert!(lines.contains(&meant.title), "{lines:?}");
        assert!(lines.contains(&format!("Device: {name}")), "{lines:?}");
    }
}
