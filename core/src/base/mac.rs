//! MAC addresses, in the notations of Mist, switches and people.

use alloc::string::String;
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::base::hex;

/// A MAC address of six octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Mac([u8; 6]);

impl Mac {
    /// Twelve hex digits in either case, with or without `:`, `-` or `.` between them.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.replace([':', '-', '.'], "");
        hex::decode(digits.as_bytes()).map(Self)
    }

    /// The null MAC: the device's MAC is unknown.
    pub const NULL: Self = Self([0; 6]);

    /// Whether the MAC is the null MAC.
    pub const fn is_null(self) -> bool {
        matches!(self.0, [0, 0, 0, 0, 0, 0])
    }

    /// Whether a device may have it: the null MAC and the broadcast address are no device's.
    pub const fn is_device(self) -> bool {
        !self.is_null() && !matches!(self.0, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff])
    }

    /// The octets in the order of transmission.
    pub const fn octets(self) -> [u8; 6] {
        self.0
    }

    /// Twelve lower-case hex digits, as Mist writes it.
    pub fn plain(self) -> String {
        hex::encode(&self.0)
    }
}

/// Written as `5c:5b:35:00:00:01`.
impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}
