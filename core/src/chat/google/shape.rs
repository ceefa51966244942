//! Google Chat: a cardsV2 message for an incoming webhook (developers.google.com/workspace/chat,
//! "Cards v2" and "Format messages").
//!
//! The card's texts are a subset of HTML and are escaped as such. Headers, labels, buttons and the
//! `text` of the plain form have no documented escape at all, so there the few characters that
//! could mean something are shown as their nearest look-alikes.

use alloc::{borrow::ToOwned, format, string::String, vec::Vec};

use crate::chat::excerpt::{Excerpt, first_within, spaced, units};
use crate::chat::{json::Json, json::object, kind::Options, shape::Form, shape::Payload};
use crate::notify::{Listing, Notification};

/// A message may have 32,000 bytes, cards included. The margin is for what Google adds.
const BODY_MAX: usize = 30_000;
/// How many facts stay visible of a list that can be unfolded.
const UNFOLDED: usize = 8;
/// Makes a thread of a key that is new, and answers in the thread of one that is known. Without
/// it the key is ignored.
const REPLY: &str = "messageReplyOption=REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD";

/// The body for an incoming webhook, in its incident's thread where there is one.
pub(super) fn shape(notification: &Notification, best: Form, _options: &Options) -> Payload {
    let thread = thread(notification);
    let query = thread.is_some().then_some(REPLY);
    let (form, body) = first_within(BODY_MAX, best, |form| {
        let excerpt = Excerpt::of(notification, form, units);
        let message = match form {
            Form::Rich | Form::Compact => object! {
                "fallbackText": inert(&excerpt.preview()),
                "cardsV2": Json::from_iter([card(&excerpt)]),
            },
            Form::Plain => object! { "text": excerpt.lines(inert, str::to_owned).join("\n") },
        };
        message.with("thread", thread.map(|key| object! { "threadKey": key })).into_text()
    });
    Payload { body, form, query, header: None }
}

/// The key of the incident, if it keeps its promise to be a plain name.
fn thread(notification: &Notification) -> Option<&str> {
    const KEY_MAX: usize = 200;
    let key = notification.thread.as_deref()?;
    let plain = key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    (plain && (1..=KEY_MAX).contains(&key.len())).then_some(key)
}

fn card(excerpt: &Excerpt) -> Json {
    let paragraph = |text: String| object! { "textParagraph": object! { "text": text } };
    let mut sections = Vec::new();
    if !excerpt.summary.is_empty() {
        sections.push(section(Vec::from([paragraph(html(&excerpt.summary))])));
    }
    let facts = excerpt.facts.iter().map(|fact| {
        object! { "decoratedText": object! {
            "topLabel": inert(&fact.label),
            "text": html(&fact.value),
            "wrapText": true,
        } }
    });
    let mut facts: Vec<_> = facts.collect();
    if !excerpt.more.is_empty() {
        facts.push(paragraph(html(&excerpt.more)));
    }
    if !facts.is_empty() {
        sections.push(section(facts));
    }
    if let Some(Listing { label, lines }) = &excerpt.listing {
        let lines: Vec<_> = lines.iter().map(|line| html(&spaced(line))).collect();
        let texts = [format!("<b>{}</b>", html(label)), lines.join("<br>")];
        sections.push(section(Vec::from(texts.map(paragraph))));
    }
    let buttons = excerpt.links.iter().map(|link| {
        object! {
            "text": inert(&link.text),
            "onClick": object! { "openLink": object! { "url": &link.url } },
        }
    });
    if let Some(buttons) = Json::unless_empty(buttons.collect()) {
        let list = object! { "buttonList": object! { "buttons": buttons } };
        sections.push(section(Vec::from([list])));
    }
    if sections.is_empty() {
        // A card needs a section, whatever little there is to say.
        sections.push(section(Vec::from([paragraph(html(&excerpt.title))])));
    }
    object! {
        // Unique within its message, which has one card.
        "cardId": "notification",
        "card": object! {
            "header": object! { "title": inert(&excerpt.headline()), "subtitle": &excerpt.status },
            "sections": Json::from_iter(sections),
        },
    }
}

/// A section of a card. A long one folds, so that a space of many cards stays readable.
fn section(widgets: Vec<Json>) -> Json {
    let is_long = widgets.len() > UNFOLDED;
    object! {}
        .with("collapsible", is_long.then_some(true))
        .with("uncollapsibleWidgetsCount", is_long.then_some(UNFOLDED))
        .with("widgets", Some(Json::from_iter(widgets)))
}

/// Escapes for the texts of widgets.
fn html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            _ => escaped.push(c),
        }
    }
    escaped
}

/// Shows what starts markup, a link or a mention (`<users/all>`) as its look-alike. An underscore
/// inside a word means nothing to Google Chat and stays, since type names are full of them.
fn inert(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut before = None;
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        let after = rest.clone().next();
        let in_word = [before, after].into_iter().all(|c| c.is_some_and(char::is_alphanumeric));
        shown.push(match c {
            '*' => '∗',
            '_' if !in_word => '＿',
            '~' => '∼',
            '`' => '‘',
            '<' => '‹',
            '>' => '›',
            _ => c,
        });
        before = Some(c);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::UnixTime;
    use crate::notify::{Fact, Link, Severity};

    fn notification() -> Notification {
        Notification {
            severity: Severity::Info,
            title: String::from("AP_X connected *again*"),
            summary: String::from("AP \"<b>x</b>\" at R&D is back."),
            facts: Vec::from([Fact {
                label: String::from("<users/all>"),
                value: String::from("a_b *c*"),
            }]),
            listing: None,
            links: Vec::from([Link {
                text: String::from("AP insights"),
                url: String::from("https://manage.mist.com/admin/"),
            }]),
            at: Some(UnixTime::from_secs(1_752_000_000)),
            is_over: true,
            is_acknowledged: false,
            thread: Some(String::from("ap-1")),
            incidents: Vec::new(),
        }
    }

    #[test]
    fn a_recovery_is_a_green_card_in_its_incidents_thread() {
        let payload = shape(&notification(), Form::Rich, &Options::default());
        let expected = concat!(
            r#"{"fallbackText":"🟢 AP_X connected ∗again∗: AP \"‹b›x‹/b›\" at R&D is back.","#,
            r#""cardsV2":[{"cardId":"notification","card":{"#,
            r#""header":{"title":"🟢 AP_X connected ∗again∗","#,
            r#""subtitle":"Info · 2025-07-08 18:40:00 UTC"},"#,
            r#""sections":[{"widgets":[{"textParagraph":"#,
            r#"{"text":"AP \"&lt;b&gt;x&lt;/b&gt;\" at R&amp;D is back."}}]},"#,
            r#"{"widgets":[{"decoratedText":{"topLabel":"‹users/all›","#,
            r#""text":"a_b *c*","wrapText":true}}]},"#,
            r#"{"widgets":[{"buttonList":{"buttons":[{"text":"AP insights","#,
            r#""onClick":{"openLink":{"url":"https://manage.mist.com/admin/"}}}]}}]}]}}],"#,
            r#""thread":{"threadKey":"ap-1"}}"#,
        );
        assert_eq!(payload.body, expected);
        assert_eq!((payload.form, payload.query), (Form::Rich, Some(REPLY)));
    }

    #[test]
    fn the_plain_form_keeps_the_thread_and_means_nothing_but_text() {
        let payload = shape(&notification(), Form::Plain, &Options::default());
        let expected = concat!(
            r#"{"text":"🟢 AP_X connected ∗again∗\nAP \"‹b›x‹/b›\" at R&D is back.\n"#,
            r#"Info · 2025-07-08 18:40:00 UTC\n‹users/all›: a_b ∗c∗\n"#,
            r#"AP insights: https://manage.mist.com/admin/","thread":{"threadKey":"ap-1"}}"#,
        );
        assert_eq!(payload.body, expected);
        assert_eq!(payload.query, Some(REPLY));
    }

    #[test]
    fn a_key_that_is_no_name_makes_no_thread() {
        let mut notification = notification();
        for key in ["", "a&b", "ä", &"x".repeat(201)] {
            notification.thread = Some(String::from(key));
            assert_eq!(shape(&notification, Form::Rich, &Options::default()).query, None, "{key}");
        }
    }

    #[test]
    fn thirty_facts_of_astral_characters_take_the_next_form() {
        let mut long = notification();
        long.facts = (0..30)
            .map(|_| Fact { label: String::from("Name"), value: "😀".repeat(250) })
            .collect();
        assert_eq!(shape(&long, Form::Rich, &Options::default()).form, Form::Compact);
        long.facts.truncate(20);
        let folded = shape(&long, Form::Rich, &Options::default());
        assert_eq!(folded.form, Form::Rich);
        assert!(folded.body.contains(r#""uncollapsibleWidgetsCount":8"#));
    }
}
