//! What a method writes on a port, as people read it, and what else every method's configuration
//! says.

use alloc::{format, string::String, vec::Vec};

use super::{name::PortName, switch_port::Mode, template::Template};
use crate::base::secret::Secret;

/// The section of a method in the configuration.
pub trait MethodConfig {
    /// What is written on a port for each mode.
    fn edits(&self) -> Edits;

    /// Every secret of the section.
    fn secrets(&self) -> Vec<&Secret> {
        Vec::new()
    }

    /// The TCP port that the method connects to, beside those of Mist, and the key that names it.
    fn connects_to(&self) -> Option<(u16, &'static str)> {
        None
    }
}

/// What is written on a port for each mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edits {
    pub ap: Lines,
    pub default: Lines,
}

/// What is written for one mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lines {
    /// The exact commands.
    Commands(Template),
    /// A description, for a method that writes no lines.
    Words(String),
}

impl Edits {
    /// For `observe` without a method, which writes nothing.
    pub fn unwritten() -> Self {
        let mode = |mode: Mode| Lines::Words(format!("mode {}", mode.name()));
        Self { ap: mode(Mode::Ap), default: mode(Mode::Default) }
    }

    /// The change of one port, line by line.
    pub fn lines(&self, port: PortName, mode: Mode) -> Vec<String> {
        let lines = match mode {
            Mode::Ap => &self.ap,
            Mode::Default => &self.default,
        };
        match lines {
            Lines::Commands(template) => template.render(port),
            Lines::Words(words) => Vec::from([format!("{port}: {words}")]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_reads_as_its_method_writes_it() {
        let port = PortName::parse("ge-0/0/7").expect("a port");
        let template = |line| Lines::Commands(Template::new([line]).expect("a template"));
        let commands = Edits {
            ap: template("set interfaces <port> native-vlan-id 42"),
            default: template("delete interfaces <port> native-vlan-id"),
        };
        for (edits, ap, default) in [
            (
                commands,
                "set interfaces ge-0/0/7 native-vlan-id 42",
                "delete interfaces ge-0/0/7 native-vlan-id",
            ),
            (Edits::unwritten(), "ge-0/0/7: mode ap", "ge-0/0/7: mode default"),
        ] {
            assert_eq!(edits.lines(port, Mode::Ap), [ap]);
            assert_eq!(edits.lines(port, Mode::Default), [default]);
        }
    }
}
