//! For whom a reverse proxy forwards a request: `X-Forwarded-For`.
//!
//! The header is a list to which each proxy appends the address that it was connected from. What
//! stands left of the first address that is no proxy of ours came from outside and proves nothing.

use core::{net::IpAddr, net::SocketAddr, str};

use crate::base::network::Network;

/// The header's name.
pub const HEADER: &str = "x-forwarded-for";

/// The client of a request that came from `peer`: the rightmost address that is not one of
/// `proxies`. `None` if a proxy of ours names something else than an address there.
///
/// `values` are those of all headers of this name, in their order.
pub fn client<'v>(
    peer: IpAddr,
    values: impl DoubleEndedIterator<Item = &'v [u8]>,
    proxies: &[Network],
) -> Option<IpAddr> {
    let is_proxy = |address| proxies.iter().any(|network| network.contains(address));
    let mut client = peer.to_canonical();
    for entry in values.rev().flat_map(|value| value.rsplit(|b| *b == b',')) {
        if !is_proxy(client) {
            break;
        }
        client = address(str::from_utf8(entry).ok()?.trim_matches([' ', '\t']))?;
    }
    Some(client)
}

/// An address, or one with the port that some proxies append.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().ok();
    let address = address.or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()));
    Some(address?.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(peer: &str, values: &[&str]) -> Option<alloc::string::String> {
        let ours = ["127.0.0.1", "10.0.0.0"].map(|start| start.parse().expect("an address"));
        let proxies = ours.map(|address: IpAddr| Network {
            address,
            prefix: if address.is_loopback() { 32 } else { 8 },
        });
        let peer = peer.parse().expect("an address");
        let values = values.iter().map(|value| value.as_bytes());
        client(peer, values, &proxies).map(|client| alloc::string::ToString::to_string(&client))
    }

    #[test]
    fn the_rightmost_address_that_is_no_proxy_of_ours_is_the_client() {
        for (peer, values, expected) in [
            // Who is no proxy speaks for itself only.
            ("192.0.2.1", &["198.51.100.7"][..], Some("192.0.2.1")),
            ("127.0.0.1", &["198.51.100.7"], Some("198.51.100.7")),
            ("127.0.0.1", &["1.1.1.1, 198.51.100.7"], Some("198.51.100.7")),
            ("127.0.0.1", &["1.1.1.1,198.51.100.7 ,\t10.1.2.3"], Some("198.51.100.7")),
            ("127.0.0.1", &["1.1.1.1", "198.51.100.7", "10.9.9.9"], Some("198.51.100.7")),
            ("::ffff:127.0.0.1", &["::ffff:198.51.100.7"], Some("198.51.100.7")),
            ("127.0.0.1", &["198.51.100.7:4711"], Some("198.51.100.7")),
            ("127.0.0.1", &["[2001:db8::1]:4711"], Some("2001:db8::1")),
            ("127.0.0.1", &["[2001:db8::1]"], Some("2001:db8::1")),
            ("127.0.0.1", &["2001:db8::1"], Some("2001:db8::1")),
            // A proxy of ours that speaks for none, or for other proxies of ours only.
            ("127.0.0.1", &[], Some("127.0.0.1")),
            ("127.0.0.1", &["10.1.1.1, 10.2.2.2"], Some("10.1.1.1")),
            // What is left of the client does not matter, what is in its place does.
            ("127.0.0.1", &["unknown, <script>, 198.51.100.7"], Some("198.51.100.7")),
            ("127.0.0.1", &["198.51.100.7, unknown"], None),
            ("127.0.0.1", &["198.51.100.7, "], None),
            ("127.0.0.1", &[""], None),
        ] {
            assert_eq!(of(peer, values).as_deref(), expected, "{peer} {values:?}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_name_nobody() {
        let proxies = [Network { address: [127, 0, 0, 1].into(), prefix: 32 }];
        let values = [&b"\xff\xfe"[..]];
        assert_eq!(client([127, 0, 0, 1].into(), values.into_iter(), &proxies), None);
    }
}
