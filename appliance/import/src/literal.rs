//! Texts as Python writes them.

use std::rc::Rc;

use mistgate_core::base::secret::Secret;
use zeroize::Zeroizing;

use super::{python::Error, python::Reader, value::Form, value::unread};

/// The room for a text, in bytes. Most are shorter, and one that has enough room never moves, and
/// leaves no copy of a secret behind.
const ROOM: usize = 256;

impl<'a> Reader<'a> {
    /// Takes the letters before the quotes of a text, if one is next.
    pub(super) fn prefix(&mut self) -> Option<&'a str> {
        let letters = self.rest.chars().take(2).take_while(|c| "rRbBuUfFtT".contains(*c)).count();
        let (prefix, rest) = self.rest.split_at_checked(letters)?;
        self.rest = rest.starts_with(['"', '\'']).then_some(rest)?;
        Some(prefix)
    }

    /// Reads a text behind its prefix, and those that follow it, which Python joins.
    pub(super) fn text(&mut self, prefix: &str) -> Result<Form, Error> {
        let mut all = Zeroizing::new(String::with_capacity(ROOM));
        let (mut unread, mut next) = (None, Some(prefix));
        while let Some(prefix) = next {
            unread = unread.or(self.part(prefix, &mut all)?);
            self.skip_space();
            next = self.prefix();
        }
        let text = || Form::Text(Rc::new(Secret::new(all.as_str())));
        Ok(unread.map_or_else(text, Form::Unread))
    }

    /// Adds one text to `all`. Returns why its value is not known, if so.
    fn part(&mut self, prefix: &str, all: &mut String) -> Result<Option<&'static str>, Error> {
        let unended = Error { line: self.line, what: "this text has no end" };
        let quotes = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|quotes| self.eat(quotes));
        let quotes = quotes.ok_or(unended)?;
        let mut unread = prefix.contains(|c| !"rRuU".contains(c)).then_some(unread::FORMAT);
        loop {
            if self.eat(quotes) {
                return Ok(unread);
            }
            match self.bump().ok_or(unended)? {
                '\n' if quotes.len() == 1 => return Err(unended),
                '\\' => {
                    let next = self.bump().ok_or(unended)?;
                    if prefix.contains(['r', 'R']) {
                        // Even in a raw text a quote after it does not end the text.
                        all.extend(['\\', next]);
                    } else if next != '\n' {
                        unread = unread.or(self.escape(next, all));
                    }
                }
                other => all.push(other),
            }
        }
    }

    /// Adds what a character behind a backslash stands for, with digits that follow it. Returns why
    /// that is not known, if so.
    fn escape(&mut self, next: char, all: &mut String) -> Option<&'static str> {
        let meant = match next {
            'n' => Some('\n'),
            'r' => Some('\r'),
            't' => Some('\t'),
            '\\' | '\'' | '"' => Some(next),
            'x' => self.code(2),
            'u' => self.code(4),
            'a' | 'b' | 'f' | 'v' | 'N' | 'U' | '0'..='7' => None,
            _ => {
                // Python keeps unknown escapes as they are written.
                all.push('\\');
                Some(next)
            }
        };
        all.extend(meant);
        meant.is_none().then_some(unread::ESCAPE)
    }

    /// The character with the number in so many hexadecimal digits.
    fn code(&mut self, digits: usize) -> Option<char> {
        let (code, rest) = self.rest.split_at_checked(digits)?;
        let code = Some(code).filter(|code| code.bytes().all(|b| b.is_ascii_hexdigit()))?;
        self.rest = rest;
        char::from_u32(u32::from_str_radix(code, 16).ok()?)
    }
}
