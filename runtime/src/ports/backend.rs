//! Mist, which answers the plan's questions whatever the method is, and the method, which changes
//! ports.

use std::{any::Any, sync::Arc};

use mistgate_core::base::failure::Failure;
use mistgate_core::ports::{question::Answer, question::Question, switch_port::Switch};
use mistgate_core::{config::ports::Method as MethodConfig, mist, mist::find::Wanted};

use super::junos::{Connected, Login, Switches};
use super::{cso, cso::Cso, method::Method, method::NoMethod, mist::Mist};
use crate::{base::journal::Journal, http::outbound::Outbound, mist::SharedBudget};

/// What a [`Backend`] needs of the configuration.
pub(crate) struct BackendConfig {
    pub(super) mist: mist::Mist,
    pub(super) method: Option<MethodConfig>,
    pub(super) login: Login,
    pub(super) outbound: Outbound,
    pub(super) budget: SharedBudget,
}

/// Mist, which is asked, and the method, which changes ports.
pub(super) struct Backend {
    mist: Option<Arc<Mist>>,
    pub(super) method: Arc<dyn Method>,
}

impl Backend {
    /// The backend of a configuration. It takes over what `before` remembers of switches and of
    /// Mist's budget.
    pub(super) fn new(of: BackendConfig, before: Option<&Self>, journal: &Arc<Journal>) -> Self {
        let BackendConfig { mist, method, login, outbound, budget } = of;
        let profiles = match &method {
            Some(MethodConfig::Mist(profiles)) => Some(profiles.clone()),
            Some(MethodConfig::Cso(_) | MethodConfig::Junos(_)) | None => None,
        };
        let mist = Mist::new(&mist, profiles, outbound.clone(), Arc::clone(journal));
        let mist = mist.map(|mist| match before.and_then(|before| before.mist.as_ref()) {
            Some(before) => Arc::new(mist.after(before)),
            None => Arc::new(mist.sharing(&budget)),
        });
        let method: Arc<dyn Method> = match (method, &mist) {
            (Some(MethodConfig::Cso(config)), _) => {
                Arc::new(Cso::new(config, cso::TIMEOUT, outbound, Arc::clone(journal)))
            }
            (Some(MethodConfig::Junos(junos)), mist) => {
                let connected = mist.clone().map(connected);
                let before =
                    before.map(|before| Arc::clone(&before.method) as Arc<dyn Any + Send + Sync>);
                let before: Option<Arc<Switches>> = before.and_then(|any| any.downcast().ok());
                if let Some(switches) = before {
                    switches.configure(&junos, login);
                    switches.ask(connected);
                    switches
                } else {
                    let (clock, journal) = (outbound.clock, Arc::clone(journal));
                    Arc::new(Switches::new(&junos, login, connected, clock, journal))
                }
            }
            (Some(MethodConfig::Mist(_)), Some(mist)) => Arc::clone(mist) as Arc<dyn Method>,
            (Some(MethodConfig::Mist(_)) | None, _) => Arc::new(NoMethod),
        };
        Self { mist, method }
    }

    /// Whether there is a Mist to ask about access points.
    pub(super) const fn can_ask(&self) -> bool {
        self.mist.is_some()
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
        if let (Answer::Port(None) | Answer::Unanswered, Some((port, switch))) = (&answer, named)
            && let Answer::Port(seen) = self.method.see(&switch, port).await
        {
            return Answer::Port(seen);
        }
        answer
    }

    /// The switches of this name or MAC; `None` if there is no Mist to ask.
    pub(super) async fn find(&self, wanted: Wanted) -> Option<Result<Vec<Switch>, Failure>> {
        Some(self.mist.as_ref()?.find(wanted).await)
    }
}

/// Asks Mist whether an access point is back.
fn connected(mist: Arc<Mist>) -> Connected {
    Arc::new(move |ap, site| {
        let mist = Arc::clone(&mist);
        Box::pin(async move { mist.is_connected(ap, Some(&site)).await })
    })
}
