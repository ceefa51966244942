//! The names and meanings of Mist's event and alarm types, as tables: one row for each type.
//!
//! A row reads `NAME Severity "Title" "Sentence" (raises|clears) CATEGORY "part";` where everything
//! after the sentence is left out for types that have no counterpart. Names, pairs and severities
//! are data from outside (`appliance/docs/vendors/mist.md` §5); types that MWTT's configuration
//! does not list have a severity of our choice. The sentences are ours, in the small language of
//! [`sentence`].

use super::Severity;

pub mod sentence;

pub(super) mod alarms;
pub(super) mod ap;
pub(super) mod gateway;
pub(super) mod mist_edge;
pub(super) mod mistgate;
pub(super) mod ports;
pub(super) mod switch;

/// The row of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// The name as Mist writes it.
    pub name: &'static str,
    /// Also the name of the built-in channel.
    pub severity: Severity,
    /// A headline without a full stop.
    pub title: &'static str,
    /// The summary, in the language of [`sentence`].
    pub sentence: &'static str,
    /// The incident that it opens or closes.
    pub pair: Option<Pair>,
}

/// One side of a failure and its recovery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Equal for both sides.
    pub category: &'static str,
    /// The part of the device that failed: empty for the device itself; the name of a member of the
    /// event; `text:word` for what follows that word in the event's text; `site:` and a member for
    /// incidents of a site, whichever device reports them.
    pub part: &'static str,
    pub recovery: bool,
}

/// Whether a type of our own reports is about switch ports; `name` is that of its row.
pub fn is_of_ports(name: &str) -> bool {
    ports::KINDS.iter().any(|row| row.name == name)
}

/// The rows of a table, in the notation that the module describes.
macro_rules! kinds {
    ($($name:tt $severity:ident $title:literal $sentence:literal
        $($role:ident $category:ident $($part:literal)?)?;)*) => {
        &[$($crate::notify::types::Kind {
            name: stringify!($name),
            severity: $crate::notify::Severity::$severity,
            title: $title,
            sentence: $sentence,
            pair: $crate::notify::types::kinds!(@pair $($role $category $($part)?)?),
        }),*]
    };
    (@pair) => { None };
    (@pair $role:ident $category:ident) => {
        $crate::notify::types::kinds!(@pair $role $category "")
    };
    (@pair $role:ident $category:ident $part:literal) => {
        Some($crate::notify::types::Pair {
            category: stringify!($category),
            part: $part,
            recovery: $crate::notify::types::kinds!(@recovery $role),
        })
    };
    (@recovery raises) => { false };
    (@recovery clears) => { true };
}
use kinds;

#[cfg(test)]
mod tests {
    use alloc::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::event::Topic;
    use crate::notify::topics::{find, types};

    const ALL: [Topic<'static>; 3] = [Topic::Alarms, Topic::DeviceEvents, Topic::Mistgate];

    #[test]
    fn every_row_is_sound() {
        for topic in ALL {
            let mut names = BTreeSet::new();
            for row in types(&topic) {
                assert!(names.insert(row.name.to_ascii_lowercase()), "{} twice", row.name);
                assert!(!row.title.is_empty() && !row.title.ends_with('.'), "{}", row.name);
                assert!(row.title.len() <= 60, "{}: long title", row.name);
                if let Err(error) = sentence::tests::check(row.sentence) {
                    panic!("{}: {error:?}", row.name);
                }
                assert!(row.sentence.ends_with(['.', ']']), "{}", row.name);
            }
            assert!(names.len() > 1);
        }
    }

    #[test]
    fn failures_and_recoveries_come_in_pairs() {
        for topic in ALL {
            let mut categories: BTreeMap<&str, (BTreeSet<bool>, BTreeSet<&str>)> = BTreeMap::new();
            for pair in types(&topic).filter_map(|row| row.pair) {
                let (roles, parts) = categories.entry(pair.category).or_default();
                roles.insert(pair.recovery);
                parts.insert(pair.part);
            }
            for (category, (roles, parts)) in categories {
                assert_eq!(roles.len(), 2, "{category} lacks a side");
                assert_eq!(parts.len(), 1, "{category} differs in its part");
            }
        }
    }

    #[test]
    fn a_type_is_found_in_any_case_and_only_under_its_topic() {
        let row = find(&Topic::DeviceUpdowns, "ap_Disconnected").expect("a known type");
        assert_eq!((row.name, row.severity), ("AP_DISCONNECTED", Severity::Info));
        assert!(find(&Topic::Alarms, "AP_DISCONNECTED").is_none());
        assert!(find(&Topic::DeviceEvents, "device_down").is_none());
        assert!(find(&Topic::Ping, "AP_DISCONNECTED").is_none());
    }
}
