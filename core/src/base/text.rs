//! Text from outside, on its way to people and logs: one line, bounded, without characters that
//! deceive a reader.

use alloc::{borrow::ToOwned, format, string::String};

/// `text` on one line of at most `max` characters. Runs of white space, control characters and
/// marks of direction become one space; what is too long ends in `…`.
pub fn one_line(text: &str, max: usize) -> String {
    // Most texts are one already.
    let mut last = b' ';
    let is_of_line = |byte: u8| {
        let before = core::mem::replace(&mut last, byte);
        byte.is_ascii_graphic() || (byte == b' ' && before != b' ')
    };
    if text.len() <= max && text.bytes().all(is_of_line) && last != b' ' {
        return text.to_owned();
    }
    // XML 1.0 cannot carry the last two (§2.2).
    let is_gap = |c: char| {
        is_space(c)
            || is_bidi_control(c)
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{fffe}' | '\u{ffff}')
    };
    let mut line = String::new();
    for word in text.split(is_gap).filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        // More than `max` characters of up to four bytes.
        if line.len() > max.saturating_mul(4) {
            break;
        }
    }
    cut(&line, max)
}

/// The text, or its start and `…` where it has more than `max` characters.
pub fn cut(text: &str, max: usize) -> String {
    if text.chars().nth(max).is_none() {
        return text.to_owned();
    }
    let kept: String = text.chars().take(max.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// The text, or its first `max` bytes and `…`. A character is never split.
pub fn cut_bytes(text: String, max: usize) -> String {
    let kept = start(&text, max);
    if kept.len() < text.len() { format!("{kept}…") } else { text }
}

/// The first `max` bytes, or a few less where the last character would be split.
pub fn start(text: &str, max: usize) -> &str {
    text.get(..text.floor_char_boundary(max)).unwrap_or(text)
}

/// White space and control characters.
pub fn is_space(c: char) -> bool {
    c.is_whitespace() || c.is_control()
}

/// The embeddings, overrides and isolates of UAX #9 §2. They reorder the text around them, so a
/// name could disguise itself as another one or as part of our sentence.
pub const fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Control characters, marks of direction, and what has no glyph: what a terminal could obey, or
/// a reader could not see.
pub fn is_hidden(c: char) -> bool {
    c.is_control() || is_invisible(c)
}

/// JSON text in which each hidden character is an escape (RFC 8259 §7). In JSON on one line they
/// are only in texts.
pub fn visible_json(json: String) -> String {
    if !json.contains(is_hidden) {
        return json;
    }
    let mut visible = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if is_hidden(c) {
            let units = c.encode_utf16(&mut [0; 2]).to_vec();
            visible.extend(units.iter().map(|unit| format!("\\u{unit:04x}")));
        } else {
            visible.push(c);
        }
    }
    visible
}

/// Whether a reader would see nothing.
pub fn is_blank(text: &str) -> bool {
    text.chars().all(|c| is_space(c) || is_invisible(c))
}

/// Characters without a glyph (Unicode's `Default_Ignorable_Code_Point`, the assigned ones).
const fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// Characters that belong to the one before them: the blocks of combining marks, the zero-width
/// joiner, variation selectors and skin tones.
pub const fn is_joined(c: char) -> bool {
    matches!(c,
        '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{200d}'
        | '\u{20d0}'..='\u{20ff}' | '\u{fe00}'..='\u{fe0f}' | '\u{fe20}'..='\u{fe2f}'
        | '\u{1f3fb}'..='\u{1f3ff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_becomes_one_short_line() {
        assert_eq!(one_line(" a\n\tb\u{202e}c\u{0} ", 99), "a b c");
        assert_eq!(one_line("\n locked by:\n  ann\u{0}(pid 7)\n", 99), "locked by: ann (pid 7)");
        assert_eq!(one_line("abc def", 7), "abc def");
        assert_eq!(one_line("abc def", 6), "abc d…");
        assert_eq!(one_line("abc def", 5), "abc…");
        assert_eq!(one_line("  ", 0), "");
        assert_eq!(one_line(&"x ".repeat(2_000), 1_000).chars().count(), 1_000);
        assert_eq!(cut("äöü", 3), "äöü");
        assert_eq!(cut("äöüß", 3), "äö…");
        assert_eq!(cut_bytes("äöü".into(), 6), "äöü");
        assert_eq!(cut_bytes("äöü".into(), 5), "äö…");
        assert_eq!(start("äöü", 3), "ä");
    }

    #[test]
    fn what_is_hidden_in_json_can_be_seen_and_says_the_same() {
        let json = "{\"a\":\"x\u{202e}\u{9b}31m\u{200b}é\u{e0001}\"}";
        let visible = visible_json(json.into());
        let expected = r#"{"a":"x\u202e\u009b31m\u200bé\udb40\udc01"}"#;
        assert_eq!(visible, expected);
        let read = |json| serde_json::from_str::<serde_json::Value>(json).expect("JSON");
        assert_eq!(read(&visible), read(json));
    }
}
