//! The way of events from Mist in metrics and status, and the test of it.

use std::sync::Arc;

use http_types::StatusCode;
use mistgate_core::{base::order, mist::feed::Status, mist::feed::part::Part};
use serde_json::{Map, Value, json};

use super::{Admin, Answer, refused};
use crate::base::metrics::Gauge;

/// Makes a selftest. The answer has its steps.
pub const SELFTEST: &str = "/selftest";

pub(super) async fn test(admin: &Admin) -> Answer {
    let settings = admin.settings.get();
    let what = "Mist cannot be asked: mist.token_file, mist.org_id or [webhook] is missing";
    let service = settings.webhook.as_ref().filter(|_| !settings.feeds.is_empty());
    let service = service.ok_or_else(|| refused(StatusCode::Conflict, what))?;
    let mut steps = Vec::new();
    for feed in &settings.feeds {
        let is_first = steps.is_empty();
        steps.extend(feed.test(service, is_first).await);
    }
    Ok(super::json(&json!(steps)))
}

/// An organisation's name, and what is known of the way from it.
type Known = (Option<String>, Arc<Status>);

pub(super) fn gauge(feeds: &[Known]) -> Option<Gauge> {
    let gauge = |name, help, values| Gauge { name, help, values };
    let help = "Whether a part of the way from Mist does not work.";
    let each = feeds.iter().flat_map(|feed| Part::ALL.map(|part| (feed, part)));
    let values = each.map(|((org, status), part)| {
        let mut labels = vec![("part", part.name().to_owned())];
        labels.extend(org.clone().map(|org| ("org", org)));
        (labels, f64::from(status.wrong.contains_key(&part)))
    });
    (!feeds.is_empty()).then(|| gauge("mist_wrong", help, values.collect()))
}

pub(super) fn json((org, status): &Known) -> Value {
    let wrong = status.wrong.iter();
    let wrong = wrong.map(|(part, reason)| (part.name().to_owned(), json!(reason)));
    json!({
        "org": org,
        "checked_at": status.checked_at.map(|at| at.rfc3339()),
        "caught_up_to": status.caught_up_to.map(|at| at.rfc3339()),
        "unchecked": status.unchecked,
        "wrong": order::collect::<Map<String, Value>, _>(wrong),
    })
}
