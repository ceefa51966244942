//! Random bytes, from a fuzzer or a seed, read as numbers, choices and texts.
//!
//! A law takes its operations from such bytes, so that one body serves a seeded test and a fuzzer.
//! After the last byte only zeros follow, which each reader takes for its simplest choice.

use mistgate_core::base::rand::Rand;

/// A reader of random bytes.
#[derive(Clone, Debug)]
pub struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    /// Reads all of `data`, from its first byte.
    pub const fn new(data: &'a [u8]) -> Self {
        Self(data)
    }

    /// Whether all bytes are used up.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The bytes that have not been read.
    pub const fn rest(&self) -> &'a [u8] {
        self.0
    }

    /// The next byte, or 0 after the end.
    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *first
    }

    /// Eight bytes as a little-endian number.
    pub fn number(&mut self) -> u64 {
        u64::from_le_bytes([(); 8].map(|()| self.byte()))
    }

    /// A number in `0..=max`, from as few bytes as `max` needs.
    pub fn up_to(&mut self, max: u64) -> u64 {
        let mut number = 0;
        let mut reach = max;
        while reach > 0 {
            number = number << 8 | u64::from(self.byte());
            reach >>= 8;
        }
        max.checked_add(1).map_or(number, |bound| number % bound)
    }

    /// As [`up_to`](Self::up_to), for lengths and indices.
    pub fn count(&mut self, max: usize) -> usize {
        usize::try_from(self.up_to(max as u64)).expect("no more than a usize")
    }

    /// True for `of` bytes out of 256, and never once the bytes are used up.
    pub fn chance(&mut self, of: u8) -> bool {
        self.byte() > u8::MAX - of
    }

    /// One of `choices`, the first of which is the simplest.
    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        let nth = self.count(choices.len().saturating_sub(1));
        *choices.get(nth).expect("up_to is inclusive, and there is a choice")
    }

    /// A slice of up to `max` bytes.
    pub fn slice(&mut self, max: usize) -> &'a [u8] {
        let wanted = self.count(max);
        let (taken, rest) = self.0.split_at_checked(wanted).unwrap_or((self.0, &[]));
        self.0 = rest;
        taken
    }

    /// A text of up to `max` bytes. Bytes that are not UTF-8 become replacement characters.
    pub fn text(&mut self, max: usize) -> String {
        String::from_utf8_lossy(self.slice(max)).into_owned()
    }
}

/// The random bytes of a seed, `length` of them.
pub fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut rand = Rand::new(seed);
    let mut noise = Vec::with_capacity(length + 8);
    while noise.len() < length {
        noise.extend_from_slice(&rand.next_u64().to_le_bytes());
    }
    noise.truncate(length);
    noise
}
