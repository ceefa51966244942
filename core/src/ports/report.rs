//! What people should know: each change, refusal and failure, with everything that a message about
//! it needs.

use alloc::{string::String, vec::Vec};
use core::{slice, time::Duration};

use super::{
    decide::Reason,
    governor::Refusal,
    name::PortName,
    names::Names,
    probe::Subject,
    switch_port::{Mode, Switch, SwitchPort},
};
use crate::base::{
    failure::Failure,
    mac::Mac,
    time::{Instant, UnixTime},
};

/// One change of one port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub port: PortName,
    pub mode: Mode,
    pub ap: Option<Mac>,
    pub reason: Reason,
    /// From the first event to now.
    pub took: Duration,
    /// The exact change, line by line.
    pub lines: Vec<String>,
}

/// Something that people should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// Too many access points went at once, or it is over.
    Breaker {
        /// Whether changes are held from now on.
        is_open: bool,
        hold: Duration,
    },
    /// An access point does not answer, and its port stays as it is.
    Kept { ap: Mac, switch_port: SwitchPort, switch: Option<Switch>, reason: Reason },
    /// This would have been done in `enforce`.
    Observed { switch: Switch, changes: Vec<Change> },
    /// There is more to watch than there is room for, and the rest is not watched.
    Overflow,
    /// A change must not happen, or not now.
    Refused { switch: Switch, change: Change, refusal: Refusal },
    /// A change failed, or may have failed, and is tried again.
    Retrying {
        switch: Switch,
        change: Change,
        failure: Failure,
        /// Whether the change may have been made.
        is_unknown: bool,
        /// Whether the port was not given up for the same reason before.
        is_news: bool,
        attempt: u32,
        after: Duration,
    },
    /// Ports have the wanted modes.
    Settled {
        switch: Switch,
        changes: Vec<Change>,
        /// The difference that it made, as the method tells it; empty where there was none, because
        /// the ports were as they should be already.
        diff: String,
        /// Whether that was read back after an unknown end.
        is_read_back: bool,
    },
    /// All changes are stopped, or may go on.
    Stopped(bool),
    /// A change failed and is not tried again until there is news of the port.
    Stuck { switch: Switch, change: Change, failure: Failure, attempt: u32 },
    /// It could not be found out what a port should be.
    Undecided {
        subject: Subject,
        /// The switch of the port, or of the port that the access point had.
        switch: Option<Switch>,
        reason: Reason,
    },
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

/// Why nothing was changed, or not yet.
#[derive(Clone, Copy, Debug, Default)]
pub enum Why<'a> {
    #[default]
    Nothing,
    Failure(&'a Failure),
    Reason(Reason),
    Refusal(&'a Refusal),
}

/// A report in one form for all kinds. The audit, the journal, the metrics and the chats say what
/// is in here, and nothing else. What a kind does not have stays at its default.
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts<'a> {
    /// The type of the event for the chats, also the name in the audit.
    pub kind: &'static str,
    pub switch: Option<&'a Switch>,
    /// The port of a report that is not about changes.
    pub switch_port: Option<SwitchPort>,
    /// The access point of a report that is not about changes.
    pub ap: Option<Mac>,
    pub changes: &'a [Change],
    /// The label in metrics for what became of the changes.
    pub result: Option<&'static str>,
    pub why: Why<'a>,
    /// Whether only news of the port leads to another attempt.
    pub is_lasting: bool,
    /// Counts from 1.
    pub attempt: Option<u32>,
    /// From now to the next attempt.
    pub after: Option<Duration>,
    /// How long no port is changed.
    pub hold: Option<Duration>,
    /// The difference that the changes made together.
    pub diff: &'a str,
    /// Whether the change was found on the switch after its answer was lost.
    pub is_read_back: bool,
    /// Whether the chats have it already, from an earlier attempt.
    pub is_repeated: bool,
    /// Whether reports of this kind that differ only in their changes are one message.
    pub is_joined: bool,
}

impl Report {
    /// What everybody says about it. `now` is the plan's clock at the time of the report.
    pub fn facts(&self, now: Instant) -> Facts<'_> {
        let of = |kind| Facts { kind, ..Facts::default() };
        match self {
            Self::Breaker { is_open: true, hold } => {
                Facts { hold: Some(*hold), ..of("PORTS_BREAKER_OPEN") }
            }
            Self::Breaker { is_open: false, .. } => of("PORTS_BREAKER_CLOSED"),
            Self::Kept { ap, switch_port, switch, reason } => Facts {
                ap: Some(*ap),
                switch_port: Some(*switch_port),
                switch: switch.as_ref(),
                why: Why::Reason(*reason),
                ..of("PORT_KEPT")
            },
            Self::Observed { switch, changes } => Facts {
                switch: Some(switch),
                changes,
                result: Some("observed"),
                ..of("PORT_OBSERVED")
            },
            Self::Overflow => of("PORTS_OVERFLOW"),
            Self::Refused { switch, change, refusal } => Facts {
                is_lasting: !refusal.is_for_now(),
                after: refusal.until().map(|until| until - now),
                ..Facts::of_change("PORT_REFUSED", switch, change, Why::Refusal(refusal))
            },
            Self::Retrying { switch, change, failure, is_unknown, is_news, attempt, after } => {
                let kind = if *is_unknown { "PORT_UNCONFIRMED" } else { "PORT_RETRYING" };
                Facts {
                    attempt: Some(*attempt),
                    after: Some(*after),
                    is_repeated: *attempt > 1 || !is_news,
                    ..Facts::of_change(kind, switch, change, Why::Failure(failure))
                }
            }
            Self::Settled { switch, changes, diff, is_read_back } => {
                let is_changed = *is_read_back || !diff.is_empty();
                Facts {
                    switch: Some(switch),
                    changes,
                    result: Some(if is_changed { "done" } else { "unchanged" }),
                    diff,
                    is_read_back: *is_read_back,
                    ..of(if is_changed { "PORT_CHANGED" } else { "PORT_UNCHANGED" })
                }
            }
            Self::Stopped(is_on) => of(if *is_on { "PORTS_STOPPED" } else { "PORTS_RESUMED" }),
            Self::Stuck { switch, change, failure, attempt } => Facts {
                result: Some("failed"),
                is_lasting: true,
                attempt: Some(*attempt),
                ..Facts::of_change("PORT_STUCK", switch, change, Why::Failure(failure))
            },
            Self::Undecided { subject, switch, reason } => {
                let (ap, switch_port) = match subject {
                    Subject::Ap(ap) => (Some(*ap), None),
                    Subject::Port(port) => (None, Some(*port)),
                };
                let (switch, why) = (switch.as_ref(), Why::Reason(*reason));
                Facts { ap, switch_port, switch, why, ..of("PORT_UNDECIDED") }
            }
        }
    }

    /// The type of the event that tells it.
    pub fn kind(&self) -> &'static str {
        self.facts(Instant::default()).kind
    }
}

impl<'a> Facts<'a> {
    /// Of a report about one change.
    fn of_change(kind: &'static str, switch: &'a Switch, change: &'a Change, why: Why<'a>) -> Self {
        let (switch, changes) = (Some(switch), slice::from_ref(change));
        Self { kind, switch, changes, why, is_joined: true, ..Self::default() }
    }
}

impl Why<'_> {
    /// The key in the audit and the journal, and the label: a rule, a failure or a reason.
    pub const fn label(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Nothing => None,
            Self::Failure(failure) => Some(("failure", failure.name())),
            Self::Reason(reason) => Some(("reason", reason.name())),
            Self::Refusal(refusal) => Some(("rule", refusal.rule())),
        }
    }
}
