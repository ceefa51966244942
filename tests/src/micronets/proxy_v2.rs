//! The laws of the header that a load balancer sends first.

use std::net::{IpAddr, SocketAddr};

use mistgate_core::micronets::proxy_v2::{HEAD, REST_MAX, decode, rest};

use crate::base::bytes::Bytes;

/// Any bytes are a header or refused, within bounds. What is read stands in the bytes, what follows
/// the addresses changes nothing, and a header of any client names that client.
pub(super) fn check(data: &[u8]) {
    if let Some((head, behind)) = data.split_first_chunk::<HEAD>()
        && let Ok(length) = rest(head)
    {
        assert!(length <= REST_MAX && data.starts_with(b"\r\n\r\n\0\r\nQUIT\n"));
        let tail = behind.get(..length).unwrap_or(behind);
        if let Ok(Some(client)) = decode(head, tail) {
            let (octets, port) = parts(client);
            let holds = |part: &[u8]| tail.windows(part.len()).any(|window| window == part);
            assert!(holds(&octets) && holds(&port), "{client}");
            assert_eq!(decode(head, &[tail, &[0xff; 9]].concat()), Ok(Some(client)));
        }
    }
    let bytes = &mut Bytes::new(data);
    let address: IpAddr = match bytes.chance(128) {
        true => IpAddr::from([(); 16].map(|()| bytes.byte())).to_canonical(),
        false => IpAddr::from([(); 4].map(|()| bytes.byte())),
    };
    let port = u16::from_le_bytes([bytes.byte(), bytes.byte()]);
    let client = SocketAddr::new(address, port);
    let (head, tail) = header(client, bytes.rest().get(..64).unwrap_or_default());
    assert_eq!(rest(&head), Ok(tail.len()));
    assert_eq!(decode(&head, &tail), Ok(Some(client)));
    let short = if address.is_ipv4() { 11 } else { 35 };
    assert!(decode(&head, tail.get(..short).expect("longer")).is_err());
}

/// The bytes of an address and of its port.
fn parts(client: SocketAddr) -> (Vec<u8>, [u8; 2]) {
    let octets = match client.ip() {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    };
    (octets, client.port().to_be_bytes())
}

/// A header for a TCP connection of `client`, with `more` behind the addresses.
fn header(client: SocketAddr, more: &[u8]) -> ([u8; HEAD], Vec<u8>) {
    let (octets, port) = parts(client);
    let tail = [&octets, &octets, &port[..], &port, more].concat();
    let kind = if client.is_ipv4() { 0x11 } else { 0x21 };
    let [high, low] = u16::try_from(tail.len()).expect("short").to_be_bytes();
    let start = *b"\r\n\r\n\0\r\nQUIT\n";
    let mut head = [0; HEAD];
    for (to, from) in head.iter_mut().zip(start.into_iter().chain([0x21, kind, high, low])) {
        *to = from;
    }
    (head, tail)
}
