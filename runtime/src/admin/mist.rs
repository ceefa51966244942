//! The way of events from Mist in metrics and status.

use mistgate_core::mist::feed::Status;
use mistgate_core::mist::feed::part::Part;
use serde_json::{Map, Value, json};

use super::by;
use crate::base::metrics::Gauge;

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
