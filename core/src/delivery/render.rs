//! From stored events to what is posted.

use alloc::vec::Vec;

use super::batch::Stored;
use crate::{
    event::Topic,
    ingest::topics,
    notify::{
        Notification,
        describe::describe,
        digest::digest,
        payload::payload,
        shape::{Flavour, Form, Payload},
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
            Some(describe(&event, stored.severity, dashboard_host))
        })
        .collect();
    match notifications.as_slice() {
        [] => None,
        [one] => Some(payload(flavour, one, best)),
        many => Some(payload(flavour, &digest(many), best)),
    }
}
