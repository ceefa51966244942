//! A map from keys of ports to what is configured for them, as `port_config` and
//! `local_port_config` of a switch are.

use alloc::{borrow::ToOwned, format, string::String, string::ToString, vec::Vec};
use core::fmt;

use super::key::{Cover, Key};
use super::object::{Object, is_same, object, quoted};
use crate::ports::name::PortName;

/// Why it is not clear which entry holds for a port.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// This key may name the port, but cannot be understood.
    #[error("it may be meant by the entry {}", quoted(.0))]
    Unclear(String),
    /// Two keys name the port.
    #[error("it is in two entries, {} and {}", quoted(.0), quoted(.1))]
    Twice(String, String),
}

/// The map. Entries that are not changed keep their text and their place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortMap(Vec<Entry>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    /// As it was written, or as we write it.
    name: String,
    key: Key,
    json: String,
}

impl Entry {
    fn new(key: Key, json: String) -> Self {
        Self { name: key.to_string(), key, json }
    }
}

impl PortMap {
    /// Reads the JSON of a map; null, or none at all, is an empty one. `None` if it is no map.
    pub fn parse(json: Option<&str>) -> Option<Self> {
        let Some(json) = json.filter(|json| *json != "null") else { return Some(Self::default()) };
        let object = Object::parse(json)?;
        let entry = |(name, json): (&str, &str)| Entry {
            name: name.to_owned(),
            key: Key::parse(name),
            json: json.to_owned(),
        };
        Some(Self(object.members().map(entry).collect()))
    }

    /// The configuration of a port, and whether it is for this port alone.
    pub fn find(&self, port: PortName) -> Result<Option<(&str, bool)>, Error> {
        let entry = self.entry(port)?.and_then(|at| self.0.get(at));
        Ok(entry.map(|entry| (entry.json.as_str(), entry.key.is_single())))
    }

    /// Configures a port, and it alone.
    pub fn set(&mut self, port: PortName, json: String) -> Result<(), Error> {
        match self.entry(port)? {
            Some(at) => match self.0.get_mut(at).filter(|entry| entry.key.is_single()) {
                Some(entry) => entry.json = json,
                None => {
                    self.take_out(at, port);
                    self.0.insert(at + 1, Entry::new(Key::of(port), json));
                }
            },
            None => self.0.push(Entry::new(Key::of(port), json)),
        }
        Ok(())
    }

    /// Leaves a port without an entry.
    pub fn remove(&mut self, port: PortName) -> Result<(), Error> {
        if let Some(at) = self.entry(port)? {
            self.take_out(at, port);
        }
        Ok(())
    }

    /// Puts a port into an entry with the same configuration, preferably one with a neighbouring
    /// port; else into an entry of its own.
    pub fn join(&mut self, port: PortName, json: String) -> Result<(), Error> {
        self.remove(port)?;
        let is_like = |entry: &Entry| is_same(&entry.json, &json);
        let beside = self.0.iter().position(|entry| entry.key.touches(port) && is_like(entry));
        let like = beside.or_else(|| self.0.iter().position(is_like));
        match like.and_then(|at| self.0.get_mut(at)) {
            Some(entry) => *entry = Entry::new(entry.key.with(port), json),
            None => self.0.push(Entry::new(Key::of(port), json)),
        }
        Ok(())
    }

    /// What became of `before`, entry by entry.
    pub fn diff(&self, before: &Self) -> Vec<String> {
        let lines = |sign: char, own: &Self, other: &Self| {
            let is_new = |entry: &&Entry| !other.0.contains(entry);
            let line = |entry: &Entry| format!("{sign} {}: {}", quoted(&entry.name), entry.json);
            own.0.iter().filter(is_new).map(line).collect::<Vec<_>>()
        };
        let mut all = lines('-', before, self);
        all.extend(lines('+', self, before));
        all
    }

    /// Takes a port out of an entry.
    fn take_out(&mut self, at: usize, port: PortName) {
        let Some(entry) = self.0.get_mut(at) else { return };
        match entry.key.without(port) {
            Some(key) => *entry = Entry::new(key, core::mem::take(&mut entry.json)),
            None => drop(self.0.remove(at)),
        }
    }

    /// Which entry is about a port.
    fn entry(&self, port: PortName) -> Result<Option<usize>, Error> {
        let mut found: Option<(usize, &Entry)> = None;
        for (at, entry) in self.0.iter().enumerate() {
            match (entry.key.covers(port), found) {
                (Cover::No, _) => {}
                (Cover::Unclear, _) => return Err(Error::Unclear(entry.name.clone())),
                (Cover::Yes, Some((_, other))) => {
                    return Err(Error::Twice(other.name.clone(), entry.name.clone()));
                }
                (Cover::Yes, None) => found = Some((at, entry)),
            }
        }
        Ok(found.map(|(at, _)| at))
    }
}

/// The JSON of the whole map.
impl fmt::Display for PortMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&object(self.0.iter().map(|entry| (&*entry.name, &*entry.json))))
    }
}
