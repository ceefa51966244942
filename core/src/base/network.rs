//! Ranges of IP addresses.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address range in CIDR notation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// The address that the range starts from.
    pub address: IpAddr,
    /// How many leading bits count: up to 32 for IPv4, up to 128 for IPv6.
    pub prefix: u8,
}

impl Network {
    /// All addresses of both families.
    pub const EVERYWHERE: [Self; 2] = [
        Self { address: IpAddr::V4(Ipv4Addr::UNSPECIFIED), prefix: 0 },
        Self { address: IpAddr::V6(Ipv6Addr::UNSPECIFIED), prefix: 0 },
    ];

    /// Whether `address` is in the range. An IPv4 address is never inside an IPv6 network.
    pub fn contains(&self, address: IpAddr) -> bool {
        masked(address, self.prefix) == masked(self.address, self.prefix)
    }
}

/// The address with only its first `prefix` bits, which is where the network of that size starts.
pub fn masked(address: IpAddr, prefix: u8) -> IpAddr {
    // A shift by all bits is an overflow for `checked_shl`; then no bit is left.
    let prefix = u32::from(prefix);
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32_u32.saturating_sub(prefix)).unwrap_or(0);
            IpAddr::V4((v4.to_bits() & mask).into())
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128_u32.saturating_sub(prefix)).unwrap_or(0);
            IpAddr::V6((v6.to_bits() & mask).into())
        }
    }
}

/// What one subscriber of the network holds: an IPv4 address, or the /64 of an IPv6 address
/// (RFC 6177 §2).
pub fn subscriber(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        v6 @ IpAddr::V6(_) => masked(v6, 64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn networks_hold_their_addresses() {
        let holds = |network: &str, prefix, inside: &str| {
            Network { address: address(network), prefix }.contains(address(inside))
        };
        assert!(holds("10.1.2.0", 24, "10.1.2.255"));
        assert!(!holds("10.1.2.0", 24, "10.1.3.0"));
        assert!(holds("0.0.0.0", 0, "203.0.113.9"));
        assert!(holds("203.0.113.9", 32, "203.0.113.9"));
        assert!(!holds("203.0.113.9", 32, "203.0.113.8"));
        assert!(holds("2001:db8::", 32, "2001:db8:ffff::1"));
        assert!(!holds("2001:db8::", 32, "2001:db9::1"));
        assert!(holds("::", 0, "2001:db8::1"));
        assert!(!holds("::", 0, "203.0.113.9"));
    }

    #[test]
    fn an_ipv6_subscriber_is_a_64() {
        assert_eq!(subscriber(address("2001:db8:1:2:3::4")), address("2001:db8:1:2::"));
        assert_eq!(subscriber(address("192.0.2.1")), address("192.0.2.1"));
        assert_eq!(subscriber(address("::ffff:192.0.2.1")), address("192.0.2.1"));
    }
}
