//! HTTP in messages: a request as `REST:REQUEST`, a response as `REST:RESPONSE`, and back.
//!
//! A message's headers leave out Content-Length, Content-Type and Content-Encoding, because
//! `dataFormat` and `messageBody` say the same (README §2.3), and headers that concern one
//! connection only (RFC 9110 §7.6.1). A JSON object becomes an object, a binary body base64, and
//! any other body text. A JSON list becomes text too: the real gateway drops a message with such a
//! body and never answers it.
//!
//! These functions make no Content-Length; the sender of the body adds it.

use alloc::{borrow::Cow, string::String, vec::Vec};

use http_types::StatusCode;

use super::message::{self, Body, Content, Id, Json, Message, Pair};
use crate::{base::base64, http::framing::is_token};

mod query;

const JSON: &str = "application/json";
const BINARY: &str = "application/octet-stream";
const CONTENT_TYPE: &str = "content-type";

/// Headers that `dataFormat` and `messageBody` replace, that concern one connection, or that ask
/// for an encoding.
const LEFT_OUT: [&str; 14] = [
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    CONTENT_TYPE,
    "expect",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Methods whose requests have no meaningful body (RFC 9110 §9.3).
const BODILESS: [&str; 5] = ["DELETE", "GET", "HEAD", "OPTIONS", "TRACE"];

/// An HTTP request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub method: String,
    /// The path and, behind a `?`, the query.
    pub target: String,
    /// In their order, repeated ones as often as they came.
    pub headers: Vec<Pair<'static>>,
    /// The whole body, without transfer coding.
    pub body: Vec<u8>,
}

/// An HTTP response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// 200 to 599.
    pub status: u16,
    /// In their order, repeated ones as often as they came.
    pub headers: Vec<Pair<'static>>,
    /// The whole body, without transfer coding.
    pub body: Vec<u8>,
}

/// Why a request or a response cannot become a message, or a message HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    /// The status of an answer to a request: 400, or 415.
    pub status: StatusCode,
    pub reason: &'static str,
}

const fn bad(reason: &'static str) -> Error {
    Error { status: StatusCode::BadRequest, reason }
}

/// A message has no member that says so.
const ENCODING: Error = Error {
    status: StatusCode::UnsupportedMediaType,
    reason: "Content-Encoding: expected identity, got a compressed body",
};
const FORMAT: Error = bad("dataFormat: expected a MIME type, got control characters");
/// RFC 9110 §5.1.
const HEADER_NAME: Error = bad("a header: expected a name of letters, digits and -, got another");
/// RFC 9110 §5.5.
const HEADER_VALUE: Error = bad("a header: expected a value on one line, got control characters");
/// RFC 9110 §9.1.
const METHOD: Error = bad("method: expected one word such as GET, got none");
const PATH: Error = bad("path: expected a path from the root such as /a, got none");
const STATUS: Error = bad("status: expected 200 to 599, got another");

/// The message that carries an HTTP request and waits for its response.
pub fn request_to_message<'a>(id: Id<'a>, http: &'a Request) -> Result<Message<'a>, Error> {
    if !is_token(http.method.as_bytes()) {
        return Err(METHOD);
    }
    if !http.target.starts_with('/') {
        return Err(PATH);
    }
    let (path, query) = query::split(&http.target);
    let content = Content::Request(message::Request {
        method: Cow::Borrowed(&http.method),
        path: Cow::Borrowed(path),
        query,
        headers: kept(&http.headers)?,
        body: enclosed(&http.headers, &http.body)?,
    });
    Ok(Message::new(id, content))
}

/// The HTTP request that a message carries. Nothing in it ends a header or the head.
pub fn request_from_message(message: &message::Request<'_>) -> Result<Request, Error> {
    if !is_token(message.method.as_bytes()) {
        return Err(METHOD);
    }
    if !message.path.starts_with('/') {
        return Err(PATH);
    }
    let mut headers = kept(&message.headers)?;
    let is_none = |content: &Json<'_>| content.raw() == "{}";
    // The real manager sends an empty object as the body of a request without one.
    let has_body = !BODILESS.contains(&&*message.method)
        || message.body.content.as_ref().is_some_and(|content| !is_none(content));
    let body = if has_body {
        disclosed(&message.headers, &message.body, &mut headers)?
    } else {
        Vec::new()
    };
    Ok(Request {
        method: message.method.clone().into_owned(),
        target: query::join(&message.path, &message.query),
        headers: owned(headers),
        body,
    })
}

/// The message that carries the HTTP response to the request with the id `to` and that method. An
/// answer to HEAD gets no body, whatever the server sent.
pub fn response_to_message<'a>(
    id: Id<'a>,
    to: Id<'a>,
    method: &str,
    http: &'a Response,
) -> Result<Message<'a>, Error> {
    let status = final_status(http.status)?;
    let body = if has_body(status, method) {
        enclosed(&http.headers, &http.body)?
    } else {
        Body::default()
    };
    let reason = StatusCode::try_from(status).ok();
    let response = message::Response {
        status,
        reason: reason.map(|status| status.canonical_reason().into()),
        headers: kept(&http.headers)?,
        body,
    };
    Ok(Message::response(id, to, response))
}

/// The HTTP response that a message carries, to a request of that method.
pub fn response_from_message(
    message: &message::Response<'_>,
    method: &str,
) -> Result<Response, Error> {
    let status = final_status(message.status)?;
    let mut headers = kept(&message.headers)?;
    let mut body = match status {
        204 => Vec::new(),
        _ => disclosed(&message.headers, &message.body, &mut headers)?,
    };
    // The answer to HEAD describes a body that it does not have.
    if !has_body(status, method) {
        body.clear();
    }
    Ok(Response { status, headers: owned(headers), body })
}

/// The response that we make instead of a peer or a server, in the real gateway's format.
pub fn refusal(status: StatusCode, why: &str) -> Response {
    let status = u16::from(status);
    let why = Json::string(why);
    let body = alloc::format!(r#"{{"message":{},"status_code":{status}}}"#, why.raw());
    let headers = [Pair::new("Content-Type", JSON)].into();
    Response { status, headers, body: body.into_bytes() }
}

fn owned(headers: Vec<Pair<'_>>) -> Vec<Pair<'static>> {
    headers.into_iter().map(|h| Pair::new(h.name.into_owned(), h.value.into_owned())).collect()
}

/// Refuses interim responses, which concern one connection only (RFC 9110 §15.2).
fn final_status(status: u16) -> Result<u16, Error> {
    if (200..=599).contains(&status) { Ok(status) } else { Err(STATUS) }
}

/// Whether the response to a request of that method may have a body (RFC 9110 §6.4.1).
fn has_body(status: u16, method: &str) -> bool {
    method != "HEAD" && !matches!(status, 204 | 304)
}

/// The headers that go into a message.
fn kept<'a>(headers: &'a [Pair<'_>]) -> Result<Vec<Pair<'a>>, Error> {
    // Headers that Connection names concern this connection only.
    let named: Vec<&str> = headers
        .iter()
        .filter(|header| header.name.eq_ignore_ascii_case("connection"))
        .flat_map(|header| header.value.split(','))
        .map(str::trim)
        .collect();
    let mut kept = Vec::with_capacity(headers.len());
    for Pair { name, value } in headers {
        if !is_token(name.as_bytes()) {
            return Err(HEADER_NAME);
        }
        if !is_value(value) {
            return Err(HEADER_VALUE);
        }
        let mut left_out = LEFT_OUT.iter().chain(&named);
        if !left_out.any(|other| name.eq_ignore_ascii_case(other)) {
            kept.push(Pair::new(&**name, &**value));
        }
    }
    Ok(kept)
}

/// Whether a text can be a header's value (RFC 9110 §5.5).
fn is_value(text: &str) -> bool {
    text.bytes().all(|b| b == b'\t' || !b.is_ascii_control())
}

fn header<'h>(headers: &'h [Pair<'_>], name: &str) -> Option<&'h str> {
    let mut headers = headers.iter();
    headers.find(|header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value.trim())
}

/// An HTTP body as a message carries it.
fn enclosed<'a>(headers: &'a [Pair<'_>], body: &'a [u8]) -> Result<Body<'a>, Error> {
    if body.is_empty() {
        return Ok(Body::default());
    }
    if header(headers, "content-encoding").is_some_and(|e| !e.eq_ignore_ascii_case("identity")) {
        return Err(ENCODING);
    }
    let format = header(headers, CONTENT_TYPE).filter(|format| !format.is_empty());
    let (format, content) = match (format, core::str::from_utf8(body)) {
        (Some(format), Ok(text)) if is_plain_json(format) => {
            let object = Json::parse(text).filter(Json::is_object);
            (JSON, object.unwrap_or_else(|| Json::string(text)))
        }
        (Some(format), Ok(text)) if !is_binary(format) => (format, Json::string(text)),
        _ => (BINARY, Json::string(&base64::encode(body))),
    };
    Ok(Body { format: Some(Cow::Borrowed(format)), content: Some(content) })
}

/// The bytes of a message's body. Their Content-Type is added to the headers.
fn disclosed<'a>(
    sent: &'a [Pair<'_>],
    body: &'a Body<'_>,
    headers: &mut Vec<Pair<'a>>,
) -> Result<Vec<u8>, Error> {
    let Some(content) = &body.content else { return Ok(Vec::new()) };
    let format = body.format.as_deref().or_else(|| header(sent, CONTENT_TYPE));
    let format = format.filter(|format| !format.trim().is_empty());
    let text = content.text();
    // A body that is no string is JSON, whatever its sender calls it.
    let default = if text.is_some() { "text/plain; charset=utf-8" } else { JSON };
    let format = format.unwrap_or(default);
    if !is_value(format) {
        return Err(FORMAT);
    }
    let is_binary = is_binary(format);
    headers.push(Pair::new("Content-Type", format));
    Ok(match text {
        None => content.raw().into(),
        Some(text) => {
            let bytes = if is_binary { base64::decode(&text) } else { None };
            // Real peers do not encode a binary body that happens to be text.
            bytes.unwrap_or_else(|| text.into_owned().into_bytes())
        }
    })
}

fn is_binary(format: &str) -> bool {
    format.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(BINARY)
}

/// Whether a format is JSON without other parameters than its charset, which can only be UTF-8
/// (RFC 8259 §8.1). The real gateway knows JSON by the bare name only.
fn is_plain_json(format: &str) -> bool {
    let mut parts = format.split(';').map(str::trim);
    parts.next().is_some_and(|essence| essence.eq_ignore_ascii_case(JSON))
        && parts.all(|parameter| {
            let parameter = parameter.to_ascii_lowercase();
            matches!(parameter.as_str(), "charset=utf-8" | "charset=\"utf-8\"" | "")
        })
}

#[cfg(test)]
mod tests {
    use alloc::string::{String, ToString};

    use super::*;

    fn request(target: &'static str, headers: &[(&'static str, &'static str)]) -> Request {
        Request {
            method: "POST".into(),
            target: target.into(),
            headers: pairs(headers),
            body: [].as_slice().into(),
        }
    }

    fn pairs(headers: &[(&'static str, &'static str)]) -> Vec<Pair<'static>> {
        headers.iter().map(|(name, value)| Pair::new(*name, *value)).collect()
    }

    /// The message of a request, as its receiver reads it.
    fn sent(http: &Request) -> String {
        request_to_message(Id::number(1), http).expect("a message").encode()
    }

    /// The request that comes out of the message of a request.
    #[track_caller]
    fn passed_on(http: &Request) -> (String, Vec<(String, String)>, Vec<u8>) {
        let text = sent(http);
        let message = Message::parse(text.as_bytes()).expect("a message");
        let Content::Request(request) = &message.content else { panic!("a request: {text}") };
        let Request { target, headers, body, .. } =
            request_from_message(request).expect("a request");
        let headers = headers.iter().map(|h| (h.name.to_string(), h.value.to_string())).collect();
        (target, headers, body)
    }

    #[test]
    fn what_the_body_says_and_what_concerns_the_connection_stay_behind() {
        let mut http = request(
            "/micronets/v1/dhcp/subnets?medium=wifi&x=%20",
            &[
                ("Host", "localhost:5001"),
                ("content-length", "8"),
                ("Content-Type", "Application/JSON; charset=UTF-8"),
                ("Connection", "close, X-Hop"),
                ("x-hop", "1"),
                ("Transfer-Encoding", "chunked"),
                ("Accept", "text/html"),
                ("Accept", "*/*"),
            ],
        );
        http.body = b" {\"a\":1}\n".as_slice().into();
        assert_eq!(
            sent(&http),
            concat!(
                r#"{"message":{"messageId":1,"messageType":"REST:REQUEST","requiresResponse":true,"#,
                r#""method":"POST","path":"/micronets/v1/dhcp/subnets","#,
                r#""queryStrings":[{"name":"medium","value":"wifi"},{"name":"x","value":" "}],"#,
                r#""headers":[{"name":"Host","value":"localhost:5001"},"#,
                r#"{"name":"Accept","value":"text/html"},{"name":"Accept","value":"*/*"}],"#,
                r#""dataFormat":"application/json","messageBody":{"a":1}}}"#,
            )
        );
        let header = |name: &str, value: &str| (name.to_string(), value.to_string());
        assert_eq!(
            passed_on(&http),
            (
                http.target.to_string(),
                [
                    header("Host", "localhost:5001"),
                    header("Accept", "text/html"),
                    header("Accept", "*/*"),
                    header("Content-Type", "application/json"),
                ]
                .into(),
                b"{\"a\":1}".to_vec()
            )
        );
    }

    #[test]
    fn every_body_arrives_as_it_left() {
        for (format, body, travels_as, arrives_as) in [
            (Some("application/json"), "[1, 2]", r#""[1, 2]""#, "application/json"),
            (Some("application/json"), "\"a\"", r#""\"a\"""#, "application/json"),
            (Some("application/json"), "{broken", r#""{broken""#, "application/json"),
            (Some("application/problem+json"), "{}", r#""{}""#, "application/problem+json"),
            (Some("text/plain; charset=x"), "ä", r#""ä""#, "text/plain; charset=x"),
            (Some("application/octet-stream"), "abc", r#""YWJj""#, "application/octet-stream"),
            (None, "abc", r#""YWJj""#, "application/octet-stream"),
            (Some(""), "abc", r#""YWJj""#, "application/octet-stream"),
        ] {
            let mut http = request("/", &[]);
            http.headers.extend(format.map(|format| Pair::new("Content-Type", format)));
            http.body = body.as_bytes().into();
            let text = sent(&http);
            assert!(text.contains(&alloc::format!("\"messageBody\":{travels_as}}}")), "{text}");
            let (_, headers, arrived) = passed_on(&http);
            assert_eq!(headers, [("Content-Type".to_string(), arrives_as.to_string())]);
            assert_eq!(arrived, body.as_bytes());
        }
        let mut http = request("/", &[("Content-Type", "image/png")]);
        http.body = [0x89, b'P', 0xff].as_slice().into();
        assert_eq!(passed_on(&http).2, http.body);
    }

    #[test]
    fn a_body_that_real_peers_send_is_understood() {
        let read = |message: &'static str| {
            let text = alloc::format!(
                r#"{{"message":{{"messageType":"REST:REQUEST","messageId":1,"path":"/",{message}}}}}"#
            );
            let message = Message::parse(text.as_bytes()).expect("a message");
            let Content::Request(request) = &message.content else { panic!("a request") };
            let http = request_from_message(request).expect("a request");
            let format = header(&http.headers, CONTENT_TYPE).map(str::to_string);
            (format, String::from_utf8(http.body).expect("UTF-8"))
        };
        let json = || Some("application/json".to_string());
        // The manager's DELETE, a list, a body without a format, and binary that is text.
        assert_eq!(
            read(r#""method":"DELETE","dataFormat":"application/json","messageBody":{}"#),
            (None, String::new())
        );
        assert_eq!(
            read(r#""method":"PUT","dataFormat":"application/json","messageBody":{}"#),
            (json(), "{}".to_string())
        );
        assert_eq!(read(r#""method":"PUT","messageBody":[1]"#), (json(), "[1]".to_string()));
        assert_eq!(
            read(r#""method":"PUT","messageBody":"a\nb""#),
            (Some("text/plain; charset=utf-8".to_string()), "a\nb".to_string())
        );
        assert_eq!(
            read(r#""method":"PUT","dataFormat":"application/octet-stream","messageBody":"a b!""#),
            (Some(BINARY.to_string()), "a b!".to_string())
        );
        assert_eq!(
            read(
                r#""method":"PUT","messageBody":"x","headers":[{"name":"content-type","val":"a/b"}]"#
            ),
            (Some("a/b".to_string()), "x".to_string())
        );
    }

    #[test]
    fn a_response_has_a_body_only_where_one_may_be() {
        let http = |status| Response {
            status,
            headers: pairs(&[("Content-Type", "application/json"), ("Location", "/a")]),
            body: b"{}".as_slice().into(),
        };
        let written = |status, method: &str| {
            let http = http(status);
            let message = response_to_message(Id::number(2), Id::number(1), method, &http);
            message.expect("a message").encode()
        };
        assert_eq!(
            written(200, "GET"),
            concat!(
                r#"{"message":{"messageId":2,"messageType":"REST:RESPONSE","requiresResponse":false,"#,
                r#""inResponseTo":1,"statusCode":200,"reasonPhrase":"OK","#,
                r#""headers":[{"name":"Location","value":"/a","val":"/a"}],"#,
                r#""dataFormat":"application/json","messageBody":{}}}"#,
            )
        );
        for (status, method) in [(200, "HEAD"), (204, "GET"), (304, "GET")] {
            let text = written(status, method);
            assert!(!text.contains("messageBody") && !text.contains("dataFormat"), "{text}");
        }
        assert!(written(299, "GET").contains(r#""statusCode":299,"headers""#));
        let interim = http(101);
        let error = response_to_message(Id::number(2), Id::number(1), "GET", &interim);
        assert_eq!(error.err(), Some(STATUS));

        let read = |status, method| {
            let message = message::Response {
                status,
                reason: None,
                headers: pairs(&[("A", "1"), ("Content-Length", "7"), ("A", "2")]),
                body: Body { format: Some(JSON.into()), content: Json::parse("{}") },
            };
            let http = response_from_message(&message, method).expect("a response");
            (http.headers.len(), http.body.len())
        };
        assert_eq!(read(200, "GET"), (3, 2));
        assert_eq!(read(200, "HEAD"), (3, 0));
        assert_eq!(read(204, "GET"), (2, 0));
    }

    #[test]
    fn nothing_can_break_out_of_a_head() {
        let with = |name: &'static str, value: &'static str| {
            request_to_message(Id::number(1), &request("/", &[("A", "b"), (name, value)])).err()
        };
        assert_eq!(with("X", "a\tb ä"), None);
        assert_eq!(with("X", "a\r\nY: b"), Some(HEADER_VALUE));
        assert_eq!(with("X:", "a"), Some(HEADER_NAME));
        assert_eq!(with("", "a"), Some(HEADER_NAME));
        let of = |method: &'static str, path: &'static str, format: &'static str| {
            request_from_message(&message::Request {
                method: method.into(),
                path: path.into(),
                query: Vec::new(),
                headers: Vec::new(),
                body: Body { format: Some(format.into()), content: Json::parse("[]") },
            })
            .err()
        };
        assert_eq!(of("PATCH", "/a\r\nb", "a/b"), None);
        assert_eq!(of("GET / HTTP/1.1\r\nX:", "/", "a/b"), Some(METHOD));
        assert_eq!(of("GET", "http://other/", "a/b"), Some(PATH));
        assert_eq!(of("PUT", "/", "a/b;\tc=d"), None);
        assert_eq!(of("PUT", "/", "a/b\r\nX: y"), Some(FORMAT));
        let mut gzip = request("/", &[("Content-Encoding", "gzip")]);
        assert_eq!(request_to_message(Id::number(1), &gzip).err(), None);
        gzip.body = [1].as_slice().into();
        let error = request_to_message(Id::number(1), &gzip).err();
        assert_eq!(error, Some(ENCODING));
        assert_eq!(ENCODING.status, StatusCode::UnsupportedMediaType);
    }
}
