//! A row with a checksum, as batches and dead letters have it.

use mistgate_core::base::time::UnixTime;
use sha2::{Digest as _, Sha256};

/// A time as [`write_stamp`] writes it, two texts, bytes, and the [`checksum`].
pub(super) type Row<'a> = (i64, &'a [u8], &'a [u8], &'a [u8], u64);
/// A row without its checksum.
pub(super) type Parts<'a> = (i64, &'a [u8], &'a [u8], &'a [u8]);

/// The checksum of a row under its number: the beginning of its SHA-256. redb has a checksum for
/// each page, and looks at it only while it opens the file.
pub(super) fn checksum(number: u64, (at, one, two, bytes): Parts<'_>) -> u64 {
    let mut digest = Sha256::new();
    digest.update(number.to_le_bytes());
    digest.update(at.to_le_bytes());
    for part in [one, two, bytes] {
        // A usize has at most 64 bits.
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    let digest = digest.finalize();
    let (head, _) = digest.split_first_chunk().expect("a SHA-256 has 32 bytes");
    u64::from_le_bytes(*head)
}

/// A stamp in microseconds since 1970; 0 where the clock was not synchronised.
pub(super) fn write_stamp(at: Option<UnixTime>) -> i64 {
    at.map_or(0, UnixTime::as_micros)
}

/// What [`write_stamp`] wrote.
pub(super) fn read_stamp(micros: i64) -> Option<UnixTime> {
    (micros != 0).then(|| UnixTime::from_micros(micros))
}
