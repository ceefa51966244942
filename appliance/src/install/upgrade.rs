//! The program before the last installation, and the trial of the one that took its place.
//! `appliance/units/launch` has the rules of the trial and the form of its notes.

use std::{fs, process::Command};

use mistgate_runtime::base::store::FORMAT;

use super::{OWN, PACKAGE, account::Account, root::InstallRoot, root::write};
use crate::files;

/// What the next minute brings, for people.
pub(super) const NEW: &str = "The program before is kept, and takes over by itself if this one \
                              does not work. By hand: mistgate install --rollback";
/// The program of Debian's package.
const PACKAGED: &str = "/usr/bin/mistgate";
/// The notes with which a trial begins: this version.
const NEW_NOTES: &str = concat!(env!("CARGO_PKG_VERSION"), "\n");
/// Those by which the previous program runs, and reports nothing.
const GO_BACK: &str = concat!(env!("CARGO_PKG_VERSION"), "\nback somebody chose so\nreported\n");
/// The format of the store of 0.1.0, which does not say it.
const FIRST_FORMAT: u64 = 1;

/// Copies the running program to where the service starts it. Keeps the one that was there, unless
/// that is itself still on trial or has failed. Returns whether the new one is on trial, which one
/// with another format of the store is not.
pub(super) fn replace(
    root: &InstallRoot,
    program: &[u8],
    account: &Account,
) -> Result<bool, String> {
    let binary = root.path(root.init.binary);
    let previous = root.path(&root.init.previous());
    let replaced = fs::read(&binary).ok().filter(|replaced| replaced != program);
    let is_tried = is_tried(root);
    if replaced.is_some() && !is_tried {
        // A link, as there may be little room.
        let _ = fs::remove_file(&previous);
        fs::hard_link(&binary, &previous)
            .map_err(|error| format!("{}: {error}", previous.display()))?;
    }
    let kept = if is_tried { fs::read(&previous).ok() } else { replaced };
    // A new version brings the store to its format at once, and the previous one must know that.
    let is_new = kept.is_some_and(|kept| kept != program)
        && format_of(&previous.display().to_string()) == FORMAT;
    if is_new || is_tried {
        note(root, account, if is_new { NEW_NOTES } else { "" })?;
    }
    if !files::is_same(OWN, &root.name(root.init.binary)) {
        root.write(root.init.binary, program, 0o755)?;
    }
    Ok(is_new)
}

/// Has the service start the previous program until the next installation.
pub(super) fn roll_back(root: &InstallRoot) -> Result<(), String> {
    let is_packaged = root.path(PACKAGE).exists();
    let binary = if is_packaged { PACKAGED } else { root.init.binary };
    let previous = root.name(&format!("{binary}.previous"));
    if !fs::exists(&previous).unwrap_or_default() {
        return Err(format!(
            "{previous}: there is no such program to go back to — install the one that you want"
        ));
    }
    let format = format_of(&previous);
    if format < FORMAT {
        return Err(format!(
            "{previous} does not know format {FORMAT} of the store, only {format} — see Upgrade in \
             operations.md, and install it yourself"
        ));
    }
    note(root, &Account::ensure(root)?, GO_BACK)?;
    crate::say(&format!("The service runs {previous} until the next installation."));
    Ok(())
}

/// The format of the store that a program writes.
fn format_of(program: &str) -> u64 {
    let said = Command::new(program).args(["version", "--verbose"]).output();
    let said = said.map(|said| String::from_utf8_lossy(&said.stdout).into_owned());
    let format = |line: &str| line.strip_prefix("store")?.split(' ').next_back()?.parse().ok();
    said.ok().and_then(|said| said.lines().find_map(format)).unwrap_or(FIRST_FORMAT)
}

/// Whether a new version is on trial, or has failed and the previous one runs.
fn is_tried(root: &InstallRoot) -> bool {
    fs::symlink_metadata(root.place(&root.init.notes())).is_ok_and(|notes| notes.len() > 0)
}

/// Replaces the notes. The folder is the service's, who may have put a link there: it goes too.
fn note(root: &InstallRoot, account: &Account, notes: &str) -> Result<(), String> {
    write(&root.place(&root.init.notes()), notes.as_bytes(), 0o600, (account.uid, account.gid))
}
