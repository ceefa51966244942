//! Texts and numbers as Python writes them. Their rules:
//! docs.python.org/3/reference/lexical_analysis.html#literals.

use mistgate_core::base::secret::Secret;
use zeroize::Zeroizing;

use super::cursor::{Cursor, Error, Fault};
use super::value::{Form, unread};

/// Reads a text, or several that follow each other, which Python joins. `None` if there is none.
pub(super) fn text(cursor: &mut Cursor<'_>, is_inside: bool) -> Result<Option<Form>, Error> {
    let mut next = prefix(cursor);
    if next.is_none() {
        return Ok(None);
    }
    // A text that has enough room never moves, and leaves no copy of a secret behind.
    let mut all = Zeroizing::new(String::with_capacity(cursor.rest.len().min(ROOM)));
    let mut unread = None;
    while let Some(begun) = next {
        unread = unread.or(part(cursor, &begun, &mut all)?);
        cursor.skip_space(is_inside);
        next = prefix(cursor);
    }
    Ok(Some(unread.map_or_else(|| Form::Text(Secret::new(all.as_str())), Form::Unread)))
}

/// Reads a number without a sign. `None` if there is none.
pub(super) fn number(cursor: &mut Cursor<'_>) -> Option<Form> {
    let mut rest = cursor.rest.chars();
    let begins = match (rest.next(), rest.next()) {
        (Some('.'), second) => second,
        (first, _) => first,
    };
    begins.filter(char::is_ascii_digit)?;
    let mut before = ' ';
    let written = cursor.take_while(|c| {
        let is_sign = matches!(c, '+' | '-') && matches!(before, 'e' | 'E');
        let is_part = c.is_ascii_alphanumeric() || matches!(c, '_' | '.') || is_sign;
        before = c;
        is_part
    });
    Some(value(written).unwrap_or(Form::Unread(unread::NUMBER)))
}

/// The room for a text, in bytes. Most are shorter.
const ROOM: usize = 256;

/// Consumes what begins a text, if one is next: its prefix, in lower case, and its quotes.
fn prefix(cursor: &mut Cursor<'_>) -> Option<(String, &'static str)> {
    let end = cursor.rest.find(|c| !"rRbBuUfFtT".contains(c)).filter(|end| *end <= 2)?;
    let (letters, rest) = cursor.rest.split_at_checked(end)?;
    let quotes = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|end| rest.starts_with(end))?;
    (cursor.eat(letters) && cursor.eat(quotes)).then(|| (letters.to_ascii_lowercase(), quotes))
}

/// Adds one text without its quotes to `all`. Returns why its value is not known, if so.
fn part(
    cursor: &mut Cursor<'_>,
    (prefix, quotes): &(String, &str),
    all: &mut String,
) -> Result<Option<&'static str>, Error> {
    let line = cursor.line;
    let unended = Error { line, fault: Fault::Unended };
    let mut unread = prefix.contains('b').then_some(unread::BYTES);
    if prefix.contains(['f', 't']) {
        unread = Some(unread::FORMAT);
    }
    let is_long = quotes.len() == 3;
    loop {
        if cursor.eat(quotes) {
            return Ok(unread);
        }
        match cursor.bump().ok_or(unended)? {
            '\n' | '\r' if !is_long => return Err(unended),
            // Python normalises line ends.
            '\r' => {
                cursor.eat("\n");
                all.push('\n');
            }
            '\\' if prefix.contains('r') => {
                all.push('\\');
                // Even in a raw text a quote after it does not end the text.
                if cursor.eat_newline() {
                    all.push('\n');
                } else {
                    all.extend(cursor.bump());
                }
            }
            '\\' => {
                unread = unread.or(escape(cursor, all, unended)?);
            }
            other => all.push(other),
        }
    }
}

/// Reads an escape sequence after its backslash.
fn escape(
    cursor: &mut Cursor<'_>,
    all: &mut String,
    unended: Error,
) -> Result<Option<&'static str>, Error> {
    if cursor.eat_newline() {
        return Ok(None);
    }
    let code = match cursor.peek().ok_or(unended)? {
        'x' => hex(cursor, 2),
        'u' => hex(cursor, 4),
        'U' => hex(cursor, 8),
        'N' => None,
        '0'..='7' => u32::from_str_radix(digits(cursor, 8, 3), 8).ok(),
        other => {
            let meant = match other {
                'a' => '\u{7}',
                'b' => '\u{8}',
                'f' => '\u{c}',
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'v' => '\u{b}',
                '\\' | '\'' | '"' => other,
                // Python keeps unknown escapes as they are written.
                _ => {
                    all.push('\\');
                    other
                }
            };
            cursor.bump();
            all.push(meant);
            return Ok(None);
        }
    };
    let Some(character) = code.and_then(char::from_u32) else {
        return Ok(Some(unread::ESCAPE));
    };
    all.push(character);
    Ok(None)
}

/// Reads a letter and that many hexadecimal digits.
fn hex(cursor: &mut Cursor<'_>, count: usize) -> Option<u32> {
    cursor.bump();
    let written = digits(cursor, 16, count);
    u32::from_str_radix(written, 16).ok().filter(|_| written.len() == count)
}

/// Consumes at most that many digits.
fn digits<'a>(cursor: &mut Cursor<'a>, radix: u32, max: usize) -> &'a str {
    let mut count = 0;
    cursor.take_while(|c| {
        count += 1;
        count <= max && c.is_digit(radix)
    })
}

fn value(written: &str) -> Option<Form> {
    let misplaced = written.starts_with('_') || written.ends_with('_') || written.contains("__");
    let digits: String = written.chars().filter(|c| *c != '_').collect();
    let digits = Some(digits.to_ascii_lowercase()).filter(|_| !misplaced)?;
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(digits) = digits.strip_prefix(prefix) {
            return i64::from_str_radix(digits, radix).ok().map(Form::Integer);
        }
    }
    if digits.bytes().all(|b| b.is_ascii_digit()) {
        // Python refuses 007, which was an octal number in Python 2.
        let is_octal =
            digits.len() > 1 && digits.starts_with('0') && !digits.trim_matches('0').is_empty();
        return digits.parse().ok().filter(|_| !is_octal).map(Form::Integer);
    }
    let is_float = digits.bytes().all(|b| b.is_ascii_digit() || b"e.+-".contains(&b));
    let float = digits.parse().ok().filter(|float: &f64| is_float && float.is_finite());
    float.map(Form::Float)
}
