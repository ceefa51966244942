//! The messages of a switch: its hello and its replies.

use alloc::vec::Vec;

use super::error::{RpcError, errors_and_warnings};
use crate::netconf::{framing::Framing, xml, xml::Element};

/// NETCONF 1.1 (RFC 6241 §8.1).
const BASE_1_1: &str = "urn:ietf:params:netconf:base:1.1";
/// NETCONF 1.0: the standard's name, and the one of Junos up to 12.x.
const BASE_1_0: [&str; 2] =
    ["urn:ietf:params:netconf:base:1.0", "urn:ietf:params:xml:ns:netconf:base:1.0"];

/// Why a message cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("the hello offers neither NETCONF 1.0 nor 1.1")]
    Version,
    #[error(transparent)]
    Xml(xml::Error),
}

/// A message of a switch, told apart by its outermost element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Its hello, and how messages are framed from the next one on.
    Hello(Framing),
    /// A notification, or the comment with which Junos ends a session.
    Other,
    Reply(Reply),
}

/// A reply, with what can be said of it without knowing the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The request that it answers; `None` if there is no id, or none that is a number.
    pub message_id: Option<u64>,
    pub errors: Vec<RpcError>,
    pub warnings: Vec<RpcError>,
    /// Whether it reports success anywhere, which Junos does even beside errors.
    pub is_ok: bool,
    /// The whole reply.
    pub content: Element,
}

/// What a reply means for the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Done,
    /// There are errors and no success.
    Refused,
    /// There is success beside errors, or neither.
    Unclear,
}

impl Message {
    /// Reads a message.
    pub fn parse(message: &[u8]) -> Result<Self, Error> {
        let content = match Element::parse(message) {
            Ok(content) => content,
            Err(xml::Error::Empty) => return Ok(Self::Other),
            Err(error) => return Err(Error::Xml(error)),
        };
        match content.name.as_str() {
            "hello" => framing(&content).map(Self::Hello),
            "rpc-reply" => Ok(Self::Reply(Reply::new(content))),
            _ => Ok(Self::Other),
        }
    }
}

/// What a hello offers, the newer framing first.
fn framing(hello: &Element) -> Result<Framing, Error> {
    let capabilities = hello.child("capabilities").map_or(&[][..], |list| &list.children);
    let offers = |uri: &str| capabilities.iter().any(|offered| offered.text == uri);
    if offers(BASE_1_1) {
        Ok(Framing::Chunked)
    } else if BASE_1_0.into_iter().any(offers) {
        Ok(Framing::EndOfMessage)
    } else {
        Err(Error::Version)
    }
}

impl Reply {
    fn new(content: Element) -> Self {
        let (errors, warnings) = errors_and_warnings(&content);
        let is_success = |element: &Element| {
            let names = ["ok", "commit-success", "commit-check-success", "load-success"];
            names.contains(&element.name.as_str())
        };
        let message_id = content.message_id.as_deref().and_then(|id| id.parse().ok());
        let is_ok = content.descendants().any(is_success);
        Self { message_id, errors, warnings, is_ok, content }
    }

    /// What it means as the reply to a load or a commit.
    pub const fn verdict(&self) -> Verdict {
        match (self.errors.is_empty(), self.is_ok) {
            (true, true) => Verdict::Done,
            (false, false) => Verdict::Refused,
            (false, true) | (true, false) => Verdict::Unclear,
        }
    }

    /// What it means as the reply to a lock or an unlock: when that is done, the reply of Junos is
    /// empty.
    pub const fn verdict_or_silence(&self) -> Verdict {
        if self.errors.is_empty() && self.content.children.is_empty() {
            return Verdict::Done;
        }
        self.verdict()
    }

    /// The difference in the reply to a comparison, empty if there is none. `None` if this is not
    /// such a reply.
    pub fn difference(&self) -> Option<&str> {
        let content = || self.content.descendants();
        let output = content().find(|element| element.name == "configuration-output");
        match output {
            Some(output) => Some(output.text.as_str()),
            None => content().any(|e| e.name == "configuration-information").then_some(""),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::{borrow::ToOwned, format, string::ToString};

    use super::*;
    use crate::netconf::rpc::error::Holder;

    /// An answer with this in it, in both ways of writing one.
    fn replies(body: &str) -> [Reply; 2] {
        let plain = format!(
            "<rpc-reply xmlns=\"urn:ietf:params:xml:ns:netconf:base:1.0\" \
             xmlns:junos=\"http://xml.juniper.net/junos/22.2R0/junos\" message-id=\"7\">\n{body}\n\
             </rpc-reply>\n"
        );
        let mut prefixed = body.to_owned();
        for name in ["ok", "rpc-error", "error-", "load-error-count"] {
            prefixed = prefixed.replace(&format!("<{name}"), &format!("<nc:{name}"));
            prefixed = prefixed.replace(&format!("</{name}"), &format!("</nc:{name}"));
        }
        let prefixed = format!(
            "<nc:rpc-reply xmlns:nc=\"urn:ietf:params:xml:ns:netconf:base:1.0\" message-id=\"7\">\
             {prefixed}</nc:rpc-reply>"
        );
        [plain, prefixed].map(|document| match Message::parse(document.as_bytes()) {
            Ok(Message::Reply(reply)) => {
                assert_eq!(reply.message_id, Some(7));
                reply
            }
            other => panic!("{other:?}: {document}"),
        })
    }

    #[track_caller]
    fn check(body: &str, verdict: Verdict, errors: &[&str], warnings: &[&str]) {
        for reply in replies(body) {
            let said = |list: &[RpcError]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
            assert_eq!(reply.verdict(), verdict, "{body}");
            assert_eq!(said(&reply.errors), errors, "{body}");
            assert_eq!(said(&reply.warnings), warnings, "{body}");
        }
    }

    const WARNING: &str = "<rpc-error>\n<error-severity>warning</error-severity>\n<error-message>\n\
                           statement not found\n</error-message>\n</rpc-error>";

    #[test]
    fn a_load_is_done_with_warnings_and_refused_with_errors() {
        let results = |inside: &str| {
            format!("<load-configuration-results>{inside}</load-configuration-results>")
        };
        check(&results("\n<ok/>\n"), Verdict::Done, &[], &[]);
        check(&results("<load-success/>"), Verdict::Done, &[], &[]);
        let warned = results(&format!("{WARNING}{WARNING}<ok/>"));
        check(&warned, Verdict::Done, &[], &["statement not found"; 2]);
        let error = "<rpc-error><error-type>protocol</error-type>\
                     <error-tag>operation-failed</error-tag><error-severity>error</error-severity>\
                     <error-message>\nsyntax error\n</error-message><error-info>\
                     <bad-element>lldp</bad-element></error-info></rpc-error>";
        let syntax = ["syntax error (at \"lldp\")"];
        let refused = results(&format!("{error}<load-error-count>1</load-error-count>"));
        check(&refused, Verdict::Refused, &syntax, &[]);
        // vSRX 15.1X49 says ok behind its errors.
        check(&results(&format!("{error}<ok/>")), Verdict::Unclear, &syntax, &[]);
        check(&results("<load-error-count>1</load-error-count>"), Verdict::Unclear, &[], &[]);
    }

    #[test]
    fn a_commit_is_done_in_every_shape() {
        let engine = "<routing-engine junos:style=\"normal\"><name>fpc0</name><commit-success/>\
                      </routing-engine>";
        for body in [
            "<ok/>".to_owned(),
            "<commit-results>\n</commit-results><ok/>".to_owned(),
            format!("<commit-results>{engine}{engine}</commit-results><ok/>"),
            "<commit-results><routing-engine><name>re0</name><commit-check-success/>\
             </routing-engine></commit-results>"
                .to_owned(),
            // EX4300 12.1X46, EX2300 23.2 and others never close it.
            "<routing-engine junos:style=\"show-name\">\n<name>fpc0</name>\n<commit-success/>\n<ok/>"
                .to_owned(),
        ] {
            check(&body, Verdict::Done, &[], &[]);
        }
        let license = "<rpc-error><error-severity>warning</error-severity><error-path>[edit protocols]\
                       </error-path><error-message>mgd: requires 'mpls' license</error-message>\
                       <error-info><bad-element>mpls</bad-element></error-info></rpc-error>";
        let said = ["mgd: requires 'mpls' license (at \"mpls\", [edit protocols])"];
        check(&format!("{license}<ok/>"), Verdict::Done, &[], &said);
        let results = format!("<commit-results>{license}</commit-results><ok/>");
        check(&results, Verdict::Done, &[], &said);
    }

    #[test]
    fn a_commit_that_failed_says_where() {
        let body = "<commit-results><rpc-error><error-type>application</error-type>\
                    <error-tag>invalid-value</error-tag><error-severity>error</error-severity>\
                    <source-daemon>\ndcd\n</source-daemon><error-path>[edit interfaces ge-0/0/1]\
                    </error-path><error-message>\nOnly unit 0 is valid\n for this encapsulation\n\
                    </error-message><error-info><bad-element>unit 2</bad-element></error-info>\
                    </rpc-error><rpc-error><error-severity>error</error-severity><error-message>\
                    configuration check-out failed</error-message></rpc-error></commit-results>";
        let errors = [
            "Only unit 0 is valid for this encapsulation (at \"unit 2\", [edit interfaces ge-0/0/1])",
            "configuration check-out failed",
        ];
        check(body, Verdict::Refused, &errors, &[]);
        // Older ones put the errors straight into the answer.
        let older = body.replace("<commit-results>", "").replace("</commit-results>", "");
        check(&older, Verdict::Refused, &errors, &[]);
        // One member committed, the other did not.
        let half = "<commit-results><routing-engine><name>fpc0</name><commit-success/>\
                    </routing-engine><routing-engine><name>fpc1</name><rpc-error>\
                    <error-message>no space left</error-message></rpc-error></routing-engine>\
                    </commit-results>";
        check(half, Verdict::Unclear, &["no space left"], &[]);
    }

    #[test]
    fn a_lock_that_is_denied_names_its_holder() {
        let denied = "<rpc-error><error-type>protocol</error-type><error-tag>lock-denied</error-tag>\
                      <error-severity>error</error-severity><error-message>\n\
                      configuration database locked by:\n  ansible terminal  (pid 50198) on since \
                      2017-07-27 01:21:33 UTC, idle 01:00:51\n      exclusive \n</error-message>\
                      <error-info><session-id>50198</session-id></error-info></rpc-error>";
        let name = "ansible terminal (pid 50198) on since 2017-07-27 01:21:33 UTC, idle 01:00:51 \
                    exclusive";
        let older = "<rpc-error><error-severity>error</error-severity><error-message>configuration \
                     database locked by: root</error-message></rpc-error>";
        let modified = older.replace("locked by: root", "modified");
        let session = |name: &str, id| Some(Holder::Session { name: name.to_owned(), id });
        for (body, holder) in [
            (denied, session(name, Some(50_198))),
            (older, session("root", None)),
            (&modified, Some(Holder::Uncommitted)),
            (&older.replace("configuration database locked by: root", "permission denied"), None),
        ] {
            for reply in replies(body) {
                assert_eq!(reply.verdict_or_silence(), Verdict::Refused);
                assert_eq!(Holder::of(&reply.errors), holder);
            }
        }
    }

    #[test]
    fn silence_is_consent_to_a_lock_and_to_nothing_else() {
        for reply in replies("\n") {
            assert_eq!(reply.verdict_or_silence(), Verdict::Done);
            assert_eq!(reply.verdict(), Verdict::Unclear);
        }
        for reply in replies("<ok/>") {
            assert_eq!(reply.verdict_or_silence(), Verdict::Done);
        }
        for reply in replies("<something/>") {
            assert_eq!(reply.verdict_or_silence(), Verdict::Unclear);
        }
    }

    #[test]
    fn a_difference_is_a_text_or_nothing() {
        let difference =
            |body: &str| replies(body).map(|reply| reply.difference().map(str::to_owned));
        let output = |text: &str| {
            format!(
                "<configuration-information><configuration-output>{text}</configuration-output>\
                 </configuration-information>"
            )
        };
        let some = |text: &str| [Some(text.to_owned()), Some(text.to_owned())];
        assert_eq!(difference(&output("\n[edit]\n+  a \"&lt;\";\n")), some("[edit]\n+  a \"<\";"));
        assert_eq!(difference(&output("\n")), some(""));
        assert_eq!(difference("<configuration-information/>"), some(""));
        assert_eq!(difference("<ok/>"), [None, None]);
    }

    #[test]
    fn a_hello_decides_the_framing() {
        let hello = |name: &str, uris: &[&str]| {
            let list: Vec<_> =
                uris.iter().map(|uri| format!("<capability>\n{uri}\n</capability>")).collect();
            let text = format!(
                "<!-- No zombies were killed during the creation of this user interface -->\n\
                 <{name}><capabilities>{}</capabilities><session-id>30566</session-id></{name}>",
                list.concat()
            );
            Message::parse(text.as_bytes())
        };
        let answer = |framing| Ok(Message::Hello(framing));
        let junos = "http://xml.juniper.net/netconf/junos/1.0";
        let [new, old] = BASE_1_0;
        assert_eq!(hello("hello", &[old, junos]), answer(Framing::EndOfMessage));
        assert_eq!(hello("nc:hello", &[new]), answer(Framing::EndOfMessage));
        assert_eq!(hello("nc:hello", &[new, BASE_1_1]), answer(Framing::Chunked));
        assert_eq!(hello("hello", &[junos]), Err(Error::Version));
        assert_eq!(hello("hello", &[]), Err(Error::Version));
    }

    #[test]
    fn what_is_neither_is_passed_over() {
        for text in ["<!-- session end at 2026-11-22 -->\n", "<notification/>", "\n"] {
            assert_eq!(Message::parse(text.as_bytes()), Ok(Message::Other));
        }
        assert_eq!(Message::parse(b"<rpc-reply>"), Err(Error::Xml(xml::Error::Truncated)));
    }
}
