//! The same with the switch itself, behind a real `sshd`.

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use mistgate_tests::ports::switch::{Config, answer::Style, fault::Fault, serve::Shared};
use serde_json::json;

use super::{PORT, SWITCH, Site, text};
use crate::base::binary::{Mistgate, output, text as print};
use crate::ports::junos::listen;
use crate::ports::sshd::{CURRENT, PASSWORD, Server, USER, prepare};

/// The numbers of requests of a push, from 0.
const LOCK: u64 = 4;
const COMMIT: u64 = 9;
const STATEMENT: &str = "interfaces ge-0/0/1 native-vlan-id 42";
/// As the chats and the audit have it.
const WARNED: &str = "!  the switch warns: requires 'ethernet-switching' license";

/// A simulated switch, and the site that it is at.
pub(super) struct Switched {
    pub(super) shared: Arc<Shared>,
    server: Server,
    pub(super) site: Site,
}

impl Switched {
    pub(super) fn new(faults: &[(u64, Fault)], mode: &str) -> Self {
        prepare();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let subsystem = "FOLDER/switch --connect FOLDER/socket";
        let server = Server::at(address, &CURRENT, subsystem, 0);
        let ap = Some(("5c:5b:35:00:00:01".to_owned(), "Lobby".to_owned()));
        let shared = Arc::new(Shared::new(Config {
            style: Style::Plain,
            undoes_when_killed: false,
            interfaces: BTreeMap::from([(PORT.to_owned(), (true, ap))]),
            faults: faults.iter().copied().collect(),
            ..Config::default()
        }));
        listen(&server, &shared);
        // The simulated switch is named after its address, so it can be reached.
        let site = Site::with_switch("127.0.0.1", "");
        site.place.write("password", PASSWORD);
        site.place.write("known_hosts", &server.known_line());
        let switched = Self { shared, server, site };
        switched.configure(mode);
        switched
    }

    fn configure(&self, mode: &str) {
        self.site.configure(&self.ports(mode, ""));
    }

    /// The keys of `[ports]`, and `[ports.junos]` with `more`.
    pub(super) fn ports(&self, mode: &str, more: &str) -> String {
        let port = self.server.address.port();
        format!(
            "mode = \"{mode}\"\napprove_first = 0\nmethod = \"junos\"\n[ports.junos]\nport = {port}\n{more}\
             username = \"{USER}\"\npassword_file = \"password\"\n\
             known_hosts = \"known_hosts\"\n\
             ap = [\"set interfaces <port> unit 0 family ethernet-switching interface-mode trunk\", \
             \"set interfaces <port> native-vlan-id 42\"]\n\
             default = [\"delete interfaces <port> unit 0\", \
             \"delete interfaces <port> native-vlan-id\"]\n"
        )
    }

    pub(super) fn has(&self) -> bool {
        self.shared.with(|switch| switch.running().has(STATEMENT))
    }

    /// Waits until no session is left at the switch, and nothing locked or unconfirmed.
    pub(super) fn until_free(&self, mistgate: &Mistgate) {
        mistgate.until("a free switch", |_| {
            self.shared.with(|switch| {
                let is_left = switch.is_locked() || switch.is_modified() || switch.is_pending();
                switch.sessions() == 0 && !is_left
            })
        });
    }
}

#[test]
fn a_webhook_changes_the_switch_itself_and_takes_it_back() {
    let switched = Switched::new(&[], "observe");
    let site = &switched.site;
    let mistgate = site.place.start();
    site.plug();
    site.send_event(&mistgate, "AP_CONNECTED");
    mistgate.line("port_observed", 1);
    site.await_post(&["Switch port would be changed", "+  interfaces ge-0/0/1 native-vlan-id 42;"]);
    assert!(!switched.has());
    switched.until_free(&mistgate);
    let (read_twice, history, close) = (2, 1, 1);
    assert_eq!(switched.shared.with(|switch| switch.requests()), read_twice + history + close);
    let port = mistgate.status().pointer("/ports/ports/0").cloned().expect("a port");
    assert!(text(&port, "/foreseen").contains(STATEMENT), "{port}");

    switched.shared.with(|switch| switch.warn("requires 'ethernet-switching' license"));
    switched.configure("enforce");
    mistgate.reload();
    let line = mistgate.line("port_changed", 1);
    assert_eq!((text(&line, "/port"), text(&line, "/switch")), (PORT, "127.0.0.1"));
    assert!(switched.has());
    site.await_post(&["Switch port changed", STATEMENT, WARNED]);

    site.unplug();
    site.send_event(&mistgate, "AP_DISCONNECTED");
    mistgate.line("port_changed", 2);
    assert!(!switched.has());
    switched.until_free(&mistgate);
    let journal = mistgate.stop();
    let audit = site.audit("PORT_CHANGED");
    let diffs: Vec<_> = audit.iter().map(|line| text(line, "/diff")).collect();
    let is_whole = |diff: &&str| diff.contains(STATEMENT) && diff.ends_with(WARNED);
    assert!(diffs.iter().all(is_whole) && diffs.len() == 2, "{diffs:?}");
    for text in [journal, json!(audit).to_string(), format!("{:?}", site.chat.posts())] {
        assert!(!text.contains(PASSWORD) && !text.contains("]]&gt;"), "{text}");
    }
}

/// Somebody takes the trunk away at the console, and Mist says that the configuration changed.
#[test]
fn a_port_that_somebody_changes_is_told_and_mended_where_that_is_wanted() {
    for drift in ["", "drift = \"repair\"\n"] {
        let switched = Switched::new(&[], "enforce");
        let site = &switched.site;
        site.configure(&format!("{drift}{}", switched.ports("enforce", "")));
        let mistgate = site.place.start();
        site.plug();
        site.send_event(&mistgate, "AP_CONNECTED");
        mistgate.line("port_changed", 1);
        switched.until_free(&mistgate);
        let line = format!("delete {STATEMENT}");
        assert!(switched.shared.with(|switch| switch.commit_at_console(&[&line], None)));
        mistgate.accept(&site.event("SW_CONFIG_REVERTED", SWITCH));
        let line = mistgate.line("port_drifted", 1);
        assert_eq!((text(&line, "/port"), text(&line, "/mode")), (PORT, "ap"));
        let who = "!  the last commit of others: ann via cli";
        site.await_post(&["Switch port changed by others", STATEMENT, who]);
        if !drift.is_empty() {
            mistgate.line("port_changed", 2);
            switched.until_free(&mistgate);
        }
        assert_eq!(switched.has(), !drift.is_empty());
        mistgate.stop();
    }
}

#[test]
fn a_port_that_is_right_already_is_told_so() {
    let switched = Switched::new(&[], "observe");
    let trunk = "unit 0 family ethernet-switching interface-mode trunk";
    let lines = [trunk, "native-vlan-id 42"].map(|end| format!("set interfaces {PORT} {end}"));
    let lines = lines.each_ref().map(String::as_str);
    assert!(switched.shared.with(|switch| switch.commit_at_console(&lines, None)));
    let mistgate = switched.site.place.start();
    switched.site.plug();
    switched.site.send_event(&mistgate, "AP_CONNECTED");
    let line = mistgate.line("port_unchanged", 1);
    assert_eq!((text(&line, "/port"), text(&line, "/mode")), (PORT, "ap"));
    let port = mistgate.status().pointer("/ports/ports/0").cloned().expect("a port");
    assert_eq!(port.get("foreseen"), Some(&json!("")));
    mistgate.stop();
}

/// No Mist, no token, and nobody who knows a name: the address is enough.
#[test]
fn by_hand_a_switch_at_an_address_needs_nobody_else() {
    let held = (0, Fault::Stranger(Duration::from_secs(600)));
    for (faults, expected) in [(&[][..], "done, it has mode ap"), (&[held], "(pid 50198) on since")]
    {
        let switched = Switched::new(faults, "enforce");
        let place = &switched.site.place;
        let more = "domain = \"corp.example\"\nlock_wait = \"1s\"\n";
        place.configure(&format!("[chat.console]\n[ports]\n{}", switched.ports("enforce", more)));
        fs::create_dir(place.path().join("state")).expect("a folder");
        let run = |command: &str, more: &[&str]| {
            let args = ["port", command, "--config", "mistgate.toml", "--switch", "127.0.0.1"];
            let which = ["--port", PORT, "--mode", "ap"];
            let done = output(place.path(), &[&args, &which[..], more].concat());
            print(&done.stdout) + &print(&done.stderr)
        };
        let said = run("diff", &[]);
        assert!(said.contains("+  interfaces ge-0/0/1 native-vlan-id 42;"), "{said}");
        let said = run("set", &["--yes"]);
        assert!(said.contains(expected), "{said}");
        assert_eq!(switched.has(), faults.is_empty());
    }
}

#[test]
fn a_crash_between_commit_and_confirmation_ends_right() {
    let switched = Switched::new(&[(COMMIT, Fault::Silence { is_done: true })], "enforce");
    let site = &switched.site;
    let mistgate = site.place.start();
    site.plug();
    site.send_event(&mistgate, "AP_CONNECTED");
    mistgate.until("a commit", |_| switched.shared.with(|switch| switch.is_pending()));
    mistgate.kill();
    assert!(switched.has());

    let mistgate = site.place.start();
    mistgate.until("a report", |mistgate| {
        let done = mistgate.metric("mistgate_port_changes_total{result=\"done\"}");
        done + mistgate.metric("mistgate_port_changes_total{result=\"unchanged\"}") == 1.0
    });
    assert!(switched.has());
    switched.until_free(&mistgate);
    mistgate.stop();
}

/// Who holds the lock, and whose password is refused, is told where a person looks.
#[test]
fn why_a_switch_takes_no_change_is_in_chat_and_audit() {
    let held = (LOCK, Fault::Stranger(Duration::from_secs(600)));
    let refused = format!("the switch refuses the password of {USER}");
    let holder = "the configuration is locked: mist terminal p0 (pid 50198) on since";
    for (faults, password, kind, words) in
        [(&[held][..], PASSWORD, "PORT_RETRYING", holder), (&[], "wrong", "PORT_STUCK", &refused)]
    {
        let switched = Switched::new(faults, "enforce");
        let site = &switched.site;
        site.configure(&switched.ports("enforce", "lock_wait = \"1s\"\n"));
        site.place.write("password", password);
        let mistgate = site.place.start();
        site.plug();
        site.send_event(&mistgate, "AP_CONNECTED");
        site.await_post(&[words]);
        mistgate.until("an audit", |_| !site.audit(kind).is_empty());
        let line = site.audit(kind).remove(0);
        assert!(text(&line, "/because").contains(words), "{line}");
        assert!(!switched.has());
        mistgate.stop();
    }
}

/// A key's fingerprint, by OpenSSH.
fn fingerprint(key: &Path) -> String {
    let shown = Command::new("ssh-keygen").arg("-lf").arg(key).output().expect("ssh-keygen");
    print(&shown.stdout).split(' ').nth(1).expect("a fingerprint").to_owned()
}

#[test]
fn a_switch_that_is_not_the_known_one_is_not_changed() {
    let switched = Switched::new(&[], "enforce");
    let site = &switched.site;
    let folder = switched.server.path();
    let [shown, known] = ["host.pub", "user.pub"].map(|name| fingerprint(&folder.join(name)));
    let key = fs::read_to_string(folder.join("user.pub")).expect("a key");
    site.place.write("known_hosts", &format!("sw-1.example.net {key}"));
    let mistgate = site.place.start();
    site.plug();
    site.send_event(&mistgate, "AP_CONNECTED");
    let unknown = format!("the switch's host key is not trusted: its host key {shown} is not in ");
    site.await_post(&["Switch port change given up", &unknown, "then add: [127.0.0.1]:"]);
    mistgate.stop();
    let mut audit = site.audit("PORT_STUCK");
    // Nothing is told yet of the next failure.
    fs::remove_dir_all(site.place.path().join("state")).expect("a folder");
    let address = switched.server.address;
    site.place.write("known_hosts", &format!("[{}]:{} {key}", address.ip(), address.port()));
    let mistgate = site.place.start();
    site.plug();
    site.send_event(&mistgate, "AP_CONNECTED");
    let line = mistgate.line("port_stuck", 1);
    assert_eq!(text(&line, "/failure"), "host_key");
    let changed = format!("its host key {shown} is not {known}, the one in ");
    site.await_post(&["Switch port change given up", &changed, "the one in known_hosts:1"]);
    audit.extend(site.audit("PORT_STUCK"));
    let words: Vec<_> = audit.iter().map(|line| text(line, "/because")).collect();
    assert!(words.iter().any(|words| words.contains(&unknown)), "{words:?}");
    assert!(words.iter().any(|words| words.contains(&changed)), "{words:?}");
    assert!(!switched.has());
    let port = mistgate.status().pointer("/ports/ports/0").cloned().expect("a port");
    assert_eq!((text(&port, "/stage"), text(&port, "/last_failure")), ("stuck", "host_key"));
    assert_eq!(mistgate.metric("mistgate_port_failures_total{failure=\"host_key\"}"), 1.0);
    mistgate.stop();
}
