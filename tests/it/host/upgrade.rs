//! The trial of a new version: `appliance/units/launch` with stand-ins for both programs and with
//! the real one, and what `mistgate install` keeps and brings back. `tests/bench/package` upgrades
//! a Debian under load.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::{fs, thread, time::Duration};

use mistgate_tests::chat::server::Chat;
use rustix::process::Signal;
use tempfile::TempDir;

use crate::base::binary::{Mistgate, Place, binary};

/// What begins the notes on a trial.
const NOTES: &str = "1.0.1\n";

/// A folder with the launcher, a program, the one before and a folder for state.
struct Device {
    folder: TempDir,
    shell: &'static [&'static str],
}

impl Device {
    /// Both programs run these lines of shell. Who waits for the launcher waits for a second.
    fn new(shell: &'static [&'static str], new: &str, previous: &str) -> Self {
        let device = Self { folder: tempfile::tempdir().expect("a folder"), shell };
        let launch = Path::new(env!("CARGO_MANIFEST_DIR")).join("../appliance/units/launch");
        let launch = fs::read_to_string(launch).expect("the launcher");
        assert!(launch.contains("\n        sleep 60\n"), "{launch}");
        device.write("launch", &launch.replace("sleep 60", "sleep 1"));
        device.write("gate", &format!("#!/bin/sh\n{new}\n"));
        device.write("gate.previous", &format!("#!/bin/sh\n{previous}\n"));
        fs::create_dir(device.path("state")).expect("a folder");
        device
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("a file");
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o755)).expect("a mode");
    }

    fn notes(&self) -> String {
        fs::read_to_string(self.path("state/upgrade")).expect("the notes")
    }

    /// Runs the launcher to its end. Gives how it ended, and what it printed.
    fn run(&self, args: &[&str]) -> (ExitStatus, String) {
        let (first, rest) = self.shell.split_first().expect("a shell");
        let mut command = Command::new(first);
        command.args(rest).arg("launch").args(["./gate", "state"]).args(args);
        command.env_remove("MISTGATE_UPGRADE").current_dir(self.folder.path());
        let done = command.stdin(Stdio::null()).output().expect("a shell");
        (done.status, String::from_utf8_lossy(&done.stdout).into_owned())
    }

    /// As [`Device::run`], of the service.
    fn starts(&self) -> (Option<i32>, String) {
        let (status, printed) = self.run(&["run", "--config", "x"]);
        (status.code(), printed)
    }
}

/// The shells of Debian, and of Alpine and OpenWrt.
const SHELLS: [&[&str]; 2] = [&["sh"], &["busybox", "ash"]];

#[test]
fn a_new_version_that_ends_twice_is_not_started_again() {
    for shell in SHELLS {
        let device = Device::new(shell, "echo new; exit 7", "echo previous $MISTGATE_UPGRADE $*");
        let new = (Some(7), "new\n".to_owned());
        // Without notes, or with empty ones, there is no trial.
        for _ in 0..3 {
            assert_eq!(device.starts(), new);
        }
        device.write("state/upgrade", "");
        assert_eq!(device.starts(), new);
        assert_eq!(device.notes(), "");

        device.write("state/upgrade", NOTES);
        assert_eq!((device.starts(), device.starts()), (new.clone(), new));
        let previous = (Some(0), "previous state/upgrade run --config x\n".to_owned());
        for _ in 0..2 {
            assert_eq!(device.starts(), previous);
        }
        let notes = device.notes();
        let back = "back it ended twice before it had been ready for 60 seconds";
        assert!(notes.starts_with("1.0.1\nstart "), "{notes}");
        assert_eq!(notes.lines().filter(|note| *note == back).count(), 1, "{notes}");
    }
}

#[test]
fn one_that_was_asked_to_end_has_not_failed() {
    for shell in SHELLS {
        let device = Device::new(shell, "echo new; echo stopped >>$MISTGATE_UPGRADE", "false");
        device.write("state/upgrade", NOTES);
        for _ in 0..4 {
            assert_eq!(device.starts(), (Some(0), "new\n".to_owned()));
        }
    }
}

#[test]
fn what_only_looks_at_the_configuration_is_no_start() {
    for shell in SHELLS {
        let device = Device::new(shell, "echo new $*", "echo previous $*");
        device.write("state/upgrade", NOTES);
        let (_, printed) = device.run(&["check"]);
        assert_eq!((printed.as_str(), device.notes().as_str()), ("new check\n", NOTES));
        device.write("state/upgrade", "1.0.1\nback it hung\n");
        assert_eq!(device.run(&["check"]).1, "previous check\n");
    }
}

#[test]
fn one_that_is_not_ready_in_time_is_ended() {
    for shell in SHELLS {
        let device = Device::new(shell, "exec sleep 20", "echo previous");
        device.write("state/upgrade", NOTES);
        let (status, _) = device.run(&["run"]);
        assert_eq!(status.signal(), Some(Signal::KILL.as_raw()), "{}", device.notes());
        assert_eq!(device.starts(), (Some(0), "previous\n".to_owned()));
        assert!(device.notes().ends_with("\nback it was not ready within 60 seconds\n"));

        let device = Device::new(shell, "echo ready >>$MISTGATE_UPGRADE; exec sleep 2", "false");
        device.write("state/upgrade", NOTES);
        assert_eq!(device.starts(), (Some(0), String::new()), "{}", device.notes());
    }
}

#[test]
fn what_a_service_manager_hands_over_comes_through() {
    for shell in SHELLS {
        let device = Device::new(shell, "echo $$ $NOTIFY_SOCKET; cat <&3", "false");
        device.write("state/upgrade", NOTES);
        let (first, rest) = shell.split_first().expect("a shell");
        let line = "exec \"$@\" 3<gate";
        let mut command = Command::new("sh");
        command.args(["-c", line, "sh", first]).args(rest).args(["launch", "./gate", "state"]);
        command.arg("run").env("NOTIFY_SOCKET", "there").current_dir(device.folder.path());
        let child = command.stdout(Stdio::piped()).spawn().expect("a shell");
        let id = child.id();
        let done = child.wait_with_output().expect("an end");
        let printed = String::from_utf8_lossy(&done.stdout).into_owned();
        let (head, rest) = printed.split_once('\n').expect("a line");
        assert_eq!(head, format!("{id} there"));
        assert_eq!(rest, fs::read_to_string(device.path("gate")).expect("the program"));
    }
}

/// The real program behind the launcher, whose previous one is a stand-in or the other way round.
fn launched(place: &Place, program: &Path) -> Mistgate {
    let launch = Path::new(env!("CARGO_MANIFEST_DIR")).join("../appliance/units/launch");
    let mut command = Command::new(launch);
    command.arg(program).arg(place.path().join("state"));
    command.args(["run", "--config", "mistgate.toml", "--log-format", "json"]);
    command.env_clear().env("PATH", "/usr/bin:/bin").current_dir(place.path());
    Mistgate::start(command)
}

/// Makes the programs and the notes of a trial; gives the path of the program.
fn trial(place: &Place, notes: &str) -> PathBuf {
    fs::create_dir_all(place.path().join("state")).expect("a folder");
    let program = place.path().join("gate");
    for name in ["gate", "gate.previous"] {
        let _ = fs::remove_file(place.path().join(name));
        std::os::unix::fs::symlink(binary(), place.path().join(name)).expect("a link");
    }
    fs::write(place.path().join("state/upgrade"), notes).expect("the notes");
    program
}

#[test]
fn mistgate_notes_that_it_is_ready_and_that_it_was_stopped() {
    let place = Place::new("[chat.console]");
    let program = trial(&place, NOTES);
    let notes = || fs::read_to_string(place.path().join("state/upgrade")).expect("the notes");
    let mistgate = launched(&place, &program);
    let pid = mistgate.pid().as_raw_nonzero();
    mistgate.until("it is ready", |_| notes().contains("ready"));
    assert_eq!(notes(), format!("{NOTES}start {pid}\nready\n"));
    mistgate.stop();
    assert_eq!(notes(), format!("{NOTES}start {pid}\nready\nstopped\n"));
}

#[test]
fn the_previous_version_reports_once_why_it_runs() {
    let chat = Chat::open().expect("a chat");
    let place = Place::new(&format!("[chat.slack]\ndefault_url = \"{}\"", chat.url("/one")));
    let program = trial(&place, "1.0.1\nstart 7\nback it was not ready within 60 seconds\n");
    let mistgate = launched(&place, &program);
    let line = mistgate.line("new_version_failed", 1);
    let member = |name| line.get(name).and_then(|value| value.as_str()).unwrap_or_default();
    assert_eq!(member("version"), "1.0.1");
    assert_eq!(member("reason"), "it was not ready within 60 seconds");
    chat.wait(|posts| posts.len() == 1).expect("a report");
    let told = chat.taken().concat();
    for words in ["New version failed", "Version 1.0.1 of mistgate did not work: it was not"] {
        assert!(told.contains(words), "{words}: {told}");
    }
    let notes = || fs::read_to_string(place.path().join("state/upgrade")).expect("the notes");
    mistgate.until("that is noted", |_| notes().ends_with("\nreported\n"));
    mistgate.stop();
    let mistgate = launched(&place, &program);
    mistgate.webhook();
    thread::sleep(Duration::from_millis(300));
    assert!(mistgate.journal("new_version_failed").is_empty());
    mistgate.stop();
    assert_eq!(chat.taken().len(), 1);
}
