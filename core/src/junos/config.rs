//! The configuration of this method.

use alloc::{string::String, vec::Vec};
use core::{iter, time::Duration};

use crate::ports::{switch_port::Switch, switch_port::SwitchMatcher, template::Template};
use crate::{base::secret::Secret, ports::edit::Edits, ports::edit::MethodConfig};

/// `[ports.junos]`: NETCONF over SSH, to the switch itself.
#[derive(Clone, Debug, Default)]
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
    /// `[[ports.template]]`: in the place of this, for the switches that they match; the first
    /// counts.
    pub templates: Vec<(SwitchMatcher, Self)>,
    pub ap: Template,
    /// `None`: what the port had before.
    pub default: Option<Template>,
}

impl Junos {
    /// What holds for a switch.
    pub fn of(&self, switch: &Switch) -> &Self {
        let mut templates = self.templates.iter();
        let template = templates.find(|(matcher, _)| matcher.matches(switch));
        template.map_or(self, |(_, template)| template)
    }

    fn all(&self) -> impl Iterator<Item = &Self> {
        iter::once(self).chain(self.templates.iter().map(|(_, template)| template))
    }
}

impl MethodConfig for Junos {
    fn edits(&self) -> Edits {
        let others = self.templates.iter().map(|(matcher, other)| (matcher.clone(), other.edits()));
        let others = others.collect();
        Edits { ap: self.ap.clone(), default: self.default.clone(), others }
    }

    fn private_keys(&self) -> Vec<&Secret> {
        self.all().filter_map(|junos| junos.private_key.as_ref()).collect()
    }

    fn known_hosts(&self) -> Option<&str> {
        Some(&self.known_hosts)
    }

    fn connects_to(&self) -> Vec<(u16, &'static str)> {
        self.all().map(|junos| (junos.port, "ports.junos.port")).collect()
    }
}
