//! How questions are answered and changes are made.

use std::sync::Arc;

use mistgate_core::{
    config::checked::{self, Config, ports::Ports},
    ports::{
        failure::Failure,
        place::Switch,
        plan::{input::Pushed, output::Edit},
        question::{Answer, Question},
    },
};

use crate::{
    cso::{self, Cso},
    journal::Journal,
    mist::Mist,
    outbound::Outbound,
};

/// How many changes through an API are under way at once. It takes a few requests at a time, so
/// that more would only wait.
const CALLS_MAX: usize = 8;

/// What the ways need of the configuration.
pub(crate) struct Ways {
    mist: checked::Mist,
    method: Option<checked::ports::Method>,
    outbound: Outbound,
}

impl Ways {
    pub(crate) fn new(config: &Config, ports: &Ports, outbound: Outbound) -> Self {
        Self { mist: config.mist.clone(), method: ports.method.clone(), outbound }
    }
}

/// The ways to Mist and to the switches.
pub(super) struct Method {
    mist: Option<Arc<Mist>>,
    means: Means,
}

enum Means {
    Cso(Box<Cso>),
    /// Which is asked too.
    Mist(Arc<Mist>),
    /// Observing without a method.
    None,
}

impl Method {
    /// The ways of a configuration that comes after another one.
    pub(super) fn new(ways: Ways, _before: Option<&Self>, journal: &Arc<Journal>) -> Self {
        let Ways { mist, method, outbound } = ways;
        let profiles = match &method {
            Some(checked::ports::Method::Mist(profiles)) => Some(profiles.clone()),
            Some(checked::ports::Method::Cso(_) | checked::ports::Method::Junos(_)) | None => None,
        };
        let mist = Mist::new(&mist, profiles, outbound.clone(), Arc::clone(journal)).map(Arc::new);
        let means = match (method, &mist) {
            (Some(checked::ports::Method::Cso(config)), _) => {
                let cso = Cso::new(config, cso::TIMEOUT, outbound, Arc::clone(journal));
                Means::Cso(Box::new(cso))
            }
            (Some(checked::ports::Method::Mist(_)), Some(mist)) => Means::Mist(Arc::clone(mist)),
            (
                Some(checked::ports::Method::Junos(_) | checked::ports::Method::Mist(_)) | None,
                _,
            ) => Means::None,
        };
        Self { mist, means }
    }

    /// Its name in the configuration.
    pub(super) const fn name(&self) -> &'static str {
        match self.means {
            Means::Cso(_) => "cso",
            Means::Mist(_) => "mist",
            Means::None => "none",
        }
    }

    /// How many changes may be under way at once.
    pub(super) const fn work_max(&self) -> usize {
        match &self.means {
            Means::Cso(_) | Means::Mist(_) | Means::None => CALLS_MAX,
        }
    }

    /// Whether there is somebody to ask about access points.
    pub(super) const fn can_ask(&self) -> bool {
        self.mist.is_some()
    }

    /// Lets what is under way end soon.
    pub(super) fn stop(&self) {}

    pub(super) async fn answer(&self, question: Question) -> Answer {
        match &self.mist {
            Some(mist) => mist.answer(question).await,
            None => Answer::Unanswered,
        }
    }

    pub(super) async fn push(&self, switch: &Switch, edits: &[Edit]) -> Pushed {
        match &self.means {
            Means::Cso(cso) => cso.push(switch, edits).await,
            Means::Mist(mist) => mist.push(switch, edits).await,
            Means::None => Pushed::Failed(Failure::Unreachable),
        }
    }

    pub(super) async fn read(&self, switch: &Switch, edit: &Edit) -> Option<bool> {
        match &self.means {
            Means::Cso(cso) => cso.read(switch, edit).await,
            Means::Mist(mist) => mist.read(switch, edit).await,
            Means::None => None,
        }
    }
}
