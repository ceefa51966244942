//! The client's XML, parsed without the code under test.

use quick_xml::{Reader, events::Event};

/// An element: attributes, trimmed text, children.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// The name without its prefix.
    pub name: String,
    /// All attributes in order, namespace declarations included.
    pub attributes: Vec<(String, String)>,
    /// The text directly in it.
    pub text: String,
    /// The elements directly in it.
    pub children: Vec<Self>,
}

impl Node {
    /// Parses a document. `None` if it is not well-formed.
    pub fn parse(document: &str) -> Option<Self> {
        let mut reader = Reader::from_str(document);
        let mut open = vec![Self::default()];
        loop {
            match reader.read_event().ok()? {
                Event::Start(start) => open.push(Self::started(&start)?),
                Event::Empty(start) => {
                    let node = Self::started(&start)?;
                    open.last_mut()?.children.push(node);
                }
                Event::End(_) => {
                    let mut node = open.pop()?;
                    node.text = node.text.trim().to_owned();
                    open.last_mut()?.children.push(node);
                }
                Event::Text(text) => open.last_mut()?.text.push_str(&text),
                Event::CData(text) => open.last_mut()?.text.push_str(&text),
                Event::GeneralRef(reference) => {
                    let c = reference.resolve_char_ref().ok()?.map(String::from);
                    let named = || quick_xml::escape::resolve_predefined_entity(&reference);
                    let text = c.or_else(|| named().map(str::to_owned))?;
                    open.last_mut()?.text.push_str(&text);
                }
                Event::DocType(_) => return None,
                Event::Eof => break,
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            }
        }
        let mut outside = open.pop().filter(|_| open.is_empty())?;
        if outside.children.len() == 1 { outside.children.pop() } else { None }
    }

    /// The first child of this name.
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The value of an attribute.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    fn started(start: &quick_xml::events::BytesStart<'_>) -> Option<Self> {
        let mut attributes = Vec::new();
        for attribute in start.attributes() {
            let attribute = attribute.ok()?;
            attributes.push((attribute.key.as_ref().to_owned(), attribute.value.into_owned()));
        }
        let name = start.local_name().as_ref().to_owned();
        Some(Self { name, attributes, ..Self::default() })
    }
}
