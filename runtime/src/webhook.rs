//! The webhook listener's service: verifies and parses requests in the core, and answers once the
//! events are on disk. It also takes the requests of external programs for a port's mode.

mod external;

use std::{collections::BTreeMap, mem, sync::Arc, time::Duration};

use http_types::StatusCode;
use mistgate_core::base::time::{Instant, UnixTime};
use mistgate_core::mist::{catalogue::Learned, feed::input::Heard, feed::output::Late};
use mistgate_core::webhook::{config::Webhook, intake, intake::Rejection, signature};
use mistgate_core::{config::ports::External, delivery::config::Chat, event::Topic};
use mistgate_core::{ports::ap_event::ApEvent, webhook::signature::Signatures};
use smol::channel;

use crate::base::{clock, clock::Clock, metrics::Histogram, sync::Mutex, sync::Shared};
use crate::base::{journal::Journal, journal::Level, journal::fields, metrics::Counter};
use crate::{chat::driver, chat::driver::Message, http::listen::Bytes, http::listen::Event};
use crate::{http::listen::Head, http::listen::Reply, http::listen::Service, ports};

/// `Retry-After` when the disk refused.
const RETRY_AFTER: Duration = Duration::from_secs(10);
/// The most pings at once that are waited for.
const PINGS_MAX: usize = 16;
/// The most organisations whose webhooks are told apart.
const ORGS_MAX: usize = 100;

/// What the service needs of the configuration; replaced as a whole when that is read again.
#[derive(Debug)]
pub struct Settings {
    pub webhook: Webhook,
    pub chat: Chat,
    pub switches: Option<ports::Handle>,
    /// Where external programs may ask for a mode.
    pub external: Option<External>,
}

impl Settings {
    /// Passes what accepted events say about access points on to the plan of the switch ports.
    async fn pass_on(&self, ap_events: Vec<ApEvent>) {
        if let Some(switches) = &self.switches
            && !ap_events.is_empty()
        {
            switches.ap_events(ap_events).await;
        }
    }
}

/// Takes webhooks and hands their events to the engine.
pub struct Intake {
    settings: Shared<Settings>,
    /// By organisation; empty where an event does not say it.
    heard: Mutex<BTreeMap<String, Heard>>,
    /// Takes the ids of the webhooks that Mist pings, while somebody waits for them.
    pinged: Mutex<Option<channel::Sender<String>>>,
    /// What Mist says of types for which we have no words.
    learned: Shared<Learned>,
    driver: driver::Handle,
    journal: Arc<Journal>,
    clock: Clock,
}

impl Intake {
    /// A service for the given settings.
    pub fn new(
        settings: Settings,
        driver: driver::Handle,
        journal: Arc<Journal>,
        clock: Clock,
    ) -> Self {
        let (settings, learned) = (Shared::new(settings), Shared::new(Learned::default()));
        let (heard, pinged) = (Mutex::default(), Mutex::default());
        Self { settings, heard, pinged, learned, driver, journal, clock }
    }

    /// Replaces the settings for the requests to come.
    pub fn configure(&self, settings: Settings) {
        self.settings.set(settings);
    }

    /// Takes Mist's words for types for which we have none.
    pub(crate) fn learn(&self, learned: Learned) {
        self.learned.set(learned);
    }

    /// When webhooks of an organisation last came.
    pub(crate) fn heard(&self, org: &str) -> Heard {
        let heard = self.heard.lock();
        let [own, any] = [org, ""].map(|org| heard.get(org).copied().unwrap_or_default());
        Heard { any: own.any.max(any.any), devices: own.devices.max(any.devices) }
    }

    /// When the last webhook came, of any organisation.
    pub(crate) fn last_heard(&self) -> Option<UnixTime> {
        self.heard.lock().values().filter_map(|heard| heard.any).max()
    }

    /// Where events go.
    pub(crate) fn settings(&self) -> Arc<Settings> {
        self.settings.get()
    }

    /// The ids of the webhooks that Mist pings from now on, each empty if it does not say which.
    /// Whoever asked before gets no more.
    pub(crate) fn pings(&self) -> channel::Receiver<String> {
        let (sender, receiver) = channel::bounded(PINGS_MAX);
        *self.pinged.lock() = Some(sender);
        receiver
    }

    /// Takes in what Mist did not send, or not with success. Returns whether it is on disk, as far
    /// as it is to be.
    pub(crate) async fn take_late(&self, late: &Late) -> bool {
        let settings = self.settings.get();
        let Some(mut intake) = intake::late(&settings.chat, &self.learned.get(), late) else {
            return true;
        };
        let ap_events = mem::take(&mut intake.ap_events);
        self.hand_over(&settings, intake, ap_events).await == StatusCode::Ok
    }

    /// Hands what came to the engine, and once it is on disk to the switch ports.
    async fn hand_over(
        &self,
        settings: &Settings,
        intake: intake::Intake,
        ap_events: Vec<ApEvent>,
    ) -> StatusCode {
        let (answer, answered) = channel::bounded(1);
        self.driver.send(Message::Request { intake, answer });
        let status = answered.recv().await.unwrap_or(StatusCode::ServiceUnavailable);
        if status == StatusCode::Ok {
            settings.pass_on(ap_events).await;
        }
        status
    }

    fn note_heard(&self, topic: &str, org: Option<String>, body: &[u8]) {
        if topic == Topic::Ping.name()
            && let Some(waiting) = &*self.pinged.lock()
        {
            for id in intake::pings(body) {
                // Nobody may wait any more.
                let _ = waiting.try_send(id);
            }
        }
        let (now, mut heard) = (Some(clock::wall()), self.heard.lock());
        let org = org.filter(|org| heard.len() < ORGS_MAX || heard.contains_key(org));
        let heard = heard.entry(org.unwrap_or_default()).or_default();
        heard.any = now;
        if [Topic::DeviceEvents, Topic::DeviceUpdowns].iter().any(|own| own.name() == topic) {
            heard.devices = now;
        }
    }

    fn answer(&self, began: Instant, reply: Reply) -> Reply {
        self.journal.metrics.observe(Histogram::Request, &[], self.clock.now() - began);
        self.counted(reply)
    }

    fn counted(&self, reply: Reply) -> Reply {
        let status = reply.status.to_string();
        self.journal.metrics.add(Counter::Requests, &[("status", &status)], 1);
        reply
    }

    fn reject(&self, head: &Head<'_>, rejection: Rejection) -> Reply {
        self.journal.metrics.add(Counter::Rejected, &[("reason", rejection.name())], 1);
        let (from, reason) = (head.peer().ip(), rejection);
        let values = fields![from, reason];
        if matches!(rejection, Rejection::Signature(_)) {
            self.journal.stranger("webhook", Level::Warning, "rejected", values);
        } else {
            self.journal.client(Level::Warning, "rejected", values);
        }
        Reply::status(rejection.status().into())
    }
}

impl Service for Intake {
    fn admit(&self, head: &Head<'_>) -> Result<(), Reply> {
        let settings = self.settings.get();
        if let Some(external) = settings.external_of(head) {
            return self.admit_external(external, head).map_err(|refused| self.counted(refused));
        }
        let refused = if !settings.webhook.paths.iter().any(|path| path == head.path()) {
            Reply::status(StatusCode::NotFound.into())
        } else if head.method() != "POST" {
            Reply::status(StatusCode::MethodNotAllowed.into()).header("allow", "POST")
        } else if let Err(missing) = signatures(head).present(settings.webhook.accept_v1) {
            self.reject(head, Rejection::Signature(missing))
        } else {
            return Ok(());
        };
        Err(self.counted(refused))
    }

    async fn serve(&self, head: &Head<'_>, body: Bytes) -> Reply {
        let began = self.clock.now();
        let settings = self.settings.get();
        if let Some((_, switches)) = settings.external_of(head).zip(settings.switches.as_ref()) {
            return self.answer(began, self.ask_for_mode(switches, head, &body).await.proven());
        }
        let mut intake = match intake::intake(
            &settings.webhook,
            &settings.chat,
            &self.learned.get(),
            signatures(head),
            &body,
        ) {
            Ok(intake) => intake,
            Err(rejection) => {
                let reply = self.reject(head, rejection);
                let is_signed = matches!(rejection, Rejection::Envelope(_));
                return self.answer(began, if is_signed { reply.proven() } else { reply });
            }
        };
        self.note_heard(&intake.topic, intake.org.take(), &body);
        let metrics = &self.journal.metrics;
        if intake.broken > 0 {
            metrics.add(Counter::Broken, &[], intake.broken);
            self.journal.note(
                Level::Warning,
                "broken_events",
                fields![topic = intake.topic, events = intake.broken],
            );
        }
        if intake.unrouted > 0 {
            metrics.add(Counter::Unrouted, &[], intake.unrouted);
        }
        self.journal.note(
            Level::Debug,
            "webhook",
            fields![
                from = head.peer().ip(),
                topic = intake.topic,
                routed = intake.items.len(),
                unrouted = intake.unrouted
            ],
        );
        let ap_events = mem::take(&mut intake.ap_events);
        if intake.items.is_empty() {
            settings.pass_on(ap_events).await;
            return self.answer(began, Reply::status(StatusCode::Ok.into()).proven());
        }
        // The body is not needed any more; a slow disk should not hold it.
        drop(body);
        let status = self.hand_over(&settings, intake, ap_events).await;
        let mut reply = Reply::status(status.into()).proven();
        if status == StatusCode::ServiceUnavailable {
            reply = reply.retry_after(RETRY_AFTER);
        }
        self.answer(began, reply)
    }

    fn note(&self, event: Event) {
        event.note(&self.journal, "webhook");
    }
}

fn signatures<'a>(head: &Head<'a>) -> Signatures<'a> {
    Signatures { v2: head.header(signature::HEADER_V2), v1: head.header(signature::HEADER_V1) }
}
