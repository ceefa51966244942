//! The laws of NETCONF: framing, replies, and the session with a switch that sends anything.
//!
//! Each law takes bytes, and panics if it is broken.

use mistgate_core::base::text::one_line;
use mistgate_core::netconf::framing::{Decoder, Error, Framing, encode};
use mistgate_core::netconf::lines::{LINES_MAX, Lines};
use mistgate_core::netconf::rpc::operational;
use mistgate_core::netconf::rpc::reply::{Message, Verdict};
use mistgate_core::netconf::rpc::request::Request;
use mistgate_core::netconf::session::output::Outcome;
use mistgate_core::netconf::xml::{Element, escape};

use crate::base::bytes::Bytes;

pub mod session;
pub mod world;

/// The name of an outcome in the tests.
pub const fn name(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Absent => "absent",
        Outcome::Broken { .. } => "broken",
        Outcome::Compared => "compared",
        Outcome::Confirmed => "confirmed",
        Outcome::Pending { .. } => "pending",
        Outcome::RolledBack { .. } => "rolled back",
        Outcome::Unchanged => "unchanged",
        Outcome::Unconfirmed { .. } => "unconfirmed",
        Outcome::Unknown { .. } => "unknown",
    }
}

/// Messages are the same whole and in pieces, have a bound, and arrive as they were sent.
pub fn framing(data: &[u8]) {
    let bytes = &mut Bytes::new(data);
    let framing = bytes.pick(&[Framing::EndOfMessage, Framing::Chunked]);
    let max = bytes.pick(&[4_096, 0, 1, 20]);
    let piece = 1 + bytes.count(30);
    let stream = bytes.rest();
    let whole = decoded(framing, max, stream, stream.len().max(1));
    assert_eq!(decoded(framing, max, stream, piece), whole, "in pieces of {piece}");
    assert_eq!(decoded(framing, max, stream, 1), whole, "byte by byte");
    for message in whole.0 {
        assert!(message.len() <= max, "{} of at most {max} bytes", message.len());
        let Ok(text) = String::from_utf8(message) else {
            continue;
        };
        if !text.is_empty() && !text.contains("]]>]]>") && !text.ends_with(']') {
            for framing in [Framing::EndOfMessage, Framing::Chunked] {
                let twice = [encode(framing, &text), encode(framing, &text)].concat();
                let messages = vec![text.clone().into_bytes(); 2];
                assert_eq!(decoded(framing, max, &twice, piece), (messages, None));
            }
        }
    }
}

/// All messages of a stream in pieces of this size, and the error that ended it.
pub fn decoded(
    framing: Framing,
    max: usize,
    stream: &[u8],
    piece: usize,
) -> (Vec<Vec<u8>>, Option<Error>) {
    let mut decoder = Decoder::new(framing, max);
    let mut messages = Vec::new();
    for mut bytes in stream.chunks(piece) {
        loop {
            match decoder.decode(bytes) {
                Ok(Some((message, used))) => {
                    messages.push(message);
                    bytes = bytes.split_at(used).1;
                }
                Ok(None) => break,
                Err(error) => return (messages, Some(error)),
            }
        }
    }
    (messages, None)
}

/// Any bytes are a message or are refused. An element is read the same in whichever way it is
/// written. Our requests are read as they were meant.
pub fn reply(data: &[u8]) {
    if let Ok(Message::Reply(reply)) = Message::parse(data) {
        assert_eq!(reply.verdict() == Verdict::Refused, !reply.errors.is_empty() && !reply.is_ok);
        for complaint in reply.errors.iter().chain(&reply.warnings) {
            let text = complaint.to_string();
            assert!(!text.is_empty() && text.chars().count() < 1_000, "{text}");
            assert!(!text.contains(char::is_control), "{text:?}");
        }
        let _ = (reply.verdict_or_silence(), reply.difference());
        let seen = operational::neighbours(&reply.content).unwrap_or_default();
        assert!(seen.iter().all(|neighbour| !neighbour.chassis_id.contains('\n')));
        let _ = operational::interfaces(&reply.content);
    }
    let bytes = &mut Bytes::new(data);
    let tree = element(bytes, 5);
    let mut document = bytes.pick(&["", "<?xml version=\"1.0\"?>\n", "<!-- x -->\n"]).to_owned();
    let _ = write(bytes, &tree, &mut document);
    document.push_str(bytes.pick(&["", "\n", "<!-- session end -->"]));
    assert_eq!(Element::parse(document.as_bytes()), Ok(tree), "{document}");
    asked(bytes);
}

fn asked(bytes: &mut Bytes<'_>) {
    let texts: Vec<_> = (0..1 + bytes.count(4)).map(|_| line(bytes)).collect();
    let Ok(lines) = Lines::new(&texts) else {
        return;
    };
    let text = lines.to_string();
    assert_eq!(text.lines().count(), lines.as_slice().len(), "{text:?}");
    assert!(lines.as_slice().len() <= LINES_MAX);
    assert_eq!(as_read(&Request::Load(&lines)).text_of("configuration-set"), Some(&*text));
    let comment = bytes.text(40);
    let log = as_read(&Request::Commit { comment: &comment });
    assert_eq!(log.text_of("log").unwrap_or_default(), one_line(&comment, 500));
}

/// A request as the switch reads it.
fn as_read(request: &Request<'_>) -> Element {
    let document = request.encode(7);
    assert!(!document.contains("]]>"), "{document}");
    let mut rpc = Element::parse(document.as_bytes()).expect("our own document");
    assert_eq!(rpc.children.len(), 1, "{document}");
    rpc.children.remove(0)
}

/// A line that may be a valid one.
fn line(bytes: &mut Bytes<'_>) -> String {
    let verb = bytes.pick(&["set ", "delete ", "deactivate ", "", "commit "]);
    format!("{verb}{}", bytes.text(30))
}

const NAMES: [&str; 12] = [
    "rpc-reply",
    "rpc-error",
    "error-severity",
    "error-message",
    "ok",
    "commit-results",
    "routing-engine",
    "configuration-output",
    "lldp-neighbor-information",
    "lldp-remote-system-name",
    "physical-interface",
    "hello",
];

fn element(bytes: &mut Bytes<'_>, depth_max: usize) -> Element {
    let children = if depth_max > 0 { bytes.count(3) } else { 0 };
    Element {
        name: bytes.pick(&NAMES).to_owned(),
        message_id: bytes.chance(40).then(|| "7".to_owned()),
        seconds: None,
        // White space around a text is not kept.
        text: bytes.text(12).trim().to_owned(),
        children: (0..children).map(|_| element(bytes, depth_max - 1)).collect(),
    }
}

/// Writes an element in one of many equivalent ways. `true` if its last child was left open.
fn write(bytes: &mut Bytes<'_>, element: &Element, document: &mut String) -> bool {
    let prefix = bytes.pick(&["", "nc:", "junos:"]);
    let name = &element.name;
    let id = element.message_id.as_ref().map(|id| format!(" message-id='{id}'"));
    let attributes = [id.unwrap_or_default(), bytes.pick(&["", " xmlns:nc=\"u\""]).to_owned()];
    let attributes = attributes.concat();
    if element.text.is_empty() && element.children.is_empty() && bytes.chance(128) {
        document.push_str(&format!("<{prefix}{name}{attributes}/>"));
        return false;
    }
    document.push_str(&format!("<{prefix}{name}{attributes}>"));
    let gap = bytes.pick(&["", "\n", "  ", "<!-- ]]> -->", "<?pi?>"]);
    let is_raw = bytes.chance(60) && !element.text.contains("]]>");
    let text = if is_raw {
        format!("<![CDATA[{}]]>", element.text)
    } else {
        escape(&element.text).into_owned()
    };
    document.push_str(&format!("{gap}{text}{gap}"));
    let mut is_left_open = false;
    for (nth, child) in element.children.iter().enumerate() {
        let is_deep = write(bytes, child, document);
        // An open element ends with its parent, so only the last child may be left open. Of two
        // nested ones, the inner could have the parent's name and take its end tag.
        let end = format!("</{}>", child.name);
        let may_be_open = nth + 1 == element.children.len() && child.name != *name && !is_deep;
        if may_be_open && document.ends_with(&end) {
            is_left_open = bytes.chance(30);
            document.truncate(document.len() - if is_left_open { end.len() } else { 0 });
        }
    }
    document.push_str(&format!("</{prefix}{name}>"));
    is_left_open
}
