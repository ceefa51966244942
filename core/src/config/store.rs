//! `[store]`: what the store may take of the disk.

use super::section::Section;

/// `[store]`: what the store may take of the disk.
#[derive(Clone, Debug, Default)]
pub struct Store {
    /// The most bytes of its file; absent, a part of the file system.
    pub max: Option<u64>,
}

/// Reads `[store]`, whose only key may be absent.
pub(super) fn store(section: &Section<'_>) -> Store {
    Store { max: section.optional_size("max", (1 << 20)..=(64 << 30)) }
}
