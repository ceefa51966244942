//! `mistgate install --uninstall`: the way back.

use std::{fs, io, path::Path};

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
    let files = || Manager::ALL.into_iter().flat_map(|manager| manager.files());
    let is_installed = files().any(|(name, ..)| place.path(name).exists());
    if is_installed && place.is_running() {
        run(manager.stop())?;
    }
    let mut removed = Vec::new();
    let links = Manager::ALL.into_iter().flat_map(|manager| manager.links());
    let names = links.map(|(name, _)| *name).chain(files().map(|(name, ..)| *name));
    for name in names.chain(SOCKETS).chain([manager.binary()]) {
        if remove(&place.path(name), |path| fs::remove_file(path))? {
            removed.push(name);
        }
    }
    if is_installed && place.is_running() && manager == Manager::Systemd {
        run(&["systemctl", "daemon-reload"])?;
    }
    let kept = [CONFIG_DIR, manager.state_dir()];
    if purge {
        for name in kept.into_iter().chain([DROP_INS]) {
            if remove(&place.path(name), |path| fs::remove_dir_all(path))? {
                removed.push(name);
            }
        }
        if remove(&place.path(LOG), |path| fs::remove_file(path))? {
            removed.push(LOG);
        }
        if Account::remove(place)? {
            removed.push("the account mistgate");
        }
    }
    if removed.is_empty() {
        crate::say("There was nothing to remove.");
    }
    for name in removed {
        crate::say(&format!("removed {name}"));
    }
    let is_kept = |name: &&str| !purge && place.path(name).exists();
    let kept: Vec<&str> = kept.into_iter().filter(is_kept).collect();
    if !kept.is_empty() {
        crate::say(&format!("kept {}; --purge removes them too", kept.join(" and ")));
    }
    Ok(())
}

/// Whether there was something to remove.
fn remove(path: &Path, remove: impl Fn(&Path) -> io::Result<()>) -> Result<bool, String> {
    match remove(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(format!("{}: {error}", path.display())),
    }
}
