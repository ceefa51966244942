//! The two framings of RFC 6242, between a stream of bytes and messages.
//!
//! A session begins with end-of-message framing (§4.3), the only one of NETCONF 1.0. When both
//! hellos offer NETCONF 1.1, every later message is chunked (§4.2). Switches were seen to write a
//! message in pieces of any size, so a delimiter may arrive in parts.

use alloc::vec::Vec;
use core::mem;

use memchr::memmem;

/// The end of a message in NETCONF 1.0 (§4.3).
const END_OF_MESSAGE: &[u8] = b"]]>]]>";
/// The digits of the longest chunk, 4294967295 bytes (§4.2).
const DIGITS_MAX: usize = 10;

/// How the end of a message is marked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Framing {
    /// NETCONF 1.1: each message is a series of chunks with their sizes.
    Chunked,
    /// NETCONF 1.0: a delimiter follows each message.
    #[default]
    EndOfMessage,
}

/// Why bytes are not framed as they must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A byte that does not belong at the beginning or the end of a chunk.
    #[error("expected {expected} of a chunk, got byte {got:#04x}")]
    Chunk { expected: &'static str, got: u8 },
    /// The size of a chunk is not a number from 1 to 4294967295.
    #[error("expected a chunk size from 1 to 4294967295")]
    ChunkSize,
    /// The message has more than `max` bytes.
    #[error("a message has more than {max} bytes")]
    Oversize { max: usize },
}

/// The bytes of a message as they are sent.
///
/// Every `>` in a text of `message` must be escaped, as [`xml`](super::xml) does it, so that no
/// text can contain the delimiter.
pub fn encode(framing: Framing, message: &str) -> Vec<u8> {
    debug_assert!(
        !message.is_empty() && memmem::find(message.as_bytes(), END_OF_MESSAGE).is_none()
    );
    match framing {
        Framing::Chunked => alloc::format!("\n#{}\n{message}\n##\n", message.len()).into_bytes(),
        Framing::EndOfMessage => [message.as_bytes(), END_OF_MESSAGE].concat(),
    }
}

/// Finds the messages in one direction of a session's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoder {
    state: State,
    message: Vec<u8>,
    max: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    EndOfMessage,
    Chunked(Chunk),
}

/// The next byte of a chunked message (§4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chunk {
    /// Before a chunk. White space is allowed before the first one, because servers were seen to
    /// send a line end too many.
    LineFeed,
    /// Before a size, or before the end.
    Hash,
    /// The first digit of a size, or the second hash of the end.
    SizeOrEnd,
    /// A further digit, or the line feed behind the size.
    Size { size: u32, digits: usize },
    /// So many bytes of the message.
    Data { left: u32 },
    /// The line feed behind the last hash.
    End,
}

impl Decoder {
    /// A decoder at the beginning of a message. Messages may have up to `max` bytes.
    pub const fn new(framing: Framing, max: usize) -> Self {
        let state = match framing {
            Framing::Chunked => State::Chunked(Chunk::LineFeed),
            Framing::EndOfMessage => State::EndOfMessage,
        };
        Self { state, message: Vec::new(), max }
    }

    /// Takes bytes up to the end of a message. Returns the message without its framing and how many
    /// of `bytes` were taken, or `None` if all were taken and the message goes on. After an error
    /// the decoder must not be used any more.
    pub fn decode(&mut self, bytes: &[u8]) -> Result<Option<(Vec<u8>, usize)>, Error> {
        match self.state {
            State::Chunked(chunk) => self.decode_chunked(chunk, bytes),
            State::EndOfMessage => self.decode_end_of_message(bytes),
        }
    }

    fn decode_end_of_message(&mut self, bytes: &[u8]) -> Result<Option<(Vec<u8>, usize)>, Error> {
        let before = self.message.len();
        // That many bytes hold the longest message and its delimiter.
        let full = self.max.saturating_add(END_OF_MESSAGE.len());
        let room = full.saturating_sub(before);
        let taken = bytes.get(..room).unwrap_or(bytes);
        self.message.extend_from_slice(taken);
        let from = before.saturating_sub(END_OF_MESSAGE.len() - 1);
        let found = memmem::find(self.message.get(from..).unwrap_or_default(), END_OF_MESSAGE);
        if let Some(at) = found.map(|at| from + at) {
            let used = at + END_OF_MESSAGE.len() - before;
            self.message.truncate(at);
            return Ok(Some((mem::take(&mut self.message), used)));
        }
        if self.message.len() < full { Ok(None) } else { Err(Error::Oversize { max: self.max }) }
    }

    fn decode_chunked(
        &mut self,
        mut chunk: Chunk,
        bytes: &[u8],
    ) -> Result<Option<(Vec<u8>, usize)>, Error> {
        let mut rest = bytes;
        while let Some((&byte, behind)) = rest.split_first() {
            if let Chunk::Data { left } = chunk {
                let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
                let (data, behind) = rest.split_at(wanted);
                self.message.extend_from_slice(data);
                rest = behind;
                // No more than `left`, so no more than a `u32`.
                let left = left.saturating_sub(u32::try_from(wanted).unwrap_or(u32::MAX));
                chunk = if left == 0 { Chunk::LineFeed } else { Chunk::Data { left } };
                continue;
            }
            rest = behind;
            if matches!(chunk, Chunk::End) && byte == b'\n' {
                self.state = State::Chunked(Chunk::LineFeed);
                return Ok(Some((mem::take(&mut self.message), bytes.len() - rest.len())));
            }
            chunk = self.chunk_header(chunk, byte)?;
        }
        self.state = State::Chunked(chunk);
        Ok(None)
    }

    /// Takes one byte that is not data.
    fn chunk_header(&self, chunk: Chunk, byte: u8) -> Result<Chunk, Error> {
        let is_first = self.message.is_empty();
        let expected = |expected| Err(Error::Chunk { expected, got: byte });
        match (chunk, byte) {
            (Chunk::LineFeed, b'\n') => Ok(Chunk::Hash),
            (Chunk::LineFeed, b' ' | b'\r' | b'\t') if is_first => Ok(Chunk::LineFeed),
            (Chunk::LineFeed, _) => expected("the line feed"),
            (Chunk::Hash, b'#') => Ok(Chunk::SizeOrEnd),
            (Chunk::Hash, b'\n') if is_first => Ok(Chunk::Hash),
            (Chunk::Hash, b' ' | b'\r' | b'\t') if is_first => Ok(Chunk::LineFeed),
            (Chunk::Hash, _) => expected("the '#'"),
            (Chunk::SizeOrEnd, b'#') if !is_first => Ok(Chunk::End),
            (Chunk::SizeOrEnd, b'1'..=b'9') => {
                Ok(Chunk::Size { size: u32::from(byte - b'0'), digits: 1 })
            }
            (Chunk::Size { size, .. }, b'\n') => {
                let room = self.max - self.message.len().min(self.max);
                match usize::try_from(size) {
                    Ok(wanted) if wanted <= room => Ok(Chunk::Data { left: size }),
                    Ok(_) | Err(_) => Err(Error::Oversize { max: self.max }),
                }
            }
            (Chunk::Size { size, digits }, b'0'..=b'9') if digits < DIGITS_MAX => {
                let size = size.checked_mul(10).and_then(|s| s.checked_add(u32::from(byte - b'0')));
                let size = size.ok_or(Error::ChunkSize)?;
                Ok(Chunk::Size { size, digits: digits + 1 })
            }
            (Chunk::SizeOrEnd | Chunk::Size { .. }, _) => Err(Error::ChunkSize),
            (Chunk::End, _) => expected("the last line feed"),
            (Chunk::Data { .. }, _) => Ok(chunk),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::{vec, vec::Vec};

    use super::*;

    /// All messages in `bytes`, however they are split.
    fn decoded(framing: Framing, max: usize, bytes: &[u8]) -> Result<Vec<Vec<u8>>, Error> {
        let all = in_pieces(framing, max, bytes, bytes.len().max(1));
        for size in [1, 2, 3, 5, 7] {
            assert_eq!(in_pieces(framing, max, bytes, size), all, "in pieces of {size}");
        }
        all
    }

    fn in_pieces(
        framing: Framing,
        max: usize,
        bytes: &[u8],
        size: usize,
    ) -> Result<Vec<Vec<u8>>, Error> {
        let mut decoder = Decoder::new(framing, max);
        let mut messages = Vec::new();
        for mut piece in bytes.chunks(size) {
            while let Some((message, used)) = decoder.decode(piece)? {
                messages.push(message);
                piece = piece.split_at(used).1;
            }
        }
        Ok(messages)
    }

    fn eom(bytes: &str) -> Result<Vec<Vec<u8>>, Error> {
        decoded(Framing::EndOfMessage, 20, bytes.as_bytes())
    }

    fn chunked(bytes: &str) -> Result<Vec<Vec<u8>>, Error> {
        decoded(Framing::Chunked, 20, bytes.as_bytes())
    }

    #[test]
    fn a_delimiter_ends_a_message_wherever_it_is_split() {
        assert_eq!(eom("<a/>]]>]]>\n<b/>\n]]>]]>"), Ok(vec![b"<a/>".into(), b"\n<b/>\n".into()]));
        assert_eq!(eom("]]]]>]]>x]]>]]>"), Ok(vec![b"]]".into(), b"x".into()]));
        assert_eq!(eom("<a/>]]>]]"), Ok(vec![]));
        assert_eq!(eom("]]>]]>"), Ok(vec![b"".into()]));
    }

    #[test]
    fn a_message_has_a_bound() {
        let twenty = "x".repeat(20);
        assert_eq!(eom(&alloc::format!("{twenty}]]>]]>")), Ok(vec![twenty.clone().into()]));
        let max = Error::Oversize { max: 20 };
        assert_eq!(eom(&alloc::format!("{twenty}x]]>]]>")), Err(max));
        assert_eq!(eom(&twenty.repeat(2)), Err(max));
        assert_eq!(chunked(&alloc::format!("\n#20\n{twenty}\n##\n")), Ok(vec![twenty.into()]));
        assert_eq!(chunked("\n#19\n0123456789012345678\n#2\n"), Err(max));
        assert_eq!(chunked("\n#4294967295\n"), Err(max));
    }

    /// The example of RFC 6242 §4.2, shortened.
    #[test]
    fn chunks_are_joined() {
        let message = "\n#4\n<rpc\n#9\n id=\"102\"\n#3\n/>\n\n##\n";
        assert_eq!(chunked(message), Ok(vec![b"<rpc id=\"102\"/>\n".into()]));
        assert_eq!(chunked("\n#3\n\n##\n##\n"), Ok(vec![b"\n##".into()]));
    }

    #[test]
    fn white_space_before_a_chunked_message_is_passed_over() {
        let message = "\r\n\n \n#1\na\n##\n\n\n#1\nb\n##\n\n";
        assert_eq!(chunked(message), Ok(vec![b"a".into(), b"b".into()]));
    }

    #[test]
    fn chunks_are_read_strictly() {
        let expected = |expected, got| Err(Error::Chunk { expected, got });
        assert_eq!(chunked("<a/>]]>]]>"), expected("the line feed", b'<'));
        assert_eq!(chunked("\n1\n"), expected("the '#'", b'1'));
        assert_eq!(chunked("\n#1\naa"), expected("the line feed", b'a'));
        assert_eq!(chunked("\n#1\na\n\n"), expected("the '#'", b'\n'));
        assert_eq!(chunked("\n#1\na\n##\r"), expected("the last line feed", b'\r'));
        for size in ["0", "01", "", "-1", "1 ", "4294967296", "99999999999", "#"] {
            assert_eq!(chunked(&alloc::format!("\n#{size}\n")), Err(Error::ChunkSize), "{size}");
        }
    }

    #[test]
    fn what_is_encoded_is_decoded() {
        for framing in [Framing::Chunked, Framing::EndOfMessage] {
            let both = [encode(framing, "<a>]]&gt;</a>"), encode(framing, "\n##")].concat();
            let messages = vec![b"<a>]]&gt;</a>".into(), b"\n##".into()];
            assert_eq!(decoded(framing, 20, &both), Ok(messages));
        }
    }
}
