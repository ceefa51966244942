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
        let (mut digits, mut count) = ([0; 12], 0);
        for byte in text.bytes().filter(|byte| !matches!(byte, b':' | b'-' | b'.')) {
            *digits.get_mut(count)? = byte;
            count += 1;
        }
        hex::decode(digits.get(..count)?).map(Self)
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
        let mut text = [b':'; 17];
        for (place, octet) in text.chunks_mut(3).zip(self.0) {
            place.iter_mut().zip(hex::digits(octet)).for_each(|(to, digit)| *to = digit);
        }
        f.write_str(core::str::from_utf8(&text).unwrap_or_default())
    }
}
