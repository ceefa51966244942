//! The device: its root folder and its service manager.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::starter;

/// Where the service expects its configuration, with what it names beside it.
pub(super) const CONFIG_DIR: &str = "/etc/mistgate";
pub(super) const CONFIG: &str = "/etc/mistgate/mistgate.toml";
/// Where programs are looked for: root may have any PATH.
const FOLDERS: [&str; 6] =
    ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// A file of a service: its path, its text and its mode.
type File = (&'static str, &'static str, u32);
/// A symbolic link: its path, and where it leads.
type Link = (&'static str, &'static str);

/// What starts services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manager {
    None,
    OpenRc,
    Procd,
    Systemd,
}

impl Manager {
    /// All that there are.
    pub(super) const ALL: [Self; 3] = [Self::OpenRc, Self::Procd, Self::Systemd];

    /// Where its service looks for the program.
    pub(super) const fn binary(self) -> &'static str {
        match self {
            // OpenWrt has no /usr/local.
            Self::Procd => "/usr/bin/mistgate",
            Self::None | Self::OpenRc | Self::Systemd => "/usr/local/bin/mistgate",
        }
    }

    /// The folder that its service may write.
    pub(super) const fn state_dir(self) -> &'static str {
        match self {
            // OpenWrt keeps /var in memory.
            Self::Procd => "/etc/mistgate/state",
            Self::None | Self::OpenRc | Self::Systemd => starter::STATE_DIR,
        }
    }

    /// The files of the service, itself first.
    pub(super) const fn files(self) -> &'static [File] {
        match self {
            Self::None => &[],
            Self::OpenRc => {
                &[("/etc/init.d/mistgate", include_str!("../../units/mistgate.openrc"), 0o755)]
            }
            Self::Procd => {
                &[("/etc/init.d/mistgate", include_str!("../../units/mistgate.procd"), 0o755)]
            }
            Self::Systemd => &[
                (
                    "/etc/systemd/system/mistgate.service",
                    include_str!("../../units/mistgate.service"),
                    0o644,
                ),
                (
                    "/etc/systemd/system/mistgate-webhook.socket",
                    include_str!("../../units/mistgate-webhook.socket"),
                    0o644,
                ),
                (
                    "/etc/systemd/system/mistgate-proxy.socket",
                    include_str!("../../units/mistgate-proxy.socket"),
                    0o644,
                ),
                (
                    "/etc/systemd/system/mistgate-admin.socket",
                    include_str!("../../units/mistgate-admin.socket"),
                    0o644,
                ),
            ],
        }
    }

    /// What makes it start the service at boot: what its own command to enable it would link.
    pub(super) const fn links(self) -> &'static [Link] {
        match self {
            Self::None => &[],
            Self::OpenRc => &[("/etc/runlevels/default/mistgate", "/etc/init.d/mistgate")],
            Self::Procd => &[
                ("/etc/rc.d/S95mistgate", "../init.d/mistgate"),
                ("/etc/rc.d/K10mistgate", "../init.d/mistgate"),
            ],
            Self::Systemd => &[(
                "/etc/systemd/system/multi-user.target.wants/mistgate.service",
                "/etc/systemd/system/mistgate.service",
            )],
        }
    }

    /// The commands after which it knows the service, and runs its newest version if `wanted`.
    pub(super) const fn start(self, wanted: bool) -> &'static [&'static [&'static str]] {
        match (self, wanted) {
            (Self::Systemd, true) => {
                &[&["systemctl", "daemon-reload"], &["systemctl", "restart", "mistgate.service"]]
            }
            (Self::Systemd, false) => &[
                &["systemctl", "daemon-reload"],
                &["systemctl", "try-restart", "mistgate.service"],
            ],
            (Self::OpenRc, true) => &[&["rc-service", "mistgate", "restart"]],
            (Self::OpenRc, false) => &[&["rc-service", "--ifstarted", "mistgate", "restart"]],
            (Self::Procd, true) => &[&["/etc/init.d/mistgate", "restart"]],
            (Self::None, _) | (Self::Procd, false) => &[],
        }
    }

    /// The command that stops the service, and with systemd each of its `units`.
    pub(super) fn stop<'u>(self, units: &[&'u str]) -> Vec<&'u str> {
        match self {
            Self::None => Vec::new(),
            Self::OpenRc => vec!["rc-service", "--ifstarted", "mistgate", "stop"],
            Self::Procd => vec!["/etc/init.d/mistgate", "stop"],
            Self::Systemd => [&["systemctl", "stop"], units].concat(),
        }
    }

    /// What a person types to have the configuration read again.
    pub(super) const fn reload_command(self) -> &'static str {
        match self {
            Self::None => "kill -HUP $(pidof mistgate)",
            Self::OpenRc => "rc-service mistgate reload",
            Self::Procd => "/etc/init.d/mistgate reload",
            Self::Systemd => "systemctl reload mistgate",
        }
    }

    /// What a person types to see the log.
    pub(super) const fn log_command(self) -> &'static str {
        match self {
            Self::None => "its output",
            Self::OpenRc => "less /var/log/mistgate.log",
            Self::Procd => "logread -e mistgate",
            Self::Systemd => "journalctl -u mistgate",
        }
    }

    /// What is there while it runs.
    fn runs_in(self, root: &Path) -> bool {
        match self {
            Self::None => false,
            Self::OpenRc => root.join("run/openrc/softlevel").exists(),
            // Both names: its first process was started by the kernel as init.
            Self::Procd => fs::read_to_string(root.join("proc/1/comm"))
                .is_ok_and(|name| name.trim_end() == "procd"),
            // As sd_booted(3).
            Self::Systemd => root.join("run/systemd/system").is_dir(),
        }
    }

    /// What is there where it would run after a boot.
    fn is_in(self, root: &Path) -> bool {
        let files: &[&str] = match self {
            Self::None => &[],
            Self::OpenRc => &["sbin/openrc-run", "usr/sbin/openrc-run"],
            Self::Procd => &["sbin/procd"],
            Self::Systemd => &["usr/lib/systemd/systemd", "lib/systemd/systemd"],
        };
        files.iter().any(|file| root.join(file).exists())
    }
}

/// Where to install.
pub(super) struct Place {
    root: PathBuf,
    pub(super) manager: Manager,
}

impl Place {
    /// This machine, or the root folder of another one.
    pub(super) fn find(root: Option<&str>) -> Result<Self, String> {
        let root = PathBuf::from(root.unwrap_or("/"));
        if !root.is_dir() {
            let advice = "expected the folder that is a device's root";
            return Err(format!("--root {}: not a folder — {advice}", root.display()));
        }
        let running = Manager::ALL.into_iter().find(|manager| manager.runs_in(&root));
        let present = Manager::ALL.into_iter().find(|manager| manager.is_in(&root));
        Ok(Self { root, manager: running.or(present).unwrap_or(Manager::None) })
    }

    /// Whether it is this machine.
    pub(super) fn is_here(&self) -> bool {
        self.root == Path::new("/")
    }

    /// Whether its service manager takes commands.
    pub(super) fn is_running(&self) -> bool {
        self.is_here() && self.manager.runs_in(&self.root)
    }

    /// An absolute path of the device, as seen from here.
    pub(super) fn path(&self, absolute: &str) -> PathBuf {
        self.root.join(absolute.trim_start_matches('/'))
    }

    /// The same as text.
    pub(super) fn name(&self, absolute: &str) -> String {
        self.path(absolute).display().to_string()
    }
}

/// Whether this machine has a program.
pub(super) fn has_program(name: &str) -> bool {
    FOLDERS.iter().any(|folder| Path::new(folder).join(name).is_file())
}

/// Runs a command to its end. The error has its last words.
pub(super) fn run(command: &[&str]) -> Result<(), String> {
    let Some((program, args)) = command.split_first() else {
        return Ok(());
    };
    let line = command.join(" ");
    let mut process = Command::new(program);
    process.args(args).env("PATH", FOLDERS.join(":")).stdin(Stdio::null());
    let output = process.output().map_err(|error| format!("{line}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
    Err(format!("{line}: {}: {last}", output.status))
}
