//! The load generator of `tests/bench/all webhook`: signed webhooks in, chat posts out, one thread.
//!
//! ```text
//! load accept  port=P pid=PID secret=T secs=S bytes=N [sink=PORT] [path=P] [connections=N]
//! load latency port=P pid=PID secret=T secs=S rate=N  sink=PORT   [path=P] [connections=N]
//! ```
//!
//! `sink` is the port on which this program receives the chat posts. The result is one line of
//! `name=value` pairs. CPU time is that of the process `pid` and of its children that have ended;
//! the kernel counts it in steps of 10 ms.

use std::cell::{Cell, RefCell};
use std::io;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::rc::Rc;
use std::time::{Duration, Instant};

use mistgate_core::base::secret::Secret;
use mistgate_tests::base::process::Usage;
use smol::io::{AsyncReadExt, AsyncWriteExt};
use smol::{Async, LocalExecutor, Timer};

mod events;
mod measure;

use self::events::NAME;
use self::measure::{Failure, Options, cost, percentiles};

/// How long to wait for the last posts.
const SETTLE: Duration = Duration::from_secs(3);
/// The digits of an event's number behind [`NAME`].
const NAME_DIGITS: usize = 9;

fn main() -> Result<(), Failure> {
    let mut words = std::env::args().skip(1);
    let mode = words.next().ok_or("expected accept or latency")?;
    let options = Options::new(words)?;
    let bench = Rc::new(Bench::new(&options)?);
    let executor = Rc::new(LocalExecutor::new());
    if let Some(port) = options.maybe("sink")? {
        let listener = Async::<TcpListener>::bind((Ipv4Addr::LOCALHOST, port))?;
        let (bench, tasks) = (Rc::clone(&bench), Rc::clone(&executor));
        executor.spawn(sink(listener, bench, tasks)).detach();
    }
    let secs = Duration::from_secs(options.value("secs")?);
    let report = match mode.as_str() {
        "accept" => {
            let bytes = options.value("bytes")?;
            smol::block_on(executor.run(accept(&executor, &bench, bytes, secs)))?
        }
        "latency" => {
            let rate = options.value("rate")?;
            smol::block_on(executor.run(latency(&executor, &bench, rate, secs)))?
        }
        other => return Err(format!("expected accept or latency, got {other}").into()),
    };
    writeln!(io::stdout(), "{report}")?;
    Ok(())
}

struct Bench {
    server: SocketAddr,
    path: String,
    secret: Secret,
    pid: u32,
    connections: usize,
    next_event: Cell<usize>,
    requests: RefCell<Requests>,
    posts: RefCell<Posts>,
}

/// Counts of the requests.
#[derive(Default)]
struct Requests {
    took: Vec<Duration>,
    /// Requests that were not answered with 200.
    other_status: usize,
}

/// When each event was sent, and when it was seen in a post, by its number.
#[derive(Default)]
struct Posts {
    count: usize,
    sent: Vec<Option<Instant>>,
    took: Vec<Duration>,
}

impl Bench {
    fn new(options: &Options) -> Result<Self, Failure> {
        let port: u16 = options.value("port")?;
        let secret: String = options.value("secret")?;
        Ok(Self {
            server: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            path: options.maybe("path")?.unwrap_or_else(|| "/webhooks".to_owned()),
            secret: Secret::new(secret),
            pid: options.value("pid")?,
            connections: options.maybe("connections")?.unwrap_or(64),
            next_event: Cell::new(0),
            requests: RefCell::default(),
            posts: RefCell::default(),
        })
    }

    fn take_number(&self) -> usize {
        self.next_event.replace(self.next_event.get() + 1)
    }

    /// A signed request with as many new events as fit into `bytes`, but at least one.
    fn request(&self, bytes: usize) -> Vec<u8> {
        let to = (&*self.server.to_string(), &*self.path);
        events::request(to, &self.secret, bytes, || self.take_number())
    }

    fn note_answer(&self, status: u16, took: Duration) {
        let mut requests = self.requests.borrow_mut();
        requests.took.push(took);
        requests.other_status += usize::from(status != 200);
    }
}

/// Sends requests on each connection, one after the answer to the other.
async fn accept(
    executor: &Rc<LocalExecutor<'static>>,
    bench: &Rc<Bench>,
    bytes: usize,
    secs: Duration,
) -> Result<String, Failure> {
    let (before, began) = (Usage::of(bench.pid)?, Instant::now());
    let until = began + secs;
    let senders: Vec<_> = (0..bench.connections)
        .map(|_| {
            let bench = Rc::clone(bench);
            executor.spawn(async move {
                let mut connection = Connection::default();
                while Instant::now() < until {
                    exchange(&mut connection, &bench, bytes).await?;
                }
                Ok::<_, io::Error>(())
            })
        })
        .collect();
    for sender in senders {
        sender.await?;
    }
    let (after, took) = (Usage::of(bench.pid)?, began.elapsed());
    let requests = bench.requests.take();
    let posts = bench.posts.take();
    let answered = requests.took.len();
    Ok(format!(
        "rate={:.0} {} {} events={} posts={} other_status={}",
        answered as f64 / took.as_secs_f64(),
        percentiles(requests.took),
        cost(&before, &after, answered),
        bench.next_event.get(),
        posts.count,
        requests.other_status,
    ))
}

/// Sends requests of one event at even intervals, on the connections in rotation.
async fn latency(
    executor: &Rc<LocalExecutor<'static>>,
    bench: &Rc<Bench>,
    rate: u32,
    secs: Duration,
) -> Result<String, Failure> {
    let before = Usage::of(bench.pid)?;
    let began = Instant::now();
    let step = Duration::from_secs(1) / rate;
    let senders: Vec<_> = (0_u32..)
        .take(bench.connections)
        .map(|place| {
            let bench = Rc::clone(bench);
            executor.spawn(async move {
                let turns = u32::try_from(bench.connections).unwrap_or(u32::MAX);
                let mut connection = Connection::default();
                let mut due = began + step * place;
                while due < began + secs {
                    Timer::at(due).await;
                    exchange(&mut connection, &bench, 1).await?;
                    due += step * turns;
                }
                Ok::<_, io::Error>(())
            })
        })
        .collect();
    for sender in senders {
        sender.await?;
    }
    let sent = bench.next_event.get();
    let settled_by = Instant::now() + SETTLE;
    while bench.posts.borrow().took.len() < sent && Instant::now() < settled_by {
        Timer::after(Duration::from_millis(10)).await;
    }
    let after = Usage::of(bench.pid)?;
    let (requests, posts) = (bench.requests.take(), bench.posts.take());
    let arrived = posts.took.len();
    Ok(format!(
        "sent={sent} arrived={arrived} posts={} answer_{} post_{} {} other_status={}",
        posts.count,
        percentiles(requests.took).replace(' ', " answer_"),
        percentiles(posts.took).replace(' ', " post_"),
        cost(&before, &after, sent),
        requests.other_status,
    ))
}

/// A connection that is opened when it is first used.
#[derive(Default)]
struct Connection {
    stream: Option<Async<TcpStream>>,
    buffer: Vec<u8>,
}

async fn exchange(connection: &mut Connection, bench: &Bench, bytes: usize) -> io::Result<()> {
    let first = bench.next_event.get();
    let request = bench.request(bytes);
    let mut stream = match connection.stream.take() {
        Some(stream) => stream,
        None => {
            let stream = Async::<TcpStream>::connect(bench.server).await?;
            stream.get_ref().set_nodelay(true)?;
            stream
        }
    };
    let sent = Instant::now();
    {
        let mut posts = bench.posts.borrow_mut();
        posts.sent.resize(bench.next_event.get(), None);
        for at in posts.sent.iter_mut().skip(first) {
            *at = Some(sent);
        }
    }
    stream.write_all(&request).await?;
    let Some(message) = read_message(&mut stream, &mut connection.buffer).await? else {
        return Err(io::ErrorKind::UnexpectedEof.into());
    };
    let status = message.head.split(' ').nth(1).and_then(|status| status.parse().ok());
    bench.note_answer(status.unwrap_or_default(), sent.elapsed());
    if message.field("connection").is_none_or(|value| !value.eq_ignore_ascii_case("close")) {
        connection.stream = Some(stream);
    }
    Ok(())
}

/// Takes posts, answers 200, and notes the events in them.
async fn sink(
    listener: Async<TcpListener>,
    bench: Rc<Bench>,
    executor: Rc<LocalExecutor<'static>>,
) {
    while let Ok((stream, _)) = listener.accept().await {
        let bench = Rc::clone(&bench);
        executor
            .spawn(async move {
                // A broken connection shows in the events that are missing.
                let _ = take_posts(stream, &bench).await;
            })
            .detach();
    }
}

async fn take_posts(mut stream: Async<TcpStream>, bench: &Bench) -> io::Result<()> {
    stream.get_ref().set_nodelay(true)?;
    let mut buffer = Vec::new();
    while let Some(message) = read_message(&mut stream, &mut buffer).await? {
        let arrived = Instant::now();
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await?;
        let mut posts = bench.posts.borrow_mut();
        posts.count += 1;
        for number in numbers(&message.body) {
            let sent = posts.sent.get_mut(number).and_then(Option::take);
            if let Some(sent) = sent {
                posts.took.push(arrived - sent);
            }
        }
    }
    Ok(())
}

/// The numbers of the events that a payload names.
fn numbers(body: &[u8]) -> Vec<usize> {
    let text = String::from_utf8_lossy(body);
    let digits = |rest: &str| rest.get(..NAME_DIGITS)?.parse().ok();
    text.split(NAME).skip(1).filter_map(digits).collect()
}

struct Message {
    head: String,
    body: Vec<u8>,
}

impl Message {
    fn field(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (field, value) = line.split_once(':')?;
            field.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// Reads one request or answer with a `Content-Length`. `None` if the connection ends before it.
async fn read_message(
    stream: &mut Async<TcpStream>,
    buffer: &mut Vec<u8>,
) -> io::Result<Option<Message>> {
    const END: &[u8] = b"\r\n\r\n";
    let mut chunk = [0; 16 * 1024];
    loop {
        if let Some(end) = buffer.windows(END.len()).position(|window| window == END) {
            let rest = buffer.split_off(end + END.len());
            let head = String::from_utf8_lossy(buffer).into_owned();
            *buffer = rest;
            let mut message = Message { head, body: Vec::new() };
            let length = message.field("content-length").and_then(|text| text.parse().ok());
            let length = length.unwrap_or(0_usize);
            while buffer.len() < length {
                let count = stream.read(&mut chunk).await?;
                if count == 0 {
                    return Ok(None);
                }
                buffer.extend_from_slice(chunk.get(..count).unwrap_or_default());
            }
            let rest = buffer.split_off(length);
            message.body = std::mem::replace(buffer, rest);
            return Ok(Some(message));
        }
        let count = stream.read(&mut chunk).await?;
        if count == 0 {
            return Ok(None);
        }
        buffer.extend_from_slice(chunk.get(..count).unwrap_or_default());
    }
}
