//! The partner's requests to the local server.

use alloc::{collections::BTreeMap, collections::VecDeque, vec::Vec};

use super::{calls::Waiting, input::Config, input::ForwardId};
use crate::{base::time::Instant, micronets::http, micronets::message::Id};

/// A request of the partner to the local server, with the `messageId` that its response must name,
/// or none if the partner wants no response.
pub(super) type Forward = Waiting<Option<Id<'static>>>;

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
        let running = self.running.extract_if(.., |_, forward| forward.due_at <= now);
        let mut due: Vec<_> = running.map(|(id, forward)| (Some(id), forward)).collect();
        // All have the same time, so the first in the queue is due first.
        while self.waiting.front().is_some_and(|(_, forward, _)| forward.due_at <= now)
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
        self.running.values().chain(waiting).map(|forward| forward.due_at).min()
    }
}
