//! The newest commit of a switch, and whether it still waits to be confirmed.
//!
//! Junos keeps `commit confirmed, rollback in 5mins` in its history for good. Releases that say
//! `rollback pending` say it only while the time runs; for all others the switch's clock decides.

use alloc::{format, string::String};
use core::time::Duration;

use super::operational;
use crate::{base::text::one_line, netconf::xml::Element};

/// The most characters that are kept of a name or of a comment.
const TEXT_MAX: usize = 200;
/// What Junos takes when nobody says after how many minutes.
const MINUTES_DEFAULT: u64 = 10;

/// How long a switch may take to undo a commit once the time to confirm it is up.
pub const UNDO_TIME: Duration = Duration::from_secs(60);

/// The newest entry of the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Who made it and by which way, such as `ann via cli`.
    pub by: String,
    /// The comment of whoever made it; empty without one.
    pub log: String,
    /// By the switch's clock, in seconds since 1970.
    at: Option<u64>,
    /// After what time the switch undoes it; `None` if it never had to be confirmed.
    confirm: Option<Duration>,
    /// Whether the switch itself says that it waits.
    is_pending: bool,
}

impl Commit {
    /// Who made the newest commit whose comment does not begin like this; `None` if none is known.
    pub fn newest_of_others(answer: &Element, ours: &str) -> Option<String> {
        let mut all = answer.descendants().filter(|element| element.name == "commit-history");
        let others =
            all.find(|entry| !entry.text_of("log").is_some_and(|it| it.starts_with(ours)))?;
        let text = |name| one_line(others.text_of(name).unwrap_or_default(), TEXT_MAX);
        let (user, client, at) = (text("user"), text("client"), text("date-time"));
        Some(format!("{user} via {client}, {at}"))
    }

    /// The newest commit in the answer to `get-commit-information`; `None` if there is none.
    pub fn newest(answer: &Element) -> Option<Self> {
        let mut all = answer.descendants().filter(|element| element.name == "commit-history");
        let newest = all.find(|entry| entry.text_of("sequence-number") == Some("0"))?;
        let text = |name| one_line(newest.text_of(name).unwrap_or_default(), TEXT_MAX);
        let comment = text("comment");
        let after = comment.split_once("rollback in ").map(|(_, after)| after);
        let minutes = after.and_then(|after| {
            let end = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
            after.get(..end)?.parse().ok()
        });
        let is_pending = text("commit-confirmed").contains("pending");
        let is_confirmed = is_pending || comment.contains("commit confirmed");
        let confirm =
            is_confirmed.then(|| Duration::from_secs(60 * minutes.unwrap_or(MINUTES_DEFAULT)));
        Some(Self {
            by: format!("{} via {}", text("user"), text("client")),
            log: text("log"),
            at: newest.child("date-time").and_then(|time| time.seconds),
            confirm,
            is_pending,
        })
    }

    /// Whether it may wait to be confirmed, as the switch's clock will tell.
    pub const fn may_be_pending(&self) -> bool {
        self.confirm.is_some()
    }

    /// In what time it has been undone unless somebody confirms it, when this is the answer to
    /// `get-system-uptime-information`; `None` if it does not wait. Without a clock it is taken to
    /// have just begun.
    pub fn left(&self, clock: &Element) -> Option<Duration> {
        let passed =
            operational::clock(clock).zip(self.at).map_or(0, |(now, at)| now.saturating_sub(at));
        let left = (self.confirm? + UNDO_TIME).saturating_sub(Duration::from_secs(passed));
        if self.is_pending { Some(left.max(UNDO_TIME)) } else { (!left.is_zero()).then_some(left) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn newest(entry: &str) -> Option<Commit> {
        let answer = format!(
            "<rpc-reply xmlns:junos=\"j\"><commit-information><commit-history>\
             <sequence-number>0</sequence-number><user>ann</user><client>cli</client>\
             <date-time junos:seconds=\"1000\">then</date-time>{entry}</commit-history>\
             <commit-history><sequence-number>1</sequence-number>\
             <comment>commit confirmed, rollback in 5mins</comment></commit-history>\
             </commit-information></rpc-reply>"
        );
        Commit::newest(&Element::parse(answer.as_bytes()).expect("a document"))
    }

    fn clock(now: u64) -> Element {
        let text = format!(
            "<r xmlns:junos=\"j\"><current-time><date-time junos:seconds=\"{now}\"/>\
             </current-time><system-booted-time><date-time junos:seconds=\"7\"/>\
             </system-booted-time></r>"
        );
        Element::parse(text.as_bytes()).expect("a document")
    }

    #[test]
    fn only_the_newest_commit_can_wait_and_not_for_ever() {
        let plain = newest("<log>a\nb</log>").expect("a commit");
        assert_eq!((plain.by.as_str(), plain.log.as_str()), ("ann via cli", "a b"));
        assert!(!plain.may_be_pending() && plain.left(&clock(1_000)).is_none());

        let old = newest("<comment>commit confirmed, rollback in 5mins</comment>");
        let old = old.expect("a commit");
        assert!(old.may_be_pending());
        assert_eq!(old.left(&clock(1_060)), Some(Duration::from_secs(300)));
        assert_eq!(old.left(&clock(1_360)), None);
        assert_eq!(operational::uptime(&clock(1_300)), Some(Duration::from_secs(1_293)));
        // Who does not tell the time is not trusted with a commit.
        let silent = Element::parse(b"<r/>").expect("a document");
        assert_eq!(old.left(&silent), Some(Duration::from_secs(360)));

        let says = "<comment>commit confirmed, rollback in 5mins</comment>\
                    <commit-confirmed>rollback pending</commit-confirmed>";
        let says = newest(says).expect("a commit");
        assert_eq!(says.left(&clock(9_999)), Some(UNDO_TIME));
    }

    #[test]
    fn no_history_is_no_commit() {
        let none = Element::parse(b"<r><commit-information/></r>").expect("a document");
        assert_eq!(Commit::newest(&none), None);
        let unnamed = newest("<commit-confirmed>rollback pending</commit-confirmed>");
        let left = unnamed.and_then(|commit| commit.left(&clock(1_000)));
        assert_eq!(left, Some(Duration::from_secs(660)));
    }
}
