//! The names of ports and switches, which become part of commands.
//!
//! They may come from LLDP, which anybody with a cable can send, so the text itself is not trusted.
//! A [`PortName`] keeps only numbers and writes its own text; a [`SwitchName`] has only the letters
//! of a host name.

use alloc::{borrow::ToOwned, string::String};
use core::fmt;

/// The physical port of a Junos switch, such as `ge-0/0/12` or, of a channelised one, `et-0/0/1:3`
/// (junos "Interface Naming Overview": type, FPC, PIC, port, channel).
///
/// Aggregated, management, routed and virtual-chassis ports are left out: no access point is
/// plugged into one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortName {
    media: Media,
    fpc: u16,
    pic: u16,
    port: u16,
    channel: Option<u16>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Media {
    Et,
    Fe,
    Ge,
    Mge,
    Xe,
}

impl Media {
    const ALL: [Self; 5] = [Self::Et, Self::Fe, Self::Ge, Self::Mge, Self::Xe];

    const fn name(self) -> &'static str {
        match self {
            Self::Et => "et",
            Self::Fe => "fe",
            Self::Ge => "ge",
            Self::Mge => "mge",
            Self::Xe => "xe",
        }
    }
}

/// Why a text is not the name of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("expected a port such as ge-0/0/1, got something else")]
    Form,
    /// A type that no access point is plugged into.
    #[error("expected a port of type ge, mge, xe, et or fe, got another type")]
    Media,
    /// Not a number of up to three digits as Junos writes it, without leading zeros.
    #[error("expected numbers such as those of ge-0/0/1, got something else")]
    Number,
    /// A logical unit other than 0, which is not the port itself.
    #[error("expected a port or its unit 0, got another unit")]
    Unit,
}

impl PortName {
    /// Reads exactly what [`Display`](fmt::Display) writes; `.0` behind it, the logical unit that
    /// carries LLDP on older switches, is dropped.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let (media, numbers) = text.split_once('-').ok_or(Error::Form)?;
        let media =
            Media::ALL.into_iter().find(|known| known.name() == media).ok_or(Error::Media)?;
        let numbers = match numbers.split_once('.') {
            Some((numbers, "0")) => numbers,
            Some(_) => return Err(Error::Unit),
            None => numbers,
        };
        let (numbers, channel) = match numbers.split_once(':') {
            Some((numbers, channel)) => (numbers, Some(number(channel)?)),
            None => (numbers, None),
        };
        let mut parts = numbers.split('/');
        let mut part = || parts.next().ok_or(Error::Form).and_then(number);
        let (fpc, pic, port) = (part()?, part()?, part()?);
        if parts.next().is_some() {
            return Err(Error::Form);
        }
        Ok(Self { media, fpc, pic, port, channel })
    }

    /// The port that an access point's LLDP neighbour names: in its port id, or, where that is an
    /// interface index, as older switches send it, in its description. A description is what the
    /// switch's operator wrote, so this is a hint and proves nothing.
    pub fn from_lldp(port_id: Option<&str>, port_desc: Option<&str>) -> Option<Self> {
        [port_id, port_desc].into_iter().flatten().find_map(|text| Self::parse(text.trim()).ok())
    }

    /// The channel of a channelised port.
    pub const fn channel(self) -> Option<u16> {
        self.channel
    }

    /// The port without its channel.
    pub const fn whole(self) -> Self {
        Self { channel: None, ..self }
    }
}

/// The name as Junos writes it: `ge-0/0/12`, `et-0/0/1:3`.
impl fmt::Display for PortName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { media, fpc, pic, port, channel } = self;
        write!(f, "{}-{fpc}/{pic}/{port}", media.name())?;
        channel.map_or(Ok(()), |channel| write!(f, ":{channel}"))
    }
}

fn number(text: &str) -> Result<u16, Error> {
    let canonical = text == "0" || !text.starts_with('0');
    let digits = (1..=3).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    // A second spelling of a port would slip past the lists that name it.
    if canonical && digits { text.parse().map_err(|_| Error::Number) } else { Err(Error::Number) }
}

/// The name of a switch that may become a host name: letters, digits, `-`, `_` and single dots.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SwitchName(String);

impl SwitchName {
    /// The longest host name (RFC 1035 §2.3.4).
    const LEN_MAX: usize = 253;
    /// The longest label of one.
    const LABEL_MAX: usize = 63;

    /// Takes a name as the switch or Mist gives it. `None` if it cannot be a host name.
    pub fn parse(text: &str) -> Option<Self> {
        let label = |label: &str| {
            (1..=Self::LABEL_MAX).contains(&label.len())
                && !label.starts_with('-')
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        };
        (text.len() <= Self::LEN_MAX && text.split('.').all(label)).then(|| Self(text.to_owned()))
    }

    /// The name as a text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SwitchName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn a_port_is_read_as_it_is_written() {
        for name in ["ge-0/0/0", "mge-1/0/47", "xe-0/2/3", "et-10/0/1:3", "fe-0/0/999"] {
            let port = PortName::parse(name).expect(name);
            assert_eq!(port.to_string(), name);
            assert_eq!(PortName::parse(&alloc::format!("{name}.0")), Ok(port));
        }
    }

    #[test]
    fn what_is_not_a_port_is_refused() {
        for (text, error) in [
            ("", Error::Form),
            ("531", Error::Form),
            ("ge", Error::Form),
            ("ge-", Error::Number),
            ("ge-0", Error::Form),
            ("ge-0/0", Error::Form),
            ("ge-0/0/", Error::Number),
            ("ge-0/0/1/2", Error::Form),
            ("ge-0/0/00", Error::Number),
            ("ge-00/0/1", Error::Number),
            ("ge-0/0/+1", Error::Number),
            ("ge-0/0/1000", Error::Number),
            ("ge-0/0/1 ", Error::Number),
            ("ge-0/0/1\nset system", Error::Number),
            ("ge-0/0/\u{661}", Error::Number),
            ("ge-0/0/1.100", Error::Unit),
            ("ge-0/0/1.0.0", Error::Unit),
            ("ge-0/0/1:", Error::Number),
            ("ge-0/0/1:1:1", Error::Number),
            ("ge-0/0/*", Error::Number),
            ("GE-0/0/1", Error::Media),
            ("ae-0/0/1", Error::Media),
            ("vcp-255/1/0", Error::Media),
            (" ge-0/0/1", Error::Media),
            ("ae0", Error::Form),
            ("me0", Error::Form),
            ("irb.0", Error::Form),
        ] {
            assert_eq!(PortName::parse(text), Err(error), "{text:?}");
        }
    }

    #[test]
    fn lldp_gives_a_port_in_its_id_or_in_its_description() {
        let port = PortName::parse("ge-0/0/1").ok();
        for (id, description, expected) in [
            (Some("ge-0/0/1"), Some("ge-0/0/2"), port),
            (Some("531"), Some("ge-0/0/1.0"), port),
            (None, Some(" ge-0/0/1 "), port),
            (Some("531"), Some("AP in the lobby"), None),
            (None, None, None),
        ] {
            assert_eq!(PortName::from_lldp(id, description), expected, "{id:?} {description:?}");
        }
    }

    #[test]
    fn a_switch_may_be_called_what_a_host_may() {
        for name in ["sw-1", "SW_1.branch", "a.b.c"] {
            assert_eq!(SwitchName::parse(name).map(|name| name.to_string()).as_deref(), Some(name));
        }
        let long = "a".repeat(64);
        for text in ["", ".", "a..b", "a.", "-oProxyCommand=x", "sw 1", "sw/1", "sw\n1", "é", &long]
        {
            assert_eq!(SwitchName::parse(text), None, "{text:?}");
        }
    }
}
