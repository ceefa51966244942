//! Gives ports of one switch their profiles: reads its configuration, writes it back with the
//! change, and reads it again.
//!
//! ```text
//! Reading ── nothing to change ────────────────────────────────────────> Done
//!    └─ a change ─> Writing ── refused ──> Failed      no answer ──> Unknown
//!                      └─ taken ─> Checking ── as it shall be ──> Done
//!                            ^         │ └─ not so ──> Failed or Unknown
//!                            └─────────┘ the overrides are still missing
//! ```
//!
//! A request for `local_port_config` replaces all overrides, and one for the device replaces the
//! device, so each carries everything that was read. Where both change, the device is written with
//! both; whether Mist then takes the overrides as well is not documented, so they are written on
//! their own if it did not.
//!
//! Success is what is read afterwards, never a status alone.

use alloc::borrow::ToOwned;
use core::slice;

use http_types::Method;

use super::profile::{Change, Device, Layer};
use super::{outcome::outcome, read, read::Task, target};
use crate::base::exchange::{Asking, Exchange, ExchangeResult, Request};
use crate::base::failure::Failure;
use crate::ports::{edit::Edit, edit::Pushed, switch_port::Switch};

/// Gives the ports of a task their profiles, all or none.
pub fn push(task: Task) -> Exchange<Pushed> {
    Exchange::new(|asking| async move { pushed(&asking, &task).await.unwrap_or_else(|end| end) })
}

/// The error is any end but success. What is reported is as it was before the first write.
async fn pushed(asking: &Asking, task: &Task) -> Result<Pushed, Pushed> {
    let Task { switch, edits, profiles } = task;
    let Change { mut device, layers, before, diff } = read::change(asking, task).await?;
    let (mut next, mut is_partial) = (layers.first().copied(), false);
    while let Some(layer) = next {
        written(layer, is_partial, asking.send(request(switch, layer, &device)).await)?;
        let kept = read::device(asking, switch).await.map_err(Pushed::Unknown)?;
        let left = kept.change(edits, profiles);
        next = match left {
            Ok(left) if left.layers.is_empty() => None,
            Ok(left) if layer == Layer::Config && left.layers == [Layer::Local] => {
                (device, is_partial) = (left.device, true);
                Some(Layer::Local)
            }
            Ok(_) | Err(_) => return Err(not_kept(task, &kept)),
        };
    }
    Ok(Pushed::Done { diff, before })
}

fn request(switch: &Switch, layer: Layer, device: &Device) -> Request {
    let Switch { site, device_id, .. } = switch;
    let (target, body) = match layer {
        Layer::Config => (target::device(site, device_id), device.whole()),
        Layer::Local => (target::local_port_config(site, device_id), device.local()),
    };
    Request { method: Method::Put, target, session: None, body: Some(body.into_bytes()) }
}

/// A refusal leaves everything as it was, unless an earlier write of this push was made. Where
/// there is no answer, or one of a server that is in trouble, the change may have been made.
fn written(layer: Layer, is_partial: bool, result: ExchangeResult) -> Result<(), Pushed> {
    let status = result.as_ref().map_or(0, |response| response.status);
    let Err(failure) = outcome(result) else { return Ok(()) };
    let is_unknown = failure == Failure::Timeout || status >= 500 || is_partial;
    // A token that may write overrides alone gets this too.
    let is_protected = layer == Layer::Config && status == 403;
    let failure = if is_protected { Failure::Protected } else { failure };
    Err(if is_unknown { Pushed::Unknown(failure) } else { Pushed::Failed(failure) })
}

/// What is read after a write is not what was written.
fn not_kept(task: &Task, kept: &Device) -> Pushed {
    let is_kept = |edit: &Edit| {
        let left = kept.change(slice::from_ref(edit), &task.profiles);
        left.is_ok_and(|left| left.layers.is_empty())
    };
    let reason = "Mist took the change and did not keep it".to_owned();
    let failure = Failure::Undone { reason, after: None };
    match task.edits.iter().any(is_kept) {
        true => Pushed::Unknown(failure),
        false => Pushed::Failed(failure),
    }
}

#[cfg(test)]
mod tests;
