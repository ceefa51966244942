//! From a TCP connection to a peer of a meetup: TLS, certificate, upgrade, rules.
//!
//! Each step has its own time limit. The task, and its memory, ends when the connection is handed
//! to its meetup.

use std::{io, net::SocketAddr, net::TcpStream, sync::Arc, sync::atomic::Ordering};

use futures_rustls::server::TlsStream;
use mistgate_core::micronets::{access, access::Identity, meetup::CONNECTIONS_MAX, proxy::Proxy};
use mistgate_core::micronets::{proxy_v2, upgrade::Refusal, upgrade::Upgrade};
use rustls::pki_types::CertificateDer;
use smol::{Async, future::FutureExt, io::AsyncReadExt, io::AsyncWriteExt};

use super::{Relay, connection::Connection, connection::Origin, meetup_task::MeetupTask};
use crate::base::journal::{Level, fields};
use crate::base::{clock, metrics::Counter, net, net::Socket, panic, stop::TaskToken, task};
use crate::base::{clock::timeout, connection_limiter::ConnectionSlot};
use crate::http::{listen::Event, tls, tls::ends, tls::mutual, tls::mutual::Trust};

/// A TCP connection that was accepted, and what it holds.
pub(super) struct Arrival {
    pub(super) stream: Async<TcpStream>,
    pub(super) address: SocketAddr,
    pub(super) slot: ConnectionSlot,
    pub(super) token: TaskToken,
    /// The limit that is reached, if any: then the upgrade is refused with it.
    pub(super) shed: Option<&'static str>,
}

/// Admits a connection to its meetup, or answers why not.
pub(super) async fn admit(relay: Arc<Relay>, arrival: Arrival) {
    let Arrival { stream, mut address, slot, token, mut shed } = arrival;
    let settings = relay.settings.get();
    let limits = &settings.limits;
    // A message is one small write, which must not wait for the acknowledgement of the one before.
    // Without the option the connection is only slower.
    let _ = stream.get_ref().set_nodelay(true);
    let secured = secure(&relay, &settings, stream, &slot, &mut address, &mut shed).await;
    let (mut stream, trust) = match secured {
        Ok(secured) => secured,
        Err(error) => {
            let reason = tls::explain(&error);
            return relay.note(&Event::HandshakeFailed { peer: address, reason });
        }
    };
    let mut rest = Vec::new();
    let read = read_upgrade(&mut stream, &mut rest, &settings.path_prefix);
    let result = match read.or(timeout(limits.listener.head_timeout)).await {
        Ok(result) => result,
        Err(error) if error.kind() == io::ErrorKind::TimedOut => Err(Refusal::Late),
        Err(_) => return relay.note(&gone(address)),
    };
    let identity = own(&stream).and_then(mutual::identity);
    let ends = ends::of_chain(stream.get_ref().1.peer_certificates().unwrap_or_default());
    let meetup = result.as_ref().map_or(String::new(), |upgrade| upgrade.meetup.clone());
    let result = result.and_then(|upgrade| match (shed, &identity) {
        (Some(limit), _) => Err(Refusal::Full(limit)),
        (None, Some(identity)) => relay.check(upgrade, identity),
        (None, None) => Err(Refusal::Broken("the client certificate cannot be read")),
    });
    let answer = match &result {
        Ok(upgrade) => upgrade.answer(),
        Err(refusal) => refusal.answer(&clock::http_date()),
    };
    let answered = async {
        stream.write_all(answer.as_bytes()).await?;
        stream.flush().await
    };
    let answered = answered.or(timeout(limits.listener.head_timeout)).await;
    match result {
        Err(refusal) => {
            relay.note_refusal(address, &meetup, identity.as_ref(), &refusal);
            net::close(stream, &[], false).await;
        }
        Ok(_) if answered.is_err() => relay.note(&gone(address)),
        Ok(_) => {
            // Who is let in does not give way any more.
            slot.serve();
            slot.prove();
            let (since, now) = (clock::wall(), relay.clock.now());
            let id = relay.last_id.fetch_add(1, Ordering::Relaxed) + 1;
            let origin = Origin { address, since, trust, ends, token, _slot: slot };
            let mut connection = Connection::new(id, origin, now, stream, rest, limits);
            connection.share = relay.memory.open(identity.map_or([0; 32], |own| own.key));
            let begin = |name: Arc<str>, commands| {
                let task = MeetupTask::new(Arc::clone(&relay), Arc::clone(&name), commands);
                let own = Arc::clone(&relay);
                let running = async move {
                    if panic::catch_async(task.run()).await.is_none() {
                        own.registry.lock().forget(&name);
                    }
                };
                task::spawn(&relay.executor, running).detach();
            };
            let refused = relay.registry.lock().join(&meetup, connection, begin);
            // When the proxy stops, the connection is dropped here, after the lock.
            drop(refused);
        }
    }
}

/// The event of a client that left too early.
fn gone(peer: SocketAddr) -> Event {
    Event::HandshakeFailed { peer, reason: "it left before it was upgraded".to_owned() }
}

/// Reads whose connection it is, where a load balancer says so, and does the TLS handshake when it
/// may begin.
async fn secure(
    relay: &Relay,
    settings: &Proxy,
    stream: Async<TcpStream>,
    slot: &ConnectionSlot,
    address: &mut SocketAddr,
    shed: &mut Option<&'static str>,
) -> io::Result<(TlsStream<Socket>, Arc<Trust>)> {
    let patience = settings.limits.listener.handshake_timeout;
    let mut stream = Socket::new(stream);
    if settings.proxy_protocol {
        let client = read_client(&mut stream).or(timeout(patience)).await?;
        *address = client.unwrap_or(*address);
        if let Err(limit) = slot.identify(address.ip()) {
            relay.note(&Event::Shed { peer: *address, limit: limit.name() });
            *shed = Some(limit.name());
        }
    }
    slot.turn().await;
    let trust = relay.tls.get();
    let stream = shake_hands(&trust, stream).or(timeout(patience)).await?;
    Ok((stream, trust))
}

/// Whose connection a load balancer says that this is.
async fn read_client(stream: &mut Socket) -> io::Result<Option<SocketAddr>> {
    let wrong = |error| io::Error::new(io::ErrorKind::InvalidData, error);
    let mut head = [0; proxy_v2::HEAD];
    stream.read_exact(&mut head).await?;
    let mut rest = vec![0; proxy_v2::rest(&head).map_err(wrong)?];
    stream.read_exact(&mut rest).await?;
    proxy_v2::decode(&head, &rest).map_err(wrong)
}

async fn shake_hands(trust: &Trust, stream: Socket) -> io::Result<TlsStream<Socket>> {
    match trust.acceptor().accept(stream).into_fallible().await {
        Ok(stream) => Ok(stream),
        Err((error, socket)) => {
            // So that the client hears the alert.
            net::close(socket, &[], false).await;
            Err(error)
        }
    }
}

/// Reads a request's head. What came behind it, which is for the websocket, stays in `buffer`. An
/// error is a client that is gone.
async fn read_upgrade(
    stream: &mut TlsStream<Socket>,
    buffer: &mut Vec<u8>,
    prefix: &str,
) -> io::Result<Result<Upgrade, Refusal>> {
    let mut chunk = [0; 1024];
    loop {
        let count = stream.read(&mut chunk).await?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        buffer.extend_from_slice(chunk.get(..count).unwrap_or_default());
        if let Some(result) = Upgrade::parse(buffer, prefix).transpose() {
            if let Ok(upgrade) = &result {
                buffer.drain(..upgrade.length);
            }
            return Ok(result);
        }
    }
}

fn own(stream: &TlsStream<Socket>) -> Option<&CertificateDer<'static>> {
    stream.get_ref().1.peer_certificates()?.first()
}

impl Relay {
    /// Whether the rules and the meetup let a peer join.
    fn check(&self, upgrade: Upgrade, identity: &Identity) -> Result<Upgrade, Refusal> {
        if !access::allow(&self.settings.get().allow, &upgrade.meetup, identity) {
            return Err(Refusal::Barred);
        }
        if self.registry.lock().connections(&upgrade.meetup) >= CONNECTIONS_MAX {
            return Err(Refusal::Crowded);
        }
        Ok(upgrade)
    }

    fn note_refusal(
        &self,
        from: SocketAddr,
        meetup: &str,
        identity: Option<&Identity>,
        refusal: &Refusal,
    ) {
        self.journal.metrics.add(Counter::PeersRefused, &[("reason", refusal.name())], 1);
        let names = |names: Option<&Vec<String>>| names.map_or(String::new(), |n| n.join(", "));
        let o = names(identity.map(|identity| &identity.organisations));
        let cn = names(identity.map(|identity| &identity.common_names));
        let (from, status, reason) = (from.ip(), refusal.status(), refusal);
        let values = fields![meetup, from, o, cn, status, reason];
        if matches!(refusal, Refusal::Barred) {
            self.journal.stranger("proxy", Level::Info, "peer_refused", values);
        } else {
            self.journal.client(Level::Info, "peer_refused", values);
        }
    }
}
