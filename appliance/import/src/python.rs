//! A reader of the Python of configuration files: literals assigned to names. Nothing is ever run;
//! a statement or an expression that would have to run is skipped.
//!
//! Depth, size and number of values are bounded. A parser of all of Python is a large dependency
//! for so little, and has no such bounds.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    cursor::{Cursor, DEPTH_MAX, Error, Fault},
    literal,
    value::{COST, Form, Unread, Value},
};

/// The largest text that is read, in bytes.
pub const TEXT_MAX: usize = 1 << 20;

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

/// Reads a text, whose errors are those of Python or of a bound.
pub fn parse(text: &str) -> Result<Module, Error> {
    if text.len() > TEXT_MAX {
        return Err(Error { line: 1, fault: Fault::Large });
    }
    let (cursor, module) = (Cursor::new(text), Module::default());
    let mut parser = Parser { cursor, module, budget: BUDGET, has_block: false };
    while parser.cursor.peek().is_some() {
        parser.line()?;
    }
    Ok(parser.module)
}

/// The cost that all values together may have, by [`Value::measure`].
const BUDGET: usize = 8 << 20;
/// How many skipped statements are remembered.
const PASSED_OVER_MAX: usize = 1_000;

/// Words that cannot be names.
const KEYWORDS: [&str; 16] = [
    "and", "assert", "await", "break", "continue", "del", "global", "in", "is", "lambda",
    "nonlocal", "not", "or", "raise", "return", "yield",
];
/// Keywords of statements with a block: the rest of the line, and indented lines below it.
const COMPOUND: [&str; 8] = ["async", "class", "def", "for", "if", "try", "while", "with"];
/// Keywords that continue such a statement.
const SEQUELS: [&str; 4] = ["elif", "else", "except", "finally"];
/// Keywords of statements that set nothing.
const HARMLESS: [&str; 3] = ["from", "import", "pass"];

struct Parser<'a> {
    cursor: Cursor<'a>,
    module: Module,
    budget: usize,
    /// Whether the last statement was skipped, so that indented lines may be its block.
    has_block: bool,
}

impl Parser<'_> {
    /// Reads a line with its continuations.
    fn line(&mut self) -> Result<(), Error> {
        let is_indented = matches!(self.cursor.peek(), Some(' ' | '\t'));
        self.cursor.skip_space();
        if self.cursor.is_line_over() {
            return self.end_of_line();
        }
        if is_indented {
            if !self.has_block {
                return Err(self.cursor.syntax());
            }
            self.skip_line()?;
            return self.end_of_line();
        }
        loop {
            self.statement()?;
            self.cursor.skip_space();
            if !self.cursor.eat(";") {
                break;
            }
            self.cursor.skip_space();
            if self.cursor.is_line_over() {
                break;
            }
        }
        self.end_of_line()
    }

    fn end_of_line(&mut self) -> Result<(), Error> {
        if !self.cursor.is_line_over() {
            return Err(self.cursor.syntax());
        }
        self.cursor.skip_comment();
        self.cursor.skip_newline();
        Ok(())
    }

    fn statement(&mut self) -> Result<(), Error> {
        let (begin, line) = (self.cursor.mark(), self.cursor.line);
        let word = self.cursor.word();
        self.has_block = word.is_some_and(|word| SEQUELS.contains(&word));
        if self.has_block {
            return self.skip_line();
        }
        if word.is_some_and(|word| HARMLESS.contains(&word)) {
            return self.skip_statement();
        }
        let is_compound = word.is_some_and(|word| COMPOUND.contains(&word));
        let is_keyword = is_compound || word.is_some_and(|word| KEYWORDS.contains(&word));
        if let Some(name) = word.filter(|_| !is_keyword) {
            self.cursor.skip_space();
            if self.cursor.peek() == Some(':') {
                self.cursor.bump();
                // A type annotation.
                self.skip_until(|next| matches!(next, '=' | ';'))?;
                if self.is_statement_over() {
                    return Ok(());
                }
            }
            if self.is_assignment() {
                return self.assignment(name);
            }
        }
        self.cursor.back(begin);
        // A text alone is a docstring or a comment.
        if literal::text(&mut self.cursor)?.is_some() && self.is_statement_over() {
            return Ok(());
        }
        self.has_block = true;
        if self.module.passed_over.len() < PASSED_OVER_MAX {
            self.module.passed_over.push(line);
        }
        if is_compound { self.skip_line() } else { self.skip_statement() }
    }

    fn is_statement_over(&self) -> bool {
        self.cursor.is_line_over() || self.cursor.peek() == Some(';')
    }

    /// Consumes the `=` of an assignment if it is next.
    fn is_assignment(&mut self) -> bool {
        let rest = self.cursor.rest();
        let is_next = rest.starts_with('=') && !rest.starts_with("==");
        is_next && self.cursor.eat("=")
    }

    /// Reads on after the first `name =`.
    fn assignment(&mut self, name: &str) -> Result<(), Error> {
        let mut names = Vec::from([name.to_owned()]);
        let value = loop {
            self.cursor.skip_space();
            let here = self.cursor.mark();
            let next = self.cursor.word();
            self.cursor.skip_space();
            match next {
                Some(next) if self.is_assignment() => names.push(next.to_owned()),
                _ => {
                    self.cursor.back(here);
                    break self.value(false)?;
                }
            }
        };
        let value = if self.cursor.peek() == Some(',') {
            // A tuple without brackets.
            self.skip_statement()?;
            Value { line: value.line, form: Form::Unread(Unread::Expression) }
        } else {
            value
        };
        for name in names {
            self.spend(value.measure().1)?;
            self.module.assigned.insert(name, value.clone());
        }
        Ok(())
    }

    /// Reads a value. A colon ends the key of a dict.
    fn value(&mut self, is_key: bool) -> Result<Value, Error> {
        self.cursor.skip_space();
        let line = self.cursor.line;
        self.spend(COST)?;
        let begin = self.cursor.rest().len();
        let form = self.form()?;
        self.cursor.skip_space();
        if let Some(form) = form.filter(|_| self.is_value_over(is_key)) {
            return Ok(Value { line, form });
        }
        let is_inside = self.cursor.is_inside();
        self.skip_until(|next| match next {
            ',' => true,
            ':' => is_key,
            ';' => !is_inside,
            _ => false,
        })?;
        if self.cursor.rest().len() == begin {
            return Err(self.cursor.syntax());
        }
        Ok(Value { line, form: Form::Unread(Unread::Expression) })
    }

    fn is_value_over(&self, is_key: bool) -> bool {
        match self.cursor.peek() {
            Some(':') => is_key,
            Some(',') => true,
            Some(')' | ']' | '}') => self.cursor.is_inside(),
            Some(';') => !self.cursor.is_inside(),
            _ => self.cursor.is_line_over(),
        }
    }

    /// Reads what may be a value or the beginning of an expression; `None` for anything else.
    fn form(&mut self) -> Result<Option<Form>, Error> {
        if let Some(text) = literal::text(&mut self.cursor)? {
            if let Form::Text(text) = &text {
                self.spend(text.expose().len())?;
            }
            return Ok(Some(text));
        }
        if let Some(number) = literal::number(&mut self.cursor) {
            return Ok(Some(number));
        }
        match self.cursor.peek() {
            Some('-' | '+') => Ok(self.signed()),
            Some('[') => Ok(Some(Form::List(self.elements('[')?.0))),
            Some('(') => {
                let (mut elements, is_tuple) = self.elements('(')?;
                // Brackets around one value mean nothing.
                let only = if is_tuple || elements.len() > 1 { None } else { elements.pop() };
                Ok(Some(only.map_or(Form::List(elements), |only| only.form)))
            }
            Some('{') => Ok(Some(self.braces()?)),
            _ => self.named(),
        }
    }

    fn signed(&mut self) -> Option<Form> {
        let is_minus = self.cursor.bump() == Some('-');
        self.cursor.skip_space();
        let number = literal::number(&mut self.cursor)?;
        Some(if !is_minus {
            number
        } else if let Form::Integer(number) = number {
            Form::Integer(-number)
        } else if let Form::Float(number) = number {
            Form::Float(-number)
        } else {
            number
        })
    }

    /// Reads the parts between brackets. Returns whether a comma ends them, or there are none.
    fn bracket(
        &mut self,
        bracket: char,
        mut part: impl FnMut(&mut Self) -> Result<(), Error>,
    ) -> Result<bool, Error> {
        self.cursor.enter(bracket)?;
        let mut is_separated = true;
        loop {
            self.cursor.skip_space();
            if self.cursor.leave()? {
                return Ok(is_separated);
            }
            if !is_separated {
                return Err(self.cursor.syntax());
            }
            part(self)?;
            is_separated = self.cursor.eat(",");
        }
    }

    /// The values between brackets, and whether a comma ends them or there are none.
    fn elements(&mut self, bracket: char) -> Result<(Vec<Value>, bool), Error> {
        let mut elements = Vec::new();
        let is_separated = self.bracket(bracket, |parser| {
            elements.push(parser.element()?);
            Ok(())
        })?;
        Ok((elements, is_separated))
    }

    /// Reads a value, perhaps after its name in a call.
    fn element(&mut self) -> Result<Value, Error> {
        let here = self.cursor.mark();
        let name = self.cursor.word();
        self.cursor.skip_space();
        if name.is_none() || !self.is_assignment() {
            self.cursor.back(here);
        }
        self.value(false)
    }

    /// A dict or a set.
    fn braces(&mut self) -> Result<Form, Error> {
        let mut parts = Vec::new();
        self.bracket('{', |parser| {
            let key = parser.value(true)?;
            let is_pair = parser.cursor.eat(":");
            parts.push((key, is_pair.then(|| parser.value(false)).transpose()?));
            Ok(())
        })?;
        if !parts.is_empty() && parts.iter().all(|(_, value)| value.is_none()) {
            return Ok(Form::List(parts.into_iter().map(|(element, _)| element).collect()));
        }
        // `**other` among the pairs brings more of them, which are not known; they are kept last.
        parts.sort_by_key(|(_, value)| value.is_none());
        let pair = |(key, value): (Value, Option<Value>)| {
            let unread = Value { line: key.line, form: Form::Unread(Unread::Expression) };
            (key, value.unwrap_or(unread))
        };
        Ok(Form::Dict(parts.into_iter().map(pair).collect()))
    }

    /// A constant, a name that has a value, or a call.
    fn named(&mut self) -> Result<Option<Form>, Error> {
        let Some(first) = self.cursor.word() else {
            return Ok(None);
        };
        match first {
            "True" => return Ok(Some(Form::Bool(true))),
            "False" => return Ok(Some(Form::Bool(false))),
            "None" => return Ok(Some(Form::None)),
            _ if KEYWORDS.contains(&first) || COMPOUND.contains(&first) => return Ok(None),
            _ => {}
        }
        let mut path = first.to_string();
        loop {
            self.cursor.skip_space();
            match self.cursor.peek() {
                Some('.') => {
                    self.cursor.bump();
                    self.cursor.skip_space();
                    let Some(next) = self.cursor.word() else {
                        return Ok(None);
                    };
                    path.push('.');
                    path.push_str(next);
                }
                Some(bracket @ ('(' | '[')) => {
                    self.spend(path.len())?;
                    let (arguments, _) = self.elements(bracket)?;
                    return Ok(Some(Form::Call { function: path, arguments }));
                }
                _ => break,
            }
        }
        let Some(known) = self.module.assigned.get(&path) else {
            return Ok(Some(Form::Unread(Unread::Name)));
        };
        // A name stands for a whole value, so it counts against the same bounds as its text would.
        let (depth, cost) = known.measure();
        if self.cursor.depth() + depth > DEPTH_MAX {
            return Err(Error { line: self.cursor.line, fault: Fault::Deep });
        }
        let form = known.form.clone();
        self.spend(cost)?;
        self.module.used.insert(path);
        Ok(Some(form))
    }

    fn spend(&mut self, cost: usize) -> Result<(), Error> {
        let too_many = Error { line: self.cursor.line, fault: Fault::Many };
        self.budget = self.budget.checked_sub(cost).ok_or(too_many)?;
        Ok(())
    }

    /// Skips the rest of the line.
    fn skip_line(&mut self) -> Result<(), Error> {
        self.skip_until(|_| false)
    }

    /// Skips the rest of the statement.
    fn skip_statement(&mut self) -> Result<(), Error> {
        self.skip_until(|next| next == ';')
    }

    /// Skips to a character for which `ends` holds outside of further brackets, to the end of the
    /// open bracket, or to the end of the line.
    fn skip_until(&mut self, ends: impl Fn(char) -> bool) -> Result<(), Error> {
        let is_inside = self.cursor.is_inside();
        let mut depth = 0_usize;
        loop {
            self.cursor.skip_space();
            if literal::text(&mut self.cursor)?.is_some() {
                continue;
            }
            match self.cursor.peek() {
                Some(bracket @ ('(' | '[' | '{')) => {
                    self.cursor.enter(bracket)?;
                    depth += 1;
                }
                Some(')' | ']' | '}') if depth == 0 && is_inside => return Ok(()),
                _ if depth > 0 => {
                    if self.cursor.leave()? {
                        depth -= 1;
                    } else {
                        self.skip_one();
                    }
                }
                None | Some('\n' | '\r' | '#') => return Ok(()),
                Some(')' | ']' | '}') => return Err(self.cursor.syntax()),
                Some(next) if ends(next) => return Ok(()),
                Some(_) => self.skip_one(),
            }
        }
    }

    /// Skips a character, or a whole word, as its last letters could look like a text's prefix.
    fn skip_one(&mut self) {
        if self.cursor.word().is_none() {
            self.cursor.bump();
        }
    }
}

#[cfg(test)]
mod tests;
