//! Opening the file: verified, and set aside where it is damaged.
//!
//! Every page is verified against redb's checksums before anything is read. A crash inside of redb
//! leaves no error behind, so a marker lies beside the file while it is opened. One that is found
//! may be of a power cut; a second one in a row counts as damage.
//!
//! A damaged file is renamed, never removed, and a new one takes its place: what comes from now on
//! matters more than what cannot be read. Of several such files the first and the last are kept:
//! the first has what waited before the trouble began.

use std::{fs, fs::File, io, path::Path, path::PathBuf};

use mistgate_core::base::time::UnixTime;
use redb::{Database, StorageBackend};

use super::{Left, SetAside, batches, error::Problem, format, guard::Guard};
use crate::base::{clock, panic};

/// How the file is opened, at first and after a failure.
pub type Open = dyn Fn() -> Result<Box<dyn StorageBackend>, redb::Error> + Send;

/// What follows the file's name in that of a damaged one, before the time.
const DAMAGED: &str = ".damaged-";
/// How many damaged files are kept.
const DAMAGED_MAX: usize = 2;
/// What follows the file's name in those of the markers.
const OPENING: &str = ".opening";
const OPENING_AGAIN: &str = ".opening-again";

/// A file, and how to open it.
pub(super) struct Place {
    pub(super) path: PathBuf,
    pub(super) open: Box<Open>,
    /// Whether a damaged file is set aside, and room is kept. Otherwise damage is an error.
    pub(super) is_service: bool,
}

/// An open store. The file is as it was until the guard is released.
pub(super) struct Opened {
    pub(super) database: Database,
    pub(super) guard: Guard,
    pub(super) left: Left,
}

impl Place {
    /// Opens or makes the store, which is verified, and has the tables and the format of this
    /// program.
    pub(super) fn open(&self) -> Result<Opened, Problem> {
        if !self.is_service {
            return self.try_open();
        }
        let opened = if self.ended_twice() && self.path.exists() {
            Err("mistgate ended twice while it was opened".to_owned())
        } else {
            match self.try_open() {
                Err(problem) if problem.is_damage() => Err(problem.to_string()),
                opened => Ok(opened),
            }
        };
        let opened = opened.unwrap_or_else(|reason| {
            let set_aside = self.set_aside(reason)?;
            let mut opened = self.try_open()?;
            opened.left.set_aside = Some(set_aside);
            Ok(opened)
        });
        self.unmark();
        opened
    }

    fn try_open(&self) -> Result<Opened, Problem> {
        let open = || {
            let (database, guard) = format::open(&self.path, (self.open)()?)?;
            let left = batches::prepare(&database)?;
            Ok(Opened { database, guard, left })
        };
        // redb asserts what the checksums do not cover.
        let panicked = || Err(redb::Error::Corrupted("redb gave it up".to_owned()).into());
        panic::catch(open).unwrap_or_else(panicked)
    }

    /// Notes that the file is being opened, or says that two openings did not come to their end. A
    /// disk that takes no marker must not keep it closed.
    fn ended_twice(&self) -> bool {
        let (first, again) = (beside(&self.path, OPENING), beside(&self.path, OPENING_AGAIN));
        let is_second = again.exists();
        if !is_second {
            let _ = File::create(if first.exists() { again } else { first });
        }
        is_second
    }

    fn unmark(&self) {
        for marker in [OPENING_AGAIN, OPENING] {
            let _ = fs::remove_file(beside(&self.path, marker));
        }
    }

    fn set_aside(&self, reason: String) -> Result<SetAside, Problem> {
        // Whoever else has it open would go on with the renamed file.
        if is_taken(&self.path) {
            return Err(Problem::Redb(redb::Error::DatabaseAlreadyOpen));
        }
        self.rename(clock::wall())
            .map_err(|error| Problem::Damaged { reason: reason.clone(), error })
            .map(|file| SetAside { file, reason })
    }

    /// Renames the file, and gives its new name.
    fn rename(&self, now: UnixTime) -> io::Result<String> {
        for older in damaged(&self.path).into_iter().skip(DAMAGED_MAX - 1) {
            fs::remove_file(self.path.with_file_name(older))?;
        }
        let mut secs = now.as_secs();
        loop {
            let time = UnixTime::from_secs(secs).rfc3339();
            let time: String = time.chars().take(19).filter(|c| !matches!(c, '-' | ':')).collect();
            let to = beside(&self.path, &format!("{DAMAGED}{time}Z"));
            if !to.exists() {
                fs::rename(&self.path, &to)?;
                return Ok(name(&to));
            }
            secs += 1;
        }
    }
}

/// Whether a program has the file open.
pub(super) fn is_taken(path: &Path) -> bool {
    let file = File::open(path);
    file.is_ok_and(|file| matches!(file.try_lock(), Err(fs::TryLockError::WouldBlock)))
}

/// The names of the damaged files beside a store, oldest first.
pub(super) fn damaged(path: &Path) -> Vec<String> {
    let prefix = name(&beside(path, DAMAGED));
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let entries = fs::read_dir(folder.unwrap_or(Path::new("."))).into_iter().flatten();
    let names = entries.filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into()));
    let mut damaged: Vec<String> =
        names.filter(|name: &String| name.starts_with(&prefix)).collect();
    damaged.sort_unstable();
    damaged
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    path.with_file_name(format!("{}{suffix}", name(path)))
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
