//! From a name to a connection: look-up, TCP, the proxy, TLS.

use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::{io, pin::Pin, pin::pin, time::Duration};

use mistgate_core::http::proxy::Proxy;
use rustls::pki_types::ServerName;
use smol::{Async, Timer, future::FutureExt, io::AsyncReadExt, io::AsyncWriteExt};

use super::{Cause, Origin, Outbound, Step};
use crate::{base::net::Duplex, base::task, http::tls};

/// How long an address is tried alone (RFC 8305 §5 recommends it).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// Opens a connection to `origin`.
pub(super) async fn dial(
    outbound: &Outbound,
    origin: &Origin,
    proxy: Option<&Proxy>,
    reached: &(impl Fn(Step) + Sync),
) -> Result<Box<dyn Duplex>, Cause> {
    let (host, port) = match proxy {
        Some(proxy) => proxy.address(),
        None => (origin.host.as_str(), origin.port),
    };
    let mut stream = open(host, port, reached).await?;
    if !origin.secure {
        return Ok(Box::new(stream));
    }
    if let Some(proxy) = proxy {
        reached(Step::Proxy);
        tunnel(&mut stream, origin, proxy).await.map_err(Cause::Proxy)?;
    }
    reached(Step::Handshake);
    let name = ServerName::try_from(bare(&origin.host).to_owned()).map_err(|_| Cause::Request)?;
    let stream = outbound.tls.connect(name, stream).await;
    Ok(Box::new(stream.map_err(|error| Cause::Handshake(tls::explain(&error)))?))
}

/// A TCP connection to a host. An IPv6 address may stand in brackets, as in a URL.
pub(crate) async fn reach(host: &str, port: u16) -> Result<Async<TcpStream>, Cause> {
    open(host, port, &|_| {}).await
}

async fn open(
    host: &str,
    port: u16,
    reached: &(impl Fn(Step) + Sync),
) -> Result<Async<TcpStream>, Cause> {
    reached(Step::Resolve);
    let addresses = resolve(host, port).await?;
    reached(Step::Connect);
    let stream = connect(&addresses).await;
    let stream = stream.map_err(|error| Cause::Connect(error.to_string()))?;
    // No message and no part of a request waits for the acknowledgement of the one before. A socket
    // that refuses is slower, not wrong.
    let _ = stream.get_ref().set_nodelay(true);
    Ok(stream)
}

/// The addresses of a host. An IPv6 address may stand in brackets, as in a URL.
async fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, Cause> {
    if let Ok(address) = bare(host).parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let host = host.to_owned();
    // The system's look-up blocks and cannot be cancelled, but waiting for it can.
    let found = task::unblock(move || (host.as_str(), port).to_socket_addrs()).await;
    match found.map(Vec::from_iter) {
        Ok(addresses) if addresses.is_empty() => Err(Cause::Resolve("none is known".to_owned())),
        Ok(addresses) => Ok(addresses),
        Err(error) => Err(Cause::Resolve(error.to_string())),
    }
}

/// A connection to the first address that takes one. If an address does not answer soon, the next
/// one is tried at the same time, so that a broken path costs little (RFC 8305 §5).
fn connect(addresses: &[SocketAddr]) -> Pin<Box<dyn Future<Output = Connected> + Send + '_>> {
    Box::pin(async move {
        let Some((&first, others)) = addresses.split_first() else {
            return Err(io::ErrorKind::AddrNotAvailable.into());
        };
        let mut first = pin!(Async::<TcpStream>::connect(first));
        if others.is_empty() {
            return first.await;
        }
        let ahead = async {
            Timer::after(ATTEMPT_DELAY).await;
            None
        };
        let alone = async { Some(first.as_mut().await) };
        let mut others = connect(others);
        match alone.or(ahead).await {
            Some(Ok(stream)) => return Ok(stream),
            Some(Err(_)) => return others.await,
            None => {}
        }
        let sooner = async { (true, first.as_mut().await) };
        let later = async { (false, others.as_mut().await) };
        match sooner.or(later).await {
            (_, Ok(stream)) => Ok(stream),
            (true, Err(_)) => others.await,
            (false, Err(_)) => first.await,
        }
    })
}

type Connected = io::Result<Async<TcpStream>>;

/// Asks the proxy for a tunnel (RFC 9110 §9.3.6). The error says why it opens none.
async fn tunnel(
    stream: &mut Async<TcpStream>,
    origin: &Origin,
    proxy: &Proxy,
) -> Result<(), String> {
    const HEAD_MAX: usize = 16 * 1024;
    let authority = format!("{}:{}", origin.host, origin.port);
    let authorization = match proxy.authorization() {
        Some(authorization) => format!("Proxy-Authorization: {authorization}\r\n"),
        None => String::new(),
    };
    let ask = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n{authorization}\r\n");
    let lost = || "the proxy closed the connection".to_owned();
    stream.write_all(ask.as_bytes()).await.map_err(|_| lost())?;
    let (mut head, mut buffer) = (Vec::new(), [0; 1024]);
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let count = stream.read(&mut buffer).await.map_err(|_| lost())?;
        if count == 0 || head.len() > HEAD_MAX {
            return Err(lost());
        }
        head.extend_from_slice(buffer.get(..count).unwrap_or_default());
    }
    // Behind the head nothing can follow before we speak: in TLS the client begins.
    match status(&head) {
        Some(200..=299) if head.ends_with(b"\r\n\r\n") => Ok(()),
        Some(200..=299) | None => Err("the proxy does not speak HTTP".to_owned()),
        Some(407) => Err("the proxy wants a user and password, or others (407)".to_owned()),
        Some(status) => Err(format!("the proxy refuses ({status})")),
    }
}

/// The status of an answer's head.
fn status(head: &[u8]) -> Option<u16> {
    let rest = head.strip_prefix(b"HTTP/1.")?.get(1..)?.strip_prefix(b" ")?;
    str::from_utf8(rest.get(..3)?).ok()?.parse().ok()
}

/// A host without the brackets of an IPv6 address.
fn bare(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_of_a_proxy_is_read_strictly() {
        assert_eq!(status(b"HTTP/1.1 200 Connection established\r\n\r\n"), Some(200));
        assert_eq!(status(b"HTTP/1.0 407 \r\n\r\n"), Some(407));
        assert_eq!(status(b"HTTP/2 200\r\n\r\n"), None);
        assert_eq!(status(b"SSH-2.0-x\r\n\r\n"), None);
    }

    #[test]
    fn the_next_address_is_tried() {
        let listener = |address: &str| std::net::TcpListener::bind(address).expect("a port");
        let gone = listener("127.0.0.1:0").local_addr().expect("an address");
        let open = listener("127.0.0.1:0");
        let here = open.local_addr().expect("an address");
        let connected = |addresses: &[SocketAddr]| {
            let stream = smol::block_on(connect(addresses))?;
            stream.get_ref().peer_addr()
        };
        assert_eq!(connected(&[gone, gone, here]).ok(), Some(here));
        assert_eq!(connected(&[here, gone]).ok(), Some(here));
        let refused = connected(&[gone, gone]).expect_err("nobody there");
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        assert!(connected(&[]).is_err());
    }

    #[test]
    fn an_address_that_keeps_silent_is_overtaken() {
        // A queue that is full answers nobody, as a firewall that drops.
        let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let silent_at = silent.local_addr().expect("an address");
        let open = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let here = open.local_addr().expect("an address");
        let mut waiting = Vec::new();
        while let Ok(stream) = TcpStream::connect_timeout(&silent_at, ATTEMPT_DELAY) {
            waiting.push(stream);
            assert!(waiting.len() < 100_000, "the queue has no end");
        }
        let stream = smol::block_on(connect(&[silent_at, here])).expect("the open one");
        assert_eq!(stream.get_ref().peer_addr().ok(), Some(here));
    }

    #[test]
    fn brackets_belong_to_urls() {
        assert_eq!(bare("[2001:db8::1]"), "2001:db8::1");
        assert_eq!(bare("chat.example"), "chat.example");
    }
}
