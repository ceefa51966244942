//! Stand-ins for the three chats. They answer a post as the product would by its published limits,
//! and read it as a person would see it.

use serde_json::Value;

use crate::base::http::Message;
use crate::chat::limits::Vendor;
use crate::chat::server::Answer;

/// The product's answer, and every fault for which it refuses the post.
pub fn judge(vendor: &Vendor, request: &Message) -> (Answer, Vec<String>) {
    let mut faults = (vendor.check)(&request.body);
    let json = |kind: &str| kind.starts_with("application/json");
    if !request.header("content-type").is_some_and(json) {
        faults.push("content-type: not application/json".to_owned());
    }
    (if faults.is_empty() { vendor.taken } else { vendor.refused }, faults)
}

/// What a reader sees of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Card {
    /// The headline. A coloured disc in it stands for the card's colour.
    pub title: String,
    pub paragraphs: Vec<String>,
    /// Labels and values.
    pub facts: Vec<(String, String)>,
    /// The label of a listing, and its lines.
    pub listing: Option<(String, Vec<String>)>,
    /// The label of each button, and its URL.
    pub buttons: Vec<(String, String)>,
    /// The texts in small print.
    pub notes: Vec<String>,
}

impl Card {
    /// Reads the body of a post. Leaves out what it does not understand.
    pub fn read(vendor: &Vendor, body: &str) -> Self {
        let message = serde_json::from_str(body).unwrap_or_default();
        let mut card = Self::default();
        (vendor.read)(&mut card, &message);
        // The plain forms are lines of text.
        let plain = unescaped(&text(&message, "/text"));
        if card == Self::default() && !plain.is_empty() {
            let mut lines = plain.lines().map(str::to_owned);
            card.title = lines.next().unwrap_or_default();
            card.paragraphs.extend(lines);
        }
        card
    }

    /// Makes these lines the listing, with the last paragraph as its label.
    pub(super) fn lists(&mut self, lines: impl Iterator<Item = String>) {
        let label = self.paragraphs.pop().unwrap_or_default();
        let lines = lines.map(|line| line.replace('\u{a0}', " ")).collect();
        self.listing = Some((label, lines));
    }
}

pub(super) fn list<'v>(value: &'v Value, pointer: &str) -> &'v [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

pub(super) fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Decodes the three entities of Slack and of Google's texts.
pub(super) fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}
