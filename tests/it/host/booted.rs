//! `mistgate install` under a real systemd: this machine's own, booted in a container with this
//! machine's programs and no network but loopback.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use mistgate_tests::{base::process::field, chat::server::LONG};
use rustix::process::{Pid, Signal, kill_process};

use crate::base::binary::{Process, binary, text};
use crate::base::poll;

const CONFIG: &str = "/etc/mistgate/mistgate.toml";
const DROP_IN: &str = "/etc/systemd/system/mistgate.service.d/tests.conf";

/// A booted container.
struct Machine {
    _nspawn: Process,
    /// The process id of its systemd on this machine.
    systemd: Pid,
}

impl Machine {
    fn boot() -> Self {
        let mut nspawn = Command::new("systemd-nspawn");
        nspawn.args(["--quiet", "--boot", "--directory=/", "--volatile=yes", "--private-network"]);
        nspawn.args(["--register=no", "--keep-unit", "--console=pipe", "--tmpfs=/usr/local/bin"]);
        nspawn.arg("--tmpfs=/usr/local/lib");
        nspawn.arg(format!("--bind-ro={}:/mistgate", binary().display()));
        // Only what every service may rely on: no first-boot questions, no waiting for a network.
        nspawn.arg("systemd.unit=basic.target");
        for service in ["systemd-firstboot", "systemd-networkd-wait-online"] {
            nspawn.arg(format!("systemd.mask={service}.service"));
        }
        let nspawn = Process::start(nspawn);
        let pid = nspawn.pid().as_raw_nonzero();
        let children = format!("/proc/{pid}/task/{pid}/children");
        let systemd = wait("container — is there an apt-get install systemd-container?", || {
            let children = fs::read_to_string(&children).ok()?;
            // The processes before it only prepare the container.
            let name = |pid: &&str| fs::read_to_string(format!("/proc/{pid}/comm")).ok();
            let is_systemd = |pid: &&str| name(pid).is_some_and(|name| name == "systemd\n");
            Pid::from_raw(children.split_whitespace().find(is_systemd)?.parse().ok()?)
        });
        let machine = Self { _nspawn: nspawn, systemd };
        wait("booted systemd", || {
            let state = machine.output(&["systemctl", "is-system-running"]);
            matches!(text(&state.stdout).trim(), "running" | "degraded").then_some(())
        });
        machine
    }

    fn output(&self, command: &[&str]) -> Output {
        let mut enter = Command::new("nsenter");
        enter.args(["--all", "--target", &self.systemd.as_raw_nonzero().to_string(), "--"]);
        enter.args(command).output().expect("nsenter")
    }

    /// Runs a command in it, which must succeed. Gives what it printed.
    #[track_caller]
    fn run(&self, command: &[&str]) -> String {
        let done = self.output(command);
        let (printed, errors) = (text(&done.stdout), text(&done.stderr));
        assert!(done.status.success(), "{command:?}: {printed}{errors}{}", self.journal());
        printed
    }

    /// The path of one of its files on this machine.
    fn path(&self, absolute: &str) -> PathBuf {
        format!("/proc/{}/root{absolute}", self.systemd.as_raw_nonzero()).into()
    }

    fn read(&self, absolute: &str) -> String {
        fs::read_to_string(self.path(absolute)).expect("a file")
    }

    fn write(&self, absolute: &str, content: &str) {
        let path = self.path(absolute);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        // Written in place, which keeps owner and mode.
        fs::write(path, content).expect("a file");
    }

    /// A property of the service.
    fn property(&self, name: &str) -> String {
        let value = self.run(&["systemctl", "show", "mistgate", "--value", "-p", name]);
        value.trim_end().to_owned()
    }

    fn journal(&self) -> String {
        let lines = self.output(&["journalctl", "--no-pager", "-o", "cat", "-u", "mistgate"]);
        text(&lines.stdout)
    }

    /// Posts a signed webhook, which must be delivered.
    fn webhook(&self) {
        let printed = self.run(&["mistgate", "send-test", "--config", CONFIG]);
        assert_eq!(printed, "webhook listener: 200\nconsole/default: delivered\n");
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // All its processes end with the first one, which may have ended already.
        let _ = kill_process(self.systemd, Signal::KILL);
    }
}

#[track_caller]
fn wait<T>(what: &str, find: impl Fn() -> Option<T>) -> T {
    poll::find_within(LONG, find, || what.to_owned())
}

#[test]
fn under_systemd_it_runs_with_few_rights_is_watched_upgraded_and_removed() {
    let machine = Machine::boot();
    let printed = machine.run(&["/mistgate", "install"]);
    assert!(printed.contains("account         mistgate\n"), "{printed}");
    assert!(printed.ends_with("The service runs.\n"), "{printed}");
    machine.webhook();
    assert!(machine.journal().contains("mistgate send-test"), "{}", machine.journal());
    is_locked_in(&machine);
    keeps_its_configuration(&machine);
    takes_credentials(&machine);
    takes_sockets(&machine);
    is_watched(&machine);

    let pid = machine.property("MainPID");
    machine.run(&["/mistgate", "install"]);
    assert_ne!(machine.property("MainPID"), pid, "the old program still runs");
    machine.webhook();
    machine.run(&["/mistgate", "install", "--uninstall", "--purge"]);
    assert_eq!(machine.property("LoadState"), "not-found");
    for gone in [CONFIG, "/usr/local/bin/mistgate", "/var/lib/mistgate", DROP_IN] {
        assert!(!machine.path(gone).exists(), "{gone}");
    }
    let enabled = machine.path("/etc/systemd/system/sockets.target.wants/mistgate-proxy.socket");
    assert!(fs::symlink_metadata(enabled).is_err());
    assert!(!machine.read("/etc/passwd").contains("mistgate"));
}

fn is_locked_in(machine: &Machine) {
    let pid = machine.property("MainPID");
    let status = machine.run(&["cat", &format!("/proc/{pid}/status")]);
    let value = |name: &str| {
        let value = field(&status, name).expect("a value");
        value.split_whitespace().next().expect("a value")
    };
    assert_ne!(value("Uid"), "0");
    assert_eq!(value("NoNewPrivs"), "1");
    assert_eq!(value("Seccomp"), "2", "no filter");
    for kind in ["CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(u64::from_str_radix(value(kind), 16), Ok(0), "{kind}");
    }
    let journal = machine.journal();
    let sandbox = journal.lines().find(|line| line.contains("event=sandbox "));
    let sandbox = sandbox.expect("what it gave up");
    // systemd permits it, so only the kernel can refuse it.
    assert!(sandbox.contains("seccomp\"") && !sandbox.contains("os error"), "{sandbox}");
    assert_eq!(machine.property("WatchdogUSec"), "1min");
    let status = machine.property("StatusText");
    assert_eq!(status, "webhook 0.0.0.0:51361, proxy 0.0.0.0:5050, admin 127.0.0.1:9361");
}

/// With a bad configuration neither a reload nor an upgrade starts.
fn keeps_its_configuration(machine: &Machine) {
    let good = machine.read(CONFIG);
    let pid = machine.property("MainPID");
    machine.write(CONFIG, &format!("{good}\nnonsense = 1\n"));
    assert!(!machine.output(&["systemctl", "reload", "mistgate"]).status.success());
    let refused = machine.output(&["/mistgate", "install"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("admin.nonsense: "), "{}", text(&refused.stderr));
    machine.write(CONFIG, &good);
    machine.run(&["systemctl", "reload", "mistgate"]);
    wait("reload", || machine.journal().contains("event=reloaded").then_some(()));
    assert_eq!(machine.property("MainPID"), pid);
    assert_eq!(machine.property("NRestarts"), "0");
}

fn takes_credentials(machine: &Machine) {
    // The service's user may not read this file.
    let secret = machine.read("/etc/mistgate/webhook-secret");
    let credential = "/root/webhook-secret";
    machine.write(credential, &secret);
    machine.run(&["chmod", "600", credential]);
    machine.run(&["rm", "/etc/mistgate/webhook-secret"]);
    machine.write(DROP_IN, &format!("[Service]\nLoadCredential=hook:{credential}\n"));
    let good = machine.read(CONFIG);
    let named = good.replace("\"webhook-secret\"", "\"${CREDENTIALS_DIRECTORY}/hook\"");
    assert_ne!(named, good);
    machine.write(CONFIG, &named);
    // An error that the installer cannot find does not stop an upgrade.
    machine.run(&["/mistgate", "install"]);
    let directory = "CREDENTIALS_DIRECTORY=/run/credentials/mistgate.service";
    machine.run(&["env", directory, "mistgate", "send-test", "--config", CONFIG]);
    machine.write("/etc/mistgate/webhook-secret", &secret);
    machine.run(&["chgrp", "mistgate", "/etc/mistgate/webhook-secret"]);
    machine.run(&["chmod", "640", "/etc/mistgate/webhook-secret"]);
    machine.write(CONFIG, &good);
    machine.run(&["systemctl", "reload", "mistgate"]);
    machine.webhook();
}

fn takes_sockets(machine: &Machine) {
    let sockets = ["webhook", "proxy", "admin"].map(|name| format!("mistgate-{name}.socket"));
    machine.run(&["systemctl", "stop", "mistgate"]);
    for socket in &sockets {
        machine.run(&["systemctl", "enable", "--quiet", "--now", socket]);
    }
    // The first connection starts the service.
    machine.webhook();
    let status = machine.property("StatusText");
    assert_eq!(status, "webhook [::]:51361, proxy [::]:5050, admin 127.0.0.1:9361");
    for socket in &sockets {
        machine.run(&["systemctl", "stop", socket]);
    }
    machine.run(&["systemctl", "restart", "mistgate"]);
}

/// A process that hangs is restarted.
fn is_watched(machine: &Machine) {
    machine.write(DROP_IN, "[Service]\nWatchdogSec=2\nTimeoutAbortSec=1\nRestartSec=100ms\n");
    machine.run(&["systemctl", "daemon-reload"]);
    machine.run(&["systemctl", "restart", "mistgate"]);
    let pid = machine.property("MainPID");
    machine.run(&["sh", "-c", &format!("kill -STOP {pid}")]);
    wait("new start", || {
        // In this order: if it dies between two properties, it has no process for a moment.
        let anew =
            machine.property("MainPID") != pid && machine.property("ActiveState") == "active";
        anew.then_some(())
    });
    assert_eq!(machine.property("NRestarts"), "1");
    machine.webhook();
}
