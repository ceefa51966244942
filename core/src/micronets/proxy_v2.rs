//! The header that a TCP load balancer sends first on a connection: version 2 of the PROXY protocol
//! (haproxy's proxy-protocol.txt §2.2). It says whose connection this is.
//!
//! Only the addresses are read. What follows them (TLVs, §2.2.1) is skipped, a checksum too.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The bytes that say how long the rest is.
pub const HEAD: usize = 16;
/// The most bytes behind the head: addresses and all TLVs. Load balancers send a few hundred.
pub const REST_MAX: usize = 4_096;
/// What each header begins with; no other protocol does.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

// Why the first bytes of a connection are no header.
const NO_HEADER: &str = "expected a PROXY header of version 2";
const NO_TCP: &str = "expected a PROXY header for TCP";
const TOO_LONG: &str = "a PROXY header of more than 4096 bytes";
const TOO_SHORT: &str = "a PROXY header that is shorter than its addresses";

/// How many bytes follow a head. The error says why it is none.
pub fn rest(head: &[u8; HEAD]) -> Result<usize, &'static str> {
    let [start @ .., version_and_command, _, high, low] = head;
    if *start != SIGNATURE || version_and_command >> 4 != 2 {
        return Err(NO_HEADER);
    }
    let rest = usize::from(u16::from_be_bytes([*high, *low]));
    if rest > REST_MAX { Err(TOO_LONG) } else { Ok(rest) }
}

/// The client of a connection, from the head and what follows it. `None`: the load balancer speaks
/// for itself, or for a client without an IP address, and the connection's own address counts. The
/// error says why they are no header.
pub fn decode(head: &[u8; HEAD], rest: &[u8]) -> Result<Option<SocketAddr>, &'static str> {
    let [.., version_and_command, kind, _, _] = *head;
    match version_and_command & 0xf {
        0 => return Ok(None),
        1 => {}
        _ => return Err(NO_TCP),
    }
    let address: IpAddr = match kind {
        // No address, or the path of a Unix socket.
        0x00 | 0x30 | 0x31 => return Ok(None),
        0x11 => {
            let (address, _) = rest.split_first_chunk::<4>().ok_or(TOO_SHORT)?;
            Ipv4Addr::from(*address).into()
        }
        0x21 => {
            let (address, _) = rest.split_first_chunk::<16>().ok_or(TOO_SHORT)?;
            Ipv6Addr::from(*address).to_canonical()
        }
        _ => return Err(NO_TCP),
    };
    // Two addresses, then two ports: the client's is the first of each.
    let ports = if kind == 0x11 { 8 } else { 32 };
    let ports = rest.get(ports..).and_then(|ports| ports.first_chunk::<4>());
    let [high, low, ..] = ports.ok_or(TOO_SHORT)?;
    Ok(Some(SocketAddr::new(address, u16::from_be_bytes([*high, *low]))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::hex;

    const START: &str = "0d0a0d0a000d0a515549540a";

    fn read(header: &str) -> Result<Option<SocketAddr>, &'static str> {
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
            ("22000000", NO_TCP),
            ("2112000cac130001ac130003a6520050", NO_TCP),
            ("2141000cac130001ac130003a6520050", NO_TCP),
            ("2111000bac130001ac130003a65200", TOO_SHORT),
            ("21110000", TOO_SHORT),
            ("2121000cac130001ac130003a6520050", TOO_SHORT),
        ] {
            assert_eq!(read(header), Err(expected), "{header}");
        }
        assert_eq!(rest(b"PROXY TCP4 172.1"), Err(NO_HEADER));
        assert_eq!(rest(b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\0\0\0\0\0"), Err(NO_HEADER));
        let mut head = *b"\r\n\r\n\0\r\nQUIT\n\x11\x11\0\x0c";
        assert_eq!(rest(&head), Err(NO_HEADER));
        let [.., version, _, high, low] = &mut head;
        (*version, *high, *low) = (0x21, 0x10, 1);
        assert_eq!(rest(&head), Err(TOO_LONG));
    }
}
