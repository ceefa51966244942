//! Debian's `sshd` in front of a simulated switch, restricted to what one kind of switch offers.
//!
//! `sshd` runs once for each connection, as inetd would start it, so no port is taken and no daemon
//! is left.

use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
use std::{fs, thread};

use mistgate_core::{base::secret::Secret, junos::known_hosts::KnownHosts};
use mistgate_runtime::ports::junos::ssh::{Key, Target};
use mistgate_tests::ports::sshd::{expect_sshd, keygen, start};
use tempfile::TempDir;

pub(crate) const USER: &str = "mistgate-test";
pub(crate) const PASSWORD: &str = "pass ]]>]]> word";

/// The algorithms that a switch's `sshd` offers.
pub(crate) struct Offer {
    pub(crate) config: &'static str,
    pub(crate) host_key: &'static str,
}

pub(crate) const CURRENT: Offer = Offer { config: "", host_key: "ed25519" };

/// A folder with keys, and a port where each connection gets an `sshd`.
pub(crate) struct Server {
    pub(crate) folder: TempDir,
    pub(crate) address: SocketAddr,
    pub(crate) host_key: String,
    pub(crate) children: Arc<Mutex<Vec<Child>>>,
}

impl Server {
    /// A switch of this style, behind an `sshd` that dies on its first `broken_first` connections.
    pub(crate) fn new(offer: &Offer, style: &str, broken_first: usize) -> Self {
        Self::with(offer, &format!("FOLDER/switch --style {style}"), broken_first)
    }

    /// As [`Server::new`], with a command for the subsystem, in which `FOLDER` and `PORT` stand for
    /// the server's.
    pub(crate) fn with(offer: &Offer, subsystem: &str, broken_first: usize) -> Self {
        Self::at((Ipv4Addr::LOCALHOST, 0).into(), offer, subsystem, broken_first)
    }

    /// As [`Server::with`], at this address.
    pub(crate) fn at(
        address: SocketAddr,
        offer: &Offer,
        subsystem: &str,
        broken_first: usize,
    ) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path();
        // The user that sshd switches to must be able to read the program.
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("a folder of ours");
        let switch = path.join("switch");
        fs::copy(env!("CARGO_BIN_EXE_switch"), &switch).expect("the switch");
        for (name, kind) in [("host", offer.host_key), ("user", "user"), ("rsa", "rsa")] {
            for end in ["", ".pub"] {
                let key = keys().join(format!("{kind}{end}"));
                fs::copy(key, path.join(format!("{name}{end}"))).expect("a key");
            }
        }
        let public = |name: &str| fs::read_to_string(path.join(name)).expect("a key");
        fs::write(path.join("keys"), public("user.pub") + &public("rsa.pub")).expect("a file");
        let listener = TcpListener::bind(address).expect("a port");
        let address = listener.local_addr().expect("an address");
        let subsystem = subsystem
            .replace("FOLDER", &path.display().to_string())
            .replace("PORT", &address.port().to_string());
        let config = format!(
            "HostKey {0}/host\nAuthorizedKeysFile {0}/keys\nAllowUsers {USER}\nStrictModes no\n\
             PidFile none\nPrintMotd no\nSubsystem netconf {subsystem}\n{1}\nUsePAM no\n",
            path.display(),
            offer.config
        );
        fs::write(path.join("config"), config).expect("a file");
        let children = Arc::new(Mutex::new(Vec::new()));
        let (config, list) = (path.join("config"), Arc::clone(&children));
        thread::spawn(move || {
            for (nth, stream) in listener.incoming().map_while(Result::ok).enumerate() {
                if nth < broken_first {
                    give_up(stream);
                } else {
                    let sshd = start(&config, stream).expect("prepare() was called");
                    list.lock().expect("a list").push(sshd);
                }
            }
        });
        let host_key = public("host.pub");
        Self { folder, address, host_key, children }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The line that makes a client trust this server.
    pub(crate) fn known_line(&self) -> String {
        format!("[{}]:{} {}", self.address.ip(), self.address.port(), self.host_key)
    }

    /// A client's known hosts, with this server only.
    pub(crate) fn known(&self) -> KnownHosts {
        KnownHosts::parse("known_hosts", &self.known_line())
    }

    pub(crate) fn target(&self) -> Target {
        Target {
            host: "127.0.0.1".to_owned(),
            port: self.address.port(),
            username: USER.to_owned(),
            password: Some(Secret::new(PASSWORD)),
            key: None,
            known_hosts: Arc::new(self.known()),
            legacy_algorithms: false,
            timeout: Duration::from_secs(60),
        }
    }

    pub(crate) fn key(&self, name: &str) -> Option<Key> {
        let text = fs::read_to_string(self.path().join(name)).expect("a key");
        Some(Key::parse(&text).expect("a key"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        for child in self.children.lock().expect("a list").iter_mut() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Keys of each kind, made once.
pub(crate) fn keys() -> &'static Path {
    static KEYS: OnceLock<TempDir> = OnceLock::new();
    let make = || {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        for (name, kind) in
            [("ecdsa", "ecdsa"), ("ed25519", "ed25519"), ("rsa", "rsa"), ("user", "ed25519")]
        {
            // A longer key would only take more time.
            let bits = (kind == "rsa").then_some("2048");
            keygen(&folder.path().join(name), kind, bits).expect("a key");
        }
        folder
    };
    KEYS.get_or_init(make).path()
}

/// A server that closes the connection after the first bytes of the client.
fn give_up(mut stream: TcpStream) {
    use std::io::Write;
    stream.write_all(b"SSH-2.0-OpenSSH_6.6.1\r\n").expect("a client");
    let mut some = [0; 64];
    let _ = stream.read(&mut some);
}

/// Checks what these tests need of the machine. A test that cannot run fails and says what to
/// install.
pub(crate) fn prepare() {
    static READY: std::sync::Once = std::sync::Once::new();
    READY.call_once(|| {
        expect_sshd().unwrap_or_else(|error| panic!("{error}"));
        let is_there = Command::new("id").arg(USER).output().is_ok_and(|id| id.status.success());
        if !is_there {
            assert!(rustix::process::getuid().is_root(), "run as root once: tests/run adds {USER}");
            run(Command::new("useradd").args(["--create-home", "--shell", "/bin/sh", USER]));
        }
        let mut child = Command::new("chpasswd").stdin(Stdio::piped()).spawn().expect("chpasswd");
        let line = format!("{USER}:{PASSWORD}\n");
        let mut stdin = child.stdin.take().expect("a pipe");
        std::io::Write::write_all(&mut stdin, line.as_bytes()).expect("a pipe");
        drop(stdin);
        assert!(child.wait().expect("chpasswd").success());
    });
}

pub(crate) fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// The Python of a venv with PyEZ.
pub(crate) fn python() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("junos-eznc-2.8.2");
    let python = folder.join("bin/python3");
    let has_pyez = |python: &Path| {
        let output = Command::new(python).args(["-c", "import jnpr.junos"]).output();
        output.is_ok_and(|output| output.status.success())
    };
    if !has_pyez(&python) {
        // On failure its message says what to install: python3-venv.
        run(Command::new("python3").args(["-m", "venv"]).arg(&folder));
        run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "junos-eznc==2.8.2"]));
    }
    python
}
