//! What we ask of a switch.

use alloc::{format, string::String};
use core::num::NonZeroU16;

use crate::{
    base::text::one_line,
    netconf::{lines::Lines, xml::escape},
};

/// Our side of the capability exchange (RFC 6241 §8.1): we know both versions of NETCONF, and need
/// nothing else from the list. The server's list is what decides.
pub const HELLO: &str = concat!(
    r#"<?xml version="1.0" encoding="UTF-8"?>"#,
    r#"<nc:hello xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0"><nc:capabilities>"#,
    "<nc:capability>urn:ietf:params:netconf:base:1.0</nc:capability>",
    "<nc:capability>urn:ietf:params:netconf:base:1.1</nc:capability>",
    "</nc:capabilities></nc:hello>"
);

/// The most characters of a comment that a commit keeps.
const COMMENT_MAX: usize = 500;

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request<'a> {
    /// End the session; the answer is the last one.
    CloseSession,
    /// Commit the candidate. Confirms a confirmed commit, also where the candidate has nothing new.
    Commit {
        /// What the commit history shall say.
        comment: &'a str,
    },
    /// See whether the candidate could be committed. Where a confirmed commit is pending, this
    /// confirms it too.
    CommitCheck,
    /// Commit the candidate until it is confirmed or the time is up. Junos counts minutes here,
    /// other than in the standard's own RPC.
    CommitConfirmed {
        /// How long it lasts unconfirmed.
        minutes: NonZeroU16,
        /// What the commit history shall say.
        comment: &'a str,
    },
    /// The difference between the candidate and what is committed.
    Compare,
    /// Make the candidate what is committed.
    DiscardChanges,
    /// State of all interfaces.
    Interfaces,
    /// Change the candidate, all lines at once (Junos 11.4 and later).
    Load(&'a Lines),
    /// Make the candidate what was committed before the last commit.
    LoadPrevious,
    /// Take the candidate for ourselves alone.
    Lock,
    /// The LLDP neighbours of all interfaces.
    Neighbours,
    /// Give the candidate back.
    Unlock,
    /// The time since the switch started: a cheap question, to see that it is there.
    Uptime,
}

impl Request<'_> {
    /// The request as a document, to be answered under `message_id`.
    pub fn encode(&self, message_id: u64) -> String {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
             <nc:rpc xmlns:nc=\"urn:ietf:params:xml:ns:netconf:base:1.0\" \
             message-id=\"{message_id}\">{}</nc:rpc>",
            self.body()
        )
    }

    /// Whether the switch has to go through its whole configuration to answer.
    pub const fn commits(&self) -> bool {
        matches!(self, Self::Commit { .. } | Self::CommitCheck | Self::CommitConfirmed { .. })
    }

    fn body(&self) -> String {
        match self {
            Self::CloseSession => "<nc:close-session/>".into(),
            Self::Commit { comment } => commit(&log(comment)),
            Self::CommitCheck => commit("<check/>"),
            Self::CommitConfirmed { minutes, comment } => commit(&format!(
                "{}<confirmed/><confirm-timeout>{minutes}</confirm-timeout>",
                log(comment)
            )),
            Self::Compare => {
                r#"<get-configuration compare="rollback" rollback="0" format="text"/>"#.into()
            }
            Self::DiscardChanges => "<nc:discard-changes/>".into(),
            Self::Interfaces => {
                "<get-interface-information><terse/></get-interface-information>".into()
            }
            Self::Load(lines) => format!(
                "<load-configuration format=\"text\" action=\"set\"><configuration-set>{}\
                 </configuration-set></load-configuration>",
                escape(&format!("{lines}"))
            ),
            Self::LoadPrevious => r#"<load-configuration rollback="1"/>"#.into(),
            Self::Lock => "<lock-configuration/>".into(),
            Self::Neighbours => "<get-lldp-neighbors-information/>".into(),
            Self::Unlock => "<unlock-configuration/>".into(),
            Self::Uptime => "<get-system-uptime-information/>".into(),
        }
    }
}

fn commit(options: &str) -> String {
    if options.is_empty() {
        return "<commit-configuration/>".into();
    }
    format!("<commit-configuration>{options}</commit-configuration>")
}

fn log(comment: &str) -> String {
    let comment = one_line(comment, COMMENT_MAX);
    if comment.is_empty() { comment } else { format!("<log>{}</log>", escape(&comment)) }
}

#[cfg(test)]
mod tests {
    use alloc::borrow::ToOwned;

    use super::*;
    use crate::netconf::xml::Element;

    /// The name and the content of what is asked, as an XML reader sees it.
    #[track_caller]
    fn check(request: &Request<'_>, body: &str) {
        let document = request.encode(7);
        assert!(document.contains(&format!(r#"message-id="7">{body}</nc:rpc>"#)), "{document}");
        let rpc = Element::parse(document.as_bytes()).expect("a document");
        assert_eq!((rpc.name.as_str(), rpc.message_id.as_deref()), ("rpc", Some("7")));
        assert_eq!(rpc.children.len(), 1);
    }

    #[test]
    fn requests_are_those_of_pyez() {
        let minutes = NonZeroU16::new(5).expect("not zero");
        check(&Request::Lock, "<lock-configuration/>");
        check(&Request::Unlock, "<unlock-configuration/>");
        check(&Request::CommitCheck, "<commit-configuration><check/></commit-configuration>");
        check(
            &Request::CommitConfirmed { minutes, comment: "mesa" },
            "<commit-configuration><log>mesa</log><confirmed/><confirm-timeout>5</confirm-timeout>\
             </commit-configuration>",
        );
        check(&Request::Commit { comment: "" }, "<commit-configuration/>");
        check(
            &Request::Compare,
            r#"<get-configuration compare="rollback" rollback="0" format="text"/>"#,
        );
        check(&Request::CloseSession, "<nc:close-session/>");
        check(&Request::DiscardChanges, "<nc:discard-changes/>");
        check(&Request::LoadPrevious, r#"<load-configuration rollback="1"/>"#);
        check(&Request::Neighbours, "<get-lldp-neighbors-information/>");
        check(&Request::Uptime, "<get-system-uptime-information/>");
        check(
            &Request::Interfaces,
            "<get-interface-information><terse/></get-interface-information>",
        );
    }

    #[test]
    fn lines_go_in_one_request_and_cannot_leave_it() {
        let hostile = r#"set interfaces ge-0/0/7 description "</configuration-set>]]>]]> & co""#;
        let lines = Lines::new(["delete interfaces ge-0/0/7", hostile]).expect("lines");
        let document = Request::Load(&lines).encode(u64::MAX);
        assert!(!document.contains("]]>"), "{document}");
        let rpc = Element::parse(document.as_bytes()).expect("a document");
        let load = rpc.child("load-configuration").expect("one");
        let text = load.text_of("configuration-set").map(ToOwned::to_owned);
        assert_eq!(text, Some(format!("{lines}")));
    }

    #[test]
    fn a_comment_is_one_line() {
        check(
            &Request::Commit { comment: " AP <1>\n\u{1b}[2J & co" },
            "<commit-configuration><log>AP &lt;1&gt; [2J &amp; co</log></commit-configuration>",
        );
    }

    #[test]
    fn our_hello_knows_both_versions() {
        let hello = Element::parse(HELLO.as_bytes()).expect("a document");
        let known = hello.child("capabilities").expect("a list");
        assert_eq!(known.children.len(), 2);
    }
}
