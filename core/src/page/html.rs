//! HTML that cannot be written unbalanced or unescaped.

use alloc::string::String;

use crate::base::text::is_bidi_control;

/// Names and values of attributes. One with an empty value is left out.
pub(super) type Attributes<'a> = &'a [(&'static str, &'a str)];

/// A piece of a page.
#[derive(Default)]
pub(super) struct Html(pub(super) String);

impl Html {
    /// An element, and what is in it.
    pub(super) fn element(
        &mut self,
        tag: &'static str,
        attributes: Attributes<'_>,
        inside: impl FnOnce(&mut Self),
    ) {
        self.open(tag, attributes);
        inside(self);
        self.close(tag);
    }

    /// An element with nothing but text.
    pub(super) fn leaf(&mut self, tag: &'static str, attributes: Attributes<'_>, text: &str) {
        self.open(tag, attributes);
        self.text(text);
        self.close(tag);
    }

    /// An element that has no end tag in HTML, such as `input`. It is written as in XML, so that
    /// any parser of that can tell whether a page is balanced.
    pub(super) fn void(&mut self, tag: &'static str, attributes: Attributes<'_>) {
        self.open(tag, attributes);
        self.0.pop();
        self.push(&["/>"]);
    }

    fn open(&mut self, tag: &'static str, attributes: Attributes<'_>) {
        self.push(&["<", tag]);
        for (name, value) in attributes.iter().filter(|(_, value)| !value.is_empty()) {
            self.push(&[" ", name, "=\""]);
            self.text(value);
            self.push(&["\""]);
        }
        self.push(&[">"]);
    }

    fn close(&mut self, tag: &'static str) {
        self.push(&["</", tag, ">"]);
    }

    /// Text from anywhere, also between the quotes of an attribute.
    pub(super) fn text(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '&' => self.push(&["&amp;"]),
                '<' => self.push(&["&lt;"]),
                '>' => self.push(&["&gt;"]),
                '"' => self.push(&["&quot;"]),
                c if c.is_control() || is_bidi_control(c) => self.0.push(' '),
                c => self.0.push(c),
            }
        }
    }

    fn push(&mut self, pieces: &[&str]) {
        pieces.iter().for_each(|piece| self.0.push_str(piece));
    }
}
