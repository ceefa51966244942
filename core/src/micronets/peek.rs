//! A light look at a relayed message: is it a request that waits for a response, or a response?
//!
//! The relay looks at every message that it passes on, so this neither copies nor validates: it
//! reads only as far as the type and the id, and a message that does not begin like an object costs
//! one byte. It has limits that [`Message::parse`](super::message::Message::parse) does not have.
//! It misses oddities such as an escaped letter in a type, and then sees no request; of repeated
//! members it may see the first, where a peer takes the last. Both harm only the peer that writes
//! so.

use alloc::borrow::Cow;

use memchr::memchr2;

use super::message::Id;

/// What the relay needs to know about a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peek<'a> {
    /// A `REST:REQUEST` of that id, whose sender waits for the response.
    Request(Id<'a>),
    /// The `REST:RESPONSE` to the request of that id.
    Response(Id<'a>),
}

/// Looks at a message; `None` for whatever is neither a waiting request nor a response.
pub fn peek(payload: &[u8]) -> Option<Peek<'_>> {
    let mut scanner = Scanner { rest: payload, first: true };
    scanner.open()?;
    while let Some(name) = scanner.name() {
        if name == b"message" {
            return message(&mut scanner);
        }
        scanner.value()?;
    }
    None
}

fn message<'a>(scanner: &mut Scanner<'a>) -> Option<Peek<'a>> {
    let (mut is_request, mut id, mut origin, mut waits) = (None, None, None, None);
    scanner.open()?;
    while let Some(name) = scanner.name() {
        let value = scanner.value()?;
        match name {
            b"messageType" => {
                is_request = Some(match value {
                    b"\"REST:REQUEST\"" => true,
                    b"\"REST:RESPONSE\"" => false,
                    _ => return None,
                });
            }
            b"messageId" => id = read_id(value),
            b"inResponseTo" => origin = read_id(value),
            b"requiresResponse" => waits = Some(value != b"false"),
            _ => {}
        }
        let is_known = match is_request {
            Some(true) => id.is_some() && waits.is_some(),
            Some(false) => origin.is_some(),
            None => false,
        };
        if is_known {
            break;
        }
    }
    if is_request? {
        id.filter(|_| waits != Some(false)).map(Peek::Request)
    } else {
        origin.map(Peek::Response)
    }
}

fn read_id(value: &[u8]) -> Option<Id<'_>> {
    let quoted = value.strip_prefix(b"\"").and_then(|text| text.strip_suffix(b"\""));
    let text = core::str::from_utf8(quoted.unwrap_or(value)).ok()?;
    if text.contains('\\') {
        return None;
    }
    Id::written(Cow::Borrowed(text), quoted.is_some())
}

/// A position in a text that is assumed to be JSON.
struct Scanner<'a> {
    rest: &'a [u8],
    /// Whether the next member is the first of its object.
    first: bool,
}

impl<'a> Scanner<'a> {
    /// Enters an object.
    fn open(&mut self) -> Option<()> {
        self.first = true;
        self.byte(b'{')
    }

    /// The next member's name; `None` at the end of the object.
    fn name(&mut self) -> Option<&'a [u8]> {
        if !core::mem::take(&mut self.first) {
            self.byte(b',')?;
        }
        self.rest = self.rest.trim_ascii_start();
        let quoted = self.string()?;
        self.byte(b':')?;
        quoted.get(1..quoted.len() - 1)
    }

    /// The next value's text.
    fn value(&mut self) -> Option<&'a [u8]> {
        self.rest = self.rest.trim_ascii_start();
        match self.rest.first()? {
            b'"' => self.string(),
            b'{' | b'[' => self.nested(),
            _ => {
                let is_end = |b: &u8| matches!(b, b',' | b'}' | b']') || b.is_ascii_whitespace();
                let end = self.rest.iter().position(is_end)?;
                self.split(end)
            }
        }
    }

    fn byte(&mut self, expected: u8) -> Option<()> {
        let (first, rest) = self.rest.trim_ascii_start().split_first()?;
        self.rest = rest;
        (*first == expected).then_some(())
    }

    /// A string with its quotes.
    fn string(&mut self) -> Option<&'a [u8]> {
        let end = string_end(self.rest)?;
        self.split(end)
    }

    /// A whole object or list.
    fn nested(&mut self) -> Option<&'a [u8]> {
        let (mut depth, mut at) = (0_usize, 0);
        loop {
            match self.rest.get(at)? {
                b'"' => {
                    at += string_end(self.rest.get(at..)?)?;
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            at += 1;
            if depth == 0 {
                return self.split(at);
            }
        }
    }

    fn split(&mut self, at: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(at)?;
        self.rest = rest;
        Some(taken)
    }
}

/// The end of the string at the beginning of `text`, behind its closing quote.
fn string_end(text: &[u8]) -> Option<usize> {
    /// Most strings are short, and a vectorised search takes longer to begin.
    const SHORT: usize = 32;
    let mut at = 1;
    text.strip_prefix(b"\"")?;
    loop {
        let rest = text.get(at..)?;
        let is_mark = |b: &u8| matches!(b, b'"' | b'\\');
        at += match rest.iter().take(SHORT).position(is_mark) {
            Some(near) => near,
            None => SHORT + memchr2(b'"', b'\\', rest.get(SHORT..)?)?,
        };
        if text.get(at)? == &b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(payload: &str, expected: Option<Peek<'_>>) {
        assert_eq!(peek(payload.as_bytes()), expected, "{payload}");
    }

    #[test]
    fn a_waiting_request_is_seen_in_any_order_and_spacing() {
        let three = || Some(Peek::Request(Id::number(3)));
        check(
            r#"{"message":{"messageId":3,"messageType":"REST:REQUEST","requiresResponse":true}}"#,
            three(),
        );
        check(
            r#" { "id" : 7 , "message" : { "messageBody" : {"messageId":[9,"}\"]{"]} ,
                "requiresResponse":true,"messageType" : "REST:REQUEST" , "messageId" : 3 } } "#,
            three(),
        );
        check(r#"{"message":{"messageType":"REST:REQUEST","messageId":"3"}}"#, three());
        // What is cut off behind the answer was not looked at.
        check(
            r#"{"message":{"messageType":"REST:REQUEST","messageId":3,"requiresResponse":1,"#,
            three(),
        );
    }

    #[test]
    fn a_response_is_seen_by_what_it_answers() {
        check(
            r#"{"message":{"dataFormat":"application/json","inResponseTo":12,"messageBody":
                {"a":"\\","b":[]},"messageId":1,"messageType":"REST:RESPONSE","statusCode":200}}"#,
            Some(Peek::Response(Id::number(12))),
        );
        check(r#"{"message":{"messageType":"REST:RESPONSE","messageId":1}}"#, None);
    }

    #[test]
    fn what_waits_for_nothing_is_passed_over() {
        for payload in [
            "",
            "REST:REQUEST",
            r#""REST:REQUEST""#,
            r#"["REST:REQUEST"]"#,
            r#"{"message":"REST:REQUEST"}"#,
            r#"{"message":{}} "REST:REQUEST""#,
            r#"{"message":{"messageType":"REST:REQUEST"}}"#,
            r#"{"message":{"messageType":"REST:REQUEST","messageId":1.5}}"#,
            r#"{"message":{"messageType":"REST:REQUEST","messageId":"\u0031"}}"#,
            r#"{"message":{"messageType":"REST:REQUEST","messageId":1,"requiresResponse":false}}"#,
            r#"{"message":{"messageId":1,"messageType":"EVENT:x","messageBody":"REST:REQUEST"}}"#,
            r#"{"message":{"messageId":1,"messageBody":{"messageType":"REST:REQUEST"}}}"#,
            r#"{"message":{"messageId":1,"messageBody":[[{"messageType":"REST:REQUEST"}"#,
        ] {
            check(payload, None);
        }
    }
}
