//! A file on a disk that loses power: what was not flushed may be lost, torn or out of order. It
//! can also refuse, and its bytes can rot.
//!
//! After a flush the bytes are safe. Of the writes since, a power cut keeps some, in any order, and
//! of each only some sectors, as a drive with a write cache does.

use std::io;

use mistgate_core::base::rand::Rand;

/// What a drive writes as a whole.
const SECTOR: usize = 512;

#[derive(Clone, Debug)]
enum Change {
    Length(usize),
    Write(usize, Vec<u8>),
}

/// What a disk refuses, from some call on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// All that changes the file, as a full disk does.
    Writes,
    /// Flushes. What was written since the last may be on the disk or not.
    Flushes,
    /// Everything: the power is gone.
    All,
}

/// A file on such a disk.
#[derive(Clone, Debug)]
pub struct Disk {
    rand: Rand,
    /// What a power cut leaves at least.
    safe: Vec<u8>,
    /// What the program sees.
    seen: Vec<u8>,
    unsafe_changes: Vec<Change>,
    /// What is refused after so many calls.
    refusal: Option<(u64, Refusal)>,
}

impl Disk {
    /// An empty file.
    pub const fn new(seed: u64) -> Self {
        Self {
            rand: Rand::new(seed),
            safe: Vec::new(),
            seen: Vec::new(),
            unsafe_changes: Vec::new(),
            refusal: None,
        }
    }

    /// Refuses after so many more calls.
    pub const fn refuse_after(&mut self, calls: u64, refusal: Refusal) {
        self.refusal = Some((calls, refusal));
    }

    /// Puts an empty file in the place of this one.
    pub fn replace(&mut self) {
        self.safe.clear();
        self.seen.clear();
        self.unsafe_changes.clear();
    }

    /// Cuts the power and gives it back: the file is what reached the disk.
    pub fn restart(&mut self) {
        let mut changes = core::mem::take(&mut self.unsafe_changes);
        while !changes.is_empty() {
            let last = changes.len() as u64 - 1;
            let nth = usize::try_from(self.rand.up_to(last)).expect("an index");
            match changes.swap_remove(nth) {
                _ if self.rand.up_to(2) == 0 => {}
                Change::Length(length) => self.safe.resize(length, 0),
                Change::Write(at, data) => {
                    let is_torn = self.rand.up_to(1) == 0;
                    for (nth, sector) in data.chunks(SECTOR).enumerate() {
                        if !is_torn || self.rand.up_to(1) == 0 {
                            write(&mut self.safe, at + nth * SECTOR, sector);
                        }
                    }
                }
            }
        }
        self.seen.clone_from(&self.safe);
        self.refusal = None;
    }

    /// Changes a byte that is not zero.
    pub fn rot(&mut self) {
        let used: Vec<usize> =
            (0..self.safe.len()).filter(|at| self.safe.get(*at) != Some(&0)).collect();
        let nth = usize::try_from(self.rand.up_to(used.len() as u64)).expect("an index");
        let flip = u8::try_from(1 + self.rand.up_to(254)).expect("a byte");
        if let Some(byte) = used.get(nth).and_then(|at| self.safe.get_mut(*at)) {
            *byte ^= flip;
        }
        self.seen.clone_from(&self.safe);
    }

    fn call(&mut self, is: Refusal) -> io::Result<()> {
        let Some((calls, refusal)) = &mut self.refusal else {
            return Ok(());
        };
        if *refusal != is && *refusal != Refusal::All {
            return Ok(());
        }
        *calls = calls.saturating_sub(1);
        if *calls > 0 { Ok(()) } else { Err(io::ErrorKind::StorageFull.into()) }
    }

    /// Its length, as the program sees it.
    pub fn length(&mut self) -> io::Result<u64> {
        self.call(Refusal::All)?;
        Ok(self.seen.len() as u64)
    }

    /// Fills `out` with what is there; beyond the end is an error.
    pub fn read(&mut self, at: u64, out: &mut [u8]) -> io::Result<()> {
        self.call(Refusal::All)?;
        let at = usize::try_from(at).map_err(io::Error::other)?;
        let there = self.seen.get(at..at + out.len());
        out.copy_from_slice(there.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    /// Sets the length.
    pub fn set_len(&mut self, length: u64) -> io::Result<()> {
        self.call(Refusal::Writes)?;
        let length = usize::try_from(length).map_err(io::Error::other)?;
        self.seen.resize(length, 0);
        self.unsafe_changes.push(Change::Length(length));
        Ok(())
    }

    /// Writes, and makes the file longer where it is too short.
    pub fn write(&mut self, at: u64, data: &[u8]) -> io::Result<()> {
        self.call(Refusal::Writes)?;
        let at = usize::try_from(at).map_err(io::Error::other)?;
        write(&mut self.seen, at, data);
        self.unsafe_changes.push(Change::Write(at, data.to_vec()));
        Ok(())
    }

    /// Makes safe what was written.
    pub fn flush(&mut self) -> io::Result<()> {
        self.call(Refusal::Flushes)?;
        self.unsafe_changes.clear();
        self.safe.clone_from(&self.seen);
        Ok(())
    }
}

fn write(bytes: &mut Vec<u8>, at: usize, data: &[u8]) {
    if bytes.len() < at + data.len() {
        bytes.resize(at + data.len(), 0);
    }
    bytes.iter_mut().skip(at).zip(data).for_each(|(byte, new)| *byte = *new);
}
