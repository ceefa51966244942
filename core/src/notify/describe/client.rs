//! The topics whose shape is documented (`appliance/docs/vendors/mist.md` §4): clients, guests,
//! network access control (NAC), zones, and the tests of Marvis.

use alloc::{borrow::Cow, borrow::ToOwned, format, string::String, string::ToString, vec::Vec};

use super::{draft::Draft, subject};
use crate::notify::{plain, types::sentence};
use crate::{base::mac::Mac, base::time::UnixTime, event::Detail, event::Event};

/// A title and a summary, both in the language of [`sentence`].
type Words = (&'static str, &'static str);

/// The title and the summary of an event; for a topic of an unknown shape, by its name and type.
pub(super) fn draft(event: &Event<'_>) -> Draft {
    let (title, summary) = words(event);
    let mut value = |name: &str| value(event, name).map(Cow::Owned);
    Draft::new(sentence::say(title, &mut value), sentence::say(summary, &mut value))
}

fn words(event: &Event<'_>) -> Words {
    match &*event.topic().name().to_ascii_lowercase() {
        "client-info" => {
            ("Client details", "{who}{place} [has the address {ip}|sent its details].")
        }
        "client-join" => (
            "Client joined",
            "{who} joined[ SSID {ssid}]{on_ap}[ ({band}, {rssi} dBm)| ({band})| ({rssi} dBm)].",
        ),
        "client-sessions" => {
            ("Client left", "{who} left[ SSID {ssid}]{on_ap}[ after {lasted}][: {why}].")
        }
        "guest-authorizations" => (
            "Guest authorized",
            "[Guest {guest}|The guest with MAC {client}|A guest] was authorized\
             [ for SSID {ssid}]{on_ap}[ until {until}].",
        ),
        "minis-application" | "minis-reachability" => test(event),
        "nac-accounting" | "nac-events" => nac(event),
        "ping" => ("Webhook test", "Mist tested the webhook[ {quoted_name}]."),
        "rssizone" | "zone" => match event.text("trigger").as_deref() {
            Some("enter") => ("Zone entered", "{who} entered a zone{place}."),
            Some("exit") => ("Zone left", "{who} left a zone{place}."),
            _ => ("Zone event", "{who} triggered a zone{place}."),
        },
        name if name.starts_with("location") => {
            ("Location", "{who} was seen[ at x {x}, y {y} of its map|{place}].")
        }
        _ => GENERIC,
    }
}

const GENERIC: Words =
    ("{topic}[: {kind}]", "Mist sent [\"{kind}\"|an event] under the topic \"{topic}\"{place}.");

fn nac(event: &Event<'_>) -> Words {
    match &*event.kind().unwrap_or_default().to_ascii_uppercase() {
        "NAC_CLIENT_PERMIT" => ("NAC let a client in", "{who} was let in[{where}][, VLAN {vlan}]."),
        "NAC_CLIENT_DENY" => ("NAC refused a client", "{who} was refused[{where}][, VLAN {vlan}]."),
        "NAC_ACCOUNTING_START" => {
            ("NAC session started", "{who} started a session[{where}][, VLAN {vlan}].")
        }
        "NAC_ACCOUNTING_STOP" => {
            ("NAC session ended", "{who} ended its session[{where}][, VLAN {vlan}].")
        }
        "NAC_ACCOUNTING_UPDATE" => {
            ("NAC session goes on", "{who} continues its session[{where}][, VLAN {vlan}].")
        }
        kind if plain::words(kind).is_empty() => GENERIC,
        _ => ("{kind}", "{who}[{where}]: {kind}[, VLAN {vlan}]."),
    }
}

fn test(event: &Event<'_>) -> Words {
    let loss = event.get("loss_percentage").and_then(Detail::number);
    let is_lost = event.text("success").as_deref() == Some("false");
    match loss.unwrap_or_default() {
        loss if is_lost || loss >= 100.0 => (
            "Marvis test failed",
            "Marvis Minis at [{device_mac}|a device]{place} did not reach [{target}|its target].",
        ),
        loss if loss > 0.0 => (
            "Marvis test lost packets",
            "Marvis Minis at [{device_mac}|a device]{place} reached [{target}|its target]\
             [ in {latency} ms], losing {loss} % of the packets.",
        ),
        _ => (
            "Marvis test passed",
            "Marvis Minis at [{device_mac}|a device]{place} reached [{target}|its target]\
             [ in {latency} ms].",
        ),
    }
}

/// The value of a name in the titles and summaries.
fn value(event: &Event<'_>, name: &str) -> Option<String> {
    let first = |members: [&str; 3]| members.into_iter().find_map(|member| event.text(member));
    Some(match name {
        "who" => who(event),
        "place" => place(event),
        "on_ap" => on_ap(event),
        "where" => match event.text("ssid") {
            Some(ssid) => format!(" on SSID {}{}", plain::quoted(&ssid), on_ap(event)),
            None => format!(" on port {}", plain::name(&event.text("port_id")?)),
        },
        "topic" => plain::non_empty(plain::label(event.topic().name()))
            .unwrap_or_else(|| "Event".to_owned()),
        "kind" => plain::non_empty(plain::words(&event.kind()?))?,
        "band" => plain::band(&event.text(name)?),
        "ssid" => plain::quoted(&event.text(name)?),
        "quoted_name" => plain::quoted(&event.text("name")?),
        "guest" => plain::quoted(&first(["name", "email", "mobile"])?),
        "client" | "device_mac" => plain::mac(&event.text(name)?),
        "target" => plain::name(&first(["probe_target", "probe_name", "ip"])?),
        "lasted" => plain::duration(moment(event, "duration")?.as_secs()),
        "until" => moment(event, "authorized_expiring_time")?.to_string(),
        "why" => match event.get("termination_reason")?.integer()? {
            1 => "it disassociated".to_owned(),
            2 => "it was inactive".to_owned(),
            3 => "it roamed to another AP".to_owned(),
            _ => return None,
        },
        "latency" => {
            let latency = event.get("latency").or_else(|| event.get("avg_latency"));
            latency?.number()?.to_string()
        }
        "loss" => event.get("loss_percentage")?.number()?.to_string(),
        _ => plain::name(&event.text(name)?),
    })
}

pub(super) fn latency(event: &Event<'_>) -> Draft {
    let ms = |member: String| Some(event.get(&member)?.number()? * 1_000.0);
    let mut draft = Draft::new("Client latency", "");
    let mut averages = Vec::new();
    draft.maybe("Site", subject::site(event));
    for (stage, label) in [("auth", "Authentication"), ("dhcp", "DHCP"), ("dns", "DNS")] {
        let Some(average) = ms(format!("avg_{stage}")) else { continue };
        averages.push(format!("{average:.0} ms for {}", label.replace("Auth", "auth")));
        let range = ms(format!("min_{stage}")).zip(ms(format!("max_{stage}")));
        let value = match range {
            Some((min, max)) => format!("{average:.0} ms ({min:.0} to {max:.0} ms)"),
            None => format!("{average:.0} ms"),
        };
        draft.fact(label, &value);
    }
    let place = place(event);
    draft.summary = match averages.is_empty() {
        true => format!("The latency of clients{place} was measured."),
        false => format!("Clients{place} waited {} on average.", plain::list(&averages, 3)),
    };
    draft
}

/// `client "laptop" (MAC …)`, `the client with MAC 70:ef:…`.
pub(super) fn who(event: &Event<'_>) -> String {
    let noun = match event.text("type").as_deref() {
        Some("asset") => "asset",
        Some("sdk") => "mobile app",
        _ => "client",
    };
    let name = ["username", "hostname", "name"].into_iter().find_map(|member| event.text(member));
    subject::called(noun, name.as_deref(), event.text("mac").map(|mac| plain::mac(&mac)))
}

pub(super) fn ap(event: &Event<'_>) -> Option<String> {
    let mac = event.text("ap").map(|ap| plain::mac(&ap));
    match (event.text("ap_name"), mac) {
        (Some(name), Some(mac)) => Some(format!("{} ({mac})", plain::clean(&name))),
        (Some(name), None) => Some(plain::clean(&name)),
        (None, mac) => mac,
    }
}

pub(super) fn place(event: &Event<'_>) -> String {
    subject::at(subject::site(event).as_deref())
}

fn moment(event: &Event<'_>, member: &str) -> Option<UnixTime> {
    UnixTime::from_secs_f64(event.get(member)?.number()?)
}

fn on_ap(event: &Event<'_>) -> String {
    let name = event.text("ap_name");
    let mac = event.text("ap").and_then(|ap| Mac::parse(&ap));
    match name.is_some() || mac.is_some() {
        true => format!(" on {}{}", subject::called("AP", name.as_deref(), mac), place(event)),
        false => place(event),
    }
}
