//! As much of HTTP/1.1 (RFC 9112) as the tests' peers need, over any stream.

use std::io::{self, Read, Write};

/// The most bytes of a message. More is a mistake of a test.
const MESSAGE_MAX: usize = 16 << 20;

/// A request or an answer as it arrived.
#[derive(Clone, Debug)]
pub struct Message {
    /// The request line or the status line.
    pub start: String,
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Message {
    /// The value of a header, whose name is given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(header, _)| header == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The status of an answer; 0 for anything else.
    pub fn status(&self) -> u16 {
        self.start.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0)
    }

    /// The target of a request: its path and query, or a whole URL for a proxy.
    pub fn target(&self) -> &str {
        self.start.split(' ').nth(1).unwrap_or_default()
    }
}

/// Reads one message. `None` if the stream ends before its first byte. Without `Content-Length` the
/// body of a final answer ends with the stream, and any other body is empty.
pub fn read(stream: &mut impl Read) -> io::Result<Option<Message>> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte)? == 0 {
            let cut = io::ErrorKind::UnexpectedEof.into();
            return if head.is_empty() { Ok(None) } else { Err(cut) };
        }
        head.extend(byte);
        if head.len() > MESSAGE_MAX {
            return Err(io::Error::other("the head has no end"));
        }
    }
    let head = String::from_utf8_lossy(&head);
    let mut lines = head.trim_end().split("\r\n");
    let start = lines.next().unwrap_or_default().to_owned();
    let pair = |(name, value): (&str, &str)| (name.to_ascii_lowercase(), value.trim().to_owned());
    let headers = lines.filter_map(|line| line.split_once(':')).map(pair).collect();
    let mut message = Message { start, headers, body: String::new() };
    let mut body = Vec::new();
    match message.header("content-length").and_then(|length| length.parse().ok()) {
        Some(length) => {
            body.resize(usize::min(length, MESSAGE_MAX), 0);
            stream.read_exact(&mut body)?;
        }
        // An interim answer has no body (RFC 9112 §6.3).
        None if message.start.starts_with("HTTP/") && message.status() >= 200 => {
            stream.read_to_end(&mut body)?;
        }
        None => {}
    }
    message.body = String::from_utf8_lossy(&body).into_owned();
    Ok(Some(message))
}

/// Sends a request, and reads the answer.
pub fn exchange(stream: &mut (impl Read + Write), request: &[u8]) -> io::Result<Message> {
    stream.write_all(request)?;
    stream.flush()?;
    read(stream)?.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}
