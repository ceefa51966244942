//! `[ports]` as the program uses it.

use alloc::string::String;
use core::time::Duration;

use http_types::Url;

use crate::{
    base::{secret::Secret, time::UnixTime},
    ports::{
        decide::Check,
        edit::{CsoProfile, Edits},
        governor::Policy,
        plan::input,
        port, probe,
        template::Template,
    },
};

/// `[ports]`
#[derive(Clone, Debug)]
pub struct Ports {
    /// Whether nothing is changed, only told (default).
    pub is_observing: bool,
    /// How changes are made; none while observing without one.
    pub method: Option<Method>,
    /// From an access point's coming to the first question about it (default 60s).
    pub settle: Duration,
    /// What must be seen before a lost access point is taken for gone (default lldp).
    pub check: Check,
    /// From a loss to the question that counts (default 30s).
    pub disconnect_wait: Duration,
    /// The chat channel for the reports (default info).
    pub report_to: String,
    /// The time between two comparisons with all that Mist knows (default 1h).
    pub reconcile: Duration,
    /// How often a change is tried (default 6).
    pub attempts_max: u32,
    /// What must not happen.
    pub governor: Policy,
    /// The file that stops all changes while it exists (default `stop-ports` in the state folder).
    pub kill_switch: String,
    /// Where programs outside may ask for a mode.
    pub external: Option<External>,
}

impl Ports {
    /// Every secret in it.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        let (password, private_key) = match &self.method {
            Some(Method::Cso(cso)) => (Some(&cso.password), None),
            Some(Method::Junos(junos)) => (junos.password.as_ref(), junos.private_key.as_ref()),
            Some(Method::Mist(_)) | None => (None, None),
        };
        let external = self.external.as_ref().map(|external| &external.key);
        password.into_iter().chain(private_key).chain(external)
    }

    /// The policy of a plan. `wall` is the wall clock's time.
    pub fn plan(&self, ignored_sites: &[String], wall: UnixTime) -> input::Config {
        input::Config {
            probe: probe::Config {
                settle: self.settle,
                check: self.check,
                wait: self.disconnect_wait,
            },
            port: port::Config { attempts_max: self.attempts_max },
            governor: self.governor.clone(),
            edits: self.method.as_ref().map_or(Edits::Nothing, Method::edits),
            is_observing: self.is_observing,
            ignored_sites: ignored_sites.into(),
            reconcile_after: self.reconcile,
            wall,
        }
    }
}

/// How changes are made.
#[derive(Clone, Debug)]
pub enum Method {
    /// `[ports.cso]`
    Cso(Cso),
    /// `[ports.junos]`
    Junos(Junos),
    /// `[ports.mist]`
    Mist(Profiles),
}

impl Method {
    /// What is written.
    pub fn edits(&self) -> Edits {
        match self {
            Self::Cso(cso) => Edits::Cso { ap: cso.ap.clone(), default: cso.default.clone() },
            Self::Junos(junos) => {
                Edits::Junos { ap: junos.ap.clone(), default: junos.default.clone() }
            }
            Self::Mist(Profiles { ap, default }) => {
                Edits::Mist { ap: ap.clone(), default: default.clone() }
            }
        }
    }
}

/// `[ports.junos]`: NETCONF over SSH, to the switch itself.
#[derive(Clone, Debug)]
pub struct Junos {
    /// What is appended to a switch's name to find it; none where its name is enough.
    pub domain: Option<String>,
    /// The port of NETCONF (default 830).
    pub port: u16,
    /// The login.
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

/// `[ports.mist]`: port profiles through Mist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profiles {
    /// For an access point.
    pub ap: String,
    /// For whoever plugs in; without one, the override is removed.
    pub default: Option<String>,
}

/// `[ports.cso]`: port profiles through Contrail Service Orchestration.
#[derive(Clone, Debug)]
pub struct Cso {
    /// Its origin.
    pub url: Url,
    /// The tenant.
    pub tenant: String,
    /// The login.
    pub login: String,
    /// Its password.
    pub password: Secret,
    /// For an access point.
    pub ap: CsoProfile,
    /// For whoever plugs in.
    pub default: CsoProfile,
}

/// `[ports.external]`
#[derive(Clone, Debug)]
pub struct External {
    /// The path on the webhook listener.
    pub path: String,
    /// What the header `X-ClientApiKey` must hold.
    pub key: Secret,
}

impl External {
    /// The path where none is configured.
    pub const PATH: &str = "/external";
}
