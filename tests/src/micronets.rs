//! The laws of the websocket proxy: messages, their HTTP, and the meetup with its surroundings.
//!
//! Each law takes bytes, and panics if it is broken.

use mistgate_core::base::base64;
use mistgate_core::micronets::http;
use mistgate_core::micronets::message::{
    Body, Content, Event, Hello, Id, Json, Message, Pair, Request, Response,
};
use mistgate_core::micronets::peek::{Peek, peek};

use crate::base::bytes::Bytes;

mod meetup;
mod proxy_v2;
mod upgrade;

/// A message that is read, written and read again is the same. The light parser sees what the full
/// one sees. No request in a message can break out of its head.
pub fn micronets_message(data: &[u8]) {
    let _ = peek(data);
    if let Ok(message) = Message::parse(data) {
        written(&message);
        carried(&message);
    }
    assert_eq!(base64::decode(&base64::encode(data)).as_deref(), Some(data));
    let bytes = &mut Bytes::new(data);
    let texts: Vec<_> = (0..12).map(|_| bytes.text(12)).collect();
    let text = |nth: usize| texts.get(nth).map(String::as_str).unwrap_or_default();
    let pairs = vec![Pair::new(text(0), text(1)); bytes.count(3)];
    let body = match bytes.up_to(3) {
        0 => Body::default(),
        1 => Body { format: Some(text(2).into()), content: None },
        2 => Body { format: None, content: Some(Json::string(text(3))) },
        _ => Body { format: Some(text(2).into()), content: Json::parse(text(3)) },
    };
    let content = match bytes.up_to(3) {
        0 => Content::Event(Event { name: text(4).into(), body }),
        1 => Content::Request(Request {
            method: text(4).into(),
            path: text(5).into(),
            query: pairs.clone(),
            headers: pairs,
            body,
        }),
        2 => Content::Response(Response {
            status: 100 + u16::try_from(bytes.up_to(499)).expect("a status"),
            reason: bytes.chance(128).then(|| text(5).into()),
            headers: pairs,
            body,
        }),
        _ => {
            let name = Some(text(4).trim()).filter(|name| !name.is_empty());
            Content::Hello(Hello { peer_class: name.map(Into::into), peer_id: None })
        }
    };
    let number = bytes.number();
    let id = || if number.is_multiple_of(2) { Id::number(number) } else { Id::text(text(6)) };
    let mut message = Message::new(id(), content);
    message.in_response_to = matches!(message.content, Content::Response(_)).then(id);
    message.requires_response ^= bytes.chance(128);
    written(&message);
    carried(&message);
}

/// Checks that a message is the same after writing and reading, for the light parser too.
fn written(message: &Message<'_>) {
    let text = message.encode();
    let again = Message::parse(text.as_bytes()).expect("our own message");
    assert_eq!(*message, again, "{text}");
    assert_eq!(again.encode(), text);
    // An id that needs escapes is skipped.
    let plain = |id: &&Id<'_>| {
        !id.as_str().contains(|c: char| matches!(c, '"' | '\\') || u32::from(c) < 0x20)
    };
    let expected = match message.content {
        Content::Request(_) if message.requires_response => {
            message.id.as_ref().filter(plain).cloned().map(Peek::Request)
        }
        Content::Response(_) => {
            message.in_response_to.as_ref().filter(plain).cloned().map(Peek::Response)
        }
        Content::Event(_) | Content::Hello(_) | Content::Other(_) | Content::Request(_) => None,
    };
    assert_eq!(peek(text.as_bytes()), expected, "{text}");
}

/// Checks that a message's HTTP has one line per header, and becomes the same message again.
fn carried(message: &Message<'_>) {
    match &message.content {
        Content::Request(request) => {
            let Ok(http) = http::request_from_message(request) else {
                return;
            };
            assert!(http.target.bytes().all(|b| b.is_ascii_graphic()), "{}", http.target);
            assert!(http.target.starts_with('/') && !http.method.contains(char::is_whitespace));
            one_line_each(&http.headers);
            sent_request(&http);
        }
        Content::Response(response) => {
            if let Ok(http) = http::response_from_message(response, "GET") {
                one_line_each(&http.headers);
                sent_response(&http, "GET");
            }
        }
        Content::Event(_) | Content::Hello(_) | Content::Other(_) => {}
    }
}

fn one_line_each(headers: &[Pair<'_>]) {
    for Pair { name, value } in headers {
        assert!(!name.is_empty() && !name.contains([':', ' ', '\r', '\n', '\0']), "{name:?}");
        assert!(!value.contains(['\r', '\n', '\0']), "{name}: {value:?}");
    }
}

/// HTTP put into a message comes out with its method, its body, and the end-to-end headers.
pub fn micronets_http(data: &[u8]) {
    const HEADERS: [&str; 8] = [
        "Accept",
        "Content-Type",
        "Host",
        "Connection",
        "Content-Length",
        "Accept",
        "X-Hop",
        "Content-Encoding",
    ];
    const VALUES: [&str; 8] = [
        "application/json",
        "text/plain",
        "application/octet-stream",
        "application/json; charset=utf-8",
        "X-Hop, close",
        "identity",
        "",
        "image/png",
    ];
    const BODIES: [&str; 6] = ["", "{}", " {\"a\":[1.0]}\n", "[1]", "\"a\"", "{broken"];
    let bytes = &mut Bytes::new(data);
    let method = bytes.pick(&["POST", "GET", "HEAD", "DELETE", "PUT", "get", "X-Y", "A B"]);
    let status = 190 + u16::try_from(bytes.up_to(420)).expect("a status");
    let target = format!("/{}", bytes.text(30));
    let mut headers = Vec::new();
    for _ in 0..bytes.up_to(6) {
        let text = bytes.text(10);
        let name = if bytes.chance(40) { text.clone() } else { bytes.pick(&HEADERS).to_owned() };
        let value = if bytes.chance(40) { text } else { bytes.pick(&VALUES).to_owned() };
        headers.push(Pair::new(name, value));
    }
    let body = match bytes.chance(128) {
        true => bytes.rest(),
        false => bytes.pick(&BODIES).as_bytes(),
    };
    let request = http::Request {
        method: method.into(),
        target,
        headers: headers.clone(),
        body: body.into(),
    };
    sent_request(&request);
    sent_response(&http::Response { status, headers, body: body.into() }, method);
}

fn sent_request(sent: &http::Request) {
    let Ok(message) = http::request_to_message(Id::number(1), sent) else {
        return;
    };
    written(&message);
    let Content::Request(request) = &message.content else { panic!("not a request") };
    let got = http::request_from_message(request).expect("our own message");
    assert_eq!(got.method, sent.method);
    if !got.body.is_empty() || *sent.body != *b"{}" {
        same_body(&sent.body, &got.body);
    }
    let again = http::request_to_message(Id::number(1), &got).expect("what came out goes in");
    let Content::Request(request) = &again.content else { panic!("not a request") };
    assert_eq!(http::request_from_message(request), Ok(got.clone()), "it changes on its way");
}

fn sent_response(sent: &http::Response, method: &str) {
    let Ok(message) = http::response_to_message(Id::number(1), Id::number(2), method, sent) else {
        return;
    };
    written(&message);
    let Content::Response(response) = &message.content else { panic!("not a response") };
    let got = http::response_from_message(response, method).expect("our own message");
    assert_eq!(got.status, sent.status);
    if method == "HEAD" || matches!(sent.status, 204 | 304) {
        assert!(got.body.is_empty());
    } else {
        same_body(&sent.body, &got.body);
    }
}

/// Compares bodies. White space around a JSON object does not count.
fn same_body(sent: &[u8], got: &[u8]) {
    let is_object = got.starts_with(b"{");
    assert!(got == sent || is_object && got == sent.trim_ascii(), "{sent:?} became {got:?}");
}

/// Laws of a meetup under any order of inputs.
pub fn micronets_meetup(data: &[u8]) {
    meetup::check(data);
}

/// The header that a load balancer sends first on a connection.
pub fn proxy_v2(data: &[u8]) {
    proxy_v2::check(data);
}

/// The head of an upgrade is read the same whole or in pieces, and answered with one head.
pub fn micronets_upgrade(data: &[u8]) {
    upgrade::check(data);
}
