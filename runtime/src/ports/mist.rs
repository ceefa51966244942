//! Mist's REST API: questions about ports, and port profiles.
//!
//! All callers share one budget of requests. Questions wait for it in turn, and leave room for
//! changes. A switch's configuration is read and written by one conversation at a time.

use std::{sync::Arc, time::Duration};

use mistgate_core::base::exchange::{Exchange, ExchangeResult, Request};
use mistgate_core::base::failure::Failure;
use mistgate_core::base::mac::Mac;
use mistgate_core::base::secret::Secret;
use mistgate_core::base::time::Instant;
use mistgate_core::mist;
use mistgate_core::mist::Profiles;
use mistgate_core::mist::ask::{Ask, Connected};
use mistgate_core::mist::budget::Budget;
use mistgate_core::mist::find::{Find, Wanted};
use mistgate_core::mist::profile::Change;
use mistgate_core::mist::push::Push;
use mistgate_core::mist::read::{Read, Task};
use mistgate_core::ports::edit::{Edit, Pushed};
use mistgate_core::ports::question::{Answer, Question};
use mistgate_core::ports::switch_port::Switch;
use smol::{Timer, lock};

use crate::base::clock::Clock;
use crate::base::journal::{Journal, Level, fields};
use crate::base::keyed_lock::KeyedLock;
use crate::base::sync::Mutex;
use crate::http::outbound::Outbound;
use crate::ports::api::{Api, REQUESTS_MAX, run_exchange};
use crate::ports::method::{Call, Difference, Method};

/// For one request with its answer.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How long a question waits for the budget.
const QUESTION_WAIT_MAX: Duration = Duration::from_secs(300);
/// How long a change waits for the budget. Whoever asked for it knows when to try again.
const CHANGE_WAIT_MAX: Duration = Duration::from_secs(5);
/// The most requests at once that are questions.
const QUESTIONS_MAX: usize = REQUESTS_MAX - 2;

/// The way to Mist's API.
pub struct Mist {
    api: Api,
    org: String,
    profiles: Option<Profiles>,
    clock: Clock,
    journal: Arc<Journal>,
    memory: Arc<Memory>,
    questions: lock::Semaphore,
}

/// What outlives a change of the configuration.
struct Memory {
    budget: Mutex<Budget>,
    /// By device id: who reads and writes a switch does so alone.
    switches: KeyedLock<String>,
}

/// How much a request matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Urgency {
    Change,
    Question,
}

impl Mist {
    /// `None` without a token or an organisation. Without `profiles` no port can be changed.
    pub fn new(
        mist: &mist::Mist,
        profiles: Option<Profiles>,
        outbound: Outbound,
        journal: Arc<Journal>,
    ) -> Option<Self> {
        let token = mist.token.as_ref()?;
        let authorization = Some(Secret::new(format!("Token {}", token.expose())));
        let (origin, clock) = (mist.api_url.clone(), outbound.clock);
        Some(Self {
            api: Api::new(origin, authorization, TIMEOUT, outbound, Arc::clone(&journal)),
            org: mist.org_id.clone()?,
            profiles,
            clock,
            journal,
            memory: Arc::new(Memory { budget: Mutex::default(), switches: KeyedLock::new() }),
            questions: lock::Semaphore::new(QUESTIONS_MAX),
        })
    }

    /// This one, in the place of another that may still have conversations to end: with what that
    /// one has used of the budget, and with regard to what it writes.
    #[must_use]
    pub fn after(self, before: &Self) -> Self {
        Self { memory: Arc::clone(&before.memory), ..self }
    }

    /// Answers a question.
    pub async fn answer(&self, question: Question) -> Answer {
        self.run(Ask::new(&self.org, question), Urgency::Question).await
    }

    /// The switches of this name or MAC.
    pub async fn find(&self, wanted: Wanted) -> Result<Vec<Switch>, Failure> {
        self.run(Find::new(&self.org, wanted), Urgency::Question).await
    }

    /// Whether an access point is connected to the cloud; nothing where Mist does not say.
    pub async fn is_connected(&self, ap: Mac, site: Option<&str>) -> Option<bool> {
        // A change that waits to be confirmed depends on it.
        self.run(Connected::new(&self.org, ap, site), Urgency::Change).await
    }

    /// Gives ports of a switch their modes, all or none.
    pub async fn push(&self, switch: &Switch, edits: &[Edit]) -> Pushed {
        let Some(task) = self.task(switch, edits) else {
            return Pushed::Failed(Failure::Unreachable);
        };
        let _alone = self.memory.switches.lock(switch.device_id.clone()).await;
        self.run(Push::new(task), Urgency::Change).await
    }

    /// Whether a port has its mode; nothing where it could not be read.
    pub async fn read(&self, switch: &Switch, edit: &Edit) -> Option<bool> {
        let change = self.compare(switch, std::slice::from_ref(edit)).await;
        change.ok().map(|change| change.layers.is_empty())
    }

    /// What a [`push`](Self::push) would change.
    pub async fn compare(&self, switch: &Switch, edits: &[Edit]) -> Result<Change, Failure> {
        let task = self.task(switch, edits).ok_or(Failure::Unreachable)?;
        let _alone = self.memory.switches.lock(switch.device_id.clone()).await;
        self.run(Read(task), Urgency::Change).await
    }

    /// `None` where there are no profiles, or where Mist does not have the switch.
    fn task(&self, switch: &Switch, edits: &[Edit]) -> Option<Task> {
        let profiles = self.profiles.clone()?;
        let is_known = !switch.device_id.is_empty() && !switch.site.is_empty();
        let (switch, edits) = (switch.clone(), edits.to_vec());
        is_known.then_some(Task { switch, edits, profiles })
    }

    async fn run<E: Exchange>(&self, exchange: E, urgency: Urgency) -> E::Output {
        run_exchange(exchange, |request| self.send(request, urgency)).await
    }

    /// Sends a request when the budget allows it.
    async fn send(&self, request: Request, urgency: Urgency) -> ExchangeResult {
        let since = self.clock.now();
        let _permit = match urgency {
            Urgency::Change => None,
            Urgency::Question => Some(self.questions.acquire().await),
        };
        self.wait(since, urgency).await?;
        let mut response = self.api.send(&request).await?;
        if response.status == 429 {
            let hold = self.memory.budget.lock().refused(self.clock.now(), response.retry_after);
            let secs = hold.as_secs();
            self.journal.note(Level::Warning, "mist_budget_spent", fields![hold_secs = secs]);
            response.retry_after = Some(hold);
        }
        Ok(response)
    }

    /// Waits for the budget, not too long in all.
    async fn wait(&self, since: Instant, urgency: Urgency) -> Result<(), Failure> {
        let is_urgent = urgency == Urgency::Change;
        let wait_max = if is_urgent { CHANGE_WAIT_MAX } else { QUESTION_WAIT_MAX };
        loop {
            let now = self.clock.now();
            let ready_at = {
                let mut budget = self.memory.budget.lock();
                let ready_at = budget.ready_at(now, is_urgent);
                if ready_at <= now {
                    budget.note(now);
                    return Ok(());
                }
                ready_at
            };
            let system = self.clock.system(ready_at).filter(|_| ready_at <= since + wait_max);
            let system = system.ok_or(Failure::Busy { after: Some(ready_at - now) })?;
            Timer::at(system).await;
        }
    }
}

impl Method for Mist {
    fn name(&self) -> &'static str {
        "mist"
    }

    fn compare<'a>(
        &'a self,
        switch: &'a Switch,
        edits: &'a [Edit],
    ) -> Call<'a, Result<Difference, Failure>> {
        Box::pin(async {
            self.compare(switch, edits).await.map(|change| Difference::Known(change.diff))
        })
    }

    fn push<'a>(&'a self, switch: &'a Switch, edits: &'a [Edit]) -> Call<'a, Pushed> {
        Box::pin(self.push(switch, edits))
    }

    fn read<'a>(&'a self, switch: &'a Switch, edit: &'a Edit) -> Call<'a, Option<bool>> {
        Box::pin(self.read(switch, edit))
    }
}
