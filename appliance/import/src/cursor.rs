//! The tokens of a Python text, one after the other, with their lines
//! (docs.python.org/3/reference/lexical_analysis.html). Spaces and comments are skipped, and so are
//! line ends between brackets.

use std::{fmt, mem};

use super::{literal, value::Form};

/// Why a text was refused, mostly as Python would.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    /// The line, counted from 1.
    pub line: u32,
    pub fault: Fault,
}

/// What is wrong in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// More than [`DEPTH_MAX`] brackets in one another.
    Deep,
    /// Larger than any configuration.
    Large,
    /// More values than any configuration has, counting names with the values they stand for.
    Many,
    Syntax,
    /// A bracket that is not closed, on its line.
    Unclosed,
    /// A text without an end, on the line of its beginning.
    Unended,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deep => write!(f, "more than {DEPTH_MAX} brackets in one another"),
            Self::Large => f.write_str("larger than 1MiB"),
            Self::Many => f.write_str("more values than a configuration has"),
            Self::Syntax => f.write_str("this is not Python"),
            Self::Unclosed => f.write_str("this bracket is not closed"),
            Self::Unended => f.write_str("this text has no end"),
        }
    }
}

/// The most brackets in one another.
pub const DEPTH_MAX: usize = 32;

/// A token. The reader needs no operators of several characters except `==`, so any other comes
/// character by character.
pub(super) enum Token<'a> {
    /// A closing bracket, which fits the one that it closes.
    Close,
    End,
    /// Two equal signs, which assign nothing.
    Equals,
    Newline,
    Number(Form),
    /// One of `([{`.
    Open(char),
    Other(char),
    /// Several texts in a row are one, as in Python.
    Text(Form),
    /// An identifier or keyword.
    Word(&'a str),
}

/// The tokens of a text. One of them is looked at before it is taken.
pub(super) struct Tokens<'a> {
    pub(super) next: Token<'a>,
    /// The line on which the next token begins.
    pub(super) line: u32,
    /// Whether the line of the next token begins with a space or a tab.
    pub(super) is_indented: bool,
    cursor: Cursor<'a>,
    /// The ends of the open brackets, and the lines on which these were opened.
    open: Vec<(char, u32)>,
}

impl<'a> Tokens<'a> {
    /// The tokens of a text, before its first.
    pub(super) fn new(text: &'a str) -> Result<Self, Error> {
        // The byte order mark of some editors (RFC 3629 §6).
        let rest = text.strip_prefix('\u{feff}').unwrap_or(text);
        let cursor = Cursor { rest, line: 1 };
        let is_indented = cursor.is_indented();
        let mut tokens =
            Self { next: Token::Newline, line: 1, is_indented, cursor, open: Vec::new() };
        tokens.take()?;
        Ok(tokens)
    }

    /// Takes the next token.
    pub(super) fn take(&mut self) -> Result<Token<'a>, Error> {
        self.cursor.skip_space(!self.open.is_empty());
        self.line = self.cursor.line;
        let next = self.read()?;
        Ok(mem::replace(&mut self.next, next))
    }

    /// Takes the next token if it is this character.
    pub(super) fn eat(&mut self, character: char) -> Result<bool, Error> {
        let is_next = matches!(self.next, Token::Other(next) if next == character);
        if is_next {
            self.take()?;
        }
        Ok(is_next)
    }

    pub(super) const fn syntax(&self) -> Error {
        Error { line: self.line, fault: Fault::Syntax }
    }

    fn read(&mut self) -> Result<Token<'a>, Error> {
        let line = self.line;
        if let Some(text) = literal::text(&mut self.cursor, !self.open.is_empty())? {
            return Ok(Token::Text(text));
        }
        if let Some(number) = literal::number(&mut self.cursor) {
            return Ok(Token::Number(number));
        }
        if let Some(word) = self.cursor.word() {
            return Ok(Token::Word(word));
        }
        // A `#` is the beginning of a comment, which ends with its line.
        self.cursor.skip_comment();
        if self.cursor.eat_newline() {
            self.is_indented = self.cursor.is_indented();
            return Ok(Token::Newline);
        }
        if self.cursor.eat("==") {
            return Ok(Token::Equals);
        }
        let Some(next) = self.cursor.bump() else {
            let unclosed = |&(_, line): &(char, u32)| Error { line, fault: Fault::Unclosed };
            return self.open.last().map_or(Ok(Token::End), |open| Err(unclosed(open)));
        };
        let end = match next {
            '(' => ')',
            '[' => ']',
            '{' => '}',
            ')' | ']' | '}' => {
                let is_right = self.open.pop().is_some_and(|(end, _)| end == next);
                return if is_right { Ok(Token::Close) } else { Err(self.syntax()) };
            }
            other => return Ok(Token::Other(other)),
        };
        if self.open.len() == DEPTH_MAX {
            return Err(Error { line, fault: Fault::Deep });
        }
        self.open.push((end, line));
        Ok(Token::Open(next))
    }
}

/// A position in a text.
pub(super) struct Cursor<'a> {
    pub(super) rest: &'a str,
    pub(super) line: u32,
}

impl<'a> Cursor<'a> {
    pub(super) fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    pub(super) fn bump(&mut self) -> Option<char> {
        let mut rest = self.rest.chars();
        let next = rest.next()?;
        self.rest = rest.as_str();
        if next == '\n' || (next == '\r' && self.peek() != Some('\n')) {
            self.line = self.line.saturating_add(1);
        }
        Some(next)
    }

    /// Consumes `text` if it is next.
    pub(super) fn eat(&mut self, text: &str) -> bool {
        let is_next = self.rest.starts_with(text);
        if is_next {
            for _ in text.chars() {
                self.bump();
            }
        }
        is_next
    }

    /// Consumes one line end of any kind.
    pub(super) fn eat_newline(&mut self) -> bool {
        self.eat("\r\n") || self.eat("\n") || self.eat("\r")
    }

    /// Consumes characters as long as `fits` holds.
    pub(super) fn take_while(&mut self, mut fits: impl FnMut(char) -> bool) -> &'a str {
        let rest = self.rest;
        while self.peek().is_some_and(&mut fits) {
            self.bump();
        }
        rest.strip_suffix(self.rest).unwrap_or_default()
    }

    /// Skips spaces, line ends behind a backslash and, between brackets, comments and other line
    /// ends.
    pub(super) fn skip_space(&mut self, is_inside: bool) {
        loop {
            self.take_while(|c| {
                matches!(c, ' ' | '\t' | '\u{c}') || is_inside && matches!(c, '\n' | '\r')
            });
            if is_inside && self.rest.starts_with('#') {
                self.skip_comment();
            } else if !["\\\r\n", "\\\n", "\\\r"].into_iter().any(|end| self.eat(end)) {
                return;
            }
        }
    }

    /// Skips a comment to the end of its line.
    fn skip_comment(&mut self) {
        if self.rest.starts_with('#') {
            self.take_while(|c| !matches!(c, '\n' | '\r'));
        }
    }

    fn is_indented(&self) -> bool {
        self.rest.starts_with([' ', '\t'])
    }

    fn word(&mut self) -> Option<&'a str> {
        self.peek().filter(|c| *c == '_' || c.is_alphabetic())?;
        Some(self.take_while(|c| c == '_' || c.is_alphanumeric()))
    }
}
