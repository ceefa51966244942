//! `mistgate install` into a root folder given by `--root`, and `mistgate init`. `systemd` and
//! `booted` test it under a service manager.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::{fs, thread};

use rustix::process::geteuid;
use tempfile::TempDir;

use crate::base::binary::{binary, output, text};
use crate::base::files::NOBODY;

const CONFIG: &str = "etc/mistgate/mistgate.toml";
const UNIT: &str = "etc/systemd/system/mistgate.service";
const ENABLED: &str = "etc/systemd/system/multi-user.target.wants/mistgate.service";
const PROGRAM: &str = "usr/local/bin/mistgate";
const PREVIOUS: &str = "usr/local/bin/mistgate.previous";
const LAUNCH: &str = "usr/local/lib/mistgate/launch";
/// The notes on the trial of a new version.
const NOTES: &str = "var/lib/mistgate/upgrade";
const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nold:x:999:998::/:/bin/false\n";
const GROUP: &str = "root:x:0:\nold:x:998:\n";

struct Root(TempDir);

impl Root {
    /// Creates one with these files of its service manager, all empty.
    fn new(files: &[&str]) -> Self {
        assert!(geteuid().is_root(), "mistgate install is root's: run these tests as root");
        let root = Self(tempfile::tempdir().expect("a folder"));
        for (name, content) in [
            ("etc/passwd", PASSWD),
            ("etc/group", GROUP),
            ("etc/shadow", "root:*:20000:0:99999:7:::\n"),
        ] {
            root.write(name, content);
        }
        fs::set_permissions(root.path("etc/shadow"), fs::Permissions::from_mode(0o640))
            .expect("a mode");
        for name in files {
            root.write(name, "");
        }
        root
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, content: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, content).expect("a file");
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn exists(&self, name: &str) -> bool {
        fs::symlink_metadata(self.path(name)).is_ok()
    }

    /// Runs `mistgate install` with `--root` on this folder.
    fn install(&self, args: &[&str]) -> Output {
        let root = self.0.path().to_str().expect("UTF-8");
        output(self.0.path(), &[&["install", "--root", root], args].concat())
    }

    /// As [`Root::install`], which must succeed. Gives what it printed.
    #[track_caller]
    fn installed(&self, args: &[&str]) -> String {
        let done = self.install(args);
        assert_eq!(text(&done.stderr), "");
        assert_eq!(done.status.code(), Some(0));
        text(&done.stdout)
    }

    /// As [`Root::install`], which must change nothing and fail with one line that contains `what`.
    #[track_caller]
    fn refused(&self, args: &[&str], what: &str) {
        let before = self.all();
        let done = self.install(args);
        let printed = text(&done.stderr);
        assert_eq!(done.status.code(), Some(1), "{printed}");
        assert!(printed.contains(what) && printed.lines().count() == 1, "{what}: {printed}");
        assert_eq!(text(&done.stdout), "");
        assert_eq!(self.all(), before, "{what}");
    }

    /// Mode, owner, group and content of each file and folder in it.
    fn all(&self) -> BTreeMap<PathBuf, (u32, u32, u32, Vec<u8>)> {
        let mut all = BTreeMap::new();
        let mut folders = vec![self.0.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                let data = fs::symlink_metadata(&path).expect("a file");
                let content = if data.is_file() { fs::read(&path) } else { Ok(Vec::new()) };
                if data.is_dir() {
                    folders.push(path.clone());
                }
                let content = content.expect("a file");
                all.insert(path, (data.mode() & 0o7777, data.uid(), data.gid(), content));
            }
        }
        all
    }

    #[track_caller]
    fn expect(&self, name: &str, mode: u32, uid: u32, gid: u32) {
        let data = fs::symlink_metadata(self.path(name)).expect("a file");
        let found = (data.mode() & 0o7777, data.uid(), data.gid());
        assert_eq!(found, (mode, uid, gid), "{name}: {:o}", found.0);
    }
}

#[test]
fn a_device_gets_a_service_that_starts_at_once() {
    let root = Root::new(&["usr/lib/systemd/systemd"]);
    let printed = root.installed(&[]);
    // Both get the highest free id of a system account.
    assert_eq!(
        root.read("etc/passwd"),
        format!("{PASSWD}mistgate:x:997:997:mistgate:/var/lib/mistgate:/bin/false\n")
    );
    assert_eq!(root.read("etc/group"), format!("{GROUP}mistgate:x:997:\n"));
    assert!(root.read("etc/shadow").ends_with("\nmistgate:!:::::::\n"));
    root.expect("etc/shadow", 0o640, 0, 0);
    for (name, mode, uid, gid) in [
        ("etc/mistgate", 0o750, 0, 997),
        (CONFIG, 0o640, 0, 997),
        ("etc/mistgate/webhook-secret", 0o640, 0, 997),
        ("etc/mistgate/proxy", 0o750, 0, 997),
        ("etc/mistgate/proxy/proxy.pkeycert.pem", 0o640, 0, 997),
        ("etc/mistgate/proxy/root.cert.pem", 0o644, 0, 997),
        // Only the service's own key is readable by the service.
        ("etc/mistgate/proxy/root.key.pem", 0o600, 0, 0),
        ("etc/mistgate/proxy/client.pkeycert.pem", 0o600, 0, 0),
        ("var/lib/mistgate", 0o700, 997, 997),
        (PROGRAM, 0o755, 0, 0),
        (UNIT, 0o644, 0, 0),
        ("etc/systemd/system/mistgate-webhook.socket", 0o644, 0, 0),
    ] {
        root.expect(name, mode, uid, gid);
    }
    let link = fs::read_link(root.path(ENABLED)).expect("a link");
    assert_eq!(link, Path::new("/etc/systemd/system/mistgate.service"));
    assert_eq!(fs::read(root.path(PROGRAM)).expect("it"), fs::read(binary()).expect("it"));

    let secret = root.read("etc/mistgate/webhook-secret");
    let secret = secret.trim_end();
    assert!(secret.len() == 64 && !printed.contains(secret), "{printed}");
    for words in
        ["account         mistgate", "/etc/mistgate/webhook-secret", "The next one does it."]
    {
        assert!(printed.contains(words), "{words}: {printed}");
    }
    let config = root.path(CONFIG).display().to_string();
    let checked = output(root.0.path(), &["check", "--config", &config]);
    assert_eq!(checked.status.code(), Some(0), "{}", text(&checked.stderr));
    let found = "no problems, 1 destination, switch ports observed, a websocket proxy\n";
    assert!(text(&checked.stdout).contains(found), "{}", text(&checked.stdout));
}

#[test]
fn a_second_run_upgrades_what_is_ours_and_touches_nothing_else() {
    let root = Root::new(&["usr/lib/systemd/systemd"]);
    root.installed(&[]);
    let before = root.all();
    root.installed(&[]);
    assert_eq!(root.all(), before);

    // An older version; the administrator has changed the files that may be changed.
    for ours in [PROGRAM, UNIT] {
        root.write(ours, "older");
    }
    let theirs = [
        (CONFIG, "state_dir = \"/elsewhere\""),
        ("etc/mistgate/webhook-secret", "mine"),
        ("var/lib/mistgate/mistgate.redb", "events"),
    ];
    for (name, content) in theirs {
        root.write(name, content);
    }
    fs::remove_dir_all(root.path("etc/mistgate/proxy")).expect("a folder");
    fs::remove_file(root.path(ENABLED)).expect("a link");
    let printed = root.installed(&[]);
    assert!(printed.contains("/etc/mistgate/mistgate.toml, as it was"), "{printed}");
    for (name, content) in theirs {
        assert_eq!(root.read(name), content, "{name}");
    }
    let after = root.all();
    for ours in [PROGRAM, UNIT] {
        assert_eq!(after.get(&root.path(ours)), before.get(&root.path(ours)), "{ours}");
    }
    assert_eq!(root.read(PREVIOUS), "older");
    assert!(!root.exists("etc/mistgate/proxy"), "what was removed came back");
    assert!(!root.exists(ENABLED), "a disabled service was enabled");
}

#[test]
fn the_program_before_is_kept_and_may_come_back() {
    let root = Root::new(&["usr/lib/systemd/systemd"]);
    root.refused(&["--rollback"], "mistgate.previous: there is no such program to go back to");
    root.installed(&[]);
    root.expect(LAUNCH, 0o755, 0, 0);
    let new = fs::read(root.path(PROGRAM)).expect("a program");
    assert!(!root.exists(PREVIOUS) && !root.exists(NOTES));

    // One of the format of this one, and one of 0.1.0, which knows no such command.
    let same = "#!/bin/sh\necho 'store     format 5'\n";
    let old = "#!/bin/sh\nexit 1\n";
    let program = |name: &str, text: &str| {
        let _ = fs::remove_file(root.path(name));
        root.write(name, text);
        fs::set_permissions(root.path(name), fs::Permissions::from_mode(0o755)).expect("a mode");
    };
    program(PROGRAM, same);
    let printed = root.installed(&[]);
    assert!(printed.contains("By hand: mistgate install --rollback"), "{printed}");
    assert_eq!((root.read(PREVIOUS), root.read(NOTES)), (same.to_owned(), "0.1.0\n".to_owned()));
    root.expect(NOTES, 0o600, 997, 997);
    assert!(fs::read(root.path(PROGRAM)).expect("a program") == new);

    // What has not proven itself takes nobody's place, and a link of the service leads nowhere.
    program(PROGRAM, "broken");
    fs::remove_file(root.path(NOTES)).expect("a file");
    root.write("etc/precious", "precious");
    symlink("../../../etc/precious", root.path(NOTES)).expect("a link");
    root.installed(&[]);
    assert_eq!((root.read(PREVIOUS), root.read(NOTES)), (same.to_owned(), "0.1.0\n".to_owned()));
    assert_eq!(root.read("etc/precious"), "precious");
    root.expect("etc/precious", 0o644, 0, 0);

    let said = root.installed(&["--rollback"]);
    assert!(said.contains("mistgate.previous until the next installation."), "{said}");
    assert_eq!(root.read(NOTES), "0.1.0\nback somebody chose so\nreported\n");
    root.installed(&[]);
    assert_eq!(root.read(NOTES), "0.1.0\n");

    // One that does not know the store's format cannot go on with it.
    fs::remove_file(root.path(NOTES)).expect("a file");
    program(PROGRAM, old);
    let printed = root.installed(&[]);
    assert!(!printed.contains("--rollback"), "{printed}");
    assert!(root.read(PREVIOUS) == old && !root.exists(NOTES));
    root.refused(&["--rollback"], "does not know format 5 of the store, only 1 — see Upgrade");
    program(PREVIOUS, same);
    root.installed(&["--rollback"]);
    // The same program again is no new version, and ends what there was.
    fs::copy(root.path(PROGRAM), root.path(PREVIOUS)).expect("a copy");
    root.installed(&[]);
    assert_eq!(root.read(NOTES), "");
    root.installed(&["--uninstall"]);
    for name in [PROGRAM, PREVIOUS, LAUNCH, "usr/local/lib/mistgate", NOTES] {
        assert!(!root.exists(name), "{name}");
    }
}

#[test]
fn an_uninstall_keeps_what_only_a_purge_removes() {
    let root = Root::new(&["usr/lib/systemd/systemd"]);
    let bare = root.all();
    root.installed(&[]);
    let printed = root.installed(&["--uninstall"]);
    assert!(printed.contains("kept /etc/mistgate and /var/lib/mistgate; --purge "), "{printed}");
    for name in [PROGRAM, UNIT, ENABLED, "etc/systemd/system/mistgate-admin.socket"] {
        assert!(!root.exists(name), "{name}");
    }
    for name in [CONFIG, "etc/mistgate/webhook-secret", "var/lib/mistgate"] {
        assert!(root.exists(name), "{name}");
    }
    let secret = root.read("etc/mistgate/webhook-secret");
    root.installed(&[]);
    assert_eq!(root.read("etc/mistgate/webhook-secret"), secret);
    root.installed(&["--uninstall", "--purge"]);
    // Folders that others share stay, and so does the lock file of the accounts.
    let mut rest = root.all();
    rest.retain(|path, _| path.is_file() && !path.ends_with(".pwd.lock"));
    let is_file = |(path, _): &(&PathBuf, _)| path.is_file();
    assert!(rest.iter().eq(bare.iter().filter(is_file)), "{:?}", rest.keys());
    assert_eq!(root.installed(&["--uninstall", "--purge"]), "There was nothing to remove.\n");
}

#[test]
fn each_service_manager_has_its_own_places() {
    for (files, program, script, links, state_dir) in [
        (
            "sbin/openrc-run",
            PROGRAM,
            "units/mistgate.openrc",
            ["etc/runlevels/default/mistgate"].as_slice(),
            "/var/lib/mistgate",
        ),
        (
            "sbin/procd",
            "usr/bin/mistgate",
            "units/mistgate.procd",
            &["etc/rc.d/S95mistgate", "etc/rc.d/K10mistgate"],
            "/etc/mistgate/state",
        ),
    ] {
        let root = Root::new(&[files]);
        root.installed(&[]);
        root.expect(program, 0o755, 0, 0);
        root.expect("etc/init.d/mistgate", 0o755, 0, 0);
        let unit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../appliance").join(script);
        assert_eq!(root.read("etc/init.d/mistgate"), fs::read_to_string(unit).expect("ours"));
        for link in links {
            assert!(fs::read_link(root.path(link)).expect("a link").ends_with("init.d/mistgate"));
        }
        let line = format!("\nstate_dir = \"{state_dir}\"\n");
        assert!(root.read(CONFIG).contains(&line), "{}", root.read(CONFIG));
        root.expect(state_dir.trim_start_matches('/'), 0o700, 997, 997);
        assert!(!root.exists("etc/systemd"));
        root.installed(&["--uninstall"]);
        for name in links.iter().chain(&[program, "etc/init.d/mistgate"]) {
            assert!(!root.exists(name), "{name}");
        }
    }
    // A container has no service manager.
    let root = Root::new(&[]);
    let printed = root.installed(&[]);
    assert!(
        printed.contains("no systemd, OpenRC or procd is here. By hand:\n  setpriv "),
        "{printed}"
    );
    root.expect(PROGRAM, 0o755, 0, 0);
}

#[test]
fn a_given_configuration_comes_with_the_files_beside_it() {
    let root = Root::new(&["usr/lib/systemd/systemd"]);
    let elsewhere = tempfile::tempdir().expect("a folder");
    let given = elsewhere.path().join("gate.toml").display().to_string();
    let absolute = elsewhere.path().join("slack").display().to_string();
    fs::create_dir(elsewhere.path().join("secrets")).expect("a folder");
    for (name, content) in [
        ("secrets/hook", "the secret of a gateway\n".to_owned()),
        ("slack", "https://hooks.slack.com/services/T/B/X\n".to_owned()),
        (
            "gate.toml",
            format!(
                "[webhook]\nlisten = \"127.0.0.1:51361\"\nsecret_file = \"secrets/hook\"\n\
                 [chat.slack]\ndefault_url_file = \"{absolute}\"\n"
            ),
        ),
    ] {
        fs::write(elsewhere.path().join(name), content).expect("a file");
    }
    let printed = root.installed(&["--config", &given]);
    assert!(
        printed.contains(&format!("a copy of {given}")) && !printed.contains("Next"),
        "{printed}"
    );
    assert_eq!(root.read(CONFIG), fs::read_to_string(&given).expect("a file"));
    assert_eq!(root.read("etc/mistgate/secrets/hook"), "the secret of a gateway\n");
    for (name, mode) in
        [(CONFIG, 0o640), ("etc/mistgate/secrets", 0o750), ("etc/mistgate/secrets/hook", 0o640)]
    {
        root.expect(name, mode, 0, 997);
    }
    assert!(!root.exists("etc/mistgate/slack") && !root.exists("etc/mistgate/webhook-secret"));
    // The same file a second time is no conflict.
    root.installed(&["--config", &given]);
}

#[test]
fn links_of_the_device_lead_nowhere_else() {
    let root = Root::new(&["usr/lib/systemd/systemd"]);
    let outside = tempfile::tempdir().expect("a folder");
    let there = outside.path().join("etc-mistgate").display().to_string();
    // As on the device: absolute, with a way up, and to what is not there yet.
    symlink(&there, root.path("etc/mistgate")).expect("a link");
    fs::create_dir_all(root.path("var/lib")).expect("a folder");
    let up = format!("../../../../../..{}", outside.path().join("state").display());
    symlink(up, root.path("var/lib/mistgate")).expect("a link");
    fs::create_dir_all(root.path("data/bin")).expect("a folder");
    fs::create_dir_all(root.path("usr/local")).expect("a folder");
    symlink("/data/bin", root.path("usr/local/bin")).expect("a link");
    root.installed(&[]);
    assert_eq!(fs::read_dir(outside.path()).expect("a folder").count(), 0, "it left its root");
    root.expect(&format!("{}/mistgate.toml", there.trim_start_matches('/')), 0o640, 0, 997);
    root.expect("data/bin/mistgate", 0o755, 0, 0);
    root.installed(&["--uninstall", "--purge"]);
    assert_eq!(fs::read_dir(outside.path()).expect("a folder").count(), 0);
    assert!(!root.exists("data/bin/mistgate"));
}

#[test]
fn folders_of_ours_that_are_open_to_others_are_mended() {
    let root = Root::new(&["usr/lib/systemd/systemd"]);
    for (name, mode) in [("etc/mistgate", 0o777), ("var/lib/mistgate", 0o755)] {
        fs::create_dir_all(root.path(name)).expect("a folder");
        fs::set_permissions(root.path(name), fs::Permissions::from_mode(mode)).expect("a mode");
    }
    root.installed(&[]);
    root.expect("etc/mistgate", 0o750, 0, 997);
    root.expect("var/lib/mistgate", 0o700, 997, 997);
    // What lets others do less is the administrator's choice.
    fs::set_permissions(root.path("etc/mistgate"), fs::Permissions::from_mode(0o700)).expect("it");
    root.installed(&[]);
    root.expect("etc/mistgate", 0o700, 0, 997);
}

#[test]
fn what_cannot_be_done_is_refused_before_anything_changes() {
    let root = Root::new(&["usr/lib/systemd/systemd"]);
    let given = |config: &str| {
        root.write("given/gate.toml", config);
        root.path("given/gate.toml").display().to_string()
    };
    let hook = "[webhook]\nsecret_file = \"hook\"\n[chat.console]\n";
    root.write("given/hook", "the secret of a gateway\n");
    root.write("outside", "a secret\n");
    for (config, what) in [
        (
            "nonsense = 1\n[chat.console]\n[webhook]\nsecret = \"a secret\"\n",
            "gate.toml:1: nonsense: ",
        ),
        (
            &format!("state_dir = \"/var/spool/gate\"\n{hook}"),
            "state_dir: /var/spool/gate — expected /var/lib/mistgate, which the service may write",
        ),
        (
            &hook.replace("\"hook\"", "\"../outside\""),
            "gate.toml:2: webhook.secret_file: ../outside is outside of its folder — ",
        ),
    ] {
        let given = given(config);
        root.refused(&["--config", &given], what);
    }
    root.refused(&["--config", "/nowhere.toml"], "/nowhere.toml:1: there is no such file");

    // Left-over files, and what an administrator put there.
    let path = given(hook);
    root.write("etc/mistgate/hook", "another secret\n");
    root.refused(&["--config", &path], "etc/mistgate/hook: exists already and is another one");
    root.write(CONFIG, "# mine\n");
    root.refused(&["--config", &path], "mistgate.toml: exists already and is another one");

    root.write("usr/lib/sysusers.d/mistgate.conf", "");
    let package = "install: Debian's package mistgate is here — upgrade it with apt";
    root.refused(&[], package);
    root.refused(&["--uninstall", "--purge"], package);
    fs::remove_file(root.path("usr/lib/sysusers.d/mistgate.conf")).expect("a file");

    fs::remove_file(root.path("etc/group")).expect("a file");
    root.refused(&[], "etc/group: No such file or directory (os error 2) — expected the root");
    for (args, what) in [
        (["install", "--purge"].as_slice(), "--purge is for --uninstall, which is missing\n"),
        (&["install", "--uninstall", "--config", "x"], "--uninstall needs no --config\n"),
    ] {
        let done = output(root.0.path(), args);
        assert_eq!((done.status.code(), text(&done.stderr).as_str()), (Some(2), what));
    }
    let done = output(root.0.path(), &["install", "--root", "/nowhere"]);
    let printed = text(&done.stderr);
    assert_eq!(
        printed,
        "--root /nowhere: not a folder — expected the folder that is a device's root\n"
    );
}

#[test]
fn a_service_of_somebody_else_is_not_followed() {
    // Where another program planted a link, the link is replaced, and its target stays.
    let root = Root::new(&["usr/lib/systemd/systemd"]);
    root.write("etc/shadow-of-root", "precious");
    root.write("etc/mistgate/other", "");
    symlink("../shadow-of-root", root.path("etc/mistgate/webhook-secret.new")).expect("a link");
    root.installed(&[]);
    assert_eq!(root.read("etc/shadow-of-root"), "precious");
    assert_eq!(root.read("etc/mistgate/webhook-secret").trim_end().len(), 64);
}

/// Runs the program as nobody. If nobody may not read it there, runs a copy.
pub(crate) fn as_nobody(folder: &Path, args: &[&str]) -> Output {
    let copy = folder.join("mistgate-of-nobody");
    if !copy.exists() {
        fs::copy(binary(), &copy).expect("a copy");
        fs::set_permissions(folder, fs::Permissions::from_mode(0o777)).expect("a mode");
    }
    let mut command = Command::new(copy);
    command.args(args).current_dir(folder).env_clear().stdin(Stdio::null());
    command.uid(NOBODY).gid(NOBODY);
    loop {
        match command.output() {
            // A process that another test has just forked may still hold the copy open for writing,
            // until it executes its own program (execve(2), ETXTBSY).
            Err(error) if error.kind() == ErrorKind::ExecutableFileBusy => thread::yield_now(),
            done => return done.expect("a process"),
        }
    }
}

#[test]
fn without_root_there_is_init() {
    let folder = tempfile::tempdir().expect("a folder");
    let refused = as_nobody(folder.path(), &["install"]);
    assert_eq!(refused.status.code(), Some(1));
    let expected = "install: only root may do that — run it by sudo, or see mistgate init\n";
    assert_eq!(text(&refused.stderr), expected);

    let made = as_nobody(folder.path(), &["init"]);
    assert_eq!(made.status.code(), Some(0), "{}", text(&made.stderr));
    let printed = text(&made.stdout);
    let place = folder.path().join("mistgate");
    for (name, mode) in [
        ("", 0o700),
        ("mistgate.toml", 0o600),
        ("webhook-secret", 0o600),
        ("proxy", 0o700),
        ("proxy/root.key.pem", 0o600),
        ("proxy/proxy.pkeycert.pem", 0o600),
    ] {
        let data = fs::metadata(place.join(name)).expect("a file");
        assert_eq!((data.mode() & 0o7777, data.uid()), (mode, NOBODY), "{name}");
    }
    let secret = fs::read_to_string(place.join("webhook-secret")).expect("a file");
    assert!(!printed.contains(secret.trim_end()), "{printed}");
    // The first of the commands that it suggests.
    let next =
        printed.lines().find_map(|line| line.strip_prefix("  mistgate ")).expect("a command");
    assert_eq!(next, "check --config ./mistgate/mistgate.toml");
    let checked = as_nobody(folder.path(), &next.split(' ').collect::<Vec<_>>());
    assert_eq!(checked.status.code(), Some(0), "{}", text(&checked.stderr));
    let config = fs::read_to_string(place.join("mistgate.toml")).expect("a file");
    assert!(config.contains("\nstate_dir = \"state\"\n"), "{config}");

    let again = as_nobody(folder.path(), &["init"]);
    assert_eq!(again.status.code(), Some(1));
    assert!(text(&again.stderr).starts_with("./mistgate/mistgate.toml: exists already — "));
}
