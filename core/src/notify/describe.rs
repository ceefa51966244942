//! Placeholder.
use super::{Notification, Severity};
use crate::event::Event;
use alloc::{string::String, vec::Vec};
/// Placeholder.
pub fn describe(_event: &Event<'_>, severity: Severity, _dashboard_host: &str) -> Notification {
    Notification {
        severity,
        title: String::new(),
        summary: String::new(),
        facts: Vec::new(),
        links: Vec::new(),
        at: None,
        thread: None,
    }
}
