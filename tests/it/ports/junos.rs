//! `[ports.junos]` against simulated switches, each behind a real `sshd`: how a change ends
//! whatever happens to it, and that the switch is free afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant as Moment};
use std::{fs, thread};

use mistgate_core::base::failure::Failure;
use mistgate_core::base::mac::Mac;
use mistgate_core::base::secret::Secret;
use mistgate_core::junos::Junos;
use mistgate_core::ports::edit::{Edit, Pushed};
use mistgate_core::ports::name::{PortName, SwitchName};
use mistgate_core::ports::question::Answer;
use mistgate_core::ports::switch_port::{Mode, Sighting, Switch, SwitchMatcher};
use mistgate_core::ports::template::Template;
use mistgate_runtime::base::clock::Clock;
use mistgate_runtime::base::journal::{Format, Journal, Level};
use mistgate_runtime::base::snapshot::Snapshot;
use mistgate_runtime::ports::junos::{Connected, Login, Switches};
use mistgate_runtime::ports::method::Method as _;
use mistgate_tests::ports::switch::configuration::Configuration;
use mistgate_tests::ports::switch::{Config, answer::Style, fault::Fault, serve::Shared};
use smol::Timer;
use smol::future::{FutureExt, zip};
use tempfile::TempDir;

use crate::base::{files, poll};
use crate::ports::sshd::{CURRENT, PASSWORD, Server, USER, prepare, python};

const AP: &str = "5c5b35000001";
const PORT: &str = "ge-0/0/7";
/// The numbers of a push's requests for an access point, from 0.
const LOCK: u64 = 4;
const LOAD: u64 = 6;
const COMMIT: u64 = 9;
const CONFIRM: u64 = 12;

/// Simulated switches at 127.0.0.1, 127.0.0.2 and so on, each with one access point, and the client
/// that the tests are about.
struct Site {
    switches: Switches,
    junos: Junos,
    boxes: Vec<(Server, Arc<Shared>)>,
    _folder: TempDir,
}

/// A login without a key, to switches of the configured file.
fn login(junos: &Junos) -> Login {
    let file = &junos.known_hosts;
    Login::new(file, &Snapshot::of([file])).expect("a file")
}

impl Site {
    fn new(count: u8, faults: &[(u64, Fault)]) -> Self {
        Self::with(count, faults, None, |_, _| {})
    }

    fn with(
        count: u8,
        faults: &[(u64, Fault)],
        connected: Option<Connected>,
        adjust: impl FnOnce(&mut Config, &mut Junos),
    ) -> Self {
        prepare();
        let folder = tempfile::tempdir().expect("a folder");
        let known_hosts = folder.path().join("known_hosts").display().to_string();
        let mut junos = junos(known_hosts);
        let ap = Some(("5c:5b:35:00:00:01".to_owned(), "ap-1".to_owned()));
        let mut config = Config {
            style: Style::Plain,
            undoes_when_killed: true,
            interfaces: BTreeMap::from([
                (PORT.to_owned(), (true, ap)),
                ("ge-0/0/8".to_owned(), (false, None)),
            ]),
            faults: faults.iter().copied().collect(),
            ..Config::default()
        };
        adjust(&mut config, &mut junos);
        let mut boxes: Vec<(Server, Arc<Shared>)> = Vec::new();
        for number in 1..=count {
            let port = boxes.first().map_or(0, |(server, _)| server.address.port());
            let address = SocketAddr::from((Ipv4Addr::new(127, 0, 0, number), port));
            let subsystem = "FOLDER/switch --connect FOLDER/socket";
            let server = Server::at(address, &CURRENT, subsystem, 0);
            let shared = Arc::new(Shared::new(config.clone()));
            listen(&server, &shared);
            boxes.push((server, shared));
        }
        let port = boxes.first().map_or(0, |(server, _)| server.address.port());
        junos.port = port;
        junos.templates.iter_mut().for_each(|(_, other)| other.port = port);
        let known: String = boxes.iter().map(|(server, _)| server.known_line()).collect();
        fs::write(&junos.known_hosts, known).expect("a file");
        let journal = Arc::new(Journal::new(Format::Text, Level::Error));
        let switches = Switches::new(&junos, login(&junos), connected, Clock::start(), journal);
        Self { switches, junos, boxes, _folder: folder }
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.boxes.first().expect("a switch").1
    }

    fn has(&self, statement: &str) -> bool {
        self.shared().with(|switch| switch.running().has(statement))
    }

    async fn push(&self, edits: &[Edit]) -> Pushed {
        self.switches.push(&switch(1), edits).await
    }

    /// Checks that no session of ours is left at the switches, and nothing locked or unconfirmed.
    fn assert_free(&self) {
        for (_, shared) in &self.boxes {
            let left = || {
                shared.with(|switch| {
                    let left = (switch.sessions(), switch.is_locked());
                    (left, switch.is_modified(), switch.is_pending())
                })
            };
            let is_free = || left() == ((0, false), false, false);
            poll::within(Duration::from_secs(20), is_free, || format!("left: {:?}", left()));
        }
    }
}

/// Allows `sshd` to start its subsystem.
pub(crate) fn listen(server: &Server, shared: &Arc<Shared>) {
    let path = server.path().join("socket");
    let listener = UnixListener::bind(&path).expect("a socket");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).expect("a socket of ours");
    let shared = Arc::clone(shared);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.serve_socket(&stream));
        }
    });
}

fn junos(known_hosts: String) -> Junos {
    let template = |line| Template::new([line]).expect("a template");
    Junos {
        domain: None,
        port: 0,
        username: USER.to_owned(),
        password: Some(Secret::new(PASSWORD)),
        private_key: None,
        known_hosts,
        legacy_algorithms: false,
        sessions_max: 32,
        commit_timeout: Duration::from_secs(30),
        lock_wait: Duration::from_secs(30),
        confirm: Duration::from_secs(60),
        verify: Duration::from_secs(60),
        templates: Vec::new(),
        ap: template("set interfaces <port> native-vlan-id 42"),
        default: Some(template("delete interfaces <port> native-vlan-id")),
    }
}

fn switch(number: u8) -> Switch {
    Switch {
        mac: Mac::parse(&format!("00005e0053{number:02x}")).expect("a MAC"),
        device_id: String::new(),
        site: "site".to_owned(),
        name: SwitchName::parse(&format!("127.0.0.{number}")),
        model: None,
    }
}

fn mac() -> Mac {
    Mac::parse(AP).expect("a MAC")
}

fn port() -> PortName {
    PortName::parse(PORT).expect("a port")
}

/// A change that needs a commit: a trunk with its native VLAN.
fn ap() -> Edit {
    edit(Mode::Ap, &["unit 0 family ethernet-switching interface-mode trunk", "native-vlan-id 42"])
}

fn edit(mode: Mode, statements: &[&str]) -> Edit {
    let verb = if mode == Mode::Ap { "set" } else { "delete" };
    let line = |statement: &&str| format!("{verb} interfaces {PORT} {statement}");
    let ap = (mode == Mode::Ap).then(mac);
    let lines = statements.iter().map(line).collect();
    Edit { port: port(), mode, ap, lines, before: None, is_in_doubt: false, back: Vec::new() }
}

/// The words of a failure.
fn words(pushed: &Pushed) -> String {
    let Pushed::Failed(failure) = pushed else { panic!("{pushed:?}") };
    failure.to_string()
}

fn refused_password() -> String {
    format!("the login or the permission was refused: the switch refuses the password of {USER}")
}

fn is_done(pushed: &Pushed) -> bool {
    matches!(pushed, Pushed::Done { .. })
}

#[test]
fn a_change_is_made_once_and_taken_back() {
    let site = Site::new(1, &[]);
    smol::block_on(async {
        let line = "+  interfaces ge-0/0/7 native-vlan-id 42;";
        let shown =
            site.switches.compare(&switch(1), &[ap()]).await.expect("a difference").concat();
        assert!(shown.contains(line), "{shown}");
        assert!(!site.has("interfaces ge-0/0/7"));
        assert_eq!(site.switches.read(&switch(1), &ap()).await, Some(false));
        let Pushed::Done { diff, before } = site.push(&[ap()]).await else {
            panic!("not done");
        };
        let is_changed = |line: &&str| !line.starts_with('!');
        let sorted = |diff: &str| -> BTreeSet<String> {
            diff.lines().filter(is_changed).map(str::to_owned).collect()
        };
        assert_eq!(sorted(&diff), sorted(&shown));
        let back = "delete interfaces ge-0/0/7 unit 0\ndelete interfaces ge-0/0/7 native-vlan-id";
        assert_eq!(before, [(port(), back.to_owned())]);
        assert!(site.has("interfaces ge-0/0/7 native-vlan-id 42"));
        let before = vec![(port(), String::new())];
        let unchanged = Pushed::Done { diff: String::new(), before };
        assert_eq!(site.push(&[ap()]).await, unchanged);
        assert_eq!(site.switches.read(&switch(1), &ap()).await, Some(true));
        // Deleting what does not exist is only a warning.
        let statements = ["unit 0", "native-vlan-id", "description"];
        let pushed = site.push(&[edit(Mode::Default, &statements)]).await;
        assert!(is_done(&pushed), "{pushed:?}");
        assert!(!site.has("interfaces ge-0/0/7"));
    });
    site.assert_free();
}

/// What a port has of its own comes back with `default = "previous"`, and what it inherits is told
/// before anything is done.
#[test]
fn a_port_gets_back_what_it_had_and_what_is_inherited_is_told() {
    let [own, range] = [
        &["set interfaces ge-0/0/7 description \"a <b>\"", "set interfaces ge-0/0/7 mtu 1514"][..],
        &[
            "set interfaces interface-range aps member ge-0/0/7",
            "set interfaces interface-range aps unit 0 family ethernet-switching interface-mode trunk",
            "set interfaces interface-range aps native-vlan-id 42",
        ],
    ];
    let site_with = |lines: &[&str], style| {
        Site::with(1, &[], None, |config, _| {
            (config.running, config.style) = (Configuration::of(lines), style);
        })
    };
    let ap = || {
        let mut ap = ap();
        ap.lines.insert(0, "delete interfaces ge-0/0/7 description".to_owned());
        ap.lines.push("set interfaces ge-0/0/7 mtu 9000".to_owned());
        ap
    };
    let free = |before: &str| {
        let lines = before.lines().map(str::to_owned).collect();
        Edit { lines, before: Some(before.to_owned()), ..edit(Mode::Default, &[]) }
    };
    let site = site_with(own, Style::Plain);
    let before = site.shared().with(|switch| switch.running().clone());
    smol::block_on(async {
        let Pushed::Done { before, .. } = site.push(&[ap()]).await else {
            panic!("not done");
        };
        assert!(site.has("interfaces ge-0/0/7 mtu 9000"));
        let [(_, before)] = before.try_into().expect("one port");
        assert!(is_done(&site.push(&[free(&before)]).await), "{before}");
        // A port that had it all keeps it.
        assert!(is_done(&site.push(&[free("")]).await));
        let unknown = Edit { before: None, ..free("") };
        let Pushed::Failed(Failure::Rejected { message }) = site.push(&[unknown]).await else {
            panic!("done");
        };
        assert_eq!(message, "it is not known what the port had before");
    });
    assert_eq!(site.shared().with(|switch| switch.running().clone()), before);
    site.assert_free();

    let site = site_with(range, Style::Plain);
    let lines = edit(Mode::Default, &["native-vlan-id", "unit 0"]);
    let given = Edit { back: super::junos::ap().lines, ..lines };
    smol::block_on(async {
        let requests = |site: &Site| site.shared().with(|switch| switch.requests());
        let stays = "interfaces ge-0/0/7 native-vlan-id 42; is inherited from interface-range aps";
        let shown = site.switches.compare(&switch(1), std::slice::from_ref(&given)).await;
        let shown = shown.expect("a difference").concat();
        assert!(shown.contains(&format!("!  {stays}, and stays in mode default")), "{shown}");
        let begun = requests(&site);
        let Pushed::Failed(Failure::Rejected { message }) = site.push(&[given]).await else {
            panic!("done");
        };
        assert!(message.starts_with("the port cannot be given back: "), "{message}");
        assert!(message.contains(stays), "{message}");
        let looks_and_close = 3;
        assert_eq!(requests(&site) - begun, looks_and_close);
        // A release that shows no set lines cannot be given back what it had.
        let old = site_with(own, Style::Old);
        let Pushed::Failed(Failure::Rejected { message }) = old.push(&[ap()]).await else {
            panic!("done");
        };
        assert!(message.contains("does not show what the port has"), "{message}");
        let known = Edit { back: vec!["delete interfaces ge-0/0/7 mtu".to_owned()], ..ap() };
        assert!(is_done(&old.push(&[known]).await));
    });
    site.assert_free();
}

/// An old switch with a login of its own beside a new one, in one configuration.
#[test]
fn a_switch_has_the_login_of_its_template() {
    let site = Site::with(2, &[], None, |_, junos| {
        let matcher = SwitchMatcher { switch: vec!["*.0.2".into()], ..SwitchMatcher::default() };
        let other = Junos { templates: Vec::new(), ..junos.clone() };
        junos.templates = vec![(matcher, other)];
        junos.password = Some(Secret::new("wrong"));
    });
    smol::block_on(async {
        let pushed = site.switches.push(&switch(2), &[ap()]).await;
        assert!(is_done(&pushed), "{pushed:?}");
        let pushed = site.push(&[ap()]).await;
        assert_eq!(words(&pushed), refused_password());
    });
    site.assert_free();
}

#[test]
fn a_lock_is_waited_for_and_its_holder_named() {
    let second = Duration::from_secs(1);
    let site = Site::new(1, &[(LOCK, Fault::Stranger(second))]);
    smol::block_on(async {
        let pushed = site.push(&[ap()]).await;
        assert!(is_done(&pushed), "{pushed:?}");
    });
    site.assert_free();
    let site = Site::with(1, &[(LOCK, Fault::Stranger(600 * second))], None, |_, junos| {
        junos.lock_wait = second;
    });
    smol::block_on(async {
        let pushed = site.push(&[ap()]).await;
        let Pushed::Failed(Failure::Locked { holder }) = &pushed else {
            panic!("{pushed:?}");
        };
        assert!(holder.starts_with("mist terminal p0 (pid 50198) on since"), "{holder}");
    });
    site.assert_free();
}

#[test]
fn what_the_switch_refuses_is_told_in_its_words() {
    let site = Site::new(1, &[]);
    let bogus = Edit { lines: vec!["set bogus x".to_owned()], ..ap() };
    let alone = edit(Mode::Ap, &["native-vlan-id 42"]);
    smol::block_on(async {
        let allowed = "native-vlan-id is only allowed";
        for (edits, words) in [(vec![ap(), bogus], "syntax error"), (vec![alone], allowed)] {
            let pushed = site.push(&edits).await;
            let Pushed::Failed(Failure::Rejected { message }) = &pushed else {
                panic!("{pushed:?}");
            };
            assert!(message.contains(words), "{message}");
            assert!(!site.has("interfaces"), "a part was committed");
        }
    });
    site.assert_free();
}

/// If a commit has no answer, or its connection ends, it is not reported as failed.
#[test]
fn a_change_whose_end_is_unknown_is_read_back() {
    let (silent, gone) = (Fault::Silence { is_done: true }, Fault::HangUp { is_done: true });
    for (request, fault, undoes_when_killed, in_place) in [
        (COMMIT, silent, true, false),
        (COMMIT, silent, false, true),
        (COMMIT, gone, false, true),
        (COMMIT, Fault::HangUp { is_done: false }, false, false),
        (CONFIRM, gone, false, true),
    ] {
        let site = Site::with(1, &[(request, fault)], None, |config, junos| {
            config.undoes_when_killed = undoes_when_killed;
            junos.commit_timeout = Duration::from_secs(1);
        });
        smol::block_on(async {
            let pushed = site.push(&[ap()]).await;
            assert_eq!(pushed, Pushed::Unknown(Failure::Timeout), "{fault:?}");
            let read = site.switches.read(&switch(1), &ap()).await;
            assert_eq!(read, Some(in_place), "{fault:?} {undoes_when_killed}");
            assert_eq!(site.has("interfaces ge-0/0/7 native-vlan-id 42"), in_place);
        });
        site.assert_free();
    }
}

#[test]
fn an_unknown_change_is_settled_before_the_next_one() {
    let site = Site::with(1, &[(COMMIT, Fault::HangUp { is_done: true })], None, |config, _| {
        config.undoes_when_killed = false;
    });
    smol::block_on(async {
        assert_eq!(site.push(&[ap()]).await, Pushed::Unknown(Failure::Timeout));
        let line = "set interfaces ge-0/0/8 description x".to_owned();
        let other = Edit { lines: vec![line], ..edit(Mode::Default, &[]) };
        let pushed = site.push(&[other]).await;
        assert!(is_done(&pushed), "{pushed:?}");
        assert!(site.has("interfaces ge-0/0/7 native-vlan-id 42"));
        assert!(site.has("interfaces ge-0/0/8 description x"));
    });
    site.assert_free();
}

/// The next run remembers only what is in the store: which ports had a change without a known end.
#[test]
fn what_an_earlier_run_left_is_confirmed_if_the_record_says_so() {
    let site = Site::with(1, &[(COMMIT, Fault::HangUp { is_done: true })], None, |config, _| {
        config.undoes_when_killed = false;
    });
    smol::block_on(async {
        assert_eq!(site.push(&[ap()]).await, Pushed::Unknown(Failure::Timeout));
        let journal = Arc::new(Journal::new(Format::Text, Level::Error));
        let later = Switches::new(&site.junos, login(&site.junos), None, Clock::start(), journal);
        assert!(site.shared().with(|switch| switch.is_pending()));
        // Nobody knows of it, so that it is not ours.
        let Pushed::Failed(Failure::Unconfirmed { by, .. }) = later.push(&switch(1), &[ap()]).await
        else {
            panic!("it was confirmed");
        };
        assert_eq!(by, "mist via netconf: mistgate: ge-0/0/7 ap");
        assert!(site.shared().with(|switch| switch.is_pending()));
        let in_doubt = Edit { is_in_doubt: true, ..ap() };
        let pushed = later.push(&switch(1), &[in_doubt]).await;
        assert_eq!(pushed, Pushed::Done { diff: String::new(), before: Vec::new() });
        // What is in place and waits for nothing needs no commit.
        let requests = || site.shared().with(|switch| switch.requests());
        let before = requests();
        let pushed = later.push(&switch(1), &[ap()]).await;
        let unchanged = vec![(port(), String::new())];
        assert_eq!(pushed, Pushed::Done { diff: String::new(), before: unchanged });
        let weigh_looks_lock_history_load_compare_unlock_close = 10;
        assert_eq!(requests() - before, weigh_looks_lock_history_load_compare_unlock_close);
    });
    assert!(site.has("interfaces ge-0/0/7 native-vlan-id 42"));
    site.assert_free();
}

/// Three switches at once: a slow one, one where somebody's commit waits to be confirmed, and one
/// that restarts while ours does.
#[test]
fn nothing_of_others_is_confirmed_and_nothing_of_ours_without_proof() {
    let site = Site::with(3, &[], None, |config, junos| {
        config.commit_time = Duration::from_millis(500);
        config.undoes_when_killed = false;
        junos.confirm = Duration::from_secs(300);
    });
    let box_of = |nth: usize| &site.boxes.get(nth - 1).expect("a switch").1;
    let line = "set system host-name theirs";
    assert!(box_of(2).with(|switch| switch.commit_at_console(&[line], Some(5))));
    let push = |nth| {
        let site = &site;
        async move { site.switches.push(&switch(nth), &[ap()]).await }
    };
    let restart = async {
        while !box_of(3).with(|switch| switch.is_pending()) {
            Timer::after(Duration::from_millis(2)).await;
        }
        box_of(3).with(|switch| switch.reboot(true));
    };
    smol::block_on(async {
        let ((slow, theirs), (restarted, ())) =
            zip(zip(push(1), push(2)), zip(push(3), restart)).await;
        assert!(is_done(&slow), "{slow:?}");
        let Pushed::Failed(failure @ Failure::Unconfirmed { .. }) = theirs else {
            panic!("{theirs:?}");
        };
        let words = "a commit waits to be confirmed, which ours would do: ann via cli";
        assert_eq!(failure.to_string(), words);
        assert!(failure.after().is_some_and(|after| after >= Duration::from_secs(300)));
        assert!(box_of(2).with(|switch| switch.is_foreign_pending() && !switch.is_locked()));
        assert_eq!(restarted, Pushed::Unknown(Failure::Timeout));
        let read = site.switches.read(&switch(3), &ap()).await;
        assert_eq!(read, Some(false), "the restart undid it");
        // They confirm, and then it is our turn.
        assert!(box_of(2).with(|switch| switch.commit_at_console(&[], None)));
        for nth in [2, 3] {
            let pushed = push(nth).await;
            assert!(is_done(&pushed), "{pushed:?}");
        }
        assert!(box_of(2).with(|switch| switch.running().has("system host-name theirs")));
    });
    site.assert_free();
}

/// PyEZ prints its session, holds the lock until a line comes, and prints what is configured and
/// what the last commit says of itself.
const WITNESS: &str = r#"
import sys
from jnpr.junos import Device

port, user, password = int(sys.argv[1]), sys.argv[2], sys.argv[3]
device = Device("127.0.0.1", port=port, user=user, passwd=password, look_for_keys=False,
                allow_agent=False, ssh_config="/dev/null", timeout=60)
with device:
    device.rpc.lock_configuration()
    print(device._conn.session_id, flush=True)
    sys.stdin.readline()
    device.rpc.unlock_configuration()
    print("unlocked", flush=True)
    sys.stdin.readline()
    interfaces = "<configuration><interfaces/></configuration>"
    options = {"format": "set", "database": "committed"}
    print(device.rpc.get_config(filter_xml=interfaces, options=options).text)
    print(device.rpc.get_commit_information().findtext(".//log"))
"#;

/// While PyEZ, a program by others, holds the lock, it is named; what mistgate wrote, PyEZ reads.
#[test]
fn pyez_is_named_while_it_holds_the_lock_and_reads_what_was_written() {
    let site = Site::with(1, &[], None, |_, junos| junos.lock_wait = Duration::from_secs(1));
    let mut witness = Command::new(python())
        .args(["-W", "ignore", "-c", WITNESS])
        .args([&site.junos.port.to_string(), USER, PASSWORD])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python");
    let mut said = BufReader::new(witness.stdout.take().expect("a pipe"));
    let mut orders = witness.stdin.take().expect("a pipe");
    let line = |said: &mut BufReader<_>| {
        let mut line = String::new();
        said.read_line(&mut line).expect("a line");
        line.trim().to_owned()
    };
    let session = line(&mut said);
    let pushed = smol::block_on(site.push(&[ap()]));
    let Pushed::Failed(Failure::Locked { holder }) = &pushed else {
        panic!("{pushed:?}");
    };
    assert!(holder.contains(&format!("(pid {session}) on since")), "{holder}: {session}");
    assert!(!site.has("interfaces"), "it was changed under PyEZ's lock");
    writeln!(orders).expect("a pipe");
    assert_eq!(line(&mut said), "unlocked");
    let pushed = smol::block_on(site.push(&[ap()]));
    assert!(is_done(&pushed), "{pushed:?}");
    writeln!(orders).expect("a pipe");
    let mut read = String::new();
    said.read_to_string(&mut read).expect("text");
    for line in ap().lines {
        assert!(read.contains(&line), "{line} is not in {read}");
    }
    assert!(read.ends_with("mistgate: ge-0/0/7 ap\n"), "{read}");
    assert!(witness.wait().expect("an end").success());
    site.assert_free();
}

#[test]
fn a_switch_that_goes_before_the_commit_was_not_changed() {
    let site = Site::new(1, &[(LOAD, Fault::HangUp { is_done: true })]);
    smol::block_on(async {
        assert_eq!(site.push(&[ap()]).await, Pushed::Failed(Failure::Timeout));
        let pushed = site.push(&[ap()]).await;
        assert!(is_done(&pushed), "{pushed:?}");
    });
    site.assert_free();
}

/// Answers for Mist, and counts the questions.
fn cloud(answer: Option<bool>, asked: &Arc<AtomicUsize>) -> Option<Connected> {
    let asked = Arc::clone(asked);
    Some(Arc::new(move |ap, site| {
        assert_eq!((ap, site.as_str()), (mac(), "site"));
        asked.fetch_add(1, Ordering::Relaxed);
        async move { answer }.boxed()
    }))
}

#[test]
fn a_change_is_confirmed_when_mist_sees_the_access_point() {
    for answer in [Some(true), None] {
        let asked = Arc::new(AtomicUsize::new(0));
        let site = Site::with(1, &[], cloud(answer, &asked), |_, _| {});
        let pushed = smol::block_on(site.push(&[ap()]));
        assert!(is_done(&pushed), "{pushed:?}");
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        site.assert_free();
    }
}

/// Waits until a change is in effect, then unplugs the access point.
async fn unplug(shared: &Shared) {
    while !shared.with(|switch| switch.is_pending()) {
        Timer::after(Duration::from_millis(10)).await;
    }
    shared.with(|switch| switch.plug(PORT, false, None));
}

fn undone(reason: &str) -> Pushed {
    Pushed::Failed(Failure::Undone { reason: reason.to_owned(), after: None })
}

#[test]
fn a_change_that_breaks_its_port_is_undone() {
    let asked = Arc::new(AtomicUsize::new(0));
    let cut = Site::new(1, &[]);
    let offline = Site::with(1, &[], cloud(Some(false), &asked), |_, _| {});
    let edits = [ap()];
    let cut_push = zip(cut.push(&edits), unplug(cut.shared()));
    let ((cut_end, ()), offline_end) = smol::block_on(zip(cut_push, offline.push(&edits)));
    assert_eq!(cut_end, undone("ge-0/0/7 lost its link"));
    let reason = "AP 5c:5b:35:00:00:01 on ge-0/0/7 is not connected to Mist";
    assert_eq!(offline_end, undone(reason));
    assert!(asked.load(Ordering::Relaxed) > 1, "Mist was asked once");
    for site in [cut, offline] {
        assert!(!site.has("interfaces"));
        site.assert_free();
    }
}

#[test]
fn a_stop_leaves_no_change_behind() {
    let site = Site::new(1, &[]);
    let began = Moment::now();
    let pulled = async {
        unplug(site.shared()).await;
        site.switches.stop();
    };
    let edits = [ap()];
    let (pushed, ()) = smol::block_on(zip(site.push(&edits), pulled));
    assert_eq!(pushed, undone("ge-0/0/7 lost its link"));
    assert!(began.elapsed() < Duration::from_secs(20), "it took {:?}", began.elapsed());
    assert!(!site.has("interfaces"));
    let busy = Pushed::Failed(Failure::Busy { after: None });
    assert_eq!(smol::block_on(site.push(&edits)), busy);
    site.assert_free();
    // A push that waits for a lock stops at once.
    let fault = Fault::Stranger(Duration::from_secs(600));
    let site = Site::with(1, &[(LOCK, fault)], None, |_, junos| {
        junos.lock_wait = Duration::from_secs(600);
    });
    let stopped = async {
        while !site.shared().with(|switch| switch.requests() > LOCK) {
            Timer::after(Duration::from_millis(10)).await;
        }
        site.switches.stop();
    };
    let (pushed, ()) = smol::block_on(zip(site.push(&edits), stopped));
    assert_eq!(pushed, busy);
    site.assert_free();
}

#[test]
fn a_push_that_is_dropped_leaves_nothing_open() {
    for undoes_when_killed in [true, false] {
        let site = Site::with(1, &[], None, |config, _| {
            config.undoes_when_killed = undoes_when_killed;
        });
        smol::block_on(async {
            let edits = [ap()];
            let dropped = async {
                while !site.shared().with(|switch| switch.is_pending()) {
                    Timer::after(Duration::from_millis(10)).await;
                }
                None
            };
            let pushed = async { Some(site.push(&edits).await) };
            assert_eq!(pushed.or(dropped).await, None, "it ended before it was dropped");
            // The next push settles what this one left.
            assert_eq!(site.switches.read(&switch(1), &ap()).await, Some(!undoes_when_killed));
        });
        site.assert_free();
    }
}

/// A bug in the middle of a visit ends it, as one that is dropped. The next one begins as ever.
#[test]
fn a_visit_that_panics_leaves_nothing_open() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let panics: Connected = Arc::new(move |_, _| match count.fetch_add(1, Ordering::Relaxed) {
        0 => panic!("of this test"),
        _ => smol::future::ready(Some(true)).boxed(),
    });
    let site = Site::with(1, &[], Some(panics), |_, _| {});
    let edits = [ap()];
    let push = || AssertUnwindSafe(site.push(&edits)).catch_unwind();
    smol::block_on(push()).expect_err("a panic");
    let pushed = smol::block_on(push()).expect("no panic");
    assert!(is_done(&pushed), "{pushed:?}");
    assert_eq!(asked.load(Ordering::Relaxed), 2);
    assert!(site.has("interfaces ge-0/0/7 native-vlan-id 42"));
    site.assert_free();
}

#[test]
fn hosts_and_passwords_must_be_right() {
    let site = Site::new(1, &[]);
    let known = fs::read_to_string(&site.junos.known_hosts).expect("a file");
    let push = |edits: &[Edit]| smol::block_on(site.push(edits));
    let trust = |text: &str| files::replace(Path::new(&site.junos.known_hosts), text);
    trust("");
    let unknown = words(&push(&[ap()]));
    assert!(unknown.starts_with("the switch's host key is not trusted: its "), "{unknown}");
    let other = fs::read_to_string(site.boxes.first().expect("a switch").0.path().join("user.pub"));
    trust(&format!("127.0.0.1 {}", other.expect("a key")));
    let changed = words(&push(&[ap()]));
    assert!(changed.contains(", the one in ") && changed.contains("/known_hosts:1 "), "{changed}");
    trust(&known);
    let mut wrong = site.junos.clone();
    wrong.password = Some(Secret::new("wrong"));
    site.switches.configure(&wrong, login(&wrong));
    assert_eq!(words(&push(&[ap()])), refused_password());
    wrong.private_key = Some(Secret::new("no key"));
    site.switches.configure(&site.junos, login(&site.junos));
    // A missing file leaves the last one in effect.
    fs::remove_file(&site.junos.known_hosts).expect("a file");
    let pushed = push(&[ap()]);
    assert!(is_done(&pushed), "{pushed:?}");
    site.assert_free();
}

#[test]
fn a_switch_that_cannot_be_found_is_unreachable() {
    let site = Site::new(1, &[]);
    let nameless = Switch { name: None, ..switch(1) };
    // Nobody listens there.
    for (switch, reason) in
        [(nameless, "Mist and LLDP tell no name"), (switch(99), "no connection: ")]
    {
        smol::block_on(async {
            let pushed = site.switches.push(&switch, &[ap()]).await;
            let told = words(&pushed);
            let expected = format!("there is no way to the switch: {reason}");
            assert!(told.starts_with(&expected), "{told}");
            let compared = site.switches.compare(&switch, &[ap()]).await;
            assert_eq!(compared.map_err(Pushed::Failed), Err(pushed));
            assert_eq!(site.switches.read(&switch, &ap()).await, None);
            assert_eq!(site.switches.see(&switch, port()).await, Answer::Unanswered);
        });
    }
}

#[test]
fn a_switch_says_what_it_sees_on_a_port() {
    let site = Site::new(1, &[]);
    let sighting = |port, up, neighbor| {
        let (switch, port) = (switch(1), Some(port));
        let up_for = None;
        Answer::Port(Some(Sighting {
            switch,
            port,
            is_live: true,
            up,
            neighbor,
            up_for,
            is_ap: None,
        }))
    };
    // It has been running for a day and as long as the test.
    let untimed = |mut answer| {
        if let Answer::Port(Some(Sighting { up_for, .. })) = &mut answer {
            let up_for = up_for.take().expect("a time");
            assert!(up_for >= Duration::from_secs(86_400), "{up_for:?}");
        }
        answer
    };
    smol::block_on(async {
        let seen = site.switches.see(&switch(1), port()).await;
        assert_eq!(untimed(seen), sighting(port(), true, Some(mac())));
        let empty = PortName::parse("ge-0/0/8").expect("a port");
        let seen = site.switches.see(&switch(1), empty).await;
        assert_eq!(untimed(seen), sighting(empty, false, None));
        let missing = PortName::parse("ge-1/0/8").expect("a port");
        assert_eq!(site.switches.see(&switch(1), missing).await, Answer::Port(None));
    });
    site.assert_free();
}

/// Runs all futures at once. Gives their results, and the most sessions that were open at once.
async fn together<T>(site: &Site, futures: Vec<impl Future<Output = T>>) -> (Vec<T>, usize) {
    let most = AtomicUsize::new(0);
    let watched = async {
        loop {
            let sessions = |(_, shared): &(_, Arc<Shared>)| shared.with(|switch| switch.sessions());
            most.fetch_max(site.boxes.iter().map(sessions).sum(), Ordering::Relaxed);
            Timer::after(Duration::from_millis(2)).await;
        }
    };
    let executor = smol::LocalExecutor::new();
    let tasks: Vec<_> = futures.into_iter().map(|future| executor.spawn(future)).collect();
    let ended = async {
        let mut ends = Vec::new();
        for task in tasks {
            ends.push(task.await);
        }
        ends
    };
    let ends = executor.run(ended.or(watched)).await;
    (ends, most.into_inner())
}

#[test]
fn a_switch_has_one_session_at_a_time() {
    let site = Site::new(1, &[]);
    let edits = [ap()];
    let shall = |mode, line: &str| [Edit { lines: vec![line.to_owned()], ..edit(mode, &[]) }];
    let others = [
        shall(Mode::Default, "set interfaces ge-0/0/8 description x"),
        shall(Mode::Default, "set interfaces ge-0/0/9 description y"),
    ];
    let mut pushes = vec![site.push(&edits)];
    pushes.extend(others.iter().map(|edits| site.push(edits)));
    let (ends, most) = smol::block_on(together(&site, pushes));
    assert!(ends.iter().all(is_done), "{ends:?}");
    assert_eq!(most, 1);
    site.assert_free();
}

#[test]
fn many_switches_are_changed_at_once_within_a_bound() {
    let site = Site::with(10, &[], None, |_, junos| junos.sessions_max = 4);
    let edits = [ap()];
    let targets: Vec<Switch> = (1..=10).map(switch).collect();
    let pushes = targets.iter().map(|target| site.switches.push(target, &edits)).collect();
    let (ends, most) = smol::block_on(together(&site, pushes));
    assert!(ends.iter().all(is_done), "{ends:?}");
    assert!((2..=4).contains(&most), "{most} sessions at once");
    for (_, shared) in &site.boxes {
        assert!(shared.with(|switch| switch.running().has("interfaces ge-0/0/7 native-vlan-id")));
    }
    site.assert_free();
}
