//! The HTTP listener's service: every request is one for the partner.

use std::sync::Arc;

use mistgate_core::micronets::http;
use smol::channel;

use super::{Handle, pairs};
use crate::{
    base::journal::Journal,
    http::listen::{Bytes, Event, Head, Reply, Service},
};

/// Hands each request to the machine and waits for its answer.
pub(super) struct PartnerService {
    handle: Handle,
    journal: Arc<Journal>,
}

impl PartnerService {
    pub(super) const fn new(handle: Handle, journal: Arc<Journal>) -> Self {
        Self { handle, journal }
    }
}

impl Service for PartnerService {
    fn admit(&self, _head: &Head<'_>) -> Result<(), Reply> {
        Ok(())
    }

    async fn serve(&self, head: &Head<'_>, body: Bytes) -> Reply {
        let target = match head.query() {
            Some(query) => format!("{}?{query}", head.path()),
            None => head.path().to_owned(),
        };
        let request = http::Request {
            method: head.method().to_owned(),
            target,
            headers: pairs(head.headers()),
            body: Vec::from(body),
        };
        let (answer, answered) = channel::bounded(1);
        self.handle.ask(request, answer);
        // The machine answers every request, except at the end of the program.
        let Ok(response) = answered.recv().await else {
            return Reply::status(503);
        };
        let headers = response.headers.into_iter().map(|pair| (pair.name, pair.value)).collect();
        Reply { status: response.status, headers, body: response.body.into() }
    }

    fn note(&self, event: Event) {
        event.note(&self.journal, "http");
    }
}
