//! Stand-ins for the three chats: they answer a post as the product would by its published limits,
//! and read it as a person would see it.

use mistgate_core::chat::shape::{Kind, TeamsFormat};
use serde_json::Value;

use crate::{
    base::http::Message,
    chat::{
        limits,
        server::{Answer, OK, say},
    },
};

/// The products.
pub const ALL: [Kind; 3] = [Kind::Slack, Kind::Teams(TeamsFormat::AdaptiveCard), Kind::Google];

/// What the product answers, and every fault for which it refuses the post.
pub fn judge(kind: Kind, request: &Message) -> (Answer, Vec<String>) {
    let mut faults = match kind {
        Kind::Slack => limits::slack::check(&request.body),
        Kind::Teams(_) => limits::teams::check(&request.body),
        Kind::Google => limits::google::check(&request.body),
        Kind::Console => Vec::new(),
    };
    let json = |kind: &str| kind.starts_with("application/json");
    if !request.header("content-type").is_some_and(json) {
        faults.push("content-type: not application/json".to_owned());
    }
    let answer = match (kind, faults.is_empty()) {
        (Kind::Slack | Kind::Console, true) => OK,
        (Kind::Slack | Kind::Console, false) => say(400, "invalid_blocks"),
        (Kind::Teams(_), true) => say(202, ""),
        (Kind::Teams(_), false) => {
            say(400, "{\"error\":{\"code\":\"TriggerInputSchemaMismatch\"}}")
        }
        (Kind::Google, true) => say(200, "{\"name\":\"spaces/S/messages/M\"}"),
        (Kind::Google, false) => {
            say(400, "{\"error\":{\"code\":400,\"status\":\"INVALID_ARGUMENT\"}}")
        }
    };
    (answer, faults)
}

/// What a reader sees of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Card {
    /// The headline, with the colour of the card as a disc.
    pub title: String,
    /// The sentences.
    pub paragraphs: Vec<String>,
    /// Labels and values.
    pub facts: Vec<(String, String)>,
    /// What a listing is called, and its lines.
    pub listing: Option<(String, Vec<String>)>,
    /// What is written on the buttons, and where they lead.
    pub buttons: Vec<(String, String)>,
    /// What stands in small letters.
    pub notes: Vec<String>,
}

impl Card {
    /// Reads the body of a post. Whatever it does not understand it leaves out.
    pub fn read(kind: Kind, body: &str) -> Self {
        let message = serde_json::from_str(body).unwrap_or_default();
        let mut card = Self::default();
        match kind {
            Kind::Slack => card.slack(&message),
            Kind::Teams(_) => {
                for element in list(&message, "/attachments/0/content/body") {
                    card.teams(element);
                }
                let actions = list(&message, "/attachments/0/content/actions").iter();
                card.buttons.extend(actions.map(|of| (text(of, "/title"), text(of, "/url"))));
            }
            Kind::Google => card.google(&message),
            Kind::Console => {}
        }
        // The plain forms are lines of text.
        let plain = unescaped(&text(&message, "/text"));
        if card == Self::default() && !plain.is_empty() {
            let mut lines = plain.lines().map(str::to_owned);
            card.title = lines.next().unwrap_or_default();
            card.paragraphs.extend(lines);
        }
        card
    }

    /// The last paragraph is what these lines are called.
    fn lists(&mut self, lines: impl Iterator<Item = String>) {
        let label = self.paragraphs.pop().unwrap_or_default();
        let lines = lines.map(|line| line.replace('\u{a0}', " ")).collect();
        self.listing = Some((label, lines));
    }

    fn slack(&mut self, message: &Value) {
        let literal = |of: &Value, pointer: &str| unescaped(&text(of, pointer));
        for block in list(message, "/blocks") {
            match text(block, "/type").as_str() {
                "header" => self.title = literal(block, "/text/text"),
                "section" => {
                    let paragraph = literal(block, "/text/text");
                    let lines = paragraph.strip_prefix("```\n");
                    if let Some(lines) = lines.and_then(|lines| lines.strip_suffix("\n```")) {
                        self.lists(lines.lines().map(str::to_owned));
                    } else if text(block, "/text/type") == "mrkdwn" {
                        self.paragraphs.push(paragraph.trim_matches('*').to_owned());
                    } else {
                        self.paragraphs.extend((!paragraph.is_empty()).then_some(paragraph));
                    }
                    for pair in list(block, "/fields").chunks(2) {
                        if let [label, value] = pair {
                            let label = literal(label, "/text");
                            let label = label.trim_matches('*').to_owned();
                            self.facts.push((label, literal(value, "/text")));
                        }
                    }
                }
                "actions" => {
                    let buttons = list(block, "/elements").iter();
                    self.buttons
                        .extend(buttons.map(|of| (literal(of, "/text/text"), text(of, "/url"))));
                }
                "context" => {
                    let notes = list(block, "/elements").iter();
                    self.notes.extend(notes.map(|of| literal(of, "/text")));
                }
                _ => {}
            }
        }
    }

    fn teams(&mut self, element: &Value) {
        match text(element, "/type").as_str() {
            "Container" => {
                let items = list(element, "/items");
                let code = |item: &&Value| text(item, "/fontType") == "Monospace";
                if items.iter().all(|item| code(&item)) {
                    let lines = items.iter().map(|item| without_backslashes(&text(item, "/text")));
                    return self.lists(lines);
                }
                for item in items {
                    self.teams(item);
                }
                let disc = match text(element, "/style").as_str() {
                    "attention" => "🔴",
                    "warning" => "🟠",
                    "good" => "🟢",
                    "accent" => "🔵",
                    _ => "⚪",
                };
                self.title.insert_str(0, &format!("{disc} "));
            }
            "TextBlock" => {
                let words = without_backslashes(&text(element, "/text"));
                if text(element, "/size") == "Large" {
                    self.title = words;
                } else if element.pointer("/isSubtle") == Some(&Value::Bool(true)) {
                    self.notes.push(words);
                } else {
                    self.paragraphs.push(words);
                }
            }
            "FactSet" => {
                let literal = |of, pointer| without_backslashes(&text(of, pointer));
                let facts = list(element, "/facts").iter();
                self.facts.extend(facts.map(|of| (literal(of, "/title"), literal(of, "/value"))));
            }
            _ => {}
        }
    }

    fn google(&mut self, message: &Value) {
        let Some(card) = message.pointer("/cardsV2/0/card") else {
            return;
        };
        self.title = text(card, "/header/title");
        self.notes.push(text(card, "/header/subtitle"));
        // What the next paragraph lists.
        let mut listed = None;
        let sections = list(card, "/sections").iter();
        for widget in sections.flat_map(|section| list(section, "/widgets")) {
            let paragraph = widget.pointer("/textParagraph/text").and_then(Value::as_str);
            let label = |text: &str| {
                let label = text.strip_prefix("<b>").and_then(|rest| rest.strip_suffix("</b>"));
                label.map(unescaped)
            };
            match paragraph {
                Some(text) if listed.is_some() => {
                    self.paragraphs.extend(listed.take());
                    self.lists(text.split("<br>").map(unescaped));
                }
                Some(text) => {
                    listed = label(text);
                    self.paragraphs.extend(listed.is_none().then(|| unescaped(text)));
                }
                None => {}
            }
            if let Some(fact) = widget.pointer("/decoratedText") {
                self.facts.push((text(fact, "/topLabel"), unescaped(&text(fact, "/text"))));
            }
            let buttons = list(widget, "/buttonList/buttons").iter();
            self.buttons
                .extend(buttons.map(|of| (text(of, "/text"), text(of, "/onClick/openLink/url"))));
        }
    }
}

fn list<'v>(value: &'v Value, pointer: &str) -> &'v [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The three entities of Slack and of Google's texts.
fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// Markdown's escapes, as Teams reads them.
fn without_backslashes(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let escapes = c == '\\' && rest.peek().is_some_and(char::is_ascii_punctuation);
        plain.extend(if escapes { rest.next() } else { Some(c) });
    }
    plain
}
