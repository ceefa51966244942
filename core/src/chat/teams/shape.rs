//! Microsoft Teams: an Adaptive Card in the envelope that Workflows expect (learn.microsoft.com,
//! "Create Incoming Webhooks" and adaptivecards.io), or a MessageCard for receivers that still
//! speak the retired connectors' format ("Legacy actionable message card reference").
//!
//! Both show text as Markdown and know no literal text, so names are escaped, but only where
//! Markdown would see something: some Teams clients on phones show the backslashes.

use alloc::{borrow::ToOwned, format, string::String, vec::Vec};

use crate::chat::excerpt::{Excerpt, Tone, first_within, spaced, units};
use crate::chat::{json::Json, json::object, kind::Options, shape::Form, shape::Payload};
use crate::notify::{Listing, Notification};

/// Teams allows 28 KB, which it counts over the message as it stores it: 24,453 bytes of ours were
/// 28,897 of its (github.com/MicrosoftDocs/msteams-docs/issues/11274), and the refusal comes after
/// the 202. So the budget is 20 KB.
const BODY_MAX: usize = 20_000;

/// The body for a Workflows URL.
pub(super) fn adaptive_card(
    notification: &Notification,
    best: Form,
    _options: &Options,
) -> Payload {
    shape(notification, best, adaptive)
}

/// The body for a receiver of the retired connectors' format.
pub(super) fn message_card(notification: &Notification, best: Form, _options: &Options) -> Payload {
    shape(notification, best, legacy)
}

fn shape(
    notification: &Notification,
    best: Form,
    card: impl Fn(&Excerpt, Form) -> Json,
) -> Payload {
    let body = |form| card(&Excerpt::of(notification, form, cost), form).into_text();
    let (form, body) = first_within(BODY_MAX, best, body);
    Payload { body, form, query: None, header: None }
}

fn adaptive(excerpt: &Excerpt, form: Form) -> Json {
    let (body, actions) = match form {
        Form::Rich | Form::Compact => elements(excerpt),
        // A flow without an attachment fails after its 202, so even plain text is a card.
        Form::Plain => {
            let lines = excerpt.lines(markdown, str::to_owned);
            (lines.into_iter().map(text_block).collect(), Vec::new())
        }
    };
    let card = object! {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": object! { "width": "Full" },
        "body": Json::from_iter(body),
    };
    object! {
        "type": "message",
        // The desktop notification and the activity feed show this.
        "summary": excerpt.preview(),
        "attachments": Json::from_iter([object! {
            "contentType": "application/vnd.microsoft.card.adaptive",
            // Always null, but present in every example that is known to work.
            "contentUrl": (),
            "content": card.with("actions", Json::unless_empty(actions)),
        }]),
    }
}

/// The body and the actions of an adaptive card.
fn elements(excerpt: &Excerpt) -> (Vec<Json>, Vec<Json>) {
    let container = |style: &str, bleed: bool, items: Json| {
        object! { "type": "Container", "style": style, "bleed": bleed, "items": items }
    };
    let head = [text(&excerpt.title, Look::Title), text(&excerpt.status, Look::Note)];
    let mut body = Vec::from([container(style(excerpt.tone), true, Json::from_iter(head))]);
    if !excerpt.summary.is_empty() {
        body.push(text(&excerpt.summary, Look::Body));
    }
    let facts = excerpt
        .facts
        .iter()
        .map(|fact| object! { "title": markdown(&fact.label), "value": markdown(&fact.value) });
    if let Some(facts) = Json::unless_empty(facts.collect()) {
        body.push(object! { "type": "FactSet", "facts": facts });
    }
    if !excerpt.more.is_empty() {
        body.push(text(&excerpt.more, Look::Note));
    }
    if let Some(Listing { label, lines }) = &excerpt.listing {
        body.push(text(label, Look::Label));
        let items = lines.iter().map(|line| text(&spaced(line), Look::Code)).collect();
        body.push(container("emphasis", false, items));
    }
    let actions = excerpt
        .links
        .iter()
        .map(|link| object! { "type": "Action.OpenUrl", "title": &link.text, "url": &link.url });
    (body, actions.collect())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    Body,
    /// A line of a listing. Teams has an element for code, but not on phones.
    Code,
    Label,
    Note,
    Title,
}

fn text(text: &str, look: Look) -> Json {
    text_block(markdown(text))
        .with("size", (look == Look::Title).then_some("Large"))
        .with("weight", matches!(look, Look::Label | Look::Title).then_some("Bolder"))
        .with("spacing", matches!(look, Look::Code | Look::Note).then_some("None"))
        .with("isSubtle", (look == Look::Note).then_some(true))
        .with("fontType", (look == Look::Code).then_some("Monospace"))
}

fn text_block(markdown: String) -> Json {
    object! { "type": "TextBlock", "text": markdown, "wrap": true }
}

const fn style(tone: Tone) -> &'static str {
    match tone {
        Tone::Quiet => "emphasis",
        Tone::Neutral => "accent",
        Tone::Good => "good",
        Tone::Warning => "warning",
        Tone::Critical => "attention",
    }
}

fn legacy(excerpt: &Excerpt, form: Form) -> Json {
    let card = object! {
        "@type": "MessageCard",
        "@context": "https://schema.org/extensions",
        "themeColor": theme_color(excerpt.tone),
        "summary": excerpt.preview(),
    };
    if form == Form::Plain {
        // Markdown takes an empty line for the end of a paragraph.
        let text = excerpt.lines(markdown, str::to_owned).join("\n\n");
        return card.with("text", Some(text));
    }
    let section = |text: String, facts: Vec<Json>| {
        object! { "text": text }
            .with("facts", Json::unless_empty(facts))
            .with("markdown", Some(true))
    };
    let texts = [&excerpt.summary, &excerpt.status, &excerpt.more].into_iter();
    let texts: Vec<_> = texts.filter(|text| !text.is_empty()).map(|text| markdown(text)).collect();
    let facts = excerpt
        .facts
        .iter()
        .map(|fact| object! { "name": markdown(&fact.label), "value": markdown(&fact.value) });
    let mut sections = Vec::from([section(texts.join("\n\n"), facts.collect())]);
    if let Some(Listing { label, lines }) = &excerpt.listing {
        let lines = lines.iter().map(|line| spaced(line));
        let all: Vec<_> =
            [format!("{label}:")].into_iter().chain(lines).map(|line| markdown(&line)).collect();
        sections.push(section(all.join("\n\n"), Vec::new()));
    }
    let links = excerpt.links.iter().map(|link| {
        object! {
            "@type": "OpenUri",
            "name": &link.text,
            "targets": Json::from_iter([object! { "os": "default", "uri": &link.url }]),
        }
    });
    card.with("title", Some(markdown(&excerpt.headline())))
        .with("sections", Some(Json::from_iter(sections)))
        .with("potentialAction", Json::unless_empty(links.collect()))
}

/// Six hex digits; named colours are not understood.
const fn theme_color(tone: Tone) -> &'static str {
    match tone {
        Tone::Quiet => "8A8886",
        Tone::Neutral => "0078D4",
        Tone::Good => "107C10",
        Tone::Warning => "F7630C",
        Tone::Critical => "D13438",
    }
}

/// How much a character may take, its backslash included.
const fn cost(c: char) -> usize {
    if c.is_ascii_punctuation() { 2 } else { units(c) }
}

/// Escapes with backslashes what CommonMark or a card's `{{DATE(…)}}` would not show as it is.
fn markdown(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut before = None;
    let mut rest = text.chars();
    // Whether everything so far is digits, as in the number of a list.
    let mut numbered = false;
    while let Some(c) = rest.next() {
        if is_live(before, c, rest.as_str(), numbered) {
            escaped.push('\\');
        }
        escaped.push(c);
        numbered = c.is_ascii_digit() && (numbered || before.is_none());
        before = Some(c);
    }
    escaped
}

fn is_live(before: Option<char>, c: char, rest: &str, numbered: bool) -> bool {
    let after = rest.chars().next();
    let ends_word = after.is_none_or(|c| c == ' ');
    match c {
        '\\' | '`' | '*' | '<' | '~' => true,
        // Brackets alone are common in names; a link needs one of these after the closing one.
        ']' => matches!(after, Some('(' | '[' | ':')),
        '(' => before == Some(']'),
        // An underscore inside a word is never emphasis (CommonMark 0.31 §6.2, rule 2).
        '_' => ![before, after].into_iter().all(|c| c.is_some_and(char::is_alphanumeric)),
        '&' => is_entity(rest),
        '{' => [before, after].contains(&Some('{')),
        '.' | ')' => numbered && ends_word,
        '-' | '+' => before.is_none() && (ends_word || after == Some(c)),
        '#' => before.is_none() && (ends_word || after == Some('#')),
        '>' => before.is_none(),
        _ => false,
    }
}

/// Whether `rest`, after an ampersand, makes it an entity such as `&lt;` or `&#42;`.
fn is_entity(rest: &str) -> bool {
    const NAME_MAX: usize = 31;
    rest.split_once(';').is_some_and(|(name, _)| {
        (1..=NAME_MAX).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'#')
    })
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;
    use crate::notify::{self, Link, Severity};

    fn notification() -> Notification {
        Notification {
            severity: Severity::Critical,
            title: String::from("AP offline"),
            summary: String::from("AP \"[a](http://evil)\" is gone."),
            facts: Vec::from([notify::Fact {
                label: String::from("Reason"),
                value: String::from("power_cycle"),
            }]),
            listing: None,
            links: Vec::from([Link {
                text: String::from("AP insights"),
                url: String::from("https://manage.mist.com/admin/"),
            }]),
            at: None,
            is_over: false,
            is_acknowledged: false,
            thread: None,
            incidents: Vec::new(),
        }
    }

    #[test]
    fn the_envelope_is_the_one_that_workflows_take() {
        let payload = adaptive_card(&notification(), Form::Rich, &Options::default());
        let expected = concat!(
            r#"{"type":"message","#,
            r#""summary":"🔴 AP offline: AP \"[a](http://evil)\" is gone.","#,
            r#""attachments":[{"contentType":"application/vnd.microsoft.card.adaptive","#,
            r#""contentUrl":null,"content":{"#,
            r#""$schema":"http://adaptivecards.io/schemas/adaptive-card.json","#,
            r#""type":"AdaptiveCard","version":"1.4","msteams":{"width":"Full"},"#,
            r#""body":[{"type":"Container","style":"attention","bleed":true,"items":["#,
            r#"{"type":"TextBlock","text":"AP offline","wrap":true,"#,
            r#""size":"Large","weight":"Bolder"},"#,
            r#"{"type":"TextBlock","text":"Critical","wrap":true,"#,
            r#""spacing":"None","isSubtle":true}]},"#,
            r#"{"type":"TextBlock","text":"AP \"[a\\]\\(http://evil)\" is gone.","wrap":true},"#,
            r#"{"type":"FactSet","facts":[{"title":"Reason","value":"power_cycle"}]}],"#,
            r#""actions":[{"type":"Action.OpenUrl","title":"AP insights","#,
            r#""url":"https://manage.mist.com/admin/"}]}}]}"#,
        );
        assert_eq!(payload.body, expected);
    }

    #[test]
    fn the_legacy_card_has_a_hex_colour_and_text() {
        let payload = message_card(&notification(), Form::Rich, &Options::default());
        let expected = concat!(
            r#"{"@type":"MessageCard","@context":"https://schema.org/extensions","#,
            r#""themeColor":"D13438","#,
            r#""summary":"🔴 AP offline: AP \"[a](http://evil)\" is gone.","#,
            r#""title":"🔴 AP offline","#,
            r#""sections":[{"text":"AP \"[a\\]\\(http://evil)\" is gone.\n\nCritical","#,
            r#""facts":[{"name":"Reason","value":"power_cycle"}],"markdown":true}],"#,
            r#""potentialAction":[{"@type":"OpenUri","name":"AP insights","#,
            r#""targets":[{"os":"default","uri":"https://manage.mist.com/admin/"}]}]}"#,
        );
        assert_eq!(payload.body, expected);
    }

    #[test]
    fn markdown_is_escaped_where_it_would_mean_something_and_only_there() {
        let cases = [
            ("ge-0/0/3 power_cycle 5 > 3 #1 R&D (x)", None),
            ("-79 dBm 1.2.3.4", None),
            ("1.2.3.4", None),
            ("*x* _x_ ~~x~~ `x`", Some(r"\*x\* \_x\_ \~\~x\~\~ \`x\`")),
            ("a\\*b", Some(r"a\\\*b")),
            ("HQ [old] [1,2]", None),
            ("![i](x) <b>", Some(r"![i\]\(x) \<b>")),
            ("[a][b] [c]: d", Some(r"[a\][b] [c\]: d")),
            ("- a", Some(r"\- a")),
            ("-", Some(r"\-")),
            ("---", Some(r"\---")),
            ("# a", Some(r"\# a")),
            ("> a", Some(r"\> a")),
            ("12. a", Some(r"12\. a")),
            ("12)", Some(r"12\)")),
            ("&lt; &#42; &", Some(r"\&lt; \&#42; &")),
            ("{{DATE(x)}} {x}", Some(r"\{\{DATE(x)}} {x}")),
        ];
        for (text, expected) in cases {
            assert_eq!(markdown(text), expected.unwrap_or(text));
        }
    }

    #[test]
    fn too_many_bytes_take_the_next_form() {
        let mut long = notification();
        long.facts = (0..30)
            .map(|nth| notify::Fact { label: format!("Detail {nth}"), value: "€".repeat(400) })
            .collect();
        for shape in [adaptive_card, message_card] {
            let payload = shape(&long, Form::Rich, &Options::default());
            assert_eq!(payload.form, Form::Compact);
            assert!(payload.body.contains("… and 24 more details"));
        }
        assert_eq!(adaptive_card(&long, Form::Plain, &Options::default()).form, Form::Plain);
    }
}
