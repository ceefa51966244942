//! `[admin]`: the endpoint for operators, and the addresses of all listeners.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::section::Section;
use crate::{base::secret::Secret, http::listener::Tls};

const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9361);

/// `[admin]`: the endpoint for operators.
#[derive(Clone, Debug)]
pub struct Admin {
    pub listen: SocketAddr,
    /// The bearer token that may look and act; required unless `listen` is loopback.
    pub token: Option<Secret>,
    /// The bearer token that may only look.
    pub view_token: Option<Secret>,
    pub tls: Option<Tls>,
    /// Whether it serves the page, too: only where `listen` is loopback or there is `tls`.
    pub page: bool,
}

/// Reads `[admin]`, which needs a token unless it listens on loopback.
pub(super) fn admin(section: &Section<'_>) -> Admin {
    let listen = section.listen("listen", LISTEN);
    let token = section.token("token", "token_file");
    let view_token = section.token("view_token", "view_token_file");
    let tls_item = section.item("tls");
    let is_private = listen.ip().is_loopback() || tls_item.is_some();
    if !listen.ip().is_loopback() && section.lacks(&["token", "token_file"]) {
        let expected = "a token, because others than this machine can reach the endpoint";
        section.missing("token_file", expected);
    }
    let page = section.flag_or("page", is_private);
    if !is_private {
        let expected = "a loopback address, or tls, or a reverse proxy with TLS in front";
        section.warning("listen", "the token travels unencrypted", expected);
    }
    if page && !is_private {
        let what = "others could read along who logs in";
        section.conflict("page", what, "tls, or listen on a loopback address");
    }
    let tls = tls_item.and_then(|item| item.section(Section::tls)).flatten();
    Admin { listen, token, view_token, tls, page }
}

/// Whether two listeners cannot both have their address. Port 0 is any free port. An IPv6 wildcard
/// takes the IPv4 port too, unless the system is configured otherwise.
pub(super) fn collide(one: SocketAddr, other: SocketAddr) -> bool {
    let takes = |wild: SocketAddr, taken: SocketAddr| {
        wild.ip() == Ipv6Addr::UNSPECIFIED
            || (wild.ip() == Ipv4Addr::UNSPECIFIED && taken.is_ipv4())
    };
    one.port() == other.port()
        && one.port() != 0
        && (one.ip() == other.ip() || takes(one, other) || takes(other, one))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_listeners_need_two_addresses() {
        for (one, other, expected) in [
            ("127.0.0.1:80", "127.0.0.1:80", true),
            ("0.0.0.0:80", "127.0.0.1:80", true),
            ("127.0.0.1:80", "0.0.0.0:80", true),
            ("[::]:80", "127.0.0.1:80", true),
            ("[::]:80", "[::1]:80", true),
            ("0.0.0.0:80", "[::1]:80", false),
            ("127.0.0.1:80", "127.0.0.2:80", false),
            ("127.0.0.1:80", "127.0.0.1:81", false),
            ("127.0.0.1:0", "127.0.0.1:0", false),
        ] {
            let [one, other] = [one, other].map(|text| text.parse().expect("an address"));
            assert_eq!(collide(one, other), expected, "{one} {other}");
        }
    }
}
