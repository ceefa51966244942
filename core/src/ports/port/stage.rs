//! Where a port is on its way, for people.

use super::{Port, State};
use crate::ports::switch_port::Mode;

/// What becomes of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    Due,
    /// It is in flight.
    Pushing,
    /// Its end is not known, so the port is read back.
    ReadingBack,
    /// There is none.
    Resting,
    /// It failed and will be tried again.
    Retrying,
    /// It failed and will not be tried again until something new is known.
    Stuck,
}

impl Stage {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::Pushing => "pushing",
            Self::ReadingBack => "reading_back",
            Self::Resting => "resting",
            Self::Retrying => "retrying",
            Self::Stuck => "stuck",
        }
    }
}

impl Port {
    /// The mode that it is on its way to.
    pub fn wanted_mode(&self) -> Option<Mode> {
        match &self.state {
            State::Due { change }
            | State::Pushing { change, .. }
            | State::Reading { change, .. }
            | State::Waiting { change, .. }
            | State::Unconfirmed { change, .. } => Some(change.want.mode),
            State::Resting | State::Stuck => None,
        }
    }

    /// What becomes of its change.
    pub const fn stage(&self) -> Stage {
        match self.state {
            State::Due { .. } => Stage::Due,
            State::Pushing { .. } => Stage::Pushing,
            State::Reading { .. } | State::Unconfirmed { .. } => Stage::ReadingBack,
            State::Resting => Stage::Resting,
            State::Stuck => Stage::Stuck,
            State::Waiting { .. } => Stage::Retrying,
        }
    }

    /// Why its change failed last, by its [name](crate::base::failure::Failure::name), until one
    /// settles.
    pub const fn last_failure(&self) -> Option<&'static str> {
        self.last_failure
    }
}
