//! JSON whose members stand in the order in which they are written, as in the vendors' examples.

use alloc::{format, string::String, vec::Vec};

use serde::Serialize;

/// One JSON value, as text without white space.
#[derive(Clone, Debug)]
pub(super) struct Json(String);

impl Json {
    /// An object without members.
    pub(super) fn object() -> Self {
        Self(String::from("{}"))
    }

    /// The text of the value.
    pub(super) fn into_text(self) -> String {
        self.0
    }

    /// Adds a member at the end of an object, if there is a value.
    pub(super) fn with(mut self, name: &str, value: Option<impl Into<Self>>) -> Self {
        if let Some(value) = value {
            self.0.pop();
            let comma = if self.0.len() > 1 { "," } else { "" };
            self.0.extend([comma, &Self::from(name).0, ":", &value.into().0, "}"]);
        }
        self
    }

    /// A list, if there is anything in it.
    pub(super) fn unless_empty(values: Vec<Self>) -> Option<Self> {
        (!values.is_empty()).then(|| values.into_iter().collect())
    }
}

impl<T: Serialize> From<T> for Json {
    fn from(value: T) -> Self {
        Self(serde_json::to_string(&value).expect("texts, numbers and booleans always serialize"))
    }
}

/// Collects values into a list.
impl FromIterator<Self> for Json {
    fn from_iter<I: IntoIterator<Item = Self>>(values: I) -> Self {
        let values: Vec<_> = values.into_iter().map(|value| value.0).collect();
        Self(format!("[{}]", values.join(",")))
    }
}

/// An object: `object! { "type": "message", "summary": text }`.
macro_rules! object {
    ($($name:literal: $value:expr),* $(,)?) => {
        $crate::chat::json::Json::object()$(.with($name, Some($value)))*
    };
}
pub(super) use object;
