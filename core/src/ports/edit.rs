//! The change of a port as every method gets it, what became of it, and what each method's
//! configuration must tell.

use alloc::{format, string::String, vec::Vec};

use super::switch_port::{Mode, Switch, SwitchMatcher};
use super::{name::PortName, template::Template};
use crate::base::{failure::Failure, mac::Mac, secret::Secret};

/// The change of one port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    pub port: PortName,
    pub mode: Mode,
    /// For mode `ap`: the access point on the port, which the change must not cut off.
    pub ap: Option<Mac>,
    /// The change, line by line, as people read it; with `junos`, what is sent.
    pub lines: Vec<String>,
    /// For mode `default`: the record of what the port had before, as the method wrote it.
    pub before: Option<String>,
    /// Whether the record says that a change of the port had no known end, so that it may be in
    /// place.
    pub is_in_doubt: bool,
    /// The lines of the other mode: those of mode `default` give the port back, should the change
    /// stay and not work. Nothing where they are not known yet.
    pub back: Vec<String>,
}

/// What became of the edits of one switch, which are made all or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// All ports have their modes. `diff` is the difference that the edits made, empty if the ports
    /// had their modes already; `before` is what they had, from methods that can tell.
    Done { diff: String, before: Vec<(PortName, String)> },
    /// All ports are as they were.
    Failed(Failure),
    /// The edits may have been made.
    Unknown(Failure),
}

/// What fails before anything is changed.
impl From<Failure> for Pushed {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// The section of a method in the configuration.
pub trait MethodConfig {
    /// What is written on a port for each mode.
    fn edits(&self) -> Edits;

    /// The private keys that the method logs in with, as PEM texts.
    fn private_keys(&self) -> Vec<&Secret> {
        Vec::new()
    }

    /// The file with the host keys of the switches.
    fn known_hosts(&self) -> Option<&str> {
        None
    }

    /// The TCP ports that the method connects to, beside those of Mist, and the keys that name
    /// them.
    fn connects_to(&self) -> Vec<(u16, &'static str)> {
        Vec::new()
    }
}

/// What is written on a port for each mode: commands, or a description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edits {
    pub ap: Template,
    /// `None`: what the port had before.
    pub default: Option<Template>,
    /// In the place of this, for the switches that they match; the first counts.
    pub others: Vec<(SwitchMatcher, Self)>,
}

impl Edits {
    /// For `observe` without a method, which writes nothing.
    pub fn unwritten() -> Self {
        let mode = |mode: Mode| Template::describing(&format!("mode {}", mode.name()));
        Self::new(mode(Mode::Ap), Some(mode(Mode::Default)))
    }

    /// The same for all switches.
    pub const fn new(ap: Template, default: Option<Template>) -> Self {
        Self { ap, default, others: Vec::new() }
    }

    /// What is written on the ports of a switch.
    pub fn of(&self, switch: &Switch) -> &Self {
        let mut others = self.others.iter();
        let other = others.find(|(matcher, _)| matcher.matches(switch));
        other.map_or(self, |(_, edits)| edits)
    }

    /// The edit of a port to a mode. `ap` is the access point on it, and `before` the record of
    /// what it had before.
    pub fn edit(
        &self,
        port: PortName,
        mode: Mode,
        ap: Option<Mac>,
        before: Option<String>,
    ) -> Edit {
        let default = match &self.default {
            Some(default) => default.render(port),
            None => before.iter().flat_map(|before| before.lines()).map(Into::into).collect(),
        };
        let (lines, back) = match mode {
            Mode::Ap => (self.ap.render(port), default),
            Mode::Default => (default, self.ap.render(port)),
        };
        let is_ap = mode == Mode::Ap;
        let (ap, before) = (ap.filter(|_| is_ap), before.filter(|_| !is_ap));
        Edit { port, mode, ap, lines, before, is_in_doubt: false, back }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn a_change_reads_as_its_method_writes_it() {
        let port = PortName::parse("ge-0/0/7").expect("a port");
        let template = |line| Template::new([line]).expect("a template");
        let commands = Edits::new(
            template("set interfaces <port> native-vlan-id 42"),
            Some(template("delete interfaces <port> native-vlan-id")),
        );
        for (edits, ap, default) in [
            (
                commands,
                "set interfaces ge-0/0/7 native-vlan-id 42",
                "delete interfaces ge-0/0/7 native-vlan-id",
            ),
            (Edits::unwritten(), "ge-0/0/7: mode ap", "ge-0/0/7: mode default"),
        ] {
            for (mode, line, back) in [(Mode::Ap, ap, default), (Mode::Default, default, ap)] {
                let edit = edits.edit(port, mode, None, None);
                assert_eq!((edit.lines, edit.back), (vec![line.into()], vec![back.into()]));
            }
        }
        let previous = Edits { default: None, ..Edits::unwritten() };
        for (before, lines) in [(None, vec![]), (Some("a\nb"), vec!["a", "b"])] {
            let edit = previous.edit(port, Mode::Default, None, before.map(Into::into));
            assert_eq!(edit.lines, lines);
        }
    }
}
