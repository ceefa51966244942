//! The audit: one line of JSON for each report, appended to a file and flushed to the disk.
//!
//! A thread of its own writes, so that a slow disk holds up nothing. Lines that cannot be written
//! wait in memory, up to a bound, and are written when the disk takes them.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, mpsc};
use std::time::Duration;
use std::{io, mem, thread};

use mistgate_core::base::text;

use crate::base::journal::{Journal, Level, fields};

/// The most lines that wait for the disk; what comes then is left out, and the journal says so.
const WAITING_MAX: usize = 10_000;
/// How long a failed file is left alone.
const RETRY_AFTER: Duration = Duration::from_secs(1);

enum Message {
    Line(String),
    Reopen,
}

/// A way to the file.
#[derive(Debug)]
pub(super) struct Audit {
    messages: SyncSender<Message>,
    thread: thread::JoinHandle<()>,
    journal: Arc<Journal>,
}

impl Audit {
    /// Starts the thread. The file is opened with the first line, and made where there is none.
    pub(super) fn start(path: PathBuf, journal: Arc<Journal>) -> io::Result<Self> {
        let (messages, inbox) = mpsc::sync_channel(WAITING_MAX);
        let writer = Writer {
            path,
            file: None,
            waiting: Vec::new(),
            is_failing: false,
            journal: Arc::clone(&journal),
        };
        let thread =
            thread::Builder::new().name("audit".to_owned()).spawn(move || writer.run(&inbox))?;
        Ok(Self { messages, thread, journal })
    }

    /// Appends a line, which must hold no line break.
    pub(super) fn append(&self, line: String) {
        let line = text::visible_json(line);
        if self.messages.try_send(Message::Line(line)).is_err() {
            self.journal.note(Level::Error, "audit_line_lost", &[]);
        }
    }

    /// Opens the file anew, because somebody may have moved it.
    pub(super) fn reopen(&self) {
        // Where there is no room, lines wait because the file is closed anyway.
        let _ = self.messages.try_send(Message::Reopen);
    }

    /// Waits until the last line is written or has failed. Blocks.
    pub(super) fn close(self) {
        drop(self.messages);
        // Its only result is that the channel closed.
        let _ = self.thread.join();
    }
}

struct Writer {
    path: PathBuf,
    file: Option<File>,
    /// Lines with their breaks.
    waiting: Vec<String>,
    /// Whether the last attempt failed.
    is_failing: bool,
    journal: Arc<Journal>,
}

impl Writer {
    fn run(mut self, inbox: &Receiver<Message>) {
        loop {
            let first = if self.waiting.is_empty() {
                inbox.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                inbox.recv_timeout(RETRY_AFTER)
            };
            match first {
                Ok(message) => self.take(message),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.write(),
            }
            while self.waiting.len() < WAITING_MAX
                && let Ok(message) = inbox.try_recv()
            {
                self.take(message);
            }
            self.write();
        }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Line(line) => self.waiting.push(line + "\n"),
            Message::Reopen => {
                self.write();
                self.file = None;
            }
        }
    }

    fn write(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        let lines = self.waiting.len();
        match self.append() {
            Ok(()) => {
                self.waiting.clear();
                if mem::take(&mut self.is_failing) {
                    self.journal.note(Level::Info, "audit_written", fields![lines]);
                }
            }
            Err(error) => {
                self.file = None;
                if !mem::replace(&mut self.is_failing, true) {
                    let file = self.path.display();
                    self.journal.note(Level::Error, "audit_failed", fields![file, reason = error]);
                }
            }
        }
    }

    fn append(&mut self) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(open(&self.path)?),
        };
        let end = file.metadata()?.len();
        let written = file.write_all(self.waiting.concat().as_bytes());
        let written = written.and_then(|()| file.sync_data());
        if written.is_err() {
            // So that the next attempt leaves nothing in it twice or by half.
            let _ = file.set_len(end);
        }
        written
    }
}

/// Opens the file at its end, which is the end of a line also where a crash tore one.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let mut file = options.read(true).append(true).create(true).mode(0o600).open(path)?;
    let mut last = [b'\n'];
    if file.metadata()?.len() > 0 {
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
    }
    if last != [b'\n'] {
        file.write_all(b"\n")?;
    }
    // A new file has its name on disk when its folder is.
    if let Some(folder) = path.parent() {
        File::open(folder)?.sync_all()?;
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::base::journal::Format;

    #[test]
    fn lines_are_appended_and_a_torn_one_is_ended() {
        let folder = std::env::temp_dir().join(format!("mistgate-audit-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let path = folder.join("audit.jsonl");
        let journal = Arc::new(Journal::new(Format::Json, Level::Error));
        let start = || Audit::start(path.clone(), Arc::clone(&journal)).expect("a thread");
        let read = |path: &Path| fs::read_to_string(path).expect("a file");
        fs::write(&path, "torn").expect("a file");
        let audit = start();
        audit.append("one".to_owned());
        audit.append("two".to_owned());
        audit.close();
        assert_eq!(read(&path), "torn\none\ntwo\n");

        // What somebody moved is made anew.
        let audit = start();
        audit.append("three".to_owned());
        let moved = folder.join("audit.jsonl.1");
        while !read(&path).contains("three") {
            thread::yield_now();
        }
        fs::rename(&path, &moved).expect("a rename");
        audit.reopen();
        audit.append("four".to_owned());
        audit.close();
        assert_eq!(read(&moved), "torn\none\ntwo\nthree\n");
        assert_eq!(read(&path), "four\n");
        fs::remove_dir_all(&folder).expect("a folder");
    }
}
