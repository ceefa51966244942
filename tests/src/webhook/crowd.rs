//! A hostile crowd: many connections of many loopback addresses that send almost a request, hold
//! on, and come back when they are cut.

use std::io;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, socket_with};

/// How often each connection is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// The most bytes written to one connection at a look.
const PIECE: usize = 64 << 10;

/// What a crowd does.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Whom it attacks, on loopback.
    pub to: SocketAddr,
    /// Loopback addresses, and how many connections each has.
    pub from: Vec<(Ipv4Addr, usize)>,
    /// What each connection sends, before it holds on.
    pub sent: Vec<u8>,
    /// Whether it sends that again after each answer.
    pub repeats: bool,
    /// How long a connection that was cut stays away.
    pub away: Duration,
}

/// A crowd at work; it leaves when this is dropped.
#[derive(Debug)]
pub struct Crowd {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    is_over: AtomicBool,
    /// Connections that have sent all that they have, and are still there.
    holding: AtomicUsize,
    /// Connections that were cut.
    cut: AtomicUsize,
    /// Answers that came.
    answers: AtomicUsize,
}

enum State {
    Away { until: Instant },
    Sending { stream: TcpStream, sent: usize },
    Holding { stream: TcpStream },
}

impl Crowd {
    /// Lets a crowd loose, on one thread: it attacks the listener and not the scheduler.
    pub fn start(plan: Plan) -> Self {
        let shared = Arc::new(Shared::default());
        let own = Arc::clone(&shared);
        let thread = Some(thread::spawn(move || attack(&plan, &own)));
        Self { shared, thread }
    }

    /// How many connections have sent all that they have, and are still there.
    pub fn holding(&self) -> usize {
        self.shared.holding.load(Ordering::Relaxed)
    }

    /// How many answers came so far.
    pub fn answers(&self) -> usize {
        self.shared.answers.load(Ordering::Relaxed)
    }

    /// How many connections were cut so far.
    pub fn cut(&self) -> usize {
        self.shared.cut.load(Ordering::Relaxed)
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        // A panic is in its output.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn attack(plan: &Plan, shared: &Shared) {
    let until = Instant::now();
    let each = plan.from.iter().flat_map(|&(from, count)| (0..count).map(move |_| from));
    let mut states: Vec<_> = each.map(|from| (from, State::Away { until })).collect();
    while !shared.is_over.load(Ordering::Relaxed) {
        for (from, state) in &mut states {
            let was_holding = matches!(state, State::Holding { .. });
            let was_away = matches!(state, State::Away { .. });
            let away = State::Away { until: Instant::now() + plan.away };
            *state =
                std::mem::replace(state, away).advance(plan, *from, shared).unwrap_or_else(|_| {
                    shared.cut.fetch_add(usize::from(!was_away), Ordering::Relaxed);
                    State::Away { until: Instant::now() + plan.away }
                });
            match (was_holding, matches!(state, State::Holding { .. })) {
                (false, true) => drop(shared.holding.fetch_add(1, Ordering::Relaxed)),
                (true, false) => drop(shared.holding.fetch_sub(1, Ordering::Relaxed)),
                (true, true) | (false, false) => {}
            }
        }
        thread::sleep(LOOK_EVERY);
    }
}

impl State {
    /// What a connection does at a look; an error if it was cut.
    fn advance(self, plan: &Plan, from: Ipv4Addr, shared: &Shared) -> io::Result<Self> {
        match self {
            Self::Away { until } if Instant::now() < until => Ok(self),
            Self::Away { .. } => Ok(Self::Sending { stream: open(plan.to, from)?, sent: 0 }),
            Self::Sending { mut stream, mut sent } => {
                let rest = plan.sent.get(sent..).unwrap_or_default();
                match stream.write(rest.get(..PIECE).unwrap_or(rest)) {
                    Ok(count) => sent += count,
                    Err(error) if waits(&error) => {}
                    Err(error) => return Err(error),
                }
                match sent < plan.sent.len() {
                    true => Ok(Self::Sending { stream, sent }),
                    false => Ok(Self::Holding { stream }),
                }
            }
            Self::Holding { mut stream } => match stream.read(&mut [0; 4096]) {
                Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
                Ok(_) => {
                    shared.answers.fetch_add(1, Ordering::Relaxed);
                    match plan.repeats {
                        true => Ok(Self::Sending { stream, sent: 0 }),
                        false => Ok(Self::Holding { stream }),
                    }
                }
                Err(error) if waits(&error) => Ok(Self::Holding { stream }),
                Err(error) => Err(error),
            },
        }
    }
}

fn waits(error: &io::Error) -> bool {
    // A connection that is still being made is not connected.
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected)
}

fn open(to: SocketAddr, from: Ipv4Addr) -> io::Result<TcpStream> {
    let socket = socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::NONBLOCK, None)?;
    bind(&socket, &SocketAddr::from((from, 0)))?;
    match connect(&socket, &to) {
        Ok(()) | Err(Errno::INPROGRESS) => Ok(TcpStream::from(socket)),
        Err(error) => Err(error.into()),
    }
}
