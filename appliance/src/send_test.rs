//! `mistgate send-test`: one signed webhook through the running mistgate to the real chats.
//!
//! The webhook goes to the configured listener like one of Mist's. What became of it is read from
//! the metrics of the running mistgate, before and after.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::{collections::BTreeMap, thread, time::Duration, time::Instant};

use http_types::Url;
use mistgate_core::webhook::{config::Webhook, signature::HEADER_V2};
use mistgate_core::{base::time::UnixTime, config::checked::Config};
use mistgate_core::{delivery::config::Destination, event::Event, event::Topic};
use mistgate_core::{http::proxy::Proxies, notify::SEND_TEST, notify::topics, route::route};
use mistgate_runtime::http::outbound::{Bytes, Call, Client, Method, Outbound, Take};
use mistgate_runtime::http::{tls, tls::pinned};
use mistgate_runtime::{base::clock, base::clock::Clock, host::load::Loaded};

use crate::{args::SendTest, ask, first_start};

/// For the listener's answer, and for the chats' answers after it.
const PATIENCE: Duration = Duration::from_secs(15);
const POLL_EVERY: Duration = Duration::from_millis(100);

pub(crate) fn run(args: &SendTest) -> Result<(), String> {
    if args.config.is_none() {
        first_start::expect_made()?;
    }
    let Loaded { config, .. } = crate::load(args.config.as_deref())?;
    let webhook = config.webhook.as_ref().ok_or("webhook: no such section — nothing to test")?;
    let (body, names) = body(&config, &args.channel, args.destination.as_deref())?;
    // One that only just starts has counted nothing, and lets the webhook wait.
    let before = metrics(&config.state_dir).unwrap_or_default();
    let status = post(webhook, body)?;
    crate::say(&format!("webhook listener: {status}"));
    if status != 200 {
        return Err(format!("the listener answered {status} — see its log"));
    }
    watch(&config, &before, &names)
}

/// A webhook body whose one event the configuration sends to `channel`, there to the destinations
/// of these names: of one chat, or of all that take it.
fn body<'c>(
    config: &'c Config,
    channel: &str,
    chat: Option<&str>,
) -> Result<(String, Vec<&'c str>), String> {
    let is_served = |to: &&Destination| chat.is_none_or(|chat| *to.chat == *chat);
    if !config.chat.serving(channel).any(|to| is_served(&to)) {
        let chat = chat.map(|chat| format!(" of {chat}")).unwrap_or_default();
        return Err(format!("{channel}: no destination{chat} serves this channel"));
    }
    let at = clock::wall();
    for topic in [Topic::DeviceEvents, Topic::Alarms, Topic::MxedgeEvents] {
        for kind in topics::types(&topic) {
            let event = test_event(kind.name, at, chat);
            let parsed = Event::parse(topic.clone(), &event).ok_or("not an event")?;
            let decision = route(&parsed, &config.chat.routes);
            let names: Vec<_> = config.chat.chosen(&decision).map(|to| to.name.as_str()).collect();
            if decision.channel == Some(channel) && !names.is_empty() {
                let topic = topic.name();
                return Ok((format!("{{\"topic\":\"{topic}\",\"events\":[{event}]}}"), names));
            }
        }
    }
    Err(format!("{channel}: no event type is routed to this channel — name a --destination"))
}

fn test_event(kind: &str, at: UnixTime, chat: Option<&str>) -> String {
    // The MAC is of the range for documentation (RFC 7042 §2.1.1).
    const DEVICE: &str = r#""device_name":"mistgate send-test","mac":"00005e005301""#;
    const REST: &str = r#""site_name":"send-test","text":"This is a test. Nothing happened.""#;
    // Another id in each test, or two in one second would count as one.
    let (id, secs) = (at.as_micros(), at.as_secs());
    let test = chat.map_or_else(|| "true".to_owned(), |chat| format!("\"{chat}\""));
    let ours = format!(r#""{SEND_TEST}":{test},"id":"{id}","timestamp":{secs}"#);
    format!(r#"{{"type":"{kind}",{ours},{DEVICE},{REST}}}"#)
}

fn post(webhook: &Webhook, body: String) -> Result<u16, String> {
    let address = reachable(webhook.listen);
    let secret = webhook.secrets.first().ok_or("webhook.secret: none")?;
    let path = webhook.paths.first().ok_or("webhook.paths: none")?;
    let scheme = if webhook.tls.is_some() { "https" } else { "http" };
    let url = Url::parse(&format!("{scheme}://{address}{path}")).map_err(|e| e.to_string())?;
    let tls = match &webhook.tls {
        Some(tls) => pinned::connector(&tls.cert)?,
        None => tls::connector(Vec::new()),
    };
    let client = Client::new(Outbound { tls, proxies: Proxies::default(), clock: Clock::start() });
    let signature = secret.sign(body.as_bytes());
    let request = Call {
        method: Method::POST,
        url: &url,
        headers: &[("content-type", "application/json"), (HEADER_V2, &signature)],
        body: Bytes::from(body),
        timeout: PATIENCE,
        take: Take::First(0),
    };
    let answer = smol::block_on(client.call(&request));
    let start = "is it running? — start it with mistgate run";
    Ok(answer.map_err(|fault| format!("{address}: {fault} — {start}"))?.status)
}

/// Waits until each destination has taken the message or refused it.
fn watch(config: &Config, before: &Metrics, names: &[&str]) -> Result<(), String> {
    let timeout = config.chat.delivery.timeout;
    let mut open: Vec<&str> = names.to_vec();
    let mut failed = Vec::new();
    let began = Instant::now();
    while !open.is_empty() && began.elapsed() < PATIENCE {
        let after = metrics(&config.state_dir)?;
        // The reason of what has grown, which a delivery has not.
        let grown = |name: &str, metric: &str| {
            let of = |key: &Key| key.0 == metric && key.1 == name;
            let mut series = after.iter().filter(|(key, _)| of(key));
            let grown = series.find(|(key, sum)| **sum > before.get(*key).copied().unwrap_or(0.0));
            grown.map(|(key, _)| key.2.as_str())
        };
        open.retain(|name| {
            if grown(name, "mistgate_messages_delivered_total").is_some() {
                crate::say(&format!("{name}: delivered"));
                return false;
            }
            let reason = grown(name, "mistgate_retries_total")
                .or_else(|| grown(name, "mistgate_events_dropped_total"));
            let Some(reason) = reason else { return true };
            crate::say(&format!("{name}: refused: {}; the log says more", why(reason, timeout)));
            failed.push(*name);
            false
        });
        thread::sleep(POLL_EVERY);
    }
    for name in &open {
        crate::say(&format!("{name}: no answer yet"));
    }
    failed.append(&mut open);
    if failed.is_empty() { Ok(()) } else { Err(format!("not delivered: {}", failed.join(", "))) }
}

/// A failed attempt in words, by its label in the metrics.
fn why(reason: &str, timeout: Duration) -> String {
    match reason {
        "forbidden" => "HTTP status 401 or 403, its token or key is not valid".to_owned(),
        "gone" => "HTTP status 404 or 410, or it says that the channel is gone".to_owned(),
        "payload" => "HTTP status 400, or it says that it does not take the content".to_owned(),
        "rate_limited" => "HTTP status 429, too many messages".to_owned(),
        "server_error" => "HTTP status 500 or higher".to_owned(),
        "timeout" => format!("no answer within {} s", timeout.as_secs()),
        "dns" => "its name does not resolve".to_owned(),
        "connection" => "no connection".to_owned(),
        other => other.replace('_', " "),
    }
}

/// A metric, a destination, and a reason.
type Key = (String, String, String);
type Metrics = BTreeMap<Key, f64>;

fn metrics(state_dir: &str) -> Result<Metrics, String> {
    let text = ask::ask_in(state_dir, "GET", "/metrics", "");
    let text = text.map_err(|failure| failure.to_string())?;
    let mut metrics = Metrics::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (series, value) = line.rsplit_once(' ').unwrap_or((line, "0"));
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let label = |name: &str| {
            let value = labels.split_once(name).and_then(|(_, rest)| rest.split_once('"'));
            value.map_or("", |(value, _)| value).to_owned()
        };
        let key = (name.to_owned(), label("destination=\""), label("reason=\""));
        *metrics.entry(key).or_default() += value.parse().unwrap_or(0.0);
    }
    Ok(metrics)
}

/// The address under which this machine reaches its own listener.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = if !listen.ip().is_unspecified() {
        listen.ip()
    } else if listen.is_ipv4() {
        Ipv4Addr::LOCALHOST.into()
    } else {
        Ipv6Addr::LOCALHOST.into()
    };
    SocketAddr::new(ip, listen.port())
}
