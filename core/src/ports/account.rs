//! What a report says as one JSON object: a line of the audit, and the text of an event for chats.
//!
//! Members keep their names and meanings; more may be added. What a report does not have is left
//! out. Durations are seconds with milliseconds.
//!
//! | member | what |
//! |---|---|
//! | `time`, `timestamp` | when, for people and for programs |
//! | `type` | what happened: [`Report::kind`] |
//! | `id` | of no other account |
//! | `org_id`, `site_id`, `site_name` | where |
//! | `switch`, `switch_mac`, `device_id` | its name, its MAC, its id in Mist |
//! | `ports` | the names of all ports |
//! | `changes` | of each `port` its `mode`, `ap`, `ap_name`, `reason`, `because`, `took`, `lines` |
//! | `ap`, `ap_name` | the access point, where it is not about changes |
//! | `by` | who gave the command, where somebody did it by hand |
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
    probe::Subject,
    redact::redact,
    report::{Change, Report},
    switch_port::{Switch, SwitchPort},
};
use crate::base::{
    mac::Mac,
    text::cut_bytes,
    time::{Instant, UnixTime},
};

/// The most bytes of a line, and of the words for why.
const LINE_LEN_MAX: usize = 512;

/// What a report does not know itself.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The organisation's id.
    pub org_id: Option<&'a str>,
    /// What things are called.
    pub names: &'a Names,
    /// The plan's clock when it reported.
    pub now: Instant,
    /// The wall clock at that time.
    pub at: UnixTime,
    /// Who gave the command, where somebody did it by hand.
    pub by: Option<&'a str>,
}

/// The most bytes of all `lines`, and of `diff`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room(pub(super) usize);

#[derive(Debug, Serialize)]
struct Account<'a> {
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
    #[serde(flatten)]
    why: Why,
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

#[derive(Debug, Default, Serialize)]
struct Why {
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

/// The account of a report, or of several that differ only in their changes. `nth` tells it from
/// others of the same moment.
pub(super) fn account(
    first: &Report,
    others: &[&Report],
    context: &Context<'_>,
    nth: usize,
    room: Room,
) -> String {
    let Context { org_id, names, at, by, .. } = *context;
    let switch = first.switch();
    let ap = ap(first);
    let site = switch.map(|switch| switch.site.as_str());
    let site = site.or_else(|| names.site_of(ap?)).filter(|site| !site.is_empty());
    let mut lines = Budget::new(room);
    let changes = first.changes().iter().chain(others.iter().flat_map(|other| other.changes()));
    let changes: Vec<_> =
        changes.map(|change| Changed::of(change, switch, names, &mut lines)).collect();
    let mut diff = Budget::new(room);
    let text = if let Report::Settled { diff: text, .. } = first { text.as_str() } else { "" };
    let text = diff.take(text.lines()).join("\n");
    let switch_port = switch_port(first);
    let port = switch_port.map(|switch_port| switch_port.port.to_string());
    let mac = switch.map(|switch| switch.mac).or(switch_port.map(|switch_port| switch_port.switch));
    let account = Account {
        time: at.rfc3339(),
        kind: first.kind(),
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
        why: Why::of(first, context),
        hold: if let Report::Breaker { is_open: true, hold } = first {
            Some(secs(*hold))
        } else {
            None
        },
        read_back: matches!(first, Report::Settled { is_read_back: true, .. }),
        changes,
        diff: text,
        left_out: lines.left_out + diff.left_out,
    };
    serde_json::to_string(&account).expect("texts, numbers and lists are JSON")
}

impl Why {
    fn of(report: &Report, context: &Context<'_>) -> Self {
        let why = Self { because: because(report), ..Self::default() };
        let cause = Some(report.cause());
        match report {
            Report::Kept { .. } | Report::Undecided { .. } => Self { reason: cause, ..why },
            Report::Refused { refusal, .. } => Self {
                rule: cause,
                lasting: !refusal.is_for_now(),
                after: refusal.until().map(|until| secs(until - context.now)),
                ..why
            },
            Report::Retrying { attempt, after, .. } => {
                Self { failure: cause, attempt: Some(*attempt), after: Some(secs(*after)), ..why }
            }
            Report::Stuck { attempt, .. } => {
                Self { failure: cause, lasting: true, attempt: Some(*attempt), ..why }
            }
            Report::Breaker { .. }
            | Report::Observed { .. }
            | Report::Overflow
            | Report::Settled { .. }
            | Report::Stopped(_) => why,
        }
    }
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
            because: told(*reason, switch),
            took: secs(*took),
            lines: lines.take(all.iter().map(String::as_str)),
        }
    }
}

/// Why a port is changed. Of another port on the same switch the name is enough.
fn told(reason: Reason, switch: Option<&Switch>) -> String {
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

/// Why nothing was changed, or not yet, in words; nothing for changes, of which each has a reason.
pub(super) fn because(report: &Report) -> Option<String> {
    match report {
        Report::Kept { reason, .. } | Report::Undecided { reason, .. } => Some(reason.to_string()),
        Report::Refused { refusal, .. } => Some(refusal.to_string()),
        Report::Retrying { failure, .. } | Report::Stuck { failure, .. } => {
            let words = failure.to_string();
            Some(if failure.is_quoting() { cut_bytes(redact(&words), LINE_LEN_MAX) } else { words })
        }
        Report::Breaker { .. }
        | Report::Observed { .. }
        | Report::Overflow
        | Report::Settled { .. }
        | Report::Stopped(_) => None,
    }
}

/// The access point that a report is about, if it is not about changes.
pub(super) const fn ap(report: &Report) -> Option<Mac> {
    match report {
        Report::Kept { ap, .. } | Report::Undecided { subject: Subject::Ap(ap), .. } => Some(*ap),
        Report::Breaker { .. }
        | Report::Observed { .. }
        | Report::Overflow
        | Report::Refused { .. }
        | Report::Retrying { .. }
        | Report::Settled { .. }
        | Report::Stopped(_)
        | Report::Stuck { .. }
        | Report::Undecided { subject: Subject::Port(_), .. } => None,
    }
}

/// The port that a report is about, if it is not about changes.
pub(super) const fn switch_port(report: &Report) -> Option<SwitchPort> {
    match report {
        Report::Kept { switch_port, .. }
        | Report::Undecided { subject: Subject::Port(switch_port), .. } => Some(*switch_port),
        Report::Breaker { .. }
        | Report::Observed { .. }
        | Report::Overflow
        | Report::Refused { .. }
        | Report::Retrying { .. }
        | Report::Settled { .. }
        | Report::Stopped(_)
        | Report::Stuck { .. }
        | Report::Undecided { subject: Subject::Ap(_), .. } => None,
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
