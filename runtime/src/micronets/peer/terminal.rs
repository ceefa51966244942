//! Standard input, read line by line on request, and standard output, which blocks nothing else.

use std::io::{BufRead, BufReader, IsTerminal, Read, Stdin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{io, sync::Arc, thread, time::Duration};

use mistgate_core::micronets::peer::input::Input;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::{process::getpgrp, termios::tcgetpgrp};
use smol::{Executor, Task, channel};

use super::Handle;
use crate::base::{journal::Journal, journal::Level, journal::fields, task};

/// How often to check whether we may read the terminal.
const CHECK_EVERY: Duration = Duration::from_millis(250);
/// The most bytes that wait to be printed.
const PRINTING_MAX: usize = 4 << 20;

/// Starts a thread that reads a line for each message of the channel. Lines of more than `line_max`
/// bytes are skipped.
pub(super) fn read_lines(handle: Handle, line_max: usize) -> io::Result<channel::Sender<()>> {
    let (ask, waiting) = channel::unbounded();
    thread::Builder::new().name("stdin".to_owned()).spawn(move || {
        let mut stdin = BufReader::new(io::stdin());
        while waiting.recv_blocking().is_ok() {
            if stdin.buffer().is_empty() {
                await_foreground(stdin.get_ref());
            }
            let input = next_line(&mut stdin, line_max);
            let is_end = input == Input::StdinEnded;
            handle.send(input);
            if is_end {
                return;
            }
        }
    })?;
    Ok(ask)
}

/// Waits until we may read. A background program that reads from the terminal is stopped by
/// SIGTTIN, and then could not even serve HTTP.
fn await_foreground(stdin: &Stdin) {
    let timeout = Timespec::try_from(CHECK_EVERY).ok();
    while stdin.is_terminal() {
        let is_ours = tcgetpgrp(stdin).is_ok_and(|group| group == getpgrp());
        if !is_ours {
            thread::sleep(CHECK_EVERY);
        } else if poll(&mut [PollFd::new(stdin, PollFlags::IN)], timeout.as_ref()) != Ok(0) {
            return;
        }
    }
}

fn next_line(stdin: &mut impl BufRead, max: usize) -> Input {
    let mut line = Vec::new();
    let limit = u64::try_from(max).unwrap_or(u64::MAX).saturating_add(1);
    match stdin.by_ref().take(limit).read_until(b'\n', &mut line) {
        // A terminal that cannot be read counts as ended.
        Ok(0) | Err(_) => Input::StdinEnded,
        Ok(_) if line.len() > max && !line.ends_with(b"\n") => match stdin.skip_until(b'\n') {
            Ok(_) => Input::LineTooLong,
            Err(_) => Input::StdinEnded,
        },
        Ok(_) => Input::Line(line),
    }
}

/// Prints lines in a task of its own, so that a slow reader does not stop the rest.
#[derive(Debug)]
pub(super) struct Printer {
    lines: channel::Sender<String>,
    waiting: Arc<AtomicUsize>,
    task: Task<()>,
}

impl Printer {
    pub(super) fn start(journal: &Arc<Journal>, executor: &Executor<'static>) -> Self {
        // Unbounded, because `print` bounds the bytes.
        let (lines, to_print) = channel::unbounded::<String>();
        let waiting = Arc::new(AtomicUsize::new(0));
        let (journal, left) = (Arc::clone(journal), Arc::clone(&waiting));
        let task = task::spawn(executor, async move {
            while let Ok(line) = to_print.recv().await {
                let (own, bytes) = (Arc::clone(&journal), line.len());
                if let Err(error) = task::unblock(move || own.console(&line)).await {
                    // The reader of standard output is gone.
                    return journal.note(Level::Warning, "print_ended", fields![reason = error]);
                }
                left.fetch_sub(bytes, Ordering::Relaxed);
            }
        });
        Self { lines, waiting, task }
    }

    /// Queues a line; false if too much waits already.
    pub(super) fn print(&self, line: String) -> bool {
        let bytes = line.len();
        if self.waiting.load(Ordering::Relaxed) + bytes > PRINTING_MAX {
            return false;
        }
        self.waiting.fetch_add(bytes, Ordering::Relaxed);
        // The task ends when the reader of standard output is gone.
        if self.lines.try_send(line).is_err() {
            self.waiting.fetch_sub(bytes, Ordering::Relaxed);
        }
        true
    }

    /// Prints what is queued, and ends.
    pub(super) async fn finish(self) {
        let Self { lines, task, .. } = self;
        drop(lines);
        task.await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_one_by_one_and_long_ones_skipped() {
        let mut input = &b"{}\n\n12345\n123456\n1234\n12345"[..];
        let mut next = || next_line(&mut input, 5);
        assert_eq!(next(), Input::Line(b"{}\n".to_vec()));
        assert_eq!(next(), Input::Line(b"\n".to_vec()));
        assert_eq!(next(), Input::Line(b"12345\n".to_vec()));
        assert_eq!(next(), Input::LineTooLong);
        assert_eq!(next(), Input::Line(b"1234\n".to_vec()));
        assert_eq!(next(), Input::Line(b"12345".to_vec()));
        assert_eq!(next(), Input::StdinEnded);
    }
}
