//! The header that a TCP load balancer sends first on a connection: version 2 of the PROXY protocol
//! (haproxy's proxy-protocol.txt §2.2). It says whose connection this is.
//!
//! Only the addresses are read. What follows them (TLVs, §2.2.1) is skipped, a checksum too.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The bytes that say how long the rest is.
pub const HEAD: usize = 16;
/// The most bytes behind the head: addresses and all TLVs. Load balancers send a few hundred.
pub const REST_MAX: usize = 4 << 10;
/// What each header begins with; no other protocol does.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// Why the first bytes of a connection are no header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The signature or the version is another one.
    Signature,
    /// A command, family or transport that version 2 does not have, or no TCP.
    Kind(u8),
    /// More than [`REST_MAX`] bytes.
    TooLong,
    /// Shorter than its addresses.
    TooShort,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signature => f.write_str("expected a PROXY header of version 2"),
            Self::Kind(byte) => write!(f, "expected a PROXY header for TCP, got 0x{byte:02x}"),
            Self::TooLong => write!(f, "a PROXY header of more than {REST_MAX} bytes"),
            Self::TooShort => f.write_str("a PROXY header that is shorter than its addresses"),
        }
    }
}

impl core::error::Error for Error {}

/// How many bytes follow a head.
pub fn rest(head: &[u8; HEAD]) -> Result<usize, Error> {
    let [start @ .., version_and_command, _, high, low] = head;
    if *start != SIGNATURE || version_and_command >> 4 != 2 {
        return Err(Error::Signature);
    }
    let rest = usize::from(u16::from_be_bytes([*high, *low]));
    if rest > REST_MAX { Err(Error::TooLong) } else { Ok(rest) }
}

/// The client of a connection, from the head and what follows it. `None`: the load balancer speaks
/// for itself, or for a client without an IP address, and the connection's own address counts.
pub fn decode(head: &[u8; HEAD], rest: &[u8]) -> Result<Option<SocketAddr>, Error> {
    let [.., version_and_command, kind, _, _] = *head;
    match version_and_command & 0xf {
        0 => return Ok(None),
        1 => {}
        _ => return Err(Error::Kind(version_and_command)),
    }
    let address: IpAddr = match kind {
        // No address, or the path of a Unix socket.
        0x00 | 0x30 | 0x31 => return Ok(None),
        0x11 => {
            let (address, _) = rest.split_first_chunk::<4>().ok_or(Error::TooShort)?;
            Ipv4Addr::from(*address).into()
        }
        0x21 => {
            let (address, _) = rest.split_first_chunk::<16>().ok_or(Error::TooShort)?;
            Ipv6Addr::from(*address).to_canonical()
        }
        _ => return Err(Error::Kind(kind)),
    };
    // Two addresses, then two ports: the client's is the first of each.
    let ports = if kind == 0x11 { 8 } else { 32 };
    let ports = rest.get(ports..).and_then(|ports| ports.first_chunk::<4>());
    let [high, low, ..] = ports.ok_or(Error::TooShort)?;
    Ok(Some(SocketAddr::new(address, u16::from_be_bytes([*high, *low]))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::hex;

    const START: &str = "0d0a0d0a000d0a515549540a";

    fn read(header: &str) -> Result<Option<SocketAddr>, Error> {
        let mut bytes = alloc::vec::Vec::new();
        for pair in alloc::format!("{START}{header}").as_bytes().chunks(2) {
            let [byte] = hex::decode(pair).expect("hex");
            bytes.push(byte);
        }
        let (head, tail) = bytes.split_first_chunk().expect("a head");
        assert_eq!(rest(head), Ok(tail.len()));
        decode(head, tail)
    }

    #[test]
    fn vectors_of_load_balancers_are_read() {
        let v6 = "20010db8000000000000000000000001 20010db8000000000000000000000002 dd5c 01bb";
        let v6 = v6.replace(' ', "");
        let mapped = "00000000000000000000ffffc0000201".repeat(2);
        for (header, expected) in [
            // As haproxy sends it for 172.19.0.1:42578, captured.
            ("2111000cac130001ac130003a6520050".into(), Some("172.19.0.1:42578")),
            // With a TLV (PP2_TYPE_UNIQUE_ID, four bytes).
            ("21110013c0000201c0000202dd5c01bb05000461626364".into(), Some("192.0.2.1:56668")),
            (alloc::format!("21210024{v6}"), Some("[2001:db8::1]:56668")),
            (alloc::format!("21210024{mapped}000101bb"), Some("192.0.2.1:1")),
            // A health check of haproxy: LOCAL, with and without addresses.
            ("20000000".into(), None),
            ("2011000cac130001ac130003a6520050".into(), None),
            // PROXY for a client without an address.
            ("21000000".into(), None),
            (alloc::format!("213100d8{}", "00".repeat(216)), None),
        ] {
            let expected = expected.map(|text| text.parse().expect("an address"));
            assert_eq!(read(&header), Ok(expected), "{header}");
        }
    }

    #[test]
    fn what_is_no_header_for_tcp_is_named() {
        for (header, expected) in [
            ("22000000", Error::Kind(0x22)),
            ("2112000cac130001ac130003a6520050", Error::Kind(0x12)),
            ("2141000cac130001ac130003a6520050", Error::Kind(0x41)),
            ("2111000bac130001ac130003a65200", Error::TooShort),
            ("21110000", Error::TooShort),
            ("2121000cac130001ac130003a6520050", Error::TooShort),
        ] {
            assert_eq!(read(header), Err(expected), "{header}");
        }
        assert_eq!(rest(b"PROXY TCP4 172.1"), Err(Error::Signature));
        assert_eq!(
            rest(b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\0\0\0\0\0"),
            Err(Error::Signature)
        );
        let mut head = *b"\r\n\r\n\0\r\nQUIT\n\x11\x11\0\x0c";
        assert_eq!(rest(&head), Err(Error::Signature));
        let [.., version, _, high, low] = &mut head;
        (*version, *high, *low) = (0x21, 0x10, 1);
        assert_eq!(rest(&head), Err(Error::TooLong));
    }
}
