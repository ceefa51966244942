//! `mistgate install --uninstall`: removes what an installation added.

use std::{fs, io};

use super::root::{CONFIG_DIR, InstallRoot, run};
use super::{account::Account, init_system::KNOWN};

/// The folder of an operator's additions to the unit.
const DROP_INS: &str = "/etc/systemd/system/mistgate.service.d";
/// The links of an operator who enabled the sockets.
const SOCKETS: [&str; 3] = [
    "/etc/systemd/system/sockets.target.wants/mistgate-webhook.socket",
    "/etc/systemd/system/sockets.target.wants/mistgate-proxy.socket",
    "/etc/systemd/system/sockets.target.wants/mistgate-admin.socket",
];
/// Where OpenRC's script writes.
const LOG: &str = "/var/log/mistgate.log";

/// Stops the service and removes it with the program; with `purge` the rest too.
pub(super) fn uninstall(root: &InstallRoot, purge: bool) -> Result<(), String> {
    let init = root.init;
    let files = KNOWN.iter().flat_map(|init| init.files).map(|(name, ..)| *name);
    let files: Vec<&str> = files.filter(|name| root.path(name).exists()).collect();
    let is_running = root.is_running() && !files.is_empty();
    if is_running {
        let units: Vec<&str> = files.iter().filter_map(|name| name.rsplit('/').next()).collect();
        run(&(init.stop)(&units))?;
    }
    let mut found = !files.is_empty();
    let links = KNOWN.iter().flat_map(|init| init.links).map(|(name, _)| *name);
    let (previous, launcher, notes) = (init.previous(), init.launcher(), init.notes());
    let programs = [init.binary, &previous, launcher.trim_end_matches("/launch"), &notes];
    for name in links.chain(SOCKETS).chain(files).chain(programs) {
        found |= remove(root, name)?;
    }
    if is_running {
        run(init.read_again)?;
    }
    let kept = [CONFIG_DIR, init.state_dir];
    if purge {
        for name in kept.into_iter().chain([DROP_INS, LOG]) {
            found |= remove(root, name)?;
        }
        if Account::remove(root)? {
            crate::say("removed the account mistgate");
            found = true;
        }
    }
    if !found {
        crate::say("There was nothing to remove.");
    }
    let is_kept = |name: &&str| !purge && root.path(name).exists();
    let kept: Vec<&str> = kept.into_iter().filter(is_kept).collect();
    if !kept.is_empty() {
        crate::say(&format!("kept {}; --purge removes them too", kept.join(" and ")));
    }
    Ok(())
}

/// Removes a file or a whole folder, and reports it. Returns whether it was there.
fn remove(root: &InstallRoot, name: &str) -> Result<bool, String> {
    let path = root.place(name);
    let removed = match fs::symlink_metadata(&path) {
        Ok(data) if data.is_dir() => fs::remove_dir_all(&path),
        Ok(_) => fs::remove_file(&path),
        Err(error) => Err(error),
    };
    match removed {
        Ok(()) => {
            crate::say(&format!("removed {name}"));
            Ok(true)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(format!("{}: {error}", path.display())),
    }
}
