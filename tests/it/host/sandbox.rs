//! The sandbox of a running mistgate, seen from outside: what the kernel reports of the process,
//! and what a new configuration can no longer open. That everything else still works is shown by
//! the other tests, which run in the sandbox too.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};

use mistgate_tests::{base::process::field, chat::server::Chat, webhook::mist::event_body};
use rustix::process::{Signal, geteuid};
use serde_json::Value;

use crate::base::binary::{Mistgate, Place, Process, SECRET, command};
use crate::base::files::NOBODY;

const RUN: [&str; 5] = ["run", "--config", "mistgate.toml", "--log-format", "json"];

/// `/proc/PID/task/*/status` of each thread.
fn threads(process: &Process) -> Vec<String> {
    let tasks = format!("/proc/{}/task", process.pid().as_raw_nonzero());
    let tasks = fs::read_dir(tasks).expect("a process");
    // A thread may end meanwhile.
    tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("status")).ok()).collect()
}

/// Asserts that every thread of the process has given up its rights.
#[track_caller]
fn is_confined(process: &Process) {
    let all = threads(process);
    assert!(all.len() > 2, "{all:?}");
    for status in all {
        // 2 is a filter; there are two of them.
        assert_eq!(field(&status, "Seccomp"), Some("2"), "{status}");
        assert_eq!(field(&status, "Seccomp_filters"), Some("2"), "{status}");
        assert_eq!(field(&status, "NoNewPrivs"), Some("1"), "{status}");
        for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
            assert_eq!(field(&status, set), Some("0000000000000000"), "{status}");
        }
    }
    let limits = format!("/proc/{}/limits", process.pid().as_raw_nonzero());
    let limits = fs::read_to_string(limits).expect("a process");
    let core = limits.lines().find(|line| line.starts_with("Max core file size"));
    let words: Vec<&str> = core.expect("a limit").split_whitespace().collect();
    assert_eq!(words.get(4..6), Some(["0", "0"].as_slice()), "{limits}");
}

fn value<'a>(line: &'a Value, key: &str) -> &'a str {
    line.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// The version of Landlock in effect according to the journal. `None` where the kernel has none,
/// which the journal must say too.
fn landlock(mistgate: &Mistgate) -> Option<u32> {
    let line = mistgate.line("sandbox", 1);
    assert_ne!(value(&line, "holds"), "", "{line}");
    let version = value(&line, "holds").split_once("Landlock ");
    let version = version.and_then(|(_, rest)| rest.split_once(": files")?.0.parse().ok());
    assert_eq!(version.is_none(), value(&line, "lacks").contains("Landlock (of Linux"), "{line}");
    version
}

/// The reasons in the journal for refusing a configuration.
fn refused(mistgate: &Mistgate) -> String {
    let before = mistgate.journal("reload_failed").len();
    mistgate.signal(Signal::HUP);
    mistgate.line("reload_failed", before + 1).to_string()
}

#[test]
fn no_thread_keeps_rights_that_are_not_needed() {
    let place = Place::new("[chat.console]");
    let mistgate = place.start();
    mistgate.accept(&event_body("AP_CONNECTED", "ap-1"));
    mistgate.line("delivered", 1);
    is_confined(&mistgate);
    let line = mistgate.line("sandbox", 1);
    for measure in ["no capabilities", "no new privileges", "no core dumps", "seccomp"] {
        assert!(value(&line, "holds").contains(measure), "{line}");
    }
    landlock(&mistgate);
    let state = place.path().join("state/mistgate.redb");
    let mode = fs::metadata(state).expect("a store").permissions().mode();
    assert_eq!(mode & 0o077, 0, "{mode:o}");
    mistgate.stop();
}

#[test]
fn connect_keeps_no_rights_either() {
    let place = Place::new("[chat.console]");
    let args = ["connect", "--http-listen", "127.0.0.1:0", "--log-format", "json"];
    let url = "wss://127.0.0.1:9/micronets/v1/ws-proxy/nobody";
    let peer = Mistgate::start(command(place.path(), &[&args[..], &[url]].concat()));
    // All its threads exist once it has tried to connect.
    peer.printed_error("\"http\"");
    peer.until("threads", |peer| threads(peer).len() > 2);
    is_confined(&peer);
    landlock(&peer);
}

#[test]
fn what_the_configuration_did_not_name_stays_closed() {
    let (first, second) = (Chat::open().expect("a chat"), Chat::open().expect("a chat"));
    let slack = |chat: &Chat| format!("[chat.slack]\ndefault_url = \"{}\"", chat.url("/T"));
    let elsewhere = tempfile::tempdir().expect("a folder");
    let file = elsewhere.path().join("url");
    fs::write(&file, first.url("/T")).expect("a file");
    let by_file = format!("[chat.slack]\ndefault_url_file = \"{}\"", file.display());

    let place = Place::new(&slack(&first));
    let mistgate = place.start();
    // It handles signals from now on.
    mistgate.admin();
    let Some(version) = landlock(&mistgate) else {
        // Without Landlock in the kernel the reload succeeds.
        place.configure(&by_file);
        return mistgate.reload();
    };
    place.configure(&by_file);
    let problems = refused(&mistgate);
    assert!(
        problems.contains("chat.slack.default_url_file: ") && problems.contains("restart"),
        "{problems}"
    );
    place.configure(&format!(
        "{}\n[ports]\nkill_switch = \"{}\"",
        slack(&first),
        elsewhere.path().join("stop").display()
    ));
    let problems = refused(&mistgate);
    assert!(problems.contains("ports.kill_switch: ") && problems.contains("restart"), "{problems}");
    place.configure(&slack(&second));
    if version < 4 {
        mistgate.reload();
    } else {
        let problems = refused(&mistgate);
        let port = format!("port {}", second.address().port());
        assert!(problems.contains("slack/default: ") && problems.contains(&port), "{problems}");
        // The port is in use, but that is not the reason for the refusal.
        let port = second.address().port();
        place.write(
            "mistgate.toml",
            &format!(
                "state_dir = \"state\"\n[webhook]\nlisten = \"127.0.0.2:{port}\"\nsecret = \
                 \"{SECRET}\"\n{}\n",
                slack(&first)
            ),
        );
        let problems = refused(&mistgate);
        assert!(
            problems.contains("webhook.listen: ") && problems.contains("restart"),
            "{problems}"
        );
    }
    // The running mistgate goes on, and a new start opens what the configuration names.
    mistgate.accept(&event_body("AP_CONNECTED", "ap-1"));
    first.wait(|posts| posts.len() == 1).expect("a post");
    mistgate.stop();
    place.configure(&by_file);
    let mistgate = place.start();
    mistgate.accept(&event_body("AP_CONNECTED", "ap-2"));
    first.wait(|posts| posts.len() == 2).expect("a post");
    mistgate.stop();
}

#[test]
fn the_sandbox_can_be_switched_off_with_a_warning() {
    let place = Place::new("[chat.console]");
    let mistgate = place.start_with(&["--unsafe-no-sandbox"]);
    assert_eq!(value(&mistgate.line("sandbox_off", 1), "level"), "warning");
    mistgate.accept(&event_body("AP_CONNECTED", "ap-1"));
    for status in threads(&mistgate) {
        assert_eq!(
            (field(&status, "Seccomp"), field(&status, "NoNewPrivs")),
            (Some("0"), Some("0"))
        );
    }
    mistgate.stop();
}

#[test]
fn a_sandbox_that_must_be_whole_is_whole_or_nothing_starts() {
    let place = Place::new("[chat.console]");
    let mistgate = place.start();
    let line = mistgate.line("sandbox", 1);
    let is_said = !mistgate.journal("sandbox_incomplete").is_empty();
    mistgate.stop();
    let lacks = value(&line, "lacks");
    assert_eq!(is_said, !lacks.is_empty(), "{line}");
    let mut required = place.start_with(&["--require-sandbox"]);
    if lacks.is_empty() {
        return drop(required.stop());
    }
    assert_eq!(required.wait().code(), Some(1));
    let why = format!("--require-sandbox: the sandbox lacks {lacks}");
    assert!(required.stderr().contains(&why), "{}", required.stderr());
}

/// Needs root, which can give up root.
#[test]
fn root_becomes_the_owner_of_the_state() {
    let place = Place::new("[chat.console]");
    let state = place.path().join("state");
    fs::create_dir(&state).expect("a folder");
    if !geteuid().is_root() {
        let mistgate = place.start();
        let status = threads(&mistgate).concat();
        let own = geteuid().as_raw().to_string();
        assert_eq!(field(&status, "Uid"), Some(&*[own.as_str(); 4].join("\t")));
        return drop(mistgate.stop());
    }
    chown(&state, Some(NOBODY), Some(NOBODY)).expect("root");
    let open = |mode| fs::Permissions::from_mode(mode);
    // The configuration is in a folder that only root can read, so a reload could not read it.
    fs::set_permissions(place.path(), open(0o700)).expect("root");
    let mut refused = Process::start(command(place.path(), &RUN));
    assert_eq!(refused.wait().code(), Some(1));
    let problems = refused.stderr();
    assert!(
        problems.contains("mistgate.toml: ") && problems.contains("the owner of state_dir"),
        "{problems}"
    );

    fs::set_permissions(place.path(), open(0o755)).expect("root");
    fs::set_permissions(place.path().join("mistgate.toml"), open(0o644)).expect("root");
    let mistgate = place.start();
    mistgate.accept(&event_body("AP_CONNECTED", "ap-1"));
    mistgate.reload();
    is_confined(&mistgate);
    for status in threads(&mistgate) {
        let nobody = [NOBODY.to_string().as_str(); 4].join("\t");
        let nobody = Some(&*nobody);
        assert_eq!((field(&status, "Uid"), field(&status, "Gid")), (nobody, nobody));
        assert_eq!(field(&status, "Groups"), Some(""));
    }
    mistgate.stop();
}
