//! What is made of files and follows them.

use std::{fmt, sync::Arc, time::Duration};

use super::Error;
use crate::base::{snapshot, snapshot::Snapshot, snapshot::Stamp, sync::Mutex, task};

/// Files of which something is made.
pub trait FileSet: Clone + PartialEq + fmt::Debug + Send + Sync + 'static {
    /// What is made of them.
    type Made: fmt::Debug + Send + Sync;

    /// The files' paths.
    fn paths(&self) -> Vec<&String>;

    /// Makes it of what was read.
    fn make(&self, read: &Snapshot) -> Result<Self::Made, Error>;
}

/// What was made of files, and is made again when they change.
#[derive(Debug)]
pub struct Followed<F: FileSet>(Mutex<Version<F>>);

#[derive(Debug)]
struct Version<F: FileSet> {
    files: F,
    stamps: Vec<Stamp>,
    made: Arc<F::Made>,
}

impl<F: FileSet> Followed<F> {
    /// Reads the files. Blocks on the disk.
    pub fn load(files: F) -> Result<Self, Error> {
        let read = Snapshot::of(files.paths());
        let made = files.make(&read)?;
        Ok(Self::new(files, &read, made))
    }

    /// Follows files of which `made` was made.
    pub(crate) fn new(files: F, read: &Snapshot, made: F::Made) -> Self {
        let stamps = read.stamps(files.paths());
        Self(Mutex::new(Version { files, stamps, made: Arc::new(made) }))
    }

    /// What was made last. Whoever has taken it keeps it.
    pub fn get(&self) -> Arc<F::Made> {
        Arc::clone(&self.0.lock().made)
    }

    /// Goes on with the files of another, and what was made of them.
    pub(crate) fn adopt(&self, other: Self) {
        *self.0.lock() = other.0.into_inner();
    }

    /// Reads the files again if they changed; true if the new version is in use. Where the new
    /// files cannot be used the old version stays, and the error is returned once per change.
    /// Blocks on the disk.
    pub fn refresh(&self) -> Result<bool, Error> {
        let files = self.0.lock().files.clone();
        let stamps: Vec<_> = files.paths().into_iter().map(|path| snapshot::stamp(path)).collect();
        if self.0.lock().stamps == stamps {
            return Ok(false);
        }
        let made = files.make(&Snapshot::of(files.paths()));
        let mut current = self.0.lock();
        if current.files != files {
            // Replaced meanwhile.
            return Ok(false);
        }
        current.stamps = stamps;
        current.made = Arc::new(made?);
        Ok(true)
    }

    /// Refreshes for ever, every `every`, and tells `report` of each change.
    pub async fn watch(self: Arc<Self>, every: Duration, report: impl Fn(Result<(), Error>)) {
        loop {
            smol::Timer::after(every).await;
            let followed = Arc::clone(&self);
            match task::unblock(move || followed.refresh()).await {
                Ok(false) => {}
                Ok(true) => report(Ok(())),
                Err(error) => report(Err(error)),
            }
        }
    }
}
