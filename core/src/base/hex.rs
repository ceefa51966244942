//! Bytes as hexadecimal digits.

use alloc::{format, string::String};

/// Two lower-case digits for each byte.
pub fn encode(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads `N` bytes of two digits each, in either letter case; `None` for any other text.
pub fn decode<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let mut octets = [0; N];
    if text.len() != 2 * N {
        return None;
    }
    for (octet, pair) in octets.iter_mut().zip(text.chunks_exact(2)) {
        for &digit in pair {
            let value = char::from(digit).to_digit(16)?;
            *octet = (*octet << 4) | u8::try_from(value).ok()?;
        }
    }
    Some(octets)
}
