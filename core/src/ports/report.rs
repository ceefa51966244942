//! What people should know: each change, refusal and failure, and its event.

use alloc::{format, string::String, string::ToString, vec::Vec};
use core::{slice, time::Duration};

use super::switch_port::{Mode, Switch, SwitchPort};
use super::{decide::Reason, governor::Held, governor::Refusal, port::Failed, port::Retry};
use super::{name::PortName, names::Names, probe::Subject, redact::redact};
use crate::base::{mac::Mac, text::cut_bytes, time::Instant, time::UnixTime};
use crate::event::ports::{PortChange, PortEvent};

/// The most bytes of a line, and of the words for why.
const LINE_LEN_MAX: usize = 512;

/// One change of one port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub port: PortName,
    pub mode: Mode,
    pub ap: Option<Mac>,
    pub reason: Reason,
    /// From the first event to now.
    pub took: Duration,
    /// The change, line by line.
    pub lines: Vec<String>,
    /// Its number, by which a person approves or undoes it.
    pub number: Option<u64>,
}

/// What a person orders about a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// It is made, if the port is looked at anew and it is still right.
    Approve,
    /// It is not made.
    Reject,
    /// It is taken back.
    Undo,
}

impl Order {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::Approve, Self::Reject, Self::Undo];

    /// The name in paths.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::Undo => "undo",
        }
    }
}

/// Something that people should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// Too many access points were lost at once, or that is over. `hold` is how long no port is
    /// changed from now on, of the site or of all.
    Breaker { held: Held, is_open: bool, hold: Duration },
    /// The clock is not synchronised, so that nobody knows if it is the time of a freeze, and
    /// changes are only reported; or that is over.
    ClockDoubted(bool),
    /// An access point is lost, and its port stays as it is.
    Kept { ap: Mac, switch_port: SwitchPort, switch: Option<Switch>, reason: Reason },
    /// In mode `enforce` this would have been done. `diff` is empty if the ports are right already.
    Observed { switch: Switch, changes: Vec<Change>, diff: String },
    /// A person decided about a change.
    Ordered { switch: Switch, change: Change, order: Order },
    /// There are more access points and ports than can be watched. The rest is not watched.
    Overflow,
    /// Somebody has changed a port in mode `ap`: `diff` is what gives it its lines again, which is
    /// done if it `is_mended`.
    Drifted { switch: Switch, change: Change, diff: String, is_mended: bool },
    /// A change is forbidden, for now or for good.
    Refused { switch: Switch, change: Change, refusal: Refusal },
    /// A change failed, or may have.
    Failed { switch: Switch, change: Change, failed: Failed },
    /// Ports have the wanted modes. `diff` is empty if they had them already, or if the change was
    /// only read back after an unknown end.
    Settled { switch: Switch, changes: Vec<Change>, diff: String, is_read_back: bool },
    /// All changes are stopped, or may go on; and why, where mistgate decided that itself.
    Stopped { is_on: bool, because: Option<String> },
    /// It could not be found out where an access point is, or which mode a port should have.
    /// `switch` is that of the port, or of the access point's last port.
    Undecided { subject: Subject, switch: Option<Switch>, reason: Reason },
}

/// What a report does not know itself.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The id of the organisation.
    pub org_id: Option<&'a str>,
    pub names: &'a Names,
    /// The plan's clock at the time of the report.
    pub now: Instant,
    /// The wall clock at that time.
    pub at: UnixTime,
    /// The user who gave the command, for a manual change.
    pub by: Option<&'a str>,
}

impl Report {
    /// The type of its event.
    pub const fn kind(&self) -> &'static str {
        self.row().0
    }

    /// The label in metrics for what became of the changes; `None` if that is still open.
    pub const fn result(&self) -> Option<&'static str> {
        self.row().1
    }

    const fn row(&self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Breaker { is_open: true, .. } => ("PORTS_BREAKER_OPEN", None),
            Self::Breaker { is_open: false, .. } => ("PORTS_BREAKER_CLOSED", None),
            Self::ClockDoubted(true) => ("PORTS_CLOCK_DOUBTED", None),
            Self::ClockDoubted(false) => ("PORTS_CLOCK_TRUSTED", None),
            Self::Failed { failed, .. } => match failed.retry {
                Some(Retry { is_unknown: true, .. }) => ("PORT_UNCONFIRMED", None),
                Some(_) => ("PORT_RETRYING", None),
                None => ("PORT_STUCK", Some("failed")),
            },
            Self::Drifted { .. } => ("PORT_DRIFTED", None),
            Self::Kept { .. } => ("PORT_KEPT", None),
            Self::Observed { diff, .. } if diff.is_empty() => ("PORT_UNCHANGED", Some("unchanged")),
            Self::Observed { .. } => ("PORT_OBSERVED", Some("observed")),
            Self::Ordered { .. } => ("PORT_ORDERED", None),
            Self::Overflow => ("PORTS_OVERFLOW", None),
            Self::Refused { .. } => ("PORT_REFUSED", None),
            Self::Settled { is_read_back: false, diff, .. } if diff.is_empty() => {
                ("PORT_UNCHANGED", Some("unchanged"))
            }
            Self::Settled { .. } => ("PORT_CHANGED", Some("done")),
            Self::Stopped { is_on: true, .. } => ("PORTS_STOPPED", None),
            Self::Stopped { is_on: false, .. } => ("PORTS_RESUMED", None),
            Self::Undecided { .. } => ("PORT_UNDECIDED", None),
        }
    }

    /// Whether the chats got it with an earlier attempt.
    pub const fn is_repeated(&self) -> bool {
        matches!(self, Self::Failed { failed, .. }
            if failed.retry.is_some() && (failed.attempt > 1 || !failed.is_news))
    }

    /// What the audit, the journal, the metrics and the chats report. Its lines are neither cut nor
    /// redacted yet. `nth` tells it from other events of the same moment.
    pub fn event(&self, context: &Context<'_>, nth: usize) -> PortEvent {
        let Context { org_id, at, by, now, names } = *context;
        let mut event = PortEvent {
            time: at.rfc3339(),
            kind: self.kind().into(),
            id: format!("{}-{nth}", at.as_micros()),
            timestamp: at.as_micros() as f64 / 1e6,
            org_id: org_id.map(Into::into),
            by: by.map(Into::into),
            ..PortEvent::default()
        };
        match self {
            Self::Breaker { held, is_open, hold } => {
                event.hold = is_open.then(|| secs(*hold));
                event.site_id = held.as_deref().map(Into::into);
                let name = held.as_deref().and_then(|site| names.site(site));
                event.site_name = name.map(Into::into);
            }
            Self::Kept { ap, switch_port, switch, reason } => {
                set_subject(&mut event, names, switch.as_ref(), Some(*ap), Some(*switch_port));
                set_reason(&mut event, *reason);
            }
            Self::Observed { switch, changes, diff } => {
                set_changes(&mut event, names, switch, changes);
                event.diff.clone_from(diff);
            }
            Self::Drifted { switch, change, diff, is_mended } => {
                set_changes(&mut event, names, switch, slice::from_ref(change));
                let next = if *is_mended { "mistgate mends it" } else { "it is left so" };
                event.because = Some(next.into());
                event.diff.clone_from(diff);
            }
            Self::Refused { switch, change, refusal } => {
                set_changes(&mut event, names, switch, slice::from_ref(change));
                event.rule = Some(refusal.rule.into());
                event.because = Some(refusal.words.clone());
                event.lasting = !refusal.is_for_now;
                event.after = refusal.until.map(|until| secs(until - now));
            }
            Self::Failed { switch, change, failed } => {
                set_changes(&mut event, names, switch, slice::from_ref(change));
                set_failure(&mut event, failed);
            }
            Self::Settled { switch, changes, diff, is_read_back } => {
                set_changes(&mut event, names, switch, changes);
                event.diff.clone_from(diff);
                event.read_back = *is_read_back;
            }
            Self::Undecided { subject, switch, reason } => {
                let (ap, switch_port) = match subject {
                    Subject::Ap(ap) => (Some(*ap), None),
                    Subject::Port(port) => (None, Some(*port)),
                };
                set_subject(&mut event, names, switch.as_ref(), ap, switch_port);
                set_reason(&mut event, *reason);
            }
            Self::Ordered { switch, change, order } => {
                set_changes(&mut event, names, switch, slice::from_ref(change));
                event.because = Some(match order {
                    Order::Approve => "approved".into(),
                    Order::Reject => "rejected".into(),
                    Order::Undo => "to be undone".into(),
                });
            }
            Self::Stopped { because, .. } => event.because.clone_from(because),
            Self::ClockDoubted(_) | Self::Overflow => {}
        }
        event
    }
}

fn set_subject(
    event: &mut PortEvent,
    names: &Names,
    switch: Option<&Switch>,
    ap: Option<Mac>,
    switch_port: Option<SwitchPort>,
) {
    let site = switch.map(|switch| switch.site.as_str());
    let site = site.or_else(|| names.site_of(ap?)).filter(|site| !site.is_empty());
    let mac = switch.map(|switch| switch.mac).or(switch_port.map(|port| port.switch));
    let device_id = switch.map(|switch| &switch.device_id).filter(|id| !id.is_empty());
    event.site_id = site.map(Into::into);
    event.site_name = site.and_then(|site| names.site(site)).map(Into::into);
    event.switch = switch.and_then(|switch| switch.name.as_ref()).map(ToString::to_string);
    event.switch_mac = mac.filter(|mac| !mac.is_null()).map(Mac::plain);
    event.device_id = device_id.cloned();
    event.ports = switch_port.iter().map(|switch_port| switch_port.port.to_string()).collect();
    event.ap = ap.map(Mac::plain);
    event.ap_name = ap.and_then(|ap| names.ap(ap)).map(Into::into);
}

fn set_changes(event: &mut PortEvent, names: &Names, switch: &Switch, changes: &[Change]) {
    set_subject(event, names, Some(switch), None, None);
    event.ports = changes.iter().map(|change| change.port.to_string()).collect();
    let of = |change: &Change| PortChange {
        port: change.port.to_string(),
        mode: change.mode.name().into(),
        ap: change.ap.map(Mac::plain),
        ap_name: change.ap.and_then(|ap| names.ap(ap)).map(Into::into),
        reason: change.reason.name().into(),
        because: because(change.reason, switch.mac),
        took: secs(change.took),
        lines: change.lines.clone(),
        number: change.number,
    };
    event.changes = changes.iter().map(of).collect();
}

fn set_reason(event: &mut PortEvent, reason: Reason) {
    event.reason = Some(reason.name().into());
    event.because = Some(reason.to_string());
}

fn set_failure(event: &mut PortEvent, Failed { failure, attempt, retry, .. }: &Failed) {
    let words = failure.to_string();
    let words = if failure.is_quoting() { redact(&words) } else { words };
    event.failure = Some(failure.name().into());
    event.because = Some(cut_bytes(words, LINE_LEN_MAX));
    event.attempt = Some(*attempt);
    event.after = retry.map(|retry| secs(retry.after));
    event.lasting = retry.is_none();
}

/// Why a port of a switch is changed. Another port of the same switch is named without the switch.
fn because(reason: Reason, switch: Mac) -> String {
    if let Reason::Moved(from) = reason
        && from.switch == switch
    {
        format!("the AP moved here from {}", from.port)
    } else if let Reason::MovedAway(to) = reason
        && to.switch == switch
    {
        format!("the AP moved to {}", to.port)
    } else {
        reason.to_string()
    }
}

fn secs(duration: Duration) -> f64 {
    duration.as_millis() as f64 / 1e3
}

/// An event as one line of JSON: its lines of configuration cut to `room` bytes, and its difference
/// too, both without secrets.
pub(super) fn text(mut event: PortEvent, room: usize) -> String {
    let mut left = room;
    for change in &mut event.changes {
        let lines = change.lines.iter().map(String::as_str);
        change.lines = shown(lines, &mut left, &mut event.left_out);
    }
    let (mut left, mut left_out) = (room, 0);
    event.diff = shown(event.diff.lines(), &mut left, &mut left_out).join("\n");
    event.left_out += left_out;
    serde_json::to_string(&event).expect("texts, numbers and lists are JSON")
}

/// The first lines, as far as there is room, without their secrets.
fn shown<'l>(
    lines: impl Iterator<Item = &'l str>,
    left: &mut usize,
    left_out: &mut usize,
) -> Vec<String> {
    let mut shown = Vec::new();
    for line in lines {
        let line = cut_bytes(redact(line), LINE_LEN_MAX);
        if *left_out > 0 || line.len() >= *left {
            *left_out += 1;
        } else {
            // The line break takes room too.
            *left -= line.len() + 1;
            shown.push(line);
        }
    }
    shown
}
