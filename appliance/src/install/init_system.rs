//! The init systems of devices: how each is recognised, and what it needs of a service.

use std::{fs, path::Path};

use crate::starter;

/// A file of a service: its path, its text and its mode.
type File = (&'static str, &'static str, u32);
/// A symbolic link: its path, and where it leads.
type Link = (&'static str, &'static str);
type Command = &'static [&'static str];

/// What starts the services of a device.
pub(super) struct InitSystem {
    /// Where its service looks for the program.
    pub(super) binary: &'static str,
    /// The folder that its service may write.
    pub(super) state_dir: &'static str,
    /// The files of the service, itself first.
    pub(super) files: &'static [File],
    /// The links that start the service at boot, as the system's own command would make them.
    pub(super) links: &'static [Link],
    /// Makes the system read the files of services again.
    pub(super) read_again: Command,
    /// Starts the service, or restarts it in its newest version.
    pub(super) restart: Command,
    /// Restarts the service if it runs.
    pub(super) restart_if_running: Command,
    /// Stops the service; with systemd, all of these units.
    pub(super) stop: for<'u> fn(units: &[&'u str]) -> Vec<&'u str>,
    /// What a person types after a change of the configuration.
    pub(super) reload_command: &'static str,
    /// What a person types to see the log.
    pub(super) log_command: &'static str,
    /// A root with one of these files runs this system after a boot.
    present: &'static [&'static str],
    runs_in: fn(root: &Path) -> bool,
}

/// For a device with none of the known systems.
pub(super) const NONE: InitSystem = InitSystem {
    binary: "/usr/local/bin/mistgate",
    state_dir: starter::STATE_DIR,
    files: &[],
    links: &[],
    read_again: &[],
    restart: &[],
    restart_if_running: &[],
    stop: |_| Vec::new(),
    reload_command: "kill -HUP $(pidof mistgate)",
    log_command: "its output",
    present: &[],
    runs_in: |_| false,
};

const OPENRC: InitSystem = InitSystem {
    files: &[("/etc/init.d/mistgate", include_str!("../../units/mistgate.openrc"), 0o755)],
    links: &[("/etc/runlevels/default/mistgate", "/etc/init.d/mistgate")],
    restart: &["rc-service", "mistgate", "restart"],
    restart_if_running: &["rc-service", "--ifstarted", "mistgate", "restart"],
    stop: |_| vec!["rc-service", "--ifstarted", "mistgate", "stop"],
    reload_command: "rc-service mistgate reload",
    log_command: "less /var/log/mistgate.log",
    present: &["sbin/openrc-run", "usr/sbin/openrc-run"],
    runs_in: |root| root.join("run/openrc/softlevel").exists(),
    ..NONE
};

/// The init system of OpenWrt, which has no /usr/local and keeps /var in memory.
const PROCD: InitSystem = InitSystem {
    binary: "/usr/bin/mistgate",
    state_dir: "/etc/mistgate/state",
    files: &[("/etc/init.d/mistgate", include_str!("../../units/mistgate.procd"), 0o755)],
    links: &[
        ("/etc/rc.d/S95mistgate", "../init.d/mistgate"),
        ("/etc/rc.d/K10mistgate", "../init.d/mistgate"),
    ],
    restart: &["/etc/init.d/mistgate", "restart"],
    stop: |_| vec!["/etc/init.d/mistgate", "stop"],
    reload_command: "/etc/init.d/mistgate reload",
    log_command: "logread -e mistgate",
    present: &["sbin/procd"],
    runs_in: |root| {
        fs::read_to_string(root.join("proc/1/comm")).is_ok_and(|name| name.trim_end() == "procd")
    },
    ..NONE
};

macro_rules! unit {
    ($name:literal) => {
        (
            concat!("/etc/systemd/system/", $name),
            include_str!(concat!("../../units/", $name)),
            0o644,
        )
    };
}

const SYSTEMD: InitSystem = InitSystem {
    files: &[
        unit!("mistgate.service"),
        unit!("mistgate-webhook.socket"),
        unit!("mistgate-proxy.socket"),
        unit!("mistgate-admin.socket"),
    ],
    links: &[(
        "/etc/systemd/system/multi-user.target.wants/mistgate.service",
        "/etc/systemd/system/mistgate.service",
    )],
    read_again: &["systemctl", "daemon-reload"],
    restart: &["systemctl", "restart", "mistgate.service"],
    restart_if_running: &["systemctl", "try-restart", "mistgate.service"],
    stop: |units| [&["systemctl", "stop"], units].concat(),
    reload_command: "systemctl reload mistgate",
    log_command: "journalctl -u mistgate",
    present: &["usr/lib/systemd/systemd", "lib/systemd/systemd"],
    // As sd_booted(3).
    runs_in: |root| root.join("run/systemd/system").is_dir(),
    ..NONE
};

/// The known systems.
pub(super) static KNOWN: [InitSystem; 3] = [OPENRC, PROCD, SYSTEMD];
static UNKNOWN: InitSystem = NONE;

impl InitSystem {
    /// The system that runs in a root, else the one that would run after a boot.
    pub(super) fn find(root: &Path) -> &'static Self {
        let is_present =
            |system: &&Self| system.present.iter().any(|file| root.join(file).exists());
        let running = KNOWN.iter().find(|system| system.runs_in(root));
        running.or(KNOWN.iter().find(is_present)).unwrap_or(&UNKNOWN)
    }

    /// The program before the one that the service looks for.
    pub(super) fn previous(&self) -> String {
        format!("{}.previous", self.binary)
    }

    /// The script by which the service starts the program, in a folder of ours.
    pub(super) fn launcher(&self) -> String {
        format!("{}/launch", self.binary.replace("/bin/", "/lib/"))
    }

    /// The notes on the trial of a new version.
    pub(super) fn notes(&self) -> String {
        format!("{}/upgrade", self.state_dir)
    }

    /// Whether the system of this root is this one, and runs.
    pub(super) fn runs_in(&self, root: &Path) -> bool {
        (self.runs_in)(root)
    }
}
