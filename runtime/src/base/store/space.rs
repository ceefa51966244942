//! Room for the store: its bound, and a reserve on the disk.
//!
//! redb doubles a full file. So that the file stays within its bound, its pages may fill half of
//! that. What they take is estimated from above, and counted where the estimate is over.
//!
//! The reserve is a file of its own. It is given up when the disk is full, so that deliveries can
//! be noted and the store drains. New batches are taken only while it is there.

use std::{fs, fs::File, path::Path, path::PathBuf};
use std::{io, io::Write as _, sync::Arc, sync::atomic::Ordering, time::Duration, time::Instant};

use super::{Shared, Write};

/// The bound where none is configured, and the part of the file system that it is at most.
const MAX: u64 = 256 << 20;
const MAX_PART: u64 = 4;
/// The least bound: what an empty file of redb takes.
const MAX_LEAST: u64 = 1 << 20;
/// The name of the reserve, beside the store.
const RESERVE: &str = "mistgate.reserve";
const RESERVE_LEAST: u64 = 64 << 10;
const RESERVE_MOST: u64 = 1 << 20;
/// The bytes of one of redb's pages.
const PAGE: u64 = 4_096;
/// What a commit takes besides its rows: pages on the way to them.
const COMMIT: u64 = 16 * PAGE;
/// What a dead letter takes, for most of them.
const LETTER: u64 = 2 * PAGE;
/// How long after a look whether the file is too large for what is in it comes the next.
const SHRINK_EVERY: Duration = Duration::from_secs(30);
/// The same while the disk is full, or the file over its bound.
const COMPACT_EVERY: Duration = Duration::from_secs(5);
/// How long after the reserve could not be made it is tried again.
const RESERVE_EVERY: Duration = Duration::from_secs(1);

pub(super) struct Space {
    /// The reserve's file.
    reserve: PathBuf,
    has_reserve: bool,
    tried_at: Option<Instant>,
    shared: Arc<Shared>,
    /// The bound where none is configured.
    default: u64,
    /// Bytes of pages in use, at most; none before they were counted.
    used: Option<u64>,
    /// Whether something was removed since they were counted.
    is_stale: bool,
    looked_at: Option<Instant>,
    /// Whether the disk was full and the reserve is not there again.
    pub(super) is_disk_full: bool,
}

impl Space {
    pub(super) fn new(store: &Path, shared: Arc<Shared>) -> Self {
        Self {
            reserve: store.with_file_name(RESERVE),
            has_reserve: false,
            tried_at: None,
            shared,
            default: of_file_system(store),
            used: None,
            is_stale: true,
            looked_at: None,
            is_disk_full: false,
        }
    }

    /// The most bytes of the file.
    pub(super) fn max(&self) -> u64 {
        match self.shared.max.load(Ordering::Relaxed) {
            0 => self.default,
            max => max,
        }
    }

    /// Whether these batches and so many dead letters fit, as far as the estimate tells.
    pub(super) fn fits(&self, puts: &[Write], letters: usize) -> bool {
        let letters = letters as u64 * LETTER;
        self.used.is_some_and(|used| used + cost(puts) + letters <= self.max() / 2)
    }

    /// Whether so little is free that it would soon be counted again and again.
    pub(super) fn is_tight(&self) -> bool {
        self.used.is_some_and(|used| used > self.max() / 16 * 7)
    }

    /// What is left for dead letters beside these batches, as far as that is known.
    pub(super) fn room(&self, puts: &[Write]) -> u64 {
        let room = |used| (self.max() / 2).saturating_sub(used + cost(puts));
        self.used.map_or(u64::MAX, room)
    }

    /// Takes what was counted.
    pub(super) const fn counted(&mut self, used: u64) {
        self.used = Some(used);
        self.is_stale = false;
    }

    /// Whether to count again could bring something.
    pub(super) const fn is_stale(&self) -> bool {
        self.is_stale
    }

    /// Notes what a commit has written, in batches and at most so many bytes besides, and whether
    /// it has removed something.
    pub(super) fn committed(&mut self, puts: &[Write], besides: u64, has_removed: bool) {
        self.used = self.used.map(|used| used + cost(puts) + besides);
        self.is_stale |= has_removed || !puts.is_empty();
    }

    /// Whether it is time to see whether the file is too large for what is in it.
    pub(super) fn is_look_due(&mut self, length: u64) -> bool {
        let is_pressing = self.is_disk_full || length > self.max();
        let every = if is_pressing { COMPACT_EVERY } else { SHRINK_EVERY };
        let is_due = self.is_stale
            && (is_pressing || length > 2 * MAX_LEAST)
            && self.looked_at.is_none_or(|at| at.elapsed() >= every);
        if is_due {
            self.looked_at = Some(Instant::now());
        }
        is_due
    }

    /// Whether a file of this length is too large for what was counted in it.
    pub(super) fn is_too_large(&self, length: u64) -> bool {
        let wanted = self.used.map_or(length, |used| 2 * used + MAX_LEAST);
        self.is_disk_full || length > wanted.min(self.max())
    }

    /// Takes the reserve, unless it is there. Puts wait for it after the disk was full.
    pub(super) fn keep_reserve(&mut self) -> io::Result<()> {
        if self.has_reserve {
            return Ok(());
        }
        if self.tried_at.is_some_and(|at| at.elapsed() < RESERVE_EVERY) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.tried_at = Some(Instant::now());
        let made = self.make_reserve();
        self.has_reserve = made.is_ok();
        self.is_disk_full = made.is_err();
        if made.is_err() {
            let _ = fs::remove_file(&self.reserve);
        }
        made
    }

    /// Gives the reserve to the store, because the disk is full.
    pub(super) fn give_reserve(&mut self) {
        self.is_disk_full = true;
        self.has_reserve = false;
        self.tried_at = Some(Instant::now());
        let _ = fs::remove_file(&self.reserve);
    }

    fn make_reserve(&self) -> io::Result<()> {
        let length = (self.max() / 16).clamp(RESERVE_LEAST, RESERVE_MOST);
        if fs::metadata(&self.reserve).is_ok_and(|reserve| reserve.len() == length) {
            return Ok(());
        }
        let mut file = File::create(&self.reserve)?;
        let zeros = [0; PAGE as usize];
        for _ in 0..length.div_ceil(PAGE) {
            // Written, because a hole takes no room.
            file.write_all(&zeros)?;
        }
        file.sync_all()
    }
}

/// The bound where none is configured.
fn of_file_system(store: &Path) -> u64 {
    let folder = store.parent().filter(|folder| !folder.as_os_str().is_empty());
    let whole = rustix::fs::statvfs(folder.unwrap_or(Path::new(".")));
    let whole = whole.map_or(u64::MAX, |whole| whole.f_blocks.saturating_mul(whole.f_frsize));
    (whole / MAX_PART).clamp(MAX_LEAST, MAX)
}

/// What a row of this length takes at most. One that shares its page may leave half of it free; one
/// that does not gets pages by powers of two.
pub(super) fn row_cost(length: usize) -> u64 {
    let row = length as u64;
    if row < PAGE / 2 { 2 * row } else { row.div_ceil(PAGE).next_power_of_two() * PAGE }
}

/// The same of a row about incidents with these bytes; none where it is forgotten.
pub(super) fn record_cost(bytes: Option<&[u8]>) -> u64 {
    bytes.map_or(0, |bytes| row_cost(bytes.len() + 128))
}

/// What a commit of these batches takes at most.
fn cost(puts: &[Write]) -> u64 {
    let row = |put: &Write| {
        let Write::Put { put, bytes, .. } = put else { return 0 };
        let records = put.incidents.iter().map(|(_, record)| record_cost(record.as_deref()));
        row_cost(bytes.len() + put.fingerprints.len() * 16 + 256) + records.sum::<u64>()
    };
    COMMIT + puts.iter().map(row).sum::<u64>()
}
