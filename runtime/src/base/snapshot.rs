//! Files as they were at one moment: each is opened once, and all who need it take the same bytes.

use std::{collections::BTreeMap, os::unix::fs::MetadataExt as _, path::Path, time::SystemTime};
use std::{fs, io, io::Read as _};

use zeroize::Zeroizing;

/// The most bytes of a file that is read without a bound of its kind.
pub(crate) const BYTES_MAX: usize = 4 << 20;

/// Files by their path, and what they held. Wiped from memory when dropped.
#[derive(Debug, Default)]
pub struct Snapshot(BTreeMap<String, File>);

#[derive(Debug)]
struct File {
    stamp: Stamp,
    content: io::Result<Zeroizing<Vec<u8>>>,
}

/// Modification time, size and inode: they differ between two versions of a file. `None` for one
/// that cannot be examined.
pub(crate) type Stamp = Option<(SystemTime, u64, u64)>;

impl Snapshot {
    /// Reads these files. Blocks on the disk.
    pub fn of<'a>(paths: impl IntoIterator<Item = &'a String>) -> Self {
        let mut snapshot = Self::default();
        for path in paths {
            let _ = snapshot.read(path, BYTES_MAX);
        }
        snapshot
    }

    /// What a file holds, which is at most `max` bytes. It is opened unless it was before. Blocks
    /// on the disk.
    pub fn read(&mut self, path: &str, max: usize) -> Result<&[u8], &io::Error> {
        let file = self.0.entry(path.to_owned()).or_insert_with(|| {
            // The stamp is taken first: a change during the reading then shows in the next one.
            let stamp = stamp(path);
            let content = match read(path, max.saturating_add(1)).map(Zeroizing::new) {
                Ok(bytes) if bytes.len() > max => Err(io::Error::other("the file is too large")),
                result => result,
            };
            File { stamp, content }
        });
        file.content.as_ref().map(|bytes| bytes.as_slice())
    }

    /// What a file held when it was read. A file that was not has no content.
    pub(crate) fn content(&self, path: &str) -> Result<&[u8], String> {
        let file = self.0.get(path).ok_or("the file was not read")?;
        file.content.as_ref().map(|bytes| bytes.as_slice()).map_err(io::Error::to_string)
    }

    /// The stamps of these files when they were read.
    pub(crate) fn stamps<'a>(&self, paths: impl IntoIterator<Item = &'a String>) -> Vec<Stamp> {
        let stamp = |path| self.0.get(path).and_then(|file: &File| file.stamp);
        paths.into_iter().map(stamp).collect()
    }
}

/// Tells one version of a file from another. Blocks on the disk.
pub(crate) fn stamp(path: &str) -> Stamp {
    let data = fs::metadata(path).ok()?;
    Some((data.modified().ok()?, data.len(), data.ino()))
}

/// Whether others than its owner and group may do with a file what these bits of a mode say, and
/// its folder lets them. Blocks on the disk.
pub(crate) fn lets_others(path: &str, bits: u32) -> bool {
    let mode = |path: &Path| fs::metadata(path).map_or(0, |data| data.mode());
    let folder = Path::new(path).parent().filter(|folder| !folder.as_os_str().is_empty());
    mode(Path::new(path)) & bits != 0 && mode(folder.unwrap_or(Path::new("."))) & 0o001 != 0
}

/// Reads up to `max` bytes of a file. Blocks on the disk.
pub(crate) fn read(path: &str, max: usize) -> io::Result<Vec<u8>> {
    let max = u64::try_from(max).unwrap_or(u64::MAX);
    let file = fs::File::open(path)?;
    // Room for the whole file: a vector that grows leaves copies of a secret behind.
    let length = file.metadata()?.len().min(max).saturating_add(1);
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
    file.take(max).read_to_end(&mut bytes)?;
    Ok(bytes)
}
