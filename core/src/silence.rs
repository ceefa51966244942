//! What a person chose not to hear of for a while.

use alloc::{string::String, vec::Vec};
use core::time::Duration;

use serde::{Deserialize, Serialize};

use super::record::Incident;
use crate::base::time::UnixTime;
use crate::matcher::Matcher;

/// The longest silence.
pub const SILENCE_MAX: Duration = Duration::from_secs(90 * 86_400);

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

    /// Whether it hides an incident.
    pub fn covers(&self, incident: &Incident) -> bool {
        let is_of_its_time = match self.until {
            Until::Time(_) => true,
            Until::Recovered { last_id } => incident.id <= last_id,
        };
        is_of_its_time && self.matcher.matches(&incident.target())
    }
}
