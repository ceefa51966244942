//! A soak test: many pairs of clients connect, talk, disconnect and fail at random. No message may
//! be mixed up, lost, doubled, or left without an answer.
//!
//! Each pair has a meetup. Each of its two clients makes one connection after the other. A message
//! carries the meetup, the client, the number of the connection and its own number, so the receiver
//! knows whether it should have got it. Between two connections that have met, event numbers have
//! no gap. Every request of a connection that closes in order is answered once, by the partner or
//! by the proxy. A late answer never reaches a later connection, although each connection numbers
//! its requests from 1.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};
use std::{fmt, io};

use futures_rustls::TlsConnector;
use mistgate_core::base::rand::Rand;
use rustix::net::sockopt::set_socket_linger;
use serde_json::Value;
use smol::{LocalExecutor, Timer, future, net::TcpStream};

use crate::wire::{Event, Peer, dial};

/// One byte more than the proxy accepts by default.
const OVERSIZE: usize = (1 << 20) + 1;

/// The size and the pace of a soak.
pub(crate) struct Plan {
    pub(crate) server: SocketAddr,
    /// The prefix of the paths, and so of the meetups' names.
    pub(crate) prefix: String,
    /// The certificates of the two clients of a pair.
    pub(crate) tls: [TlsConnector; 2],
    pub(crate) pairs: usize,
    pub(crate) length: Duration,
    /// The average length of a connection.
    pub(crate) connection_length: Duration,
    /// The average time between two messages of a client.
    pub(crate) pause: Duration,
    /// How long an answer may take if the proxy must first find the partner dead.
    pub(crate) patience: Duration,
    pub(crate) seed: u64,
}

/// Counts of what happened, and the faults.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) joined: usize,
    /// Hellos of partners that were received.
    pub(crate) introduced: usize,
    /// Events that were received.
    pub(crate) events: usize,
    pub(crate) requests: usize,
    /// Answers by status.
    pub(crate) answers: BTreeMap<u64, usize>,
    /// Ends of connections: by the client's `End`, or by the proxy's close code.
    pub(crate) ends: BTreeMap<String, usize>,
    pub(crate) faults: Vec<String>,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "joined={} introduced={} events={} requests={}",
            self.joined, self.introduced, self.events, self.requests
        )?;
        self.answers
            .iter()
            .try_for_each(|(status, count)| write!(f, " answered_{status}={count}"))?;
        self.ends.iter().try_for_each(|(end, count)| write!(f, " end_{end}={count}"))?;
        write!(f, " faults={}", self.faults.len())
    }
}

/// How a client ends a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// With a close frame, once all requests are answered.
    Close,
    /// TCP is closed without a close frame.
    Fin,
    /// TCP is reset.
    Reset,
    /// The connection stays open, but is neither read nor written.
    Silence,
    /// It sends a message that is larger than the proxy accepts.
    Oversize,
}

impl End {
    const fn name(self) -> &'static str {
        match self {
            Self::Close => "close",
            Self::Fin => "fin",
            Self::Reset => "reset",
            Self::Silence => "silence",
            Self::Oversize => "oversize",
        }
    }
}

/// Runs all clients until the plan's end, then closes their connections in order.
pub(crate) fn run(plan: Plan) -> Tally {
    let plan = Rc::new(plan);
    let tally = Rc::new(RefCell::new(Tally::default()));
    let until = Instant::now() + plan.length;
    let executor = LocalExecutor::new();
    let clients: Vec<_> = (0..2 * plan.pairs)
        .map(|nth| {
            let client = Client {
                plan: Rc::clone(&plan),
                tally: Rc::clone(&tally),
                meetup: nth / 2,
                side: nth % 2,
                connection: 0,
                rand: Rand::new(plan.seed.wrapping_mul(1_000_003) ^ nth as u64),
                silent: Vec::new(),
            };
            executor.spawn(client.run(until))
        })
        .collect();
    smol::block_on(executor.run(async {
        for client in clients {
            client.await;
        }
    }));
    drop(executor);
    tally.take()
}

/// One of the two clients of a pair.
struct Client {
    plan: Rc<Plan>,
    tally: Rc<RefCell<Tally>>,
    meetup: usize,
    side: usize,
    /// The number of its current connection, from 1.
    connection: u64,
    rand: Rand,
    /// Connections that ended with `End::Silence`, and until when each is kept open.
    silent: Vec<(Peer, Instant)>,
}

/// An open connection.
struct Connection {
    peer: Peer,
    tcp: TcpStream,
    last_event: u64,
    last_request: u64,
    /// Requests without an answer.
    waiting: BTreeSet<u64>,
    /// The number of the partner's connection, and that of its last event.
    partner: Option<(u64, Option<u64>)>,
}

impl Client {
    async fn run(mut self, until: Instant) {
        while Instant::now() < until {
            Timer::after(self.about(self.plan.pause)).await;
            self.connection += 1;
            match self.join().await {
                Ok(connection) => {
                    self.tally.borrow_mut().joined += 1;
                    let ends_at =
                        (Instant::now() + self.about(self.plan.connection_length)).min(until);
                    if let Err(error) = self.talk_until(connection, ends_at, ends_at == until).await
                    {
                        self.fault(&format!("{error}"));
                    }
                }
                Err(error) => self.fault(&format!("cannot join: {error}")),
            }
            self.silent.retain(|(_, until)| *until > Instant::now());
        }
    }

    fn fault(&self, what: &str) {
        let who =
            format!("meetup {} client {} connection {}", self.meetup, self.side, self.connection);
        self.tally.borrow_mut().faults.push(format!("{who}: {what}"));
    }

    /// A random time with this average, at most twice as long.
    fn about(&mut self, span: Duration) -> Duration {
        let micros = u64::try_from(span.as_micros()).expect("a span of this century");
        Duration::from_micros(self.rand.up_to(2 * micros))
    }

    fn meetup(&self) -> String {
        format!("{}{}", self.plan.prefix, self.meetup)
    }

    async fn join(&self) -> io::Result<Connection> {
        let tls = self.plan.tls.get(self.side).ok_or(io::ErrorKind::NotFound)?;
        let (mut peer, tcp) = dial(tls, self.plan.server).await?;
        let meetup = self.meetup();
        peer.upgrade(&meetup).await?;
        let hello = format!(
            r#"{{"message":{{"messageId":0,"messageType":"CONN:HELLO","requiresResponse":false,"peerClass":"soak-{}","peerId":"{meetup} {} {}"}}}}"#,
            self.side, self.side, self.connection
        );
        peer.push_text(hello.as_bytes());
        peer.flush().await?;
        Ok(Connection {
            peer,
            tcp,
            last_event: 0,
            last_request: 0,
            waiting: BTreeSet::new(),
            partner: None,
        })
    }

    /// Sends and receives messages until the connection ends.
    async fn talk_until(
        &mut self,
        mut connection: Connection,
        ends_at: Instant,
        is_last: bool,
    ) -> io::Result<()> {
        let end = match self.rand.up_to(19) {
            _ if is_last => End::Close,
            0..=7 => End::Close,
            8..=11 => End::Fin,
            12..=16 => End::Reset,
            17 | 18 => End::Silence,
            _ => End::Oversize,
        };
        let mut sends_at = Instant::now();
        while Instant::now() < ends_at {
            if !self.receive(&mut connection, sends_at.min(ends_at)).await? {
                return Ok(());
            }
            if sends_at <= Instant::now() {
                self.send(&mut connection);
                sends_at += self.about(self.plan.pause);
            }
        }
        let mut is_open = true;
        if end == End::Close {
            let patient_until = Instant::now() + self.plan.patience;
            while is_open && !connection.waiting.is_empty() && Instant::now() < patient_until {
                is_open = self.receive(&mut connection, patient_until).await?;
            }
            if is_open && !connection.waiting.is_empty() {
                self.fault(&format!("no answer to {:?}", connection.waiting));
            }
        }
        if is_open { self.end(connection, end).await } else { Ok(()) }
    }

    /// Receives one message, or gives up at `until`. `false` if the proxy closed the connection.
    async fn receive(&mut self, connection: &mut Connection, until: Instant) -> io::Result<bool> {
        let timer = async {
            Timer::at(until).await;
            None
        };
        let event = future::or(async { Some(connection.peer.next().await) }, timer).await;
        let reply = match event.transpose()? {
            None => None,
            Some(Event::Closed(code, reason)) => {
                // The proxy may take a slow client for dead, or the client's silent connection for
                // alive. It has no other reason to close.
                let is_rival = code == 1008 && !self.silent.is_empty();
                if !is_rival && !matches!(code, 1000 | 1011) {
                    self.fault(&format!("closed: {code} {reason}"));
                }
                *self.tally.borrow_mut().ends.entry(code.to_string()).or_default() += 1;
                return Ok(false);
            }
            Some(Event::Text(payload)) => {
                self.check(&mut connection.partner, &mut connection.waiting, payload, true)?
            }
            Some(Event::Binary(payload)) => {
                self.check(&mut connection.partner, &mut connection.waiting, payload, false)?
            }
        };
        if let Some(reply) = reply {
            connection.peer.push_text(reply.as_bytes());
        }
        Ok(true)
    }

    /// Checks a message that arrived. If it is a request, gives the answer.
    fn check(
        &self,
        partner: &mut Option<(u64, Option<u64>)>,
        waiting: &mut BTreeSet<u64>,
        payload: &[u8],
        is_text: bool,
    ) -> io::Result<Option<String>> {
        let value: Value = serde_json::from_slice(payload)?;
        let message = value.get("message").unwrap_or(&Value::Null);
        let text = |name: &str| message.get(name).and_then(Value::as_str).unwrap_or_default();
        let number = |name: &str| message.get(name).and_then(Value::as_u64).unwrap_or_default();
        let mut tally = self.tally.borrow_mut();
        let strange = |what: &str| {
            let shown = String::from_utf8_lossy(payload).chars().take(300).collect::<String>();
            io::Error::other(format!("{what}, partner {partner:?}: {shown}"))
        };
        match text("messageType") {
            "CONN:HELLO" => {
                let number = self.partners_connection(text("peerId"));
                *partner = Some((number.ok_or_else(|| strange("a strange hello"))?, None));
                tally.introduced += 1;
            }
            "EVENT:soak" => {
                let Some((connection, last)) = *partner else {
                    return Err(strange("an event before the hello"));
                };
                let event = number("messageId");
                if last.is_some_and(|last| event != last + 1) {
                    return Err(strange("a gap between events"));
                }
                let expected = SoakEvent { side: self.partners_side(), connection, number: event };
                if text("messageBody") != expected.body(self) || is_text != expected.is_text() {
                    return Err(strange("not the event that was sent"));
                }
                *partner = Some((connection, Some(event)));
                tally.events += 1;
            }
            "REST:REQUEST" => {
                let path = text("path");
                let (connection, _) =
                    partner.ok_or_else(|| strange("a request before the hello"))?;
                if !path.starts_with(&format!("{} {} {connection} ", self.meetup(), 1 - self.side))
                {
                    return Err(strange("a strange request"));
                }
                return Ok(Some(format!(
                    r#"{{"message":{{"messageId":1,"messageType":"REST:RESPONSE","requiresResponse":false,"inResponseTo":{},"statusCode":200,"dataFormat":"text/plain","messageBody":"{path}"}}}}"#,
                    number("messageId")
                )));
            }
            "REST:RESPONSE" => {
                let request = number("inResponseTo");
                if !waiting.remove(&request) {
                    return Err(strange("an answer to nothing"));
                }
                let status = number("statusCode");
                if status == 200 && text("messageBody") != self.question(request) {
                    return Err(strange("an answer to another question"));
                }
                *tally.answers.entry(status).or_default() += 1;
            }
            _ => return Err(strange("unknown")),
        }
        Ok(None)
    }

    const fn partners_side(&self) -> usize {
        1 - self.side
    }

    fn partners_connection(&self, peer_id: &str) -> Option<u64> {
        let expected = format!("{} {} ", self.meetup(), self.partners_side());
        peer_id.strip_prefix(&expected)?.parse().ok()
    }

    fn question(&self, request: u64) -> String {
        format!("{} {} {} {request}", self.meetup(), self.side, self.connection)
    }

    /// Sends an event or a request.
    fn send(&mut self, connection: &mut Connection) {
        if self.rand.up_to(2) == 0 {
            connection.last_request += 1;
            connection.waiting.insert(connection.last_request);
            self.tally.borrow_mut().requests += 1;
            let request = format!(
                r#"{{"message":{{"messageId":{},"messageType":"REST:REQUEST","requiresResponse":true,"method":"GET","path":"{}"}}}}"#,
                connection.last_request,
                self.question(connection.last_request)
            );
            connection.peer.push_text(request.as_bytes());
            return;
        }
        connection.last_event += 1;
        let sent = SoakEvent {
            side: self.side,
            connection: self.connection,
            number: connection.last_event,
        };
        let event = format!(
            r#"{{"message":{{"messageId":{},"messageType":"EVENT:soak","requiresResponse":false,"dataFormat":"text/plain","messageBody":"{}"}}}}"#,
            connection.last_event,
            sent.body(self)
        );
        if sent.is_text() {
            connection.peer.push_text(event.as_bytes());
        } else {
            let (first, second) = event.as_bytes().split_at(event.len() / 3);
            connection.peer.push_binary(&[first, second]);
        }
    }

    async fn end(&mut self, mut connection: Connection, end: End) -> io::Result<()> {
        *self.tally.borrow_mut().ends.entry(end.name().to_owned()).or_default() += 1;
        match end {
            End::Close | End::Oversize => {
                let close = if end == End::Close {
                    connection.peer.push_close(1000);
                    1000
                } else {
                    connection.peer.push_binary(&[&vec![b'x'; OVERSIZE]]);
                    1009
                };
                let until = Instant::now() + self.plan.patience;
                let closed = self.closed(&mut connection.peer, until).await;
                match closed {
                    // The proxy closes TCP while data is under way, so its close frame may be lost.
                    Err(_) if end == End::Oversize => {}
                    // As in `receive`: a slow client may be taken for dead.
                    Ok(Some((code, _))) if code == close || matches!(code, 1000 | 1011) => {}
                    other => self.fault(&format!("ended by {}, and got {other:?}", end.name())),
                }
            }
            End::Fin => drop(connection),
            End::Reset => {
                set_socket_linger(&connection.tcp, Some(Duration::ZERO))?;
                drop(connection);
            }
            End::Silence => {
                self.silent.push((connection.peer, Instant::now() + self.plan.patience));
            }
        }
        Ok(())
    }

    /// Waits for the proxy's close frame. `None` if none comes.
    async fn closed(&self, peer: &mut Peer, until: Instant) -> io::Result<Option<(u16, String)>> {
        loop {
            let timer = async {
                Timer::at(until).await;
                None
            };
            match future::or(async { Some(peer.next().await) }, timer).await.transpose()? {
                None => return Ok(None),
                Some(Event::Closed(code, reason)) => return Ok(Some((code, reason))),
                Some(Event::Text(_) | Event::Binary(_)) => {}
            }
        }
    }
}

/// An event. Its kind of frame and its body follow from its number.
struct SoakEvent {
    side: usize,
    connection: u64,
    number: u64,
}

impl SoakEvent {
    const fn is_text(&self) -> bool {
        !self.number.is_multiple_of(3)
    }

    fn body(&self, client: &Client) -> String {
        let Self { side, connection, number } = self;
        // Mostly short. One in forty is as long as a large table of rules.
        let filling = match number % 40 {
            7 => 30_000,
            _ => number * 37 % 900,
        };
        let filling = "x".repeat(usize::try_from(filling).unwrap_or_default());
        format!("{} {side} {connection} {number} {filling}", client.meetup())
    }
}
