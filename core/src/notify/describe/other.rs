//! The topics without a table, and our own reports.
//!
//! Topics with a documented shape (`appliance/docs/vendors/mist.md` §4) get a sentence of their
//! own. Any other topic, also one that Mist adds tomorrow, is described by its name, its type and
//! its members that are no lists or objects.

use alloc::{borrow::Cow, borrow::ToOwned, format, string::String, string::ToString};

use super::{client, draft::Draft, port, subject};
use crate::notify::{links::Dashboard, plain, types, types::Row};
use crate::{base::time::UnixTime, event::Detail, event::Event};

/// Members that the sentences show already, and those that repeat others.
const SHOWN: [&str; 9] = [
    "connect_float",
    "disconnect_float",
    "name",
    "ssid",
    "termination_reason",
    "username",
    "version",
    "x",
    "y",
];

/// Describes an event of a topic without a table.
pub(in crate::notify) fn describe(event: &Event<'_>, _row: Row, _: &Dashboard<'_>) -> Draft {
    match &*event.topic().name().to_ascii_lowercase() {
        "client-latency" => return client::latency(event),
        "occupancy-alerts" => return occupancy(event),
        "site-sle" => return service_levels(event),
        _ => {}
    }
    let mut draft = client::draft(event);
    draft.maybe("Name", event.text("name"));
    draft.maybe("User", event.text("username"));
    draft.maybe("MAC", event.text("mac").map(|mac| plain::mac(&mac)));
    draft.maybe("SSID", event.text("ssid"));
    draft.maybe("AP", client::ap(event));
    draft.maybe("Site", subject::site(event));
    draft.others(event, &SHOWN);
    draft
}

/// Describes a report of our own.
pub(in crate::notify) fn report(event: &Event<'_>, row: Row, dashboard: &Dashboard<'_>) -> Draft {
    let Some(row) = row else {
        let mut draft = client::draft(event);
        draft.others(event, &[]);
        return draft;
    };
    if types::is_of_ports(row.name) {
        return port::describe(event, row, dashboard);
    }
    let waiting = event.get("waiting").and_then(Detail::integer);
    let mut value = |name: &str| {
        let text = match name {
            "waiting" => {
                let number = usize::try_from(waiting?).ok().filter(|number| *number > 0)?;
                plain::count(number, "message waits", "messages wait")
            }
            _ => plain::clean(&event.text(name)?).trim_end_matches('.').to_owned(),
        };
        Some(Cow::Owned(text))
    };
    let mut draft = Draft::of(row, &mut value);
    draft.maybe("Destination", event.text("destination"));
    draft.maybe("File", event.text("file"));
    draft.maybe("Reason", event.text("reason"));
    draft.maybe("Waiting", waiting.map(|waiting| waiting.to_string()));
    draft
}

fn occupancy(event: &Event<'_>) -> Draft {
    let alerts = event.get("alert_events").map(Detail::items).unwrap_or_default();
    let over = |alert: &Detail<'_>| {
        let kind = alert.get("type").and_then(Detail::text);
        kind.is_some_and(|kind| kind.eq_ignore_ascii_case("COMPLIANCE-VIOLATION"))
    };
    let crowded = alerts.iter().filter(|alert| over(alert)).count();
    let fine = alerts.len() - crowded;
    let times = alerts.iter().filter_map(|alert| alert.get("timestamp")?.number());
    let place = client::place(event);
    let zones = |number| plain::count(number, "zone", "zones");
    let title = if crowded == 0 { "Occupancy back to normal" } else { "Occupancy limit exceeded" };
    let end = if fine == 0 { String::new() } else { format!(", {} kept it again", zones(fine)) };
    let summary = match (crowded, fine) {
        (0, 0) => format!("Mist sent an occupancy alert{place} without zones."),
        (0, fine) => format!("{}{place} kept the limit again.", zones(fine)),
        _ => format!("{}{place} exceeded the limit of occupants{end}.", zones(crowded)),
    };
    let mut draft = Draft::new(title, summary);
    draft.at = times.filter_map(UnixTime::from_secs_f64).max();
    draft.maybe("Site", subject::site(event));
    for alert in &alerts {
        let text = |name: &str| Some(plain::name(&alert.get(name)?.text()?));
        let zone = text("zone_name").unwrap_or_else(|| "Unnamed zone".to_owned());
        let count = text("current_occupancy").unwrap_or_else(|| "unknown".to_owned());
        let value = match text("occupancy_limit") {
            Some(limit) => format!("{count} of at most {limit}"),
            None => count,
        };
        draft.fact(&zone, &value);
    }
    draft
}

fn service_levels(event: &Event<'_>) -> Draft {
    let levels = event.get("sle").map(Detail::members).unwrap_or_default();
    let place = client::place(event);
    let number = match levels.len() {
        0 => "the service levels".to_owned(),
        number => plain::count(number, "service level", "service levels"),
    };
    let mut draft = Draft::new("Service levels", format!("Mist sent {number}{place}."));
    draft.maybe("Site", subject::site(event));
    for (name, level) in levels {
        let share = level.number().map(|share| format!("{:.0} %", share * 100.0));
        draft.maybe(&plain::label(&name), share);
    }
    draft
}
