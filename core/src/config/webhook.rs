//! `[webhook]`: the listener for webhooks.

use alloc::{string::String, vec::Vec};
use core::{net::IpAddr, net::Ipv4Addr, net::SocketAddr, ops::RangeInclusive, time::Duration};

use http_types::Url;

use super::{problem::Fault, reader::Item, section::Section, units};
use crate::base::{network::Network, secret::Secret};
use crate::{http::listener::Limits, http::listener::Policy, webhook::config::Webhook};

/// The port that users of MWTT have opened already.
const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 51361);
const DEDUP_WINDOW: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);
const EVENT_AGE_BOUNDS: RangeInclusive<Duration> =
    Duration::from_secs(60)..=Duration::from_secs(30 * 86_400);
const DEDUP_WINDOW_BOUNDS: RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(7 * 86_400);

/// Reads `[webhook]`, with a warning for what is less safe.
pub(super) fn webhook(section: &Section<'_>) -> Webhook {
    let listen = section.listen("listen", LISTEN);
    let accept_v1 = section.flag("accept_v1");
    if accept_v1 {
        let expected = "false, as Mist signs each webhook with HMAC-SHA256 too";
        section.warning("accept_v1", "HMAC-SHA1 signatures are accepted", expected);
    }
    let tls_item = section.item("tls");
    if tls_item.is_none() && !listen.ip().is_loopback() {
        let what = alloc::format!("webhooks reach {listen} unencrypted");
        let expected = "a certificate, or a reverse proxy with TLS in front";
        section.warning("tls", what, expected);
    }
    let paths = paths(section);
    let url = url(section, &paths);
    Webhook {
        listen,
        verify_cert: section.flag_or("verify_cert", true),
        url,
        paths,
        secrets: secrets(section),
        accept_v1,
        dedup_window: section.duration("dedup_window", DEDUP_WINDOW, DEDUP_WINDOW_BOUNDS),
        max_event_age: section.duration("max_event_age", DAY, EVENT_AGE_BOUNDS),
        tls: tls_item.and_then(|item| item.section(Section::tls)).flatten(),
        policy: policy(section),
    }
}

/// Where Mist reaches the listener, with a warning where that will hardly work.
fn url(section: &Section<'_>, paths: &[String]) -> Option<Url> {
    const URL: &str = "a URL such as \"https://gw-1.example.net/webhooks\"";
    let url = section.judged("url", URL, |text| {
        Webhook::parse_url(text).map_err(|what| Fault::new(what, URL))
    })?;
    if !paths.iter().any(|path| path == url.path()) {
        let what = "its path is none of webhook.paths";
        section.warning("url", what, "one of them, unless a reverse proxy changes the path");
    }
    Some(url)
}

fn secrets(section: &Section<'_>) -> Vec<Secret> {
    const KEYS: [&str; 4] = ["secret_file", "secret", "secret_files", "secrets"];
    const LIST: &str = "a list of the secrets that may sign, the newest first";
    let Some((key, item)) = section.one_of(&KEYS) else {
        let expected = "the secret of the webhook in Mist, without which anybody could send";
        section.missing("secret_file", expected);
        return Vec::new();
    };
    let each: Vec<_> = match key {
        "secret" => Vec::from([item.secret()]),
        "secret_file" => Vec::from([item.secret_file()]),
        "secrets" => item.elements(LIST).iter().map(Item::secret).collect(),
        _ => item.elements(LIST).iter().map(Item::secret_file).collect(),
    };
    each.into_iter().flatten().collect()
}

fn paths(section: &Section<'_>) -> Vec<String> {
    const PATH: &str = "a path such as \"/webhooks\"";
    let expected = "a list of paths, such as [\"/webhooks\"]";
    let Some(list) = section.item("paths") else { return Vec::from([String::from(Webhook::PATH)]) };
    let mut paths: Vec<String> = Vec::new();
    for item in list.elements(expected) {
        let path = item.judged(PATH, |text| match units::path(text, PATH)? {
            path if paths.iter().any(|other| other == path) => {
                Err(Fault::of(text, "is listed twice", PATH))
            }
            path => Ok(String::from(path)),
        });
        paths.extend(path);
    }
    paths
}

fn networks(section: &Section<'_>, key: &'static str) -> Option<Vec<Network>> {
    let expected = "a list of networks, such as [\"10.0.0.0/8\"]";
    let network = |item: &Item<'_>| item.judged("a network such as \"10.0.0.0/8\"", units::network);
    section.list(key, expected, network)
}

fn policy(section: &Section<'_>) -> Policy {
    let default = Policy::default();
    Policy {
        allow_from: networks(section, "allow_from").unwrap_or(default.allow_from),
        proxies: networks(section, "trusted_proxies").unwrap_or(default.proxies),
        limits: limits(section, default.limits),
    }
}

fn limits(section: &Section<'_>, default: Limits) -> Limits {
    let limits = Limits {
        body_max: section.size("max_body", default.body_max, (1 << 10)..=(256 << 20)),
        bodies_max: section.size("bodies_max", default.bodies_max, (1 << 10)..=(1 << 30)),
        body_rate_min: section.size("body_rate_min", default.body_rate_min, 1..=(16 << 20)),
        head_max: section.size("head_max", default.head_max, (1 << 10)..=(1 << 20)),
        headers_max: section.count("headers_max", default.headers_max, 8..=1_024),
        head_timeout: section.step("head_timeout", default.head_timeout),
        body_timeout: section.step("body_timeout", default.body_timeout),
        ..section.limits(default)
    };
    if limits.bodies_max < limits.body_max {
        let what = "all bodies together may have less than one of them";
        section.conflict("bodies_max", what, "at least max_body");
    }
    limits
}
