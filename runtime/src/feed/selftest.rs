//! `mistgate selftest`: Mist pings our webhook, which has to come in by the way of all others, and
//! each destination gets a message. It goes past queues and incidents.

use std::{fmt, pin::Pin, time::Duration};

use mistgate_core::base::{text::one_line, time::Instant, time::UnixTime};
use mistgate_core::delivery::config::Destination;
use mistgate_core::mist::feed::{input::Verdict, ping::ping, ping::undelivered};
use serde::Serialize;
use smol::{channel::Receiver, future::FutureExt as _, future::zip};

use super::Handle;
use crate::base::{clock::Alarm, clock::timeout, clock::wall, journal::Level, journal::fields};
use crate::{chat::driver::post_alone, mist::Urgency, webhook::Intake};

/// How long Mist may take to answer what it is asked for, and how long a ping may be on its way.
const ASK_MAX: Duration = Duration::from_secs(60);
const PING_MAX: Duration = Duration::from_secs(60);
/// How often Mist's log is asked whether the ping failed.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// The most characters of all reasons together.
const REASON_MAX: usize = 600;

/// One step of a test.
#[derive(Debug, Serialize)]
pub(crate) struct Step {
    what: String,
    millis: u64,
    /// Why it failed; none if it did not.
    reason: Option<String>,
}

impl Handle {
    /// Makes a test, whose pings come in at `service`, and has its result told if it is news.
    /// Destinations get messages if they are `told`. Another test waits until it is over.
    pub(crate) async fn test(&self, service: &Intake, told: bool) -> Vec<Step> {
        let _turn = self.turn.lock().await;
        let (pings, since, began) = (service.pings(), wall(), self.now());
        let asking = async {
            let ping = ping(self.wanted.clone());
            Ok(self.client.run(ping, Urgency::Question).await)
        };
        let asked = asking.or(timeout(ASK_MAX)).await;
        let asked = asked.unwrap_or_else(|_| Err("Mist did not answer in time".to_owned()));
        let whose = self.name.as_ref().map(|name| format!("{name}: ")).unwrap_or_default();
        let what = format!("{whose}Mist is asked to ping the webhook");
        let mut steps = vec![self.step(what, began, &asked)];
        if let Ok(hook) = asked {
            let began = self.now();
            let came = self.wait(&hook, since, &pings).await;
            steps.push(self.step(format!("{whose}the ping comes in, signed"), began, &came));
        }
        let settings = service.settings();
        let sending = settings.chat.destinations.iter().filter(|_| told).map(|to| {
            let (began, timeout) = (self.now(), settings.chat.delivery.timeout);
            async move {
                let sent = self.send(to, timeout).await;
                self.step(format_args!("{} takes a message", to.name), began, &sent)
            }
        });
        steps.extend(all(sending).await);
        let verdict = verdict(&steps);
        let failed = verdict.as_ref().err().map_or("", String::as_str);
        self.journal.note(Level::Info, "selftest", fields![steps = steps.len(), failed]);
        // One that waits is as new.
        let _ = self.tested.try_send(verdict);
        steps
    }

    /// Waits for a ping of this webhook.
    async fn wait(
        &self,
        hook: &str,
        since: UnixTime,
        pings: &Receiver<String>,
    ) -> Result<(), String> {
        let (end, mut alarm) = (self.now() + PING_MAX, Alarm::default());
        loop {
            let look_at = end.min(self.now() + LOOK_EVERY);
            let coming =
                async { while pings.recv().await.is_ok_and(|id| !id.is_empty() && id != hook) {} };
            if alarm.bound(self.outbound.clock, Some(look_at), coming).await.is_some() {
                return Ok(());
            }
            let lost = undelivered(&self.wanted.org, hook, since, wall());
            let asking = async { Ok(self.client.run(lost, Urgency::Question).await) };
            if let Ok(Some(reason)) = asking.or(timeout(LOOK_EVERY)).await {
                return Err(format!("Mist could not deliver it: {reason}"));
            }
            if end <= self.now() {
                let secs = PING_MAX.as_secs();
                let what = "see the firewall, webhook.url and the secret in Mist";
                return Err(format!("none came within {secs} s — {what}"));
            }
        }
    }

    async fn send(&self, to: &Destination, timeout: Duration) -> Result<(), String> {
        let title = "Selftest of mistgate".to_owned();
        let summary = "This is a test of the way from Mist to here. Nothing happened.".to_owned();
        post_alone(self.outbound.clone(), to, (title, summary), timeout, &self.journal).await
    }

    fn now(&self) -> Instant {
        self.outbound.clock.now()
    }

    fn step<T>(&self, what: impl fmt::Display, began: Instant, did: &Result<T, String>) -> Step {
        let millis = u64::try_from((self.now() - began).as_millis()).unwrap_or(u64::MAX);
        Step { what: what.to_string(), millis, reason: did.as_ref().err().cloned() }
    }
}

/// Runs all at once, and gives their results in their order.
async fn all<F: Future<Output: Send> + Send>(each: impl Iterator<Item = F>) -> Vec<F::Output> {
    type Running<'a, T> = Pin<Box<dyn Future<Output = Vec<T>> + Send + 'a>>;
    let none: Running<'_, F::Output> = Box::pin(async { Vec::new() });
    let joined = each.fold(none, |others, one| {
        Box::pin(async move {
            let (mut all, one) = zip(others, one).await;
            all.push(one);
            all
        })
    });
    joined.await
}

/// That all steps passed; or which did not, and why.
fn verdict(steps: &[Step]) -> Verdict {
    let failed = |Step { what, reason, .. }: &Step| Some(format!("{what}: {}", reason.as_ref()?));
    let failed: Vec<String> = steps.iter().filter_map(failed).collect();
    if failed.is_empty() { Ok(()) } else { Err(one_line(&failed.join("; "), REASON_MAX)) }
}
