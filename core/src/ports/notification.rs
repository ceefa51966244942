//! Which reports the chats get, as the texts of events.
//!
//! The chats get every change, refusal and failure once. If a change is tried again and again, they
//! get the first failure and the end. What one input did to several ports of a switch is one
//! message. A port that was given up and fails again as before is not reported again. The journal
//! and the audit have all reports.

use alloc::{collections::BTreeMap, string::String, vec::Vec};

use super::report::{Context, Report, text};
use crate::event::ports::PortEvent;

/// In bytes: room for what a chat can show, and a little more.
const ROOM: usize = 8_192;
/// The most ports in one message.
const PORTS_MAX: usize = 100;

/// The texts of events of topic `mistgate`. Called with all reports of one input, in their order;
/// `context` is that of the input.
pub fn texts(reports: &[Report], context: &Context<'_>) -> Vec<String> {
    let mut messages: Vec<PortEvent> = Vec::new();
    // By what refusals and failures must have in common to be one message.
    let mut open = BTreeMap::new();
    for report in reports.iter().filter(|report| !report.is_repeated()) {
        let event = report.event(context, messages.len());
        let is_joined = event.rule.is_some() || event.failure.is_some();
        let key = (event.kind.clone(), event.switch_mac.clone(), event.because.clone());
        let message = open.get(&key).and_then(|nth: &usize| messages.get_mut(*nth));
        match message.filter(|message| is_joined && message.changes.len() < PORTS_MAX) {
            Some(message) => {
                message.ports.extend(event.ports);
                message.changes.extend(event.changes);
            }
            None => {
                open.insert(key, messages.len());
                messages.push(event);
            }
        }
    }
    messages.into_iter().map(|message| text(message, ROOM)).collect()
}
