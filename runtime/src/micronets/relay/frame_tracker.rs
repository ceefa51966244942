//! The position of a reader in a stream of websocket frames (RFC 6455 §5.2).
//!
//! The library keeps a buffer as large as the largest frame that it has read, as long as it lives.
//! To free that memory we replace the reader, which is safe only while the old one holds nothing.
//! The library does not say when that is, so we follow the frames ourselves.

/// The most bytes of a frame's head: two, eight of length, four of mask.
const HEAD_MAX: usize = 14;

/// Follows the bytes that a reader is given. It checks nothing; the reader does.
#[derive(Debug, Default)]
pub(super) struct FrameTracker {
    head: [u8; HEAD_MAX],
    /// How many bytes of the head have come.
    filled: u8,
    /// Bytes of the payload that are still to come.
    left: u64,
    /// The longest payload of a frame so far.
    pub(super) longest: u64,
    /// Whether the current message has more frames.
    is_fragmented: bool,
    /// The payloads of the frames of a message of several.
    fragments: u64,
}

impl FrameTracker {
    /// Follows bytes that the reader is given.
    pub(super) fn pass(&mut self, mut bytes: &[u8]) {
        while let Some((&first, rest)) = bytes.split_first() {
            if self.left == 0 {
                self.head_byte(first);
                bytes = rest;
            } else {
                let count = usize::try_from(self.left).map_or(bytes.len(), |n| n.min(bytes.len()));
                self.left -= count as u64;
                bytes = bytes.get(count..).unwrap_or_default();
            }
        }
    }

    /// Whether the reader is between two messages, if it has consumed all it was given.
    pub(super) const fn is_between(&self) -> bool {
        self.filled == 0 && self.left == 0 && !self.is_fragmented
    }

    /// What a reader holds of a message that is not complete, with all of its last frame.
    pub(super) const fn held(&self) -> u64 {
        if self.is_between() { 0 } else { self.longest.saturating_add(self.fragments) }
    }

    fn head_byte(&mut self, byte: u8) {
        if let Some(slot) = self.head.get_mut(usize::from(self.filled)) {
            *slot = byte;
        }
        self.filled += 1;
        let [first, second, extended @ ..] = self.head;
        let extension = match second & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let mask = if second & 0x80 == 0 { 0 } else { 4 };
        if self.filled < 2 || usize::from(self.filled) < 2 + extension + mask {
            return;
        }
        self.filled = 0;
        self.left = match extension {
            0 => u64::from(second & 0x7f),
            _ => extended
                .iter()
                .take(extension)
                .fold(0, |length, byte| length << 8 | u64::from(*byte)),
        };
        self.longest = self.longest.max(self.left);
        // Control frames may come between the frames of a message.
        if first & 0x08 == 0 {
            let is_last = first & 0x80 != 0;
            self.fragments = if is_last { 0 } else { self.fragments.saturating_add(self.left) };
            self.is_fragmented = !is_last;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A masked frame as a client sends it.
    fn frame(first: u8, length: usize) -> Vec<u8> {
        let mut frame = vec![first];
        match length {
            0..126 => frame.push(0x80 | u8::try_from(length).expect("short")),
            126..65_536 => {
                frame.push(0x80 | 126);
                frame.extend(u16::try_from(length).expect("short").to_be_bytes());
            }
            _ => {
                frame.push(0x80 | 127);
                frame.extend((length as u64).to_be_bytes());
            }
        }
        frame.extend([1, 2, 3, 4]);
        frame.extend(vec![0x81; length]);
        frame
    }

    #[test]
    fn the_end_of_each_message_is_seen_however_it_is_cut() {
        let text = [(0x81, 5), (0x82, 0), (0x81, 125), (0x81, 126), (0x89, 3), (0x82, 70_000)];
        for step in [1, 7, 4_096] {
            let mut frames = FrameTracker::default();
            for (first, length) in text {
                let frame = frame(first, length);
                let (last, before) = frame.split_last().expect("bytes");
                for part in before.chunks(step) {
                    frames.pass(part);
                    assert!(!frames.is_between());
                }
                frames.pass(&[*last]);
                assert!(frames.is_between());
            }
            assert_eq!(frames.longest, 70_000);
            // Fragments, with a ping in their midst.
            for (first, is_last) in [(0x01, false), (0x00, false), (0x89, false), (0x80, true)] {
                frames.pass(&frame(first, 9));
                assert_eq!(frames.is_between(), is_last);
            }
            // Two messages at once.
            frames = FrameTracker::default();
            frames.pass(&[frame(0x81, 20), frame(0x81, 200)].concat());
            assert!(frames.is_between());
            assert_eq!(frames.longest, 200);
        }
    }

    #[test]
    fn nonsense_is_followed_too() {
        let mut frames = FrameTracker::default();
        frames.pass(&[0xff; 100]);
        assert_eq!(frames.longest, u64::MAX);
        assert!(!frames.is_between());
    }
}
