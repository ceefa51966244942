//! A peer of the proxy. HTTP requests of local clients go to the partner as messages, its requests
//! go to a local server, and a lost connection to the proxy is made again.
//!
//! ```text
//!        Opened                       Stop, or all is done
//! Connecting ──────> Open ──────────────────────────────────> Closing ──> Ended
//!   ^    │            │ Closed, Broken, not alive                Closed
//!   │    └─────┬──────┘
//!   └──────── Down
//!    backoff
//! ```
//!
//! A request goes out once the partner has said hello. Before that, and while there is no
//! connection, it is answered 503, because the original proxy would close us for it. It is answered
//! 504 if no response comes in time, and 502 if the connection is lost first. A later hello is a
//! partner that has come back. It does not concern requests in flight: the proxy answers those.
//!
//! The partner's requests go to the local server, a few at a time and in order. Without such a
//! server each is answered 501.
//!
//! A line of standard input is sent when the partner is there; until then no other line is read.

use alloc::{borrow::Cow, collections::VecDeque, string::String, string::ToString};
use core::{mem, time::Duration};

use http_types::StatusCode;

pub mod input;
pub mod output;

mod link;

mod calls;
mod forwards;
mod stdin;

mod lines;
mod requests;

use self::{calls::Calls, forwards::Forwards, output::Event, output::Output, stdin::Stdin};
use self::{input::Config, input::Input, input::LinkId, link::Link, link::Open};
use super::message::{Content, Hello, Id, Message};
use super::{close_reason::CloseReason, keepalive::Due, peek::Peek, peek::peek};
use crate::base::{backoff::Backoff, machine::Machine, rand::Rand, time::Instant};

/// The wait after a lost connection.
const RETRY: Backoff = Backoff::secs(1, 30);
/// A connection that lasted this long was healthy: the next wait is the shortest again.
pub const HEALTHY_AFTER: Duration = Duration::from_secs(10);
/// How long requests in flight may take after `Stop`.
pub const STOP_GRACE: Duration = Duration::from_secs(5);
/// How long the proxy has to answer our close frame.
pub const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// The most characters of a partner's name that are kept.
const NAME_MAX: usize = 100;

// Status codes of RFC 6455 §7.4.1.
const NORMAL: u16 = 1000;
const GOING_AWAY: u16 = 1001;

/// The machine of `mistgate connect`. The seed spreads the waits between attempts to connect.
#[derive(Debug, Default)]
pub struct Peer {
    config: Config,
    rand: Rand,
    link: Link,
    last_link: LinkId,
    /// How many connections in a row were lost before they were healthy.
    failures: u32,
    calls: Calls,
    forwards: Forwards,
    stdin: Stdin,
    /// When requests in flight are given up; set by `Stop`.
    stop_by: Option<Instant>,
    outputs: VecDeque<Output>,
}

impl Peer {
    /// Bytes of messages that the system has not taken yet.
    pub const fn unsent(&self) -> usize {
        if let Link::Open(open) = &self.link { open.unsent } else { 0 }
    }

    /// How many of our requests wait for a response.
    pub fn calls(&self) -> usize {
        self.calls.open.len()
    }

    /// The partner's requests: how many the local server has, and how many wait for it.
    pub fn forwards(&self) -> (usize, usize) {
        self.forwards.len()
    }

    fn connect(&mut self, now: Instant) {
        self.last_link += 1;
        let give_up_at = now + self.config.connect_timeout;
        self.link = Link::Connecting { id: self.last_link, give_up_at };
        self.outputs.push_back(Output::Connect(self.last_link));
    }

    fn opened(&mut self, now: Instant, id: LinkId) {
        if !matches!(self.link, Link::Connecting { id: own, .. } if own == id) {
            return;
        }
        self.link = Link::Open(Open::new(id, now, self.config.pings));
        self.emit(Event::Connected);
        let hello = Hello {
            peer_class: Some(Cow::Borrowed(&self.config.peer_class)),
            peer_id: Some(Cow::Borrowed(&self.config.peer_id)),
        };
        let hello = Message::new(Id::number(0), Content::Hello(hello)).encode();
        self.send(hello);
    }

    /// Sends a message, if there is a connection.
    fn send(&mut self, text: String) {
        if let Link::Open(open) = &mut self.link {
            open.unsent += text.len();
            self.outputs.push_back(Output::Send { link: open.id, text });
        }
    }

    /// Handles the loss of the connection.
    fn lost(&mut self, now: Instant, reason: String) {
        let was_good = matches!(&self.link, Link::Open(open) if now - open.since >= HEALTHY_AFTER);
        self.give_up_all(now, "the connection to the proxy was lost");
        if self.stop_by.is_some() || matches!(self.link, Link::Closing { .. }) {
            return self.end();
        }
        self.failures = if was_good { 1 } else { self.failures.saturating_add(1) };
        let wait = RETRY.jittered(self.failures, &mut self.rand);
        self.link = Link::Down { retry_at: now + wait };
        self.emit(Event::Disconnected { reason, retry_after: wait });
    }

    fn give_up_all(&mut self, now: Instant, why: &str) {
        for (id, call) in mem::take(&mut self.calls.open) {
            self.refuse_call(now, &id, call, StatusCode::BadGateway, why);
        }
        // The proxy answers the partner's requests when we are gone.
        let begun = self.forwards.clear();
        self.outputs.extend(begun.into_iter().map(Output::Abandon));
    }

    fn received(&mut self, now: Instant, id: LinkId, payload: &[u8]) {
        let timing = self.config.pings;
        let Some(open) = self.link.open(id) else { return };
        open.keepalive.note_activity(now, timing);
        let message = match Message::parse(payload) {
            Ok(message) => message,
            Err(error) => return self.misread(now, payload, &error.to_string()),
        };
        match message.content {
            Content::Event(_) => self.print(payload),
            Content::Hello(hello) => self.introduced(&hello),
            Content::Other(kind) => {
                let kind: String = kind.chars().take(NAME_MAX).collect();
                let reason = alloc::format!("messageType {kind}: nothing to us");
                self.emit(Event::Ignored { reason });
            }
            Content::Request(request) => {
                let to = message.id.filter(|_| message.requires_response);
                self.request_received(now, to, &request);
            }
            Content::Response(response) => {
                if let Some(to) = message.in_response_to {
                    self.answered(now, &to, &response, payload);
                }
            }
        }
    }

    fn introduced(&mut self, hello: &Hello<'_>) {
        if let Link::Open(open) = &mut self.link {
            open.is_introduced = true;
        }
        let short = |name: &Option<Cow<'_, str>>| {
            name.as_deref().unwrap_or_default().chars().take(NAME_MAX).collect()
        };
        let (peer_class, peer_id) = (short(&hello.peer_class), short(&hello.peer_id));
        self.emit(Event::Introduced { peer_class, peer_id });
    }

    /// Drops a message that cannot be read. A request is answered with an error, and for a response
    /// its requester gets one.
    fn misread(&mut self, now: Instant, payload: &[u8], error: &str) {
        match peek(payload) {
            Some(Peek::Request(to)) => self.refuse_unread(&to, error),
            Some(Peek::Response(to)) => {
                if let Some(call) = self.calls.open.remove(to.as_str()) {
                    let why = alloc::format!("the response cannot be read: {error}");
                    self.refuse_call(now, to.as_str(), call, StatusCode::BadGateway, &why);
                }
            }
            None => {}
        }
        self.emit(Event::Ignored { reason: error.into() });
    }

    fn emit(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    fn print(&mut self, payload: &[u8]) {
        // A line break in JSON stands between two tokens, where a blank does too.
        let line = String::from_utf8_lossy(payload).replace(['\r', '\n'], " ");
        self.outputs.push_back(Output::Print(line));
    }

    /// Why no message can be sent at the moment.
    fn unavailable(&self) -> Option<&'static str> {
        match &self.link {
            _ if self.stop_by.is_some() => Some("mistgate connect is stopping"),
            Link::Open(open) if !open.is_introduced => {
                Some("connected to the proxy, but no partner has said hello yet")
            }
            Link::Open(open) if open.unsent > self.config.unsent_max => {
                Some("the proxy does not take what is sent")
            }
            Link::Open(_) => None,
            Link::Closing { .. } | Link::Connecting { .. } | Link::Down { .. } | Link::Ended => {
                Some("no connection to the proxy")
            }
        }
    }

    /// Does what an input or a timeout has made possible.
    fn settle(&mut self, now: Instant) {
        while let Some((id, request)) = self.forwards.start(&self.config) {
            self.outputs.push_back(Output::Forward { id, request });
        }
        self.settle_stdin(now);
        let timing = self.config.pings;
        if let Link::Open(open) = &mut self.link {
            let (id, is_full) = (open.id, open.unsent > self.config.unsent_max);
            if open.pause(now, is_full, timing) {
                let output = if is_full { Output::Pause(id) } else { Output::Resume(id) };
                self.outputs.push_back(output);
            }
        }
        let is_idle =
            self.calls.open.is_empty() && self.forwards.len() == (0, 0) && self.unsent() == 0;
        let is_done = self.config.ends_with_input && self.stdin.is_over();
        match self.stop_by {
            Some(at) if is_idle || at <= now => {
                self.give_up_all(now, "mistgate connect has stopped");
                self.close(now, GOING_AWAY, "the peer is stopping");
            }
            None if is_idle && is_done => self.close(now, NORMAL, "all is said"),
            Some(_) | None => {}
        }
    }

    /// Ends for good, with a close frame if there is a connection.
    fn close(&mut self, now: Instant, code: u16, reason: &str) {
        match &self.link {
            Link::Open(Open { id, .. }) => {
                let id = *id;
                self.outputs.push_back(Output::Close { link: id, code, reason: reason.into() });
                self.link = Link::Closing { id, hang_up_at: now + CLOSE_TIMEOUT };
            }
            Link::Connecting { id, .. } => {
                self.outputs.push_back(Output::Hangup(*id));
                self.end();
            }
            Link::Down { .. } => self.end(),
            Link::Closing { .. } | Link::Ended => {}
        }
    }

    fn end(&mut self) {
        self.link = Link::Ended;
        self.outputs.push_back(Output::Finish { failed: self.stdin.failed() });
    }

    /// Drops a connection that does not work.
    fn hang_up(&mut self, now: Instant, id: LinkId, reason: String) {
        self.outputs.push_back(Output::Hangup(id));
        self.lost(now, reason);
    }

    fn run_link(&mut self, now: Instant) {
        let timing = self.config.pings;
        match &mut self.link {
            Link::Closing { id, hang_up_at } if *hang_up_at <= now => {
                let id = *id;
                self.hang_up(now, id, String::new());
            }
            Link::Connecting { id, give_up_at } if *give_up_at <= now => {
                let id = *id;
                let after = self.config.connect_timeout;
                self.hang_up(now, id, alloc::format!("no connection within {after:?}"));
            }
            Link::Down { retry_at } if *retry_at <= now => self.connect(now),
            Link::Open(open) => {
                let id = open.id;
                match open.keepalive.take_due(now, timing) {
                    Due::None => {}
                    Due::Ping => self.outputs.push_back(Output::Ping(id)),
                    Due::Close(reason) => self.hang_up(now, id, reason.to_string()),
                }
            }
            Link::Closing { .. } | Link::Connecting { .. } | Link::Down { .. } | Link::Ended => {}
        }
    }
}

impl Machine for Peer {
    type Config = Config;
    type Input = Input;
    type Output = Output;

    fn new(config: Config, seed: u64, now: Instant) -> Self {
        let mut peer = Self { config, rand: Rand::new(seed), ..Self::default() };
        peer.connect(now);
        peer
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.run_link(now);
        self.run_calls(now);
        self.run_forwards(now);
        self.settle(now);
    }

    fn handle_input(&mut self, now: Instant, input: Input) {
        let timing = self.config.pings;
        match input {
            Input::Broken { link, fault } => {
                if self.link.open(link).is_some() {
                    let reason = CloseReason::Faulty(fault);
                    let (code, reason) = (reason.code(), reason.to_string());
                    self.outputs.push_back(Output::Close { link, code, reason: reason.clone() });
                    self.lost(now, alloc::format!("the proxy's fault: {reason}"));
                }
            }
            Input::Closed { link, reason } => {
                if self.link.is(link) {
                    self.lost(now, reason);
                }
            }
            Input::Forwarded { id, result } => self.forwarded(now, id, result),
            Input::ControlFrame(link) => {
                if let Some(open) = self.link.open(link) {
                    open.keepalive.note_activity(now, timing);
                }
            }
            Input::StdinEnded => self.stdin.has_ended = true,
            Input::Opened(link) => self.opened(now, link),
            Input::Received { link, payload } => self.received(now, link, &payload),
            Input::Request { id, request } => self.request(now, id, request),
            Input::Stop => {
                self.stop_by.get_or_insert(now + STOP_GRACE);
            }
            Input::Line(line) => self.line_received(&line),
            Input::LineTooLong => self.line_too_long(),
            Input::Tell { id, line } => self.tell(id, &line),
            Input::Written { link, bytes } => {
                if let Some(open) = self.link.open(link) {
                    open.unsent = open.unsent.saturating_sub(bytes);
                    open.keepalive.note_activity(now, timing);
                }
            }
        }
        self.settle(now);
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let is_over = matches!(self.link, Link::Closing { .. } | Link::Ended);
        let stop_by = self.stop_by.filter(|_| !is_over);
        let deadlines = [
            self.link.poll_timeout(),
            self.calls.poll_timeout(),
            self.forwards.poll_timeout(),
            stop_by,
        ];
        deadlines.into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests;
