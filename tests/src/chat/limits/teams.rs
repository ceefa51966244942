//! Microsoft Teams: Workflows and their Adaptive Cards (learn.microsoft.com, "Create Incoming
//! Webhooks", "Format cards in Teams"; adaptivecards.io, "Schema explorer"), and MessageCards
//! ("Legacy actionable message card reference").

use mistgate_core::chat::teams;
use serde_json::{Map, Value};

use super::{Findings, Vendor, join, markdown};
use crate::chat::server::say;
use crate::chat::stand_in::{Card, list, text};

/// 24,453 bytes were refused as 28,897 of the 28,672 that Teams stores
/// (github.com/MicrosoftDocs/msteams-docs/issues/11274).
const BODY_MAX: usize = 24_000;
const TEXT_MAX: usize = BODY_MAX;
const URL_MAX: usize = 2_048;

/// Microsoft Teams as the tests know it.
pub static VENDOR: Vendor = Vendor {
    kind: &teams::KIND,
    product: "Microsoft Teams",
    colour: "34",
    check,
    taken: say(202, ""),
    refused: say(400, "{\"error\":{\"code\":\"TriggerInputSchemaMismatch\"}}"),
    read,
};

/// Every fault of the body of a POST to a Workflows URL, or to a connector if it is a MessageCard.
pub fn check(json: &str) -> Vec<String> {
    let mut findings = Findings::default();
    let bytes = json.len();
    findings.expect(bytes <= BODY_MAX, "", format!("{bytes} bytes, expected at most {BODY_MAX}"));
    if let Some(document) = findings.document(json) {
        if document.get("@type").is_some() {
            findings.message_card(&document);
        } else {
            findings.envelope(&document);
        }
    }
    findings.0
}

impl Findings {
    fn envelope(&mut self, document: &Value) {
        let Some(members) = self.object("", document, &["type", "summary", "attachments"]) else {
            return;
        };
        self.is("", members, "type", "message");
        if members.contains_key("summary") {
            self.text("summary", members.get("summary"), TEXT_MAX);
        }
        for attachment in self.list("attachments", members.get("attachments"), 1) {
            let known = ["contentType", "contentUrl", "content"];
            let Some(members) = self.object("attachments", attachment, &known) else {
                continue;
            };
            self.is(
                "attachments",
                members,
                "contentType",
                "application/vnd.microsoft.card.adaptive",
            );
            let url = members.get("contentUrl").unwrap_or(&Value::Null);
            self.expect(url.is_null(), "attachments", "contentUrl of an inline card");
            self.adaptive_card(members.get("content").unwrap_or(&Value::Null));
        }
    }

    fn adaptive_card(&mut self, value: &Value) {
        let path = "card";
        let known = ["$schema", "type", "version", "msteams", "body", "actions", "fallbackText"];
        let Some(card) = self.object(path, value, &known) else {
            return;
        };
        self.is(path, card, "type", "AdaptiveCard");
        self.is(path, card, "$schema", "http://adaptivecards.io/schemas/adaptive-card.json");
        let versions = ["1.0", "1.1", "1.2", "1.3", "1.4", "1.5"];
        self.expect(card.contains_key("version"), path, "no version");
        self.word(path, card, "version", &versions);
        let width = card.get("msteams").and_then(|msteams| msteams.get("width")?.as_str());
        let full = width.is_some_and(|width| width.eq_ignore_ascii_case("full"));
        self.expect(full, path, "not of full width: phones cut it");
        for (nth, element) in self.list("card.body", card.get("body"), 100).iter().enumerate() {
            self.element(&format!("card.body[{nth}]"), element);
        }
        if card.contains_key("actions") {
            // Teams shows six actions and hides the rest in a menu.
            for action in self.list("card.actions", card.get("actions"), 6) {
                self.action("card.actions", action);
            }
        }
    }

    fn element(&mut self, path: &str, value: &Value) {
        let kind = value.get("type").and_then(Value::as_str).unwrap_or_default();
        let known: &[&str] = match kind {
            "TextBlock" => &[
                "type",
                "text",
                "wrap",
                "weight",
                "size",
                "color",
                "isSubtle",
                "spacing",
                "separator",
                "fontType",
                "maxLines",
                "horizontalAlignment",
                "style",
            ],
            "Container" => &["type", "items", "style", "bleed", "spacing", "separator"],
            "FactSet" => &["type", "facts", "spacing", "separator"],
            "ActionSet" => &["type", "actions", "spacing"],
            _ => return self.say(path, format!("unknown element {kind:?}")),
        };
        let Some(members) = self.object(path, value, known) else {
            return;
        };
        let spacings = ["None", "Small", "Default", "Medium", "Large", "ExtraLarge", "Padding"];
        self.word(path, members, "spacing", &spacings);
        match kind {
            "TextBlock" => self.text_block(path, members),
            "Container" => self.container(path, members),
            "FactSet" => {
                for fact in self.list(path, members.get("facts"), 100) {
                    self.pair(path, fact, "title");
                }
            }
            _ => {
                for action in self.list(path, members.get("actions"), 6) {
                    self.action(path, action);
                }
            }
        }
    }

    fn container(&mut self, path: &str, members: &Map<String, Value>) {
        const STYLES: [&str; 6] = ["default", "emphasis", "good", "attention", "warning", "accent"];
        self.word(path, members, "style", &STYLES);
        let items = self.list(path, members.get("items"), 100);
        for (nth, item) in items.iter().enumerate() {
            self.element(&format!("{path}.items[{nth}]"), item);
        }
    }

    fn text_block(&mut self, path: &str, members: &Map<String, Value>) {
        self.markdown(path, members.get("text"));
        let wraps = members.get("wrap") == Some(&Value::Bool(true));
        self.expect(wraps, path, "without wrap it is cut on phones");
        self.word(path, members, "weight", &["Default", "Lighter", "Bolder"]);
        self.word(path, members, "size", &["Small", "Default", "Medium", "Large", "ExtraLarge"]);
        let colors = ["Default", "Dark", "Light", "Accent", "Good", "Warning", "Attention"];
        self.word(path, members, "color", &colors);
    }

    fn action(&mut self, path: &str, value: &Value) {
        let Some(action) = self.object(path, value, &["type", "title", "url", "iconUrl", "style"])
        else {
            return;
        };
        // Action.Submit and Action.Execute need a bot.
        self.is(path, action, "type", "Action.OpenUrl");
        self.text(&join(path, "title"), action.get("title"), 255);
        self.url(&join(path, "url"), action.get("url"), URL_MAX);
    }

    fn message_card(&mut self, document: &Value) {
        let known = [
            "@type",
            "@context",
            "themeColor",
            "summary",
            "title",
            "text",
            "sections",
            "potentialAction",
        ];
        let Some(card) = self.object("", document, &known) else {
            return;
        };
        self.is("", card, "@type", "MessageCard");
        let contexts = ["https://schema.org/extensions", "http://schema.org/extensions"];
        self.expect(card.contains_key("@context"), "", "no @context");
        self.word("", card, "@context", &contexts);
        if let Some(color) = card.get("themeColor") {
            let is_hex =
                |color: &str| color.len() == 6 && color.bytes().all(|b| b.is_ascii_hexdigit());
            self.expect(color.as_str().is_some_and(is_hex), "themeColor", "not six hex digits");
        }
        let (summary, text) = (card.get("summary"), card.get("text"));
        self.expect(summary.or(text).is_some(), "", "neither summary nor text");
        if summary.is_some() {
            self.text("summary", summary, TEXT_MAX);
        }
        for name in ["title", "text"] {
            if card.contains_key(name) {
                self.markdown(name, card.get(name));
            }
        }
        if card.contains_key("sections") {
            for section in self.list("sections", card.get("sections"), 10) {
                self.card_part(section);
            }
        }
        if card.contains_key("potentialAction") {
            for action in self.list("potentialAction", card.get("potentialAction"), 4) {
                self.open_uri(action);
            }
        }
    }

    fn card_part(&mut self, value: &Value) {
        let path = "sections";
        let known = [
            "title",
            "activityTitle",
            "activitySubtitle",
            "text",
            "facts",
            "markdown",
            "startGroup",
        ];
        let Some(section) = self.object(path, value, &known) else {
            return;
        };
        for name in ["title", "activityTitle", "activitySubtitle", "text"] {
            if section.contains_key(name) {
                self.markdown(&join(path, name), section.get(name));
            }
        }
        if section.contains_key("facts") {
            for fact in self.list("sections.facts", section.get("facts"), 100) {
                self.pair("sections.facts", fact, "name");
            }
        }
    }

    fn open_uri(&mut self, value: &Value) {
        let path = "potentialAction";
        let Some(action) = self.object(path, value, &["@type", "name", "targets"]) else {
            return;
        };
        self.is(path, action, "@type", "OpenUri");
        self.text(&join(path, "name"), action.get("name"), 255);
        for target in self.list(path, action.get("targets"), 4) {
            if let Some(target) = self.object(path, target, &["os", "uri"]) {
                self.expect(target.contains_key("os"), path, "no os");
                self.word(path, target, "os", &["default", "windows", "iOS", "android"]);
                self.url(&join(path, "uri"), target.get("uri"), URL_MAX);
            }
        }
    }

    fn pair(&mut self, path: &str, value: &Value, key: &str) {
        if let Some(fact) = self.object(path, value, &[key, "value"]) {
            self.markdown(&join(path, key), fact.get(key));
            self.markdown(&join(path, "value"), fact.get("value"));
        }
    }

    fn is(&mut self, path: &str, members: &Map<String, Value>, name: &str, expected: &str) {
        let holds = members.get(name).and_then(Value::as_str) == Some(expected);
        self.expect(holds, &join(path, name), format!("not {expected:?}"));
    }

    /// Checks that a text has no Markdown markup.
    fn markdown(&mut self, path: &str, value: Option<&Value>) {
        let text = self.text(path, value, TEXT_MAX).unwrap_or_default();
        for line in text.lines() {
            if let Some(live) = markdown::live(line) {
                self.say(path, format!("live {live} in {line:?}"));
            }
        }
    }
}

/// Reads a message as people see it.
fn read(card: &mut Card, message: &Value) {
    for found in list(message, "/attachments/0/content/body") {
        element(card, found);
    }
    let actions = list(message, "/attachments/0/content/actions").iter();
    card.buttons.extend(actions.map(|of| (text(of, "/title"), text(of, "/url"))));
}

fn element(card: &mut Card, found: &Value) {
    match text(found, "/type").as_str() {
        "Container" => {
            let items = list(found, "/items");
            let code = |item: &&Value| text(item, "/fontType") == "Monospace";
            if items.iter().all(|item| code(&item)) {
                let lines = items.iter().map(|item| without_backslashes(&text(item, "/text")));
                return card.lists(lines);
            }
            for item in items {
                element(card, item);
            }
            let disc = match text(found, "/style").as_str() {
                "attention" => "🔴",
                "warning" => "🟠",
                "good" => "🟢",
                "accent" => "🔵",
                _ => "⚪",
            };
            card.title.insert_str(0, &format!("{disc} "));
        }
        "TextBlock" => {
            let words = without_backslashes(&text(found, "/text"));
            if text(found, "/size") == "Large" {
                card.title = words;
            } else if found.pointer("/isSubtle") == Some(&Value::Bool(true)) {
                card.notes.push(words);
            } else {
                card.paragraphs.push(words);
            }
        }
        "FactSet" => {
            let literal = |of, pointer| without_backslashes(&text(of, pointer));
            let facts = list(found, "/facts").iter();
            card.facts.extend(facts.map(|of| (literal(of, "/title"), literal(of, "/value"))));
        }
        _ => {}
    }
}

/// Removes Markdown's escapes, as Teams does.
fn without_backslashes(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let escapes = c == '\\' && rest.peek().is_some_and(char::is_ascii_punctuation);
        plain.extend(if escapes { rest.next() } else { Some(c) });
    }
    plain
}
