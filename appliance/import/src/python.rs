//! A reader of the Python of configuration files: literals assigned to names. Nothing is ever run;
//! a statement or an expression that would have to run is skipped, and so is what no setting needs,
//! such as numbers that are not decimal.
//!
//! Depth and size are bounded. A parser of all of Python is a large dependency for so little, and
//! has no such bounds. The rules: docs.python.org/3/reference/lexical_analysis.html.

use std::collections::{BTreeMap, BTreeSet};

use zeroize::Zeroizing;

use super::value::{Form, Value, unread};

/// The largest text that is read, in bytes.
pub const TEXT_MAX: usize = 1 << 20;
/// The most brackets in one another.
pub const DEPTH_MAX: usize = 32;

/// Why a text was refused, as Python would or because of a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    /// The line, counted from 1.
    pub line: u32,
    pub what: &'static str,
}

/// The assignments of a file.
#[derive(Debug, Default)]
pub struct Module {
    /// The names at the top level, with their last values.
    pub assigned: BTreeMap<String, Value>,
    /// Names that stand for their values in later ones.
    pub used: BTreeSet<String>,
    /// The lines of skipped statements that may do something.
    pub passed_over: Vec<u32>,
}

/// Reads a text.
pub fn parse(text: &str) -> Result<Module, Error> {
    if text.len() > TEXT_MAX {
        return Err(Error { line: 1, what: "larger than 1MiB" });
    }
    // The byte order mark of some editors (RFC 3629 §6), and line ends of any kind.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let text = Zeroizing::new(Zeroizing::new(text.replace("\r\n", "\n")).replace('\r', "\n"));
    let (open, module) = (Vec::new(), Module::default());
    let mut reader = Reader { rest: &text, line: 1, open, has_block: false, module };
    while !reader.rest.is_empty() {
        reader.line()?;
    }
    Ok(reader.module)
}

/// How many skipped statements are remembered.
const PASSED_OVER_MAX: usize = 1_000;

/// Keywords of statements with a block: the rest of the line, and indented lines below it.
const COMPOUND: [&str; 8] = ["async", "class", "def", "for", "if", "try", "while", "with"];
/// Keywords that continue such a statement.
const SEQUELS: [&str; 4] = ["elif", "else", "except", "finally"];
/// Keywords of statements that set nothing.
const HARMLESS: [&str; 3] = ["from", "import", "pass"];

/// A position in a text, and what was read before it.
pub(super) struct Reader<'a> {
    pub(super) rest: &'a str,
    pub(super) line: u32,
    /// The ends of the open brackets, and the lines on which these were opened.
    open: Vec<(char, u32)>,
    /// Whether the last statement was skipped, so that indented lines may be its block.
    has_block: bool,
    module: Module,
}

impl<'a> Reader<'a> {
    /// Reads a line with its continuations.
    fn line(&mut self) -> Result<(), Error> {
        let is_indented = self.rest.starts_with([' ', '\t']);
        self.skip_space();
        if is_indented && !self.is_over("") {
            if !self.has_block {
                return Err(self.wrong());
            }
            self.skip_until("")?;
        }
        while !self.is_over("") {
            self.statement()?;
            if !self.eat(";") {
                break;
            }
            self.skip_space();
        }
        let is_over = self.eat("\n") || self.rest.is_empty() && self.open.is_empty();
        if is_over { Ok(()) } else { Err(self.wrong()) }
    }

    fn statement(&mut self) -> Result<(), Error> {
        let (line, mut ends) = (self.line, ";");
        self.has_block = false;
        if let Some(name) = self.target() {
            return self.assignment(name);
        }
        if let Some(prefix) = self.prefix() {
            // A text alone is a docstring or a comment.
            self.text(prefix)?;
            if self.is_over(ends) {
                return Ok(());
            }
        }
        let word = self.word();
        self.skip_space();
        if HARMLESS.contains(&word) {
            return self.skip_until(ends);
        }
        if COMPOUND.contains(&word) || SEQUELS.contains(&word) {
            ends = "";
        } else if !word.is_empty() && self.eat(":") {
            // A type annotation.
            self.skip_until("=;")?;
            if self.eat("=") {
                return self.assignment(word);
            }
            return Ok(());
        }
        self.has_block = true;
        if !SEQUELS.contains(&word) && self.module.passed_over.len() < PASSED_OVER_MAX {
            self.module.passed_over.push(line);
        }
        self.skip_until(ends)
    }

    /// Reads on after `name =`.
    fn assignment(&mut self, name: &str) -> Result<(), Error> {
        let value = self.value(";")?;
        self.module.assigned.insert(name.to_owned(), value);
        Ok(())
    }

    /// Takes a name and the `=` behind it, if both are next.
    fn target(&mut self) -> Option<&'a str> {
        let before = (self.rest, self.line);
        let name = self.word();
        self.skip_space();
        if !name.is_empty() && !self.rest.starts_with("==") && self.eat("=") {
            return Some(name);
        }
        (self.rest, self.line) = before;
        None
    }

    /// Reads a value up to one of these characters, or to the end of the bracket or line.
    fn value(&mut self, ends: &str) -> Result<Value, Error> {
        self.skip_space();
        let line = self.line;
        if self.is_over(ends) {
            return Err(self.wrong());
        }
        let mut form = self.form()?;
        self.skip_space();
        if !self.is_over(ends) {
            self.skip_until(ends)?;
            form = Form::Unread(unread::EXPRESSION);
        }
        Ok(Value { line, form })
    }

    /// Reads what may be a value, or the beginning of an expression.
    fn form(&mut self) -> Result<Form, Error> {
        if let Some(prefix) = self.prefix() {
            return self.text(prefix);
        }
        match self.peek() {
            Some('{') => return self.braces(),
            Some(bracket @ ('(' | '[')) => {
                let (mut elements, is_tuple) = self.elements(bracket)?;
                // Round brackets around one value mean nothing.
                let is_one = bracket == '(' && !is_tuple && elements.len() == 1;
                let only = if is_one { elements.pop() } else { None };
                return Ok(only.map_or(Form::List(elements), |only| only.form));
            }
            Some(_) | None => {}
        }
        if self.rest.trim_start_matches(['+', '-', '.']).starts_with(|c: char| c.is_ascii_digit()) {
            return Ok(self.number());
        }
        match self.word() {
            "" => Ok(Form::Unread(unread::EXPRESSION)),
            "True" => Ok(Form::Bool(true)),
            "False" => Ok(Form::Bool(false)),
            "None" => Ok(Form::None),
            word => self.named(word),
        }
    }

    fn number(&mut self) -> Form {
        let begin = self.rest;
        self.take_while(|c| matches!(c, '+' | '-'));
        self.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.'));
        let written = begin.strip_suffix(self.rest).unwrap_or_default().replace('_', "");
        let float = || written.parse().ok().filter(|float: &f64| float.is_finite());
        let float = if written.contains(['.', 'e', 'E']) { float() } else { None };
        let number = written.parse().map(Form::Integer).ok().or(float.map(Form::Float));
        number.unwrap_or(Form::Unread(unread::NUMBER))
    }

    /// A name that has a value, or a call, which begins with this word.
    fn named(&mut self, name: &str) -> Result<Form, Error> {
        let mut is_alone = true;
        loop {
            self.skip_space();
            if let Some(bracket @ ('(' | '[')) = self.peek() {
                return Ok(Form::Call(self.elements(bracket)?.0));
            }
            if !self.eat(".") {
                break;
            }
            is_alone = false;
            self.skip_space();
            self.word();
        }
        let known = self.module.assigned.get(name).map(|known| &known.form);
        // Lists of lists of lists would have no bound.
        let is_taken = |form: &&Form| {
            is_alone && !matches!(form, Form::Call(_) | Form::Dict(_) | Form::List(_))
        };
        let Some(form) = known.filter(is_taken).cloned() else {
            return Ok(Form::Unread(unread::NAME));
        };
        self.module.used.insert(name.to_owned());
        Ok(form)
    }

    /// Reads the parts between brackets. Returns whether a comma ends them, or there are none.
    fn bracket(
        &mut self,
        begin: char,
        mut part: impl FnMut(&mut Self) -> Result<(), Error>,
    ) -> Result<bool, Error> {
        self.open(begin)?;
        let mut is_separated = true;
        loop {
            self.skip_space();
            if self.is_over("") {
                self.close()?;
                return Ok(is_separated);
            }
            if !is_separated {
                return Err(self.wrong());
            }
            part(self)?;
            is_separated = self.eat(",");
        }
    }

    /// The values between brackets, without the names of named arguments, and whether a comma ends
    /// them or there are none.
    fn elements(&mut self, begin: char) -> Result<(Vec<Value>, bool), Error> {
        let mut elements = Vec::new();
        let is_separated = self.bracket(begin, |reader| {
            reader.target();
            elements.push(reader.value(",")?);
            Ok(())
        })?;
        Ok((elements, is_separated))
    }

    /// A dict or a set.
    fn braces(&mut self) -> Result<Form, Error> {
        let mut parts = Vec::new();
        self.bracket('{', |reader| {
            let key = reader.value(",:")?;
            let is_pair = reader.eat(":");
            parts.push((key, is_pair.then(|| reader.value(",")).transpose()?));
            Ok(())
        })?;
        if !parts.is_empty() && parts.iter().all(|(_, value)| value.is_none()) {
            return Ok(Form::List(parts.into_iter().map(|(element, _)| element).collect()));
        }
        // `**other` among the pairs brings more of them, which are not known.
        let pair = |(key, value): (Value, Option<Value>)| {
            let unread = Value { line: key.line, form: Form::Unread(unread::EXPRESSION) };
            (key, value.unwrap_or(unread))
        };
        Ok(Form::Dict(parts.into_iter().map(pair).collect()))
    }

    /// Whether nothing more belongs to what is read, which one of these characters ends, or the end
    /// of the bracket or line.
    pub(super) fn is_over(&self, ends: &str) -> bool {
        let is_end = |next| matches!(next, '\n' | ')' | ']' | '}') || ends.contains(next);
        self.peek().is_none_or(is_end)
    }

    /// Skips to one of these characters outside of further brackets, or to the end of the bracket
    /// or line.
    fn skip_until(&mut self, ends: &str) -> Result<(), Error> {
        let depth = self.open.len();
        loop {
            self.skip_space();
            if self.rest.is_empty() || self.open.len() == depth && self.is_over(ends) {
                return Ok(());
            }
            match (self.prefix(), self.peek()) {
                (Some(prefix), _) => drop(self.text(prefix)?),
                (None, Some(begin @ ('(' | '[' | '{'))) => self.open(begin)?,
                (None, Some(')' | ']' | '}')) => self.close()?,
                (None, _) => _ = self.bump(),
            }
        }
    }

    fn open(&mut self, begin: char) -> Result<(), Error> {
        if self.open.len() == DEPTH_MAX {
            return Err(Error { line: self.line, what: "more than 32 brackets in one another" });
        }
        let end = match begin {
            '(' => ')',
            '[' => ']',
            _ => '}',
        };
        self.open.push((end, self.line));
        self.bump();
        Ok(())
    }

    fn close(&mut self) -> Result<(), Error> {
        if self.peek().is_none() || self.peek() != self.open.last().map(|(end, _)| *end) {
            return Err(self.wrong());
        }
        self.open.pop();
        self.bump();
        Ok(())
    }

    /// What is wrong with the next character.
    fn wrong(&self) -> Error {
        let unclosed = self.open.last().filter(|_| self.rest.is_empty());
        let what = "this is not Python";
        unclosed.map_or(Error { line: self.line, what }, |(_, line)| Error {
            line: *line,
            what: "this bracket is not closed",
        })
    }

    /// Skips spaces, comments, line ends behind a backslash and, between brackets, any other.
    pub(super) fn skip_space(&mut self) {
        loop {
            let is_inside = !self.open.is_empty();
            self.take_while(|c| matches!(c, ' ' | '\t' | '\u{c}') || is_inside && c == '\n');
            if self.rest.starts_with('#') {
                self.take_while(|c| c != '\n');
            } else if !self.eat("\\\n") {
                return;
            }
        }
    }

    /// Takes an identifier or a keyword; nothing if none is next.
    fn word(&mut self) -> &'a str {
        let is_next = self.peek().is_some_and(|c| c == '_' || c.is_alphabetic());
        self.take_while(|c| is_next && (c == '_' || c.is_alphanumeric()))
    }

    /// Takes characters as long as `fits` holds.
    fn take_while(&mut self, fits: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest;
        while self.peek().is_some_and(&fits) {
            self.bump();
        }
        rest.strip_suffix(self.rest).unwrap_or_default()
    }

    /// Takes `text` if it is next.
    pub(super) fn eat(&mut self, text: &str) -> bool {
        let is_next = self.rest.starts_with(text);
        if is_next {
            text.chars().for_each(|_| _ = self.bump());
        }
        is_next
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    pub(super) fn bump(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.rest = self.rest.get(next.len_utf8()..).unwrap_or_default();
        self.line += u32::from(next == '\n');
        Some(next)
    }
}

#[cfg(test)]
mod tests;
