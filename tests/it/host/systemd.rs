//! The service manager: the notifications that it gets, and the sockets that it passes. `booted`
//! tests a real one.

use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use mistgate_tests::base::http;
use mistgate_tests::chat::server::LONG;
use mistgate_tests::webhook::mist::{Mist, connect, event_body};
use rustix::process::Signal;

use crate::base::binary::{Mistgate, Place, Process, SECRET, binary, command, output, text};

/// The arguments in the unit.
const RUN: [&str; 5] = ["run", "--config", "mistgate.toml", "--log-format", "json"];
/// A short watchdog interval.
const WATCHDOG: Duration = Duration::from_secs(1);

/// The socket on which a service manager receives notifications of its services.
struct NotifySocket(net::UnixDatagram);

impl NotifySocket {
    fn at(address: &net::SocketAddr) -> Self {
        let socket = net::UnixDatagram::bind_addr(address).expect("a socket");
        Self(socket)
    }

    fn in_folder(folder: &Path) -> (Self, String) {
        let path = folder.join("notify");
        let address = net::SocketAddr::from_pathname(&path).expect("an address");
        (Self::at(&address), path.display().to_string())
    }

    /// The next message. `None` if none arrives within `patience`.
    fn receive_within(&self, patience: Duration) -> Option<String> {
        self.0.set_read_timeout(Some(patience)).expect("a timeout");
        let mut message = [0; 4_096];
        let length = self.0.recv(&mut message).ok()?;
        Some(text(message.get(..length).expect("what was received")))
    }

    #[track_caller]
    fn receive(&self) -> String {
        self.receive_within(LONG).expect("a message")
    }

    /// The next message that contains `word`.
    #[track_caller]
    fn receive_with(&self, word: &str) -> String {
        loop {
            let message = self.receive();
            if message.contains(word) {
                return message;
            }
        }
    }
}

/// The number of microseconds in the line with this key.
fn number(message: &str, key: &str) -> u64 {
    let value = message.lines().find_map(|line| line.strip_prefix(key));
    value.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no {key} in {message}"))
}

#[test]
fn it_says_when_it_is_ready_reloads_and_stops() {
    let place = Place::new("[chat.console]");
    let (manager, name) = NotifySocket::in_folder(place.path());
    let mut run = command(place.path(), &RUN);
    run.env("NOTIFY_SOCKET", name);
    let mut mistgate = Mistgate::start(run);
    let (webhook, admin) = (mistgate.webhook(), mistgate.admin());
    let ready = format!("READY=1\nSTATUS=webhook {webhook}, admin {admin}");
    assert_eq!(manager.receive(), ready);
    // Readiness holds once the manager has been notified.
    assert_eq!(mistgate.ask("/-/ready").status(), 200);

    mistgate.signal(Signal::HUP);
    let reloading = manager.receive();
    assert!(reloading.starts_with("RELOADING=1\nMONOTONIC_USEC="), "{reloading}");
    let uptime = fs::read_to_string("/proc/uptime").expect("an uptime");
    let uptime: f64 = uptime.split(' ').next().and_then(|s| s.parse().ok()).expect("seconds");
    let at = Duration::from_micros(number(&reloading, "MONOTONIC_USEC=")).as_secs_f64();
    assert!((uptime - 60.0..uptime + 1.0).contains(&at), "{at} of {uptime}");
    assert_eq!(manager.receive(), ready);

    place.configure("nonsense = 1");
    mistgate.signal(Signal::HUP);
    assert!(manager.receive().starts_with("RELOADING=1\n"));
    let kept = "; the changed configuration has problems, the old one is kept";
    assert_eq!(manager.receive(), ready + kept);

    mistgate.signal(Signal::TERM);
    assert_eq!(manager.receive(), "STOPPING=1\nSTATUS=finishes what is in flight");
    assert_eq!(mistgate.wait().code(), Some(0), "{}", mistgate.stderr());
    assert_eq!(manager.receive_within(Duration::from_millis(1)), None);
}

#[test]
fn an_abstract_socket_will_do_and_an_unreachable_one_is_a_warning() {
    let place = Place::new("[chat.console]");
    let name = format!("mistgate-tests-{}", std::process::id());
    let address = net::SocketAddr::from_abstract_name(&name).expect("an address");
    let manager = NotifySocket::at(&address);
    let mut run = command(place.path(), &RUN);
    run.env("NOTIFY_SOCKET", format!("@{name}"));
    let mistgate = Mistgate::start(run);
    assert!(manager.receive().starts_with("READY=1\n"));
    mistgate.stop();

    // If the socket cannot be used, mistgate runs without it.
    for (name, reason) in [
        ("vsock:2:1234", "NOTIFY_SOCKET: vsock:2:1234: expected an absolute path or @NAME"),
        (
            "/nowhere/notify",
            "NOTIFY_SOCKET: /nowhere/notify: No such file or directory (os error 2)",
        ),
    ] {
        let mut run = command(place.path(), &RUN);
        run.env("NOTIFY_SOCKET", name);
        let mistgate = Mistgate::start(run);
        let line = mistgate.line("service_manager_unreachable", 1);
        assert_eq!(line.get("reason").and_then(|reason| reason.as_str()), Some(reason));
        mistgate.stop();
    }
}

/// Stops one thread of a process with ptrace, as no signal can, until its standard input ends.
const FREEZE: &str = "
import ctypes, os, sys
pid, name = sys.argv[1:]
threads = [int(tid) for tid in os.listdir(f'/proc/{pid}/task')
           if open(f'/proc/{pid}/task/{tid}/comm').read().strip() == name]
[thread] = threads
libc = ctypes.CDLL(None, use_errno=True)
SEIZE, INTERRUPT = 0x4206, 0x4207
for request in SEIZE, INTERRUPT:
    if libc.ptrace(request, thread, None, None) != 0:
        sys.exit('ptrace: ' + os.strerror(ctypes.get_errno()))
print('frozen', flush=True)
sys.stdin.read()
";

#[test]
fn the_watchdog_gets_no_sign_while_the_store_hangs() {
    let place = Place::new("[chat.console]");
    let (manager, name) = NotifySocket::in_folder(place.path());
    let mut run = command(place.path(), &RUN);
    run.env("NOTIFY_SOCKET", name).env("WATCHDOG_USEC", WATCHDOG.as_micros().to_string());
    let mistgate = Mistgate::start(run);
    assert!(manager.receive().starts_with("READY=1\n"));
    for _ in 0..3 {
        manager.receive_with("WATCHDOG=1");
    }
    let pid = mistgate.pid().as_raw_nonzero().to_string();
    let mut freeze = Command::new("python3");
    freeze.args(["-c", FREEZE, &pid, "store"]);
    let (mut freezer, stdin) = Process::start_typing(freeze);
    freezer.printed(|text| text.contains("frozen"));
    manager.receive_with("STATUS=stuck: no answer from the store");
    assert_eq!(manager.receive_within(2 * WATCHDOG), None);
    // Everything but the store still works.
    assert_eq!(mistgate.ask("/-/healthy").status(), 200);
    drop(stdin);
    assert_eq!(freezer.wait().code(), Some(0), "{}", freezer.stderr());
    assert_eq!(manager.receive(), "STATUS=moves again: the store was stuck");
    manager.receive_with("WATCHDOG=1");
    mistgate.line("stuck", 1);
    mistgate.line("moves_again", 1);
    mistgate.stop();
}

/// A service manager that opens a socket on ADDRESS for each name, prints their addresses, and
/// waits for a line. Then it runs the program in its arguments with these sockets.
const ACTIVATE: &str = "
import fcntl, os, socket, sys
names, address, *program = sys.argv[1:]
names = names.split(':')
sockets = [socket.create_server((address, 0)) for _ in names]
print(*(f'127.0.0.1:{opened.getsockname()[1]}' for opened in sockets), flush=True)
sys.stdin.readline()
# Out of the way first: the numbers that they need may be those of each other.
aside = [fcntl.fcntl(opened, fcntl.F_DUPFD, 64) for opened in sockets]
for number, opened in enumerate(aside, 3):
    os.dup2(opened, number)
    os.close(opened)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(names)),
                  LISTEN_FDNAMES=':'.join(names))
os.execv(program[0], program)
";

/// The sockets of [`ACTIVATE`], the mistgate that it will run, and the pipe that starts it.
fn activate(place: &Place, names: &str, address: &str) -> (Vec<SocketAddr>, Mistgate, impl Write) {
    let mut manager = Command::new("python3");
    manager.args(["-c", ACTIVATE, names, address]).arg(binary()).args(RUN);
    manager.current_dir(place.path());
    let (mistgate, stdin) = Mistgate::start_typing(manager);
    let opened = mistgate.printed(|text| text.ends_with('\n'));
    let addresses = opened.split_whitespace().map(|at| at.parse().expect("an address"));
    (addresses.collect(), mistgate, stdin)
}

#[test]
fn inherited_sockets_are_served_and_their_connections_waited() {
    let place = Place::new("[chat.console]");
    let (at, mistgate, mut start) = activate(&place, "admin:proxy:webhook", "127.0.0.1");
    let [admin, _, webhook] = at.as_slice() else { panic!("three sockets") };
    // Sent before mistgate runs.
    let request = Mist::new(SECRET).request(&event_body("AP_CONNECTED", "ap-early"));
    let mut early = connect(*webhook).expect("a connection");
    early.write_all(request.as_bytes()).expect("a write");
    start.write_all(b"\n").expect("a manager");
    let answer = http::read(&mut early).expect("an answer").expect("an answer");
    assert_eq!(answer.status(), 200);
    assert_eq!((mistgate.webhook(), mistgate.admin()), (*webhook, *admin));
    assert_eq!(mistgate.ask("/-/ready").status(), 200);
    let unused = mistgate.line("socket_unused", 1);
    assert_eq!(unused.get("listener").and_then(|name| name.as_str()), Some("proxy"));
    // The configuration has another port.
    mistgate.line("socket_elsewhere", 2);

    // The manager's sockets stay open over a reload, even if the listener's policy changes.
    place.configure("allow_from = [\"127.0.0.0/8\"]\n[chat.console]");
    mistgate.reload();
    mistgate.accept(&event_body("AP_CONNECTED", "ap-late"));
    assert_eq!(mistgate.webhook(), *webhook);
    mistgate.stop();
}

#[test]
fn inherited_sockets_that_cannot_be_right_are_refused() {
    let place = Place::new("[chat.console]");
    for (names, address, what) in [
        (
            "webhook:web",
            "127.0.0.1",
            "LISTEN_FDNAMES: socket 1 is named \"web\" — expected one of webhook, proxy, admin as \
             its FileDescriptorName=\n",
        ),
        (
            "webhook:webhook",
            "127.0.0.1",
            "LISTEN_FDNAMES: two sockets are named webhook — expected one, such as \
             ListenStream=[::]:PORT, which takes IPv4 too\n",
        ),
        (
            "admin",
            "0.0.0.0",
            "admin: the socket of the service manager is not on a loopback address — set \
             admin.token_file\n",
        ),
    ] {
        let (_, mut mistgate, mut start) = activate(&place, names, address);
        start.write_all(b"\n").expect("a manager");
        assert_eq!(mistgate.wait().code(), Some(1));
        assert!(mistgate.stderr().ends_with(what), "{what}{}", mistgate.stderr());
    }
}

#[test]
fn a_secret_may_be_a_credential() {
    let place = Place::new("");
    let config = "state_dir = \"state\"\n[webhook]\nlisten = \"127.0.0.1:0\"\nsecret_file = \
                  \"${CREDENTIALS_DIRECTORY}/hook\"\n[chat.console]\n";
    place.write("mistgate.toml", config);
    fs::create_dir(place.path().join("credentials")).expect("a folder");
    place.write("credentials/hook", SECRET);
    let without = output(place.path(), &["check", "--config", "mistgate.toml"]);
    assert_eq!(without.status.code(), Some(1));
    assert!(text(&without.stderr).contains("CREDENTIALS_DIRECTORY is not set"));
    let mut run = command(place.path(), &RUN);
    run.env("CREDENTIALS_DIRECTORY", place.path().join("credentials"));
    let mistgate = Mistgate::start(run);
    mistgate.accept(&event_body("AP_CONNECTED", "ap-1"));
    mistgate.stop();
}
