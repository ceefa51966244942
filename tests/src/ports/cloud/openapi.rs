//! Mist's public OpenAPI document as the judge of requests to the [`Cloud`](super::Cloud) and of
//! its answers: neither shall be other than Mist documents it.
//!
//! `tests/vectors/openapi/mist.json` has the parts of the operations that it names, without
//! descriptions and examples, and without the enumeration of `port_usage`, which lists one profile
//! where Mist has any. What it does not name is not judged, nor are Mist's own cursors. It knows
//! the members of JSON Schema that are used there; of `oneOf` it asks for one or more, because the
//! document's overlap.

use std::sync::LazyLock;

use http_types::Url;
use serde_json::{Map, Value, json};

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let text = include_str!("../../../vectors/openapi/mist.json");
    serde_json::from_str(text).expect("JSON")
});

/// What is wrong with a request, and with an answer of 200 to it. None where the document does not
/// have the operation.
pub fn objections(
    method: &str,
    target: &str,
    body: &str,
    answer: Option<&str>,
) -> Option<Vec<String>> {
    let url = Url::parse(&format!("http://cloud{target}")).ok()?;
    let operation = find(method, url.path())?;
    let mut judge = Judge::default();
    for (name, text) in url.query_pairs() {
        match operation.get("query").and_then(|query| query.get(&*name)) {
            Some(schema) => judge.text(schema, &text, &format!("?{name}")),
            None if name == "search_after" => {}
            None => judge.object(&format!("?{name}"), "is not documented"),
        }
    }
    let bodies = [("body", Some(body).filter(|_| method != "GET")), ("answer", answer)];
    for (name, text) in bodies {
        if let Some((schema, text)) = operation.get(name).zip(text) {
            match serde_json::from_str(text) {
                Ok(value) => judge.value(schema, &value, name),
                Err(error) => judge.object(name, &error.to_string()),
            }
        }
    }
    Some(judge.objections)
}

/// The operation of a path, in which `{…}` stands for one part.
fn find(method: &str, path: &str) -> Option<&'static Value> {
    let is_same = |own: &str| {
        let parts = own.split('/').zip(path.split('/'));
        own.matches('/').count() == path.matches('/').count()
            && parts.into_iter().all(|(own, asked)| own == asked || own.starts_with('{'))
    };
    let operations = DOCUMENT.get("operations").and_then(Value::as_object)?;
    let mut known = operations.iter();
    let found = known.find(|(name, _)| {
        name.split_once(' ').is_some_and(|(own, template)| own == method && is_same(template))
    });
    found.map(|(_, operation)| operation)
}

#[derive(Default)]
struct Judge {
    objections: Vec<String>,
}

impl Judge {
    fn object(&mut self, place: &str, what: &str) {
        self.objections.push(format!("{place}: {what}"));
    }

    /// Judges a value of a query, which is text.
    fn text(&mut self, schema: &Value, text: &str, place: &str) {
        let as_json = serde_json::from_str::<Value>(text).ok();
        let is_plain = |value: &Value| value.is_number() || value.is_boolean();
        let candidates = [Some(json!(text)), as_json.filter(is_plain)];
        let fits = |value: &Value| {
            let mut judge = Self::default();
            judge.value(schema, value, place);
            judge.objections.is_empty()
        };
        if !candidates.iter().flatten().any(fits) {
            self.object(place, &format!("{text:?} is not {schema}"));
        }
    }

    fn value(&mut self, schema: &Value, value: &Value, place: &str) {
        let Some(schema) = schema.as_object() else {
            return;
        };
        let is_nullable = schema.get("nullable") == Some(&json!(true));
        if is_nullable && value.is_null() {
            return;
        }
        let referred = schema.get("$ref").and_then(Value::as_str);
        if let Some(name) = referred.and_then(|path| path.rsplit('/').next()) {
            let known = DOCUMENT.get("schemas").and_then(|schemas| schemas.get(name));
            self.value(known.unwrap_or_else(|| panic!("no schema {name}")), value, place);
        }
        for all in list(schema, "allOf") {
            self.value(all, value, place);
        }
        for name in ["anyOf", "oneOf"] {
            let mut judged = Vec::new();
            for one in list(schema, name) {
                let mut judge = Self::default();
                judge.value(one, value, place);
                judged.push(judge.objections);
            }
            if !judged.is_empty() && judged.iter().all(|objections| !objections.is_empty()) {
                self.objections.extend(judged.into_iter().flatten());
            }
        }
        self.plain(schema, value, place);
        match value {
            Value::Array(items) => {
                let each = schema.get("items");
                for (nth, item) in items.iter().enumerate() {
                    self.value(each.unwrap_or(&Value::Null), item, &format!("{place}[{nth}]"));
                }
            }
            Value::Object(members) => self.members(schema, members, place),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    /// Judges the type and what it may be.
    fn plain(&mut self, schema: &Map<String, Value>, value: &Value, place: &str) {
        let is_whole = || value.as_f64().is_some_and(|number| number.fract() == 0.0);
        let is_right = match schema.get("type").and_then(Value::as_str) {
            Some("array") => value.is_array(),
            Some("boolean") => value.is_boolean(),
            Some("integer") => is_whole(),
            Some("number") => value.is_number(),
            Some("object") => value.is_object(),
            Some("string") => value.is_string(),
            Some(other) => panic!("a type {other}"),
            None => true,
        };
        if !is_right {
            self.object(place, &format!("{value} is no {:?}", schema.get("type")));
        }
        let is_listed = schema.get("enum").and_then(Value::as_array);
        if is_listed.is_some_and(|listed| !listed.contains(value)) {
            self.object(place, &format!("{value} is not one of {:?}", schema.get("enum")));
        }
        let is_uuid = |text: &str| {
            let groups: Vec<usize> = text.split('-').map(str::len).collect();
            groups == [8, 4, 4, 4, 12]
        };
        if schema.get("format") == Some(&json!("uuid")) && !value.as_str().is_some_and(is_uuid) {
            self.object(place, &format!("{value} is no UUID"));
        }
        let bound = |name: &str| schema.get(name).and_then(Value::as_f64);
        let number = value.as_f64();
        if number.zip(bound("minimum")).is_some_and(|(number, least)| number < least)
            || number.zip(bound("maximum")).is_some_and(|(number, most)| number > most)
        {
            self.object(place, &format!("{value} is out of bounds"));
        }
    }

    fn members(&mut self, schema: &Map<String, Value>, members: &Map<String, Value>, place: &str) {
        for name in list(schema, "required").iter().filter_map(Value::as_str) {
            if !members.contains_key(name) {
                self.object(&format!("{place}.{name}"), "is missing");
            }
        }
        let known = schema.get("properties").and_then(Value::as_object);
        for (name, value) in members {
            let place = format!("{place}.{name}");
            match (known.and_then(|known| known.get(name)), schema.get("additionalProperties")) {
                (Some(own), _) => self.value(own, value, &place),
                (None, Some(Value::Bool(false))) => self.object(&place, "is not documented"),
                (None, Some(others)) => self.value(others, value, &place),
                (None, None) => {}
            }
        }
    }
}

fn list<'v>(schema: &'v Map<String, Value>, name: &str) -> &'v [Value] {
    schema.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORG: &str = "978c48e6-6ef6-11e6-8bbf-02e208b2d34f";

    fn said(method: &str, path: &str, body: &str, answer: Option<&str>) -> Option<Vec<String>> {
        objections(method, &format!("/api/v1/orgs/{ORG}{path}"), body, answer)
    }

    #[test]
    fn what_is_not_as_documented_is_said() {
        assert_eq!(said("GET", "/webhooks?limit=10&page=1", "", Some("[]")), Some(Vec::new()));
        assert_eq!(said("GET", "/nothing", "", None), None);
        for (path, answer, expected) in [
            ("/webhooks?limit=ten", "[]", "?limit: \"ten\" is not"),
            ("/webhooks?colour=1", "[]", "?colour: is not documented"),
            ("/webhooks", "{}", "answer: {} is no"),
            ("/webhooks", "[{\"enabled\":\"yes\"}]", "answer[0].enabled: \"yes\" is no"),
            ("/webhooks", "[{\"topics\":[\"alarms\",7]}]", "answer[0].topics[1]: 7 is no"),
            ("/webhooks", "[{\"id\":\"7\"}]", "answer[0].id: \"7\" is no UUID"),
            ("/webhooks", "[", "answer: EOF"),
        ] {
            let said = said("GET", path, "", Some(answer)).expect("an operation");
            assert!(
                said.iter().any(|said| said.starts_with(expected)),
                "{path} {answer}: {said:?}"
            );
        }
        let said = said("POST", "/webhooks", "{\"url\":7}", None).expect("an operation");
        assert_eq!(said.len(), 1, "{said:?}");
    }
}
