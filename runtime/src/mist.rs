//! Mist's REST API: all callers share its connections and one budget of requests.
//!
//! A question waits for the budget in turn, and leaves room for what is urgent.

use std::{sync::Arc, time::Duration};

use mistgate_core::base::exchange::{Exchange, ExchangeResult, Request};
use mistgate_core::base::{failure::Failure, secret::Secret, time::Instant};
use mistgate_core::mist::{Mist, budget::Budget};
use smol::{Timer, lock::Semaphore};

use crate::api::{Api, REQUESTS_MAX, run_exchange};
use crate::base::journal::{Journal, Level, fields};
use crate::{base::clock::Clock, base::sync::Mutex, http::outbound::Outbound};

/// For one request with its answer.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How long a question waits for the budget.
const QUESTION_WAIT_MAX: Duration = Duration::from_secs(300);
/// How long a change waits for the budget. Whoever asked for it knows when to try again.
const CHANGE_WAIT_MAX: Duration = Duration::from_secs(5);
/// The most requests at once that are questions.
const QUESTIONS_MAX: usize = REQUESTS_MAX - 2;

/// What was asked of Mist, by whoever has the token.
pub(crate) type SharedBudget = Arc<Mutex<Budget>>;

/// The way to Mist's API, with a token.
pub struct Client {
    api: Api,
    clock: Clock,
    journal: Arc<Journal>,
    budget: SharedBudget,
    questions: Semaphore,
}

/// How much a request matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    Change,
    Question,
}

impl Client {
    /// `None` without a token.
    pub fn new(mist: &Mist, outbound: Outbound, journal: Arc<Journal>) -> Option<Self> {
        let token = mist.token.as_ref()?;
        let authorization = Some(Secret::new(format!("Token {}", token.expose())));
        let (origin, clock) = (mist.api_url.clone(), outbound.clock);
        Some(Self {
            api: Api::new(origin, authorization, TIMEOUT, outbound, Arc::clone(&journal)),
            clock,
            journal,
            budget: Arc::default(),
            questions: Semaphore::new(QUESTIONS_MAX),
        })
    }

    /// This one, with the budget that others use too.
    #[must_use]
    pub(crate) fn sharing(self, budget: &SharedBudget) -> Self {
        Self { budget: Arc::clone(budget), ..self }
    }

    /// What it has used of the budget.
    pub(crate) const fn budget(&self) -> &SharedBudget {
        &self.budget
    }

    /// Runs an exchange to its end.
    pub async fn run<T>(&self, exchange: Exchange<T>, urgency: Urgency) -> T {
        run_exchange(exchange, |request| self.send(request, urgency)).await
    }

    /// Sends a request when the budget allows it.
    pub async fn send(&self, request: Request, urgency: Urgency) -> ExchangeResult {
        let since = self.clock.now();
        let _permit = match urgency {
            Urgency::Change => None,
            Urgency::Question => Some(self.questions.acquire().await),
        };
        self.wait(since, urgency).await?;
        let mut response = self.api.send(&request).await?;
        if response.status == 429 {
            let hold = self.budget.lock().refused(self.clock.now(), response.retry_after);
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
                let mut budget = self.budget.lock();
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
