//! From stored events to what is posted.

use alloc::vec::Vec;

use super::batch::Stored;
use crate::{
    event::{Event, Topic},
    ingest::topics,
    notify::{
        Notification, Severity,
        describe::describe,
        digest::digest,
        shape::{Flavour, Form, Payload, shape},
    },
};

/// The payload of one stored event, or of several as a digest. `None` where none of the texts is an
/// event, which the store's own checks rule out.
pub fn render(
    flavour: Flavour,
    dashboard_host: &str,
    events: &[(Topic<'_>, Stored<'_>)],
    best: Form,
) -> Option<Payload> {
    let notifications: Vec<Notification> = events
        .iter()
        .filter_map(|(topic, stored)| {
            let event = topics::parse_event(topic.clone(), stored.text)?;
            Some(said(&event, stored.severity, dashboard_host))
        })
        .collect();
    match notifications.as_slice() {
        [] => None,
        [one] => Some(shape(flavour, one, best)),
        many => Some(shape(flavour, &digest(many), best)),
    }
}

fn said(event: &Event<'_>, severity: Severity, dashboard_host: &str) -> Notification {
    describe(event, severity, dashboard_host)
}
