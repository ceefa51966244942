//! The common face of the flavours: a [`Notification`] in, the body of a POST out.
//!
//! Each flavour walks the same ladder: rich, then compact, then plain text, and takes the first
//! rung that keeps the vendor's limits. So a payload is never invalid, whatever a device is called.

use super::{
    console, google,
    shape::{Flavour, Form, Payload},
    slack, teams,
};
use crate::notify::Notification;

/// The payload of `notification` for `flavour`, at best in the form `best`.
pub fn payload(flavour: Flavour, notification: &Notification, best: Form) -> Payload {
    match flavour {
        Flavour::Console => console::shape(notification),
        Flavour::Google => google::shape(notification, best),
        Flavour::Slack => slack::shape(notification, best),
        Flavour::Teams(format) => teams::shape(notification, format, best),
    }
}
