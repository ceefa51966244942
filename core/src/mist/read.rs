//! Looks whether ports are what they shall be, and what would have to change.

use alloc::{borrow::ToOwned, vec::Vec};

use http_types::Method;

use super::{
    outcome::outcome,
    profile::{Change, Device},
    target,
};
use crate::{
    api::{ExchangeResult, Request, Step, refusal::rejected},
    base::{failure::Failure, machine::Machine, time::Instant},
    config::checked::ports::Profiles,
    ports::{plan::output::Edit, switch_port::Switch},
};

/// What a [`Read`], or a [`Push`](super::push::Push), is about.
#[derive(Clone, Debug)]
pub struct Config {
    /// The switch.
    pub switch: Switch,
    /// What its ports shall be.
    pub edits: Vec<Edit>,
    /// The profiles of the modes.
    pub profiles: Profiles,
}

/// A conversation that finds out what a [`Push`](super::push::Push) of the same would change, and
/// changes nothing.
#[derive(Debug)]
pub struct Read {
    config: Config,
    said: Option<Step<Result<Change, Failure>>>,
}

impl Machine for Read {
    type Config = Config;
    type Input = ExchangeResult;
    type Output = Step<Result<Change, Failure>>;

    fn new(config: Config, _seed: u64, _now: Instant) -> Self {
        let said = Some(Step::Request(get(&config.switch)));
        Self { config, said }
    }

    fn handle_timeout(&mut self, _now: Instant) {}

    fn handle_input(&mut self, _now: Instant, result: ExchangeResult) {
        let Config { edits, profiles, .. } = &self.config;
        let change = device(result).and_then(|device| device.change(edits, profiles));
        self.said = Some(Step::Done(change));
    }

    fn poll_output(&mut self) -> Option<Step<Result<Change, Failure>>> {
        self.said.take()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }
}

/// The request for a switch's configuration.
pub(super) fn get(switch: &Switch) -> Request {
    let target = target::device(&switch.site, &switch.device_id);
    Request { method: Method::Get, target, session: None, body: None }
}

/// The configuration of a switch. What is none is a fault of Mist's, or of something in between.
pub(super) fn device(result: ExchangeResult) -> Result<Device, Failure> {
    let body = outcome(result)?.body;
    let device = Device::parse(&body).ok_or(Failure::Busy { after: None })?;
    match device.is_switch() {
        true => Ok(device),
        false => Err(rejected("this device of Mist's is not a switch".to_owned())),
    }
}
