//! What a node needs of a configuration. All that can fail is done before anything changes, so that
//! a reload is taken as a whole or not at all.

use std::sync::Arc;

use mistgate_core::{config::checked::Config, engine::input};

use super::listeners::{Common, Identities, Listeners, Socket, Sockets};
use super::{Problems, dedup_window, problem, seed};
use crate::base::sandbox::{Needs, Sandbox};
use crate::{chat::driver, feed, host::load::Loaded, host::load::Made, ports};

/// The steps of a reload that can fail, in their order. A failed step leaves everything as it is,
/// and nothing after the last one can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The configuration and all files that it names are read, each once, and judged.
    Configuration,
    /// Nothing changes that cannot change live.
    Fixed,
    /// The sandbox permits all that is needed.
    Sandbox,
    /// Each listener has its socket.
    Sockets,
}

impl Step {
    pub const ALL: [Self; 4] = [Self::Configuration, Self::Fixed, Self::Sandbox, Self::Sockets];

    /// Its name in the journal.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Fixed => "fixed",
            Self::Sandbox => "sandbox",
            Self::Sockets => "sockets",
        }
    }

    /// The result of this step.
    pub(super) fn of<T>(self, result: Result<T, Problems>) -> Result<T, Refused> {
        result.map_err(|problems| Refused { step: self, problems })
    }
}

/// Why a configuration is not taken.
pub(super) struct Refused {
    pub(super) step: Step,
    pub(super) problems: Problems,
}

/// A configuration, and all that is made for it.
pub(super) struct Prepared {
    pub(super) config: Config,
    pub(super) warnings: Vec<String>,
    pub(super) chats: driver::Settings,
    /// None where there are no switch ports.
    pub(super) switches: Option<Box<ports::Settings>>,
    /// None where too little is configured to ask Mist.
    pub(super) feeds: Vec<feed::Task>,
    pub(super) sockets: Sockets,
    pub(super) identities: Identities,
}

impl Prepared {
    /// The preparation of a reload, whose new configuration was `loaded`, besides what is in use
    /// now.
    pub(super) fn beside(
        now: &Config,
        listeners: &Listeners,
        sandbox: &Sandbox,
        loaded: Result<Loaded, Problems>,
    ) -> Result<Self, Refused> {
        let loaded = Step::Configuration.of(loaded)?;
        let Loaded { config, files, made, .. } = &loaded;
        Step::Fixed.of(fixed(now, config))?;
        let needs = Needs::of_node(config, files, &made.proxies);
        Step::Sandbox.of(sandbox.permits(&needs))?;
        let sockets = listeners.bind(config).and_then(Socket::all);
        let seed = Step::Sockets.of(seed())?;
        Ok(Self::new(loaded, Step::Sockets.of(sockets)?, listeners, seed))
    }

    /// What is made for a configuration that holds. Blocks on the disk.
    pub(super) fn new(loaded: Loaded, sockets: Sockets, listeners: &Listeners, seed: u64) -> Self {
        let Loaded { config, warnings, mut made, .. } = loaded;
        let (webhook, proxy, admin) = (made.webhook.take(), made.proxy.take(), made.admin.take());
        let identities = Identities { webhook, proxy, admin };
        let (login, outbound) = Made::outgoing(made, listeners.common.clock);
        let engine = input::Config {
            chat: config.chat.clone(),
            dedup_window: dedup_window(&config),
            incidents: config.incidents.clone(),
            dashboard_host: config.mist.dashboard_host.clone(),
            // Until the store says what it has.
            next_batch: 1,
        };
        let Common { driver, journal, budget, .. } = listeners.common.clone();
        let switches = config.ports.as_ref().map(|ports| {
            let (outbound, budget) = (outbound.clone(), Arc::clone(&budget));
            Box::new(ports::Settings::new(&config, ports, login, outbound, budget))
        });
        let mut feeds = Vec::new();
        for mist in config.organisations() {
            let (of, tools) = ((mist, feeds.is_empty()), (driver.clone(), Arc::clone(&journal)));
            feeds.extend(feed::Task::new(&config, of, outbound.clone(), &budget, seed, tools));
        }
        let dashboard_host = config.mist.dashboard_host.clone();
        let store = config.store;
        let chats = driver::Settings { engine, store, dashboard_host, outbound };
        Self { config, warnings, chats, switches, feeds, sockets, identities }
    }
}

/// Refuses what cannot change live.
fn fixed(now: &Config, new: &Config) -> Result<(), Problems> {
    if now.state_dir == new.state_dir {
        return Ok(());
    }
    Err(problem("state_dir: changed — restart mistgate, which takes it then"))
}
