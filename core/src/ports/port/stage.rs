//! How far the change of a port is, for people.

use super::{Port, State};
use crate::ports::switch_port::Mode;

/// How far a change is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    Due,
    /// It is in flight.
    Pushing,
    /// Its end is not known, so the port is read back.
    ReadingBack,
    /// There is no change.
    Resting,
    /// It failed and will be tried again.
    Retrying,
    /// It was given up until there is news of the port.
    Stuck,
}

impl Stage {
    /// The name in `/status` and in the metrics.
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

    /// How far its change is.
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

    /// Why its change failed last, until one settles: the
    /// [name](crate::base::failure::Failure::name) of the failure.
    pub const fn last_failure(&self) -> Option<&'static str> {
        self.last_failure
    }
}
