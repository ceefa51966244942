//! A position in a Python text, with its line and open brackets. It knows spaces, comments, line
//! ends and words (docs.python.org/3/reference/lexical_analysis.html).

use std::fmt;

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

/// A place in a text, and the brackets that are open there.
pub(super) struct Cursor<'a> {
    text: &'a str,
    at: usize,
    pub(super) line: u32,
    /// The open brackets, and the lines on which they were opened.
    open: Vec<(char, u32)>,
}

/// A place to come back to, at the same depth: its offset and its line.
pub(super) type Mark = (usize, u32);

impl<'a> Cursor<'a> {
    /// The beginning of a text.
    pub(super) fn new(text: &'a str) -> Self {
        // The byte order mark of some editors (RFC 3629 §6).
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        Self { text, at: 0, line: 1, open: Vec::new() }
    }

    pub(super) const fn mark(&self) -> Mark {
        (self.at, self.line)
    }

    pub(super) const fn back(&mut self, mark: Mark) {
        (self.at, self.line) = mark;
    }

    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Whether brackets are open, in which line ends have no meaning.
    pub(super) fn is_inside(&self) -> bool {
        !self.open.is_empty()
    }

    /// How many brackets are open.
    pub(super) const fn depth(&self) -> usize {
        self.open.len()
    }

    pub(super) fn bump(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        if next == '\n' || (next == '\r' && self.peek() != Some('\n')) {
            self.line = self.line.saturating_add(1);
        }
        Some(next)
    }

    /// Consumes `text` if it is next.
    pub(super) fn eat(&mut self, text: &str) -> bool {
        let is_next = self.rest().starts_with(text);
        if is_next {
            for _ in text.chars() {
                self.bump();
            }
        }
        is_next
    }

    /// Consumes characters as long as `fits` holds.
    pub(super) fn take_while(&mut self, mut fits: impl FnMut(char) -> bool) -> &'a str {
        let rest = self.rest();
        let from = self.at;
        while self.peek().is_some_and(&mut fits) {
            self.bump();
        }
        rest.get(..self.at - from).unwrap_or_default()
    }

    /// Consumes an identifier or keyword.
    pub(super) fn word(&mut self) -> Option<&'a str> {
        let begins = |c: char| c == '_' || c.is_alphabetic();
        self.peek().filter(|c| begins(*c))?;
        Some(self.take_while(|c| c == '_' || c.is_alphanumeric()))
    }

    /// Skips spaces and, between brackets, comments and line ends.
    pub(super) fn skip_space(&mut self) {
        loop {
            match self.peek() {
                Some(' ' | '\t' | '\u{c}') => {}
                Some('\n' | '\r') if self.is_inside() => {}
                Some('#') if self.is_inside() => {
                    self.skip_comment();
                    continue;
                }
                Some('\\') => {
                    let here = self.mark();
                    self.bump();
                    if !self.skip_newline() {
                        self.back(here);
                        return;
                    }
                    continue;
                }
                _ => return,
            }
            self.bump();
        }
    }

    /// Skips to the end of the line.
    pub(super) fn skip_comment(&mut self) {
        self.take_while(|c| !matches!(c, '\n' | '\r'));
    }

    /// Consumes one line end of any kind.
    pub(super) fn skip_newline(&mut self) -> bool {
        self.eat("\r\n") || self.eat("\n") || self.eat("\r")
    }

    /// Whether at most a comment is left of this line.
    pub(super) fn is_line_over(&self) -> bool {
        matches!(self.peek(), None | Some('\n' | '\r' | '#'))
    }

    /// Consumes an opening bracket.
    pub(super) fn enter(&mut self, bracket: char) -> Result<(), Error> {
        let line = self.line;
        self.bump();
        self.open.push((bracket, line));
        if self.open.len() > DEPTH_MAX { Err(Error { line, fault: Fault::Deep }) } else { Ok(()) }
    }

    /// Consumes the end of the innermost bracket if it is next. The end of the text and that of
    /// another bracket are errors.
    pub(super) fn leave(&mut self) -> Result<bool, Error> {
        let (bracket, line) = self.open.last().copied().unwrap_or((' ', self.line));
        let end = match bracket {
            '(' => ')',
            '[' => ']',
            _ => '}',
        };
        match self.peek() {
            None => Err(Error { line, fault: Fault::Unclosed }),
            Some(next) if next == end => {
                self.bump();
                self.open.pop();
                Ok(true)
            }
            Some(')' | ']' | '}') => Err(self.syntax()),
            Some(_) => Ok(false),
        }
    }

    pub(super) const fn syntax(&self) -> Error {
        Error { line: self.line, fault: Fault::Syntax }
    }
}
