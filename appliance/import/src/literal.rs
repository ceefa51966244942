//! Texts and numbers as Python writes them. Their rules:
//! docs.python.org/3/reference/lexical_analysis.html#literals.

use mistgate_core::base::secret::Secret;
use zeroize::Zeroizing;

use super::{
    cursor::{Cursor, Error, Fault},
    value::{Form, Unread},
};

/// A text, or several that follow each other, which are one. `None` if there is none.
pub(super) fn text(cursor: &mut Cursor<'_>) -> Result<Option<Form>, Error> {
    let Some(mut next) = prefix(cursor) else {
        return Ok(None);
    };
    // Without room to move, no copy of a part stays behind when the text grows.
    let mut all = Zeroizing::new(String::with_capacity(cursor.rest().len().min(ROOM)));
    let mut unread = None;
    loop {
        let refused = part(cursor, &next, &mut all)?;
        unread = unread.or(refused);
        cursor.skip_space();
        let Some(another) = prefix(cursor) else {
            break;
        };
        next = another;
    }
    Ok(Some(unread.map_or_else(|| Form::Text(Secret::new(all.as_str())), Form::Unread)))
}

/// A number without a sign. `None` if there is none.
pub(super) fn number(cursor: &mut Cursor<'_>) -> Option<Form> {
    let mut rest = cursor.rest().chars();
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
    Some(value(written).unwrap_or(Form::Unread(Unread::Number)))
}

/// Most texts are shorter.
const ROOM: usize = 256;

/// The letters before the quotes, in lower case, and the quotes.
struct Prefix {
    letters: [Option<char>; 2],
    quotes: &'static str,
}

impl Prefix {
    fn has(&self, letter: char) -> bool {
        self.letters.contains(&Some(letter))
    }
}

/// What begins a text, if one is next; then the cursor is behind its quotes.
fn prefix(cursor: &mut Cursor<'_>) -> Option<Prefix> {
    let here = cursor.mark();
    let mut letters = cursor.take_while(|c| "rRbBuUfFtT".contains(c)).chars();
    let letters = [letters.next(), letters.next(), letters.next()];
    let quotes = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|quotes| cursor.eat(quotes));
    match (letters, quotes) {
        ([first, second, None], Some(quotes)) => {
            let lower = |letter: Option<char>| letter.map(|letter| letter.to_ascii_lowercase());
            Some(Prefix { letters: [lower(first), lower(second)], quotes })
        }
        _ => {
            cursor.back(here);
            None
        }
    }
}

/// Adds one text without its quotes to `all`, or says why it cannot be had.
fn part(
    cursor: &mut Cursor<'_>,
    prefix: &Prefix,
    all: &mut String,
) -> Result<Option<Unread>, Error> {
    let line = cursor.line();
    let unended = Error { line, fault: Fault::Unended };
    let mut unread = match () {
        () if prefix.has('f') || prefix.has('t') => Some(Unread::Format),
        () if prefix.has('b') => Some(Unread::Bytes),
        () => None,
    };
    let is_long = prefix.quotes.len() == 3;
    loop {
        if cursor.eat(prefix.quotes) {
            return Ok(unread);
        }
        match cursor.bump().ok_or(unended)? {
            '\n' | '\r' if !is_long => return Err(unended),
            // Python turns every end of a line into this one.
            '\r' => {
                cursor.eat("\n");
                all.push('\n');
            }
            '\\' if prefix.has('r') => {
                all.push('\\');
                // Even here it keeps a quote or a line's end from being the end.
                if cursor.skip_newline() {
                    all.push('\n');
                } else {
                    all.extend(cursor.bump());
                }
            }
            '\\' => {
                let refused = escape(cursor, all, unended)?;
                unread = unread.or(refused);
            }
            other => all.push(other),
        }
    }
}

/// What follows a backslash.
fn escape(
    cursor: &mut Cursor<'_>,
    all: &mut String,
    unended: Error,
) -> Result<Option<Unread>, Error> {
    if cursor.skip_newline() {
        return Ok(None);
    }
    let code = match cursor.peek().ok_or(unended)? {
        'x' => hex(cursor, 2),
        'u' => hex(cursor, 4),
        'U' => hex(cursor, 8),
        'N' => None,
        '0'..='7' => {
            let mut count = 0;
            let digits = cursor.take_while(|c| {
                count += 1;
                count <= 3 && ('0'..='7').contains(&c)
            });
            u32::from_str_radix(digits, 8).ok()
        }
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
                // Python leaves what it does not know as it is.
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
        return Ok(Some(Unread::Escape));
    };
    all.push(character);
    Ok(None)
}

/// A letter and that many hexadecimal digits.
fn hex(cursor: &mut Cursor<'_>, digits: usize) -> Option<u32> {
    cursor.bump();
    let mut left = digits;
    let written = cursor.take_while(|c| {
        let fits = left > 0 && c.is_ascii_hexdigit();
        left = left.saturating_sub(1);
        fits
    });
    u32::from_str_radix(written, 16).ok().filter(|_| written.len() == digits)
}

fn value(written: &str) -> Option<Form> {
    let misplaced = written.starts_with('_') || written.ends_with('_') || written.contains("__");
    let digits: String = written.chars().filter(|c| *c != '_').collect();
    let digits = Some(digits.to_ascii_lowercase()).filter(|_| !misplaced)?;
    let radix = match digits.get(..2) {
        Some("0x") => Some(16),
        Some("0o") => Some(8),
        Some("0b") => Some(2),
        _ => None,
    };
    if let Some(radix) = radix {
        let number = i64::from_str_radix(digits.get(2..)?, radix);
        return number.ok().map(Form::Integer);
    }
    if digits.bytes().all(|b| b.is_ascii_digit()) {
        // Python refuses 007, which was octal once.
        let is_octal =
            digits.len() > 1 && digits.starts_with('0') && !digits.trim_matches('0').is_empty();
        return digits.parse().ok().filter(|_| !is_octal).map(Form::Integer);
    }
    let is_float = digits.bytes().all(|b| b.is_ascii_digit() || b"e.+-".contains(&b));
    let float = digits.parse().ok().filter(|float: &f64| is_float && float.is_finite());
    float.map(Form::Float)
}
