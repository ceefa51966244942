//! `[store]`: what the store may take of the disk.

use core::time::Duration;

use super::section::Section;

/// `[store]`: what the store may take of the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Store {
    /// The most bytes of its file; absent, a part of the file system.
    pub max: Option<u64>,
    /// How long accepted events are kept for `mistgate replay`, as far as there is room (default
    /// 7d); zero keeps none.
    pub history: Duration,
}

const DAY: Duration = Duration::from_secs(86_400);

impl Default for Store {
    fn default() -> Self {
        Self { max: None, history: 7 * DAY }
    }
}

/// Reads `[store]`, whose keys may all be absent.
pub(super) fn store(section: &Section<'_>) -> Store {
    let history = Store::default().history;
    Store {
        max: section.optional_size("max", (1 << 20)..=(64 << 30)),
        history: section.duration("history", history, Duration::ZERO..=366 * DAY),
    }
}
