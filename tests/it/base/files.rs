//! Modes, owners and replacement of files.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

/// The user and group `nobody` of every Linux.
pub(crate) const NOBODY: u32 = 65_534;

/// The permissions of a file or folder.
pub(crate) fn mode(path: &Path) -> u32 {
    let metadata = fs::metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    metadata.permissions().mode() & 0o777
}

/// Replaces a file by renaming a new one, as editors do, so that nobody reads half of it.
pub(crate) fn replace(path: &Path, text: &str) {
    let aside = path.with_extension("new");
    fs::write(&aside, text).expect("a file");
    fs::rename(&aside, path).expect("a rename");
}
