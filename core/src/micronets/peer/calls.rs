//! Our requests to the partner, by `messageId`.

use alloc::{collections::BTreeMap, string::String, vec::Vec};

use super::{input::Config, input::RequestId, output::RequestReport};
use crate::{base::time::Instant, micronets::message::Id};

/// A request that waits for its response.
#[derive(Debug)]
pub(super) struct Waiting<T> {
    /// To whom the response goes.
    pub(super) to: T,
    pub(super) method: String,
    path: String,
    since: Instant,
    pub(super) due_at: Instant,
}

impl<T> Waiting<T> {
    pub(super) fn new(to: T, method: &str, target: &str, now: Instant, config: &Config) -> Self {
        let path = target.split('?').next().unwrap_or_default().into();
        let due_at = now + config.request_timeout;
        Self { to, method: method.into(), path, since: now, due_at }
    }

    /// What became of it, for the journal.
    pub(super) fn over(self, now: Instant, status: u16, refusal: Option<String>) -> RequestReport {
        let Self { method, path, since, .. } = self;
        RequestReport { method, path, status, after: now - since, refusal }
    }
}

/// Who waits for a response.
#[derive(Clone, Copy, Debug)]
pub(super) enum Requester {
    /// An HTTP client.
    Http(RequestId),
    /// The writer of standard input.
    Stdin,
}

/// A request of ours to the partner.
pub(super) type Call = Waiting<Requester>;

/// Our requests to the partner, by `messageId`.
#[derive(Debug, Default)]
pub(super) struct Calls {
    pub(super) open: BTreeMap<String, Call>,
    /// Ids begin with 1, because the real manager takes 0 for no id, and go on from connection to
    /// connection, so that a late response never answers another request.
    last_id: u64,
}

impl Calls {
    /// A new id: a number, because real peers accept nothing else.
    pub(super) fn id(&mut self) -> Id<'static> {
        loop {
            self.last_id = self.last_id.wrapping_add(1);
            let id = Id::number(self.last_id);
            if !self.open.contains_key(id.as_str()) {
                return id;
            }
        }
    }

    /// Takes the requests that are due.
    pub(super) fn take_due(&mut self, now: Instant) -> Vec<(String, Call)> {
        self.open.extract_if(.., |_, call| call.due_at <= now).collect()
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.open.values().map(|call| call.due_at).min()
    }
}
