//! Patterns with `*`, as users write them in the configuration.

/// Whether `text` fits `pattern`, in which `*` stands for any text, slashes included. Takes at most
/// the product of both lengths.
pub fn matches(pattern: &str, text: &str) -> bool {
    fits(pattern, text, None)
}

/// The same; `any`, if there is one, stands for any single byte.
pub fn fits(pattern: &str, text: &str, any: Option<u8>) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    // Where the last star was, and how much of the text it had taken.
    let (mut p, mut n, mut star) = (0, 0, None::<(usize, usize)>);
    while let Some(byte) = text.get(n) {
        match (pattern.get(p), star) {
            (Some(b'*'), _) => {
                star = Some((p, n));
                p += 1;
            }
            (Some(wanted), _) if wanted == byte || any == Some(*wanted) => (p, n) = (p + 1, n + 1),
            (_, Some((at, taken))) => {
                (p, n) = (at + 1, taken + 1);
                star = Some((at, taken + 1));
            }
            (_, None) => return false,
        }
    }
    pattern.get(p..).unwrap_or_default().iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_cover_whole_names() {
        for (pattern, text) in [
            ("", ""),
            ("*", ""),
            ("*", "gw/a/b?c"),
            ("gw/*", "gw/7B2A"),
            ("gw/*/x", "gw/a/b/x"),
            ("*-1", "gw-1"),
            ("a*b*c", "abbc"),
            ("a*aa", "aaaa"),
            ("a**b", "ab"),
            ("micronets-dhcp-0001", "micronets-dhcp-0001"),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("", "a"),
            ("gw/*", "gw"),
            ("gw/*", "%67w/1"),
            ("a*a", "a"),
            ("a*bc*c", "abc"),
            ("gw", "gw-1"),
            ("gw", "my-gw"),
            ("GW/*", "gw/1"),
        ] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }
}
