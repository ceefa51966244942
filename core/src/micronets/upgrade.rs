//! The upgrade from HTTP/1.1 to a websocket (RFC 6455 §4.2): reads the request's head and writes
//! the answer. It is the first thing that a peer's bytes meet behind TLS.
//!
//! Everything behind the prefix of the path is the meetup's id, as it was sent: slashes, `%XX` and
//! the query are part of it. No extension is agreed to and no subprotocol is chosen.

use alloc::{borrow::ToOwned, format, string::String, string::ToString};
use http_types::StatusCode;
use httparse::{EMPTY_HEADER, Error, Header, Request, Status};
use sha1::{Digest, Sha1};

use crate::base::base64;

/// The most bytes of a request's head.
pub const HEAD_MAX: usize = 8 << 10;
/// The most header fields of a request.
const HEADERS_MAX: usize = 64;
/// The most bytes of a meetup's id.
pub const MEETUP_MAX: usize = 1 << 10;
/// When a refused peer shall come again, in seconds. Real peers do so anyway.
const RETRY_AFTER: u32 = 20;
/// What the server appends to the client's key before hashing (RFC 6455 §1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// A request that can be answered with 101.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upgrade {
    /// The meetup that the peer wants to join. May be empty; at most [`MEETUP_MAX`] bytes.
    pub meetup: String,
    /// The bytes of the head, its empty line included. What follows is for the websocket.
    pub length: usize,
    /// The value of `Sec-WebSocket-Accept`.
    accept: String,
}

impl Upgrade {
    /// Reads a request's head from the first bytes of a connection: `None` while the head is not
    /// whole. `prefix` is what the path must begin with.
    pub fn parse(bytes: &[u8], prefix: &str) -> Result<Option<Self>, Refusal> {
        let mut headers = [EMPTY_HEADER; HEADERS_MAX];
        let mut request = Request::new(&mut headers);
        let length = match request.parse(bytes) {
            Ok(Status::Complete(length)) if length <= HEAD_MAX => length,
            Ok(Status::Partial) if bytes.len() <= HEAD_MAX => return Ok(None),
            Ok(_) | Err(Error::TooManyHeaders) => return Err(Refusal::HeadTooLong),
            Err(
                Error::HeaderName
                | Error::HeaderValue
                | Error::NewLine
                | Error::Status
                | Error::Token
                | Error::Version,
            ) => return Err(Refusal::Broken("expected a request as in RFC 9112")),
        };
        let target = request.path.unwrap_or_default();
        let Some(meetup) = target.strip_prefix(prefix) else {
            return Err(Refusal::NotFound { prefix: prefix.to_owned() });
        };
        if meetup.len() > MEETUP_MAX {
            return Err(Refusal::MeetupTooLong);
        }
        if request.method != Some("GET") {
            return Err(Refusal::Method);
        }
        if request.version != Some(1) {
            return Err(Refusal::Broken("expected HTTP/1.1"));
        }
        let accept = accept(request.headers)?;
        Ok(Some(Self { meetup: meetup.to_owned(), length, accept }))
    }

    /// The answer that makes the connection a websocket.
    pub fn answer(&self) -> String {
        format!(
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
             sec-websocket-accept: {}\r\n\r\n",
            self.accept
        )
    }
}

/// Why a request is not upgraded. Its text is the body of the answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("this certificate may not join this meetup")]
    Barred,
    /// Not what RFC 9112 or RFC 6455 asks for.
    #[error("{0}")]
    Broken(&'static str),
    #[error("too many connections wait at this meetup")]
    Crowded,
    /// A limit of the listener is reached; holds what there is too much of.
    #[error("too many {0}")]
    Full(&'static str),
    #[error("more than {HEAD_MAX} bytes or {HEADERS_MAX} fields in the head")]
    HeadTooLong,
    #[error("the upgrade request took too long")]
    Late,
    #[error("a meetup's name has more than {MEETUP_MAX} bytes")]
    MeetupTooLong,
    #[error("expected GET")]
    Method,
    #[error("nothing is here — expected a path that begins with {prefix}")]
    NotFound { prefix: String },
    #[error("expected an upgrade to websocket version 13")]
    NotWebsocket,
}

impl Refusal {
    /// The label in metrics.
    pub const fn name(&self) -> &'static str {
        self.name_and_status().0
    }

    /// The status of the answer.
    pub fn status(&self) -> u16 {
        self.name_and_status().1.into()
    }

    const fn name_and_status(&self) -> (&'static str, StatusCode) {
        match self {
            Self::Barred => ("barred", StatusCode::Forbidden),
            Self::Broken(_) => ("broken", StatusCode::BadRequest),
            Self::Crowded => ("crowded", StatusCode::ServiceUnavailable),
            Self::Full(_) => ("full", StatusCode::ServiceUnavailable),
            Self::HeadTooLong => ("head_too_long", StatusCode::RequestHeaderFieldsTooLarge),
            Self::Late => ("late", StatusCode::RequestTimeout),
            Self::MeetupTooLong => ("meetup_too_long", StatusCode::UriTooLong),
            Self::Method => ("method", StatusCode::MethodNotAllowed),
            Self::NotFound { .. } => ("not_found", StatusCode::NotFound),
            Self::NotWebsocket => ("not_websocket", StatusCode::UpgradeRequired),
        }
    }

    /// The whole answer, which ends the connection. `date` is the time as HTTP writes it.
    pub fn answer(&self, date: &str) -> String {
        let status = self.name_and_status().1;
        let (mut fields, mut connection) = (String::new(), "close");
        if matches!(self, Self::Method) {
            fields.push_str("allow: GET\r\n");
        } else if matches!(self, Self::NotWebsocket) {
            // RFC 9110 §15.5.22 and RFC 6455 §4.2.2.
            fields.push_str("upgrade: websocket\r\nsec-websocket-version: 13\r\n");
            connection = "upgrade, close";
        } else if matches!(self, Self::Crowded | Self::Full(_)) {
            fields = format!("retry-after: {RETRY_AFTER}\r\n");
        }
        let body = self.to_string() + "\n";
        format!(
            "HTTP/1.1 {status} {}\r\n{fields}connection: {connection}\r\n\
             content-type: text/plain; charset=utf-8\r\ncontent-length: {}\r\ndate: {date}\r\n\r\n\
             {body}",
            status.canonical_reason(),
            body.len(),
        )
    }
}

/// Checks the fields of a request (RFC 6455 §4.2.1), and answers its key.
fn accept(headers: &[Header<'_>]) -> Result<String, Refusal> {
    if fields(headers, "host").count() != 1 {
        return Err(Refusal::Broken("expected one Host"));
    }
    let lists = |name, token: &str| {
        let mut tokens = fields(headers, name).flat_map(|value| value.split(|byte| *byte == b','));
        tokens.any(|each| each.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
    };
    let version = fields(headers, "sec-websocket-version").next();
    if !lists("upgrade", "websocket")
        || !lists("connection", "upgrade")
        || version.is_none_or(|version| version.trim_ascii() != b"13")
    {
        return Err(Refusal::NotWebsocket);
    }
    let broken = Refusal::Broken("expected one Sec-WebSocket-Key of 16 bytes in base64");
    let mut keys = fields(headers, "sec-websocket-key").map(<[u8]>::trim_ascii);
    let (Some(key), None) = (keys.next(), keys.next()) else { return Err(broken) };
    let decoded = str::from_utf8(key).ok().and_then(base64::decode);
    if decoded.is_none_or(|nonce| nonce.len() != 16) {
        return Err(broken);
    }
    Ok(base64::encode(&Sha1::new().chain_update(key).chain_update(GUID).finalize()))
}

/// The values of a field, in any letter case of its name.
fn fields<'a>(headers: &'a [Header<'a>], name: &'a str) -> impl Iterator<Item = &'a [u8]> {
    headers
        .iter()
        .filter(move |header| header.name.eq_ignore_ascii_case(name))
        .map(|header| header.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PREFIX: &str = "/micronets/v1/ws-proxy/";
    const FIELDS: &str = "Host: h:5050\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";

    fn head(target: &str, fields: &str) -> String {
        format!("GET {target} HTTP/1.1\r\n{fields}\r\n")
    }

    fn refused(head: &str) -> u16 {
        Upgrade::parse(head.as_bytes(), PREFIX).expect_err("a refusal").status()
    }

    #[test]
    fn the_rest_of_the_target_is_the_meetup_as_it_was_sent() {
        for meetup in ["gw/7B2A-1", "", "a/../b%2Fc?d=e&f", "micronets-dhcp-0001", "//"] {
            let head = head(&format!("{PREFIX}{meetup}"), FIELDS);
            let upgrade = Upgrade::parse(head.as_bytes(), PREFIX).expect("fit").expect("whole");
            assert_eq!((upgrade.meetup.as_str(), upgrade.length), (meetup, head.len()));
            // The example of RFC 6455 §1.3.
            let answer = upgrade.answer();
            assert!(answer.contains("accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), "{answer}");
            assert!(!answer.to_ascii_lowercase().contains("extensions"), "{answer}");
            for length in 0..head.len() {
                let part = head.get(..length).expect("ASCII");
                assert_eq!(Upgrade::parse(part.as_bytes(), PREFIX), Ok(None), "{part}");
            }
        }
    }

    #[test]
    fn what_is_no_upgrade_is_told_why() {
        let fit = format!("{PREFIX}x");
        assert_eq!(refused(&head("/micronets/v1/ws-proxyx", FIELDS)), 404);
        assert_eq!(refused(&head("/", "")), 404);
        assert_eq!(refused(&head(&format!("{PREFIX}{}", "x".repeat(1025)), FIELDS)), 414);
        assert_eq!(refused(&head(&fit, FIELDS).replace("GET", "POST")), 405);
        assert_eq!(refused(&head(&fit, FIELDS).replace("HTTP/1.1", "HTTP/1.0")), 400);
        assert_eq!(refused(&head(&fit, FIELDS).replace("WebSocket\r", "h2c\r")), 426);
        assert_eq!(refused(&head(&fit, "Host: h\r\n")), 426);
        assert_eq!(refused(&head(&fit, &FIELDS.replace("13", "8"))), 426);
        assert_eq!(refused(&head(&fit, &FIELDS.replace("bXBsZS", ""))), 400);
        assert_eq!(refused(&head(&fit, &FIELDS.replace("Host", "Hosts"))), 400);
        assert_eq!(refused(&head(&fit, &format!("A: {}\r\n", "x".repeat(HEAD_MAX)))), 431);
        assert_eq!(refused(&head(&fit, &"a: b\r\n".repeat(HEADERS_MAX + 1))), 431);
        assert_eq!(refused(&format!("GET {fit} HTTP/1.1\r\nA: {}", "x".repeat(HEAD_MAX))), 431);
        assert_eq!(refused("\x16\x03\x01\x02\x00"), 400);
    }

    #[test]
    fn a_refusal_is_a_whole_answer_with_its_reason() {
        let answer = Refusal::Crowded.answer("now");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        assert!(head.starts_with("HTTP/1.1 503 Service Unavailable\r\nretry-after: 20\r\n"));
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{head}");
        assert_eq!(body, "too many connections wait at this meetup\n");
        let answer = Refusal::NotWebsocket.answer("now");
        assert!(answer.contains("\r\nsec-websocket-version: 13\r\nconnection: upgrade, close\r\n"));
    }
}
