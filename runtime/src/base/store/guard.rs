//! A file that takes no write before it is released.
//!
//! redb writes as soon as it opens a file, and repairs it first after a crash. A store of a newer
//! mistgate must stay as it is, and its format number can be read only through redb. A full disk
//! takes no repair, and what is on it must be read all the same. So what redb writes while it opens
//! the file is held in memory, in order; [`Guard::release`] then does it.

use std::{io, ops::Bound, sync::Arc};

use redb::{BackendError, StorageBackend};

use crate::base::sync::Mutex;

/// A write that is held.
#[derive(Debug)]
enum Held {
    SetLen(u64),
    Sync,
    Write(u64, Vec<u8>),
}

/// The file, and what is held; `None` once it is released. Clones share both.
#[derive(Clone, Debug)]
pub(super) struct Guard {
    file: Arc<dyn StorageBackend>,
    held: Arc<Mutex<Option<Vec<Held>>>>,
}

impl Guard {
    pub(super) fn new(file: Box<dyn StorageBackend>) -> Self {
        Self { file: file.into(), held: Arc::new(Mutex::new(Some(Vec::new()))) }
    }

    /// Does the held writes, and holds no more. After an error they are still held, and all of them
    /// are done again at the next attempt.
    pub(super) fn release(&self) -> io::Result<()> {
        let mut held = self.held.lock();
        for write in held.iter().flatten() {
            match write {
                Held::SetLen(len) => self.file.set_len(*len)?,
                Held::Sync => self.file.sync_data()?,
                Held::Write(offset, data) => self.file.write(*offset, data)?,
            }
        }
        *held = None;
        Ok(())
    }

    /// Holds a write, or does it once the file is released.
    fn hold(&self, write: Held, now: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        if let Some(held) = &mut *self.held.lock() {
            held.push(write);
            return Ok(());
        }
        now()
    }
}

impl StorageBackend for Guard {
    fn len(&self) -> io::Result<u64> {
        let held = self.held.lock();
        let len = held.iter().flatten().rev().find_map(|write| match write {
            Held::SetLen(len) => Some(*len),
            Held::Sync | Held::Write(..) => None,
        });
        drop(held);
        len.map_or_else(|| self.file.len(), Ok)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let held = self.held.lock();
        let Some(held) = held.as_ref().filter(|held| !held.is_empty()) else {
            drop(held);
            return self.file.read(offset, out);
        };
        // What the file has of it, and then what was written since, in order.
        out.fill(0);
        let size = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
        let there = size(self.file.len()?.saturating_sub(offset)).min(out.len());
        let (head, _) = out.split_at_mut(there);
        if !head.is_empty() {
            self.file.read(offset, head)?;
        }
        for write in held {
            match write {
                Held::SetLen(len) => {
                    let kept = size(len.saturating_sub(offset)).min(out.len());
                    out.split_at_mut(kept).1.fill(0);
                }
                Held::Sync => {}
                Held::Write(at, data) => {
                    let skip = size(offset.saturating_sub(*at)).min(data.len());
                    let start = size(at.saturating_sub(offset)).min(out.len());
                    let (_, data) = data.split_at(skip);
                    let (_, out) = out.split_at_mut(start);
                    out.iter_mut().zip(data).for_each(|(out, byte)| *out = *byte);
                }
            }
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.hold(Held::SetLen(len), || self.file.set_len(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.hold(Held::Sync, || self.file.sync_data())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        if self.held.lock().is_none() {
            return self.file.write(offset, data);
        }
        self.hold(Held::Write(offset, data.to_vec()), || self.file.write(offset, data))
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_range(start, end)
    }

    fn try_lock_shared_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> Result<bool, BackendError> {
        self.file.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.query_lock_range(start, end)
    }
}
