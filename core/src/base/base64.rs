//! Base64 (RFC 4648 §4): bytes where only text can travel.

use alloc::{string::String, vec::Vec};

/// The text of `bytes`, padded, on one line.
pub fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let missing = 3 - chunk.len();
        let group = chunk.iter().fold(0, |group, byte| group << 8 | u32::from(*byte));
        let group = group << (8 * missing);
        let digits = [18, 12, 6, 0].into_iter().take(4 - missing);
        text.extend(digits.map(|shift| digit(group >> shift)));
        text.extend(core::iter::repeat_n('=', missing));
    }
    text
}

/// The bytes of a text. Padding may be left out, and lines may be broken, as MIME writes it; any
/// other character, and bits that mean nothing, make it no base64.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let sent: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let digits = sent.strip_suffix(b"==").or(sent.strip_suffix(b"=")).unwrap_or(&sent);
    if digits.len() < sent.len() && !sent.len().is_multiple_of(4) {
        return None;
    }
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3 + 2);
    let (mut group, mut bits) = (0_u32, 0);
    for &byte in digits {
        group = group << 6 | value(byte)?;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(group >> bits).ok()?);
            group &= (1 << bits) - 1;
        }
    }
    // A digit that completes no byte is one too many, and what is left of the last one is zero.
    (bits < 6 && group == 0).then_some(bytes)
}

/// The digit of the lowest six bits.
fn digit(bits: u32) -> char {
    let value = u8::try_from(bits & 63).unwrap_or_default();
    char::from(match value {
        0..=25 => b'A' + value,
        26..=51 => b'a' + (value - 26),
        52..=61 => b'0' + (value - 52),
        62 => b'+',
        _ => b'/',
    })
}

fn value(digit: u8) -> Option<u32> {
    let value = match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(value.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vectors_of_the_rfc_hold_both_ways() {
        // RFC 4648 §10.
        for (plain, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(encode(plain.as_bytes()), text);
            assert_eq!(decode(text).as_deref(), Some(plain.as_bytes()));
            assert_eq!(decode(text.trim_end_matches('=')).as_deref(), Some(plain.as_bytes()));
        }
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(decode(&encode(&all)), Some(all));
        assert_eq!(decode("Zm9v\r\nYmFy\n").as_deref(), Some(b"foobar".as_slice()));
    }

    #[test]
    fn what_is_no_base64_is_refused() {
        for text in ["Z", "Zm9vY", "Zh==", "Zm9=", "Zg=", "Zg===", "Zm=v", "=", "Zm9v!", "Zm-v"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
