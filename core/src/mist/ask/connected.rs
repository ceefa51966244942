//! Whether an access point is connected to the cloud.

use alloc::string::String;

use super::get;
use crate::{
    api::{ExchangeResult, Step},
    base::{mac::Mac, machine::Machine, time::Instant},
    mist::{outcome::outcome, stats, target},
};

/// A conversation that finds out whether an access point is connected; nothing where Mist does not
/// say, or does not have it.
#[derive(Debug)]
pub struct Connected {
    ap: Mac,
    said: Option<Step<Option<bool>>>,
}

/// What a [`Connected`] is about.
#[derive(Clone, Debug)]
pub struct Config {
    /// The organisation's id.
    pub org: String,
    /// The access point.
    pub ap: Mac,
    /// The id of its site, where it is known.
    pub site: Option<String>,
}

impl Machine for Connected {
    type Config = Config;
    type Input = ExchangeResult;
    type Output = Step<Option<bool>>;

    fn new(config: Config, _seed: u64, _now: Instant) -> Self {
        let Config { org, ap, site } = config;
        let target = match site {
            Some(site) => target::ap(&site, ap),
            None => target::aps(&org, Some(ap), 1),
        };
        Self { ap, said: Some(Step::Request(get(target))) }
    }

    fn handle_timeout(&mut self, _now: Instant) {}

    fn handle_input(&mut self, _now: Instant, result: ExchangeResult) {
        let aps = outcome(result).ok().and_then(|response| stats::aps(&response.body));
        let ap = aps.unwrap_or_default().into_iter().find(|ap| ap.mac == self.ap);
        self.said = Some(Step::Done(ap.and_then(|ap| ap.is_connected)));
    }

    fn poll_output(&mut self) -> Option<Step<Option<bool>>> {
        self.said.take()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }
}
