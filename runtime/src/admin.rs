//! What a running mistgate answers to its operators: health, readiness, metrics, status, dead
//! letters, and orders for the switch ports; by the admin endpoint's listener, and by the control
//! socket.

mod dead_letters;
pub mod guard;
pub mod history;
mod incidents;
mod meetups;
pub mod mist;
mod open_incidents;
pub mod page;
mod switch_ports;

mod routes;

pub mod control;

use std::sync::atomic::{AtomicBool, Ordering};
use std::{fmt, net::IpAddr, sync::Arc, sync::OnceLock, time::Duration};

use http_types::StatusCode;
use mistgate_core::engine::{DestinationStatus, report};
use mistgate_core::http::listener::{Limits, Policy};
use mistgate_core::{base::time::UnixTime, delivery::queue::output::Health};
use mistgate_core::{incident::Incidents, mist::feed::Status, page::LOGIN, page::LOGOUT};
use serde_json::{Value, json};
use smol::Timer;

use self::{guard::Guard, guard::Role, open_incidents::Counts, routes::Route};
use crate::base::journal::{Journal, Level, fields};
use crate::base::{clock, clock::Clock, metrics::Counter, metrics::Gauge, metrics::Labels, task};
use crate::http::listen::{Bytes, Event, Head, Reply, Service};
use crate::{base::store::care, base::sync::Shared, chat::driver, chat::driver::Message};
use crate::{feed, http::tls, micronets::relay, micronets::relay::Relay, ports, webhook};

const TEXT: &str = "text/plain; charset=utf-8";
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";
const JSON: &str = "application/json";
/// The most bytes of a body.
const BODY_MAX: usize = 64 << 10;
/// How long before its end a certificate is spoken of, and how often.
const SOON: Duration = Duration::from_hours(14 * 24);
const REMIND_EVERY: Duration = Duration::from_hours(24);
/// Makes a copy of the store in the state folder.
pub const BACKUP: &str = "/store/backup";

/// What the service needs of the configuration; replaced as a whole when that is read again.
#[derive(Default)]
pub struct Settings {
    pub guard: Guard,
    pub switches: Option<ports::Handle>,
    pub relay: Option<Arc<Relay>>,
    /// The way from Mist, for each organisation.
    pub feeds: Vec<Arc<feed::Handle>>,
    pub webhook: Option<Arc<webhook::Intake>>,
    /// The files with certificates and revocation lists.
    pub certificates: Vec<String>,
    pub has_page: bool,
}

/// The service of the admin endpoint.
pub struct Admin {
    pub settings: Shared<Settings>,
    pub driver: driver::Handle,
    pub journal: Arc<Journal>,
    pub clock: Clock,
    /// Set once everything listens, cleared when it stops.
    pub ready: Arc<AtomicBool>,
    /// Whether a certificate ended soon at the last reminder: only then are the files read again.
    pub has_ending: AtomicBool,
    pub page: page::Memory,
    /// What the sandbox holds; empty where there is none.
    pub sandbox: OnceLock<String>,
}

/// The status of each part; `None` where it is off or has ended.
struct Parts {
    driver: Option<driver::Status>,
    ports: Option<ports::Status>,
    proxy: Option<relay::Status>,
    /// The organisations' names, and what is known of the way from each.
    feeds: Vec<(Option<String>, Arc<Status>)>,
    /// The names of damaged stores that were set aside and still lie there.
    set_aside: Vec<String>,
    dead_letters: u64,
    incidents: Option<Counts>,
}

/// Who asks, as the audit and the journal name it.
#[derive(Clone, Debug)]
enum Caller {
    /// Over the network.
    Address(IpAddr),
    /// By the page, over the network.
    Page(IpAddr),
    /// Over the control socket: the user, and who that was before sudo, as it claims.
    User { uid: u32, sudo_user: Option<String> },
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Page(address) => write!(f, "{address} (page, act)"),
            Self::User { uid, sudo_user: None } => write!(f, "uid {uid}"),
            Self::User { uid, sudo_user: Some(user) } => write!(f, "uid {uid} (sudo: {user})"),
        }
    }
}

/// The answer to a request, or the refusal of it.
type Answer = Result<Reply, Reply>;

/// A request that was admitted.
#[derive(Clone, Copy)]
struct Asked<'a> {
    head: &'a Head<'a>,
    path: &'a str,
    body: &'a [u8],
    caller: &'a Caller,
}

impl Asked<'_> {
    /// The number in its path; `None` if it is larger than any.
    fn id(&self) -> Option<u64> {
        self.path.split('/').nth(2)?.parse().ok()
    }
}

/// Whom the listeners of the service let in.
pub(crate) fn policy() -> Policy {
    let limits = Limits { body_max: BODY_MAX, ..Limits::default() };
    Policy { limits, ..Policy::default() }
}

impl Admin {
    fn metrics_of(&self, of: &Parts, ends: &[(String, UnixTime)]) -> String {
        let status = of.driver.as_ref();
        let writable = status.is_some_and(|status| status.writable);
        let (set_aside, is_synchronised) = (of.set_aside.len() as f64, clock::is_synchronised());
        let lie = "Damaged stores that were set aside and still lie there.";
        let synchronised = "Whether the kernel calls its clock synchronised.";
        let mut gauges = vec![
            gauge("uptime_seconds", "Seconds since the start.", self.uptime()),
            gauge("store_writable", "Whether the disk takes writes.", writable),
            gauge("store_set_aside", lie, set_aside),
            gauge("dead_letters", "Dead letters that are kept.", of.dead_letters as f64),
            gauge("clock_synchronised", synchronised, is_synchronised),
        ];
        if let Some(status) = status {
            let each = |name, help, value: &dyn Fn(&DestinationStatus) -> f64| {
                let values = status.destinations.iter().map(|to| (&to.to.name, value(to)));
                by(name, help, "destination", values)
            };
            gauges.push(each("queued", "Events waiting, by destination.", &|to| to.waiting as f64));
            gauges.push(each("queue_age_seconds", "Age of the oldest waiting event.", &|to| {
                age(to, status).unwrap_or(0.0)
            }));
            gauges.push(each("parked", "Whether the destination is dead.", &|to| {
                f64::from(matches!(to.health, Health::Parked(_)))
            }));
        }
        gauges.extend(of.incidents.iter().flat_map(open_incidents::gauges));
        gauges.extend(of.ports.iter().flat_map(switch_ports::gauges));
        gauges.extend(of.proxy.iter().flat_map(meetups::gauges));
        gauges.extend(mist::gauge(&of.feeds));
        let about = "When a certificate ends, or a revocation list is to be renewed, by file.";
        let ends = ends.iter().map(|(file, end)| (file, end.as_secs() as f64));
        gauges.push(by("certificate_end_timestamp_seconds", about, "file", ends));
        self.journal.metrics.exposition(&gauges)
    }

    fn status_of(
        &self,
        status: &driver::Status,
        of: &Parts,
        incidents: &Value,
        ending: &[(String, UnixTime)],
    ) -> Value {
        let metrics = &self.journal.metrics;
        let heard_at = self.settings.get().webhook.as_ref().and_then(|of| of.last_heard());
        let destinations: Vec<_> = status
            .destinations
            .iter()
            .map(|to| {
                let (health, reason) = match to.health {
                    Health::Failing(reason) => ("failing", Some(reason.name())),
                    Health::Parked(reason) => ("parked", Some(reason.name())),
                    Health::Ready => ("ready", None),
                };
                json!({
                    "name": to.to.name,
                    "flavour": to.to.kind.name,
                    "health": health,
                    "reason": reason,
                    "waiting": to.waiting,
                    "untold": to.untold,
                    "oldest_seconds": age(to, status),
                })
            })
            .collect();
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "uptime_seconds": self.uptime(),
            "ready": self.ready.load(Ordering::Relaxed),
            "sandbox": self.sandbox.get(),
            "clock": { "synchronised": clock::is_synchronised() },
            "store": {
                "writable": status.writable,
                "set_aside": of.set_aside,
                "dead_letters": of.dead_letters,
                "dead_letters_pushed_out": metrics.total(Counter::LettersPushedOut),
            },
            "events": {
                "accepted": metrics.total(Counter::Accepted),
                "heard_at": heard_at.map(UnixTime::rfc3339),
                "duplicate": metrics.total(Counter::Duplicates),
                "delivered": metrics.total(Counter::Delivered),
                "dropped": metrics.total(Counter::Dropped),
            },
            "incidents": incidents,
            "destinations": destinations,
            "certificates": ends(ending),
            "ports": of.ports.as_ref().map(switch_ports::json),
            "proxy": of.proxy.as_ref().map(meetups::json),
            "mist": of.feeds.first().map(mist::json),
            "mist_orgs": of.feeds.iter().skip(1).map(mist::json).collect::<Vec<_>>(),
        })
    }

    /// The process is healthy while the chat driver answers.
    async fn healthy(&self) -> Answer {
        self.driver.status().await.ok_or_else(stopping)?;
        Ok(ok().content(TEXT, "healthy\n"))
    }

    async fn ready(&self) -> Answer {
        match self.driver.status().await {
            Some(status) if status.writable && self.ready.load(Ordering::Relaxed) => {
                Ok(ok().content(TEXT, "ready\n"))
            }
            Some(status) if !status.writable => Err(unavailable("no disk")),
            Some(_) | None => Err(unavailable("starting or stopping")),
        }
    }

    async fn metrics(&self) -> Answer {
        Ok(ok().content(
            PROMETHEUS,
            self.metrics_of(&self.parts(0, String::new()).await, &self.ends().await),
        ))
    }

    /// Of the switch ports those that are `like` a text, without the first `skip`.
    async fn status(&self, skip: usize, like: String) -> Answer {
        let parts = self.parts(skip, like).await;
        let look = |incidents: &Incidents| (open_incidents::json(incidents), None);
        let incidents = self.driver.incidents(look).await;
        let (status, incidents) = parts.driver.as_ref().zip(incidents).ok_or_else(stopping)?;
        let has_ending = self.has_ending.load(Ordering::Relaxed);
        let ending = if has_ending { self.ending().await } else { Vec::new() };
        Ok(json(&self.status_of(status, &parts, &incidents, &ending)))
    }

    /// Makes a copy of the store in the state folder, for a command that fetches it from there.
    async fn back_up(&self, asked: Asked<'_>) -> Answer {
        let driver::Status { store, .. } = self.driver.status().await.ok_or_else(stopping)?;
        let copied = task::unblock(move || store.back_up()).await;
        let failed = copied.as_ref().err().map(ToString::to_string).unwrap_or_default();
        let values = fields![from = asked.caller, failed];
        self.journal.note(Level::Info, "store_backed_up", values);
        match copied {
            Ok(()) => Ok(ok().content(TEXT, format!("{}\n", care::BACKUP))),
            Err(_) => Err(refused(StatusCode::InternalServerError, &failed)),
        }
    }

    /// The files of certificates and revocation lists, and when what is in each ends.
    async fn ends(&self) -> Vec<(String, UnixTime)> {
        let files = self.settings.get().certificates.clone();
        let end = |file: String| tls::ends::first(&file).map(|end| (file, end));
        task::unblock(move || files.into_iter().filter_map(end).collect()).await
    }

    /// Those of them that end soon.
    async fn ending(&self) -> Vec<(String, UnixTime)> {
        let soon = clock::wall().plus(SOON);
        self.ends().await.into_iter().filter(|(_, end)| *end < soon).collect()
    }

    /// Says each day, for ever, which of them end soon.
    pub(crate) async fn remind(self: Arc<Self>) {
        loop {
            let (now, ending) = (clock::wall(), self.ending().await);
            self.has_ending.store(!ending.is_empty(), Ordering::Relaxed);
            for (file, end) in ending {
                self.journal.note(Level::Warning, "certificate_ends", fields![file, at = end]);
                let end = end.to_string();
                let report = report::about("CERTIFICATE_ENDS", ("file", &file), &end, now);
                self.driver.send(Message::Report(report));
            }
            Timer::after(REMIND_EVERY).await;
        }
    }

    /// Asks every part for its status. The proxy also brings its counters up to date.
    async fn parts(&self, skip: usize, like: String) -> Parts {
        let settings = self.settings.get();
        let driver = self.driver.status().await;
        let ports = match &settings.switches {
            Some(switches) => switches.status(skip, like).await,
            None => None,
        };
        let proxy = match &settings.relay {
            Some(relay) => Some(relay.status().await),
            None => None,
        };
        let feeds = settings.feeds.iter();
        let feeds = feeds.map(|feed| (feed.name.clone(), feed.status.get())).collect();
        let set_aside = match &driver {
            Some(driver::Status { store, .. }) => {
                let store = store.clone();
                task::unblock(move || store.set_aside()).await
            }
            None => Vec::new(),
        };
        let dead_letters = driver.as_ref().map_or(0, |driver| driver.store.letters());
        let incidents = self.driver.incidents(|incidents| (Counts::of(incidents), None)).await;
        Parts { driver, ports, proxy, feeds, set_aside, dead_letters, incidents }
    }

    /// Answers a request that was admitted.
    async fn answer(&self, head: &Head<'_>, body: &[u8], caller: &Caller) -> Reply {
        match Route::find(head.method(), head.path()) {
            Ok(route) => {
                let asked = Asked { head, path: head.path(), body, caller };
                let reply = (route.serve)(self, asked).await.unwrap_or_else(|refusal| refusal);
                if matches!(route.role, Role::Act | Role::Stop) {
                    self.page.orders.fetch_add(1, Ordering::Relaxed);
                }
                if route.role == Role::Free { reply } else { reply.proven() }
            }
            Err(refused) => refused,
        }
    }

    fn uptime(&self) -> f64 {
        // The clock starts with the process.
        (self.clock.now() - mistgate_core::base::time::Instant::default()).as_secs_f64()
    }
}

/// Files, and when what is in each ends.
fn ends(of: &[(String, UnixTime)]) -> Vec<Value> {
    of.iter().map(|(file, end)| json!({ "file": file, "ends": end.rfc3339() })).collect()
}

impl Service for Admin {
    const SAYS_WHY: bool = true;

    fn admit(&self, head: &Head<'_>) -> Result<(), Reply> {
        let route = Route::find(head.method(), head.path())?;
        let settings = self.settings.get();
        if matches!(route.role, Role::Page | Role::Free) && !settings.has_page {
            return Err(Reply::status(StatusCode::NotFound.into()));
        }
        let session = self.page.find(head, self.clock.now());
        let login = session.as_ref().map(|session| &session.token);
        settings.guard.admit(head, route.role, login).map_err(|(reply, reason)| {
            let is_late = login.is_none() && head.is_of_own_page() && settings.has_page;
            let is_unknown = reply.status == u16::from(StatusCode::Unauthorized);
            if is_late || is_unknown && route.role == Role::Page {
                return page::to(LOGIN);
            }
            let from = head.peer().ip();
            let values = fields![from, reason];
            self.journal.stranger("admin", Level::Warning, "admin_unauthorised", values);
            reply
        })
    }

    async fn serve(&self, head: &Head<'_>, body: Bytes) -> Reply {
        let from = head.peer().ip();
        match self.page.find(head, self.clock.now()) {
            Some(session) if head.method() == "POST" && ![LOGIN, LOGOUT].contains(&head.path()) => {
                page::order(self, head, &body, &session, from).await
            }
            Some(_) | None => self.answer(head, &body, &Caller::Address(from)).await,
        }
    }

    fn note(&self, event: Event) {
        event.note(&self.journal, "admin");
    }
}

fn ok() -> Reply {
    Reply::status(StatusCode::Ok.into())
}

fn json(value: &Value) -> Reply {
    ok().content(JSON, format!("{value:#}\n"))
}

fn refused(status: StatusCode, reason: &str) -> Reply {
    Reply::status(status.into()).content(TEXT, format!("{reason}\n"))
}

fn unavailable(reason: &str) -> Reply {
    refused(StatusCode::ServiceUnavailable, reason)
}

fn stopping() -> Reply {
    unavailable("stopping")
}

fn gauge(name: &'static str, help: &'static str, value: impl Into<f64>) -> Gauge {
    Gauge { name, help, values: vec![(Labels::new(), value.into())] }
}

/// A gauge with a value for each value of a label.
fn by(
    name: &'static str,
    help: &'static str,
    label: &'static str,
    values: impl Iterator<Item = (impl ToString, f64)>,
) -> Gauge {
    let values = values.map(|(of, value)| (vec![(label, of.to_string())], value)).collect();
    Gauge { name, help, values }
}

/// Seconds since the oldest waiting event was accepted.
fn age(to: &DestinationStatus, status: &driver::Status) -> Option<f64> {
    to.oldest_at.map(|oldest_at| (status.now - oldest_at).as_secs_f64())
}
