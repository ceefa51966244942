//! Many pairs that join, talk, leave and die at random: nothing may be mixed up, lost on the way,
//! doubled, or left without an answer.
//!
//! Each pair has a meetup; each of its legs lives many lives, one connection after the other. A
//! message carries its meetup, leg, life and number, so that whoever hears it knows whether it
//! should. Between two that were introduced the numbers have no gap; every request of a leg that
//! leaves in good manners is answered, once, by its partner or in its place; and a late answer
//! never reaches a later life, although each life numbers its requests from one again.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    fmt, io,
    net::SocketAddr,
    rc::Rc,
    time::{Duration, Instant},
};

use futures_rustls::TlsConnector;
use mistgate_core::base::rand::Rand;
use rustix::net::sockopt::set_socket_linger;
use serde_json::Value;
use smol::{LocalExecutor, Timer, future, net::TcpStream};

use crate::wire::{Event, Peer, dial};

/// One more than the proxy takes by default.
const OVERSIZE: usize = (1 << 20) + 1;

/// What shall happen.
pub(crate) struct Plan {
    pub(crate) server: SocketAddr,
    /// What the path begins with, and the meetups' names too.
    pub(crate) prefix: String,
    /// The certificates of the two legs.
    pub(crate) tls: [TlsConnector; 2],
    pub(crate) pairs: usize,
    pub(crate) length: Duration,
    /// How long a connection lives, on average.
    pub(crate) life: Duration,
    /// From one message of a leg to its next, on average.
    pub(crate) pause: Duration,
    /// How long an answer may take where the partner has to be found dead first.
    pub(crate) patience: Duration,
    pub(crate) seed: u64,
}

/// What happened.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) joined: usize,
    /// Hellos of partners.
    pub(crate) introduced: usize,
    /// Events that arrived.
    pub(crate) events: usize,
    pub(crate) requests: usize,
    /// Answers, by status.
    pub(crate) answers: BTreeMap<u64, usize>,
    /// Ends of connections: the leg's way to go, or the proxy's code.
    pub(crate) ends: BTreeMap<String, usize>,
    /// What must not happen.
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

/// How a life ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// With a close frame, once all is answered.
    Farewell,
    /// The connection is closed under it.
    Fin,
    /// The connection is reset.
    Reset,
    /// It stays, and nobody reads or writes it any more.
    Silence,
    /// It sends more than the proxy takes.
    Oversize,
}

impl End {
    const fn name(self) -> &'static str {
        match self {
            Self::Farewell => "farewell",
            Self::Fin => "fin",
            Self::Reset => "reset",
            Self::Silence => "silence",
            Self::Oversize => "oversize",
        }
    }
}

/// Lets all legs live until the plan's end and then leave.
pub(crate) fn run(plan: Plan) -> Tally {
    let plan = Rc::new(plan);
    let tally = Rc::new(RefCell::new(Tally::default()));
    let until = Instant::now() + plan.length;
    let executor = LocalExecutor::new();
    let legs: Vec<_> = (0..2 * plan.pairs)
        .map(|nth| {
            let leg = Leg {
                plan: Rc::clone(&plan),
                tally: Rc::clone(&tally),
                meetup: nth / 2,
                side: nth % 2,
                life: 0,
                rand: Rand::new(plan.seed.wrapping_mul(1_000_003) ^ nth as u64),
                graves: Vec::new(),
            };
            executor.spawn(leg.live(until))
        })
        .collect();
    smol::block_on(executor.run(async {
        for leg in legs {
            leg.await;
        }
    }));
    drop(executor);
    tally.take()
}

/// One place of a pair.
struct Leg {
    plan: Rc<Plan>,
    tally: Rc<RefCell<Tally>>,
    meetup: usize,
    side: usize,
    /// The number of its connection.
    life: u64,
    rand: Rand,
    /// Silent connections of earlier lives, and how long they are kept.
    graves: Vec<(Peer, Instant)>,
}

/// One connection.
struct Life {
    peer: Peer,
    tcp: TcpStream,
    /// The numbers of its last event and request.
    told: u64,
    asked: u64,
    /// The requests without an answer.
    waiting: BTreeSet<u64>,
    /// The partner's life, and its last event.
    partner: Option<(u64, Option<u64>)>,
}

impl Leg {
    async fn live(mut self, until: Instant) {
        while Instant::now() < until {
            Timer::after(self.about(self.plan.pause)).await;
            self.life += 1;
            match self.join().await {
                Ok(life) => {
                    self.tally.borrow_mut().joined += 1;
                    let dies_at = (Instant::now() + self.about(self.plan.life)).min(until);
                    if let Err(error) = self.stay(life, dies_at, dies_at == until).await {
                        self.fault(&format!("{error}"));
                    }
                }
                Err(error) => self.fault(&format!("cannot join: {error}")),
            }
            self.graves.retain(|(_, until)| *until > Instant::now());
        }
    }

    fn fault(&self, what: &str) {
        let place = format!("meetup {} leg {} life {}", self.meetup, self.side, self.life);
        self.tally.borrow_mut().faults.push(format!("{place}: {what}"));
    }

    /// Between nothing and twice as long.
    fn about(&mut self, span: Duration) -> Duration {
        let micros = u64::try_from(span.as_micros()).expect("a span of this century");
        Duration::from_micros(self.rand.up_to(2 * micros))
    }

    fn meetup(&self) -> String {
        format!("{}{}", self.plan.prefix, self.meetup)
    }

    async fn join(&self) -> io::Result<Life> {
        let tls = self.plan.tls.get(self.side).ok_or(io::ErrorKind::NotFound)?;
        let (mut peer, tcp) = dial(tls, self.plan.server).await?;
        let meetup = self.meetup();
        peer.upgrade(&meetup).await?;
        let hello = format!(
            r#"{{"message":{{"messageId":0,"messageType":"CONN:HELLO","requiresResponse":false,"peerClass":"soak-{}","peerId":"{meetup} {} {}"}}}}"#,
            self.side, self.side, self.life
        );
        peer.push_text(hello.as_bytes());
        peer.flush().await?;
        Ok(Life { peer, tcp, told: 0, asked: 0, waiting: BTreeSet::new(), partner: None })
    }

    /// Talks until it dies.
    async fn stay(&mut self, mut life: Life, dies_at: Instant, is_last: bool) -> io::Result<()> {
        let end = match self.rand.up_to(19) {
            _ if is_last => End::Farewell,
            0..=7 => End::Farewell,
            8..=11 => End::Fin,
            12..=16 => End::Reset,
            17 | 18 => End::Silence,
            _ => End::Oversize,
        };
        let mut talks_at = Instant::now();
        while Instant::now() < dies_at {
            if !self.listen(&mut life, talks_at.min(dies_at)).await? {
                return Ok(());
            }
            if talks_at <= Instant::now() {
                self.talk(&mut life);
                talks_at += self.about(self.plan.pause);
            }
        }
        let mut is_open = true;
        if end == End::Farewell {
            let patient_until = Instant::now() + self.plan.patience;
            while is_open && !life.waiting.is_empty() && Instant::now() < patient_until {
                is_open = self.listen(&mut life, patient_until).await?;
            }
            if is_open && !life.waiting.is_empty() {
                self.fault(&format!("no answer to {:?}", life.waiting));
            }
        }
        if is_open { self.leave(life, end).await } else { Ok(()) }
    }

    /// Hears one message, or nothing until then; holds unless the proxy closed the connection.
    async fn listen(&mut self, life: &mut Life, until: Instant) -> io::Result<bool> {
        let timer = async {
            Timer::at(until).await;
            None
        };
        let event = future::or(async { Some(life.peer.next().await) }, timer).await;
        let reply = match event.transpose()? {
            None => None,
            Some(Event::Closed(code, reason)) => {
                // The proxy may take a slow one for dead, or its silent predecessor for alive, but
                // has nothing else against any.
                let is_rival = code == 1008 && !self.graves.is_empty();
                if !is_rival && !matches!(code, 1000 | 1011) {
                    self.fault(&format!("closed: {code} {reason}"));
                }
                *self.tally.borrow_mut().ends.entry(code.to_string()).or_default() += 1;
                return Ok(false);
            }
            Some(Event::Text(payload)) => {
                self.heard(&mut life.partner, &mut life.waiting, payload, true)?
            }
            Some(Event::Binary(payload)) => {
                self.heard(&mut life.partner, &mut life.waiting, payload, false)?
            }
        };
        if let Some(reply) = reply {
            life.peer.push_text(reply.as_bytes());
        }
        Ok(true)
    }

    /// Judges what came, and gives the answer to a request.
    fn heard(
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
                let life = self.partners_life(text("peerId"));
                *partner = Some((life.ok_or_else(|| strange("a strange hello"))?, None));
                tally.introduced += 1;
            }
            "EVENT:soak" => {
                let Some((life, last)) = *partner else {
                    return Err(strange("an event before the hello"));
                };
                let told = number("messageId");
                if last.is_some_and(|last| told != last + 1) {
                    return Err(strange("a gap between events"));
                }
                let expected = Said { leg: self.partners_leg(), life, number: told };
                if text("messageBody") != expected.body(self) || is_text != expected.is_text() {
                    return Err(strange("not what was said"));
                }
                *partner = Some((life, Some(told)));
                tally.events += 1;
            }
            "REST:REQUEST" => {
                let path = text("path");
                let (life, _) = partner.ok_or_else(|| strange("a request before the hello"))?;
                if !path.starts_with(&format!("{} {} {life} ", self.meetup(), 1 - self.side)) {
                    return Err(strange("a strange request"));
                }
                return Ok(Some(format!(
                    r#"{{"message":{{"messageId":1,"messageType":"REST:RESPONSE","requiresResponse":false,"inResponseTo":{},"statusCode":200,"dataFormat":"text/plain","messageBody":"{path}"}}}}"#,
                    number("messageId")
                )));
            }
            "REST:RESPONSE" => {
                let asked = number("inResponseTo");
                if !waiting.remove(&asked) {
                    return Err(strange("an answer to nothing"));
                }
                let status = number("statusCode");
                if status == 200 && text("messageBody") != self.question(asked) {
                    return Err(strange("an answer to another question"));
                }
                *tally.answers.entry(status).or_default() += 1;
            }
            _ => return Err(strange("unknown")),
        }
        Ok(None)
    }

    const fn partners_leg(&self) -> usize {
        1 - self.side
    }

    fn partners_life(&self, peer_id: &str) -> Option<u64> {
        let expected = format!("{} {} ", self.meetup(), self.partners_leg());
        peer_id.strip_prefix(&expected)?.parse().ok()
    }

    fn question(&self, asked: u64) -> String {
        format!("{} {} {} {asked}", self.meetup(), self.side, self.life)
    }

    /// Says an event, or asks.
    fn talk(&mut self, life: &mut Life) {
        if self.rand.up_to(2) == 0 {
            life.asked += 1;
            life.waiting.insert(life.asked);
            self.tally.borrow_mut().requests += 1;
            let request = format!(
                r#"{{"message":{{"messageId":{},"messageType":"REST:REQUEST","requiresResponse":true,"method":"GET","path":"{}"}}}}"#,
                life.asked,
                self.question(life.asked)
            );
            life.peer.push_text(request.as_bytes());
            return;
        }
        life.told += 1;
        let said = Said { leg: self.side, life: self.life, number: life.told };
        let event = format!(
            r#"{{"message":{{"messageId":{},"messageType":"EVENT:soak","requiresResponse":false,"dataFormat":"text/plain","messageBody":"{}"}}}}"#,
            life.told,
            said.body(self)
        );
        if said.is_text() {
            life.peer.push_text(event.as_bytes());
        } else {
            let (first, second) = event.as_bytes().split_at(event.len() / 3);
            life.peer.push_binary(&[first, second]);
        }
    }

    async fn leave(&mut self, mut life: Life, end: End) -> io::Result<()> {
        *self.tally.borrow_mut().ends.entry(end.name().to_owned()).or_default() += 1;
        match end {
            End::Farewell | End::Oversize => {
                let close = if end == End::Farewell {
                    life.peer.push_close(1000);
                    1000
                } else {
                    life.peer.push_binary(&[&vec![b'x'; OVERSIZE]]);
                    1009
                };
                let until = Instant::now() + self.plan.patience;
                let closed = self.closed(&mut life.peer, until).await;
                match closed {
                    // It ends the connection while more is on its way, which can cost the frame.
                    Err(_) if end == End::Oversize => {}
                    // As in `listen`: slow ones may be taken for dead.
                    Ok(Some((code, _))) if code == close || matches!(code, 1000 | 1011) => {}
                    other => self.fault(&format!("left by {}, and got {other:?}", end.name())),
                }
            }
            End::Fin => drop(life),
            End::Reset => {
                set_socket_linger(&life.tcp, Some(Duration::ZERO))?;
                drop(life);
            }
            End::Silence => {
                self.graves.push((life.peer, Instant::now() + self.plan.patience));
            }
        }
        Ok(())
    }

    /// Waits for the proxy's close frame; `None` if none comes.
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

/// An event, whose form follows from its number.
struct Said {
    leg: usize,
    life: u64,
    number: u64,
}

impl Said {
    const fn is_text(&self) -> bool {
        !self.number.is_multiple_of(3)
    }

    fn body(&self, place: &Leg) -> String {
        let Self { leg, life, number } = self;
        // Mostly short; one in forty as long as a large table of rules.
        let filling = match number % 40 {
            7 => 30_000,
            _ => number * 37 % 900,
        };
        let filling = "x".repeat(usize::try_from(filling).unwrap_or_default());
        format!("{} {leg} {life} {number} {filling}", place.meetup())
    }
}
