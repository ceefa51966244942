//! The admin endpoint: health, readiness, metrics and status.

mod meetups;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use http_types::StatusCode;
use mistgate_core::{delivery::queue::Health, engine::DestinationStatus, secret::Secret};
use serde_json::json;

use crate::{
    clock::Clock,
    driver,
    journal::{Journal, Level},
    listen::{Bytes, Event, Head, Reply, Service},
    metrics::{Counter, Gauge, Labels},
    relay::{self, Relay},
};

const TEXT: &str = "text/plain; charset=utf-8";
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";
const JSON: &str = "application/json";

/// The service.
pub struct Admin {
    /// What a client must show, where there is one.
    pub token: Option<Secret>,
    /// Whom to ask about events and destinations.
    pub driver: driver::Handle,
    /// Whom to ask about meetups.
    pub relay: Option<Arc<Relay>>,
    /// Who counts.
    pub journal: Arc<Journal>,
    /// What time it is.
    pub clock: Clock,
    /// Set once everything listens, cleared when it stops.
    pub ready: Arc<AtomicBool>,
}

impl Admin {
    fn is_authorised(&self, head: &Head<'_>) -> bool {
        let Some(token) = &self.token else {
            return true;
        };
        let sent = head.header("authorization").and_then(|value| value.split_at_checked(7));
        sent.is_some_and(|(scheme, sent)| {
            scheme.eq_ignore_ascii_case(b"bearer ") && token.matches(sent)
        })
    }

    fn metrics(&self, status: Option<&driver::Status>, proxy: Option<&relay::Status>) -> String {
        let mut gauges = vec![
            gauge("uptime_seconds", "Seconds since the start.", self.uptime()),
            gauge(
                "store_writable",
                "Whether the disk takes writes.",
                f64::from(u8::from(status.is_some_and(|status| status.writable))),
            ),
        ];
        if let Some(status) = status {
            let each = |name, help, value: &dyn Fn(&DestinationStatus) -> f64| {
                let label = |to: &DestinationStatus| vec![("destination", to.to.name.clone())];
                let values: Vec<(Labels, f64)> =
                    status.destinations.iter().map(|to| (label(to), value(to))).collect();
                Gauge { name, help, values }
            };
            gauges.push(each("queued", "Events waiting, by destination.", &|to| to.waiting as f64));
            gauges.push(each("queue_age_seconds", "Age of the oldest waiting event.", &|to| {
                age(to, status).unwrap_or(0.0)
            }));
            gauges.push(each("parked", "Whether the destination is dead.", &|to| {
                f64::from(u8::from(matches!(to.health, Health::Parked(_))))
            }));
        }
        gauges.extend(proxy.iter().flat_map(|proxy| meetups::gauges(proxy)));
        self.journal.metrics.exposition(&gauges)
    }

    fn status(&self, status: &driver::Status, proxy: Option<&relay::Status>) -> String {
        let metrics = &self.journal.metrics;
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
                    "flavour": to.to.flavour.name(),
                    "health": health,
                    "reason": reason,
                    "waiting": to.waiting,
                    "oldest_seconds": age(to, status),
                })
            })
            .collect();
        let value = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "uptime_seconds": self.uptime(),
            "ready": self.ready.load(Ordering::Relaxed),
            "store": { "writable": status.writable },
            "events": {
                "accepted": metrics.total(Counter::Accepted),
                "duplicate": metrics.total(Counter::Duplicates),
                "delivered": metrics.total(Counter::Delivered),
                "dropped": metrics.total(Counter::Dropped),
            },
            "destinations": destinations,
            "proxy": proxy.map(meetups::json),
        });
        format!("{value:#}\n")
    }

    /// The proxy, which brings its counters up to date too.
    async fn proxy(&self) -> Option<relay::Status> {
        match &self.relay {
            Some(relay) => Some(relay.status().await),
            None => None,
        }
    }

    fn uptime(&self) -> f64 {
        // The clock starts with the process.
        (self.clock.now() - mistgate_core::time::Instant::default()).as_secs_f64()
    }
}

impl Service for Admin {
    fn admit(&self, head: &Head<'_>) -> Result<(), Reply> {
        let known = ["/-/healthy", "/-/ready", "/metrics", "/status"];
        if !known.contains(&head.path()) {
            Err(Reply::status(StatusCode::NotFound.into()))
        } else if !matches!(head.method(), "GET" | "HEAD") {
            Err(Reply::status(StatusCode::MethodNotAllowed.into()).header("allow", "GET, HEAD"))
        } else if !self.is_authorised(head) {
            self.journal.client(
                Level::Warning,
                "admin_unauthorised",
                &[("from", &head.peer().ip())],
            );
            Err(Reply::status(StatusCode::Unauthorized.into()).header("www-authenticate", "Bearer"))
        } else {
            Ok(())
        }
    }

    async fn serve(&self, head: &Head<'_>, _body: Bytes) -> Reply {
        let ok = Reply::status(StatusCode::Ok.into());
        let unavailable = Reply::status(StatusCode::ServiceUnavailable.into());
        let status = self.driver.status().await;
        match head.path() {
            "/metrics" => {
                let proxy = self.proxy().await;
                ok.content(PROMETHEUS, self.metrics(status.as_ref(), proxy.as_ref()))
            }
            "/status" => match status {
                Some(status) => {
                    let proxy = self.proxy().await;
                    ok.content(JSON, self.status(&status, proxy.as_ref()))
                }
                None => unavailable.content(TEXT, "stopping\n"),
            },
            "/-/ready" => match status {
                Some(status) if status.writable && self.ready.load(Ordering::Relaxed) => {
                    ok.content(TEXT, "ready\n")
                }
                Some(status) if !status.writable => unavailable.content(TEXT, "no disk\n"),
                Some(_) | None => unavailable.content(TEXT, "starting or stopping\n"),
            },
            // Healthy is whoever still hears its driver.
            _ => match status {
                Some(_) => ok.content(TEXT, "healthy\n"),
                None => unavailable.content(TEXT, "stopping\n"),
            },
        }
    }

    fn note(&self, event: Event) {
        self.journal.listener("admin", &event);
    }
}

fn gauge(name: &'static str, help: &'static str, value: f64) -> Gauge {
    Gauge { name, help, values: vec![(Labels::new(), value)] }
}

/// Seconds since the oldest waiting event was accepted.
fn age(to: &DestinationStatus, status: &driver::Status) -> Option<f64> {
    to.oldest_at.map(|oldest_at| (status.now - oldest_at).as_secs_f64())
}
