//! Placeholder.
use super::{
    Notification,
    shape::{Form, Payload},
};
/// Placeholder.
pub fn shape(notification: &Notification) -> Payload {
    Payload { body: notification.title.clone(), form: Form::Plain, query: None }
}
