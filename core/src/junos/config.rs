//! The configuration of this method.

use alloc::{string::String, vec::Vec};
use core::time::Duration;

use crate::{
    base::secret::Secret,
    ports::{
        edit::{Edits, Lines, MethodConfig},
        template::Template,
    },
};

/// `[ports.junos]`: NETCONF over SSH, to the switch itself.
#[derive(Clone, Debug)]
pub struct Junos {
    /// What is appended to a switch's name to find it; none where its name is enough.
    pub domain: Option<String>,
    /// The port of NETCONF (default 830).
    pub port: u16,
    pub username: String,
    /// Its password. There is this, or a key, or both.
    pub password: Option<Secret>,
    /// The PEM text of its private key.
    pub private_key: Option<Secret>,
    /// The file with the switches' host keys, as OpenSSH writes it; read again when it changes.
    pub known_hosts: String,
    /// Whether algorithms with SHA-1 will do, which old switches need.
    pub legacy_algorithms: bool,
    /// How many sessions may be open at once, to as many switches (default 256, of about 100 KiB
    /// each).
    pub sessions_max: usize,
    /// For one commit; a small switch takes half a minute (default 2m).
    pub commit_timeout: Duration,
    /// How long a lock that somebody else holds is waited for (default 60s).
    pub lock_wait: Duration,
    /// When a switch takes back what was not confirmed, in whole minutes as Junos wants it
    /// (default 5m).
    pub confirm: Duration,
    /// For an access point.
    pub ap: Template,
    /// For whoever plugs in.
    pub default: Template,
}

impl MethodConfig for Junos {
    fn edits(&self) -> Edits {
        let lines = |template: &Template| Lines::Commands(template.clone());
        Edits { ap: lines(&self.ap), default: lines(&self.default) }
    }

    fn secrets(&self) -> Vec<&Secret> {
        self.password.iter().chain(&self.private_key).collect()
    }

    fn connects_to(&self) -> Option<(u16, &'static str)> {
        Some((self.port, "ports.junos.port"))
    }
}
