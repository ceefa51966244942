//! Looks whether ports are what they shall be, and what would have to change.

use super::{
    profile::Change,
    push::{self, Config},
};
use crate::{
    api::{Heard, Said},
    machine::Machine,
    ports::failure::Failure,
    time::Instant,
};

/// A conversation that finds out what a [`Push`](push::Push) of the same would change, and changes
/// nothing.
#[derive(Debug)]
pub struct Read {
    config: Config,
    said: Option<Said<Result<Change, Failure>>>,
}

impl Machine for Read {
    type Config = Config;
    type Input = Heard;
    type Output = Said<Result<Change, Failure>>;

    fn new(config: Config, _seed: u64, _now: Instant) -> Self {
        let said = Some(Said::Request(push::read(&config.switch)));
        Self { config, said }
    }

    fn handle_timeout(&mut self, _now: Instant) {}

    fn handle_input(&mut self, _now: Instant, heard: Heard) {
        let Config { edits, profiles, .. } = &self.config;
        let change = push::device(heard).and_then(|device| device.change(edits, profiles));
        self.said = Some(Said::Done(change));
    }

    fn poll_output(&mut self) -> Option<Said<Result<Change, Failure>>> {
        self.said.take()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }
}
