//! JSON objects whose members are changed one by one, while the others keep their text.

use alloc::{borrow::ToOwned, format, string::String, string::ToString, vec::Vec};
use core::fmt;

use serde_json::Value;

use crate::event::Detail;

/// An object. Of members of the same name the last counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Object(Vec<(String, String)>);

impl Object {
    /// Reads an object. `None` for everything else.
    pub fn parse(text: &str) -> Option<Self> {
        let whole: Detail<'_> = serde_json::from_str(text).ok()?;
        if !whole.raw().starts_with('{') {
            return None;
        }
        let mut object = Self::default();
        for (name, value) in whole.members() {
            object.set(&name, value.raw().to_owned());
        }
        Some(object)
    }

    /// The names and the JSON of its members, in order.
    pub fn members(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The JSON of a member.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.members().find_map(|(known, value)| (known == name).then_some(value))
    }

    /// The text of a member that is a text.
    pub fn text(&self, name: &str) -> Option<String> {
        serde_json::from_str(self.get(name)?).ok()
    }

    /// Gives a member this JSON.
    pub fn set(&mut self, name: &str, json: String) {
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, value)) => *value = json,
            None => self.0.push((name.to_owned(), json)),
        }
    }

    /// Leaves only the members of these names.
    pub fn retain(&mut self, names: &[&str]) {
        self.0.retain(|(name, _)| names.contains(&name.as_str()));
    }
}

/// The JSON of the whole object.
impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&object(self.members()))
    }
}

/// The JSON of an object with these members.
pub fn object<'m>(members: impl Iterator<Item = (&'m str, &'m str)>) -> String {
    let members: Vec<_> = members.map(|(name, json)| format!("{}:{json}", quoted(name))).collect();
    format!("{{{}}}", members.join(","))
}

/// A text as JSON.
pub fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// Whether two texts are the same JSON, however they are written.
pub fn is_same(one: &str, other: &str) -> bool {
    let read = |text| serde_json::from_str::<Value>(text).ok();
    one == other || read(one).zip(read(other)).is_some_and(|(one, other)| one == other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_changed_keeps_its_text() {
        let text = r#"{"a":1.0e2,"b":{"x": [ 1 ,2]},"c\n":18446744073709551616,"a":"last"}"#;
        let mut object = Object::parse(text).expect("an object");
        assert_eq!(object.get("a"), Some("\"last\""));
        assert_eq!(object.text("a").as_deref(), Some("last"));
        assert_eq!((object.text("b"), object.get("none")), (None, None));
        object.set("a", "null".into());
        object.set("d", quoted("\"\u{7}"));
        assert_eq!(
            object.to_string(),
            r#"{"a":null,"b":{"x": [ 1 ,2]},"c\n":18446744073709551616,"d":"\"\u0007"}"#
        );
        object.retain(&["d"]);
        assert_eq!(object.to_string(), r#"{"d":"\"\u0007"}"#);
        for text in ["", "[]", "null", "{}x", "{\"a\":}", "\"{}\""] {
            assert_eq!(Object::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_same_json_may_be_written_in_two_ways() {
        assert!(is_same(r#"{"a":1,"b":[null]}"#, "{ \"b\": [null],\n\"a\": 1 }"));
        assert!(!is_same(r#"{"a":1}"#, r#"{"a":2}"#));
        assert!(!is_same("{", "}"));
    }
}
