//! `mistgate port diff|set` while no mistgate runs, against a simulated Mist on loopback.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::PathBuf;
use std::process::Output;

use mistgate_tests::ports::cloud::organisation::{ORG, Organisation, SITE};
use mistgate_tests::ports::cloud::{Cloud, Fault};
use rustix::process::geteuid;
use serde_json::{Value, json};

use crate::base::binary::{Place, output, text};
use crate::base::files::NOBODY;
use crate::ports::mac;

const TOKEN: &str = "the-token-of-the-tests";
const SWITCH: &str = "5c5b350000ff";
const PORT: &str = "ge-0/0/1";

/// A cloud with a switch, and a folder with a configuration for it.
struct Site {
    cloud: Cloud,
    place: Place,
}

impl Site {
    /// Creates one. `ports` follows the keys of `[ports]`.
    fn new(ports: &str) -> Self {
        let mut organisation = Organisation::new(ORG, TOKEN);
        organisation.add_switch(mac(SWITCH), SITE, "access-1", 4);
        for twin in ["5c5b350000f1", "5c5b350000f2"] {
            organisation.add_switch(mac(twin), SITE, "twin", 4);
        }
        let site =
            Self { cloud: Cloud::open(organisation).expect("a cloud"), place: Place::new("") };
        site.configure("enforce", ports);
        site
    }

    fn configure(&self, mode: &str, ports: &str) {
        self.place.configure(&format!(
            "[mist]\napi_url = \"{}\"\ntoken = \"{TOKEN}\"\norg_id = \"{ORG}\"\n\
             [chat.console]\n[ports]\nmode = \"{mode}\"\nmethod = \"mist\"\n{ports}\n\
             [ports.mist]\nap_profile = \"ap\"\n",
            self.cloud.origin(),
        ));
    }

    fn run(&self, command: &str, switch: &str, mode: &str, more: &[&str]) -> Output {
        let args = ["port", command, "--config", "mistgate.toml", "--switch", switch];
        let which = ["--port", PORT, "--mode", mode];
        output(self.place.path(), &[&args, &which[..], more].concat())
    }

    /// Runs a command, which must succeed. Gives what it printed.
    fn done(&self, command: &str, switch: &str, mode: &str, more: &[&str]) -> String {
        let done = self.run(command, switch, mode, more);
        assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
        text(&done.stdout)
    }

    /// Runs a command, which must fail. Gives its error.
    fn refused(&self, command: &str, switch: &str, mode: &str, more: &[&str]) -> String {
        let done = self.run(command, switch, mode, more);
        assert_eq!(done.status.code(), Some(1), "{}", text(&done.stdout));
        assert_eq!(text(&done.stderr).trim_end().lines().count(), 1, "{}", text(&done.stderr));
        text(&done.stderr)
    }

    fn state(&self) -> PathBuf {
        self.place.path().join("state")
    }

    /// Makes the state folder, as root must do where another user runs mistgate.
    fn make_state(&self) {
        fs::create_dir(self.state()).expect("a folder");
    }

    fn usage(&self) -> String {
        self.cloud.with(|organisation| organisation.usage(mac(SWITCH), PORT)).expect("a port")
    }

    fn audit(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.state().join("ports-audit.jsonl"));
        let text = text.unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }
}

fn member<'v>(line: &'v Value, pointer: &str) -> &'v str {
    line.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

#[test]
fn a_port_is_set_and_gets_back_what_it_had() {
    let site = Site::new("");
    // `local_port_config` cannot change this entry, so the old one must be remembered.
    let config = json!({ "port_config": { PORT: { "usage": "secured" } } });
    site.cloud.with(|organisation| organisation.configure(mac(SWITCH), config));
    let diff = site.done("diff", "ACCESS-1", "ap", &[]);
    assert!(diff.starts_with("access-1 ge-0/0/1: for mode ap this would change:\n"), "{diff}");
    assert!(diff.contains("[port_config]") && diff.contains("\"secured\""), "{diff}");
    assert_eq!(site.cloud.requests_of("PUT"), []);
    assert!(!site.state().exists(), "a look leaves something");
    site.make_state();

    let set = site.done("set", SWITCH, "ap", &["--yes"]);
    assert!(set.ends_with("access-1 ge-0/0/1: done, it has mode ap\n"), "{set}");
    assert!(!set.contains("runs"), "{set}");
    assert_eq!(site.usage(), "ap");
    // In mode observe too, since a person asked for this change.
    site.configure("observe", "");
    let set = site.done("set", "access-1", "ap", &["--yes"]);
    assert_eq!(set, "access-1 ge-0/0/1: nothing to change, it has mode ap already\n");
    site.done("set", "access-1", "default", &["--yes"]);
    assert_eq!(site.usage(), "secured");

    let lines = site.audit();
    let modes: Vec<_> = lines.iter().map(|line| member(line, "/changes/0/mode")).collect();
    assert_eq!(modes, ["ap", "default"]);
    let verify = || {
        let args = ["port", "audit", "--verify", "--config", "mistgate.toml"];
        let done = output(site.place.path(), &args);
        (done.status.code(), text(&done.stdout) + &text(&done.stderr))
    };
    let lines_of = fs::read_to_string(site.state().join("ports-audit.jsonl")).expect("a file");
    assert_eq!(verify(), (Some(0), "2 lines, each in its place\n".to_owned()));
    let changed = lines_of.replacen("\"ap\"", "\"default\"", 1);
    fs::write(site.state().join("ports-audit.jsonl"), changed).expect("a file");
    let (status, said) = verify();
    assert_eq!(status, Some(1));
    assert!(said.contains("ports-audit.jsonl: line 2 does not follow from"), "{said}");
    for line in &lines {
        assert_eq!(member(line, "/type"), "PORT_CHANGED");
        assert_eq!(member(line, "/changes/0/reason"), "by_hand");
        assert_eq!((member(line, "/switch"), member(line, "/switch_mac")), ("access-1", SWITCH));
        assert!(!member(line, "/by").is_empty(), "{line}");
    }
}

#[test]
fn a_refusal_names_its_rule() {
    for (rules, rule) in [
        ("never = { ports = [\"ge-0/0/0-3\"] }", "ports.never.ports: ge-0/0/0 to ge-0/0/3"),
        ("never = { switches = [\"5c:5b:35:00:00:ff\"] }", "ports.never.switches"),
        ("allow = { switches = [\"core-*\"] }", "the switch is not in ports.allow.switches"),
    ] {
        let site = Site::new(rules);
        let diff = site.done("diff", "access-1", "ap", &[]);
        let refusal = "mistgate port set would be refused, because the ";
        assert!(diff.contains(refusal) && diff.contains(rule), "{diff}");
        let error = site.refused("set", "access-1", "ap", &["--yes"]);
        assert!(error.starts_with("access-1 ge-0/0/1: refused, because ") && error.contains(rule));
        assert_eq!(site.cloud.requests_of("PUT"), []);
    }
}

#[test]
fn errors_say_what_cannot_be_done() {
    let site = Site::new("");
    for (switch, more, expected) in [
        ("access-1", &[] as &[&str], "there is no terminal to ask on — --yes"),
        ("access-9", &["--yes"], "access-9: Mist has no switch of this name or MAC"),
        ("twin", &["--yes"], "twin: Mist has 2 switches of this name — name one of 5c:5b:35:00:"),
    ] {
        let refused = site.refused("set", switch, "ap", more);
        assert!(refused.contains(expected), "{refused}");
    }
    let args = ["port", "set", "--config", "mistgate.toml", "--switch", "access-1", "--port"];
    for (port, mode, expected) in
        [("ge-0/0", "ap", "ge-0/0"), (PORT, "trunk", "expected ap or default")]
    {
        let wrong = output(site.place.path(), &[&args, &[port, "--mode", mode][..]].concat());
        assert_eq!(wrong.status.code(), Some(2));
        assert!(text(&wrong.stderr).contains(expected), "{}", text(&wrong.stderr));
    }
    site.cloud.misbehave("GET", "inventory", Fault::Status(401, "{}".to_owned()), 1);
    let refused = site.refused("set", "access-1", "ap", &["--yes"]);
    let expected = "access-1: Mist could not be asked: the login or the permission was refused";
    assert!(refused.contains(expected) && !refused.contains(TOKEN), "{refused}");
    assert_eq!(site.usage(), "default");
    assert_eq!(site.audit(), Vec::<Value>::new());

    // The change failed, and the record says so.
    site.make_state();
    site.cloud.misbehave("PUT", "", Fault::Status(400, "{\"detail\":\"no\"}".to_owned()), 1);
    let refused = site.refused("set", "access-1", "ap", &["--yes"]);
    assert!(refused.contains("nothing is changed, because the configuration was refused"));
    let lines = site.audit();
    let line = lines.last().expect("a line");
    assert_eq!((member(line, "/type"), member(line, "/failure")), ("PORT_STUCK", "rejected"));
}

/// A manual change is known to the next run, which restores the port as if the change were its own.
#[test]
fn the_next_run_knows_of_it() {
    let site = Site::new("settle = \"10ms\"\ndisconnect_wait = \"10ms\"");
    site.make_state();
    site.done("set", "access-1", "ap", &["--yes"]);
    let mistgate = site.place.start();
    mistgate.until("the port", |mistgate| {
        let status = mistgate.status();
        let port = status.pointer("/ports/ports/0").cloned().unwrap_or_default();
        member(&port, "/port") == PORT
    });
    mistgate.stop();
}

/// Files that a command leaves must be usable by the user that runs mistgate.
#[test]
fn the_state_folder_belongs_to_whom_mistgate_runs_as() {
    let site = Site::new("");
    if !geteuid().is_root() {
        site.done("set", "access-1", "ap", &["--yes"]);
        let folder = fs::metadata(site.state()).expect("a folder");
        return assert_eq!((folder.uid(), folder.mode() & 0o777), (geteuid().as_raw(), 0o700));
    }
    let refused = site.refused("set", "access-1", "ap", &["--yes"]);
    assert!(refused.contains("there is no such folder yet") && refused.contains("chown"));
    assert!(!site.state().exists());
    assert_eq!(site.cloud.requests_of("PUT"), []);

    site.make_state();
    chown(site.state(), Some(NOBODY), Some(NOBODY)).expect("root may");
    site.done("set", "access-1", "ap", &["--yes"]);
    let left = fs::read_dir(site.state()).expect("a folder");
    let owners: Vec<_> = left
        .map(|entry| entry.and_then(|entry| entry.metadata()).map(|file| file.uid()))
        .collect::<Result<_, _>>()
        .expect("files");
    assert!(owners.len() >= 2 && owners.iter().all(|uid| *uid == NOBODY), "{owners:?}");
}
