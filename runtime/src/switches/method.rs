//! How questions are answered and changes are made.

use mistgate_core::{
    config::checked::{Config, ports::Ports},
    ports::{
        failure::Failure,
        place::Switch,
        plan::{input::Pushed, output::Edit},
        question::{Answer, Question},
    },
};

/// The ways of a configuration to Mist and to switches.
pub(super) struct Method {
    means: Means,
}

enum Means {
    /// Observing without a method.
    None,
}

impl Method {
    pub(super) fn new(_config: &Config, _ports: &Ports) -> Self {
        Self { means: Means::None }
    }

    /// Its name in the configuration.
    pub(super) const fn name(&self) -> &'static str {
        match self.means {
            Means::None => "none",
        }
    }

    /// How many changes may be under way at once.
    pub(super) const fn work_max(&self) -> usize {
        match self.means {
            Means::None => 1,
        }
    }

    /// Whether there is somebody to ask about access points.
    pub(super) const fn can_ask(&self) -> bool {
        match self.means {
            Means::None => false,
        }
    }

    pub(super) async fn answer(&self, _question: Question) -> Answer {
        Answer::Unanswered
    }

    pub(super) async fn push(&self, _switch: &Switch, _edits: &[Edit]) -> Pushed {
        match self.means {
            Means::None => Pushed::Failed(Failure::Unreachable),
        }
    }

    pub(super) async fn read(&self, _switch: &Switch, _edit: &Edit) -> Option<bool> {
        match self.means {
            Means::None => None,
        }
    }
}
