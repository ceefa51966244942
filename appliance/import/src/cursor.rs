//! A place in a Python text: its line, the brackets that are open there, and what lies between
//! words. Python's lexical rules: docs.python.org/3/reference/lexical_analysis.html.

use std::fmt;

/// Why a text is not read any further. Python would refuse most of it too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    /// The line, from 1.
    pub line: u32,
    /// What is wrong there.
    pub fault: Fault,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Brackets in brackets, beyond [`DEPTH_MAX`].
    Deep,
    /// The text is larger than a configuration would be.
    Large,
    /// More values than a configuration would have, or texts repeated by name too often.
    Many,
    /// Something that cannot stand there.
    Syntax,
    /// A bracket that is not closed; the line is that of the bracket.
    Unclosed,
    /// A text without its end; the line is that of its beginning.
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

/// See the module.
pub(super) struct Cursor<'a> {
    text: &'a str,
    at: usize,
    line: u32,
    /// The open brackets, and where they were opened.
    open: Vec<(char, u32)>,
}

/// A place to come back to, at the same depth.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    at: usize,
    line: u32,
}

impl<'a> Cursor<'a> {
    /// The beginning of a text.
    pub(super) fn new(text: &'a str) -> Self {
        // RFC 3629 §6 calls it a signature; editors leave it there.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        Self { text, at: 0, line: 1, open: Vec::new() }
    }

    pub(super) const fn line(&self) -> u32 {
        self.line
    }

    pub(super) const fn mark(&self) -> Mark {
        Mark { at: self.at, line: self.line }
    }

    pub(super) const fn back(&mut self, Mark { at, line }: Mark) {
        self.at = at;
        self.line = line;
    }

    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Whether brackets are open, so that ends of lines mean nothing.
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

    /// Goes beyond `text` if it is next.
    pub(super) fn eat(&mut self, text: &str) -> bool {
        let is_next = self.rest().starts_with(text);
        if is_next {
            for _ in text.chars() {
                self.bump();
            }
        }
        is_next
    }

    /// What follows, as long as `fits`.
    pub(super) fn take_while(&mut self, mut fits: impl FnMut(char) -> bool) -> &'a str {
        let rest = self.rest();
        let from = self.at;
        while self.peek().is_some_and(&mut fits) {
            self.bump();
        }
        rest.get(..self.at - from).unwrap_or_default()
    }

    /// An identifier or keyword.
    pub(super) fn word(&mut self) -> Option<&'a str> {
        let begins = |c: char| c == '_' || c.is_alphabetic();
        self.peek().filter(|c| begins(*c))?;
        Some(self.take_while(|c| c == '_' || c.is_alphanumeric()))
    }

    /// Goes beyond everything that separates words here. Between brackets that includes comments
    /// and ends of lines.
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

    /// Up to the end of the line.
    pub(super) fn skip_comment(&mut self) {
        self.take_while(|c| !matches!(c, '\n' | '\r'));
    }

    /// One end of a line, however it is written.
    pub(super) fn skip_newline(&mut self) -> bool {
        self.eat("\r\n") || self.eat("\n") || self.eat("\r")
    }

    /// Whether nothing but a comment is left of this line.
    pub(super) fn is_line_over(&self) -> bool {
        matches!(self.peek(), None | Some('\n' | '\r' | '#'))
    }

    /// Goes into a bracket.
    pub(super) fn enter(&mut self, bracket: char) -> Result<(), Error> {
        let line = self.line;
        self.bump();
        self.open.push((bracket, line));
        if self.open.len() > DEPTH_MAX { Err(Error { line, fault: Fault::Deep }) } else { Ok(()) }
    }

    /// Goes out of the innermost bracket if that is what is next. The end of the text inside of it
    /// and another bracket's end are errors.
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
