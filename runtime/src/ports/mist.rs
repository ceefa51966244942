//! Questions to Mist about ports, and port profiles.
//!
//! A switch's configuration is read and written by one conversation at a time.

use std::sync::Arc;

use mistgate_core::mist::{Profiles, ask::ask, ask::connected, find::Wanted};
use mistgate_core::mist::{find::find, profile::Change, push::push, read::Task, read::read};
use mistgate_core::ports::{edit::Edit, edit::Pushed, question::Answer, question::Question};
use mistgate_core::{base::failure::Failure, base::mac::Mac, mist, ports::switch_port::Switch};

use crate::mist::{Client, SharedBudget, Urgency};
use crate::ports::method::{Call, Compared, Method};
use crate::{base::journal::Journal, base::keyed_lock::KeyedLock, http::outbound::Outbound};

/// What Mist knows of ports, and what it does with them.
pub struct Mist {
    client: Client,
    org: String,
    profiles: Option<Profiles>,
    /// By device id: who reads and writes a switch does so alone.
    switches: Arc<KeyedLock<String>>,
}

impl Mist {
    /// `None` without a token or an organisation. Without `profiles` no port can be changed.
    pub fn new(
        mist: &mist::Mist,
        profiles: Option<Profiles>,
        outbound: Outbound,
        journal: Arc<Journal>,
    ) -> Option<Self> {
        let client = Client::new(mist, outbound, journal)?;
        let (org, switches) = (mist.org_id.clone()?, Arc::new(KeyedLock::new()));
        Some(Self { client, org, profiles, switches })
    }

    /// This one, in the place of another that may still have conversations to end: with what that
    /// one has used of the budget, and with regard to what it writes.
    #[must_use]
    pub fn after(self, before: &Self) -> Self {
        let switches = Arc::clone(&before.switches);
        Self { switches, ..self.sharing(before.client.budget()) }
    }

    /// This one, with the budget that others use too.
    #[must_use]
    pub(crate) fn sharing(self, budget: &SharedBudget) -> Self {
        Self { client: self.client.sharing(budget), ..self }
    }

    /// Answers a question.
    pub async fn answer(&self, question: Question) -> Answer {
        self.client.run(ask(&self.org, question), Urgency::Question).await
    }

    /// The switches of this name or MAC.
    pub async fn find(&self, wanted: Wanted) -> Result<Vec<Switch>, Failure> {
        self.client.run(find(&self.org, wanted), Urgency::Question).await
    }

    /// Whether an access point is connected to the cloud; nothing where Mist does not say.
    pub async fn is_connected(&self, ap: Mac, site: Option<&str>) -> Option<bool> {
        // A change that waits to be confirmed depends on it.
        self.client.run(connected(&self.org, ap, site), Urgency::Change).await
    }

    /// What a [`push`](Method::push) would change.
    pub async fn compare(&self, switch: &Switch, edits: &[Edit]) -> Result<Change, Failure> {
        let task = self.task(switch, edits).ok_or(Failure::Unreachable)?;
        let _alone = self.switches.lock(switch.device_id.clone()).await;
        self.client.run(read(task), Urgency::Change).await
    }

    /// `None` where there are no profiles, or where Mist does not have the switch.
    fn task(&self, switch: &Switch, edits: &[Edit]) -> Option<Task> {
        let profiles = self.profiles.clone()?;
        let is_known = !switch.device_id.is_empty() && !switch.site.is_empty();
        let (switch, edits) = (switch.clone(), edits.to_vec());
        is_known.then_some(Task { switch, edits, profiles })
    }
}

impl Method for Mist {
    fn name(&self) -> &'static str {
        "mist"
    }

    fn compare<'a>(&'a self, switch: &'a Switch, edits: &'a [Edit]) -> Call<'a, Compared> {
        Box::pin(async move {
            if self.compare(switch, edits).await?.diff.is_empty() {
                return Ok(vec![String::new(); edits.len()]);
            }
            let mut all = Vec::new();
            for edit in edits.chunks(1) {
                all.push(self.compare(switch, edit).await?.diff);
            }
            Ok(all)
        })
    }

    fn push<'a>(&'a self, switch: &'a Switch, edits: &'a [Edit]) -> Call<'a, Pushed> {
        Box::pin(async move {
            let Some(task) = self.task(switch, edits) else {
                return Pushed::Failed(Failure::Unreachable);
            };
            let _alone = self.switches.lock(switch.device_id.clone()).await;
            self.client.run(push(task), Urgency::Change).await
        })
    }

    fn read<'a>(&'a self, switch: &'a Switch, edit: &'a Edit) -> Call<'a, Option<bool>> {
        Box::pin(async move {
            let change = self.compare(switch, std::slice::from_ref(edit)).await;
            change.ok().map(|change| change.layers.is_empty())
        })
    }
}
