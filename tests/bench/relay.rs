//! The load generator of `tests/bench/all relay`: pairs of peers of the websocket proxy.
//!
//! ```text
//! relay echo port=P pid=PID cert=FILE ca=FILE pairs=N window=N bytes=N secs=S [PIPE]
//! relay idle port=P pid=PID cert=FILE ca=FILE connections=N [PIPE]
//! relay soak port=P pid=PID cert=FILE other=FILE ca=FILE pairs=N secs=S [seed=N]
//! ```
//!
//! In `echo` one peer of each pair keeps `window` requests in flight and the other answers them. A
//! message is what passes through the proxy, so a round trip counts two. In `idle` the peers send
//! nothing but their hello. PIPE is `pipe=PORT [pipe_tls=true]`: the server is not a proxy but
//! removes TLS and forwards to that port, where the other peers listen, with `pipe_tls` for TLS
//! again. `soak` runs soak.rs, and fails on a fault or where memory does not return. The result is
//! one line of `name=value` pairs.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{fs, io};

use futures_rustls::{TlsAcceptor, TlsConnector};
use mistgate_tests::base::process::Usage;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use smol::{LocalExecutor, Timer, net::TcpListener};

mod measure;
mod soak;
mod wire;

use self::measure::{Failure, Options, cost, percentiles};
use self::soak::{Plan, Tally};
use self::wire::{Event, Peer, connector, dial};

const PREFIX: &str = "/micronets/v1/ws-proxy/";
const WARM_UP: Duration = Duration::from_secs(1);
/// The most joins in progress at once, so that no handshake times out.
const JOINS_MAX: usize = 32;
/// The most memory that the proxy may keep, as a multiple of that after its first filling.
const KEPT_SHARE_MAX: f64 = 1.25;
const KEPT_KIB_MAX: u64 = 4 << 10;

fn main() -> Result<(), Failure> {
    const MODES: &str = "expected echo, idle or soak";
    let mut words = std::env::args().skip(1);
    let mode = words.next().ok_or(MODES)?;
    let options = Options::new(words)?;
    let bench = Rc::new(Bench::new(&options)?);
    let executor = Rc::new(LocalExecutor::new());
    let report = match mode.as_str() {
        "echo" => smol::block_on(executor.run(echo(&executor, &bench, &options)))?,
        "idle" => {
            smol::block_on(executor.run(idle(&executor, &bench, options.value("connections")?)))?
        }
        "soak" => soak(&bench, &options)?,
        _ => return Err(MODES.into()),
    };
    writeln!(io::stdout(), "{report}")?;
    Ok(())
}

struct Bench {
    server: SocketAddr,
    pid: u32,
    tls: TlsConnector,
    /// Accepts the connections that the pipe forwards.
    pipe: Option<TcpListener>,
    /// Takes TLS off them.
    pipe_tls: Option<TlsAcceptor>,
    is_over: Cell<bool>,
    is_measured: Cell<bool>,
    messages: Cell<usize>,
    took: RefCell<Vec<Duration>>,
}

impl Bench {
    fn new(options: &Options) -> Result<Self, Failure> {
        let address = |port: u16| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let pipe = match options.maybe("pipe")? {
            Some(port) => Some(smol::block_on(TcpListener::bind(address(port)))?),
            None => None,
        };
        let is_tls = options.maybe("pipe_tls")?.unwrap_or(false);
        Ok(Self {
            server: address(options.value("port")?),
            pid: options.value("pid")?,
            tls: tls(options, "cert")?,
            pipe,
            pipe_tls: is_tls.then(|| acceptor(options)).transpose()?,
            is_over: Cell::new(false),
            is_measured: Cell::new(false),
            messages: Cell::new(0),
            took: RefCell::default(),
        })
    }

    /// Connects a peer and sends its hello.
    async fn join(&self, meetup: &str, class: &str) -> io::Result<Peer> {
        let (mut peer, _) = dial(&self.tls, self.server).await?;
        peer.upgrade(&format!("{PREFIX}{meetup}")).await?;
        let hello = format!(
            r#"{{"message":{{"messageId":0,"messageType":"CONN:HELLO","requiresResponse":false,"peerClass":"{class}","peerId":"1"}}}}"#
        );
        peer.push_text(hello.as_bytes());
        peer.flush().await?;
        Ok(peer)
    }

    /// Two peers that have met, or the two ends of a pipe.
    async fn pair(&self, meetup: &str) -> io::Result<(Peer, Peer)> {
        if let Some(listener) = &self.pipe {
            let (first, _) = dial(&self.tls, self.server).await?;
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let second = match &self.pipe_tls {
                Some(tls) => Peer::over(Box::new(tls.accept(stream).await?)),
                None => Peer::over(Box::new(stream)),
            };
            return Ok((first, second));
        }
        // With one class and one certificate the proxy could take them for one peer that
        // reconnects.
        let mut first = self.join(meetup, "manager").await?;
        let mut second = self.join(meetup, "gateway").await?;
        for peer in [&mut first, &mut second] {
            text(peer.next().await?)?;
        }
        Ok((first, second))
    }
}

fn tls(options: &Options, name: &str) -> Result<TlsConnector, Failure> {
    let [certificate, root]: [String; 2] = [options.value(name)?, options.value("ca")?];
    Ok(connector(&fs::read(certificate)?, &fs::read(root)?)?)
}

/// TLS for the end of a pipe, with the certificate of the peers.
fn acceptor(options: &Options) -> Result<TlsAcceptor, Failure> {
    let certificate = fs::read(options.value::<String>("cert")?)?;
    let chain = CertificateDer::pem_slice_iter(&certificate).collect::<Result<Vec<_>, _>>()?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, PrivateKeyDer::from_pem_slice(&certificate)?)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn text(event: Event<'_>) -> io::Result<&[u8]> {
    match event {
        Event::Text(payload) => Ok(payload),
        other @ (Event::Binary(_) | Event::Closed(..)) => {
            Err(io::Error::other(format!("expected a text, got {other:?}")))
        }
    }
}

/// A message of a fixed size, and the offset of its number of ten digits.
struct Template {
    text: Vec<u8>,
    number_at: usize,
}

impl Template {
    const FIRST: u64 = 1_000_000_000;
    const DIGITS: usize = 10;

    fn new(bytes: usize, head: &str) -> Self {
        let tail = "\"}}";
        let mut text = head.replace('#', &Self::FIRST.to_string());
        let number_at = head.find('#').expect("a place for the number");
        let filling = bytes.saturating_sub(text.len() + tail.len());
        text.push_str(&"x".repeat(filling));
        text.push_str(tail);
        Self { text: text.into_bytes(), number_at }
    }

    fn request(bytes: usize) -> Self {
        let head = r##"{"message":{"messageId":#,"messageType":"REST:REQUEST","requiresResponse":true,"method":"PUT","path":"/bench","dataFormat":"text/plain","messageBody":""##;
        Self::new(bytes, head)
    }

    fn response(bytes: usize) -> Self {
        let head = r##"{"message":{"inResponseTo":#,"messageId":1,"messageType":"REST:RESPONSE","requiresResponse":false,"statusCode":200,"dataFormat":"text/plain","messageBody":""##;
        Self::new(bytes, head)
    }

    fn digits<'m>(&self, message: &'m [u8]) -> Option<&'m [u8]> {
        let is_one = message.len() == self.text.len();
        message.get(self.number_at..self.number_at + Self::DIGITS).filter(|_| is_one)
    }

    fn numbered(&mut self, digits: &[u8]) -> &[u8] {
        let place = self.text.get_mut(self.number_at..self.number_at + Self::DIGITS);
        place.expect("ten digits").copy_from_slice(digits);
        &self.text
    }
}

async fn echo(
    executor: &Rc<LocalExecutor<'static>>,
    bench: &Rc<Bench>,
    options: &Options,
) -> Result<String, Failure> {
    let [pairs, window, bytes]: [usize; 3] =
        [options.value("pairs")?, options.value("window")?, options.value("bytes")?];
    let secs = Duration::from_secs(options.value("secs")?);
    let (mut askers, mut answerers) = (Vec::new(), Vec::new());
    for nth in 0..pairs {
        let (asker, answerer) = bench.pair(&format!("bench/{nth}")).await?;
        askers.push(executor.spawn(ask(Rc::clone(bench), asker, window, bytes)));
        answerers.push(executor.spawn(answer(answerer, bytes)));
    }
    Timer::after(WARM_UP).await;
    let (before, began) = (Usage::of(bench.pid)?, Instant::now());
    bench.messages.set(0);
    bench.is_measured.set(true);
    Timer::after(secs).await;
    let (after, took, messages) = (Usage::of(bench.pid)?, began.elapsed(), bench.messages.get());
    bench.is_over.set(true);
    for asker in askers {
        asker.await?;
    }
    // A proxy may keep these connections for another partner.
    drop(answerers);
    Ok(format!(
        "rate={:.0} {} {}",
        messages as f64 / took.as_secs_f64(),
        percentiles(bench.took.take()),
        cost(&before, &after, messages),
    ))
}

/// Keeps `window` requests in flight, and takes the answers in order.
async fn ask(bench: Rc<Bench>, mut peer: Peer, window: usize, bytes: usize) -> io::Result<()> {
    let mut request = Template::request(bytes);
    let response = Template::response(bytes);
    let mut under_way = VecDeque::new();
    let mut number = Template::FIRST;
    loop {
        while under_way.len() < window && !bench.is_over.get() {
            let digits = number.to_string();
            peer.push_text(request.numbered(digits.as_bytes()));
            under_way.push_back((digits, Instant::now()));
            number += 1;
        }
        let Some((digits, sent)) = under_way.pop_front() else {
            peer.push_close(1000);
            return peer.flush().await;
        };
        let message = text(peer.next().await?)?;
        if response.digits(message) != Some(digits.as_bytes()) {
            return Err(io::Error::other(format!("no answer to {digits}")));
        }
        bench.messages.set(bench.messages.get() + 2);
        if bench.is_measured.get() {
            bench.took.borrow_mut().push(sent.elapsed());
        }
    }
}

/// Answers requests until there are no more.
async fn answer(mut peer: Peer, bytes: usize) -> io::Result<()> {
    let request = Template::request(bytes);
    let mut response = Template::response(bytes);
    loop {
        let message = text(peer.next().await?)?;
        let digits = request.digits(message).ok_or_else(|| io::Error::other("no request"))?;
        let digits = digits.to_vec();
        peer.push_text(response.numbered(&digits));
    }
}

/// Measures pairs that send nothing but their hello.
async fn idle(
    executor: &Rc<LocalExecutor<'static>>,
    bench: &Rc<Bench>,
    connections: usize,
) -> Result<String, Failure> {
    // The first pair is not counted: it causes costs that occur once only.
    let warm = bench.pair("idle/warm").await?;
    let (before, began) = (Usage::of(bench.pid)?, Instant::now());
    let next = Rc::new(Cell::new(0));
    let joiners: Vec<_> = (0..JOINS_MAX)
        .map(|_| {
            let (bench, next, tasks) = (Rc::clone(bench), Rc::clone(&next), Rc::clone(executor));
            executor.spawn(async move {
                while next.get() < connections / 2 {
                    let nth = next.replace(next.get() + 1);
                    let (first, second) = bench.pair(&format!("idle/{nth}")).await?;
                    for mut peer in [first, second] {
                        tasks.spawn(async move { peer.next().await.map(drop) }).detach();
                    }
                }
                Ok::<_, io::Error>(())
            })
        })
        .collect();
    for joiner in joiners {
        joiner.await?;
    }
    let took = began.elapsed();
    Timer::after(WARM_UP).await;
    let after = Usage::of(bench.pid)?;
    let per_connection =
        (after.resident_kib as f64 - before.resident_kib as f64) / connections as f64;
    drop(warm);
    Ok(format!(
        "connections={connections} kib_per_connection={per_connection:.1} joins_per_s={:.0} {}",
        connections as f64 / took.as_secs_f64(),
        cost(&before, &after, connections)
    ))
}

/// Runs the soak twice. The memory that the proxy keeps after the short first run is the bound for
/// the long one.
fn soak(bench: &Bench, options: &Options) -> Result<String, Failure> {
    let [pairs, secs]: [usize; 2] = [options.value("pairs")?, options.value("secs")?];
    let seed = options.maybe("seed")?.unwrap_or(1);
    let other = tls(options, "other")?;
    let run = |name: &str, seed: u64, length: Duration| {
        soak::run(Plan {
            server: bench.server,
            prefix: format!("{PREFIX}{name}/"),
            tls: [bench.tls.clone(), other.clone()],
            pairs,
            length,
            connection_length: Duration::from_secs(20),
            pause: Duration::from_secs(1),
            patience: Duration::from_secs(60),
            seed,
        })
    };
    let rest = || {
        // Wait until the proxy has seen the last connection end.
        let mut usage = Usage::of(bench.pid)?;
        for _ in 0..100 {
            std::thread::sleep(Duration::from_millis(100));
            let before = usage.descriptors;
            usage = Usage::of(bench.pid)?;
            if usage.descriptors == before && usage.descriptors < 64 {
                break;
            }
        }
        Ok::<_, io::Error>(usage)
    };
    let start = rest()?;
    let warm = run("warm", seed, Duration::from_secs(20));
    let before = rest()?;
    let tally = run("soak", seed + 1, Duration::from_secs(secs as u64));
    let after = rest()?;
    let report = |tally: &Tally| format!("pairs={pairs} seed={seed} {tally}");
    let memory = format!(
        "descriptors={}/{}/{} rss_start_kib={} rss_before_kib={} rss_kib={} rss_max_kib={}",
        start.descriptors,
        before.descriptors,
        after.descriptors,
        start.resident_kib,
        before.resident_kib,
        after.resident_kib,
        after.resident_max_kib
    );
    let faults: Vec<_> = warm.faults.iter().chain(&tally.faults).take(20).cloned().collect();
    let kept_max = before.resident_kib as f64 * KEPT_SHARE_MAX;
    let is_kept = after.resident_kib as f64 > kept_max + KEPT_KIB_MAX as f64;
    if !faults.is_empty() || is_kept || after.descriptors > start.descriptors {
        return Err(format!("{} {memory}\n{}", report(&tally), faults.join("\n")).into());
    }
    Ok(format!("{} {memory}", report(&tally)))
}
