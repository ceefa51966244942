//! URLs of the configuration. A chat URL is a credential and a proxy's URL may hold one, so no
//! message here repeats any part of a URL but names that are ours.

use alloc::vec::Vec;
use core::net::IpAddr;

use http_types::{Url, url::Host, url::ParseError};

use super::problem::Fault;
use crate::chat::{KINDS, kind::Kind, kind::UrlVerdict};

/// Longer URLs are not from a chat.
const CHAT_URL_MAX: usize = 2_000;

/// The origin of a Mist cloud's API.
pub(super) fn api(text: &str) -> Result<Url, Fault> {
    let expected = "the origin of a Mist cloud's API, such as \"https://api.mist.com\"";
    let url = origin(text, "the API token would travel unencrypted", expected)?;
    if url.host_str().is_some_and(|host| host.starts_with("manage.")) {
        return Err(Fault::new("this is the dashboard, not the API", expected));
    }
    Ok(url)
}

/// The origin of Contrail Service Orchestration.
pub(super) fn cso(text: &str) -> Result<Url, Fault> {
    let expected = "the origin of CSO, such as \"https://cso.example.net\"";
    origin(text, "the password would travel unencrypted", expected)
}

/// A URL of nothing but a host, which may be unencrypted only where nobody can listen.
fn origin(text: &str, unencrypted: &str, expected: &str) -> Result<Url, Fault> {
    let fault = |what: &str| Fault::new(what, expected);
    let (url, reach) = absolute(text).map_err(fault)?;
    if url.scheme() == "http" && reach != Reach::Loopback {
        return Err(fault(unencrypted));
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err(fault("something follows the host"));
    }
    Ok(url)
}

/// A URL that a chat product gave out, with the warnings about it.
pub(super) fn chat(kind: &Kind, text: &str) -> Result<Vec<Fault>, Fault> {
    let fault = |what: &str| Fault::new(what, "the https URL that the chat product gave out");
    if text.len() > CHAT_URL_MAX {
        return Err(fault("this is longer than 2,000 characters"));
    }
    let (url, reach) = absolute(text).map_err(fault)?;
    let mut warnings = Vec::new();
    if url.scheme() == "http" && reach == Reach::Public {
        return Err(fault("messages would travel unencrypted"));
    } else if url.scheme() == "http" && reach == Reach::Private {
        let expected = "https, unless everybody on this network may read them";
        warnings.push(Fault::new("messages travel unencrypted", expected));
    }
    match kind.judge(&url) {
        UrlVerdict::Fine => {}
        UrlVerdict::Suspicious((what, expected)) => warnings.push(Fault::new(what, expected)),
        // Other hosts are fine, such as relays and test receivers, but not another vendor's.
        UrlVerdict::Foreign => {
            let owns = |other: &&&Kind| other.judge(&url) != UrlVerdict::Foreign;
            if let Some(owner) = KINDS.iter().find(owns) {
                return Err(Fault::new(
                    alloc::format!("this URL belongs to chat.{}", owner.name),
                    alloc::format!("a URL for chat.{}", kind.name),
                ));
            }
        }
    }
    Ok(warnings)
}

/// The HTTP proxy on the way to the chats.
pub(super) fn http_proxy(text: &str) -> Result<(), Fault> {
    let fault = |what: &str| {
        Fault::new(
            what,
            "\"http://host:port\", with \"user:password@\" before the host if the proxy asks",
        )
    };
    let url = parse(text).map_err(fault)?;
    if url.scheme() != "http" || url.host().is_none() {
        Err(fault("this is not an http URL"))
    } else if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        Err(fault("something follows the host"))
    } else {
        Ok(())
    }
}

/// A host name has ASCII letters only: tables for all others would be larger than they are worth.
fn parse(text: &str) -> Result<Url, &'static str> {
    Url::parse(text).map_err(|error| {
        if error == ParseError::IdnaError {
            "the host name of this URL must be written in ASCII (xn--…)"
        } else {
            "this is not a URL"
        }
    })
}

/// An https or http URL, and how far away its host is.
fn absolute(text: &str) -> Result<(Url, Reach), &'static str> {
    // The parser would silently drop them, so a URL that was broken into two lines would pass.
    if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err("this holds spaces or line ends");
    }
    let url = parse(text)?;
    if !url.has_host() {
        return Err("this URL has no host");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("this URL holds a user name or a password");
    }
    let reach = reach(&url);
    if matches!(url.scheme(), "https" | "http") {
        Ok((url, reach))
    } else {
        Err("this is not an https URL")
    }
}

/// How far away the host of a URL is, judged by the URL alone.
#[derive(PartialEq, Eq)]
enum Reach {
    Loopback,
    Private,
    Public,
}

fn reach(url: &Url) -> Reach {
    let address = match url.host() {
        Some(Host::Domain("localhost")) => return Reach::Loopback,
        Some(Host::Domain(_)) | None => return Reach::Public,
        Some(Host::Ipv4(v4)) => IpAddr::V4(v4),
        Some(Host::Ipv6(v6)) => IpAddr::V6(v6).to_canonical(),
    };
    let private = match address {
        IpAddr::V4(v4) => v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_unicast_link_local(),
    };
    match (address.is_loopback(), private) {
        (true, _) => Reach::Loopback,
        (false, true) => Reach::Private,
        (false, false) => Reach::Public,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::{google, slack, teams};

    #[test]
    fn an_api_is_the_origin_of_a_cloud() {
        for text in [
            "https://api.mist.com",
            "https://api.gc1.mist.com/",
            "https://mist.example:8443",
            "http://127.0.0.1:8080",
            "http://localhost:8080",
            "http://[::1]:8080",
        ] {
            assert!(api(text).is_ok(), "{text}");
        }
        for (text, what) in [
            ("api.mist.com", "this is not a URL"),
            (
                "https://müller.example",
                "the host name of this URL must be written in ASCII (xn--…)",
            ),
            ("http://api.mist.com", "the API token would travel unencrypted"),
            ("http://10.0.0.1", "the API token would travel unencrypted"),
            ("ftp://api.mist.com", "this is not an https URL"),
            ("https://api.mist.com/api/v1", "something follows the host"),
            ("https://api.mist.com?x", "something follows the host"),
            ("https://manage.mist.com", "this is the dashboard, not the API"),
            ("https://u:p@api.mist.com", "this URL holds a user name or a password"),
            ("https://api.mist.com\n", "this holds spaces or line ends"),
            ("data:text/plain,x", "this URL has no host"),
        ] {
            assert_eq!(api(text).map_err(|fault| fault.what), Err(what.into()));
        }
    }

    #[test]
    fn a_chat_url_is_encrypted_or_stays_in_the_house() {
        let warnings = |text: &str| chat(&slack::KIND, text).map(|warnings| warnings.len());
        for (text, count) in [
            ("https://hooks.slack.com/services/T/B/X", Some(0)),
            ("https://relay.example/hook?token=1", Some(0)),
            ("http://127.0.0.1:9000/x", Some(0)),
            ("http://192.168.1.2/x", Some(1)),
            ("http://[fd00::1]/x", Some(1)),
            ("http://[::ffff:10.0.0.1]/x", Some(1)),
            ("http://hooks.slack.com/services/T/B/X", None),
            ("http://198.51.100.1/x", None),
            ("https://u:p@relay.example/", None),
            ("https://relay.example/ x", None),
            ("relay.example/x", None),
            ("", None),
        ] {
            assert_eq!(warnings(text).ok(), count, "{text}");
        }
        assert!(warnings(&alloc::format!("https://a.example/{}", "x".repeat(1_982))).is_ok());
        assert!(warnings(&alloc::format!("https://a.example/{}", "x".repeat(1_983))).is_err());
    }

    #[test]
    fn each_generation_of_teams_urls_is_known() {
        for (text, what) in [
            (
                "https://x.webhook.office.com/webhookb2/a/IncomingWebhook/b/c",
                Some("Microsoft switched connectors off in May 2026"),
            ),
            (
                "https://outlook.office.com/webhook/a/IncomingWebhook/b/c",
                Some("Microsoft switched connectors off in May 2026"),
            ),
            (
                "https://prod-1.westeurope.logic.azure.com:443/workflows/a?sig=b",
                Some("Microsoft moved workflows away from this host in November 2025"),
            ),
            (
                "https://e.1.environment.api.powerplatform.com:443/powerautomate/automations?sp=a",
                Some("the URL has no \"sig\" parameter, so it was cut off"),
            ),
            (
                "https://e.1.environment.api.powerplatform.com:443/powerautomate/automations?sig=a",
                None,
            ),
        ] {
            let warnings = chat(&teams::KIND, text).expect("a usable URL");
            assert_eq!(warnings.first().map(|warning| warning.what.as_str()), what);
        }
    }

    #[test]
    fn a_url_in_the_wrong_section_or_cut_off_is_noticed() {
        let google = "https://chat.googleapis.com/v1/spaces/S/messages?key=k&token=t";
        assert_eq!(chat(&google::KIND, google), Ok(Vec::new()));
        assert_eq!(
            chat(&slack::KIND, google).map_err(|fault| fault.what),
            Err("this URL belongs to chat.google".into())
        );
        let cut_off = google.split('&').next().expect("a first part");
        assert_eq!(chat(&google::KIND, cut_off).map(|warnings| warnings.len()), Ok(1));
        let workflow = "https://hooks.slack.com/triggers/T/1/2";
        assert_eq!(chat(&slack::KIND, workflow).map(|warnings| warnings.len()), Ok(1));
    }

    #[test]
    fn a_proxy_speaks_http() {
        for text in ["http://proxy:3128", "http://user:pass@10.0.0.1:3128/"] {
            assert_eq!(http_proxy(text), Ok(()));
        }
        for text in ["proxy:3128", "https://proxy:3128", "socks5://proxy", "http://p/x", "x"] {
            assert!(http_proxy(text).is_err(), "{text}");
        }
    }
}
