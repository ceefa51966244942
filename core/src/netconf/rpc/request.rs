//! Our requests to a switch, as XML.

use alloc::{format, string::String, vec::Vec};
use core::num::NonZeroU16;

use crate::{base::text::one_line, netconf::lines::Lines, netconf::xml::escape};

/// Our side of the capability exchange (RFC 6241 §8.1): both versions of NETCONF and nothing else.
/// The server's list decides which one is spoken.
pub const HELLO: &str = concat!(
    r#"<?xml version="1.0" encoding="UTF-8"?>"#,
    r#"<nc:hello xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0"><nc:capabilities>"#,
    "<nc:capability>urn:ietf:params:netconf:base:1.0</nc:capability>",
    "<nc:capability>urn:ietf:params:netconf:base:1.1</nc:capability>",
    "</nc:capabilities></nc:hello>"
);

/// In characters; Junos keeps a few hundred.
const COMMENT_MAX: usize = 500;

/// A question about the state of a switch, which changes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    /// These hierarchies of what is committed, as set lines; with what ports inherit from groups
    /// and interface ranges in the place of these, or without.
    Configuration { hierarchies: Vec<String>, inherits: bool },
    /// Who committed when, and what waits to be confirmed.
    Commits,
    /// The state of all interfaces.
    Interfaces,
    /// The LLDP neighbours of all interfaces.
    Neighbours,
    /// The switch's clock, and since when it runs.
    Uptime,
}

/// A request, without its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request<'a> {
    /// End the session. Its reply is the last one.
    CloseSession,
    /// Commit the candidate. This also confirms a commit that waits for it, even when the candidate
    /// has nothing new. The comment goes into the commit history.
    Commit { comment: &'a str },
    /// Check whether the candidate could be committed. This too confirms a commit that waits for
    /// it.
    CommitCheck,
    /// Commit the candidate, to be undone after so many minutes unless it is confirmed. The
    /// standard's own RPC counts seconds.
    CommitConfirmed { minutes: NonZeroU16, comment: &'a str },
    /// Show the difference between the candidate and the running configuration.
    Compare,
    /// Make the candidate what is running.
    DiscardChanges,
    /// Show a part of the switch's state.
    Ask(&'a Query),
    /// Load all lines into the candidate at once (Junos 11.4 and later).
    Load(&'a Lines),
    /// Load into the candidate what was running before the last commit.
    LoadPrevious,
    /// Keep others from changing the candidate.
    Lock,
    /// Let others change the candidate again, and discard what was not committed.
    Unlock,
}

impl Request<'_> {
    /// The request as a document; the reply repeats `message_id`.
    pub fn encode(&self, message_id: u64) -> String {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
             <nc:rpc xmlns:nc=\"urn:ietf:params:xml:ns:netconf:base:1.0\" \
             message-id=\"{message_id}\">{}</nc:rpc>",
            self.body()
        )
    }

    /// Whether the switch goes through its whole configuration, which takes it long.
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
            Self::Ask(Query::Commits) => "<get-commit-information/>".into(),
            Self::Ask(Query::Configuration { hierarchies, inherits }) => {
                let inherit = if *inherits { " inherit=\"inherit\"" } else { "" };
                let tags: String = hierarchies.iter().map(|name| format!("<{name}/>")).collect();
                format!(
                    "<get-configuration database=\"committed\" format=\"set\"{inherit}>\
                     <configuration>{tags}</configuration></get-configuration>"
                )
            }
            Self::Ask(Query::Interfaces) => {
                "<get-interface-information><terse/></get-interface-information>".into()
            }
            Self::Ask(Query::Neighbours) => "<get-lldp-neighbors-information/>".into(),
            Self::Ask(Query::Uptime) => "<get-system-uptime-information/>".into(),
            Self::Load(lines) => format!(
                "<load-configuration format=\"text\" action=\"set\"><configuration-set>{}\
                 </configuration-set></load-configuration>",
                escape(&format!("{lines}"))
            ),
            Self::LoadPrevious => r#"<load-configuration rollback="1"/>"#.into(),
            Self::Lock => "<lock-configuration/>".into(),
            Self::Unlock => "<unlock-configuration/>".into(),
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
        check(&Request::Ask(&Query::Commits), "<get-commit-information/>");
        check(&Request::Ask(&Query::Uptime), "<get-system-uptime-information/>");
        check(&Request::Ask(&Query::Neighbours), "<get-lldp-neighbors-information/>");
        check(
            &Request::Ask(&Query::Interfaces),
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
