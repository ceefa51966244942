//! Events of clients and guests, and of network access control (NAC).

use alloc::{borrow::ToOwned, format, string::String, vec::Vec};

use super::{draft::Draft, subject};
use crate::base::mac::Mac;
use crate::base::time::UnixTime;
use crate::event::{Detail, Event};
use crate::notify::plain;
use crate::notify::types::sentence;

/// Title and summary.
pub(super) type Words = (String, String);

pub(super) fn info(event: &Event<'_>) -> Words {
    let client = sentence::capitalized(&who(event));
    let address = match event.text("ip") {
        Some(ip) => format!("has the address {}", plain::name(&ip)),
        None => "sent its details".to_owned(),
    };
    ("Client details".to_owned(), format!("{client}{} {address}.", place(event)))
}

pub(super) fn join(event: &Event<'_>) -> Words {
    let radio = [
        event.text("band").map(|name| plain::band(&name)),
        event.text("rssi").map(|rssi| format!("{rssi} dBm")),
    ];
    let radio: Vec<String> = radio.into_iter().flatten().collect();
    let radio = match radio.is_empty() {
        true => String::new(),
        false => format!(" ({})", radio.join(", ")),
    };
    let client = sentence::capitalized(&who(event));
    let summary = format!("{client} joined{}{}{radio}.", network(event, ""), on_ap(event));
    ("Client joined".to_owned(), summary)
}

pub(super) fn latency(event: &Event<'_>) -> Draft {
    let ms = |member: String| Some(event.get(&member)?.number()? * 1_000.0);
    let mut draft = Draft::new("Client latency", "");
    let mut averages = Vec::new();
    draft.maybe("Site", subject::site(event));
    for (stage, label) in [("auth", "Authentication"), ("dhcp", "DHCP"), ("dns", "DNS")] {
        let Some(average) = ms(format!("avg_{stage}")) else {
            continue;
        };
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

pub(super) fn session(event: &Event<'_>) -> Words {
    let client = sentence::capitalized(&who(event));
    let lasted = moment(event, "duration")
        .map(|lasted| format!(" after {}", plain::duration(lasted.as_secs())))
        .unwrap_or_default();
    // `appliance/docs/vendors/mist.md` §4.
    let why = match event.get("termination_reason").and_then(Detail::integer) {
        Some(1) => ": it disassociated",
        Some(2) => ": it was inactive",
        Some(3) => ": it roamed to another AP",
        _ => "",
    };
    let summary = format!("{client} left{}{}{lasted}{why}.", network(event, ""), on_ap(event));
    ("Client left".to_owned(), summary)
}

pub(super) fn guest(event: &Event<'_>) -> Words {
    let name = ["name", "email", "mobile"].into_iter().find_map(|member| event.text(member));
    let guest = match (name, event.text("client")) {
        (Some(name), _) => format!("Guest \"{}\"", plain::name(&name)),
        (None, Some(client)) => format!("The guest with MAC {}", plain::mac(&client)),
        (None, None) => "A guest".to_owned(),
    };
    let until = moment(event, "authorized_expiring_time")
        .map(|until| format!(" until {until}"))
        .unwrap_or_default();
    let network = network(event, " for");
    let summary = format!("{guest} was authorized{network}{}{until}.", on_ap(event));
    ("Guest authorized".to_owned(), summary)
}

pub(super) fn nac(event: &Event<'_>) -> Option<Words> {
    let kind = event.kind().unwrap_or_default();
    let kind = kind.to_ascii_uppercase();
    let client = sentence::capitalized(&who(event));
    let place = match event.text("ssid") {
        Some(_) => format!("{}{}", network(event, " on"), on_ap(event)),
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
        other => {
            let what = plain::non_empty(plain::words(other))?;
            return Some((sentence::capitalized(&what), format!("{client}{place}: {what}{vlan}.")));
        }
    };
    Some((title.to_owned(), format!("{client} {verb}{place}{vlan}.")))
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

/// `for SSID "Guests"`, with a word such as ` for` in front.
fn network(event: &Event<'_>, word: &str) -> String {
    let ssid = event.text("ssid");
    ssid.map(|ssid| format!("{word} SSID {}", plain::quoted(&ssid))).unwrap_or_default()
}

fn on_ap(event: &Event<'_>) -> String {
    let name = event.text("ap_name");
    let mac = event.text("ap").and_then(|ap| Mac::parse(&ap));
    match name.is_some() || mac.is_some() {
        true => format!(" on {}{}", subject::called("AP", name.as_deref(), mac), place(event)),
        false => place(event),
    }
}
