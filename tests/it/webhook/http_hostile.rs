//! Hostile requests and the answer to each, in a table meant to be read.
//!
//! The first line of each row is the expectation: the statuses of the answers, whether the
//! connection goes on, and the requests that the service got. The rest is what the client sends.
//! There `post!(…)` stands for `POST /webhooks HTTP/1.1` with a `Host`, and `chunked!(…)` for the
//! same with `Transfer-Encoding: chunked` at the end of the head. `smuggled!()` is a request inside
//! another one, and must never be served.

/// Follows every hostile request. It must be answered if the connection goes on, and never if the
/// connection had to end.
pub(crate) const CANARY: &str =
    "POST /webhooks HTTP/1.1\r\nHost: canary\r\nContent-Length: 6\r\n\r\ncanary";

/// A request, and the expected result.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// The statuses of all answers except that to the canary.
    pub(crate) answered: &'static [u16],
    pub(crate) then: Then,
    /// The requests before the canary: `METHOD path body` for each that was served, and `METHOD
    /// path` for each that was refused.
    pub(crate) seen: &'static [&'static str],
    pub(crate) sent: &'static [u8],
}

/// Whether the connection goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    GoesOn,
    Ends,
}
use Then::{Ends, GoesOn};

const fn case(
    name: &'static str,
    answered: &'static [u16],
    then: Then,
    seen: &'static [&'static str],
    sent: &'static [u8],
) -> Case {
    Case { name, answered, then, seen, sent }
}

macro_rules! raw {
    ($($part:expr),*) => { concat!($($part),*).as_bytes() };
}
macro_rules! post {
    ($($part:expr),*) => { raw!("POST /webhooks HTTP/1.1\r\nHost: h\r\n", $($part),*) };
}
macro_rules! chunked {
    ($($part:expr),*) => { post!("Transfer-Encoding: chunked\r\n\r\n", $($part),*) };
}
macro_rules! smuggled {
    () => {
        "POST /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"
    };
}

/// A request without a body that was served.
const SERVED: &str = "POST /webhooks ";

// Formatted by hand: two lines for each row.
#[rustfmt::skip]
pub(crate) const CASES: &[Case] = &[
    // Requests that must work.
    case("a length", &[200], GoesOn, &["POST /webhooks hello"],
        post!("Content-Length: 5\r\n\r\nhello")),
    case("no body", &[200], GoesOn, &[SERVED],
        post!("\r\n")),
    case("a length of zero", &[200], GoesOn, &[SERVED],
        post!("Content-Length: 0\r\n\r\n")),
    case("a length with leading zeros", &[200], GoesOn, &["POST /webhooks hello"],
        post!("Content-Length: 0005\r\n\r\nhello")),
    case("a host with a port", &[200], GoesOn, &[SERVED],
        raw!("POST /webhooks HTTP/1.1\r\nHost: [::1]:80\r\n\r\n")),
    case("an empty host", &[200], GoesOn, &[SERVED],
        raw!("POST /webhooks HTTP/1.1\r\nHost:\r\n\r\n")),
    case("an empty line before", &[200], GoesOn, &[SERVED],
        raw!("\r\nPOST /webhooks HTTP/1.1\r\nHost: h\r\n\r\n")),
    case("a query", &[200], GoesOn, &[SERVED],
        raw!("POST /webhooks?a=b HTTP/1.1\r\nHost: h\r\n\r\n")),
    case("an absolute target", &[200], GoesOn, &[SERVED],
        raw!("POST http://h/webhooks HTTP/1.1\r\nHost: h\r\n\r\n")),
    case("an absolute target, loud", &[200], GoesOn, &[SERVED],
        raw!("POST HTTP://h/webhooks HTTP/1.1\r\nHost: h\r\n\r\n")),
    case("text that is no ASCII", &[200], GoesOn, &[SERVED],
        post!("X: caf\u{e9}\r\n\r\n")),
    case("bytes that are no text", &[200], GoesOn, &[SERVED],
        b"POST /webhooks HTTP/1.1\r\nHost: h\r\nX: \xff\xfe\x80\r\n\r\n"),
    case("chunks", &[200], GoesOn, &["POST /webhooks hello!"],
        chunked!("5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n")),
    case("Chunked with spaces around", &[200], GoesOn, &[SERVED],
        post!("Transfer-Encoding: \t Chunked \t\r\n\r\n0\r\n\r\n")),
    case("chunk extensions", &[200], GoesOn, &["POST /webhooks hello"],
        chunked!("5;a=b;c=\"d\"\r\nhello\r\n0 ;x\r\n\r\n")),
    case("trailers", &[200], GoesOn, &["POST /webhooks hi"],
        chunked!("2\r\nhi\r\n0\r\nA: b\r\nC: d\r\n\r\n")),
    case("a chunk size in capitals with zeros", &[200], GoesOn, &["POST /webhooks 0123456789"],
        chunked!("000A\r\n0123456789\r\n00\r\n\r\n")),
    case("pipelined", &[200, 200], GoesOn, &["POST /webhooks 1", "POST /webhooks 2"],
        post!("Content-Length: 1\r\n\r\n1",
            "POST /webhooks HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n2")),
    case("close is obeyed", &[200], Ends, &[SERVED],
        post!("Connection: close\r\n\r\n")),
    case("HTTP/1.0", &[200], Ends, &["POST /webhooks hi"],
        raw!("POST /webhooks HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi")),
    case("HTTP/1.0 that stays", &[200], GoesOn, &["POST /webhooks hi"],
        raw!("POST /webhooks HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nhi")),
    case("expecting 100", &[100, 200], GoesOn, &["POST /webhooks hi"],
        post!("Expect: 100-Continue\r\nContent-Length: 2\r\n\r\nhi")),
    case("expecting 100 of HTTP/1.0", &[200], Ends, &["POST /webhooks hi"],
        raw!("POST /webhooks HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi")),

    // Requests that are refused by the head alone.
    case("another path", &[404], GoesOn, &["POST /other"],
        raw!("POST /other HTTP/1.1\r\nHost: h\r\n\r\n")),
    case("another path with a body", &[404], Ends, &["POST /other"],
        raw!("POST /other HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi")),
    case("another method", &[405], GoesOn, &["GET /webhooks"],
        raw!("GET /webhooks HTTP/1.1\r\nHost: h\r\n\r\n")),
    case("refused before 100", &[404], Ends, &["POST /other"],
        raw!("POST /other HTTP/1.1\r\nHost: h\r\n",
            "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n")),
    case("another expectation", &[417], Ends, &[],
        post!("Expect: tea\r\nContent-Length: 2\r\n\r\nhi")),
    case("a percent-encoded path is another path", &[404], GoesOn, &["POST /%77ebhooks"],
        raw!("POST /%77ebhooks HTTP/1.1\r\nHost: h\r\n\r\n")),
    case("a path that climbs is another path", &[404], GoesOn, &["POST /x/../webhooks"],
        raw!("POST /x/../webhooks HTTP/1.1\r\nHost: h\r\n\r\n")),
    case("the asterisk", &[404], GoesOn, &["OPTIONS *"],
        raw!("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n")),
    case("CONNECT", &[404], GoesOn, &["CONNECT "],
        raw!("CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n")),
    case("an upgrade is not made", &[200], GoesOn, &[SERVED],
        post!("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: \r\n\r\n")),

    // The target and the host.
    case("no host", &[400], Ends, &[],
        raw!("POST /webhooks HTTP/1.1\r\n\r\n")),
    case("two hosts", &[400], Ends, &[],
        post!("Host: h\r\n\r\n")),
    case("a host with a path", &[400], Ends, &[],
        raw!("POST /other HTTP/1.1\r\nHost: h/webhooks?\r\n\r\n")),
    case("a host with a login", &[400], Ends, &[],
        raw!("POST /webhooks HTTP/1.1\r\nHost: a@h\r\n\r\n")),
    case("POST to an authority", &[400], Ends, &[],
        raw!("POST h:80 HTTP/1.1\r\nHost: h\r\n\r\n")),
    case("POST to the asterisk", &[400], Ends, &[],
        raw!("POST * HTTP/1.1\r\nHost: h\r\n\r\n")),
    case("another scheme", &[400], Ends, &[],
        raw!("POST ftp://h/webhooks HTTP/1.1\r\nHost: h\r\n\r\n")),
    case("no target", &[400], Ends, &[],
        raw!("POST HTTP/1.1\r\nHost: h\r\n\r\n")),
    case("two spaces", &[400], Ends, &[],
        raw!("POST  /webhooks HTTP/1.1\r\nHost: h\r\n\r\n")),
    case("a space in the target", &[400], Ends, &[],
        raw!("POST /web hooks HTTP/1.1\r\nHost: h\r\n\r\n")),
    case("a tab for a space", &[400], Ends, &[],
        raw!("POST\t/webhooks\tHTTP/1.1\r\nHost: h\r\n\r\n")),

    // Versions and other protocols.
    case("HTTP/0.9", &[400], Ends, &[],
        raw!("POST /webhooks\r\n\r\n")),
    case("HTTP/1.2", &[400], Ends, &[],
        raw!("POST /webhooks HTTP/1.2\r\nHost: h\r\n\r\n")),
    case("HTTP/2", &[400], Ends, &[],
        raw!("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")),
    case("lower-case http", &[400], Ends, &[],
        raw!("POST /webhooks http/1.1\r\nHost: h\r\n\r\n")),
    case("TLS", &[400], Ends, &[],
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n"),
    case("garbage", &[400], Ends, &[],
        b"\x00\x01\x02\xff\xfe\r\n\r\n"),

    // Lengths.
    case("lengths that differ", &[400], Ends, &[],
        post!("Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello")),
    case("lengths that agree", &[400], Ends, &[],
        post!("Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello")),
    case("a list of lengths", &[400], Ends, &[],
        post!("Content-Length: 5, 5\r\n\r\nhello")),
    case("a length with a plus", &[400], Ends, &[],
        post!("Content-Length: +5\r\n\r\nhello")),
    case("a length with a minus", &[400], Ends, &[],
        post!("Content-Length: -5\r\n\r\nhello")),
    case("a length in hex", &[400], Ends, &[],
        post!("Content-Length: 0x5\r\n\r\nhello")),
    case("a length that is empty", &[400], Ends, &[],
        post!("Content-Length:\r\n\r\nhello")),
    case("a length of 2^64", &[413], Ends, &[],
        post!("Content-Length: 18446744073709551616\r\n\r\nhello")),
    case("a length of 2^64 - 1", &[413], Ends, &[],
        post!("Content-Length: 18446744073709551615\r\n\r\nhello")),
    case("a length over the limit", &[413], Ends, &[],
        post!("Content-Length: 65537\r\n\r\nhello")),
    case("a length over the limit, expecting 100", &[413], Ends, &[],
        post!("Expect: 100-continue\r\nContent-Length: 65537\r\n\r\n")),

    // Transfer codings. Each has a request in its body that must not be served.
    case("gzip, chunked", &[400], Ends, &[],
        post!("Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", smuggled!())),
    case("xchunked", &[400], Ends, &[],
        post!("Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", smuggled!())),
    case("chunked, chunked", &[400], Ends, &[],
        post!("Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n")),
    case("chunked twice", &[400], Ends, &[],
        post!("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")),
    case("chunked, then identity", &[400], Ends, &[],
        post!("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n")),
    case("identity", &[400], Ends, &[],
        post!("Transfer-Encoding: identity\r\nContent-Length: 5\r\n\r\nhello")),
    case("a vertical tab before chunked", &[400], Ends, &[],
        post!("Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n")),
    case("a form feed after chunked", &[400], Ends, &[],
        post!("Transfer-Encoding: chunked\x0c\r\n\r\n0\r\n\r\n")),
    case("an empty coding", &[400], Ends, &[],
        post!("Transfer-Encoding:\r\nContent-Length: 5\r\n\r\nhello")),
    case("a coding and a length", &[400], Ends, &[],
        post!("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", smuggled!())),
    case("a length and a coding", &[400], Ends, &[],
        post!("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")),
    case("a coding in HTTP/1.0", &[400], Ends, &[],
        raw!("POST /webhooks HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")),
    case("an underscore is another field", &[200], GoesOn, &["POST /webhooks 0\r\n\r\n"],
        post!("Transfer_Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n")),

    // Lines.
    case("LF for CR LF", &[400], Ends, &[],
        raw!("POST /webhooks HTTP/1.1\nHost: h\n\n")),
    case("one LF for CR LF", &[400], Ends, &[],
        post!("X: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")),
    case("a head that ends with LF LF", &[400], Ends, &[],
        post!("X: y\n\n", smuggled!())),
    case("a CR within a value", &[400], Ends, &[],
        post!("X: y\rContent-Length: 5\r\n\r\nhello")),
    case("a CR before CR LF", &[400], Ends, &[],
        raw!("POST /webhooks HTTP/1.1\r\nHost: h\r\r\n\r\n")),
    case("a NUL within a value", &[400], Ends, &[],
        post!("X: a\x00b\r\n\r\n")),
    case("a folded line", &[400], Ends, &[],
        post!("Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n")),
    case("a folded first field", &[400], Ends, &[],
        raw!("POST /webhooks HTTP/1.1\r\n X: y\r\nHost: h\r\n\r\n")),
    case("a space before the colon", &[400], Ends, &[],
        post!("Content-Length : 5\r\n\r\nhello")),
    case("no colon", &[400], Ends, &[],
        post!("X\r\n\r\n")),
    case("no name", &[400], Ends, &[],
        post!(": x\r\n\r\n")),

    // Chunks.
    case("a chunk size of nothing", &[400], Ends, &[],
        chunked!("\r\n\r\n")),
    case("a chunk size with a prefix", &[400], Ends, &[],
        chunked!("0x5\r\nhello\r\n0\r\n\r\n")),
    case("a chunk size with a sign", &[400], Ends, &[],
        chunked!("+5\r\nhello\r\n0\r\n\r\n")),
    case("a chunk size with a space before", &[400], Ends, &[],
        chunked!(" 5\r\nhello\r\n0\r\n\r\n")),
    case("a chunk size of 2^64", &[400], Ends, &[],
        chunked!("10000000000000000\r\n")),
    case("a chunk longer than its size", &[400], Ends, &[],
        chunked!("5\r\nhello!\r\n0\r\n\r\n")),
    case("LF after a chunk size", &[400], Ends, &[],
        chunked!("5\nhello\r\n0\r\n\r\n")),
    case("LF after a chunk", &[400], Ends, &[],
        chunked!("5\r\nhello\n0\r\n\r\n")),
    case("LF within an extension", &[400], Ends, &[],
        chunked!("5;a\nb\r\nhello\r\n0\r\n\r\n")),
    case("LF after the last chunk", &[400], Ends, &[],
        chunked!("0\r\n\n", smuggled!())),
    case("LF after a trailer", &[400], Ends, &[],
        chunked!("0\r\nA: b\n\r\n\r\n")),
];
