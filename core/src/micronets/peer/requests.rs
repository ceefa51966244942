//! The requests in flight, in both directions: ours by `messageId`, the partner's by a number.

use alloc::{
    collections::{BTreeMap, VecDeque},
    string::String,
    vec::Vec,
};

use super::{
    input::{Config, ForwardId, RequestId},
    output::RequestReport,
};
use crate::{
    base::time::Instant,
    micronets::{http, message::Id},
};

/// A request that waits for its response.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) method: String,
    path: String,
    since: Instant,
    due_at: Instant,
}

impl Waiting {
    pub(super) fn new(method: &str, target: &str, now: Instant, config: &Config) -> Self {
        let path = target.split('?').next().unwrap_or_default();
        Self {
            method: method.into(),
            path: path.into(),
            since: now,
            due_at: now + config.request_timeout,
        }
    }

    /// What became of it, for the journal.
    pub(super) fn over(self, now: Instant, status: u16, refusal: Option<String>) -> RequestReport {
        let Self { method, path, since, .. } = self;
        RequestReport { method, path, status, after: now - since, refusal }
    }
}

/// Who waits for a response.
#[derive(Debug)]
pub(super) enum Requester {
    /// An HTTP client.
    Http(RequestId),
    /// The writer of standard input.
    Stdin,
}

/// A request of ours to the partner.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) requester: Requester,
    pub(super) waiting: Waiting,
}

/// Our requests to the partner, by `messageId`.
#[derive(Debug)]
pub(super) struct Calls {
    pub(super) open: BTreeMap<String, Call>,
    next_id: u64,
}

impl Calls {
    /// No requests. Ids begin with 1, because the real manager takes 0 for no id, and go on from
    /// connection to connection, so that a late response never answers another request.
    pub(super) const fn new() -> Self {
        Self { open: BTreeMap::new(), next_id: 1 }
    }

    /// A new id: a number, because real peers accept nothing else.
    pub(super) fn id(&mut self) -> Id<'static> {
        loop {
            let id = Id::number(self.next_id);
            self.next_id = self.next_id.wrapping_add(1);
            if !self.open.contains_key(id.as_str()) {
                return id;
            }
        }
    }

    /// Takes the requests that are due.
    pub(super) fn take_due(&mut self, now: Instant) -> Vec<(String, Call)> {
        self.open.extract_if(.., |_, call| call.waiting.due_at <= now).collect()
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.open.values().map(|call| call.waiting.due_at).min()
    }
}

/// A request of the partner to the local server.
#[derive(Debug)]
pub(super) struct Forward {
    /// Its `messageId`; `None` if no response is wanted.
    pub(super) to: Option<Id<'static>>,
    pub(super) waiting: Waiting,
}

/// The partner's requests to the local server.
#[derive(Debug, Default)]
pub(super) struct Forwards {
    pub(super) running: BTreeMap<ForwardId, Forward>,
    waiting: VecDeque<(ForwardId, Forward, http::Request)>,
    waiting_bytes: usize,
    last_id: ForwardId,
}

impl Forwards {
    /// How many requests the local server has, and how many wait for it.
    pub(super) fn len(&self) -> (usize, usize) {
        (self.running.len(), self.waiting.len())
    }

    /// Queues a request; gives it back if too many wait.
    pub(super) fn push(
        &mut self,
        forward: Forward,
        request: http::Request,
        config: &Config,
    ) -> Result<(), Forward> {
        let bytes = self.waiting_bytes + request.body.len();
        if self.waiting.len() >= config.waiting_max || bytes > config.waiting_bytes_max {
            return Err(forward);
        }
        self.last_id += 1;
        self.waiting_bytes = bytes;
        self.waiting.push_back((self.last_id, forward, request));
        Ok(())
    }

    /// Begins the next request, if the local server may have one more.
    pub(super) fn start(&mut self, config: &Config) -> Option<(ForwardId, http::Request)> {
        if self.running.len() >= config.forwards_max {
            return None;
        }
        let (id, forward, request) = self.waiting.pop_front()?;
        self.waiting_bytes -= request.body.len();
        self.running.insert(id, forward);
        Some((id, request))
    }

    /// Takes the requests that are due, with their ids if the local server has them.
    pub(super) fn take_due(&mut self, now: Instant) -> Vec<(Option<ForwardId>, Forward)> {
        let running = self.running.extract_if(.., |_, forward| forward.waiting.due_at <= now);
        let mut due: Vec<_> = running.map(|(id, forward)| (Some(id), forward)).collect();
        // All have the same time, so the first in the queue is due first.
        while self.waiting.front().is_some_and(|(_, forward, _)| forward.waiting.due_at <= now)
            && let Some((_, forward, request)) = self.waiting.pop_front()
        {
            self.waiting_bytes -= request.body.len();
            due.push((None, forward));
        }
        due
    }

    /// Forgets all requests; gives the ids of those that the local server has.
    pub(super) fn clear(&mut self) -> Vec<ForwardId> {
        self.waiting.clear();
        self.waiting_bytes = 0;
        core::mem::take(&mut self.running).into_keys().collect()
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let waiting = self.waiting.front().map(|(_, forward, _)| forward);
        self.running.values().chain(waiting).map(|forward| forward.waiting.due_at).min()
    }
}
