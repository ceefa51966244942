//! How questions are answered and changes are made.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use mistgate_core::{
    config::checked::{self, Config, ports::Ports},
    mist::find::Wanted,
    ports::{
        failure::Failure,
        place::Switch,
        plan::{input::Pushed, output::Edit},
        question::{Answer, Question},
    },
};
use smol::future::FutureExt;

use crate::{
    clock::Clock,
    cso::{self, Cso},
    journal::{Journal, Level},
    junos::{Connected, Switches},
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
    Junos(Arc<Junos>),
    /// Which is asked too.
    Mist(Arc<Mist>),
    /// Observing without a method.
    None,
}

/// The switches themselves. There is one of it from one configuration to the next, because it
/// remembers what may be left half done.
struct Junos {
    switches: Switches,
    cloud: Cloud,
    sessions_max: usize,
}

/// Who says whether an access point is connected, which another configuration may replace.
type Cloud = Arc<Mutex<Option<Arc<Mist>>>>;

impl Method {
    /// The ways of a configuration that comes after another one.
    pub(super) fn new(ways: Ways, before: Option<&Self>, journal: &Arc<Journal>) -> Self {
        let Ways { mist, method, outbound } = ways;
        let clock = outbound.clock;
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
            (Some(checked::ports::Method::Junos(config)), mist) => {
                let before = before.and_then(Self::junos);
                Junos::new(&config, mist.clone(), before, clock, journal)
                    .map_or(Means::None, Means::Junos)
            }
            (Some(checked::ports::Method::Mist(_)), Some(mist)) => Means::Mist(Arc::clone(mist)),
            (Some(checked::ports::Method::Mist(_)) | None, _) => Means::None,
        };
        Self { mist, means }
    }

    /// Its name in the configuration.
    pub(super) const fn name(&self) -> &'static str {
        match self.means {
            Means::Cso(_) => "cso",
            Means::Junos(_) => "junos",
            Means::Mist(_) => "mist",
            Means::None => "none",
        }
    }

    /// How many changes may be under way at once.
    pub(super) fn work_max(&self) -> usize {
        match &self.means {
            Means::Cso(_) | Means::Mist(_) | Means::None => CALLS_MAX,
            Means::Junos(junos) => junos.sessions_max,
        }
    }

    const fn junos(&self) -> Option<&Arc<Junos>> {
        match &self.means {
            Means::Junos(junos) => Some(junos),
            Means::Cso(_) | Means::Mist(_) | Means::None => None,
        }
    }

    /// Whether there is somebody to ask about access points.
    pub(super) const fn can_ask(&self) -> bool {
        self.mist.is_some()
    }

    /// Lets what is under way end soon.
    pub(super) fn stop(&self) {
        if let Some(junos) = self.junos() {
            junos.switches.stop();
        }
    }

    pub(super) async fn answer(&self, question: Question) -> Answer {
        match &self.mist {
            Some(mist) => mist.answer(question).await,
            None => Answer::Unanswered,
        }
    }

    /// The difference that a change would make, which is empty where there is none. CSO does not
    /// tell what a port has, so there it is what would be applied.
    pub(super) async fn compare(&self, switch: &Switch, edits: &[Edit]) -> Result<String, Failure> {
        match &self.means {
            Means::Cso(_) => {
                let lines = edits.iter().flat_map(|edit| edit.lines.iter().map(String::as_str));
                Ok(lines.collect::<Vec<_>>().join("\n"))
            }
            Means::Junos(junos) => junos.switches.compare(switch, edits).await,
            Means::Mist(mist) => mist.compare(switch, edits).await.map(|change| change.diff),
            Means::None => Err(Failure::Unreachable),
        }
    }

    /// The switches of this name or MAC.
    pub(super) async fn find(&self, wanted: Wanted) -> Option<Result<Vec<Switch>, Failure>> {
        Some(self.mist.as_ref()?.find(wanted).await)
    }

    pub(super) async fn push(&self, switch: &Switch, edits: &[Edit]) -> Pushed {
        match &self.means {
            Means::Cso(cso) => cso.push(switch, edits).await,
            Means::Junos(junos) => junos.switches.push(switch, edits).await,
            Means::Mist(mist) => mist.push(switch, edits).await,
            Means::None => Pushed::Failed(Failure::Unreachable),
        }
    }

    pub(super) async fn read(&self, switch: &Switch, edit: &Edit) -> Option<bool> {
        match &self.means {
            Means::Cso(cso) => cso.read(switch, edit).await,
            Means::Junos(junos) => junos.switches.read(switch, edit).await,
            Means::Mist(mist) => mist.read(switch, edit).await,
            Means::None => None,
        }
    }
}

impl Junos {
    /// With what the one before remembers. `None` where the private key is none.
    fn new(
        config: &checked::ports::Junos,
        mist: Option<Arc<Mist>>,
        before: Option<&Arc<Self>>,
        clock: Clock,
        journal: &Arc<Journal>,
    ) -> Option<Arc<Self>> {
        let refused = |error: &dyn fmt::Display| {
            journal.note(Level::Error, "junos_key_unreadable", &[("reason", error)]);
        };
        let sessions_max = config.sessions_max;
        if let Some(before) = before.filter(|before| before.sessions_max == sessions_max) {
            match before.switches.configure(config) {
                Ok(()) => {
                    *before.cloud.lock().unwrap_or_else(PoisonError::into_inner) = mist;
                    return Some(Arc::clone(before));
                }
                Err(error) => refused(&error),
            }
            return None;
        }
        let cloud: Cloud = Arc::new(Mutex::new(mist));
        let switches = Switches::new(config, Some(connected(&cloud)), clock, Arc::clone(journal));
        match switches {
            Ok(switches) => Some(Arc::new(Self { switches, cloud, sessions_max })),
            Err(error) => {
                refused(&error);
                None
            }
        }
    }
}

/// Asks whoever is the cloud at that time.
fn connected(cloud: &Cloud) -> Connected {
    let cloud = Arc::clone(cloud);
    Arc::new(move |ap, site| {
        let mist = cloud.lock().unwrap_or_else(PoisonError::into_inner).clone();
        async move { mist?.is_connected(ap, Some(site.as_str()).filter(|site| !site.is_empty())).await }
            .boxed()
    })
}
