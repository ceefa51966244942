//! The key of an entry in a port configuration, which names its ports: `ge-0/0/8-16, ge-1/0/0-47`.
//!
//! If two keys name the same port, it is not documented which one counts. So a port that gets an
//! entry of its own is removed from the key that it is in.

use alloc::{borrow::ToOwned, format, string::String, vec::Vec};
use core::fmt;

use crate::ports::name::PortName;

/// The key of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    parts: Vec<Part>,
    separator: &'static str,
}

/// Whether a key names a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cover {
    /// It does not.
    No,
    /// It may: a part of it is written in a way that is not understood.
    Unclear,
    Yes,
}

/// Ports that follow each other, or something else.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Run(Run),
    Other(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Run {
    /// What comes before the number, such as `ge-0/0/`.
    stem: String,
    first: u16,
    last: u16,
}

impl Key {
    /// Reads a key. Every text is a key.
    pub fn parse(text: &str) -> Self {
        // The specification writes a comma, and the dashboard a blank behind it.
        let is_narrow = text.contains(',') && !text.contains(", ");
        let separator = if is_narrow { "," } else { ", " };
        Self { parts: text.split(',').map(|part| Part::parse(part.trim())).collect(), separator }
    }

    /// The key of a port alone.
    pub fn of(port: PortName) -> Self {
        Self { parts: Vec::from([Part::Run(Run::of(port))]), separator: ", " }
    }

    /// Whether it names a port.
    pub fn covers(&self, port: PortName) -> Cover {
        let port = Run::of(port);
        let covers = |part: &Part| match part {
            Part::Run(run) if run.contains(&port) => Cover::Yes,
            Part::Run(_) => Cover::No,
            Part::Other(text) => other(text, &port),
        };
        self.parts.iter().map(covers).max().unwrap_or(Cover::No)
    }

    /// Whether it names exactly one port.
    pub fn is_single(&self) -> bool {
        matches!(self.parts.as_slice(), [Part::Run(run)] if run.first == run.last)
    }

    /// The key of the other ports; `None` where there are none.
    pub fn without(&self, port: PortName) -> Option<Self> {
        let port = Run::of(port);
        let mut parts = Vec::new();
        for part in &self.parts {
            match part {
                Part::Run(run) if run.contains(&port) => {
                    parts.extend(run.without(port.first).map(Part::Run));
                }
                Part::Run(_) | Part::Other(_) => parts.push(part.clone()),
            }
        }
        (!parts.is_empty()).then_some(Self { parts, separator: self.separator })
    }

    /// The key of these ports and one more, which it does not name.
    pub fn with(&self, port: PortName) -> Self {
        let mut joined = Run::of(port);
        let mut parts = Vec::new();
        let mut at = None;
        // It closes the gap between two runs, or lengthens one.
        for part in &self.parts {
            match part {
                Part::Run(run) if run.touches(&joined) => {
                    joined.first = joined.first.min(run.first);
                    joined.last = joined.last.max(run.last);
                    at.get_or_insert(parts.len());
                }
                Part::Run(_) | Part::Other(_) => parts.push(part.clone()),
            }
        }
        parts.insert(at.unwrap_or(parts.len()), Part::Run(joined));
        Self { parts, separator: self.separator }
    }

    /// Whether it names a port next to this one.
    pub fn touches(&self, port: PortName) -> bool {
        let port = Run::of(port);
        let touches = |part: &Part| matches!(part, Part::Run(run) if run.touches(&port));
        self.parts.iter().any(touches)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, part) in self.parts.iter().enumerate() {
            if nth > 0 {
                f.write_str(self.separator)?;
            }
            match part {
                Part::Run(Run { stem, first, last }) if first == last => {
                    write!(f, "{stem}{first}")?;
                }
                Part::Run(Run { stem, first, last }) => write!(f, "{stem}{first}-{last}")?,
                Part::Other(text) => f.write_str(text)?,
            }
        }
        Ok(())
    }
}

impl Part {
    fn parse(text: &str) -> Self {
        let other = || Self::Other(text.to_owned());
        if let Ok(port) = PortName::parse(text) {
            // The unit that a name may carry is not kept, and would not be written back.
            return if format!("{port}") == text { Self::Run(Run::of(port)) } else { other() };
        }
        let run = text.rsplit_once('-').and_then(|(first, last)| {
            let mut run = PortName::parse(first).ok().map(Run::of)?;
            let name = format!("{}{last}", run.stem);
            run.last = PortName::parse(&name).ok().map(Run::of)?.last;
            // A range that is empty, or written in another way, is not one that we would write.
            let is_one = run.first < run.last;
            is_one
                .then_some(run)
                .filter(|run| format!("{}{}-{}", run.stem, run.first, run.last) == text)
        });
        run.map_or_else(other, Self::Run)
    }
}

impl Run {
    fn of(port: PortName) -> Self {
        let text = format!("{port}");
        let end = text.rfind(['/', ':']).map_or(0, |at| at + 1);
        let (stem, number) = text.split_at(end);
        let number = number.parse().expect("a port's name ends with a number of three digits");
        Self { stem: stem.to_owned(), first: number, last: number }
    }

    fn contains(&self, port: &Self) -> bool {
        self.stem == port.stem && (self.first..=self.last).contains(&port.first)
    }

    fn touches(&self, other: &Self) -> bool {
        self.stem == other.stem && (self.last + 1 == other.first || other.last + 1 == self.first)
    }

    fn without(&self, number: u16) -> impl Iterator<Item = Self> {
        let part = |first, last| Self { stem: self.stem.clone(), first, last };
        let below = (self.first < number).then(|| part(self.first, number - 1));
        let above = (number < self.last).then(|| part(number + 1, self.last));
        below.into_iter().chain(above)
    }
}

/// Whether a part that is no run of ports may name a port. `*` is for ports without an entry.
fn other(text: &str, port: &Run) -> Cover {
    let media = text.split_once('-').map(|(media, _)| media);
    let is_plain = |media: &&str| media.bytes().all(|b| b.is_ascii_lowercase());
    let is_close = match media.filter(is_plain) {
        Some(media) => port.stem.split_once('-').is_some_and(|(own, _)| own == media),
        None => text != "*" && text.contains(['*', '?', '[', '{', '(', '|', '\\']),
    };
    if is_close { Cover::Unclear } else { Cover::No }
}

#[cfg(test)]
mod tests {
    use alloc::{collections::BTreeSet, string::ToString};

    use super::*;
    use crate::base::rand::Rand;

    fn port(name: &str) -> PortName {
        PortName::parse(name).expect("a port")
    }

    #[test]
    fn a_key_is_written_as_it_was_read() {
        for text in [
            "ge-0/0/1",
            "ge-0/0/8-16,ge-1/0/0-47",
            "ge-0/0/1-4, ge-0/0/6-9",
            "et-0/0/1:0-3",
            "ae0",
            "*",
            "ge-0/0/9-8",
            "ge-0/0/08-9",
            "ge-0/0/1.0",
            "",
        ] {
            assert_eq!(Key::parse(text).to_string(), text);
        }
    }

    #[test]
    fn a_key_names_ports() {
        for (text, name, cover) in [
            ("ge-0/0/8-16,ge-1/0/0-47", "ge-0/0/8", Cover::Yes),
            ("ge-0/0/8-16, ge-1/0/0-47", "ge-1/0/47", Cover::Yes),
            ("ge-0/0/8-16,ge-1/0/0-47", "ge-0/0/7", Cover::No),
            ("ge-0/0/8-16", "mge-0/0/9", Cover::No),
            ("ge-0/0/8-16", "ge-0/1/9", Cover::No),
            ("et-0/0/1:0-3", "et-0/0/1:2", Cover::Yes),
            ("et-0/0/1", "et-0/0/1:2", Cover::No),
            ("ge-0/0/16-8", "ge-0/0/9", Cover::Unclear),
            ("ge-0/0/1.0", "ge-0/0/1", Cover::Unclear),
            ("ge-0/0/1.0,ge-0/0/1", "ge-0/0/1", Cover::Yes),
            ("[gx]e-0/0/1", "ge-0/0/1", Cover::Unclear),
            ("ge-*", "ge-0/0/1", Cover::Unclear),
            ("xe-*", "ge-0/0/1", Cover::No),
            ("*", "ge-0/0/1", Cover::No),
            ("ae0", "ge-0/0/1", Cover::No),
            ("vcp-255/1/0", "ge-0/0/1", Cover::No),
            ("irb.0", "ge-0/0/1", Cover::No),
            ("", "ge-0/0/1", Cover::No),
        ] {
            assert_eq!(Key::parse(text).covers(port(name)), cover, "{text} {name}");
        }
        assert!(Key::parse("ge-0/0/1").is_single());
        assert!(!Key::parse("ge-0/0/1-2").is_single() && !Key::parse("ge-0/0/1,ae0").is_single());
    }

    /// The ports of a small switch that a key names.
    fn named(key: &Key) -> BTreeSet<PortName> {
        let all = (0..2).flat_map(|fpc| (0..12).map(move |n| port(&format!("ge-{fpc}/0/{n}"))));
        all.filter(|port| key.covers(*port) == Cover::Yes).collect()
    }

    #[test]
    fn taking_out_and_putting_in_changes_one_port() {
        let mut rand = Rand::new(7);
        for _ in 0..300 {
            let mut text = String::from("ae0");
            for fpc in 0..2 {
                // Runs that do not overlap, as far apart as luck has it.
                let mut at = rand.up_to(4);
                while at < 12 {
                    let last = (at + rand.up_to(4)).min(11);
                    let run = if last == at { format!("{at}") } else { format!("{at}-{last}") };
                    text.push_str(&format!(",ge-{fpc}/0/{run}"));
                    at = last + 1 + rand.up_to(3);
                }
            }
            let mut key = Key::parse(&text);
            let mut expected = named(&key);
            for _ in 0..8 {
                let one = port(&format!("ge-{}/0/{}", rand.up_to(1), rand.up_to(11)));
                key = if expected.remove(&one) {
                    key.without(one).expect("the aggregate stays")
                } else {
                    expected.insert(one);
                    key.with(one)
                };
                assert_eq!(named(&key), expected, "{text} {one} {key}");
                let again = Key::parse(&key.to_string());
                assert_eq!(again, key, "what is written is read");
            }
        }
        assert_eq!(Key::parse("ge-0/0/1").without(port("ge-0/0/1")), None);
        let joined = Key::parse("ge-0/0/1-2,ae0,ge-0/0/4-5").with(port("ge-0/0/3"));
        assert_eq!(joined.to_string(), "ge-0/0/1-5,ae0");
    }
}
