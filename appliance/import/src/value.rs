//! The values that the old programs' Python files assign.

use std::{fmt, rc::Rc};

use mistgate_core::base::secret::Secret;

/// A value and where it is written.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    /// The line on which it begins, from 1.
    pub line: u32,
    pub form: Form,
}

/// The values that such files use. Every text may be a credential, so none of them can be printed.
#[derive(Clone, Debug, PartialEq)]
pub enum Form {
    /// `True` or `False`
    Bool(bool),
    /// `function(arguments)` or `function[argument]`, which is not called: the values in the
    /// brackets, without the names of named ones.
    Call(Vec<Value>),
    /// Keys and values in their order, repeated keys included.
    Dict(Vec<(Value, Value)>),
    /// A number with a point or an exponent.
    Float(f64),
    /// A whole number.
    Integer(i64),
    /// A list, tuple or set.
    List(Vec<Value>),
    None,
    /// A text without its escapes, its parts joined.
    Text(Rc<Secret>),
    /// What has no value until Python runs, or one of a kind that no setting has; holds the reason.
    Unread(&'static str),
}

/// Why an expression was not read as a value, in words that follow "this is".
pub mod unread {
    pub const ESCAPE: &str = "a text with an escape that is not read";
    /// For operators, comprehensions, conditions, slices and the like.
    pub const EXPRESSION: &str = "an expression, and nothing of the file is run";
    /// For bytes too.
    pub const FORMAT: &str = "an f-string, and nothing of the file is run";
    pub const NAME: &str = "a name that the file gives no text or number before";
    /// For a number of more than 64 bits, an imaginary one, or one that is not decimal.
    pub const NUMBER: &str = "a number of no use here";
}

impl Value {
    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        if let Form::Text(text) = &self.form { Some(text.expose()) } else { None }
    }
}

/// In words that follow "this is".
impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bool(true) => "True",
            Self::Bool(false) => "False",
            Self::Call(_) => "a call, and nothing of the file is run",
            Self::Dict(_) => "a dict",
            Self::Float(_) | Self::Integer(_) => "a number",
            Self::List(_) => "a list",
            Self::None => "None",
            Self::Text(_) => "a text",
            Self::Unread(reason) => reason,
        })
    }
}
