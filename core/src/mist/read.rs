//! Reads whether ports have their modes, and what would have to change.

use alloc::{borrow::ToOwned, vec::Vec};

use super::profile::{Change, Device};
use super::{ask, outcome::outcome, target};
use crate::api::rejected;
use crate::base::exchange::{Exchange, ExchangeResult, Step};
use crate::base::failure::Failure;
use crate::mist::Profiles;
use crate::ports::{edit::Edit, switch_port::Switch};

/// What a [`Read`], or a [`Push`](super::push::Push), is about.
#[derive(Clone, Debug)]
pub struct Task {
    pub switch: Switch,
    pub edits: Vec<Edit>,
    pub profiles: Profiles,
}

/// An exchange that finds out what a [`Push`](super::push::Push) of the same task would change. It
/// changes nothing.
#[derive(Debug)]
pub struct Read(pub Task);

impl Exchange for Read {
    type Output = Result<Change, Failure>;

    fn start(&mut self) -> Step<Self::Output> {
        get(&self.0.switch)
    }

    fn answer(&mut self, result: ExchangeResult) -> Step<Self::Output> {
        let Task { edits, profiles, .. } = &self.0;
        Step::Done(device(result).and_then(|device| device.change(edits, profiles)))
    }
}

/// Asks for a switch's configuration.
pub(super) fn get<T>(switch: &Switch) -> Step<T> {
    ask::get(target::device(&switch.site, &switch.device_id))
}

/// The configuration of a switch. A body that is none is a fault of Mist or of a proxy in between,
/// so it is tried again.
pub(super) fn device(result: ExchangeResult) -> Result<Device, Failure> {
    let body = outcome(result)?.body;
    let device = Device::parse(&body).ok_or(Failure::Busy { after: None })?;
    match device.is_switch() {
        true => Ok(device),
        false => Err(rejected("this device of Mist's is not a switch".to_owned())),
    }
}
