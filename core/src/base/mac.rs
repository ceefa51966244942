//! MAC addresses.

use alloc::string::String;
use core::fmt;

/// A MAC address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mac([u8; 6]);

impl Mac {
    /// Twelve hex digits in either case, with or without `:`, `-` or `.` between them.
    pub fn parse(text: &str) -> Option<Self> {
        let mut octets = [0; 6];
        let mut digits = 0;
        for c in text.chars() {
            if matches!(c, ':' | '-' | '.') {
                continue;
            }
            let octet: &mut u8 = octets.get_mut(digits / 2)?;
            *octet = (*octet << 4) | u8::try_from(c.to_digit(16)?).ok()?;
            digits += 1;
        }
        (digits == 12).then_some(Self(octets))
    }

    /// All octets zero: nobody's, for whom has none that is known.
    pub const NULL: Self = Self([0; 6]);

    /// Whether it is nobody's.
    pub const fn is_null(self) -> bool {
        matches!(self.0, [0, 0, 0, 0, 0, 0])
    }

    /// The six octets.
    pub const fn octets(self) -> [u8; 6] {
        self.0
    }

    /// Twelve lower-case hex digits, as Mist writes it.
    pub fn plain(self) -> String {
        self.0.iter().map(|octet| alloc::format!("{octet:02x}")).collect()
    }
}

/// `5c:5b:35:00:00:01`, as people write it.
impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}
