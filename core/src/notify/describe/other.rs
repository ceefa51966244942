//! The topics without a table, and our own reports.
//!
//! Topics with a documented shape (`facts/mist.md` §2) get a sentence of their own. Any other topic,
//! also one that Mist adds tomorrow, is told by its name, its type and its scalar members.

use alloc::{
    borrow::{Cow, ToOwned},
    format,
    string::{String, ToString},
    vec::Vec,
};

use super::{device::band, draft::Draft, subject, subject::Subject, thread};
use crate::{
    event::{Detail, DeviceClass, Event, Mac},
    notify::{
        plain,
        types::{self, sentence},
    },
    time::UnixTime,
};

/// Members that our sentences tell already.
const TOLD: [&str; 8] =
    ["ap", "connect_float", "disconnect_float", "mac", "name", "ssid", "username", "version"];

/// What an event of a topic without a table says.
pub(super) fn describe(event: &Event<'_>) -> Draft {
    let topic = event.topic().name().to_ascii_lowercase();
    let (title, summary) = match topic.as_str() {
        "client-info" => client_info(event),
        "client-join" => client_join(event),
        "client-latency" => client_latency(event),
        "client-sessions" => client_session(event),
        "guest-authorizations" => guest(event),
        "minis-application" | "minis-reachability" => probe(event),
        "nac-accounting" | "nac-events" => nac(event, &topic),
        "occupancy-alerts" => return occupancy(event),
        "ping" => ping(event),
        "rssizone" | "zone" => zone(event),
        "site-sle" => return service_levels(event),
        name if name.starts_with("location") => location(event),
        name => generic(event, name),
    };
    let mut draft = Draft { title, summary, ..Draft::default() };
    draft.maybe("Name", event.text("name"));
    draft.maybe("User", event.text("username"));
    draft.maybe("MAC", event.text("mac").map(|mac| plain::mac(&mac)));
    draft.maybe("SSID", event.text("ssid"));
    draft.maybe("AP", ap_fact(event));
    draft.maybe("Site", subject::site(event));
    let rest: Vec<_> = event
        .members()
        .iter()
        .filter(|(name, _)| !TOLD.contains(&&**name))
        .map(|(name, detail)| (name, *detail))
        .collect();
    draft.scalars(&rest);
    draft
}

/// Our own reports.
pub(super) fn report(event: &Event<'_>) -> Draft {
    let name = event.kind().unwrap_or_default();
    let Some(row) = types::find(event.topic(), &name) else {
        let (title, summary) = generic(event, "mistgate");
        let mut draft = Draft { title, summary, ..Draft::default() };
        draft.scalars(event.members());
        return draft;
    };
    let waiting = event.get("waiting").and_then(Detail::integer);
    let value = |name: &str| match name {
        "waiting" => {
            let waiting = waiting.filter(|waiting| *waiting > 0)?;
            let verb = if waiting == 1 { "waits" } else { "wait" };
            let number = usize::try_from(waiting).ok()?;
            Some(Cow::Owned(format!("{} {verb}", plain::count(number, "message", "messages"))))
        }
        _ => event
            .text(name)
            .map(|text| Cow::Owned(plain::clean(&text).trim_end_matches('.').to_owned())),
    };
    let mut draft = Draft {
        title: row.title.to_owned(),
        summary: sentence::say(row.sentence, &mut |name| value(name)),
        thread: row.pair.and_then(|pair| thread::thread(event, pair)),
        ..Draft::default()
    };
    draft.maybe("Destination", event.text("destination"));
    draft.maybe("Reason", event.text("reason"));
    draft.maybe("Waiting", waiting.map(|waiting| waiting.to_string()));
    draft
}

type Words = (String, String);

fn client_info(event: &Event<'_>) -> Words {
    let client = sentence::capitalized(&client(event));
    let address = event.text("ip").map_or_else(
        || "sent its details".to_owned(),
        |ip| format!("has the address {}", plain::name(&ip)),
    );
    let summary = format!("{client}{} {address}.", place(event));
    ("Client details".to_owned(), summary)
}

fn client_join(event: &Event<'_>) -> Words {
    let radio = [
        event.text("band").map(|name| band(&name)),
        event.text("rssi").map(|rssi| format!("{rssi} dBm")),
    ];
    let radio: Vec<String> = radio.into_iter().flatten().collect();
    let radio = match radio.is_empty() {
        true => String::new(),
        false => format!(" ({})", radio.join(", ")),
    };
    let client = sentence::capitalized(&client(event));
    let summary = format!("{client} joined{}{}{radio}.", network(event), on_ap(event));
    ("Client joined".to_owned(), summary)
}

fn client_session(event: &Event<'_>) -> Words {
    let client = sentence::capitalized(&client(event));
    let lasted = event
        .get("duration")
        .and_then(Detail::number)
        .and_then(UnixTime::from_secs_f64)
        .map(|lasted| format!(" after {}", plain::duration(lasted.as_secs())))
        .unwrap_or_default();
    // termination_reason of SPEC's webhook_client_sessions.
    let why = match event.get("termination_reason").and_then(Detail::integer) {
        Some(1) => ": it disassociated",
        Some(2) => ": it was inactive",
        Some(3) => ": it roamed to another AP",
        _ => "",
    };
    let summary = format!("{client} left{}{}{lasted}{why}.", network(event), on_ap(event));
    ("Client left".to_owned(), summary)
}

fn client_latency(event: &Event<'_>) -> Words {
    let averages: Vec<String> =
        [("avg_auth", "authentication"), ("avg_dhcp", "DHCP"), ("avg_dns", "DNS")]
            .into_iter()
            .filter_map(|(member, what)| {
                let seconds = event.get(member)?.number()?;
                Some(format!("{what} {:.0} ms", seconds * 1_000.0))
            })
            .collect();
    let place = place(event);
    let summary = match averages.is_empty() {
        true => format!("The latency of clients{place} was measured."),
        false => format!("Clients{place} waited on average: {}.", averages.join(", ")),
    };
    ("Client latency".to_owned(), summary)
}

fn guest(event: &Event<'_>) -> Words {
    let name = ["name", "email", "mobile"].into_iter().find_map(|member| event.text(member));
    let guest = match (name, event.text("client")) {
        (Some(name), _) => format!("Guest \"{}\"", plain::name(&name)),
        (None, Some(client)) => format!("The guest with MAC {}", plain::mac(&client)),
        (None, None) => "A guest".to_owned(),
    };
    let until = event
        .get("authorized_expiring_time")
        .and_then(Detail::number)
        .and_then(UnixTime::from_secs_f64)
        .map(|until| format!(" until {until}"))
        .unwrap_or_default();
    let network = event
        .text("ssid")
        .map(|ssid| format!(" for SSID \"{}\"", plain::name(&ssid)))
        .unwrap_or_default();
    let summary = format!("{guest} was authorized{network}{}{until}.", on_ap(event));
    ("Guest authorized".to_owned(), summary)
}

fn probe(event: &Event<'_>) -> Words {
    let target = ["probe_target", "probe_name", "ip"]
        .into_iter()
        .find_map(|member| event.text(member))
        .map_or_else(|| "its target".to_owned(), |target| plain::name(&target));
    let device =
        event.text("device_mac").map_or_else(|| "a device".to_owned(), |mac| plain::mac(&mac));
    let place = place(event);
    let success = event.text("success");
    let loss = event.get("loss_percentage").and_then(Detail::number);
    let latency = event
        .get("latency")
        .or_else(|| event.get("avg_latency"))
        .and_then(Detail::number)
        .map(|ms| format!(" in {ms} ms"))
        .unwrap_or_default();
    let (title, verb, end) = match (success.as_deref(), loss) {
        (Some("false"), _) => ("Marvis test failed", "did not reach", String::new()),
        (_, Some(loss)) if loss >= 100.0 => ("Marvis test failed", "did not reach", String::new()),
        (_, Some(loss)) if loss > 0.0 => {
            ("Marvis test lost packets", "reached", format!(", losing {loss} % of the packets"))
        }
        _ => ("Marvis test passed", "reached", String::new()),
    };
    let latency = if verb == "reached" { latency } else { String::new() };
    let summary = format!("Marvis Minis at {device}{place} {verb} {target}{latency}{end}.");
    (title.to_owned(), summary)
}

fn nac(event: &Event<'_>, topic: &str) -> Words {
    let kind = event.kind().unwrap_or_default();
    let kind = kind.to_ascii_uppercase();
    let client = sentence::capitalized(&client(event));
    let place = match event.text("ssid") {
        Some(_) => format!("{}{}", network(event).replacen(" SSID", " on SSID", 1), on_ap(event)),
        None => event
            .text("port_id")
            .map(|port| format!(" on port {}", plain::name(&port)))
            .unwrap_or_default(),
    };
    let vlan =
        event.text("vlan").map(|vlan| format!(", VLAN {}", plain::name(&vlan))).unwrap_or_default();
    let (title, verb) = match kind.as_str() {
        "NAC_CLIENT_PERMIT" => ("NAC let a client in", "was let in"),
        "NAC_CLIENT_DENY" => ("NAC refused a client", "was refused"),
        "NAC_ACCOUNTING_START" => ("NAC session started", "started a session"),
        "NAC_ACCOUNTING_STOP" => ("NAC session ended", "ended its session"),
        "NAC_ACCOUNTING_UPDATE" => ("NAC session goes on", "continues its session"),
        "" => return generic(event, topic),
        other => {
            let summary = format!("{client}{place}: {}{vlan}.", plain::words(other));
            return (plain::label(other), summary);
        }
    };
    (title.to_owned(), format!("{client} {verb}{place}{vlan}."))
}

fn occupancy(event: &Event<'_>) -> Draft {
    let alerts = event.get("alert_events").map(Detail::items).unwrap_or_default();
    let over = |alert: &Detail<'_>| {
        let kind = alert.get("type").and_then(Detail::text);
        kind.is_some_and(|kind| kind.eq_ignore_ascii_case("COMPLIANCE-VIOLATION"))
    };
    let crowded = alerts.iter().filter(|alert| over(alert)).count();
    let fine = alerts.len() - crowded;
    let place = place(event);
    let zones = |number| plain::count(number, "zone", "zones");
    let mut draft = Draft {
        title: match crowded {
            0 => "Occupancy back to normal".to_owned(),
            _ => "Occupancy limit exceeded".to_owned(),
        },
        summary: match (crowded, fine) {
            (0, 0) => format!("Mist sent an occupancy alert{place} without zones."),
            (0, fine) => {
                format!("{}{place} kept the limit again.", sentence::capitalized(&zones(fine)))
            }
            (_, 0) => format!("{}{place} exceeded the limit of occupants.", zones(crowded)),
            (_, _) => format!(
                "{}{place} exceeded the limit of occupants, {} kept it again.",
                zones(crowded),
                zones(fine)
            ),
        },
        ..Draft::default()
    };
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
        event.text("name").map(|name| format!(" \"{}\"", plain::name(&name))).unwrap_or_default();
    ("Webhook test".to_owned(), format!("Mist tested the webhook{name}."))
}

fn zone(event: &Event<'_>) -> Words {
    let who = sentence::capitalized(&client(event));
    let (title, verb) = match event.text("trigger").as_deref() {
        Some("enter") => ("Zone entered", "entered"),
        Some("exit") => ("Zone left", "left"),
        _ => ("Zone event", "triggered"),
    };
    let summary = format!("{who} {verb} a zone{}.", place(event));
    (title.to_owned(), summary)
}

fn location(event: &Event<'_>) -> Words {
    let who = sentence::capitalized(&client(event));
    let at = event.text("x").zip(event.text("y"));
    let summary = match at {
        Some((x, y)) => format!("{who} was seen at x {x}, y {y} of its map."),
        None => format!("{who} was seen{}.", place(event)),
    };
    ("Location".to_owned(), summary)
}

fn service_levels(event: &Event<'_>) -> Draft {
    let levels = event.get("sle").map(Detail::members).unwrap_or_default();
    let place = place(event);
    let mut draft = Draft {
        title: "Service levels".to_owned(),
        summary: match levels.is_empty() {
            true => format!("Mist sent the service levels{place}."),
            false => format!(
                "Mist sent {}{place}.",
                plain::count(levels.len(), "service level", "service levels")
            ),
        },
        ..Draft::default()
    };
    draft.maybe("Site", subject::site(event));
    for (name, level) in levels {
        let share = level.number().map(|share| format!("{:.0} %", share * 100.0));
        draft.maybe(&plain::label(&name), share);
    }
    draft
}

fn generic(event: &Event<'_>, topic: &str) -> Words {
    let topic = plain::label(topic);
    let place = place(event);
    match event.kind().map(|kind| plain::words(&kind)) {
        Some(kind) => {
            let summary = format!("Mist sent \"{kind}\" under the topic \"{topic}\"{place}.");
            (format!("{topic}: {kind}"), summary)
        }
        None => {
            let summary = format!("Mist sent an event under the topic \"{topic}\"{place}.");
            (topic, summary)
        }
    }
}

/// `client "laptop" (MAC …)`, `client 70:ef:… (user)`.
fn client(event: &Event<'_>) -> String {
    let noun = match event.text("type").as_deref() {
        Some("asset") => "asset",
        Some("sdk") => "mobile app",
        _ => "client",
    };
    let name = ["username", "hostname", "name"]
        .into_iter()
        .find_map(|member| event.text(member))
        .map(|name| plain::name(&name));
    let mac = event.text("mac").map(|mac| plain::mac(&mac));
    match (name, mac) {
        (Some(name), Some(mac)) => format!("{noun} \"{name}\" (MAC {mac})"),
        (Some(name), None) => format!("{noun} \"{name}\""),
        (None, Some(mac)) => format!("{noun} with MAC {mac}"),
        (None, None) => format!("{} {noun}", subject::article(noun)),
    }
}

fn network(event: &Event<'_>) -> String {
    event.text("ssid").map(|ssid| format!(" SSID \"{}\"", plain::name(&ssid))).unwrap_or_default()
}

fn on_ap(event: &Event<'_>) -> String {
    let name = event.text("ap_name").map(|name| plain::clean(&name));
    let mac = event.text("ap").and_then(|ap| Mac::parse(&ap));
    let subject =
        Subject { class: Some(DeviceClass::AccessPoint), name, mac, site: subject::site(event) };
    match (&subject.name, subject.mac) {
        (None, None) => place(event),
        _ => format!(" on {}", subject.placed()),
    }
}

fn ap_fact(event: &Event<'_>) -> Option<String> {
    let mac = event.text("ap").map(|ap| plain::mac(&ap));
    match (event.text("ap_name"), mac) {
        (Some(name), Some(mac)) => Some(format!("{} ({mac})", plain::clean(&name))),
        (Some(name), None) => Some(plain::clean(&name)),
        (None, mac) => mac,
    }
}

fn place(event: &Event<'_>) -> String {
    subject::at(subject::site(event).as_deref())
}
