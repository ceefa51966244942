//! `[proxy]`: the Micronets websocket proxy.

use alloc::{string::String, vec::Vec};
use core::{net::IpAddr, net::Ipv4Addr, net::SocketAddr, ops::RangeInclusive, time::Duration};

use super::{files::FileKind, problem::Fault, reader::Item, section::Section, units};
use crate::http::listener::{Limits, Tls};
use crate::micronets::meetup::input::{Config as Meetup, OnPartnerLoss};
use crate::micronets::proxy::{Proxy, ProxyFiles, ProxyLimits};
use crate::micronets::{access::Rule, access::Subject, keepalive::Timing};

/// Where the original listens, and below which path it takes peers.
const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 5050);
const PATH_PREFIX: &str = "/micronets/v1/ws-proxy/";

/// Between two pings. Less than a second is a load without a use.
const PING_BOUNDS: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(600);
/// One message; the real peers take 1MiB.
const MESSAGE_BOUNDS: RangeInclusive<usize> = (1 << 10)..=(64 << 20);
/// What waits in memory for one connection.
const WAITING_BOUNDS: RangeInclusive<usize> = (1 << 10)..=(64 << 20);

/// Reads `[proxy]`; certificates and authorities are required.
pub(super) fn proxy(section: &Section<'_>) -> Proxy {
    let listen = section.listen("listen", LISTEN);
    let path_prefix = path_prefix(section);
    let allow = allow(section, &path_prefix);
    // A file that cannot be used is a problem by then, so no empty name is ever opened.
    let tls = section.tls().unwrap_or(Tls { cert: String::new(), key: String::new() });
    let client_ca = client_ca(section).unwrap_or_default();
    let files = ProxyFiles { tls, client_ca, crl: crl(section) };
    let proxy_protocol = section.flag("proxy_protocol");
    let (meetup, limits) = (meetup(section), limits(section));
    Proxy { listen, proxy_protocol, path_prefix, files, allow, meetup, limits }
}

fn path_prefix(section: &Section<'_>) -> String {
    const EXPECTED: &str = "a path that begins and ends with \"/\", such as \
                            \"/micronets/v1/ws-proxy/\"";
    let Some(item) = section.item("path_prefix") else { return PATH_PREFIX.into() };
    let prefix = item.judged(EXPECTED, |text| match units::path(text, EXPECTED) {
        // What follows a `?` is the meetup's too, so none can be in front of it.
        Ok(path) if path.ends_with('/') => Ok(path),
        _ => Err(Fault::of(text, "is not such a path", EXPECTED)),
    });
    prefix.unwrap_or(PATH_PREFIX).into()
}

/// Whether the text can stand in a request target (RFC 9112 §3.2), which is what it is compared
/// with: as it came, nothing in it decoded.
fn is_target(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'#' | b'"'))
}

fn client_ca(section: &Section<'_>) -> Option<String> {
    let expected = "the PEM file with the authorities whose certificates may connect";
    Some(section.required("client_ca", expected)?.file(FileKind::Certificates)?.0)
}

fn crl(section: &Section<'_>) -> Vec<String> {
    let Some(item) = section.item("crl") else { return Vec::new() };
    let items = if item.value.as_str().is_some() {
        Vec::from([item])
    } else {
        item.elements("a PEM file with a revocation list, or a list of such files")
    };
    let file = |item: &Item<'_>| Some(item.file(FileKind::RevocationLists)?.0);
    items.iter().filter_map(file).collect()
}

fn allow(section: &Section<'_>, path_prefix: &str) -> Vec<Rule> {
    let Some(list) = section.item("allow") else {
        section.warning(
            "allow",
            "any certificate of client_ca may join any meetup",
            "[[proxy.allow]] with a meetup and the subjects that may join it",
        );
        return Vec::new();
    };
    let rule = |item: &Item<'_>| item.section(|section| rule(section, path_prefix));
    list.elements("a list of rules: [[proxy.allow]]").iter().filter_map(rule).collect()
}

fn rule(section: &Section<'_>, path_prefix: &str) -> Rule {
    const MEETUP: &str = "what follows path_prefix in the peers' URLs, such as \"gw/7B2A\", with \
                          \"*\" for any text";
    const SUBJECTS: &str = "a list of subjects, such as [\"O=Micronets DHCP Manager Cert\"]";
    let mut rule = Rule { meetup: String::new(), subjects: Vec::new() };
    match section.item("meetup") {
        None => section.missing("meetup", MEETUP),
        Some(item) => {
            let pattern = item.judged(MEETUP, |text| match text {
                text if is_target(text) => Ok(text),
                text => Err(Fault::of(text, "is in no URL", MEETUP)),
            });
            rule.meetup = pattern.unwrap_or_default().into();
            if rule.meetup.starts_with(path_prefix) {
                let what = "this begins with path_prefix, which is no part of a meetup's name";
                item.warning(what, MEETUP);
            }
        }
    }
    if let Some(list) = section.required("subjects", SUBJECTS) {
        rule.subjects = list.elements(SUBJECTS).iter().filter_map(subject).collect();
    }
    rule
}

fn subject(item: &Item<'_>) -> Option<Subject> {
    item.judged(Subject::EXPECTED, |text| {
        Subject::parse(text).map_err(|expected| Fault::of(text, "is no subject", expected))
    })
}

fn meetup(section: &Section<'_>) -> Meetup {
    let default = Meetup::default();
    Meetup {
        hello_timeout: section.step("hello_timeout", default.hello_timeout),
        pings: Timing {
            interval: section.duration("ping_interval", default.pings.interval, PING_BOUNDS),
            timeout: section.duration("ping_timeout", default.pings.timeout, PING_BOUNDS),
        },
        request_timeout: section.step("request_timeout", default.request_timeout),
        on_partner_loss: on_partner_loss(section, default.on_partner_loss),
        held_max: section.size("held_max", default.held_max, WAITING_BOUNDS),
    }
}

fn on_partner_loss(section: &Section<'_>, default: OnPartnerLoss) -> OnPartnerLoss {
    const EXPECTED: &str = "\"keep\", or \"close\" as the original does";
    let choices = [("keep", OnPartnerLoss::Keep), ("close", OnPartnerLoss::Close)];
    section.choice("on_partner_loss", EXPECTED, "is neither", &choices).unwrap_or(default)
}

fn limits(section: &Section<'_>) -> ProxyLimits {
    let default = ProxyLimits::default();
    ProxyLimits {
        message_max: section.size("max_message", default.message_max, MESSAGE_BOUNDS),
        unsent_max: section.size("unsent_max", default.unsent_max, WAITING_BOUNDS),
        listener: Limits {
            head_timeout: section.step("upgrade_timeout", default.listener.head_timeout),
            ..section.limits(default.listener)
        },
    }
}
