//! The upgrade from HTTP/1.1 to a websocket (RFC 6455 §4.2), and how it is refused.
//!
//! Everything behind the prefix of the path is the meetup's id, as it was sent: slashes, `%XX` and
//! the query are part of it. No extension is ever agreed to and no subprotocol is chosen.

use std::{fmt, io};

use async_tungstenite::tungstenite::handshake::derive_accept_key;
use httparse::{EMPTY_HEADER, Error, Header, Request, Status};
use mistgate_core::base::base64;
use smol::io::{AsyncRead, AsyncReadExt};

use crate::base::{clock, connection_limiter::Limit};

/// The most bytes of a request's head.
const HEAD_MAX: usize = 8 << 10;
/// The most header fields of it.
const HEADERS_MAX: usize = 64;
/// The most bytes of a meetup's id.
const MEETUP_MAX: usize = 1 << 10;
/// When to come again, in seconds: what real peers do anyway.
const RETRY_AFTER: u32 = 20;

/// A request that can be answered with 101.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Upgrade {
    /// Which meetup it wants to join; may be empty.
    pub(super) meetup: String,
    accept: String,
    /// How long the head is, up to and with its empty line.
    length: usize,
}

impl Upgrade {
    /// The answer that makes it a websocket.
    pub(super) fn accepted(&self) -> String {
        format!(
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
             sec-websocket-accept: {}\r\n\r\n",
            self.accept
        )
    }
}

/// Why a request is not upgraded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The rules do not let this certificate join this meetup.
    Barred,
    /// Not what RFC 9112 or RFC 6455 asks for.
    Broken(&'static str),
    /// Too many connections wait at the meetup.
    Crowded,
    /// Too many connections.
    Full(Limit),
    /// The head is too long.
    HeadTooLong,
    /// The head did not come in time.
    Late,
    /// The meetup's id is too long.
    MeetupTooLong,
    /// A method other than GET.
    Method,
    /// The path does not begin with this prefix.
    NotFound {
        /// What it must begin with.
        prefix: String,
    },
    /// A request that does not want a websocket of version 13.
    NotWebsocket,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Barred => f.write_str("this certificate may not join this meetup"),
            Self::Broken(what) => f.write_str(what),
            Self::Crowded => f.write_str("too many connections wait at this meetup"),
            Self::Full(limit) => write!(f, "too many {limit}"),
            Self::HeadTooLong => {
                write!(f, "more than {HEAD_MAX} bytes or {HEADERS_MAX} fields in the head")
            }
            Self::Late => f.write_str("the upgrade request took too long"),
            Self::MeetupTooLong => write!(f, "a meetup's name has more than {MEETUP_MAX} bytes"),
            Self::Method => f.write_str("expected GET"),
            Self::NotFound { prefix } => {
                write!(f, "nothing is here — expected a path that begins with {prefix}")
            }
            Self::NotWebsocket => f.write_str("expected an upgrade to websocket version 13"),
        }
    }
}

impl Refusal {
    /// The label in metrics.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Barred => "barred",
            Self::Broken(_) => "broken",
            Self::Crowded => "crowded",
            Self::Full(_) => "full",
            Self::HeadTooLong => "head_too_long",
            Self::Late => "late",
            Self::MeetupTooLong => "meetup_too_long",
            Self::Method => "method",
            Self::NotFound { .. } => "not_found",
            Self::NotWebsocket => "not_websocket",
        }
    }

    /// The status of the answer.
    pub(super) const fn status(&self) -> u16 {
        match self {
            Self::Broken(_) => 400,
            Self::Barred => 403,
            Self::NotFound { .. } => 404,
            Self::Method => 405,
            Self::Late => 408,
            Self::MeetupTooLong => 414,
            Self::NotWebsocket => 426,
            Self::HeadTooLong => 431,
            Self::Crowded | Self::Full(_) => 503,
        }
    }

    /// The whole answer; the reason is its body.
    pub(super) fn answer(&self) -> String {
        let (phrase, fields) = match self.status() {
            403 => ("Forbidden", String::new()),
            404 => ("Not Found", String::new()),
            405 => ("Method Not Allowed", "allow: GET\r\n".to_owned()),
            408 => ("Request Timeout", String::new()),
            414 => ("URI Too Long", String::new()),
            // RFC 9110 §15.5.22 and RFC 6455 §4.2.2.
            426 => {
                let fields = "upgrade: websocket\r\nsec-websocket-version: 13\r\n";
                ("Upgrade Required", fields.to_owned())
            }
            431 => ("Request Header Fields Too Large", String::new()),
            503 => ("Service Unavailable", format!("retry-after: {RETRY_AFTER}\r\n")),
            _ => ("Bad Request", String::new()),
        };
        let connection = if self.status() == 426 { "upgrade, close" } else { "close" };
        let body = format!("{self}\n");
        format!(
            "HTTP/1.1 {} {phrase}\r\n{fields}connection: {connection}\r\n\
             content-type: text/plain; charset=utf-8\r\ncontent-length: {}\r\ndate: {}\r\n\r\n\
             {body}",
            self.status(),
            body.len(),
            clock::http_date()
        )
    }
}

/// Reads a request. What came behind its head, which is for the websocket, stays in `buffer`. An
/// error is a client that is gone.
pub(super) async fn read<S: AsyncRead + Unpin>(
    stream: &mut S,
    buffer: &mut Vec<u8>,
    prefix: &str,
) -> io::Result<Result<Upgrade, Refusal>> {
    let mut chunk = [0; 1024];
    loop {
        let count = stream.read(&mut chunk).await?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        buffer.extend_from_slice(chunk.get(..count).unwrap_or_default());
        match parse(buffer, prefix) {
            Ok(Some(upgrade)) => {
                buffer.drain(..upgrade.length);
                return Ok(Ok(upgrade));
            }
            Ok(None) => {}
            Err(refusal) => return Ok(Err(refusal)),
        }
    }
}

/// Parses a head; `None` while it is not whole.
fn parse(bytes: &[u8], prefix: &str) -> Result<Option<Upgrade>, Refusal> {
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
    let accept = key(request.headers)?;
    Ok(Some(Upgrade { meetup: meetup.to_owned(), accept, length }))
}

/// Checks the fields, and answers the key (RFC 6455 §4.2.1).
fn key(headers: &[Header<'_>]) -> Result<String, Refusal> {
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
    let (Some(key), None) = (keys.next(), keys.next()) else {
        return Err(broken);
    };
    let decoded = str::from_utf8(key).ok().and_then(base64::decode);
    if decoded.is_none_or(|nonce| nonce.len() != 16) {
        return Err(broken);
    }
    Ok(derive_accept_key(key))
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
        parse(head.as_bytes(), PREFIX).expect_err("a refusal").status()
    }

    #[test]
    fn the_rest_of_the_target_is_the_meetup_as_it_was_sent() {
        for meetup in ["gw/7B2A-1", "", "a/../b%2Fc?d=e&f", "micronets-dhcp-0001", "//"] {
            let head = head(&format!("{PREFIX}{meetup}"), FIELDS);
            let upgrade = parse(head.as_bytes(), PREFIX).expect("fit").expect("whole");
            assert_eq!((upgrade.meetup.as_str(), upgrade.length), (meetup, head.len()));
            // The example of RFC 6455 §1.3.
            let answer = upgrade.accepted();
            assert!(answer.contains("accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), "{answer}");
            assert!(!answer.to_ascii_lowercase().contains("extensions"), "{answer}");
            for length in 0..head.len() {
                let part = head.get(..length).expect("ASCII");
                assert_eq!(parse(part.as_bytes(), PREFIX), Ok(None), "{part}");
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
        let answer = Refusal::Crowded.answer();
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        assert!(head.starts_with("HTTP/1.1 503 Service Unavailable\r\nretry-after: 20\r\n"));
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{head}");
        assert_eq!(body, "too many connections wait at this meetup\n");
        let answer = Refusal::NotWebsocket.answer();
        assert!(answer.contains("\r\nsec-websocket-version: 13\r\nconnection: upgrade, close\r\n"));
    }
}
