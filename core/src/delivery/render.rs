//! From stored events to the payload of a post.

use alloc::vec::Vec;

use crate::chat::shape::{Form, Payload};
use crate::notify::{Notification, merged::merged, topics::describe};
use crate::{delivery::batch::Stored, delivery::config::Destination, event::Event, event::Topic};

/// The payload of one stored event, or of several merged. `None` if none of the texts is an
/// event, which the checks of the store rule out.
pub fn render(
    to: &Destination,
    dashboard_host: &str,
    events: &[(Topic<'_>, Stored<'_>)],
    best: Form,
) -> Option<Payload> {
    let notifications: Vec<Notification> = events
        .iter()
        .filter_map(|(topic, stored)| {
            let event = Event::parse(topic.clone(), stored.text)?;
            let notification = describe(&event, stored.severity, dashboard_host);
            // An event without a time happened about when it came.
            let at = notification.at.or(Some(stored.received_at));
            // Of an alert only its incidents say whether it is open.
            let thread = notification.thread.filter(|_| !to.kind.is_grouped);
            Some(Notification { at, thread, incidents: stored.standings(), ..notification })
        })
        .collect();
    match notifications.as_slice() {
        [] => None,
        [one] => Some(to.shape(one, best)),
        many => Some(to.shape(&merged(many), best)),
    }
}
