//! The topics without a table, and our own reports.
//!
//! Topics with a documented shape (`appliance/docs/vendors/mist.md` §4) get a sentence of their
//! own. Any other topic, also one that Mist adds tomorrow, is described by its name, its type and
//! its members that are no lists or objects.

use alloc::borrow::{Cow, ToOwned};
use alloc::format;
use alloc::string::{String, ToString};

use super::{client, client::Words, draft::Draft, port, subject};
use crate::base::time::UnixTime;
use crate::event::{Detail, Event};
use crate::notify::links::Dashboard;
use crate::notify::types::{Kind, sentence};
use crate::notify::{plain, types};

/// Members that the sentences and the facts below show already.
const SHOWN: [&str; 11] = [
    "ap",
    "connect_float",
    "disconnect_float",
    "mac",
    "name",
    "ssid",
    "termination_reason",
    "username",
    "version",
    "x",
    "y",
];

/// Describes an event of a topic without a table.
pub(in crate::notify) fn describe(
    event: &Event<'_>,
    _row: Option<&'static Kind>,
    _dashboard: &Dashboard<'_>,
) -> Draft {
    let topic = event.topic().name().to_ascii_lowercase();
    let (title, summary) = match topic.as_str() {
        "client-info" => client::info(event),
        "client-join" => client::join(event),
        "client-latency" => return client::latency(event),
        "client-sessions" => client::session(event),
        "guest-authorizations" => client::guest(event),
        "minis-application" | "minis-reachability" => probe(event),
        "nac-accounting" | "nac-events" => {
            client::nac(event).unwrap_or_else(|| generic(event, &topic))
        }
        "occupancy-alerts" => return occupancy(event),
        "ping" => ping(event),
        "rssizone" | "zone" => zone(event),
        "site-sle" => return service_levels(event),
        name if name.starts_with("location") => location(event),
        name => generic(event, name),
    };
    let mut draft = Draft::new(title, summary);
    draft.maybe("Name", event.text("name"));
    draft.maybe("User", event.text("username"));
    draft.maybe("MAC", event.text("mac").map(|mac| plain::mac(&mac)));
    draft.maybe("SSID", event.text("ssid"));
    draft.maybe("AP", client::ap(event));
    draft.maybe("Site", subject::site(event));
    draft.scalars(event, &SHOWN);
    draft
}

/// Describes a report of our own.
pub(in crate::notify) fn report(
    event: &Event<'_>,
    row: Option<&'static Kind>,
    dashboard: &Dashboard<'_>,
) -> Draft {
    let Some(row) = row else {
        let (title, summary) = generic(event, "mistgate");
        let mut draft = Draft::new(title, summary);
        draft.scalars(event, &[]);
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

fn probe(event: &Event<'_>) -> Words {
    let target = ["probe_target", "probe_name", "ip"]
        .into_iter()
        .find_map(|member| event.text(member))
        .map_or_else(|| "its target".to_owned(), |target| plain::name(&target));
    let device =
        event.text("device_mac").map_or_else(|| "a device".to_owned(), |mac| plain::mac(&mac));
    let place = client::place(event);
    let success = event.text("success");
    let loss = event.get("loss_percentage").and_then(Detail::number);
    let latency = event
        .get("latency")
        .or_else(|| event.get("avg_latency"))
        .and_then(Detail::number)
        .map(|ms| format!(" in {ms} ms"))
        .unwrap_or_default();
    let is_lost = success.as_deref() == Some("false") || loss.is_some_and(|loss| loss >= 100.0);
    let (title, end) = match loss.filter(|loss| *loss > 0.0) {
        _ if is_lost => ("Marvis test failed", format!("did not reach {target}")),
        Some(loss) => {
            let end = format!("reached {target}{latency}, losing {loss} % of the packets");
            ("Marvis test lost packets", end)
        }
        None => ("Marvis test passed", format!("reached {target}{latency}")),
    };
    (title.to_owned(), format!("Marvis Minis at {device}{place} {end}."))
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

fn ping(event: &Event<'_>) -> Words {
    let name =
        event.text("name").map(|name| format!(" {}", plain::quoted(&name))).unwrap_or_default();
    ("Webhook test".to_owned(), format!("Mist tested the webhook{name}."))
}

fn zone(event: &Event<'_>) -> Words {
    let who = sentence::capitalized(&client::who(event));
    let (title, verb) = match event.text("trigger").as_deref() {
        Some("enter") => ("Zone entered", "entered"),
        Some("exit") => ("Zone left", "left"),
        _ => ("Zone event", "triggered"),
    };
    let summary = format!("{who} {verb} a zone{}.", client::place(event));
    (title.to_owned(), summary)
}

fn location(event: &Event<'_>) -> Words {
    let who = sentence::capitalized(&client::who(event));
    let at = event.text("x").zip(event.text("y"));
    let summary = match at {
        Some((x, y)) => format!("{who} was seen at x {x}, y {y} of its map."),
        None => format!("{who} was seen{}.", client::place(event)),
    };
    ("Location".to_owned(), summary)
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

fn generic(event: &Event<'_>, topic: &str) -> Words {
    let topic = plain::non_empty(plain::label(topic)).unwrap_or_else(|| "Event".to_owned());
    let place = client::place(event);
    let (title, what) = match event.kind().and_then(|kind| plain::non_empty(plain::words(&kind))) {
        Some(kind) => (format!("{topic}: {kind}"), format!("\"{kind}\"")),
        None => (topic.clone(), "an event".to_owned()),
    };
    (title, format!("Mist sent {what} under the topic \"{topic}\"{place}."))
}
