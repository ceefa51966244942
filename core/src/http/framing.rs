//! Where a request begins and ends, read as strictly as RFC 9112 allows.
//!
//! Lines end with CR LF and nothing else (§2.2). There is one `Content-Length` of digits or one
//! `Transfer-Encoding: chunked`, never both (§6), and one `Host` (§3.2). No line is folded (§5.2).
//! The reader keeps only the head or the line that it is in. Other fields are not its business.

use alloc::vec::Vec;
use core::mem;

/// Why it is not certain where the request ends. The connection must be closed after the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    /// The status of the answer: 400, 413 or 431.
    pub status: u16,
    pub reason: &'static str,
}

const fn bad(reason: &'static str) -> Error {
    Error { status: 400, reason }
}

/// Reads a connection's requests, one after the other, however their bytes are cut into pieces.
#[derive(Debug)]
pub struct Framing {
    head_max: usize,
    headers_max: usize,
    state: State,
    /// The head, or the line of a chunked body, so far.
    line: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before or within a head.
    Head,
    /// Within a body with this many bytes left.
    Length(u64),
    /// Within the line that gives the size of a chunk.
    ChunkSize,
    /// Within a chunk with this many bytes left, the CR LF after it included.
    Chunk(u64),
    /// After the last chunk; holds the bytes of the trailers so far.
    Trailers(usize),
    /// The message is whole.
    Complete,
}

impl Framing {
    /// Before the first message. A head has at most `head_max` bytes, as have the trailers and each
    /// line of a chunked body, and at most `headers_max` fields.
    pub const fn new(head_max: usize, headers_max: usize) -> Self {
        Self { head_max, headers_max, state: State::Head, line: Vec::new() }
    }

    /// Reads up to the end of `bytes`, of the head, or of the message, whichever comes first; gives
    /// the number of bytes read.
    pub fn advance(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        if self.state == State::Head {
            return Ok(bytes.len() - self.head(bytes)?.len());
        }
        let mut rest = bytes;
        while !rest.is_empty() && self.state != State::Complete {
            rest = match self.state {
                State::Length(left) => {
                    let (left, rest) = skip(left, rest);
                    self.state = match left {
                        0 => State::Complete,
                        _ => State::Length(left),
                    };
                    rest
                }
                State::ChunkSize => self.chunk_size(rest)?,
                State::Chunk(left) => self.chunk(left, rest)?,
                State::Trailers(seen) => self.trailers(seen, rest)?,
                State::Head | State::Complete => rest,
            };
        }
        Ok(bytes.len() - rest.len())
    }

    /// Whether the message is whole; its bytes end where `advance` stopped.
    pub fn is_complete(&self) -> bool {
        self.state == State::Complete
    }

    /// Whether the head of the message is still to come.
    pub fn is_in_head(&self) -> bool {
        self.state == State::Head
    }

    /// Whether a head has begun and not ended.
    pub fn is_mid_head(&self) -> bool {
        self.state == State::Head && !self.line.is_empty()
    }

    /// Goes on to the next message.
    pub fn next(&mut self) {
        self.state = State::Head;
    }

    fn head<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], Error> {
        let too_long = Error { status: 431, reason: "the head is longer than allowed" };
        let mut rest = bytes;
        while !rest.is_empty() {
            let ended;
            (ended, rest) = self.follow(rest, too_long)?;
            // Empty lines before a request are left over from careless clients (§2.2).
            let is_whole = ended && self.line.ends_with(b"\r\n\r\n");
            if is_whole && self.line.iter().any(|byte| !b"\r\n".contains(byte)) {
                let state = body(&self.line, self.headers_max);
                self.line.clear();
                self.state = state?;
                break;
            }
        }
        Ok(rest)
    }

    fn chunk_size<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], Error> {
        let (line, rest) = self.take_line(bytes)?;
        if let Some(line) = line {
            self.state = match chunk_size(&line)? {
                0 => State::Trailers(0),
                size => State::Chunk(size.saturating_add(2)),
            };
        }
        Ok(rest)
    }

    fn chunk<'a>(&mut self, left: u64, bytes: &'a [u8]) -> Result<&'a [u8], Error> {
        if left > 2 {
            let (skipped, rest) = skip(left - 2, bytes);
            self.state = State::Chunk(skipped + 2);
            return Ok(rest);
        }
        let (line, rest) = self.take_line(bytes)?;
        match line {
            Some(line) if line.is_empty() => self.state = State::ChunkSize,
            None if self.line.iter().all(|&byte| byte == b'\r') => {}
            _ => return Err(bad("a chunk is longer than its size")),
        }
        Ok(rest)
    }

    fn trailers<'a>(&mut self, seen: usize, bytes: &'a [u8]) -> Result<&'a [u8], Error> {
        let (allowed, _) = bytes.split_at(bytes.len().min(self.head_max.saturating_sub(seen)));
        if allowed.is_empty() {
            return Err(Error { status: 431, reason: "the trailers are longer than allowed" });
        }
        let (line, rest) = self.take_line(allowed)?;
        let read = allowed.len() - rest.len();
        self.state = match line {
            Some(line) if line.is_empty() => State::Complete,
            _ => State::Trailers(seen + read),
        };
        Ok(bytes.split_at(read).1)
    }

    /// The line without its end, once it has ended.
    fn take_line<'a>(&mut self, bytes: &'a [u8]) -> Result<(Option<Vec<u8>>, &'a [u8]), Error> {
        let too_long = bad("a line of a chunked body is longer than allowed");
        let (ended, rest) = self.follow(bytes, too_long)?;
        let line = ended.then(|| {
            let mut line = mem::take(&mut self.line);
            line.truncate(line.len().saturating_sub(2));
            line
        });
        Ok((line, rest))
    }

    /// Adds bytes up to the next line end; says whether that was reached, and what is behind it. CR
    /// and LF come only together (§2.2).
    fn follow<'a>(&mut self, bytes: &'a [u8], too_long: Error) -> Result<(bool, &'a [u8]), Error> {
        let end = bytes.iter().position(|&byte| byte == b'\n').map_or(bytes.len(), |at| at + 1);
        let (part, rest) = bytes.split_at(end);
        let room = self.head_max.saturating_sub(self.line.len());
        let mut last = self.line.last().copied();
        for &byte in part.iter().take(room) {
            if (byte == b'\n') != (last == Some(b'\r')) {
                return Err(bad("a line does not end with CR LF"));
            }
            last = Some(byte);
        }
        if part.len() > room {
            return Err(too_long);
        }
        self.line.extend_from_slice(part);
        Ok((part.ends_with(b"\n"), rest))
    }
}

/// What follows a whole head.
fn body(head: &[u8], headers_max: usize) -> Result<State, Error> {
    let mut lines = head
        .split(|&byte| byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .filter(|line| !line.is_empty());
    let is_1_1 = request_line(lines.next().unwrap_or_default())?;
    let (mut length, mut chunked, mut host) = (None, false, false);
    for (count, line) in lines.enumerate() {
        if count >= headers_max {
            return Err(Error { status: 431, reason: "more header fields than allowed" });
        }
        let (name, value) = field(line)?;
        if name.eq_ignore_ascii_case(b"content-length") {
            let value = content_length(value)?;
            if length.replace(value).is_some() {
                return Err(bad("more than one Content-Length"));
            }
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            if chunked || !value.eq_ignore_ascii_case(b"chunked") {
                return Err(bad("a Transfer-Encoding other than chunked"));
            }
            chunked = true;
        } else if name.eq_ignore_ascii_case(b"host") {
            if host || !value.iter().all(|&byte| is_host(byte)) {
                return Err(bad("more than one Host, or not a host"));
            }
            host = true;
        }
    }
    match (length, chunked) {
        _ if is_1_1 && !host => Err(bad("no Host")),
        (Some(_), true) => Err(bad("Content-Length beside Transfer-Encoding")),
        (None, true) if !is_1_1 => Err(bad("Transfer-Encoding in HTTP/1.0")),
        (None, true) => Ok(State::ChunkSize),
        (None | Some(0), false) => Ok(State::Complete),
        (Some(length), false) => Ok(State::Length(length)),
    }
}

/// Whether the request is HTTP/1.1 rather than 1.0 (§3).
fn request_line(line: &[u8]) -> Result<bool, Error> {
    let mut words = line.split(|&byte| byte == b' ');
    let (Some(method), Some(target), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(bad("the first line is not METHOD TARGET VERSION"));
    };
    let is_1_1 = match version {
        b"HTTP/1.1" => true,
        b"HTTP/1.0" => false,
        _ if version.starts_with(b"HTTP/") => {
            return Err(bad("a version other than HTTP/1.1 and HTTP/1.0"));
        }
        _ => return Err(bad("the first line is not METHOD TARGET VERSION")),
    };
    let is_absolute = |scheme: &[u8]| {
        let start = target.get(..scheme.len()).unwrap_or_default();
        start.eq_ignore_ascii_case(scheme)
    };
    let fits = match method {
        b"CONNECT" => !target.starts_with(b"/"),
        b"OPTIONS" if target == b"*" => true,
        _ => target.starts_with(b"/") || is_absolute(b"http://") || is_absolute(b"https://"),
    };
    if fits { Ok(is_1_1) } else { Err(bad("a target that does not fit the method")) }
}

/// The name and the value of a field line (§5.1). No name holds a space: neither a line that is
/// folded into the one before (§5.2) nor one with a space before the colon is accepted.
fn field(line: &[u8]) -> Result<(&[u8], &[u8]), Error> {
    let colon = line.iter().position(|&byte| byte == b':');
    let (name, value) = colon
        .and_then(|at| line.split_at_checked(at))
        .ok_or(bad("a header field without a colon"))?;
    if !is_token(name) {
        return Err(bad("a header field whose name is not a token"));
    }
    let value = value.strip_prefix(b":").unwrap_or(value);
    // Not `trim_ascii`: a vertical tab or form feed is no white space here.
    Ok((name, trim(value)))
}

fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

fn content_length(value: &[u8]) -> Result<u64, Error> {
    // Longer than any limit, and short enough for every parser of 64 bits.
    const ABSURD: u64 = 1 << 62;
    let digits = str::from_utf8(value).ok().filter(|text| {
        // `parse` would take a sign.
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
    });
    let length = digits.ok_or(bad("a Content-Length that is not a number"))?;
    match length.parse() {
        Ok(length) if length < ABSURD => Ok(length),
        _ => Err(Error { status: 413, reason: "a body longer than allowed" }),
    }
}

/// `1*HEXDIG [ chunk-ext ]` (§7.1).
fn chunk_size(line: &[u8]) -> Result<u64, Error> {
    let end = line.iter().position(|byte| !byte.is_ascii_hexdigit());
    let (digits, extension) = line.split_at(end.unwrap_or(line.len()));
    let extends = |extension: &[u8]| trim(extension).starts_with(b";");
    if !extension.is_empty() && !extends(extension) {
        return Err(bad("a chunk size that is not a number"));
    }
    str::from_utf8(digits)
        .ok()
        .and_then(|digits| u64::from_str_radix(digits, 16).ok())
        .ok_or(bad("a chunk size that is not a number"))
}

/// Whether the text is a `token` (RFC 9110 §5.6.2).
pub fn is_token(text: &[u8]) -> bool {
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !text.is_empty() && text.iter().all(fits)
}

/// Whether `uri-host [ ":" port ]` may hold the byte (RFC 3986 §3.2.2).
fn is_host(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=:[]".contains(&byte)
}

/// Skips up to `count` bytes; gives how many are still to be skipped, and the bytes behind them.
fn skip(count: u64, bytes: &[u8]) -> (u64, &[u8]) {
    let here = usize::try_from(count).unwrap_or(usize::MAX).min(bytes.len());
    (count - here as u64, bytes.get(here..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use crate::base::rand::Rand;

    use super::*;

    /// What becomes of a stream that comes in the given pieces: the ends of its messages, and the
    /// status of the error that ends it, if any.
    fn follow<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<usize>, Option<u16>) {
        let mut framing = Framing::new(256, 8);
        let (mut ends, mut at) = (Vec::new(), 0);
        for mut piece in pieces {
            while !piece.is_empty() {
                match framing.advance(piece) {
                    Ok(taken) => {
                        at += taken;
                        piece = piece.get(taken..).expect("no more than there was");
                    }
                    Err(error) => return (ends, Some(error.status)),
                }
                if framing.is_complete() {
                    ends.push(at);
                    framing.next();
                }
            }
        }
        (ends, None)
    }

    const STREAMS: &[&[u8]] = &[
        b"GET / HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
        b"\r\nPOST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n\
          3;x=y\r\na\r\n\r\n1\r\nb\r\n0\r\nA: b\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: h\nContent-Length: 3\r\n\r\nabc",
    ];

    #[test]
    fn messages_end_where_they_end() {
        let ends = |stream: &'static [u8]| follow([stream].into_iter());
        let whole = |at: usize| STREAMS.get(at).copied().expect("a stream");
        assert_eq!(ends(whole(0)), (vec![27, 54], None));
        assert_eq!(ends(whole(1)), (vec![52, 70], None));
        assert_eq!(ends(whole(2)), (vec![85, 112], None));
        assert_eq!(ends(whole(3)), (vec![], Some(400)));
        assert_eq!(ends(whole(4)), (vec![], Some(400)));
    }

    #[test]
    fn whole_or_in_pieces_is_the_same() {
        let mut rand = Rand::new(7);
        for stream in STREAMS {
            let whole = follow([*stream].into_iter());
            for at in 0..=stream.len() {
                let (first, second) = stream.split_at(at);
                assert_eq!(follow([first, second].into_iter()), whole, "cut at {at}");
            }
            assert_eq!(follow(stream.chunks(1)), whole);
            // One byte changed somewhere must not make a difference either.
            for _ in 0..2_000 {
                let mut changed = stream.to_vec();
                let at = usize::try_from(rand.up_to(stream.len() as u64 - 1)).expect("small");
                let to = *b"\r\n :;0a\t".get(rand.up_to(7) as usize).expect("one of eight");
                changed.splice(at..=at, [to]);
                let whole = follow([changed.as_slice()].into_iter());
                assert_eq!(follow(changed.chunks(1)), whole, "{to} at {at}");
            }
        }
    }

    #[test]
    fn nothing_is_kept_beyond_the_limit() {
        let mut framing = Framing::new(256, 8);
        let error = framing.advance(&[b'a'; 10_000]).expect_err("too long");
        assert_eq!(error.status, 431);
        assert!(framing.line.len() <= 256);
        // Whether the trailers come as one piece or not.
        let stream = b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n\
                       0\r\nA: b\r\nB: ";
        for size in [1, 10_000] {
            let mut framing = Framing::new(256, 8);
            let head = framing.advance(stream).expect("a head");
            let body = [stream.split_at(head).1, &[b'a'; 10_000]].concat();
            let error = body.chunks(size).find_map(|piece| {
                let first = framing.advance(piece).map(|read| piece.split_at(read).1);
                first.and_then(|rest| framing.advance(rest)).err()
            });
            assert_eq!(error.map(|error| error.status), Some(431), "pieces of {size}");
        }
    }
}
