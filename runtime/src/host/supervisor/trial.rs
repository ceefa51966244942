//! The trial of a new version, as `appliance/units/launch` arranges it: that script starts the new
//! version, and the previous one where the new one failed. A file with one note a line says how it
//! goes; its first line is the new version. An empty one says that there is no trial.

use std::fs::{File, OpenOptions};
use std::{env, io, io::Read as _, io::Write as _, path::Path, time::Duration, time::Instant};

use mistgate_core::engine::report;
use smol::{Timer, future};

use crate::base::{clock, journal::Journal, journal::Level, journal::fields};
use crate::chat::{driver, driver::Message};

/// The variable with the path of the notes.
const NOTES: &str = "MISTGATE_UPGRADE";
/// For how long the new version must be ready without a break.
const READY_FOR: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A trial that has not come to its end.
pub(crate) struct Trial {
    /// Opened before the sandbox is entered, as it may lie anywhere.
    notes: File,
    version: String,
    /// Why the new version failed: this is the previous one.
    failed: Option<String>,
}

impl Trial {
    /// The trial that the environment names, unless its end was reported.
    pub(crate) fn from_env(journal: &Journal) -> Option<Self> {
        let path = env::var_os(NOTES)?;
        let trial = Self::open(path.as_ref()).inspect_err(|error| {
            let values = fields![file = path.display(), reason = error];
            journal.note(Level::Error, "trial_unreadable", values);
        });
        trial.ok().flatten()
    }

    fn open(path: &Path) -> io::Result<Option<Self>> {
        let mut notes = OpenOptions::new().read(true).append(true).open(path)?;
        let mut text = String::new();
        notes.read_to_string(&mut text)?;
        let version = text.lines().next().unwrap_or_default().to_owned();
        let failed = text.lines().find_map(|note| note.strip_prefix("back ")).map(str::to_owned);
        let is_over = text.lines().any(|note| note == "reported");
        Ok((!is_over).then_some(Self { notes, version, failed }))
    }

    /// Follows the trial to its end, and reports that. Then waits for ever.
    pub(crate) async fn follow<T>(&self, journal: &Journal, driver: &driver::Handle) -> T {
        let mut since = None;
        loop {
            // All else that makes it ready was there before its driver answered.
            let is_ready = driver.status().await.is_some_and(|status| status.writable);
            if is_ready && self.failed.is_some() {
                break;
            }
            if is_ready && since.is_none() {
                self.append("ready");
            }
            if has_passed(&mut since, Instant::now(), is_ready) {
                break;
            }
            Timer::after(LOOK_EVERY).await;
        }
        let version = &*self.version;
        let (kind, reason) = if let Some(reason) = &self.failed {
            journal.note(Level::Error, "new_version_failed", fields![version, reason]);
            self.append("reported");
            ("NEW_VERSION_FAILED", &**reason)
        } else {
            journal.note(Level::Info, "new_version_works", fields![version]);
            let _ = self.notes.set_len(0).and_then(|()| self.notes.sync_all());
            ("NEW_VERSION_WORKS", "")
        };
        let report = report::about(kind, ("to_version", version), reason, clock::wall());
        driver.send(Message::Report(report));
        future::pending().await
    }

    /// Notes that a new version ends because it was asked to, which is no failure.
    pub(crate) fn stopped(&self) {
        if self.failed.is_none() && self.notes.metadata().is_ok_and(|notes| notes.len() > 0) {
            self.append("stopped");
        }
    }

    /// A disk that takes no notes may let the trial begin anew, or go back.
    fn append(&self, note: &str) {
        let _ = (&self.notes).write_all(format!("{note}\n").as_bytes());
    }
}

/// Whether a new version has been ready for long enough. `since` when, is kept here.
fn has_passed(since: &mut Option<Instant>, now: Instant, is_ready: bool) -> bool {
    if !is_ready {
        *since = None;
        return false;
    }
    now.duration_since(*since.get_or_insert(now)) >= READY_FOR
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_break_begins_the_trial_anew() {
        let (start, mut since) = (Instant::now(), None);
        let mut at =
            |secs, is_ready| has_passed(&mut since, start + Duration::from_secs(secs), is_ready);
        assert!(!at(0, false) && !at(10, true) && !at(69, true));
        assert!(!at(69, false));
        assert!(!at(70, true) && !at(129, true) && at(130, true));
    }
}
