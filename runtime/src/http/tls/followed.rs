//! TLS configurations that follow the files they are made of.

use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use std::{fmt, fs};

use super::Error;
use crate::base::sync::Mutex;

/// Files from which a configuration is made.
pub trait FileSet: Clone + PartialEq + fmt::Debug + Send + Sync + 'static {
    /// What handshakes use.
    type Made: fmt::Debug + Send + Sync;

    /// The files' paths.
    fn paths(&self) -> Vec<&String>;

    /// Reads the files. Blocks on the disk.
    fn read(&self) -> Result<Self::Made, Error>;
}

/// What was made from files, and is made again when they change.
#[derive(Debug)]
pub struct Followed<F: FileSet>(Mutex<Version<F>>);

#[derive(Debug)]
struct Version<F: FileSet> {
    files: F,
    stamp: Stamp,
    made: Arc<F::Made>,
}

/// Modification time, size and inode of each file: they differ between two versions. `None` for a
/// file that cannot be examined.
type Stamp = Vec<Option<(SystemTime, u64, u64)>>;

impl<F: FileSet> Version<F> {
    fn read(files: F) -> Result<Self, Error> {
        // The stamp is taken first: a change during the reading is then seen by the next refresh.
        let stamp = stamp(&files);
        let made = Arc::new(files.read()?);
        Ok(Self { files, stamp, made })
    }
}

impl<F: FileSet> Followed<F> {
    /// Reads the files. Blocks on the disk.
    pub fn load(files: F) -> Result<Self, Error> {
        Ok(Self(Mutex::new(Version::read(files)?)))
    }

    /// For the next handshake. Connections that are open keep what they began with.
    pub fn get(&self) -> Arc<F::Made> {
        Arc::clone(&self.0.lock().made)
    }

    /// Goes on with these files, if they are others than before. Blocks on the disk.
    pub fn replace(&self, files: F) -> Result<(), Error> {
        if self.0.lock().files != files {
            let version = Version::read(files)?;
            *self.0.lock() = version;
        }
        Ok(())
    }

    /// Reads the files again if they changed; true if the new version is in use. Where the new
    /// files cannot be used the old version stays, and the error is returned once per change.
    /// Blocks on the disk.
    pub fn refresh(&self) -> Result<bool, Error> {
        let files = self.0.lock().files.clone();
        let stamp = stamp(&files);
        if self.0.lock().stamp == stamp {
            return Ok(false);
        }
        let made = files.read();
        let mut current = self.0.lock();
        if current.files != files {
            // Replaced meanwhile.
            return Ok(false);
        }
        current.stamp = stamp;
        current.made = Arc::new(made?);
        Ok(true)
    }

    /// Refreshes for ever, every `every`, and tells `report` of each change.
    pub async fn watch(self: Arc<Self>, every: Duration, report: impl Fn(Result<(), Error>)) {
        loop {
            smol::Timer::after(every).await;
            let followed = Arc::clone(&self);
            match smol::unblock(move || followed.refresh()).await {
                Ok(false) => {}
                Ok(true) => report(Ok(())),
                Err(error) => report(Err(error)),
            }
        }
    }
}

fn stamp(files: &impl FileSet) -> Stamp {
    let stamp = |file| {
        let data = fs::metadata(file).ok()?;
        Some((data.modified().ok()?, data.len(), data.ino()))
    };
    files.paths().into_iter().map(stamp).collect()
}
