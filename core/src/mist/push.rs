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

use alloc::{borrow::ToOwned, string::String, vec::Vec};

use http_types::Method;

use super::profile::{Change, Device, Layer};
use super::read::{Task, device, get};
use super::{outcome::outcome, target};
use crate::base::exchange::{Exchange, ExchangeResult, Request, Step};
use crate::base::failure::Failure;
use crate::ports::edit::{Edit, Pushed};
use crate::ports::{name::PortName, switch_port::Switch};

/// An exchange that gives ports their profiles.
#[derive(Debug)]
pub struct Push {
    task: Task,
    state: State,
}

#[derive(Debug)]
enum State {
    Reading,
    Writing { layer: Layer, summary: Summary },
    Checking { layer: Layer, summary: Summary },
}

/// What is reported at the end, as it was before the first write.
#[derive(Debug)]
struct Summary {
    diff: String,
    before: Vec<(PortName, String)>,
    /// Whether an earlier write of this push was made.
    is_partial: bool,
}

impl Exchange for Push {
    type Output = Pushed;

    fn start(&mut self) -> Step<Pushed> {
        get(&self.task.switch)
    }

    fn answer(&mut self, result: ExchangeResult) -> Step<Pushed> {
        match core::mem::replace(&mut self.state, State::Reading) {
            State::Reading => self.read(result),
            State::Writing { layer, summary } => self.written(layer, summary, result),
            State::Checking { layer, summary } => self.check(layer, summary, result),
        }
    }
}

impl Push {
    /// Gives the ports of a task their profiles, all or none.
    pub const fn new(task: Task) -> Self {
        Self { task, state: State::Reading }
    }

    fn read(&mut self, result: ExchangeResult) -> Step<Pushed> {
        let Task { edits, profiles, .. } = &self.task;
        let change = device(result).and_then(|device| device.change(edits, profiles));
        match change {
            Ok(change) => {
                let Change { diff, before, .. } = &change;
                let summary =
                    Summary { diff: diff.clone(), before: before.clone(), is_partial: false };
                match change.layers.first() {
                    Some(layer) => self.write(*layer, &change.device, summary),
                    None => done(summary),
                }
            }
            Err(failure) => Step::Done(Pushed::Failed(failure)),
        }
    }

    fn write(&mut self, layer: Layer, device: &Device, summary: Summary) -> Step<Pushed> {
        let Switch { site, device_id, .. } = &self.task.switch;
        let (target, body) = match layer {
            Layer::Config => (target::device(site, device_id), device.whole()),
            Layer::Local => (target::local_port_config(site, device_id), device.local()),
        };
        self.state = State::Writing { layer, summary };
        Step::Request(Request {
            method: Method::Put,
            target,
            session: None,
            body: Some(body.into_bytes()),
        })
    }

    /// A refusal leaves everything as it was. Where there is no answer, or one of a server that is
    /// in trouble, the change may have been made.
    fn written(&mut self, layer: Layer, summary: Summary, result: ExchangeResult) -> Step<Pushed> {
        let status = result.as_ref().map_or(0, |response| response.status);
        match outcome(result) {
            Ok(_) => {
                self.state = State::Checking { layer, summary };
                get(&self.task.switch)
            }
            Err(failure) => {
                let is_unknown = failure == Failure::Timeout || status >= 500 || summary.is_partial;
                // A token that may write overrides alone gets this too.
                let is_protected = layer == Layer::Config && status == 403;
                let failure = if is_protected { Failure::Protected } else { failure };
                Step::Done(match is_unknown {
                    true => Pushed::Unknown(failure),
                    false => Pushed::Failed(failure),
                })
            }
        }
    }

    fn check(&mut self, layer: Layer, summary: Summary, result: ExchangeResult) -> Step<Pushed> {
        let Task { edits, profiles, .. } = &self.task;
        let device = match device(result) {
            Ok(device) => device,
            Err(failure) => return Step::Done(Pushed::Unknown(failure)),
        };
        let left = device.change(edits, profiles);
        match left.as_ref().map(|left| left.layers.as_slice()) {
            Ok([]) => return done(summary),
            Ok([Layer::Local]) if layer == Layer::Config => {
                let summary = Summary { is_partial: true, ..summary };
                return left.map_or_else(
                    |failure| Step::Done(Pushed::Unknown(failure)),
                    |left| self.write(Layer::Local, &left.device, summary),
                );
            }
            Ok(_) | Err(_) => {}
        }
        let is_kept = |edit: &Edit| {
            let left = device.change(core::slice::from_ref(edit), profiles);
            left.is_ok_and(|left| left.layers.is_empty())
        };
        let reason = "Mist took the change and did not keep it".to_owned();
        let failure = Failure::Undone { reason, after: None };
        Step::Done(match edits.iter().any(is_kept) {
            true => Pushed::Unknown(failure),
            false => Pushed::Failed(failure),
        })
    }
}

fn done(summary: Summary) -> Step<Pushed> {
    let Summary { diff, before, .. } = summary;
    Step::Done(Pushed::Done { diff, before })
}

#[cfg(test)]
mod tests;
