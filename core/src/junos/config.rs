//! The configuration of this method.

use alloc::string::String;
use core::time::Duration;

use crate::base::secret::Secret;
use crate::ports::edit::{Edits, MethodConfig};
use crate::ports::template::Template;

/// `[ports.junos]`: NETCONF over SSH, to the switch itself.
#[derive(Clone, Debug)]
pub struct Junos {
    /// Appended to a switch's name to get its host name.
    pub domain: Option<String>,
    /// The port of NETCONF (default 830).
    pub port: u16,
    pub username: String,
    /// There is a password, a key, or both.
    pub password: Option<Secret>,
    /// As a PEM text.
    pub private_key: Option<Secret>,
    /// The file with the switches' host keys, as OpenSSH writes it; read again when it changes.
    pub known_hosts: String,
    /// Whether algorithms with SHA-1 are allowed, which old switches need.
    pub legacy_algorithms: bool,
    /// How many sessions may be open at once, to as many switches (default 256, of about 100 KiB
    /// each).
    pub sessions_max: usize,
    /// For one commit; a small switch takes half a minute (default 2m).
    pub commit_timeout: Duration,
    /// How long to wait for a lock that somebody else holds (default 60s).
    pub lock_wait: Duration,
    /// After how long a switch undoes what was not confirmed, in whole minutes (default 5m).
    pub confirm: Duration,
    /// `ports.verify`: how long after a commit it may take until the ports are seen to work
    /// (default 60s).
    pub verify: Duration,
    pub ap: Template,
    /// `None`: what the port had before.
    pub default: Option<Template>,
}

impl MethodConfig for Junos {
    fn edits(&self) -> Edits {
        Edits { ap: self.ap.clone(), default: self.default.clone() }
    }

    fn private_key(&self) -> Option<&Secret> {
        self.private_key.as_ref()
    }

    fn known_hosts(&self) -> Option<&str> {
        Some(&self.known_hosts)
    }

    fn connects_to(&self) -> Option<(u16, &'static str)> {
        Some((self.port, "ports.junos.port"))
    }
}
