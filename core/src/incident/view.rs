//! What people see of incidents.

use alloc::{format, string::String, string::ToString as _, vec::Vec};
use core::cmp::Reverse;

use super::{Incidents, entry::Entry, input::Name, record::Incident, teller::Wanted};
use crate::base::{order, time::UnixTime};
use crate::notify::{Standing, change::Key, summary::Shown, types::condition::Condition};
use crate::{notify::summary::State, silence::MutedBy};

/// The state of an incident, for people.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    pub key: Key,
    pub incident: &'a Incident,
    /// Whether something is wrong: what flaps comes back.
    pub is_open: bool,
    pub is_flapping: bool,
    /// Whether it is too young to be told.
    pub is_held: bool,
    pub muted_by: Option<&'a MutedBy>,
}

impl View<'_> {
    /// How it is, in a word.
    pub const fn state(&self) -> &'static str {
        match (self.incident.is_open, self.is_flapping) {
            (_, true) => "flapping",
            (true, false) if self.is_held => "held",
            (true, false) => "open",
            (false, false) => "over",
        }
    }

    /// What is wrong, or was: `AP-1 down`.
    pub fn sentence(&self) -> String {
        let Incident { subject, kind, is_open, .. } = self.incident;
        let condition = kind.pair.map_or(&Condition::DEVICE_DOWN, |pair| pair.condition);
        let state = match is_open {
            _ if self.is_flapping => State::Flapping,
            true => State::Open,
            false => State::Over,
        };
        format!("{subject} {}", state.words(condition, self.incident.is_unheard))
    }
}

/// What a destination knows of an incident.
#[derive(Clone, Copy, Debug)]
pub struct Knowledge<'a> {
    pub to: &'a str,
    /// How it was last told, and when; `None` before that, and again once it was told as over.
    pub told: Option<(Shown, UnixTime)>,
    /// Whether it is to be told more.
    pub is_due: bool,
}

impl Incidents {
    /// Open incidents, and those that were open in the last seven days.
    pub fn views(&self) -> impl Iterator<Item = View<'_>> {
        self.entries.iter().map(|(key, entry)| self.view(*key, entry))
    }

    fn view<'a>(&'a self, key: Key, entry: &'a Entry) -> View<'a> {
        View {
            key,
            incident: &entry.incident,
            is_open: entry.is_open(),
            is_flapping: entry.is_flapping,
            is_held: entry.wanted(self.now, &self.config.rules, false) == Wanted::Held,
            muted_by: entry.muted_by.as_ref(),
        }
    }

    /// The open incidents: the worst first, then those that changed last; what is muted comes last.
    pub fn open_views(&self) -> Vec<View<'_>> {
        let mut views: Vec<_> = self.views().filter(|view| view.is_open).collect();
        order::sort_by_key(&mut views, |View { incident, muted_by, .. }| {
            (muted_by.is_some(), Reverse((incident.severity, incident.changed_at)))
        });
        views
    }

    /// The incident of this number.
    pub fn find(&self, id: u64) -> Option<View<'_>> {
        self.views().find(|view| view.incident.id == id)
    }

    /// What each destination knows that tells of an incident.
    pub fn known(&self, key: Key) -> impl Iterator<Item = Knowledge<'_>> {
        let entry = self.entries.get(&key);
        self.tellers.iter().filter_map(move |(name, teller)| {
            let told = teller.told.get(&key).copied();
            let is_told = told.is_some() || entry?.to.iter().any(|to: &Name| to == name);
            is_told.then(|| Knowledge {
                to: name,
                told: told.and_then(|told| told.shown.zip(told.at)),
                is_due: teller.is_listed(key),
            })
        })
    }

    /// How an incident stands.
    pub fn standing(&self, key: Key) -> Option<Standing> {
        let Entry { incident, muted_by, .. } = self.entries.get(&key)?;
        let muted_by = muted_by.as_ref().map(MutedBy::to_string);
        Some(Standing { id: incident.id, is_open: incident.is_open, muted_by })
    }

    /// The number of the last incident that was opened.
    pub const fn last_id(&self) -> u64 {
        self.last_id
    }
}
