//! Which destinations are reached through which proxy.
//!
//! By the configuration, or by the environment as curl reads it: `https_proxy`, `http_proxy` (in
//! lower case only, since a CGI client can set `HTTP_PROXY` by sending a `Proxy` header),
//! `all_proxy`, and `no_proxy` for the exceptions.

use alloc::{borrow::ToOwned, format, string::String, sync::Arc, vec::Vec};
use core::net::IpAddr;

use http_types::Url;
use percent_encoding::percent_decode_str;

use crate::base::{base64, network::Network, secret::Secret};

/// A proxy that speaks HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    host: String,
    port: u16,
    authorization: Option<Secret>,
}

impl Proxy {
    /// Reads `[http://][user:password@]host[:port]`; without a port it is 80.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        let whole = match text.contains("://") {
            true => Url::parse(text),
            false => Url::parse(&format!("http://{text}")),
        };
        let wrong = |what: &str| Error { place: String::new(), what: what.to_owned() };
        let url = whole.map_err(|_| wrong("not a URL"))?;
        if url.scheme() != "http" {
            return Err(wrong(&format!("a proxy of the kind {}", url.scheme())));
        }
        let host = url.host_str().ok_or_else(|| wrong("not a URL"))?;
        let has_login = !url.username().is_empty() || url.password().is_some();
        Ok(Self {
            host: host.to_owned(),
            port: url.port().unwrap_or(80),
            authorization: has_login.then(|| Secret::new(basic(&url))),
        })
    }

    /// Host and port.
    pub fn address(&self) -> (&str, u16) {
        (&self.host, self.port)
    }

    /// The value of `Proxy-Authorization`.
    pub fn authorization(&self) -> Option<&str> {
        self.authorization.as_ref().map(Secret::expose)
    }
}

/// The proxies and the exceptions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies(Arc<Rules>);

#[derive(Debug, Default, PartialEq, Eq)]
struct Rules {
    http: Option<Proxy>,
    https: Option<Proxy>,
    exceptions: Vec<Exception>,
}

impl Proxies {
    /// The `configured` proxy for everything, or those of the environment, of which `variable`
    /// looks up one by its name. The exceptions are the environment's in either case.
    pub fn new(
        configured: Option<&Secret>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, Error> {
        let first = |names: &[&'static str]| {
            names.iter().find_map(|&name| {
                let value = variable(name).filter(|value| !value.trim().is_empty())?;
                Some((name, value))
            })
        };
        let proxy = |names: &[&'static str]| {
            let parse = |(name, text): (_, String)| {
                Proxy::parse(&text).map_err(|error| Error { place: format!("{name}: "), ..error })
            };
            first(names).map(parse).transpose()
        };
        let (http, https) = match configured {
            Some(text) => {
                let proxy = Proxy::parse(text.expose())?;
                (Some(proxy.clone()), Some(proxy))
            }
            None => (
                proxy(&["http_proxy", "all_proxy", "ALL_PROXY"])?,
                proxy(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"])?,
            ),
        };
        let exceptions = first(&["no_proxy", "NO_PROXY"]);
        Ok(Self(Arc::new(Rules {
            http,
            https,
            exceptions: exceptions
                .iter()
                .flat_map(|(_, text)| text.split([',', ' ']))
                .filter_map(Exception::parse)
                .collect(),
        })))
    }

    /// The ports of all proxies.
    pub fn ports(&self) -> impl Iterator<Item = u16> {
        self.0.http.iter().chain(&self.0.https).map(|proxy| proxy.port)
    }

    /// The proxy on the way to `url`, if any.
    pub fn of(&self, url: &Url) -> Option<&Proxy> {
        let rules = &*self.0;
        let proxy = match url.scheme() {
            "https" => rules.https.as_ref(),
            _ => rules.http.as_ref(),
        }?;
        let host = url.host_str()?;
        let port = url.port_or_known_default()?;
        let direct = rules.exceptions.iter().any(|exception| exception.holds(host, port));
        (!direct).then_some(proxy)
    }
}

/// One entry of `no_proxy`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Exception {
    to: To,
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum To {
    /// `*`, which holds for every host.
    All,
    /// `192.0.2.0/24`, `2001:db8::/32`, or one address.
    Network(Network),
    /// `example.com` or `.example.com`: the name itself and all below it.
    Domain(String),
}

impl Exception {
    fn parse(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self { to: To::All, port: None });
        }
        if let Some(network) = network(text) {
            return Some(Self { to: To::Network(network), port: None });
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse().ok()?)),
            None => (text, None),
        };
        let domain = host.strip_prefix('.').unwrap_or(host);
        let to = match network(host) {
            Some(network) => To::Network(network),
            None => To::Domain(domain.to_ascii_lowercase()),
        };
        (!domain.is_empty()).then_some(Self { to, port })
    }

    fn holds(&self, host: &str, port: u16) -> bool {
        let named = match &self.to {
            To::All => true,
            To::Network(network) => address(host).is_some_and(|address| network.contains(address)),
            // A URL's host is in lower case already.
            To::Domain(domain) => host
                .strip_suffix(domain.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.')),
        };
        named && self.port.is_none_or(|only| only == port)
    }
}

/// One address, or `address/prefix`.
fn network(text: &str) -> Option<Network> {
    let (start, prefix) = match text.split_once('/') {
        Some((start, prefix)) => (address(start)?, Some(prefix.parse().ok()?)),
        None => (address(text)?, None),
    };
    let bits = if start.is_ipv4() { 32 } else { 128 };
    Some(Network { address: start, prefix: prefix.unwrap_or(bits).min(bits) })
}

/// An address, of IPv6 also in the brackets of a URL.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    bare.unwrap_or(text).parse().ok()
}

/// `Basic` credentials of a URL's user and password (RFC 7617 §2).
pub fn basic(url: &Url) -> String {
    let mut login: Vec<u8> = percent_decode_str(url.username()).collect();
    login.push(b':');
    login.extend(percent_decode_str(url.password().unwrap_or_default()));
    format!("Basic {}", base64::encode(&login))
}

/// Why the text is no proxy. It may hold a password and is not repeated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}{what} — expected http://[user:password@]host[:port]")]
pub struct Error {
    /// The variable of the environment and a colon; empty for the configuration.
    place: String,
    what: String,
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    fn proxies(configured: Option<&str>, variables: &[(&str, &str)]) -> Result<Proxies, Error> {
        Proxies::new(configured.map(Secret::new).as_ref(), |name| {
            let of = variables.iter().find(|(known, _)| *known == name);
            of.map(|&(_, value)| value.to_owned())
        })
    }

    fn way(proxies: &Proxies, url: &str) -> Option<String> {
        let (host, port) = proxies.of(&Url::parse(url).expect("a URL"))?.address();
        Some(format!("{host}:{port}"))
    }

    #[test]
    fn the_environment_is_read_as_curl_reads_it() {
        let variables = [
            ("http_proxy", "plain.example"),
            ("HTTP_PROXY", "evil.example"),
            ("HTTPS_PROXY", "http://secure.example:3128/"),
            ("https_proxy", " "),
            ("ALL_PROXY", "all.example:1"),
        ];
        let proxies = proxies(None, &variables).expect("proxies");
        assert_eq!(way(&proxies, "http://a.example").as_deref(), Some("plain.example:80"));
        assert_eq!(way(&proxies, "https://a.example").as_deref(), Some("secure.example:3128"));
        let all = self::proxies(None, &[("ALL_PROXY", "all.example:1")]).expect("a proxy");
        assert_eq!(way(&all, "http://a.example").as_deref(), Some("all.example:1"));
        assert_eq!(way(&Proxies::default(), "http://a.example"), None);
        let upper = self::proxies(None, &[("HTTP_PROXY", "evil.example")]).expect("none");
        assert_eq!(way(&upper, "http://a.example"), None);
    }

    #[test]
    fn the_configuration_wins_but_for_the_exceptions() {
        let variables = [("https_proxy", "env.example"), ("NO_PROXY", "inside.example")];
        let proxies = proxies(Some("http://cfg.example:8080"), &variables).expect("a proxy");
        assert_eq!(way(&proxies, "https://a.example").as_deref(), Some("cfg.example:8080"));
        assert_eq!(way(&proxies, "https://inside.example"), None);
    }

    #[test]
    fn exceptions_are_domains_addresses_networks_and_ports() {
        let direct = |exception: &str, url: &str| {
            let variables = [("all_proxy", "p.example"), ("no_proxy", exception)];
            way(&proxies(None, &variables).expect("a proxy"), url).is_none()
        };
        assert!(direct("*", "http://a.example"));
        assert!(direct("x.example, .Corp.example", "https://a.corp.example"));
        assert!(direct(".corp.example", "https://corp.example"));
        assert!(!direct("corp.example", "https://badcorp.example"));
        assert!(direct("a.example:8443", "https://a.example:8443"));
        assert!(!direct("a.example:8443", "https://a.example"));
        assert!(direct("192.0.2.0/24", "http://192.0.2.77"));
        assert!(!direct("192.0.2.0/24", "http://192.0.3.1"));
        assert!(direct("127.0.0.1:8080", "http://127.0.0.1:8080"));
        assert!(!direct("127.0.0.1:8080", "http://127.0.0.1:8081"));
        assert!(direct("::1", "http://[::1]:9"));
        assert!(direct("[::1]:9", "http://[::1]:9"));
        assert!(!direct("[::1]:8", "http://[::1]:9"));
        assert!(direct("2001:db8::/32", "http://[2001:db8:1::2]"));
        assert!(!direct(" , ,", "http://a.example"));
    }

    #[test]
    fn a_login_becomes_basic_credentials() {
        let proxy = Proxy::parse("http://user:p%40ss%2@h").expect("a proxy");
        // "user:p@ss%2"
        assert_eq!(proxy.authorization(), Some("Basic dXNlcjpwQHNzJTI="));
        assert_eq!(Proxy::parse("h").expect("a proxy").authorization(), None);
        assert!(!format!("{proxy:?}").contains("Basic"));
    }

    #[test]
    fn what_is_no_proxy_is_named_without_its_text() {
        let error = proxies(None, &[("https_proxy", "socks5://me:secret@h")]).expect_err("socks");
        assert_eq!(
            error.to_string(),
            "https_proxy: a proxy of the kind socks5 — expected http://[user:password@]host[:port]"
        );
        let error = proxies(Some("http://me:secret@"), &[]).expect_err("no host");
        assert_eq!(error.to_string(), "not a URL — expected http://[user:password@]host[:port]");
    }
}
