//! The audit: one line of JSON for each report, appended to a file and flushed to the disk.
//!
//! A thread of its own writes, so that a slow disk holds up nothing. Lines that cannot be written
//! wait in memory, up to a bound, and are written when the disk takes them. What is in the files
//! says where the next line stands, since `mistgate port set` writes to them too.

use std::sync::{Arc, atomic::Ordering, mpsc::Receiver, mpsc::RecvTimeoutError, mpsc::SyncSender};
use std::{fs, io, os::unix::fs::OpenOptionsExt as _, sync::mpsc, thread, time::Duration};
use std::{fs::File, fs::OpenOptions, io::Read as _, io::Seek as _};
use std::{io::SeekFrom, io::Write as _, path::Path, path::PathBuf, sync::atomic::AtomicBool};

use mistgate_core::{base::text, ports::audit::Place};

use super::AUDIT_FILE;
use crate::base::journal::{Journal, Level, fields};

/// The most lines that wait for the disk; what comes then is left out, and the journal says so.
const WAITING_MAX: usize = 10_000;
/// How long a failed file is left alone.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// A file of so many bytes is followed by a new one.
const FILE_MAX: u64 = 8 << 20;
/// How many earlier files are kept.
const EARLIER_MAX: usize = 8;
/// The most bytes of a line.
const LINE_MAX: u64 = 1 << 20;

/// A way to the file.
#[derive(Debug)]
pub(super) struct Audit {
    lines: SyncSender<String>,
    /// Whether the last attempt failed.
    is_failing: Arc<AtomicBool>,
    thread: thread::JoinHandle<()>,
    journal: Arc<Journal>,
}

impl Audit {
    /// Starts the thread. The file is made with the first line where there is none.
    pub(super) fn start(path: PathBuf, journal: Arc<Journal>) -> io::Result<Self> {
        let (lines, inbox) = mpsc::sync_channel(WAITING_MAX);
        let is_failing = Arc::default();
        let writer = Writer {
            path,
            waiting: Vec::new(),
            is_failing: Arc::clone(&is_failing),
            journal: Arc::clone(&journal),
        };
        let thread =
            thread::Builder::new().name("audit".to_owned()).spawn(move || writer.run(&inbox))?;
        Ok(Self { lines, is_failing, thread, journal })
    }

    /// Appends what a line says, which must hold no line break.
    pub(super) fn append(&self, line: String) {
        if self.lines.try_send(text::visible_json(line)).is_err() {
            self.journal.note(Level::Error, "audit_line_lost", &[]);
        }
    }

    /// Whether the disk refuses lines.
    pub(super) fn is_failing(&self) -> bool {
        self.is_failing.load(Ordering::Relaxed)
    }

    /// Waits until the last line is written or has failed. Blocks.
    pub(super) fn close(self) {
        drop(self.lines);
        // Its only result is that the channel closed.
        let _ = self.thread.join();
    }
}

struct Writer {
    path: PathBuf,
    waiting: Vec<String>,
    is_failing: Arc<AtomicBool>,
    journal: Arc<Journal>,
}

impl Writer {
    fn run(mut self, inbox: &Receiver<String>) {
        loop {
            // The first time nothing is written: it is seen whether something can be.
            self.write();
            let first = if self.waiting.is_empty() && !self.is_failing.load(Ordering::Relaxed) {
                inbox.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                inbox.recv_timeout(RETRY_AFTER)
            };
            match first {
                Ok(line) => self.waiting.push(line),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.write(),
            }
            let room = WAITING_MAX.saturating_sub(self.waiting.len());
            self.waiting.extend(inbox.try_iter().take(room));
        }
    }

    fn write(&mut self) {
        let lines = self.waiting.len();
        let written = append(&self.path, &self.waiting);
        let was_failing = self.is_failing.swap(written.is_err(), Ordering::Relaxed);
        match written {
            Ok(()) => {
                self.waiting.clear();
                if was_failing {
                    self.journal.note(Level::Info, "audit_written", fields![lines]);
                }
            }
            Err(error) => {
                if !was_failing {
                    let file = self.path.display();
                    self.journal.note(Level::Error, "audit_failed", fields![file, reason = error]);
                }
            }
        }
    }
}

/// Appends what lines say, each in its place, and flushes them to the disk; without any, sees
/// whether that is possible. Several processes may do so at once.
pub(super) fn append(path: &Path, events: &[String]) -> io::Result<()> {
    let folder = File::open(path.parent().unwrap_or(Path::new("/")))?;
    folder.lock()?;
    let mut file = open(path)?;
    let (mut last, mut end) = last_line(&mut file)?;
    if end >= FILE_MAX {
        for nth in (1..EARLIER_MAX).rev() {
            let _ = fs::rename(earlier(path, nth), earlier(path, nth + 1));
        }
        fs::rename(path, earlier(path, 1))?;
        (file, end) = (open(path)?, 0);
    } else if end == 0 {
        let earlier = File::open(earlier(path, 1)).and_then(|mut file| last_line(&mut file));
        last = earlier.map(|(last, _)| last).unwrap_or_default();
    }
    // A crash may have torn a line.
    file.set_len(end)?;
    let mut lines = String::new();
    for event in events {
        let line = Place::after(last.as_deref()).line(event);
        lines.extend([&*line, "\n"]);
        last = Some(line);
    }
    let written = file.write_all(lines.as_bytes()).and_then(|()| file.sync_data());
    if written.is_err() {
        // So that the next attempt leaves nothing in it twice or by half.
        let _ = file.set_len(end);
    }
    // A new file has its name on disk when its folder is.
    written.and_then(|()| folder.sync_all())
}

/// The files of the audit, the oldest first.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let path = folder.join(AUDIT_FILE);
    let earlier = (1..=EARLIER_MAX).rev().map(|nth| earlier(&path, nth));
    earlier.chain([path.clone()]).filter(|path| path.exists()).collect()
}

/// The name of the file that was followed by so many.
fn earlier(path: &Path, nth: usize) -> PathBuf {
    path.with_extension(format!("jsonl.{nth}"))
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)
}

/// The last whole line, without its break, and where it ends.
fn last_line(file: &mut File) -> io::Result<(Option<String>, u64)> {
    let begin = file.metadata()?.len().saturating_sub(LINE_MAX);
    file.seek(SeekFrom::Start(begin))?;
    let mut tail = Vec::new();
    file.take(LINE_MAX).read_to_end(&mut tail)?;
    let Some(end) = tail.iter().rposition(|byte| *byte == b'\n') else { return Ok((None, begin)) };
    let last = tail.get(..end).and_then(|lines| lines.rsplit(|byte| *byte == b'\n').next());
    let last = last.map(|line| String::from_utf8_lossy(line).into_owned());
    Ok((last, begin + end as u64 + 1))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::base::journal::Format;

    #[test]
    fn lines_follow_from_each_other_over_crashes_and_files() {
        let folder = std::env::temp_dir().join(format!("mistgate-audit-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let path = folder.join(AUDIT_FILE);
        let journal = Arc::new(Journal::new(Format::Json, Level::Error));
        let start = || Audit::start(path.clone(), Arc::clone(&journal)).expect("a thread");
        let event = |text: &str| format!("{{\"type\":\"{text}\"}}");
        let whole = || {
            let texts =
                files(&folder).into_iter().map(|path| fs::read_to_string(path).expect("it"));
            texts.collect::<String>()
        };
        fs::write(&path, "{\"type\":\"old\"}\ntorn").expect("a file");
        let audit = start();
        audit.append(event("one"));
        audit.append(event("two"));
        audit.close();
        append(&path, &[event("by hand")]).expect("a line");
        let kinds = |text: &str| -> Vec<String> {
            let kind = |line: &str| {
                let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
                line.get("type").and_then(|kind| kind.as_str()).expect("a type").to_owned()
            };
            text.lines().map(kind).collect()
        };
        assert_eq!(kinds(&whole()), ["old", "one", "two", "by hand"]);
        // What grew too large, and what somebody moved, is followed by a new one.
        let long = event(&"x".repeat(usize::try_from(LINE_MAX / 2).expect("a size")));
        for _ in 0..17 {
            append(&path, std::slice::from_ref(&long)).expect("a line");
        }
        assert_eq!(files(&folder).len(), 2);
        fs::rename(&path, earlier(&path, 1)).expect("a rename");
        let audit = start();
        audit.append(event("three"));
        audit.close();
        assert_eq!(kinds(&fs::read_to_string(&path).expect("it")), ["three"]);
        assert!(fs::read_to_string(&path).expect("it").contains("\"number\":21,"));
        fs::remove_dir_all(&folder).expect("a folder");
    }
}
