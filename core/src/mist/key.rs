//! Which ports an entry of a port configuration is about: `ge-0/0/8-16, ge-1/0/0-47`.
//!
//! Where two keys name the same port, it is not documented which counts. So a port that gets an
//! entry of its own is taken out of the key that it is in.

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cover {
    /// It does not.
    No,
    /// It may: a part of it is written in a way that is not understood.
    Unclear,
    /// It does.
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
    /// Reads a key. Every text is one.
    pub fn parse(text: &str) -> Self {
        let separator = if text.contains(", ") { ", " } else { "," };
        Self { parts: text.split(',').map(|part| Part::parse(part.trim())).collect(), separator }
    }

    /// The key of a port alone.
    pub fn of(port: PortName) -> Self {
        Self { parts: Vec::from([Part::Run(Run::of(port))]), separator: "," }
    }

    /// Whether it names a port.
    pub fn covers(&self, port: PortName) -> Cover {
        let port = Run::of(port);
        let covers = |part: &Part| match part {
            Part::Run(run) if run.contains(&port) => Cover::Yes,
            Part::Run(_) => Cover::No,
            Part::Other(text) => other(text, &port),
        };
        let mut covers = self.parts.iter().map(covers);
        covers
            .clone()
            .find(|cover| *cover == Cover::Yes)
            .unwrap_or_else(|| covers.find(|cover| *cover == Cover::Unclear).unwrap_or(Cover::No))
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

/// Whether a part that is no run of ports may name a port. `*` is for those that have no entry.
fn other(text: &str, port: &Run) -> Cover {
    let media = |text: &str| text.split('-').next().map(str::to_owned);
    let is_pattern = text != "*" && text.contains(['*', '?', '[', '{', '(', '|', '\\']);
    let is_close = text.contains('-') && media(text) == media(&port.stem);
    if is_pattern || is_close { Cover::Unclear } else { Cover::No }
}
