//! What the kernel does to a process that gave up its rights: each test starts this test binary
//! again, and in there tries what must not succeed.

use std::io::Write as _;
use std::net::{TcpListener, TcpStream, ToSocketAddrs as _};
use std::os::unix::net::UnixListener;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Command, Output};
use std::{env, fs, io, thread};

use rtime_clock::adjtime::{Timex, adjtimex};

use super::*;
use crate::base::journal::Format;

/// Says in the environment of the second process what it shall try.
const TRY: &str = "MISTGATE_SANDBOX_TRY";

/// Runs [`inside`] in a process of its own.
fn attempt(what: &str) -> Output {
    let mut child = Command::new(env::current_exe().expect("a path"));
    child.args(["--exact", "base::sandbox::tests::inside", "--nocapture"]);
    child.env(TRY, what).output().expect("a process")
}

/// What must guard for a refusal; without it, the kernel of this machine permits what was tried.
#[derive(Clone, Copy)]
enum Guard {
    None,
    Files,
    Ports,
}

/// Holds if the outcome of what the second process tried is this.
#[track_caller]
fn check(what: &str, guard: Guard, outcome: &str) {
    let output = attempt(what);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{what}: {said}");
    let guards = match guard {
        Guard::None => true,
        Guard::Files => !said.contains("files false"),
        Guard::Ports => !said.contains("ports false"),
    };
    let outcome = if guards { outcome } else { "Ok(())" };
    assert!(said.ends_with(&format!(": {outcome}\n")), "{what}: {said}");
}

/// The part of the tests that runs in the second process; in the first one there is nothing to do.
#[test]
fn inside() {
    let Ok(what) = env::var(TRY) else { return };
    let folder = env::temp_dir().join(format!("mistgate-sandbox-{}", std::process::id()));
    fs::create_dir_all(folder.join("state")).expect("a folder");
    fs::write(folder.join("secret"), "secret").expect("a file");
    let named = TcpListener::bind("127.0.0.1:0").expect("a port");
    let other = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = |listener: &TcpListener| listener.local_addr().expect("a socket").port();
    let needs = Needs::of_peer(&[], [port(&named)]).with_state(&folder.join("state"));
    let journal = Journal::new(Format::Text, Level::Info);
    let sandbox = enter(Some(false), needs, &journal).expect("rights to leave");
    let connect = |listener| TcpStream::connect(("127.0.0.1", port(listener)));
    let outcome = match what.as_str() {
        "read elsewhere" => fs::read(folder.join("secret")).map(drop),
        "write elsewhere" => fs::write(folder.join("new"), "").map(drop),
        "write state" => fs::write(folder.join("state/new"), ""),
        "listen state" => UnixListener::bind(folder.join("state/socket")).map(drop),
        "listen elsewhere" => UnixListener::bind(folder.join("socket")).map(drop),
        "connect named" => connect(&named).map(drop),
        "connect other" => connect(&other).map(drop),
        "bind other" => TcpListener::bind("127.0.0.1:0").map(drop),
        "ask the clock" => adjtimex(&mut Timex::new()).map(drop),
        "set the clock" => {
            let mut timex = Timex::new();
            timex.0.modes = libc::ADJ_TICK;
            timex.0.tick = 10_000;
            adjtimex(&mut timex).map(drop)
        }
        "lookup" => ("localhost", port(&named)).to_socket_addrs().map(drop),
        "thread" => thread::spawn(move || fs::read(folder.join("secret")))
            .join()
            .expect("a thread")
            .map(drop),
        // Of root's alone otherwise, and of nobody's from here on.
        "own another" => std::os::unix::fs::chown(&folder, Some(0), None),
        "start a process" => Command::new("/bin/true").status().map(drop),
        "become a program" => Err(Command::new("/bin/true").exec()),
        other => panic!("{other}"),
    };
    let guards = (sandbox.confined.files, sandbox.confined.ports);
    let outcome = outcome.map_err(|error| error.kind());
    // A refusal counts as far as the kernel guards at all, which the journal tells beforehand.
    let text = format!("files {}, ports {}: {outcome:?}\n", guards.0, guards.1);
    io::stderr().write_all(text.as_bytes()).expect("a pipe");
}

#[test]
fn the_state_and_named_ports_stay_open() {
    for what in ["write state", "listen state", "connect named", "lookup", "ask the clock"] {
        check(what, Guard::None, "Ok(())");
    }
}

#[test]
fn what_was_not_named_is_refused_by_the_kernel() {
    for what in ["read elsewhere", "write elsewhere", "listen elsewhere", "thread"] {
        check(what, Guard::Files, "Err(PermissionDenied)");
    }
    for what in ["connect other", "bind other"] {
        check(what, Guard::Ports, "Err(PermissionDenied)");
    }
}

/// The call is permitted, the right is gone.
#[test]
fn nobody_sets_the_clock() {
    check("set the clock", Guard::None, "Err(PermissionDenied)");
}

#[test]
fn system_calls_that_are_not_made_are_not_there() {
    for what in ["own another", "start a process"] {
        check(what, Guard::None, "Err(Unsupported)");
    }
}

#[test]
fn who_becomes_a_program_is_ended() {
    let output = attempt("become a program");
    assert_eq!(output.status.signal(), Some(libc::SIGSYS), "{output:?}");
}
