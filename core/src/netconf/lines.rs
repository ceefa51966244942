//! The configuration lines of a change, as the Junos CLI shows them with `| display set`, and what
//! makes one fit to be loaded. The configuration file and every change are judged by the same rule.

use alloc::{borrow::ToOwned, string::String, vec::Vec};
use core::fmt;

use super::xml::is_carried;

/// In one change: a dozen lines for each port of a large virtual chassis.
pub const LINES_MAX: usize = 8_192;
/// The longest line, in bytes.
pub const LINE_MAX: usize = 1_024;
/// The words that a line may begin with. Junos could load others, such as `rename`, but their
/// effect depends on what is configured before.
const VERBS: [&str; 4] = ["activate", "deactivate", "delete", "set"];

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Nothing follows the verb: the line would act on the whole configuration.
    #[error("nothing behind the verb — expected a statement")]
    Bare,
    /// There is a control character, which might begin another line.
    #[error("a control character — expected one line of text")]
    Control,
    /// There are more than [`LINE_MAX`] bytes.
    #[error("too long — expected {LINE_MAX} bytes at most")]
    Oversize,
    /// A quotation is not closed, and would go on in the next line.
    #[error("a quotation is not closed — expected a second \"")]
    Quote,
    /// The line does not begin with one of the verbs.
    #[error("expected it to begin with set, delete, activate or deactivate")]
    Verb,
}

/// Why lines cannot be loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no line at all.
    #[error("no configuration line — expected one at least")]
    Empty,
    /// Lines are counted from 1.
    #[error("line {number}: {fault}")]
    Line { number: usize, fault: Fault },
    /// There are more than [`LINES_MAX`].
    #[error("too many lines — expected {LINES_MAX} at most")]
    TooMany,
}

/// Judges one line, which has no white space around it.
pub fn check(line: &str) -> Result<(), Fault> {
    if line.len() > LINE_MAX {
        return Err(Fault::Oversize);
    }
    let is_line_end = |c| matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}');
    if line.chars().any(|c| c.is_control() || !is_carried(c) || is_line_end(c)) {
        return Err(Fault::Control);
    }
    let (verb, statement) = line.split_once(' ').unwrap_or((line, ""));
    if !VERBS.contains(&verb) {
        return Err(Fault::Verb);
    }
    if statement.trim().is_empty() {
        return Err(Fault::Bare);
    }
    let (mut is_quoted, mut is_escaped) = (false, false);
    for c in statement.chars() {
        is_quoted ^= c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
    }
    if is_quoted { Err(Fault::Quote) } else { Ok(()) }
}

/// Lines that can be loaded: at least one, each of them one statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lines(Vec<String>);

impl Lines {
    /// Checks lines, whose order is kept, and strips the white space around them.
    pub fn new<T: AsRef<str>>(lines: impl IntoIterator<Item = T>) -> Result<Self, Error> {
        let mut checked = Vec::new();
        for line in lines {
            let line = line.as_ref().trim_matches(' ');
            if checked.len() >= LINES_MAX {
                return Err(Error::TooMany);
            }
            let number = checked.len() + 1;
            check(line).map_err(|fault| Error::Line { number, fault })?;
            checked.push(line.to_owned());
        }
        if checked.is_empty() { Err(Error::Empty) } else { Ok(Self(checked)) }
    }

    /// All lines in their order.
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }
}

/// One statement on each line, which is the format that Junos loads.
impl fmt::Display for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use alloc::{format, string::ToString};

    use super::*;

    fn fault(line: &str) -> Option<Fault> {
        match Lines::new(["set a b", line]) {
            Ok(_) => None,
            Err(Error::Line { number: 2, fault }) => Some(fault),
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn lines_are_joined_in_their_order() {
        let lines =
            Lines::new([" set interfaces ge-0/0/7 description \"a \\\" <b>\" ", "delete a"]);
        let text = "set interfaces ge-0/0/7 description \"a \\\" <b>\"\ndelete a";
        assert_eq!(lines.map(|lines| lines.to_string()), Ok(text.into()));
    }

    #[test]
    fn no_line_can_become_two_or_touch_everything() {
        assert_eq!(
            fault("set interfaces ge-0/0/1\ndelete system description x"),
            Some(Fault::Control)
        );
        assert_eq!(fault("set a\u{2028}delete b"), Some(Fault::Control));
        assert_eq!(fault("set a \u{0}"), Some(Fault::Control));
        assert_eq!(fault("set a \u{fffe}"), Some(Fault::Control));
        assert_eq!(fault("set interfaces ge-0/0/7 description \"x"), Some(Fault::Quote));
        assert_eq!(fault("set interfaces ge-0/0/7 description \"x\\\""), Some(Fault::Quote));
        assert_eq!(fault("delete"), Some(Fault::Bare));
        assert_eq!(fault("delete   "), Some(Fault::Bare));
        assert_eq!(fault("commit"), Some(Fault::Verb));
        assert_eq!(fault("# set a"), Some(Fault::Verb));
        assert_eq!(fault(""), Some(Fault::Verb));
        assert_eq!(fault("settle a"), Some(Fault::Verb));
        assert_eq!(fault(&format!("set {}", "a".repeat(LINE_MAX))), Some(Fault::Oversize));
        assert_eq!(fault(&format!("set {}", "a".repeat(LINE_MAX - 4))), None);
    }

    #[test]
    fn there_are_some_lines_and_not_too_many() {
        assert_eq!(Lines::new::<&str>([]), Err(Error::Empty));
        let many = |count| Lines::new(core::iter::repeat_n("set a b", count)).map(|_| ());
        assert_eq!(many(LINES_MAX), Ok(()));
        assert_eq!(many(LINES_MAX + 1), Err(Error::TooMany));
        assert_eq!(
            Error::Line { number: 3, fault: Fault::Verb }.to_string(),
            "line 3: expected it to begin with set, delete, activate or deactivate"
        );
    }
}
