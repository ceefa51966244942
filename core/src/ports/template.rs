//! Junos commands with a place for the port: `ports.junos.ap` and `ports.junos.default`.

use alloc::{borrow::ToOwned, string::String, string::ToString, vec::Vec};
use core::fmt;

use super::name::PortName;

/// What stands for the port.
const PORT: &str = "<port>";
/// How a line may begin: what a load in the `set` format takes and what has an undoing line.
const VERBS: [&str; 4] = ["set", "delete", "activate", "deactivate"];
/// The most lines of one template.
pub const LINES_MAX: usize = 64;
/// The most bytes of a line.
pub const LINE_LEN_MAX: usize = 512;

/// Lines of configuration that say nothing about anything but one port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<String>);

/// Why lines are not a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// No lines at all.
    Empty,
    /// A line is longer than [`LINE_LEN_MAX`].
    Long,
    /// More lines than [`LINES_MAX`].
    Many,
    /// A line has control characters, or several lines in it.
    Control,
    /// A line does not name the port, so it would change something else.
    NoPort,
    /// A line has a place for something that is not the port.
    Unknown,
    /// A line begins with none of the four words.
    Verb,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("there is no line"),
            Self::Long => write!(f, "a line has more than {LINE_LEN_MAX} bytes"),
            Self::Many => write!(f, "there are more than {LINES_MAX} lines"),
            Self::Control => f.write_str("a line holds a line break or a control character"),
            Self::NoPort => write!(f, "a line has no {PORT}, so it would change more than a port"),
            Self::Unknown => write!(f, "a line has a placeholder that is not {PORT}"),
            Self::Verb => f.write_str("a line begins with no word that changes a configuration"),
        }
    }
}

impl core::error::Error for Error {}

impl Template {
    /// Judges one line.
    pub fn check(line: &str) -> Result<(), Error> {
        let mut words = line.split(' ');
        if line.len() > LINE_LEN_MAX {
            Err(Error::Long)
        } else if line.chars().any(char::is_control) {
            Err(Error::Control)
        } else if !words.next().is_some_and(|verb| VERBS.contains(&verb)) {
            Err(Error::Verb)
        } else if line.replace(PORT, "").contains(['<', '>']) {
            Err(Error::Unknown)
        } else if words.any(|word| word == PORT || word.strip_prefix(PORT) == Some(".0")) {
            Ok(())
        } else {
            // As a part of a longer word it would not name the port.
            Err(Error::NoPort)
        }
    }

    /// Takes lines such as `set interfaces <port> native-vlan-id 42`.
    pub fn new<'a>(lines: impl IntoIterator<Item = &'a str>) -> Result<Self, Error> {
        let mut taken = Vec::new();
        for line in lines {
            Self::check(line)?;
            if taken.len() == LINES_MAX {
                return Err(Error::Many);
            }
            taken.push(line.to_owned());
        }
        if taken.is_empty() { Err(Error::Empty) } else { Ok(Self(taken)) }
    }

    /// The lines for a port.
    pub fn render(&self, port: PortName) -> Vec<String> {
        let port = port.to_string();
        self.0.iter().map(|line| line.replace(PORT, &port)).collect()
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn each_line_names_the_port_and_nothing_else_is_filled_in() {
        let template = Template::new([
            "set interfaces <port> native-vlan-id 42",
            "delete protocols dot1x authenticator interface <port>.0",
        ]);
        let port = PortName::parse("ge-0/0/7").expect("a port");
        assert_eq!(
            template.map(|template| template.render(port)),
            Ok(vec![
                "set interfaces ge-0/0/7 native-vlan-id 42".into(),
                "delete protocols dot1x authenticator interface ge-0/0/7.0".into(),
            ])
        );
    }

    #[test]
    fn a_line_that_could_change_more_is_refused() {
        for (line, error) in [
            ("", Error::Verb),
            ("show interfaces <port>", Error::Verb),
            (" set interfaces <port>", Error::Verb),
            ("set vlans guest vlan-id 12", Error::NoPort),
            ("set interfaces <port>0 mtu 9000", Error::NoPort),
            ("set interfaces x<port> mtu 9000", Error::NoPort),
            ("set interfaces <port> description <ap>", Error::Unknown),
            ("set interfaces <port>\ndelete system", Error::Control),
            ("set interfaces <port>\tmtu", Error::Control),
        ] {
            assert_eq!(Template::new([line]), Err(error), "{line:?}");
        }
        assert_eq!(Template::new([]), Err(Error::Empty));
        let line = "set interfaces <port> mtu 9000";
        assert_eq!(Template::new([line; LINES_MAX + 1]), Err(Error::Many));
        let long = alloc::format!("{line} {}", "a".repeat(LINE_LEN_MAX));
        assert_eq!(Template::new([long.as_str()]), Err(Error::Long));
    }
}
