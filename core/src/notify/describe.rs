//! What an event says, in no chat's language.
//!
//! Everything from outside is plain text here, on one line and bounded; the shapers escape. What is
//! said follows the tables of [`types`](super::types); where types differ in more than words, the
//! files below know their shapes: devices, alarms, audits, and the topics without a table.

use super::{Notification, Severity, links::Dashboard};
use crate::event::{Event, Topic};

mod draft;
mod subject;
mod thread;

mod alarm;
mod audit;
mod device;
mod other;

/// Describes an event. `dashboard_host` is the host that its links lead to.
pub fn describe(event: &Event<'_>, severity: Severity, dashboard_host: &str) -> Notification {
    let dashboard = Dashboard::new(event, dashboard_host);
    let draft = match event.topic() {
        Topic::Alarms => alarm::describe(event, &dashboard),
        Topic::Audits => audit::describe(event, &dashboard),
        Topic::DeviceEvents | Topic::DeviceUpdowns | Topic::MxedgeEvents => {
            device::describe(event, &dashboard)
        }
        Topic::Mistgate => other::report(event),
        Topic::Other(_) | Topic::Ping => other::describe(event),
    };
    draft.finish(event, severity)
}
