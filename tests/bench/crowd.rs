//! The hostile crowd of `tests/bench/crowd` and `tests/bench/abuse`, and the sender that it would
//! keep out.
//!
//! ```text
//! crowd kind=silent|bodies|heads|hellos|signatures|tokens|oversize|frames port=P pid=PID secret=T
//! secs=S [at=P] [root=FILE] [leaf=FILE] [connections=2000] [addresses=40] [own=64] [away_ms=100]
//! [rate=20]
//! ```
//!
//! `connections` come from `addresses` addresses of loopback; `own` of them from 127.0.0.1, which
//! is also the sender's. They go to the port `at`, or to that of the sender. They are silent, or
//! send a request up to the last byte of its head, or of its body of 1 MiB, or the first message of
//! a TLS handshake; then they hold on, and one that is cut comes back `away_ms` later. Or they send
//! requests with a wrong signature, a wrong token, or a body that is too large, again after each
//! answer; or 64 peers of the websocket proxy, with the certificate `leaf`, come with a frame that
//! is too large, again and again. Meanwhile the sender posts `rate` signed events a second, each
//! over a connection of its own, with TLS if `root` names the authority. The result is one line of
//! `name=value` pairs; `good` counts the answers 200 within a second.

use std::io;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use std::{fs, thread};

use mistgate_tests::base::process::Usage;
use mistgate_tests::webhook::crowd::{Crowd, Plan};
use mistgate_tests::webhook::mist::{Mist, event_body, request};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use smol::{LocalExecutor, Timer};

mod measure;
#[expect(dead_code, reason = "the load generator sends more")]
mod wire;

use self::measure::{Failure, Options, cost, percentiles};
use self::wire::{Event, connector, dial};

/// What a sender waits for an answer; a later one does not count.
const PATIENCE: Duration = Duration::from_secs(1);
/// One byte more than the proxy accepts by default.
const OVERSIZE: usize = (1 << 20) + 1;
/// How long a connection that was cut stays away.
const AWAY: Duration = Duration::from_millis(100);
/// How many peers come with a frame that is too large.
const PEERS: usize = 64;
/// How long the crowd may take to be there.
const GATHERING: Duration = Duration::from_secs(5);

fn main() -> Result<(), Failure> {
    let options = Options::new(std::env::args().skip(1))?;
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?;
    let to = SocketAddr::from((Ipv4Addr::LOCALHOST, options.value("port")?));
    let is_of_frames = options.value::<String>("kind")? == "frames";
    let root = options.maybe::<String>("root")?;
    let tls = root.filter(|_| !is_of_frames).map(|root| trusting(&root)).transpose()?;
    let sender = Sender { to, tls, mist: Mist::new(&options.value::<String>("secret")?) };
    let secs = Duration::from_secs(options.value("secs")?);
    let rate: u32 = options.maybe("rate")?.unwrap_or(20);
    let plan = plan(&options, &sender)?;

    sender.post("before").map_err(|error| format!("without a crowd: {error}"))?;
    let refused = Arc::new(AtomicUsize::new(0));
    if is_of_frames {
        frames(&options, plan.to, &refused)?;
    }
    let crowd = Crowd::start(plan);
    thread::sleep(GATHERING);
    let (mut took, mut late, mut failed) = (Vec::new(), 0, 0);
    let pid = options.value("pid")?;
    let before = Usage::of(pid)?;
    let (began, mut held) = (Instant::now(), Vec::new());
    let mut nth = 0;
    while began.elapsed() < secs {
        let due = began + Duration::from_secs(1) / rate * nth;
        thread::sleep(due.saturating_duration_since(Instant::now()));
        nth += 1;
        let sent = Instant::now();
        match sender.post(&format!("{nth}")) {
            Ok(()) if sent.elapsed() <= PATIENCE => took.push(sent.elapsed()),
            Ok(()) => late += 1,
            Err(error) => {
                failed += 1;
                writeln!(io::stderr(), "  {error}")?;
            }
        }
        held.push(crowd.holding());
    }
    let (good, all) = (took.len(), took.len() + late + failed);
    let holding = held.iter().sum::<usize>() / held.len().max(1);
    writeln!(
        io::stdout(),
        "good_percent={:.1} good={good} all={all} late={late} failed={failed} holding={holding} \
         answers={} cut={} cut_per_s={:.0} {} {}",
        good as f64 * 100.0 / all.max(1) as f64,
        crowd.answers() + refused.load(Ordering::Relaxed),
        crowd.cut(),
        crowd.cut() as f64 / (GATHERING + began.elapsed()).as_secs_f64(),
        percentiles(took),
        cost(&before, &Usage::of(pid)?, all),
    )?;
    Ok(())
}

fn plan(options: &Options, sender: &Sender) -> Result<Plan, Failure> {
    let connections: usize = options.maybe("connections")?.unwrap_or(2_000);
    let addresses: u8 = options.maybe("addresses")?.unwrap_or(40);
    let own: usize = options.maybe("own")?.unwrap_or(64);
    let others = usize::from(addresses.saturating_sub(1)).max(1);
    let kind = options.value::<String>("kind")?;
    let mut from = vec![(Ipv4Addr::LOCALHOST, own)];
    from.extend((2..=addresses).map(|nth| {
        let (rest, nth_other) = (connections.saturating_sub(own), usize::from(nth) - 2);
        let count = rest / others + usize::from(nth_other < rest % others);
        (Ipv4Addr::new(127, 0, 0, nth), count)
    }));
    let signature = ("X-Mist-Signature-v2", &*"0".repeat(64));
    let whole = request("POST", "/webhooks", &[signature], &"x".repeat(1 << 20));
    let head = whole.find("\r\n\r\n").ok_or("a head")? + 4;
    let to =
        SocketAddr::from((Ipv4Addr::LOCALHOST, options.maybe("at")?.unwrap_or(sender.to.port())));
    let post = |path, header, body: &str| request("POST", path, &[header], body).into_bytes();
    let (sent, repeats) = match kind.as_str() {
        "silent" => (Vec::new(), false),
        "heads" => (whole.as_bytes().get(..head - 1).unwrap_or_default().to_vec(), false),
        "bodies" => (whole.as_bytes().get(..whole.len() - 1).unwrap_or_default().to_vec(), false),
        "hellos" => (sender.hello()?, false),
        "signatures" => (post("/webhooks", signature, &event_body("AP_CONNECTED", "x")), true),
        "tokens" => (post("/ports/go", ("Authorization", "Bearer wrong"), ""), true),
        "oversize" => (post("/webhooks", signature, &"x".repeat((1 << 20) + 1)), true),
        "frames" => {
            from.clear();
            (Vec::new(), false)
        }
        other => return Err(format!("unexpected kind {other}").into()),
    };
    Ok(Plan { to, from, sent, repeats, away: away(options)? })
}

/// Lets peers loose that come with a frame that is too large, until the process ends; `refused`
/// counts those that were told so.
fn frames(options: &Options, to: SocketAddr, refused: &Arc<AtomicUsize>) -> Result<(), Failure> {
    let read = |name| fs::read(options.value::<String>(name)?).map_err(Failure::from);
    let tls = connector(&read("leaf")?, &read("root")?)?;
    let refused = Arc::clone(refused);
    thread::spawn(move || {
        let frame = vec![b' '; OVERSIZE];
        let come = async |nth: usize| -> io::Result<bool> {
            let (mut peer, _) = dial(&tls, to).await?;
            peer.upgrade(&format!("/micronets/v1/ws-proxy/abuse-{nth}")).await?;
            peer.push_text(&frame);
            // It may be told before it has sent all of that.
            let _ = peer.flush().await;
            Ok(matches!(peer.next().await?, Event::Closed(1009, _)))
        };
        let peer = async |nth| loop {
            match come(nth).await {
                Ok(is_told) => drop(refused.fetch_add(usize::from(is_told), Ordering::Relaxed)),
                Err(_) => drop(Timer::after(AWAY).await),
            }
        };
        let on = LocalExecutor::new();
        for nth in 0..PEERS {
            on.spawn(peer(nth)).detach();
        }
        smol::block_on(on.run(smol::future::pending::<()>()));
    });
    Ok(())
}

fn away(options: &Options) -> Result<Duration, Failure> {
    Ok(options.maybe("away_ms")?.map_or(AWAY, Duration::from_millis))
}

struct Sender {
    to: SocketAddr,
    tls: Option<Arc<ClientConfig>>,
    mist: Mist,
}

impl Sender {
    fn session(&self, tls: &Arc<ClientConfig>) -> Result<ClientConnection, Failure> {
        Ok(ClientConnection::new(Arc::clone(tls), ServerName::try_from("localhost")?)?)
    }

    /// The first message of a handshake.
    fn hello(&self) -> Result<Vec<u8>, Failure> {
        let tls = self.tls.as_ref().ok_or("hellos need root=FILE")?;
        let mut hello = Vec::new();
        self.session(tls)?.write_tls(&mut hello)?;
        Ok(hello)
    }

    /// Posts a new event over a new connection; an error is any answer but 200.
    fn post(&self, name: &str) -> Result<(), Failure> {
        let stream = TcpStream::connect_timeout(&self.to, PATIENCE * 2)?;
        stream.set_read_timeout(Some(PATIENCE * 2))?;
        stream.set_write_timeout(Some(PATIENCE * 2))?;
        stream.set_nodelay(true)?;
        let request = self.mist.request(&event_body("AP_CONNECTED", name));
        match &self.tls {
            Some(tls) => ask(StreamOwned::new(self.session(tls)?, stream), &request),
            None => ask(stream, &request),
        }
    }
}

fn ask(mut stream: impl Read + Write, request: &str) -> Result<(), Failure> {
    stream.write_all(request.as_bytes())?;
    let mut status = [0; 12];
    stream.read_exact(&mut status)?;
    match status.ends_with(b" 200") {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&status).into_owned().into()),
    }
}

fn trusting(root: &str) -> Result<Arc<ClientConfig>, Failure> {
    let mut roots = RootCertStore::empty();
    for authority in CertificateDer::pem_slice_iter(&fs::read(root)?) {
        roots.add(authority?)?;
    }
    let config = ClientConfig::builder().with_root_certificates(roots);
    Ok(Arc::new(config.with_no_client_auth()))
}
