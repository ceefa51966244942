//! Lines with a placeholder for the port: the Junos commands of `ports.junos.ap` and
//! `ports.junos.default`, and the descriptions of methods that write no commands.

use super::name::PortName;
use crate::netconf::lines::{self, Fault};
use alloc::{borrow::ToOwned, format, string::String, string::ToString, vec::Vec};

/// The placeholder of the port.
const PORT: &str = "<port>";
/// The longest name of a port: with it too a line must not be too long.
const LONGEST_PORT: &str = "mge-999/999/999:999";
/// The most lines of one template.
pub const LINES_MAX: usize = 64;

/// Lines that are about one port and nothing else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template(Vec<String>);

/// Why lines are not a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("there is no line")]
    Empty,
    #[error("there are more than {LINES_MAX} lines")]
    Many,
    /// Junos could not load it for any port.
    #[error("a line: {0}")]
    Line(Fault),
    #[error("a line has no {PORT}, so it would change more than a port")]
    NoPort,
    #[error("a line has a placeholder that is not {PORT}")]
    Unknown,
}

impl Template {
    /// Judges one line.
    pub fn check(line: &str) -> Result<(), Error> {
        lines::check(&line.replace(PORT, LONGEST_PORT)).map_err(Error::Line)?;
        let mut words = line.split(' ').skip(1);
        if line.replace(PORT, "").contains(['<', '>']) {
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
        let checked = |line: &'a str| Self::check(line).map(|()| line.to_owned());
        let lines: Vec<String> = lines.into_iter().map(checked).collect::<Result<_, _>>()?;
        match lines.len() {
            0 => Err(Error::Empty),
            1..=LINES_MAX => Ok(Self(lines)),
            _ => Err(Error::Many),
        }
    }

    /// One line for people that describes what happens to the port.
    pub fn describing(words: &str) -> Self {
        Self(Vec::from([format!("{PORT}: {words}")]))
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
            ("", Error::Line(Fault::Verb)),
            ("show interfaces <port>", Error::Line(Fault::Verb)),
            (" set interfaces <port>", Error::Line(Fault::Verb)),
            ("set vlans guest vlan-id 12", Error::NoPort),
            ("set interfaces <port>0 mtu 9000", Error::NoPort),
            ("set interfaces x<port> mtu 9000", Error::NoPort),
            ("set interfaces <port> description <ap>", Error::Unknown),
            ("set interfaces <port>\ndelete system", Error::Line(Fault::Control)),
            ("set interfaces <port>\tmtu", Error::Line(Fault::Control)),
        ] {
            assert_eq!(Template::new([line]), Err(error), "{line:?}");
        }
        assert_eq!(Template::new([]), Err(Error::Empty));
        let line = "set interfaces <port> mtu 9000";
        assert_eq!(Template::new([line; LINES_MAX + 1]), Err(Error::Many));
        let quoted = "set interfaces <port> description \"x";
        assert_eq!(Template::new([quoted]), Err(Error::Line(Fault::Quote)));
        // It fits as it stands, and not for every port.
        let room = lines::LINE_MAX - line.len();
        let long = alloc::format!("{line} {}", "a".repeat(room - 1));
        assert_eq!(lines::check(&long), Ok(()));
        assert_eq!(Template::new([long.as_str()]), Err(Error::Line(Fault::Oversize)));
        let fits = alloc::format!("{line} {}", "a".repeat(room - 1 - LONGEST_PORT.len()));
        assert!(Template::new([fits.as_str()]).is_ok());
    }
}
