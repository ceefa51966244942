//! Slack's incoming webhooks: docs.slack.dev, "Blocks", "Composition objects", "Formatting message
//! text", "chat.postMessage".

use mistgate_core::chat::slack;
use serde_json::Value;

use super::{Findings, Vendor, join};
use crate::chat::server::{OK, say};
use crate::chat::stand_in::{Card, list, text, unescaped};

const BLOCKS_MAX: usize = 50;
const FALLBACK_MAX: usize = 4_000;
const ID_MAX: usize = 255;
/// The most units of all texts in all blocks (github.com/slackapi/bolt-js/issues/2509:
/// `msg_blocks_too_long`).
const TEXTS_MAX: usize = 12_000;
const URL_MAX: usize = 3_000;

/// Slack as the tests know it.
pub static VENDOR: Vendor = Vendor {
    kind: &slack::KIND,
    product: "Slack",
    colour: "35",
    check,
    taken: OK,
    refused: say(400, "invalid_blocks"),
    read,
};

/// Every fault of the body of a POST to an incoming webhook.
pub fn check(json: &str) -> Vec<String> {
    let mut findings = Findings::default();
    if let Some(document) = findings.document(json) {
        findings.message(&document);
    }
    findings.0
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Either,
    PlainText,
}

impl Findings {
    fn message(&mut self, document: &Value) {
        const KNOWN: [&str; 8] = [
            "text",
            "blocks",
            "attachments",
            "thread_ts",
            "mrkdwn",
            "unfurl_links",
            "unfurl_media",
            "link_names",
        ];
        let Some(members) = self.object("", document, &KNOWN) else {
            return;
        };
        if let Some(text) = self.text("text", members.get("text"), FALLBACK_MAX) {
            self.entities("text", text, is_link);
            let formats = text.contains(['*', '_', '~', '`']) && !members.contains_key("blocks");
            let off = members.get("mrkdwn") == Some(&Value::Bool(false));
            self.expect(!formats || off, "text", "outside text is formatted");
        }
        if members.contains_key("blocks") {
            let blocks = self.list("blocks", members.get("blocks"), BLOCKS_MAX);
            for (nth, block) in blocks.iter().enumerate() {
                self.block(&format!("blocks[{nth}]"), block);
            }
            let ids = blocks.iter().filter_map(|block| block.get("block_id")?.as_str());
            self.unique("blocks", ids);
            let units: usize = blocks.iter().map(units).sum();
            self.expect(units <= TEXTS_MAX, "blocks", format!("{units} characters of text"));
        }
    }

    fn block(&mut self, path: &str, block: &Value) {
        let kind = block.get("type").and_then(Value::as_str).unwrap_or_default();
        let known: &[&str] = match kind {
            "header" => &["type", "block_id", "text"],
            "section" => &["type", "block_id", "text", "fields", "accessory", "expand"],
            "context" | "actions" => &["type", "block_id", "elements"],
            "divider" => &["type", "block_id"],
            _ => return self.say(path, format!("unknown block {kind:?}")),
        };
        let Some(members) = self.object(path, block, known) else {
            return;
        };
        if members.contains_key("block_id") {
            self.text(&join(path, "block_id"), members.get("block_id"), ID_MAX);
        }
        match kind {
            "header" => self.text_object(path, members.get("text"), Kind::PlainText, 150),
            "section" => self.section(path, members),
            "context" => {
                for element in self.list(path, members.get("elements"), 10) {
                    self.text_object(path, Some(element), Kind::Either, 2_000);
                }
            }
            "actions" => self.actions(path, members.get("elements")),
            _ => {}
        }
    }

    fn section(&mut self, path: &str, members: &serde_json::Map<String, Value>) {
        let (text, fields) = (members.get("text"), members.get("fields"));
        self.expect(text.or(fields).is_some(), path, "neither text nor fields");
        if text.is_some() {
            self.text_object(path, text, Kind::Either, 3_000);
        }
        if fields.is_some() {
            for field in self.list(&join(path, "fields"), fields, 10) {
                self.text_object(&join(path, "fields"), Some(field), Kind::Either, 2_000);
            }
        }
    }

    fn actions(&mut self, path: &str, elements: Option<&Value>) {
        const KNOWN: [&str; 7] =
            ["type", "action_id", "text", "url", "value", "style", "accessibility_label"];
        let elements = self.list(path, elements, 25);
        for element in elements {
            let Some(members) = self.object(path, element, &KNOWN) else {
                continue;
            };
            let is_button = members.get("type").and_then(Value::as_str) == Some("button");
            self.expect(is_button, path, "not a button");
            self.text_object(path, members.get("text"), Kind::PlainText, 75);
            self.url(&join(path, "url"), members.get("url"), URL_MAX);
            self.text(&join(path, "action_id"), members.get("action_id"), ID_MAX);
            self.word(path, members, "style", &["primary", "danger"]);
        }
        let ids = elements.iter().filter_map(|element| element.get("action_id")?.as_str());
        self.unique(path, ids);
    }

    fn text_object(&mut self, path: &str, value: Option<&Value>, kind: Kind, max: usize) {
        let Some(value) = value else {
            return self.say(path, "no text object");
        };
        let Some(members) = self.object(path, value, &["type", "text", "emoji", "verbatim"]) else {
            return;
        };
        let text = self.text(&join(path, "text"), members.get("text"), max).unwrap_or_default();
        self.entities(path, text, is_link);
        match members.get("type").and_then(Value::as_str) {
            Some("plain_text") => {
                self.expect(!members.contains_key("verbatim"), path, "verbatim on plain_text");
                let off = members.get("emoji") == Some(&Value::Bool(false));
                self.expect(off, path, ":codes: in names become emoji");
            }
            Some("mrkdwn") => {
                self.expect(kind == Kind::Either, path, "mrkdwn where only plain_text may be");
                self.expect(!members.contains_key("emoji"), path, "emoji on mrkdwn");
                let on = members.get("verbatim") == Some(&Value::Bool(true));
                self.expect(on, path, "#channels and URLs in names become links");
                self.expect(!formats(text), path, "outside text is formatted");
            }
            other => self.say(path, format!("text object of type {other:?}")),
        }
    }
}

/// Whether a `mrkdwn` text has any format except that of a bold label, or of one listing between
/// fences.
fn formats(text: &str) -> bool {
    const LIVE: [char; 4] = ['*', '_', '~', '`'];
    let fenced = text.strip_prefix("```\n").and_then(|rest| rest.strip_suffix("\n```"));
    let bold = text.strip_prefix('*').and_then(|rest| rest.strip_suffix('*'));
    match (fenced, bold) {
        (Some(lines), _) => lines.contains('`'),
        (None, Some(label)) => label.contains(LIVE),
        (None, None) => text.contains(LIVE),
    }
}

/// Whether the text between `<` and `>` is a link. Mentions and dates are control sequences.
fn is_link(inner: &str) -> bool {
    inner.split('|').next().is_some_and(|url| url.starts_with("https://"))
}

/// The length of all texts under `value`.
fn units(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(units).sum(),
        Value::Object(members) => members
            .iter()
            .map(|(name, member)| match member {
                Value::String(text) if name == "text" => text.encode_utf16().count(),
                Value::Array(_) | Value::Object(_) => units(member),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
            })
            .sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

/// Reads a message as people see it.
fn read(card: &mut Card, message: &Value) {
    let literal = |of: &Value, pointer: &str| unescaped(&text(of, pointer));
    for block in list(message, "/blocks") {
        match text(block, "/type").as_str() {
            "header" => card.title = literal(block, "/text/text"),
            "section" => {
                let paragraph = literal(block, "/text/text");
                let lines = paragraph.strip_prefix("```\n");
                if let Some(lines) = lines.and_then(|lines| lines.strip_suffix("\n```")) {
                    card.lists(lines.lines().map(str::to_owned));
                } else if text(block, "/text/type") == "mrkdwn" {
                    card.paragraphs.push(paragraph.trim_matches('*').to_owned());
                } else {
                    card.paragraphs.extend((!paragraph.is_empty()).then_some(paragraph));
                }
                for pair in list(block, "/fields").chunks(2) {
                    if let [label, value] = pair {
                        let label = literal(label, "/text");
                        let label = label.trim_matches('*').to_owned();
                        card.facts.push((label, literal(value, "/text")));
                    }
                }
            }
            "actions" => {
                let buttons = list(block, "/elements").iter();
                card.buttons
                    .extend(buttons.map(|of| (literal(of, "/text/text"), text(of, "/url"))));
            }
            "context" => {
                let notes = list(block, "/elements").iter();
                card.notes.extend(notes.map(|of| literal(of, "/text")));
            }
            _ => {}
        }
    }
}
