//! Google Chat's incoming webhooks: developers.google.com/workspace/chat, "spaces.messages", "Cards
//! v2", "Format messages".

use mistgate_core::chat::google;
use serde_json::{Map, Value};

use super::{Findings, Vendor, is_word, join};
use crate::chat::server::say;
use crate::chat::stand_in::{Card, list, text, unescaped};

const BODY_MAX: usize = 32_000;
const KEY_MAX: usize = 4_000;
/// The older of the two published limits for a text message.
const TEXT_MAX: usize = 4_096;
const URL_MAX: usize = 2_048;
/// Beyond this limit, the section and all that follow are dropped without an error.
const WIDGETS_MAX: usize = 100;

/// Google Chat as the tests know it.
pub static VENDOR: Vendor = Vendor {
    kind: &google::KIND,
    product: "Google Chat",
    colour: "32",
    check,
    taken: say(200, "{\"name\":\"spaces/S/messages/M\"}"),
    refused: say(400, "{\"error\":{\"code\":400,\"status\":\"INVALID_ARGUMENT\"}}"),
    read,
};

/// Every fault of the body of a POST to an incoming webhook.
pub fn check(json: &str) -> Vec<String> {
    let mut findings = Findings::default();
    let bytes = json.len();
    findings.expect(bytes <= BODY_MAX, "", format!("{bytes} bytes, expected at most {BODY_MAX}"));
    if let Some(document) = findings.document(json) {
        findings.chat_message(&document);
    }
    findings.0
}

impl Findings {
    fn chat_message(&mut self, document: &Value) {
        let known = ["text", "fallbackText", "cardsV2", "thread", "accessoryWidgets"];
        let Some(members) = self.object("", document, &known) else {
            return;
        };
        let (text, cards) = (members.get("text"), members.get("cardsV2"));
        self.expect(text.or(cards).is_some(), "", "neither text nor cardsV2");
        for name in ["text", "fallbackText"] {
            if members.contains_key(name)
                && let Some(text) = self.text(name, members.get(name), TEXT_MAX)
            {
                self.unformatted(name, text);
            }
        }
        if let Some(thread) = members.get("thread")
            && let Some(thread) = self.object("thread", thread, &["name", "threadKey"])
        {
            self.text("thread.threadKey", thread.get("threadKey"), KEY_MAX);
        }
        if cards.is_some() {
            let cards = self.list("cardsV2", cards, 1);
            for card in cards {
                self.card("cardsV2", card);
            }
        }
    }

    fn card(&mut self, path: &str, value: &Value) {
        let Some(members) = self.object(path, value, &["cardId", "card"]) else {
            return;
        };
        self.text(&join(path, "cardId"), members.get("cardId"), 255);
        let known = ["header", "sections", "name", "sectionDividerStyle"];
        let empty = Value::Null;
        let Some(card) = self.object(path, members.get("card").unwrap_or(&empty), &known) else {
            return;
        };
        if let Some(header) = card.get("header") {
            let path = join(path, "header");
            let known = ["title", "subtitle", "imageUrl", "imageType", "imageAltText"];
            if let Some(header) = self.object(&path, header, &known) {
                for name in ["title", "subtitle"] {
                    if name == "title" || header.contains_key(name) {
                        self.label(&join(&path, name), header.get(name));
                    }
                }
            }
        }
        if card.contains_key("header") && !card.contains_key("sections") {
            return;
        }
        let mut widgets = 0;
        for section in self.list(&join(path, "sections"), card.get("sections"), WIDGETS_MAX) {
            widgets += self.card_section(&join(path, "sections"), section);
        }
        self.expect(widgets <= WIDGETS_MAX, path, format!("{widgets} widgets"));
    }

    /// Checks a section, and gives its number of widgets.
    fn card_section(&mut self, path: &str, value: &Value) -> usize {
        let known = ["header", "collapsible", "uncollapsibleWidgetsCount", "widgets"];
        let Some(members) = self.object(path, value, &known) else {
            return 0;
        };
        let widgets = self.list(&join(path, "widgets"), members.get("widgets"), WIDGETS_MAX);
        for (nth, widget) in widgets.iter().enumerate() {
            self.widget(&format!("{path}.widgets[{nth}]"), widget);
        }
        if let Some(count) = members.get("uncollapsibleWidgetsCount") {
            let collapsible = members.get("collapsible") == Some(&Value::Bool(true));
            self.expect(collapsible, path, "uncollapsibleWidgetsCount without collapsible");
            let fewer = count.as_u64().is_some_and(|count| count < widgets.len() as u64);
            self.expect(fewer, path, "nothing to unfold");
        }
        widgets.len()
    }

    fn widget(&mut self, path: &str, value: &Value) {
        let widgets = ["textParagraph", "decoratedText", "buttonList", "divider"];
        let Some(members) = self.object(path, value, &widgets) else {
            return;
        };
        self.expect(members.len() == 1, path, "not exactly one widget");
        for (name, widget) in members {
            let path = join(path, name);
            let known: &[&str] = match name.as_str() {
                "textParagraph" => &["text", "maxLines"],
                "decoratedText" => {
                    &["startIcon", "topLabel", "text", "wrapText", "bottomLabel", "onClick"]
                }
                "buttonList" => &["buttons"],
                _ => &[],
            };
            let Some(widget) = self.object(&path, widget, known) else {
                continue;
            };
            match name.as_str() {
                "textParagraph" => self.html(&path, widget.get("text")),
                "decoratedText" => {
                    self.html(&path, widget.get("text"));
                    if widget.contains_key("topLabel") {
                        self.label(&join(&path, "topLabel"), widget.get("topLabel"));
                    }
                }
                "buttonList" => self.buttons(&path, widget),
                _ => {}
            }
        }
    }

    fn buttons(&mut self, path: &str, widget: &Map<String, Value>) {
        for button in self.list(path, widget.get("buttons"), WIDGETS_MAX) {
            let known = ["text", "icon", "color", "onClick", "disabled", "altText", "type"];
            let Some(button) = self.object(path, button, &known) else {
                continue;
            };
            self.label(&join(path, "text"), button.get("text"));
            let url = button.get("onClick").and_then(|click| click.get("openLink")?.get("url"));
            self.url(path, url, URL_MAX);
        }
    }

    /// Checks a widget's text, which is a subset of HTML.
    fn html(&mut self, path: &str, value: Option<&Value>) {
        if let Some(text) = self.text(path, value, BODY_MAX) {
            self.entities(path, text, |tag| {
                let tag = tag.trim_start_matches('/');
                let tags = ["b", "i", "u", "s", "strike", "br", "br/", "font", "/font", "a"];
                tags.contains(&tag)
                    || tag.starts_with("font color=\"#")
                    || tag.starts_with("a href=\"https://")
            });
        }
    }

    /// Checks a text without documented markup or escapes: it must have no character that could be
    /// either.
    fn label(&mut self, path: &str, value: Option<&Value>) {
        if let Some(text) = self.text(path, value, BODY_MAX) {
            self.expect(!text.contains(['<', '>']), path, "may be markup");
        }
    }

    /// Checks a message's text. `*b*`, `_i_`, `~s~`, code and `<…>` are markup, and nothing escapes
    /// them. Underscores and asterisks in URLs are not.
    fn unformatted(&mut self, path: &str, text: &str) {
        for word in text.split_whitespace().filter(|word| !word.starts_with("https://")) {
            let mut before = None;
            let mut rest = word.chars();
            while let Some(c) = rest.next() {
                let after = rest.clone().next();
                let live = match c {
                    '_' => !(is_word(before) && is_word(after)),
                    '*' | '~' | '`' | '<' => true,
                    _ => false,
                };
                if live {
                    self.say(path, format!("{c} may be markup in {word:?}"));
                }
                before = Some(c);
            }
        }
    }
}

/// Reads a message as people see it.
fn read(card: &mut Card, message: &Value) {
    let Some(shown) = message.pointer("/cardsV2/0/card") else {
        return;
    };
    card.title = text(shown, "/header/title");
    card.notes.push(text(shown, "/header/subtitle"));
    // The label of the list in the next paragraph.
    let mut listed = None;
    let sections = list(shown, "/sections").iter();
    for widget in sections.flat_map(|section| list(section, "/widgets")) {
        let paragraph = widget.pointer("/textParagraph/text").and_then(Value::as_str);
        let label = |text: &str| {
            let label = text.strip_prefix("<b>").and_then(|rest| rest.strip_suffix("</b>"));
            label.map(unescaped)
        };
        match paragraph {
            Some(text) if listed.is_some() => {
                card.paragraphs.extend(listed.take());
                card.lists(text.split("<br>").map(unescaped));
            }
            Some(text) => {
                listed = label(text);
                card.paragraphs.extend(listed.is_none().then(|| unescaped(text)));
            }
            None => {}
        }
        if let Some(fact) = widget.pointer("/decoratedText") {
            card.facts.push((text(fact, "/topLabel"), unescaped(&text(fact, "/text"))));
        }
        let buttons = list(widget, "/buttonList/buttons").iter();
        card.buttons
            .extend(buttons.map(|of| (text(of, "/text"), text(of, "/onClick/openLink/url"))));
    }
}
