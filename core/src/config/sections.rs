//! `[mist]`, `[webhook]` and `[admin]`.

use alloc::{string::String, vec::Vec};
use core::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use http_types::Url;

use super::{
    checked::{Admin, Limits, Mist, Network, Tls, Webhook},
    files::FileKind,
    problem::{Fault, quoted},
    reader::{Item, Section},
    units, urls,
};
use crate::{notify::links::dashboard_host, secret::Secret};

const ID: &str = "an id such as \"978c48e6-6ef6-11e6-8bbf-02e208b2d34f\"";
/// The cloud where nothing else is configured: Global 01 (`facts/mist.md` §1).
const API_URL: &str = "https://api.mist.com";
/// Where webhooks are expected: the port that MWTT users have opened already.
const WEBHOOK_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 51361);
const ADMIN_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9361);
const WEBHOOK_PATH: &str = "/webhooks";
const DEDUP_WINDOW: Duration = Duration::from_secs(3_600);
/// The shortest and the longest time that a client may be given for one step.
const STEP: core::ops::RangeInclusive<Duration> =
    Duration::from_millis(10)..=Duration::from_secs(3_600);

/// `[mist]` but for `ignored_sites`; without a section, its defaults.
pub(super) fn mist(section: Option<&Section<'_>>) -> Mist {
    let expected = "a URL such as \"https://api.mist.com\"";
    let api_url = section
        .and_then(|section| section.judged("api_url", expected, urls::api))
        .unwrap_or_else(|| Url::parse(API_URL).expect("a constant that a test reads"));
    let dashboard_host = dashboard_host(api_url.host_str().unwrap_or_default());
    Mist {
        api_url,
        dashboard_host,
        token: section.and_then(token),
        org_id: section.and_then(|section| section.judged("org_id", ID, id)),
    }
}

/// `mist.ignored_sites`
pub(super) fn ignored_sites(section: &Section<'_>) -> Vec<String> {
    let expected = "a list of site ids";
    section.item("ignored_sites").map_or(Vec::new(), |sites| {
        let site = |item: &Item<'_>| item.judged(ID, id);
        sites.elements(expected).iter().filter_map(site).collect()
    })
}

/// `[webhook]`
pub(super) fn webhook(section: &Section<'_>) -> Webhook {
    let listen = section.listen("listen", WEBHOOK_LISTEN);
    let accept_v1 = section.flag("accept_v1");
    if accept_v1 {
        section.warning(
            "accept_v1",
            Fault::new(
                "HMAC-SHA1 signatures are accepted",
                "false, as Mist signs each webhook with HMAC-SHA256 too",
            ),
        );
    }
    let tls_item = section.item("tls");
    if tls_item.is_none() && !listen.ip().is_loopback() {
        section.warning(
            "tls",
            Fault::new(
                alloc::format!("webhooks reach {listen} unencrypted"),
                "a certificate, or a reverse proxy with TLS in front",
            ),
        );
    }
    Webhook {
        listen,
        paths: paths(section),
        secrets: webhook_secrets(section),
        accept_v1,
        dedup_window: section.duration(
            "dedup_window",
            DEDUP_WINDOW,
            Duration::from_secs(1)..=Duration::from_secs(7 * 86_400),
        ),
        tls: tls_item.and_then(|item| item.section(tls)).flatten(),
        allow_from: allow_from(section),
        limits: limits(section),
    }
}

/// `[admin]`
pub(super) fn admin(section: &Section<'_>) -> Admin {
    let listen = section.listen("listen", ADMIN_LISTEN);
    let token = token(section);
    if !listen.ip().is_loopback() {
        if section.lacks(&["token", "token_file"]) {
            let expected = "a token, because others than this machine can reach the endpoint";
            section.missing("token_file", expected);
        }
        section.warning(
            "listen",
            Fault::new(
                "the token travels unencrypted",
                "a loopback address, or a reverse proxy with TLS in front",
            ),
        );
    }
    Admin { listen, token }
}

/// Holds if two listeners cannot both have their address. Port 0 is any free port, and an IPv6
/// wildcard takes the IPv4 port too, unless the system says otherwise.
pub(super) fn collide(one: SocketAddr, other: SocketAddr) -> bool {
    let takes = |wild: SocketAddr, taken: SocketAddr| {
        wild.ip() == Ipv6Addr::UNSPECIFIED
            || (wild.ip() == Ipv4Addr::UNSPECIFIED && taken.is_ipv4())
    };
    one.port() == other.port()
        && one.port() != 0
        && (one.ip() == other.ip() || takes(one, other) || takes(other, one))
}

/// `token` or `token_file`. It travels in a header, so it is visible ASCII (RFC 6750 §2.1).
fn token(section: &Section<'_>) -> Option<Secret> {
    let (item, token) = section.secret("token", "token_file")?;
    if token.expose().bytes().all(|b| b.is_ascii_graphic()) {
        return Some(token);
    }
    item.problem(
        "the token holds characters that no HTTP header can carry",
        "letters, digits and punctuation of ASCII, without spaces",
    );
    None
}

/// An id of Mist's, a UUID, in lower case as Mist writes it.
fn id(text: &str) -> Result<String, Fault> {
    let groups: Vec<_> = text.split('-').map(str::len).collect();
    let hex = text.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit());
    if hex && groups == [8, 4, 4, 4, 12] {
        Ok(text.to_ascii_lowercase())
    } else {
        let what = alloc::format!("{} is not an id of Mist's", quoted(text));
        Err(Fault::new(what, ID))
    }
}

fn webhook_secrets(section: &Section<'_>) -> Vec<Secret> {
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

fn tls(section: &Section<'_>) -> Option<Tls> {
    let Some(cert_item) = section.item("cert") else {
        section.missing("cert", "the PEM file with the certificate chain");
        section.item("key");
        return None;
    };
    let cert = cert_item.file(FileKind::Certificates);
    // The key may be in the same file, so it need not be named.
    let key = section
        .item("key")
        .unwrap_or(cert_item)
        .file(FileKind::PrivateKey);
    Some(Tls {
        cert: cert?.0,
        key: key?.0,
    })
}

fn paths(section: &Section<'_>) -> Vec<String> {
    const PATH: &str = "a path such as \"/webhooks\"";
    let expected = "a list of paths, such as [\"/webhooks\"]";
    let Some(list) = section.item("paths") else {
        return Vec::from([String::from(WEBHOOK_PATH)]);
    };
    let mut paths: Vec<String> = Vec::new();
    for item in list.elements(expected) {
        let path = item.judged(PATH, |text| {
            let visible = |b: u8| b.is_ascii_graphic() && !matches!(b, b'?' | b'#' | b'"');
            let what = if !text.starts_with('/') || !text.bytes().all(visible) {
                "is not a path"
            } else if paths.iter().any(|path| path == text) {
                "is listed twice"
            } else {
                return Ok(String::from(text));
            };
            let what = alloc::format!("{} {what}", quoted(text));
            Err(Fault::new(what, PATH))
        });
        paths.extend(path);
    }
    paths
}

fn allow_from(section: &Section<'_>) -> Vec<Network> {
    let expected = "a list of networks, such as [\"10.0.0.0/8\"]";
    let Some(list) = section.item("allow_from") else {
        let any = |address| Network { address, prefix: 0 };
        return Vec::from([
            any(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
            any(IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
        ]);
    };
    let network = |item: &Item<'_>| item.judged("a network such as \"10.0.0.0/8\"", units::network);
    list.elements(expected).iter().filter_map(network).collect()
}

fn limits(section: &Section<'_>) -> Limits {
    let default = Limits::default();
    let limits = Limits {
        body_max: section.size("max_body", default.body_max, (1 << 10)..=(256 << 20)),
        bodies_max: section.size("bodies_max", default.bodies_max, (1 << 10)..=(1 << 30)),
        // An HTTP reader's buffer is no smaller than the lower bound.
        head_max: section.size("head_max", default.head_max, (8 << 10)..=(1 << 20)),
        headers_max: section.count("headers_max", default.headers_max, 16..=1_024),
        connections_max: section.count("connections_max", default.connections_max, 1..=100_000),
        connections_per_address_max: section.count(
            "connections_per_address_max",
            default.connections_per_address_max,
            1..=100_000,
        ),
        head_timeout: section.duration("head_timeout", default.head_timeout, STEP),
        body_timeout: section.duration("body_timeout", default.body_timeout, STEP),
        handshake_timeout: section.duration("handshake_timeout", default.handshake_timeout, STEP),
    };
    if limits.bodies_max < limits.body_max {
        let what = "all bodies together may have less than one of them";
        section.conflict("bodies_max", Fault::new(what, "at least max_body"));
    }
    limits
}
