//! What people hear of the reports: the texts of events for the chats.
//!
//! Every change, refusal and failure is told, and each once: of a change that is tried again and
//! again the first failure and the end, and what one input did to several ports of a switch in one
//! message. Where a port was given up and fails again as before, nothing is new. The journal and
//! the audit have all of it.

use alloc::{collections::BTreeMap, string::String, vec::Vec};

use super::{
    account::{Context, Room, account, because},
    report::Report,
};
use crate::base::mac::Mac;

/// Room for what a chat can show, and a little more.
const ROOM: Room = Room(8_192);
/// The most ports in one message.
const PORTS_MAX: usize = 100;

/// What reports must have in common to be told together.
type Key<'a> = (&'static str, Option<Mac>, Option<String>);

/// The texts of events of topic `mistgate`, for the engine's `Report`. Called with all reports of one
/// input, in their order; `context` is that of the input.
pub fn texts(reports: &[Report], context: &Context<'_>) -> Vec<String> {
    let mut groups: Vec<Vec<&Report>> = Vec::new();
    let mut open: BTreeMap<Key<'_>, usize> = BTreeMap::new();
    for report in reports.iter().filter(|report| is_told(report)) {
        let key = key(report);
        let group = key.as_ref().and_then(|key| groups.get_mut(*open.get(key)?));
        if let Some(group) = group.filter(|group| group.len() < PORTS_MAX) {
            group.push(report);
            continue;
        }
        if let Some(key) = key {
            open.insert(key, groups.len());
        }
        groups.push(Vec::from([report]));
    }
    let groups = groups.iter().enumerate();
    groups
        .filter_map(|(nth, group)| {
            let (first, others) = group.split_first()?;
            Some(account(first, others, context, nth, ROOM))
        })
        .collect()
}

/// Whether a chat should hear of it.
const fn is_told(report: &Report) -> bool {
    !matches!(
        report,
        Report::Retrying { attempt: 2.., .. } | Report::Retrying { is_news: false, .. }
    )
}

/// Reports about one change each that have the same key differ only in the change.
fn key(report: &Report) -> Option<Key<'_>> {
    let mac = report.switch().map(|switch| switch.mac);
    match report {
        Report::Refused { .. } | Report::Retrying { .. } | Report::Stuck { .. } => {
            Some((report.kind(), mac, because(report)))
        }
        Report::Breaker { .. }
        | Report::Kept { .. }
        | Report::Observed { .. }
        | Report::Overflow
        | Report::Settled { .. }
        | Report::Stopped(_)
        | Report::Undecided { .. } => None,
    }
}
