//! The common face of the kinds: a [`Notification`] in, the body of a POST out.
//!
//! Each kind walks the same ladder: rich, then compact, then plain text, and takes the first
//! rung that keeps the vendor's limits. So a payload is never invalid, whatever a device is called.

use super::{
    console, google,
    shape::{Form, Kind, Payload},
    slack, teams,
};
use crate::notify::Notification;

/// The payload of `notification` for `kind`, at best in the form `best`.
pub fn payload(kind: Kind, notification: &Notification, best: Form) -> Payload {
    match kind {
        Kind::Console => console::shape(notification),
        Kind::Google => google::shape(notification, best),
        Kind::Slack => slack::shape(notification, best),
        Kind::Teams(format) => teams::shape(notification, format, best),
    }
}
