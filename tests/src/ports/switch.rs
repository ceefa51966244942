//! A simulated switch: Junos' management process as a NETCONF session sees it, on virtual time.
//!
//! It has one candidate that all sessions share, a lock on it, commits that are undone unless they
//! are confirmed, and LLDP neighbours. It speaks in the styles of several releases, takes time for
//! a commit, and misbehaves as a script says. PyEZ accepts it as a real switch.

use core::{num::NonZeroU64, time::Duration};
use std::collections::{BTreeMap, VecDeque};

use mistgate_core::base::machine::Machine;
use mistgate_core::base::time::Instant;
use mistgate_core::netconf::framing::{Decoder, Framing, encode};

pub mod answer;
pub mod configuration;
pub mod fault;
pub mod serve;
pub mod xml;

mod request;

use self::{answer::Style, configuration::Configuration, fault::Fault, xml::Node};

/// The most bytes of a request.
const REQUEST_MAX: usize = 1 << 20;

/// Identifies a connection to the switch. Used once, and never 0.
pub type ConnectionId = NonZeroU64;

/// The switch's style, state and faults.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// The release that it imitates.
    pub style: Style,
    /// The running configuration.
    pub running: Configuration,
    /// The time for a commit, and for its check.
    pub commit_time: Duration,
    /// Whether an unconfirmed commit is undone at once if its session is killed; else it is undone
    /// when its time is up.
    pub undoes_when_killed: bool,
    /// By interface: whether its link is up, and its neighbour's MAC address and name.
    pub interfaces: BTreeMap<String, (bool, Option<(String, String)>)>,
    /// Faults by the number of the request, counted from 0 over all sessions.
    pub faults: BTreeMap<u64, Fault>,
}

/// What a switch is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Bytes that arrived on a connection.
    Bytes(ConnectionId, Vec<u8>),
    /// The other side has closed it, or is gone.
    Closed(ConnectionId),
    /// A connection of an authenticated user.
    Opened(ConnectionId),
}

/// What a switch does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    Bytes(ConnectionId, Vec<u8>),
    /// Closes the connection.
    Close(ConnectionId),
}

/// A commit that is undone unless it is confirmed.
#[derive(Clone, Debug)]
struct Pending {
    undo_at: Instant,
    to: Configuration,
    /// The session that committed; a person at the console has none.
    by: Option<ConnectionId>,
}

/// The newest entry of the commit history.
#[derive(Clone, Debug)]
struct Newest {
    user: &'static str,
    at: Instant,
    log: String,
    /// The minutes to confirm it, where it was to be confirmed.
    confirm: Option<u64>,
}

#[derive(Debug)]
struct Connection {
    decoder: Decoder,
    framing: Framing,
    is_greeted: bool,
    /// When its last request is done.
    free_at: Instant,
    /// The client has gone. Its earlier requests are still carried out.
    is_gone: bool,
}

/// A request that is being carried out.
#[derive(Debug)]
struct Work {
    at: Instant,
    by: ConnectionId,
    rpc: Node,
    fault: Option<Fault>,
}

/// A simulated switch, as a machine.
#[derive(Debug)]
pub struct Switch {
    config: Config,
    running: Configuration,
    /// The running configuration before the last commit.
    previous: Option<Configuration>,
    candidate: Configuration,
    lock: Option<ConnectionId>,
    /// Until when a person at the console holds the lock.
    stranger_until: Option<Instant>,
    pending: Option<Pending>,
    newest: Newest,
    /// What it warns of at each commit and its check.
    warning: Option<&'static str>,
    /// When it was started again; `None` if it has been running for a day.
    booted_at: Option<Instant>,
    /// The time, as far as it was told.
    now: Instant,
    requests: u64,
    connections: BTreeMap<ConnectionId, Connection>,
    works: Vec<Work>,
    outputs: VecDeque<Output>,
}

impl Switch {
    /// Its running configuration.
    pub const fn running(&self) -> &Configuration {
        &self.running
    }

    /// Whether a session of ours holds the lock.
    pub const fn is_locked(&self) -> bool {
        self.lock.is_some()
    }

    /// Whether there is an unconfirmed commit.
    pub const fn is_pending(&self) -> bool {
        self.pending.is_some()
    }

    /// Whether the candidate has uncommitted changes.
    pub fn is_modified(&self) -> bool {
        self.candidate != self.running
    }

    /// The number of open sessions.
    pub fn sessions(&self) -> usize {
        self.connections.len()
    }

    /// The number of requests so far.
    pub const fn requests(&self) -> u64 {
        self.requests
    }

    /// Sets an interface's link and neighbour.
    pub fn plug(&mut self, interface: &str, is_up: bool, neighbour: Option<(String, String)>) {
        self.config.interfaces.insert(interface.to_owned(), (is_up, neighbour));
    }

    /// Whether the candidate equals the configuration before the unconfirmed commit, so that a
    /// commit would undo it.
    pub fn would_undo(&self) -> bool {
        self.pending.as_ref().is_some_and(|pending| pending.to == self.candidate)
    }

    /// Warns of this at each commit from here on.
    pub const fn warn(&mut self, of: &'static str) {
        self.warning = Some(of);
    }

    /// Whether a request is being carried out.
    pub const fn is_busy(&self) -> bool {
        !self.works.is_empty()
    }

    /// Ends all faults, and sets the usual time for a commit.
    pub fn heal(&mut self) {
        self.config.faults.clear();
        self.config.commit_time = Duration::from_secs(5);
    }

    /// Whether a commit of somebody else waits to be confirmed.
    pub fn is_foreign_pending(&self) -> bool {
        self.pending.as_ref().is_some_and(|pending| pending.by.is_none())
    }

    /// Commits these lines at the console, unless the configuration is locked: for good, or until
    /// they are confirmed within these minutes. This confirms any unconfirmed commit. Whether it
    /// did.
    pub fn commit_at_console(&mut self, lines: &[&str], confirm: Option<u64>) -> bool {
        let now = self.now;
        if self.lock.is_some() || self.stranger_until.is_some() {
            return false;
        }
        let before = self.running.clone();
        for line in lines {
            self.running.load(line).expect("a line");
        }
        self.candidate = self.running.clone();
        self.pending = confirm.map(|minutes| Pending {
            undo_at: now + Duration::from_secs(60 * minutes),
            to: before.clone(),
            by: None,
        });
        self.newest = Newest { user: "ann", at: now, log: String::new(), confirm };
        self.previous = Some(before);
        true
    }

    /// Restarts with the committed configuration. An unconfirmed commit is undone by the restart if
    /// `undoes`, else when its time is up.
    pub fn reboot(&mut self, undoes: bool) {
        let now = self.now;
        self.booted_at = Some(now);
        self.works.clear();
        let sessions: Vec<_> = self.connections.keys().copied().collect();
        for id in sessions {
            self.outputs.push_back(Output::Close(id));
            self.end(id, false);
        }
        self.stranger_until = None;
        if undoes {
            self.undo(now);
        }
    }

    fn opened(&mut self, now: Instant, id: ConnectionId) {
        let framing = Framing::EndOfMessage;
        let decoder = Decoder::new(framing, REQUEST_MAX);
        let connection =
            Connection { decoder, framing, is_greeted: false, free_at: now, is_gone: false };
        self.connections.insert(id, connection);
        let hello = self.config.style.hello(id.get());
        self.outputs.push_back(Output::Bytes(id, encode(framing, &hello)));
    }

    fn received(&mut self, now: Instant, id: ConnectionId, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some(connection) = self.connections.get_mut(&id) {
            let message = match connection.decoder.decode(rest) {
                Ok(Some((message, used))) => {
                    rest = rest.split_at(used).1;
                    message
                }
                Ok(None) => return,
                Err(_) => return self.hang_up(id),
            };
            let message = String::from_utf8_lossy(&message);
            match Node::parse(&message) {
                Some(hello) if !connection.is_greeted && hello.name == "hello" => {
                    connection.is_greeted = true;
                    let knows_newer = hello.child("capabilities").is_some_and(|list| {
                        list.children.iter().any(|uri| uri.text.ends_with("netconf:base:1.1"))
                    });
                    if knows_newer && self.config.style == Style::Chunked {
                        connection.framing = Framing::Chunked;
                        connection.decoder = Decoder::new(Framing::Chunked, REQUEST_MAX);
                    }
                }
                Some(rpc) if connection.is_greeted && rpc.name == "rpc" => {
                    self.begin(now, id, rpc);
                }
                Some(_) | None => return self.hang_up(id),
            }
        }
    }

    /// Starts a request, which is done now or after some time.
    fn begin(&mut self, now: Instant, by: ConnectionId, rpc: Node) {
        let fault = self.config.faults.get(&self.requests).copied();
        self.requests += 1;
        let asked = rpc.children.first().map(|asked| asked.name.as_str());
        let mut takes = Duration::ZERO;
        if asked == Some("commit-configuration") {
            takes = self.config.commit_time;
        }
        match fault {
            Some(Fault::Slow(time)) => takes += time,
            Some(Fault::Stranger(time)) if self.lock.is_none() => {
                self.stranger_until = Some(now + time);
            }
            _ => {}
        }
        if let Some(connection) = self.connections.get_mut(&by) {
            connection.free_at = connection.free_at.max(now) + takes;
            let at = connection.free_at;
            self.works.push(Work { at, by, rpc, fault });
        }
    }

    fn finish(&mut self, now: Instant, work: Work) {
        let Work { by, rpc, fault, .. } = work;
        let is_done = fault.is_none_or(Fault::is_done);
        let style = self.config.style;
        let body = if is_done { self.execute(now, by, &rpc) } else { String::new() };
        let body = match fault {
            None | Some(Fault::Slow(_) | Fault::Stranger(_)) => body,
            Some(Fault::Refused) => style.error("out of memory", None, None),
            Some(Fault::Mixed { .. }) => {
                format!("{}{}", style.error("could not set size", None, None), style.ok())
            }
            Some(Fault::Nonsense { .. }) => "<output>\n?\n</output>\n".to_owned(),
            Some(Fault::Garbled { .. }) => "<broken <".to_owned(),
            Some(Fault::Silence { .. }) => return self.reap(by),
            Some(Fault::HangUp { .. }) => return self.hang_up(by),
        };
        self.say(by, &style.reply(&rpc, &body));
        if rpc.child("close-session").is_some() && is_done {
            self.outputs.push_back(Output::Close(by));
            self.end(by, false);
        }
        self.reap(by);
    }

    /// Ends a session whose client has gone, if its last request is done.
    fn reap(&mut self, id: ConnectionId) {
        let is_gone = self.connections.get(&id).is_some_and(|connection| connection.is_gone);
        if is_gone && !self.works.iter().any(|work| work.by == id) {
            self.end(id, true);
        }
    }

    fn say(&mut self, to: ConnectionId, document: &str) {
        if let Some(connection) = self.connections.get(&to).filter(|to| !to.is_gone) {
            let mut bytes = encode(connection.framing, document);
            // Real switches send a line end after the delimiter too.
            if connection.framing == Framing::EndOfMessage {
                bytes.push(b'\n');
            }
            self.outputs.push_back(Output::Bytes(to, bytes));
        }
    }

    fn hang_up(&mut self, id: ConnectionId) {
        self.outputs.push_back(Output::Close(id));
        self.end(id, true);
    }

    /// Ends a session. Its lock and its uncommitted changes go with it.
    fn end(&mut self, id: ConnectionId, is_killed: bool) {
        if self.connections.remove(&id).is_none() {
            return;
        }
        if self.lock == Some(id) {
            self.lock = None;
            self.candidate = self.running.clone();
        }
        let is_ours = self.pending.as_ref().is_some_and(|pending| pending.by == Some(id));
        if is_killed && is_ours && self.config.undoes_when_killed {
            self.undo(self.now);
        }
    }

    /// Undoes the unconfirmed commit.
    fn undo(&mut self, now: Instant) {
        if let Some(pending) = self.pending.take() {
            self.newest = Newest { user: "root", at: now, log: String::new(), confirm: None };
            self.previous = Some(core::mem::replace(&mut self.running, pending.to));
            self.candidate = self.running.clone();
        }
    }
}

impl Machine for Switch {
    type Config = Config;
    type Input = Input;
    type Output = Output;

    fn new(config: Config, _seed: u64, now: Instant) -> Self {
        Self {
            running: config.running.clone(),
            previous: None,
            candidate: config.running.clone(),
            lock: None,
            stranger_until: None,
            pending: None,
            newest: Newest { user: "root", at: now, log: String::new(), confirm: None },
            warning: None,
            booted_at: None,
            now,
            requests: 0,
            connections: BTreeMap::new(),
            works: Vec::new(),
            outputs: VecDeque::new(),
            config,
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.now = now;
        self.stranger_until.take_if(|until| *until <= now);
        // In order of time, as far as the order can matter.
        loop {
            let work_at = self.works.iter().map(|work| work.at).min();
            let undo_at = self.pending.as_ref().map(|pending| pending.undo_at);
            let Some(at) = [work_at, undo_at].into_iter().flatten().min().filter(|at| *at <= now)
            else {
                return;
            };
            if undo_at == Some(at) {
                self.undo(at);
            } else if let Some(nth) = self.works.iter().position(|work| work.at == at) {
                let work = self.works.remove(nth);
                self.finish(at, work);
            }
        }
    }

    fn handle_input(&mut self, now: Instant, input: Input) {
        self.now = now;
        match input {
            Input::Bytes(id, bytes) => self.received(now, id, &bytes),
            Input::Closed(id) => {
                if let Some(connection) = self.connections.get_mut(&id) {
                    connection.is_gone = true;
                }
                self.reap(id);
            }
            Input::Opened(id) => self.opened(now, id),
        }
        self.handle_timeout(now);
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let work_at = self.works.iter().map(|work| work.at).min();
        let undo_at = self.pending.as_ref().map(|pending| pending.undo_at);
        [work_at, undo_at, self.stranger_until].into_iter().flatten().min()
    }
}
