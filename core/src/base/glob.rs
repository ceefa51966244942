//! Patterns with `*`, as users write them in the configuration.

/// Whether `text` fits `pattern`, in which `*` stands for any text, slashes included. Takes at most
/// the product of both lengths.
pub fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let Some(last) = parts.next_back() else {
        return rest.is_empty();
    };
    // The earliest match of each part leaves the most room for the next.
    for part in parts {
        match rest.split_once(part) {
            Some((_, behind)) => rest = behind,
            None => return false,
        }
    }
    rest.ends_with(last)
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
