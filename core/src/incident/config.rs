//! The rules of incidents: the section `[incidents]` of the configuration.

use alloc::{string::String, vec::Vec};
use core::time::Duration;

use crate::{base::calendar::Daily, base::calendar::Period, matcher::Matcher, notify::Severity};

/// The section `[incidents]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// How long a failure must last before it is told (default 30s). A critical one is told at
    /// once.
    pub hold: Duration,
    /// An incident that comes this often (default 3) within `flap_window` is said to come and go.
    pub flap_count: usize,
    /// How far apart those may be (default 10m).
    pub flap_window: Duration,
    /// Whether what is down behind a switch or gateway that is down is not told by itself.
    pub mute_dependents: bool,
    /// After which time an open critical incident is told again that nobody acknowledged.
    pub repeat: Option<Duration>,
    pub escalate: Option<Escalation>,
    /// When to tell each day what is open.
    pub report: Option<Daily>,
    pub mutes: Vec<Mute>,
    /// Events older than this open nothing that a newer one closed, and are told in summaries only
    /// (default 24h).
    pub max_event_age: Duration,
    /// When what nothing is heard of counts as over (7 days), where Mist cannot be asked.
    pub unheard_after: Option<Duration>,
}

/// Who is asked to help when an incident stays open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Escalation {
    /// From its first message on.
    pub after: Duration,
    /// The names of chats.
    pub to: Vec<String>,
    /// This severity or a higher one.
    pub severity: Severity,
}

/// A time that comes again, at which some incidents are not told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mute {
    pub matcher: Matcher,
    pub period: Period,
    pub critical_too: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            hold: Duration::from_secs(30),
            flap_count: 3,
            flap_window: Duration::from_secs(600),
            mute_dependents: true,
            repeat: None,
            escalate: None,
            report: None,
            mutes: Vec::new(),
            max_event_age: Duration::from_secs(24 * 3_600),
            unheard_after: None,
        }
    }
}
