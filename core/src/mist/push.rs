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

use super::{
    outcome::outcome,
    profile::{Change, Device, Layer},
    read::{Config, device, get},
    target,
};
use crate::{
    api::{ExchangeResult, Request, Step},
    base::{failure::Failure, machine::Machine, time::Instant},
    ports::{
        name::PortName,
        plan::{input::Pushed, output::Edit},
        switch_port::Switch,
    },
};

/// A conversation that gives ports their profiles.
#[derive(Debug)]
pub struct Push {
    config: Config,
    state: State,
    said: Option<Step<Pushed>>,
}

#[derive(Debug)]
enum State {
    Reading,
    Writing { layer: Layer, told: Told },
    Checking { layer: Layer, told: Told },
}

/// What is told at the end, from before the first write.
#[derive(Debug)]
struct Told {
    diff: String,
    before: Vec<(PortName, String)>,
    /// Whether something was written before the write that this is about.
    is_begun: bool,
}

impl Machine for Push {
    type Config = Config;
    type Input = ExchangeResult;
    type Output = Step<Pushed>;

    fn new(config: Config, _seed: u64, _now: Instant) -> Self {
        let said = Some(Step::Request(get(&config.switch)));
        Self { config, state: State::Reading, said }
    }

    fn handle_timeout(&mut self, _now: Instant) {}

    fn handle_input(&mut self, _now: Instant, result: ExchangeResult) {
        let state = core::mem::replace(&mut self.state, State::Reading);
        let said = match state {
            State::Reading => self.read(result),
            State::Writing { layer, told } => self.written(layer, told, result),
            State::Checking { layer, told } => self.check(layer, told, result),
        };
        self.said = Some(said);
    }

    fn poll_output(&mut self) -> Option<Step<Pushed>> {
        self.said.take()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }
}

impl Push {
    fn read(&mut self, result: ExchangeResult) -> Step<Pushed> {
        let Config { edits, profiles, .. } = &self.config;
        let change = device(result).and_then(|device| device.change(edits, profiles));
        match change {
            Ok(change) => {
                let Change { diff, before, .. } = &change;
                let told = Told { diff: diff.clone(), before: before.clone(), is_begun: false };
                match change.layers.first() {
                    Some(layer) => self.write(*layer, &change.device, told),
                    None => done(told),
                }
            }
            Err(failure) => Step::Done(Pushed::Failed(failure)),
        }
    }

    fn write(&mut self, layer: Layer, device: &Device, told: Told) -> Step<Pushed> {
        let Switch { site, device_id, .. } = &self.config.switch;
        let (target, body) = match layer {
            Layer::Config => (target::device(site, device_id), device.whole()),
            Layer::Local => (target::local_port_config(site, device_id), device.local()),
        };
        self.state = State::Writing { layer, told };
        Step::Request(Request {
            method: Method::Put,
            target,
            session: None,
            body: Some(body.into_bytes()),
        })
    }

    /// A refusal leaves everything as it was. Where there is no answer, or one of a server that is
    /// in trouble, the change may have been made.
    fn written(&mut self, layer: Layer, told: Told, result: ExchangeResult) -> Step<Pushed> {
        let status = result.as_ref().map_or(0, |response| response.status);
        match outcome(result) {
            Ok(_) => {
                self.state = State::Checking { layer, told };
                Step::Request(get(&self.config.switch))
            }
            Err(failure) => {
                let is_unknown = failure == Failure::Timeout || status >= 500 || told.is_begun;
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

    fn check(&mut self, layer: Layer, told: Told, result: ExchangeResult) -> Step<Pushed> {
        let Config { edits, profiles, .. } = &self.config;
        let device = match device(result) {
            Ok(device) => device,
            Err(failure) => return Step::Done(Pushed::Unknown(failure)),
        };
        let left = device.change(edits, profiles);
        match left.as_ref().map(|left| left.layers.as_slice()) {
            Ok([]) => return done(told),
            Ok([Layer::Local]) if layer == Layer::Config => {
                let told = Told { is_begun: true, ..told };
                return left.map_or_else(
                    |failure| Step::Done(Pushed::Unknown(failure)),
                    |left| self.write(Layer::Local, &left.device, told),
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

fn done(told: Told) -> Step<Pushed> {
    let Told { diff, before, .. } = told;
    Step::Done(Pushed::Done { diff, before })
}

#[cfg(test)]
mod tests;
