//! What is known of standard input, whose lines are messages.

use alloc::string::String;

use crate::micronets::message::Id;

/// What is known about standard input.
#[derive(Debug, Default)]
pub(super) struct Stdin {
    /// The lines that came.
    pub(super) lines: u64,
    /// The last line, until it can be sent.
    pub(super) held: Option<Line>,
    /// Lines that were not sent, and requests that got no response.
    pub(super) failed: u64,
    pub(super) has_ended: bool,
}

/// A message that is ready to be sent.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) text: String,
    /// The id, method and path of a request whose response is wanted.
    pub(super) request: Option<(Id<'static>, String, String)>,
}

impl Stdin {
    /// Whether every line is dealt with.
    pub(super) const fn is_over(&self) -> bool {
        self.has_ended && self.held.is_none()
    }

    /// How many lines or requests failed; a line that still waits counts.
    pub(super) fn failed(&self) -> u64 {
        self.failed + u64::from(self.held.is_some())
    }
}
