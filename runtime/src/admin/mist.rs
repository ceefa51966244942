//! The way of events from Mist in metrics and status, and the test of it.

use http_types::StatusCode;
use mistgate_core::mist::feed::Status;
use mistgate_core::mist::feed::part::Part;
use serde_json::{Map, Value, json};

use super::{Admin, Answer, by, refused};
use crate::base::metrics::Gauge;

/// Makes a selftest. The answer has its steps.
pub const SELFTEST: &str = "/selftest";

pub(super) async fn test(admin: &Admin) -> Answer {
    let settings = admin.settings.get();
    let what = "Mist cannot be asked: mist.token_file, mist.org_id or [webhook] is missing";
    let both = settings.feed.as_ref().zip(settings.webhook.as_ref());
    let (feed, service) = both.ok_or_else(|| refused(StatusCode::Conflict, what))?;
    Ok(super::json(&json!(feed.test(service).await)))
}

pub(super) fn gauge(status: &Status) -> Gauge {
    let value = |part: &Part| (part.name(), f64::from(status.wrong.contains_key(part)));
    let help = "Whether a part of the way from Mist does not work.";
    by("mist_wrong", help, "part", Part::ALL.iter().map(value))
}

pub(super) fn json(status: &Status) -> Value {
    let wrong = status.wrong.iter();
    let wrong = wrong.map(|(part, reason)| (part.name().to_owned(), json!(reason)));
    json!({
        "checked_at": status.checked_at.map(|at| at.rfc3339()),
        "caught_up_to": status.caught_up_to.map(|at| at.rfc3339()),
        "unchecked": status.unchecked,
        "wrong": wrong.collect::<Map<String, Value>>(),
    })
}
