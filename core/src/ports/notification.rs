//! Which reports the chats get, as the texts of events.
//!
//! Every change, refusal and failure is told once: of a change that is tried again and again the
//! first failure and the end, and what one input did to several ports of a switch in one message. A
//! port that was given up and fails again as before is not told again. The journal and the audit
//! have all reports.

use alloc::{collections::BTreeMap, string::String, vec::Vec};

use super::{
    report::{Context, Facts, Report},
    text::{Room, because, text},
};
use crate::base::mac::Mac;

/// Room for what a chat can show, and a little more.
const ROOM: Room = Room(8_192);
/// The most ports in one message.
const PORTS_MAX: usize = 100;

/// What reports must have in common to be one message: kind, switch and words for why.
type Key = (&'static str, Option<Mac>, Option<String>);

/// The texts of events of topic `mistgate`, for the engine's `Report`. Called with all reports of
/// one input, in their order; `context` is that of the input.
pub fn texts(reports: &[Report], context: &Context<'_>) -> Vec<String> {
    let mut groups: Vec<Vec<Facts<'_>>> = Vec::new();
    let mut open: BTreeMap<Key, usize> = BTreeMap::new();
    let facts = reports.iter().map(|report| report.facts(context.now));
    for facts in facts.filter(|facts| !facts.is_repeated) {
        let mac = facts.switch.map(|switch| switch.mac);
        let key = facts.is_joined.then(|| (facts.kind, mac, because(facts.why)));
        let group = key.as_ref().and_then(|key| groups.get_mut(*open.get(key)?));
        if let Some(group) = group.filter(|group| group.len() < PORTS_MAX) {
            group.push(facts);
            continue;
        }
        open.extend(key.map(|key| (key, groups.len())));
        groups.push(Vec::from([facts]));
    }
    let message = |(nth, group): (usize, Vec<Facts<'_>>)| {
        let (first, others) = group.split_first()?;
        Some(text(first, others, context, nth, ROOM))
    };
    groups.into_iter().enumerate().filter_map(message).collect()
}
