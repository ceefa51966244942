//! OpenSSH's `sshd` in front of a simulated switch. It runs once for each connection, as inetd
//! would start it, so no port is taken for long and no daemon is left.

use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::{fs, io, thread};

/// The path of `sshd` in Debian.
pub const SSHD: &str = "/usr/sbin/sshd";

/// Checks that `sshd` is installed and can start. The error says what to do.
pub fn expect_sshd() -> Result<(), String> {
    if !Path::new(SSHD).exists() {
        return Err(format!("{SSHD} is missing: apt-get install openssh-server"));
    }
    if rustix::process::geteuid().is_root() {
        // As root, `sshd` needs this folder for privilege separation.
        fs::create_dir_all("/run/sshd").map_err(|error| format!("/run/sshd: {error}"))?;
    }
    Ok(())
}

/// Starts `sshd` on one connection.
pub fn start(config: &Path, stream: TcpStream) -> io::Result<Child> {
    let both = stream.try_clone()?;
    Command::new(SSHD)
        .args(["-i", "-f"])
        .arg(config)
        .stdin(OwnedFd::from(stream))
        .stdout(OwnedFd::from(both))
        .stderr(Stdio::null())
        .spawn()
}

/// Starts an `sshd` for each connection, until the process ends.
pub fn serve(listener: TcpListener, config: PathBuf) {
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let config = config.clone();
            thread::spawn(move || start(&config, stream).and_then(|mut sshd| sshd.wait()));
        }
    });
}

/// Makes a key, and its public half with the suffix `.pub`.
pub fn keygen(path: &Path, kind: &str, bits: Option<&str>) -> Result<(), String> {
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-N", "", "-t", kind]);
    command.args(bits.map(|bits| ["-b", bits]).into_iter().flatten());
    let output = command.arg("-f").arg(path).output();
    let output =
        output.map_err(|error| format!("ssh-keygen: {error} — apt-get install openssh-client"))?;
    if output.status.success() {
        Ok(())
    } else {
        Err(format!("ssh-keygen: {}", String::from_utf8_lossy(&output.stderr).trim()))
    }
}
