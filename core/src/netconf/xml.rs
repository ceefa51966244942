//! XML as far as NETCONF needs it: reading a reply into a small tree, and escaping the texts of a
//! request.
//!
//! Reading is lenient where switches were seen to err, and strict elsewhere. Names are compared
//! without prefixes, because only `rfc-compliant` Junos uses one. An element that is never closed
//! ends with its parent: several Junos releases leave `<routing-engine>` open in the reply to a
//! commit that succeeded. Comments, declarations and processing instructions are skipped; a
//! document type is refused.

use alloc::{borrow::Cow, borrow::ToOwned, string::String, vec::Vec};

use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::{Reader, escape::resolve_predefined_entity};

/// How deep elements may be nested.
pub const DEPTH_MAX: usize = 64;
/// How many elements a document may have: several times what the largest virtual chassis sends
/// about all its interfaces.
pub const ELEMENTS_MAX: usize = 100_000;
/// The white space of XML 1.0 §2.3; any other belongs to the text.
const BLANKS: [char; 4] = [' ', '\t', '\r', '\n'];

/// Why bytes cannot be read as a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("the XML has a document type, which NETCONF forbids")]
    Doctype,
    /// There is no element, for example only a comment.
    #[error("expected an XML element, got none")]
    Empty,
    /// The bytes at this offset of the message are not XML.
    #[error("expected XML, got something else at byte {at}")]
    Malformed { at: u64 },
    /// Elements are nested more than [`DEPTH_MAX`] deep.
    #[error("the XML is more than {DEPTH_MAX} elements deep")]
    TooDeep,
    /// There are more than [`ELEMENTS_MAX`] elements.
    #[error("the XML has more than {ELEMENTS_MAX} elements")]
    TooMany,
    /// The document ends before its first element is closed.
    #[error("the XML ends before its first element is closed")]
    Truncated,
}

/// An element with its text and its children.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Element {
    /// The name without its prefix.
    pub name: String,
    /// The attribute `message-id`.
    pub message_id: Option<String>,
    /// The attribute `seconds`, with any prefix: a time of day of Junos, in seconds since 1970.
    pub seconds: Option<u64>,
    /// All text directly in the element, joined, without white space around it.
    pub text: String,
    pub children: Vec<Self>,
}

impl Element {
    /// Reads the first element of a document. Bytes that are not UTF-8 become replacement
    /// characters, so that a neighbour's strange name does not cost us the whole reply.
    pub fn parse(document: &[u8]) -> Result<Self, Error> {
        let document = String::from_utf8_lossy(document);
        let mut reader = Reader::from_str(&document);
        reader.config_mut().check_end_names = false;
        reader.config_mut().allow_unmatched_ends = true;
        let mut open = Open::default();
        loop {
            let event = reader.read_event();
            let malformed = Error::Malformed { at: reader.error_position() };
            match event.map_err(|_| malformed)? {
                Event::Start(start) => open.start(&start)?,
                Event::Empty(start) => {
                    open.start(&start)?;
                    open.end(start.local_name().as_ref());
                }
                Event::End(end) if open.end(end.local_name().as_ref()) => {}
                Event::End(_) => return Err(malformed),
                Event::Text(text) => open.text(&text),
                Event::CData(text) => open.text(&text),
                Event::GeneralRef(reference) => {
                    open.text(&resolved(&reference).ok_or(malformed)?);
                }
                Event::DocType(_) => return Err(Error::Doctype),
                Event::Eof if open.is_empty() => return Err(Error::Empty),
                Event::Eof => return Err(Error::Truncated),
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            }
            if let Some(root) = open.root.take() {
                return Ok(root);
            }
        }
    }

    /// The first child of this name.
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The text of the first child of this name.
    pub fn text_of(&self, name: &str) -> Option<&str> {
        self.child(name).map(|child| child.text.as_str())
    }

    /// This element and all elements in it, in the order of the document.
    pub fn descendants(&self) -> impl Iterator<Item = &Self> {
        let mut next = alloc::vec![self];
        core::iter::from_fn(move || {
            let element = next.pop()?;
            next.extend(element.children.iter().rev());
            Some(element)
        })
    }
}

/// Whether a document may contain this character (XML 1.0 §2.2). Line ends and tabs are allowed.
pub const fn is_carried(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// A text, escaped to stand between tags.
pub fn escape(text: &str) -> Cow<'_, str> {
    quick_xml::escape::partial_escape(text)
}

/// The elements that are not closed yet, and the first one when it is.
#[derive(Debug, Default)]
struct Open {
    elements: Vec<Element>,
    count: usize,
    root: Option<Element>,
}

impl Open {
    const fn is_empty(&self) -> bool {
        self.elements.is_empty()
    }

    fn start(&mut self, start: &BytesStart<'_>) -> Result<(), Error> {
        self.count += 1;
        if self.count > ELEMENTS_MAX {
            return Err(Error::TooMany);
        }
        if self.elements.len() >= DEPTH_MAX {
            return Err(Error::TooDeep);
        }
        let attribute = |name: &str| {
            let mut attributes = start.attributes().filter_map(Result::ok);
            let found = attributes.find(|found| found.key.local_name().as_ref() == name);
            found.map(|found| found.value.into_owned())
        };
        self.elements.push(Element {
            name: start.local_name().as_ref().to_owned(),
            message_id: attribute("message-id"),
            seconds: attribute("seconds").and_then(|seconds| seconds.parse().ok()),
            ..Element::default()
        });
        Ok(())
    }

    /// Closes the innermost element of this name and all that were left open in it. False if there
    /// is none.
    fn end(&mut self, name: &str) -> bool {
        let Some(at) = self.elements.iter().rposition(|element| element.name == name) else {
            return false;
        };
        while self.elements.len() > at {
            let Some(mut element) = self.elements.pop() else { break };
            element.text = element.text.trim_matches(BLANKS).to_owned();
            match self.elements.last_mut() {
                Some(parent) => parent.children.push(element),
                None => self.root = Some(element),
            }
        }
        true
    }

    /// Adds a text. Text outside of all elements, such as a login banner, is skipped.
    fn text(&mut self, text: &str) {
        if let Some(element) = self.elements.last_mut() {
            element.text.push_str(text);
        }
    }
}

/// The text that a reference stands for; `None` if it is not predefined. A number that is no
/// character becomes the replacement character.
fn resolved(reference: &BytesRef<'_>) -> Option<Cow<'static, str>> {
    if reference.is_char_ref() {
        let c = reference.resolve_char_ref().ok().flatten().unwrap_or(char::REPLACEMENT_CHARACTER);
        return Some(Cow::Owned(String::from(c)));
    }
    resolve_predefined_entity(reference).map(Cow::Borrowed)
}

#[cfg(test)]
mod tests {
    use alloc::{format, vec::Vec};

    use super::*;

    fn parse(document: &str) -> Result<Element, Error> {
        Element::parse(document.as_bytes())
    }

    #[test]
    fn names_lose_their_prefix_and_texts_their_white_space() {
        let document = "<?xml version=\"1.0\"?>\n<!-- hi --><nc:a xmlns:nc='u' message-id='7'>\n\
                        <b>\n x &lt;&#62;<!-- c --> &amp; <![CDATA[<y>]]>\n</b><nc:c/></nc:a>";
        let root = parse(document).expect("a document");
        assert_eq!((root.name.as_str(), root.message_id.as_deref()), ("a", Some("7")));
        assert_eq!(root.text_of("b"), Some("x <> & <y>"));
        assert!(root.child("c").is_some() && root.child("d").is_none());
        let names: Vec<_> = root.descendants().map(|element| element.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "c"]);
    }

    #[test]
    fn what_is_left_open_ends_with_its_parent() {
        let root = parse("<r><e><n>fpc0</n><s/><ok/></r>").expect("a document");
        let open = root.child("e").expect("the open element");
        assert_eq!((root.children.len(), open.children.len()), (1, 3));
    }

    #[test]
    fn what_is_no_document_is_refused() {
        assert_eq!(parse(""), Err(Error::Empty));
        assert_eq!(parse("<!-- session end -->\n"), Err(Error::Empty));
        assert_eq!(parse("<a><b></b>"), Err(Error::Truncated));
        assert_eq!(parse("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"), Err(Error::Doctype));
        for broken in ["<a>&b;</a>", "</a><b/>", "<a></b></a>", "<a", "<a><b", "<!-- x"] {
            assert!(matches!(parse(broken), Err(Error::Malformed { .. })), "{broken}");
        }
    }

    #[test]
    fn a_document_has_bounds() {
        let nested = |depth| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
        assert!(parse(&nested(DEPTH_MAX)).is_ok());
        assert_eq!(parse(&nested(DEPTH_MAX + 1)), Err(Error::TooDeep));
        let many = |count| format!("<a>{}</a>", "<b/>".repeat(count));
        assert!(parse(&many(ELEMENTS_MAX - 1)).is_ok());
        assert_eq!(parse(&many(ELEMENTS_MAX)), Err(Error::TooMany));
    }

    #[test]
    fn a_neighbour_with_a_strange_name_costs_nothing() {
        let root = Element::parse(b"<a>AP \xff\x01&#1;&#0;</a>").expect("a document");
        assert_eq!(root.text, "AP \u{fffd}\u{1}\u{1}\u{fffd}");
    }

    #[test]
    fn what_is_escaped_is_read_again() {
        let text = "a <b> & \"c\" 'd' ]]>]]> é";
        let escaped = escape(text);
        assert!(!escaped.contains(['<', '>']));
        assert_eq!(parse(&format!("<t>{escaped}</t>")).map(|t| t.text), Ok(text.into()));
    }

    #[test]
    fn xml_carries_no_control_characters() {
        assert!(['\t', '\n', 'é', '\u{1f600}'].into_iter().all(is_carried));
        assert!(!['\0', '\u{1b}', '\u{fffe}', '\u{ffff}'].into_iter().any(is_carried));
    }
}
