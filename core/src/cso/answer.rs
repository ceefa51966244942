//! The answers of CSO: lists of objects, and refusals.
//!
//! Only the members that are needed are read. An object that lacks one is left out, since it cannot
//! be the one that is looked for. An answer that should be a list and is none is refused.

use alloc::{borrow::Cow, format, string::String, vec::Vec};

use crate::{api::rejected, api::words, base::exchange::Response};
use crate::{base::failure::Failure, base::secret::Secret, event::Detail};

/// The longest uuid. They are written in 36 characters; what is longer is something else.
const UUID_MAX: usize = 64;
/// Where CSO, and Keystone within it, put their words.
const WORDS: [&str; 5] = ["message", "error_message", "error_msg", "detail", "reason"];

/// An object of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    pub uuid: String,
    /// The uuid of what it belongs to, where CSO tells it.
    pub parent_uuid: Option<String>,
    /// The names of its ancestors from the top, and its own.
    path: Vec<String>,
}

impl Named {
    /// Its own name.
    pub fn name(&self) -> Option<&str> {
        self.path.last().map(String::as_str)
    }

    /// The name of what it belongs to.
    pub fn parent(&self) -> Option<&str> {
        self.path.iter().rev().nth(1).map(String::as_str)
    }
}

/// A LAN segment of a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    pub uuid: String,
    pub vlan: Option<i64>,
}

/// The objects under `key`. `None` where there is no such list.
pub fn named(body: &[u8], key: &str) -> Option<Vec<Named>> {
    let read = |item: Detail<'_>| {
        let path = item.get("fq_name")?.texts().into_iter().map(|part| part.into_owned()).collect();
        let parent_uuid = uuid(item, "parent_uuid");
        Some(Named { uuid: uuid(item, "uuid")?, parent_uuid, path })
    };
    Some(list(body, key)?.into_iter().filter_map(read).collect())
}

/// The LAN segments that a filter found. `None` if there is no such list, or if one of them has no
/// uuid: without it a trunk would lack a segment.
pub fn segments(body: &[u8]) -> Option<Vec<Segment>> {
    let read = |item: Detail<'_>| {
        let vlan = item.get("vlan").and_then(Detail::integer);
        Some(Segment { uuid: uuid(item, "uuid")?, vlan })
    };
    list(body, "lan-segment")?.into_iter().map(read).collect()
}

/// Whether a request was not refused. `what` names the request for people. A text of CSO that
/// repeats one of `secrets` is left out.
pub fn accepted(response: &Response, what: &str, secrets: &[&Secret]) -> Result<(), Failure> {
    let Response { status, retry_after, body, .. } = response;
    let words = || words(body, secrets, said);
    let answered = || format!("CSO answers {status} to {what}: {}", words());
    Err(match status {
        200..=299 => return Ok(()),
        401 | 403 => Failure::Login,
        408 => Failure::Timeout,
        409 => Failure::Locked { holder: format!("CSO is busy with {what}: {}", words()) },
        429 | 503 => Failure::Busy { after: *retry_after },
        500..=599 => Failure::Fault { message: answered() },
        _ => Failure::Rejected { message: answered() },
    })
}

/// Whether an answer is empty or JSON. A portal in between answers with a web page.
pub fn is_readable(body: &[u8]) -> bool {
    body.trim_ascii().is_empty() || serde_json::from_slice::<Detail<'_>>(body).is_ok()
}

/// Whether there is no error in an answer whose status means success.
pub fn no_objection(body: &[u8], what: &str, secrets: &[&Secret]) -> Result<(), Failure> {
    if !is_readable(body) {
        return Err(unreadable(what));
    }
    let Ok(whole) = serde_json::from_slice::<Detail<'_>>(body) else { return Ok(()) };
    let objects = |(name, value): &(Cow<'_, str>, Detail<'_>)| match &**name {
        "error" | "errors" => !matches!(value.raw(), "null" | "false" | "\"\"" | "[]" | "{}"),
        "status" => {
            let status = value.text().unwrap_or_default().to_ascii_lowercase();
            ["error", "failed", "failure"].contains(&status.as_str())
        }
        _ => false,
    };
    let mut members = whole.members();
    members.extend(whole.get("output").map(Detail::members).unwrap_or_default());
    if !members.iter().any(objects) {
        return Ok(());
    }
    let words = words(body, secrets, said);
    Err(rejected(format!("CSO answers {what} with an error: {words}")))
}

/// The failure for an answer that is not JSON.
pub fn unreadable(what: &str) -> Failure {
    rejected(format!("CSO's answer to {what} is not JSON"))
}

/// The failure for an answer that should be a list.
pub fn no_list(what: &str) -> Failure {
    rejected(format!("CSO's answer to {what} is no list"))
}

/// The objects of a list in an object. Null is an empty one.
fn list<'a>(body: &'a [u8], key: &str) -> Option<Vec<Detail<'a>>> {
    let whole: Detail<'a> = serde_json::from_slice(body).ok()?;
    let list = whole.get(key)?;
    let objects = || list.items().into_iter().filter(|item| item.raw().starts_with('{')).collect();
    matches!(list.raw().as_bytes().first(), Some(b'[' | b'n')).then(objects)
}

/// A uuid of an object. It goes into paths and bodies, so it is nothing but letters, digits and
/// hyphens.
fn uuid(item: Detail<'_>, key: &str) -> Option<String> {
    let text = item.get(key)?.string()?;
    let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    let is_one = (1..=UUID_MAX).contains(&text.len()) && text.bytes().all(fits);
    is_one.then(|| text.into_owned())
}

/// What a JSON answer says: itself, or what it has under `output`, `error` or a name for words.
fn said(whole: Detail<'_>) -> Option<String> {
    let own = |object: Detail<'_>| {
        WORDS.iter().find_map(|name| object.get(name)?.text()).map(|text| text.into_owned())
    };
    let output = whole.get("output").unwrap_or(whole);
    let error = output.get("error").or_else(|| whole.get("error"));
    let text = |detail: Detail<'_>| detail.text().map(|text| text.into_owned());
    [error, Some(output), Some(whole)]
        .into_iter()
        .flatten()
        .find_map(own)
        .or_else(|| error.and_then(text))
        .or_else(|| text(whole))
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;

    fn words_of(body: &str) -> Option<String> {
        said(serde_json::from_str(body).expect("JSON"))
    }

    #[test]
    fn words_are_found_where_services_put_them() {
        for (body, words) in [
            (r#"{"error":{"code":400,"message":"no such profile"}}"#, Some("no such profile")),
            (r#"{"message":"no such profile"}"#, Some("no such profile")),
            (r#"{"output":{"error":{"error_msg":"no"}}}"#, Some("no")),
            (r#"{"output":{"reason":"no"},"message":"yes"}"#, Some("no")),
            (r#"{"error":"no"}"#, Some("no")),
            (r#""no""#, Some("no")),
            ("{}", None),
            ("[1,2]", None),
            (r#"{"message":null}"#, None),
        ] {
            assert_eq!(words_of(body).as_deref(), words, "{body}");
        }
    }

    #[test]
    fn each_status_has_one_meaning() {
        for status in 100..=999 {
            let after = Some(Duration::from_secs(7));
            let (session, body) = (None, b"\"why\"".to_vec());
            let response = Response { status, retry_after: after, total: None, session, body };
            let message = format!("CSO answers {status} to the change: why");
            let expected = match status {
                200..=299 => None,
                401 | 403 => Some(Failure::Login),
                408 => Some(Failure::Timeout),
                409 => Some(Failure::Locked { holder: "CSO is busy with the change: why".into() }),
                429 | 503 => Some(Failure::Busy { after }),
                500..=599 => Some(Failure::Fault { message }),
                _ => Some(Failure::Rejected { message }),
            };
            assert_eq!(accepted(&response, "the change", &[]).err(), expected);
        }
    }

    #[test]
    fn an_error_inside_a_success_is_an_error() {
        for (body, is_error) in [
            ("", false),
            ("null", false),
            ("{}", false),
            (r#"{"output":null}"#, false),
            (r#"{"output":{"status":"success"}}"#, false),
            (r#"{"error":null,"errors":[]}"#, false),
            (r#"{"status":"Failed"}"#, true),
            (r#"{"output":{"status":"failure"}}"#, true),
            (r#"{"output":{"errors":[{"message":"no"}]}}"#, true),
            (r#"{"error":"no"}"#, true),
            ("<html>", true),
        ] {
            let objection = no_objection(body.as_bytes(), "the change", &[]).err();
            assert_eq!(objection.is_some(), is_error, "{body}");
        }
    }

    #[test]
    fn a_uuid_goes_into_a_path_as_it_is() {
        for (uuid, is_one) in [
            (r#""675672e7-7563-4e00-a40d-89154d1ada2f""#, true),
            (r#""""#, false),
            (r#""../x""#, false),
            (r#""a&b=c""#, false),
            ("7", false),
            ("null", false),
        ] {
            let body =
                format!("{{\"device\":[{{\"uuid\":{uuid},\"fq_name\":[\"a\",null,\"b\"]}}]}}");
            let named = named(body.as_bytes(), "device").expect("a list");
            assert_eq!(named.len(), usize::from(is_one), "{uuid}");
            assert!(named.iter().all(|one| (one.name(), one.parent()) == (Some("b"), Some("a"))));
        }
    }
}
