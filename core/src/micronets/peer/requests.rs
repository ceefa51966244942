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

/// What is known of a request until it is answered.
#[derive(Debug)]
pub(super) struct Waiting {
    method: String,
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

    pub(super) fn method(&self) -> &str {
        &self.method
    }

    /// Its end, for the journal.
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
    /// Whoever wrote the request to standard input.
    Stdin,
}

/// One of our requests.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) requester: Requester,
    pub(super) waiting: Waiting,
}

/// Our requests.
#[derive(Debug)]
pub(super) struct Calls {
    open: BTreeMap<String, Call>,
    next_id: u64,
}

impl Calls {
    /// None yet. Ids begin with 1, because the real manager takes 0 for no id, and go on from
    /// connection to connection, so that a late response is never taken for another's.
    pub(super) const fn new() -> Self {
        Self { open: BTreeMap::new(), next_id: 1 }
    }

    /// A new id, which is a number because real peers accept nothing else.
    pub(super) fn id(&mut self) -> Id<'static> {
        loop {
            let id = Id::number(self.next_id);
            self.next_id = self.next_id.wrapping_add(1);
            if !self.open.contains_key(id.as_str()) {
                return id;
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    pub(super) fn contains(&self, id: &Id<'_>) -> bool {
        self.open.contains_key(id.as_str())
    }

    pub(super) fn insert(&mut self, id: &Id<'_>, call: Call) {
        self.open.insert(id.as_str().into(), call);
    }

    pub(super) fn remove(&mut self, id: &Id<'_>) -> Option<Call> {
        self.open.remove(id.as_str())
    }

    /// Takes those whose time is over.
    pub(super) fn take_due(&mut self, now: Instant) -> Vec<(String, Call)> {
        self.open.extract_if(.., |_, call| call.waiting.due_at <= now).collect()
    }

    pub(super) fn take_all(&mut self) -> Vec<(String, Call)> {
        core::mem::take(&mut self.open).into_iter().collect()
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.open.values().map(|call| call.waiting.due_at).min()
    }
}

/// One of the partner's requests.
#[derive(Debug)]
pub(super) struct Forward {
    /// Its `messageId`; `None` where no response is wanted.
    pub(super) to: Option<Id<'static>>,
    pub(super) waiting: Waiting,
}

/// The partner's requests.
#[derive(Debug, Default)]
pub(super) struct Forwards {
    running: BTreeMap<ForwardId, Forward>,
    waiting: VecDeque<(ForwardId, Forward, http::Request<'static>)>,
    waiting_bytes: usize,
    last_id: ForwardId,
}

impl Forwards {
    pub(super) fn is_empty(&self) -> bool {
        self.running.is_empty() && self.waiting.is_empty()
    }

    /// How many the local server has, and how many wait for it.
    pub(super) fn len(&self) -> (usize, usize) {
        (self.running.len(), self.waiting.len())
    }

    /// Queues a request; gives it back where too many wait.
    pub(super) fn push(
        &mut self,
        forward: Forward,
        request: http::Request<'static>,
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

    /// The next request that the local server has time for.
    pub(super) fn start(&mut self, config: &Config) -> Option<(ForwardId, http::Request<'static>)> {
        if self.running.len() >= config.forwards_max {
            return None;
        }
        let (id, forward, request) = self.waiting.pop_front()?;
        self.waiting_bytes -= request.body.len();
        self.running.insert(id, forward);
        Some((id, request))
    }

    pub(super) fn finish(&mut self, id: ForwardId) -> Option<Forward> {
        self.running.remove(&id)
    }

    /// Takes those whose time is over, with their names where they were begun.
    pub(super) fn take_due(&mut self, now: Instant) -> Vec<(Option<ForwardId>, Forward)> {
        let running = self.running.extract_if(.., |_, forward| forward.waiting.due_at <= now);
        let mut due: Vec<_> = running.map(|(id, forward)| (Some(id), forward)).collect();
        // They wait in the order in which they came, and each may wait as long as the others.
        while self.waiting.front().is_some_and(|(_, forward, _)| forward.waiting.due_at <= now)
            && let Some((_, forward, request)) = self.waiting.pop_front()
        {
            self.waiting_bytes -= request.body.len();
            due.push((None, forward));
        }
        due
    }

    /// Forgets all; gives those that were begun.
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
