//! Reading messages, leniently.

use alloc::{borrow::Cow, borrow::ToOwned, vec::Vec};

use serde_json::value::RawValue;

use super::{
    Body, Content, EVENT, Error, Event, HELLO, Hello, Id, Json, Message, NOTHING, Pair, REQUEST,
    RESPONSE, Request, Response,
};
use crate::event::Detail;

const ID: &str = "a whole number or a text";
const BOOLEAN: &str = "true or false";
const OBJECT: &str = "an object";
const TEXT: &str = "a text";

impl<'a> Message<'a> {
    /// Reads a message that a peer sent.
    pub fn parse(payload: &'a [u8]) -> Result<Self, Error> {
        let message = Self::parse_draft(payload)?;
        let needs_id = match message.content {
            Content::Hello(_) | Content::Request(_) => true,
            Content::Event(_) | Content::Other(_) | Content::Response(_) => false,
        };
        if needs_id && message.id.is_none() {
            return Err(fault("message.messageId", ID, None));
        }
        Ok(message)
    }

    /// As [`parse`](Self::parse), for a message that is not sent yet and so may have no id.
    pub fn parse_draft(payload: &'a [u8]) -> Result<Self, Error> {
        let raw: &RawValue = serde_json::from_slice(payload)
            .map_err(|error| Error::Json { line: error.line(), column: error.column() })?;
        let mut siblings = Members::of(Detail::from(raw), "the message")?;
        let message = siblings.take("message");
        let message = message.ok_or_else(|| fault("message", OBJECT, None))?;
        let mut members = Members::of(message, "message")?;

        let kind = members.text("messageType", "message.messageType")?;
        let content = content(kind, &mut members)?;
        let id = members.id("messageId", "message.messageId")?;
        let in_response_to = members.id("inResponseTo", "message.inResponseTo")?;
        if matches!(content, Content::Response(_)) && in_response_to.is_none() {
            return Err(fault("message.inResponseTo", ID, None));
        }
        let requires_response = match members.take("requiresResponse") {
            None => matches!(content, Content::Request(_)),
            Some(detail) => match detail.raw() {
                "true" => true,
                "false" => false,
                _ => return Err(fault("message.requiresResponse", BOOLEAN, Some(detail))),
            },
        };
        let (unknown, siblings) = (members.rest(), siblings.rest());
        Ok(Self { id, requires_response, in_response_to, content, unknown, siblings })
    }
}

impl<'a> Hello<'a> {
    /// Reads a message that must be a hello.
    pub fn parse(payload: &'a [u8]) -> Result<Self, Error> {
        match Message::parse(payload)?.content {
            Content::Hello(hello) => Ok(hello),
            Content::Event(_) | Content::Other(_) | Content::Request(_) | Content::Response(_) => {
                Err(Error::NotHello)
            }
        }
    }
}

fn content<'a>(kind: Cow<'a, str>, members: &mut Members<'a>) -> Result<Content<'a>, Error> {
    Ok(match &*kind {
        HELLO => Content::Hello(Hello {
            peer_class: members.take("peerClass").and_then(Detail::text),
            peer_id: members.take("peerId").and_then(Detail::text),
        }),
        REQUEST => Content::Request(Request {
            method: members.text("method", "message.method")?,
            path: members.text("path", "message.path")?,
            query: members.pairs("queryStrings", "message.queryStrings")?,
            headers: members.pairs("headers", "message.headers")?,
            body: members.body()?,
        }),
        RESPONSE => Content::Response(Response {
            status: members.status()?,
            reason: members.take("reasonPhrase").and_then(Detail::string),
            headers: members.pairs("headers", "message.headers")?,
            body: members.body()?,
        }),
        other => match other.strip_prefix(EVENT) {
            Some(name) => {
                let name = name.to_owned().into();
                Content::Event(Event { name, body: members.body()? })
            }
            None => Content::Other(kind),
        },
    })
}

fn fault(name: &'static str, expected: &'static str, got: Option<Detail<'_>>) -> Error {
    Error::Member { name, expected, got: kind(got) }
}

/// The members of an object that are not taken yet.
struct Members<'a>(Vec<(Cow<'a, str>, Detail<'a>)>);

impl<'a> Members<'a> {
    fn of(detail: Detail<'a>, name: &'static str) -> Result<Self, Error> {
        if detail.raw().starts_with('{') {
            Ok(Self(detail.members()))
        } else {
            Err(fault(name, OBJECT, Some(detail)))
        }
    }

    /// Takes all members of a name, and gives the last one unless it is null.
    fn take(&mut self, name: &str) -> Option<Detail<'a>> {
        let last = self.0.iter().rev().find(|(key, _)| key == name).map(|(_, detail)| *detail)?;
        self.0.retain(|(key, _)| key != name);
        (last.raw() != "null").then_some(last)
    }

    fn text(&mut self, name: &str, path: &'static str) -> Result<Cow<'a, str>, Error> {
        let detail = self.take(name);
        detail.and_then(Detail::string).ok_or_else(|| fault(path, TEXT, detail))
    }

    fn id(&mut self, name: &str, path: &'static str) -> Result<Option<Id<'a>>, Error> {
        let read = |detail: Detail<'a>| {
            let text = detail.string().map(Id::text);
            text.or_else(|| Id::written(Cow::Borrowed(detail.raw()), false))
                .ok_or_else(|| fault(path, ID, Some(detail)))
        };
        self.take(name).map(read).transpose()
    }

    fn status(&mut self) -> Result<u16, Error> {
        let detail = self.take("statusCode");
        let got = detail.and_then(Detail::integer);
        let got = got.ok_or_else(|| fault("message.statusCode", "a whole number", detail))?;
        let status = u16::try_from(got).ok().filter(|status| (100..=599).contains(status));
        status.ok_or(Error::Status { got })
    }

    fn pairs(&mut self, name: &str, path: &'static str) -> Result<Vec<Pair<'a>>, Error> {
        const PAIRS: &str = "a list of objects with name and value";
        let Some(list) = self.take(name) else { return Ok(Vec::new()) };
        if !list.raw().starts_with('[') {
            return Err(fault(path, PAIRS, Some(list)));
        }
        let pair = |item| {
            let members = Self::of(item, path);
            let mut members = members.map_err(|_| fault(path, PAIRS, Some(item)))?;
            let name = members.take("name").and_then(Detail::string);
            let name = name.ok_or_else(|| fault(path, PAIRS, Some(item)))?;
            let value = members.take("value").or_else(|| members.take("val"));
            // Some write numbers as numbers.
            let value = value.and_then(|value| value.string().or_else(|| value.text()));
            Ok(Pair { name, value: value.unwrap_or_default() })
        };
        list.items().into_iter().map(pair).collect()
    }

    fn body(&mut self) -> Result<Body<'a>, Error> {
        let format = self.take("dataFormat");
        let read = |format: Detail<'a>| {
            format.string().ok_or_else(|| fault("message.dataFormat", TEXT, Some(format)))
        };
        Ok(Body {
            format: format.map(read).transpose()?,
            content: self.take("messageBody").map(Json::from),
        })
    }

    fn rest(self) -> Vec<(Cow<'a, str>, Json<'a>)> {
        self.0.into_iter().map(|(name, detail)| (name, Json::from(detail))).collect()
    }
}

/// What a member is, in words.
fn kind(detail: Option<Detail<'_>>) -> &'static str {
    match detail.and_then(|detail| detail.raw().as_bytes().first()) {
        Some(b'"') => TEXT,
        Some(b'[') => "a list",
        Some(b'{') => OBJECT,
        Some(b't' | b'f') => BOOLEAN,
        Some(b'-' | b'0'..=b'9') => "a number",
        Some(_) | None => NOTHING,
    }
}
