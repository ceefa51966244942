//! Reads whether ports have their modes, and what would have to change.

use alloc::{borrow::ToOwned, vec::Vec};

use super::{outcome::outcome, profile::Change, profile::Device, target};
use crate::api::rejected;
use crate::base::{exchange::Asking, exchange::Exchange, failure::Failure};
use crate::{mist::Profiles, ports::edit::Edit, ports::switch_port::Switch};

/// What a [`read`], or a [`push`](super::push::push), is about.
#[derive(Clone, Debug)]
pub struct Task {
    pub switch: Switch,
    pub edits: Vec<Edit>,
    pub profiles: Profiles,
}

/// Finds out what a [`push`](super::push::push) of the same task would change. It changes nothing.
pub fn read(task: Task) -> Exchange<Result<Change, Failure>> {
    Exchange::new(|asking| async move { change(&asking, &task).await })
}

/// What is to be changed.
pub(super) async fn change(asking: &Asking, task: &Task) -> Result<Change, Failure> {
    device(asking, &task.switch).await?.change(&task.edits, &task.profiles)
}

/// The configuration of a switch. A body that is none is a fault of Mist or of a proxy in between,
/// so it is tried again.
pub(super) async fn device(asking: &Asking, switch: &Switch) -> Result<Device, Failure> {
    let body = outcome(asking.get(target::device(&switch.site, &switch.device_id)).await)?.body;
    let device = Device::parse(&body).ok_or(Failure::Busy { after: None })?;
    match device.is_switch() {
        true => Ok(device),
        false => Err(rejected("this device of Mist's is not a switch".to_owned())),
    }
}
