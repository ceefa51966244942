//! `[ports]` as the program uses it.

use alloc::string::String;
use core::time::Duration;

use crate::base::secret::Secret;
use crate::base::time::UnixTime;
use crate::cso::Cso;
use crate::junos::Junos;
use crate::mist::Profiles;
use crate::ports::decide::Check;
use crate::ports::edit::{Edits, MethodConfig};
use crate::ports::governor::Policy;
use crate::ports::plan::input;
use crate::ports::{port, probe};

/// The section `[ports]` of the configuration.
#[derive(Clone, Debug)]
pub struct Ports {
    /// Whether changes are only reported and not made (default).
    pub is_observing: bool,
    /// How changes are made; `None` only while observing.
    pub method: Option<Method>,
    /// From the connection of an AP to the first query about it (default 60s).
    pub settle: Duration,
    /// What must be seen before a lost AP counts as removed (default lldp).
    pub check: Check,
    /// From the loss of an AP to the query that decides (default 30s).
    pub disconnect_wait: Duration,
    /// The chat channel for the reports (default info).
    pub report_to: String,
    /// The interval at which all ports are compared with what Mist knows (default 1h).
    pub reconcile: Duration,
    /// The attempts that one change gets (default 6).
    pub attempts_max: u32,
    /// Which changes are refused or held back.
    pub governor: Policy,
    /// The file that stops all changes while it exists (default `stop-ports` in the state folder).
    pub kill_switch: String,
    /// Where external programs may request a mode.
    pub external: Option<External>,
}

impl Ports {
    /// Every secret in it.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        let method = self.method.iter().flat_map(|method| method.config().secrets());
        method.chain(self.external.as_ref().map(|external| &external.key))
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
            edits: self
                .method
                .as_ref()
                .map_or_else(Edits::unwritten, |method| method.config().edits()),
            is_observing: self.is_observing,
            ignored_sites: ignored_sites.into(),
            reconcile_after: self.reconcile,
            wall,
        }
    }
}

/// How changes are made: the section of the method in use.
#[derive(Clone, Debug)]
pub enum Method {
    Cso(Cso),
    Junos(Junos),
    Mist(Profiles),
}

impl Method {
    /// What a method's section means for the rest of the program.
    pub fn config(&self) -> &dyn MethodConfig {
        match self {
            Self::Cso(cso) => cso,
            Self::Junos(junos) => junos,
            Self::Mist(profiles) => profiles,
        }
    }
}

/// The section `[ports.external]` of the configuration.
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
