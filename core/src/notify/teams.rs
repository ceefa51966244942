//! Placeholder.
use super::{
    Notification,
    shape::{Form, Payload, TeamsFormat},
};
/// Placeholder.
pub fn shape(notification: &Notification, _format: TeamsFormat, _best: Form) -> Payload {
    Payload { body: notification.title.clone(), form: Form::Plain, query: None }
}
