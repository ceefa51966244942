//! What the journal and the metrics report about a meetup: names of certificates and peers, but
//! nothing of what the peers send to each other.

use std::{fmt, sync::Arc};

use mistgate_core::micronets::{
    access::Identity, close_reason::CloseReason, meetup::input::ConnectionId,
};

use super::connection::{Connection, End};
use crate::base::{
    journal::{Journal, Level, fields},
    metrics::Counter,
};

use crate::base::journal::Fields;

/// Reports on one meetup.
pub(super) struct MeetupJournal {
    journal: Arc<Journal>,
    meetup: Arc<str>,
}

impl MeetupJournal {
    pub(super) const fn new(journal: Arc<Journal>, meetup: Arc<str>) -> Self {
        Self { journal, meetup }
    }

    /// The id of the meetup.
    pub(super) const fn meetup(&self) -> &Arc<str> {
        &self.meetup
    }

    /// A connection was upgraded.
    pub(super) fn connected(&self, connection: &Connection, identity: &Identity) {
        self.journal.metrics.add(Counter::Peers, &[], 1);
        let (o, cn) = (identity.organisations.join(", "), identity.common_names.join(", "));
        self.note("peer_connected", connection.id, fields![from = connection.address, o, cn]);
    }

    /// A peer said hello.
    pub(super) fn greeted(&self, id: ConnectionId, class: Option<&str>, name: Option<&str>) {
        let (class, name) = (class.unwrap_or_default(), name.unwrap_or_default());
        self.note("peer_greeted", id, fields![class, id = name]);
    }

    /// Two were introduced.
    pub(super) fn paired(&self, left: ConnectionId, right: ConnectionId) {
        self.journal.metrics.add(Counter::Pairs, &[], 1);
        self.note("peers_paired", left, fields![with = right]);
    }

    /// Two were parted.
    pub(super) fn parted(&self, left: ConnectionId, right: ConnectionId) {
        self.note("peers_parted", left, fields![from = right]);
    }

    /// We closed a connection.
    pub(super) fn closed(&self, connection: &Connection, reason: CloseReason) {
        self.over(connection, reason.name(), reason.code(), &reason);
    }

    /// A peer has closed its connection, or the connection was lost. The codes are those of RFC
    /// 6455 §7.1.5 for a close frame without a code, and for no close frame.
    pub(super) fn ended(&self, connection: &Connection, end: &End) {
        match end {
            End::Closed(code) => {
                let code = code.unwrap_or(1005);
                self.over(
                    connection,
                    "closed_by_peer",
                    code,
                    &"the peer has closed the connection",
                );
            }
            End::Lost(kind) => self.over(connection, "lost", 1006, kind),
            // The machine closes it, which `closed` reports.
            End::Broken(_) => {}
        }
    }

    /// Requests were answered in the partner's place.
    pub(super) fn answered(&self, id: ConnectionId, requests: usize, status: u16) {
        let label = status.to_string();
        self.journal.metrics.add(Counter::AnsweredForPeers, &[("status", &label)], requests);
        self.often("requests_answered", id, fields![requests, status]);
    }

    /// Messages reached nobody.
    pub(super) fn dropped(&self, id: ConnectionId, messages: usize, bytes: usize) {
        self.journal.metrics.add(Counter::PeersDropped, &[], messages);
        self.often("messages_dropped", id, fields![messages, bytes]);
    }

    /// Messages were passed on.
    pub(super) fn relayed(&self, messages: u64, bytes: u64) {
        let count = |count| usize::try_from(count).unwrap_or(usize::MAX);
        if messages > 0 {
            self.journal.metrics.add(Counter::Relayed, &[], count(messages));
            self.journal.metrics.add(Counter::RelayedBytes, &[], count(bytes));
        }
    }

    fn over(
        &self,
        connection: &Connection,
        name: &'static str,
        code: u16,
        reason: &dyn fmt::Display,
    ) {
        self.journal.metrics.add(Counter::PeersClosed, &[("reason", name)], 1);
        self.note("peer_closed", connection.id, fields![from = connection.address, code, reason]);
    }

    /// Reports what happens as often as connections come and go, which is bounded.
    fn note(&self, event: &str, id: ConnectionId, values: Fields<'_>) {
        let own = fields![meetup = self.meetup, peer = id];
        self.journal.note(Level::Info, event, &[own, values].concat());
    }

    /// Reports what a peer can cause at will; the journal bounds it.
    fn often(&self, event: &str, id: ConnectionId, values: Fields<'_>) {
        let own = fields![meetup = self.meetup, peer = id];
        self.journal.client(Level::Info, event, &[own, values].concat());
    }
}
