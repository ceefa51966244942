//! `mistgate install --uninstall`: the way back.

use std::{fs, io};

use super::{
    account::Account,
    place::{CONFIG_DIR, Manager, Place, run},
};

/// What an operator may have added to the unit.
const DROP_INS: &str = "/etc/systemd/system/mistgate.service.d";
/// What is there where an operator enabled the sockets.
const SOCKETS: [&str; 3] = [
    "/etc/systemd/system/sockets.target.wants/mistgate-webhook.socket",
    "/etc/systemd/system/sockets.target.wants/mistgate-proxy.socket",
    "/etc/systemd/system/sockets.target.wants/mistgate-admin.socket",
];
/// Where OpenRC's script writes.
const LOG: &str = "/var/log/mistgate.log";

/// Stops the service and removes it with the program; with `purge` the rest too.
pub(super) fn run_on(place: &Place, purge: bool) -> Result<(), String> {
    let manager = place.manager;
    let mut files: Vec<&str> = Vec::new();
    for manager in Manager::ALL {
        files.extend(manager.files().iter().map(|(name, ..)| *name));
    }
    files.retain(|name| place.path(name).exists());
    let runs = place.is_running() && !files.is_empty();
    if runs {
        let units: Vec<&str> = files.iter().filter_map(|name| name.rsplit('/').next()).collect();
        run(&manager.stop(&units))?;
    }
    let mut found = !files.is_empty();
    let links = Manager::ALL.into_iter().flat_map(|manager| manager.links());
    let links = links.map(|(name, _)| *name).chain(SOCKETS);
    for name in links.chain(files).chain([manager.binary()]) {
        found |= remove(place, name)?;
    }
    if runs && manager == Manager::Systemd {
        run(&["systemctl", "daemon-reload"])?;
    }
    let kept = [CONFIG_DIR, manager.state_dir()];
    if purge {
        for name in kept.into_iter().chain([DROP_INS, LOG]) {
            found |= remove(place, name)?;
        }
        if Account::remove(place)? {
            crate::say("removed the account mistgate");
            found = true;
        }
    }
    if !found {
        crate::say("There was nothing to remove.");
    }
    let is_kept = |name: &&str| !purge && place.path(name).exists();
    let kept: Vec<&str> = kept.into_iter().filter(is_kept).collect();
    if !kept.is_empty() {
        crate::say(&format!("kept {}; --purge removes them too", kept.join(" and ")));
    }
    Ok(())
}

/// Removes a file, or a folder with all that is in it, and says so. Whether it was there.
fn remove(place: &Place, name: &str) -> Result<bool, String> {
    let path = place.path(name);
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
