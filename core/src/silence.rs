//! What a person chose not to hear of for a while, and what else keeps an incident quiet.

use alloc::{collections::BTreeMap, string::String, vec::Vec};
use core::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{base::time::UnixTime, matcher::Matcher, matcher::Target};

/// The longest silence.
pub const SILENCE_MAX: Duration = Duration::from_secs(90 * 86_400);
/// The most silences.
const SILENCES_MAX: usize = 1_000;
/// How often it is seen whether what a silence waits for has recovered.
const MINUTE: Duration = Duration::from_secs(60);

/// A silence. It hides critical incidents too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    pub matcher: Matcher,
    pub until: Until,
    /// Who made it.
    pub by: String,
    pub comment: String,
    pub made_at: UnixTime,
}

/// When a silence ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Until {
    /// At most 90 days after it was made.
    Time(UnixTime),
    /// Once what it matched when it was made is over. Ids tell what was there: it covers none after
    /// this one.
    Recovered { last_id: u64 },
}

impl Silence {
    /// From stored bytes; `None` where they are not a silence of this version.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// For the store.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Whether it hides the incident of this id.
    pub fn covers(&self, id: u64, incident: &Target<'_>) -> bool {
        let is_of_its_time = match self.until {
            Until::Time(_) => true,
            Until::Recovered { last_id } => id <= last_id,
        };
        is_of_its_time && self.matcher.matches(incident)
    }
}

/// All silences, by the numbers that people name them by.
#[derive(Debug, Default)]
pub struct Silences {
    by_number: BTreeMap<u64, Silence>,
    last: u64,
}

impl Silences {
    /// Each by its number.
    pub const fn all(&self) -> &BTreeMap<u64, Silence> {
        &self.by_number
    }

    /// The number of the next one, which none had in this run; `None` if there are as many as there
    /// may be.
    pub fn next(&self) -> Option<u64> {
        (self.by_number.len() < SILENCES_MAX).then_some(self.last + 1)
    }

    /// Takes up one, new or left by an earlier run.
    pub fn insert(&mut self, number: u64, silence: Silence) {
        self.last = self.last.max(number);
        self.by_number.insert(number, silence);
    }

    /// Ends one. Returns whether it was there.
    pub fn remove(&mut self, number: u64) -> bool {
        self.by_number.remove(&number).is_some()
    }

    /// Ends those whose time is over, or that wait for nothing that `is_open`. Returns their
    /// numbers.
    pub fn end(&mut self, now: UnixTime, is_open: impl Fn(&Silence) -> bool) -> Vec<u64> {
        let is_over = |silence: &Silence| match silence.until {
            Until::Time(at) => at <= now,
            Until::Recovered { .. } => !is_open(silence),
        };
        let ended = self.by_number.iter().filter(|(_, silence)| is_over(silence));
        let ended: Vec<u64> = ended.map(|(number, _)| *number).collect();
        self.by_number.retain(|number, _| !ended.contains(number));
        ended
    }

    /// When `end` may have more to end.
    pub fn next_end(&self, now: UnixTime) -> Option<UnixTime> {
        let ends = self.by_number.values().map(|silence| match silence.until {
            Until::Time(at) => at,
            Until::Recovered { .. } => now.plus(MINUTE),
        });
        ends.min()
    }
}

/// What mutes an incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MutedBy {
    /// The device that it is behind, which is down.
    Device(String),
    /// The silence of this number.
    Silence(u64),
    /// The mute time of this name.
    Time(String),
}

/// The words for people.
impl fmt::Display for MutedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device(name) => write!(f, "{name} is down"),
            Self::Silence(number) => write!(f, "silence {number}"),
            Self::Time(name) => write!(f, "mute time \"{name}\""),
        }
    }
}
