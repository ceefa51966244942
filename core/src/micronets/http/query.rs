//! A request's target, split into `path` and `queryStrings` and joined again.
//!
//! A query of names and values becomes `queryStrings`. Any other query stays in the path, where
//! real peers put all of them, so that it arrives unchanged.
//!
//! The real gateway understands neither and answers 404: it looks up the path with its query, and
//! appends `queryStrings` to the path behind a `&` without any `?`.

use alloc::{string::String, vec::Vec};
use core::fmt::Write;

use percent_encoding::percent_decode_str;

use crate::{base::hex, micronets::message::Pair};

/// The path and the decoded query. A query that could not be joined again to the same text stays in
/// the path.
pub(super) fn split(target: &str) -> (&str, Vec<Pair<'static>>) {
    let split = target.split_once('?').and_then(|(path, query)| Some((path, pairs(query)?)));
    split.unwrap_or((target, Vec::new()))
}

/// The target of a path and a query, with all other characters than RFC 3986 §3.3 and §3.4 allow
/// escaped.
pub(super) fn join(path: &str, query: &[Pair<'_>]) -> String {
    let mut target = String::with_capacity(path.len());
    // Escapes in the path stay.
    escape(path, |b| is_unreserved(b) || b"!$&'()*+,;=:@/?%".contains(&b), &mut target);
    let mut separator = if path.contains('?') { '&' } else { '?' };
    for Pair { name, value } in query {
        target.push(separator);
        separator = '&';
        escape(name, is_unreserved, &mut target);
        target.push('=');
        escape(value, is_unreserved, &mut target);
    }
    target
}

fn pairs(query: &str) -> Option<Vec<Pair<'static>>> {
    query
        .split('&')
        .map(|part| {
            let (name, value) = part.split_once('=')?;
            Some(Pair::new(decode(name)?, decode(value)?))
        })
        .collect()
}

/// `None` for a plus, which some read as a space and others as itself, for what is no escape, and
/// for text that is not UTF-8.
fn decode(text: &str) -> Option<String> {
    let is_octet =
        |rest: &str| hex::decode::<1>(rest.as_bytes().get(..2).unwrap_or_default()).is_some();
    if text.contains('+') || !text.split('%').skip(1).all(is_octet) {
        return None;
    }
    Some(percent_decode_str(text).decode_utf8().ok()?.into_owned())
}

fn escape(text: &str, stays: impl Fn(u8) -> bool, out: &mut String) {
    for byte in text.bytes() {
        if stays(byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String does not fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

/// Whether a byte is never escaped (RFC 3986 §2.3).
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_are_decoded_and_encoded_again() {
        let (path, query) = split("/a%20b?medium=wifi&n%C3%A4=%26%2B&e=&m=a=b");
        assert_eq!(path, "/a%20b");
        assert_eq!(
            query,
            [
                Pair::new("medium", "wifi"),
                Pair::new("nä", "&+"),
                Pair::new("e", ""),
                Pair::new("m", "a=b")
            ]
        );
        assert_eq!(join(path, &query), "/a%20b?medium=wifi&n%C3%A4=%26%2B&e=&m=a%3Db");
    }

    #[test]
    fn any_other_query_stays_in_the_path() {
        for target in ["/a", "/a?", "/a?b", "/a?b=1&", "/a?b=1+2", "/a?b=%ff", "/a?b=%4", "/a?%zz="]
        {
            assert_eq!(split(target), (target, Vec::new()));
            assert_eq!(join(target, &[]), target);
        }
        assert_eq!(join("/a?b", &[Pair::new("c", "d")]), "/a?b&c=d");
    }

    #[test]
    fn a_target_holds_nothing_that_ends_it() {
        assert_eq!(join("/a b\r\nX: ä#\"", &[]), "/a%20b%0D%0AX:%20%C3%A4%23%22");
    }
}
