//! What a login to a switch rests on: the `known_hosts` file, which is followed.

use std::sync::Arc;

use mistgate_core::junos::known_hosts::KnownHosts;

use crate::base::{journal::Journal, journal::Level, journal::fields, snapshot::Snapshot, task};
use crate::http::tls::{Error, FileSet, Followed};

/// The host keys that are trusted: of a new login, none.
#[derive(Clone, Debug, Default)]
pub struct Login {
    known_hosts: Option<Arc<Followed<HostKeys>>>,
}

/// The file with the host keys of switches.
#[derive(Clone, Debug, PartialEq)]
struct HostKeys(String);

impl FileSet for HostKeys {
    type Made = Arc<KnownHosts>;

    fn paths(&self) -> Vec<&String> {
        vec![&self.0]
    }

    fn make(&self, read: &Snapshot) -> Result<Self::Made, Error> {
        let Self(file) = self;
        let unreadable = |reason| Error::Read { file: file.clone(), reason };
        let text = String::from_utf8_lossy(read.content(file).map_err(unreadable)?);
        Ok(Arc::new(KnownHosts::parse(file.as_str(), &text)))
    }
}

impl Login {
    /// With a file of host keys that was read.
    pub fn new(known_hosts: &str, read: &Snapshot) -> Result<Self, Error> {
        let file = HostKeys(known_hosts.to_owned());
        let made = file.make(read)?;
        Ok(Self { known_hosts: Some(Arc::new(Followed::new(file, read, made))) })
    }

    /// Whether no host key is trusted.
    pub(crate) fn trusts_nobody(&self) -> bool {
        self.known_hosts.as_ref().is_none_or(|file| file.get().is_empty())
    }

    /// The host keys of the file. If it cannot be read, those that it had before are kept.
    pub(super) async fn known_hosts(&self, journal: &Journal) -> Arc<KnownHosts> {
        let Some(file) = &self.known_hosts else { return Arc::default() };
        let followed = Arc::clone(file);
        if let Err(error) = task::unblock(move || followed.refresh()).await {
            journal.note(Level::Warning, "known_hosts_kept", fields![reason = error]);
        }
        Arc::clone(&file.get())
    }
}
