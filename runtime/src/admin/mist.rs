//! The way of events from Mist in metrics and status.

use mistgate_core::mist::feed::Status;
use mistgate_core::mist::feed::part::Part;
use serde_json::{Map, Value, json};

use crate::base::metrics::Gauge;

pub(super) fn gauge(status: &Status) -> Gauge {
    let by = |name, help, values| Gauge { name, help, values };
    let is_wrong = |part| f64::from(u8::from(status.wrong.contains_key(part)));
    let values =
        Part::ALL.iter().map(|part| (vec![("part", part.name().to_owned())], is_wrong(part)));
    by("mist_wrong", "Whether a part of the way from Mist does not work.", values.collect())
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
