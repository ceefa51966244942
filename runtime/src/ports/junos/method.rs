//! The switches themselves as a method. What they remember outlives a change of the configuration.

use std::sync::Arc;

use mistgate_core::{
    base::failure::Failure,
    junos::Junos,
    ports::{
        edit::{Edit, Pushed},
        name::PortName,
        question::Answer,
        switch_port::Switch,
    },
};

use super::{Connected, Switches};
use crate::{
    base::{journal::Journal, sync::Shared},
    http::outbound::Outbound,
    ports::{
        method::{Call, Difference, Method},
        mist::Mist,
    },
};

/// All switches, with the Mist that is asked whether an access point is back.
pub(in crate::ports) struct OnSwitches {
    switches: Arc<Switches>,
    asked: Arc<Shared<Option<Arc<Mist>>>>,
    sessions_max: usize,
}

impl OnSwitches {
    /// The switches of a configuration, which takes over what `before` remembers of them.
    pub(in crate::ports) fn new(
        junos: &Junos,
        before: Option<&Self>,
        mist: Option<&Arc<Mist>>,
        outbound: &Outbound,
        journal: &Arc<Journal>,
    ) -> Self {
        const READ: &str = "the key was read when the configuration was";
        let sessions_max = junos.sessions_max;
        if let Some(Self { switches, asked, .. }) = before {
            switches.configure(junos).expect(READ);
            asked.set(mist.cloned());
            let (switches, asked) = (Arc::clone(switches), Arc::clone(asked));
            return Self { switches, asked, sessions_max };
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

impl Method for OnSwitches {
    fn name(&self) -> &'static str {
        "junos"
    }

    fn work_max(&self) -> usize {
        self.sessions_max
    }

    fn reaches_by_name(&self) -> bool {
        true
    }

    fn see<'a>(&'a self, switch: &'a Switch, port: PortName) -> Call<'a, Answer> {
        Box::pin(self.switches.see(switch, port))
    }

    fn compare<'a>(
        &'a self,
        switch: &'a Switch,
        edits: &'a [Edit],
    ) -> Call<'a, Result<Difference, Failure>> {
        Box::pin(async { self.switches.compare(switch, edits).await.map(Difference::Known) })
    }

    fn push<'a>(&'a self, switch: &'a Switch, edits: &'a [Edit]) -> Call<'a, Pushed> {
        Box::pin(self.switches.push(switch, edits))
    }

    fn read<'a>(&'a self, switch: &'a Switch, edit: &'a Edit) -> Call<'a, Option<bool>> {
        Box::pin(self.switches.read(switch, edit))
    }

    fn stop(&self) {
        self.switches.stop();
    }
}
