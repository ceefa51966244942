//! How questions are answered and changes are made.

use std::sync::Arc;

use mistgate_core::{
    base::failure::Failure,
    config::checked::{
        self, Config,
        ports::{Junos, Ports},
    },
    mist::find::Wanted,
    ports::{
        plan::{input::Pushed, output::Edit},
        question::{Answer, Question},
        switch_port::Switch,
    },
};

use crate::{
    base::{journal::Journal, sync::Shared},
    http::outbound::Outbound,
    ports::{
        cso::{self, Cso},
        junos::{Connected, Switches},
        mist::Mist,
    },
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
    Junos(OnSwitches),
    /// Which is asked too.
    Mist(Arc<Mist>),
    /// Observing without a method.
    None,
}

/// NETCONF, whose memory of what is uncertain outlives a change of the configuration.
#[derive(Clone)]
struct OnSwitches {
    switches: Arc<Switches>,
    /// Whom it asks whether an access point is back.
    asked: Arc<Shared<Option<Arc<Mist>>>>,
    sessions_max: usize,
}

impl Method {
    /// The ways of a configuration that comes after another one.
    pub(super) fn new(ways: Ways, before: Option<&Self>, journal: &Arc<Journal>) -> Self {
        let Ways { mist, method, outbound } = ways;
        let profiles = match &method {
            Some(checked::ports::Method::Mist(profiles)) => Some(profiles.clone()),
            Some(checked::ports::Method::Cso(_) | checked::ports::Method::Junos(_)) | None => None,
        };
        let mist = Mist::new(&mist, profiles, outbound.clone(), Arc::clone(journal));
        let mist = mist.map(|mist| match before.and_then(|before| before.mist.as_ref()) {
            Some(before) => Arc::new(mist.after(before)),
            None => Arc::new(mist),
        });
        let means = match (method, &mist) {
            (Some(checked::ports::Method::Cso(config)), _) => {
                let cso = Cso::new(config, cso::TIMEOUT, outbound, Arc::clone(journal));
                Means::Cso(Box::new(cso))
            }
            (Some(checked::ports::Method::Junos(junos)), mist) => {
                let before = before.and_then(|before| match &before.means {
                    Means::Junos(before) => Some(before),
                    Means::Cso(_) | Means::Mist(_) | Means::None => None,
                });
                Means::Junos(OnSwitches::new(&junos, before, mist.as_ref(), &outbound, journal))
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
    pub(super) const fn work_max(&self) -> usize {
        match &self.means {
            Means::Junos(on) => on.sessions_max,
            Means::Cso(_) | Means::Mist(_) | Means::None => CALLS_MAX,
        }
    }

    /// Whether there is somebody to ask about access points.
    pub(super) const fn can_ask(&self) -> bool {
        self.mist.is_some()
    }

    /// Lets what is under way end soon.
    pub(super) fn stop(&self) {
        if let Means::Junos(on) = &self.means {
            on.switches.stop();
        }
    }

    pub(super) async fn answer(&self, question: Question) -> Answer {
        let named = match &question {
            Question::Port { switch_port, switch: Some(switch) } if switch.name.is_some() => {
                Some((switch_port.port, switch.clone()))
            }
            Question::Port { .. } | Question::Inventory | Question::Location { .. } => None,
        };
        let answer = match &self.mist {
            Some(mist) => mist.answer(question).await,
            None => Answer::Unanswered,
        };
        // Of a switch that Mist does not know the switch itself may tell.
        if let (Answer::Port(None) | Answer::Unanswered, Means::Junos(on), Some((port, switch))) =
            (&answer, &self.means, named)
            && let Answer::Port(seen) = on.switches.see(&switch, port).await
        {
            return Answer::Port(seen);
        }
        answer
    }

    /// The switches of this name or MAC; nothing where there is no Mist to ask.
    pub(super) async fn find(&self, wanted: Wanted) -> Option<Result<Vec<Switch>, Failure>> {
        Some(self.mist.as_ref()?.find(wanted).await)
    }

    /// The difference that a change would make, which is empty where there is none. CSO does not
    /// tell what a port has, so there it is what would be applied.
    pub(super) async fn compare(&self, switch: &Switch, edits: &[Edit]) -> Result<String, Failure> {
        match &self.means {
            Means::Cso(_) => {
                let lines = edits.iter().flat_map(|edit| edit.lines.iter().map(String::as_str));
                Ok(lines.collect::<Vec<_>>().join("\n"))
            }
            Means::Junos(on) => on.switches.compare(switch, edits).await,
            Means::Mist(mist) => mist.compare(switch, edits).await.map(|change| change.diff),
            Means::None => Err(Failure::Unreachable),
        }
    }

    pub(super) async fn push(&self, switch: &Switch, edits: &[Edit]) -> Pushed {
        match &self.means {
            Means::Cso(cso) => cso.push(switch, edits).await,
            Means::Junos(on) => on.switches.push(switch, edits).await,
            Means::Mist(mist) => mist.push(switch, edits).await,
            Means::None => Pushed::Failed(Failure::Unreachable),
        }
    }

    pub(super) async fn read(&self, switch: &Switch, edit: &Edit) -> Option<bool> {
        match &self.means {
            Means::Cso(cso) => cso.read(switch, edit).await,
            Means::Junos(on) => on.switches.read(switch, edit).await,
            Means::Mist(mist) => mist.read(switch, edit).await,
            Means::None => None,
        }
    }
}

impl OnSwitches {
    fn new(
        junos: &Junos,
        before: Option<&Self>,
        mist: Option<&Arc<Mist>>,
        outbound: &Outbound,
        journal: &Arc<Journal>,
    ) -> Self {
        const READ: &str = "the key was read when the configuration was";
        let sessions_max = junos.sessions_max;
        if let Some(before) = before {
            before.switches.configure(junos).expect(READ);
            before.asked.set(mist.cloned());
            return Self { sessions_max, ..before.clone() };
        }
        let asked = Arc::new(Shared::new(mist.cloned()));
        let asks = Arc::clone(&asked);
        let connected: Connected = Arc::new(move |ap, site| {
            let mist = asks.get();
            Box::pin(async move { mist.as_ref().as_ref()?.is_connected(ap, Some(&site)).await })
        });
        let switches = Switches::new(junos, Some(connected), outbound.clock, Arc::clone(journal));
        Self { switches: Arc::new(switches.expect(READ)), asked, sessions_max }
    }
}
