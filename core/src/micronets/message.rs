//! The messages of the proxy's peers: one JSON object each, `{"message": {…}}`.
//!
//! What we write follows the README; what peers send is read leniently. An id is a number or a
//! text, a header's value is called `value` or `val`, a null counts as a missing member, and of
//! repeated members the last one counts. Unknown members are kept and written again, inside
//! `message` and beside it, where the real manager has an `id` of its own. A body stays JSON text:
//! no tree is built of it.
//!
//! Source: README of `micronets-ws-proxy` §2; `appliance/docs/vendors/micronets.md` §3.

use alloc::{borrow::Cow, vec::Vec};
use core::fmt;

use serde_json::value::RawValue;

use crate::event::Detail;

mod encode;
mod parse;

/// What an [`Error::Member`] got where a member is missing or null.
pub const NOTHING: &str = "nothing";

/// The most bytes of one message. The original and both of its Python peers have this bound.
pub const MESSAGE_MAX: usize = 1 << 20;

/// The values of `messageType`.
const HELLO: &str = "CONN:HELLO";
const REQUEST: &str = "REST:REQUEST";
const RESPONSE: &str = "REST:RESPONSE";
/// What the type of an event begins with.
const EVENT: &str = "EVENT:";

/// A whole message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// `messageId`. Events of some peers have none.
    pub id: Option<Id<'a>>,
    /// `requiresResponse`; where it is missing, only a request requires one.
    pub requires_response: bool,
    /// `inResponseTo`, the id of the message that this one answers.
    pub in_response_to: Option<Id<'a>>,
    pub content: Content<'a>,
    /// Other members of `message`, in the order sent.
    pub unknown: Vec<(Cow<'a, str>, Json<'a>)>,
    /// Members beside `message`, in the order sent.
    pub siblings: Vec<(Cow<'a, str>, Json<'a>)>,
}

/// What a message says, by `messageType`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content<'a> {
    /// `EVENT:` and a name.
    Event(Event<'a>),
    /// The type `CONN:HELLO`.
    Hello(Hello<'a>),
    /// Any other type, by its name. Its members are among the unknown ones.
    Other(Cow<'a, str>),
    /// The type `REST:REQUEST`.
    Request(Request<'a>),
    /// The type `REST:RESPONSE`.
    Response(Response<'a>),
}

/// `CONN:HELLO`: who the peer says it is. The names do not identify a real peer: managers and test
/// clients share theirs, and a gateway's id changes with each start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hello<'a> {
    /// The kind of peer.
    pub peer_class: Option<Cow<'a, str>>,
    /// Its name among its kind.
    pub peer_id: Option<Cow<'a, str>>,
}

/// `REST:REQUEST`: an HTTP request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    pub method: Cow<'a, str>,
    /// `path`, percent-encoded as in a URI. Real peers leave the query in it.
    pub path: Cow<'a, str>,
    /// `queryStrings`, with escapes decoded.
    pub query: Vec<Pair<'a>>,
    pub headers: Vec<Pair<'a>>,
    pub body: Body<'a>,
}

/// `REST:RESPONSE`: an HTTP response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response<'a> {
    /// `statusCode`, 100 to 599.
    pub status: u16,
    pub reason: Option<Cow<'a, str>>,
    pub headers: Vec<Pair<'a>>,
    pub body: Body<'a>,
}

/// `EVENT:…`: something happened at the sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// What follows `EVENT:`, such as `GatewayService:leaseAcquired`.
    pub name: Cow<'a, str>,
    pub body: Body<'a>,
}

/// A header or a part of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair<'a> {
    pub name: Cow<'a, str>,
    /// `value`, or `val`
    pub value: Cow<'a, str>,
}

impl<'a> Pair<'a> {
    /// A name and its value.
    pub fn new(name: impl Into<Cow<'a, str>>, value: impl Into<Cow<'a, str>>) -> Self {
        Self { name: name.into(), value: value.into() }
    }
}

/// The body of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Body<'a> {
    /// `dataFormat`, a MIME type.
    pub format: Option<Cow<'a, str>>,
    /// `messageBody`, as the format says: an object for `application/json`, base64 for
    /// `application/octet-stream`, the text itself for others.
    pub content: Option<Json<'a>>,
}

/// The id that a sender gives to its message: a whole number or a text. Both are the same id if
/// they look the same.
#[derive(Clone, Debug)]
pub struct Id<'a> {
    text: Cow<'a, str>,
    quoted: bool,
}

impl<'a> Id<'a> {
    /// A number, as real peers send it.
    pub fn number(number: u64) -> Self {
        Self { text: Cow::Owned(alloc::format!("{number}")), quoted: false }
    }

    /// A text, as the README has it.
    pub fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self { text: text.into(), quoted: true }
    }

    /// The digits or the text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The same, borrowing from nothing.
    pub fn into_owned(self) -> Id<'static> {
        Id { text: Cow::Owned(self.text.into_owned()), quoted: self.quoted }
    }

    /// Whether it was sent as a text.
    pub const fn is_text(&self) -> bool {
        self.quoted
    }

    /// The id of a JSON text, with or without its quotes. `None` without quotes for anything but a
    /// whole number.
    pub(super) fn written(text: Cow<'a, str>, quoted: bool) -> Option<Self> {
        let digits = text.strip_prefix('-').unwrap_or(&text);
        let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        (quoted || is_number).then_some(Self { text, quoted })
    }
}

impl PartialEq for Id<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Id<'_> {}

/// The text of one JSON value. Only its length is printed, because bodies carry keys of networks.
#[derive(Clone, PartialEq, Eq)]
pub struct Json<'a>(Cow<'a, str>);

impl<'a> Json<'a> {
    /// The value that `text` holds, if it is JSON.
    pub fn parse(text: &'a str) -> Option<Self> {
        let raw: &RawValue = serde_json::from_str(text).ok()?;
        Some(Self(Cow::Borrowed(raw.get())))
    }

    /// A JSON string of `text`.
    pub fn string(text: &str) -> Self {
        Self(Cow::Owned(serde_json::to_string(text).expect("a text is JSON")))
    }

    /// The JSON text.
    pub fn raw(&self) -> &str {
        &self.0
    }

    /// The content of a JSON string; `None` for any other value.
    pub fn text(&self) -> Option<Cow<'_, str>> {
        let raw: &RawValue = serde_json::from_str(&self.0).ok()?;
        Detail::from(raw).string()
    }

    /// Whether it is an object.
    pub fn is_object(&self) -> bool {
        self.0.starts_with('{')
    }
}

impl<'a> From<Detail<'a>> for Json<'a> {
    fn from(detail: Detail<'a>) -> Self {
        Self(Cow::Borrowed(detail.raw()))
    }
}

impl fmt::Debug for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Json({} bytes)", self.0.len())
    }
}

/// Why a text is not a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The line and the column of the first fault count from 1.
    #[error("expected JSON, got none at line {line}, column {column}")]
    Json { line: usize, column: usize },
    /// The member at this path is not what it must be. A missing member and a null are [`NOTHING`].
    #[error("{name}: expected {expected}, got {got}")]
    Member { name: &'static str, expected: &'static str, got: &'static str },
    #[error("message.messageType: expected {HELLO}, got another type")]
    NotHello,
    #[error("message.statusCode: expected 100 to 599, got {got}")]
    Status { got: i64 },
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    fn parse(text: &str) -> Result<Message<'_>, Error> {
        Message::parse(text.as_bytes())
    }

    #[test]
    fn a_message_keeps_what_we_do_not_know() {
        let text = concat!(
            r#"{"id":7,"message":{"messageId":1,"messageType":"REST:REQUEST","#,
            r#""requiresResponse":true,"method":"PUT","path":"/a","#,
            r#""queryStrings":[{"name":"m","value":"ä b"}],"#,
            r#""headers":[{"name":"Host","value":"x"}],"#,
            r#""dataFormat":"application/json","messageBody":{"n": [1.50]},"trace":[null]}}"#,
        );
        let message = parse(text).expect("a message");
        assert_eq!(message.encode(), text);
        assert_eq!((message.unknown.len(), message.siblings.len()), (1, 1));
    }

    #[test]
    fn what_real_peers_leave_out_or_call_otherwise_is_read() {
        let message = parse(
            r#"{"message":{"messageType":"REST:RESPONSE","messageId":"a","inResponseTo":12,
                "statusCode":"200","reasonPhrase":null,"headers":[{"name":"A","val":7},
                {"name":"B"},{"name":"C","value":" c "}],"messageBody":null,"messageBody":[1]}}"#,
        )
        .expect("a message");
        assert_eq!(message.id, Some(Id::text("a")));
        assert_eq!(message.in_response_to, Some(Id::text("12")));
        assert!(!message.requires_response && message.unknown.is_empty());
        let Content::Response(Response { status, reason, headers, body }) = message.content else {
            panic!("a response");
        };
        assert_eq!((status, reason), (200, None));
        assert_eq!(headers, [Pair::new("A", "7"), Pair::new("B", ""), Pair::new("C", " c ")]);
        assert_eq!((body.format, body.content), (None, Json::parse("[1]")));

        let event = parse(r#"{"message":{"messageType":"EVENT:DPP:x"}}"#).expect("an event");
        assert_eq!(
            event.content,
            Content::Event(Event { name: "DPP:x".into(), body: Body::default() })
        );
        let other = parse(r#"{"message":{"messageType":"CONN:INFO","a":1}}"#).expect("a message");
        assert_eq!(other.content, Content::Other("CONN:INFO".into()));
        assert_eq!(other.unknown.len(), 1);
        let request = r#"{"message":{"messageType":"REST:REQUEST","messageId":-1,
            "method":"GET","path":""}}"#;
        assert!(parse(request).expect("a request").requires_response);
    }

    #[test]
    fn a_hello_is_a_hello() {
        let hello = |text: &str| Hello::parse(text.as_bytes()).map(|hello| hello.peer_id.is_some());
        let said = r#"{"message":{"messageId":4,"messageType":"CONN:HELLO","peerId":5}}"#;
        assert_eq!(hello(said), Ok(true));
        let event = r#"{"message":{"messageId":4,"messageType":"EVENT:x"}}"#;
        assert_eq!(hello(event), Err(Error::NotHello));
    }

    #[test]
    fn errors_name_the_member_and_what_is_in_its_place() {
        for (text, said) in [
            ("hello", "expected JSON, got none at line 1, column 1"),
            ("[]", "the message: expected an object, got a list"),
            ("{}", "message: expected an object, got nothing"),
            (r#"{"message":"x"}"#, "message: expected an object, got a text"),
            (r#"{"message":{}}"#, "message.messageType: expected a text, got nothing"),
            (
                r#"{"message":{"messageType":7}}"#,
                "message.messageType: expected a text, got a number",
            ),
            (
                r#"{"message":{"messageType":"CONN:HELLO","messageId":null}}"#,
                "message.messageId: expected a whole number or a text, got nothing",
            ),
            (
                r#"{"message":{"messageType":"EVENT:x","messageId":1.5}}"#,
                "message.messageId: expected a whole number or a text, got a number",
            ),
            (
                r#"{"message":{"messageType":"EVENT:x","messageId":true}}"#,
                "message.messageId: expected a whole number or a text, got true or false",
            ),
            (
                r#"{"message":{"messageType":"EVENT:x","requiresResponse":{}}}"#,
                "message.requiresResponse: expected true or false, got an object",
            ),
            (
                r#"{"message":{"messageType":"REST:REQUEST","messageId":1,"path":"/"}}"#,
                "message.method: expected a text, got nothing",
            ),
            (
                r#"{"message":{"messageType":"REST:RESPONSE","inResponseTo":1,"statusCode":99}}"#,
                "message.statusCode: expected 100 to 599, got 99",
            ),
            (
                r#"{"message":{"messageType":"REST:RESPONSE","statusCode":200}}"#,
                "message.inResponseTo: expected a whole number or a text, got nothing",
            ),
            (
                r#"{"message":{"messageType":"REST:RESPONSE","statusCode":200,"headers":{}}}"#,
                "message.headers: expected a list of objects with name and value, got an object",
            ),
            (
                r#"{"message":{"messageType":"EVENT:x","dataFormat":[]}}"#,
                "message.dataFormat: expected a text, got a list",
            ),
        ] {
            assert_eq!(parse(text).map_err(|error| error.to_string()).err().as_deref(), Some(said));
        }
    }

    #[test]
    fn a_body_is_never_printed() {
        let json = Json::string("psk-1234");
        assert_eq!(json.text().as_deref(), Some("psk-1234"));
        assert_eq!(alloc::format!("{json:?}"), "Json(10 bytes)");
    }
}
