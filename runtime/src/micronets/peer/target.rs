//! Where a peer connects to: the proxy, and the server that it forwards to.

use std::{net::Ipv6Addr, str::FromStr};

use http_types::{Url, url::Position};
use hyper::Uri;
use rustls::pki_types::ServerName;

use crate::http::outbound::Origin;

/// A meetup of a proxy: `wss://HOST:PORT/PREFIX/MEETUP`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meetup {
    /// The whole URL. What follows the host goes to the proxy as it is written.
    pub(super) uri: Uri,
    pub(super) port: u16,
}

impl Meetup {
    /// The host, an IPv6 address in brackets.
    pub(super) fn host(&self) -> &str {
        self.uri.host().expect("checked when it was parsed")
    }

    /// The name that the proxy's certificate should have.
    pub(super) fn name(&self) -> ServerName<'static> {
        name(self.host()).expect("checked when it was parsed")
    }
}

impl FromStr for Meetup {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = |got: &str| format!("expected wss://HOST:PORT/PREFIX/MEETUP, got {got}");
        let uri: Uri = text.parse().map_err(|_| expected("no URL"))?;
        if uri.scheme_str() != Some("wss") {
            return Err(expected("another scheme"));
        }
        let port = port(&uri).ok_or_else(|| expected("no host and port alone"))?;
        if uri.path().len() < 2 {
            return Err(expected("no meetup"));
        }
        Ok(Self { port, uri })
    }
}

/// A server on this machine or next to it: `http://A:P`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server(pub(super) Origin);

impl FromStr for Server {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).ok().filter(|url| &url[Position::BeforePath..] == "/");
        let url = url.filter(|url| url.username().is_empty() && url.password().is_none());
        let origin = url.as_ref().and_then(Origin::of).filter(|origin| !origin.secure);
        Ok(Self(origin.ok_or("expected http://HOST:PORT, without a path")?))
    }
}

/// The port, where the authority is that behind a host, or nothing.
fn port(uri: &Uri) -> Option<u16> {
    let host = uri.host().filter(|host| name(host).is_some())?;
    // `Uri` ignores a port that is no number, and allows a user before the host.
    match uri.authority()?.as_str().strip_prefix(host)?.strip_prefix(':') {
        Some(port) => port.parse().ok().filter(|port| *port > 0),
        None => Some(443),
    }
}

fn name(host: &str) -> Option<ServerName<'static>> {
    let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    match bracketed {
        Some(address) => Some(ServerName::from(address.parse::<Ipv6Addr>().ok()?)),
        None => ServerName::try_from(host.to_owned()).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_meetup_is_a_url_whose_end_is_not_touched() {
        let meetup = |text: &str| {
            let meetup = text.parse::<Meetup>()?;
            let path = meetup.uri.path_and_query().map(ToString::to_string);
            Ok::<_, String>((meetup.host().to_owned(), meetup.port, path))
        };
        let path = |text: &str| Some(text.to_owned());
        assert_eq!(
            meetup("wss://gw.example:5050/micronets/v1/ws-proxy/gw/a%2Fb?c"),
            Ok(("gw.example".to_owned(), 5050, path("/micronets/v1/ws-proxy/gw/a%2Fb?c")))
        );
        assert_eq!(meetup("wss://[::1]/a/../b"), Ok(("[::1]".to_owned(), 443, path("/a/../b"))));
        for wrong in [
            "",
            "gw.example:5050/a",
            "ws://gw.example:5050/a",
            "https://gw.example:5050/a",
            "wss://gw.example:5050",
            "wss://gw.example:5050/",
            "wss://user@gw.example/a",
            "wss://gw.example:70000/a",
            "wss://:5050/a",
            "wss://gw_1!/a",
        ] {
            let error = meetup(wrong).expect_err(wrong);
            assert!(error.starts_with("expected wss://HOST:PORT/PREFIX/MEETUP, got "), "{error}");
        }
    }

    #[test]
    fn a_server_has_no_path() {
        let server = |text: &str| {
            text.parse::<Server>().map(|Server(at)| format!("{}:{}", at.host, at.port))
        };
        assert_eq!(server("http://127.0.0.1:5000").as_deref(), Ok("127.0.0.1:5000"));
        assert_eq!(server("http://[::1]:5000/").as_deref(), Ok("[::1]:5000"));
        assert_eq!(server("http://localhost").as_deref(), Ok("localhost:80"));
        for wrong in ["", "127.0.0.1:5000", "https://a", "http://a/b", "http://a/?b", "http://a:x"]
        {
            assert!(server(wrong).is_err(), "{wrong}");
        }
    }
}
