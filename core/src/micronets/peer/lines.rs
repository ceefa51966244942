//! The lines of standard input: the one that waits, and what became of the others.

use alloc::string::String;

use crate::micronets::message::Id;

/// How far standard input has come.
#[derive(Debug, Default)]
pub(super) struct Typing {
    /// How many lines came.
    pub(super) lines: u64,
    /// The last one, until it can be sent.
    pub(super) held: Option<Line>,
    /// Lines that were not sent, and requests without a response.
    failed: u64,
    has_ended: bool,
}

/// A message that waits until it can be sent.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) text: String,
    /// Of a request whose response is wanted.
    pub(super) request: Option<Wanted>,
}

/// What is known of such a request.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) id: Id<'static>,
    pub(super) method: String,
    pub(super) path: String,
}

impl Typing {
    /// Takes note that no more lines come.
    pub(super) const fn end(&mut self) {
        self.has_ended = true;
    }

    /// Whether no line comes or waits any more.
    pub(super) const fn is_over(&self) -> bool {
        self.has_ended && self.held.is_none()
    }

    /// Counts a request without a response.
    pub(super) const fn fail(&mut self) {
        self.failed += 1;
    }

    /// What was not done; a line that still waits never will be.
    pub(super) fn failed(&self) -> u64 {
        self.failed + u64::from(self.held.is_some())
    }
}
