//! `mistgate connect`: the tasks around the core's peer machine.
//!
//! One task owns the machine. It hands in what comes from the link, the HTTP listener, the local
//! server and the terminal, and carries out the machine's outputs. It decides nothing.

use std::{borrow::Cow, collections::BTreeMap, fmt, sync::atomic::Ordering, time::Duration};
use std::{net::SocketAddr, net::TcpListener, sync::Arc, sync::atomic::AtomicU64};

use async_signal::{Signal, Signals};
use async_tungstenite::tungstenite::{Message as Frame, protocol::CloseFrame};
use mistgate_core::base::{machine, machine::Machine};
use mistgate_core::http::{listener::Limits, listener::Policy, proxy::Proxies};
use mistgate_core::micronets::peer::input::{Config, ForwardId, Input, RequestId};
use mistgate_core::micronets::peer::output::{Event, Output, RequestReport};
use mistgate_core::micronets::{http, message::Pair, peer, peer::STOP_GRACE};
use smol::{Async, Executor, Task, Timer, channel, future::FutureExt, stream::StreamExt};

use crate::base::{clock::Alarm, clock::Clock, journal::Journal, journal::Level};
use crate::base::{journal::fields, sandbox, sandbox::Needs, stop, stop::Stop, task};
use crate::http::{listen, listen::Bytes, listen::Head, listen::Listener};
use crate::http::{listen::Reply, listen::Service, outbound::Outbound, tls::peer::Credentials};

mod target;

mod forward;
mod link;
mod terminal;

pub use target::{Meetup, Server};

use self::{forward::Forwarder, link::Link, terminal::Printer};

/// How long the last answers and the last lines may take at the end.
const LAST_BYTES_GRACE: Duration = Duration::from_secs(1);

/// The names of the local listeners in the journal and, before `-listen`, on the command line: what
/// takes HTTP requests for the partner, and what takes events for it.
const REQUESTS: &str = "http";
const EVENTS: &str = "event";

/// A local listener's name, and its socket.
type Bound = (&'static str, TcpListener);

/// What the command line says.
#[derive(Clone, Debug)]
pub struct Settings {
    pub meetup: Meetup,
    pub credentials: Credentials,
    /// The policy of its machine.
    pub config: Config,
    /// Where HTTP requests for the partner are accepted.
    pub http_listen: Option<SocketAddr>,
    /// Where local programs put events for the partner.
    pub event_listen: Option<SocketAddr>,
    /// The local server for the partner's requests.
    pub forward: Option<Server>,
}

/// Runs until a signal comes, or until standard input has ended and all its requests are answered.
/// Gives the number of lines of standard input that were not sent, or whose request got no
/// response. An error is one line that says why it does not start.
///
/// The process first gives up the rights that it does not need, as far as it is wished; it must
/// have no other thread.
pub fn run(settings: Settings, journal: Journal, wish: Option<bool>) -> Result<u64, String> {
    // Report wrong files and addresses before anything else is opened.
    let tls = settings.credentials.connector().map_err(explain)?;
    let addresses = [(REQUESTS, settings.http_listen), (EVENTS, settings.event_listen)];
    let addresses = addresses.into_iter().filter_map(|(name, address)| Some((name, address?)));
    let bound = addresses.map(bind).collect::<Result<Vec<Bound>, String>>()?;
    sandbox::enter(wish, needs(&settings), &journal)?;
    let executor = Arc::new(Executor::new());
    let journal = Arc::new(journal);
    let outbound = Outbound { tls, proxies: Proxies::default(), clock: Clock::start() };
    smol::block_on(executor.run(run_on(settings, bound, outbound, journal, Arc::clone(&executor))))
}

/// The files that are read again for each connection, and the ports that are connected to.
fn needs(settings: &Settings) -> Needs {
    let Credentials { own, authorities, .. } = &settings.credentials;
    let own = own.iter().flat_map(|own| [&own.cert, &own.key]);
    let files: Vec<String> = own.chain(authorities).cloned().collect();
    let forward = settings.forward.as_ref().map(|server| server.0.port);
    Needs::of_peer(&files, forward.into_iter().chain([settings.meetup.port]))
}

async fn run_on(
    settings: Settings,
    bound: Vec<Bound>,
    outbound: Outbound,
    journal: Arc<Journal>,
    executor: Arc<Executor<'static>>,
) -> Result<u64, String> {
    let mut signals = Signals::new([Signal::Term, Signal::Int]).map_err(explain)?;
    let (handle, messages) = Handle::new();
    let (stop, stopped) = stop::stop();
    let mut listening = Vec::new();
    for bound in bound {
        listening.push(listen(bound, handle.clone(), &journal, &executor, stopped.clone())?);
    }
    let (config, message_max) = (settings.config.clone(), settings.config.message_max);
    let ask = terminal::read_lines(handle.clone(), message_max).map_err(explain)?;
    let seed = getrandom::u64().map_err(explain)?;
    let clock = outbound.clock;
    let forwarder = |server| Arc::new(Forwarder::new(server, message_max, outbound));
    let forwarder = settings.forward.clone().map(forwarder);
    let driver = Driver {
        peer: peer::Peer::new(config, seed, clock.now()),
        clock,
        settings: Arc::new(settings),
        printer: Printer::start(&journal, &executor),
        journal: Arc::clone(&journal),
        executor: Arc::clone(&executor),
        handle: handle.clone(),
        forwarder,
        ask,
        link: None,
        is_paused: false,
        waiting: BTreeMap::new(),
        forwards: BTreeMap::new(),
        finished: None,
    };
    let signalled = async {
        if signals.next().await.is_some() {
            journal.note(Level::Info, "stopping", &[]);
            handle.send(Input::Stop);
            drop(stop);
        }
        // A second signal ends it at once.
        signals.next().await;
        0
    };
    let failed = driver.run(messages).or(signalled).await;
    for listening in listening {
        // All requests are answered; the last bytes may still be on their way.
        listening.or(after(LAST_BYTES_GRACE)).await;
    }
    journal.note(Level::Info, "stopped", &[]);
    Ok(failed)
}

fn explain(error: impl fmt::Display) -> String {
    error.to_string()
}

async fn after(time: Duration) {
    Timer::after(time).await;
}

fn bind((name, address): (&'static str, SocketAddr)) -> Result<Bound, String> {
    TcpListener::bind(address)
        .map(|socket| (name, socket))
        .map_err(|error| format!("--{name}-listen {address}: {error} — choose another address"))
}

fn listen(
    (name, socket): Bound,
    handle: Handle,
    journal: &Arc<Journal>,
    executor: &Arc<Executor<'static>>,
    stopped: Stop,
) -> Result<Task<()>, String> {
    let wrong = |error: std::io::Error| format!("--{name}-listen: {error}");
    let socket = Async::new(socket).map_err(wrong)?;
    // Most clients are programs on this machine and so have one address.
    let limits = Limits::default();
    let limits = Limits { connections_per_address_max: limits.connections_max, ..limits };
    let policy = Policy { limits, ..Policy::default() };
    let listener = Listener { socket, tls: None, policy };
    let address = listener.local_addr().map_err(wrong)?;
    journal.note(Level::Info, "listening", fields![listener = name, address]);
    let is_local = address.ip().is_loopback();
    let service = Arc::new(PartnerService { handle, name, is_local, journal: Arc::clone(journal) });
    Ok(task::spawn(executor, listener.run(Arc::clone(executor), service, stopped, STOP_GRACE)))
}

/// A handle to the task that owns the machine.
#[derive(Clone, Debug)]
struct Handle {
    messages: channel::Sender<Message>,
    last_request: Arc<AtomicU64>,
}

/// An input, and who waits for the response to it, if somebody does.
type Message = (Input, Option<(RequestId, Answer)>);

type Answer = channel::Sender<http::Response>;

impl Handle {
    fn new() -> (Self, channel::Receiver<Message>) {
        // Unbounded: a sender waits for an answer before it sends again, or reports on an output,
        // and the machine bounds those.
        let (messages, receiver) = channel::unbounded();
        (Self { messages, last_request: Arc::default() }, receiver)
    }

    /// Hands an input over. After the end it is dropped.
    fn send(&self, input: Input) {
        let _ = self.messages.try_send((input, None));
    }

    /// Hands over an input that is answered; `None` only at the end of the program.
    async fn ask(&self, input: impl FnOnce(RequestId) -> Input) -> Option<http::Response> {
        let (answer, answered) = channel::bounded(1);
        let id = self.last_request.fetch_add(1, Ordering::Relaxed) + 1;
        let _ = self.messages.try_send((input(id), Some((id, answer))));
        answered.recv().await.ok()
    }
}

/// The service of a local listener: every request is one for the partner, or has an event for it.
struct PartnerService {
    handle: Handle,
    /// The name of the listener.
    name: &'static str,
    /// Whether only this machine can reach it.
    is_local: bool,
    journal: Arc<Journal>,
}

impl Service for PartnerService {
    const SAYS_WHY: bool = true;

    fn admit(&self, head: &Head<'_>) -> Result<(), Reply> {
        if head.is_of_a_page() || self.is_local && !head.names_this_machine() {
            let (from, reason) = (head.peer().ip(), "a name or a page of another host");
            self.journal.stranger(self.name, Level::Warning, "rejected", fields![from, reason]);
            return Err(Reply::status(403).content("text/plain", format!("{reason}\n")));
        }
        Ok(())
    }

    async fn serve(&self, head: &Head<'_>, body: Bytes) -> Reply {
        let input = |id| match self.name {
            EVENTS => Input::Tell { id, line: event(head.path(), &body) },
            _ => Input::Request { id, request: request(head, body) },
        };
        let Some(response) = self.handle.ask(input).await else { return Reply::status(503) };
        let headers = response.headers.into_iter().map(|pair| (pair.name, pair.value)).collect();
        // All are programs of ours.
        Reply { headers, body: response.body.into(), ..Reply::status(response.status).proven() }
    }

    fn note(&self, event: listen::Event) {
        event.note(&self.journal, self.name);
    }
}

fn request(head: &Head<'_>, body: Bytes) -> http::Request {
    let target = match head.query() {
        Some(query) => format!("{}?{query}", head.path()),
        None => head.path().to_owned(),
    };
    let (method, headers) = (head.method().to_owned(), pairs(head.headers()));
    http::Request { method, target, headers, body: Vec::from(body) }
}

/// The message of an event, by a path and its JSON. What is no JSON makes none.
fn event(path: &str, body: &[u8]) -> Vec<u8> {
    let kind = serde_json::json!(format!("EVENT:{}", path.trim_start_matches('/')));
    let begin = format!(
        "{{\"messageType\":{kind},\"requiresResponse\":false,\"dataFormat\":\"application/json\",\
         \"messageBody\":"
    );
    [begin.as_bytes(), body, b"}"].concat()
}

/// Header fields as text. A value that is not UTF-8 is read as Latin-1, as HTTP once had it
/// (RFC 9110 §5.5).
fn pairs<'a>(fields: impl Iterator<Item = (&'a str, &'a [u8])>) -> Vec<Pair<'static>> {
    let text = |value: &[u8]| match str::from_utf8(value) {
        Ok(text) => text.to_owned(),
        Err(_) => value.iter().copied().map(char::from).collect(),
    };
    fields.map(|(name, value)| Pair::new(Cow::Owned(name.to_owned()), text(value))).collect()
}

/// The task that owns the machine.
struct Driver {
    peer: peer::Peer,
    clock: Clock,
    settings: Arc<Settings>,
    journal: Arc<Journal>,
    executor: Arc<Executor<'static>>,
    handle: Handle,
    forwarder: Option<Arc<Forwarder>>,
    /// Asks the terminal's thread for a line of standard input.
    ask: channel::Sender<()>,
    printer: Printer,
    link: Option<Link>,
    /// Whether the machine asked to pause reading the link.
    is_paused: bool,
    waiting: BTreeMap<RequestId, Answer>,
    forwards: BTreeMap<ForwardId, Task<()>>,
    finished: Option<u64>,
}

impl Driver {
    /// Runs to the end.
    async fn run(mut self, messages: channel::Receiver<Message>) -> u64 {
        let mut alarm = Alarm::default();
        self.read_on();
        self.step(None);
        let failed = loop {
            if let Some(failed) = self.finished {
                break failed;
            }
            let due_at = self.peer.poll_timeout();
            let message = alarm.bound(self.clock, due_at, self.next(&messages)).await.flatten();
            let input = message.map(|message| self.handle(message));
            self.step(input);
        };
        self.printer.finish().or(after(LAST_BYTES_GRACE)).await;
        failed
    }

    /// The next message, of the other tasks or of the link.
    async fn next(&self, messages: &channel::Receiver<Message>) -> Option<Message> {
        let from_tasks = async { messages.recv().await.ok() };
        let incoming = self.link.as_ref().filter(|_| !self.is_paused).map(|link| &link.incoming);
        let from_link = async {
            match incoming {
                Some(incoming) => match incoming.recv().await {
                    Ok(input) => Some((input, None)),
                    Err(_) => std::future::pending().await,
                },
                None => std::future::pending().await,
            }
        };
        // Neither side may starve the other.
        from_tasks.race(from_link).await
    }

    /// The machine's input in a message.
    fn handle(&mut self, (input, answer): Message) -> Input {
        self.waiting.extend(answer);
        if let Input::Forwarded { id, .. } = &input {
            self.forwards.remove(id);
        }
        input
    }

    fn step(&mut self, input: Option<Input>) {
        let now = self.clock.now();
        machine::step(self, |driver| &mut driver.peer, now, input, Self::execute);
    }

    fn execute(&mut self, output: Output) {
        match output {
            Output::Abandon(id) => drop(self.forwards.remove(&id)),
            Output::Close { link, code, reason } => {
                let frame = CloseFrame { code: code.into(), reason: reason.into() };
                self.write(link, Frame::Close(Some(frame)));
            }
            Output::Connect(id) => {
                let (settings, handle) = (Arc::clone(&self.settings), self.handle.clone());
                let link = Link::start(id, settings, handle, &self.executor);
                self.is_paused = false;
                if let Some(old) = self.link.replace(link) {
                    old.task.detach();
                }
            }
            Output::Finish { failed } => self.finished = Some(failed),
            Output::Forward { id, request } => self.forward(id, request),
            Output::Event(event) => self.note(&event),
            Output::Hangup(id) => drop(self.link.take_if(|link| link.id == id)),
            Output::Pause(_) => self.is_paused = true,
            Output::Ping(link) => self.write(link, Frame::Ping(Bytes::new())),
            Output::Print(line) => {
                if !self.printer.print(line) {
                    let reason = "standard output takes no more";
                    self.journal.client(Level::Warning, "not_printed", fields![reason]);
                }
            }
            Output::ReadOn => self.read_on(),
            Output::Respond { id, response } => {
                if let Some(answer) = self.waiting.remove(&id) {
                    // The client may have gone away.
                    let _ = answer.try_send(response);
                }
            }
            Output::Resume(_) => self.is_paused = false,
            Output::Send { link, text } => self.write(link, Frame::text(text)),
        }
    }

    /// Reports an event to the journal.
    fn note(&self, event: &Event) {
        let journal = &self.journal;
        match event {
            Event::Called(exchange) => self.exchange("request", exchange),
            Event::Connected => {
                journal.note(Level::Info, "connected", fields![proxy = self.settings.meetup.uri]);
            }
            Event::Disconnected { reason, retry_after } => {
                let values = fields![reason, retry_ms = retry_after.as_millis()];
                journal.note(Level::Warning, "disconnected", values);
            }
            Event::Forwarded(exchange) => self.exchange("forwarded", exchange),
            Event::Ignored { reason } => {
                journal.client(Level::Warning, "ignored", fields![reason]);
            }
            Event::Introduced { peer_class, peer_id } => {
                journal.note(Level::Info, "partner", fields![peer_class, peer_id]);
            }
            Event::Rejected { line, reason } => {
                journal.note(Level::Error, "not_sent", fields![line, reason]);
            }
            Event::Unanswered { id, reason } => {
                journal.note(Level::Error, "unanswered", fields![id, reason]);
            }
        }
    }

    fn exchange(&self, event: &str, exchange: &RequestReport) {
        let RequestReport { method, path, status, after, refusal } = exchange;
        let ms = after.as_millis();
        let mut values: Vec<(&str, &dyn fmt::Display)> =
            vec![("method", method), ("path", path), ("status", status), ("after_ms", &ms)];
        if let Some(reason) = refusal {
            values.push(("reason", reason));
        }
        let level = if refusal.is_some() { Level::Warning } else { Level::Info };
        self.journal.note(level, event, &values);
    }

    /// Lets the link with that id write, if it is the current one.
    fn write(&self, link: u64, outgoing: Frame) {
        if let Some(link) = self.link.as_ref().filter(|own| own.id == link) {
            // After the link's end nothing is written; the link reports its end.
            let _ = link.outgoing.try_send(outgoing);
        }
    }

    fn read_on(&self) {
        // After the end of standard input nobody reads.
        let _ = self.ask.try_send(());
    }

    fn forward(&mut self, id: ForwardId, request: http::Request) {
        let Some(forwarder) = self.forwarder.clone() else {
            let result = Err("there is no local server".to_owned());
            return self.handle.send(Input::Forwarded { id, result });
        };
        let handle = self.handle.clone();
        let task = task::spawn(&self.executor, async move {
            let result = forwarder.exchange(request).await;
            handle.send(Input::Forwarded { id, result });
        });
        self.forwards.insert(id, task);
    }
}
