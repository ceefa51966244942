//! The `known_hosts` file, which is read again when it has changed.

use std::{fs, io, os::unix::fs::MetadataExt, sync::Arc, time::SystemTime};

use mistgate_core::{config::files::FileKind, junos::known_hosts::KnownHosts};
use smol::lock::Mutex;

use crate::base::journal::{Journal, Level, fields};

/// The host keys of the file, as it was read last.
pub(super) struct Trust {
    path: String,
    read: Mutex<Read>,
}

#[derive(Default)]
struct Read {
    stamp: Option<Stamp>,
    known: Arc<KnownHosts>,
}

/// What tells one version of the file from another.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    bytes: u64,
    modified: Option<SystemTime>,
}

impl Trust {
    /// Reads nothing yet.
    pub(super) fn new(path: &str) -> Self {
        Self { path: path.to_owned(), read: Mutex::default() }
    }

    /// The path of the file.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// The host keys of the file. If it cannot be read, those that it had before are kept.
    pub(super) async fn current(&self, journal: &Journal) -> Arc<KnownHosts> {
        let mut read = self.read.lock().await;
        let stamp = stamp(&self.path);
        if stamp.as_ref().ok() != read.stamp.as_ref() || read.stamp.is_none() {
            let path = self.path.clone();
            let text = match stamp {
                Ok(_) => smol::unblock(move || text(&path)).await,
                Err(error) => Err(error),
            };
            match text {
                Ok((stamp, text)) => {
                    let known = Arc::new(KnownHosts::parse(self.path.as_str(), &text));
                    *read = Read { stamp: Some(stamp), known };
                }
                Err(error) => {
                    journal.note(
                        Level::Warning,
                        "known_hosts_kept",
                        fields![file = self.path, reason = error],
                    );
                }
            }
        }
        Arc::clone(&read.known)
    }
}

fn stamp(path: &str) -> io::Result<Stamp> {
    let metadata = fs::metadata(path)?;
    let modified = metadata.modified().ok();
    Ok(Stamp { inode: metadata.ino(), bytes: metadata.len(), modified })
}

/// The file's text, and the stamp that it had before it was read: a file that is written meanwhile
/// is read again.
fn text(path: &str) -> io::Result<(Stamp, String)> {
    let stamp = stamp(path)?;
    if usize::try_from(stamp.bytes).is_ok_and(|bytes| bytes <= FileKind::KnownHosts.bytes_max()) {
        Ok((stamp, fs::read_to_string(path)?))
    } else {
        Err(io::Error::other("the file is too large"))
    }
}
