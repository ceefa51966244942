//! What a report says as one JSON object: a line of the audit, and the text of an event for chats.
//!
//! Members keep their names and meanings; more may be added. What a report does not have is left
//! out. Durations are seconds with milliseconds.
//!
//! | member | what |
//! |---|---|
//! | `time`, `timestamp` | when, for people and for programs |
//! | `type` | what happened: [`Facts::kind`] |
//! | `id` | of no other text |
//! | `org_id`, `site_id`, `site_name` | where |
//! | `switch`, `switch_mac`, `device_id` | its name, its MAC, its id in Mist |
//! | `ports` | the names of all ports |
//! | `changes` | of each `port` its `mode`, `ap`, `ap_name`, `reason`, `because`, `took`, `lines` |
//! | `ap`, `ap_name` | the access point, where it is not about changes |
//! | `by` | the user who gave the command, for a manual change |
//! | `reason`, `rule`, `failure` | the label for why nothing is changed, and `because`, its words |
//! | `lasting` | whether only news of the port lead to another attempt |
//! | `attempt`, `after` | how often it was tried, and how long until the next time |
//! | `hold` | how long no port is changed |
//! | `read_back` | the change was found on the switch after its answer was lost |
//! | `diff` | the difference that the changes made together |
//! | `left_out` | how many lines of `lines` and `diff` there was no room for |

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::time::Duration;

use serde::Serialize;

use super::{
    decide::Reason,
    names::Names,
    redact::redact,
    report::{Change, Context, Facts, Why},
    switch_port::{Switch, SwitchPort},
};
use crate::base::{mac::Mac, text::cut_bytes};

/// The most bytes of a line, and of the words for why.
const LINE_LEN_MAX: usize = 512;

/// The most bytes of all `lines`, and of `diff`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room(pub(super) usize);

#[derive(Debug, Serialize)]
struct Text<'a> {
    time: String,
    #[serde(rename = "type")]
    kind: &'static str,
    id: String,
    timestamp: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    org_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    site_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    site_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    switch: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    switch_mac: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ports: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ap: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ap_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    because: Option<String>,
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    lasting: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hold: Option<f64>,
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    read_back: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    changes: Vec<Changed<'a>>,
    #[serde(skip_serializing_if = "String::is_empty")]
    diff: String,
    #[serde(skip_serializing_if = "is_zero")]
    left_out: usize,
}

#[derive(Debug, Serialize)]
struct Changed<'a> {
    port: String,
    mode: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ap: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ap_name: Option<&'a str>,
    reason: &'static str,
    because: String,
    took: f64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    lines: Vec<String>,
}

/// The text of a report, with the changes of `others`, which differ only in those. `nth` tells it
/// from others of the same moment.
pub(super) fn text(
    first: &Facts<'_>,
    others: &[Facts<'_>],
    context: &Context<'_>,
    nth: usize,
    room: Room,
) -> String {
    let Context { org_id, names, at, by, .. } = *context;
    let Facts { switch, switch_port, ap, .. } = *first;
    let site = switch.map(|switch| switch.site.as_str());
    let site = site.or_else(|| names.site_of(ap?)).filter(|site| !site.is_empty());
    let mut lines = Budget::new(room);
    let changes = first.changes.iter().chain(others.iter().flat_map(|other| other.changes));
    let changes: Vec<_> =
        changes.map(|change| Changed::of(change, switch, names, &mut lines)).collect();
    let mut diff = Budget::new(room);
    let text = diff.take(first.diff.lines()).join("\n");
    let port = switch_port.map(|switch_port| switch_port.port.to_string());
    let mac = switch.map(|switch| switch.mac).or(switch_port.map(|port| port.switch));
    let label = |key| first.why.label().and_then(|(own, label)| (own == key).then_some(label));
    let text = Text {
        time: at.rfc3339(),
        kind: first.kind,
        id: format!("{}-{nth}", at.as_micros()),
        timestamp: at.as_micros() as f64 / 1e6,
        org_id,
        site_id: site,
        site_name: site.and_then(|site| names.site(site)),
        switch: switch.and_then(|switch| switch.name.as_ref()).map(ToString::to_string),
        switch_mac: mac.filter(|mac| !mac.is_null()).map(Mac::plain),
        device_id: switch.map(|switch| switch.device_id.as_str()).filter(|id| !id.is_empty()),
        ports: changes.iter().map(|change| change.port.clone()).chain(port).collect(),
        by,
        ap: ap.map(Mac::plain),
        ap_name: ap.and_then(|ap| names.ap(ap)),
        reason: label("reason"),
        rule: label("rule"),
        failure: label("failure"),
        because: because(first.why),
        lasting: first.is_lasting,
        attempt: first.attempt,
        after: first.after.map(secs),
        hold: first.hold.map(secs),
        read_back: first.is_read_back,
        changes,
        diff: text,
        left_out: lines.left_out + diff.left_out,
    };
    serde_json::to_string(&text).expect("texts, numbers and lists are JSON")
}

impl<'a> Changed<'a> {
    fn of(change: &Change, switch: Option<&Switch>, names: &'a Names, lines: &mut Budget) -> Self {
        let Change { port, mode, ap, reason, took, lines: all } = change;
        Self {
            port: port.to_string(),
            mode: mode.name(),
            ap: ap.map(Mac::plain),
            ap_name: ap.and_then(|ap| names.ap(ap)),
            reason: reason.name(),
            because: reason_of_change(*reason, switch),
            took: secs(*took),
            lines: lines.take(all.iter().map(String::as_str)),
        }
    }
}

/// Why a port is changed. Of another port on the same switch the name is enough.
fn reason_of_change(reason: Reason, switch: Option<&Switch>) -> String {
    let is_same =
        |switch_port: SwitchPort| switch.is_some_and(|switch| switch.mac == switch_port.switch);
    if let Reason::Moved(from) = reason
        && is_same(from)
    {
        format!("the AP moved here from {}", from.port)
    } else if let Reason::MovedAway(to) = reason
        && is_same(to)
    {
        format!("the AP moved to {}", to.port)
    } else {
        reason.to_string()
    }
}

/// Why nothing was changed, or not yet, in words. Changes have a reason each.
pub(super) fn because(why: Why<'_>) -> Option<String> {
    match why {
        Why::Nothing => None,
        Why::Failure(failure) if failure.is_quoting() => {
            Some(cut_bytes(redact(&failure.to_string()), LINE_LEN_MAX))
        }
        Why::Failure(failure) => Some(failure.to_string()),
        Why::Reason(reason) => Some(reason.to_string()),
        Why::Refusal(refusal) => Some(refusal.to_string()),
    }
}

/// The lines for which there is room, without their secrets.
#[derive(Debug)]
struct Budget {
    left: usize,
    left_out: usize,
}

impl Budget {
    const fn new(Room(left): Room) -> Self {
        Self { left, left_out: 0 }
    }

    fn take<'l>(&mut self, lines: impl Iterator<Item = &'l str>) -> Vec<String> {
        let mut taken = Vec::new();
        for line in lines {
            let line = cut_bytes(redact(line), LINE_LEN_MAX);
            if self.left_out > 0 || line.len() >= self.left {
                self.left_out += 1;
            } else {
                // Its line break takes room too.
                self.left -= line.len() + 1;
                taken.push(line);
            }
        }
        taken
    }
}

fn secs(duration: Duration) -> f64 {
    duration.as_millis() as f64 / 1e3
}

const fn is_zero(number: &usize) -> bool {
    *number == 0
}
