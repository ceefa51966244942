//! A reader of the Python of configuration files: literals assigned to names. Nothing is ever run;
//! a statement or an expression that would have to run is skipped.
//!
//! Depth, size and number of values are bounded. A parser of all of Python is a large dependency
//! for so little, and has no such bounds.

use std::collections::{BTreeMap, BTreeSet};

use super::cursor::{DEPTH_MAX, Error, Fault, Token, Tokens};
use super::value::{COST, Form, Value, unread};

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
    let (tokens, module) = (Tokens::new(text)?, Module::default());
    let mut parser = Parser { tokens, module, budget: BUDGET, depth: 0, has_block: false };
    while !matches!(parser.tokens.next, Token::End) {
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
    tokens: Tokens<'a>,
    module: Module,
    budget: usize,
    /// How many brackets are open.
    depth: usize,
    /// Whether the last statement was skipped, so that indented lines may be its block.
    has_block: bool,
}

impl<'a> Parser<'a> {
    /// Reads a line with its continuations.
    fn line(&mut self) -> Result<(), Error> {
        if !self.is_line_over() {
            if self.tokens.is_indented {
                if !self.has_block {
                    return Err(self.tokens.syntax());
                }
                self.skip_line()?;
            } else {
                self.statement()?;
                while self.tokens.eat(';')? && !self.is_line_over() {
                    self.statement()?;
                }
            }
        }
        if self.is_line_over() { self.take().map(drop) } else { Err(self.tokens.syntax()) }
    }

    fn statement(&mut self) -> Result<(), Error> {
        let line = self.tokens.line;
        let word = self.word()?;
        let is = |words: &[&str]| word.is_some_and(|word| words.contains(&word));
        self.has_block = is(&SEQUELS);
        if self.has_block {
            return self.skip_line();
        }
        if is(&HARMLESS) {
            return self.skip_statement();
        }
        if let Some(name) = word.filter(|_| !is(&COMPOUND) && !is(&KEYWORDS)) {
            if self.tokens.eat(':')? {
                // A type annotation.
                self.skip_until(|next| matches!(next, '=' | ';'))?;
                if self.is_statement_over() {
                    return Ok(());
                }
            }
            if self.tokens.eat('=')? {
                return self.assignment(name);
            }
        } else if word.is_none() && matches!(self.tokens.next, Token::Text(_)) {
            // A text alone is a docstring or a comment.
            self.take()?;
            if self.is_statement_over() {
                return Ok(());
            }
        }
        self.has_block = true;
        if self.module.passed_over.len() < PASSED_OVER_MAX {
            self.module.passed_over.push(line);
        }
        if is(&COMPOUND) { self.skip_line() } else { self.skip_statement() }
    }

    /// Reads on after the first `name =`.
    fn assignment(&mut self, name: &'a str) -> Result<(), Error> {
        let (mut names, mut value) = self.assigned()?;
        names.push(name);
        if matches!(self.tokens.next, Token::Other(',')) {
            // A tuple without brackets.
            self.skip_statement()?;
            value.form = Form::Unread(unread::EXPRESSION);
        }
        for name in names {
            self.spend(value.measure().1)?;
            self.module.assigned.insert(name.to_owned(), value.clone());
        }
        Ok(())
    }

    /// Reads a value with the names before it, each with an `=` behind it.
    fn assigned(&mut self) -> Result<(Vec<&'a str>, Value), Error> {
        let mut names = Vec::new();
        loop {
            let line = self.tokens.line;
            match self.word()? {
                Some(name) if self.tokens.eat('=')? => names.push(name),
                word => return Ok((names, self.value_from(word, line, false)?)),
            }
        }
    }

    /// Reads a value. A colon ends the key of a dict.
    fn value(&mut self, is_key: bool) -> Result<Value, Error> {
        let line = self.tokens.line;
        let word = self.word()?;
        self.value_from(word, line, is_key)
    }

    /// Reads the rest of a value whose first word, if it begins with one, was taken from that line.
    fn value_from(
        &mut self,
        word: Option<&'a str>,
        line: u32,
        is_key: bool,
    ) -> Result<Value, Error> {
        self.spend(COST)?;
        let form = match word {
            Some(word) => self.named(word)?,
            None if self.is_value_over(is_key) => return Err(self.tokens.syntax()),
            None => self.form()?,
        };
        if let Some(form) = form.filter(|_| self.is_value_over(is_key)) {
            return Ok(Value { line, form });
        }
        let is_inside = self.depth > 0;
        self.skip_until(|next| match next {
            ',' => true,
            ':' => is_key,
            ';' => !is_inside,
            _ => false,
        })?;
        Ok(Value { line, form: Form::Unread(unread::EXPRESSION) })
    }

    const fn is_line_over(&self) -> bool {
        matches!(self.tokens.next, Token::Newline | Token::End)
    }

    const fn is_statement_over(&self) -> bool {
        self.is_line_over() || matches!(self.tokens.next, Token::Other(';'))
    }

    const fn is_value_over(&self, is_key: bool) -> bool {
        matches!(self.tokens.next, Token::Close | Token::Other(','))
            || is_key && matches!(self.tokens.next, Token::Other(':'))
            || self.depth == 0 && self.is_statement_over()
    }

    /// Reads what may be a value, or the beginning of an expression, and begins with no word.
    fn form(&mut self) -> Result<Option<Form>, Error> {
        if let Token::Other(sign @ ('-' | '+')) = self.tokens.next {
            self.take()?;
            if !matches!(self.tokens.next, Token::Number(_)) {
                return Ok(None);
            }
            return Ok(match self.literal()? {
                Some(Form::Integer(number)) if sign == '-' => Some(Form::Integer(-number)),
                Some(Form::Float(number)) if sign == '-' => Some(Form::Float(-number)),
                number => number,
            });
        }
        let Token::Open(bracket) = self.tokens.next else {
            return self.literal();
        };
        if bracket == '{' {
            return self.braces().map(Some);
        }
        let (mut elements, is_tuple) = self.elements()?;
        // Round brackets around one value mean nothing.
        let is_one = bracket == '(' && !is_tuple && elements.len() == 1;
        let only = if is_one { elements.pop() } else { None };
        Ok(Some(only.map_or(Form::List(elements), |only| only.form)))
    }

    /// Takes a text or a number, if one is next.
    fn literal(&mut self) -> Result<Option<Form>, Error> {
        if !matches!(self.tokens.next, Token::Text(_) | Token::Number(_)) {
            return Ok(None);
        }
        let (Token::Text(form) | Token::Number(form)) = self.take()? else {
            return Ok(None);
        };
        if let Form::Text(text) = &form {
            self.spend(text.expose().len())?;
        }
        Ok(Some(form))
    }

    /// Reads the parts between brackets. Returns whether a comma ends them, or there are none.
    fn bracket(
        &mut self,
        mut part: impl FnMut(&mut Self) -> Result<(), Error>,
    ) -> Result<bool, Error> {
        self.take()?;
        let mut is_separated = true;
        while !matches!(self.tokens.next, Token::Close) {
            if !is_separated {
                return Err(self.tokens.syntax());
            }
            part(self)?;
            is_separated = self.tokens.eat(',')?;
        }
        self.take()?;
        Ok(is_separated)
    }

    /// The values between brackets, without the names of named arguments, and whether a comma ends
    /// them or there are none.
    fn elements(&mut self) -> Result<(Vec<Value>, bool), Error> {
        let mut elements = Vec::new();
        let is_separated = self.bracket(|parser| {
            elements.push(parser.assigned()?.1);
            Ok(())
        })?;
        Ok((elements, is_separated))
    }

    /// A dict or a set.
    fn braces(&mut self) -> Result<Form, Error> {
        let mut parts = Vec::new();
        self.bracket(|parser| {
            let key = parser.value(true)?;
            let is_pair = parser.tokens.eat(':')?;
            parts.push((key, is_pair.then(|| parser.value(false)).transpose()?));
            Ok(())
        })?;
        if !parts.is_empty() && parts.iter().all(|(_, value)| value.is_none()) {
            return Ok(Form::List(parts.into_iter().map(|(element, _)| element).collect()));
        }
        // `**other` among the pairs brings more of them, which are not known; they are kept last.
        parts.sort_by_key(|(_, value)| value.is_none());
        let pair = |(key, value): (Value, Option<Value>)| {
            let unread = Value { line: key.line, form: Form::Unread(unread::EXPRESSION) };
            (key, value.unwrap_or(unread))
        };
        Ok(Form::Dict(parts.into_iter().map(pair).collect()))
    }

    /// A constant, a name that has a value, or a call, which begins with this word.
    fn named(&mut self, first: &str) -> Result<Option<Form>, Error> {
        match first {
            "True" => return Ok(Some(Form::Bool(true))),
            "False" => return Ok(Some(Form::Bool(false))),
            "None" => return Ok(Some(Form::None)),
            _ if KEYWORDS.contains(&first) || COMPOUND.contains(&first) => return Ok(None),
            _ => {}
        }
        let mut path = first.to_owned();
        loop {
            if matches!(self.tokens.next, Token::Open('(' | '[')) {
                self.spend(path.len())?;
                let (arguments, _) = self.elements()?;
                return Ok(Some(Form::Call { function: path, arguments }));
            }
            if !self.tokens.eat('.')? {
                break;
            }
            let Some(next) = self.word()? else {
                return Ok(None);
            };
            path.push('.');
            path.push_str(next);
        }
        let Some(known) = self.module.assigned.get(&path) else {
            return Ok(Some(Form::Unread(unread::NAME)));
        };
        // A name stands for a whole value, so it counts against the same bounds as its text would.
        let (depth, cost) = known.measure();
        if self.depth + depth > DEPTH_MAX {
            return Err(Error { line: self.tokens.line, fault: Fault::Deep });
        }
        let form = known.form.clone();
        self.spend(cost)?;
        self.module.used.insert(path);
        Ok(Some(form))
    }

    fn spend(&mut self, cost: usize) -> Result<(), Error> {
        let too_many = Error { line: self.tokens.line, fault: Fault::Many };
        self.budget = self.budget.checked_sub(cost).ok_or(too_many)?;
        Ok(())
    }

    fn take(&mut self) -> Result<Token<'a>, Error> {
        let token = self.tokens.take()?;
        if matches!(token, Token::Open(_)) {
            self.depth += 1;
        } else if matches!(token, Token::Close) {
            self.depth -= 1;
        }
        Ok(token)
    }

    /// Takes the next token if it is a word.
    fn word(&mut self) -> Result<Option<&'a str>, Error> {
        let Token::Word(word) = self.tokens.next else {
            return Ok(None);
        };
        self.take()?;
        Ok(Some(word))
    }

    fn skip_line(&mut self) -> Result<(), Error> {
        self.skip_until(|_| false)
    }

    fn skip_statement(&mut self) -> Result<(), Error> {
        self.skip_until(|next| next == ';')
    }

    /// Skips to a character for which `ends` holds outside of further brackets, to the end of the
    /// open bracket, or to the end of the line.
    fn skip_until(&mut self, ends: impl Fn(char) -> bool) -> Result<(), Error> {
        let depth = self.depth;
        loop {
            let is_end = matches!(self.tokens.next, Token::Close)
                || matches!(self.tokens.next, Token::Other(next) if ends(next));
            if self.is_line_over() || is_end && self.depth == depth {
                return Ok(());
            }
            self.take()?;
        }
    }
}

#[cfg(test)]
mod tests;
