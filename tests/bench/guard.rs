//! The work that `tests/it/host/guard.rs` counts: webhooks and relayed messages, on one thread and
//! in memory.
//!
//! ```text
//! guard CASE COUNT
//! ```
//!
//! A webhook is followed from the bytes of its request to the [`Write::Put`] for the store, and
//! from the store's word to the bytes of the answer: all that serves it but the task around the
//! engine, whose store is a thread and a file. A message is followed from what TLS has decrypted to
//! what it would encrypt; every other one is a request, which the next one answers.
//!
//! [`COUNT_MAX`] of them are made, and the first COUNT of them taken, so that two runs differ by
//! nothing but that work. The output is how often memory was asked for.
//!
//! It is an example of the package `mistgate`, and so built like the binary that ships and of the
//! same crates, which no bench is: `GUARD=1 appliance/build-static` builds both.

use std::error::Error;
use std::hint::black_box;
use std::io;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::vec::IntoIter;

use alloc_counter::{AllocCounter, count_alloc};
use dlmalloc::GlobalDlmalloc;
use http_types::StatusCode;
use mistgate_core::base::machine;
use mistgate_core::base::machine::Machine;
use mistgate_core::config::checked::Config;
use mistgate_core::config::files::Files;
use mistgate_core::config::raw::{Draft, Source};
use mistgate_core::engine::input::Input;
use mistgate_core::engine::output::Output;
use mistgate_core::engine::{Engine, input};
use mistgate_core::incident::config::Rules;
use mistgate_core::micronets::pending::PendingRequests;
use mistgate_core::micronets::proxy::ProxyLimits;
use mistgate_core::webhook::intake::Intake;
use mistgate_runtime::base::clock::Clock;
use mistgate_runtime::base::journal::{Format, Journal, Level};
use mistgate_runtime::base::store::Write;
use mistgate_runtime::base::{clock, stop};
use mistgate_runtime::chat::driver::{Handle, Message};
use mistgate_runtime::http::listen::connection::Site;
use mistgate_runtime::http::listen::{Bytes, connection};
use mistgate_runtime::micronets::relay::connection::Connection;
use mistgate_runtime::micronets::relay::pump::Pair;
use mistgate_runtime::webhook;
use smol::channel;
use smol::future::FutureExt;
use smol::io::{AsyncRead, AsyncWrite};

mod events;

/// The allocator of the binary that ships.
#[global_allocator]
static ALLOCATOR: AllocCounter<GlobalDlmalloc> = AllocCounter(GlobalDlmalloc);

const COUNT_MAX: usize = 60;
const CONFIG: &str = r#"
[webhook]
secret = "the secret of the guard"
[chat.slack]
default_url = "https://hooks.slack.com/services/T0/B0/guard"
"#;

type Failure = Box<dyn Error>;

fn main() -> Result<(), Failure> {
    let mut words = std::env::args().skip(1);
    let (case, count) = words.next().zip(words.next()).ok_or("expected CASE COUNT")?;
    let count = count.parse::<usize>()?.min(COUNT_MAX);
    let ((new, resized, _), done) = count_alloc(|| match &*case {
        "webhook-1k" => webhooks(1 << 10, count),
        "webhook-64k" => webhooks(64 << 10, count),
        "message-256" => messages(256, count),
        "message-64k" => messages(64 << 10, count),
        _ => Err(format!("no such case: {case}").into()),
    });
    done?;
    writeln!(io::stdout(), "{}", new + resized)?;
    Ok(())
}

/// Serves webhooks with bodies of about this many bytes.
fn webhooks(bytes: usize, count: usize) -> Result<(), Failure> {
    let report = Draft::parse(Source { name: "guard", text: CONFIG }).check(&Files::new());
    let Some(Config { chat, mist, webhook: Some(webhook), .. }) = report.config else {
        return Err(format!("{:?}", report.problems).into());
    };
    let (path, secret) = webhook.paths.first().zip(webhook.secrets.first()).ok_or("no secret")?;
    let mut last = 0;
    let mut next = || {
        last += 1;
        last
    };
    let requests = (0..COUNT_MAX)
        .map(|_| Bytes::from(events::request(("127.0.0.1", path), secret, bytes, &mut next)))
        .collect();
    let client = Memory::new(requests, count, false);

    let clock = Clock::start();
    // It has nothing to print at this level.
    let journal = Arc::new(Journal::new(Format::Text, Level::Error));
    let dedup_window = webhook.dedup_window;
    let engine = input::Config {
        chat: chat.clone(),
        dedup_window,
        incidents: Rules::default(),
        dashboard_host: mist.dashboard_host,
        next_batch: 1,
    };
    let engine = Engine::new(engine, 0, clock.now());
    let mut driver = Driver { engine, clock, journal: Arc::clone(&journal), put: None };
    let (handle, messages) = Handle::new();
    let (_stopper, stop) = stop::stop();
    let policy = webhook.policy.clone();
    let settings = webhook::Settings { webhook, chat, switches: None, external: None };
    let service = Arc::new(webhook::Intake::new(settings, handle, journal, clock));
    let site = Arc::new(Site::new(service, None, policy, stop));

    let mut stored = 0;
    let storing = async {
        while let Ok(Message::Request { intake, answer }) = messages.recv().await {
            stored += usize::from(driver.store(intake, &answer));
        }
    };
    let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 50_000));
    smol::future::block_on(connection::serve(site, client, peer).or(storing));
    if stored == count { Ok(()) } else { Err(format!("{stored} of {count} stored").into()) }
}

/// Does with the engine what the runtime's driver does, and answers as the store does.
struct Driver {
    engine: Engine,
    clock: Clock,
    journal: Arc<Journal>,
    /// The number of the batch that the store was handed.
    put: Option<u64>,
}

impl Driver {
    /// Stores a request's events and answers it. Whether it did.
    fn store(&mut self, intake: Intake, answer: &channel::Sender<StatusCode>) -> bool {
        self.step(Input::Request { id: 1, intake, at: clock::wall() }, answer);
        let Some(batch) = self.put.take() else {
            return false;
        };
        self.step(Input::Stored(batch), answer);
        answer.is_full()
    }

    fn step(&mut self, input: Input, answer: &channel::Sender<StatusCode>) {
        let now = self.clock.now();
        let carry_out = |driver: &mut Self, output| driver.carry_out(output, answer);
        machine::step(self, |driver| &mut driver.engine, now, Some(input), carry_out);
    }

    fn carry_out(&mut self, output: Output, answer: &channel::Sender<StatusCode>) {
        match output {
            Output::Event(event) => self.journal.emit(&event),
            Output::Respond { status, .. } => {
                let _ = answer.try_send(status);
            }
            Output::Store { put, bytes } => {
                self.put = Some(put.batch);
                let (bytes, at) = (bytes.into(), clock::stamp());
                let put = Write::Put { put, bytes, at };
                drop(black_box(put));
            }
            // Nothing is posted.
            Output::KeepIncident { .. }
            | Output::KeepShown { .. }
            | Output::KeepSilence { .. }
            | Output::Recall { .. }
            | Output::Send { .. }
            | Output::Settle { .. } => {}
        }
    }
}

/// Relays messages of exactly this many bytes between two peers.
fn messages(bytes: usize, count: usize) -> Result<(), Failure> {
    const REQUEST: &str = r#"{"message":{"messageId":1,"messageType":"REST:REQUEST","requiresResponse":true,"method":"PUT","path":"/guard","dataFormat":"text/plain","messageBody":""#;
    const RESPONSE: &str = r#"{"message":{"inResponseTo":1,"messageId":1,"messageType":"REST:RESPONSE","requiresResponse":false,"statusCode":200,"dataFormat":"text/plain","messageBody":""#;
    let (clock, limits) = (Clock::start(), ProxyLimits::default());
    let connect = |head| {
        let peer = Memory::new(vec![frame(head, bytes); COUNT_MAX], count / 2, true);
        let taken = Arc::clone(&peer.taken);
        (Connection::new(1, (), clock.now(), peer, Vec::new(), &limits), taken)
    };
    let ((left, left_taken), (right, right_taken)) = (connect(REQUEST), connect(RESPONSE));
    let mut pair = Pair { left, right, pending: PendingRequests::default() };
    let cx = &mut Context::from_waker(Waker::noop());
    // It ends when one of them leaves, after its last message.
    while pair.poll(cx, clock).is_pending() {}
    // What goes to a client is not masked.
    let each = count / 2 * (frame("", bytes).len() - MASK.len());
    let taken = [left_taken, right_taken].map(|taken| taken.load(Ordering::Relaxed));
    if taken == [each; 2] { Ok(()) } else { Err(format!("{taken:?} of {each} bytes").into()) }
}

/// It changes no byte.
const MASK: [u8; 4] = [0; 4];

/// A client's frame (RFC 6455 §5.2) with a text of this length, which is more than 125 bytes.
fn frame(head: &str, bytes: usize) -> Bytes {
    const TEXT: u8 = 0x81;
    const MASKED: u8 = 0x80;
    const TAIL: &str = "\"}}";
    let filling = "x".repeat(bytes.saturating_sub(head.len() + TAIL.len()));
    let payload = [head, &filling, TAIL].concat();
    let mut frame = vec![TEXT];
    if let Ok(length) = u16::try_from(bytes) {
        frame.push(MASKED | 126);
        frame.extend(length.to_be_bytes());
    } else {
        frame.push(MASKED | 127);
        frame.extend((bytes as u64).to_be_bytes());
    }
    frame.extend(MASK);
    frame.extend_from_slice(payload.as_bytes());
    frame.into()
}

/// The other end of a connection: sends one part after the other, and then closes its side.
struct Memory {
    parts: std::iter::Take<IntoIter<Bytes>>,
    /// What is left of a part.
    part: Bytes,
    /// Whether it lets a reader wait once before each part.
    waits: bool,
    has_waited: bool,
    /// How many bytes it has taken.
    taken: Arc<AtomicUsize>,
}

impl Memory {
    /// Sends the first `count` of these.
    fn new(parts: Vec<Bytes>, count: usize, waits: bool) -> Self {
        let parts = parts.into_iter().take(count);
        Self { parts, part: Bytes::new(), waits, has_waited: false, taken: Arc::default() }
    }
}

impl AsyncRead for Memory {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if self.part.is_empty() {
            self.has_waited = self.waits && !self.has_waited;
            if self.has_waited {
                return Poll::Pending;
            }
            self.part = self.parts.next().unwrap_or_default();
        }
        let count = (&*self.part).read(buf)?;
        drop(self.part.split_to(count));
        Poll::Ready(Ok(count))
    }
}

impl AsyncWrite for Memory {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.taken.fetch_add(black_box(buf).len(), Ordering::Relaxed);
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
