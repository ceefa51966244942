//! The names and meanings of Mist's event and alarm types, as tables: one row for each type.
//!
//! A row reads `NAME Severity "Title" "Sentence" (raises|clears) CONDITION "part";` where everything
//! after the sentence is left out for types that tell of no [`condition`]. Behind `for` and some
//! classes, each a prefix and a word, a row is one type of each class: its name follows the prefix,
//! and a title in brackets follows the word.
//!
//! Names, pairs and severities are data from outside (`appliance/docs/vendors/mist.md` §5); types
//! that MWTT's configuration does not list have a severity of our choice. The sentences are ours, in
//! the small language of [`sentence`].

use self::condition::Condition;
use super::Severity;
use crate::event::Topic;

pub mod condition;
pub mod sentence;

pub(super) mod alarms;
pub(super) mod ap;
pub(super) mod gateway;
pub(super) mod mist_edge;
pub(super) mod mistgate;
pub(super) mod others;
pub(super) mod ports;
pub(super) mod shared;
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
    /// The condition that it raises or clears.
    pub pair: Option<Pair>,
}

/// The row of an event's type, if that is known.
pub(in crate::notify) type Row = Option<&'static Kind>;

/// A condition, and which side of it a type tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    pub condition: &'static Condition,
    /// What of the device it is about: empty for the device itself; `port`; `text:word` for what
    /// follows that word in the event's text or an alarm's reasons; `site:` and a member for
    /// conditions of a site, whichever device reports them; else the name of a member. A `usage`
    /// and a `finding` of Marvis say themselves whether they are over.
    pub part: &'static str,
    pub recovery: bool,
}

/// Topics and the tables of their types.
type Table = (&'static [Topic<'static>], &'static [&'static [&'static [Kind]]]);

/// The tables of the topics whose events have types. A type is found under whichever of a row's
/// topics it was sent.
static TABLES: [Table; 3] = [
    (
        &[Topic::Alarms],
        &[&shared::ALARMS, &shared::ALARMS_OF_JUNOS, &[alarms::KINDS, others::CELLULAR]],
    ),
    (
        &[Topic::DeviceEvents, Topic::DeviceUpdowns, Topic::MxedgeEvents],
        &[
            &shared::OF_ALL,
            &shared::OF_APS_AND_GATEWAYS,
            &[ap::KINDS],
            &shared::OF_MOST,
            &shared::OF_JUNOS,
            &[switch::KINDS, gateway::KINDS, mist_edge::KINDS, others::CELLULAR, others::KINDS],
        ],
    ),
    (&[Topic::Mistgate], &[&[mistgate::KINDS, ports::KINDS]]),
];

/// The rows of the known types of a topic.
pub fn types(topic: &Topic<'_>) -> impl Iterator<Item = &'static Kind> + use<> {
    TABLES.iter().find(|(topics, _)| topics.contains(topic)).into_iter().flat_map(rows)
}

fn rows((_, tables): &'static Table) -> impl Iterator<Item = &'static Kind> {
    tables.iter().copied().flatten().copied().flatten()
}

/// The row of a type, in any letter case.
pub fn find(topic: &Topic<'_>, kind: &str) -> Option<&'static Kind> {
    let (_, tables) = TABLES.iter().find(|(topics, _)| topics.contains(topic))?;
    // Each event is looked up. One loop in the other takes a fifth of what `types` does.
    let is_it = |row: &&Kind| row.name.len() == kind.len() && row.name.eq_ignore_ascii_case(kind);
    tables.iter().find_map(|tables| tables.iter().find_map(|rows| rows.iter().find(is_it)))
}

/// The rows of the known types of all topics.
pub fn all() -> impl Iterator<Item = &'static Kind> {
    TABLES.iter().flat_map(rows)
}

/// The row with exactly this name, of whatever topic: alarms are in small letters, other types in
/// capitals.
pub fn row_named(name: &str) -> Option<&'static Kind> {
    all().find(|row| row.name == name)
}

/// A row in stored bytes: by its name.
pub mod by_name {
    use alloc::string::String;

    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    use super::{Kind, row_named};

    /// Writes the row's name.
    ///
    /// # Errors
    ///
    /// The serializer's.
    pub fn serialize<S: Serializer>(kind: &Kind, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(kind.name)
    }

    /// Reads the row's name.
    ///
    /// # Errors
    ///
    /// The deserializer's; a name that is not in the tables.
    pub fn deserialize<'d, D: Deserializer<'d>>(from: D) -> Result<&'static Kind, D::Error> {
        let name = String::deserialize(from)?;
        row_named(&name).ok_or_else(|| D::Error::custom("a type that is not in the tables"))
    }
}

/// Whether a type of our own reports is about switch ports; `name` is that of its row.
pub fn is_of_ports(name: &str) -> bool {
    ports::KINDS.iter().any(|row| row.name == name)
}

/// The rows of a table, in the notation that the module describes.
macro_rules! kinds {
    (for $($prefix:literal $word:literal),+: $($row:tt)*) => {
        $crate::notify::types::kinds!(@for $($prefix $word),+: { $($row)* })
    };
    (@for $($prefix:literal $word:literal),+: $rows:tt) => {
        [$($crate::notify::types::kinds!(@each $prefix $word $rows)),+]
    };
    (@each $prefix:literal $word:literal { $($name:tt $severity:ident $title:tt $sentence:literal
        $($role:ident $condition:ident $($part:literal)?)?;)* }) => {
        &[$($crate::notify::types::Kind {
            name: concat!($prefix, stringify!($name)),
            severity: $crate::notify::Severity::$severity,
            title: $crate::notify::types::kinds!(@title $word $title),
            sentence: $sentence,
            pair: $crate::notify::types::kinds!(@pair $($role $condition $($part)?)?),
        }),*]
    };
    (@title $word:literal [$title:literal]) => { concat!($word, " ", $title) };
    (@title $word:literal $title:literal) => { $title };
    (@pair) => { None };
    (@pair $role:ident $condition:ident) => {
        $crate::notify::types::kinds!(@pair $role $condition "")
    };
    (@pair $role:ident $condition:ident $part:literal) => {
        Some($crate::notify::types::Pair {
            condition: &$crate::notify::types::condition::Condition::$condition,
            part: $part,
            recovery: $crate::notify::types::kinds!(@recovery $role),
        })
    };
    (@recovery raises) => { false };
    (@recovery clears) => { true };
    ($($row:tt)*) => { $crate::notify::types::kinds!(@each "" "" { $($row)* }) };
}
use kinds;

#[cfg(test)]
mod tests {
    use alloc::{collections::BTreeSet, vec::Vec};

    use super::*;

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
    fn every_condition_has_both_sides_and_one_part() {
        let rows: Vec<Pair> = ALL.iter().flat_map(types).filter_map(|row| row.pair).collect();
        for condition in Condition::ALL {
            let rows = rows.iter().filter(|pair| pair.condition == condition);
            let roles: BTreeSet<bool> = rows.clone().map(|pair| pair.recovery).collect();
            let parts: BTreeSet<&str> = rows.map(|pair| pair.part).collect();
            assert_eq!(parts.len(), 1, "{}: {parts:?}", condition.name);
            // Whether a finding is over is a member of the same type of alarm.
            let sides = if parts.contains("finding") { 1 } else { 2 };
            assert_eq!(roles.len(), sides, "{} lacks a side", condition.name);
        }
    }

    #[test]
    fn conditions_have_unique_names_and_words() {
        let names: BTreeSet<&str> = Condition::ALL.iter().map(|row| row.name).collect();
        assert_eq!(names.len(), Condition::ALL.len());
        assert_eq!(condition::DEVICE_DOWN, "device_down");
        for row in Condition::ALL {
            let is_plain = row.name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
            assert!(is_plain && row.name.len() <= 40, "{}", row.name);
            for words in [row.state, row.over] {
                assert!(!words.is_empty() && !words.ends_with('.') && words.len() <= 60, "{words}");
            }
            assert_ne!(row.state, row.over);
            // What is counted is what the key tells apart: the parts of a device, or devices.
            let mut rows = ALL.iter().flat_map(types).filter_map(|row| row.pair);
            let part = rows.find(|pair| pair.condition == row).map(|pair| pair.part);
            assert_eq!(
                row.noun.is_some(),
                part.is_some_and(|part| !part.is_empty()),
                "{}",
                row.name
            );
        }
    }

    #[test]
    fn a_row_is_found_by_its_exact_name_in_all_tables() {
        for row in ALL.iter().flat_map(types) {
            assert_eq!(row_named(row.name), Some(row));
        }
        assert_eq!(row_named("DEVICE_DOWN"), None);
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
